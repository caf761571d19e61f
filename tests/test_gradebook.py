"""The gradebook: sums are right, nobody is missing, and what a teacher has typed is never changed."""

import csv
from pathlib import Path

import pytest

from tools import gradebook
from tools.gradebook import Person, Row, add_to_points, find_person, read_points, with_points, write_all
from tools.progress import ANSWERED, NOT_ANSWERED, NOT_YET, PASSED


def rows(id: str, student: str, text: str = "It fades.", file: str = "a.ipynb") -> list[Row]:
    question = Row(file, id, student, "1", "1.1 Equation 2", ANSWERED, None, 2, text=text)
    return [
        question if text else question._replace(state=NOT_ANSWERED, points=0),
        Row(file, id, student, "1", "1.2 linear_schedule", PASSED, 1, 1),
        Row(file, id, student, "1", "1.10 train", NOT_YET, 0, 4, "the loss rises.\nIs the sign right?"),
    ]


def book(out: Path) -> list[dict[str, str]]:
    with (out / "gradebook.csv").open(newline="", encoding="utf-8-sig") as file:
        return list(csv.DictReader(file))


def test_a_row_a_student_with_sums_and_who_is_missing(tmp_path):
    roster = [Person("0012", "Jane Made-up"), Person("13", "Jürgen Made-up"), Person("14", "Missing Made-up")]
    part_2 = [Row("b.ipynb", "12", "madeupjane", "2", "2.1 GroupNorm", PASSED, 2, 2, late=True)]
    given = rows("12", "madeupjane") + part_2 + rows("", "Made-up, Jürgen", text="") + rows("77", "Else")
    earlier = [row._replace(file="z.ipynb", points=0, counts=False) for row in rows("12", "madeupjane")]
    notes = write_all(given + earlier, roster, tmp_path)
    assert notes == [
        "Nothing from 1 of 3: Missing Made-up",
        "Not in the roster: Else",
        "2 answers to read: answers.html, and points.csv for their points",
        "",
    ]
    assert (tmp_path / "gradebook.csv").read_bytes().startswith(b"\xef\xbb\xbfid,name,points,of,answers to read,1.1 ")
    head = ["id", "name", "points", "of", "answers to read", "1.1 Equation 2", "1.2 linear_schedule", "1.10 train"]
    head += ["Part 1", "2.1 GroupNorm", "Part 2", "late", "notes"]
    assert [list(row.values()) for row in book(tmp_path)] == [
        ["0012", "Jane Made-up", "3", "9", "1", "", "1", "0", "1", "2", "2", "Part 2", ""],
        ["13", "Jürgen Made-up", "1", "9", "0", "0", "1", "0", "1", "", "", "", "no Part 2"],
        ["14", "Missing Made-up", "0", "9", "0", "", "", "", "", "", "", "", "handed in nothing"],
        ["77", "Else", "1", "9", "1", "", "1", "0", "1", "", "", "", "no Part 2"],
    ]
    assert list(book(tmp_path)[0]) == head
    assert len(list((tmp_path / "feedback").iterdir())) == 4


@pytest.mark.parametrize(
    "id, name, found",
    [
        ("12", "anybody", "0012"),
        ("", "Made-up Jane", "0012"),
        ("99", "madeupjane", "0012"),
        ("99", "jane made-up", "0012"),
        ("octo", "octo", "octo"),
        ("12", "Jürgen Made-up", "13"),  # a number of the platform's own
        ("", "jurgenmadeup", "13"),
        ("", "Twin", None),
        ("21", "Twin", "21"),
        ("", "nobody", None),
        ("", "", None),
    ],
)
def test_a_student_is_found_in_the_roster(id, name, found):
    roster = [Person("0012", "Jane Made-up"), Person("13", "Jürgen Made-up"), Person("octo", "Octavia")]
    roster += [Person("20", "Twin"), Person("21", "Twin")]
    person = find_person(id, name, roster)
    assert (person and person.id) == found


def test_nobodys_work_takes_anothers_place(tmp_path):
    roster = [Person("12", "Jane Made-up"), Person("13", "John Made-up")]
    given = (
        rows("12", "Jane Made-up") + rows("99", "made-up jane") + rows("", "John Made-up") + rows("98", "johnmadeup")
    )
    (tmp_path / "out").mkdir()
    notes = write_all(given, roster, tmp_path / "out")
    assert [(row["id"], row["name"], row["points"]) for row in book(tmp_path / "out")] == [
        ("12", "Jane Made-up", "1"),
        ("13", "John Made-up", "0"),  # which of the two is his, a person has to say
        ("99", "made-up jane", "1"),
        ("", "John Made-up", "1"),
        ("98", "johnmadeup", "1"),
    ]
    assert "Not in the roster: made-up jane, John Made-up, johnmadeup" in notes


# ------------------------------------------------------------------------------------------------ points


def test_points_are_merged_and_what_is_typed_stays(tmp_path):
    path = tmp_path / "points.csv"
    add_to_points(rows("007", "=Jane"), path)
    head = "\ufeffid,student,question,points,of,comment,answer\n"
    mark = gradebook.mark_of("It fades.")
    assert path.read_text(encoding="utf-8") == f"{head}007,'=Jane,1.1 Equation 2,,2,,{mark}\n"
    typed = f"id;student;question;points;of;comment;answer\r\n7;'=Jane;1.1 Equation 2;1,5;2;Well, said;{mark}"
    path.write_bytes(typed.encode())  # as a spreadsheet saves it, where a comma stands in numbers
    add_to_points(rows("007", "=Jane") + rows("8", "Else"), path)
    assert path.read_bytes().decode() == f"{typed}\n8;Else;1.1 Equation 2;;2;;{mark}\r\n"
    merged = with_points(rows("007", "=Jane") + rows("8", "Else"), read_points(path))
    assert [(row.points, row.message) for row in merged if row.state == ANSWERED] == [(1.5, "Well, said"), (None, "")]
    other = with_points(rows("007", "=Jane", "It grows."), read_points(path))
    assert (other[0].points, other[0].worth_reading) == (1.5, "its points were typed for another text")


@pytest.mark.parametrize(
    "line, said",
    [
        ("1,a,1.1 E,three,2,,x", "line 2: points are 'three', they have to be a number from 0 on"),
        ("1,a,1.1 E,-1,2,,x", "line 2: points are '-1', they have to"),
        ("1,a,1.1 E,3,2,,x", "line 2: 3 points are more than the 2 there are"),
    ],
)
def test_points_that_cannot_be_are_said(tmp_path, line, said):
    path = tmp_path / "points.csv"
    path.write_text(f"id,student,question,points,of,comment,answer\n{line}\n", encoding="utf-8")
    with pytest.raises(ValueError, match=said):
        read_points(path)


def test_a_points_file_that_cannot_be_read_is_said_and_kept(tmp_path):
    path = tmp_path / "points.csv"
    for content, said in ("id;Größe".encode("cp1252"), "not UTF-8"), (b"id,name\n", "has no column student"):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=said):
            add_to_points(rows("1", "a"), path)
        assert path.read_bytes() == content


# ------------------------------------------------------------------------------------------------ pages and feedback


def test_written_answers_stand_on_one_page_by_question_and_run_nothing(tmp_path):
    answers = rows("1", "b", "<script>alert(1)</script>") + rows("2", "a<b>", "β fades")
    page = gradebook.page_of_answers(answers + [answers[0]._replace(exercise="1.10 Later", student="a", points=1.5)])
    assert "<script" not in page and "&lt;script&gt;alert(1)" in page and "a&lt;b&gt;" in page
    places = [
        page.index(words) for words in ("1.1 Equation 2", "a&lt;b&gt;", "β fades", "alert", "1.10 Later", "1.5 of")
    ]
    assert places == sorted(places)


def test_feedback_says_what_passed_and_what_is_wrong(tmp_path):
    marked = rows("1", "Jane/../Made-up")
    marked[0] = marked[0]._replace(points=1.5, message="Well said.")
    write_all([*marked, *rows("2", "Else")], [], tmp_path)
    assert (tmp_path / "feedback" / "Jane_.._Made-up_1.txt").read_text(encoding="utf-8") == (
        "Jane/../Made-up\n\nPart 1: 2.5 of 7 points\n\n"
        "  1.1 Equation 2: 1.5 of 2\n      Well said.\n"
        "  1.2 linear_schedule: 1 of 1\n"
        "  1.10 train: 0 of 4 (not yet)\n      the loss rises.\n      Is the sign right?\n"
    )
    assert "  1.1 Equation 2: still to be read\n" in (tmp_path / "feedback" / "Else_2.txt").read_text(encoding="utf-8")
