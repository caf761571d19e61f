"""The check of 5.1 reparameterise.

From the same seed, means and variances of 0 and 1 show the noise, and others show what becomes of it.
"""

from collections.abc import Callable

import torch as t

from tests.checking import (
    Mistake,
    careful,
    check,
    elsewhere,
    expect_tensor,
    judge_gaussian,
    judge_independence,
    recognise,
    seed_all,
    unchanged,
)

SHAPE = (16, 4, 20, 25)  # many numbers, so that chance moves their mean little


def draw(m: t.Tensor, v: t.Tensor, e: t.Tensor) -> t.Tensor:
    return m + (v / 2).exp() * e


DRAW_MISTAKES = [  # mean, log_var, and what is drawn where both are 0
    ("You take the variance for σ. Where is its root?", lambda m, v, e: m + v.exp() * e),
    ("You take log_var for σ. Where is the logarithm undone?", lambda m, v, e: m + v * e),
    ("You take log_var / 2 for σ. Where is the logarithm undone?", lambda m, v, e: m + v / 2 * e),
    ("You halve after the exp. A root halves the exponent.", lambda m, v, e: m + v.exp() / 2 * e),
    ("You double log_var. A root halves the exponent.", lambda m, v, e: m + (2 * v).exp() * e),
    ("You divide the noise by σ.", lambda m, v, e: m + (-v / 2).exp() * e),
    ("You divide the noise by σ².", lambda m, v, e: m + (-v).exp() * e),
    (
        "You take a power of 2. The logarithm is the natural one, so undo it with exp.",
        lambda m, v, e: m + 2 ** (v / 2) * e,
    ),
    ("You take a root twice.", lambda m, v, e: m + (v / 4).exp() * e),
    ("Where is the mean?", lambda m, v, e: (v / 2).exp() * e),
    ("You subtract the mean.", lambda m, v, e: (v / 2).exp() * e - m),
    ("Where is the noise scaled?", lambda m, v, e: m + e),
    ("You scale the mean, too.", lambda m, v, e: (v / 2).exp() * (m + e)),
    ("You scale the mean by σ and add the noise as it is.", lambda m, v, e: e + (v / 2).exp() * m),
    ("You add σ to the noise. Where is the mean?", lambda m, v, e: (v / 2).exp() - 1 + e),
    ("You use one σ for all. Each number has its own.", lambda m, v, e: m + (v.mean() / 2).exp() * e),
    ("You take the root of log_var. Where is the logarithm undone?", lambda m, v, e: m + v.abs().sqrt() * e),
    ("You swap the two. The mean is given first.", lambda m, v, e: v + (m / 2).exp() * e),
    ("You add 1 to σ.", lambda m, v, e: m + ((v / 2).exp() + 1) * e / 2),
]
GRADIENTS = "You detach it, or switch gradients off, or draw with t.normal, which lets none through."


@check("5.1", mistakes=DRAW_MISTAKES)
def check_reparameterise(answer: Callable) -> str:
    seed = t.initial_seed()

    def ask(mean: t.Tensor, log_var: t.Tensor) -> t.Tensor:
        seed_all(seed + 1)  # the same noise in each call
        return careful(answer)(mean, log_var)

    mean, log_var = 2 * t.randn(SHAPE), t.randn(SHAPE) + 0.5  # no mean of 0, so that one σ for all is not 1
    with unchanged(mean=mean, log_var=log_var):
        result = ask(mean, log_var)
        expect_tensor(result, SHAPE, f"for means and variances of shape {SHAPE} it")
    if t.equal(result, careful(answer)(mean, log_var)):
        facts = "called twice, it gives the same, expected a new draw from N(mean, σ²)"
        drawn = ((result - mean) / (log_var / 2).exp()).std() > 0.5
        raise Mistake(facts, "You set a seed inside." if drawn else "Where does the noise come from?")
    noise = ask(t.zeros(SHAPE), t.zeros(SHAPE))
    if noise.abs().max() < 1e-6:
        noise = ask(t.zeros(SHAPE), t.ones(SHAPE))  # of log_var taken for σ
    if 0.4 < noise.std() < 0.6:
        noise = 2 * noise  # of a half in the wrong place
    if noise.abs().max() < 1e-6:
        raise Mistake("with mean 0 it gives 0, whatever is drawn", "You multiply by the mean. It's added.")
    judge_independence(noise, ["image", "channel", "row", "column"], of="mean")
    judge_values(ask, result, mean, log_var, noise)
    judge_gaussian(noise, "with mean 0 and log_var 0, what is drawn")
    if abs(noise.std() - 1) > 0.1:
        facts = f"with mean 0 and log_var 0, what is drawn has standard deviation {noise.std():.2f}, expected 1"
        raise Mistake(facts, "You scale the noise by something else, too.")
    judge_gradients(ask, mean, log_var)
    facts, question = (
        "for means on another device, it mixes tensors of two devices",
        "You make the noise on a fixed device. Where is the mean?",
    )
    elsewhere(lambda: answer(mean.to("meta"), log_var.to("meta")), facts, question)
    expect_tensor(ask(t.zeros(3, 2), t.zeros(3, 2)), (3, 2), "for means of shape (3, 2) it")
    return "mean, standard deviation, the noise, and gradients to both"


def judge_values(ask: Callable, result: t.Tensor, mean: t.Tensor, log_var: t.Tensor, noise: t.Tensor) -> None:
    expected = draw(mean, log_var, noise)
    gap = (result - expected).abs()
    if gap.max() < 1e-3:
        return
    question = recognise(DRAW_MISTAKES, lambda mistake: result.allclose(mistake(mean, log_var, noise), 1e-3, 1e-3))
    middle = log_var.abs() < 0.3
    if not question and result[middle].allclose(expected[middle], 1e-4, 1e-5):
        question = "You clamp log_var. It may be any number."
    if not question and result.abs().max() < 2:
        question = "You clamp what comes out. It may be any number."
    if not question:
        unmoved = ask(t.zeros(SHAPE), log_var)
        question = "You do something else with the mean. It's added, as it is."
        if (result - unmoved).allclose(mean, 1e-3, 1e-3):
            question = "You take another number for σ. How does it come from log_var, the logarithm of its square?"
    i = t.unravel_index(gap.argmax(), gap.shape)
    facts = f"with mean {mean[i]:.3f}, log_var {log_var[i]:.3f} and noise {noise[i]:.3f}"
    raise Mistake(f"{facts}, a number is {result[i]:.3f},\nexpected {expected[i]:.3f}", question)


def judge_gradients(ask: Callable, mean: t.Tensor, log_var: t.Tensor) -> None:
    mean, log_var = mean.clone().requires_grad_(), log_var.clone().requires_grad_()
    result = ask(mean, log_var)
    if not result.requires_grad:
        raise Mistake("no gradient reaches mean and log_var", GRADIENTS)
    got = t.autograd.grad(result.sum(), [mean, log_var], allow_unused=True)
    for name, gradient, expected in zip(
        ["mean", "log_var"], got, [t.ones(SHAPE), (result - mean).detach() / 2], strict=True
    ):
        if gradient is None or not gradient.any():
            raise Mistake(f"no gradient reaches {name}", GRADIENTS)
        if not gradient.allclose(expected, atol=1e-3):
            raise Mistake(f"the gradient that reaches {name} is not that of mean + σ noise", "You detach a part of it.")
