"""A part as a learner has saved it: their own code where it passes its checks, the solutions' where it does not.

load gives a notebook as a module, with a verdict on each exercise; say puts the verdicts in one line.
"""

import ast
import codeop
import json
import linecache
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from itertools import takewhile
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import matplotlib.pyplot as plt
from IPython.core.inputtransformer2 import TransformerManager
from IPython.utils.capture import capture_output

from tests.checking import session_as_it_was

SKIPPED = re.compile(r"\s*($|%%(time|timeit|capture|prun)\b)")  # first lines of a cell whose rest is still Python


class Verdict(NamedTuple):
    number: str  # "1.4"
    name: str  # "q_eq4"
    reason: str  # why it is from the solutions, "is not written yet" or "failed: ..."; empty where it is the learner's


def load(name: str, path: Path) -> tuple[ModuleType, list[Verdict]]:
    """A saved notebook as a module, and a verdict on each exercise, in order.
    name: of the part, "part1_diffusion"   path: of the notebook; where it cannot be read, each verdict says why"""
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
    verdicts, broken, compiler = [], {}, codeop.Compile()  # which remembers from __future__ import ...
    with quiet_session():
        for cell, source in cells:
            define(module, f"<{path.name}: {cell}>", source, given, broken, compiler)
        for key, check in checks.items():
            answer, reference_answer = vars(module)[key], vars(reference)[key]
            missing = answer is reference_answer  # never defined, or imported from the solutions
            reason = broken.get(key, "is missing") if missing else judge(check, key, answer, broken)
            if reason:
                setattr(module, key, reference_answer)  # so that what uses it is judged alone
            verdicts.append(Verdict(check.number, key, reason))
    return module, verdicts


def find_checks(name: str) -> dict[str, Callable]:
    """The checks of a part by the name of their exercise, in the order of the exercises."""
    checks = vars(import_module(f"tests.{name.split('_')[0]}"))
    found = [key for key, check in checks.items() if key.startswith("check_") and hasattr(check, "number")]
    found.sort(key=lambda key: [int(digits) for digits in checks[key].number.split(".")])
    return {key.removeprefix("check_"): checks[key] for key in found}


def read_cells(path: Path) -> list[tuple[str, str]]:
    """Id and source of each code cell that defines things, not tagged "run".
    errors: ValueError that says what is wrong with the file"""
    shown = f"{path.parent.name}/{path.name}"
    try:
        text = path.read_text(encoding="utf-8")
        cells = json.loads(text)["cells"] if text.strip() else []
        code = [(i, cell) for i, cell in enumerate(cells, 1) if cell["cell_type"] == "code"]
        found = [
            (cell.get("id", f"cell {i}"), "".join(cell["source"]))
            for i, cell in code
            if "run" not in cell.get("metadata", {}).get("tags", [])
        ]
    except FileNotFoundError:
        raise ValueError(f"there is no {shown}") from None
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        raise ValueError(f"{shown} cannot be read as a notebook") from None
    if not code:
        raise ValueError(f"{shown} {'holds no code' if text.strip() else 'is empty'}")
    return found


@contextmanager
def quiet_session() -> Iterator[None]:
    """Show nothing of what happens inside; leave random numbers, PyTorch's defaults and figures as they were."""
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
    module: ModuleType, filename: str, source: str, given: dict[str, Any], broken: dict[str, str], compiler: Callable
) -> None:
    """Execute what a cell defines, and nothing else of it.
    given: names that keep their values   broken: takes why a name could not be defined"""
    lines = source.split("\n")
    skipped = len(list(takewhile(SKIPPED.match, lines)))
    try:
        code = "#\n" * skipped + TransformerManager().transform_cell("\n".join(lines[skipped:]))
        statements = ast.parse(code).body
    except Exception as error:  # a SyntaxError, mostly
        names = re.findall(r"^(?:async def|def|class) (\w+)", source, re.MULTILINE)
        broken.update(dict.fromkeys(names, say_syntax(error)))
        return
    linecache.cache[filename] = (len(code), None, code.splitlines(keepends=True), filename)
    for statement in statements:
        if not (names := names_of(statement)):
            continue
        try:
            exec(compiler(ast.Module([statement], []), filename, "exec"), vars(module))
        except BaseException as error:  # SystemExit and the stop button, too, end no more than this statement
            why = say_syntax(error) if isinstance(error, SyntaxError) else f"failed: {say_error(error)}"
            broken.update(dict.fromkeys(names, why))
        else:
            for name in names:
                broken.pop(name, None)
        vars(module).update(given)


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


def is_literal(value: ast.expr) -> bool:
    try:
        ast.literal_eval(value)
    except Exception:
        return False
    return True


def judge(check: Callable, name: str, answer: object, broken: dict[str, str]) -> str:
    """Why the answer fails its check; empty if it passes."""
    try:
        check(answer)
        return ""
    except KeyboardInterrupt:
        reason = "was interrupted"
    except BaseException as error:
        text = str(error)
        if isinstance(error, NotImplementedError) and text in ("", f"{check.number} {name} is not written yet"):
            reason = "is not written yet"
        elif isinstance(error, AssertionError) and text.startswith(f"{check.number} {name}: "):
            facts, _, _question = text.partition(": ")[2].partition(".\n")
            facts = re.sub(r"^with betas \[.*?\], ", "", facts)  # long, and needed only to redo the sum
            reason = f"failed: {shorten(facts.removesuffix('.'))}"
        else:
            reason = f"failed: {say_error(error)}"
            if isinstance(error, NameError) and error.name in broken:
                reason += f" ({broken[error.name].removeprefix('failed: ')})"
    return broken.get(name, reason)  # a later version that could not be defined is what they want to hear of


def say_syntax(error: Exception) -> str:
    return f"failed: its cell has a syntax error in line {getattr(error, 'lineno', '?')}"


def say_error(error: BaseException) -> str:
    return shorten(f"{type(error).__name__}: {error}".removesuffix(": "))


def shorten(text: str, length: int = 100) -> str:
    text = " ".join(text.split())
    return text if len(text) <= length else f"{text[: length - 2].rsplit(' ', 1)[0]} …"


NONE = {"is not written yet": "none is written yet", "is missing": "none is in the notebook"}


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
    """A reason, after the exercises that share it: "1.4 is not written yet", "1.6 to 1.12 are not written yet"."""
    rows = [i for i, verdict in enumerate(verdicts) if verdict.reason == reason]
    numbers = [verdicts[i].number for i in rows]
    in_a_row = len(rows) > 2 and rows[-1] - rows[0] == len(rows) - 1
    if len(rows) > 1:
        reason = re.sub("^is ", "are ", re.sub("^was ", "were ", reason))
    return f"{f'{numbers[0]} to {numbers[-1]}' if in_a_row else listed(numbers)} {reason}"


def listed(words: list[str]) -> str:
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))
