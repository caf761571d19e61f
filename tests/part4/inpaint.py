"""The check of 4.6 inpaint.

The model remembers what it is shown, and its guess depends on the timestep alone. So between what it is shown at one
timestep and what it is shown at the next, all is known but the noise: how much of the image is in each number, how
strong the noise is on it, and what the step makes of the rest.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import torch as t

from solutions.part1_diffusion import NoiseSchedule
from tests.checking import (
    Mistake,
    Recording,
    careful,
    check,
    elsewhere,
    expect_tensor,
    kind,
    recognise,
    seed_all,
    unchanged,
)

BETAS = [0.1, 0.2, 0.3, 0.3, 0.4, 0.55, 0.75]  # √ᾱ of neighbours is far apart
COUNTS = {3: [7, 5, 2, 0], 7: [7, 6, 5, 4, 3, 2, 1, 0], 1: [7, 0]}  # by n_steps
N_IMAGES = 300
KEEP = t.arange(48).reshape(6, 8) % 8 < 3
KEEP[2, 6] = True  # so that it has no symmetry
SLACK = 0.04  # of a share or a std, measured on some ten thousand numbers


def bar(n: int) -> float:
    """ᾱ after n steps; 1 for n = 0."""
    return (1 - t.tensor(BETAS[:n], dtype=t.float64)).prod().item()


class Shown(Recording):
    """A model that guesses noise of its own, the same for each image."""

    img_shape = (3, 6, 8)

    def __init__(self, device: str = "cpu", img_shape: tuple[int, ...] = img_shape):
        super().__init__(NoiseSchedule(len(BETAS), device, t.tensor(BETAS, device=device)), device)
        self.img_shape = img_shape

    def refuse(self, images: object, num_steps: object) -> None:
        if not isinstance(images, t.Tensor) or images.shape[1:] != self.img_shape:
            facts = f"the model gets {kind(images)}, expected images (B, {', '.join(map(str, self.img_shape))})"
            raise Mistake(facts, "You give x a shape of your own. Where is that of the images?")
        if isinstance(num_steps, t.Tensor) and not num_steps.is_meta and (num_steps < 1).any():
            question = "You swap n and m. A step begins at n." if self.counts else "You go the way backwards."
            raise Mistake("the model is asked after 0 steps of noise", question)

    def answer(self, images: t.Tensor, num_steps: t.Tensor) -> t.Tensor:
        self.remember(images, num_steps)
        return self.guess(self.counts[-1]).expand_as(images) + self.weight

    def guess(self, n: int) -> t.Tensor:
        return 0.5 * t.randn(1, *self.img_shape, generator=t.Generator().manual_seed(10_000 + n))


def known_images(shape: tuple[int, ...]) -> t.Tensor:
    """Images whose pixels are 0.9 or -0.9, by chance."""
    return 0.9 * t.randn(shape).sign()


@dataclass
class Step:
    """One step, from x after n steps of noise to what came of it after m."""

    n: int
    m: int
    x: t.Tensor
    result: t.Tensor
    guess: t.Tensor

    def __post_init__(self) -> None:
        a, b = bar(self.n), bar(self.m)
        x0 = ((self.x - (1 - a) ** 0.5 * self.guess) / a**0.5).clamp(-1, 1)
        variance = (1 - b) / (1 - a) * (1 - a / b)
        noise = (self.x - a**0.5 * x0) / (1 - a) ** 0.5
        self.clean, self.noise = x0, noise
        self.mean = b**0.5 * x0 + max(1 - b - variance, 0) ** 0.5 * noise
        self.std = variance**0.5

    def taken(self, where: t.Tensor) -> bool:
        """Whether these numbers of the result are those of step_back."""
        rest = (self.result - self.mean)[where]
        return abs(rest.mean()) < SLACK and abs(rest.std() - self.std) < (SLACK if self.m else 1e-3)


def share_of(images: t.Tensor, x: t.Tensor, where: t.Tensor) -> tuple[float, float]:
    """How much of the images is in x, and the standard deviation of what else is, over some of the numbers."""
    image, value = images[where], x[where]
    share = (image @ value / (image @ image)).item()
    return share, (value - share * image).std().item()


NOISED_MISTAKES = [  # share of the image and std of the noise, where it should be noised to m and came from n
    ("You put it in without noise. What does the model expect at this timestep?", lambda n, m: (1, 0)),
    (
        "You noise it to n, where the step began. Where does the step lead?",
        lambda n, m: (bar(n) ** 0.5, (1 - bar(n)) ** 0.5),
    ),
    ("You noise it to one step too few.", lambda n, m: (bar(max(m - 1, 0)) ** 0.5, (1 - bar(max(m - 1, 0))) ** 0.5)),
    ("You noise it to one step too many.", lambda n, m: (bar(m + 1) ** 0.5, (1 - bar(m + 1)) ** 0.5)),
    ("You noise it to T each time.", lambda n, m: (bar(7) ** 0.5, (1 - bar(7)) ** 0.5)),
    ("You fade it. Where is its noise?", lambda n, m: (bar(m) ** 0.5, 0)),
    ("You add noise. Where does the image fade?", lambda n, m: (1, (1 - bar(m)) ** 0.5)),
    ("You add noise of variance 1. Where are the factors of Equation 4?", lambda n, m: (1, 1)),
    ("You swap the two factors of Equation 4.", lambda n, m: ((1 - bar(m)) ** 0.5, bar(m) ** 0.5)),
    ("You take ᾱ and 1 - ᾱ. Where are the roots of Equation 4?", lambda n, m: (bar(m), 1 - bar(m))),
    ("You take ᾱ for the image. Where is its root?", lambda n, m: (bar(m), (1 - bar(m)) ** 0.5)),
    ("You take 1 - ᾱ for the noise. Where is its root?", lambda n, m: (bar(m) ** 0.5, 1 - bar(m))),
]


def is_near(got: tuple[float, float], expected: tuple[float, float]) -> bool:
    return all(abs(one - other) < SLACK for one, other in zip(got, expected, strict=True))


def noised(n: int) -> tuple[float, float]:
    """Share and std of an image after n steps of noise."""
    return bar(n) ** 0.5, (1 - bar(n)) ** 0.5


def in_words(got: tuple[float, float]) -> str:
    return f"{got[0]:.2f} of the image and noise of std {got[1]:.2f}"


@check("4.6", mistakes=NOISED_MISTAKES)
def check_inpaint(answer: Callable) -> str:
    answer = careful(answer)
    judge_seed(lambda model, images: answer(model, images, KEEP, n_steps=3))
    for n_steps in (3, 7):
        judge_walk(answer, n_steps)
    judge_walk(answer, 1)
    judge_another_size(answer)
    judge_device(lambda model, images: answer(model, images, KEEP.to("meta"), n_steps=3))
    return "timesteps, the kept part noised to each of them, the rest drawn, the kept part itself at the end"


def judge_walk(answer: Callable, n_steps: int) -> None:
    model, images = Shown(), known_images((N_IMAGES, *Shown.img_shape))
    keep = KEEP.clone()
    with unchanged(images=images, keep=keep):
        result = answer(model, images, keep, n_steps=n_steps)
    judge_result(result, images, f"with n_steps={n_steps} it")
    judge_counts(model.counts, COUNTS[n_steps])
    kept = KEEP.expand(images.shape)
    steps = steps_of(model, result, COUNTS[n_steps])
    judge_begin(model.shown[0], images, kept, m=COUNTS[n_steps][1])
    judge_swapped(steps, images, kept)
    judge_kept(steps, images, kept)
    judge_end(steps[-1], images, kept)
    judge_steps(steps, images, ~kept, "what is not kept")


def judge_result(result: object, images: t.Tensor, call: str) -> None:
    if isinstance(result, t.Tensor) and result.requires_grad:
        raise Mistake("the images carry a graph for gradients", "Where is @t.no_grad() above def?")
    expect_tensor(result, tuple(images.shape), call)


def judge_counts(seen: list[float], counts: list[int]) -> None:
    if seen != counts[:-1]:
        question = "You choose timesteps of your own. Where is counts?"
        if not seen:
            question = "Where does it take a step?"
        elif seen == counts[:1]:
            question = "You take one step alone, by a return within the loop, or all in one jump to 0."
        elif seen == counts[1:-1]:
            question = "You leave out the first step."
        elif seen == counts[:-2]:
            question = "You leave out the last step, to 0."
        elif seen == counts[1:][::-1] or seen == counts[:-1][::-1]:
            question = "You go the way backwards."
        elif seen == [n for n in counts[:-1] for _ in range(2)]:
            question = "You ask the model twice in each step. step_back asks it once."
        facts = (
            f"where counts is {counts}, the model gets the timesteps {[int(n) for n in seen]}, expected {counts[:-1]}"
        )
        raise Mistake(facts, question)


def steps_of(model: Shown, result: t.Tensor, counts: list[int]) -> list[Step]:
    xs = [*model.shown, result.detach()]
    pairs = zip(pairwise(counts), pairwise(xs), strict=True)
    return [Step(n, m, x, to, model.guess(n)) for (n, m), (x, to) in pairs]


def judge_begin(x: t.Tensor, images: t.Tensor, kept: t.Tensor, m: int) -> None:
    """Noise alone where images are drawn; the kept part may be noised to T already, as in one order of the lines.
    m: where the first step leads"""
    if x.shape != images.shape:
        facts = f"the model is first shown {kind(x)}, expected shape {tuple(images.shape)}"
        raise Mistake(facts, "You begin with noise for another number of images. Each begins with its own.")
    first = share_of(images, x, kept)
    judge_noise(x, images * kept, first[0])
    free = share_of(images, x, ~kept)
    if not is_near(free, (0, 1)):
        facts = f"at first, what is not kept holds {in_words(free)}, expected noise of std 1 alone"
        question = "Where is the noise that it begins with? Nothing is known of that part."
        if abs(x[~kept].mean() - 0.5) < SLACK:
            question = "You draw between 0 and 1."
        if is_near(free, noised(len(BETAS))) or abs(free[0]) > SLACK:
            question = "You begin with the image. It is to be drawn anew there, from noise."
        raise Mistake(facts, question)
    if not is_near(first, (0, 1)) and not is_near(first, noised(len(BETAS))):
        facts = f"at first, what is kept holds {in_words(first)}, expected noise, or the image after T steps of it"
        question = recognise(NOISED_MISTAKES, lambda made: is_near(first, made(7, 7)))
        if is_near(first, noised(m)):
            question = "You put it in before the step, noised to where the step leads. There it is at n."
        elif is_near(first, (0, 0)):
            question = "You begin with nothing where the images are kept. It's noise there, too."
        raise Mistake(facts, question)


def judge_noise(x: t.Tensor, images: t.Tensor, share: float, where: str = "") -> None:
    """Every number of it has its own."""
    noise = x - share * images
    axes = [name for axis, name in enumerate(["image", "channel", "row", "column"]) if noise.std(dim=axis).max() < 0.1]
    if axes and noise.std() > 0.1:
        raise Mistake(
            f"{where}every {' and '.join(axes)} gets the same noise",
            "You draw too few numbers. The noise has the shape of the images.",
        )


def judge_swapped(steps: Sequence[Step], images: t.Tensor, kept: t.Tensor) -> None:
    shares = [(share_of(images, step.result, kept)[0], share_of(images, step.result, ~kept)[0]) for step in steps]
    if all(abs(inside) < SLACK and outside > SLACK for inside, outside in shares):
        facts = "where keep is True the images are drawn anew, and where it is False they stay"
        raise Mistake(facts, "You swap the two parts. What does True stand for?")
    if any(abs(outside) > SLACK for _, outside in shares):
        inside, outside = next(pair for pair in shares if abs(pair[1]) > SLACK)
        facts = f"what is not kept holds {outside:.2f} of the image, expected 0"
        raise Mistake(facts, "You let the image into the part that is drawn anew. Where is keep used?")


def judge_kept(steps: Sequence[Step], images: t.Tensor, kept: t.Tensor) -> None:
    """At each timestep between, the kept part is the image, noised to it."""
    between = [(step.n, step.m, share_of(images, step.result, kept)) for step in steps if step.m]
    for step, (_, _, (share, _)) in zip(steps, between, strict=False):  # with columns of it alone, which are all kept
        judge_noise(step.result[..., :3], images[..., :3], share, "in what is kept, ")
    wrong = [(n, m, got) for n, m, got in between if not is_near(got, noised(m))]
    if wrong:
        n, m, got = wrong[0]
        facts = f"after the step from {n} to {m}, what is kept holds {in_words(got)},\nexpected {in_words(noised(m))}"
        if all(abs(share) < SLACK for _, _, (share, _) in between):
            question = "Where does the image come in? The model never sees what is kept."
            if steps[-1].result[kept].allclose(images[kept], atol=1e-4):
                question = "You put the kept part in at the end alone. The steps before never saw it."
        else:
            question = recognise(NOISED_MISTAKES, lambda made: all(is_near(got, made(n, m)) for n, m, got in between))
            only = "You put it in at the first step alone. Each step changes it again."
            question = question or (only if is_near(between[0][2], noised(between[0][1])) else "")
            if not question and max(step.result[kept].abs().max() for step in steps) <= 1:
                question = "You clamp it. What is noised may leave [-1, 1]."
        raise Mistake(facts, question)


def judge_end(last: Step, images: t.Tensor, kept: t.Tensor) -> None:
    got, expected = last.result[kept], images[kept]
    if not got.allclose(expected, atol=1e-4):
        question = "Where is the image put, after the last step?"
        if got.allclose(last.mean[kept], atol=1e-3):
            question = "You leave there what the last step makes of it. Where is the image put back?"
        elif is_near(share_of(images, last.result, kept), noised(1)):
            question = "You noise it there, too. After the last step, 0 steps of noise are left."
        elif is_near(share_of(images, last.result, kept), noised(last.n)):
            question = "You noise it to n, where the step began. Where does the step lead?"
        gap = (got - expected).abs().max()
        raise Mistake(f"in the result, what is kept is off by up to {gap:.2f}, expected the image itself", question)


def judge_steps(steps: Sequence[Step], images: t.Tensor, where: t.Tensor, what: str) -> None:
    """Elsewhere, each x is what step_back makes of the one before."""
    for step in steps:
        if not step.taken(where):
            rest = (step.result - step.mean)[where]
            facts = f"in the step from {step.n} to {step.m}, {what} is off what step_back makes of x:\n"
            facts += (
                f"the difference has mean {rest.mean():.2f} and std {rest.std():.2f}, expected 0 and {step.std:.2f}"
            )
            down = all(replace(each, m=each.n - 1).taken(where) for each in steps)
            question = "You go one timestep down. Where does the jump lead?" if down else ""
            raise Mistake(facts, question or question_of_step(step, images, where))


def question_of_step(step: Step, images: t.Tensor, where: t.Tensor) -> str:
    result, b = step.result[where], bar(step.m)
    if result.equal(step.x[where]):
        return "You leave x as it was. Where does the result of step_back go?"
    if step.m and step.result.abs().max() <= 1:
        return "You clamp it. What is noised may leave [-1, 1]."
    if not step.m:
        return "You change what the last step gives, or let it go elsewhere than to 0."
    if step.m and is_near(share_of(images, step.result, where), noised(step.m)):
        return "You noise the images anew for each step. A step begins with what the last one gave."
    anew = result - b**0.5 * step.clean[where]
    if abs(anew.std() - (1 - b) ** 0.5) < SLACK and abs((anew * step.noise[where]).mean()) < SLACK:
        return "You go all the way to 0 and noise that again. step_back goes to m itself."
    share, rest = share_of(step.mean, step.result, where)
    if abs(share - b**0.5) < SLACK and abs(rest - (b * step.std**2 + 1 - b) ** 0.5) < SLACK:
        return "You noise x again, after a step that has left it at m."
    return "You let step_back go elsewhere than from n to m, or change what it gives."


def judge_seed(call: Callable[[Shown, t.Tensor], object]) -> None:
    """The noise in the first x is another one each time."""
    images, firsts, seed = known_images((4, *Shown.img_shape)), [], t.initial_seed()
    for more in (1, 2):
        seed_all(seed + more)
        model = Shown()
        with unchanged(images=images):
            call(model, images)
        firsts += model.shown[:1]
    seed_all(seed)
    if len(firsts) == 2 and firsts[0].equal(firsts[1]):
        everywhere = t.ones_like(images, dtype=t.bool)
        if share_of(images, firsts[0], everywhere)[1] > 0.1:
            raise Mistake("two calls begin with the same noise", "You set a seed inside, so that chance is gone.")


def judge_another_size(answer: Callable) -> None:
    images, keep = known_images((2, 1, 4, 3)), t.zeros(4, 3, dtype=t.bool)
    result = answer(Shown(img_shape=(1, 4, 3)), images, keep, n_steps=2)
    judge_result(result, images, "for images (2, 1, 4, 3) it")
    if result.equal(images):
        raise Mistake("where nothing is kept, the images stay as they are", "Where is keep used?")
    result = answer(Shown(img_shape=(1, 4, 3)), images, ~keep, n_steps=2)
    if not result.allclose(images, atol=1e-4):
        raise Mistake("where all is kept, the images change", "Where is keep used?")


def judge_device(call: Callable[[Shown, t.Tensor], object]) -> None:
    facts = "with a model on another device, tensors of two devices meet"
    question = "You make a tensor on the CPU. Make it where the images are."
    elsewhere(lambda: call(Shown("meta"), t.zeros(2, *Shown.img_shape, device="meta")), facts, question)
