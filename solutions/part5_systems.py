# %% [markdown]
# # Part 5: Four famous systems, small
#
# The first idea and a picture.

# %% [markdown]
# ## Set up
#
# Run the next three cells.

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
from collections.abc import Callable
from functools import cache
from itertools import pairwise
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

# %% [markdown]
# ## Latent Diffusion

# %%
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


# %%
def reparameterise(mean: t.Tensor, log_var: t.Tensor) -> t.Tensor:
    """Draw from the Gaussians with these means and variances, so that gradients reach both.
    mean, log_var: any one shape; log_var is the natural logarithm of the variance   returns: that shape"""
    ### BEGIN SOLUTION
    std = (log_var / 2).exp()
    return mean + std * t.randn_like(std)
    ### END SOLUTION


# %%
def kl_to_normal(mean: t.Tensor, log_var: t.Tensor) -> t.Tensor:
    """How far the Gaussians with these means and variances are from N(0, I): the sum over each image's numbers.
    mean, log_var: (B, C, H, W)   returns: (B,), 0 where all means are 0 and all variances 1"""
    ### BEGIN SOLUTION
    each = (mean**2 + log_var.exp() - 1 - log_var) / 2
    return reduce(each, "b c h w -> b", "sum")
    ### END SOLUTION


# %%
def short_config(n_steps: int) -> dict[str, Any]:
    """The settings of this part's trainings, the same on every device. n_steps: how long; tiny under IS_CI"""
    sizes = dict(n_steps=6, batch_size=8) if IS_CI else dict(n_steps=n_steps, batch_size=64)
    return part3.clothes_config() | dict(decay=0.995, img_log_interval=n_steps + 1) | sizes


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
def autoencoder_loss(model: Autoencoder, images: t.Tensor, kl_weight: float = 1e-6) -> t.Tensor:
    """How far the images are that come back, pixel by pixel, and a little of the KL divergence. returns: ()"""
    mean, log_var = model.encode(images)
    mean, log_var = mean.float(), log_var.float()
    returned = model.decode(reparameterise(mean, log_var))
    return F.l1_loss(returned.float(), images) + kl_weight * kl_to_normal(mean, log_var).mean()


# %%
def scale_codes(codes: t.Tensor) -> tuple[t.Tensor, float]:
    """Multiply codes by one number, so that all their numbers together have variance 1.
    codes: (N, C, H, W)   returns: (N, C, H, W), and the number"""
    ### BEGIN SOLUTION
    scale = 1 / codes.std().item()
    return codes * scale, scale
    ### END SOLUTION


# %%
def make_schedule(config: dict[str, Any]) -> part1.NoiseSchedule:
    """The cosine schedule of Part 3, on the config's device."""
    return part1.NoiseSchedule(config["max_steps"], config["device"], part3.cosine_schedule(config["max_steps"]))


def make_latent_model(config: dict[str, Any]) -> part3.VelocityGuesser:
    """An untrained U-Net for codes. 7 by 7 cannot be halved, so it has one level."""
    settings = part2.UNetConfig((4, 7, 7), channels=32, dim_mults=(1,), groups=8, max_steps=config["max_steps"])
    return part3.VelocityGuesser(part2.UNet(settings).to(config["device"]), make_schedule(config))


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


@cache
def load_latent_model() -> part3.VelocityGuesser:
    """The model of codes that comes with the course; python -m tools.make_assets latents makes it."""
    import solutions.part5_systems as course

    model = course.make_latent_model(course.short_config(0))
    load("latents.pt", model.network)
    return model


# %%
@t.no_grad()
def codes_of(model: Autoencoder, images: t.Tensor) -> t.Tensor:
    """One code drawn for each image. images: (N, 1, 28, 28) in [-1, 1]   returns: (N, 4, 7, 7)"""
    return t.cat([reparameterise(*model.encode(some)) for some in images.split(part3.FEW)])


@t.no_grad()
def decoded(model: Autoencoder, codes: t.Tensor) -> t.Tensor:
    """The images of codes. codes: (N, 4, 7, 7)   returns: (N, 1, 28, 28) in [-1, 1]"""
    return t.cat([model.decode(some).clamp(-1, 1) for some in codes.split(part3.FEW)])


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
    n_steps: int = 50,
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
# ## DALL-E 2

# %%
SIZE = 32  # numbers in an embedding


@cache
def pairs(train: bool = True) -> tuple[t.Tensor, t.Tensor]:
    """The clothes and their captions, without the combinations that Part 4 holds out.
    returns: images (N, 1, 28, 28) in [-1, 1]; tokens (N, LONGEST)"""
    images, labels = part3.clothes(train), part4.labels_of(train)
    words = part4.attributes_of(images, labels)
    kept = [i for i, label in enumerate(labels.tolist()) if not part4.is_held_out(label, words[i])]
    told = [part4.caption(labels[i].item(), words[i]) for i in kept]
    return images[kept], part4.tokens(told).to(images.device)


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
class Clip(nn.Module):
    """An encoder for images and one for captions. Both give embeddings of length √E, so that a number's size is 1."""

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


@t.no_grad()
def embed(encode: Callable, many: t.Tensor) -> t.Tensor:
    """encode: of_images or of_captions of a Clip   many: (N, ...), what it takes   returns: (N, E)"""
    return t.cat([encode(some) for some in many.split(500)])


# %%
def clip_config() -> dict[str, Any]:
    """The settings of the two encoders' training. Tiny under IS_CI."""
    return dict(
        lr=0.003,
        warmup=2 if IS_CI else 50,
        n_steps=6 if IS_CI else 2000,
        batch_size=8 if IS_CI else 128,
        temperature=0.03,
        device=utils.get_device(),
    )


def train_clip(config_dict: dict[str, Any]) -> Clip:
    """Train both encoders on all images and their captions."""
    config, (images, tokens) = utils.Settings(config_dict), pairs()
    model = Clip().to(config["device"])
    optimizer = t.optim.Adam(model.parameters(), lr=config["lr"], fused=True)
    with utils.start_run(config, config["n_steps"], config["batch_size"]) as run:
        for step, rows in part3.minibatches(len(images), config["batch_size"], 0, config["n_steps"], config["device"]):
            seen, read = model.of_images(images[rows]), model.of_captions(tokens[rows])
            loss = clip_loss(seen, read, tokens[rows], config["temperature"])
            optimizer.param_groups[0]["lr"] = part3.learning_rate(
                step, config["n_steps"], config["lr"], config["warmup"]
            )
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            run.log({"train_loss": loss}, step)
    return model.eval().requires_grad_(False)


def shipped_clip() -> Clip:
    """The encoders that come with the course; python -m tools.make_assets clip makes them."""
    import solutions.part5_systems as course

    model = course.Clip()
    model.load_state_dict(t.load(utils.ASSETS / "clip.pt", weights_only=True, map_location="cpu"))
    return model.eval().requires_grad_(False).to(utils.get_device())


@cache
def clip_model() -> Clip:
    """The encoders that all that follows uses, trained here if part3.trains_here(), else shipped."""
    if not part3.trains_here():
        return shipped_clip()
    t.manual_seed(0)
    return train_clip(clip_config())


# %%
def all_captions() -> t.Tensor:
    """Every caption that a training image has, once. returns: tokens (K, L)"""
    return pairs()[1].unique(dim=0)


def retrieval(model: Clip, images: t.Tensor, tokens: t.Tensor, k: int = 1) -> float:
    """How often an image's own caption is among the k of all captions that fit it best.
    images: (N, 1, 28, 28)   tokens: (N, L), theirs"""
    every = all_captions()
    scores = embed(model.of_images, images) @ embed(model.of_captions, every).T
    best = every[scores.topk(k, dim=1).indices]  # (N, k, L)
    return (best == rearrange(tokens, "n l -> n 1 l")).all(dim=2).any(dim=1).float().mean().item()


def classify(model: Clip, images: t.Tensor) -> t.Tensor:
    """The class whose plain caption fits each image best: no classifier was trained. returns: (N,) int"""
    captions = [part4.caption(label, []) for label in range(len(utils.CLASSES))]
    names = model.of_captions(part4.tokens(captions).to(images.device))
    return (embed(model.of_images, images) @ names.T).argmax(dim=1)


# %%
class Prior(part1.DiffusionModel):
    """A diffusion model of image embeddings that is told a caption's. It guesses the clean embedding.
    network: one of Part 1 for images of two rows, (1, 2, E)"""

    def __init__(self, network: part1.DiffusionModel, noise_schedule: part1.NoiseSchedule):
        super().__init__()
        self.network, self.noise_schedule = network, noise_schedule
        self.img_shape = (1, 1, network.img_shape[-1])

    def guess(self, images: t.Tensor, num_steps: t.Tensor, wanted: t.Tensor) -> t.Tensor:
        """Guess the clean embedding. The network sees the noised one in its first row, the caption's in its second;
        the first row of its answer is the guess.
        images: (B, 1, 1, E), noised   num_steps: (B,) int, 1 to T   wanted: (B, E)   returns: (B, 1, 1, E)"""
        ### BEGIN SOLUTION
        rows = t.cat([images, rearrange(wanted, "b e -> b 1 1 e")], dim=2)
        return self.network(rows, num_steps)[:, :, :1]
        ### END SOLUTION

    def forward(self, images: t.Tensor, num_steps: t.Tensor, wanted: t.Tensor) -> t.Tensor:
        """Guess the noise, from the guess of the clean embedding. Shapes as for guess."""
        ### BEGIN SOLUTION
        alpha_bar = rearrange(self.noise_schedule.alpha_bar(num_steps), "b -> b 1 1 1")
        x0 = self.guess(images, num_steps, wanted)
        return (images - alpha_bar.sqrt() * x0) / (1 - alpha_bar).sqrt()
        ### END SOLUTION


# %%
def prior_config() -> dict[str, Any]:
    """The settings of the prior's training. Tiny under IS_CI."""
    return dict(
        lr=0.002,
        warmup=2 if IS_CI else 50,
        n_steps=6 if IS_CI else 3000,
        batch_size=8 if IS_CI else 256,
        hidden_size=16 if IS_CI else 512,
        max_steps=20 if IS_CI else 100,
        device=utils.get_device(),
    )


def make_prior(config: dict[str, Any]) -> Prior:
    """An untrained prior: Part 1's MLP, with Part 3's cosine schedule."""
    T = config["max_steps"]
    network = part1.TinyDiffuser(part1.TinyDiffuserConfig((1, 2, SIZE), config["hidden_size"], T))
    schedule = part1.NoiseSchedule(T, config["device"], part3.cosine_schedule(T))
    return Prior(network.to(config["device"]), schedule)


def train_prior(model: Prior, config_dict: dict[str, Any], images: t.Tensor, captions: t.Tensor) -> Prior:
    """Train a prior to guess the clean embedding (Ramesh et al., Equation 2).
    images, captions: embeddings (N, E) that belong together   returns: the model with averaged weights"""
    config = utils.Settings(config_dict)
    optimizer = t.optim.Adam(model.parameters(), lr=config["lr"], fused=True)
    average = part3.MovingAverage(model)
    n_steps, batch_size = config["n_steps"], config["batch_size"]
    with utils.start_run(config, n_steps, batch_size) as run:
        for step, rows in part3.minibatches(len(images), batch_size, 0, n_steps, config["device"]):
            x0 = rearrange(images[rows], "b e -> b 1 1 e")
            wanted = part4.drop_labels(captions[rows], 0.1, t.zeros_like(captions[0]))
            num_steps, _, noised = part1.noise_img(x0, model.noise_schedule)
            loss = F.mse_loss(model.guess(noised, num_steps, wanted), x0)
            lr = part3.learning_rate(step, n_steps, config["lr"], config["warmup"])
            part3.training_step(loss, lr, model, optimizer, average)
            run.log({"train_loss": loss}, step)
    return average.model


@cache
def prior_model() -> Prior:
    """The prior, trained at the first call and kept: ten seconds of one core."""
    t.manual_seed(0)
    config, model, (images, tokens) = prior_config(), clip_model(), pairs()
    images, captions = embed(model.of_images, images), embed(model.of_captions, tokens)
    return train_prior(make_prior(config), config, images, captions)


def draw_embeddings(prior: Prior, wanted: t.Tensor, w: float = 1.0) -> t.Tensor:
    """An image's embedding for each caption's, by Part 1's sample. wanted: (B, E)   returns: (B, E), of length √E"""
    guided = part4.Guided(prior, wanted, 0.0, w)
    return on_sphere(part1.sample(guided, len(wanted)).flatten(1))


# %%
def make_decoder() -> part4.Listener:
    """An untrained model that draws images, told an embedding."""
    encode = nn.Sequential(nn.Linear(SIZE, 128), nn.SiLU(), nn.Linear(128, 64))
    return part4.make_listener(encode, t.zeros(SIZE))


@cache
def decoder_model() -> part4.Listener:
    """The decoder, trained here if part3.trains_here(), else shipped; python -m tools.make_assets decoder makes it."""
    import solutions.part5_systems as course

    if not part3.trains_here():
        return part4.load_listener(course.make_decoder(), "decoder.pt")
    t.manual_seed(0)
    images, _ = pairs()
    path = None if IS_CI else utils.SAVES / "decoder.pt"
    wanted = embed(clip_model().of_images, images)
    return part4.train_listener(make_decoder(), part4.listener_config(), images, wanted, path=path)


def decode(
    embeddings: t.Tensor, w: float = 2.0, eta: float = 1.0, start: t.Tensor | None = None, n_steps: int = 50
) -> t.Tensor:
    """Draw an image for each embedding. embeddings: (B, E)   start: (B, 1, 28, 28), noise, or None to draw it
    returns: (B, 1, 28, 28) in [-1, 1]"""
    model = decoder_model()
    guided = part4.Guided(model, embeddings, model.null, w)
    return part3.ddim_sample(guided, len(embeddings), min(n_steps, len(model.noise_schedule)), eta, start)


# %%
def slerp(start: t.Tensor, end: t.Tensor, shares: t.Tensor) -> t.Tensor:
    """Points on the arc from start to end, at these shares of the angle between them.
    start, end: (E,), of equal length   shares: (n,), 0 for start, 1 for end   returns: (n, E), of that length"""
    ### BEGIN SOLUTION
    angle = t.arccos((start @ end / (start.norm() * end.norm())).clamp(-1, 1))
    shares = rearrange(shares, "n -> n 1")
    if angle < 1e-4:
        return start + shares * (end - start)
    return (t.sin((1 - shares) * angle) * start + t.sin(shares * angle) * end) / t.sin(angle)
    ### END SOLUTION


# %%
def text_difference(embedding: t.Tensor, more: str, less: str, shares: t.Tensor) -> t.Tensor:
    """An image's embedding, turned towards what one caption says and another doesn't (Ramesh et al., Section 3.3).
    embedding: (E,)   shares: (n,) of the angle   returns: (n, E)"""
    one, other = clip_model().of_captions(part4.tokens([more, less]).to(embedding.device))
    return slerp(embedding, on_sphere((one - other)[None])[0], shares)


# %% [markdown]
# ## Imagen

# %%
def halved(images: t.Tensor) -> t.Tensor:
    """Images at half their size, each pixel the mean of four. images: (B, C, H, W)   returns: (B, C, H/2, W/2)"""
    return F.avg_pool2d(images, 2)


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


# %%
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


def enlarge(model: Enlarger, small: t.Tensor, level: int = 0, n_steps: int = 50) -> t.Tensor:
    """Draw a large image for each small one, which is noised to this level first.
    small: (B, 1, 14, 14)   returns: (B, 1, 28, 28) in [-1, 1]"""
    levels, noised = noise_augment(small, model.noise_schedule, level)
    n_steps = min(n_steps, len(model.noise_schedule))
    return part3.ddim_sample(Enlarging(model, noised, levels), len(small), n_steps)


@cache
def load_base() -> Painter:
    """The base model that comes with the course; python -m tools.make_assets imagen_base makes it."""
    import solutions.part5_systems as course

    model = course.make_base(course.make_text_encoder(), course.short_config(0))
    load("imagen_base.pt", model.network, model.encode)
    return model


@cache
def load_enlarger() -> Enlarger:
    """The enlarger that comes with the course; python -m tools.make_assets imagen_larger makes it."""
    import solutions.part5_systems as course

    model = course.make_enlarger(course.short_config(0))
    load("imagen_larger.pt", model.network, model.told)
    return model


def draw_small(
    model: Painter, captions: t.Tensor, w: float, keep: Callable = clipped, n_steps: int = 50
) -> t.Tensor:
    """Draw a small image for each caption. captions: (B, L) int   w: how much to insist   returns: (B, 1, 14, 14)"""
    return draw(part4.Guided(model, captions, model.null, w), len(captions), keep, n_steps)


# %%
def dynamic_threshold(x0: t.Tensor, share: float = 0.995) -> t.Tensor:
    """Clip each image to [-s, s] and divide by s, where this share of its numbers is at most s in size; s is at least 1.
    x0: (B, C, H, W)   returns: (B, C, H, W) in [-1, 1]"""
    ### BEGIN SOLUTION
    s = x0.abs().flatten(1).quantile(share, dim=1).clamp(min=1)
    s = rearrange(s, "b -> b 1 1 1")
    return x0.clamp(-s, s) / s
    ### END SOLUTION


# %%
def make_text_encoder() -> TextEncoder:
    """An untrained text encoder for Part 4's words."""
    return TextEncoder(len(part4.WORDS)).to(utils.get_device())


def make_base(text: TextEncoder, config: dict[str, Any]) -> Painter:
    """An untrained U-Net for images of 14 by 14 that hears captions, through a text encoder which doesn't learn any
    more and a layer which does."""
    settings = part2.UNetConfig((1, 14, 14), channels=16, dim_mults=(2, 2), groups=8, max_steps=config["max_steps"])
    encode = nn.Sequential(text.requires_grad_(False), nn.Linear(64, 64))
    null = t.zeros_like(caption_tokens()[0])
    return Painter(part2.UNet(settings), make_schedule(config), encode, null).to(config["device"])


def make_enlarger(config: dict[str, Any]) -> Enlarger:
    """An untrained Enlarger, whose U-Net has one channel more than Part 3's."""
    settings = part2.UNetConfig((2, 28, 28), channels=16, dim_mults=(1, 2, 2), groups=8, max_steps=config["max_steps"])
    return Enlarger(part2.UNet(settings), make_schedule(config)).to(config["device"])

# %% [markdown]
# ## Flow matching

# %%
def straight_path(
    x0: t.Tensor, noise: t.Tensor, num_steps: t.Tensor, max_steps: int = 1000
) -> tuple[t.Tensor, t.Tensor]:
    """Go from each image towards its noise on a straight line, at an even speed that would arrive after max_steps steps.
    x0, noise: (B, C, H, W)   num_steps: (B,) int, 0 (at the image) to max_steps (at the noise)
    returns: where that is (B, C, H, W), and the velocity (B, C, H, W), the way gone in all max_steps together"""
    ### BEGIN SOLUTION
    share = rearrange(num_steps / max_steps, "b -> b 1 1 1")
    return (1 - share) * x0 + share * noise, noise - x0
    ### END SOLUTION


# %%
@t.no_grad()
def euler_sample(
    model: nn.Module, start: t.Tensor, n_steps: int = 50, max_steps: int = 1000, return_all_steps: bool = False
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
def flow_loss(model: nn.Module, x0: t.Tensor, max_steps: int = 1000) -> t.Tensor:
    """The squared error of the velocity. x0: (B, C, H, W)   returns: ()"""
    num_steps = t.randint(1, max_steps + 1, (len(x0),), device=x0.device)
    x, velocity = straight_path(x0, t.randn_like(x0), num_steps, max_steps)
    return F.mse_loss(model(x, num_steps).float(), velocity)

# %%
class AsDiffusion(part1.DiffusionModel):
    """A model that guesses the velocity of straight paths, seen from outside as one that guesses the noise."""

    def __init__(self, model: nn.Module, max_steps: int = 1000):
        super().__init__()
        self.model, self.img_shape = model, model.img_shape
        self.shares = t.arange(1, max_steps) / max_steps  # of the noise, after 1, 2, ... steps; not at the very end
        alpha_bars = (1 - self.shares) ** 2 / ((1 - self.shares) ** 2 + self.shares**2)
        betas = 1 - alpha_bars / F.pad(alpha_bars[:-1], (1, 0), value=1)
        device = next(model.parameters()).device
        self.noise_schedule = part1.NoiseSchedule(max_steps - 1, device, betas)

    def forward(self, images: t.Tensor, num_steps: t.Tensor) -> t.Tensor:
        """Guess the noise. images: (B, C, H, W), noised   num_steps: (B,) int, 1 to T - 1"""
        share = rearrange(self.shares.to(images)[num_steps - 1], "b -> b 1 1 1")
        x = ((1 - share) ** 2 + share**2).sqrt() * images
        return x + (1 - share) * self.model(x, num_steps)


@cache
def load_flow() -> part1.DiffusionModel:
    """The network of velocities that comes with the course; python -m tools.make_assets flow makes it."""
    import solutions.part5_systems as course

    model = course.part3.make_unet(1000)
    load("flow.pt", model)
    return model


# %% [markdown]
# ## What came after

# %% [markdown]
# ## Glossary: names in model cards

# %% [markdown]
# ## What you have now

# %% [markdown]
# ## Something to show a friend
