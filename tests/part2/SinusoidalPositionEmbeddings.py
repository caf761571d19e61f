"""The check of 2.3 SinusoidalPositionEmbeddings."""

from collections.abc import Callable
from math import exp, log, sqrt

import torch as t
from torch import nn

from tests.checking import Mistake, check, expect_error, expect_tensor, judge_layer, kind, numbers, recognise, unchanged


def waves(n: t.Tensor, frequencies: t.Tensor) -> t.Tensor:
    return waves_of(n[:, None] * frequencies)


def waves_of(angles: t.Tensor) -> t.Tensor:
    return t.cat([angles.sin(), angles.cos()], dim=1)


def powers(d: int, base: float = 10_000, last: float | None = None) -> t.Tensor:
    """d/2 frequencies from 1 down; the last is 1/base to the power of (d - 2)/d, or of last."""
    last = (d - 2) / d if last is None else last
    return base ** -t.linspace(0, last, d // 2)


RIGHT_WAVES = [lambda n, d: waves(n, powers(d)), lambda n, d: waves(n, powers(d, last=1))]
WAVE_MISTAKES = [
    ("You let the frequencies rise. They fall from 1 to about 1/10,000.", lambda n, d: waves(n, 1 / powers(d))),
    (
        "You stop halfway. Where is the 2 of the exponent, -2i/d?",
        lambda n, d: waves(n, powers(d, last=(d - 2) / d / 2)),
    ),
    (
        "You go twice as far as needed. The exponent stops at about 1.",
        lambda n, d: waves(n, powers(d, last=2 * (d - 2) / d)),
    ),
    ("Where is the first frequency, 1?", lambda n, d: waves(n, 10_000 ** -((t.arange(d // 2) + 1) / (d // 2)))),
    ("You use another base than 10,000.", lambda n, d: waves(n, powers(d, 1000))),
    ("You use another base than 10,000.", lambda n, d: waves(n, powers(d, 1000, 1))),
    ("Where is the log of 10,000 in the exponent?", lambda n, d: waves(n, powers(d, 2.718281828))),
    ("Where is the log of 10,000 in the exponent?", lambda n, d: waves(n, powers(d, 2.718281828, 1))),
    (
        "You space the frequencies evenly. Each is smaller than the one before by the same factor.",
        lambda n, d: waves(n, t.linspace(1, 1e-4, d // 2)),
    ),
    (
        "You use the frequencies 1, 2, 3, …. They fall from 1 to about 1/10,000.",
        lambda n, d: waves(n, 1 + t.arange(d // 2)),
    ),
    ("You use one frequency for all. Mind // in the exponent.", lambda n, d: waves(n, t.ones(d // 2))),
    ("Where are the cosines?", lambda n, d: (n[:, None] * powers(2 * d)).sin()),
    ("Where are the sines?", lambda n, d: (n[:, None] * powers(2 * d)).cos()),
    ("Where are the cosines?", lambda n, d: waves(n, powers(d))[:, : d // 2].repeat(1, 2)),
    ("Where are the sines?", lambda n, d: waves(n, powers(d))[:, d // 2 :].repeat(1, 2)),
    (
        "You give a sine and its cosine two frequencies. They share one.",
        lambda n, d: t.cat([(n[:, None] * powers(2 * d)[::2]).sin(), (n[:, None] * powers(2 * d)[1::2]).cos()], dim=1),
    ),
    (
        "You give a sine and its cosine two frequencies. They share one.",
        lambda n, d: t.cat(
            [(n[:, None] * powers(2 * d)[: d // 2]).sin(), (n[:, None] * powers(2 * d)[d // 2 :]).cos()], dim=1
        ),
    ),
    (
        "You give a sine and its cosine two frequencies. They share one.",
        lambda n, d: t.cat(
            [(n[:, None] * powers(2 * d)[::2] ** 2).sin(), (n[:, None] * powers(2 * d)[1::2] ** 2).cos()], dim=1
        ),
    ),
    ("You use another base than 10,000.", lambda n, d: waves(n, powers(d, 100))),
    ("You use another base than 10,000.", lambda n, d: waves(n, powers(d, 100_000))),
    ("You use another base than 10,000.", lambda n, d: waves(n, powers(d, 100_000, 1))),
    ("You take the log of base 10. exp goes with the natural one.", lambda n, d: waves(n, powers(d, exp(4)))),
    ("You take the log of base 10. exp goes with the natural one.", lambda n, d: waves(n, powers(d, exp(4), 1))),
    ("Where is exp, after the log?", lambda n, d: waves(n, -log(10_000) * t.arange(d // 2) / (d // 2))),
    ("Where is exp, after the log?", lambda n, d: waves(n, -log(10_000) * t.arange(d // 2) / (d // 2 - 1))),
    (
        "Where is the first frequency, 1?",
        lambda n, d: waves(n, 10_000 ** -((t.arange(d // 2) + 1) / (d // 2 - 1))),
    ),
    (
        "You lay the angles out anew by a reshape. Their axes stay, or are moved.",
        lambda n, d: t.cat([f((powers(d)[:, None] * n).reshape(len(n), -1)) for f in (t.sin, t.cos)], dim=1),
    ),
    (
        "You lay the angles out anew by a reshape. Their axes stay, or are moved.",
        lambda n, d: waves(n, powers(d)).T.reshape(len(n), -1),
    ),
    ("You add one to the timestep first.", lambda n, d: waves(n + 1, powers(d))),
    (
        "You add sine and cosine up. Each has a place of its own.",
        lambda n, d: (n[:, None] * powers(2 * d)).sin() + (n[:, None] * powers(2 * d)).cos(),
    ),
    ("You multiply by 2π. The angle is the frequency times the timestep.", lambda n, d: waves(n, 2 * t.pi * powers(d))),
    ("You turn the angles into degrees. sin takes radians.", lambda n, d: waves(n, t.pi / 180 * powers(d))),
    (
        "You divide the timestep by 1000 first. The waves are made for whole timesteps.",
        lambda n, d: waves(n / 1000, powers(d)),
    ),
    ("You subtract one from the timestep first.", lambda n, d: waves(n - 1, powers(d))),
    ("Where are sin and cos?", lambda n, d: (n[:, None] * powers(d)).repeat(1, 2)),
    ("You multiply by a root. Sines stay between -1 and 1.", lambda n, d: waves(n, powers(d)) * sqrt(d)),
    ("You round the timesteps, as bfloat16 does.", lambda n, d: waves(n.bfloat16().float(), powers(d))),
    (
        "You embed a timestep's place in the batch. The timestep itself is embedded.",
        lambda n, d: waves(t.arange(len(n)), powers(d)),
    ),
    ("You take the first timestep for all.", lambda n, d: waves(n[:1].expand(len(n)), powers(d))),
    (
        "You divide the timesteps by their largest. They are embedded as they are.",
        lambda n, d: waves(n / n.max(), powers(d)),
    ),
    (
        "You multiply the sine by the frequency. The frequency multiplies the timestep, inside.",
        lambda n, d: waves(n, t.ones(d // 2)) * powers(d).repeat(2),
    ),
    (
        "You fill every other row, an image, with cosines. Every other column holds them.",
        lambda n, d: t.where(
            t.arange(len(n))[:, None] % 2 == 0,
            (n[:, None] * powers(d).repeat_interleave(2)).sin(),
            (n[:, None] * powers(d).repeat_interleave(2)).cos(),
        ),
    ),
    ("You round down, by //.", lambda n, d: waves_of(n[:, None] // 10_000 ** (t.arange(0, d, 2) / d))),
    ("You round the frequencies, as half precision does.", lambda n, d: waves(n, powers(d).bfloat16().float())),
    ("You round the frequencies, as half precision does.", lambda n, d: waves(n, powers(d).half().float())),
    ("You round the angles, as half precision does.", lambda n, d: waves_of((n[:, None] * powers(d)).half().float())),
    (
        "You turn the sign of a wave round, by a minus or by half a turn, π. The cosine is a quarter turn ahead.",
        lambda n, d: t.cat([(n[:, None] * powers(d)).sin(), -(n[:, None] * powers(d)).sin()], dim=1),
    ),
    ("You turn the sign of the angles round.", lambda n, d: waves(-n, powers(d))),
    ("You bring the waves to [0, 1]. They go from -1 to 1.", lambda n, d: (waves(n, powers(d)) + 1) / 2),
    ("You divide each embedding by its length.", lambda n, d: waves(n, powers(d)) / sqrt(d / 2)),
    (
        "You take the sine of the frequency, and multiply that by the timestep. Both are multiplied first.",
        lambda n, d: n[:, None] * t.cat([powers(d).sin(), powers(d).cos()]),
    ),
    (
        "You multiply sine and cosine with each other. Each has a place of its own.",
        lambda n, d: t.cat([waves(2 * n, powers(d))[:, : d // 2] / 2, waves(n, powers(d))[:, d // 2 :]], dim=1),
    ),
    (
        "You write a tangent.",
        lambda n, d: t.cat([(n[:, None] * powers(d)).sin(), (n[:, None] * powers(d)).tan()], dim=1),
    ),
    *[
        ("You use another base than 10,000.", lambda n, d, base=base, last=last: waves(n, powers(d, base, last)))
        for base in (10, 500, 2000, 5000, 20_000, 50_000, 1e6)
        for last in (None, 1)
    ],
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
        lambda: answer(5), "an embedding_size of 5 raises no error", "Where is the given check for even sizes?"
    )
    for d in (8, 4, 32):
        layer = answer(d)
        if d == 8 and isinstance(layer, nn.Module):
            judge_first(answer, layer)
        if not isinstance(layer, nn.Module):
            raise Mistake("it is not a module", "Where does the class line name nn.Module, and __init__ call super()?")
        if trained := [tuple(p.shape) for p in layer.parameters() if p.requires_grad]:
            question = "You train the frequencies. They are fixed, and a buffer keeps them."
            if len(trained[0]) > 1:
                question = "You use a table that is learned, or a Linear layer. Sines and cosines learn nothing."
            raise Mistake(f"it has parameters to train, of shape {trained[0]}", question)
        some = [t.randint(1, 1001, (size,)) for size in (50, d // 2, d)]
        for n in [t.randperm(11) + 1, *some, t.tensor([1000])]:
            with unchanged(num_steps=n):
                result = layer(n)
                judge_waves_form(result, n, d)
            judge_waves(result, n, d)
        halves = t.randint(1, 1001, (20,)) + 0.5
        judge_halves(layer, halves)
        if layer(halves).allclose(layer(halves.floor()), atol=1e-3) or layer(halves).allclose(
            layer(halves.ceil()), atol=1e-3
        ):
            raise Mistake("a timestep of 7.5 gets the embedding of a whole number", "You round the timesteps.")
        judge_waves(layer(halves), halves, d)
    judge_layer(answer, (8,), [t.tensor([1, 50, 1000])], [(3, 8)])
    return "sine and cosine of each frequency, from 1 to about 1/10,000, whole and broken timesteps"


def judge_first(answer: Callable, layer: nn.Module) -> None:
    """What PyTorch's words don't tell of the first call, and what two layers give."""
    n = t.arange(11) + 1
    try:
        result, again = layer(n), answer(8)(n)
    except RuntimeError as error:
        if "(11)" in str(error) and "(4)" in str(error):
            error.add_note("The check gives it 11 timesteps, and has 4 frequencies. Where do both get an axis to meet?")
        raise
    if isinstance(result, t.Tensor) and result.is_inference():
        facts = "what it returns cannot take part in a backward pass"
        raise Mistake(facts, "You compute under inference_mode, which is for networks that no longer learn.")
    learned = any(p.requires_grad for p in layer.parameters())
    if isinstance(result, t.Tensor) and result.shape == (11, 8) and not learned and not result.equal(again):
        facts = "two of it give two embeddings of the same timesteps"
        raise Mistake(facts, "You draw the frequencies at random. Here they follow from embedding_size.")


def judge_halves(layer: nn.Module, halves: t.Tensor) -> None:
    try:
        layer(halves)
    except (IndexError, RuntimeError) as error:
        error.add_note("The check also gives it timesteps such as 7.5. A table knows whole ones alone.")
        raise


def judge_waves_form(result: object, n: t.Tensor, d: int) -> None:
    call = f"with embedding_size {d} and {len(n)} timestep{'s'[: len(n) != 1]} it"
    if isinstance(result, t.Tensor):
        question = {
            (2 * len(n), d // 2): "You put sines and cosines below each other. They go side by side.",
            (len(n), d // 2): "Where are both sines and cosines, side by side?",
            (len(n), 2 * d): "You use d frequencies. There are d/2.",
            (d, len(n)): "You swap the axes. The first one belongs to the timesteps.",
            (len(n), 1, d): "You add an axis too many.",
            (d // 2, 2 * len(n)): "You swap the axes. The first one belongs to the timesteps.",
            (len(n), d + 1): "You put the timestep itself beside its waves. They are enough.",
            (len(n), d // 2, 2): "Where are the last two axes made one?",
            (len(n), 2, d // 2): "Where are the last two axes made one?",
        }.get(tuple(result.shape))
        if result.ndim == 2 and len(result) == len(n) and not question:
            question = "You write out the size of the embedding. embedding_size says it."
        if question and result.shape != (len(n), d):
            raise Mistake(f"{call} returns {kind(result)}, expected shape {(len(n), d)}", question)
        if result.dtype == t.float64:
            facts = f"{call} returns numbers of type torch.float64, expected torch.float32"
            raise Mistake(facts, "You use frequencies of float64, as NumPy makes them. Linear layers refuse them.")
    expect_tensor(result, (len(n), d), call)


def judge_waves(result: t.Tensor, n: t.Tensor, d: int) -> None:
    if any(same_columns(result, formula(n, d)) for formula in RIGHT_WAVES):
        return
    many = len(n) > d  # of few counts, another formula can fit by chance
    question = recognise(WAVE_MISTAKES, lambda formula: many and same_columns(result, formula(n, d)))
    if not question and many and (found := frequencies(result, n)) is not None:
        expected = powers(d)
        facts = f"with embedding_size {d}, the frequencies are {numbers(found, beside=expected)}, expected"
        raise Mistake(f"{facts} {numbers(expected)}", "You make other frequencies. Each is that of the formula.")
    for expected in [(n[:, None] * powers(d)).sin().T, (n[:, None] * powers(d)).cos().T]:
        for k, column in enumerate(expected):
            if not any(column.allclose(own, atol=2e-3) for own in result.T) and (k == 0 or question):
                wave = "sine" if expected[0, 0] == (n[0] * 1.0).sin() else "cosine"
                facts = f"with embedding_size {d}, no column is the {wave} of {powers(d)[k]:.4g} times the timestep"
                raise Mistake(facts, question)
    raise Mistake(
        f"with embedding_size {d}, the columns are other waves than those of frequencies from 1 to about 1/10,000",
        question,
    )


def frequencies(result: t.Tensor, n: t.Tensor) -> t.Tensor | None:
    """The frequencies, from the largest down, of columns that are sines and cosines of d / 2 of them, up to 1.57."""
    if not (n == 1).any():
        return None
    found = result[n == 1][0].clamp(-1, 1).asin()
    found = found.clamp(min=0).sort(descending=True).values
    sines = [f for f in found if any((n * f).sin().allclose(column, atol=2e-3) for column in result.T)]
    both = [f for f in sines if any((n * f).cos().allclose(column, atol=2e-3) for column in result.T)]
    return t.stack(both) if 2 * len(both) == result.shape[1] and same_columns(result, waves(n, t.stack(both))) else None
