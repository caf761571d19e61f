"""What a class has handed in, as platforms export it: everybody is found once, by name, with what there is to judge.

All names are made up. The makers below write a class of any notebooks as each platform would.
"""

import os
import re
import shutil
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tools.handins import HandIn, copied, find_hand_ins, name_in_file

STUDENTS = [f"student{i:02}" for i in range(1, 41)]
Class = dict[str, tuple[str, bytes]]  # by student: the name of a file, and what is in it


def write(path: Path, content: bytes = b"{}") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def pack(folder: Path) -> Path:
    """Turn a folder into a zip of what it holds."""
    target = Path(shutil.make_archive(str(folder), "zip", folder))
    shutil.rmtree(folder)
    return target


# ------------------------------------------------------------------------------------------------ as platforms export


def number(student: str) -> int:
    return 1_000_000 + int(re.sub(r"\D", "", student))


def moodle(folder: Path, handed_in: Class) -> Path:
    for student, (file, content) in handed_in.items():
        write(folder / f"Made-up {student}_{number(student)}_assignsubmission_file" / file, content)
    return folder


def moodle_flat(folder: Path, handed_in: Class) -> Path:
    for student, (file, content) in handed_in.items():
        write(folder / f"Made-up {student}_{number(student)}_assignsubmission_file_{file}", content)
    return folder


def canvas(folder: Path, handed_in: Class) -> Path:
    for i, (student, (file, content)) in enumerate(handed_in.items()):
        write(folder / f"{student}madeup_{'LATE_' * (i % 10 == 9)}{number(student)}_{70_000 + i}_{file}", content)
    return folder


def gradescope(folder: Path, handed_in: Class) -> Path:
    listed = []
    for student, (file, content) in handed_in.items():
        write(folder / f"submission_{number(student) + 5}" / file, content)
        listed += [f"submission_{number(student) + 5}:", "  :submitters:", f"  - :name: Made-up {student}"]
        listed += [f"    :sid: '{number(student)}'", f"    :email: {student}@example.org"]
        listed += ["  :created_at: !ruby/object:ActiveSupport::TimeWithZone", "    utc: 2026-05-04 14:05:09.1 Z"]
    write(folder / "submission_metadata.yml", "\n".join(["---", *listed, ""]).encode())
    return folder


def classroom(folder: Path, handed_in: Class) -> Path:
    for student, (file, content) in handed_in.items():
        clone = folder / "diffusion-submissions" / f"diffusion-{student}"
        for name in "utils.py", "solutions/part1_diffusion.ipynb", "tests/other.ipynb", ".git/HEAD", "README.md":
            write(clone / name)
        write(clone / "notebooks" / file, content)
    return folder / "diffusion-submissions"


def folders(folder: Path, handed_in: Class) -> Path:
    for student, (file, content) in handed_in.items():
        write(folder / student / "week 1" / file, content)
    return folder


def files(folder: Path, handed_in: Class) -> Path:
    for student, (file, content) in handed_in.items():
        write(folder / f"part1_diffusion_{student}{file[file.index('.') :]}", content)
    return folder


def zips(folder: Path, handed_in: Class) -> Path:
    for student, (file, content) in handed_in.items():
        write(folder / student / file, content)
        write(folder / student / "__MACOSX" / f"._{file}")
        pack(folder / student)
    return folder


PLATFORMS: dict[Callable[[Path, Class], Path], tuple[str, str]] = {  # with the id and the name of student01 there
    moodle: ("1000001", "Made-up student01"),
    moodle_flat: ("1000001", "Made-up student01"),
    canvas: ("1000001", "student01madeup"),
    gradescope: ("1000001", "Made-up student01"),
    classroom: ("student01", "student01"),
    folders: ("", "student01"),
    files: ("", "student01"),
    zips: ("", "student01"),
}
by_name = pytest.mark.parametrize("platform", PLATFORMS, ids=lambda platform: platform.__name__)


def found(source: Path, scratch: Path) -> list[HandIn]:
    scratch.mkdir(exist_ok=True)
    return find_hand_ins(source, scratch)


@pytest.mark.parametrize(
    "platform, packed",
    [*((platform, False) for platform in PLATFORMS), (moodle, True), (classroom, True), (zips, True)],
    ids=lambda value: getattr(value, "__name__", "packed" if value else "open"),
)
def test_forty_students_are_found_wherever_they_hand_in(tmp_path, platform, packed):
    place = platform(tmp_path / "class", dict.fromkeys(STUDENTS, ("part1_diffusion.ipynb", b"{}")))
    hand_ins = found(pack(place) if packed else place, tmp_path / "scratch")
    assert len(hand_ins) == 40 and not any(hand_in.problem for hand_in in hand_ins)
    first = PLATFORMS[platform]
    for student in STUDENTS:
        expected = tuple(word.replace("1000001", str(number(student))).replace("student01", student) for word in first)
        (hand_in,) = [hand_in for hand_in in hand_ins if (hand_in.id, hand_in.name) == expected]
        assert hand_in.path.read_bytes() == b"{}" and not hand_in.path.name.startswith("._")
        assert hand_in.late == (platform is canvas and student.endswith("0"))


@by_name
def test_a_zip_in_a_folder_and_exports_side_by_side_are_the_same_class(tmp_path, platform):
    place = platform(tmp_path / "class", dict.fromkeys(STUDENTS[:3], ("part1_diffusion.ipynb", b"{}")))
    (tmp_path / "packed").mkdir()
    pack(place).rename(tmp_path / "packed" / "download.zip")
    hand_ins = found(tmp_path / "packed", tmp_path / "scratch")
    assert [student for hand_in in hand_ins for student in STUDENTS if student in hand_in.name] == STUDENTS[:3]


def test_a_student_of_two_exports_is_one(tmp_path):
    """Of Moodle, too, which numbers anew in each assignment."""
    names = ["Made-up A", "Made-up B"]
    for i, part in enumerate(("Part 1", "Part 2")):
        for k, name in enumerate(names):
            write(tmp_path / "class" / part / f"{name}_{100 + 10 * i + k}_assignsubmission_file" / "x.ipynb")
    hand_ins = found(tmp_path / "class", tmp_path / "scratch")
    assert {(hand_in.id, hand_in.name) for hand_in in hand_ins} == {("100", "Made-up A"), ("101", "Made-up B")}
    write(tmp_path / "class" / "Part 1" / "Made-up A_199_assignsubmission_file" / "x.ipynb")
    hand_ins = found(tmp_path / "class", tmp_path / "again")
    assert len({hand_in.id for hand_in in hand_ins if hand_in.name == "Made-up A"}) == 3  # two of one name: kept apart


@by_name
def test_a_folder_around_all_in_a_zip_is_nobodys(tmp_path, platform):
    place = platform(tmp_path / "class" / "export", dict.fromkeys(STUDENTS[:3], ("part1_diffusion.ipynb", b"{}")))
    hand_ins = found(pack(place.parent), tmp_path / "scratch")
    assert [student for hand_in in hand_ins for student in STUDENTS if student in hand_in.name] == STUDENTS[:3]
    assert not any(hand_in.problem for hand_in in hand_ins) and len(hand_ins) == 3


def test_two_on_canvas_are_two_and_a_second_try_is_the_later(tmp_path):
    late = "doejane_LATE_12345_67890_part1_diffusion.ipynb"
    for file in (late, "roejane_12345_67891_part1_diffusion (2).ipynb", "doejane_12345_67895_part1_diffusion-1.ipynb"):
        write(tmp_path / "class" / file)
    hand_ins = {hand_in.file: hand_in for hand_in in found(tmp_path / "class", tmp_path / "scratch")}
    assert [(hand_in.name, hand_in.late) for hand_in in hand_ins.values()] == [
        ("doejane", False),
        ("doejane", True),
        ("roejane", False),
    ]
    assert hand_ins["doejane_12345_67895_part1_diffusion-1.ipynb"].order > hand_ins[late].order


def test_a_group_is_all_of_its_students(tmp_path):
    submitters = "".join(f"  - :name: Made-up {who}\n    :sid: '{i}'\n" for i, who in enumerate("ab", 1))
    write(tmp_path / "class" / "submission_metadata.yml", f"submission_7:\n  :submitters:\n{submitters}".encode())
    write(tmp_path / "class" / "submission_7" / "x.ipynb")
    hand_ins = found(tmp_path / "class", tmp_path / "scratch")
    assert [(hand_in.id, hand_in.name) for hand_in in hand_ins] == [("1", "Made-up a"), ("2", "Made-up b")]


def test_of_copies_the_later_saved_and_the_higher_number_is_the_later(tmp_path):
    names = ["x.ipynb", "x-Copy1.ipynb", "x (2).ipynb", "old.ipynb"]
    for name in names:
        path = write(tmp_path / "class" / "student01" / name)
        os.utime(path, (1e9, 1e9) if name != "old.ipynb" else (9e8, 9e8))
    hand_ins = sorted(found(tmp_path / "class", tmp_path / "scratch"), key=lambda hand_in: hand_in.order)
    assert [hand_in.path.name for hand_in in hand_ins] == ["old.ipynb", "x.ipynb", "x-Copy1.ipynb", "x (2).ipynb"]


# ------------------------------------------------------------------------------------------------ files of all kinds


@pytest.mark.parametrize(
    "path, student",
    [
        ("student01/part1_diffusion.ipynb", "student01"),
        ("student01/week 1/anything.ipynb", "student01"),
        ("part1_diffusion_student01.ipynb", "student01"),
        ("part1_diffusion_student01 (1).ipynb", "student01"),
        ("student01-part1.ipynb", "student01"),
        ("part1_diffusion.ipynb", "part1_diffusion"),
        ("homework.ipynb", "homework"),
        ("Part1_bob.ipynb", "bob"),
        ("counterpart1.ipynb", "counterpart1"),
        ("part1_student01.IPYNB", "student01"),
        ("part1_student01.ipynb.json", "student01"),
        ("part1_student01.ipynb.txt", "student01"),
        ("student01/diffusion/notebooks/part1.ipynb", "student01"),
    ],
)
def test_the_student_is_found_in_the_path(tmp_path, path, student):
    write(tmp_path / "class" / path)
    (hand_in,) = found(tmp_path / "class", tmp_path / "scratch")
    assert (hand_in.name, hand_in.problem, hand_in.file) == (student, "", path)


def test_what_is_no_notebook_gets_a_row_that_says_so(tmp_path):
    for name in "student01/part1.html", "student01/a.png", "part1_student02.pdf", "roster.csv", "student03/x.ipynb.txt":
        write(tmp_path / "class" / name)
    write(tmp_path / "class" / "student04.zip", b"PK and no more")
    (tmp_path / "class" / "student05").mkdir()
    write(tmp_path / "class" / "part1_student06.html")
    write(tmp_path / "class" / "part1_student06.ipynb")
    write(tmp_path / "class" / "student07" / "saved.json", b'{"cells": [], "nbformat": 4}')
    write(tmp_path / "class" / "student08" / ".ipynb_checkpoints" / "part1-checkpoint.ipynb")
    told = {hand_in.name: hand_in.problem for hand_in in found(tmp_path / "class", tmp_path / "scratch")}
    assert told == {
        "student01": "holds no notebook (.ipynb), only a.png, part1.html",
        "student02": "holds no notebook (.ipynb), only part1_student02.pdf",
        "student03": "",
        "student04": "is a zip that cannot be read: File is not a zip file",
        "student05": "holds no notebook (.ipynb), nothing",
        "student06": "",
        "student07": "",
        "student08": "holds no notebook (.ipynb), nothing",
    }


def test_of_a_clone_only_the_students_own_notebooks_are_taken(tmp_path):
    for name in "notebooks/part1.ipynb", "solutions/part1.ipynb", "tests/x.ipynb", "mine/part2.ipynb":
        write(tmp_path / "class" / "diffusion-student01" / name)
    write(tmp_path / "class" / "diffusion-student02" / "utils.py")
    write(tmp_path / "class" / "student03" / "solutions" / "part1.ipynb")  # the name of a folder that is their own
    hand_ins = found(tmp_path / "class", tmp_path / "scratch")
    assert [(hand_in.name, hand_in.file.split("/", 1)[1], bool(hand_in.problem)) for hand_in in hand_ins] == [
        ("student01", "mine/part2.ipynb", False),
        ("student01", "notebooks/part1.ipynb", False),
        ("student02", "utils.py", True),
        ("student03", "solutions/part1.ipynb", False),
    ]


# ------------------------------------------------------------------------------------------------ hostile ones


def test_of_very_many_notebooks_the_latest_are_judged(tmp_path):
    for i in range(50):
        os.utime(write(tmp_path / "class" / "student01" / f"{i}.ipynb"), (1e9 + 10 * i, 1e9 + 10 * i))
    hand_ins = found(tmp_path / "class", tmp_path / "scratch")
    assert {hand_in.path.stem for hand_in in hand_ins if not hand_in.problem} == set(map(str, range(30, 50)))
    (told,) = [hand_in.problem for hand_in in hand_ins if hand_in.problem]
    assert told == "comes with 50 notebooks: the latest 20 are judged"


def test_nobody_hands_in_for_another(tmp_path):
    """By folders that are named as a platform would, within one's own."""
    write(tmp_path / "class" / "student01" / "part1.ipynb")
    for name in (
        "student01_1000001_assignsubmission_file/part1.ipynb",
        "student01_1234_5678_part1.ipynb",
        "submission_3/part1.ipynb",
        "diffusion-submissions/diffusion-student01/utils.py",
        "diffusion-submissions/diffusion-student01/notebooks/x.ipynb",
    ):
        write(tmp_path / "class" / "student02" / name)
    write(
        tmp_path / "class" / "student02" / "submission_metadata.yml",
        b"submission_3:\n  :submitters:\n  - :name: student01\n    :sid: ''\n",
    )
    hand_ins = found(tmp_path / "class", tmp_path / "scratch")
    assert [hand_in.file for hand_in in hand_ins if hand_in.name == "student01"] == ["student01/part1.ipynb"]
    assert {hand_in.name for hand_in in hand_ins} == {"student01", "student02"}


def test_a_file_named_like_a_platforms_is_its_students(tmp_path):
    other = "Made-up B_12_assignsubmission_file_x.ipynb"
    write(tmp_path / "class" / f"Made-up A_11_assignsubmission_file_{other}")
    write(tmp_path / "class" / "astudent_LATE_1001_5001_bstudent_1002_5002_x.ipynb")
    hand_ins = found(tmp_path / "class", tmp_path / "scratch")
    assert [(hand_in.id, hand_in.name) for hand_in in hand_ins] == [("11", "Made-up A"), ("1001", "astudent")]


def test_a_zip_stays_in_its_folder_and_within_bounds(tmp_path):
    (tmp_path / "class").mkdir()
    with zipfile.ZipFile(tmp_path / "class" / "student01.zip", "w") as packed:
        packed.writestr("../../outside.ipynb", "{}")
        packed.writestr("/root.ipynb", "{}")
        link = zipfile.ZipInfo("link.ipynb")
        link.external_attr = 0o120777 << 16
        packed.writestr(link, "/etc/passwd")
        packed.writestr("a\\b.ipynb", "{}", zipfile.ZIP_DEFLATED)
    with zipfile.ZipFile(tmp_path / "class" / "student02.zip", "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("bomb.ipynb", b"0" * 50_000_000)
    inner = tmp_path / "class" / "student03.zip"
    with zipfile.ZipFile(inner, "w") as packed:
        packed.writestr("x.ipynb", "{}")
    for _ in range(4):
        content = inner.read_bytes()
        with zipfile.ZipFile(inner, "w") as packed:
            packed.writestr("inner.zip", content)
    with zipfile.ZipFile(tmp_path / "class" / "student04.zip", "w") as packed:
        packed.writestr("x.ipynb", "{}")
    content = bytearray((tmp_path / "class" / "student04.zip").read_bytes())
    for header, place in (b"PK\x01\x02", 8), (b"PK\x03\x04", 6):  # where it says that it is encrypted
        content[content.index(header) + place] |= 1
    (tmp_path / "class" / "student04.zip").write_bytes(content)
    hand_ins = found(tmp_path / "class", tmp_path / "scratch")
    assert not (tmp_path / "outside.ipynb").exists()
    told = {(hand_in.name, hand_in.problem) for hand_in in hand_ins}
    assert ("student03", "is a zip that cannot be read: it lies in 3 others") in told
    bomb, encrypted = (next(each for each in hand_ins if each.name == name) for name in ("student02", "student04"))
    for each in bomb, encrypted:
        with pytest.raises(ValueError, match="has more than 20 MB, or is packed in a way of its own"):
            copied(each, tmp_path)
    assert all(hand_in.path.resolve().is_relative_to(tmp_path) for hand_in in hand_ins)
    assert {hand_in.path.read_bytes() for hand_in in hand_ins if hand_in.name == "student01"} <= {b"{}", b""}
    taken = sum(file.stat().st_blocks * 512 for file in (tmp_path / "scratch").rglob("*") if file.is_file())
    assert taken < 1_000_000


def test_one_students_bomb_costs_no_other_of_the_same_zip(tmp_path):
    with zipfile.ZipFile(tmp_path / "class.zip", "w", zipfile.ZIP_DEFLATED) as packed:
        for i in range(10):
            packed.writestr(f"Made-up A_1_assignsubmission_file/{i}.ipynb", b"0" * 9_000_000)
        packed.writestr("Made-up A_1_assignsubmission_file/" + "x" * 300 + ".ipynb", "{}")
        packed.writestr("Made-up A_1_assignsubmission_file/" + "x/" * 2000 + ".ipynb", "{}")
        packed.writestr("Made-up A_1_assignsubmission_file/0.ipynb/inside.ipynb", "{}")
        packed.writestr("Made-up B_2_assignsubmission_file/part1.ipynb", "{}")
    hand_ins = found(tmp_path / "class.zip", tmp_path / "scratch")
    assert [hand_in.path.read_bytes() for hand_in in hand_ins if hand_in.name == "Made-up B"] == [b"{}"]


def test_folders_that_are_too_deep_or_closed_stop_nothing(tmp_path):
    write(tmp_path / "class" / "student01" / "/".join("x" * 300) / "part1.ipynb")
    write(tmp_path / "class" / "student02" / "part1.ipynb")
    problems = {hand_in.name: bool(hand_in.problem) for hand_in in found(tmp_path / "class", tmp_path / "scratch")}
    assert problems == {"student01": True, "student02": False}


def test_links_and_large_files_are_not_read(tmp_path):
    (tmp_path / "class").mkdir()
    (tmp_path / "class" / "student01.ipynb").symlink_to("/etc/passwd")
    (tmp_path / "class" / "student02").symlink_to("/etc")
    with (tmp_path / "class" / "student03.ipynb").open("wb") as file:
        file.truncate(100_000_000)
    os.mkfifo(tmp_path / "class" / "student04.ipynb")
    by_name = {hand_in.name: hand_in for hand_in in found(tmp_path / "class", tmp_path / "scratch")}
    assert by_name["student02"].problem
    for name, why in (("student01", "is no file"), ("student03", "has more than 20 MB"), ("student04", "is no file")):
        with pytest.raises(ValueError, match=why):
            copied(by_name[name], tmp_path)


def test_a_large_class_of_clones_is_found_in_seconds(tmp_path):
    for student in STUDENTS:
        for i in range(30):
            write(tmp_path / "class" / f"diffusion-{student}" / "notebooks" / f"file{i}.txt", b"")
        write(tmp_path / "class" / f"diffusion-{student}" / "utils.py")
    begin = time.process_time()
    assert len(found(tmp_path / "class", tmp_path / "scratch")) == 40
    assert time.process_time() - begin < 3


@pytest.mark.parametrize("name", ["x (1).ipynb", "x-Copy1.ipynb", "x.ipynb.txt", "x.IPYNB", "x.html", "x.ipynb"])
def test_marks_of_copies_and_endings_are_no_part_of_a_name(name):
    assert name_in_file(name) == "x"


@pytest.mark.parametrize("name", ["none", "file.txt"])
def test_what_is_neither_a_folder_nor_a_zip_is_said(tmp_path, name):
    write(tmp_path / "file.txt")
    with pytest.raises(ValueError, match=r"there is no|is neither a folder nor a zip"):
        found(tmp_path / name, tmp_path / "scratch")
