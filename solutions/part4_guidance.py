# %% [markdown]
# # Part 4: Ask for what you want
#
# Here are forty pieces of clothing that were ordered, row by row. Beside them are forty that came by chance.
#
# ![Two grids of small grey pictures on black, ten rows each. Left, each row has a name and shows four of that kind: T-shirt, trousers, pullover, dress, coat, sandal, shirt, sneaker, bag and boot. Right, forty pieces of clothing in no order.](images/part4_menu.png)
#
# Part 3 ended with a question from your friend. "Can you make it draw a boot?" Now you can. It's the network of Part 3
# with eleven more vectors of 64 numbers. After its 8,000 steps of training it learned for 2,000 more, and this time
# somebody told it what it was looking at.
#
# In this part you tell a network what to draw, with a label, with a few words, or with a picture of your own. You also
# decide how hard to insist. That's called **guidance**, and most image generators use it.
#
# **You need** Parts 1 to 3. From Part 1, have "the average noise points uphill" fresh in your mind. You don't need a
# GPU. Plan about four hours.

# %% [markdown]
# ## How to work
#
# It's the same as before. Replace the line `raise NotImplementedError(...)` with your code, run the cell, then run the
# check below it. Hints are folded under the check, and so is the solution, unless your instructor has left it out.
#
# <details>
# <summary>Contents</summary>
#
# - [Set up](#Set-up)
# - [A picture first](#A-picture-first)
# - [A world where everything is exact](#A-world-where-everything-is-exact)
# - [A network that listens](#A-network-that-listens)
# - [Guidance](#Guidance)
# - [Captions](#Captions)
# - [Edit](#Edit)
# - [Where this stands in the world](#Where-this-stands-in-the-world)
# - [Glossary: names around guidance](#Glossary:-names-around-guidance)
# - [What you have now](#What-you-have-now)
# - [Something to show a friend](#Something-to-show-a-friend)
#
# </details>

# %% [markdown]
# ## Set up
#
# Run the next three cells. The second one fetches `part1`, `part2` and `part3`. In the exercise notebook these are
# **your own** functions as you last saved them, provided they pass their checks. The lines under the cell tell you
# which are yours.

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
import random
import textwrap
from collections.abc import Callable
from difflib import get_close_matches
from functools import cache, partial
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import torch as t
import torch.nn as nn
import torch.nn.functional as F
from einops import rearrange, repeat

import solutions.part1_diffusion as part1
import solutions.part2_unet as part2
import solutions.part3_fashion_mnist as part3
import utils
from utils import IS_CI

# %%
if MAIN:
    import tests.part4

    device = utils.get_device()
    print(f"Ready. PyTorch {t.__version__} computes on: {device}")

# %% [markdown]
# ## A picture first
#
# You've seen the menu above. Here it is again, from files that come with the course. Look at the two grids and count.
# How many sandals came by chance? How many coats? If you wanted a coat from Part 3's model, how many images would you
# have to draw until you got one, and who would tell you that it's a coat?

# %% tags=["folded"]
def show_menu(asked: t.Tensor, chance: t.Tensor) -> None:
    """Show four images of each class beside forty others.
    asked, chance: (40, 1, H, W) in [0, 1], asked class by class"""
    _, axes = plt.subplots(1, 2, figsize=(7.4, 7.4), layout="constrained")
    for axis, title, images in [(axes[0], "asked for by name", asked), (axes[1], "by chance", chance)]:
        axis.imshow(utils.grid(images, columns=4), cmap="gray", vmin=0, vmax=255)
        axis.set(title=title, xticks=[], yticks=[], frame_on=False)
    axes[0].set_yticks([28 + 56 * row for row in range(10)], utils.CLASSES)
    axes[0].tick_params(length=0)
    utils.show()


def by_class(images: t.Tensor) -> t.Tensor:
    """Images that were asked for in turn, T-shirt, trousers, ..., boot, T-shirt, ..., with each class together."""
    return rearrange(images, "(n k) c h w -> (k n) c h w", k=len(utils.CLASSES))


# %%
if MAIN:
    asked = t.load(utils.ASSETS / "guidance.pt", weights_only=True)["w = 2"]
    chance = t.load(utils.ASSETS / "samples.pt", weights_only=True)["images"][:40]
    show_menu(by_class(asked) / 255, chance / 255)

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![Two grids of small grey pictures on black, ten rows each. Left, each row has a name and shows four of that kind: T-shirt, trousers, pullover, dress, coat, sandal, shirt, sneaker, bag and boot. Right, forty pieces of clothing in no order.](images/part4_menu.png)
#
# On the left, every row holds what its name says. On the right, you take what you get.
#
# </details>

# %% [markdown]
# ## A world where everything is exact
#
# A network learns the best guess of the noise, more or less. How would the *best* guess behave, with nothing left to
# learn? For clothes nobody can compute it. So begin with a world that's small enough. Its "images" are points in a
# plane, two pixels each, and they come from four Gaussians. That's all there is to know about this world, and you know
# it. So you can write down the best guess, and nothing has to be trained. (Part 1's `what_fits` did this for single
# points. Here each point is a cloud.)

# %% [markdown]
# ### 4.1 The best guess there is
# *Write the best guess of the noise in a mixture of Gaussians* · ●●●○○ · 25 minutes · Equation 4
#
# Gaussian $k$ has the mean $\mu_k$ and the weight $\pi_k$, and all have the standard deviation $\sigma$. After $n$
# steps it has moved to $\sqrt{\bar\alpha}\, \mu_k$, and its variance is $v = \bar\alpha \sigma^2 + 1 - \bar\alpha$. So
# three things are easy to say about a noised point $x$:
#
# **Step 1.** How well Gaussian $k$ fits it, as a share of 1. That's a softmax over $k$:
#
# $$r_k = \text{softmax}_k \left(\ln \pi_k - \frac{|x - \sqrt{\bar\alpha}\, \mu_k|^2}{2 v}\right)$$
#
# **Step 2.** The average clean point. The mean of the Gaussians that fit is $m = \sum_k r_k \mu_k$. What's left
# between $\sqrt{\bar\alpha}\, m$ and $x$ is partly noise and partly spread, and the spread's part counts:
#
# $$x_0 = m + \frac{\sqrt{\bar\alpha}\, \sigma^2}{v} (x - \sqrt{\bar\alpha}\, m)$$
#
# **Step 3.** The noise that leads from this $x_0$ to $x$. Equation 4 ties the three together,
# $x = \sqrt{\bar\alpha}\, x_0 + \sqrt{1 - \bar\alpha}\, \epsilon$.

# %%
def mixture_noise(x: t.Tensor, alpha_bar: t.Tensor, means: t.Tensor, weights: t.Tensor, std: float) -> t.Tensor:
    """The average noise in noised points, if the clean ones come from a mixture of Gaussians.
    x: (B, D), noised   alpha_bar: (B,), of each point's timestep   means: (K, D)
    weights: (B, K), how often each Gaussian comes, for each point; each row adds up to 1, and some may be 0
    std: of each Gaussian, in each direction   returns: (B, D)"""
    ### BEGIN SOLUTION
    a = rearrange(alpha_bar, "b -> b 1")
    variance = a * std**2 + 1 - a
    squares = (rearrange(x, "b d -> b 1 d") - rearrange(a.sqrt(), "b 1 -> b 1 1") * means).square().sum(dim=2)
    fits = (weights.log() - squares / (2 * variance)).softmax(dim=1)
    mean = fits @ means
    x0 = mean + a.sqrt() * std**2 / variance * (x - a.sqrt() * mean)
    return (x - a.sqrt() * x0) / (1 - a).sqrt()
    ### END SOLUTION


# %%
if MAIN:
    tests.part4.check_mixture_noise(mixture_noise)

# %% [markdown]
# <details>
# <summary>Hint 1: a question</summary>
#
# Which numbers does each point have for itself, which does each Gaussian have, and which does each pair of them have?
# What shapes follow from that?
#
# </details>
#
# <details>
# <summary>Hint 2: a fact</summary>
#
# With x as (B, 1, D) and means as (K, D), `x - means` is (B, K, D), and `.square().sum(dim=2)` leaves (B, K). The
# logarithm of 0 is minus infinity, and softmax makes a 0 of that again. `fits @ means` is the weighted mean, (B, D).
#
# </details>
#
# <details>
# <summary>Hint 3: the next step</summary>
#
# Bring ᾱ to (B, 1) first. Then write one line for each quantity in the order of the text, v, the squared distances, the
# shares, m, x₀. For the last line, solve Equation 4 for the noise.
#
# </details>

# %% [markdown]
# Why a softmax in step 1? By Bayes' rule, a Gaussian's share goes with its weight times its density at $x$. All of them
# are equally wide, so the factor before the exponential is the same in each, and it cancels.
#
# Where does the fraction in step 2 come from? Within Gaussian $k$, the point $x$ is off its centre for two reasons. The
# clean points are spread, with the variance $\bar\alpha \sigma^2$ after fading, and the noise adds $1 - \bar\alpha$. If
# you only know the sum of two independent Gaussians, your best guess gives each its share of the variance. So
# $\bar\alpha \sigma^2 / v$ of the distance is faded spread. Divide by $\sqrt{\bar\alpha}$ to undo the fading. If
# $\sigma = 0$, the fraction is 0, and you're back at `what_fits`.
#
# And why does one average give the other in step 3? With $x$ given, Equation 4 makes the noise a linear function of
# the clean point. So the average noise is the noise that goes with the average clean point.
#
# Now make a model of it. Two of the four Gaussians belong to class 0, on the left, and two to class 1. The world can be
# told which class is wanted. The other class's Gaussians then get weight 0.

# %%
MEANS = t.tensor([[-0.55, 0.3], [-0.1, -0.25], [0.15, -0.2], [0.55, 0.35]])
STD = 0.12
LEFT, RIGHT, EITHER = 0, 1, 2  # what may be wanted, and the rows of WEIGHTS
WEIGHTS = t.tensor([[0.5, 0.5, 0, 0], [0, 0, 0.5, 0.5], [0.25, 0.25, 0.25, 0.25]])


class World(part1.DiffusionModel):
    """Points in a plane, seen as images of two pixels. It guesses noise as well as one can, without any training."""

    img_shape = (1, 1, 2)

    def __init__(self) -> None:
        super().__init__()
        self.noise_schedule = part1.NoiseSchedule(200, "cpu", part1.linear_schedule(200, 0.0005, 0.1))

    def forward(self, images: t.Tensor, num_steps: t.Tensor, wanted: t.Tensor | None = None) -> t.Tensor:
        """Guess the noise.
        images: (B, 1, 1, 2)   num_steps: (B,)   wanted: (B,), LEFT, RIGHT or EITHER; None: EITHER"""
        wanted = t.full_like(num_steps, EITHER) if wanted is None else wanted
        alpha_bar = self.noise_schedule.alpha_bar(num_steps)
        return mixture_noise(images.flatten(1), alpha_bar, MEANS, WEIGHTS[wanted], STD).reshape(images.shape)


def draw_points(n_points: int, wanted: int = EITHER) -> t.Tensor:
    """Clean points, drawn from the Gaussians themselves. returns: (n_points, 2)"""
    chosen = t.multinomial(WEIGHTS[wanted], n_points, replacement=True)
    return MEANS[chosen] + STD * t.randn(n_points, 2)


# %% [markdown]
# You never told Part 1's `sample` about any Gaussians. It starts from noise and asks the model 200 times.

# %%
if MAIN:
    t.manual_seed(0)
    world, n_points = World(), 20 if IS_CI else 1000
    clouds = {"drawn from the Gaussians": draw_points(n_points), "drawn by sample": part1.sample(world, n_points)}
    _, axes = plt.subplots(1, 3, figsize=(utils.WIDE, 3.3), layout="constrained")
    for axis, (title, points) in zip(axes, clouds.items(), strict=False):
        axis.scatter(*points.flatten(1).T, s=3)
        axis.set(title=title, xlim=(-1.1, 1.1), ylim=(-1.1, 1.1), aspect="equal")
    n, grid = 20, t.cartesian_prod(t.linspace(-1, 1, 9), t.linspace(-1, 1, 9))
    num_steps, noised = t.full((len(grid),), n), grid.reshape(-1, 1, 1, 2)
    average = part1.reconstruct(noised, world(noised, num_steps), num_steps, world.noise_schedule).flatten(1)
    axes[2].quiver(*grid.T, *(average - grid).T, angles="xy", scale_units="xy", scale=1, width=0.006, color="C3")
    axes[2].scatter(*MEANS.T, s=40, color="black", zorder=3)
    axes[2].set(title=f"n = {n}: the average", xlim=(-1.1, 1.1), ylim=(-1.1, 1.1), aspect="equal")
    utils.show()

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![Three squares. Left, 1,000 points in four round clouds, one at the upper left, one at the upper right, and two that overlap below the middle. Middle, 1,000 other points in the same four clouds. Right, a field of arrows with four black dots: arrows from the left end near the left dots, those from the right near the right ones, and those from the middle end in between.](images/part4_world.png)
#
# The two clouds of points look alike. The best guess and your sampler are all it takes. On the right, each arrow starts
# at a noised point and ends at the average of the clean points that fit it. Far out, an arrow ends near one of the four
# centres. In the middle several of them fit, and it ends between them, where there may be no points at all. It's the
# blur of Part 3, in two numbers. `sample` still finds the clouds, because it takes small steps and asks again.
#
# </details>

# %% [markdown]
# ## A network that listens
#
# Back to clothes. How do you tell a U-Net what's in the image? Think of what you already tell it, the timestep. It
# becomes a vector, `step_emb`, and every block adds that vector to its channels. You can say anything else in the same
# way. Make a vector of it, a **condition**, as wide as `step_emb`, and add the two. That's the one extra line in your
# `UNet` of Part 2.
#
# Labels become vectors by a table, `nn.Embedding`, with one row of 64 numbers for each class. The rows are weights like
# any others, and they're learned. The table gets one row more than there are classes, row 10, the **null label**. It
# means "whatever you like". You'll need it in a moment, to find out what the label *changes*.
#
# How does the network learn what the null label means? Sometimes you don't tell it the label.

# %%
def labels_of(train: bool = True) -> t.Tensor:
    """The labels of part3.clothes(train). returns: (N,) int64, rows of CLASSES, on the device of get_device()"""
    _, labels = utils.fashion_mnist(train)
    return labels.to(utils.get_device())


# %% [markdown]
# ### 4.2 Say nothing, now and then
# *Drop the labels of some images* · ●●○○○ · 15 minutes · Ho and Salimans, Algorithm 1
#
# In each minibatch, replace some labels by `null`. Every image takes its own chance, so that a minibatch holds both
# kinds. The labels that you're given must stay as they are, because the same image will come again. Next time its label
# may be kept.
#
# Write it for rows of any length. Later in this part a label is a caption of several numbers, and `null` is a caption,
# too. A row is replaced as a whole or not at all.

# %%
def drop_labels(labels: t.Tensor, share: float, null: t.Tensor | float) -> t.Tensor:
    """Replace some labels by the null label, each with a chance of its own (Ho and Salimans, Algorithm 1, line 3).
    labels: (B, ...) of any dtype   share: the chance, 0 to 1   null: one label, of shape (...), or a number
    returns: (B, ...), a new tensor of the same dtype"""
    ### BEGIN SOLUTION
    dropped = t.rand(len(labels), device=labels.device) < share
    dropped = dropped.reshape(-1, *[1] * (labels.dim() - 1))  # (B, 1, ...), as many axes as labels
    return t.where(dropped, null, labels)
    ### END SOLUTION


# %%
if MAIN:
    tests.part4.check_drop_labels(drop_labels)

# %% [markdown]
# <details>
# <summary>Hint 1: a question</summary>
#
# How many chances do you have to draw for a minibatch of B labels, and how many for B captions of 8 words each?
#
# </details>
#
# <details>
# <summary>Hint 2: a fact</summary>
#
# `t.rand(n) < share` is true with chance `share`, n times over. `t.where(condition, a, b)` makes a new tensor, with
# numbers from a where the condition holds and from b elsewhere. All three are broadcast from the right, so (B,) doesn't
# fit (B, L), but (B, 1) does.
#
# </details>
#
# <details>
# <summary>Hint 3: the next step</summary>
#
# Draw B chances on the device of the labels. Give them as many axes as the labels have, each of length 1 but the first.
# Then `t.where` does the rest.
#
# </details>

# %%
if MAIN:
    t.manual_seed(0)
    labels = labels_of()[:24]
    for n in range(3):
        print(drop_labels(labels, 0.1, 10).tolist())

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# You see the same 24 labels three times. In each row a few of them have become 10, and they're different ones each
# time.
#
# </details>

# %% [markdown]
# So one network learns two things. From the images that keep their labels it learns the best guess for a class, and
# from the others the best guess when nobody says what it is. That second one is what Part 3's network gives.
#
# Everything else is given. A `Listener` holds a network, a schedule, what turns wishes into vectors (`encode`), and the
# null label. `train_listener` is Part 3's training, with your `training_step` in it. It has two more lines, which fetch
# the labels and drop a tenth of them.
#
# And the network doesn't have to begin with random weights. Part 3's network can draw already, and only has to learn to
# listen. `continue_from` puts a copy of it into a listener.

# %%
class Listener(part1.DiffusionModel):
    """A model that can be told what is wanted.
    network: called with (images, num_steps, condition)   encode: turns (B, ...) of wishes into (B, 4 * channels)
    null: the one wish (...) that means "whatever you like" """

    null: t.Tensor

    def __init__(
        self, network: nn.Module, noise_schedule: part1.NoiseSchedule, encode: nn.Module, null: t.Tensor | float
    ):
        super().__init__()
        self.network, self.noise_schedule, self.encode = network, noise_schedule, encode
        self.img_shape = network.img_shape
        self.register_buffer("null", t.as_tensor(null, device=next(network.parameters()).device))

    def forward(self, images: t.Tensor, num_steps: t.Tensor, wanted: t.Tensor | None = None) -> t.Tensor:
        """Guess the noise.
        images: (B, C, H, W), noised   num_steps: (B,) int, 1 to T   wanted: (B, ...), or None for whatever it likes
        returns: (B, C, H, W)"""
        if wanted is None:
            wanted = self.null.expand(len(images), *self.null.shape)
        return self.network(images, num_steps, self.encode(wanted))


def make_listener(encode: nn.Module, null: t.Tensor | float, img_shape: tuple[int, ...] = (1, 28, 28)) -> Listener:
    """An untrained listener, Part 3's U-Net and cosine schedule, on the device of get_device().
    encode: (B, ...) -> (B, 64)   null: one of what encode takes"""
    max_steps, device = 1000, utils.get_device()
    schedule = part1.NoiseSchedule(max_steps, device, part3.cosine_schedule(max_steps))
    config = part2.UNetConfig(img_shape, channels=16, dim_mults=(1, 2, 2), groups=8, max_steps=max_steps)
    return Listener(part2.UNet(config).to(device), schedule, encode.to(device), null)


def continue_from(drawer: part1.Guesser, model: Listener) -> Listener:
    """A listener whose network begins with the weights of a model that can draw. drawer: Part 3's"""
    model.network = copy.deepcopy(drawer.network).requires_grad_()
    return model


# %%
def listener_config() -> dict[str, Any]:
    """The settings of a listener's training, for a network that can draw already. Tiny under IS_CI."""
    device = utils.get_device()
    return dict(
        lr=0.003,
        warmup=2 if IS_CI else 100,
        n_steps=6 if IS_CI else 2000,
        batch_size=8 if IS_CI else 64,
        decay=0.995,
        share=0.1,
        mirror=False,
        bf16=part3.computes_bf16_fast(device),
        img_log_interval=3 if IS_CI else 500,
        device=device,
    )


def listening_loss(model: Listener, x0: t.Tensor, wanted: t.Tensor, bf16: bool) -> t.Tensor:
    """The mean squared error of the guessed noise, after random timesteps.
    x0: (B, C, H, W) in [-1, 1]   wanted: (B, ...)   bf16: compute the network in bfloat16   returns: ()"""
    num_steps, noise, noised = part1.noise_img(x0, model.noise_schedule)
    with t.autocast(x0.device.type, t.bfloat16, enabled=bf16):
        guess = model(noised, num_steps, wanted)
    return F.mse_loss(guess.float(), noise)


def train_listener(
    model: Listener,
    config_dict: dict[str, Any],
    images: t.Tensor,
    wanted: t.Tensor,
    watch: Callable | None = None,
    path: Path | None = None,
) -> Listener:
    """Train a model to listen, as part3.train_longer trains one that does not.
    images: (N, C, H, W) in [-1, 1]   wanted: (N, ...), what encode takes, both on the model's device
    watch: gives what to log of the averaged model, every img_log_interval steps, or None   path: where to save, or None
    returns: the model with averaged weights
    errors: KeyError for a missing setting, ValueError if path holds another training or the rows don't fit"""
    check_rows(images, wanted)
    config = utils.Settings(config_dict)
    optimizer = t.optim.Adam(model.parameters(), lr=config["lr"], fused=True)
    average = part3.MovingAverage(model, config["decay"])
    nature = config_dict | {"encode": type(model.encode).__name__}
    saved = utils.Saved(path, nature, model=model, average=average, averaged=average.model, optimizer=optimizer)
    with utils.start_run(config, config["n_steps"], config["batch_size"], begin=saved.step) as run:
        batches = part3.minibatches(len(images), config["batch_size"], saved.step, config["n_steps"], images.device)
        for step, rows in batches:
            x0 = images[rows]
            if config["mirror"]:
                x0 = t.where(t.rand(len(x0), 1, 1, 1, device=x0.device) < 0.5, x0.flip(-1), x0)
            kept = drop_labels(wanted[rows], config["share"], model.null)
            lr = part3.learning_rate(step, config["n_steps"], config["lr"], config["warmup"])
            loss = listening_loss(model, x0, kept, config["bf16"])
            part3.training_step(loss, lr, model, optimizer, average)
            run.log({"train_loss": loss}, step)
            if watch and step % config["img_log_interval"] == 0:
                with utils.fork_rng():  # drawing must not change the training
                    run.log(watch(average.model, config), step)
            saved.after(step)
    saved.save()
    return average.model


def check_rows(images: t.Tensor, wanted: t.Tensor) -> None:
    """Refuse another number of labels than of images. errors: ValueError"""
    if len(images) != len(wanted):
        raise ValueError(f"{len(images)} images but {len(wanted)} of what is wanted: give one for each image")


# %%
def make_label_model() -> Listener:
    """An untrained model that listens to labels. There are ten classes, and row 10 is the null label."""
    null = len(utils.CLASSES)
    return make_listener(nn.Embedding(null + 1, 64), null)


def load_listener(model: Listener, name: str) -> Listener:
    """A model with weights that come with the course. name: of the file in solutions/assets"""
    weights = t.load(utils.ASSETS / name, weights_only=True, map_location="cpu")
    nn.ModuleDict({"network": model.network, "encode": model.encode}).load_state_dict(weights)
    return model.eval().requires_grad_(False)


@cache
def label_model() -> Listener:
    """The label model that comes with the course; python -m tools.make_assets labels makes it."""
    import solutions.part4_guidance as course

    print("These weights come with the course: Part 3's and 2,000 more steps, four minutes on two CPU cores.")
    with utils.fork_rng():  # loaded early or late, the same samples follow
        return load_listener(course.make_label_model(), "labels.pt")


@cache
def listening_model() -> Listener:
    """The model whose results follow, trained here if part3.trains_here(), else the one that comes with the course."""
    if not part3.trains_here():
        return label_model()
    t.manual_seed(0)
    path = None if IS_CI else utils.SAVES / "labels.pt"
    model = continue_from(part3.clothes_model(), make_label_model())
    return train_listener(model, listener_config(), part3.clothes(), labels_of(), path=path)


def train_further(model: Listener, seconds: float) -> Listener:
    """Train a copy of a label model for so many processor seconds, with small steps. returns: the copy, averaged"""
    model, config = copy.deepcopy(model).requires_grad_(), listener_config() | dict(lr=0.0003)
    x0, wanted = part3.clothes()[: config["batch_size"]], labels_of()[: config["batch_size"]]
    n_steps = part3.steps_within(seconds, lambda: listening_loss(model, x0, wanted, config["bf16"]).backward())
    config |= dict(n_steps=n_steps, warmup=n_steps // 2)
    return train_listener(model, config, part3.clothes(), labels_of())


# %% [markdown]
# **Train it yourself.** It takes about four minutes on two cores with fast bfloat16, and it begins with the model of
# Part 3, your own if you trained that. Set `utils.FULL = True` in a new cell above this one, and the results below will
# be those of your own network, kept in `saves/labels.pt`. With a GPU that's the default.
#
# If you can't spare the time, use the network that comes with the course. It was trained in just this way, for 2,000
# steps with 64 images each. Then the next cell only trains it a little further, for 20 processor seconds, and throws
# the result away.

# %%
if MAIN:
    listening_model.cache_clear()
    model = listening_model()
    if not part3.trains_here():
        t.manual_seed(0)
        train_further(model, 20)
        utils.show_losses()

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![The training loss against the step, a nearly flat line from beginning to end, well below 0.1.](images/part4_losses.svg)
#
# This loss doesn't fall any more. The network has seen more than half a million images before, and a few thousand more
# don't change it.
#
# </details>

# %% [markdown]
# Does it listen? A network can ignore what you tell it. It lowers its loss quite well without, because a noised image
# usually shows what it is. You can find out without drawing a single sample. Noise some test images, and let the model
# guess the noise three times, once with the right label, once with the null label, and once with the label of another
# class. If it listens, the three errors differ. Where would you expect the larger difference, after a few steps of
# noise or after many?

# %%
@t.no_grad()
def errors_when_told(model: Listener, images: t.Tensor, labels: t.Tensor, n: int) -> list[float]:
    """The mean squared error of the guessed noise after n steps, told the right label, nothing, and a wrong label.
    images: (B, 1, 28, 28) in [-1, 1]   labels: (B,)"""
    alpha_bar, noise = model.noise_schedule.alpha_bar(n), t.randn_like(images)
    noised, num_steps = alpha_bar.sqrt() * images + (1 - alpha_bar).sqrt() * noise, t.full_like(labels, n)
    wrong = (labels + t.randint(1, 10, labels.shape, device=labels.device)) % 10
    return [F.mse_loss(model(noised, num_steps, told), noise).item() for told in (labels, None, wrong)]


# %%
if MAIN:
    t.manual_seed(0)
    model, n_images, steps = listening_model(), 8 if IS_CI else 200, [100, 300, 500, 700, 800, 900]
    images, labels = part3.clothes(train=False)[:n_images], labels_of(train=False)[:n_images]
    errors = t.tensor([errors_when_told(model, images, labels, n) for n in utils.bar(steps)])
    for n, (right, nothing, wrong) in zip(steps, errors, strict=True):
        print(f"n = {n}: told the right label {right:.4f}, nothing {nothing:.4f}, a wrong label {wrong:.4f}")
    more = 100 * (errors / errors[:, :1] - 1)
    plt.plot(steps, more[:, 2], "^-", label="told a wrong label")
    plt.plot(steps, more[:, 1], "s--", label="told nothing")
    plt.xlabel("steps")
    plt.ylabel("more error than with the right label, %")
    utils.label_lines()
    utils.show()

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![Two lines against the timestep, both near 0 up to step 300. From there the one for a wrong label climbs more and more steeply, to more than 100 %, and the one for nothing to about 35 %.](images/part4_told.svg)
#
# After 300 steps a wrong label costs 2 % more error than the right one, and saying nothing costs a third of
# that. There the image itself says what it is. After 800 steps a wrong label costs about 45 %, and saying nothing about
# 8 %. After 900 the wrong label doubles the error. So the model does listen, and it listens most where it sees least.
#
# </details>

# %% [markdown]
# ## Guidance
#
# You could just ask now. Give the network a label at every step, and it draws that class, more or less. "More or less"
# is the problem. The label is one hint among many, and where the noised image says "pullover" and you say "shirt", the
# network finds a compromise. Can you make it listen harder?
#
# You have two guesses, $\epsilon_c$ with the label $c$ and $\epsilon_\varnothing$ with the null label. Their difference
# is what the label changes. So take that difference, and more of it. Four lines say that this is more than a trick.
#
# 1. Bayes' rule says how well a label fits a noised image, $p(c \mid x) = p(x \mid c)\, p(c) / p(x)$.
# 2. Take logarithms and slopes along $x$. The slope of $p(c)$ is 0, because no $x$ is in it, and so
#    $\nabla \ln p(c \mid x) = \nabla \ln p(x \mid c) - \nabla \ln p(x)$.
# 3. A slope like that is a score, and Part 1 found it in the average noise. It's
#    $\nabla \ln p(x) = -\epsilon_\varnothing / \sqrt{1 - \bar\alpha}$, and with the label
#    $\nabla \ln p(x \mid c) = -\epsilon_c / \sqrt{1 - \bar\alpha}$.
# 4. Go uphill towards likely images, and $w$ times as hard towards images that fit the label,
#    $\nabla \ln p(x) + w \nabla \ln p(c \mid x)$. Put in line 2 and line 3 and multiply by $-\sqrt{1 - \bar\alpha}$:
#
# $$\epsilon = \epsilon_\varnothing + w\, (\epsilon_c - \epsilon_\varnothing)$$
#
# At $w = 0$ the label is ignored. At $w = 1$ the null guess cancels, and you have the plain conditional model. Above 1
# you insist. (Many papers count from there, and write $(1 + w)\, \epsilon_c - w\, \epsilon_\varnothing$. Their $w$ is
# ours minus 1.) It's called **classifier-free guidance**, from [Ho and Salimans](https://arxiv.org/abs/2207.12598).
# You'll meet the classifier that it's free of at the end of this section.

# %% tags=["folded"]
def check_guidance(wanted: t.Tensor, w: float | t.Tensor) -> None:
    """Refuse a w that's no number, or not one for each image. errors: TypeError, ValueError"""
    if isinstance(w, bool) or not isinstance(w, int | float | t.Tensor):
        raise TypeError(f"w is {w!r}: give a number, such as 1.5, or a tensor with one for each image")
    w = t.as_tensor(w)
    if w.dim() > 1 or w.dim() == 1 and len(w) != len(wanted):
        raise ValueError(f"w has shape {tuple(w.shape)}: give one number, or one for each of {len(wanted)} images")
    if not w.isfinite().all():
        raise ValueError(f"w is {w.tolist()}: give finite numbers, such as 1.5")


# %% [markdown]
# ### 4.3 Insist
# *Make a model that has been told what to draw* · ●●●○○ · 20 minutes · Ho and Salimans, Equation 6
#
# `sample` and `ddim_sample` know nothing of labels. They call `model(images, num_steps)`. So wrap the listener in a
# model that remembers what is wanted. `Guided` keeps it as `self.wanted`, one row for each image, and beside it
# `self.null`, of the same shape. `self.w` is (1, 1, 1, 1), or (B, 1, 1, 1) if each image has a `w` of its own.
#
# Write `forward`. Get both guesses from **one** call of `self.model`. One call with twice as many images is often
# faster than two calls, and on a GPU much faster. So each thing that the model takes must have twice as many rows.

# %%
class Guided(part1.DiffusionModel):
    """A model that has been told what to draw, and how hard to insist. From outside, it guesses noise like any other.
    model: called with (images, num_steps, wanted)   wanted: (B, ...), one row for each image
    null: one such row, or a number   w: a number or (B,); 0 ignores what is wanted, 1 is the plain model
    errors: TypeError or ValueError for a w that can't be used, ValueError for more or fewer images than wishes"""

    wanted: t.Tensor
    null: t.Tensor
    w: t.Tensor

    def __init__(self, model: nn.Module, wanted: t.Tensor, null: t.Tensor | float, w: float | t.Tensor):
        super().__init__()
        check_guidance(wanted, w)
        self.model, self.img_shape, self.noise_schedule = model, model.img_shape, model.noise_schedule
        self.register_buffer("wanted", wanted)
        self.register_buffer("null", t.as_tensor(null).to(wanted).expand_as(wanted))
        self.register_buffer("w", t.as_tensor(w, dtype=t.float32, device=wanted.device).reshape(-1, 1, 1, 1))

    def forward(self, images: t.Tensor, num_steps: t.Tensor) -> t.Tensor:
        """Guess the noise, with one call of the model (Ho and Salimans, Equation 6).
        images: (B, C, H, W), noised   num_steps: (B,) int, 1 to T   returns: (B, C, H, W)"""
        check_rows(images, self.wanted)
        ### BEGIN SOLUTION
        wanted = t.cat([self.wanted, self.null])
        noise_wanted, noise_null = self.model(t.cat([images, images]), t.cat([num_steps, num_steps]), wanted).chunk(2)
        return noise_null + self.w * (noise_wanted - noise_null)
        ### END SOLUTION


# %%
if MAIN:
    tests.part4.check_Guided(Guided)

# %% [markdown]
# <details>
# <summary>Hint 1: a question</summary>
#
# Which three things does `self.model` take, and how long must each be if the call covers B images twice?
#
# </details>
#
# <details>
# <summary>Hint 2: a fact</summary>
#
# `t.cat([a, b])` puts two tensors of B rows together to 2B rows. `guess.chunk(2)` cuts a tensor in halves again, in the
# same order.
#
# </details>
#
# <details>
# <summary>Hint 3: the next step</summary>
#
# Put `self.wanted` and `self.null` together, and the images and timesteps twice each. After the call, take the halves
# apart under names that say which is which. Then write the formula.
#
# </details>

# %% [markdown]
# Try it first where you know the truth. Ask the exact world for its left class, with more and more insistence. There's
# no network in this, so nothing that you see comes from a poor training.
#
# Each panel shows your samples over two densities. The grey lines are $p(x \mid c)$, the left class as it really is.
# The orange ones are the density that line 4 seems to promise, $p(x)\, p(c \mid x)^w$, scaled so that it adds up to 1.
# Will your samples follow the grey lines, the orange ones, or neither?

# %%
def density(points: t.Tensor, wanted: int) -> t.Tensor:
    """How dense the clean points of the world are. points: (..., 2)   returns: (...)"""
    squares = (rearrange(points, "... d -> ... 1 d") - MEANS).square().sum(dim=-1)
    return ((-squares / (2 * STD**2)).exp() / (2 * math.pi * STD**2) * WEIGHTS[wanted]).sum(dim=-1)


def promised(points: t.Tensor, wanted: int, w: float) -> t.Tensor:
    """p(x) p(c | x)^w on a grid of points (..., 2), up to a factor. returns: (...)"""
    everything = density(points, EITHER)
    return everything * (density(points, wanted) / everything.clamp(min=1e-30)) ** w


def draw_guided(w: float, n_points: int, wanted: int = LEFT) -> t.Tensor:
    """Points of the world by sample, asked for with guidance. returns: (n_points, 2)"""
    return part1.sample(Guided(World(), t.full((n_points,), wanted), EITHER, w), n_points).flatten(1)


# %%
if MAIN:
    ticks = t.linspace(-1, 1, 101)
    grid = t.stack(t.meshgrid(ticks, ticks, indexing="xy"), dim=-1)
    _, axes = plt.subplots(1, 3, figsize=(utils.WIDE, 3.4), layout="constrained")
    for axis, w in zip(axes, [1, 3, 6], strict=True):
        t.manual_seed(0)
        points, real, tilted = draw_guided(w, 20 if IS_CI else 1000), density(grid, LEFT), promised(grid, LEFT, w)
        axis.scatter(*points.T, s=4, alpha=0.5)
        axis.contour(ticks, ticks, real, real.max() * t.tensor([0.1, 0.6]), colors="grey", linestyles=":")
        axis.contour(ticks, ticks, tilted, tilted.max() * t.tensor([0.1, 0.6]), colors="C1")
        axis.set(title=f"w = {w}", xlim=(-1, 0.5), ylim=(-0.75, 0.75), aspect="equal")
        below, half = points[:, 1] < 0, grid[..., 1] < 0
        print(f"w = {w}: {below.float().mean():4.0%} below 0, promised {tilted[half].sum() / tilted.sum():4.0%}")
    utils.show()

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![Three panels with 1,000 points each, over dotted grey and solid orange lines around two centres, one at the upper left and one at the lower right. With w = 1 the lines agree and each centre has a round cloud of points. With w = 3 the lower cloud is thinner, and its points and the orange lines have moved to the left, away from the grey ones. With w = 6 only a few points are left there.](images/part4_world_guided.png)
#
# With w = 1 the two densities are the same, and half of your points are in the lower cloud, as they should be. With w =
# 3 it's a quarter of them, and with w = 6 a tenth. What's left of that cloud has moved to the left. The orange density
# promised 40 % and 35 %.
#
# </details>

# %% [markdown]
# So your samples follow neither. What did guidance do to them?
#
# - **It sharpens.** The lower cloud has a neighbour of the other class, which you don't see here. A point between them
#   could belong to either. The upper cloud is unmistakable, so that's where the points go.
# - **It drops what lies between.** Half of the class has nearly disappeared, although nothing was wrong with it.
# - **It shifts outward.** What's left of the lower cloud moves away from the neighbour, to places where even the class
#   itself has few points.
#
# And why don't they follow the orange lines? Line 4 holds at every timestep, but for the densities *at that timestep*.
# If you noise the orange density, you don't get the noised $p(x)$ times the noised $p(c \mid x)$ to the power of $w$,
# except for $w = 1$. So each step leads uphill on a hill that doesn't belong to the step before it. ([Bradley and
# Nakkiran](https://arxiv.org/abs/2408.09000) work this out.) For $w > 1$ there's no simple formula for what comes out.
# You choose $w$ by looking and by measuring.

# %% [markdown]
# Now clothes. Choose what you want, and how hard to insist.

# %%
def labels_for(names: str | list[str]) -> t.Tensor:
    """The labels of classes by name, on the device of get_device().
    names: "boot", or a list of such   returns: (N,) int64   errors: ValueError for a name that is no class"""
    names = [names] if isinstance(names, str) else list(names)
    if unknown := [name for name in names if name not in utils.CLASSES]:
        raise ValueError(f"no class is called {unknown[0]!r}: choose from {', '.join(utils.CLASSES)}")
    return t.tensor([utils.CLASSES.index(name) for name in names], device=utils.get_device())


def ask(model: Listener, names: str | list[str], w: float = 1.0, n_steps: int = 50) -> t.Tensor:
    """Draw one image for each name, from the same random numbers whatever is asked for.
    returns: (N, 1, 28, 28) in [-1, 1]   errors: ValueError for a name that is no class; as Guided for w"""
    guided = Guided(model, labels_for(names), model.null, w)
    with utils.fork_rng(), utils.show_steps(guided, n_steps):
        t.manual_seed(0)
        return part3.ddim_sample(guided, len(guided.wanted), n_steps)


# %%
if MAIN:
    images = ask(listening_model(), ["boot", "bag", "dress", "coat"] * 2, w=2, n_steps=2 if IS_CI else 50)
    utils.show_images([part1.denormalize_img(image).cpu() for image in images], ["boot", "bag", "dress", "coat"] * 2)

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![A boot, a bag, a dress, a coat, and then four more of the same kinds, light grey on black.](images/part4_by_name.png)
#
# You get what you asked for. Now ask for something else, with another w.
#
# </details>

# %% [markdown]
# How hard should you insist? Each column below starts from one noise, and each row has another $w$. They were drawn
# beforehand, as were the 2,000 samples behind the curves further down.

# %%
if MAIN:
    pictures = t.load(utils.ASSETS / "guidance.pt", weights_only=True)
    utils.show_rows({name: images[:10] / 255 for name, images in pictures.items()})

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![Four rows of ten small pictures, for w = 1, 2, 3 and 5. The columns are a T-shirt, trousers, a pullover, a dress, a coat, a sandal, a shirt, a sneaker, a bag and a boot, much the same piece from row to row, brighter and plainer the larger w is.](images/part4_w_by_class.png)
#
# Each column is what was asked for, and it stays much the same piece, because all rows use the same random numbers. One
# of them is doubtful at w = 1, the shirt, and becomes a proper shirt at w = 2. The larger w is, the clearer the
# outlines are and the fewer surprises there are inside.
#
# </details>

# %% [markdown]
# You need three numbers to judge this. The **distance** from the test images you know. **Accuracy** is the share of
# samples that the course's classifier takes for what was asked. (It's right for 93 % of real images, so don't expect
# all of them.) **Variety** says how much the samples of one class differ among themselves, in the classifier's
# features, as a share of how much real images of a class differ.

# %%
def each_class() -> t.Tensor:
    """All ten labels in turn, one for each image that draw_many draws at a time.
    returns: (250,) int64, (20,) under IS_CI"""
    return t.arange(10, device=utils.get_device()).repeat(2 if IS_CI else 25)


def draw_each(model: Listener, w: float, n_steps: int = 50, eta: float = 1.0) -> tuple[t.Tensor, t.Tensor]:
    """2,000 samples, 200 of each class, always from the same random numbers (20 under IS_CI).
    returns: images (2000, 1, 28, 28); what was asked for (2000,)"""
    labels = each_class()
    images = part3.draw_many(Guided(model, labels, model.null, w), n_steps, eta)
    return images, labels.repeat(len(images) // len(labels))


def spread_within(features: t.Tensor, labels: t.Tensor) -> float:
    """How much the images of one class differ, by the mean square distance from their mean, averaged over the classes.
    features: (N, D)   labels: (N,)"""
    return sum(features[labels == label].var(dim=0).sum().item() for label in labels.unique()) / len(labels.unique())


@cache
def spread_of_test_images() -> float:
    """The same of the test images."""
    return spread_within(part3.features_of_test_images(), labels_of(train=False).cpu())


def judge(images: t.Tensor, labels: t.Tensor) -> tuple[float, float, float]:
    """Measure images that were asked for by label. images: (N, 1, 28, 28) in [-1, 1]   labels: (N,), what was asked for
    returns: the distance; the accuracy; the variety within a class, as a share of that of test images"""
    features, labels = part3.features_of(images), labels.cpu()
    accuracy = (part3.classes_of(images) == labels).float().mean().item()
    distance = part3.frechet_distance(features, part3.features_of_test_images())
    return distance, accuracy, spread_within(features, labels) / spread_of_test_images()


# %%
def show_guidance() -> None:
    """Draw what w does to distance, accuracy and variety, as it was measured for the course."""
    results = json.loads((utils.ASSETS / "guidance.json").read_text(encoding="utf-8"))
    samplers = json.loads((utils.ASSETS / "samplers.json").read_text(encoding="utf-8"))
    before = samplers["50 steps, η = 1"][0]
    rows, (_, axes) = results["rows"], plt.subplots(1, 3, figsize=(utils.WIDE, 2.8), layout="constrained")
    told = [row for row in rows if row["w"] >= 1]
    for axis, name in zip(axes, ["distance", "accuracy", "variety"], strict=True):
        axis.plot([row["w"] for row in told], [row[name] for row in told], "o-", clip_on=False)
        axis.set(title=name, xlabel="w", ylim=(0, None))
    axes[0].axhline(before, color="black", linestyle=":")
    axes[0].text(1, before, "Part 3's model", va="bottom")
    utils.show()
    print("    w  distance  accuracy  variety")
    for row in rows:
        print(f"{row['w']:5g} {row['distance']:9.1f} {row['accuracy']:9.1%} {row['variety']:8.0%}")
    print(f"Part 3's model: distance {before:.1f}")


# %%
if MAIN:
    show_guidance()

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![Three curves against w, from 1 to 5. The distance is about 13 at 1 and at 2, less than half as high as a dotted line for Part 3's model, comes close to the line at 3 and is well above it at 5. The accuracy rises from 0.82 to 1. The variety falls from 1 to about 0.5, quickly at first and then slowly.](images/part4_curves.svg)
#
# With w = 5 there's nothing left to gain in accuracy, and the distance is worse than without any labels.
#
# </details>

# %% [markdown]
# With $w = 1$ the distance is 13.7, where Part 3's model has 34, in 50 steps of the sampler for both. Not all of this
# need be the labels' doing. This network went on from Part 3's 8,000 steps of training with 2,000 more, and nobody
# measured what those would have done without labels. The samples of a class differ as much as real ones do. But only
# 82 % of them are taken for what was asked. It's hard to tell a shirt from a pullover, and nobody insisted.
#
# With $w = 2$ it's 97 %, more than of the real images, and the distance is a little lower still. So the samples are
# *too* typical. Their variety has gone down to two thirds. With $w = 3$ the accuracy gains two points more, and the
# distance doubles. With $w = 5$ every sample is taken for what was asked, and the distance is 46, worse than without
# labels. The samples look good one by one, but as a set they aren't what the test images are.
#
# (The network was trained once, and measured once. From Part 3 you know what a gap of one or two says about two rows.)

# %% [markdown]
# ### 4.4 What it costs to insist
# *Say what w > 1 gains, and what it loses* · ●●○○○ · 10 minutes · the figures above
#
# 1. What does a $w$ above 1 gain here, and what does it lose? Give a number for each.
# 2. Which curve would you look at if you made pictures for a shop, and which if you made training images for a
#    classifier?
# 3. In the exact world, the guess was perfect, and the samples with $w = 3$ still weren't $p(x \mid c)$. So what do you
#    answer to somebody who says that guidance repairs a badly trained network?

# %% [markdown]
# ### BEGIN SOLUTION
# 1. It gains accuracy, which goes from 82 % at w = 1 to 99 % at w = 3. It loses variety, which goes from that of real
#    images to 59 % of it. Up to w = 2 the distance can't decide between the two. With w = 3 it's twice as large.
# 2. For a shop, accuracy. Somebody who ordered a coat wants one, and nobody sees all the samples side by side. For
#    training images, variety. A classifier that has learned from typical coats alone fails at the others.
# 3. Guidance changes which distribution you sample from, and it does so even if the guess is perfect. In the exact
#    world nothing was broken, and half of the class nearly disappeared. A bad network's samples may look better,
#    because guidance leaves out the cases where the network is unsure. But it leaves them out. It doesn't learn them.
# ### END SOLUTION

# %% [markdown]
# Line 4 asks for the slope of $\ln p(c \mid x)$. You got it from two guesses of noise. But there's a more obvious way.
# $p(c \mid x)$ is what a classifier computes! Take any classifier, ask for its slope along the pixels, and steer with
# that. Then the diffusion model doesn't have to know any labels. You could steer Part 3's. That's **classifier
# guidance** ([Dhariwal and Nichol](https://arxiv.org/abs/2105.05233)), and it's the older of the two. This is line 4
# again, times $-\sqrt{1 - \bar\alpha_n}$, with the classifier's slope in it and $s$ for how hard it pulls:
#
# $$\epsilon = \epsilon_\theta(x, n) - s \sqrt{1 - \bar\alpha_n}\, \nabla_x \ln p(c \mid x, n)$$
#
# The classifier has to answer for *noised* images, at any timestep. Here's a small one that's told the timestep. It
# learns within seconds, and its twin learns from clean images alone.

# %%
class NoisyClassifier(nn.Module):
    """A small network that tells the ten classes apart, in images that may be noised. It's told the timestep."""

    def __init__(self) -> None:
        super().__init__()
        self.steps = nn.Sequential(part2.SinusoidalPositionEmbeddings(32), nn.Linear(32, 32), nn.SiLU())
        self.first, self.second = nn.Conv2d(1, 32, 3, stride=2, padding=1), nn.Conv2d(32, 32, 3, stride=2, padding=1)
        self.told = nn.ModuleList([nn.Linear(32, 32), nn.Linear(32, 32)])
        self.last = nn.Sequential(nn.Flatten(), nn.Linear(32 * 7 * 7, 64), nn.SiLU(), nn.Linear(64, len(utils.CLASSES)))

    def forward(self, images: t.Tensor, num_steps: t.Tensor) -> t.Tensor:
        """images: (B, 1, 28, 28), noised   num_steps: (B,) int, 1 to T   returns: scores (B, 10)"""
        steps = self.steps(num_steps)
        x = F.silu(self.first(images) + rearrange(self.told[0](steps), "b c -> b c 1 1"))
        x = F.silu(self.second(x) + rearrange(self.told[1](steps), "b c -> b c 1 1"))
        return self.last(x)


def classifier_steps() -> int:
    """How long a classifier learns, in steps of 128 images."""
    return 3 if IS_CI else 1000


def train_classifier(n_steps: int, noised: bool = True) -> NoisyClassifier:
    """A classifier that has learned from images after random timesteps of the cosine schedule, or from clean ones."""
    images, labels, device = part3.clothes(), labels_of(), utils.get_device()
    schedule = part1.NoiseSchedule(1000, device, part3.cosine_schedule(1000))
    classifier = NoisyClassifier().to(device)
    optimizer = t.optim.Adam(classifier.parameters(), lr=0.002, fused=True)
    batches = list(part3.minibatches(len(images), 8 if IS_CI else 128, 0, n_steps, device))
    for _, rows in utils.bar(batches):
        num_steps, _, seen = part1.noise_img(images[rows], schedule)
        scores = classifier(seen if noised else images[rows], num_steps)
        optimizer.zero_grad()
        F.cross_entropy(scores, labels[rows]).backward()
        optimizer.step()
    return classifier.eval().requires_grad_(False)


@cache
def classifiers() -> dict[str, NoisyClassifier]:
    """Two classifiers, by what they have learned from. They're trained at the first call, and then kept."""
    t.manual_seed(0)
    noised, clean = (train_classifier(classifier_steps(), noised) for noised in (True, False))
    return {"noised images": noised, "clean images": clean}


@t.no_grad()
def accuracies(classifier: NoisyClassifier, steps: tuple[int, ...] = (1, 200, 400, 600, 800)) -> dict[int, float]:
    """How often a classifier is right about 2,000 test images, after each of these numbers of steps."""
    images, labels = part3.clothes(train=False)[:2000], labels_of(train=False)[:2000]
    schedule, right = part1.NoiseSchedule(1000, images.device, part3.cosine_schedule(1000)), {}
    for n in steps:
        alpha_bar = schedule.alpha_bar(n)
        noised = alpha_bar.sqrt() * images + (1 - alpha_bar).sqrt() * t.randn_like(images)
        found = classifier(noised, t.full((len(images),), n, device=images.device)).argmax(dim=1)
        right[n] = round((found == labels).float().mean().item(), 3)
    return right


# %%
if MAIN:
    for name, classifier in classifiers().items():
        shares = [f"{share:.0%} after {n}" for n, share in accuracies(classifier).items()]
        print(f"learned from {name}, right about {', '.join(shares)} steps")

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# As long as there's little noise, both are right about nearly nine images in ten. After 600 steps it's 78 % against
# 53 %, and after 800 it's 61 % against a quarter.
#
# </details>

# %% [markdown]
# `Steered` is to a classifier what `Guided` is to a listener. Find the formula in its last line. (`log_p` is a sum over
# the images. No image changes what the classifier says of another, so the slope of the sum holds the slope of each.)

# %%
class Steered(part1.DiffusionModel):
    """A model that a classifier steers (Dhariwal and Nichol, Algorithm 2). From outside, it guesses noise.
    classifier: called with (images, num_steps)   wanted: (B,) int, a class for each image   s: how hard it pulls"""

    wanted: t.Tensor

    def __init__(self, model: part1.DiffusionModel, classifier: nn.Module, wanted: t.Tensor, s: float):
        super().__init__()
        self.model, self.classifier, self.s = model, classifier, s
        self.img_shape, self.noise_schedule = model.img_shape, model.noise_schedule
        self.register_buffer("wanted", wanted)

    def forward(self, images: t.Tensor, num_steps: t.Tensor) -> t.Tensor:
        """Guess the noise, so that the images come out more like what's wanted.
        images: (B, C, H, W), noised   num_steps: (B,) int, 1 to T   returns: (B, C, H, W)"""
        with t.enable_grad():  # ddim_sample has switched it off
            x = images.detach().requires_grad_()
            log_p = -F.cross_entropy(self.classifier(x, num_steps), self.wanted, reduction="sum")
            slope = t.autograd.grad(log_p, x)[0]
        alpha_bar = rearrange(self.noise_schedule.alpha_bar(num_steps), "b -> b 1 1 1")
        return self.model(images, num_steps) - self.s * (1 - alpha_bar).sqrt() * slope


# %% [markdown]
# Now let both of them steer the model of Part 3, which has never heard of any class. They ask for the same eight
# pieces, with the same noise. What will the second row look like?

# %%
if MAIN:
    model, names = part3.shipped_model(), ["boot", "bag", "dress", "coat"] * 2
    rows, n_steps = {}, 2 if IS_CI else 50
    for name, classifier in classifiers().items():
        steered = Steered(model, classifier, labels_for(names), s=2)
        t.manual_seed(0)
        with utils.show_steps(steered, n_steps):
            rows[name] = part1.denormalize_img(part3.ddim_sample(steered, len(names), n_steps))
    print("asked for:", ", ".join(names))
    utils.show_rows(rows)

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![Two rows of eight small pictures. Above, steered by the classifier of noised images: a boot, a bag, a long narrow piece and a coat, then a boot, something between a bag and a top, a dress and a coat. Below, steered by the one of clean images: a top, a shoe, a long T-shirt, a boot, a boot, a coat and two more boots.](images/part4_steered.png)
#
# Most of the first row is what was asked for. In the second row, hardly anything is.
#
# </details>

# %% [markdown]
# What the image will be is decided early, when there's more noise than image, and there the second classifier knows
# next to nothing. Its slope leads to changes that it likes and nobody else sees. That's why a classifier for guidance
# needs a training of its own, on noised images, with the same schedule.
#
# A network that was trained with dropped labels needs no second network. It's its own classifier, and it has seen
# noised images all along.

# %% [markdown]
# ## Captions
#
# A label is one choice out of ten. A caption is a choice of *words*, and words combine. If a model has learned what
# "dark", "patterned" and "dress" mean, you can ask it for a dark patterned dress, even if no caption ever said so.
# [GLIDE](https://arxiv.org/abs/2112.10741) took this step, from class labels to text.
#
# FashionMNIST has no captions. But part of what a caption would say can be *measured* on the pixels. How bright is the
# piece? How much does the grey change from one pixel to the next? Is it as wide at the hem as it is above? `RULES`
# turns each of these numbers into a word below one bound, into another word above a second one, and into no word in
# between. A middling grey is neither dark nor bright, so each word means what you see.

# %% tags=["folded"]
def measures_of(images: t.Tensor) -> dict[str, t.Tensor]:
    """What the words of a caption are about, measured on pixels. A pixel brighter than a tenth belongs to the piece.
    images: (N, 1, 28, 28) in [-1, 1]   returns: by name, (N,) each"""
    grey = part1.denormalize_img(images)[:, 0]
    piece = grey > 0.1
    inside = ~F.max_pool2d((~piece).float(), 3, stride=1, padding=1).bool()  # its eight neighbours belong to it, too
    across, down = inside[:, :, 1:] & inside[:, :, :-1], inside[:, 1:] & inside[:, :-1]
    jumps = (grey.diff(dim=2).abs() * across).sum((1, 2)) + (grey.diff(dim=1).abs() * down).sum((1, 2))
    columns = t.arange(28, device=images.device)
    first, last = t.where(piece, columns, 28).amin(2), t.where(piece, columns, -1).amax(2)
    span = (last - first + 1).clamp(min=0).float()  # of each row (N, 28), from its first pixel to its last
    lowest = (piece.any(2) * columns).amax(1, keepdim=True)  # row
    above_ground = (lowest - t.arange(1, 4, device=images.device)).clamp(min=0)  # three rows
    return {
        "shade": (grey * piece).sum((1, 2)) / piece.sum((1, 2)).clamp(min=1),  # mean grey
        "change": jumps / (across.sum((1, 2)) + down.sum((1, 2))).clamp(min=1),  # from one pixel to the next
        "width": piece.any(1).sum(1).float(),  # in pixels
        "sleeves": span[:, 17:23].mean(1) / span[:, 3:13].amax(1).clamp(min=18),  # how wide below, and above
        "gap": (span - piece.sum(2)).gather(1, above_ground).amax(1),  # between heel and sole
    }


# %%
RULES = [  # classes; what is measured; the word for less than a number, and the word for more than another
    (" ".join(utils.CLASSES), "shade", "dark", 0.5, "bright", 0.7),
    ("T-shirt pullover dress coat shirt bag", "change", "plain", 0.05, "patterned", 0.1),
    ("trousers", "width", "narrow", 11, "wide", 13),
    ("dress", "width", "narrow", 14, "wide", 16),
    ("bag", "width", "narrow", 22, "wide", 26),
    ("boot", "gap", "flat", 2, "heel", 4),
    ("T-shirt pullover shirt", "sleeves", "short", 0.68, "long", 0.93),
]
ATTRIBUTES = ["dark", "bright", "plain", "patterned", "narrow", "wide", "flat", "heel", "short", "long"]
AFTER = {"heel": "with a heel", "short": "with short sleeves", "long": "with long sleeves"}


def attributes_of(images: t.Tensor, labels: t.Tensor) -> list[list[str]]:
    """The words that RULES has for each image, in their order; none for what lies in between.
    images: (N, 1, 28, 28) in [-1, 1]   labels: (N,) int, rows of CLASSES"""
    parts = [measures_of(some) for some in images.split(1000)]
    measures = {name: t.cat([part[name] for part in parts]).tolist() for name in parts[0]}
    words: list[list[str]] = [[] for _ in images]
    for classes, name, low, largest, high, smallest in RULES:
        for found, label, value in zip(words, labels.tolist(), measures[name], strict=True):
            if utils.CLASSES[label] in classes.split():
                found += [low] * (value < largest) + [high] * (value > smallest)
    return words


def caption(label: int, words: list[str]) -> str:
    """label: row of CLASSES   words: some of those that attributes_of finds, in any order"""
    article = [] if utils.CLASSES[label] == "trousers" else ["a"]
    before = [word for word in ATTRIBUTES if word in words and word not in AFTER]
    return " ".join([*article, *before, utils.CLASSES[label], *(AFTER[word] for word in AFTER if word in words)])


def captions_of(images: t.Tensor, labels: t.Tensor) -> list[str]:
    """What the rules say about images. images: (N, 1, 28, 28) in [-1, 1]   labels: (N,) int, rows of CLASSES"""
    return [caption(label, words) for label, words in zip(labels.tolist(), attributes_of(images, labels), strict=True)]


# %% [markdown]
# Do the words mean what you see? Here are the first ten training images that each word was found for.

# %%
if MAIN:
    images, words = part3.clothes()[:4000], attributes_of(part3.clothes()[:4000], labels_of()[:4000])
    found = {word: [i for i, each in enumerate(words) if word in each][:10] for word in ATTRIBUTES}
    utils.show_rows({word: part1.denormalize_img(images[rows]) for word, rows in found.items()})

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![Ten rows of ten pieces of clothing, one row for each word. Dark and bright ones of all kinds; plain and patterned tops, dresses and bags; narrow and wide dresses, trousers and bags; flat boots and boots with heels; tops with short and with long sleeves.](images/part4_words.png)
#
# Nearly all of them fit. The rules only see pixels, so a striped top with sleeves to the elbow counts as "short".
# Nothing is narrow by itself, so each class has bounds of its own, and a wide pair of trousers is still narrower than a
# narrow bag.
#
# </details>

# %% [markdown]
# And here are whole captions, with all the words that the rules found.

# %%
if MAIN:
    chosen = [0, 1, 3, 5, 6, 13, 15, 18]
    images, labels = part3.clothes()[chosen], labels_of()[chosen]
    titles = [textwrap.fill(each, 20) for each in captions_of(images, labels)]
    utils.show_images([part1.denormalize_img(image) for image in images], titles, columns=4)

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![Eight photographs with their captions: a bright flat boot, a bright T-shirt with short sleeves, a dark wide dress, a patterned pullover with long sleeves, a sneaker, a dark sandal, a bright boot with a heel, and a shirt with long sleeves.](images/part4_captioned.png)
#
# </details>

# %% [markdown]
# A network doesn't read letters. Each word is a row of `WORDS`, and a caption is its rows, filled up to eight with
# **padding**, row 0. The caption that asks for nothing is all padding. It's the null label of this section.

# %%
PAD, LONGEST = 0, 8
WORDS = ["", "a", "with", "sleeves", *ATTRIBUTES, *utils.CLASSES]  # row 0 is padding


def tokens(captions: list[str]) -> t.Tensor:
    """Captions as numbers, rows of WORDS, filled up with PAD. returns: (B, LONGEST) int64; for "" all PAD
    errors: ValueError for an unknown word, with the nearest known ones, or for too many words"""
    rows = t.full((len(captions), LONGEST), PAD)
    for row, words in zip(rows, (each.split() for each in captions), strict=True):
        if len(words) > LONGEST:
            raise ValueError(f"{' '.join(words)!r} has {len(words)} words: say it in {LONGEST}")
        row[: len(words)] = t.tensor([row_of(word) for word in words])
    return rows


def row_of(word: str) -> int:
    """Which of WORDS it is, in capitals or not. errors: ValueError, with the nearest known ones"""
    known = {each.lower(): row for row, each in enumerate(WORDS) if each}
    if word.lower() not in known:
        near = get_close_matches(word.lower(), known, n=3, cutoff=0.5)
        near = " or ".join(WORDS[known[each]] for each in near) or f"one of {', '.join(WORDS[1:])}"
        raise ValueError(f"the model has never heard the word {word!r}: did you mean {near}?")
    return known[word.lower()]


# %%
if MAIN:
    for each in ["a dark boot", "a bright plain shirt with short sleeves", ""]:
        print(f"{tokens([each])[0].tolist()}   {each!r}")

# %% [markdown]
# ### 4.5 One vector for a caption
# *Average the vectors of words, and leave out the padding* · ●●○○○ · 15 minutes · GLIDE's text encoder, in small
#
# Each word gets a vector of D numbers, and the network will learn them. The vector of a caption is the mean of its
# words' vectors. Padding isn't a word. Averaged in, it would make a long caption weigh more than a short one, and the
# same caption would mean something else in a longer row. A caption without any word becomes zeros.

# %%
def encode_captions(vectors: t.Tensor, tokens: t.Tensor) -> t.Tensor:
    """The mean of the vectors of each caption's words; padding doesn't count.
    vectors: (V, D), one for each word   tokens: (B, L) int, rows of vectors, PAD where there's no word
    returns: (B, D), zeros for a caption without words"""
    ### BEGIN SOLUTION
    is_word = rearrange(tokens != PAD, "b l -> b l 1")
    total = (vectors[tokens] * is_word).sum(dim=1)
    return total / is_word.sum(dim=1).clamp(min=1)
    ### END SOLUTION


# %%
if MAIN:
    tests.part4.check_encode_captions(encode_captions)

# %% [markdown]
# <details>
# <summary>Hint 1: a question</summary>
#
# What shape is `vectors[tokens]`? Which of its axes do you sum over? How many words does each caption have?
#
# </details>
#
# <details>
# <summary>Hint 2: a fact</summary>
#
# `tokens != PAD` is True where there's a word, and True counts as 1 when you multiply or sum. A caption of padding
# alone has 0 words, and `.clamp(min=1)` keeps you from dividing by that.
#
# </details>
#
# <details>
# <summary>Hint 3: the next step</summary>
#
# Make a mask of shape (B, L, 1) and multiply the vectors with it, so that padding becomes zeros. Sum over the words.
# Then sum the mask over the same axis and divide.
#
# </details>

# %% [markdown]
# With vectors that have a single 1 each, at the word's own place, you can read off what the encoder keeps of a caption.

# %%
if MAIN:
    asked = ["a boot", "a dark boot with a heel", "a bright plain shirt with short sleeves", ""]
    shares = encode_captions(t.eye(len(WORDS)), tokens(asked))
    _, axis = plt.subplots(figsize=(utils.WIDE, 2.6), layout="constrained")
    axis.imshow(shares, cmap="gray", aspect="auto")
    axis.set_xticks(range(len(WORDS)), ["padding", *WORDS[1:]], rotation=90)
    axis.set_yticks(range(len(asked)), [each or "(nothing)" for each in asked])
    utils.show()

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![Four rows of squares over the words. Two bright squares for "a boot"; grey ones for the words of "a dark boot with a heel", in which "a" is twice as bright; darker ones for the seven words of "a bright plain shirt with short sleeves"; none for the caption that says nothing, and none in the column of padding.](images/part4_bag_of_words.png)
#
# Each row has a square for each of its words. The fewer words there are, the brighter the squares. "a" comes twice in
# the second caption, so its square is twice as bright. Padding stays black, even in the row that's nothing but padding.
#
# </details>

# %% [markdown]
# This is a **bag of words**. It knows which words a caption has, and not in which order. Here that's enough, because
# "long" can only belong to sleeves. It wouldn't be enough for "a red cube on a blue ball". GLIDE reads captions with a
# transformer, which is Part 2's self-attention over words instead of pixels, and each word knows its place.
#
# `CaptionEncoder` adds two layers that may mix the mean, so that "dark" can do something else to a boot than to a bag.
# What comes out is a condition of 64 numbers, and from there on it's the listener that you know.

# %%
class CaptionEncoder(nn.Module):
    """Turns captions into conditions: the mean of its words' vectors, and two layers that may mix them."""

    def __init__(self, size: int = 128, condition: int = 64):
        super().__init__()
        self.vectors = nn.Parameter(t.randn(len(WORDS), size))
        self.mix = nn.Sequential(nn.Linear(size, size), nn.SiLU(), nn.Linear(size, condition))

    def forward(self, tokens: t.Tensor) -> t.Tensor:
        """tokens: (B, L) int   returns: (B, condition)"""
        return self.mix(encode_captions(self.vectors, tokens))


# %% [markdown]
# Two more decisions, before the training.
#
# - **Some words are left out by chance**, each attribute of each image one time in four. Otherwise "a boot" would only
#   be said of boots that are middling in everything, and you couldn't ask for any boot.
# - **Some combinations are held out.** `HELD_OUT` names six, such as a dark patterned T-shirt. The model learns from
#   dark T-shirts, from patterned T-shirts, and from dark patterned shirts. Images of dark patterned T-shirts are left
#   out. (Part 3's network, which it begins with, did see them, but without a word about them.) If it can draw one when
#   you ask for it, it has put the words together by itself.

# %%
HELD_OUT = [  # class and words that never come together in training
    ("T-shirt", "dark", "patterned"),
    ("trousers", "bright", "narrow"),
    ("dress", "bright", "wide"),
    ("shirt", "bright", "short"),
    ("bag", "dark", "wide"),
    ("boot", "dark", "heel"),
]


def is_held_out(label: int, words: list[str]) -> bool:
    return any(utils.CLASSES[label] == name and one in words and other in words for name, one, other in HELD_OUT)


@cache
def captioned_clothes() -> tuple[t.Tensor, t.Tensor]:
    """What the caption model learns from: the training images but those held out, and a caption of each, in which every
    attribute is left out with chance 1/4. returns: images (N, 1, 28, 28); tokens (N, LONGEST)"""
    images, labels, chance = part3.clothes(), labels_of().cpu(), random.Random(0)
    words = attributes_of(images, labels)
    kept = [i for i, label in enumerate(labels.tolist()) if not is_held_out(label, words[i])]
    captions = [caption(labels[i].item(), [word for word in words[i] if chance.random() > 0.25]) for i in kept]
    return images[kept], tokens(captions).to(images.device)


# %%
def caption_config() -> dict[str, Any]:
    """The settings of the training, those of the labels with four times the steps. Tiny under IS_CI."""
    return listener_config() | ({} if IS_CI else dict(n_steps=8000))


def make_caption_model() -> Listener:
    """An untrained model that listens to captions. No words at all mean "whatever you like"."""
    return make_listener(CaptionEncoder(), t.full((LONGEST,), PAD))


@cache
def caption_model() -> Listener:
    """The caption model that comes with the course; python -m tools.make_assets captions makes it."""
    import solutions.part4_guidance as course

    print("These weights come with the course: Part 3's and 8,000 more steps, a quarter of an hour on two CPU cores.")
    with utils.fork_rng():  # loaded early or late, the same samples follow
        return load_listener(course.make_caption_model(), "captions.pt")


# %%
STEPS = 3 if IS_CI else 50


def told(model: Listener, captions: list[str], w: float = 3.0) -> Guided:
    """The model that draws one image for each of these captions. w: how much to insist"""
    return Guided(model, tokens(captions).to(model.null.device), model.null, w)


def draw_captions(model: Listener, captions: list[str], w: float = 3.0, n_steps: int = STEPS) -> t.Tensor:
    """An image for each caption. w: how much to insist   returns: (N, 1, 28, 28) in [-1, 1]"""
    return part3.ddim_sample(told(model, captions, w), len(captions), n_steps)


def draw_menu(model: Listener, captions: list[str], n_each: int = 8, w: float = 3.0) -> dict[str, t.Tensor]:
    """Some images for each caption, to show as rows. returns: by caption, (n_each, 1, 28, 28) in [0, 1]"""
    with utils.show_steps(model, STEPS):
        images = draw_captions(model, [each for each in captions for _ in range(n_each)], w)
    rows = [textwrap.fill(each, 24) for each in captions]
    return dict(zip(rows, part1.denormalize_img(images).split(n_each), strict=True))


# %% [markdown]
# The training is that of the labels, with captions in their place. It begins with Part 3's network again, and it's four
# times as long, 8,000 steps or about a quarter of an hour on two cores, because there's more to learn than ten labels.
# Set `utils.FULL = True` in a new cell above this one to do it here. If you don't, the next cell takes the network that
# comes with the course and trains it a little further, for 20 processor seconds. You see what it draws for three
# captions, and what it learned is thrown away.

# %%
@cache
def painter() -> Listener:
    """The model whose results follow, trained here if part3.trains_here(), else the one that comes with the course."""
    if not part3.trains_here():
        return caption_model()
    t.manual_seed(0)
    path = None if IS_CI else utils.SAVES / "captions.pt"
    model = continue_from(part3.clothes_model(), make_caption_model())
    return train_listener(model, caption_config(), *captioned_clothes(), watch=draw_three, path=path)


def draw_three(model: Listener, config: dict[str, Any]) -> dict[str, Any]:
    """What to log during the training, a picture of samples for three captions."""
    asked = ["a dark plain pullover", "a bright boot with a heel", "a patterned dress"]
    images = draw_captions(model, [each for each in asked for _ in range(5)], n_steps=min(STEPS, 20))
    return {"samples": [utils.grid(part1.denormalize_img(images), columns=15)]}


def train_captions_further(model: Listener, seconds: float) -> Listener:
    """Train a copy of a caption model for so many processor seconds, with small steps, and show what it draws then.
    returns: the copy, averaged"""
    model, config = copy.deepcopy(model).requires_grad_(), caption_config() | dict(lr=0.0003)
    images, wanted = captioned_clothes()
    x0, asked = images[: config["batch_size"]], wanted[: config["batch_size"]]
    n_steps = part3.steps_within(seconds, lambda: listening_loss(model, x0, asked, config["bf16"]).backward())
    config |= dict(n_steps=n_steps, warmup=n_steps // 2, img_log_interval=n_steps)
    return train_listener(model, config, images, wanted, watch=draw_three)


# %%
if MAIN:
    painter.cache_clear()
    model = painter()
    if not part3.trains_here():
        t.manual_seed(0)
        train_captions_further(model, 20)

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![A row of fifteen small pictures: five dark pullovers, then five bright boots with heels, then five dresses with patterns.](images/part4_captions_live.png)
#
# There are five pictures for each of "a dark plain pullover", "a bright boot with a heel" and "a patterned dress",
# drawn in twenty steps.
#
# </details>

# %% [markdown]
# Now ask. Change the captions to your own, from the words above. A word that the model has never heard is an error, and
# it names the nearest words that it knows.

# %%
if MAIN:
    asked = [
        "a dark plain pullover with long sleeves",
        "a bright T-shirt with short sleeves",
        "a patterned dress",
        "bright wide trousers",
        "a dark narrow bag",
        "a bright boot with a heel",
        "a dark flat boot",
        "a bright sneaker",
    ]
    t.manual_seed(0)
    utils.show_rows(draw_menu(painter(), asked))

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![Eight rows of eight, each beside its caption: dark pullovers with long sleeves, bright T-shirts with short sleeves, patterned dresses, bright trousers, all but the first of them wide, dark and grey bags of which most are as high as wide with their handles, bright boots with heels, dark flat boots, some as low as sneakers, and bright sneakers, one of them as high as a boot.](images/part4_captions_drawn.png)
#
# Most of them are what you asked for. The narrow bags are the weakest row, because hardly any bag is narrow. If you
# find a drawing that doesn't fit, look at which word was ignored.
#
# </details>

# %% [markdown]
# Eight images a row prove little. So measure. Ask for the captions of 2,000 test images, and let the same rules write a
# caption for each drawing. They don't know what you asked for, and the class is the one that the classifier sees. How
# often is each word that you asked for found again?
#
# Three columns keep you honest. **real** is the ceiling. There, the rules and the classifier look at the 2,000 test
# images themselves. **chance** compares the drawings with captions that were dealt out at random. And **unseen** asks
# for the captions of 2,000 images that were held out, with a ceiling of its own beside it.

# %%
def obeyed(captions: list[str], images: t.Tensor) -> dict[str, float]:
    """How often each word of the captions is found again by RULES, in the class that the classifier sees.
    images: (N, 1, 28, 28) in [-1, 1]
    returns: shares, of attributes, of the "class", and of "all" a caption's words"""
    found = captions_of(images, part3.classes_of(images))
    pairs = [(set(caption.split()), set(again.split())) for caption, again in zip(captions, found, strict=True)]
    shares = {}
    for name, kind in [*((word, {word}) for word in ATTRIBUTES), ("class", set(utils.CLASSES))]:
        came = [asked & kind <= again for asked, again in pairs if asked & kind]
        if came:
            shares[name] = sum(came) / len(came)
    return shares | {"all": sum(asked <= again for asked, again in pairs) / len(pairs)}


# %%
if MAIN:
    rows = json.loads((utils.ASSETS / "obeyed.json").read_text(encoding="utf-8"))["rows"]
    columns = {"real": "real images"} | {name: name for name in sorted(rows) if name.startswith("w = ")}
    columns |= {"chance": "other captions, w = 3", "unseen": "held out: w = 3", "(real)": "held out: real images"}
    print(" " * 10 + "".join(f"{title:>10}" for title in columns))
    for word in rows["real images"]:
        shares = [rows[row].get(word, math.nan) for row in columns.values()]
        print(f"{word:10}" + "".join(f"{share:10.2f}" for share in shares))

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# At w = 1 the model listens with half an ear. Only 63 % of the captions come true in every word. At w = 3 it's 91 %,
# close to the 94 % that real images reach. Then "dark", "bright" and "plain" are obeyed in 98 to 99 % of the drawings,
# and sleeves in 97 or 98 %. Heels and the class, 98 and 97 %, come even more often than the rules find them in real
# images. Patterns and *shapes* are harder. Patterns come in 87 %, narrow and wide pieces in 85 and 84 %, and flat boots
# in 78 %. It's no accident, because with the captions dealt out anew, the class agrees in 10 % and everything in 5 %.
#
# Look at the last two columns for what was held out. The model has put words together that nobody put together for it.
# Shades and plainness are obeyed there nearly as often as elsewhere. But only 58 % of these captions come true in every
# word, where real images reach 93 %. "Wide" drops to 61 % and "narrow" to 69 %. Bright trousers were never called
# narrow in the training, and it shows. (`nan` stands where there's nothing to count, because no caption that was held
# out says "flat".)
#
# </details>

# %% [markdown]
# What does the model draw for the combinations that were held out?

# %%
if MAIN:
    asked = [caption(utils.CLASSES.index(name), words) for name, *words in HELD_OUT]
    t.manual_seed(0)
    utils.show_rows(draw_menu(painter(), asked))

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![Six rows of eight. Dark T-shirts with blotchy patterns, one nearly plain; bright narrow trousers; bright dresses, of which the wider ones have long sleeves; bright tops with short sleeves; dark wide bags with bright patches; and boots with heels, grey as often as dark.](images/part4_held_out.png)
#
# Much of it is what you asked for. Some of the misses are only misses for the classifier. A bright shirt with short
# sleeves looks like a T-shirt, and that's what the classifier calls it, for real images as well now and then. Others
# are habits. Half of the dresses become wide by their sleeves, and some boots are grey instead of dark.
#
# </details>

# %% [markdown]
# ## Edit
#
# So far, every image began with nothing but noise. But you can also begin with an image that's there. Two small changes
# of the sampler turn the model into a tool for editing, and neither needs any training.
#
# The tools are two functions that you know. `noise_to` is Equation 4 for a batch, and `step_back` is one step of your
# `ddim_sample` with η = 1, from $n$ steps of noise to $m$.

# %%
def noise_to(images: t.Tensor, n: int, schedule: part1.NoiseSchedule) -> t.Tensor:
    """Images after n steps of noise (Equation 4), each number with noise of its own; for n = 0 as they are.
    images: (B, C, H, W) in [-1, 1]   n: 0 to T   returns: (B, C, H, W)"""
    if n == 0:
        return images
    alpha_bar = schedule.alpha_bar(n)
    return alpha_bar.sqrt() * images + (1 - alpha_bar).sqrt() * t.randn_like(images)


def step_back(model: part1.DiffusionModel, x: t.Tensor, n: int, m: int) -> t.Tensor:
    """One step of Part 3's sampler, from n steps of noise to m, with η = 1 (Song et al., Equation 12).
    x: (B, C, H, W) after n steps   n: 1 to T   m: 0 to n - 1
    returns: (B, C, H, W) after m steps; for m = 0 in [-1, 1]"""
    schedule, num_steps = model.noise_schedule, t.full((len(x),), n, device=x.device)
    x0 = part1.reconstruct(x, model(x, num_steps), num_steps, schedule).clamp(-1, 1)
    if m == 0:
        return x0
    alpha_bar_n, alpha_bar_m = schedule.alpha_bar(n), schedule.alpha_bar(m)
    noise = (x - alpha_bar_n.sqrt() * x0) / (1 - alpha_bar_n).sqrt()
    variance = (1 - alpha_bar_m) / (1 - alpha_bar_n) * (1 - alpha_bar_n / alpha_bar_m)
    kept = (1 - alpha_bar_m - variance).clamp(min=0)  # rounding can push it below 0
    return alpha_bar_m.sqrt() * x0 + kept.sqrt() * noise + variance.sqrt() * t.randn_like(x)


# %% tags=["folded"]
def check_can_edit(model: part1.DiffusionModel, images: t.Tensor, n_steps: int) -> part1.NoiseSchedule:
    """The model's noise schedule, if it can go on from these images in so many steps.
    errors: ValueError for images of another size or outside [-1, 1], too many steps, or a model without a schedule"""
    schedule = utils.check_can_sample(model, len(images))
    if images.shape[1:] != tuple(model.img_shape):
        raise ValueError(f"images have shape {tuple(images.shape)}: the model takes (B, *{tuple(model.img_shape)})")
    low, high = (0, 0) if images.is_meta else (images.min().item(), images.max().item())
    if not (-1 <= low and high <= 1):
        raise ValueError(f"images run from {low:.2f} to {high:.2f}: give them in [-1, 1], as normalize_img makes them")
    if not 1 <= n_steps <= len(schedule):
        raise ValueError(f"n_steps is {n_steps}: choose it from 1 to {len(schedule)}")
    return schedule


def check_mask(keep: t.Tensor, images: t.Tensor) -> None:
    """Refuse a mask that does not fit the images. errors: TypeError, ValueError"""
    if keep.dtype != t.bool:
        raise TypeError(f"keep holds {keep.dtype}: make it a mask of True and False, such as keep > 0.5")
    if keep.shape != images.shape[-2:]:
        size = tuple(images.shape[-2:])
        raise ValueError(f"keep has shape {tuple(keep.shape)}: make it as high and wide as the images, {size}")


# %% [markdown]
# ### 4.6 Keep a part
# *Draw a part of an image anew, so that it fits the rest* · ●●●○○ · 25 minutes · RePaint, Algorithm 1
#
# Filling a hole in an image is called **inpainting**. Begin with noise and go back as always. But after each step, you
# know what the part that you keep should look like at that timestep. It's the image itself, noised to it. So put that
# in, and the network fits the rest to it.
#
# `counts` holds the timesteps. In each jump from $n$ to $m$, let `step_back` draw everything. Then replace what `keep`
# marks by the image after $m$ steps of noise. After the last jump, $m = 0$, and the image itself stays there.

# %%
@t.no_grad()
def inpaint(model: part1.DiffusionModel, images: t.Tensor, keep: t.Tensor, n_steps: int = 50) -> t.Tensor:
    """Draw what isn't kept anew, so that it fits what is kept (RePaint, Algorithm 1, with U = 1).
    images: (B, C, H, W) in [-1, 1]   keep: (H, W) bool, True where the images stay   n_steps: 1 to T, by step_back
    returns: (B, C, H, W) in [-1, 1], equal to images where keep is True
    errors: ValueError or TypeError for images or a mask that don't fit"""
    schedule = check_can_edit(model, images, n_steps)
    check_mask(keep, images)
    counts = t.linspace(len(schedule), 0, n_steps + 1).round().int().tolist()  # T, ..., 0
    ### BEGIN SOLUTION
    x = t.randn_like(images)
    for n, m in pairwise(counts):
        x = t.where(keep, noise_to(images, m, schedule), step_back(model, x, n, m))
    return x
    ### END SOLUTION


# %%
if MAIN:
    tests.part4.check_inpaint(inpaint)

# %% [markdown]
# <details>
# <summary>Hint 1: a question</summary>
#
# What do you know of the part that's drawn anew, before the first step? At which timestep is x after a jump from n to
# m, and how noisy must the kept part be there?
#
# </details>
#
# <details>
# <summary>Hint 2: a fact</summary>
#
# `t.where(mask, a, b)` takes a where the mask is True and b elsewhere. A mask (H, W) fits images (B, C, H, W).
# `noise_to(images, 0, schedule)` gives the images themselves.
#
# </details>
#
# <details>
# <summary>Hint 3: the next step</summary>
#
# Begin with noise of the images' shape. Go through the pairs of `counts`. In each pass, make two versions of the next
# x, the one that `step_back` draws and the image noised to m, and put them together with the mask.
#
# </details>

# %% [markdown]
# Give this shirt long sleeves. You keep the middle of it, and the model draws the rest, six times with a caption and
# six times without a word.

# %% tags=["folded"]
def edits(image: t.Tensor, keep: t.Tensor, captions: dict[str, str], n: int = 6) -> dict[str, t.Tensor]:
    """The image, what is kept of it on grey, and n ways to fill it, as rows to show.
    image: (1, 28, 28) in [-1, 1]   keep: (28, 28) bool   captions: by the title of their row; "" says nothing"""
    rows = {}
    with utils.show_steps(painter(), STEPS * len(captions)):
        for title, words in captions.items():
            filled = inpaint(told(painter(), [words] * n), image.expand(n, -1, -1, -1), keep, STEPS)
            rows[title] = part1.denormalize_img(t.cat([image[None], t.where(keep, image, 0)[None], filled]))
    return rows


# %%
if MAIN:
    keep = t.zeros(28, 28, dtype=t.bool, device=device)
    keep[:, 9:19] = True
    t.manual_seed(0)
    shirt = part3.clothes(train=False)[40]
    utils.show_rows(edits(shirt, keep, {"with long sleeves": "a shirt with long sleeves", "without a word": ""}))

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![Two rows of eight: the shirt with short sleeves, its middle on grey, and six ways to fill the sides. With the caption, long sleeves hang down on both sides of all six. Without a word, there are no sleeves in three, short caps in one, sleeves to the elbow in one, and the last has become as wide as a cape.](images/part4_sleeves.png)
#
# The middle is the same in all of them, pixel by pixel. With the caption, the model hangs sleeves on it. Without a
# word, it fills the sides with whatever goes with this middle.
#
# </details>

# %% [markdown]
# And another heel for this boot. Now the upper part stays.

# %%
if MAIN:
    keep = t.zeros(28, 28, dtype=t.bool, device=device)
    keep[:17] = True
    t.manual_seed(0)
    boot = part3.clothes(train=False)[123]
    asked = {"with a heel": "a boot with a heel", "flat": "a flat boot", "without a word": ""}
    utils.show_rows(edits(boot, keep, asked))

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![Three rows of eight: the boot with its low heel, its upper part with grey below, and six ways to fill the lower part. With the caption for a heel, all six stand on one, four of them on a high one; with that for a flat boot, all but one are flat or nearly so; without a word, there is one high heel among low and flat ones.](images/part4_heel.png)
#
# The upper part stays. What it stands on follows the caption most of the time.
#
# </details>

# %% [markdown]
# Look at the seams. At each step, the network sees the kept part only under noise, and what's under the noise may still
# be this shirt or that one. So it can draw a sleeve that doesn't quite meet the shoulder. There are two remedies.
# [RePaint](https://arxiv.org/abs/2201.09865) goes a few steps back up after each step and down again, so that both
# parts can agree. GLIDE trains for it: the network gets the kept part *without* noise, and the mask, as more channels
# of its input.

# %% [markdown]
# ### 4.7 Start from a drawing
# *Noise an image, and go back from there* · ●●○○○ · 15 minutes · Meng et al., Section 3
#
# You don't have to begin at $T$. Noise an image to `num_steps`, and fine lines drown while the large shapes can still
# be seen. On the way back, the network fills in the lines that *it* knows. So a rough drawing goes in and something
# like a photograph comes out. The method is called [SDEdit](https://arxiv.org/abs/2108.01073).
#
# `counts` goes from `num_steps` to 0 this time. Part 3's `from_step` did the same to ask another question.

# %%
@t.no_grad()
def start_from(model: part1.DiffusionModel, images: t.Tensor, num_steps: int, n_steps: int = 50) -> t.Tensor:
    """Noise images, and draw new ones from there (Meng et al., Section 3).
    images: (B, C, H, W) in [-1, 1]   num_steps: 1 to T, after how many steps of noise the path back begins
    n_steps: 1 to T, how many calls of step_back a path from T takes; one from T / 2 takes half of them
    returns: (B, C, H, W) in [-1, 1]
    errors: ValueError for images or numbers of steps that don't fit"""
    schedule = check_can_edit(model, images, n_steps)
    utils.check_num_steps(num_steps, len(schedule))
    n_jumps = max(1, round(n_steps * num_steps / len(schedule)))
    counts = t.linspace(num_steps, 0, n_jumps + 1).round().int().tolist()  # num_steps, ..., 0
    ### BEGIN SOLUTION
    x = noise_to(images, num_steps, schedule)
    for n, m in pairwise(counts):
        x = step_back(model, x, n, m)
    return x
    ### END SOLUTION


# %%
if MAIN:
    tests.part4.check_start_from(start_from)

# %% [markdown]
# <details>
# <summary>Hint 1: a question</summary>
#
# What's x before the first step, and how noisy is it? What does each step begin with?
#
# </details>
#
# <details>
# <summary>Hint 2: a fact</summary>
#
# `noise_to(images, n, schedule)` noises a batch to n. `pairwise(counts)` gives each timestep with the next one.
#
# </details>
#
# <details>
# <summary>Hint 3: the next step</summary>
#
# It's the loop of `inpaint` with another beginning and without the mask. Make the noised images, and let `step_back`
# turn x into the next x, again and again.
#
# </details>

# %% [markdown]
# Here are Part 2's eight drawings, noised to more and more steps and drawn anew. The model is told what each one is, "a
# T-shirt", "trousers" and so on.

# %%
DRAWN = [0, 1, 2, 3, 4, 8, 9, 5]  # classes of part2.drawn_clothes, rows of CLASSES


def redrawn(drawings: t.Tensor, captions: list[str], steps: tuple[int, ...], w: float = 1.0) -> dict[str, t.Tensor]:
    """Drawings, noised to each of some timesteps and drawn anew, as rows to show. drawings: (B, 1, 28, 28)"""
    model = told(painter(), captions, w)
    with utils.show_steps(model, sum(max(1, round(STEPS * n / 1000)) for n in steps)):
        rows = {f"from {n}": start_from(model, drawings, n, STEPS) for n in steps}
    return {name: part1.denormalize_img(images) for name, images in ({"drawn": drawings} | rows).items()}


# %%
if MAIN:
    drawings, names = part1.normalize_img(part2.drawn_clothes()).to(device), [caption(label, []) for label in DRAWN]
    t.manual_seed(0)
    utils.show_rows(redrawn(drawings, names, (200, 400, 600, 700, 800, 900)))

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![Seven rows of eight. On top, the eight drawings in flat greys: a T-shirt, trousers, a pullover, a dress, a coat, a bag, a boot that points to the right and a sandal. Below, drawn anew from 200, 400, 600, 700, 800 and 900 steps of noise: at first the same drawings with a little grain, then much the same shapes with folds, seams and shades, and at last other pieces of the same kinds. From 600 on, the boot points to the left, but from 800 it has become a dark dress.](images/part4_start.png)
#
# From 200 you get your drawing back, with a little grain. From 400 it has folds and seams. From 600 most outlines are
# still those of the drawings, and the inside has become clothes. From 900 only the kind is left, because the model was
# told.
#
# Look at the boot. It was drawn with its toe to the right, and nearly all boots in the training images point to the
# left. So the more the network may change, the more it insists on a toe over there.
#
# </details>

# %% [markdown]
# More noise makes it more real and less yours. You can measure both. For each `num_steps`, 320 images were drawn, 40
# from each of the eight drawings. How far is each from its drawing, in mean squared error? And how far is the set from
# the test images of these eight classes, in Part 3's distance? (Few samples make this distance larger, so compare it
# within this table only.)

# %%
if MAIN:
    results = json.loads((utils.ASSETS / "faithful.json").read_text(encoding="utf-8"))
    print(f"the drawings themselves: distance {results['distance of the drawings']:.0f}")
    print("from      change   distance")
    for row in results["rows"]:
        print(f"{row['n']:4d} {row['change']:11.3f} {row['distance']:10.0f}")

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# The two columns go against each other. From 200 steps hardly anything has changed, and the distance is still 270, of
# the drawings' own 365. From 800 it's a ninth of that, 39. From 900 it's 19, and beginning with nothing but noise takes
# it to 16.
#
# What does a change of 0.362 mean, in the last row? There, nothing of the drawing is left but its name. So that's how
# far apart a drawing and a new piece of its kind are. From 700 steps you're 45 % of the way there, and from 800 it's
# 64 %. If you want it both real and yours, begin somewhere between.
#
# </details>

# %% [markdown]
# Now draw something yourself. In a notebook, the next cell shows a pad of 14 by 14 squares, with a boot to begin with.
# Choose a shade, then click on squares. (Where the pad can't be shown, the boot stays as it is.)

# %% tags=["folded"]
class DrawingPad:
    """Squares to draw on with the mouse, each of 2 by 2 pixels. self.image: (1, 28, 28) in [-1, 1], what is drawn"""

    SHADES = {"black": -1.0, "dark": -0.4, "grey": 0.2, "white": 1.0}

    def __init__(self, image: t.Tensor) -> None:
        """image: (1, 28, 28) in [-1, 1], to begin with"""
        self.squares = F.avg_pool2d(image, 2)[0].cpu()
        self.shade = "white"

    @property
    def image(self) -> t.Tensor:
        return repeat(self.squares, "h w -> 1 (h 2) (w 2)").clone()

    def paint(self, row: int, column: int) -> None:
        self.squares[row, column] = self.SHADES[self.shade]

    def colour(self, row: int, column: int) -> str:
        level = round(255 * part1.denormalize_img(self.squares[row, column]).item())
        return f"#{level:02x}{level:02x}{level:02x}"

    def show(self) -> None:
        """Show the pad in a notebook; elsewhere nothing."""
        if not utils.in_notebook():
            return
        try:
            import ipywidgets
        except ImportError:
            print("A pad needs the package ipywidgets: run %pip install ipywidgets, restart the kernel, and run again.")
            return
        from IPython.display import display

        shades = ipywidgets.ToggleButtons(options=list(self.SHADES), value=self.shade)
        shades.observe(lambda change: setattr(self, "shade", change["new"]), names="value")
        size = ipywidgets.Layout(width="22px", height="22px", margin="0px", padding="0px")
        buttons = []
        for row, column in product(range(14), repeat=2):
            button = ipywidgets.Button(layout=size, style={"button_color": self.colour(row, column)})
            button.on_click(partial(self.clicked, row, column))
            buttons.append(button)
        blank = ipywidgets.Button(description="clear")
        blank.on_click(partial(self.cleared, buttons))
        grid = ipywidgets.GridBox(buttons, layout=ipywidgets.Layout(grid_template_columns="repeat(14, 22px)"))
        display(ipywidgets.VBox([ipywidgets.HBox([shades, blank]), grid]))

    def clicked(self, row: int, column: int, button: Any) -> None:
        self.paint(row, column)
        button.style.button_color = self.colour(row, column)

    def cleared(self, buttons: list, _: Any) -> None:
        self.squares.fill_(-1)
        for button in buttons:
            button.style.button_color = self.colour(0, 0)


@cache
def my_pad() -> DrawingPad:
    """The pad that you draw on, with a boot to begin with."""
    return DrawingPad(part1.normalize_img(part2.drawn_clothes()[6]))


# %%
if MAIN:
    my_pad().show()

# %% [markdown]
# In the next cell, put a caption for it in the place of "a boot". Then run the cell.

# %%
if MAIN:
    drawing, words = my_pad().image.to(device), "a boot"
    t.manual_seed(0)
    utils.show_rows(redrawn(drawing.expand(8, -1, -1, -1), [words] * 8, (500, 600, 700, 800), w=2.0))

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![Five rows of eight. On top, the coarse boot of the pad, its toe to the right, eight times. Below, eight ways to draw it anew from each of 500, 600, 700 and 800 steps of noise: at first grey shafts of the same height, several of them in tatters or with a second toe on the left; at last seven boots that point to the left, and a dress.](images/part4_pad.png)
#
# This is what the boot becomes if you don't draw anything. The further up you begin, the less of it is left. Its toe is
# on the side that the network doesn't know, so some of these go wrong. Draw it the other way round, and compare.
#
# </details>

# %% [markdown]
# ## Where this stands in the world
#
# You've built the core of **GLIDE**, at a ten-thousandth of its size. What's different out there?
#
# **The text encoder.** [GLIDE](https://arxiv.org/abs/2112.10741) turns a caption into tokens, pieces of words instead
# of words, and reads them with a transformer, which gives a vector for each token. The last one takes the place of the
# class label, as your condition does. All of them go into the attention layers of the U-Net, where each place in the
# image can look at each word. So "red" can stay with the cube. Your bag of words has only one vector for everything.
#
# **The size.** GLIDE has 3.5 billion parameters for images of 64 by 64 pixels, and a second diffusion model of 1.5
# billion, the **upsampler**, makes 256 by 256 of them. That one is a listener, too. It's told the caption and the small
# image. Part 5 builds one.
#
# **Guidance.** GLIDE compared two ways to insist. In **CLIP guidance**, a network that scores how well an image and a
# text fit gives the gradient. It's the classifier's gradient from above with CLIP in the classifier's place, and it
# needs a CLIP that has seen noised images, for the reason that you saw. People who looked at both liked classifier-free
# guidance better. That's what everybody uses today, mostly with scales between 3 and 10.
#
# **Negative prompts.** Guidance moves away from the guess for the null caption. Nothing says that it has to be the null
# caption. Put "patterned" in its place, and you move away from patterns: $\epsilon_- + w\, (\epsilon_c - \epsilon_-)$.
# Users of Stable Diffusion found this useful long before anyone wrote a paper about it. With your `Guided` it takes no
# new code, because `null` is an argument. Try it in `told`, with `tokens(["a patterned dress"])[0]` in the place of
# `model.null`, and ask for "a dress".
#
# **Editing.** GLIDE's users paint over a region and type what should be there, and that's your `inpaint` with a
# caption. Programs that "improve" a sketch run your `start_from`. Their dial, called *strength*, is num_steps / T.
#
# **ControlNet.** A caption can't say where an arm should go. [ControlNet](https://arxiv.org/abs/2302.05543) adds an
# image as a condition, edges or a skeleton of a pose. It copies the way down of a trained U-Net, feeds it the extra
# image, and adds what comes out to the skips, at first times zero. So the trained network stays what it was, and only
# the copy learns. You haven't built one, but you know all of its parts.

# %% [markdown]
# ## Glossary: names around guidance
#
# | here | other names, and what they mean |
# |---|---|
# | what is wanted | condition, conditioning, $c$ or $y$ in papers; a class label, a caption, an image |
# | caption | **prompt**, the caption that a user types |
# | null label, null caption | **null token**, empty prompt, unconditional embedding, $\emptyset$ |
# | dropping labels | **conditioning dropout**, `p_uncond`; 10 % here, 20 % in GLIDE |
# | guidance, `Guided` | **classifier-free guidance**, **CFG** |
# | $w$ | **guidance scale**, CFG scale, `guidance_scale`. Beware, some papers write $1 + w$ for it |
# | steering by a classifier | classifier guidance; with CLIP in its place, CLIP guidance |
# | a caption in the null caption's place | negative prompt |
# | bag of words | mean pooling of word embeddings |
# | `inpaint`, `keep` | inpainting; the **inpainting mask** marks what is drawn anew in most programs, so it's `~keep` |
# | `start_from`, `num_steps` | **SDEdit**, image to image, img2img; `strength` is `num_steps` / T |

# %% [markdown]
# ## What you have now
#
# You tell a model what to draw, with a label, a caption, a part to keep or a picture to begin with, and you can say how
# well it listens.
#
# - A **condition** is a vector for each image, added to the embedding of the timestep. Labels become vectors by a
#   table, captions by the mean of their words.
# - **Dropping** what is wanted for a tenth of the images trains two models in one, one that's told and one that isn't.
# - **Guidance** is the difference of the two, taken $w$ times. In score terms it sharpens p(label | image). For w > 1,
#   you don't sample from the data's distribution any more.
# - **Words combine.** The model draws combinations that no caption had, though less surely than those that it knows.
# - **To measure** whether a model obeys, you need a ceiling, a chance level and what was held out.
# - **Editing** needs no training. Put the known part back at each step, noised to that step, or begin the path back in
#   the middle.

# %% [markdown]
# ## Something to show a friend
#
# Let a friend choose the words, and put the captions here.

# %%
if MAIN:
    asked = ["a dark plain pullover", "a patterned dress", "a bright boot with a heel", "bright narrow trousers"]
    t.manual_seed(0)
    model = told(painter(), [each for each in asked for _ in range(2)])
    steps = part3.ddim_sample(model, 8, STEPS, return_all_steps=True)
    left = [n for n in (50, 40, 34, 30, 26, 23, 20, 17, 14, 11, 8, 5, 3, 0) if n <= STEPS]
    frames = []
    for n in left:
        images = (15 * part1.denormalize_img(steps[-1 - n].clamp(-1, 1)).cpu()).round() / 15  # few greys, a small file
        images = F.interpolate(images, scale_factor=2)
        frames.append(rearrange(images, "(k r) c h w -> c (r h) (k w)", r=2))
    utils.show_movie(frames, [f"{n} steps left" for n in left])

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![A field of noise. Light shapes come out of it, and at last there are two dark pullovers, two dresses with patterns, two bright boots with heels and two pairs of bright trousers, each pair one above the other.](images/part4_friend.png)
#
# </details>

# %% [markdown]
# Your friend will ask why the pictures are so small. Every pixel costs. At 512 by 512, an image has 334 times as many
# pixels as yours, and attention over all of them would cost more than 100,000 times as much. And where do captions come
# from when nobody can measure them? These are the questions of Part 5. **Latent Diffusion** paints small codes instead
# of pixels, **Imagen** paints small and enlarges, and reads with a large language model, and **DALL-E 2** lets CLIP say
# what an image is about.
