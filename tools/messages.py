"""The messages of all wrong answers, in one table to read: python -m tools.messages [PART ...] > messages.md"""

import sys
from collections.abc import Callable

from tests.answers import answers
from tools.saved import ROOT, find_checks


def message(check: Callable, answer: Callable) -> str:
    try:
        check(answer)
    except Exception as error:
        return str(error) if isinstance(error, AssertionError) else f"{type(error).__name__}: {error}"
    return "ACCEPTED"


def main() -> None:
    sys.stdout.reconfigure(encoding="utf-8")  # on Windows, too
    for path in sorted((ROOT / "solutions").glob("part*.py")):
        part = path.stem.split("_")[0]
        if sys.argv[1:] and part.removeprefix("part") not in sys.argv[1:]:
            continue
        for name, check in find_checks(path.stem).items():
            print(f"\n## {check.number} {name}\n\n| mistake | message |\n|---|---|")
            for answer in answers(part, name):
                if answer.diagnosis is not None:
                    said = message(check, answer).replace("|", "\\|").replace("\n", "<br>")
                    print(f"| {answer.__name__.lstrip('_')} | {said} |", flush=True)


if __name__ == "__main__":
    main()
