"""The check of 3.2 cosine_schedule.

A mistake is the formula with one part replaced: the share x of a right angle, the curve f of it, or the end, which
makes the result of the betas b, not clipped yet, the curve and max_beta.
"""

from collections.abc import Callable
from functools import partial
from math import pi

import torch as t
import torch.nn.functional as F

from solutions.part1_diffusion import linear_schedule
from tests.checking import Mistake, careful, check, expect_tensor, numbers, recognise


def cosine_share(n: t.Tensor, T: int, s: float) -> t.Tensor:
    return (n / T + s) / (1 + s)


def unclipped_betas(f: t.Tensor) -> t.Tensor:
    return 1 - f[1:] / f[:-1]


def cosine_betas(
    T: int,
    s: float,
    top: float,
    x: Callable = cosine_share,
    f: Callable = lambda x: (x * pi / 2).cos() ** 2,
    end: Callable = lambda b, f, top: b.clamp(max=top),
) -> t.Tensor:
    curve = f(x(t.arange(T + 1, dtype=t.float64), T, s))
    return end(unclipped_betas(curve), curve, top)


ALPHA_BARS = "You return ᾱ. Which share of the variance does a single step take away?"
ALPHAS = "You return what each step keeps. Where is the 1 - ?"
ROOTS = "You return standard deviations, with one root too many. β is a variance."
FIXED = "You clip at a fixed number. Where is max_beta?"
ONE_DIVIDED = "You divide only one of the two ᾱ by f(0)."
ROLLED = "You divide the first one by the last. With roll or index -1, the last value comes round to the front."
PI_BEFORE_SUM = "You divide or multiply a part of the sum alone. Mind the parentheses around n/T + s."
PI_TWICE_HALVED = "You halve π twice, as in π / 2 ** 2 or in (1 + cos) / 2. It's halved once."
COSINE_MISTAKES = [
    ("Where is s?", dict(x=lambda n, T, s: n / T)),
    ("You take a fixed number. Where is s?", dict(x=lambda n, T, s: cosine_share(n, T, 0.008))),
    ("Where is n/T + s divided by 1 + s?", dict(x=lambda n, T, s: n / T + s)),
    ("Where is s added to n/T, too?", dict(x=lambda n, T, s: n / T / (1 + s))),
    ("You subtract s. It's added.", dict(x=lambda n, T, s: (n / T - s) / (1 - s))),
    ("You subtract s. It's added.", dict(x=lambda n, T, s: (n / T - s) / (1 + s))),
    ("You subtract s. It's added.", dict(x=lambda n, T, s: (n / T + s) / (1 - s))),
    ("You multiply n/T by s. It's added.", dict(x=lambda n, T, s: n / T * s / (1 + s))),
    ("You divide s by T, too. n is divided by T before s is added.", dict(x=lambda n, T, s: (n + s) / T / (1 + s))),
    ("You add s to T. It's added to n/T.", dict(x=lambda n, T, s: n / (T + s) / (1 + s))),
    ("You divide s alone by 1 + s. All of n/T + s is.", dict(x=lambda n, T, s: n / T + s / (1 + s))),
    ("You add s twice. Mind the parentheses of 1 + s.", dict(x=lambda n, T, s: n / T + s + s)),
    (PI_BEFORE_SUM, dict(x=lambda n, T, s: n / T * 2 / pi + s / (1 + s))),
    (PI_BEFORE_SUM, dict(x=lambda n, T, s: (n / T + s) * 2 / pi + s)),
    (PI_BEFORE_SUM, dict(x=lambda n, T, s: n / T + s * 2 / pi)),
    ("You multiply by 1 + s. It's divided.", dict(x=lambda n, T, s: (n / T + s) * (1 + s))),
    ("You divide n + s by T + s. It's n/T + s by 1 + s.", dict(x=lambda n, T, s: (n + s) / (T + s))),
    ("You divide n/T by T once more.", dict(x=lambda n, T, s: cosine_share(n / T, T, s))),
    ("Where is n divided by T?", dict(x=lambda n, T, s: (n + s) / (1 + s))),
    ("You let n go from 1 to T + 1. It goes from 0 to T.", dict(x=lambda n, T, s: cosine_share(n + 1, T + 1, s))),
    ("You divide n with //, which gives whole numbers.", dict(x=lambda n, T, s: cosine_share(n // T, 1, s))),
    (
        "You divide by a fixed number. Where is the max_steps that is given?",
        dict(x=lambda n, T, s: cosine_share(n, 1000, s)),
    ),
    ("You divide n by more than T, so the angle ends before π/2.", dict(x=lambda n, T, s: cosine_share(n, T + 1, s))),
    ("You divide n by less than T, so the angle goes beyond π/2.", dict(x=lambda n, T, s: cosine_share(n, T - 1, s))),
    (
        "You come one step early with all of them. The first one begins at n = 0.",
        dict(x=lambda n, T, s: cosine_share(n + 1, T, s)),
    ),
    (
        "You come one step late with all of them. The last one ends at n = T.",
        dict(x=lambda n, T, s: cosine_share(n - 1, T, s)),
    ),
    (
        "Where is the last value of f? From 0 to T there are T + 1.",
        dict(x=lambda n, T, s: cosine_share(n[:-1], T - 1, s)),
    ),
    (
        "You have T + 2 values of f. From 0 to T there are T + 1.",
        dict(x=lambda n, T, s: cosine_share(t.arange(T + 2).double(), T, s)),
    ),
    (
        "You always make 1000 steps. Where is max_steps?",
        dict(x=lambda n, T, s: cosine_share(t.arange(1001).double(), 1000, s)),
    ),
    ("You let n go from 1 to T. It goes from 0.", dict(x=lambda n, T, s: cosine_share(1 + n * (T - 1) / T, T, s))),
    ("You let n end at T - 1. It goes from 0 to T.", dict(x=lambda n, T, s: cosine_share(n * (T - 1) / T, T, s))),
    ("You take degrees. t.cos takes radians, and 90 degrees are π/2.", dict(f=lambda x: (x * 90).cos() ** 2)),
    ("You double π. It's halved.", dict(f=lambda x: (x * 2 * pi).cos() ** 2)),
    ("Where is π halved?", dict(f=lambda x: (x * pi).cos() ** 2)),
    ("Where is π/2?", dict(f=lambda x: x.cos() ** 2)),
    ("You divide by π/2. It's multiplied.", dict(f=lambda x: (x * 2 / pi).cos() ** 2)),
    (PI_TWICE_HALVED, dict(f=lambda x: (x * pi / 4).cos())),
    (PI_TWICE_HALVED, dict(f=lambda x: (x * pi / 4).cos() ** 2)),
    ("You halve the fraction. Where is π?", dict(f=lambda x: (x / 2).cos() ** 2)),
    ("You square the cosine twice, or the quotient.", dict(f=lambda x: (x * pi / 2).cos() ** 4)),
    ("Where is the cosine squared? A root later on takes that back, too.", dict(f=lambda x: (x * pi / 2).cos())),
    ("You square the fraction. The cosine of it all is squared.", dict(f=lambda x: (x**2 * pi / 2).cos())),
    ("You square the angle. Its cosine is squared.", dict(f=lambda x: ((x * pi / 2) ** 2).cos())),
    ("You take a sine. At n = 0 the image is whole, so f is 1 or nearly.", dict(f=lambda x: (x * pi / 2).sin() ** 2)),
    ("Where are they clipped at max_beta?", dict(end=lambda b, f, top: b)),
    (FIXED, dict(end=lambda b, f, top: b.clamp(max=0.999))),
    (FIXED, dict(end=lambda b, f, top: b.clamp(max=0.9999))),
    ("You clip the last one alone. All are clipped.", dict(end=lambda b, f, top: F.pad(b[:-1], (0, 1), value=top))),
    ("You leave out those above max_beta. They become max_beta.", dict(end=lambda b, f, top: b[b <= top])),
    (
        "You subtract before you divide. Mind the parentheses of β.",
        dict(end=lambda b, f, top: (1 - f[1:] / f[0]) / (f[:-1] / f[0])),
    ),
    ("You subtract before you divide. Mind the parentheses of β.", dict(end=lambda b, f, top: (1 - f[1:]) / f[:-1])),
    (
        "You turn the quotient upside down, or take 1 less each of the two, so all are clipped. What does a step keep?",
        dict(end=lambda b, f, top: f[:-1] / f[1:]),
    ),
    ("You take max_beta for a lower limit. No β is above it.", dict(end=lambda b, f, top: b.clamp(min=top))),
    ("You multiply all by max_beta. Only those above it change.", dict(end=lambda b, f, top: b * top)),
    ("You clip what a step keeps. β is clipped.", dict(end=lambda b, f, top: b.clamp(min=1 - top))),
    ("You clip what a step keeps. β is clipped.", dict(end=lambda b, f, top: b.clamp(max=1 - top))),
    ("You set those above max_beta to 0. They become max_beta.", dict(end=lambda b, f, top: b * (b <= top))),
    ("You clip ᾱ. β is clipped.", dict(end=lambda b, f, top: unclipped_betas((f / f[0]).clamp(min=1 - top)))),
    ("You clip ᾱ. β is clipped.", dict(end=lambda b, f, top: unclipped_betas((f / f[0]).clamp(max=top)))),
    ("You give n = 0 a β. It's no step.", dict(end=lambda b, f, top: F.pad(b, (1, 0)))),
    ("You return ᾱ, from n = 0 on. What does each step take away?", dict(end=lambda b, f, top: f / f[0])),
    (ALPHA_BARS, dict(end=lambda b, f, top: f[1:] / f[0])),
    (ALPHA_BARS, dict(end=lambda b, f, top: (1 - b.clamp(max=top)).cumprod(0))),
    ("You return values of f. What does each step take away?", dict(end=lambda b, f, top: f)),
    ("You return values of f. What does each step take away?", dict(end=lambda b, f, top: f[1:])),
    (
        "You return 1 - ᾱ, of all steps so far. What does one do?",
        dict(end=lambda b, f, top: 1 - f[1:] / f[0]),
    ),
    ("You return 1 - f, of all steps so far. What does one do?", dict(end=lambda b, f, top: 1 - f[1:])),
    (
        "You return Part 1's linear schedule. Here it begins with the curve f.",
        dict(end=lambda b, f, top: linear_schedule(len(b)).double()),
    ),
    ("You turn their order round.", dict(end=lambda b, f, top: b.clamp(max=top).flip(0))),
    (ROLLED, dict(end=lambda b, f, top: 1 - f / f.roll(1))),
    (ROLLED, dict(end=lambda b, f, top: 1 - f[:-1] / f[:-1].roll(1))),
    (ROLLED, dict(end=lambda b, f, top: 1 - f[1:] / f[1:].roll(1))),
    ("You let n run from T down to 0.", dict(end=lambda b, f, top: unclipped_betas(f.flip(0)))),
    ("You turn the sign of each round.", dict(end=lambda b, f, top: -b)),
    (ALPHAS, dict(end=lambda b, f, top: 1 - b)),
    (ALPHAS, dict(end=lambda b, f, top: 1 - b.clamp(max=top))),
    (ROOTS, dict(end=lambda b, f, top: b.clamp(max=top).sqrt())),
    (ROOTS, dict(end=lambda b, f, top: b.sqrt())),
    ("You turn the quotient upside down.", dict(end=lambda b, f, top: 1 - f[:-1] / f[1:])),
    ("You turn the quotient upside down and clip it from below, so all are 0.", dict(end=lambda b, f, top: 0 * b)),
    ("You divide by the later f. It's divided by the earlier one.", dict(end=lambda b, f, top: f[:-1] / f[1:] - 1)),
    ("You return differences of f. Where is each divided?", dict(end=lambda b, f, top: f[:-1] - f[1:])),
    (
        "You return differences of ᾱ. Where is each divided?",
        dict(end=lambda b, f, top: (f[:-1] - f[1:]) / f[0]),
    ),
    (
        "Only the first one is off. Before it ᾱ is 1, so where is f divided by f(0)?",
        dict(end=lambda b, f, top: unclipped_betas(F.pad(f[1:], (1, 0), value=1))),
    ),
    (ONE_DIVIDED, dict(end=lambda b, f, top: 1 - f[0] * f[1:] / f[:-1])),
    (ONE_DIVIDED, dict(end=lambda b, f, top: 1 - f[1:] / f[:-1] / f[0])),
    (
        "You divide f by f(1), so the first one is 0.",
        dict(end=lambda b, f, top: F.pad(b[1:], (1, 0))),
    ),
    (
        "You come one step late, and the first one is 0. The last one ends at n = T.",
        dict(end=lambda b, f, top: F.pad(b[:-1], (1, 0))),
    ),
    (
        "You take the second one twice. Where is the first step, from n = 0?",
        dict(end=lambda b, f, top: t.cat([b[1:2], b[1:]])),
    ),
    ("Where is the first step? f begins at n = 0.", dict(end=lambda b, f, top: b[1:])),
    ("Where is the last step? f ends at n = T.", dict(end=lambda b, f, top: b[:-1])),
]


def cosine_question(result: t.Tensor, T: int, s: float, top: float) -> str:
    """Of the first mistake that gives this result, clipped or not. A division by 0 gives any large number."""
    digits = cosine_betas(T, s, top, end=lambda b, f, top: f[:-1])  # as in the check
    right, given = cosine_betas(T, s, top), result.clamp(-9, 9)

    def fits(part: dict[str, Callable], lowest: int = -9) -> bool:
        made = cosine_betas(T, s, top, **part).float()
        if made.shape != given.shape:
            return False
        for wrong in (made.clamp(-9, 9), made.clamp(lowest, top)):
            if len(given) == T and wrong.allclose(
                right.float(), rtol=5e-5, atol=1e-6
            ):  # what is off is too little to tell by
                continue
            same = len(given) == T and ((wrong - given).abs() * digits).max() < 1e-6  # computed in float32
            if same or wrong.allclose(given, rtol=5e-5, atol=1e-6):
                return True
        return False

    if question := recognise(COSINE_MISTAKES, fits) or recognise(COSINE_MISTAKES, partial(fits, lowest=0)):
        return question
    if result.shape == right.shape:
        if result.allclose(cosine_betas(T, top, s).float(), atol=1e-5):
            return "You swap s and max_beta."
        if (right < 0.9 * (least := result.min())).any() and (
            (result - right.clamp(min=least)).abs() * digits
        ).max() < 1e-6:
            return f"You set a lower limit, {least:.3g}, too. The text has none."
        if result.allclose(right.float(), rtol=0.01, atol=0):
            return "Nearly right, but you lose digits, by rounding, a type that holds few, a π written down, or a small number that is added."
        if (result - right).abs()[right < top].max() < 1e-4:
            return "You clip at another number than max_beta, or change its default."
    return ""


@check("3.2", mistakes=COSINE_MISTAKES)
def check_cosine_schedule(answer: Callable) -> str:
    # few steps, so that a learner can redo the sum, and two of them clipped; other values; the defaults; many steps
    drawn = (t.randint(7, 10, ()).item(), t.randint(2, 9, ()).item() / 20, t.randint(50, 90, ()).item() / 100)
    for T, *given in [(4, 0.1, 0.6), (6, 0.3, 0.9), drawn, (5,), (1000,)]:
        s, top = given or (0.008, 0.999)
        call = f"cosine_schedule({T}, s={s}, max_beta={top})" if given else f"cosine_schedule({T})"
        result, right = careful(answer)(T, *given), cosine_betas(T, s, top)
        if isinstance(result, t.Tensor) and result.ndim == 1 and len(result) != T:
            shown = f": {numbers(result)}" if len(result) < 10 else ""
            facts = (
                f"{call} gives {len(result)} number{'s'[: len(result) != 1]}{shown},\nexpected {T}: {numbers(right)}"
            )
            raise Mistake(facts, cosine_question(result.float(), T, s, top))
        if isinstance(result, t.Tensor) and result.shape == (T,) and result.dtype == t.float64:
            facts = f"{call} returns numbers of type torch.float64, expected torch.float32"
            raise Mistake(facts, "The sum may be done in float64. What is returned in the end?")
        expect_tensor(result, (T,), call)
        # float32 knows f to about 1e-7, and so a quotient to 1e-7 / f; where f is near 0, the first digits alone count
        error = (result - right).abs() * cosine_betas(T, s, top, end=lambda b, f, top: f[:-1])
        if error.max() > 1e-6:
            row = int(error.argmax())
            facts = f"{call} is {numbers(result)},\nexpected {numbers(right)}"
            if T > 10 or numbers(result) == numbers(right):
                facts = f"{call} has a β of {result[row]:.6g} for step {row + 1}, expected {right[row]:.6g}"
            raise Mistake(facts, cosine_question(result, T, s, top))
    return "few steps and many, s, clipped at max_beta"
