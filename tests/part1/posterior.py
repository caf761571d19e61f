"""The check of 1.12 posterior.

A batch as wide as it has images, in which every timestep occurs, so that each mistake shows in some number.
"""

from collections.abc import Callable

import torch as t

from tests.checking import (
    BETAS,
    DEVICES,
    Mistake,
    alpha_bars,
    alphas,
    check,
    expect_tensor,
    kind,
    recognise,
    schedule_for,
    unchanged,
)
from tests.part1.noise_img import BATCH, ask

# What xt, x0, and β, α, ᾱ and the ᾱ of the step before, each (B, 1, 1, 1), make of a mean and of a variance.


def mean_of(xt: t.Tensor, x0: t.Tensor, b: t.Tensor, a: t.Tensor, bar: t.Tensor, before: t.Tensor) -> t.Tensor:
    """Equation 7, its mean."""
    return (before.sqrt() * b * x0 + a.sqrt() * (1 - before) * xt) / (1 - bar)


def as_if(**other: Callable) -> Callable:
    """Equation 7, its mean, with other numbers in places of the right ones. other: made of β, α, ᾱ and ᾱ before"""

    def mistaken(xt: t.Tensor, x0: t.Tensor, b: t.Tensor, a: t.Tensor, bar: t.Tensor, before: t.Tensor) -> t.Tensor:
        right = {"b": b, "a": a, "bar": bar, "before": before}
        return mean_of(xt, x0, **right | {name: make(b, a, bar, before) for name, make in other.items()})

    return mistaken


def run_along_width(formula: Callable) -> Callable:
    """The formula with factors along the last axis of the images instead of the first."""
    return lambda xt, x0, *factors: formula(xt, x0, *(factor.reshape(1, 1, 1, -1) for factor in factors))


def wrapped(bar: t.Tensor) -> t.Tensor:
    """ᾱ of the step before each of BATCH's timesteps, where index -1 is taken for the step before the first."""
    return schedule_for(bar.device.type).alpha_bars[STEPS.to(bar.device) - 2].reshape(-1, 1, 1, 1)


STEPS = t.tensor([1, 4, 2, 3, 4, 1])
MEAN_MISTAKES = [
    ("Is ᾱ of this step taken where ᾱ of the step before belongs?", as_if(before=lambda b, a, bar, before: bar)),
    ("Before the first step, ᾱ is 1. Does index -1 give the last ᾱ?", as_if(before=lambda b, a, bar, _: wrapped(bar))),
    ("Is ᾱ multiplied by α to get the step before, not divided?", as_if(before=lambda b, a, bar, before: bar * a)),
    ("Is it α that stands where ᾱ of the step before belongs?", as_if(before=lambda b, a, bar, before: a)),
    ("Is it ᾱ that stands where α belongs?", as_if(a=lambda b, a, bar, before: bar)),
    ("Is it α that stands where ᾱ belongs, below the fraction?", as_if(bar=lambda b, a, bar, before: a)),
    ("Is α taken where β belongs?", as_if(b=lambda b, a, bar, before: a)),
    ("Is the root of β taken? Equation 7 has β itself.", as_if(b=lambda b, a, bar, before: b.sqrt())),
    (
        "Is a root missing in front of x₀?",
        lambda xt, x0, b, a, bar, before: (before * b * x0 + a.sqrt() * (1 - before) * xt) / (1 - bar),
    ),
    (
        "Is a root missing in front of xₜ?",
        lambda xt, x0, b, a, bar, before: (before.sqrt() * b * x0 + a * (1 - before) * xt) / (1 - bar),
    ),
    (
        "Are both roots missing?",
        lambda xt, x0, b, a, bar, before: (before * b * x0 + a * (1 - before) * xt) / (1 - bar),
    ),
    ("Are x₀ and xₜ swapped?", lambda xt, x0, *rest: mean_of(x0, xt, *rest)),
    ("Is the denominator there?", lambda xt, x0, b, a, bar, before: mean_of(xt, x0, b, a, bar, before) * (1 - bar)),
    (
        "Is the denominator a root? Equation 7 has 1 − ᾱ itself.",
        lambda xt, x0, b, a, bar, before: mean_of(xt, x0, b, a, bar, before) * (1 - bar).sqrt(),
    ),
    (
        "Is only the second term divided? Mind the parentheses.",
        lambda xt, x0, b, a, bar, before: before.sqrt() * b * x0 + a.sqrt() * (1 - before) * xt / (1 - bar),
    ),
    (
        "Is only the first term divided? Mind the parentheses.",
        lambda xt, x0, b, a, bar, before: before.sqrt() * b * x0 / (1 - bar) + a.sqrt() * (1 - before) * xt,
    ),
    ("Is the term of xₜ there?", lambda xt, x0, *rest: mean_of(0 * xt, x0, *rest)),
    ("Is the term of x₀ there?", lambda xt, x0, *rest: mean_of(xt, 0 * x0, *rest)),
    (
        "Is one term subtracted? Both are added.",
        lambda xt, x0, *rest: mean_of(-xt, x0, *rest),
    ),
    ("Is one term subtracted? Both are added.", lambda xt, x0, *rest: mean_of(xt, -x0, *rest)),
    (
        "Is that the mean of x_(t-1) given x₀ alone? It leaves out xₜ.",
        lambda xt, x0, b, a, bar, before: before.sqrt() * x0 + 0 * xt,
    ),
    ("Is only the fading of xₜ undone?", lambda xt, x0, b, a, bar, before: xt / a.sqrt()),
    (
        "Does every image get the factors of the first one?",
        lambda xt, x0, *rest: mean_of(xt, x0, *(each[:1] for each in rest)),
    ),
    (
        "The factors run along the width of the images. Which shape do they have?",
        run_along_width(mean_of),
    ),
]
VARIANCE_MISTAKES = [
    ("That is β itself. How much of that noise is known, given x₀?", lambda b, a, bar, before: b),
    (
        "Is that a standard deviation? Equation 7 has the variance.",
        lambda b, a, bar, before: (beta_tilde(b, bar, before)).sqrt(),
    ),
    ("Is the fraction upside down?", lambda b, a, bar, before: (1 - bar) / (1 - before).clamp(min=1e-6) * b),
    ("Is the denominator there?", lambda b, a, bar, before: (1 - before) * b),
    ("Is the factor β there?", lambda b, a, bar, before: (1 - before) / (1 - bar)),
    ("Is that 1 − ᾱ of the step before, without the last step's part?", lambda b, a, bar, before: 1 - before),
    (
        "Is the last bit of fading undone twice? Divided by α it would be β̃ / α.",
        lambda b, a, bar, before: beta_tilde(b, bar, before) / a,
    ),
    (
        "Before the first step, ᾱ is 1. Does index -1 give the last ᾱ?",
        lambda b, a, bar, before: beta_tilde(b, bar, wrapped(bar)),
    ),
    (
        "Is ᾱ of the step before divided by ᾱ, without 1 − in front of both?",
        lambda b, a, bar, before: before / bar * b,
    ),
    (
        "Is it the logarithm? Equation 7 has the variance itself.",
        lambda b, a, bar, before: beta_tilde(b, bar, before).clamp(min=1e-20).log(),
    ),
    ("Is that 0? Only after the first step the image is known exactly.", lambda b, a, bar, before: 0 * b),
    (
        "Does every image get the factors of the first one?",
        lambda b, a, bar, before: beta_tilde(b, bar, before)[:1].expand(len(b), 1, 1, 1),
    ),
]


def beta_tilde(b: t.Tensor, bar: t.Tensor, before: t.Tensor) -> t.Tensor:
    """Equation 7, its variance."""
    return (1 - before) / (1 - bar) * b


def judge_pair(result: object, shape: tuple[int, ...], device: str) -> tuple[t.Tensor, t.Tensor]:
    """What posterior returns: a mean as large as the images, and one variance for each of them, in this order."""
    if not isinstance(result, tuple | list) or len(result) != 2:
        got = f"{len(result)} things" if isinstance(result, tuple | list) else kind(result)
        raise Mistake(
            f"it returns {got}, expected two: mean, variance", "Are both returned, with a comma between them?"
        )
    mean, variance = result
    shapes = [tuple(each.shape) if isinstance(each, t.Tensor) else None for each in result]
    one_each = (shape[0], 1, 1, 1)
    if shapes == [one_each, shape]:
        raise Mistake(
            "the variance comes first, expected mean, variance", "In which order does the docstring name them?"
        )
    if shapes[1] in ((shape[0],), shape, ()):
        facts = f"the variance has shape {shapes[1]}, expected {one_each}"
        raise Mistake(facts, "It is one number for each image, with three axes of length 1 after it.")
    expect_tensor(mean, shape, "as mean it", device)
    expect_tensor(variance, one_each, "as variance it", device)
    return mean, variance


def judge_values(name: str, result: t.Tensor, expected: t.Tensor, mistakes: list, *inputs: t.Tensor) -> None:
    """Compare every number. inputs: what the closed forms of the mistakes take"""
    gap = (result - expected).abs()
    if gap.max() < 1e-4:
        return
    question = recognise(mistakes, lambda mistake: result.allclose(mistake(*inputs), atol=1e-4))
    worst = t.unravel_index(gap.argmax(), gap.shape)
    n = STEPS[worst[0].item()].item()
    values = f"a number of the {name} is {result[worst]:.3f}, expected {expected[worst]:.3f}"
    raise Mistake(f"at num_steps={n} with betas {BETAS},\n{values}", question)


@check("1.12", mistakes=MEAN_MISTAKES + VARIANCE_MISTAKES)
def check_posterior(answer: Callable) -> str:
    for device in DEVICES:
        xt, x0, num_steps = t.randn(BATCH, device=device), 2 * t.rand(BATCH, device=device) - 1, STEPS.to(device)
        with unchanged(xt=xt, x0=x0, num_steps=num_steps):
            mean, variance = judge_pair(ask(answer, xt, x0, num_steps, schedule_for(device)), BATCH, device)
        bar, a = alpha_bars(num_steps), alphas(num_steps)
        factors = 1 - a, a, bar, bar / a
        judge_values("mean", mean, mean_of(xt, x0, *factors), MEAN_MISTAKES, xt, x0, *factors)
        judge_values("variance", variance, beta_tilde(1 - a, bar, bar / a), VARIANCE_MISTAKES, *factors)
    xt, x0, num_steps = t.randn(2, 1, 5, 3), 2 * t.rand(2, 1, 5, 3) - 1, t.tensor([3, 1])
    mean, variance = judge_pair(ask(answer, xt, x0, num_steps, schedule_for()), (2, 1, 5, 3), "cpu")
    bar, a = alpha_bars(num_steps), alphas(num_steps)
    if not mean.allclose(mean_of(xt, x0, 1 - a, a, bar, bar / a), atol=1e-4):
        raise Mistake("it is right for images (6, 3, 4, 6), but not for (2, 1, 5, 3)", "Is a size written out?")
    return "mean and variance at every timestep, the first included, where both are known exactly"
