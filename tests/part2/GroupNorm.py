"""The check of 2.1 GroupNorm."""

import re
from collections.abc import Callable
from functools import partial

import torch as t
import torch.nn.functional as F
from einops import rearrange
from torch import nn

from tests.checking import (
    Mistake,
    check,
    close,
    differs,
    expect_error,
    expect_tensor,
    judge_layer,
    kind,
    recognise,
    unchanged,
)


def normed(x: t.Tensor, g: int, eps: float, pattern: str = "b (g c) h w -> b g (c h w)", **how) -> t.Tensor:
    """x, normalised over the last axis of the pattern. how: what a mistake does otherwise."""
    parts = rearrange(x, pattern, **({"g": g} if "g" in pattern.split("->")[0] else {}))
    mean = parts.mean(dim=-1, keepdim=True) * how.get("centre", 1)
    var = how.get("var", partial(t.var, correction=how.get("correction", 0)))(parts, dim=-1, keepdim=True)
    scale = how.get("scale", lambda var, eps: (var + eps).sqrt())(var, eps)
    before, after = pattern.split(" -> ")
    sizes = dict(zip("bchw", x.shape, strict=True))
    sizes = {k: v for k, v in sizes.items() if k != "c"} | ({"g": g} if "g" in before else {"c": sizes["c"]})
    return rearrange((parts - mean) / scale, f"{after} -> {before}", **sizes)


def mean_of_squares(parts: t.Tensor, **axis) -> t.Tensor:
    return parts.square().mean(**axis)


def listed_otherwise(x: t.Tensor, g: int, eps: float, dealt: bool = False) -> t.Tensor:
    """x, its numbers cut into g lists (dealt: of each image, one by one in turn) as they lie, each normalised."""
    lists = x.flatten(1).unflatten(1, (-1, g)).mT if dealt else x.reshape(g, -1)
    result = (lists - lists.mean(dim=-1, keepdim=True)) / (lists.var(dim=-1, keepdim=True, correction=0) + eps).sqrt()
    return (result.mT if dealt else result).reshape(x.shape)


def of_two(x: t.Tensor, g: int, eps: float, mean_over: tuple, var_over: tuple) -> t.Tensor:
    """x, with the mean and the variance of different numbers. Axes are those of (B, groups, C / groups, H, W)."""
    parts = rearrange(x, "b (g c) h w -> b g c h w", g=g)
    mean, var = parts.mean(dim=mean_over, keepdim=True), parts.var(dim=var_over, keepdim=True, correction=0)
    return ((parts - mean) / (var + eps).sqrt()).reshape(x.shape)


GROUP, TWO = (2, 3, 4), "You take the mean and the variance of different numbers. Both are those of the group."


def span(parts: t.Tensor, dim: int, keepdim: bool) -> t.Tensor:
    return parts.amax(dim=dim, keepdim=keepdim) - parts.amin(dim=dim, keepdim=keepdim)


def ungrouped_mean(x: t.Tensor, g: int, eps: float) -> t.Tensor:
    """What is left of x - mean / sqrt(var + eps) when x - mean is taken off."""
    parts = rearrange(x, "b (g c) h w -> b g (c h w)", g=g)
    mean, var = parts.mean(dim=2), parts.var(dim=2, correction=0)
    return (mean - mean / (var + eps).sqrt()).repeat_interleave(x.shape[1] // g, dim=1)[:, :, None, None]


def shift_of_median(x: t.Tensor, g: int, eps: float) -> t.Tensor:
    parts = rearrange(x, "b (g c) h w -> b g (c h w)", g=g)
    gap = parts.mean(dim=-1) - parts.median(dim=-1).values
    scaled = gap / (parts.var(dim=-1, correction=0) + eps).sqrt()
    return scaled.repeat_interleave(x.shape[1] // g, dim=1)[:, :, None, None]


NORM_MISTAKES = [
    ("You divide the variance by n - 1. Group norm divides by n.", partial(normed, correction=1)),
    ("Where is the root? x is divided by the standard deviation.", partial(normed, scale=lambda v, e: v + e)),
    (
        "You add eps to the standard deviation. It belongs under the root.",
        partial(normed, scale=lambda v, e: v**0.5 + e),
    ),
    (
        "You add eps to the standard deviation, and divide the variance by n - 1.",
        partial(normed, correction=1, scale=lambda v, e: v**0.5 + e),
    ),
    ("Where is the eps that the constructor gets?", partial(normed, scale=lambda v, e: (v + 1e-5).sqrt())),
    ("You square eps. It is added as it is.", partial(normed, scale=lambda v, e: (v + e * e).sqrt())),
    ("You add eps at the very end. It belongs under the root.", lambda x, g, e: normed(x, g, 0) + e),
    (
        "You make eps a lower bound of the variance. It is added.",
        partial(normed, scale=lambda v, e: v.clamp(min=e).sqrt()),
    ),
    ("You take a root twice.", partial(normed, scale=lambda v, e: (v.sqrt() + e).sqrt())),
    ("You take a root twice.", partial(normed, scale=lambda v, e: (v + e) ** 0.25)),
    (
        "You take a mean of squares for the variance, with the mean still in them, as RMS norm does.",
        partial(normed, var=mean_of_squares),
    ),
    ("You write RMS norm. Group norm subtracts the mean first.", partial(normed, centre=0, var=mean_of_squares)),
    (
        "You add the squares up. The variance is their mean.",
        partial(normed, var=lambda parts, **axis: parts.shape[-1] * parts.var(**axis, correction=0)),
    ),
    ("You normalise x twice.", lambda x, g, e: normed(normed(x, g, e), g, e)),
    ("You add the mean. It is subtracted.", partial(normed, centre=-1)),
    ("Where is the mean subtracted?", partial(normed, centre=0)),
    ("Where is it divided by the standard deviation? The variance becomes 1.", partial(normed, scale=lambda v, e: 1)),
    ("You multiply by the standard deviation. It divides.", partial(normed, scale=lambda v, e: 1 / (v + e).sqrt())),
    (
        "You take one mean for all images of the batch. Each has its own.",
        partial(normed, pattern="b (g c) h w -> g (b c h w)"),
    ),
    (
        "You write batch norm. Its images share their mean, and here each has its own.",
        partial(normed, pattern="b c h w -> c (b h w)"),
    ),
    (
        "You write instance norm, each channel by itself. Where are the groups?",
        partial(normed, pattern="b c h w -> b c (h w)"),
    ),
    (
        "You write layer norm, all channels together. Where are the groups?",
        partial(normed, pattern="b c h w -> b (c h w)"),
    ),
    (
        "You give each pixel its own mean. A group's pixels share one.",
        partial(normed, pattern="b (g c) h w -> b g h w c"),
    ),
    (
        "You give each row its own mean. A group's pixels share one.",
        partial(normed, pattern="b (g c) h w -> b g h (c w)"),
    ),
    (
        "You give each column its own mean. A group's pixels share one.",
        partial(normed, pattern="b (g c) h w -> b g w (c h)"),
    ),
    (
        "You give each pixel its own mean, over all channels. A group's pixels share one.",
        partial(normed, pattern="b c h w -> b h w c"),
    ),
    (
        "You take num_groups for the size of a group. It is how many there are.",
        lambda x, g, e: normed(x, x.shape[1] // g, e),
    ),
    (
        "You take one mean for all of the batch. Each group of each image has its own.",
        lambda x, g, e: listed_otherwise(x, 1, e),
    ),
    ("You cut the batch into groups. Each image has groups of its own.", listed_otherwise),
    (
        "You deal a group's numbers out one by one. A group is whole channels, next to each other.",
        partial(listed_otherwise, dealt=True),
    ),
    (
        "You deal the channels out to the groups like cards. A group is channels next to each other.",
        partial(normed, pattern="b (c g) h w -> b g (c h w)"),
    ),
    ("Where are the mean and the standard deviation used?", lambda x, g, eps: x),
    (
        "You put the groups back in another order than you split them in.",
        lambda x, g, e: rearrange(normed(x, g, e), "b (g c) h w -> b (c g) h w", g=g),
    ),
    (TWO, partial(of_two, mean_over=(1, 2, 3, 4), var_over=GROUP)),
    (TWO, partial(of_two, mean_over=GROUP, var_over=(1, 2, 3, 4))),
    (TWO, partial(of_two, mean_over=(3, 4), var_over=GROUP)),
    (TWO, partial(of_two, mean_over=GROUP, var_over=(3, 4))),
    (TWO, partial(of_two, mean_over=(0, *GROUP), var_over=GROUP)),
    (TWO, partial(of_two, mean_over=GROUP, var_over=(0, *GROUP))),
    (
        "You mix the groups, and leave out the width. Where are the axes of one group's numbers?",
        partial(of_two, mean_over=(1, 2, 3), var_over=(1, 2, 3)),
    ),
    (
        "You take the mean distance from the mean. It is the root of the variance.",
        partial(normed, var=lambda p, **axis: (p - p.mean(**axis)).abs().mean(**axis), scale=lambda v, e: v + e),
    ),
    (
        "You divide the mean alone. Where are the parentheses around x - mean?",
        lambda x, g, e: normed(x, g, e, scale=lambda v, e: 1) + ungrouped_mean(x, g, e),
    ),
    ("You divide by the range, from the least to the largest.", partial(normed, var=span, scale=lambda v, e: v + e)),
    ("You cut off what is large.", lambda x, g, e: normed(x, g, e).clamp(-3, 3)),
    ("You cut off what is large.", lambda x, g, e: normed(x, g, e).clamp(-1, 1)),
    ("You write a sigmoid, tanh or the like after the norm.", lambda x, g, e: normed(x, g, e).tanh()),
    ("You subtract the median. It is the mean.", lambda x, g, e: normed(x, g, e) + shift_of_median(x, g, e)),
    *[
        (
            "You write out a number of groups. num_groups says it.",
            lambda x, g, e, own=own: normed(x, own, e) if own != g else 0 * x,
        )
        for own in (1, 2, 3, 6)
    ],
]
# with weight w and bias b, (C, 1, 1), and x normalised already; in the sizes B = C = H = W
AFFINE_MISTAKES = [
    ("Where is weight used?", lambda x, w, b: x + b),
    ("Where is bias used?", lambda x, w, b: x * w),
    ("Where are weight and bias used?", lambda x, w, b: x),
    ("You add bias before weight multiplies.", lambda x, w, b: (x + b) * w),
    ("You add weight. It multiplies.", lambda x, w, b: x + w + b),
    ("You swap weight and bias.", lambda x, w, b: x * b + w),
    ("You add 1 to weight. It begins at 1 already.", lambda x, w, b: x * (1 + w) + b),
    (
        "You use weight and bias before x is normalised. They come after.",
        lambda x, w, b: F.group_norm(x * w + b, 2),
    ),
    ("You take the square of weight.", lambda x, w, b: x * w * w + b),
    ("You subtract bias. It is added.", lambda x, w, b: x * w - b),
    (
        "You lay weight and bias along the width. They go with the channels.",
        lambda x, w, b: x * w.flatten() + b.flatten(),
    ),
    (
        "You split weight and bias (c g), and the channels (g c).",
        lambda x, w, b: x * w.reshape(3, 2).T.reshape(6, 1, 1) + b.reshape(3, 2).T.reshape(6, 1, 1),
    ),
    ("You lay weight and bias along the height. They go with the channels.", lambda x, w, b: x * w[:, 0] + b[:, 0]),
    (
        "You lay weight and bias along the batch. They go with the channels.",
        lambda x, w, b: x * w[..., None] + b[..., None],
    ),
]


@check("2.1", mistakes=NORM_MISTAKES + AFFINE_MISTAKES)
def check_GroupNorm(answer: Callable) -> str:
    """Equal to nn.GroupNorm."""
    expect_error(
        lambda: answer(4, 6),
        "GroupNorm(4, 6) raises no error, but 6 channels do not make 4 equal groups",
        "Where is the given check of __init__?",
    )
    norm_form(answer)
    x = t.randn(4, 6, 5, 7) * (1 + t.arange(6)).reshape(6, 1, 1) + t.arange(4).reshape(4, 1, 1, 1) + t.randn(6, 1, 1)
    x[0] *= 0.1  # a variance below eps
    for groups, eps in [(2, 0.5), (1, 1e-5), (6, 0.1), (3, 0.5)]:
        judge_norm(answer, x, groups, eps)
    judge_affine(answer)
    judge_where(answer)
    judge_layer(answer, (2, 6), [x], [x.shape])
    with t.no_grad():
        expect_tensor(answer(2, 6)(x[:1, :, :1]), (1, 6, 1, 7), "for x (1, 6, 1, 7) it")
        judge_type(answer(2, 6, dtype=t.float64)(x.double()), nn.GroupNorm(2, 6).double()(x.double()))
    judge_norm_gradients(answer, x)
    return "equal to nn.GroupNorm, its eps, weight and bias, and its gradients"


def judge_type(result: t.Tensor, expected: t.Tensor) -> None:
    """Numbers of float64 stay float64, all their digits."""
    question = "You turn x into another type. Numbers stay of the type that they come in."
    if result.dtype != expected.dtype:
        raise Mistake(f"for x in torch.float64 it returns numbers of type {result.dtype}", question)
    if not result.allclose(expected, rtol=1e-9, atol=1e-11):
        raise Mistake("for x in torch.float64 it returns numbers with float32's digits alone", question)


def norm_form(answer: Callable) -> None:
    layer = answer(2, 6)
    for name, value in [("weight", 1), ("bias", 0)]:
        p = getattr(layer, name, None)
        if not isinstance(p, nn.Parameter):
            question = "Where is it made?" if p is None else "Where is it an nn.Parameter? Only those are trained."
            raise Mistake(f"{name} is {kind(p)}, expected an nn.Parameter of shape (6,)", question)
        if p.shape != (6,):
            question = "Room for height and width can be made in forward." if p.numel() == 6 else ""
            facts = f"{name} has shape {tuple(p.shape)}, expected (6,)"
            raise Mistake(facts, question or "Where does each channel get its own?")
        if not p.requires_grad:
            raise Mistake(f"{name} is not trained: it takes no gradient", "You turn requires_grad off.")
        if not p.eq(value).all():
            raise Mistake(f"{name} begins at {p[0].item():.3g}, expected {value}s", f"Where does it begin at {value}?")
    layer = answer(2, 6, affine=False)
    if not hasattr(layer, "weight") or not hasattr(layer, "bias"):
        raise Mistake("with affine=False, weight and bias are missing, expected None", "Where are they set to None?")
    if layer.weight is not None or layer.bias is not None:
        raise Mistake("with affine=False, weight and bias are not None", "Where is affine used?")


def judge_where(answer: Callable) -> None:
    """The device and the type of the parameters are those asked for."""
    layer = answer(2, 6, device="meta", dtype=t.float64)
    for name in ("weight", "bias"):
        p = getattr(layer, name)
        if not isinstance(p, nn.Parameter):
            facts = f"with device='meta' and dtype=torch.float64, {name} is {kind(p)} and no nn.Parameter"
            raise Mistake(facts, "You move it by .to(...), which makes a plain tensor. Make it there.")
        if (p.device.type, p.dtype) != ("meta", t.float64):
            facts = f"with device='meta' and dtype=torch.float64, {name} is on {p.device.type} in {p.dtype}"
            raise Mistake(facts, "Where are device and dtype used?")


@t.no_grad()
def judge_norm(answer: Callable, x: t.Tensor, groups: int, eps: float) -> None:
    layer, expected = answer(groups, x.shape[1], eps, affine=False), F.group_norm(x, groups, eps=eps)
    with unchanged(x=x):
        try:
            result = layer(x)
        except TypeError as error:
            if "NoneType" in str(error):
                error.add_note("The check made it with affine=False, so weight and bias are None.")
            raise
        except RuntimeError as error:
            if re.search(rf"must match the size of tensor b \(({groups}|{len(x)})\)", str(error)):
                error.add_note("Where do mean and variance keep the axis that they go over? keepdim=True leaves it.")
            raise
        expect_tensor(result, tuple(x.shape), f"for x {tuple(x.shape)} it")
    if not result.allclose(expected, atol=1e-4):
        facts = f"GroupNorm({groups}, 6, eps={eps}, affine=False): {differs(result, expected)}"
        question = recognise(NORM_MISTAKES, lambda f: result.allclose(f(x, groups, eps), atol=1e-3))
        if not question and result.allclose(expected, rtol=0.01, atol=0.01):
            question = "You round the numbers, as half precision does."
        raise Mistake(facts, question)


@t.no_grad()
def judge_affine(answer: Callable) -> None:
    """With B = C = H = W, so that a weight along the wrong axis is an answer and no error."""
    x, layer, theirs = F.group_norm(t.randn(6, 6, 6, 6), 2), answer(2, 6), nn.GroupNorm(2, 6)
    for mine, other in [(layer.weight, theirs.weight), (layer.bias, theirs.bias)]:
        mine.copy_(t.rand(6) + 0.5)
        other.copy_(mine)
    result, expected, plain = layer(x), theirs(x), F.group_norm(x, 2)
    w, b = layer.weight[:, None, None], layer.bias[:, None, None]
    if not result.allclose(expected, atol=1e-4):
        facts = f"with other weights and biases than 1 and 0, {differs(result, expected)}"
        raise Mistake(facts, recognise(AFFINE_MISTAKES, lambda f: result.allclose(f(plain, w, b), atol=1e-3)))


def judge_norm_gradients(answer: Callable, x: t.Tensor) -> None:
    gradients = []
    for layer in (answer(2, 6), nn.GroupNorm(2, 6)):
        own = x.clone().requires_grad_()
        with t.enable_grad():
            result = layer(own)
        with t.enable_grad():  # anew, if the layer has turned it off
            result.pow(3).sum().backward()
        gradients.append([own.grad, layer.weight.grad, layer.bias.grad])
    for name, mine, theirs in zip(["x", "weight", "bias"], *gradients, strict=True):
        if mine is None or not close(mine, theirs):
            raise Mistake(
                f"the gradient of {name} is not that of nn.GroupNorm",
                "You detach a part of it, or use it under no_grad.",
            )
