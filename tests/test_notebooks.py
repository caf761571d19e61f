"""The notebooks as their users run them: instructors and CI the solved ones, learners the exercises."""

import io
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import nbformat
import numpy as np
import PIL.Image
import PIL.ImageSequence
import pytest
import torch as t
from nbclient import NotebookClient

from tools.build import pictures
from tools.markup import ROOT
from tools.saved import load, say

PARTS = sorted(path.stem for path in (ROOT / "solutions").glob("part*.py"))
each_part = pytest.mark.parametrize("part", PARTS)


def run(*command: str | Path, cwd: Path = ROOT, **environment: str) -> subprocess.CompletedProcess:
    settings = os.environ | {"IS_CI": "1", "MPLBACKEND": "Agg"} | environment
    command = [sys.executable, *map(str, command)]
    return subprocess.run(command, cwd=cwd, env=settings, capture_output=True, encoding="utf-8")


IN_TURN = """
import os, sys
path, modules = sys.path[:], {*sys.modules}
for folder, code in {cells}:
    os.chdir(folder)
    exec(code, {"__name__": "__main__"})
    print("\f", end="")
    sys.path[:] = path
    for name in {*sys.modules} - modules:
        if name.split(".")[0] in ("solutions", "tests", "tools", "utils"):
            del sys.modules[name]
"""


def run_in_turn(cells: list[tuple[Path, str]], **environment: str) -> list[str]:
    """Run code of notebooks, each in its folder, in one process, as PyTorch is slow to import, which otherwise begins
    anew each time. returns: what each prints"""
    done = run("-c", IN_TURN.replace("{cells}", repr([(str(folder), code) for folder, code in cells])), **environment)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
    return done.stdout.split("\f")[:-1]


def setup_cells(part: str) -> str:
    """The code of an exercise notebook up to the cell that says Ready."""
    cells = nbformat.read(ROOT / "notebooks" / f"{part}.ipynb", 4).cells
    cells = [cell.source for cell in cells if cell.cell_type == "code"]
    return "\n".join(cells[: 1 + next(i for i, source in enumerate(cells) if "import tests.part" in source)])


def execute(notebook: nbformat.NotebookNode, folder: str, allowed: Sequence[str] = (), **environment: str) -> None:
    """Run all cells, at toy size. errors: CellExecutionError of a cell that fails, but for errors of the allowed names"""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in ({"IS_CI": "1"} | environment).items():
            patch.setenv(name, value)
        patch.delenv("MPLBACKEND", raising=False)  # the notebook's own way to draw
        place = {"metadata": {"path": ROOT / folder}}
        NotebookClient(notebook, timeout=240, allow_error_names=list(allowed), resources=place).execute()


@pytest.mark.parametrize(
    "device",
    [
        "cpu",
        pytest.param("cuda", marks=pytest.mark.skipif(not t.cuda.is_available(), reason="there is no CUDA device")),
    ],
)
@each_part
def test_solution_notebook_runs(part, device):
    execute(nbformat.read(ROOT / "solutions" / f"{part}.ipynb", 4), "solutions", DEVICE=device)


@pytest.mark.slow
@each_part
def test_solution_notebook_runs_under_nbval(part):
    options = ["--nbval-lax", "--nbval-current-env", "--nbval-cell-timeout=240", "-p", "no:cacheprovider"]
    done = run("-m", "pytest", *options, ROOT / "solutions" / f"{part}.ipynb", MPLBACKEND="")
    assert done.returncode == 0, done.stdout[-5000:]


@each_part
def test_exercise_notebook_fails_with_its_own_stubs_and_with_nothing_else(part):
    notebook = nbformat.read(ROOT / "notebooks" / f"{part}.ipynb", 4)
    notebook.cells.pop()  # the progress: test_progress tries it
    execute(notebook, "notebooks", allowed=["NotImplementedError"])
    errors = {
        cell.id: out.evalue for cell in notebook.cells for out in cell.get("outputs", []) if out.output_type == "error"
    }
    stubs = {cell.id: re.search(r'NotImplementedError\("(.+?)"\)', cell.source) for cell in notebook.cells}
    stubs = {id: found[1] for id, found in stubs.items() if found}
    assert stubs and set(errors.values()) <= set(stubs.values())
    for id, message in stubs.items():
        assert errors[f"check_{id}"] == message


@pytest.mark.slow
@each_part
def test_every_exercise_can_be_left_to_the_solution(part, monkeypatch, tmp_path):
    """With the line that its fold names, in the exercise's cell, all runs, and it is said to be a choice."""
    monkeypatch.setenv("IS_CI", "1")
    notebook, taken = nbformat.read(ROOT / "notebooks" / f"{part}.ipynb", 4), []
    for cell in notebook.cells:
        if cell.metadata.get("nbgrader", {}).get("solution") and cell.cell_type == "code":
            answer = cell
        if found := re.search(r"<summary>Go on without it</summary>.*?```python\n(.*?)\n```", cell.source, re.DOTALL):
            answer.source += f"\n\n\n{found[1]}"
            taken.append(found[1].split()[-1])
    folder = {"metadata": {"path": ROOT / "notebooks"}}
    NotebookClient(notebook, timeout=240, resources=folder).execute()
    said = [out.text for cell in notebook.cells if cell.id.startswith("check_") for out in cell.get("outputs", [])]
    words = [" ".join(text.partition(": ")[2].split()) for text in said]  # a long line is wrapped
    assert taken and words == len(taken) * ["from the solutions, as you chose"]
    progress = notebook.cells[-1].outputs
    assert {out.name for out in progress} == {"stdout"}
    assert " exercises passed" in "".join(out.text for out in progress)
    nbformat.write(notebook, tmp_path / f"{part}.ipynb")
    verdicts = load(part, tmp_path / f"{part}.ipynb")[1]
    assert [verdict.name for verdict in verdicts] == taken
    assert say(verdicts) == f"Part {part[4]}: from the solutions, all {len(taken)}: as you chose"


@pytest.mark.slow
def test_import_runs_and_draws_nothing():
    code = """
import sys, torch
before = torch.get_rng_state()
import solutions.{part}
import matplotlib.pyplot as plt
assert torch.get_rng_state().equal(before), "random numbers were drawn"
assert not plt.get_fignums(), "a figure was drawn"
assert "tests.{number}" not in sys.modules, "the checks were imported: a circle"
"""
    cells = [(ROOT, code.format(part=part, number=part.split("_")[0])) for part in PARTS]
    assert run_in_turn(cells) == [""] * len(PARTS)


@pytest.mark.slow
@each_part
def test_source_works_as_a_script_from_anywhere(part, tmp_path):
    """All begin with the same lines, and what comes after them runs in test_solution_notebook_runs, too."""
    done = run(ROOT / "solutions" / f"{part}.py", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    notebook = nbformat.read(ROOT / "solutions" / f"{part}.ipynb", 4)
    checks = [cell for cell in notebook.cells if cell.get("id", "").startswith("check_")]
    assert len(re.findall(r"^ok ", done.stdout, re.MULTILINE)) == len(checks)


@pytest.mark.slow
@pytest.mark.parametrize("folder", ["notebooks", ".", "tests/answers"])
def test_notebook_finds_the_course_before_a_stray_package(folder, tmp_path):
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "__init__.py").write_text("raise ImportError('this is the stray one')", encoding="utf-8")
    (tmp_path / "utils.py").write_text("raise ImportError('this is the stray one')", encoding="utf-8")
    printed = run_in_turn([(ROOT / folder, setup_cells(part)) for part in PARTS], PYTHONPATH=str(tmp_path))
    assert len(printed) == len(PARTS)
    for text in printed:
        lines = [line for line in text.splitlines() if not re.match(r"Part \d: |Trying your part\d", line)]
        assert len(lines) == 1 and lines[0].startswith("Ready. "), f"where all is well: {text}"


SHOWS = """import torch as t, utils
images = t.rand(3, 1, 4, 4)
utils.show_images(images)
utils.show_movie(images, "abc")
utils.show_slider(lambda n: images[n], "image", 0, 2)
utils.plt.plot([1, 2])
utils.show()
print("done")"""


@pytest.mark.slow
def test_what_is_stored_of_a_run_has_movies_and_no_sliders(monkeypatch):
    monkeypatch.setenv("IS_CI", "0")
    monkeypatch.delenv("MPLBACKEND", raising=False)
    from tools import run

    cells = [nbformat.v4.new_code_cell(code) for code in ("import sys; sys.path.insert(0, '..')", SHOWS)]
    see = "![A](images/a.png)![B](../notebooks/images/b.png)![C](images/c.png)![D](images/d.svg)"
    shown = nbformat.v4.new_markdown_cell(f"<details>\n<summary>What you should see</summary>\n\n{see}\n\n</details>")
    notebook = nbformat.v4.new_notebook(cells=[*cells, shown])
    run.execute(notebook, "a test")
    stored = [{*out.get("data", {out.get("name"): ""})} for out in notebook.cells[1].outputs]
    drawn_as = {"text/plain", "image/png"}
    assert stored == [drawn_as] * 3 + [drawn_as | {"image/svg+xml"}, {"stdout"}]
    assert not {*notebook.metadata} - {"kernelspec"}
    made = pictures(notebook)
    assert made.pop("d.svg").lstrip().startswith(b"<?xml"), "a figure of lines is sharp at any size"
    assert {name: len(frames(drawn)) for name, drawn in made.items()} == {
        "a.png": 1,
        "b.png": 3,
        "c.png": 1,
    }


# Processors round differently, and a training carries that far: by 0.02 in most pictures (another seed moves samples
# by more than 0.1). In these it decides which image comes; other tests hold what the text says of them.
CURVE = "part3_plain_losses.png"  # as long as the training that a time ends, and its axis with it
LUCK = {
    *("part2_way.png", "part3_live.png", "part3_plain_samples.png", CURVE),
    *("part4_losses.png", "part4_captions_live.png", "part5_codes_live.png", "part5_paths.png"),
}


def frames(picture: bytes) -> np.ndarray:
    """The images of a picture, many if it moves. returns: (N, H, W, 3) in [0, 1]"""
    with PIL.Image.open(io.BytesIO(picture)) as opened:
        return np.stack([np.asarray(frame.convert("RGB")) for frame in PIL.ImageSequence.Iterator(opened)]) / 255


def drawn(path: Path) -> dict[str, bytes]:
    """All pictures of a notebook as PNG, those of lines, too, which come as both."""
    return pictures(nbformat.reads(path.read_text(encoding="utf-8").replace(".svg)", ".png)"), 4))


@pytest.mark.slow
@pytest.mark.timeout(1200)
@each_part
def test_run_makes_the_pictures_of_the_stored_run(part):
    number = part.removeprefix("part").split("_")[0]
    done = run("-m", "tools.run", number, IS_CI="", MPLBACKEND="", DEVICE="cpu", WANDB_MODE="disabled")
    assert done.returncode == 0, done.stderr
    made = ROOT / "build" / f"{part}.ipynb"
    *slow, last = done.stdout.splitlines()
    assert re.fullmatch(rf"{part}: \d+ s, see {re.escape(str(made))}", last)
    assert all(re.fullmatch(r" +\d+ s in cell [\w-]+", line) for line in slow)
    old, new = drawn(ROOT / "solutions" / f"{part}.ipynb"), drawn(made)
    assert old.keys() == new.keys()
    for name in old:
        before, after = frames(old[name]), frames(new[name])
        assert name == CURVE or before.shape == after.shape, name
        assert name in LUCK or np.abs(before - after).mean() < 0.05, name
