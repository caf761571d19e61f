"""What tools/nbgrader.py writes, taken by the real nbgrader (pip install nbgrader): generate, autograde, feedback."""

import copy
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from tools.markup import ROOT
from tools.nbgrader import for_nbgrader, main
from tools.saved import YOUR_ANSWER

PART = "part1_diffusion"
SOURCE = ROOT / "solutions" / f"{PART}.py"
needs_nbgrader = pytest.mark.skipif(
    importlib.util.find_spec("nbgrader") is None, reason="nbgrader is not installed: pip install nbgrader"
)


def answers() -> dict[str, str]:
    cells = for_nbgrader(SOURCE).cells
    return {cell.id: cell.source for cell in cells if cell.metadata.get("nbgrader", {}).get("solution")}


@pytest.mark.slow
@pytest.mark.parametrize("source", sorted((ROOT / "solutions").glob("part*.py")), ids=lambda path: path.stem)
def test_a_source_has_markers_hidden_tests_and_no_folded_solution(source):
    notebook = for_nbgrader(source)
    nbformat.validate(notebook)
    for cell in notebook.cells:
        graded = cell.metadata.get("nbgrader", {})
        for marker in ("### BEGIN SOLUTION", "### END SOLUTION"):
            assert (marker in cell.source) == graded.get("solution", False)
        assert ("### BEGIN HIDDEN TESTS" in cell.source) == graded.get("locked", False)
        assert not any(words in cell.source for words in ("<summary>Solution<", "A model answer", "Go on without it"))
        if cell.cell_type == "code":
            compile(cell.source, cell.id, "exec")


@pytest.mark.slow
def test_a_course_folder_is_written_and_its_settings_are_not_overwritten(tmp_path, capsys):
    for _ in range(2):
        assert main([str(tmp_path)]) == 0
        assert [path.name for path in (tmp_path / "source").iterdir()]
        assert (tmp_path / "source" / PART / "images" / "part1_way.png").is_file()
    compile((config := tmp_path / "nbgrader_config.py").read_text(encoding="utf-8"), "config", "exec")
    config.write_text("mine", encoding="utf-8")
    assert main([str(tmp_path)]) == 0 and config.read_text(encoding="utf-8") == "mine"
    path = tmp_path / "source" / PART / f"{PART}.ipynb"
    notebook = nbformat.read(path, 4)
    notebook.metadata["language_info"] = {"name": "python"}  # what Jupyter adds when it saves
    nbformat.write(notebook, path)
    assert main([str(tmp_path)]) == 1
    assert "saved by a notebook program: move it away" in capsys.readouterr().err


def wrong(cells: list) -> list:
    """Two exercises have a mistake, one is the solution's own, and a question is left out."""
    for cell in cells:
        if cell.id in ("q_eq4", "noise_img"):
            assert "(1 - alpha_bar).sqrt()" in cell.source
            cell.source = cell.source.replace("(1 - alpha_bar).sqrt()", "(1 - alpha_bar)")
        if cell.id == "q_eq2":
            cell.source = "from solutions.part1_diffusion import q_eq2"
        if cell.id == "algorithm_1_line_by_line":
            cell.source = YOUR_ANSWER
    return cells


def mangled(cells: list) -> list:
    """Cells are deleted (a check, an answer, a question), copied (an answer and a check), and changed (a check)."""
    gone = {"check_noise_img", "reconstruct", "algorithm_2_line_by_line"}
    kept = []
    for cell in cells:
        if cell.id == "check_TinyDiffuser":
            cell.source = "print('ok')"
        kept += [cell] * (cell.id not in gone)
        if cell.id in ("q_eq4", "check_q_eq2"):
            kept.append(copy.deepcopy(cell))
            kept[-1].id += "_copy"
    return kept


@pytest.mark.slow
@pytest.mark.timeout(1200)
@needs_nbgrader
def test_nbgrader_takes_it_as_it_is(tmp_path):
    def nbgrader(*command: str) -> None:
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # where nbgrader looks for alembic
        settings = os.environ | {"PATH": path}
        done = subprocess.run(
            [sys.executable, "-m", "nbgrader", *command],
            cwd=tmp_path,
            env=settings,
            capture_output=True,
            encoding="utf-8",
        )
        assert done.returncode == 0, done.stderr[-5000:]

    assert main([str(tmp_path)]) == 0
    nbgrader("generate_assignment", PART)
    release = nbformat.read(tmp_path / "release" / PART / f"{PART}.ipynb", 4)
    text = str(release)
    assert "SOLUTION" not in text and "HIDDEN" not in text and "return alpha_bar.sqrt() * x" not in text
    stubs = {cell.id: cell.source for cell in release.cells if cell.metadata.get("nbgrader", {}).get("solution")}
    assert stubs["q_eq4"].endswith("# given: 1 to T\n    raise NotImplementedError()")
    assert stubs["algorithm_1_line_by_line"] == YOUR_ANSWER

    solved = answers()
    for student, change in {"right": list, "wrong": wrong, "mangled": mangled, "blank": None}.items():
        notebook = copy.deepcopy(release)
        for cell in notebook.cells if change else []:
            cell.source = solved.get(cell.id, cell.source)
        notebook.cells = change(notebook.cells) if change else notebook.cells
        path = tmp_path / "submitted" / student / PART / f"{PART}.ipynb"
        path.parent.mkdir(parents=True)
        nbformat.write(notebook, path)
    nbgrader("autograde", PART)
    nbgrader("generate_feedback", PART)

    from nbgrader.api import Gradebook

    lost, manual = {}, {}
    with Gradebook(f"sqlite:///{tmp_path}/gradebook.db") as gradebook:
        for submission in gradebook.assignment_submissions(PART):
            grades = {grade.name: grade for book in submission.notebooks for grade in book.grades}
            who, names = submission.student.id, list(solved)
            assert set(grades) == {name if name in grades else f"check_{name}" for name in names}
            manual[who] = {name for name, grade in grades.items() if grade.needs_manual_grade}
            lost[who] = {
                name for name, grade in grades.items() if name not in manual[who] and grade.score < grade.max_score
            }
            assert all(grades[name].score == 0 for name in lost[who])
    questions = {name for name in solved if f"check_{name}" not in grades}
    checks = set(grades) - questions
    assert lost["right"] == set() and manual["right"] == questions
    assert lost["wrong"] == {"check_q_eq2", "check_q_eq4", "check_noise_img", "check_train", "algorithm_1_line_by_line"}
    assert lost["blank"] == checks | questions and not manual["blank"]
    # reconstruct is not there, and log_images, which train calls, uses it; all that was copied or changed still counts
    assert {"check_reconstruct"} <= lost["mangled"] <= {"check_reconstruct", "check_train", "algorithm_2_line_by_line"}

    feedback = {who: (tmp_path / "feedback" / who / PART / f"{PART}.html").read_text(encoding="utf-8") for who in lost}
    assert "expected 0.316" in feedback["wrong"]
    assert "1.3 q_eq2 is taken from the solutions" in feedback["wrong"]
    assert "expected 0.316" not in feedback["right"]
