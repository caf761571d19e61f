"""The check of 5.3 scale_codes.

The codes' mean is not 0, and images and channels have sizes of their own, so that each mistake shows.
"""

from collections.abc import Callable

import torch as t

from tests.checking import Mistake, careful, check, elsewhere, expect_tensor, kind, recognise, unchanged

SCALE_MISTAKES = [  # what the codes become
    ("Are they divided by the variance? Scaling by a multiplies the variance by a².", lambda x: x / x.var()),
    ("Are they multiplied by the standard deviation?", lambda x: x * x.std()),
    ("Are they multiplied by the variance?", lambda x: x * x.var()),
    ("Is the mean taken off? They are to be scaled, not moved.", lambda x: (x - x.mean()) / x.std()),
    (
        "Has each channel a number of its own? One number is for all.",
        lambda x: x / x.std(dim=(0, 2, 3), keepdim=True),
    ),
    (
        "Are channels moved and scaled, each by itself? One number is for all, and nothing is moved.",
        lambda x: (x - x.mean(dim=(0, 2, 3), keepdim=True)) / x.std(dim=(0, 2, 3), keepdim=True),
    ),
    ("Has each code a number of its own? One number is for all.", lambda x: x / x.std(dim=(1, 2, 3), keepdim=True)),
    ("Has each place a number of its own? One number is for all.", lambda x: x / x.std(dim=0, keepdim=True)),
    ("Is it the mean square that is 1? A variance is about the mean.", lambda x: x / x.square().mean().sqrt()),
    ("Are they divided by the largest?", lambda x: x / x.abs().max()),
    ("Are they divided by the mean size?", lambda x: x / x.abs().mean()),
    ("Is the number of the first code taken?", lambda x: x / x[0].std()),
    ("Is a root taken twice?", lambda x: x / x.std().sqrt()),
    ("Are they scaled at all?", lambda x: x),
    ("Are they clamped? Codes may leave [-1, 1].", lambda x: (x / x.std()).clamp(-1, 1)),
]
NUMBER_MISTAKES = [  # the number that is returned
    ("That is the standard deviation. The codes are multiplied by which number?", lambda x: x.std()),
    ("That is the variance. The codes are multiplied by which number?", lambda x: x.var()),
    ("That is one over the variance. Are the codes multiplied by that?", lambda x: 1 / x.var()),
    ("That is the mean.", lambda x: x.mean()),
]


def codes_like_those() -> t.Tensor:
    sizes = t.tensor([4.0, 1.0, 2.0, 3.0]).reshape(4, 1, 1) * t.linspace(0.5, 1.5, 12).reshape(12, 1, 1, 1)
    return sizes * t.randn(12, 4, 7, 7) + 1.5


@check("5.3", mistakes=[*SCALE_MISTAKES, *NUMBER_MISTAKES])
def check_scale_codes(answer: Callable) -> str:
    for times in (1.0, 0.1):
        codes = times * codes_like_those()
        with unchanged(codes=codes):
            result = careful(answer)(codes)
        if not isinstance(result, tuple | list) or len(result) != 2:
            got = f"{len(result)} things" if isinstance(result, tuple | list) else kind(result)
            raise Mistake(f"it returns {got}, expected two: the scaled codes and the number")
        scaled, number = result
        if isinstance(number, t.Tensor) and number.numel() > 1 or not isinstance(scaled, t.Tensor):
            got = f"{kind(scaled)} and {kind(number)}"
            question = "Which comes first?" if isinstance(number, t.Tensor) and number.shape == codes.shape else ""
            if isinstance(scaled, t.Tensor) and scaled.shape == codes.shape:
                question = "Is it the same number for all codes and channels?"
            raise Mistake(f"it returns {got}, expected the scaled codes and one number", question)
        expect_tensor(scaled, tuple(codes.shape), "as codes, it")
        judge_values(codes, scaled, float(number))
    facts, question = (
        "for codes on another device, it mixes tensors of two devices",
        "On which device is a tensor made?",
    )
    elsewhere(lambda: answer(t.zeros(2, 4, 7, 7, device="meta")), facts, question)
    return "variance 1 by one number for all, and that number"


def judge_values(codes: t.Tensor, scaled: t.Tensor, number: float) -> None:
    def like(made: t.Tensor) -> bool:
        return scaled.allclose(made, rtol=2e-3, atol=1e-5)

    if not like(codes / codes.std()):
        question = recognise(SCALE_MISTAKES, lambda mistake: like(mistake(codes)))
        facts = f"codes of variance {codes.var():.3f} and mean {codes.mean():.3f}"
        became = f"variance {scaled.var():.3f} and mean {scaled.mean():.3f}"
        expected = f"expected 1 and {codes.mean() / codes.std():.3f}"
        raise Mistake(f"{facts} get {became},\n{expected}", question)
    if abs(number * codes.std() - 1) > 2e-3:
        question = recognise(NUMBER_MISTAKES, lambda mistake: abs(number / mistake(codes) - 1) < 2e-3)
        expected = f"expected {1 / codes.std():.4f}, by which the codes are multiplied"
        raise Mistake(f"the codes are right, but the number is {number:.4f},\n{expected}", question)
