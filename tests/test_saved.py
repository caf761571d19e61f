"""A learner's saved notebook as a module: whose code runs, what the one line says, and that nothing else happens."""

import inspect
import json
import pickle
import random
import traceback
from functools import partial
from pathlib import Path

import matplotlib.pyplot as plt
import nbformat
import pytest
import torch as t

import solutions.part1_diffusion as reference
import utils
from tests.checking import Mistake, check
from tools import saved
from tools.markup import ROOT
from tools.saved import Verdict, find_checks, load, read_cells, say

NAME = "part1_diffusion"
EXERCISES = list(find_checks(NAME))


def solved(name: str) -> dict[str, str]:
    """The answers of a part, written ones too, by their ids."""
    cells = nbformat.read(ROOT / "solutions" / f"{name}.ipynb", 4).cells
    return {cell.id: cell.source for cell in cells if cell.metadata.get("nbgrader", {}).get("solution")}


def save_part(folder: Path, name: str, *scratch: str, **cells) -> Path:
    """Save a notebook as a learner would: every exercise answered, but with these cells, and these scratch cells.
    None deletes a cell; Ellipsis leaves its stub."""
    notebook, answers = nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", 4), solved(name) | cells
    for cell in notebook.cells:
        if cell.id in answers and answers[cell.id] is not Ellipsis:
            cell.source = answers[cell.id] or ""
    notebook.cells = [cell for cell in notebook.cells if answers.get(cell.id, "") is not None]
    notebook.cells += [nbformat.v4.new_code_cell(source) for source in scratch]
    path = folder / "notebooks" / f"{name}.ipynb"
    path.parent.mkdir(exist_ok=True)
    nbformat.write(notebook, path)
    return path


@pytest.fixture
def save(tmp_path, monkeypatch):
    monkeypatch.setattr(saved, "NOTEBOOKS", tmp_path / "notebooks")
    return partial(save_part, tmp_path, NAME)


SOLVED = solved(NAME)
WRONG_EQ4 = SOLVED["q_eq4"].replace("(1 - alpha_bar).sqrt()", "(1 - alpha_bar)")
WRONG_NOISE_IMG = SOLVED["noise_img"].replace("(1 - alpha_bar).sqrt()", "(1 - alpha_bar)")


@pytest.fixture
def loaded(save, capfd):
    """The module, and the one line that tells whose code it is."""

    def loaded(*scratch: str, **cells):
        save(*scratch, **cells)
        part = saved.load_part(NAME)
        out, err = capfd.readouterr()
        assert not err
        first, line = out.splitlines()
        assert "Trying your part1_diffusion.ipynb" in first  # at once
        return part, line

    return loaded


def is_theirs(part, name: str) -> bool:
    return getattr(part, name).__module__ == part.__name__ != reference.__name__


# ------------------------------------------------------------------------------------------------ whose code it is


def test_a_finished_part_is_the_learners_own(loaded):
    part, line = loaded()
    assert line == "Part 1: all 10 yours"
    assert all(getattr(part, name) is not getattr(reference, name) for name in EXERCISES)
    assert part.noise_img.__globals__ is vars(part) and all(is_theirs(part, name) for name in EXERCISES)


def test_given_names_are_the_references(loaded):
    part, _ = loaded("DiffusionModel = gradient_images = None\nimport numpy as t\nclass TinyDiffuserConfig: pass")
    given = {key for key in vars(reference) if not key.startswith("__") and key not in EXERCISES}
    assert {"DiffusionModel", "TinyDiffuserConfig", "gradient_images", "log_images", "toy_model", "t"} <= given
    assert all(getattr(part, key) is getattr(reference, key) for key in given)
    assert issubclass(part.TinyDiffuser, reference.DiffusionModel)


def test_an_untouched_notebook_has_a_line_of_its_own(loaded):
    part, line = loaded(**dict.fromkeys(EXERCISES, ...))
    assert line == "Part 1: from the solutions, all 10: none is written yet"
    assert all(getattr(part, name) is getattr(reference, name) for name in EXERCISES)


def test_stubs_of_a_half_finished_part_are_said_in_one_phrase(loaded):
    _, line = loaded(**dict.fromkeys(EXERCISES[3:], ...))
    assert line == "Part 1: 3 of 10 yours; the other 7 from the solutions (1.5 to 1.13 are not written yet)"
    _, line = loaded(q_eq2=..., sample=...)
    assert line == "Part 1: 8 of 10 yours; q_eq2 and sample from the solutions (1.3 and 1.13 are not written yet)"


def test_a_bare_stub_in_a_method_is_not_written_yet(loaded):
    source = SOLVED["TinyDiffuser"].split("        pixels =")[0] + "        raise NotImplementedError"
    _, line = loaded(TinyDiffuser=source)
    assert line == "Part 1: 9 of 10 yours; TinyDiffuser from the solutions (1.8 is not written yet)"


def test_what_is_not_implemented_elsewhere_is_an_error(loaded):
    _, line = loaded(TinyDiffuser=SOLVED["TinyDiffuser"].replace("def forward", "def forwards"))
    assert "1.8 failed: TypeError: Can't instantiate abstract class" in line


def test_a_wrong_answer_is_diagnosed_and_replaced(loaded):
    part, line = loaded(q_eq4=WRONG_EQ4)
    assert line.startswith("Part 1: 9 of 10 yours; q_eq4 from the solutions (1.4 failed: ")
    assert "0.100, expected 0.316" in line and "?" not in line
    assert part.q_eq4 is reference.q_eq4 and is_theirs(part, "q_eq2")


def test_what_uses_a_wrong_answer_is_judged_alone(loaded):
    part, line = loaded(noise_img=WRONG_NOISE_IMG)
    assert line.startswith("Part 1: 9 of 10 yours; noise_img from the solutions (1.6 failed: ")
    assert is_theirs(part, "train") and part.train.__globals__["noise_img"] is reference.noise_img


def test_an_error_is_said_with_its_type(loaded):
    _, line = loaded(reconstruct=SOLVED["reconstruct"].replace("return (noisy_img", "return (noisy_image"))
    assert "1.7 failed: NameError: name 'noisy_image' is not defined" in line


def test_long_reasons_are_cut(loaded):
    source = f"def q_eq2(x, num_steps, betas):\n    raise ValueError({'many words ' * 99!r} + '\\n')"
    _, line = loaded(q_eq2=source)
    assert "1.3 failed: ValueError: many words" in line and line.endswith(" …)") and len(line) < 180


def test_different_reasons_stand_side_by_side(loaded):
    _, line = loaded(q_eq2=None, q_eq4=WRONG_EQ4, train=..., sample=...)
    assert line.startswith("Part 1: 6 of 10 yours; the other 4 from the solutions (1.3 is missing; 1.4 failed: ")
    assert line.endswith("expected 0.316; 1.10 and 1.13 are not written yet)")


def test_reasons_that_all_share_are_said_once():
    def saying(*reasons):
        return say([Verdict(f"2.{number}", f"f{number}", reason) for number, reason in enumerate(reasons, 9)])

    assert saying("is missing", "was interrupted", "was interrupted") == (
        "Part 2: from the solutions, all 3 (2.9 is missing; 2.10 and 2.11 were interrupted)"
    )
    assert saying("is missing", "is missing", "is missing") == (
        "Part 2: from the solutions, all 3: none is in the notebook"
    )


# ------------------------------------------------------------------------------------------------ the file


@pytest.mark.parametrize(
    "content, reason",
    [
        (None, "there is no part1_diffusion.ipynb in {folder}"),
        ("", "notebooks/part1_diffusion.ipynb is empty"),
        ("<<<<<<< a merge", "notebooks/part1_diffusion.ipynb cannot be read as a notebook"),
        ("[]", "notebooks/part1_diffusion.ipynb cannot be read as a notebook"),
        ('{"cells": null}', "notebooks/part1_diffusion.ipynb cannot be read as a notebook"),
        ('{"cells": ["text"]}', "notebooks/part1_diffusion.ipynb cannot be read as a notebook"),
        ('{"cells": []}', "notebooks/part1_diffusion.ipynb holds no code"),
        ('{"cells": [{"cell_type": "markdown", "source": "x"}]}', "notebooks/part1_diffusion.ipynb holds no code"),
    ],
)
def test_a_file_that_is_no_notebook_is_said(save, capsys, content, reason):
    path = save()
    path.unlink() if content is None else path.write_text(content, encoding="utf-8")
    part = saved.load_part(NAME)
    said = reason.replace("{folder}", str(path.parent))
    assert capsys.readouterr().out.splitlines()[1:] == [f"Part 1: from the solutions, all 10: {said}"]
    assert part.train is reference.train


def test_a_file_of_other_bytes_is_said(save, capsys):
    save().write_bytes(b"\xff\xfe\x00")
    saved.load_part(NAME)
    assert "cannot be read as a notebook" in capsys.readouterr().out


def test_cells_without_ids_go_by_their_position(tmp_path):
    cells = [dict(cell_type="markdown", source=""), dict(cell_type="code", source=["x = 1\n", "y = 2"])]
    (tmp_path / "old.ipynb").write_text(json.dumps(dict(cells=cells)), encoding="utf-8")
    assert read_cells(tmp_path / "old.ipynb") == [("cell 2", "x = 1\ny = 2")]


def test_the_notebook_of_this_repository_loads(capsys):
    part = saved.load_part(NAME)
    assert capsys.readouterr().out.splitlines()[1].startswith("Part 1: ")
    assert callable(part.train)


@pytest.mark.parametrize("left", ["nothing", "stubs", "less"])
def test_work_under_another_name_is_named(save, capsys, left):
    path = save(sample=...)
    path.rename(path.with_stem("part1_diffusion-Copy1"))
    written = {"stubs": dict.fromkeys(SOLVED, ...), "less": dict.fromkeys(["sample", "train"], ...)}
    if left != "nothing":
        save(**written[left])
    saved.load_part(NAME)
    last = capsys.readouterr().out.splitlines()[-1]
    assert "part1_diffusion-Copy1.ipynb" in last and last.endswith("rename it back to part1_diffusion.ipynb.")
    assert ("there is no such file" in last) == (left == "nothing")


def test_an_older_copy_and_a_stray_file_are_no_cause_for_a_word(save, capsys):
    path = save(sample=...)
    path.rename(path.with_stem("older copy"))
    path.with_stem("no notebook").write_text("", encoding="utf-8")
    save()
    saved.load_part(NAME)
    assert capsys.readouterr().out.splitlines()[1:] == ["Part 1: all 10 yours"]


# ------------------------------------------------------------------------------------------------ what is executed


def test_only_definitions_are_executed(loaded):
    part, line = loaded(
        "import time\ntime.sleep(3600)\nx = train(None)\n",
        "while True: pass",
        "input()\nimport sys\nsys.exit()\nraise SystemExit",
        "if __name__ == '__main__':\n    1 / 0\nif MAIN:\n    1 / 0",
        "data = await fetch()\nasync with x as y: pass\nasync def fetch(): return await data\nreturn 3",
        "utils.IS_CI = 'changed'\nutils.x[0] = 1\nnumber: int = 3\na, b = [1], {'two': 2}\nhalf = lambda x: x / 2",
    )
    assert line == "Part 1: all 10 yours"
    assert not hasattr(part, "x") and not hasattr(part, "data") and inspect.iscoroutinefunction(part.fetch)
    assert utils.IS_CI != "changed"
    assert (part.number, part.a, part.b, part.half(3)) == (3, [1], {"two": 2}, 1.5)


def test_run_cells_are_skipped(save):
    path = save()
    notebook = nbformat.read(path, 4)
    cell = next(cell for cell in notebook.cells if cell.id == "check_q_eq4")
    cell.source = "def q_eq4(x, num_steps, betas):\n    return x"
    nbformat.write(notebook, path)
    assert say(load(NAME, path)[1]) == "Part 1: all 10 yours"


def test_magics_are_no_obstacle(loaded):
    part, line = loaded(
        "%%bash\necho def q_eq2",
        "!pip install torch\nfiles = !ls\nq_eq4?\n%timeit q_eq4\ndef after_magics(): return 1",
        "%%javascript\nfunction () { }",
        q_eq4="\n%%time\n%%capture out\n" + SOLVED["q_eq4"],
        q_eq2="%matplotlib inline\n" + SOLVED["q_eq2"],
    )
    assert line == "Part 1: all 10 yours" and part.after_magics() == 1
    assert part.q_eq4.__code__.co_firstlineno == 4  # as the learner counts


def test_a_syntax_error_breaks_its_cell_alone(loaded):
    part, line = loaded("def (", "def spare(:\n  pass", "x = 'no end", q_eq2="\n" + SOLVED["q_eq2"] + "\n    x = = 1\n")
    lines = SOLVED["q_eq2"].count("\n") + 3
    reason = f"1.3 failed: its cell has a syntax error in line {lines}"
    assert line == f"Part 1: 9 of 10 yours; q_eq2 from the solutions ({reason})"


def test_a_syntax_error_that_only_the_compiler_sees_is_one_too(loaded):
    _, line = loaded(q_eq2="def q_eq2(x, num_steps, betas):\n    nonlocal x\n")
    assert "(1.3 failed: its cell has a syntax error in line 2)" in line


def test_a_version_that_passes_counts_though_a_later_one_is_broken(loaded):
    _, line = loaded("def q_eq2(x, num_steps, betas):\n    x = = 1", "@oops\ndef q_eq4(x): pass")
    assert line == "Part 1: all 10 yours"


def test_a_broken_method_is_not_taken_for_an_exercise_of_its_name(loaded):
    _, line = loaded("class Trainer:\n    def train(self): x = = 1", train=...)
    assert "(1.10 is not written yet)" in line


@pytest.mark.slow
def test_the_last_version_counts(loaded):
    assert "q_eq4 from the solutions" in loaded(WRONG_EQ4)[1]
    assert loaded(SOLVED["q_eq4"], q_eq4=WRONG_EQ4)[1] == "Part 1: all 10 yours"
    assert loaded(SOLVED["q_eq4"], q_eq4="def q_eq4(:")[1] == "Part 1: all 10 yours"


def test_an_error_while_defining_breaks_its_statement_alone(loaded):
    source = "def helper(x):\n    return x\n\n@oops\n" + SOLVED["q_eq2"] + "\n\ndef other(x):\n    return x"
    part, line = loaded(q_eq2=source)
    assert "(1.3 failed: NameError: name 'oops' is not defined)" in line
    assert callable(part.helper) and callable(part.other)


def test_an_import_that_fails_is_the_reason_of_what_uses_it(loaded):
    _, line = loaded(q_eq2="import no_such_package as nsp\n" + SOLVED["q_eq2"].replace("return x", "return nsp.f(x)"))
    error = "NameError: name 'nsp' is not defined (ModuleNotFoundError: No module named 'no_such_package')"
    assert f"(1.3 failed: {error})" in line


@pytest.mark.slow
def test_a_variable_that_is_computed_outside_of_functions_is_the_reason_of_what_uses_it(loaded):
    uses = SOLVED["q_eq2"].replace("return x", "return x * HALF")
    _, line = loaded(q_eq2=f"HALF = 1 / 2\n{uses}")
    reason = "HALF is computed outside of functions"
    assert f"(1.3 failed: NameError: name 'HALF' is not defined ({reason}))" in line
    assert loaded(q_eq2=f"ONE = 1\nx = train = ONE / 2\n{SOLVED['q_eq2'].replace('return x', 'return x * ONE')}")[
        1
    ] == ("Part 1: all 10 yours")


@pytest.mark.parametrize("raised", ["SystemExit(0)", "KeyboardInterrupt", "GeneratorExit"])
def test_no_exception_of_the_learners_ends_the_load(loaded, raised):
    part, line = loaded(
        f"class Broken:\n    raise {raised}",
        q_eq2=f"def q_eq2(x, num_steps, betas):\n    raise {raised}",
    )
    name = raised.split("(")[0]
    reason = "was interrupted" if name == "KeyboardInterrupt" else f"failed: {raised.replace('(0)', ': 0')}"
    assert line == f"Part 1: 9 of 10 yours; q_eq2 from the solutions (1.3 {reason})"


def test_a_deleted_exercise_is_missing(loaded):
    part, line = loaded(q_eq4=None)
    assert line == "Part 1: 9 of 10 yours; q_eq4 from the solutions (1.4 is missing)"
    assert part.q_eq4 is reference.q_eq4


TAKE = "from solutions.part1_diffusion import "


@pytest.mark.parametrize("scratch", [TAKE + "train, q_eq4", TAKE + "gradient_images, train\n" + TAKE + "q_eq4"])
def test_what_is_taken_from_the_solution_is_said_to_be_a_choice(loaded, scratch):
    part, line = loaded(scratch, q_eq4=WRONG_EQ4, train=...)
    assert line == "Part 1: 8 of 10 yours; q_eq4 and train from the solutions (1.4 and 1.10 were your choice)"
    assert part.q_eq4 is reference.q_eq4 and part.train is reference.train


def test_all_may_be_taken_from_the_solution(loaded):
    _, line = loaded(TAKE + "*", **dict.fromkeys(EXERCISES, ...))
    assert line == "Part 1: from the solutions, all 10: as you chose"


@pytest.mark.slow
def test_a_solution_under_another_name_is_no_choice(loaded):
    scratch = TAKE + "q_eq2 as theirs"
    assert loaded(scratch)[1] == "Part 1: all 10 yours"
    assert "(1.3 is missing)" in loaded(scratch, q_eq2=None)[1]
    assert "(1.3 is missing)" in loaded("from math import *", q_eq2=None)[1]


@pytest.mark.slow
def test_the_later_of_a_choice_and_an_own_version_counts(loaded):
    assert loaded(SOLVED["q_eq4"], q_eq4=TAKE + "q_eq4")[1] == "Part 1: all 10 yours"
    assert "(1.4 was your choice)" in loaded(TAKE + "q_eq4")[1]
    assert "syntax error in line 1)" in loaded("def q_eq4(:", q_eq4=TAKE + "q_eq4")[1]


def test_helpers_of_the_learners_are_at_hand(loaded):
    source = (
        "import math as maths\nEPS = 0.0\nroot = lambda x: x**0.5\ndef left(betas): return (1 - betas).prod() + EPS\n"
    )
    body = "    a = left(betas[:num_steps])\n    return root(a) * x + root(1 - a) * t.randn_like(x)"
    part, line = loaded(q_eq4=source + "def q_eq4(x, num_steps, betas):\n" + body)
    assert line == "Part 1: all 10 yours" and part.root(4) == 2 and part.maths.pi


def test_future_imports_dataclasses_and_pickle_work(loaded):
    part, line = loaded(
        "from __future__ import annotations",
        "from dataclasses import dataclass\n@dataclass\nclass Box:\n    width: NotDefinedAnywhere\n    height: int = 2",
    )
    assert line == "Part 1: all 10 yours"
    assert pickle.loads(pickle.dumps(part.Box(1))) == part.Box(1, 2)
    assert type(pickle.loads(pickle.dumps(part.NoiseSchedule(5, "cpu")))) is part.NoiseSchedule


# ------------------------------------------------------------------------------------------------ the session


def test_source_and_tracebacks_are_the_learners(loaded):
    part, _ = loaded("def halve(x):\n    y = x / 0  # oh\n    return y")
    assert inspect.getsource(part.q_eq4).strip() == SOLVED["q_eq4"]
    assert part.q_eq4.__code__.co_filename == "<part1_diffusion.ipynb: q_eq4>"
    assert inspect.getsource(part.NoiseSchedule.beta).strip().startswith("def beta(self")
    try:
        part.halve(1)
    except ZeroDivisionError:
        assert "y = x / 0  # oh" in traceback.format_exc()


def test_session_is_left_as_it_was(loaded):
    figure = plt.figure()
    before, numbers = (t.get_rng_state(), random.getstate()), plt.get_fignums()
    try:
        noise = "import matplotlib.pyplot as plt, sys\nclass Loud:\n    plt.figure()\n    print('loud')\n"
        noise += "    print('loud', file=sys.stderr)\n    t.manual_seed(5)\n    t.rand(3)\n"
        noise += "    t.set_grad_enabled(False)"
        part, _ = loaded(noise)
        assert part.Loud and t.is_grad_enabled()
        assert t.get_rng_state().equal(before[0]) and random.getstate() == before[1]
        assert plt.get_fignums() == numbers and plt.gcf() is figure
    finally:
        plt.close(figure)


def test_the_latest_training_is_left_as_it_was(loaded, monkeypatch):
    monkeypatch.setattr(utils.Run, "latest", "mine")
    loaded()
    assert utils.Run.latest == "mine"


def test_checks_run_in_the_order_of_their_numbers(save, monkeypatch):
    import tests.part1

    ran = []

    @check("1.7")
    def check_reconstruct(answer):
        ran.append("reconstruct")
        raise Mistake("it says: 1.7 is\nwrong", "Is it?")

    @check("1.31")
    def check_sample(answer):
        ran.append("sample")
        return "nothing"

    monkeypatch.setattr(tests.part1, "check_sample", check_sample)
    monkeypatch.setattr(tests.part1, "check_reconstruct", check_reconstruct)
    _, verdicts = load(NAME, save())
    assert ran == ["reconstruct", "sample"]
    assert [verdict.name for verdict in verdicts] == EXERCISES
    assert verdicts[5].reason == "failed: it says: 1.7 is wrong"
