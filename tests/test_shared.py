"""A course's folder that serves many: read-only, named by COURSE_DIR, with each learner's work in their own folder."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from tests.test_notebooks import run_in_turn, setup_cells
from tests.test_saved import save_part, solved
from tools.markup import ROOT

PARTS = sorted(path.stem for path in (ROOT / "solutions").glob("part*.py"))
each_part = pytest.mark.parametrize("part", PARTS)


@pytest.fixture(scope="module")
def course(tmp_path_factory) -> Path:
    """A copy of what notebooks need of the course, which nobody can write to."""
    folder = tmp_path_factory.mktemp("shared") / "course"
    unneeded = shutil.ignore_patterns("__pycache__", "answers", "*.ipynb", "*.new")
    for name in ("data", "solutions", "tests", "tools", "notebooks"):
        shutil.copytree(ROOT / name, folder / name, ignore=unneeded)
    for name in ("utils.py", "requirements.txt"):
        shutil.copy(ROOT / name, folder)
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        shutil.copy(path, folder / "notebooks")
    for path in (ROOT / "solutions").glob("*.ipynb"):
        shutil.copy(path, folder / "solutions")
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    return folder


def files(folder: Path) -> dict[Path, int]:
    """All files, and when each was last written."""
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def home(tmp_path, monkeypatch, course) -> Path:
    """A learner's folder, and the settings that a hub gives to every kernel."""
    monkeypatch.setenv("COURSE_DIR", str(course))
    monkeypatch.setenv("IS_CI", "1")
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")  # root may write where others may not
    (tmp_path / "notebooks").mkdir()
    return tmp_path / "notebooks"


def run(code: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess:
    settings = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | environment
    done = subprocess.run([sys.executable, "-c", code], cwd=cwd, env=settings, capture_output=True, encoding="utf-8")
    assert done.returncode == 0, done.stderr
    return done


@pytest.mark.slow
def test_a_notebook_at_home_finds_the_shared_course(home, course):
    before = files(course)
    cells = [(home, setup_cells(part) + "\nprint(utils.__file__, utils.SAVES, sep='\\n')") for part in PARTS]
    printed = run_in_turn(cells, PYTHONPATH="")
    assert len(printed) == len(PARTS)
    for text in printed:
        assert text.splitlines()[-2:] == [str(course / "utils.py"), str(home / "saves")]
    assert files(course) == before


@pytest.mark.slow
def test_a_learners_own_earlier_part_is_found_beside_the_notebook(home, tmp_path):
    """All in one folder, or each in its own as nbgrader has it."""
    path = save_part(home.parent, PARTS[0], q_eq4=...)
    for folder in ("none/part2_unet", "together", "apart/part2_unet", f"apart/{PARTS[0]}"):
        (tmp_path / folder).mkdir(parents=True)
    for folder in ("together", f"apart/{PARTS[0]}"):
        shutil.copy(path, tmp_path / folder)
    folders = [tmp_path / folder for folder in ("none", "none/part2_unet", "together", "apart/part2_unet")]
    printed = run_in_turn([(folder, setup_cells("part2_unet")) for folder in folders], PYTHONPATH="")
    assert len(printed) == 4
    for text in printed[:2]:
        assert "Part 1: from the solutions, all 10: there is no" in text
    for text in printed[2:]:
        assert "Part 1: 9 of 10 yours; q_eq4 from the solutions (1.4 is not written yet)" in text


@pytest.mark.slow
def test_progress_is_that_of_ones_own_notebook(home):
    save_part(home.parent, PARTS[0], q_eq4=...)
    done = run(setup_cells(PARTS[0]) + f"\nimport tools.progress\ntools.progress.show_progress({PARTS[0]!r})", home)
    assert "  1.4   q_eq4                         not written\n" in done.stdout
    assert "Part 1: 9 of 10 exercises passed" in done.stdout


@pytest.mark.slow
def test_saves_go_where_they_are_sent(tmp_path):
    settings = [("", ""), (str(ROOT), ""), (str(ROOT), "/elsewhere")]
    code = f"""
import importlib, os, sys
sys.path.insert(0, {str(ROOT)!r})
for os.environ["COURSE_DIR"], os.environ["SAVES_DIR"] in {settings}:
    import utils
    print(importlib.reload(utils).SAVES)"""
    places = [ROOT / "saves", tmp_path / "saves", Path("/elsewhere")]
    assert run(code, tmp_path).stdout.split("\n")[:-1] == [str(place) for place in places]


@pytest.mark.slow
@each_part
def test_a_finished_part_runs_at_home_and_writes_only_there(part, home, course, monkeypatch):
    """The whole notebook, with a training that logs with Weights & Biases offline."""
    monkeypatch.setenv("WANDB_MODE", "offline")
    save_part(home.parent, part, **solved(part))
    before, path = files(course), home / f"{part}.ipynb"
    notebook = nbformat.read(path, 4)
    notebook.cells = notebook.cells[:-2]
    NotebookClient(notebook, timeout=240, resources={"metadata": {"path": home}}).execute()
    outputs = [out for cell in notebook.cells for out in cell.get("outputs", [])]
    passed = [out for out in outputs if out.get("text", "").startswith("ok ")]
    checks = [cell for cell in notebook.cells if re.match("check_", cell.get("id", ""))]
    assert len(passed) == len(checks)
    assert files(course) == before
    assert list((home / "wandb").glob("offline-run-*"))
