"""The check of 2.8 MidBlock."""

from collections.abc import Callable

import torch as t
from torch import nn

from tests.checking import (
    Mistake,
    check,
    is_3x3,
    judge_layer,
    judge_learning,
    judge_step_used,
    judge_ways,
    make,
    silence,
)
from tests.part2.DownBlock import (
    NORM_MISTAKES,
    REACHES,
    THROUGH_MISTAKES,
    far_change,
    judge_groups_of_blocks,
    judge_place,
    judge_reach,
    judge_step_handed_on,
    judge_two_blocks,
)


@check("2.8", mistakes=REACHES + THROUGH_MISTAKES + NORM_MISTAKES)
def check_MidBlock(answer: Callable) -> str:
    judge_step_handed_on(answer, (8, 12, 4), [t.randn(1, 8, 5, 3), t.randn(1, 12)])
    for arguments, shape in [((8, 12, 4), (3, 8, 5, 3)), ((8, 8, 2), (8, 8, 8, 8))]:
        judge = judge_layer if shape[3] == 3 else judge_learning
        judge(answer, arguments, [t.randn(shape), t.randn(shape[0], arguments[1])], [shape])
    x, e = t.randn(2, 8, 12, 12), t.randn(2, 12)
    judge_step_used(answer(8, 12, 4), [x, e])
    judge_reach(make(answer, 8, 12, 4, inputs=[x, e]), 8, 12)
    judge_two_blocks(lambda: make(answer, 8, 12, 4, inputs=[x, e]), [x, e])
    skeleton = silence(make(answer, 8, 12, 4, inputs=[x, e]), is_3x3)
    if far_change(skeleton, [x, e]) < 1e-5:
        raise Mistake("far pixels make no difference", "Where is the AttentionBlock between the ResidualBlocks?")
    module = make(answer, 8, 12, 4, inputs=[x, e])
    judge_place(module, lambda module, y: module(y, t.zeros(2, 12)), t.randn(2, 8, 5, 6), expected=1)
    judge_groups_of_blocks(lambda groups: without_attention(make(answer, 8, 12, groups, inputs=[x, e])), [x, 0 * e])
    inputs = [t.randn(2, 8, 4, 5), t.randn(2, 12)]
    judge_ways(make(answer, 8, 12, 4, inputs=inputs), inputs)
    return "two ResidualBlocks with weights of their own, some attention, the timestep in both"


def without_attention(module: nn.Module) -> nn.Module:
    return silence(module, lambda name, p: not is_3x3(name, p))
