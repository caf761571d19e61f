"""The checks of Part 2. Call one with your own class: tests.part2.check_GroupNorm(GroupNorm)

A layer with a formula is compared with it; a table holds, for each mistake, the question to ask and its formula. A
block whose layout is the learner's own is judged by what it does: its weights are randomised, as a layout may begin
some at zero; then some are silenced, and what is left has to be exact. No attribute name is looked at but those that
the text demands.
"""

from collections.abc import Callable, Sequence
from functools import cache, partial
from itertools import combinations, pairwise
from math import exp, log, sqrt

import torch as t
import torch.nn.functional as F
from einops import rearrange
from torch import nn

from solutions.part2_unet import SelfAttention, UNetConfig
from tests.checking import Mistake, blame, check, expect_tensor, globals_used, kind, seed_all

# ------------------------------------------------------------------------------------------- what all layers must do


def make(answer: Callable, *arguments: object, inputs: Sequence[t.Tensor], width: int = 0) -> nn.Module:
    """The learner's layer, with weights under which nothing hides: a last layer at zero is right, but tells nothing.
    width: how many numbers each number is made of, where a weight's shape does not tell"""
    seed_all(t.initial_seed())
    module = answer(*arguments)
    if not isinstance(module, nn.Module):
        raise Mistake("it is not a module", "Does the class line still name nn.Module, and __init__ call super()?")
    with t.no_grad():
        module(*inputs)  # lazy layers get their weights here
        for p in module.parameters():
            if p.requires_grad:
                p.copy_(t.randn_like(p) / sqrt(width or p[0].numel()) if p.ndim > 1 else p + 0.3 * t.randn_like(p))
    return module


@t.no_grad()
def silence(module: nn.Module, silent: Callable[[str, t.Tensor], bool]) -> nn.Module:
    """Set every bias to 0 and every norm's scale to 1, as before training, and the weights that are asked for to 0."""
    for name, p in module.named_parameters():
        if p.ndim == 1:  # by PyTorch's names, or else a randomised scale is near 1 and a bias near 0
            is_scale = name.endswith("weight") or (p.mean() > 0.5 and not name.endswith("bias"))
            p.fill_(1.0 if is_scale else 0.0)
        elif silent(name, p):
            p.zero_()
    return module


def is_3x3(name: str, p: t.Tensor) -> bool:
    return p.shape[2:] == (3, 3)


def is_4x4(name: str, p: t.Tensor) -> bool:
    return p.shape[2:] == (4, 4)


def nothing(name: str, p: t.Tensor) -> bool:
    return False


def everything(name: str, p: t.Tensor) -> bool:
    return True


def listed(result: object) -> list:
    return list(result) if isinstance(result, tuple) else [result]


def judge_layer(answer: Callable, arguments: tuple, inputs: Sequence[t.Tensor], shapes: Sequence[tuple]) -> None:
    """What comes back has the right form; each image is treated by itself; all that it has is trained, saved, moved."""
    module, results = judge_learning(answer, arguments, inputs, shapes)
    judge_saving(answer, arguments, module, inputs, results)
    judge_device(answer, arguments, inputs)


def judge_learning(answer: Callable, arguments: tuple, inputs: Sequence[t.Tensor], shapes: Sequence[tuple]) -> tuple:
    module, results = judge_form(answer, arguments, inputs, shapes)
    judge_training(module, inputs)
    return module, results


def judge_form(answer: Callable, arguments: tuple, inputs: Sequence[t.Tensor], shapes: Sequence[tuple]) -> tuple:
    module = make(answer, *arguments, inputs=inputs)
    call = "for " + " and ".join(str(tuple(x.shape)) for x in inputs) + " it"
    before = [x.clone() for x in inputs]
    with t.no_grad():
        results = listed(module(*inputs))
        if len(results) != len(shapes):
            raise Mistake(f"{call} returns {len(results)} things, expected {len(shapes)}")
        for result, shape, name in zip(results, shapes, ("", "") if len(shapes) == 1 else ("x", "skip"), strict=False):
            expect_tensor(result, shape, f"as {name}, {call}" if name else call)
        if not all(x.equal(b) for x, b in zip(inputs, before, strict=True)):
            raise Mistake("it changes its input", "Does a line write into x in place?")
        if not all(a.equal(b) for a, b in zip(listed(module(*inputs)), results, strict=True)):
            raise Mistake(
                "called twice with the same input, it gives two results", "Is something drawn anew in forward?"
            )
        for i in range(len(inputs[0])):
            alone = listed(module(*(x[i : i + 1] for x in inputs)))
            if not all(close(a, b[i : i + 1]) for a, b in zip(alone, results, strict=True)):
                like_it = [x[i : i + 1].expand_as(x) for x in inputs[1:]]
                if like_it and close(listed(module(inputs[0], *like_it))[0][i : i + 1], alone[0]):
                    facts = "what an image becomes depends on the noise steps of the other images of its batch"
                    raise Mistake(facts, "Is the step of one image taken for all, or their mean?")
                facts = "what an image becomes depends on the other images of its batch"
                raise Mistake(facts, "Is there a batch norm, or do shapes broadcast that should not?")
    return module, results


def close(one: t.Tensor, other: t.Tensor, slack: float = 1e-3) -> bool:
    """Whether two tensors differ by less than that share of their size: sums in another order do, a little."""
    return bool((one - other).abs().max() <= slack * (1e-6 + other.abs().max()))


def judge_training(module: nn.Module, inputs: Sequence[t.Tensor]) -> None:
    with t.enable_grad():
        first, *_ = listed(module(*inputs))
    if not first.requires_grad and any(p.requires_grad for p in module.parameters()):
        raise Mistake("no gradient comes out of it", "Is there a no_grad or a detach in forward?")
    seed_all(t.initial_seed())
    if first.requires_grad:
        with t.enable_grad():
            (first * t.randn_like(first)).sum().backward()
    for name, p in module.named_parameters():
        if not p.requires_grad:
            continue
        if p.grad is None or (p.ndim > 1 and not p.grad.any()):
            if len(inputs) > 1:  # a block or a network that is given the step, too
                judge_step_used(module, inputs)
            if counts_in_last(p, module, inputs):  # but not in the first result
                raise Mistake(f"{name} counts in skip, but not in x", "Is it the skip that is halved?")
            raise Mistake(f"no gradient reaches {name}", "Is each layer used in forward?")
        if p.ndim > 1 and not p.grad.flatten(1).any(dim=1).all():
            question = "Is all that comes out of it used, or does a ReLU cut it off?"
            raise Mistake(f"no gradient reaches a part of {name}", question)
    module.zero_grad()


def counts_in_last(p: nn.Parameter, module: nn.Module, inputs: Sequence[t.Tensor]) -> bool:
    """Whether the last of a module's results depends on a parameter."""
    with t.enable_grad():
        last = listed(module(*inputs))[-1]
        gradient = (
            t.autograd.grad((last * t.randn_like(last)).sum(), p, allow_unused=True)[0] if last.requires_grad else None
        )
    return gradient is not None and bool(gradient.any())


def judge_saving(answer: Callable, arguments: tuple, module: nn.Module, inputs: Sequence, results: list) -> None:
    """All that was learned is in the state_dict, and so in parameters() and in what is saved."""
    seed = t.initial_seed()
    seed_all(seed + 1)
    other = make(answer, *arguments, inputs=inputs)
    seed_all(seed)
    other.load_state_dict(module.state_dict())
    with t.no_grad():
        same = all(close(a, b) for a, b in zip(listed(other(*inputs)), results, strict=True))
    if not same:
        question = "Are there layers in a plain list or dict? nn.ModuleList and nn.Sequential register what they hold."
        raise Mistake("saved and loaded into a new one, it gives another result", question)


def judge_device(answer: Callable, arguments: tuple, inputs: Sequence[t.Tensor]) -> None:
    """Every tensor that forward makes has to be where the input is. PyTorch's meta device shows it on any machine."""
    try:
        answer(*arguments).to("meta")(*(x.to("meta") for x in inputs))
    except Exception as error:
        if any(words in str(error) for words in ("same device", "two devices", "expected device", "copy out of meta")):
            question = "Is a tensor made on the CPU? Make it a buffer, or make it on the device of the input."
            raise Mistake("moved to another device, it mixes tensors of two devices", question) from None


def expect_error(call: Callable, facts: str, question: str) -> None:
    """A call that cannot be right has to say so."""
    try:
        call()
    except NotImplementedError:
        raise
    except Exception:
        return
    raise Mistake(facts, question)


def differs(result: t.Tensor, expected: t.Tensor) -> str:
    where = (result - expected).abs().argmax()
    return f"a number is {result.flatten()[where]:.4f}, expected {expected.flatten()[where]:.4f}"


# --------------------------------------------------------------------------------------------------- 2.1 GroupNorm


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


@check("2.1")
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
    layer, before = answer(groups, x.shape[1], eps, affine=False), x.clone()
    result, expected = layer(x), F.group_norm(x, groups, eps=eps)
    expect_tensor(result, tuple(x.shape), f"for x {tuple(x.shape)} it")
    if not x.equal(before):
        raise Mistake("it changes its input", "Does a line write into x in place?")
    if not result.allclose(expected, atol=1e-4):
        question = next((q for q, f in NORM_MISTAKES if result.allclose(f(x, groups, eps), atol=1e-3)), "")
        facts = f"GroupNorm({groups}, 6, eps={eps}, affine=False): {differs(result, expected)}"
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
        question = next((q for q, f in AFFINE_MISTAKES if result.allclose(f(plain, w, b), atol=1e-3)), "")
        raise Mistake(f"with other weights and biases than 1 and 0, {differs(result, expected)}", question)


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


# ------------------------------------------------------------------------------------------------------- 2.2 SiLU

SILU_MISTAKES = [
    ("That is ReLU. SiLU multiplies by a sigmoid.", F.relu),
    ("That is GELU, which multiplies by a Gaussian's share.", F.gelu),
    ("That is GELU, which multiplies by a Gaussian's share.", lambda x: F.gelu(x, approximate="tanh")),
    ("That is the sigmoid alone. Is it multiplied by x?", F.sigmoid),
    ("Is the sigmoid taken of 1.702 x? That imitates GELU.", lambda x: x * t.sigmoid(1.702 * x)),
    ("That is softplus, log(1 + exp(x)).", F.softplus),
    ("That is tanh.", t.tanh),
    ("Is x multiplied by its tanh? It is the sigmoid.", lambda x: x * t.tanh(x)),
    ("That is Mish: x · tanh(softplus(x)).", F.mish),
    ("Is the sign of the exponent turned round?", lambda x: x * t.sigmoid(-x)),
    ("That is ELU.", F.elu),
    ("That is hardswish, which imitates SiLU with straight pieces.", F.hardswish),
    ("Is the sigmoid taken of x · sigmoid(x)? Once is enough.", lambda x: t.sigmoid(x * t.sigmoid(x))),
    ("Is x added to the sigmoid? It multiplies.", lambda x: x + t.sigmoid(x)),
    ("Is x squared?", lambda x: x * x * t.sigmoid(x)),
    ("That is the derivative of the sigmoid.", lambda x: t.sigmoid(x) * (1 - t.sigmoid(x))),
    ("That is log(sigmoid(x)).", F.logsigmoid),
    ("That is the derivative of SiLU.", lambda x: t.sigmoid(x) * (1 + x * (1 - t.sigmoid(x)))),
    ("That is softsign.", F.softsign),
    ("That is leaky ReLU.", F.leaky_relu),
    ("That is leaky ReLU.", lambda x: F.leaky_relu(x, 0.1)),
    ("That is leaky ReLU.", lambda x: F.leaky_relu(x, 0.2)),
    ("That is SELU.", F.selu),
    ("That is the hard sigmoid, of straight pieces, and not multiplied by x.", F.hardsigmoid),
    ("Is the result cut off at 0? SiLU goes below.", lambda x: F.silu(x).clamp(min=0)),
    ("Is x multiplied by exp(-x)? The sigmoid is 1 / (1 + exp(-x)).", lambda x: x * (-x).exp()),
    ("Is x divided by the sigmoid? It multiplies.", lambda x: x / t.sigmoid(x)),
    ("Is the sign of the result turned round?", lambda x: -x * t.sigmoid(x)),
    (
        "Is that a softmax? The sigmoid looks at each number by itself.",
        lambda x: x * x.flatten().softmax(0).reshape(x.shape),
    ),
    ("That is x as it came.", lambda x: x),
]


@check("2.2")
def check_SiLU(answer: Callable) -> str:
    layer = answer()
    if not isinstance(layer, nn.Module):
        raise Mistake("it is not a module", "Does the class line still name nn.Module?")
    if any(p.requires_grad for p in layer.parameters()):
        raise Mistake("it has numbers to train, expected none", "Is x scaled by a number of its own in the sigmoid?")
    for shape in [(1001,), (2, 3, 4, 5), (), (3, 1)]:
        x = t.linspace(-6, 6, 1001) if shape == (1001,) else t.randn(shape)
        before = x.clone()
        with t.no_grad():
            result = layer(x)
        expect_tensor(result, shape, f"for x {shape} it")
        if not x.equal(before):
            raise Mistake("it changes its input", "Does a line write into x in place?")
        if not result.allclose(F.silu(x), atol=1e-4):
            question = next((q for q, f in SILU_MISTAKES if result.allclose(f(x), atol=1e-3)), "")
            at = (result - F.silu(x)).abs().argmax()
            raise Mistake(f"at {x.flatten()[at]:.2f}, {differs(result, F.silu(x))}", question)
    x = t.tensor([-200.0, -100, -30, -1, 0, 1, 30, 100, 200], requires_grad=True)
    overflow = "e^200 is too large for float32: is there an exp of your own?"
    if layer(x).isnan().any():
        raise Mistake("for numbers from -200 to 200 it returns nan", overflow)
    result, expected = layer(x).detach(), F.silu(x).detach()
    expect_tensor(result, (9,), "for numbers from -200 to 200 it")
    if not result.allclose(expected, atol=1e-4):
        at = (result - expected).abs().argmax()
        raise Mistake(f"at {x[at].item():.0f}, {differs(result, expected)}", "Is x cut off where it is large?")
    if not layer(x).requires_grad:
        raise Mistake("no gradient comes out of it", "Is there a no_grad or a detach in forward?")
    (mine,) = t.autograd.grad(layer(x).sum(), x)
    (expected,) = t.autograd.grad(F.silu(x).sum(), x)
    if not mine.allclose(expected, atol=1e-4):
        at = (mine - expected).nan_to_num(nan=9).abs().argmax()
        facts = f"at {x[at].item():.0f} its gradient is {mine[at]:.3f}, expected {expected[at]:.3f}"
        raise Mistake(facts, overflow if mine.isnan().any() else "Is a part of it cut off from the graph?")
    return "equal to PyTorch's, for any shape, with gradients, from -200 to 200"


# -------------------------------------------------------------------------------- 2.3 SinusoidalPositionEmbeddings


def waves(n: t.Tensor, frequencies: t.Tensor) -> t.Tensor:
    angles = n[:, None] * frequencies
    return t.cat([angles.sin(), angles.cos()], dim=1)


def powers(d: int, base: float = 10_000, last: float | None = None) -> t.Tensor:
    """d/2 frequencies from 1 down; the last is 1/base to the power of (d - 2)/d, or of last."""
    last = (d - 2) / d if last is None else last
    return base ** -t.linspace(0, last, d // 2)


RIGHT_WAVES = [lambda n, d: waves(n, powers(d)), lambda n, d: waves(n, powers(d, last=1))]
WAVE_MISTAKES = [
    ("Do the frequencies rise? They fall from 1 to about 1/10,000.", lambda n, d: waves(n, 1 / powers(d))),
    (
        "The slowest wave is too fast. Does the exponent go all the way to about 1?",
        lambda n, d: waves(n, powers(d, last=(d - 2) / d / 2)),
    ),
    (
        "The slowest wave is too slow. Does the exponent stop at about 1?",
        lambda n, d: waves(n, powers(d, last=2 * (d - 2) / d)),
    ),
    ("The first frequency is missing. It is 1.", lambda n, d: waves(n, 10_000 ** -((t.arange(d // 2) + 1) / (d // 2)))),
    ("The base should be 10,000.", lambda n, d: waves(n, powers(d, 1000))),
    ("The base should be 10,000.", lambda n, d: waves(n, powers(d, 1000, 1))),
    ("Is the log of 10,000 missing in the exponent?", lambda n, d: waves(n, powers(d, 2.718281828))),
    ("Is the log of 10,000 missing in the exponent?", lambda n, d: waves(n, powers(d, 2.718281828, 1))),
    ("Are the frequencies evenly spaced? Their ratios should be.", lambda n, d: waves(n, t.linspace(1, 1e-4, d // 2))),
    (
        "Are the frequencies 1, 2, 3, …? They fall from 1 to about 1/10,000.",
        lambda n, d: waves(n, 1 + t.arange(d // 2)),
    ),
    ("Is there one frequency for all? Mind // in the exponent.", lambda n, d: waves(n, t.ones(d // 2))),
    ("Is it all sines? Half should be cosines.", lambda n, d: (n[:, None] * powers(2 * d)).sin()),
    ("Is it all cosines? Half should be sines.", lambda n, d: (n[:, None] * powers(2 * d)).cos()),
    ("Is it all sines? Half should be cosines.", lambda n, d: waves(n, powers(d))[:, : d // 2].repeat(1, 2)),
    ("Is it all cosines? Half should be sines.", lambda n, d: waves(n, powers(d))[:, d // 2 :].repeat(1, 2)),
    (
        "A sine and its cosine should have the same frequency.",
        lambda n, d: t.cat([(n[:, None] * powers(2 * d)[::2]).sin(), (n[:, None] * powers(2 * d)[1::2]).cos()], dim=1),
    ),
    (
        "A sine and its cosine should have the same frequency.",
        lambda n, d: t.cat(
            [(n[:, None] * powers(2 * d)[: d // 2]).sin(), (n[:, None] * powers(2 * d)[d // 2 :]).cos()], dim=1
        ),
    ),
    (
        "A sine and its cosine should have the same frequency.",
        lambda n, d: t.cat(
            [(n[:, None] * powers(2 * d)[::2] ** 2).sin(), (n[:, None] * powers(2 * d)[1::2] ** 2).cos()], dim=1
        ),
    ),
    ("The base should be 10,000.", lambda n, d: waves(n, powers(d, 100))),
    ("The base should be 10,000.", lambda n, d: waves(n, powers(d, 100_000))),
    ("The base should be 10,000.", lambda n, d: waves(n, powers(d, 100_000, 1))),
    ("Is that the log of base 10? exp goes with the natural one.", lambda n, d: waves(n, powers(d, exp(4)))),
    ("Is that the log of base 10? exp goes with the natural one.", lambda n, d: waves(n, powers(d, exp(4), 1))),
    ("Is exp missing, after the log?", lambda n, d: waves(n, -log(10_000) * t.arange(d // 2) / (d // 2))),
    ("Is exp missing, after the log?", lambda n, d: waves(n, -log(10_000) * t.arange(d // 2) / (d // 2 - 1))),
    (
        "The first frequency is missing. It is 1.",
        lambda n, d: waves(n, 10_000 ** -((t.arange(d // 2) + 1) / (d // 2 - 1))),
    ),
    (
        "Are the angles laid out anew by a reshape? Their axes should stay, or be moved.",
        lambda n, d: t.cat([f((powers(d)[:, None] * n).reshape(len(n), -1)) for f in (t.sin, t.cos)], dim=1),
    ),
    (
        "Are the angles laid out anew by a reshape? Their axes should stay, or be moved.",
        lambda n, d: waves(n, powers(d)).T.reshape(len(n), -1),
    ),
    ("Is one count added first?", lambda n, d: waves(n + 1, powers(d))),
    (
        "Are sine and cosine added up? Each has a place of its own.",
        lambda n, d: (n[:, None] * powers(2 * d)).sin() + (n[:, None] * powers(2 * d)).cos(),
    ),
    ("Is there a 2π too many?", lambda n, d: waves(n, 2 * t.pi * powers(d))),
    ("Are the angles in degrees? sin takes radians.", lambda n, d: waves(n, t.pi / 180 * powers(d))),
    (
        "Is the count divided by 1000 first? The waves are made for whole counts.",
        lambda n, d: waves(n / 1000, powers(d)),
    ),
    ("Is one count taken away first?", lambda n, d: waves(n - 1, powers(d))),
    ("Is sin or cos missing?", lambda n, d: (n[:, None] * powers(d)).repeat(1, 2)),
    ("Is it multiplied by a root? Sines stay between -1 and 1.", lambda n, d: waves(n, powers(d)) * sqrt(d)),
]


def same_columns(one: t.Tensor, other: t.Tensor) -> bool:
    """Whether they have the same columns, in any order."""
    left = list(range(one.shape[1]))
    for column in other.T:
        found = next((i for i in left if one[:, i].allclose(column, atol=2e-3)), None)
        if found is None:
            return False
        left.remove(found)
    return True


@check("2.3")
@t.no_grad()
def check_SinusoidalPositionEmbeddings(answer: Callable) -> str:
    expect_error(
        lambda: answer(5), "an embedding_size of 5 raises no error", "Is the given check for even sizes still there?"
    )
    for d in (8, 4, 32):
        layer = answer(d)
        if not isinstance(layer, nn.Module):
            raise Mistake("it is not a module", "Does the class line still name nn.Module, and __init__ call super()?")
        if trained := [tuple(p.shape) for p in layer.parameters() if p.requires_grad]:
            question = "Are the frequencies fixed? A buffer keeps them."
            if len(trained[0]) > 1:
                question = "Is that a table that is learned, or a Linear layer? Sines and cosines learn nothing."
            raise Mistake(f"it has parameters to train, of shape {trained[0]}", question)
        some = [t.randint(1, 1001, (size,)) for size in (50, d // 2, d)]
        for n in [t.arange(1, 11), *some, t.tensor([1000])]:
            before = n.clone()
            result = layer(n)
            judge_waves_form(result, n, d)
            if not n.equal(before):
                raise Mistake("it changes the counts it is given", "Does a line write into num_steps in place?")
            judge_waves(result, n, d)
        halves = t.randint(1, 1001, (20,)) + 0.5
        if layer(halves).allclose(layer(halves.floor()), atol=1e-3) or layer(halves).allclose(
            layer(halves.ceil()), atol=1e-3
        ):
            raise Mistake("a count of 7.5 gets the embedding of a whole number", "Are the counts rounded?")
        judge_waves(layer(halves), halves, d)
    judge_layer(answer, (8,), [t.tensor([1, 50, 1000])], [(3, 8)])
    return "sine and cosine of each frequency, from 1 to about 1/10,000, whole and broken counts"


def judge_waves_form(result: object, n: t.Tensor, d: int) -> None:
    call = f"with embedding_size {d} and {len(n)} counts it"
    if isinstance(result, t.Tensor):
        question = {
            (2 * len(n), d // 2): "Do sines and cosines stand below each other? They go side by side.",
            (len(n), d // 2): "Are sines and cosines both there, side by side?",
            (len(n), 2 * d): "Are there d frequencies? There should be d/2.",
            (d, len(n)): "Which of the two axes belongs to the counts? The first one.",
            (len(n), 1, d): "Is there an axis too many?",
            (len(n), d // 2, 2): "Is one axis left to be flattened?",
            (len(n), 2, d // 2): "Is one axis left to be flattened?",
        }.get(tuple(result.shape))
        if question and result.shape != (len(n), d):
            raise Mistake(f"{call} returns {kind(result)}, expected shape {(len(n), d)}", question)
        if result.dtype == t.float64:
            facts = f"{call} returns numbers of type torch.float64, expected torch.float32"
            raise Mistake(facts, "Are the frequencies float64? NumPy makes them so, and Linear layers refuse them.")
    expect_tensor(result, (len(n), d), call)


def judge_waves(result: t.Tensor, n: t.Tensor, d: int) -> None:
    if any(same_columns(result, formula(n, d)) for formula in RIGHT_WAVES):
        return
    many = len(n) > d  # of few counts, another formula can fit by chance
    question = next((q for q, formula in WAVE_MISTAKES if many and same_columns(result, formula(n, d))), "")
    for expected in [(n[:, None] * powers(d)).sin().T, (n[:, None] * powers(d)).cos().T]:
        for k, column in enumerate(expected):
            if not any(column.allclose(own, atol=2e-3) for own in result.T) and (k == 0 or question):
                wave = "sine" if expected[0, 0] == (n[0] * 1.0).sin() else "cosine"
                facts = f"with embedding_size {d}, no column is the {wave} of {powers(d)[k]:.4g} times the count"
                raise Mistake(facts, question)
    raise Mistake(
        f"with embedding_size {d}, the columns are not the sines and cosines of falling frequencies", question
    )


# ------------------------------------------------------------------------------------------------ 2.4 SelfAttention
# Without biases, an image of two kinds of pixels, a and b, tells all: what a pixel gets is a mean of what it would get
# in an image of a alone and in one of b alone, and how far between them it lies is the weight that it gives to b.


def images_of(kinds: t.Tensor, pattern: Sequence[int], size: tuple[int, int]) -> t.Tensor:
    """Images whose pixels are of some kinds. kinds: (k, B, C)   pattern: the kind of each pixel, in reading order"""
    H, W = size
    return rearrange(kinds[list(pattern)], "(h w) b c -> b c h w", h=H, w=W)


@check("2.4")
def check_SelfAttention(answer: Callable) -> str:
    expect_error(
        lambda: answer(6, 4),
        "SelfAttention(6, 4) raises no error, but 6 channels do not make 4 equal heads",
        "Is the given check still there?",
    )
    for heads, shape in [(4, (2, 8, 5, 3)), (1, (3, 6, 2, 4)), (4, (8, 8, 8, 8)), (2, (1, 4, 1, 1))]:
        x = t.randn(shape)
        module = make(answer, shape[1], heads, inputs=[x])
        with t.no_grad():
            expect_tensor(module(x), shape, f"for x {shape} and {heads} heads it")
    with t.no_grad():
        judge_company(answer)
    judge_layer(answer, (8, 4), [t.randn(3, 8, 4, 2)], [(3, 8, 4, 2)])
    with t.no_grad():
        judge_places(answer)
        judge_nothing_else(answer)
        judge_weights(answer)
        judge_heads(answer)
        judge_scale(answer)
    return "pixels as a sequence, weights that add up to 1, heads, their scale, an output projection"


def bare(answer: Callable, channels: int, heads: int, x: t.Tensor) -> nn.Module:
    return silence(make(answer, channels, heads, inputs=[x], width=channels), nothing)


def judge_company(answer: Callable) -> None:
    """An image's pixels look at each other, and not at those of other images."""
    x = t.randn(3, 8, 2, 3)
    module = make(answer, 8, 4, inputs=[x])
    together, alone = module(x)[:1], module(x[:1])
    if close(together, alone) or not together.equal(module(x)[:1]):  # what is drawn anew is judged later
        return
    lit = x[:1].clone()
    lit[:, :, 0, 0] += 1
    if close(module(lit)[:, :, 1, 2], alone[:, :, 1, 2]):
        facts = "a pixel looks at the same pixel of other images, and not at its own image's pixels"
        raise Mistake(facts, "Which axis is taken for the sequence? (PyTorch's own attention has batch_first.)")
    facts = "what an image becomes depends on the other images of its batch"
    raise Mistake(facts, "Does the softmax go over the batch, or a reshape mix images?")


def judge_places(answer: Callable) -> None:
    """A pixel knows what it is and not where; what it gets comes back where it was."""
    kinds, size = t.randn(2, 2, 8), (3, 4)
    module = bare(answer, 8, 4, images_of(kinds, [0] * 12, size))
    alike = module(images_of(kinds, [0] * 12, size))
    if not close(alike, alike[:, :, :1, :1].expand_as(alike)):
        facts = "an image whose pixels are all alike comes back with pixels that differ"
        raise Mistake(facts, why_pixels_differ(module))
    lit = module(images_of(kinds, [0] * 6 + [1] + [0] * 5, size))
    usual = lit.flatten(2).median(dim=2).values[:, :, None, None]
    odd = (lit - usual).abs().sum(dim=(0, 1)) > 1e-3 * lit.abs().sum()
    if odd.sum() == 1 and not odd[1, 2]:
        row, column = odd.nonzero()[0].tolist()
        facts = f"what the pixel in row 1, column 2 gets comes back in row {row}, column {column}"
        raise Mistake(facts, "Do height and width go back in the order they came?")
    x, order = t.randn(2, 8, 3, 4), t.randperm(12)
    mixed = x.flatten(2)[:, :, order].reshape(x.shape)
    if not close(module(mixed), module(x).flatten(2)[:, :, order].reshape(x.shape)):
        lit = x[:1] + t.eye(12).reshape(12, 1, 3, 4)  # in each image another pixel
        change = (module(lit) - module(x[:1])).abs().sum(dim=1).flatten(1)
        touched = change > 1e-4 * change.max()
        facts, question = "the same pixels in another order do not get the same results in that order", ""
        if not touched.all():
            first, last = int(touched[0].sum()), int(touched[-1].sum())
            facts = f"of 12 pixels, the first counts for {first} and the last for {last}"
            question = "Is there a mask? Each pixel looks at all."
            if touched.equal(touched.T):
                question = "Are the heads split off by a reshape alone? It cuts the sequence into pieces."
        raise Mistake(facts, question or "Does a pixel's place count? Nothing should tell a pixel where it is.")


def why_pixels_differ(module: nn.Module) -> str:
    """What went wrong on the way of an image whose pixels are alike, told from one whose channels are alike, too."""
    result = module(t.tensor([1.0, 2]).reshape(2, 1, 1, 1).expand(2, 8, 3, 4))
    cuts = [  # each with an axis along which all is alike
        (result.flatten(2), 2, "Is x made a sequence by a reshape alone? Its axes have to be moved."),
        (result.reshape(2, 12, 8), 1, "Is the sequence made an image by a reshape alone? Its axes have to be moved."),
        (result.reshape(2, 8, 4, 3), 3, "Are the heads put together by a reshape alone? Their axis has to be moved."),
        (result.reshape(2, 8, 3, 4), 2, "Are the heads split off by a reshape alone? Their axis has to be moved."),
    ]
    spread = 1e-3 * (result - result[:, :, :1, :1]).abs().max()  # a pixel's place makes it a little another one
    found = (question for cut, axis, question in cuts if (cut - cut.narrow(axis, 0, 1)).abs().max() <= spread)
    return next(found, "Does a pixel's place count? Nothing should tell a pixel where it is.")


def judge_nothing_else(answer: Callable) -> None:
    kinds = t.randn(1, 64, 16)
    x = images_of(kinds, [0], (1, 1))
    module, silent = bare(answer, 16, 1, x), silence(make(answer, 16, 1, inputs=[x]), everything)
    if silent(x).abs().max() > 1e-3:
        raise Mistake("with all weights at 0 the result is not 0", "Is x added? That is the next exercise.")
    if close(module(2 * x), module(x), 0.05):
        raise Mistake(
            "twice as large numbers give the same result", "Is there a norm inside? That is the next exercise."
        )


def judge_weights(answer: Callable) -> None:
    """One head: what a pixel gets lies between what it would get among pixels of one kind alone."""
    kinds = t.randn(2, 64, 16)
    module = bare(answer, 16, 1, images_of(kinds, [0], (1, 1)))
    a, a_alone = module(images_of(kinds, [0] * 12, (3, 4))), module(images_of(kinds, [0], (1, 1)))
    if not close(a[:, :, :1, :1], a_alone):
        facts = "in an image of one colour, what a pixel gets depends on how many pixels there are"
        question = "Do the weights that one pixel gives to all pixels add up to 1? "
        twice = module(images_of(2 * kinds, [0], (1, 1)))
        if not close(a[:, :, :1, :1], 12 * a_alone):
            raise Mistake(facts, "Do channels look at channels? Pixels look at pixels.")
        if close(twice, 2 * a_alone):
            raise Mistake(facts, question + "Along which axis do they lie?")
        raise Mistake(facts, question + ("Is there a softmax?" if close(twice, 8 * a_alone) else "Is that a softmax?"))
    b = module(images_of(kinds, [1], (1, 1)))[:, :, 0, 0]
    a = a_alone[:, :, 0, 0]
    both = module(images_of(kinds, [0] * 3 + [1] * 5, (2, 4)))
    if close(both[:, :, 0, 0], a) and close(both[:, :, 1, 3], b):
        facts = "what a pixel gets does not depend on the other pixels"
        raise Mistake(facts, "Which axes are left in the product of q and k? There should be one score for each pair.")
    way = b - a
    share = ((both - a[:, :, None, None]) * way[:, :, None, None]).sum(dim=1) / way.square().sum(dim=1)[:, None, None]
    on_the_way = a[:, :, None, None] + share[:, None] * way[:, :, None, None]
    if not close(on_the_way, both, 0.01) or share.min() < -0.01 or share.max() > 1.01:
        facts = "with one head, what a pixel gets is no weighted mean of what the pixels have to give"
        if not close(module(images_of(2 * kinds, [0], (1, 1))), 2 * a_alone):
            raise Mistake(facts, "Is there a softmax? One pixel's weights are positive, and add up to 1.")
        one_key_for_all = close(both.sum(dim=(2, 3)), 3 * a + 5 * b)  # a key's weights for all queries add up to 1
        if not one_key_for_all and ways_to_choose(module, 16, list(range(16))) > 1:
            facts = "with num_heads=1, pixels are weighted in several ways, expected one"
            raise Mistake(facts, "Is num_heads the width of a head? It is how many there are.")
        raise Mistake(facts, "Over which axis is the softmax? One pixel's weights on all others add up to 1.")
    if close(module(images_of(kinds, [0, 1], (1, 2)))[:, :, 0, 0], b):
        raise Mistake("of two pixels, each looks at the other alone", "Is there a mask? A pixel looks at itself, too.")
    symmetric = t.logit(share[:, 0, 0].clamp(1e-6, 1 - 1e-6)) - t.logit(share[:, 1, 3].clamp(1e-6, 1 - 1e-6))
    if symmetric.abs().median() > 1e-3 and (symmetric <= 1e-3).all() and len(symmetric) > 20:
        raise Mistake("each pixel prefers pixels like itself, in all of 64 images", "Are q and k the same?")
    gain = (a.square().mean() / kinds[0].square().mean()).sqrt().item()
    if not 0.6 < gain < 1.7:
        facts = f"in images of one colour, numbers come out {gain:.2f} times as large as expected"
        raise Mistake(facts, "Is the scale applied after the softmax? It belongs to the scores.")


def judge_heads(answer: Callable) -> None:
    """Each head has its own weights; the projection mixes what the heads bring, each channel in its own way."""
    C, heads = 32, 4
    kinds = t.randn(2, 1, C)
    module = bare(answer, C, heads, images_of(kinds, [0], (1, 1)))
    a, b = (module(images_of(kinds, [i], (1, 1)))[0, :, 0, 0] for i in (0, 1))
    both = module(images_of(kinds, [0] * 3 + [1] * 5, (2, 4)))[0, :, 0, 0]
    share = ((both - a) / (b - a))[(b - a).abs() > 0.05 * (b - a).abs().max()].sort().values
    distinct = 1 + int((share.diff() > 1e-3).sum())
    ways = ways_to_choose(module, C, list(range(C)))
    if ways != heads:
        facts = f"with num_heads={heads}, a pixel has {ways} set{'s'[: ways != 1]} of weights, expected {heads}, one for each head"
        width = "Is num_heads the width of a head? It is how many there are."
        raise Mistake(facts, {1: "Does each head have its own scores?", C // heads: width}.get(ways, ""))
    for few in (range(C // heads), range(0, C, heads)):
        if ways_to_choose(module, C, list(few)) < heads:
            facts = f"what only {len(few)} of the {C} channels hold reaches one head alone"
            raise Mistake(facts, "Are the heads split before Linear? A query, key or value is made of all channels.")
    if distinct <= heads:
        facts = f"the channels fall into {distinct} sets, one for each head, that are not mixed"
        raise Mistake(facts, "Is there an output projection after the heads are put together?")


def ways_to_choose(module: nn.Module, C: int, channels: list[int]) -> int:
    """The number of heads: a weak pixel between a strong one and its opposite gets, from each head, the one or the
    other, so that all it ever gets is made of as many vectors as there are heads."""
    strong, weak = t.zeros(64, C), t.zeros(64, C)
    strong[:, channels], weak[:, channels] = 60 * t.randn(len(channels)), 0.1 * t.randn(64, len(channels))
    found = module(t.stack([weak, strong, -strong], dim=2)[:, :, None])[:, :, 0, 0]
    sizes = t.linalg.svdvals(found)
    return int((sizes > 0.03 * sizes[0]).sum())


SCALES = [  # how many times too large the scores are, for 128 channels and 8 heads
    (4.0, "Are the scores divided by the root of the head width?"),
    (16.0, "Are the scores multiplied by the root? They are divided by it."),
    (sqrt(1 / 8), "Is that the root of all channels? Each head has its own width."),
    (0.25, "Is the head width's root missing? They are divided by it, once, and not by the width."),
    (sqrt(2), "Is that the root of the number of heads?"),
    (sqrt(8), "Is that the root of the number of pixels? It is the root of the head width."),
    (0.5, "Is that the number of heads? It is the root of the head width."),
]


def score_size(answer: Callable) -> float:
    """How far the weights move from all alike, which grows with the scores while they are small."""
    seed_all(0)
    C, heads = 128, 8
    kinds = 0.15 * t.randn(2, 64, C)
    module = bare(answer, C, heads, images_of(kinds, [0], (1, 1)))
    a, b = (module(images_of(kinds, [i], (1, 1)))[:, :, 0, 0] for i in (0, 1))
    both = module(images_of(kinds, [0, 1], (1, 2)))[:, :, 0, 0]
    return ((both - (a + b) / 2).square().mean() / (b - a).square().mean()).sqrt().item()


def judge_scale(answer: Callable) -> None:
    ratio = score_size(answer) / score_size(SelfAttention)
    if 0.84 < ratio < 1.19:
        return
    nearest = min(SCALES, key=lambda row: abs(log(max(ratio, 1e-9) / row[0])))
    question = nearest[1] if abs(log(max(ratio, 1e-9) / nearest[0])) < 0.45 else ""
    raise Mistake(f"with 8 heads of width 16, scores are {ratio:.2f} times what they should be", question)


# ----------------------------------------------------------------------------------------------- 2.5 AttentionBlock


def blaming(judge: Callable, answer: Callable, *names: str) -> str:
    """The judge's verdict; but first of all a class that this one is made of has to pass its own check."""
    try:
        return judge(answer)
    except Mistake:
        blame(answer, {name: globals()[f"check_{name}"] for name in names})
        raise


@check("2.5")
def check_AttentionBlock(answer: Callable) -> str:
    return blaming(judge_attention_block, answer, "GroupNorm", "SelfAttention")


def judge_attention_block(answer: Callable) -> str:
    for shape in [(3, 8, 3, 5), (8, 8, 8, 8)]:
        judge_layer(answer, (8,), [t.randn(shape)], [shape])
    x = 10 * t.randn(2, 8, 3, 4)
    with t.no_grad():
        silent = silence(make(answer, 8, inputs=[x]), everything)(x)
        if not close(silent, x):
            cases = [
                (t.zeros_like(x), "Is x added to what attention finds?"),
                (2 * x, "Is x added twice?"),
                (F.group_norm(x, 1), "Is the norm of x added, or is there a norm at the end? x itself is added."),
                (x + F.group_norm(x, 1), "Is the norm of x added, too?"),
            ]
            question = next((q for result, q in cases if close(silent, result)), "")
            times = ((silent * x).sum() / x.square().sum()).item()
            came = f": it comes back {times:.3g} times as large" if close(silent, times * x) and not question else ""
            question = question or (came and "Is it divided by a root of 2, or scaled? x itself is added.")
            raise Mistake(f"with all of attention's weights at 0, x does not come back unchanged{came}", question)
        module = make(answer, 8, inputs=[x])

        def found(x: t.Tensor) -> t.Tensor:
            return module(x) - x

        if not close(found(3 * x + 5), found(x), 0.01):
            facts = "what is added to x changes when all of x is scaled and shifted"
            many = any(close(found(x * pieces), found(x), 0.01) for pieces in scaled_pieces())
            question = (
                "Is that a norm with many groups? Here it has one." if many else "Is x normalised before attention?"
            )
            raise Mistake(facts, question)
        if any(close(found(x * pieces), found(x), 0.01) for pieces in scaled_pieces()):
            facts = "what is added to x stays the same when some channels of x are scaled"
            raise Mistake(facts, "Is that a norm with many groups? Here it has one.")
        if close(found(x * t.linspace(0.2, 4, 12).reshape(3, 4)), found(x), 0.01):
            facts = "what is added to x stays the same when some pixels of x are scaled"
            raise Mistake(facts, "Is each pixel normalised by itself? All of an image share one mean.")
        other = x.clone()  # the same numbers, so the same mean and variance, but other pixels
        other[:, :, 0, 0] = x[:, :, 0, 0].roll(1, dims=1)
        if close(found(other)[:, :, 2], found(x)[:, :, 2]):
            raise Mistake("what a pixel gets does not depend on the other pixels", "Is there attention?")
        order = t.randperm(12)
        mixed = module(x.flatten(2)[:, :, order].reshape(x.shape))
        if not close(mixed, module(x).flatten(2)[:, :, order].reshape(x.shape)):
            facts = "the same pixels in another order do not get the same results in that order"
            raise Mistake(facts, "What else is there than a norm and attention?")
        judge_one_norm(answer, x, found)
    return "x itself comes through, a norm of one group before attention, each image by itself"


def judge_one_norm(answer: Callable, x: t.Tensor, found: Callable) -> None:
    """In an image of one colour attention is linear, so a norm's mean and variance can only come from before it; and
    after one norm, opposite colours are opposite, whatever its scales and shifts."""
    added = silence(make(answer, 8, inputs=[x]), nothing)(x) - x
    var, mean = t.var_mean(added, dim=(1, 2, 3), correction=0)
    if mean.abs().max() < 1e-3 and (var - 1).abs().max() < 1e-2:
        raise Mistake("what is added to x has mean 0 and variance 1", "Is there a norm after attention, too?")
    colours = 10 * t.randn(16, 8, 1, 1).expand(16, 8, 2, 2)
    middle = found(colours) + found(-colours)
    if (middle - middle[:1]).abs().max() > 1e-3 * found(colours).abs().max():
        facts = "in images of one colour, what is added is not linear in the normalised colour"
        raise Mistake(facts, "Is x normalised twice, or is there an activation? One norm and attention are all.")


def scaled_pieces() -> list[t.Tensor]:
    """What scales 8 channels, differently for each of 8, 4 or 2 groups."""
    return [t.linspace(0.2, 4, g).reshape(1, g, 1).expand(1, g, 8 // g).reshape(1, 8, 1, 1) for g in (8, 4, 2)]


# ------------------------------------------------------------------------------------------------ 2.6 ResidualBlock


def reach(module: nn.Module, x: t.Tensor, *others: t.Tensor, at: tuple[int, int], pick: int = 0) -> tuple[int, int]:
    """How high and wide the patch of output pixels is that one lit pixel of a black image changes, far from its edges.
    (A norm lets every pixel feel all others, but it treats all black ones alike.)"""
    lit = x.clone()
    lit[:, :, at[0], at[1]] = t.randn(x.shape[1])
    with t.no_grad():
        result = listed(module(lit, *others))[pick]
    background = result[:, :, result.shape[2] // 4, result.shape[3] // 4][:, :, None, None]
    edge = 5 * result.shape[2] // x.shape[2] + (result.shape[2] < x.shape[2])
    inner = (result - background).abs().sum(dim=(0, 1))[edge:-edge, edge:-edge]
    touched = inner > 1e-4 * inner.max().clamp(min=1e-6)
    return int(touched.any(dim=1).sum()), int(touched.any(dim=0).sum())


@check("2.6")
def check_ResidualBlock(answer: Callable) -> str:
    return blaming(judge_residual_block, answer, "GroupNorm", "SiLU")


def judge_residual_block(answer: Callable) -> str:
    for arguments, shape in [
        ((8, 16, 12, 4), (3, 8, 6, 5)),
        ((8, 8, 8, 4), (8, 8, 8, 8)),
        ((16, 4, 6, 2), (2, 16, 5, 7)),
    ]:
        B, _, H, W = shape
        inputs = [t.randn(shape), t.randn(B, arguments[2])]
        judge_layer(answer, arguments, inputs, [(B, arguments[1], H, W)])
    expect_error(
        lambda: answer(8, 16, 12, 3),
        "with groups=3 for 16 channels it raises no error",
        "Is groups used in both norms?",
    )
    with t.no_grad():
        judge_shortcut(answer)
        judge_branch(answer)
        judge_norms(answer)
        judge_step(answer)
        judge_step_place(answer)
    return "the shortcut, both norms and SiLUs, the step after the first of them, one number a channel"


def judge_shortcut(answer: Callable) -> None:
    x, e = 3 * t.randn(2, 8, 6, 7), t.randn(2, 12)
    result = silence(make(answer, 8, 8, 12, 4, inputs=[x, e]), everything)(x, e)
    if not close(result, x):
        module = make(answer, 8, 8, 12, 4, inputs=[x, e])
        linear = close(module(1e5 * x, e) / 1e5, module(2e5 * x, e) / 2e5) and module(1e5 * x, e).abs().mean() > 1e3
        cases = [
            (F.silu(x), "Is the input added before the last SiLU? It comes after."),
            (2 * x, "Is the input added twice?"),
            (F.group_norm(x, 4), "Is there a norm after the input is added?"),
            (F.silu(F.group_norm(x, 4)), "Is the input added before the last norm? It comes at the very end."),
            (t.zeros_like(x), "Is there a layer on the way of the input? With equal widths it needs none." if linear
             else "Is the input added at the end?"),
        ]  # fmt: skip
        question = next((q for expected, q in cases if close(result, expected)), "")
        raise Mistake("with all weights at 0 and equal widths, the input does not come back unchanged", question)
    wider = make(answer, 8, 16, 12, 4, inputs=[x, e])
    if silence(wider, everything)(x, e).abs().max() > 1e-4:
        facts = "with all weights at 0 and other widths, the input arrives all the same"
        raise Mistake(facts, "Does it go through a 1×1 convolution, with weights of its own?")
    wider = silence(make(answer, 8, 16, 12, 4, inputs=[x, e]), nothing)
    large = wider(1e6 * x, e) / 1e6
    if large.abs().max() < 1e-3:
        facts = "where the widths differ, an input a million times as large changes little"
        raise Mistake(facts, "Is the input added at the end, through a 1×1 convolution alone?")
    lit = x.clone()
    lit[:, :, 3, 3] += 10
    touched = (wider(1e6 * lit, e) / 1e6 - large).abs().sum(dim=(0, 1)) > 1e-3
    if touched.sum() > 1:
        raise Mistake("on its way to the end, a pixel of the input spreads to others", "Is the shortcut's kernel 1×1?")
    if not close(wider(2e6 * x, e) / 2e6, large, 0.01) or not close(wider(-1e6 * x, e) / -1e6, large, 0.01):
        raise Mistake("the input does not arrive at the end as it was", "Is there a SiLU on the shortcut?")


def judge_branch(answer: Callable) -> None:
    """With equal widths the branch is what is left when the input is taken off."""
    x, e = t.randn(8, 16, 12, 12), t.zeros(8, 12)
    module = silence(make(answer, 16, 16, 12, 4, inputs=[x, e]), nothing)
    branch = module(x, e) - x
    if branch.abs().max() < 1e-4:
        raise Mistake("with a step_emb of 0, nothing is added to the input", "Does the step multiply? It is added.")
    low = branch.min().item()
    if not -0.2786 < low < -0.25:
        question = "Is SiLU the last thing before the input is added?"
        question = "Is that a ReLU?" if low >= 0 else "Is that a GELU?" if abs(low + 0.17) < 0.01 else question
        if close(module(x + 5, e) - x - 5, branch):
            question = "Does a norm come first, as in the paper's code? Here it is convolution, norm, SiLU."
        raise Mistake(f"before the input is added, numbers go down to {low:.3f}, SiLU's go down to -0.278", question)
    if close(module(x + 5, e) - x - 5, branch):
        facts = "the branch takes no notice when all of the input is shifted"
        raise Mistake(facts, "Is the input normalised? The first convolution comes before the first norm.")
    for name, p in module.named_parameters():
        if is_3x3(name, p):
            judge_groups(name, p, lambda: module(x, e) - x, branch)
    size = reach(module, t.zeros(1, 16, 24, 24), t.zeros(1, 12), at=(12, 12))
    if size != (5, 5):
        question = {
            (3, 3): "Are there two 3×3 convolutions?",
            (1, 1): "Are there two 3×3 convolutions?",
            (7, 7): "Are there two convolutions, with 3×3 kernels?",
        }.get(size, "Are there two convolutions, with 3×3 kernels?")
        raise Mistake(f"one pixel reaches a patch of {size[0]} by {size[1]}, expected 5 by 5", question)
    judge_bend(module, x, e)


def judge_groups(name: str, p: nn.Parameter, branch: Callable, before: t.Tensor) -> None:
    """The norm after a kernel takes off what all of a group of 4 channels is multiplied by, and nothing else."""

    def hidden(channels: slice) -> bool:
        p[channels] *= 10
        same = close(branch(), before, 0.01)
        p[channels] /= 10
        return same

    if not hidden(slice(0, 16)):
        facts = f"ten times as large weights in {name} change the result"
        raise Mistake(facts, "Is there a norm right after each of the two convolutions?")
    if not hidden(slice(0, 4)):
        facts = f"with groups=4 for 16 channels, the norm after {name} puts more than 4 channels in a group"
        raise Mistake(facts, "Is groups used in both norms?")
    if hidden(slice(0, 2)):
        facts = f"with groups=4 for 16 channels, the norm after {name} puts fewer than 4 channels in a group"
        raise Mistake(facts, "Is groups used in both norms?")


def judge_norms(answer: Callable) -> None:
    """If nothing reads channel 0 of the first half, then the scale of channel 0, in either norm, changes channel 0 of
    the result at most: unless another norm follows, which mixes a group's channels."""
    x, e = t.randn(2, 8, 6, 7), t.zeros(2, 12)
    module = silence(make(answer, 8, 16, 12, 4, inputs=[x, e]), nothing)
    kernel = next((p for name, p in module.named_parameters() if is_3x3(name, p) and p.shape[1] == 16), None)
    if kernel is None:
        return

    def touched(scale: nn.Parameter) -> set[int]:
        before = module(x, e)
        scale[0] = 3
        change = (module(x, e) - before).abs().amax(dim=(0, 2, 3)) > 1e-4
        scale[0] = 1
        return set(change.nonzero().flatten().tolist())

    for name, p in module.named_parameters():
        if p.shape == (16,) and p.eq(1).all():
            with_it, column = touched(p), kernel[:, 0].clone()
            kernel[:, 0] = 0
            without = touched(p)
            kernel[:, 0] = column
            if without - {0}:
                facts = f"one channel's number in {name} changes other channels of its group, too"
                raise Mistake(facts, "Does a norm follow right after a norm? Each convolution has one.")
            if without and with_it - {0}:
                facts = f"{name} scales the channels after both convolutions"
                raise Mistake(facts, "Is one norm used twice? Each convolution has a norm of its own.")


def judge_bend(module: nn.Module, x: t.Tensor, e: t.Tensor) -> None:
    """Something bends between the convolutions. Otherwise x and -x would arrive at the last SiLU as some a and -a, and
    SiLU(a) - SiLU(-a) = a while SiLU(a) + SiLU(-a) = a tanh(a / 2)."""
    plus, minus = module(x, e) - x, module(-x, e) + x
    a = plus - minus
    if close(plus + minus, a * t.tanh(a / 2), 0.01):
        raise Mistake("nothing bends between the two convolutions", "Is there a SiLU after the first norm, too?")


def judge_step(answer: Callable) -> None:
    x, e = t.randn(4, 8, 6, 5), 1 + t.rand(4, 12)
    module = silence(make(answer, 8, 16, 12, 4, inputs=[x, e]), nothing)

    def at(level: float) -> t.Tensor:
        return module(x, level * e)

    if close(at(3), at(0)):
        raise Mistake("the result does not depend on step_emb", "Is it added between the two convolutions?")
    if not close(at(-30), at(0)):
        question = "Is there a ReLU? It is SiLU." if close(at(-1), at(0)) else "Is there a SiLU before its Linear?"
        raise Mistake("a step_emb below -30 counts, though SiLU makes it nearly 0", question)
    if close(at(-1), at(0)):
        raise Mistake("a step_emb below 0 does not count", "Is that a ReLU? It is SiLU.")


def judge_step_place(answer: Callable) -> None:
    B = C = H = W = 8
    x, e = t.zeros(B, C, H, W), t.randn(B, 12) + 1
    module = silence(make(answer, C, C, 12, 4, inputs=[x, e]), nothing)
    alone = silence(make(answer, C, C, 12, C, inputs=[x, e]), nothing)
    noise = t.randn(B, C, H, W)
    change = alone(noise, e) - alone(noise, 0 * e)
    if change.abs().max() < 0.05 * alone(noise, e).std():
        facts = "with one channel a group, step_emb changes nothing: a norm takes it off again"
        raise Mistake(facts, "Is it added right before a norm? It comes after norm and SiLU.")
    at_the_end = module(noise, e) - module(noise, 0 * e)
    if at_the_end.std(dim=(2, 3)).max() < 1e-3 * at_the_end.abs().max():
        facts = "step_emb shifts each channel of the result by one number"
        raise Mistake(facts, "Is it added at the end? It belongs between the two convolutions.")
    pictures = module(x, 5 * e)
    if any(close(pictures[i], pictures[k], 0.01) for i in range(B) for k in range(i)):
        facts = "in a black image, different step_embs give the same picture"
        raise Mistake(facts, "Does the step give each channel a number of its own?")
    ones = t.ones(B, 12)
    small, large = module(x, ones), module(x, 3 * ones)
    if not close(small, large, 0.02):
        facts = "in a black image, a step_emb of 3s gives another picture than one of 1s"
        if (large - small).std(dim=(2, 3)).max() < 1e-3 * (large - small).abs().max():
            facts += ": all pixels of a channel differ by the same number"
            flat = small.std(dim=(2, 3)).max() < 1e-3 * small.abs().max()
            place = "after the second norm?" if flat else "at the end, too?"
            raise Mistake(facts, f"Is it added {place} It belongs between the two convolutions.")
        raise Mistake(facts, "Is it added before the first SiLU? It comes after.")
    if not close(module(10 * noise, e) - 10 * noise, module(noise, e) - noise, 0.01):
        facts = "how much the step counts depends on how large the input is, though a norm comes before it"
        raise Mistake(facts, "Is it added to the input? It comes after the first norm and SiLU.")
    for name, p in alone.named_parameters():
        if is_3x3(name, p):  # as 1×1 ones, which take from the step no more than one number for each channel
            p[:, :, t.arange(3) != 1] = 0
            p[:, :, :, t.arange(3) != 1] = 0
    if not close(alone(noise, e), alone(noise, 0 * e), 0.01):
        facts = "with 1×1 kernels and one channel a group, step_emb still counts, though norms take off what is added"
        raise Mistake(facts, "Does the step scale channels? It is only added.")


# ----------------------------------------------------------------------- 2.7 DownBlock, 2.8 MidBlock, 2.10 UpBlock
# With all 3×3 kernels at 0, a ResidualBlock is its shortcut alone, and with equal widths that is x itself. What else a
# block has stands out: attention lets far pixels count, and a resizing convolution leaves its footprint.

REACHES = {
    (5, 5): "Is there one ResidualBlock? There should be two.",
    (7, 7): "Are there two ResidualBlocks, with 3×3 kernels?",
    (13, 13): "Are there three ResidualBlocks? There should be two.",
    (1, 1): "Is what the ResidualBlocks make passed on?",
}


def judge_reach(module: nn.Module, channels: int, step_dim: int, *, skip: bool = False, pick: int = 0) -> None:
    x, e = t.zeros(1, channels, 32, 32), t.zeros(1, step_dim)
    others = (e, x) if skip else (e,)
    size = reach(silence(module, nothing), x, *others, at=(16, 16), pick=pick)
    if size != (9, 9):
        facts = f"one pixel reaches a patch of {size[0]} by {size[1]}, expected 9 by 9 for two ResidualBlocks"
        raise Mistake(facts, REACHES.get(size, ""))


def judge_two_blocks(make_it: Callable, inputs: Sequence[t.Tensor], pick: int = 0) -> None:
    """Each 3×3 kernel is that of one block alone: without it the other block is still there."""
    names = [name for name, p in make_it().named_parameters() if is_3x3(name, p)]
    with t.no_grad():
        plain = listed(silence(make_it(), is_3x3)(*inputs))[pick]
        for silent in names:
            module = silence(make_it(), lambda name, p, silent=silent: name == silent)
            if close(listed(module(*inputs))[pick], plain):
                facts = f"without {silent} both ResidualBlocks do nothing"
                raise Mistake(facts, "Is one block used twice? Each has weights of its own.")


def far_change(module: nn.Module, inputs: Sequence[t.Tensor], pick: int = 0) -> float:
    """How much the last row changes, when some pixels of the first rows are other ones with the same numbers."""
    x, *others = inputs
    moved = x.clone()
    moved[:, :, 0, 0] = x[:, :, 0, 0].roll(1, dims=1)
    with t.no_grad():
        one, two = (listed(module(each, *others))[pick][:, :, -2:] for each in (x, moved))
    return ((one - two).abs().max() / one.abs().max()).item()


@t.no_grad()
def judge_place(module: nn.Module, run: Callable, y: t.Tensor, expected: int) -> None:
    """How many ResidualBlocks come before the attention. Widths are equal, so a part whose weights are at 0 lets pass
    what comes. run: what the module makes of y, at a step_emb of 0"""
    weights = {name: p.clone() for name, p in silence(module, nothing).named_parameters() if p.ndim > 1}
    kernels = {name for name, p in weights.items() if is_3x3(name, p)}
    rest = weights.keys() - kernels

    def part(alive: set[str]) -> Callable:
        def result(y: t.Tensor) -> t.Tensor:
            for name, p in module.named_parameters():
                if name in weights:
                    p.copy_(weights[name] if name in alive else 0 * p)
            return run(module, y)

        return result

    attention = part(rest)
    through = part(set())(y)
    if not close(through, y):
        times = ((through * y).sum() / y.square().sum()).item()
        facts = f"with attention, all weights at 0 and equal widths, {times:.3g} times the input comes back, expected 1"
        question = "Is that a bare SelfAttention? An AttentionBlock adds its input."
        raise Mistake(facts, question if abs(times) < 1e-3 else "Is something added once more?")
    if not close(attention(3 * y + 5) - 3 * y - 5, attention(y) - y, 0.01):
        facts = "what attention adds changes when all of its input is scaled and shifted"
        raise Mistake(facts, "Is that a bare SelfAttention? An AttentionBlock has a norm.")
    blocks = [{*pair} for pair in combinations(kernels, 2) if not close(part({*pair})(y), y)]
    if len(kernels) != 4 or len(blocks) != 2:
        return
    before = [close(part(rest | pair)(y), attention(part(pair)(y))) for pair in blocks]
    if sum(before) != expected:
        words = ("before both", "between the two", "after both")
        facts = f"the attention comes {words[sum(before)]} ResidualBlocks, expected {words[expected]}"
        raise Mistake(facts, "In which order does forward run its parts?")


def judge_attention(asked: bool, change: float, where: str = "") -> None:
    if asked and change < 1e-5:
        raise Mistake(
            f"with attention=True, far pixels do not count{where}", "Is attention used, where it is asked for?"
        )
    if not asked and change > 1e-5:
        raise Mistake(f"with attention=False, far pixels count{where}", "Is attention used only where it is asked for?")


@check("2.7")
def check_DownBlock(answer: Callable) -> str:
    return blaming(judge_down_block, answer, "ResidualBlock", "AttentionBlock", "SelfAttention", "GroupNorm", "SiLU")


def judge_down_block(answer: Callable) -> str:
    judge_pair(answer)
    for arguments, shape in [
        ((8, 16, 12, 4, True, True), (3, 8, 6, 4)),
        ((8, 8, 8, 4, True, False), (8, 8, 8, 8)),
        ((8, 16, 12, 4, False, True), (2, 8, 7, 5)),
        ((16, 8, 12, 2, False, False), (2, 16, 4, 6)),
    ]:
        (B, _, H, W), C, step_dim, down = shape, arguments[1], arguments[2], arguments[4]
        small = (B, C, H // 2, W // 2) if down else (B, C, H, W)
        judge = judge_layer if H == 6 else judge_learning
        judge(answer, arguments, [t.randn(shape), t.randn(B, step_dim)], [small, (B, C, H, W)])
    for H, W in [(7, 6), (6, 7)]:
        expect_error(
            lambda H=H, W=W: answer(8, 8, 12, 4, True, False)(t.randn(2, 8, H, W), t.randn(2, 12)),
            f"an image of {H} by {W} is halved without an error, and will not double back to that",
            "Is the given check still there?",
        )
    x, e = t.randn(2, 8, 12, 12), t.randn(2, 12)
    judge_step_used(answer(8, 8, 12, 4, True, False), [x, e], pick=1)
    with t.no_grad():
        same = make(answer, 8, 8, 12, 4, False, False, inputs=[x, e])
        if not close(*same(x, e)):
            raise Mistake("with downsample=False, x and skip differ", "Is x the same tensor then?")
    judge_reach(make(answer, 8, 8, 12, 4, True, False, inputs=[x, e]), 8, 12, pick=1)
    judge_two_blocks(lambda: make(answer, 8, 8, 12, 4, True, False, inputs=[x, e]), [x, e], pick=1)
    for asked in (False, True):
        skeleton = silence(make(answer, 8, 8, 12, 4, True, asked, inputs=[x, e]), is_3x3)
        judge_attention(asked, far_change(skeleton, [x, e], pick=1), " in skip")
        judge_attention(asked, far_change(skeleton, [x, e], pick=0), " in the halved x")
    skeleton = silence(make(answer, 8, 8, 12, 4, True, False, inputs=[x, e]), is_3x3)
    with t.no_grad():
        if not close(skeleton(x, e)[1], x):
            raise Mistake(
                "with all 3×3 kernels at 0 and equal widths, skip is not the input", "What else is in between?"
            )
    judge_footprint(skeleton, [x, e], {"halved": True})
    module = make(answer, 8, 8, 12, 4, False, True, inputs=[x, e])
    judge_place(module, lambda module, y: module(y, 0 * e)[1], t.randn(2, 8, 5, 6), expected=2)
    return "x and skip, two ResidualBlocks, some attention where asked, the halving and its refusal of odd sizes"


def judge_pair(answer: Callable) -> None:
    x, e = t.randn(2, 8, 6, 4), t.randn(2, 12)
    module = answer(8, 8, 12, 4, True, False)
    if not isinstance(module, nn.Module):
        raise Mistake("it is not a module", "Does the class line still name nn.Module, and __init__ call super()?")
    result = module(x, e)
    if not isinstance(result, tuple) or len(result) != 2:
        raise Mistake(f"it returns {kind(result)}, expected two tensors: x, skip", "Is there a skip for the way up?")
    unhalved = answer(8, 8, 12, 4, False, False)(x, e)
    if not isinstance(unhalved, tuple) or len(unhalved) != 2:
        facts = f"with downsample=False it returns {kind(unhalved)}, expected two tensors: x, skip"
        raise Mistake(facts, "Are both returned, even where they are the same tensor?")
    shapes = [tuple(each.shape[2:]) if isinstance(each, t.Tensor) else None for each in result]
    if shapes == [(6, 4), (3, 2)]:
        raise Mistake("the first of the two results has the full size", "Is that skip before x? x comes first.")
    if shapes == [(3, 2), (3, 2)]:
        raise Mistake("skip is halved", "Is skip taken before x is halved? It keeps the full size.")
    if shapes == [(6, 4), (6, 4)]:
        raise Mistake("with downsample=True, x keeps its size", "Is downsample used?")
    if isinstance(unhalved[0], t.Tensor) and unhalved[0].shape[2:] == (3, 2):
        raise Mistake("with downsample=False, x is halved", "Is downsample used?")


def judge_step_used(module: nn.Module, inputs: Sequence[t.Tensor], pick: int = 0) -> None:
    x, step, *others = inputs
    with t.no_grad():
        one, two = (listed(module(x, each, *others))[pick] for each in (step, step.flip(0)))
    if close(one, two) and step.is_floating_point():
        inside = any(type(each).__name__ == "ResidualBlock" for each in [*module.modules()][1:])
        question = "Is it passed on to the ResidualBlocks?" if inside else "Is it added between the two convolutions?"
        raise Mistake("the result does not depend on step_emb", question)
    if close(one, two):
        raise Mistake("the guess does not depend on num_steps", "Is step_emb passed on to every block?")


@t.no_grad()
def judge_footprint(skeleton: nn.Module, inputs: Sequence[t.Tensor], how: dict) -> None:
    """How many output pixels one input pixel reaches: of a 4×4 kernel with stride 2, 2 by 2 when halving, 4 by 4 when
    doubling."""
    x, *others = inputs
    expected, seen = (2, 2) if how.get("halved") else (4, 4), set()
    plain = listed(skeleton(x, *others))[0]
    for i, j in [(4, 4), (4, 5), (5, 4), (5, 5)]:
        lit = x.clone()
        lit[:, :, i, j] += 1
        change = (listed(skeleton(lit, *others))[0] - plain).abs().sum(dim=(0, 1)) > 1e-4
        seen.add((int(change.any(dim=1).sum()), int(change.any(dim=0).sum())))
    word = "convolution" if how.get("halved") else "transposed convolution"
    if seen != {expected}:
        sizes = ", ".join(f"{h} by {w}" for h, w in sorted(seen))
        resized = "halved" if how.get("halved") else "doubled"
        facts = f"one pixel reaches {sizes} pixels of the {resized} x, expected {expected[0]} by {expected[1]}"
        if seen == {(0, 0)}:  # the skeleton has no other kernels than those of 4 by 4
            facts = f"the {resized} x does not come out of a 4×4 kernel"
        raise Mistake(facts, f"Is it a {word}, 4×4, stride 2, padding 1?")
    lit = x.clone()
    lit[:, 0, 4, 4] += 1
    channels = (listed(skeleton(lit, *others))[0] - plain).abs().amax(dim=(0, 2, 3)) > 1e-4
    if not channels.all():
        facts = f"when the size changes, one channel reaches {int(channels.sum())} of {len(channels)} channels"
        raise Mistake(facts, f"Is it a {word} with weights, from all channels to all?")


@check("2.8")
def check_MidBlock(answer: Callable) -> str:
    return blaming(judge_mid_block, answer, "ResidualBlock", "AttentionBlock", "SelfAttention", "GroupNorm", "SiLU")


def judge_mid_block(answer: Callable) -> str:
    for arguments, shape in [((8, 12, 4), (3, 8, 5, 3)), ((8, 8, 2), (8, 8, 8, 8))]:
        judge = judge_layer if shape[3] == 3 else judge_learning
        judge(answer, arguments, [t.randn(shape), t.randn(shape[0], arguments[1])], [shape])
    x, e = t.randn(2, 8, 12, 12), t.randn(2, 12)
    judge_step_used(answer(8, 12, 4), [x, e])
    judge_reach(make(answer, 8, 12, 4, inputs=[x, e]), 8, 12)
    judge_two_blocks(lambda: make(answer, 8, 12, 4, inputs=[x, e]), [x, e])
    skeleton = silence(make(answer, 8, 12, 4, inputs=[x, e]), is_3x3)
    if far_change(skeleton, [x, e]) < 1e-5:
        raise Mistake("far pixels do not count", "Is there an AttentionBlock between the ResidualBlocks?")
    module = make(answer, 8, 12, 4, inputs=[x, e])
    judge_place(module, lambda module, y: module(y, t.zeros(2, 12)), t.randn(2, 8, 5, 6), expected=1)
    return "two ResidualBlocks with weights of their own, some attention, the step in both"


@check("2.10")
def check_UpBlock(answer: Callable) -> str:
    return blaming(judge_up_block, answer, "ResidualBlock", "AttentionBlock", "SelfAttention", "GroupNorm", "SiLU")


def judge_up_block(answer: Callable) -> str:
    for arguments, shape in [
        ((16, 8, 12, 4, True, True), (3, 16, 3, 4)),
        ((8, 8, 8, 4, True, False), (8, 8, 8, 8)),
        ((16, 8, 12, 4, False, True), (2, 16, 7, 5)),
        ((8, 16, 12, 2, False, False), (2, 8, 4, 6)),
    ]:
        (B, _, H, W), step_dim, up = shape, arguments[2], arguments[4]
        inputs = [t.randn(shape), t.randn(B, step_dim), t.randn(shape)]
        judge_up_shape(answer, arguments, inputs)
        size = (B, arguments[1], 2 * H, 2 * W) if up else (B, arguments[1], H, W)
        judge = judge_layer if H == 3 else judge_learning
        judge(answer, arguments, inputs, [size])
    x, e, skip = t.randn(2, 8, 12, 12), t.randn(2, 12), t.randn(2, 8, 12, 12)
    module = make(answer, 8, 8, 12, 4, False, False, inputs=[x, e, skip])
    judge_step_used(module, [x, e, skip])
    with t.no_grad():
        result = module(x, e, skip)
        if close(module(x, e, x), result):
            raise Mistake("the result does not depend on skip", "Is it put beside x?")
        if close(module(skip, e, skip), result):
            raise Mistake("the result does not depend on x", "Is it put beside skip?")
        if close(module(skip, e, x), result):
            raise Mistake("x and skip can be swapped", "Are they added? They are put side by side, as channels.")
    judge_reach(make(answer, 8, 8, 12, 4, False, False, inputs=[x, e, skip]), 8, 12, skip=True)
    for asked in (False, True):
        skeleton = silence(make(answer, 8, 8, 12, 4, False, asked, inputs=[x, e, skip]), is_3x3)
        judge_attention(asked, far_change(skeleton, [x, e, skip]))
    judge_up_place(answer)
    skeleton = silence(make(answer, 8, 16, 12, 4, True, False, inputs=[x, e, skip]), is_3x3)
    judge_footprint(skeleton, [x, e, skip], {})
    skeleton = silence(make(answer, 8, 16, 12, 4, True, True, inputs=[x, e, skip]), is_3x3)
    judge_attention_first(skeleton, [x, e, skip])
    return "x beside skip, the widths on the way up, some attention where asked, the doubling"


@t.no_grad()
def judge_up_place(answer: Callable) -> None:
    """As 8 + 8 channels come and 16 go, x beside skip comes through as it is, in an order that is the learner's."""
    y, e = t.randn(2, 16, 5, 6), t.zeros(2, 12)
    numbered = t.arange(1.0, 17).reshape(1, 16, 1, 1).expand(2, 16, 5, 6)
    plain = silence(make(answer, 8, 16, 12, 4, False, False, inputs=[y[:, :8], e, y[:, 8:]]), everything)
    came = plain(numbered[:, :8], e, numbered[:, 8:])[0, :, 0, 0].round().long() - 1
    if sorted(came.tolist()) != list(range(16)):
        return
    module, back = make(answer, 8, 16, 12, 4, False, True, inputs=[y[:, :8], e, y[:, 8:]]), came.argsort()
    judge_place(module, lambda module, y: module(y[:, back][:, :8], e, y[:, back][:, 8:]), y, expected=2)


@t.no_grad()
def judge_attention_first(skeleton: nn.Module, inputs: Sequence[t.Tensor]) -> None:
    """Black pixels get all the same from far ones, and after that the stamps of the doubling give it a pattern."""
    x, e, skip = (0 * each for each in inputs)
    x[:, :, 0, 0] = inputs[0][:, :, 0, 0]
    far = skeleton(x, e, skip)[:, :, 8:16, 8:16]
    if close(far, far[:, :, :1, :1].expand_as(far)):
        facts = "what attention finds far away comes without the pattern of the transposed convolution"
        raise Mistake(facts, "Does the attention come after the doubling? It comes before.")


def judge_up_shape(answer: Callable, arguments: tuple, inputs: Sequence[t.Tensor]) -> None:
    module = answer(*arguments)
    try:
        result = module(*inputs)
    except RuntimeError as error:
        names = "channels_in={}, channels_out={}, step_dim={}, groups={}, upsample={}, attention={}".format(*arguments)
        error.add_note(f"The check made it with {names}: x and skip have {arguments[0]} channels each.")
        raise
    if isinstance(result, t.Tensor) and result.ndim == 4 and result.shape[1] != arguments[1]:
        facts = (
            f"with channels_in={arguments[0]} and channels_out={arguments[1]} the result has {result.shape[1]} channels"
        )
        question = "Which width has the result, and which x and skip?"
        raise Mistake(f"{facts}, expected {arguments[1]}", question)
    if isinstance(result, t.Tensor) and result.shape[2:] == inputs[0].shape[2:] and arguments[4]:
        raise Mistake("with upsample=True, x keeps its size", "Is upsample used?")
    if isinstance(result, t.Tensor) and result.shape[2] == 2 * inputs[0].shape[2] and not arguments[4]:
        raise Mistake("with upsample=False, x is doubled", "Is upsample used?")
    if isinstance(result, t.Tensor) and len(result) == 2 * len(inputs[0]):
        facts = f"from {len(inputs[0])} images it makes {len(result)}"
        raise Mistake(facts, "Are x and skip put behind each other, as images? They go side by side, as channels.")


# ---------------------------------------------------------------------------------------------------------- 2.11 UNet


@check("2.11")
def check_UNet(answer: Callable) -> str:
    parts = ["SinusoidalPositionEmbeddings", "ResidualBlock", "DownBlock", "MidBlock", "UpBlock", "SiLU", "GroupNorm"]
    return blaming(judge_unet, answer, *parts)


def config(img_shape: tuple = (1, 4, 6), dim_mults: tuple = (1,), **settings) -> UNetConfig:
    return UNetConfig(img_shape, dim_mults=dim_mults, **({"channels": 8, "groups": 4, "max_steps": 1000} | settings))


def judge_unet(answer: Callable) -> str:
    counts, formed = t.tensor([1, 500, 1000]), []
    for shape, mults in [((3, 8, 12), (1, 2)), ((1, 12, 8), (1, 1, 1)), ((2, 5, 7), (2,))]:
        inputs, settings = [t.randn(3, *shape), counts], (config(shape, mults),)
        try:
            if len(mults) == 3:
                with t.no_grad():
                    model = make(answer, *settings, inputs=inputs)
                    expect_tensor(model(*inputs), (3, *shape), f"for {(3, *shape)} and {(3,)} it")
            else:
                formed.append((inputs, *judge_form(answer, settings, inputs, [(3, *shape)])))
        except (RuntimeError, ValueError) as error:
            error.add_note(f"The check made it for images of shape {shape} and dim_mults {mults}.")
            if "halved evenly" in str(error):
                error.add_note("Do all DownBlocks halve but the last?")
            raise
    with t.no_grad():
        judge_output(answer)  # first: behind an activation, not all may learn, and not even the counts may show
    for inputs, model, results in formed:
        judge_table(model, inputs)
        judge_training(model, inputs)
    judge_saving(answer, settings, model, inputs, results)
    judge_device(answer, settings, inputs)
    model = answer(config())
    if tuple(getattr(model, "img_shape", ())) != (1, 4, 6) or getattr(model, "noise_schedule", 0) is not None:
        raise Mistake("img_shape and noise_schedule are not as given", "Are the given lines of __init__ still there?")
    with t.no_grad():
        judge_counts(answer)
        judge_blocks(answer)
    judge_skips(answer)
    judge_config(answer)
    return "any image size, every count, no missing block, each skip at its place, attention at its levels"


def judge_table(model: nn.Module, inputs: Sequence[t.Tensor]) -> None:
    """A table with a row for each count learns nothing about a count from others, however near."""
    images, counts = inputs
    with t.enable_grad():
        guess = model(images, counts)
    with t.enable_grad():  # anew, if the model has turned it off
        guess.square().sum().backward()
    for name, p in model.named_parameters():
        if p.grad is not None and p.ndim == 2 and len(p) >= 1000:
            learning = int(p.grad.any(dim=1).sum())
            facts = f"{name} has {len(p)} rows, and {learning} of them learn from {len(counts)} counts"
            raise Mistake(facts, "Is there a table with a row for each count? The counts are embedded by sinusoids.")
    model.zero_grad()


def judge_counts(answer: Callable) -> None:
    images = t.randn(2, 1, 4, 6)
    for max_steps in (10, 1000):
        counts = t.tensor([1, max_steps])
        model = make(answer, config(max_steps=max_steps), inputs=[images, counts])
        call = f"with max_steps={max_steps}, for the counts 1 and {max_steps} it"
        expect_tensor(model(images, counts), (2, 1, 4, 6), call)
    guess = model(images[:1].expand(4, -1, -1, -1), t.tensor([1, 1000, 900, 901]))
    if close(guess[0], guess[1]):
        raise Mistake("the guess does not depend on num_steps", "Is step_emb passed on to every block?")
    if (guess[2] - guess[3]).abs().mean() < 0.02 * (guess[0] - guess[1]).abs().mean():
        facts = "after 900 steps and after 901 the guess is nearly the same"
        raise Mistake(facts, "Do the counts go into the sinusoids as they are?")


def judge_output(answer: Callable) -> None:
    images, counts = t.randn(16, 1, 4, 6), t.randint(1, 1001, (16,))
    model = silence(make(answer, config(), inputs=[images, counts]), nothing)  # a norm's shift would look like a sign
    loud = model(1000 * images, counts)
    if loud.min() >= -0.3:
        raise Mistake("the guess is never negative", "Is there an activation at the end? Noise has both signs.")
    if loud.abs().max() <= 1.001 and loud.abs().median() > 0.99:  # behind a norm it may be small, but is seldom 1
        raise Mistake("the guess never leaves [-1, 1]", "Is there an activation at the end? Noise goes further.")
    if close(model(1e7 * images, counts), model(1e6 * images, counts), 0.05):
        raise Mistake("images that are ten times as large change nothing", "Is there a norm at the very end?")
    silent = silence(model, everything)(images, counts)
    if silent.abs().max() > 1e-4:
        question = "Are the images added to the guess, or taken from it?" if close(silent.abs(), images.abs()) else ""
        raise Mistake("with all weights at 0 the guess is not 0", question or "What is added to the last convolution?")


def judge_step_layers(model: nn.Module, image: t.Tensor) -> None:
    """Each Linear layer that all of the step goes through is one without which the counts do not matter. Two such, both
    turned round, come to the same if nothing bends between them."""
    images, counts = image.expand(3, -1, -1, -1), t.tensor([1, 300, 1000])
    usual, layers = model(images, counts), []
    for p in model.parameters():
        if p.requires_grad and p.ndim > 1 and not is_3x3("", p) and len(layers) < 2:
            weight = p.clone()
            p.zero_()
            guess = model(images, counts)
            layers += [p] if close(guess, guess[:1].expand_as(guess)) and guess.any() else []
            p.copy_(weight)
    if len(layers) < 2:
        facts = f"the step goes through {('no Linear layer', 'one Linear layer')[len(layers)]} on its way to the blocks, expected 2"
        raise Mistake(facts, "Is step_emb made as the text says: sinusoids, Linear, SiLU, Linear?")
    for p in layers:
        p.neg_()
    if close(model(images, counts), usual, 1e-4):
        raise Mistake("nothing bends between the two Linear layers of step_emb", "Is there a SiLU between them?")
    for p in layers:
        p.neg_()


def judge_blocks(answer: Callable) -> None:
    """In a network of one level, with 3×3 kernels that move what they see down by one row, a lit pixel moves by one row
    in the stem and by two in each ResidualBlock."""
    images, counts, start, expected = t.zeros(8, 3, 80, 1), t.full((8,), 5), 30, 1 + 2 * 7
    model = silence(make(answer, config((3, 80, 1), (1,), attention=(False,)), inputs=[images, counts]), nothing)
    judge_step_layers(model, t.randn(1, 3, 80, 1))
    kernels = [p for name, p in model.named_parameters() if is_3x3(name, p)]
    for p in kernels:
        p[:, :, 1:] = 0
    lit = images.clone()
    lit[:, :, start] = 5 * t.randn(8, 3, 1)
    result = model(lit, counts)[..., 0]
    touched = ((result - result[:, :, -10:-9]).abs().amax(dim=(0, 1)) > 1e-5 * result.abs().max())[start:]
    moved = int(touched.nonzero().max()) if touched.any() else 0
    if (moved - expected) % 2:
        facts = f"in a network of one level, an image passes {moved} layers with 3×3 kernels, expected {expected}"
        raise Mistake(facts, "Is the kernel of the stem 3×3, and that of the last convolution 1×1?")
    if moved != expected:
        facts = f"in a network of one level, an image passes {(moved - 1) // 2} ResidualBlocks, expected 7"
        raise Mistake(facts, "Are there 2 on the way down, 2 in the middle, 2 on the way up and 1 at the end?")
    for p in kernels:
        if p.shape[1] != 3:
            p.zero_()
    images = t.randn(8, 3, 80, 1)
    dark, once, twice = (model(scale * images, counts) for scale in (0, 1, 2))
    if once.abs().max() < 1e-6:
        raise Mistake("with all 3×3 kernels but the stem's at 0, the guess is 0", "Is the last convolution 1×1?")
    if close(twice - dark, 2 * (once - dark)):
        raise Mistake("with attention at no level there is none at all", "Is there a MidBlock at the bottom?")


@t.no_grad()
def judge_skips(answer: Callable) -> None:
    """With three levels of equal widths, a skip at the wrong place fits if it is resized. With all 3×3 kernels but the
    stem's at 0, what is left are the ways that images take, and a dead resizing layer closes all ways through it."""
    shape = (3, 16, 24)
    inputs = [t.randn(2, *shape), t.tensor([3, 700])]
    model = make(answer, config(shape, (1, 1, 1), attention=(False,) * 3), inputs=inputs)
    silence(model, lambda name, p: is_3x3(name, p) and p.shape[1] != 3)
    kernels = [p for name, p in model.named_parameters() if is_4x4(name, p)]
    if len(kernels) != 4:
        facts = f"with three levels, {len(kernels)} layers resize, expected 4"
        raise Mistake(facts, "Do all DownBlocks halve but the last, and all UpBlocks double but the last?")
    weights = [p.clone() for p in kernels]

    def guess(alive: tuple[int, ...]) -> t.Tensor:
        for i, (p, weight) in enumerate(zip(kernels, weights, strict=True)):
            p.copy_(weight * (i in alive))
        return model(*inputs)

    at_full_size = guess(())
    if at_full_size.abs().max() < 1e-4:
        facts = "without the resizing layers, the images do not reach the end"
        raise Mistake(facts, "Does the last UpBlock get the first DownBlock's skip, last in, first out?")
    guesses = {alive: guess(alive) for n in range(2, 5) for alive in combinations(range(4), n)}
    open_pairs = [alive for alive, it in guesses.items() if len(alive) == 2 and not close(it, at_full_size)]
    expected = {  # the first halving and the last doubling open a way to each other, by the second skip
        alive: guesses[open_pairs[0]] if len(open_pairs) == 1 and {*open_pairs[0]} <= {*alive} else at_full_size
        for alive in guesses
        if len(alive) < 4
    }
    all_right = len(open_pairs) == 1 and all(close(guesses[alive], it) for alive, it in expected.items())
    if not all_right or close(guesses[0, 1, 2, 3], guesses[open_pairs[0]]):
        facts = "with three levels of equal widths, what a DownBlock hands over arrives at another level"
        raise Mistake(facts, "Does each UpBlock get the skip of its own size, last in, first out?")


def judge_config(answer: Callable) -> None:
    @cache
    def size(dim_mults: tuple = (2, 4), **settings) -> int:
        return sum(p.numel() for p in answer(config((1, 8, 8), dim_mults, **settings)).parameters())

    if size() == size(channels=16) or size() == size((2, 2)) or size() == size((4, 4)):
        raise Mistake("other channels or multipliers make no other network", "Do the widths come from the config?")
    if size() != size(attention=(False, True)):
        raise Mistake("attention=None makes another network than (False, True)", "Is it the coarsest level alone?")
    plain = size(attention=(False, False))
    added = [size(attention=levels) - plain for levels in ((True, False), (False, True))]
    if 0 in added or added[0] == added[1]:
        raise Mistake("other levels with attention make no other network", "Does each level get its own entry?")
    judge_attention_levels(answer, added)
    judge_all_groups(answer)


@t.no_grad()
def judge_all_groups(answer: Callable) -> None:
    """With a group for each channel, every norm takes off by how much a channel's weights are larger."""
    settings = config((1, 4, 4), channels=12, groups=12, attention=(False,))
    inputs = [t.randn(2, 1, 4, 4), t.tensor([5, 900])]
    model = silence(make(answer, settings, inputs=inputs), nothing)
    before = model(*inputs)
    for name, p in model.named_parameters():
        if is_3x3(name, p) and p.shape[1] > 1:
            p.mul_(1 + 2 * t.rand(len(p), 1, 1, 1))
    if not close(model(*inputs), before, 0.02):
        facts = "with as many groups as channels, larger weights of some channels change the guess"
        raise Mistake(facts, "Is config.groups passed on to every block?")


def judge_attention_levels(answer: Callable, added: list[int]) -> None:
    """What attention at one level adds is what it adds to the learner's own blocks of that level, down and up."""
    blocks = [globals_used(answer).get(name) for name in ("DownBlock", "UpBlock")]
    if None in blocks:
        return

    def adds(block: Callable, before: int, after: int) -> int:
        with_it, without = (block(before, after, 8, 4, False, asked) for asked in (True, False))
        return sum(p.numel() for p in with_it.parameters()) - sum(p.numel() for p in without.parameters())

    for level, (before, after) in enumerate(pairwise([8, 16, 32])):
        down, up = adds(blocks[0], before, after), adds(blocks[1], after, before)
        if added[level] != down + up:
            facts = f"attention at level {level} alone adds {added[level]} parameters, expected {down} + {up}"
            raise Mistake(facts, "Do the DownBlock and the UpBlock of one level get the same entry of attention?")
