"""The check of 5.10 euler_sample.

A model with a velocity for each count shows which counts are asked for and how long each stretch is. With 3 stretches
of 10 steps they are not all equal. The exact velocity of a data set of one image leads to that image, in any number of
steps.
"""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise

import torch as t

from tests.checking import (
    Mistake,
    Recording,
    careful,
    check,
    elsewhere,
    expect_tensor,
    factors_of,
    kind,
    numbers,
    recognise,
    unchanged,
)

SHAPE = (3, 2, 4, 5)


def counts_of(n_steps: int, max_steps: int) -> list[int]:
    return t.linspace(max_steps, 0, n_steps + 1).round().int().tolist()


class Velocities(Recording):
    """Has a velocity for each count, which does not depend on the images."""

    img_shape = SHAPE[1:]

    def refuse(self, images: object, num_steps: object) -> None:
        if not isinstance(images, t.Tensor) or images.shape[1:] != SHAPE[1:]:
            raise Mistake(
                f"the model gets {kind(images)} as images", "You swap the two. What comes first in model(x, num_steps)?"
            )
        if not isinstance(num_steps, t.Tensor) or num_steps.shape != images.shape[:1]:
            facts = (
                f"the model gets {kind(num_steps)} as num_steps, expected one timestep for each of {len(images)} images"
            )
            raise Mistake(
                facts, "Where is the tensor with one timestep for each image? t.full((len(x),), n) makes one."
            )
        if num_steps.is_floating_point():
            raise Mistake(
                f"the model gets timesteps of type {num_steps.dtype}",
                "You tell a share. Steps are counted in whole numbers."
                if (num_steps <= 1).all()
                else "You make fractions of them. Steps are counted in whole numbers.",
            )

    def of(self, n: int) -> t.Tensor:
        return t.randn(SHAPE, generator=t.Generator().manual_seed(1000 + n))

    def answer(self, images: t.Tensor, num_steps: t.Tensor) -> t.Tensor:
        self.remember(images, num_steps)
        return self.of(int(num_steps[0]))[: len(images)]


class TowardsOne(Recording):
    """The exact velocity of a data set of one image."""

    img_shape = SHAPE[1:]

    def answer(self, images: t.Tensor, num_steps: t.Tensor) -> t.Tensor:
        image = t.linspace(-1, 1, 40).reshape(SHAPE[1:])
        return (images - image) / (num_steps / 10).reshape(-1, 1, 1, 1)


def path(model: Velocities, start: t.Tensor, n_steps: int, T: int) -> list[t.Tensor]:
    """Where the walk is at each of its counts."""
    places = [start]
    for n, m in pairwise(counts_of(n_steps, T)):
        places.append(places[-1] - (n - m) / T * model.of(n))
    return places


EULER_MISTAKES = [  # how much of its velocity a stretch from n to m goes, of N in all
    ("You add the velocity. It points to the noise, and you walk back.", lambda n, m, T, N: -(n - m) / T),
    ("Where is the stretch divided by max_steps?", lambda n, m, T, N: n - m),
    ("You walk all the way from n to 0 in each stretch. It ends at m.", lambda n, m, T, N: n / T),
    ("You walk a stretch as long as from m to 0. It's from n to m.", lambda n, m, T, N: m / T),
    ("You take all stretches as equally long. The timesteps are rounded.", lambda n, m, T, N: 1 / N),
    ("You walk a single step in each stretch.", lambda n, m, T, N: 1 / T),
    ("You subtract the whole velocity. Where is the length of the stretch?", lambda n, m, T, N: 1),
    ("You add n and m. The stretch is their difference.", lambda n, m, T, N: (n + m) / T),
    ("You divide the stretch by n. Where is max_steps?", lambda n, m, T, N: (n - m) / n),
    ("You divide by n_steps. Where is max_steps?", lambda n, m, T, N: (n - m) / N),
    ("You divide by 1000. Where is max_steps?", lambda n, m, T, N: (n - m) / 1000),
    ("You turn the fraction upside down.", lambda n, m, T, N: T / (n - m)),
    ("You return start as it was, or go no way at all, as // gives.", lambda n, m, T, N: 0),
    ("You begin each stretch at the start again.", lambda n, m, T, N: 0 if m else (n - m) / T),
]
COUNT_MISTAKES = [
    ("You tell the model where you go. The velocity is that of where you are.", lambda counts: counts[1:]),
    (
        "You take one stretch alone, by a return within the loop, or ask the model before the loop.",
        lambda counts: counts[:1],
    ),
    ("Where is the last stretch?", lambda counts: counts[:-2]),
    ("Where is the first stretch?", lambda counts: counts[1:-1]),
    ("You walk away from the image. Begin at max_steps.", lambda counts: counts[::-1][1:]),
    ("You walk away from the image. Begin at max_steps.", lambda counts: counts[::-1][:-1]),
    ("You ask at 0, too. No stretch begins there.", lambda counts: counts),
    (
        "You ask twice in each stretch, as Heun's method does. Euler's asks once.",
        lambda counts: [count for pair in pairwise(counts) for count in pair],
    ),
    (
        "You walk step by step. The stretches lead from one of counts to the next.",
        lambda counts: [*range(counts[0], 0, -1)],
    ),
    ("You tell the model max_steps each time.", lambda counts: counts[:1] * (len(counts) - 1)),
    ("You tell the model one step less. n counts steps.", lambda counts: [count - 1 for count in counts[:-1]]),
]
OTHER_COUNTS = "You choose timesteps of your own. Where is counts?"


@check("5.10", mistakes=[*EULER_MISTAKES, *COUNT_MISTAKES])
def check_euler_sample(answer: Callable) -> str:
    for n_steps, T in [(3, 10), (1, 10), (4, 8)]:
        model, start = Velocities(None), t.randn(SHAPE)
        with unchanged(start=start):
            result = careful(answer)(model, start, n_steps, T)
        judge_counts(model.counts, n_steps, T)
        if isinstance(result, list):
            raise Mistake("it returns a list, expected the images", "Where is return_all_steps?")
        expect_tensor(result, SHAPE, f"in {n_steps} step{'s'[: n_steps > 1]} it")
        if not careful(answer)(Velocities(None), start, n_steps, T).equal(result):
            begins = not model.shown[0].equal(start)
            question = (
                "You begin at noise of your own. Where is start?"
                if begins
                else "You add fresh noise on the way. The velocity alone leads on."
            )
            raise Mistake("two calls from the same start give two results", question)
        judge_way(result, start, n_steps, T)
        judge_shown(model, start, n_steps, T)
    judge_list(answer)
    start, image = t.randn(SHAPE), t.linspace(-1, 1, 40).reshape(SHAPE[1:]).expand(SHAPE)
    for n_steps in (1, 3, 10):
        if not careful(answer)(TowardsOne(None), start, n_steps, 10).allclose(image, atol=1e-4):
            facts = "with the exact velocities of a data set of one image, it does not arrive at that image"
            raise Mistake(facts, "You add something on the way.")
    model, facts = Velocities(None, "meta"), "for a start on another device, it mixes tensors of two devices"
    elsewhere(
        lambda: answer(model, t.zeros(SHAPE, device="meta"), 3, 10),
        facts,
        "You make the timesteps on a fixed device. Where is x?",
    )
    return "the counts, each stretch, the list of all steps, and the way to a single image"


def judge_counts(counts: Sequence[float], n_steps: int, T: int) -> None:
    all_counts = counts_of(n_steps, T)
    if counts == all_counts[:-1]:
        return
    question = recognise(COUNT_MISTAKES, lambda mistake: counts == mistake(all_counts), OTHER_COUNTS)
    told = f"in {n_steps} of {T} steps, the model is asked at {[int(n) for n in counts]}"
    raise Mistake(f"{told}, expected {all_counts[:-1]}", question)


def judge_way(result: t.Tensor, start: t.Tensor, n_steps: int, T: int) -> None:
    """The way is a sum of start and the velocities, and how much of each is in it is known."""
    model, counts = Velocities(None), counts_of(n_steps, T)
    if result.allclose(path(model, start, n_steps, T)[-1], atol=1e-4):
        return
    found = factors_of(result, start, *(-model.of(n) for n in counts[:-1]))
    if found is None:
        facts = f"in {n_steps} of {T} steps, the result is no sum of start and parts of the velocities"
        question = "You change a velocity or x on the way. A step takes a part of the velocity off x."
        if result.abs().max() <= 1:
            question = "You clamp x. What is on the way may leave [-1, 1]."
    elif abs(found[0] - 1) > 1e-3:
        facts = f"in {n_steps} of {T} steps, the result holds {found[0]:.3g} of start, expected all of it"
        question = "You scale x, or leave it out. A step takes a part of the velocity off x."
    else:
        facts = f"in {n_steps} of {T} steps, it goes {numbers(found[1:])} of the velocities at {counts[:-1]}"
        facts += f", expected {numbers(t.tensor([(n - m) / T for n, m in pairwise(counts)]))}"
        fits = partial(like_ways, found[1:], n_steps, T)
        question = recognise(EULER_MISTAKES, fits, "You take another length. A stretch goes from n to m, of max_steps.")
    raise Mistake(facts, question)


def like_ways(ways: t.Tensor, n_steps: int, T: int, stretch: Callable) -> bool:
    made = [float(stretch(n, m, T, n_steps)) for n, m in pairwise(counts_of(n_steps, T))]
    return ways.allclose(t.tensor(made), rtol=1e-3, atol=1e-3)


def judge_shown(model: Velocities, start: t.Tensor, n_steps: int, T: int) -> None:
    """The model is asked about the place where the walk is."""
    places = path(Velocities(None), start, n_steps, T)
    for count, shown, place in zip(model.counts, model.shown, places, strict=False):
        if not shown.allclose(place, atol=1e-4):
            question = "You show it something else than x."
            if shown.equal(start):
                question = "You ask about start in each stretch. The velocity is that of x, where you are."
            elif count == T:
                question = "You begin somewhere else. Where is start?"
            raise Mistake(f"at timestep {count}, the model is shown other images than those of the walk", question)


def judge_list(answer: Callable) -> None:
    start = t.randn(SHAPE)
    steps = careful(answer)(Velocities(None), start, 3, 10, return_all_steps=True)
    expected = path(Velocities(None), start, 3, 10)
    if not isinstance(steps, list | tuple | t.Tensor) or isinstance(steps, t.Tensor) and steps.ndim != 5:
        raise Mistake(f"with return_all_steps it returns {kind(steps)}, expected a list", "Where is return_all_steps?")
    if len(steps) != 4:
        question = {3: "Where is the start, or the end?"}.get(len(steps), "You keep too many or too few x.")
        if any(isinstance(each, list | tuple) for each in steps):
            question = "You return something beside the list."
        raise Mistake(f"with return_all_steps and 3 steps, the list has {len(steps)} entries, expected 4", question)
    for each in steps:
        expect_tensor(each, SHAPE, "as an entry of the list, it")
    if all(each.equal(steps[-1]) for each in steps):
        question = "You change x in place, so each entry is the same tensor."
        if steps[-1].equal(start):
            question = "You keep start each time. Where is x, after it has moved?"
        raise Mistake("all entries of the list are the same", question)
    if all(each.allclose(other, atol=1e-4) for each, other in zip(steps, expected[::-1], strict=True)):
        raise Mistake(
            "the list runs from the images to the noise", "You keep them in the other order. It's noise first."
        )
    if not all(each.allclose(other, atol=1e-4) for each, other in zip(steps, expected, strict=True)):
        question = "You keep something else than x."
        if all(any(each.allclose(place, atol=1e-4) for place in expected) for each in steps):
            question = "You keep x at another time. It's kept after it has moved."
        raise Mistake("the list of all steps is not that of the path", question)
