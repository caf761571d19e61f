"""The check of 1.13 sample.

Under one seed, models that answer 0, or 1 at certain counts only, are sampled from. What one answer changes in the
images that follow gives every factor of line 4 exactly; what is left over is the noise it adds.
"""

from collections.abc import Callable
from functools import partial
from math import sqrt

import torch as t

from tests.checking import (
    BETAS,
    Mistake,
    Recording,
    alpha_bar,
    careful,
    check,
    elsewhere,
    expect_tensor,
    judge_gaussian,
    judge_independence,
    kind,
    recognise,
    schedule_for,
    seed_all,
)

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


COUNT_MISTAKES = [
    ("Is it the way back, from the last count to the first?", lambda T: range(1, T + 1)),
    ("Is it the way back? And counts begin at 1.", lambda T: range(T)),
    ("Counts begin at 1, indices at 0. Which does the model know?", lambda T: range(T - 1, -1, -1)),
    ("Is the first step left out?", lambda T: range(T - 1, 0, -1)),
    ("Is the last step left out? range stops before its end.", lambda T: range(T, 1, -1)),
    ("Is the count of the step used?", lambda T: [T] * T),
    ("Is there one step only? Does the function return inside the loop?", lambda T: [T]),
    ("Are they scaled? That is left to the model.", lambda T: [n / T for n in range(T, 0, -1)]),
]
FACTOR_MISTAKES = {
    "x": [
        ("Is everything divided by √α?", lambda b, n: 1.0),
        ("Is it divided by α, without a root?", lambda b, n: 1 / (1 - b[n - 1])),
        ("Is it divided by √ᾱ? One step takes back one fading.", lambda b, n: 1 / sqrt(alpha_bar(b, n))),
        ("Is it multiplied by √α where it should be divided?", lambda b, n: sqrt(1 - b[n - 1])),
    ],
    "guess": [
        ("Is the guess divided by √α, too? Mind the parentheses.", lambda b, n: b[n - 1] / sqrt(1 - alpha_bar(b, n))),
        ("Is β in front of the guess, or its root?", lambda b, n: LINE4["guess"](b, n) / sqrt(b[n - 1])),
        ("Is 1 - ᾱ without a root?", lambda b, n: LINE4["guess"](b, n) / sqrt(1 - alpha_bar(b, n))),
        ("Is β divided by √(1 - ᾱ)?", lambda b, n: LINE4["guess"](b, n) * sqrt(1 - alpha_bar(b, n))),
        ("Is that √(1 - α), with α for ᾱ?", lambda b, n: sqrt(b[n - 1]) / sqrt(1 - b[n - 1])),
        ("Is the guess added? It is noise, to be taken away.", lambda b, n: -LINE4["guess"](b, n)),
        ("Is all noise taken away at once?", lambda b, n: sqrt(1 - alpha_bar(b, n)) / sqrt(1 - b[n - 1])),
        (
            "Is that reconstruct? Line 4 takes back one step only.",
            lambda b, n: sqrt(1 - alpha_bar(b, n)) / sqrt(alpha_bar(b, n)),
        ),
        (
            "Is that the step of DDIM? Algorithm 2 has another factor.",
            lambda b, n: sqrt(1 - alpha_bar(b, n)) / sqrt(1 - b[n - 1]) - sqrt(1 - before(b, n)),
        ),
        (
            "Is α in front of the guess? The paper writes 1 - α.",
            lambda b, n: (1 - b[n - 1]) / sqrt(1 - alpha_bar(b, n)) / sqrt(1 - b[n - 1]),
        ),
        ("Is the fraction upside down?", lambda b, n: sqrt(1 - alpha_bar(b, n)) / b[n - 1] / sqrt(1 - b[n - 1])),
        (
            "Is the guess divided by α, without a root?",
            lambda b, n: b[n - 1] / sqrt(1 - alpha_bar(b, n)) / (1 - b[n - 1]),
        ),
        (
            "Is it multiplied by √α where it should be divided?",
            lambda b, n: b[n - 1] / sqrt(1 - alpha_bar(b, n)) * sqrt(1 - b[n - 1]),
        ),
        ("Is √ᾱ in the denominator? It is √(1 - ᾱ).", lambda b, n: b[n - 1] / sqrt(alpha_bar(b, n) * (1 - b[n - 1]))),
        ("Is everything divided by √ᾱ? One step takes back one fading.", lambda b, n: over_all(b, n)),
        ("Is the guess subtracted as it is?", lambda b, n: 1 / sqrt(1 - b[n - 1])),
        ("Is the guess subtracted as it is?", lambda b, n: 1.0),
        ("Is that the step of one σ, the root of β?", lambda b, n: sqrt(b[n - 1])),
        ("Is the guess used?", lambda b, n: 0.0),
    ],
    "z": [
        ("Is noise added in the last step? Nothing cleans up after it.", lambda b, n: sqrt(b[n - 1])),
        ("Is the noise scaled by β? That is a variance.", lambda b, n: b[n - 1] if n > 1 else 0.0),
        ("Is noise added?", lambda b, n: 0.0),
        ("Is that β̃, a variance? Its root scales the noise.", lambda b, n: other_sigma(b, n) ** 2 if n > 1 else 0.0),
        (
            "Is that β̃ without its denominator, 1 - ᾱ?",
            lambda b, n: other_sigma(b, n) * sqrt(1 - alpha_bar(b, n)) if n > 1 else 0.0,
        ),
        ("Is the noise divided by √α, too?", lambda b, n: sqrt(b[n - 1] / (1 - b[n - 1])) if n > 1 else 0.0),
        ("Is it the first step that gets no noise, not the last?", lambda b, n: sqrt(b[n - 1]) if n < len(b) else 0.0),
        ("Is that √α? The noise is scaled by √β.", lambda b, n: sqrt(1 - b[n - 1]) if n > 1 else 0.0),
        ("Is that √ᾱ? The noise is scaled by √β.", lambda b, n: sqrt(alpha_bar(b, n)) if n > 1 else 0.0),
        ("Is σ² = 1 - ᾱ of the step before? The text takes β.", lambda b, n: sqrt(1 - before(b, n)) if n > 1 else 0.0),
        ("Is the noise scaled by σ?", lambda b, n: 1.0 if n > 1 else 0.0),
        ("Is σ² = 1 - ᾱ? The text takes β.", lambda b, n: sqrt(1 - alpha_bar(b, n)) if n > 1 else 0.0),
    ],
}


class Painter(Recording):
    """A model that answers 1 at some counts and 0 at all others."""

    img_shape = (3, 2, 5)
    where = "On which device are they made? The schedule knows its own."

    def __init__(self, ones: tuple[int, ...] = (), device: str = "cpu") -> None:
        super().__init__(schedule_for(device), device)
        self.ones = ones

    def refuse(self, images: object, num_steps: object) -> None:
        if not isinstance(images, t.Tensor) or images.shape[1:] != self.img_shape:
            facts = f"the model is shown {kind(images)}, expected (n_samples, {', '.join(map(str, self.img_shape))})"
            raise Mistake(facts, "Which shape has x_T?")
        if not isinstance(num_steps, t.Tensor) or num_steps.shape != images.shape[:1]:
            facts = f"the model gets {kind(num_steps)} as num_steps"
            raise Mistake(f"{facts},\nexpected shape ({len(images)},)", "Does each image get the count?")

    def answer(self, images: t.Tensor, num_steps: t.Tensor) -> t.Tensor:
        if num_steps.unique().numel() > 1:
            raise Mistake("the images of one step get different counts", "Do they all go through the steps together?")
        self.remember(images, num_steps)
        return t.full_like(images, float(self.counts[-1] in self.ones)) + self.weight


def way_of(answer: Callable, *ones: int, n_samples: int = 2000) -> tuple[list[t.Tensor], Painter]:
    """All images from x_T to x_0, under the same seed, for a model that answers 1 at these counts."""
    model = Painter(ones)
    seed_all(t.initial_seed())
    try:
        result = careful(answer)(model, n_samples)
    except (ValueError, IndexError) as error:
        error.add_note("1.13 sample: which counts does the loop go through? The first is T, the last is 1.")
        raise
    if isinstance(result, t.Tensor) and result.requires_grad:
        raise Mistake("the samples carry a graph for gradients", "Is there a no_grad?")
    expect_tensor(result, (n_samples, *Painter.img_shape), f"sample(model, {n_samples})")
    return [*model.shown, result], model


@check("1.13", mistakes=[*COUNT_MISTAKES, *(row for rows in FACTOR_MISTAKES.values() for row in rows)])
def check_sample(answer: Callable) -> str:
    T = len(BETAS)
    plain, model = way_of(answer)
    if not model.counts:
        raise Mistake("the model is never called", "Is there a loop over the counts?")
    if model.counts != list(range(T, 0, -1)):
        facts = f"the model sees the counts {[round(n, 2) for n in model.counts]}, expected {list(range(T, 0, -1))}"
        raise Mistake(facts, recognise(COUNT_MISTAKES, lambda counts: model.counts == list(counts(T))))
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
        question = recognise(FACTOR_MISTAKES[name], fits)
        if clamps_on_the_way(*plain[:2]):
            question = "Is the clean image clamped on the way? Algorithm 2 does not guess it."
        gaps = [(abs(v - LINE4[name](BETAS, n)) - 0.04 * abs(v), n) for v, n in zip(values, at, strict=True)]
        wrong = next((n for gap, n in gaps if gap > 0.002), max(gaps)[1])
        facts = f"at count {wrong}\n{words} with factor {values[at.index(wrong)]:.3f}"
        facts += f", expected {LINE4[name](BETAS, wrong):.3f}"
        raise Mistake(facts, question, given=f"with betas {BETAS}")
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
