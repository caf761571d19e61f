"""Build both notebooks of every part from its one source.

solutions/partN_name.py -> solutions/partN_name.ipynb   solved; keeps its outputs while its code is the same
                        -> notebooks/partN_name.ipynb   stubs, hints, folded solutions

python solutions/build.py                  write what has changed
python solutions/build.py --check          write nothing; name the first difference and exit 1
python solutions/build.py --hand-out DIR   write only the exercise notebooks, without solutions, for a graded class
"""

import argparse
import ast
import base64
import io
import re
import shutil
import sys
import tokenize
from dataclasses import dataclass
from itertools import pairwise, zip_longest
from pathlib import Path

import jupytext
import nbformat
from nbformat import NotebookNode

ROOT = Path(__file__).resolve().parent.parent
METADATA = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
MAIN, INDENT = 'MAIN = __name__ == "__main__"\n', " " * 4
YOUR_ANSWER = "*Your answer: double-click here and write.*"
EXERCISE = re.compile(
    r"### (?P<number>\d+\.\d+) (?P<title>.+)\n\*.+\* · (?=[●○]{5} ·)(?P<dots>●+)○* · \d+ minutes · .+"
)
SLIPS = {
    r"^ +# %%": "an indented '# %%' would split the cell: write it at the margin",
    r"</summary>(?!\n#\n)": "a blank line is missing after </summary>: what is inside would stay literal",
    r"(?<!^#\n)^# </details>": "a blank line is missing before </details>: what is inside would stay literal",
    r"!\[\s*\]": "an image without alt text: write ![what it shows](images/...)",
}


class MarkupError(Exception):
    """A source that cannot be built; the message begins with its file and line."""


@dataclass
class Cell:
    kind: str  # "markdown", "code", or "run": code that was under a guard
    text: str  # without the guard, with the solution markers
    line: int  # of its "# %%"


class Source:
    """One part's source, checked for slips in its markup. errors: MarkupError"""

    def __init__(self, path: Path) -> None:
        self.path, self.text = path, path.read_text(encoding="utf-8")
        for slip, message in SLIPS.items():
            if found := re.search(slip, self.text, re.MULTILINE):
                self.fail(self.text.count("\n", 0, found.start()) + 1, message)
        try:
            self.statements = ast.parse(self.text).body
        except SyntaxError as error:
            self.fail(error.lineno, error.msg)
        self.tokens = list(tokenize.generate_tokens(io.StringIO(self.text).readline))
        self.check_markers()

    def fail(self, row: int, message: str) -> None:
        shown = self.path.relative_to(ROOT) if self.path.is_relative_to(ROOT) else self.path
        raise MarkupError(f"{shown}:{row}: {message}")

    def check_markers(self) -> None:
        depth, opened = 0, None  # of brackets; the row of a BEGIN without its END
        for token in self.tokens:
            row, word = token.start[0], token.string.removeprefix("# ")
            depth += (word in ("(", "[", "{")) - (word in (")", "]", "}"))
            if opened and (word == BEGIN or word.startswith("%%") or token.type == tokenize.ENDMARKER):
                self.fail(opened, f"'{BEGIN}' without '{END}' in its cell")
            if word == END and not opened:
                self.fail(row, f"'{END}' without '{BEGIN}' in its cell")
            own_line = (
                token.line.strip() == token.string
                and not depth
                and (token.start[1] > 0) != token.string.startswith("# ")
            )
            if "BEGIN SOLUTION" in word or "END SOLUTION" in word:
                if token.type != tokenize.COMMENT or word not in (BEGIN, END) or not own_line:
                    self.fail(
                        row, "a solution marker is a line of its own in a body, not in a docstring or a signature"
                    )
                opened = row if word == BEGIN else None

    def cells(self) -> list[Cell]:
        lines = self.text.splitlines()
        starts = [row for row, line in enumerate(lines, 1) if line.startswith("# %%")]  # jupytext keeps no line numbers
        notebook = jupytext.reads(self.text, {"extension": ".py", "format_name": "percent", "comment_magics": False})
        if starts[:1] != [1] or len(starts) != len(notebook.cells):
            self.fail(1, "a source begins with '# %%', and has it only where a cell begins, not inside a string")
        cells = []
        for (start, end), cell in zip(pairwise([*starts, len(lines) + 1]), notebook.cells, strict=True):
            kind, text = cell.cell_type, cell.source
            if guard := self.find_guard(start, end):
                kind, text = (
                    "run",
                    "\n".join(
                        lines[start : guard - 1] + [line.removeprefix(INDENT) for line in lines[guard : end - 1]]
                    ),
                )
            cells.append(Cell(kind, (text + "\n").replace(MAIN, "").strip("\n"), start))
        return [cell for cell in cells if cell.text]

    def find_guard(self, start: int, end: int) -> int | None:
        """The row of 'if MAIN:' in the cell between two rows; None if it has none."""
        inside = [node for node in self.statements if start < node.lineno < end]
        guards = [node for node in inside if isinstance(node, ast.If) and ast.unparse(node.test) == "MAIN"]
        if not guards:
            return None
        if len(guards) > 1:
            self.fail(guards[1].lineno, "a run cell has one 'if MAIN:', not two: begin a new cell")
        row = guards[0].lineno
        if len(inside) > 1 or guards[0].orelse or guards[0].body[0].col_offset != len(INDENT):
            self.fail(row, "a run cell is one 'if MAIN:' with a block indented by 4, and nothing beside it")
        for token in self.tokens:
            if row < token.start[0] < end and len(token.string) > 1 and "\n" in token.string:
                self.fail(token.start[0], "a multi-line string under 'if MAIN:' would change as the guard comes off")
        return row


def slug(heading: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", heading.lower()).strip("-")[:50].rstrip("-")


def fold(summary: str, text: str) -> str:
    return f"<details>\n<summary>{summary}</summary>\n\n{text}\n\n</details>"


def without_markers(text: str) -> str:
    return re.sub(rf"^ *({BEGIN}|{END})\n?", "", text, flags=re.MULTILINE).strip("\n")


def with_stubs(text: str, stub: str) -> str:
    return re.sub(rf"^( *){BEGIN}\n.*?{END}$", rf"\1{stub}", text, flags=re.MULTILINE | re.DOTALL)


def split_sections(cells: list[Cell]) -> list[list[Cell]]:
    """The cells in runs that each begin with a heading of level 1 to 3."""
    starts = [i for i, cell in enumerate(cells) if cell.kind == "markdown" and re.match(r"#{1,3} (?!BEGIN)", cell.text)]
    return [cells[start:end] for start, end in pairwise([0, *starts[1:], len(cells)])]


@dataclass
class Exercise:
    name: str
    number: str
    points: int
    answer: Cell
    check: Cell | None = None  # a written answer has neither check nor hints
    hints: Cell | None = None

    def nbgrader(self, cell: Cell) -> dict:
        grade = (
            {"grade": True, "points": self.points} if cell is not self.answer or not self.check else {"grade": False}
        )
        id = self.name if cell is self.answer else f"check_{self.name}"
        kind = "markdown" if cell.kind == "markdown" else "code"
        answer = {"solution": cell is self.answer, "locked": cell is not self.answer, "task": False}
        return {"schema_version": 3, "grade_id": id, "cell_type": kind, **answer, **grade}


def find_exercise(source: Source, section: list[Cell]) -> Exercise | None:
    """The exercise of a section, which its heading numbers; None where there is none."""
    row, heading = section[0].line + 1, EXERCISE.match(section[0].text)
    answers = [i for i, cell in enumerate(section) if BEGIN in cell.text]
    if not heading and (answers or re.match(r"### \d", section[0].text)):
        source.fail(row, "an exercise begins '### 1.4 Title', then '*what to do* · ●●○○○ · 10 minutes · Equation 4'")
    if not heading:
        return None
    if len(answers) != 1:
        source.fail(
            row, f"exercise {heading['number']} needs one cell with '{BEGIN}' and '{END}', it has {len(answers)}"
        )
    answer, after = section[answers[0]], section[answers[0] + 1 :]
    points = len(heading["dots"])
    if answer.kind == "markdown":
        return Exercise(slug(heading["title"]).replace("-", "_"), heading["number"], points, answer)
    name = re.findall(r"^(?:def|class) (\w+)", answer.text.split(BEGIN)[0], re.MULTILINE)[-1]
    if not after or after[0].kind != "run" or f"check_{name}({name})" not in after[0].text:
        source.fail(answer.line, f"the cell after {name} has to run tests.partN.check_{name}({name}) under 'if MAIN:'")
    if len(after) < 2 or not after[1].text.startswith("<details>"):
        source.fail(after[0].line, f"the cell after the check of {name} has to hold its hints, each in a <details>")
    return Exercise(name, heading["number"], points, answer, *after[:2])


def build(path: Path, solutions: bool = True) -> tuple[NotebookNode, NotebookNode]:
    """The solved and the exercise notebook of one source. solutions: whether the latter holds them, folded
    errors: MarkupError"""
    source, solved, stubbed, exercises = Source(path), [], [], []

    def add(to: list[NotebookNode], kind: str, text: str, id: str, **metadata) -> None:
        new = nbformat.v4.new_markdown_cell if kind == "markdown" else nbformat.v4.new_code_cell
        tags = {"tags": ["run"]} if kind == "run" else {}
        to.append(new(text, id=id, metadata=tags | metadata))

    for section in split_sections(source.cells()):
        exercise = find_exercise(source, section)
        if exercise and any(exercise.name == other.name or exercise.number == other.number for other in exercises):
            source.fail(section[0].line + 1, f"there are two exercises {exercise.number} or {exercise.name}")
        exercises += [exercise] if exercise else []
        for i, cell in enumerate(section, 1):
            id, answer, metadata = f"{slug(section[0].text.splitlines()[0])}-{i}", without_markers(cell.text), {}
            theirs = cell.text  # in the exercise notebook
            if exercise and cell in (exercise.answer, exercise.check):
                metadata["nbgrader"] = exercise.nbgrader(cell)
                id = metadata["nbgrader"]["grade_id"]
                stub = f'raise NotImplementedError("{exercise.number} {exercise.name} is not written yet")'
                theirs = YOUR_ANSWER if cell.kind == "markdown" else with_stubs(cell.text, stub)
            if exercise and cell is exercise.hints and solutions:
                code = f"```python\n{without_markers(exercise.answer.text)}\n```"
                theirs += "\n\n" + fold("Solution", code)
            add(solved, cell.kind, answer.replace("](images/", "](../notebooks/images/"), id, **metadata)
            add(stubbed, cell.kind, theirs, id, **metadata)
            if exercise and cell is exercise.answer and cell.kind == "markdown" and solutions:
                add(stubbed, "markdown", fold("A model answer", answer), f"{id}_answer")
    return tuple(nbformat.v4.new_notebook(cells=cells, metadata=METADATA) for cells in (solved, stubbed))


def code_cells(notebook: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def keep_outputs(notebook: NotebookNode, path: Path) -> None:
    """Carry over the outputs stored at path, if they belong to the same code."""
    old, new = code_cells(nbformat.read(path, 4)) if path.exists() else [], code_cells(notebook)
    try:
        same = [ast.dump(ast.parse(cell.source)) for cell in old] == [ast.dump(ast.parse(cell.source)) for cell in new]
    except SyntaxError:  # the stored one was edited by hand
        same = False
    for cell, stored in zip(new, old, strict=True) if same else []:
        cell.outputs, cell.execution_count = stored.outputs, stored.execution_count


def pictures(notebook: NotebookNode) -> dict[str, bytes]:
    """The pictures the text shows from images/, by file name: each is the last one that the cell above it drew."""
    found, drawn = {}, []
    for cell in notebook.cells:
        if cell.cell_type == "code":
            drawn = [output.data["image/png"] for output in cell.outputs if "image/png" in output.get("data", {})]
        for name in re.findall(r"!\[[^\]]+\]\((?:\.\./notebooks/)?images/([^)]+)\)", cell.source):
            if drawn:
                found[name] = base64.b64decode(drawn[-1])
    return found


def is_worked_on(path: Path) -> bool:
    """Whether a notebook program (Jupyter, VS Code, Colab) has saved the notebook: then its metadata is not ours."""
    return path.exists() and nbformat.read(path, 4).metadata != METADATA


def first_difference(path: Path, notebook: NotebookNode) -> str | None:
    """How the file at path differs from the notebook built for it, in one line; None if it does not."""
    if not path.exists():
        return "is missing: make build"
    if is_worked_on(path):
        return "was saved by a notebook program and may hold work: move it away, then make build"
    for old, new in zip_longest(nbformat.read(path, 4).cells, notebook.cells, fillvalue={}):
        if old != new:
            stale = "; its outputs belong to other code" if old.get("outputs") and not new.get("outputs") else ""
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


def main(arguments: list[str] | None = None, root: Path = ROOT) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--hand-out", type=Path, metavar="DIR")
    args = parser.parse_args(arguments)
    folder, built, problems = args.hand_out or root / "notebooks", {}, []
    try:
        for source in sorted((root / "solutions").glob("part*.py")):
            solved, built[folder / f"{source.stem}.ipynb"] = build(source, solutions=not args.hand_out)
            if not args.hand_out:
                keep_outputs(solved, source.with_suffix(".ipynb"))
                built[source.with_suffix(".ipynb")] = solved
    except MarkupError as error:
        problems.append(str(error))
    for path, notebook in built.items() if not problems else []:
        if args.check or is_worked_on(path):
            difference = first_difference(path, notebook)
            problems += [f"{path} {difference}"] if difference else []
        elif not path.exists() or path.read_text(encoding="utf-8") != as_text(notebook):
            write(path, as_text(notebook).encode())
            print(f"built {path}")
    if args.hand_out:
        shutil.copytree(root / "notebooks" / "images", folder / "images", dirs_exist_ok=True)
    print(*problems, sep="\n", end="\n" if problems else "", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
