"""Judge one notebook behind walls, so that whatever it holds harms neither the machine nor another's grades.

The process of the judge sees the course, without the text of its solutions, and this one notebook; nothing of it can be
written, there is no network, and memory, processes and time are limited. Walls need bubblewrap, so Linux.
"""

import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import nullcontext, suppress
from functools import cache
from pathlib import Path
from secrets import token_hex
from typing import Any, NamedTuple

from tools import progress
from tools.progress import ROOT

MEMORY = 4  # GB that a submission may take in all, beyond what PyTorch has taken
PROCESSES = 100  # and threads, of one submission
LONGEST = 2000  # characters of a message
START = 300  # seconds in which PyTorch has to be imported, on a busy machine
SCRATCH = "/scratch"  # where a submission may write, in memory
NOBODY = "65534"  # the user that submissions run as where the grader is root
FORGED = "writes into the channel that only the grader writes to"
TOO_LARGE = f"It took more than {MEMORY} GB of memory, so it was stopped.\nIs something kept that is not needed?"
STATES = (progress.PASSED, progress.NOT_YET, progress.NOT_WRITTEN, progress.TAKEN)
STATES += (progress.ANSWERED, progress.NOT_ANSWERED)


class Forged(ValueError):
    """What came from behind the walls cannot be the judge's."""


class Job(NamedTuple):
    """What is the same for all notebooks of a run."""

    reference: Path  # the folder that stands in for solutions/
    seeds: tuple[int, ...]  # of the checks' random numbers: the usual one, and others that nobody could know
    seconds: float  # for one exercise
    total: float  # seconds for one notebook


# ------------------------------------------------------------------------------------------------ the walls


def sandbox(path: Path, reference: Path) -> tuple[list[str], Path]:
    """What to write before a command so that it sees only the course and a notebook, and the notebook's path there."""
    inside = Path("/submission/notebook.ipynb")
    packages = [folder for folder in sys.path if folder and not ROOT.is_relative_to(folder)]
    views = ["/usr", "/lib", "/lib64", "/bin", "/etc/ld.so.cache", sys.base_prefix, sys.prefix, *packages]
    views = [view for view in views if not Path(view).resolve().is_relative_to(ROOT) or view == sys.prefix]
    views += map(str, [ROOT / "utils.py", ROOT / "tools", ROOT / "tests" / "__init__.py", ROOT / "tests/checking.py"])
    views += map(str, sorted((ROOT / "tests").glob("part*")))
    views = list(filter(os.path.exists, dict.fromkeys(views)))
    folders = {str(folder) for view in [*views, str(inside)] for folder in Path(view).parents}
    folders |= {SCRATCH, "/tmp"}  # the latter for bubblewrap itself, which begins there
    words = ["bwrap"]
    for folder in sorted(folders - set(views) - {"/"}):  # else nobody may enter them
        words += ["--dir", folder]
    for view in views:
        words += ["--ro-bind", os.path.realpath(view), view]
    words += ["--ro-bind", str(reference), str(ROOT / "solutions"), "--ro-bind", str(path.resolve()), str(inside)]
    if os.getuid() == 0:  # which alone may see all of these folders, and whom no user namespace keeps from /proc/sys
        words += ["--dev", "/dev", "--bind", "/proc", "/proc", "--clearenv", "--setenv", "PATH", "/usr/bin:/bin"]
        words += ["setpriv", "--reuid", NOBODY, "--regid", NOBODY, "--clear-groups", "--bounding-set=-all"]
        words += ["bwrap", "--ro-bind", "/", "/"]
    words += ["--unshare-all", "--unshare-user", "--die-with-parent", "--new-session", "--cap-drop", "ALL"]
    words += ["--disable-userns"] * can_disable_namespaces()
    words += ["--proc", "/proc", "--dev", "/dev", "--size", "50000000", "--tmpfs", "/dev/shm", "--remount-ro", "/dev"]
    words += ["--size", "100000000", "--tmpfs", SCRATCH, "--remount-ro", "/", "--chdir", str(ROOT), "--clearenv"]
    for name, value in settings(SCRATCH).items():
        words += ["--setenv", name, value]
    return words, inside


def settings(scratch: str) -> dict[str, str]:
    """The environment of a judge: nothing of the teacher's own. scratch: where it may write"""
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    quiet = {"MPLBACKEND": "agg", "WANDB_MODE": "disabled", "PYTHONDONTWRITEBYTECODE": "1", "LANG": "C.UTF-8"}
    return {"PATH": "/usr/bin:/bin", "HOME": scratch, "TMPDIR": scratch, **threads, **quiet}


@cache
def can_disable_namespaces() -> bool:
    """Whether this bubblewrap keeps what runs in it from making user namespaces of its own (since version 0.8)."""
    return "--disable-userns" in subprocess.run(["bwrap", "--help"], capture_output=True, encoding="utf-8").stdout


@cache
def control_group() -> list[str]:
    """What to write before a command so that systemd limits what all its processes take; nothing where it cannot."""
    words = ["systemd-run", *["--user"] * (os.getuid() != 0), "--scope", "--quiet", "--collect"]
    for limit in f"MemoryMax={MEMORY + 1}G", "MemorySwapMax=0", f"TasksMax={PROCESSES}":
        words += ["--property", limit]
    if not shutil.which(words[0]) or subprocess.run([*words, "true"], capture_output=True).returncode:
        return []
    return words


@cache
def no_walls() -> str:
    """Why bubblewrap cannot be used on this machine; empty where it can."""
    if not shutil.which("bwrap"):
        return "bubblewrap (bwrap) is not installed"
    words = sandbox(Path(__file__), ROOT / "solutions")[0]
    tried = subprocess.run([*words, sys.executable, "-c", ""], capture_output=True, encoding="utf-8")
    reason = (tried.stderr.strip() or "no reason given").splitlines()[-1]
    return f"bubblewrap cannot start here ({reason})" if tried.returncode else ""


def set_limits(walls: bool) -> None:
    """Limit what this process, and each that it starts, can take from now on."""
    import resource

    limits = {resource.RLIMIT_CORE: 0, resource.RLIMIT_FSIZE: 100 * 2**20}
    with suppress(OSError):  # where there is no /proc, memory is not limited
        pages = int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[0])
        limits[resource.RLIMIT_AS] = pages * resource.getpagesize() + MEMORY * 2**30
    if walls:  # else all processes of the same user count
        limits[resource.RLIMIT_NPROC] = PROCESSES
    for limit, most in limits.items():
        resource.setrlimit(limit, (most, most))


def memory_of(process: int) -> int:
    """Bytes in memory of a process and all that it has started; 0 where that cannot be told (without /proc)."""
    pages, found = 0, [process]
    for number in found:
        with suppress(OSError):  # it has ended meanwhile
            pages += int(Path(f"/proc/{number}/statm").read_text(encoding="utf-8").split()[1])
            for children in Path(f"/proc/{number}/task").glob("*/children"):
                found += children.read_text(encoding="utf-8").split()
    return pages * os.sysconf("SC_PAGESIZE")


# ------------------------------------------------------------------------------------------------ the judge's side


class Channel:
    """Sends lines to the grader, with the key that shows whose they are."""

    def __init__(self, file: int, key: str) -> None:
        self.file, self.key = file, key

    def send(self, event: tuple) -> None:
        event = [word[:LONGEST] if isinstance(word, str) else word for word in event]
        line = json.dumps([self.key, *event]).encode() + b"\n"
        while line:
            line = line[os.write(self.file, line) :]


def main_of_judge() -> None:
    """Judge the notebook named on standard input, and tell the grader over what was standard output."""
    order = json.loads(sys.stdin.readline())
    file, nothing = os.dup(1), os.open(os.devnull, os.O_RDWR)
    from tools import hints, saved

    def load_part(name: str) -> None:
        raise RuntimeError(f"load_part({name!r}) gives nothing while a notebook is graded")

    saved.load_part = load_part
    saved.find_checks(order["name"])
    saved.capture_output = nullcontext  # what is printed goes nowhere below: kept, it would fill the memory
    set_limits(order["walls"])
    for stream in 0, 1, 2:
        os.dup2(nothing, stream)
    channel, path = Channel(file, order["key"]), Path(order["path"])
    channel.send(("begun",))
    with suppress(ValueError):  # judge says it
        channel.send(("hints", hints.worth_reading(path, order["name"])))
    progress.judge(channel, path, order["name"], order["stopped"], order["seeds"])


# ------------------------------------------------------------------------------------------------ the grader's side


def judged_shut_in(
    path: Path, name: str, stopped: dict[str, str], seconds: float, job: Job, end: float, hints: dict[str, str]
) -> Iterator[tuple]:
    """What progress.judge sends, from behind the walls: as progress.judged_apart.
    end: time.monotonic() at which no more is waited   hints: takes what is worth reading, by exercise
    errors: Forged where it tries to write results itself, ValueError where it is not judged to its end"""
    walls = not no_walls()
    words, inside = sandbox(path, job.reference) if walls else ([], path.resolve())
    key = token_hex(16)
    order = {"key": key, "path": str(inside), "name": name, "stopped": dict(stopped)}
    order |= {"walls": walls, "seeds": job.seeds}
    command = [*control_group(), *words, sys.executable, "-c", "from tools.walls import main_of_judge; main_of_judge()"]
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=None if walls else settings(tempfile.gettempdir()),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            start_new_session=True,
        )
        running = None
        try:
            with suppress(BrokenPipeError):  # it has not even started, which is said below
                process.stdin.write(json.dumps(order).encode() + b"\n")
                process.stdin.close()
            for line in lines_of(process, START, seconds, end):
                if line in (NO_END, NO_MEMORY):
                    yield "ended", running or "", progress.NO_END.format(seconds) if line is NO_END else TOO_LARGE
                    return
                if line == NO_TIME:
                    raise ValueError(f"was not judged to its end, as that took more than {job.total:g} seconds")
                kind, *what = opened(line, key)
                if kind == "begun":
                    running = ""
                elif kind == "hints":
                    hints.update(what[0])
                else:
                    if kind == "trying":
                        running = what[0]
                    yield kind, *what
                if kind in ("done", "unread"):
                    return
            if running is None:
                errors.seek(0)
                why = errors.read().decode(errors="replace").strip().splitlines()[-1:]
                raise ValueError(f"is not judged, as Python did not start: {' '.join(why) or 'no reason given'}")
            yield "ended", running, progress.CRASHED
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            process.stdout.close()


def opened(line: bytes, key: str) -> list[Any]:
    """An event that has the judge's key and form. errors: Forged"""
    forms = {
        "begun": [],
        "hints": [dict],
        "trying": [str],
        "result": [str, str, str, str, float],
        "unread": [str],
        "done": [],
    }
    try:
        sent, kind, *what = json.loads(line)
        right = sent == key and [type(word) for word in what] == forms[kind]
        if kind == "result":
            right = right and what[2] in STATES and 0 <= what[4] < 1e6 and max(map(len, what[:4])) <= LONGEST
        if kind == "hints":
            right = right and {type(word) for word in what[0].values()} <= {str}
    except (ValueError, TypeError, LookupError, RecursionError):
        right = False
    if not right:
        raise Forged(FORGED)
    return [kind, *what]


NO_END, NO_MEMORY, NO_TIME = b"no end", b"no memory", b"no time"  # no lines of JSON


def lines_of(process: subprocess.Popen, start: float, seconds: float, end: float) -> Iterator[bytes]:
    """Lines that a process writes until it ends. Where it has to be ended: last, NO_END, NO_MEMORY or NO_TIME.
    start, seconds: for the first line and for each after it   end: time.monotonic() for all"""
    buffer, file, next_end = b"", process.stdout.fileno(), time.monotonic() + start
    while True:
        now = time.monotonic()
        if now > min(next_end, end):
            yield NO_END if now > next_end else NO_TIME
            return
        if memory_of(process.pid) > (MEMORY + 1) * 2**30:
            yield NO_MEMORY
            return
        if not select.select([file], [], [], 0.2)[0]:
            continue
        chunk = os.read(file, 65536)
        buffer += chunk
        if not chunk or len(buffer) > 2**20:
            yield from [buffer] * bool(buffer)
            return
        *lines, buffer = buffer.split(b"\n")
        yield from lines
        if lines:
            next_end = time.monotonic() + seconds
