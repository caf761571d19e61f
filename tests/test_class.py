"""What an instructor makes of the course: hand-outs, exercises given away."""

import re
from pathlib import Path

import nbformat
import pytest

from tools import nbgrader
from tools.build import GIVEN, build, main
from tools.markup import ROOT
from tools.nbgrader import for_nbgrader
from tools.progress import ANSWERED, NOT_ANSWERED, written_answers
from tools.saved import read_notebook

SOURCES = sorted((ROOT / "solutions").glob("part*.py"))
each_source = pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)


def cells(path: Path) -> dict[str, nbformat.NotebookNode]:
    return {cell.id: cell for cell in nbformat.read(path, 4).cells}


# ------------------------------------------------------------------------------------------------ hand-outs


@pytest.mark.slow
@each_source
def test_a_hand_out_promises_no_solution(source):
    for notebook in (build(source, solutions=False)[1], for_nbgrader(source)):
        for cell in notebook.cells:
            for sentence in re.split(r"(?<=[.:])\s", cell.source):
                promises = re.search(r"the solution\b|model\s+answer", sentence)
                if promises and cell.cell_type == "markdown":
                    assert re.search(r"\b(unless|solutions)\b|not\s+left", sentence), sentence


@pytest.mark.slow
def test_exercises_can_be_given_away(tmp_path):
    assert main(["--hand-out", str(tmp_path), "--without", "1.1", "1.7"]) == 0
    whole, part = build(SOURCES[0], solutions=False)[1], cells(tmp_path / f"{SOURCES[0].stem}.ipynb")
    solved = {cell.id: cell.source for cell in build(SOURCES[0])[0].cells}
    assert part["reconstruct"].source == solved["reconstruct"] and "nbgrader" not in part["reconstruct"].metadata
    assert part["check_reconstruct"].metadata == {"tags": ["run"]}
    assert solved["equation_2_in_plain_english"].endswith(f"\n\n{part['equation_2_in_plain_english'].source}")
    headings = [part[id].source.split("\n")[:2] for id in part if id.startswith(("1-1-", "1-7-")) and id.endswith("-1")]
    assert headings == [
        ["### 1.1 Equation 2 in plain English", GIVEN.strip()],
        ["### 1.7 Take the noise off again", GIVEN.strip()],
    ]
    hints = "1-7-take-the-noise-off-again-4"
    changed = {"reconstruct", "check_reconstruct", "equation_2_in_plain_english"}
    for cell in whole.cells:
        if cell.id == hints:
            assert "Hint 1" in cell.source and hints not in part
        elif not cell.id.startswith(("1-1-", "1-7-")) and cell.id not in changed:
            assert part[cell.id] == cell


@pytest.mark.slow
def test_a_question_that_is_given_away_counts_as_answered(tmp_path):
    assert main(["--hand-out", str(tmp_path), "--without", "1.1"]) == 0
    name = SOURCES[0].stem
    theirs, solved = (read_notebook(folder / f"{name}.ipynb") for folder in (tmp_path, ROOT / "solutions"))
    states = {result.number: result.state for result in written_answers(theirs, solved)}
    assert states == {"1.1": ANSWERED, "1.9": NOT_ANSWERED, "1.11": NOT_ANSWERED, "1.14": NOT_ANSWERED}


def test_the_ways_to_build_exclude_each_other(tmp_path):
    with pytest.raises(SystemExit):
        main(["--check", "--hand-out", str(tmp_path)])
    assert not any(tmp_path.iterdir())


@pytest.mark.slow
def test_exercises_can_be_given_away_in_nbgrader(tmp_path):
    assert nbgrader.main([str(tmp_path), "--without", "1.7"]) == 0
    name = SOURCES[0].stem
    part = cells(tmp_path / "source" / name / f"{name}.ipynb")
    assert not any("nbgrader" in part[id].metadata for id in ("reconstruct", "check_reconstruct"))
    assert "HIDDEN" not in part["check_reconstruct"].source and "HIDDEN" in part["check_train"].source
    assert "SOLUTION" not in part["reconstruct"].source and "return (noisy_img" in part["reconstruct"].source


def test_an_exercise_that_is_not_there_cannot_be_given_away(tmp_path, capsys):
    for export in (lambda *given: main(["--hand-out", *given]), lambda *given: nbgrader.main([*given])):
        assert export(str(tmp_path), "--without", "1.7", "9.9") == 1
        assert "there is no exercise 9.9: the exercises are 1.1, 1.2, " in capsys.readouterr().err
        assert not any(tmp_path.iterdir())
    with pytest.raises(SystemExit):
        main(["--without", "1.7"])
