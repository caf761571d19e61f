"""A part as a learner has saved it: their own code where it passes its checks, the solutions' where it does not.

load_part is what a notebook calls for an earlier part. It finds the saved notebook, load gives it as a module, with a
verdict on each exercise, and say puts the verdicts in one line.
"""

import ast
import codeop
import json
import linecache
import os
import re
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from itertools import takewhile
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any, NamedTuple

from IPython.core.inputtransformer2 import TransformerManager
from IPython.utils.capture import capture_output

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = ROOT / "notebooks"
YOUR_ANSWER = "*Your answer: double-click here and write.*"  # what stands where a written question is not answered
NUMBERED = re.compile(r"^(?:---\n+)?### (?:Exercise )?(\d+\.\d+):? (.+)", re.MULTILINE)  # the heading of an exercise
STUB = "raise NotImplementedError("
SKIPPED = re.compile(r"\s*($|%%(time|timeit|capture|prun)\b)")  # first lines of a cell whose rest is still Python


# reasons which are no failures
NOT_WRITTEN, MISSING, CHOSEN = "is not written yet", "is missing", "was your choice"


class Verdict(NamedTuple):
    number: str  # "1.4"
    name: str  # "q_eq4"
    reason: str  # why it is from the solutions, NOT_WRITTEN or "failed: ..."; empty where it is the learner's
    message: str = ""  # the same in full: what was expected and what came, and the question
    seconds: float = 0.0  # that judging it took


class Why(NamedTuple):
    reason: str = ""
    message: str = ""


class SavedCell(NamedTuple):
    kind: str  # "code", "markdown"
    id: str
    source: str
    tags: list[str]
    grade_id: str  # of an exercise's answer or check, else empty


def load_part(name: str) -> ModuleType:
    """A learner's own part, as they have saved it; what fails its check or is missing there comes from the solutions.
    name: "part1_diffusion"   returns: a module   prints: one line at once, and one that tells whose code is whose"""
    path = find_saved(name)
    print(f"Trying your {path.name} with its checks: some seconds, and up to a minute the first time.", flush=True)
    part, verdicts = load(name, path)
    print("\n".join(filter(None, [say(verdicts), other_name(name, path)])))
    return part


# ------------------------------------------------------------------------------------------------ where it is


def find_saved(name: str) -> Path:
    """Where a learner has saved a part: beside the notebook that asks for it, or there in a folder of its own, as
    nbgrader has it; else in the course's notebooks/, unless that is shared (COURSE_DIR)."""
    here, file = Path.cwd(), f"{name}.ipynb"
    beside = [here / file, here.parent / name / file]
    at_last = beside[0] if os.getenv("COURSE_DIR") else NOTEBOOKS / file
    return next(filter(Path.is_file, beside), at_last)


def other_name(name: str, path: Path) -> str:
    """What to do where a notebook of another name, a -Copy1 say, holds more of a part than the one of its own name;
    empty where none does. path: where the part is looked for"""
    ids = {cell.grade_id for cell in read_notebook(ROOT / "solutions" / f"{name}.ipynb")} - {""}
    more, other = max(((count_written(each, ids), each) for each in path.parent.glob("*.ipynb")), default=(0, path))
    if more <= count_written(path, ids):
        return ""
    than = "there is no such file" if not path.exists() else f"{path.name} holds less"
    return f"Your work seems to be in {other.name}, and {than}: rename it back to {path.name}."


def count_written(path: Path, ids: set[str]) -> int:
    """How many of these exercises are written in a notebook; none in one that cannot be read."""
    try:
        cells = read_notebook(path)
    except ValueError:
        return 0
    answers = [cell.source for cell in cells if cell.grade_id in ids and not cell.grade_id.startswith("check_")]
    return sum(STUB not in answer and YOUR_ANSWER not in answer for answer in answers)


# ------------------------------------------------------------------------------------------------ a module of it


def load(
    name: str,
    path: Path,
    tell: Callable[[str | Verdict], None] = lambda _: None,
    stopped: Mapping[str, str] = MappingProxyType({}),
    seeds: Sequence[int] = (0,),
) -> tuple[ModuleType, list[Verdict]]:
    """A saved notebook as a module, and a verdict on each exercise, in order.
    name: of the part, "part1_diffusion"   path: of the notebook; where it cannot be read, each verdict says why
    tell: gets the name of each exercise before it is judged, and its verdict after
    stopped: exercises not to be tried, as they do not end, with their messages
    seeds: of the checks' random numbers; an exercise has to pass under each"""
    reference, checks = import_module(f"solutions.{name}"), find_checks(name)
    names = {key: value for key, value in vars(reference).items() if not key.startswith("__")}
    given = {key: value for key, value in names.items() if key not in checks}
    module = ModuleType(f"{name}_saved", f"{path.name}, and the solutions where it fails")
    vars(module).update(names)
    sys.modules[module.__name__] = module  # where dataclasses and pickle look for it
    try:
        cells = read_cells(path)
    except ValueError as error:
        return module, [Verdict(check.number, key, str(error)) for key, check in checks.items()]
    verdicts, defined, broken = [], set(), {}
    compiler = codeop.Compile()  # which remembers from __future__ import ...
    with quiet_session():
        for cell, source in cells:
            define(module, f"<{path.name}: {cell}>", source, given, defined, broken, compiler)
        for key, check in checks.items():
            tell(key)
            begin, answer, reference_answer = time.monotonic(), vars(module)[key], vars(reference)[key]
            if key in stopped:
                why = Why("was stopped", stopped[key])
            elif answer is not reference_answer:
                why = judge(check, key, answer, broken, seeds)
            else:
                chosen = Why(CHOSEN, f"It is imported from solutions.{name}. To try your own, delete that line.")
                missing = Why(MISSING, f"No cell defines {key}. Was its cell deleted, or has it another name?")
                why = broken.get(key, chosen if key in defined else missing)
            if why.reason:
                setattr(module, key, reference_answer)  # so that what uses it is judged alone
            verdicts.append(Verdict(check.number, key, *why, time.monotonic() - begin))
            tell(verdicts[-1])
    return module, verdicts


def find_checks(name: str) -> dict[str, Callable]:
    """The checks of a part by the name of their exercise, in the order of the exercises."""
    checks = vars(import_module(f"tests.{name.split('_')[0]}"))
    return {key.removeprefix("check_"): check for key, check in checks.items() if key.startswith("check_")}


def read_notebook(path: Path) -> list[SavedCell]:
    """The cells of a notebook that holds code.
    errors: ValueError that says what is wrong with the file"""
    shown = f"{path.parent.name}/{path.name}"
    try:
        text = path.read_text(encoding="utf-8-sig")  # some editors begin a file with a mark
        cells = [
            SavedCell(
                cell["cell_type"],
                cell.get("id", f"cell {i}"),
                "".join(cell["source"]),
                list(cell.get("metadata", {}).get("tags", [])),
                cell.get("metadata", {}).get("nbgrader", {}).get("grade_id", ""),
            )
            for i, cell in enumerate(json.loads(text)["cells"] if text.strip() else [], 1)
        ]
    except FileNotFoundError:
        raise ValueError(f"there is no {path.name} in {path.parent}") from None
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise ValueError(f"{shown} cannot be read as a notebook") from None
    if not any(cell.kind == "code" for cell in cells):
        raise ValueError(f"{shown} {'holds no code' if text.strip() else 'is empty'}")
    return cells


def read_cells(path: Path) -> list[tuple[str, str]]:
    """Id and source of each code cell that defines things, not tagged "run".
    errors: ValueError that says what is wrong with the file"""
    cells = read_notebook(path)
    return [(cell.id, cell.source) for cell in cells if cell.kind == "code" and "run" not in cell.tags]


@contextmanager
def quiet_session() -> Iterator[None]:
    """Show nothing of what happens inside; leave random numbers, PyTorch's defaults and figures as they were."""
    import matplotlib.pyplot as plt  # slow, and not needed where a notebook is only read

    from tests.checking import session_as_it_was

    figures = plt.get_fignums()
    current = plt.gcf().number if figures else None
    with session_as_it_was(seed=0), capture_output():  # which holds back displayed pictures, too
        try:
            yield
        finally:
            for number in set(plt.get_fignums()) - set(figures):
                plt.close(number)
            if plt.fignum_exists(current):
                plt.figure(current)


def define(
    module: ModuleType,
    filename: str,
    source: str,
    given: dict[str, Any],
    defined: set[str],
    broken: dict[str, Why],
    compiler: Callable,
) -> None:
    """Execute what a cell defines, and nothing else of it.
    given: names that keep their values   defined: takes what it defines   broken: takes why a name could not be"""
    try:
        code, statements = statements_of(source)
    except Exception as error:  # a SyntaxError, mostly
        names = re.findall(r"^(?:async def|def|class) (\w+)", source, re.MULTILINE)
        broken.update(dict.fromkeys(names, syntax_error(error)))
        return
    linecache.cache[filename] = (len(code), None, code.splitlines(keepends=True), filename)
    for statement in statements:
        if not (names := names_of(statement)):
            computed = {name for name in assigned(statement) if name not in vars(module)}
            broken.update({name: not_computed(name) for name in computed})
            continue
        try:
            exec(compiler(ast.Module([statement], []), filename, "exec"), vars(module))
        except BaseException as error:  # SystemExit and the stop button, too, end no more than this statement
            why = syntax_error(error) if isinstance(error, SyntaxError) else any_error(error)
            broken.update(dict.fromkeys(names, why))
        else:
            if names == ["*"]:
                names = [name for name in vars(sys.modules[statement.module]) if not name.startswith("_")]
            for name in names:
                broken.pop(name, None)
            defined.update(names)
        vars(module).update(given)


def statements_of(source: str) -> tuple[str, list[ast.stmt]]:
    """A cell as Python, without IPython's commands, and its statements."""
    lines = source.split("\n")
    skipped = len(list(takewhile(SKIPPED.match, lines)))
    code = "#\n" * skipped + TransformerManager().transform_cell("\n".join(lines[skipped:]))
    return code, ast.parse(code).body


def names_of(statement: ast.stmt) -> list[str]:
    """What a definition, an import, or the assignment of a literal or a lambda defines; nothing for all else."""
    match statement:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            return [statement.name]
        case ast.Import() | ast.ImportFrom():
            return [alias.asname or alias.name.split(".")[0] for alias in statement.names]
        case ast.Assign(value=value) | ast.AnnAssign(value=value) if value:
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            nodes = [node for target in targets for node in ast.walk(target)]
            changes = any(isinstance(node, ast.Attribute | ast.Subscript) for node in nodes)  # of what is there already
            if not changes and (isinstance(value, ast.Lambda) or is_literal(value)):
                return [node.id for node in nodes if isinstance(node, ast.Name)]
    return []


def assigned(statement: ast.stmt) -> list[str]:
    """The variables that an assignment makes."""
    nodes = ast.walk(statement) if isinstance(statement, ast.Assign | ast.AnnAssign) else []
    return [node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)]


def is_literal(value: ast.expr) -> bool:
    try:
        ast.literal_eval(value)
    except Exception:
        return False
    return True


def judge(check: Callable, name: str, answer: object, broken: dict[str, Why], seeds: Sequence[int]) -> Why:
    """Why the answer fails its check; empty if it passes."""
    try:
        for seed in seeds:
            check(answer, seed)
        return Why()
    except KeyboardInterrupt:
        why = Why("was interrupted", "It was interrupted.")
    except BaseException as error:
        if isinstance(error, NotImplementedError) and str(error) in ("", f"{check.number} {name} {NOT_WRITTEN}"):
            why = Why(NOT_WRITTEN)
        elif mistake := getattr(error, "mistake", None):  # recognised by the check
            why = Why(f"failed: {shorten(mistake.facts)}", str(mistake))
        else:
            why = any_error(error)
            if isinstance(error, NameError) and error.name in broken:
                cause = broken[error.name]
                why = Why(f"{why.reason} ({cause.reason.removeprefix('failed: ')})", f"{why.message}\n{cause.message}")
    return broken.get(name, why)  # a later version that could not be defined is what they want to hear of


def not_computed(name: str) -> Why:
    """Why a variable of the notebook is not there: it is not run as a whole."""
    message = (
        f"{name} is computed outside of functions, and there a saved notebook is not run: compute it in the function."
    )
    return Why(f"{name} is computed outside of functions", message)


def syntax_error(error: Exception) -> Why:
    line, code = getattr(error, "lineno", "?"), (getattr(error, "text", "") or "").strip()
    where = f"in line {line}{': ' * bool(code)}{code}"
    what = f"SyntaxError: {getattr(error, 'msg', error)}"
    return Why(f"failed: its cell has a syntax error in line {line}", f"{what}\n{where}")


def any_error(error: BaseException) -> Why:
    """What a learner's code raised, and the last of their lines that was reached."""
    text = f"{type(error).__name__}: {error}".removesuffix(": ")
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if ".ipynb: " in frame.filename]
    where = [f"in line {frame.lineno}: {frame.line}" for frame in frames[-1:]]
    return Why(f"failed: {shorten(text)}", "\n".join([text, *where, *getattr(error, "__notes__", [])]))


def shorten(text: str, length: int = 100) -> str:
    text = " ".join(text.split())
    return text if len(text) <= length else f"{text[: length - 2].rsplit(' ', 1)[0]} …"


NONE = {NOT_WRITTEN: "none is written yet", MISSING: "none is in the notebook", CHOSEN: "as you chose"}


def say(verdicts: list[Verdict]) -> str:
    """Whose code each exercise of a part is, in one line."""
    part, total = f"Part {verdicts[0].number.split('.')[0]}", len(verdicts)
    others = [verdict for verdict in verdicts if verdict.reason]
    reasons = dict.fromkeys(verdict.reason for verdict in others)
    if not others:
        return f"{part}: all {total} yours"
    if len(others) == total and len(reasons) == 1:
        return f"{part}: from the solutions, all {total}: {NONE.get(others[0].reason, others[0].reason)}"
    why = "; ".join(say_reason(verdicts, reason) for reason in reasons)
    if len(others) == total:
        return f"{part}: from the solutions, all {total} ({why})"
    which = listed([verdict.name for verdict in others]) if len(others) <= 3 else f"the other {len(others)}"
    return f"{part}: {total - len(others)} of {total} yours; {which} from the solutions ({why})"


def say_reason(verdicts: list[Verdict], reason: str) -> str:
    """A reason, after the exercises that share it: "1.4 is not written yet", "1.6 to 1.13 are not written yet"."""
    rows = [i for i, verdict in enumerate(verdicts) if verdict.reason == reason]
    numbers = [verdicts[i].number for i in rows]
    in_a_row = len(rows) > 2 and rows[-1] - rows[0] == len(rows) - 1
    if len(rows) > 1:
        reason = re.sub("^is ", "are ", re.sub("^was ", "were ", reason))
    return f"{f'{numbers[0]} to {numbers[-1]}' if in_a_row else listed(numbers)} {reason}"


def listed(words: list[str]) -> str:
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))
