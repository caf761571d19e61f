"""Build both notebooks of every part from its one source.

solutions/partN_name.py -> solutions/partN_name.ipynb   solved; keeps its outputs while its code is the same
                        -> notebooks/partN_name.ipynb   stubs, hints, folded solutions, the learner's progress

In the exercise notebook a learner gets their own version of an earlier part: where a source imports it, with the line
import solutions.partN_name as partN, the cell ends with partN = saved.load_part("partN_name") instead. In the place
of a source's set-up cell, which is the script's, both notebooks get SET_UP. A cell that begins with
# %% tags=["folded"] shows its code only when it is asked for.

python -m tools.build                  write what has changed
python -m tools.build --check          write nothing; name the first difference and exit 1
python -m tools.build --hand-out DIR   write only the exercise notebooks, without solutions, for a graded class
    --without 1.7 3.5                      with these exercises given, solved
"""

import argparse
import ast
import base64
import re
import shutil
import sys
import tomllib
from collections.abc import Set
from itertools import zip_longest
from pathlib import Path

import nbformat
from nbformat import NotebookNode

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # the root, for python tools/build.py
from solutions import BEGIN, END
from tools.markup import ROOT, Cell, Exercise, MarkupError, Source, find_exercise, slug, split_sections
from tools.saved import YOUR_ANSWER

METADATA = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
STALE = "; its outputs belong to other code"
EARLIER_PART = re.compile(r"^import solutions\.(part\w+) as (\w+)(?:\n|\Z)", re.MULTILINE)
GO_ON = """Being stuck here need not stop you. Put this line into the exercise's cell, below your own try or in its place,
and run the cell and the check:

```python
from solutions.{part} import {name}
```

The check then says that you chose this. What comes later uses the solution's `{name}`; later parts do as well, and say
so. To try again, delete the line."""
GIVEN = "\n*Given: read how it is done.*"
PROGRESS = """## Your progress

**Save this notebook first**, then run the cell below. It reads the saved file, runs each check once more, and shows how
far you are in this part. In a terminal, `make progress` does it for all parts.

**To go on tomorrow**, save, open this notebook again, select the cell you have come to, and choose *Run All Above
Selected Cell*: your work is in the cells, so running them brings all of it back."""
REPO_URL = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["course"]["repo_url"]
BADGE = re.compile(r"\[!\[[^\]]+\]\([^)]+\)\]\([^)]+\)\n*")  # what badge below writes
SET_UP = """import os
import sys
from pathlib import Path

# put the course's folder on Python's path: one that this notebook lies in, else COURSE_DIR
folders = [Path.cwd(), *Path.cwd().parents, Path(os.getenv("COURSE_DIR", ""))]
course = [str(folder) for folder in folders if (folder / "tools" / "doctor.py").is_file()]
if not course:
    remedy = "move it back to notebooks/ there, or set COURSE_DIR to that folder (on Colab, !git clone the course"
    raise FileNotFoundError(f"this notebook has left the course's folder: {remedy} and %cd into it)")
sys.path[:0] = course

from tools.doctor import prepare

prepare()  # where something is missing, it says what to do"""
NOT_FOUND = "if not course:\n"
FETCH = """
# on Colab, fetch it
from importlib.util import find_spec
from subprocess import run

if not course and find_spec("google") and find_spec("google.colab"):
    folder = Path("{folder}").absolute()
    if not folder.exists():
        run(["git", "clone", "--depth", "1", "{url}", folder], check=True)
    course = [str(folder)]
"""


def fold(summary: str, text: str) -> str:
    return f"<details>\n<summary>{summary}</summary>\n\n{text}\n\n</details>"


def without_markers(text: str) -> str:
    return re.sub(rf"^ *({BEGIN}|{END})\n?", "", text, flags=re.MULTILINE).strip("\n")


def with_own_parts(text: str) -> str:
    """The earlier parts that a cell imports come from the learner's notebooks, at its end."""
    if not (parts := EARLIER_PART.findall(text)):
        return text
    loads = "\n".join(f'{name} = saved.load_part("{part}")' for part, name in parts)
    return f"{EARLIER_PART.sub('', text).strip()}\nfrom tools import saved\n\n{loads}".lstrip()


def with_fetch(text: str) -> str:
    """The set-up of an exercise notebook: on Colab, where it comes alone, it fetches the course, if REPO_URL is set."""
    folder = re.sub(r"\.git$", "", REPO_URL.rstrip("/")).split("/")[-1]
    return text.replace(NOT_FOUND, FETCH.format(url=REPO_URL, folder=folder) + NOT_FOUND) if REPO_URL else text


def on_github(path: str) -> tuple[str, str]:
    """The page of a file of the course on Colab, and its raw address; empty without a REPO_URL on GitHub."""
    if not (found := re.fullmatch(r"https://github\.com/([\w.-]+/[\w.-]+?)(\.git)?/?", REPO_URL)):
        return "", ""
    colab, raw = "https://colab.research.google.com/github", "https://raw.githubusercontent.com"
    return f"{colab}/{found[1]}/blob/main/{path}", f"{raw}/{found[1]}/main/{path}"


def badge(part: str) -> str:
    """The line that opens a part on Colab, which knows only GitHub; empty without such a REPO_URL."""
    page, _ = on_github(f"notebooks/{part}.ipynb")
    return f"[![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)]({page})" if page else ""


def with_pictures(text: str) -> str:
    """In an exercise notebook, pictures show in a copy elsewhere, too (in Drive), if REPO_URL is on GitHub."""
    _, images = on_github("notebooks/images/")
    return text.replace("](images/", f"]({images}") if images else text


def grading(exercise: Exercise, cell: Cell) -> dict:
    """What nbgrader has to know of an exercise's answer or check."""
    is_answer, graded = cell is exercise.answer, cell is exercise.check or not exercise.check
    return {
        "schema_version": 3,
        "grade_id": exercise.name if is_answer else f"check_{exercise.name}",
        "cell_type": "markdown" if cell.kind == "markdown" else "code",
        "solution": is_answer,
        "locked": not is_answer,
        "grade": graded,
        "task": False,
    } | ({"points": exercise.points} if graded else {})


def build(path: Path, solutions: bool = True, given: Set[str] = frozenset()) -> tuple[NotebookNode, NotebookNode]:
    """The solved and the exercise notebook of one source.
    solutions: whether the latter holds them, folded   given: numbers of exercises that the latter shows solved
    errors: MarkupError"""
    source, solved, theirs, taken = Source(path), [], [], set()

    def add(to: list[NotebookNode], cell: Cell, text: str, id: str, **metadata) -> None:
        new = nbformat.v4.new_markdown_cell if cell.kind == "markdown" else nbformat.v4.new_code_cell
        if any(cell_before.id == id for cell_before in to):
            source.fail(cell.line + 1, f"another cell has the id {id} already: two headings begin alike, change one")
        if cell.kind == "run":
            metadata["tags"] = ["run"]
        if cell.folded:
            metadata["jupyter"] = {"source_hidden": True}
        to.append(new(text, id=id, metadata=metadata))

    for section in split_sections(source.cells()):
        heading = section[0].text.splitlines()[0]
        section_id, exercise = slug(heading) or f"line-{section[0].line}", find_exercise(source, section)
        names = {exercise.name, exercise.number} if exercise else set()
        if names & taken:
            source.fail(section[0].line + 1, f"there are two exercises {' or '.join(names & taken)}")
        taken |= names
        for i, cell in enumerate(section, 1):
            if cell.kind == "set-up":
                cell = Cell("run", SET_UP, cell.line, folded=True)
            text = without_markers(cell.text)
            is_given = exercise is not None and exercise.number in given
            stub, id, metadata = text, f"{section_id}-{i}", {}
            if exercise and cell in (exercise.answer, exercise.check):
                metadata = {"nbgrader": grading(exercise, cell)}
                id = metadata["nbgrader"]["grade_id"]
            if exercise and cell is exercise.answer and not is_given:
                stub = YOUR_ANSWER if cell.kind == "markdown" else exercise.stub
            if exercise and cell is section[0] and not is_given:
                text = stub = f"---\n\n### Exercise {exercise.number}: {text.removeprefix(f'### {exercise.number} ')}"
            if cell.kind != "markdown":
                stub = with_fetch(with_own_parts(stub))
            elif not theirs and badge(path.stem):
                stub = stub.replace("\n", f"\n\n{badge(path.stem)}\n", 1)
            if is_given and cell is section[0]:
                stub = re.sub(r"\n\*.+\* · .+", GIVEN, stub, count=1)
            if exercise and cell is exercise.hints and solutions:
                go_on = GO_ON.format(name=exercise.name, part=path.stem)
                solution = f"```python\n{without_markers(exercise.answer.text)}\n```"
                stub = "\n\n".join([stub, fold("Go on without it", go_on), fold("Solution", solution)])
            label = "**A model answer**\n\n" if stub == YOUR_ANSWER else ""
            add(solved, cell, label + text.replace("](images/", "](../notebooks/images/"), id, **metadata)
            if not (is_given and cell is exercise.hints):
                shown = with_pictures(stub) if cell.kind == "markdown" else stub
                add(theirs, cell, shown, id, **({} if is_given else metadata))
            if stub == YOUR_ANSWER and solutions:
                add(theirs, cell, fold("A model answer", text), f"{id}_answer")
    code = f'import tools.progress\n\ntools.progress.show_progress("{path.stem}")'
    for i, (kind, text) in enumerate([("markdown", PROGRESS), ("run", code)], 1):
        add(theirs, Cell(kind, text, line=0), text, f"your-progress-{i}")
    return tuple(nbformat.v4.new_notebook(cells=cells, metadata=METADATA) for cells in (solved, theirs))


def code_cells(notebook: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def keep_outputs(notebook: NotebookNode, path: Path) -> None:
    """Carry over the outputs stored at path, if they belong to the same code."""
    if path.exists() and not is_worked_on(path):
        old, new = code_cells(nbformat.read(path, 4)), code_cells(notebook)
        if [meaning(cell.source) for cell in old] == [meaning(cell.source) for cell in new]:
            for cell, stored in zip(new, old, strict=True):
                cell.outputs, cell.execution_count = stored.outputs, stored.execution_count


def meaning(code: str) -> str:
    """The code without its comments and layout; as it is, where it is no Python."""
    try:
        return ast.dump(ast.parse(code))
    except SyntaxError:
        return code


def pictures(notebook: NotebookNode) -> dict[str, bytes]:
    """The pictures that "What you should see" shows from images/, by file name: those that the cell above it drew, in
    order; if it shows fewer, the last ones."""
    found, drawn = {}, []
    for cell in notebook.cells:
        if cell.cell_type == "code":
            drawn = [out["data"] for out in cell.outputs if "image/png" in out.get("data", {})]
        for fold in re.findall(r"<summary>What you should see</summary>(.*?)</details>", cell.source, re.DOTALL):
            names = re.findall(r"!\[[^\]]+\]\((?:\.\./notebooks/)?images/([^)]+)\)", fold)
            for name, data in zip(names, drawn[-len(names) :], strict=False):
                is_svg = name.endswith(".svg")  # figures of lines come as both
                found[name] = data["image/svg+xml"].encode() if is_svg else base64.b64decode(data["image/png"])
    return found


def is_worked_on(path: Path) -> bool:
    """Whether it holds work: a notebook program has saved it (they add metadata), a learner has run it or answered in
    it, or it cannot even be read."""
    if not path.exists():
        return False
    try:
        notebook = nbformat.read(path, 4)
    except (nbformat.reader.NotJSONError, nbformat.ValidationError):
        return True
    ours = ("raise NotImplementedError(", YOUR_ANSWER)
    answers = [cell.source for cell in notebook.cells if cell.metadata.get("nbgrader", {}).get("solution")]
    run = any(cell.outputs or cell.execution_count for cell in code_cells(notebook))
    filled = any(not any(mark in answer for mark in ours) for answer in answers)
    return notebook.metadata != METADATA or (path.parent.name != "solutions" and (run or filled))


def first_difference(path: Path, notebook: NotebookNode) -> str | None:
    """How the file at path differs from the notebook built for it, in one line; None if it does not."""
    if not path.exists():
        return "is missing: make build"
    if is_worked_on(path):
        return "is not as make build left it and may hold somebody's work: move it away, then make build"
    stored = nbformat.read(path, 4).cells
    stale = (
        "" if [cell.get("outputs") for cell in stored] == [cell.get("outputs") for cell in notebook.cells] else STALE
    )
    for old, new in zip_longest(stored, notebook.cells, fillvalue={}):
        if any(old.get(part) != new.get(part) for part in ("id", "source", "metadata")):
            lines = zip_longest(old.get("source", "").split("\n"), new.get("source", "").split("\n"), fillvalue="")
            was, now = next((pair for pair in lines if pair[0] != pair[1]), ("its metadata", "other metadata"))
            return f"differs from its source in cell {(new or old).id}: {was!r} should be {now!r}{stale}: make build"
    if path.read_text(encoding="utf-8") != as_text(notebook):
        return "is not written as the builder writes it: make build"
    if path.parent.name == "solutions" and not any(cell.outputs for cell in code_cells(notebook)):
        return "has no outputs: make outputs"
    return None


def as_text(notebook: NotebookNode) -> str:
    return nbformat.writes(notebook) + "\n"


def write(path: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.with_suffix(".new").write_bytes(content)
    path.with_suffix(".new").replace(path)


def check_given(numbers: Set[str], sources: list[Path]) -> None:
    """Refuse numbers that no exercise has. errors: MarkupError"""
    text = "\n".join(source.read_text(encoding="utf-8") for source in sources)
    known = re.findall(r"^# ### (\d+\.\d+) ", text, re.MULTILINE)
    if unknown := numbers - set(known):
        raise MarkupError(f"there is no exercise {min(unknown)}: the exercises are {', '.join(known)}")


def main(arguments: list[str] | None = None, root: Path = ROOT) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    one_of = parser.add_mutually_exclusive_group()
    one_of.add_argument("--check", action="store_true")
    one_of.add_argument("--hand-out", type=Path, metavar="DIR")
    parser.add_argument("--without", nargs="+", default=[], metavar="NUMBER")
    args = parser.parse_args(arguments)
    if args.without and not args.hand_out:
        parser.error("--without goes with --hand-out")
    given, folder, built, problems = set(args.without), args.hand_out or root / "notebooks", {}, []
    sources = sorted((root / "solutions").glob("part*.py"))
    try:
        check_given(given, sources)
        for source in sources:
            solved, theirs = build(source, solutions=not args.hand_out, given=given)
            built[folder / f"{source.stem}.ipynb"] = theirs
            if not args.hand_out:
                keep_outputs(solved, source.with_suffix(".ipynb"))
                built[source.with_suffix(".ipynb")] = solved
    except MarkupError as error:
        built, problems = {}, [str(error)]
    for path, notebook in built.items():
        if args.check or is_worked_on(path):
            difference = first_difference(path, notebook)
            problems += [f"{path} {difference}"] if difference else []
        elif not path.exists() or path.read_text(encoding="utf-8") != as_text(notebook):
            write(path, as_text(notebook).encode())
            print(f"built {path}")
    if args.hand_out and not problems:
        shutil.copytree(root / "notebooks" / "images", folder / "images", dirs_exist_ok=True)
    print(*problems, sep="\n", end="\n" if problems else "", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
