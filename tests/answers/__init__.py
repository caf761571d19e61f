"""Right and wrong answers to every exercise: what proves its check.

tests/answers/partN/NAME.py holds those of exercise NAME, one function (or class) each. To add one, copy a neighbour:

    @right                            # another way to be right: the check has to accept it
    def as_a_sum(x): ...

    @wrong("You leave the end out.")  # one plausible mistake: the check has to refuse it with these words
    def end_left_out(x): ...
"""

from collections.abc import Callable
from importlib import import_module


def right(answer: Callable) -> Callable:
    answer.diagnosis = None
    return answer


def wrong(diagnosis: str) -> Callable[[Callable], Callable]:
    """diagnosis: words that the check's message must hold; for an error of the answer's own, its type and text"""
    if not isinstance(diagnosis, str) or not diagnosis:
        raise TypeError('say which diagnosis the mistake must get: @wrong("You leave the end out.")')

    def mark(answer: Callable) -> Callable:
        answer.diagnosis = diagnosis
        return answer

    return mark


def answers(part: str, name: str) -> list[Callable]:
    """All marked answers of one exercise, in the order of their file."""
    module = import_module(f"tests.answers.{part}.{name}")
    return [
        thing for thing in vars(module).values() if hasattr(thing, "diagnosis") and thing.__module__ == module.__name__
    ]
