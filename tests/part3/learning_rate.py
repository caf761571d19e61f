"""The check of 3.5 learning_rate.

A mistake is the two lines with a part replaced: the rise to the peak, the fall after it, or what they are given.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise
from math import cos, pi, sqrt

import numpy as np
import torch as t

from tests.checking import Mistake, careful, check, kind, numbers, recognise


def two_lines(
    rise: Callable = lambda n, w: n / w,
    fall: Callable = lambda n, N, w: (N - n) / (N - w),
    step: Callable = lambda n: n,
    peak: Callable = lambda p: p,
    warmup: Callable = lambda w: w,
) -> Callable:
    def rate(n: int, N: int, p: float, w: int) -> float:
        n, p, w = step(n), peak(p), warmup(w)
        return p * (rise(n, w) if n <= w else fall(n, N, w))

    return rate


FALL_PARENTHESES = "Mind the parentheses of the fall. What is subtracted before it is divided?"
RATE_MISTAKES = [
    ("Steps are counted from 1. Do all values come one step late?", two_lines(step=lambda n: n - 1)),
    ("Steps are counted from 1. Do all values come one step early?", two_lines(step=lambda n: n + 1)),
    ("Steps are counted from 1. Is the first rate 0?", two_lines(rise=lambda n, w: (n - 1) / w)),
    ("Is the rise from 0 at step 1? It is from 0 at step 0.", two_lines(rise=lambda n, w: (n - 1) / max(1, w - 1))),
    ("Steps are counted from 1. Is the peak a step early?", two_lines(rise=lambda n, w: min(1, (n + 1) / w))),
    ("Steps are counted from 1. Does the rise come a step early?", two_lines(rise=lambda n, w: (n + 1) / w)),
    ("Does the rise begin with peak / warmup at step 0?", two_lines(rise=lambda n, w: 1 / w + (1 - 1 / w) * n / w)),
    ("Is the rise a root? A straight line is asked for.", two_lines(rise=lambda n, w: sqrt(n / w))),
    ("Is the rise squared? A straight line is asked for.", two_lines(rise=lambda n, w: (n / w) ** 2)),
    ("Is the rise a cosine? A straight line is asked for.", two_lines(rise=lambda n, w: (1 - cos(pi * n / w)) / 2)),
    (
        "Does the rise go on one step beyond warmup?",
        lambda n, N, p, w: p * n / w if n <= w + 1 else p * (N - n) / (N - w),
    ),
    (
        "Does the fall begin before step warmup?",
        lambda n, N, p, w: p * n / w if n < w - 1 else p * (N - n) / (N - w),
    ),
    ("Is the peak in the middle? It is at step warmup.", lambda n, N, p, w: p * (1 - abs(2 * n / N - 1))),
    ("At which step does the rise reach the peak?", two_lines(rise=lambda n, w: n / (w + 1))),
    ("The first value is right. Do the next ones grow?", two_lines(rise=lambda n, w: 1 / w)),
    ("Is there a warm-up? It begins at the peak and stays there.", two_lines(rise=lambda n, w: 1)),
    ("Is it 0 in the warm-up, or rounded down by //?", two_lines(rise=lambda n, w: 0)),
    ("Is the rise rounded down by //?", two_lines(rise=lambda n, w: n // w)),
    ("Is the rise divided by its number of steps?", two_lines(rise=lambda n, w: n)),
    ("Does the rise take warmup steps, or all?", lambda n, N, p, w: p * n / N if n <= w else p * (N - n) / (N - w)),
    ("Is there a warm-up? The fall alone begins above the peak.", lambda n, N, p, w: p * (N - n) / (N - w)),
    ("Is there a warm-up? It falls all the way from step 0.", two_lines(warmup=lambda w: 0)),
    ("Is there a warm-up? It falls all the way from step 1.", two_lines(warmup=lambda w: 1)),
    ("Is warmup used, or a fixed number?", two_lines(warmup=lambda w: 100)),
    ("Is total_steps used, or a fixed number?", two_lines(fall=lambda n, N, w: (1000 - n) / (1000 - w))),
    ("Is peak used?", two_lines(peak=lambda p: 1)),
    ("Is peak used, or a fixed number?", two_lines(peak=lambda p: 0.002)),
    ("Is peak used in the rise, too?", lambda n, N, p, w: n / w if n <= w else p * (N - n) / (N - w)),
    ("Is peak used in the fall, too?", lambda n, N, p, w: p * n / w if n <= w else (N - n) / (N - w)),
    ("Does it fall after the warm-up?", two_lines(fall=lambda n, N, w: 1)),
    ("Does it fall before the last step?", two_lines(fall=lambda n, N, w: n < N)),
    ("Is it 0 right after the peak, or rounded down by //?", two_lines(fall=lambda n, N, w: 0)),
    ("Is the fall divided by its number of steps?", two_lines(fall=lambda n, N, w: N - n)),
    ("Is the fall divided by the number of steps of the rise?", two_lines(fall=lambda n, N, w: (N - n) / w)),
    (
        "The fall is below 0. Is step larger than total_steps?",
        two_lines(fall=lambda n, N, w: (n - N) / (N - w)),
    ),
    ("Is the fraction of the rise upside down?", two_lines(rise=lambda n, w: w / n)),
    ("Is the rise divided by warmup, and where does it fall?", lambda n, N, p, w: p * n),
    ("Is that one rise over all steps? It has a peak on the way.", lambda n, N, p, w: p * n / N),
    ("Is the fall multiplied by peak?", lambda n, N, p, w: p * n / w if n <= w else p - (n - w) / (N - w)),
    (
        "Is the fall measured from step 0? It begins at the peak, at step warmup.",
        lambda n, N, p, w: p * min(n / w, (N - n) / N),
    ),
    ("Is the fall divided by one step too many?", two_lines(fall=lambda n, N, w: (N - n) / (N - w + 1))),
    ("Does the rise end at the peak?", two_lines(fall=lambda n, N, w: n / w)),
    (
        "It drops and rises again. How much is still to come?",
        two_lines(fall=lambda n, N, w: (n - w) / (N - w)),
    ),
    ("Would it be 0 one step after the last one?", two_lines(fall=lambda n, N, w: (N + 1 - n) / (N + 1 - w))),
    ("Does the whole fall come one step late?", two_lines(fall=lambda n, N, w: (N + 1 - n) / (N - w))),
    (
        "The peak lasts for two steps. How long is the fall?",
        two_lines(fall=lambda n, N, w: (N - n) / max(1, N - w - 1)),
    ),
    ("Is it 0 one step before the last one?", two_lines(fall=lambda n, N, w: (N - 1 - n) / max(1, N - 1 - w))),
    ("Does the whole fall come one step early?", two_lines(fall=lambda n, N, w: (N - 1 - n) / (N - w))),
    (
        "It jumps after the peak. How many steps follow the peak?",
        two_lines(fall=lambda n, N, w: (N - n) / N),
    ),
    (
        "It is not 0 at the end. How many steps follow the peak?",
        two_lines(fall=lambda n, N, w: 1 - (n - w) / N),
    ),
    ("Is warmup taken away from the steps that are left, too?", two_lines(fall=lambda n, N, w: (N - n - w) / (N - w))),
    ("Does the fall begin at step 0, and cut off the peak?", lambda n, N, p, w: p * min(1, n / w) * (N - n) / N),
    ("Are both lines multiplied? One holds at a time.", lambda n, N, p, w: p * n / w * (N - n) / (N - w)),
    ("Is it the higher one of the two lines?", lambda n, N, p, w: p * max(n / w, (N - n) / (N - w))),
    (
        "Is the fall a cosine? A straight line is asked for.",
        two_lines(fall=lambda n, N, w: (1 + cos(pi * (n - w) / (N - w))) / 2),
    ),
    (
        "Is the fall a quarter of a cosine? A straight line is asked for.",
        two_lines(fall=lambda n, N, w: cos(pi / 2 * (n - w) / (N - w))),
    ),
    ("Is the fall squared? A straight line is asked for.", two_lines(fall=lambda n, N, w: ((N - n) / (N - w)) ** 2)),
    ("Is the fall divided by the step? A straight line is asked for.", two_lines(fall=lambda n, N, w: w / n)),
    (
        "Is the fall divided by the root of the step? A straight line is asked for.",
        two_lines(fall=lambda n, N, w: sqrt(w / n)),
    ),
    (
        "Is it divided with //? That gives whole numbers.",
        two_lines(lambda n, w: n // w, lambda n, N, w: (N - n) // (N - w)),
    ),
    (
        "Is it rounded to a whole number, as // does?",
        lambda n, N, p, w: p * n // w if n <= w else p * (N - n) // (N - w),
    ),
    (FALL_PARENTHESES, lambda n, N, p, w: p * n / w if n <= w else p * (N - n) / N - w),
    (FALL_PARENTHESES, lambda n, N, p, w: p * n / w if n <= w else p * N - n / (N - w)),
    (FALL_PARENTHESES, lambda n, N, p, w: p * n / w if n <= w else p * N - n / N - w),
]


def as_rate(result: object, call: str) -> float:
    """A number in any of its forms: a float, a NumPy scalar, a tensor of one number."""
    if result is None:
        raise Mistake(f"{call} returns None", "Does each way through the function end in a return?")
    if isinstance(result, t.Tensor | np.ndarray) and len(result.reshape(-1)) == 1:
        result = result.item()
    if isinstance(result, t.Tensor | np.ndarray) or not hasattr(result, "__float__"):
        raise Mistake(f"{call} returns {kind(result)}, expected one number", "Which number is that of this step?")
    return float(result)


def rate_question(course: Sequence[float], steps: Sequence[int], N: int, peak: float, w: int) -> str:
    """Of the first mistake with this course, as it is or stopped at 0."""

    def fits(mistake: Callable) -> bool:
        wrong = [mistake(n, N, peak, w) for n in steps]
        return any(np.allclose(course, c, rtol=0, atol=1e-4 * peak) for c in (wrong, np.maximum(wrong, 0)))

    if question := recognise(RATE_MISTAKES, fits):
        return question
    after = [rate for n, rate in zip(steps, course, strict=True) if n >= w]
    if len(after) > 2 and 0 not in after and np.ptp([b / a for a, b in pairwise(after)]) < 1e-4:
        return "After the peak, each is the same part of the one before. Does a straight line do that?"
    right = [two_lines()(n, N, peak, w) for n in steps]
    if np.isnan(course).any():
        return "Is 0 divided by 0?"
    if any(np.allclose(course, np.round(right, digits), rtol=1e-6, atol=1e-9) for digits in range(6)):
        return "Are they rounded?"
    if np.allclose(course, np.maximum(right, min(course)), rtol=1e-4):
        return "Is there a lowest rate? At the last step it is 0."
    return ""


@check("3.5", mistakes=RATE_MISTAKES)
def check_learning_rate(answer: Callable) -> str:
    # few steps, so that a learner can redo the sums; the shortest warm-up and fall; many steps, some of them
    for N, peak, w, stride in [(8, 0.9, 3, 1), (5, 2.0, 1, 1), (6, 0.01, 5, 1), (400, 0.002, 150, 50)]:
        steps = range(stride, N + 1, stride)
        calls = [f"learning_rate({n}, {N}, peak={peak}, warmup={w})" for n in steps]
        course = [as_rate(careful(answer)(n, N, peak, w), call) for n, call in zip(steps, calls, strict=True)]
        for n, call, rate in zip(steps, calls, course, strict=True):
            right = two_lines()(n, N, peak, w)
            if not abs(rate - right) <= 1e-4 * peak:  # nan, too, is wrong
                facts = f"{call} is {rate:.6g}, expected {right:.6g}"
                facts += f".\nSteps {steps[0]}, {steps[1]}, …, {N} get {numbers(t.tensor(course))}"
                raise Mistake(facts, rate_question(course, steps, N, peak, w))
    return "the rise, the peak, the fall to 0, short and long"
