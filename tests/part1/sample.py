"""The check of 1.13 sample.

Under one seed, models that answer 0, or 1 at certain counts only, are sampled from. What one answer changes in the
images that follow gives every factor of line 4 exactly; what is left over is the noise it adds.
"""

from collections.abc import Callable
from functools import partial
from math import prod, sqrt

import torch as t

from solutions.part1_diffusion import linear_schedule
from tests.checking import (
    BETAS,
    Mistake,
    Recording,
    alpha_bar,
    apart,
    careful,
    check,
    elsewhere,
    expect_tensor,
    judge_gaussian,
    judge_independence,
    kind,
    name_of,
    other_betas,
    recognise,
    schedule_for,
    schedule_of,
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


WORDS = {"guess": "the guess is subtracted", "x": "x enters", "z": "noise is added"}
COUNT_MISTAKES = [
    ("You go from the first timestep to the last. The path back begins with the last.", lambda T: range(1, T + 1)),
    ("You go from 0 up. The path back goes from T down to 1.", lambda T: range(T)),
    ("You tell the model indices, from 0. It knows timesteps, from 1.", lambda T: range(T - 1, -1, -1)),
    ("You leave the first step out.", lambda T: range(T - 1, 0, -1)),
    ("You leave the last step out: range stops before its end.", lambda T: range(T, 1, -1)),
    ("You tell the model T in every step. Where is the loop's timestep?", lambda T: [T] * T),
    ("You take one step only, or return inside the loop, or ask the model before it.", lambda T: [T]),
    ("You scale the timesteps. That is left to the model.", lambda T: [n / T for n in range(T, 0, -1)]),
    ("You skip every second timestep.", lambda T: range(T, 0, -2)),
    ("You take one step more at the end.", lambda T: [*range(T, 0, -1), 1]),
    ("You ask the model twice in each step.", lambda T: [n for n in range(T, 0, -1) for _ in range(2)]),
    ("You write the number of steps out. Where is len(schedule)?", lambda T: range(1000, 0, -1)),
    ("You write the number of steps out. Where is len(schedule)?", lambda T: range(200, 0, -1)),
]
OWN_SCHEDULE = "You look another schedule up than the model's."


def of_own_schedule(name: str, length: int) -> Callable:
    """A factor of line 4, looked up in a linear schedule made anew."""

    def factor(b: list[float], n: int) -> float:
        return LINE4[name](linear_schedule(length or len(b)).tolist(), n)

    return factor


def at_some(with_noise: Callable) -> Callable:
    """σ at some timesteps n of T alone."""
    return lambda b, n: sqrt(b[n - 1]) if with_noise(n, len(b)) else 0.0


FACTOR_MISTAKES = {
    "x": [
        ("Where is everything divided by √α?", lambda b, n: 1.0),
        ("You divide by α. Where is its root?", lambda b, n: 1 / (1 - b[n - 1])),
        ("You divide by √ᾱ. One step takes back one fading.", lambda b, n: 1 / sqrt(alpha_bar(b, n))),
        ("You multiply by √α, where you should divide.", lambda b, n: sqrt(1 - b[n - 1])),
        (OWN_SCHEDULE, of_own_schedule("x", 0)),
    ],
    "guess": [
        (OWN_SCHEDULE, of_own_schedule("guess", 0)),
        (OWN_SCHEDULE, of_own_schedule("guess", 200)),
        (
            "You take all noise away, as reconstruct does, and undo one more fading.",
            lambda b, n: sqrt(1 - alpha_bar(b, n)) / sqrt(alpha_bar(b, n)) / sqrt(1 - b[n - 1]),
        ),
        (
            "You take √(1 - ᾱ) of the step before.",
            lambda b, n: b[n - 1] / sqrt(1 - before(b, n)) / sqrt(1 - b[n - 1]) if n > 1 else LINE4["guess"](b, 1),
        ),
        ("You subtract the guess twice.", lambda b, n: 2 * LINE4["guess"](b, n)),
        ("You divide x alone by √α. Mind the parentheses.", lambda b, n: b[n - 1] / sqrt(1 - alpha_bar(b, n))),
        (
            "You put the root of β in front of the guess, where β belongs.",
            lambda b, n: LINE4["guess"](b, n) / sqrt(b[n - 1]),
        ),
        ("You divide by 1 - ᾱ. Where is its root?", lambda b, n: LINE4["guess"](b, n) / sqrt(1 - alpha_bar(b, n))),
        ("Where is β divided by √(1 - ᾱ)?", lambda b, n: LINE4["guess"](b, n) * sqrt(1 - alpha_bar(b, n))),
        (
            "You subtract √β times the guess, or divide by √(1 - α), with α for ᾱ.",
            lambda b, n: sqrt(b[n - 1]) / sqrt(1 - b[n - 1]),
        ),
        ("You add the guess. It is noise, to be taken away.", lambda b, n: -LINE4["guess"](b, n)),
        ("You take all noise away at once.", lambda b, n: sqrt(1 - alpha_bar(b, n)) / sqrt(1 - b[n - 1])),
        (
            "You take all noise away, as reconstruct does. Line 4 takes back one step only.",
            lambda b, n: sqrt(1 - alpha_bar(b, n)) / sqrt(alpha_bar(b, n)),
        ),
        (
            "You take DDIM's step. Algorithm 2 has another factor.",
            lambda b, n: sqrt(1 - alpha_bar(b, n)) / sqrt(1 - b[n - 1]) - sqrt(1 - before(b, n)),
        ),
        (
            "You put α in front of the guess. The paper writes 1 - α.",
            lambda b, n: (1 - b[n - 1]) / sqrt(1 - alpha_bar(b, n)) / sqrt(1 - b[n - 1]),
        ),
        ("You turn the fraction upside down.", lambda b, n: sqrt(1 - alpha_bar(b, n)) / b[n - 1] / sqrt(1 - b[n - 1])),
        (
            "You divide the guess by α. Where is its root?",
            lambda b, n: b[n - 1] / sqrt(1 - alpha_bar(b, n)) / (1 - b[n - 1]),
        ),
        (
            "You multiply by √α, where you should divide.",
            lambda b, n: b[n - 1] / sqrt(1 - alpha_bar(b, n)) * sqrt(1 - b[n - 1]),
        ),
        (
            "You put √ᾱ in the denominator. It is √(1 - ᾱ).",
            lambda b, n: b[n - 1] / sqrt(alpha_bar(b, n) * (1 - b[n - 1])),
        ),
        ("You divide everything by √ᾱ. One step takes back one fading.", lambda b, n: over_all(b, n)),
        ("You subtract the guess as it is. Where is its factor?", lambda b, n: 1 / sqrt(1 - b[n - 1])),
        ("You subtract the guess as it is. Where is its factor?", lambda b, n: 1.0),
        ("You subtract the guess times √β, the noise of one step.", lambda b, n: sqrt(b[n - 1])),
        ("Where is the guess used?", lambda b, n: 0.0),
        (
            "You take β of the step before.",
            lambda b, n: LINE4["guess"](b, n) / b[n - 1] * b[max(n - 2, 0)],
        ),
    ],
    "z": [
        (OWN_SCHEDULE, of_own_schedule("z", 0)),
        ("You add noise twice.", lambda b, n: 2 * sqrt(b[n - 1]) if n > 1 else 0.0),
        ("You add noise twice.", lambda b, n: sqrt(2 * b[n - 1]) if n > 1 else 0.0),
        ("You take the root of the root of β.", lambda b, n: b[n - 1] ** 0.25 if n > 1 else 0.0),
        ("You add noise in the last step. Nothing cleans up after it.", lambda b, n: sqrt(b[n - 1])),
        ("You scale the noise by β. That is a variance.", lambda b, n: b[n - 1] if n > 1 else 0.0),
        ("Where is noise added?", lambda b, n: 0.0),
        (
            "You scale the noise by β̃, a variance. Where is its root?",
            lambda b, n: other_sigma(b, n) ** 2 if n > 1 else 0.0,
        ),
        (
            "You take β̃ without its denominator. Where is 1 - ᾱ?",
            lambda b, n: other_sigma(b, n) * sqrt(1 - alpha_bar(b, n)) if n > 1 else 0.0,
        ),
        ("You divide the noise by √α, too.", lambda b, n: sqrt(b[n - 1] / (1 - b[n - 1])) if n > 1 else 0.0),
        (
            "You give the first step no noise. It is the last that gets none.",
            lambda b, n: sqrt(b[n - 1]) if n < len(b) else 0.0,
        ),
        ("You scale the noise by √α. It is √β.", lambda b, n: sqrt(1 - b[n - 1]) if n > 1 else 0.0),
        ("You scale the noise by √ᾱ. It is √β.", lambda b, n: sqrt(alpha_bar(b, n)) if n > 1 else 0.0),
        (
            "You take 1 - ᾱ of the step before for σ². The text takes β.",
            lambda b, n: sqrt(1 - before(b, n)) if n > 1 else 0.0,
        ),
        ("You leave out the noise of the last two steps. Timestep 1 alone gets none.", at_some(lambda n, T: n > 2)),
        ("You add noise in the first step alone.", at_some(lambda n, T: n == T)),
        ("You turn it round: noise in the last step alone, where there should be none.", at_some(lambda n, T: n == 1)),
        (
            "You take the root of β̃'s fraction alone. β stands under it, too.",
            lambda b, n: other_sigma(b, n) * sqrt(b[n - 1]) if n > 1 else 0.0,
        ),
        (
            "You turn β̃'s fraction upside down.",
            lambda b, n: b[n - 1] / other_sigma(b, n) if n > 1 else 0.0,
        ),
        ("You take β of the step before for σ².", lambda b, n: sqrt(b[n - 2]) if n > 1 else 0.0),
        ("Where is the noise scaled by σ?", lambda b, n: 1.0 if n > 1 else 0.0),
        ("You take 1 - ᾱ for σ². The text takes β.", lambda b, n: sqrt(1 - alpha_bar(b, n)) if n > 1 else 0.0),
    ],
}


class Painter(Recording):
    """A model that answers 1 at some timesteps and 0 at all others. n_samples: how many it has to be shown, if known"""

    img_shape = (3, 2, 5)
    where = "You make them on another device. The schedule knows its own."

    def __init__(
        self, ones: tuple[int, ...] = (), device: str = "cpu", n_samples: int = 0, betas: list[float] = BETAS
    ) -> None:
        super().__init__(schedule_for(device) if betas is BETAS else schedule_of(betas), device)
        self.ones, self.n_samples = ones, n_samples

    def refuse(self, images: object, num_steps: object) -> None:
        if isinstance(num_steps, t.Tensor) and num_steps.ndim == 4:
            raise Mistake("the model gets the timesteps first, expected images, num_steps", "You swap the two.")
        if not isinstance(images, t.Tensor) or images.shape[1:] != self.img_shape:
            facts = f"the model is shown {kind(images)}, expected (n_samples, {', '.join(map(str, self.img_shape))})"
            raise Mistake(facts, "You give x_T another shape.")
        if self.n_samples and len(images) != self.n_samples:
            shown = f"{len(images)} image{'s'[: len(images) != 1]}"
            facts = f"the model is shown {shown}, expected all {self.n_samples} at once"
            raise Mistake(facts, "You show it some of the samples. All go through the steps together.")
        if not isinstance(num_steps, t.Tensor) or num_steps.shape != images.shape[:1]:
            facts = f"the model gets {kind(num_steps)} as num_steps"
            raise Mistake(f"{facts},\nexpected shape ({len(images)},)", "Where does each image get the timestep?")

    def answer(self, images: t.Tensor, num_steps: t.Tensor) -> t.Tensor:
        if num_steps.unique().numel() > 1:
            raise Mistake(
                "the images of one step get different timesteps",
                "You draw timesteps at random. All samples go through the steps together.",
            )
        self.remember(images, num_steps)
        return t.full_like(images, float(self.counts[-1] in self.ones)) + self.weight


def way_of(answer: Callable, *ones: int, n_samples: int = 2000) -> tuple[list[t.Tensor], Painter]:
    """All images from x_T to x_0, under the same seed, for a model that answers 1 at these timesteps."""
    model, seed = Painter(ones, n_samples=n_samples), t.initial_seed()
    seed_all(seed)
    try:
        result = careful(answer)(model, n_samples)
    except (ValueError, IndexError) as error:
        T = len(BETAS)
        note = "Which timesteps does the loop go through? The first is T, the last is 1."
        if model.counts and model.counts == list(range(T, T - len(model.counts), -1)) and "num_steps" in str(error):
            note = "The model gets the right timesteps, but the schedule is asked for another one."
            if len(model.counts) == T:
                note = "The model has had all timesteps: the loop goes on beyond 1, or you subtract 1 from it."
        error.add_note(note)
        raise
    finally:
        seed_all(seed)  # an answer may have set another
    if isinstance(result, t.Tensor) and result.requires_grad:
        raise Mistake("the samples carry a graph for gradients", "Where are gradients turned off, by no_grad?")
    expect_tensor(result, (n_samples, *Painter.img_shape), f"sample(model, {n_samples})")
    return [*model.shown, result], model


@check("1.13", mistakes=[*COUNT_MISTAKES, *(row for rows in FACTOR_MISTAKES.values() for row in rows)])
def check_sample(answer: Callable) -> str:
    T = len(BETAS)
    plain, model = way_of(answer)
    if not model.counts:
        raise Mistake("the model is never called", "Where is the loop over the timesteps?")
    if model.counts != list(range(T, 0, -1)):
        few = ", ".join(f"{n:.3g}" for n in model.counts[: 2 * T]) + ", ..." * (len(model.counts) > 2 * T)
        facts = f"the model sees the timesteps [{few}], expected {list(range(T, 0, -1))}"
        raise Mistake(facts, recognise(COUNT_MISTAKES, lambda counts: model.counts == list(counts(T))))
    if isinstance(model.counts[0], float):
        raise Mistake(
            "the model gets timesteps that are not whole numbers in type, as 4.0", "You make floats of the timesteps."
        )
    judge_start(plain[0])
    judge_end(answer)
    if all(x.abs().max() <= 1 for x in plain[1:]):
        raise Mistake("after the first step, no number leaves [-1, 1]", "You clamp x in every step.")
    if plain[-1].min() >= 0:
        question = "You bring them to [0, 1]. That is done to look at them."
        raise Mistake("no number of the samples is negative", question)
    judge_factors(answer, plain)
    judge_seeds(answer, plain)
    judge_steps(answer)
    judge_other_sizes(answer)
    facts = "with a model on another device, tensors of two devices meet"
    question = "You make something on the CPU. Where is schedule.device?"
    result = elsewhere(lambda: answer(Painter(device="meta"), 3), facts, question)
    if isinstance(result, t.Tensor) and not result.is_meta:
        raise Mistake("with a model on another device, the samples are on the CPU", question)
    return "timesteps from T to 1, every factor of line 4, fresh noise in all steps but the last, all steps returned"


def judge_start(x: t.Tensor) -> None:
    if not x.any():
        raise Mistake("the first images are all zeros", "Where is x_T drawn?")
    if x.std(dim=0).max() < 1e-6:
        raise Mistake(
            "all samples begin with the same noise", "You draw once for all. Each sample begins with its own."
        )
    judge_independence(x, ["sample", "channel", "row", "column"])
    mean, std = x.mean().item(), x.std().item()
    if abs(mean) > 0.05 or abs(std - 1) > 0.05:
        facts = f"the first images have mean {mean:.3f} and std {std:.3f}, expected 0 and 1"
        raise Mistake(facts, "You draw x_T from another distribution than N(0, I).")
    judge_gaussian(x, "x_T")


def judge_end(answer: Callable) -> None:
    """What is returned is none of the images on the way, which each guess of 1 changes."""
    way, _ = way_of(answer, *range(1, len(BETAS) + 1), n_samples=50)
    if all(x.equal(way[0]) for x in way[:-1]):
        raise Mistake(
            "the model is shown x_T in every step", "You show it the first images again. Where are the latest?"
        )
    for i, x in enumerate(way[:-1]):
        if way[-1].equal(x):
            n = len(BETAS) - i
            question = "You return x_T, with which the path begins." if i == 0 else "You return an image on the way."
            raise Mistake(f"what is returned is the image with {n} step{'s'[: n > 1]} left", question)


def judge_seeds(answer: Callable, plain: list[t.Tensor]) -> None:
    """Another call draws other noise, at the start and on the way."""
    again, seed, fading = Painter(), t.initial_seed(), LINE4["x"](BETAS, len(BETAS))
    seed_all(seed + 1)
    careful(answer)(again, len(plain[0]))
    seed_all(seed)
    drawn = [(x, after - fading * x) for x, after in (plain[:2], again.shown[:2])]
    for name, then, now in zip(("x_T", "z"), *drawn, strict=True):
        if now.allclose(then, atol=1e-4):
            raise Mistake(f"two calls draw the same {name}", "You set a seed inside.")


def judge_other_sizes(answer: Callable) -> None:
    """A single grey image keeps its axes, and another schedule is walked through as well."""

    class Grey(Painter):
        img_shape = (1, 4, 4)

    for all_steps in (False, True):
        result = careful(answer)(Grey(), 1, return_all_steps=all_steps)
        call = f"for one grey image, sample(model, 1{', return_all_steps=True' * all_steps})"
        for entry in result if all_steps else [result]:
            expect_tensor(entry, (1, 1, 4, 4), f"as an entry, {call}" if all_steps else call)
    betas = [round(beta, 3) for beta in other_betas()]
    T, ends = len(betas), []
    for ones in [(), (T,)]:
        model = Painter(ones, betas=betas)
        seed_all(t.initial_seed())
        ends.append(careful(answer)(model, 200))
        if model.counts != list(range(T, 0, -1)):
            facts = f"with T={T}, the model sees the timesteps {model.counts}, expected {list(range(T, 0, -1))}"
            raise Mistake(facts, "You write the number of steps out. Where is len(schedule)?")
    inside = (t.stack(ends).abs() < 1 if t.stack(ends).abs().max() <= 1 else t.stack(ends).isfinite()).all(dim=0)
    change = (ends[1] - ends[0])[inside].mean().item()
    expected = -LINE4["guess"](betas, T) * prod(LINE4["x"](betas, n) for n in range(1, T))
    if abs(change - expected) > 0.01 * abs(expected) + 1e-3:
        facts = f"it is right with betas {BETAS}, but with {betas}\na guess of 1 at timestep {T} changes x_0 by"
        raise Mistake(f"{facts} {apart(change, expected)}", "You write factors out, or look another schedule up.")


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
    counts, places = list(range(T, 0, -1)), ["guess", "x", "z"]
    found = {name: dict(zip(counts[name == "x" :], values, strict=True)) for name, values in measured.items()}
    factor = [value * LINE4["x"](BETAS, n) for n, value in found["guess"].items()]
    if all(abs(v - 1) < 0.002 for v in measured["x"]) and all_close(
        factor, [(BETAS, n) for n in counts], 0.002, LINE4["guess"]
    ):
        places.sort(key="x".__ne__)  # nothing is divided, neither x nor the guess
    for name in places:
        values, at, words = measured[name], [*found[name]], WORDS[name]
        if not all(v == v for v in values):
            continue  # x cannot be told, as no guess has any effect; the guess has been judged
        if name == "z":
            judge_draw(leftover[0])
        rights = [LINE4[name]] + ([lambda b, n: other_sigma(b, n) if n > 1 else 0.0] if name == "z" else [])
        fits = partial(all_close, values, [(BETAS, n) for n in at], 0.04 if name == "z" else 0.002)
        if any(fits(right) for right in rights):
            continue
        question = recognise(FACTOR_MISTAKES[name], fits) or tell_lookup(name, found[name])
        question = question or (tell_noise(found["z"]) if name == "z" else tell_line4(found["guess"], found["x"]))
        if clamps_on_the_way(*plain[:2]):
            question = "You clamp the clean image on the way. Algorithm 2 does not guess it."
        gaps = [(abs(v - LINE4[name](BETAS, n)) - 0.04 * abs(v), n) for v, n in zip(values, at, strict=True)]
        wrong = next((n for gap, n in gaps if gap > 0.002), max(gaps)[1])
        facts = f"at timestep {wrong}\n{words} with factor {apart(values[at.index(wrong)], LINE4[name](BETAS, wrong))}"
        raise Mistake(facts, question, given=f"with betas {BETAS}")
    for earlier, later in [(leftover[0], leftover[1]), (plain[0], leftover[0])]:
        if abs((earlier * later).mean() / (earlier.std() * later.std())) > 0.1:
            raise Mistake("two steps add the same noise", "You draw z once. Each step draws its own.")


def tell_lookup(name: str, found: dict[int, float]) -> str:
    """Which timesteps a factor has been looked up at, where that explains it."""
    slack, asked = 0.04 if name == "z" else 0.002, [n for n in found if name != "z" or n > 1]
    rights = {n: LINE4[name](BETAS, n) if name != "z" else sqrt(BETAS[n - 1]) for n in range(1, len(BETAS) + 1)}
    taken = [next((n for n, v in rights.items() if abs(v - found[m]) < slack * v), 0) for m in asked]
    if not all(taken) or taken == asked:
        return ""
    return f"You look up timesteps {', '.join(map(str, taken))}, where the model is asked for {', '.join(map(str, asked))}."


def tell_line4(guess: dict[int, float], x: dict[int, float]) -> str:
    """What is subtracted and divided by, where that is wrong and has a name."""
    if not all(v == v and v for v in x.values()):
        return ""
    if max(x.values()) < 0:
        return "You subtract a multiple of x. Which of the two is subtracted, and which has a factor?"
    factor = {n: guess[n] / v for n, v in x.items()}
    subtracted, divisor = name_of(factor, slack=2e-3), name_of({n: 1 / v for n, v in x.items()}, slack=2e-3)
    said = [f"subtract {subtracted} times the guess"] * (subtracted not in ("", "β / √(1 - ᾱ)"))
    said += [f"divide by {divisor}"] * (divisor not in ("", "√α"))
    if said:
        return f"You {', and '.join(said)}."
    return "You subtract the guess with another factor. Division by √α is right." if divisor else ""


def tell_noise(z: dict[int, float]) -> str:
    """By which multiple of σ, or by what else, the noise is scaled."""
    shares = [v / sqrt(BETAS[n - 1]) for n, v in z.items() if n > 1]
    if z[1] < 0.002 and max(shares) < 1.04 * min(shares):
        return f"You scale the noise by {sum(shares) / len(shares):.1f} times √β."
    return ""


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
    if z.abs().max() < 1e-4:
        return
    if z.std(dim=0).max() < 1e-4:
        raise Mistake("all samples of a batch get the same noise", "You give z another shape than x's.")
    shared = [name for axis, name in enumerate(["channel", "row", "column"], 1) if z.std(dim=axis).max() < 1e-4]
    if shared:
        raise Mistake(f"in z, every {' and '.join(shared)} gets the same number", "You give z another shape than x's.")
    judge_gaussian(z, "the noise that the first step adds")


def judge_steps(answer: Callable) -> None:
    T, shape = len(BETAS), (3, *Painter.img_shape)
    model = Painter((1,))
    steps = answer(model, 3, return_all_steps=True)
    if isinstance(steps, t.Tensor) and steps.shape == shape:
        raise Mistake("with return_all_steps=True it returns the last images alone", "Where is return_all_steps used?")
    if not isinstance(steps, t.Tensor | list | tuple):
        facts = f"with return_all_steps=True it returns {kind(steps)}, expected a list of {T + 1} tensors"
        raise Mistake(facts, "Where is the list of all steps returned?")
    if len(steps) not in (T, T + 1):
        question = "Where is each x collected, once, the first one too?"
        raise Mistake(f"return_all_steps gives {len(steps)} entries for {T} steps, expected {T + 1}", question)
    for i, entry in enumerate(steps):
        if entry is None:
            raise Mistake(f"entry {i} of all steps is None", "You begin the list with None. Where is x_T?")
        expect_tensor(entry, shape, f"as entry {i} of all steps it")
    shown = model.shown[-len(steps) + 1 :]
    for i, (entry, seen) in enumerate(zip(steps, shown, strict=False)):
        if not entry.allclose(seen):
            question = "You list something else than the x of each step." if i else ""
            if i > 0 and all(entry.equal(model.shown[0]) for entry in steps[:-1]):
                question = "You list x_T again and again. Each entry is the x of its step."
            elif all(entry.equal(other) for other in steps):
                question = "You change one tensor in place, and list it many times."
            elif steps[-1].allclose(model.shown[0]) or steps[-1].allclose(model.shown[1]):
                question = "You turn the order round. It is noisy first, clean last."
            elif len(steps) == T and all(map(t.allclose, steps, model.shown)):
                question = "Where is the last image, x_0, in the list?"
            raise Mistake(f"entry {i} of all steps is not what the model was shown at that step", question)
    seed_all(t.initial_seed())
    ends = answer(Painter((1,)), 3), answer(Painter((1,)), 3)
    if ends[0].equal(ends[1]):
        raise Mistake("two calls give the same samples", "You set a seed inside.")
    seed_all(t.initial_seed())
    last = answer(Painter((1,)), 3, return_all_steps=True)[-1]
    if not last.clamp(-1, 1).allclose(ends[0].clamp(-1, 1), atol=1e-5):
        raise Mistake(
            "the last of all steps is not what is returned without them",
            "You end the list with another image than x_0.",
        )
