"""The checks of Part 1. Call one with your own function: tests.part1.check_q_eq4(q_eq4)

Each compares with a closed form. A list of mistakes holds, for each, the question to ask and the closed form of what
that mistake computes; the first that fits all that was measured is the diagnosis.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from math import exp, prod, sqrt

import numpy as np
import torch as t
from torch.utils.data import TensorDataset

import utils
from solutions.part1_diffusion import NoiseSchedule, TinyDiffuserConfig, linear_schedule
from tests.checking import Mistake, blame, check, expect_tensor, kind, numbers, seed_all

DEVICES = ["cpu", "cuda"][: 1 + t.cuda.is_available()]
BETAS = [0.1, 0.4, 0.2, 0.25]  # few, so that a learner can redo the sum; uneven, so that each mistake shows
LARGE = (3, 128, 128)  # the noise level of so many numbers is known to 1 %


def calm() -> None:
    """Undo what an answer may have changed for all that follows."""
    t.set_grad_enabled(True)
    t.set_default_dtype(t.float32)


def elsewhere(call: Callable, facts: str, question: str) -> object:
    """What a call gives on PyTorch's meta device, which has no numbers but is on every machine, or None where it needs
    numbers. Refuse it if tensors of two devices meet."""
    try:
        return call()
    except Mistake:
        raise
    except Exception as error:  # one that asks for a number is no mistake
        if any(words in str(error) for words in ("expected device", "same device", "two devices")):
            raise Mistake(facts, question) from None
        return None


# ---------------------------------------------------------------------------------------------- 1.2 linear_schedule

SCHEDULE_MISTAKES = [
    ("The last value falls short. Is the end included?", lambda T, lo, hi: t.linspace(lo, hi, T + 1)[:-1]),
    ("The first value comes too late. Is the start included?", lambda T, lo, hi: t.linspace(lo, hi, T + 1)[1:]),
    ("Are min_noise and max_noise used?", lambda T, lo, hi: t.linspace(0.0001, 0.02, T)),
    ("It begins at 0. Is min_noise used?", lambda T, lo, hi: t.linspace(0, hi, T)),
    ("It falls. Are the two ends swapped?", lambda T, lo, hi: t.linspace(hi, lo, T)),
    ("The ratios are even. Should the differences be?", lambda T, lo, hi: lo * (hi / lo) ** t.linspace(0, 1, T)),
    (
        "The roots are evenly spaced. Should the variances themselves be?",
        lambda T, lo, hi: t.linspace(sqrt(lo), sqrt(hi), T) ** 2,
    ),
    (
        "These are standard deviations. β is a variance: is there one root too many?",
        lambda T, lo, hi: t.linspace(lo, hi, T).sqrt(),
    ),
    ("These are squares of the variances. Is there one square too many?", lambda T, lo, hi: t.linspace(lo, hi, T) ** 2),
    ("These are 1 - β. Is there one subtraction too many?", lambda T, lo, hi: 1 - t.linspace(lo, hi, T)),
    (
        "These are running products (ᾱ). Does each entry stand for one step?",
        lambda T, lo, hi: (1 - t.linspace(lo, hi, T)).cumprod(0),
    ),
    ("These are running sums. Does each entry stand for one step?", lambda T, lo, hi: t.linspace(lo, hi, T).cumsum(0)),
    ("It never rises. Should every step add the same noise?", lambda T, lo, hi: t.full((T,), lo)),
    ("It never rises. Should every step add the same noise?", lambda T, lo, hi: t.full((T,), hi)),
    ("It never rises. Should every step add the same noise?", lambda T, lo, hi: t.full((T,), (lo + hi) / 2)),
    ("Each step is the whole way. How many gaps share it?", lambda T, lo, hi: lo + (hi - lo) * t.arange(T)),
    ("Is it scaled by 1000 / T? Here β keeps its ends.", lambda T, lo, hi: t.linspace(lo, hi, T) * 1000 / T),
    (
        "It is the beginning of a longer schedule. After how many steps is max_noise reached?",
        lambda T, lo, hi: lo + (hi - lo) * t.arange(T) / 999,
    ),
    (
        "It is the beginning of a longer schedule. After how many steps is max_noise reached?",
        lambda T, lo, hi: lo + (hi - lo) * t.arange(T) / 199,
    ),
    (
        "It begins at 0 and ends short of max_noise. Where does min_noise come in?",
        lambda T, lo, hi: (hi - lo) * t.linspace(0, 1, T),
    ),
    (
        "It ends at both together. How long is the way from min_noise to max_noise?",
        lambda T, lo, hi: lo + t.linspace(0, hi, T),
    ),
]


def shape_of(values: t.Tensor) -> str:
    """A question about a schedule that no known mistake makes."""
    gaps = values.diff()
    if gaps.allclose(gaps[:1], atol=1e-4):
        return "The steps are even. Are the ends min_noise and max_noise?"
    return "The steps are not even. Should β rise in a straight line?"


@check("1.2")
def check_linear_schedule(answer: Callable) -> str:
    for T, lo, hi in [(5, 0.1, 0.5), (2, 0.2, 0.6), (200, 0.0001, 0.02), (1000, 0.0001, 0.02)]:
        call = f"linear_schedule({T})" if T > 5 else f"linear_schedule({T}, {lo}, {hi})"
        result = answer(T) if T > 5 else answer(T, lo, hi)
        if isinstance(result, t.Tensor) and result.ndim == 1 and len(result) != T:
            off_by_one = {T + 1: "Is max_steps taken for the number of gaps?", T - 1: "Is one end missing?"}
            question = off_by_one.get(len(result), "Is max_steps used as the count of numbers?")
            raise Mistake(f"{call} gives {len(result)} number{'s'[: len(result) != 1]}, expected {T}", question)
        expect_tensor(result, (T,), call)
        expected = t.linspace(lo, hi, T)
        if result.allclose(expected, rtol=1e-3, atol=1e-7):
            continue
        if T > 5:  # with the other arguments it has been right
            worst = (result - expected).abs().argmax().item()
            facts = f"is {result[worst]:.4g} at step {worst + 1},\nexpected {expected[worst]:.4g}"
            raise Mistake(f"{call} {facts}", "Are the defaults of min_noise and max_noise changed?")
        questions = (q for q, mistake in SCHEDULE_MISTAKES if result.allclose(mistake(T, lo, hi), rtol=1e-3))
        raise Mistake(
            f"{call} gives {numbers(result)},\nexpected {numbers(expected)}", next(questions, shape_of(result))
        )
    return "length, both ends, even steps, its own arguments"


# ------------------------------------------------------------------------------------------ 1.3 q_eq2 and 1.4 q_eq4
# Noising is linear in the image, so two numbers describe it: the share of the image that is kept, and the standard
# deviation of the noise. Every mistake below is a function (betas, n) -> (kept, noise).


def keep(beta: float) -> float:
    return sqrt(1 - beta)


def walk(fade: Callable, add: Callable, used: Callable = lambda betas, n: betas[:n]) -> Callable:
    """n steps x -> fade(β) x + add(β) ε, over the betas that are used."""

    def levels(betas: list[float], n: int) -> tuple[float, float]:
        kept, variance = 1.0, 0.0
        for beta in used(betas, n):
            kept, variance = kept * fade(beta), fade(beta) ** 2 * variance + add(beta) ** 2
        return kept, sqrt(variance)

    return levels


def jump(alpha_bar: Callable) -> Callable:
    """One step √ᾱ x + √(1 - ᾱ) ε, with ᾱ from (betas, n)."""
    return lambda betas, n: (sqrt(alpha_bar(betas, n)), sqrt(1 - alpha_bar(betas, n)))


def alpha_bar(betas: list[float], n: int) -> float:
    return prod(1 - beta for beta in betas[:n])


def own_schedule(length: int) -> Callable:
    return lambda betas, n: linear_schedule(length)[:n].tolist()


def paper_schedule(betas: list[float], n: int) -> list[float]:
    """What linear_schedule(num_steps) gives, in place of betas."""
    return linear_schedule(n).tolist()


def same_noise(betas: list[float], n: int) -> tuple[float, float]:
    noise = 0.0
    for beta in betas[:n]:
        noise = keep(beta) * noise + sqrt(beta)
    return sqrt(alpha_bar(betas, n)), noise


def alpha_bar_in_loop(betas: list[float], n: int) -> tuple[float, float]:
    bars = [1 - alpha_bar(betas, i + 1) for i in range(n)]
    return walk(keep, sqrt)(bars, n)


EQ2_MISTAKES = [
    ("Did a variance go where a standard deviation belongs?", walk(keep, lambda b: b)),
    ("Is the square root missing in front of the image?", walk(lambda b: 1 - b, sqrt)),
    ("Are both square roots missing?", walk(lambda b: 1 - b, lambda b: b)),
    ("Are the two factors swapped?", walk(sqrt, keep)),
    ("The noise fades too. Does it have the image's factor?", walk(keep, keep)),
    ("Does each step fade the image before it adds noise?", walk(lambda b: 1, sqrt)),
    ("That is x as it came. Is it the noised image that is returned?", lambda betas, n: (1, 0)),
    ("Is the noise of the same step faded, too?", walk(keep, lambda b: keep(b) * sqrt(b))),
    ("Does each step add noise? On an image of zeros there is none.", walk(keep, lambda b: 0)),
    ("Is the noise scaled by its step?", walk(keep, lambda b: 1)),
    ("Does the root cover all of 1 - β?", walk(lambda b: 1 - sqrt(b), sqrt)),
    ("Is β squared? The way back from a variance is a root.", walk(keep, lambda b: b**2)),
    ("Is x ** 1/2 taken for a root? It is (x ** 1) / 2.", walk(lambda b: (1 - b) / 2, lambda b: b / 2)),
    ("Is that one step too many?", walk(keep, sqrt, lambda betas, n: betas[: n + 1])),
    ("Is that one step too few?", walk(keep, sqrt, lambda betas, n: betas[: n - 1])),
    ("The first step is left out. At which index is β₁?", walk(keep, sqrt, lambda betas, n: betas[1:n])),
    ("All steps are one index late. At which index is β₁?", walk(keep, sqrt, lambda betas, n: betas[1 : n + 1])),
    ("The whole schedule acts every time. Is num_steps used?", walk(keep, sqrt, lambda betas, n: betas)),
    ("Is betas used, or a schedule of your own?", walk(keep, sqrt, own_schedule(200))),
    ("Is betas used, or a schedule of your own?", walk(keep, sqrt, own_schedule(1000))),
    ("Is betas used, or a schedule of your own?", walk(keep, sqrt, own_schedule(len(BETAS)))),
    (
        "Only the first step acts. Does the function return inside the loop?",
        walk(keep, sqrt, lambda betas, n: betas[:1]),
    ),
    ("Is betas used, or a schedule of your own?", walk(keep, sqrt, paper_schedule)),
    ("Does every step use the first β?", walk(keep, sqrt, lambda betas, n: betas[:1] * n)),
    ("Does every step use the last β?", walk(keep, sqrt, lambda betas, n: betas[n - 1 : n] * n)),
    (
        "Only the last step shows. Does each start from the one before?",
        walk(keep, sqrt, lambda betas, n: [betas[n - 1]]),
    ),
    ("Is the schedule read from its end?", walk(keep, sqrt, lambda betas, n: betas[-n:])),
    ("Is the noise drawn once and used in every step?", same_noise),
    ("Is the noise added only in the last step?", lambda betas, n: (sqrt(alpha_bar(betas, n)), sqrt(betas[n - 1]))),
    ("Is ᾱ inside the loop? One step knows only its own β.", alpha_bar_in_loop),
    ("Are both square roots missing, and the two factors swapped?", walk(lambda b: b, lambda b: 1 - b)),
    ("Does the image get the factor of the noise, too?", walk(sqrt, sqrt)),
    ("Is neither the image nor the noise scaled?", walk(lambda b: 1, lambda b: 1)),
    ("Does the image fade? And is it a variance that scales the noise?", walk(lambda b: 1, lambda b: b)),
    ("Does every step use the same β, one index late?", walk(keep, sqrt, lambda betas, n: betas[n : n + 1] * n)),
]


def share(factor: Callable, std: Callable) -> Callable:
    """factor(ᾱ) x + std(ᾱ) ε, with the right ᾱ."""
    return lambda betas, n: (factor(alpha_bar(betas, n)), std(alpha_bar(betas, n)))


def missing(kept: float) -> float:
    return sqrt(1 - kept)


EQ4_MISTAKES = [
    ("Did a variance go where a standard deviation belongs?", share(sqrt, lambda a: 1 - a)),
    ("Is the square root missing in front of the image?", share(lambda a: a, missing)),
    ("Are both square roots missing?", share(lambda a: a, lambda a: 1 - a)),
    ("Are the two factors swapped?", share(missing, sqrt)),
    ("The two variances should add up to 1. The noise gets 1 minus what?", share(sqrt, lambda a: 1 - sqrt(a))),
    ("The two variances should add up to 1. The noise gets 1 minus what?", share(sqrt, lambda a: sqrt(1 - sqrt(a)))),
    ("Is a root taken twice?", share(lambda a: a**0.25, lambda a: sqrt(1 - sqrt(a)))),
    ("Is x ** 1/2 taken for a root? It is (x ** 1) / 2.", share(lambda a: a / 2, lambda a: (1 - a) / 2)),
    ("That is x as it came. Is it the noised image that is returned?", share(lambda a: 1, lambda a: 0)),
    ("Does the image fade at all?", share(lambda a: 1, missing)),
    ("Is the noise scaled?", share(sqrt, lambda a: 1)),
    ("Is noise added? On an image of zeros there is none.", share(sqrt, lambda a: 0)),
    ("Nothing is left of the image. Does the product begin at 0?", lambda b, n: (0, 1)),
    (
        "The noise is that of the last step alone. What do all steps add?",
        lambda b, n: (sqrt(alpha_bar(b, n)), sqrt(b[n - 1])),
    ),
    (
        "The noise gets the product of the betas. Is that 1 - ᾱ?",
        lambda b, n: (sqrt(alpha_bar(b, n)), sqrt(prod(b[:n]))),
    ),
    ("The noise gets the sum of the betas. Is that 1 - ᾱ?", lambda b, n: (sqrt(alpha_bar(b, n)), sqrt(sum(b[:n])))),
    ("Only the last step shows. ᾱ is a product over how many?", jump(lambda b, n: 1 - b[n - 1])),
    ("Only one step shows, and it is one index late. ᾱ is a product over how many?", jump(lambda b, n: 1 - b[n])),
    ("num_steps counts from 1, indices from 0. Is that one step too many?", jump(lambda b, n: alpha_bar(b, n + 1))),
    ("num_steps counts from 1, indices from 0. Is that one step too few?", jump(lambda b, n: alpha_bar(b, n - 1))),
    ("Index -1 is the last one. Is that one step too few?", jump(lambda b, n: alpha_bar(b, n - 1 or len(b)))),
    ("The first step is left out. At which index is β₁?", jump(lambda b, n: alpha_bar(b[1:], n - 1))),
    ("All steps are one index late. At which index is β₁?", jump(lambda b, n: alpha_bar(b[1:], n))),
    ("The whole schedule acts every time. Is num_steps used?", jump(lambda b, n: alpha_bar(b, len(b)))),
    ("Is this the product of the betas? ᾱ multiplies the alphas.", jump(lambda b, n: prod(b[:n]))),
    ("Is this the product of the betas? ᾱ multiplies the alphas.", jump(lambda b, n: 1 - prod(b[:n]))),
    ("Is ᾱ an average of the alphas? It is their product.", jump(lambda b, n: 1 - sum(b[:n]) / n)),
    ("Are the betas added up? ᾱ is a product.", jump(lambda b, n: 1 - sum(b[:n]))),
    ("Is one β taken n times? Each step has its own.", jump(lambda b, n: (1 - b[n - 1]) ** n)),
    ("Is one β taken n times? Each step has its own.", jump(lambda b, n: (1 - b[0]) ** n)),
    ("Is the schedule read from its end?", jump(lambda b, n: alpha_bar(b[::-1], n))),
    ("Is betas used, or a schedule of your own?", jump(lambda b, n: alpha_bar(own_schedule(200)(b, n), n))),
    ("Is betas used, or a schedule of your own?", jump(lambda b, n: alpha_bar(own_schedule(1000)(b, n), n))),
    ("Is betas used, or a schedule of your own?", jump(lambda b, n: alpha_bar(own_schedule(len(b))(b, n), n))),
    ("Is betas used, or a schedule of your own?", jump(lambda b, n: alpha_bar(linear_schedule(200).tolist(), 200))),
    ("Is betas used, or a schedule of your own?", jump(lambda b, n: alpha_bar(paper_schedule(b, n), n))),
    ("Are both square roots missing, and the two factors swapped?", share(lambda a: 1 - a, lambda a: a)),
    ("Does the noise get the factor of the image?", share(sqrt, sqrt)),
    ("Does the image get the factor of the noise?", share(missing, missing)),
    ("Is neither the image nor the noise scaled?", share(lambda a: 1, lambda a: 1)),
    ("Does the image fade? And is it a variance that scales the noise?", share(lambda a: 1, lambda a: 1 - a)),
    ("Is the noise faded like the image? It is added afterwards.", share(sqrt, lambda a: sqrt(a * (1 - a)))),
    ("Is ᾱ squared on its way?", jump(lambda b, n: alpha_bar(b, n) ** 2)),
    ("Is it e to the power of minus all betas? That is near ᾱ for small β.", jump(lambda b, n: exp(-sum(b[:n])))),
]


@dataclass
class Levels:
    """What was measured after n steps. A call under the same seed differs in the image alone, so kept is exact."""

    n: int
    kept: float
    noise: float
    grey: float  # the mean that an image of zeros gets
    slack: float  # of kept, where an answer cannot be seeded

    def fits(self, expected: tuple[float, float]) -> bool:
        kept, noise = expected
        return abs(self.kept - kept) < 0.001 + self.slack and abs(self.noise - noise) < 0.001 + 0.03 * noise


def betas_for(device: str = "cpu") -> t.Tensor:
    return t.tensor(BETAS, dtype=t.float32, device=device)


def call(q: Callable, x: t.Tensor, n: int) -> object:
    """q(x, n, betas). An error of its own gets a note that says what it was called with."""
    try:
        return q(x, n, betas_for(x.device.type))
    except Exception as error:
        if not isinstance(error, NotImplementedError) and type(error).__module__ == "builtins":
            error.add_note(f"The check called it with x of shape {tuple(x.shape)}, num_steps={n}, betas={BETAS}.")
            if isinstance(error, RuntimeError):
                error.add_note("Is each factor in front of x and of the noise a single number?")
        raise


def noised(q: Callable, value: float, n: int) -> t.Tensor:
    """A large image of one value after n steps, always under the same seed."""
    seed_all(t.initial_seed())
    result = call(q, t.full(LARGE, value, dtype=t.float32), n)
    expect_tensor(result, LARGE, f"with a {LARGE} image, it")
    return result


def measure(q: Callable, n: int) -> Levels:
    white, black, grey = noised(q, 1, n), noised(q, -1, n), noised(q, 0, n)
    kept = (white - black) / 2
    return Levels(
        n, kept.mean().item(), grey.std().item(), grey.mean().item(), 6 * kept.std().item() / sqrt(kept.numel())
    )


def judge_form(q: Callable, device: str) -> None:
    """A small image: what comes back, and what is left untouched."""
    x, betas = t.rand(3, 5, 6, dtype=t.float32, device=device), betas_for(device)
    x_before = x.clone()
    expect_tensor(call(q, x, 2), (3, 5, 6), "with a (3, 5, 6) image, it", device)
    q(x, 2, betas)
    for name, now, before in [("x", x, x_before), ("betas", betas, betas_for(device))]:
        if not now.equal(before):
            raise Mistake(f"it changes the {name} it is given", f"Does a line write into {name} in place?")


def judge_noise(q: Callable) -> None:
    """The noise alone, after one step on a grey image: one draw for each number, Gaussian, new each time."""
    noise = noised(q, 0, 1)
    if noise.abs().max() < 1e-6:
        return  # no noise at all after one step: the levels tell which mistake that is
    mean, std = noise.mean().item(), noise.std().item()
    again = call(q, t.zeros(LARGE, dtype=t.float32), 1)
    if noise.equal(again) and std < 1e-6:
        raise Mistake(f"every number gets the same {mean:.3f} added, in each call", "Is anything random?")
    if noise.equal(again):
        raise Mistake("two calls give the same noise", "Is a seed set inside, or the noise made outside?")
    judge_independence(noise, ["channel", "row", "column"])
    if noised(q, 0, 2).abs().max() == 1:
        raise Mistake(
            "no number is larger than 1", "Is the result clamped or rescaled? A noised image may leave [-1, 1]."
        )
    judge_gaussian(noise, "after 1 step an image of zeros")


def judge_independence(noise: t.Tensor, axes: list[str]) -> None:
    shared = [name for axis, name in enumerate(axes) if noise.std(dim=axis).max() < 1e-6]
    if shared:
        raise Mistake(f"every {' and '.join(shared)} gets the same noise", "Does each number of x get its own draw?")


def judge_gaussian(noise: t.Tensor, what: str) -> None:
    mean, std = noise.mean().item(), noise.std().item()
    if abs(mean) > 0.05 * std:
        from_0_to_1 = abs(mean / std - sqrt(3)) < 0.05  # of such numbers, the mean is 1/2 and the variance 1/12
        question = (
            "Is the noise drawn between 0 and 1?" if from_0_to_1 else "Is more added than noise? Mind the parentheses."
        )
        raise Mistake(f"{what} has mean {mean:.3f}, expected 0", question)
    within = ((noise - mean).abs() < std).float().mean().item()
    if abs(within - 0.683) > 0.015:
        facts = f"{within:.0%} is within one std, expected 68%"
        raise Mistake(f"{what} is not Gaussian: {facts}", "From which distribution is it drawn?")


def judge_levels(q: Callable, mistakes: list) -> None:
    """What is left of the image and how much noise is on it, after every count of steps."""
    right, measured = jump(alpha_bar), []
    for n in range(1, len(BETAS) + 1):
        try:
            measured.append(measure(q, n))
        except Exception:
            if all(levels.fits(right(BETAS, levels.n)) for levels in measured):
                raise
            break  # a row beyond the end of betas: what came before tells why
    wrong = next((levels for levels in measured if not levels.fits(right(BETAS, levels.n))), None)
    if wrong is None:
        for levels in measured:
            if abs(levels.grey) > 0.05 * max(levels.noise, 0.1):
                facts = f"after {levels.n} steps an image of zeros has mean {levels.grey:.3f}, expected 0"
                raise Mistake(facts, "Is more added than noise?")
        return
    questions = (q for q, mistake in mistakes if all(levels.fits(mistake(BETAS, levels.n)) for levels in measured))
    kept, noise = right(BETAS, wrong.n)
    facts = []
    if not wrong.fits((kept, wrong.noise)):
        facts.append(f"{wrong.kept:.3f} of the image is left, expected {kept:.3f}")
    if not wrong.fits((wrong.kept, noise)):
        facts.append(f"the noise has std {wrong.noise:.3f}, expected {noise:.3f}")
    steps = f"after {wrong.n} step{'s'[: wrong.n > 1]}"
    raise Mistake(f"with betas {BETAS}, {steps}\n{', and '.join(facts)}", next(questions, ""))


def judge_image(q: Callable) -> None:
    """Every number of the image stays in its place."""
    image = t.rand(LARGE, dtype=t.float32)
    seed_all(t.initial_seed())
    result, kept = call(q, image.clone(), 2), sqrt(alpha_bar(BETAS, 2))
    if measure(q, 2).slack < 1e-4 and not (result - noised(q, 0, 2)).allclose(kept * image, atol=1e-3):
        raise Mistake("the image is not only faded, its numbers move or mix", "Is x multiplied by a single number?")


def judge_forward(q: Callable, mistakes: list) -> str:
    for device in DEVICES:
        judge_form(q, device)
    judge_noise(q)
    judge_levels(q, mistakes)
    judge_image(q)
    return "what is left of the image, noise level, both ends, input untouched"


def judge_draws(q: Callable, once: bool) -> None:
    """Under one seed, one draw gives the same noise after any number of steps, only stronger; a walk does not."""
    if measure(q, 1).slack > 1e-4:
        return  # it takes no seed, so that nothing can be compared
    early, late = noised(q, 0, 1), noised(q, 0, len(BETAS))
    same = t.corrcoef(t.stack([early.flatten(), late.flatten()]))[0, 1].abs() > 0.999
    if once and not same:
        raise Mistake("it is right, but draws noise more than once", "Is there still a loop over the steps, or q_eq2?")
    if same and not once:
        raise Mistake("it is right, but draws noise only once", "Is that Equation 4? Equation 2 walks step by step.")


@check("1.3")
def check_q_eq2(answer: Callable) -> str:
    covered = judge_forward(answer, EQ2_MISTAKES)
    judge_draws(answer, once=False)
    return covered


@check("1.4")
def check_q_eq4(answer: Callable) -> str:
    covered = judge_forward(answer, EQ4_MISTAKES)
    judge_draws(answer, once=True)
    return f"{covered}, one draw"


# ------------------------------------------------------------------------------------------------ 1.5 NoiseSchedule
# What each method should give for (betas, n), and what mistakes make of it.

LOOKUPS = {"beta": lambda b, n: b[n - 1], "alpha": lambda b, n: 1 - b[n - 1], "alpha_bar": alpha_bar}
LOOKUP_MISTAKES = [
    (
        "Counts begin at 1, rows at 0. Is rows used?",
        {name: lambda b, n, f=f: f(b, n + 1) for name, f in LOOKUPS.items()},
    ),
    ("These are the betas. Is a 1 - missing?", {"alpha": LOOKUPS["beta"], "alpha_bar": LOOKUPS["beta"]}),
    (
        "rows gives the row of a count. Is 1 subtracted once more?",
        {name: lambda b, n, f=f: f(b, n - 1 or len(b)) for name, f in LOOKUPS.items()},
    ),
    ("These are the alphas. Is it the right vector?", {"beta": LOOKUPS["alpha"], "alpha_bar": LOOKUPS["alpha"]}),
    ("These are the running products. Is it the right vector?", {"beta": alpha_bar, "alpha": alpha_bar}),
    ("Is β added to 1? What a step keeps is what it does not add.", {"alpha": lambda b, n: 1 + b[n - 1]}),
    ("These are standard deviations. β is a variance.", {"beta": lambda b, n: sqrt(b[n - 1])}),
    (
        "A root is taken. Is that left to Equation 4?",
        {"alpha": lambda b, n: sqrt(1 - b[n - 1]), "alpha_bar": lambda b, n: sqrt(alpha_bar(b, n))},
    ),
    ("These are the shares of noise, 1 - ᾱ.", {"alpha_bar": lambda b, n: 1 - alpha_bar(b, n)}),
    ("Are the alphas added up? ᾱ is a product.", {"alpha_bar": lambda b, n: sum(1 - beta for beta in b[:n])}),
    ("Is the step's own alpha left out of the product?", {"alpha_bar": lambda b, n: alpha_bar(b, n - 1)}),
    ("Is this the product of the betas?", {"alpha_bar": lambda b, n: prod(b[:n])}),
    ("Is this the product of all alphas, for each count?", {"alpha_bar": lambda b, n: alpha_bar(b, len(b))}),
    ("Is the product taken from the last alpha on?", {"alpha_bar": lambda b, n: prod(1 - beta for beta in b[n - 1 :])}),
    ("Is one alpha taken n times? Each step has its own.", {"alpha_bar": lambda b, n: (1 - b[n - 1]) ** n}),
    ("Are the betas added up? ᾱ is a product.", {"alpha_bar": lambda b, n: 1 - sum(b[:n])}),
    (
        "Are the betas that are given used?",
        {name: lambda b, n, f=f: f(linear_schedule(len(b)).tolist(), n) for name, f in LOOKUPS.items()},
    ),
]


def judge_lookup(schedule: object, name: str) -> None:
    """One method, asked for every count by itself."""
    lookup, right, given = getattr(schedule, name), LOOKUPS[name], []
    expected = [right(BETAS, n) for n in range(1, len(BETAS) + 1)]
    for n in range(1, len(BETAS) + 1):
        try:
            result = lookup(n)
        except IndexError as error:
            if "tensor of dimension 0" in str(error) or "0-dim" in str(error):
                question = "Is that prod, the product of all? cumprod keeps each product on the way."
                raise Mistake(f"{name}({n}) looks for a row in a single number, expected a vector", question) from None
            if not given or t.tensor(given).allclose(t.tensor(expected[: n - 1]), atol=1e-5):
                raise
            break  # a row beyond the end: what came before tells why
        shape = () if isinstance(result, t.Tensor) and result.ndim == 0 else (1,)
        expect_tensor(result, shape, f"{name}({n})")
        if result.is_inference():
            raise Mistake(f"{name}({n}) cannot take part in training", "Is there an inference_mode? no_grad would do.")
        given.append(result.item())
    if t.tensor(given).allclose(t.tensor(expected[: len(given)]), atol=1e-5):
        return
    known = min(len(given), len(BETAS) - 1)  # at the last count, some mistakes run out of rows
    made = ((q, [f[name](BETAS, n) for n in range(1, known + 1)]) for q, f in LOOKUP_MISTAKES if name in f)
    question = next((q for q, values in made if t.tensor(given[:known]).allclose(t.tensor(values), atol=1e-5)), "")
    facts = f"{name} gives {numbers(t.tensor(given))} for counts 1 to {len(given)},"
    raise Mistake(f"with betas {BETAS}, {facts}\nexpected {numbers(t.tensor(expected[: len(given)]))}", question)


@check("1.5")
def check_NoiseSchedule(answer: Callable) -> str:
    T, betas = len(BETAS), betas_for()
    schedule = answer(T, "cpu", betas=betas)
    calm()
    if not isinstance(schedule, t.nn.Module):
        raise Mistake("it is not a module", "Does the class line still say nn.Module?")
    if not [*schedule.buffers(), *schedule.parameters()]:  # without any, even the given device would fail
        question = "Are the vectors plain attributes? Buffers alone move with the module and are saved with it."
        raise Mistake("it holds no buffers", question)
    if len(schedule) != T:
        raise Mistake(f"len gives {len(schedule)}, expected {T}")
    for name, right in LOOKUPS.items():
        judge_lookup(schedule, name)
        counts = t.tensor([4, 1, 1, 3, 2])
        result = getattr(schedule, name)(counts)
        expect_tensor(result, (5,), f"{name} of 5 counts")
        if not result.allclose(t.tensor([right(BETAS, n) for n in counts.tolist()]), atol=1e-5):
            facts = f"{name}(t.tensor({counts.tolist()})) is {numbers(result)},"
            facts += "\nwhich is not what the counts give singly"
            raise Mistake(facts, "Does each count get its own row, in the order of the counts?")
    if list(schedule.parameters()):
        raise Mistake("it has parameters, which training would change", "Should they be buffers?")
    if not betas_for().equal(betas):
        raise Mistake("it changes the betas it is given", "Does a line write into betas in place?")
    other = answer(T, "cpu")
    other.load_state_dict(schedule.state_dict())
    if not other.alpha_bar(T).float().allclose(schedule.alpha_bar(T)):
        facts = "what is saved and loaded again gives another ᾱ"
        if list(schedule.buffers()) and not schedule.state_dict():
            raise Mistake(facts, "Nothing is saved: are the buffers persistent?")
        raise Mistake(facts, "Are all vectors buffers, not plain attributes?")
    facts, question = "{} stays behind when the module is moved by .to(device)", "Is it a buffer, or a plain attribute?"
    for name in LOOKUPS:
        moved = elsewhere(lambda: answer(T, "cpu").to("meta"), facts.format(name), question)
        result = elsewhere(lambda name=name: getattr(moved, name)(1), facts.format(name), question)
        if isinstance(result, t.Tensor) and not result.is_meta:
            raise Mistake(facts.format(name), question)
    facts, question = "with device='meta', alpha_bar(1) is on the CPU", "Is device used?"
    two = "with device='meta', tensors of two devices meet"
    result = elsewhere(lambda: answer(T, "meta").alpha_bar(1), two, question)
    if isinstance(result, t.Tensor) and not result.is_meta:
        raise Mistake(facts, question)
    if t.cuda.is_available() and not answer(T, "cuda").alpha_bar(1).is_cuda:
        raise Mistake("with device='cuda', alpha_bar(1) is on the CPU", question)
    if not answer(200, "cpu").alpha_bar(200).allclose(t.tensor(alpha_bar(own_schedule(200)([], 200), 200)), rtol=1e-3):
        raise Mistake("without betas, ᾱ is not that of linear_schedule(max_steps)", "Is betas used where it is None?")
    return "β, α, ᾱ, counts and batches of them, both ends, saved and moved with the module"


# ------------------------------------------------------------------------------------ 1.6 noise_img, 1.7 reconstruct
# A batch as wide as it has images, so that factors along the wrong axis show as wrong numbers, not as an error.

BATCH = (6, 3, 4, 6)
LAST = alpha_bar(BETAS, len(BETAS))


def mix(x0: t.Tensor, noise: t.Tensor, a: t.Tensor) -> t.Tensor:
    """Equation 4."""
    return a.sqrt() * x0 + (1 - a).sqrt() * noise


def unmix(xt: t.Tensor, noise: t.Tensor, a: t.Tensor) -> t.Tensor:
    """Equation 4, solved for x0."""
    return (xt - (1 - a).sqrt() * noise) / a.sqrt()


NOISED_MISTAKES = [
    ("Did a variance go where a standard deviation belongs?", lambda x, e, a, _: a.sqrt() * x + (1 - a) * e),
    ("Is the square root missing in front of the image?", lambda x, e, a, _: a * x + (1 - a).sqrt() * e),
    ("Are both square roots missing?", lambda x, e, a, _: a * x + (1 - a) * e),
    ("Are the two factors swapped?", lambda x, e, a, _: (1 - a).sqrt() * x + a.sqrt() * e),
    ("Does the image fade at all?", lambda x, e, a, _: x + (1 - a).sqrt() * e),
    ("Is the noise scaled?", lambda x, e, a, _: a.sqrt() * x + e),
    ("Is the noise added?", lambda x, e, a, _: a.sqrt() * x),
    ("Is that ᾱ of the count, or the α of one step?", lambda x, e, _, a: a.sqrt() * x + (1 - a).sqrt() * e),
    ("Is it the noise of one step alone that is added?", lambda x, e, a, one: a.sqrt() * x + (1 - one).sqrt() * e),
    ("Is a root taken of ᾱ, and then used as ᾱ?", lambda x, e, a, _: a.sqrt() * x + (1 - a.sqrt()) * e),
    ("Is a root taken of ᾱ, and then used as ᾱ?", lambda x, e, a, _: a.sqrt() * x + (1 - a.sqrt()).sqrt() * e),
    ("Is a root taken of ᾱ, and then used as ᾱ?", lambda x, e, a, _: a**0.25 * x + (1 - a.sqrt()).sqrt() * e),
    ("Is the noise subtracted, and returned as it was?", lambda x, e, a, _: a.sqrt() * x - (1 - a).sqrt() * e),
    ("Is the noise faded like the image?", lambda x, e, a, _: a.sqrt() * (x + (1 - a).sqrt() * e)),
    ("Is neither the image nor the noise scaled?", lambda x, e, a, _: x + e),
    ("Is it clamped? A noised image may leave [-1, 1].", lambda x, e, a, _: mix(x, e, a).clamp(-1, 1)),
    ("Is it brought to [0, 1]? All computation stays in [-1, 1].", lambda x, e, a, _: (mix(x, e, a) + 1) / 2),
    (
        "Is it brought to [0, 1]? All computation stays in [-1, 1].",
        lambda x, e, a, _: ((mix(x, e, a) + 1) / 2).clamp(0, 1),
    ),
    ("Are the images normalised once more?", lambda x, e, a, _: mix(2 * x - 1, e, a)),
    ("Does every image get the factors of the first one?", lambda x, e, a, _: mix(x, e, a[:1])),
    ("Does every image get the factors of the last count?", lambda x, e, a, _: mix(x, e, t.full_like(a, LAST))),
    ("Is that the image as it came?", lambda x, e, a, _: x),
    ("Is that the noise alone?", lambda x, e, a, _: e),
    (
        "The factors run along the width of the images. Which shape have they?",
        lambda x, e, a, _: a.reshape(1, 1, 1, -1).sqrt() * x + (1 - a).reshape(1, 1, 1, -1).sqrt() * e,
    ),
]
RECONSTRUCT_MISTAKES = [
    ("Is the fading undone, too?", lambda xt, e, a, _: xt - (1 - a).sqrt() * e),
    ("Is the square root missing under the fraction?", lambda xt, e, a, _: (xt - (1 - a).sqrt() * e) / a),
    ("Did a variance go where a standard deviation belongs?", lambda xt, e, a, _: (xt - (1 - a) * e) / a.sqrt()),
    ("Are both square roots missing?", lambda xt, e, a, _: (xt - (1 - a) * e) / a),
    ("Is the noise added once more?", lambda xt, e, a, _: (xt + (1 - a).sqrt() * e) / a.sqrt()),
    ("Is everything divided? Mind the parentheses.", lambda xt, e, a, _: xt - (1 - a).sqrt() * e / a.sqrt()),
    ("Is the noise scaled?", lambda xt, e, a, _: (xt - e) / a.sqrt()),
    ("Are the two factors swapped?", lambda xt, e, a, _: (xt - a.sqrt() * e) / (1 - a).sqrt()),
    ("Is it multiplied where it should be divided?", lambda xt, e, a, _: (xt - (1 - a).sqrt() * e) * a.sqrt()),
    ("Is this the noised image once more?", lambda xt, e, a, _: a.sqrt() * xt + (1 - a).sqrt() * e),
    ("Is that ᾱ of the count, or the α of one step?", lambda xt, e, _, a: (xt - (1 - a).sqrt() * e) / a.sqrt()),
    ("That is the image as it came. Is the result returned?", lambda xt, e, a, _: xt),
    ("Is the noise divided, too? Mind the parentheses.", lambda xt, e, a, _: xt / a.sqrt() - (1 - a).sqrt() * e),
    ("Is neither the noise nor the result scaled?", lambda xt, e, a, _: xt - e),
    ("Is it divided by the noise's factor?", lambda xt, e, a, _: (xt - (1 - a).sqrt() * e) / (1 - a).sqrt()),
    ("Is the noise that of one step alone?", lambda xt, e, a, one: (xt - (1 - one).sqrt() * e) / a.sqrt()),
    ("Is the fading undone that of one step alone?", lambda xt, e, a, one: (xt - (1 - a).sqrt() * e) / one.sqrt()),
    ("Is a root taken of ᾱ, and then used as ᾱ?", lambda xt, e, a, _: (xt - (1 - a.sqrt()) * e) / a.sqrt()),
    ("Is a root taken of ᾱ, and then used as ᾱ?", lambda xt, e, a, _: (xt - (1 - a.sqrt()).sqrt() * e) / a.sqrt()),
    ("Is a root taken of ᾱ, and then used as ᾱ?", lambda xt, e, a, _: (xt - (1 - a.sqrt()).sqrt() * e) / a**0.25),
    ("Is the noise subtracted at all?", lambda xt, e, a, _: xt / a.sqrt()),
    ("Are image and noise swapped?", lambda xt, e, a, _: unmix(e, xt, a)),
    ("The sign is turned. Is the image taken from the noise?", lambda xt, e, a, _: -unmix(xt, e, a)),
    ("Is it brought to [0, 1]? All computation stays in [-1, 1].", lambda xt, e, a, _: (unmix(xt, e, a) + 1) / 2),
    ("Is it normalised once more?", lambda xt, e, a, _: 2 * unmix(xt, e, a) - 1),
    ("Does every image get the factors of the first one?", lambda xt, e, a, _: unmix(xt, e, a[:1])),
    ("Does every image get the factors of the last count?", lambda xt, e, a, _: unmix(xt, e, t.full_like(a, LAST))),
    (
        "The factors run along the width of the images. Which shape have they?",
        lambda xt, e, a, _: (xt - (1 - a).reshape(1, 1, 1, -1).sqrt() * e) / a.reshape(1, 1, 1, -1).sqrt(),
    ),
]


def schedule_for(device: str = "cpu") -> NoiseSchedule:
    return NoiseSchedule(len(BETAS), device, betas=betas_for(device))


def alphas(num_steps: t.Tensor) -> t.Tensor:
    """α of each count, (B, 1, 1, 1)."""
    return schedule_for(num_steps.device.type).alpha(num_steps).reshape(-1, 1, 1, 1)


def alpha_bars(num_steps: t.Tensor) -> t.Tensor:
    """ᾱ of each count, (B, 1, 1, 1)."""
    return schedule_for(num_steps.device.type).alpha_bar(num_steps).reshape(-1, 1, 1, 1)


def judge_formula(result: t.Tensor, expected: t.Tensor, mistakes: list, num_steps: t.Tensor, *inputs: t.Tensor) -> None:
    """Compare every number. inputs: what the closed forms of the mistakes take"""
    gap = (result - expected).abs()
    if gap.max() < 1e-4:
        return
    question = next((q for q, mistake in mistakes if result.allclose(mistake(*inputs), atol=1e-4)), "")
    worst = t.unravel_index(gap.argmax(), gap.shape)
    image, n = worst[0].item(), num_steps[worst[0]].item()
    values = f"a number of image {image} is {result[worst]:.3f}, expected {expected[worst]:.3f}"
    raise Mistake(f"after {n} step{'s'[: n > 1]} with betas {BETAS},\n{values}", question)


def ask(answer: Callable, *arguments) -> object:
    """The answer's result. An error about counts or shapes gets a note that points at them."""
    try:
        return answer(*arguments)
    except (ValueError, IndexError) as error:
        error.add_note("Counts of steps run from 1 to max_steps, rows from 0. Which of them is drawn, and looked up?")
        raise
    except RuntimeError as error:
        if not isinstance(error, NotImplementedError):
            error.add_note("Have the factors one number for each image, and three axes of length 1 after it?")
        raise
    finally:
        calm()


def judge_triple(result: object, img: t.Tensor, device: str) -> tuple[t.Tensor, t.Tensor, t.Tensor]:
    """What noise_img returns: counts, noise and noised images, in this order."""
    if not isinstance(result, tuple | list) or len(result) != 3:
        got = f"{len(result)} things" if isinstance(result, tuple | list) else kind(result)
        raise Mistake(f"it returns {got}, expected three: num_steps, noise, noised")
    num_steps, noise, noised = result
    places = [i for i, thing in enumerate(result) if isinstance(thing, t.Tensor) and thing.shape == img.shape[:1]]
    if places and places[0] > 0:
        facts = f"the counts come {['second', 'third'][places[0] - 1]}, expected first: num_steps, noise, noised"
        raise Mistake(facts, "In which order does the docstring name the three?")
    if not isinstance(num_steps, t.Tensor) or num_steps.shape != img.shape[:1]:
        raise Mistake(f"num_steps is {kind(num_steps)}, expected shape ({len(img)},), one count for each image")
    if num_steps.is_floating_point() or num_steps.is_complex() or num_steps.dtype == t.bool:
        facts = f"num_steps holds numbers of type {num_steps.dtype}, expected whole ones"
        raise Mistake(facts, "What does t.randint give?")
    if num_steps.device.type != device:
        facts = f"num_steps is on {num_steps.device.type}, expected on {device}, where the images are"
        raise Mistake(facts, "Does the draw get the device of the images?")
    expect_tensor(noise, tuple(img.shape), "as noise it", device)
    expect_tensor(noised, tuple(img.shape), "as noised it", device)
    return num_steps, noise, noised


def judge_counts(num_steps: t.Tensor, max_steps: int, total: int) -> None:
    """Every count from 1 to max_steps, about equally often."""
    shares = t.bincount(num_steps, minlength=total + 1) / len(num_steps)
    if num_steps.unique().numel() == 1 < max_steps:
        raise Mistake(f"all images get the same count, {num_steps[0]}", "Does each image draw its own?")
    if shares[0] > 0:
        raise Mistake("a count of 0 is drawn, expected 1 to max_steps", "Does the draw begin at 1?")
    if num_steps.max() > max_steps:
        question = "Is max_steps used?" if max_steps < total else "t.randint leaves out its upper end. By how much?"
        raise Mistake(f"a count of {num_steps.max()} is drawn with max_steps={max_steps}", question)
    if shares[max_steps] == 0:
        raise Mistake(
            f"the last count, {max_steps}, is never drawn", "t.randint leaves out its upper end. Is it added?"
        )
    if (shares[1 : max_steps + 1] - 1 / max_steps).abs().max() > 0.06:
        raise Mistake(
            f"counts 1 to {max_steps} come with shares {numbers(shares[1 : max_steps + 1])}, expected equal ones",
            "Is each count as likely as any other?",
        )


@check("1.6")
def check_noise_img(answer: Callable) -> str:
    for device in DEVICES:
        img = 2 * t.rand(BATCH, device=device) - 1
        before, schedule = img.clone(), schedule_for(device)
        num_steps, noise, noised = judge_triple(ask(answer, img, schedule), img, device)
        if not img.equal(before):
            raise Mistake("it changes the images it is given", "Does a line write into img in place?")
    img, total = 2 * t.rand(4000, 2, 2, 3) - 1, len(BETAS)
    num_steps, noise, noised = judge_triple(ask(answer, img, schedule_for()), img, "cpu")
    judge_counts(num_steps, total, total)
    judge_counts(judge_triple(ask(answer, img, schedule_for(), 2), img, "cpu")[0], 2, total)
    judge_noise_returned(img, noise, noised, judge_triple(ask(answer, img, schedule_for()), img, "cpu")[1])
    for _ in range(50):  # until the counts tell all mistakes apart
        img = 2 * t.rand(BATCH) - 1
        num_steps, noise, noised = judge_triple(ask(answer, img, schedule_for()), img, "cpu")
        if num_steps[0] < total and num_steps.unique().numel() > 2:
            break
    a = alpha_bars(num_steps)
    used = (noised - a.sqrt() * img) / (1 - a).sqrt()
    try:
        judge_formula(noised, mix(img, noise, a), NOISED_MISTAKES, num_steps, img, noise, a, alphas(num_steps))
    except Mistake as mistake:
        if "?" not in str(mistake) and abs(used.std() - 1) < 0.15 and abs((used * noise).mean()) < 0.3:
            facts = "noised is made with other noise than the one returned"
            raise Mistake(facts, "Is the noise drawn twice?") from None
        raise
    judge_noise_img_device(answer)
    return "counts from 1 to the last, own noise for each image, Equation 4 in every number"


def judge_noise_returned(img: t.Tensor, noise: t.Tensor, noised: t.Tensor, again: t.Tensor) -> None:
    """One draw from N(0, 1) for each number of the batch, another one in each call."""
    if noise.equal(again):
        raise Mistake("two calls give the same noise", "Is a seed set inside, or the noise made outside?")
    judge_independence(noise, ["image", "channel", "row", "column"])
    mean, std = noise.mean().item(), noise.std().item()
    if abs(std - 1) > 0.05 and abs(mean) < 0.05:
        question = "Is it the noise before scaling that is returned?"
        if noise.allclose(noised - img, atol=1e-5):
            question = "It is noised - img. Does that hold the fading, too?"
        raise Mistake(f"the noise returned has std {std:.3f}, expected 1", question)
    judge_gaussian(noise, "the noise")


def judge_noise_img_device(answer: Callable) -> None:
    """Everything has to be made where the images are."""
    facts, img = "with images on another device, tensors of two devices meet", t.ones(BATCH, device="meta")
    question = "Are counts and noise drawn on the device of the images?"
    result = elsewhere(lambda: answer(img, schedule_for("meta")), facts, question)
    if isinstance(result, tuple | list):
        for name, thing in zip(["num_steps", "noise", "noised"], result, strict=False):
            if isinstance(thing, t.Tensor) and not thing.is_meta:
                facts = f"with images on another device, {name} is on the {thing.device.type}"
                raise Mistake(facts, "Is it drawn on the device of the images?")


@check("1.7")
def check_reconstruct(answer: Callable) -> str:
    for device in DEVICES:
        x0, noise = 2 * t.rand(BATCH, device=device) - 1, t.randn(BATCH, device=device)
        num_steps = t.tensor([1, 4, 2, 3, 4, 1], device=device)
        a = alpha_bars(num_steps)
        xt = mix(x0, noise, a)
        before = xt.clone(), noise.clone(), num_steps.clone()
        result = ask(answer, xt, noise, num_steps, schedule_for(device))
        expect_tensor(result, BATCH, f"with {BATCH} images, it", device)
        for name, now, then in zip(["noisy_img", "noise", "num_steps"], (xt, noise, num_steps), before, strict=True):
            if not now.equal(then):
                raise Mistake(f"it changes the {name} it is given", f"Does a line write into {name} in place?")
        judge_formula(result, x0, RECONSTRUCT_MISTAKES, num_steps, xt, noise, a, alphas(num_steps))
    x0, noise, num_steps = 2 * t.rand(2, 1, 5, 3) - 1, t.randn(2, 1, 5, 3), t.tensor([3, 1])
    result = ask(answer, mix(x0, noise, alpha_bars(num_steps)), noise, num_steps, schedule_for())
    expect_tensor(result, (2, 1, 5, 3), "with (2, 1, 5, 3) images, it")
    if not result.allclose(x0, atol=1e-4):
        raise Mistake("it is right for images (6, 3, 4, 6), but not for (2, 1, 5, 3)", "Is a size written out?")
    return "every number of the clean image, after few and after all steps, input untouched"


# ------------------------------------------------------------------------------------------------- 1.8 TinyDiffuser


def tiny(answer: Callable, img_shape: tuple[int, ...] = (3, 4, 5), hidden_size: int = 16, max_steps: int = 10):
    seed_all(t.initial_seed())
    model = answer(TinyDiffuserConfig(img_shape, hidden_size, max_steps))
    calm()
    return model


@check("1.8")
def check_TinyDiffuser(answer: Callable) -> str:
    model, B = tiny(answer), 6
    if not isinstance(model, t.nn.Module):
        raise Mistake("it is not a module", "Does the class line still say DiffusionModel?")
    images, steps = t.randn(B, 3, 4, 5), t.randint(1, 11, (B,))
    if not list(model.parameters()):
        question = "Are the layers in a plain list? nn.Sequential keeps them."
        if not same_guess(model, images, steps):
            question = "Each call makes new layers. Are they made in forward?"
        raise Mistake("it has no parameters to train", question)
    for shape, size in [((3, 4, 5), B), ((3, 4, 5), 1), ((1, 2, 7), 3)]:
        judge_shapes(tiny(answer, shape), t.randn(size, *shape), t.randint(1, 11, (size,)))
    if not same_guess(model, images, steps):
        raise Mistake("the same images get another guess in each call", "Is anything random in forward?")
    guess = model(images, steps)
    if not guess.requires_grad:
        raise Mistake("no gradient can flow back from the guess", "Is there a no_grad or a detach in forward?")
    guess.square().sum().backward()
    unused = [name for name, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    if unused:
        raise Mistake(f"no gradient reaches {', '.join(unused)}", "Is each layer used in forward?")
    with t.no_grad():
        judge_alone(model, images, steps)
        judge_mlp(tiny(answer, hidden_size=64))
        judge_width(answer)
        judge_scale(answer)
    judge_tiny_device(answer)
    return "shapes, both inputs used, a ReLU between two layers, every parameter trained"


def same_guess(model: t.nn.Module, images: t.Tensor, steps: t.Tensor) -> bool:
    one, two = model(images, steps), model(images, steps)
    return not (isinstance(one, t.Tensor) and isinstance(two, t.Tensor)) or one.equal(two)


def judge_shapes(model: t.nn.Module, images: t.Tensor, steps: t.Tensor) -> None:
    before = images.clone(), steps.clone()
    guess = model(images, steps)
    guess = guess.detach() if isinstance(guess, t.Tensor) else guess
    expect_tensor(guess, tuple(images.shape), f"for images {tuple(images.shape)} it")
    for name, now, then in [("images", images, before[0]), ("num_steps", steps, before[1])]:
        if not now.equal(then):
            raise Mistake(f"it changes the {name} it is given", f"Does a line write into {name} in place?")


def judge_alone(model: t.nn.Module, images: t.Tensor, steps: t.Tensor) -> None:
    """An image gets the same guess alone as in a batch."""
    guess, others = model(images, steps), t.cat([steps[:1], t.full_like(steps[1:], 10)])
    alone = t.cat([model(images[i : i + 1], steps[i : i + 1]) for i in range(len(images))])
    if not alone.allclose(guess, atol=1e-5):
        facts, question = "an image's guess depends on the other images of its batch", "Which axis is flattened?"
        if any(
            not model(images, t.full_like(steps, n).index_fill(0, t.tensor([0]), 3))[0].allclose(
                model(images, others.index_fill(0, t.tensor([0]), 3))[0], atol=1e-5
            )
            for n in (1, 5)
        ):
            facts, question = "an image's guess depends on the counts of the others", "By what is the count divided?"
        raise Mistake(facts, question)


def judge_mlp(model: t.nn.Module) -> None:
    """By behaviour alone: both inputs count, it bends (a ReLU), and it is not bounded."""
    images, steps = t.randn(6, 3, 4, 5), t.tensor([1, 10, 3, 7, 5, 8])
    guess, zeros, turned = model(images, steps), t.zeros_like(images), steps.flip(0)
    if guess.allclose(model(zeros, steps)):
        raise Mistake("the guess does not depend on the images", "Are the pixels among the inputs of the first layer?")
    if guess.allclose(model(images, turned)):
        raise Mistake("the guess does not depend on num_steps", "Is the count among the inputs of the first layer?")
    if model(zeros, steps).allclose(model(zeros, turned), atol=1e-6):
        raise Mistake("for an image of zeros, num_steps has no effect", "Are the pixels multiplied by the count?")
    for scale in (1, 0.1):
        brighter = images + scale * (steps - turned).reshape(-1, 1, 1, 1)
        if guess.allclose(model(brighter, turned), atol=1e-5):
            facts = "a larger count does the same as a brighter image"
            raise Mistake(facts, "Is the count added to the pixels? It is one more number beside them.")
    base = model(zeros, steps)
    if (model(100 * images, steps) - base).allclose(100 * (guess - base), rtol=1e-3, atol=1e-3):
        raise Mistake("the guess is a linear function of the images", "Is there a ReLU between the two layers?")
    wide = t.cat([model(1e5 * t.randn_like(images), steps) for _ in range(20)])
    after = "Is there an activation after the last layer?"
    if wide.min() >= 0:
        raise Mistake("the guess is never negative", f"{after} Noise has both signs.")
    if wide.max() <= 0:
        raise Mistake("the guess is never positive", f"{after} Noise has both signs.")
    if wide.abs().max() <= 1.001 and (wide.abs() > 0.99).float().mean() > 0.9:
        raise Mistake("the guess never leaves [-1, 1]", f"{after} Noise goes further.")
    if wide.abs().max() < 1000:
        facts = f"for images 100,000 times as large, the guess stays below {wide.abs().max():.1f}"
        raise Mistake(facts, "Is it a ReLU that stands between the two layers, and nothing after them?")


def judge_width(answer: Callable) -> None:
    """With one hidden number, all guesses lie on a line."""

    def directions(guesses: t.Tensor) -> int:
        return t.linalg.matrix_rank(guesses - guesses.mean(dim=0), rtol=1e-4).item()

    images, steps = t.randn(50, 3, 4, 5), t.randint(1, 11, (50,))
    narrow = tiny(answer, hidden_size=1)(images, steps)
    if directions(narrow.flatten(1)) > 1:
        question = "Is hidden_size used?"
        if directions((narrow - images).flatten(1)) <= 1:
            question = "Are the images added to the guess? The two layers alone make it."
        raise Mistake("with hidden_size=1 the guesses vary in more than one direction", question)


def judge_scale(answer: Callable) -> None:
    """The count enters in even steps, and counts by its share of max_steps."""
    images = t.randn(100, 3, 4, 5)

    def guess(n: int, T: int) -> t.Tensor:
        return tiny(answer, hidden_size=64, max_steps=T)(images, t.full((len(images),), n))

    first, last = guess(1, 1000), guess(1000, 1000)
    way = (last - first).norm().item()
    if way < 1e-6:
        raise Mistake("with max_steps=1000, counts 1 and 1000 give the same guess", "How does the count enter?")
    half, second = (guess(500, 1000) - first).norm().item() / way, (guess(2, 1000) - first).norm().item() / way
    facts = "on the way of the guess from count 1 to count 1000,\ncount {} stands at {:.2f} of it, expected {}"
    leaps = [(guess(n + 1, 1000) - guess(n, 1000)).norm().item() / way for n in (10, 200, 500, 700, 998)]
    if max(second, *leaps) > 0.05:
        question = "Is it the count, scaled evenly, that goes in?"
        if all(abs((guess(n, 1000) - first).norm().item() / way - 1 + 1 / n) < 0.15 for n in (2, 3, 4, 10, 30, 500)):
            question = "Is max_steps divided by the count?"
        if second <= 0.05:
            facts = "from one count to the next, with max_steps=1000,\nthe guess goes {:.2f} of the way from 1 to 1000"
            raise Mistake(facts.format(max(leaps)) + ", expected 0.00", question)
        raise Mistake(facts.format(2, second, "0.00"), question)
    if half < 0.05:
        raise Mistake(facts.format(500, half, "about 0.5"), "Is the scaled count rounded to a whole number?")
    if (guess(100, 100) - last).norm().item() > 0.3 * way:
        facts = "the last of 100 steps gives another guess than the last of 1000"
        raise Mistake(facts, "Is the count scaled to [0, 1], by max_steps?")


def judge_tiny_device(answer: Callable) -> None:
    """Every tensor that forward makes has to be where the images are."""
    facts = "moved to another device, it mixes tensors of two devices"
    inputs = t.ones(2, 3, 4, 5, device="meta"), t.tensor([1, 2], device="meta")
    elsewhere(lambda: tiny(answer).to("meta")(*inputs), facts, "Is a tensor or a layer left on the CPU?")


# --------------------------------------------------------------------------------------------------------- 1.10 train
# A model of one number w, which guesses w everywhere, is trained on twelve plain images of brightness 0, 20, 40, ... So
# the images it is shown tell which of the twelve each comes from and, solved by Equation 4, which noise is in it. From
# those, the loss, its gradient and every step of Adam are known exactly.

N_IMAGES, LEVEL, SIZE, TEST_LEVEL = 12, 20.0, 5, 1000.0  # batches of 5, 5 and 2; a test image shines out
LOSSES = [
    ("Is the loss a sum? Equation 14 takes the mean.", lambda w, noise, x0, xt, a: 2 * (w - noise).sum()),
    (
        "Is it summed over each image? Equation 14 takes the mean.",
        lambda w, noise, x0, xt, a: 2 * (w - noise).sum() / len(xt),
    ),
    ("Is the loss halved?", lambda w, noise, x0, xt, a: (w - noise).mean()),
    (
        "Does it guess the clean image? Equation 14 compares with the noise.",
        lambda w, noise, x0, xt, a: 2 * (w - x0).mean(),
    ),
    ("Is the guess compared with the noised image?", lambda w, noise, x0, xt, a: 2 * (w - xt).mean()),
    (
        "Is the guess compared with the scaled noise? Equation 14 takes ε itself.",
        lambda w, noise, x0, xt, a: 2 * (w - (1 - a).sqrt() * noise).mean(),
    ),
    (
        "Is the reconstruction compared with the clean image? Equation 14 compares noise with noise.",
        lambda w, noise, x0, xt, a: 2 * ((w - noise) * (1 - a) / a).mean(),
    ),
    (
        "Is the guess added to the noise? It should come near it.",
        lambda w, noise, x0, xt, a: 2 * (w + noise).mean(),
    ),
    ("Is the guess compared with 0?", lambda w, noise, x0, xt, a: 2 * t.tensor(w)),
    (
        "Is that the absolute error? Equation 14 takes the square.",
        lambda w, noise, x0, xt, a: (w - noise).sign().mean(),
    ),
    (
        "Is that the Huber loss, or smooth L1? Equation 14 takes the square.",
        lambda w, noise, x0, xt, a: (w - noise).clamp(-1, 1).mean(),
    ),
    (
        "Is a square root taken of the loss?",
        lambda w, noise, x0, xt, a: (w - noise).mean() / (w - noise).square().mean().sqrt(),
    ),
    (
        "Is the sign of the loss turned? It would climb.",
        lambda w, noise, x0, xt, a: -2 * (w - noise).mean(),
    ),
]


@dataclass
class Call:
    """One call of the recording model: what it was shown, what it guessed, and what had been logged by then."""

    images: t.Tensor
    num_steps: t.Tensor
    w: float
    guess: t.Tensor
    with_gradient: bool
    training: bool
    logged: int  # the step of the latest log
    pictures: list
    trained_before: int  # calls that a gradient had come back to
    gradient: float | None = None


def slope(step: int) -> float:
    return [1, -2, 0.5, 3, -1, 0.25, 2][step % 7]


class Recorder(t.nn.Module):
    """A model of one number w, which guesses w everywhere and remembers all calls. What comes back to w is another
    multiple of the gradient in each step, so that Adam's memory shows."""

    img_shape: tuple[int, ...] = (1, 8, 8)

    def __init__(self, schedule: NoiseSchedule | None = None) -> None:
        super().__init__()
        self.w = t.nn.Parameter(t.tensor(1.0))
        self.noise_schedule = schedule
        self.calls: list[Call] = []
        self.trained: list[Call] = []  # the calls that a gradient came back to

    def answer(self, images: t.Tensor) -> t.Tensor:
        w = self.w.detach()
        return (w + slope(len(self.trained)) * (self.w - w)).expand(images.shape).clone()

    def forward(self, images: t.Tensor, num_steps: t.Tensor) -> t.Tensor:
        for what, thing in [("images", images), ("counts", num_steps)]:
            if isinstance(thing, t.Tensor) and thing.device.type != self.w.device.type:
                facts = f"a model that is on another device gets {what} on the {thing.device.type}"
                raise Mistake(facts, "On which device are they made? The data is brought to the device above.")
        guess = self.answer(images)
        if images.is_meta:
            return guess
        run = utils.Run.latest
        logged, pictures = (run.step, run.pictures) if run else (0, [])
        seen = images.detach().clone(), num_steps, self.w.item(), guess.detach().clone()
        call = Call(*seen, guess.requires_grad, self.training, logged, pictures, len(self.trained))
        self.calls.append(call)

        def remember(gradient: t.Tensor) -> None:
            call.gradient = gradient.sum().item()
            self.trained.append(call)

        if guess.requires_grad:
            guess.register_hook(remember)
        return guess


class Painted(Recorder):
    """A model whose guess is another for each image, so that a picture of it tells what it shows."""

    def answer(self, images: t.Tensor) -> t.Tensor:
        return self.w * 0.5 * images.flip(-1)


def plain_images(values: t.Tensor) -> TensorDataset:
    return TensorDataset(values.reshape(-1, 1, 1, 1).expand(-1, *Recorder.img_shape).clone())


def run_train(
    answer: Callable,
    model: Recorder,
    testset: TensorDataset | None = None,
    trainset: TensorDataset | None = None,
    **settings,
) -> tuple:
    """What train returns, and the run it has logged to."""
    trainset = trainset or plain_images(LEVEL * t.arange(N_IMAGES, dtype=t.float32))
    config = dict(lr=0.01, epochs=3, batch_size=SIZE, max_steps=len(BETAS), device=t.device("cpu"))
    config |= dict(img_log_interval=1000, n_images_to_log=3, image_shape=model.img_shape) | settings
    before = os.environ.get("WANDB_MODE")
    os.environ["WANDB_MODE"] = "disabled"  # a check leaves no run behind
    latest, quiet = utils.Run.latest, utils.IS_CI
    utils.IS_CI, utils.Run.latest = True, None
    try:
        return answer(model, config, trainset, testset), utils.Run.latest
    finally:
        calm()
        utils.Run.latest, utils.IS_CI = latest, quiet
        os.environ.pop("WANDB_MODE") if before is None else os.environ.update(WANDB_MODE=before)


@check("1.10")
def check_train(answer: Callable) -> str:
    try:
        return judge_train(answer)
    except Mistake:
        blame(
            answer,
            {"NoiseSchedule": check_NoiseSchedule, "noise_img": check_noise_img, "reconstruct": check_reconstruct},
        )
        raise


def judge_train(answer: Callable) -> str:
    schedule = schedule_for()
    model = Recorder(schedule)
    result, run = run_train(answer, model)
    if result is not model:
        raise Mistake(f"it returns {kind(result)}, expected the model", "Does the function end in return model?")
    if model.noise_schedule is not schedule:
        raise Mistake("it replaces the schedule that the model had", "Is a schedule made only where there is none?")
    if not model.calls:
        raise Mistake("the model is never called", "Is there a loop over the epochs, and one over the minibatches?")
    if not model.trained:
        raise Mistake("no gradient ever reaches the model", "Is the backward pass missing?")
    seen = judge_minibatches(model.trained)
    judge_gradients(model.trained)
    judge_adam(model)
    judge_epochs(seen)
    judge_order(answer)
    judge_train_loss(model.trained, run)
    untrained = Recorder()
    run_train(answer, untrained, lr=0.0, batch_size=128, epochs=1)
    if untrained.w.item() != 1:
        raise Mistake(f"with lr=0 the model changes, from 1 to {untrained.w.item():.3f}", "Is lr used?")
    if not untrained.trained:
        raise Mistake(
            f"with {N_IMAGES} images and batch_size=128 no step is taken", "Is the last, smaller batch dropped?"
        )
    if untrained.noise_schedule is None:
        raise Mistake("a model without a schedule still has none", "Is the schedule kept on the model?")
    judge_testing(answer)
    judge_pictures(answer)
    judge_train_device(answer)
    return (
        "Algorithm 1, its loss, gradients and every step of Adam, each image once an epoch, test images not trained "
        "on, loss and pictures logged"
    )


def judge_minibatches(trained: list[Call]) -> list[int]:
    """Which images were shown, in order; and whether they and their counts have the right form."""
    for call in trained:
        images, num_steps = call.images, call.num_steps
        if images.ndim != 4:
            facts = f"the model is shown {kind(images)}, expected (B, {', '.join(map(str, Recorder.img_shape))})"
            raise Mistake(facts, "Is a single image taken for a minibatch?")
        if not isinstance(num_steps, t.Tensor) or num_steps.shape != images.shape[:1]:
            facts = f"the model gets {kind(num_steps)} as num_steps"
            facts += f",\nexpected shape ({len(images)},), one count an image"
            raise Mistake(facts, "Are those the counts that noise_img returns?")
    counts = t.cat([call.num_steps for call in trained])
    if counts.is_floating_point() or counts.min() < 1 or counts.max() > len(BETAS):
        question = "Counts begin at 1. Is 1 subtracted from them?"
        if counts.is_floating_point():
            question = "Are they scaled? That is left to the model."
        facts = f"num_steps runs from {counts.min():.3g} to {counts.max():.3g}"
        raise Mistake(f"the model's {facts}, expected counts from 1 to {len(BETAS)}", question)
    sizes = [len(call.images) for call in trained]
    if max(sizes) != SIZE:
        few = ", ".join(map(str, sizes[:4])) + ", ..." * (len(sizes) > 4)
        facts = f"the minibatches hold {few} images, expected batch_size={SIZE}"
        question = "Is one image taken at a time?" if max(sizes) == 1 else "Is batch_size used?"
        raise Mistake(facts, question)
    shown = t.cat([call.images for call in trained])
    if shown.std(dim=(1, 2, 3)).max() < 0.01:
        raise Mistake("the model is shown clean images", "Does it get the noised ones?")
    if shown.mean(dim=(1, 2, 3)).abs().max() < 2:
        raise Mistake("there is no image in what the model is shown", "Is the noise alone shown?")
    brightness = shown.mean(dim=(1, 2, 3)) / alpha_bars(counts).flatten().sqrt() / LEVEL
    if brightness.max() > N_IMAGES or (brightness - brightness.round()).abs().max() > 0.2:
        question = "Are both from one call of noise_img, and in the same order?"
        raise Mistake("the images that the model is shown are not noised by the counts it is given", question)
    return brightness.round().int().tolist()


def noise_in(images: t.Tensor, num_steps: t.Tensor, level: float = LEVEL) -> t.Tensor:
    """The noise in noised plain images, whose brightness is a multiple of level."""
    a = alpha_bars(num_steps)
    clean = (images.mean(dim=(1, 2, 3), keepdim=True) / a.sqrt() / level).round() * level
    return (images - a.sqrt() * clean) / (1 - a).sqrt()


def judge_gradients(trained: list[Call]) -> None:
    """The gradient of every step is that of the mean squared error between w and the noise."""
    measured, parts = [call.gradient for call in trained], []
    for call in trained:
        noise, a = noise_in(call.images, call.num_steps), alpha_bars(call.num_steps)
        parts.append((call.w, noise, unmix(call.images, noise, a), call.images, a))

    def fits(formula: Callable) -> bool:
        made = [float(formula(*part)) for part in parts]
        return all(abs(m - g) < 0.01 + 0.01 * abs(m) for m, g in zip(made, measured, strict=True))

    if not fits(lambda w, noise, x0, xt, a: 2 * (w - noise).mean()):
        question = next((q for q, formula in LOSSES if fits(formula)), "What is compared with the model's guess?")
        expected = 2 * (parts[0][0] - parts[0][1]).mean().item()
        raise Mistake(
            f"the first gradient is {measured[0]:.3f}, expected {expected:.3f} for the mean squared error", question
        )


def judge_adam(model: Recorder) -> None:
    """Every value of w is the one that Adam makes of the gradients before it."""
    values = [call.w for call in model.trained] + [model.w.item()]
    gradients = [slope(i) * call.gradient for i, call in enumerate(model.trained)]
    epoch = len(gradients) // 3
    adam = partial(t.optim.Adam, lr=0.01)

    def steps(optimizer: Callable, forget: int = 1, renew: int = 10_000, every: int = 1, times: int = 1) -> list[float]:
        """The values of w, with gradients set to zero and the optimizer made anew after so many steps."""
        w, made, total = t.nn.Parameter(t.tensor(1.0)), [1.0], 0.0
        for i, gradient in enumerate(gradients):
            rule = optimizer([w]) if i % renew == 0 else rule
            total = gradient + total * (i % forget > 0)
            w.grad = t.tensor(total)
            for _ in range(times * ((i + 1) % every == 0)):
                rule.step()
            made.append(w.item())
        return made

    def fits(made: list[float]) -> bool:
        return all(abs(m - v) < 1e-5 for m, v in zip(made, values, strict=True))

    expected = steps(adam)
    if fits(expected):
        return
    old = "Are old gradients added to the new? They have to be set to zero in each step."
    outside = "w changes once an epoch. Does the optimizer step in the inner loop?"
    mistakes = [
        ("Does the optimizer take a step, with the gradients still there?", [1.0] * len(values)),
        (old, steps(adam, forget=10_000)),
        ("Are the gradients set to zero once an epoch? It has to be in each step.", steps(adam, forget=epoch)),
        (outside, steps(adam, every=epoch)),
        (outside, steps(adam, every=epoch, forget=epoch)),
        (outside, steps(adam, every=epoch, forget=10_000)),
        ("Is the lr of the config used?", steps(t.optim.Adam)),
        ("Is that SGD? The text asks for Adam.", steps(partial(t.optim.SGD, lr=0.01))),
        ("Is that SGD? The text asks for Adam.", steps(partial(t.optim.SGD, lr=0.01, momentum=0.9))),
        ("Is that AdamW? The text asks for Adam.", steps(partial(t.optim.AdamW, lr=0.01))),
        ("Is that RMSprop? The text asks for Adam.", steps(partial(t.optim.RMSprop, lr=0.01))),
        ("Is a new optimizer made in each step? Adam has a memory.", steps(adam, renew=1)),
        ("Is a new optimizer made in each epoch? Adam has a memory.", steps(adam, renew=epoch)),
        ("Does the optimizer step twice for each minibatch?", steps(adam, times=2)),
    ]
    question = next((q for q, made in mistakes if fits(made)), "Is it Adam with this lr alone, one step a minibatch?")
    i = max(range(len(values)), key=lambda i: abs(values[i] - expected[i]))
    facts = f"after {i} step{'s'[: i > 1]} of Adam the weight is {values[i]:.5f}, expected {expected[i]:.5f}"
    raise Mistake(facts, question)


def judge_epochs(seen: list[int]) -> None:
    """Each epoch shows every image once."""
    first, everything = seen[:N_IMAGES], list(range(N_IMAGES))
    if len(seen) != 3 * N_IMAGES:
        question = "Is each image shown once an epoch?"
        if len(seen) == N_IMAGES:
            question = "Is epochs used?"
        elif len(seen) == 3 * SIZE:
            question = "Is the loop over the minibatches left early?"
        elif len(seen) % SIZE == 0 and len(seen) < 3 * N_IMAGES:
            question = "Is the last, smaller minibatch dropped?"
        raise Mistake(f"in 3 epochs, {N_IMAGES} images were shown {len(seen)} times, expected {3 * N_IMAGES}", question)
    if sorted(first) != everything or sorted(seen) != sorted(3 * everything):
        often = max(first, key=first.count)
        never = len(set(everything) - set(first))
        facts = f"in the first epoch, one image is shown {first.count(often)} times, and {never} are never shown"
        raise Mistake(facts, "Does each image belong to one minibatch of an epoch?")


def judge_order(answer: Callable) -> None:
    """Each epoch has a new random order. With 12 minibatches, no order comes twice by chance."""
    model, N, size = Recorder(schedule_for()), 36, 3
    run_train(answer, model, trainset=plain_images(LEVEL * t.arange(N)), epochs=2, batch_size=size)
    images, counts = (t.cat([getattr(call, name) for call in model.trained]) for name in ("images", "num_steps"))
    seen = (images.mean(dim=(1, 2, 3)) / alpha_bars(counts).flatten().sqrt() / LEVEL).round().int().tolist()
    first, second = seen[:N], seen[N:]
    if first == second:
        question = "Is there a new random order each time?"
        raise Mistake("every epoch shows the images in the same order", question)
    if first == sorted(first):
        raise Mistake("the first epoch shows the images in the order of the data", "Is it shuffled from the start?")
    if all(second[i : i + size] == list(range(second[i], second[i] + size)) for i in range(0, N, size)):
        facts = "each minibatch is a piece of the data, in its order"
        raise Mistake(facts, "Are the images shuffled, or only the minibatches?")


def judge_train_loss(trained: list[Call], run: utils.Run | None) -> None:
    """The loss is logged after each step, which is counted from 1."""
    if not run or "train_loss" not in run.curves:
        names = f"logged are {', '.join(run.curves)}" if run and run.curves else "nothing is logged"
        raise Mistake(f"{names}, expected train_loss after every step", "Is it logged in the inner loop?")
    steps = [call.logged for call in trained[1:]] + [run.step]
    if steps != list(range(1, len(trained) + 1)) or run.curves["train_loss"][0][0] != 1:
        facts = f"after steps 1, 2, 3, 4, the latest log is of step {', '.join(map(str, steps[:4]))}"
        question = "Is step counted up from 1, before it is logged?"
        if steps[0] == 1 and len({*steps}) < len(steps):
            question = "Is train_loss logged after every step, with step counted up by 1?"
        elif 0 in steps[:2] and max(steps) > 2:
            question = "Is train_loss logged in the inner loop, after every step?"
        if steps[:4] == [0, 1, 2, 3]:
            question = "Steps are counted from 1. Is step counted up before it is logged?"
        raise Mistake(facts, question)
    first = trained[0]
    loss = (first.w - noise_in(first.images, first.num_steps)).square().mean().item()
    value = run.curves["train_loss"][0][1]
    if abs(value - loss) > 0.01 * loss:
        facts = f"train_loss is logged as {value:.3f} after step 1, expected {loss:.3f}"
        raise Mistake(facts, "Is it the loss of this step?")


def judge_testing(answer: Callable) -> None:
    """With a test set: it is looked at after each epoch, without gradients, and not trained on."""
    model, n_test, epochs = Recorder(schedule_for()), 7, 2
    _, run = run_train(answer, model, plain_images(t.full((n_test,), TEST_LEVEL)), epochs=epochs)
    tested = [call for call in model.calls if call.images.mean() > 0.4 * TEST_LEVEL]
    if any(call.images.mean() > 0.4 * TEST_LEVEL for call in model.trained):
        raise Mistake("the model is trained on the test images", "Is the test loss only looked at?")
    looks = sum(len(call.images) for call in tested)
    if looks != epochs * n_test:
        facts = f"in {epochs} epochs, {n_test} test images are looked at {looks} times, expected {epochs * n_test}"
        raise Mistake(facts, "Is the test loss taken once after each epoch, on all test images?")
    if any(call.with_gradient for call in tested):
        raise Mistake("the test loss is taken with gradients on", "It is only looked at. Which context turns them off?")
    when, length = sorted({call.trained_before for call in tested}), -(-N_IMAGES // SIZE)
    if when != [length, 2 * length]:
        facts = f"the test loss is taken after {' and '.join(map(str, when))} steps, expected {length} and {2 * length}"
        raise Mistake(facts, "Is it taken after each epoch, once the minibatches are through?")
    judge_test_images(tested)
    if "test_loss" not in run.curves:
        raise Mistake(f"logged are {', '.join(run.curves)}, expected test_loss, too", "Is it logged after each epoch?")
    tested = tested[: len(tested) // epochs]
    losses = [(c.w - noise_in(c.images, c.num_steps, TEST_LEVEL)).square().mean().item() for c in tested]
    (step, value), (low, high) = run.curves["test_loss"][0], (min(losses), max(losses))
    if not 0.98 * low < value < 1.02 * high:
        facts = f"the first test_loss is logged as {value:.3f}, expected {low:.3f}"
        raise Mistake(facts, "Is it the mean squared error between guess and noise, on the test images?")
    if step != length:
        facts = f"the first test_loss is logged at step {step}, expected {length}, the last of its epoch"
        raise Mistake(facts, "Does it get the same step as the training loss?")
    if not all(call.training for call in model.trained):
        raise Mistake("after the first test, the model is trained in eval mode", "Is it set back to train mode?")


def judge_test_images(tested: list[Call]) -> None:
    for call in tested:
        noise = noise_in(call.images, call.num_steps, TEST_LEVEL)
        if call.images.std() < 0.01:
            raise Mistake("for the test loss, the model is shown clean images", "Are test images noised, too?")
        if abs(noise.mean()) > 1 or noise.std() > 2:
            facts = "the test images that the model is shown are not noised by the counts it is given"
            raise Mistake(facts, "Are both from one call of noise_img?")


# What log_images may be given in place of (img, noised, noise, noise_pred, reconstructed): x0, xt, e, g and r.
PICTURE_MISTAKES = [
    ("Is it made with the true noise, not with the guess?", lambda x0, xt, e, g, r, a: (x0, xt, e, g, x0)),
    ("Is the true noise taken for the guess?", lambda x0, xt, e, g, r, a: (x0, xt, e, e, r)),
    ("Is the true noise taken for the guess?", lambda x0, xt, e, g, r, a: (x0, xt, e, e, x0)),
    ("Is the guess taken for the true noise?", lambda x0, xt, e, g, r, a: (x0, xt, g, g, r)),
    ("Are noise and guess swapped?", lambda x0, xt, e, g, r, a: (x0, xt, g, e, r)),
    ("Are noise and guess swapped?", lambda x0, xt, e, g, r, a: (x0, xt, g, e, x0)),
    ("Are clean and noised images swapped?", lambda x0, xt, e, g, r, a: (xt, x0, e, g, r)),
    ("Are noised images and noise swapped?", lambda x0, xt, e, g, r, a: (x0, e, xt, g, r)),
    ("Are guess and reconstruction swapped?", lambda x0, xt, e, g, r, a: (x0, xt, e, r, g)),
    ("Is the noised image taken for the reconstruction?", lambda x0, xt, e, g, r, a: (x0, xt, e, g, xt)),
    ("Is the guess taken for the reconstruction?", lambda x0, xt, e, g, r, a: (x0, xt, e, g, g)),
    ("Are noised image and guess swapped in reconstruct?", lambda x0, xt, e, g, r, a: (x0, xt, e, g, unmix(g, xt, a))),
    (
        "Is the clean image reconstructed, not the noised one?",
        lambda x0, xt, e, g, r, a: (x0, xt, e, g, unmix(x0, g, a)),
    ),
    (
        "Is the guess only subtracted? reconstruct undoes the fading, too.",
        lambda x0, xt, e, g, r, a: (x0, xt, e, g, xt - g),
    ),
    ("Is the noised image taken for the clean one?", lambda x0, xt, e, g, r, a: (xt, xt, e, g, r)),
    ("Is the clean image taken for the noised one?", lambda x0, xt, e, g, r, a: (x0, x0, e, g, r)),
    ("Is the reconstruction taken for the clean image?", lambda x0, xt, e, g, r, a: (r, xt, e, g, r)),
    ("Is the same image passed five times?", lambda x0, xt, e, g, r, a: (x0, x0, x0, x0, x0)),
    (
        "log_images wants [-1, 1]. Are they denormalised before?",
        lambda x0, xt, e, g, r, a: tuple((each + 1) / 2 for each in (x0, xt, e, g, r)),
    ),
    (
        "log_images wants [-1, 1]. Are they denormalised before?",
        lambda x0, xt, e, g, r, a: tuple(((each + 1) / 2).clamp(0, 1) for each in (x0, xt, e, g, r)),
    ),
]
N_PAINTED, EVERY, N_LOGGED = 36, 4, 2  # 12 steps of 3 images; every fourth logs pictures of 2 of them


def judge_pictures(answer: Callable) -> None:
    """Pictures come every so many steps, and show what the model has been shown and has guessed."""
    model, images = Painted(schedule_for()), 2 * t.rand(N_PAINTED, *Recorder.img_shape) - 1
    images[:, 0, 0, 0] = LEVEL * t.arange(N_PAINTED)  # tells which image it is
    options = dict(trainset=TensorDataset(images), epochs=1, batch_size=3, lr=0.0)
    _, run = run_train(answer, model, img_log_interval=EVERY, n_images_to_log=N_LOGGED, **options)
    if len(run.curves["train_loss"]) != 2:  # a curve keeps every tenth step, here the first and the eleventh
        facts = f"12 steps are logged as {[step for step, _ in run.curves['train_loss']]}, ..., expected 1, 11"
        raise Mistake(facts, "Is step counted up?")
    after = [*(call.pictures for call in model.trained[1:]), run.pictures]
    changed = [now is not then and bool(now) for then, now in zip([[], *after], after, strict=False)]
    at = [step for step, new in enumerate(changed, 1) if new]
    if not at:
        facts = f"in {len(after)} steps with img_log_interval={EVERY}, no pictures are logged"
        raise Mistake(facts, "Is there a list of them under the name images?")
    gaps = [b - a for a, b in zip([0, *at], [*at, len(after) + 1], strict=True)]
    if max(gaps) > EVERY or len(at) > len(after) // EVERY + 1:
        steps = f"steps {', '.join(map(str, at))} of {len(after)}"
        question = "Is it every so many steps, with steps counted from 1?"
        if len(at) == len(after):
            steps, question = "every step", "Is img_log_interval used?"
        elif len(at) == len(after) - len(after) // EVERY:
            question = "Is it turned round, so that all steps log but those that should?"
        elif len(at) == 1:
            steps, question = f"step {at[0]} alone, of {len(after)}", "Do the intervals after the first count, too?"
        raise Mistake(f"with img_log_interval={EVERY}, pictures are logged after {steps}", question)
    for step in at:
        pictures = after[step - 1]
        if len(pictures) != N_LOGGED:
            s = "s"[: len(pictures) != 1]
            facts = f"{len(pictures)} picture{s} at a time, expected n_images_to_log={N_LOGGED}"
            raise Mistake(facts, "Is n_images_to_log used?")
        for picture in pictures:
            judge_picture(picture, model.calls, images)


def judge_picture(picture: object, calls: list[Call], images: t.Tensor) -> None:
    """One picture is that of an image which the model was shown, with its noise, guess and reconstruction."""
    parts = []
    for call in calls:
        a = alpha_bars(call.num_steps)
        x0 = images[(call.images[:, 0, 0, 0] / a.flatten().sqrt() / LEVEL).round().long().clamp(0, N_PAINTED - 1)]
        noise = (call.images - a.sqrt() * x0) / (1 - a).sqrt()
        parts.append((x0, call.images, noise, call.guess, unmix(call.images, call.guess, a), a))
    everything = [t.cat(each) for each in zip(*parts, strict=True)]
    shown = t.from_numpy(np.array(picture)).float()

    def gaps(formula: Callable) -> t.Tensor:
        """How far the picture is from that of each image, in its six panels: noised, noise, clean; true and guessed."""
        img, noised, noise, guess, clean = formula(*everything)
        rows = t.stack([t.stack([noised, noise, img], 1), t.stack([noised, guess, clean], 1)], 1)
        made = (127.5 * rows + 127.5).clamp(0, 255).squeeze(3)
        panels = shown.reshape(2, 8, 3, 8).permute(0, 2, 1, 3)
        return (made - panels).abs().amax(dim=(-1, -2)).flatten(1)

    if shown.shape != (16, 24):
        raise Mistake(f"a picture has {tuple(shown.shape)} pixels, expected (16, 24)", "Is it made by log_images?")
    found = gaps(lambda x0, xt, e, g, r, a: (x0, xt, e, g, r))
    if found.amax(dim=1).min() < 2:
        return
    made = (q for q, formula in PICTURE_MISTAKES if gaps(formula).amax(dim=1).min() < 2)
    names = ["noised image", "noise", "clean image", "noised image", "guess", "reconstruction"]
    wrong = found[found.gt(2).sum(dim=1).argmin()].gt(2)
    off = list(dict.fromkeys(name for name, bad in zip(names, wrong.tolist(), strict=True) if bad))
    places = "all places" if len(off) > 3 else f"the place of the {' and of the '.join(off)}"
    facts = f"the logged pictures show something else in {places}"
    raise Mistake(facts, next(made, "Are all five from the same minibatch, as the model saw it?"))


def judge_train_device(answer: Callable) -> None:
    """Every tensor has to be made on the device of the config; the meta device gets as far as the first log."""
    model = Recorder(schedule_for())
    facts = "with another device in the config, tensors of two devices meet"
    question = "Is each made there? Model and data are brought to it above."
    elsewhere(lambda: run_train(answer, model, device=t.device("meta"), epochs=1), facts, question)


# -------------------------------------------------------------------------------------------------------- 1.12 sample
# Under one seed, models that answer 0, or 1 at certain counts only, are sampled from. What one answer changes in the
# images that follow gives every factor of line 4 exactly; what is left over is the noise it adds.

LINE4 = {  # the factors in front of xt, of the guess, and of z, for (betas, n)
    "x": lambda b, n: 1 / sqrt(1 - b[n - 1]),
    "guess": lambda b, n: b[n - 1] / sqrt(1 - alpha_bar(b, n)) / sqrt(1 - b[n - 1]),
    "z": lambda b, n: sqrt(b[n - 1]) if n > 1 else 0.0,
}


def over_all(b: list[float], n: int) -> float:
    return b[n - 1] / sqrt(1 - alpha_bar(b, n)) / sqrt(alpha_bar(b, n))


def other_sigma(b: list[float], n: int) -> float:
    """The paper's other choice, just as right: the variance of x_(n-1) given xt and x0."""
    return sqrt((1 - alpha_bar(b, n - 1)) / (1 - alpha_bar(b, n)) * b[n - 1])


def before(b: list[float], n: int) -> float:
    """ᾱ of the step before n."""
    return alpha_bar(b, n - 1)


FACTOR_MISTAKES = [
    ("x", "Is everything divided by √α?", lambda b, n: 1.0),
    ("x", "Is it divided by α, without a root?", lambda b, n: 1 / (1 - b[n - 1])),
    ("x", "Is it divided by √ᾱ? One step takes back one fading.", lambda b, n: 1 / sqrt(alpha_bar(b, n))),
    ("x", "Is it multiplied by √α where it should be divided?", lambda b, n: sqrt(1 - b[n - 1])),
    (
        "guess",
        "Is the guess divided by √α, too? Mind the parentheses.",
        lambda b, n: b[n - 1] / sqrt(1 - alpha_bar(b, n)),
    ),
    ("guess", "Is β in front of the guess, or its root?", lambda b, n: LINE4["guess"](b, n) / sqrt(b[n - 1])),
    ("guess", "Is 1 - ᾱ without a root?", lambda b, n: LINE4["guess"](b, n) / sqrt(1 - alpha_bar(b, n))),
    ("guess", "Is β divided by √(1 - ᾱ)?", lambda b, n: LINE4["guess"](b, n) * sqrt(1 - alpha_bar(b, n))),
    ("guess", "Is that √(1 - α), with α for ᾱ?", lambda b, n: sqrt(b[n - 1]) / sqrt(1 - b[n - 1])),
    ("guess", "Is the guess added? It is noise, to be taken away.", lambda b, n: -LINE4["guess"](b, n)),
    ("guess", "Is all noise taken away at once?", lambda b, n: sqrt(1 - alpha_bar(b, n)) / sqrt(1 - b[n - 1])),
    (
        "guess",
        "Is that reconstruct? Line 4 takes back one step only.",
        lambda b, n: sqrt(1 - alpha_bar(b, n)) / sqrt(alpha_bar(b, n)),
    ),
    (
        "guess",
        "Is that the step of DDIM? Algorithm 2 has another factor.",
        lambda b, n: sqrt(1 - alpha_bar(b, n)) / sqrt(1 - b[n - 1]) - sqrt(1 - before(b, n)),
    ),
    (
        "guess",
        "Is α in front of the guess? The paper writes 1 - α.",
        lambda b, n: (1 - b[n - 1]) / sqrt(1 - alpha_bar(b, n)) / sqrt(1 - b[n - 1]),
    ),
    ("guess", "Is the fraction upside down?", lambda b, n: sqrt(1 - alpha_bar(b, n)) / b[n - 1] / sqrt(1 - b[n - 1])),
    (
        "guess",
        "Is the guess divided by α, without a root?",
        lambda b, n: b[n - 1] / sqrt(1 - alpha_bar(b, n)) / (1 - b[n - 1]),
    ),
    (
        "guess",
        "Is it multiplied by √α where it should be divided?",
        lambda b, n: b[n - 1] / sqrt(1 - alpha_bar(b, n)) * sqrt(1 - b[n - 1]),
    ),
    (
        "guess",
        "Is √ᾱ in the denominator? It is √(1 - ᾱ).",
        lambda b, n: b[n - 1] / sqrt(alpha_bar(b, n) * (1 - b[n - 1])),
    ),
    ("guess", "Is everything divided by √ᾱ? One step takes back one fading.", lambda b, n: over_all(b, n)),
    ("guess", "Is the guess subtracted as it is?", lambda b, n: 1 / sqrt(1 - b[n - 1])),
    ("guess", "Is the guess subtracted as it is?", lambda b, n: 1.0),
    ("guess", "Is that the step of one σ, the root of β?", lambda b, n: sqrt(b[n - 1])),
    ("guess", "Is the guess used?", lambda b, n: 0.0),
    ("z", "Is noise added in the last step? Nothing cleans up after it.", lambda b, n: sqrt(b[n - 1])),
    ("z", "Is the noise scaled by β? That is a variance.", lambda b, n: b[n - 1] if n > 1 else 0.0),
    ("z", "Is noise added?", lambda b, n: 0.0),
    (
        "z",
        "Is that β̃, a variance? Its root scales the noise.",
        lambda b, n: other_sigma(b, n) ** 2 if n > 1 else 0.0,
    ),
    (
        "z",
        "Is that β̃ without its denominator, 1 - ᾱ?",
        lambda b, n: other_sigma(b, n) * sqrt(1 - alpha_bar(b, n)) if n > 1 else 0.0,
    ),
    ("z", "Is the noise divided by √α, too?", lambda b, n: sqrt(b[n - 1] / (1 - b[n - 1])) if n > 1 else 0.0),
    ("z", "Is it the first step that gets no noise, not the last?", lambda b, n: sqrt(b[n - 1]) if n < len(b) else 0.0),
    ("z", "Is that √α? The noise is scaled by √β.", lambda b, n: sqrt(1 - b[n - 1]) if n > 1 else 0.0),
    ("z", "Is that √ᾱ? The noise is scaled by √β.", lambda b, n: sqrt(alpha_bar(b, n)) if n > 1 else 0.0),
    (
        "z",
        "Is σ² = 1 - ᾱ of the step before? The text takes β.",
        lambda b, n: sqrt(1 - before(b, n)) if n > 1 else 0.0,
    ),
    ("z", "Is the noise scaled by σ?", lambda b, n: 1.0 if n > 1 else 0.0),
    ("z", "Is σ² = 1 - ᾱ? The text takes β.", lambda b, n: sqrt(1 - alpha_bar(b, n)) if n > 1 else 0.0),
]


class Painter(t.nn.Module):
    """A model that answers 1 at some counts and 0 at all others, and remembers what it is shown."""

    img_shape = (3, 2, 5)

    def __init__(self, ones: tuple[int, ...] = (), device: str = "cpu") -> None:
        super().__init__()
        self.zero = t.nn.Parameter(t.zeros((), device=device))
        self.ones, self.noise_schedule = ones, schedule_for(device)
        self.shown: list[t.Tensor] = []
        self.counts: list[float] = []

    def forward(self, images: t.Tensor, num_steps: t.Tensor) -> t.Tensor:
        if not isinstance(images, t.Tensor) or images.shape[1:] != self.img_shape:
            facts = f"the model is shown {kind(images)}, expected (n_samples, {', '.join(map(str, self.img_shape))})"
            raise Mistake(facts, "Which shape has x_T?")
        if not isinstance(num_steps, t.Tensor) or num_steps.shape != images.shape[:1]:
            facts = f"the model gets {kind(num_steps)} as num_steps"
            raise Mistake(f"{facts},\nexpected shape ({len(images)},)", "Does each image get the count?")
        for what, thing in [("images", images), ("counts", num_steps)]:
            if thing.device.type != self.zero.device.type:
                facts = f"a model that is on another device gets {what} on the {thing.device.type}"
                raise Mistake(facts, "On which device are they made? The schedule knows its own.")
        if images.is_meta:
            return images + self.zero
        if num_steps.unique().numel() > 1:
            raise Mistake("the images of one step get different counts", "Do they all go through the steps together?")
        self.shown.append(images.detach().clone())
        self.counts.append(num_steps[0].item())
        return t.full_like(images, float(self.counts[-1] in self.ones)) + self.zero


def way_of(answer: Callable, *ones: int, n_samples: int = 2000) -> tuple[list[t.Tensor], Painter]:
    """All images from x_T to x_0, under the same seed, for a model that answers 1 at these counts."""
    model = Painter(ones)
    seed_all(t.initial_seed())
    try:
        result = answer(model, n_samples)
    except (ValueError, IndexError) as error:
        error.add_note("1.12 sample: which counts does the loop go through? The first is T, the last is 1.")
        raise
    finally:
        calm()
    if isinstance(result, t.Tensor) and result.requires_grad:
        raise Mistake("the samples carry a graph for gradients", "Is there a no_grad?")
    expect_tensor(result, (n_samples, *Painter.img_shape), f"sample(model, {n_samples})")
    return [*model.shown, result], model


@check("1.12")
def check_sample(answer: Callable) -> str:
    try:
        return judge_sample(answer)
    except Mistake:
        blame(answer, {"NoiseSchedule": check_NoiseSchedule})
        raise


def judge_sample(answer: Callable) -> str:
    T = len(BETAS)
    plain, model = way_of(answer)
    if not model.counts:
        raise Mistake("the model is never called", "Is there a loop over the counts?")
    if model.counts != list(range(T, 0, -1)):
        questions = {
            tuple(range(1, T + 1)): "Is it the way back, from the last count to the first?",
            tuple(range(T)): "Is it the way back? And counts begin at 1.",
            tuple(range(T - 1, -1, -1)): "Counts begin at 1, indices at 0. Which does the model know?",
            tuple(range(T - 1, 0, -1)): "Is the first step left out?",
            tuple(range(T, 1, -1)): "Is the last step left out? range stops before its end.",
            (T,) * T: "Is the count of the step used?",
            (T,): "Is there one step only? Does the function return inside the loop?",
            tuple(n / T for n in range(T, 0, -1)): "Are they scaled? That is left to the model.",
        }
        facts = f"the model sees the counts {[round(n, 2) for n in model.counts]}, expected {list(range(T, 0, -1))}"
        raise Mistake(facts, questions.get(tuple(model.counts), ""))
    if isinstance(model.counts[0], float):
        raise Mistake("the model gets counts that are not whole numbers in type, as 4.0", "Which dtype have they?")
    judge_start(plain[0])
    if all(x.abs().max() <= 1 for x in plain[1:]):
        raise Mistake("after the first step, no number leaves [-1, 1]", "Is x clamped in every step?")
    if plain[-1].min() >= 0:
        question = "Are they brought to [0, 1]? That is done to look at them."
        raise Mistake("no number of the samples is negative", question)
    judge_factors(answer, plain)
    judge_steps(answer)
    facts = "with a model on another device, tensors of two devices meet"
    question = "Is each made on the schedule's device?"
    result = elsewhere(lambda: answer(Painter(device="meta"), 3), facts, question)
    if isinstance(result, t.Tensor) and not result.is_meta:
        raise Mistake("with a model on another device, the samples are on the CPU", question)
    return "counts from T to 1, every factor of line 4, fresh noise in all steps but the last, all steps returned"


def judge_start(x: t.Tensor) -> None:
    if x.std(dim=0).max() < 1e-6:
        raise Mistake("all samples begin with the same noise", "Is there a draw for each sample?")
    judge_independence(x, ["sample", "channel", "row", "column"])
    mean, std = x.mean().item(), x.std().item()
    if abs(mean) > 0.05 or abs(std - 1) > 0.05:
        facts = f"the first images have mean {mean:.3f} and std {std:.3f}, expected 0 and 1"
        raise Mistake(facts, "Does x_T come from N(0, I)?")
    judge_gaussian(x, "x_T")


def all_close(values: list[float], inputs: list, slack: float, formula: Callable) -> bool:
    expected = [formula(*each) for each in inputs]
    return all(abs(v - e) < 0.002 + slack * abs(e) for v, e in zip(values, expected, strict=True))


def judge_factors(answer: Callable, plain: list[t.Tensor]) -> None:
    T = len(BETAS)
    measured: dict[str, list[float]] = {"x": [], "guess": [], "z": []}
    ways = [way_of(answer, n)[0] for n in range(T, 0, -1)]
    finals = t.stack([plain[-1], *(way[-1] for way in ways)])
    inside = (finals.abs() < 1 if finals.abs().max() <= 1 else finals.isfinite()).all(dim=0)  # if the end is clamped
    leftover = []
    for n, way in zip(range(T, 0, -1), ways, strict=True):
        i = T - n  # where x_n stands
        here = inside if n == 1 else t.ones_like(inside)
        change, jolted = [way[j] - plain[j] for j in (i, i + 1)], [ways[0][j] - plain[j] for j in (i, i + 1)]
        measured["guess"].append(-change[1][here].mean().item())
        if n < T:
            measured["x"].append((jolted[1][here].mean() / jolted[0][here].mean()).item())
        factor = measured["x"][-1] if n < T else LINE4["x"](BETAS, T)
        leftover.append(plain[i + 1] - factor * plain[i])
        measured["z"].append(leftover[-1][here].std().item())
    counts = list(range(T, 0, -1))
    for name, words in [("guess", "the guess is subtracted"), ("x", "x enters"), ("z", "noise is added")]:
        values, at = measured[name], counts[1:] if name == "x" else counts
        if not all(v == v for v in values):
            continue  # x cannot be told, as no guess has any effect; the guess has been judged
        if name == "z":
            judge_draw(leftover[0])
        rights = [LINE4[name]] + ([lambda b, n: other_sigma(b, n) if n > 1 else 0.0] if name == "z" else [])
        fits = partial(all_close, values, [(BETAS, n) for n in at], 0.04 if name == "z" else 0.002)
        if any(fits(right) for right in rights):
            continue
        question = next((q for factor, q, formula in FACTOR_MISTAKES if factor == name and fits(formula)), "")
        if clamps_on_the_way(*plain[:2]):
            question = "Is the clean image clamped on the way? Algorithm 2 does not guess it."
        gaps = [(abs(v - LINE4[name](BETAS, n)) - 0.04 * abs(v), n) for v, n in zip(values, at, strict=True)]
        wrong = next((n for gap, n in gaps if gap > 0.002), max(gaps)[1])
        facts = f"with betas {BETAS}, at count {wrong}\n{words} with factor {values[at.index(wrong)]:.3f}"
        raise Mistake(f"{facts}, expected {LINE4[name](BETAS, wrong):.3f}", question)
    for earlier, later in [(leftover[0], leftover[1]), (plain[0], leftover[0])]:
        if abs((earlier * later).mean() / (earlier.std() * later.std())) > 0.1:
            raise Mistake("two steps add the same noise", "Is z drawn anew in each step?")


def clamps_on_the_way(x: t.Tensor, after: t.Tensor) -> bool:
    """Whether the first step, from a guess of 0, goes through a clean image in [-1, 1]."""
    T = len(BETAS)
    beta, a, a_before = BETAS[-1], alpha_bar(BETAS, T), before(BETAS, T)
    clean = (x / sqrt(a)).clamp(-1, 1)
    mean = (sqrt(a_before) * beta * clean + sqrt(1 - beta) * (1 - a_before) * x) / (1 - a)
    rest = after - mean
    return rest.std() < 0.6 and abs((rest * x).mean()) < 0.02


def judge_draw(z: t.Tensor) -> None:
    """What the first step adds, if anything: Gaussian, one draw for each number."""
    if z.std() < 1e-4:
        return
    if z.std(dim=0).max() < 1e-4:
        raise Mistake("all samples of a batch get the same noise", "Has z the shape of x?")
    shared = [name for axis, name in enumerate(["channel", "row", "column"], 1) if z.std(dim=axis).max() < 1e-4]
    if shared:
        raise Mistake(f"in z, every {' and '.join(shared)} gets the same number", "Has z the shape of x?")
    judge_gaussian(z, "the noise that the first step adds")


def judge_steps(answer: Callable) -> None:
    T, shape = len(BETAS), (3, *Painter.img_shape)
    model = Painter((1,))
    steps = answer(model, 3, return_all_steps=True)
    if isinstance(steps, t.Tensor) and steps.shape == shape:
        raise Mistake("with return_all_steps=True it returns the last images alone", "Is return_all_steps used?")
    if not isinstance(steps, t.Tensor | list | tuple):
        raise Mistake(f"with return_all_steps=True it returns {kind(steps)}, expected a list of {T + 1} tensors")
    if len(steps) not in (T, T + 1):
        question = "Is each x collected, once, the first one too?"
        raise Mistake(f"return_all_steps gives {len(steps)} entries for {T} steps, expected {T + 1}", question)
    for i, entry in enumerate(steps):
        expect_tensor(entry, shape, f"as entry {i} of all steps it")
    shown = model.shown[-len(steps) + 1 :]
    for i, (entry, seen) in enumerate(zip(steps, shown, strict=False)):
        if not entry.allclose(seen):
            question = ""
            if all(entry.equal(other) for other in steps):
                question = "Is it one tensor, changed in place, many times?"
            elif steps[-1].allclose(model.shown[0]) or steps[-1].allclose(model.shown[1]):
                question = "Is it noisy first, clean last?"
            elif len(steps) == T and all(map(t.allclose, steps, model.shown)):
                question = "Is the last image, x_0, in the list?"
            raise Mistake(f"entry {i} of all steps is not what the model was shown at that step", question)
    seed_all(t.initial_seed())
    ends = answer(Painter((1,)), 3), answer(Painter((1,)), 3)
    if ends[0].equal(ends[1]):
        raise Mistake("two calls give the same samples", "Is a seed set inside?")
    seed_all(t.initial_seed())
    last = answer(Painter((1,)), 3, return_all_steps=True)[-1]
    if not last.clamp(-1, 1).allclose(ends[0].clamp(-1, 1), atol=1e-5):
        raise Mistake("the last of all steps is not what is returned without them", "Is x_0 the last entry?")
