"""The check of 2.7 DownBlock, and what 2.8 MidBlock and 2.10 UpBlock have to do as well.

With all 3×3 kernels at 0, a ResidualBlock is its shortcut alone, and with equal widths that is x itself. What else a
block has stands out: attention lets far pixels count, and a resizing convolution leaves its footprint.
"""

from collections.abc import Callable, Sequence
from itertools import combinations

import torch as t
import torch.nn.functional as F
from torch import nn

from tests.checking import (
    Mistake,
    check,
    close,
    everything,
    expect_error,
    is_3x3,
    judge_layer,
    judge_learning,
    judge_step_used,
    judge_ways,
    kind,
    listed,
    make,
    nothing,
    recognise,
    silence,
)
from tests.part2.ResidualBlock import reach

REACHES = [  # how high and wide a patch one pixel reaches
    ("You run one ResidualBlock. There are two, one after the other.", (5, 5)),
    ("You run one ResidualBlock and another 3×3 convolution. There are two ResidualBlocks.", (7, 7)),
    ("You run three ResidualBlocks. There are two.", (13, 13)),
    ("Where is what the ResidualBlocks make passed on?", (1, 1)),
]


def judge_reach(module: nn.Module, channels: int, step_dim: int, *, skip: bool = False, pick: int = 0) -> None:
    x, e = t.zeros(1, channels, 32, 32), t.zeros(1, step_dim)
    others = (e, x) if skip else (e,)
    size = reach(silence(module, nothing), x, *others, at=(16, 16), pick=pick)
    if size != (9, 9):
        facts = f"one pixel reaches a patch of {size[0]} by {size[1]}, expected 9 by 9 for two ResidualBlocks"
        raise Mistake(facts, recognise(REACHES, lambda reached: reached == size))


@t.no_grad()
def judge_groups_of_blocks(make_it: Callable, inputs: Sequence[t.Tensor], pick: int = 0) -> None:
    """With a group for each channel, every norm takes off by how much a channel's weights are larger; with one group for
    all it does not. make_it: makes the block for a number of groups"""
    channels = inputs[0].shape[1]
    for groups in (channels, 1):
        module = silence(make_it(groups), nothing)
        before = listed(module(*inputs))[pick]
        for name, p in module.named_parameters():
            if is_3x3(name, p):
                larger = 1 + 3 * t.rand(len(p), 1, 1, 1)
                p.mul_(larger)
                same = close(listed(module(*inputs))[pick], before, 0.01)
                p.div_(larger)
                if same != (groups > 1):
                    facts = f"with groups={groups} for {channels} channels, the norm after {name} has another number"
                    raise Mistake(f"{facts} of groups", "Where does each ResidualBlock get groups?")


def judge_widths(module: nn.Module, channels_in: int, channels_out: int) -> None:
    """The first ResidualBlock brings the width: all 3×3 kernels give channels_out."""
    for name, p in module.named_parameters():
        if is_3x3(name, p) and p.shape[0] != channels_out:
            facts = (
                f"with channels_in={channels_in} and channels_out={channels_out}, {name} gives {p.shape[0]} channels"
            )
            question = "Where does the first ResidualBlock bring the width to channels_out?"
            if sum(is_3x3(*each) for each in module.named_parameters()) > 4:
                question = "You use another 3×3 convolution than those of two ResidualBlocks."
            raise Mistake(facts, question)


def judge_two_blocks(make_it: Callable, inputs: Sequence[t.Tensor], pick: int = 0) -> None:
    """Each 3×3 kernel is that of one block alone: without it the other block is still there."""
    module = silence(make_it(), nothing)
    kernels = {name: (p, p.clone()) for name, p in module.named_parameters() if is_3x3(name, p)}
    with t.no_grad():
        plain = listed(silence(module, is_3x3)(*inputs))[pick]
        for silent in kernels:
            for name, (p, weight) in kernels.items():
                p.copy_(weight * (name != silent))
            if close(listed(module(*inputs))[pick], plain):
                facts = f"without {silent} both ResidualBlocks do nothing"
                raise Mistake(facts, "You use one block twice. Each has weights of its own.")


@t.no_grad()
def judge_step_handed_on(answer: Callable, arguments: tuple, inputs: Sequence[t.Tensor]) -> None:
    """Each ResidualBlock gets step_emb as it is. inputs: one image, for which a mean over the batch is right"""

    def see(block: nn.Module, arguments: tuple, named: dict) -> None:
        given = [thing for thing in (*arguments, *named.values()) if isinstance(thing, t.Tensor) and thing.ndim == 2]
        if given and not any(thing.equal(inputs[1]) for thing in given):
            facts = "a ResidualBlock is given something else than step_emb"
            raise Mistake(facts, "You change step_emb on its way, or hand on another. They get it as it is.")

    module = make(answer, *arguments, inputs=inputs)
    for block in module.modules():
        if type(block).__name__ == "ResidualBlock":
            block.register_forward_pre_hook(see, with_kwargs=True)
    module(*inputs)


def far_change(module: nn.Module, inputs: Sequence[t.Tensor], pick: int = 0) -> float:
    """How much the middle rows change, when a pixel of the first row is another one with the same numbers."""
    x, *others = inputs
    moved = x.clone()
    moved[:, :, 0, 0] = x[:, :, 0, 0].roll(1, dims=1)
    with t.no_grad():
        one, two = (listed(module(each, *others))[pick] for each in (x, moved))
    middle = one.shape[2] // 2
    one, two = (each[:, :, middle : middle + 2] for each in (one, two))
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
        facts = "with attention, all weights at 0 and equal widths, the input does not come back unchanged"
        raise Mistake(facts, why_not_unchanged(through, y))
    added, far = attention(y) - y, 1e3 * y + 5
    if not close(attention(3 * y + 5) - 3 * y - 5, added, 0.01):
        facts = "what attention adds changes when all of its input is scaled and shifted"
        once = close(attention(far) - far, attention(2 * far) - 2 * far, 0.02)  # a second one has the same input then
        bare = "You use a bare SelfAttention. An AttentionBlock has a norm."
        raise Mistake(facts, "You run attention twice. One AttentionBlock is asked for." if once else bare)
    blocks = [{*pair} for pair in combinations(kernels, 2) if not close(part({*pair})(y), y)]
    if len(kernels) != 4 or len(blocks) != 2:
        return
    before = [close(part(rest | pair)(y), attention(part(pair)(y))) for pair in blocks]
    if sum(before) != expected:
        words = ("before both", "between the two", "after both")
        facts = f"the attention comes {words[sum(before)]} ResidualBlocks, expected {words[expected]}"
        raise Mistake(facts, "You run the parts in another order.")


THROUGH_MISTAKES = [  # what comes back of the input y, with all weights at 0
    ("You use a bare SelfAttention. An AttentionBlock adds its input.", t.zeros_like),
    ("You add the input once more.", lambda y: 2 * y),
    ("You use SiLU after the blocks. They end in one already, before they add their input.", F.silu),
    ("You use a ReLU after the blocks.", F.relu),
]
NORM_MISTAKES = [  # those of a MidBlock; in the other two, a norm has shown before
    ("You use a norm after the blocks.", lambda y: F.group_norm(y, 4)),
    ("You use a norm after the blocks.", lambda y: F.group_norm(y, 1)),
    ("You use a norm after the blocks.", lambda y: F.group_norm(y, y.shape[1])),
]


def why_not_unchanged(through: t.Tensor, y: t.Tensor) -> str:
    if close(through, y, 0.01):
        return "You round it, as half precision does."
    question = recognise(THROUGH_MISTAKES + NORM_MISTAKES, lambda makes: close(through, makes(y), 0.01))
    return question or "You put something beside the ResidualBlocks and the AttentionBlock."


def judge_attention(asked: bool, change: float, where: str = "") -> None:
    if asked and change < 1e-5:
        raise Mistake(
            f"with attention=True, far pixels make no difference{where}",
            "Where is attention used, when it is asked for?",
        )
    if not asked and change > 1e-5:
        raise Mistake(
            f"with attention=False, far pixels make a difference{where}", "You use attention where it is not asked for."
        )


@check("2.7", mistakes=REACHES + THROUGH_MISTAKES)
def check_DownBlock(answer: Callable) -> str:
    judge_pair(answer)
    judge_step_handed_on(answer, (8, 16, 12, 4, True, True), [t.randn(1, 8, 6, 4), t.randn(1, 12)])
    for arguments, shape in [
        ((8, 16, 12, 4, True, True), (3, 8, 6, 4)),
        ((8, 8, 8, 4, True, False), (8, 8, 8, 8)),
        ((8, 16, 12, 4, False, True), (2, 8, 7, 5)),
        ((16, 8, 12, 2, False, False), (2, 16, 4, 6)),
    ]:
        (B, _, H, W), C, step_dim, down = shape, arguments[1], arguments[2], arguments[4]
        small = (B, C, H // 2, W // 2) if down else (B, C, H, W)
        judge = judge_layer if H == 6 else judge_learning
        try:
            judge(answer, arguments, [t.randn(shape), t.randn(B, step_dim)], [small, (B, C, H, W)])
        except Exception as error:
            judge_not_overwritten(answer, arguments, error)
            raise
    for H, W in [(7, 6), (6, 7)]:
        expect_error(
            lambda H=H, W=W: answer(8, 8, 12, 4, True, False)(t.randn(2, 8, H, W), t.randn(2, 12)),
            f"an image of {H} by {W} is halved without an error, and will not double back to that",
            "Where is the given check of forward?",
        )
    x, e = t.randn(2, 8, 12, 12), t.randn(2, 12)
    judge_skip_comes_last(make(answer, 8, 16, 12, 4, True, True, inputs=[x, e]), [x, e])
    judge_step_used(answer(8, 8, 12, 4, True, False), [x, e], pick=1)
    judge_widths(answer(8, 16, 12, 4, True, False), 8, 16)
    with t.no_grad():
        same = make(answer, 8, 8, 12, 4, False, False, inputs=[x, e])
        if not close(*same(x, e)):
            facts = "with downsample=False, x and skip differ"
            raise Mistake(facts, "You change one of them. Both are what comes out of the last ResidualBlock.")
    judge_reach(make(answer, 8, 8, 12, 4, True, False, inputs=[x, e]), 8, 12, pick=1)
    judge_two_blocks(lambda: make(answer, 8, 8, 12, 4, True, False, inputs=[x, e]), [x, e], pick=1)
    judge_skip_unchanged(silence(make(answer, 8, 8, 12, 4, True, False, inputs=[x, e]), everything), x, e)
    skeletons = [silence(make(answer, 8, 8, 12, 4, True, asked, inputs=[x, e]), is_3x3) for asked in (False, True)]
    for asked, skeleton in enumerate(skeletons):
        judge_attention(bool(asked), far_change(skeleton, [x, e], pick=1), " in skip")
    skeleton = skeletons[0]
    judge_no_norm(lambda scale: skeleton(scale * x, e)[0], "halving")
    for asked, each in enumerate(skeletons):
        judge_attention(bool(asked), far_change(each, [x, e], pick=0), " in the halved x")
    judge_skip_unchanged(skeleton, x, e)
    judge_footprint(skeleton, [x, e], {"halved": True})
    judge_straight(lambda scale: skeleton(scale * x, e)[0], "halving")
    judge_resized(skeleton, skeleton(x, e)[0], lambda kernel: F.conv2d(x, kernel, stride=2, padding=1), "halving")
    judge_groups_of_blocks(lambda g: make(answer, 8, 8, 12, g, True, False, inputs=[x, e]), [x, 0 * e], pick=1)
    module = make(answer, 8, 8, 12, 4, False, True, inputs=[x, e])
    judge_place(module, lambda module, y: module(y, 0 * e)[1], t.randn(2, 8, 5, 6), expected=2)
    inputs = [t.randn(2, 8, 4, 6), t.randn(2, 12)]
    judge_ways(make(answer, 8, 16, 12, 4, True, True, inputs=inputs), inputs)
    return "x and skip, two ResidualBlocks, some attention where asked, the halving and its refusal of odd sizes"


def judge_pair(answer: Callable) -> None:
    x, e = t.randn(2, 8, 6, 4), t.randn(2, 12)
    module = answer(8, 8, 12, 4, True, False)
    if not isinstance(module, nn.Module):
        raise Mistake("it is not a module", "Where does the class line name nn.Module, and __init__ call super()?")
    result = module(x.clone(), e.clone())  # what is changed in place is told below
    if not isinstance(result, tuple) or len(result) != 2:
        raise Mistake(f"it returns {kind(result)}, expected two tensors: x, skip", "Where is the skip for the way up?")
    unhalved = answer(8, 8, 12, 4, False, False)(x, e)
    if not isinstance(unhalved, tuple) or len(unhalved) != 2:
        facts = f"with downsample=False it returns {kind(unhalved)}, expected two tensors: x, skip"
        raise Mistake(facts, "Where are both returned, even though they are the same tensor?")
    shapes = [tuple(each.shape[2:]) if isinstance(each, t.Tensor) else None for each in result]
    if shapes == [(6, 4), (3, 2)]:
        raise Mistake("the first of the two results has the full size", "You return skip before x. x comes first.")
    if shapes == [(3, 2), (3, 2)]:
        raise Mistake("skip is halved", "You halve the skip. It is taken before x is halved.")
    if shapes == [(6, 4), (6, 4)]:
        raise Mistake("with downsample=True, x keeps its size", "Where is downsample used?")
    if shapes[1] == (6, 4) and shapes[0] not in ((3, 2), None):
        facts = f"with downsample=True, {' by '.join(map(str, shapes[0]))} pixels are left of 6 by 4, expected 3 by 2"
        raise Mistake(facts, why_resized_otherwise(module, (6, 4), shapes[0]))
    wider = answer(8, 16, 12, 4, True, False)(x, e)[1]
    if isinstance(wider, t.Tensor) and wider.shape == (2, 8, 6, 4):
        facts = "with channels_in=8 and channels_out=16, skip has 8 channels, expected 16"
        question = "Where does the first ResidualBlock bring the width to channels_out?"
        if close(wider, x):
            question = "You keep skip before the ResidualBlocks. It is what comes out of them."
        raise Mistake(facts, question)
    if isinstance(result[0], t.Tensor) and result[0].shape[1:] == (16, 3, 2):
        facts = "with channels_in=8 and channels_out=8, the halved x has 16 channels"
        raise Mistake(facts, "You double the width in the halving, which keeps it.")
    if isinstance(unhalved[0], t.Tensor) and unhalved[0].shape[2:] == (3, 2):
        raise Mistake("with downsample=False, x is halved", "You halve whatever downsample says.")


@t.no_grad()
def judge_skip_unchanged(module: nn.Module, x: t.Tensor, e: t.Tensor) -> None:
    through = module(x, e)[1]
    if not close(through, x):
        facts = "with all 3×3 kernels at 0 and equal widths, skip is not the input"
        raise Mistake(facts, why_not_unchanged(through, x))


def judge_skip_comes_last(module: nn.Module, inputs: Sequence[t.Tensor]) -> None:
    """All that the blocks learn, which counts in x, counts in skip."""
    skip = module(*inputs)[1]
    for kind_of, question in [
        ("ResidualBlock", "You take the skip after the first ResidualBlock. It is what comes out of the second."),
        ("AttentionBlock", "You take the skip before attention. It comes after."),
    ]:
        blocks = [it for it in module.modules() if type(it).__name__ == kind_of]
        weights = [p for block in blocks for p in block.parameters() if p.ndim > 1]
        if weights and skip.requires_grad:
            gradients = t.autograd.grad(skip.square().sum(), weights, retain_graph=True, allow_unused=True)
            if any(gradient is None for gradient in gradients):
                raise Mistake(f"what {kind_of}s learn counts in x, but not in skip", question)


def judge_not_overwritten(answer: Callable, arguments: tuple, error: Exception) -> None:
    """A layer under the name of the given setting counts as true, so that odd sizes are refused without halving."""
    if isinstance(error, ValueError | AssertionError) and not arguments[4]:
        layer = getattr(answer(*arguments), "downsample", False)
        if isinstance(layer, nn.Module):
            facts = "with downsample=False, self.downsample is a layer, which counts as true, so odd sizes fail"
            raise Mistake(facts, "You overwrite self.downsample. Your own layers need names of their own.") from None
        error.add_note(f"The check made it with downsample={arguments[4]}, so any size will do.")


def kernel_of(module: nn.Module) -> int:
    """The size of the kernel that resizes: neither 1×1 nor, if there is another, 3×3. 0 where there is none."""
    sizes = {p.shape[-1] for p in module.parameters() if p.ndim == 4} - {1}
    return max(sizes - {3} or sizes, default=0)


def why_resized_otherwise(module: nn.Module, before: Sequence[int], after: Sequence[int], doubled: bool = False) -> str:
    """The kernel, stride and padding that turn one size into the other."""
    right, k = "It's 4×4, stride 2 and padding 1.", kernel_of(module)
    for s in (2, 1, 4, 3):
        for p in (1, 0, 2, 3):
            for kernel in (k, 3):
                made = [(n - 1) * s + kernel - 2 * p if doubled else (n + 2 * p - kernel) // s + 1 for n in before]
                if made == [*after]:
                    return f"You use a {kernel}×{kernel} kernel with stride {s} and padding {p}. {right}"
                if doubled and [(n + 2 * p - kernel) // s + 1 for n in before] == [*after]:
                    return "You use an ordinary convolution. A transposed one doubles the size."
                if not doubled and [(n - 1) * s + kernel - 2 * p for n in before] == [*after]:
                    return "You use a transposed convolution. An ordinary one halves the size."
    return f"Where is the size changed? {right}"


@t.no_grad()
def judge_no_norm(resized: Callable, what: str) -> None:
    """Without the blocks' kernels and attention, nothing normalises what is resized. resized: what comes of a scale
    times the input"""
    once = resized(1)
    if once.abs().max() > 1e-4 and close(resized(2), once, 0.2):
        raise Mistake(
            f"twice the input gives the same after the {what}", f"You use a norm right before or after the {what}."
        )


@t.no_grad()
def judge_straight(resized: Callable, what: str) -> None:
    """Without the blocks' kernels and attention, the opposite input gives the opposite."""
    once, minus = resized(1), resized(-1)
    if not close(minus, -once, 0.01):
        place = "after" if once.min() > -0.28 or minus.min() > -0.28 else "before"
        facts = f"without 3×3 kernels, the opposite input does not give the opposite after the {what}"
        raise Mistake(facts, f"You use an activation {place} the {what}.")


@t.no_grad()
def judge_resized(skeleton: nn.Module, resized: t.Tensor, by: Callable, what: str) -> None:
    """Without the blocks' kernels and attention, the 4×4 kernel alone makes what comes out. by: what a kernel makes"""
    kernels = [p for p in skeleton.parameters() if p.shape[2:] == (4, 4)]
    made = by(kernels[0]) if len(kernels) == 1 else resized
    if made.shape == resized.shape and not close(resized, made):
        facts = f"what comes out of the {what} is not what its 4×4 kernel makes"
        if close(resized[:, :, 2:-2, 2:-2], made[:, :, 2:-2, 2:-2]):
            raise Mistake(f"{facts}, at the border", "You pad with something else than zeros.")
        raise Mistake(facts, f"You use one more layer for the {what}. The 4×4 one is enough.")


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
        kernel, small = kernel_of(skeleton), sum(is_3x3(name, p) for name, p in skeleton.named_parameters())
        named = kernel not in (0, 3, 4) or (kernel == 3 and small > 4)
        used = f"You use a {kernel}×{kernel} kernel." if named else "You resize otherwise."
        raise Mistake(facts, f"{used} A {word} does it, 4×4, with stride 2 and padding 1.")
    lit = x.clone()
    lit[:, 0, 4, 4] += 1
    channels = (listed(skeleton(lit, *others))[0] - plain).abs().amax(dim=(0, 2, 3)) > 1e-4
    if not channels.all():
        facts = f"when the size changes, one channel reaches {int(channels.sum())} of {len(channels)} channels"
        question = "You resize before the ResidualBlocks. It comes last."
        if channels.sum() == 1:
            question = "You resize each channel by itself."
        elif any(p.shape[2:] == (4, 4) and p.shape[0] != p.shape[1] for p in skeleton.parameters()):
            question = "You split the convolution by groups=."
        raise Mistake(facts, f"{question} A {word} has weights from all channels to all.")
