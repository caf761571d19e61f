"""What a teacher does with grades: a row a student, written answers on one page, points typed by hand, feedback.

The points file is the teacher's: rows are added to it for new answers, and nothing that is there is ever changed.
"""

import csv
import hashlib
import html
import io
import re
import unicodedata
from pathlib import Path
from typing import NamedTuple

from tools.progress import ANSWERED, PASSED

POINTS = ["id", "student", "question", "points", "of", "comment", "answer"]  # the columns of points.csv
MARK = "\ufeff"  # at the beginning of a CSV, so that Excel reads it as UTF-8
PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Written answers</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 50rem; margin: 2rem auto; padding: 0 1rem }}
body {{ color-scheme: light dark }}
pre {{ font: inherit; white-space: pre-wrap; overflow-wrap: anywhere; border-left: 3px solid #888; padding-left: 1rem }}
h3 {{ margin-bottom: 0 }} small {{ opacity: 0.7 }}
</style>
<h1>Written answers</h1>
<p>Type points into points.csv, in the row with the same student and question, then grade again.</p>
{sections}
</html>
"""


class Row(NamedTuple):
    file: str  # from the class's folder
    id: str  # the platform's
    student: str
    part: str  # "1"; empty where it is not known
    exercise: str  # "1.4 q_eq4"
    state: str
    points: float | None  # None is for a person to fill in
    of: int
    message: str = ""
    worth_reading: str = ""
    late: bool = False
    counts: bool = True  # of several hand-ins of one part, only one does
    seconds: float = 0.0
    text: str = ""  # of a written answer; not in the CSV


class Person(NamedTuple):
    id: str
    name: str


class Points(NamedTuple):
    """A row of the points file."""

    points: float | None
    comment: str
    answer: str  # which text they are for


def plain(text: object) -> object:
    """A cell of a CSV: one line of what can be printed, which no spreadsheet takes for a formula."""
    if not isinstance(text, str):
        return "" if text is None else f"{text:g}" if isinstance(text, float) else text
    line = "".join(letter if letter.isprintable() else " " for letter in " ".join(text.split()))
    return f"'{line}" if line.startswith(("=", "+", "-", "@")) else line


def in_order(exercise: str) -> list[int]:
    return [int(digits) for digits in exercise.split()[0].split(".")]


# ------------------------------------------------------------------------------------------------ points typed by hand


def read_csv(path: Path, needed: list[str]) -> tuple[list[dict[str, str]], list[str], str]:
    """The rows of a CSV, its columns, and what separates them: a spreadsheet may write commas, semicolons or tabs.
    errors: ValueError where a column is missing, or it is not UTF-8"""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError(f"{path} is not UTF-8: save it as CSV UTF-8") from None
    separator = max(",;\t", key=text.partition("\n")[0].count)
    head, *lines = list(csv.reader(io.StringIO(text), delimiter=separator)) or [[]]
    names = [name.strip().lower() for name in head]
    if missing := [name for name in needed if name not in names]:
        raise ValueError(f"{path} has no column {missing[0]}: its first line has to name {', '.join(needed)}")
    rows = [{name: "" for name in names} | dict(zip(names, map(str.strip, line))) for line in lines]
    return rows, names, separator


def key_of(id: str, student: str, question: str) -> tuple[str, str, str]:
    """Of a row of the points file, also after a spreadsheet has taken the zeros off an id."""
    return str(plain(id)).lstrip("0"), str(plain(student)), question.split(" ")[0]


def read_points(path: Path) -> dict[tuple[str, str, str], Points]:
    """What is typed in a points file; nothing where there is none. errors: ValueError for points that are no number"""
    found: dict[tuple[str, str, str], Points] = {}
    for line, row in enumerate(read_csv(path, POINTS)[0] if path.exists() else [], 2):
        typed = row["points"].replace(",", ".")
        if not re.fullmatch(r"(\d+(\.\d*)?)?", typed):
            raise ValueError(f"{path}, line {line}: points are {row['points']!r}, they have to be a number from 0 on")
        if typed and row["of"] and float(typed) > float(row["of"].replace(",", ".")):
            raise ValueError(f"{path}, line {line}: {typed} points are more than the {row['of']} there are")
        key = key_of(row["id"], row["student"], row["question"])
        if key not in found or typed:
            found[key] = Points(float(typed) if typed else None, row["comment"], row["answer"])
    return found


def with_points(rows: list[Row], points: dict[tuple[str, str, str], Points]) -> list[Row]:
    """The rows of written answers with the points that were typed for them."""
    marked = []
    for row in rows:
        typed = points.get(key_of(row.id, row.student, row.exercise)) if row.state == ANSWERED else None
        if typed and typed.points is not None:
            note = "" if typed.answer in ("", mark_of(row.text)) else "its points were typed for another text"
            row = row._replace(points=typed.points, message=typed.comment, worth_reading=note)
        marked.append(row)
    return marked


def mark_of(text: str) -> str:
    """A short mark of a text, to tell whether it has changed."""
    return hashlib.sha256(text.encode()).hexdigest()[:7]


def add_to_points(rows: list[Row], path: Path) -> None:
    """Add a row for each answer that the points file does not know, and change nothing that is there."""
    if not path.exists():
        path.write_text(MARK + ",".join(POINTS) + "\n", encoding="utf-8")
    known, (_, names, separator) = read_points(path), read_csv(path, POINTS)
    new = [row for row in rows if row.state == ANSWERED and key_of(row.id, row.student, row.exercise) not in known]
    with path.open("a", newline="", encoding="utf-8") as file:
        if not path.read_bytes().endswith(b"\n"):
            file.write("\n")
        writer = csv.DictWriter(file, names, delimiter=separator)
        for row in sorted(new, key=lambda row: (in_order(row.exercise), row.student)):
            cells = [row.id, row.student, row.exercise, "", row.of, "", mark_of(row.text)]
            writer.writerow({name: plain(cell) for name, cell in zip(POINTS, cells)})


# ------------------------------------------------------------------------------------------------ the class's list


def read_roster(path: Path) -> list[Person]:
    """errors: ValueError where it has no columns id and name"""
    return [Person(row["id"], row["name"]) for row in read_csv(path, ["id", "name"])[0] if row["id"] or row["name"]]


def forms(name: str) -> set[str]:
    """The ways in which a platform may write a name: "Doe, Jane" is "doejane" and "janedoe"."""
    letters = unicodedata.normalize("NFKD", name.casefold())
    words = re.findall(r"\w+", "".join(letter for letter in letters if not unicodedata.combining(letter)))
    return {"".join(words[i:] + words[:i]) for i in range(len(words))}


def find_person(id: str, name: str, roster: list[Person]) -> Person | None:
    """Who of the class's list this is: by id and name, else by the name, else by the id, where only one fits."""
    same_id = [person for person in roster if id and person.id.lstrip("0") == id.lstrip("0")]
    same_name = [person for person in roster if forms(person.name) & forms(name)]
    for same in ([person for person in same_id if person in same_name], same_name, same_id):
        if len(same) == 1:
            return same[0]
    return None


def whose(rows: list[Row], roster: list[Person]) -> dict[tuple[str, str], Person]:
    """Who each id and name belongs to. Where several fit one of the roster, only the one with that person's id is
    theirs: nobody else's work must take its place."""
    claims: dict[Person | None, list[tuple[str, str]]] = {}
    for key in dict.fromkeys((row.id, row.student) for row in rows):
        claims.setdefault(find_person(*key, roster), []).append(key)
    found = {}
    for person, keys in claims.items():
        sure = (
            keys if len(keys) == 1 else [key for key in keys if person and key[0].lstrip("0") == person.id.lstrip("0")]
        )
        for key in keys:
            found[key] = person if person and sure == [key] else Person(*key)
    return found


# ------------------------------------------------------------------------------------------------ what is written


def write_all(rows: list[Row], roster: list[Person], out: Path) -> list[str]:
    """Write the gradebook, the written answers, the points file and the feedback; say who is missing."""
    counting = [row for row in rows if row.counts]
    students: dict[Person, list[Row]] = {person: [] for person in roster}
    people = whose(counting, roster)
    for row in counting:
        students.setdefault(people[row.id, row.student], []).append(row)
    write_gradebook(students, out / "gradebook.csv")
    (out / "answers.html").write_text(page_of_answers(counting), encoding="utf-8")
    add_to_points(counting, out / "points.csv")
    (out / "feedback").mkdir(exist_ok=True)
    taken: set[str] = set()
    for person, own in students.items():
        name = file_name(person)
        while name.lower() in taken:
            name += "_"
        taken.add(name.lower())
        (out / "feedback" / f"{name}.txt").write_text(feedback(person, own), encoding="utf-8")
    notes = []
    if missing := [person.name or person.id for person in roster if not students[person]]:
        notes.append(f"Nothing from {len(missing)} of {len(roster)}: {', '.join(missing)}")
    if strangers := [person.name or person.id for person in students if roster and person not in roster]:
        notes.append(f"Not in the roster: {', '.join(strangers)}")
    if left := sum(row.points is None for row in counting):
        notes.append(f"{left} answer{'s'[: left != 1]} to read: answers.html, and points.csv for their points")
    return [*map(str, map(plain, notes)), ""] if notes else []


def write_gradebook(students: dict[Person, list[Row]], path: Path) -> None:
    """A row a student: points of each exercise, of each part, and in all; what is open stays empty."""
    every = [row for own in students.values() for row in own if row.exercise]
    exercises = {row.exercise: (row.part, row.of) for row in sorted(every, key=lambda row: in_order(row.exercise))}
    parts = list(dict.fromkeys(part for part, _ in exercises.values()))
    head = ["id", "name", "points", "of", "answers to read"]
    for part in parts:
        head += [*[exercise for exercise in exercises if exercises[exercise][0] == part], f"Part {part}"]
    with path.open("w", newline="", encoding="utf-8") as file:
        file.write(MARK)
        writer = csv.writer(file)
        writer.writerow([*head, "late", "notes"])
        for person, own in students.items():
            by_name = {row.exercise: row for row in own if row.exercise}
            cells: list[object] = []
            for part in parts:
                theirs = [by_name.get(exercise) for exercise in exercises if exercises[exercise][0] == part]
                cells += [row and row.points for row in theirs]
                cells.append(sum(row.points or 0 for row in theirs if row) if any(theirs) else None)
            total, of = sum(row.points or 0 for row in by_name.values()), sum(of for _, of in exercises.values())
            late = ", ".join(dict.fromkeys(f"Part {row.part}" if row.part else "yes" for row in own if row.late))
            notes = (
                list(dict.fromkeys(row.message for row in own if not row.exercise)) if own else ["handed in nothing"]
            )
            notes += [f"no Part {part}" for part in parts if own and part not in {row.part for row in own}]
            row = [*person, total, of, sum(row.points is None for row in own), *cells, late, "; ".join(notes)]
            writer.writerow([plain(float(cell) if isinstance(cell, int) else cell) for cell in row])


def page_of_answers(rows: list[Row]) -> str:
    """All written answers, question by question."""
    answers = [row for row in rows if row.state == ANSWERED]
    sections = []
    for question in sorted({row.exercise for row in answers}, key=in_order):
        sections.append(f"<h2>{html.escape(question)}</h2>")
        for row in sorted((row for row in answers if row.exercise == question), key=lambda row: (row.student, row.id)):
            points = f"of {row.of}" if row.points is None else f"{row.points:g} of {row.of}"
            who = f"<h3>{html.escape(row.student)} <small>{html.escape(row.id)} · {points}</small></h3>"
            sections.append(f"{who}\n<pre>{html.escape(row.text)}</pre>")
    return PAGE.format(sections="\n".join(sections))


def file_name(person: Person) -> str:
    """Of a student's feedback, without what a system may refuse."""
    words = [re.sub(r"[^\w@.-]+", "_", word).strip("._")[:60] for word in dict.fromkeys((person.name, person.id))]
    return "_".join(filter(None, words)) or "student"


def feedback(person: Person, rows: list[Row]) -> str:
    """What has passed, and what is wrong with the rest, for a student to read."""
    lines = [clean(person.name or person.id), ""]
    for row in rows:
        if not row.exercise:
            lines += [clean(f"{row.file}: {row.message}"), ""]
    exercises = sorted((row for row in rows if row.exercise), key=lambda row: in_order(row.exercise))
    for part in dict.fromkeys(row.part for row in exercises):
        own = [row for row in exercises if row.part == part]
        points, of = sum(row.points or 0 for row in own), sum(row.of for row in own)
        lines += [f"Part {part}: {points:g} of {of} points{', handed in late' * any(row.late for row in own)}", ""]
        for row in own:
            given = "still to be read" if row.points is None else f"{row.points:g} of {row.of}"
            state = "" if row.state in (PASSED, ANSWERED) else f" ({row.state})"
            lines.append(f"  {row.exercise}: {given}{state}")
            lines += [f"      {clean(line)}" for line in row.message.splitlines() if line.strip()]
        lines.append("")
    return "\n".join(lines if rows else [*lines, "Nothing was handed in.", ""])


def clean(line: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in line).strip()
