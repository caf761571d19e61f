"""Read the source of a part into cells and exercises, and refuse wrong markup with its file and line."""

import ast
import io
import re
import tokenize
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path

import jupytext

from solutions import BEGIN, END

ROOT = Path(__file__).resolve().parent.parent
EXERCISE = re.compile(r"### (?P<number>\d+\.\d+) (?P<title>.+)\n\*.+\* · (?=[●○]{5} ·)(?P<dots>●+)○* · \d+ \S+ · .+")
EXAMPLE = "'### 1.4 Title' and '*what to do* · ●●○○○ · 10 minutes · Equation 4'"
SLIPS = {
    r"^ +# %%": "an indented '# %%' would split the cell: write it at the margin",
    r"</summary>(?!\n#\n)": "a blank line is missing after </summary>: what is inside would stay literal",
    r"(?<!\n#\n# )</details>": "a blank line is missing before </details>: what is inside would stay literal",
    r"^ *(from|import) solutions\b(?!\.part\w+ as \w+$)": (
        "write 'import solutions.partN_name as partN', a line of its own: learners then get their own part"
    ),
    r"!\[\s*\]": "an image without alt text: write ![what it shows](images/...)",
}


class MarkupError(Exception):
    """A source that cannot be built; the message begins with its file and line."""


@dataclass
class Cell:
    kind: str  # "markdown", "code", "run": code that was under a guard, or "set-up"
    text: str  # without the guard, with the solution markers
    line: int  # of its "# %%"
    folded: bool = False  # given code that stays out of the way until it is asked for


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
        marks, depth = [], 0  # rows and words of markers and cells; how many brackets are open
        for token in self.tokens:
            row, word = token.start[0], token.string.removeprefix("# ")
            depth += (word in ("(", "[", "{")) - (word in (")", "]", "}"))
            if word.startswith("%%"):
                marks.append((row, "a cell"))
            elif "BEGIN SOLUTION" in word or "END SOLUTION" in word:
                alone = token.line.strip() == token.string and not depth
                in_body = token.start[1] > 0 or token.string.startswith("# ")  # of a function, or of a markdown cell
                if word not in (BEGIN, END) or not alone or not in_body:
                    self.fail(
                        row, "a solution marker is a comment of its own in a body, not in a docstring or signature"
                    )
                marks.append((row, word))
        for (row, word), (following_row, following) in pairwise([*marks, (0, "a cell")]):
            if (word == BEGIN) != (following == END):
                self.fail(row if word == BEGIN else following_row, f"'{BEGIN}' and '{END}' come in pairs, in one cell")

    def cells(self) -> list[Cell]:
        lines = self.text.split("\n")
        starts = [row for row, line in enumerate(lines, 1) if line.startswith("# %%")]  # jupytext keeps no line numbers
        notebook = jupytext.reads(self.text, {"extension": ".py", "format_name": "percent", "comment_magics": False})
        if starts[:1] != [1] or len(starts) != len(notebook.cells):
            self.fail(1, "a source begins with '# %%', and has it only where a cell begins, not inside a string")
        cells = []
        for (start, end), cell in zip(pairwise([*starts, len(lines) + 1]), notebook.cells, strict=True):
            tags = cell.metadata.get("tags", [])
            if "script" in tags:  # what only the script needs
                continue
            kind, text = cell.cell_type, cell.source
            if "set-up" in tags:  # what the script needs of it; the builder writes the notebooks'
                cells.append(Cell("set-up", text, start))
                continue
            stray = [row for row in range(start + 1, end) if lines[row - 1].strip() and lines[row - 1][0] != "#"]
            if kind == "raw" or (kind == "markdown" and stray):
                self.fail(
                    (stray or [start])[0], "a cell is text, '# %% [markdown]' with '#' in each line, or code, '# %%'"
                )
            if guard := self.find_guard(start, end):
                block = [line.removeprefix("    ") for line in lines[guard : end - 1]]
                kind, text = "run", "\n".join(lines[start : guard - 1] + block)
            text = text.strip("\n")
            if kind != "markdown" and re.search(r"\bMAIN\b", text):
                self.fail(start + 1, "MAIN stands in 'if MAIN:' and in the set-up cell, and nowhere else")
            cells.append(Cell(kind, text, start, folded="folded" in tags))
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
        if len(inside) > 1 or guards[0].orelse or guards[0].body[0].col_offset != 4:
            self.fail(row, "a run cell is one 'if MAIN:' with a block indented by 4, and nothing beside it")
        for token in self.tokens:
            if row < token.start[0] < end and len(token.string) > 1 and "\n" in token.string:
                self.fail(token.start[0], "a multi-line string under 'if MAIN:' would change as the guard comes off")
        return row


def slug(heading: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", heading.lower()).strip("-")[:50].rstrip("-")


def split_sections(cells: list[Cell]) -> list[list[Cell]]:
    """The cells in runs that each begin with a heading of level 1 to 3."""
    starts = [i for i, cell in enumerate(cells) if cell.kind == "markdown" and re.match(r"#{1,3} (?!BEGIN)", cell.text)]
    return [cells[start:end] for start, end in pairwise([0, *starts[1:], len(cells)])]


@dataclass
class Exercise:
    module: str  # "part1_diffusion", which it belongs to
    number: str
    title: str
    name: str  # of the function or class; of a written answer, its title
    points: int
    answer: Cell
    check: Cell | None = None  # a written answer has neither check nor hints
    hints: Cell | None = None

    @property
    def part(self) -> str:
        return self.module.split("_")[0]

    @property
    def stub(self) -> str:
        """The answer's cell as a learner gets it."""
        line = f'raise NotImplementedError("{self.number} {self.name} is not written yet")'
        return re.sub(rf"^( *){BEGIN}\n.*?{END}$", rf"\1{line}", self.answer.text, flags=re.MULTILINE | re.DOTALL)


def find_exercises(path: Path) -> list[Exercise]:
    """The exercises of a part's source, in order. errors: MarkupError"""
    source = Source(path)
    return list(filter(None, [find_exercise(source, section) for section in split_sections(source.cells())]))


def find_exercise(source: Source, section: list[Cell]) -> Exercise | None:
    """The exercise of a section, which its heading numbers; None where there is none."""
    head, heading = section[0], EXERCISE.match(section[0].text)
    answers = [i for i, cell in enumerate(section) if BEGIN in cell.text]
    if not heading and (answers or re.match(r"### \d", head.text)):
        source.fail(head.line + 1, f"an exercise begins with two lines like these: {EXAMPLE}")
    if not heading:
        return None
    number, title = heading["number"], heading["title"]
    exercise = partial(Exercise, source.path.stem, number, title, points=len(heading["dots"]))
    if len(answers) != 1:
        source.fail(head.line + 1, f"exercise {number} has {len(answers)} cells with '{BEGIN}', it needs one")
    answer, *after = section[answers[0] :]
    if answer.kind == "markdown":
        name = slug(title) or f"question-{slug(number)}"  # of a title without a letter from a to z
        return exercise(name.replace("-", "_"), answer=answer)
    names = re.findall(r"^(?:async def|def|class) (\w+)", answer.text.split(BEGIN)[0], re.MULTILINE)
    if not names:
        source.fail(answer.line, "a solution is the body of a function or a class")
    name = names[-1]
    if not after or after[0].kind != "run" or f"check_{name}({name})" not in after[0].text:
        source.fail(answer.line, f"the cell after {name} has to run tests.partN.check_{name}({name}) under 'if MAIN:'")
    if len(after) < 2 or not after[1].text.startswith("<details>"):
        source.fail(after[0].line, f"the cell after the check of {name} has to hold its hints, each in a <details>")
    return exercise(name, answer=answer, check=after[0], hints=after[1])
