"""How fast the course is: ratios of two pieces of work that are measured side by side, in one run.

make bench                              all rows (half an hour on an idle machine), into build/bench.md
python -m tools.bench train unet        some of them: train, sample, unet, import, checks, cost, tests, clothes,
                                        and those that ask for CUDA: gpu-steps, gpu-waits, gpu-minutes
python -m tools.bench --docs            all of them, into docs/speed.md, too

The works of a row take turns, in one order and then in the other, round after round. A ratio is that of two works of
one round, so a machine whose speed drifts slows both; the median over all rounds is printed, and the middle half of
them. The peers (diffusers and others, see tools/bench/peers.py) are installed on demand. Rows that ask for CUDA are
left out where there is none; IS_CI=1 tries them at toy size, on a CPU, too.
"""

import argparse
import os
import platform
import sys
from datetime import date
from pathlib import Path

import torch as t

import utils
from tools.bench import cpu, gpu
from tools.bench.measure import ROOT, THREADS, processor

ROWS = cpu.ROWS | gpu.ROWS
SPEED = ROOT / "docs" / "speed.md"
BEGIN, END = "<!-- what `make bench` has measured -->\n", "<!-- end -->\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", nargs="*", metavar="ROW", help=", ".join(ROWS))
    parser.add_argument("--table", type=Path, default=ROOT / "build" / "bench.md", help="where to write it")
    parser.add_argument("--docs", action="store_true", help="put it into docs/speed.md, too")
    given = parser.parse_args()
    if given.rows and given.docs:
        parser.error("docs/speed.md shows the whole table: leave out the names of rows, or --docs")
    if unknown := {*given.rows} - ROWS.keys():
        parser.error(f"there are no rows called {', '.join(unknown)}: choose of {', '.join(ROWS)}")
    given.table.parent.mkdir(parents=True, exist_ok=True)
    t.set_num_threads(THREADS)
    machine = f"{processor() or platform.machine()}, {os.cpu_count()} cores, {THREADS} thread"
    measured = f"Measured {date.today()}, {machine}, PyTorch {t.__version__}:"
    lines = [measured, "", "| what | against | ratio (middle half) | to reach |", "|---|---|---|---|"]
    print("\n".join(lines), flush=True)
    for name in given.rows or ROWS:
        if name in gpu.ROWS and not (t.cuda.is_available() or utils.IS_CI):
            print(f"{name} asks for CUDA, and there is none here: left out", file=sys.stderr)
            continue
        for row in ROWS[name]():
            lines.append(str(row))
            print(row, flush=True)
    table = "\n".join(lines) + "\n"
    given.table.write_text(table, encoding="utf-8")
    if given.docs:
        text = SPEED.read_text(encoding="utf-8")
        before, after = text.split(BEGIN)[0], text.split(END)[1]
        SPEED.write_text(f"{before}{BEGIN}{table}{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
