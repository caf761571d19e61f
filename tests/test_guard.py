"""Submissions that would pass themselves: what reading them finds, what looking at the checks finds."""

import builtins
import sys
from importlib import import_module
from types import ModuleType

import pytest
import torch as t

import tests.part1
from tests import checking
from tests.test_saved import NAME, save_part
from tools.guard import Snapshot, read_for_tricks
from tools.markup import ROOT
from tools.saved import find_checks

NAMES = [path.stem for path in sorted((ROOT / "solutions").glob("part*.py"))]


def tricks(folder, *scratch: str, **cells) -> list[str]:
    return read_for_tricks(save_part(folder, NAME, *scratch, **cells), NAME, set(find_checks(NAME)))


@pytest.mark.parametrize("name", NAMES)
def test_solutions_and_untouched_notebooks_hold_no_tricks(tmp_path, name):
    for path in save_part(tmp_path, name), ROOT / "notebooks" / f"{name}.ipynb", ROOT / "solutions" / f"{name}.ipynb":
        assert read_for_tricks(path, name, set(find_checks(name))) == []


HONEST = [
    "import os, sys, json",  # and nothing done with them
    "import numpy as np\ndef show(x):\n    return np.asarray(x)",
    "class Own(nn.Module):\n    def __init__(self):\n        super().__init__()\n        self.norm = self._x = 1",
    "def half(model):\n    for p in model.parameters():\n        p.data = p.data / 2\n        p.requires_grad = False",
    "from solutions.part1_diffusion import q_eq4\ndef use(x):\n    return q_eq4(x, 1, x)",
    "import solutions.part2_unet as other\ndef use(x):\n    return other.SiLU()(x)",
    "def a(x):\n    return getattr(x, 'shape')",
    "import torch.nn.functional, numpy as np\ndef a(x):\n    return np.linalg.norm(torch.nn.functional.pad(x, [1]))",
    "def a(x):\n    match x:\n        case t.Tensor(shape=[n]):\n            return t.nn.functional.relu(x) + t.fft.fft(x)",
    "def twice(x):\n    return q_eq4(x, 2, x)",
    "os.fork()\nx = = 1",
]


@pytest.mark.parametrize("source", HONEST)
def test_what_an_honest_learner_writes_is_no_trick(tmp_path, source):
    assert tricks(tmp_path, source) == []


TRICKS = {
    "import os\ndef f():\n    os.fork()": "f uses os",
    "from os import _exit as leave\ndef f():\n    leave(0)": "f uses os._exit",
    "def f():\n    import ctypes\n    ctypes.memset": "f uses ctypes",
    "def f():\n    t.allclose = print": "f changes t.allclose",
    "def f():\n    for t.Tensor.allclose in [print]: pass": "f changes t.Tensor.allclose",
    "def f(x):\n    x.allclose = print": "f sets .allclose",
    "def f():\n    return t.os": "f uses .os",
    "def f():\n    return getattr(t, 'os')": "f uses .os",
    "def f(name):\n    return getattr(t, name)": "f uses getattr",
    "def f():\n    setattr(t, 'allclose', print)": "f uses setattr",
    "def f():\n    return ().__class__.__base__": "f uses .__base__; f uses .__class__",
    "def f(g):\n    return g.gi_frame.f_back": "f uses .f_back; f uses .gi_frame",
    "def f():\n    return t._C": "f uses ._C",
    "from torch.overrides import resolve_name\ndef f():\n    resolve_name": "f uses torch.overrides.resolve_name",
    "class L:\n    def __eq__(self, other): return True": "L defines __eq__",
    "class L:\n    __bool__ = print": "L defines __bool__",
    "f = lambda: eval('1')": "f uses eval",
    "from random import _os\ndef f():\n    _os.fork()": "f uses random._os",
    "from enum import bltns as b\ndef f():\n    b.eval('1')": "f uses enum.bltns",
    "import fractions\ndef f():\n    fractions.operator.call": "f uses operator",
    "from fractions import operator\ndef f():\n    operator.call": "f uses fractions.operator",
    "import torch.utils.cpp_extension": "torch imports torch.utils.cpp_extension",
    "def f(g):\n    match g:\n        case object(__globals__=all): return all": "f uses .__globals__",
    "def f():\n    return type('L', (t.Tensor,), {})": "f makes a class with type()",
    "def f():\n    global q_eq4": "f uses global",
    "from tests import part1 as own\nclass C:\n    own.x = 1": "C uses tests.part1",
    "import solutions.part1_diffusion as s\ndef f():\n    return s.q_eq4": "f uses solutions.part1_diffusion",
    "from solutions.part1_diffusion import sample as s\ndef f():\n    s": "f uses solutions.part1_diffusion.sample",
}


@pytest.mark.parametrize("source", TRICKS)
def test_tricks_are_named(tmp_path, source):
    assert "; ".join(sorted(tricks(tmp_path, source))) == TRICKS[source]


@pytest.mark.parametrize(
    "cells, found",
    [
        ({"q_eq4": "def q_eq4(x, num_steps, betas, f=q_eq4):\n    return f(x, num_steps, betas)"}, "q_eq4"),
        ({"TinyDiffuser": "class TinyDiffuser(TinyDiffuser): pass"}, "TinyDiffuser"),
        ({"q_eq2": "class Keep:\n    f = sample"}, "sample"),
        ({"q_eq2": "def keep(f):\n    f.kept = q_eq4\n    return f"}, "q_eq4"),
        ({"q_eq2": "from solutions.part1_diffusion import q_eq4\nkeep = lambda: q_eq4"}, "q_eq4"),
    ],
)
def test_a_solution_taken_before_it_is_written_over_is_named(tmp_path, cells, found):
    (trick,) = tricks(tmp_path, **cells)
    assert trick.endswith(f" is built on the solution's {found}")


# ------------------------------------------------------------------------------------------------ after it has run


@pytest.fixture(scope="module")
def snapshot():
    return taken()


def taken() -> Snapshot:
    """Without pytest's own modules and warnings, which pytest changes with every test."""
    snapshot = Snapshot()
    for name in [name for name in snapshot.modules if "pytest" in name or name == "warnings"]:
        del snapshot.modules[name]
    return snapshot


CHANGES = {
    "tests.part1.check_q_eq4": lambda patch: patch.setattr(tests.part1, "check_q_eq4", print),
    "tests.part1.isinstance": lambda patch: patch.setattr(tests.part1, "isinstance", print, raising=False),
    "tests.part1.LARGE": lambda patch: patch.setattr(tests.part1, "LARGE", (1, 1, 1)),
    "tests.checking.expect_tensor": lambda patch: patch.setattr(
        checking.expect_tensor, "__code__", (lambda *inputs: None).__code__
    ),
    "torch.allclose": lambda patch: patch.setattr(t, "allclose", print),
    "torch.functional.len": lambda patch: patch.setattr(t.functional, "len", print, raising=False),
    "Tensor.allclose": lambda patch: patch.setattr(t.Tensor, "allclose", print, raising=False),
    "Tensor.__eq__": lambda patch: patch.setattr(t.Tensor, "__eq__", print),
    "Module.__call__": lambda patch: patch.setattr(t.nn.Module, "__call__", print),
    "Mistake.__init__": lambda patch: patch.setattr(checking.Mistake, "__init__", print),
    "builtins.print": lambda patch: patch.setattr(builtins, "print", len),
    "sys.modules['tests.part1']": lambda patch: patch.setitem(sys.modules, "tests.part1", ModuleType("tests.part1")),
    "how Python runs, with a trace": lambda patch: sys.setprofile(lambda *_: None),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_found_and_nothing_else(snapshot, change):
    profile = sys.getprofile()
    assert snapshot.changed() == ""
    with pytest.MonkeyPatch.context() as patch:
        CHANGES[change](patch)
        try:
            found = snapshot.changed()
        finally:
            sys.setprofile(profile)
    assert found == change
    assert snapshot.changed() == ""


def test_a_lying_tensor_and_a_mode_are_found(snapshot):
    class Lying(t.Tensor):
        pass

    assert snapshot.changed() == "what a tensor is, with its own Lying"
    Lying.__module__ = "torch"
    assert snapshot.changed() == "what a tensor is, with its own Lying"
    snapshot.tensors.add(Lying)
    assert snapshot.changed() == ""
    with t.overrides.TorchFunctionMode():
        assert snapshot.changed() == "what PyTorch's functions do, with a mode"


@pytest.mark.parametrize("name", NAMES)
def test_the_checks_change_nothing(name):
    reference, checks = import_module(f"solutions.{name}"), find_checks(name)
    before = taken()
    for key, check in checks.items():
        check(vars(reference)[key])
        assert before.changed() == "", key
