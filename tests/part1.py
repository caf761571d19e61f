"""The checks of Part 1. Call one with your own function: tests.part1.check_q_eq4(q_eq4)

Each compares with a closed form. A list of mistakes holds, for each, the question to ask and the closed form of what
that mistake computes; the first that fits all that was measured is the diagnosis.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from math import prod, sqrt

import torch as t
from torch.utils.data import TensorDataset

import utils
from solutions.part1_diffusion import NoiseSchedule, TinyDiffuserConfig, linear_schedule
from tests.checking import Mistake, blame, check, expect_tensor, kind, numbers, seed_all

DEVICES = ["cpu", "cuda"][: 1 + t.cuda.is_available()]
BETAS = [0.1, 0.4, 0.2, 0.25]  # few, so that a learner can redo the sum; uneven, so that each mistake shows
LARGE = (3, 128, 128)  # the noise level of so many numbers is known to 1 %

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
]


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
        question = next((q for q, mistake in SCHEDULE_MISTAKES if result.allclose(mistake(T, lo, hi), rtol=1e-3)), "")
        if T > 5:
            worst = (result - expected).abs().argmax().item()
            facts = f"is {result[worst]:.4g} at step {worst + 1},\nexpected {expected[worst]:.4g}"
        else:
            facts = f"gives {numbers(result)},\nexpected {numbers(expected)}"
        raise Mistake(f"{call} {facts}", question)
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
        facts = f"{within:.0%} of it is within one std, expected 68%"
        raise Mistake(f"the noise is not Gaussian: {facts}", "From which distribution is it drawn?")


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
    ("These are the alphas. Is it the right vector?", {"beta": LOOKUPS["alpha"], "alpha_bar": LOOKUPS["alpha"]}),
    ("These are standard deviations. β is a variance.", {"beta": lambda b, n: sqrt(b[n - 1])}),
    ("A root is taken. Is that left to Equation 4?", {"alpha_bar": lambda b, n: sqrt(alpha_bar(b, n))}),
    ("These are the shares of noise, 1 - ᾱ.", {"alpha_bar": lambda b, n: 1 - alpha_bar(b, n)}),
    ("Are the alphas added up? ᾱ is a product.", {"alpha_bar": lambda b, n: sum(1 - beta for beta in b[:n])}),
    ("Is the step's own alpha left out of the product?", {"alpha_bar": lambda b, n: alpha_bar(b, n - 1)}),
    ("Is this the product of the betas?", {"alpha_bar": lambda b, n: prod(b[:n])}),
    ("Is this the product of all alphas, for each count?", {"alpha_bar": lambda b, n: alpha_bar(b, len(b))}),
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
        except IndexError:
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
    schedule = answer(T, "cpu", betas=betas.clone())
    if not isinstance(schedule, t.nn.Module):
        raise Mistake("it is not a module", "Does the class line still say nn.Module?")
    if len(schedule) != T:
        raise Mistake(f"len gives {len(schedule)}, expected {T}")
    for name, right in LOOKUPS.items():
        judge_lookup(schedule, name)
        counts = t.tensor([4, 1, 1, 3, 2])
        result = getattr(schedule, name)(counts)
        expect_tensor(result, (5,), f"{name} of 5 counts")
        if not result.allclose(t.tensor([right(BETAS, n) for n in counts.tolist()]), atol=1e-5):
            raise Mistake(f"{name}(t.tensor({counts.tolist()})) is not what the same counts give one by one")
    if list(schedule.parameters()):
        raise Mistake("it has parameters, which training would change", "Should they be buffers?")
    other = answer(T, "cpu")
    other.load_state_dict(schedule.state_dict())
    if not other.alpha_bar(T).allclose(schedule.alpha_bar(T)):
        raise Mistake(
            "what is saved and loaded again gives another ᾱ", "Are all vectors buffers, not plain attributes?"
        )
    for name in LOOKUPS:
        if getattr(answer(T, "cpu").double(), name)(1).dtype != t.float64:
            facts = f"{name} stays behind when the module is changed as a whole, as by .to(device)"
            raise Mistake(facts, "Are all vectors buffers, not plain attributes?")
    elsewhere = "cuda" if t.cuda.is_available() else "meta"  # meta: a device without numbers, on every machine
    if answer(T, elsewhere).alpha_bar(1).device.type != elsewhere:
        raise Mistake(f"with device={elsewhere!r}, alpha_bar(1) is not there", "Is device used?")
    if not answer(200, "cpu").alpha_bar(200).allclose(t.tensor(alpha_bar(own_schedule(200)([], 200), 200)), rtol=1e-3):
        raise Mistake("without betas, ᾱ is not that of linear_schedule(max_steps)")
    return "β, α, ᾱ, counts and batches of them, both ends, saved and moved with the module"


# ------------------------------------------------------------------------------------ 1.6 noise_img, 1.7 reconstruct
# A batch as wide as it has images, so that factors along the wrong axis show as wrong numbers, not as an error.

BATCH = (6, 3, 4, 6)
NOISED_MISTAKES = [
    ("Did a variance go where a standard deviation belongs?", lambda x, e, a, _: a.sqrt() * x + (1 - a) * e),
    ("Is the square root missing in front of the image?", lambda x, e, a, _: a * x + (1 - a).sqrt() * e),
    ("Are both square roots missing?", lambda x, e, a, _: a * x + (1 - a) * e),
    ("Are the two factors swapped?", lambda x, e, a, _: (1 - a).sqrt() * x + a.sqrt() * e),
    ("Does the image fade at all?", lambda x, e, a, _: x + (1 - a).sqrt() * e),
    ("Is the noise scaled?", lambda x, e, a, _: a.sqrt() * x + e),
    ("Is the noise added?", lambda x, e, a, _: a.sqrt() * x),
    ("Is that ᾱ of the count, or the α of one step?", lambda x, e, _, a: a.sqrt() * x + (1 - a).sqrt() * e),
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


def judge_formula(result: t.Tensor, expected: t.Tensor, mistakes: list, *inputs: t.Tensor) -> None:
    """Compare every number. inputs: what the closed forms of the mistakes take"""
    gap = (result - expected).abs()
    if gap.max() < 1e-4:
        return
    question = next((q for q, mistake in mistakes if result.allclose(mistake(*inputs), atol=1e-4)), "")
    image = gap.flatten(1).amax(dim=1).argmax().item()
    raise Mistake(f"image {image} of a batch of {len(gap)} is off by up to {gap.max():.3f}", question)


def ask(answer: Callable, *arguments) -> object:
    """The answer's result. An error about counts or shapes gets a note that points at them."""
    try:
        return answer(*arguments)
    except ValueError as error:
        error.add_note("1.6 noise_img: does the draw give counts from 1 to max_steps?")
        raise
    except RuntimeError as error:
        if not isinstance(error, NotImplementedError):
            error.add_note("1.6 noise_img: have the factors shape (B, 1, 1, 1), one for each image?")
        raise


def judge_triple(result: object, img: t.Tensor, device: str) -> tuple[t.Tensor, t.Tensor, t.Tensor]:
    """What noise_img returns: counts, noise and noised images, in this order."""
    if not isinstance(result, tuple | list) or len(result) != 3:
        got = f"{len(result)} things" if isinstance(result, tuple | list) else kind(result)
        raise Mistake(f"it returns {got}, expected three: num_steps, noise, noised")
    num_steps, noise, noised = result
    if not isinstance(num_steps, t.Tensor) or num_steps.shape != img.shape[:1]:
        raise Mistake(f"num_steps is {kind(num_steps)}, expected shape ({len(img)},), one count for each image")
    if num_steps.is_floating_point():
        raise Mistake(f"num_steps holds numbers of type {num_steps.dtype}, expected whole ones")
    expect_tensor(noise, tuple(img.shape), "noise", device)
    expect_tensor(noised, tuple(img.shape), "noised", device)
    return num_steps, noise, noised


def judge_counts(num_steps: t.Tensor, max_steps: int, total: int) -> None:
    """Every count from 1 to max_steps, about equally often."""
    shares = t.bincount(num_steps, minlength=total + 1) / len(num_steps)
    if num_steps.unique().numel() == 1 < max_steps:
        raise Mistake(f"all images get the same count, {num_steps[0]}", "Does each image draw its own?")
    if shares[0] > 0:
        raise Mistake("a count of 0 is drawn, expected 1 to max_steps", "Does the draw begin at 1?")
    if num_steps.max() > max_steps:
        question = "Is max_steps used?" if num_steps.max() == total else ""
        raise Mistake(f"a count of {num_steps.max()} is drawn with max_steps={max_steps}", question)
    if shares[max_steps] == 0:
        raise Mistake(
            f"the last count, {max_steps}, is never drawn", "t.randint leaves out its upper end. Is it added?"
        )
    if (shares[1 : max_steps + 1] - 1 / max_steps).abs().max() > 0.06:
        raise Mistake(
            f"counts 1 to {max_steps} come with shares {numbers(shares[1 : max_steps + 1])}, expected equal ones"
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
    judge_counts(judge_triple(answer(img, schedule_for(), 2), img, "cpu")[0], 2, total)
    if noise.equal(judge_triple(ask(answer, img, schedule_for()), img, "cpu")[1]):
        raise Mistake("two calls give the same noise", "Is a seed set inside, or the noise made outside?")
    judge_independence(noise, ["image", "channel", "row", "column"])
    mean, std = noise.mean().item(), noise.std().item()
    if abs(std - 1) > 0.05 and abs(mean) < 0.05:
        raise Mistake(f"noise has std {std:.3f}, expected 1", "Is it the noise before scaling that is returned?")
    judge_gaussian(noise, "the noise")
    for _ in range(3):
        img = 2 * t.rand(BATCH) - 1
        num_steps, noise, noised = judge_triple(ask(answer, img, schedule_for()), img, "cpu")
        a = alpha_bars(num_steps)
        used = (noised - a.sqrt() * img) / (1 - a).sqrt()
        if abs(used.std() - 1) < 0.15 and abs((used * noise).mean()) < 0.3:
            raise Mistake("noised is made with other noise than the one returned", "Is the noise drawn twice?")
        expected = a.sqrt() * img + (1 - a).sqrt() * noise
        judge_formula(noised, expected, NOISED_MISTAKES, img, noise, a, alphas(num_steps))
    return "counts from 1 to the last, own noise for each image, Equation 4 in every number"


@check("1.7")
def check_reconstruct(answer: Callable) -> str:
    for device in DEVICES:
        x0, noise = 2 * t.rand(BATCH, device=device) - 1, t.randn(BATCH, device=device)
        num_steps = t.tensor([1, 4, 2, 3, 4, 1], device=device)
        a = alpha_bars(num_steps)
        xt = a.sqrt() * x0 + (1 - a).sqrt() * noise
        before = xt.clone(), noise.clone()
        result = answer(xt, noise, num_steps, schedule_for(device))
        expect_tensor(result, BATCH, f"with {BATCH} images, it", device)
        if not (xt.equal(before[0]) and noise.equal(before[1])):
            raise Mistake("it changes what it is given", "Does a line write into noisy_img or noise in place?")
        judge_formula(result, x0, RECONSTRUCT_MISTAKES, xt, noise, a, alphas(num_steps))
    return "every number of the clean image, after few and after all steps, input untouched"


# ------------------------------------------------------------------------------------------------- 1.8 TinyDiffuser


def tiny(answer: Callable, img_shape: tuple[int, ...] = (3, 4, 5), hidden_size: int = 16, max_steps: int = 10):
    seed_all(t.initial_seed())
    return answer(TinyDiffuserConfig(img_shape, hidden_size, max_steps))


@check("1.8")
def check_TinyDiffuser(answer: Callable) -> str:
    model, B = tiny(answer), 6
    if not isinstance(model, t.nn.Module):
        raise Mistake("it is not a module", "Does the class line still say DiffusionModel?")
    if not list(model.parameters()):
        raise Mistake("it has no parameters to train", "Are the layers in a plain list? nn.Sequential keeps them.")
    for shape, size in [((3, 4, 5), B), ((3, 4, 5), 1), ((1, 2, 7), 3)]:
        images, steps = t.randn(size, *shape), t.randint(1, 11, (size,))
        before = images.clone()
        guess = tiny(answer, shape)(images, steps)
        expect_tensor(
            guess.detach() if isinstance(guess, t.Tensor) else guess, (size, *shape), f"for images {(size, *shape)} it"
        )
        if not images.equal(before):
            raise Mistake("it changes the images it is given", "Does a line write into images in place?")
    images, steps = t.randn(B, 3, 4, 5), t.randint(1, 11, (B,))
    guess = model(images, steps)
    guess.square().sum().backward()
    unused = [name for name, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    if unused:
        raise Mistake(f"no gradient reaches {', '.join(unused)}", "Is each layer used in forward?")
    with t.no_grad():
        judge_mlp(model, images, steps)
        alone = t.cat([model(images[i : i + 1], steps[i : i + 1]) for i in range(B)])
        if not alone.allclose(guess, atol=1e-5):
            raise Mistake("an image's guess depends on the other images of its batch", "Which axis is flattened?")
        narrow = tiny(answer, hidden_size=1)(t.randn(50, 3, 4, 5), t.randint(1, 11, (50,))).flatten(1)
        if t.linalg.matrix_rank(narrow - narrow.mean(dim=0), rtol=1e-4) > 1:
            raise Mistake("with hidden_size=1 the guesses vary in more than one direction", "Is hidden_size used?")
        few, many = tiny(answer, max_steps=10), tiny(answer, max_steps=1000)
        if not few(images, t.full((B,), 10)).allclose(many(images, t.full((B,), 1000)), atol=1e-4):
            raise Mistake(
                "after the last of 10 steps the guess differs from the one after the last of 1000",
                "Is the count scaled to [0, 1]?",
            )
    return "shapes, both inputs used, a ReLU between two layers, every parameter trained"


def judge_mlp(model: t.nn.Module, images: t.Tensor, steps: t.Tensor) -> None:
    """By behaviour alone: both inputs count, it bends (a ReLU), and it is not bounded at the end."""
    guess, zeros = model(images, steps), t.zeros_like(images)
    if guess.allclose(model(zeros, steps)):
        raise Mistake("the guess does not depend on the images")
    if guess.allclose(model(images, t.where(steps == 10, 1, 10))):
        raise Mistake("the guess does not depend on num_steps", "Is the count among the inputs of the first layer?")
    base = model(zeros, steps)
    if (model(100 * images, steps) - base).allclose(100 * (guess - base), rtol=1e-3, atol=1e-3):
        raise Mistake("the guess is a linear function of the images", "Is there a ReLU between the two layers?")
    wide = t.cat([model(1000 * t.randn_like(images), steps) for _ in range(20)])
    if wide.min() >= 0:
        raise Mistake(
            "the guess is never negative", "Is there an activation after the last layer? Noise has both signs."
        )
    if wide.abs().max() <= 1:
        raise Mistake(
            "the guess never leaves [-1, 1]", "Is there an activation after the last layer? Noise goes further."
        )


# --------------------------------------------------------------------------------------------------------- 1.10 train
# A model of one number w, which guesses w everywhere, is trained on twelve plain images of brightness 0, 20, 40, ... So
# the images it is shown tell which of the twelve each comes from and, solved by Equation 4, which noise is in it. From
# those, the loss, its gradient and every step of Adam are known exactly.

N_IMAGES, LEVEL = 12, 20.0
LOSSES = [
    ("Is the loss a sum? Equation 14 takes the mean.", lambda w, noise, x0, xt: 2 * (w - noise).sum()),
    (
        "Does it guess the clean image? Equation 14 compares with the noise.",
        lambda w, noise, x0, xt: 2 * (w - x0).mean(),
    ),
    ("Is the guess compared with the noised image?", lambda w, noise, x0, xt: 2 * (w - xt).mean()),
    ("Is that the absolute error? Equation 14 takes the square.", lambda w, noise, x0, xt: (w - noise).sign().mean()),
    (
        "Is a square root taken of the loss?",
        lambda w, noise, x0, xt: (w - noise).mean() / (w - noise).square().mean().sqrt(),
    ),
]


class Recorder(t.nn.Module):
    """A model of one number that remembers what it is shown: (images, counts, w) of every call, and its gradients."""

    img_shape = (1, 8, 8)

    def __init__(self) -> None:
        super().__init__()
        self.w = t.nn.Parameter(t.tensor(1.0))
        self.noise_schedule: NoiseSchedule | None = None
        self.calls, self.trained = [], []  # all calls; the calls that a gradient came back to, with it

    def forward(self, images: t.Tensor, num_steps: t.Tensor) -> t.Tensor:
        call = (images.detach().clone(), num_steps, self.w.item())
        self.calls.append(call)
        guess = self.w.expand(images.shape).clone()
        if guess.requires_grad:
            hook = lambda gradient: self.trained.append((*call, gradient.sum().item()))  # noqa: E731
            guess.register_hook(hook)
        return guess


def run_train(answer: Callable, model: Recorder, testset: TensorDataset | None = None, **settings) -> tuple:
    """What train returns, and the run it has logged to."""
    levels = LEVEL * t.arange(N_IMAGES, dtype=t.float32)
    trainset = TensorDataset(levels.reshape(-1, 1, 1, 1).expand(-1, *model.img_shape).clone())
    config = dict(lr=0.01, epochs=3, batch_size=5, max_steps=len(BETAS), device=t.device("cpu"))
    config |= dict(img_log_interval=1000, n_images_to_log=3, image_shape=model.img_shape) | settings
    before = os.environ.get("WANDB_MODE")
    os.environ["WANDB_MODE"] = "disabled"  # a check leaves no run behind
    latest, quiet = utils.Run.latest, utils.IS_CI
    utils.IS_CI, utils.Run.latest = True, None
    try:
        return answer(model, config, trainset, testset), utils.Run.latest
    finally:
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
    model = Recorder()
    model.noise_schedule = schedule = schedule_for()
    result, run = run_train(answer, model)
    if result is not model:
        raise Mistake(f"it returns {kind(result)}, expected the model", "Does the function end in return model?")
    if model.noise_schedule is not schedule:
        raise Mistake("it replaces the schedule that the model had")
    if not model.calls:
        raise Mistake("the model is never called")
    if not model.trained:
        raise Mistake("no gradient ever reaches the model", "Is the backward pass missing?")
    seen = judge_minibatches(model.trained)
    judge_gradients(model.trained)
    judge_adam(model)
    if sorted(seen[:N_IMAGES]) != list(range(N_IMAGES)) or sorted(seen) != sorted(3 * list(range(N_IMAGES))):
        raise Mistake(
            f"in 3 epochs, {N_IMAGES} images were shown {len(seen)} times", "Is each image shown once an epoch?"
        )
    if seen[:N_IMAGES] == seen[N_IMAGES : 2 * N_IMAGES]:
        raise Mistake("every epoch shows the images in the same order", "Is there a new random order each time?")
    logged = [step for step, _ in run.curves.get("train_loss", [])] if run else []
    if not logged or logged[0] != 1 or len(logged) != (len(model.trained) + 9) // 10:  # a curve keeps every tenth step
        facts = f"train_loss is logged at steps {logged[:5]}, expected every step of {len(model.trained)}, from 1"
        raise Mistake(facts, "Is it logged in the inner loop, with step counted up from 1?")
    untrained = Recorder()
    run_train(answer, untrained, lr=0.0, batch_size=128, epochs=1)
    if untrained.w.item() != 1:
        raise Mistake(f"with lr=0 the model changes, from 1 to {untrained.w.item():.3f}", "Is lr used?")
    if not untrained.trained:
        raise Mistake(
            f"with {N_IMAGES} images and batch_size=128 no step is taken", "Is the last, smaller batch dropped?"
        )
    judge_testing(answer)
    return (
        "Algorithm 1, its loss, gradients and every step of Adam, each image once an epoch, test images not trained on"
    )


def judge_minibatches(trained: list) -> list[int]:
    """Which images were shown, in order; and whether they and their counts have the right form."""
    for images, num_steps, *_ in trained:
        if not isinstance(num_steps, t.Tensor) or num_steps.shape != images.shape[:1]:
            raise Mistake(f"the model gets {kind(num_steps)} as num_steps, expected one count for each of its images")
    counts = t.cat([num_steps for _, num_steps, *_ in trained])
    if counts.is_floating_point() or counts.min() < 1 or counts.max() > len(BETAS):
        facts = f"num_steps runs from {counts.min():.3g} to {counts.max():.3g}"
        raise Mistake(f"the model's {facts}, expected counts from 1 to {len(BETAS)}")
    shown = t.cat([images for images, *_ in trained])
    if shown.std(dim=(1, 2, 3)).max() < 0.01:
        raise Mistake("the model is shown clean images", "Does it get the noised ones?")
    brightness = shown.mean(dim=(1, 2, 3)) / alpha_bars(counts).flatten().sqrt() / LEVEL
    if brightness.max() > N_IMAGES or (brightness - brightness.round()).abs().max() > 0.2:
        raise Mistake("the images that the model is shown are not noised by the counts it is given")
    return brightness.round().int().tolist()


def noise_in(images: t.Tensor, num_steps: t.Tensor) -> t.Tensor:
    a = alpha_bars(num_steps)
    clean = (images.mean(dim=(1, 2, 3), keepdim=True) / a.sqrt() / LEVEL).round() * LEVEL
    return (images - a.sqrt() * clean) / (1 - a).sqrt()


def judge_gradients(trained: list) -> None:
    """The gradient of every step is that of the mean squared error between w and the noise."""
    measured = [gradient for *_, gradient in trained]
    parts = []
    for images, num_steps, w, _ in trained:
        noise, a = noise_in(images, num_steps), alpha_bars(num_steps)
        parts.append((w, noise, (images - (1 - a).sqrt() * noise) / a.sqrt(), images))

    def fits(formula: Callable) -> bool:
        made = [float(formula(*part)) for part in parts]
        return all(abs(m - g) < 0.01 + 0.01 * abs(m) for m, g in zip(made, measured, strict=True))

    if not fits(lambda w, noise, x0, xt: 2 * (w - noise).mean()):
        question = next((q for q, formula in LOSSES if fits(formula)), "What is compared with the model's guess?")
        expected = 2 * (parts[0][0] - parts[0][1]).mean().item()
        raise Mistake(
            f"the first gradient is {measured[0]:.3f}, expected {expected:.3f} for the mean squared error", question
        )


def judge_adam(model: Recorder) -> None:
    """Every value of w is the one that Adam makes of the gradients before it."""
    values = [w for _, _, w, _ in model.trained] + [model.w.item()]
    gradients = [gradient for *_, gradient in model.trained]

    def steps(optimizer: Callable, summed: bool = False) -> list[float]:
        w, made, total = t.nn.Parameter(t.tensor(1.0)), [1.0], 0.0
        rule = optimizer([w])
        for gradient in gradients:
            total = gradient + total * summed
            w.grad = t.tensor(total)
            rule.step()
            made.append(w.item())
        return made

    def fits(made: list[float]) -> bool:
        return all(abs(m - v) < 1e-5 for m, v in zip(made, values, strict=True))

    if fits(steps(lambda p: t.optim.Adam(p, lr=0.01))):
        return
    mistakes = [
        ("Does the optimizer take a step, with the gradients still there?", [1.0] * len(values)),
        (
            "Are old gradients added to the new? They have to be set to zero in each step.",
            steps(lambda p: t.optim.Adam(p, lr=0.01), True),
        ),
        ("Is the lr of the config used?", steps(lambda p: t.optim.Adam(p))),
        ("Is that SGD? The text asks for Adam.", steps(lambda p: t.optim.SGD(p, lr=0.01))),
        ("Is that AdamW? The text asks for Adam.", steps(lambda p: t.optim.AdamW(p, lr=0.01))),
        ("Is a new optimizer made in each step? Adam has a memory.", fresh_adam(gradients)),
    ]
    question = next((q for q, made in mistakes if fits(made)), "")
    expected = steps(lambda p: t.optim.Adam(p, lr=0.01))[-1]
    raise Mistake(
        f"after {len(gradients)} steps of Adam the weight is {values[-1]:.4f}, expected {expected:.4f}", question
    )


def fresh_adam(gradients: list[float]) -> list[float]:
    w, made = t.nn.Parameter(t.tensor(1.0)), [1.0]
    for gradient in gradients:
        w.grad = t.tensor(gradient)
        t.optim.Adam([w], lr=0.01).step()
        made.append(w.item())
    return made


def judge_testing(answer: Callable) -> None:
    """With a test set: it is looked at, and not trained on; and pictures are made."""
    model, n_test = Recorder(), 7
    testset = TensorDataset(t.full((n_test, *model.img_shape), 5000.0))
    _, run = run_train(answer, model, testset, img_log_interval=1, epochs=2)
    tested = [images for images, num_steps, _ in model.calls if images.mean() > 1000]
    if any(images.mean() > 1000 for images, *_ in model.trained):
        raise Mistake("the model is trained on the test images", "Is the test loss only looked at?")
    if sum(len(images) for images in tested) != 2 * n_test:
        facts = f"in 2 epochs, {n_test} test images are looked at {sum(len(images) for images in tested)} times"
        raise Mistake(facts, "Is the test loss taken once after each epoch, on all test images?")
    if "test_loss" not in run.curves:
        raise Mistake(f"logged are {', '.join(run.curves)}, expected test_loss, too")
    if not run.pictures:
        raise Mistake("no pictures are logged", "Is there a list of them under the name images?")


# -------------------------------------------------------------------------------------------------------- 1.12 sample
# Under one seed, models that answer 0, or 1 at certain counts only, are sampled from. What one answer changes in the
# images that follow gives every factor of line 4 exactly; what is left over is the noise it adds.

LINE4 = {  # the factors in front of xt, of the guess, and of z, for (betas, n)
    "x": lambda b, n: 1 / sqrt(1 - b[n - 1]),
    "guess": lambda b, n: b[n - 1] / sqrt(1 - alpha_bar(b, n)) / sqrt(1 - b[n - 1]),
    "z": lambda b, n: sqrt(b[n - 1]) if n > 1 else 0.0,
}


def other_sigma(b: list[float], n: int) -> float:
    """The paper's other choice, just as right: the variance of x_(n-1) given xt and x0."""
    return sqrt((1 - alpha_bar(b, n - 1)) / (1 - alpha_bar(b, n)) * b[n - 1])


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
    ("guess", "Is the guess used?", lambda b, n: 0.0),
    ("z", "Is noise added in the last step? Nothing cleans up after it.", lambda b, n: sqrt(b[n - 1])),
    ("z", "Is the noise scaled by β? That is a variance.", lambda b, n: b[n - 1] if n > 1 else 0.0),
    ("z", "Is noise added?", lambda b, n: 0.0),
    ("z", "Is the noise scaled by σ?", lambda b, n: 1.0 if n > 1 else 0.0),
    ("z", "Is σ² = 1 - ᾱ? The text takes β.", lambda b, n: sqrt(1 - alpha_bar(b, n)) if n > 1 else 0.0),
]


class Painter(t.nn.Module):
    """A model that answers 1 at some counts and 0 at all others, and remembers what it is shown."""

    img_shape = (3, 2, 5)

    def __init__(self, ones: tuple[int, ...]) -> None:
        super().__init__()
        self.ones, self.noise_schedule = ones, schedule_for()
        self.shown, self.counts = [], []

    def forward(self, images: t.Tensor, num_steps: t.Tensor) -> t.Tensor:
        if not isinstance(num_steps, t.Tensor) or num_steps.shape != images.shape[:1]:
            raise Mistake(
                f"the model gets {kind(num_steps)} as num_steps, expected one count for each of {len(images)} images"
            )
        self.shown.append(images.clone())
        self.counts.append(num_steps[0].item())
        return t.full_like(images, float(self.counts[-1] in self.ones))


def way_of(answer: Callable, *ones: int, n_samples: int = 2000) -> tuple[list[t.Tensor], Painter]:
    """All images from x_T to x_0, under the same seed, for a model that answers 1 at these counts."""
    model = Painter(ones)
    seed_all(t.initial_seed())
    try:
        result = answer(model, n_samples)
    except ValueError as error:
        error.add_note("1.12 sample: which counts does the loop go through? The first is T, the last is 1.")
        raise
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
    if model.counts != list(range(T, 0, -1)):
        questions = {
            tuple(range(1, T + 1)): "Is it the way back, from the last count to the first?",
            tuple(range(T - 1, -1, -1)): "Counts begin at 1, indices at 0. Which does the model know?",
            tuple(range(T - 1, 0, -1)): "Is the first step left out?",
            tuple(range(T, 1, -1)): "Is the last step left out? range stops before its end.",
        }
        facts = f"the model sees the counts {[round(n, 2) for n in model.counts]}, expected {list(range(T, 0, -1))}"
        raise Mistake(facts, questions.get(tuple(model.counts), ""))
    judge_start(plain[0])
    judge_factors(answer, plain)
    judge_steps(answer)
    return "counts from T to 1, every factor of line 4, fresh noise in all steps but the last, all steps returned"


def judge_start(x: t.Tensor) -> None:
    if x.std(dim=0).max() < 1e-6:
        raise Mistake("all samples begin with the same noise", "Is there a draw for each sample?")
    mean, std = x.mean().item(), x.std().item()
    if abs(mean) > 0.05 or abs(std - 1) > 0.05:
        facts = f"the first images have mean {mean:.3f} and std {std:.3f}, expected 0 and 1"
        raise Mistake(facts, "Does x_T come from N(0, I)?")


def all_close(values: list[float], inputs: list, slack: float, formula: Callable) -> bool:
    expected = [formula(*each) for each in inputs]
    return all(abs(v - e) < 0.002 + slack * abs(e) for v, e in zip(values, expected, strict=True))


def judge_factors(answer: Callable, plain: list[t.Tensor]) -> None:
    T = len(BETAS)
    measured: dict[str, list[float]] = {"x": [], "guess": [], "z": []}
    jolted = [late - early for late, early in zip(way_of(answer, T)[0], plain, strict=True)]
    leftover = []
    for n in range(T, 0, -1):
        change = [late - early for late, early in zip(way_of(answer, n)[0], plain, strict=True)]
        i = T - n  # where x_n stands
        measured["guess"].append(-change[i + 1].mean().item())
        if n < T:
            measured["x"].append((jolted[i + 1].mean() / jolted[i].mean()).item())
        factor = measured["x"][-1] if n < T else LINE4["x"](BETAS, T)
        leftover.append(plain[i + 1] - factor * plain[i])
        measured["z"].append(leftover[-1].std().item())
    counts = list(range(T, 0, -1))
    for name, words in [("guess", "the guess is subtracted"), ("x", "x enters"), ("z", "noise is added")]:
        values, at = measured[name], counts[1:] if name == "x" else counts
        if not all(v == v for v in values):
            continue  # x cannot be told, as no guess has any effect; the guess has been judged
        if name == "z" and leftover[0].std() > 1e-4 and leftover[0].std(dim=0).max() < 1e-4:
            raise Mistake("all samples of a batch get the same noise", "Has z the shape of x?")
        rights = [LINE4[name]] + ([lambda b, n: other_sigma(b, n) if n > 1 else 0.0] if name == "z" else [])

        slack = 0.04 if name == "z" else 0.002
        fits = partial(all_close, values, [(BETAS, n) for n in at], slack)
        if any(fits(right) for right in rights):
            continue
        question = next((q for factor, q, formula in FACTOR_MISTAKES if factor == name and fits(formula)), "")
        wrong = next(
            n for v, n in zip(values, at, strict=True) if abs(v - LINE4[name](BETAS, n)) > 0.002 + 0.04 * abs(v)
        )
        facts = f"with betas {BETAS}, at count {wrong}\n{words} with factor {values[at.index(wrong)]:.3f}"
        raise Mistake(f"{facts}, expected {LINE4[name](BETAS, wrong):.3f}", question)
    for earlier, later in [(leftover[0], leftover[1]), (plain[0], leftover[0])]:
        if abs((earlier * later).mean() / (earlier.std() * later.std())) > 0.1:
            raise Mistake("two steps add the same noise", "Is z drawn anew in each step?")


def judge_steps(answer: Callable) -> None:
    T = len(BETAS)
    model = Painter((1,))
    steps = answer(model, 3, return_all_steps=True)
    shape = (3, *Painter.img_shape)
    if isinstance(steps, t.Tensor) and steps.shape == shape:
        raise Mistake("with return_all_steps=True it returns the last images alone", "Is return_all_steps used?")
    if len(steps) not in (T, T + 1):
        raise Mistake(f"return_all_steps gives {len(steps)} entries for {T} steps, expected {T + 1}")
    shown = [*model.shown, None][-len(steps) :]
    for i, (entry, seen) in enumerate(zip(steps, shown, strict=True)):
        expect_tensor(entry, shape, f"entry {i} of all steps")
        if seen is not None and not entry.allclose(seen):
            same = all(entry.equal(other) for other in steps)
            backwards = steps[-1].allclose(model.shown[0])
            question = (
                "Is it one tensor, changed in place, many times?"
                if same
                else "Is it noisy first, clean last?" * backwards
            )
            raise Mistake(f"entry {i} of all steps is not what the model was shown at that step", question)
    if answer(Painter((1,)), 1).requires_grad:
        raise Mistake("the samples carry a graph for gradients", "Is there a no_grad?")
