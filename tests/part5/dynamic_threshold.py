"""The check of 5.8 dynamic_threshold.

Where a quantile falls between two numbers, there is more than one right answer, so here it never does.
"""

from collections.abc import Callable

import torch as t

from tests.checking import Mistake, careful, check, elsewhere, expect_tensor, numbers, recognise, unchanged


def edge(x: t.Tensor, share: float, sizes: Callable = t.abs, least: float = 1.0) -> t.Tensor:
    """s of each image, (B, 1, 1, 1)."""
    return sizes(x).flatten(1).quantile(share, dim=1).clamp(min=least).reshape(-1, 1, 1, 1)


def right(x: t.Tensor, share: float) -> t.Tensor:
    s = edge(x, share)
    return x.clamp(-s, s) / s


def by(s: t.Tensor, x: t.Tensor) -> t.Tensor:
    return x.clamp(-s, s) / s


def deviations(x: t.Tensor, n: int) -> t.Tensor:
    return (n * x.flatten(1).std(dim=1)).clamp(min=1).reshape(-1, 1, 1, 1)


def per_channel(x: t.Tensor, share: float) -> t.Tensor:
    return x.abs().flatten(2).quantile(share, dim=2).clamp(min=1).reshape(*x.shape[:2], 1, 1)


THRESHOLD_MISTAKES = [  # x0, share
    ("You clip to [-1, 1], which is the static clip. Where is s?", lambda x, q: x.clamp(-1, 1)),
    ("Where is it divided by s?", lambda x, q: x.clamp(-edge(x, q), edge(x, q))),
    ("Where is it clipped to [-s, s]?", lambda x, q: x / edge(x, q)),
    (
        "You clip to [-1, 1] and divide as well. The range of the clip is [-s, s].",
        lambda x, q: x.clamp(-1, 1) / edge(x, q),
    ),
    ("You let s fall below 1. Then an image in range is changed.", lambda x, q: by(edge(x, q, least=0), x)),
    ("You make 1 the most that s may be. It's the least.", lambda x, q: by(edge(x, q, least=0).clamp(max=1), x)),
    ("You take the quantile of the numbers. Where are their sizes?", lambda x, q: by(edge(x, q, sizes=lambda x: x), x)),
    ("You take the quantile of the squares.", lambda x, q: by(edge(x, q, sizes=t.square), x)),
    ("You divide by s twice.", lambda x, q: by(edge(x, q), x) / edge(x, q)),
    ("You find one s for all images together.", lambda x, q: by(x.abs().quantile(q).clamp(min=1), x)),
    ("You use the largest s for all images.", lambda x, q: by(edge(x, q).max(), x)),
    ("You use the first image's s for all.", lambda x, q: by(edge(x, q)[:1], x)),
    ("You give each channel an s of its own. It's one for an image.", lambda x, q: by(per_channel(x, q), x)),
    (
        "You take the quantile over the batch, place by place. Each image has one s.",
        lambda x, q: by(x.abs().quantile(q, dim=0).clamp(min=1), x),
    ),
    ("You bound s from above. It's at least 1, and any size.", lambda x, q: by(edge(x, q).clamp(max=1.5), x)),
    (
        "You lift s to 1 for the division alone. The clip takes the same s.",
        lambda x, q: x.clamp(-edge(x, q, least=0), edge(x, q, least=0)) / edge(x, q),
    ),
    (
        "You lift s to 1 for the clip alone. The division takes the same s.",
        lambda x, q: x.clamp(-edge(x, q), edge(x, q)) / edge(x, q, least=0),
    ),
    ("You squash with tanh. Where is the clip?", lambda x, q: (x / edge(x, q)).tanh()),
    ("You take a number of standard deviations for s. Where is the quantile?", lambda x, q: by(deviations(x, 3), x)),
    ("You take a number of standard deviations for s. Where is the quantile?", lambda x, q: by(deviations(x, 2), x)),
    ("You take the largest size for s. Where is share?", lambda x, q: by(edge(x, 1.0), x)),
    ("You use a fixed number. Where is share?", lambda x, q: by(edge(x, 0.995), x)),
    ("You take the quantile of 1 - share.", lambda x, q: by(edge(x, 1 - q), x)),
    ("You take a share of the largest size. It's a share of how many.", lambda x, q: by(q * edge(x, 1.0), x)),
    (
        "You take a share of the largest size. It's a share of how many.",
        lambda x, q: by((q * edge(x, 1.0)).clamp(min=1), x),
    ),
    ("You return the image as it came.", lambda x, q: x),
    ("You clip only one end.", lambda x, q: x.clamp(max=edge(x, q)) / edge(x, q)),
    ("You clip only one end.", lambda x, q: x.clamp(min=-edge(x, q)) / edge(x, q)),
    (
        "You clip to [0, s]. All computation stays in [-1, 1].",
        lambda x, q: x.clamp(min=0).minimum(edge(x, q)) / edge(x, q),
    ),
]


@check("5.8", mistakes=THRESHOLD_MISTAKES)
def check_dynamic_threshold(answer: Callable) -> str:
    few = t.tensor([[3.0, -0.5, 2.0, -4.0, 1.5], [-0.2, 0.9, -0.6, 0.1, 0.4], [-1.2, 1.6, 0.3, -8.0, 5.0]])
    few = few.reshape(3, 1, 1, 5)  # so that a learner can redo the sum; the second image is in range
    many = t.randn(4, 3, 67, 1) * t.tensor([0.2, 1.0, 2.0, 3.0]).reshape(4, 1, 1, 1)
    many *= t.tensor([1.0, 1.5, 0.5]).reshape(3, 1, 1)  # 201 numbers an image: the 200th is the quantile of 0.995
    cases = []
    for x0, *share in [(few, 0.5), (few, 0.75), (many,)]:
        with unchanged(x0=x0):
            result = careful(answer)(x0, *share)
        call = f"for images of shape {tuple(x0.shape)} it"
        if isinstance(result, t.Tensor) and result.numel() > x0.numel():
            facts = f"{call} returns shape {tuple(result.shape)}, expected {tuple(x0.shape)}"
            raise Mistake(
                facts, "Where does s get its shape? It's one number for each image, and three axes of length 1."
            )
        expect_tensor(result, tuple(x0.shape), call)
        cases.append((result, x0, share[0] if share else 0.995))
    judge_values(cases)
    facts, question = (
        "for images on another device, it mixes tensors of two devices",
        "You make s on a fixed device. Where are the images?",
    )
    elsewhere(lambda: answer(t.zeros(2, 1, 3, 3, device="meta")), facts, question)
    return "each image by its own quantile, never below 1"


def judge_values(cases: list[tuple[t.Tensor, t.Tensor, float]]) -> None:
    def fits(formula: Callable) -> list[bool]:
        return [result.allclose(formula(x0, share), atol=1e-4) for result, x0, share in cases]

    if all(as_it_should := fits(right)):
        return
    question = recognise(THRESHOLD_MISTAKES, lambda mistake: all(fits(mistake)))
    result, x0, share = cases[as_it_should.index(False)]
    expected, told = right(x0, share), f"with share {share}"
    gap = (result - expected).abs()
    i = gap.flatten(1).amax(dim=1).argmax().item()
    question = question or question_of_edges(x0[i], result[i], edge(x0, share)[i].item())
    if x0[i].numel() < 9:
        facts = f"{told}, an image {numbers(x0[i].flatten())} becomes {numbers(result[i].flatten())}"
        raise Mistake(f"{facts},\nexpected {numbers(expected[i].flatten())}", question)
    place = t.unravel_index(gap.argmax(), gap.shape)
    facts = f"{told}, a number {x0[place]:.3f} becomes {result[place]:.4f}, expected {expected[place]:.4f}"
    raise Mistake(facts, question)


def question_of_edges(x: t.Tensor, result: t.Tensor, s: float) -> str:
    """Where one image was clipped, and by what it was divided, if it was no more than that."""
    small = x.abs().argmin()
    divided = (x.flatten()[small] / result.flatten()[small]).item()
    clipped = result.abs().max().item() * divided
    if not result.allclose(x.clamp(-clipped, clipped) / divided, atol=1e-3):
        return "You do more to it than to clip it and to divide it."
    if abs(divided - s) < 1e-3 * s or abs(clipped - divided) > 1e-3 * divided and clipped < x.abs().max():
        return f"You clip to [-{clipped:.3g}, {clipped:.3g}] and divide by {divided:.3g}. Both take the same s."
    return f"You take {divided:.3g} for s, where it is {s:.3g}. How is a quantile found, and of which numbers?"
