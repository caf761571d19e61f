# %% [markdown]
# # Part 1: Diffusion on colour gradients
#
# A diffusion model paints by removing noise. It starts from a canvas of pure noise, asks a network "which part of this
# is noise?", takes away a little of the answer, and asks again. Here are 24 small canvases on that path:
#
# ![Twenty-four small squares of pixel noise. Over a hundred steps they turn into colour gradients, each from one colour to another, no two alike and none with any grain.](images/part1_friend.png)
#
# By the end of this part you'll have made this movie, with a network you trained yourself. Nobody drew these gradients,
# and none of them is a copy from the training data.
#
# You'll write a small version of all of it: the **forward process** that adds noise, a tiny network, its training loop,
# and the **reverse process** that draws. The guide is [Denoising Diffusion Probabilistic
# Models](https://arxiv.org/abs/2006.11239) (Ho, Jain and Abbeel, 2020), called "the paper" from here on. Keep it open
# at Section 2. The images are colour gradients, so training takes seconds and you can measure exactly how good the
# result is.
#
# **You need** some Python, PyTorch tensors, and the mean, variance and standard deviation of a normal distribution
# (called a Gaussian here). You don't need a GPU or an account anywhere. Allow three to four hours.

# %% [markdown]
# ## How to work
#
# 1. An exercise is a cell with the line `raise NotImplementedError(...)`. Replace that line with your code and run the
#    cell. If the cell itself shows an error, fix that first. Until it runs, Python keeps using your previous version.
# 2. Run the check in the next cell. It prints `ok` and what it has tried, or it tells you what it expected and what
#    it got. If it recognises the mistake, it asks you a question about it.
# 3. Below the check there are folded hints, each one step further than the last. After them come a way to go on without
#    the exercise, and the solution (unless your instructor has taken these two out). Click a triangle to unfold.
# 4. Then you'll see a figure that your code has made, with the expected picture folded under it.
#
# Some exercises ask for words instead of code. They have a text cell for your answer and, where there are solutions, a
# model answer to compare with. The dots in an exercise's first line say how hard it is, from ●○○○○ to ●●●●●.
#
# <details>
# <summary>Contents</summary>
#
# - [What is diffusion?](#What-is-diffusion?)
# - [Distributions and samples](#Distributions-and-samples)
# - [A data set you can hold in your head](#A-data-set-you-can-hold-in-your-head)
# - [Normalisation](#Normalisation)
# - [Adding noise](#Adding-noise)
# - [Do the two equations agree?](#Do-the-two-equations-agree?)
# - [A whole distribution at once](#A-whole-distribution-at-once)
# - [What a short schedule leaves behind](#What-a-short-schedule-leaves-behind)
# - [From one image to a batch](#From-one-image-to-a-batch)
# - [A first model](#A-first-model)
# - [Training](#Training)
# - [The best guess is an average](#The-best-guess-is-an-average)
# - [Where line 4 comes from](#Where-line-4-comes-from)
# - [Why the steps are small](#Why-the-steps-are-small)
# - [How good are they?](#How-good-are-they?)
# - [From the blob back to the square](#From-the-blob-back-to-the-square)
# - [Three names for one guess](#Three-names-for-one-guess)
# - [What you have now](#What-you-have-now)
# - [Something to show a friend](#Something-to-show-a-friend)
#
# </details>
#
# Start with the next three cells. They find the course's folder and check that everything you need is there, import it,
# and choose the device to compute on. There's nothing to work out in them. If one of them stops, it says what to do.

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

# %% tags=["folded"]
if MAIN:
    import tests.part1

    device = utils.get_device()
    t.set_num_threads(1)  # for images this small, more threads only wait for each other
    print(f"Ready. PyTorch {t.__version__} computes on: {device}")

# %% [markdown]
# ## What is diffusion?
#
# [FashionMNIST](https://github.com/zalandoresearch/fashion-mnist) holds 70,000 small pictures of clothes, 28 by 28
# pixels each, with grey values from 0 to 255. There are $256^{28 \cdot 28}$ possible pictures of that size, a number
# with 1,889 digits, and nearly all of them look like static. Now imagine a function that takes any picture and tells
# you how likely it is to be the next one if somebody went on collecting in the same way. It's nearly zero for static,
# nearly zero for a truck, and larger for a sandal. This function is the **data distribution**, and the 70,000 pictures
# are **samples** drawn from it. A *generative model* learns enough about the distribution, from samples alone, to draw
# new ones.
#
# How would you learn to make something as intricate as a sandal? Diffusion's answer is to destroy it slowly and watch.
# Add a little Gaussian noise to a picture, then a little more, until only noise is left. You know exactly what was done
# at each moment, so every picture gives you as many training examples as you like, each with its answer. Then train a
# network to undo one small step of the damage. Undoing one small step is a far easier task than painting a sandal. If
# the network can do it at every level of noise, you can start from static, apply it again and again, and arrive at a
# picture that could have been in the data.
#
# If you know data augmentation (training on slightly changed copies), note the difference. Augmentation claims that a
# speckled sandal is as good a sandal as the original. Diffusion tells the network how much noise there is and asks for
# it back. The idea is from [Sohl-Dickstein and others](https://arxiv.org/abs/1503.03585) (2015), who took it from the
# physics of a drop of ink that spreads in water.
#
# So there are two processes. The **forward process** adds noise and has nothing to learn. The **reverse process**, the
# path back, is learned.

# %% [markdown]
# ## Distributions and samples
#
# The paper's Section 2 is dense, but one question opens it. For each symbol, ask *is this a distribution or a sample?*
# A **distribution** is a function: it takes an image and returns how likely that image is. A **sample** is an image,
# which you get when you draw from a distribution. The paper writes distributions, $q$ for the data and the forward
# process, $p$ for the reverse process. Your code will hold samples.
#
# | symbol | kind | in plain words | in your code |
# |---|---|---|---|
# | $x_0$ | sample | a clean image, seen as one long list of $k$ = channels · height · width numbers | `x`, a tensor (C, H, W) |
# | $q(x_0)$ | distribution | the data distribution: how likely each image is | nothing; you only have samples of it |
# | $T$ | number | how many steps of noise there are at most | `max_steps` |
# | $t$ | number | the timestep: how many steps of noise an image has had, 1 to $T$ | `num_steps`; the name `t` is PyTorch's here |
# | $x_t$ | sample | the image after $t$ steps of noise | `xt`, with the shape of `x` |
# | $q(x_t \mid x_{t-1})$ | distribution | one step of the forward process. The bar reads "given": how likely each $x_t$ is, if the step began at this $x_{t-1}$ | one pass of a loop |
# | $\mathcal{N}(x; \mu, \Sigma)$ | distribution | a Gaussian. Before the semicolon is what you ask about, after it are the mean and the covariance, a table that says how the numbers vary, alone and together | see below |
# | $I$ | matrix | the table with 1 on the diagonal and 0 elsewhere: every number varies by itself, with variance 1 | `t.randn_like(x)` draws such numbers |
# | $p_\theta(x_{t-1} \mid x_t)$ | distribution | one step of the reverse process: a Gaussian whose mean comes from a network with weights $\theta$ ("theta") | the network, later |
# | $p(x_T)$ | distribution | where the path back starts: $\mathcal{N}(x_T; 0, I)$, noise of mean 0 and variance 1. Nothing is learned here, so $p$ has no $\theta$ | `t.randn(...)` |
#
# One line carries you from the paper to code. **To draw a sample from a Gaussian, scale noise and add the mean:**
#
# $$x \sim \mathcal{N}(\mu, \sigma^2 I) \quad \text{is} \quad x = \mu + \sigma \epsilon \quad \text{with} \quad
# \epsilon \sim \mathcal{N}(0, I)$$
#
# The sign $\sim$ reads "is drawn from". The paper gives you the *variance* $\sigma^2$, but your code needs the
# *standard deviation* $\sigma$, its square root. The noise $\epsilon$ ("epsilon") is what `t.randn_like(x)` draws.
#
# Now you can read Equation 1 of the paper as a recipe ($x_{0:T}$ means all images from $x_0$ to $x_T$, and $\prod$
# multiplies):
#
# $$p_\theta(x_{0:T}) = p(x_T) \prod_{t=1}^{T} p_\theta(x_{t-1} \mid x_t)$$
#
# In the language of distributions, you begin with one Gaussian and multiply by $T$ more, one a step. In the language
# of samples, you draw an image of pure noise, then $T$ times you draw a slightly cleaner one around the mean that the
# network proposes. The last one is $x_0$.

# %% [markdown]
# Here's all of it for an image of a single number, which is -1 in a third of the data and 1 in the rest. Each vertical
# slice shows how likely each value is at that timestep, and the lines are six images on their way. To the right, $q$
# adds noise until two narrow arms have become one broad Gaussian. To the left, $p$ has to find the arms again.

# %% tags=["folded"]
if MAIN:
    import matplotlib.pyplot as plt

    t.manual_seed(2)
    alphas = 1 - t.linspace(0.0001, 0.02, 1000)  # the paper's
    kept, x = alphas.cumprod(dim=0), t.tensor([-1.0, -1.0, 1.0, 1.0, 1.0, 1.0])
    paths = [x] + [x := alpha.sqrt() * x + (1 - alpha).sqrt() * t.randn(6) for alpha in alphas]
    values, spread = t.linspace(-3, 3, 301)[:, None], (1 - kept + 0.01 * kept).sqrt()
    low, high = (((values - arm * kept.sqrt()) / spread).square().mul(-0.5).exp() / spread for arm in (-1, 1))
    river = (low + 2 * high) / (low + 2 * high).amax(dim=0)  # each slice as dark as the others

    _, axis = plt.subplots(figsize=(utils.WIDE, 3.4), layout="constrained")
    axis.imshow(river.sqrt(), cmap="Blues", vmax=1.6, origin="lower", extent=(0, 1000, -3, 3), aspect="auto")
    axis.plot(t.stack(paths), color="black", lw=0.6)
    axis.set(xlabel="timestep", ylabel="the number", ylim=(-3, 3))
    axis.set_title("q adds noise  ⟶", loc="left")
    axis.set_title("⟵  p takes it off again", loc="right")
    utils.show()

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![A river that runs from left to right over a thousand timesteps. At first it has two narrow arms, at -1 and at 1. They widen, drift to the middle and become one broad stream around 0. Six thin black lines start in the arms and wander through the stream, ever more roughly.](images/part1_river.png)
#
# Follow one line to the right, and you see one sample of the forward process. No line goes straight back. From the
# middle of the right edge, both arms are possible.
#
# </details>

# %% [markdown]
# ### 1.1 Equation 2 in plain English
# *Explain every symbol, and the square root* · ●●○○○ · 10 minutes · Equation 2
#
# Each step of the forward process has a small number $\beta_t$ ("beta"):
#
# $$q(x_t \mid x_{t-1}) = \mathcal{N}\left(x_t;\ \sqrt{1 - \beta_t}\, x_{t-1},\ \beta_t I\right)$$
#
# 1. Say what each symbol means, and where the $\beta_t$ come from (the paper's Section 4 has a sentence about it).
# 2. Say what one step does to an *image*. Which two things happen to each of its numbers?
# 3. Why the square root? Look at one pixel across many images, and suppose that its value in $x_{t-1}$ varies from
#    image to image with variance 1. What's its variance in $x_t$? And what would it be with $1 - \beta_t$ instead of
#    the root? You need one rule: for independent $X$ and $Y$,
#    $\mathrm{Var}(aX + bY) = a^2\, \mathrm{Var}(X) + b^2\, \mathrm{Var}(Y)$.

# %% [markdown]
# ### BEGIN SOLUTION
# 1. q(xₜ | xₜ₋₁) is a distribution: how likely each image xₜ is, given the image xₜ₋₁ one step before. N( · ; mean,
#    covariance) says that it's a Gaussian. Its mean is √(1 − βₜ) xₜ₋₁, the same image, slightly faded. Its covariance
#    is βₜ I, so every number gets noise of variance βₜ, independent of all the others. βₜ lies between 0 and 1 (beyond
#    1 there would be no root). The βₜ are fixed before training: in the paper, β rises in a straight line from 0.0001
#    to 0.02. Nothing here is learned, so there's no θ.
# 2. Each number of the image is multiplied by √(1 − βₜ), a little under 1. Then √βₜ · ε is added, with a separate ε for
#    each number, drawn from a Gaussian of mean 0 and variance 1. The image fades a little and gets a little noise.
# 3. Use the rule with a = √(1 − βₜ) and b = √βₜ. The variance of xₜ is (1 − βₜ) · 1 + βₜ · 1 = 1, so a variance of 1
#    stays 1, and the image fades exactly as fast as the noise grows. With 1 − βₜ instead of the root you'd get
#    (1 − βₜ)² + βₜ, which is less than 1. With no factor at all it would be 1 + βₜ, and the numbers would grow with
#    every step. Images don't have to begin at variance 1 (the ones below have about 0.2). From any variance v, the next
#    one is (1 − βₜ) v + βₜ, and its distance from 1 is (1 − βₜ) v + βₜ − 1 = (1 − βₜ)(v − 1), a little smaller at each
#    step. So the variance approaches 1, which is the variance of the noise that the path back begins with.
# ### END SOLUTION

# %% [markdown]
# ## A data set you can hold in your head
#
# Photographs can wait. Your first images are **colour gradients**: a random colour in the top left corner blends
# evenly into a different random colour in the bottom right. Two colours of three numbers each decide everything, so you
# know this data distribution completely. That will let you measure what you can only guess at with photographs.

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
# They can be as small as you like. This one has 3 colour channels, 4 rows and 5 columns, so its $x_0$ is a list of
# $k = 60$ numbers.

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
# Picture values run from 0 (dark) to 1 (bright). Noise has mean 0, and networks learn more easily from numbers around
# 0, so all computation in this course works on images in **[-1, 1]**. There are two doors: `normalize_img` on the way
# in, and `denormalize_img` on the way out, whenever you want to look at something. The second also cuts off whatever
# noise has pushed out of range.

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
# The middle picture is what you get when you forget the second door. The lower half of the values is now below 0, and
# it's drawn as black.
#
# </details>

# %% [markdown]
# ## Adding noise
#
# Now write the forward process. You choose how much noise each step adds, then take the steps one by one, then all of
# them at once.

# %% [markdown]
# ### 1.2 Choose how much noise each step adds
# *Write the variance schedule* · ●○○○○ · 5 minutes · Section 4
#
# The **variance schedule** lists $\beta_1$ to $\beta_T$, where $\beta_t$ is the variance of the noise that step $t$
# adds. The paper fixes it before training: it rises in a straight line from 0.0001 to 0.02 over 1000 steps, with both
# ends included. The cells below mostly use 200 steps, because small experiments give answers quickly. You'll measure
# what that costs further down.

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
# `max_steps` numbers have `max_steps - 1` gaps between them, all the same size. PyTorch has a function for "this many
# evenly spaced numbers from here to there".
#
# </details>
#
# <details>
# <summary>Hint 3: the next step</summary>
#
# One call is enough. Look in PyTorch's documentation for a function whose name begins with `lin`, and read in which
# order it takes the first number, the last one, and how many.
#
# </details>

# %%
if MAIN:
    import matplotlib.pyplot as plt

    for max_steps, style in [(200, "--"), (1000, "-")]:
        plt.plot(range(1, max_steps + 1), linear_schedule(max_steps), style, label=f"T = {max_steps}")
    plt.xlabel("step t")
    plt.ylabel("variance β of its noise")
    utils.label_lines()
    utils.show()

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![Two straight lines that both rise from nearly 0 to 0.02, a dashed one within 200 steps and a solid one within 1000 steps.](images/part1_linear_schedule.svg)
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
# `num_steps` **counts** steps from 1, as the paper does, while Python counts indices from 0. So $\beta_1$ is
# `betas[0]`, and after `num_steps` steps the last one used is `betas[num_steps - 1]`. Leave `x` itself unchanged,
# because the caller still needs it. And don't call any variable `t`: that name is PyTorch's.

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
# What does one step take from the step before, and what does it need that's new?
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
# <summary>Hint 3: the next step</summary>
#
# Loop over the first `num_steps` entries of `betas`. In the loop, replace `x` by one draw from Equation 2's Gaussian:
# write down its mean first, then add the noise, which `t.randn_like(x)` draws for you.
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
# After 1 step you can't see a change, because the noise has a standard deviation of 0.01. After 50 steps the gradient
# is grainy but still clear. After 200 steps most of what you see is noise, though not all of it. How much is left?
# You'll know after the next exercise.
#
# </details>

# %% [markdown]
# And as a movie, with the same image after every tenth step. (It plays twice, then stops. Run the cell again to see it
# again.)

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
# ![A movie of the forward process, ten steps an image. The gradient from yellow to dark blue is clean at step 0 and grainy by step 20. Its colours drown in ever stronger noise, and at step 200 hardly a trace of it is left.](images/part1_forward.png)
#
# Each image is made from the one before it, so many grains keep their colour from one to the next. Nothing happens
# suddenly: no single step takes the image away.
#
# </details>

# %% [markdown]
# ### 1.4 Jump straight to step n
# *Write the forward process as one jump* · ●●○○○ · 10 minutes · Equation 4
#
# Follow two steps of your loop, with $\alpha_t = 1 - \beta_t$ ("alpha"). The image has become
# $\sqrt{\alpha_1 \alpha_2}\, x_0$. The first noise, of variance $1 - \alpha_1$, has faded once, and the second has been
# added, so their variance is $\alpha_2 (1 - \alpha_1) + (1 - \alpha_2) = 1 - \alpha_1 \alpha_2$. Independent Gaussians
# add up to a Gaussian, so two steps are one larger step, and so are any number:
#
# $$q(x_t \mid x_0) = \mathcal{N}\left(x_t;\ \sqrt{\bar\alpha_t}\, x_0,\ (1 - \bar\alpha_t) I\right)$$
#
# $$\bar\alpha_t = \alpha_1 \alpha_2 \cdots \alpha_t$$
#
# $\bar\alpha_t$ ("alpha bar") is the share of the image's variance that $t$ steps keep. The image itself keeps
# $\sqrt{\bar\alpha_t}$ of its strength. Write the jump without a loop, with a single draw of noise.

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
# In your loop, which numbers has x₀ been multiplied by after two steps? After three? And what's 1 minus the square of
# their product?
#
# </details>
#
# <details>
# <summary>Hint 2: a fact</summary>
#
# ᾱ is the product of the first `num_steps` entries of `1 - betas`. It's a single number. The image keeps √ᾱ of its
# strength, and the variance of the noise is 1 − ᾱ.
#
# </details>
#
# <details>
# <summary>Hint 3: the next step</summary>
#
# Compute ᾱ first, in a line of its own (tensors have a method `.prod()`). Then draw from a Gaussian once, the way you
# did in the loop, with Equation 4's mean and standard deviation.
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
# ![The same colour gradient after 1, 10, 50, 100 and 200 steps of Equation 4. It looks like the row of Equation 2, with different grain.](images/part1_q_eq4.png)
#
# The same picture as from Equation 2, with different grains, because the noise is new.
#
# </details>

# %% [markdown]
# A jump takes you to any step at once. Drag the slider in both directions (or click on it and use the arrow keys). From
# which step on would you no longer find the bright corner if you didn't know where it was?

# %%
if MAIN:
    t.manual_seed(21)
    betas = linear_schedule(max_steps=200)
    x = normalize_img(gradient_images(1, (3, 32, 32))[0])
    utils.show_slider(lambda n: denormalize_img(q_eq4(x, n, betas)), "step", first=1, last=len(betas))

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![A slider and an image that follows it, here at steps 1, 51, 100, 150 and 200: a gradient from yellow to dark blue that drowns in ever stronger noise.](images/part1_slider.png)
#
# The bright corner fades evenly, so there's no single step at which it goes.
#
# </details>

# %% [markdown]
# ## Do the two equations agree?
#
# They look alike, but they still would if one of them had a small mistake in it. So measure. Take an image that is 1
# everywhere. After noising, its **mean** tells you how much of the image is left, and its **standard deviation** how
# much noise is on it. The image has 196,608 numbers, so chance moves both by less than 0.01.

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
# deviation 0.35. After 200 steps about 0.36 is left (exactly 0.364), under noise of 0.93. Square the two numbers in a
# row and you get Equation 4's ᾱ and 1 − ᾱ, which add up to 1, apart from chance.
#
# </details>

# %% [markdown]
# ## A whole distribution at once
#
# So far you've followed single images. What happens to the *distribution*? To see one whole, take the smallest gradient
# there is: one channel, one row, two columns. Such an image is two numbers, the two corners' brightness, so it's a
# **point in a plane**. All pairs of brightnesses are equally likely, so the data
# distribution is an evenly filled square.

# %% tags=["folded"]
def cloud(images: t.Tensor) -> t.Tensor:
    """A picture of many two-pixel images as points in a plane, which shows -3 to 3 both ways.
    images: (B, 1, 1, 2)   returns: (1, 160, 160) in [0, 1]"""
    x, y = ((rearrange(images, "b 1 1 xy -> xy b").cpu().clamp(-2.99, 2.99) + 3) / 6 * 160).long()
    dots = t.zeros(1, 160, 160)
    dots[0, 159 - y, x] = 1
    return 1 - F.max_pool2d(dots, kernel_size=2, stride=1, padding=1)[:, :160, :160]  # two pixels wide


# %%
if MAIN:
    t.manual_seed(0)
    points = normalize_img(gradient_images(2000, (1, 1, 2)))
    betas = linear_schedule(max_steps=1000)
    steps = [1, 100, 200, 300, 500, 1000]
    utils.show_images([cloud(q_eq4(points, n, betas)) for n in steps], [f"after step {n}" for n in steps])

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![Six clouds of two thousand points each. After 1 step they fill a square evenly. After 100 the square's edges are frayed and its corners are rounded, and from 300 on the cloud is a round blob, densest in the middle and much wider than the square.](images/part1_cloud.png)
#
# Every point does the same two things as every pixel before: it moves a little towards the middle and takes a random
# step. A square of probability becomes a round blob, and nothing in the blob tells you that it used to be a square.
#
# </details>

# %% [markdown]
# Move the points yourself. By which step can you no longer tell the square's corners?

# %%
if MAIN:
    t.manual_seed(0)
    points = normalize_img(gradient_images(2000, (1, 1, 2)))
    betas = linear_schedule(max_steps=1000)
    utils.show_slider(lambda n: cloud(q_eq4(points, n, betas)), "step", first=1, last=len(betas))

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![A slider and a cloud that follows it, here at steps 1, 251, 500, 750 and 1000: a square of points whose corners dissolve, and then a round cloud.](images/part1_cloud_slider.png)
#
# The corners are the first to go.
#
# </details>

# %% [markdown]
# Now you know what a generative model has to do: lead the blob back to the square, through the same clouds in the
# opposite order.

# %% [markdown]
# ## What a short schedule leaves behind
#
# The path back begins at $p(x_T) = \mathcal{N}(0, I)$, noise and nothing else. So the forward process had better arrive
# there, with $\sqrt{\bar\alpha_T}$ near 0. You've just measured that 200 steps don't: about 0.36 of the image is left.
# How many does it take?

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
# ![Three falling curves of what is left of the image against the step. With 100 steps the curve stops at 0.603, with 200 at 0.364, and with 1000 it comes down to 0.006.](images/part1_short_schedules.svg)
#
# </details>

# %% [markdown]
# You can look for the leftover, too. Average the noised image over blocks of 32 by 32 pixels. The independent noise
# nearly cancels, and what's left of the image stays.

# %%
if MAIN:
    t.manual_seed(21)
    x = normalize_img(gradient_images(1, (3, 128, 128))[0])
    ends = [q_eq4(x, max_steps, linear_schedule(max_steps)) for max_steps in [100, 200, 1000]]
    images = [x, *ends, t.randn_like(x)]
    titles = ["clean", "end, T = 100", "end, T = 200", "end, T = 1000", "noise alone"]
    averages = [F.avg_pool2d(image, 32) for image in images]
    utils.show_images([denormalize_img(average) for average in averages], titles)

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![Five squares of four by four blocks each. The clean image runs from yellow in the top left to dark blue in the bottom right; the end of 100 steps shows the same, with less contrast; the end of 200 steps with less again; the end of 1000 steps and noise alone are both an even grey with faint random tints.](images/part1_ends.png)
#
# The ends of 100 and 200 steps still show the gradient. You can't tell the end of 1000 steps from noise.
#
# </details>

# %% [markdown]
# Only the paper's 1000 steps get there, with 0.006 of the image left. With the same $\beta$ from 0.0001 to 0.02, 200
# steps leave 0.36 and 100 steps leave 0.60. The reason is a sum. For small $\beta$, $\ln(1 - \beta) \approx -\beta$, so
# $\bar\alpha_T \approx e^{-(\beta_1 + \dots + \beta_T)}$. The average $\beta$ is about 0.01, so the sum is about
# $T / 100$. For $T = 200$ that gives $\bar\alpha_T \approx e^{-2}$, and its root is 0.37, close to the exact 0.364. If
# you want fewer steps, you have to raise $\beta$.
#
# This isn't a bug in your code, and it isn't only a toy's problem. Stable Diffusion was trained with a schedule that
# leaves 0.068 of the image, and [Lin and others](https://arxiv.org/abs/2305.08891) found that this is why it struggled
# to paint very dark or very bright pictures. Does the leftover hurt your gradients? You'll test it at the end.

# %% [markdown]
# ## From one image to a batch
#
# Training works on batches of images, shape (B, C, H, W), and every image in a batch gets a different amount of noise.
# You'll prepare for that with three small pieces: a home for the schedule, Equation 4 for a batch, and its inverse.

# %% [markdown]
# ### 1.5 Give the schedule a home
# *Write a module that holds β, α and ᾱ* · ●●○○○ · 15 minutes · Section 2
#
# Training and sampling look up $\beta$, $\alpha$ and $\bar\alpha$ all the time. Compute the three vectors once and keep
# them in a module as **buffers**. A buffer is a tensor that moves with its module (`.to(device)`) and is saved with it,
# but isn't trained. PyTorch's `register_buffer(name, tensor)` makes one.
#
# Timesteps start at 1, as before, so `schedule.beta(1)` is `betas[0]`. The method `rows` is given. It turns one
# timestep or a batch of them into indices, so one timestep gives shape (1,), and B timesteps give shape (B,). It also
# refuses timesteps that don't exist. Without it, `betas[0 - 1]` would quietly give you the last one. (For a plain int,
# the check accepts a number without an axis, too.)

# %%
class NoiseSchedule(nn.Module):
    """The vectors β, α and ᾱ of one schedule, looked up by timestep, 1 to T."""

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
        """Given: timesteps 1 to T as indices 0 to T - 1, an int tensor (1,) or (B,)."""
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
# In `q_eq4` you needed the product of the first few alphas. Here you need it for every timestep. Which of PyTorch's
# functions gives you all those products at once?
#
# </details>
#
# <details>
# <summary>Hint 2: a fact</summary>
#
# `cumprod` gives running products: index 0 holds the first alpha, index 1 the product of the first two, and so on. You
# can index a tensor with a tensor, and `vector[rows]` then has the shape of `rows`.
#
# </details>
#
# <details>
# <summary>Hint 3: the next step</summary>
#
# In `__init__`, register three buffers under the names that the class declares, then move the module to `device`. Each
# of the three methods is one line: index the right buffer with what `self.rows` makes of `num_steps`.
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
    utils.label_lines()
    utils.show()

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![Three curves against the step. Alpha, dashed, stays just below 1. Beta, dotted, stays just above 0. Alpha bar, solid, falls from 1 to 0.13 within 200 steps.](images/part1_noise_schedule.svg)
#
# No single step does much: α never falls below 0.98. All 200 together leave 0.13 of the variance, and the root of that
# is the 0.36 you know.
#
# </details>

# %% [markdown]
# ### 1.6 Noise a batch of images
# *Give each image its own timestep* · ●●●○○ · 15 minutes · Equation 4
#
# The network has to learn from images at every level of noise. So each image draws its own timestep, from 1 to
# `max_steps` with equal chance, whatever the others draw, and its own noise. Equation 4 does the rest. Return all
# three, on the images' device. A network will see `noised` and `num_steps`, and has to guess `noise`. That's *all* the
# noise in the image, not the last step's share of it. The share follows from it, as you'll see in "Where line 4 comes
# from".
#
# Watch the shapes. $\bar\alpha$ has shape (B,) and the images have (B, C, H, W). PyTorch lines shapes up from the
# *right*, so B would meet W. Make it (B, 1, 1, 1) first with einops, which names the axes before and after the arrow:
# `rearrange(a, "b -> b 1 1 1")`.

# %%
def noise_img(
    img: t.Tensor, noise_schedule: NoiseSchedule, max_steps: int | None = None
) -> tuple[t.Tensor, t.Tensor, t.Tensor]:
    """Noise each image to a random timestep of its own (Equation 4).
    img: (B, C, H, W) in [-1, 1]   max_steps: the largest timestep, T if None
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
# How many timesteps do you have to draw, and how many numbers of noise?
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
# <summary>Hint 3: the next step</summary>
#
# Draw the timesteps, then the noise. Look up ᾱ for all timesteps in one call, and reshape it. What's left is the line
# you know from `q_eq4`, with the noise you have already drawn.
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
# One image, six copies in a batch, six timesteps. The later the timestep, the more noise.
#
# </details>

# %% [markdown]
# ### 1.7 Take the noise off again
# *Solve Equation 4 for the clean image* · ●●○○○ · 10 minutes · Equation 4
#
# If you know the noise, you can undo Equation 4: subtract the scaled noise, then make up for the fading. During
# training you'll put the network's *guess* of the noise in here, and see at a glance how good it is. A guess can lead
# outside [-1, 1]. You may clamp the result to that range or leave it as it is. The check accepts both.

# %%
def reconstruct(
    noisy_img: t.Tensor, noise: t.Tensor, num_steps: t.Tensor, noise_schedule: NoiseSchedule
) -> t.Tensor:
    """The clean image that this noise belongs to: Equation 4, solved for x0, clamped to [-1, 1] or not.
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
# In the line `noised = …` of `noise_img`, you now know everything but the image. How do you solve it for the image?
#
# </details>
#
# <details>
# <summary>Hint 2: a fact</summary>
#
# xₜ = √ᾱ x₀ + √(1 − ᾱ) ε, so √ᾱ x₀ = xₜ − √(1 − ᾱ) ε.
#
# </details>
#
# <details>
# <summary>Hint 3: the next step</summary>
#
# Look up and reshape ᾱ as you did in `noise_img`. Then write Hint 2's equation in code, divide by √ᾱ, and check your
# parentheses: is the whole difference divided?
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
# With the true noise you get the clean image back. If you overlook a tenth of the noise, grain remains, and it's
# divided by √ᾱ. So the noisier the image, the more a small error in the guessed noise shows.
#
# </details>

# %% [markdown]
# ## A first model
#
# Now for the network that guesses the noise. `train` and `sample` below work with any module that has three things: the
# shape of its images, a noise schedule (once it's trained), and a `forward` that takes noised images with their
# timesteps and returns a guess of the noise. `ABC` and `abstractmethod` only make sure that nobody forgets the last
# one.

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
# *Write a small MLP that guesses the noise* · ●●○○○ · 10 minutes · Section 3.2, Equation 11
#
# For gradients, an MLP (multi-layer perceptron) will do: two linear layers with a ReLU between them. It takes one
# list of numbers per image, which holds the pixels and the timestep, because a noisy image calls for a different
# guess from a clean one. Scale the timestep to [0, 1], so that it isn't a hundred times as large as a pixel. The
# guess has the shape of the images.

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
# An image of 60 numbers and one timestep go in. How many numbers go into the first layer, and how many come out of the
# second?
#
# </details>
#
# <details>
# <summary>Hint 2: a fact</summary>
#
# `t.cat([a, b], dim=1)` puts (B, m) and (B, n) side by side, giving (B, m + n). `rearrange(images,
# "b c h w -> b (c h w)")` lays each image out as one list, and `math.prod` multiplies the numbers of a shape.
#
# </details>
#
# <details>
# <summary>Hint 3: the next step</summary>
#
# Build the three layers in `__init__`, for example as one `nn.Sequential`. In `forward`, make a column of the scaled
# timesteps, join it to the flattened images, apply the layers, and give the result the images' shape.
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
# An untrained network guesses small numbers around 0, which show as greyish tints, and much the same ones for every
# image. It doesn't know anything about noise yet.
#
# </details>

# %% [markdown]
# ## Training
#
# You show the network a noised image, and compare its guess with the noise that's really in it. The loss is the mean
# squared error (Equation 14). Where does that come from?
#
# The paper starts from a different question: how likely are the training images under the model? The exact answer is
# out of reach, but there's a lower bound for it, the **ELBO** (evidence lower bound). It compares each step back with
# the true one, which you can compute if you know the clean image (exercise 1.12). Both are Gaussians, so each
# comparison comes down to a squared distance between two means, and the only unknown in those means is the noise.
# What's left is the same squared error, but with a weight for each timestep (the paper's Equation 12). With $\beta_t$
# as the variance of each step back, the weight is $\beta_t / (2 \alpha_t (1 - \bar\alpha_t))$. Equation 14 throws the
# weights away and gives every timestep a 1.
#
# Make a guess before you run the next cell. Which timesteps matter most to the ELBO, those with hardly any noise or
# those with hardly any image? And how many times more than the least important ones?

# %%
if MAIN:
    import matplotlib.pyplot as plt

    schedule = NoiseSchedule(max_steps=1000, device="cpu")
    steps = t.arange(1, len(schedule) + 1)
    beta, alpha, alpha_bar = schedule.beta(steps), schedule.alpha(steps), schedule.alpha_bar(steps)
    plt.plot(steps, beta / (2 * alpha * (1 - alpha_bar)), "-", label="the ELBO (Equation 12)")
    plt.plot(steps, t.ones_like(beta), "--", label="the simple loss (Equation 14)")
    plt.plot(steps, 1 / alpha_bar, ":", label="squared error of v (last in this part)")
    plt.xscale("log")
    plt.yscale("log")
    plt.xlabel("timestep")
    plt.ylabel("weight of the noise's squared error")
    utils.label_lines()
    utils.show()

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![Three curves of weights against the timestep, both on logarithmic scales. The weight in the ELBO, solid, is a half at timestep 1, falls steeply to a hundredth at timestep 100 and stays near that. The simple loss, dashed, is 1 throughout. The error of v, dotted, is 1 for the first hundred timesteps and then climbs beyond ten thousand.](images/part1_weights.png)
#
# The ELBO cares most about images with hardly any noise. Its weight is 0.50 at timestep 1, 0.074 at 10 and 0.010 at
# 100, and from there on between 0.005 and 0.010. So it weighs grain that nobody can see up to a hundred times as
# heavily as the noise that hides the picture. The simple loss moves the network's effort to the noisier images, where
# it's decided what the picture will be. It's no longer a bound on the likelihood, but the paper's pictures get much
# better. Their FID, a distance to real pictures that should be small, drops from 13.51 to 3.17. (Part 3 builds a
# distance like this.)
#
# The dotted curve is for later. A network that guesses v instead of the noise is pushed hardest where there's almost
# nothing but noise.
#
# </details>

# %% [markdown]
# ### 1.9 Algorithm 1 line by line
# *Say what each line does, and the shape of everything in it* · ●●○○○ · 10 minutes · Algorithm 1
#
# Find Algorithm 1 in the paper, at the top of page 4. For a minibatch of B images, what does each of its lines 2 to 5
# mean in plain English, and what shape does each thing in it have? Which function of yours does which line? And line 6
# says "until converged". What would you do?
#
# (Uniform means that all are equally likely. $\epsilon_\theta$ is the network with its weights $\theta$, and
# $\nabla_\theta$ is the gradient with respect to them.)

# %% [markdown]
# ### BEGIN SOLUTION
# - **Line 2**, x₀ ~ q(x₀): draw a minibatch of clean images from the training data. Shape (B, C, H, W).
# - **Line 3**, t ~ Uniform({1, …, T}): draw a timestep for each image, 1 and T included, all equally likely. Shape
#   (B,), whole numbers. `noise_img` does this.
# - **Line 4**, ε ~ N(0, I): draw noise, not scaled by anything, one number for each number of the images. Shape
#   (B, C, H, W). `noise_img` does this, too.
# - **Line 5**: noise the images, √ᾱₜ x₀ + √(1 − ᾱₜ) ε (Equation 4 again, shape (B, C, H, W); ᾱₜ has shape (B,) and
#   becomes (B, 1, 1, 1)). Give them to the network ε_θ together with the timesteps (B,). It guesses noise,
#   (B, C, H, W). The loss is the mean of the squared differences to ε, a single number. ∇_θ says: take a step down its
#   gradient with respect to the weights θ.
# - **Line 6**: "converged" is left open. In practice you train for a fixed number of passes over the data (epochs), and
#   look at the loss on images that you don't train on. When it no longer falls, more training won't help.
# ### END SOLUTION

# %% [markdown]
# While the network trains, you'll want to see more than a number. This function is given. It makes one picture per
# image, with the truth in the top row and the network's guess in the bottom row. Your `reconstruct` makes the last
# third of the guess.

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
# *Write Algorithm 1* · ●●●○○ · 20 minutes · Algorithm 1
#
# Two places are yours. At the first, make an `optimizer`: `t.optim.Adam` with the learning rate `lr`. At the second,
# write lines 2 to 5 for the minibatch in `rows`, then take a step of the optimizer. Call things `x0`, `num_steps`,
# `noise`, `noised`, `noise_pred` and `loss`, because the given lines below use these names.
#
# Everything else is given. It moves model and data to the device, makes a schedule if the model has none, and logs
# losses and pictures to a run of Weights & Biases, a service that keeps the curves of your training runs. (Without an
# account, they stay on this machine.) If you stop the cell, `train` still returns the model.

# %%
def train(
    model: DiffusionModel,
    config_dict: dict[str, Any],
    trainset: TensorDataset,
    testset: TensorDataset | None = None,
) -> DiffusionModel:
    """Train a model to guess noise (Algorithm 1), with Adam; a schedule that the model already has stays.
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
        # first place: the optimizer
        ### BEGIN SOLUTION
        optimizer = t.optim.Adam(model.parameters(), lr=config["lr"])
        ### END SOLUTION
        step = 0
        for _ in range(config["epochs"]):  # lines 1 and 6: repeat until converged
            order = t.randperm(len(images), device=device)
            for rows in order.split(config["batch_size"]):
                # second place: lines 2 to 5, and a step of the optimizer
                ### BEGIN SOLUTION
                x0 = images[rows]  # line 2
                num_steps, noise, noised = noise_img(x0, schedule)  # lines 3 and 4
                noise_pred = model(noised, num_steps)
                loss = F.mse_loss(noise_pred, noise)  # line 5
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                ### END SOLUTION
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
    return model


# %%
if MAIN:
    tests.part1.check_train(train)

# %% [markdown]
# <details>
# <summary>Hint 1: a question</summary>
#
# Which of lines 2 to 5 does `noise_img` do for you? What's left between its three results and a loss?
#
# </details>
#
# <details>
# <summary>Hint 2: a fact</summary>
#
# `images[rows]` are the images of this minibatch. A training step always ends with the same three lines: set the old
# gradients to zero, compute new ones (`loss.backward()`), and let the optimizer take its step. `F.mse_loss` is the mean
# squared error.
#
# </details>
#
# <details>
# <summary>Hint 3: the next step</summary>
#
# Take the minibatch, noise it, and ask the model for its guess. It needs the noised images and their timesteps, and
# nothing else. Compare the guess with the noise that `noise_img` returned, then write Hint 2's three lines.
#
# </details>

# %% [markdown]
# Now for real: 50,000 gradients of 60 numbers each, 20 epochs, a schedule of 100 steps. It takes seconds.

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
# ![Training and test loss against the training step. The training loss falls from about 1 to 0.3 within the first few hundred steps, then slowly and with many small jumps into the grey strip around 0.2. The test loss, a dashed line that begins after the first epoch, runs through the middle of it.](images/part1_losses.svg)
#
# The loss starts near 1. A network that answers 0 is off by the noise itself, whose variance is 1. It ends at about
# 0.20, in the grey strip where three other runs of this network ended. The test loss follows, because 50,000 images are
# too many to memorise. Single batches jump up and down, because each one draws new timesteps and new noise.
#
# Is 0.20 good? For this data you can work out the best possible guess, and its loss is 0.076. Even the best guess isn't
# perfect: where several gradients fit the noised image, nobody can tell the noise exactly. So there's room for
# improvement, and you'll see it in the samples.
#
# </details>

# %% [markdown]
# What does a loss of 0.20 look like? Here are the last pictures that were logged, with the truth in the top row and the
# network's guess in the bottom row.

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
# The guessed noise resembles the true noise. The reconstruction to its right shows you better how good the guess is:
# it's close to the truth where there was little noise, and rough where there was a lot.
#
# </details>

# %% [markdown]
# ## The best guess is an average
#
# Your network can tell noise from image. Before you let it paint, find out what its answer *is*.
#
# Take the smallest image there is: one pixel, black (-1) or white (1), each half the time. Somebody adds a lot of noise
# and shows you 0.1. You have to name the clean pixel, and you pay the *squared* error. What do you say?
#
# Not white, although it's a little more likely, because you'd pay $2^2 = 4$ nearly half the time. The cheapest answer
# is the **average of everything that fits**, each weighted by how well it fits. (A clean image fits well if little
# noise leads from it to what you see.) Here that's a grey that never occurs in the data. This holds for every squared
# error: for any answer $a$, the expected cost is the variance of the truth plus $(a - \text{average})^2$, and only the
# second part is yours to lower. So a network trained with squared error answers with an average.

# %%
def what_fits(xt: t.Tensor, data: t.Tensor, alpha_bar: t.Tensor) -> tuple[t.Tensor, t.Tensor]:
    """The average of the clean images that fit noised ones, each weighted by how well it fits (Equation 4).
    xt: (B, k), noised   data: (N, k), all clean images there are   alpha_bar: one number
    returns: the weights (B, N), whose rows add up to 1, and the averages (B, k)"""
    squared_noise = (xt[:, None] - alpha_bar.sqrt() * data).square().sum(dim=-1) / (1 - alpha_bar)
    weights = (-squared_noise / 2).softmax(dim=1)
    return weights, weights @ data


# %% tags=["folded"]
if MAIN:
    import matplotlib.pyplot as plt

    schedule, pixels = NoiseSchedule(max_steps=1000, device="cpu"), t.tensor([[-1.0], [1.0]])  # black and white
    x = t.linspace(-2.4, 2.4, 201)
    _, axes = plt.subplots(1, 3, figsize=(utils.WIDE, 2.8), sharey=True, layout="constrained")
    for axis, n in zip(axes, [100, 300, 500], strict=True):
        signal, variance = schedule.alpha_bar(n).sqrt(), 1 - schedule.alpha_bar(n)
        hill = (-((x - signal * pixels) ** 2) / (2 * variance)).exp().sum(dim=0)
        guess = what_fits(x[:, None], pixels, signal**2)[1].flatten()
        score = (signal * guess - x) / variance  # the slope of the hill's logarithm
        axis.fill_between(x, 0.6 * hill / hill.max(), color="lightgrey", label="how likely xₜ is")
        axis.plot(x, guess, lw=2, label="the best guess of x₀")
        where, arrows, scale = x[::20], score[::20], 12 * score.abs().max().item()
        axis.quiver(where, 0 * where - 1.35, arrows, 0 * arrows, color="C3", scale=scale, width=0.01)
        axis.set(title=f"after step {n}", xlabel="the noised pixel xₜ", ylim=(-1.7, 1.6))
    axes[2].legend(loc="upper left", fontsize=8)
    utils.show()

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![Three panels, after 100, 300 and 500 steps. Grey hills show how likely each noised value is: two separate hills, then one broad one, then one round one. The curve of the best guess is a steep step from -1 to 1 at first, then a gentle slope, at last nearly a straight line. A row of arrows below points towards the hills: to the nearer of the two at first, later to the middle.](images/part1_average.png)
#
# After 100 steps the two hills are apart, and the best guess is black or white. After 500 steps they've merged, and
# near the middle the best guess is grey. The arrows come up in a moment.
#
# </details>

# %% [markdown]
# The same with your cloud. Noise 2,000 two-pixel images to step $n$, and let the best guess take each of them back in
# one jump. The average is over those 2,000 points, so nobody could guess better. Which shape will you get from step
# 1000?

# %%
if MAIN:
    t.manual_seed(0)
    points = normalize_img(gradient_images(2000, (1, 1, 2)))
    schedule, steps = NoiseSchedule(max_steps=1000, device="cpu"), [1, 100, 200, 300, 500, 1000]
    jumps = []
    for n in steps:
        noised = q_eq4(points, n, schedule.betas)
        averages = what_fits(noised.flatten(1), points.flatten(1), schedule.alpha_bar(n))[1]
        jumps.append(cloud(averages.reshape(points.shape)))
    utils.show_images(jumps, [f"jump from {n}" for n in steps])

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![Six clouds of points. The jumps from step 1 fill the square. From step 100 on the cloud is smaller and smaller, with rounder corners each time, and the jumps from step 1000 all land on one dot in the middle.](images/part1_jumps.png)
#
# From little noise, the jump finds the square again. From a lot of noise, every point lands near the middle, because
# everything fits and the average of everything is grey.
#
# </details>

# %% [markdown]
# Three things follow.
#
# - **One jump to the clean image blurs.** Where there's a lot of noise, many images fit, and their average is a smear.
#   It's the right answer to the question that squared error asks, and a bad picture.
# - **A noise guess is an average, too.** $x_t$ is known, so a guess of $\epsilon$ fixes a guess of $x_0$ (that's
#   `reconstruct`), and the best noise guess belongs to the average image. The 0.076 above is this guess's loss.
# - **The average noise, with its sign turned, points uphill.** The hill over $x_t$ is a mixture of Gaussians, one
#   around each faded clean image. At $x_t$, the logarithm of one of them has the slope
#   $-(x_t - \sqrt{\bar\alpha_t}\, x_0) / (1 - \bar\alpha_t)$, which is $-\epsilon / \sqrt{1 - \bar\alpha_t}$. The slope
#   of the mixture's *logarithm* is the average of these, weighted by how well each fits, because
#   $(\ln(g_1 + g_2))' = (g_1' + g_2') / (g_1 + g_2)$ and $g' = g \cdot (\ln g)'$. It's
#   $-\mathrm{E}[\epsilon \mid x_t] / \sqrt{1 - \bar\alpha_t}$, where $\mathrm{E}$ means the average. This slope is the
#   **score**. It says in which direction a noised image gets more likely fastest, and the arrows in the picture show
#   it.
#
# So when you trained a network to guess noise, you taught it which way is uphill, without ever computing how high the
# hill is. [Song and Ermon](https://arxiv.org/abs/1907.05600) (2019) came to the same training from this side.

# %% [markdown]
# ### 1.11 Algorithm 2 line by line
# *Say what each line does* · ●●○○○ · 10 minutes · Algorithm 2
#
# Find Algorithm 2 in the paper, beside Algorithm 1. For a batch of B images, say what each line does, and give the
# shapes. Then:
#
# 1. Which timesteps does the network see, and in which order?
# 2. Line 4 takes away some of the noise that the network guesses, but not all of it. Why wouldn't you use
#    `reconstruct`, which takes away all of it at once?
# 3. Why does line 4 add new noise, and why not in the last step? ($\sigma_t$ is the standard deviation of the new
#    noise. The paper tries two choices. Use $\sigma_t^2 = \beta_t$.)

# %% [markdown]
# ### BEGIN SOLUTION
# - **Line 1**: draw x_T, an image of pure noise for each sample, (B, C, H, W).
# - **Line 2**: go through the timesteps T, T − 1, …, 1. The network sees all of them, the largest first, and the same
#   one for all B images, (B,).
# - **Line 3**: draw fresh noise z, (B, C, H, W). In the last step, at timestep 1, z is 0.
# - **Line 4**: ε_θ(xₜ, t) is the guessed noise. Subtract βₜ / √(1 − ᾱₜ) times it (the paper writes 1 − αₜ, which is
#   βₜ), divide by √αₜ, which undoes the fading of one step, and add σₜ z with σₜ = √βₜ. All factors are single numbers,
#   the same for all images.
# - **Line 6**: return x₀.
#
# 1. T down to 1, each of them once.
# 2. Where there's a lot of noise, many images fit, and the network answers with their average. `reconstruct` would give
#    you that average, a blurred image. After one small step the image is a little clearer, fewer images fit, and the
#    next average is a little sharper. (A second reason: `reconstruct` divides the error of a noise guess by √ᾱₜ, which
#    is small when there's a lot of noise.)
# 3. The path back is a chain of draws from Gaussians (Equation 1), and line 4 is one of them. Its first part is the
#    mean, and σₜ z is the spread. If you leave out the noise, the samples crowd towards the middle of what's possible:
#    with the network of this part, their corner colours then vary by 0.38 instead of 0.54. They do look smoother, but
#    smooth isn't right. After the last step nothing cleans up, so noise added there would stay in the picture.
# ### END SOLUTION

# %% [markdown]
# ## Where line 4 comes from
#
# Line 4 is
#
# $$x_{t-1} = \frac{1}{\sqrt{\alpha_t}}
# \left(x_t - \frac{\beta_t}{\sqrt{1 - \bar\alpha_t}}\, \epsilon_\theta(x_t, t)\right) + \sigma_t z$$
#
# You can derive it from what you know about Gaussians.
#
# 1. The noise in $x_t$ has variance $1 - \bar\alpha_t$, and the last step brought $\beta_t$ of it.
# 2. If $A$ and $B$ are independent Gaussians of mean 0 with variances $a$ and $b$, and you know only their sum, then
#    your best guess of $B$ is its share of the variance, $\frac{b}{a + b}$, times the sum. (Plot $B$ against the sum.
#    The slope of the best line is their covariance, $b$, divided by the sum's variance, $a + b$.)
# 3. The sum is $\sqrt{1 - \bar\alpha_t}\, \epsilon$ and the share is $\frac{\beta_t}{1 - \bar\alpha_t}$, so the best
#    guess of the last step's noise is $\frac{\beta_t}{\sqrt{1 - \bar\alpha_t}}\, \epsilon$.
# 4. Subtract that from $x_t$ and undo the step's fading by dividing by $\sqrt{\alpha_t}$. Put the network's guess in
#    place of $\epsilon$, and you have line 4's mean.
# 5. What you still don't know about $B$ has variance $b - \frac{b^2}{a + b} = \frac{ab}{a + b}$, and divided by
#    $\alpha_t$ that's $\tilde\beta_t = \frac{1 - \bar\alpha_{t-1}}{1 - \bar\alpha_t} \beta_t$, the paper's other choice
#    of $\sigma_t^2$.
#
# (For sentence 5, $a$ is the older noise after the last fading, $\alpha_t (1 - \bar\alpha_{t-1})$.) The paper does the
# same calculation in a different order: it first takes $x_0$ as known and asks where $x_{t-1}$ was.

# %% [markdown]
# ### 1.12 One step back, if you knew the image
# *Write the mean and variance of xₜ₋₁, given xₜ and x₀* · ●●●○○ · 15 minutes · Equations 6 and 7
#
# Suppose somebody tells you the clean image. Then you know two things about $x_{t-1}$. The forward process reached it
# from $x_0$ in $t - 1$ steps (Equation 4), and left it for $x_t$ in one more (Equation 2). Together, these two
# Gaussians give one Gaussian for $x_{t-1}$, the **posterior**. Equations 6 and 7 have its mean and variance. Write
# them for a batch.
#
# One thing isn't in your schedule: $\bar\alpha_{t-1}$ at $t = 1$. What must it be, and can you get it from what you can
# look up?

# %%
def posterior(
    xt: t.Tensor, x0: t.Tensor, num_steps: t.Tensor, noise_schedule: NoiseSchedule
) -> tuple[t.Tensor, t.Tensor]:
    """Where an image was one step earlier, given where it is and where it began (Equations 6 and 7).
    xt: (B, C, H, W), after num_steps steps   x0: (B, C, H, W), clean   num_steps: (B,) int, 1 to T
    returns: mean (B, C, H, W) and variance (B, 1, 1, 1) of the image after num_steps - 1 steps"""
    ### BEGIN SOLUTION
    beta = rearrange(noise_schedule.beta(num_steps), "b -> b 1 1 1")
    alpha = rearrange(noise_schedule.alpha(num_steps), "b -> b 1 1 1")
    alpha_bar = rearrange(noise_schedule.alpha_bar(num_steps), "b -> b 1 1 1")
    alpha_bar_before = alpha_bar / alpha  # 1 where num_steps is 1
    mean = alpha_bar_before.sqrt() * beta * x0 + alpha.sqrt() * (1 - alpha_bar_before) * xt
    variance = (1 - alpha_bar_before) * beta
    return mean / (1 - alpha_bar), variance / (1 - alpha_bar)
    ### END SOLUTION


# %%
if MAIN:
    tests.part1.check_posterior(posterior)

# %% [markdown]
# <details>
# <summary>Hint 1: a question</summary>
#
# After 0 steps nothing has been added. How much of the image's variance is kept then? And how do you get from ᾱₜ to the
# product of one alpha fewer?
#
# </details>
#
# <details>
# <summary>Hint 2: a fact</summary>
#
# ᾱₜ is the product of αₜ and everything before it, so ᾱₜ₋₁ = ᾱₜ / αₜ. At t = 1 that's exactly 1: the image is clean,
# the mean has to be x₀ and the variance 0.
#
# </details>
#
# <details>
# <summary>Hint 3: the next step</summary>
#
# Look up β, α and ᾱ, each reshaped to (B, 1, 1, 1), and make ᾱₜ₋₁ of the last two. Equation 7 has two fractions with
# the same denominator. Write their numerators first: one belongs to x₀, the other to xₜ.
#
# </details>

# %% [markdown]
# Here it is at work. Walk the whole path back while somebody whispers the clean image at each step.

# %%
if MAIN:
    t.manual_seed(21)
    schedule = NoiseSchedule(max_steps=200, device="cpu")
    x0 = normalize_img(gradient_images(1, (3, 32, 32)))
    x = t.randn_like(x0)
    images, left = [x], [200, 150, 100, 50, 20, 5, 1, 0]
    for n in range(200, 0, -1):
        mean, variance = posterior(x, x0, t.tensor([n]), schedule)
        x = mean + variance.sqrt() * t.randn_like(x)
        images.append(x)
    utils.show_images([denormalize_img(images[200 - n][0]) for n in left], [f"{n} steps left" for n in left])
    utils.allclose(x, x0, tolerance=1e-3)

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![Eight squares with 200, 150, 100, 50, 20, 5, 1 and 0 steps left. The first is noise. A gradient from yellow to dark blue comes out of it step by step, grainy with 50 steps left, and entirely clean at the end.](images/part1_posterior.png)
#
# The path begins in pure noise and ends exactly at the clean image. This is what a sampler does if it knows the answer.
# Yours won't. It will ask the network for the average image that fits, walk one step towards that, and ask again.
#
# </details>

# %% [markdown]
# Is this the same as line 4? Take noise that you know, and compare the posterior's mean with line 4 without its last
# term.

# %%
if MAIN:
    t.manual_seed(0)
    schedule = NoiseSchedule(max_steps=200, device="cpu")
    x0 = normalize_img(gradient_images(500, (3, 4, 5)))
    num_steps, noise, xt = noise_img(x0, schedule)
    beta, alpha = schedule.beta(num_steps), schedule.alpha(num_steps)
    factor = beta / (1 - schedule.alpha_bar(num_steps)).sqrt()
    line4 = (xt - rearrange(factor, "b -> b 1 1 1") * noise) / rearrange(alpha, "b -> b 1 1 1").sqrt()
    mean, _ = posterior(xt, x0, num_steps, schedule)
    utils.allclose(mean, line4, tolerance=1e-3)

# %% [markdown]
# They agree for every image at every timestep. Line 4 is the posterior's mean, written with the noise instead of the
# clean image. And because that mean is linear in $x_0$, an *average* over all clean images that fit is exactly what it
# needs.

# %% [markdown]
# ## Why the steps are small
#
# One question is left. The network's average fixes the *mean* of the step back. But is the step back a Gaussian at all?
# If black and white both fit, then $x_{t-1}$ could have come from either, and its distribution is a mixture of two
# posteriors. Here it is for the black-or-white pixel, which has arrived at 0.4 after 400 of 1000 steps, and is taken
# back by 20 steps at once, by 200, and by 380. (Two steps are enough to compute this: one long step to the earlier
# point, and one from there to here.)

# %% tags=["folded"]
if MAIN:
    import matplotlib.pyplot as plt

    schedule, x = NoiseSchedule(max_steps=1000, device="cpu"), t.linspace(-2.4, 2.4, 201)
    x0, xt = rearrange(t.tensor([-1.0, 1.0]), "b -> b 1 1 1"), t.full((2, 1, 1, 1), 0.4)
    alpha_bar = schedule.alpha_bar(400)
    share = what_fits(t.tensor([[0.4]]), t.tensor([[-1.0], [1.0]]), alpha_bar)[0].reshape(2, 1, 1, 1)
    _, axes = plt.subplots(1, 3, figsize=(utils.WIDE, 2.6), layout="constrained")
    for axis, back in zip(axes, [20, 200, 380], strict=True):
        earlier = schedule.alpha_bar(400 - back)
        two_steps = NoiseSchedule(2, "cpu", betas=t.cat([1 - earlier, 1 - alpha_bar / earlier]))
        mean, variance = posterior(xt, x0, t.tensor([2, 2]), two_steps)
        bumps = share * (-((x - mean) ** 2) / (2 * variance)).exp() / variance.sqrt()
        axis.fill_between(x, bumps.sum(dim=0).flatten(), color="lightgrey")
        center = (share * mean).sum()
        width = (share * (variance + (mean - center) ** 2)).sum()
        axis.plot(x, (-((x - center) ** 2) / (2 * width)).exp() / width.sqrt(), "k--")
        axis.set(title=f"{back} steps back", yticks=[], xlabel=f"where it was at step {400 - back}")
    utils.show()

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![Three grey hills, each with a dashed bell curve of the same mean and variance. For 20 steps back the hill and the bell curve coincide. For 200 the hill has two humps and the bell curve runs between them. For 380 two thin spikes stand at -1 and 1, and the bell curve is low and broad.](images/part1_small_steps.png)
#
# Grey is where the pixel may have been, and the dashed line is the Gaussian with the same mean and variance. For a
# small step they can't be told apart. For a long one, the truth is "black or white", and the best Gaussian says "grey,
# more or less".
#
# </details>

# %% [markdown]
# That's the idea that makes diffusion work (the paper's Section 2). The forward process ends in noise you know how to
# draw, and its steps are so small that **each step back is again nearly a Gaussian**. A Gaussian needs only a mean,
# which squared error gives you, and a variance, for which you have two candidates. ($\tilde\beta_t$ is exact if there's
# only one image in the data, and $\beta_t$ if the data are themselves noise of variance 1. The truth lies between, and
# over small steps the two hardly differ.) The hard choice between black and white is spread over many steps, and chance
# makes it, a little at each step. (Part 3 takes longer steps, and this posterior's variance, with a long step's
# $\beta$, will be its $\sigma^2$.)

# %% [markdown]
# ### 1.13 Draw samples
# *Write Algorithm 2* · ●●●○○ · 20 minutes · Algorithm 2
#
# Write it line by line, for a batch of `n_samples` images. Either of the paper's two choices of $\sigma_t$ passes the
# check.
#
# With `return_all_steps`, return a list of all images along the path, from $x_T$ to $x_0$, which makes
# `len(schedule) + 1` tensors. (The check doesn't mind if $x_T$ is missing, and it takes a tuple or one stacked tensor.)
# Each entry has to stay what it was, so make a new tensor in each step. Make everything on `schedule.device`.

# %%
@t.no_grad()
def sample(model: DiffusionModel, n_samples: int, return_all_steps: bool = False) -> t.Tensor | list[t.Tensor]:
    """Draw images from a trained model (Algorithm 2, with sigma_t^2 = beta_t or the paper's other choice).
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
# Which timestep does the network see first, and which last? What does Python's `range` need to count down?
#
# </details>
#
# <details>
# <summary>Hint 2: a fact</summary>
#
# `range(T, 0, -1)` counts T, …, 1. The network wants a timestep for each image, `t.full((n_samples,), n)`, on the
# images' device. `schedule.beta(n)` has shape (1,) and fits any image.
#
# </details>
#
# <details>
# <summary>Hint 3: the next step</summary>
#
# Draw x_T before the loop, in the shape that `model.img_shape` tells you. In the loop, write one line of code for
# line 3, one for the network's guess, and one for line 4, and read line 4's three terms off the paper one by one.
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
# ![Twelve small images in two rows. Each blends one colour into another, in different colours each time, with single pixels that stand out.](images/part1_samples.png)
#
# Twelve images that nobody has drawn before. Each blends two colours, each is visibly grainy, and no two are alike.
#
# </details>

# %% [markdown]
# Here's the path of one image, from noise to gradient.

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
# ![One image with 99, 80, 60, 40, 20, 10, 5 and 0 steps left: strong noise at first, then more and more green, at last a blend from blue-green to green with single pixels that stand out.](images/part1_way.png)
#
# ![The same path as a movie, four steps an image. Pixels of all colours grow greener and more alike from image to image, until they form a blend from blue-green to green with single pixels that stand out.](images/part1_way_movie.png)
#
# The colours settle first. The last steps take away grain, though not all of it.
#
# </details>

# %% [markdown]
# ## How good are they?
#
# Knowing the data completely now pays off. Every true image is a gradient, so for each sample you can find the gradient
# that fits it best and measure the distance, the root of the mean squared difference (**rms**). True gradients have 0.
# Then look at the corner colours of those fits. If the model painted the same image again and again, they would hardly
# vary, however smooth it is.

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
# nearly as much as those of the data, 0.54 against 0.58. So the model paints gradients of all colours and leaves
# grain on them. Where does the grain come from? You'll find out in exercise 1.14.
#
# </details>

# %% [markdown]
# ## From the blob back to the square
#
# What does sampling do to a whole distribution? Train your network on two-pixel images, and watch 2,000 samples at
# once. The schedule gets ten times the $\beta$, so that it ends in noise after 100 steps.

# %%
@cache
def pair_model() -> DiffusionModel:
    """A TinyDiffuser for images of two pixels, trained at the first call and kept."""
    config = toy_config() | dict(image_shape=(1, 1, 2), lr=0.003, batch_size=500)
    model = TinyDiffuser(TinyDiffuserConfig(config["image_shape"], config["hidden_size"], config["max_steps"]))
    betas = linear_schedule(config["max_steps"], min_noise=0.001, max_noise=0.2)
    model.noise_schedule = NoiseSchedule(config["max_steps"], config["device"], betas)
    data = normalize_img(gradient_images(config["n_images"], config["image_shape"]))
    return train(model, config, TensorDataset(data))


# %%
if MAIN:
    t.manual_seed(0)
    steps = sample(pair_model(), 2000, return_all_steps=True)
    left = [99, *range(96, -1, -4)]
    utils.show_movie([cloud(steps[-1 - n]) for n in left], [f"{n} steps left" for n in left])

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![A cloud of two thousand points, round at first. In the course of a hundred steps it draws together and gets corners, until it fills a square with slightly frayed edges.](images/part1_square.png)
#
# The blob of probability slowly turns into the square. Compare it with the jumps above: small steps fill the whole
# square, although each of them follows an average.
#
# </details>

# %% [markdown]
# And here is what moves the points. At each place in the plane, ask your network for the noise and draw
# $-\epsilon_\theta / \sqrt{1 - \bar\alpha_t}$ as an arrow: the score, as your network has learned it.

# %% tags=["folded"]
if MAIN:
    import matplotlib.pyplot as plt

    model, places = pair_model(), t.linspace(-2.2, 2.2, 12)
    grid = t.cartesian_prod(places, places).reshape(-1, 1, 1, 2).to(device)
    _, axes = plt.subplots(1, 3, figsize=(utils.WIDE, 3.3), layout="constrained")
    for axis, n in zip(axes, [100, 20, 5], strict=True):
        with t.no_grad():
            noise_pred = model(grid, t.full((len(grid),), n, device=device))
        score = -noise_pred / (1 - model.noise_schedule.alpha_bar(n)).sqrt()
        axis.quiver(*grid.flatten(1).T.cpu(), *score.flatten(1).T.cpu(), color="C3", width=0.006)
        axis.add_patch(plt.Rectangle((-1, -1), 2, 2, fill=False, ls="--"))
        axis.set(title=f"{n} steps left", aspect="equal", xticks=[], yticks=[], frame_on=False)
    utils.show()

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![Three fields of arrows, each with the square of the data dashed in the middle. With 100 steps left, all arrows point to the middle. With 20 left they still do from outside, and inside the square they're short. With 5 left the arrows outside point straight at the nearest edge of the square, and inside there are almost none.](images/part1_score.png)
#
# With 100 steps left, only one thing is known: the data are somewhere around the middle. With 5 steps left, the arrows
# know where the square's edges are. (Don't trust the ones far outside. With so little noise, your network has never
# seen a point there.) In between, one picture turns slowly into the other, and the points follow. (Each panel has its
# own scale, so compare directions, not lengths.)
#
# </details>

# %% [markdown]
# This one picture sums up the method. Squared error makes the network answer with an average. The average noise, with
# its sign turned, is the direction uphill. And the steps are small because an arrow only gives you a mean, and only a
# small step back is so nearly a Gaussian that a mean is enough.

# %% [markdown]
# ## Three names for one guess
#
# Equation 4 ties three things together: $x_t = \sqrt{\bar\alpha_t}\, x_0 + \sqrt{1 - \bar\alpha_t}\, \epsilon$. The
# network sees $x_t$, so if it guesses $\epsilon$, it also guesses $x_0$, and the other way round:
#
# $$\epsilon = \frac{x_t - \sqrt{\bar\alpha_t}\, x_0}{\sqrt{1 - \bar\alpha_t}} \qquad
# x_0 = \frac{x_t - \sqrt{1 - \bar\alpha_t}\, \epsilon}{\sqrt{\bar\alpha_t}}$$
#
# Part 3 will try a third choice, the "velocity" of [Salimans and Ho](https://arxiv.org/abs/2202.00512),
# $v = \sqrt{\bar\alpha_t}\, \epsilon - \sqrt{1 - \bar\alpha_t}\, x_0$. Think of $x_0$ and $\epsilon$ as the two axes
# of a plane. The squares of $\sqrt{\bar\alpha_t}$ and $\sqrt{1 - \bar\alpha_t}$ add up to 1, so they're the cosine and
# the sine of an angle, and $x_t$ and $v$ are the same two axes turned by it. To get $x_0$ and $\epsilon$ back, you turn
# the other way, without a division (exercise 3.3 has you work it out). An error in $v$ arrives in $\epsilon$ multiplied
# by $\sqrt{\bar\alpha_t}$, so $v$'s squared error is $\epsilon$'s divided by $\bar\alpha_t$. That's the dotted curve
# further up.
#
# For exact answers, the three are the same. For a *network* they aren't, because one of them may be far easier to
# compute. So let a `TinyDiffuser` guess the clean image, and turn that into a guess of the noise. `Guesser` is what all
# such models have in common. They differ in what the network should answer (`target`, which Part 3 trains with) and in
# how its answer becomes a guess of the noise (`forward`).

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
# ### 1.14 Four experiments
# *Bet, measure, explain* · ●●○○○ · 15 minutes · Section 3.2
#
# Where does the grain come from? There are two suspects: *what* the network guesses, and the schedule of 100 steps,
# which stops long before pure noise. Change one at a time. The cells below try all four combinations of noise or
# clean image with $\beta$ or ten times $\beta$, which leaves 0.005 of the image instead of 0.603.
#
# Before you run it, write down your bet: which combination has the least grain, and which the most? Then run it, and
# explain what you see. (Don't compare their losses. A different schedule is a different task, with a different best
# possible loss.)

# %% [markdown]
# ### BEGIN SOLUTION
# The guess decides. With the clean image as the guess, the grain is nearly gone on either schedule, so the short
# schedule wasn't its cause. Behind every gradient there are only 6 numbers, two colours of three. To guess the image,
# the network has to find 6 numbers in 60, and whatever it answers is made of what it learned about gradients. To guess
# the noise, it has to give back all 60 numbers, each with its own random value, and what it gets wrong stays as grain.
#
# The longer schedule triples the noise guess's grain. Line 4 subtracts the guess with the factor βₜ / √(1 − ᾱₜ). Near
# the end of the path both β and 1 − ᾱ are ten times as large, so an error of the same size weighs √10 ≈ 3 times as
# much.
#
# The short schedule's flaw hardly shows here. With the image guess the corner colours vary by 0.56 to 0.59, where the
# data have 0.58.
#
# None of this says that guessing the image is better in general. The paper tried both on photographs and found the
# image guess worse (Section 3.2).
# ### END SOLUTION

# %%
@cache
def experiment(guess_image: bool, times: int) -> DiffusionModel:
    """Train the TinyDiffuser with one guess and one schedule; kept after the first call.
    guess_image: the clean image instead of the noise   times: how many times the usual variances"""
    if not guess_image and times == 1:
        return toy_model()  # this one is trained already
    config = toy_config()
    betas = linear_schedule(config["max_steps"], min_noise=times * 0.0001, max_noise=times * 0.02)
    schedule = NoiseSchedule(config["max_steps"], config["device"], betas)
    model = TinyDiffuser(TinyDiffuserConfig(config["image_shape"], config["hidden_size"], config["max_steps"]))
    model.noise_schedule = schedule
    data = normalize_img(gradient_images(config["n_images"], config["image_shape"]))
    return train(ImageGuesser(model, schedule) if guess_image else model, config, TensorDataset(data))


# %%
if MAIN:
    rows = {}
    for guess in ["noise", "image"]:
        for times in [1, 10]:
            t.manual_seed(0)
            model = experiment(guess == "image", times)
            t.manual_seed(0)  # the same noise to start from for all four
            samples = sample(model, 2000).cpu()
            name = f"{guess}, β" if times == 1 else f"{guess}, {times} β"
            rms, spread = gradient_fit(samples)
            print(f"{name:12} rms {rms:.3f}   corner colours {spread:.3f}")
            rows[name] = denormalize_img(samples[:12])
    utils.show_rows(rows)

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![Four rows of twelve small images. With the noise as the guess they are grainy, and with ten times the variances so grainy that the gradients are hard to see. With the image as the guess both rows are smooth blends of two colours, without any grain.](images/part1_four.png)
#
# Three training runs of each, with different seeds, and 2,000 samples from each run, gave this:
#
# | the network guesses | schedule | rms (data: 0.000) | corner colours vary by (data: 0.58) | without new noise |
# |---|---|---|---|---|
# | the noise | β | 0.13 | 0.54 to 0.56 | 0.38 to 0.39 |
# | the noise | 10 · β | 0.37 | 0.51 to 0.55 | 0.05 to 0.12 |
# | the image | β | 0.004 | 0.56 to 0.59 | 0.37 |
# | the image | 10 · β | 0.005 | 0.62 to 0.66 | 0.03 to 0.07 |
#
# The last column is Algorithm 2 without its third term. Without fresh noise, the colours crowd together, and on the
# schedule that reaches noise nearly all images end up in the same grey.
#
# </details>

# %% [markdown]
# ## Glossary: one thing, many names
#
# Half the difficulty of reading about diffusion is that everything has several names.
#
# | here | in code | other names, and what they mean |
# |---|---|---|
# | $\beta_t$, variance of one step's noise | `schedule.beta(n)` | all of them together: variance schedule, noise schedule |
# | $\alpha_t = 1 - \beta_t$ | `schedule.alpha(n)` | beware: some papers write $\alpha_t$ for our $\bar\alpha_t$, or for its root |
# | $\bar\alpha_t$, share of the variance kept | `schedule.alpha_bar(n)` | its root is the signal rate, $\sqrt{1 - \bar\alpha_t}$ the noise rate; $\bar\alpha_t / (1 - \bar\alpha_t)$ is the signal-to-noise ratio |
# | $\epsilon$, noise of variance 1 | `noise`, `noise_pred` | the average of all $\epsilon$ that fit, times $-1 / \sqrt{1 - \bar\alpha_t}$, is the **score** |
# | $v$, between noise and image | in Part 3 | velocity. *Flow matching* has a velocity, too, but a different one: it mixes image and noise along a straight line, and its velocity is $\epsilon - x_0$ |
# | fading and adding noise, so that variance 1 stays 1 | `q_eq4` | variance preserving (VP). Without the fading it's variance exploding (VE), as in EDM: $x_0 + \sigma \epsilon$ with $\sigma = \sqrt{1 - \bar\alpha_t} / \sqrt{\bar\alpha_t}$. Divide our $x_t$ by $\sqrt{\bar\alpha_t}$ to get there |
# | forward process | `q_eq2`, `q_eq4`, `noise_img` | q, diffusion process, noising, (fixed) encoder |
# | reverse process | `sample` | p, denoising, generation, (learned) decoder |
# | $t$, timestep, and $T$ | `num_steps`, `max_steps` | noise level, time (often scaled to [0, 1]) |
# | $\epsilon_\theta$ | `model` | noise predictor, denoiser, score network |
# | mean squared error of the noise | `loss` | the "simple" loss (Equation 14), a reweighted form of the ELBO (Equation 12) |
# | Algorithm 2 | `sample` | ancestral sampling, DDPM sampler |

# %% [markdown]
# ## What you have now
#
# You've built a whole diffusion model, and you can say why it works.
#
# - The **forward process** fades the image and adds noise, so that variance 1 stays variance 1. It has nothing to
#   learn. `q_eq2` walks, `q_eq4` jumps, and both draw from the same distribution.
# - $\beta_t$ is the variance of one step's noise, $\alpha_t = 1 - \beta_t$, and $\bar\alpha_t$ is the product of the
#   first $t$ alphas. $\sqrt{\bar\alpha_t}$ is what's left of the image.
# - Trained with squared error, a network answers with the **average** noise that fits (Algorithm 1). With its sign
#   turned and divided by $\sqrt{1 - \bar\alpha_t}$, that's the **score**, the direction uphill.
# - That average is a blurred picture, but it's all you need for the mean of a small **step back**, which is nearly
#   Gaussian (`posterior`). So sampling takes many small steps, and chance decides what the average leaves open
#   (Algorithm 2).
# - Noise, image and $v$ are three names for one guess, but not equally hard for a network.
#
# The famous systems are built on this, each with something added:
#
# - [GLIDE](https://arxiv.org/abs/2112.10741) gives the network a caption as well, and pushes the guess away from the
#   one it makes without it.
# - [DALL-E 2](https://arxiv.org/abs/2204.06125) first turns the text into a summary of the image (a CLIP embedding),
#   and then the summary into the image.
# - [Latent Diffusion](https://arxiv.org/abs/2112.10752) runs the whole process on the small codes of an autoencoder
#   instead of on pixels, which saves most of the computing. Stable Diffusion is made this way.
# - [Imagen](https://arxiv.org/abs/2205.11487) reads the caption with a large language model trained on text alone, and
#   paints with a chain of diffusion models that make a small image and then enlarge it.

# %% [markdown]
# ## Something to show a friend
#
# Twenty-four images at once, from noise to clean gradients, by the best of your four networks.

# %%
if MAIN:
    t.manual_seed(3)
    steps = sample(experiment(True, 1), 24, return_all_steps=True)
    left, frames = [99, *range(96, -1, -6)], []
    for n in left:
        images = F.interpolate(denormalize_img(steps[-1 - n]).cpu(), scale_factor=8)
        images = F.pad(images, (0, 6, 0, 6), value=1)  # white between them
        frames.append(rearrange(images, "(r k) c h w -> c (r h) (k w)", k=6))
    utils.show_movie(frames, [f"{n} steps left" for n in left])

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![Twenty-four small squares of pixel noise in four rows. Over a hundred steps they turn into colour gradients, each from one colour to another, no two alike and none with any grain.](images/part1_friend.png)
#
# </details>

# %% [markdown]
# Would this network paint clothes? It takes an image as a plain list of numbers. If you shuffled the pixels of all
# images in the same way, it would learn just as well and never notice, because it doesn't know which pixels are
# neighbours. For gradients that hardly matters. A sneaker has a sole, laces and an outline, made of 784 pixels.
#
# So here's the question to take along. What would a network look like that knows that pixels have neighbours, that sees
# a lace and the whole shoe at once, and that still gives back one number of noise for each pixel? Part 2 builds it.
