"""What is here to run the course with, and what to do about what is missing.

make doctor   tells all of it, as python tools/doctor.py does
prepare()     the first cell of every notebook: tells only what is wrong, and on Colab installs what is missing

It also runs where nothing is installed or Python is too old for the course: at the top, and to read this file, the
standard library of Python 3.7 is enough. All else is imported where it is needed, and its absence is a finding.
"""

from __future__ import annotations

import importlib
import os
import platform
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryFile
from typing import Iterator, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
VENV_PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
OLDEST = (3, 11)
GB = 1e9
MEMORY, DISK = 2 * GB, 0.5 * GB  # for Part 3: its trainings take 1 GB, and leave room; its saves are small
DISK_TO_INSTALL = (6 if sys.platform == "linux" else 2) * GB  # PyTorch for Linux brings CUDA


class Finding(NamedTuple):
    what: str  # is here, or is wrong
    remedy: str = ""  # what to do about it; empty where all is well
    stops: bool = False  # whether the course cannot run like that
    part: int = 0  # the one part that cannot; 0: all

    def __str__(self) -> str:
        mark = "TO DO" if self.stops else "note" if self.remedy else "ok"
        return f"{mark:8}{self.what}" + (f": {self.remedy}" if self.remedy else "")

    @classmethod
    def of(cls, error: Exception, part: int = 0) -> Finding:
        """What one of the course's own errors says: "what is wrong: what to do"."""
        what, _, remedy = str(error).partition(": ")
        return cls(what, remedy, stops=True, part=part)


class NotReady(Exception):
    """Something needed is missing; the message says what to do. A notebook shows the message alone."""

    def _render_traceback_(self) -> list[str]:
        return [str(self)]


def in_notebook() -> bool:
    return "IPython" in sys.modules and bool(sys.modules["IPython"].get_ipython())


def on_colab() -> bool:
    return bool(find_spec("google") and find_spec("google.colab"))


# ------------------------------------------------------------------------------------------------ Python, packages


def find_python() -> Finding:
    found = f"Python {platform.python_version()}"
    if sys.version_info < OLDEST:
        return Finding(
            f"{found} is too old, the course needs {OLDEST[0]}.{OLDEST[1]} or newer",
            "get one from https://www.python.org, and name it where it is not python3: make lab PYTHON=python3.12",
            stops=True,
        )
    where = ".venv" if Path(sys.prefix).resolve() == VENV.resolve() else sys.prefix
    return Finding(f"{found} in {where}, on {platform.system()} {platform.machine()}")


def read_requirements(section: str = "") -> list[str]:
    """The lines of requirements.txt, as "torch>=2.9,<2.14"; of one section alone, which a comment begins."""
    text = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    if section:
        text = text.split(f"# {section}\n")[1].split("\n# ")[0]
    return [line for line in (line.split("#")[0].strip() for line in text.splitlines()) if line]


def name_of(requirement: str) -> str:
    return re.split(r"[<>=!~]", requirement)[0]


def unmet(wanted: list[str]) -> dict[str, str]:
    """Those of the requirements that are not met, each with the version that is here; empty where there is none."""
    from importlib import metadata

    found = {}
    try:
        from packaging.specifiers import SpecifierSet
    except ImportError:  # it comes with several of them
        SpecifierSet = None  # then only what is missing can be told
    for line in wanted:
        try:
            version = metadata.version(name_of(line))
        except metadata.PackageNotFoundError:
            version = None
        fits = version and (not SpecifierSet or version in SpecifierSet(line[len(name_of(line)) :], prereleases=True))
        if not fits:
            found[line] = version
    return {line: version or "" for line, version in found.items()}


def is_newer(requirement: str, version: str) -> bool:
    """Whether a version is only too new: of the bounds, it breaks none from below."""
    from packaging.specifiers import SpecifierSet

    bounds = requirement[len(name_of(requirement)) :].split(",")
    return all(version in SpecifierSet(bound, prereleases=True) for bound in bounds if bound.startswith(">"))


def how_to_install(requirements: list[str]) -> str:
    if Path(sys.prefix).resolve() != VENV.resolve() and VENV.exists():
        if not VENV_PYTHON.exists():
            return "the environment in .venv does not work, make lab makes it anew"
        if in_notebook():
            return f"choose another kernel, the Python in {VENV_PYTHON}"
        return f"use the course's own environment, {VENV_PYTHON}"
    if in_notebook():
        quoted = " ".join(f'"{line}"' for line in requirements)
        return f"run %pip install {quoted} in a cell of its own, then restart the kernel"
    if Path(sys.prefix).resolve() == VENV.resolve():
        return f"{VENV_PYTHON} -m pip install --requirement {ROOT / 'requirements.txt'}"
    return "make lab makes an environment with all packages in .venv (without make, see Start in README.md)"


def find_packages(wanted: list[str]) -> list[Finding]:
    lacking = unmet(wanted)
    missing = [line for line, version in lacking.items() if not version]
    old = [line for line, version in lacking.items() if version and not is_newer(line, version)]
    new = [line for line in lacking if line not in missing + old]

    def told(lines: list[str]) -> str:
        return ", ".join(f"{name_of(line)} {lacking[line]} ({line[len(name_of(line)) :]})" for line in lines)

    findings = []
    if missing:
        few = ", ".join(map(name_of, missing)) + (" is" if len(missing) == 1 else " are")
        told_missing = few if len(missing) <= 5 else f"{len(missing)} of {len(wanted)} packages are"
        findings.append(Finding(f"{told_missing} not installed", how_to_install(missing), stops=True))
    if old:
        findings.append(Finding(f"older than the course needs: {told(old)}", how_to_install(old), stops=True))
    if new:
        findings.append(Finding(f"newer than the course has been tried with: {told(new)}", how_to_install(new)))
    return findings or [Finding(f"{len(wanted)} packages, in the ranges of requirements.txt")]


def install_on_colab(wanted: list[str]) -> list[str]:
    """Install what is missing or out of range, but leave a PyTorch that works. returns: what is to be looked at yet
    errors: NotReady"""
    lacking = unmet(wanted)
    torch = next((line for line in lacking if name_of(line) == "torch"), None)
    if torch and lacking[torch]:
        # in another process: torch would load the NumPy that may be exchanged here
        tried = subprocess.run([sys.executable, "-c", "import torch; torch.ones(2).sum()"], capture_output=True)
        if tried.returncode == 0:
            print(f"Colab's own PyTorch {lacking.pop(torch)} stays as it is; the course has been tried with {torch}")
            wanted = [line for line in wanted if line != torch]
    if lacking:
        names = ", ".join(map(name_of, lacking))
        print(f"Colab lacks what the course needs of {names}: installing")
        command = [sys.executable, "-m", "pip", "install", "--quiet", *lacking]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8")
        if done.returncode:
            raise NotReady(f"pip could not install {names}: {done.stdout.strip()}")
        importlib.invalidate_caches()
        modules = {"pillow": "PIL"}
        if any(modules.get(name_of(line), name_of(line)) in sys.modules for line in lacking):
            raise NotReady("New packages have come. Choose Runtime > Restart session, then run this cell again.")
    return wanted


# ------------------------------------------------------------------------------------------------ what utils tells


def find_device() -> Finding:
    torch = next(line for line in read_requirements() if name_of(line) == "torch")
    try:
        import torch as t
    except Exception as error:  # on Windows an OSError, where a DLL is missing
        remedy = f'{Path(sys.executable).name} -m pip install --force-reinstall "{torch}"'
        if os.name == "nt":
            remedy = f"install https://aka.ms/vs/17/release/vc_redist.x64.exe; if that does not help, {remedy}"
        return Finding(f"PyTorch does not start ({first_line(error)})", remedy, stops=True)
    try:
        import utils
    except ImportError as error:
        remedy = how_to_install(read_requirements("the course"))
        return Finding(f"utils.py does not start ({first_line(error)})", remedy, stops=True)
    try:
        device = utils.get_device()
    except (ValueError, RuntimeError) as error:
        return Finding.of(error)
    if device.type == "cuda":
        gpu = t.cuda.get_device_properties(device)
        return Finding(f"PyTorch {t.__version__} computes on cuda: {gpu.name}, {gpu.total_memory / GB:.0f} GB")
    threads = t.get_num_threads()
    return Finding(f"PyTorch {t.__version__} computes on {device}, with {threads} thread{'s'[: threads != 1]}")


def find_unused_gpu() -> list[Finding]:
    import torch as t

    if os.getenv("DEVICE") or t.cuda.is_available() or not shutil.which("nvidia-smi"):
        return []
    remedy = "choose a build for it on https://pytorch.org/get-started, or go on with the CPU"
    return [Finding(f"this machine has an NVIDIA driver, but PyTorch {t.__version__} finds no GPU", remedy)]


def first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0][:100]


def find_data() -> list[Finding]:
    import utils

    try:
        for name in utils.MD5:
            utils.check_data(utils.DATA / name)
    except (FileNotFoundError, ValueError) as error:
        return [Finding.of(error, part=3)]
    return [Finding(f"FashionMNIST is whole in {utils.DATA}")]


def find_logging() -> Finding:
    import utils

    told = {
        "online": "to your Weights & Biases account",
        "shared": "to your Weights & Biases account",
        "offline": "on this machine only (no key of Weights & Biases is stored here, and none is needed)",
        "disabled": "nowhere (Weights & Biases is disabled)",
    }
    try:
        return Finding(f"trainings are logged {told[utils.wandb_mode()]}")
    except ValueError as error:
        return Finding.of(error)


# ------------------------------------------------------------------------------------------------ the machine


def find_unwritable() -> list[Finding]:
    """Where trainings are kept and logged, if nothing can be written there."""
    import utils

    places = {utils.SAVES: "set SAVES_DIR to a folder that you can write to, long trainings are saved there"}
    if utils.wandb_mode() != "disabled":
        remedy = "set WANDB_DIR to a folder that you can write to, or WANDB_MODE=disabled"
        places[Path(os.getenv("WANDB_DIR") or Path.cwd()) / "wandb"] = remedy
    return [Finding(f"{place} cannot be written", remedy) for place, remedy in places.items() if not writable(place)]


def writable(folder: Path) -> bool:
    """Whether a file can be written in a folder that is there, or where it will be made."""
    place = next(each for each in [folder, *folder.absolute().parents] if each.exists())
    try:
        with TemporaryFile(dir=place):
            return True
    except OSError:
        return False


def find_memory() -> Finding:
    import psutil  # comes with ipykernel

    memory = psutil.virtual_memory()
    told = f"{memory.available / GB:.1f} of {memory.total / GB:.1f} GB memory are free"
    if memory.available < MEMORY:
        return Finding(told, f"Part 3 wants {MEMORY / GB:.0f}: close other programs before it trains")
    return Finding(told)


def find_disk(wanted: float) -> list[Finding]:
    free = shutil.disk_usage(ROOT).free
    told = f"only {free / GB:.1f} GB are free on the disk of {ROOT}"
    return [Finding(told, f"make room, the course wants {wanted / GB:.1f} GB")] if free < wanted else []


# ------------------------------------------------------------------------------------------------ the two doors


def diagnose() -> Iterator[Finding]:
    """All findings, in order. What needs the packages is left out while one is missing."""
    python = find_python()
    yield python
    if python.stops:
        return
    packages = find_packages(read_requirements())
    yield from packages
    if any(finding.stops for finding in packages):
        yield from find_disk(DISK_TO_INSTALL)
        return
    device = find_device()
    yield device
    yield find_memory()
    yield from find_disk(DISK)
    if "utils" in sys.modules:
        yield from find_unused_gpu()
        yield from find_data()
        logging = find_logging()
        yield logging
        yield from [] if logging.stops else find_unwritable()


def prepare() -> None:
    """Get ready to run a notebook: silent where all is well; no network is asked for, but on Colab.
    errors: NotReady that says what to do"""
    python, wanted = find_python(), read_requirements("the course")
    if python.stops:
        raise NotReady(f"{python.what}: {python.remedy}")
    if on_colab():
        wanted = install_on_colab(wanted)
    for find in (
        lambda: find_packages(wanted),
        lambda: [find_device()],
        lambda: [find_logging()],
        lambda: [finding._replace(stops=False) for finding in find_data()],  # only Part 3 needs them
        lambda: find_disk(DISK),
        find_unwritable,
    ):
        findings = [finding for finding in find() if finding.remedy]
        lines = [f"{finding.what}: {finding.remedy}" for finding in findings]
        if any(finding.stops for finding in findings):
            raise NotReady("\n".join(lines))
        print(*lines, sep="\n", end="\n" if lines else "")


def main() -> None:
    sys.path.insert(0, str(ROOT))
    stopped = set()  # parts
    for finding in diagnose():
        print(finding, flush=True)
        stopped |= {finding.part} if finding.stops else set()
    if stopped:
        print("\nReady for Parts 1 and 2, but not yet for Part 3." if stopped == {3} else "\nNot ready yet.")
    else:
        print("\nReady.")


if __name__ == "__main__":
    main()
