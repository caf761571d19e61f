"""The check of 1.3 q_eq2, and what 1.4 q_eq4 has to do as well.

Noising is linear in the image, so two numbers describe it: the share of the image that is kept, and the standard
deviation of the noise. Every mistake below is a function (betas, n) -> (kept, noise).
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt

import torch as t

from solutions.part1_diffusion import linear_schedule
from tests.checking import (
    BETAS,
    Mistake,
    alpha_bar,
    apart,
    betas_for,
    check,
    elsewhere,
    expect_tensor,
    judge_gaussian,
    judge_independence,
    name_of,
    on_cuda,
    other_betas,
    recognise,
    seed_all,
    unchanged,
)

LARGE = (3, 128, 128)  # the noise level of so many numbers is known to 1 %


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
    ("You scale the noise by a variance, where a standard deviation belongs.", walk(keep, lambda b: b)),
    ("Where is the square root in front of the image?", walk(lambda b: 1 - b, sqrt)),
    ("Where are the two square roots?", walk(lambda b: 1 - b, lambda b: b)),
    ("You swap the two factors.", walk(sqrt, keep)),
    ("You give the noise the image's factor.", walk(keep, keep)),
    ("Where does each step fade the image?", walk(lambda b: 1, sqrt)),
    ("You give x back as it came.", lambda betas, n: (1, 0)),
    ("You fade the noise of the same step, too.", walk(keep, lambda b: keep(b) * sqrt(b))),
    ("Where does each step add noise? On an image of zeros there is none.", walk(keep, lambda b: 0)),
    ("Where is the noise scaled by its step?", walk(keep, lambda b: 1)),
    ("You take the root of β alone. It covers all of 1 - β.", walk(lambda b: 1 - sqrt(b), sqrt)),
    ("You square β. A standard deviation is a variance's root.", walk(keep, lambda b: b**2)),
    ("You take x ** 1/2 for a root. It is (x ** 1) / 2.", walk(lambda b: (1 - b) / 2, lambda b: b / 2)),
    ("You take one step too many.", walk(keep, sqrt, lambda betas, n: betas[: n + 1])),
    ("You take one step too few.", walk(keep, sqrt, lambda betas, n: betas[: n - 1])),
    ("You leave the first step out. At which index is β₁?", walk(keep, sqrt, lambda betas, n: betas[1:n])),
    (
        "You look all steps up one index late. At which index is β₁?",
        walk(keep, sqrt, lambda betas, n: betas[1 : n + 1]),
    ),
    ("You let the whole schedule act every time. Where is num_steps?", walk(keep, sqrt, lambda betas, n: betas)),
    ("You use a schedule of your own. Where is betas?", walk(keep, sqrt, own_schedule(200))),
    ("You use a schedule of your own. Where is betas?", walk(keep, sqrt, own_schedule(1000))),
    ("You use a schedule of your own. Where is betas?", walk(keep, sqrt, own_schedule(len(BETAS)))),
    (
        "You return inside the loop, so only the first step acts.",
        walk(keep, sqrt, lambda betas, n: betas[:1]),
    ),
    ("You use a schedule of your own. Where is betas?", walk(keep, sqrt, paper_schedule)),
    ("You use the first β in every step.", walk(keep, sqrt, lambda betas, n: betas[:1] * n)),
    ("You use the last β in every step.", walk(keep, sqrt, lambda betas, n: betas[n - 1 : n] * n)),
    (
        "You start every step from x itself, so only the last one shows.",
        walk(keep, sqrt, lambda betas, n: [betas[n - 1]]),
    ),
    ("You read the schedule from its end.", walk(keep, sqrt, lambda betas, n: betas[-n:])),
    ("You draw the noise once and use it in every step.", same_noise),
    ("You add noise in the last step only.", lambda betas, n: (sqrt(alpha_bar(betas, n)), sqrt(betas[n - 1]))),
    ("You use ᾱ inside the loop. One step knows only its own β.", alpha_bar_in_loop),
    ("You swap the two factors. And where are the square roots?", walk(lambda b: b, lambda b: 1 - b)),
    ("You give the image the factor of the noise.", walk(sqrt, sqrt)),
    ("Where are the image and the noise scaled?", walk(lambda b: 1, lambda b: 1)),
    ("You scale the noise by a variance. And where does the image fade?", walk(lambda b: 1, lambda b: b)),
    ("You add each step's noise twice.", walk(keep, lambda b: 2 * sqrt(b))),
    ("You add each step's noise twice.", walk(keep, lambda b: sqrt(2 * b))),
    ("You add β to 1. What a step keeps is 1 - β.", walk(lambda b: sqrt(1 + b), sqrt)),
    ("You use the same β in every step, one index late.", walk(keep, sqrt, lambda betas, n: betas[n : n + 1] * n)),
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
        return abs(self.kept - kept) < 0.0002 + self.slack and abs(self.noise - noise) < 0.001 + 0.03 * noise


def call(q: Callable, x: t.Tensor, n: int, betas: list[float] = BETAS) -> object:
    """q(x, n, betas). An error of its own gets a note that says what it was called with."""
    try:
        return q(x, n, t.tensor(betas, dtype=t.float32, device=x.device))
    except Exception as error:
        if not isinstance(error, NotImplementedError) and type(error).__module__ == "builtins":
            error.add_note(f"The check called it with x of shape {tuple(x.shape)}, num_steps={n}, betas={betas}.")
            if isinstance(error, RuntimeError):
                error.add_note("The noise has the shape of x, and each factor in front of the two is a single number.")
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


def judge_result(q: Callable, device: str) -> None:
    """A small image: what comes back, and what is left untouched."""
    x, betas = t.rand(3, 5, 6, dtype=t.float32, device=device), betas_for(device)
    with unchanged(x=x, betas=betas):
        expect_tensor(call(q, x, 2), (3, 5, 6), "with a (3, 5, 6) image, it", device)
        q(x, 2, betas)


def judge_noise(q: Callable) -> None:
    """The noise alone, after one step on a grey image: one draw for each number, Gaussian, new each time."""
    noise = noised(q, 0, 1)
    if noise.abs().max() < 1e-6:
        return  # no noise at all after one step: the levels tell which mistake that is
    mean, std = noise.mean().item(), noise.std().item()
    again = call(q, t.zeros(LARGE, dtype=t.float32), 1)
    if noise.equal(again) and std < 1e-6:
        raise Mistake(f"every number gets the same {mean:.3f} added, in each call", "Where is anything random?")
    if noise.equal(again):
        raise Mistake("two calls give the same noise", "You set a seed inside, or make the noise outside.")
    judge_independence(noise, ["channel", "row", "column"])
    for made, question in [
        (0.5, "You bring it to [0, 1]. All computation stays in [-1, 1]."),
        (-sqrt(1 - BETAS[0]), "You normalise x once more. It is in [-1, 1] already."),
    ]:
        if abs(mean - made) < 0.01:
            raise Mistake(f"after 1 step an image of zeros has mean {mean:.3f}, expected 0", question)
    if noised(q, 0, 2).abs().max() == 1:
        raise Mistake(
            "no number is larger than 1", "You clamp or rescale the result. A noised image may leave [-1, 1]."
        )
    judge_gaussian(noise, "after 1 step an image of zeros")


def tell_steps(kept: dict[int, float], noise: dict[int, float]) -> str:
    """What one step does to the image, or else how large its β is, where that is wrong."""
    fades = {n: share / kept.get(n - 1, 1.0) if kept.get(n - 1, 1.0) else 0.0 for n, share in kept.items()}
    if all(abs(kept[n] ** 2 + noise[n] ** 2 - 1) < 0.02 for n in kept):
        betas = {n: 1 - fade**2 for n, fade in fades.items()}
        return tell_taken(betas, "β") if min(betas.values()) > -1e-3 else ""
    name = name_of(fades)
    if name == "√α":
        return "You give the noise another factor. The image's is right."
    return f"You multiply the image by {name} in each step." if name else ""


def tell_taken(values: dict[int, float], right: str) -> str:
    """What has been taken for one quantity, by timestep."""
    if name := name_of(values):
        return f"You take {name} for {right}."
    return f"You make other numbers for {right}: {', '.join(f'{v:.3g} at timestep {n}' for n, v in values.items())}."


def tell_multiplied(image: str, noise: str) -> str:
    """Which factors image and noise have, by name, where one of them at least has a name."""
    said = [f"the image by {image or 'another factor'}"] * (image != "√ᾱ")
    said += [f"the noise by {noise or 'another factor'}"] * (noise != "√(1 - ᾱ)")
    return f"You multiply {', and '.join(said)}." if image or noise else ""


def judge_levels(q: Callable, mistakes: list, tell: Callable[[dict, dict], str]) -> None:
    """What is left of the image and how much noise is on it, after each number of steps.
    tell: what to say of both, by timestep, where no row fits"""
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
                raise Mistake(facts, "You add more than noise.")
        return
    question = recognise(mistakes, lambda mistake: all(levels.fits(mistake(BETAS, levels.n)) for levels in measured))
    kept, noise = right(BETAS, wrong.n)
    facts = []
    if not wrong.fits((kept, wrong.noise)):
        facts.append(is_left(wrong.kept, kept))
    if not wrong.fits((wrong.kept, noise)):
        facts.append(f"the noise has std {apart(wrong.noise, noise)}")
    if not question and all(abs(noised(q, value, wrong.n).std() - 1) < 1e-3 for value in (0, 1)):
        question = "You divide by the standard deviation. The two factors take care of it."
    if not question and all(levels.slack < 1e-4 for levels in measured):
        question = tell({each.n: each.kept for each in measured}, {each.n: each.noise for each in measured})
    near = all(abs(each.kept / right(BETAS, each.n)[0] - 1) < 0.01 for each in measured)
    if near and wrong.fits((wrong.kept, noise)):
        question = "You round, or compute in half precision."
    steps = f"after {wrong.n} step{'s'[: wrong.n > 1]}"
    raise Mistake(f"{steps}\n{', and '.join(facts)}", question, given=f"with betas {BETAS}")


def is_left(kept: float, expected: float) -> str:
    value, right = apart(kept, expected).split(", expected ")
    return f"{value} of the image is left, expected {right}"


def judge_image(q: Callable) -> None:
    """Every number of the image stays in its place."""
    image = t.rand(LARGE, dtype=t.float32)
    seed_all(t.initial_seed())
    result, kept = call(q, image.clone(), 2), sqrt(alpha_bar(BETAS, 2))
    if measure(q, 2).slack < 1e-4 and not (result - noised(q, 0, 2)).allclose(kept * image, atol=1e-3):
        raise Mistake(
            "the image is not only faded, its numbers move or mix", "You do more to x than multiply it by a number."
        )


def judge_other_sizes(q: Callable) -> None:
    """Grey images and single pixels keep their axes, and another schedule is as right as BETAS."""
    for shape in [(1, 5, 1), (3, 5, 6)]:
        expect_tensor(call(q, t.rand(shape), 2), shape, f"with a {shape} image, it")
    betas = [round(beta, 3) for beta in other_betas()]
    for n in (5, len(betas)):
        seed_all(t.initial_seed())
        white = call(q, t.ones(LARGE), n, betas)
        seed_all(t.initial_seed())
        kept, expected = (white - call(q, t.zeros(LARGE), n, betas)).mean().item(), sqrt(alpha_bar(betas, n))
        if abs(kept - expected) > 0.0002 + (0.03 if measure(q, 1).slack > 1e-4 else 0):
            facts = f"it is right with betas {BETAS}, but with {betas},\nafter {n} steps {is_left(kept, expected)}"
            raise Mistake(facts, "You write out what belongs to one schedule. Where is betas?")


def judge_forward_device(q: Callable) -> None:
    facts, x = "with x on another device, tensors of two devices meet", t.ones(3, 5, 6, device="meta")
    question = "You draw the noise on the CPU. Where is x?"
    result = elsewhere(lambda: q(x, 2, betas_for("meta")), facts, question)
    if isinstance(result, t.Tensor) and not result.is_meta:
        raise Mistake("with x on another device, it returns a tensor on the CPU", "You bring something to the CPU.")
    on_cuda(lambda device: judge_result(q, device), facts, question)


def judge_forward(q: Callable, mistakes: list, tell: Callable[[dict, dict], str]) -> str:
    judge_result(q, "cpu")
    judge_noise(q)
    judge_levels(q, mistakes, tell)
    judge_image(q)
    judge_other_sizes(q)
    judge_forward_device(q)
    return "what is left of the image, noise level, both ends, input untouched"


def judge_draws(q: Callable, once: bool) -> None:
    """Under one seed, one draw gives the same noise after any number of steps, only stronger; a walk does not."""
    if measure(q, 1).slack > 1e-4:
        return  # it takes no seed, so that nothing can be compared
    early, late = noised(q, 0, 1), noised(q, 0, len(BETAS))
    same = t.corrcoef(t.stack([early.flatten(), late.flatten()]))[0, 1].abs() > 0.999
    if once and not same:
        raise Mistake("it is right, but draws noise more than once", "You still loop over the steps, or call q_eq2.")
    if same and not once:
        raise Mistake(
            "it is right, but draws noise only once", "You jump, as in Equation 4. Equation 2 walks step by step."
        )


@check("1.3", mistakes=EQ2_MISTAKES)
def check_q_eq2(answer: Callable) -> str:
    covered = judge_forward(answer, EQ2_MISTAKES, tell_steps)
    judge_draws(answer, once=False)
    return covered
