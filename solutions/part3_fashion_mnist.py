# %% [markdown]
# # Part 3: Clothes, for real
#
# Here are eight pieces of clothing on their way out of noise. Nobody has ever sewn them.
#
# ![Eight small squares of noise in two rows. Light shapes come out of it, then outlines, and at last eight pieces of clothing on black: shoes, shirts, a bag, trousers and a dress.](images/part3_friend.png)
#
# A network with 0.28 million parameters drew them. It's the U-Net from Part 2, and it learned from FashionMNIST, 60,000
# small photographs of clothes. The training took ten to twenty minutes on two cores of a server, without a GPU. (Nobody
# has timed it on a laptop yet.)
#
# It wasn't luck, and it wasn't one clever trick. The idea of this part will serve you with every model you ever train:
# **measure, then change one thing.** You begin with what you have, and the samples will be poor. So you build a ruler
# for samples. Then you change what the network learns from, how it learns, and how samples are drawn. You look at each
# change with the ruler in your hand, and find out which ones earn their reputation.
#
# **You need** Parts 1 and 2. From Part 1, have "three names for one guess" and `posterior` fresh in your mind. You
# don't need a GPU. Plan about four hours.

# %% [markdown]
# ## How to work
#
# It's the same as before. Replace the line `raise NotImplementedError(...)` with your code, run the cell, then run the
# check below it. Hints are folded under the check, and so is the solution, unless your instructor has left it out. Two
# exercises ask for words. Write your answer before you unfold anything. A bet that you've made is worth more than a
# result that you've read.
#
# <details>
# <summary>Contents</summary>
#
# - [Set up](#Set-up)
# - [The data](#The-data)
# - [As you are](#As-you-are)
# - [How good is it?](#How-good-is-it?)
# - [Better: what the network learns from](#Better:-what-the-network-learns-from)
# - [Better: how it learns](#Better:-how-it-learns)
# - [Better: more steps in the same time](#Better:-more-steps-in-the-same-time)
# - [Better: how samples are drawn](#Better:-how-samples-are-drawn)
# - [One jump or many steps](#One-jump-or-many-steps)
# - [All of it together](#All-of-it-together)
# - [What each change brings](#What-each-change-brings)
# - [The whole training](#The-whole-training)
# - [Results](#Results)
# - [When it goes wrong](#When-it-goes-wrong)
# - [Glossary: names around training](#Glossary:-names-around-training)
# - [What you have now](#What-you-have-now)
# - [Something to show a friend](#Something-to-show-a-friend)
#
# </details>

# %% [markdown]
# ## Set up
#
# Run the next three cells. The second one fetches `part1` and `part2`, which are **your own** functions as you last
# saved them. Where one of them doesn't pass its check, the course's own takes its place, and the lines under the cell
# tell you so. (In the solved notebook there are no such lines, because there everything is the course's.)

# %% tags=["set-up"]
if __name__ == "__main__":  # of the script; the notebooks have a set-up of their own here
    import os
    import sys
    from pathlib import Path

    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as in solutions/__init__.py
MAIN = __name__ == "__main__"

# %% tags=["folded"]
import copy
import json
import math
import time
import warnings
from collections.abc import Callable, Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import scipy
import torch as t
import torch.nn as nn
import torch.nn.functional as F
from einops import rearrange
from torch.utils.data import TensorDataset

import solutions.part1_diffusion as part1
import solutions.part2_unet as part2
import utils
from utils import IS_CI

# %% tags=["folded"]
if MAIN:
    import tests.part3

    device = utils.get_device()
    t.set_num_threads(1)  # for images this small, more threads only wait for each other
    print(f"Ready. PyTorch {t.__version__} computes on: {device}")

# %% [markdown]
# ## The data
#
# The images come with the course, in `data/fashion-mnist/`, and `utils.fashion_mnist` reads them. They're grey values
# from 0 to 255, each with a label. You train on 60,000 of them. Another 10,000 are set aside to compare with.

# %%
@cache
def clothes(train: bool = True) -> t.Tensor:
    """The images of FashionMNIST. returns: (N, 1, 28, 28) in [-1, 1], on the device of get_device()"""
    images, _ = utils.fashion_mnist(train)
    return part1.normalize_img(images / 255).to(utils.get_device())


# %%
if MAIN:
    images, labels = utils.fashion_mnist()
    rows = [(labels == label).nonzero()[n, 0].item() for n in range(2) for label in labels.unique()]
    titles = [utils.CLASSES[labels[row]] for row in rows]
    utils.show_images(images[rows] / 255, titles, columns=10)
    print(f"{len(images):,d} images: mean {clothes().mean():.2f}, standard deviation {clothes().std():.2f}")

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![Two rows of ten small grey photographs on black, one column per class: T-shirt, trousers, pullover, dress, coat, sandal, shirt, sneaker, bag, boot.](images/part3_data.png)
#
# There are ten classes with 6,000 images each. Shirts, pullovers and coats are hard to tell apart, even for you. Half
# of all pixels are black, so in [-1, 1] the mean is -0.43 and the standard deviation is 0.71.
#
# </details>

# %% [markdown]
# ## As you are
#
# Take your `train`, your `UNet` and your `sample` just as they are. How far do they get?
#
# Some processors are five times as fast as others. So the training runs that you wait for get a fixed *time*, and take
# as many steps as fit into it on your machine. The time is counted in **processor seconds**, and two busy cores use up
# two of them every second. This first training gets 10.

# %%
def steps_within(seconds: float, step: Callable[[], Any]) -> int:
    """How many steps this machine takes in so many processor seconds, by a short trial. step: takes one"""
    step()  # the first one is slow
    begin, spent, tried = time.process_time(), 0.0, 0
    while tried < 3 and spent < seconds / 20:  # a slow machine tries fewer
        step()
        spent, tried = time.process_time() - begin, tried + 1
    return max(2, round(tried * seconds / spent))


def plain_config() -> dict[str, Any]:
    """The settings of a first, short training; tiny under IS_CI."""
    return dict(
        lr=0.002,
        epochs=1,
        batch_size=8 if IS_CI else 64,
        max_steps=20 if IS_CI else 1000,
        img_log_interval=100,
        n_images_to_log=3,
        device=utils.get_device(),
    )


def make_unet(max_steps: int) -> part1.DiffusionModel:
    """The network of Part 2, 0.28 million parameters, untrained."""
    config = part2.UNetConfig((1, 28, 28), channels=16, dim_mults=(1, 2, 2), groups=8, max_steps=max_steps)
    return part2.UNet(config)


@cache
def plain_model() -> part1.DiffusionModel:
    """A U-Net, trained by Part 1's train for 10 processor seconds at the first call, and then kept."""
    config = plain_config() | dict(batch_size=8 if IS_CI else 16)  # small, so that the time is enough for many steps
    model, x0 = make_unet(config["max_steps"]).to(config["device"]), clothes()[: config["batch_size"]]
    counts = t.ones(len(x0), dtype=t.int64, device=x0.device)
    n_steps = steps_within(0.2 if IS_CI else 10, lambda: model(x0, counts).mean().backward())
    model.zero_grad()  # the trial leaves gradients
    return part1.train(model, config, TensorDataset(clothes()[: n_steps * len(x0)]))


# %%
if MAIN:
    plain_model.cache_clear()  # train anew whenever this cell runs
    t.manual_seed(0)
    plain_model()
    utils.show_losses()

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![The training loss against the step: it falls steeply within the first 10 or 20 steps, and then slowly on.](images/part3_plain_losses.svg)
#
# The loss drops steeply, then keeps falling slowly. It looks like a success.
#
# </details>

# %% [markdown]
# Now draw two samples. The row above yours comes with the course. It shows eight samples of a longer training, 400
# steps with 64 images each, which takes two to six minutes of one processor core.

# %%
if MAIN:
    model = plain_model()
    t.manual_seed(0)
    with utils.show_steps(model, len(model.noise_schedule)):
        samples = part1.sample(model, 2)
    shipped = t.load(utils.ASSETS / "plain.pt", weights_only=True)
    rows = {name: images / 255 for name, images in shipped.items()} | {"yours": part1.denormalize_img(samples)}
    utils.show_rows(rows)

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![Two rows of grey images. Above, eight samples after 25,600 images: one could be a shoe, others are shreds of clothing, some are nearly black and one is almost all white. Below, two samples of the short training, in which no clothes can be made out; what is all white cannot be told from the page.](images/part3_plain_samples.png)
#
# Shreds, honestly. After 400 steps one sample could be a shoe. Others are next to nothing, and one is almost all white.
# Your own network has seen fewer images still, and how many depends on your processor. The loss told you nothing about
# any of this.
#
# </details>

# %% [markdown]
# ## How good is it?
#
# The loss can't tell you how good the samples are. It tells you how well the network guesses *noise*, and it depends on
# the schedule, so you can compare two losses only if everything else is equal. It's better to look at samples, but a
# dozen isn't much. You wouldn't notice if a whole class were missing.
#
# So compare *sets* of images, many samples with many real ones. Comparing them pixel by pixel would be useless, because
# no two shirts agree in their pixels. Compare what a classifier sees in them instead. The course comes with a small
# network that tells the ten classes apart, and it's right for 93 % of the test images. Its last layer but one gives 64
# numbers for each image, called **features**. They describe what's in the image, and care little about where each pixel
# is.
#
# Now a set of images is a cloud of points. How far apart are two clouds? Begin with a single feature and describe each
# cloud by its mean and its standard deviation. Then the Fréchet distance is
#
# $$d = (\mu_1 - \mu_2)^2 + (\sigma_1 - \sigma_2)^2$$
#
# It's 0 only if both agree. Multiplied out, the second square is
# $\sigma_1^2 + \sigma_2^2 - 2 \sqrt{\sigma_1^2 \sigma_2^2}$, and in this form it carries over to many features.

# %% tags=["folded"]
class Classifier(nn.Module):
    """A small network that tells FashionMNIST's classes apart, which judges the samples.
    python -m tools.make_assets classifier trains it."""

    def __init__(self) -> None:
        super().__init__()

        def convolution(c_in: int, c_out: int) -> list[nn.Module]:
            return [nn.Conv2d(c_in, c_out, 3, padding=1, bias=False), nn.BatchNorm2d(c_out), nn.ReLU()]

        self.body = nn.Sequential(
            *convolution(1, 32), *convolution(32, 32), nn.MaxPool2d(2),
            *convolution(32, 64), *convolution(64, 64), nn.MaxPool2d(2),
            nn.Flatten(), nn.Dropout(0.3), nn.Linear(64 * 7 * 7, 64), nn.SiLU(),  # a ReLU leaves some features dead
        )  # fmt: skip
        self.head = nn.Sequential(nn.Dropout(0.3), nn.Linear(64, len(utils.CLASSES)))

    def forward(self, images: t.Tensor) -> t.Tensor:
        """images: (B, 1, 28, 28) in [-1, 1]   returns: scores (B, 10)"""
        return self.head(self.body(images))


FEW = 100  # images at a time, so that all that's computed fits into a processor's cache


@cache
def load_classifier() -> Classifier:
    """The classifier that comes with the course, on the device of utils.get_device()."""
    classifier = Classifier()
    classifier.load_state_dict(t.load(utils.ASSETS / "classifier.pt", weights_only=True, map_location="cpu"))
    return classifier.eval().requires_grad_(False).to(utils.get_device())


def features_of(images: t.Tensor) -> t.Tensor:
    """What the classifier sees in images. images: (N, 1, 28, 28) in [-1, 1]   returns: (N, 64), on the CPU"""
    judge = load_classifier()
    return t.cat([judge.body(some.to(utils.get_device())).cpu() for some in images.split(FEW)])


def classes_seen(features: t.Tensor) -> t.Tensor:
    """Which class the classifier takes each image for.
    features: (N, 64), of the images   returns: (N,) int, rows of CLASSES, on the CPU"""
    return load_classifier().head(features.to(utils.get_device())).argmax(dim=1).cpu()


def classes_of(images: t.Tensor) -> t.Tensor:
    """Which class the classifier takes each image for.
    images: (N, 1, 28, 28) in [-1, 1]   returns: (N,) int, rows of CLASSES, on the CPU"""
    return classes_seen(features_of(images))


# %% [markdown]
# Here are two such clouds, the test images and the same images blurred, seen from the side that shows most of their
# 64 features. Each ellipse is a cloud's Gaussian, its mean and two standard deviations around it.

# %% tags=["folded"]
if MAIN:
    images = clothes(train=False)[:1000]
    clouds = {"test images": features_of(images), "blurred": features_of(F.avg_pool2d(images, 5, 1, padding=2))}
    _, _, side = t.pca_lowrank(t.cat(list(clouds.values())), niter=10)
    turn = t.linspace(0, 2 * math.pi, 100)
    circle = t.stack([turn.cos(), turn.sin()])
    plt.figure(figsize=(6.4, 4.2))
    for (name, features), colour, mark in zip(clouds.items(), ("C0", "C1"), ("o", "^"), strict=True):
        points = features @ side[:, :2]
        centre, root = points.mean(dim=0), t.linalg.cholesky(points.T.cov())
        plt.scatter(*points.T, s=8, marker=mark, color=colour, alpha=0.3, lw=0, label=name)
        plt.plot(*(centre[:, None] + 2 * root @ circle), color=colour, lw=2)
        plt.plot(*centre, "P", color=colour, markeredgecolor="black", markersize=12)
    plt.gca().set(xticks=[], yticks=[], xlabel="one direction", ylabel="another")
    plt.legend(markerscale=3)
    utils.show()

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![Two clouds of points that overlap, round dots for the test images and triangles for the blurred ones, each with a cross at its mean and an ellipse around most of it. The blurred cloud has another centre and is smaller.](images/part3_clouds.png)
#
# The distance that you're about to write measures both, how far apart the crosses are and how differently the ellipses
# are shaped.
#
# </details>

# %% [markdown]
# ### 3.1 The Fréchet distance
# *Measure how far apart two sets of images are* · ●●●○○ · 25 minutes · Heusel et al., Equation 6
#
# With D features, the mean $\mu$ becomes D numbers and the variance a covariance matrix $C$ of D × D numbers, which
# says how strongly every two features vary together:
#
# $$d = |\mu_1 - \mu_2|^2 + \text{trace}\left(C_1 + C_2 - 2\, (C_1 C_2)^{1/2}\right)$$
#
# The **trace** is the sum of the diagonal. It adds up the features. The power 1/2 is the **matrix square root**, which
# multiplied *as a matrix* by itself gives $C_1 C_2$. `scipy.linalg.sqrtm` computes it, sometimes with a tiny imaginary
# part. Drop that part. (Divide a covariance by $N - 1$ or by $N$, as you like.)

# %%
def frechet_distance(features1: t.Tensor, features2: t.Tensor) -> float:
    """How far two clouds of features are apart, each seen as a Gaussian (Heusel et al., Equation 6); 0 for equal ones.
    A covariance is divided by N - 1 or by N.
    features1: (N, D)   features2: (M, D)   N and M larger than 1"""
    x1, x2 = (x.double().cpu().numpy() for x in (features1, features2))
    ### BEGIN SOLUTION
    gap = x1.mean(axis=0) - x2.mean(axis=0)
    C1, C2 = np.cov(x1, rowvar=False), np.cov(x2, rowvar=False)
    root = scipy.linalg.sqrtm(C1 @ C2).real
    return float(gap @ gap + np.trace(C1 + C2 - 2 * root))
    ### END SOLUTION


# %%
if MAIN:
    tests.part3.check_frechet_distance(frechet_distance)

# %% [markdown]
# <details>
# <summary>Hint 1: a question</summary>
#
# What shapes do the mean and the covariance have? Which products in the formula are products of matrices?
#
# </details>
#
# <details>
# <summary>Hint 2: a fact</summary>
#
# `np.cov(x, rowvar=False)` gives the (D, D) covariance of a set with one row per image. `@` multiplies matrices, and
# `v @ v` is the squared length of a vector. `scipy.linalg.sqrtm` takes a matrix square root, and `.real` its real part.
#
# </details>
#
# <details>
# <summary>Hint 3: the next step</summary>
#
# Get the means' difference and the two covariances into variables first. Then take the root of their matrix product,
# and add up the formula's two terms. `np.trace` sums a diagonal.
#
# </details>

# %% [markdown]
# The formula is from [Heusel et al.](https://arxiv.org/abs/1706.08500). What does it notice? Take 2,000 training
# images, damage them in several ways, and compare each set with the 10,000 test images, whose features come with the
# course. Which damage do you expect to cost most?

# %%
def damaged(images: t.Tensor) -> dict[str, t.Tensor]:
    """The same images, as they are and damaged. images: (N, 1, 28, 28) in [-1, 1]"""
    blurred = F.avg_pool2d(F.pad(images, (1, 1, 1, 1), mode="replicate"), 3, stride=1)
    noise = t.randn_like(images)
    return {
        "as they are": images,
        "some noise": (images + 0.1 * noise).clamp(-1, 1),  # std 0.05 on a scale from 0 to 1
        "noise": (images + 0.2 * noise).clamp(-1, 1),  # std 0.1
        "blurred": blurred,
        "noise alone": noise.clamp(-1, 1),
        "all black": t.full_like(images[:2], -1),  # two tell as much as 2,000
    }


@cache
def features_of_damaged() -> dict[str, t.Tensor]:
    """The features of 2,000 training images, of what damage makes of them, and of parts of them; worked out once."""
    with utils.fork_rng():
        t.manual_seed(0)  # so that they're always the same
        sets = damaged(clothes()[t.randperm(len(clothes()))[:2000]])
    found = {name: features_of(sets[name]) for name in utils.bar(sets)}
    whole = found["as they are"]
    few = whole[:100].repeat(len(whole) // 100, 1)
    return found | {"one class missing": whole[classes_seen(whole) != 1], "100, repeated": few}


@cache
def features_of_test_images() -> t.Tensor:
    """The features of all test images, in 8 bits a number; python -m tools.make_assets features makes them.
    returns: (10000, 64)"""
    shipped = t.load(utils.ASSETS / "test_features.pt", weights_only=True)
    return shipped["lowest"] + shipped["step"] * shipped["codes"]


def distance_of(features: t.Tensor) -> float:
    """The Fréchet distance of images with these features from the test images. features: (N, 64)"""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Matrix is singular")  # a set of equal images has no spread
        return frechet_distance(features, features_of_test_images())


def distance(images: t.Tensor) -> float:
    """The Fréchet distance of images from the test images. images: (N, 1, 28, 28) in [-1, 1]"""
    return distance_of(features_of(images))


# %%
if MAIN:
    print("2,000 training images       distance")
    for name, features in features_of_damaged().items():
        print(f"{name:20} {distance_of(features):15.1f}")
    t.manual_seed(0)
    sets = damaged(clothes()[5:7])
    utils.show_images([part1.denormalize_img(images[0]).cpu() for images in sets.values()], list(sets))

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![One image of each of six sets: a pullover, the same with some noise, with strong noise, and blurred, then noise alone, and an all black image.](images/part3_damaged.png)
#
# Undamaged training images come out near 0. They don't reach it, because 2,000 images are only a sample. Noise that you
# hardly mind gives 53, and noise of standard deviation 0.1 on a scale from 0 to 1 gives 173. Blurring gives 139. Pure
# noise and a black image are far beyond, at more than 700.
#
# The last two sets have no damaged image in them, so there's nothing to show. Leaving out the trousers gives 61, and a
# hundred images over and over give 43, though no single image tells you that anything is wrong.
#
# </details>

# %% [markdown]
# So the distance notices noise, blur, a missing class, and that a hundred images aren't the whole. That's what you
# need. Know its limits before you trust it.
#
# - **It depends on the number of images.** With few images the covariance is rough, and the distance comes out too
#   large. Compare sets of one size. Samples here are always 2,000. (Without the trousers, the set above has only about
#   1,800 images. At that size the difference hardly matters, as the next cell shows.)
# - **It depends on the features.** What the classifier ignores, the distance can't notice. The usual classifier is a
#   network called Inception, and then the distance is the **FID**. The numbers in this course are *not* FIDs, because
#   they come from the course's own classifier. Compare them only with each other.
# - **It's a squared distance.** Shift all features by twice as much, and it comes out four times as large.
# - **It's one number.** It can't say *what* is wrong. A hundred good images, repeated, score about as well as many
#   images with a little noise. It treats both clouds as Gaussians, which they aren't. And a model that recites its
#   training images gets the best mark of all. So look at the samples, their classes and their nearest training images,
#   too.
#
# You'll also meet the **Inception Score**, an older measure. It's high if the classifier is sure about every image and
# all classes come equally often. It never looks at a real image, so one perfect picture of each class would get full
# marks.

# %%
def measure_sizes(sizes: list[int]) -> list[tuple[int, float]]:
    """The distance of this many training images from the test images, for each of the sizes."""
    features = features_of_damaged()["as they are"]
    return [(n, distance_of(features[:n])) for n in sizes]


# %%
if MAIN:
    for n, far in measure_sizes([100, 200] if IS_CI else [100, 500, 2000]):
        print(f"{n:7,d} training images: distance {far:6.2f}")

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# All of these images are equally good, and yet the distance falls from 43 for a hundred of them to less than 2 for
# 2,000.
#
# </details>

# %% [markdown]
# ## Better: what the network learns from
#
# The linear schedule spends many of its 1000 steps on images that are almost pure noise. After 600 steps, only a sixth
# of the image is left. There's little to learn out there. [Nichol and Dhariwal](https://arxiv.org/abs/2102.09672) let
# $\sqrt{\bar\alpha}$, what's left of the image, fall like a cosine instead. (From here on we write $n$ for the
# timestep. Part 1 and the paper call it $t$.)

# %% [markdown]
# ### 3.2 The cosine schedule
# *Write a schedule, starting from its ᾱ* · ●●●○○ · 15 minutes · Nichol and Dhariwal, Equation 17
#
# You start with the curve that $\bar\alpha$ should follow. For $T$ steps, with a small $s = 0.008$ so that even the
# first steps add some noise, it is
#
# $$f(n) = \cos^2\left(\frac{n/T + s}{1 + s} \cdot \frac{\pi}{2}\right) \qquad \bar\alpha_n = \frac{f(n)}{f(0)}$$
#
# Then you find the betas that lead there. Step $n$ keeps $\bar\alpha_n / \bar\alpha_{n-1}$ of the variance, and
# $\beta_n$ is the rest. At the end $\bar\alpha_T = 0$ would make the last beta 1, so clip all of them at `max_beta`.

# %%
def cosine_schedule(max_steps: int, s: float = 0.008, max_beta: float = 0.999) -> t.Tensor:
    """The beta of the cosine schedule (Nichol and Dhariwal, Equation 17), none above max_beta.
    returns: (max_steps,) float32 in (0, max_beta]"""
    ### BEGIN SOLUTION
    n = t.arange(max_steps + 1, dtype=t.float64)  # from 0, before any noise
    f = t.cos((n / max_steps + s) / (1 + s) * math.pi / 2) ** 2
    betas = 1 - f[1:] / f[:-1]
    return betas.clamp(max=max_beta).float()
    ### END SOLUTION


# %%
if MAIN:
    tests.part3.check_cosine_schedule(cosine_schedule)

# %% [markdown]
# <details>
# <summary>Hint 1: a question</summary>
#
# How many values of f do you need to get `max_steps` betas? Which timestep does the first one belong to?
#
# </details>
#
# <details>
# <summary>Hint 2: a fact</summary>
#
# `t.arange(max_steps + 1)` gives 0, 1, …, T. In a ratio of two neighbours, f(0) cancels. `clamp(max=…)` clips.
# Neighbouring values are nearly equal, and float64 keeps more digits of their difference. `.float()` returns to
# float32.
#
# </details>
#
# <details>
# <summary>Hint 3: the next step</summary>
#
# Compute f for all timesteps at once. Each beta compares a value of f with the one before it. Slice the tensor twice,
# once without its first value and once without its last.
#
# </details>

# %%
if MAIN:
    _, axes = plt.subplots(1, 3, figsize=(utils.WIDE, 2.9), layout="constrained")
    for name, betas, style in [("linear", part1.linear_schedule(1000), ":"), ("cosine", cosine_schedule(1000), "-")]:
        alpha_bar = (1 - betas).cumprod(0)
        axes[0].plot(alpha_bar.sqrt(), style, label=name)
        axes[1].plot(betas, style, label=name)
        axes[2].plot((alpha_bar / (1 - alpha_bar)).log(), style, label=name)
    axes[0].set(title="what is left of the image, √ᾱ", xlabel="steps")
    axes[1].set(title="variance of a step's noise, β", xlabel="steps", yscale="log")
    axes[2].set(title="log of signal to noise, ᾱ / (1 − ᾱ)", xlabel="steps")
    utils.label_lines(axes[2])
    utils.show()

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![Three panels against the step. What is left of the image: the linear schedule falls early and is near 0 from step 700; the cosine is flat at first and reaches 0 at the very end. The variance of a step's noise, on a logarithmic scale: linear rises to 0.02; the cosine stays below that for most of the way and shoots up to nearly 1. The logarithm of signal to noise: both fall from 10; the cosine falls more slowly, is at 0 halfway, and drops to -20 at the very end.](images/part3_schedules.png)
#
# The cosine schedule takes the image away over the whole length of the path. The right panel shows it best. It's the
# logarithm of ᾱ / (1 − ᾱ), the image's share of the variance over the noise's. Between 5 and -5 there's both something
# to see and something to guess. The linear schedule stays in that range for 681 of its 1000 steps, the cosine for 902.
#
# The price is at the end. The last steps add noise with a variance near 1. To take back the very last one, Algorithm 2
# divides by √α, which is 0.03, and any error in the guessed noise becomes 30 times as large. There are two remedies,
# and you'll have both. Clip the guess of the image, or don't guess the noise.
#
# </details>

# %% [markdown]
# ### 3.3 Guess the velocity
# *Train a network on v, and derive the noise from its answer* · ●●●○○ · 20 minutes · Salimans and Ho, Section 4
#
# Part 1 tried the noise and the image. This guesser asks its network for a mixture of both, the velocity
# $v = \sqrt{\bar\alpha_n}\, \epsilon - \sqrt{1 - \bar\alpha_n}\, x_0$ ([Salimans and
# Ho](https://arxiv.org/abs/2202.00512)).
#
# ![A quarter of a circle, with the clean image to the right and the noise upwards. Between them an arrow leads to xₜ on the circle, √ᾱ to the right and √(1 − ᾱ) up. The arrow v touches the circle there and points on towards the noise.](images/part3_velocity.svg)
#
# `part1.Guesser` keeps `self.network` and `self.noise_schedule`. `target` returns the $v$ that the network should
# learn. `forward` asks the network for its $v$ and turns it into the noise in $x_n$, so that `sample` can use it. How?
# Derive it on paper. You have two equations, Equation 4 and the one above. Combine them so that $x_0$ drops out.
#
# (The recipe at the end of this part does without $v$. You'll see what it brings here when you measure it. Larger
# models, such as Stable Diffusion 2, do learn it.)

# %%
class VelocityGuesser(part1.Guesser):
    """A network that guesses v. From outside, it guesses the noise (Salimans and Ho, Section 4).
    All is computed where its inputs are, on a GPU, too."""

    def target(self, x0: t.Tensor, noise: t.Tensor, num_steps: t.Tensor) -> t.Tensor:
        """What the network should answer for x0 after num_steps steps with this noise.
        x0, noise: (B, C, H, W)   num_steps: (B,) int, 1 to T   returns: (B, C, H, W)"""
        ### BEGIN SOLUTION
        alpha_bar = rearrange(self.noise_schedule.alpha_bar(num_steps), "b -> b 1 1 1")
        return alpha_bar.sqrt() * noise - (1 - alpha_bar).sqrt() * x0
        ### END SOLUTION

    def forward(self, images: t.Tensor, num_steps: t.Tensor) -> t.Tensor:
        """Guess the noise.
        images: (B, C, H, W), noised   num_steps: (B,) int, 1 to T   returns: (B, C, H, W)"""
        ### BEGIN SOLUTION
        alpha_bar = rearrange(self.noise_schedule.alpha_bar(num_steps), "b -> b 1 1 1")
        v = self.network(images, num_steps)
        return (1 - alpha_bar).sqrt() * images + alpha_bar.sqrt() * v
        ### END SOLUTION


# %%
if MAIN:
    tests.part3.check_VelocityGuesser(VelocityGuesser)

# %% [markdown]
# <details>
# <summary>Hint 1: a question</summary>
#
# What shape must ᾱ have before you can multiply it with images? By what would you multiply each of the two equations,
# so that the terms with x₀ cancel when you add them?
#
# </details>
#
# <details>
# <summary>Hint 2: a fact</summary>
#
# `self.noise_schedule.alpha_bar(num_steps)` is (B,), and `rearrange(…, "b -> b 1 1 1")` makes it fit images.
# `self.network(images, num_steps)` is a guess of v. The squares of √ᾱ and √(1 − ᾱ) add up to 1.
#
# </details>
#
# <details>
# <summary>Hint 3: the next step</summary>
#
# Multiply Equation 4 by √(1 − ᾱ) and the equation for v by √ᾱ, and add them. On the right, x₀ cancels and ε keeps the
# factor (1 − ᾱ) + ᾱ. On the left you have what `forward` should return.
#
# </details>

# %% [markdown]
# The loss is the mean squared error of $v$. Here it is in float32, and exercise 3.6 makes it faster.

# %%
def fp32_loss(
    model: part1.Guesser, x0: t.Tensor, num_steps: t.Tensor, noise: t.Tensor, noised: t.Tensor
) -> t.Tensor:
    """The mean squared error between the network's guess and the model's target.
    x0, noise, noised: (B, C, H, W) float32   num_steps: (B,) int   returns: ()"""
    return F.mse_loss(model.network(noised, num_steps), model.target(x0, noise, num_steps))


# %% [markdown]
# Noise, image and v say the same. So does it matter which one the network guesses? It does, for two reasons.
#
# **The loss weighs timesteps differently.** Suppose the guessed noise is off by $\delta$. Then the image that goes with
# it is off by $-\sqrt{1 - \bar\alpha}\, \delta / \sqrt{\bar\alpha}$. Put both into the formula of $v$. It's off by
# $\sqrt{\bar\alpha}\, \delta + (1 - \bar\alpha)\, \delta / \sqrt{\bar\alpha} = \delta / \sqrt{\bar\alpha}$. So **the
# loss of v is the loss of ε divided by ᾱ**. With the cosine schedule, v counts an error at step 500 twice as much as ε
# does, and one at step 900 about 40 times.
#
# **The errors end up in different places.** What does a guess of the noise that's off by 0.1 do to the guessed image,
# and what does a $v$ that's off by 0.1 do?

# %%
if MAIN:
    schedule = part1.NoiseSchedule(1000, "cpu", cosine_schedule(1000))
    n = t.arange(1, 1001)
    alpha_bar = schedule.alpha_bar(n)
    plt.plot(n, 0.1 * (1 - alpha_bar).sqrt() / alpha_bar.sqrt(), ":", label="noise off by 0.1")
    plt.plot(n, 0.1 * (1 - alpha_bar).sqrt(), label="v off by 0.1")
    plt.xlabel("steps")
    plt.ylabel("the guessed image is off by")
    plt.yscale("log")
    utils.label_lines()
    utils.show()

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![Two curves on a logarithmic scale. They agree at first. For v the error of the guessed image levels off at 0.1; for noise it climbs ever faster, past 1 near step 940 and above 1000 at the very end.](images/part3_errors.svg)
#
# Where the image is nearly gone, the guessed noise says next to nothing about it. To get the image, you divide by √ᾱ, a
# number near 0. (Before, a single step back made an error 30 times as large. Here all steps happen in one jump.) With v
# you don't divide by anything. Where there's little noise, v is a guess of the noise, and where there's a lot of it, v
# turns into a guess of the image, up to its sign.
#
# </details>

# %% [markdown]
# ## Better: how it learns
#
# One step of training learns from 64 images and 64 draws of noise. Any such handful is a little unrepresentative, so
# each step goes slightly astray, in a random direction. The weights never settle. They wander around a good place.
# There are two remedies. Take the *mean* of the weights over the last steps, and make the steps smaller towards the
# end.

# %% [markdown]
# ### 3.4 Average over the training
# *Keep a moving average of the weights* · ●●○○○ · 15 minutes · the DDPM paper, Appendix B
#
# After each step, pull every number of the average a little towards the model's:
#
# $$\text{average} \leftarrow d \cdot \text{average} + (1 - d) \cdot \text{model}$$
#
# With $d = 0.995$ the average remembers about $1 / (1 - d) = 200$ steps. In the beginning that's too long a memory,
# because the first weights are random. So update number $u$, counted from 1, uses $\min(d, \frac{1 + u}{10 + u})$.
# Average the parameters only. Copy the buffers, such as the schedule, as they are in the model.

# %%
class MovingAverage:
    """An exponential moving average of a model's weights. self.model is a model that has them.
    errors: ValueError for a decay outside [0, 1)"""

    def __init__(self, model: nn.Module, decay: float = 0.995):
        if not 0 <= decay < 1:
            raise ValueError(f"decay is {decay}: choose it from 0 (no memory) to just under 1")
        self.model = copy.deepcopy(model).requires_grad_(False)
        self.decay = decay
        self.updates = 0

    @t.no_grad()
    def update(self, model: nn.Module) -> None:
        """Take in the model's weights after a step of training, and leave the model itself as it is."""
        ### BEGIN SOLUTION
        self.updates += 1
        d = min(self.decay, (1 + self.updates) / (10 + self.updates))
        for average, current in zip(self.model.parameters(), model.parameters(), strict=True):
            average.copy_(d * average + (1 - d) * current)
        for average, current in zip(self.model.buffers(), model.buffers(), strict=True):
            average.copy_(current)
        ### END SOLUTION


# %%
if MAIN:
    tests.part3.check_MovingAverage(MovingAverage)

# %% [markdown]
# <details>
# <summary>Hint 1: a question</summary>
#
# Which of the two models gets new numbers? What is d at the first update?
#
# </details>
#
# <details>
# <summary>Hint 2: a fact</summary>
#
# `zip(a.parameters(), b.parameters())` walks through two models side by side. `tensor.copy_(values)` changes a tensor's
# numbers in place, whereas `tensor = values` only gives the name to another tensor. `model.buffers()` are the buffers.
#
# </details>
#
# <details>
# <summary>Hint 3: the next step</summary>
#
# Count the update first and work out its d. Then walk through the parameters of `self.model` and `model` side by side,
# and copy each new average in place. The buffers get a loop of their own.
#
# </details>

# %% [markdown]
# To see it at work, take a model with a single weight. It starts at 0, moves to 1, and keeps wandering around.

# %%
if MAIN:
    t.manual_seed(0)
    model = nn.Linear(1, 1, bias=False)
    averages = {d: MovingAverage(model, d) for d in (0.9, 0.995)}
    curves = {name: [] for name in ["weight", *averages]}
    for step in range(1000):
        model.weight.data.fill_(1 - math.exp(-step / 100) + 0.2 * t.randn(()).item())
        curves["weight"].append(model.weight.item())
        for d, average in averages.items():
            average.update(model)
            curves[d].append(average.model.weight.item())
    styles = [("-", "grey", 0.5), ("--", "C0", 1.5), ("-", "black", 2.5)]
    for (name, values), (style, colour, width) in zip(curves.items(), styles, strict=True):
        label = name if name == "weight" else f"average, d = {name}"
        plt.plot(values, style, color=colour, lw=width, label=label)
    plt.xlabel("training step")
    plt.ylabel("weight")
    utils.label_lines()
    utils.show()

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![A thin jagged curve that rises from 0 to about 1 and stays there, jumping up and down. The average with d = 0.9, dashed, follows it with smaller jumps to the end; the one with d = 0.995, a thick line, follows as fast at first, and then becomes smooth.](images/part3_average.png)
#
# With d = 0.9 the average jitters to the end. With d = 0.995 it becomes smooth, and because its memory is short at
# first, it hardly lags behind.
#
# </details>

# %% [markdown]
# ### 3.5 Land softly
# *Let the learning rate rise, then fall to 0* · ●○○○○ · 10 minutes · Liu et al., Section 3
#
# Large steps get you far, and small steps get you exactly there. So let the steps shrink as the training goes on.
# They're small at the very start, too. Adam divides by an estimate of how large the gradients usually are, and after a
# handful of gradients that estimate is unreliable ([Liu et al.](https://arxiv.org/abs/1908.03265)).
#
# Write the learning rate for a step, counted from 1. For `warmup` steps it rises in a straight line, from peak / warmup
# at step 1 to `peak` at step `warmup`. From there it falls in a straight line and reaches 0 at step `total_steps`.

# %%
def learning_rate(step: int, total_steps: int, peak: float, warmup: int) -> float:
    """The learning rate of a step, on a straight line up to the peak or on a second one down to 0.
    step: 1 to total_steps   warmup: 1 to total_steps - 1, the step of the peak"""
    ### BEGIN SOLUTION
    if step <= warmup:
        return peak * step / warmup
    return peak * (total_steps - step) / (total_steps - warmup)
    ### END SOLUTION


# %%
if MAIN:
    tests.part3.check_learning_rate(learning_rate)

# %% [markdown]
# <details>
# <summary>Hint 1: a question</summary>
#
# How many steps are there between `warmup` and `total_steps`? What share of them is still to come at `step`?
#
# </details>
#
# <details>
# <summary>Hint 2: a fact</summary>
#
# A straight line from a at 0 to b at N has the value a + (b - a) · n / N at n.
#
# </details>
#
# <details>
# <summary>Hint 3: the next step</summary>
#
# Write the two lines as two cases, and test them at their ends. The rise gives `peak` at `warmup`. The fall gives
# `peak` at `warmup`, too, and 0 at `total_steps`.
#
# </details>

# %%
if MAIN:
    plt.plot(range(1, 1001), [learning_rate(n, 1000, peak=0.002, warmup=100) for n in range(1, 1001)])
    plt.xlabel("training step")
    plt.ylabel("learning rate")
    utils.show()

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![A straight line from 0 up to 0.002 at step 100, and another down to 0 at step 1000.](images/part3_learning_rate.svg)
#
# The learning rate over 1000 steps climbs briefly and then comes down slowly.
#
# </details>

# %% [markdown]
# ## Better: more steps in the same time
#
# You can also learn more by fitting more steps into the same time. A float32 spends 24 of its 32 bits on the digits of
# a number and the others on its size. Guessing noise doesn't need that many digits. A **bfloat16** has 16 bits, with 8
# for the digits, and covers the same range of sizes. Some processors and GPUs multiply such numbers faster. **Mixed
# precision** ([Micikevicius et al.](https://arxiv.org/abs/1710.03740)) multiplies in bfloat16 but keeps the weights in
# float32. You'll find out why in a moment.

# %% [markdown]
# ### 3.6 Half the bits
# *Compute the network in bfloat16, and nothing else* · ●○○○○ · 10 minutes · Micikevicius et al.
#
# Write `fp32_loss` again. In a block `with t.autocast(device, t.bfloat16):`, where `device` is a *name* such as
# `"cpu"`, PyTorch computes convolutions and matrix products in bfloat16. The weights stay as they are. Which of these
# belong in the block, the guess, the target, the comparison?
#
# And think about this. A weight is 0.5, and each step of the training adds 0.0005 to it. What is it after 1,000 steps
# in float32, and what in bfloat16? The cell below the hints tells you.

# %%
def bf16_loss(
    model: part1.Guesser, x0: t.Tensor, num_steps: t.Tensor, noise: t.Tensor, noised: t.Tensor
) -> t.Tensor:
    """The mean squared error between the network's guess, computed in bfloat16, and the model's target, in float32.
    x0, noise, noised: (B, C, H, W) float32   num_steps: (B,) int   returns: () float32, with a gradient"""
    ### BEGIN SOLUTION
    with t.autocast(noised.device.type, t.bfloat16):
        guess = model.network(noised, num_steps)
    return F.mse_loss(guess.float(), model.target(x0, noise, num_steps))
    ### END SOLUTION


# %%
if MAIN:
    tests.part3.check_bf16_loss(bf16_loss)

# %% [markdown]
# <details>
# <summary>Hint 1: a question</summary>
#
# Where does nearly all the time go? And what would you gain if the rest were rounded, too?
#
# </details>
#
# <details>
# <summary>Hint 2: a fact</summary>
#
# `noised.device.type` is the name of the device. The network's answer may come out as bfloat16, and `.float()` makes it
# float32.
#
# </details>
#
# <details>
# <summary>Hint 3: the next step</summary>
#
# Put only the call of `model.network` into the block and keep its answer. Then leave the block, turn the answer into
# float32, and compare it with the target as `fp32_loss` does.
#
# </details>

# %%
if MAIN:
    for number in (t.float32, t.bfloat16):
        weight = t.tensor(0.5, dtype=number)
        for _ in range(1000):
            weight += 0.0005
        print(f"{number}: {weight.item():.3f}")

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# In float32 the weight ends at 1.000. In bfloat16 it's still 0.500. Between 0.5 and 1, bfloat16 has only the multiples
# of 1/256, so 0.5005 is rounded back to 0.5, a thousand times. A network that kept its weights in bfloat16 would stop
# learning as soon as its steps were small. Rounding hurts where many small changes add up, as they do in a weight. What
# a network computes on the way to its guess is used once and forgotten.
#
# </details>

# %% [markdown]
# Is it worth it on your machine? Some processors have no instructions for bfloat16 and are slower with it. The course
# uses it only where the processor has them. Compare the two:

# %%
def computes_bf16_fast(device: t.device) -> bool:
    """Whether this device multiplies bfloat16 numbers faster than float32 numbers."""
    if device.type == "cuda":
        return t.cuda.is_bf16_supported(including_emulation=False)
    can = getattr(t.cpu, "get_capabilities", dict)()
    return device.type == "cpu" and bool(can.get("avx512_bf16") or can.get("amx_bf16"))


def seconds_per_step(loss_of: Callable, model: part1.Guesser, x0: t.Tensor) -> float:
    """The median time of some steps of training. loss_of: fp32_loss or bf16_loss"""
    times = []
    for _ in range(2 if IS_CI else 3):
        begin = time.perf_counter()
        loss_of(model, x0, *part1.noise_img(x0, model.noise_schedule)).backward()
        model.zero_grad()
        if x0.is_cuda:
            t.cuda.synchronize()
        times.append(time.perf_counter() - begin)
    return sorted(times)[len(times) // 2]


# %%
if MAIN:
    schedule = part1.NoiseSchedule(1000, device, cosine_schedule(1000))
    model, x0 = VelocityGuesser(make_unet(1000).to(device), schedule), clothes()[:16]
    fp32, bf16 = (seconds_per_step(loss_of, model, x0) for loss_of in (fp32_loss, bf16_loss))
    print(f"bfloat16 is {fp32 / bf16:.2f} times as fast as float32 here")
    print(f"this course will use it on this machine: {'yes' if computes_bf16_fast(device) else 'no'}")

# %% [markdown]
# ## Better: how samples are drawn
#
# Algorithm 2 takes all 1000 steps and calls the network once for each. But the network answers for any timestep, so why
# not go straight from 1000 to 980? You need a different rule for the step from $x_n$ to $x_m$, and
# [DDIM](https://arxiv.org/abs/2010.02502) has one, with a dial $\eta$ (eta). At $\eta = 1$ it adds fresh noise on the
# way. Taken one step at a time, that's Algorithm 2 with the paper's other choice of $\sigma$, the one from your
# `posterior`. At $\eta = 0$ it adds none, and each starting noise leads to one image. (If you look it up, beware. That
# paper writes $\alpha$ for our $\bar\alpha$.)

# %% [markdown]
# ### 3.7 Fewer, longer steps
# *Write the DDIM sampler* · ●●●●○ · 30 minutes · Song et al., Equations 12 and 16
#
# You're given `counts`, the timesteps from $T$ down to 0 in `n_steps` jumps. For each jump from $n$ to $m$:
#
# 1. Guess the noise, and with it the clean image (`part1.reconstruct`). Clip that to [-1, 1]. Then find the noise that
#    leads from the *clipped* image to $x$, which is
#    $\epsilon = (x - \sqrt{\bar\alpha_n}\, x_0) / \sqrt{1 - \bar\alpha_n}$.
# 2. Noise the clean image again, now for $m$ steps. Part of the noise is the guessed one, and part is fresh,
#    $z \sim N(0, I)$:
#
# $$x \leftarrow \sqrt{\bar\alpha_m}\, x_0 + \sqrt{1 - \bar\alpha_m - \sigma^2}\, \epsilon + \sigma z$$
#
# $$\sigma = \eta \sqrt{\frac{1 - \bar\alpha_m}{1 - \bar\alpha_n} \left(1 - \frac{\bar\alpha_n}{\bar\alpha_m}\right)}$$
#
# For every $\eta$, the variances of the two parts add up to $1 - \bar\alpha_m$, which is what Equation 4 asks for at
# step $m$. So $\eta = 0$ isn't Algorithm 2 with its noise left out, which made your gradients grey. There, too little
# noise is left for the next step. Here, the guessed noise goes back in at full strength.
#
# `schedule.alpha_bar(n)` gives $\bar\alpha_n$, of shape (1,). It rejects 0, where no noise is left and
# $\bar\alpha_0 = 1$. Rounding can push what's under the second root just below 0, so clamp it.

# %%
@t.no_grad()
def ddim_sample(
    model: part1.DiffusionModel,
    n_samples: int,
    n_steps: int = 50,
    eta: float = 1.0,
    start: t.Tensor | None = None,
    return_all_steps: bool = False,
) -> t.Tensor | list[t.Tensor]:
    """Draw images in few steps, as one batch (Song et al., Equation 12), with the guessed image clipped to [-1, 1].
    n_steps: 1 to T   eta: 0 (no fresh noise on the way) to 1 (as much as in Algorithm 2)
    start: (n_samples, C, H, W), the noise to begin with, or None to draw it
    returns: (n_samples, C, H, W) in [-1, 1]; with return_all_steps a list or tensor of n_steps + 1 such, noise first
    errors: ValueError for a model without a schedule, or for n_samples below 1"""
    schedule = utils.check_can_sample(model, n_samples)
    counts = t.linspace(len(schedule), 0, n_steps + 1).round().int().tolist()  # T, ..., 0
    ### BEGIN SOLUTION
    x = t.randn(n_samples, *model.img_shape, device=schedule.device) if start is None else start
    steps = [x]
    for n, m in pairwise(counts):
        alpha_bar_n = schedule.alpha_bar(n)
        alpha_bar_m = schedule.alpha_bar(m) if m > 0 else t.ones_like(alpha_bar_n)
        num_steps = t.full((n_samples,), n, device=x.device)
        x0 = part1.reconstruct(x, model(x, num_steps), num_steps, schedule).clamp(-1, 1)
        noise = (x - alpha_bar_n.sqrt() * x0) / (1 - alpha_bar_n).sqrt()
        sigma = eta * ((1 - alpha_bar_m) / (1 - alpha_bar_n) * (1 - alpha_bar_n / alpha_bar_m)).sqrt()
        kept = (1 - alpha_bar_m - sigma**2).clamp(min=0)  # rounding can push it below 0
        x = alpha_bar_m.sqrt() * x0 + kept.sqrt() * noise + sigma * t.randn_like(x)
        if return_all_steps:
            steps.append(x)
    return steps if return_all_steps else x
    ### END SOLUTION


# %%
if MAIN:
    tests.part3.check_ddim_sample(ddim_sample)

# %% [markdown]
# <details>
# <summary>Hint 1: a question</summary>
#
# Which pairs of timesteps does the loop go through? What is σ in the last step, where m = 0?
#
# </details>
#
# <details>
# <summary>Hint 2: a fact</summary>
#
# `pairwise([1000, 500, 0])` gives (1000, 500) and (500, 0). Where m is 0, use `t.ones_like(alpha_bar_n)` for ᾱ.
# `.clamp(min=0)` keeps what's under a root from falling below 0.
#
# </details>
#
# <details>
# <summary>Hint 3: the next step</summary>
#
# Start from `start` if it's given, else from fresh noise. Inside the loop over pairs, write one line for each quantity,
# in the order of the text. First comes the clipped image, then the noise that fits it, then σ, then the new x.
#
# </details>

# %% [markdown]
# Have you seen this $\sigma$ before? Look at Equation 7, which you wrote as `posterior` in Part 1. Its variance is
# $\tilde\beta_t = \frac{1 - \bar\alpha_{t-1}}{1 - \bar\alpha_t}\, \beta_t$. Now let $n$ and $m$ be the two ends of one
# long step. It keeps $\bar\alpha_n / \bar\alpha_m$ of the variance, so its beta is $1 - \bar\alpha_n / \bar\alpha_m$,
# and DDIM's $\sigma^2$ at $\eta = 1$ is the posterior's variance for that long step. The mean agrees, too. There's one
# catch. The posterior is exact if you know $x_0$, but you only have the average of what fits. The mean is still right
# with that, because it's linear in $x_0$. But the variance leaves out how uncertain $x_0$ is, and over a long step the
# truth isn't a Gaussian (Part 1, "Why the steps are small").

# %% [markdown]
# You need a trained model to see the sampler at work, so take the one that comes with the course. It was trained as
# described further down. Its weights fit the course's own U-Net, not one whose parts have other names.

# %%
def shipped_model() -> part1.DiffusionModel:
    """The model that comes with the course, trained for 8,000 steps; python -m tools.make_assets clothes makes it."""
    import solutions.part3_fashion_mnist as course

    model = course.make_guesser({"max_steps": 1000, "device": utils.get_device()})
    model.network.load_state_dict(t.load(utils.ASSETS / "clothes.pt", weights_only=True, map_location="cpu"))
    print("These weights come with the course, trained for 8,000 steps.")
    return model.eval().requires_grad_(False)


# %%
if MAIN:
    model = shipped_model()
    t.manual_seed(2)
    start = t.randn(8, *model.img_shape, device=model.noise_schedule.device)
    few, more, many = (1, 2, 3) if IS_CI else (5, 10, 50)
    with utils.show_steps(model, 2 * (few + more + many)):
        rows = {
            f"{n_steps} steps, η = {eta:g}": part1.denormalize_img(ddim_sample(model, 8, n_steps, eta, start))
            for eta in (0.0, 1.0)
            for n_steps in (few, more, many)
        }
    utils.show_rows(rows)

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![Six rows of eight samples. With η = 0, the rows for 5, 10 and 50 steps have much in common: seven pieces only become clearer, and what was a bag in 5 steps is a shoe in 10 and in 50. With η = 1 the three rows show different clothes: plain ones in 5 steps, more kinds and more detail in 50.](images/part3_ddim.png)
#
# All rows begin with the same eight noises. With η = 0 the noise decides. More steps make the same piece clearer, or
# turn it into a different one where a few steps were too coarse. With η = 1 fresh noise comes in at each step, so each
# row shows different clothes.
#
# </details>

# %% [markdown]
# A few samples won't tell you which row is best. Distances will, and you'll get them in a moment. Before that, here's a
# sampler that comes nearer in as many steps.
#
# ### Look ahead
#
# Fifty calls of the network for one batch of images are still many. Look at what a long step does. It takes the clean
# image that the network guesses at the step's *start*, and trusts it all the way down. But the guess changes on the
# way, because with less noise, fewer images fit. The guess from the *middle* of the step would be the better one to
# follow. Asking the network for it would cost one more call.
#
# You can do it for free. You know the guess of the step before, $x_0'$, so you know that the guess has moved by
# $x_0 - x_0'$ within one step. Half a step further on, it will have moved by about half of that again:
#
# $$x_0 + \frac{x_0 - x_0'}{2}$$
#
# Follow this instead of $x_0$. If you've solved differential equations numerically, you've met it as the method of
# Adams and Bashforth. Its order is two. With steps of half the length, the error on the path is about a quarter, where
# plain steps only halve it. [DPM-Solver++](https://arxiv.org/abs/2211.01095), the sampler "DPM++ 2M" of the image
# programs, does the same, but weighs the difference by how long the two steps are in log signal-to-noise.
#
# Your sampler doesn't have to change for it. `LookAhead` puts itself around your model, and whatever asks for its guess
# gets the better one.

# %%
class LookAhead(part1.DiffusionModel):
    """A model that carries each guessed image on by half a step, in the direction in which it moved in the last one."""

    def __init__(self, model: part1.DiffusionModel):
        super().__init__()
        self.model, self.img_shape, self.noise_schedule = model, model.img_shape, model.noise_schedule

    def forward(self, images: t.Tensor, num_steps: t.Tensor) -> t.Tensor:
        """Guess the noise, all at one timestep, on the way from T down.
        images: (B, C, H, W), noised   num_steps: (B,)   returns: (B, C, H, W)"""
        x0 = part1.reconstruct(images, self.model(images, num_steps), num_steps, self.noise_schedule).clamp(-1, 1)
        is_first = num_steps[0] == len(self.noise_schedule)
        ahead = x0 if is_first else x0 + (x0 - self.last) / 2
        self.last = x0
        alpha_bar = rearrange(self.noise_schedule.alpha_bar(num_steps), "b -> b 1 1 1")
        return (images - alpha_bar.sqrt() * ahead) / (1 - alpha_bar).sqrt()


# %%
if MAIN:
    model = shipped_model()
    t.manual_seed(2)
    start = t.randn(8, *model.img_shape, device=model.noise_schedule.device)
    few, many = (2, 3) if IS_CI else (10, 50)
    with utils.show_steps(model, 2 * few + many):
        rows = {
            f"{few} steps": ddim_sample(model, 8, few, 0.0, start),
            f"{few}, looking ahead": ddim_sample(LookAhead(model), 8, few, 0.0, start),
            f"{many} steps": ddim_sample(model, 8, many, 0.0, start),
        }
    utils.show_rows({name: part1.denormalize_img(images) for name, images in rows.items()})

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![Three rows of eight, with the same T-shirts, trousers, bag and shoes in all of them. In the lowest row, of 50 steps, the jacket has lost its sleeves, and in the lower two the dark T-shirt comes apart.](images/part3_ahead.png)
#
# All three end in nearly the same clothes, and by eye you'd hardly choose between them. That's why you need a measure.
#
# </details>

# %% [markdown]
# Now the distances, measured beforehand. Each was taken three times, with 2,000 new samples of the same model.

# %%
if MAIN:
    for name, runs in json.loads((utils.ASSETS / "samplers.json").read_text(encoding="utf-8")).items():
        print(f"{name:33} distances" + "".join(f"{far:5.0f}" for far in runs))

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# Compare the three runs of a row first. Nothing differs between them but the random numbers, and yet one row goes from
# 41 to 47 and another from 80 to 92. So a small gap between two rows says nothing.
#
# Looking ahead makes a large one. In 25 steps it comes to 26, where plain steps of the same kind come to 44, and to 33
# even in 50. It's better with half the calls. In ten steps without fresh noise, it takes 70 down to 51.
#
# For this network, fresh noise gives better samples than none if there are enough steps. Looking ahead in 25 steps,
# it's 26 against 38. In ten plain steps it's behind, 87 against 70.
#
# Don't take that for a law. The DDIM paper's Table 1 has it the other way round for photographs. At 50 steps on
# CIFAR-10, no fresh noise gives an FID of 4.67 and η = 1 gives 8.01.
#
# </details>

# %% [markdown]
# ## One jump or many steps
#
# Part 1 says that a network trained with squared error answers with the *average* of everything that fits, and that one
# jump to the clean image therefore blurs. With gradients, you saw that as a shrinking cloud. With clothes, you'll see
# the blur itself.
#
# Take a sneaker that the network has never seen, and noise it to $n$ = 900, 800, 700, 500 and 300. There are two ways
# back. You can guess the noise and jump straight to the image with `reconstruct`. Or you can draw samples that begin at
# this very $x_n$ and go down in steps of 20. You'll get one jump and five samples from each.
#
# What will the jump from 900 look like, and what will its five samples be? And which of the two comes nearer to the
# true sneaker, in mean squared error? Decide before you run the cell.

# %% tags=["folded"]
def from_step(model: part1.DiffusionModel, noised: t.Tensor, n: int, n_steps: int) -> t.Tensor:
    """Draw a clean image from each image after n steps of noise, by a schedule that ends there.
    noised: (B, C, H, W)   n_steps: 1 to n   returns: (B, C, H, W) in [-1, 1]"""
    shorter, T = copy.deepcopy(model), len(model.noise_schedule)
    shorter.noise_schedule = part1.NoiseSchedule(n, noised.device, cosine_schedule(T)[:n])
    return ddim_sample(shorter, len(noised), n_steps, start=noised)


@t.no_grad()
def jump_or_sample(model: part1.DiffusionModel, x0: t.Tensor, n: int, n_samples: int = 5) -> tuple[t.Tensor, ...]:
    """Noise images to step n, and go back in one jump and in steps of 20. x0: (B, C, H, W)
    returns: the noised images and the jumps (B, C, H, W), and the samples (n_samples * B, C, H, W)"""
    schedule, num_steps = model.noise_schedule, t.full((len(x0),), n, device=x0.device)
    signal = schedule.alpha_bar(n)
    noised = signal.sqrt() * x0 + (1 - signal).sqrt() * t.randn_like(x0)
    jumps = part1.reconstruct(noised, model(noised, num_steps), num_steps, schedule).clamp(-1, 1)
    samples = from_step(model, noised.repeat(n_samples, 1, 1, 1), n, n // (100 if IS_CI else 20))
    return noised, jumps, samples


# %%
if MAIN:
    model, steps = shipped_model(), [900, 800, 700, 500, 300]
    sneaker, rows = clothes(train=False)[9:10], []
    for n in steps:
        t.manual_seed(0)  # the same noise at each n
        noised, jump, samples = jump_or_sample(model, sneaker, n)
        rows += [sneaker, noised.clamp(-1, 1), jump, samples]
        errors = [(images - sneaker).square().mean().item() for images in (jump, samples)]
        print(f"n = {n}: squared error of the jump {errors[0]:.3f}, of the samples {errors[1]:.3f}")

    _, axis = plt.subplots(figsize=(7.4, 4.9), layout="constrained")
    axis.imshow(utils.grid(part1.denormalize_img(t.cat(rows))), cmap="gray", vmin=0, vmax=255)
    axis.set_xticks([28, 84, 140, 308], ["the image", "noised", "one jump", "five samples from the same noised image"])
    axis.set_yticks([28 + 56 * row for row in range(len(steps))], [f"n = {n}" for n in steps])
    axis.tick_params(length=0, top=False, labeltop=True, labelbottom=False)
    axis.set_frame_on(False)
    utils.show()

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![Five rows, from n = 900 down to 300. Each shows a sneaker, the sneaker in noise, one jump back, and five samples. At 900 the jump is a grey smear, and the samples are a pullover, two sneakers, a torn shoe and a boot, all sharp. At 800 they are all sneakers, at 300 nearly the same sneaker five times, and the jump is only a little soft.](images/part3_jump.png)
#
# From 900, the jump is a grey smear about as wide as a shoe, and the samples are a pullover, two sneakers, a torn shoe
# and a boot. With less noise, fewer images fit. From 800 on all samples are sneakers that differ in their details, and
# at 300 you get nearly the same shoe five times.
#
# </details>

# %% [markdown]
# In every row the jump is *nearer* to the true sneaker, and in every row it's blurrier. Both have the same cause. The
# average of all images that fit is the cheapest answer in squared error, and it belongs to none of them. A sample has
# to make up its mind. It picks one of the images that fit, and the truth is a different one.
#
# You can even say how much that costs. Given $x_n$, the truth scatters around the average, and an ideal sample scatters
# around it in the same way, independently. So its squared error is on average exactly *twice* that of an ideal jump.
# Over fifty test images, this network and this sampler come to about 1.6 times, so the samples scatter too little, or
# the jump isn't the ideal one.
#
# So a small error doesn't mean a good picture, and that's why sampling takes many steps. Each step asks for the average
# only to go a short way towards it, and then the question is a new one that fewer images fit. The paper does the same
# with faces in its Figure 7.

# %% [markdown]
# ## All of it together
#
# Now put it all into one training loop. `train_longer` is given, except for the step that does the learning.

# %% [markdown]
# ### 3.8 One step of training
# *Turn a loss into better weights* · ●●○○○ · 15 minutes · Algorithm 1, line 5
#
# Part 1's loop needed three lines for this. Now you have more tools, and their order matters:
#
# - The step has its own learning rate, `lr`. An optimizer keeps its rate in `optimizer.param_groups[0]["lr"]`.
# - One odd batch can throw the weights far off. So **clip** the gradient before you use it. If its length, over all
#   parameters together, is more than 1, shorten it to 1. `nn.utils.clip_grad_norm_` does that.
# - The moving average takes in the weights that come out of this step.

# %%
def training_step(
    loss: t.Tensor, lr: float, model: nn.Module, optimizer: t.optim.Optimizer, average: MovingAverage
) -> None:
    """Take one step down the gradient of the loss, clipped to length 1, and update the average.
    loss: (), with a graph that leads to the model's parameters   lr: the learning rate of this step"""
    ### BEGIN SOLUTION
    optimizer.param_groups[0]["lr"] = lr
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    average.update(model)
    ### END SOLUTION


# %%
if MAIN:
    tests.part3.check_training_step(training_step)

# %% [markdown]
# <details>
# <summary>Hint 1: a question</summary>
#
# When does the gradient exist, and when is it used up? Where between these two moments can you clip it? Which weights
# should the average take in?
#
# </details>
#
# <details>
# <summary>Hint 2: a fact</summary>
#
# `backward` *adds* to the gradients that are already there. `nn.utils.clip_grad_norm_(parameters, max_norm)` changes
# the gradients in place. The optimizer reads its learning rate when you call `step`.
#
# </details>
#
# <details>
# <summary>Hint 3: the next step</summary>
#
# Write down the three lines of Part 1's loop first. Then put the learning rate somewhere before `step`, the clipping
# between `backward` and `step`, and the average after `step`.
#
# </details>

# %% [markdown]
# This is the whole loop, with your step in it. Around it there's `utils.Saved`, which writes everything to a file every
# few seconds, the weights, the average, the optimizer and the random numbers. If you stop the cell or the kernel dies,
# run it again, and it continues where it was.

# %% tags=["folded"]
def clothes_config() -> dict[str, Any]:
    """The settings of the whole training, ten to twenty minutes on two cores. A GPU gets more steps and larger batches.
    Tiny under IS_CI."""
    device = utils.get_device()
    on_gpu = device.type == "cuda"
    return dict(
        lr=0.005,
        warmup=2 if IS_CI else 100,
        n_steps=6 if IS_CI else 20_000 if on_gpu else 8000,
        batch_size=8 if IS_CI else 256 if on_gpu else 64,
        decay=0.999 if on_gpu else 0.995,
        max_steps=20 if IS_CI else 1000,
        bf16=computes_bf16_fast(device),
        img_log_interval=3 if IS_CI else 500,
        n_images_to_log=16,
        device=device,
    )


def draw_samples(model: part1.DiffusionModel, config: dict[str, Any]) -> dict[str, Any]:
    """What to log during the training, a picture of samples drawn in twenty steps."""
    samples = ddim_sample(model, config["n_images_to_log"], n_steps=20)
    return {"samples": [utils.grid(part1.denormalize_img(samples))]}


# %% tags=["folded"]
def minibatches(
    n_images: int, batch_size: int, done: int, total: int, device: t.device | None = None
) -> Iterator[tuple[int, t.Tensor]]:
    """The steps from done + 1 to total, each with the rows of its minibatch. All images come once, then all again in a
    different order. The orders are the same in every run, so that a run which is continued gets the rows that are due.
    device: where the images are, because fetching rows from elsewhere at each step would keep a GPU waiting"""
    per_epoch = n_images // batch_size
    if not per_epoch:
        raise ValueError(f"{n_images} images do not fill a minibatch of {batch_size}: choose a smaller batch_size")
    for epoch in range(done // per_epoch, math.ceil(total / per_epoch)):
        order = t.randperm(n_images, generator=t.Generator().manual_seed(epoch)).to(device)
        for i, rows in enumerate(order.split(batch_size)[:per_epoch]):
            step = epoch * per_epoch + i + 1
            if done < step <= total:
                yield step, rows


# %%
def train_longer(
    model: part1.Guesser,
    config_dict: dict[str, Any],
    images: t.Tensor,
    path: Path | None = None,
    watch: Callable = draw_samples,
) -> part1.Guesser:
    """Train a model with everything in this part, from where it was last saved if it was.
    images: (N, C, H, W) in [-1, 1], on the model's device   path: where to save it, or None
    watch: gives what to log of the averaged model, every img_log_interval steps
    returns: the model with averaged weights
    errors: KeyError for a missing setting, ValueError if path holds another training"""
    config = utils.Settings(config_dict)
    optimizer = t.optim.Adam(model.parameters(), lr=config["lr"], fused=True)
    average = MovingAverage(model, config["decay"])
    nature = config_dict | {"guesser": type(model).__name__}  # a save of v is useless to a guesser of noise
    parts = dict(network=model.network, average=average, averaged=average.model, optimizer=optimizer)
    saved = utils.Saved(path, nature, **parts)
    loss_of = bf16_loss if config["bf16"] else fp32_loss
    with utils.start_run(config, config["n_steps"], config["batch_size"], begin=saved.step) as run:
        batches = minibatches(len(images), config["batch_size"], saved.step, config["n_steps"], images.device)
        for step, rows in batches:
            lr = config["lr"]
            if config["warmup"]:
                lr = learning_rate(step, config["n_steps"], config["lr"], config["warmup"])
            x0 = images[rows]
            num_steps, noise, noised = part1.noise_img(x0, model.noise_schedule)
            loss = loss_of(model, x0, num_steps, noise, noised)
            training_step(loss, lr, model, optimizer, average)
            run.log({"train_loss": loss}, step)
            if step % config["img_log_interval"] == 0:
                with utils.fork_rng():  # drawing must not change the training
                    run.log(watch(average.model, config), step)
            saved.after(step)
    saved.save()
    return average.model


# %% [markdown]
# ## What each change brings
#
# If you train with everything at once, you can't tell what helped. So several recipes were trained beforehand, each for
# the same time, about ten minutes of one processor core. The first one is as in Part 1, and each of the next five makes
# one change to the one before it. Then v is taken back out, and at last the learning rate goes up. All samples are
# drawn in 50 steps, with the guessed image clipped.
#
# One training tells you little. So they were all trained again with other random numbers, once more on a processor and
# once on a GPU, for as many images each. (The first recipe was trained once on a processor and twice on the GPU.) On
# the GPU the distances come out lower in nearly every row, and nobody has found out why yet. So compare the runs on a
# processor with each other, and those on the GPU with each other.

# %%
class NoiseGuesser(part1.Guesser):
    """A network that guesses the noise, as in Part 1, in the form that train_longer needs."""

    def target(self, x0: t.Tensor, noise: t.Tensor, num_steps: t.Tensor) -> t.Tensor:
        """What the network should answer: the noise. x0, noise: (B, C, H, W)   num_steps: (B,)"""
        return noise

    def forward(self, images: t.Tensor, num_steps: t.Tensor) -> t.Tensor:
        """Guess the noise. images: (B, C, H, W), noised   num_steps: (B,)   returns: (B, C, H, W)"""
        return self.network(images, num_steps)


RECIPES = {  # each makes one change to the one before
    "as in Part 1": dict(
        lr=0.002, schedule=part1.linear_schedule, guesser=NoiseGuesser, decay=0.0, warmup=0, bf16=False
    ),
    "+ cosine schedule": dict(schedule=cosine_schedule),
    "+ v-prediction": dict(guesser=VelocityGuesser),
    "+ average of weights": dict(decay=0.995),
    "+ falling learning rate": dict(warmup=100),
    "+ bfloat16": dict(bf16=True),
    "all, but not v": dict(guesser=NoiseGuesser),
    "+ a higher learning rate": dict(lr=0.005),
}


# %% tags=["folded"]
def recipe(name: str) -> dict[str, Any]:
    """The settings of a recipe, with all changes up to the named one, and bfloat16 only where it's fast."""
    settings = clothes_config()
    fast = settings["bf16"]
    for each, change in RECIPES.items():
        settings |= change
        if each == name:
            return settings | dict(bf16=fast and settings["bf16"])
    raise KeyError(f"no recipe is called {name!r}: choose one of {', '.join(RECIPES)}")


def train_for(
    seconds: float, model: part1.Guesser, config: dict[str, Any], n_pictures: int = 0
) -> tuple[part1.Guesser, int]:
    """Train a model with train_longer for so many processor seconds, and show so many pictures of samples on the way.
    returns: the model with averaged weights, and how many images it has learned from"""
    loss_of, x0 = bf16_loss if config["bf16"] else fp32_loss, clothes()[: config["batch_size"]]
    n_steps = steps_within(seconds, lambda: loss_of(model, x0, *part1.noise_img(x0, model.noise_schedule)).backward())
    model.zero_grad()  # the trial leaves gradients
    fitting = dict(n_steps=n_steps, warmup=min(config["warmup"], n_steps // 2))
    fitting["img_log_interval"] = n_steps // n_pictures if n_pictures else n_steps + 1
    return train_longer(model, config | fitting, clothes()), n_steps * len(x0)


def try_recipe(name: str, seconds: float) -> tuple[part1.Guesser, int]:
    """Train a new model by a recipe for so many processor seconds.
    returns: the model, and how many images it has learned from"""
    config = recipe(name)
    schedule = part1.NoiseSchedule(config["max_steps"], config["device"], config.pop("schedule")(config["max_steps"]))
    model = config.pop("guesser")(make_unet(config["max_steps"]).to(config["device"]), schedule)
    return train_for(seconds, model, config)


# %% [markdown]
# ### 3.9 Bet before you look
# *Put the recipes in order, and say which gaps you'd believe* · ●●○○○ · 10 minutes · what you know so far
#
# `RECIPES` above lists them, from "as in Part 1" to "+ a higher learning rate". Write down your bets before you go on.
#
# 1. Which change lowers the distance most, and which least? Could one of them even raise it? Say why.
# 2. When one recipe was trained twice, with different random numbers, it came out at 49 and at 55. (They were measured
#    with 1,000 samples in 25 steps, so take the gap, not the numbers.) How large must a gap between two rows be before
#    you believe it?

# %% [markdown]
# ### BEGIN SOLUTION
# 1. Your bet is as good as its reason. Here are some. The cosine schedule might bring most, because the linear one
#    spends nearly a third of its timesteps where hardly anything is left to learn. v counts the errors of very noisy
#    images far more than ε does, and whether that helps so small a network isn't clear. It could go either way. The
#    average and the falling learning rate both calm the weights at the end, so once you have one, the other should
#    bring less. bfloat16 changes nothing but the number of images, so it should help as much as training somewhat
#    longer.
# 2. Chance alone made a gap of 6, and that's from a single pair. The next pair might be much further apart. A gap of 5
#    or 10 says nothing, and one of 20 or 30 from single runs is a hint. To be sure, you need several runs of each
#    recipe. If they all agree, even a small gap counts.
# ### END SOLUTION

# %% tags=["folded"]
def show_ablation() -> None:
    """Show each recipe's distance in every run, and ten samples of the first."""
    rows = json.loads((utils.ASSETS / "ablation.json").read_text(encoding="utf-8"))["rows"]
    plt.figure(figsize=(utils.WIDE, 2.8), layout="constrained")
    for row in rows:
        name, runs, on_gpu = row["recipe"], row["distances"], row["distances_on_gpu"]
        listed = ["".join(f"{far:5.0f}" for far in each) for each in (runs, on_gpu)]
        print(f"{name:24} {row['images']:7,d} images {listed[0]:10}   on a GPU {listed[1]}")
        plt.barh(name, sum(runs + on_gpu) / len(runs + on_gpu), color="lightsteelblue")
        (dots,) = plt.plot(runs, [name] * len(runs), "o", color="C3", markersize=5)
        (triangles,) = plt.plot(on_gpu, [name] * len(on_gpu), "^", color="C0", markersize=5)
    plt.gca().invert_yaxis()
    plt.legend([dots, triangles], ["on a processor", "on a GPU"])
    plt.xlabel("distance: the mean, and each training")
    utils.show()
    pictures = t.load(utils.ASSETS / "ablation.pt", weights_only=True)
    labels = {row["recipe"]: f"{row['recipe']}\ndistance {row['distances'][0]:.0f}" for row in rows}
    utils.show_rows({labels.get(name, name): images / 255 for name, images in pictures.items()})


# %%
if MAIN:
    show_ablation()

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![Eight bars, one a recipe, with a circle for each training on a processor and a triangle for each on a GPU. As in Part 1: 195; on a GPU 156 and 143. With the cosine schedule: 94 and 199; 194. With v-prediction: 124 and 134; 117. With the average of weights: 100 and 88; 87. With the falling learning rate: 104 and 101; 96. With bfloat16: 86 and 78; 75. All but v: 65 and 67; 60. With a higher learning rate: 58 and 56; 48.](images/part3_ablation_bars.svg)
#
# ![Nine rows of ten samples, most of them the same piece of clothing in several rows. As in Part 1: clothes with holes and odd patterns. With the cosine schedule: most are whole. The same, not clipped: eight pale squares or shapes and two nearly black ones. In the six rows below, of which all but the last two guess v, most are whole, and some have holes.](images/part3_ablation.png)
#
# </details>

# %% [markdown]
# What do three runs tell you that one doesn't?
#
# - The **cosine schedule** came out at 94 once, and at 199 and 194 the other times. If you'd seen the first run alone,
#   you'd have praised it, and either of the others would have made you drop it. This row still has a constant learning
#   rate and no average, so the weights never settle, and you measure wherever they happen to be when the time is up.
#   (You also have to clip the guessed image. The third row of pictures is the same network, sampled by Algorithm 2,
#   which doesn't clip. Its numbers run up to 24.)
# - The **average** takes 124 and 134 down to 100 and 88, and on the GPU 117 down to 87. All three agree, so you can
#   believe it. The **falling learning rate** by itself came out a little worse in all three, by no more than chance
#   could explain. But it makes the last row possible.
# - **bfloat16** fits more training into the time. The rows below it learned from 188,000 and 171,000 images, and the
#   float32 rows from 131,000 to 151,000. All three runs gain about 20.
# - **v** comes out behind the noise, 86 and 78 against 65 and 67, and on the GPU 75 against 60. It kept its promise all
#   the same. Without clipping, its numbers stay within 1.2.
# - A **higher learning rate** takes 65 and 67 down to 58 and 56, and on the GPU 60 down to 48. The gap is small, but no
#   run contradicts it, and a longer training on the same GPU says the same. With 312,000 images, a rate of 0.002 came
#   to 40 and one of 0.005 to 33. It only works because the rate falls to 0 later.
#
# How did your bet turn out? Whatever you were sure of, check whether these rows can decide it. The whole training below
# uses the recipe of the last row, because it has the best number so far.

# %% [markdown]
# Try it yourself. The next cell trains two of the recipes for three processor seconds each. That's too short for either
# to draw clothes, and with only 100 samples the distance comes out too large. Give them 600 seconds and come back
# later, with a new `t.manual_seed` each time. Then you'll have a spread. (Where bfloat16 is slow, the recipe does
# without it.)

# %%
if MAIN:
    for name in ("as in Part 1", "all, but not v"):
        t.manual_seed(0)
        begin = time.process_time()
        model, n_images = try_recipe(name, seconds=0.2 if IS_CI else 3)
        far = distance(ddim_sample(model, 20 if IS_CI else 100, n_steps=5))
        seconds = time.process_time() - begin
        print(f"{name:15} {n_images:6,d} images, distance {far:5.1f}, {seconds:.0f} processor s")

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# Both come out around 550. After so short a training, chance decides which one is ahead.
#
# </details>

# %% [markdown]
# ## The whole training
#
# Now the last recipe gets the time that it needs.

# %%
def make_guesser(config: dict[str, Any]) -> NoiseGuesser:
    """An untrained U-Net that guesses the noise, with the cosine schedule, as the best of the recipes has it."""
    schedule = part1.NoiseSchedule(config["max_steps"], config["device"], cosine_schedule(config["max_steps"]))
    return NoiseGuesser(make_unet(config["max_steps"]).to(config["device"]), schedule)


# %% [markdown]
# **Train it yourself.** It takes ten to twenty minutes on two cores with fast bfloat16, as measured on a server's.
# Without bfloat16, expect three to six times as long. Set `utils.FULL = True` in a new cell above this one and have a
# cup of tea. (With a GPU that's the default.) From then on, all results below are those of *your* network. The training
# is kept in `saves/clothes.pt`. To start over, move that file away.
#
# If you can't spare the time, the course comes with a network that was trained in just this way, and the results below
# are its results. Then the next cell only trains it a little further, for 6 processor seconds, so that you can watch.
# What it learns there is thrown away.

# %%
def trains_here() -> bool:
    """Whether the long training happens here. If not, the course's own result is used."""
    return IS_CI or utils.FULL or utils.get_device().type == "cuda"


@cache
def clothes_model() -> NoiseGuesser:
    """The model whose results follow, trained here if trains_here(), else the one that comes with the course."""
    if not trains_here():
        return shipped_model()
    t.manual_seed(0)
    config = clothes_config()
    with utils.all_cores():
        return train_longer(make_guesser(config), config, clothes(), None if IS_CI else utils.SAVES / "clothes.pt")


# %%
if MAIN:
    model = clothes_model()
    if not trains_here():
        t.manual_seed(0)
        train_for(6, copy.deepcopy(model).requires_grad_(), clothes_config() | dict(lr=0.0003), n_pictures=2)

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![Two rows of eight small samples, drawn in twenty steps: most are tops, coats, dresses and bags, with one shoe among them, plain to see; some are torn or of no clear kind.](images/part3_live.png)
#
# While it trains, `train_longer` draws a few samples, twice. The second picture replaces the first and begins with
# different noise. Sixteen samples are too few to tell which picture is better.
#
# </details>

# %% [markdown]
# Here's the distance over the whole training of 8,000 steps with 64 images each. The course trained this network on a
# GPU, and drew these samples there, in 100 steps.

# %%
def show_curve() -> None:
    """Draw how the distance falls in the whole training, as it was done for the course."""
    measured = json.loads((utils.ASSETS / "clothes.json").read_text(encoding="utf-8"))["measured"]
    plt.figure(figsize=(6, 3), layout="constrained")
    plt.plot([row["images"] for row in measured], [row["distance"] for row in measured], "o-", clip_on=False)
    plt.gca().xaxis.set_major_formatter("{x:,.0f}")
    plt.xlabel("images seen")
    plt.ylabel("distance of 2,000 samples")
    plt.xlim(0, None)
    plt.ylim(0, None)
    utils.show()


# %%
if MAIN:
    show_curve()

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![The distance against the images seen: it falls from 61 after 128,000 images to 40, 33 and 27 after 512,000.](images/part3_curve.svg)
#
# Each quarter of the training brings less than the one before, and even the last one still helps. A look at the loss of
# single batches wouldn't have told you when to stop.
#
# </details>

# %% [markdown]
# You've now met this one recipe with several numbers. Every distance depends on how long the network learned, in how
# many steps the samples were drawn, and how many there were. This table puts them side by side.
#
# | training | images seen | samples | drawn in | distance |
# |---|---|---|---|---|
# | the last row of "What each change brings", twice | 171,072 | 2,000 | 50 steps | 58 and 56 |
# | the same, once more | 171,072 | 2,000 | 50 steps, on a GPU | 48 |
# | the whole training, a quarter done | 128,000 | 2,000 | 100 steps, on a GPU | 61 |
# | the same, half done | 256,000 | 2,000 | 100 steps, on a GPU | 40 |
# | the same, three quarters done | 384,000 | 2,000 | 100 steps, on a GPU | 33 |
# | the same, done | 512,000 | 2,000 | 100 steps, on a GPU | 27 |
# | its weights as shipped, in half precision | 512,000 | 2,000 | 50 steps | 34 |
# | | | 2,000 | 25 steps | 42 |
# | the benchmark with a rate of 0.002: ten minutes of two cores | 311,936 | 2,000 | 50 steps | 45 |
# | the same with a rate of 0.005, three times | 311,936 | 2,000 | 50 steps | 38, 42 and 43 |
# | | | 2,000 | 25 steps, looking ahead | 30, 33 and 37 |
# | the rate of 0.002 again: equal time with other libraries, twice | 369,216 | 1,000 | 25 steps | 49 and 55 |
#
# (The last four rows are in [Speed](../docs/speed.md), too. The learning rate falls over the whole length of each
# training, so a quarter of a long one isn't the same as a short one.) Compare only rows in which everything but one
# thing agrees.

# %% [markdown]
# ## Results
#
# Draw a few samples in 50 steps each. They're made on your machine, just now.

# %%
if MAIN:
    model = clothes_model()
    t.manual_seed(0)
    with utils.show_steps(model, 50):
        samples = ddim_sample(model, 16, min(50, len(model.noise_schedule)))
    utils.show_images([part1.denormalize_img(image) for image in samples.cpu()])

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![Sixteen samples in two rows: most are shirts, pullovers, trousers, boots and bags, plain to see; three or four are torn or of no clear kind.](images/part3_drawn.png)
#
# Most of them are clothes that you'd recognise at once. Three or four are torn, or something between two kinds.
#
# </details>

# %% [markdown]
# To judge the network you need 2,000 samples in 50 steps each. That would keep two cores busy for several minutes. If
# you've trained the network yourself, it's time well spent, and they're drawn here. For the course's own network
# they're shipped, 64 of them as images and all of them as features.

# %%
def draw_many(model: part1.DiffusionModel, n_steps: int = 50, eta: float = 1.0, seed: int = 0) -> t.Tensor:
    """2,000 samples, from the same random numbers for each seed (20 under IS_CI). returns: (2000, 1, 28, 28)"""
    batches, n_steps = [20] if IS_CI else [250] * 8, min(n_steps, len(model.noise_schedule))
    with utils.all_cores(), utils.fork_rng(), utils.show_steps(model, len(batches) * n_steps):
        t.manual_seed(seed)
        return t.cat([ddim_sample(model, n_samples, n_steps, eta) for n_samples in batches])


@cache
def clothes_samples() -> tuple[t.Tensor, t.Tensor]:
    """Samples of clothes_model, drawn at the first call and kept, or those that come with the course.
    returns: 64 images (64, 1, 28, 28) in [-1, 1]; the features of all 2,000 (2000, 64)"""
    if trains_here():
        samples = draw_many(clothes_model(), n_steps=50)
        return samples[:64], features_of(samples)
    shipped = t.load(utils.ASSETS / "samples.pt", weights_only=True)
    return part1.normalize_img(shipped["images"] / 255), shipped["features"].float()


# %% tags=["folded"]
def show_grids(grids: dict[str, t.Tensor], columns: int = 8) -> None:
    """Show sets of images side by side, each in rows without gaps, and each pixel as 2 × 2 of the screen.
    grids: by title, equal numbers of images (N, C, H, W) in [0, 1]   columns: of each grid"""
    pictures = {title: utils.grid(images, columns) for title, images in grids.items()}
    width, height = next(iter(pictures.values())).size
    size = t.tensor([width * (1.04 * len(grids) - 0.04), height + 24]) / plt.rcParams["figure.dpi"]
    place = {"left": 0, "right": 1, "bottom": 0, "top": height / (height + 24), "wspace": 0.04}
    _, axes = plt.subplots(1, len(grids), figsize=size.tolist(), squeeze=False, gridspec_kw=place)
    for axis, (title, picture) in zip(axes[0], pictures.items(), strict=True):
        axis.imshow(picture, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
        axis.set_title(title, fontsize=10)
        axis.axis("off")
    utils.show()


# %%
if MAIN:
    clothes_samples.cache_clear()
    samples, _ = clothes_samples()
    sets = {"samples": samples, "test images": clothes(train=False)[:64]}
    show_grids({name: part1.denormalize_img(images) for name, images in sets.items()})

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![Two grids of 64 small grey pictures of clothes. Left, samples: most of them are plainly trousers, dresses, pullovers, shoes, boots or bags, some are torn or of no clear kind. Right, test images.](images/part3_samples.png)
#
# Most samples are clothes that anyone would recognise, of all kinds. Look closer and you'll find torn sleeves, and
# patterns that don't hold together. The training was short, and the network has only 0.28 million parameters.
#
# </details>

# %%
def class_shares(features: t.Tensor) -> t.Tensor:
    """The share of images the classifier takes for each class. features: (N, 64), of the images   returns: (10,)"""
    return classes_seen(features).bincount(minlength=len(utils.CLASSES)) / len(features)


# %%
if MAIN:
    _, drawn = clothes_samples()
    noised, real = features_of_damaged()["noise"], features_of_damaged()["as they are"]
    sets = {"samples": drawn, "training images with noise": noised, "training images": real}
    for name, features in sets.items():
        print(f"{name:28} distance {distance_of(features):7.1f}")
    print("\nclass      samples  training images")
    for name, *shares in zip(utils.CLASSES, class_shares(drawn), class_shares(real), strict=True):
        print(f"{name:10} {shares[0]:7.1%} {shares[1]:16.1%}")

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# The samples come out at 34, a fifth of what noise of standard deviation 0.1 does to real images (173). A hundred real
# images over and over scored 43 above. There no image is wrong but nearly all are missing, and here many are a little
# wrong. Real images are near 0, so there's room to improve. No class is missing. Sandals are the rarest, with one in
# nineteen samples.
#
# </details>

# %% [markdown]
# Has it memorised its training images? Put some samples beside the training images that are nearest to them, pixel by
# pixel.

# %%
def nearest(samples: t.Tensor, images: t.Tensor, k: int) -> t.Tensor:
    """The k images that are nearest to each sample, by the sum of squared differences.
    samples: (N, C, H, W)   images: (M, C, H, W)   returns: (N, k, C, H, W)"""
    rows = t.cdist(samples.flatten(1), images.flatten(1)).topk(k, largest=False).indices
    return images[rows]


# %%
if MAIN:
    samples = clothes_samples()[0][:8].to(device)
    neighbours = nearest(samples, clothes(), k=3)
    rows = [samples, *neighbours.unbind(dim=1)]
    utils.show_images([part1.denormalize_img(image).cpu() for images in rows for image in images])

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![Four rows of eight pieces of clothing: samples on top, and below each of them three training images, most of much the same shape, that differ from it in details.](images/part3_neighbours.png)
#
# Most of the samples have relatives of much the same cut among the training images, but none is a copy. At least these
# eight aren't memorised.
#
# </details>

# %% [markdown]
# Follow one image on its path from noise to a boot.

# %%
if MAIN:
    model, n_steps = clothes_model(), min(50, clothes_config()["max_steps"])
    t.manual_seed(1)
    way = ddim_sample(model, 1, n_steps, return_all_steps=True)
    some, more = (50, 40, 30, 20, 10, 5, 2, 0), (50, *range(42, -1, -2))
    for show, chosen in [(utils.show_images, some), (utils.show_movie, more)]:
        left = [n for n in chosen if n <= n_steps]
        images = [part1.denormalize_img(way[-1 - n][0].clamp(-1, 1)).cpu() for n in left]
        show(images, [f"{n} steps left" for n in left])

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![One image with 50, 40, 30, 20, 10, 5, 2 and 0 steps left: noise alone at first, a light shape under noise with 30 steps left, plainly a boot with 20, and at last a light boot without grain.](images/part3_way.png)
#
# ![The same path as a movie, two steps an image. Out of noise comes a light shape with about 30 steps left; its outline becomes sharp, then the grain on it and around it fades, and a light boot stands there.](images/part3_way_movie.png)
#
# The outline is there while the noise is still strong. The last steps only remove the grain.
#
# </details>

# %% [markdown]
# And what does the network *think* along the way? At each timestep its guess of the noise is a guess of the clean image
# as well, because `part1.reconstruct` turns one into the other. Here's the image above, and the guess below.

# %%
if MAIN:
    model, n_steps = clothes_model(), min(50, clothes_config()["max_steps"])
    t.manual_seed(1)
    way, schedule = ddim_sample(model, 1, n_steps, return_all_steps=True), model.noise_schedule
    left = t.tensor([n for n in (49, 48, 47, 45, 42, 35, 20, 5) if n <= n_steps])
    num_steps = (left * len(schedule) / n_steps).round().int().to(schedule.device)
    xt = t.cat([way[-1 - n] for n in left])
    guess = part1.reconstruct(xt, model(xt, num_steps), num_steps, schedule)
    rows = {"the image": xt, "the guess": guess}
    utils.show_rows({name: part1.denormalize_img(images).cpu() for name, images in rows.items()})

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![Two rows of eight pictures, with 49, 48, 47, 45, 42, 35, 20 and 5 steps left. Above, the image: noise, in which a boot shows up late. Below, the guess: three grey smears, then a blurred boot, whose edges and then details become sharp.](images/part3_thoughts.png)
#
# At first the guess is a smear, an average of many clothes, because many are still possible. With 45 steps left it has
# become a boot, while you still see nothing but noise above. From then on, less and less else fits, and the guess gets
# its edges and then its details.
#
# </details>

# %% [markdown]
# With $\eta = 0$ each starting noise leads to exactly one image. So you can walk from one noise to another and watch
# the images along the way. A straight line would lead through noise whose variance is too small. This path keeps it at
# 1:

# %%
def between(start: t.Tensor, end: t.Tensor, n: int) -> t.Tensor:
    """n noises from start to end on the arc cos(a) start + sin(a) end, which keeps the variance.
    start, end: (C, H, W)   returns: (n, C, H, W)"""
    angles = rearrange(t.linspace(0, math.pi / 2, n), "n -> n 1 1 1").to(start)
    return angles.cos() * start + angles.sin() * end


# %%
if MAIN:
    model, n_steps = clothes_model(), min(50, clothes_config()["max_steps"])
    t.manual_seed(4)
    noises = t.randn(4, *model.img_shape, device=model.noise_schedule.device)
    paths = t.cat([between(noises[0], noises[1], 8), between(noises[2], noises[3], 8)])
    images = ddim_sample(model, 16, n_steps, eta=0.0, start=paths)
    utils.show_images([part1.denormalize_img(image).cpu() for image in images])

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![Two rows of eight. Above, a dark sandal that changes little for seven images, and then at once a dark pullover. Below, four boots, the last ones with a heel and torn, then four narrow garments like trousers or a skirt.](images/part3_between.png)
#
# The change isn't even. The image stays much the same for a stretch, then turns into a different kind within one step.
# Nothing is half boot and half shirt, though some of the garments look odd.
#
# </details>

# %% [markdown]
# ## When it goes wrong
#
# Diffusion models rarely fail with an error. They train, the loss falls, and the samples are wrong. *How* they're wrong
# tells you where to look. Here are seven rows of samples from the same good weights. Two rows are as they should be,
# and in each of the others there's one mistake in the sampling. (Rows E, F and G use $\eta = 0$. With fresh noise, F
# and G would soon recover.)

# %% tags=["folded"]
class Told(nn.Module):
    """A model that is told a wrong timestep. told: what it hears instead of num_steps"""

    def __init__(self, model: part1.DiffusionModel, told: Callable):
        super().__init__()
        self.model, self.told = model, told
        self.img_shape, self.noise_schedule = model.img_shape, model.noise_schedule

    def forward(self, images: t.Tensor, num_steps: t.Tensor) -> t.Tensor:
        return self.model(images, self.told(num_steps))


@t.no_grad()
def symptoms(model: part1.DiffusionModel, start: t.Tensor) -> dict[str, t.Tensor]:
    """Samples as they should be, and samples with one mistake each. start: (B, C, H, W), noise"""
    T, device = len(model.noise_schedule), start.device
    linear = copy.deepcopy(model)
    linear.noise_schedule = part1.NoiseSchedule(T, device, part1.linear_schedule(T))

    def draw(model: part1.DiffusionModel, start: t.Tensor, n_steps: int = 50, eta: float = 1.0) -> t.Tensor:
        return ddim_sample(model, len(start), min(n_steps, T), eta, start)

    return {
        "all is well": draw(model, start),
        "labyrinths": draw(linear, start),
        "noise": draw(Told(model, lambda n: t.full_like(n, T)), start),
        "well, η = 0": draw(model, start, eta=0.0),
        "half made": draw(model, start, n_steps=2, eta=0.0),
        "one class": draw(model, start[:1].expand_as(start), eta=0.0),
        "white pixels": draw(model, 1.5 * start, eta=0.0),
    }


# %%
if MAIN:
    model = clothes_model()
    t.manual_seed(2)
    with utils.show_steps(model, 6 * 50 + 2):
        rows = symptoms(model, t.randn(8, *model.img_shape, device=model.noise_schedule.device))
    rows = dict(zip("ABCDEFG", rows.values(), strict=True))
    utils.show_rows({letter: part1.denormalize_img(images) for letter, images in rows.items()})

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![Seven rows of eight images. A: clothes, shoes and a bag. B: black and white lines in a tangle. C: nothing but noise. D: clothes, shoes and a bag again. E: flat and ragged shapes, some of two things at once. F: the same T-shirt eight times. G: blotches of pure black and white where the clothes should be.](images/part3_symptoms.png)
#
# </details>

# %% [markdown]
# ### 3.10 Find the mistakes
# *Match each row with what went wrong* · ●●○○○ · 10 minutes · the figure above
#
# A and D are fine. Which of the rows B, C, E, F and G belongs to which mistake, and what gave it away?
#
# 1. The starting noise has a standard deviation of 1.5.
# 2. The network is told timestep $T$ at every step.
# 3. All samples begin with the same noise, and none is added on the way.
# 4. The network was trained with the cosine schedule and sampled with the linear one.
# 5. There are two steps instead of fifty.

# %% [markdown]
# ### BEGIN SOLUTION
# - **B is 4.** The sampler removes the wrong amount of noise at every step, so what's left over builds up into
#   patterns. Edges look crisp, but nothing has the shape of clothes.
# - **C is 2.** A network that always hears T takes all that it's shown for noise. It never finds a shape, and what it
#   says never fits the noise that's really left.
# - **E is 5.** From pure noise, the network can only guess an average, flat and ragged, and one more step can't fix it.
# - **F is 3.** With η = 0, the starting noise decides everything. Eight times the same noise makes eight times the same
#   image.
# - **G is 1.** The sampler expects noise of variance 1 and leaves the surplus in the image. Clipping turns it into pure
#   black and white.
# ### END SOLUTION

# %% [markdown]
# <details>
# <summary>The table, for your next broken model</summary>
#
# | you see | in the figure | look for |
# |---|---|---|
# | half-made clothes | E, two steps only | too few steps; too short a training; samples of the raw weights early on |
# | one class, or one image | F, one starting noise for all | a seed set inside a loop; noise of shape (1, C, H, W) that was broadcast; a training set that isn't shuffled |
# | labyrinths, though the loss is fine | B, the wrong schedule | any disagreement between training and sampling: the schedule, what is guessed (noise or v), timesteps that are off |
# | noise | C, the network always hears T | `num_steps` not passed on, of the wrong shape, or not used by the network |
# | white pixels | G, a start with noise of standard deviation 1.5 | noise that is too strong: a root too many, noise in the last step, images not in [-1, 1] |
# | all white or black | not here, but in the row "the same, not clipped" of the recipes | the numbers, not the picture: do they leave [-1, 1]? A division by √α near 0 makes an error 30 times as large in Algorithm 2's first step back: clip the guessed image |
# | a loss that jumps up and stays there | not in a picture | a learning rate that is too high at the wrong moment: try warm-up, `clip_grad_norm_`, a smaller `lr` |
#
# </details>

# %% [markdown]
# ## Glossary: names around training
#
# | here | other names, and what they mean |
# |---|---|
# | Fréchet distance | squared 2-Wasserstein distance of two Gaussians; FID, if the features are Inception's |
# | features | activations, embedding, representation |
# | v, velocity | v-prediction; `prediction_type="v_prediction"` in some code. Not the velocity of flow matching, which is $\epsilon - x_0$ on a straight line between image and noise |
# | guess of noise, of the image | ε-prediction, x0-prediction |
# | moving average of the weights | EMA, exponential moving average, shadow weights, Polyak averaging (that's the plain mean) |
# | mixed precision | AMP (automatic mixed precision), autocast |
# | warm-up, falling learning rate | learning-rate schedule. Beware, "schedule" alone mostly means the noise's |
# | DDIM, η | a sampler; η = 0 is deterministic, η = 1 is the DDPM kind |
# | clipped guess | `clip_denoised`, `clip_sample` in some code |
# | saved training | checkpoint |

# %% [markdown]
# ## What you have now
#
# You have a diffusion model of clothes that anyone would recognise, and you can say how good it is.
#
# - The **Fréchet distance** compares two sets of images by the mean and covariance of their features. Compare equal
#   numbers of images, and look at samples, classes and neighbours as well.
# - The **cosine schedule** takes the image away over the whole path. At its end, an error in the guessed noise becomes
#   30 times as large, so clip the guessed image.
# - **v** is a guess of the noise where there's little of it, and of the image where there's much. You never divide by a
#   number near 0, and its loss is the noise's divided by $\bar\alpha$.
# - **Averaging the weights** and a **falling learning rate** let a noisy training run settle. **bfloat16** buys more
#   steps in the same time, where the processor supports it.
# - **DDIM** draws in 50 steps what used to take 1000. At $\eta = 1$ each step is the posterior of Part 1 with a long
#   step's β, and at $\eta = 0$ each noise is one image.
# - **One jump gives an average, and samples make up their mind.** The jump is nearer, and the samples are sharper.
# - **One run is one run.** Two runs of one recipe came out at 49 and 55.
#
# Two things have changed since these methods were new. Large models now often use a
# [transformer](https://arxiv.org/abs/2212.09748) in place of the U-Net, and many learn the straight paths of [flow
# matching](https://arxiv.org/abs/2210.02747). You'll find your loop, your sampler and your ruler again in both.

# %% [markdown]
# ## Something to show a friend
#
# Here are eight pieces of clothing at once, from noise to the last stitch, by the network that you've been measuring.

# %%
if MAIN:
    model, n_steps = clothes_model(), min(50, clothes_config()["max_steps"])
    t.manual_seed(4)
    steps = ddim_sample(model, 8, n_steps, return_all_steps=True)
    left = [n for n in (50, 40, 34, 30, 26, 23, 20, 17, 14, 11, 8, 5, 3, 0) if n <= n_steps]
    frames = []
    for n in left:
        images = (15 * part1.denormalize_img(steps[-1 - n].clamp(-1, 1)).cpu()).round() / 15  # few greys, a small file
        frames.append(rearrange(images, "(r k) c h w -> c (r h) (k w)", r=2))
    utils.show_movie(frames, [f"{n} steps left" for n in left])

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![Eight small squares of noise in two rows. Light shapes come out of it, then outlines, and at last eight pieces of clothing on black: shoes, shirts, a bag, trousers and a dress.](images/part3_friend.png)
#
# </details>

# %% [markdown]
# Your friend will ask the obvious question. "Nice. Can you make it draw a boot?"
#
# You can't. The starting noise decides what comes out, and nobody knows which noise leads to a boot. The network has
# never seen a label either, although each training image has one. So here's the question to take along. How would you
# tell the network what to draw, and what would make it *listen*, when it can lower its loss quite well without? The
# systems that Part 1 named are answers to it, and GLIDE is the first.

# %% tags=["script"]
import os
import sys
from contextlib import contextmanager


@contextmanager
def together() -> Iterator[Callable[[nn.Module], None]]:
    """Under torchrun, join the other processes, and at the end wait for them and end this one.
    yields: share(network), after which each process computes its share of every batch that trains the network, gets the
    answers to the whole batch, and the gradients of the whole: the training is that of one process.
    errors: KeyError without torchrun"""
    on_gpu = utils.get_device().type == "cuda"
    if on_gpu:
        t.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    t.distributed.init_process_group("nccl" if on_gpu else "gloo")
    me, processes = t.distributed.get_rank(), t.distributed.get_world_size()

    def my_rows(network: nn.Module, inputs: tuple[t.Tensor, ...]) -> tuple[t.Tensor, ...] | None:
        if not t.is_grad_enabled():  # samples on the way: each process draws them all
            return None
        if len(inputs[0]) % processes:
            raise ValueError(f"{processes} processes cannot share a batch of {len(inputs[0])} evenly: choose another")
        return tuple(each.chunk(processes)[me] for each in inputs)

    def all_rows(network: nn.Module, inputs: tuple[t.Tensor, ...], mine: t.Tensor) -> t.Tensor | None:
        if not t.is_grad_enabled():
            return None
        answers = [t.empty_like(mine) for _ in range(processes)]
        t.distributed.all_gather(answers, mine.detach())
        answers[me] = mine  # with its graph
        return t.cat(answers)

    def add_up(parameter: nn.Parameter) -> None:
        t.distributed.all_reduce(parameter.grad)

    def share(network: nn.Module) -> None:
        network.register_forward_pre_hook(my_rows)
        network.register_forward_hook(all_rows)
        for parameter in network.parameters():
            parameter.register_post_accumulate_grad_hook(add_up)

    yield share
    t.distributed.barrier()
    t.distributed.destroy_process_group()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)  # threads of t.distributed may outlive Python's own end, which then aborts, now and then


def train_together() -> None:
    """The whole training, shared by several processes:
    torchrun --nproc-per-node=2 --no-python python -c "import solutions.part3_fashion_mnist as p; p.train_together()"
    """
    t.manual_seed(0)  # each process draws the whole batch, and its network computes a share
    with together() as share:
        config = clothes_config()
        model = make_guesser(config)
        share(model.network)
        train_longer(model, config, clothes(), utils.SAVES / "together.pt")
