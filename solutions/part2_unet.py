# %% [markdown]
# # Part 2: The U-Net, built from its parts
#
# To guess the noise in a picture, a network has to look in two ways at once. It has to look closely, because each pixel
# has its own noise. And it has to step back, because only the whole picture tells whether a grey patch is part of a
# sleeve or of a bag. Part 1's network could do neither. It laid the image out as one list of numbers, so two
# neighbouring pixels were as unrelated to it as two opposite corners.
#
# In this part you build a network that looks both ways. At the end it will turn pure noise into drawings of clothes.
#
# ![A film of two rows of four squares. They begin as noise, dim shapes appear in them, and in the end each is a clean drawing of a piece of clothing on black.](images/part2_way.png)
#
# The [DDPM paper](https://arxiv.org/abs/2006.11239) uses a **U-Net** (Appendix B). On the path down it halves the image
# again and again, so fewer and fewer pixels each know about more and more of the picture. On the path up it doubles the
# size again, and at each size it gets back what the path down knew there.
#
# ![The network of this part as a U. Three DownBlocks lead down on the left, from 28 by 28 pixels to 7 by 7, with a MidBlock at the bottom, and three UpBlocks lead up again on the right. Dashed arrows carry a skip from each DownBlock across to the UpBlock of the same size.](images/part2_network.svg)
#
# You'll build it from its smallest parts up and see what each of them does. You end up with a `UNet` that the `train`
# and `sample` from Part 1 accept without a change.
#
# **You need** Part 1, a Gaussian's mean and variance, and an idea of what a convolution is: a small kernel of weights
# that slides over an image and combines each pixel with its neighbours, over all channels. You don't need a GPU. Plan
# on about four hours.
#
# <details>
# <summary>Contents</summary>
#
# - [Set up](#Set-up)
# - [What is each part for?](#What-is-each-part-for?)
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
# - [Show it to a friend](#Show-it-to-a-friend)
#
# </details>

# %% [markdown]
# ## Set up
#
# Run the next four cells. The second one also loads `part1`, the functions from Part 1. In the exercise notebook
# they're **your own**, as you last saved them in `part1_diffusion.ipynb`, if they pass their checks. Anything that's
# missing or fails comes from the solutions, and the line under the cell tells you which is which. The third one holds
# helpers that you needn't read.
#
# The exercises work as in Part 1. Write your code in place of `raise NotImplementedError(...)`, run the cell, then run
# the check below it. Hints (and the solution, unless your instructor has left it out) are folded under the check. Then
# you draw a figure with your code, and the picture to expect is folded under it. Where random weights are at work, your
# figure may differ in detail, because there are many right ways to write a layer, and they draw their weights in
# different orders.

# %% tags=["set-up"]
if __name__ == "__main__":  # of the script; the notebooks have a set-up of their own here
    import os
    import sys
    from pathlib import Path

    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as in solutions/__init__.py
MAIN = __name__ == "__main__"

# %% tags=["folded"]
import math
from collections.abc import Callable, Sequence
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
    """Reject an odd height or width, because its half doesn't double back to it.
    x: (B, C, H, W)   errors: ValueError"""
    H, W = x.shape[-2:]
    if H % 2 or W % 2:
        raise ValueError(
            f"{H} by {W} pixels cannot be halved evenly: choose images whose height and width can be halved once for"
            " each multiplier but the last"
        )


def check_unet(config: "UNetConfig") -> None:
    """Reject a UNetConfig whose settings don't fit together. errors: ValueError that says which don't"""
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


# %% tags=["folded"]
def show_maps(
    maps: Sequence[t.Tensor], titles: Sequence[str], marks: Sequence = (), axes_names: tuple = ("", ""), **look: Any
) -> None:
    """Show numbers as colours side by side, each map from its lowest number (dark) to its highest (bright).
    maps: n tensors (H, W)   titles: n strings   marks: a pixel (row, column) of each map, to put a cross on
    axes_names: what runs to the right, and what runs down   look: cmap, or vmin and vmax of maps to compare"""
    _, axes = plt.subplots(1, len(maps), figsize=(1 + 2 * len(maps), 2.4), squeeze=False, layout="constrained")
    for axis, numbers, title in zip(axes[0], maps, titles, strict=True):
        aspect = "auto" if max(numbers.shape) > 3 * min(numbers.shape) else "equal"
        axis.imshow(numbers.detach().cpu().numpy(), aspect=aspect, **{"vmin": min(0, numbers.min().item())} | look)
        axis.set_title(title, fontsize=10)
        axis.set(xticks=[], yticks=[], xlabel=axes_names[0], ylabel=axes_names[1], frame_on=False)
    for axis, (row, column) in zip(axes[0], marks, strict=False):
        axis.plot(column, row, "P", color="red", markeredgecolor="white", markersize=11)  # seen on dark and on bright
    utils.show()


# %% tags=["folded"]
if MAIN:
    import tests.part2

    device = utils.get_device()
    t.set_num_threads(1)  # for images this small, more threads only wait for each other
    print(f"Ready. PyTorch {t.__version__} computes on: {device}")

# %% [markdown]
# Until Part 3, these eight drawings stand in for photographs. They have the size and the look of FashionMNIST, 28 by 28
# grey pixels with one piece of clothing on black.

# %%
def drawn_clothes() -> t.Tensor:
    """Eight drawings of clothes that look much like FashionMNIST's. returns: (8, 1, 28, 28) in [0, 1]"""
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
# ## What is each part for?
#
# A U-Net adds three things to its convolutions and its halving. **Skips** carry fine detail from the path down to the
# path up. **Attention** lets every pixel look at every pixel. And an **embedding** tells the network the timestep.
#
# Before you build any of them, guess. We've trained the same network on the eight drawings whole, without skips,
# without attention, and without telling it the timestep. Which one suffers most, and which one hardly at all? Decide,
# then run this cell. The top row is the coat under more and more noise. Each row below shows what's left when a network
# has guessed the noise, once, and the guess has been taken off.

# %%
if MAIN:
    guesses = t.load(utils.ASSETS / "parts.pt", weights_only=True)
    utils.show_rows({name: images / 255 for name, images in guesses.items()})

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![Five rows of eight coats, under more noise from left to right. First the noised coats. The whole network cleans all but the noisiest. Without skips, the coat dissolves into blotches from the fourth on. Without attention, the row looks like the whole network's. Without the timestep it nearly does, but the noisiest coats come out brighter.](images/part2_parts.png)
#
# The skips matter most. Noise differs from pixel to pixel, and without skips the network has to pack all of it into 7
# by 7 pixels and unpack it again. The timestep matters a little, because a network can mostly see for itself how noisy
# an image is. And attention? On eight small drawings it makes no difference. This is the mean squared error of the
# guessed noise, over all timesteps, for networks half as wide as yours will be, each trained from three seeds.
#
# | network | first | second | third |
# |---|---|---|---|
# | whole network | 0.026 | 0.030 | 0.029 |
# | without skips | 0.235 | 0.278 | 0.308 |
# | without attention | 0.026 | 0.031 | 0.032 |
# | without the timestep | 0.035 | 0.039 | 0.036 |
#
# At 7 by 7 pixels, a few convolutions reach from edge to edge on their own. Attention earns its place on [larger and
# more varied images](https://arxiv.org/abs/2105.05233).
#
# </details>

# %% [markdown]
# ## Keep the numbers in range
#
# A deep network is a long chain of multiplications. If each layer makes its numbers a little larger, the last ones
# explode. If each makes them a little smaller, they vanish. A **norm** layer prevents both. It shifts and scales the
# numbers to mean 0 and variance 1, and then the network learns a scale and a shift of its own for each channel.
#
# Mean and variance *of which numbers?* **Batch norm** takes one channel across all images of the batch. Then the
# network's answer for one image depends on which other images share its batch, and in a small batch the statistics are
# poor. [Group norm](https://arxiv.org/abs/1803.08494) was invented against that. It takes each image by itself, a few
# neighbouring channels together. DDPM's authors give a plainer reason: it kept their code simple.

# %% [markdown]
# ### 2.1 Normalise groups of channels
# *Write group normalisation* · ●●○○○ · 20 minutes · Wu and He, Equations 1 to 4
#
# Split each image's $C$ channels into `num_groups` groups of neighbours. For each group of each image, take the mean
# and the variance of all its $n = C / \text{groups} \cdot H \cdot W$ numbers, and compute
#
# $$y = \frac{x - \text{mean}}{\sqrt{\text{variance} + \text{eps}}} \cdot \text{weight} + \text{bias}$$
#
# The variance divides by $n$, not by $n - 1$, and eps avoids a division by 0. `weight` and `bias` hold one number per
# *channel*, on `device` and in `dtype`. With `affine=False`, leave both out. Your layer should equal PyTorch's.

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
        """x: (B, C, H, W)   returns: (B, C, H, W), in the same dtype"""
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
# Once the channels are split into groups, which axes do you average over? And along which axis of (B, C, H, W) does
# `weight` lie?
#
# </details>
#
# <details>
# <summary>Hint 2: a fact</summary>
#
# `rearrange(x, "b (g c) h w -> b g (c h w)", g=...)` lays each group out as one list. `keepdim=True` keeps an axis of
# size 1, so you can subtract a mean from the numbers it was taken of. `var(..., correction=0)` divides by n. An
# `nn.Parameter` is a tensor that gets trained.
#
# </details>
#
# <details>
# <summary>Hint 3: the next step</summary>
#
# Normalise in the grouped shape first, and reshape the result back to `x.shape`. Only then apply `weight` and `bias`,
# because they belong to channels, not to groups. Give them two more axes so that they broadcast over height and width.
#
# </details>

# %% [markdown]
# Which numbers share a mean? Ask your layer. If two numbers don't share their statistics, the derivative of one
# normalised number with respect to the other is 0. So pick one channel of one image (the cross) and see which others
# have a say in it.

# %%
def has_a_say(norm: nn.Module, x: t.Tensor, image: int, channel: int) -> t.Tensor:
    """Which channels of which images count for one number of a normalised batch.
    x: (B, C, H, W)   returns: (B, C), 1 where they do, else 0"""
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
    show_maps(maps, titles, marks=[(1, 3)] * 4, axes_names=("channel", "image"))

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![Four grids of four images by six channels, with a cross at one image and channel. With batch norm the bright cells form a column: that channel in all images. With one group they form a row: all channels of that image. With two groups, half of that row; with six groups, the crossed cell alone.](images/part2_groupnorm.png)
#
# Group norm has a relative at either end. With a single group it's **layer norm**, as the word is used for images,
# which takes all of an image together. With as many groups as channels it's **instance norm**, which takes each channel
# alone. All three leave other images out, so an image gets the same answer in any company.
#
# </details>

# %% [markdown]
# ### 2.2 A bend without a corner
# *Write the activation function* · ●○○○○ · 5 minutes · the paper's code
#
# Without a nonlinearity between them, two linear layers collapse into one. Part 1 used ReLU, which is $x$ above 0 and 0
# below. DDPM's code uses **SiLU**, also called **Swish**. It's $x$ times the sigmoid of $x$, which rises smoothly from
# 0 to 1: $\text{sigmoid}(x) = 1 / (1 + e^{-x})$. Your layer has to survive large numbers. $e^{200}$ is more than
# float32 can hold, so let PyTorch's sigmoid take care of that.

# %%
class SiLU(nn.Module):
    """x times sigmoid(x)."""

    def forward(self, x: t.Tensor) -> t.Tensor:
        """x: any shape   returns: the same shape and dtype"""
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
# What does the sigmoid do to an x far below 0? And to one far above?
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
# <summary>Hint 3: the next step</summary>
#
# Read the definition aloud, from "x times". It's one line of code, in the same order.
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
# ![Three curves that are nearly 0 on the left and rise along the diagonal on the right. ReLU has a corner at 0. SiLU and GELU are smooth and dip below 0 first; SiLU's dip is deeper and wider.](images/part2_silu.svg)
#
# SiLU dips to -0.28 and then follows x. It has no corner, and where ReLU is flat, SiLU still has a slope to learn from.
# GELU, the usual choice in language models, is a close relative: it multiplies x by a different smooth step.
#
# </details>

# %% [markdown]
# ## Tell the network how noisy it is
#
# The right answer depends on the timestep $n$, because a slightly noisy image needs a different guess than a very noisy
# one. Part 1 gave its network the bare number, scaled to [0, 1]. On that scale, timesteps 10 and 11 of 1000 differ by a
# thousandth, and a layer would need enormous weights to tell them apart. Unscaled, numbers up to 1000 would drown out
# everything else.
#
# A clock solves this problem with several hands. The second hand tells close moments apart, the hour hand tells the
# time of day, and every hand stays on the dial. DDPM's clock comes from the
# [Transformer](https://arxiv.org/abs/1706.03762), Section 3.5. Its hands are fixed, so they aren't trained, but they
# have to move to the GPU with the model. That's what a **buffer** is for.

# %% [markdown]
# ### 2.3 A clock with many hands
# *Turn a timestep into sines and cosines* · ●●○○○ · 15 minutes · Appendix B
#
# For an embedding of size $d$, take $d / 2$ frequencies, $f_i = 10000^{-2i/d}$ for $i = 0, 1, \dots, d/2 - 1$. Each is
# smaller than the one before by the same factor: with $d = 8$ they're 1, 1/10, 1/100 and 1/1000. The embedding of
# timestep $n$ holds $\sin(f_i n)$ and $\cos(f_i n)$ for all of them, because two numbers tell where on its dial a hand
# stands. Their order is up to you. (DDPM's own code divides by $d/2 - 1$ instead of $d/2$, which reaches 1/10,000
# exactly. That's fine too.)

# %%
class SinusoidalPositionEmbeddings(nn.Module):
    """Timesteps as sines and cosines at embedding_size / 2 frequencies.
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
# `num_steps` has shape (B,) and the frequencies have shape (d / 2,). How do you get all B · d / 2 products?
#
# </details>
#
# <details>
# <summary>Hint 2: a fact</summary>
#
# `t.arange(0, d, 2)` gives 0, 2, …, d - 2. `self.register_buffer("frequencies", ...)` keeps a tensor that's saved and
# moved with the model, and from then on it's `self.frequencies`. (B, 1) times (d / 2,) broadcasts to (B, d / 2).
#
# </details>
#
# <details>
# <summary>Hint 3: the next step</summary>
#
# Compute the frequencies in `__init__` and register them. In `forward`, make the angles first, as a (B, d / 2) tensor.
# Then put their sines and their cosines side by side with `t.cat`.
#
# </details>

# %%
if MAIN:
    embedding = SinusoidalPositionEmbeddings(32)(t.arange(1, 1001))
    show_maps(
        [embedding.T, embedding @ embedding.T],
        ["embeddings of timesteps 1 to 1000", "their dot products"],
        axes_names=("timestep", ""),
    )

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![Left, a heat map with the timesteps to the right and the 32 numbers of the embedding down: stripes that are fine at the top and ever wider below, and the same once more in the lower half. Right, the dot products of all pairs of timesteps: bright along the diagonal, and in stripes along it.](images/part2_embeddings.png)
#
# Each row on the left is one wave, yellow where it's 1 and dark where it's -1. The fastest is too fine for this
# picture. The lower half holds the same waves as cosines (your order may differ). On the right, the dot product of two
# embeddings is largest for equal timesteps and depends only on how far apart they are, which is why the stripes run
# along the diagonal: sin a sin b + cos a cos b = cos (a - b). So "one step apart" looks the same everywhere.
#
# </details>

# %% [markdown]
# ## Attention: look anywhere
#
# A convolution mixes each pixel with its neighbours. But the left sleeve of a shirt should know about the right one, 15
# pixels away. **Attention** lets each pixel look at every pixel, itself included, and decide what matters. It works on
# a *set* of pixels, each a list of $C$ numbers.
#
# 1. Each pixel makes three lists out of its own: a **query** (what am I looking for?), a **key** (what do I offer?) and
#    a **value** (what do I tell those who look at me?).
# 2. The **match** of two pixels is the dot product of one's query and the other's key. A **softmax** over all keys
#    turns one pixel's matches into weights, which are positive and add up to 1.
# 3. The pixel gets the weighted mean of all values.
#
# $$\text{attention}(Q, K, V) = \text{softmax}\left(\frac{Q K^\top}{\sqrt{d}}\right) V$$
#
# $Q$, $K$ and $V$ have one row per pixel and $d$ columns. Why $\sqrt{d}$? A dot product of $d$ random numbers of
# variance 1 has variance $d$. Divided by $\sqrt{d}$, it has variance 1 again, and the softmax doesn't put all its
# weight on one pixel from the start. (Most texts call a match an *attention score*. In this course, "score" is kept for
# the one in Part 1.)
#
# Before you write it, look at such weights. Nothing is learned here. A pixel's query and its key are both the 5 by 5
# patch around it, 25 numbers in [-1, 1]. The cross marks the pixel that's looking.

# %%
if MAIN:
    image = part1.normalize_img(drawn_clothes()[0])
    patches = rearrange(F.unfold(image, 5, padding=2), "numbers pixels -> pixels numbers")
    weights = (patches @ patches.T / math.sqrt(25)).softmax(dim=1)
    looking = {"from the body": (15, 14), "from its left edge": (18, 8), "from the background": (2, 14)}
    maps = [weights[28 * row + column].reshape(28, 28) for row, column in looking.values()]
    show_maps(maps, list(looking), marks=list(looking.values()))

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![Three maps of where a pixel of the drawn T-shirt looks, marked by a cross. From the body, the whole body is bright. From the left edge, the left edge of the body is bright and, more faintly, that of the sleeve. From the background, the background away from the shirt is bright, but not the rim of the image.](images/part2_attention.png)
#
# Each pixel looks at pixels like itself, wherever they are. The body looks at the body, the left edge at left edges,
# the background at background (but not at the rim, where the patches reach beyond the image and find zeros, which are
# grey). This is one **head**. A trained network learns what to look for, and has several heads that look for different
# things.
#
# </details>

# %% [markdown]
# ### 2.4 Let pixels look at each other
# *Write multi-head self-attention* · ●●●●○ · 30 minutes · "Attention Is All You Need", Section 3.2
#
# Lay the pixels out as a sequence, (B, H · W, C). A Linear layer makes queries, keys and values (one layer for all
# three, or three layers). Each of the `num_heads` heads gets its own $d = C / \text{heads}$ numbers of every query, key
# and value, and computes its own matches, softmax and mean. Put the heads' results side by side, which makes $C$
# numbers again. A last Linear layer, the **output projection**, mixes them. Then turn the sequence back into an image.
#
# ![Self-attention as boxes. x, of B, C, H, W, becomes a sequence of B, H·W, C. From it come queries, keys and values, each B, heads, H·W, d. Queries and keys make the weights, softmax of q kᵀ / √d, of B, heads, H·W, H·W. They are multiplied by the values. Then the heads are put side by side, go through the output projection, and become an image again.](images/part2_attention_parts.svg)

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
        matches = q @ rearrange(k, "b heads n d -> b heads d n") / math.sqrt(q.shape[-1])
        mixed = matches.softmax(dim=-1) @ v  # (B, heads, pixels, d)
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
# For one image and one head, the queries are (pixels, d) and the keys are (pixels, d). What shape do the matches have?
# Along which axis do one pixel's weights lie?
#
# </details>
#
# <details>
# <summary>Hint 2: a fact</summary>
#
# `rearrange(x, "b c h w -> b (h w) c")` makes the sequence. `@` multiplies the last two axes as matrices and repeats
# that over all the others: (B, heads, pixels, d) @ (B, heads, d, pixels) gives (B, heads, pixels, pixels). One
# rearrange can split off the heads, and even the three results: `"b n (three heads d) -> three b heads n d"`.
#
# </details>
#
# <details>
# <summary>Hint 3: the next step</summary>
#
# Go shape by shape. Pixels (B, n, C) become q, k and v, each (B, heads, n, d). The matches are (B, heads, n, n), and
# each row of them goes through the softmax, after the division by the root of d. Times v, they're (B, heads, n, d)
# again. Merge the heads into (B, n, C), project, and make it an image.
#
# </details>

# %% [markdown]
# Which input pixels count for one output pixel? Use the trick from the norm and take derivatives.

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
    show_maps(maps, ["one 3×3 convolution", "two of them", "self-attention"], marks=[(7, 7)] * 3)

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![Three squares, bright where the input counts for the crossed pixel in the middle. One convolution: 3 by 3 pixels. Two: 5 by 5. Self-attention: the whole square.](images/part2_influence.png)
#
# One convolution sees 3 by 3 pixels, two in a row see 5 by 5. Attention sees everything at once. The price is a match
# for each pair of pixels. At 28 by 28 that's 784 · 784 = 614,656 for each head, at 7 by 7 it's 2,401. That's why
# attention is used where the image is small.
#
# </details>

# %% [markdown]
# Attention sees everything, but does it know *where* things are? Shuffle the coat's pixels, send them through your
# layer, and put what comes out back in order. Guess first: will the answer be the same as without the shuffling?

# %%
if MAIN:
    t.manual_seed(0)
    attention, coat = SelfAttention(4), part1.normalize_img(drawn_clothes()[4]).expand(1, 4, 28, 28)
    order = t.randperm(28 * 28)
    shuffled = coat.flatten(2)[..., order].reshape(coat.shape)
    with t.no_grad():
        plain, mixed = attention(coat), attention(shuffled)
    in_order = mixed.flatten(2)[..., order.argsort()].reshape(coat.shape)
    maps = [shuffled, mixed, in_order, plain]
    titles = ["coat, shuffled", "after attention", "put back in order", "without shuffling"]
    show_maps([m[0, 0] - m[0, 0].min() for m in maps], titles, cmap="gray")

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![Four squares. The coat's pixels in random order, which look like noise; the same after attention, still in random order; those put back in order, which show a coat; and the answer without any shuffling, which is the same coat.](images/part2_shuffled.png)
#
# The last two pictures are equal. Attention sees a set, and nothing in it says where a pixel is. Transformers add an
# embedding of the position. A U-Net gets its positions from the convolutions: when attention runs, each pixel's numbers
# already describe its surroundings, and the zeros that a convolution finds beyond the border [give the edges
# away](https://arxiv.org/abs/2001.08248). (Pixels of one shade get one answer, so you still see the coat. But its
# shades now lie much closer together, and the colour scale stretches them.)
#
# </details>

# %% [markdown]
# ### 2.5 Add what attention finds
# *Wrap attention in a norm and a shortcut* · ●●○○○ · 10 minutes · the paper's code
#
# By itself, attention replaces each pixel with a mean over all pixels, and most of what made it different is lost. So
# add the input back, $x + \text{attention}(\text{norm}(x))$. This is a **residual connection**, and it leaves the
# layer only the *change* to learn. The norm has one group, so a channel that varies more than another still does so
# after it.
#
# From here on, use PyTorch's `nn.GroupNorm(num_groups, num_channels)` and `nn.SiLU()`. They give the same numbers as
# yours, as your checks have shown, and they're faster.

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
# Which one is normalised: what goes into attention, or what's added at the end?
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
# <summary>Hint 3: the next step</summary>
#
# Make the norm and the attention in `__init__`. `forward` is the formula above, read from left to right.
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
    show_maps([x[0, 0] for _, x in chosen], titles, cmap="gray")

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![Four pictures. The T-shirt; the T-shirt again after eight blocks with the shortcut; the T-shirt after one block without it, with a much smaller spread; and a plain square after eight blocks without it.](images/part2_residual.png)
#
# With the shortcut, the whole picture is still there after eight blocks. Without it, one block leaves a faint copy, and
# after eight every pixel is the same, a mean of means of means. The norms can't help. With one group they even out
# pixels and channels together, and soon only the channels differ. (Each map has its own colour scale. The spread is the
# standard deviation over the pixels.)
#
# </details>

# %% [markdown]
# ## Blocks
#
# Now the parts become blocks, and blocks can be trained. These two cells are given. `SmallNetwork` is the least that
# turns a block into something that guesses noise: a convolution before it and one after it. `practise` trains any
# network on the eight drawings, and you know its lines. They're Algorithm 1.

# %%
class SmallNetwork(nn.Module):
    """A convolution to 8 channels, some blocks, and a convolution back to grey.
    blocks: take x (B, 8, H, W) and step_emb (B, 32), give x"""

    def __init__(self, blocks: nn.Module):
        super().__init__()
        self.embed = SinusoidalPositionEmbeddings(32)
        self.first, self.blocks, self.last = nn.Conv2d(1, 8, 3, padding=1), blocks, nn.Conv2d(8, 1, 1)

    def forward(self, images: t.Tensor, num_steps: t.Tensor) -> t.Tensor:
        """images: (B, 1, H, W)   num_steps: (B,)   returns: (B, 1, H, W), the guessed noise"""
        return self.last(self.blocks(self.first(images), self.embed(num_steps)))


# %%
def practise(network: nn.Module, n_steps: int, loss_of: Callable = F.mse_loss) -> nn.Module:
    """Train a network on the eight drawings, twice each in every minibatch.
    network: takes images (16, 1, 28, 28) and num_steps (16,)   loss_of: takes its answer and the noise
    returns: the network, trained"""
    clothes, schedule = part1.normalize_img(drawn_clothes()), part1.NoiseSchedule(1000, "cpu")
    optimizer = t.optim.Adam(network.parameters(), lr=0.01)
    for _ in utils.bar(range(3 if IS_CI else n_steps)):
        num_steps, noise, noised = part1.noise_img(clothes.repeat(2, 1, 1, 1), schedule)
        loss = loss_of(network(noised, num_steps), noise)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return network


# %% [markdown]
# ### 2.6 Two convolutions and a shortcut
# *Write the residual block* · ●●●○○ · 25 minutes · the paper's code
#
# In this order, on the image $x$ and the embedded timestep `step_emb`:
#
# 1. a 3×3 convolution to `output_channels` (padding 1 keeps the size), GroupNorm, SiLU;
# 2. add the timestep, `Linear(SiLU(step_emb))`: one number per image and *channel*, the same for all pixels;
# 3. a 3×3 convolution, GroupNorm, SiLU;
# 4. add the input. If the number of channels changes, the input first goes through a 1×1 convolution.
#
# Why add the timestep halfway? At the end, it would only shift the block's result. Halfway, the second convolution and
# its SiLU can use it to switch features on and off.
#
# ![A residual block as boxes. x, of C_in, H, W, goes through a 3×3 convolution, GroupNorm and SiLU. The embedded timestep is added there, after SiLU and Linear. A second 3×3 convolution, GroupNorm and SiLU follow. At last x is added, unchanged or through a 1×1 convolution, which gives C_out, H, W.](images/part2_residual_block.svg)

# %%
class ResidualBlock(nn.Module):
    """Two convolutions, told the timestep halfway, plus the input."""

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
# Which of the layers take in `input_channels`? What shape does (B, C) need, so that you can add it to (B, C, H, W)?
#
# </details>
#
# <details>
# <summary>Hint 2: a fact</summary>
#
# `nn.Sequential(a, b, c)` runs layers one after the other. `rearrange(e, "b c -> b c 1 1")` makes room for height and
# width. `nn.Identity()` is a layer that does nothing, which makes a good shortcut where the widths are equal.
#
# </details>
#
# <details>
# <summary>Hint 3: the next step</summary>
#
# Make four things in `__init__`: the layers of step 1 as one `nn.Sequential`, those of step 2, those of step 3, and the
# shortcut. Then `forward` needs two lines, one for steps 1 and 2 and one for steps 3 and 4.
#
# </details>

# %% [markdown]
# One block is already a small denoiser. Train yours for a few seconds, show it the coat after 200 steps of noise, and
# tell it three different timesteps. Only the middle one is true.

# %%
def one_guess(network: nn.Module, num_steps: int, told: int) -> tuple[t.Tensor, t.Tensor]:
    """The coat after some steps of noise, and what's left when a network's one guess is taken off.
    told: the timestep that the network hears   returns: two images (1, 28, 28) in [0, 1]"""
    coat, schedule = part1.normalize_img(drawn_clothes()[4:5]), part1.NoiseSchedule(1000, "cpu")
    noised = part1.q_eq4(coat, num_steps, part1.linear_schedule(1000))
    with t.no_grad():
        noise_pred = network(noised, t.tensor([told]))
    clean = part1.reconstruct(noised, noise_pred, t.tensor([num_steps]), schedule)
    return part1.denormalize_img(noised[0]), part1.denormalize_img(clean[0])


# %%
if MAIN:
    t.manual_seed(0)
    network = practise(SmallNetwork(ResidualBlock(8, 8, step_dim=32, groups=2)), n_steps=150)
    images, titles = [], []
    for told in [20, 200, 1000]:
        t.manual_seed(1)  # the same noise each time
        noised, clean = one_guess(network, 200, told)
        images.append(clean)
        titles.append(f"told {told}")
    utils.show_images([noised, *images], ["after 200 steps", *titles])

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![Four pictures of the drawn coat. Under noise; then after one block was told timestep 20, a patchy coat with specks around it; told 200, a blurred coat on plain black; and told 1000, a coat that is still full of grain.](images/part2_resblock.png)
#
# When it's told the truth, a single block takes off most of the noise. When it's told the wrong timestep, it takes off
# the wrong noise and leaves specks or grain. But even at its best the coat is blurred, because the block sees only the
# 7 by 7 pixels around each one. It knows what noise looks like, and has no idea what a coat is.
#
# </details>

# %% [markdown]
# Does the timestep survive the norm that follows? A convolution turns a constant into a constant (away from the
# border), and a norm subtracts a mean. With one channel per group, that mean *is* the constant, and the block would
# never hear the timestep. Each group holds several channels, so only what they have in common is lost.

# %% [markdown]
# ### 2.7 One level down
# *Write the block of the path down* · ●●●○○ · 20 minutes · the paper's code
#
# Two ResidualBlocks, the first from `channels_in` to `channels_out`. An AttentionBlock follows if `attention` asks for
# it. The result is the **skip**, which is kept at full size for the path up. Then, if `downsample`, a convolution with
# a 4×4 kernel, stride 2 and padding 1 halves height and width. Return both, the halved `x` first, then `skip`. Without
# `downsample`, both are the same tensor.
#
# (Don't name a layer `self.half`, `self.double` or `self.float`, because modules have methods of those names.)
#
# ![A DownBlock as boxes. x goes through two ResidualBlocks, both told the embedded timestep, the first of which changes C_in to C_out, and through attention if asked for. A dashed arrow takes the result away as the skip, C_out, H, W. The other arrow leads to the 4×4 convolution of stride 2, which gives C_out, H/2, W/2.](images/part2_down_block.svg)

# %%
class DownBlock(nn.Module):
    """Two ResidualBlocks, attention if it's asked for, then half the size if that's asked for."""

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
        errors: ValueError for an odd height or width that should be halved"""
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
# Is the skip what you have before the halving, or after it?
#
# </details>
#
# <details>
# <summary>Hint 2: a fact</summary>
#
# `nn.Conv2d(c, c, 4, stride=2, padding=1)` halves an even size. `nn.Identity()` can stand in for a layer that isn't
# asked for. `return a, b` returns a pair.
#
# </details>
#
# <details>
# <summary>Hint 3: the next step</summary>
#
# Decide everything in `__init__`. With `nn.Identity()` in the place of a missing layer, `forward` needs no `if`. It
# runs both blocks and the attention, calls the result `skip`, and returns the resized skip and the skip.
#
# </details>

# %% [markdown]
# What does halving buy? Put four levels in a row, and see which part of a 64 by 64 image counts for one pixel in the
# middle of each level's skip.

# %%
if MAIN:
    t.manual_seed(0)
    levels = [DownBlock(8, 8, 32, groups=4, downsample=True, attention=False) for _ in range(4)]
    no_steps = t.zeros(1, 32)


    def skip_of(level: int) -> Callable:
        def from_image(x: t.Tensor) -> t.Tensor:
            for block in levels[:level]:
                x, skip = block(x, no_steps)
            return skip

        return from_image


    x, maps, titles = t.randn(1, 8, 64, 64), [], []
    for level, side in enumerate([64, 32, 16, 8], start=1):
        maps.append(influence(skip_of(level), x, side // 2, side // 2).sqrt())
        titles.append(f"level {level}, {side} by {side}")
    show_maps(maps, titles)

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![Four squares with a bright spot in the middle that grows from level to level: small at level 1, about twice as wide at each level after it, and over most of the square at level 4.](images/part2_receptive_fields.png)
#
# The bright spot, the **receptive field**, grows with each halving. A pixel of level 4 knows about most of the image,
# though no kernel is larger than 4 by 4. (The picture shows the square roots of the derivatives. The faint glow
# everywhere else comes from the norms, because each pixel has a small share in the mean and variance of its group.)
#
# </details>

# %% [markdown]
# ### 2.8 The bottom of the U
# *Write the block between down and up* · ●○○○○ · 10 minutes · the paper's code
#
# At the bottom the image is smallest and its pixels know most. Attention is cheap here, so it's always on. Write a
# ResidualBlock, an AttentionBlock and a ResidualBlock, all of one width. Each ResidualBlock has its own weights.

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
# You've written everything you need: `ResidualBlock(channels, channels, step_dim, groups)` and
# `AttentionBlock(channels)`.
#
# </details>
#
# <details>
# <summary>Hint 3: the next step</summary>
#
# Make three layers in `__init__`, and call them in three lines of `forward`.
#
# </details>

# %% [markdown]
# What can 7 by 7 pixels know? They can't draw a coat. But can they name it? This network goes down through two of your
# DownBlocks and your MidBlock, and then has to say which of the eight drawings it sees, from the 7 by 7 pixels alone.

# %%
class NamesIt(nn.Module):
    """Two DownBlocks and a MidBlock, and a Linear layer that names the drawing from 7 by 7 pixels."""

    def __init__(self):
        super().__init__()
        self.embed, self.first = SinusoidalPositionEmbeddings(32), nn.Conv2d(1, 8, 3, padding=1)
        self.downs = nn.ModuleList(DownBlock(8, 8, 32, groups=4, downsample=True, attention=False) for _ in range(2))
        self.mid, self.name = MidBlock(8, 32, groups=4), nn.Linear(8 * 7 * 7, 8)

    def forward(self, images: t.Tensor, num_steps: t.Tensor) -> t.Tensor:
        """images: (B, 1, 28, 28)   num_steps: (B,)   returns: (B, 8), the largest where its drawing is"""
        x, step_emb = self.first(images), self.embed(num_steps)
        for down in self.downs:
            x, _ = down(x, step_emb)
        return self.name(self.mid(x, step_emb).flatten(1))


# %%
if MAIN:
    t.manual_seed(0)
    network = practise(NamesIt(), 80, loss_of=lambda answer, noise: F.cross_entropy(answer, t.arange(8).repeat(2)))
    noised = part1.q_eq4(part1.normalize_img(drawn_clothes()), 250, part1.linear_schedule(1000))
    names = ["T-shirt", "trousers", "pullover", "dress", "coat", "bag", "boot", "sandal"]
    with t.no_grad():
        answers = network(noised, t.full((8,), 250)).argmax(dim=1)
    utils.show_images(part1.denormalize_img(noised), [names[answer] for answer in answers])

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![Eight squares full of noise in which clothes can just be made out, each under its right name: T-shirt, trousers, pullover, dress, coat, bag, boot, sandal.](images/part2_midblock.png)
#
# It gets them right, with perhaps one slip. So the bottom knows *what* the picture shows. *Where exactly* the edges run
# is lost in 7 by 7 pixels, and that's what the skips are for.
#
# </details>

# %% [markdown]
# ## From small to large
#
# On the path up, the size has to double. A **transposed convolution** is a convolution run backwards. Where the
# convolution gathers a patch of pixels into one, this one stamps each pixel, times the kernel, onto a patch of a larger
# image. Where stamps overlap, they're added. The stride says how far apart the stamps lie, and the padding is *cut off*
# all around. In this picture the kernels are all ones.

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
    show_maps([m[0, 0] for m in maps], titles, vmin=0, vmax=4)

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![Four squares, the brighter the more stamps. One dim pixel in the middle of 5 by 5. Its stamp: 4 by 4 dim pixels in the middle of 10 by 10. All stamps of 4 by 4 together: an even, bright square with a darker rim. All stamps of 3 by 3 together: 9 by 9 pixels in a chequered pattern of bright, medium and dark.](images/part2_transposed.png)
#
# With a 4×4 kernel and stride 2, each pixel inside gets exactly four stamps. With 3×3, some pixels get four, some two
# and some one. That's a [chequered pattern](https://distill.pub/2016/deconv-checkerboard/) that the network first has
# to unlearn, so your kernel is 4×4. (DDPM's network repeats each pixel instead, and then convolves.)
#
# </details>

# %% [markdown]
# ### 2.9 Sizes, down and up
# *Work out which sizes survive the trip* · ●●○○○ · 10 minutes · no equation
#
# A convolution with kernel $k$, stride $s$ and padding $p$ turns $n$ pixels into
# $\lfloor (n + 2p - k) / s \rfloor + 1$, because that's how many places the kernel has ($\lfloor\ \rfloor$ rounds
# down). A transposed one goes the other way. Its $n$ stamps, each $s$ pixels after the one before, span $(n - 1) s + k$
# pixels, and $p$ are cut off at each end, which leaves $(n - 1) s + k - 2p$.
#
# 1. Halve 28, and halve the result, with $k = 4$, $s = 2$, $p = 1$. Halve 7.
# 2. Double 7, and double the result, with the same numbers. What does 7 become, halved and then doubled?
# 3. Which sizes come back as they were? What about a network that halves three times?
# 4. With $k = 3$, $s = 2$, $p = 1$, what does 14 become on the path up? Compare with the picture.

# %% [markdown]
# ### BEGIN SOLUTION
# 1. (28 + 2 − 4) / 2 + 1 = 14, and (14 + 2 − 4) / 2 + 1 = 7. For 7, (7 + 2 − 4) / 2 = 2.5 is rounded down to 2, so it
#    becomes 3.
# 2. (7 − 1) · 2 + 4 − 2 = 14, and (14 − 1) · 2 + 4 − 2 = 28. But 7 is halved to 3, and 3 is doubled to (3 − 1) · 2 + 4
#    − 2 = 6. So 7 comes back as 6.
# 3. The even ones, because n becomes n / 2 becomes n. A size that's halved three times has to be a multiple of 2 · 2 ·
#    2 = 8. 28 isn't: it would go to 14, 7, 3. So a network for FashionMNIST halves twice, or pads the images to 32.
# 4. (14 − 1) · 2 + 3 − 2 = 27, one short of 28. In the picture, 5 pixels became 9 with the 3×3 kernel and 10 with the
#    4×4.
# ### END SOLUTION

# %% [markdown]
# ### 2.10 One level up
# *Write the block of the path up* · ●●●○○ · 20 minutes · the paper's code
#
# An UpBlock mirrors a DownBlock and undoes its width and its size. x and its skip have `channels_in` channels **each**,
# and the result has `channels_out`. Put x and skip side by side as channels (`t.cat`). Run two ResidualBlocks, the
# first of which brings the width to `channels_out`, then attention if it's asked for. If `upsample`, a 4×4 transposed
# convolution with stride 2 and padding 1 ends the block. This table shows the blocks of your network, with 16 channels
# for 28 by 28 images:
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
#
# ![An UpBlock as boxes. x and skip, C_in, H, W each, are joined to 2 · C_in channels. Two ResidualBlocks, both told the embedded timestep, follow, the first of which changes the width to C_out, then attention if asked for, and a 4×4 transposed convolution of stride 2 that gives C_out, 2H, 2W.](images/part2_up_block.svg)

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
# Once x and skip stand side by side, how many channels does the first ResidualBlock take in?
#
# </details>
#
# <details>
# <summary>Hint 2: a fact</summary>
#
# `t.cat([a, b], dim=1)` puts channels side by side. `nn.ConvTranspose2d(c, c, 4, stride=2, padding=1)` doubles the
# size. Look at UpBlock 2 in the table. Its `channels_in` is 32, its `channels_out` is 16, and it takes in 32 + 32
# channels.
#
# </details>
#
# <details>
# <summary>Hint 3: the next step</summary>
#
# Start from your DownBlock. Three things change: the first ResidualBlock's width, the layer that resizes, and the first
# line of `forward`, which joins x and skip. This time nothing but x is returned.
#
# </details>

# %% [markdown]
# What are the skips good for? Train two small U's out of your blocks, one with its skips and one with zeros in their
# place.

# %%
class SmallU(nn.Module):
    """Three DownBlocks and three UpBlocks. kept: 1 for the skips, 0 for zeros in their place"""

    def __init__(self, kept: int):
        super().__init__()
        self.kept = kept
        self.downs = nn.ModuleList(DownBlock(8, 8, 32, groups=4, downsample=n < 2, attention=False) for n in range(3))
        self.ups = nn.ModuleList(UpBlock(8, 8, 32, groups=4, upsample=n < 2, attention=False) for n in range(3))

    def forward(self, x: t.Tensor, step_emb: t.Tensor) -> t.Tensor:
        """x: (B, 8, 28, 28)   step_emb: (B, 32)   returns: (B, 8, 28, 28)"""
        x, fine = self.downs[0](x, step_emb)
        x, middle = self.downs[1](x, step_emb)
        x, coarse = self.downs[2](x, step_emb)
        x = self.ups[0](x, step_emb, self.kept * coarse)
        x = self.ups[1](x, step_emb, self.kept * middle)
        return self.ups[2](x, step_emb, self.kept * fine)


# %%
if MAIN:
    images = []
    for kept in [1, 0]:
        t.manual_seed(0)
        network = practise(SmallNetwork(SmallU(kept)), n_steps=60)
        t.manual_seed(1)  # the same noise each time
        noised, clean = one_guess(network, 200, told=200)
        images.append(clean)
    utils.show_images([noised, *images], ["after 200 steps", "with skips", "without skips"])

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![Three pictures. The coat under noise; with skips, a blurred coat on plain black; without skips, noise about as strong as before.](images/part2_upblock.png)
#
# Without skips, the network doesn't even find the noise. A noised image holds 784 numbers that nobody can predict, and
# only 7 · 7 · 8 = 392 numbers fit through the bottom. But room isn't all it takes. The networks at the start of this
# part had 16 channels there, which makes 784 numbers, and without skips their short training still didn't teach them to
# pack all the noise into those and unpack it again. With skips, fine detail takes the short way across, and the path
# through the bottom is free for what the picture shows.
#
# </details>

# %% [markdown]
# ## The network
#
# You have all the parts. The settings of a network go into this class, which is given. It rejects settings that don't
# fit together.

# %%
@dataclass(frozen=True)
class UNetConfig:
    """img_shape: (C, H, W)   channels: the width at full size   dim_mults: each level's width in multiples of it
    groups: of each group norm   attention: a bool for each level; None: the coarsest alone
    errors: ValueError for settings that don't fit together"""

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
# - `num_steps`, embedded in `channels` numbers (exercise 2.3), goes through Linear, SiLU, Linear, which learn what to
#   make of the clock's hands. That's `step_emb`, 4 · `channels` wide, for all blocks.
# - A `condition` of the same shape, if there is one, is added to `step_emb`. So it reaches every ResidualBlock the same
#   way as the timestep. Part 4 uses it to say what to draw.
# - Level i is `channels * dim_mults[i]` wide. Its DownBlock gets there from the width above, and its UpBlock goes back.
#   Every DownBlock halves except the last one to run, and every UpBlock doubles except the last one to run.
# - Every skip is used, last in, first out. `attention[i]`, which is given, says whether both blocks of level i have
#   attention.
# - A ResidualBlock and a 1×1 convolution to the image's channels come last. There's no activation, because noise has
#   both signs.
#
# Keep blocks in an `nn.ModuleList`, because blocks in a plain list aren't trained. **Write `__init__` first and run the
# check:** as long as `forward` isn't written, it judges your blocks alone.

# %%
class UNet(part1.DiffusionModel):
    """A U-Net as wide and as deep as its config says."""

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

    def forward(self, images: t.Tensor, num_steps: t.Tensor, condition: t.Tensor | None = None) -> t.Tensor:
        """Guess the noise.
        images: (B, C, H, W), noised   num_steps: (B,) int, 1 to T   condition: (B, 4 * channels), or None, which adds
        nothing   returns: (B, C, H, W)"""
        ### BEGIN SOLUTION
        step_emb = self.step(num_steps)
        if condition is not None:
            step_emb = step_emb + condition
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
# Follow the table of exercise 2.10 from top to bottom. Which DownBlock has the same two widths as UpBlock 2? Which skip
# does the first UpBlock need?
#
# </details>
#
# <details>
# <summary>Hint 2: a fact</summary>
#
# `widths = [channels] + [channels * mult for mult in dim_mults]` and `pairwise(widths)` give you each level's two
# widths. An `nn.ModuleList` has `append` and `insert(0, …)`. A Python list can be a stack: `skips.append(skip)` puts
# one on top, and `skips.pop()` takes it off again.
#
# </details>
#
# <details>
# <summary>Hint 3: the next step</summary>
#
# Loop over the levels once, and make both blocks of a level in that loop. Level 0's UpBlock is the last to run, so
# either insert each UpBlock at the front, or walk that list backwards in `forward`. Then `forward` follows the picture
# at the top of this part, with one loop down and one loop up.
#
# </details>

# %% [markdown]
# This is your network, drawn from what happens when an image passes through it. Each arrow and each size is read off
# the tensors on their way. With these settings the course's own network has 283,201 parameters. Yours may have a
# different number where the text leaves you a choice.

# %% tags=["folded"]
def watch_blocks(
    model: nn.Module, *inputs: t.Tensor, all_layers: bool = False
) -> list[tuple[str, list[t.Tensor], list[t.Tensor]]]:
    """Run a U-Net once and list what passes through its DownBlocks, its MidBlock and its UpBlocks, in order.
    all_layers: and through its other layers   returns: class name, inputs and outputs of each"""
    seen, names = [], ("DownBlock", "MidBlock", "UpBlock")

    def note(module: nn.Module, arguments: tuple, named: dict, result: Any) -> None:
        outputs = list(result) if isinstance(result, tuple) else [result]
        seen.append((type(module).__name__, [*arguments, *named.values()], outputs))

    blocks = [module for module in model.modules() if type(module).__name__ in names]
    if all_layers:
        blocks += [child for child in model.children() if not any(block in child.modules() for block in blocks)]
    hooks = [block.register_forward_hook(note, with_kwargs=True) for block in blocks]
    try:
        with t.no_grad():
            model(*inputs)
    finally:
        for hook in hooks:
            hook.remove()
    return seen


def draw_unet(model: nn.Module, *inputs: t.Tensor) -> None:
    """Draw a U-Net as it runs for these inputs, smaller images further down, and where skips and timestep go.
    inputs: images (B, C, H, W) and num_steps (B,)"""
    layers, images = watch_blocks(model, *inputs, all_layers=True), inputs[0]
    told = [made[0] for _, _, made in layers if made[0].ndim == 2]  # the embedded timestep
    layers = [layer for layer in layers if layer[2][0].ndim == 4]
    colours = {"DownBlock": "#cfe3f5", "MidBlock": "#f5ecc4", "UpBlock": "#d5efd2"}
    n_blocks = sum(name in colours for name, _, _ in layers)
    _, axis = plt.subplots(figsize=(utils.WIDE, 5.2), layout="constrained")

    def level(x: t.Tensor) -> float:
        return math.log2(x.shape[-1] / images.shape[-1])

    def size(x: t.Tensor) -> str:
        return " × ".join(map(str, x.shape[1:]))

    def box(column: float, y: float, words: str, colour: str = "white") -> Text:
        shape = {"boxstyle": "round", "fc": colour}
        return axis.text(column, y, words, ha="center", va="center", fontsize=8, bbox=shape, zorder=3)

    def arrow(start: Text, end: Text, **style: Any) -> None:
        ends = {"patchA": start.get_bbox_patch(), "patchB": end.get_bbox_patch(), "shrinkA": 3, "shrinkB": 3}
        places = [each.get_position() for each in (end, start)]
        axis.annotate("", *places, arrowprops={"arrowstyle": "->"} | ends | style)

    boxes, skips, column, above = [box(-1, 0.55, f"images\n{size(images)}")], [], -1, 0.0
    timestep = box((n_blocks - 1) / 2, 0.55, f"timestep\n{told[0].shape[1]} numbers", "#f8dcc4") if told else None
    for name, given, made in layers:
        is_block = name in colours
        column += is_block
        if not is_block and skips:  # on the way out
            column, above = n_blocks, above + 0.55 * (column == n_blocks)
        y = level(given[0]) if is_block else above
        words = f"{name}\n{given[0].shape[1]} → {made[0].shape[1]}\n{size(made[0])}"
        boxes.append(box(column, y, words, colours.get(name, "white")))
        if any(x is each for x in given[1:] for each in told):
            arrow(timestep, boxes[-1], color="#d9985f", lw=0.8, ls=":")
        for start, skip in skips:
            if any(skip is taken for taken in given[2:]):
                near = column - start[0] < 3
                arrow(start[1], boxes[-1], ls="--", color="grey", connectionstyle=f"arc3,rad={-0.5 * near}")
                place = ((start[0] + column) / 2, y + 0.04 + 0.38 * near)
                axis.text(*place, f"skip {size(skip)}", ha="center", va="bottom", fontsize=8, color="dimgrey")
        skips += [((column, boxes[-1]), skip) for skip in made[1:]]
    boxes.append(box(n_blocks, above + 0.55, f"guessed noise\n{size(images)}"))
    for start, end in pairwise(boxes):
        arrow(start, end)
    axis.set(xlim=(-1.6, n_blocks + 0.6), ylim=(min(each.get_position()[1] for each in boxes) - 0.3, above + 0.8))
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
# ![A diagram in the shape of a U. Images of 1 × 28 × 28 enter on the left through a Conv2d. Three DownBlocks give 16 × 14 × 14, 32 × 7 × 7 and 32 × 7 × 7. A MidBlock keeps that. Three UpBlocks give 32 × 14 × 14, 16 × 28 × 28 and 16 × 28 × 28. A ResidualBlock and a Conv2d lead to the guessed noise of 1 × 28 × 28. Dotted arrows take the timestep to every block. A dashed arrow takes each DownBlock's skip to the UpBlock of its level.](images/part2_network.svg)
#
# </details>

# %% [markdown]
# ## Does it learn?
#
# The first thing to ask of a new network is whether it can memorise a handful of images. If it can't, something in it
# is broken, and no amount of data will help. At half their size, 14 by 14 pixels, your eight drawings take less than a
# minute. `train` is Part 1's, unchanged. The eight are repeated so that each minibatch holds all of them four times,
# with different timesteps and different noise.

# %%
def by_heart_config() -> dict[str, Any]:
    """The settings for memorising eight images; few steps under IS_CI."""
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
    """The eight drawings at half their size. returns: (8, 1, 14, 14) in [-1, 1]"""
    return part1.normalize_img(F.avg_pool2d(drawn_clothes(), 2))


@cache
def by_heart_model() -> part1.DiffusionModel:
    """A U-Net that has memorised the eight small drawings, trained at the first call and kept."""
    config = by_heart_config()
    trainset = TensorDataset(small_clothes().repeat(config["n_images"] // 8, 1, 1, 1))
    model = UNet(UNetConfig((1, 14, 14), 16, (1, 2), groups=8, max_steps=config["max_steps"]))
    return part1.train(model, config, trainset)


# %%
if MAIN:
    by_heart_model.cache_clear()  # train again whenever this cell runs
    t.manual_seed(1)
    by_heart_model()
    utils.show_losses()

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![The training loss against the step: it falls from above 1 to below 0.3 within the first few steps, and then slowly further, with small jumps.](images/part2_losses.svg)
#
# The loss starts above 1, falls below 0.3 within the first 20 steps, and ends below 0.05. Most of what's left comes
# from the smallest timesteps. There the noise is so faint that the network would have to know the images very exactly
# to tell the two apart.
#
# </details>

# %% [markdown]
# Now noise the eight images by 200 steps of 1000, and let the network guess the noise. `reconstruct` takes it off.

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
# The network guesses once per image, and all eight are clean apart from some grain. It recognises what it has
# memorised.
#
# </details>

# %% [markdown]
# ## Where this differs from the paper
#
# Appendix B of the paper describes its network in a few lines. The rest is in [its
# code](https://github.com/hojonathanho/diffusion). Yours is the same in kind, and smaller. These are the differences:
#
# - **Size.** The paper's network for 32 by 32 images has four levels and 35.7 million parameters, and its group norms
#   have 32 groups.
# - **Attention.** The paper uses it at 16 by 16 pixels, after every ResidualBlock of that level, and in the middle,
#   always with a single head and a norm of 32 groups. Yours comes once per block, at the coarsest level and in the
#   middle, with four heads and a norm of one group. The setting `attention` chooses other levels.
# - **The order inside a block.** Yours is convolution, norm, SiLU. DDPM's is norm, SiLU, convolution, and the last
#   convolution of each block begins at zero, so an untrained block adds nothing.
# - **The end.** Yours has a ResidualBlock and a 1×1 convolution. DDPM has norm, SiLU and a 3×3 convolution.
# - **More skips.** In DDPM, the stem, each ResidualBlock and each halving on the path down leave a skip, and the path
#   up has one more ResidualBlock per level.
# - **Resizing.** DDPM halves with a 3×3 convolution, and doubles by repeating pixels and then convolving.
# - **Frequencies.** DDPM divides by $d/2 - 1$ where you divide by $d/2$.
# - **Dropout.** DDPM had a dropout of 0.1 in its residual blocks on CIFAR-10, and none on its other data sets. You have
#   none.
#
# U-Nets aren't the last word, either. Many newer image models use a [diffusion
# transformer](https://arxiv.org/abs/2212.09748), which is attention nearly all the way.

# %% [markdown]
# ## Glossary: names around the U-Net
#
# | here | other names, and what they mean |
# |---|---|
# | channels, width | features, feature maps; `dim` in some code, hence `dim_mults` |
# | level | resolution, stage |
# | skip | skip connection, lateral connection, residual (in some code) |
# | shortcut, residual connection | also called a skip connection, in ResNet's words. Beware, it stays inside a block |
# | stem | input convolution, `conv_in` |
# | group norm with one group | layer norm over channels, height and width. Beware, in a Transformer layer norm takes the channels of one pixel (token) alone |
# | SiLU | Swish |
# | embedding of the timestep | time embedding, positional encoding |
# | pixels as a sequence | tokens |
# | match | attention score, attention logit |
# | head | one of several attentions that run side by side |
# | transposed convolution | fractionally strided convolution; deconvolution, a misnomer, because it doesn't undo a convolution |
# | ResidualBlock | ResNet block, `ResnetBlock2D` |
# | MidBlock | bottleneck |

# %% [markdown]
# ## What you have now
#
# You have a network of the paper's kind, and you wrote every part of it.
#
# - **Group norm** keeps numbers in range, each image by itself. Layer norm and instance norm are its two extremes.
# - **Sines and cosines** tell the network the timestep, so that it can tell near ones apart, and far ones too.
# - **Attention** lets every pixel look at every pixel, at the price of a match for each pair. So it works where the
#   image is small.
# - A **shortcut** around a layer leaves it only the change to learn.
# - **Halving** lets each pixel know more of the whole, and **skips** bring back where exactly things are.
# - A **`UNet`** takes images and timesteps and guesses the noise, so `train` and `sample` work with it as they are.

# %% [markdown]
# ## Show it to a friend
#
# `sample`, too, is Part 1's, unchanged. A network that has memorised eight images should paint those and nothing else.
# Give it a moment for its 1000 steps, and you have a film of your own network at work. It began with a class that
# subtracts a mean.

# %%
if MAIN:
    model = by_heart_model()
    t.manual_seed(2)
    with utils.show_steps(model, len(model.noise_schedule)):
        steps = part1.sample(model, 8, return_all_steps=True)
    last, frames, titles = len(steps) - 1, [], []
    for to_go in (last * t.linspace(1, 0, 11) ** 2).long().tolist():  # slower towards the end, where shapes appear
        frames.append(rearrange(part1.denormalize_img(steps[last - to_go].cpu()), "(r c) 1 h w -> 1 (r h) (c w)", r=2))
        titles.append(f"{to_go} steps to go")
    utils.show_movie(frames, titles)

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![A film of two rows of four squares. They begin as noise, dim shapes appear in them, and in the end each is a clean drawing of a piece of clothing on black.](images/part2_way.png)
#
# Each sample turns into one of the eight drawings, with a little grain. Which ones turn up is a different matter. After
# so short a training the network knows what the images look like, but not yet how often each should appear. So you may
# get different ones under the same seed, on a machine that rounds a little differently or with layers that you wrote
# differently.
#
# </details>

# %% [markdown]
# Eight drawings are easy to memorise. What will your network paint when you give it 60,000 photographs, far more than
# it has room for? Copies, blurs, or clothes that nobody has ever photographed? And how could you tell? That's Part 3.
