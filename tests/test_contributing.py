"""What docs/contributing.md promises, tried in a copy of the course: three files of one name are an exercise."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from tools.grade import no_walls
from tools.markup import ROOT

PART = "part1_diffusion"
SOURCE, CHECK, ANSWERS = f"solutions/{PART}.py", "tests/part1/double.py", "tests/answers/part1/double.py"
SLICE = '''# ### 1.15 Double a number
# *Write it* · ●○○○○ · 5 minutes · no equation

# %%
def double(x: t.Tensor) -> t.Tensor:
    """Twice x."""
    ### BEGIN SOLUTION
    return x + x
    ### END SOLUTION


# %%
if MAIN:
    tests.part1.check_double(double)

# %% [markdown]
# <details>
# <summary>Hint 1: a question</summary>
#
# What is x + x?
#
# </details>

# %% [markdown]
'''
A_CHECK = '''"""The check of 1.15 double."""

import torch as t

from tests.checking import Mistake, check


@check("1.15")
def check_double(double):
    made = double(t.tensor([3.0, -1.0])).tolist()
    if made != [6.0, -2.0]:
        raise Mistake(f"of 3 and -1 it makes {made}, expected [6.0, -2.0]", "Is it taken twice?")
    return "twice what came"
'''
RIGHT = ["x + x", "2 * x", "x / 0.5", "x - (-x)"]
WRONG = ["x", "x * x", "3 * x", "x / 2", "x + 2", "-2 * x", "0 * x", "abs(2 * x)"]


def answers() -> str:
    marked = [("@right", body) for body in RIGHT] + [('@wrong("Is it taken twice?")', body) for body in WRONG]
    functions = [f"{mark}\ndef answer_{i}(x):\n    return {body}\n" for i, (mark, body) in enumerate(marked)]
    return "\n\n".join(["from tests.answers import right, wrong\n", *functions])


@pytest.fixture
def course(tmp_path) -> Path:
    """A copy of the course."""
    for name in ("solutions", "tests", "tools", "notebooks"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("utils.py", "pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


def run(course: Path, *command: str) -> subprocess.CompletedProcess:
    settings = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "COURSE_DIR")}
    command = [sys.executable, "-m", *command]
    return subprocess.run(command, cwd=course, env=settings, capture_output=True, encoding="utf-8")


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1, old
    path.write_text(text.replace(old, new), encoding="utf-8")


def make_test(course: Path, keys: str) -> subprocess.CompletedProcess:
    """Those tests of make test that the keys choose, in the copy, after make build."""
    built = run(course, "tools.build")
    assert built.returncode == 0, built.stderr
    tests = ["tests/test_answers.py", "tests/test_text.py", "-k", keys, "-p", "no:cacheprovider"]
    return run(course, "pytest", "-q", "-m", "not slow", *tests)


def add_exercise(course: Path) -> None:
    change(course / SOURCE, "# ## How good are they?\n", f"{SLICE}# ## How good are they?\n")
    (course / CHECK).write_text(A_CHECK, encoding="utf-8")
    (course / ANSWERS).write_text(answers(), encoding="utf-8")


@pytest.mark.slow
def test_an_exercise_of_three_files_works_from_notebook_to_grade(course):
    add_exercise(course)
    done = make_test(course, "double or belongs")
    assert done.returncode == 0, done.stdout[-6000:]
    path = course / "notebooks" / f"{PART}.ipynb"
    notebook = nbformat.read(path, 4)
    (cell,) = [cell for cell in notebook.cells if cell.id == "double"]
    cell.source = cell.source.replace('raise NotImplementedError("1.15 double is not written yet")', "return x + x")
    nbformat.write(notebook, path)
    done = run(course, "tools.progress", "1")
    assert re.search(r"^  1\.15  double +passed$", done.stdout, re.MULTILINE), done.stdout + done.stderr
    if os.getuid() or not no_walls():  # root judges nobody without them
        (course / "handed in" / "ada").mkdir(parents=True)
        shutil.copy(path, course / "handed in" / "ada")
        done = run(course, "tools.grade", "handed in", "--out", "grades")
        table = (course / "grades" / "grades.csv").read_text(encoding="utf-8")
        assert re.search(r"ada,.*1\.15 double,passed,1,1,", table), table + done.stderr


@pytest.mark.slow
def test_whichever_of_the_three_files_is_missing_is_named(course):
    text = (course / SOURCE).read_text(encoding="utf-8")
    for missing in (SOURCE, CHECK, ANSWERS):
        (course / SOURCE).write_text(text, encoding="utf-8")
        add_exercise(course)
        if missing == SOURCE:
            (course / SOURCE).write_text(text, encoding="utf-8")
        else:
            (course / missing).unlink()
        done = make_test(course, "(complete and double) or belongs")
        assert done.returncode == 1 and "part1/double.py" in done.stdout, f"without {missing}: {done.stdout[-6000:]}"
        if missing != SOURCE:
            assert f"{missing} is missing" in done.stdout, done.stdout[-6000:]


@pytest.mark.slow
def test_what_is_left_of_a_dropped_exercise_and_a_wrong_number_are_named(course):
    text = (course / SOURCE).read_text(encoding="utf-8")
    given = text[(start := text.index("# ### 1.7 ")) : text.index("# ## A first model")]
    kept = re.sub(r"# (### )1\.7 (.+)\n.+\n", r"# \1\2\n", given).replace("    ### BEGIN SOLUTION\n", "")
    kept = kept.replace("    ### END SOLUTION\n", "")
    kept = re.sub(r"# %%\nif MAIN:\n    tests.*?(?=# %%\nif MAIN)", "", kept, flags=re.DOTALL)
    text = text[:start] + kept + text[start + len(given) :]
    (course / SOURCE).write_text(text.replace("with 200 at 0.364", "with 200 at 0.464"), encoding="utf-8")
    done = make_test(course, "belongs or (borne_out and part1 and not training)")
    assert done.returncode == 1, done.stdout
    for named in ("tests/answers/part1/reconstruct.py", "0.464"):
        assert named in done.stdout, done.stdout[-6000:]
    assert re.search(r"no exercise has .*check.*reconstruct", done.stdout), done.stdout[-6000:]
