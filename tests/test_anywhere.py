"""The course away from home: on Colab, in a container, on consoles and systems with another encoding."""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from tools import build as builder
from tools.markup import ROOT

SOURCES = sorted((ROOT / "solutions").glob("part*.py"))
each_source = pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
GITHUB = "https://github.com/someone/diffusion-course.git"
IMAGES = "https://raw.githubusercontent.com/someone/diffusion-course/main/notebooks/images/"
CODE = [
    ROOT / "utils.py",
    *(ROOT / "solutions").glob("*.py"),
    *(ROOT / "tests").rglob("*.py"),
    *(ROOT / "tools").rglob("*.py"),
]


def exercise_notebook(source: Path) -> nbformat.NotebookNode:
    return builder.build(source)[1]


def first_code(notebook: nbformat.NotebookNode) -> str:
    return builder.code_cells(notebook)[0].source


# ------------------------------------------------------------------------------------------------ Colab

FAKE_PIP = '''"""Notes what it is asked for, and makes it look installed."""
import re, sys
from pathlib import Path

asked = [word for word in sys.argv[1:] if not word.startswith("-")]
here = Path(__file__).parent
with open(here / "asked.txt", "a", encoding="utf-8") as file:
    print(*asked, sep="\\n", file=file)
if "cannot-come" in " ".join(asked):
    sys.exit("there is no network")
for word in asked[1:]:
    name, version = re.match(r"([\\w-]+)>=([\\d.]+)", word).groups()
    info = here / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\\nName: {name}\\nVersion: {version}\\n", encoding="utf-8")
'''


class Colab:
    """An empty folder in which google.colab can be imported, a pip that only notes what it is asked for, and a
    repository to fetch the course from, with its requirements changed."""

    def __init__(self, folder: Path, **requirements: str) -> None:
        self.folder, self.fakes, self.repository = folder / "content", folder / "fakes", folder / "diffusion-course.git"
        (self.fakes / "google" / "colab").mkdir(parents=True)
        (self.fakes / "google" / "colab" / "__init__.py").touch()
        (self.fakes / "pip.py").write_text(FAKE_PIP, encoding="utf-8")
        self.folder.mkdir()
        work, text = folder / "work", (ROOT / "requirements.txt").read_text(encoding="utf-8")
        for name, wanted in requirements.items():
            text = re.sub(rf"^{name}\S*", wanted, text, flags=re.MULTILINE)
        (work / "tools").mkdir(parents=True)
        for name in ("utils.py", "tools/__init__.py", "tools/doctor.py"):
            shutil.copy(ROOT / name, work / name)
        shutil.copytree(ROOT / "data", work / "data")
        (work / "requirements.txt").write_text(text, encoding="utf-8")
        self.git("init", "--quiet", work)
        self.git("-C", work, "add", ".")
        self.git("-C", work, "-c", "user.name=a", "-c", "user.email=a@b", "commit", "--quiet", "--message", "One")
        self.git("clone", "--quiet", "--bare", work, self.repository)

    def git(self, *arguments: str | Path) -> None:
        subprocess.run(["git", *map(str, arguments)], check=True)

    def run(self, code: str) -> subprocess.CompletedProcess:
        settings = os.environ | {"PYTHONPATH": str(self.fakes), "GIT_TERMINAL_PROMPT": "0"}
        command = [sys.executable, "-c", code]
        return subprocess.run(command, cwd=self.folder, env=settings, capture_output=True, encoding="utf-8")

    @property
    def asked(self) -> list[str]:
        """What pip was asked for, the command left out."""
        path = self.fakes / "asked.txt"
        return path.read_text(encoding="utf-8").split()[1:] if path.exists() else []


def fetching_cell(colab: Colab, monkeypatch) -> str:
    monkeypatch.setattr(builder, "REPO_URL", colab.repository.as_uri())
    (cell,) = {first_code(exercise_notebook(source)) for source in SOURCES}  # the same in all parts
    return cell


WHERE = "\nimport tools.doctor, utils\nprint(tools.doctor.__file__)"


@pytest.mark.slow
def test_on_colab_the_course_comes_and_only_what_is_missing_is_installed(tmp_path, monkeypatch):
    changes = {"einops": "einops>=99", "tqdm": "not-there>=1.5", "torch": "torch>=1,<2", "jupyterlab": "jupyterlab>=99"}
    colab = Colab(tmp_path, **changes)
    cell = fetching_cell(colab, monkeypatch)
    done = colab.run(cell + WHERE)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert re.fullmatch(r"Colab's own PyTorch \S+ stays as it is; the course has been tried with torch>=1,<2", lines[0])
    assert lines[1] == "Colab lacks what the course needs of einops, not-there: installing"
    assert lines[2:] == [str(colab.folder / "diffusion-course" / "tools" / "doctor.py")]
    assert colab.asked == ["einops>=99", "not-there>=1.5"]
    again = colab.run(cell + WHERE)  # after a restart, with all in place
    assert (again.returncode, again.stdout.splitlines()) == (0, [lines[0], lines[2]])
    assert colab.asked == ["einops>=99", "not-there>=1.5"], "nothing is installed again"


@pytest.mark.slow
def test_on_colab_a_pytorch_that_does_not_work_is_replaced(tmp_path, monkeypatch):
    colab = Colab(tmp_path, torch="torch>=98")
    (colab.fakes / "torch.py").write_text("raise OSError('a library is missing')", encoding="utf-8")
    done = colab.run(fetching_cell(colab, monkeypatch))
    assert colab.asked == ["torch>=98"]
    assert "PyTorch does not start (a library is missing)" in done.stderr  # as the pip of this test mends nothing


@pytest.mark.slow
def test_on_colab_a_package_that_is_in_use_asks_for_a_restart(tmp_path, monkeypatch):
    colab = Colab(tmp_path, pillow="pillow>=99")
    cell = fetching_cell(colab, monkeypatch)
    done = colab.run("import PIL\n" + cell)
    assert done.stderr.splitlines()[-1].endswith("Choose Runtime > Restart session, then run this cell again.")
    assert colab.run(cell).returncode == 0


@pytest.mark.slow
def test_on_colab_a_pip_that_fails_is_heard(tmp_path, monkeypatch):
    colab = Colab(tmp_path, einops="cannot-come>=1")
    done = colab.run(fetching_cell(colab, monkeypatch))
    assert done.stderr.splitlines()[-1].endswith("NotReady: pip could not install cannot-come: there is no network")


@pytest.mark.slow
def test_elsewhere_nothing_is_fetched(tmp_path, monkeypatch):
    colab = Colab(tmp_path)
    cell = fetching_cell(colab, monkeypatch)
    shutil.rmtree(colab.fakes / "google")
    done = colab.run(cell)
    assert "this notebook has left the course's folder: move it back" in done.stderr.splitlines()[-1]
    assert not list(colab.folder.iterdir()) and not colab.asked


@pytest.mark.slow
@each_source
def test_without_an_address_notebooks_neither_fetch_nor_show_badges(source, monkeypatch):
    monkeypatch.setattr(builder, "REPO_URL", "")
    notebook = exercise_notebook(source)
    assert "git" not in first_code(notebook).replace("!git clone the course", "")
    assert "colab.research" not in builder.as_text(notebook)


@pytest.mark.slow
@each_source
def test_an_address_changes_the_exercise_notebook_alone(source, monkeypatch):
    """A solved notebook would lose its outputs with every change of its code."""
    monkeypatch.setattr(builder, "REPO_URL", "")
    plain, plain_exercise = builder.build(source)
    monkeypatch.setattr(builder, "REPO_URL", GITHUB)
    solved, exercise = builder.build(source)
    assert solved == plain
    for cell in exercise.cells:  # where pictures show without the folder that holds them
        cell.source = cell.source.replace(f"]({IMAGES}", "](images/")
    ids = [new.id for old, new in zip(plain_exercise.cells, exercise.cells, strict=True) if old != new]
    assert ids == [exercise.cells[0].id, builder.code_cells(exercise)[0].id]
    title, blank, badge, *rest = exercise.cells[0].source.split("\n")
    page = f"https://colab.research.google.com/github/someone/diffusion-course/blob/main/notebooks/{source.stem}.ipynb"
    assert badge.endswith(f"]({page})") and "\n".join([title, *rest]) == plain_exercise.cells[0].source
    assert not blank and f'"{GITHUB}"' in first_code(exercise) and '"diffusion-course"' in first_code(exercise)


@pytest.mark.parametrize("url", ["", "file:///somewhere/course.git", "https://example.org/a/b"])
def test_only_github_has_badges(url, monkeypatch):
    monkeypatch.setattr(builder, "REPO_URL", url)
    assert not builder.badge("part1_diffusion")


def test_readme_shows_the_badges_where_there_are_any():
    badges = [badge for badge in (builder.badge(source.stem) for source in SOURCES) if badge]
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    left_out = [badge for badge in badges if badge not in readme]
    assert not left_out, "add to the table of parts in README.md:\n" + "\n".join(left_out)
    assert readme.count("colab-badge.svg") == len(badges), "README.md has a badge without an address"


# ------------------------------------------------------------------------------------------------ a container


def test_the_container_installs_what_the_course_needs():
    settings = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text(encoding="utf-8"))
    assert settings["postCreateCommand"] == "pip install --requirement requirements.txt"
    index = settings["containerEnv"]["PIP_EXTRA_INDEX_URL"]
    assert f"PIP_EXTRA_INDEX_URL={index} make lab" in (ROOT / "README.md").read_text(encoding="utf-8")
    python = re.fullmatch(r"mcr\.microsoft\.com/devcontainers/python:(\d)\.(\d+)", settings["image"])
    assert tuple(map(int, python.groups())) >= (3, 11)


# ------------------------------------------------------------------------------------------------ encodings


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["cp1252", "ascii"])
def test_a_console_that_lacks_a_sign_gets_another(encoding):
    code = "import utils\nprint('ᾱ, β – Fréchet')"
    settings = os.environ | {"PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
    done = subprocess.run([sys.executable, "-c", code], env=settings, cwd=ROOT, capture_output=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "ᾱ, β – Fréchet".encode(encoding, errors="backslashreplace")


@pytest.mark.slow
def test_no_file_or_process_is_read_in_the_encoding_of_the_machine():
    """On Windows that is not UTF-8."""
    found = []
    for path in CODE:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name, given = ast.unparse(node.func).split(".")[-1], {keyword.arg for keyword in node.keywords}
            opens = name in ("read_text", "write_text") or ast.unparse(node.func) == "open"
            runs = ast.unparse(node.func).startswith("subprocess.") and given & {"text", "universal_newlines"}
            if (opens or runs) and "encoding" not in given:
                found.append(f"{path.name}:{node.lineno}: {name} without encoding")
    assert not found, "\n".join(found)


def test_no_two_files_are_one_where_case_does_not_count():
    names = [path.relative_to(ROOT).as_posix().lower() for path in CODE]
    assert len(set(names)) == len(names)
