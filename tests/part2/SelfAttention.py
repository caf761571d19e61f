"""The check of 2.4 SelfAttention.

Without biases, an image of two kinds of pixels, a and b, tells all: what a pixel gets is a mean of what it would get
in an image of a alone and in one of b alone, and how far between them it lies is the weight that it gives to b.
"""

import re
from collections.abc import Callable, Sequence
from math import log, sqrt

import torch as t
from einops import rearrange
from torch import nn

from solutions.part2_unet import SelfAttention
from tests.checking import (
    Mistake,
    check,
    close,
    everything,
    expect_error,
    expect_tensor,
    judge_layer,
    judge_ways,
    make,
    nothing,
    recognise,
    seed_all,
    silence,
)


def images_of(kinds: t.Tensor, pattern: Sequence[int], size: tuple[int, int]) -> t.Tensor:
    """Images whose pixels are of some kinds. kinds: (k, B, C)   pattern: the kind of each pixel, in reading order"""
    H, W = size
    return rearrange(kinds[list(pattern)], "(h w) b c -> b c h w", h=H, w=W).contiguous()


CUTS = [  # of the result (2, 8, 3, 4), each with an axis along which all is alike
    ("You make x a sequence by a reshape or view alone. Its axes have to be moved.", lambda y: (y.flatten(2), 2)),
    (
        "You make the sequence an image by a reshape or view alone. Its axes have to be moved.",
        lambda y: (y.reshape(2, 12, 8), 1),
    ),
    (
        "You put the heads together by a reshape or view alone. Their axis has to be moved.",
        lambda y: (y.reshape(2, 8, 4, 3), 3),
    ),
    ("You split the heads off by a reshape or view alone. Their axis has to be moved.", lambda y: (y, 2)),
]
SCALES = [  # how many times too large the matches are, for 128 channels and 8 heads
    ("Where are the matches divided by the root of the head width?", 4.0),
    ("You multiply the matches by the root. They are divided by it.", 16.0),
    ("You take the root of all channels. Each head has its own width.", sqrt(1 / 8)),
    ("You divide by the head width, or by its root twice. They are divided by its root, once.", 0.25),
    ("You take the root of the number of heads. It is the root of the head width.", sqrt(2)),
    ("You take the root of the number of pixels. It is the root of the head width.", sqrt(8)),
    ("You divide by the number of heads. It is the root of the head width.", 0.5),
]
WIDTH_OF_A_HEAD = "You take num_heads for the width of a head. It is how many there are."


@check("2.4", mistakes=CUTS + SCALES)
def check_SelfAttention(answer: Callable) -> str:
    expect_error(
        lambda: answer(6, 4),
        "SelfAttention(6, 4) raises no error, but 6 channels do not make 4 equal heads",
        "Where is the given check of __init__?",
    )
    for heads, shape in [(4, (2, 8, 5, 3)), (1, (3, 6, 2, 4)), (4, (8, 8, 8, 8)), (2, (1, 4, 1, 1))]:
        x = t.randn(shape)
        try:
            module = make(answer, shape[1], heads, inputs=[x])
        except RuntimeError as error:
            if "batch2 tensor" in str(error):
                error.add_note("Where is k turned, so that each query meets each key?")
            elif re.search(r"a \(4\) must .* b \(15\) at non-singleton dimension 1", str(error)):
                error.add_note("Where are the last two axes of k swapped, and those alone? Each query meets each key.")
            elif shape[2] != shape[3] and type(error) is not NotImplementedError:
                made = f"{shape[2]} by {shape[3]} pixels and {shape[1]} channels, for {heads} heads"
                error.add_note(f"The check tries images that are not square, too. Here they have {made}.")
            raise
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
    x = t.randn(2, 8, 3, 4)
    judge_ways(make(answer, 8, 4, inputs=[x]), [x])
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
        raise Mistake(facts, "You take the batch for the sequence. (PyTorch's own attention has batch_first.)")
    facts = "what an image becomes depends on the other images of its batch"
    raise Mistake(facts, "You let the softmax go over the batch, or mix images by a reshape.")


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
        raise Mistake(facts, "You swap height and width, on the way there or back.")
    x, order = t.randn(2, 8, 3, 4), t.randperm(12)
    mixed = x.flatten(2)[:, :, order].reshape(x.shape)
    if not close(module(mixed), module(x).flatten(2)[:, :, order].reshape(x.shape)):
        lit = x[:1] + t.eye(12).reshape(12, 1, 3, 4)  # in each image another pixel
        change = (module(lit) - module(x[:1])).abs().sum(dim=1).flatten(1)
        touched = change > 1e-4 * change.max()
        facts, question = "the same pixels in another order do not get the same results in that order", ""
        if not touched.all():
            first, last = int(touched[0].sum()), int(touched[-1].sum())
            facts = f"of 12 pixels, the first matters to {first} of them and the last to {last}"
            question = "You use a mask. Each pixel looks at all."
            if touched.equal(touched.T):
                question = "You split the heads off by a reshape or view alone. It cuts the sequence into pieces."
        raise Mistake(facts, question or "You let a pixel's place count. Nothing tells a pixel where it is.")


def why_pixels_differ(module: nn.Module) -> str:
    """What went wrong on the way of an image whose pixels are alike, told from one whose channels are alike, too."""
    result = module(t.tensor([1.0, 2]).reshape(2, 1, 1, 1).expand(2, 8, 3, 4))
    spread = 1e-3 * (result - result[:, :, :1, :1]).abs().max()  # a pixel's place makes it a little another one

    def fits(cut: Callable) -> bool:
        pieces, axis = cut(result)
        return bool((pieces - pieces.narrow(axis, 0, 1)).abs().max() <= spread)

    return recognise(CUTS, fits, otherwise="You let a pixel's place count. Nothing tells a pixel where it is.")


def judge_nothing_else(answer: Callable) -> None:
    kinds = t.randn(1, 64, 16)
    x = images_of(kinds, [0], (1, 1))
    module, silent = bare(answer, 16, 1, x), silence(make(answer, 16, 1, inputs=[x]), everything)
    if silent(x).abs().max() > 1e-3:
        raise Mistake("with all weights at 0 the result is not 0", "You add x. That is the next exercise.")
    if module(x).abs().max() < 1e-6:
        facts = "an image of one pixel becomes 0"
        raise Mistake(facts, "You use something else than a softmax. The weight of the only pixel is 1.")
    if close(module(2 * x), module(x), 0.05):
        raise Mistake(
            "twice as large numbers give the same result", "You use a norm inside. That is the next exercise."
        )
    for name, p in module.named_parameters():
        if p.numel() == 1:
            raise Mistake(f"{name} is one number to learn", "You scale by a number that is learned. There is none.")
    x = t.randn(2, 16, 3, 4)
    if not close(module(-x), -module(x)):
        facts = "with every number's sign turned round, the result is not itself with its sign turned round"
        raise Mistake(facts, "You use an activation, or a softmax of more than the matches. Nothing else bends here.")


def judge_weights(answer: Callable) -> None:
    """One head: what a pixel gets lies between what it would get among pixels of one kind alone."""
    kinds = t.randn(2, 64, 16)
    module = bare(answer, 16, 1, images_of(kinds, [0], (1, 1)))
    a, a_alone = module(images_of(kinds, [0] * 12, (3, 4))), module(images_of(kinds, [0], (1, 1)))
    if not close(a[:, :, :1, :1], a_alone):
        facts = "in an image of one colour, what a pixel gets depends on how many pixels there are"
        rule = "The weights that one pixel gives to all pixels add up to 1."
        twice = module(images_of(2 * kinds, [0], (1, 1)))
        if not close(a[:, :, :1, :1], 12 * a_alone):
            raise Mistake(facts, "You let channels look at channels. Pixels look at pixels.")
        if close(twice, 2 * a_alone):
            raise Mistake(facts, f"You take the softmax along another axis. {rule}")
        missing = "Where is the softmax?" if close(twice, 8 * a_alone) else "You use something else than a softmax."
        raise Mistake(facts, f"{missing} {rule}")
    b = module(images_of(kinds, [1], (1, 1)))[:, :, 0, 0]
    a = a_alone[:, :, 0, 0]
    both = module(images_of(kinds, [0] * 3 + [1] * 5, (2, 4)))
    if close(both[:, :, 0, 0], a) and close(both[:, :, 1, 3], b):
        facts = "what a pixel gets does not depend on the other pixels"
        raise Mistake(
            facts, "You match heads with heads. The product of q and k has one match for each pair of pixels."
        )
    way = b - a
    share = ((both - a[:, :, None, None]) * way[:, :, None, None]).sum(dim=1) / way.square().sum(dim=1)[:, None, None]
    on_the_way = a[:, :, None, None] + share[:, None] * way[:, :, None, None]
    if not close(on_the_way, both, 0.01) or share.min() < -0.01 or share.max() > 1.01:
        facts = "with one head, what a pixel gets is no weighted mean of what the pixels have to give"
        if not close(module(images_of(2 * kinds, [0], (1, 1))), 2 * a_alone):
            raise Mistake(facts, "Where is the softmax? One pixel's weights are positive, and add up to 1.")
        one_key_for_all = close(both.sum(dim=(2, 3)), 3 * a + 5 * b)  # a key's weights for all queries add up to 1
        ways = 1 if one_key_for_all else ways_to_choose(module, 16, list(range(16)))
        if ways > 1:
            facts = f"with num_heads=1, pixels are weighted in {ways} ways, expected one"
            raise Mistake(facts, WIDTH_OF_A_HEAD if ways > 8 else "Where does num_heads say how many heads there are?")
        if not one_key_for_all:
            raise Mistake(facts, "You use something else than a softmax, or add something to what a pixel gets.")
        raise Mistake(facts, "You take the softmax over another axis. One pixel's weights on all others add up to 1.")
    if close(both, both[:, :, :1, :1].expand_as(both)):
        facts = "all pixels of an image get the same, however they differ"
        raise Mistake(facts, "You make one query for all pixels, or take a mean over them. Each has its own.")
    if close(module(images_of(kinds, [0, 1], (1, 2)))[:, :, 0, 0], b):
        raise Mistake("of two pixels, each looks at the other alone", "You use a mask. A pixel looks at itself, too.")
    symmetric = t.logit(share[:, 0, 0].clamp(1e-6, 1 - 1e-6)) - t.logit(share[:, 1, 3].clamp(1e-6, 1 - 1e-6))
    if symmetric.abs().median() > 1e-3 and (symmetric <= 1e-3).all() and len(symmetric) > 20:
        raise Mistake(
            "each pixel prefers pixels like itself, in all of 64 images",
            "You make q and k the same. Each has a layer of its own.",
        )
    gain = (a.square().mean() / kinds[0].square().mean()).sqrt().item()
    if not 0.6 < gain < 1.7:
        facts = f"in images of one colour, numbers come out {gain:.2f} times as large as expected"
        raise Mistake(facts, "You scale after the softmax. The matches are scaled, before it.")


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
        facts = f"with num_heads={heads}, a pixel has {ways} set{'s'[: ways != 1]} of weights"
        of_two = ways_to_choose(bare(answer, C, 2, images_of(kinds, [0], (1, 1))), C, list(range(C)))
        question = "Where does num_heads say how many heads there are?"
        if ways == 1:
            question = "Where does each head get its own matches?"
        elif (ways, of_two) == (C // heads, C // 2):
            question = WIDTH_OF_A_HEAD
        elif ways > heads:
            question = "You run attention more than once."
        raise Mistake(f"{facts}, expected {heads}, one for each head", question)
    sizes = t.linalg.svdvals(module(images_of(t.randn(1, 2 * C, C), [0], (1, 1)))[:, :, 0, 0])
    room = int((sizes > 1e-5 * sizes[0]).sum())
    if room <= C // heads:
        facts = f"from {C} channels, no more than {room} numbers get through"
        raise Mistake(facts, "You add the heads' results up, or take their mean. They are put side by side.")
    judge_layers(answer, unmixed=distinct <= heads)
    for few in (range(C // heads), range(0, C, heads)):
        if ways_to_choose(module, C, list(few)) < heads:
            facts = f"what only {len(few)} of the {C} channels hold reaches one head alone"
            raise Mistake(facts, "You split the heads before Linear. A query, key or value is made of all channels.")
    if distinct <= heads:
        facts = f"the channels fall into {distinct} sets, one for each head, that are not mixed"
        raise Mistake(facts, "Where is the output projection, after the heads are put together?")


@t.enable_grad()
def judge_layers(answer: Callable, unmixed: bool) -> None:
    """Queries, keys, values and the output projection have C · C numbers each. Those of the first two make a difference
    only where pixels differ. unmixed: whether the projection is known to be missing"""
    C = 4
    kinds = t.randn(2, 64, C)
    module = bare(answer, C, 2, images_of(kinds, [0], (1, 1)))
    weights = {name: p for name, p in module.named_parameters() if p.requires_grad and p.ndim > 1}

    def gradients(pattern: list[int]) -> list[t.Tensor]:
        image = images_of(kinds, pattern, (1, len(pattern)))
        out = module(image)
        found = t.autograd.grad((out * t.randn_like(out)).sum(), list(weights.values()), allow_unused=True)
        return [t.zeros_like(p) if g is None else g for g, p in zip(found, weights.values(), strict=True)]

    with t.no_grad():
        for name, p in weights.items():
            weight, results = p.clone(), []
            for scale in (0, 1, 2):
                p.copy_(scale * weight)
                results.append(module(images_of(kinds, [0], (1, 1))))
            p.copy_(weight)
            if not close(results[2] - results[1], results[1] - results[0], 0.01):
                raise Mistake(f"the result does not grow evenly with {name}", f"You use {name} twice.")
    alone = gradients([0])
    mixed = gradients([0, 1, 1])
    counts_alone = [g.abs() > 1e-5 * max(h.abs().max() for h in alone) for g in alone]
    counts = [g.abs() > 1e-5 * max(h.abs().max() for h in mixed) for g in mixed]
    values = sum(int(each.sum()) for each in counts_alone)
    matches = sum(int((each & ~one).sum()) for each, one in zip(counts, counts_alone, strict=True))
    if (matches, values) == (2 * C * C, 2 * C * C) or unmixed:
        return
    facts = f"with {C} channels and 2 heads, {matches} weights make the matches and {values} what pixels get from them"
    if (matches, values) == (C * C, 2 * C * C):
        question = "You use one layer twice: values, queries and keys each have their own."
    elif (matches, values) == (2 * C * C, C * C):
        question = "Where is the layer that makes the values?"
    elif matches > 2 * C * C and values > 2 * C * C:
        question = "You make the heads wider or narrower. Each has channels / num_heads numbers."
    elif min(matches, values) == 2 * C * C:
        question = "You use one Linear layer too many."
    else:  # the heads tell
        return
    raise Mistake(f"{facts}, expected {2 * C * C} each", question)


def ways_to_choose(module: nn.Module, C: int, channels: list[int]) -> int:
    """The number of heads: a weak pixel between a strong one and its opposite gets, from each head, the one or the
    other, so that all it ever gets is made of as many vectors as there are heads."""
    strong, weak = t.zeros(64, C), t.zeros(64, C)
    strong[:, channels], weak[:, channels] = 60 * t.randn(len(channels)), 0.1 * t.randn(64, len(channels))
    found = module(t.stack([weak, strong, -strong], dim=2)[:, :, None])[:, :, 0, 0]
    sizes = t.linalg.svdvals(found)
    return int((sizes > 0.03 * sizes[0]).sum())


def match_size(answer: Callable, size: float = 0.15) -> float:
    """How far the weights move from all alike, which grows with the matches while they are small. size: of x"""
    seed_all(0)
    C, heads = 128, 8
    kinds = size * t.randn(2, 64, C)
    module = bare(answer, C, heads, images_of(kinds, [0], (1, 1)))
    a, b = (module(images_of(kinds, [i], (1, 1)))[:, :, 0, 0] for i in (0, 1))
    both = module(images_of(kinds, [0, 1], (1, 2)))[:, :, 0, 0]
    return ((both - (a + b) / 2).square().mean() / (b - a).square().mean()).sqrt().item()


def judge_scale(answer: Callable) -> None:
    ratio = match_size(answer) / match_size(SelfAttention)
    if 0.84 < ratio < 1.19:
        return
    growth = match_size(answer) / match_size(answer, size=0.075)
    if growth < 2.9:
        facts = f"where x is twice as large, matches are {growth:.1f} times as large, expected 4"
        raise Mistake(
            facts, "You normalise queries or keys. Their product is divided by the root of the head width alone."
        )

    def off(scale: float) -> float:
        return abs(log(max(ratio, 1e-9) / scale))

    question = recognise(sorted(SCALES, key=lambda row: off(row[1])), lambda scale: off(scale) < 0.45)
    raise Mistake(f"with 8 heads of width 16, matches are {ratio:.2f} times what they should be", question)
