# %% [markdown]
# # Part 4: Ask for what you want
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
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import torch as t
import torch.nn as nn
import torch.nn.functional as F
from einops import rearrange

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

# %% [markdown]
# ## A world where everything is exact

# %% [markdown]
# ## A network that listens

# %%
def labels_of(train: bool = True) -> t.Tensor:
    """The labels of part3.clothes(train). returns: (N,) int64, rows of CLASSES, on the device of get_device()"""
    _, labels = utils.fashion_mnist(train)
    return labels.to(utils.get_device())


# %%
def drop_labels(labels: t.Tensor, share: float, null: t.Tensor | float) -> t.Tensor:
    """Replace each image's label by the null label with chance share, each one independently of the others.
    labels: (B, ...) of any dtype   share: 0 to 1   null: one label (...), of the same dtype, or a number
    returns: (B, ...), a new tensor"""
    ### BEGIN SOLUTION
    dropped = t.rand(len(labels), *[1] * (labels.dim() - 1), device=labels.device) < share
    return t.where(dropped, null, labels)
    ### END SOLUTION


# %%
class Listener(part1.DiffusionModel):
    """A model that can be told what is wanted.
    network: called with (images, num_steps, condition)   encode: turns (B, ...) of what is wanted into (B, 4 * channels)
    null: the one label (...) that means "whatever you like" """

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


# %%
def listener_config() -> dict[str, Any]:
    """The settings of the whole training, the same on a CPU and a GPU. Tiny under IS_CI."""
    device = utils.get_device()
    return dict(
        lr=0.002,
        warmup=2 if IS_CI else 100,
        n_steps=6 if IS_CI else 8000,
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
    """An untrained model that listens to labels: ten classes, and row 10 for none of them."""
    null = len(utils.CLASSES)
    return make_listener(nn.Embedding(null + 1, 64), null)


def load_listener(model: Listener, name: str) -> Listener:
    """A model with weights that come with the course. name: of the file in solutions/assets"""
    weights = t.load(utils.ASSETS / name, weights_only=True, map_location="cpu")
    nn.ModuleDict({"network": model.network, "encode": model.encode}).load_state_dict(weights)
    return model.eval().requires_grad_(False)


@cache
def label_model() -> Listener:
    """The model that comes with the course, told labels; python -m tools.make_assets labels makes it."""
    import solutions.part4_guidance as course

    return load_listener(course.make_label_model(), "labels.pt")


# %% [markdown]
# ## Guidance

# %%
class Guided(part1.DiffusionModel):
    """A listener that has been told what to draw, and how much to insist. Guesses the noise like any other model.
    model: called with (images, num_steps, wanted)   wanted: (B, ...), one for each image   null: one of them, or a number
    w: how much to insist, a number or (B,): 0 ignores what is wanted, 1 is the model as it was trained"""

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
        """Guess the noise, by one call of the model for both guesses.
        images: (B, C, H, W), noised   num_steps: (B,) int, 1 to T   returns: (B, C, H, W)"""
        check_rows(images, self.wanted)
        ### BEGIN SOLUTION
        wanted = t.cat([self.wanted, self.null])
        noise_wanted, noise_null = self.model(t.cat([images, images]), t.cat([num_steps, num_steps]), wanted).chunk(2)
        return noise_null + self.w * (noise_wanted - noise_null)
        ### END SOLUTION


def check_guidance(wanted: t.Tensor, w: float | t.Tensor) -> None:
    """Refuse a w that is no number, or not one for each image. errors: TypeError, ValueError"""
    if isinstance(w, bool) or not isinstance(w, int | float | t.Tensor):
        raise TypeError(f"w is {w!r}: give a number, such as 1.5, or a tensor with one for each image")
    w = t.as_tensor(w)
    if w.dim() > 1 or w.dim() == 1 and len(w) != len(wanted):
        raise ValueError(f"w has shape {tuple(w.shape)}: give one number, or one for each of {len(wanted)} images")
    if not w.isfinite().all():
        raise ValueError(f"w is {w}: give a finite number, such as 1.5")


# %%
def each_class() -> t.Tensor:
    """What a minibatch of draw_many asks for: all ten classes, equally often. returns: (250,) int64, (20,) under IS_CI"""
    return t.arange(10, device=utils.get_device()).repeat(2 if IS_CI else 25)


def draw_each(model: Listener, w: float, n_steps: int = 50, eta: float = 1.0) -> tuple[t.Tensor, t.Tensor]:
    """2,000 samples, 200 of each class, always from the same random numbers (20 under IS_CI).
    returns: images (2000, 1, 28, 28); what was asked for (2000,)"""
    labels = each_class()
    images = part3.draw_many(Guided(model, labels, model.null, w), n_steps, eta)
    return images, labels.repeat(len(images) // len(labels))


def spread_within(features: t.Tensor, labels: t.Tensor) -> float:
    """How much the images of a class differ, the mean square distance from their class's mean, averaged over classes.
    features: (N, D)   labels: (N,)"""
    return sum(features[labels == label].var(dim=0).sum().item() for label in labels.unique()) / len(labels.unique())


@cache
def spread_of_test_images() -> float:
    return spread_within(part3.features_of_test_images(), labels_of(train=False).cpu())


def judge(images: t.Tensor, labels: t.Tensor) -> tuple[float, float, float]:
    """Measure samples that were asked for by label. images: (N, 1, 28, 28) in [-1, 1]   labels: (N,), asked for
    returns: the Fréchet distance; the share that the classifier takes for what was asked for; the variety within a class,
    as a share of that of test images"""
    features, labels = part3.features_of(images), labels.cpu()
    accuracy = (part3.classes_of(images) == labels).float().mean().item()
    far = part3.frechet_distance(features, part3.features_of_test_images())
    return far, accuracy, spread_within(features, labels) / spread_of_test_images()


# %%
class NoisyClassifier(nn.Module):
    """A small network that tells the ten classes apart in noised images, when it's told how noisy they are."""

    def __init__(self) -> None:
        super().__init__()
        self.steps = nn.Sequential(part2.SinusoidalPositionEmbeddings(32), nn.Linear(32, 32), nn.SiLU())
        self.first, self.second = nn.Conv2d(1, 32, 3, stride=2, padding=1), nn.Conv2d(32, 32, 3, stride=2, padding=1)
        self.told = nn.ModuleList([nn.Linear(32, 32), nn.Linear(32, 32)])
        self.last = nn.Sequential(nn.Flatten(), nn.Linear(32 * 7 * 7, 64), nn.SiLU(), nn.Linear(64, len(utils.CLASSES)))

    def forward(self, images: t.Tensor, num_steps: t.Tensor) -> t.Tensor:
        """images: (B, 1, 28, 28), noised   num_steps: (B,) int   returns: scores (B, 10)"""
        steps = self.steps(num_steps)
        x = F.silu(self.first(images) + rearrange(self.told[0](steps), "b c -> b c 1 1"))
        x = F.silu(self.second(x) + rearrange(self.told[1](steps), "b c -> b c 1 1"))
        return self.last(x)


def classifier_steps() -> int:
    return 3 if IS_CI else 1000


def train_classifier(n_steps: int, noised: bool = True) -> NoisyClassifier:
    """A classifier of images after random timesteps of the cosine schedule, or of clean images alone."""
    images, labels, device = part3.clothes(), labels_of(), utils.get_device()
    schedule = part1.NoiseSchedule(1000, device, part3.cosine_schedule(1000))
    classifier = NoisyClassifier().to(device)
    optimizer = t.optim.Adam(classifier.parameters(), lr=0.002, fused=True)
    for _, rows in part3.minibatches(len(images), 8 if IS_CI else 128, 0, n_steps, device):
        num_steps, _, seen = part1.noise_img(images[rows], schedule)
        if not noised:
            seen = images[rows]
        optimizer.zero_grad()
        F.cross_entropy(classifier(seen, num_steps), labels[rows]).backward()
        optimizer.step()
    return classifier.eval().requires_grad_(False)


@t.no_grad()
def accuracies(classifier: NoisyClassifier, steps: tuple[int, ...] = (1, 200, 400, 600, 800)) -> dict[int, float]:
    """How often it's right about test images, after each of these numbers of steps."""
    images, labels = part3.clothes(train=False), labels_of(train=False)
    schedule, right = part1.NoiseSchedule(1000, images.device, part3.cosine_schedule(1000)), {}
    for n in steps:
        alpha_bar = schedule.alpha_bar(n)
        noised = alpha_bar.sqrt() * images + (1 - alpha_bar).sqrt() * t.randn_like(images)
        found = classifier(noised, t.full((len(images),), n, device=images.device)).argmax(dim=1)
        right[n] = round((found == labels).float().mean().item(), 3)
    return right


# %%
class Steered(part1.DiffusionModel):
    """A model that a classifier steers (Dhariwal and Nichol, Algorithm 2).
    wanted: (B,) int, one class for each image   s: how hard it pulls"""

    wanted: t.Tensor

    def __init__(self, model: part1.DiffusionModel, classifier: nn.Module, wanted: t.Tensor, s: float):
        super().__init__()
        self.model, self.classifier, self.s = model, classifier, s
        self.img_shape, self.noise_schedule = model.img_shape, model.noise_schedule
        self.register_buffer("wanted", wanted)

    def forward(self, images: t.Tensor, num_steps: t.Tensor) -> t.Tensor:
        """Guess the noise, less what makes the images look like another class.
        images: (B, C, H, W), noised   num_steps: (B,) int, 1 to T   returns: (B, C, H, W)"""
        with t.enable_grad():  # sampling has switched it off
            x = images.detach().requires_grad_()
            log_p = -F.cross_entropy(self.classifier(x, num_steps), self.wanted, reduction="sum")
            slope = t.autograd.grad(log_p, x)[0]
        alpha_bar = rearrange(self.noise_schedule.alpha_bar(num_steps), "b -> b 1 1 1")
        return self.model(images, num_steps) - (1 - alpha_bar).sqrt() * self.s * slope


# %% [markdown]
# ## Captions

# %% [markdown]
# ## Edit

# %% [markdown]
# ## Where this stands in the world

# %% [markdown]
# ## Glossary: names around guidance

# %% [markdown]
# ## What you have now

# %% [markdown]
# ## Something to show a friend
