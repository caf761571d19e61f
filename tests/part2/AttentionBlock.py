"""The check of 2.5 AttentionBlock."""

from collections.abc import Callable

import torch as t
import torch.nn.functional as F

from tests.checking import Mistake, check, close, everything, judge_layer, judge_ways, make, nothing, recognise, silence

SUM_MISTAKES = [  # what comes back where attention finds nothing
    ("Where is x added to what attention finds?", t.zeros_like),
    ("You add x twice.", lambda x: 2 * x),
    (
        "You add the norm of x, or use a norm at the end. x itself is added.",
        lambda x: F.group_norm(x, 1),
    ),
    ("You add the norm of x, too.", lambda x: x + F.group_norm(x, 1)),
    ("You use an activation after the sum. There is none.", F.silu),
    ("You use an activation after the sum. There is none.", F.relu),
    ("You use an activation after the sum. There is none.", F.gelu),
]


@check("2.5", mistakes=SUM_MISTAKES)
def check_AttentionBlock(answer: Callable) -> str:
    for shape in [(3, 8, 3, 5), (8, 8, 8, 8)]:
        judge_layer(answer, (8,), [t.randn(shape)], [shape])
    x = 10 * t.randn(2, 8, 3, 4)
    with t.no_grad():
        silent = silence(make(answer, 8, inputs=[x]), everything)(x)
        if not close(silent, x):
            question = recognise(SUM_MISTAKES, lambda formula: close(silent, formula(x)))
            times = ((silent * x).sum() / x.square().sum()).item()
            came = f": it comes back {times:.3g} times as large" if close(silent, times * x) and not question else ""
            question = question or (came and "You divide or scale it. x itself is added.")
            raise Mistake(f"with all of attention's weights at 0, x does not come back unchanged{came}", question)
        module = make(answer, 8, inputs=[x])

        def found(x: t.Tensor) -> t.Tensor:
            return module(x) - x

        if not close(found(3 * x + 5), found(x), 0.01):
            facts = "what is added to x changes when all of x is scaled and shifted"
            if close(found(3 * x), found(x), 0.01):
                raise Mistake(
                    facts, "Where does the norm subtract the mean? You divide by a size alone, as RMS norm does."
                )
            if close(found(1e3 * x), found(2e3 * x), 0.02) and not comes_normed(answer, x):
                raise Mistake(facts, "You run it all twice.")  # the second has nearly the same input then
            if close(found(x + 5), found(x), 0.01):
                raise Mistake(facts, "Where is x divided by its standard deviation? You subtract the mean alone.")
            many = any(close(found(x * pieces), found(x), 0.01) for pieces in scaled_pieces())
            question = (
                "You use a norm with many groups. Here it has one."
                if many
                else "Where is x normalised, before attention?"
            )
            raise Mistake(facts, question)
        if any(close(found(x * pieces), found(x), 0.01) for pieces in scaled_pieces()):
            facts = "what is added to x stays the same when some channels of x are scaled"
            raise Mistake(facts, "You use a norm with many groups. Here it has one.")
        if close(found(x * t.linspace(0.2, 4, 12).reshape(3, 4)), found(x), 0.01):
            facts = "what is added to x stays the same when some pixels of x are scaled"
            raise Mistake(facts, "You normalise each pixel by itself. All of an image share one mean.")
        other = x.clone()  # the same numbers, so the same mean and variance, but other pixels
        other[:, :, 0, 0] = x[:, :, 0, 0].roll(1, dims=1)
        if close(found(other)[:, :, 2], found(x)[:, :, 2]):
            raise Mistake("what a pixel gets does not depend on the other pixels", "Where is attention?")
        order = t.randperm(12)
        mixed = module(x.flatten(2)[:, :, order].reshape(x.shape))
        if not close(mixed, module(x).flatten(2)[:, :, order].reshape(x.shape)):
            facts = "the same pixels in another order do not get the same results in that order"
            raise Mistake(facts, "You use something else than a norm and attention.")
        judge_one_norm(answer, x, found)
        judge_one_attention(answer)
    x = t.randn(2, 8, 3, 4)
    judge_ways(make(answer, 8, inputs=[x]), [x])
    return "x itself comes through, a norm of one group before attention, each image by itself"


def comes_normed(answer: Callable, x: t.Tensor) -> bool:
    """Whether what is added to x has mean 0 and variance 1."""
    var, mean = t.var_mean(silence(make(answer, 8, inputs=[x]), nothing)(x) - x, dim=(1, 2, 3), correction=0)
    return bool(mean.abs().max() < 1e-3 and (var - 1).abs().max() < 1e-2)


def judge_one_norm(answer: Callable, x: t.Tensor, found: Callable) -> None:
    """In an image of one colour attention is linear, so a norm's mean and variance can only come from before it; and
    after one norm, opposite colours are opposite, whatever its scales and shifts."""
    if comes_normed(answer, x):
        raise Mistake("what is added to x has mean 0 and variance 1", "You use a norm after attention, too.")
    colours = 10 * t.randn(16, 8, 1, 1).expand(16, 8, 2, 2)
    middle = found(colours) + found(-colours)
    if (middle - middle[:1]).abs().max() > 1e-3 * found(colours).abs().max():
        facts = "in images of one colour, what is added is not linear in the normalised colour"
        raise Mistake(facts, "You normalise twice, or use an activation. One norm and attention are all.")


def judge_one_attention(answer: Callable) -> None:
    """With small weights all pixels count alike, and what attention adds shrinks by the square of the weights, because
    values and the output projection are two layers."""
    x = t.randn(2, 8, 3, 4)
    sizes = []
    for scale in (0.2, 0.1):
        module = silence(make(answer, 8, inputs=[x]), nothing)
        for p in module.parameters():
            if p.ndim > 1 and p.shape[0] > 1:  # not a norm's
                p.mul_(scale)
        sizes.append((module(x) - x).norm().item())
    if not min(sizes):
        facts = "with each norm's scale at 1 and each bias at 0, nothing is added to x"
        raise Mistake(facts, "You multiply what attention finds by a number that is learned. It is added as it is.")
    if not 3 < sizes[0] / max(sizes[1], 1e-9) < 5.5:
        facts = f"with half the weights, what is added is {sizes[1] / sizes[0]:.3f} times as large, expected about 0.25"
        raise Mistake(facts, "You run attention twice, or another layer after it.")


def scaled_pieces() -> list[t.Tensor]:
    """What scales 8 channels, differently for each of 8, 4 or 2 groups."""
    return [t.linspace(0.2, 4, g).reshape(1, g, 1).expand(1, g, 8 // g).reshape(1, 8, 1, 1) for g in (8, 4, 2)]
