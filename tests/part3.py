"""The checks of Part 3. Call one with your own function: tests.part3.check_frechet_distance(frechet_distance)

Each compares with a closed form. A table holds, for each mistake, the question to ask and what that mistake computes;
the first row that fits all that was measured is the diagnosis.
"""

import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from math import cos, pi, sqrt
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np
import torch as t
import torch.nn.functional as F
from scipy.linalg import sqrtm
from torch import nn

from solutions.part1_diffusion import NoiseSchedule, linear_schedule
from solutions.part3_fashion_mnist import VelocityGuesser
from tests import part1
from tests.checking import Mistake, careful, check, expect_tensor, kind, numbers, seed_all

# ----------------------------------------------------------------------------------------------- 3.1 frechet_distance
# The clouds are made so that their distance is known without the formula. A mistake is the formula with one part
# replaced: the means μ, the gap's |.|², the covariances C, their root R, or what is made of all that at the end.


def frechet(
    x1: np.ndarray,
    x2: np.ndarray,
    ddof: int,
    mean: Callable = lambda x: x.mean(axis=0),
    size: Callable = lambda v: v @ v,
    cov: Callable = lambda x, ddof: np.cov(x.T, ddof=ddof),
    root: Callable = lambda A, B: sqrtm(A @ B),
    end: Callable = lambda g, A, B, R: g + np.trace(A + B - 2 * R),
) -> float:
    A, B = cov(x1, ddof), cov(x2, ddof)
    return end(size(mean(x1) - mean(x2)), A, B, root(A, B)).real


def gram(x: np.ndarray, ddof: int) -> np.ndarray:
    x = x - x.mean(axis=0)
    return x @ x.T / (len(x) - ddof)


SHAPE_OF_C = "Which shape has C? It tells how features vary together, not images."
WHOLE_PRODUCT = "Does the root cover the whole product?"
BOTH_ONCE = "Is each covariance in the product once?"
DIFFERENCE = "Is it C₁ - C₂ that is measured? What does the trace hold?"
PAIRED = "Is image 1 compared with image 1, 2 with 2? Sets have no order: what describes each as a whole?"
ONE_FEATURE = "Are all numbers of a set thrown together? Each feature has its own mean and variances."
FRECHET_MISTAKES = [
    ("Is the length of the gap squared?", dict(size=np.linalg.norm)),
    ("Are the squares of the gap averaged? They are added up.", dict(size=lambda v: (v**2).mean())),
    ("Is the gap added up before it is squared?", dict(size=lambda v: v.sum() ** 2)),
    ("Are the sizes of the gap added up, without a square?", dict(size=lambda v: np.abs(v).sum())),
    ("The means do not count in it. Is each that of its own set?", dict(size=lambda v: 0)),
    ("Is μ one mean of all numbers? Each feature has its own.", dict(mean=lambda x: x.mean(keepdims=True)[0])),
    ("Is μ a mean over the features? It is one over the images.", dict(mean=lambda x: x.mean(axis=1))),
    ("Only variances count in it. What else is in C?", dict(cov=lambda x, ddof: np.diag(x.var(axis=0, ddof=ddof)))),
    ("Are these standard deviations?", dict(cov=lambda x, ddof: np.diag(x.std(axis=0, ddof=ddof)))),
    ("Are these correlations?", dict(cov=lambda x, ddof: np.corrcoef(x.T))),
    ("Is the mean taken off before C is made?", dict(cov=lambda x, ddof: x.T @ x / (len(x) - ddof))),
    ("Is C divided by the number of images?", dict(cov=lambda x, ddof: np.cov(x.T) * (len(x) - 1))),
    (SHAPE_OF_C, dict(cov=lambda x, ddof: np.cov(x, ddof=ddof))),
    (SHAPE_OF_C, dict(cov=gram)),
    ("Is a root taken of each number? Here it is that of a matrix.", dict(root=lambda A, B: np.sqrt(A @ B))),
    ("Is C₁ C₂ multiplied as matrices are?", dict(root=lambda A, B: sqrtm(A * B))),
    ("Is the root of the product taken?", dict(root=lambda A, B: A @ B)),
    ("Is x ** 1/2 taken for a root? It is (x ** 1) / 2.", dict(root=lambda A, B: A @ B / 2)),
    ("Is a root taken of each matrix? First comes the product.", dict(root=lambda A, B: sqrtm(A) @ sqrtm(B))),
    (WHOLE_PRODUCT, dict(root=lambda A, B: sqrtm(A) @ B)),
    (WHOLE_PRODUCT, dict(root=lambda A, B: A @ sqrtm(B))),
    (BOTH_ONCE, dict(root=lambda A, B: A)),
    (BOTH_ONCE, dict(root=lambda A, B: B)),
    ("Is that a Cholesky factor? It is no matrix root.", dict(root=lambda A, B: np.linalg.cholesky(A @ B))),
    ("Is C₁ C₂ taken for symmetric? It is not.", dict(root=lambda A, B: np.diag(np.sqrt(np.linalg.eigvalsh(A @ B))))),
    ("Does the root lose its signs? The real part keeps them.", dict(root=lambda A, B: np.abs(sqrtm(A @ B)))),
    ("Is the root taken of the trace?", dict(end=lambda g, A, B, R: g + np.trace(A + B) - 2 * sqrt(np.trace(A @ B)))),
    ("Is the root subtracted twice?", dict(end=lambda g, A, B, R: g + np.trace(A + B - R))),
    ("Is the root added? It is subtracted.", dict(end=lambda g, A, B, R: g + np.trace(A + B + 2 * R))),
    ("The root does not count in it. Which part of it is taken?", dict(end=lambda g, A, B, R: g + np.trace(A + B))),
    ("The covariances do not count in it. Is each that of its own set?", dict(end=lambda g, A, B, R: g)),
    ("Is the second set used?", dict(end=lambda g, A, B, R: np.zeros(()))),
    ("Are all numbers of the matrix added up?", dict(end=lambda g, A, B, R: g + (A + B - 2 * R).sum())),
    ("Is the diagonal averaged? A trace adds it up.", dict(end=lambda g, A, B, R: g + np.diag(A + B - 2 * R).mean())),
    (
        "Are all numbers of the root added up? The trace is that of the root, too.",
        dict(end=lambda g, A, B, R: g + np.trace(A + B) - 2 * R.sum()),
    ),
    (
        "Is that a determinant? A trace is the sum of the diagonal.",
        dict(end=lambda g, A, B, R: g + np.linalg.det(A + B - 2 * R)),
    ),
    ("Does the 2 stand under the root?", dict(root=lambda A, B: sqrtm(2 * A @ B) / 2)),
    ("Is that a norm of the matrix?", dict(end=lambda g, A, B, R: g + np.linalg.norm(A + B - 2 * R))),
    ("Is a root taken of the whole?", dict(end=lambda g, A, B, R: np.sqrt(g + np.trace(A + B - 2 * R)))),
    ("Are C₁ and C₂ themselves left out of the trace?", dict(end=lambda g, A, B, R: g - 2 * np.trace(R))),
    ("Is C₁ left out of the trace?", dict(end=lambda g, A, B, R: g + np.trace(B - 2 * R))),
    ("Is C₂ left out of the trace?", dict(end=lambda g, A, B, R: g + np.trace(A - 2 * R))),
    ("Is the root taken of a sum? It is that of a product.", dict(root=lambda A, B: sqrtm(A + B))),
    (DIFFERENCE, dict(end=lambda g, A, B, R: g + ((A - B) ** 2).sum())),
    (DIFFERENCE, dict(end=lambda g, A, B, R: g + np.linalg.norm(A - B))),
    ("Is the gap taken away? It is added.", dict(end=lambda g, A, B, R: np.trace(A + B - 2 * R) - g)),
    ("Is C₁ C₂ inverted?", dict(root=lambda A, B: np.linalg.inv(sqrtm(A @ B)))),
    (PAIRED, lambda x1, x2: ((x1 - x2) ** 2).sum(axis=1).mean()),
    (PAIRED, lambda x1, x2: ((x1 - x2) ** 2).mean()),
    (PAIRED, lambda x1, x2: ((x1 - x2) ** 2).sum()),
    (PAIRED, lambda x1, x2: np.linalg.norm(x1 - x2)),
    (PAIRED, lambda x1, x2: np.linalg.norm(x1 - x2, axis=1).mean()),
    (ONE_FEATURE, lambda x1, x2: (x1.mean() - x2.mean()) ** 2 + (x1.std() - x2.std()) ** 2),
    (ONE_FEATURE, lambda x1, x2: (x1.mean() - x2.mean()) ** 2 + x1.var() + x2.var() - 2 * x1.std() * x2.std()),
]


@dataclass
class Clouds:
    """Two clouds of points whose distance is known. gap: |μ₁ - μ₂|²   traces: of C₁, C₂ and R, where C has n - 1"""

    words: str
    x1: t.Tensor
    x2: t.Tensor
    gap: float
    traces: tuple[float, float, float]

    def distance(self, ddof: int) -> float:
        """d where each covariance is divided by its n - ddof."""
        one, two = ((len(x) - 1) / (len(x) - ddof) for x in (self.x1, self.x2))
        return self.gap + one * self.traces[0] + two * self.traces[1] - 2 * sqrt(one * two) * self.traces[2]

    def mistaken(self, mistake: dict[str, Callable] | Callable, ddof: int) -> float:
        """mistake: parts of the formula, or another formula of both clouds"""
        x1, x2 = self.x1.double().numpy(), self.x2.double().numpy()
        if callable(mistake):
            return mistake(x1, x2) if x1.shape == x2.shape else np.nan
        return frechet(x1, x2, ddof, **mistake)


def clouds(n: int, m: int, gap: Sequence[float], W: np.ndarray, T: np.ndarray) -> Clouds:
    """C₁ = Wᵀ W and C₂ = T C₁ T, with a symmetric T: then C₁ C₂ is C₁ T times itself, and R = C₁ T."""
    white = []
    for rows in (n, m):  # points with mean 0 and covariance 1
        x = np.random.randn(rows, len(W))
        white.append(np.linalg.qr(x - x.mean(axis=0)).Q * sqrt(rows - 1))
    mean = np.linspace(1, 2, len(T))
    x1, x2 = (t.tensor(x, dtype=t.float32) for x in (white[0] @ W + mean + gap, white[1] @ W @ T + mean))
    C1, C2, R = W.T @ W, T @ W.T @ W @ T, W.T @ W @ T
    matrices = f"means {tuple(gap)} apart, C₁ = {C1.tolist()}, C₂ = {C2.tolist()}"
    words = f"{n} and {m} points, {matrices}" if len(T) == 2 else f"{n} and {m} points with {len(T)} features"
    return Clouds(words, x1, x2, np.dot(gap, gap), (np.trace(C1), np.trace(C2), np.trace(R)))


def judge_number(answer: Callable, pair: Clouds) -> float:
    """What the answer makes of two clouds: a number of Python's, of NumPy's, or a tensor of one."""
    before = pair.x1.clone(), pair.x2.clone()
    result = careful(answer)(pair.x1, pair.x2)
    if not (pair.x1.equal(before[0]) and pair.x2.equal(before[1])):
        raise Mistake("it changes the features it is given", "Does a line write into them in place?")
    if result is None:
        raise Mistake("it returns None, expected one number", "Does the function end in a return?")
    if shape := tuple(getattr(result, "shape", ())):
        questions = {
            (2,): "Are the squares of the gap added up?",
            (2, 2): "Is the trace taken, of all three terms?",
            (1,): "Is the number taken out of its array?",
            (1, 1): "Is the number taken out of its array?",
        }
        raise Mistake(f"it returns numbers of shape {shape}, expected one number", questions.get(shape, ""))
    number = result.tolist() if isinstance(result, t.Tensor | np.ndarray | np.generic) else result
    if isinstance(number, complex):
        raise Mistake(f"for {pair.words},\nit returns the complex number {number:.3g}", "Is the real part taken?")
    if not hasattr(number, "__float__"):
        question = "Are the parts added up to one distance?" if isinstance(number, tuple | list) else ""
        raise Mistake(f"it returns {kind(result)}, expected one number", question)
    return float(number)


def close_to(result: float, distance: Callable) -> bool:
    """Divisors n and n - 1 are both usual. The slack is for float32; a mistake is larger."""
    return any(abs(result - d) <= 0.005 * max(1, abs(d)) for d in (distance(ddof=0), distance(ddof=1)))


def judge_distances(measured: list[tuple[Clouds, float]]) -> None:
    wrong = next(((pair, d) for pair, d in measured if not close_to(d, pair.distance)), None)
    if wrong is None:
        return
    pair, result = wrong
    question = ""
    if np.isnan(result):
        question = "Is there a root of a negative number? Rounding can move a 0 below 0."
    elif len(pair.x1) != len(pair.x2):
        question = "For sets of equal size it was right. Is each set counted by itself?"
    with warnings.catch_warnings(action="ignore"):  # of nan and the like: a mistake may lead there
        for words, mistake in FRECHET_MISTAKES:
            # clouds at distance 0 are too little to tell by, and the root of the whole may be one of -1e-16
            if all(close_to(d, partial(other.mistaken, mistake)) for other, d in measured if other.distance(1) > 1e-9):
                question = words
                break
    facts = f"the distance is {round(result, 3) + 0.0:g}, expected {pair.distance(ddof=1):g}"
    raise Mistake(f"for {pair.words},\n{facts}", question)


@check("3.1")
def check_frechet_distance(answer: Callable) -> str:
    W, T = np.array([[2, 3], [0, 1]]), np.array([[2, -1], [-1, 2]])  # C₁ and C₂ do not commute
    V, S = np.array([[1, 2], [0, 1]]), np.array([[3, -2], [-2, 2]])  # R has a negative number on its diagonal
    one, few = np.eye(2, dtype=int), np.linalg.qr(np.random.randn(32, 5)).Q.T
    groups = [
        [  # as many points in both: a covariance of points, not features, is a wrong number, and no error yet
            clouds(8, 8, (3, -4), W, one),
            clouds(8, 8, (0, 0), np.diag([1, 3]), np.diag([3, 2])),
            clouds(8, 8, (1, -0.5), W, T),
            clouds(8, 8, (0, 0), W, one),
        ],
        [clouds(8, 8, (1, -1), V, S)],
        [clouds(n, m, (1, -1), W, T) for n, m in [(8, 12), (12, 8), (20, 8), (8, 20)]],
        # R of few points with many features is complex by rounding, nearly always: of four, one is
        [clouds(6, 6, [0.5] * 32, few, 2 * np.eye(32)) for _ in range(4)],
    ]
    measured = []
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Matrix is singular")  # SciPy is right, but R exists
        for group in groups:
            for pair in group:
                try:
                    measured.append((pair, judge_number(answer, pair)))
                except Exception:
                    judge_distances(measured)  # what is wrong so far may be why
                    raise
            judge_distances(measured)
    return "means, covariances and the matrix root, also for sets that are small or of unequal size"


# ------------------------------------------------------------------------------------------------ 3.2 cosine_schedule
# A mistake is the formula with one part replaced: the share x of a right angle, the curve f of it, or the end, which
# makes the result of the betas b, not clipped yet, the curve and max_beta.


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
    for question, part in COSINE_MISTAKES:
        for end in (9, top):
            wrong, given = cosine_betas(T, s, top, **part).float().clamp(-9, end), result.clamp(-9, 9)
            if wrong.shape == given.shape:
                same = len(given) == T and ((wrong - given).abs() * digits).max() < 1e-6  # computed in float32
                if same or wrong.allclose(given, rtol=5e-5, atol=1e-6):
                    return question
    right = cosine_betas(T, s, top)
    if result.shape == right.shape:
        if result.allclose(right.float(), rtol=0.01, atol=0):
            return "Nearly right. Are digits lost by rounding?"
        if (result - right).abs()[right < top].max() < 1e-4:
            return "Only where β is clipped it is off. Which max_beta was it called with, or is the default?"
    return ""


@check("3.2")
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


# ---------------------------------------------------------------------------------------------- 3.3 VelocityGuesser
# The first batch is as long as it has channels, rows and columns, so that factors along the wrong axis show as wrong
# numbers, not as an error; and it leaves out the last count, so that a row too late exists.

V_BATCHES = [((4, 4, 4, 4), [3, 1, 2, 1]), ((6, 3, 2, 5), [4, 1, 3, 2, 2, 4]), ((1, 3, 2, 5), [4])]


def v_of(x0: t.Tensor, noise: t.Tensor, a: t.Tensor, rest: t.Tensor | None = None) -> t.Tensor:
    """rest: what stands for 1 - ᾱ; None: that"""
    return a.sqrt() * noise - (1 - a if rest is None else rest).sqrt() * x0


def noise_of(xt: t.Tensor, v: t.Tensor, a: t.Tensor, rest: t.Tensor | None = None) -> t.Tensor:
    return (1 - a if rest is None else rest).sqrt() * xt + a.sqrt() * v


def x0_of(xt: t.Tensor, v: t.Tensor, a: t.Tensor) -> t.Tensor:
    return a.sqrt() * xt - (1 - a).sqrt() * v


V_TARGET_MISTAKES = [  # x0, noise, ᾱ
    ("Are the signs swapped?", lambda x, e, a: -v_of(x, e, a)),
    ("Is x0 added? It is taken away.", lambda x, e, a: a.sqrt() * e + (1 - a).sqrt() * x),
    ("Are x0 and noise swapped?", lambda x, e, a: v_of(e, x, a)),
    ("Are the two factors swapped?", lambda x, e, a: v_of(x, e, 1 - a)),
    ("That is x_n, the noised image. Which of the two is v?", lambda x, e, a: a.sqrt() * x + (1 - a).sqrt() * e),
    ("Are both square roots missing?", lambda x, e, a: a * e - (1 - a) * x),
    ("Is the square root missing in front of the noise?", lambda x, e, a: a * e - (1 - a).sqrt() * x),
    ("Is the square root missing in front of x0?", lambda x, e, a: a.sqrt() * e - (1 - a) * x),
    ("Does the root cover all of 1 - ᾱ?", lambda x, e, a: a.sqrt() * e - (1 - a.sqrt()) * x),
    ("Is x ** 1/2 taken for a root? It is (x ** 1) / 2.", lambda x, e, a: a / 2 * e - (1 - a) / 2 * x),
    ("That is the noise. Does this network learn v?", lambda x, e, a: e),
    ("That is x0. Does this network learn v?", lambda x, e, a: x),
    ("Are the noise and x0 scaled?", lambda x, e, a: e - x),
    ("Are ᾱ and 1 - ᾱ squared? Their roots are taken.", lambda x, e, a: a**2 * e - (1 - a) ** 2 * x),
    ("Is the noise scaled?", lambda x, e, a: e - (1 - a).sqrt() * x),
    ("Is x0 scaled?", lambda x, e, a: a.sqrt() * e - x),
    ("Is it clamped? v may leave [-1, 1].", lambda x, e, a: v_of(x, e, a).clamp(-1, 1)),
    (
        "Is x_n taken away, and not x0?",
        lambda x, e, a: v_of(a.sqrt() * x + (1 - a).sqrt() * e, e, a),
    ),
    ("Does x_n stand where the noise belongs?", lambda x, e, a: v_of(x, a.sqrt() * x + (1 - a).sqrt() * e, a)),
    ("Is v scaled once more?", lambda x, e, a: v_of(x, e, a) / (1 - a).sqrt()),
    ("Is v scaled once more?", lambda x, e, a: v_of(x, e, a) / a.sqrt()),
]
V_FORWARD_MISTAKES = [  # x_n, v, ᾱ
    ("That is v as the network gave it. What should forward guess?", lambda x, v, a: v),
    ("Those are the images as they came. What becomes of v?", lambda x, v, a: x),
    ("That is the clean image. What should forward guess?", x0_of),
    ("Are the two factors swapped?", lambda x, v, a: noise_of(x, v, 1 - a)),
    ("Is v taken away? It is added.", lambda x, v, a: (1 - a).sqrt() * x - a.sqrt() * v),
    ("Is that the formula of target once more? Here it is x_n that is known, not x0.", v_of),
    (
        "Is the formula of target solved for the noise? It has x0 in it, and here are x_n.",
        lambda x, v, a: (v + (1 - a).sqrt() * x) / a.sqrt(),
    ),
    ("Are both square roots missing?", lambda x, v, a: (1 - a) * x + a * v),
    ("Is the square root missing in front of the images?", lambda x, v, a: (1 - a) * x + a.sqrt() * v),
    ("Is the square root missing in front of v?", lambda x, v, a: (1 - a).sqrt() * x + a * v),
    ("Does the root cover all of 1 - ᾱ?", lambda x, v, a: (1 - a.sqrt()) * x + a.sqrt() * v),
    ("Is the network's answer taken for a clean image? It is v.", lambda x, v, a: (x - a.sqrt() * v) / (1 - a).sqrt()),
    ("Is the network's answer taken for the noise? It is v.", lambda x, v, a: (x - (1 - a).sqrt() * v) / a.sqrt()),
    ("Are ᾱ and 1 - ᾱ squared? Their roots are taken.", lambda x, v, a: (1 - a) ** 2 * x + a**2 * v),
    ("Is the whole sum multiplied by √ᾱ?", lambda x, v, a: a.sqrt() * (v + (1 - a).sqrt() * x)),
    ("Are the images scaled?", lambda x, v, a: x + a.sqrt() * v),
    ("Is v scaled?", lambda x, v, a: (1 - a).sqrt() * x + v),
    ("Is v used?", lambda x, v, a: (1 - a).sqrt() * x),
    ("Are the images used?", lambda x, v, a: a.sqrt() * v),
    ("Is the guess clamped? Noise may leave [-1, 1].", lambda x, v, a: noise_of(x, v, a).clamp(-1, 1)),
    (
        "Is a clean image clamped on the way? The formula knows no limits.",
        lambda x, v, a: (x - a.sqrt() * x0_of(x, v, a).clamp(-1, 1)) / (1 - a).sqrt(),
    ),
]
V_EARLY = "Is that ᾱ of one count before? A row is one less than its count, and alpha_bar takes counts."
V_ALPHA_BAR_MISTAKES = [  # what stands for ᾱ, by the counts; all else is right
    ("Is that ᾱ of the count, or the α of one step?", part1.alphas),
    ("Is that ᾱ of the count, or the β of one step?", lambda n: 1 - part1.alphas(n)),
    ("Counts begin at 1, rows at 0. Is the row one too late?", lambda n: part1.alpha_bars(n + 1)),
    (V_EARLY, lambda n: part1.alpha_bars((n - 1).clamp(min=1))),
    (V_EARLY, lambda n: part1.alpha_bars((n - 1).clamp(min=1)).where(n.reshape(-1, 1, 1, 1) > 1, 1)),
    (V_EARLY, lambda n: part1.alpha_bars((n - 2) % len(part1.BETAS) + 1)),  # index -1 is the last one
    ("Is a root taken twice?", lambda n: part1.alpha_bars(n).sqrt()),
    ("Do all images get the mean of their factors?", lambda n: part1.alpha_bars(n).mean(dim=0, keepdim=True)),
    ("Do all images get the factors of the first?", lambda n: part1.alpha_bars(n[:1])),
    (
        "Are the factors those of counts 1, 2, 3, ...? Is num_steps used?",
        lambda n: part1.alpha_bars(t.arange(len(n)) + 1),
    ),
    (
        "Are the factors those of the last count? Is num_steps used?",
        lambda n: part1.alpha_bars(t.full_like(n, len(part1.BETAS))),
    ),
    (
        "The factors run along the width of the images. Which shape have they?",
        lambda n: part1.alpha_bars(n).movedim(0, 3),
    ),
    (
        "The factors run along the height of the images. Which shape have they?",
        lambda n: part1.alpha_bars(n).movedim(0, 2),
    ),
    ("The factors run along the channels. Which shape have they?", lambda n: part1.alpha_bars(n).movedim(0, 1)),
]
V_PAIR_MISTAKES = [  # what stands for ᾱ and for 1 - ᾱ, where they do not belong together
    ("Is that 1 - ᾱ, or the β of one step?", lambda n: (part1.alpha_bars(n), 1 - part1.alphas(n))),
    ("Is that ᾱ, or the α of one step?", lambda n: (part1.alphas(n), 1 - part1.alpha_bars(n))),
]


class VelocityOracle(nn.Module):
    """A network that knows v of certain images, and refuses any other question. method: the one that is judged"""

    def __init__(self, xt: t.Tensor, num_steps: t.Tensor, v: t.Tensor, method: str) -> None:
        super().__init__()
        self.img_shape, self.method = tuple(xt.shape[1:]), method
        self.xt, self.num_steps, self.v = xt.clone(), num_steps.clone(), nn.Parameter(v.clone())

    def forward(self, images: t.Tensor, num_steps: t.Tensor) -> t.Tensor:
        if self.method == "target":
            question = "What does the network learn from? The formula of v knows all that is in it."
            raise Mistake("target asks the network", question)
        if not isinstance(images, t.Tensor) or images.shape[1:] != self.img_shape:
            expected = f"expected shape {tuple(self.xt.shape)}"
            raise Mistake(f"the network gets {kind(images)} as images, {expected}", "Are its two arguments in order?")
        known = (images[:, None] == self.xt).flatten(2).all(dim=2)  # (shown, of the batch)
        if not known.any(dim=1).all():
            question = "Are they changed on the way? The network knows x_n as it is."
            raise Mistake("the network is shown other images than forward is given", question)
        if not isinstance(num_steps, t.Tensor) or num_steps.shape != images.shape[:1]:
            facts = f"the network gets {kind(num_steps)} as num_steps"
            facts += f", expected one count for each of {len(images)} images"
            raise Mistake(facts, "Is num_steps handed on as it came?")
        counts = self.num_steps[known.int().argmax(dim=1)].tolist()
        if num_steps.is_floating_point() or num_steps.tolist() != counts:
            question = "Is num_steps handed on as it came?"
            if num_steps.tolist() == [n - 1 for n in counts]:
                question = "Counts begin at 1, rows at 0. Which does the network know?"
            facts = f"the network sees the counts {[round(n, 2) for n in num_steps.tolist()]}, expected {counts}"
            raise Mistake(facts, question)
        return (known.to(images.dtype) @ self.v.flatten(1)).reshape(images.shape)


@check("3.3")
def check_VelocityGuesser(answer: Callable) -> str:
    for method in ("target", "forward"):
        for device in part1.DEVICES:
            for shape, counts in V_BATCHES:
                judge_velocity(answer, method, shape, t.tensor(counts, device=device))
    return "v in every number, the noise given back for the right v, one factor for each image, gradients"


def judge_velocity(answer: Callable, method: str, shape: tuple[int, ...], n: t.Tensor) -> None:
    """One method of a new model, on a batch whose v and noise are known."""
    a, device = part1.alpha_bars(n), n.device.type
    x0, noise = t.randn(2, *shape, device=device)  # x0 leaves [-1, 1], as what a network guesses may
    xt, v = a.sqrt() * x0 + (1 - a).sqrt() * noise, v_of(x0, noise, a)
    network, schedule = VelocityOracle(xt, n, v, method), part1.schedule_for(device)
    model = careful(answer)(network, schedule)
    for name, given in [("network", network), ("img_shape", network.img_shape), ("noise_schedule", schedule)]:
        if getattr(model, name, None) != given:
            facts = f"its {name} is {kind(getattr(model, name, None))}, not what it was made with"
            raise Mistake(facts, "Is it a part1.Guesser, whose __init__ keeps them?")
    if method == "target":
        inputs, right, mistakes = {"x0": x0, "noise": noise, "num_steps": n}, v_of, V_TARGET_MISTAKES
    else:
        inputs, right, mistakes = {"images": xt, "num_steps": n}, noise_of, V_FORWARD_MISTAKES
    before = {name: value.clone() for name, value in inputs.items()}
    ask = partial(careful(model.target if method == "target" else model), *inputs.values())
    result = ask()
    plain = result.detach() if isinstance(result, t.Tensor) else result
    expect_tensor(plain, shape, f"{method}, for images of shape {shape},", device)
    for name, value in inputs.items():
        if not value.equal(before[name]):
            raise Mistake(f"{method} changes the {name} it is given", f"Does a line write into {name} in place?")
    try:
        judge_v_numbers(plain, method, (x0, noise) if method == "target" else (xt, v), n, right, mistakes)
    except Mistake:
        if not plain.equal(ask()):
            facts = f"asked twice for the same, {method} gives two different answers"
            raise Mistake(facts, "Is noise drawn in it? Each formula knows all that is in it.") from None
        raise
    if method == "forward" and not result.requires_grad:
        raise Mistake(
            "forward is right, but no gradient comes back to the network", "Is there a no_grad or a detach in it?"
        )


def judge_v_numbers(
    result: t.Tensor, method: str, inputs: tuple[t.Tensor, t.Tensor], n: t.Tensor, right: Callable, mistakes: list
) -> None:
    expected = right(*inputs, part1.alpha_bars(n))
    gap = (result - expected).abs()
    if gap.max() < 1e-4:
        return
    questions = [""]
    if len(set(result.shape)) == 1:  # elsewhere, factors along another axis are an error
        made = [(q, formula(*inputs, part1.alpha_bars(n))) for q, formula in mistakes]
        made += [(q, right(*inputs, level(n))) for q, level in V_ALPHA_BAR_MISTAKES]
        made += [(q, right(*inputs, *pair(n))) for q, pair in V_PAIR_MISTAKES]
        questions = [q for q, values in made if result.allclose(values, atol=1e-4)] + questions
    worst = gap.argmax().item()
    x, y, is_now, should_be = (values.flatten()[worst].item() for values in (*inputs, result, expected))
    count = n[worst // gap[0].numel()].item()
    names = ("x0", "noise") if method == "target" else ("x_n", "v")
    facts = (
        f"with betas {part1.BETAS}, {method} at count {count}, where {names[0]} is {x:.3f} and {names[1]} is {y:.3f}"
    )
    raise Mistake(f"{facts},\ngives {is_now:.3f}, expected {should_be:.3f}", questions[0])


# ------------------------------------------------------------------------------------------------- 3.4 MovingAverage
# Several averages follow one model, whose numbers are set anew between the updates. Every update is judged by itself,
# from the average that stood before it, so that each mistake has a closed form.

DECAYS = [(0.5, 11), (0.5, 1), (0.6, 15), (0.995, 11), (0.0, 2)]  # and updates: 0.5 is reached after 8, 0.6 after 13


class WeightsToAverage(nn.Module):
    """Its answer shows all parameters. Backwards, which is the order of their names, they have the same shapes: paired
    wrongly, they make wrong numbers and no error."""

    def __init__(self) -> None:
        super().__init__()
        self.weight, self.inner = nn.Parameter(t.zeros(2, 3)), nn.Module()
        for name, shape in [("scale", (4,)), ("offset", (4,)), ("bias", (2, 3))]:
            self.inner.register_parameter(name, nn.Parameter(t.zeros(shape)))
        self.register_buffer("level", t.zeros(2))
        self.inner.register_buffer("count", t.zeros(1, dtype=t.int64))
        self.train_a_step()

    def forward(self, x: float) -> t.Tensor:
        return x * t.cat([p.flatten() for p in (self.weight, self.inner.scale, self.inner.offset, self.inner.bias)])

    @t.no_grad()
    def train_a_step(self) -> None:
        for p in self.parameters():
            p.copy_(t.randint(-9, 10, p.shape))  # small whole numbers, so that a learner can redo the sum
            p.grad = t.randint(-9, 10, p.shape).float()
        self.level.add_(t.tensor([1.5, -2]))
        self.inner.count.add_(10)


@dataclass
class UpdateSeen:
    """One update: all parameters as one row of numbers (20,), and the buffers."""

    d: float
    n: int
    earlier: int  # updates of other averages
    model: t.Tensor
    grad: t.Tensor
    old: t.Tensor  # the average before
    new: t.Tensor
    buffers: list[tuple[str, t.Tensor, t.Tensor, t.Tensor]]  # name, in the model, in the average before, and after

    def mix(self, d: float | t.Tensor, model: t.Tensor | None = None) -> t.Tensor:
        return d * self.old + (1 - d) * (self.model if model is None else model)

    @property
    def right(self) -> float:
        return min(self.d, warm(self.n))

    def fits(self, expected: t.Tensor) -> bool:
        return self.new.allclose(expected, rtol=1e-4, atol=1e-4)


def warm(n: float | t.Tensor) -> float | t.Tensor:
    return (1 + n) / (10 + n)


def counted_in_the_loop(u: UpdateSeen) -> t.Tensor:
    """The count that each number meets if each of the 4 parameters counts as an update."""
    return 4 * (u.n - 1) + t.tensor([1.0] * 6 + [2.0] * 4 + [3.0] * 4 + [4.0] * 6)


def backwards(row: t.Tensor) -> t.Tensor:
    return t.cat(row.split([6, 4, 4, 6])[::-1])


MOVING_AVERAGE_MISTAKES = [
    ("The average never changes. Does the result get into self.model?", lambda u: u.old),
    (
        "Some numbers stay as they were. Does each update reach all parameters?",
        lambda u: t.where(u.new.isclose(u.mix(u.right), rtol=1e-4, atol=1e-4), u.mix(u.right), u.old),
    ),
    ("That is the model's own number. Is d 0, or rounded down to it?", lambda u: u.model),
    ("Is d the full decay from the start? Mind the parentheses of the fraction, too.", lambda u: u.mix(u.d)),
    ("Is the larger of the two taken for d?", lambda u: u.mix(max(u.d, warm(u.n)))),
    ("Does the fraction count this update as number 0?", lambda u: u.mix(min(u.d, warm(u.n - 1)))),
    ("Does the fraction count the first update as number 2?", lambda u: u.mix(min(u.d, warm(u.n + 1)))),
    ("Does d go beyond the decay that the constructor got?", lambda u: u.mix(warm(u.n))),
    ("Is the decay that the constructor got used?", lambda u: u.mix(0.995)),
    ("Is a 1 missing above the fraction line?", lambda u: u.mix(min(u.d, u.n / (10 + u.n)))),
    ("Is the count missing above the fraction line?", lambda u: u.mix(min(u.d, 1 / (10 + u.n)))),
    ("Is the count missing below the fraction line?", lambda u: u.mix(min(u.d, (1 + u.n) / 10))),
    ("Is d the decay to the power of the count?", lambda u: u.mix(u.d**u.n)),
    ("Is that Adam's 1 - decay to the power of the count?", lambda u: u.mix(1 - u.d**u.n)),
    ("Is the decay multiplied by the fraction? The smaller of the two is d.", lambda u: u.mix(u.d * warm(u.n))),
    ("Is it a plain mean until the decay is reached?", lambda u: u.mix(min(u.d, u.n / (u.n + 1)))),
    ("The fraction stays at 1/10. Are the updates counted?", lambda u: u.mix(min(u.d, warm(0)))),
    (
        "d stays what it was in update 1. Does the count go on, and is self.decay left alone?",
        lambda u: u.mix(min(u.d, warm(1))),
    ),
    (
        "Does each parameter count as an update of its own?",
        lambda u: u.mix(warm(counted_in_the_loop(u)).clamp(max=u.d)),
    ),
    ("Do several averages share one count?", lambda u: u.mix(min(u.d, warm(u.n + u.earlier)))),
    ("Is each update counted twice?", lambda u: u.mix(min(u.d, warm(2 * u.n - 1)))),
    ("Are d and 1 - d swapped?", lambda u: u.mix(1 - u.right)),
    ("Are d and 1 - d swapped, and is d the full decay from the start?", lambda u: u.mix(1 - u.d)),
    ("Is that the plain mean of all weights so far?", lambda u: u.mix(u.n / (u.n + 1))),
    ("Is that the plain mean of all updates so far?", lambda u: u.mix((u.n - 1) / u.n)),
    ("Is the model subtracted? Its share is added.", lambda u: u.right * u.old - (1 - u.right) * u.model),
    ("It moves away from the model. Is a difference the wrong way round?", lambda u: u.mix(2 - u.right)),
    ("Does the old average keep its full size?", lambda u: u.old + (1 - u.right) * u.model),
    ("Is their sum added? Their difference is the way to go.", lambda u: u.old + (1 - u.right) * (u.model + u.old)),
    ("Is the mix halved? Its two shares add up to 1.", lambda u: u.mix(u.right) / 2),
    ("Is the model added at its full size?", lambda u: u.right * u.old + u.model),
    ("Have both the factor d?", lambda u: u.right * (u.old + u.model)),
    ("Is the old average left out?", lambda u: (1 - u.right) * u.model),
    ("Is the model left out?", lambda u: u.right * u.old),
    ("Are these the gradients? The weights are averaged.", lambda u: u.mix(u.right, u.grad)),
    ("Does each parameter meet another one? Mind their order.", lambda u: u.mix(u.right, backwards(u.model))),
]


@check("3.4")
def check_MovingAverage(answer: Callable) -> str:
    model = WeightsToAverage()
    averages, start, seen = [careful(answer)(model, decay) for decay, _ in DECAYS], model(1.0).detach(), []
    for average in averages:
        if not hasattr(average, "update") or not isinstance(getattr(average, "model", None), nn.Module):
            facts = f"made with a model and a decay, it is {kind(average)} without a .model or an .update"
            raise Mistake(facts, "Is the given __init__ still there?")
    for average, (decay, updates) in zip(averages, DECAYS, strict=True):
        earlier = len(seen)
        model.train_a_step()
        if earlier and not average.model(1.0).equal(start):
            raise Mistake("updates of one average change another one, too", "What do the two share?")
        seen += [judge_update(average, model, decay, n, earlier) for n in range(1, updates + 1)]
    judge_mix(seen, [name for name, p in model.named_parameters() for _ in range(p.numel())])
    judge_buffers(seen)
    return "the mix, its start and its decay, all parameters, buffers as they are, the model left alone"


def judge_update(average: object, model: WeightsToAverage, d: float, n: int, earlier: int) -> UpdateSeen:
    """One update and what it must leave alone; then the model takes its next step of training."""
    (old, *old_buffers), before = shown(average.model), all_of(model)
    careful(average.update)(model)
    for name, value in all_of(model).items():
        if not value.equal(before[name]):
            facts = f"update changes the {name} of the model that it is given"
            raise Mistake(facts, "Training goes on with that model. Which of the two is written to?")
    if not isinstance(average.model, nn.Module):
        raise Mistake(f"after an update, .model is {kind(average.model)}, expected a model with the averaged weights")
    lost = model.state_dict().keys() - average.model.state_dict().keys()
    if lost:
        facts = f"after an update, the state_dict of .model lacks {', '.join(sorted(lost))}"
        raise Mistake(facts, "Is a plain tensor put in the place of a parameter?")
    new, *new_buffers = shown(average.model)
    model.train_a_step()
    if not all(one.equal(other) for one, other in zip(shown(average.model), [new, *new_buffers], strict=True)):
        facts = "when the model takes a step of training, .model changes with it, before any update"
        raise Mistake(facts, "Are there tensors that belong to both?")
    if any(p.requires_grad for p in average.model.parameters()):
        facts = "after an update, the weights of .model require a gradient"
        raise Mistake(facts, "Is update recorded for a backward pass, or is .model made anew?")
    expect_tensor(new, (20,), f"with decay {d}, after update {n} .model(x)")
    names = [name for name, _ in model.named_buffers()]
    buffers = list(zip(names, before["buffers"].split([2, 1]), old_buffers, new_buffers, strict=True))
    return UpdateSeen(d, n, earlier, before["weights"], before["gradients"], old, new, buffers)


def shown(model: nn.Module) -> list[t.Tensor]:
    """What the model answers, and copies of its buffers."""
    return [model(1.0).detach(), *(buffer.clone() for buffer in model.buffers())]


def all_of(model: nn.Module) -> dict[str, t.Tensor]:
    def row(tensors: list[t.Tensor]) -> t.Tensor:
        return t.cat([t.zeros(0), *(each.detach().flatten() for each in tensors)])

    parameters = list(model.parameters())
    return {
        "weights": row(parameters),
        "buffers": row(list(model.buffers())),
        "gradients": row([p.grad for p in parameters if p.grad is not None]),
        "requires_grad": t.tensor([p.requires_grad for p in parameters]),
        "mode (train or eval)": t.tensor([module.training for module in model.modules()]),
    }


def judge_mix(seen: list[UpdateSeen], names: list[str]) -> None:
    wrong = next((u for u in seen if not u.fits(u.mix(u.right))), None)
    if wrong is None:
        return
    question = next((q for q, mistake in MOVING_AVERAGE_MISTAKES if all(u.fits(mistake(u)) for u in seen)), "")
    expected, gap = wrong.mix(wrong.right), wrong.old - wrong.model
    d = ((wrong.new - wrong.model) @ gap / (gap @ gap)).item()
    if not question and wrong.fits(wrong.mix(d)):
        question = f"All numbers fit d = {d:.4g}. How does it come about?"
    i = (wrong.new - expected).abs().argmax().item()
    facts = f"is {wrong.old[i]:.4g} in the average and {wrong.model[i]:.4g} in the model"
    facts += f";\nthe average becomes {wrong.new[i]:.4g}, expected {expected[i]:.4g} with d = {wrong.right:.4g}"
    raise Mistake(f"with decay {wrong.d}, before update {wrong.n} a number of {names[i]} {facts}", question)


def judge_buffers(seen: list[UpdateSeen]) -> None:
    for u in seen:
        for name, model, old, new in u.buffers:
            if new.equal(model):
                continue
            question = "Is each buffer replaced by that of the model?"
            if new.equal(old):
                question = "Are all buffers taken over, in each update?"
            elif ((new >= old.minimum(model)) & (new <= old.maximum(model))).all():
                question = "Are the buffers averaged, too?"
            facts = f"after update {u.n} the buffer {name} is {numbers(new)} in the average"
            raise Mistake(f"with decay {u.d}, {facts},\nexpected {numbers(model)}, as in the model", question)


# -------------------------------------------------------------------------------------------------- 3.5 learning_rate
# A mistake is the two lines with a part replaced: the rise to the peak, the fall after it, or what they are given.


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
    for question, mistake in RATE_MISTAKES:
        wrong = [mistake(n, N, peak, w) for n in steps]
        if any(np.allclose(course, c, rtol=0, atol=1e-4 * peak) for c in (wrong, np.maximum(wrong, 0))):
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


@check("3.5")
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


# --------------------------------------------------------------------------------------------------- 3.6 bf16_loss
# Nothing here is random: what rounding does to one number is chance, and must not decide about an answer.

BF16_SHAPE, BF16_COUNTS = (3, 2, 4, 5), [3, 1, 4]


def bf16_mse(one: t.Tensor, other: t.Tensor) -> float:
    return (one.double() - other.double()).square().mean().item()


def bf16_rounded(x: t.Tensor) -> t.Tensor:
    return x.bfloat16().float()


BF16_MISTAKES = [  # b: the network's guess, the model's guess of the noise, target, x0, num_steps, noise, noised
    ("Is the guess compared with the noise? The network learns model.target.", lambda b: bf16_mse(b.guess, b.noise)),
    ("Is the guess compared with x0? The network learns model.target.", lambda b: bf16_mse(b.guess, b.x0)),
    ("Is the guess compared with noised? The network learns model.target.", lambda b: bf16_mse(b.guess, b.noised)),
    (
        "Are x0 and noise swapped on their way to model.target?",
        lambda b: bf16_mse(b.guess, b.target_of(b.noise, b.x0, b.num_steps)),
    ),
    (
        "Is model.target given noised for x0?",
        lambda b: bf16_mse(b.guess, b.target_of(b.noised, b.noise, b.num_steps)),
    ),
    (
        "Is model.target given noised for the noise?",
        lambda b: bf16_mse(b.guess, b.target_of(b.x0, b.noised, b.num_steps)),
    ),
    (
        "Is the model asked, which guesses noise? The target is that of its network.",
        lambda b: bf16_mse(b.eps, b.target),
    ),
    (
        "Is that Part 1's loss, of the model and the noise? Here its network has a target.",
        lambda b: bf16_mse(b.eps, b.noise),
    ),
    ("Is the target added to the guess? It is taken away.", lambda b: bf16_mse(b.guess, -b.target)),
    ("Is it squared twice?", lambda b: (b.guess - b.target).double().pow(4).mean().item()),
    ("Is the square missing?", lambda b: (b.guess - b.target).double().mean().item()),
    ("Is the square missing?", lambda b: (b.target - b.guess).double().mean().item()),
    ("Is the mean squared, and not each error?", lambda b: (b.guess - b.target).double().mean().item() ** 2),
    ("Is the loss a sum?", lambda b: bf16_mse(b.guess, b.target) * b.guess.numel()),
    ("Is the mean taken over the batch alone?", lambda b: bf16_mse(b.guess, b.target) * b.guess[0].numel()),
    ("Is that the absolute error?", lambda b: F.l1_loss(b.guess, b.target).item()),
    ("Is that a mix of squared and absolute error?", lambda b: F.smooth_l1_loss(b.guess, b.target).item()),
    ("Is a root taken of the loss?", lambda b: bf16_mse(b.guess, b.target) ** 0.5),
    ("Is the loss halved?", lambda b: bf16_mse(b.guess, b.target) / 2),
    ("Is the target rounded to bfloat16?", lambda b: bf16_mse(b.guess, bf16_rounded(b.target))),
    (
        "Are x0 and noise rounded to bfloat16?",
        lambda b: bf16_mse(b.guess, b.target_of(bf16_rounded(b.x0), bf16_rounded(b.noise), b.num_steps)),
    ),
]


class Bf16Network(nn.Module):
    """A convolution, so that its answer has the type it computes in. It refuses what it should not be asked."""

    def __init__(self, inputs: dict[str, t.Tensor]) -> None:
        super().__init__()
        self.img_shape, self.guesses = BF16_SHAPE[1:], []
        self.inputs = {name: value.clone() for name, value in inputs.items()}
        self.layer = nn.Conv2d(2, 2, 1, bias=False)
        self.layer.weight.data = t.tensor([[0.5, -0.25], [1.0, 0.75]])[..., None, None]

    def forward(self, images: t.Tensor, num_steps: t.Tensor) -> t.Tensor:
        noised, counts = self.inputs["noised"], self.inputs["num_steps"]
        if self.layer.weight.dtype != t.float32:
            facts = f"the network runs with weights of type {self.layer.weight.dtype}, expected torch.float32"
            raise Mistake(facts, "Is the model cast? Autocast leaves the weights as they are.")
        if not isinstance(images, t.Tensor) or images.shape != noised.shape:
            facts = f"the network gets {kind(images)} as images, expected shape {BF16_SHAPE}"
            raise Mistake(facts, "Are its two arguments in order?")
        if images.dtype != t.float32:
            facts = f"the network gets images of type {images.dtype}, expected torch.float32"
            raise Mistake(facts, "Are they cast by hand? Autocast does it where it is needed.")
        if not images.equal(noised):
            shown = next((name for name, value in self.inputs.items() if images.equal(value)), "other images")
            question = "In training, which of the three does it see?"
            if shown == "other images":
                question = "Is noised changed on the way?"
            raise Mistake(f"the network is shown {shown}, expected noised", question)
        if not isinstance(num_steps, t.Tensor) or not num_steps.equal(counts):
            told = num_steps.tolist() if isinstance(num_steps, t.Tensor) else num_steps
            question = "Is num_steps handed on as it came?"
            if told == [n - 1 for n in counts.tolist()]:
                question = "Counts begin at 1, rows at 0. Which does the network know?"
            raise Mistake(f"the network is told the counts {told}, expected {counts.tolist()}", question)
        guess = self.layer(images)
        if guess.dtype != t.bfloat16:
            question = "Is it asked inside of an autocast, and one for the device that noised is on?"
            if guess.dtype == t.float16:
                question = "There are two types of 16 bits. Which one does the text take?"
            raise Mistake(f"the network computes in {guess.dtype}, expected torch.bfloat16", question)
        self.guesses.append(guess)
        return guess


class Elsewhere(t.Tensor):
    """A tensor that says it is on a GPU, to show on any machine whether a function asks it."""

    device, is_cuda, is_cpu = t.device("cuda"), True, False


class NetworkElsewhere(nn.Module):
    """What is said to be elsewhere must not be asked under the autocast of this CPU."""

    img_shape = BF16_SHAPE[1:]

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(t.ones(()).as_subclass(Elsewhere))

    def forward(self, images: t.Tensor, num_steps: t.Tensor) -> t.Tensor:
        if t.is_autocast_enabled("cpu"):
            facts = "noised is on a GPU, and autocast is turned on for the CPU"
            raise Mistake(facts, "Is the name of the device written down? noised knows where it is.")
        return images * self.weight


class Bf16Model(VelocityGuesser):
    def target(self, x0: t.Tensor, noise: t.Tensor, num_steps: t.Tensor) -> t.Tensor:
        if t.is_autocast_enabled(noise.device.type):
            raise Mistake("model.target is asked under autocast", "Where does the with block end?")
        return super().target(x0, noise, num_steps)


@check("3.6")
def check_bf16_loss(answer: Callable) -> str:
    for device in part1.DEVICES:
        judge_bf16_loss(answer, device)
    given = bf16_inputs("cpu")
    try:
        t.set_autocast_dtype("cpu", t.float16)  # as it is on a GPU
        bf16_asked(answer, Bf16Model(Bf16Network(given), part1.schedule_for()), given, "cpu")
    except Mistake as mistake:
        if "torch.float16" not in str(mistake):
            raise
        facts = "where autocast's own type is torch.float16, as on a GPU, the network computes in that"
        raise Mistake(facts, "Is autocast told which type to take?") from None
    finally:
        t.set_autocast_dtype("cpu", t.bfloat16)
    judge_bf16_device(answer)
    return "the network in bfloat16, target and loss in float32, a gradient for every weight, autocast off again"


def bf16_inputs(device: str) -> dict[str, t.Tensor]:
    draw, n = t.Generator().manual_seed(0), t.tensor(BF16_COUNTS, device=device)
    x0, noise = (t.randn(BF16_SHAPE, generator=draw).to(device) for _ in range(2))
    a = part1.alpha_bars(n)
    return {"x0": x0, "num_steps": n, "noise": noise, "noised": a.sqrt() * x0 + (1 - a).sqrt() * noise}


def bf16_asked(answer: Callable, model: nn.Module, inputs: dict[str, t.Tensor], device: str) -> object:
    """What the answer returns; autocast is off before, whatever the session has."""
    try:
        with t.autocast(device, enabled=False):
            result = careful(answer)(model, *inputs.values())
            left_on = t.is_autocast_enabled(device)
    except ValueError as error:
        if "device_type" in str(error):
            error.add_note("3.6 bf16_loss: autocast takes the name of a device, such as noised.device.type.")
        raise
    if left_on:
        raise Mistake("autocast is still on when the function has returned", "Does anything turn it off again?")
    return result


def judge_bf16_loss(answer: Callable, device: str) -> None:
    inputs = bf16_inputs(device)
    model = Bf16Model(Bf16Network(inputs), part1.schedule_for(device)).to(device)
    result = bf16_asked(answer, model, inputs, device)
    for name, value in inputs.items():
        if not value.equal(model.network.inputs[name]):
            raise Mistake(f"it changes the {name} it is given", f"Does a line write into {name} in place?")
    if (asked := len(model.network.guesses)) != 1:
        question = "Can its first answer be kept?" if asked else "Is it model.network that is asked?"
        raise Mistake(f"the network is asked {asked} times, expected once", question)
    judge_bf16_value(result, model)
    judge_bf16_gradient(result, model.network)


def judge_bf16_device(answer: Callable) -> None:
    """Whether the device's name is that of the tensors given, on a machine without a GPU, too."""
    schedule = part1.schedule_for()
    for name, values in list(schedule.named_buffers()):
        setattr(schedule, name, values.as_subclass(Elsewhere))
    inputs = {name: value.as_subclass(Elsewhere) for name, value in bf16_inputs("cpu").items()}
    with warnings.catch_warnings(action="ignore"), suppress(RuntimeError, TypeError, AssertionError):  # without a GPU
        careful(answer)(VelocityGuesser(NetworkElsewhere(), schedule), *inputs.values())


def judge_bf16_value(result: object, model: Bf16Model) -> None:
    if isinstance(result, t.Tensor) and result.dtype == t.bfloat16:
        facts = "the loss is of type torch.bfloat16, expected torch.float32"
        raise Mistake(facts, "Of which type are the guess and the target when they are compared?")
    if isinstance(result, float | np.number):
        raise Mistake(f"it returns {kind(result)}, expected one tensor", "Does a plain number know its gradient?")
    if isinstance(result, tuple | list):
        raise Mistake(f"it returns {kind(result)}, expected one tensor", "What does train need, but the loss?")
    if isinstance(result, t.Tensor) and result.ndim:
        raise Mistake(f"it returns {kind(result)}, expected shape ()", "Is it the mean of all squared errors?")
    if isinstance(result, t.Tensor) and result.dtype == t.float64:
        facts = "the loss is of type torch.float64, expected torch.float32"
        raise Mistake(facts, "The sum may be done in float64. What is returned in the end?")
    plain = result.detach() if isinstance(result, t.Tensor) else result
    expect_tensor(plain, (), "it", model.noise_schedule.device.type)
    b = SimpleNamespace(**model.network.inputs, guess=model.network.guesses[0].detach().float())
    b.target_of, a = super(Bf16Model, model).target, part1.alpha_bars(b.num_steps)
    b.target = b.target_of(b.x0, b.noise, b.num_steps)
    b.eps = (1 - a).sqrt() * b.noised + a.sqrt() * b.guess
    expected = bf16_mse(b.guess, b.target)
    fits = lambda value: abs(plain.item() - value) < 1e-5 * abs(value)  # noqa: E731
    if not fits(expected):
        questions = [question for question, mistake in BF16_MISTAKES if fits(mistake(b))]
        if bf16_rounded(plain) == plain:
            questions.append("Is the loss computed in bfloat16, and cast at the end?")
        raise Mistake(f"the loss is {plain.item():.6g}, expected {expected:.6g}", next(iter(questions), ""))


def judge_bf16_gradient(result: t.Tensor, network: Bf16Network) -> None:
    weight = network.layer.weight
    if weight.grad is not None:
        raise Mistake("the weights have a gradient already", "Is backward called inside? That is left to train.")
    if result.requires_grad:
        result.backward()
    if weight.grad is None:
        question = "Is the loss cut off from the guess?"
        if not network.guesses[0].requires_grad:
            question = "Is the network asked under no_grad?"
        raise Mistake("the loss is right, but no gradient goes back to the weights", question)


# ------------------------------------------------------------------------------------------------- 3.7 ddim_sample
# The model remembers what it is shown and what it guesses, so every step is known. With eta = 0, the next x has a
# closed form. With eta > 0, two ways under one seed get the same fresh noise: what differs between them gives the
# factor of the guessed noise exactly, and what is left over is σz.

DDIM_BETAS = [0.1, 0.3, 0.05, 0.2, 0.15, 0.25, 0.4]
DDIM_COUNTS = {3: [7, 5, 2, 0], 7: [7, 6, 5, 4, 3, 2, 1, 0], 1: [7, 0]}  # by n_steps; 3 steps are uneven, too
DDIM_ETA = 0.5  # where fresh noise is looked at
DDIM_FACTS = "with betas {} and eta={}, from count {} to {}"
DDIM_ROUNDED = [0.31, 0.64, 0.79, 0.91]  # of a first β; then, in float32, 1 - ᾱ_m - σ² is below 0 for m = 2


def ddim_bar(n: int) -> t.Tensor:
    """ᾱ after n steps, in float64; 1 for n = 0."""
    return (1 - t.tensor(DDIM_BETAS[:n], dtype=t.float64)).prod()


def ddim_own_bar(n: int) -> t.Tensor:
    return (1 - linear_schedule(len(DDIM_BETAS)).double()[:n]).prod()


def ddim_alpha(n: int) -> t.Tensor:
    return ddim_bar(n) / ddim_bar(max(n - 1, 0))


def ddim_sigma(eta: float, a: t.Tensor, b: t.Tensor) -> t.Tensor:
    return eta * ((1 - b) / (1 - a) * (1 - a / b)) ** 0.5


def ddim_clean(x: t.Tensor, e: t.Tensor, a: t.Tensor) -> t.Tensor:
    return (x - (1 - a) ** 0.5 * e) / a**0.5


def ddim_noise(x: t.Tensor, x0: t.Tensor, e: t.Tensor, a: t.Tensor, b: t.Tensor) -> t.Tensor:
    return (x - a**0.5 * x0) / (1 - a) ** 0.5


def ddim_mix(x0: t.Tensor, noise: t.Tensor, a: t.Tensor, b: t.Tensor) -> t.Tensor:
    return b**0.5 * x0 + (1 - b) ** 0.5 * noise


def ddim_step(
    x: t.Tensor,
    e: t.Tensor,
    n: int,
    m: int,
    at: Callable = lambda n, m: (n, m),
    bar: Callable = ddim_bar,
    clean_at: Callable = lambda n, m: n,
    clean_bar: Callable = ddim_bar,
    clean: Callable = ddim_clean,
    clip: Callable = lambda x0, m: x0.clamp(-1, 1),
    noise: Callable = ddim_noise,
    mix: Callable = ddim_mix,
    sigma: Callable = lambda a, b: ddim_sigma(0, a, b),
    end: Callable = lambda x, m: x,
    clamped: bool = False,
) -> t.Tensor:
    """The step with eta = 0 from x and the guess e, after n steps of noise. at to end: what a mistake does otherwise;
    for wrong a and b, σ is no 0 but nan, unless all is clamped under its root"""
    (n_bar, m_bar), (a_of, b_of) = at(n, m), bar if isinstance(bar, tuple) else (bar, bar)
    a, b = a_of(n_bar), b_of(m_bar)
    x0 = clip(clean(x, e, clean_bar(clean_at(n, m))), m)
    return end(mix(x0, noise(x, x0, e, a, b), a, b) + (0 if clamped else sigma(a, b)), m)


def ddim_guess(x: t.Tensor, x0: t.Tensor, e: t.Tensor, a: t.Tensor, b: t.Tensor) -> t.Tensor:
    return e


def ddim_unclipped(x0: t.Tensor, m: int) -> t.Tensor:
    return x0


def ddim_clip_mix(x0: t.Tensor, noise: t.Tensor, a: t.Tensor, b: t.Tensor) -> t.Tensor:
    return ddim_mix(x0, noise, a, b).clamp(-1, 1)


GUESS_CLIPPED = "Is the guessed noise clipped? Only the guessed image is in [-1, 1]."
DDIM_MISTAKES = [
    (
        "Is ᾱ_n the smaller one, and on top in its fraction? 1 less a number above 1 has no root.",
        dict(sigma=lambda a, b: 0 * ((1 - b) * (1 - b / a)) ** 0.5),
    ),
    ("x0 was clipped. Does the noise that the model guessed still lead from it to x?", dict(noise=ddim_guess)),
    ("Is the guessed image clipped? It can lie far outside of [-1, 1].", dict(clip=ddim_unclipped)),
    ("Is it clipped in the last step alone?", dict(clip=lambda x0, m: x0 if m else x0.clamp(-1, 1))),
    ("Is it clipped in the last step, too?", dict(clip=lambda x0, m: x0.clamp(-1, 1) if m else x0)),
    ("Is it clipped to [0, 1]? Images are in [-1, 1].", dict(clip=lambda x0, m: x0.clamp(0, 1))),
    ("Is x clipped? Only the guessed image is in [-1, 1].", dict(clip=ddim_unclipped, mix=ddim_clip_mix)),
    ("Is x clipped? Only the guessed image is in [-1, 1].", dict(noise=ddim_guess, mix=ddim_clip_mix)),
    ("Is x clipped, too? Only the guessed image is in [-1, 1].", dict(mix=ddim_clip_mix)),
    (GUESS_CLIPPED, dict(clean=lambda x, e, a: ddim_clean(x, e.clamp(-1, 1), a), clip=ddim_unclipped)),
    (GUESS_CLIPPED, dict(clean=lambda x, e, a: ddim_clean(x, e.clamp(-1, 1), a))),
    (
        "Are the samples brought to [0, 1] in the end? They stay in [-1, 1].",
        dict(end=lambda x, m: x if m else (x + 1) / 2),
    ),
    ("Is ᾱ at 0 steps that of 1 step? No noise is left at 0.", dict(at=lambda n, m: (n, max(m, 1)))),
    ("Is ᾱ at 0 steps 0? No noise is left there, so it is 1.", dict(bar=lambda n: ddim_bar(n) * min(n, 1))),
    ("Is that ᾱ at 0 steps? Index -1 is the last one.", dict(at=lambda n, m: (n, m or len(DDIM_BETAS)))),
    ("Is that one count late? Row 0 of the schedule is ᾱ of 1 step.", dict(at=lambda n, m: (n, m + 1))),
    ("Is ᾱ of m looked up one count early?", dict(at=lambda n, m: (n, max(m - 1, 0)))),
    ("Is ᾱ of n looked up one count early?", dict(at=lambda n, m: (max(n - 1, 1), m))),
    ("Are both ᾱ looked up one count early?", dict(at=lambda n, m: (max(n - 1, 1), max(m - 1, 0)))),
    ("Is m taken for n - 1? These steps are longer.", dict(at=lambda n, m: (n, n - 1))),
    ("Are ᾱ of n and ᾱ of m swapped?", dict(at=lambda n, m: (m, n))),
    ("Which count does the step lead to? It stays as noisy as it was.", dict(at=lambda n, m: (n, n))),
    ("Is that α, of one step alone?", dict(bar=ddim_alpha)),
    ("Is that α, of one step alone?", dict(bar=ddim_alpha, clean_bar=ddim_alpha)),
    ("For n, is that α, of one step alone?", dict(bar=(ddim_alpha, ddim_bar))),
    ("For m, is that α, of one step alone?", dict(bar=(ddim_bar, ddim_alpha))),
    ("Is that the schedule of the model?", dict(bar=ddim_own_bar)),
    ("Is x0 reconstructed from m steps? x still has n.", dict(clean_at=lambda n, m: max(m, 1))),
    ("Is that a tanh? Clipping leaves alone what lies in [-1, 1].", dict(clip=lambda x0, m: x0.tanh())),
    ("Are the samples clipped to [0, 1] in the end?", dict(end=lambda x, m: x if m else x.clamp(0, 1))),
    ("Do x and the guess trade places in reconstruct?", dict(clean=lambda x, e, a: ddim_clean(e, x, a))),
    ("Is the guess taken for the clean image? It is noise.", dict(clean=lambda x, e, a: e)),
    (
        "Is the noise that of m? x still has n steps of it.",
        dict(noise=lambda x, x0, e, a, b: ddim_noise(x, x0, e, b, a)),
    ),
    ("Is the noise divided by a root?", dict(noise=lambda x, x0, e, a, b: (x - a**0.5 * x0) / (1 - a))),
    ("Is the noise divided by the image's factor?", dict(noise=lambda x, x0, e, a, b: (x - a**0.5 * x0) / a**0.5)),
    (
        "Is the noise multiplied by its factor? To get it back, divide.",
        dict(noise=lambda x, x0, e, a, b: (x - a**0.5 * x0) * (1 - a) ** 0.5),
    ),
    (
        "Is x divided, too, in the noise? Mind the parentheses.",
        dict(noise=lambda x, x0, e, a, b: x - a**0.5 * x0 / (1 - a) ** 0.5),
    ),
    (
        "Is x overwritten by the clean image? Its noise is what leads from the one to the other.",
        dict(noise=lambda x, x0, e, a, b: ddim_noise(x0, x0, e, a, b)),
    ),
    ("In the noise, is x0 faded at all?", dict(noise=lambda x, x0, e, a, b: (x - x0) / (1 - a) ** 0.5)),
    ("In the noise, is x0 faded by a root?", dict(noise=lambda x, x0, e, a, b: (x - a * x0) / (1 - a) ** 0.5)),
    ("Has the image ᾱ of n? The step leads to m.", dict(mix=lambda x0, e, a, b: a**0.5 * x0 + (1 - b) ** 0.5 * e)),
    ("Has the noise ᾱ of n? The step leads to m.", dict(mix=lambda x0, e, a, b: b**0.5 * x0 + (1 - a) ** 0.5 * e)),
    ("Is the root missing in front of the image?", dict(mix=lambda x0, e, a, b: b * x0 + (1 - b) ** 0.5 * e)),
    ("Is the root missing in front of the noise?", dict(mix=lambda x0, e, a, b: b**0.5 * x0 + (1 - b) * e)),
    ("Are both roots missing?", dict(mix=lambda x0, e, a, b: b * x0 + (1 - b) * e)),
    ("Are the two factors swapped?", dict(mix=lambda x0, e, a, b: ddim_mix(e, x0, a, b))),
    ("Is the noise subtracted? It is added again.", dict(mix=lambda x0, e, a, b: ddim_mix(x0, -e, a, b))),
    ("Is the image faded?", dict(mix=lambda x0, e, a, b: x0 + (1 - b) ** 0.5 * e)),
    ("Is the guessed noise added again?", dict(mix=lambda x0, e, a, b: b**0.5 * x0)),
    ("That is the guessed image. Is it noised again?", dict(mix=lambda x0, e, a, b: x0)),
]
SIGMA_MISTAKES = [  # what is taken for σ; a and b are ᾱ of n and of m, beta is β of n
    ("Is fresh noise added?", lambda eta, a, b, beta: 0 * a),
    ("Is eta a factor, or only a switch?", lambda eta, a, b, beta: ddim_sigma(1, a, b)),
    ("Does eta multiply a variance? It multiplies σ.", lambda eta, a, b, beta: ddim_sigma(eta**0.5, a, b)),
    ("Is the root missing? z wants a standard deviation.", lambda eta, a, b, beta: eta * ddim_sigma(1, a, b) ** 2),
    ("Is z multiplied by σ², a variance?", lambda eta, a, b, beta: ddim_sigma(eta, a, b) ** 2),
    ("Is that Algorithm 2's σ, of one step?", lambda eta, a, b, beta: eta * beta**0.5),
    (
        "Is that β, of one step? These steps are longer.",
        lambda eta, a, b, beta: eta * ((1 - b) / (1 - a) * beta) ** 0.5,
    ),
    ("Is the first fraction missing under the root?", lambda eta, a, b, beta: eta * (1 - a / b) ** 0.5),
    ("Is 1 - ᾱ_n / ᾱ_m missing under the root?", lambda eta, a, b, beta: eta * ((1 - b) / (1 - a)) ** 0.5),
    ("Is the first fraction upside down?", lambda eta, a, b, beta: eta * ((1 - a) / (1 - b) * (1 - a / b)) ** 0.5),
    ("Is a 1 - missing in front of ᾱ_n / ᾱ_m?", lambda eta, a, b, beta: eta * ((1 - b) / (1 - a) * a / b) ** 0.5),
    (
        "Does the root cover the first fraction alone?",
        lambda eta, a, b, beta: eta * ((1 - b) / (1 - a)) ** 0.5 * (1 - a / b),
    ),
    (
        "Does the root leave out the first fraction?",
        lambda eta, a, b, beta: eta * (1 - b) / (1 - a) * (1 - a / b) ** 0.5,
    ),
    (
        "Are both factors under the root of σ added?",
        lambda eta, a, b, beta: eta * ((1 - b) / (1 - a) + 1 - a / b) ** 0.5,
    ),
    ("Is it divided by 1 - ᾱ_n / ᾱ_m?", lambda eta, a, b, beta: eta * ((1 - b) / (1 - a) / (1 - a / b)) ** 0.5),
    ("Is (1 - ᾱ_n) / ᾱ_m taken for 1 - ᾱ_n / ᾱ_m?", lambda eta, a, b, beta: eta * ((1 - b) / b) ** 0.5),
    ("Is a root taken of σ itself?", lambda eta, a, b, beta: ddim_sigma(eta, a, b) ** 0.5),
    ("Is all noise of m fresh? Part of it is guessed.", lambda eta, a, b, beta: eta * (1 - b) ** 0.5),
    ("Is that all noise of n? The step leads to m, with less noise.", lambda eta, a, b, beta: eta * (1 - a) ** 0.5),
    ("Is z multiplied by eta alone?", lambda eta, a, b, beta: eta * a**0),
    ("Is z drawn between 0 and 1?", lambda eta, a, b, beta: ddim_sigma(eta, a, b) / 12**0.5),
]
KEPT_MISTAKES = [  # what is taken for the factor of the guessed noise; b is ᾱ of m, s is σ
    ("The fresh noise comes on top. Is the guessed one made smaller for it?", lambda b, s: (1 - b) ** 0.5),
    ("Is σ squared under the middle root?", lambda b, s: (1 - b - s).clamp(min=0) ** 0.5),
    ("Is σ² added under the middle root?", lambda b, s: (1 - b + s**2) ** 0.5),
    ("Is σ taken off after the root, or σ² under it?", lambda b, s: (1 - b) ** 0.5 - s),
    ("Is σ² taken off after the root, or under it?", lambda b, s: (1 - b) ** 0.5 - s**2),
    ("Is the root multiplied by 1 - σ²? σ² is taken off under it.", lambda b, s: ((1 - b) * (1 - s**2)) ** 0.5),
    ("Is eta² taken off under the middle root, or σ²?", lambda b, s: (1 - b - DDIM_ETA**2).clamp(min=0) ** 0.5),
]


class Recorded(nn.Module):
    """A model whose guesses depend on the count alone. It remembers what it is shown and what it guesses."""

    img_shape = (3, 24, 32)

    def __init__(self, sign: int = 1, device: str = "cpu", betas: Sequence[float] = DDIM_BETAS) -> None:
        super().__init__()
        self.noise_schedule = NoiseSchedule(len(betas), device, t.tensor(betas))
        self.weight = nn.Parameter(t.zeros((), device=device))  # so that a graph shows where gradients are on
        self.sign, self.counts, self.shown, self.guesses = sign, [], [], []

    def forward(self, images: t.Tensor, num_steps: t.Tensor) -> t.Tensor:
        if not isinstance(num_steps, t.Tensor) or num_steps.shape != images.shape[:1]:
            facts = f"the model gets {kind(num_steps)} as num_steps"
            question = "Are there as many images and counts as samples?"
            raise Mistake(f"{facts}, expected one count for each of {len(images)} images", question)
        if num_steps.is_floating_point():
            facts = f"the model gets {num_steps[0]:.4g} as a count, of type {num_steps.dtype}, expected whole numbers"
            raise Mistake(facts, "Is it the count n of the step?")
        if images.dtype != t.float32:
            facts = f"the model gets images of type {images.dtype}, expected torch.float32"
            raise Mistake(facts, "Which of the factors is float64?" if images.dtype == t.float64 else "")
        for what, thing in [("images", images), ("counts", num_steps)]:
            if thing.device.type != self.weight.device.type:
                facts = f"a model that is on another device gets {what} on the {thing.device.type}"
                raise Mistake(facts, "On which device are they made?")
        if images.is_meta:
            return images + self.weight
        self.counts.append(num_steps[0].item())
        self.shown.append(images.detach().clone())
        guess = 0.5 * t.randn(images.shape, generator=t.Generator().manual_seed(self.counts[-1]))
        self.guesses.append(self.sign * guess.double())
        return self.sign * guess + self.weight


@dataclass
class DdimStep:
    """One step with eta = 0, from x and the guess, after n steps of noise, to result."""

    x: t.Tensor
    guess: t.Tensor
    n: int
    m: int
    result: t.Tensor

    def fits(self, **how) -> bool:
        """how: of a mistake; none: whether the step is right"""
        return self.result.allclose(ddim_step(self.x, self.guess, self.n, self.m, **how), atol=1e-3, equal_nan=True)

    @property
    def broken_off(self) -> bool:
        """Whether it is nan at 0 steps alone. What is wrong before tells more."""
        return self.m == 0 and bool(self.result.isnan().any() and self.x.isfinite().all())


@check("3.7")
def check_ddim_sample(answer: Callable) -> str:
    answer = careful(answer)
    model, plain = ddim_way(answer, 3, 6, 0.0)
    if not all(
        one.allclose(two, equal_nan=True) for one, two in zip(plain, ddim_way(answer, 3, 6, 0.0)[1], strict=True)
    ):
        raise Mistake("with eta=0, two ways from the same start end apart", "Is eta used?")
    steps = ddim_steps(3, model, plain)
    try:
        for n_steps, n_samples in [(1, 1), (7, 2)]:
            steps += ddim_steps(n_steps, *ddim_way(answer, n_steps, n_samples, 0.0))
    except Exception:
        judge_ddim_steps(answer, steps)  # what is wrong so far may be why
        raise
    judge_ddim_steps(answer, steps)
    judge_ddim_noise(answer)
    judge_ddim_rounding(answer)
    judge_ddim_list(answer, model, plain)
    judge_ddim_start(answer)
    judge_ddim_device(answer)
    return "counts, the clipped image, its noise, σ and eta, fresh noise, rounding, start, all steps returned"


def ddim_way(answer: Callable, n_steps: int, n_samples: int, eta: float, sign: int = 1) -> tuple[Recorded, list]:
    """The model, and each x from start to the result, in float64."""
    model, shape = Recorded(sign), (n_samples, *Recorded.img_shape)
    start = sign * 0.6 * t.randn(shape, generator=t.Generator().manual_seed(n_steps))
    before = start.clone()
    try:
        result = answer(model, n_samples, n_steps=n_steps, eta=eta, start=start)
    except ValueError as error:  # the schedule lacks a count
        seen = len(model.counts)
        judge_ddim_counts(model.counts, DDIM_COUNTS[n_steps], DDIM_COUNTS[n_steps][:seen])
        error.add_note("3.7 ddim_sample: is ᾱ of 0 steps looked up? The text says what it is.")
        raise
    if isinstance(result, t.Tensor) and result.requires_grad:
        raise Mistake("the samples carry a graph for gradients", "Is @t.no_grad() still above def?")
    numbers = result.nan_to_num() if isinstance(result, t.Tensor) else result  # a nan is judged where it comes up
    expect_tensor(numbers, shape, f"with n_steps={n_steps} it")
    judge_ddim_counts(model.counts, DDIM_COUNTS[n_steps], DDIM_COUNTS[n_steps][:-1])
    if not start.equal(before):
        raise Mistake("it changes start", "Does a line write into x in place?")
    if not model.shown[0].equal(start):
        raise Mistake("the first images that the model gets are not start", "Is start used?")
    return model, [x.double() for x in [*model.shown, result]]


def judge_ddim_counts(seen: list[int], counts: list[int], expected: list[int]) -> None:
    length = len(counts) - 1
    questions = {
        "Is the model told m? x still has n steps of noise.": seen in (counts[1:], [max(m, 1) for m in counts[1:]]),
        "Is it the way back, from T down to 0?": seen == counts[-2::-1] or seen[:1] == [0],
        "Is the first step left out?": seen == counts[1:-1],
        "Is the last step left out?": seen == counts[:-2],
        "Is every count visited? The given ones are further apart.": seen == DDIM_COUNTS[7][:-1],
        "Counts begin at 1, rows at 0. Which does the model know?": seen == [n - 1 for n in counts[:-1]],
        "Is n_steps taken for the length of a step? It is how many there are.": seen == [*range(counts[0], 0, -length)],
        "Is the model asked twice at each count? Keep its guess.": seen == [n for n in expected for _ in range(2)],
        "Does each go to the next of the given counts?": True,
    }
    if seen != expected:
        facts = f"where counts is {counts}, the model gets the counts {seen}, expected {counts[:-1]}"
        raise Mistake(facts, next(q for q, fits in questions.items() if fits))


def ddim_steps(n_steps: int, model: Recorded, xs: list[t.Tensor]) -> list[DdimStep]:
    pairs = pairwise(DDIM_COUNTS[n_steps])
    return [DdimStep(x, e, n, m, to) for (x, to), e, (n, m) in zip(pairwise(xs), model.guesses, pairs, strict=True)]


def judge_ddim_steps(answer: Callable, steps: list[DdimStep]) -> None:
    """With eta = 0, every pixel has a closed form."""
    wrong = sorted((step for step in steps if not step.fits()), key=lambda step: step.broken_off)
    if not wrong:
        return
    step = wrong[0]
    if step.broken_off:
        judge_ddim_noise(answer, last=False)
    expected, x0 = ddim_step(step.x, step.guess, step.n, step.m), ddim_clean(step.x, step.guess, ddim_bar(step.n))
    gap = (step.result - expected).abs().nan_to_num(nan=9)
    unclipped = gap * (x0.abs() < 1)  # if wrong there, such a pixel tells more
    at = (unclipped if unclipped.max() > 1e-3 else gap).argmax()
    x, guess, x0, is_now, should_be = (v.flatten()[at] for v in (step.x, step.guess, x0, step.result, expected))
    facts = DDIM_FACTS.format(DDIM_BETAS, 0, step.n, step.m)
    facts += f",\nx = {x:.3f}, guess {guess:.3f}, x0 = {x0:.3f} before clipping: "
    facts += f"x becomes {is_now:.3f}, expected {should_be:.3f}"
    ways = [(q, how | guard) for q, how in DDIM_MISTAKES for guard in ({}, dict(clamped=True))]
    fits = [q for q, how in ways if all(step.fits(**how) for step in steps)]
    fits += ["Is there a root of a negative number, or a division by 0?"] if is_now.isnan() else []
    if (gap * (ddim_clean(step.x, step.guess, ddim_bar(step.n)).abs() < 1)).max() < 1e-4:
        fits.append("Where x0 is in [-1, 1] already, all is right. What becomes of the others?")
    raise Mistake(facts, next(iter(fits), ""))


class Freshened(NamedTuple):
    """One step with eta > 0: what is added to image and guessed noise, and the factor of the latter."""

    n: int
    m: int
    fresh: t.Tensor
    kept: t.Tensor


def freshened(answer: Callable, n_steps: int) -> list[Freshened]:
    """Every step, from two ways with the same fresh noise and opposite guesses."""
    ways, steps = [], []
    for sign in (1, -1):
        seed_all(t.initial_seed())
        ways.append(ddim_way(answer, n_steps, 6, DDIM_ETA, sign))
    for i, (n, m) in enumerate(pairwise(DDIM_COUNTS[n_steps])):
        a, b = ddim_bar(n), ddim_bar(m)
        x0s = [ddim_clean(xs[i], model.guesses[i], a).clamp(-1, 1) for model, xs in ways]
        noise, other = (ddim_noise(xs[i], x0, x0, a, b) for x0, (_, xs) in zip(x0s, ways, strict=True))
        rest, other_rest = (xs[i + 1] - b**0.5 * x0 for x0, (_, xs) in zip(x0s, ways, strict=True))
        kept = ((noise - other) * (rest - other_rest)).sum() / ((noise - other) ** 2).sum()
        steps.append(Freshened(n, m, rest - kept * noise, kept))
    return steps


def judge_ddim_noise(answer: Callable, last: bool = True) -> None:
    """With eta > 0: how much fresh noise is added, how much of the guessed one is kept, and what z is.
    last: whether the step to 0 is judged, too"""
    steps = [step for n_steps in (3, 7) for step in freshened(answer, n_steps) if step.m or last]
    first, second = (step.fresh for step in steps[:2])
    shared = [axis for i, axis in enumerate(["sample", "channel", "row", "column"]) if first.std(dim=i).max() < 1e-4]
    if shared and first.std() > 1e-3:
        raise Mistake(f"with eta={DDIM_ETA}, every {' and '.join(shared)} gets the same noise", "Has z the shape of x?")
    seeded = freshened(answer, 3)[0].fresh.equal(first)  # else z comes from elsewhere, and differs each time
    seed_all(t.initial_seed() + 1)
    if first.std() > 1e-3 and freshened(answer, 3)[0].fresh.equal(first):
        facts = f"with eta={DDIM_ETA}, each way from the same start leads to the same images"
        raise Mistake(facts, "Is z drawn at random, or is a seed set inside?")
    sigmas, kepts = [], []
    for n, m, fresh, kept in steps:
        a, b = ddim_bar(n), ddim_bar(m)
        sigma = ddim_sigma(DDIM_ETA, a, b)
        sigmas.append((n, m, fresh.std(), sigma, (DDIM_ETA, a, b, 1 - ddim_alpha(n))))
        kepts.append((n, m, kept, (1 - b - sigma**2).abs() ** 0.5, (b, sigma)))
    before_0 = [step for step in steps if step.m]
    if all(step.fresh.std() < 1e-3 and step.kept.isclose((1 - ddim_bar(step.m)) ** 0.5, 1e-3) for step in before_0):
        facts = f"with eta={DDIM_ETA}, no fresh noise is added, and the guessed noise is not made smaller"
        raise Mistake(facts, "Then σ is 0. Does eta count in it, and is its last fraction the right way up?")
    judge_ddim_factors("fresh noise of std {:.3f} is added", sigmas, SIGMA_MISTAKES, 0.04)
    judge_ddim_factors("the guessed noise has factor {:.3f}", kepts, KEPT_MISTAKES, 0.001 if seeded else 0.03)
    within = (first.abs() < first.std()).double().mean()
    if abs(within - 0.683) > 0.03:
        facts = f"with eta={DDIM_ETA}, {within:.0%} of the fresh noise is within one std, expected 68%"
        raise Mistake(facts, "From which distribution is z drawn?")
    if (first * second).mean().abs() > 0.1 * first.std() * second.std():
        raise Mistake(f"with eta={DDIM_ETA}, two steps add the same noise", "Is z drawn anew in each step?")


def judge_ddim_factors(words: str, measured: list[tuple], mistakes: list, slack: float) -> None:
    def same(got: t.Tensor, formula: t.Tensor) -> bool:
        return got.allclose(formula, rtol=slack, atol=1e-3)

    # in the last step some take x0 as it is, and after a first nan all is nan
    known = [(got, expected, of) for _, m, got, expected, of in measured if m and not got.isnan()]
    for n, m, got, expected, _ in measured:
        if not same(got, expected):
            fits = [q for q, mistake in mistakes if known and all(same(value, mistake(*of)) for value, _, of in known)]
            fits += ["Is there a root of a negative number, or a division by 0?"] if got.isnan() else []
            fits += ["Is noise added in the last step? Nothing cleans up after it."] if m == 0 else []
            if got < 1e-3 and mistakes is SIGMA_MISTAKES:
                fits.append("Is fresh noise left out in some steps? Only the step to 0 has none.")
            if all(same(value / right, got / expected) for value, right, _ in known):
                fits.append(f"In each step it is about {got / expected:.1f} times as large. Where does that come from?")
            facts = f"{DDIM_FACTS.format(DDIM_BETAS, DDIM_ETA, n, m)},\n{words.format(got)}, expected {expected:.3f}"
            raise Mistake(facts, next(iter(fits), ""))


def judge_ddim_rounding(answer: Callable) -> None:
    """Where all noise is fresh, rounding leads 1 - ᾱ_m - σ² just below 0, in one of these schedules at least."""
    for beta in DDIM_ROUNDED:
        betas = [beta, beta, 0.9999, 0.9999]
        if answer(Recorded(betas=betas), 1, n_steps=2, eta=1.0).isnan().any():
            question = "By rounding, what should be 0 can come out just below it. Is it clamped, under its root?"
            raise Mistake(f"with betas {betas}, n_steps=2 and eta=1, x becomes nan", question)


def judge_ddim_list(answer: Callable, model: Recorded, plain: list[t.Tensor]) -> None:
    start = plain[0].float()
    steps = answer(Recorded(), 6, n_steps=3, eta=0.0, start=start, return_all_steps=True)
    if isinstance(steps, t.Tensor) and steps.shape == start.shape:
        raise Mistake("with return_all_steps=True it returns the last images alone", "Is return_all_steps used?")
    if not isinstance(steps, list | tuple | t.Tensor):
        raise Mistake(f"with return_all_steps=True it returns {kind(steps)}, expected a list")
    if len(steps) != len(plain):
        question = "Is it one image for each step, and the start?"
        if len(steps) == len(plain) - 1:
            question = "Are both the start and the result in it?"
        raise Mistake(f"return_all_steps gives {len(steps)} entries for 3 steps, expected {len(plain)}", question)
    for i, (entry, expected) in enumerate(zip(steps, plain, strict=True)):
        expect_tensor(entry, start.shape, f"entry {i} of all steps")
        if not entry.allclose(expected.float(), atol=1e-3):
            x0 = ddim_clean(plain[i - 1], model.guesses[i - 1], ddim_bar(DDIM_COUNTS[3][i - 1])).clamp(-1, 1)
            brought = (expected.float() / 2 + 0.5).clamp(0, 1)
            questions = {
                "Is it one tensor, changed in place, many times?": all(entry.equal(other) for other in steps),
                "Is it noisy first, clean last?": steps[-1].equal(start),
                "Is x kept as it is, or clipped?": entry.allclose(expected.float().clamp(-1, 1), atol=1e-4),
                "Is x kept as it is, or brought to [0, 1]?": entry.clamp(0, 1).allclose(brought, atol=1e-4),
                "Is the start in it twice?": i > 0 and entry.allclose(plain[i - 1].float(), atol=1e-4),
                "Is x kept, or the guessed image?": i > 0 and entry.allclose(x0.float(), atol=1e-4),
            }
            facts = f"entry {i} of all steps is not x after {DDIM_COUNTS[3][i]} steps of noise"
            raise Mistake(facts, next((q for q, fits in questions.items() if fits), ""))


def judge_ddim_start(answer: Callable) -> None:
    model = Recorded()
    answer(model, 6, n_steps=1)
    x = model.shown[0]
    if x.std(dim=0).max() < 1e-6:
        raise Mistake("without start, all samples begin with the same noise", "Is there a draw for each sample?")
    if abs(x.mean()) > 0.05 or abs(x.std() - 1) > 0.05:
        facts = f"without start, the first images have mean {x.mean():.3f} and std {x.std():.3f}, expected 0 and 1"
        raise Mistake(facts, "From which distribution are they drawn?")


def judge_ddim_device(answer: Callable) -> None:
    """Every tensor has to be made where the schedule is. The meta device, which has no numbers, shows it anywhere."""
    try:
        answer(Recorded(device="meta"), 6, n_steps=3)
    except (RuntimeError, TypeError) as error:  # one that asks for a number is no mistake
        if any(words in str(error) for words in ("expected device", "same device", "tensor to numpy")):
            facts = "with a model on another device, tensors of two devices meet"
            raise Mistake(facts, "Is each made on the device of x, and brought to the CPU for NumPy?") from None
