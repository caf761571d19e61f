"""The check of 3.5 learning_rate.

A mistake is the two lines with a part replaced: the rise to the peak, the fall after it, or what they are given.
"""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from math import cos, pi, sin, sqrt

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


FALL_PARENTHESES = "You divide before you subtract. Mind the parentheses of the fall."
RATE_MISTAKES = [
    ("You come one step late with all values. Steps are counted from 1.", two_lines(step=lambda n: n - 1)),
    ("You come one step early with all values. Steps are counted from 1.", two_lines(step=lambda n: n + 1)),
    (
        "You begin with a rate of 0. Steps are counted from 1, so the first one has peak / warmup.",
        two_lines(rise=lambda n, w: (n - 1) / w),
    ),
    (
        "You let it rise from 0 at step 1. It rises from 0 at step 0.",
        two_lines(rise=lambda n, w: (n - 1) / max(1, w - 1)),
    ),
    ("You reach the peak a step early. Steps are counted from 1.", two_lines(rise=lambda n, w: min(1, (n + 1) / w))),
    ("You let the rise come a step early. Steps are counted from 1.", two_lines(rise=lambda n, w: (n + 1) / w)),
    (
        "You begin the rise above 0. It's 0 at step 0, and peak / warmup at step 1.",
        two_lines(rise=lambda n, w: 1 / w + (1 - 1 / w) * n / w),
    ),
    ("You let it rise like a root. A straight line is asked for.", two_lines(rise=lambda n, w: sqrt(n / w))),
    (
        "You let it rise like a sine. A straight line is asked for.",
        two_lines(rise=lambda n, w: sin(pi / 2 * n / w)),
    ),
    ("You let it fall as fast as it rises.", two_lines(fall=lambda n, N, w: 1 - (n - w) / w)),
    ("You square the rise. A straight line is asked for.", two_lines(rise=lambda n, w: (n / w) ** 2)),
    (
        "You let it rise like a cosine. A straight line is asked for.",
        two_lines(rise=lambda n, w: (1 - cos(pi * n / w)) / 2),
    ),
    (
        "You go on with the rise one step beyond warmup.",
        lambda n, N, p, w: p * n / w if n <= w + 1 else p * (N - n) / (N - w),
    ),
    (
        "You begin the fall before step warmup.",
        lambda n, N, p, w: p * n / w if n < w - 1 else p * (N - n) / (N - w),
    ),
    ("You put the peak in the middle. It's at step warmup.", lambda n, N, p, w: p * (1 - abs(2 * n / N - 1))),
    (
        "You divide the rise by warmup + 1. It reaches the peak at step warmup.",
        two_lines(rise=lambda n, w: n / (w + 1)),
    ),
    (
        "You count steps from 0, as in (step + 1) / (warmup + 1). Here the first one is step 1.",
        two_lines(rise=lambda n, w: (n + 1) / (w + 1)),
    ),
    (
        "You let it fall like a cosine, without its π. A straight line is asked for.",
        two_lines(fall=lambda n, N, w: (1 + cos((n - w) / (N - w))) / 2),
    ),
    (
        "You let it fall like a cosine that isn't halved. A straight line is asked for.",
        two_lines(fall=lambda n, N, w: 1 + cos(pi * (n - w) / (N - w))),
    ),
    ("The first value is right. Where do the next ones grow?", two_lines(rise=lambda n, w: 1 / w)),
    ("Where is the warm-up? It begins at the peak and stays there.", two_lines(rise=lambda n, w: 1)),
    ("You keep it at 0 in the warm-up, or // rounds it down.", two_lines(rise=lambda n, w: 0)),
    ("You round the rise down with //.", two_lines(rise=lambda n, w: n // w)),
    ("Where is the rise divided by its number of steps?", two_lines(rise=lambda n, w: n)),
    (
        "You let the rise take all steps. It takes warmup of them.",
        lambda n, N, p, w: p * n / N if n <= w else p * (N - n) / (N - w),
    ),
    ("Where is the warm-up? The fall alone begins above the peak.", lambda n, N, p, w: p * (N - n) / (N - w)),
    ("Where is the warm-up? It falls all the way from step 0.", two_lines(warmup=lambda w: 0)),
    ("Where is the warm-up? It falls all the way from step 1.", two_lines(warmup=lambda w: 1)),
    ("You take a fixed number. Where is warmup?", two_lines(warmup=lambda w: 100)),
    ("You take a fixed number. Where is total_steps?", two_lines(fall=lambda n, N, w: (1000 - n) / (1000 - w))),
    ("Where is peak?", two_lines(peak=lambda p: 1)),
    ("You take a fixed number. Where is peak?", two_lines(peak=lambda p: 0.002)),
    ("Where is peak in the rise?", lambda n, N, p, w: n / w if n <= w else p * (N - n) / (N - w)),
    ("Where is peak in the fall?", lambda n, N, p, w: p * n / w if n <= w else (N - n) / (N - w)),
    ("Where does it fall after the warm-up?", two_lines(fall=lambda n, N, w: 1)),
    ("Where does it fall before the last step?", two_lines(fall=lambda n, N, w: n < N)),
    ("You drop to 0 right after the peak, or // rounds it down.", two_lines(fall=lambda n, N, w: 0)),
    ("Where is the fall divided by its number of steps?", two_lines(fall=lambda n, N, w: N - n)),
    ("You divide the fall by the number of steps of the rise.", two_lines(fall=lambda n, N, w: (N - n) / w)),
    (
        "You subtract the wrong way round, so the fall is below 0. step is never larger than total_steps.",
        two_lines(fall=lambda n, N, w: (n - N) / (N - w)),
    ),
    ("You turn the fraction of the rise upside down.", two_lines(rise=lambda n, w: w / n)),
    ("You divide by step in the rise. peak is multiplied by it.", two_lines(rise=lambda n, w: 1 / n)),
    ("Where is the rise divided by warmup, and where does it fall?", lambda n, N, p, w: p * n),
    ("You let it rise over all steps. It has a peak on the way.", lambda n, N, p, w: p * n / N),
    ("Where is the fall multiplied by peak?", lambda n, N, p, w: p * n / w if n <= w else p - (n - w) / (N - w)),
    (
        "You measure the fall from step 0. It begins at the peak, at step warmup.",
        lambda n, N, p, w: p * min(n / w, (N - n) / N),
    ),
    ("You divide the fall by one step too many.", two_lines(fall=lambda n, N, w: (N - n) / (N - w + 1))),
    ("You let it rise beyond the peak. Where does it fall?", two_lines(fall=lambda n, N, w: n / w)),
    (
        "You let it drop and rise again. Which share of the fall is still to come?",
        two_lines(fall=lambda n, N, w: (n - w) / (N - w)),
    ),
    ("You reach 0 one step after the last one.", two_lines(fall=lambda n, N, w: (N + 1 - n) / (N + 1 - w))),
    ("You let the whole fall come one step late.", two_lines(fall=lambda n, N, w: (N + 1 - n) / (N - w))),
    (
        "You let the peak last for two steps. How long is the fall?",
        two_lines(fall=lambda n, N, w: (N - n) / max(1, N - w - 1)),
    ),
    ("You reach 0 one step before the last one.", two_lines(fall=lambda n, N, w: (N - 1 - n) / max(1, N - 1 - w))),
    ("You let the whole fall come one step early.", two_lines(fall=lambda n, N, w: (N - 1 - n) / (N - w))),
    (
        "You divide the fall by total_steps, so it jumps after the peak. How many steps follow the peak?",
        two_lines(fall=lambda n, N, w: (N - n) / N),
    ),
    (
        "You divide the fall by total_steps, so it isn't 0 at the end. How many steps follow the peak?",
        two_lines(fall=lambda n, N, w: 1 - (n - w) / N),
    ),
    ("You take warmup away from the steps that are left, too.", two_lines(fall=lambda n, N, w: (N - n - w) / (N - w))),
    ("You begin the fall at step 0, which cuts off the peak.", lambda n, N, p, w: p * min(1, n / w) * (N - n) / N),
    ("You multiply both lines. One holds at a time.", lambda n, N, p, w: p * n / w * (N - n) / (N - w)),
    ("You multiply both lines. One holds at a time.", lambda n, N, p, w: p * min(1, n / w) * (N - n) / (N - w)),
    ("You swap the two lines, or take the higher one.", lambda n, N, p, w: p * max(n / w, (N - n) / (N - w))),
    (
        "You let it fall like a cosine. A straight line is asked for.",
        two_lines(fall=lambda n, N, w: (1 + cos(pi * (n - w) / (N - w))) / 2),
    ),
    (
        "You let it fall like a quarter of a cosine. A straight line is asked for.",
        two_lines(fall=lambda n, N, w: cos(pi / 2 * (n - w) / (N - w))),
    ),
    ("You square the fall. A straight line is asked for.", two_lines(fall=lambda n, N, w: ((N - n) / (N - w)) ** 2)),
    ("You divide the fall by the step. A straight line is asked for.", two_lines(fall=lambda n, N, w: w / n)),
    (
        "You divide the fall by the root of the step. A straight line is asked for.",
        two_lines(fall=lambda n, N, w: sqrt(w / n)),
    ),
    (
        "You divide with //, which gives whole numbers.",
        two_lines(lambda n, w: n // w, lambda n, N, w: (N - n) // (N - w)),
    ),
    (
        "You round to a whole number, as // does.",
        lambda n, N, p, w: p * n // w if n <= w else p * (N - n) // (N - w),
    ),
    (FALL_PARENTHESES, lambda n, N, p, w: p * n / w if n <= w else p * (N - n) / N - w),
    (FALL_PARENTHESES, lambda n, N, p, w: p * n / w if n <= w else p * N - n / (N - w)),
    (FALL_PARENTHESES, lambda n, N, p, w: p * n / w if n <= w else p * N - n / N - w),
]


def rate_of(answer: Callable, n: int, N: int, peak: float, w: int) -> object:
    try:
        return careful(answer)(n, N, peak, w)
    except ZeroDivisionError:
        question = "You divide by a number of steps that can be 0, as total_steps - step is at the end."
        raise Mistake(f"learning_rate({n}, {N}, peak={peak}, warmup={w}) divides by 0", question) from None


def as_rate(result: object, call: str) -> float:
    """A number in any of its forms: a float, a NumPy scalar, a tensor of one number."""
    if result is None:
        raise Mistake(f"{call} returns None", "Where does each way through the function end in a return?")
    if isinstance(result, t.Tensor | np.ndarray) and len(result.reshape(-1)) == 1:
        result = result.item()
    if isinstance(result, t.Tensor | np.ndarray) or not hasattr(result, "__float__"):
        raise Mistake(
            f"{call} returns {kind(result)}, expected one number",
            "You return more than one number. Which is that of this step?",
        )
    return float(result)


def rate_question(course: Sequence[float], N: int, peak: float, w: int) -> str:
    """Of the first mistake with this course, as it is or stopped at 0; or of one in the rise and one in the fall."""
    steps = range(1, N + 1)

    def values(made: Callable) -> list[float]:
        return [made(n, N, peak, w) for n in steps]

    right = values(two_lines())

    def fits(mistake: Callable, part: slice = slice(None)) -> bool:
        wrong = values(mistake)[part]
        return any(np.allclose(course[part], c, rtol=0, atol=1e-4 * peak) for c in (wrong, np.maximum(wrong, 0)))

    if question := recognise(RATE_MISTAKES, fits):
        return question
    if np.isnan(course).any():
        return "You divide 0 by 0."
    if np.allclose(course, (as_if := course[0] / right[0]) * np.array(right), rtol=1e-4, atol=1e-4 * abs(course[0])):
        return f"All rates are those of a peak of {as_if * peak:.4g}. Where is the peak that is given?"
    if np.allclose(course, np.maximum(right, min(course)), rtol=1e-4):
        return "You keep a lowest rate. At the last step it's 0."
    if any(are_rounded(np.array(course), np.array(right), 10.0**-digits) for digits in range(9)):
        return "You round them."
    if sum(one == other for one, other in pairwise(course)) > N / 2:
        return "You change it in stairs. Each step has a rate of its own."
    rise, fall, wholly = slice(0, w), slice(w, N), two_lines()
    parts = [
        (
            rise,
            fall,
            rise_question,
            "You have the fall right. Where is the line from 0 at step 0 to peak at step warmup?",
        ),
        (
            fall,
            rise,
            fall_question,
            "You have the rise right. Where is the line from peak at step warmup to 0 at the last step?",
        ),
    ]
    found = []
    for part, other, of_shape, alone in parts:
        if not fits(wholly, part):
            rows = [(q, made) for q, made in RATE_MISTAKES if np.allclose(values(made)[other], right[other])]
            found.append(
                recognise(rows, partial(fits, part=part)) or of_shape(course, peak, w) or alone * fits(wholly, other)
            )
    return " ".join(filter(None, found))


def are_rounded(course: np.ndarray, right: np.ndarray, unit: float) -> bool:
    """Whether all are multiples of a unit, next to what is right."""
    whole = np.abs(course / unit - np.round(course / unit)).max() < 1e-4
    return bool(whole and np.abs(course - right).max() <= 1.001 * unit)


def is_straight(rates: Sequence[float], peak: float) -> bool:
    return len(rates) > 2 and np.ptp(np.diff(rates)) < 1e-4 * peak


def rise_question(course: Sequence[float], peak: float, w: int) -> str:
    rise = course[:w]
    if is_straight(rise, peak):
        ends = f"{2 * rise[0] - rise[1]:.3g} at step 0 to {rise[-1]:.3g} at step {w}"
        return f"You rise from {ends}. It rises from 0 to peak."
    if len(rise) > 2 and all(a < b for a, b in pairwise([0, *rise])):
        return "You let the rise bend. A straight line is asked for."
    return ""


def fall_question(course: Sequence[float], peak: float, w: int) -> str:
    fall = course[w - 1 :]
    if sum(abs(rate - peak) < 1e-4 * peak for rate in fall) > 1:
        return "You hold the peak for some steps. The fall begins right after step warmup."
    if is_straight(fall, peak) and fall[-1] > 0:
        return f"You end the fall at {fall[-1]:.3g}. At the last step it's 0."
    if 0 not in fall and np.ptp([b / a for a, b in pairwise(fall)]) < 1e-4:
        return "You multiply each rate after the peak by the same factor. A straight line falls by the same amount."
    if len(fall) > 3 and abs(fall[-1]) < 1e-4 * peak and all(a > b for a, b in pairwise(fall)):
        return "You let the fall bend. A straight line is asked for."
    return ""


@check("3.5", mistakes=RATE_MISTAKES)
def check_learning_rate(answer: Callable) -> str:
    # few steps, so that a learner can redo the sums; the shortest warm-up and fall; many steps, where stairs show
    drawn = (t.randint(7, 10, ()).item(), t.randint(3, 9, ()).item() / 10, t.randint(2, 5, ()).item())
    for N, peak, w in [(8, 0.9, 3), (5, 2.0, 1), (6, 0.01, 5), drawn, (130, 0.002, 48)]:
        calls = [f"learning_rate({n}, {N}, peak={peak}, warmup={w})" for n in range(1, N + 1)]
        course = [as_rate(rate_of(answer, n, N, peak, w), call) for n, call in enumerate(calls, 1)]
        for n, call, rate in zip(range(1, N + 1), calls, course, strict=True):
            right = two_lines()(n, N, peak, w)
            if not abs(rate - right) <= 1e-4 * peak:  # nan, too, is wrong
                facts = f"{call} is {rate:.6g}, expected {right:.6g}"
                shown, last = (course, N) if N < 10 else (course[:8], 8)
                facts += f".\nSteps 1, 2, …, {last} get {numbers(t.tensor(shown))}"
                raise Mistake(facts, rate_question(course, N, peak, w))
    return "the rise, the peak, the fall to 0, short and long"
