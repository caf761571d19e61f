"""The check of 5.9 straight_path: closed forms for the place and for the velocity, each with its own mistakes.

A batch as wide as it has images, so that shares along the wrong axis show as wrong numbers, not as an error.
"""

from collections.abc import Callable
from math import pi

import torch as t

from tests.checking import Mistake, careful, check, elsewhere, expect_tensor, factors_of, kind, recognise, unchanged


def way(x: t.Tensor, e: t.Tensor, s: t.Tensor) -> t.Tensor:
    return (1 - s) * x + s * e


PLACE_MISTAKES = [  # x0, noise, share as (B, 1, 1, 1), num_steps, max_steps
    ("You swap the two ends. After 0 steps you're at the image.", lambda x, e, s, n, T: way(e, x, s)),
    ("You add the noise. Where does the image fade?", lambda x, e, s, n, T: x + s * e),
    ("You add all of the noise. Where is it scaled?", lambda x, e, s, n, T: (1 - s) * x + e),
    ("Where is the noise?", lambda x, e, s, n, T: (1 - s) * x),
    ("Where is the image?", lambda x, e, s, n, T: s * e),
    ("You take the noise away. You walk towards it.", lambda x, e, s, n, T: (1 - s) * x - s * e),
    ("You take roots. The path is straight.", lambda x, e, s, n, T: (1 - s).sqrt() * x + s.sqrt() * e),
    ("You walk on a quarter of a circle. The path is straight.", lambda x, e, s, n, T: (1 - s**2).sqrt() * x + s * e),
    (
        "You walk on a quarter of a circle. The path is straight.",
        lambda x, e, s, n, T: (s * pi / 2).cos() * x + (s * pi / 2).sin() * e,
    ),
    ("You take share times the image off 1. Mind the parentheses.", lambda x, e, s, n, T: 1 - s * x + s * e),
    ("You divide by a fixed number. Where is max_steps?", lambda x, e, s, n, T: way(x, e, s * T / 1000)),
    ("Where is num_steps divided by max_steps?", lambda x, e, s, n, T: way(x, e, s * T)),
    ("You divide with //. That gives whole numbers.", lambda x, e, s, n, T: way(x, e, s.floor())),
    (
        "You divide by max_steps - 1. After max_steps you're at the noise.",
        lambda x, e, s, n, T: way(x, e, s * T / (T - 1)),
    ),
    ("You square the share. The speed is even.", lambda x, e, s, n, T: way(x, e, s**2)),
    ("You round the share, by half precision or digits.", lambda x, e, s, n, T: way(x, e, s.bfloat16().float())),
    ("You round the share, by half precision or digits.", lambda x, e, s, n, T: way(x, e, s.half().float())),
    ("You round the share, by half precision or digits.", lambda x, e, s, n, T: way(x, e, (100 * s).round() / 100)),
    ("You leave a step out. After 0 steps you're at the image.", lambda x, e, s, n, T: way(x, e, s - 1 / T)),
    ("You use the first image's share for all.", lambda x, e, s, n, T: way(x, e, s[:1])),
    ("You use the mean share for all.", lambda x, e, s, n, T: way(x, e, s.mean())),
    (
        "You let the shares run along the width of the images. Which shape do they need?",
        lambda x, e, s, n, T: way(x, e, s.reshape(1, 1, 1, -1)),
    ),
    ("You return the image as it came.", lambda x, e, s, n, T: x),
    ("You return the velocity first. The place comes first.", lambda x, e, s, n, T: e - x),
    ("You clamp it. The noise may leave [-1, 1].", lambda x, e, s, n, T: way(x, e, s).clamp(-1, 1)),
]
VELOCITY_MISTAKES = [
    ("You point to the image. The walk goes to the noise.", lambda x, e, s, n, T: x - e),
    ("You take the way gone so far. The velocity is the same over the whole walk.", lambda x, e, s, n, T: s * (e - x)),
    ("You take the way of a single step. It's that of all max_steps.", lambda x, e, s, n, T: (e - x) / T),
    ("You multiply the way of all steps by max_steps.", lambda x, e, s, n, T: (e - x) * T),
    (
        "You take the way that's left. The velocity is the same over the whole walk.",
        lambda x, e, s, n, T: (1 - s) * (e - x),
    ),
    ("You return the place once more.", lambda x, e, s, n, T: way(x, e, s)),
    (
        "You return the velocity v of Part 3. Where is the derivative of this path?",
        lambda x, e, s, n, T: (1 - s) * e - s * x,
    ),
    ("You return the noise alone. Where is the image?", lambda x, e, s, n, T: e),
    ("You add the two. Differentiate (1 - s) x0 + s noise by s.", lambda x, e, s, n, T: e + x),
]


@check("5.9", mistakes=[*PLACE_MISTAKES, *VELOCITY_MISTAKES])
def check_straight_path(answer: Callable) -> str:
    places, velocities = [], []
    for shape, steps, *max_steps in [
        ((4, 2, 3, 4), [3, 1, 8, 6], 8),
        ((3, 1, 2, 3), [0, 4, 2], 4),
        ((2, 3, 2, 2), [700, 1]),
    ]:
        x0, noise, num_steps = t.randn(shape).tanh(), t.randn(shape), t.tensor(steps)
        with unchanged(x0=x0, noise=noise, num_steps=num_steps):
            result = careful(answer)(x0, noise, num_steps, *max_steps)
        if not isinstance(result, tuple | list) or len(result) != 2:
            got = f"{len(result)} things" if isinstance(result, tuple | list) else kind(result)
            question = "Where are both?"
            if isinstance(result, t.Tensor):
                question = "You put both into one tensor." if result.ndim > x0.ndim else "Where is the other one?"
            raise Mistake(f"it returns {got}, expected two: the place and the velocity", question)
        place, velocity = result
        again = careful(answer)(x0, noise, num_steps, *max_steps)[0]
        if isinstance(place, t.Tensor) and place.isfinite().all() and not place.equal(again):
            raise Mistake("called twice with the same noise, it gives two places", "You draw noise. It's given.")
        expect_tensor(place, shape, "as place, it")
        expect_tensor(velocity, shape, "as velocity, it")
        T = max_steps[0] if max_steps else 1000
        share = num_steps.reshape(-1, 1, 1, 1) / T
        given = (x0, noise, share, num_steps, T)
        places.append((place, given))
        velocities.append((velocity, given))
    judge_values("the place", places, lambda x, e, s, n, T: way(x, e, s), PLACE_MISTAKES)
    judge_values("the velocity", velocities, lambda x, e, s, n, T: e - x, VELOCITY_MISTAKES)
    device = t.device("meta")
    facts, question = (
        "for images on another device, it mixes tensors of two devices",
        "You make a tensor on a fixed device. Where are the images?",
    )
    images = t.zeros(2, 1, 3, 3, device=device)
    elsewhere(lambda: answer(images, images, t.zeros(2, dtype=t.int64, device=device), 4), facts, question)
    return "both ends, the places between, and the velocity"


def judge_values(what: str, cases: list[tuple[t.Tensor, tuple]], right: Callable, mistakes: list) -> None:
    def fits(formula: Callable) -> list[bool]:
        made = [(result, formula(*given)) for result, given in cases]
        return [each.shape == result.shape and result.allclose(each, rtol=1e-4, atol=1e-4) for result, each in made]

    if all(as_it_should := fits(right)):
        return
    question = recognise(mistakes, lambda mistake: all(fits(mistake)))
    result, given = cases[as_it_should.index(False)]
    x0, noise, _, num_steps, T = given
    expected = right(*given)
    i = t.unravel_index((result - expected).abs().argmax(), result.shape)
    ends = f"from {x0[i]:.3f} to {noise[i]:.3f} after {num_steps[i[0]]} of {T} steps"
    facts = f"{ends}, {what} is {result[i]:.3f}, expected {expected[i]:.3f}"
    if not question:
        line, question = told_parts(what, [(made[i], x[i], e[i]) for made, (x, e, *_) in cases for i in range(len(x))])
        facts += line
    raise Mistake(facts, question)


def told_parts(what: str, images: list[tuple[t.Tensor, t.Tensor, t.Tensor]]) -> tuple[str, str]:
    """More facts and a question, by how much of both ends is in it. images: each with its x0 and its noise"""
    found = [factors_of(*each) for each in images]
    if any(each is None for each in found):
        return "", "You do more than to add parts of both. What is asked for is a sum of parts of x0 and noise."
    line = f"\nFor the first image, {what} is {found[0][0]:.3g} of x0 and {found[0][1]:.3g} of noise"
    sums = t.stack(found).sum(dim=1)
    if what == "the velocity":
        turned = sums.abs().max() < 1e-3
        question = "You multiply it by something. The way from x0 to noise is gone in all steps together."
        return line, question if turned else "You take other parts of both. Where is x0 taken off the noise?"
    if (sums - 1).abs().max() < 1e-3:
        return line, "You find another share of the way. It is num_steps of max_steps, for each image its own."
    return line, "You take other parts of both. At the share s of the way, they are 1 - s and s."
