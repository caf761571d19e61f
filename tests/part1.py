"""The checks of Part 1. Call one with your own function: tests.part1.check_q_eq4(q_eq4)

Each compares with a closed form. A list of mistakes holds, for each, the question to ask and the closed form of what
that mistake computes; the first that fits all that was measured is the diagnosis.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import prod, sqrt

import torch as t

from solutions.part1_diffusion import NoiseSchedule, linear_schedule
from tests.checking import Mistake, check, expect_tensor, kind, numbers, seed_all

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
        if not isinstance(error, NotImplementedError):
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
    return Levels(n, kept.mean().item(), grey.std().item(), 6 * kept.std().item() / sqrt(kept.numel()))


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
        num_steps, noise, noised = judge_triple(answer(img, schedule), img, device)
        if not img.equal(before):
            raise Mistake("it changes the images it is given", "Does a line write into img in place?")
    img, total = 2 * t.rand(4000, 2, 2, 3) - 1, len(BETAS)
    num_steps, noise, noised = judge_triple(answer(img, schedule_for()), img, "cpu")
    judge_counts(num_steps, total, total)
    judge_counts(judge_triple(answer(img, schedule_for(), 2), img, "cpu")[0], 2, total)
    if noise.equal(judge_triple(answer(img, schedule_for()), img, "cpu")[1]):
        raise Mistake("two calls give the same noise", "Is a seed set inside, or the noise made outside?")
    judge_independence(noise, ["image", "channel", "row", "column"])
    mean, std = noise.mean().item(), noise.std().item()
    if abs(std - 1) > 0.05 and abs(mean) < 0.05:
        raise Mistake(f"noise has std {std:.3f}, expected 1", "Is it the noise before scaling that is returned?")
    judge_gaussian(noise, "the noise")
    for _ in range(3):
        img = 2 * t.rand(BATCH) - 1
        num_steps, noise, noised = judge_triple(answer(img, schedule_for()), img, "cpu")
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
