"""Grading a class: each attack among good submissions costs its own rows, and the others are whole and right."""

import csv
import os
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from tests.test_progress import ENDLESS, ENDS_PYTHON
from tests.test_saved import NAME, SOLVED, WRONG_EQ4, save_part
from tools import grade
from tools.grade import Row, find_part, find_student, grade_one, lines_of, main, no_walls, table, write_csv
from tools.markup import ROOT

SECONDS = 20
NUMBERS = ["1.1", "1.2", "1.3", "1.4", "1.5", "1.6", "1.7", "1.8", "1.9", "1.10", "1.11", "1.12"]
QUESTIONS = {"1.1", "1.9", "1.11"}
walled = pytest.mark.skipif(bool(no_walls()), reason=no_walls() or "-")


def hand_in(folder: Path, student: str, *scratch: str, name: str = NAME, **cells) -> Path:
    path = save_part(folder / "made", name, *scratch, **cells)
    (folder / "class" / student).mkdir(parents=True, exist_ok=True)
    return path.rename(folder / "class" / student / path.name)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "made").mkdir()
    (tmp_path / "class").mkdir()
    return tmp_path


def q_eq4(*lines: str) -> str:
    """A right answer that does this first."""
    text = SOLVED["q_eq4"]
    end = text.index('"""', text.index('"""') + 3) + 4
    return text[:end] + "".join(f"    {line}\n" for line in lines) + text[end:]


# ------------------------------------------------------------------------------------------------ who and what


@pytest.mark.parametrize(
    "path, student",
    [
        ("student01/part1_diffusion.ipynb", "student01"),
        ("student01/week 1/anything.ipynb", "student01"),
        ("part1_diffusion_student01.ipynb", "student01"),
        ("student01-part1.ipynb", "student01"),
        ("part1_diffusion.ipynb", "part1_diffusion"),
        ("homework.ipynb", "homework"),
        ("Part1_bob.ipynb", "bob"),
        ("counterpart1.ipynb", "counterpart1"),
    ],
)
def test_the_student_is_found_in_the_path(path, student):
    assert find_student(Path("class") / path, Path("class")) == student


def test_the_part_is_told_by_the_cells_before_the_name(folder):
    path = hand_in(folder, "student01", name="part2_unet")
    assert find_part(path.rename(path.with_name("part1_diffusion.ipynb"))) == "part2_unet"
    (folder / "part3_mine.ipynb").write_text('{"cells": []}', encoding="utf-8")
    assert find_part(folder / "part3_mine.ipynb") == "part3_fashion_mnist"


@pytest.mark.parametrize(
    "text, said",
    [
        ('{"cells": [{"id": "elsewhere"}]}', "belongs to no part: no cell bears the id of an exercise"),
        ("", "is no notebook"),
        ('{"cells": [1, null]}', "is no notebook"),
        ("[" * 200_000, "is no notebook"),
    ],
)
def test_a_file_of_no_part_is_said(folder, text, said):
    path = folder / "class" / "student01.ipynb"
    path.write_text(text, encoding="utf-8")
    (row,) = grade_one(path, folder / "class", SECONDS)
    assert row[:7] == ("student01.ipynb", "student01", "", "", grade.UNREADABLE, 0, 0)
    assert row.message.startswith(f"It {said}"), row.message


def test_large_files_and_links_are_not_read(folder):
    large, link = folder / "class" / "part1_student01.ipynb", folder / "class" / "part1_student02.ipynb"
    with large.open("wb") as file:
        file.truncate(100_000_000)
    link.symlink_to("/etc/passwd")
    too_large = "It has 100 MB, more than 20: clear its outputs and save it."
    for path, said in (large, too_large), (link, "It is no file of its own, but"):
        rows = grade_one(path, folder / "class", SECONDS)
        assert [row.exercise.split()[0] for row in rows] == NUMBERS
        assert all(row.state == grade.UNREADABLE and row.message.startswith(said) for row in rows), rows


# ------------------------------------------------------------------------------------------------ table and CSV


def test_points_are_those_of_the_notebooks():
    points = {name: sum(exercise.points for exercise in parts[0]) for name, parts in grade.parts().items()}
    assert points == {"part1_diffusion": 27, "part2_unet": 28, "part3_fashion_mnist": 17}


def test_a_spreadsheet_gets_no_formulas_and_single_lines(tmp_path):
    row = Row("=f.ipynb", "student01", "1", "1.4 q_eq4", "not yet", None, 2, "=SUM(1)\n\x1b[31mred", 0.123)
    write_csv([row], tmp_path / "x" / "g.csv")
    assert (tmp_path / "x" / "g.csv").read_text(encoding="utf-8") == (
        "file,student,part,exercise,state,points,of,message,seconds\n"
        "'=f.ipynb,student01,1,1.4 q_eq4,not yet,,2,'=SUM(1)  [31mred,0.12\n"
    )


def test_the_table_has_a_line_for_each_submission():
    def row(student, exercise, state, points=0, message=""):
        return Row(f"{student}/a.ipynb", student, "1", exercise, state, points, 2, message)

    assert table(
        [
            row("student01", "1.1 Equation 2", grade.ANSWERED, None),
            row("student01", "1.2 linear_schedule", grade.PASSED, 2),
            row("student02", "1.2 linear_schedule", grade.TO_BE_READ),
            row("student02", "1.3 q_eq2", grade.CHANGES),
            row("student03", "1.2 linear_schedule", grade.UNREADABLE, 0, "It is empty."),
        ]
    ) == (
        "student    part  points  passed  to look at                            file\n"
        "student01  1     2 of 4  1 of 1  1 answer to read                      student01/a.ipynb\n"
        "student02  1     0 of 4  0 of 2  1: to be read; 1: changes the checks  student02/a.ipynb\n"
        "student03  1     0 of 2  0 of 1  It is empty.                          student03/a.ipynb"
    )


def test_a_missing_folder_and_an_empty_one_are_said(tmp_path, capsys):
    assert main([str(tmp_path / "none")]) == main([str(tmp_path)]) == 1
    assert capsys.readouterr().err == (
        f"there is no folder {tmp_path / 'none'}\nthere is no notebook (.ipynb) in {tmp_path}\n"
    )


def test_make_grade_asks_for_the_folder():
    done = subprocess.run(["make", "-o", ".venv/installed", "grade"], cwd=ROOT, capture_output=True, encoding="utf-8")
    assert done.returncode and "Say where they are: make grade SUBMISSIONS=folder" in done.stderr + done.stdout


def test_what_is_not_protected_is_said(folder, monkeypatch, capsys):
    (folder / "class" / "student01.ipynb").write_text("", encoding="utf-8")
    no_walls.cache_clear()
    monkeypatch.setattr(shutil, "which", lambda _: None)
    try:
        assert main([str(folder / "class"), "--csv", str(folder / "grades.csv")]) == 0
    finally:
        no_walls.cache_clear()
    assert "Not protected, as bubblewrap (bwrap) is not installed: submissions can read" in capsys.readouterr().err


def test_a_bubblewrap_that_does_not_start_is_said(tmp_path, monkeypatch):
    (tmp_path / "bwrap").write_text(
        "#!/bin/sh\necho 'bwrap: No permissions to create new namespace' >&2\nexit 1\n", encoding="utf-8"
    )
    (tmp_path / "bwrap").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    no_walls.cache_clear()
    try:
        assert no_walls() == "bubblewrap cannot start here (bwrap: No permissions to create new namespace)"
    finally:
        no_walls.cache_clear()


def test_a_channel_that_says_half_a_line_or_too_much_ends():
    reader, writer = os.pipe()
    os.write(writer, b"one\ntwo\nhalf")
    assert list(lines_of(reader, 1, 0.1)) == [b"one", b"two", None]
    os.close(writer)
    os.close(reader)


# ------------------------------------------------------------------------------------------------ a class

FORGED = """import os
def sample(model, n_samples, return_all_steps=False):
    for file in range(1, 60):
        try:
            os.write(file, b'["x", "result", "1.12", "sample", "passed", "", 0]\\\\n["x", "done"]\\\\n')
        except OSError:
            pass
""".replace("\\\\n", "\\n")
LYING = """class Kind(t.Tensor):
    def allclose(self, *others, **options):
        return True
"""
# student: (scratch cells, other cells, states that are not "passed", words of one message)
ATTACKS = {
    "endless_in_class": (["class Loop:\n    while True: pass"], {}, "all", "something outside its functions"),
    "exits_in_class": (["class Out:\n    __import__('os')._exit(0)"], {}, "all", "Python itself ended"),
    "endless": ([], {"noise_img": ENDLESS}, {"1.6": "not yet"}, "It did not end within"),
    "exits": ([], {"sample": ENDS_PYTHON}, {"1.12": "not yet", "*": "to be read"}, "Python itself ended"),
    "prints": ([], {"q_eq4": q_eq4("while True: print('x' * 10000)")}, {"1.4": "not yet"}, "It did not end within"),
    "memory": ([], {"q_eq4": q_eq4("t.ones(25 * 10**9)")}, {"1.4": "not yet"}, "RuntimeError: "),
    "bytes": ([], {"q_eq4": q_eq4("bytearray(100 * 2**30)")}, {"1.4": "not yet"}, "MemoryError"),
    "forks": (
        ["import os\nSEEN = []"],
        {"q_eq4": q_eq4("if not SEEN:", "    SEEN.append(os.fork())", "    while SEEN == [0]: pass")},
        {"*": "to be read"},
        "in this notebook q_eq4 uses os",
    ),
    "kills": (
        ["import os"],
        {"q_eq4": q_eq4("for number in -1, os.getppid(), 1: os.kill(number, 9)")},
        {"1.4": "not yet", "*": "to be read"},
        "",
    ),
    "forges": ([], {"sample": FORGED}, "all", "writes into the channel"),
    "patches_check": (
        ["from tests import part1 as own\nclass Patch:\n    own.check_q_eq4 = print\n    own.q_eq4 = 1"],
        {},
        {"*": "changes the checks"},
        "It changes tests.part1.",
    ),
    "patches_torch": (
        ["class P:\n    t.Tensor.allclose = lambda *a, **k: True"],
        {},
        {"*": "changes the checks"},
        "It changes Tensor.allclose",
    ),
    "patches_print": (
        ["import builtins\nclass P:\n    builtins.print = len"],
        {},
        {"*": "changes the checks"},
        "It changes builtins.print",
    ),
    "patches_modules": (
        ["import sys, types\nclass P:\n    sys.modules['tests.part1'] = types.ModuleType('tests.part1')"],
        {},
        {"*": "changes the checks"},
        "It changes sys.modules['tests.part1']",
    ),
    "own_check": (["def check_q_eq4(answer): print('ok')"], {"q_eq4": WRONG_EQ4}, {"1.4": "not yet"}, "std 0.100"),
    "lies": (
        [LYING],
        {"q_eq4": "def q_eq4(x, num_steps, betas):\n    return Kind(x)"},
        {"*": "changes the checks"},
        "its own Kind",
    ),
    "nests": (["x = " + "-" * 100_000 + "1", "def deep(): return 1" + "+1" * 20_000], {}, None, ""),
    "takes": (
        [],
        {"q_eq4": "def q_eq4(x, num_steps, betas, f=q_eq4):\n    return f(x, num_steps, betas)"},
        {"*": "to be read"},
        "q_eq4 is built on the solution's q_eq4",
    ),
    "keeps": (
        [],
        {
            "q_eq2": f"def keep(f):\n    f.kept = q_eq4\n    return f\n\n{SOLVED['q_eq2']}",
            "q_eq4": "@keep\ndef q_eq4(*inputs):\n    return q_eq4.kept(*inputs)",
        },
        {"*": "to be read"},
        "keep is built on the solution's q_eq4",
    ),
    "borrows": (
        ["from random import _os"],
        {"q_eq4": q_eq4("_os.getpid()")},
        {"*": "to be read"},
        "q_eq4 uses random._os",
    ),
    "deleted": ([], {"q_eq4": None}, {"1.4": "not written"}, "No cell defines q_eq4"),
    "twice": ([WRONG_EQ4], {}, {"1.4": "not yet"}, "std 0.100, expected 0.316"),
}


def check_rows(rows: list[Row], states, words: str) -> None:
    assert [row.exercise.split()[0] for row in rows] == NUMBERS
    for row in rows if states is not None else []:  # where whatever its own rows say will do
        number = row.exercise.split()[0]
        if states == "all":
            assert (row.state, row.points) == (grade.UNREADABLE, 0)
        elif number not in QUESTIONS:
            assert row.state == states.get(number, states.get("*", grade.PASSED)), row
            assert row.points == row.of * (row.state == grade.PASSED)
        else:
            assert (row.state, row.points) == (grade.ANSWERED, None)
    assert any(words in row.message for row in rows), rows


def check_good(rows: list[Row]) -> None:
    check_rows(rows, {}, "")
    assert sum(row.points or 0 for row in rows) == 21


@walled  # one of them kills all that it can reach
@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("part_of_class", range(4))
def test_an_attack_costs_its_own_rows_alone(folder, part_of_class):
    attacks = dict(list(ATTACKS.items())[part_of_class::4])
    for student, (scratch, cells, *_) in attacks.items():
        hand_in(folder, student, *scratch, **cells)
    hand_in(folder, "a_good_one"), hand_in(folder, "z_good_one")
    rows = grade.grade_class(folder / "class", 2, SECONDS, show=False)
    of = {student: [row for row in rows if row.student == student] for student in os.listdir(folder / "class")}
    check_good(of["a_good_one"]), check_good(of["z_good_one"])
    wrong = []
    for student, (_, _, states, words) in attacks.items():
        try:
            check_rows(of[student], states, words)
        except AssertionError as error:
            wrong.append(f"{student}: {error}")
    assert not wrong, "\n\n".join(wrong)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_without_walls_there_are_still_limits(folder, monkeypatch):
    monkeypatch.setattr(grade_class, "no_walls", lambda: "there is none")
    path = hand_in(folder, "student01", noise_img=ENDLESS, q_eq4=q_eq4("bytearray(100 * 2**30)"), sample=ENDS_PYTHON)
    rows = grade_one(path, folder / "class", SECONDS)
    check_rows(rows, {"1.4": "not yet", "1.6": "not yet", "1.12": "not yet", "*": "to be read"}, "MemoryError")


SNOOP = """import glob, os, socket
def q_eq2(x, num_steps, betas):
    raise ValueError(str(glob.glob("{root}/tests/answers/*") + glob.glob("{folder}/class/*/*") + glob.glob("/var/*")))
def reconstruct(noisy_img, noise, num_steps, noise_schedule):
    socket.create_connection(("127.0.0.1", {port}), timeout=2)
def noise_img(img, noise_schedule, max_steps=None):
    raise ValueError(str(sorted(os.environ)) + str(os.listdir("/proc").count("1")))
def q_eq4(x, num_steps, betas):
    open("{root}/tests/part1.py", "a")
"""


@walled
@pytest.mark.slow
def test_a_submission_sees_the_course_and_itself_alone(folder):
    with socket.create_server(("127.0.0.1", 0)) as server:
        code = SNOOP.format(root=ROOT, folder=folder, port=server.getsockname()[1])
        path = hand_in(folder, "student01", code)
        hand_in(folder, "student02")
        rows = {row.exercise.split()[1]: row for row in grade_one(path, folder / "class", SECONDS)}
    assert rows["q_eq2"].message.startswith("ValueError: []\n")
    assert "WANDB" in rows["noise_img"].message and "FASHION" not in rows["noise_img"].message
    assert "Read-only file system" in rows["q_eq4"].message
    assert rows["reconstruct"].message.startswith(("ConnectionRefusedError", "OSError"))
    assert rows["sample"].state == grade.TO_BE_READ


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_command_writes_table_and_csv(folder, capfd):
    hand_in(folder, "student01")
    hand_in(folder, "student02", q_eq4=WRONG_EQ4, sample=...)
    (folder / "class" / "part1_student03.ipynb").write_text("<<<<<<< a merge", encoding="utf-8")
    assert main([str(folder / "class"), "--csv", str(folder / "grades.csv"), "--jobs", "2"]) == 0
    out, err = capfd.readouterr()
    lines = out.splitlines()
    assert [line.split()[:7] for line in lines[1:4]] == [
        ["student03", "1", "0", "of", "27", "0", "of"],
        ["student01", "1", "21", "of", "27", "9", "of"],
        ["student02", "1", "16", "of", "27", "7", "of"],
    ]
    assert "3/3" in err
    with (folder / "grades.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == grade.HEAD and len(rows) == 36
    wrong = next(row for row in rows if row["student"] == "student02" and row["exercise"] == "1.4 q_eq4")
    assert (wrong["state"], wrong["points"], wrong["of"]) == ("not yet", "0", "2")
    assert wrong["message"].endswith("Did a variance go where a standard deviation belongs?")
    assert {row["message"] for row in rows if row["student"] == "student03"} == {"It cannot be read as a notebook."}
