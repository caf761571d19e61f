"""The check of 5.7 noise_augment.

From the same seed, black images (all 0) show the noise, and others show what the small image becomes. A batch as wide
as it has images, so that factors along the wrong axis show as wrong numbers, not as an error.
"""

from collections.abc import Callable
from functools import partial

import torch as t

from solutions.part1_diffusion import NoiseSchedule
from tests.checking import (
    BETAS,
    Mistake,
    careful,
    check,
    elsewhere,
    expect_tensor,
    judge_gaussian,
    judge_independence,
    kind,
    numbers,
    recognise,
    schedule_for,
    seed_all,
    unchanged,
)

SHAPE = (6, 2, 4, 6)
SEVEN = [*BETAS, 0.3, 0.2, 0.4]  # half of 7 steps has to be rounded


def bars(betas: list[float]) -> t.Tensor:
    """ᾱ of levels 0, 1, ..."""
    return t.tensor([1.0, *(1 - t.tensor(betas)).cumprod(dim=0).tolist()])


def of(levels: t.Tensor, betas: list[float]) -> t.Tensor:
    return bars(betas)[levels].reshape(-1, 1, 1, 1)


UNEVEN = "You draw them unevenly. Rounding does that, and so does a power."
LEVEL_MISTAKES = [  # by what image and noise are multiplied: ᾱ of the level, α of one step
    ("You swap the two factors.", lambda a, one: ((1 - a) ** 0.5, a**0.5)),
    ("Where are both square roots?", lambda a, one: (a, 1 - a)),
    ("Where is the square root in front of the image?", lambda a, one: (a, (1 - a) ** 0.5)),
    ("Where is the square root in front of the noise?", lambda a, one: (a**0.5, 1 - a)),
    ("You take the root of ᾱ alone. It covers all of 1 - ᾱ.", lambda a, one: (a**0.5, 1 - a**0.5)),
    ("Where does the image fade?", lambda a, one: (1, (1 - a) ** 0.5)),
    ("Where is the noise scaled?", lambda a, one: (a**0.5, 1)),
    ("You take the α of one step. Where is ᾱ of the level?", lambda a, one: (one**0.5, (1 - one) ** 0.5)),
    ("You take the β of one step. Where is ᾱ of the level?", lambda a, one: ((1 - one) ** 0.5, one**0.5)),
    ("You noise them twice.", lambda a, one: (a, (1 - a**2) ** 0.5)),
    ("You return the noise alone.", lambda a, one: (0, (1 - a) ** 0.5)),
]
USED_MISTAKES = [  # which level was used where this one was told; T
    ("You use the level below the one that you tell.", lambda n, T: (n - 1).clamp(min=0)),
    ("You use the level above the one that you tell.", lambda n, T: (n + 1).clamp(max=T)),
    ("You always use level T.", lambda n, T: t.full_like(n, T)),
    ("You use the level of the first image for all.", lambda n, T: n[:1].expand_as(n)),
    ("You use the highest level for all.", lambda n, T: n.max().expand_as(n)),
    ("You use the lowest level for all.", lambda n, T: n.min().expand_as(n)),
]


@check("5.7", mistakes=[*LEVEL_MISTAKES, *USED_MISTAKES])
def check_noise_augment(answer: Callable) -> str:
    seed = t.initial_seed()

    def ask(small: t.Tensor, betas: list[float], level: int | None, draw: int = 0) -> tuple[t.Tensor, t.Tensor]:
        seed_all(seed + 1 + draw)  # the same noise and levels in each call
        schedule = NoiseSchedule(len(betas), "cpu", t.tensor(betas))
        try:
            with unchanged(small=small):
                result = careful(answer)(small, schedule, level)
        except ValueError as error:
            if level == 0 and "counts steps of noise" in str(error):
                error.add_note("5.7 noise_augment: level 0 means no noise, and alpha_bar takes no 0.")
                error.add_note("Where is ᾱ of level 0? How much of the image is kept there?")
            raise
        return judge_pair(result, small)

    for level in (2, 3, 4, 1, 0):
        judge_level(ask, level)
    judge_drawn(ask)
    with_default = careful(answer)(t.zeros(64, 1, 1, 1), schedule_for())
    if judge_pair(with_default, t.zeros(64, 1, 1, 1))[0].unique().numel() == 1:
        raise Mistake("without a level, all images get the same one", "Where is the case that no level is given?")
    facts, question = (
        "for images on another device, it mixes tensors of two devices",
        "You make levels or noise on a fixed device. Where are the images?",
    )
    meta = t.zeros(SHAPE, device="meta")
    for level in (2, 0, None):
        schedule = NoiseSchedule(4, "meta", t.tensor(BETAS, device="meta"))
        told = elsewhere(partial(answer, meta, schedule, level), facts, question)
        if isinstance(told, tuple | list) and isinstance(told[0], t.Tensor) and not told[0].is_meta:
            raise Mistake("for images on another device, the levels are on the CPU", question)
    return "levels told and used, 0 to T, one for all or one for each"


def judge_pair(result: object, small: t.Tensor) -> tuple[t.Tensor, t.Tensor]:
    if not isinstance(result, tuple | list) or len(result) != 2:
        got = f"{len(result)} things" if isinstance(result, tuple | list) else kind(result)
        question = "Where are the levels?" if isinstance(result, t.Tensor) else "Where are both?"
        if isinstance(result, tuple) and len(result) > 2:
            question = "You return one thing too many."
        raise Mistake(f"it returns {got}, expected two: the levels and the noised images", question)
    levels, noised = result
    if isinstance(noised, t.Tensor) and noised.shape == small.shape[:1] and noised.ndim == 1:
        raise Mistake("the levels come second, expected first", "You return them in the other order.")
    if not isinstance(levels, t.Tensor) or levels.shape != small.shape[:1]:
        facts = f"the levels are {kind(levels)}, expected shape ({len(small)},), one for each image"
        raise Mistake(facts, "Where is the tensor of what the model is told, also for a level that is given?")
    if levels.is_floating_point() or levels.dtype == t.bool:
        raise Mistake(
            f"the levels are of type {levels.dtype}, expected whole numbers",
            "You return fractions. Levels count steps.",
        )
    expect_tensor(noised, tuple(small.shape), "as noised images, it")
    return levels, noised


def judge_level(ask: Callable, level: int) -> None:
    small = t.randn(SHAPE).tanh()
    levels, noised = ask(small, BETAS, level)
    if (levels != level).any():
        question = "You tell another level than the one that was asked for."
        if level == 0 and not t.equal(noised, small):
            question = "You take a level of 0 for none. In Python, 0 counts as false."
        raise Mistake(f"with level={level} it tells the levels {levels.tolist()}", question)
    if level == 0:
        if not noised.allclose(small, atol=1e-6):
            raise Mistake("with level=0 the images are changed", "You noise at level 0, too. What is ᾱ after no steps?")
        return
    _, black = ask(t.zeros(SHAPE), BETAS, level)
    if black.abs().max() < 1e-6:
        raise Mistake(f"with level={level} nothing is drawn", "Where does the noise come from?")
    if black.equal(ask(t.zeros(SHAPE), BETAS, level, draw=1)[1]):
        raise Mistake(f"with level={level} the noise is always the same", "You set a seed inside.")
    judge_independence(black, ["image", "channel", "row", "column"], of="small")
    big = ask(t.zeros(320, 1, 10, 10), BETAS, level)[1]
    if big.abs().max() <= 1:
        question = "You clamp it. A noised image may leave that range."
        if big.min() >= 0:
            question = "You draw between 0 and 1. The noise is drawn from N(0, 1)."
        raise Mistake("noised images stay in [-1, 1]", question)
    judge_gaussian(big, f"the noise of level {level}")
    judge_factors(level, noised - black, small, big.std().item())


def judge_factors(level: int, faded: t.Tensor, small: t.Tensor, std: float) -> None:
    """By what the small image and the noise are multiplied. faded: what is left without the noise"""
    factor = (faded * small).sum().item() / small.square().sum().item()
    levels, table = t.arange(len(BETAS) + 1), bars(BETAS).tolist()
    a, one = table[level], 1 - BETAS[level - 1]

    def like(pair: tuple[float, float]) -> bool:
        return abs(factor - pair[0]) < 1e-3 and abs(std - pair[1]) < 0.03

    if not faded.allclose(factor * small, atol=1e-4):
        facts = f"with level={level}, images are not all multiplied by the same number"
        raise Mistake(
            facts, "Where do the factors get their shape? It's one number for each image, and three axes of length 1."
        )
    if like((a**0.5, (1 - a) ** 0.5)):
        return
    question = recognise(LEVEL_MISTAKES, lambda mistake: like(mistake(a, one)))
    used = [(question, mistake(levels, len(BETAS))[level].item()) for question, mistake in USED_MISTAKES]
    question = question or recognise(used, lambda n: like((table[n] ** 0.5, (1 - table[n]) ** 0.5)))
    facts = f"with betas {BETAS} and level={level}, image and noise are multiplied by {factor:.3f} and {std:.2f}"
    raise Mistake(f"{facts},\nexpected {a**0.5:.3f} and {(1 - a) ** 0.5:.2f}", question)


def judge_drawn(ask: Callable) -> None:
    """Levels that are drawn: which, how often, and whether each is used."""
    for betas in (BETAS, SEVEN):
        T, small = len(betas), t.randn(600, 1, 2, 2).tanh()
        for draw in range(30):  # until the first image has neither the lowest level nor the highest
            levels, noised = ask(small, betas, None, draw)
            if 0 < levels[0] < T // 2:
                break
        if levels.unique().numel() > 1 and levels.equal(ask(small, betas, None, draw=100)[0]):
            raise Mistake("with level=None, two calls tell the same levels", "Where are the levels drawn?")
        if levels.unique().numel() == 1:
            raise Mistake(
                f"with level=None all images get level {levels[0]}", "You draw one for all. Each image draws its own."
            )
        if levels.min() > 0:
            raise Mistake(
                "with level=None, 0 is never drawn", "You begin at another level. Levels are from 0 to T / 2."
            )
        if levels.max() != T // 2:
            question = "Where is T halved?"
            if levels.max() <= T // 2 + 1:
                question = "You go beyond T / 2, which is rounded down."
            if levels.max() < T // 2:
                question = "Where is T / 2 itself? t.randint leaves its upper end out, and so does rounding down."
            raise Mistake(f"with level=None and T = {T}, levels up to {levels.max()} are drawn, not {T // 2}", question)
        shares = t.bincount(levels, minlength=T // 2 + 1) / len(levels)
        if (shares - 1 / (T // 2 + 1)).abs().max() > 0.1:
            raise Mistake(f"levels 0 to {T // 2} come with shares {numbers(shares)}, expected equal ones", UNEVEN)
        told, black = ask(t.zeros_like(small), betas, None, draw)
        a = of(levels, betas)
        if not told.equal(levels):
            raise Mistake(
                "from the same random numbers, other images get other levels",
                "You let levels depend on the images. Each is drawn.",
            )
        if not (noised - black).allclose(a.sqrt() * small, atol=1e-4):
            rows = [
                row
                for row in USED_MISTAKES
                if (noised - black).allclose(of(row[1](levels, T), betas).sqrt() * small, atol=1e-4)
            ]
            question = rows[0][0] if rows else "You noise to other levels than those that you tell."
            raise Mistake("with level=None, the levels that it tells are not those that it uses", question)
        stds = [black[levels == n].std().item() for n in range(T // 2 + 1)]
        expected = (1 - bars(betas)[: T // 2 + 1]).sqrt()
        if (t.tensor(stds) - expected).abs().max() > 0.15:
            facts = f"with level=None, the noise has std {numbers(t.tensor(stds))} at levels 0 to {T // 2}"
            raise Mistake(
                f"{facts}, expected {numbers(expected)}", "You scale the noise by another level than the image."
            )
