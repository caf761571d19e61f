"""Run the solution notebooks at full size on this machine.

python -m tools.run [PART]             into build/: each notebook with its outputs
python -m tools.run [PART] --outputs   into solutions/*.ipynb, and their pictures into notebooks/images/
"""

import argparse
import os
import re
import sys
import time
from pathlib import Path
from typing import Any

from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode
from tqdm import tqdm

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # the root, for python -m tools.run
from tools.build import ROOT, as_text, build, code_cells, is_worked_on, pictures, write

SLIDER = "application/vnd.jupyter.widget-view+json"
PROGRESS = re.compile(r"(steps|images)/s|s/ (steps|images)")  # of a bar, a fast or a slow one
PERCENT = re.compile(r"(\d+%)\|")
LONG = 5  # seconds: such cells are told
SOLUTIONS, BUILD = ROOT / "solutions", ROOT / "build"


class Client(NotebookClient):
    """Runs a notebook with a progress bar of its cells, and tells how far the cell is that shows a bar of its own."""

    def __init__(self, notebook: NotebookNode, name: str) -> None:
        super().__init__(
            notebook,
            timeout=None,
            record_timing=False,
            store_widget_state=False,
            extra_arguments=["--log-level=40"],  # the kernel's own warnings are not for the reader
            resources={"metadata": {"path": SOLUTIONS}},
        )
        self.cells = tqdm(total=len(code_cells(notebook)), desc=name, unit=" cells")
        self.begin, self.slow = 0.0, []  # of a cell; the cells that took long, with their seconds
        self.on_cell_execute, self.on_cell_executed = self.note_begin, self.note_end

    def note_begin(self, **_: Any) -> None:
        self.begin = time.monotonic()

    def note_end(self, cell: NotebookNode, **_: Any) -> None:
        if (seconds := time.monotonic() - self.begin) > LONG:
            self.slow.append((cell.id, seconds))
        self.cells.set_postfix_str("")
        self.cells.update()

    def process_message(self, msg: dict, *where: Any) -> Any:
        if msg["msg_type"] == "stream" and (found := PERCENT.findall(msg["content"]["text"])):
            self.cells.set_postfix_str(f"this cell {found[-1]}")
        return super().process_message(msg, *where)


def execute(notebook: NotebookNode, name: str) -> list[tuple[str, float]]:
    """Run every cell in place, in the folder solutions/, with a progress bar. returns: ids and seconds of long cells
    errors: CellExecutionError, which shows the cell and its error"""
    client = Client(notebook, name)
    with client.cells:
        client.execute()
    for cell in code_cells(notebook):  # a finished progress bar tells nothing, a slider without a kernel is dead
        cell.outputs = [
            out for out in cell.outputs if not (PROGRESS.search(out.get("text", "")) or out.get("text") == "\n")
        ]
        for out in cell.outputs:
            out.get("data", {}).pop(SLIDER, None)  # its stills stay
    del notebook.metadata["language_info"]  # the kernel adds its version of Python
    return client.slow


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", nargs="?", default="", help="one part only: 1, 2, ...")
    parser.add_argument("--outputs", action="store_true")
    args = parser.parse_args()
    sources = sorted(SOLUTIONS.glob(f"part{args.part or '*'}_*.py"))
    if not sources:
        print(f"there is no part {args.part} in {SOLUTIONS}", file=sys.stderr)
        return 1
    failures = 0
    os.environ.pop("MPLBACKEND", None)  # the kernel draws into the notebook
    if args.outputs:
        # so that what is stored is the same everywhere
        os.environ |= {"WANDB_MODE": "disabled", "DEVICE": "cpu", "IS_CI": "", "FULL": "", "SOURCE_DATE_EPOCH": "0"}
    for source in sources:
        notebook, _ = build(source)
        begin = time.monotonic()
        try:
            slow = execute(notebook, source.stem)
        except CellExecutionError as error:
            print(error, file=sys.stderr)
            failures += 1
            continue
        seconds = time.monotonic() - begin
        for cell, taken in slow:
            print(f"{taken:6.0f} s in cell {cell}")
        text = as_text(notebook).encode()
        if args.outputs and is_worked_on(source.with_suffix(".ipynb")):
            print(f"{source.with_suffix('.ipynb')} may hold somebody's work: move it away", file=sys.stderr)
            failures += 1
        elif args.outputs:
            write(source.with_suffix(".ipynb"), text)
            for name, png in pictures(notebook).items():
                write(ROOT / "notebooks" / "images" / name, png)
            print(f"{source.stem}: {seconds:.0f} s, outputs stored in {source.with_suffix('.ipynb')}")
        else:
            write(BUILD / f"{source.stem}.ipynb", text)
            print(f"{source.stem}: {seconds:.0f} s, see {BUILD / source.stem}.ipynb")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
