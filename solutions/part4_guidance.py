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


# %% [markdown]
# ## Captions
#
# A label is one choice out of ten. A caption is a choice of *words*, and words combine. If a model has learned what
# "dark", "patterned" and "dress" mean, you can ask it for a dark patterned dress, even if it never saw one.
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
# Each row has a grey square for each of its words. The fewer words there are, the brighter they are. "a" comes twice in
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
# - **Some combinations are held out.** `HELD_OUT` names six, such as a dark patterned T-shirt. The model sees dark
#   T-shirts, patterned T-shirts, and dark patterned shirts. It never sees a dark patterned T-shirt. If it can draw one,
#   it has put words together by itself.

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
def make_caption_model() -> Listener:
    """An untrained model that listens to captions. No words at all mean "whatever you like"."""
    return make_listener(CaptionEncoder(), t.full((LONGEST,), PAD))


@cache
def caption_model() -> Listener:
    """The model that comes with the course, told captions; python -m tools.make_assets captions makes it."""
    import solutions.part4_guidance as course

    return load_listener(course.make_caption_model(), "captions.pt")


# %%
STEPS = 3 if IS_CI else 50


def told(model: Listener, captions: list[str], w: float = 2.0) -> Guided:
    """The model that draws one image for each of these captions. w: how much to insist"""
    return Guided(model, tokens(captions).to(model.null.device), model.null, w)


def draw_captions(model: Listener, captions: list[str], w: float = 2.0, n_steps: int = STEPS) -> t.Tensor:
    """An image for each caption. w: how much to insist   returns: (N, 1, 28, 28) in [-1, 1]"""
    return part3.ddim_sample(told(model, captions, w), len(captions), n_steps)


def draw_menu(model: Listener, captions: list[str], n_each: int = 8, w: float = 2.0) -> dict[str, t.Tensor]:
    """Some images for each caption, to show as rows. returns: by caption, (n_each, 1, 28, 28) in [0, 1]"""
    with utils.show_steps(model, STEPS):
        images = draw_captions(model, [each for each in captions for _ in range(n_each)], w)
    rows = [textwrap.fill(each, 24) for each in captions]
    return dict(zip(rows, part1.denormalize_img(images).split(n_each), strict=True))


# %% [markdown]
# The training is that of the labels, with captions in their place, 8,000 steps in ten to twenty minutes of two cores.
# Set `utils.FULL = True` in a new cell above this one to do it here, as in Part 3. If you don't, the cell takes the
# shipped network and trains it a little further, for 20 processor seconds. You see what it draws for three captions,
# and what it learned is thrown away.

# %%
@cache
def painter() -> Listener:
    """The model whose results follow, trained here if part3.trains_here(), else the one that comes with the course."""
    if not part3.trains_here():
        return caption_model()
    t.manual_seed(0)
    path = None if IS_CI else utils.SAVES / "captions.pt"
    return train_listener(make_caption_model(), listener_config(), *captioned_clothes(), watch=draw_three, path=path)


def draw_three(model: Listener, config: dict[str, Any]) -> dict[str, Any]:
    """What to log during the training, a picture of samples for three captions."""
    asked = ["a dark plain pullover", "a bright boot with a heel", "a patterned dress"]
    images = draw_captions(model, [each for each in asked for _ in range(5)], n_steps=min(STEPS, 20))
    return {"samples": [utils.grid(part1.denormalize_img(images), columns=15)]}


def train_captions_for(seconds: float, model: Listener) -> Listener:
    """Train a model further for so many processor seconds, with a low learning rate, and show one picture of samples."""
    config, (images, wanted) = listener_config(), captioned_clothes()
    batch = images[: config["batch_size"]], wanted[: config["batch_size"]]
    n_steps = part3.steps_within(seconds, lambda: listening_loss(model, *batch, config["bf16"]).backward())
    fitting = dict(n_steps=n_steps, lr=0.0003, warmup=min(config["warmup"], n_steps // 2), img_log_interval=n_steps)
    return train_listener(model, config | fitting, images, wanted, watch=draw_three)


# %%
if MAIN:
    model = painter()
    if not part3.trains_here():
        t.manual_seed(0)
        train_captions_for(20, copy.deepcopy(model).requires_grad_())

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![ALT_LIVE](images/part4_captions_live.png)
#
# TEXT_LIVE
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
# ![ALT_ASKED](images/part4_asked.png)
#
# TEXT_ASKED
#
# </details>

# %% [markdown]
# Eight images a row prove little. So measure. Ask for the captions of 2,000 test images, and let the same rules write a
# caption for each drawing. They don't know what you asked for, and the class is the one that the classifier sees. How
# often is each word that you asked for found again?
#
# Three rows keep you honest. **Real images** are the ceiling: the rules and the classifier look at the 2,000 test images
# themselves. **Other captions** are chance: the drawings are compared with captions that were dealt out at random. And
# **held out** are captions of images whose combinations the model has never seen.

# %%
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


# %%
if MAIN:
    rows = json.loads((utils.ASSETS / "obeyed.json").read_text(encoding="utf-8"))["rows"]
    columns = {"real": "real images"} | {f"w = {w}": f"w = {w}" for w in (1, 2, 3, 4)}
    columns |= {"chance": "other captions, w = 2", "unseen": "held out: w = 2", "real ones": "held out: real images"}
    print(" " * 10 + "".join(f"{title:>10}" for title in columns))
    for word in rows["real images"]:
        shares = [rows[row].get(word, math.nan) for row in columns.values()]
        print(f"{word:10}" + "".join(f"{share:10.2f}" for share in shares))

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# TEXT_OBEYED
#
# </details>

# %% [markdown]
# What does the model draw for combinations that it has never seen?

# %%
if MAIN:
    asked = [caption(utils.CLASSES.index(name), words) for name, *words in HELD_OUT]
    t.manual_seed(0)
    utils.show_rows(draw_menu(painter(), asked))

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![ALT_HELD_OUT](images/part4_held_out.png)
#
# TEXT_HELD_OUT
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
# What do you know of the part that's drawn anew, before the first step? At which timestep is x after a jump from n to m,
# and how noisy must the kept part be there?
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
# Begin with noise of the images' shape. Go through the pairs of `counts`. In each pass, make two versions of the next x,
# the one that `step_back` draws and the image noised to m, and put them together with the mask.
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
    for title, words in captions.items():
        filled = inpaint(told(painter(), [words] * n, w=3.0), image.expand(n, -1, -1, -1), keep, STEPS)
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
# ![ALT_SLEEVES](images/part4_sleeves.png)
#
# TEXT_SLEEVES
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
# ![ALT_HEEL](images/part4_heel.png)
#
# TEXT_HEEL
#
# </details>

# %% [markdown]
# Look at the seams. At each step, the network sees the kept part only under noise, and what's under the noise may still
# be this shirt or that one. So it can draw a sleeve that doesn't quite meet the shoulder. There are two remedies.
# [RePaint](https://arxiv.org/abs/2201.09865) goes a few steps back up after each step and down again, so that both
# parts can agree. GLIDE trains for it: the network gets the kept part *without* noise, and the mask, as more channels of
# its input.

# %% [markdown]
# ### 4.7 Start from a drawing
# *Noise an image, and go back from there* · ●●○○○ · 15 minutes · Meng et al., Section 3
#
# You don't have to begin at $T$. Noise an image to `num_steps`, and fine lines drown while the large shapes can still be
# seen. On the way back, the network fills in the lines that *it* knows. So a rough drawing goes in and something like a
# photograph comes out. The method is called [SDEdit](https://arxiv.org/abs/2108.01073).
#
# `counts` goes from `num_steps` to 0 this time. Part 3's `from_step` did the same to ask another question.

# %%
@t.no_grad()
def start_from(model: part1.DiffusionModel, images: t.Tensor, num_steps: int, n_steps: int = 50) -> t.Tensor:
    """Noise images, and draw new ones from there (Meng et al., Section 3).
    images: (B, C, H, W) in [-1, 1]   num_steps: 1 to T, after how many steps of noise the path back begins
    n_steps: 1 to T, by step_back, of a path from T; from num_steps it's as many fewer
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
    """Drawings, noised to each of some timesteps and drawn anew, as rows to show. drawings: (B, 1, 28, 28) in [-1, 1]"""
    model = told(painter(), captions, w)
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
# ![ALT_START](images/part4_start.png)
#
# TEXT_START
#
# </details>

# %% [markdown]
# More noise makes it more real and less yours. You can measure both. For each `num_steps`, 1,000 images were drawn from
# the eight drawings. How far is each from its drawing, in mean squared error? And how far is the set from the test
# images of these eight classes, in Part 3's distance?

# %%
if MAIN:
    results = json.loads((utils.ASSETS / "faithful.json").read_text(encoding="utf-8"))
    print(f"the drawings themselves: distance {results['distance of the drawings']:.0f}")
    print("from      change   distance")
    for row in results["rows"]:
        if row["w"] == 1:
            print(f"{row['n']:4d} {row['change']:11.3f} {row['distance']:10.0f}")

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# TEXT_FAITHFUL
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
            print("The pad needs the package ipywidgets: run %pip install ipywidgets, restart the kernel, and run again.")
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
# Say what it is, and run the next cell.

# %%
if MAIN:
    drawing, words = my_pad().image.to(device), "a boot"
    t.manual_seed(0)
    utils.show_rows(redrawn(drawing.expand(8, -1, -1, -1), [words] * 8, (500, 600, 700, 800), w=2.0))

# %% [markdown]
# <details>
# <summary>What you should see</summary>
#
# ![ALT_PAD](images/part4_pad.png)
#
# TEXT_PAD
#
# </details>

# %% [markdown]
# ## Where this stands in the world
#
# You've built the core of **GLIDE**, at a ten-thousandth of its size. What's different out there?
#
# **The text encoder.** [GLIDE](https://arxiv.org/abs/2112.10741) turns a caption into tokens, pieces of words instead
# of words, and reads them with a transformer. Its last token takes the place of the class label, as your condition
# does. All the others go into the attention layers of the U-Net, where each place in the image can look at each word.
# So "red" can stay with the cube. Your bag of words has only one vector for everything.
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
# new code, because `null` is an argument. Try it with `null=tokens(["a patterned dress"])[0]`.
#
# **Editing.** GLIDE's users paint over a region and type what should be there, and that's your `inpaint` with a caption.
# Programs that "improve" a sketch run your `start_from`. Their dial, called *strength*, is num_steps / T.
#
# **ControlNet.** A caption can't say where an arm should go. [ControlNet](https://arxiv.org/abs/2302.05543) adds an
# image as a condition, edges or a skeleton of a pose. It copies the way down of a trained U-Net, feeds it the extra
# image, and adds what comes out to the skips, at first times zero. So the trained network stays what it was, and only
# the copy learns. You've built neither, but you know all the parts.

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
# - A **condition** is a vector for each image, added to the embedding of the timestep. Labels become vectors by a table,
#   captions by the mean of their words.
# - **Dropping** what is wanted for a tenth of the images trains two models in one, one that's told and one that isn't.
# - **Guidance** is the difference of the two, taken $w$ times. In score terms it sharpens p(label | image). For w > 1,
#   you don't sample from the data's distribution any more.
# - **Words combine.** The model draws combinations of words that it never saw, though less surely than those it did.
# - **To measure** whether a model obeys, you need a ceiling, a chance level and things that it hasn't seen.
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
    model = told(painter(), [each for each in asked for _ in range(2)], w=2.0)
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
# ![ALT_FRIEND](images/part4_friend.gif)
#
# </details>

# %% [markdown]
# Your friend will ask why the pictures are so small. Every pixel costs. At 512 by 512, an image has 334 times as many
# pixels as yours, and attention over all of them would cost more than 100,000 times as much. And where do captions come from when
# nobody can measure them? These are the questions of Part 5. **Latent Diffusion** paints small codes instead of pixels,
# **Imagen** paints small and enlarges, and reads with a large language model, and **DALL-E 2** lets CLIP say what an
# image is about.
