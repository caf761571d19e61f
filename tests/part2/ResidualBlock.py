"""The check of 2.6 ResidualBlock."""

import re
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
    judge_ways,
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
    return extent(touched.any(dim=1)), extent(touched.any(dim=0))


def extent(touched: t.Tensor) -> int:
    """From the first touched place to the last one."""
    places = touched.nonzero()
    return int(places.max() - places.min()) + 1 if len(places) else 0


def why_it_reaches(module: nn.Module, convolutions: int) -> str:
    """A question for a patch of another size than that of so many 3×3 convolutions."""
    sizes = [tuple(p.shape[2:]) for p in module.parameters() if p.ndim == 4 and p.shape[2:] not in ((1, 1), (4, 4))]
    other = next((size for size in sizes if size != (3, 3)), None)
    if other:
        return f"You use a kernel of {other[0]}×{other[1]}. Convolutions have 3×3 here."
    if len(sizes) < convolutions:
        return f"Where are {convolutions} convolutions with 3×3 kernels, one after the other?"
    if len(sizes) > convolutions:
        return f"You use {len(sizes)} convolutions with 3×3 kernels."
    return "You spread the kernels by a dilation, or pad otherwise. Padding 1 keeps the size."


LAYER_ON_SHORTCUT = "You put a layer on the way of the input. With equal widths it needs none."
SHORTCUT_MISTAKES = [  # what comes back of x with all weights at 0; arrives: whether x does with others
    ("You use a SiLU after the input is added. The last SiLU comes before.", lambda x, arrives: F.silu(x)),
    ("You add the input twice.", lambda x, arrives: 2 * x),
    ("You subtract the input. It is added.", lambda x, arrives: -x),
    ("You divide the sum by a root. The input is added as it is.", lambda x, arrives: x / 2**0.5),
    ("You halve the sum. The input is added as it is.", lambda x, arrives: x / 2),
    ("You use a norm after the input is added. It comes at the very end.", lambda x, arrives: F.group_norm(x, 4)),
    (
        "You add the input before the last norm. It comes at the very end.",
        lambda x, arrives: F.silu(F.group_norm(x, 4)),
    ),
    (LAYER_ON_SHORTCUT, lambda x, arrives: 0 * x if arrives else None),
    ("Where is the input added, at the end?", lambda x, arrives: 0 * x),
]


def residual(x: t.Tensor, e: t.Tensor, kernels: list, linear: t.Tensor, **how: Callable) -> t.Tensor:
    """The branch without biases, 4 groups. how: what a mistake does otherwise"""
    modes = how.get("pad", ("constant", "constant"))
    normed = F.group_norm(F.conv2d(F.pad(x, (1, 1, 1, 1), modes[0]), kernels[0]), 4)
    step = how.get("after", as_it_is)(how.get("told", F.silu)(e) @ linear.T)[:, :, None, None]
    bent = how.get("bend", F.silu)(normed + how.get("before", t.zeros_like)(step))
    hidden = how.get("again", as_it_is)(how.get("join", t.add)(bent, how.get("behind", as_it_is)(step)))
    return F.silu(F.group_norm(F.conv2d(F.pad(hidden, (1, 1, 1, 1), modes[1]), kernels[1]), 4))


def as_it_is(x: t.Tensor) -> t.Tensor:
    return x


WHOLE_MISTAKES = [
    *[
        ("You pad with something else than zeros.", {"pad": modes})
        for mode in ("reflect", "replicate", "circular")
        for modes in ((mode, mode), ("constant", mode), (mode, "constant"))
    ],
    ("You use a tanh before the timestep's Linear. It is SiLU.", {"told": t.tanh}),
    ("You use a sigmoid before the timestep's Linear. It is SiLU.", {"told": t.sigmoid}),
    ("You use Mish before the timestep's Linear. It is SiLU.", {"told": F.mish}),
    ("You use Mish after the first norm. It is SiLU.", {"bend": F.mish}),
    ("You add the timestep twice.", {"behind": lambda step: 2 * step}),
    ("You scale channels by the timestep. It is only added.", {"join": lambda bent, step: bent * (1 + step)}),
    ("You scale channels by the timestep. It is only added.", {"join": lambda bent, step: bent * t.sigmoid(step)}),
    ("You use a ReLU after the first norm. It is SiLU.", {"bend": F.relu}),
    ("You use a GELU after the first norm. It is SiLU.", {"bend": F.gelu}),
    ("You use a tanh after the first norm. It is SiLU.", {"bend": t.tanh}),
    ("You use a leaky ReLU after the first norm. It is SiLU.", {"bend": F.leaky_relu}),
    ("You use a sigmoid after the first norm. It is SiLU.", {"bend": t.sigmoid}),
    ("You use SiLU twice after the first norm.", {"bend": lambda x: F.silu(F.silu(x))}),
    ("You use a GELU before the timestep's Linear. It is SiLU.", {"told": F.gelu}),
    ("You use SiLU twice before the timestep's Linear.", {"told": lambda e: F.silu(F.silu(e))}),
    ("You use an activation after the timestep's Linear. Its SiLU comes before.", {"after": F.silu}),
    (
        "You use an activation after the timestep's Linear. Its SiLU comes before.",
        {"told": as_it_is, "after": F.silu},
    ),
    ("You add the timestep before the first SiLU. It comes after.", {"before": as_it_is, "behind": t.zeros_like}),
    ("You add the timestep before the first SiLU and after it, too.", {"before": as_it_is}),
    ("You use SiLU once more, after the timestep is added.", {"again": F.silu}),
    (
        "You add the timestep before the first SiLU, which comes twice.",
        {"bend": lambda x: F.silu(F.silu(x)), "before": as_it_is, "behind": t.zeros_like},
    ),
]


@check("2.6", mistakes=SHORTCUT_MISTAKES + WHOLE_MISTAKES)
def check_ResidualBlock(answer: Callable) -> str:
    for arguments, shape in [
        ((8, 16, 12, 4), (3, 8, 6, 7)),  # sizes that tell a missing padding from a stride
        ((8, 8, 8, 4), (8, 8, 8, 8)),
        ((16, 4, 6, 2), (2, 16, 5, 7)),
    ]:
        B, _, H, W = shape
        inputs = [t.randn(shape), t.randn(B, arguments[2])]
        try:
            judge_layer(answer, arguments, inputs, [(B, arguments[1], H, W)])
        except RuntimeError as error:
            if question := why_sizes_differ(str(error), arguments, shape):
                error.add_note(question)
            raise
    expect_error(
        lambda: answer(8, 16, 12, 3),
        "with groups=3 for 16 channels it raises no error",
        "Where do both norms get groups?",
    )
    with t.no_grad():
        judge_shortcut(answer)
        judge_parts(answer)
        judge_branch(answer)
        judge_norms(answer)
        judge_whole(answer, only_known=True)
        judge_bend(answer)
        judge_step(answer)
        judge_step_place(answer)
        judge_whole(answer)
    module = make(answer, 8, 16, 12, 4, inputs=[t.randn(2, 8, 4, 5), t.randn(2, 12)])
    judge_ways(module, [t.randn(2, 8, 4, 5), t.randn(2, 12)])
    return "the shortcut, both norms and SiLUs, the timestep after the first of them, one number a channel"


def why_sizes_differ(words: str, arguments: tuple, shape: tuple) -> str:
    """What PyTorch's words about two sizes may come from."""
    sizes = tuple(map(int, re.findall(r"tensor [ab] \((\d+)\)", words)))
    for kernel, expected, got in re.findall(r"\[\d+, \d+, (\d).* to have (\d+) channels, but got (\d+)", words):
        if (int(expected), int(got)) == arguments[:2] and kernel == "3":
            return f"Where does the second convolution take what the first has made, {got} channels?"
        if (int(expected), int(got)) == arguments[:2]:
            return "You send what a convolution has made through a layer for x. The shortcut takes x, the input itself."
        if (int(got), int(expected)) == arguments[:2]:
            return "You swap input_channels and output_channels."
    if "mat1 and mat2" in words and f"({shape[0]}x" not in words:
        return "You send images through a Linear layer, which takes the last axis. A convolution takes channels."
    if "mat1 and mat2" in words:
        return f"Where does the timestep's Linear take step_dim numbers, here {arguments[2]}?"
    if f"input of size: [{shape[0]}, {arguments[2]}]" in words:
        return "You swap x and step_emb. forward gets x first."
    widths, H, W = {arguments[0], arguments[1]}, *shape[2:]
    if {*sizes} == widths and "dimension 1" in words:
        return "Where does the input go through a 1×1 convolution, when the number of channels changes?"
    if sizes and sizes[1] == arguments[1]:
        return "Where does the timestep, (B, C), get an axis for height and one for width, behind C?"
    if len(sizes) == 2 and sizes[1] in (H, W) and sizes[1] - sizes[0] in (2, 4):
        return "Where is the padding that keeps the size?"
    if len(sizes) == 2 and sizes[1] in (H, W):
        return "You change the size of the image. With a 3×3 kernel, stride 1 and padding 1 keep it."
    return ""


def judge_shortcut(answer: Callable) -> None:
    x, e = 30 * t.randn(2, 8, 6, 7), t.randn(2, 12)
    result = silence(make(answer, 8, 8, 12, 4, inputs=[x, e]), everything)(x, e)
    if not close(result, x):
        module = make(answer, 8, 8, 12, 4, inputs=[x, e])
        large = module(1e5 * x, e)
        arrives = close(large / 1e5, module(2e5 * x, e) / 2e5) and large.abs().mean() > 1e3

        def fits(mistake: Callable) -> bool:
            return (made := mistake(x, arrives)) is not None and close(result, made)

        question = recognise(SHORTCUT_MISTAKES, fits, "You do something else to the sum. The input is added as it is.")
        if close(result.abs().max(), result.abs().median()) and result.any():
            question = "You cut off what is large."
        if question == LAYER_ON_SHORTCUT and not any(
            p.shape[:2] == (8, 8) and p[0, 0].numel() == 1 for p in module.parameters()
        ):
            question = "You multiply by the input. It is added."
        if result.isnan().any():
            question = "You divide the kernels by their spread. They are used as they are."
        raise Mistake("with all weights at 0 and equal widths, the input does not come back unchanged", question)
    x = x / 10
    wider = make(answer, 8, 16, 12, 4, inputs=[x, e])
    if silence(wider, everything)(x, e).abs().max() > 1e-4:
        facts = "with all weights at 0 and other widths, the input arrives all the same"
        raise Mistake(facts, "Where is the 1×1 convolution that it goes through?")
    wider = silence(make(answer, 8, 16, 12, 4, inputs=[x, e]), nothing)
    large = wider(1e6 * x, e) / 1e6
    if large.abs().max() < 1e-3:
        facts = "where the widths differ, an input a million times as large changes little"
        raise Mistake(facts, "Where is the input added, through a 1×1 convolution and nothing else?")
    lit = x.clone()
    lit[:, :, 3, 3] += 10
    touched = (wider(1e6 * lit, e) / 1e6 - large).abs().sum(dim=(0, 1)) > 1e-3
    if touched.sum() > 1:
        raise Mistake(
            "on its way to the end, a pixel of the input spreads to others",
            "You use a larger kernel than 1×1 on the shortcut.",
        )
    if not close(wider(2e6 * x, e) / 2e6, large, 0.01) or not close(wider(-1e6 * x, e) / -1e6, large, 0.01):
        raise Mistake(
            "the input does not arrive at the end as it was",
            "You use a SiLU on the shortcut. The input goes through a 1×1 convolution alone.",
        )


def judge_parts(answer: Callable) -> None:
    """Which layers there are, by the shapes of their weights."""
    module = make(answer, 8, 16, 12, 4, inputs=[t.randn(2, 8, 6, 7), t.randn(2, 12)])
    weights = [(name, p) for name, p in module.named_parameters() if p.ndim > 1 and p.requires_grad]
    for name, p in weights:
        if is_3x3(name, p) and p.shape[0] != 16:
            facts = f"with input_channels=8 and output_channels=16, {name} gives {p.shape[0]} channels"
            raise Mistake(facts, "Where does the first convolution bring the width to output_channels?")
        if p.shape[:2] == (8, 12):
            facts = f"with input_channels=8 and output_channels=16, {name} gives 8 numbers for step_emb"
            raise Mistake(facts, "You add it to the input. It comes after the first norm and SiLU.")
        if p.ndim == 4 and p.shape[1] not in (8, 16) and p.shape[2:] != (1, 1) or p.shape[1:] == (4, 1, 1):
            facts = (
                f"{name} has shape {tuple(p.shape)}, so each of its channels sees {p.shape[1]} of the channels before"
            )
            raise Mistake(facts, "You split the convolution by groups=. Only the norms have groups.")
    layers = [(name, p) for name, p in weights if p.numel() == 16 * 16]
    if layers and sum(is_3x3(name, p) for name, p in weights) == 2:
        facts = f"{layers[0][0]} has shape {tuple(layers[0][1].shape)}"
        raise Mistake(facts, "You use one layer more than the block has: two convolutions and the timestep's Linear.")


def judge_branch(answer: Callable) -> None:
    """With equal widths the branch is what is left when the input is taken off."""
    x, e = t.randn(8, 16, 12, 12), t.zeros(8, 12)
    module = silence(make(answer, 16, 16, 12, 4, inputs=[x, e]), nothing)
    if sum(is_3x3(name, p) for name, p in module.named_parameters()) == 1 and reach_of_one(module) == (5, 5):
        facts = "with equal widths, one 3×3 kernel makes both convolutions"
        raise Mistake(facts, "You use one convolution twice. Each has weights of its own.")
    branch = module(x, e) - x
    for name, p in module.named_parameters():
        if p.numel() == 1 and not name.endswith("bias"):
            raise Mistake(
                f"{name} is one number to learn", "You scale by a number that is learned. Here there is none."
            )
    if branch.abs().max() < 1e-4:
        raise Mistake(
            "with a step_emb of 0, nothing is added to the input", "You multiply by the timestep. It is added."
        )
    low, high = branch.min().item(), branch.max().item()
    if 0.25 < high < 0.2786 and low < -1:
        facts = f"what is added to the input goes up to {high:.3f}, and SiLU's numbers go down to -0.278"
        raise Mistake(facts, "You subtract what the convolutions make. It is added.")
    if not -0.2786 < low < -0.25:
        question = "You put something else last. SiLU is the last thing before the input is added."
        question = (
            "You use a ReLU. It is SiLU."
            if low >= 0
            else "You use a GELU. It is SiLU."
            if abs(low + 0.17) < 0.01
            else question
        )
        if close(module(x + 5, e) - x - 5, branch):
            question = "You begin with a norm, as in the paper's code. Here it is convolution, norm, SiLU."
        raise Mistake(f"before the input is added, numbers go down to {low:.3f}, SiLU's go down to -0.278", question)
    if close(module(x + 5, e) - x - 5, branch):
        facts = "the branch takes no notice when all of the input is shifted"
        raise Mistake(facts, "You normalise the input. The first convolution comes before the first norm.")
    below = -100 - 10 * x.abs()
    if close(module(below, e) - below, module(below.flip(0), e) - below.flip(0)):
        facts = "what is added is the same for all images far below 0"
        raise Mistake(facts, "You use an activation before the first convolution. It comes after the first norm.")
    for name, p in module.named_parameters():
        if is_3x3(name, p):
            judge_groups(name, p, lambda: module(x, e) - x, branch)
    size = reach_of_one(module)
    if size != (5, 5):
        facts = f"one pixel reaches a patch of {size[0]} by {size[1]}, expected 5 by 5"
        raise Mistake(facts, why_it_reaches(module, 2))


def reach_of_one(module: nn.Module) -> tuple[int, int]:
    return reach(module, t.zeros(1, 16, 24, 24), t.zeros(1, 12), at=(12, 12))


def judge_groups(name: str, p: nn.Parameter, branch: Callable, before: t.Tensor) -> None:
    """The norm after a kernel takes off what all of a group of 4 channels is multiplied by, and nothing else."""

    def hidden(channels: slice) -> bool:
        p[channels] *= 10
        same = close(branch(), before, 0.01)
        p[channels] /= 10
        return same

    if not hidden(slice(0, 16)):
        facts = f"ten times as large weights in {name} change the result"
        raise Mistake(facts, "Where is the norm right after that convolution?")
    if not hidden(slice(0, 4)):
        facts = f"with groups=4 for 16 channels, the norm after {name} puts more than 4 channels in a group"
        raise Mistake(facts, "Where do both norms get groups?")
    if hidden(slice(0, 2)):
        facts = f"with groups=4 for 16 channels, the norm after {name} puts fewer than 4 channels in a group"
        raise Mistake(facts, "Where do both norms get groups?")


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
                raise Mistake(facts, "You use a norm right after a norm. Each convolution has one.")
            if without and with_it - {0}:
                facts = f"{name} scales the channels after both convolutions"
                raise Mistake(facts, "You use one norm twice. Each convolution has a norm of its own.")


def judge_bend(answer: Callable) -> None:
    """Something bends between the convolutions. Otherwise x and -x would arrive at the last SiLU as some a and -a, and
    SiLU(a) - SiLU(-a) = a while SiLU(a) + SiLU(-a) = a tanh(a / 2)."""
    x, e = t.randn(8, 16, 12, 12), t.zeros(8, 12)
    module = silence(make(answer, 16, 16, 12, 4, inputs=[x, e]), nothing)
    plus, minus = module(x, e) - x, module(-x, e) + x
    a = plus - minus
    if close(plus + minus, a * t.tanh(a / 2), 0.01):
        raise Mistake("nothing bends between the two convolutions", "Where is the SiLU after the first norm?")


def judge_step(answer: Callable) -> None:
    x, e = t.randn(4, 8, 6, 5), 1 + t.rand(4, 12)
    module = silence(make(answer, 8, 16, 12, 4, inputs=[x, e]), nothing)

    def at(level: float) -> t.Tensor:
        return module(x, level * e)

    if close(at(3), at(0)):
        raise Mistake("the result does not depend on step_emb", "Where is it added, between the two convolutions?")
    if close(at(20), at(10)):
        facts = "a step_emb of twice the size makes no difference"
        raise Mistake(facts, "You normalise the timestep. It goes through SiLU and Linear alone.")
    if not close(at(-30), at(0)):
        question = "You use a ReLU. It is SiLU." if close(at(-1), at(0)) else "Where is the SiLU before its Linear?"
        raise Mistake("a step_emb below -30 makes a difference, though SiLU makes it nearly 0", question)
    if close(at(-1), at(0)):
        raise Mistake("a step_emb below 0 makes no difference", "You use a ReLU. It is SiLU.")


def judge_step_place(answer: Callable) -> None:
    B = C = H = W = 8
    x, e = t.zeros(B, C, H, W), t.randn(B, 12) + 1
    module = silence(make(answer, C, C, 12, 4, inputs=[x, e]), nothing)
    alone = silence(make(answer, C, C, 12, C, inputs=[x, e]), nothing)
    noise = t.randn(B, C, H, W)
    usual = alone(noise, 0 * e)
    for name, p in alone.named_parameters():
        if is_3x3(name, p):
            p[0] *= 10
            if not close(alone(noise, 0 * e), usual, 0.01):
                facts = f"with groups={C} for {C} channels, the norm after {name} puts more than one channel in a group"
                raise Mistake(facts, "You take another number of groups, perhaps the size of one.")
            p[0] /= 10
    change = alone(noise, e) - alone(noise, 0 * e)
    if change.abs().max() < 0.05 * alone(noise, e).std():
        facts = "with one channel a group, step_emb changes nothing: a norm takes it off again"
        raise Mistake(facts, "You add it right before a norm. It comes after norm and SiLU.")
    at_the_end = module(noise, e) - module(noise, 0 * e)
    if at_the_end.std(dim=(2, 3)).max() < 1e-3 * at_the_end.abs().max():
        facts = "step_emb shifts each channel of the result by one number"
        raise Mistake(facts, "You add it at the end. It belongs between the two convolutions.")
    pictures = module(x, 5 * e)
    if any(close(pictures[i], pictures[k], 0.01) for i in range(B) for k in range(i)):
        facts = "in a black image, different step_embs give the same picture"
        raise Mistake(facts, "Where does each channel get a number of its own?")
    ones = t.ones(B, 12)
    small, large = module(x, ones), module(x, 3 * ones)
    if not close(small, large, 0.02):
        facts = "in a black image, a step_emb of 3s gives another picture than one of 1s"
        if (large - small).std(dim=(2, 3)).max() < 1e-3 * (large - small).abs().max():
            facts += ": all pixels of a channel differ by the same number"
            flat = small.std(dim=(2, 3)).max() < 1e-3 * small.abs().max()
            place = "after the second norm" if flat else "at the end, too"
            raise Mistake(facts, f"You add it {place}. It belongs between the two convolutions.")
        raise Mistake(facts, "You put the timestep through an activation after its Linear.")
    if not close(module(10 * noise, e) - 10 * noise, module(noise, e) - noise, 0.01):
        facts = "what the timestep changes depends on how large the input is, though a norm comes before it"
        raise Mistake(facts, "You add it to the input. It comes after the first norm and SiLU.")
    for name, p in alone.named_parameters():
        if is_3x3(name, p):  # as 1×1 ones, which take from the step no more than one number for each channel
            p[:, :, t.arange(3) != 1] = 0
            p[:, :, :, t.arange(3) != 1] = 0
    if not close(alone(noise, e), alone(noise, 0 * e), 0.01):
        facts = "with 1×1 kernels and one channel a group, step_emb makes a difference that norms should take off"
        raise Mistake(facts, "You scale channels by the timestep. It is only added.")


def judge_whole(answer: Callable, only_known: bool = False) -> None:
    """With the learner's own kernels and Linear, everything else as it begins and the shortcut closed, the result is that
    of the formula. only_known: refuse only what is recognised"""
    x, e = 2 * t.randn(3, 8, 6, 5), t.randn(3, 12)
    module = silence(make(answer, 8, 16, 12, 4, inputs=[x, e]), nothing)
    weights = [(name, p) for name, p in module.named_parameters() if p.ndim > 1 and p.requires_grad]
    linear = [p for _, p in weights if p.numel() == 12 * 16]
    kernels = [p for shape in ((16, 8, 3, 3), (16, 16, 3, 3)) for _, p in weights if p.shape == shape]
    if len(kernels) != 2 or len(linear) != 1:
        return
    for _, p in weights:
        if p.numel() == 8 * 16:
            p.zero_()
    result, layers = module(x, e), (x, e, kernels, linear[0].reshape(16, 12))
    turned = (*layers[:3], -layers[3])  # the Linear layer may have either sign, and begins with either alike
    if not close(result, residual(*layers), 0.01) and not close(result, residual(*turned), 0.01):
        question = recognise(
            WHOLE_MISTAKES, lambda how: close(result, residual(*layers, **how), 0.001)
        )  # a ReLU is near a leaky one
        if question or not only_known:
            raise Mistake("with the shortcut's weights at 0, the result is not that of steps 1 to 3", question)
