"""The check of 1.12 posterior.

A batch as wide as it has images, in which every timestep occurs, so that each mistake shows in some number.
"""

from collections.abc import Callable

import torch as t

from solutions.part1_diffusion import NoiseSchedule
from tests.checking import (
    BETAS,
    Mistake,
    alpha_bars,
    alphas,
    apart,
    check,
    elsewhere,
    expect_tensor,
    kind,
    on_cuda,
    other_betas,
    recognise,
    schedule_for,
    schedule_of,
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


def plus_for_minus(xt: t.Tensor, x0: t.Tensor, b: t.Tensor, a: t.Tensor, bar: t.Tensor, before: t.Tensor) -> t.Tensor:
    """Equation 7, its mean, with 1 + ᾱ in places of 1 - ᾱ."""
    return (before.sqrt() * b * x0 + a.sqrt() * (1 + before) * xt) / (1 + bar)


def run_along_width(formula: Callable) -> Callable:
    """The formula with factors along the last axis of the images instead of the first."""
    return lambda xt, x0, *factors: formula(xt, x0, *(factor.reshape(1, 1, 1, -1) for factor in factors))


def wrapped(bar: t.Tensor) -> t.Tensor:
    """ᾱ of the step before each of BATCH's timesteps, where index -1 is taken for the step before the first."""
    return schedule_for(bar.device.type).alpha_bars[STEPS.to(bar.device) - 2].reshape(-1, 1, 1, 1)


STEPS = t.tensor([2, 1, 4, 3, 4, 1])


def of_own_schedule(*_: t.Tensor) -> tuple:
    """β, α, ᾱ and ᾱ of the step before, of a linear schedule made anew."""
    own = NoiseSchedule(len(BETAS), "cpu")
    b, a, bar = (look(STEPS).reshape(-1, 1, 1, 1).to(_[0].device) for look in (own.beta, own.alpha, own.alpha_bar))
    return b, a, bar, bar / a


def at_the_first(value: Callable) -> Callable:
    """ᾱ of the step before, with a mistake where that is 1, before the first step."""
    return lambda b, a, bar, before: t.where(before > 0.999, value(bar), before)


MEAN_MISTAKES = [
    ("You take 0 for ᾱ before the first step. Nothing has been added yet.", as_if(before=at_the_first(t.zeros_like))),
    (
        "You take ᾱ₁ for ᾱ before the first step. Nothing has been added yet.",
        as_if(before=at_the_first(lambda bar: bar)),
    ),
    (
        "You put √ᾱ of this step in front of x₀, where that of the step before belongs.",
        lambda xt, x0, b, a, bar, before: (bar.sqrt() * b * x0 + a.sqrt() * (1 - before) * xt) / (1 - bar),
    ),
    (
        "You put 1 - ᾱ of this step in front of xₜ, where that of the step before belongs.",
        lambda xt, x0, b, a, bar, before: (before.sqrt() * b * x0 + a.sqrt() * (1 - bar) * xt) / (1 - bar),
    ),
    (
        "You put x₀ where line 4 has the noise.",
        lambda xt, x0, b, a, bar, before: (xt - b / (1 - bar).sqrt() * x0) / a.sqrt(),
    ),
    ("You clamp the mean. It may leave [-1, 1].", lambda *inputs: mean_of(*inputs).clamp(-1, 1)),
    ("You give x₀ for every image. That is right at timestep 1 alone.", lambda xt, x0, *rest: x0),
    (
        "You give xₜ back at timestep 1. There the mean is x₀.",
        lambda xt, x0, *rest: t.where(rest[-1] > 0.999, xt, mean_of(xt, x0, *rest)),
    ),
    (
        "You use a schedule of your own. Where is noise_schedule?",
        lambda xt, x0, *rest: mean_of(xt, x0, *of_own_schedule(*rest)),
    ),
    ("You take ᾱ of this step, where ᾱ of the step before belongs.", as_if(before=lambda b, a, bar, before: bar)),
    (
        "You take index -1, which is the last ᾱ. Before the first step, ᾱ is 1.",
        as_if(before=lambda b, a, bar, _: wrapped(bar)),
    ),
    (
        "You multiply ᾱ by α to get the step before, where you should divide.",
        as_if(before=lambda b, a, bar, before: bar * a),
    ),
    ("You take α, where ᾱ of the step before belongs.", as_if(before=lambda b, a, bar, before: a)),
    ("You take ᾱ, where α belongs.", as_if(a=lambda b, a, bar, before: bar)),
    ("You take α below the fraction, where ᾱ belongs.", as_if(bar=lambda b, a, bar, before: a)),
    ("You take α, where β belongs.", as_if(b=lambda b, a, bar, before: a)),
    ("You take the root of β. Equation 7 has β itself.", as_if(b=lambda b, a, bar, before: b.sqrt())),
    (
        "Where is the root in front of x₀?",
        lambda xt, x0, b, a, bar, before: (before * b * x0 + a.sqrt() * (1 - before) * xt) / (1 - bar),
    ),
    (
        "Where is the root in front of xₜ?",
        lambda xt, x0, b, a, bar, before: (before.sqrt() * b * x0 + a * (1 - before) * xt) / (1 - bar),
    ),
    (
        "Where are the two roots?",
        lambda xt, x0, b, a, bar, before: (before * b * x0 + a * (1 - before) * xt) / (1 - bar),
    ),
    ("You swap x₀ and xₜ.", lambda xt, x0, *rest: mean_of(x0, xt, *rest)),
    ("Where is the denominator?", lambda xt, x0, b, a, bar, before: mean_of(xt, x0, b, a, bar, before) * (1 - bar)),
    (
        "You take a root in the denominator. Equation 7 has 1 − ᾱ itself.",
        lambda xt, x0, b, a, bar, before: mean_of(xt, x0, b, a, bar, before) * (1 - bar).sqrt(),
    ),
    (
        "You divide the second term alone. Mind the parentheses.",
        lambda xt, x0, b, a, bar, before: before.sqrt() * b * x0 + a.sqrt() * (1 - before) * xt / (1 - bar),
    ),
    (
        "You divide the first term alone. Mind the parentheses.",
        lambda xt, x0, b, a, bar, before: before.sqrt() * b * x0 / (1 - bar) + a.sqrt() * (1 - before) * xt,
    ),
    ("Where is the term of xₜ?", lambda xt, x0, *rest: mean_of(0 * xt, x0, *rest)),
    ("Where is the term of x₀?", lambda xt, x0, *rest: mean_of(xt, 0 * x0, *rest)),
    (
        "You subtract one term. Both are added.",
        lambda xt, x0, *rest: mean_of(-xt, x0, *rest),
    ),
    ("You subtract one term. Both are added.", lambda xt, x0, *rest: mean_of(xt, -x0, *rest)),
    (
        "You give the mean given x₀ alone. Where is xₜ?",
        lambda xt, x0, b, a, bar, before: before.sqrt() * x0 + 0 * xt,
    ),
    ("You only undo the fading of xₜ. Where is x₀?", lambda xt, x0, b, a, bar, before: xt / a.sqrt()),
    ("You add 1 and ᾱ. Both are subtracted.", plus_for_minus),
    (
        "You give every image the same factors, their mean.",
        lambda xt, x0, *rest: mean_of(xt, x0, *(each.mean() for each in rest)),
    ),
    ("You scale the mean by √α once more.", lambda xt, x0, b, a, *bars: a.sqrt() * mean_of(xt, x0, b, a, *bars)),
    (
        "You give every image the factors of the first one.",
        lambda xt, x0, *rest: mean_of(xt, x0, *(each[:1] for each in rest)),
    ),
    (
        "You let the factors run along the width of the images. Which shape should they have?",
        run_along_width(mean_of),
    ),
]
VARIANCE_MISTAKES = [
    ("You keep it above 0. At timestep 1 the variance is exactly 0.", lambda *rest: away_from_0(*rest, 1e-2)),
    ("You keep it above 0. At timestep 1 the variance is exactly 0.", lambda *rest: away_from_0(*rest, 1e-3)),
    ("You keep it above 0. At timestep 1 the variance is exactly 0.", lambda *rest: away_from_0(*rest, 1e-4)),
    ("You give β itself. How much of that noise is known, given x₀?", lambda b, a, bar, before: b),
    (
        "You give a standard deviation. Equation 7 has the variance.",
        lambda b, a, bar, before: (beta_tilde(b, bar, before)).sqrt(),
    ),
    ("You turn the fraction upside down.", lambda b, a, bar, before: (1 - bar) / (1 - before).clamp(min=1e-6) * b),
    ("Where is the denominator?", lambda b, a, bar, before: (1 - before) * b),
    ("Where is the factor β?", lambda b, a, bar, before: (1 - before) / (1 - bar)),
    ("You give 1 − ᾱ of the step before. Where is the last step's part?", lambda b, a, bar, before: 1 - before),
    (
        "You undo the last bit of fading twice, which makes it β̃ / α.",
        lambda b, a, bar, before: beta_tilde(b, bar, before) / a,
    ),
    (
        "You take index -1, which is the last ᾱ. Before the first step, ᾱ is 1.",
        lambda b, a, bar, before: beta_tilde(b, bar, wrapped(bar)),
    ),
    (
        "You divide ᾱ of the step before by ᾱ. Where is 1 − in front of both?",
        lambda b, a, bar, before: before / bar * b,
    ),
    (
        "You give the logarithm. Equation 7 has the variance itself.",
        lambda b, a, bar, before: beta_tilde(b, bar, before).clamp(min=1e-20).log(),
    ),
    ("You add 1 and ᾱ. Both are subtracted.", lambda b, a, bar, before: (1 + before) / (1 + bar) * b),
    ("You give 0, which is right at timestep 1 alone.", lambda b, a, bar, before: 0 * b),
    (
        "You give every image the factors of the first one.",
        lambda b, a, bar, before: beta_tilde(b, bar, before)[:1].expand(len(b), 1, 1, 1),
    ),
]


def beta_tilde(b: t.Tensor, bar: t.Tensor, before: t.Tensor) -> t.Tensor:
    """Equation 7, its variance."""
    return (1 - before) / (1 - bar) * b


def away_from_0(b: t.Tensor, a: t.Tensor, bar: t.Tensor, before: t.Tensor, least: float) -> t.Tensor:
    return beta_tilde(b, bar, before).clamp(min=least)


def judge_first_step(name: str, result: t.Tensor, num_steps: t.Tensor) -> None:
    """Refuse numbers that are infinite, or none, at timestep 1 alone."""
    broken = ~result.flatten(1).isfinite().all(dim=1).cpu()
    if broken.any() and broken.equal(num_steps.cpu() == 1):
        facts = f"at num_steps=1 the {name} is {'nan' if result.isnan().any() else 'inf'}"
        raise Mistake(facts, "You divide by 1 - ᾱ of the step before, which is 0 there. Equation 7 has that of this step.")


def judge_pair(
    result: object, shape: tuple[int, ...], num_steps: t.Tensor, device: str = "cpu"
) -> tuple[t.Tensor, t.Tensor]:
    """What posterior returns: a mean as large as the images, and one variance for each of them, in this order."""
    if not isinstance(result, tuple | list) or len(result) != 2:
        got = f"{len(result)} things" if isinstance(result, tuple | list) else kind(result)
        raise Mistake(
            f"it returns {got}, expected two: mean, variance", "Where are both returned, with a comma between them?"
        )
    mean, variance = result
    shapes = [tuple(each.shape) if isinstance(each, t.Tensor) else None for each in result]
    one_each = (shape[0], 1, 1, 1)
    if shapes == [one_each, shape]:
        raise Mistake(
            "the variance comes first, expected mean, variance", "You return them in another order than the docstring."
        )
    if shapes[1] in ((shape[0],), shape, ()) and shapes[1] != one_each:
        facts = f"the variance has shape {shapes[1]}, expected {one_each}"
        raise Mistake(facts, "Where are the three axes of length 1, after one number for each image?")
    for name, each, size in [("mean", mean, shape), ("variance", variance, one_each)]:
        if isinstance(each, t.Tensor) and each.shape == size:
            judge_first_step(name, each, num_steps)
        expect_tensor(each, size, f"as {name} it", device)
    return mean, variance


def judge_values(name: str, result: t.Tensor, expected: t.Tensor, mistakes: list, *inputs: t.Tensor) -> None:
    """Compare every number. inputs: what the closed forms of the mistakes take"""
    gap = (result - expected).abs()
    if gap.max() < 1e-4:
        return
    question = recognise(mistakes, lambda mistake: result.allclose(mistake(*inputs), atol=1e-4))
    worst = t.unravel_index(gap.argmax(), gap.shape)
    n = STEPS[worst[0].item()].item()
    values = f"a number of the {name} is {apart(result[worst].item(), expected[worst].item())}"
    raise Mistake(f"at num_steps={n} with betas {BETAS},\n{values}", question)


@check("1.12", mistakes=MEAN_MISTAKES + VARIANCE_MISTAKES)
def check_posterior(answer: Callable) -> str:
    judge_every_step(answer, "cpu")
    judge_other_sizes(answer)
    facts, xt = "with images on another device, tensors of two devices meet", t.ones(BATCH, device="meta")
    question = "You make a tensor on the CPU. The schedule and the images are on one device."
    elsewhere(lambda: answer(xt, xt, STEPS.to("meta"), schedule_for("meta")), facts, question)
    on_cuda(lambda device: judge_every_step(answer, device), facts, question)
    return "mean and variance at every timestep, the first included, where both are known exactly"


def ask_one_step(answer: Callable, *arguments: object) -> object:
    """The answer's result. What is asked for a timestep before the first is told as that."""
    try:
        return ask(answer, *arguments)
    except ValueError as error:
        if "num_steps counts" in str(error):
            facts = "at num_steps=1 the schedule is asked for timestep 0, which it does not have"
            raise Mistake(facts, "You look ᾱ of the step before up. What is it before the first step?") from None
        raise


def judge_every_step(answer: Callable, device: str) -> None:
    xt, x0, num_steps = t.randn(BATCH, device=device), 2 * t.rand(BATCH, device=device) - 1, STEPS.to(device)
    with unchanged(xt=xt, x0=x0, num_steps=num_steps):
        result = ask_one_step(answer, xt, x0, num_steps, schedule_for(device))
    mean, variance = judge_pair(result, BATCH, num_steps, device)
    if not mean.equal(judge_pair(ask(answer, xt, x0, num_steps, schedule_for(device)), BATCH, num_steps, device)[0]):
        raise Mistake("called twice, it gives two means", "You draw a sample. Mean and variance are asked for.")
    bar, a = alpha_bars(num_steps), alphas(num_steps)
    factors = 1 - a, a, bar, bar / a
    judge_values("mean", mean, mean_of(xt, x0, *factors), MEAN_MISTAKES, xt, x0, *factors)
    judge_values("variance", variance, beta_tilde(1 - a, bar, bar / a), VARIANCE_MISTAKES, *factors)


def judge_other_sizes(answer: Callable) -> None:
    """Other images, a single grey one among them, and a schedule that half precision cannot count."""
    schedule = schedule_of([beta / 30 for beta in other_betas(300)])
    for shape, steps in [((2, 1, 5, 3), [259, 1]), ((1, 1, 2, 3), [291])]:
        xt, x0, num_steps = t.randn(shape), 2 * t.randn(shape), t.tensor(steps)  # x0 may be a guess, out of range
        mean, variance = judge_pair(ask(answer, xt, x0, num_steps, schedule), shape, num_steps)
        b, a, bar = (
            each(num_steps).reshape(-1, 1, 1, 1) for each in (schedule.beta, schedule.alpha, schedule.alpha_bar)
        )
        expected = mean_of(xt, x0, b, a, bar, bar / a), beta_tilde(b, bar, bar / a)
        if not mean.allclose(expected[0], atol=1e-4) or not variance.allclose(expected[1], rtol=1e-3, atol=1e-6):
            facts = f"it is right for images (6, 3, 4, 6), but not for {shape} at timesteps {steps} of 300"
            if mean.allclose(mean_of(xt, x0.clamp(-1, 1), b, a, bar, bar / a), atol=1e-4):
                raise Mistake("an x₀ beyond [-1, 1] counts as if it were at its end", "You clamp x₀.")
            raise Mistake(facts, "You write a size or a schedule out, or round timesteps.")
