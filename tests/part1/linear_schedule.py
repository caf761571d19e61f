"""The check of 1.2 linear_schedule."""

from collections.abc import Callable
from math import sqrt

import torch as t

from tests.checking import Mistake, check, expect_tensor, numbers, recognise

SCHEDULE_MISTAKES = [
    ("The last value falls short. Is the end included?", lambda T, lo, hi: t.linspace(lo, hi, T + 1)[:-1]),
    ("The first value comes too late. Is the start included?", lambda T, lo, hi: t.linspace(lo, hi, T + 1)[1:]),
    ("Are min_noise and max_noise used?", lambda T, lo, hi: t.linspace(0.0001, 0.02, T)),
    ("It begins at 0. Is min_noise used?", lambda T, lo, hi: t.linspace(0, hi, T)),
    ("It falls. Are the two ends swapped?", lambda T, lo, hi: t.linspace(hi, lo, T)),
    ("The ratios are even. Should the differences be?", lambda T, lo, hi: lo * (hi / lo) ** t.linspace(0, 1, T)),
    (
        "The roots are evenly spaced. Should the variances themselves be?",
        lambda T, lo, hi: t.linspace(sqrt(lo), sqrt(hi), T) ** 2,
    ),
    (
        "These are standard deviations. β is a variance: is there one root too many?",
        lambda T, lo, hi: t.linspace(lo, hi, T).sqrt(),
    ),
    ("These are squares of the variances. Is there one square too many?", lambda T, lo, hi: t.linspace(lo, hi, T) ** 2),
    ("These are 1 - β. Is there one subtraction too many?", lambda T, lo, hi: 1 - t.linspace(lo, hi, T)),
    (
        "These are running products (ᾱ). Does each entry stand for one step?",
        lambda T, lo, hi: (1 - t.linspace(lo, hi, T)).cumprod(0),
    ),
    ("These are running sums. Does each entry stand for one step?", lambda T, lo, hi: t.linspace(lo, hi, T).cumsum(0)),
    ("It never rises. Should every step add the same noise?", lambda T, lo, hi: t.full((T,), lo)),
    ("It never rises. Should every step add the same noise?", lambda T, lo, hi: t.full((T,), hi)),
    ("It never rises. Should every step add the same noise?", lambda T, lo, hi: t.full((T,), (lo + hi) / 2)),
    ("Each step is the whole way. How many gaps share it?", lambda T, lo, hi: lo + (hi - lo) * t.arange(T)),
    ("Is it scaled by 1000 / T? Here β keeps its ends.", lambda T, lo, hi: t.linspace(lo, hi, T) * 1000 / T),
    (
        "It is the beginning of a longer schedule. After how many steps is max_noise reached?",
        lambda T, lo, hi: lo + (hi - lo) * t.arange(T) / 999,
    ),
    (
        "It is the beginning of a longer schedule. After how many steps is max_noise reached?",
        lambda T, lo, hi: lo + (hi - lo) * t.arange(T) / 199,
    ),
    (
        "It begins at 0 and ends short of max_noise. Where does min_noise come in?",
        lambda T, lo, hi: (hi - lo) * t.linspace(0, 1, T),
    ),
    (
        "It ends at both together. How long is the way from min_noise to max_noise?",
        lambda T, lo, hi: lo + t.linspace(0, hi, T),
    ),
]


def question_of(values: t.Tensor, T: int, lo: float, hi: float) -> str:
    gaps, shape = values.diff(), "The steps are not even. Should β rise in a straight line?"
    if gaps.allclose(gaps[:1], atol=1e-4):
        shape = "The steps are even. Are the ends min_noise and max_noise?"
    return recognise(SCHEDULE_MISTAKES, lambda mistake: values.allclose(mistake(T, lo, hi), rtol=1e-3), otherwise=shape)


@check("1.2", mistakes=SCHEDULE_MISTAKES)
def check_linear_schedule(answer: Callable) -> str:
    for T, lo, hi in [(5, 0.1, 0.5), (2, 0.2, 0.6), (200, 0.0001, 0.02), (1000, 0.0001, 0.02)]:
        call = f"linear_schedule({T})" if T > 5 else f"linear_schedule({T}, {lo}, {hi})"
        result = answer(T) if T > 5 else answer(T, lo, hi)
        if isinstance(result, t.Tensor) and result.ndim == 1 and len(result) != T:
            off_by_one = {T + 1: "Is max_steps taken for the number of gaps?", T - 1: "Is one end missing?"}
            question = off_by_one.get(len(result), "Is max_steps used as the count of numbers?")
            raise Mistake(f"{call} gives {len(result)} number{'s'[: len(result) != 1]}, expected {T}", question)
        expect_tensor(result, (T,), call)
        expected = t.linspace(lo, hi, T)
        if result.allclose(expected, rtol=1e-3, atol=1e-7):
            continue
        if T > 5:  # with the other arguments it has been right
            worst = (result - expected).abs().argmax().item()
            facts = f"is {result[worst]:.4g} at step {worst + 1},\nexpected {expected[worst]:.4g}"
            raise Mistake(f"{call} {facts}", "Are the defaults of min_noise and max_noise changed?")
        facts = f"{call} gives {numbers(result)},\nexpected {numbers(expected)}"
        raise Mistake(facts, question_of(result, T, lo, hi))
    return "length, both ends, even steps, its own arguments"
