# %% [markdown]
# # Part 5: Four famous systems, small
#
# "A bright boot with a heel, please." Here's what five models answer.
#
# ![Five rows of eight. Part 3: trousers, a sneaker, a dress, T-shirts, a bag and patterned things, whatever it likes. Latent Diffusion: pullovers, a T-shirt, shoes, a bag and a dress, a little softer. GLIDE, DALL-E 2 and Imagen: nothing but bright boots with heels, higher ones and lower ones.](images/part5_friend.png)
#
# The first row is Part 3's model, which can't hear you. The others are four systems that made the news between 2021 and
# 2022, each built in miniature from what you've written: GLIDE, which you know from Part 4, DALL-E 2, Latent Diffusion
# and Imagen. (Latent Diffusion can't hear you here either, because it's shown without captions.)
#
# From far away they look like four inventions. From where you stand now, each is **one idea** on top of what you have.
# Diffuse something smaller than pixels. Or decide what the picture is about before you paint it. Or paint it small and
# enlarge it. You'll add these ideas one at a time, and each time ask Part 3's question. What did it buy, here, at this
# size? Some of the answers will be "nothing", and they're worth as much as the others. At the end comes flow matching,
# which most of today's models learn with, and you'll read the description of a new model word by word.
#
# **You need** Parts 1 to 4. Have Part 1's `ImageGuesser`, Part 3's $v$ and Part 4's `Guided` fresh in your mind. You
# don't need a GPU. Plan about four hours.

# %% [markdown]
# ## How to work
#
# As before, replace the line `raise NotImplementedError(...)` with your code, run the cell, then run the check below.
# Hints are folded under the check, and so is the solution, unless your instructor has left it out. The sections don't
# build on each other, except that Latent Diffusion defines the training loop for all of them, so begin with it.
#
# <details>
# <summary>Contents</summary>
#
# - [Set up](#Set-up)
# - [The map](#The-map)
# - [Latent Diffusion](#Latent-Diffusion)
# - [DALL-E 2](#DALL-E-2)
# - [Imagen](#Imagen)
# - [Flow matching](#Flow-matching)
# - [What came after](#What-came-after)
# - [Glossary: names in model cards](#Glossary:-names-in-model-cards)
# - [What you have now](#What-you-have-now)
# - [Something to show a friend](#Something-to-show-a-friend)
#
# </details>

# %% [markdown]
# ## Set up
#
# Run the next three cells. The second one fetches `part1` to `part4`. In the exercise notebook these are **your own**
# functions as you last saved them, provided they pass their checks. The lines under the cell tell you which are yours.

# %% tags=["set-up"]
if __name__ == "__main__":  # of the script; the notebooks have a set-up of their own here
    import os
    import sys
    from pathlib import Path

    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as in solutions/__init__.py
MAIN = __name__ == "__main__"

# %%
import json
import math
import time
from collections.abc import Callable
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import torch as t
import torch.nn as nn
import torch.nn.functional as F
from einops import rearrange, reduce

import solutions.part1_diffusion as part1
import solutions.part2_unet as part2
import solutions.part3_fashion_mnist as part3
import solutions.part4_guidance as part4
import utils
from utils import IS_CI

# %%
if MAIN:
    import tests.part5

    device = utils.get_device()
    print(f"Ready. PyTorch {t.__version__} computes on: {device}")

# %% [markdown]
# ## The map
#
# Four systems, and four questions to ask about each. What gets noised? What is the network told? Who reads the caption?
# And how many networks are there, each trained by itself? (Two of them also have networks that enlarge a finished
# picture. Those are counted, too.)
#
# | system | what is noised | what it's told | the caption is read by | networks |
# |---|---|---|---|---|
# | [GLIDE](https://arxiv.org/abs/2112.10741), 2021 (Part 4) | pixels | the caption | a transformer that learns along with it | 2: paints 64 by 64, enlarges to 256 |
# | [Latent Diffusion](https://arxiv.org/abs/2112.10752), 2021 ([below](#Latent-Diffusion)) | the codes of an autoencoder | a caption, a class or another image | a transformer that learns along with it; in Stable Diffusion CLIP's, frozen | 2: the autoencoder, paints codes |
# | [DALL-E 2](https://arxiv.org/abs/2204.06125), 2022 ([below](#DALL-E-2)) | first an embedding, then pixels | first the caption, then the embedding | CLIP's, frozen | 5: CLIP, the prior, paints 64 by 64, enlarges twice |
# | [Imagen](https://arxiv.org/abs/2205.11487), 2022 ([below](#Imagen)) | pixels, first few and then more | the caption, and the smaller picture | a language model that has only read text, frozen | 4: the reader, paints 64 by 64, enlarges twice |
#
# All four are trained with Part 1's loss, with some captions dropped as in Part 4, and guided when they draw. What's
# different is where the work is divided. That's what to look for.

# %% [markdown]
# ## Latent Diffusion
#
# Your U-Net works on 784 pixels at every step, and much of that work goes into things that you'd hardly see. A pixel
# is nearly always like its neighbours. [Latent Diffusion](https://arxiv.org/abs/2112.10752) (Rombach and others, 2021)
# splits the work in two. First an **autoencoder** learns to write an image down in a few numbers, its **code**, and to
# paint the image again from that. Then a diffusion model learns to draw *codes*. It never sees a pixel.
#
# Stable Diffusion is made this way. It turns 512 by 512 pixels in three colours into 64 by 64 numbers in four channels,
# so the network has 48 times less to look at. Here an image of 28 by 28 becomes a code of 7 by 7 in four channels, a
# quarter of the numbers.
#
# The autoencoder has two halves. The **encoder** halves the image twice, and the **decoder** doubles it twice, so
# there's nothing in it that you haven't built in Part 2. (`nn.PixelShuffle(2)` makes 2 by 2 pixels out of four
# channels.) But the encoder doesn't answer with a code. It answers with a Gaussian for each number of the code, by its
# mean and the logarithm of its variance, and the code is drawn from that. Why such a detour? Because a diffusion model
# will never hit a code exactly. A decoder that has only seen exact codes may paint anything for the ones in between.
# One that has always been given slightly noisy codes has learned to cope.


# %% tags=["folded"]
class Autoencoder(nn.Module):
    """Images (1, 28, 28) to codes (4, 7, 7), a quarter of the numbers, and back."""

    def __init__(self, width: int = 40):
        super().__init__()

        def layer(c_in: int, c_out: int, *size: int) -> list[nn.Module]:
            return [nn.Conv2d(c_in, c_out, *size, padding=1), nn.GroupNorm(8, c_out), nn.SiLU()]

        wide = 2 * width
        self.encoder = nn.Sequential(
            *layer(1, width, 4, 2), *layer(width, width, 3), *layer(width, wide, 4, 2), *layer(wide, wide, 3),
            nn.Conv2d(wide, 8, 1),
        )  # fmt: skip
        self.decoder = nn.Sequential(
            *layer(4, wide, 3), *layer(wide, wide, 3), *layer(wide, 2 * wide, 3), nn.PixelShuffle(2),
            *layer(width, width, 3), *layer(width, width, 3), nn.Conv2d(width, 4, 3, padding=1), nn.PixelShuffle(2),
        )  # fmt: skip

    def encode(self, images: t.Tensor) -> tuple[t.Tensor, t.Tensor]:
        """images: (B, 1, 28, 28) in [-1, 1]   returns: mean and logarithm of the variance, each (B, 4, 7, 7)"""
        mean, log_var = self.encoder(images).chunk(2, dim=1)
        return mean, log_var

    def decode(self, codes: t.Tensor) -> t.Tensor:
        """codes: (B, 4, 7, 7)   returns: (B, 1, 28, 28), about in [-1, 1]"""
        return self.decoder(codes)


# %% [markdown]
# ### 5.1 Draw, and let the gradient through
# *Sample from a Gaussian that a network has chosen* · ●●○○○ · 10 minutes · Kingma and Welling, Section 2.4
#
# The encoder gives you `mean` and `log_var`, the natural logarithm of the variance $\sigma^2$. Draw a code from
# $\mathcal{N}(\mu, \sigma^2)$, each number by itself, so that gradients reach *both*. Then the encoder can learn from
# what the decoder made of the draw. (`t.normal(mean, std)` draws the right numbers and lets no gradient through.)
#
# Why the logarithm? A network may answer with any number, but a variance mustn't be negative. $e^x$ never is. With
# $\log \sigma^2$ at hand, what is $\sigma$?


# %%
def reparameterise(mean: t.Tensor, log_var: t.Tensor) -> t.Tensor:
    """Draw from the Gaussians with these means and variances, so that gradients reach both.
    mean, log_var: any one shape; log_var is the natural logarithm of the variance   returns: that shape"""
    ### BEGIN SOLUTION
    std = (log_var / 2).exp()
    return mean + std * t.randn_like(std)
    ### END SOLUTION


# %%
if MAIN:
    tests.part5.check_reparameterise(reparameterise)

# %% [markdown]
# <details>
# <summary>Hint 1: a question</summary>
#
# Part 1 draws from any Gaussian in one line. Which two things does it need besides the noise?
#
# </details>
#
# <details>
# <summary>Hint 2: a fact</summary>
#
# A sample from N(μ, σ²) is μ + σε. The noise ε needs no gradient, and the sum and the product let it through to μ and
# σ. The standard deviation is the root of the variance, and the root of `x.exp()` is `(x / 2).exp()`.
#
# </details>
#
# <details>
# <summary>Hint 3: the next step</summary>
#
# First turn `log_var` into standard deviations. Then draw as much noise as there are numbers in `mean`.
#
# </details>

# %% [markdown]
# This is the **reparameterisation trick** of [Kingma and Welling](https://arxiv.org/abs/1312.6114). All the chance is
# in ε, which no weight decides. What's left is a sum and a product, and gradients pass through both. You've used it
# ever since Equation 4.
#
# Left to itself, the encoder would cheat. It would make the variances tiny, so that codes are exact after all, and put
# the means far apart. So training charges a price for every Gaussian that's far from $\mathcal{N}(0, 1)$.

# %% [markdown]
# ### 5.2 What a code may cost
# *Measure how far a Gaussian is from N(0, 1)* · ●●●○○ · 20 minutes · Kingma and Welling, Appendix B
#
# How far is $q = \mathcal{N}(\mu, \sigma^2)$ from $p = \mathcal{N}(0, 1)$? The **KL divergence** is the mean of
# $\log q(z) - \log p(z)$ over draws $z$ from $q$. Both logarithms are known:
#
# $$\log q(z) = -\tfrac{1}{2} \left( \log 2\pi + \log \sigma^2 + \frac{(z - \mu)^2}{\sigma^2} \right)$$
#
# $$\log p(z) = -\tfrac{1}{2} \left( \log 2\pi + z^2 \right)$$
#
# Take the means with a pencil. Over draws from $q$, $(z - \mu)^2$ has the mean $\sigma^2$ and $z^2$ has the mean
# $\mu^2 + \sigma^2$. What's left is a formula without any $z$, and you need neither draws nor integrals. Write it for
# all numbers of a code, and add them up for each image, because for independent numbers KL divergences add up.


# %%
def kl_to_normal(mean: t.Tensor, log_var: t.Tensor) -> t.Tensor:
    """How far the Gaussians with these means and variances are from N(0, I): the sum over each image's numbers.
    mean, log_var: (B, C, H, W)   returns: (B,), 0 where all means are 0 and all variances 1"""
    ### BEGIN SOLUTION
    each = (mean**2 + log_var.exp() - 1 - log_var) / 2
    return reduce(each, "b c h w -> b", "sum")
    ### END SOLUTION


# %%
if MAIN:
    tests.part5.check_kl_to_normal(kl_to_normal)

# %% [markdown]
# <details>
# <summary>Hint 1: a question</summary>
#
# What are the two means, of log q(z) and of log p(z)? What cancels in their difference?
#
# </details>
#
# <details>
# <summary>Hint 2: a fact</summary>
#
# The mean of log q(z) is -½ (log 2π + log σ² + 1), because (z - μ)² / σ² has the mean 1. `log_var.exp()` is σ².
# `reduce(x, "b c h w -> b", "sum")` of einops adds up each image's numbers.
#
# </details>
#
# <details>
# <summary>Hint 3: the next step</summary>
#
# The mean of log p(z) is -½ (log 2π + μ² + σ²). Subtract it from the other one. You're left with four terms under one
# ½, and for μ = 0 and σ = 1 they must come to 0. Compute that number by number,
# then add up.
#
# </details>

# %%
if MAIN:
    places = t.linspace(-3, 3, 121)
    for std, style in [(1, "-"), (0.3, "--"), (0.05, ":")]:
        log_var = t.full((121, 1, 1, 1), 2 * math.log(std))
        plt.plot(places, kl_to_normal(places.reshape(-1, 1, 1, 1), log_var), style, label=f"σ = {std}")
    plt.xlabel("mean of one number of a code")
    plt.ylabel("KL divergence from N(0, 1)")
    plt.ylim(0, 8)
    utils.label_lines()
    utils.show()

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![Three equal parabolas over the mean, one above the other. With σ = 1 the lowest point is 0, with 0.3 it is about 0.75, and with 0.05 it is 2.5.](images/part5_kl.svg)
#
# Moving the mean away from 0 costs its square. Being exact costs something, too, but only the logarithm of how exact.
#
# </details>

# %% [markdown]
# The autoencoder's loss has three terms. The first one is the mean size of the pixels' errors. The second is the same
# for the differences between neighbours, because a blurred edge costs little in pixels and is the first thing you'd
# notice. (Rombach and others go further. They compare images by the features of a network, and let a second one judge
# whether they look real.) The third is a very small share of the KL divergence. Stable Diffusion's weight is one
# millionth, as it is here. That keeps codes from running away, but it's far too little to turn them into
# $\mathcal{N}(0, I)$. Getting from there to a code is the diffusion model's task.
#
# All trainings of this part need a loop like Part 3's, each with another loss. So here it is once, with the loss as an
# argument.


# %%
def short_config(n_steps: int, lr: float = 0.002) -> dict[str, Any]:
    """The settings of this part's trainings, the same on every device. n_steps: how long; tiny under IS_CI"""
    sizes = dict(n_steps=6, batch_size=8) if IS_CI else dict(n_steps=n_steps, batch_size=64)
    return part3.clothes_config() | dict(lr=lr, decay=0.995, img_log_interval=n_steps + 1) | sizes


def train_by(loss_of: Callable, model: nn.Module, config_dict: dict[str, Any], *data: t.Tensor) -> nn.Module:
    """Part 3's loop once more, for any loss.
    loss_of: takes the model and a minibatch of each of the data, gives ()   data: (N, ...) each
    returns: the model with averaged weights"""
    config = utils.Settings(config_dict)
    optimizer = t.optim.Adam(model.parameters(), lr=config["lr"], fused=True)
    average, device = part3.MovingAverage(model, config["decay"]), data[0].device
    with utils.start_run(config, config["n_steps"], config["batch_size"]) as run:
        batches = part3.minibatches(len(data[0]), config["batch_size"], 0, config["n_steps"], device)
        for step, rows in batches:
            lr = part3.learning_rate(step, config["n_steps"], config["lr"], config["warmup"])
            with t.autocast(device.type, t.bfloat16, enabled=config["bf16"]):
                loss = loss_of(model, *(each[rows] for each in data))
            part3.training_step(loss, lr, model, optimizer, average)
            run.log({"train_loss": loss}, step)
    return average.model.eval().requires_grad_(False)


# %%
def edges(images: t.Tensor) -> tuple[t.Tensor, t.Tensor]:
    """The differences of pixels next to each other, in rows and in columns. images: (B, C, H, W)"""
    return images[..., 1:] - images[..., :-1], images[..., 1:, :] - images[..., :-1, :]


def autoencoder_loss(model: Autoencoder, images: t.Tensor, kl_weight: float = 1e-6) -> t.Tensor:
    """How far the images that come back are off, pixel by pixel and edge by edge, and a little KL divergence.
    images: (B, 1, 28, 28)   returns: ()"""
    mean, log_var = (each.float() for each in model.encode(images))
    returned = model.decode(reparameterise(mean, log_var)).float()
    off = F.l1_loss(returned, images) + sum(map(F.l1_loss, edges(returned), edges(images)))
    return off + kl_weight * kl_to_normal(mean, log_var).mean()


# %%
@t.no_grad()
def codes_of(model: Autoencoder, images: t.Tensor) -> t.Tensor:
    """One code drawn for each image. images: (N, 1, 28, 28) in [-1, 1]   returns: (N, 4, 7, 7)"""
    return t.cat([reparameterise(*model.encode(some)) for some in images.split(part3.FEW)])


@t.no_grad()
def decoded(model: Autoencoder, codes: t.Tensor) -> t.Tensor:
    """The images of codes. codes: (N, 4, 7, 7)   returns: (N, 1, 28, 28) in [-1, 1]"""
    return t.cat([model.decode(some).clamp(-1, 1) for some in codes.split(part3.FEW)])


# %% [markdown]
# The course's autoencoder has learned from 4,000 minibatches. What comes back from it?


# %%
def load(name: str, *modules: nn.Module) -> None:
    """Give modules the weights that come with the course. name: of the file in solutions/assets"""
    parts = nn.ModuleList(modules)
    parts.load_state_dict(t.load(utils.ASSETS / name, weights_only=True, map_location="cpu"))
    parts.eval().requires_grad_(False).to(utils.get_device())


@cache
def load_autoencoder() -> Autoencoder:
    """The autoencoder that comes with the course; python -m tools.make_assets autoencoder makes it."""
    import solutions.part5_systems as course

    model = course.Autoencoder()
    load("autoencoder.pt", model)
    return model


def results_of(name: str) -> dict[str, Any]:
    """What was measured for the course. name: of the file in solutions/assets"""
    return json.loads((utils.ASSETS / name).read_text(encoding="utf-8"))


# %%
@cache
def autoencoder_model() -> Autoencoder:
    """The autoencoder that all that follows uses, trained here if part3.trains_here(), else shipped."""
    if not part3.trains_here():
        return load_autoencoder()
    t.manual_seed(0)
    config = short_config(4000)
    return train_by(autoencoder_loss, Autoencoder().to(config["device"]), config, part3.clothes())


# %%
if MAIN:
    images = part3.clothes(train=False)[:10]
    t.manual_seed(0)
    returned = decoded(autoencoder_model(), codes_of(autoencoder_model(), images))
    codes = codes_of(autoencoder_model(), images)[:, :1]
    codes = F.interpolate(part1.normalize_img((codes - codes.amin()) / (codes.amax() - codes.amin())), scale_factor=4)
    rows = {"images": images, "one channel of the code": codes, "painted from it": returned}
    utils.show_rows({name: part1.denormalize_img(row).cpu() for name, row in rows.items()})

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![Three rows of ten: a boot, a pullover with a word on it, trousers, shirts, a jacket, a sandal and a sneaker; seven by seven grey squares each, in which you can make out a few of the outlines; and the ten clothes again, a little softer, the word on the pullover blurred and a checked shirt with fainter checks.](images/part5_returned.png)
#
# Nearly everything comes back, the outlines exactly, small print and checks with losses. In the middle you see one of
# the four channels. A code is still a little picture, so convolutions are the right tool for it.
#
# Two thousand test images come back with a distance of 6 from all test images. (That's Part 3's Fréchet distance, here
# and below.) No model of codes can do much better than that, because everything that it draws has to go through this
# decoder.
#
# </details>

# %% [markdown]
# ### 5.3 One size for all codes
# *Bring codes to variance 1* · ●●○○○ · 10 minutes · Rombach et al., Appendix G
#
# Nobody has told the encoder how large its numbers should be. Stable Diffusion's have a standard deviation of 5.5. But
# Equation 4 is made for images of about variance 1, and mixes them with noise of variance 1. If the codes are five
# times as large, the signal's variance is 25 times as large, and most timesteps show the network a code with hardly
# any noise on it. If they're five times too small, most timesteps show it nothing but noise.
#
# So multiply the codes by *one* number that makes the variance of all their numbers together 1. Return that number,
# too, because the decoder wants its codes back in their own size. (One number for all channels keeps the channels'
# sizes relative to each other. A channel that matters less to the decoder stays a small one.)


# %%
def scale_codes(codes: t.Tensor) -> tuple[t.Tensor, float]:
    """Multiply codes by one number, so that all their numbers together have variance 1.
    codes: (N, C, H, W)   returns: (N, C, H, W), and the number"""
    ### BEGIN SOLUTION
    scale = 1 / codes.std().item()
    return codes * scale, scale
    ### END SOLUTION


# %%
if MAIN:
    tests.part5.check_scale_codes(scale_codes)

# %% [markdown]
# <details>
# <summary>Hint 1: a question</summary>
#
# If you multiply numbers by a, what happens to their variance, and what to their standard deviation?
#
# </details>
#
# <details>
# <summary>Hint 2: a fact</summary>
#
# Var(aX) = a² Var(X). `codes.std()` without a dimension looks at all numbers together, and
# `.item()` makes a plain number of it.
#
# </details>
#
# <details>
# <summary>Hint 3: the next step</summary>
#
# Compute the one number first and give it a name. You need it twice, for the codes and for what you return.
#
# </details>

# %% [markdown]
# To see what the size does, noise codes for $n$ steps in three sizes, and let the decoder paint what's left of them. At
# which size does the network have something to guess for most of the way?


# %%
def noised_codes(images: t.Tensor, steps: list[int]) -> dict[str, t.Tensor]:
    """What the decoder makes of codes after so many steps of noise, of codes with variance 1, and of other sizes.
    images: (1, 1, 28, 28)   returns: by size, images (len(steps), 1, 28, 28)"""
    codes, scale = scale_codes(codes_of(autoencoder_model(), images))
    alpha_bar = rearrange(1 - part3.cosine_schedule(1000), "n -> n 1 1 1").cumprod(dim=0)[t.tensor(steps) - 1].to(codes)
    noise, rows = t.randn_like(codes), {}
    for name, size in {"five times as large": 5, "variance 1": 1, "a fifth": 0.2}.items():
        noised = alpha_bar.sqrt() * size * codes + (1 - alpha_bar).sqrt() * noise
        rows[name] = decoded(autoencoder_model(), noised / (alpha_bar.sqrt() * size * scale))
    return rows


# %%
if MAIN:
    t.manual_seed(0)
    rows = noised_codes(part3.clothes(train=False)[:1], [1, 100, 200, 300, 400, 500, 600, 700, 800, 900])
    utils.show_rows({name: part1.denormalize_img(images).cpu() for name, images in rows.items()})

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![Three rows of ten pictures of a boot, after 1, 100, 200 and so on up to 900 steps of noise. Five times as large: the boot is plain until 700 and torn at 900. Variance 1: it is damaged from 300 on and gone from 600. A fifth: it is torn after 100 steps and gone after 200.](images/part5_sizes.png)
#
# From left to right, these are 1, 100, 200, and so on up to 900 steps. At variance 1, the boot fades over the first
# half of the way. Codes of five times the size still show it when the way is nearly over. With a fifth, it's torn
# after a tenth of the way, and at eight timesteps of ten there's nothing to learn but averages.
#
# </details>

# %% [markdown]
# Now train on codes. `train_longer` of Part 3 takes them as they are, because to a diffusion model a code is an image
# of four channels. Only two things need a thought.
#
# **The network.** Seven rows can't be halved, so the U-Net has a single level, DownBlock, MidBlock and UpBlock at 7 by
# 7, 32 channels wide.
#
# **The clip.** Part 3's sampler clips the guessed image to [-1, 1], because no pixel can be outside. A number of a code
# can, and a third of them are. So the clip must go, and without it a guess of the noise is of no use. At the first step
# you'd divide its error by $\sqrt{\bar\alpha}$, which is nearly 0. That's what you have the **velocity** for. To get
# from $v$ to the clean code you don't divide by anything.
#
# `draw` is your `ddim_sample`, line by line, with one change. What happens to the guessed image is an argument.


# %%
def make_schedule(config: dict[str, Any]) -> part1.NoiseSchedule:
    """The cosine schedule of Part 3, on the config's device."""
    return part1.NoiseSchedule(config["max_steps"], config["device"], part3.cosine_schedule(config["max_steps"]))


def make_latent_model(config: dict[str, Any]) -> part3.VelocityGuesser:
    """An untrained U-Net for codes. 7 by 7 cannot be halved, so it has one level."""
    settings = part2.UNetConfig((4, 7, 7), channels=32, dim_mults=(1,), groups=8, max_steps=config["max_steps"])
    return part3.VelocityGuesser(part2.UNet(settings).to(config["device"]), make_schedule(config))


# %%
def clipped(x0: t.Tensor) -> t.Tensor:
    """What Part 3 does to a guessed image: it cuts off what no pixel can be."""
    return x0.clamp(-1, 1)


def as_guessed(x0: t.Tensor) -> t.Tensor:
    """Nothing at all."""
    return x0


@t.no_grad()
def draw(
    model: part1.DiffusionModel,
    n_samples: int,
    keep: Callable = as_guessed,
    n_steps: int = part4.STEPS,
    eta: float = 1.0,
    start: t.Tensor | None = None,
) -> t.Tensor:
    """Part 3's ddim_sample, with what happens to the guessed image as an argument.
    keep: takes and returns images (B, C, H, W)   the others, and what it returns: as there"""
    schedule = utils.check_can_sample(model, n_samples)
    counts = t.linspace(len(schedule), 0, min(n_steps, len(schedule)) + 1).round().int().tolist()
    x = t.randn(n_samples, *model.img_shape, device=schedule.device) if start is None else start
    for n, m in pairwise(counts):
        alpha_bar_n = schedule.alpha_bar(n)
        alpha_bar_m = schedule.alpha_bar(m) if m > 0 else t.ones_like(alpha_bar_n)
        num_steps = t.full((n_samples,), n, device=x.device)
        x0 = keep(part1.reconstruct(x, model(x, num_steps), num_steps, schedule))
        noise = (x - alpha_bar_n.sqrt() * x0) / (1 - alpha_bar_n).sqrt()
        sigma = eta * ((1 - alpha_bar_m) / (1 - alpha_bar_n) * (1 - alpha_bar_n / alpha_bar_m)).sqrt()
        x = alpha_bar_m.sqrt() * x0 + (1 - alpha_bar_m - sigma**2).clamp(min=0).sqrt() * noise
        x = x + sigma * t.randn_like(x)
    return x


# %% [markdown]
# Train it for fifteen processor seconds. In Part 3, your U-Net had 20 for its pixels, and painted shreds.


# %%
def train_on_codes(seconds: float) -> tuple[part3.VelocityGuesser, float]:
    """Train a model on codes for so many processor seconds. returns: the model, and what codes are multiplied with"""
    config = short_config(0)
    model, x0 = make_latent_model(config), t.randn(config["batch_size"], 4, 7, 7, device=config["device"])
    loss_of = part3.bf16_loss if config["bf16"] else part3.fp32_loss
    n_steps = part3.steps_within(
        seconds, lambda: loss_of(model, x0, *part1.noise_img(x0, model.noise_schedule)).backward()
    )
    images = part3.clothes()[: n_steps * len(x0)]  # no more than it will see
    codes, scale = scale_codes(codes_of(autoencoder_model(), images))
    shorter = dict(n_steps=n_steps, warmup=min(config["warmup"], n_steps // 2), img_log_interval=n_steps + 1)
    return part3.train_longer(model, config | shorter, codes), scale


# %%
if MAIN:
    t.manual_seed(0)
    model, scale = train_on_codes(0.2 if IS_CI else 15)
    images = decoded(autoencoder_model(), draw(model, 8) / scale)
    pixels = t.load(utils.ASSETS / "plain.pt", weights_only=True)["25,600 images"] / 255
    rows = {"pixels, 400 steps": pixels, "your codes": part1.denormalize_img(images).cpu()}
    utils.show_rows(rows)

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![Two rows of eight. Above, what 400 steps on pixels give: a broken boot, a few scraps, two nearly black squares and a white one. Below, the short training on codes: blurred shirts and coats, a shoe, and one or two that are hard to make out.](images/part5_codes_live.png)
#
# That's fifteen seconds. The row above took three to six minutes of one core, and it shows shreds. Yours are blurred,
# but most of them are clothes. The autoencoder had learned before how cloth and edges look, so your network only had to
# learn what goes with what.
#
# </details>

# %% [markdown]
# The course's own model of codes has had 8,000 steps, as many as Part 3's model of pixels. Draw with both, and time it.


# %%
@cache
def load_latent_model() -> part3.VelocityGuesser:
    """The model of codes that comes with the course; python -m tools.make_assets latents makes it."""
    import solutions.part5_systems as course

    model = course.make_latent_model(course.short_config(0))
    load("latents.pt", model.network)
    return model


@cache
def latent_model() -> tuple[part3.VelocityGuesser, float]:
    """The model of codes whose results follow, trained here if part3.trains_here(), else shipped.
    returns: the model, and what codes are multiplied with"""
    if not part3.trains_here():
        return load_latent_model(), results_of("latents.json")["scale"]
    t.manual_seed(0)
    codes, scale = scale_codes(codes_of(autoencoder_model(), part3.clothes()))
    config = short_config(8000)
    return part3.train_longer(make_latent_model(config), config, codes), scale


# %%
if MAIN:
    seconds, rows = {}, {}
    (latent, scale), pixel = latent_model(), part3.shipped_model()
    for name in ["pixels", "codes"]:
        t.manual_seed(0)
        begin = time.process_time()
        if name == "pixels":
            images = part3.ddim_sample(pixel, 10, n_steps=part4.STEPS)
        else:
            images = decoded(autoencoder_model(), draw(latent, 10) / scale)
        print(f"ten samples by way of {name}: {time.process_time() - begin:.1f} processor seconds")
        rows[name] = part1.denormalize_img(images).cpu()
    utils.show_rows(rows)

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![Two rows of ten samples. By way of pixels: trousers, boots, shirts and a dress, with crisp edges and odd patterns on some. By way of codes: bags, trousers, a pullover, a T-shirt and shoes, softer, some of them hard to make out.](images/part5_codes.png)
#
# Both took 50 steps. By way of codes, that costs about a third of the time.
#
# </details>

# %% [markdown]
# And how good are 2,000 of them? These were measured beforehand, on a GPU as Part 3's were while it trained.


# %%
def show_latents() -> None:
    """Print the distances of samples drawn by way of codes, as they were measured."""
    measured, floor = results_of("latents.json"), results_of("autoencoder.json")["distance"]
    print(f"2,000 test images, to codes and back: distance {floor:.0f}")
    for name, far in measured["distance"].items():
        print(f"samples, {name:20} distance {far:.0f}")


# %%
if MAIN:
    show_latents()

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# The autoencoder alone stands at 6. Samples by way of codes come to 58 in 100 steps, far behind the 27 of Part 3's. But
# they need few steps. In 50 it's 61 and in 25 it's 64, where Part 3's go up to 34 and 43. And with the guess clipped to
# [-1, 1], it's 134. That would have been a hard one to find, because nothing fails and nothing warns you.
#
# </details>

# %% [markdown]
# So what does it buy? Be careful what you compare. A training step on codes takes about a quarter of the processor time
# of one on pixels. The same 8,000 steps take 7 minutes of one core instead of 28, and the distance is 58 instead of 27.
# After a quarter of *its* training, which took as long, Part 3's model was at 61. So for the same time spent on
# diffusion, the two are even. But somebody had to train the autoencoder, which took another 6 minutes. After half its
# training, 14 minutes, Part 3's model had come to 40. Count everything, and pixels win here.
#
# Where do the 58 come from? The autoencoder can only be blamed for the first 6. The rest is the model's, which has
# not learned the codes well enough. Other settings were tried. A network of 40 channels came to 55 after 6,000 steps,
# and ten times the weight of the KL divergence came to 62. Codes used as the autoencoder gave them, without
# `scale_codes`, came to 62 as well. Their standard deviation happened to be 1.12, so it couldn't matter much here.
#
# None of this speaks against the idea. Our images have 784 numbers, and nearly all of them matter. A photograph of 512
# by 512 in three colours has a thousand times as many, the U-Net's work grows with them, and most of what they say is
# grain. There, one autoencoder serves everyone, and it's trained once.

# %% [markdown]
# ## DALL-E 2
#
# "A bright boot." Thousands of different pictures fit these words. GLIDE settles everything about its picture at once,
# what it shows and where each pixel goes. [DALL-E 2](https://arxiv.org/abs/2204.06125) (Ramesh and others, 2022) takes
# two decisions, one after the other. First it chooses a *summary* of a picture that fits the caption, a few numbers.
# Then it draws a picture that fits the summary.
#
# The summary is an **embedding**, a vector that says what a picture is about and leaves out where each pixel goes. So
# there are three things to learn, and you'll build each of them:
#
# 1. **CLIP** makes embeddings of pictures and of captions.
# 2. The **prior** turns a caption's embedding into a picture's. It's a diffusion model that noises 32 numbers.
# 3. The **decoder** draws a picture from its embedding. It's Part 4's `Listener` once more.

# %% [markdown]
# ### One space for pictures and captions
#
# [CLIP](https://arxiv.org/abs/2103.00020) (Radford and others, 2021) has two encoders, one that sees pictures and one
# that reads captions. Both answer with an embedding of the same size, a vector of $E$ numbers. They learn together,
# from pairs, until a picture and its own caption point in the same direction. Part 4 has written the captions. The two
# encoders are given. The first one halves the picture three times, and the second one is Part 4's `CaptionEncoder`.
# Only the direction of an embedding will count, so all of them get one length, $\sqrt{E}$. Then their numbers have a
# mean square of 1, which is what Equation 4 wants when you noise them later.

# %%
SIZE = 32  # numbers in an embedding


@cache
def captioned(train: bool = True) -> tuple[t.Tensor, t.Tensor]:
    """The clothes and their captions, without the combinations that Part 4 holds out.
    returns: images (N, 1, 28, 28) in [-1, 1]; tokens (N, LONGEST)"""
    images, labels = part3.clothes(train), part4.labels_of(train)
    words = part4.attributes_of(images, labels)
    kept = [i for i, label in enumerate(labels.tolist()) if not part4.is_held_out(label, words[i])]
    told = [part4.caption(labels[i].item(), words[i]) for i in kept]
    return images[kept], part4.tokens(told).to(images.device)


def words_of(tokens: t.Tensor) -> list[str]:
    """Captions in words again. tokens: (N, L)"""
    return [" ".join(part4.WORDS[row] for row in rows if row != part4.PAD) for rows in tokens.tolist()]


# %%
class Clip(nn.Module):
    """An encoder for images and one for captions. Embeddings have length √E, so their numbers have mean square 1."""

    def __init__(self, size: int = SIZE):
        super().__init__()

        def half(c_in: int, c_out: int) -> list[nn.Module]:
            return [nn.Conv2d(c_in, c_out, 3, stride=2, padding=1), nn.GroupNorm(8, c_out), nn.SiLU()]

        self.see = nn.Sequential(*half(1, 32), *half(32, 64), *half(64, 64), nn.Flatten(), nn.Linear(64 * 4 * 4, size))
        self.read = part4.CaptionEncoder(condition=size)

    def of_images(self, images: t.Tensor) -> t.Tensor:
        """images: (B, 1, 28, 28) in [-1, 1]   returns: (B, E)"""
        return on_sphere(self.see(images))

    def of_captions(self, tokens: t.Tensor) -> t.Tensor:
        """tokens: (B, L) int   returns: (B, E)"""
        return on_sphere(self.read(tokens))


def on_sphere(embeddings: t.Tensor) -> t.Tensor:
    """The same directions, with the length √E. embeddings: (B, E)"""
    return math.sqrt(embeddings.shape[1]) * F.normalize(embeddings, dim=1)


# %% [markdown]
# What should they learn from? Take a minibatch of B pairs, and put all B captions on the table. For each image, ask
# "which of these is yours?" That's a classifier with B classes, and you know its loss, the **cross-entropy**. The score
# of image $i$ and caption $j$ is the cosine of the angle between their embeddings, divided by a **temperature** $\tau$
# ("tau"):
#
# $$s_{ij} = \frac{\cos(\text{image}_i, \text{caption}_j)}{\tau} \qquad
# \text{loss}_i = -\log \frac{e^{s_{ii}}}{\sum_j e^{s_{ij}}}$$
#
# **Why the temperature?** A cosine lies between -1 and 1. Suppose that all is perfect, with a cosine of 1 for every
# right pair and -1 for all others. With 128 captions on the table and $\tau = 1$, the right one would get a share of
# $e^1 / (e^1 + 127\, e^{-1})$, which is 0.05. The loss could never fall below 2.9. With $\tau = 0.03$ the scores reach
# from -33 to 33, and the right caption can win. (CLIP learns its $\tau$ along with the weights and ends at 0.01.)
#
# **Why both directions?** Add 5 to all the scores of one image. Its loss stays the same, because the fraction above
# doesn't change. So this loss compares captions for one image, and never images for one caption. The other direction
# does. It puts the B images on the table and asks each caption "which of these is yours?"
#
# **And equal captions?** Only 152 different captions occur in the data, so in a minibatch of 128 many occur twice. Then
# there are several right answers. The target is split evenly between them, so an image's loss is the mean of
# $-\log(\text{share})$ over its right captions.

# %% [markdown]
# ### 5.4 Which of these is yours?
# *Write the loss that pulls pairs together and everything else apart* · ●●●○○ · 25 minutes · Radford et al., Figure 3
#
# You get the embeddings of B images and of their B captions, of any length, and the captions themselves as `tokens`.
# Make the table of scores, (B, B), from the cosines. Make the table of targets, in which each row is split evenly
# between all captions that are equal to the row's own. Then take the mean of the cross-entropies of both directions.


# %%
def clip_loss(images: t.Tensor, captions: t.Tensor, tokens: t.Tensor, temperature: float = 0.03) -> t.Tensor:
    """How badly images and captions find each other: the mean of both directions' cross-entropy.
    images, captions: embeddings (B, E), of any length; those in the same row belong together
    tokens: (B, L) int, the captions; equal ones share the target   returns: ()"""
    ### BEGIN SOLUTION
    images, captions = F.normalize(images, dim=1), F.normalize(captions, dim=1)
    scores = images @ captions.T / temperature
    same = (rearrange(tokens, "b l -> b 1 l") == tokens).all(dim=2).float()
    target = same / same.sum(dim=1, keepdim=True)
    return (F.cross_entropy(scores, target) + F.cross_entropy(scores.T, target)) / 2
    ### END SOLUTION


# %%
if MAIN:
    tests.part5.check_clip_loss(clip_loss)

# %% [markdown]
# <details>
# <summary>Hint 1: a question</summary>
#
# The cosine of two vectors is their product divided by both lengths. What do you have to do to the embeddings, so that
# one product of matrices gives you all B² cosines? And which table holds the scores of the other direction?
#
# </details>
#
# <details>
# <summary>Hint 2: a fact</summary>
#
# `F.normalize(x, dim=1)` gives each row the length 1. `F.cross_entropy(scores, target)` takes a table of scores, and a
# target of the same shape whose rows are shares that add up to 1. It averages over the rows. Two captions are equal if
# all their tokens are, and `rearrange(tokens, "b l -> b 1 l") == tokens` compares each caption with every other, token
# by token.
#
# </details>
#
# <details>
# <summary>Hint 3: the next step</summary>
#
# From the comparison in Hint 2, `.all(dim=2)` makes a table (B, B) of true and false. Turn it into numbers, and divide
# each row by its sum. That's the target of both directions, because "equal" reads the same both ways.
#
# </details>

# %% [markdown]
# Now let both encoders learn with your loss, for 15 processor seconds. The course's own have learned for 2,000 steps,
# which takes about a minute of one core.


# %%
def clip_config(n_steps: int = 2000) -> dict[str, Any]:
    """The settings of the two encoders' training. Tiny under IS_CI."""
    return short_config(n_steps) | dict(lr=0.003, batch_size=8 if IS_CI else 128, bf16=False)


def match_loss(model: Clip, images: t.Tensor, tokens: t.Tensor) -> t.Tensor:
    """How badly a minibatch's images and captions find each other. images: (B, 1, 28, 28)   tokens: (B, L)"""
    return clip_loss(model.of_images(images), model.of_captions(tokens), tokens)


def train_clip(config: dict[str, Any]) -> Clip:
    """Train both encoders on all images and their captions."""
    return train_by(match_loss, Clip().to(config["device"]), config, *captioned())


def train_clip_for(seconds: float) -> Clip:
    """Train both encoders for so many processor seconds."""
    config, model = clip_config(), Clip().to(utils.get_device())
    some = [each[: config["batch_size"]] for each in captioned()]
    n_steps = part3.steps_within(0.1 if IS_CI else seconds, lambda: match_loss(model, *some).backward())
    return train_clip(clip_config(n_steps))


# %%
@cache
def load_clip() -> Clip:
    """The encoders that come with the course; python -m tools.make_assets clip makes them."""
    import solutions.part5_systems as course

    model = course.Clip()
    load("clip.pt", model)
    return model


@cache
def clip_model() -> Clip:
    """The encoders that all that follows uses, trained here if part3.trains_here(), else shipped."""
    if not part3.trains_here():
        return load_clip()
    t.manual_seed(0)
    return train_clip(clip_config())


# %% [markdown]
# How good are they? For each test image, look for its caption among **all** that occur, by the angle. And let them sort
# images into classes, though nobody has trained a classifier. Take the plain caption of each class ("a bag"), and see
# which one fits an image best. That's called **zero-shot** classification.


# %%
@t.no_grad()
def embed(encode: Callable, many: t.Tensor) -> t.Tensor:
    """encode: of_images or of_captions of a Clip   many: (N, ...), what it takes   returns: (N, E)"""
    return t.cat([encode(some) for some in many.split(500)])


@cache
def all_captions() -> t.Tensor:
    """Every caption of the training images, once. returns: tokens (K, L)"""
    return captioned()[1].unique(dim=0)


def best_captions(model: Clip, images: t.Tensor, k: int = 1) -> t.Tensor:
    """The k captions that fit each image best, of all that occur. returns: tokens (N, k, L)"""
    scores = embed(model.of_images, images) @ embed(model.of_captions, all_captions()).T
    return all_captions()[scores.topk(k, dim=1).indices]


def retrieval(model: Clip, images: t.Tensor, tokens: t.Tensor, k: int = 1) -> float:
    """How often an image's own caption is among the k that fit best. images: (N, 1, 28, 28)   tokens: (N, L), theirs"""
    found = best_captions(model, images, k) == rearrange(tokens, "n l -> n 1 l")
    return found.all(dim=2).any(dim=1).float().mean().item()


def classify(model: Clip, images: t.Tensor) -> t.Tensor:
    """The class whose plain caption fits each image best. returns: (N,) int, rows of CLASSES"""
    plain = part4.tokens([part4.caption(label, []) for label in range(len(utils.CLASSES))])
    return (embed(model.of_images, images) @ embed(model.of_captions, plain.to(images.device)).T).argmax(dim=1)


# %%
if MAIN:
    t.manual_seed(0)
    images, tokens = captioned(train=False)
    labels = part4.labels_of(train=False)
    for name, model in [("yours", train_clip_for(15)), ("the course's", clip_model())]:
        found = [retrieval(model, images, tokens, k) for k in (1, 5)]
        right = (classify(model, part3.clothes(train=False)) == labels).float().mean()
        print(f"{name:12}  own caption first {found[0]:.0%}, among five {found[1]:.0%}; right class {right:.0%}")
    commonest = (captioned()[1].unique(dim=0, return_counts=True)[1] / len(captioned()[1])).max()
    print(f"the commonest of {len(all_captions())} captions belongs to {commonest:.0%} of the images, a class to 10%")

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# Both find an image's own caption in about seven cases out of ten. In our run, yours had it in the first place for 69 %
# of the test images and among the first five for 96 %, the course's for 74 % and 97 %. By always naming the commonest
# caption you'd be right for 6 %. And both get the class right for 80 %. The classifier of Part 3, which was trained for
# nothing else, gets 93 %. (It's less of a miracle here than it was for CLIP. Our captions always name the class. CLIP's
# 400 million captions came from web pages.)
#
# </details>

# %%
if MAIN:
    chosen = [3, 23, 41, 18, 6, 110]
    images, tokens = captioned(train=False)
    titles = words_of(best_captions(clip_model(), images[chosen])[:, 0])
    marks = [
        "" if title == own else f"\n(not: {own})" for title, own in zip(titles, words_of(tokens[chosen]), strict=True)
    ]
    utils.show_images(
        part1.denormalize_img(images[chosen]),
        [a.replace(" with", "\nwith") + b for a, b in zip(titles, marks, strict=True)],
        6,
    )

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![Six pictures with the captions that were found for them: trousers; a shoe that is open at the side, taken for a bright sandal and not for a boot with a heel; a high white shoe, taken for a bright sneaker; a plain wide bag; a dark patterned coat; a dark sandal with a high heel.](images/part5_clip.png)
#
# Five of these six captions are the right ones. The second is wrong, and you can see why. The shoe is open at the side.
#
# </details>

# %% [markdown]
# ### Why a prior?
#
# A picture and its caption now point in about the same direction. So why not give the decoder the caption's embedding?
# Look at where the embeddings lie. The figure shows all test images whose caption is "a sandal", and the caption
# itself.


# %% tags=["folded"]
def show_cloud(caption: str, prior: "Prior | None" = None) -> None:
    """The embeddings of the test images with one caption, and that of the caption; beside it what a prior draws for it.
    To the right is the direction from the images' mean to the caption, up the one in which they vary most beside it."""
    model, (images, tokens) = clip_model(), captioned(train=False)
    one = part4.tokens([caption]).to(images.device)
    cloud, (read,) = embed(model.of_images, images[(tokens == one).all(dim=1)]), embed(model.of_captions, one)
    center = cloud.mean(dim=0)
    right = F.normalize(read - center, dim=0)
    beside = (cloud - center) - t.outer((cloud - center) @ right, right)
    plane = t.stack([right, t.linalg.svd(beside, full_matrices=False).Vh[0]], dim=1)
    panels = {f"images, {caption}": cloud}
    if prior is not None:
        panels["drawn by the prior"] = draw_embeddings(prior, read.expand(len(cloud), -1))
    size = 0.4 + 2.3 * len(panels), 3.2
    _, axes = plt.subplots(1, len(panels), figsize=size, sharex=True, sharey=True, squeeze=False, layout="constrained")
    for axis, (name, points) in zip(axes[0], panels.items(), strict=True):
        axis.scatter(*((points - center) @ plane).T.cpu(), s=10, alpha=0.6)
        star = ((read - center) @ plane).tolist()
        axis.scatter(*star, s=150, marker="*", color="C3", edgecolors="black")
        axis.annotate("caption", star, (0, -20), textcoords="offset points", ha="center", color="C3")
        axis.set(title=name, xlabel="towards the caption", aspect="equal")
    utils.show()


# %%
if MAIN:
    show_cloud("a sandal")

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![A tall swarm of dots, the images, at the left. Far to the right of all of them is a red star, the caption.](images/part5_clouds.png)
#
# The images form a cloud, and the caption lies outside of it. Towards the caption, no image gets farther than 1.2 from
# the middle of the cloud, and the caption is at 3.0. The commonest captions all lie like that, and it has a name, the
# *modality gap*. The loss only asks that an image is nearer to its own caption than to others, and that's the case. But
# a decoder that has learned from images has never seen an embedding out there. And there's a second difference. A
# caption is one point, and there are 462 images that it fits.
#
# </details>

# %% [markdown]
# So the prior has two things to do. It moves from the caption to where pictures are, and it *chooses* one of the many
# pictures that fit. You know what draws one sample out of many that are possible. It's a diffusion model, and this time
# the thing to noise isn't an image but 32 numbers.

# %% [markdown]
# ### 5.5 The prior
# *Turn Part 1's MLP into a diffusion model of embeddings* · ●●●○○ · 25 minutes · Ramesh et al., Section 2.2
#
# Your `part1.TinyDiffuser` takes images, so write an embedding as an image of one row, (1, 1, E). The network gets
# images of **two** rows. The first is the noised embedding, and the second is the caption's, without noise. The first
# row of its answer is its guess of the **clean** embedding. (The second is ignored.)
#
# `guess` asks the network for that. `forward` turns it into a guess of the noise, so that your `part1.sample` can draw.
# You know this step from Part 1's `ImageGuesser`.


# %%
class Prior(part1.DiffusionModel):
    """A diffusion model of image embeddings that is told a caption's. Gradients reach the network and all it is shown.
    network: one of Part 1 for images of two rows, (1, 2, E)"""

    def __init__(self, network: part1.DiffusionModel, noise_schedule: part1.NoiseSchedule):
        super().__init__()
        self.network, self.noise_schedule = network, noise_schedule
        self.img_shape = (1, 1, network.img_shape[-1])

    def guess(self, images: t.Tensor, num_steps: t.Tensor, wanted: t.Tensor) -> t.Tensor:
        """Guess the clean embedding: the first row of what the network answers to the noised one over the caption's.
        images: (B, 1, 1, E), noised   num_steps: (B,) int, 1 to T   wanted: (B, E)   returns: (B, 1, 1, E)"""
        ### BEGIN SOLUTION
        rows = t.cat([images, rearrange(wanted, "b e -> b 1 1 e")], dim=2)
        return self.network(rows, num_steps)[:, :, :1]
        ### END SOLUTION

    def forward(self, images: t.Tensor, num_steps: t.Tensor, wanted: t.Tensor) -> t.Tensor:
        """Guess the noise that goes with the guess of the clean embedding. Shapes as for guess."""
        ### BEGIN SOLUTION
        alpha_bar = rearrange(self.noise_schedule.alpha_bar(num_steps), "b -> b 1 1 1")
        x0 = self.guess(images, num_steps, wanted)
        return (images - alpha_bar.sqrt() * x0) / (1 - alpha_bar).sqrt()
        ### END SOLUTION


# %%
if MAIN:
    tests.part5.check_Prior(Prior)

# %% [markdown]
# <details>
# <summary>Hint 1: a question</summary>
#
# Which shape must `wanted` have, so that it can be the second row below `images`? Along which axis do the rows of an
# image follow each other?
#
# </details>
#
# <details>
# <summary>Hint 2: a fact</summary>
#
# Images are (B, C, H, W), and the rows follow each other along H, `dim=2`. `t.cat([a, b], dim=2)` puts images on top of
# each other. A slice such as `[:, :, :1]` keeps the axis that it cuts. And Equation 4, solved for the noise, is
# ε = (x_t - √ᾱ x₀) / √(1 - ᾱ).
#
# </details>
#
# <details>
# <summary>Hint 3: the next step</summary>
#
# In `guess`, make (B, 1, 1, E) of `wanted`, put it under the images, ask the network, and return the first row. In
# `forward`, look up ᾱ and make it (B, 1, 1, 1), call `guess`, and use Hint 2's equation.
#
# </details>

# %% [markdown]
# What should it learn from? The paper takes the squared error of the clean embedding, the same at every timestep. Here
# that gives clouds that are too small, with at best half of the variance that the images of one caption have. Where a
# sample ends up is decided in the last steps, where there's little noise and the guess has to be exact. In a plain mean
# these errors hardly count. Part 3's $v$ counts them for more. If the guess of $x_0$ is off by $\delta$, then the noise
# that goes with it is off by $-\sqrt{\bar\alpha}\, \delta / \sqrt{1 - \bar\alpha}$, and
# $v = \sqrt{\bar\alpha}\, \epsilon - \sqrt{1 - \bar\alpha}\, x_0$ is off by $-\delta / \sqrt{1 - \bar\alpha}$. So
# divide the squared error by $1 - \bar\alpha$, but by no less than 0.01, or the very first timesteps would outweigh all
# others.
#
# One caption in ten is left out, so that you could guide the prior (Part 4). The training takes ten seconds of one
# core, and your `part1.sample` draws.


# %%
def prior_config() -> dict[str, Any]:
    """The settings of the prior's training. Tiny under IS_CI."""
    sizes = dict(hidden_size=16, max_steps=20) if IS_CI else dict(hidden_size=512, max_steps=100, batch_size=256)
    return short_config(3000) | dict(lr=0.002, bf16=False) | sizes


def make_prior(config: dict[str, Any]) -> Prior:
    """An untrained prior: Part 1's MLP, with Part 3's cosine schedule."""
    tiny = part1.TinyDiffuserConfig((1, 2, SIZE), config["hidden_size"], config["max_steps"])
    return Prior(part1.TinyDiffuser(tiny), make_schedule(config)).to(config["device"])


def prior_loss(model: Prior, images: t.Tensor, captions: t.Tensor) -> t.Tensor:
    """The squared error of the guessed embedding, weighed as v weighs it; one in ten comes without a caption.
    images, captions: embeddings (B, E)   returns: ()"""
    x0 = rearrange(images, "b e -> b 1 1 e")
    num_steps, _, noised = part1.noise_img(x0, model.noise_schedule)
    heard = part4.drop_labels(captions, 0.1, t.zeros_like(captions[0]))
    alpha_bar = rearrange(model.noise_schedule.alpha_bar(num_steps), "b -> b 1 1 1")
    return ((model.guess(noised, num_steps, heard) - x0) ** 2 / (1 - alpha_bar).clamp(min=0.01)).mean()


# %%
def train_prior(config: dict[str, Any], model: Clip) -> Prior:
    """Train a prior on the embeddings that a Clip gives all images and captions."""
    images, tokens = captioned()
    embeddings = embed(model.of_images, images), embed(model.of_captions, tokens)
    return train_by(prior_loss, make_prior(config), config, *embeddings)


@cache
def prior_model() -> Prior:
    """The prior, trained at the first call and kept: ten seconds of one core."""
    t.manual_seed(0)
    return train_prior(prior_config(), clip_model())


def draw_embeddings(prior: Prior, wanted: t.Tensor, w: float = 1.0) -> t.Tensor:
    """An image's embedding for each caption's, by Part 1's sample. wanted: (B, E)   returns: (B, E), of length √E"""
    guided = part4.Guided(prior, wanted, 0.0, w)
    return on_sphere(part1.sample(guided, len(wanted)).flatten(1))


# %%
if MAIN:
    prior_model.cache_clear()  # train anew whenever this cell runs
    prior, model, (images, tokens) = prior_model(), clip_model(), captioned(train=False)
    seen, read = embed(model.of_images, images), embed(model.of_captions, tokens[:2000])
    others = embed(model.of_images, captioned()[0][:2000])
    for name, points in [("training images", others), ("prior", draw_embeddings(prior, read)), ("captions", read)]:
        print(f"{name:15}  Fréchet distance from test images' embeddings {part3.frechet_distance(points, seen):.2f}")
    show_cloud("a sandal", prior)

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![Two panels with the same axes. At the left the swarm of the images' embeddings, with the caption as a red star far to the right of it. At the right the swarm that the prior has drawn, in the same place.](images/part5_prior.png)
#
# From the caption, the prior gets to where the images are, and spreads its samples there. In our run, its embeddings
# were at a Fréchet distance of 0.10 from the test images' (2,000 of them, in the 32 numbers of an embedding). As many
# training images are at 0.06, and the bare captions at 7.1. Within one caption the samples have 0.80 of the variance
# that the images have, on average over the twelve commonest captions. So the prior still plays it a little safe.
#
# </details>

# %% [markdown]
# ### The decoder
#
# The last network draws a picture from an embedding. It's the `Listener` that has listened to labels and to captions in
# Part 4, with an encoder for embeddings. Like those, it begins with Part 3's network. It learns for 2,000 steps more,
# from the training images and their own embeddings. That takes about four minutes on two cores, and with
# `utils.FULL = True` it happens here. (Don't confuse it with the decoder of Latent Diffusion. That one turns a code
# back into *its* image. This one is a diffusion model, and draws a different picture every time.)


# %%
def make_decoder() -> part4.Listener:
    """An untrained model that draws images, told an embedding."""
    encode = nn.Sequential(nn.Linear(SIZE, 128), nn.SiLU(), nn.Linear(128, 64))
    return part4.make_listener(encode, t.zeros(SIZE))


def train_decoder(
    config: dict[str, Any], drawer: part1.Guesser, model: Clip, path: Path | None = None
) -> part4.Listener:
    """Teach a model that can draw to listen to the embeddings that a Clip gives images.
    drawer: Part 3's model, which it begins with   path: where to save it, or None"""
    images, _ = captioned()
    decoder = part4.continue_from(drawer, make_decoder())
    return part4.train_listener(decoder, config, images, embed(model.of_images, images), path=path)


# %%
@cache
def load_decoder() -> part4.Listener:
    """The decoder that comes with the course; python -m tools.make_assets decoder makes it."""
    import solutions.part5_systems as course

    return part4.load_listener(course.make_decoder(), "decoder.pt")


@cache
def decoder_model() -> part4.Listener:
    """The decoder that all that follows uses, trained here if part3.trains_here(), else shipped."""
    if not part3.trains_here():
        return load_decoder()
    t.manual_seed(0)
    path = None if IS_CI else utils.SAVES / "decoder.pt"
    return train_decoder(part4.listener_config(), part3.clothes_model(), clip_model(), path)


def draw_from(
    embeddings: t.Tensor, w: float = 2.0, eta: float = 1.0, start: t.Tensor | None = None, n_steps: int = part4.STEPS
) -> t.Tensor:
    """Draw an image for each embedding. embeddings: (B, E)   start: (B, 1, 28, 28), noise, or None to draw it
    returns: (B, 1, 28, 28) in [-1, 1]"""
    model = decoder_model()
    guided = part4.Guided(model, embeddings, model.null, w)
    return part3.ddim_sample(guided, len(embeddings), min(n_steps, len(model.noise_schedule)), eta, start)


# %% [markdown]
# Now all three in a row: a caption, its embedding, an embedding of a picture, a picture.


# %%
def draw_dalle2(captions: list[str], w: float = 2.0) -> t.Tensor:
    """A picture for each caption, by way of the prior. w: how much the decoder insists   returns: (N, 1, 28, 28)"""
    tokens = part4.tokens(captions).to(utils.get_device())
    return draw_from(draw_embeddings(prior_model(), embed(clip_model().of_captions, tokens)), w)


# %%
if MAIN:
    t.manual_seed(0)
    asked = ["a bright boot", "a dark bag", "a plain T-shirt with long sleeves"]
    pictures = part1.denormalize_img(draw_dalle2([caption for caption in asked for _ in range(7)]))
    utils.show_rows(
        {caption.replace(" with", "\nwith"): some for caption, some in zip(asked, pictures.split(7), strict=True)}
    )

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![Three rows of seven. A bright boot: seven bright boots, most of them with a heel, one with a very high one. A dark bag: seven dark bags with handles. A plain T-shirt with long sleeves: seven plain grey tops, four of them with long sleeves that hang close to the body, the others with short ones or none.](images/part5_dalle2.png)
#
# All boots are boots, and all bags are bags. The prior has chosen a different one each time, with a high heel or a low
# one, with this handle or that, because the caption leaves it open. The last row is harder. All are plain tops, but
# only about half of them have long sleeves.
#
# </details>

# %% [markdown]
# ### Variations
#
# You can leave the captions out altogether. Take a picture, let CLIP see it, and draw from that embedding again and
# again. What stays the same is what the embedding says about it. What changes, it leaves open.

# %%
if MAIN:
    t.manual_seed(0)
    images, _ = captioned(train=False)
    rows = {}
    for name, row in [("boot", 118), ("bag", 30), ("T-shirt", 82)]:
        seen = embed(clip_model().of_images, images[row : row + 1])
        rows[name] = part1.denormalize_img(t.cat([images[row : row + 1], draw_from(seen.expand(7, -1))]))
    utils.show_rows(rows)

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![Three rows of eight. The first image of each is from the test set, the others are drawn from its embedding: a bright boot and seven bright boots, flat or with a low heel; a bright bag with a handle and seven bright wide bags, all but one with a handle; a bright T-shirt with short sleeves and seven more of them.](images/part5_variations.png)
#
# The kind of thing stays, and so does its shade. The heel, the handle of the bag and the collar are drawn anew each
# time. Our captions never mention handles, so nothing has told CLIP to keep them, and one bag has lost its own.
#
# </details>

# %% [markdown]
# ### From one picture to another
#
# And you can walk from one picture's embedding to another's, and draw on the way. A straight line won't do. All
# embeddings have the same length, so they lie on a sphere, and a straight line between two points of a sphere runs
# through its inside. Halfway between two vectors with an angle of $\theta$ between them, the length has shrunk to
# $\cos(\theta / 2)$ of what it was. The decoder has never seen such a vector. So go along the surface.
#
# For vectors $a$ and $b$ of length 1, take the part of $b$ that's at right angles to $a$, and give it the length 1:
# $b_\perp = (b - \cos\theta\, a) / \sin\theta$. Turning $a$ towards it by an angle $\varphi$ ("phi") gives
# $\cos\varphi\, a + \sin\varphi\, b_\perp$. Go a share $s$ of the way, $\varphi = s\theta$, put in $b_\perp$, and
# collect what belongs to $a$:
#
# $$\left(\cos s\theta - \frac{\sin s\theta \cos\theta}{\sin\theta}\right) a + \frac{\sin s\theta}{\sin\theta}\, b$$
#
# $$= \frac{\sin((1 - s)\, \theta)}{\sin\theta}\, a + \frac{\sin(s \theta)}{\sin\theta}\, b$$
#
# The last step is the rule for the sine of a difference,
# $\sin(\theta - s\theta) = \sin\theta \cos s\theta - \cos\theta \sin s\theta$. (Part 3's `between` does this for two
# noises. They're nearly at right angles.)

# %% [markdown]
# ### 5.6 Walk on the sphere
# *Go from one vector to another without losing length* · ●●○○○ · 15 minutes · Ramesh et al., Section 3.2
#
# This is called **slerp**, spherical linear interpolation. You get two vectors of equal length, which needn't be 1, and
# the shares of the way. What if both vectors are the same? Then $\sin\theta = 0$, and there's nothing to divide by.
# Return the vector itself. (Two vectors with opposite directions have no shortest way, and won't come up.)


# %%
def slerp(start: t.Tensor, end: t.Tensor, shares: t.Tensor) -> t.Tensor:
    """Points on the arc from start to end, at these shares of the angle between them.
    start, end: (E,), of equal length   shares: (n,), 0 for start, 1 for end   returns: (n, E), of that length"""
    ### BEGIN SOLUTION
    cosine = start @ end / (start.norm() * end.norm())
    angle = t.arccos(cosine.clamp(-1, 1))  # rounding can push it beyond 1
    if angle < 1e-3:
        return start.expand(len(shares), -1)
    shares = rearrange(shares, "n -> n 1")
    return (t.sin((1 - shares) * angle) * start + t.sin(shares * angle) * end) / t.sin(angle)
    ### END SOLUTION


# %%
if MAIN:
    tests.part5.check_slerp(slerp)

# %% [markdown]
# <details>
# <summary>Hint 1: a question</summary>
#
# How do you get the angle between two vectors whose length isn't 1? Which shapes must `shares` and the vectors have, so
# that each share gives a row of its own?
#
# </details>
#
# <details>
# <summary>Hint 2: a fact</summary>
#
# The cosine of the angle is `a @ b` divided by both lengths, and `t.arccos` turns it into an angle. Rounding can make a
# cosine a little larger than 1, and `arccos` of that is nan, so `clamp` it. `rearrange(shares, "n -> n 1")` makes a
# column, and a column times a vector is a table.
#
# </details>
#
# <details>
# <summary>Hint 3: the next step</summary>
#
# Compute the angle first. If it's nearly 0, return `start` for each of the shares. Otherwise, use the formula. The
# lengths need no extra care, because both vectors have the same.
#
# </details>

# %% [markdown]
# Here are the arc and the straight line between two embeddings.


# %% tags=["folded"]
def show_path(start: t.Tensor, end: t.Tensor) -> None:
    """Length and angle along the arc and along the straight line. start, end: (E,)"""
    shares = t.linspace(0, 1, 41, device=start.device)
    paths = {"arc": slerp(start, end, shares), "straight line": start + rearrange(shares, "n -> n 1") * (end - start)}
    _, axes = plt.subplots(1, 2, figsize=(utils.WIDE, 2.9), layout="constrained")
    for (name, points), style in zip(paths.items(), ["-", "--"], strict=True):
        cosines = F.cosine_similarity(points, start[None], dim=1).clamp(-1, 1)
        axes[0].plot(shares.cpu(), (points.norm(dim=1) / start.norm()).cpu(), style, label=name)
        axes[1].plot(shares.cpu(), t.rad2deg(cosines.arccos()).cpu(), style, label=name)
    axes[0].set(title="length, as a share of the first", xlabel="share of the way", ylim=(0, 1.1))
    axes[1].set(title="degrees away from the start", xlabel="share of the way")
    axes[0].legend()
    utils.show()


# %%
if MAIN:
    images, _ = captioned(train=False)
    start, end = embed(clip_model().of_images, images[[118, 30]])
    show_path(start, end)

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![Two panels against the share of the way. The length stays at 1 on the arc, and on the straight line it sags to 0.90 halfway. The angle from the start rises evenly to 53 degrees on the arc, and nearly so on the straight line.](images/part5_arc.svg)
#
# The two embeddings are 53 degrees apart, so halfway along the straight line the length is down to cos(26°) = 0.90. For
# vectors at right angles it would be 0.71. (You could also bring the points of the straight line back to the full
# length. Then they lie on the arc, but not evenly. At 53 degrees you'd hardly see that. At 150 you would.)
#
# </details>

# %% [markdown]
# And here are pictures on the way, all from the same starting noise and with $\eta = 0$, so that nothing changes but
# the embedding.

# %%
if MAIN:
    t.manual_seed(1)
    images, _ = captioned(train=False)
    rows, shares = {}, t.linspace(0, 1, 8, device=images.device)
    noise = t.randn(1, 1, 28, 28, device=images.device).expand(8, -1, -1, -1)
    for name, ends in [("boot to bag", [118, 30]), ("T-shirt to dress", [82, 83])]:
        start, end = embed(clip_model().of_images, images[ends])
        rows[name] = part1.denormalize_img(draw_from(slerp(start, end, shares), eta=0.0, start=noise))
    utils.show_rows(rows)

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![Two rows of eight. A bright boot keeps its shape for four pictures, gets a lower shaft in the fifth, and is a round bag from the sixth on. A T-shirt becomes narrower step by step, its sleeves get shorter, and it ends as a narrow dress.](images/part5_walk.png)
#
# The T-shirt turns into a dress little by little, and every picture on the way is one that you could wear. Between a
# boot and a bag there's nothing that the training images show. There, the drawings stay boots for half of the way, and
# then jump within two pictures.
#
# </details>

# %% [markdown]
# ### Sums with meaning
#
# Pictures and captions are in one space, so you can compute with both. Take the embedding of "a dark boot" minus that
# of "a bright boot". What's left is a direction, and it says *darker*. Now turn a picture's embedding a little into
# that direction. The paper calls this a **text difference**, and walks there with slerp, too.


# %%
def text_difference(embedding: t.Tensor, more: str, less: str, shares: t.Tensor) -> t.Tensor:
    """An image's embedding, turned towards what one caption says and another doesn't (Ramesh et al., Section 3.3).
    embedding: (E,)   shares: (n,) of the angle   returns: (n, E)"""
    tokens = part4.tokens([more, less]).to(embedding.device)
    one, other = embed(clip_model().of_captions, tokens)
    return slerp(embedding, on_sphere((one - other)[None])[0], shares)


# %%
if MAIN:
    t.manual_seed(1)
    images, _ = captioned(train=False)
    rows, shares = {}, t.linspace(0, 0.5, 8, device=images.device)
    noise = t.randn(1, 1, 28, 28, device=images.device).expand(8, -1, -1, -1)
    for name, row, more, less in [
        ("+ dark - bright", 118, "a dark boot", "a bright boot"),
        ("+ heel - flat", 118, "a boot with a heel", "a flat boot"),
        ("+ long - short", 82, "a T-shirt with long sleeves", "a T-shirt with short sleeves"),
    ]:
        turned = text_difference(embed(clip_model().of_images, images[row : row + 1])[0], more, less, shares)
        rows[name] = part1.denormalize_img(draw_from(turned, eta=0.0, start=noise))
    utils.show_rows(rows)

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![Three rows of eight. A bright boot turns to a dark grey one. A flat boot grows a heel and gets slimmer, and at the end it is torn at the top. A T-shirt with short sleeves becomes wider, with long sleeves, and at the end a broad white shirt without a gap between sleeves and body.](images/part5_differences.png)
#
# Nobody has ever shown these networks the same boot with and without a heel. But the difference between two captions
# says what's different, and the rest of the picture stays much as it was. For a while, at least. The last pictures have
# gone half of the way to the new direction, and there, the boot with the heel begins to tear.
#
# </details>

# %% [markdown]
# ### Was it worth the detour?
#
# Be honest. GLIDE draws from the caption with *one* network. DALL-E 2 needs three, CLIP, the prior and the decoder, and
# each of them makes mistakes. What does the detour buy?
#
# Here are four ways from the caption of a test image to a picture. The first cheats. It knows the test image, and draws
# from its true embedding. The second is DALL-E 2. The third leaves the prior out and gives the decoder the caption's
# embedding. The fourth is Part 4's model, which takes the caption directly. Both networks that draw pictures began
# with Part 3's. To be fair, the fourth was trained for 2,500 steps only, because the decoder has had 2,000. Place your
# bets: which one gets nearest to real images, and which one obeys best?


# %% tags=["folded"]
def show_detour() -> None:
    """The measures of 1,000 samples for each way from caption to picture, and some of the pictures."""
    print(f"{'told':30} {'distance':>8} {'class':>6} {'all words':>9} {'variety':>7}")
    rows = results_of("detour.json")["rows"]
    for row in rows:
        name = row["told"] + (f", w = {row['w']:g}" if "w" in row else "")
        variety = row["variety"] / rows[0]["variety"]
        print(f"{name:30} {row['distance']:8.1f} {row['class']:6.0%} {row['all_words']:9.0%} {variety:7.2f}")
    shown = t.load(utils.ASSETS / "detour.pt", weights_only=True)
    utils.show_rows(
        {
            name.removesuffix(", w = 2").replace(", ", ",\n"): images / 255
            for name, images in shown.items()
            if "w = 1" not in name
        }
    )


# %%
if MAIN:
    show_detour()

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![Five rows of ten: test images, and what the four ways make of their captions. From the true embedding and from the prior's, as from the caption directly, come boots, trousers, shirts, a coat, a sandal and a sneaker. From the caption's embedding, all three shoes have become bags, and a dark coat is spotted.](images/part5_detour.png)
#
# These are 1,000 samples each, with w = 2. "All words" are the captions of which Part 4's rules find every word again,
# and the variety is that within a caption, as a share of the test images'.
#
# | told | distance | class | all words | variety |
# |---|---|---|---|---|
# | the images themselves | 3.3 | 95 % | 95 % | 1.00 |
# | true embedding | 13.1 | 83 % | 74 % | 1.07 |
# | prior | 16.8 | 81 % | 73 % | 1.02 |
# | caption's embedding | 104.1 | 62 % | 59 % | 1.13 |
# | caption, directly | 16.0 | 87 % | 74 % | 0.85 |
#
# The cheat is nearest to real images, and with the prior it's hardly worse. So the prior is good, and words get lost in
# the decoder. Without the prior you see why you need one. The decoder has never been given such embeddings, and all
# three shoes have become bags. And GLIDE? It's as near to real images as DALL-E 2, obeys as well, and gets the class
# right a little more often, with one network instead of three. Its pictures are more alike, though. For one caption
# they vary less than real images do, and DALL-E 2's vary as much. (After its 8,000 steps, as you know it from Part 4,
# it gets the class right far more often.)
#
# </details>

# %% [markdown]
# What did the authors of DALL-E 2 gain from the detour? They could train the prior on embeddings, which is cheap. They
# got variations, paths and text differences, which GLIDE doesn't have. And strong guidance cost them less variety. In
# GLIDE, a large $w$ makes the pictures for one caption more and more alike. With the summary fixed before, guidance of
# the decoder sharpens the picture and leaves alone what it's about (their Figure 9). Later systems have gone back to
# one model that's told the caption directly, by text encoders that are much better.

# %% [markdown]
# ## Imagen
#
# Part 3's U-Net has to get everything right at once, the cut of a coat and the grain of its cloth.
# [Imagen](https://arxiv.org/abs/2205.11487) (Saharia and others, 2022) has one network for each. The **base model**
# draws a small image, and others enlarge it, from 64 by 64 to 256 and then to 1024. In miniature, your base model draws
# 14 by 14 pixels, and one more model takes them to 28 by 28.
#
# Two more things made Imagen known. Its text encoder has never seen an image. And it found out what to do about
# guidance so strong that the colours burn out. All three are in this section.

# %% [markdown]
# ### A reader that has never seen a picture
#
# In Part 4, the encoder of captions learned together with the model that paints. It saw only captions that come with a
# picture, and there are never enough of those. Text alone is plentiful. So Imagen takes a large language model that has
# only ever read (T5, with 4.6 billion parameters), **freezes** it, and lets the painter learn from what it says about a
# caption. The paper found that a larger reader helps more than a larger painter.
#
# How do you learn from text alone? Leave a word out and guess it from the others. Below, a caption becomes the mean of
# its words' vectors, two layers mix that, and from the result a last layer guesses the word that's missing.


# %%
@cache
def caption_tokens(train: bool = True) -> t.Tensor:
    """Part 4's captions of FashionMNIST. returns: (N, L) int64, 0 where there is no word, on the device in use"""
    images = part3.clothes(train)
    return part4.tokens(part4.captions_of(images, part4.labels_of(train))).to(images.device)


# %%
class TextEncoder(nn.Module):
    """Captions to vectors. It learns from captions alone, by guessing a word that is left out."""

    def __init__(self, n_words: int, width: int = 64):
        super().__init__()
        self.left_out = n_words  # this row stands for a word that is left out
        self.words = nn.Embedding(n_words + 1, width)
        self.mix = nn.Sequential(nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width))
        self.guess = nn.Sequential(nn.SiLU(), nn.Linear(width, n_words))

    def forward(self, captions: t.Tensor) -> t.Tensor:
        """captions: (B, L) int, 0 where there is no word   returns: (B, width)"""
        there = rearrange(captions > 0, "b l -> b l 1").float()
        mean = (there * self.words(captions)).sum(dim=1) / there.sum(dim=1).clamp(min=1)
        return self.mix(mean)


def text_loss(model: TextEncoder, captions: t.Tensor) -> t.Tensor:
    """Leave out one word of each caption, and let the model guess which it was.
    captions: (B, L) int   returns: ()"""
    place = t.where(captions > 0, t.rand(captions.shape, device=captions.device), -1).argmax(dim=1, keepdim=True)
    word = captions.gather(1, place)
    return F.cross_entropy(model.guess(model(captions.scatter(1, place, model.left_out))).float(), word.squeeze(1))


def make_text_encoder() -> TextEncoder:
    """An untrained text encoder for Part 4's words."""
    return TextEncoder(len(part4.WORDS)).to(utils.get_device())


# %%
def train_reader(n_steps: int = 3000) -> TextEncoder:
    """Train a text encoder on all captions."""
    return train_by(text_loss, make_text_encoder(), short_config(n_steps), caption_tokens())


def show_neighbours(reader: TextEncoder) -> None:
    """Print the three words that the reader would guess in the most similar places, for each word."""
    rows = F.normalize(reader.guess[-1].weight[1:], dim=1)  # without padding
    near = (rows @ rows.T).fill_diagonal_(-1).topk(3).indices
    for word, others in zip(part4.WORDS[1:], near.tolist(), strict=True):
        print(f"{word:10}", ", ".join(part4.WORDS[1 + other] for other in others))


# %%
if MAIN:
    t.manual_seed(0)
    show_neighbours(train_reader())

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# Words are neighbours here if the reader would guess them in the same places. *Dark* and *bright* are, *narrow* and
# *wide*, *short* and *long*, *plain* and *patterned*. So are *T-shirt* and *shirt*, and *boot* and *heel*. Read the
# first four again. From text alone, opposites look alike, because you can put one wherever you can put the other. What
# *dark* looks like, only the painter can find out.
#
# </details>

# %% [markdown]
# ### The base model
#
# It's Part 4's `Listener` on images of half the size, with two changes. Its `encode` is the frozen reader, followed by
# one layer that may learn. And it guesses the velocity, so that you can see further below what happens without a clip.


# %%
def halved(images: t.Tensor) -> t.Tensor:
    """Images at half their size, each pixel the mean of four. images: (B, C, H, W)   returns: (B, C, H/2, W/2)"""
    return F.avg_pool2d(images, 2)


class Painter(part4.Listener):
    """A Listener whose network guesses v (Part 3). To find the guessed image, nothing is divided by a number near 0."""

    def velocity(self, images: t.Tensor, num_steps: t.Tensor, wanted: t.Tensor) -> t.Tensor:
        return self.network(images, num_steps, self.encode(wanted))

    def forward(self, images: t.Tensor, num_steps: t.Tensor, wanted: t.Tensor | None = None) -> t.Tensor:
        """Guess the noise.
        images: (B, C, H, W), noised   num_steps: (B,) int   wanted: (B, ...), or None: nothing is wanted"""
        wanted = self.null.expand(len(images), *self.null.shape) if wanted is None else wanted
        alpha_bar = rearrange(self.noise_schedule.alpha_bar(num_steps), "b -> b 1 1 1")
        v = self.velocity(images, num_steps, wanted)
        return (1 - alpha_bar).sqrt() * images + alpha_bar.sqrt() * v


def painter_loss(model: Painter, x0: t.Tensor, wanted: t.Tensor) -> t.Tensor:
    """The squared error of v; one in ten images comes without what is wanted."""
    num_steps, noise, noised = part1.noise_img(x0, model.noise_schedule)
    alpha_bar = rearrange(model.noise_schedule.alpha_bar(num_steps), "b -> b 1 1 1")
    v = alpha_bar.sqrt() * noise - (1 - alpha_bar).sqrt() * x0
    heard = part4.drop_labels(wanted, 0.1, model.null)
    return F.mse_loss(model.velocity(noised, num_steps, heard).float(), v)


def make_base(text: TextEncoder, config: dict[str, Any]) -> Painter:
    """An untrained U-Net for images of 14 by 14 that hears captions, through a text encoder which doesn't learn any
    more and a layer which does."""
    settings = part2.UNetConfig((1, 14, 14), channels=16, dim_mults=(2, 2), groups=8, max_steps=config["max_steps"])
    encode = nn.Sequential(text.requires_grad_(False), nn.Linear(64, 64))
    null = t.zeros_like(caption_tokens()[0])
    return Painter(part2.UNet(settings), make_schedule(config), encode, null).to(config["device"])


# %%
@cache
def load_base() -> Painter:
    """The base model that comes with the course; python -m tools.make_assets imagen_base makes it."""
    import solutions.part5_systems as course

    model = course.make_base(course.make_text_encoder(), course.short_config(0))
    load("imagen_base.pt", model.network, model.encode)
    return model


@cache
def base_model() -> Painter:
    """The base model that all that follows uses, trained here if part3.trains_here(), else shipped."""
    if not part3.trains_here():
        return load_base()
    t.manual_seed(0)
    config, captions = short_config(4000, lr=0.005), caption_tokens()
    model = make_base(train_reader(), config)
    return train_by(painter_loss, model, config, halved(part3.clothes()), captions)


def draw_small(
    model: Painter, captions: t.Tensor, w: float, keep: Callable = clipped, n_steps: int = part4.STEPS
) -> t.Tensor:
    """Draw a small image for each caption. captions: (B, L) int   w: how much to insist   returns: (B, 1, 14, 14)"""
    return draw(part4.Guided(model, captions, model.null, w), len(captions), keep, n_steps)


# %%
if MAIN:
    told = ["a dark plain T-shirt", "a dark wide dress", "a bright T-shirt with short sleeves", "a bright flat boot"]
    told = [caption for caption in told for _ in range(3)]
    t.manual_seed(0)
    drawn = draw_small(base_model(), part4.tokens(told).to(device), w=2)
    utils.show_images([part1.denormalize_img(image).cpu() for image in drawn], columns=12)

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![Twelve small images in four groups of three: dark T-shirts; long dark things with sleeves, which could be dresses or shirts; bright T-shirts with short sleeves, two with a print; bright flat boots.](images/part5_small.png)
#
# Three each were asked for: dark plain T-shirts, dark wide dresses, bright T-shirts with short sleeves, and bright flat
# boots. The shades are right every time, and so are most kinds, though the dresses could be long shirts. At this size,
# that's all there is to see. Details are the next model's task.
#
# </details>

# %% [markdown]
# ### 5.7 Don't trust the small image
# *Noise small images to a level, and say to which* · ●●●○○ · 20 minutes · Saharia et al., Section 2.4
#
# The second model learns to enlarge real images that were made small. But in use it gets what the base model has
# *drawn*, with mistakes that no real image has. It has learned to believe every pixel, so it enlarges the mistakes.
#
# Ho and others ([Cascaded Diffusion](https://arxiv.org/abs/2106.15282)) noise the small images in training. Noise hides
# mistakes and details alike, and the model learns to make up details of its own. And tell the model *how much* noise
# there is. Then it learns when to believe what it sees, and when you draw, you can choose.
#
# `level` counts steps of noise, like `num_steps`, but 0 is allowed and leaves the image as it is. The noise is Equation
# 4's. For `level=None` draw a level for each image, a whole number from 0 up to and including $T / 2$ (rounded down),
# all equally likely. Return the levels as well, because what the model is told must be what was done.


# %%
def noise_augment(
    small: t.Tensor, noise_schedule: part1.NoiseSchedule, level: int | None = None
) -> tuple[t.Tensor, t.Tensor]:
    """Noise small images for so many steps (Equation 4).
    small: (B, C, H, W)   level: 0 (not at all) to T, the same for all; None: for each image one drawn from 0 to T / 2
    returns: the levels (B,) int, and the noised images (B, C, H, W)"""
    B, T = len(small), len(noise_schedule)
    ### BEGIN SOLUTION
    if level is None:
        levels = t.randint(0, T // 2 + 1, (B,), device=small.device)
    else:
        levels = t.full((B,), level, device=small.device)
    alpha_bar = t.where(levels > 0, noise_schedule.alpha_bar(levels.clamp(min=1)), 1)
    alpha_bar = rearrange(alpha_bar, "b -> b 1 1 1")
    return levels, alpha_bar.sqrt() * small + (1 - alpha_bar).sqrt() * t.randn_like(small)
    ### END SOLUTION


# %%
if MAIN:
    tests.part5.check_noise_augment(noise_augment)

# %% [markdown]
# <details>
# <summary>Hint 1: a question</summary>
#
# How is this different from `noise_img`? What's ᾱ after no steps at all, and does `alpha_bar` take a 0?
#
# </details>
#
# <details>
# <summary>Hint 2: a fact</summary>
#
# `t.full((B,), level, device=…)` makes one level for all. `t.randint(0, n, (B,), device=…)` never draws n.
# `alpha_bar` rejects 0, so give it `levels.clamp(min=1)`, and put a 1 where the level is 0, with
# `t.where(levels > 0, …, 1)`.
#
# </details>
#
# <details>
# <summary>Hint 3: the next step</summary>
#
# First get the levels, in one of two ways. Then find an ᾱ for each of them, bring that to the shape
# (B, 1, 1, 1), and mix small images and noise as in Equation 4.
#
# </details>

# %%
if MAIN:
    t.manual_seed(0)
    tiny, levels = halved(part3.clothes(train=False)[:1]), [0, 50, 100, 200, 300, 500]
    noised = [noise_augment(tiny, part1.NoiseSchedule(1000, device, part3.cosine_schedule(1000)), n)[1] for n in levels]
    utils.show_images([part1.denormalize_img(image[0]).cpu() for image in noised], [f"level {n}" for n in levels])

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![A boot of fourteen by fourteen pixels six times. At level 0 it is clean, at 50 and 100 it has some grain, at 200 and 300 single pixels are wrong and the outline is still there, and at 500 hardly anything of it can be made out.](images/part5_levels.png)
#
# At level 100 the details have gone and the boot is still a boot. At 500, where half of the variance is noise, the
# model that enlarges would have to invent nearly everything.
#
# </details>

# %% [markdown]
# ### The model that enlarges
#
# How does a U-Net look at a second image? As another channel. The small image, blown up to 28 by 28, lies beside the
# noised one, and the first convolution sees both. (So the network also answers with two channels, and the second one
# isn't used.) The level comes in like a timestep, as sines and cosines, by way of the condition.


# %%
class Enlarger(nn.Module):
    """A U-Net that sees two channels, the noised image and the small one, and is told how noised the small one is."""

    def __init__(self, network: part2.UNet, noise_schedule: part1.NoiseSchedule):
        super().__init__()
        self.network, self.noise_schedule = network, noise_schedule
        width = 4 * network.config.channels
        self.told = nn.Sequential(part2.SinusoidalPositionEmbeddings(width), nn.Linear(width, width))

    def forward(self, images: t.Tensor, num_steps: t.Tensor, small: t.Tensor, levels: t.Tensor) -> t.Tensor:
        """Guess the noise in images.
        images: (B, 1, 28, 28), noised   num_steps: (B,) int   small: (B, 1, 14, 14), noised for levels (B,) int"""
        both = t.cat([images, F.interpolate(small, scale_factor=2)], dim=1)
        return self.network(both, num_steps, self.told(levels))[:, :1]  # its second channel is not used


def enlarger_loss(model: Enlarger, x0: t.Tensor) -> t.Tensor:
    """The squared error of the noise, with the small image noised to a random level."""
    levels, noised_small = noise_augment(halved(x0), model.noise_schedule)
    num_steps, noise, noised = part1.noise_img(x0, model.noise_schedule)
    return F.mse_loss(model(noised, num_steps, noised_small, levels).float(), noise)


class Enlarging(part1.DiffusionModel):
    """An Enlarger with its small images: one of Part 1's models, which draws large ones.
    small: (B, 1, 14, 14), noised for levels (B,) int"""

    def __init__(self, model: Enlarger, small: t.Tensor, levels: t.Tensor):
        super().__init__()
        self.model, self.small, self.levels = model, small, levels
        self.img_shape, self.noise_schedule = (1, 28, 28), model.noise_schedule

    def forward(self, images: t.Tensor, num_steps: t.Tensor) -> t.Tensor:
        """Guess the noise. images: (B, 1, 28, 28), noised   num_steps: (B,) int"""
        return self.model(images, num_steps, self.small, self.levels)


def enlarge(model: Enlarger, small: t.Tensor, level: int = 0, n_steps: int = part4.STEPS) -> t.Tensor:
    """Draw a large image for each small one, which is noised to this level first.
    small: (B, 1, 14, 14)   returns: (B, 1, 28, 28) in [-1, 1]"""
    levels, noised = noise_augment(small, model.noise_schedule, level)
    n_steps = min(n_steps, len(model.noise_schedule))
    return part3.ddim_sample(Enlarging(model, noised, levels), len(small), n_steps)


# %%
def make_enlarger(config: dict[str, Any]) -> Enlarger:
    """An untrained Enlarger, whose U-Net has one channel more than Part 3's."""
    settings = part2.UNetConfig((2, 28, 28), channels=16, dim_mults=(1, 2, 2), groups=8, max_steps=config["max_steps"])
    return Enlarger(part2.UNet(settings), make_schedule(config)).to(config["device"])


@cache
def load_enlarger() -> Enlarger:
    """The enlarger that comes with the course; python -m tools.make_assets imagen_larger makes it."""
    import solutions.part5_systems as course

    model = course.make_enlarger(course.short_config(0))
    load("imagen_larger.pt", model.network, model.told)
    return model


@cache
def enlarger_model() -> Enlarger:
    """The enlarger that all that follows uses, trained here if part3.trains_here(), else shipped."""
    if not part3.trains_here():
        return load_enlarger()
    t.manual_seed(0)
    config = short_config(4000)
    return train_by(enlarger_loss, make_enlarger(config), config, part3.clothes())


# %%
if MAIN:
    t.manual_seed(0)
    real, told = part3.clothes(train=False)[:5], caption_tokens(train=False)[:5]
    tiny = t.cat([halved(real), draw_small(base_model(), told, w=2)])
    rows = {
        "small": F.interpolate(tiny, scale_factor=2),
        "bilinear": F.interpolate(tiny, scale_factor=2, mode="bilinear"),
        "enlarged": enlarge(enlarger_model(), tiny, level=0 if IS_CI else 100),
        "the real one": t.cat([real, t.ones_like(real)]),
    }
    utils.show_rows({name: part1.denormalize_img(images).cpu() for name, images in rows.items()})

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![Four rows. The first five columns are test images, a boot, a pullover with a word on it, two pairs of trousers and a shirt, and the next five are drawn small for the same captions. Small: coarse squares. Bilinear: blurred. Enlarged: crisp, with seams and soles, and the word on the pullover as a dark scribble. The last row shows the real test images.](images/part5_enlarged.png)
#
# The enlarged images are as crisp as the real ones, and most of their details are made up. From the word on the
# pullover, nothing but a dark patch was left in the small image. The model knows that such patches are often words, so
# it has written one, in no alphabet.
#
# </details>

# %% [markdown]
# Which level is best? A thousand test images were made small and enlarged again, and a thousand images of the base
# model with the same captions, at several levels.


# %%
def show_levels() -> None:
    """Draw the distance of enlarged images against the level, as it was measured for the course."""
    results = results_of("imagen.json")
    for kind, name, style in [("base", "drawn by the base model", "o-"), ("real", "real ones", "s--")]:
        levels = [int(level) for level in results["enlarged"][kind]]
        plt.plot(levels, results["enlarged"][kind].values(), style, label=name)
        print(f"small images {name}: bilinear {results['bilinear'][kind]:.0f}, by level {results['enlarged'][kind]}")
    plt.xlabel("level of noise on the small image")
    plt.ylabel("distance of enlarged images")
    plt.ylim(0, None)
    utils.label_lines()
    utils.show()


# %%
if MAIN:
    show_levels()

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![Distance against the level, two curves of four points. For real small images, dashed, it rises from 15 at level 0 to 31 at level 300. For those of the base model it falls from 22 to 20 at level 100, stays there at 200, and rises to 25 at 300.](images/part5_level_curves.svg)
#
# For real small images, no noise is best, 15 against 31 at level 300. For those that the base model has drawn, some
# noise is better than none, 20 at level 100 against 22 at level 0, and too much hides the picture. Blown up by
# `bilinear` instead, small images come to more than 220, the real ones just like the drawn ones, because the judge
# misses all that's sharp. (These are 1,000 images in 25 steps.)
#
# </details>

# %% [markdown]
# ### 5.8 When guidance burns out
# *Keep each guessed image in range by its own measure* · ●●●○○ · 20 minutes · Saharia et al., Section 2.3
#
# Strong guidance pushes the guess far along a direction, and with it the guessed image out of [-1, 1]. Part 3's answer
# is the **static** clip, which cuts off what's outside. But if half of the pixels are outside, half of the picture
# becomes pure black and white. Imagen's answer is **dynamic thresholding**. Take the sizes $|x|$ of all numbers of the
# guessed image, and find $s$ such that a share of 0.995 of them are at most $s$, which is called a **quantile**. Then
# clip the image to $[-s, s]$ and divide it by $s$. Everything comes back into range, and differences survive that the
# static clip would have cut off. If $s$ is below 1, the image isn't out of range, so use 1 instead. Each image has its
# own $s$.


# %%
def dynamic_threshold(x0: t.Tensor, share: float = 0.995) -> t.Tensor:
    """Clip each image to [-s, s] and divide it by s. This share of its numbers is at most s in size; s is at least 1.
    x0: (B, C, H, W)   returns: (B, C, H, W) in [-1, 1]"""
    ### BEGIN SOLUTION
    s = x0.abs().flatten(1).quantile(share, dim=1).clamp(min=1)
    s = rearrange(s, "b -> b 1 1 1")
    return x0.clamp(-s, s) / s
    ### END SOLUTION


# %%
if MAIN:
    tests.part5.check_dynamic_threshold(dynamic_threshold)

# %% [markdown]
# <details>
# <summary>Hint 1: a question</summary>
#
# Of which numbers is the quantile taken, and over which axes? What shape must s have to divide images?
#
# </details>
#
# <details>
# <summary>Hint 2: a fact</summary>
#
# `x.quantile(share, dim=1)` works along one dimension, and `x.flatten(1)` makes one of three. `x.clamp(low, high)`
# takes tensors that broadcast. `.clamp(min=1)` lifts what's below 1.
#
# </details>
#
# <details>
# <summary>Hint 3: the next step</summary>
#
# First compute one s for each image, of shape (B,), and lift it. Then bring it to (B, 1, 1, 1). The last line clips
# and divides.
#
# </details>

# %% [markdown]
# It works on the guess at every step, so put it in the place of `keep`. The captions below are drawn with $w = 8$, far
# too strong, in all three ways and from the same noise.

# %%
if MAIN:
    rows, told = {}, caption_tokens(train=False)[:10]
    for name, keep in {"not clipped": as_guessed, "static": clipped, "dynamic": dynamic_threshold}.items():
        t.manual_seed(0)
        drawn = draw_small(base_model(), told, w=8, keep=keep)
        print(f"{name:12} outside [-1, 1] {(drawn.abs() > 1).float().mean():6.1%}   mean {drawn.mean():5.2f}")
        rows[name] = part1.denormalize_img(drawn).cpu()
    utils.show_rows(rows)

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![Three rows of ten small images for the same captions: a boot, pullovers, trousers, shirts, a sandal and a sneaker. Not clipped and static look nearly alike, with hard contrasts, and a pullover and two pairs of trousers burnt out to white. Dynamic: the same clothes in dull greys, on backgrounds that are grey and stained and no longer black.](images/part5_thresholds.png)
#
# The first two rows look nearly alike, because a screen clips, too. But without a clip, more than a third of the
# numbers end outside of [-1, 1]. In both rows, a pullover and two pairs of trousers have burnt out. Dynamic
# thresholding brings back their shades, and it spoils everything else. Nearly half of our pixels are pure black, which
# is -1. Divided by s, they become grey, at every step anew, until the background is stained. So on these images, the
# static clip is the better one. Imagen's are photographs, with little pure black in them.
#
# </details>


# %%
def show_guided() -> None:
    """Print what guidance does to the cascade, as it was measured for the course."""
    results = results_of("imagen.json")
    print(f"small test images          white {results['data']['white']:5.1%}   black {results['data']['black']:5.1%}")
    for row in results["guided"]:
        shares = f"white {row['white']:5.1%}   black {row['black']:5.1%}"
        measured = f"distance {row['distance']:4.0f}   right class {row['class']:.0%}"
        print(f"w = {row['w']}, {row['threshold']:8} {shares:>30}   {measured}")


# %%
if MAIN:
    show_guided()

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# More guidance lets the classifier of Part 3 find the wanted class more often, 80 % of the time at w = 1, 90 % at 2 and
# 95 % at 8. The distance is best at w = 2. With w = 8 and a static clip, 3 % of the numbers are as good as white, where
# real images have next to none, and without a clip it's 9 %. Dynamic thresholding gets rid of the white, as it should.
# But it takes nearly all of the black with it, and the distance goes up to 286. (These are 1,000 captions of test
# images, in 25 steps, enlarged at level 100.)
#
# </details>

# %% [markdown]
# What does it buy? In 50 steps each, the two models come to 15 (2,000 captions, w = 2), and Part 3's model to 34. But
# don't read too much into that, because this cascade is told what to draw, and guided. GLIDE, which is told captions as
# well, needs a single network and came to 16 above. So at our size, there's no gain to be seen. At 1024 by 1024 pixels
# there is, because a single network for such images would cost too much to train.

# %% [markdown]
# ## Flow matching
#
# Most systems that came after these four are trained in a way that looks simpler than all you've done. Draw an image
# $x_0$ and noise $\epsilon$. Walk from one to the other on a straight line, and at a random place on the way, ask the
# network in which direction it goes:
#
# $$x_s = (1 - s)\, x_0 + s\, \epsilon \qquad \frac{dx_s}{ds} = \epsilon - x_0$$
#
# Here $s$ is the share of the way, 0 at the image and 1 at the noise. There's no schedule, no $\bar\alpha$ and no
# square root. The right-hand side is the **velocity** of the walk. It's the same all the way, because the line is
# straight and the speed is even. (Part 3's $v$ has the same name and isn't the same thing. It's the velocity of a walk
# along a quarter of a circle.) This is **flow matching** ([Lipman and others](https://arxiv.org/abs/2210.02747), 2022)
# or **rectified flow** ([Liu and others](https://arxiv.org/abs/2209.03003), 2022).
#
# But wait. Where two of these lines cross, one and the same $x_s$ has two velocities, and the network can give only one
# answer. You know which one squared error makes it give: the *average* velocity of all lines that pass there. To draw,
# you start at noise and follow the averages. Do they lead to the data? They do, for the same reason that traffic can be
# counted without knowing where each car goes. If at every place and moment the average velocity is right, just as much
# flows in and out as with the straight lines, so the crowd of all points is spread in the same way at each $s$, and at
# $s = 0$ it's the data. Only who arrives where has changed. (Lipman and others prove it, in their Theorem 1.)

# %% [markdown]
# ### 5.9 The straight path
# *Find a place on the way, and the velocity there* · ●●○○○ · 10 minutes · Lipman et al., Section 4.1
#
# Your networks count time in steps, so here $s$ is `num_steps / max_steps`, one for each image.


# %%
def straight_path(
    x0: t.Tensor, noise: t.Tensor, num_steps: t.Tensor, max_steps: int = 1000
) -> tuple[t.Tensor, t.Tensor]:
    """Go from each image towards its noise on a straight line, at an even speed that arrives after max_steps steps.
    x0, noise: (B, C, H, W)   num_steps: (B,) int, 0 (at the image) to max_steps (at the noise)
    returns: where that is (B, C, H, W), and the velocity (B, C, H, W), the way gone in all max_steps together"""
    ### BEGIN SOLUTION
    share = rearrange(num_steps / max_steps, "b -> b 1 1 1")
    return (1 - share) * x0 + share * noise, noise - x0
    ### END SOLUTION


# %%
if MAIN:
    tests.part5.check_straight_path(straight_path)

# %% [markdown]
# <details>
# <summary>Hint 1: a question</summary>
#
# Where is the walk after 0 steps, and where after `max_steps`? Does your line of code say so?
#
# </details>
#
# <details>
# <summary>Hint 2: a fact</summary>
#
# `rearrange(…, "b -> b 1 1 1")` makes one number for each image fit images. A velocity is the derivative of the place
# by s, and s runs from 0 to 1.
#
# </details>
#
# <details>
# <summary>Hint 3: the next step</summary>
#
# Compute the share first, in the shape (B, 1, 1, 1). Mix the two ends with it. The velocity needs no share at all.
#
# </details>

# %% [markdown]
# ### 5.10 Follow the arrows
# *Draw with Euler's steps* · ●●●○○ · 15 minutes · Liu et al., Algorithm 1
#
# To draw, begin at noise and go back. For a short way from step $n$ to step $m$, pretend that the velocity stays what
# it is at $n$. Then the way is velocity times time, and that's **Euler's method**. Time is counted in shares of the
# whole way, and you walk *backwards*. There's no fresh noise, so each start leads to one image.


# %%
@t.no_grad()
def euler_sample(
    model: nn.Module, start: t.Tensor, n_steps: int = part4.STEPS, max_steps: int = 1000, return_all_steps: bool = False
) -> t.Tensor | list[t.Tensor]:
    """Go back from noise to images, along the velocities that a model guesses, in Euler's steps.
    model: takes images (B, C, H, W) and num_steps (B,) int, gives velocities   start: (B, C, H, W), noise
    returns: (B, C, H, W); with return_all_steps the list of n_steps + 1 such images, noise first"""
    counts = t.linspace(max_steps, 0, n_steps + 1).round().int().tolist()  # T, ..., 0
    ### BEGIN SOLUTION
    x = start
    steps = [x]
    for n, m in pairwise(counts):
        velocity = model(x, t.full((len(x),), n, device=x.device))
        x = x - (n - m) / max_steps * velocity
        steps.append(x)
    return steps if return_all_steps else x
    ### END SOLUTION


# %%
if MAIN:
    tests.part5.check_euler_sample(euler_sample)

# %% [markdown]
# <details>
# <summary>Hint 1: a question</summary>
#
# Which step is the model told, the one where you are, or the one where you go? From n = 1000 to m = 900, which
# share of the whole way do you walk?
#
# </details>
#
# <details>
# <summary>Hint 2: a fact</summary>
#
# `pairwise(counts)` gives you (n, m) for each stretch. The velocity points from image to noise. The model wants
# `num_steps` as a tensor with one timestep for each image.
#
# </details>
#
# <details>
# <summary>Hint 3: the next step</summary>
#
# In the loop, ask for the velocity at n, and subtract the share of the way times the velocity from x. Keep all steps
# in a list if they're asked for, the start first.
#
# </details>

# %% [markdown]
# Try it on Part 1's images of two pixels, where you can see the paths. Your `TinyDiffuser` guesses velocities now.


# %%
def flow_loss(model: nn.Module, x0: t.Tensor, max_steps: int = 1000) -> t.Tensor:
    """The squared error of the velocity. x0: (B, C, H, W)   returns: ()"""
    num_steps = t.randint(1, max_steps + 1, (len(x0),), device=x0.device)
    x, velocity = straight_path(x0, t.randn_like(x0), num_steps, max_steps)
    return F.mse_loss(model(x, num_steps).float(), velocity)


def train_pairs(seconds: float) -> part1.DiffusionModel:
    """Train a TinyDiffuser on velocities between images of two pixels and noise, for so many processor seconds."""
    model = part1.TinyDiffuser(part1.TinyDiffuserConfig((1, 1, 2), hidden_size=256, max_steps=1000))
    device = utils.get_device()
    data = part1.normalize_img(part1.gradient_images(400 if IS_CI else 50_000, (1, 1, 2))).to(device)
    config = short_config(0) | dict(lr=0.003, batch_size=8 if IS_CI else 500, bf16=False)
    x0 = data[: config["batch_size"]]
    n_steps = part3.steps_within(seconds / 3, lambda: flow_loss(model.to(device), x0).backward())
    return train_by(flow_loss, model, config | dict(n_steps=n_steps, warmup=min(100, n_steps // 2)), data)


def show_paths(model: part1.DiffusionModel) -> None:
    """Draw where points go in 100 Euler steps, and where 2,000 of them end after a few."""
    starts, few = t.randn(2000, 1, 1, 2, device=utils.get_device()), [1, 2, 5, 20]
    _, axes = plt.subplots(1, 5, figsize=(utils.WIDE, 2.3), layout="constrained")
    ways = t.stack(euler_sample(model, starts[:30], 100, return_all_steps=True)).flatten(2).cpu()
    axes[0].plot(ways[:, :, 0], ways[:, :, 1], color="C0", lw=0.8)
    axes[0].plot(*ways[-1].T, "k.", ms=4)
    axes[0].set_title("paths of 30 points")
    for axis, n in zip(axes[1:], few, strict=True):
        axis.plot(*euler_sample(model, starts, n).flatten(1).T.cpu(), ".", ms=1)
        axis.set_title(f"{n} step{'s'[: n > 1]}")
    for axis in axes:
        axis.add_patch(plt.Rectangle((-1, -1), 2, 2, fill=False, ls="--"))
        axis.set(xlim=(-2.2, 2.2), ylim=(-2.2, 2.2), aspect="equal", xticks=[], yticks=[], frame_on=False)
    utils.show()


# %%
if MAIN:
    t.manual_seed(0)
    show_paths(train_pairs(0.2 if IS_CI else 6))

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![Five panels, each with the square of the data dashed. Left, the paths of thirty points: they come in from all sides on nearly straight lines and end in the square. Then where 2,000 points end: after one step in a small blob in the middle, after two in a smaller square with round corners, after five and after twenty spread over nearly the whole square.](images/part5_paths.png)
#
# One Euler step is one jump, and it lands where the jumps of Part 1 land, at the average. Two steps already make
# something of it, and five come close to what twenty do. The paths are nearly straight, but only nearly. They're
# averages of straight lines, and where many lines cross, an average bends.
#
# </details>

# %% [markdown]
# Is this something new? Compare it with what you have. Divide $x_s$ by $c = \sqrt{(1 - s)^2 + s^2}$, and it's Equation
# 4 with $\sqrt{\bar\alpha} = (1 - s) / c$ and $\sqrt{1 - \bar\alpha} = s / c$. So a straight path is a diffusion with
# one more schedule, seen through a zoom lens. Its velocity is one more mixture of noise and image, after $\epsilon$,
# $x_0$ and $v$. And what does an Euler step from share $s$ to share $r$ do? It subtracts $(s - r)(\epsilon - x_0)$ from
# $(1 - s)\, x_0 + s\, \epsilon$, and that leaves $(1 - r)\, x_0 + r\, \epsilon$. The guessed image and the guessed
# noise stay, and they're mixed anew. That's what DDIM does at $\eta = 0$. **You wrote flow matching's sampler in Part
# 3.** What's new is the schedule, what the network guesses, and how simple it is to write down.

# %% [markdown]
# Does it need fewer steps? That's what many say about it, and they have a reason. An Euler step pretends that the
# velocity doesn't change. On a path that's straight and walked at an even speed, that's true, and a single step gets to
# the end. Your paths bend a little, so they need a few more. (Liu and others straighten them in a second training, on
# pairs of a noise and the image that it led to.) For a fair answer, take the *same* network, the same codes, equally
# many steps of training, and the same number of calls when you draw. Stable Diffusion 3 and FLUX put the two ideas
# together in this way, straight paths on codes. So the course has trained your model of codes once more, on velocities
# of straight paths.


# %%
@cache
def load_flow() -> part1.DiffusionModel:
    """The network of velocities that comes with the course; python -m tools.make_assets flow makes it."""
    import solutions.part5_systems as course

    network = course.make_latent_model(course.short_config(0)).network
    load("flow.pt", network)
    return network


@cache
def flow_model() -> part1.DiffusionModel:
    """The network of velocities on codes whose results follow, trained here if part3.trains_here(), else shipped."""
    if not part3.trains_here():
        return load_flow()
    t.manual_seed(0)
    codes, _ = scale_codes(codes_of(autoencoder_model(), part3.clothes()))
    config = short_config(8000)
    return train_by(flow_loss, make_latent_model(config).network, config, codes)


# %%
if MAIN:
    t.manual_seed(0)
    (latent, scale), start, rows = latent_model(), t.randn(10, 4, 7, 7, device=device), {}
    for n in (3, 10, 50):
        rows[f"{n} calls, diffusion"] = draw(latent, 10, n_steps=n, eta=0.0, start=start)
        rows[f"{n} calls, flow"] = euler_sample(flow_model(), start, n)
    rows = {name: decoded(autoencoder_model(), codes / scale) for name, codes in rows.items()}
    utils.show_rows({name: part1.denormalize_img(images).cpu() for name, images in rows.items()})

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![Six rows of ten samples, diffusion and flow in turn with 3, 10 and 50 calls. Each column begins with the same noise, and shows nearly the same thing in all six rows: a dress, a bag, shirts and pullovers, trousers and a shoe. With 3 calls they are blurred, and the legs of the trousers are not yet apart. With 10 and with 50 they are clearer.](images/part5_flow.png)
#
# Look down any column. All six pictures begin with the same noise, and all show nearly the same thing, though the two
# networks were trained apart, on different questions. That's what you've just read. Both follow the same averages, one
# of them through a zoom lens, so the same noise leads to the same place. With three calls, both are blurred.
# With ten, both are nearly done.
#
# </details>


# %%
def show_flow() -> None:
    """Print the distances of flow matching and diffusion by calls of the network, as they were measured."""
    for n, row in results_of("flow.json").items():
        print(f"{n:>3} calls   " + "   ".join(f"{name} {far:4.0f}" for name, far in row.items()))


# %%
if MAIN:
    show_flow()

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# Follow the columns down. Without fresh noise, flow is ahead of diffusion every time, but only by a few per cent, 196
# against 200 with three calls and 72 against 75 with 50. With fresh noise, diffusion is behind at first. From ten calls
# on it's ahead of both, 76 against 83, and with 50 calls 57 against 72. (These were drawn on a CPU. That's why the 57
# isn't the 61 that you saw above for the same model in 50 steps.)
#
# </details>

# %% [markdown]
# So what does it buy? Here, a simpler loss and a simpler sampler, and samples that are about as good. It doesn't buy
# fewer steps. With three calls both are poor. A lead of a few per cent is no more than two trainings of one recipe
# differ by (Part 3). And the best result is diffusion's, because fresh noise corrects earlier mistakes, and
# `euler_sample` has none. The authors of Stable Diffusion 3 compared many ways to train large models. Straight paths
# came first there, but only when the timesteps in the middle were drawn more often than the others.

# %% [markdown]
# ## What came after
#
# The four systems are from 2021 and 2022. Nearly everything since then is put together from ideas that you've met. Here
# is what has been added, in words.
#
# **Transformers instead of U-Nets.** [Peebles and Xie](https://arxiv.org/abs/2212.09748) (2022) cut the codes of an
# autoencoder into small squares, turn each into a vector, and let nothing but attention and small MLPs work on them.
# Their *diffusion transformer* (DiT) has no halving, no doubling and no skips. It gets better with every doubling of
# its size, and it can be trained with the same software as language models. Timestep and label enter as your `step_emb`
# does. From them, a layer computes the scale and shift of each norm.
#
# **Larger, and better read.** [Stable Diffusion XL](https://arxiv.org/abs/2307.01952) (2023) is Latent Diffusion with a
# U-Net of 2.6 billion parameters and two text encoders. It's also told the size of each training image and how it was
# cropped, so that it can be asked for pictures that aren't cropped. [Stable Diffusion
# 3](https://arxiv.org/abs/2403.03206) (2024) is a transformer trained with flow matching. The words of the caption and
# the squares of the picture attend to each other in the same layers, and three text encoders read the caption, two of
# CLIP's kind and Imagen's T5. [FLUX](https://github.com/black-forest-labs/flux) (2024) is a larger relative of it, with
# 12 billion parameters.
#
# **Fewer steps by distillation.** A trained model becomes the teacher of a faster one. In [progressive
# distillation](https://arxiv.org/abs/2202.00512) the student learns to do in one step what its teacher does in two,
# then becomes the teacher itself, and so on. It's the paper that $v$ is from, because a student with very few steps
# can't afford to guess noise. [Consistency models](https://arxiv.org/abs/2303.01469) learn to jump to the end of the
# path from any point on it. And guidance can be distilled, too. The network is told $w$ and answers with the guided
# guess, so one call does the work of two.
#
# **Video.** A film is a picture with one more axis. [Video diffusion models](https://arxiv.org/abs/2204.03458) (2022)
# added attention from each frame to the others and left the rest as it was. Today's models squeeze films into codes
# that are shorter in time, too, and cut them into little boxes of space and time for a transformer.

# %% [markdown]
# ### 5.11 Read a model card
# *Say what every word means, and where you've written it* · ●●○○○ · 20 minutes · Esser et al., Sections 2 and 5
#
# New models come with a **model card**. This one is made up, after those of the Stable Diffusion 3 family.
#
# > Text-to-image **MMDiT**, 2B parameters, trained with a **rectified-flow** objective and logit-normal timestep
# > sampling. Works in the **latent space** of a **16-channel VAE** (8× downsampling, **scaling factor** 1.53). **Text
# > encoders**, frozen: CLIP-L, OpenCLIP-bigG, T5-XXL; 10 % of captions **dropped**. Weights: **EMA**, **bf16**.
# > Recommended: **Euler** sampler, **28 steps**, **CFG scale** 7.0, optional **negative prompt**. A 4-step
# > **distilled** version is available.
#
# Go through the words in bold. What does each mean, and in which part or section have you met it? Then answer two
# questions. How many times is the network asked for one picture? And what would you change first if the pictures all
# looked alike, or too gaudy?

# %% [markdown]
# ### BEGIN SOLUTION
# - **MMDiT**: a diffusion transformer in which words and picture attend to each other. New here; its attention is Part
#   2's.
# - **Rectified flow**: the straight path between data and noise, and its velocity as the target. Exercise 5.9.
#   "Logit-normal" means that timesteps in the middle are drawn more often than those at the ends. Your `noise_img`
#   draws all equally often.
# - **Latent space, VAE**: what's noised are an autoencoder's codes. Exercise 5.1 and Exercise 5.2. A picture of 1024
#   by 1024 becomes 128 by 128 with 16 channels.
# - **Scaling factor**: the number that gives codes the variance 1. Exercise 5.3.
# - **Text encoders, frozen**: CLIP's have learned from pairs, with your loss of Exercise 5.4, T5 from text
#   alone ("Imagen").
# - **Dropped captions**: `drop_labels` in Part 4. Without it there's no guess without a caption and no guidance.
# - **EMA**: the moving average of the weights, Exercise 3.4. **bf16**: half the bits, Exercise 3.6.
# - **Euler, 28 steps**: `euler_sample`, Exercise 5.10.
# - **CFG scale**: classifier-free guidance, the w of Part 4, in the form in which 1 means "as trained".
# - **Negative prompt**: another caption in the place of the null caption, so that the guess is pushed away from it.
# - **Distilled**: a student that needs fewer steps. "What came after".
#
# With guidance, the network is asked twice in each of the 28 steps, 56 times, and then the decoder of the autoencoder
# once. Pictures that all look alike or gaudy are what too much guidance makes (Part 4, and Exercise 5.8). So lower the
# scale first.
# ### END SOLUTION

# %% [markdown]
# ## Glossary: names in model cards
#
# | in a model card | here | and what it means |
# |---|---|---|
# | VAE, first stage, latent space | `Autoencoder`, codes | VAE is short for variational autoencoder; a *latent* is a code |
# | scaling factor, shift factor | `scale_codes` | codes are multiplied before they're noised; newer ones are shifted, too |
# | CLIP embedding, unCLIP | `Clip`, `draw_dalle2` | unCLIP is the name that DALL-E 2's authors gave it |
# | contrastive loss, InfoNCE | `clip_loss` | a right pair against all other pairs of the minibatch |
# | logit scale | $1 / \tau$ | CLIP keeps the logarithm of it as a weight |
# | prior | `Prior` | from a caption to an image's embedding; in a VAE, "the prior" is $\mathcal{N}(0, I)$ |
# | decoder | `draw_from` or `decoded` | DALL-E 2's draws a picture from an embedding; an autoencoder's turns a code back into its picture |
# | cascade, super-resolution, SR3, upscaler, refiner | `enlarge` | a model that is told a smaller or worse picture |
# | conditioning augmentation | `noise_augment` | noise on what a model is told |
# | dynamic thresholding | `dynamic_threshold` | clipping at a percentile, and dividing by it |
# | rectified flow, flow matching | `straight_path` | rectified flow can also mean to straighten the paths in a second training |
# | velocity | `straight_path`'s target | $\epsilon - x_0$, or $x_0 - \epsilon$ where time runs the other way; not Part 3's $v$ |
# | Euler, Heun, DPM-Solver, UniPC | `euler_sample` | samplers; the later ones take several guesses into account |
# | CFG, guidance scale | `Guided`, $w$ | classifier-free guidance; some count from 0 where we count from 1 |
# | DiT, MMDiT, U-ViT | in words above | transformers in the place of the U-Net |
# | LoRA, adapter, ControlNet | not here | small additions to a frozen model, which teach it a style, or to follow a sketch |
# | Turbo, Lightning, LCM, schnell | in words above | distilled to a few steps |

# %% [markdown]
# ## What you have now
#
# You've built the four systems that this course set out to explain, and you've seen that each is a small step from what
# you had.
#
# - **Latent Diffusion** noises the codes of an autoencoder, scaled to variance 1. The network has less to look at, so
#   everything is faster, and no sample can be better than what the autoencoder gives back. For images as small as ours,
#   that didn't pay.
# - **CLIP** puts pictures and captions into one space, with a loss that asks "which of these is yours?" in both
#   directions. Equal captions share the target.
# - **DALL-E 2** first draws a summary (the **prior**, a diffusion model of 32 numbers), then a picture from it. That
#   gives you variations, paths and sums with meaning. Vectors of one length are mixed along the arc (`slerp`).
# - **Imagen** paints small and enlarges. The enlarger is told a *noised* small picture, so that it doesn't trust it
#   blindly, and its reader has learned from text alone.
# - **Flow matching** learns the velocity of straight paths from data to noise. Its loss is as simple as Part 1's, and
#   its sampler is DDIM's. It didn't need fewer steps here.
# - **An idea that helps at 64 by 64 pixels and a billion pictures may not help on your data.** Measure it, and say so
#   when it didn't.
#
# Where to go from here? Change something and measure it. Other pictures of 28 by 28 (Part 3's `clothes` is the only
# place that reads them), other captions, a third size for Imagen, captions for Latent Diffusion (its model takes a
# condition like any U-Net of yours). For more ideas in code, the [Diffusers
# library](https://github.com/huggingface/diffusers) has all of these systems at full size, and you can read its
# samplers now.

# %% [markdown]
# ## Something to show a friend
#
# All five models, side by side, and one wish. It's your friend's turn to make it. These are the words that the models
# know:

# %%
if MAIN:
    print(", ".join(part4.WORDS[1:]))


# %%
def five_answers(wish: str, n: int) -> dict[str, t.Tensor]:
    """What five models draw for one caption; two cannot hear it. returns: by model, (n, 1, 28, 28) in [-1, 1]"""
    device = utils.get_device()
    plain, (latent, scale) = part3.clothes_model(), latent_model()
    small = draw_small(base_model(), part4.tokens([wish] * n).to(device), w=2.0)
    return {
        "Part 3": part3.ddim_sample(plain, n, part4.STEPS),
        "Latent Diffusion": decoded(autoencoder_model(), draw(latent, n) / scale),
        "GLIDE": part4.draw_captions(part4.painter(), [wish] * n),
        "DALL-E 2": draw_dalle2([wish] * n),
        "Imagen": enlarge(enlarger_model(), small, level=0 if IS_CI else 100),
    }


# %%
if MAIN:
    wish = "a bright boot with a heel"
    t.manual_seed(0)
    utils.show_rows({name: part1.denormalize_img(images) for name, images in five_answers(wish, 8).items()})

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![Five rows of eight. Part 3: trousers, a sneaker, a dress, T-shirts, a bag and patterned things, whatever it likes. Latent Diffusion: pullovers, a T-shirt, shoes, a bag and a dress, a little softer. GLIDE, DALL-E 2 and Imagen: nothing but bright boots with heels, higher ones and lower ones.](images/part5_friend.png)
#
# Three models have heard the wish, and you'd be hard put to say whose boots are whose. The first two draw what they
# like.
#
# </details>

# %% [markdown]
# How much of this is yours? The schedules, the samplers, the guidance, the prior and the steps between them are your
# code, wherever yours passed its checks. The weights of the large networks come with the course, unless you've trained
# them (`utils.FULL = True` and an evening does it). Then every number in these pictures is your own.
#
# That's the end of the course. You began with a square of coloured noise and the question which part of it is noise.
# You still ask that question, fifty times for each picture. Everything else is what you tell the network before it
# answers.
