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
import random
from collections.abc import Callable
from difflib import get_close_matches
from functools import cache
from itertools import pairwise
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


AFTER = {"heel": "with a heel", "short": "with short sleeves", "long": "with long sleeves"}


def caption(label: int, words: list[str]) -> str:
    """label: row of CLASSES   words: some of those that attributes_of finds, in any order"""
    article = [] if utils.CLASSES[label] == "trousers" else ["a"]
    before = [word for word in ATTRIBUTES if word in words and word not in AFTER]
    return " ".join([*article, *before, utils.CLASSES[label], *(AFTER[word] for word in AFTER if word in words)])


def captions_of(images: t.Tensor, labels: t.Tensor) -> list[str]:
    """What the rules say about images. images: (N, 1, 28, 28) in [-1, 1]   labels: (N,) int, rows of CLASSES"""
    return [caption(label, words) for label, words in zip(labels.tolist(), attributes_of(images, labels), strict=True)]


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
class CaptionEncoder(nn.Module):
    """Turns captions into conditions: the mean of its words' vectors, and two layers that may mix them."""

    def __init__(self, size: int = 128, condition: int = 64):
        super().__init__()
        self.vectors = nn.Parameter(t.randn(len(WORDS), size))
        self.mix = nn.Sequential(nn.Linear(size, size), nn.SiLU(), nn.Linear(size, condition))

    def forward(self, tokens: t.Tensor) -> t.Tensor:
        """tokens: (B, L) int   returns: (B, condition)"""
        return self.mix(encode_captions(self.vectors, tokens))


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
    told = [caption(labels[i].item(), [word for word in words[i] if chance.random() > 0.25]) for i in kept]
    return images[kept], tokens(told).to(images.device)


def make_caption_model() -> Listener:
    """An untrained model that listens to captions. No words at all mean "whatever you like"."""
    return make_listener(CaptionEncoder(), t.full((LONGEST,), PAD))


@cache
def caption_model() -> Listener:
    """The model that comes with the course, told captions; python -m tools.make_assets captions makes it."""
    import solutions.part4_guidance as course

    return load_listener(course.make_caption_model(), "captions.pt")


# %%
def draw_captions(model: Listener, captions: list[str], w: float = 2.0, n_steps: int = 50) -> t.Tensor:
    """An image for each caption. w: how much to insist   returns: (N, 1, 28, 28) in [-1, 1]"""
    wanted = tokens(captions).to(model.null.device)
    guided = Guided(model, wanted, model.null, w)
    return part3.ddim_sample(guided, len(wanted), min(n_steps, len(model.noise_schedule)))


def obeyed(captions: list[str], images: t.Tensor) -> dict[str, float]:
    """How often each word that captions ask for is found again by RULES, in the class that the classifier sees.
    images: (N, 1, 28, 28) in [-1, 1]   returns: shares, for each attribute, the "class", and "all" words of a caption"""
    found = captions_of(images, part3.classes_of(images))
    pairs = [(set(caption.split()), set(again.split())) for caption, again in zip(captions, found, strict=True)]
    shares = {}
    for name, kind in [*((word, {word}) for word in ATTRIBUTES), ("class", set(utils.CLASSES))]:
        came = [asked & kind <= again for asked, again in pairs if asked & kind]
        if came:
            shares[name] = sum(came) / len(came)
    return shares | {"all": sum(asked <= again for asked, again in pairs) / len(pairs)}

# %% [markdown]
# ## Edit

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
    x: (B, C, H, W) after n steps   n: 1 to T   m: 0 to n - 1   returns: (B, C, H, W) after m steps; for m = 0 in [-1, 1]"""
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
    errors: ValueError for images of another size or outside [-1, 1], a number of steps, or a model without a schedule"""
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


# %%
@t.no_grad()
def inpaint(model: part1.DiffusionModel, images: t.Tensor, keep: t.Tensor, n_steps: int = 50) -> t.Tensor:
    """Draw what isn't kept anew, so that it fits what is kept. Goes from T to 0 by step_back.
    images: (B, C, H, W) in [-1, 1]   keep: (H, W) bool, True where the images stay   n_steps: 1 to T
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
DRAWN = [0, 1, 2, 3, 4, 8, 9, 5]  # classes of part2.drawn_clothes, rows of CLASSES


# %%
@t.no_grad()
def start_from(model: part1.DiffusionModel, images: t.Tensor, num_steps: int, n_steps: int = 50) -> t.Tensor:
    """Noise images, and draw new ones from there (Meng et al.). Goes from num_steps to 0 by step_back.
    images: (B, C, H, W) in [-1, 1]   num_steps: 1 to T, after how many steps of noise the path back begins
    n_steps: of the path from T; from num_steps there are as many fewer   returns: (B, C, H, W) in [-1, 1]
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

# %% [markdown]
# ## Where this stands in the world

# %% [markdown]
# ## Glossary: names around guidance

# %% [markdown]
# ## What you have now

# %% [markdown]
# ## Something to show a friend
