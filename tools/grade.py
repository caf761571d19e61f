"""Grade a class: every notebook in a folder by this course's checks, into a table and a CSV.

make grade SUBMISSIONS=FOLDER, or python -m tools.grade FOLDER

Whose: FOLDER/student01/any name.ipynb is student01's; of FOLDER/part1_diffusion_student01.ipynb, the part's name is
left out. Which part: the one whose exercises the notebook's cells bear (ids, or nbgrader's grade_ids); only where none
does, the one in its name. Points: as many as an exercise has dots, where it has passed; none where it is from the
solution. A written question is yours to read: its points are left open.

What protects you: each notebook is judged in a process of its own, with limits of time and memory, and with bubblewrap
(Linux) also without network, without writing, and without a view of anything but the course and this one notebook. Its
own checks are not used. "to be read": it passes, but its notebook has code that no exercise needs and a trick may: read
it, then decide. "changes the checks": something that they rest on was changed, so nothing from then on counts.
What can still be done: an answer runs in the process of its check. Who hides a trick from both of these can pass an
exercise without solving it (not reach other submissions, nor your files). Read what decides a degree.
"""

import argparse
import csv
import json
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import nullcontext, suppress
from functools import cache, partial
from pathlib import Path
from secrets import token_hex
from typing import NamedTuple

from tqdm import tqdm

from tools import progress
from tools.progress import ANSWERED, NOT_ANSWERED, PASSED, ROOT, Result

LARGEST = 20  # MB of a notebook; with all its outputs one has less than 5
MEMORY = 4  # GB that a submission may take beyond what PyTorch has taken
PROCESSES = 200  # and threads, of one submission
LONGEST = 2000  # characters of a message
TRICKS = 20  # that are named of a notebook
START = 300  # seconds in which PyTorch has to be imported, on a busy machine
TO_BE_READ, CHANGES, UNREADABLE = "to be read", "changes the checks", "cannot be judged"
FORGED = "writes into the channel that only the grader writes to"
HEAD = ["file", "student", "part", "exercise", "state", "points", "of", "message", "seconds"]


class Row(NamedTuple):
    file: str  # within the folder
    student: str
    part: str  # "1"; empty where it is not known
    exercise: str  # "1.4 q_eq4"
    state: str
    points: int | None  # None is for a person to fill in
    of: int
    message: str = ""
    seconds: float = 0.0


class Exercise(NamedTuple):
    number: str
    name: str  # of a written question, its title
    points: int
    written: bool


# ------------------------------------------------------------------------------------------------ whose, and which part


@cache
def parts() -> dict[str, tuple[list[Exercise], set[str]]]:
    """Of each part, by its name: its exercises, in order, and the grade_ids of its cells."""
    found = {}
    for path in sorted((ROOT / "solutions").glob("part*.ipynb")):
        exercises, ids, heading = [], set(), ("", "")
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            if title := re.match(r"### (\d+\.\d+) (.+)", "".join(cell["source"])):
                heading = title.groups()
            if graded := cell["metadata"].get("nbgrader"):
                ids.add(graded["grade_id"])
                if graded["grade"]:
                    written = cell["cell_type"] == "markdown"
                    name = heading[1] if written else graded["grade_id"].removeprefix("check_")
                    exercises.append(Exercise(heading[0], name, graded["points"], written))
        found[path.stem] = exercises, ids
    return found


def find_part(path: Path) -> str:
    """The name of the part that a submission belongs to.
    errors: ValueError that says why it is not known"""
    named = [name for name in parts() if name.split("_")[0] in re.findall(r"part\d+", path.name.lower())]
    try:
        check_size(path)
        try:
            cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
            bear = {str(cell.get("id")) for cell in cells}
            bear |= {str(cell.get("metadata", {}).get("nbgrader", {}).get("grade_id")) for cell in cells}
        except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
            raise ValueError("is no notebook") from None
    except ValueError:
        if named:  # whose exercises each get a row that says what is wrong
            return named[0]
        raise
    best = max(parts(), key=lambda name: len(bear & parts()[name][1]))
    if bear & parts()[best][1]:
        return best
    if not named:
        raise ValueError("belongs to no part: no cell bears the id of an exercise, nor its name part1, part2 or so")
    return named[0]


def check_size(path: Path) -> None:
    """errors: ValueError where it is no file of its own, or too large to be read"""
    if path.is_symlink() or not path.is_file():
        raise ValueError("is no file of its own, but a link, a folder or the like")
    if path.stat().st_size > LARGEST * 1e6:
        raise ValueError(f"has {path.stat().st_size / 1e6:.0f} MB, more than {LARGEST}: clear its outputs and save it")


def find_student(path: Path, folder: Path) -> str:
    """Their folder's name, else that of the file without that of the part."""
    within = path.relative_to(folder)
    if len(within.parts) > 1:
        return within.parts[0]
    part = rf"(?<![a-z])({'|'.join(parts())}|part\d+)"
    name = re.sub(part, "", path.stem, count=1, flags=re.IGNORECASE).strip(" _-.")
    return name or path.stem


# ------------------------------------------------------------------------------------------------ the walls


def sandbox(path: Path) -> tuple[list[str], Path]:
    """What to write before a command so that it sees only the course and a notebook, and the notebook's path there."""
    inside = Path("/submission") / path.name
    views = ["/usr", "/lib", "/lib64", "/bin", "/etc/ld.so.cache", sys.base_prefix, sys.prefix]
    views += [str(ROOT / "utils.py"), str(ROOT / "solutions"), str(ROOT / "tools")]
    views += map(str, sorted((ROOT / "tests").glob("*.py")))
    words = ["bwrap", "--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL"]
    words += ["--proc", "/proc", "--dev", "/dev", "--size", "100000000", "--tmpfs", "/tmp"]
    for view in filter(os.path.exists, views):
        words += ["--ro-bind", os.path.realpath(view), view]
    words += ["--ro-bind", str(path.resolve()), str(inside), "--remount-ro", "/", "--chdir", str(ROOT)]
    return words, inside


@cache
def no_walls() -> str:
    """Why bubblewrap cannot be used on this machine; empty where it can."""
    if not shutil.which("bwrap"):
        return "bubblewrap (bwrap) is not installed"
    words = sandbox(Path(__file__))[0]
    tried = subprocess.run([*words, sys.executable, "-c", ""], capture_output=True, encoding="utf-8")
    reason = (tried.stderr.strip() or "no reason given").splitlines()[-1]
    return f"bubblewrap cannot start here ({reason})" if tried.returncode else ""


def set_limits(walls: bool) -> None:
    """Limit what this process can take from now on."""
    import resource

    limits = {resource.RLIMIT_CORE: 0, resource.RLIMIT_FSIZE: 100 * 2**20}
    with suppress(OSError):  # where there is no /proc, memory is not limited
        pages = int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[0])
        limits[resource.RLIMIT_AS] = pages * resource.getpagesize() + MEMORY * 2**30
    if walls:  # else all processes of the same user count
        limits[resource.RLIMIT_NPROC] = PROCESSES
    for limit, most in limits.items():
        resource.setrlimit(limit, (most, most))


# ------------------------------------------------------------------------------------------------ the judge's side


class Channel:
    """Sends lines to the grader, with the key that shows whose they are; looks at the checks before each result."""

    def __init__(self, file: int, key: str, snapshot: Callable[[], Callable[[], str]]) -> None:
        self.file, self.key, self.snapshot = file, key, snapshot

    def send(self, event: tuple) -> None:
        kind, *what = event
        if kind == "trying" and not what[0]:  # nothing of the submission has run
            self.changed = self.snapshot()
        if kind == "result" and what[2] not in (ANSWERED, NOT_ANSWERED) and (change := self.changed()):
            what[2:4] = CHANGES, f"It changes {change}."
        what = [word[:LONGEST] if isinstance(word, str) else word for word in what]
        line = json.dumps([self.key, kind, *what]).encode() + b"\n"
        while line:
            line = line[os.write(self.file, line) :]


def main_of_judge() -> None:
    """Judge the notebook named on standard input, and tell the grader over what was standard output."""
    order = json.loads(sys.stdin.readline())
    file, nothing = os.dup(1), os.open(os.devnull, os.O_RDWR)
    from tools import guard, saved

    checks = saved.find_checks(order["name"])
    saved.capture_output = nullcontext  # what is printed goes nowhere below: kept, it would fill the memory
    set_limits(order["walls"])
    for stream in 0, 1, 2:
        os.dup2(nothing, stream)
    channel = Channel(file, order["key"], lambda: guard.Snapshot().changed)
    channel.send(("begun",))
    with suppress(ValueError):  # judge says it
        channel.send(("tricks", guard.read_for_tricks(Path(order["path"]), order["name"], set(checks))[:TRICKS]))
    progress.judge(channel, Path(order["path"]), order["name"], order["stopped"])


# ------------------------------------------------------------------------------------------------ the grader's side


def judged_shut_in(path: Path, name: str, stopped: dict[str, str], seconds: float) -> Iterator[tuple]:
    """What progress.judge sends, from behind the walls: as progress.judged_apart.
    errors: ValueError where it tries to write results itself"""
    words, inside = ([], path.resolve()) if no_walls() else sandbox(path)
    key = token_hex(16)
    order = {"key": key, "path": str(inside), "name": name, "stopped": dict(stopped), "walls": bool(words)}
    settings = {"PATH": os.environ.get("PATH", ""), "HOME": tempfile.gettempdir(), "LANG": "C.UTF-8"}
    settings |= {"MPLBACKEND": "agg", "OMP_NUM_THREADS": "1", "WANDB_MODE": "disabled", "PYTHONDONTWRITEBYTECODE": "1"}
    command = [*words, sys.executable, "-c", "from tools.grade import main_of_judge; main_of_judge()"]
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=settings,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            start_new_session=True,
        )
        try:
            process.stdin.write(json.dumps(order).encode() + b"\n")
            process.stdin.close()
            running, tricks = None, None
            for line in lines_of(process.stdout.fileno(), START, seconds):
                if line is None:
                    yield "ended", running or "", progress.NO_END.format(seconds)
                    return
                try:
                    sent, kind, *what = json.loads(line)
                    forged = sent != key
                except (ValueError, TypeError, RecursionError):
                    forged = True
                if forged:
                    raise ValueError(FORGED)
                if kind == "begun":
                    running = ""
                    continue
                if kind == "tricks" and tricks is None:
                    tricks = what[0]
                    continue
                if kind == "trying":
                    running = what[0]
                if kind == "result" and what[2] == PASSED and tricks:
                    what[2:4] = TO_BE_READ, f"It passes, but in this notebook {'; '.join(tricks)}."[:LONGEST]
                yield kind, *what
                if kind in ("done", "unread"):
                    return
            if running is None:
                errors.seek(0)
                why = errors.read().decode(errors="replace").strip().splitlines()[-1:]
                raise ValueError(f"is not judged, as Python did not start: {' '.join(why) or 'no reason given'}")
            yield "ended", running, progress.CRASHED
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            process.stdout.close()


def lines_of(file: int, start: float, seconds: float) -> Iterator[bytes | None]:
    """Lines from a pipe until it is closed; None, and no more, where the next takes too long.
    start: seconds for the first line"""
    buffer, end = b"", time.monotonic() + start
    while True:
        if not select.select([file], [], [], max(end - time.monotonic(), 0))[0]:
            yield None
            return
        chunk = os.read(file, 65536)
        buffer += chunk
        if not chunk or len(buffer) > 2**20:
            yield from [buffer] * bool(buffer)
            return
        *lines, buffer = buffer.split(b"\n")
        yield from lines
        if lines:
            end = time.monotonic() + seconds


def grade_one(path: Path, folder: Path, seconds: float) -> list[Row]:
    """The rows of one submission, one for each exercise of its part."""
    row = partial(Row, str(path.relative_to(folder)), find_student(path, folder))
    try:
        name = find_part(path)
    except ValueError as error:
        return [row("", "", UNREADABLE, 0, 0, f"It {error}.")]
    results: dict[str, Result] = {}
    try:
        check_size(path)
        results = {result.number: result for result in progress.grade(path, name, seconds, judged=judged_shut_in)}
        failed = ""
    except ValueError as error:
        failed = str(error).removesuffix(f"\n{progress.BEGIN_ANEW}").removesuffix(".").split(f"/{path.name} ")[-1]
    rows = []
    for number, title, points, written in parts()[name][0]:
        row_of = partial(row, name.removeprefix("part").split("_")[0], f"{number} {title}")
        if number not in results:
            rows.append(row_of(UNREADABLE, 0, points, f"It {failed}{'' if failed.endswith('?') else '.'}"))
            continue
        _, _, state, message, took = results[number]
        given = points if state == PASSED else None if written and state == ANSWERED else 0
        rows.append(row_of(state, given, points, message, took))
    return rows


def find_submissions(folder: Path) -> list[Path]:
    paths = folder.rglob("*.ipynb")
    return sorted(path for path in paths if ".ipynb_checkpoints" not in path.parts)


def grade_class(folder: Path, jobs: int, seconds: float = progress.SECONDS, show: bool = True) -> list[Row]:
    """The rows of all submissions, in order of their files; what can be had where it is interrupted."""
    paths = find_submissions(folder)
    graded: dict[Path, list[Row]] = {}
    with ThreadPoolExecutor(jobs) as pool, tqdm(total=len(paths), unit="notebook", disable=not show) as bar:
        futures = {pool.submit(grade_one, path, folder, seconds): path for path in paths}
        try:
            for future in as_completed(futures):
                graded[futures[future]] = future.result()
                bar.update()
        except KeyboardInterrupt:
            print(f"\nInterrupted: {len(graded)} of {len(paths)} notebooks are graded.", file=sys.stderr)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
    return [row for path in paths for row in graded.get(path, [])]


# ------------------------------------------------------------------------------------------------ table and CSV


def plain(text: object) -> object:
    """A cell of the CSV: one line of what can be printed, which no spreadsheet takes for a formula."""
    if not isinstance(text, str):
        return "" if text is None else text
    line = "".join(letter if letter.isprintable() else " " for letter in " ".join(text.split()))
    return f"'{line}" if line.startswith(("=", "+", "-", "@")) else line


def write_csv(rows: list[Row], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(HEAD)
        for row in rows:
            writer.writerow([plain(cell) for cell in row._replace(seconds=round(row.seconds, 2))])


def table(rows: list[Row]) -> str:
    """A line for each submission: points, how many exercises pass, what asks for your eyes."""
    lines = [("student", "part", "points", "passed", "to look at", "file")]
    for file in dict.fromkeys(row.file for row in rows):
        own = [row for row in rows if row.file == file]
        done = [row for row in own if row.state not in (ANSWERED, NOT_ANSWERED)]
        states = [row.state for row in own]
        look = [f"{states.count(state)}: {state}" for state in (TO_BE_READ, CHANGES) if state in states]
        if all(row.state == UNREADABLE for row in own):
            look = [own[0].message]
        if answers := sum(row.state == ANSWERED for row in own):
            look.append(f"{answers} answer{'s'[: answers != 1]} to read")
        points = f"{sum(row.points or 0 for row in own)} of {sum(row.of for row in own)}"
        passed = f"{sum(row.state == PASSED for row in done)} of {len(done)}"
        lines.append((own[0].student, own[0].part, points, passed, "; ".join(look), file))
    lines = [[shortened(str(plain(cell))) for cell in line] for line in lines]
    widths = [max(map(len, column)) for column in zip(*lines)]
    return "\n".join("  ".join(f"{cell:{width}}" for cell, width in zip(line, widths)).rstrip() for line in lines)


def shortened(text: str, length: int = 60) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="with the submissions, at any depth")
    parser.add_argument("--csv", type=Path, default=ROOT / "build" / "grades.csv", help="default: build/grades.csv")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="notebooks at once; default: one a core")
    parser.add_argument("--seconds", type=float, default=progress.SECONDS, help="for one exercise; default: %(default)s")
    options = parser.parse_args(arguments)
    if os.name == "nt":
        print("Grading a class needs Linux or a Mac: on Windows, run it in WSL.", file=sys.stderr)
        return 1
    if not options.folder.is_dir():
        print(f"there is no folder {options.folder}", file=sys.stderr)
        return 1
    if not find_submissions(options.folder):
        print(f"there is no notebook (.ipynb) in {options.folder}", file=sys.stderr)
        return 1
    if why := no_walls():
        danger = "submissions can read your files, write them, and use the network"
        print(f"Not protected, as {why}: {danger}.", file=sys.stderr)
    rows = grade_class(options.folder.resolve(), options.jobs, options.seconds)
    write_csv(rows, options.csv)
    print(f"{table(rows)}\n\nEvery exercise, with what is wrong: {options.csv}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
