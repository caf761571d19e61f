"""The check of 1.6 noise_img, and what 1.7 reconstruct has to do as well.

A batch as wide as it has images, so that factors along the wrong axis show as wrong numbers, not as an error.
"""

from collections.abc import Callable

import torch as t

from tests.checking import (
    BETAS,
    DEVICES,
    Mistake,
    alpha_bar,
    alpha_bars,
    alphas,
    careful,
    check,
    elsewhere,
    expect_tensor,
    judge_gaussian,
    judge_independence,
    kind,
    mix,
    numbers,
    recognise,
    schedule_for,
    unchanged,
)

BATCH = (6, 3, 4, 6)
LAST = alpha_bar(BETAS, len(BETAS))


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


def judge_formula(result: t.Tensor, expected: t.Tensor, mistakes: list, num_steps: t.Tensor, *inputs: t.Tensor) -> None:
    """Compare every number. inputs: what the closed forms of the mistakes take"""
    gap = (result - expected).abs()
    if gap.max() < 1e-4:
        return
    question = recognise(mistakes, lambda mistake: result.allclose(mistake(*inputs), atol=1e-4))
    worst = t.unravel_index(gap.argmax(), gap.shape)
    image, n = worst[0].item(), num_steps[worst[0]].item()
    values = f"a number of image {image} is {result[worst]:.3f}, expected {expected[worst]:.3f}"
    raise Mistake(f"after {n} step{'s'[: n > 1]} with betas {BETAS},\n{values}", question)


def ask(answer: Callable, *arguments) -> object:
    """The answer's result. An error about counts or shapes gets a note that points at them."""
    try:
        return careful(answer)(*arguments)
    except (ValueError, IndexError) as error:
        error.add_note("Counts of steps run from 1 to max_steps, rows from 0. Which of them is drawn, and looked up?")
        raise
    except RuntimeError as error:
        if not isinstance(error, NotImplementedError):
            error.add_note("Have the factors one number for each image, and three axes of length 1 after it?")
        raise


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


@check("1.6", mistakes=NOISED_MISTAKES)
def check_noise_img(answer: Callable) -> str:
    for device in DEVICES:
        img = 2 * t.rand(BATCH, device=device) - 1
        with unchanged(img=img):
            judge_triple(ask(answer, img, schedule_for(device)), img, device)
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
        if not mistake.question and abs(used.std() - 1) < 0.15 and abs((used * noise).mean()) < 0.3:
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
