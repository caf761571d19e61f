"""The check of 2.7 DownBlock, and what 2.8 MidBlock and 2.10 UpBlock have to do as well.

With all 3×3 kernels at 0, a ResidualBlock is its shortcut alone, and with equal widths that is x itself. What else a
block has stands out: attention lets far pixels count, and a resizing convolution leaves its footprint.
"""

from collections.abc import Callable, Sequence
from itertools import combinations

import torch as t
from torch import nn

from tests.checking import (
    Mistake,
    check,
    close,
    expect_error,
    is_3x3,
    judge_layer,
    judge_learning,
    judge_step_used,
    kind,
    listed,
    make,
    nothing,
    recognise,
    silence,
)
from tests.part2.ResidualBlock import reach

REACHES = [  # how high and wide a patch one pixel reaches
    ("Is there one ResidualBlock? There should be two.", (5, 5)),
    ("Are there two ResidualBlocks, with 3×3 kernels?", (7, 7)),
    ("Are there three ResidualBlocks? There should be two.", (13, 13)),
    ("Is what the ResidualBlocks make passed on?", (1, 1)),
]


def judge_reach(module: nn.Module, channels: int, step_dim: int, *, skip: bool = False, pick: int = 0) -> None:
    x, e = t.zeros(1, channels, 32, 32), t.zeros(1, step_dim)
    others = (e, x) if skip else (e,)
    size = reach(silence(module, nothing), x, *others, at=(16, 16), pick=pick)
    if size != (9, 9):
        facts = f"one pixel reaches a patch of {size[0]} by {size[1]}, expected 9 by 9 for two ResidualBlocks"
        raise Mistake(facts, recognise(REACHES, lambda reached: reached == size))


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


@check("2.7", mistakes=REACHES)
def check_DownBlock(answer: Callable) -> str:
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
        raise Mistake("it is not a module", "Where does the class line name nn.Module, and __init__ call super()?")
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
