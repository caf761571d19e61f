"""The check of 5.3 scale_codes.

The codes' mean is not 0, and images and channels have sizes and means of their own, so that each mistake shows.
"""

from collections.abc import Callable
from functools import partial
from numbers import Real

import numpy as np
import torch as t

from tests.checking import Mistake, careful, check, elsewhere, expect_tensor, factors_of, kind, recognise, unchanged


def rounded(x: t.Tensor, digits: int) -> t.Tensor:
    return x * round(1 / x.std().item(), digits)


def each_std(x: t.Tensor, axes: tuple[int, ...]) -> t.Tensor:
    return x.std(dim=axes).mean()


def root_of_mean(x: t.Tensor, axes: tuple[int, ...]) -> t.Tensor:
    return x / x.var(dim=axes).mean().sqrt()


SCALE_MISTAKES = [  # what the codes become
    ("You divide by the variance. Scaling by a multiplies the variance by a².", lambda x: x / x.var()),
    ("You multiply by the standard deviation.", lambda x: x * x.std()),
    ("You multiply by the variance.", lambda x: x * x.var()),
    ("You take the mean off. Codes are scaled, not moved.", lambda x: (x - x.mean()) / x.std()),
    (
        "You scale each channel by a number of its own. One number is for all.",
        lambda x: x / x.std(dim=(0, 2, 3), keepdim=True),
    ),
    (
        "You move and scale each channel by itself. One number is for all, and nothing is moved.",
        lambda x: (x - x.mean(dim=(0, 2, 3), keepdim=True)) / x.std(dim=(0, 2, 3), keepdim=True),
    ),
    (
        "You scale each code by a number of its own. One number is for all.",
        lambda x: x / x.std(dim=(1, 2, 3), keepdim=True),
    ),
    ("You scale each place by a number of its own. One number is for all.", lambda x: x / x.std(dim=0, keepdim=True)),
    ("You make the mean square 1. A variance is about the mean.", lambda x: x / x.square().mean().sqrt()),
    ("You divide by the largest.", lambda x: x / x.abs().max()),
    ("You divide by the mean size.", lambda x: x / x.abs().mean()),
    ("You take the number of the first code.", lambda x: x / x[0].std()),
    ("You take the mean of the codes' deviations. It's that of all numbers.", lambda x: x / each_std(x, (1, 2, 3))),
    (
        "You take the mean of the channels' deviations. It's that of all numbers.",
        lambda x: x / each_std(x, (0, 2, 3)),
    ),
    *[
        (
            "You average variances. A mean of them leaves out how far apart the means are.",
            partial(root_of_mean, axes=axes),
        )
        for axes in [(1, 2, 3), (0, 2, 3)]
    ],
    ("You divide by the mean square. Where are the mean taken off, and the root?", lambda x: x / x.square().mean()),
    (
        "You move and scale each code by itself. One number is for all, and nothing is moved.",
        lambda x: t.nn.functional.layer_norm(x, x.shape[1:]),
    ),
    ("You divide by the length of all numbers as one vector.", lambda x: x / x.norm()),
    ("You take a root twice.", lambda x: x / x.std().sqrt()),
    ("Where are they scaled?", lambda x: x),
    *[("You round the number.", partial(rounded, digits=digits)) for digits in (1, 2, 3, 4)],
    ("You clamp them. Codes may leave [-1, 1].", lambda x: (x / x.std()).clamp(-1, 1)),
]
NUMBER_MISTAKES = [  # the number that is returned
    ("You return the standard deviation. The codes are multiplied by which number?", lambda x: x.std()),
    ("You return the variance. The codes are multiplied by which number?", lambda x: x.var()),
    ("You return one over the variance. The codes are multiplied by which number?", lambda x: 1 / x.var()),
    ("You return the mean.", lambda x: x.mean()),
    ("You measure the codes after they are scaled.", lambda x: t.ones(())),
]


def codes_like_those() -> t.Tensor:
    sizes = t.tensor([4.0, 1.0, 2.0, 3.0]).reshape(4, 1, 1) * t.linspace(0.5, 1.5, 12).reshape(12, 1, 1, 1)
    means = t.tensor([2.5, 0.5, 2.0, 1.0]).reshape(4, 1, 1) + t.linspace(-2, 2, 12).reshape(12, 1, 1, 1)
    return sizes * t.randn(12, 4, 7, 7) + means


@check("5.3", mistakes=[*SCALE_MISTAKES, *NUMBER_MISTAKES])
def check_scale_codes(answer: Callable) -> str:
    for times in (1.0, 0.1, 20.0):
        codes = times * codes_like_those()
        with unchanged(codes=codes):
            result = careful(answer)(codes)
        if not isinstance(result, tuple | list) or len(result) != 2:
            got = f"{len(result)} things" if isinstance(result, tuple | list) else kind(result)
            question = "Where is the number?" if isinstance(result, t.Tensor) else "Where are both?"
            if isinstance(result, tuple) and len(result) > 2:
                question = "You return one thing too many."
            raise Mistake(f"it returns {got}, expected two: the scaled codes and the number", question)
        scaled, number = result
        one = number.ndim == 0 if isinstance(number, t.Tensor | np.ndarray) else isinstance(number, Real)
        if not one or not isinstance(scaled, t.Tensor):
            got = f"{kind(scaled)} and {kind(number)}"
            question = "You return them in the other order." if getattr(number, "shape", 0) == codes.shape else ""
            if getattr(scaled, "shape", 0) == codes.shape:
                question = "Where is the number by which you multiply?"
                if isinstance(number, t.Tensor):
                    question = "You return several numbers. One is for all codes and channels."
                    if number.numel() == 1:
                        question = "You leave it in a tensor with axes. .item() makes a plain number of it."
            raise Mistake(f"it returns {got}, expected the scaled codes and one number", question)
        expect_tensor(scaled, tuple(codes.shape), "as codes, it")
        fixed = float(careful(answer)(7 * codes)[1]) == float(number)
        judge_values(codes, scaled, float(number), "You use a fixed number. It depends on the codes." if fixed else "")
    facts, question = (
        "for codes on another device, it mixes tensors of two devices",
        "You make a tensor on a fixed device. Where are the codes?",
    )
    elsewhere(lambda: answer(t.zeros(2, 4, 7, 7, device="meta")), facts, question)
    return "variance 1 by one number for all, and that number"


def judge_values(codes: t.Tensor, scaled: t.Tensor, number: float, otherwise: str) -> None:
    def like(made: t.Tensor, rtol: float = 2e-3) -> bool:
        return scaled.allclose(made, rtol=rtol, atol=1e-5)

    if not like(codes / codes.std()):
        question = recognise(SCALE_MISTAKES, lambda mistake: like(mistake(codes), 1e-4))  # some come close to others
        question = question or recognise(SCALE_MISTAKES, lambda mistake: like(mistake(codes)), otherwise)
        inside = (codes / codes.std()).abs() < 0.5
        if not question and scaled[inside].allclose((codes / codes.std())[inside], rtol=2e-3):
            question = "You clamp them. Codes may leave any range."
        facts = f"codes of variance {codes.var():.3f} and mean {codes.mean():.3f}"
        found = factors_of(scaled, codes, t.ones_like(codes))
        if not question and found is not None:
            question = "You move them, too. They are multiplied by one number, and that is all."
            if abs(found[1]) < 1e-3:
                question = "You multiply by another number. Which one brings the variance of all of them to 1?"
        became = f"variance {scaled.var():.3f} and mean {scaled.mean():.3f}"
        expected = f"expected 1 and {codes.mean() / codes.std():.3f}"
        raise Mistake(f"{facts} get {became},\n{expected}", question)
    if abs(number * codes.std() - 1) > 2e-3:
        question = recognise(NUMBER_MISTAKES, lambda mistake: abs(number / mistake(codes) - 1) < 2e-3)
        expected = f"expected {1 / codes.std():.4f}, by which the codes are multiplied"
        raise Mistake(f"the codes are right, but the number is {number:.4f},\n{expected}", question)
