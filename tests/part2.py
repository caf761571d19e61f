"""The checks of Part 2. Call one with your own class: tests.part2.check_GroupNorm(GroupNorm)

A layer with a formula is compared with it; a table holds, for each mistake, the question to ask and its formula. A
block whose layout is the learner's own is judged by what it does: its weights are randomised, as a layout may begin
some at zero; then some are silenced, and what is left has to be exact. No attribute name is looked at but those that
the text demands.
"""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import combinations, pairwise
from math import log, sqrt

import torch as t
import torch.nn.functional as F
from einops import rearrange
from torch import nn

from solutions.part2_unet import SelfAttention, UNetConfig
from tests.checking import Mistake, blame, check, expect_tensor, globals_used, kind, seed_all

# ------------------------------------------------------------------------------------------- what all layers must do


def make(answer: Callable, *arguments: object, inputs: Sequence[t.Tensor]) -> nn.Module:
    """The learner's layer, with weights under which nothing hides: a last layer at zero is right, but tells nothing."""
    seed_all(t.initial_seed())
    module = answer(*arguments)
    if not isinstance(module, nn.Module):
        raise Mistake("it is not a module", "Does the class line still name nn.Module, and __init__ call super()?")
    with t.no_grad():
        module(*inputs)  # lazy layers get their weights here
        for p in module.parameters():
            p.copy_(t.randn_like(p) / sqrt(p[0].numel()) if p.ndim > 1 else p + 0.3 * t.randn_like(p))
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


def listed(result: object) -> list:
    return list(result) if isinstance(result, tuple) else [result]


def judge_layer(answer: Callable, arguments: tuple, inputs: Sequence[t.Tensor], shapes: Sequence[tuple]) -> None:
    """What comes back has the right form; each image is treated by itself; all that it has is trained, saved, moved."""
    module, results = judge_form(answer, arguments, inputs, shapes)
    judge_training(module, inputs)
    judge_saving(answer, arguments, module, inputs, results)
    judge_device(answer, arguments, inputs)


def judge_form(answer: Callable, arguments: tuple, inputs: Sequence[t.Tensor], shapes: Sequence[tuple]) -> tuple:
    module = make(answer, *arguments, inputs=inputs)
    call = "for " + " and ".join(str(tuple(x.shape)) for x in inputs) + " it"
    before = [x.clone() for x in inputs]
    with t.no_grad():
        results = listed(module(*inputs))
        if len(results) != len(shapes):
            raise Mistake(f"{call} returns {len(results)} things, expected {len(shapes)}")
        for result, shape in zip(results, shapes, strict=True):
            expect_tensor(result, shape, call)
        if not all(x.equal(b) for x, b in zip(inputs, before, strict=True)):
            raise Mistake("it changes its input", "Does a line write into x in place?")
        if not all(a.equal(b) for a, b in zip(listed(module(*inputs)), results, strict=True)):
            raise Mistake(
                "called twice with the same input, it gives two results", "Is something drawn anew in forward?"
            )
        for i in range(len(inputs[0])):
            alone = listed(module(*(x[i : i + 1] for x in inputs)))
            if not all(close(a, b[i : i + 1]) for a, b in zip(alone, results, strict=True)):
                facts = "what an image becomes depends on the other images of its batch"
                raise Mistake(facts, "Is there a batch norm, or do shapes broadcast that should not?")
    return module, results


def close(one: t.Tensor, other: t.Tensor, slack: float = 1e-3) -> bool:
    """Whether two tensors differ by less than that share of their size: sums in another order do, a little."""
    return bool((one - other).abs().max() <= slack * (1e-6 + other.abs().max()))


def judge_training(module: nn.Module, inputs: Sequence[t.Tensor]) -> None:
    first, *_ = listed(module(*inputs))
    if not first.requires_grad and any(p.requires_grad for p in module.parameters()):
        raise Mistake("no gradient comes out of it", "Is there a no_grad or a detach in forward?")
    seed_all(t.initial_seed())
    if first.requires_grad:
        (first * t.randn_like(first)).sum().backward()
    for name, p in module.named_parameters():
        if p.requires_grad and (p.grad is None or (p.ndim > 1 and not p.grad.any())):
            raise Mistake(f"no gradient reaches {name}", "Is each layer used in forward?")
        if p.ndim > 1 and not p.grad.flatten(1).any(dim=1).all():
            raise Mistake(f"no gradient reaches a part of {name}", "Is all that comes out of this layer used?")
    module.zero_grad()


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
            question = "Is a tensor made on the CPU? Make it a buffer, or give it x.device."
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
    var = parts.var(dim=-1, keepdim=True, correction=how.get("correction", 0))
    scale = how.get("scale", lambda var, eps: (var + eps).sqrt())(var, eps)
    before, after = pattern.split(" -> ")
    sizes = dict(zip("bchw", x.shape, strict=True))
    sizes = {k: v for k, v in sizes.items() if k != "c"} | ({"g": g} if "g" in before else {"c": sizes["c"]})
    return rearrange((parts - mean) / scale, f"{after} -> {before}", **sizes)


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
    (
        "Do weight and bias lie along the width? They go with the channels.",
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
    for groups, eps in [(2, 0.5), (1, 1e-5), (6, 0.1), (3, 0.5)]:
        judge_norm(answer, x, groups, eps)
    judge_affine(answer)
    judge_layer(answer, (2, 6), [x], [x.shape])
    judge_norm_gradients(answer, x)
    return "equal to nn.GroupNorm, its eps, weight and bias, and its gradients"


def norm_form(answer: Callable) -> None:
    for options in [{}, {"device": "meta", "dtype": t.float64}]:
        layer = answer(2, 6, **options)
        for name, value in [("weight", 1), ("bias", 0)]:
            p = getattr(layer, name, None)
            if not isinstance(p, nn.Parameter):
                raise Mistake(f"{name} is {kind(p)}, expected an nn.Parameter of shape (6,)")
            if p.shape != (6,):
                raise Mistake(f"{name} has shape {tuple(p.shape)}, expected (6,)", "Does each channel have its own?")
            if options and (p.device.type, p.dtype) != ("meta", t.float64):
                raise Mistake(
                    f"with device='meta' and dtype=torch.float64, {name} is on {p.device.type} in {p.dtype}",
                    "Are device and dtype used?",
                )
            if not options and not p.eq(value).all():
                raise Mistake(f"{name} begins at {p[0].item():.3g}, expected {value}s")
    layer = answer(2, 6, affine=False)
    if not hasattr(layer, "weight") or not hasattr(layer, "bias"):
        raise Mistake("with affine=False, weight and bias are missing, expected None")
    if layer.weight is not None or layer.bias is not None:
        raise Mistake("with affine=False, weight and bias are not None", "Is affine used?")


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
    x, layer, theirs = t.randn(6, 6, 6, 6), answer(2, 6), nn.GroupNorm(2, 6)
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
        layer(own).pow(3).sum().backward()
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
    ("That is x as it came.", lambda x: x),
]


@check("2.2")
def check_SiLU(answer: Callable) -> str:
    layer = answer()
    if not isinstance(layer, nn.Module):
        raise Mistake("it is not a module", "Does the class line still name nn.Module?")
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
    expect_tensor(layer(x).detach(), (9,), "for numbers from -200 to 200 it")
    if not layer(x).requires_grad:
        raise Mistake("no gradient comes out of it", "Is there a no_grad or a detach in forward?")
    (mine,) = t.autograd.grad(layer(x).sum(), x)
    (expected,) = t.autograd.grad(F.silu(x).sum(), x)
    if not mine.allclose(expected, atol=1e-4):
        at = (mine - expected).nan_to_num(nan=9).abs().argmax()
        facts = f"at {x[at].item():.0f} its gradient is {mine[at]:.3f}, expected {expected[at]:.3f}"
        raise Mistake(facts, overflow if mine.isnan().any() else "")
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
    ("Is there one frequency for all?", lambda n, d: waves(n, t.ones(d // 2))),
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
        if any(p.requires_grad for p in layer.parameters()):
            raise Mistake("it has parameters to train", "Are the frequencies fixed? A buffer keeps them.")
        some = [t.randint(1, 1001, (size,)) for size in (50, d // 2, d)]
        for n in [t.arange(1, 11), *some, t.tensor([1000])]:
            before = n.clone()
            result = layer(n)
            expect_tensor(result, (len(n), d), f"with embedding_size {d} and {len(n)} counts it")
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
    judge_layer(answer, (8, 4), [t.randn(3, 8, 4, 2)], [(3, 8, 4, 2)])
    with t.no_grad():
        judge_places(answer)
        judge_nothing_else(answer)
        judge_weights(answer)
        judge_heads(answer)
        judge_scale(answer)
    return "pixels as a sequence, weights that add up to 1, heads, their scale, an output projection"


def bare(answer: Callable, channels: int, heads: int, x: t.Tensor) -> nn.Module:
    return silence(make(answer, channels, heads, inputs=[x]), nothing)


def judge_places(answer: Callable) -> None:
    """A pixel knows what it is and not where; what it gets comes back where it was."""
    kinds, size = t.randn(2, 2, 8), (3, 4)
    module = bare(answer, 8, 4, images_of(kinds, [0] * 12, size))
    alike = module(images_of(kinds, [0] * 12, size))
    if not close(alike, alike[:, :, :1, :1].expand_as(alike)):
        facts = "an image whose pixels are all alike comes back with pixels that differ"
        raise Mistake(facts, "Is x reshaped where its axes should be moved? Or does a pixel's place count?")
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
        facts = "the same pixels in another order do not get the same results in that order"
        raise Mistake(facts, "Does each pixel look at all others alike? No place and no mask is asked for.")


def judge_nothing_else(answer: Callable) -> None:
    kinds = t.randn(1, 64, 16)
    x = images_of(kinds, [0], (1, 1))
    module, silent = bare(answer, 16, 1, x), silence(make(answer, 16, 1, inputs=[x]), lambda name, p: True)
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
        raise Mistake(facts, "Do the weights that one pixel gives to all pixels add up to 1?")
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
        raise Mistake(facts, "Over which axis is the softmax? One pixel's weights on all others add up to 1.")
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
    if distinct == 1:
        facts = f"with {heads} heads, all channels give a pixel the same weight"
        raise Mistake(facts, "Does each head have its own scores?")
    if distinct <= heads:
        facts = f"the channels fall into {distinct} sets, one for each head, that are not mixed"
        raise Mistake(facts, "Is there an output projection after the heads are put together?")


SCALES = [  # how many times too large the scores are, for 128 channels and 8 heads
    (4.0, "Are the scores divided by the root of the head width?"),
    (16.0, "Are the scores multiplied by the root? They are divided by it."),
    (sqrt(1 / 8), "Is that the root of all channels? Each head has its own width."),
    (0.25, "Is the head width's root missing? They are divided by it, not by the width itself."),
    (sqrt(2), "Is that the root of the number of heads?"),
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
        silent = silence(make(answer, 8, inputs=[x]), lambda name, p: True)(x)
        if not close(silent, x):
            cases = [
                (t.zeros_like(x), "Is x added to what attention finds?"),
                (2 * x, "Is x added twice?"),
                (F.group_norm(x, 1), "Is the norm of x added, or is there a norm at the end? x itself is added."),
                (x + F.group_norm(x, 1), "Is the norm of x added, too?"),
            ]
            question = next((q for result, q in cases if close(silent, result)), "")
            raise Mistake("with all of attention's weights at 0, x does not come back unchanged", question)
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
            raise Mistake("the same pixels in another order do not get the same results in that order")
    return "x itself comes through, a norm of one group before attention, each image by itself"


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
        judge_step(answer)
        judge_step_place(answer)
    return "the shortcut, both norms and SiLUs, the step after the first of them, one number a channel"


def judge_shortcut(answer: Callable) -> None:
    x, e = 3 * t.randn(2, 8, 6, 7), t.randn(2, 12)
    result = silence(make(answer, 8, 8, 12, 4, inputs=[x, e]), lambda name, p: True)(x, e)
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
        raise Mistake(f"before the input is added, numbers go down to {low:.3f}, SiLU's go down to -0.278", question)
    for name, p in module.named_parameters():
        if is_3x3(name, p):
            p.mul_(10)
            if not close(module(x, e) - x, branch, 0.01):
                facts = f"ten times as large weights in {name} change the result"
                raise Mistake(facts, "Is there a norm right after each of the two convolutions?")
            p.div_(10)
    size = reach(module, t.zeros(1, 16, 24, 24), t.zeros(1, 12), at=(12, 12))
    if size != (5, 5):
        question = {
            (3, 3): "Are there two 3×3 convolutions?",
            (1, 1): "Are there two 3×3 convolutions?",
            (7, 7): "Are there two convolutions, with 3×3 kernels?",
        }.get(size, "Are there two convolutions, with 3×3 kernels?")
        raise Mistake(f"one pixel reaches a patch of {size[0]} by {size[1]}, expected 5 by 5", question)
    judge_bend(module, x, e)


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
        raise Mistake("the result does not depend on step_emb")
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
    if not close(module(x, ones), module(x, 3 * ones), 0.02):
        facts = "in a black image, a step_emb of 3s gives another picture than one of 1s"
        raise Mistake(facts, "Is it added before the first SiLU? It comes after.")


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
        ((8, 16, 12, 4, True, False), (3, 8, 6, 4)),
        ((8, 8, 8, 4, True, True), (8, 8, 8, 8)),
        ((8, 16, 12, 4, False, True), (2, 8, 7, 5)),
        ((16, 8, 12, 2, False, False), (2, 16, 4, 6)),
    ]:
        (B, _, H, W), C, step_dim, down = shape, arguments[1], arguments[2], arguments[4]
        small = (B, C, H // 2, W // 2) if down else (B, C, H, W)
        judge_layer(answer, arguments, [t.randn(shape), t.randn(B, step_dim)], [small, (B, C, H, W)])
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
    return "x and skip, two ResidualBlocks, some attention where asked, the halving and its refusal of odd sizes"


def judge_pair(answer: Callable) -> None:
    x, e = t.randn(2, 8, 6, 4), t.randn(2, 12)
    module = answer(8, 8, 12, 4, True, False)
    if not isinstance(module, nn.Module):
        raise Mistake("it is not a module", "Does the class line still name nn.Module, and __init__ call super()?")
    result = module(x, e)
    if not isinstance(result, tuple) or len(result) != 2:
        raise Mistake(f"it returns {kind(result)}, expected two tensors: x, skip", "Is there a skip for the way up?")
    shapes = [tuple(each.shape[2:]) if isinstance(each, t.Tensor) else None for each in result]
    if shapes == [(6, 4), (3, 2)]:
        raise Mistake("the first of the two results has the full size", "Is that skip before x? x comes first.")
    if shapes == [(3, 2), (3, 2)]:
        raise Mistake("skip is halved", "Is skip taken before x is halved? It keeps the full size.")
    if shapes == [(6, 4), (6, 4)]:
        raise Mistake("with downsample=True, x keeps its size", "Is downsample used?")


def judge_step_used(module: nn.Module, inputs: Sequence[t.Tensor], pick: int = 0) -> None:
    e = inputs[1]
    with t.no_grad():
        one, two = (listed(module(inputs[0], each, *inputs[2:]))[pick] for each in (e, e + 1))
    if close(one, two):
        raise Mistake("the result does not depend on step_emb", "Is it passed on to the ResidualBlocks?")


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
    if seen != {expected}:
        word = "convolution" if how.get("halved") else "transposed convolution"
        sizes = ", ".join(f"{h} by {w}" for h, w in sorted(seen))
        resized = "halved" if how.get("halved") else "doubled"
        facts = f"one pixel reaches {sizes} pixels of the {resized} x, expected {expected[0]} by {expected[1]}"
        if seen == {(0, 0)}:  # the skeleton has no other kernels than those of 4 by 4
            facts = f"the {resized} x does not come out of a 4×4 kernel"
        raise Mistake(facts, f"Is it a {word}, 4×4, stride 2, padding 1?")


@check("2.8")
def check_MidBlock(answer: Callable) -> str:
    return blaming(judge_mid_block, answer, "ResidualBlock", "AttentionBlock", "SelfAttention", "GroupNorm", "SiLU")


def judge_mid_block(answer: Callable) -> str:
    for arguments, shape in [((8, 12, 4), (3, 8, 5, 3)), ((8, 8, 2), (8, 8, 8, 8))]:
        judge_layer(answer, arguments, [t.randn(shape), t.randn(shape[0], arguments[1])], [shape])
    x, e = t.randn(2, 8, 12, 12), t.randn(2, 12)
    judge_step_used(answer(8, 12, 4), [x, e])
    judge_reach(make(answer, 8, 12, 4, inputs=[x, e]), 8, 12)
    judge_two_blocks(lambda: make(answer, 8, 12, 4, inputs=[x, e]), [x, e])
    skeleton = silence(make(answer, 8, 12, 4, inputs=[x, e]), is_3x3)
    if far_change(skeleton, [x, e]) < 1e-5:
        raise Mistake("far pixels do not count", "Is there an AttentionBlock between the ResidualBlocks?")
    return "two ResidualBlocks with weights of their own, some attention, the step in both"


@check("2.10")
def check_UpBlock(answer: Callable) -> str:
    return blaming(judge_up_block, answer, "ResidualBlock", "AttentionBlock", "SelfAttention", "GroupNorm", "SiLU")


def judge_up_block(answer: Callable) -> str:
    for arguments, shape in [
        ((8, 16, 12, 4, True, False), (3, 16, 3, 4)),
        ((8, 8, 8, 4, True, True), (8, 8, 8, 8)),
        ((8, 16, 12, 4, False, True), (2, 16, 7, 5)),
        ((16, 8, 12, 2, False, False), (2, 8, 4, 6)),
    ]:
        (B, _, H, W), step_dim, up = shape, arguments[2], arguments[4]
        inputs = [t.randn(shape), t.randn(B, step_dim), t.randn(shape)]
        judge_up_shape(answer, arguments, inputs)
        size = (B, arguments[0], 2 * H, 2 * W) if up else (B, arguments[0], H, W)
        judge_layer(answer, arguments, inputs, [size])
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
    skeleton = silence(make(answer, 8, 8, 12, 4, True, False, inputs=[x, e, skip]), is_3x3)
    judge_footprint(skeleton, [x, e, skip], {})
    return "x beside skip, the widths on the way up, some attention where asked, the doubling"


def judge_up_shape(answer: Callable, arguments: tuple, inputs: Sequence[t.Tensor]) -> None:
    module = answer(*arguments)
    try:
        result = module(*inputs)
    except RuntimeError as error:
        names = "channels_in={}, channels_out={}, step_dim={}, groups={}, upsample={}, attention={}".format(*arguments)
        error.add_note(f"The check made it with {names}: x and skip have {arguments[1]} channels each.")
        raise
    if isinstance(result, t.Tensor) and result.ndim == 4 and result.shape[1] != arguments[0]:
        facts = (
            f"with channels_in={arguments[0]} and channels_out={arguments[1]} the result has {result.shape[1]} channels"
        )
        question = "The widths are those of the matching DownBlock. Which did it begin with?"
        raise Mistake(f"{facts}, expected {arguments[0]}", question)
    if isinstance(result, t.Tensor) and result.shape[2:] == inputs[0].shape[2:] and arguments[4]:
        raise Mistake("with upsample=True, x keeps its size", "Is upsample used?")


# ---------------------------------------------------------------------------------------------------------- 2.11 UNet


@check("2.11")
def check_UNet(answer: Callable) -> str:
    parts = ["SinusoidalPositionEmbeddings", "ResidualBlock", "DownBlock", "MidBlock", "UpBlock", "SiLU", "GroupNorm"]
    return blaming(judge_unet, answer, *parts)


def config(img_shape: tuple = (1, 8, 12), dim_mults: tuple = (1, 2), **settings) -> UNetConfig:
    return UNetConfig(img_shape, dim_mults=dim_mults, **({"channels": 8, "groups": 4, "max_steps": 1000} | settings))


def judge_unet(answer: Callable) -> str:
    counts = t.tensor([1, 500, 1000])
    for shape, mults, judge in [
        ((3, 8, 12), (1, 2), judge_layer),
        ((1, 12, 8), (1, 1, 1), judge_form),
        ((2, 5, 7), (2,), judge_form),
    ]:
        inputs = [t.randn(3, *shape), counts]
        try:
            judge(answer, (config(shape, mults),), inputs, [(3, *shape)])
        except (RuntimeError, ValueError) as error:
            error.add_note(f"The check made it for images of shape {shape} and dim_mults {mults}.")
            if "halved evenly" in str(error):
                error.add_note("Do all DownBlocks halve but the last?")
            raise
    model = answer(config())
    if tuple(getattr(model, "img_shape", ())) != (1, 8, 12) or getattr(model, "noise_schedule", 0) is not None:
        raise Mistake("img_shape and noise_schedule are not as given", "Are the given lines of __init__ still there?")
    with t.no_grad():
        judge_counts(answer)
        judge_output(answer)
        judge_blocks(answer)
    judge_skips(answer)
    judge_config(answer)
    return "any image size, every count, no missing block, each skip at its place, attention at its levels"


def judge_counts(answer: Callable) -> None:
    images = t.randn(2, 1, 8, 12)
    for max_steps in (10, 1000):
        counts = t.tensor([1, max_steps])
        model = make(answer, config(max_steps=max_steps), inputs=[images, counts])
        call = f"with max_steps={max_steps}, for the counts 1 and {max_steps} it"
        expect_tensor(model(images, counts), (2, 1, 8, 12), call)
    guess = model(images[:1].expand(4, -1, -1, -1), t.tensor([1, 1000, 900, 901]))
    if close(guess[0], guess[1]):
        raise Mistake("the guess does not depend on num_steps", "Is step_emb passed on to every block?")
    if (guess[2] - guess[3]).abs().mean() < 0.02 * (guess[0] - guess[1]).abs().mean():
        facts = "after 900 steps and after 901 the guess is nearly the same"
        raise Mistake(facts, "Do the counts go into the sinusoids as they are?")


def judge_output(answer: Callable) -> None:
    images, counts = t.randn(16, 1, 8, 12), t.randint(1, 1001, (16,))
    model = make(answer, config(), inputs=[images, counts])
    loud = model(1000 * images, counts)
    if loud.min() >= -0.3:
        raise Mistake("the guess is never negative", "Is there an activation at the end? Noise has both signs.")
    if loud.abs().max() <= 1.001:
        raise Mistake("the guess never leaves [-1, 1]", "Is there an activation at the end? Noise goes further.")
    if loud.std() < 20 * model(images, counts).std():
        raise Mistake("images a thousand times as large hardly change the guess", "Is there a norm at the very end?")


def judge_blocks(answer: Callable) -> None:
    """In a network of one level, with 3×3 kernels that move what they see down by one row, a lit pixel moves by one row
    in the stem and by two in each ResidualBlock."""
    images, counts, start, expected = t.zeros(8, 3, 80, 1), t.full((8,), 5), 30, 1 + 2 * 7
    model = silence(make(answer, config((3, 80, 1), (1,), attention=(False,)), inputs=[images, counts]), nothing)
    kernels = [p for name, p in model.named_parameters() if is_3x3(name, p)]
    for p in kernels:
        p[:, :, 1:] = 0
    lit = images.clone()
    lit[:, :, start] = 5 * t.randn(8, 3, 1)
    result = model(lit, counts)[..., 0]
    touched = ((result - result[:, :, -10:-9]).abs().amax(dim=(0, 1)) > 1e-5 * result.abs().max())[start:]
    moved = int(touched.nonzero().max()) if touched.any() else 0
    if moved != expected:
        facts = (
            f"in a network of one level a pixel gets {moved} rows far, expected {expected}: 1 in the stem and 2 in each"
        )
        question = "Are there 2 ResidualBlocks down, 2 in the middle, 2 up and 1 at the end, and 1×1 at last?"
        raise Mistake(f"{facts} ResidualBlock", question)
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
    guesses = {alive: guess(alive) for n in range(1, 5) for alive in combinations(range(4), n)}
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
    def size(dim_mults: tuple = (1, 2), **settings) -> int:
        return sum(p.numel() for p in answer(config((1, 8, 8), dim_mults, **settings)).parameters())

    if size() == size(channels=16) or size() == size((1, 1)) or size() == size((2, 2)):
        raise Mistake("other channels or multipliers make no other network", "Do the widths come from the config?")
    if size() != size(attention=(False, True)):
        raise Mistake("attention=None makes another network than (False, True)", "Is it the coarsest level alone?")
    if len({size(attention=(a, b)) for a in (False, True) for b in (False, True)}) != 4:
        raise Mistake("other levels with attention make no other network", "Does each level get its own entry?")
    judge_attention_levels(answer, size)
    inputs = [t.randn(2, 1, 8, 8), t.tensor([5, 9])]
    with t.no_grad():
        one, two = (make(answer, config((1, 8, 8), groups=g), inputs=inputs)(*inputs) for g in (2, 4))
    if close(one, two):
        raise Mistake("other groups make no other guess", "Is config.groups passed on?")


def judge_attention_levels(answer: Callable, size: Callable) -> None:
    """What attention at one level adds is what it adds to the learner's own blocks of that level, down and up."""
    blocks = [globals_used(answer).get(name) for name in ("DownBlock", "UpBlock")]
    if None in blocks:
        return

    def adds(block: Callable, before: int, after: int) -> int:
        with_it, without = (block(before, after, 8, 4, False, asked) for asked in (True, False))
        return sum(p.numel() for p in with_it.parameters()) - sum(p.numel() for p in without.parameters())

    mults, widths = (1, 2, 4), [8, 8, 16, 32]
    plain = size(mults, attention=(False,) * 3)
    for level, (before, after) in enumerate(pairwise(widths)):
        added = size(mults, attention=tuple(i == level for i in range(3))) - plain
        down, up = (adds(block, before, after) for block in blocks)
        if added != down + up:
            facts = f"attention at level {level} of 3 alone adds {added} parameters, expected {down} + {up}"
            raise Mistake(facts, "Do the DownBlock and the UpBlock of one level get the same entry of attention?")
