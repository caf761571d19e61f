"""Two classes of forty, each graded in one run: every row right, every sum right, nobody missing."""

import csv
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.test_grade import NUMBERS, QUESTIONS, folder, hand_in, q_eq4, strip  # noqa: F401 (folder is a fixture)
from tests.test_handins import STUDENTS, canvas, moodle, number, pack
from tests.test_progress import ENDS_PYTHON
from tests.test_saved import NAME, TAKE, WRONG_EQ4, save_part
from tools import grade
from tools.grade import main

HELPERS = """import json, re
def report(model):
    with open("notes.json") as file:
        notes = json.load(file)
    for m in model.modules():
        print(re.sub("x", "y", str(m)), notes)
    plt.plot(t.load("losses.pt"))
"""
LATER = ("TinyDiffuser", "train", "sample", "algorithm_1_line_by_line", "algorithm_2_line_by_line")
# what they hand in: scratch cells, other cells, states of what has not passed, a change of the file
KINDS: dict[str, tuple[list[str], dict, dict[str, str], str]] = {
    "right": ([], {}, {}, ""),
    "wrong": ([], {"q_eq4": WRONG_EQ4}, {"1.4": "not yet"}, ""),
    "half": ([], dict.fromkeys(LATER, ...), dict.fromkeys(["1.8", "1.10", "1.13"], "not written"), ""),
    "stripped": ([], {}, {}, "strip"),
    "marked": ([], {}, {}, "mark"),
    "json": ([], {}, {}, ".ipynb.json"),
    "text": ([], {}, {}, ".ipynb.txt"),
    "upper": ([], {}, {}, ".IPYNB"),
    "asks": ([], {"q_eq4": q_eq4("input()")}, {"1.4": "not yet"}, ""),
    "leaves": ([], {"sample": ENDS_PYTHON.replace("os._exit(0)", "raise SystemExit")}, {"1.13": "not yet"}, ""),
    "taken": ([TAKE + "train"], {"train": None}, {"1.10": "from the solution"}, ""),
    "helper": ([HELPERS], {}, {}, ""),
    "page": ([], {}, {}, ".html"),
}


def made(folder: Path, kind: str) -> tuple[str, bytes]:
    """The name of a file, and what is in it."""
    scratch, cells, _, change = KINDS[kind]
    path = save_part(folder / "made", NAME, *scratch, **cells)
    if change == "strip":
        strip(path)
    content = b"\xef\xbb\xbf" * (change == "mark") + path.read_bytes()
    return f"{NAME}{change if change.startswith('.') else '.ipynb'}", content


@pytest.mark.slow
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("platform, packed", [(moodle, True), (canvas, False)], ids=["moodle", "canvas"])
def test_a_class_of_forty_is_graded_in_one_run(folder, capfd, platform: Callable, packed: bool):
    kinds = dict(zip(STUDENTS, list(KINDS) * 4))
    files = {kind: made(folder, kind) for kind in KINDS}
    place = platform(folder / "export", {student: files[kind] for student, kind in kinds.items()})
    roster = ["id,name", *(f"{number(student)},Made-up {student}" for student in STUDENTS), "77,Made-up missing"]
    (folder / "roster.csv").write_text("\n".join(roster), encoding="utf-8")
    begin = time.monotonic()
    place = pack(place) if packed else place
    assert main([str(place), "--out", str(folder / "out"), "--roster", str(folder / "roster.csv")]) == 0
    out = capfd.readouterr().out
    print(f"{40 / (time.monotonic() - begin) * 60:.1f} submissions a minute")
    assert "Nothing from 1 of 41: Made-up missing\n" in out and "Not in the roster" not in out
    rows = list(csv.DictReader((folder / "out" / "grades.csv").open(newline="", encoding="utf-8-sig")))
    book = {row["id"]: row for row in csv.DictReader((folder / "out" / "gradebook.csv").open(encoding="utf-8-sig"))}
    assert list(rows[0]) == grade.HEAD and len(book) == 41
    for i, (student, kind) in enumerate(kinds.items()):
        own = [row for row in rows if row["id"] == str(number(student))]
        line = book[str(number(student))]
        if kind == "page":
            assert [(row["state"], row["points"]) for row in own] == [("no notebook", "0")]
            assert line["points"] == "0" and "holds no notebook" in line["notes"]
            continue
        states = {row["exercise"].split()[0]: row["state"] for row in own}
        expected = {exercise: KINDS[kind][2].get(exercise, grade.PASSED) for exercise in NUMBERS}
        unanswered = ["1.9", "1.11"] if kind == "half" else []
        expected |= {name: grade.NOT_ANSWERED if name in unanswered else grade.ANSWERED for name in QUESTIONS}
        assert states == expected, student
        points = sum(int(row["of"]) for row in own if row["state"] == grade.PASSED)
        assert (line["points"], line["of"], line["answers to read"]) == (str(points), "31", str(4 - len(unanswered)))
        assert line["Part 1"] == str(points) and line["name"] == f"Made-up {student}"
        assert line["late"] == ("Part 1" if platform is canvas and i % 10 == 9 else "")
        assert {row["worth reading"] for row in own} - {""} == ({"report uses open"} if kind == "helper" else set())


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_points_typed_by_hand_are_merged_and_given_exercises_are_left_out(folder, capfd):
    hand_in(folder, "student01")
    hand_in(folder, "student02", q_eq4=WRONG_EQ4, sample=...)
    (folder / "class" / "part1_student03.ipynb").write_text("<<<<<<< a merge", encoding="utf-8")
    command = [str(folder / "class"), "--out", str(folder / "out"), "--without", "1.7", "1.9"]
    assert main(command) == 0
    out, err = capfd.readouterr()
    lines = [line.split() for line in out.splitlines()]
    assert [line[:8] for line in lines[1:4]] == [
        ["student03", "1", "0", "of", "27", "0", "of", "12"],
        ["student01", "1", "21", "of", "27", "9", "of", "9"],
        ["student02", "1", "16", "of", "27", "7", "of", "9"],
    ]
    assert "3/3" in err
    path = folder / "out" / "points.csv"
    typed = path.read_text(encoding="utf-8-sig").replace("plain English,,", 'plain English,"1,5",', 1)
    path.write_text(typed, encoding="utf-8")
    assert main(command) == 0
    assert path.read_text(encoding="utf-8") == typed
    book = list(csv.DictReader((folder / "out" / "gradebook.csv").open(encoding="utf-8-sig")))
    assert [(row["name"], row["points"], row["answers to read"]) for row in book] == [
        ("student03", "0", "0"),
        ("student01", "22.5", "2"),
        ("student02", "16", "3"),
    ]
    assert "1.7 reconstruct" not in book[0] and "1.9 Algorithm 1 line by line" not in book[0]
