"""The check of 2.1 GroupNorm."""

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


NORM_MISTAKES = [
    ("Is the variance divided by n - 1? Group norm divides by n.", partial(normed, correction=1)),
    ("Is the root missing? It is the standard deviation that divides.", partial(normed, scale=lambda v, e: v + e)),
    (
        "Is eps added to the standard deviation? It belongs under the root.",
        partial(normed, scale=lambda v, e: v**0.5 + e),
    ),
    (
        "Is eps added to the standard deviation, and the variance divided by n - 1?",
        partial(normed, correction=1, scale=lambda v, e: v**0.5 + e),
    ),
    ("Is eps added, the one of the constructor?", partial(normed, scale=lambda v, e: (v + 1e-5).sqrt())),
    ("Is eps squared?", partial(normed, scale=lambda v, e: (v + e * e).sqrt())),
    ("Is eps added at the very end? It belongs under the root.", lambda x, g, e: normed(x, g, 0) + e),
    ("Is eps a lower bound of the variance? It is added.", partial(normed, scale=lambda v, e: v.clamp(min=e).sqrt())),
    ("Is a root taken twice?", partial(normed, scale=lambda v, e: (v.sqrt() + e).sqrt())),
    ("Is a root taken twice?", partial(normed, scale=lambda v, e: (v + e) ** 0.25)),
    (
        "Is the variance a mean of squares, with the mean still in them? That is RMS norm's.",
        partial(normed, var=mean_of_squares),
    ),
    ("Is that RMS norm? Group norm takes the mean away first.", partial(normed, centre=0, var=mean_of_squares)),
    (
        "Are the squares added up, and not averaged?",
        partial(normed, var=lambda parts, **axis: parts.shape[-1] * parts.var(**axis, correction=0)),
    ),
    ("Is x normalised twice?", lambda x, g, e: normed(normed(x, g, e), g, e)),
    ("Is the mean added? It is taken away.", partial(normed, centre=-1)),
    ("Is the mean taken away?", partial(normed, centre=0)),
    ("Is it divided by anything? The variance should become 1.", partial(normed, scale=lambda v, e: 1)),
    ("Is it multiplied by the deviation?", partial(normed, scale=lambda v, e: 1 / (v + e).sqrt())),
    (
        "The images of the batch share their mean. Does each have its own?",
        partial(normed, pattern="b (g c) h w -> g (b c h w)"),
    ),
    ("That is batch norm: the images of the batch share their mean.", partial(normed, pattern="b c h w -> c (b h w)")),
    (
        "That is instance norm: each channel by itself. Are there groups?",
        partial(normed, pattern="b c h w -> b c (h w)"),
    ),
    ("That is layer norm: all channels together. Are there groups?", partial(normed, pattern="b c h w -> b (c h w)")),
    (
        "Each pixel has its own mean. Do a group's pixels share one?",
        partial(normed, pattern="b (g c) h w -> b g h w c"),
    ),
    (
        "Each row has its own mean. Do a group's pixels share one?",
        partial(normed, pattern="b (g c) h w -> b g h (c w)"),
    ),
    (
        "Each column has its own mean. Do a group's pixels share one?",
        partial(normed, pattern="b (g c) h w -> b g w (c h)"),
    ),
    (
        "Each pixel has its own mean, over all channels. Do a group's pixels share one?",
        partial(normed, pattern="b c h w -> b h w c"),
    ),
    ("Is num_groups the size of a group? It is how many there are.", lambda x, g, e: normed(x, x.shape[1] // g, e)),
    (
        "Is there one mean for all of the batch? Each group of each image has its own.",
        lambda x, g, e: listed_otherwise(x, 1, e),
    ),
    ("Is the batch cut into groups? Each image has groups of its own.", listed_otherwise),
    (
        "Are a group's numbers dealt out one by one? A group is whole channels, next to each other.",
        partial(listed_otherwise, dealt=True),
    ),
    (
        "Are the groups dealt out like cards? A group is channels next to each other.",
        partial(normed, pattern="b (c g) h w -> b g (c h w)"),
    ),
    ("Is x shifted and scaled at all?", lambda x, g, eps: x),
]
# with weight w and bias b, (C, 1, 1), and x normalised already; in the sizes B = C = H = W
AFFINE_MISTAKES = [
    ("Is weight used?", lambda x, w, b: x + b),
    ("Is bias used?", lambda x, w, b: x * w),
    ("Are weight and bias used?", lambda x, w, b: x),
    ("Is bias added before weight multiplies?", lambda x, w, b: (x + b) * w),
    ("Is weight added, too? It multiplies.", lambda x, w, b: x + w + b),
    ("Are weight and bias swapped?", lambda x, w, b: x * b + w),
    ("Is 1 added to weight? It begins at 1 already.", lambda x, w, b: x * (1 + w) + b),
    (
        "Does x meet weight and bias before it is normalised? They come after.",
        lambda x, w, b: F.group_norm(x * w + b, 2),
    ),
    ("Is bias taken away? It is added.", lambda x, w, b: x * w - b),
    (
        "Do weight and bias lie along W? They go with the channels.",
        lambda x, w, b: x * w.flatten() + b.flatten(),
    ),
    ("Do weight and bias lie along the height? They go with the channels.", lambda x, w, b: x * w[:, 0] + b[:, 0]),
    (
        "Do weight and bias lie along the batch? They go with the channels.",
        lambda x, w, b: x * w[..., None] + b[..., None],
    ),
]


@check("2.1", mistakes=NORM_MISTAKES + AFFINE_MISTAKES)
def check_GroupNorm(answer: Callable) -> str:
    """Equal to nn.GroupNorm."""
    expect_error(
        lambda: answer(4, 6),
        "GroupNorm(4, 6) raises no error, but 6 channels do not make 4 equal groups",
        "Is the given check still there?",
    )
    norm_form(answer)
    x = t.randn(4, 6, 5, 7) * (1 + t.arange(6)).reshape(6, 1, 1) + t.arange(4).reshape(4, 1, 1, 1) + t.randn(6, 1, 1)
    x[0] *= 0.1  # a variance below eps
    for groups, eps in [(2, 0.5), (1, 1e-5), (6, 0.1), (3, 0.5)]:
        judge_norm(answer, x, groups, eps)
    judge_affine(answer)
    judge_where(answer)
    judge_layer(answer, (2, 6), [x], [x.shape])
    judge_norm_gradients(answer, x)
    return "equal to nn.GroupNorm, its eps, weight and bias, and its gradients"


def norm_form(answer: Callable) -> None:
    layer = answer(2, 6)
    for name, value in [("weight", 1), ("bias", 0)]:
        p = getattr(layer, name, None)
        if not isinstance(p, nn.Parameter):
            raise Mistake(f"{name} is {kind(p)}, expected an nn.Parameter of shape (6,)")
        if p.shape != (6,):
            question = "Room for height and width can be made in forward." if p.numel() == 6 else ""
            facts = f"{name} has shape {tuple(p.shape)}, expected (6,)"
            raise Mistake(facts, question or "Does each channel have its own?")
        if not p.requires_grad:
            raise Mistake(f"{name} is not trained: it takes no gradient", "Is requires_grad turned off?")
        if not p.eq(value).all():
            raise Mistake(f"{name} begins at {p[0].item():.3g}, expected {value}s")
    layer = answer(2, 6, affine=False)
    if not hasattr(layer, "weight") or not hasattr(layer, "bias"):
        raise Mistake("with affine=False, weight and bias are missing, expected None")
    if layer.weight is not None or layer.bias is not None:
        raise Mistake("with affine=False, weight and bias are not None", "Is affine used?")


def judge_where(answer: Callable) -> None:
    """The device and the type of the parameters are those asked for."""
    layer = answer(2, 6, device="meta", dtype=t.float64)
    for name in ("weight", "bias"):
        p = getattr(layer, name)
        if (p.device.type, p.dtype) != ("meta", t.float64):
            facts = f"with device='meta' and dtype=torch.float64, {name} is on {p.device.type} in {p.dtype}"
            raise Mistake(facts, "Are device and dtype used?")


@t.no_grad()
def judge_norm(answer: Callable, x: t.Tensor, groups: int, eps: float) -> None:
    layer, expected = answer(groups, x.shape[1], eps, affine=False), F.group_norm(x, groups, eps=eps)
    with unchanged(x=x):
        result = layer(x)
        expect_tensor(result, tuple(x.shape), f"for x {tuple(x.shape)} it")
    if not result.allclose(expected, atol=1e-4):
        facts = f"GroupNorm({groups}, 6, eps={eps}, affine=False): {differs(result, expected)}"
        raise Mistake(facts, recognise(NORM_MISTAKES, lambda f: result.allclose(f(x, groups, eps), atol=1e-3)))


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
                f"the gradient of {name} is not that of nn.GroupNorm", "Is a part of it cut off from the graph?"
            )
