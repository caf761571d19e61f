"""The doctor: what it finds, what it says to do, and that a notebook stops with that one line."""

import ast
import hashlib
import os
import shutil
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

import nbformat
import psutil
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

import utils
from tools import doctor
from tools.markup import ROOT

DOCTOR = ROOT / "tools" / "doctor.py"
each_part = pytest.mark.parametrize("part", sorted(path.stem for path in (ROOT / "notebooks").glob("part*.ipynb")))


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A folder with no more of the course than the doctor needs, and without an environment."""
    (tmp_path / "tools").mkdir()
    for name in ("tools/__init__.py", "tools/doctor.py", "requirements.txt", "Makefile"):
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def told(findings: list[doctor.Finding]) -> str:
    return "\n".join(map(str, findings))


def first_cell(part: str) -> nbformat.NotebookNode:
    cells = nbformat.read(ROOT / "notebooks" / f"{part}.ipynb", 4).cells
    return next(cell for cell in cells if cell.cell_type == "code")


# ------------------------------------------------------------------------------------------------ where little works


def test_it_needs_nothing_but_an_old_python():
    tree = ast.parse(DOCTOR.read_text(encoding="utf-8"), feature_version=(3, 7))
    modules = [node.module for node in tree.body if isinstance(node, ast.ImportFrom)]
    modules += [alias.name for node in tree.body if isinstance(node, ast.Import) for alias in node.names]
    assert {module.split(".")[0] for module in modules} <= sys.stdlib_module_names


def test_without_packages_it_says_how_to_get_them(bare):
    command = [sys.executable, "-I", "-S", bare / "tools" / "doctor.py"]  # without site-packages
    done = subprocess.run(command, capture_output=True, encoding="utf-8")
    assert (done.returncode, done.stderr) == (0, "")
    n_packages = len(doctor.read_requirements())
    assert f"{n_packages} of {n_packages} packages are not installed: make lab makes" in done.stdout
    assert done.stdout.endswith("\nNot ready yet.\n")


@pytest.mark.skipif(not shutil.which("make"), reason="make is not here")
@pytest.mark.parametrize("broken", [False, True], ids=["no environment", "a broken one"])
def test_make_doctor_works_before_any_set_up(bare, broken):
    if broken:
        (bare / ".venv").mkdir()
    command = ["make", "doctor", f"PYTHON={sys.executable} -S"]
    done = subprocess.run(command, cwd=bare, capture_output=True, encoding="utf-8")
    assert (done.returncode, done.stderr) == (0, "") and "packages are not installed" in done.stdout
    remedy = "the environment in .venv does not work, make lab" if broken else "make lab makes"
    assert remedy in done.stdout and not (bare / ".venv" / "installed").exists()


@pytest.mark.skipif(not shutil.which("make"), reason="make is not here")
@pytest.mark.parametrize("state", ["none", "half made", "damaged", "whole", "whole, older requirements"])
def test_make_makes_an_environment_once_and_a_broken_one_anew(bare, state):
    """It only says what it would do."""
    python, installed = bare / ".venv" / "bin" / "python", bare / ".venv" / "installed"
    if state != "none":
        python.parent.mkdir(parents=True)
        python.write_text(f"#!/bin/sh\nexit {int(state == 'damaged')}\n", encoding="utf-8")
        python.chmod(0o755)
    if state not in ("none", "half made"):
        installed.touch()
    if "older" in state:
        os.utime(installed, (0, 0))
    done = subprocess.run(["make", "-n", "lab"], cwd=bare, capture_output=True, encoding="utf-8")
    assert done.returncode == 0 and ("pip install" in done.stdout) == (state != "whole")
    assert ("--clear" in done.stdout) == (state in ("half made", "damaged"))


def test_too_old_a_python_is_all_it_speaks_of(monkeypatch):
    monkeypatch.setattr(doctor, "OLDEST", (99, 0))
    (finding,) = doctor.diagnose()
    assert finding.stops and "is too old, the course needs 99.0 or newer: get one from" in str(finding)
    with pytest.raises(doctor.NotReady, match="is too old"):
        doctor.prepare()


# ------------------------------------------------------------------------------------------------ what it finds


def test_this_machine_is_ready_and_a_notebook_hears_nothing_of_it(monkeypatch, capsys):
    monkeypatch.setattr(doctor, "MEMORY", 0)
    monkeypatch.setattr(doctor, "DISK", 0)
    monkeypatch.setattr(doctor, "find_data", lambda: [])  # is tried below
    findings, all_of_them = list(doctor.diagnose()), str(len(doctor.read_requirements()))
    assert [finding.what.split()[0] for finding in findings if not finding.remedy][:2] == ["Python", all_of_them]
    assert f"{all_of_them} packages" in told(findings) and "PyTorch" in told(findings) and "GB memory" in told(findings)
    assert "TO DO" not in told(findings)
    doctor.prepare()
    assert not capsys.readouterr().out


@pytest.mark.parametrize(
    "stopped, verdict",
    [
        ([], "Ready."),
        ([3], "Ready for Parts 1 and 2, but not yet for Part 3."),
        ([3, 0], "Not ready yet."),
        ([0], "Not ready yet."),
    ],
)
def test_the_last_line_tells_what_can_be_begun(stopped, verdict, monkeypatch, capsys):
    findings = [doctor.Finding("fine"), *(doctor.Finding("x", "mend it", stops=True, part=part) for part in stopped)]
    monkeypatch.setattr(doctor, "diagnose", lambda: findings)
    doctor.main()
    assert capsys.readouterr().out.splitlines()[-1] == verdict


def test_packages_are_told_apart_as_missing_old_and_new():
    missing, old, new = doctor.find_packages(["not-there>=1,<2", "einops>=99", "pillow>=1,<1.1", "numpy>=1"])
    assert missing.stops and "not-there is not installed: " in str(missing)
    version = doctor.unmet(["einops>=99"])["einops>=99"]
    assert old.stops and f"older than the course needs: einops {version} (>=99): " in str(old)
    assert not new.stops and new.remedy and "newer than the course has been tried with: pillow" in str(new)
    (fine,) = doctor.find_packages(["numpy>=1", "torch>=2"])
    assert str(fine) == "ok      2 packages, in the ranges of requirements.txt"


def test_without_packaging_it_tells_what_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "packaging.specifiers", None)
    assert doctor.unmet(["numpy>=99", "not-there>=1"]) == {"not-there>=1": ""}


def test_the_course_needs_less_than_its_tests():
    course, everything = doctor.read_requirements("the course"), doctor.read_requirements()
    assert set(course) < set(everything) and "pytest" not in " ".join(course) and "jupyterlab" not in " ".join(course)
    assert {"torch", "einops"} <= set(map(doctor.name_of, course)) and "nbval" in map(doctor.name_of, everything)


@pytest.mark.parametrize(
    "where, notebook, remedy",
    [
        ("nowhere", False, "make lab makes"),
        ("nowhere", True, '%pip install "einops>=99" "a" in a cell'),
        ("elsewhere", False, "use the course's own environment, "),
        ("elsewhere", True, "choose another kernel, the Python in "),
        ("here", False, "-m pip install --requirement "),
        ("here", True, '%pip install "einops>=99" "a" in a cell'),
    ],
)
def test_the_remedy_fits_the_place(where, notebook, remedy, tmp_path, monkeypatch):
    venv = Path(sys.prefix) if where == "here" else tmp_path
    monkeypatch.setattr(doctor, "VENV", tmp_path / "none" if where == "nowhere" else venv)
    monkeypatch.setattr(doctor, "VENV_PYTHON", Path(sys.executable))
    monkeypatch.setattr(doctor, "in_notebook", lambda: notebook)
    assert remedy in doctor.how_to_install(["einops>=99", "a"])


@pytest.mark.parametrize("device, remedy", [("gpu", "set it to cpu, cuda or mps"), ("mps", "set DEVICE=cpu")])
def test_a_device_that_is_not_there_stops(device, remedy, monkeypatch):
    monkeypatch.setattr("torch.backends.mps.is_available", lambda: False)
    monkeypatch.setenv("DEVICE", device)
    finding = doctor.find_device()
    assert finding.stops and finding.what.startswith(f"DEVICE={device}") and remedy in finding.remedy


def test_a_gpu_is_named(monkeypatch):
    gpu = namedtuple("GPU", "name total_memory")("Some GPU", 16e9)
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.get_device_properties", lambda device: gpu)
    monkeypatch.delenv("DEVICE", raising=False)
    assert doctor.find_device().what.endswith("computes on cuda: Some GPU, 16 GB")
    assert not doctor.find_unused_gpu()


def test_a_gpu_that_pytorch_does_not_find_is_worth_a_note(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr(shutil, "which", lambda name: name)
    monkeypatch.delenv("DEVICE", raising=False)
    (finding,) = doctor.find_unused_gpu()
    assert not finding.stops and "https://pytorch.org/get-started" in finding.remedy
    monkeypatch.setenv("DEVICE", "cpu")
    assert not doctor.find_unused_gpu()


@pytest.mark.parametrize("module, words", [("torch", "PyTorch does not start"), ("utils", "utils.py does not start")])
def test_what_does_not_start_stops(module, words, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.setattr(doctor, "how_to_install", lambda lines: f"install {lines}")
    finding = doctor.find_device()
    assert finding.stops and finding.what.startswith(words) and "install" in finding.remedy


def test_it_tells_where_trainings_are_logged(monkeypatch):
    monkeypatch.setenv("WANDB_API_KEY", "a key")
    for mode, words in {"offline": "this machine only", "online": "to your", "disabled": "nowhere"}.items():
        monkeypatch.setenv("WANDB_MODE", mode)
        assert words in doctor.find_logging().what and not doctor.find_logging().remedy
    monkeypatch.setenv("WANDB_MODE", "enabled")
    assert doctor.find_logging().stops and "set it to online, offline or disabled" in doctor.find_logging().remedy


@pytest.mark.parametrize("name, remedy", [("saves", "set SAVES_DIR"), ("wandb", "set WANDB_DIR")])
def test_where_nothing_can_be_written_is_told_with_the_remedy(name, remedy, tmp_path, monkeypatch, capsys):
    (tmp_path / "a file").touch()  # in which there can be no folder, whoever one is
    monkeypatch.setattr(utils, "SAVES", tmp_path / "saves")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_DIR", str(tmp_path))
    assert not doctor.find_unwritable() and not list(tmp_path.glob("*s"))
    monkeypatch.setattr(utils, "SAVES", tmp_path / ("a file" if name == "saves" else "") / "saves")
    monkeypatch.setenv("WANDB_DIR", str(tmp_path / ("a file" if name == "wandb" else "")))
    (finding,) = doctor.find_unwritable()
    assert name in finding.what and remedy in finding.remedy and not finding.stops
    doctor.prepare()
    assert remedy in capsys.readouterr().out


def test_short_memory_and_disk_are_worth_a_note(monkeypatch):
    monkeypatch.setattr(psutil, "virtual_memory", lambda: namedtuple("Memory", "available total")(1e9, 8e9))
    assert "1.0 of 8.0 GB memory are free: Part 3 wants 2: close" in str(doctor.find_memory())
    monkeypatch.setattr(shutil, "disk_usage", lambda path: namedtuple("Disk", "free")(1e8))
    (finding,) = doctor.find_disk(doctor.DISK)
    assert "only 0.1 GB are free" in str(finding) and not doctor.find_memory().stops and not finding.stops
    assert not doctor.find_disk(0)


# ------------------------------------------------------------------------------------------------ the data


@pytest.fixture
def data(tmp_path, monkeypatch) -> Path:
    """Two small files in place of the four."""
    folder = tmp_path / "data" / "fashion-mnist"
    folder.mkdir(parents=True)
    for name in ("a.gz", "b.gz"):
        (folder / name).write_bytes(name.encode())
    monkeypatch.setattr(utils, "MD5", {name: hashlib.md5(name.encode()).hexdigest() for name in ("a.gz", "b.gz")})
    monkeypatch.setattr(utils, "DATA", folder)
    return folder


def test_data_are_whole_or_stop_part_3(data):
    assert f"ok      FashionMNIST is whole in {data}" == told(doctor.find_data())
    (data / "b.gz").write_bytes(b"cut sh")
    assert "b.gz is not the published file" in told(doctor.find_data())
    (data / "b.gz").unlink()
    (finding,) = doctor.find_data()
    assert finding.stops and finding.part == 3 and "b.gz is missing" in finding.what
    assert "git checkout" in finding.remedy


def test_missing_data_do_not_stop_a_notebook(data, capsys):
    (data / "a.gz").unlink()
    doctor.prepare()
    assert "a.gz is missing: " in capsys.readouterr().out


def test_nothing_here_touches_the_network(data, monkeypatch):
    monkeypatch.setattr("socket.socket.connect", lambda *_: pytest.fail("it connects"))
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: pytest.fail("it asks for an address"))
    doctor.prepare()
    assert list(doctor.diagnose())


# ------------------------------------------------------------------------------------------------ the first cell


@pytest.mark.slow
@each_part
def test_a_notebook_stops_with_one_plain_line(part, bare):
    text = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    (bare / "requirements.txt").write_text(text.replace("torch>", "not-there>=1\ntorch>"), encoding="utf-8")
    notebook = nbformat.v4.new_notebook(cells=[first_cell(part), nbformat.v4.new_code_cell("import not_there")])
    with pytest.raises(CellExecutionError):
        NotebookClient(notebook, timeout=120, resources={"metadata": {"path": bare}}).execute()
    (error,) = notebook.cells[0].outputs
    assert error.ename == "NotReady"
    assert error.traceback == [
        'not-there is not installed: run %pip install "not-there>=1" in a cell of its own, then restart the kernel'
    ]


@each_part
def test_a_notebook_that_has_left_the_folder_says_so(part, tmp_path):
    command = [sys.executable, "-c", first_cell(part).source]
    done = subprocess.run(command, cwd=tmp_path, env=os.environ, capture_output=True, encoding="utf-8")
    assert done.returncode == 1
    message = "FileNotFoundError: this notebook has left the course's folder: move it back to notebooks/ there"
    assert done.stderr.splitlines()[-1].startswith(message)


@each_part
def test_no_stored_run_tells_of_its_machine(part):
    for folder in ("notebooks", "solutions"):
        cells = nbformat.read(ROOT / folder / f"{part}.ipynb", 4).cells
        (cell,) = [cell for cell in cells if cell.cell_type == "code" and "prepare()" in cell.source]
        assert not cell.outputs


def test_all_parts_begin_alike():
    cells = {first_cell(path.stem).source for path in (ROOT / "notebooks").glob("part*.ipynb")}
    assert len(cells) == 1
