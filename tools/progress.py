"""How far a saved notebook is: each exercise passed, not yet, not written or taken from the solution.

python -m tools.progress [PART ...]   what make progress runs; exits with 1 if no notebook could be read, else with 0

An exercise that fails is progress, too, and does not change the exit code. A notebook is judged in a process of its
own: where an exercise does not end, that process is ended, and the others are judged in a new one.
"""

import argparse
import multiprocessing
import signal
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator, Sequence, Set
from datetime import datetime
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple

from tools import saved
from tools.saved import NUMBERED, ROOT, YOUR_ANSWER

SECONDS = 30  # for one exercise; a check takes less than one
WIDTH = 100

PASSED, NOT_YET, NOT_WRITTEN, TAKEN = "passed", "not yet", "not written", "from the solution"
ANSWERED, NOT_ANSWERED = "answered", "not answered"  # a written question, which no check can judge

NO_END = "It did not end within {:g} seconds, so it was stopped.\nIs there a loop that never ends?"
INTERRUPTED = "It was interrupted."
CRASHED = "Python itself ended while it was tried.\nDoes it ask for more memory than there is, or end the process?"
SAVE_FIRST = "Only what is saved counts. If you have changed something since, save the notebook and run this again."
NOT_JUDGED = "cannot be judged, something outside its functions does not end.\nIs there a loop right in a class?"
NOT_READ = f"cannot be judged, something outside its functions is in the way. {CRASHED}"
BEGIN_ANEW = "To begin anew, move away what is there, if anything is, then make build."


class Result(NamedTuple):
    number: str  # "1.4"
    name: str  # "q_eq4"; of a written question, its title
    state: str  # one of the six above
    message: str = ""  # why it has not passed: facts and question
    seconds: float = 0.0  # that judging it took; 0 where that was ended


# ------------------------------------------------------------------------------------------------ judging


def grade(
    path: Path,
    name: str = "",
    seconds: float = SECONDS,
    show: Callable[[Result], None] = lambda _: None,
    judged: Callable[..., Iterator[tuple]] | None = None,
) -> list[Result]:
    """A result for each exercise and each written question of a saved notebook, in order.
    name: of the part, else that of the file   seconds: for one exercise   show: gets each result once it is known
    judged: what runs judge in a process of its own, like judged_apart
    errors: ValueError that says why the notebook cannot be judged, and in a second line what to do"""
    results: dict[str, Result] = {}
    stopped: dict[str, str] = {}  # the exercises that do not end, and why they were ended
    while True:
        for kind, *what in (judged or judged_apart)(path, name or path.stem, stopped, seconds):
            match kind:
                case "result" if what[0] not in results:
                    results[what[0]] = Result(*what)
                    show(results[what[0]])
                case "unread":
                    raise ValueError(f"{what[0]}.\n{BEGIN_ANEW}")
                case "ended":
                    running, why = what
                    if not running or running in stopped:
                        told = NOT_READ if why == CRASHED else NOT_JUDGED
                        raise ValueError(f"{path.parent.name}/{path.name} {told}")
                    stopped[running] = why
                case "done":
                    return list(results.values())


def judged_apart(path: Path, name: str, stopped: dict[str, str], seconds: float) -> Iterator[tuple]:
    """What judge sends from a process of its own. If that has to be ended: last, ("ended", exercise, why)."""
    context = multiprocessing.get_context("spawn")
    reader, writer = context.Pipe(duplex=False)
    process = context.Process(target=judge, args=(writer, path, name, stopped), daemon=True)
    process.start()
    writer.close()
    running = None  # while PyTorch is imported, which may take long; then the exercise that is tried
    try:
        while running is None or reader.poll(seconds):
            kind, *what = reader.recv()
            if kind == "trying":
                running = what[0]
            yield kind, *what
            if kind in ("done", "unread"):
                return
        yield "ended", running, NO_END.format(seconds)
    except EOFError:
        if running is None:
            raise RuntimeError("the process that judges the notebook did not start: see its error above") from None
        yield "ended", running, CRASHED
    except KeyboardInterrupt:  # the stop button or Ctrl-C ends this exercise, and the others are still tried
        if not running:
            raise
        yield "ended", running, INTERRUPTED
    finally:
        process.kill()
        process.join()


def judge(connection: Connection, path: Path, name: str, stopped: dict[str, str], seeds: Sequence[int] = (0,)) -> None:
    """Judge a notebook, and send ("trying", exercise), ("result", fields of a Result ...), ("unread", why), ("done",).
    The exercise is empty while the cells are read. seeds: under each of which an exercise has to pass"""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that waits for this one
    from tqdm import tqdm  # slow, and not needed in that process

    tqdm.set_lock(threading.RLock())  # its own is for several processes, and Python warns when one of them is ended

    states = {"": PASSED, saved.NOT_WRITTEN: NOT_WRITTEN, saved.MISSING: NOT_WRITTEN, saved.CHOSEN: TAKEN}
    try:
        answers = written_answers(saved.read_notebook(path), saved.read_notebook(ROOT / "solutions" / f"{name}.ipynb"))
    except ValueError as error:
        connection.send(("unread", str(error)))
        return
    saved.find_checks(name)  # which imports them and PyTorch, and takes longest where nothing is cached
    connection.send(("trying", ""))

    def tell(what: str | saved.Verdict) -> None:
        if isinstance(what, str):
            connection.send(("trying", what))
            return
        while answers and in_order(answers[0].number) < in_order(what.number):
            connection.send(("result", *answers.pop(0)))
        state = states.get(what.reason, NOT_YET)
        connection.send(("result", what.number, what.name, state, what.message, what.seconds))

    saved.load(name, path, tell, stopped, seeds)
    for answer in answers:
        connection.send(("result", *answer))
    connection.send(("done",))


def written_answers(cells: list, solved: list) -> list[Result]:
    """Which written questions are answered. cells, solved: of the learner's and of the solved notebook"""
    results = []
    for (number, title), text in written_texts(cells, solved).items():
        message = "Its cell is not in the notebook. Was it deleted?" if text is None else ""
        results.append(Result(number, title, ANSWERED if text else NOT_ANSWERED, message))
    return results


def written_texts(cells: list, solved: list) -> dict[tuple[str, str], str | None]:
    """By number and title of each written question, what stands in its cell; None where there is no such cell."""
    texts = {cell.grade_id or cell.id: cell.source for cell in cells if cell.kind == "markdown"}  # given ones: id alone
    given = {cell.source.replace("](../notebooks/", "](").strip() for cell in solved if not cell.grade_id}
    found, heading = {}, None
    for cell in solved:
        heading = NUMBERED.match(cell.source) or heading
        if cell.kind == "markdown" and cell.grade_id:
            text = texts.get(cell.grade_id)
            if text is None:  # a tool has taken the ids off, or it is written into a new cell
                text = text_below(cells, heading[1], given)
            found[heading.groups()] = text if text is None else text.replace(YOUR_ANSWER, "").strip()
    return found


def text_below(cells: list, number: str, given: Set[str]) -> str | None:
    """What a learner has written below the heading of an exercise; None where there is nothing, or no such heading."""
    own, inside = [], False
    for cell in [cell for cell in cells if cell.kind == "markdown"]:
        heading = NUMBERED.match(cell.source)
        if heading or cell.source.startswith("## "):
            inside = bool(heading) and heading[1] == number
        elif inside and cell.source.strip() not in given and not cell.source.startswith("<details>"):
            own.append(cell.source)
    return "\n\n".join(own) or None


def in_order(number: str) -> list[int]:
    return [int(digits) for digits in number.split(".")]


# ------------------------------------------------------------------------------------------------ showing


def show_progress(name: str, seconds: float = SECONDS) -> None:
    """Print how far a learner's saved part is, for the end of its notebook. name: "part1_diffusion" """
    if show_part(name, seconds):
        print(SAVE_FIRST)


def show_part(name: str, seconds: float = SECONDS) -> bool:
    """Print how far a learner's saved part is, as it comes to light. returns: whether the notebook could be judged"""
    path, part = saved.find_saved(name), f"Part {name.removeprefix('part').split('_')[0]}"
    other = saved.other_name(name, path)
    about = ""
    if path.is_file():
        about = f", {path.parent.name}/{path.name}, saved {when(path.stat().st_mtime)}. Checking takes up to a minute."
    print(f"{part}{about}\n{other}\n" if other else f"{part}{about}\n", flush=True)
    try:
        results = grade(path, name, seconds, show_result)
    except ValueError as error:
        what, _, remedy = str(error).partition("\n")
        lines = [f"Nothing to show: {what}", *[remedy] * (remedy != "" and not other)]
        print(textwrap.indent("\n".join(lines), "  ") + "\n")
        return False
    print(f"\n{part}: {summary(results)}\n")
    return True


def show_result(result: Result) -> None:
    lines = [f"  {result.number:6}{result.name:30}{result.state}"]
    for line in result.message.splitlines():
        lines += textwrap.wrap(line.strip(), WIDTH, initial_indent=" " * 8, subsequent_indent=" " * 8)
    print("\n".join(lines), flush=True)


def summary(results: list[Result]) -> str:
    """How many have passed: "5 of 9 exercises passed, 1 from the solution; 1 of 3 questions answered"."""
    states = [result.state for result in results]
    questions = states.count(ANSWERED) + states.count(NOT_ANSWERED)
    text = f"{states.count(PASSED)} of {len(states) - questions} exercises passed"
    if taken := states.count(TAKEN):
        text += f", {taken} from the solution"
    if questions:
        text += f"; {states.count(ANSWERED)} of {questions} question{'s'[: questions != 1]} answered"
    return text


def when(then: float, now: float | None = None) -> str:
    """A time in the past, "3 minutes ago (4 May 2026, 14:05)". then, now: seconds since 1970"""
    gone = (time.time() if now is None else now) - then
    ago = "just now"
    for unit, size in (("second", 1), ("minute", 60), ("hour", 3600), ("day", 86400)):
        if count := int(max(gone, 0) // size):
            ago = f"{count} {unit}{'s'[: count != 1]} ago"
    moment = datetime.fromtimestamp(then)
    return f"{ago} ({moment.day} {moment:%B %Y, %H:%M})"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", nargs="*", help="these parts only: 1, 2, ...")
    numbers = parser.parse_args(arguments).part
    names = {path.stem.removeprefix("part").split("_")[0]: path.stem for path in ROOT.glob("solutions/part*.py")}
    if unknown := [number for number in numbers if number not in names]:
        print(f"there is no part {unknown[0]}: the parts are {', '.join(sorted(names))}", file=sys.stderr)
        return 1
    judged = [show_part(names[number]) for number in numbers or sorted(names)]
    if any(judged):
        print(SAVE_FIRST)
    return 0 if any(judged) else 1


if __name__ == "__main__":
    sys.exit(main())
