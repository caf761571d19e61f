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

from tests.checking import Mistake, apart, careful, check, factors_of, kind, recognise, unchanged


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


def offset(x: np.ndarray, ddof: int, size: float) -> np.ndarray:
    return np.cov(x.T, ddof=ddof) + size * np.eye(x.shape[1])


def standard(x: np.ndarray, by: np.ndarray) -> np.ndarray:
    return (x - by.mean(axis=0)) / by.std(axis=0)


def gram(x: np.ndarray, ddof: int) -> np.ndarray:
    x = x - x.mean(axis=0)
    return x @ x.T / (len(x) - ddof)


SHAPE_OF_C = "You compare images with each other. C tells how features vary together, so it has a row for each feature."
WHOLE_PRODUCT = "You take the root of one of the two alone. It covers the whole product."
BOTH_ONCE = "You put the same covariance into the product twice, or measure C₁ - C₂. Each is in it once."
DIFFERENCE = "You measure C₁ - C₂. What does the trace hold?"
RIGHT_FACTORS = (1, 1, 1, -2)  # of |μ₁ - μ₂|², and of the traces of C₁, C₂ and the root
ROOT_OF_TRACE = "You take the root of the trace. It's the trace of a root."
PAIRED = "You compare image 1 with image 1, and 2 with 2. Sets have no order: what describes each as a whole?"
OFFSET = "You add something to C or under the root. The formula adds nothing, and with small features that would change much."
STANDARD = "You scale the features to a standard deviation of 1. They're taken as they are."
ONE_FEATURE = "You throw all numbers of a set together. Each feature has its own mean and variances."
FRECHET_MISTAKES = [
    ("Where is the gap's length squared?", dict(size=np.linalg.norm)),
    ("You average the squares of the gap. They're added up.", dict(size=lambda v: (v**2).mean())),
    ("You add up the gap before you square it. Each number is squared first.", dict(size=lambda v: v.sum() ** 2)),
    ("You add up the sizes of the gap. Where is the square?", dict(size=lambda v: np.abs(v).sum())),
    ("Where do the means count? Each is that of its own set.", dict(size=lambda v: 0)),
    (
        "You take one mean of all numbers for μ. Each feature has its own.",
        dict(mean=lambda x: x.mean(keepdims=True)[0]),
    ),
    ("You take the mean over the features. μ is one over the images.", dict(mean=lambda x: x.mean(axis=1))),
    ("You keep the variances alone. What else is in C?", dict(cov=lambda x, ddof: np.diag(x.var(axis=0, ddof=ddof)))),
    (
        "You put standard deviations into C. It holds variances.",
        dict(cov=lambda x, ddof: np.diag(x.std(axis=0, ddof=ddof))),
    ),
    (
        "You take the roots of C₁ and C₂ themselves. Only their product has one.",
        dict(cov=lambda x, ddof: sqrtm(np.cov(x.T, ddof=ddof))),
    ),
    ("You put correlations into C. It holds covariances.", dict(cov=lambda x, ddof: np.corrcoef(x.T))),
    ("Where is the mean taken off before C is made?", dict(cov=lambda x, ddof: x.T @ x / (len(x) - ddof))),
    ("Where is C divided by the number of images?", dict(cov=lambda x, ddof: np.cov(x.T) * (len(x) - 1))),
    (SHAPE_OF_C, dict(cov=lambda x, ddof: np.cov(x, ddof=ddof))),
    (SHAPE_OF_C, dict(cov=gram)),
    ("You take a root of each number. Here it's that of a matrix.", dict(root=lambda A, B: np.sqrt(A @ B))),
    ("You multiply C₁ and C₂ number by number. How are matrices multiplied?", dict(root=lambda A, B: sqrtm(A * B))),
    ("Where is the root of the product?", dict(root=lambda A, B: A @ B)),
    ("You halve, because x ** 1/2 is (x ** 1) / 2.", dict(root=lambda A, B: A @ B / 2)),
    ("You take a root of each matrix. First comes the product.", dict(root=lambda A, B: sqrtm(A) @ sqrtm(B))),
    (WHOLE_PRODUCT, dict(root=lambda A, B: sqrtm(A) @ B)),
    (WHOLE_PRODUCT, dict(root=lambda A, B: A @ sqrtm(B))),
    (BOTH_ONCE, dict(root=lambda A, B: A)),
    (BOTH_ONCE, dict(root=lambda A, B: B)),
    ("You take a Cholesky factor, which is no matrix root.", dict(root=lambda A, B: np.linalg.cholesky(A @ B))),
    (
        "You take C₁ C₂ for symmetric, and it isn't.",
        dict(root=lambda A, B: np.diag(np.sqrt(np.linalg.eigvalsh(A @ B)))),
    ),
    ("You drop the signs of the root. The real part keeps them.", dict(root=lambda A, B: np.abs(sqrtm(A @ B)))),
    (ROOT_OF_TRACE, dict(end=lambda g, A, B, R: g + np.trace(A + B) - 2 * sqrt(np.trace(A @ B)))),
    (ROOT_OF_TRACE, dict(end=lambda g, A, B, R: g + np.trace(A + B) - 2 * sqrt(np.trace(A) * np.trace(B)))),
    ("Where is the 2 in front of the root?", dict(end=lambda g, A, B, R: g + np.trace(A + B - R))),
    ("You add the root. It's subtracted.", dict(end=lambda g, A, B, R: g + np.trace(A + B + 2 * R))),
    (
        "Where does the root count? If it's there, which part of it do you take?",
        dict(end=lambda g, A, B, R: g + np.trace(A + B)),
    ),
    ("Where do the covariances count? Each is that of its own set.", dict(end=lambda g, A, B, R: g)),
    ("Where is the second set used?", dict(end=lambda g, A, B, R: np.zeros(()))),
    (
        "You add up all numbers of the matrix. A trace adds up its diagonal.",
        dict(end=lambda g, A, B, R: g + (A + B - 2 * R).sum()),
    ),
    ("You average the diagonal. A trace adds it up.", dict(end=lambda g, A, B, R: g + np.diag(A + B - 2 * R).mean())),
    (
        "You add up all numbers of the root. The trace is that of the root, too.",
        dict(end=lambda g, A, B, R: g + np.trace(A + B) - 2 * R.sum()),
    ),
    (
        "You take a determinant. A trace is the sum of the diagonal.",
        dict(end=lambda g, A, B, R: g + np.linalg.det(A + B - 2 * R)),
    ),
    ("You put the 2 under the root. It stands before it.", dict(root=lambda A, B: sqrtm(2 * A @ B) / 2)),
    (
        "You take a norm of the matrix. A trace is the sum of the diagonal.",
        dict(end=lambda g, A, B, R: g + np.linalg.norm(A + B - 2 * R)),
    ),
    (
        "You take a root of the whole. The distance is a squared one.",
        dict(end=lambda g, A, B, R: np.sqrt(g + np.trace(A + B - 2 * R))),
    ),
    ("You take the root of a sum. It's that of a product.", dict(root=lambda A, B: sqrtm(A + B))),
    (DIFFERENCE, dict(end=lambda g, A, B, R: g + ((A - B) ** 2).sum())),
    (DIFFERENCE, dict(end=lambda g, A, B, R: g + ((A - B) ** 2).trace())),
    (DIFFERENCE, dict(end=lambda g, A, B, R: g + np.linalg.norm(A - B))),
    ("You invert C₁ C₂. Its root has the power 1/2.", dict(root=lambda A, B: np.linalg.inv(sqrtm(A @ B)))),
    (
        "You divide the whole, by 2 or by the number of features. Everything is added up.",
        dict(end=lambda g, A, B, R: (g + np.trace(A + B - 2 * R)) / len(A)),
    ),
    (
        "You take the mean of the features' distances. They're added up, and C holds more than variances.",
        lambda x1, x2: ((x1.mean(axis=0) - x2.mean(axis=0)) ** 2 + (x1.std(axis=0) - x2.std(axis=0)) ** 2).mean(),
    ),
    ("You take medians. μ is a mean.", dict(mean=lambda x: np.median(x, axis=0))),
    ("You add the means. The gap is their difference.", lambda x1, x2: frechet(x1, -x2, 1)),
    (STANDARD, lambda x1, x2: frechet(standard(x1, x1), standard(x2, x2), 1)),
    (STANDARD, lambda x1, x2: frechet(standard(x1, x1), standard(x2, x1), 1)),
    (
        "You scale each image's features to length 1. They're taken as they are.",
        lambda x1, x2: frechet(*(x / np.linalg.norm(x, axis=1, keepdims=True) for x in (x1, x2)), 1),
    ),
    ("You unpack the root, as if it were two things, and keep its first row.", dict(root=lambda A, B: sqrtm(A @ B)[0])),
    (
        "You take singular values. The root of the matrix has the roots of its eigenvalues.",
        dict(root=lambda A, B: np.diag(np.sqrt(np.linalg.svd(A @ B)[1]))),
    ),
    (
        "You square each mean, and subtract then. Their difference is squared.",
        lambda x1, x2: frechet(x1, x2, 1, size=lambda v: (x1.mean(axis=0) ** 2 - x2.mean(axis=0) ** 2).sum()),
    ),
    (
        "You multiply the means. The gap is their difference.",
        lambda x1, x2: frechet(x1, x2, 1, size=lambda v: x1.mean(axis=0) @ x2.mean(axis=0)),
    ),
    (
        "You take the root of the whole sum. It's that of C₁ C₂ alone.",
        lambda x1, x2: frechet(
            x1, x2, 1, root=lambda A, B: A @ B, end=lambda g, A, B, P: g + np.trace(sqrtm(A + B - 2 * P))
        ),
    ),
    *[(OFFSET, dict(cov=partial(offset, size=10.0**-digits))) for digits in range(1, 6)],
    *[
        (OFFSET, dict(root=lambda A, B, o=10.0**-digits: sqrtm((A + o * np.eye(len(A))) @ (B + o * np.eye(len(B))))))
        for digits in range(1, 6)
    ],
    *[(OFFSET, dict(root=lambda A, B, o=10.0**-digits: sqrtm(A @ B + o))) for digits in range(1, 6)],
    *[(OFFSET, dict(root=lambda A, B, o=10.0**-digits: sqrtm(A @ B + o * np.eye(len(A))))) for digits in range(1, 6)],
    (PAIRED, lambda x1, x2: ((x1 - x2) ** 2).sum(axis=1).mean()),
    (PAIRED, lambda x1, x2: ((x1 - x2) ** 2).mean()),
    (PAIRED, lambda x1, x2: ((x1 - x2) ** 2).sum()),
    (PAIRED, lambda x1, x2: np.linalg.norm(x1 - x2)),
    (PAIRED, lambda x1, x2: np.linalg.norm(x1 - x2, axis=1).mean()),
    (
        ONE_FEATURE,
        lambda x1, x2: ((x1.mean(axis=0) - x2.mean(axis=0)) ** 2).sum() + (x1.std() - x2.std()) ** 2,
    ),
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
    slack: float  # of the size of it all: a root of rounded zeros is less exact

    def fits(self, result: float, distance: Callable) -> bool:
        """Divisors n and n - 1 are both right, as the text says. The slack is for float32; a mistake is larger."""
        slack = self.slack * (self.gap + self.traces[0] + self.traces[1])
        return any(abs(result - d) <= slack + 1e-6 * abs(d) for d in (distance(ddof=0), distance(ddof=1)))

    def distance(self, ddof: int) -> float:
        """d where each covariance is divided by its n - ddof."""
        one, two = ((len(x) - 1) / (len(x) - ddof) for x in (self.x1, self.x2))
        return self.gap + one * self.traces[0] + two * self.traces[1] - 2 * sqrt(one * two) * self.traces[2]

    def of_as_many(self, ddof: int) -> float:
        """d of sets that are cut to the smaller one's size."""
        n = min(len(self.x1), len(self.x2))
        return frechet(self.x1[:n].double().numpy(), self.x2[:n].double().numpy(), ddof)

    def mistaken(self, mistake: dict[str, Callable] | Callable, ddof: int) -> float:
        """mistake: parts of the formula, or another formula of both clouds"""
        x1, x2 = self.x1.double().numpy(), self.x2.double().numpy()
        if callable(mistake):
            return mistake(x1, x2) if x1.shape == x2.shape else np.nan
        return frechet(x1, x2, ddof, **mistake)


def clouds(n: int, m: int, gap: Sequence[float], W: np.ndarray, T: np.ndarray, slack: float = 2e-5) -> Clouds:
    """C₁ = Wᵀ W and C₂ = T C₁ T, with a symmetric T: then C₁ C₂ is C₁ T times itself, and R = C₁ T."""
    white = []
    for rows in (n, m):  # points with mean 0 and covariance 1
        x = np.random.randn(rows, len(W))
        white.append(np.linalg.qr(x - x.mean(axis=0)).Q * sqrt(rows - 1))
    mean = np.linspace(1, 2, len(T))
    x1, x2 = (t.tensor(x, dtype=t.float32) for x in (white[0] @ W + mean + gap, white[1] @ W @ T + mean))
    C1, C2, R = W.T @ W, T @ W.T @ W @ T, W.T @ W @ T
    matrices = (
        f"means {tuple(round(each, 3) for each in gap)} apart, C₁ = {C1.round(6).tolist()}, C₂ = {C2.round(6).tolist()}"
    )
    words = f"{n} and {m} points, {matrices}" if len(T) == 2 else f"{n} and {m} points with {len(T)} features"
    return Clouds(words, x1, x2, np.dot(gap, gap), (np.trace(C1), np.trace(C2), np.trace(R)), slack)


def one_point(n: int) -> Clouds:
    """All points of the first set are one point, as with black images: C₁ is 0, and so is R."""
    other = clouds(n, n, (1, 1), np.eye(2, dtype=int), np.eye(2, dtype=int))
    words = f"{n} points that are all alike, and {n} with C₂ = {[[1, 0], [0, 1]]}, means (1, 1) apart"
    return Clouds(words, other.x1.mean(dim=0).expand(n, 2).contiguous(), other.x2, 2.0, (0.0, 2.0, 0.0), 0.001)


def judge_number(answer: Callable, pair: Clouds) -> float:
    """What the answer makes of two clouds: a number of Python's, of NumPy's, or a tensor of one."""
    with unchanged(features1=pair.x1, features2=pair.x2):
        try:
            result = careful(answer)(pair.x1, pair.x2)
        except (TypeError, RuntimeError) as error:
            if "converted to" in str(error):
                error.add_note("Where are all numbers added up, by the trace and the length of the gap, before float?")
            raise
        except np.linalg.LinAlgError as error:
            question = (
                "You invert or factor a matrix that need not allow it. The formula takes a root, and nothing else."
            )
            raise Mistake(f"for {pair.words},\nit ends in an error, LinAlgError: {error}", question) from None
        except ValueError as error:
            if len(pair.x1) != len(pair.x2):
                error.add_note("The two sets differ in size. Where is each described by itself?")
            raise
    if result is None:
        raise Mistake("it returns None, expected one number", "Where does the function return something?")
    if shape := tuple(getattr(result, "shape", ())):
        questions = {
            (2,): "Where are the squares of the gap added up?",
            (2, 2): "Where is the trace, of all three terms?",
            (1,): "Where is the number taken out of its array?",
            (1, 1): "Where is the number taken out of its array?",
        }
        raise Mistake(f"it returns numbers of shape {shape}, expected one number", questions.get(shape, ""))
    number = result.tolist() if isinstance(result, t.Tensor | np.ndarray | np.generic) else result
    if isinstance(number, complex):
        raise Mistake(f"for {pair.words},\nit returns the complex number {number:.3g}", "Where is the real part taken?")
    if not hasattr(number, "__float__"):
        question = "Where are the parts added up to one distance?" if isinstance(number, tuple | list) else ""
        raise Mistake(f"it returns {kind(result)}, expected one number", question)
    return float(number)


def is_rounded(measured: list[tuple[Clouds, float]]) -> bool:
    """Whether all of them are right, but for their last digits."""

    def cut(d: float, right: float, unit: float) -> bool:
        return abs(d / unit - round(d / unit)) < 1e-6 and abs(d - right) <= 1.001 * unit

    return any(all(cut(d, pair.distance(ddof), 10.0**-k) for pair, d in measured) for k in range(5) for ddof in (0, 1))


def of_terms(answer: Callable) -> str:
    """What to say of an answer that adds up the right terms with wrong factors."""
    pairs = []
    for stretch in [(1, 2), (3, 1), (2, 2), (1, 4), (5, 3)]:
        pairs.append(clouds(8, 8, np.random.rand(2).round(2), np.random.rand(2, 2).round(2), np.diag(stretch)))
    try:
        distances = t.tensor([judge_number(answer, pair) for pair in pairs])
    except Exception:
        return ""
    terms = t.tensor([[pair.gap, *pair.traces] for pair in pairs])
    factors = factors_of(distances, *terms.T, atol=1e-4)
    if factors is None or np.allclose(factors, RIGHT_FACTORS, atol=1e-3):
        return ""
    factors = factors.tolist()
    of_n = [factors[0], *(factor * 8 / 7 for factor in factors[1:])]  # where C is divided by N
    nearer = min(factors, of_n, key=lambda each: np.abs(np.subtract(each, np.round(each))).sum())
    gap, one, two, root = np.round(nearer, 4) + 0.0  # no -0
    said = f"You take |μ₁ - μ₂|² {gap:.3g} times, the trace of C₁ {one:.3g} times, that of C₂ {two:.3g} times, and"
    return f"{said} that of the root {root:.3g} times. It's 1, 1, 1 and -2."


def of_part(measured: list[tuple[Clouds, float]]) -> str:
    """Which part of the formula is right already."""
    parts = [
        (
            "Where the means are equal, it's right. Where is their difference squared, and each set's own mean off C?",
            lambda pair: pair.gap == 0,
        ),
        (
            "Where C₁ and C₂ are equal, it's right. What becomes of them, and of their root?",
            lambda pair: pair.traces[0] == pair.traces[1] == pair.traces[2],
        ),
    ]

    def right_there(holds: Callable) -> bool:
        fits = [pair.fits(d, pair.distance) for pair, d in measured if holds(pair)]
        return bool(fits) and all(fits)

    return recognise(parts, right_there)


def judge_distances(answer: Callable, measured: list[tuple[Clouds, float]]) -> None:
    wrong = next(((pair, d) for pair, d in measured if not pair.fits(d, pair.distance)), None)
    if wrong is None:
        return
    pair, result = wrong
    question = ""
    if np.isnan(result):
        question = "You take a root of a negative number. Rounding can move a 0 below 0."
    elif is_rounded(measured):
        question = "You round it, or cut its digits off."
    elif len(pair.x1) != len(pair.x2):
        question = "For sets of equal size it was right. Where is each set counted by itself?"
        if all(other.fits(d, other.of_as_many) for other, d in measured):
            question = "You leave out images of the larger set. Each set is described by all that it has."
    else:
        question = of_terms(answer) or of_part(measured)
    # clouds at distance 0 are too little to tell by, and the root of the whole may be one of -1e-16
    telling = [(other, d) for other, d in measured if other.distance(1) > 1e-9]
    with warnings.catch_warnings(action="ignore"):  # of nan and the like: a mistake may lead there
        question = recognise(
            FRECHET_MISTAKES,
            lambda mistake: all(other.fits(d, partial(other.mistaken, mistake)) for other, d in telling),
            otherwise=question,
        )
    facts = f"the distance is {apart(result + 0.0, pair.distance(ddof=1))}"
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
        [clouds(8, 8, (1, -1), V, S), clouds(8, 8, (t.randint(-9, 10, (2,)) / 10).tolist(), V, one)],
        [clouds(8, 8, (0.1, -0.05), W / 10, T, slack=1e-4)],  # small features: what is added to C shows
        [clouds(n, m, (1, -1), W, T) for n, m in [(8, 12), (12, 8), (20, 8), (8, 20)]],
        [one_point(8)],
        # R of few points with many features is complex by rounding, nearly always: of four, one is
        [clouds(6, 6, [0.5] * 32, few, 2 * np.eye(32), slack=0.001) for _ in range(4)],
    ]
    measured = []
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Matrix is singular")  # SciPy is right, but R exists
        for group in groups:
            for pair in group:
                try:
                    measured.append((pair, judge_number(answer, pair)))
                except Exception:
                    judge_distances(answer, measured)  # what is wrong so far may be why
                    raise
            judge_distances(answer, measured)
    return (
        "means, covariances (by N - 1 or N) and the matrix root, also for sets that are small, alike or of unequal size"
    )
