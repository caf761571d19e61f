"""The check of 3.2 cosine_schedule.

A mistake is the formula with one part replaced: the share x of a right angle, the curve f of it, or the end, which
makes the result of the betas b, not clipped yet, the curve and max_beta.
"""

from collections.abc import Callable
from math import pi

import torch as t
import torch.nn.functional as F

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


ALPHA_BARS = "These are ᾱ. Which share of the variance does a single step take away?"
ALPHAS = "These are what each step keeps. Is a 1 - missing?"
ROOTS = "These are standard deviations. β is a variance: is there one root too many?"
FIXED = "Is max_beta used, or a fixed number?"
ONE_DIVIDED = "Are both ᾱ divided by f(0), or only one?"
ROLLED = "The first one is far off. What does it divide by? With roll, the last value comes round to the front."
PI_BEFORE_SUM = "Is the whole sum divided by 1 + s, and multiplied by π/2? Mind the parentheses."
PI_TWICE_HALVED = "Is π halved just once? In π / 2 ** 2 it is divided by 4."
COSINE_MISTAKES = [
    ("Is s used?", dict(x=lambda n, T, s: n / T)),
    ("Is s used, or a fixed number?", dict(x=lambda n, T, s: cosine_share(n, T, 0.008))),
    ("Is n/T + s divided by 1 + s?", dict(x=lambda n, T, s: n / T + s)),
    ("Is s added to n/T, too?", dict(x=lambda n, T, s: n / T / (1 + s))),
    ("Is n divided by T before s is added?", dict(x=lambda n, T, s: (n + s) / T / (1 + s))),
    ("Is s added to T, and not to n/T?", dict(x=lambda n, T, s: n / (T + s) / (1 + s))),
    ("Is s alone divided by 1 + s?", dict(x=lambda n, T, s: n / T + s / (1 + s))),
    ("Is s added twice? Mind the parentheses of 1 + s.", dict(x=lambda n, T, s: n / T + s + s)),
    (PI_BEFORE_SUM, dict(x=lambda n, T, s: n / T * 2 / pi + s / (1 + s))),
    (PI_BEFORE_SUM, dict(x=lambda n, T, s: (n / T + s) * 2 / pi + s)),
    (PI_BEFORE_SUM, dict(x=lambda n, T, s: n / T + s * 2 / pi)),
    ("Is it multiplied by 1 + s? It is divided.", dict(x=lambda n, T, s: (n / T + s) * (1 + s))),
    ("Is s added to T, and n + s divided by that?", dict(x=lambda n, T, s: (n + s) / (T + s))),
    ("Is n/T divided by T once more?", dict(x=lambda n, T, s: cosine_share(n / T, T, s))),
    ("Is n divided by T?", dict(x=lambda n, T, s: (n + s) / (1 + s))),
    ("Does n go from 1 to T + 1?", dict(x=lambda n, T, s: cosine_share(n + 1, T + 1, s))),
    ("Is n divided with //? That gives whole numbers.", dict(x=lambda n, T, s: cosine_share(n // T, 1, s))),
    ("Is T the max_steps that is given?", dict(x=lambda n, T, s: cosine_share(n, 1000, s))),
    ("The angle ends before π/2. Is n divided by more than T?", dict(x=lambda n, T, s: cosine_share(n, T + 1, s))),
    ("The angle goes beyond π/2. Is n divided by less than T?", dict(x=lambda n, T, s: cosine_share(n, T - 1, s))),
    ("All come one step early. Does the first one begin at n = 0?", dict(x=lambda n, T, s: cosine_share(n + 1, T, s))),
    ("All come one step late. Does the last one end at n = T?", dict(x=lambda n, T, s: cosine_share(n - 1, T, s))),
    (
        "It has T values of f. Is that all from 0 to T?",
        dict(x=lambda n, T, s: cosine_share(n[:-1], T - 1, s)),
    ),
    (
        "It has T + 2 values of f. Where do they end?",
        dict(x=lambda n, T, s: cosine_share(t.arange(T + 2).double(), T, s)),
    ),
    ("Is it always 1000 steps?", dict(x=lambda n, T, s: cosine_share(t.arange(1001).double(), 1000, s))),
    ("Is the angle in radians? 90 degrees are π/2.", dict(f=lambda x: (x * 90).cos() ** 2)),
    ("Is π halved?", dict(f=lambda x: (x * pi).cos() ** 2)),
    ("Is the angle multiplied by π/2?", dict(f=lambda x: x.cos() ** 2)),
    ("Is it divided by π/2, and not multiplied?", dict(f=lambda x: (x * 2 / pi).cos() ** 2)),
    (PI_TWICE_HALVED, dict(f=lambda x: (x * pi / 4).cos())),
    (PI_TWICE_HALVED, dict(f=lambda x: (x * pi / 4).cos() ** 2)),
    ("Is the cosine squared?", dict(f=lambda x: (x * pi / 2).cos())),
    ("Is the fraction squared, and not the cosine?", dict(f=lambda x: (x**2 * pi / 2).cos())),
    ("Is the angle squared, and not its cosine?", dict(f=lambda x: ((x * pi / 2) ** 2).cos())),
    ("Is that a sine? At n = 0 the image is whole.", dict(f=lambda x: (x * pi / 2).sin() ** 2)),
    ("Are they clipped at max_beta?", dict(end=lambda b, f, top: b)),
    (FIXED, dict(end=lambda b, f, top: b.clamp(max=0.999))),
    (FIXED, dict(end=lambda b, f, top: b.clamp(max=0.9999))),
    ("Is only the last one clipped?", dict(end=lambda b, f, top: F.pad(b[:-1], (0, 1), value=top))),
    ("Are those above max_beta left out?", dict(end=lambda b, f, top: b[b <= top])),
    (
        "All are clipped. A step keeps less than 1, and β is the rest: is it so here?",
        dict(end=lambda b, f, top: f[:-1] / f[1:]),
    ),
    ("Is max_beta a lower limit here?", dict(end=lambda b, f, top: b.clamp(min=top))),
    ("Is there a lower limit, too? The text has none.", dict(end=lambda b, f, top: b.clamp(0.0001, top))),
    ("Are all multiplied by max_beta?", dict(end=lambda b, f, top: b * top)),
    ("Is β clipped, or what a step keeps?", dict(end=lambda b, f, top: b.clamp(min=1 - top))),
    ("Is β clipped, or ᾱ?", dict(end=lambda b, f, top: unclipped_betas((f / f[0]).clamp(min=1 - top)))),
    ("Is β clipped, or ᾱ?", dict(end=lambda b, f, top: unclipped_betas((f / f[0]).clamp(max=top)))),
    ("Does n = 0 have a β? It is no step.", dict(end=lambda b, f, top: F.pad(b, (1, 0)))),
    ("These are ᾱ, from n = 0 on. What does each step take away?", dict(end=lambda b, f, top: f / f[0])),
    (ALPHA_BARS, dict(end=lambda b, f, top: f[1:] / f[0])),
    (ALPHA_BARS, dict(end=lambda b, f, top: (1 - b.clamp(max=top)).cumprod(0))),
    ("These are values of f. What does each step take away?", dict(end=lambda b, f, top: f[1:])),
    (
        "These are 1 - ᾱ, of all steps so far. What does one do?",
        dict(end=lambda b, f, top: 1 - f[1:] / f[0]),
    ),
    ("These are 1 - f, of all steps so far. What does one do?", dict(end=lambda b, f, top: 1 - f[1:])),
    ("Is their order turned round?", dict(end=lambda b, f, top: b.clamp(max=top).flip(0))),
    (ROLLED, dict(end=lambda b, f, top: 1 - f / f.roll(1))),
    (ROLLED, dict(end=lambda b, f, top: 1 - f[:-1] / f[:-1].roll(1))),
    (ROLLED, dict(end=lambda b, f, top: 1 - f[1:] / f[1:].roll(1))),
    ("Is the sign of each turned round?", dict(end=lambda b, f, top: -b)),
    (ALPHAS, dict(end=lambda b, f, top: 1 - b)),
    (ALPHAS, dict(end=lambda b, f, top: 1 - b.clamp(max=top))),
    (ROOTS, dict(end=lambda b, f, top: b.clamp(max=top).sqrt())),
    (ROOTS, dict(end=lambda b, f, top: b.sqrt())),
    ("Is the quotient upside down?", dict(end=lambda b, f, top: 1 - f[:-1] / f[1:])),
    ("All are 0. Is the quotient upside down, and clipped from below?", dict(end=lambda b, f, top: 0 * b)),
    ("Is it divided by the later f?", dict(end=lambda b, f, top: f[:-1] / f[1:] - 1)),
    ("These are differences of f. What is each divided by?", dict(end=lambda b, f, top: f[:-1] - f[1:])),
    (
        "These are differences of ᾱ. What is each divided by?",
        dict(end=lambda b, f, top: (f[:-1] - f[1:]) / f[0]),
    ),
    (
        "Only the first one is off. Before it, ᾱ is 1: is f divided by f(0)?",
        dict(end=lambda b, f, top: unclipped_betas(F.pad(f[1:], (1, 0), value=1))),
    ),
    (ONE_DIVIDED, dict(end=lambda b, f, top: 1 - f[0] * f[1:] / f[:-1])),
    (ONE_DIVIDED, dict(end=lambda b, f, top: 1 - f[1:] / f[:-1] / f[0])),
    (
        "The first one is 0. Is f divided by f(0), or by f(1)?",
        dict(end=lambda b, f, top: F.pad(b[1:], (1, 0))),
    ),
    (
        "The first one is 0, and the others come one step late. Does the last one end at n = T?",
        dict(end=lambda b, f, top: F.pad(b[:-1], (1, 0))),
    ),
    ("The first step is missing. Does f begin at n = 0?", dict(end=lambda b, f, top: b[1:])),
    ("The last step is missing. Does f end at n = T?", dict(end=lambda b, f, top: b[:-1])),
]


def cosine_question(result: t.Tensor, T: int, s: float, top: float) -> str:
    """Of the first mistake that gives this result, clipped or not. A division by 0 gives any large number."""
    digits = cosine_betas(T, s, top, end=lambda b, f, top: f[:-1])  # as in the check
    right, given = cosine_betas(T, s, top), result.clamp(-9, 9)

    def fits(part: dict[str, Callable]) -> bool:
        made = cosine_betas(T, s, top, **part).float()
        if made.shape != given.shape:
            return False
        for wrong in (made.clamp(-9, 9), made.clamp(-9, top)):
            same = len(given) == T and ((wrong - given).abs() * digits).max() < 1e-6  # computed in float32
            if same or wrong.allclose(given, rtol=5e-5, atol=1e-6):
                return True
        return False

    if question := recognise(COSINE_MISTAKES, fits):
        return question
    if result.shape == right.shape:
        if result.allclose(right.float(), rtol=0.01, atol=0):
            return "Nearly right. Are digits lost by rounding?"
        if (result - right).abs()[right < top].max() < 1e-4:
            return "Only where β is clipped it is off. Which max_beta was it called with, or is the default?"
    return ""


@check("3.2", mistakes=COSINE_MISTAKES)
def check_cosine_schedule(answer: Callable) -> str:
    # few steps, so that a learner can redo the sum, and two of them clipped; other values; the defaults; many steps
    for T, *given in [(4, 0.1, 0.6), (6, 0.3, 0.9), (5,), (1000,)]:
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
