"""The check of 2.10 UpBlock."""

import re
from collections.abc import Callable, Sequence

import torch as t
import torch.nn.functional as F
from torch import nn

from tests.checking import (
    Mistake,
    check,
    close,
    everything,
    is_3x3,
    judge_layer,
    judge_learning,
    judge_step_used,
    judge_ways,
    make,
    silence,
)
from tests.part2.DownBlock import (
    REACHES,
    THROUGH_MISTAKES,
    far_change,
    judge_attention,
    judge_footprint,
    judge_groups_of_blocks,
    judge_no_norm,
    judge_place,
    judge_reach,
    judge_resized,
    judge_step_handed_on,
    judge_straight,
    judge_two_blocks,
    judge_widths,
    why_not_unchanged,
    why_resized_otherwise,
)


@check("2.10", mistakes=REACHES + THROUGH_MISTAKES)
def check_UpBlock(answer: Callable) -> str:
    for arguments, shape in [
        ((16, 8, 12, 4, True, True), (3, 16, 3, 4)),
        ((8, 8, 8, 4, True, False), (8, 8, 8, 8)),
        ((16, 8, 12, 4, False, True), (2, 16, 7, 5)),
        ((8, 16, 12, 2, False, False), (2, 8, 4, 6)),
    ]:
        (B, _, H, W), step_dim, up = shape, arguments[2], arguments[4]
        inputs = [t.randn(shape), t.randn(B, step_dim), t.randn(shape)]
        judge_up_shape(answer, arguments, inputs)
        if H == 3:
            judge_step_handed_on(answer, arguments, [each[:1] for each in inputs])
        size = (B, arguments[1], 2 * H, 2 * W) if up else (B, arguments[1], H, W)
        judge = judge_layer if H == 3 else judge_learning
        judge(answer, arguments, inputs, [size])
    x, e, skip = t.randn(2, 8, 12, 12), t.randn(2, 12), t.randn(2, 8, 12, 12)
    module = make(answer, 8, 8, 12, 4, False, False, inputs=[x, e, skip])
    judge_step_used(module, [x, e, skip])
    with t.no_grad():
        result = module(x, e, skip)
        if close(module(x, e, x), result):
            raise Mistake("the result does not depend on skip", "Where is it put beside x?")
        if close(module(skip, e, skip), result):
            raise Mistake("the result does not depend on x", "Where is it put beside skip?")
        if close(module(skip, e, x), result):
            raise Mistake("x and skip can be swapped", "You add or multiply them. They go side by side, as channels.")
    judge_widths(answer(8, 4, 12, 4, True, False), 8, 4)
    judge_widths(answer(8, 32, 12, 4, True, False), 8, 32)
    judge_reach(make(answer, 8, 8, 12, 4, False, False, inputs=[x, e, skip]), 8, 12, skip=True)
    judge_two_blocks(lambda: make(answer, 8, 16, 12, 4, False, False, inputs=[x, e, skip]), [x, e, skip])
    judge_nothing_beside(answer)
    arrives = judge_up_place(answer)
    for asked in (False, True):
        skeleton = silence(make(answer, 8, 8, 12, 4, False, asked, inputs=[x, e, skip]), is_3x3)
        judge_attention(asked, far_change(skeleton, [x, e, skip]))
    judge_up_order(answer, arrives)
    skeleton = silence(make(answer, 8, 16, 12, 4, True, False, inputs=[x, e, skip]), is_3x3)
    judge_no_norm(lambda scale: skeleton(scale * x, e, scale * skip), "doubling")
    judge_footprint(skeleton, [x, e, skip], {})
    judge_straight(lambda scale: skeleton(scale * x, e, scale * skip), "doubling")
    joined = t.cat([x, skip], dim=1)[:, arrives]
    made = skeleton(x, e, skip)
    judge_resized(skeleton, made, lambda kernel: F.conv_transpose2d(joined, kernel, stride=2, padding=1), "doubling")
    judge_groups_of_blocks(lambda g: make(answer, 8, 8, 12, g, False, False, inputs=[x, e, skip]), [x, 0 * e, skip])
    skeleton = silence(make(answer, 8, 16, 12, 4, True, True, inputs=[x, e, skip]), is_3x3)
    judge_attention_first(skeleton, [x, e, skip])
    inputs = [t.randn(2, 8, 4, 5), t.randn(2, 12), t.randn(2, 8, 4, 5)]
    judge_ways(make(answer, 8, 16, 12, 4, True, True, inputs=inputs), inputs)
    return "x beside skip, the widths on the way up, some attention where asked, the doubling"


@t.no_grad()
def judge_nothing_beside(answer: Callable) -> None:
    """x and skip reach the end through the blocks alone."""
    x, e, skip = t.randn(2, 8, 4, 6), t.randn(2, 12), t.randn(2, 8, 4, 6)
    for up in (False, True):
        result = silence(make(answer, 8, 8, 12, 4, up, False, inputs=[x, e, skip]), everything)(x, e, skip)
        if result.abs().max() > 1e-4:
            facts = f"with upsample={up} and all weights at 0, the result is not 0"
            beside = {} if up else {"skip": skip, "x": x, "x and skip": x + skip}
            name = next((name for name, tensor in beside.items() if close(result, tensor)), "something")
            raise Mistake(facts, f"You add {name} to what the blocks make.")


@t.no_grad()
def judge_up_place(answer: Callable) -> t.Tensor:
    """As 8 + 8 channels come and 16 go, x beside skip comes through as it is, in an order that is the learner's.
    returns: (16,), which channel of x beside skip comes to each place"""
    y, e = t.randn(2, 16, 5, 6), t.zeros(2, 12)
    numbered = t.arange(1.0, 17).reshape(1, 16, 1, 1).expand(2, 16, 5, 6)
    plain = silence(make(answer, 8, 16, 12, 4, False, False, inputs=[y[:, :8], e, y[:, 8:]]), everything)
    came = plain(numbered[:, :8], e, numbered[:, 8:])[0, :, 0, 0].round().long() - 1
    through = plain(y[:, :8], e, y[:, 8:])
    if sorted(came.tolist()) != list(range(16)) or not close(through, y[:, came]):
        facts = (
            "with all weights at 0 and as many channels out as come in, x beside skip does not come through as it is"
        )
        raise Mistake(facts, why_not_through(through, y))
    return came


@t.no_grad()
def judge_up_order(answer: Callable, arrives: t.Tensor) -> None:
    """Attention comes after both ResidualBlocks. arrives: as judge_up_place has found it"""
    y, e, back = t.randn(2, 16, 5, 6), t.zeros(2, 12), arrives.argsort()
    module = make(answer, 8, 16, 12, 4, False, True, inputs=[y[:, :8], e, y[:, 8:]])
    judge_place(module, lambda module, y: module(y[:, back][:, :8], e, y[:, back][:, 8:]), y, expected=2)


def why_not_through(through: t.Tensor, y: t.Tensor) -> str:
    """What to say of x beside skip, y, that has come through changed."""
    if through.abs().max() < 1e-4:
        return "Where do x and skip, side by side, go through the two ResidualBlocks and no other layer?"
    whole = [any(close(each, own) for each in through.unbind(1)) for own in y.unbind(1)]
    for name, changed, other in [("x", whole[:8], whole[8:]), ("skip", whole[8:], whole[:8])]:
        if all(other) and not all(changed):
            return f"You change {name} before it is put beside the other. It goes there as it is."
    return why_not_unchanged(through, y)


@t.no_grad()
def judge_attention_first(skeleton: nn.Module, inputs: Sequence[t.Tensor]) -> None:
    """Black pixels get all the same from far ones, and after that the stamps of the doubling give it a pattern."""
    x, e, skip = (0 * each for each in inputs)
    x[:, :, 0, 0] = inputs[0][:, :, 0, 0]
    far = skeleton(x, e, skip)[:, :, 8:16, 8:16]
    if close(far, far[:, :, :1, :1].expand_as(far)):
        facts = "what attention finds far away comes without the pattern of the transposed convolution"
        raise Mistake(facts, "You double before the attention. The doubling comes last.")


def judge_up_shape(answer: Callable, arguments: tuple, inputs: Sequence[t.Tensor]) -> None:
    module = answer(*arguments)
    try:
        result = module(*(x.clone() for x in inputs))  # what is changed in place is told later
    except RuntimeError as error:
        names = "channels_in={}, channels_out={}, step_dim={}, groups={}, upsample={}, attention={}".format(*arguments)
        error.add_note(f"The check made it with {names}: x and skip have {arguments[0]} channels each.")
        if found := re.search(r"to have (\d+) channels, but got (\d+)", str(error)):
            expected, got = map(int, found.groups())
            if got == 2 * arguments[0]:
                error.add_note(f"Where does the first ResidualBlock take in {got} channels, those of x and of skip?")
            elif f"input[{2 * len(inputs[0])}, " in str(error):
                error.add_note("You put x and skip behind each other, as images. They go side by side, as channels.")
            elif got == arguments[0]:
                error.add_note("Where is skip put beside x, as channels? Side by side, they have twice as many.")
        if re.search(rf"tensor a \({2 * len(inputs[0])}\) .* tensor b \({len(inputs[0])}\)", str(error)):
            error.add_note("You put x and skip behind each other, as images. They go side by side, as channels.")
        if f"[{len(inputs[0])}, 2, {arguments[0]}, " in str(error):
            error.add_note("You stack x and skip, which adds an axis. They go side by side, as channels.")
        if "Sizes of tensors must match" in str(error):
            error.add_note("You change the size of x before it meets its skip. The doubling comes last.")
        raise
    if isinstance(result, t.Tensor) and result.ndim == 4 and result.shape[1] != arguments[1]:
        facts = (
            f"with channels_in={arguments[0]} and channels_out={arguments[1]} the result has {result.shape[1]} channels"
        )
        question = "You mix up the two widths. x and skip have channels_in each, and the result has channels_out."
        raise Mistake(f"{facts}, expected {arguments[1]}", question)
    if isinstance(result, t.Tensor) and result.shape[2:] == inputs[0].shape[2:] and arguments[4]:
        raise Mistake("with upsample=True, x keeps its size", "Where is upsample used?")
    if isinstance(result, t.Tensor) and result.shape[2] == 2 * inputs[0].shape[2] and not arguments[4]:
        question = "You double whatever upsample says."
        if isinstance(getattr(module, "upsample", None), nn.Module):
            question = "You overwrite self.upsample by a layer, which counts as true. Give the layer another name."
        raise Mistake("with upsample=False, x is doubled", question)
    if isinstance(result, t.Tensor) and len(result) == 2 * len(inputs[0]):
        facts = f"from {len(inputs[0])} images it makes {len(result)}"
        raise Mistake(facts, "You put x and skip behind each other, as images. They go side by side, as channels.")
    if isinstance(result, t.Tensor) and result.ndim == 4:
        before, after, times = inputs[0].shape[2:], result.shape[2:], 1 + arguments[4]
        if after in [(2 * times * before[0], times * before[1]), (times * before[0], 2 * times * before[1])]:
            way = "below" if after[0] == 2 * times * before[0] else "beside"
            facts = f"from {before[0]} by {before[1]} pixels it makes {after[0]} by {after[1]}"
            raise Mistake(facts, f"You put skip {way} x, as pixels. They go side by side as channels.")
        if arguments[4] and after != (2 * before[0], 2 * before[1]):
            facts = f"with upsample=True, {before[0]} by {before[1]} pixels become {after[0]} by {after[1]}"
            question = why_resized_otherwise(module, before, after, doubled=True)
            raise Mistake(f"{facts}, expected {2 * before[0]} by {2 * before[1]}", question)
