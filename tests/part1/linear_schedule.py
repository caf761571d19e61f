"""The check of 1.2 linear_schedule."""

from collections.abc import Callable
from math import sqrt

import torch as t

from tests.checking import Mistake, check, expect_tensor, numbers, recognise

SCHEDULE_MISTAKES = [
    ("You stop short of max_noise. Both ends are included.", lambda T, lo, hi: t.linspace(lo, hi, T + 1)[:-1]),
    ("You begin above min_noise. Both ends are included.", lambda T, lo, hi: t.linspace(lo, hi, T + 1)[1:]),
    ("Where are min_noise and max_noise used?", lambda T, lo, hi: t.linspace(0.0001, 0.02, T)),
    ("You begin at 0. Where is min_noise?", lambda T, lo, hi: t.linspace(0, hi, T)),
    ("You swap the two ends, so it falls.", lambda T, lo, hi: t.linspace(hi, lo, T)),
    ("You make the ratios even. The differences should be.", lambda T, lo, hi: lo * (hi / lo) ** t.linspace(0, 1, T)),
    (
        "You space the roots evenly. The variances themselves should be.",
        lambda T, lo, hi: t.linspace(sqrt(lo), sqrt(hi), T) ** 2,
    ),
    (
        "You take a root, which makes standard deviations. β is a variance.",
        lambda T, lo, hi: t.linspace(lo, hi, T).sqrt(),
    ),
    ("You square the variances.", lambda T, lo, hi: t.linspace(lo, hi, T) ** 2),
    ("You give 1 - β, not β itself.", lambda T, lo, hi: 1 - t.linspace(lo, hi, T)),
    (
        "You give running products (ᾱ). Each entry stands for one step.",
        lambda T, lo, hi: (1 - t.linspace(lo, hi, T)).cumprod(0),
    ),
    ("You give running sums. Each entry stands for one step.", lambda T, lo, hi: t.linspace(lo, hi, T).cumsum(0)),
    ("You give every step the same noise. Where does it rise?", lambda T, lo, hi: t.full((T,), lo)),
    ("You give every step the same noise. Where does it rise?", lambda T, lo, hi: t.full((T,), hi)),
    ("You give every step the same noise. Where does it rise?", lambda T, lo, hi: t.full((T,), (lo + hi) / 2)),
    (
        "You rise by all of it in each step. How many gaps share the rise?",
        lambda T, lo, hi: lo + (hi - lo) * t.arange(T),
    ),
    ("You scale by 1000 / T. Here β keeps its ends.", lambda T, lo, hi: t.linspace(lo, hi, T) * 1000 / T),
    (
        "You take the beginning of a longer schedule. This one reaches max_noise after max_steps steps.",
        lambda T, lo, hi: lo + (hi - lo) * t.arange(T) / 999,
    ),
    (
        "You take the beginning of a longer schedule. This one reaches max_noise after max_steps steps.",
        lambda T, lo, hi: lo + (hi - lo) * t.arange(T) / 199,
    ),
    (
        "You take min_noise off the rise. Where is it added?",
        lambda T, lo, hi: (hi - lo) * t.linspace(0, 1, T),
    ),
    (
        "You add the rise to min_noise, but let it be all of max_noise. How far is it from one to the other?",
        lambda T, lo, hi: lo + t.linspace(0, hi, T),
    ),
]


SLACK = 1e-4  # relative: sums in another order differ less, half precision differs more


def question_of(values: t.Tensor, T: int, lo: float, hi: float) -> str:
    gaps, shape = values.diff(), "You make uneven steps. β rises in a straight line."
    if values.allclose(t.linspace(lo, hi, T), rtol=1e-2, atol=6e-5):
        shape = "You round, or compute in half precision."
    elif gaps.allclose(gaps[:1], atol=1e-4):
        shape = "You make even steps, but between other ends than min_noise and max_noise."
    return recognise(
        SCHEDULE_MISTAKES, lambda mistake: values.allclose(mistake(T, lo, hi), rtol=SLACK), otherwise=shape
    )


@check("1.2", mistakes=SCHEDULE_MISTAKES)
def check_linear_schedule(answer: Callable) -> str:
    drawn = int(t.randint(6, 40, ())), round(0.1 + 0.2 * t.rand(()).item(), 3), round(0.5 + 0.4 * t.rand(()).item(), 3)
    for T, lo, hi in [(5, 0.1, 0.5), (2, 0.2, 0.6), drawn, (200, 0.0001, 0.02), (1000, 0.0001, 0.02)]:
        defaults = lo == 0.0001
        call = f"linear_schedule({T})" if defaults else f"linear_schedule({T}, {lo}, {hi})"
        result = answer(T) if defaults else answer(T, lo, hi)
        if isinstance(result, t.Tensor) and result.ndim == 1 and len(result) != T:
            off_by_one = {T + 1: "You take max_steps for the number of gaps.", T - 1: "You leave one end out."}
            question = off_by_one.get(len(result), "Where does max_steps say how many numbers there are?")
            if len(result) == T + 1 and result[1:].allclose(t.linspace(lo, hi, T)):
                question = "You put one more number in front. The first β belongs to step 1."
            raise Mistake(f"{call} gives {len(result)} number{'s'[: len(result) != 1]}, expected {T}", question)
        expect_tensor(result, (T,), call)
        expected = t.linspace(lo, hi, T)
        if result.allclose(expected, rtol=SLACK, atol=1e-8):
            continue
        if T > 5:  # with other arguments it has been right
            worst = (result - expected).abs().argmax().item()
            value, right = numbers(result[worst : worst + 1], expected[worst : worst + 1]), expected[worst : worst + 1]
            facts = f"is {value[1:-1]} at step {worst + 1},\nexpected {numbers(right, result[worst : worst + 1])[1:-1]}"
            question = question_of(result, T, lo, hi)
            if defaults and result.allclose(t.linspace(result[0].item(), result[-1].item(), T), rtol=SLACK):
                question = "You change the defaults of min_noise and max_noise."
            raise Mistake(f"{call} {facts}", question)
        facts = f"{call} gives {numbers(result, expected)},\nexpected {numbers(expected, result)}"
        raise Mistake(facts, question_of(result, T, lo, hi))
    return "length, both ends, even steps, its own arguments"
