"""What is worth reading in a submission before its points are believed: a short list, which costs no points.

A learner's answer runs in the process of its check, so no list can find every trick. This one names what few exercises
need and the plain tricks do: the solutions, the checks, files, and how Python itself runs.
"""

import ast
import re
from collections.abc import Iterator
from contextlib import suppress
from importlib import import_module
from pathlib import Path

from tools.saved import find_checks, names_of, read_cells, statements_of

NAMES = """solutions tests tools load_part open exec eval compile globals vars locals gc inspect ctypes importlib
builtins sys os subprocess __import__ __builtins__""".split()
ATTRIBUTES = """load_part os sys gc builtins read_text read_bytes _getframe f_back f_globals f_locals f_builtins
tb_frame gi_frame cell_contents __globals__ __code__ __closure__ __builtins__ __subclasses__""".split()
FOREIGN = "solutions tests tools gc inspect ctypes importlib builtins subprocess".split()  # modules to import
MOST = 10  # that are named of one exercise


def worth_reading(path: Path, name: str) -> dict[str, str]:
    """By exercise, what to look at in its definition and in the helpers above it: {"q_eq4": "q_eq4 uses open"}.
    name: of the part, "part1_diffusion"   errors: ValueError where the notebook cannot be read"""
    reference, exercises = import_module(f"solutions.{name}"), list(find_checks(name))
    given = {key for key in vars(reference) if key not in exercises}  # which a learner cannot change
    found: dict[str, list[str]] = {}
    waiting: list[str] = []
    written: set[str] = set()
    for names, node in definitions(path):
        if set(names) <= given:
            continue
        for hint in hints_of(node, set(exercises) - written):
            waiting.append(f"{names[0]} {hint}")
        if is_import(node):
            continue
        written.update(names)
        for exercise in [key for key in names if key in exercises]:
            found.setdefault(exercise, []).extend(waiting)
            waiting = []
    found.setdefault(exercises[-1], []).extend(waiting)
    return {key: "; ".join(list(dict.fromkeys(hints))[:MOST]) for key, hints in found.items() if hints}


def definitions(path: Path) -> Iterator[tuple[list[str], ast.stmt]]:
    """All that a saved notebook defines or imports when it is judged."""
    for _, source in read_cells(path):
        with suppress(Exception):  # a SyntaxError, mostly: then nothing of this cell runs
            yield from [(names, node) for node in statements_of(source)[1] if (names := names_of(node))]


def hints_of(node: ast.stmt, unwritten: set[str]) -> Iterator[str]:
    """unwritten: exercises that are still the reference's where this definition runs"""
    for inner in ast.walk(node):
        match inner:
            case ast.Import():
                modules = [alias.name for alias in inner.names]
                yield from [f"imports {module}" for module in modules if is_foreign(module, is_import(node))]
            case ast.ImportFrom(module=str(module)) if is_foreign(module, is_import(node)):
                renamed = any(alias.asname for alias in inner.names)
                if not (is_import(node) and module.startswith("solutions.")) or renamed:  # else it is no secret
                    yield f"imports from {module}"
            case ast.Name(id) if id in NAMES:
                yield f"uses {id}"
            case ast.Attribute(attr=attribute) if attribute in ATTRIBUTES:
                yield f"uses .{attribute}"
    if not is_import(node):
        early = {inner.id for inner in at_once(node) if isinstance(inner, ast.Name)}
        yield from [f"takes {name} before it is written" for name in sorted(early & unwritten)]


def is_foreign(module: str, outside: bool) -> bool:
    """Whether few exercises need it. outside: of functions, where the course's own cells import checks and tools"""
    ours = re.fullmatch(r"tests\.part\d+|tools(\.\w+)?", module)
    return module.split(".")[0] in FOREIGN and not (outside and ours)


def is_import(node: ast.stmt) -> bool:
    return isinstance(node, ast.Import | ast.ImportFrom)


def at_once(node: ast.AST) -> Iterator[ast.AST]:
    """What runs when a definition does: all but the insides of functions."""
    yield node
    for field, value in ast.iter_fields(node):
        if field != "body" or not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST):
                    yield from at_once(child)
