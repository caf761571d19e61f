"""The messages of all wrong answers, in one table to read: python -m tools.messages [PART ...] > messages.md"""

import sys
from collections.abc import Callable

from tests.answers import answers
from tools.markup import ROOT, find_exercises
from tools.saved import find_checks


def message(check: Callable, answer: Callable) -> str:
    try:
        check(answer)
    except Exception as error:
        notes = getattr(error, "__notes__", [])
        return str(error) if hasattr(error, "mistake") else "\n".join([f"{type(error).__name__}: {error}", *notes])
    return "ACCEPTED"


def main() -> None:
    sys.stdout.reconfigure(encoding="utf-8")  # on Windows, too
    for path in sorted((ROOT / "solutions").glob("part*.py")):
        for exercise in find_exercises(path):
            if exercise.check and (not sys.argv[1:] or exercise.part.removeprefix("part") in sys.argv[1:]):
                check = find_checks(exercise.module)[exercise.name]
                print(f"\n## {exercise.number} {exercise.name}\n\n| mistake | message |\n|---|---|")
                for answer in answers(exercise.part, exercise.name):
                    if answer.diagnosis is not None:
                        said = message(check, answer).replace("|", "\\|").replace("\n", "<br>")
                        print(f"| {answer.__name__.lstrip('_')} | {said} |", flush=True)


if __name__ == "__main__":
    main()
