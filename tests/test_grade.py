"""Grading a class: whatever a submission holds costs its own rows alone, and all others are whole and right."""

import json
import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

import pytest

from tests.test_progress import ENDLESS, ENDS_PYTHON
from tests.test_saved import NAME, SOLVED, WRONG_EQ4, save_part
from tools import grade, walls
from tools.grade import Row, find_part, grade_one, main, table, with_counting
from tools.gradebook import write_all
from tools.handins import HandIn, find_hand_ins
from tools.markup import ROOT
from tools.walls import FORGED, NO_END, NO_MEMORY, NO_TIME, Forged, Job, lines_of, no_walls, opened
from tools.withhold import write_reference

SECONDS = 20
NUMBERS = ["1.1", "1.2", "1.3", "1.4", "1.5", "1.6", "1.7", "1.8", "1.9", "1.10", "1.11", "1.12", "1.13", "1.14"]
QUESTIONS = {"1.1": "equation_2_in_plain_english", "1.9": "algorithm_1_line_by_line"}
QUESTIONS |= {"1.11": "algorithm_2_line_by_line", "1.14": "four_experiments"}
PART_2 = ["2.1", "2.2", "2.3", "2.4", "2.5", "2.6", "2.7", "2.8", "2.9", "2.10", "2.11"]
walled = pytest.mark.skipif(bool(no_walls()), reason=no_walls() or "-")


@pytest.fixture(scope="session")
def job(tmp_path_factory):
    folder = tmp_path_factory.mktemp("grading") / "reference"
    write_reference(folder)
    return Job(folder, (0, 11, 22, 33), SECONDS, 300)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "made").mkdir()
    (tmp_path / "class").mkdir()
    return tmp_path


def hand_in(folder: Path, student: str, *scratch: str, name: str = NAME, **cells) -> HandIn:
    path = save_part(folder / "made", name, *scratch, **cells)
    (folder / "class" / student).mkdir(parents=True, exist_ok=True)
    path = path.rename(folder / "class" / student / path.name)
    return HandIn(path, f"{student}/{path.name}", "", student)


def q_eq4(*lines: str) -> str:
    """A right answer that does this first."""
    text = SOLVED["q_eq4"]
    end = text.index('"""', text.index('"""') + 3) + 4
    return text[:end] + "".join(f"    {line}\n" for line in lines) + text[end:]


def a_file(path: Path, name: str = "") -> HandIn:
    return HandIn(path, name or path.name, "", path.stem)


# ------------------------------------------------------------------------------------------------ which part


def test_the_part_is_told_by_the_cells_before_the_name(folder):
    path = hand_in(folder, "student01", name="part2_unet").path
    assert find_part(path, "part1_diffusion.ipynb") == "part2_unet"
    (folder / "mine.ipynb").write_text('{"cells": [{"cell_type": "code", "source": ""}]}', encoding="utf-8")
    assert find_part(folder / "mine.ipynb", "part3_mine.ipynb") == "part3_fashion_mnist"


def strip(path: Path) -> None:
    """Take off what a tool may take off a notebook: ids, tags and all other metadata."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        cell.pop("id", None)
        cell["metadata"] = {}
    path.write_text(json.dumps(notebook | {"metadata": {}, "nbformat_minor": 4}), encoding="utf-8")


def test_the_part_is_told_by_what_is_defined_where_ids_are_gone(folder):
    path = hand_in(folder, "student01", name="part2_unet").path
    strip(path)
    assert find_part(path, "homework.ipynb") == "part2_unet"


def test_written_answers_are_found_where_ids_are_gone(folder):
    path = hand_in(folder, "student01", **{QUESTIONS["1.1"]: "It fades.\n\n## Of course", QUESTIONS["1.9"]: ...}).path
    strip(path)
    texts = grade.texts_of(path, NAME)
    assert texts["1.1"] == "It fades.\n\n## Of course" and texts["1.9"] == "" and texts["1.11"]


@pytest.mark.parametrize(
    "text, said",
    [
        ('{"cells": [{"cell_type": "code", "source": "x"}]}', "belongs to no part: no cell bears or defines"),
        ('{"cells": []}', "holds no code"),
        ("", "is empty"),
        ('{"cells": [1, null]}', "cannot be read as a notebook"),
        ("[" * 200_000, "cannot be read as a notebook"),
        ('{"cells": [{"cell_type": "code", "source": "", "id": []}]}', "stops the grader: TypeError: unhashable"),
    ],
)
def test_a_file_of_no_part_is_said(folder, job, text, said):
    path = folder / "class" / "student01.ipynb"
    path.write_text(text, encoding="utf-8")
    (row,) = grade_one(a_file(path), job)
    assert row[:8] == ("student01.ipynb", "", "student01", "", "", grade.UNREADABLE, 0, 0)
    assert row.message.startswith(f"It {said}"), row.message


def test_large_files_and_links_are_not_read(folder, job):
    large, link = folder / "class" / "part1_student01.ipynb", folder / "class" / "part1_student02.ipynb"
    with large.open("wb") as file:
        file.truncate(100_000_000)
    link.symlink_to("/etc/passwd")
    too_large = "It has more than 20 MB, or is packed in a way of its own: clear its outputs and save it."
    for path, said in (large, too_large), (link, "It is no file of its own, but"):
        rows = grade_one(a_file(path), job)
        assert [row.exercise.split()[0] for row in rows] == NUMBERS
        assert all(row.state == grade.UNREADABLE and row.message.startswith(said) for row in rows), rows


def test_names_and_answers_of_odd_characters_are_written(folder, job, monkeypatch):
    monkeypatch.setattr(grade.progress, "grade", lambda *_: [])
    path = hand_in(folder, "student01", **{QUESTIONS["1.1"]: "ANSWER"}).path
    path.write_text(path.read_text(encoding="utf-8").replace("ANSWER", "\\ud800\\u0000 it fades"), encoding="utf-8")
    os.rename(path, os.fsencode(path.parent) + b"/part1\xff\n.ipynb")
    (folder / "zips").mkdir()
    (found,) = find_hand_ins(folder / "class", folder / "zips")
    rows = grade_one(found, job)
    with (folder / "g.csv").open("w", newline="", encoding="utf-8") as file:
        grade.write_whole(rows, file)
    write_all(rows, [], folder)
    assert "it fades" in (folder / "answers.html").read_text(encoding="utf-8") and table(rows).encode()


# ------------------------------------------------------------------------------------------------ rows and tables


def test_points_are_those_of_the_notebooks():
    points = {name: sum(exercise.points for exercise in part.exercises) for name, part in grade.parts().items()}
    first_three = {"part1_diffusion": 31, "part2_unet": 28, "part3_fashion_mnist": 23}
    assert points == first_three | {"part4_guidance": 17, "part5_systems": 28}


def test_a_spreadsheet_gets_no_formulas_and_single_lines(tmp_path):
    row = Row(
        "=f.ipynb",
        "0012",
        "Jäne",
        "1",
        "1.4 q_eq4",
        "not yet",
        None,
        2,
        "=SUM(1)\n\x1b[31mred",
        "",
        True,
        seconds=0.123,
    )
    with (tmp_path / "g.csv").open("w", newline="", encoding="utf-8") as file:
        grade.write_whole([row], file)
    assert (tmp_path / "g.csv").read_bytes().decode("utf-8") == (
        "\ufefffile,id,student,part,exercise,state,points,of,message,worth reading,late,counts,seconds\r\n"
        "'=f.ipynb,0012,Jäne,1,1.4 q_eq4,not yet,,2,'=SUM(1)  [31mred,,late,yes,0.12\r\n"
    )


def test_the_table_has_a_line_for_each_hand_in():
    def row(student, exercise, state, points=0, message="", **more):
        return Row(f"{student}/a.ipynb", "7", student, "1", exercise, state, points, 2, message, **more)

    assert table(
        [
            row("student01", "1.1 Equation 2", grade.ANSWERED, None),
            row("student01", "1.2 linear_schedule", grade.PASSED, 2),
            row("student02", "1.2 linear_schedule", grade.PASSED, 2, worth_reading="f uses open", late=True),
            row("student02", "1.3 q_eq2", grade.UNREADABLE, message="It took long."),
            row("student03", "1.2 linear_schedule", grade.UNREADABLE, message="It is empty.", counts=False),
        ]
    ) == (
        "student    id  part  points  passed  to look at                           file\n"
        "student01  7   1     2 of 4  1 of 1  1 answer to read                     student01/a.ipynb\n"
        "student02  7   1     2 of 4  1 of 2  late; 1 not judged; 1 worth reading  student02/a.ipynb\n"
        "student03  7   1     0 of 2  0 of 1  does not count; It is empty.         student03/a.ipynb"
    )


@pytest.mark.parametrize("take, which", [("latest", "b"), ("first", "a"), ("best", "a")])
def test_of_two_hand_ins_one_counts_and_a_better_one_is_named(take, which):
    hand_ins = [HandIn(Path(name), name, "", "student01", False, (i,)) for i, name in enumerate("ab")]
    rows = [Row(name, "", "student01", "1", "1.2 f", "", points, 2) for name, points in (("b", 0), ("a", 2))]
    rows = with_counting(rows, hand_ins, take)
    assert [row.file for row in rows if row.counts] == [which]
    notes = [row.worth_reading for row in rows if row.worth_reading]
    assert notes == (["a has more points (2), but is not the latest"] if take == "latest" else [])


# ------------------------------------------------------------------------------------------------ the command


def test_what_is_wrong_at_the_start_is_said_before_anything_is_judged(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(grade, "no_walls", lambda: None)
    (tmp_path / "class").mkdir()
    (tmp_path / "class" / "x.ipynb").touch()
    (tmp_path / "file").touch()
    (tmp_path / "bad.csv").write_text("number;name\n", encoding="utf-8")
    where, out = str(tmp_path / "class"), ["--out", str(tmp_path / "out")]
    assert main([str(tmp_path / "none")]) == 1
    assert main([where, *out, "--without", "9.9"]) == main([where, *out, "--roster", str(tmp_path / "bad.csv")]) == 1
    assert main([where, "--out", str(tmp_path / "file")]) == 1
    (tmp_path / "class" / "x.ipynb").unlink()
    assert main([where, *out]) == 1
    said = capsys.readouterr().err
    for words in (
        f"there is no {tmp_path / 'none'}\n",
        "there is no exercise 9.9: the exercises are 1.1, 1.2",
        "bad.csv has no column id: its first line has to name id, name\n",
        "File exists",
        f"there is no notebook (.ipynb) in {where}\n",
    ):
        assert words in said


def test_make_grade_asks_for_the_folder():
    done = subprocess.run(["make", "-o", ".venv/installed", "grade"], cwd=ROOT, capture_output=True, encoding="utf-8")
    assert done.returncode and "Say where they are: make grade SUBMISSIONS=folder" in done.stderr + done.stdout


@pytest.fixture
def forgetful():
    no_walls.cache_clear()
    yield
    no_walls.cache_clear()


@pytest.mark.parametrize("user", [0, 1000])
def test_what_is_not_protected_is_said_and_root_refuses(folder, monkeypatch, capsys, forgetful, user):
    (folder / "class" / "student01.ipynb").write_text("", encoding="utf-8")
    monkeypatch.setattr(shutil, "which", lambda _: None)
    monkeypatch.setattr(os, "getuid", lambda: user)
    assert main([str(folder / "class"), "--out", str(folder / "out")]) == (user == 0)
    said = capsys.readouterr().err
    assert ("Not protected, as bubblewrap (bwrap) is not installed: submissions can read" in said) == (user != 0)
    assert ("As root, submissions are not judged without walls, and bubblewrap (bwrap) is not" in said) == (user == 0)


def test_a_bubblewrap_that_does_not_start_is_said(tmp_path, monkeypatch, forgetful):
    (tmp_path / "bwrap").write_text(
        "#!/bin/sh\necho 'bwrap: No permissions to create new namespace' >&2\nexit 1\n", encoding="utf-8"
    )
    (tmp_path / "bwrap").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert no_walls() == "bubblewrap cannot start here (bwrap: No permissions to create new namespace)"


@pytest.mark.parametrize("works", [True, False])
def test_systemd_limits_memory_and_processes_where_it_is_there(tmp_path, monkeypatch, works):
    (tmp_path / "systemd-run").write_text(f"#!/bin/sh\nexit {int(not works)}\n", encoding="utf-8")
    (tmp_path / "systemd-run").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    walls.control_group.cache_clear()
    try:
        words = " ".join(walls.control_group())
    finally:
        walls.control_group.cache_clear()
    assert ("--property MemoryMax=5G --property MemorySwapMax=0 --property TasksMax=" in words) == works


def test_an_interrupted_run_keeps_what_it_has(folder, monkeypatch, job, capsys):
    def stopped(rows):
        yield [Row("a", "", "student01", "1", "1.2 linear_schedule", "passed", 1, 1)]
        raise OSError("the disk is full")

    (folder / "class" / "a.ipynb").touch()
    monkeypatch.setattr(grade, "no_walls", lambda: None)
    monkeypatch.setattr(grade, "grade_class", lambda *_: stopped(_))
    assert main([str(folder / "class"), "--out", str(folder / "out")]) == 1
    assert "student01,1,1.2 linear_schedule,passed,1,1" in (folder / "out" / "grades.csv").read_text(encoding="utf-8")
    assert "the disk is full" in capsys.readouterr().err


def test_an_error_of_the_grader_is_one_hand_ins_rows(folder, monkeypatch, job):
    monkeypatch.setattr(grade.progress, "grade", lambda *_: 1 / 0)
    rows = grade_one(hand_in(folder, "student01"), job, frozenset({"1.7"}))
    assert [row.exercise.split()[0] for row in rows] == [number for number in NUMBERS if number != "1.7"]
    assert {row.message for row in rows} == {"It stops the grader: ZeroDivisionError: division by zero."}


# ------------------------------------------------------------------------------------------------ the channel


def child(code: str) -> subprocess.Popen:
    return subprocess.Popen(["sh", "-c", code], stdout=subprocess.PIPE, start_new_session=True)


@pytest.mark.parametrize(
    "code, start, seconds, end, lines",
    [
        ("printf 'one\\ntwo\\nhalf'; sleep 9", 5, 0.1, 9, [b"one", b"two", NO_END]),
        ("sleep 9", 0.1, 9, 9, [NO_END]),
        ("while true; do echo x; sleep 0.3; done", 5, 5, 0.5, [b"x", b"x", NO_TIME]),
        ("echo x", 5, 5, 9, [b"x"]),
    ],
)
def test_a_channel_that_falls_silent_or_takes_too_long_ends(code, start, seconds, end, lines):
    with child(code) as process:
        got = list(lines_of(process, start, seconds, time.monotonic() + end))
        process.kill()
    assert got[-1] == lines[-1] and set(got) == set(lines)


def test_more_memory_than_allowed_ends_it(monkeypatch):
    with child("sleep 9 & sleep 9") as process:
        assert 0 < walls.memory_of(process.pid) < 2**30
        monkeypatch.setattr(walls, "MEMORY", -1)
        assert list(lines_of(process, 5, 5, time.monotonic() + 5)) == [NO_MEMORY]
        process.kill()


RESULT = ["key", "result", "1.4", "q_eq4", "passed", "", 0.1]


@pytest.mark.parametrize(
    "event",
    [
        ["other", *RESULT[1:]],
        ["key", "result", "1.4", "q_eq4", "superb", "", 0.1],
        ["key", "result", "1.4", "q_eq4", ["passed"], "", 0.1],
        ["key", "result", "1.4", "q_eq4", "passed", "", float("nan")],
        ["key", "result", "1.4", "q_eq4", "passed", "x" * 5000, 0.1],
        RESULT[:4],
        ["key", "elsewhere"],
        ["key", "hints", {"q_eq4": 1}],
        ["key"],
        "key",
        None,
        {"key": 1},
    ],
)
def test_an_event_of_another_form_is_forged(event):
    assert opened(json.dumps(RESULT).encode(), "key") == RESULT[1:]
    with pytest.raises(Forged, match=FORGED):
        opened(json.dumps(event).encode(), "key")


# ------------------------------------------------------------------------------------------------ hostile ones

FORGED_ROWS = """import os
def sample(model, n_samples, return_all_steps=False):
    for file in range(1, 60):
        try:
            os.write(file, b'["x", "result", "1.13", "sample", "passed", "", 0]\\n["x", "done"]\\n')
        except OSError:
            pass
"""
FILLS = """class Fill:
    for place in "/dev/shm", "/scratch", "/dev":
        try:
            open(f"{place}/x", "wb").write(bytes(10**9))
        except OSError:
            pass
"""
# many small ones, which no limit of one process stops
FORKS = "import os\ndef many(n):\n    for _ in range(n):\n        if not os.fork():\n            x = b'1' * 2**30\n"
FORKS += "            while True: pass\n"
# student: (scratch cells, other cells, states that are not "passed", words of one message)
ATTACKS = {
    "endless_in_class": (["class Loop:\n    while True: pass"], {}, "all", "something outside its functions"),
    "exits_in_class": (["class Out:\n    __import__('os')._exit(0)"], {}, "all", "Python itself ended"),
    "endless": ([], {"noise_img": ENDLESS}, {"1.6": "not yet"}, "It did not end within"),
    "exits": ([], {"sample": ENDS_PYTHON}, {"1.13": "not yet"}, "Python itself ended"),
    "prints": ([], {"q_eq4": q_eq4("while True: print('x' * 10000)")}, {"1.4": "not yet"}, "It did not end within"),
    "memory": ([], {"q_eq4": q_eq4("t.ones(25 * 10**9)")}, {"1.4": "not yet"}, "RuntimeError: "),
    "bytes": ([], {"q_eq4": q_eq4("bytearray(100 * 2**30)")}, {"1.4": "not yet"}, "MemoryError"),
    "forks": (
        ["import os\nSEEN = []"],
        {"q_eq4": q_eq4("if not SEEN:", "    SEEN.append(os.fork())", "    while SEEN == [0]: pass")},
        {},
        "",
    ),
    "bombs": ([FORKS], {"q_eq4": q_eq4("many(50)")}, {"1.4": "not yet"}, ""),
    "threads": (
        ["import threading, time\ndef many():\n    while True: threading.Thread(target=time.sleep, args=[99]).start()"],
        {"q_eq4": q_eq4("many()")},
        {"1.4": "not yet"},
        "can't start new thread",
    ),
    "fills": ([FILLS], {}, None, ""),  # the checks of train need some of that room
    "kills": (["import os"], {"q_eq4": q_eq4("for n in -1, os.getppid(), 1: os.kill(n, 9)")}, {"1.4": "not yet"}, ""),
    "forges": ([], {"sample": FORGED_ROWS}, "all", "writes into the channel"),
    "own_check": (["def check_q_eq4(answer): print('ok')"], {"q_eq4": WRONG_EQ4}, {"1.4": "not yet"}, "std 0.100"),
    "nests": (["x = " + "-" * 100_000 + "1", "def deep(): return 1" + "+1" * 20_000], {}, None, ""),
    "long": ([], {"q_eq4": q_eq4("raise ValueError('\\x00=' * 10**6)")}, {"1.4": "not yet"}, "ValueError: "),
    "loads": (
        ["from tools.saved import load_part"],
        {"q_eq4": "def q_eq4(*inputs):\n    return load_part('part1_diffusion').q_eq4(*inputs)"},
        {"1.4": "not yet"},
        "gives nothing while a notebook is graded",
    ),
    "deleted": ([], {"q_eq4": None}, {"1.4": "not written"}, "No cell defines q_eq4"),
    "twice": ([WRONG_EQ4], {}, {"1.4": "not yet"}, "std 0.100, expected 0.316"),
    "asks": ([], {"q_eq4": q_eq4("input('your name?')")}, {"1.4": "not yet"}, "EOFError"),
    "leaves": ([], {"q_eq4": q_eq4("import sys; sys.exit()")}, {"1.4": "not yet"}, "SystemExit"),
    "knows_the_seed": (
        [],
        {"q_eq4": q_eq4("if t.initial_seed() != 0: raise ValueError(t.initial_seed())")},
        {"1.4": "not yet"},
        "ValueError: 11",
    ),
}


def check_rows(rows: list[Row], states, words: str = "") -> None:
    assert [row.exercise.split()[0] for row in rows] == NUMBERS
    for row in rows if states is not None else []:  # where whatever its own rows say will do
        number = row.exercise.split()[0]
        if number in QUESTIONS:
            assert (row.state, row.points) == (grade.ANSWERED, None) and row.text
        elif states == "all":
            assert (row.state, row.points) == (grade.UNREADABLE, 0), row
        else:
            assert row.state == states.get(number, grade.PASSED), row
            assert row.points == row.of * (row.state == grade.PASSED)
    assert any(words in row.message for row in rows), rows


def check_good(rows: list[Row]) -> None:
    check_rows(rows, {})
    assert sum(row.points or 0 for row in rows) == 23


def test_a_notebook_is_judged_and_its_rows_are_whole(folder, job):
    """The one that make test has time for."""
    student = hand_in(folder, "student01", q_eq4=WRONG_EQ4)
    rows = grade_one(student, job._replace(seeds=(0, 11), seconds=60))
    check_rows(rows, {"1.4": "not yet"}, "You scale the noise by a variance, where")
    assert sum(row.points or 0 for row in rows) == 21


@walled  # one of them kills all that it can reach
@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("part_of_class", range(5))
def test_an_attack_costs_its_own_rows_alone(folder, job, part_of_class):
    attacks = dict(list(ATTACKS.items())[part_of_class::5])
    hand_ins = [hand_in(folder, student, *scratch, **cells) for student, (scratch, cells, *_) in attacks.items()]
    hand_ins = [hand_in(folder, "a_good_one"), *hand_ins, hand_in(folder, "z_good_one")]
    rows = [row for graded in grade.grade_class(hand_ins, job, 2, show=False) for row in graded]
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
def test_without_walls_there_are_still_limits(folder, job, monkeypatch):
    monkeypatch.setattr(walls, "no_walls", lambda: "there is none")
    student = hand_in(folder, "student01", noise_img=ENDLESS, q_eq4=q_eq4("bytearray(100 * 2**30)"), sample=ENDS_PYTHON)
    check_rows(grade_one(student, job), {"1.4": "not yet", "1.6": "not yet", "1.13": "not yet"}, "MemoryError")


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_notebook_that_takes_too_long_keeps_what_has_passed(folder, job):
    slow = {
        "noise_img": ENDLESS,
        "train": ENDLESS.replace("noise_img(img, noise_schedule, max_steps", "train(*inputs, x"),
    }
    rows = grade_one(hand_in(folder, "student01", **slow), job._replace(seconds=60, total=45))
    states = {row.exercise.split()[0]: row.state for row in rows}
    assert states["1.2"] == states["1.5"] == grade.PASSED and states["1.13"] == grade.UNREADABLE
    last = next(row for row in rows if row.exercise.startswith("1.13"))
    assert last.message == "It was not judged to its end, as that took more than 45 seconds."


SNOOP = """import glob, os, socket, subprocess
from pathlib import Path
def linear_schedule(*inputs):
    raise ValueError(str(sorted(path.name for path in Path("{root}/solutions").iterdir() if path.is_file())))
def q_eq2(x, num_steps, betas):
    raise ValueError(str(glob.glob("{root}/tests/answers/*") + glob.glob("{root}/notebooks/*") + glob.glob("/home/*/.b*")
        + glob.glob("{folder}/class/*/*") + glob.glob("/var/*") + glob.glob("{root}/.git*")))
def reconstruct(noisy_img, noise, num_steps, noise_schedule):
    socket.create_connection(("127.0.0.1", {port}), timeout=2)
def noise_img(img, noise_schedule, max_steps=None):
    raise ValueError(str(sorted(os.environ)) + str(os.getuid() == 0))
def q_eq4(x, num_steps, betas):
    open("{root}/utils.py", "a")
def train(*inputs):
    open("/proc/sys/kernel/core_pattern", "w")
class NoiseSchedule:
    def __init__(self, *inputs, **options):
        done = subprocess.run(["unshare", "--user", "true"], capture_output=True, text=True)
        raise ValueError(f"unshare {{done.returncode}}")
class TinyDiffuser:
    def __init__(self, *inputs, **options):
        text = Path("{root}/solutions/part1_diffusion.ipynb").read_text() + Path(
            "{root}/solutions/part1_diffusion.py").read_text() + str(Path(
            "{root}/solutions/part1_diffusion.code").read_bytes())
        words = ("alpha_bar.sqrt() *", "is a distribution: how likely", "The numbers of")
        raise ValueError("found " + str([word for word in words if word in text]))
"""


@walled
@pytest.mark.slow
def test_a_submission_sees_the_course_and_itself_alone(folder, job):
    with socket.create_server(("127.0.0.1", 0)) as server:
        code = SNOOP.format(root=ROOT, folder=folder, port=server.getsockname()[1])
        student = hand_in(folder, "student01", code)
        hand_in(folder, "student02")
        rows = {row.exercise.split()[1]: row for row in grade_one(student, job)}
    files = rows["linear_schedule"].message.splitlines()[0]
    assert "part1_diffusion.code" in files and "part2_unet.py" in files
    assert rows["q_eq2"].message.startswith("ValueError: []\n"), rows["q_eq2"]
    assert "WANDB" in rows["noise_img"].message and "FASHION" not in rows["noise_img"].message
    assert "]False" in rows["noise_img"].message
    assert rows["q_eq4"].message.startswith(("OSError: [Errno 30] Read-only", "PermissionError"))
    assert rows["reconstruct"].message.startswith(("ConnectionRefusedError", "OSError"))
    assert rows["train"].message.startswith("PermissionError")
    assert rows["NoiseSchedule"].message.startswith(f"ValueError: unshare {int(walls.can_disable_namespaces())}\n")
    assert rows["TinyDiffuser"].message.startswith("ValueError: found []\n")
    assert rows["sample"].state == grade.PASSED
