"""The check of 1.12 posterior.

A batch as wide as it has images, in which every timestep occurs, so that each mistake shows in some number.
"""

from collections.abc import Callable
from functools import partial
from math import prod, sqrt

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
    factors_by_step,
    kind,
    name_of,
    on_cuda,
    other_betas,
    quantities,
    recognise,
    schedule_for,
    schedule_of,
    unchanged,
)
from tests.part1.noise_img import ADDED, BATCH, ask
from tests.part1.q_eq2 import tell_taken

# What xt, x0, and β, α, ᾱ and the ᾱ of the step before, each (B, 1, 1, 1), make of a mean and of a variance.


def mean_of(xt: t.Tensor, x0: t.Tensor, b: t.Tensor, a: t.Tensor, bar: t.Tensor, before: t.Tensor) -> t.Tensor:
    """Equation 7, its mean."""
    return (before.sqrt() * b * x0 + a.sqrt() * (1 - before) * xt) / (1 - bar)


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


MEAN_MISTAKES = [
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
    (
        "You take α below the fraction, where ᾱ belongs.",
        lambda xt, x0, b, a, bar, before: mean_of(xt, x0, b, a, a, before),
    ),
    (
        "Where are the two roots?",
        lambda xt, x0, b, a, bar, before: (before * b * x0 + a * (1 - before) * xt) / (1 - bar),
    ),
    ("You swap x₀ and xₜ.", lambda xt, x0, *rest: mean_of(x0, xt, *rest)),
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
    ("You give β itself. How much of that noise is known, given x₀?", lambda b, a, bar, before: b),
    (
        "You give a standard deviation. Equation 7 has the variance.",
        lambda b, a, bar, before: (beta_tilde(b, bar, before)).sqrt(),
    ),
    ("You turn the fraction upside down.", lambda b, a, bar, before: (1 - bar) / (1 - before).clamp(min=1e-6) * b),
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


def judge_first_step(name: str, result: t.Tensor, num_steps: t.Tensor) -> None:
    """Refuse numbers that are infinite, or none, at timestep 1 alone."""
    broken = ~result.flatten(1).isfinite().all(dim=1).cpu()
    if broken.any() and broken.equal(num_steps.cpu() == 1):
        if name == "variance" and result.isneginf().any():
            raise Mistake(f"at num_steps=1 the {name} is -inf", "You give the logarithm, here of 0.")
        facts = f"at num_steps=1 the {name} is {'nan' if result.isnan().any() else 'inf'}"
        raise Mistake(
            facts, "You divide by 1 - ᾱ of the step before, which is 0 there. Equation 7 has that of this step."
        )


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
    if shapes[1] == shape != one_each:
        facts = f"the variance has shape {shape}, expected {one_each}"
        raise Mistake(facts, "You give each number a variance of its own. All numbers of an image share one.")
    if shapes[1] in ((shape[0],), ()) and shapes[1] != one_each:
        facts = f"the variance has shape {shapes[1]}, expected {one_each}"
        raise Mistake(facts, "Where are the three axes of length 1, after one number for each image?")
    for name, each, size in [("mean", mean, shape), ("variance", variance, one_each)]:
        if isinstance(each, t.Tensor) and each.shape == size:
            judge_first_step(name, each, num_steps)
        expect_tensor(each, size, f"as {name} it", device)
    return mean, variance


PLACES = {  # the parts of each factor of Equation 7, above the fraction and below
    " in front of x₀": {"√ᾱₜ₋₁": 1, "β": 1, "1 - ᾱ": -1},
    " in front of xₜ": {"√α": 1, "1 - ᾱₜ₋₁": 1, "1 - ᾱ": -1},
    "": {"1 - ᾱₜ₋₁": 1, "β": 1, "1 - ᾱ": -1},
}


def put_for(factor: dict[int, float], parts: dict[str, int]) -> tuple[str, str]:
    """What stands in a factor in place of which of its parts; empty where it is no such exchange."""
    known = quantities()
    for part, power in parts.items():
        others = {n: prod(known[name][n - 1] ** p for name, p in parts.items() if name != part) for n in factor}
        name = name_of({n: (value / others[n]) ** power for n, value in factor.items() if value and others[n]})
        if name and " / " not in name and " · " not in name:
            return name, part
    return "", ""


def tell_factors(found: dict[str, dict[int, float]]) -> str:
    """What is wrong in the factors of Equation 7, which are given by their places and by timestep."""
    exchanged = {place: put_for(factor, PLACES[place]) for place, factor in found.items()}
    exchanged = {place: pair for place, pair in exchanged.items() if pair[0] != pair[1] or not pair[0]}
    if not all(name for name, _ in exchanged.values()):
        return f"You change the factor{''.join(exchanged)}. The other is right." if len(exchanged) < len(found) else ""
    if len(found) == len(exchanged) and len({*exchanged.values()}) == 1:
        exchanged = {"": exchanged.popitem()[1]}
    if [*exchanged.values()] == [("1", "1 - ᾱ")]:
        place = "".join(exchanged)
        return f"Where is the denominator{place}?{' Mind the parentheses.' * bool(place)}"
    said = [f"{name}{place}{',' if place else ''} where {part} belongs" for place, (name, part) in exchanged.items()]
    return f"You put {', and '.join(said)}."


def tell_before(x0: dict[int, float], xt: dict[int, float]) -> str:
    """What has been taken for ᾱ of the step before, if both factors say so."""
    known = quantities()
    b, a, rest = known["β"], known["α"], known["1 - ᾱ"]
    before = {n: (factor * rest[n - 1] / b[n - 1]) ** 2 for n, factor in x0.items()}
    if any(abs(xt[n] - sqrt(a[n - 1]) * (1 - before[n]) / rest[n - 1]) > 1e-3 for n in xt):
        return ""
    if all(abs(before[n] - known["ᾱₜ₋₁"][n - 1]) < 1e-3 for n in before if n > 1):
        bars = {"0": 0.0, "ᾱ₁": known["ᾱ"][0], "the last ᾱ, which stands at index -1,": known["ᾱ"][-1]}
        taken = next((name for name, bar in bars.items() if abs(bar - before[1]) < 1e-3), f"{before[1]:.3g}")
        return f"You take {taken} for ᾱ before the first step. Nothing has been added yet."
    return tell_taken(before, "ᾱₜ₋₁")


def tell_mean(mean: t.Tensor, xt: t.Tensor, x0: t.Tensor) -> str:
    found = factors_by_step(mean, STEPS.to(mean.device), x0, xt)
    if not found or max(map(abs, found[2].values())) > 1e-3:
        return ADDED if found else ""
    return tell_before(*found[:2]) or tell_factors(dict(zip(PLACES, found[:2], strict=False)))


def tell_variance(variance: t.Tensor) -> str:
    found = {n: variance[STEPS == n].mean().item() for n in STEPS.tolist()}
    name, part = put_for({n: value for n, value in found.items() if n > 1}, PLACES[""])
    if name and name == part:
        return "You give timestep 1 another variance, or keep it above 0. There it is exactly 0."
    return tell_factors({"": found})


def judge_values(name: str, result: t.Tensor, expected: t.Tensor, mistakes: list, tell: Callable, *inputs) -> None:
    """Compare every number. inputs: what the closed forms of the mistakes take
    tell: what to say of the result where none of them fits"""
    gap = (result - expected).abs()
    if gap.max() < 1e-4:
        return
    question = recognise(mistakes, lambda mistake: result.allclose(mistake(*inputs), atol=1e-4)) or tell(result)
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
    each = 1 - a, a, bar, bar / a
    judge_values("mean", mean, mean_of(xt, x0, *each), MEAN_MISTAKES, partial(tell_mean, xt=xt, x0=x0), xt, x0, *each)
    judge_values("variance", variance, beta_tilde(1 - a, bar, bar / a), VARIANCE_MISTAKES, tell_variance, *each)


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
