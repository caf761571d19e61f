"""The check of 3.1 frechet_distance.

The clouds are made so that their distance is known without the formula. A mistake is the formula with one part
replaced: the means μ, the gap's |.|², the covariances C, their root R, or what is made of all that at the end.
"""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from math import sqrt

import numpy as np
import torch as t
from scipy.linalg import sqrtm

from tests.checking import Mistake, careful, check, kind, recognise, unchanged


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
    with unchanged(features1=pair.x1, features2=pair.x2):
        result = careful(answer)(pair.x1, pair.x2)
    if result is None:
        raise Mistake("it returns None, expected one number", "Where does the function return something?")
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
    # clouds at distance 0 are too little to tell by, and the root of the whole may be one of -1e-16
    telling = [(other, d) for other, d in measured if other.distance(1) > 1e-9]
    with warnings.catch_warnings(action="ignore"):  # of nan and the like: a mistake may lead there
        question = recognise(
            FRECHET_MISTAKES,
            lambda mistake: all(close_to(d, partial(other.mistaken, mistake)) for other, d in telling),
            otherwise=question,
        )
    facts = f"the distance is {round(result, 3) + 0.0:g}, expected {pair.distance(ddof=1):g}"
    raise Mistake(f"for {pair.words},\n{facts}", question)


@check("3.1", mistakes=FRECHET_MISTAKES)
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
