"""The course without its solutions: nothing of their text is left, and everything that a learner calls still works."""

import os
import subprocess
import sys

import pytest

from tests.test_saved import NAME, WRONG_EQ4, save_part
from tools.withhold import main


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    folder = tmp_path_factory.mktemp("class") / "course"
    assert main([str(folder), "--without", "1.7"]) == 0
    return folder


@pytest.mark.slow
def test_nothing_of_the_solutions_text_is_left(course):
    for path in course.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            for words in (b"return alpha_bar.sqrt() * x", b"is a distribution: how likely"):  # code, a model answer
                assert words not in content, (path, words)
    assert not list(course.glob("tests/answers")) and not list(course.glob("tests/test_*"))
    assert "reconstruct" in (course / "notebooks" / f"{NAME}.ipynb").read_text(encoding="utf-8")


@pytest.mark.slow
def test_checks_and_progress_work_in_it(course):
    path = save_part(course.parent, NAME, q_eq4=WRONG_EQ4)
    path.replace(course / "notebooks" / f"{NAME}.ipynb")
    settings = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "COURSE_DIR")}
    code = f"import tools.progress; tools.progress.show_progress({NAME!r})"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=course, env=settings, capture_output=True, encoding="utf-8")
    assert "You scale the noise by a variance, where" in done.stdout, done.stdout + done.stderr
    assert "9 of 10 exercises passed; 4 of 4 questions answered" in done.stdout
    code = "from tools.saved import load_part; print(load_part('part1_diffusion').q_eq4)"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=course, env=settings, capture_output=True, encoding="utf-8")
    assert "q_eq4 from the solutions" in done.stdout, done.stdout + done.stderr


@pytest.mark.slow
def test_another_python_is_told(course):
    stub = (course / "solutions" / f"{NAME}.py").read_text(encoding="utf-8")
    this = "{}.{}".format(*sys.version_info)
    (course / "solutions" / "other.py").write_text(stub.replace(this, "3.1"), encoding="utf-8")
    done = subprocess.run([sys.executable, "-m", "solutions.other"], cwd=course, capture_output=True, encoding="utf-8")
    assert "ImportError: this copy of the course was made for Python 3.1: run it with that" in done.stderr
