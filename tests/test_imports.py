"""Imports run one way: utils <- solutions <- tests <- tools; and in no circle."""

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from tools.markup import ROOT

ROOMS = ("utils", "solutions", "tests", "tools")  # each may import what stands before it, and its own
FILES = [ROOT / "utils.py", *(path for room in ROOMS[1:] for path in sorted((ROOT / room).rglob("*.py")))]
MODULES = {".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path for path in FILES}


def imports(node: ast.AST) -> Iterator[str]:
    """Full names of all that is imported below a node, inside of functions, too, but not under "if MAIN:": that is the
    notebook's."""
    for child in ast.iter_child_nodes(node):
        match child:
            case ast.If(test=ast.Name("MAIN")):
                continue
            case ast.Import():
                yield from (alias.name for alias in child.names)
            case ast.ImportFrom():
                for name in (f"{child.module}.{alias.name}" for alias in child.names):
                    yield name if name in MODULES else child.module
        yield from imports(child)


def imported_by(path: Path) -> set[str]:
    """Those of our modules that a file imports."""
    found = imports(ast.parse(path.read_text(encoding="utf-8")))
    return {name for name in found if name.split(".")[0] in ROOMS}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_file_imports_only_what_stands_before_it(path):
    room = path.relative_to(ROOT).parts[0].removesuffix(".py")
    allowed = ROOMS[: ROOMS.index(room) + (room != "utils")]
    if path.parent == ROOT / "tests" and path.name.startswith(("test_", "conftest")):  # pytest's
        allowed = ROOMS
    others = sorted(name for name in imported_by(path) if name.split(".")[0] not in allowed)
    assert not others, f"{room} may import {', '.join(allowed) or 'nothing of ours'}, and not {', '.join(others)}"


@pytest.mark.slow
def test_no_module_imports_itself_by_way_of_others():
    graph = {name: imported_by(path) - {name} for name, path in MODULES.items()}
    TopologicalSorter(graph).prepare()  # errors: CycleError, which shows the circle
