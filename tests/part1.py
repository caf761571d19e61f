"""The checks of Part 1. Call one with your own function: tests.part1.check_q_eq4(q_eq4)

Each compares with a closed form. A list of mistakes holds, for each, the question to ask and the closed form of what
that mistake computes; the first that fits all that was measured is the diagnosis.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import prod, sqrt

import torch as t

from solutions.part1_diffusion import linear_schedule
from tests.checking import Mistake, check, expect_tensor, numbers, seed_all

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
        "These are standard deviations. β is a variance: is a root left over?",
        lambda T, lo, hi: t.linspace(lo, hi, T).sqrt(),
    ),
    ("These are squares of the variances. Is a square left over?", lambda T, lo, hi: t.linspace(lo, hi, T) ** 2),
    ("These are the alphas. Which of the two does Section 4 list?", lambda T, lo, hi: 1 - t.linspace(lo, hi, T)),
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
            off_by_one = {T + 1: "Is one end there twice?", T - 1: "Is one end missing?"}
            question = off_by_one.get(len(result), "Is max_steps used?")
            raise Mistake(f"{call} gives {len(result)} numbers, expected {T}", question)
        expect_tensor(result, (T,), call)
        expected = t.linspace(lo, hi, T)
        if result.allclose(expected, rtol=1e-3, atol=1e-7):
            continue
        question = next((q for q, mistake in SCHEDULE_MISTAKES if result.allclose(mistake(T, lo, hi), rtol=1e-3)), "")
        if T > 5:
            worst = (result - expected).abs().argmax().item()
            facts = f"is {result[worst]:.4g} at step {worst + 1}, expected {expected[worst]:.4g}"
        else:
            facts = f"gives {numbers(result)}, expected {numbers(expected)}"
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
    ("Does each step add noise?", walk(keep, lambda b: 0)),
    ("Is the noise scaled by its step?", walk(keep, lambda b: 1)),
    ("Is that one step too many?", walk(keep, sqrt, lambda betas, n: betas[: n + 1])),
    ("Is that one step too few?", walk(keep, sqrt, lambda betas, n: betas[: n - 1])),
    ("The first step is left out. In which row is β₁?", walk(keep, sqrt, lambda betas, n: betas[1:n])),
    ("All steps are one row late. In which row is β₁?", walk(keep, sqrt, lambda betas, n: betas[1 : n + 1])),
    ("The whole schedule acts every time. Is num_steps used?", walk(keep, sqrt, lambda betas, n: betas)),
    ("Is betas used, or a schedule of your own?", walk(keep, sqrt, own_schedule(200))),
    ("Is betas used, or a schedule of your own?", walk(keep, sqrt, own_schedule(1000))),
    (
        "Only the first step acts. Does the function return inside the loop?",
        walk(keep, sqrt, lambda betas, n: betas[:1]),
    ),
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

EQ4_MISTAKES = [
    (
        "Did a variance go where a standard deviation belongs?",
        lambda b, n: (sqrt(alpha_bar(b, n)), 1 - alpha_bar(b, n)),
    ),
    ("Is the square root missing in front of the image?", lambda b, n: (alpha_bar(b, n), sqrt(1 - alpha_bar(b, n)))),
    ("Are both square roots missing?", lambda b, n: (alpha_bar(b, n), 1 - alpha_bar(b, n))),
    ("Are the two factors swapped?", jump(lambda b, n: 1 - alpha_bar(b, n))),
    (
        "The noise should make up for √ᾱ in variance: 1 minus what?",
        lambda b, n: (sqrt(alpha_bar(b, n)), 1 - sqrt(alpha_bar(b, n))),
    ),
    ("The root is taken twice. 1 minus what?", lambda b, n: (sqrt(alpha_bar(b, n)), sqrt(1 - sqrt(alpha_bar(b, n))))),
    ("Does the image fade at all?", lambda b, n: (1, sqrt(1 - alpha_bar(b, n)))),
    ("Is the noise scaled?", lambda b, n: (sqrt(alpha_bar(b, n)), 1)),
    ("Is noise added?", lambda b, n: (sqrt(alpha_bar(b, n)), 0)),
    (
        "The noise is that of the last step alone. Which share do all steps leave?",
        lambda b, n: (sqrt(alpha_bar(b, n)), sqrt(b[n - 1])),
    ),
    ("Only the last step shows. ᾱ is a product over how many?", jump(lambda b, n: 1 - b[n - 1])),
    ("num_steps counts from 1, rows from 0. Is that one step too many?", jump(lambda b, n: alpha_bar(b, n + 1))),
    ("num_steps counts from 1, rows from 0. Is that one step too few?", jump(lambda b, n: alpha_bar(b, n - 1))),
    ("Row -1 is the last one. Is that one step too few?", jump(lambda b, n: alpha_bar(b, n - 1 or len(b)))),
    ("The first step is left out. In which row is β₁?", jump(lambda b, n: prod(1 - beta for beta in b[1:n]))),
    ("The whole schedule acts every time. Is num_steps used?", jump(lambda b, n: alpha_bar(b, len(b)))),
    ("Is this the product of the betas? ᾱ multiplies the alphas.", jump(lambda b, n: prod(b[:n]))),
    ("Is this the product of the betas? ᾱ multiplies the alphas.", jump(lambda b, n: 1 - prod(b[:n]))),
    ("Are the betas added up? ᾱ is a product.", jump(lambda b, n: 1 - sum(b[:n]))),
    ("Is one β taken n times? Each step has its own.", jump(lambda b, n: (1 - b[n - 1]) ** n)),
    ("Is one β taken n times? Each step has its own.", jump(lambda b, n: (1 - b[0]) ** n)),
    ("Is the schedule read from its end?", jump(lambda b, n: alpha_bar(b[::-1], n))),
    ("Is betas used, or a schedule of your own?", jump(lambda b, n: alpha_bar(linear_schedule(200).tolist(), n))),
    ("Is betas used, or a schedule of your own?", jump(lambda b, n: alpha_bar(linear_schedule(1000).tolist(), n))),
]


@dataclass
class Levels:
    """What was measured after n steps. A call under the same seed differs in the image alone, so kept is exact."""

    n: int
    kept: float
    noise: float
    slack: float  # of kept, where an answer cannot be seeded

    def fits(self, expected: tuple[float, float]) -> bool:
        kept, noise = expected
        return abs(self.kept - kept) < 0.001 + self.slack and abs(self.noise - noise) < 0.001 + 0.03 * noise


def betas_for(device: str = "cpu") -> t.Tensor:
    return t.tensor(BETAS, dtype=t.float32, device=device)


def noised(q: Callable, value: float, n: int) -> t.Tensor:
    """A large image of one value after n steps, always under the same seed."""
    seed_all(t.initial_seed())
    result = q(t.full(LARGE, value, dtype=t.float32), n, betas_for())
    expect_tensor(result, LARGE, f"with a {LARGE} image, it")
    return result


def measure(q: Callable, n: int) -> Levels:
    white, black, grey = noised(q, 1, n), noised(q, -1, n), noised(q, 0, n)
    kept = (white - black) / 2
    return Levels(n, kept.mean().item(), grey.std().item(), 6 * kept.std().item() / sqrt(kept.numel()))


def judge_form(q: Callable, device: str) -> None:
    """A small image: what comes back, and what is left untouched."""
    x, betas = t.rand(3, 5, 4, dtype=t.float32, device=device), betas_for(device)
    x_before, betas_before = x.clone(), betas.clone()
    expect_tensor(q(x, 2, betas), (3, 5, 4), "with a (3, 5, 4) image, it", device)
    for name, now, before in [("x", x, x_before), ("betas", betas, betas_before)]:
        if not now.equal(before):
            raise Mistake(f"it changes the {name} it is given", f"Does a line write into {name} in place?")


def judge_noise(q: Callable) -> None:
    """The noise alone, after one step on a grey image: one draw for each number, Gaussian, new each time."""
    noise = noised(q, 0, 1)
    if noise.abs().max() < 1e-6:
        return  # no noise at all after one step: the levels tell which mistake that is
    again = q(t.zeros(LARGE, dtype=t.float32), 1, betas_for())
    if noise.equal(again):
        raise Mistake("two calls give the same noise", "Is a seed set inside, or the noise made outside?")
    shared = [name for axis, name in enumerate(["channel", "row", "column"]) if noise.std(dim=axis).max() < 1e-6]
    if shared:
        raise Mistake(f"every {' and '.join(shared)} gets the same noise", "Does each number of x get its own draw?")
    if noised(q, 0, 2).abs().max() == 1:
        raise Mistake("no number is larger than 1", "Is the result clamped? A noised image may leave [-1, 1].")
    mean, std = noise.mean().item(), noise.std().item()
    if abs(mean) > 0.05 * std:
        raise Mistake(f"after 1 step the noise has mean {mean:.3f}, expected 0", "Is it drawn between 0 and 1?")
    within = ((noise - mean).abs() < std).float().mean().item()
    if abs(within - 0.683) > 0.015:
        facts = f"{within:.0%} of it is within one standard deviation, expected 68%"
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
        return
    questions = (q for q, mistake in mistakes if all(levels.fits(mistake(BETAS, levels.n)) for levels in measured))
    kept, noise = right(BETAS, wrong.n)
    facts = []
    if not wrong.fits((kept, wrong.noise)):
        facts.append(f"{wrong.kept:.3f} of the image is left, expected {kept:.3f}")
    if not wrong.fits((wrong.kept, noise)):
        facts.append(f"the noise has standard deviation {wrong.noise:.3f}, expected {noise:.3f}")
    steps = f"after {wrong.n} step{'s'[: wrong.n > 1]}"
    raise Mistake(f"with betas {BETAS}, {steps} {' and '.join(facts)}", next(questions, ""))


def judge_image(q: Callable) -> None:
    """Every number of the image stays in its place."""
    image = t.rand(LARGE, dtype=t.float32)
    seed_all(t.initial_seed())
    result, kept = q(image.clone(), 2, betas_for()), sqrt(alpha_bar(BETAS, 2))
    if measure(q, 2).slack < 1e-4 and not (result - noised(q, 0, 2)).allclose(kept * image, atol=1e-3):
        raise Mistake("the image is not only faded, its numbers move or mix", "Is x multiplied by a single number?")


def judge_forward(q: Callable, mistakes: list) -> str:
    for device in ["cpu", "cuda"][: 1 + t.cuda.is_available()]:
        judge_form(q, device)
    judge_noise(q)
    judge_levels(q, mistakes)
    judge_image(q)
    return "what is left of the image, noise level, both ends, input untouched"


@check("1.3")
def check_q_eq2(answer: Callable) -> str:
    return judge_forward(answer, EQ2_MISTAKES)


@check("1.4")
def check_q_eq4(answer: Callable) -> str:
    return judge_forward(answer, EQ4_MISTAKES)
