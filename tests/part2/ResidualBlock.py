"""The check of 2.6 ResidualBlock."""

from collections.abc import Callable

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
    listed,
    make,
    nothing,
    recognise,
    silence,
)


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


LAYER_ON_SHORTCUT = "Is there a layer on the way of the input? With equal widths it needs none."
SHORTCUT_MISTAKES = [  # what comes back of x with all weights at 0; arrives: whether x does with others
    ("Is the input added before the last SiLU? It comes after.", lambda x, arrives: F.silu(x)),
    ("Is the input added twice?", lambda x, arrives: 2 * x),
    ("Is there a norm after the input is added?", lambda x, arrives: F.group_norm(x, 4)),
    (
        "Is the input added before the last norm? It comes at the very end.",
        lambda x, arrives: F.silu(F.group_norm(x, 4)),
    ),
    (LAYER_ON_SHORTCUT, lambda x, arrives: 0 * x if arrives else None),
    ("Is the input added at the end?", lambda x, arrives: 0 * x),
]


@check("2.6", mistakes=SHORTCUT_MISTAKES)
def check_ResidualBlock(answer: Callable) -> str:
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
        large = module(1e5 * x, e)
        arrives = close(large / 1e5, module(2e5 * x, e) / 2e5) and large.abs().mean() > 1e3

        def fits(mistake: Callable) -> bool:
            return (made := mistake(x, arrives)) is not None and close(result, made)

        question = recognise(SHORTCUT_MISTAKES, fits)
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
        raise Mistake("the result does not depend on step_emb", "Where is it added, between the two convolutions?")
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
