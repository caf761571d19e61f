"""The check of 4.1 mixture_noise.

What is expected comes from brute force: the clean points of each Gaussian are put on a fine grid, axis by axis, and the
average of those that fit is a sum. A mistake is the closed form with one part replaced.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch as t

from tests.checking import DEVICES, Mistake, careful, check, elsewhere, expect_tensor, numbers, recognise, unchanged


class Case(NamedTuple):
    what: str
    x: t.Tensor
    alpha_bar: t.Tensor
    means: t.Tensor
    weights: t.Tensor
    std: float

    def to(self, device: str) -> tuple:
        return *(each.to(device) for each in self[1:5]), self.std


FIRST = Case(  # one Gaussian, so that it alone fits
    "a single Gaussian at 1 with std 0.5",
    t.tensor([[1.5], [0.2], [-1.0]]),
    t.tensor([0.64, 0.36, 0.84]),
    t.tensor([[1.0]]),
    t.ones(3, 1),
    0.5,
)
TWO = Case(
    "two Gaussians at -1 and 1 with std 0.5",
    t.tensor([[0.3], [-0.4], [1.0], [0.1]]),
    t.tensor([0.64, 0.36, 0.84, 0.5]),
    t.tensor([[-1.0], [1.0]]),
    t.full((4, 2), 0.5),
    0.5,
)
WEIGHED = Case(  # as many points as Gaussians and axes: a wrong axis shows as wrong numbers, not as an error
    "three Gaussians with other weights for each point",
    t.tensor([[0.3, -0.2, 0.5], [-0.6, 0.4, 0.1], [0.8, 0.9, -0.7]]),
    t.tensor([0.5, 0.7, 0.3]),
    t.tensor([[0.9, -0.3, 0.2], [-0.5, 0.6, 0.4], [0.1, 0.2, -0.8]]),
    t.tensor([[0.6, 0.3, 0.1], [0.25, 0.25, 0.5], [0.0, 0.8, 0.2]]),
    0.4,
)
FAR = Case(
    "points far from all Gaussians",
    t.tensor([[40.0, -30.0], [-25.0, 60.0]]),
    t.tensor([0.9, 0.5]),
    t.tensor([[0.5, 0.5], [-0.5, -0.2], [0.3, -0.4]]),
    t.full((2, 3), 1 / 3),
    0.1,
)
CASES = [FIRST, TWO, WEIGHED]


def by_brute_force(case: Case) -> t.Tensor:
    """The average noise, from sums over a grid of clean points."""
    x, a, means, weights = (each.double() for each in case[1:5])
    a, grid = a[:, None, None, None], t.linspace(-8, 8, 2001, dtype=t.float64)
    clean = means[None, :, :, None] + case.std * grid  # (1, K, D, grid)
    fits = (-(grid**2) / 2 - (x[:, None, :, None] - a.sqrt() * clean) ** 2 / (2 * (1 - a))).exp()
    per_axis, averages = fits.sum(dim=3), (fits * clean).sum(dim=3) / fits.sum(dim=3)  # (B, K, D)
    shares = weights * per_axis.prod(dim=2)
    x0 = ((shares / shares.sum(dim=1, keepdim=True))[:, :, None] * averages).sum(dim=1)
    a = case.alpha_bar.double()[:, None]
    return (x - a.sqrt() * x0) / (1 - a).sqrt()


def variance(a: t.Tensor, std: float) -> t.Tensor:
    return a * std**2 + 1 - a


def squares(x: t.Tensor, a: t.Tensor, means: t.Tensor) -> t.Tensor:
    return (x[:, None] - a[:, :, None].sqrt() * means).square().sum(dim=2)


def shares(weights: t.Tensor, squares: t.Tensor, v: t.Tensor) -> t.Tensor:
    return (weights.log() - squares / (2 * v)).softmax(dim=1)


def clean(x: t.Tensor, m: t.Tensor, a: t.Tensor, std: float, v: t.Tensor) -> t.Tensor:
    return m + a.sqrt() * std**2 / v * (x - a.sqrt() * m)


def noise(x: t.Tensor, x0: t.Tensor, a: t.Tensor) -> t.Tensor:
    return (x - a.sqrt() * x0) / (1 - a).sqrt()


def closed_form(
    case: Case,
    variance: Callable = variance,
    squares: Callable = squares,
    shares: Callable = shares,
    clean: Callable = clean,
    noise: Callable = noise,
) -> t.Tensor:
    x, a, means, weights = (each.double() for each in case[1:5])
    a = a[:, None]
    v = variance(a, case.std)
    m = shares(weights, squares(x, a, means), v) @ means
    return noise(x, clean(x, m, a, case.std, v), a)


ROOT = "Is the square root of ᾱ missing somewhere? A variance fades by ᾱ, a point by √ᾱ."
SPREAD = "Is that only the noise's variance? The clean points of one Gaussian are spread, too."
WEIGHTS = "Do the weights count? Their logarithms are added before softmax."
MIXTURE_MISTAKES = [
    ("That is the average clean point. The noise leads from it to x.", dict(noise=lambda x, x0, a: x0)),
    ("Is x0 faded before it is taken off x?", dict(noise=lambda x, x0, a: (x - x0) / (1 - a).sqrt())),
    ("Is x0 faded by a root?", dict(noise=lambda x, x0, a: (x - a * x0) / (1 - a).sqrt())),
    (
        "Is the noise divided by a root? In Equation 4 its factor is √(1 - ᾱ).",
        dict(noise=lambda x, x0, a: (x - a.sqrt() * x0) / (1 - a)),
    ),
    (
        "What's left of x is the noise times its factor. Is it divided by that?",
        dict(noise=lambda x, x0, a: x - a.sqrt() * x0),
    ),
    (
        "Is it multiplied by the noise's factor? To get the noise back, divide.",
        dict(noise=lambda x, x0, a: (x - a.sqrt() * x0) * (1 - a).sqrt()),
    ),
    ("Is the sign turned? The noise leads from x0 to x.", dict(noise=lambda x, x0, a: -noise(x, x0, a))),
    (
        "That is the score. The noise is the score times -√(1 - ᾱ).",
        dict(noise=lambda x, x0, a: -(x - a.sqrt() * x0) / (1 - a)),
    ),
    ("Is it divided by the image's factor?", dict(noise=lambda x, x0, a: (x - a.sqrt() * x0) / a.sqrt())),
    (
        "Does x0 go in, or the mean of the centres alone? The points of one Gaussian are spread around it.",
        dict(clean=lambda x, m, a, s, v: m),
    ),
    (
        "In step 2, is the standard deviation squared?",
        dict(clean=lambda x, m, a, s, v: m + a.sqrt() * s / v * (x - a.sqrt() * m)),
    ),
    (
        "In step 2, is there a root too few or too many? The factor in front is √ᾱ.",
        dict(clean=lambda x, m, a, s, v: m + a * s**2 / v * (x - a.sqrt() * m)),
    ),
    ("In step 2, does √ᾱ stand in front?", dict(clean=lambda x, m, a, s, v: m + s**2 / v * (x - a.sqrt() * m))),
    (
        "In step 2, is the mean faded before it is taken off x?",
        dict(clean=lambda x, m, a, s, v: m + a.sqrt() * s**2 / v * (x - m)),
    ),
    (
        "In step 2, is the mean faded by a root?",
        dict(clean=lambda x, m, a, s, v: m + a.sqrt() * s**2 / v * (x - a * m)),
    ),
    (
        "In step 2, is it divided by v, or by the standard deviation?",
        dict(clean=lambda x, m, a, s, v: m + a.sqrt() * s**2 / v.sqrt() * (x - a.sqrt() * m)),
    ),
    ("In step 2, is it divided by v?", dict(clean=lambda x, m, a, s, v: m + a.sqrt() * s**2 * (x - a.sqrt() * m))),
    (
        "In step 2, is the second term taken off m? It's added.",
        dict(clean=lambda x, m, a, s, v: m - a.sqrt() * s**2 / v * (x - a.sqrt() * m)),
    ),
    ("In step 2, is m added?", dict(clean=lambda x, m, a, s, v: a.sqrt() * s**2 / v * (x - a.sqrt() * m))),
    (SPREAD, dict(variance=lambda a, s: 1 - a)),
    ("In v, is the standard deviation squared?", dict(variance=lambda a, s: a * s + 1 - a)),
    ("In v, does the spread fade?", dict(variance=lambda a, s: s**2 + 1 - a)),
    ("In v, is the noise's variance missing?", dict(variance=lambda a, s: a * s**2)),
    ("Is v the spread of the clean points? The noised ones are wider.", dict(variance=lambda a, s: s**2 + 0 * a)),
    ("Is that √v? The text divides by v.", dict(variance=lambda a, s: variance(a, s).sqrt())),
    (ROOT, dict(variance=lambda a, s: a.sqrt() * s**2 + 1 - a)),
    (ROOT, dict(variance=lambda a, s: a * s**2 + (1 - a).sqrt())),
    (
        "Have the Gaussians moved? After n steps their means are at √ᾱ μ.",
        dict(squares=lambda x, a, means: squares(x, t.ones_like(a), means)),
    ),
    ("Have the means moved to √ᾱ μ, or to ᾱ μ?", dict(squares=lambda x, a, means: squares(x, a**2, means))),
    ("Is the distance squared?", dict(squares=lambda x, a, means: squares(x, a, means).sqrt())),
    (
        "Is the distance a sum over the axes, or a mean?",
        dict(squares=lambda x, a, means: squares(x, a, means) / means.shape[1]),
    ),
    ("Does every point have its own ᾱ?", dict(squares=lambda x, a, means: squares(x, a[:1].expand_as(a), means))),
    ("Is it divided by 2 v? A 2 is missing.", dict(shares=lambda w, q, v: shares(w, 2 * q, v))),
    ("Is it divided by 2 v?", dict(shares=lambda w, q, v: shares(w, 2 * q * v, v))),
    (
        "Is v below the fraction? What is written as / 2 * v multiplies by v.",
        dict(shares=lambda w, q, v: shares(w, q * v * v, v)),
    ),
    ("Is it divided by v once or twice?", dict(shares=lambda w, q, v: shares(w, q / v, v))),
    (
        "Is the sign in softmax turned? A Gaussian fits better if it is nearer.",
        dict(shares=lambda w, q, v: shares(w, -q, v)),
    ),
    (WEIGHTS, dict(shares=lambda w, q, v: shares(t.ones_like(w), q, v))),
    ("Is the logarithm of the weights taken?", dict(shares=lambda w, q, v: (w - q / (2 * v)).softmax(dim=1))),
    (
        "Are the shares multiplied by the weights after softmax? Then a row no longer adds up to 1.",
        dict(shares=lambda w, q, v: w * (-q / (2 * v)).softmax(dim=1)),
    ),
    ("Do all points get the weights of the first?", dict(shares=lambda w, q, v: shares(w[:1].expand_as(w), q, v))),
    (
        "Over which axis does softmax go? The shares of one point add up to 1.",
        dict(shares=lambda w, q, v: (w.log() - q / (2 * v)).softmax(dim=0)),
    ),
    ("Is there a softmax? The shares of one point add up to 1.", dict(shares=lambda w, q, v: w * (-q / (2 * v)).exp())),
    (
        "Does only the nearest Gaussian count? All that fit do, as far as they fit.",
        dict(shares=lambda w, q, v: (shares(w, q, v) == shares(w, q, v).amax(dim=1, keepdim=True)).double()),
    ),
    ("Do all Gaussians count alike, whatever fits?", dict(shares=lambda w, q, v: w)),
]


@check("4.1", mistakes=MIXTURE_MISTAKES)
def check_mixture_noise(answer: Callable) -> str:
    answer = careful(answer)
    for device in DEVICES:
        results = [ask(answer, case, device) for case in CASES]
        judge_numbers(results)
    judge_far(answer)
    judge_elsewhere(answer)
    return "one Gaussian and several, their weights, any axes, far out, all equal to a sum over a fine grid"


def ask(answer: Callable, case: Case, device: str) -> t.Tensor:
    *tensors, std = case.to(device)
    with unchanged(**dict(zip(("x", "alpha_bar", "means", "weights"), tensors, strict=True))):
        result = answer(*tensors, std)
    shown = result.nan_to_num() if isinstance(result, t.Tensor) else result  # nan is judged with the numbers
    expect_tensor(shown, tuple(case.x.shape), f"for {case.what} it", device)
    return result.cpu().double()


def judge_numbers(results: list[t.Tensor]) -> None:
    def fits(how: dict[str, Callable]) -> bool:
        made = [closed_form(case, **how) for case in CASES]
        return all(a.allclose(b, atol=1e-4, equal_nan=True) for a, b in zip(made, results, strict=True))

    for case, result in zip(CASES, results, strict=True):
        expected = by_brute_force(case)
        if not result.allclose(expected, atol=1e-4):
            row = int((result - expected).abs().nan_to_num(nan=9).amax(dim=1).argmax())
            a = case.alpha_bar[row].item()
            facts = f"the point {numbers(case.x[row])} with ᾱ = {a:.2f} gives the noise {numbers(result[row])},"
            facts += f"\nexpected {numbers(expected[row])}"
            raise Mistake(facts, recognise(MIXTURE_MISTAKES, fits), given=f"for {case.what}")


def judge_far(answer: Callable) -> None:
    result, expected = ask(answer, FAR, "cpu"), closed_form(FAR)
    if not result.isfinite().all():
        question = "There exp gives 0 for every Gaussian, and 0 / 0 is nan. Does softmax get the exponents themselves?"
        raise Mistake(f"for {FAR.what} it gives nan", question)
    if not result.allclose(expected, rtol=1e-3):
        raise Mistake(f"for {FAR.what} it gives {numbers(result[0])}, expected {numbers(expected[0])}")


def judge_elsewhere(answer: Callable) -> None:
    facts = "with points on another device, tensors of two devices meet"
    elsewhere(lambda: answer(*WEIGHED.to("meta")), facts, "Is a tensor made on the CPU?")
