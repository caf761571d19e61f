# %% [markdown]
# # Part 3: Clothes, for real
#
# You have a training loop, a sampler and a network of the paper's kind. Now they meet real images: FashionMNIST, 60,000
# photographs of clothes. You train first with what you have, and see what that gives. Then you learn to *measure* how
# good samples are, and to make the model better, one change at a time, and see what each of them brings. At the end
# stand clothes that anyone recognises, after ten to twenty minutes of training on a laptop without a GPU.
#
# **You need** Parts 1 and 2, and the bonus of Part 1, "three names for one guess". You do not need a GPU. Plan about
# three hours.

# %% [markdown]
# ## Contents
#
# - [Set up](#Set-up)
# - [The data](#The-data)
# - [As you are](#As-you-are)
# - [How good is it?](#How-good-is-it?)
# - [Better: what the network learns from](#Better:-what-the-network-learns-from)
# - [Better: how it learns](#Better:-how-it-learns)
# - [Better: how samples are drawn](#Better:-how-samples-are-drawn)
# - [All of it together](#All-of-it-together)
# - [What each change brings](#What-each-change-brings)
# - [The whole training](#The-whole-training)
# - [Results](#Results)
# - [When it does not work](#When-it-does-not-work)
# - [Glossary: names around training](#Glossary:-names-around-training)
# - [What you have now](#What-you-have-now)
#
# The exercises work as in Parts 1 and 2: write your code in place of the line `raise NotImplementedError(...)`, run the
# cell, then the check below it. Hints (and the solution, unless your instructor has left it out) are folded under the
# check.

# %% [markdown]
# ## Set up
#
# Run the next three cells. The second fetches `part1` and `part2`. In the exercise notebook they are **your own**
# functions, as you have last saved them, where they pass their checks; the lines under the cell tell which is which.

# %% tags=["set-up"]
if __name__ == "__main__":  # of the script; the notebooks have a set-up of their own here
    import os
    import sys
    from pathlib import Path

    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as in solutions/__init__.py
MAIN = __name__ == "__main__"

# %%
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

# %%
if MAIN:
    import tests.part3

    device = utils.get_device()
    print(f"Ready. PyTorch {t.__version__} computes on: {device}")

# %% [markdown]
# ## The data
#
# The images come with the course, in `data/fashion-mnist/`, and `utils.fashion_mnist` reads them: grey values from 0 to
# 255, with a label each. The 60,000 are for training; 10,000 others are set aside, to compare with.

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
    print(f"{len(images):,d} images, mean {clothes().mean():.2f}, standard deviation {clothes().std():.2f} in [-1, 1]")

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![Two rows of ten small grey photographs on black, one column a class: T-shirt, trousers, pullover, dress, coat, sandal, shirt, sneaker, bag, boot.](images/part3_data.png)
#
# Ten classes, 6,000 images of each. A shirt, a pullover and a coat are hard to tell apart, even for you. Half of all
# pixels are black: in [-1, 1] the mean is -0.43, and the standard deviation 0.71.
#
# </details>

# %% [markdown]
# ## As you are
#
# Take your `train`, your `UNet` and your `sample` as they are. Some processors are five times as fast as others, so the
# trainings of this part that run while you wait get a fixed *time*: as many steps as fit into it, on this machine. It
# is counted in **processor seconds**, of which two cores at work use two a second. This first training gets 20.

# %%
def steps_within(seconds: float, step: Callable[[], Any]) -> int:
    """How many steps this machine takes in so many processor seconds, from a short trial. step: takes one"""
    step()  # the first one is slow
    begin = time.process_time()
    for _ in range(3):
        step()
    return max(2, round(3 * seconds / (time.process_time() - begin)))


def plain_config() -> dict[str, Any]:
    """The settings of a first, short training; tiny under IS_CI."""
    return dict(
        lr=0.002,
        epochs=1,
        batch_size=64,
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
    """A U-Net that Part 1's train has trained for 20 processor seconds; at the first call, then kept."""
    config = plain_config()
    model, x0 = make_unet(config["max_steps"]).to(config["device"]), clothes()[: config["batch_size"]]
    counts = t.ones(len(x0), dtype=t.int64, device=x0.device)
    n_steps = steps_within(0.2 if IS_CI else 20, lambda: model(x0, counts).mean().backward())
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
# ![The training loss against the step: it falls steeply within the first 20 steps or so, and then slowly on, with small jumps.](images/part3_plain_losses.png)
#
# The loss falls steeply, and then slowly on. That looks like success.
#
# </details>

# %% [markdown]
# Draw four samples. The eight in the row above yours come with the course. They are from the same training, made
# longer: 25,600 images, which are 400 steps and take a processor core three to six minutes.

# %%
if MAIN:
    model = plain_model()
    t.manual_seed(0)
    with utils.show_steps(model, len(model.noise_schedule)):
        samples = part1.sample(model, 4)
    shipped = t.load(utils.ASSETS / "plain.pt", weights_only=True)
    rows = {name: images / 255 for name, images in shipped.items()} | {"yours": part1.denormalize_img(samples)}
    utils.show_rows(rows)

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![Two rows of grey images. Above, eight samples after 25,600 images: one could be a shoe, others are shreds of clothing, some are nearly black and one is all glare. Below, four samples of the short training, in which no clothes can be made out.](images/part3_plain_samples.png)
#
# Honestly: shreds. After 400 steps one sample could be a shoe; others are next to nothing, and one is all glare. Yours
# have seen fewer images still, how many depends on your processor. The loss did not say any of this.
#
# </details>

# %% [markdown]
# ## How good is it?
#
# The loss does not tell how good samples are. It says how well *noise* is guessed, and it depends on the schedule: two
# losses can be compared only if all else is equal. Looking at samples is better, but sixteen are few: you would not see
# that a class is missing.
#
# So compare *sets* of images: many samples with many real images. Pixel by pixel would be useless, as no two shirts
# agree in their pixels. Compare instead what a classifier sees in them, a network trained to tell the ten classes
# apart. The course comes with one, which is right for 93 % of the test images. The 64 numbers of its last layer but
# one, the **features**, describe what is in an image, and hardly where each pixel is.

# %% tags=["folded"]
class Classifier(nn.Module):
    """A small network that tells FashionMNIST's classes apart, to judge images by.
    python -m tools.make_assets classifier trains it."""

    def __init__(self) -> None:
        super().__init__()

        def convolution(c_in: int, c_out: int) -> list[nn.Module]:
            return [nn.Conv2d(c_in, c_out, 3, padding=1, bias=False), nn.BatchNorm2d(c_out), nn.ReLU()]

        self.body = nn.Sequential(
            *convolution(1, 32), *convolution(32, 32), nn.MaxPool2d(2),
            *convolution(32, 64), *convolution(64, 64), nn.MaxPool2d(2),
            nn.Flatten(), nn.Dropout(0.3), nn.Linear(64 * 7 * 7, 64), nn.SiLU(),  # a ReLU would leave some features dead
        )  # fmt: skip
        self.head = nn.Sequential(nn.Dropout(0.3), nn.Linear(64, len(utils.CLASSES)))

    def forward(self, images: t.Tensor) -> t.Tensor:
        """images: (B, 1, 28, 28) in [-1, 1]   returns: scores (B, 10)"""
        return self.head(self.body(images))


FEW = 100  # images at a time: a processor's cache holds what comes of them, and no time goes into large memory


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


def classes_of(images: t.Tensor) -> t.Tensor:
    """Which class the classifier takes each image for.
    images: (N, 1, 28, 28) in [-1, 1]   returns: (N,) int, rows of CLASSES, on the CPU"""
    judge = load_classifier()
    return t.cat([judge(some.to(utils.get_device())).argmax(dim=1).cpu() for some in images.split(FEW)])


# %% [markdown]
# ### 3.1 The Fréchet distance
# *Measure how far two sets of images are apart* · ●●●○○ · 25 minutes · Heusel et al., Equation 6
#
# The features of a set are a cloud of points, a row of D numbers for each image. Describe a cloud by its mean $\mu$ (D
# numbers) and its covariance $C$ (D × D numbers: how strongly each two features vary together). The distance of two
# clouds is
#
# $$d = |\mu_1 - \mu_2|^2 + \text{trace}\left(C_1 + C_2 - 2\, (C_1 C_2)^{1/2}\right)$$
#
# The power 1/2 is the **matrix square root**, `scipy.linalg.sqrtm`: the matrix that, multiplied *as a matrix* by
# itself, gives $C_1 C_2$. It may come out with a tiny imaginary part: take the real one. (The formula is from [Heusel
# et al.](https://arxiv.org/abs/1706.08500))

# %%
def frechet_distance(features1: t.Tensor, features2: t.Tensor) -> float:
    """How far two clouds of features are apart, each seen as a Gaussian (Heusel et al., Equation 6); 0 for equal ones.
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
# What are the shapes of mean and covariance? Which products in the formula are products of matrices?
#
# </details>
#
# <details>
# <summary>Hint 2: a fact</summary>
#
# `np.cov(x, rowvar=False)` gives the (D, D) covariance of rows of observations. `@` multiplies matrices, and the
# squared length of a vector is `v @ v`. `scipy.linalg.sqrtm` takes a matrix square root, and `.real` the real part.
#
# </details>
#
# <details>
# <summary>Hint 3: the shape of the line</summary>
#
# `gap = …`, `C1, C2 = np.cov(…), np.cov(…)`, `root = scipy.linalg.sqrtm(…).real`, and then `float(… + np.trace(…))`.
#
# </details>

# %% [markdown]
# What does it see? Compare 2,000 training images with the 10,000 test images, as they are and damaged in several ways.

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
        "one class missing": images[classes_of(images) != 1],
        "100, repeated": images[:100].repeat(len(images) // 100, 1, 1, 1),
        "all black": t.full_like(images, -1),
        "noise alone": noise.clamp(-1, 1),
    }


@cache
def features_of_test_images() -> t.Tensor:
    """The features of all test images. returns: (N, 64)"""
    return features_of(clothes(train=False))


def distance(images: t.Tensor) -> float:
    """The Fréchet distance of images from the test images. images: (N, 1, 28, 28) in [-1, 1]"""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Matrix is singular")  # images that are all alike have no spread
        return frechet_distance(features_of(images), features_of_test_images())


# %%
if MAIN:
    t.manual_seed(0)
    sets = damaged(clothes()[t.randperm(len(clothes()))[:2000]])
    distances = [distance(images) for images in utils.bar(sets.values())]
    print("2,000 training images       distance")
    for name, far in zip(sets, distances, strict=True):
        print(f"{name:20} {far:15.1f}")
    utils.show_images([part1.denormalize_img(images[0]).cpu() for images in sets.values()], list(sets))

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![The first image of each of eight sets: a garment with short sleeves, the same with some noise, with strong noise, blurred, twice more as it was, then an all black image, and noise alone.](images/part3_damaged.png)
#
# Training images as they are come out near 0; not at 0, as 2,000 images are only a sample. Noise that you hardly mind
# gives 53, and noise of standard deviation 0.1 on a scale from 0 to 1 gives 173. Blurring gives 139, leaving out the
# trousers 61, and a hundred images again and again 43; these last two do not show in a single image. A black image and
# pure noise are far beyond, at more than 700.
#
# </details>

# %% [markdown]
# So the distance sees noise, blur, a missing class and repetition, which is what we need. Before you trust it, know its
# limits:
#
# - **It depends on the number of images.** Few images make a poor covariance, and the distance comes out too large.
#   Compare only sets of one size; samples here are always 2,000.
# - **It depends on the features.** What the classifier does not look at, it does not see. Another classifier gives
#   other numbers, so compare only distances from the same one. The usual choice is a network called Inception, and then
#   the distance is the **FID**. Inception was trained on large colour photographs of dogs, trucks and the like; for
#   small grey clothes its features mean little.
# - **It is one number.** It does not say *what* is wrong: a hundred good images, repeated, come out like many images
#   with a little noise. It takes both clouds for Gaussians, which they are not. And a model that recites its training
#   images gets the best mark of all. So look at the samples, at their classes, and at their nearest neighbours in the
#   training data, too.
#
# An older measure is the **Inception Score**. It is high if the classifier is sure about each image, and if all classes
# come equally often. It never looks at a real image: one perfect picture of each class would get the full mark.

# %%
def measure_sizes(sizes: list[int]) -> list[tuple[int, float]]:
    """The distance of so many training images from the test images."""
    features = features_of(clothes()[t.randperm(len(clothes()))[: max(sizes)]])
    return [(n, frechet_distance(features[:n], features_of_test_images())) for n in sizes]


# %%
if MAIN:
    t.manual_seed(0)
    for n, far in measure_sizes([100, 200] if IS_CI else [100, 500, 2000, 5000]):
        print(f"{n:7,d} training images: distance {far:6.2f}")

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# They are all equally good images, and the distance falls from 43 for a hundred of them to less than 1 for 5,000.
#
# </details>

# %% [markdown]
# ## Better: what the network learns from
#
# The linear schedule spends many of its 1000 steps on images that are nearly pure noise: after 600 steps, a sixth of
# the image is left. There is little to learn there. [Nichol and Dhariwal](https://arxiv.org/abs/2102.09672) let what is
# left of the image, $\sqrt{\bar\alpha}$, fall like a cosine. (From here on $n$ counts the steps, which Part 1 called
# $t$ as in the paper.)

# %% [markdown]
# ### 3.2 The cosine schedule
# *Write a schedule from its ᾱ* · ●●●○○ · 15 minutes · Nichol and Dhariwal, Equation 17
#
# Begin with the curve that $\bar\alpha$ should follow. With $T$ steps, and a small $s = 0.008$ so that the first ones
# add some noise, too,
#
# $$f(n) = \cos^2\left(\frac{n/T + s}{1 + s} \cdot \frac{\pi}{2}\right) \qquad \bar\alpha_n = \frac{f(n)}{f(0)}$$
#
# Then find the betas that lead there: step $n$ keeps $\bar\alpha_n / \bar\alpha_{n-1}$ of the variance, and $\beta_n$
# is the rest. At the end $\bar\alpha_T = 0$, so the last one would be 1: clip all of them at `max_beta`.

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
# How many values of f do you need for `max_steps` betas? Which count does the first one belong to?
#
# </details>
#
# <details>
# <summary>Hint 2: a fact</summary>
#
# `t.arange(max_steps + 1)` gives 0, 1, …, T. In a quotient of two neighbours f(0) cancels. `clamp(max=…)` clips.
# Neighbours are nearly equal, so float64 keeps more digits of their difference; `.float()` gives float32.
#
# </details>
#
# <details>
# <summary>Hint 3: the shape of the line</summary>
#
# `n = t.arange(…)`, `f = t.cos(…) ** 2`, `betas = 1 - f[…] / f[…]`, and clip.
#
# </details>

# %%
if MAIN:
    figure, axes = plt.subplots(1, 2, figsize=(9, 3), layout="constrained")
    for name, betas, style in [("linear", part1.linear_schedule(1000), ":"), ("cosine", cosine_schedule(1000), "-")]:
        axes[0].plot((1 - betas).cumprod(0).sqrt(), style, label=name)
        axes[1].plot(betas, style, label=name)
    axes[0].set(title="what is left of the image, √ᾱ", xlabel="steps")
    axes[1].set(title="variance of a step's noise, β", xlabel="steps", yscale="log")
    axes[0].legend()
    utils.show()

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![Left, what is left of the image against the step: the linear schedule falls early and is near 0 from step 700; the cosine is flat at first and reaches 0 at the very end. Right, the variance of a step's noise on a logarithmic scale: linear rises to 0.02; the cosine stays below that for most of the way and shoots up to nearly 1 at the end.](images/part3_schedules.png)
#
# The cosine schedule takes the image away over the whole way. The price is at its end: the last steps add noise of a
# variance near 1. Going back over the very last, Algorithm 2 divides by √α, which is 0.03, and makes any error of the
# guessed noise 30 times as large. There are two remedies, and you will have both: clip the guess of the image, or do
# not guess the noise.
#
# </details>

# %% [markdown]
# ### 3.3 Guess the velocity
# *Train a network on v, and use it as a guesser of noise* · ●●●○○ · 15 minutes · Salimans and Ho, Section 4
#
# Part 1's bonus had a network guess the clean image. This one guesses a mixture of noise and image, called the velocity
# ([Salimans and Ho](https://arxiv.org/abs/2202.00512)):
# $v = \sqrt{\bar\alpha_n}\, \epsilon - \sqrt{1 - \bar\alpha_n}\, x_0$.
#
# `part1.Guesser` keeps `self.network` and `self.noise_schedule`. Write the two methods that make it a guesser of $v$.
# `target` gives the $v$ that the network should learn, by that formula. `forward` asks the network for its $v$, and
# turns it into a guess of the noise in $x_n$, so that `sample` can use the model:
# $\epsilon = \sqrt{1 - \bar\alpha_n}\, x_n + \sqrt{\bar\alpha_n}\, v$.

# %%
class VelocityGuesser(part1.Guesser):
    """A network that guesses v, seen from outside as one that guesses the noise (Salimans and Ho, Section 4)."""

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
# Which shape must ᾱ have, to be multiplied with images? Which of the two methods asks the network?
#
# </details>
#
# <details>
# <summary>Hint 2: a fact</summary>
#
# `self.noise_schedule.alpha_bar(num_steps)` is (B,), and `rearrange(…, "b -> b 1 1 1")` makes it fit.
# `self.network(images, num_steps)` is a guess of v.
#
# </details>
#
# <details>
# <summary>Hint 3: the shape of the line</summary>
#
# In both, `alpha_bar = rearrange(…)`. Then `return alpha_bar.sqrt() * … - … * …`, and `return … * images + … * v`.
#
# </details>

# %% [markdown]
# The loss is the mean squared error of $v$. It is written out here in float32; exercise 3.6 makes it faster.

# %%
def fp32_loss(
    model: part1.Guesser, x0: t.Tensor, num_steps: t.Tensor, noise: t.Tensor, noised: t.Tensor
) -> t.Tensor:
    """The mean squared error of what the network guesses against the model's target.
    x0, noise, noised: (B, C, H, W) float32   num_steps: (B,) int   returns: ()"""
    return F.mse_loss(model.network(noised, num_steps), model.target(x0, noise, num_steps))


# %% [markdown]
# Why $v$? See what a guess of the noise that is off by 0.1 does to the guess of the image, and what a $v$ off by 0.1
# does.

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
    plt.legend()
    utils.show()

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![Two curves on a logarithmic scale. They agree at first. For v the error of the guessed image levels off at 0.1; for noise it climbs ever faster, past 1 near step 940 and above 1000 at the very end.](images/part3_errors.png)
#
# Where the image is nearly gone, the guessed noise says next to nothing about it: to get the image, the guess is
# divided by √ᾱ, a number near 0. (Above, one step back made an error 30 times as large. This is the jump to the image,
# all steps at once.) A guess of v is divided by nothing. It turns from a guess of the noise, where there is little of
# it, into a guess of the image, where there is much.
#
# </details>

# %% [markdown]
# ## Better: how it learns
#
# A step of training learns from 64 images and 64 draws of noise, so each step is a little off, in a random direction.
# The weights never come to rest; they wander around a good place. There are two remedies: take the *mean* of the
# weights over the last steps, and make the steps smaller towards the end.

# %% [markdown]
# ### 3.4 Average over the training
# *Keep a moving average of the weights* · ●●○○○ · 15 minutes · the DDPM paper, Appendix B
#
# After each step, pull every number of the average a little towards that of the model:
#
# $$\text{average} \leftarrow d \cdot \text{average} + (1 - d) \cdot \text{model}$$
#
# With $d = 0.995$ the average reaches back about $1 / (1 - d) = 200$ steps. At the start, that would be too long a
# memory, for the first weights are random. So the $n$-th update, counted from 1, takes $\min(d, \frac{1 + n}{10 + n})$.
# Average the parameters; take buffers (such as the schedule) as they are in the model.

# %%
class MovingAverage:
    """An exponential moving average of a model's weights; .model is a model that has them.
    errors: ValueError for a decay outside [0, 1)"""

    def __init__(self, model: nn.Module, decay: float = 0.995):
        if not 0 <= decay < 1:
            raise ValueError(f"decay is {decay}: choose it from 0 (no memory) to just under 1")
        self.model = copy.deepcopy(model).requires_grad_(False)
        self.decay = decay
        self.updates = 0

    @t.no_grad()
    def update(self, model: nn.Module) -> None:
        """Take in the weights that the model has after a step of training; the model itself stays as it is."""
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
# Which of the two models has its numbers changed? What is d at the first update?
#
# </details>
#
# <details>
# <summary>Hint 2: a fact</summary>
#
# `zip(a.parameters(), b.parameters())` walks through both models side by side. `tensor.copy_(values)` changes a
# tensor's numbers in place; `tensor = values` would only give the name to another tensor. `model.buffers()` are the
# buffers.
#
# </details>
#
# <details>
# <summary>Hint 3: the shape of the line</summary>
#
# `self.updates += 1`, `d = min(…, …)`, a loop with `average.copy_(d * … + … * …)`, and another loop for buffers.
#
# </details>

# %% [markdown]
# A model of one weight, which wanders around 1 after a start at 0:

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
    styles = [("-", "silver", 0.7), ("--", "C0", 1.5), ("-", "black", 2.5)]
    for (name, values), (style, colour, width) in zip(curves.items(), styles, strict=True):
        label = name if name == "weight" else f"average, d = {name}"
        plt.plot(values, style, color=colour, lw=width, label=label)
    plt.xlabel("training step")
    plt.ylabel("weight")
    plt.legend()
    utils.show()

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![A thin jagged curve that rises from 0 to about 1 and stays there, jumping up and down. The average with d = 0.9, dashed, follows it with smaller jumps to the end; the one with d = 0.995, a thick line, follows as fast at first, and then becomes smooth.](images/part3_average.png)
#
# With 0.9 the average jitters to the end. With 0.995 it becomes smooth, and as its memory is short at first, it is not
# late.
#
# </details>

# %% [markdown]
# ### 3.5 Land softly
# *Let the learning rate rise, then fall to 0* · ●○○○○ · 10 minutes · Goyal et al., Section 2.2 (the warm-up)
#
# Large steps go far, small ones go to the point: so let them become smaller. At the very start they are small, too:
# Adam's first steps rest on few gradients, and at full size can go badly wrong ([Goyal et
# al.](https://arxiv.org/abs/1706.02677)).
#
# Write the learning rate for a step, counted from 1. It rises in a straight line during the first `warmup` steps: at
# step 1 it is peak / warmup, at step `warmup` it is `peak`. From there it falls in a straight line, and is 0 at step
# `total_steps`.

# %%
def learning_rate(step: int, total_steps: int, peak: float, warmup: int) -> float:
    """The learning rate of a step: a straight line up to the peak, and another one down to 0.
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
# How many steps lie between `warmup` and `total_steps`? What share of them is still to come at `step`?
#
# </details>
#
# <details>
# <summary>Hint 2: a fact</summary>
#
# A straight line from a at 0 to b at N is, at n, a + (b - a) · n / N.
#
# </details>
#
# <details>
# <summary>Hint 3: the shape of the line</summary>
#
# `if step <= warmup: return peak * …`, else `return peak * (…) / (…)`.
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
# ![A straight line from 0 up to 0.002 at step 100, and another down to 0 at step 1000.](images/part3_learning_rate.png)
#
# The learning rate of each of 1000 steps: a short way up, and a long way down.
#
# </details>

# %% [markdown]
# Another way to learn more is to take more steps in the same time. Of the 32 bits of a float32, 24 are for the digits
# of the number, the others for its size. Guessing noise does not need as many digits: **bfloat16** has 16 bits, 8 of
# them for the digits, and the same range of sizes. Some processors and GPUs multiply such numbers faster. **Mixed
# precision** ([Micikevicius et al.](https://arxiv.org/abs/1710.03740)) means: multiply in bfloat16, but keep the
# weights in float32, or the small changes of each step would be rounded away.

# %% [markdown]
# ### 3.6 Half the bits
# *Compute the network in bfloat16, and nothing else* · ●○○○○ · 10 minutes · Micikevicius et al.
#
# Write `fp32_loss` once more, but ask `model.network` for its guess under `with t.autocast(…, t.bfloat16):`, whose
# first argument is the *name* of the device, `noised.device.type`. After that block, in float32, compare the guess with
# the target. The weights stay float32 all the time.

# %%
def bf16_loss(
    model: part1.Guesser, x0: t.Tensor, num_steps: t.Tensor, noise: t.Tensor, noised: t.Tensor
) -> t.Tensor:
    """The mean squared error of what the network guesses, computed in bfloat16, against the model's target, in float32.
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
# Which of the lines belong under `with t.autocast(…):`, and which after it?
#
# </details>
#
# <details>
# <summary>Hint 2: a fact</summary>
#
# Under autocast PyTorch itself computes convolutions and matrix products in bfloat16. What comes out of the network may
# be bfloat16, and `.float()` makes it float32.
#
# </details>
#
# <details>
# <summary>Hint 3: the shape of the line</summary>
#
# `with t.autocast(…, t.bfloat16): guess = model.network(…)`, then `return F.mse_loss(guess.float(), …)`.
#
# </details>

# %% [markdown]
# Is it worth it here? Not every processor has instructions for bfloat16; without them it is slower than float32.
# Whether this one has them decides whether the course uses it here. Compare:

# %%
def computes_bf16_fast(device: t.device) -> bool:
    """Whether this device multiplies bfloat16 numbers faster than float32 ones."""
    if device.type == "cuda":
        return t.cuda.is_bf16_supported(including_emulation=False)
    can = getattr(t.cpu, "get_capabilities", dict)()
    return device.type == "cpu" and bool(can.get("avx512_bf16") or can.get("amx_bf16"))


def seconds_per_step(loss_of: Callable, model: part1.Guesser, x0: t.Tensor) -> float:
    """The median time of some steps of training. loss_of: fp32_loss or bf16_loss"""
    times = []
    for _ in range(2 if IS_CI else 5):
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
# Algorithm 2 takes all 1000 steps, one network call each. But the network answers for any count, so why not go from
# 1000 straight to 980? The step from $x_n$ to $x_m$ needs another rule then. [DDIM](https://arxiv.org/abs/2010.02502)
# gives one, with a dial $\eta$ (eta). At $\eta = 1$ it adds fresh noise on the way: taken one step at a time, it is
# Algorithm 2 with the paper's other choice of $\sigma$, a little smaller than $\sqrt{\beta}$. At $\eta = 0$ it adds
# none, and each starting noise leads to one image. (Beware if you look it up: that paper writes $\alpha$ for our
# $\bar\alpha$.)

# %% [markdown]
# ### 3.7 Fewer, longer steps
# *Write the DDIM sampler* · ●●●●○ · 30 minutes · Song et al., Equations 12 and 16
#
# `counts` is given: from $T$ down to 0, in `n_steps` jumps. For each jump from $n$ to $m$ steps of noise:
#
# 1. guess the noise, and with it the clean image (`part1.reconstruct`); clip it to [-1, 1]; take the noise that leads
#    from the *clipped* image to $x$: $\epsilon = (x - \sqrt{\bar\alpha_n}\, x_0) / \sqrt{1 - \bar\alpha_n}$;
# 2. add noise to the clean image again, for $m$ steps: part of it is the guessed one, part is fresh, $z \sim N(0, I)$:
#
# $$x \leftarrow \sqrt{\bar\alpha_m}\, x_0 + \sqrt{1 - \bar\alpha_m - \sigma^2}\, \epsilon + \sigma z$$
#
# $$\sigma = \eta \sqrt{\frac{1 - \bar\alpha_m}{1 - \bar\alpha_n} \left(1 - \frac{\bar\alpha_n}{\bar\alpha_m}\right)}$$
#
# `schedule.alpha_bar(n)` gives $\bar\alpha_n$, of shape (1,); for 0, where it is an error, no noise is left:
# $\bar\alpha_0 = 1$. By rounding, what is under the second root may come out just below 0: clamp it.

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
    """Draw images in few steps (Song et al., Equation 12), with the guessed image clipped to [-1, 1].
    n_steps: 1 to T   eta: 0 (nothing is drawn on the way) to 1 (as much as in Algorithm 2)
    start: (n_samples, C, H, W), the noise to begin with; None: drawn
    returns: (n_samples, C, H, W) in [-1, 1]; with return_all_steps the list of n_steps + 1 images on the way
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
        kept = (1 - alpha_bar_m - sigma**2).clamp(min=0)  # rounding can lead below 0
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
# Which pairs of counts does the loop go through? What is σ in the last step, where m = 0?
#
# </details>
#
# <details>
# <summary>Hint 2: a fact</summary>
#
# `pairwise([1000, 500, 0])` gives (1000, 500) and (500, 0). Where m is 0, take `t.ones_like(alpha_bar_n)` for ᾱ.
# `.clamp(min=0)` keeps what is under a root from falling below 0.
#
# </details>
#
# <details>
# <summary>Hint 3: the shape of the line</summary>
#
# `for n, m in pairwise(counts):`, then `x0 = part1.reconstruct(…).clamp(-1, 1)`, `noise = (x - …) / …`,
# `sigma = eta * (…).sqrt()`, `x = … * x0 + … * noise + sigma * t.randn_like(x)`.
#
# </details>

# %% [markdown]
# To see it at work you need a trained model, so use the one that comes with the course: it was trained as
# described below. Its weights fit the course's own U-Net, not one whose parts have other names.

# %%
def shipped_model() -> part1.DiffusionModel:
    """The model that comes with the course, trained for 8,000 steps; python -m tools.make_assets clothes makes it."""
    import solutions.part3_fashion_mnist as course

    model = course.make_guesser({"max_steps": 1000, "device": utils.get_device()})
    model.network.load_state_dict(t.load(utils.ASSETS / "clothes.pt", weights_only=True, map_location="cpu"))
    print("These weights come with the course: 8,000 steps, ten to twenty minutes on two CPU cores.")
    return model.eval().requires_grad_(False)


# %%
if MAIN:
    model = shipped_model()
    t.manual_seed(2)
    start = t.randn(8, *model.img_shape, device=model.noise_schedule.device)
    with utils.show_steps(model, 2 * (5 + 10 + 50)):
        rows = {
            f"{n_steps} steps, η = {eta:g}": part1.denormalize_img(ddim_sample(model, 8, n_steps, eta, start))
            for eta in (0.0, 1.0)
            for n_steps in (5, 10, 50)
        }
    utils.show_rows(rows)

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![Six rows of eight samples. With η = 0, the rows for 5, 10 and 50 steps have much in common: three pieces only become clearer, the others turn into something else on the way, a shirt into trousers. With η = 1 the three rows show different clothes: plain ones in 5 steps, more kinds and more detail in 50.](images/part3_ddim.png)
#
# All rows begin with the same eight noises. With η = 0 the noise decides: more steps make the same piece clearer, or
# turn it into another one where few steps were too coarse. With η = 1 fresh noise comes in at each step, so each row
# shows other clothes.
#
# </details>

# %% [markdown]
# And in numbers, which were measured beforehand with 2,000 samples each:

# %%
if MAIN:
    for name, far in json.loads((utils.ASSETS / "samplers.json").read_text(encoding="utf-8")).items():
        print(f"{name:18} distance {far:5.1f}")

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# With 100 steps, fresh noise on the way gives better samples than none: 30 against 46. But it needs steps: with 50 it
# is 43 against 52, with 25 hardly ahead, and with 10 it comes to 137 against 108. A picture of a few samples does not
# show such differences; the distance does.
#
# </details>

# %% [markdown]
# ## All of it together
#
# The loop is Part 1's with what you have added, and with what a long training needs besides:
#
# - `utils.Saved` writes everything to a file every few seconds: weights, average, optimizer, random numbers. If you
#   stop the cell, or the kernel dies, run it again: it goes on from there.
# - `clip_grad_norm_` shortens a gradient that is longer than 1, so that one odd batch cannot throw the weights far off.

# %%
def clothes_config() -> dict[str, Any]:
    """The settings of the whole training: ten to twenty minutes on two cores. On a GPU, more steps and larger batches;
    tiny under IS_CI."""
    device = utils.get_device()
    on_gpu = device.type == "cuda"
    return dict(
        lr=0.002,
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
    """What to log on the way: a picture of samples in twenty steps."""
    samples = ddim_sample(model, config["n_images_to_log"], n_steps=20)
    return {"samples": [utils.grid(part1.denormalize_img(samples))]}


# %% tags=["folded"]
def minibatches(
    n_images: int, batch_size: int, done: int, total: int, device: t.device | None = None
) -> Iterator[tuple[int, t.Tensor]]:
    """The steps from done + 1 to total, each with the rows of its minibatch: all images once, then all again in another
    order. The orders are the same in every run, so that a run which is taken up goes on with the rows that are due.
    device: where the images are; rows that come from elsewhere at each step would keep a GPU waiting"""
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
    """Train a model with everything in this part; from where it was saved last, if it was.
    images: (N, C, H, W) in [-1, 1], on the model's device   path: where to save; None: nowhere
    watch: gives what to log of the averaged model, every img_log_interval steps
    returns: the model with averaged weights
    errors: KeyError for a missing setting, ValueError if path holds another training"""
    config = utils.Settings(config_dict)
    optimizer = t.optim.Adam(model.parameters(), lr=config["lr"], fused=True)
    average = MovingAverage(model, config["decay"])
    nature = config_dict | {"guesser": type(model).__name__}  # a save of v is no use to a guesser of noise
    parts = dict(network=model.network, average=average, averaged=average.model, optimizer=optimizer)
    saved = utils.Saved(path, nature, **parts)
    loss_of = bf16_loss if config["bf16"] else fp32_loss
    with utils.start_run(config, config["n_steps"], config["batch_size"], begin=saved.step) as run:
        batches = minibatches(len(images), config["batch_size"], saved.step, config["n_steps"], images.device)
        for step, rows in batches:
            if config["warmup"]:
                optimizer.param_groups[0]["lr"] = learning_rate(step, config["n_steps"], config["lr"], config["warmup"])
            x0 = images[rows]
            num_steps, noise, noised = part1.noise_img(x0, model.noise_schedule)
            loss = loss_of(model, x0, num_steps, noise, noised)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            average.update(model)
            run.log({"train_loss": loss}, step)
            if step % config["img_log_interval"] == 0:
                with utils.fork_rng():  # the training goes on as if nothing had been drawn
                    run.log(watch(average.model, config), step)
            saved.after(step)
    saved.save()
    return average.model

# %% [markdown]
# ## What each change brings
#
# A training with everything at once does not tell which change helped. So several recipes were trained beforehand, each
# for the same time, about ten minutes of one processor core: the first as in Part 1, and each further one with one
# change to the one before. All samples are drawn in 50 steps, with the guessed image clipped.

# %%
class NoiseGuesser(part1.Guesser):
    """A network that guesses the noise, as in Part 1, in the form that train_longer takes."""

    def target(self, x0: t.Tensor, noise: t.Tensor, num_steps: t.Tensor) -> t.Tensor:
        """What the network should answer: the noise. x0, noise: (B, C, H, W)   num_steps: (B,)"""
        return noise

    def forward(self, images: t.Tensor, num_steps: t.Tensor) -> t.Tensor:
        """Guess the noise. images: (B, C, H, W), noised   num_steps: (B,)   returns: (B, C, H, W)"""
        return self.network(images, num_steps)


RECIPES = {  # each makes one change to the one before
    "as in Part 1": dict(schedule=part1.linear_schedule, guesser=NoiseGuesser, decay=0.0, warmup=0, bf16=False),
    "+ cosine schedule": dict(schedule=cosine_schedule),
    "+ v-prediction": dict(guesser=VelocityGuesser),
    "+ average of weights": dict(decay=0.995),
    "+ falling learning rate": dict(warmup=100),
    "+ bfloat16": dict(bf16=True),
    "all, but not v": dict(guesser=NoiseGuesser),
}


# %%
def recipe(name: str) -> dict[str, Any]:
    """The settings of a recipe: all changes up to the named one; bfloat16 only where it is fast."""
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


# %%
def show_ablation() -> None:
    """What was measured of each recipe, and ten of its samples."""
    rows = json.loads((utils.ASSETS / "ablation.json").read_text(encoding="utf-8"))["rows"]
    for row in rows:
        print(f"{row['recipe']:24} {row['images']:9,d} images   distance {row['distance']:6.1f}")
    pictures = t.load(utils.ASSETS / "ablation.pt", weights_only=True)
    utils.show_rows({name: images / 255 for name, images in pictures.items()})


# %%
if MAIN:
    show_ablation()

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![Eight rows of ten samples, most of them the same piece of clothing in several rows. As in Part 1: clothes with holes and odd patterns. With the cosine schedule: most are whole. The same, not clipped: eight pale squares or shapes and two nearly black ones. In the five rows below, of which all but the last guess v, most are whole, and some have holes.](images/part3_ablation.png)
#
# </details>

# %% [markdown]
# What do they tell?
#
# - The **cosine schedule** helps most: from 195 to 94. But the guessed image has to be clipped. The third row of
#   pictures is the same network, sampled by Algorithm 2, which does not clip: its numbers run up to 24.
# - **v** does not help here: 124. It does what it promised: without clipping, its numbers stay within 1.2. But with
#   clipping, the noise is the better guess for so small a network in so short a time. The last row says it again: 65,
#   not 86.
# - The **average** brings 124 down to 100. Whether the **falling learning rate** helps, one training each
#   cannot tell: 104.
# - **bfloat16** learned from 188,000 and 171,000 images (the last two rows) in the time in which float32 learned from
#   131,000 to 151,000, and comes to 86.
#
# So measure, before you believe that a change helps *you*. The whole training, below, takes the recipe of the last row.

# %% [markdown]
# Try it yourself: here are two recipes, with five processor seconds of training each. That is too short for either to
# draw clothes, and 100 samples make the distance too large; give them 600 seconds, and come back later. (Where bfloat16
# is slow, the recipe does without it.)

# %%
if MAIN:
    for name in ("as in Part 1", "all, but not v"):
        t.manual_seed(0)
        begin = time.process_time()
        model, n_images = try_recipe(name, seconds=0.2 if IS_CI else 5)
        far = distance(ddim_sample(model, 20 if IS_CI else 100, n_steps=10))
        seconds = time.process_time() - begin
        print(f"{name:16} {n_images:7,d} images   distance {far:6.1f}   {seconds:4.1f} processor seconds in all")

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# Both come out at 550 or so. Which of them is ahead is chance, after so short a training.
#
# </details>

# %% [markdown]
# ## The whole training
#
# The best of the recipes, "all, but not v", now gets the time it needs.

# %%
def make_guesser(config: dict[str, Any]) -> NoiseGuesser:
    """An untrained U-Net that guesses the noise, with the cosine schedule: the best of the recipes."""
    schedule = part1.NoiseSchedule(config["max_steps"], config["device"], cosine_schedule(config["max_steps"]))
    return NoiseGuesser(make_unet(config["max_steps"]).to(config["device"]), schedule)

# %% [markdown]
# The whole training takes ten to twenty minutes on two cores that know bfloat16. The course has done it once, and comes
# with the model. So the next cell only trains that one on for 15 processor seconds, for you to see it at work, and
# throws the result away; the results below are those of the whole training.
#
# To train from the beginning, yourself, set `utils.FULL = True` in a new cell above this one (with a GPU that is the
# default): then the results below are yours. That training is kept in `saves/clothes.pt`; to begin anew, move the file
# away.

# %%
def trains_here() -> bool:
    """Whether the long training happens here, or the course's own is taken."""
    return IS_CI or utils.FULL or utils.get_device().type == "cuda"


@cache
def clothes_model() -> NoiseGuesser:
    """The model whose results follow: trained here, with FULL=1 or a GPU; else the one that comes with the course."""
    if not trains_here():
        return shipped_model()
    t.manual_seed(0)
    config = clothes_config()
    return train_longer(make_guesser(config), config, clothes(), None if IS_CI else utils.SAVES / "clothes.pt")


# %%
if MAIN:
    model = clothes_model()
    if not trains_here():
        t.manual_seed(0)
        train_for(15, copy.deepcopy(model).requires_grad_(), clothes_config() | dict(lr=0.0003), n_pictures=2)

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![Two rows of eight small samples, drawn in twenty steps: most are shirts, pullovers, bags and shoes, plain to see; some are torn or of no clear kind.](images/part3_live.png)
#
# While it trains, `train_longer` draws a few samples. Two such pictures come, in the same place, each from other noise;
# this is the second. Sixteen samples are too few to tell which is better.
#
# </details>

# %% [markdown]
# And these are the loss and the distance on the way through the whole training: 8,000 steps of 64 images. The samples
# are drawn in 100 steps here.

# %%
def show_curves() -> None:
    """The curves of the whole training, as it was done for the course."""
    results = json.loads((utils.ASSETS / "clothes.json").read_text(encoding="utf-8"))
    losses, measured = results["loss_per_100_steps"], results["measured"]
    _, axes = plt.subplots(1, 2, figsize=(9, 3), layout="constrained")
    axes[0].plot([100 * n for n in range(1, len(losses) + 1)], losses)
    axes[0].set(xlabel="training step", ylabel="loss, mean of 100 steps", ylim=(0, None))
    axes[1].plot([row["images"] for row in measured], [row["distance"] for row in measured], "o-")
    axes[1].set(xlabel="images seen", ylabel="distance of 2,000 samples", xlim=(0, None), ylim=(0, None))
    utils.show()


# %%
if MAIN:
    show_curves()

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![Left, the loss against the training step: it falls quickly within the first 1,000 steps, and then slowly. Right, the distance against the images seen: it falls from 76 after 128,000 images to just under 30 after 512,000.](images/part3_losses.png)
#
# After the first 1,000 steps the loss falls only slowly. But the distance falls from 76 to just under 30: the samples
# become much better for most of the way. That is why you measure them. (Do not compare this loss with that of "As you
# are": under the cosine schedule, the images that the network sees are noised otherwise.)
#
# </details>

# %% [markdown]
# ## Results
#
# Draw a few samples, in 50 steps each: these are your own, made on this machine.

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
# ![Two rows of eight samples: shirts, trousers, jackets, boots and bags that anyone recognises, and three that are torn or of no clear kind.](images/part3_drawn.png)
#
# Most are clothes that anyone recognises, and a few are torn or of no clear kind.
#
# </details>

# %% [markdown]
# To judge them, you need 2,000, in 100 steps each. Two cores would be busy with them for some minutes, so for its own
# model the course comes with them, too: with 64 of them as images, and with the features of all. (If you have trained
# the model yourself, they are drawn here.)

# %%
def draw_many(model: part1.DiffusionModel, n_steps: int = 50, eta: float = 1.0) -> t.Tensor:
    """2,000 samples, always from the same random numbers; 20 under IS_CI. returns: (2000, 1, 28, 28)"""
    batches, n_steps = [20] if IS_CI else [250] * 8, min(n_steps, len(model.noise_schedule))
    with utils.fork_rng(), utils.show_steps(model, len(batches) * n_steps):
        t.manual_seed(0)
        return t.cat([ddim_sample(model, n_samples, n_steps, eta) for n_samples in batches])


@cache
def clothes_samples() -> tuple[t.Tensor, t.Tensor]:
    """Samples of clothes_model: drawn at the first call and kept, or those that come with the course.
    returns: 64 images (64, 1, 28, 28) in [-1, 1]; the features of all 2,000 (2000, 64)"""
    if trains_here():
        samples = draw_many(clothes_model(), n_steps=100)
        return samples[:64], features_of(samples)
    shipped = t.load(utils.ASSETS / "samples.pt", weights_only=True)
    return part1.normalize_img(shipped["images"] / 255), shipped["features"].float()


# %% tags=["folded"]
def show_grids(grids: dict[str, t.Tensor], columns: int = 8) -> None:
    """Show sets of images side by side, each in rows without gaps.
    grids: by title, images (N, C, H, W) in [0, 1]   columns: of each grid"""
    figure, axes = plt.subplots(1, len(grids), figsize=(4.6 * len(grids), 4.6), squeeze=False, layout="constrained")
    for axis, (title, images) in zip(axes[0], grids.items(), strict=True):
        axis.imshow(utils.grid(images, columns), cmap="gray", vmin=0, vmax=255)
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
# Most samples are clothes that anyone recognises, of all kinds. Look closer, and you find torn sleeves, and patterns
# that do not hold together: the training was short, and the network has 0.28 million parameters.
#
# </details>

# %%
def class_shares(features: t.Tensor) -> t.Tensor:
    """Which share of images the classifier takes for each class. features: (N, 64), of the images   returns: (10,)"""
    found = load_classifier().head(features.to(utils.get_device())).argmax(dim=1)
    return found.cpu().bincount(minlength=len(utils.CLASSES)) / len(features)


# %%
if MAIN:
    t.manual_seed(0)
    _, drawn = clothes_samples()
    images = clothes()[t.randperm(len(clothes()))[: len(drawn)]]
    noised, real = features_of(damaged(images)["noise"]), features_of(images)
    sets = {"samples": drawn, "training images with noise": noised, "training images": real}
    for name, features in sets.items():
        print(f"{name:28} distance {frechet_distance(features, features_of_test_images()):7.1f}")
    print("\nclass      samples  training images")
    for name, *shares in zip(utils.CLASSES, class_shares(drawn), class_shares(real), strict=True):
        print(f"{name:10} {shares[0]:7.1%} {shares[1]:16.1%}")

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# The samples come out just under 30, a sixth of what noise of standard deviation 0.1 does to real images (173). A
# hundred real images again and again come out at 43 (above): there no image is wrong, but nearly all are missing; here
# many are wrong, a little. Real images are near 0, so there is room. And no class is missing: the rarest, sandals,
# makes one in fifteen samples.
#
# </details>

# %% [markdown]
# Has it learned the training images by heart? Put beside some samples the training images that are nearest to them,
# pixel by pixel.

# %%
def nearest(samples: t.Tensor, images: t.Tensor, k: int) -> t.Tensor:
    """The k images nearest to each sample, by the sum of squared differences.
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
# ![Four rows of eight pieces of clothing: samples on top, and below each of them three training images of much the same shape that differ from it in details.](images/part3_neighbours.png)
#
# Each sample has relatives among the training images, of much the same cut, but none is a copy. At least these eight
# are not learned by heart.
#
# </details>

# %% [markdown]
# The way of one image, from noise to a boot:

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
# ![The same way as a movie, two steps an image. Out of noise comes a light shape with about 30 steps left; its outline becomes sharp, then the grain on it and around it fades, and a light boot stands there.](images/part3_way.gif)
#
# The outline is there while the noise is still strong. The last steps only take the grain away.
#
# </details>

# %% [markdown]
# With $\eta = 0$ each starting noise leads to one image, so you can walk from one noise to another and see the images
# on the way. A straight line would lead through noise of too small a variance; this path keeps it at 1:

# %%
def between(start: t.Tensor, end: t.Tensor, n: int) -> t.Tensor:
    """n noises from start to end, along the arc cos(a) start + sin(a) end, which keeps the variance.
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
# ![Two rows of eight. Above, a dark sandal that hardly changes for five images, then three jackets, each brighter. Below, a boot with a heel for five images, then three narrow garments with a stray piece beside them.](images/part3_between.png)
#
# The way is not even: the image stays much the same for a stretch, and then turns into another kind within a step.
# Nothing is half boot, half shirt, though some of the garments are odd.
#
# </details>

# %% [markdown]
# ## When it does not work
#
# Diffusion models rarely fail with an error. They train, the loss falls, and the samples are wrong. The way they are
# wrong tells where to look. All rows come from the same good weights and starting noises; below each of the two good
# rows stand some with one mistake in the sampling. (Three are drawn with $\eta = 0$, for with fresh noise on the way a
# wrong start is soon mended.)

# %%
class Told(nn.Module):
    """A model that is told another count than the right one. told: what it hears instead of num_steps"""

    def __init__(self, model: part1.DiffusionModel, told: Callable):
        super().__init__()
        self.model, self.told = model, told
        self.img_shape, self.noise_schedule = model.img_shape, model.noise_schedule

    def forward(self, images: t.Tensor, num_steps: t.Tensor) -> t.Tensor:
        return self.model(images, self.told(num_steps))


@t.no_grad()
def symptoms(model: part1.DiffusionModel, start: t.Tensor) -> dict[str, t.Tensor]:
    """Samples as they should be, and with one mistake each. start: (B, C, H, W), noise"""
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
    with utils.show_steps(model, 5 * 50 + 2):
        rows = symptoms(model, t.randn(8, *model.img_shape, device=model.noise_schedule.device))
    utils.show_rows({name: part1.denormalize_img(images) for name, images in rows.items()})

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![Seven rows of eight images. All is well: clothes, shoes and a bag. Labyrinths: black and white lines in a tangle. Noise: nothing but noise. Well, η = 0: clothes, shoes and a bag again. Half made: flat and ragged shapes, some of two things at once. One class: the same T-shirt eight times. White pixels: blotches of pure black and white where the clothes should be.](images/part3_symptoms.png)
#
# </details>
#
# | you see | and it was | look for |
# |---|---|---|
# | half made | two steps only: what is guessed from pure noise is rough, and one more step cannot mend it | too few steps; too short a training; samples of the raw weights early on |
# | one class, or one image | the same starting noise for all, and no fresh one | a seed set in a loop; noise of shape (1, C, H, W) that was broadcast; a training set that is not mixed |
# | labyrinths, though the loss is fine | sampled with the linear schedule, trained with the cosine one | any disagreement of training and sampling: schedule, what is guessed (noise or v), counts that are off |
# | noise | the network hears count $T$ at every step | `num_steps` not passed on, wrong shape, or not used by the network |
# | white pixels | a start with noise of standard deviation 1.5 | noise that is too strong: a root too many, noise in the last step, images not in [-1, 1] |
# | all white or black | a network that guesses the noise, under the cosine schedule, without clipping: Algorithm 2's first step back makes its error 30 times as large, and it grows on | the numbers, not the picture: do they leave [-1, 1]? A division by $\sqrt{\alpha}$ near 0: clip the guessed image |
# | a loss that jumps up and stays | a learning rate that is too high, at the wrong moment | warm-up, `clip_grad_norm_`, a smaller `lr` |
#
# (The picture of "all white or black" is the row "the same, not clipped" in [What each change
# brings](#What-each-change-brings); the last is not in a picture.)

# %% [markdown]
# ## Glossary: names around training
#
# | here | other names, and what they mean |
# |---|---|
# | Fréchet distance | FID, if the features are Inception's; 2-Wasserstein distance of two Gaussians, squared |
# | features | activations, embedding, representation |
# | v, velocity | v-prediction; `prediction_type="v_prediction"` in some code |
# | guess of noise, of the image | ε-prediction, x0-prediction |
# | moving average of the weights | EMA, exponential moving average, shadow weights, Polyak averaging (that is the plain mean) |
# | mixed precision | AMP (automatic mixed precision), autocast |
# | warm-up, falling learning rate | learning-rate schedule: beware, "schedule" alone mostly means the noise's |
# | DDIM, η | a sampler; η = 0 is deterministic, η = 1 the DDPM kind |
# | clipped guess | `clip_denoised`, `clip_sample` in some code |
# | saved training | checkpoint |

# %% [markdown]
# ## What you have now
#
# A diffusion model of clothes that anyone recognises, and the means to tell how good it is.
#
# - The **Fréchet distance** compares two sets of images by the mean and covariance of their features. Compare at equal
#   numbers, and look at samples, classes and neighbours as well.
# - The **cosine schedule** takes the image away over the whole way; at its end, an error of the guessed noise becomes
#   30 times as large, so clip the guessed image.
# - **v** is a guess of the noise where there is little and of the image where there is much, and never divided by a
#   number near 0. Here, with the guessed image clipped, plain noise was the better guess: measure.
# - An **average of the weights** and a **falling learning rate** bring a noisy training to rest.
# - **bfloat16** buys more steps in the same time, where the processor knows it.
# - **DDIM** draws in 100 steps what took 1000, and with $\eta = 0$ each noise is one image.
#
# You will meet them again in the systems that Part 1 named.

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
    t.manual_seed(0)  # the same in all processes: each draws the whole batch, and its network computes a share
    with together() as share:
        config = clothes_config()
        model = make_guesser(config)
        share(model.network)
        train_longer(model, config, clothes(), utils.SAVES / "together.pt")
