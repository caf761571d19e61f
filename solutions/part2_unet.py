# %% [markdown]
# # Part 2: The U-Net, built from its parts
#
# Part 1's network laid each image out as one list of numbers. For 60 numbers that works, but such a network knows
# nothing of images: to it, two neighbouring pixels are as unrelated as two opposite corners. To guess the noise in a
# picture of a shoe, a network has to look at each pixel's surroundings, and also at the whole, and it has to give back
# an image of the size that came in. The [DDPM paper](https://arxiv.org/abs/2006.11239) takes a **U-Net** (Appendix B).
# On its way down it halves the image again and again, so that ever fewer pixels each know about ever more of the
# picture. On its way up it doubles the size again, and at each size it is handed what the way down knew there.
#
# ![The network of this part as a U. Three DownBlocks lead down on the left, from 28 by 28 pixels to 7 by 7, with a MidBlock at the bottom, and three UpBlocks lead up again on the right. Dashed arrows carry a skip from each DownBlock across to the UpBlock of the same size.](images/part2_network.png)
#
# You build it from its smallest parts up, and see what each part does by itself. At the end stands a `UNet` that the
# `train` and `sample` of Part 1 take as it is. It draws clothes in Part 3.
#
# **You need** Part 1, and what a convolution is: a small kernel of weights that slides over an image and combines each
# pixel with its neighbours, over all channels. You do not need a GPU. Plan about four hours.

# %% [markdown]
# ## Contents
#
# - [Set up](#Set-up)
# - [Keep the numbers in range](#Keep-the-numbers-in-range)
# - [Tell the network how noisy it is](#Tell-the-network-how-noisy-it-is)
# - [Attention: look anywhere](#Attention:-look-anywhere)
# - [Blocks](#Blocks)
# - [From small to large](#From-small-to-large)
# - [The network](#The-network)
# - [Does it learn?](#Does-it-learn?)
# - [Where this differs from the paper](#Where-this-differs-from-the-paper)
# - [Glossary: names around the U-Net](#Glossary:-names-around-the-U-Net)
# - [What you have now](#What-you-have-now)
#
# The exercises stand in between, each under a numbered heading. They work as in Part 1: write your code in place of the
# line `raise NotImplementedError(...)`, run the cell, then the check below it. Hints (and the solution, unless your
# instructor has left it out) are folded under the check, and after them comes a figure made with your code.

# %% [markdown]
# ## Set up
#
# Run the next three cells. The second also fetches `part1`, the functions of Part 1. In the exercise notebook they are
# **your own**, as you have last saved them in `part1_diffusion.ipynb`, if they pass their checks; what is missing or
# fails comes from the solutions. The line under the cell tells which is which.
#
# Each figure that you make has its expected picture folded under it. Where layers with random weights are at work,
# yours may look different in detail: there are many right ways to write a layer, and they draw their weights in
# different orders.

# %% tags=["set-up"]
if __name__ == "__main__":  # of the script; the notebooks have a set-up of their own here
    import os
    import sys
    from pathlib import Path

    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as in solutions/__init__.py
MAIN = __name__ == "__main__"

# %%
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any

import matplotlib.pyplot as plt
import PIL.Image
import torch as t
import torch.nn as nn
import torch.nn.functional as F
from einops import rearrange
from matplotlib.text import Text
from torch.utils.data import TensorDataset

import solutions.part1_diffusion as part1
import utils
from utils import IS_CI

# %% tags=["folded"]
def check_can_halve(x: t.Tensor) -> None:
    """Refuse an odd height or width, whose half would not double back to it.
    x: (B, C, H, W)   errors: ValueError"""
    H, W = x.shape[-2:]
    if H % 2 or W % 2:
        raise ValueError(
            f"{H} by {W} pixels cannot be halved evenly: choose images whose height and width can be halved once for"
            " each multiplier but the last"
        )


def check_unet(config: "UNetConfig") -> None:
    """Refuse a UNetConfig that makes no network. errors: ValueError that says which numbers do not fit"""
    levels, halvings = len(config.dim_mults), 2 ** max(len(config.dim_mults) - 1, 0)
    if not levels:
        raise ValueError("dim_mults is empty: give one multiplier for each level")
    if config.attention is not None and len(config.attention) != levels:
        raise ValueError(f"attention has {len(config.attention)} entries for {levels} multipliers: give one for each")
    if len(config.img_shape) != 3 or any(side % halvings for side in config.img_shape[1:]):
        raise ValueError(f"img_shape is {config.img_shape}: give (C, H, W), with H and W multiples of {halvings}")
    if config.channels % 2:
        raise ValueError(f"channels is {config.channels}: make it even, sines and cosines come in pairs")
    widths = [config.channels, *(config.channels * mult for mult in config.dim_mults)]
    for width in widths:
        if width % config.groups:
            raise ValueError(f"a width of {width} channels does not make {config.groups} equal groups")
    attention = config.attention or [False] * (levels - 1) + [True]
    asked = [width for level in range(levels) if attention[level] for width in widths[level : level + 2]]
    for width in [*asked, widths[-1]]:  # the last is that of the MidBlock
        if width % 4:
            raise ValueError(f"a width of {width} channels does not make the 4 equal heads of attention there")


# %%
if MAIN:
    import tests.part2

    device = utils.get_device()
    print(f"Ready. PyTorch {t.__version__} computes on: {device}")

# %% [markdown]
# These eight drawn images will stand in for photographs until Part 3. They have the size and the look of FashionMNIST:
# 28 by 28 grey pixels, one piece of clothing on black.

# %%
def drawn_clothes() -> t.Tensor:
    """Eight drawn pieces of clothing that look much like FashionMNIST's. returns: (8, 1, 28, 28) in [0, 1]"""
    with PIL.Image.open(utils.ASSETS / "drawn_clothes.png") as picture:
        pixels = t.frombuffer(bytearray(picture.tobytes()), dtype=t.uint8)
    return rearrange(pixels, "(h b w) -> b 1 h w", b=8, w=28) / 255


# %%
if MAIN:
    utils.show_images(drawn_clothes())

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![Eight small grey images on black: a T-shirt, trousers, a pullover, a dress, a coat, a bag, a boot and a sandal.](images/part2_clothes.png)
#
# </details>

# %% [markdown]
# ## Keep the numbers in range
#
# A deep network is a long chain of multiplications. If each layer makes its numbers a little larger, the last ones
# explode; a little smaller, and they vanish. A **norm** layer prevents both: it shifts and scales the numbers to mean 0
# and variance 1, and then lets the network learn a scale and a shift of its own for each channel.
#
# The question is: mean and variance *of which numbers?* **Batch norm** takes one channel across all images of the
# batch. Then what an image becomes depends on which images happen to be beside it, and with few images the statistics
# are poor. Large images leave room for few in a batch, so the paper takes [group
# norm](https://arxiv.org/abs/1803.08494): each image by itself, a few neighbouring channels together.

# %% [markdown]
# ### 2.1 Normalise groups of channels
# *Write group normalisation* · ●●○○○ · 20 minutes · Wu and He, Equations 1 to 4
#
# Split each image's $C$ channels into `num_groups` groups of neighbouring channels. For each group of each image, take
# the mean and the variance of all its numbers, $C / \text{groups} \cdot H \cdot W$ of them, and compute
#
# $$y = \frac{x - \text{mean}}{\sqrt{\text{variance} + \text{eps}}} \cdot \text{weight} + \text{bias}$$
#
# The variance divides by the count of numbers $n$, not by $n - 1$; eps avoids a division by 0. `weight` and `bias` have
# one number for each *channel*, on `device` and in `dtype`; with `affine=False` both are left out. Your layer should
# equal PyTorch's.

# %%
class GroupNorm(nn.Module):
    """Normalise each group of channels of each image, then scale and shift each channel.
    weight, bias: (num_channels,) on device, in dtype; all 1 and all 0 before training; with affine=False both None
    errors: ValueError if num_groups does not divide num_channels"""

    def __init__(
        self,
        num_groups: int,
        num_channels: int,
        eps: float = 1e-5,
        affine: bool = True,
        device: t.device | str | None = None,
        dtype: t.dtype | None = None,
    ):
        super().__init__()
        if num_channels % num_groups:
            raise ValueError(f"{num_channels} channels do not make {num_groups} equal groups")
        self.num_groups = num_groups
        self.eps = eps
        ### BEGIN SOLUTION
        ones = t.ones(num_channels, device=device, dtype=dtype)
        self.weight = nn.Parameter(ones) if affine else None
        self.bias = nn.Parameter(t.zeros_like(ones)) if affine else None
        ### END SOLUTION

    def forward(self, x: t.Tensor) -> t.Tensor:
        """x: (B, C, H, W)   returns: (B, C, H, W)"""
        ### BEGIN SOLUTION
        groups = rearrange(x, "b (g c) h w -> b g (c h w)", g=self.num_groups)
        mean = groups.mean(dim=2, keepdim=True)
        var = groups.var(dim=2, keepdim=True, correction=0)
        x = ((groups - mean) / (var + self.eps).sqrt()).reshape(x.shape)
        if self.weight is None:
            return x
        return rearrange(self.weight, "c -> c 1 1") * x + rearrange(self.bias, "c -> c 1 1")
        ### END SOLUTION


# %%
if MAIN:
    tests.part2.check_GroupNorm(GroupNorm)

# %% [markdown]
# <details>
# <summary>Hint 1: a question</summary>
#
# Over which axes do you average, if the channels are first split into groups? And along which axis of (B, C, H, W) does
# `weight` lie?
#
# </details>
#
# <details>
# <summary>Hint 2: a fact</summary>
#
# `rearrange(x, "b (g c) h w -> b g (c h w)", g=...)` lays each group out as one list. `keepdim=True` keeps an axis of
# size 1, so that a mean fits what it was taken of. `var(..., correction=0)` divides by n. An `nn.Parameter` is a tensor
# that is trained.
#
# </details>
#
# <details>
# <summary>Hint 3: the shape of the line</summary>
#
# `groups = rearrange(…)`, `mean = groups.mean(…)`, `var = groups.var(…)`, `x = ((groups - mean) / …).reshape(x.shape)`,
# and then, unless `weight` is None, `rearrange(weight, "c -> c 1 1") * x + …`.
#
# </details>

# %% [markdown]
# Which numbers share a mean? Ask your layer: the derivative of one normalised number with respect to another is 0,
# unless they share their statistics. So choose one channel of one image (the cross) and see which others have a say in
# it.

# %%
def has_a_say(norm: nn.Module, x: t.Tensor, image: int, channel: int) -> t.Tensor:
    """Which channels of which images count for one number of a normalised batch.
    x: (B, C, H, W)   returns: (B, C), 1 where they count, else 0"""
    x = x.clone().requires_grad_()
    norm(x)[image, channel, 0, 0].backward()
    return (x.grad != 0).float().amax(dim=(2, 3))


# %%
if MAIN:
    t.manual_seed(0)
    x = t.randn(4, 6, 5, 5)
    norms = [nn.BatchNorm2d(6), GroupNorm(1, 6), GroupNorm(2, 6), GroupNorm(6, 6)]
    maps = [has_a_say(norm, x, image=1, channel=3) for norm in norms]
    titles = ["batch norm", "1 group", "2 groups", "6 groups"]
    utils.show_maps(maps, titles, marks=[(1, 3)] * 4, axes_names=("channel", "image"))

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![Four grids of four images by six channels, with a cross at one image and channel. With batch norm the bright cells form a column: that channel in all images. With one group they form a row: all channels of that image. With two groups, half of that row; with six groups, the crossed cell alone.](images/part2_groupnorm.png)
#
# Group norm has two relatives at its ends. With one group it is **layer norm**, as this word is used for images: all of
# an image together. With as many groups as channels it is **instance norm**: each channel alone. All three leave other
# images out, so an image gets the same answer in any company.
#
# </details>

# %% [markdown]
# ### 2.2 A bend without a corner
# *Write the activation function* · ●○○○○ · 5 minutes · Appendix B
#
# Without something that bends between them, two layers in a row are no more than one. Part 1 used ReLU, which is $x$
# above 0 and 0 below. The paper's code uses **SiLU**, also known as **Swish**: $x$ times the sigmoid of $x$, where
# $\text{sigmoid}(x) = 1 / (1 + e^{-x})$ rises smoothly from 0 to 1. It has to survive large numbers: $e^{200}$ is more
# than float32 can hold, so let PyTorch's sigmoid take care of that.

# %%
class SiLU(nn.Module):
    """x times sigmoid(x)."""

    def forward(self, x: t.Tensor) -> t.Tensor:
        """x: any shape   returns: the same shape"""
        ### BEGIN SOLUTION
        return x * t.sigmoid(x)
        ### END SOLUTION


# %%
if MAIN:
    tests.part2.check_SiLU(SiLU)

# %% [markdown]
# <details>
# <summary>Hint 1: a question</summary>
#
# What does the sigmoid do to x far below 0, and far above it?
#
# </details>
#
# <details>
# <summary>Hint 2: a fact</summary>
#
# `t.sigmoid(x)` works for any shape, and neither it nor its gradient overflows.
#
# </details>
#
# <details>
# <summary>Hint 3: the shape of the line</summary>
#
# One line: `return x * …`
#
# </details>

# %%
if MAIN:
    import matplotlib.pyplot as plt

    x = t.linspace(-6, 3, 300)
    for name, bend, style in [("SiLU", SiLU(), "-"), ("ReLU", nn.ReLU(), ":"), ("GELU", nn.GELU(), "--")]:
        plt.plot(x, bend(x), style, label=name)
    plt.xlabel("x")
    plt.legend()
    utils.show()

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![Three curves that are nearly 0 on the left and rise along the diagonal on the right. ReLU has a corner at 0. SiLU and GELU are smooth and dip below 0 first; SiLU's dip is deeper and wider.](images/part2_silu.png)
#
# SiLU dips to -0.28 and then follows x. It has no corner, and where ReLU is flat, it still has a slope to learn from.
# GELU, the usual choice in language models, is a close relative: it multiplies x by another smooth step.
#
# </details>

# %% [markdown]
# ## Tell the network how noisy it is
#
# The guess depends on the count of steps $t$: an image with a little noise needs another answer than one with a lot.
# Part 1 gave its network the bare number, scaled to [0, 1]. That has a weakness: on such a scale, steps 10 and 11 of
# 1000 differ by a thousandth, and a layer would need enormous weights to tell them apart. As whole numbers up to 1000,
# they would drown everything else.
#
# Clocks solve this problem with several hands. The second hand tells close moments apart, the hour hand tells the time
# of day, and all hands stay on their dial. The paper's clock comes from the
# [Transformer](https://arxiv.org/abs/1706.03762), Section 3.5. Its hands are fixed, not trained. But they have to move
# to the GPU with the model, and that is what a **buffer** is for.

# %% [markdown]
# ### 2.3 A clock with many hands
# *Turn a count into sines and cosines* · ●●○○○ · 15 minutes · Appendix B
#
# For an embedding of size $d$, take $d / 2$ frequencies, $f_i = 10000^{-2i/d}$ for $i = 0, 1, \dots, d/2 - 1$: each the
# same factor below the one before, as 1, 1/10, 1/100, 1/1000 for $d = 8$; the larger $d$, the nearer they come to
# 1/10,000. The embedding of count $n$ holds $\sin(f_i n)$ and $\cos(f_i n)$ for all of them: two numbers tell where on
# its dial each hand stands. Their order is up to you. (Some divide by $d/2 - 1$ in place of $d/2$, and reach 1/10,000
# exactly: as good.)

# %%
class SinusoidalPositionEmbeddings(nn.Module):
    """Counts of steps as sines and cosines at embedding_size / 2 frequencies.
    errors: ValueError for an odd embedding_size"""

    def __init__(self, embedding_size: int):
        super().__init__()
        if embedding_size % 2:
            raise ValueError(f"embedding_size is {embedding_size}, but sines and cosines come in pairs: make it even")
        ### BEGIN SOLUTION
        two_i = t.arange(0, embedding_size, 2)
        self.register_buffer("frequencies", 10_000 ** (-two_i / embedding_size))
        ### END SOLUTION

    def forward(self, num_steps: t.Tensor) -> t.Tensor:
        """num_steps: (B,) int or float   returns: (B, embedding_size) in [-1, 1]"""
        ### BEGIN SOLUTION
        angles = rearrange(num_steps, "b -> b 1") * self.frequencies
        return t.cat([angles.sin(), angles.cos()], dim=1)
        ### END SOLUTION


# %%
if MAIN:
    tests.part2.check_SinusoidalPositionEmbeddings(SinusoidalPositionEmbeddings)

# %% [markdown]
# <details>
# <summary>Hint 1: a question</summary>
#
# If `num_steps` has shape (B,) and the frequencies have shape (d / 2,), how do you get all B · d / 2 products?
#
# </details>
#
# <details>
# <summary>Hint 2: a fact</summary>
#
# `t.arange(0, d, 2)` gives 0, 2, …, d - 2. `self.register_buffer("frequencies", ...)` keeps a tensor that is saved and
# moved with the model, and `self.frequencies` is that tensor. (B, 1) times (d / 2,) broadcasts to (B, d / 2).
#
# </details>
#
# <details>
# <summary>Hint 3: the shape of the line</summary>
#
# In `__init__`, `self.register_buffer("frequencies", 10_000 ** (…))`. In `forward`, `angles = rearrange(num_steps, "b
# -> b 1") * …`, then `t.cat([…, …], dim=1)`.
#
# </details>

# %%
if MAIN:
    embedding = SinusoidalPositionEmbeddings(32)(t.arange(1, 1001))
    utils.show_maps(
        [embedding.T, embedding @ embedding.T],
        ["embeddings of counts 1 to 1000", "their dot products"],
        axes_names=("count", ""),
    )

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![Left, a heat map with the counts to the right and the 32 numbers of the embedding down: stripes that are fine at the top and ever wider below, and the same once more in the lower half. Right, the dot products of all pairs of counts: bright along the diagonal, and in stripes along it.](images/part2_embeddings.png)
#
# Each row on the left is one wave, 1 where it is yellow and -1 where it is dark, from the fastest, too fine for this
# picture, to the slowest; the lower half (your order may differ) holds the same waves as cosines. On the right, the dot
# product of two embeddings is largest for equal counts, and it depends only on how far apart they are, as the stripes
# along the diagonal show: sin a sin b + cos a cos b = cos (a - b). So "one step apart" looks the same everywhere.
#
# </details>

# %% [markdown]
# ## Attention: look anywhere
#
# A convolution mixes each pixel with its neighbours. But the left sleeve of a shirt should know about the right one, 15
# pixels away. **Attention** lets each pixel look at all others and choose for itself what matters. It works on a *set*
# of pixels, each a list of $C$ numbers:
#
# 1. Each pixel makes three lists from its own: a **query** (what am I looking for?), a **key** (what do I have to
#    offer?) and a **value** (what do I say to those who look at me?).
# 2. The **score** of a pair is the dot product of the one's query and the other's key. A **softmax** over all keys
#    turns the scores of one pixel into weights: positive, and adding up to 1.
# 3. The pixel gets the weighted mean of all values.
#
# $$\text{attention}(Q, K, V) = \text{softmax}\left(\frac{Q K^\top}{\sqrt{d}}\right) V$$
#
# $Q$, $K$ and $V$ have one row a pixel and $d$ columns. Why $\sqrt{d}$? A dot product of $d$ random numbers of variance
# 1 has variance $d$. Divided by $\sqrt{d}$ it has variance 1 again, and the softmax does not put all weight on one
# pixel from the start.
#
# Before you write it, see what such weights look like. Here nothing is learned: query and key of a pixel are both the 5
# by 5 patch around it, 25 numbers in [-1, 1]. The cross marks the pixel that is looking.

# %%
if MAIN:
    image = part1.normalize_img(drawn_clothes()[0])
    patches = rearrange(F.unfold(image, 5, padding=2), "numbers pixels -> pixels numbers")
    weights = (patches @ patches.T / math.sqrt(25)).softmax(dim=1)
    looking = {"from the body": (15, 14), "from its left edge": (18, 8), "from the background": (2, 14)}
    maps = [weights[28 * row + column].reshape(28, 28) for row, column in looking.values()]
    utils.show_maps(maps, list(looking), marks=list(looking.values()))

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![Three maps of where a pixel of the drawn T-shirt looks, marked by a cross. From the body, the whole body is bright. From the left edge, the left edge of the body is bright and, more faintly, that of the sleeve. From the background, the background away from the shirt is bright, but not the rim of the image.](images/part2_attention.png)
#
# Each pixel looks at pixels like itself, wherever they are: body at body, left edge at left edges, background at
# background (but not at the rim, where zeros from beyond the image come in, which are grey). This is one **head**. A
# trained network learns what to look for, with several heads that look for different things.
#
# </details>

# %% [markdown]
# ### 2.4 Let pixels look at each other
# *Write multi-head self-attention* · ●●●●○ · 30 minutes · "Attention Is All You Need", Section 3.2
#
# Lay the pixels out as a sequence, (B, H · W, C). A Linear layer makes queries, keys and values (three layers, or one
# for all). Each of the `num_heads` heads gets its own $d = C / \text{heads}$ numbers of every query, key and value, and
# computes scores, softmax and mean by itself. Put the heads' results side by side, $C$ numbers again. A last Linear
# layer, the **output projection**, mixes them. Then make it an image again.

# %%
class SelfAttention(nn.Module):
    """Multi-head self-attention over the pixels of an image.
    errors: ValueError if num_heads does not divide channels"""

    def __init__(self, channels: int, num_heads: int = 4):
        super().__init__()
        if channels % num_heads:
            raise ValueError(f"{channels} channels do not make {num_heads} equal heads")
        self.num_heads = num_heads
        ### BEGIN SOLUTION
        self.qkv = nn.Linear(channels, 3 * channels)
        self.project = nn.Linear(channels, channels)
        ### END SOLUTION

    def forward(self, x: t.Tensor) -> t.Tensor:
        """x: (B, C, H, W)   returns: (B, C, H, W)"""
        ### BEGIN SOLUTION
        pixels = rearrange(x, "b c h w -> b (h w) c")
        split = "b n (three heads d) -> three b heads n d"
        q, k, v = rearrange(self.qkv(pixels), split, three=3, heads=self.num_heads)
        scores = q @ rearrange(k, "b heads n d -> b heads d n") / math.sqrt(q.shape[-1])
        mixed = scores.softmax(dim=-1) @ v  # (B, heads, pixels, d)
        out = self.project(rearrange(mixed, "b heads n d -> b n (heads d)"))
        return rearrange(out, "b (h w) c -> b c h w", h=x.shape[2])
        ### END SOLUTION


# %%
if MAIN:
    tests.part2.check_SelfAttention(SelfAttention)

# %% [markdown]
# <details>
# <summary>Hint 1: a question</summary>
#
# For one image and one head, queries are (pixels, d) and keys are (pixels, d). What is the shape of the scores? Along
# which axis do one pixel's weights lie?
#
# </details>
#
# <details>
# <summary>Hint 2: a fact</summary>
#
# `rearrange(x, "b c h w -> b (h w) c")` makes the sequence. `@` multiplies the last two axes of tensors as matrices and
# goes through all others: (B, heads, pixels, d) @ (B, heads, d, pixels) gives (B, heads, pixels, pixels). One rearrange
# can split heads, and even three results: `"b n (three heads d) -> three b heads n d"`.
#
# </details>
#
# <details>
# <summary>Hint 3: the shape of the line</summary>
#
# `q, k, v = rearrange(self.…(pixels), …)`, `scores = q @ … / …`, `mixed = scores.softmax(dim=…) @ v`, `out =
# self.…(rearrange(mixed, "b heads n d -> b n (heads d)"))`, and back to an image with `rearrange(out, "b (h w) c -> b c
# h w", h=…)`.
#
# </details>

# %% [markdown]
# Which pixels of the input count for one pixel of the output? The same trick as for the norm: take derivatives.

# %%
def influence(layer: Callable, x: t.Tensor, row: int, column: int) -> t.Tensor:
    """How strongly each pixel of the input counts for one pixel of the output.
    layer: takes an image (1, C, H, W) and gives one   returns: (H, W)"""
    x = x.clone().requires_grad_()
    layer(x)[0, :, row, column].sum().backward()
    return x.grad[0].abs().sum(dim=0)


# %%
if MAIN:
    t.manual_seed(0)
    x = t.randn(1, 8, 15, 15)
    conv = nn.Conv2d(8, 8, 3, padding=1)
    layers = [conv, nn.Sequential(conv, conv), SelfAttention(8)]
    maps = [(influence(layer, x, 7, 7) > 0).float() for layer in layers]
    utils.show_maps(maps, ["one 3×3 convolution", "two of them", "self-attention"], marks=[(7, 7)] * 3)

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![Three squares, bright where the input counts for the crossed pixel in the middle. One convolution: 3 by 3 pixels. Two: 5 by 5. Self-attention: the whole square.](images/part2_influence.png)
#
# One convolution sees 3 by 3 pixels, two in a row 5 by 5. Attention sees everything at once. The price: a score for
# each pair of pixels. At 28 by 28 these are 784 · 784 = 614,656 for each head, at 7 by 7 they are 2,401. So it goes
# where the image is small.
#
# </details>

# %% [markdown]
# ### 2.5 Add what attention finds
# *Wrap attention in a norm and a shortcut* · ●●○○○ · 10 minutes · Appendix B
#
# By itself, attention gives each pixel a mean of others and throws away what the pixel was. So add the input back:
# $x + \text{attention}(\text{norm}(x))$. This is a **residual connection**: the layer only has to learn what to
# *change*. The norm has one group.
#
# From here on, take PyTorch's `nn.GroupNorm(num_groups, num_channels)` and `nn.SiLU()`. Yours give the same numbers, as
# your checks have shown; PyTorch's do it in one step and are faster.

# %%
class AttentionBlock(nn.Module):
    """x + attention(norm(x)), the norm with one group."""

    def __init__(self, channels: int):
        super().__init__()
        ### BEGIN SOLUTION
        self.norm = nn.GroupNorm(1, channels)
        self.attention = SelfAttention(channels)
        ### END SOLUTION

    def forward(self, x: t.Tensor) -> t.Tensor:
        """x: (B, C, H, W)   returns: (B, C, H, W)"""
        ### BEGIN SOLUTION
        return x + self.attention(self.norm(x))
        ### END SOLUTION


# %%
if MAIN:
    tests.part2.check_AttentionBlock(AttentionBlock)

# %% [markdown]
# <details>
# <summary>Hint 1: a question</summary>
#
# Which of the two is normalised: what goes into attention, or what is added at the end?
#
# </details>
#
# <details>
# <summary>Hint 2: a fact</summary>
#
# `nn.GroupNorm(1, channels)` is the norm with one group. `SelfAttention(channels)` is yours.
#
# </details>
#
# <details>
# <summary>Hint 3: the shape of the line</summary>
#
# In `__init__`, `self.norm = …` and `self.attention = …`. In `forward`, one line: `return x + …`
#
# </details>

# %% [markdown]
# How much does the shortcut matter? Send the T-shirt through eight untrained blocks, with it and without it.

# %%
if MAIN:
    t.manual_seed(0)
    blocks = [AttentionBlock(4) for _ in range(8)]
    image = part1.normalize_img(drawn_clothes()[0]).expand(1, 4, 28, 28)
    with_x, without_x = image, image
    steps = [("image", image)]
    with t.no_grad():
        for i, block in enumerate(blocks, 1):
            with_x, without_x = block(with_x), block(without_x) - without_x
            steps += [(f"after {i}, with x", with_x), (f"after {i}, without", without_x)]
    chosen = [steps[0], steps[15], steps[2], steps[16]]
    titles = [f"{name}\nspread {x[0, 0].std():.2f}" for name, x in chosen]
    utils.show_maps([x[0, 0] for _, x in chosen], titles)

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![Four pictures. The T-shirt; the T-shirt again after eight blocks with the shortcut; the T-shirt after one block without it, with a much smaller spread; and a plain square after eight blocks without it.](images/part2_residual.png)
#
# With the shortcut the picture is all there after eight blocks. Without it, one block leaves a faint copy, and after
# eight every pixel has become the same: a mean of means of means. The norms cannot help: with one group they even out
# pixels and channels together, and soon only the channels differ. (Each map has its own colour scale; the spread is the
# standard deviation over the pixels.)
#
# </details>

# %% [markdown]
# ## Blocks
#
# Now the parts become blocks. A block of the U-Net does most of its work by convolutions, with what you have written
# around them.

# %% [markdown]
# ### 2.6 Two convolutions and a shortcut
# *Write the residual block* · ●●●○○ · 25 minutes · Appendix B
#
# In this order, on the image $x$ and the embedding of the count `step_emb`:
#
# 1. convolution 3×3 to `output_channels` (padding 1 keeps the size), GroupNorm, SiLU;
# 2. add the step: `Linear(SiLU(step_emb))`, one number for each image and *channel*, the same for all pixels;
# 3. convolution 3×3, GroupNorm, SiLU;
# 4. add the input. If the widths (the numbers of channels) differ, it first goes through a 1×1 convolution, which
#    changes nothing else.
#
# Why is the step added between the convolutions? Right before a norm with one channel a group, all of it would be lost:
# norms take means away.

# %%
class ResidualBlock(nn.Module):
    """Two convolutions, told the count of steps in between, plus the input."""

    def __init__(self, input_channels: int, output_channels: int, step_dim: int, groups: int):
        super().__init__()
        ### BEGIN SOLUTION
        self.first = nn.Sequential(
            nn.Conv2d(input_channels, output_channels, 3, padding=1),
            nn.GroupNorm(groups, output_channels),
            nn.SiLU(),
        )
        self.step = nn.Sequential(nn.SiLU(), nn.Linear(step_dim, output_channels))
        self.second = nn.Sequential(
            nn.Conv2d(output_channels, output_channels, 3, padding=1),
            nn.GroupNorm(groups, output_channels),
            nn.SiLU(),
        )
        same = input_channels == output_channels
        self.shortcut = nn.Identity() if same else nn.Conv2d(input_channels, output_channels, 1)
        ### END SOLUTION

    def forward(self, x: t.Tensor, step_emb: t.Tensor) -> t.Tensor:
        """x: (B, C_in, H, W)   step_emb: (B, step_dim)   returns: (B, C_out, H, W)"""
        ### BEGIN SOLUTION
        hidden = self.first(x) + rearrange(self.step(step_emb), "b c -> b c 1 1")
        return self.second(hidden) + self.shortcut(x)
        ### END SOLUTION


# %%
if MAIN:
    tests.part2.check_ResidualBlock(ResidualBlock)

# %% [markdown]
# <details>
# <summary>Hint 1: a question</summary>
#
# Which of the layers take `input_channels` in? To which shape does (B, C) have to go, to be added to (B, C, H, W)?
#
# </details>
#
# <details>
# <summary>Hint 2: a fact</summary>
#
# `nn.Sequential(a, b, c)` runs layers one after the other. `rearrange(e, "b c -> b c 1 1")` makes room for height and
# width. `nn.Identity()` is a layer that does nothing: handy for the shortcut where the widths are equal.
#
# </details>
#
# <details>
# <summary>Hint 3: the shape of the line</summary>
#
# `hidden = self.first(x) + rearrange(self.step(step_emb), …)`, then `return self.second(hidden) + self.shortcut(x)`,
# where `self.first = nn.Sequential(nn.Conv2d(…, 3, padding=1), nn.GroupNorm(…), …)`.
#
# </details>

# %% [markdown]
# What does an untrained block add to an image, after 1 step and after 1000? In one of its channels:

# %%
if MAIN:
    t.manual_seed(0)
    image = part1.normalize_img(drawn_clothes()[4]).expand(2, 4, 28, 28)
    step_emb = SinusoidalPositionEmbeddings(32)(t.tensor([1, 1000]))
    block = ResidualBlock(4, 4, step_dim=32, groups=1)
    with t.no_grad():
        early, late = (block(image, step_emb) - image)[:, 0]
    maps = [image[0, 0], early, late, late - early]
    utils.show_maps(maps, ["input", "it adds, after 1 step", "after 1000 steps", "the difference"])

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![Four pictures of a drawn coat. The input; what the block adds after 1 step, where the edges of sleeves and zip stand out; the same after 1000 steps, which looks nearly alike; and the difference of both, nearly even inside the coat and in the background, with faint edges and a bright rim on the right.](images/part2_resblock.png)
#
# Even untrained, the block answers to edges: that is what differences between neighbours amount to. The count of steps
# shifts whole areas a little, as it is added to all pixels alike; the border shows too, as the kernels meet the padding
# there.
#
# </details>

# %% [markdown]
# ### 2.7 One level down
# *Write the block of the way down* · ●●●○○ · 20 minutes · Appendix B
#
# Two ResidualBlocks, the first from `channels_in` to `channels_out`, and after them, if `attention`, an AttentionBlock.
# What comes out is the **skip**: it is kept at full size for the way up. Then, if `downsample`, a convolution with a
# 4×4 kernel, stride 2 and padding 1 halves height and width. Return both: the halved `x` first, then `skip`. Without
# `downsample`, both are the same tensor.
#
# (Do not name a layer `self.half`, `self.double` or `self.float`: modules have methods of these names.)

# %%
class DownBlock(nn.Module):
    """Two ResidualBlocks, attention if asked, then half the size if asked."""

    def __init__(
        self, channels_in: int, channels_out: int, step_dim: int, groups: int, downsample: bool, attention: bool
    ):
        super().__init__()
        self.downsample = downsample
        ### BEGIN SOLUTION
        self.block1 = ResidualBlock(channels_in, channels_out, step_dim, groups)
        self.block2 = ResidualBlock(channels_out, channels_out, step_dim, groups)
        self.attention = AttentionBlock(channels_out) if attention else nn.Identity()
        self.resize = nn.Conv2d(channels_out, channels_out, 4, stride=2, padding=1) if downsample else nn.Identity()
        ### END SOLUTION

    def forward(self, x: t.Tensor, step_emb: t.Tensor) -> tuple[t.Tensor, t.Tensor]:
        """x: (B, channels_in, H, W)   step_emb: (B, step_dim)
        returns: x (B, channels_out, H/2, W/2), or the skip itself without downsample; skip (B, channels_out, H, W)
        errors: ValueError for an odd height or width to be halved"""
        if self.downsample:
            check_can_halve(x)
        ### BEGIN SOLUTION
        skip = self.attention(self.block2(self.block1(x, step_emb), step_emb))
        return self.resize(skip), skip
        ### END SOLUTION


# %%
if MAIN:
    tests.part2.check_DownBlock(DownBlock)

# %% [markdown]
# <details>
# <summary>Hint 1: a question</summary>
#
# Which tensor is the skip: what comes before the halving, or after it?
#
# </details>
#
# <details>
# <summary>Hint 2: a fact</summary>
#
# `nn.Conv2d(c, c, 4, stride=2, padding=1)` halves an even size. `nn.Identity()` can stand in for a layer that is not
# asked for. `return a, b` returns a pair.
#
# </details>
#
# <details>
# <summary>Hint 3: the shape of the line</summary>
#
# In `__init__`, two `ResidualBlock(…)`, then `self.attention = AttentionBlock(…) if attention else …`, and likewise the
# resizing. In `forward`, `skip = …`, `return …, skip`.
#
# </details>

# %% [markdown]
# What halving buys: four levels in a row, and which part of a 64 by 64 image counts for one pixel in the middle of each
# level's skip.

# %%
if MAIN:
    t.manual_seed(0)
    levels = [DownBlock(8, 8, 32, groups=4, downsample=True, attention=False) for _ in range(4)]
    no_steps = t.zeros(1, 32)


    def skip_of(level: int, x: t.Tensor) -> t.Tensor:
        for block in levels[:level]:
            x, skip = block(x, no_steps)
        return skip


    x = t.randn(1, 8, 64, 64)
    maps = [influence(lambda x, n=n: skip_of(n, x), x, 64 >> n, 64 >> n) for n in [1, 2, 3, 4]]
    utils.show_maps([m.sqrt() for m in maps], [f"level {n}, {128 >> n} by {128 >> n}" for n in [1, 2, 3, 4]])

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![Four squares with a bright spot in the middle that grows from level to level: small at level 1, about twice as wide at each level after it, and over most of the square at level 4.](images/part2_receptive_fields.png)
#
# The bright spot, the **receptive field**, grows with each halving: a pixel of level 4 knows of most of the image,
# though no kernel is larger than 4 by 4. (The roots of the derivatives are drawn. The faint glow everywhere else comes
# from the norms: each pixel has a small share in the mean and variance of its group.)
#
# </details>

# %% [markdown]
# ### 2.8 The bottom of the U
# *Write the block between down and up* · ●○○○○ · 10 minutes · Appendix B
#
# At the bottom the image is smallest and its pixels know most. Here attention is cheap, so it is always there: a
# ResidualBlock, an AttentionBlock, a ResidualBlock, all of one width. Each ResidualBlock has weights of its own.

# %%
class MidBlock(nn.Module):
    """A ResidualBlock, an AttentionBlock, a ResidualBlock."""

    def __init__(self, channels: int, step_dim: int, groups: int):
        super().__init__()
        ### BEGIN SOLUTION
        self.block1 = ResidualBlock(channels, channels, step_dim, groups)
        self.attention = AttentionBlock(channels)
        self.block2 = ResidualBlock(channels, channels, step_dim, groups)
        ### END SOLUTION

    def forward(self, x: t.Tensor, step_emb: t.Tensor) -> t.Tensor:
        """x: (B, channels, H, W)   step_emb: (B, step_dim)   returns: (B, channels, H, W)"""
        ### BEGIN SOLUTION
        x = self.block1(x, step_emb)
        x = self.attention(x)
        return self.block2(x, step_emb)
        ### END SOLUTION


# %%
if MAIN:
    tests.part2.check_MidBlock(MidBlock)

# %% [markdown]
# <details>
# <summary>Hint 1: a question</summary>
#
# Which of the three parts take `step_emb`?
#
# </details>
#
# <details>
# <summary>Hint 2: a fact</summary>
#
# All you need is written already: `ResidualBlock(channels, channels, step_dim, groups)` and `AttentionBlock(channels)`.
#
# </details>
#
# <details>
# <summary>Hint 3: the shape of the line</summary>
#
# Three layers in `__init__`, three lines in `forward`.
#
# </details>

# %% [markdown]
# Follow the coat down, through two untrained blocks and the one at the bottom. One of eight channels:

# %%
if MAIN:
    t.manual_seed(0)
    x, no_steps = part1.normalize_img(drawn_clothes()[4]).expand(1, 8, 28, 28), t.zeros(1, 32)
    maps = [x[0, 0]]
    with t.no_grad():
        for _ in range(2):
            x, skip = DownBlock(8, 8, 32, groups=4, downsample=True, attention=False)(x, no_steps)
            maps.append(x[0, 0])
        maps.append(MidBlock(8, 32, groups=4)(x, no_steps)[0, 0])
    utils.show_maps(maps, ["image", "down to 14 by 14", "down to 7 by 7", "after the MidBlock"])

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![Four pictures: the drawn coat at 28 by 28 pixels; 14 by 14 pixels in which its zip and some of its outline can be made out; 7 by 7 pixels in which it is hard to make out; and 7 by 7 other ones after the MidBlock.](images/part2_midblock.png)
#
# At the bottom nothing looks like a coat. 49 pixels cannot draw one, but each of them can hold, in its channels, what
# it knows about a large part of the picture. *Where exactly* an edge runs is lost here. That is what the skips are for.
#
# </details>

# %% [markdown]
# ## From small to large
#
# On the way up the size has to double. A **transposed convolution** is a convolution run backwards: where the
# convolution gathers a patch of pixels into one, this one stamps each pixel, times the kernel, onto a patch of a larger
# image. Stamps that overlap are added. The stride says how far apart the stamps lie, and the padding is *cut off* all
# around. In this picture the kernels are all ones.

# %%
if MAIN:
    dot, ones = t.zeros(1, 1, 5, 5), t.ones(1, 1, 5, 5)
    dot[..., 2, 2] = 1
    maps = [
        dot,
        F.conv_transpose2d(dot, t.ones(1, 1, 4, 4), stride=2, padding=1),
        F.conv_transpose2d(ones, t.ones(1, 1, 4, 4), stride=2, padding=1),
        F.conv_transpose2d(ones, t.ones(1, 1, 3, 3), stride=2, padding=1),
    ]
    titles = ["one pixel of 5 by 5", "its 4×4 stamp", "25 stamps of 4×4", "25 stamps of 3×3"]
    utils.show_maps([m[0, 0] for m in maps], titles)

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![Four squares. One bright pixel in the middle of 5 by 5. Its stamp: 4 by 4 bright pixels in the middle of 10 by 10. All stamps of 4 by 4 together: an even square with a darker rim. All stamps of 3 by 3 together: 9 by 9 pixels in a chequered pattern of bright, medium and dark.](images/part2_transposed.png)
#
# With a 4×4 kernel and stride 2, each pixel inside gets exactly four stamps. With 3×3, some pixels get four, some two
# and some one: a chequered pattern that the network first has to unlearn. That is why the kernel is 4×4 (the paper's
# network takes another way: it repeats each pixel, then convolves).
#
# </details>

# %% [markdown]
# ### 2.9 Sizes, down and up
# *Work out which sizes survive the trip* · ●●○○○ · 10 minutes · no equation
#
# A convolution with kernel $k$, stride $s$ and padding $p$ makes $\lfloor (n + 2p - k) / s \rfloor + 1$ pixels out of
# $n$, as this is how many places the kernel has ($\lfloor\ \rfloor$ rounds down). A transposed one goes the other way:
# $n$ stamps, each $s$ pixels after the one before, span $(n - 1) s + k$ pixels, and $p$ are cut off at each end, which
# leaves $(n - 1) s + k - 2p$.
#
# 1. Halve 28, and halve that again, with $k = 4$, $s = 2$, $p = 1$. Halve 7.
# 2. Double 7, and double that, with the same numbers. What does 7 become, halved and doubled?
# 3. Which sizes come back as they were? What about a network that halves three times?
# 4. With $k = 3$, $s = 2$, $p = 1$, what does 14 become on the way up? Compare with the picture.

# %% [markdown]
# ### BEGIN SOLUTION
# 1. (28 + 2 − 4) / 2 + 1 = 14, and (14 + 2 − 4) / 2 + 1 = 7. For 7: (7 + 2 − 4) / 2 = 2.5 is rounded down to 2, so it
#    is 3.
# 2. (7 − 1) · 2 + 4 − 2 = 14, and (14 − 1) · 2 + 4 − 2 = 28. But 7 is halved to 3, and 3 is doubled to (3 − 1) · 2 + 4
#    − 2 = 6. So 7 comes back as 6.
# 3. The even ones: n becomes n / 2 becomes n. Halved three times, a size has to be a multiple of 2 · 2 · 2 = 8. 28 is
#    not: it would go 14, 7, 3. So a network for FashionMNIST halves twice, or pads the images to 32.
# 4. (14 − 1) · 2 + 3 − 2 = 27, one short of 28. In the picture, 5 pixels became 9 with the 3×3 kernel and 10 with the
#    4×4.
# ### END SOLUTION

# %% [markdown]
# ### 2.10 One level up
# *Write the block of the way up* · ●●●○○ · 20 minutes · Appendix B
#
# The mirror image of a DownBlock, whose width and size it undoes. x and its skip have `channels_in` channels **each**,
# and the result has `channels_out`. Put x and skip side by side as channels (`t.cat`); two ResidualBlocks, the first of
# which brings the width to `channels_out`; attention after them, if asked; and last, if `upsample`, a 4×4 transposed
# convolution with stride 2 and padding 1. The table shows the blocks of the network that you will build, with 16
# channels for 28 by 28 images:
#
# | block | channels_in | channels_out | x comes as | skip | gives x as |
# |---|---|---|---|---|---|
# | DownBlock 1 | 16 | 16 | 16 × 28 × 28 | makes 16 × 28 × 28 | 16 × 14 × 14 |
# | DownBlock 2 | 16 | 32 | 16 × 14 × 14 | makes 32 × 14 × 14 | 32 × 7 × 7 |
# | DownBlock 3 | 32 | 32 | 32 × 7 × 7 | makes 32 × 7 × 7 | 32 × 7 × 7 |
# | MidBlock | | | 32 × 7 × 7 | | 32 × 7 × 7 |
# | UpBlock 3 | 32 | 32 | 32 × 7 × 7 | takes 32 × 7 × 7 | 32 × 14 × 14 |
# | UpBlock 2 | 32 | 16 | 32 × 14 × 14 | takes 32 × 14 × 14 | 16 × 28 × 28 |
# | UpBlock 1 | 16 | 16 | 16 × 28 × 28 | takes 16 × 28 × 28 | 16 × 28 × 28 |

# %%
class UpBlock(nn.Module):
    """Takes the skip of a DownBlock, and undoes its width and its size."""

    def __init__(
        self, channels_in: int, channels_out: int, step_dim: int, groups: int, upsample: bool, attention: bool
    ):
        super().__init__()
        ### BEGIN SOLUTION
        self.block1 = ResidualBlock(2 * channels_in, channels_out, step_dim, groups)
        self.block2 = ResidualBlock(channels_out, channels_out, step_dim, groups)
        self.attention = AttentionBlock(channels_out) if attention else nn.Identity()
        self.resize = (
            nn.ConvTranspose2d(channels_out, channels_out, 4, stride=2, padding=1) if upsample else nn.Identity()
        )
        ### END SOLUTION

    def forward(self, x: t.Tensor, step_emb: t.Tensor, skip: t.Tensor) -> t.Tensor:
        """x, skip: (B, channels_in, H, W)   step_emb: (B, step_dim)
        returns: (B, channels_out, 2H, 2W), or (B, channels_out, H, W) without upsample"""
        ### BEGIN SOLUTION
        x = t.cat([x, skip], dim=1)
        x = self.attention(self.block2(self.block1(x, step_emb), step_emb))
        return self.resize(x)
        ### END SOLUTION


# %%
if MAIN:
    tests.part2.check_UpBlock(UpBlock)

# %% [markdown]
# <details>
# <summary>Hint 1: a question</summary>
#
# How many channels does the first ResidualBlock take in, once x and skip stand side by side?
#
# </details>
#
# <details>
# <summary>Hint 2: a fact</summary>
#
# `t.cat([a, b], dim=1)` puts channels side by side. `nn.ConvTranspose2d(c, c, 4, stride=2, padding=1)` doubles the
# size. Look at UpBlock 2 in the table: `channels_in` is 32, `channels_out` 16, and it takes in 32 + 32 channels.
#
# </details>
#
# <details>
# <summary>Hint 3: the shape of the line</summary>
#
# In `__init__`, `ResidualBlock(2 * …, …)`, another one, attention or `nn.Identity()`, the resizing or `nn.Identity()`.
# In `forward`, `x = t.cat(…)`, then one after the other.
#
# </details>

# %% [markdown]
# What are the skips good for? Send the coat all the way down and up through untrained blocks, once with its skips and
# once with zeros in their place.

# %%
if MAIN:
    t.manual_seed(0)
    image, no_steps = part1.normalize_img(drawn_clothes()[4]).expand(1, 8, 28, 28), t.zeros(1, 32)
    downs = [DownBlock(8, 8, 32, groups=4, downsample=n < 2, attention=False) for n in range(3)]
    ups = [UpBlock(8, 8, 32, groups=4, upsample=n < 2, attention=False) for n in range(3)]
    maps = [image[0, 0]]
    for kept in [1, 0]:
        x, skips = image, []
        with t.no_grad():
            for down in downs:
                x, skip = down(x, no_steps)
                skips.append(kept * skip)
            for up in ups:
                x = up(x, no_steps, skips.pop())
        maps.append(x[0, 0])
    utils.show_maps(maps, ["image", "with skips", "with zeros for skips"])

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![Three pictures. The drawn coat; the result with skips, in which parts of its outline can be seen; and the result with zeros in place of skips, a pattern in which no coat can be made out.](images/part2_upblock.png)
#
# With skips, parts of the coat's outline are there, though no weight has been trained. Without them, all has to pass
# through 7 by 7 pixels, and no outline survives.
#
# </details>

# %% [markdown]
# ## The network
#
# All parts are there. The settings of a network go into this class, which is given: it refuses settings that make none.

# %%
@dataclass(frozen=True)
class UNetConfig:
    """img_shape: (C, H, W)   channels: the width at full size   dim_mults: the width of each level in multiples of it
    groups: of each group norm   attention: a bool for each level; None: the coarsest alone
    errors: ValueError for numbers that make no network"""

    img_shape: tuple[int, ...]
    channels: int
    dim_mults: tuple[int, ...]
    groups: int
    max_steps: int
    attention: tuple[bool, ...] | None = None

    def __post_init__(self):
        check_unet(self)


# %% [markdown]
# ### 2.11 The whole network
# *Put the U together* · ●●●●● · 35 minutes · Appendix B
#
# - A 3×3 convolution, the **stem**, brings images to `channels`.
# - `num_steps`, embedded in `channels` numbers (exercise 2.3), goes through Linear, SiLU, Linear. That is `step_emb`,
#   for all blocks; 4 · `channels` is a usual width.
# - Level i is `channels * dim_mults[i]` wide. Its DownBlock gets there from the width above, its UpBlock goes back. All
#   DownBlocks halve but the last to run, and all UpBlocks double but the last to run.
# - Every skip is used: last in, first out. `attention[i]`, which is given, tells whether level i has attention.
# - At the end, a ResidualBlock and a 1×1 convolution to the image's channels. No activation: noise has both signs.
#
# Keep blocks in an `nn.ModuleList`. In a plain list they would not be trained.

# %%
class UNet(part1.DiffusionModel):
    """The network of the paper, as wide and as deep as its config says."""

    def __init__(self, config: UNetConfig):
        super().__init__()
        self.config = config
        self.img_shape = config.img_shape
        self.noise_schedule = None
        levels = len(config.dim_mults)
        attention = config.attention or [level == levels - 1 for level in range(levels)]
        ### BEGIN SOLUTION
        channels, groups, step_dim = config.channels, config.groups, 4 * config.channels
        self.stem = nn.Conv2d(self.img_shape[0], channels, 3, padding=1)
        self.step = nn.Sequential(
            SinusoidalPositionEmbeddings(channels),
            nn.Linear(channels, step_dim),
            nn.SiLU(),
            nn.Linear(step_dim, step_dim),
        )
        widths = [channels] + [channels * mult for mult in config.dim_mults]
        self.downs, self.ups = nn.ModuleList(), nn.ModuleList()
        for level, (before, after) in enumerate(pairwise(widths)):
            first, last = level == 0, level == levels - 1
            self.downs.append(DownBlock(before, after, step_dim, groups, not last, attention[level]))
            self.ups.insert(0, UpBlock(after, before, step_dim, groups, not first, attention[level]))
        self.mid = MidBlock(widths[-1], step_dim, groups)
        self.last = ResidualBlock(channels, channels, step_dim, groups)
        self.project = nn.Conv2d(channels, self.img_shape[0], 1)
        ### END SOLUTION

    def forward(self, images: t.Tensor, num_steps: t.Tensor) -> t.Tensor:
        """Guess the noise.
        images: (B, C, H, W), noised   num_steps: (B,) int, 1 to T   returns: (B, C, H, W)"""
        ### BEGIN SOLUTION
        step_emb = self.step(num_steps)
        x = self.stem(images)
        skips = []
        for down in self.downs:
            x, skip = down(x, step_emb)
            skips.append(skip)
        x = self.mid(x, step_emb)
        for up in self.ups:
            x = up(x, step_emb, skips.pop())  # last in, first out
        return self.project(self.last(x, step_emb))
        ### END SOLUTION


# %%
if MAIN:
    tests.part2.check_UNet(UNet)

# %% [markdown]
# <details>
# <summary>Hint 1: a question</summary>
#
# Follow the table of exercise 2.10 from top to bottom. Which widths does UpBlock 2 share with which DownBlock? Which
# skip does the first UpBlock need?
#
# </details>
#
# <details>
# <summary>Hint 2: a fact</summary>
#
# `widths = [channels] + [channels * mult for mult in dim_mults]` and `pairwise(widths)` give each level's two widths.
# An `nn.ModuleList` knows `append` and `insert(0, …)`. A Python list is a stack: `skips.append(skip)` puts on top,
# `skips.pop()` takes from there.
#
# </details>
#
# <details>
# <summary>Hint 3: the shape of the line</summary>
#
# In `__init__`: stem; `nn.Sequential(SinusoidalPositionEmbeddings(…), nn.Linear(…), …)`; a loop over levels that makes
# `DownBlock(…)` and `UpBlock(…)`; `MidBlock(…)`; `ResidualBlock(…)` and `nn.Conv2d(…, 1)`. In `forward`: `step_emb =
# …`, the stem, a loop down, the middle, a loop up, the end.
#
# </details>

# %% [markdown]
# This is your network, drawn from what happens when an image goes through it: each arrow and each size is read off the
# tensors as they pass. With these settings the course's own network has 283,201 parameters; where the text leaves you a
# choice, yours may have others.

# %% tags=["folded"]
def watch_blocks(model: nn.Module, *inputs: t.Tensor) -> list[tuple[str, list[t.Tensor], list[t.Tensor]]]:
    """Run a U-Net once and tell what has gone through its DownBlocks, its MidBlock and its UpBlocks, in order.
    returns: class name, inputs and outputs of each"""
    seen = []

    def note(module: nn.Module, arguments: tuple, named: dict, result: Any) -> None:
        outputs = list(result) if isinstance(result, tuple) else [result]
        seen.append((type(module).__name__, [*arguments, *named.values()], outputs))

    blocks = [module for module in model.modules() if type(module).__name__ in ("DownBlock", "MidBlock", "UpBlock")]
    hooks = [block.register_forward_hook(note, with_kwargs=True) for block in blocks]
    try:
        with t.no_grad():
            model(*inputs)
    finally:
        for hook in hooks:
            hook.remove()
    return seen


def draw_unet(model: nn.Module, *inputs: t.Tensor) -> None:
    """Draw the blocks of a U-Net as they run for these inputs, the lower the smaller the image, and where skips go.
    inputs: images (B, C, H, W) and num_steps (B,)"""
    blocks, images = watch_blocks(model, *inputs), inputs[0]
    colours = {"DownBlock": "#cfe3f5", "MidBlock": "#f5ecc4", "UpBlock": "#d5efd2"}
    _, axis = plt.subplots(figsize=(1.45 * len(blocks) + 2.9, 4.4), layout="constrained")

    def level(x: t.Tensor) -> float:
        return math.log2(x.shape[-1] / images.shape[-1])

    def size(x: t.Tensor) -> str:
        return " × ".join(map(str, x.shape[1:]))

    def box(column: int, y: float, words: str, colour: str = "white") -> Text:
        return axis.text(
            column, y, words, ha="center", va="center", fontsize=9, bbox={"boxstyle": "round", "fc": colour}
        )

    def arrow(start: Text, end: Text, **style: Any) -> None:
        ends = {"patchA": start.get_bbox_patch(), "patchB": end.get_bbox_patch(), "shrinkA": 3, "shrinkB": 3}
        places = [each.get_position() for each in (end, start)]
        axis.annotate("", *places, arrowprops={"arrowstyle": "->"} | ends | style)

    boxes, skips = [box(-1, 0, f"images\n{size(images)}")], []
    for column, (name, given, made) in enumerate(blocks):
        y = level(given[0])
        words = f"{name}\n{given[0].shape[1]} → {made[0].shape[1]} channels\ngives {size(made[0])}"
        boxes.append(box(column, y, words, colours[name]))
        for start, skip in skips:
            if any(skip is taken for taken in given[2:]):
                near = column - start[0] < 3
                arrow(start[1], boxes[-1], ls="--", color="grey", connectionstyle=f"arc3,rad={-0.5 * near}")
                place = ((start[0] + column) / 2, y + 0.04 + 0.38 * near)
                axis.text(*place, f"skip {size(skip)}", ha="center", va="bottom", fontsize=9, color="dimgrey")
        skips += [((column, boxes[-1]), skip) for skip in made[1:]]
    boxes.append(box(len(blocks), 0, f"guessed noise\n{size(images)}"))
    for start, end in pairwise(boxes):
        arrow(start, end)
    axis.set(xlim=(-1.6, len(blocks) + 0.7), ylim=(min(each.get_position()[1] for each in boxes) - 0.25, 0.25))
    axis.axis("off")
    utils.show()


# %%
if MAIN:
    t.manual_seed(0)
    model = UNet(UNetConfig((1, 28, 28), channels=16, dim_mults=(1, 2, 2), groups=8, max_steps=1000))
    print(f"{sum(p.numel() for p in model.parameters()):,d} parameters")
    draw_unet(model, t.randn(1, 1, 28, 28), t.tensor([500]))

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![A diagram in the shape of a U. Images of 1 × 28 × 28 enter on the left. Three DownBlocks: 16 to 16 channels, giving 16 × 14 × 14; 16 to 32, giving 32 × 7 × 7; 32 to 32, giving 32 × 7 × 7. A MidBlock of 32 channels. Three UpBlocks: 32 to 32, giving 32 × 14 × 14; 32 to 16, giving 16 × 28 × 28; 16 to 16, giving 16 × 28 × 28. Guessed noise of 1 × 28 × 28 leaves on the right. A dashed arrow takes each DownBlock's skip to the UpBlock of its level.](images/part2_network.png)
#
# </details>

# %% [markdown]
# ## Does it learn?
#
# The first thing to ask of a new network: can it learn a handful of images *by heart?* If not, something in it is
# broken, and no amount of data will help. At half their size, 14 by 14 pixels, the eight drawn ones take less than a
# minute. `train` is Part 1's, as it is; the eight are repeated, so that a minibatch holds each of them four times, with
# other counts of steps and other noise.

# %%
def by_heart_config() -> dict[str, Any]:
    """The settings for learning eight images by heart; few steps under IS_CI."""
    return dict(
        lr=0.003,
        epochs=1,
        batch_size=32,
        n_images=32 * (4 if IS_CI else 400),
        max_steps=250 if IS_CI else 1000,
        img_log_interval=100,
        n_images_to_log=3,
        device=utils.get_device(),
    )


def small_clothes() -> t.Tensor:
    """The eight drawn images at half their size. returns: (8, 1, 14, 14) in [-1, 1]"""
    return part1.normalize_img(F.avg_pool2d(drawn_clothes(), 2))


@cache
def by_heart_model() -> part1.DiffusionModel:
    """A U-Net that has learned the eight small images by heart, trained at the first call and kept."""
    config = by_heart_config()
    trainset = TensorDataset(small_clothes().repeat(config["n_images"] // 8, 1, 1, 1))
    model = UNet(UNetConfig((1, 14, 14), 16, (1, 2), groups=8, max_steps=config["max_steps"]))
    return part1.train(model, config, trainset)


# %%
if MAIN:
    by_heart_model.cache_clear()  # train anew whenever this cell runs
    t.manual_seed(1)
    by_heart_model()
    utils.show_losses()

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![The training loss against the step: it falls from above 1 to below 0.3 within the first few steps, and then slowly further, with small jumps.](images/part2_losses.png)
#
# The loss starts above 1, falls below 0.3 within the first 20 steps, and ends below 0.05. Most of what is left is at
# the smallest counts: to tell the little noise of one step, the network would have to know the images very exactly.
#
# </details>

# %% [markdown]
# Now noise the eight images, 200 steps of 1000, and let the network guess the noise. `reconstruct` takes it off.

# %%
if MAIN:
    model, clothes = by_heart_model(), small_clothes().to(by_heart_config()["device"])
    t.manual_seed(1)
    num_steps, noise = t.full((8,), 200, device=clothes.device), t.randn_like(clothes)
    alpha_bar = rearrange(model.noise_schedule.alpha_bar(num_steps), "b -> b 1 1 1")
    noised = alpha_bar.sqrt() * clothes + (1 - alpha_bar).sqrt() * noise
    with t.no_grad():
        noise_pred = model(noised, num_steps)
    clean = part1.reconstruct(noised, noise_pred, num_steps, model.noise_schedule)
    utils.show_images(part1.denormalize_img(t.cat([noised, clean])))

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![Two rows of eight. Above, the eight clothes under strong noise. Below, the same after one guess: all eight are clean and recognisable.](images/part2_overfit.png)
#
# One guess at each image, and all eight are clean but for some grain: it knows what it has seen.
#
# </details>

# %% [markdown]
# And `sample`, too, is Part 1's. A network that has learned eight images by heart should paint those and nothing else.

# %%
if MAIN:
    model = by_heart_model()
    t.manual_seed(2)
    with utils.show_steps(model, len(model.noise_schedule)):
        samples = part1.sample(model, 8)
    utils.show_images([part1.denormalize_img(image) for image in samples.cpu()])

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![Eight samples, clean but for faint grain: two T-shirts, a boot, a bag, a sandal, two dresses and a coat.](images/part2_samples.png)
#
# Each sample is one of the eight images, with a little grain. Which of them come is another matter: after so few steps
# the network knows what the images look like, and not yet how often each should come. So you may get others than these
# eight under the same seed: on another machine, which rounds a little differently, or with layers that you wrote
# differently.
#
# </details>

# %% [markdown]
# ## Where this differs from the paper
#
# Appendix B of the paper describes its network in few words. Yours is the same in kind, and smaller. What is different:
#
# - **Size.** The paper's network for 32 by 32 images has four levels and 35.7 million parameters.
# - **Attention.** The paper puts it at the level of 16 by 16 pixels and in the middle. Here it is at the coarsest
#   level, 7 by 7, and in the middle; the setting `attention` chooses others.
# - **The order inside a block.** Here it is convolution, norm, SiLU. In the paper's code it is norm, SiLU, convolution,
#   and the last convolution of each block begins at zero, so that an untrained block adds nothing.
# - **More skips.** In the paper's code the stem, each ResidualBlock and each halving of the way down leave a skip, and
#   the way up has one ResidualBlock more a level.
# - **Resizing.** The paper's network halves with a 3×3 convolution, and doubles by repeating pixels, then convolving.
# - **Dropout.** The paper has it in its residual blocks, you have none.

# %% [markdown]
# ## Glossary: names around the U-Net
#
# | here | other names, and what they mean |
# |---|---|
# | channels, width | features, feature maps; `dim` in some code, and so `dim_mults` |
# | level | resolution, stage |
# | skip | skip connection, lateral connection, residual (in some code) |
# | shortcut, residual connection | skip connection too, in ResNet's words: beware, it stays inside a block |
# | stem | input convolution, `conv_in` |
# | group norm with one group | layer norm over channels, height and width. Beware: in a Transformer, layer norm takes one pixel's (token's) channels alone |
# | SiLU | Swish |
# | embedding of the count | time embedding, timestep embedding, positional encoding |
# | pixels as a sequence | tokens |
# | head | one attention of several that run side by side |
# | transposed convolution | deconvolution (it is none: it does not undo a convolution), fractionally strided convolution |
# | ResidualBlock | ResNet block, `ResnetBlock2D` |
# | MidBlock | bottleneck |

# %% [markdown]
# ## What you have now
#
# A network of the paper's kind, every part of it written by you.
#
# - **Group norm** keeps numbers in range, each image by itself; layer norm and instance norm are its ends.
# - **Sines and cosines** tell the network how noisy its image is, near counts and far ones alike.
# - **Attention** lets every pixel look at every other, at the price of a score for each pair; so it works where the
#   image is small.
# - A **shortcut** around a layer leaves it only the change to learn.
# - **Halving** lets each pixel know more of the whole; **skips** bring back where exactly things are.
# - `UNet` takes images and counts and gives a guess of the noise, so `train` and `sample` work with it as they are.
#
# In Part 3 it meets 60,000 photographs of clothes.
