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
import math
from collections.abc import Callable
from functools import cache
from typing import Any

import torch as t
import torch.nn as nn
import torch.nn.functional as F
from einops import rearrange

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

# %% [markdown]
# ## Flow matching

# %% [markdown]
# ## What came after

# %% [markdown]
# ## Glossary: names in model cards

# %% [markdown]
# ## What you have now

# %% [markdown]
# ## Something to show a friend
