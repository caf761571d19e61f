"""The messages of all wrong answers, in one table to read: python -m tools.messages [PART ...] > messages.md"""

import sys

from tests.test_answers import EXERCISES


def message(check, answer) -> str:
    try:
        check(answer)
    except Exception as error:
        return str(error) if isinstance(error, AssertionError) else f"{type(error).__name__}: {error}"
    return "ACCEPTED"


def main() -> None:
    sys.stdout.reconfigure(encoding="utf-8")  # on Windows, too
    for exercise in EXERCISES:
        if sys.argv[1:] and exercise.part.removeprefix("part") not in sys.argv[1:]:
            continue
        print(f"\n## {exercise.check.number} {exercise.name}\n\n| mistake | message |\n|---|---|")
        for answer in exercise.answers:
            if answer.diagnosis is not None:
                said = message(exercise.check, answer).replace("|", "\\|").replace("\n", "<br>")
                print(f"| {answer.__name__.lstrip('_')} | {said} |", flush=True)


if __name__ == "__main__":
    main()
