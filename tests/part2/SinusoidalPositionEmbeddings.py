"""The check of 2.3 SinusoidalPositionEmbeddings."""

from collections.abc import Callable
from math import exp, log, sqrt

import torch as t
from torch import nn

from tests.checking import Mistake, check, expect_error, expect_tensor, judge_layer, kind, recognise, unchanged


def waves(n: t.Tensor, frequencies: t.Tensor) -> t.Tensor:
    angles = n[:, None] * frequencies
    return t.cat([angles.sin(), angles.cos()], dim=1)


def powers(d: int, base: float = 10_000, last: float | None = None) -> t.Tensor:
    """d/2 frequencies from 1 down; the last is 1/base to the power of (d - 2)/d, or of last."""
    last = (d - 2) / d if last is None else last
    return base ** -t.linspace(0, last, d // 2)


RIGHT_WAVES = [lambda n, d: waves(n, powers(d)), lambda n, d: waves(n, powers(d, last=1))]
WAVE_MISTAKES = [
    ("Do the frequencies rise? They fall from 1 to about 1/10,000.", lambda n, d: waves(n, 1 / powers(d))),
    (
        "The slowest wave is too fast. Does the exponent go all the way to about 1?",
        lambda n, d: waves(n, powers(d, last=(d - 2) / d / 2)),
    ),
    (
        "The slowest wave is too slow. Does the exponent stop at about 1?",
        lambda n, d: waves(n, powers(d, last=2 * (d - 2) / d)),
    ),
    ("The first frequency is missing. It is 1.", lambda n, d: waves(n, 10_000 ** -((t.arange(d // 2) + 1) / (d // 2)))),
    ("The base should be 10,000.", lambda n, d: waves(n, powers(d, 1000))),
    ("The base should be 10,000.", lambda n, d: waves(n, powers(d, 1000, 1))),
    ("Is the log of 10,000 missing in the exponent?", lambda n, d: waves(n, powers(d, 2.718281828))),
    ("Is the log of 10,000 missing in the exponent?", lambda n, d: waves(n, powers(d, 2.718281828, 1))),
    ("Are the frequencies evenly spaced? Their ratios should be.", lambda n, d: waves(n, t.linspace(1, 1e-4, d // 2))),
    (
        "Are the frequencies 1, 2, 3, …? They fall from 1 to about 1/10,000.",
        lambda n, d: waves(n, 1 + t.arange(d // 2)),
    ),
    ("Is there one frequency for all? Mind // in the exponent.", lambda n, d: waves(n, t.ones(d // 2))),
    ("Is it all sines? Half should be cosines.", lambda n, d: (n[:, None] * powers(2 * d)).sin()),
    ("Is it all cosines? Half should be sines.", lambda n, d: (n[:, None] * powers(2 * d)).cos()),
    ("Is it all sines? Half should be cosines.", lambda n, d: waves(n, powers(d))[:, : d // 2].repeat(1, 2)),
    ("Is it all cosines? Half should be sines.", lambda n, d: waves(n, powers(d))[:, d // 2 :].repeat(1, 2)),
    (
        "A sine and its cosine should have the same frequency.",
        lambda n, d: t.cat([(n[:, None] * powers(2 * d)[::2]).sin(), (n[:, None] * powers(2 * d)[1::2]).cos()], dim=1),
    ),
    (
        "A sine and its cosine should have the same frequency.",
        lambda n, d: t.cat(
            [(n[:, None] * powers(2 * d)[: d // 2]).sin(), (n[:, None] * powers(2 * d)[d // 2 :]).cos()], dim=1
        ),
    ),
    (
        "A sine and its cosine should have the same frequency.",
        lambda n, d: t.cat(
            [(n[:, None] * powers(2 * d)[::2] ** 2).sin(), (n[:, None] * powers(2 * d)[1::2] ** 2).cos()], dim=1
        ),
    ),
    ("The base should be 10,000.", lambda n, d: waves(n, powers(d, 100))),
    ("The base should be 10,000.", lambda n, d: waves(n, powers(d, 100_000))),
    ("The base should be 10,000.", lambda n, d: waves(n, powers(d, 100_000, 1))),
    ("Is that the log of base 10? exp goes with the natural one.", lambda n, d: waves(n, powers(d, exp(4)))),
    ("Is that the log of base 10? exp goes with the natural one.", lambda n, d: waves(n, powers(d, exp(4), 1))),
    ("Is exp missing, after the log?", lambda n, d: waves(n, -log(10_000) * t.arange(d // 2) / (d // 2))),
    ("Is exp missing, after the log?", lambda n, d: waves(n, -log(10_000) * t.arange(d // 2) / (d // 2 - 1))),
    (
        "The first frequency is missing. It is 1.",
        lambda n, d: waves(n, 10_000 ** -((t.arange(d // 2) + 1) / (d // 2 - 1))),
    ),
    (
        "Are the angles laid out anew by a reshape? Their axes should stay, or be moved.",
        lambda n, d: t.cat([f((powers(d)[:, None] * n).reshape(len(n), -1)) for f in (t.sin, t.cos)], dim=1),
    ),
    (
        "Are the angles laid out anew by a reshape? Their axes should stay, or be moved.",
        lambda n, d: waves(n, powers(d)).T.reshape(len(n), -1),
    ),
    ("Is one count added first?", lambda n, d: waves(n + 1, powers(d))),
    (
        "Are sine and cosine added up? Each has a place of its own.",
        lambda n, d: (n[:, None] * powers(2 * d)).sin() + (n[:, None] * powers(2 * d)).cos(),
    ),
    ("Is there a 2π too many?", lambda n, d: waves(n, 2 * t.pi * powers(d))),
    ("Are the angles in degrees? sin takes radians.", lambda n, d: waves(n, t.pi / 180 * powers(d))),
    (
        "Is the count divided by 1000 first? The waves are made for whole counts.",
        lambda n, d: waves(n / 1000, powers(d)),
    ),
    ("Is one count taken away first?", lambda n, d: waves(n - 1, powers(d))),
    ("Is sin or cos missing?", lambda n, d: (n[:, None] * powers(d)).repeat(1, 2)),
    ("Is it multiplied by a root? Sines stay between -1 and 1.", lambda n, d: waves(n, powers(d)) * sqrt(d)),
]


def same_columns(one: t.Tensor, other: t.Tensor) -> bool:
    """Whether they have the same columns, in any order."""
    left = list(range(one.shape[1]))
    for column in other.T:
        found = next((i for i in left if one[:, i].allclose(column, atol=2e-3)), None)
        if found is None:
            return False
        left.remove(found)
    return True


@check("2.3", mistakes=WAVE_MISTAKES)
@t.no_grad()
def check_SinusoidalPositionEmbeddings(answer: Callable) -> str:
    expect_error(
        lambda: answer(5), "an embedding_size of 5 raises no error", "Is the given check for even sizes still there?"
    )
    for d in (8, 4, 32):
        layer = answer(d)
        if not isinstance(layer, nn.Module):
            raise Mistake("it is not a module", "Where does the class line name nn.Module, and __init__ call super()?")
        if trained := [tuple(p.shape) for p in layer.parameters() if p.requires_grad]:
            question = "Are the frequencies fixed? A buffer keeps them."
            if len(trained[0]) > 1:
                question = "Is that a table that is learned, or a Linear layer? Sines and cosines learn nothing."
            raise Mistake(f"it has parameters to train, of shape {trained[0]}", question)
        some = [t.randint(1, 1001, (size,)) for size in (50, d // 2, d)]
        for n in [t.arange(1, 11), *some, t.tensor([1000])]:
            with unchanged(num_steps=n):
                result = layer(n)
                judge_waves_form(result, n, d)
            judge_waves(result, n, d)
        halves = t.randint(1, 1001, (20,)) + 0.5
        if layer(halves).allclose(layer(halves.floor()), atol=1e-3) or layer(halves).allclose(
            layer(halves.ceil()), atol=1e-3
        ):
            raise Mistake("a count of 7.5 gets the embedding of a whole number", "Are the counts rounded?")
        judge_waves(layer(halves), halves, d)
    judge_layer(answer, (8,), [t.tensor([1, 50, 1000])], [(3, 8)])
    return "sine and cosine of each frequency, from 1 to about 1/10,000, whole and broken counts"


def judge_waves_form(result: object, n: t.Tensor, d: int) -> None:
    call = f"with embedding_size {d} and {len(n)} counts it"
    if isinstance(result, t.Tensor):
        question = {
            (2 * len(n), d // 2): "Do sines and cosines stand below each other? They go side by side.",
            (len(n), d // 2): "Are sines and cosines both there, side by side?",
            (len(n), 2 * d): "Are there d frequencies? There should be d/2.",
            (d, len(n)): "Which of the two axes belongs to the counts? The first one.",
            (len(n), 1, d): "Is there an axis too many?",
            (len(n), d // 2, 2): "Is one axis left to be flattened?",
            (len(n), 2, d // 2): "Is one axis left to be flattened?",
        }.get(tuple(result.shape))
        if question and result.shape != (len(n), d):
            raise Mistake(f"{call} returns {kind(result)}, expected shape {(len(n), d)}", question)
        if result.dtype == t.float64:
            facts = f"{call} returns numbers of type torch.float64, expected torch.float32"
            raise Mistake(facts, "Are the frequencies float64? NumPy makes them so, and Linear layers refuse them.")
    expect_tensor(result, (len(n), d), call)


def judge_waves(result: t.Tensor, n: t.Tensor, d: int) -> None:
    if any(same_columns(result, formula(n, d)) for formula in RIGHT_WAVES):
        return
    many = len(n) > d  # of few counts, another formula can fit by chance
    question = recognise(WAVE_MISTAKES, lambda formula: many and same_columns(result, formula(n, d)))
    for expected in [(n[:, None] * powers(d)).sin().T, (n[:, None] * powers(d)).cos().T]:
        for k, column in enumerate(expected):
            if not any(column.allclose(own, atol=2e-3) for own in result.T) and (k == 0 or question):
                wave = "sine" if expected[0, 0] == (n[0] * 1.0).sin() else "cosine"
                facts = f"with embedding_size {d}, no column is the {wave} of {powers(d)[k]:.4g} times the count"
                raise Mistake(facts, question)
    raise Mistake(
        f"with embedding_size {d}, the columns are not the sines and cosines of falling frequencies", question
    )
