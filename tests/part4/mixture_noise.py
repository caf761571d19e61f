"""The check of 4.1 mixture_noise.

What is expected comes from brute force: the clean points of each Gaussian are put on a fine grid, axis by axis, and the
average of those that fit is a sum. A mistake is the closed form with one part replaced.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch as t

from tests.checking import (
    DEVICES,
    Mistake,
    careful,
    check,
    elsewhere,
    expect_tensor,
    globals_used,
    numbers,
    recognise,
    unchanged,
)


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
FAR = Case(  # as many Gaussians as no other case has, and the last one is the nearest
    "points far from all of five Gaussians",
    t.tensor([[40.0, -30.0], [-25.0, 60.0]]),
    t.tensor([0.9, 0.5]),
    t.tensor([[0.5, 0.5], [-0.5, -0.2], [0.3, -0.4], [0.1, 0.1], [0.9, -0.9]]),
    t.full((2, 5), 1 / 5),
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
    given: Callable = lambda case: case,
    variance: Callable = variance,
    squares: Callable = squares,
    shares: Callable = shares,
    clean: Callable = clean,
    noise: Callable = noise,
) -> t.Tensor:
    x, a, means, weights = (each.double() for each in given(case)[1:5])
    a = a[:, None]
    v = variance(a, case.std)
    m = shares(weights, squares(x, a, means), v) @ means
    return noise(x, clean(x, m, a, case.std, v), a)


ROOT = "You take a root in v. A variance fades by ᾱ, a point by √ᾱ."
SPREAD = "You take only the noise's variance for v. The clean points of one Gaussian are spread, too."
WEIGHTS = "Where do the weights count? Their logarithms are added before softmax."
FIRST_ONE = "You use the first point's ᾱ for all."
CHANGED = "You change ᾱ before anything else. It's given as it is, without a root."
MIXTURE_MISTAKES = [
    ("You return the average clean point. The noise leads from it to x.", dict(noise=lambda x, x0, a: x0)),
    ("Where does x0 fade before it is taken off x?", dict(noise=lambda x, x0, a: (x - x0) / (1 - a).sqrt())),
    ("You fade x0 by ᾱ. Where is the root?", dict(noise=lambda x, x0, a: (x - a * x0) / (1 - a).sqrt())),
    (
        "You divide by 1 - ᾱ. Where is its root?",
        dict(noise=lambda x, x0, a: (x - a.sqrt() * x0) / (1 - a)),
    ),
    (
        "Where is the division by the noise's factor? What's left of x is the noise times that.",
        dict(noise=lambda x, x0, a: x - a.sqrt() * x0),
    ),
    (
        "You multiply by the noise's factor. To get the noise back, divide.",
        dict(noise=lambda x, x0, a: (x - a.sqrt() * x0) * (1 - a).sqrt()),
    ),
    ("You turn the sign. The noise leads from x0 to x.", dict(noise=lambda x, x0, a: -noise(x, x0, a))),
    (
        "You return the score. The noise is the score times -√(1 - ᾱ).",
        dict(noise=lambda x, x0, a: -(x - a.sqrt() * x0) / (1 - a)),
    ),
    (
        "You divide by 1 - √ᾱ. The noise's factor is √(1 - ᾱ).",
        dict(noise=lambda x, x0, a: (x - a.sqrt() * x0) / (1 - a.sqrt())),
    ),
    (
        "You divide by the image's factor. Where is the noise's?",
        dict(noise=lambda x, x0, a: (x - a.sqrt() * x0) / a.sqrt()),
    ),
    (
        "You take m for x0. Where is the spread around it, the second term of step 2?",
        dict(clean=lambda x, m, a, s, v: m),
    ),
    (
        "You take σ in step 2. Where is its square?",
        dict(clean=lambda x, m, a, s, v: m + a.sqrt() * s / v * (x - a.sqrt() * m)),
    ),
    (
        "You take ᾱ in front in step 2. Where is its root?",
        dict(clean=lambda x, m, a, s, v: m + a * s**2 / v * (x - a.sqrt() * m)),
    ),
    ("Where is the √ᾱ in front, in step 2?", dict(clean=lambda x, m, a, s, v: m + s**2 / v * (x - a.sqrt() * m))),
    (
        "Where does m fade before it is taken off x, in step 2?",
        dict(clean=lambda x, m, a, s, v: m + a.sqrt() * s**2 / v * (x - m)),
    ),
    (
        "You fade m by ᾱ in step 2. Where is the root?",
        dict(clean=lambda x, m, a, s, v: m + a.sqrt() * s**2 / v * (x - a * m)),
    ),
    (
        "You divide by √v in step 2. The text divides by v.",
        dict(clean=lambda x, m, a, s, v: m + a.sqrt() * s**2 / v.sqrt() * (x - a.sqrt() * m)),
    ),
    (
        "Where is the division by v, in step 2?",
        dict(clean=lambda x, m, a, s, v: m + a.sqrt() * s**2 * (x - a.sqrt() * m)),
    ),
    (
        "You take the second term off m in step 2. It's added.",
        dict(clean=lambda x, m, a, s, v: m - a.sqrt() * s**2 / v * (x - a.sqrt() * m)),
    ),
    (
        "You fade m in front of step 2. The average clean point is that of clean points.",
        dict(clean=lambda x, m, a, s, v: a.sqrt() * m + a.sqrt() * s**2 / v * (x - a.sqrt() * m)),
    ),
    ("Where is m itself, in step 2?", dict(clean=lambda x, m, a, s, v: a.sqrt() * s**2 / v * (x - a.sqrt() * m))),
    (SPREAD, dict(variance=lambda a, s: 1 - a)),
    ("You take σ in v. Where is its square?", dict(variance=lambda a, s: a * s + 1 - a)),
    ("Where does the spread fade, in v?", dict(variance=lambda a, s: s**2 + 1 - a)),
    ("Where is the noise's variance, in v?", dict(variance=lambda a, s: a * s**2)),
    ("You take the clean points' spread for v. The noised ones are wider.", dict(variance=lambda a, s: s**2 + 0 * a)),
    ("You take √v for v.", dict(variance=lambda a, s: variance(a, s).sqrt())),
    (ROOT, dict(variance=lambda a, s: a.sqrt() * s**2 + 1 - a)),
    (ROOT, dict(variance=lambda a, s: a * s**2 + (1 - a).sqrt())),
    (
        "Where do the Gaussians move? After n steps their means are at √ᾱ μ.",
        dict(squares=lambda x, a, means: squares(x, t.ones_like(a), means)),
    ),
    ("You move the means to ᾱ μ. Where is the root?", dict(squares=lambda x, a, means: squares(x, a**2, means))),
    ("Where is the square of the distance?", dict(squares=lambda x, a, means: squares(x, a, means).sqrt())),
    (
        "You take the mean over the axes for the squared distance. It's the sum.",
        dict(squares=lambda x, a, means: squares(x, a, means) / means.shape[1]),
    ),
    (FIRST_ONE, dict(given=lambda case: case._replace(alpha_bar=case.alpha_bar[:1].expand_as(case.alpha_bar)))),
    (FIRST_ONE, dict(squares=lambda x, a, means: squares(x, a[:1].expand_as(a), means))),
    (CHANGED, dict(given=lambda case: case._replace(alpha_bar=case.alpha_bar**2))),
    (CHANGED, dict(given=lambda case: case._replace(alpha_bar=case.alpha_bar.sqrt()))),
    (CHANGED, dict(given=lambda case: case._replace(alpha_bar=1 - case.alpha_bar))),
    ("You clamp x0. A clean point may leave [-1, 1].", dict(clean=lambda *given: clean(*given).clamp(-1, 1))),
    ("You divide by v in softmax. Where is the 2?", dict(shares=lambda w, q, v: shares(w, 2 * q, v))),
    ("Where is the division by 2 v, in softmax?", dict(shares=lambda w, q, v: shares(w, 2 * q * v, v))),
    (
        "You multiply by v, as / 2 * v does. Mind the parentheses.",
        dict(shares=lambda w, q, v: shares(w, q * v * v, v)),
    ),
    ("You divide by v twice in softmax.", dict(shares=lambda w, q, v: shares(w, q / v, v))),
    (
        "You turn the sign in softmax. A Gaussian fits better if it is nearer.",
        dict(shares=lambda w, q, v: shares(w, -q, v)),
    ),
    (WEIGHTS, dict(shares=lambda w, q, v: shares(t.ones_like(w), q, v))),
    (
        "You put the weights themselves into softmax. Where is their logarithm?",
        dict(shares=lambda w, q, v: (w - q / (2 * v)).softmax(dim=1)),
    ),
    (
        "You take a logarithm to another base. softmax wants the natural one.",
        dict(shares=lambda w, q, v: (w.log2() - q / (2 * v)).softmax(dim=1)),
    ),
    (
        "You take a logarithm to another base. softmax wants the natural one.",
        dict(shares=lambda w, q, v: (w.log10() - q / (2 * v)).softmax(dim=1)),
    ),
    (
        "You multiply the shares by the weights after softmax. Then a row no longer adds up to 1.",
        dict(shares=lambda w, q, v: w * (-q / (2 * v)).softmax(dim=1)),
    ),
    ("You use the first point's weights for all.", dict(shares=lambda w, q, v: shares(w[:1].expand_as(w), q, v))),
    (
        "You take softmax over the points. The shares of one point add up to 1.",
        dict(shares=lambda w, q, v: (w.log() - q / (2 * v)).softmax(dim=0)),
    ),
    (
        "You take softmax over the points. The shares of one point add up to 1.",
        dict(shares=lambda w, q, v: (w.log() - q / (2 * v)).flatten().softmax(dim=0).reshape(w.shape)),
    ),
    ("You take the logarithm of the shares, as log_softmax does.", dict(shares=lambda *given: shares(*given).log())),
    (
        "Where is the softmax? The shares of one point add up to 1.",
        dict(shares=lambda w, q, v: w * (-q / (2 * v)).exp()),
    ),
    (
        "You take the best Gaussian alone. All count, as far as they fit.",
        dict(shares=lambda w, q, v: (shares(w, q, v) == shares(w, q, v).amax(dim=1, keepdim=True)).double()),
    ),
    (
        "You take the weights for the shares. Where does it count how well each Gaussian fits?",
        dict(shares=lambda w, q, v: w),
    ),
]


@check("4.1", mistakes=MIXTURE_MISTAKES)
def check_mixture_noise(answer: Callable) -> str:
    try:
        judge(careful(answer))
    except Mistake as mistake:
        if names := sorted({"MEANS", "STD", "WEIGHTS"} & globals_used(answer).keys()):
            raise Mistake(mistake.facts, f"You read {' and '.join(names)}. What is given comes as arguments.") from None
        raise
    return "one Gaussian and several, their weights, any axes, far out, all equal to a sum over a fine grid"


def judge(answer: Callable) -> None:
    for device in DEVICES:
        results = [ask(answer, case, device) for case in CASES]
        judge_numbers(answer, results)
    judge_far(answer)
    judge_elsewhere(answer)


def ask(answer: Callable, case: Case, device: str) -> t.Tensor:
    *tensors, std = case.to(device)
    with unchanged(**dict(zip(("x", "alpha_bar", "means", "weights"), tensors, strict=True))):
        result = answer(*tensors, std)
    shown = result.nan_to_num() if isinstance(result, t.Tensor) else result  # nan is judged with the numbers
    expect_tensor(shown, tuple(case.x.shape), f"for {case.what} it", device)
    return result.cpu().double()


def judge_numbers(answer: Callable, results: list[t.Tensor]) -> None:
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
            question = recognise(MIXTURE_MISTAKES, fits) or question_of_step(answer)
            raise Mistake(facts, question, given=f"for {case.what}")


def question_of_step(answer: Callable) -> str:
    """Which step is at fault, by cases in which those before it have no say."""

    def differs(case: Case) -> bool:
        return not ask(answer, case, "cpu").allclose(closed_form(case), atol=1e-4)

    point = FIRST._replace(std=0.0)
    first, *others = (ask(answer, WEIGHED, "cpu") for _ in range(6))
    if not all(each.allclose(first, equal_nan=True) for each in others):
        return "You draw something. The average is the same each time."
    if differs(point) and ask(answer, point, "cpu").isfinite().all():
        return "Where is step 3 off, or x0? With a single Gaussian and σ = 0, x0 is its mean, whatever x is."
    if differs(FIRST):
        return "Where is v off, or step 2? With a single Gaussian, step 1 has no say, and step 3 is right."
    if differs(TWO._replace(std=0.0)):
        return "Where is step 1 off, or m? With a single Gaussian, all is right."
    if differs(TWO):
        return "Where is v, in step 1? With a single Gaussian, or with σ = 0, all is right."
    return "Where do several axes come in, or the weights? With one axis and equal weights, all is right."


def judge_far(answer: Callable) -> None:
    result, expected = ask(answer, FAR, "cpu"), closed_form(FAR)
    if not result.isfinite().all():
        question = "You take exp by yourself. There it gives 0 for every Gaussian, and 0 / 0 is nan."
        raise Mistake(f"for {FAR.what} it gives nan", question)
    if not result.allclose(expected, rtol=1e-3):
        facts = f"for {FAR.what} it gives {numbers(result[0], expected[0])}, expected {numbers(expected[0], result[0])}"
        raise Mistake(facts, "You leave Gaussians out, or limit how far away a point may be.")


def judge_elsewhere(answer: Callable) -> None:
    facts = "with points on another device, tensors of two devices meet"
    elsewhere(lambda: answer(*WEIGHED.to("meta")), facts, "You make a tensor on the CPU. Make it where the points are.")
