# %% [markdown]
# # Part 1: Diffusion on colour gradients
#
# A diffusion model paints by removing noise. It starts from a canvas that is nothing but noise, asks a network
# "which part of this is noise?", takes a little of that part away, and asks again. To learn its job, the network
# needs pictures to which noise has been *added*, and adding noise is something you can write down exactly.
#
# In this part you write all of it, in small: the **forward process** that adds noise, a tiny network, its training
# loop, and the **reverse process** that draws new images. The guide is
# [Denoising Diffusion Probabilistic Models](https://arxiv.org/abs/2006.11239) (Ho, Jain and Abbeel, 2020), from here
# on "the paper". Keep it open at Section 2. The images are colour gradients, so that training takes seconds and you
# can measure how good the result is.
#
# **You need** some Python, PyTorch tensors, and what the mean, the variance and the standard deviation of a normal
# distribution (here called a Gaussian) are. You do not need a GPU or an account anywhere. Plan about three hours.

# %% [markdown]
# ## Contents
#
# - [What is diffusion?](#What-is-diffusion?)
# - [Distributions and samples](#Distributions-and-samples)
# - [A data set you can hold in your head](#A-data-set-you-can-hold-in-your-head)
# - [Normalisation](#Normalisation)
# - [Do the two equations agree?](#Do-the-two-equations-agree?)
# - [What a short schedule leaves behind](#What-a-short-schedule-leaves-behind)
# - [From one image to a batch](#From-one-image-to-a-batch)
# - [A first model](#A-first-model)
# - [Training](#Training)
# - [Sampling](#Sampling)
# - [How good are they?](#How-good-are-they?)
# - [Bonus: three names for one guess](#Bonus:-three-names-for-one-guess)
# - [Glossary: one thing, many names](#Glossary:-one-thing,-many-names)
# - [What you have now](#What-you-have-now)
#
# The exercises stand in between, each under a numbered heading.

# %% [markdown]
# ## How to work
#
# 1. An exercise is a cell with the line `raise NotImplementedError(...)`. Write your code in place of that line and run
#    the cell. If the cell itself shows an error, mend that first: until it runs, Python keeps using your last version.
# 2. Run the check in the next cell. It prints one line that begins with `ok`, or tells you what it expected and what
#    came; where it recognises the mistake, it asks you about that one.
# 3. Below lie hints, each a step further, then a way to go on without this exercise, and last the solution (these two
#    only if your instructor has not left them out). They are folded: click the triangle.
# 4. Then comes a figure made with your code, with the expected picture folded under it.
#
# A written exercise has a text cell for your answer in place of the code, and, where there are solutions, a folded
# model answer to compare with.
# The dots in an exercise's first line tell how hard it is, from ●○○○○ to ●●●●●.
#
# Start with the next three cells. They find the course's folder and look whether all you need is here, import it, and
# choose the device to compute on. There is nothing to work out in them. If one of them stops, it says what to do.

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
from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cache
from typing import Any

import PIL.Image
import torch as t
import torch.nn as nn
import torch.nn.functional as F
from einops import rearrange
from torch.utils.data import TensorDataset

import utils
from utils import IS_CI

# %%
if MAIN:
    import tests.part1

    device = utils.get_device()
    t.set_num_threads(1)  # for images this small, more threads only wait for each other
    print(f"Ready. PyTorch {t.__version__} computes on: {device}")

# %% [markdown]
# ## What is diffusion?
#
# [FashionMNIST](https://github.com/zalandoresearch/fashion-mnist) holds 70,000 small pictures of clothes: 28 by 28
# pixels, each a grey value from 0 to 255. There are $256^{28 \cdot 28}$ possible pictures of that size, a number with
# 1,889 digits. Nearly all of them look like static. Imagine a function that takes any one of them and tells how likely
# it is to be the next picture, if somebody went on collecting in the same way: nearly zero for static, nearly zero
# for a truck, more for a sandal. This function is the **data distribution**. The 70,000 pictures are **samples**
# drawn from it. A *generative model* has to learn enough about the distribution, from its samples alone, to draw new
# ones.
#
# Set against a number of 1,889 digits, 70,000 samples are next to nothing, so you have to assume something. Diffusion
# assumes this: **if you add Gaussian noise to a picture, you make it less likely, on average.** A sandal with some
# speckle is still a sandal to us, only a worse one. (By rare luck, noise could turn the sandal into a
# fine T-shirt. That is why it says "on average".)
#
# This buys training data. From every picture you can make as many spoiled copies as you like, and for each you know
# exactly what was done to it. If you know data augmentation (training on slightly changed copies), note the difference:
# augmentation claims that the speckled sandal is as good a sandal as before. Diffusion claims that it is a worse one,
# and that you know how much worse: more noise, less sandal.
#
# A network that has learned to turn a picture into a slightly more likely one can be applied again and again. Start
# from static, climb step by step, and arrive at something that could have been in the data. So there are two
# processes: the **forward process**, which adds noise and has nothing to learn, and the **reverse process**, the way
# back, which is learned.

# %% [markdown]
# ## Distributions and samples
#
# The paper's Section 2 is dense, but there is a way to read it: for each symbol, ask *is this a distribution or a
# sample?* A **distribution** is a function: it takes an image and returns how likely that image is. A **sample** is an
# image: what you get when you draw from a distribution. The paper writes distributions, $q$ for the data and the
# forward process, $p$ for the reverse process. Your code will hold samples.
#
# | symbol | kind | in plain words | in your code |
# |---|---|---|---|
# | $x_0$ | sample | a clean image, seen as one long list of $k$ = channels · height · width numbers | `x`, a tensor (C, H, W) |
# | $q(x_0)$ | distribution | the data distribution: how likely each image is | nothing; you only have samples of it |
# | $T$ | number | how many steps of noise there are at most | `max_steps` |
# | $t$ | number | how many steps of noise an image has had, 1 to $T$ | `num_steps`; the name `t` is PyTorch's here |
# | $x_t$ | sample | the image after $t$ steps of noise | `xt`, with the shape of `x` |
# | $q(x_t \mid x_{t-1})$ | distribution | one step of the forward process. The bar reads "given": how likely each $x_t$ is, if the step began at this $x_{t-1}$ | one pass of a loop |
# | $\mathcal{N}(x; \mu, \Sigma)$ | distribution | a Gaussian. Before the semicolon stands what you ask about, after it the mean and the covariance, a table that says how the numbers vary, alone and together | see below |
# | $I$ | matrix | the table with 1 on the diagonal and 0 elsewhere: every number varies by itself, with variance 1 | `t.randn_like(x)` draws such numbers |
# | $p_\theta(x_{t-1} \mid x_t)$ | distribution | one step of the reverse process: a Gaussian whose mean comes from a network with weights $\theta$ ("theta") | the network, later |
# | $p(x_T)$ | distribution | where the way back starts: $\mathcal{N}(x_T; 0, I)$, noise of mean 0 and variance 1. Nothing is learned here, so $p$ has no $\theta$ | `t.randn(...)` |
#
# One line carries you from the paper to code. **To draw a sample from a Gaussian, scale noise and add the mean:**
#
# $$x \sim \mathcal{N}(\mu, \sigma^2 I) \quad \text{is} \quad x = \mu + \sigma \epsilon \quad \text{with} \quad
# \epsilon \sim \mathcal{N}(0, I)$$
#
# The sign $\sim$ reads "is drawn from". The paper names the *variance* $\sigma^2$, your code needs the *standard
# deviation* $\sigma$, its square root. The noise $\epsilon$ ("epsilon") is what `t.randn_like(x)` draws.
#
# Now Equation 1 of the paper reads as a recipe ($x_{0:T}$ means all images from $x_0$ to $x_T$, and $\prod$
# multiplies):
#
# $$p_\theta(x_{0:T}) = p(x_T) \prod_{t=1}^{T} p_\theta(x_{t-1} \mid x_t)$$
#
# As distributions: begin with one Gaussian and multiply by $T$ more, one a step. As samples: draw an image of pure
# noise, then $T$ times draw a slightly cleaner one around the mean that the network proposes. The last is $x_0$.

# %% [markdown]
# ### 1.1 Equation 2 in plain English
# *Explain every symbol, and the square root* · ●●○○○ · 10 minutes · Equation 2
#
# One step of the forward process, with a small number $\beta_t$ ("beta") for each step, is
#
# $$q(x_t \mid x_{t-1}) = \mathcal{N}\left(x_t;\ \sqrt{1 - \beta_t}\, x_{t-1},\ \beta_t I\right)$$
#
# 1. Say what each symbol means, and where the $\beta_t$ come from (the paper's Section 4 has a sentence on it).
# 2. Say what one step does to an *image*. Which two things happen to each of its numbers?
# 3. Why the square root? Look at one pixel across all images. Suppose that its number in $x_{t-1}$ varies from image to
#    image with variance 1. With which variance does it vary in $x_t$? And with $1 - \beta_t$ in place of the root?
#    You need one rule: for independent $X$ and $Y$,
#    $\mathrm{Var}(aX + bY) = a^2\, \mathrm{Var}(X) + b^2\, \mathrm{Var}(Y)$.

# %% [markdown]
# ### BEGIN SOLUTION
# 1. q(xₜ | xₜ₋₁) is a distribution: how likely each image xₜ is, given the image xₜ₋₁ one step before. N( · ; mean,
#    covariance) says that it is a Gaussian. Its mean is √(1 − βₜ) xₜ₋₁: the same image, slightly faded. Its
#    covariance is βₜ I: every number gets noise of variance βₜ, independent of all others. βₜ lies between 0 and 1
#    (beyond 1 there would be no root). The βₜ are fixed before training: in the paper β rises in a straight line from
#    0.0001 to 0.02. Nothing here is learned, so there is no θ.
# 2. Each number of the image is multiplied by √(1 − βₜ), a little under 1, and gets √βₜ · ε added, with its own ε drawn
#    from a Gaussian of mean 0 and variance 1. The image fades a little and gets a little noise.
# 3. Use the rule with a = √(1 − βₜ) and b = √βₜ: the variance of xₜ is (1 − βₜ) · 1 + βₜ · 1 = 1. What has variance 1
#    keeps it: the image fades exactly as fast as the noise grows. With 1 − βₜ in place of the root it would be (1 −
#    βₜ)² + βₜ, which is less than 1. With no factor at all it would be 1 + βₜ, and the numbers would grow from step
#    to step. Images need not begin at variance 1 (the ones below have about 0.2). But from any variance v, the next
#    is (1 − βₜ) v + βₜ, and its distance from 1 is (1 − βₜ) v + βₜ − 1 = (1 − βₜ)(v − 1): a little smaller at each
#    step. So the variance approaches 1, which is the variance of the noise that the way back begins with.
# ### END SOLUTION

# %% [markdown]
# ## A data set you can hold in your head
#
# Photographs can wait. Your first images are **colour gradients**: a random colour in the top left corner runs evenly
# into another random colour in the bottom right one. Two colours of three numbers each decide everything, so you know
# this data distribution completely. It will let you measure what later models can only guess at.

# %%
def gradient_images(n_images: int, img_size: tuple[int, int, int]) -> t.Tensor:
    """Draw images that blend a random top left colour into a random bottom right one.
    img_size: (C, H, W)   returns: (n_images, C, H, W) in [0, 1]"""
    C, H, W = img_size
    first, last = t.randint(0, 256, (2, n_images, C, 1, 1)) / 255
    way = t.arange(H).reshape(H, 1) + t.arange(W).reshape(1, W)  # pixels from top left
    return (first + (last - first) * way / max(H + W - 2, 1)).clamp(0, 1)


def plot_img(img: t.Tensor, title: str | None = None) -> None:
    """Show one image.
    img: (C, H, W) in [0, 1]"""
    utils.show_images([img], [title or ""])


# %%
if MAIN:
    t.manual_seed(0)
    utils.show_images(gradient_images(8, (3, 16, 16)))

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![A row of eight squares. In each, one plain colour in the top left corner blends evenly into another in the bottom right corner.](images/part1_gradients.png)
#
# </details>

# %% [markdown]
# They can be as small as you like. This one has 3 colour channels, 4 rows and 5 columns: its $x_0$ is a list of $k$ =
# 60 numbers.

# %%
if MAIN:
    t.manual_seed(9)
    plot_img(gradient_images(1, (3, 4, 5))[0], "60 numbers")

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![A colour gradient of four rows and five columns, coarse enough to count its pixels.](images/part1_small_gradient.png)
#
# </details>

# %% [markdown]
# ## Normalisation
#
# Pictures come with values from 0 (dark) to 1 (bright): the numbers of the file, divided by 255. Noise has mean 0,
# and networks learn more easily from numbers around 0. So every computation in this course works on images in **[-1,
# 1]**. There are two doors: `normalize_img` on the way in, `denormalize_img` on the way out, whenever you want to
# look at something. The second also cuts off what noise has pushed out of range.

# %%
def normalize_img(img: t.Tensor) -> t.Tensor:
    """From picture values in [0, 1] to the [-1, 1] that all computation uses. Any shape."""
    return img * 2 - 1


def denormalize_img(img: t.Tensor) -> t.Tensor:
    """From [-1, 1] back to picture values in [0, 1], cutting off the rest. Any shape."""
    return ((img + 1) / 2).clamp(0, 1)


# %%
if MAIN:
    t.manual_seed(2)
    img = gradient_images(1, (3, 16, 16))[0]
    x = normalize_img(img)
    images = [img, x.clamp(0, 1), denormalize_img(x)]
    utils.show_images(images, ["original", "normalised", "denormalised"])

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![Three squares. The first and the third show the same colour gradient. The second, drawn without denormalising, is much darker: what was under half brightness is black.](images/part1_normalise.png)
#
# The picture in the middle is what you get when you forget the second door: the lower half of the values, now below 0,
# is drawn as black.
#
# </details>

# %% [markdown]
# ### 1.2 Choose how much noise each step adds
# *Write the variance schedule* · ●○○○○ · 5 minutes · Section 4
#
# The **variance schedule** lists $\beta_1$ to $\beta_T$: $\beta_t$ is the variance of the noise that step $t$ adds. The
# paper fixes it before training: it rises in a straight line from 0.0001 to 0.02 over 1000 steps. Both ends are
# included. The cells below mostly use 200 steps, as small things answer quickly. What that costs, you will
# measure further down.

# %%
def linear_schedule(max_steps: int, min_noise: float = 0.0001, max_noise: float = 0.02) -> t.Tensor:
    """The variances of the forward process (Section 4), evenly spaced, both ends included.
    max_steps: T   min_noise, max_noise: first and last variance   returns: (T,) float32"""
    ### BEGIN SOLUTION
    return t.linspace(min_noise, max_noise, max_steps)
    ### END SOLUTION


# %%
if MAIN:
    tests.part1.check_linear_schedule(linear_schedule)

# %% [markdown]
# <details>
# <summary>Hint 1: a question</summary>
#
# Five posts stand in a row, one metre apart. How long is the row?
#
# </details>
#
# <details>
# <summary>Hint 2: a fact</summary>
#
# `max_steps` numbers have `max_steps - 1` gaps between them, all of the same size. PyTorch has a function for "so many
# evenly spaced numbers from here to there".
#
# </details>
#
# <details>
# <summary>Hint 3: the shape of the line</summary>
#
# One call: `t.` … `(first, last, how many)`. Look for a name that begins with `lin`.
#
# </details>

# %%
if MAIN:
    import matplotlib.pyplot as plt

    for max_steps, style in [(200, "--"), (1000, "-")]:
        plt.plot(range(1, max_steps + 1), linear_schedule(max_steps), style, label=f"T = {max_steps}")
    plt.xlabel("step t")
    plt.ylabel("variance β of its noise")
    plt.legend()
    utils.show()

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![Two straight lines that both rise from nearly 0 to 0.02, a dashed one within 200 steps and a solid one within 1000 steps.](images/part1_linear_schedule.png)
#
# Both lines begin at 0.0001 and end at 0.02. The dashed one has a fifth of the steps to get there.
#
# </details>

# %% [markdown]
# ### 1.3 Add noise step by step
# *Write the forward process as a loop* · ●●○○○ · 10 minutes · Equation 2
#
# Equation 2 is one step: fade the image a little, add a little noise. Take `num_steps` of them, each with its own
# $\beta$ and fresh noise.
#
# `num_steps` **counts** steps, from 1, as the paper does, while Python counts rows from 0. So $\beta_1$ is `betas[0]`,
# and after `num_steps` steps the last one used is `betas[num_steps - 1]`. Leave `x` itself as it was: the caller still
# needs it. And call no variable `t`: that name is PyTorch's.

# %%
def q_eq2(x: t.Tensor, num_steps: int, betas: t.Tensor) -> t.Tensor:
    """Noise x step by step (Equation 2, num_steps times).
    x: (C, H, W) in [-1, 1]   num_steps: 1 to T   betas: (T,)   returns: (C, H, W)"""
    utils.check_num_steps(num_steps, max_steps=len(betas))  # given: 1 to T
    ### BEGIN SOLUTION
    for beta in betas[:num_steps]:
        x = (1 - beta).sqrt() * x + beta.sqrt() * t.randn_like(x)
    return x
    ### END SOLUTION


# %%
if MAIN:
    tests.part1.check_q_eq2(q_eq2)

# %% [markdown]
# <details>
# <summary>Hint 1: a question</summary>
#
# What does one step take from the step before, and what does it need that is new?
#
# </details>
#
# <details>
# <summary>Hint 2: a fact</summary>
#
# To draw from a Gaussian, take mean + standard deviation · noise, where the noise has mean 0 and standard deviation 1.
# Equation 2 gives you a mean and a *variance*. The standard deviation is the square root of the variance.
#
# </details>
#
# <details>
# <summary>Hint 3: the shape of the line</summary>
#
# A `for` loop over the first `num_steps` entries of `betas`. In it one line: `x = … * x + … * t.randn_like(x)`. Each
# gap holds a square root.
#
# </details>

# %%
if MAIN:
    t.manual_seed(21)
    betas = linear_schedule(max_steps=200)
    x = normalize_img(gradient_images(1, (3, 32, 32))[0])
    steps = [1, 10, 50, 100, 200]
    noised = [denormalize_img(q_eq2(x, n, betas)) for n in steps]
    noise = denormalize_img(t.randn_like(x))
    utils.show_images([*noised, noise], [f"after step {n}" for n in steps] + ["noise alone"])

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![The same colour gradient, from yellow in the top left to dark blue in the bottom right, after 1, 10, 50, 100 and 200 steps of Equation 2, and a sixth square of noise alone. The gradient is clean at first, grainy but clear after 50 steps, and nearly gone after 200.](images/part1_q_eq2.png)
#
# After 1 step you see no change: the noise has a standard deviation of 0.01. After 50 steps the gradient is grainy, and
# still clear. After 200 steps most of what you see is noise, yet not all of it. How much is left? You will know
# after the next exercise.
#
# </details>

# %% [markdown]
# And as a movie: the same image after every tenth step. (It plays twice, then it stands still. To see it again, run
# the cell again.)

# %%
if MAIN:
    t.manual_seed(21)
    betas = linear_schedule(max_steps=200)
    images = [normalize_img(gradient_images(1, (3, 24, 24))[0])]
    for n in range(0, 200, 10):
        images.append(q_eq2(images[-1], 10, betas[n:]))  # ten more steps
    titles = [f"after step {10 * n}" for n in range(len(images))]
    utils.show_movie([denormalize_img(image) for image in images], titles)

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![A movie of the forward process, ten steps an image. The gradient from yellow to dark blue is clean at step 0 and grainy by step 20. Its colours drown in ever stronger noise, and at step 200 hardly a trace of it is left.](images/part1_forward.gif)
#
# Each image is made from the one before, so many grains keep their colour from one to the next. Nothing happens
# suddenly: no single step takes the image away.
#
# </details>

# %% [markdown]
# ### 1.4 Jump straight to step n
# *Write the forward process as one jump* · ●●○○○ · 10 minutes · Equation 4
#
# Follow two steps of your loop, with $\alpha_t = 1 - \beta_t$ ("alpha"). The image has become
# $\sqrt{\alpha_1 \alpha_2}\, x_0$. The first noise, of variance $1 - \alpha_1$, has been faded once, the second was
# added: together a variance of $\alpha_2 (1 - \alpha_1) + (1 - \alpha_2) = 1 - \alpha_1 \alpha_2$. And as independent
# Gaussians add up to a Gaussian, two steps are one larger step. So are any number:
#
# $$q(x_t \mid x_0) = \mathcal{N}\left(x_t;\ \sqrt{\bar\alpha_t}\, x_0,\ (1 - \bar\alpha_t) I\right)$$
#
# $$\bar\alpha_t = \alpha_1 \alpha_2 \cdots \alpha_t$$
#
# $\bar\alpha_t$ ("alpha bar") is the share of the image's variance that $t$ steps keep. What is left of the image
# itself is $\sqrt{\bar\alpha_t}$. Write it without walking, with one single draw of noise.

# %%
def q_eq4(x: t.Tensor, num_steps: int, betas: t.Tensor) -> t.Tensor:
    """Noise x to num_steps in one jump, with one draw of noise (Equation 4).
    x: (C, H, W) in [-1, 1]   num_steps: 1 to T   betas: (T,)   returns: (C, H, W)"""
    utils.check_num_steps(num_steps, max_steps=len(betas))  # given: 1 to T
    ### BEGIN SOLUTION
    alpha_bar = (1 - betas[:num_steps]).prod()
    return alpha_bar.sqrt() * x + (1 - alpha_bar).sqrt() * t.randn_like(x)
    ### END SOLUTION


# %%
if MAIN:
    tests.part1.check_q_eq4(q_eq4)

# %% [markdown]
# <details>
# <summary>Hint 1: a question</summary>
#
# In your loop, which numbers has x₀ been multiplied by after two steps? After three? And what is 1 minus the square of
# their product?
#
# </details>
#
# <details>
# <summary>Hint 2: a fact</summary>
#
# ᾱ is the product of the first `num_steps` entries of `1 - betas`. It is a single number. The image keeps √ᾱ of its
# strength, and the variance of the noise is 1 − ᾱ.
#
# </details>
#
# <details>
# <summary>Hint 3: the shape of the line</summary>
#
# Two lines. First `alpha_bar = ( … ).prod()`, with the first `num_steps` alphas in the gap. Then
# `return … * x + … * t.randn_like(x)`, and again each gap holds a square root.
#
# </details>

# %%
if MAIN:
    t.manual_seed(21)
    betas = linear_schedule(max_steps=200)
    x = normalize_img(gradient_images(1, (3, 32, 32))[0])
    steps = [1, 10, 50, 100, 200]
    noised = [denormalize_img(q_eq4(x, n, betas)) for n in steps]
    utils.show_images(noised, [f"after step {n}" for n in steps])

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![The same colour gradient after 1, 10, 50, 100 and 200 steps of Equation 4. It looks like the row of Equation 2, with other grains.](images/part1_q_eq4.png)
#
# The same picture as from Equation 2, with other grains: the noise is drawn anew.
#
# </details>

# %% [markdown]
# A jump leads to any step at once. So drag the slider (or click on it and use the arrow keys), in both directions. From
# which step on would you no longer find the bright corner, if you did not know where it was?

# %%
if MAIN:
    t.manual_seed(21)
    betas = linear_schedule(max_steps=200)
    x = normalize_img(gradient_images(1, (3, 32, 32))[0])
    utils.show_slider(lambda n: denormalize_img(q_eq4(x, n, betas)), "step", first=1, last=len(betas))

# %% [markdown]
# ## Do the two equations agree?
#
# They look alike, but they would with a small slip, too. So measure. Take an image that is 1 everywhere: after
# noising, its **mean** tells how much of the image is left, and its **standard deviation** how much noise is on it.
# The image has 196,608 numbers, so chance moves both by less than 0.01.

# %%
if MAIN:
    t.manual_seed(4)
    betas = linear_schedule(max_steps=200).to(device)
    ones = t.ones(3, 256, 256, device=device)
    print("          what is left      noise on it")
    print("steps     Eq.2    Eq.4      Eq.2    Eq.4")
    for n in [1, 10, 50, 100, 200]:
        x2, x4 = q_eq2(ones, n, betas), q_eq4(ones, n, betas)
        print(f"{n:5}{x2.mean():9.3f}{x4.mean():8.3f}{x2.std():10.3f}{x4.std():8.3f}")

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# Two pairs of columns, equal to within 0.01. After 50 steps 0.94 of the image is left, under noise of standard
# deviation 0.35. After 200 steps about 0.36 of it is left (exactly 0.364), under noise of 0.93. Square the two
# numbers of a row: these are ᾱ and 1 − ᾱ of Equation 4, and add up to 1, but for chance.
#
# </details>

# %% [markdown]
# ## What a short schedule leaves behind
#
# The way back begins at $p(x_T) = \mathcal{N}(0, I)$: noise and nothing else. So after the last step the forward
# process had better arrive there, with $\sqrt{\bar\alpha_T}$ near 0. You have just seen that 200 steps do not: about
# 0.36 of the image is left. How many does it take?

# %%
if MAIN:
    import matplotlib.pyplot as plt

    for max_steps, style in [(100, ":"), (200, "--"), (1000, "-")]:
        kept = (1 - linear_schedule(max_steps)).cumprod(dim=0).sqrt()
        plt.plot(range(1, max_steps + 1), kept, style, label=f"T = {max_steps}, ends at {kept[-1]:.3f}")
    plt.xlabel("step t")
    plt.ylabel("√ᾱ, what is left of the image")
    plt.legend()
    utils.show()

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![Three falling curves of what is left of the image against the step. With 100 steps the curve stops at 0.603, with 200 at 0.364, and with 1000 it comes down to 0.006.](images/part1_short_schedules.png)
#
# </details>

# %% [markdown]
# You can look for the leftover, too. Average the noised image over blocks of 32 by 32 pixels: the independent noise
# nearly cancels, and what is left of the image stays.

# %%
if MAIN:
    t.manual_seed(21)
    x = normalize_img(gradient_images(1, (3, 128, 128))[0])
    ends = [q_eq4(x, max_steps, linear_schedule(max_steps)) for max_steps in [100, 200, 1000]]
    images = [x, *ends, t.randn_like(x)]
    titles = ["clean", "end, T = 100", "end, T = 200", "end, T = 1000", "noise alone"]
    averages = [t.nn.functional.avg_pool2d(image, 32) for image in images]
    utils.show_images([denormalize_img(average) for average in averages], titles)

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![Five squares of four by four blocks each. The clean image runs from yellow in the top left to dark blue in the bottom right; the end of 100 steps shows the same, with less contrast; the end of 200 steps with less again; the end of 1000 steps and noise alone are both an even grey with faint random tints.](images/part1_ends.png)
#
# The ends of 100 and 200 steps still show the gradient. The end of 1000 cannot be told from noise.
#
# </details>

# %% [markdown]
# Only the paper's 1000 steps arrive: 0.006 of the image is left. With the same $\beta$ from 0.0001 to 0.02, 200 steps
# leave 0.36 and 100 steps leave 0.60. The reason is a sum. The logarithm of a product is a sum of logarithms, and for
# small $\beta$, $\ln(1 - \beta) \approx -\beta$. So $\bar\alpha_T \approx e^{-(\beta_1 + \dots + \beta_T)}$, and as
# the average $\beta$ is about 0.01, the sum is about $T / 100$. For $T = 200$ that gives
# $\bar\alpha_T \approx e^{-2}$, and its root is 0.37, close to the exact 0.364. Whoever wants fewer steps has to
# raise $\beta$.
#
# Keep this in mind. A network trained on a short schedule never sees an image as noisy as the one that the way back
# starts from. That is a flaw you should know of, not a bug in your code.

# %% [markdown]
# ## From one image to a batch
#
# Training works on batches of images, shape (B, C, H, W), and every image in a batch gets a different amount of
# noise. Three small pieces prepare for that: a home for the schedule, Equation 4 for a batch, and its inverse.

# %% [markdown]
# ### 1.5 Give the schedule a home
# *Write a module that holds β, α and ᾱ* · ●●○○○ · 15 minutes · Section 2
#
# Training and sampling look up $\beta$, $\alpha$ and $\bar\alpha$ all the time. So compute the three vectors once and
# keep them in a module, as **buffers**: tensors that belong to a module, move with it (`.to(device)`) and are saved
# with it, but are not trained, as parameters are. PyTorch's `register_buffer(name, tensor)` makes one.
#
# Counts start at 1, as before: `schedule.beta(1)` is `betas[0]`. The method `rows` is given: it turns one count or a
# batch of counts into rows. So one count gives shape (1,), and B counts give shape (B,).

# %%
class NoiseSchedule(nn.Module):
    """The vectors β, α and ᾱ of one schedule, looked up by counts of steps, 1 to T."""

    betas: t.Tensor
    alphas: t.Tensor
    alpha_bars: t.Tensor

    def __init__(self, max_steps: int, device: t.device | str, betas: t.Tensor | None = None):
        """max_steps: T   device: where to keep the vectors   betas: (T,), or None: linear"""
        super().__init__()
        self.max_steps = max_steps
        betas = linear_schedule(max_steps) if betas is None else betas
        ### BEGIN SOLUTION
        self.register_buffer("betas", betas)
        self.register_buffer("alphas", 1 - betas)
        self.register_buffer("alpha_bars", self.alphas.cumprod(dim=0))
        self.to(device)
        ### END SOLUTION

    def beta(self, num_steps: int | t.Tensor) -> t.Tensor:
        """The variance that step num_steps adds.
        num_steps: int or int tensor (B,), 1 to T   returns: (1,) or (B,)"""
        ### BEGIN SOLUTION
        return self.betas[self.rows(num_steps)]
        ### END SOLUTION

    def alpha(self, num_steps: int | t.Tensor) -> t.Tensor:
        """The share of the variance that step num_steps keeps. Shapes as for beta."""
        ### BEGIN SOLUTION
        return self.alphas[self.rows(num_steps)]
        ### END SOLUTION

    def alpha_bar(self, num_steps: int | t.Tensor) -> t.Tensor:
        """The share of the variance that steps 1 to num_steps keep. Shapes as for beta."""
        ### BEGIN SOLUTION
        return self.alpha_bars[self.rows(num_steps)]
        ### END SOLUTION

    def rows(self, num_steps: int | t.Tensor) -> t.Tensor:
        """Given: counts 1 to T to rows 0 to T - 1, as an int tensor (1,) or (B,)."""
        utils.check_num_steps(num_steps, self.max_steps)
        if isinstance(num_steps, t.Tensor):
            return num_steps.to(self.device).reshape(-1) - 1
        return t.full((1,), num_steps - 1, device=self.device)

    @property
    def device(self) -> t.device:
        """Given: where the vectors are now."""
        return next(self.buffers()).device

    def __len__(self) -> int:
        return self.max_steps


# %%
if MAIN:
    tests.part1.check_NoiseSchedule(NoiseSchedule)

# %% [markdown]
# <details>
# <summary>Hint 1: a question</summary>
#
# In `q_eq4` you needed the product of the first few alphas. Here you need it for every count. Which of PyTorch's
# functions gives all those products at once?
#
# </details>
#
# <details>
# <summary>Hint 2: a fact</summary>
#
# `cumprod` gives running products: row 0 is the first alpha, row 1 the first two multiplied, and so on. A tensor can be
# indexed with a tensor of rows: `vector[rows]` has the shape of `rows`.
#
# </details>
#
# <details>
# <summary>Hint 3: the shape of the line</summary>
#
# In `__init__`, three lines like `self.register_buffer("alphas", …)`, and then `self.to(…)`. In each method one line:
# `return self. … [self.rows(num_steps)]`.
#
# </details>

# %%
if MAIN:
    import matplotlib.pyplot as plt

    schedule = NoiseSchedule(max_steps=200, device="cpu")
    steps = t.arange(1, len(schedule) + 1)
    plt.plot(steps, schedule.alpha(steps), "--", label="α, kept by this step")
    plt.plot(steps, schedule.alpha_bar(steps), "-", label="ᾱ, kept by all steps so far")
    plt.plot(steps, schedule.beta(steps), ":", label="β, added by this step")
    plt.xlabel("step t")
    plt.ylabel("share of the variance")
    plt.legend()
    utils.show()

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![Three curves against the step. Alpha, dashed, stays just below 1. Beta, dotted, stays just above 0. Alpha bar, solid, falls from 1 to 0.13 within 200 steps.](images/part1_noise_schedule.png)
#
# No single step does much: α never falls below 0.98. All 200 together leave 0.13 of the variance, whose root is
# the 0.36 you know.
#
# </details>

# %% [markdown]
# ### 1.6 Noise a batch of images
# *Noise each image by a count of its own* · ●●●○○ · 15 minutes · Equation 4
#
# The network has to learn from images at every level of noise. So each image draws its own count of steps, any of 1
# to `max_steps` with equal chance, and its own noise. Equation 4 does the rest. Return all three, on the device of
# the images: a network will see `noised` and `num_steps`, and has to guess `noise`.
#
# Mind the shapes. $\bar\alpha$ has shape (B,), the images (B, C, H, W), and PyTorch lines shapes up from the *right*:
# B would meet W. Make it (B, 1, 1, 1) first, with `rearrange` from einops, which names the axes before and after the
# arrow: `rearrange(a, "b -> b 1 1 1")`.

# %%
def noise_img(
    img: t.Tensor, noise_schedule: NoiseSchedule, max_steps: int | None = None
) -> tuple[t.Tensor, t.Tensor, t.Tensor]:
    """Noise each image by a random count of steps (Equation 4).
    img: (B, C, H, W) in [-1, 1]   max_steps: the largest count, T if None
    returns: num_steps (B,) int, 1 to max_steps; noise (B, C, H, W), mean 0 and variance 1;
    noised (B, C, H, W)"""
    max_steps = len(noise_schedule) if max_steps is None else max_steps
    ### BEGIN SOLUTION
    num_steps = t.randint(1, max_steps + 1, (len(img),), device=img.device)
    noise = t.randn_like(img)
    alpha_bar = rearrange(noise_schedule.alpha_bar(num_steps), "b -> b 1 1 1")
    noised = alpha_bar.sqrt() * img + (1 - alpha_bar).sqrt() * noise
    return num_steps, noise, noised
    ### END SOLUTION


# %%
if MAIN:
    tests.part1.check_noise_img(noise_img)

# %% [markdown]
# <details>
# <summary>Hint 1: a question</summary>
#
# How many counts do you have to draw, and how many numbers of noise?
#
# </details>
#
# <details>
# <summary>Hint 2: a fact</summary>
#
# `t.randint(low, high, shape)` draws from `low` up to, but not including, `high`. Give it and the noise the `device` of
# the images. `rearrange(a, "b -> b 1 1 1")` turns shape (B,) into (B, 1, 1, 1).
#
# </details>
#
# <details>
# <summary>Hint 3: the shape of the line</summary>
#
# Five lines: `num_steps = t.randint(…)`, `noise = …`, `alpha_bar = rearrange(…)`, `noised =` the line you know from
# `q_eq4`, and the return.
#
# </details>

# %%
if MAIN:
    t.manual_seed(21)
    schedule = NoiseSchedule(max_steps=200, device="cpu")
    batch = normalize_img(gradient_images(1, (3, 32, 32))).repeat(6, 1, 1, 1)
    num_steps, noise, noised = noise_img(batch, schedule)
    utils.show_images(denormalize_img(noised), [f"after step {n}" for n in num_steps])

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![The same colour gradient six times, after 81, 100, 149, 59, 104 and 178 steps. It is clearest after 59 steps, and hardly visible after 149 and 178.](images/part1_noise_img.png)
#
# One image, six copies in a batch, six counts. The larger the count, the more noise.
#
# </details>

# %% [markdown]
# ### 1.7 Take the noise off again
# *Solve Equation 4 for the clean image* · ●●○○○ · 10 minutes · Equation 4
#
# Who knows the noise can undo Equation 4: subtract the scaled noise, then make up for the fading. During training you
# will put the network's *guess* of the noise in here, and see at a glance how good it is.

# %%
def reconstruct(
    noisy_img: t.Tensor, noise: t.Tensor, num_steps: t.Tensor, noise_schedule: NoiseSchedule
) -> t.Tensor:
    """The clean image that this noise belongs to: Equation 4, solved for x0.
    noisy_img, noise: (B, C, H, W)   num_steps: (B,) int, 1 to T   returns: (B, C, H, W)"""
    ### BEGIN SOLUTION
    alpha_bar = rearrange(noise_schedule.alpha_bar(num_steps), "b -> b 1 1 1")
    return (noisy_img - (1 - alpha_bar).sqrt() * noise) / alpha_bar.sqrt()
    ### END SOLUTION


# %%
if MAIN:
    tests.part1.check_reconstruct(reconstruct)

# %% [markdown]
# <details>
# <summary>Hint 1: a question</summary>
#
# In the line `noised = …` of `noise_img`, everything but the image is known. How do you solve it for the image?
#
# </details>
#
# <details>
# <summary>Hint 2: a fact</summary>
#
# From xₜ = √ᾱ x₀ + √(1 − ᾱ) ε follows √ᾱ x₀ = xₜ − √(1 − ᾱ) ε.
#
# </details>
#
# <details>
# <summary>Hint 3: the shape of the line</summary>
#
# Two lines: `alpha_bar = rearrange(…)` as before, and `return (noisy_img - … * noise) / …`. Mind the parentheses.
#
# </details>

# %%
if MAIN:
    t.manual_seed(21)
    schedule = NoiseSchedule(max_steps=200, device="cpu")
    img = gradient_images(1, (3, 32, 32))
    num_steps, noise, noised = noise_img(normalize_img(img), schedule)
    exact = reconstruct(noised, noise, num_steps, schedule)
    rough = reconstruct(noised, 0.9 * noise, num_steps, schedule)
    images = [img, *map(denormalize_img, (noised, exact, rough))]
    titles = ["clean", f"after step {num_steps.item()}", "true noise", "0.9 of the noise"]
    utils.show_images([image[0] for image in images], titles)
    utils.allclose(denormalize_img(exact), img)

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![Four squares: a clean colour gradient; the same under heavy noise, after 81 steps; reconstructed with the true noise, as clean as the first; and reconstructed with 0.9 of the noise, with fine grain left.](images/part1_reconstruct.png)
#
# With the true noise you get the clean image back. With a tenth of the noise overlooked, grain remains, and it is
# divided by √ᾱ: the noisier the image, the more a small error in the noise shows. That is why sampling will not jump
# to the end in one go.
#
# </details>

# %% [markdown]
# ## A first model
#
# Now for the network that guesses the noise. `train` and `sample` below work with any module that has these three
# things: the shape of its images, a noise schedule (once it is trained), and a `forward` that takes noised images
# with their counts of steps and returns a guess of the noise. `ABC` with `abstractmethod` only sees to it that nobody
# forgets the last.

# %%
class DiffusionModel(nn.Module, ABC):
    """What train and sample need of a model. noise_schedule is None until it is trained."""

    img_shape: tuple[int, ...]
    noise_schedule: NoiseSchedule | None

    @abstractmethod
    def forward(self, images: t.Tensor, num_steps: t.Tensor) -> t.Tensor:
        """Guess the noise.
        images: (B, C, H, W), noised   num_steps: (B,) int, 1 to T   returns: (B, C, H, W)"""


@dataclass(frozen=True)
class TinyDiffuserConfig:
    img_shape: tuple[int, ...]
    hidden_size: int
    max_steps: int


# %% [markdown]
# ### 1.8 A network of two layers
# *Write a small MLP that guesses the noise* · ●●○○○ · 10 minutes · Section 3.3
#
# An MLP (multi-layer perceptron) of two linear layers with a ReLU between them will do for gradients. It takes one
# list of numbers per image: its pixels, and the count of steps, as a noisy image calls for a different guess from a
# clean one. Scale the count to [0, 1], so that it is not a hundred times as large as a pixel. The guess has the shape
# of the images.

# %%
class TinyDiffuser(DiffusionModel):
    """A toy diffusion model: Linear, ReLU, Linear."""

    def __init__(self, config: TinyDiffuserConfig):
        super().__init__()
        self.config = config
        self.img_shape = config.img_shape
        self.hidden_size = config.hidden_size
        self.max_steps = config.max_steps
        self.noise_schedule = None
        ### BEGIN SOLUTION
        n_pixels = math.prod(config.img_shape)
        self.layers = nn.Sequential(
            nn.Linear(n_pixels + 1, config.hidden_size),
            nn.ReLU(),
            nn.Linear(config.hidden_size, n_pixels),
        )
        ### END SOLUTION

    def forward(self, images: t.Tensor, num_steps: t.Tensor) -> t.Tensor:
        """Guess the noise.
        images: (B, C, H, W), noised   num_steps: (B,) int, 1 to T   returns: (B, C, H, W)"""
        ### BEGIN SOLUTION
        pixels = rearrange(images, "b c h w -> b (c h w)")
        step = rearrange(num_steps / self.max_steps, "b -> b 1")
        noise_pred = self.layers(t.cat([pixels, step], dim=1))
        return noise_pred.reshape(images.shape)
        ### END SOLUTION


# %%
if MAIN:
    tests.part1.check_TinyDiffuser(TinyDiffuser)

# %% [markdown]
# <details>
# <summary>Hint 1: a question</summary>
#
# An image of 60 numbers and one count go in. How many numbers go into the first layer, and how many come out of the
# second?
#
# </details>
#
# <details>
# <summary>Hint 2: a fact</summary>
#
# `t.cat([a, b], dim=1)` puts (B, m) and (B, n) side by side, to (B, m + n). `rearrange(images, "b c h w -> b (c h w)")`
# lays each image out as one list, and `math.prod` multiplies the numbers of a shape.
#
# </details>
#
# <details>
# <summary>Hint 3: the shape of the line</summary>
#
# In `__init__`, one `nn.Sequential(nn.Linear(…), nn.ReLU(), nn.Linear(…))`. In `forward`: flatten the images, make
# `num_steps / …` a column, `cat` the two, apply the layers, and reshape to `images.shape`.
#
# </details>

# %%
if MAIN:
    t.manual_seed(7)
    config = TinyDiffuserConfig(img_shape=(3, 4, 5), hidden_size=16, max_steps=100)
    model = TinyDiffuser(config)
    images = normalize_img(gradient_images(3, config.img_shape))
    with t.no_grad():
        guess = model(images, t.tensor([1, 50, 100]))
    utils.show_images(denormalize_img(t.cat([images, guess])), ["image"] * 3 + ["guess"] * 3)

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![Three small colour gradients of different colours, and three guesses of noise: greyish tints, much the same for all three images.](images/part1_untrained.png)
#
# An untrained network guesses small numbers around 0, drawn as greyish tints, and much the same ones for every image.
# It knows nothing yet about noise.
#
# </details>

# %% [markdown]
# ## Training
#
# Much mathematics later, the paper arrives at a loss that is short (Equation 14): show the network a noised image,
# and take the mean squared error between its guess and the noise that is really in it. Algorithm 1 says how to train
# with it.

# %% [markdown]
# ### 1.9 Algorithm 1 line by line
# *Say what each line does, and the shape of everything in it* · ●●○○○ · 10 minutes · Algorithm 1
#
# Find Algorithm 1 in the paper, at the top of page 4. For a minibatch of B images: what does each of its lines 2 to 5
# mean in plain English, and what shape does each thing in it have? Which function that you have written does which
# line? And line 6 says "until converged": what would you do?
#
# (Uniform means: all equally likely. $\epsilon_\theta$ is the network with its weights $\theta$, and $\nabla_\theta$
# the gradient with respect to them.)

# %% [markdown]
# ### BEGIN SOLUTION
# - **Line 2**, x₀ ~ q(x₀): draw a minibatch of clean images from the training data. Shape (B, C, H, W).
# - **Line 3**, t ~ Uniform({1, …, T}): draw a count of steps for each image, 1 and T included, all equally likely.
#   Shape (B,), whole numbers. This is `noise_img`.
# - **Line 4**, ε ~ N(0, I): draw noise, not scaled by anything, one number for each number of the images. Shape
#   (B, C, H, W). Also `noise_img`.
# - **Line 5**: noise the images, √ᾱₜ x₀ + √(1 − ᾱₜ) ε (Equation 4 again, shape (B, C, H, W); ᾱₜ has shape (B,) and is
#   made (B, 1, 1, 1)). Give them to the network ε_θ together with the counts (B,). It guesses noise, (B, C, H, W).
#   The loss is the mean of the squared differences to ε, a single number. ∇_θ says: take a step down its gradient
#   with respect to the weights θ.
# - **Line 6**: "converged" is left open. In practice you train for a fixed number of passes over the data (epochs),
#   and look at the loss on images that are not trained on: when it no longer falls, more training does not help.
# ### END SOLUTION

# %% [markdown]
# While it trains you will want to see more than a number. This function is given: it makes one picture for each
# image, with the truth in the top row and the network's guess in the bottom row. Its last part comes from your
# `reconstruct`.

# %%
def log_images(
    img: t.Tensor,
    noised: t.Tensor,
    noise: t.Tensor,
    noise_pred: t.Tensor,
    reconstructed: t.Tensor,
    num_images: int = 3,
) -> list[PIL.Image.Image]:
    """Pictures to log: noised image, noise, clean image; top row truth, bottom row guess.
    all images: (B, C, H, W) in [-1, 1]   returns: min(B, num_images) pictures"""
    actual = t.cat([noised, noise, img], dim=-1)
    pred = t.cat([noised, noise_pred, reconstructed], dim=-1)
    both = denormalize_img(t.cat([actual, pred], dim=-2))[:num_images]
    pixels = rearrange((both * 255).round().byte().cpu(), "b c h w -> b h w c").numpy()
    return [PIL.Image.fromarray(picture.squeeze()) for picture in pixels]


# %% [markdown]
# ### 1.10 The training loop
# *Write Algorithm 1* · ●●●●○ · 25 minutes · Algorithm 1
#
# Train for `config["epochs"]` passes over the images, in minibatches of `batch_size` in a new random order each time,
# with `t.optim.Adam` and the learning rate `lr`. Log as you go:
#
# - after every step, `run.log({"train_loss": loss}, step)`, counting steps from 1;
# - every `img_log_interval` steps, pictures: `run.log({"images": log_images(…, n_images_to_log)}, step)`;
# - after every epoch, `run.log({"test_loss": loss}, step)`, the loss on all of `test_images`, if there are any, without
#   gradients.
#
# The lines around your loop are given: they bring model and data to the device, give the model a schedule if it has
# none, and start a run of Weights & Biases, a service that keeps the curves of your trainings (without an account,
# they stay on this machine). If you stop the cell, `train` still returns the model.

# %%
def train(
    model: DiffusionModel,
    config_dict: dict[str, Any],
    trainset: TensorDataset,
    testset: TensorDataset | None = None,
) -> DiffusionModel:
    """Train a model to guess noise (Algorithm 1), with Adam; it keeps a schedule that it has.
    config_dict: lr, epochs, batch_size, max_steps, device, img_log_interval, n_images_to_log
    trainset, testset: their first tensors are images (N, C, H, W) in [-1, 1]
    returns: the model, trained   errors: KeyError for a missing setting"""
    config = utils.Settings(config_dict)
    device = config["device"]
    model.to(device)
    if model.noise_schedule is None:
        model.noise_schedule = NoiseSchedule(config["max_steps"], device)
    schedule = model.noise_schedule.to(device)
    images = trainset.tensors[0].to(device)
    test_images = testset.tensors[0].to(device) if testset is not None else None
    steps_per_epoch = math.ceil(len(images) / config["batch_size"])
    with utils.start_run(config_dict, config["epochs"] * steps_per_epoch) as run:
        ### BEGIN SOLUTION
        optimizer = t.optim.Adam(model.parameters(), lr=config["lr"])
        step = 0
        for _ in range(config["epochs"]):
            order = t.randperm(len(images), device=device)
            for rows in order.split(config["batch_size"]):
                x0 = images[rows]  # line 2
                num_steps, noise, noised = noise_img(x0, schedule)  # lines 3 and 4
                noise_pred = model(noised, num_steps)
                loss = F.mse_loss(noise_pred, noise)  # line 5
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                step += 1
                run.log({"train_loss": loss}, step)
                if step % config["img_log_interval"] == 0:
                    clean = reconstruct(noised, noise_pred, num_steps, schedule)
                    pictures = log_images(x0, noised, noise, noise_pred, clean, config["n_images_to_log"])
                    run.log({"images": pictures}, step)
            if test_images is not None:
                with t.no_grad():
                    num_steps, noise, noised = noise_img(test_images, schedule)
                    test_loss = F.mse_loss(model(noised, num_steps), noise)
                run.log({"test_loss": test_loss}, step)
        ### END SOLUTION
    return model


# %%
if MAIN:
    tests.part1.check_train(train)

# %% [markdown]
# <details>
# <summary>Hint 1: a question</summary>
#
# Which of lines 2 to 5 does `noise_img` do for you? What is left between its three results and a loss?
#
# </details>
#
# <details>
# <summary>Hint 2: a fact</summary>
#
# A step of training is always the same four lines: loss, `optimizer.zero_grad()`, `loss.backward()`,
# `optimizer.step()`. `t.randperm(n)` gives the numbers 0 to n - 1 in random order, and `.split(batch_size)` cuts them
# into minibatches.
#
# </details>
#
# <details>
# <summary>Hint 3: the shape of the line</summary>
#
# Make the optimizer. Then two loops, epochs and minibatches. In the inner one: `x0 = images[rows]`,
# `num_steps, noise, noised = …`, `noise_pred = model(…)`, `loss = F.mse_loss(…)`, the four lines, and the logging.
# After the inner loop, the same without a step for `test_images`, under `t.no_grad()`.
#
# </details>
# %% [markdown]
# Now for real: 50,000 gradients of 60 numbers each, 20 epochs, a schedule of 100 steps. On a laptop this takes seconds.

# %%
def toy_config() -> dict[str, Any]:
    """The settings of this part's training; tiny under IS_CI."""
    return dict(
        lr=0.001,
        image_shape=(3, 4, 5),
        hidden_size=128,
        epochs=1 if IS_CI else 20,
        max_steps=100,
        batch_size=128,
        img_log_interval=1 if IS_CI else 200,
        n_images_to_log=3,
        n_images=10 if IS_CI else 50_000,
        n_eval_images=10 if IS_CI else 1000,
        device=utils.get_device(),
    )


@cache
def toy_model() -> DiffusionModel:
    """The TinyDiffuser of these settings, trained at the first call and kept."""
    config = toy_config()
    trainset, testset = (
        TensorDataset(normalize_img(gradient_images(n, config["image_shape"])))
        for n in (config["n_images"], config["n_eval_images"])
    )
    tiny = TinyDiffuserConfig(config["image_shape"], config["hidden_size"], config["max_steps"])
    return train(TinyDiffuser(tiny), config, trainset, testset)


# %%
if MAIN:
    toy_model.cache_clear()  # train anew whenever this cell runs
    t.manual_seed(0)
    toy_model()
    utils.show_losses(band=(0.19, 0.22))

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![Training and test loss against the training step. The training loss falls from about 1 to 0.3 within the first few hundred steps, then slowly and with many small jumps into the grey strip around 0.2. The test loss, a dashed line that begins after the first epoch, runs through the middle of it.](images/part1_losses.png)
#
# The loss starts near 1: a network that answers 0 is off by the noise itself, whose variance is 1. It ends at about
# 0.20, in the grey strip where three other runs of this network ended. The test loss follows: 50,000 images are too
# many to learn by heart. Single batches jump up and down, as each draws other counts and other noise.
#
# Is 0.20 good? For this data one can work out the best guess of the clean image, the average of all gradients that
# could be behind the noised one, and turn it into noise by Equation 4. Its loss is 0.076, and no network can do
# better: where several gradients fit, noise cannot be told exactly. So there is room, and you will see it in the
# samples.
#
# </details>

# %% [markdown]
# What does a loss of 0.20 look like? These are the pictures that were logged last: in the top row the truth, in the
# bottom row the network's guess.

# %%
if MAIN:
    toy_model()
    utils.show_logged_images()

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![Three pictures of two rows. Upper row: a noised image, its noise, the clean gradient. Lower row: the same noised image, a guess of the noise that resembles it, and a reconstruction that is a rough version of the gradient.](images/part1_logged.png)
#
# The guessed noise resembles the true noise. The reconstruction to its right shows better how good the guess is:
# close to the truth where there was little noise, rough where there was much.
#
# </details>

# %% [markdown]
# ## Sampling
#
# The network can tell noise from image. Now let it paint: begin with nothing but noise and take it off, a little in
# each step. Algorithm 2 of the paper says how.

# %% [markdown]
# ### 1.11 Algorithm 2 line by line
# *Say what each line does* · ●●○○○ · 10 minutes · Algorithm 2
#
# Find Algorithm 2 in the paper, beside Algorithm 1. For a batch of B images, say for each line what it does, and the
# shapes. Then:
#
# 1. Which counts of steps does the network see, in which order?
# 2. Line 4 takes the noise away that the network guesses, but not all of it. Why would you not use `reconstruct`,
#    which takes all away at once?
# 3. Why does line 4 add new noise, and why not in the last step? ($\sigma_t$ is the standard deviation of the new
#    noise. The paper tries two choices; take $\sigma_t^2 = \beta_t$.)

# %% [markdown]
# ### BEGIN SOLUTION
# - **Line 1**: draw x_T, an image of pure noise for each sample: (B, C, H, W).
# - **Line 2**: go through the counts T, T − 1, …, 1. The network sees all of them, the largest first, and the same
#   one for all B images: (B,).
# - **Line 3**: draw fresh noise z, (B, C, H, W); in the last step, at count 1, z is 0.
# - **Line 4**: ε_θ(xₜ, t) is the guessed noise. Subtract βₜ / √(1 − ᾱₜ) times it (the paper writes 1 − αₜ, which is
#   βₜ), divide by √αₜ, which undoes the fading of one step, and add σₜ z with σₜ = √βₜ. All factors are single
#   numbers, the same for all images.
# - **Line 6**: return x₀.
#
# 1. T down to 1, all of them, each once.
# 2. At high noise the guess is poor: all the network can say is what images look like on average, and `reconstruct`
#    divides its error by √ᾱₜ. After a small step the image is a little clearer, and the next guess a little better.
# 3. The way back is a chain of draws from Gaussians (Equation 1), and line 4 is such a draw: its first part is the
#    mean, σₜ z the spread. Without the noise the samples crowd towards the middle of what is possible: with the
#    network of this part, their corner colours then vary by 0.38, not by 0.54. They do look smoother, but smooth is
#    not right. After the last step nothing comes to clean up, so noise added there would stay in the picture.
# ### END SOLUTION

# %% [markdown]
# ### 1.12 Draw samples
# *Write Algorithm 2* · ●●●○○ · 20 minutes · Algorithm 2
#
# Write it line by line, for a batch of `n_samples` images. With `return_all_steps`, return a list of all images on
# the way, from $x_T$ to $x_0$: that is `len(schedule) + 1` tensors. Each entry has to stay what it was, so make a new
# tensor in each step. Whatever you make, make it on `schedule.device`.

# %%
@t.no_grad()
def sample(model: DiffusionModel, n_samples: int, return_all_steps: bool = False) -> t.Tensor | list[t.Tensor]:
    """Draw images from a trained model (Algorithm 2, with sigma_t^2 = beta_t).
    returns: (n_samples, C, H, W), about in [-1, 1]; with return_all_steps the list x_T, ..., x_0
    errors: ValueError for a model without a schedule, or for n_samples below 1"""
    schedule = utils.check_can_sample(model, n_samples)
    ### BEGIN SOLUTION
    x = t.randn(n_samples, *model.img_shape, device=schedule.device)  # line 1
    steps = [x]
    for n in range(len(schedule), 0, -1):  # line 2
        z = t.randn_like(x) if n > 1 else t.zeros_like(x)  # line 3
        beta, alpha, alpha_bar = schedule.beta(n), schedule.alpha(n), schedule.alpha_bar(n)
        noise_pred = model(x, t.full((n_samples,), n, device=x.device))
        x = (x - beta / (1 - alpha_bar).sqrt() * noise_pred) / alpha.sqrt() + beta.sqrt() * z  # line 4
        if return_all_steps:
            steps.append(x)
    return steps if return_all_steps else x  # line 6
    ### END SOLUTION


# %%
if MAIN:
    tests.part1.check_sample(sample)

# %% [markdown]
# <details>
# <summary>Hint 1: a question</summary>
#
# Which count does the network see first, and which last? What does Python's `range` need, to count down?
#
# </details>
#
# <details>
# <summary>Hint 2: a fact</summary>
#
# `range(T, 0, -1)` counts T, …, 1. The network wants a count for each image: `t.full((n_samples,), n)`, on the device
# of the images. `schedule.beta(n)` has shape (1,) and fits any image.
#
# </details>
#
# <details>
# <summary>Hint 3: the shape of the line</summary>
#
# Before the loop, `x = t.randn(n_samples, *model.img_shape, device=…)`. In it: `z`, noise or zeros;
# `noise_pred = model(x, …)`; and line 4, `x = (x - … * noise_pred) / … + … * z`. Collect each `x` in a list.
#
# </details>

# %%
if MAIN:
    model = toy_model()
    t.manual_seed(0)
    samples = sample(model, 12)
    utils.show_images([denormalize_img(image) for image in samples.cpu()])

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![Twelve small images in two rows. Each blends one colour into another, in other colours every time, with single pixels that stand out.](images/part1_samples.png)
#
# Twelve images that nobody has drawn: each a blend of two colours, and each visibly grainy. No two are alike.
#
# </details>

# %% [markdown]
# And the path of one image, from noise to gradient.

# %%
if MAIN:
    model = toy_model()
    t.manual_seed(1)
    steps = sample(model, 1, return_all_steps=True)
    some, more = [99, 80, 60, 40, 20, 10, 5, 0], [99, *range(96, -1, -4)]
    for show, left in [(utils.show_images, some), (utils.show_movie, more)]:
        images = [denormalize_img(steps[-1 - n][0]).cpu() for n in left]
        show(images, [f"{n} steps left" for n in left])

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![One image with 99, 80, 60, 40, 20, 10, 5 and 0 steps left: strong noise at first, then more and more green, at last a blend from blue-green to green with faint grain.](images/part1_way.png)
#
# ![The same way as a movie, four steps an image. Pixels of all colours turn greener from image to image and more alike, until they form a blend from blue-green to green with faint grain.](images/part1_way.gif)
#
# The colours settle first. The last steps take away grain, though not all of it.
#
# </details>

# %% [markdown]
# ## How good are they?
#
# Here it pays that you know the data completely. Every true image is a gradient: its colours lie on a plane. So find,
# for each sample, the gradient that fits it best, and measure the distance: the root of the mean squared difference
# (**rms**). True gradients have 0. And look at the corner colours of those fits: if the model painted the same image
# again and again, they would hardly vary, however smooth it is.

# %%
def gradient_fit(images: t.Tensor) -> tuple[float, float]:
    """How far images are from their best-fitting gradients, and how much the corner colours of the fits vary.
    images: (B, C, H, W) in [-1, 1]   returns: rms distance, standard deviation of the corner colours"""
    B, C, H, W = images.shape
    way = (t.arange(H).reshape(H, 1) + t.arange(W).reshape(1, W)) / (H + W - 2)
    basis = t.stack([1 - way.flatten(), way.flatten()], dim=1).to(images)  # first corner, last corner
    pixels = rearrange(images, "b c h w -> (h w) (b c)")
    corners = t.linalg.lstsq(basis, pixels).solution
    return (basis @ corners - pixels).square().mean().sqrt().item(), corners.std().item()


# %%
if MAIN:
    model = toy_model()
    t.manual_seed(0)
    samples = sample(model, 2000).cpu()
    data = normalize_img(gradient_images(2000, samples.shape[1:]))
    print("                    rms   corner colours")
    for name, images in [("data", data), ("samples", samples), ("noise", t.randn_like(data))]:
        rms, spread = gradient_fit(images)
        print(f"{name:15} {rms:7.3f} {spread:16.3f}")

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# The samples have an rms of 0.13, where true gradients have 0.000 and noise has 0.95. Their corner colours vary
# nearly as much as those of the data: 0.54 against 0.58. So the model paints gradients of all colours, and leaves
# grain on them. The network is small, and it has never seen an image as noisy as the one that sampling starts from.
#
# </details>

# %% [markdown]
# ## Bonus: three names for one guess
#
# Equation 4 ties three things together: $x_t = \sqrt{\bar\alpha_t}\, x_0 + \sqrt{1 - \bar\alpha_t}\, \epsilon$. The
# network is given $x_t$, so who guesses $\epsilon$ also guesses $x_0$, and the other way round:
#
# $$\epsilon = \frac{x_t - \sqrt{\bar\alpha_t}\, x_0}{\sqrt{1 - \bar\alpha_t}} \qquad
# x_0 = \frac{x_t - \sqrt{1 - \bar\alpha_t}\, \epsilon}{\sqrt{\bar\alpha_t}}$$
#
# A third choice, which Part 3 will try, is the "velocity" of [Salimans and Ho](https://arxiv.org/abs/2202.00512),
# $v = \sqrt{\bar\alpha_t}\, \epsilon - \sqrt{1 - \bar\alpha_t}\, x_0$. From it both others follow without any division:
#
# $$x_0 = \sqrt{\bar\alpha_t}\, x_t - \sqrt{1 - \bar\alpha_t}\, v \qquad
# \epsilon = \sqrt{1 - \bar\alpha_t}\, x_t + \sqrt{\bar\alpha_t}\, v$$
#
# (Put the definitions of $x_t$ and $v$ in: the mixed terms cancel, as $\bar\alpha_t + (1 - \bar\alpha_t) = 1$.) For
# exact answers, the three are the same. For a *network*, they are not: it may find one of them far easier. A gradient
# is smooth, noise is not. So take your `TinyDiffuser` for a guess of the clean image, and turn that into a guess of
# the noise. `Guesser` is what all such models have in common. Two things differ: what the network itself should answer
# (`target`, which Part 3 trains with), and how a guess of the noise is made of its answer (`forward`).

# %%
class Guesser(DiffusionModel):
    """A network that may guess something else, seen from outside as one that guesses the noise."""

    def __init__(self, network: DiffusionModel, noise_schedule: NoiseSchedule):
        super().__init__()
        self.network = network
        self.img_shape = network.img_shape
        self.noise_schedule = noise_schedule

    @abstractmethod
    def target(self, x0: t.Tensor, noise: t.Tensor, num_steps: t.Tensor) -> t.Tensor:
        """What the network should answer for x0 after num_steps steps with this noise.
        x0, noise: (B, C, H, W)   num_steps: (B,) int, 1 to T   returns: (B, C, H, W)"""


class ImageGuesser(Guesser):
    """The network guesses the clean image."""

    def target(self, x0: t.Tensor, noise: t.Tensor, num_steps: t.Tensor) -> t.Tensor:
        """The clean image."""
        return x0

    def forward(self, images: t.Tensor, num_steps: t.Tensor) -> t.Tensor:
        """Guess the noise.
        images: (B, C, H, W), noised   num_steps: (B,) int, 1 to T   returns: (B, C, H, W)"""
        alpha_bar = rearrange(self.noise_schedule.alpha_bar(num_steps), "b -> b 1 1 1")
        x0 = self.network(images, num_steps)
        return (images - alpha_bar.sqrt() * x0) / (1 - alpha_bar).sqrt()


# %% [markdown]
# `train` and `sample` take it as it is. Give it a schedule that reaches noise, too: ten times the $\beta$, which leaves
# 0.005 of the image after 100 steps.

# %%
if MAIN:
    t.manual_seed(0)
    config = toy_config()
    tiny = TinyDiffuserConfig(config["image_shape"], config["hidden_size"], config["max_steps"])
    betas = linear_schedule(config["max_steps"], min_noise=0.001, max_noise=0.2)
    schedule = NoiseSchedule(config["max_steps"], config["device"], betas)
    data = normalize_img(gradient_images(config["n_images"], config["image_shape"]))
    guesser = train(ImageGuesser(TinyDiffuser(tiny), schedule), config, TensorDataset(data))

    samples = sample(guesser, 2000).cpu()
    print("rms {:.3f}, corner colours {:.3f}".format(*gradient_fit(samples)))
    utils.show_images([denormalize_img(image) for image in samples[:12]])

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![Twelve small images in two rows, each a smooth blend of two colours without any grain.](images/part1_guesser.png)
#
# The same network, the same training time, and no grain: the rms is below 0.01, where it was 0.13. Do not compare the
# losses, though: on another schedule the task is another, and so is the best possible loss.
#
# </details>

# %% [markdown]
# ## Glossary: one thing, many names
#
# Half the difficulty of reading about diffusion is that everything has several names.
#
# | here | in code | other names, and what they mean |
# |---|---|---|
# | $\beta_t$, variance of one step's noise | `schedule.beta(n)` | all of them: variance schedule, noise schedule |
# | $\alpha_t = 1 - \beta_t$ | `schedule.alpha(n)` | beware: some papers write $\alpha_t$ for our $\bar\alpha_t$, or for its root |
# | $\bar\alpha_t$, share of the variance kept | `schedule.alpha_bar(n)` | its root is the signal rate, $\sqrt{1 - \bar\alpha_t}$ the noise rate; $\bar\alpha_t / (1 - \bar\alpha_t)$ is the signal-to-noise ratio |
# | $\epsilon$, noise of variance 1 | `noise`, `noise_pred` | up to a factor the **score**: the direction in which images get more likely is $-\epsilon / \sqrt{1 - \bar\alpha_t}$, on average |
# | fading and adding noise, so that variance 1 stays 1 | `q_eq4` | variance preserving (VP). Without the fading it is variance exploding (VE), as in EDM: $x_0 + \sigma \epsilon$ with $\sigma = \sqrt{1 - \bar\alpha_t} / \sqrt{\bar\alpha_t}$. Divide our $x_t$ by $\sqrt{\bar\alpha_t}$ to get there |
# | forward process | `q_eq2`, `q_eq4`, `noise_img` | q, diffusion process, noising, (fixed) encoder |
# | reverse process | `sample` | p, denoising, generation, (learned) decoder |
# | $t$, count of steps, and $T$ | `num_steps`, `max_steps` | timestep, noise level, time (often scaled to [0, 1]) |
# | $\epsilon_\theta$ | `model` | noise predictor, denoiser, score network |
# | mean squared error of the noise | `loss` | the "simple" loss (Equation 14). It is a reweighted form of the **ELBO** (evidence lower bound), a bound on how likely the data are under the model, from which the paper derives it |
# | Algorithm 2 | `sample` | ancestral sampling, DDPM sampler |

# %% [markdown]
# ## What you have now
#
# A whole diffusion model, which draws images that nobody has drawn before.
#
# - A **distribution** is a function on images, a **sample** is an image; the paper writes one, your code holds the
#   other.
# - The **forward process** q fades the image and adds noise, so that variance 1 stays variance 1. It has nothing to
#   learn.
# - $\beta_t$ is the variance of one step's noise, $\alpha_t = 1 - \beta_t$, and $\bar\alpha_t$ the product of the
#   first $t$ alphas.
# - `q_eq2` walks, `q_eq4` jumps, and both arrive at the same place: you measured the same mean and spread.
# - A **network** is trained to guess the noise in a noised image, at every count of steps (Algorithm 1). **Sampling**
#   starts from noise and takes a little of the guess away in each step (Algorithm 2).
# - `NoiseSchedule` holds $\beta$, $\alpha$ and $\bar\alpha$, `noise_img` noises a batch, `reconstruct` undoes it with
#   the noise.
# - $\sqrt{\bar\alpha_t}$ is what is left of the image. It comes near 0 only if the schedule is long enough, or its
#   $\beta$ large enough.
#
# The famous systems stand on this, each with something added:
#
# - [GLIDE](https://arxiv.org/abs/2112.10741) guides the sampling by a text: the network is also given a caption, and
#   the guess is pushed away from the one it makes without.
# - [DALL-E 2](https://arxiv.org/abs/2204.06125) first makes, from the text, a summary of the image (a CLIP
#   embedding), and then the image from the summary.
# - [Latent Diffusion](https://arxiv.org/abs/2112.10752) runs the whole process not on pixels but on the small codes
#   of an autoencoder, which saves most of the computing. Stable Diffusion is made this way.
# - [Imagen](https://arxiv.org/abs/2205.11487) takes a large language model, trained on text alone, to read the
#   caption, and a chain of diffusion models that make a small image and then enlarge it.
