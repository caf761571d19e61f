"""Grade a class: every notebook that it has handed in, by this course's checks, into tables and a gradebook.

make grade SUBMISSIONS=FOLDER, or python -m tools.grade FOLDER (a folder, or a zip)

Whose: as Moodle, Canvas, Gradescope and GitHub Classroom export it; else FOLDER/student01/any name.ipynb is
student01's, and of FOLDER/part1_diffusion_student01.ipynb the part's name is left out. Which part: the one whose
exercises the notebook's cells bear or define; only where none does, the one in its name. Points: as many as an exercise
has dots, where it passes its check under the usual random numbers and under three seeds that nobody could know.
Written questions are yours to read: type their points into points.csv, then run this again.

In --out, by default grades/:
  grades.csv      a row an exercise, written as they come: what has passed, and what is wrong with the rest
  gradebook.csv   a row a student: points of each exercise and in all
  answers.html    all written answers, question by question, to be read in one go
  points.csv      yours: the points of written answers. Rows are added to it, what you have typed is never changed
  feedback/       a text a student, to send back

What protects you: each notebook is judged in a process of its own, with limits of time, memory and processes, and with
bubblewrap (Linux) also without network, without writing, and without a view of anything but this one notebook and the
course, whose solutions are there without their text. As root it runs them as nobody, and refuses without bubblewrap.
What can still be done: an answer runs in the process of its check, so a determined cheat who knows Python can pass an
exercise without solving it. "Worth reading" names what plain tricks need and costs no points: read what decides a
degree.
"""

import argparse
import csv
import os
import re
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from functools import cache, partial
from pathlib import Path
from secrets import randbelow
from typing import NamedTuple, TextIO

from tqdm import tqdm

from tools import gradebook, progress
from tools.gradebook import Row
from tools.handins import HandIn, copied, find_hand_ins, printable
from tools.markup import Exercise, find_exercises
from tools.progress import ANSWERED, NOT_ANSWERED, PASSED, ROOT, Result
from tools.saved import NUMBERED, read_notebook
from tools.walls import Forged, Job, control_group, judged_shut_in, no_walls
from tools.withhold import write_reference

TOTAL = 300  # seconds for one notebook; a right one takes less than ten
UNREADABLE, MISSING = "cannot be judged", "no notebook"
HEAD = ["file", "id", "student", "part", "exercise", "state", "points", "of", "message", "worth reading", "late"]
HEAD += ["counts", "seconds"]


class Part(NamedTuple):
    exercises: list[Exercise]
    ids: set[str]  # of the cells that belong to them


# ------------------------------------------------------------------------------------------------ which part


@cache
def parts() -> dict[str, Part]:
    """Of each part, by its name: its exercises, in order."""
    found = {}
    for path in sorted((ROOT / "solutions").glob("part*.py")):
        exercises = find_exercises(path)
        ids = {grade_id for exercise in exercises for grade_id in (exercise.name, f"check_{exercise.name}")}
        found[path.stem] = Part(exercises, ids)
    return found


def find_part(path: Path, file: str) -> str:
    """The name of the part that a notebook belongs to. file: what it was called
    errors: ValueError that says why it is not known"""
    cells = read_notebook(path)
    bear = {cell.id for cell in cells} | {cell.grade_id for cell in cells}
    text = "\n".join(cell.source for cell in cells)
    defined = set(re.findall(r"^(?:async def|def|class) (\w+)", text, re.MULTILINE))  # where a tool has taken ids off
    headings = {number for number, _ in NUMBERED.findall(text)}
    for signs in ({name: part.ids & bear for name, part in parts().items()}, signs_of(defined), signs_of(headings)):
        if any(signs.values()):
            return max(signs, key=lambda name: len(signs[name]))
    if not (name := part_in_name(file)):
        raise ValueError("belongs to no part: no cell bears or defines an exercise, nor does its name say part1 or so")
    return name


def part_in_name(file: str) -> str:
    """The part that a file's name says; empty where it says none."""
    numbers = re.findall(r"part\d+", file.rpartition("/")[2].lower())
    return next((name for name in parts() if name.split("_")[0] in numbers), "")


def signs_of(words: set[str]) -> dict[str, set[str]]:
    """Of each part, which of these words are names or numbers of its exercises."""
    return {
        name: words & {word for exercise in part.exercises for word in (exercise.number, exercise.name)}
        for name, part in parts().items()
    }


# ------------------------------------------------------------------------------------------------ one notebook


def grade_one(
    hand_in: HandIn, job: Job, given: frozenset[str] = frozenset(), only: frozenset[str] = frozenset()
) -> list[Row]:
    """The rows of one hand-in, one for each exercise of its part; whatever it holds, no error.
    given: numbers of exercises that the class was given solved   only: of parts to be judged, where not all are"""
    row = partial(Row, hand_in.file, hand_in.id, hand_in.name, late=hand_in.late)
    if hand_in.problem:
        return [row("", "", MISSING, 0, 0, f"It {hand_in.problem}.")]
    with tempfile.TemporaryDirectory(prefix="grade") as folder:
        Path(folder).chmod(0o755)
        path, name, why = None, part_in_name(hand_in.file), ""
        try:
            path = copied(hand_in, Path(folder))
            name = find_part(path, hand_in.file)
        except Exception as error:
            why = reason(error)
        part = name.removeprefix("part").split("_")[0]
        if only and part and part not in only:
            return []
        if not name:
            return [row("", "", UNREADABLE, 0, 0, said(why))]
        try:
            return rows_of(path, name, why, partial(row, part), job, given)
        except Exception as error:
            return rows_of(path, name, reason(error), partial(row, part), job, given)


def reason(error: Exception) -> str:
    """What is wrong with a notebook; an error that nobody has foreseen costs no rows but its own."""
    foreseen = isinstance(error, ValueError | OSError)
    return str(error) if foreseen else f"stops the grader: {type(error).__name__}: {error}"


def rows_of(path: Path | None, name: str, why: str, row: partial, job: Job, given: frozenset[str]) -> list[Row]:
    """why: it cannot be judged; empty where it can be tried"""
    results: dict[str, Result] = {}
    hints: dict[str, str] = {}
    texts: dict[str, str | None] = {}
    if not why:
        try:
            texts = texts_of(path, name)
            judged = partial(judged_shut_in, job=job, end=time.monotonic() + job.total, hints=hints)
            progress.grade(path, name, job.seconds, lambda result: results.update({result.number: result}), judged)
        except Forged as error:
            results, why = {}, str(error)
        except ValueError as error:  # what has been judged by then counts
            why = str(error)
    rows = []
    for exercise in parts()[name].exercises:
        number, points, written = exercise.number, exercise.points, not exercise.check
        title = exercise.title if written else exercise.name
        if number in given:
            continue
        row_of = partial(row, f"{number} {title}")
        result = results.get(number)
        if written and texts:
            text = texts.get(number)
            message = "Its cell is not in the notebook. Was it deleted?" if text is None else ""
            rows.append(
                row_of(ANSWERED if text else NOT_ANSWERED, None if text else 0, points, message, text=text or "")
            )
        elif result:
            passed = points if result.state == PASSED else 0
            rows.append(
                row_of(result.state, passed, points, result.message, hints.get(title, ""), seconds=result.seconds)
            )
        else:
            rows.append(row_of(UNREADABLE, 0, points, said(why or "was not judged")))
    return rows


def texts_of(path: Path, name: str) -> dict[str, str | None]:
    """By number, what is written below each written question; None where its cell is not there."""
    solved = read_notebook(ROOT / "solutions" / f"{name}.ipynb")
    texts = progress.written_texts(read_notebook(path), solved)
    return {number: text if text is None else printable(text) for (number, _), text in texts.items()}


def said(why: str) -> str:
    """A sentence about a notebook, without the name that it has while it is judged and without what to do."""
    why = why.partition(f"\n{progress.BEGIN_ANEW}")[0].split("/notebook.ipynb ")[-1].rstrip(".")
    return f"It {why}{'' if why.endswith('?') else '.'}"


# ------------------------------------------------------------------------------------------------ a class


def grade_class(
    hand_ins: list[HandIn],
    job: Job,
    jobs: int,
    given: frozenset[str] = frozenset(),
    only: frozenset[str] = frozenset(),
    show: bool = True,
) -> Iterator[list[Row]]:
    """The rows of each hand-in, as they come; those that there are where it is interrupted.
    jobs: at once   only: numbers of the parts to be judged, where not all are"""
    with ThreadPoolExecutor(jobs) as pool, tqdm(total=len(hand_ins), unit="notebook", disable=not show) as bar:
        futures = [pool.submit(grade_one, hand_in, job, given, only) for hand_in in hand_ins]
        try:
            for future in as_completed(futures):
                yield future.result()
                bar.update()
        except KeyboardInterrupt:
            print(f"\nInterrupted: {bar.n} of {len(hand_ins)} notebooks are graded.", file=sys.stderr)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def with_counting(rows: list[Row], hand_ins: list[HandIn], take: str) -> list[Row]:
    """The rows in order, and of several hand-ins of one student and part, which counts. take: latest, first, best"""
    place = {hand_in.file: hand_in for hand_in in hand_ins}
    tries: dict[tuple, dict[str, float]] = {}  # by student and part: the points of each file
    for row in rows:
        if row.exercise:
            points = tries.setdefault((row.id, row.student, row.part), {})
            points[row.file] = points.get(row.file, 0) + (row.points or 0)
    chosen, note = {}, {}
    for key, points in tries.items():
        in_order = sorted(points, key=lambda file: place[file].order)
        best = max(in_order, key=lambda file: points[file])
        chosen[key] = {"latest": in_order[-1], "first": in_order[0], "best": best}[take]
        if points[best] > points[chosen[key]]:
            note[key] = f"{best} has more points ({points[best]:g}), but is not the {take}"
    counted = []
    for row in sorted(rows, key=lambda row: (row.file, row.id, row.student)):  # of one hand-in they stay in order
        key = (row.id, row.student, row.part)
        counts = not row.exercise or chosen[key] == row.file
        if counts and key in note and row.exercise:
            row = row._replace(worth_reading="; ".join(filter(None, [note.pop(key), row.worth_reading])))
        counted.append(row._replace(counts=counts))
    return counted


# ------------------------------------------------------------------------------------------------ table and CSV


def write_rows(rows: Iterable[Row], file: TextIO) -> None:
    writer = csv.writer(file)
    for row in rows:
        cells = row._replace(
            seconds=round(row.seconds, 2), late="late" if row.late else "", counts="yes" if row.counts else "no"
        )
        writer.writerow([gradebook.plain(cell) for cell in cells[: len(HEAD)]])
    file.flush()


def write_whole(rows: list[Row], file: TextIO) -> None:
    """Write the long table anew, with its head."""
    file.seek(0)
    file.truncate()
    file.write("\ufeff")  # so that Excel reads it as UTF-8
    csv.writer(file).writerow(HEAD)
    write_rows(rows, file)


def table(rows: list[Row]) -> str:
    """A line for each hand-in: points, how many exercises pass, what asks for your eyes."""
    lines = [("student", "id", "part", "points", "passed", "to look at", "file")]
    for key in dict.fromkeys((row.file, row.id, row.student) for row in rows):
        own = [row for row in rows if (row.file, row.id, row.student) == key]
        done = [row for row in own if row.state not in (ANSWERED, NOT_ANSWERED)]
        look = ["late"] * own[0].late + ["does not count"] * (not own[0].counts)
        if done and all(row.state in (UNREADABLE, MISSING) for row in done):
            look.append(done[0].message)
        elif lost := sum(row.state == UNREADABLE for row in own):
            look.append(f"{lost} not judged")
        if hints := sum(bool(row.worth_reading) for row in own):
            look.append(f"{hints} worth reading")
        if answers := sum(row.points is None for row in own):
            look.append(f"{answers} answer{'s'[: answers != 1]} to read")
        points = f"{sum(row.points or 0 for row in own):g} of {sum(row.of for row in own)}"
        passed = f"{sum(row.state == PASSED for row in done)} of {len(done)}"
        lines.append((own[0].student, own[0].id, own[0].part, points, passed, "; ".join(look), own[0].file))
    lines = [[shortened(str(gradebook.plain(cell))) for cell in line] for line in lines]
    widths = [max(map(len, column)) for column in zip(*lines)]
    return "\n".join("  ".join(f"{cell:{width}}" for cell, width in zip(line, widths)).rstrip() for line in lines)


def shortened(text: str, length: int = 60) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"


# ------------------------------------------------------------------------------------------------ the command


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="or zip, with what is handed in, at any depth")
    parser.add_argument("--out", type=Path, default=ROOT / "grades", help="where the tables go; default: grades/")
    parser.add_argument("--roster", type=Path, metavar="CSV", help="of the class, with the columns id and name")
    parser.add_argument("--without", nargs="+", default=[], metavar="NUMBER", help="exercises given solved: 1.7 2.2")
    parser.add_argument("--part", nargs="+", default=[], metavar="NUMBER", help="these parts only: 1 2")
    parser.add_argument("--take", choices=["latest", "first", "best"], default="latest", help="of several hand-ins")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="notebooks at once; default: one a core")
    parser.add_argument(
        "--seconds", type=float, default=progress.SECONDS, help="for one exercise; default: %(default)s"
    )
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="grade") as scratch:
        Path(scratch).chmod(0o755)  # for nobody, where this is root
        try:
            return grade(options, Path(scratch))
        except (ValueError, OSError) as error:
            print(error, file=sys.stderr)
            return 1


def grade(options: argparse.Namespace, scratch: Path) -> int:
    """errors: ValueError, OSError for what is wrong before anything is judged"""
    if os.name == "nt":
        raise ValueError("Grading a class needs Linux or a Mac: on Windows, run it in WSL.")
    numbers = [exercise.number for part in parts().values() for exercise in part.exercises]
    if unknown := [number for number in options.without if number not in numbers]:
        raise ValueError(f"there is no exercise {unknown[0]}: the exercises are {', '.join(numbers)}")
    roster = gradebook.read_roster(options.roster) if options.roster else []
    (scratch / "zips").mkdir()
    hand_ins = find_hand_ins(options.folder, scratch / "zips")
    if not any(not hand_in.problem for hand_in in hand_ins):
        raise ValueError(f"there is no notebook (.ipynb) in {options.folder}")
    if why := no_walls():
        if os.getuid() == 0:
            raise ValueError(f"As root, submissions are not judged without walls, and {why}. Be another user.")
        danger = "submissions can read your files, write them, and use the network"
        print(f"Not protected, as {why}: {danger}.", file=sys.stderr)
    elif not control_group():
        print("Without systemd here, memory in all is looked at five times a second, not limited.", file=sys.stderr)
    options.out.mkdir(parents=True, exist_ok=True)
    points = gradebook.read_points(options.out / "points.csv")
    write_reference(scratch / "reference")
    seeds = (0, *(1 + randbelow(10**6) for _ in range(3)))
    job = Job(scratch / "reference", seeds, options.seconds, TOTAL)
    with (options.out / "grades.csv").open("w", newline="", encoding="utf-8") as file:
        write_whole([], file)
        rows: list[Row] = []
        for graded in grade_class(hand_ins, job, options.jobs, frozenset(options.without), frozenset(options.part)):
            write_rows(graded, file)
            rows += graded
        rows = gradebook.with_points(with_counting(rows, hand_ins, options.take), points)
        write_whole(rows, file)
    notes = gradebook.write_all(rows, roster, options.out)
    print("\n".join([table(rows), "", *notes, f"Tables, answers and feedback are in {options.out}/"]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
