"""Find what a class has handed in, as learning platforms export it: who, which file, late or not, and what is missing.

Names tell the platform: Moodle's folders, Canvas's files, Gradescope's folders and list, GitHub Classroom's clones. All
else is a plain class: a folder for each student, or files that bear their names. Any of it may be a zip, or hold zips.
"""

import errno
import os
import re
import shutil
import time
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from tools.progress import ROOT

LARGEST = 20  # MB of a notebook; with all its outputs one has less than 5
PACKED = 100  # times its size in a zip, what a notebook may be: with pictures it is twice, text alone ten times
MANY = 20_000  # files in a zip
DEEP = 20  # folders within each other
MOST = 20  # notebooks of one student that are judged
DEEPEST = 3  # zips within each other
NOTEBOOK = re.compile(r"\.ipynb(\.json|\.txt)?$", re.IGNORECASE)
TOLD = re.compile(r"\.(html?|pdf|py|docx?|odt|rar|7z|gz|tgz|tar|zip|txt|json|md|png|jpe?g|url|webloc)$", re.IGNORECASE)
PASSED_OVER = {"__MACOSX", ".ipynb_checkpoints", "__pycache__", "wandb", "saves", "build"}
OF_THE_COURSE = {"solutions", "tests", "tools", "docs", "data"}  # in a clone of it: not the student's work
MOODLE = re.compile(r"(?P<name>.+?)_(?P<id>\d+)_assignsubmission_(?:file|onlinetext)(?:_(?P<file>.*))?$")
CANVAS = re.compile(r"(?P<name>[^_]+(?:_[^_]+)*?)_(?P<late>LATE_)?(?P<id>\d{3,})_(?P<order>\d{3,})_(?P<file>.+)$")
GRADESCOPE = re.compile(r"submission_(?P<id>\d+)$")
COPY = re.compile(r"(?: ?\((\d+)\)|[-_ ]Copy(\d+))$", re.IGNORECASE)
TITLES = "|".join(path.stem.partition("_")[2] for path in (ROOT / "solutions").glob("part*.py"))
PART = re.compile(rf"(?<![a-z])part\d+(?:_(?:{TITLES}))?(?![a-z])", re.IGNORECASE)
AGAIN = re.compile(r"-(\d+)$")  # what Canvas adds to a file that is handed in again
LIST = "submission_metadata.yml"  # Gradescope's, of who has handed in what


class HandIn(NamedTuple):
    """One notebook of one student, or one that is missing."""

    path: Path
    file: str  # where it lies, from the class's folder
    id: str  # the platform's; empty where there is none
    name: str
    late: bool = False
    order: tuple = ()  # of two of a student's hand-ins, the later one has the larger
    problem: str = ""  # why there is no notebook to read


class Found(NamedTuple):
    """A file, or a folder that holds nothing."""

    path: Path
    parts: tuple[str, ...]  # of its path from the class's folder, with the names of zips
    problem: str = ""


class Person(NamedTuple):
    id: str
    name: str
    top: tuple[str, ...]  # the folder of what they have handed in


def find_hand_ins(source: Path, scratch: Path) -> list[HandIn]:
    """All notebooks of a class, and a row for each student who has handed in something else, in order of their paths.
    source: a folder or a zip   scratch: an empty folder, to unpack into   errors: ValueError where it is neither"""
    if not source.is_dir() and not zipfile.is_zipfile(source):
        raise ValueError(f"{source} is neither a folder nor a zip" if source.exists() else f"there is no {source}")
    clones: set[tuple[str, ...]] = set()
    entries = [path for path in source.iterdir() if not is_hidden(path.name)] if source.is_dir() else []
    if len(entries) == 1 and entries[0].suffix.lower() == ".zip" and not is_of_a_platform(entries[0].name):
        source = entries[0]
    found = list(walk(source, (), scratch, 0, clones))
    while not source.is_dir() and is_wrapped(found, clones):
        found = [each._replace(parts=each.parts[1:]) for each in found if each.parts[1:]]
        clones = {clone[1:] for clone in clones if clone}
    level = level_of(found)
    lists = {each.parts[:-1]: read_list(each.path) for each in found if each.parts[level:] == (LIST,)}
    people: dict[Person, list[Found]] = {}
    for each in found:
        for person in who(each, level, clones, lists, source.name):
            people.setdefault(person, []).append(each)
    hand_ins = [hand_in for person, theirs in people.items() for hand_in in hand_ins_of(person, theirs, level)]
    return sorted(joined(hand_ins), key=lambda hand_in: (hand_in.file, hand_in.id, hand_in.name))


# ------------------------------------------------------------------------------------------------ what is there


def walk(
    path: Path, parts: tuple[str, ...], scratch: Path, depth: int, clones: set[tuple[str, ...]]
) -> Iterator[Found]:
    """What a folder or a zip holds. depth: how many zips it lies in   clones: takes which folders are the course"""
    if path.suffix.lower() == ".zip" and path.is_file() and not path.is_symlink():
        inside = scratch / str(sum(1 for _ in scratch.iterdir()))
        inside.mkdir()
        try:
            if depth == DEEPEST:
                raise ValueError(f"it lies in {DEEPEST} others")
            unpack(path, inside)
        except (ValueError, RuntimeError, OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
            yield Found(path, parts or (path.name,), f"is a zip that cannot be read: {error}".rstrip("."))
            return
        path, depth = inside, depth + 1
    if path.is_symlink() or not path.is_dir():
        yield Found(path, parts)
        return
    try:
        entries = sorted(entry for entry in path.iterdir() if not is_hidden(entry.name)) if len(parts) < DEEP else []
    except OSError as error:
        yield Found(path, parts, f"cannot be read: {error.strerror}")
        return
    names = {entry.name for entry in entries}
    if "utils.py" in names or {"notebooks", "solutions"} <= names:  # the course, with the student's work in it
        clones.add(parts)
        entries = [entry for entry in entries if entry.name not in OF_THE_COURSE]
    if not entries and parts:
        yield Found(path, parts)
    for entry in entries:
        yield from walk(entry, (*parts, entry.name), scratch, depth, clones)


def is_hidden(name: str) -> bool:
    return name.startswith(".") or name in PASSED_OVER


def unpack(path: Path, folder: Path) -> None:
    """Unpack a zip, with what is needed of it: notebooks, lists and zips whole, of other files the names. What cannot
    be read, or is far larger than it seems, is told as too large later, and costs no other file.
    errors: ValueError for one of very many files"""
    with zipfile.ZipFile(path) as packed:
        if len(packed.infolist()) > MANY:
            raise ValueError(f"it holds more than {MANY} files")
        for member in packed.infolist():
            parts = PurePosixPath(member.filename.replace("\\", "/").replace("\0", "")).parts
            parts = [part for part in parts if part not in ("/", "..")]
            if not 0 < len(parts) <= DEEP or any(map(is_hidden, parts)):
                continue
            target = folder.joinpath(*parts)
            try:
                (target if member.is_dir() else target.parent).mkdir(parents=True, exist_ok=True)
                if not member.is_dir():
                    unpack_file(packed, member, target)
            except OSError as error:
                if error.errno == errno.ENOSPC:
                    raise  # the others are names that no file may have


def unpack_file(packed: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path) -> None:
    kind, is_link = target.suffix.lower(), member.external_attr >> 28 == 0xA
    wanted = NOTEBOOK.search(target.name) or kind in (".zip", ".json", ".txt", ".yml")
    too_large = kind != ".zip" and member.file_size > LARGEST * 10**6
    too_large |= member.file_size > 10**5 + member.compress_size * (5 if kind == ".zip" else PACKED)
    with target.open("wb") as file:
        if wanted and not is_link and not too_large:
            try:
                shutil.copyfileobj(packed.open(member), file)
            except (RuntimeError, EOFError, zipfile.BadZipFile, zlib.error, NotImplementedError):
                too_large = True  # encrypted, cut off or packed in a way of its own
        if wanted and too_large:
            file.truncate(LARGEST * 10**6 + 1)  # takes no room
    with suppress(ValueError, OverflowError):  # a date that there is not
        then = time.mktime((*member.date_time, 0, 0, -1))
        os.utime(target, (then, then))


def is_of_a_platform(name: str) -> bool:
    return bool(MOODLE.match(name) or CANVAS.match(name) or GRADESCOPE.match(name))


def is_wrapped(found: list[Found], clones: set[tuple[str, ...]]) -> bool:
    """Whether all lies in one folder that is not a student's: it holds several folders, or files that bear names."""
    tops = {each.parts[0] for each in found}
    if len(tops) != 1 or is_of_a_platform(top := tops.pop()) or (top,) in clones:
        return False
    inner = {each.parts[1] for each in found if len(each.parts) > 2 or each.path.is_dir() or each.problem}
    inner |= {
        each.parts[1] for each in found if len(each.parts) == 2 and not PART.fullmatch(name_in_file(each.parts[1]))
    }
    return len(inner - {LIST}) > 1


# ------------------------------------------------------------------------------------------------ who it is from


def level_of(found: list[Found]) -> int:
    """How deep the names stand that a platform has written: 0, 1 in a folder of several exports, -1 where none has.
    What lies below is named by students, who must not hand in for others."""
    if any(is_of_a_platform(each.parts[0]) for each in found):
        return 0
    inner = {each.parts[1] for each in found if len(each.parts) > 1} - {LIST}
    return 1 if inner and all(map(is_of_a_platform, inner)) else -1


def who(
    each: Found, level: int, clones: set[tuple[str, ...]], lists: dict[tuple, dict[str, list]], source: str
) -> Iterator[Person]:
    """The students that a file is from: one, or of a group at Gradescope all; none where it is from nobody."""
    if 0 <= level < len(each.parts):
        part, around, top = each.parts[level], each.parts[:level], each.parts[: level + 1]
        if match := MOODLE.match(part):
            yield Person(match["id"], match["name"], around if match["file"] else top)
            return
        if GRADESCOPE.match(part):
            for id, name in lists.get(around, {}).get(part) or [("", part)]:
                yield Person(id, name, top)
            return
        if match := CANVAS.match(part):
            yield Person(match["id"], match["name"], around)
            return
    for clone in [each.parts[:n] for n in range(3) if each.parts[:n] in clones]:
        if len(clone) < 2 or clone[0].endswith("-submissions"):
            name = clone[-1] if clone else source
            name = name.removeprefix(prefix_of(clone, clones, source)) or name
            yield Person(name, name, clone)
            return
    if len(each.parts) > 1:
        yield Person("", re.sub(r"\.zip$", "", each.parts[0], flags=re.IGNORECASE), each.parts[:1])
    elif each.path.is_dir() or each.problem or NOTEBOOK.search(each.parts[0]) or TOLD.search(each.parts[0]):
        yield Person("", name_in_file(each.parts[0]), ())


def prefix_of(clone: tuple[str, ...], clones: set[tuple[str, ...]], source: str) -> str:
    """What GitHub Classroom writes before the name of an account: "part-1-" in part-1-submissions/part-1-student01."""
    around = clone[-2] if len(clone) > 1 else source
    if around.endswith("-submissions"):
        return around.removesuffix("submissions")
    beside = [other[-1] for other in clones if other and other[:-1] == clone[:-1]]
    shared = os.path.commonprefix(beside) if len(beside) > 1 else ""
    return shared[: shared.rfind("-") + 1]


def name_in_file(file: str) -> str:
    """What a file's name says beside the part: "student01" of part1_diffusion_student01 (2).ipynb."""
    stem = COPY.sub("", NOTEBOOK.sub("", file) if NOTEBOOK.search(file) else Path(file).stem)
    stem = COPY.sub("", stem.removesuffix(".ipynb"))
    return PART.sub("", stem, count=1).strip(" _-.") or stem


def read_list(path: Path) -> dict[str, list[tuple[str, str]]]:
    """Of each folder of a Gradescope export, (id, name) of who has handed it in; empty where it cannot be read."""
    import yaml  # jupytext needs it, too

    class Loader(yaml.SafeLoader):
        """Which passes over what Ruby alone knows."""

    Loader.add_multi_constructor("!", lambda loader, suffix, node: None)
    try:
        listed = (
            {} if path.is_symlink() or not path.is_file() else yaml.load(path.read_text(encoding="utf-8-sig"), Loader)
        )
        return {
            folder: [
                (str(person.get(":sid") or person.get(":email") or ""), str(person.get(":name") or folder))
                for person in entry.get(":submitters") or []
            ]
            for folder, entry in listed.items()
        }
    except (yaml.YAMLError, ValueError, AttributeError):
        return {}


# ------------------------------------------------------------------------------------------------ which notebooks


def hand_ins_of(person: Person, theirs: list[Found], level: int) -> Iterator[HandIn]:
    """A student's notebooks, the latest ones where there are very many, and a row that says what could not be read."""
    notebooks = [each for each in theirs if not each.problem and is_notebook(each.path)]
    notebooks.sort(key=lambda each: late_and_order(each, level)[1])
    told = [(each, each.problem) for each in theirs if each.problem]
    if not notebooks and not told:
        names = [each.parts[-1] for each in theirs if not each.path.is_dir()]
        holds = f"only {', '.join(names[:3])}{' ...' * (len(names) > 3)}" if names else "nothing"
        told = [(theirs[0], f"holds no notebook (.ipynb), {holds}")]
    if len(notebooks) > MOST:
        told.append((notebooks[0], f"comes with {len(notebooks)} notebooks: the latest {MOST} are judged"))
    for each, problem in [*((each, "") for each in notebooks[-MOST:]), *told[:1]]:
        yield HandIn(each.path, shown(each), *map(printable, person[:2]), *late_and_order(each, level), problem=problem)


def shown(each: Found) -> str:
    return printable("/".join(each.parts))


def printable(name: str) -> str:
    """A name that every table and page can hold, whatever bytes a system has let it have."""
    return name.encode("utf-8", "replace").decode("utf-8")


def is_notebook(path: Path) -> bool:
    """Whether a file is one, by its name, or under another ending: a browser may save one as .json or .txt."""
    if NOTEBOOK.search(path.name):
        return path.is_symlink() or not path.is_dir()
    if path.suffix.lower() not in (".json", ".txt") or path.is_symlink() or not path.is_file():
        return False
    if path.stat().st_size > LARGEST * 10**6:
        return False
    text = path.read_text(encoding="utf-8-sig", errors="replace")
    return text.lstrip().startswith("{") and '"nbformat"' in text and '"cells"' in text


def late_and_order(each: Found, level: int) -> tuple[bool, tuple]:
    """Whether it is late, and its place among a student's hand-ins: the platform's count comes first, then the time of
    the file, then the count of the copy."""
    stem = NOTEBOOK.sub("", each.parts[-1])
    match = CANVAS.match(each.parts[level]) if 0 <= level < len(each.parts) else None
    again, copy = AGAIN.search(stem) if match else None, COPY.search(stem)
    saved = each.path.lstat().st_mtime // 2  # a zip counts in steps of two seconds
    counts = int(match["order"]) if match else 0, int(again[1]) if again else 0
    return bool(match and match["late"]), (*counts, saved, int(copy[1] or copy[2]) if copy else 0, each.parts)


def joined(hand_ins: list[HandIn]) -> list[HandIn]:
    """Moodle's number is another in each assignment: there a name tells who it is, unless two share it in one."""
    ids: dict[str, dict[str, set[str]]] = {}  # by name: by export, the numbers
    for each in hand_ins:
        if match := re.search(rf"(?:^|/){re.escape(each.name)}_{each.id}_assignsubmission_", each.file):
            ids.setdefault(each.name, {}).setdefault(each.file[: match.start()], set()).add(each.id)
    first = {
        id: min(set().union(*exports.values()))
        for exports in ids.values()
        if max(map(len, exports.values())) == 1
        for id in set().union(*exports.values())
    }
    return [each._replace(id=first.get(each.id, each.id) if each.name in ids else each.id) for each in hand_ins]


def copied(hand_in: HandIn, folder: Path) -> Path:
    """A copy of a notebook that nothing else can change, and every user may read.
    errors: ValueError where it is no file of its own, or too large to be read"""
    path = hand_in.path
    if path.is_symlink() or not path.is_file():
        raise ValueError("is no file of its own, but a link, a folder or the like")
    if path.stat().st_size > LARGEST * 10**6:
        raise ValueError(f"has more than {LARGEST} MB, or is packed in a way of its own: clear its outputs and save it")
    target = Path(shutil.copyfile(path, folder / "notebook.ipynb"))
    target.chmod(0o644)
    return target
