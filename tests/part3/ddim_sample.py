"""The check of 3.7 ddim_sample.

The model remembers what it is shown and what it guesses, so every step is known. With eta = 0, the next x has a
closed form. With eta > 0, two ways under one seed get the same fresh noise: what differs between them gives the
factor of the guessed noise exactly, and what is left over is σz.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice, pairwise
from typing import NamedTuple

import torch as t

from solutions.part1_diffusion import NoiseSchedule, linear_schedule
from tests.checking import (
    Mistake,
    Recording,
    apart,
    careful,
    check,
    differs,
    elsewhere,
    expect_tensor,
    factors_of,
    kind,
    numbers,
    other_betas,
    question_of_shape,
    recognise,
    schedule_of,
    seed_all,
    unchanged,
)

BETAS = [0.1, 0.3, 0.05, 0.2, 0.15, 0.25, 0.4]
COUNTS = {3: [7, 5, 2, 0], 7: [7, 6, 5, 4, 3, 2, 1, 0], 1: [7, 0]}  # by n_steps; 3 steps are uneven, too
ETA = 0.6  # where fresh noise is looked at


def ddim_bar(n: int) -> t.Tensor:
    """ᾱ after n steps, in float64; 1 for n = 0."""
    return (1 - t.tensor(BETAS[:n], dtype=t.float64)).prod()


def ddim_own_bar(n: int) -> t.Tensor:
    return (1 - linear_schedule(len(BETAS)).double()[:n]).prod()


def ddim_alpha(n: int) -> t.Tensor:
    return ddim_bar(n) / ddim_bar(max(n - 1, 0))


def ddim_sigma(eta: float, a: t.Tensor, b: t.Tensor) -> t.Tensor:
    return eta * ((1 - b) / (1 - a) * (1 - a / b)) ** 0.5


def ddim_clean(x: t.Tensor, e: t.Tensor, a: t.Tensor) -> t.Tensor:
    return (x - (1 - a) ** 0.5 * e) / a**0.5


def ddim_noise(x: t.Tensor, x0: t.Tensor, e: t.Tensor, a: t.Tensor, b: t.Tensor) -> t.Tensor:
    return (x - a**0.5 * x0) / (1 - a) ** 0.5


def ddim_mix(x0: t.Tensor, noise: t.Tensor, a: t.Tensor, b: t.Tensor, lowest: float = 0.0) -> t.Tensor:
    return b**0.5 * x0 + (1 - b).clamp(min=lowest) ** 0.5 * noise


def ddim_step(
    x: t.Tensor,
    e: t.Tensor,
    n: int,
    m: int,
    at: Callable = lambda n, m: (n, m),
    bar: Callable = ddim_bar,
    clean_at: Callable = lambda n, m: n,
    clean_bar: Callable = ddim_bar,
    clean: Callable = ddim_clean,
    clip: Callable = lambda x0, m: x0.clamp(-1, 1),
    noise: Callable = ddim_noise,
    mix: Callable = ddim_mix,
    sigma: Callable = lambda a, b: ddim_sigma(0, a, b),
    end: Callable = lambda x, m: x,
    clamped: bool = False,
    instead: Callable | None = None,
) -> t.Tensor:
    """The step with eta = 0 from x and the guess e, after n steps of noise. at to end: what a mistake does otherwise;
    for wrong a and b, σ is no 0 but nan, unless all is clamped under its root"""
    (n_bar, m_bar), (a_of, b_of) = at(n, m), bar if isinstance(bar, tuple) else (bar, bar)
    a, b = a_of(n_bar), b_of(m_bar)
    x0 = clip(clean(x, e, clean_bar(clean_at(n, m))), m)
    if instead:
        return instead(x, e, noise(x, x0, e, a, b), n)
    return end(mix(x0, noise(x, x0, e, a, b), a, b) + (0 if clamped else sigma(a, b)), m)


def algorithm_2(x: t.Tensor, noise: t.Tensor, n: int) -> t.Tensor:
    """Line 4, without σz."""
    alpha = ddim_alpha(n)
    return (x - (1 - alpha) / (1 - ddim_bar(n)) ** 0.5 * noise) / alpha**0.5


ALGORITHM_2 = "You take the step of Algorithm 2, from n to n - 1. These steps are longer, to m."


def ddim_guess(x: t.Tensor, x0: t.Tensor, e: t.Tensor, a: t.Tensor, b: t.Tensor) -> t.Tensor:
    return e


def ddim_unclipped(x0: t.Tensor, m: int) -> t.Tensor:
    return x0


def ddim_clip_mix(x0: t.Tensor, noise: t.Tensor, a: t.Tensor, b: t.Tensor) -> t.Tensor:
    return ddim_mix(x0, noise, a, b).clamp(-1, 1)


LATE = "You look ᾱ of m up one timestep late. Row 0 of the schedule is ᾱ of 1 step."
OVERWRITTEN = "You overwrite x before you find the noise in it. That noise leads from x0 to the old x."
NAN = "You take a root or a logarithm of a negative number, or divide by 0."
CLAMPED_ABOVE_0 = "You leave noise in the last step. There ᾱ is 1, and what's under the middle root may be 0."
SCALED = "You scale the guessed image by its largest number. It's clipped to [-1, 1]."
GUESS_CLIPPED = "You clip the guessed noise. Only the guessed image is in [-1, 1]."
STEP_MISTAKES = [
    (
        "You take the root of 1 less a number above 1. ᾱ_n / ᾱ_m is upside down, or one of the two is not ᾱ.",
        dict(sigma=lambda a, b: 0 * ((1 - b) * (1 - b / a)) ** 0.5),
    ),
    (
        "You keep the noise that the model guessed. x0 was clipped: does that noise still lead from it to x?",
        dict(noise=ddim_guess),
    ),
    ("Where is the guessed image clipped? It can lie far outside of [-1, 1].", dict(clip=ddim_unclipped)),
    (
        "You clip in the last step alone. Each guessed image is clipped.",
        dict(clip=lambda x0, m: x0 if m else x0.clamp(-1, 1)),
    ),
    ("Where is it clipped in the last step?", dict(clip=lambda x0, m: x0.clamp(-1, 1) if m else x0)),
    ("You clip to [0, 1]. Images are in [-1, 1].", dict(clip=lambda x0, m: x0.clamp(0, 1))),
    ("You clip x. Only the guessed image is in [-1, 1].", dict(clip=ddim_unclipped, mix=ddim_clip_mix)),
    ("You clip x. Only the guessed image is in [-1, 1].", dict(noise=ddim_guess, mix=ddim_clip_mix)),
    ("You clip x, too. Only the guessed image is in [-1, 1].", dict(mix=ddim_clip_mix)),
    (GUESS_CLIPPED, dict(clean=lambda x, e, a: ddim_clean(x, e.clamp(-1, 1), a), clip=ddim_unclipped)),
    (GUESS_CLIPPED, dict(clean=lambda x, e, a: ddim_clean(x, e.clamp(-1, 1), a))),
    (
        "You bring the samples to [0, 1] in the end. They stay in [-1, 1].",
        dict(end=lambda x, m: x if m else (x + 1) / 2),
    ),
    ("You take ᾱ of 1 step where there are 0. No noise is left at 0, so it's 1.", dict(at=lambda n, m: (n, max(m, 1)))),
    ("You take 0 for ᾱ at 0 steps. No noise is left there, so it's 1.", dict(bar=lambda n: ddim_bar(n) * min(n, 1))),
    (
        "You look up index -1 for 0 steps, which is the last one. ᾱ is 1 there.",
        dict(at=lambda n, m: (n, m or len(BETAS))),
    ),
    (LATE, dict(at=lambda n, m: (n, m + 1))),
    (LATE, dict(at=lambda n, m: (n, m and m + 1))),
    ("You take ᾱ of n where there are 0 steps. It's 1 there.", dict(at=lambda n, m: (n, m or n))),
    ("You take 1 for ᾱ of 1 step, too. It's 1 for 0 steps alone.", dict(at=lambda n, m: (n, m if m > 1 else 0))),
    ("You look ᾱ of m up one timestep early.", dict(at=lambda n, m: (n, max(m - 1, 0)))),
    ("You look ᾱ of n up one timestep early.", dict(at=lambda n, m: (max(n - 1, 1), m))),
    ("You look both ᾱ up one timestep early.", dict(at=lambda n, m: (max(n - 1, 1), max(m - 1, 0)))),
    ("You take n - 1 for m. These steps are longer.", dict(at=lambda n, m: (n, n - 1))),
    ("You swap ᾱ of n and ᾱ of m, in σ or everywhere.", dict(at=lambda n, m: (m, n))),
    ("You noise it for n steps again. The step leads to m.", dict(at=lambda n, m: (n, n))),
    ("You take α, of one step alone, for ᾱ.", dict(bar=ddim_alpha)),
    ("You take α, of one step alone, for ᾱ.", dict(bar=ddim_alpha, clean_bar=ddim_alpha)),
    ("You take α, of one step alone, for ᾱ of n.", dict(bar=(ddim_alpha, ddim_bar))),
    ("You take α, of one step alone, for ᾱ of m.", dict(bar=(ddim_bar, ddim_alpha))),
    ("You take another schedule. Where is that of the model?", dict(bar=ddim_own_bar)),
    ("You take another schedule. Where is that of the model?", dict(bar=ddim_own_bar, clean_bar=ddim_own_bar)),
    ("You reconstruct x0 from m steps. x still has n.", dict(clean_at=lambda n, m: max(m, 1))),
    ("You reconstruct x0 from n - 1 steps. x still has n.", dict(clean_at=lambda n, m: max(n - 1, 1))),
    ("You add the guess in x0. It's taken away.", dict(clean=lambda x, e, a: ddim_clean(x, -e, a))),
    (
        "You divide the guess alone. Mind the parentheses of x0.",
        dict(clean=lambda x, e, a: x - (1 - a) ** 0.5 / a**0.5 * e),
    ),
    (
        "You subtract ᾱ_n / ᾱ_m from the first fraction. Mind the parentheses of 1 - ᾱ_n / ᾱ_m.",
        dict(sigma=lambda a, b: 0 * ((1 - b) / (1 - a) - a / b) ** 0.5),
    ),
    ("You take a tanh. Clipping leaves alone what lies in [-1, 1].", dict(clip=lambda x0, m: x0.tanh())),
    (
        "You clip the samples to [0, 1] in the end. Images are in [-1, 1].",
        dict(end=lambda x, m: x if m else x.clamp(0, 1)),
    ),
    ("You swap x and the guess in reconstruct.", dict(clean=lambda x, e, a: ddim_clean(e, x, a))),
    ("You take the guess for the clean image. It's noise.", dict(clean=lambda x, e, a: e)),
    (
        "You find the noise with ᾱ of m. x still has n steps of it.",
        dict(noise=lambda x, x0, e, a, b: ddim_noise(x, x0, e, b, a)),
    ),
    (
        "You multiply the noise by its factor. To get it back, divide.",
        dict(noise=lambda x, x0, e, a, b: (x - a**0.5 * x0) * (1 - a) ** 0.5),
    ),
    (
        "You divide the image alone. Mind the parentheses: x less the image is divided.",
        dict(noise=lambda x, x0, e, a, b: x - a**0.5 * x0 / (1 - a) ** 0.5),
    ),
    (OVERWRITTEN, dict(noise=lambda x, x0, e, a, b: ddim_noise(x0, x0, e, a, b))),
    (OVERWRITTEN, dict(noise=lambda x, x0, e, a, b: ddim_noise(b**0.5 * x0, x0, e, a, b))),
    ("Where are both roots?", dict(mix=lambda x0, e, a, b: b * x0 + (1 - b) * e)),
    ("You swap the two factors.", dict(mix=lambda x0, e, a, b: ddim_mix(e, x0, a, b))),
    ("You subtract the noise. It's added again.", dict(mix=lambda x0, e, a, b: ddim_mix(x0, -e, a, b))),
    (
        "You put x where x0 belongs in the new x.",
        dict(mix=lambda x0, e, a, b: ddim_mix(ddim_mix(x0, e, b, a), e, a, b)),  # x is the mix for n steps
    ),
    ("Where is the guessed noise added again?", dict(mix=lambda x0, e, a, b: b**0.5 * x0)),
    ("You return the guessed image. Where is it noised again?", dict(mix=lambda x0, e, a, b: x0)),
    (
        "Where is eta in the middle root? σ holds it, there as well as in front of z.",
        dict(mix=lambda x0, e, a, b: b**0.5 * x0 + (1 - b - ddim_sigma(1, a, b) ** 2).clamp(min=0) ** 0.5 * e),
    ),
    (ALGORITHM_2, dict(instead=lambda x, e, noise, n: algorithm_2(x, noise, n))),
    (ALGORITHM_2, dict(instead=lambda x, e, noise, n: algorithm_2(x, e, n))),
    *[(CLAMPED_ABOVE_0, dict(mix=partial(ddim_mix, lowest=10.0**-digits))) for digits in range(1, 7)],
    (SCALED, dict(clip=lambda x0, m: x0 / x0.abs().amax().clamp(min=1))),
    (SCALED, dict(clip=lambda x0, m: x0 / x0.abs().amax(dim=(1, 2, 3), keepdim=True).clamp(min=1))),
]
FACTORS = {  # what may stand where another belongs
    "√ᾱ_n": lambda a, b: a**0.5,
    "√ᾱ_m": lambda a, b: b**0.5,
    "√(1 - ᾱ_n)": lambda a, b: (1 - a) ** 0.5,
    "√(1 - ᾱ_m)": lambda a, b: (1 - b) ** 0.5,
    "ᾱ_n": lambda a, b: a,
    "ᾱ_m": lambda a, b: b,
    "1 - ᾱ_n": lambda a, b: 1 - a,
    "1 - ᾱ_m": lambda a, b: 1 - b,
    "1 - √ᾱ_n": lambda a, b: 1 - a**0.5,
    "1 - √ᾱ_m": lambda a, b: 1 - b**0.5,
    "1": lambda a, b: 1,
}


def misplaced(factor: Callable) -> dict[str, dict]:
    """Each place of a factor, with what belongs there, and the step where another one stands there."""
    return {
        "in front of x0, where you find the noise. It's √ᾱ_n": dict(
            noise=lambda x, x0, e, a, b: (x - factor(a, b) * x0) / (1 - a) ** 0.5
        ),
        "below the fraction, where you find the noise. It's √(1 - ᾱ_n)": dict(
            noise=lambda x, x0, e, a, b: (x - a**0.5 * x0) / factor(a, b)
        ),
        "in front of x0 in the new x. It's √ᾱ_m": dict(mix=lambda x0, e, a, b: factor(a, b) * x0 + (1 - b) ** 0.5 * e),
        "in front of the noise in the new x. It's √(1 - ᾱ_m - σ²)": dict(
            mix=lambda x0, e, a, b: b**0.5 * x0 + factor(a, b) * e
        ),
        "in front of the guess in x0. It's √(1 - ᾱ_n)": dict(clean=lambda x, e, a: (x - factor(a, a) * e) / a**0.5),
        "below the fraction of x0. It's √ᾱ_n": dict(clean=lambda x, e, a: (x - (1 - a) ** 0.5 * e) / factor(a, a)),
    }


MISPLACED = [
    (f"You have {name} {place}.", how) for name, factor in FACTORS.items() for place, how in misplaced(factor).items()
]
SIGMA_MISTAKES = [  # what is taken for σ; a and b are ᾱ of n and of m, beta is β of n
    ("Where is fresh noise added?", lambda eta, a, b, beta: 0 * a),
    ("You use eta as a switch. It's a factor.", lambda eta, a, b, beta: ddim_sigma(1, a, b)),
    ("You square eta. It multiplies σ as it is.", lambda eta, a, b, beta: eta * ddim_sigma(eta, a, b)),
    (
        "You put eta under the root, or multiply a variance by it. It multiplies σ.",
        lambda eta, a, b, beta: ddim_sigma(eta**0.5, a, b),
    ),
    ("Where is the root of σ? z needs a standard deviation.", lambda eta, a, b, beta: eta * ddim_sigma(1, a, b) ** 2),
    ("You multiply z by σ², a variance.", lambda eta, a, b, beta: ddim_sigma(eta, a, b) ** 2),
    ("You take Algorithm 2's σ, of one step. These steps are longer.", lambda eta, a, b, beta: eta * beta**0.5),
    (
        "You take β, of one step. These steps are longer.",
        lambda eta, a, b, beta: eta * ((1 - b) / (1 - a) * beta) ** 0.5,
    ),
    ("Where is the first fraction under the root?", lambda eta, a, b, beta: eta * (1 - a / b) ** 0.5),
    ("Where is 1 - ᾱ_n / ᾱ_m under the root?", lambda eta, a, b, beta: eta * ((1 - b) / (1 - a)) ** 0.5),
    (
        "You turn the first fraction upside down.",
        lambda eta, a, b, beta: eta * ((1 - a) / (1 - b) * (1 - a / b)) ** 0.5,
    ),
    ("Where is the 1 - in front of ᾱ_n / ᾱ_m?", lambda eta, a, b, beta: eta * ((1 - b) / (1 - a) * a / b) ** 0.5),
    (
        "You take the root of the first fraction alone.",
        lambda eta, a, b, beta: eta * ((1 - b) / (1 - a)) ** 0.5 * (1 - a / b),
    ),
    (
        "You leave the first fraction out of the root.",
        lambda eta, a, b, beta: eta * (1 - b) / (1 - a) * (1 - a / b) ** 0.5,
    ),
    (
        "You add both factors under the root of σ.",
        lambda eta, a, b, beta: eta * ((1 - b) / (1 - a) + 1 - a / b) ** 0.5,
    ),
    (
        "You divide by 1 - ᾱ_n / ᾱ_m. It's multiplied.",
        lambda eta, a, b, beta: eta * ((1 - b) / (1 - a) / (1 - a / b)) ** 0.5,
    ),
    ("You take (1 - ᾱ_n) / ᾱ_m for 1 - ᾱ_n / ᾱ_m.", lambda eta, a, b, beta: eta * ((1 - b) / b) ** 0.5),
    ("You take a root of σ itself.", lambda eta, a, b, beta: ddim_sigma(eta, a, b) ** 0.5),
    (
        "You make all noise of m fresh, or take 1 - ᾱ_n for 1 - ᾱ_n / ᾱ_m.",
        lambda eta, a, b, beta: eta * (1 - b) ** 0.5,
    ),
    ("You take 1 - ᾱ_m for 1 - ᾱ_n / ᾱ_m.", lambda eta, a, b, beta: eta * ((1 - b) ** 2 / (1 - a)) ** 0.5),
    ("You multiply ᾱ_n by ᾱ_m. It's divided.", lambda eta, a, b, beta: eta * ((1 - b) / (1 - a) * (1 - a * b)) ** 0.5),
    (
        "You turn ᾱ_n / ᾱ_m upside down, and the sign of what that leads to.",
        lambda eta, a, b, beta: eta * ((1 - b) / (1 - a) * (b / a - 1)) ** 0.5,
    ),
    ("You add all noise of n. The step leads to m, with less noise.", lambda eta, a, b, beta: eta * (1 - a) ** 0.5),
    ("You multiply z by eta alone.", lambda eta, a, b, beta: eta * a**0),
    ("You add z at full size. Where is σ in front of it?", lambda eta, a, b, beta: a**0),
]
KEPT_MISTAKES = [  # what is taken for the factor of the guessed noise; b is ᾱ of m, s is σ
    ("The fresh noise comes on top. Where is the guessed one made smaller for it?", lambda b, s: (1 - b) ** 0.5),
    ("Where is σ squared under the middle root?", lambda b, s: (1 - b - s).clamp(min=0) ** 0.5),
    (
        "You multiply by 1 - eta² under the middle root. σ² is taken off.",
        lambda b, s: ((1 - b) * (1 - ETA**2)).clamp(min=0) ** 0.5,
    ),
    ("You add σ² under the middle root.", lambda b, s: (1 - b + s**2) ** 0.5),
    ("You take σ off after the root. σ² is taken off under it.", lambda b, s: (1 - b) ** 0.5 - s),
    ("You take σ² off after the root. It's taken off under it.", lambda b, s: (1 - b) ** 0.5 - s**2),
    ("You multiply the root by 1 - σ². σ² is taken off under it.", lambda b, s: ((1 - b) * (1 - s**2)) ** 0.5),
    ("You take eta² off under the middle root. It's σ².", lambda b, s: (1 - b - ETA**2).clamp(min=0) ** 0.5),
]


def repeated(counts: list[int], times: int) -> list[int]:
    return [n for n in counts for _ in range(times)]


COUNT_MISTAKES = [  # whether the counts that the model sees are those of the mistake, where counts is given
    (
        "You count the jumps. The model is told the timestep n.",
        lambda seen, counts, expected: len(seen) > 1 and seen in ([*range(len(seen))], [*range(1, len(seen) + 1)]),
    ),
    (
        "You tell the model m. x still has n steps of noise.",
        lambda seen, counts, expected: seen in (counts[1:], [max(m, 1) for m in counts[1:]]),
    ),
    (
        "You begin with 0, an index or the end of the path. The first timestep is T.",
        lambda seen, counts, expected: seen == [0],
    ),
    (
        "You go up. The path goes from T down to 0.",
        lambda seen, counts, expected: seen == counts[-2::-1] or seen[:1] == [0],
    ),
    (
        "Where is the first step, from T? n is the first of each pair.",
        lambda seen, counts, expected: seen == counts[1:-1],
    ),
    ("Where is the last step?", lambda seen, counts, expected: seen == counts[:-2]),
    (
        "You visit every timestep. The given ones are further apart.",
        lambda seen, counts, expected: seen == COUNTS[7][:-1],
    ),
    (
        "You take 1 away. The model knows timesteps, which begin at 1, and no rows.",
        lambda seen, counts, expected: seen == [n - 1 for n in counts[:-1]],
    ),
    (
        "You take n_steps for the length of a step. It's how many there are.",
        lambda seen, counts, expected: seen == [*range(counts[0], 0, 1 - len(counts))],
    ),
    (
        "You draw the samples one after the other. They're drawn together, as one batch.",
        lambda seen, counts, expected: (
            (each := len(seen) // max(len(expected), 1)) > 1
            and seen in (expected * each, repeated(expected, max(each, 3)))
        ),
    ),
    (
        "You ask the model twice at each timestep. Keep its guess.",
        lambda seen, counts, expected: seen == repeated(expected, 2),
    ),
]
LIST_MISTAKES = [  # whether entry i is that of the mistake; xs are right, x0 is the image guessed before
    (
        "You put the same tensor in many times, and change it in place.",
        lambda steps, i, xs, x0: all(steps[i].equal(other) for other in steps),
    ),
    (
        "You put them in from clean to noisy. It's noisy first, clean last.",
        lambda steps, i, xs, x0: steps[-1].equal(xs[0]),
    ),
    (
        "You clip what you keep. x is kept as it is.",
        lambda steps, i, xs, x0: steps[i].allclose(xs[i].clamp(-1, 1), atol=1e-4),
    ),
    (
        "You bring what you keep to [0, 1]. x is kept as it is.",
        lambda steps, i, xs, x0: steps[i].clamp(0, 1).allclose((xs[i] / 2 + 0.5).clamp(0, 1), atol=1e-4),
    ),
    ("You put the start in twice.", lambda steps, i, xs, x0: i > 0 and steps[i].allclose(xs[i - 1], atol=1e-4)),
    ("You keep the guessed image. x is kept.", lambda steps, i, xs, x0: i > 0 and steps[i].allclose(x0, atol=1e-4)),
]


class Recorded(Recording):
    """A model whose guesses depend on the count alone, and are remembered as well."""

    img_shape = (3, 24, 32)

    def __init__(
        self, sign: int = 1, device: str = "cpu", betas: Sequence[float] = BETAS, img_shape: tuple = img_shape
    ) -> None:
        super().__init__(NoiseSchedule(len(betas), device, t.tensor(betas)), device)
        self.sign, self.guesses, self.img_shape = sign, [], img_shape

    def refuse(self, images: t.Tensor, num_steps: object) -> None:
        if images.shape[1:] != self.img_shape:
            facts = f"the model gets {kind(images)}, expected images of shape {self.img_shape}"
            question = question_of_shape(images.shape, (*images.shape[:1], *self.img_shape))
            if images.shape[1:] == (1, 28, 28) or images.shape[-2:] == (28, 28):
                question = "You write a shape down. Where is model.img_shape?"
            elif len(images.shape) == 4 and set(self.img_shape) <= {1, *images.shape}:
                question = "Two shapes are broadcast. You take away an axis of length 1, as squeeze() does."
            if images.ndim == 1:
                question = "You swap its two arguments, or leave one out."
            raise Mistake(facts, question)
        if not isinstance(num_steps, t.Tensor) or num_steps.shape != images.shape[:1]:
            facts = f"the model gets {kind(num_steps)} as num_steps"
            question = "Where does each sample get its own timestep?"
            raise Mistake(f"{facts}, expected one timestep for each of {len(images)} images", question)
        if num_steps.is_floating_point():
            facts = (
                f"the model gets {num_steps[0]:.4g} as a timestep, of type {num_steps.dtype}, expected whole numbers"
            )
            raise Mistake(facts, "You hand on something else. It's the timestep n.")
        if images.dtype != t.float32:
            facts = f"the model gets images of type {images.dtype}, expected torch.float32"
            raise Mistake(facts, "You let a factor be float64. Which one?" if images.dtype == t.float64 else "")

    def answer(self, images: t.Tensor, num_steps: t.Tensor) -> t.Tensor:
        self.remember(images, num_steps)
        guess = 0.5 * t.randn(images.shape, generator=t.Generator().manual_seed(10_000 + self.counts[-1]))
        self.guesses.append(self.sign * guess.double())
        return self.sign * guess + self.weight


@dataclass
class Step:
    """One step with eta = 0, from x and the guess, after n steps of noise, to result."""

    x: t.Tensor
    guess: t.Tensor
    n: int
    m: int
    result: t.Tensor

    def fits(self, **how) -> bool:
        """how: of a mistake; none: whether the step is right"""
        return self.result.allclose(ddim_step(self.x, self.guess, self.n, self.m, **how), atol=1e-3, equal_nan=True)

    @property
    def broken_off(self) -> bool:
        """Whether it is nan at 0 steps alone. What is wrong before tells more."""
        return self.m == 0 and bool(self.result.isnan().any() and self.x.isfinite().all())


@check("3.7", mistakes=COUNT_MISTAKES + STEP_MISTAKES + SIGMA_MISTAKES + KEPT_MISTAKES + LIST_MISTAKES)
def check_ddim_sample(answer: Callable) -> str:
    answer = careful(answer)
    model, plain = way_of(answer, 3, 6, 0.0)
    again = way_of(answer, 3, 6, 0.0)[1]
    if not all(one.allclose(two, equal_nan=True) for one, two in zip(plain, again, strict=True)):
        question, drawn = "Where does eta multiply all of σ?", (plain[1] - again[1]).std() / 2**0.5
        if drawn.isclose((1 - ddim_bar(COUNTS[3][1])) ** 0.5, rtol=0.05):
            question = "You noise the image with fresh noise alone. Where is the guessed one?"
        raise Mistake("with eta=0, two ways from the same start end apart", question)
    steps = steps_of(3, model, plain)
    try:
        for n_steps, n_samples in [(1, 1), (7, 2)]:
            steps += steps_of(n_steps, *way_of(answer, n_steps, n_samples, 0.0))
    except Exception:
        judge_steps(answer, steps)  # what is wrong so far may be why
        raise
    judge_steps(answer, steps)
    judge_noise(answer)
    judge_all_fresh(answer)
    judge_rounding(answer)
    judge_list(answer, model, plain)
    judge_start(answer)
    judge_shapes(answer)
    judge_many_steps(answer)
    judge_other_schedule(answer)
    judge_device(answer)
    return "the timesteps, the clipped image, its noise, σ and eta, fresh noise, rounding, start, all steps returned"


def way_of(answer: Callable, n_steps: int, n_samples: int, eta: float, sign: int = 1) -> tuple[Recorded, list]:
    """The model, and each x from start to the result, in float64."""
    model, shape = Recorded(sign), (n_samples, *Recorded.img_shape)
    start = sign * 0.6 * t.randn(shape, generator=t.Generator().manual_seed(20_000 + n_steps))
    with unchanged(start=start):
        try:
            result = answer(model, n_samples, n_steps=n_steps, eta=eta, start=start)
        except ValueError as error:  # the schedule lacks a count
            seen = len(model.counts)
            judge_counts(model.counts, COUNTS[n_steps], COUNTS[n_steps][:seen])
            if re.search(r"but it is (tensor\(\[*)?0", str(error)):
                up = "You begin with 0. The path goes from T down to 0."
                error.add_note("You look ᾱ of 0 steps up. The text says what it is." if seen else up)
            raise
        except IndexError as error:
            error.add_note("Row 0 of a schedule belongs to timestep 1. alpha_bar takes the timestep itself.")
            raise
        except RuntimeError as error:
            if "Boolean value" in str(error):
                error.add_note("A tensor is neither true nor false. Where do you ask whether start is None?")
            raise
        if isinstance(result, t.Tensor) and result.requires_grad:
            raise Mistake("the samples carry a graph for gradients", "Where is @t.no_grad(), above def?")
        if isinstance(result, list | tuple) and len(result) == n_steps + 1:
            facts = f"without return_all_steps it returns {kind(result)} of {len(result)}, expected one tensor"
            raise Mistake(facts, "You return all steps, asked or not. Where is return_all_steps used?")
        numbers = result.nan_to_num() if isinstance(result, t.Tensor) else result  # a nan is judged where it comes up
        expect_tensor(numbers, shape, f"with n_steps={n_steps} it")
        judge_counts(model.counts, COUNTS[n_steps], COUNTS[n_steps][:-1])
    if not model.shown[0].equal(start):
        gap = model.shown[0] - start
        question = "Where is start used?"
        if model.shown[0].equal(start.clamp(-1, 1)):
            question = "You clip start. It's noise, and not an image."
        elif (model.shown[0] * start).mean() > 0.5 * start.square().mean():
            question = "You change start, or add to it." if gap.std() > 1e-3 else "You change start."
        raise Mistake("the first images that the model gets are not start", question)
    if n_steps > 1 and result.equal(start):
        raise Mistake("what it returns is the start", "You return an x from before the loop. Where is the last one?")
    if n_steps > 1 and all(x.equal(start) for x in model.shown):
        raise Mistake(
            "the model is shown the same images at every timestep",
            "You show it start each time. Where is x as it has become?",
        )
    return model, [x.double() for x in [*model.shown, result]]


def judge_counts(seen: list[int], counts: list[int], expected: list[int]) -> None:
    if seen != expected:
        facts = f"where counts is {counts}, the model gets the timesteps {seen}, expected {counts[:-1]}"
        otherwise = (
            "You tell the model another timestep than n, or choose your own. n goes from each of counts to the next."
        )
        raise Mistake(facts, recognise(COUNT_MISTAKES, lambda made: made(seen, counts, expected), otherwise))


def steps_of(n_steps: int, model: Recorded, xs: list[t.Tensor]) -> list[Step]:
    pairs = pairwise(COUNTS[n_steps])
    return [Step(x, e, n, m, to) for (x, to), e, (n, m) in zip(pairwise(xs), model.guesses, pairs, strict=True)]


def judge_steps(answer: Callable, steps: list[Step]) -> None:
    """With eta = 0, every pixel has a closed form."""
    wrong = sorted((step for step in steps if not step.fits()), key=lambda step: step.broken_off)
    if not wrong:
        return
    step = wrong[0]
    if step.broken_off:
        judge_noise(answer, last=False)
    expected, x0 = ddim_step(step.x, step.guess, step.n, step.m), ddim_clean(step.x, step.guess, ddim_bar(step.n))
    gap = (step.result - expected).abs().nan_to_num(nan=9)
    unclipped = gap * (x0.abs() < 1)  # if wrong there, such a pixel tells more
    at = (unclipped if unclipped.max() > 1e-3 else gap).argmax()
    x, guess, x0, is_now, should_be = (v.flatten()[at] for v in (step.x, step.guess, x0, step.result, expected))
    facts = f"from timestep {step.n} to {step.m},\nx = {x:.3f}, guess {guess:.3f}, x0 = {x0:.3f} before clipping: "
    facts += f"x becomes {apart(is_now.item(), should_be.item())}"
    ways = [(q, how | guard) for q, how in STEP_MISTAKES + MISPLACED for guard in ({}, dict(clamped=True))]
    others = [
        (NAN, is_now.isnan()),
        (
            "Where x0 is in [-1, 1] already, all is right. You clip to other limits, or go on with what isn't clipped.",
            unclipped.max() < 1e-4,
        ),
        *made_of(wrong),
    ]
    question = recognise(ways, lambda how: all(step.fits(**how) for step in steps)) or recognise(others, bool)
    raise Mistake(facts, question, given=f"with betas {BETAS} and eta=0")


def made_of(wrong: list[Step]) -> list[tuple[str, bool]]:
    """What to say of steps that add up the right things with wrong factors: the first one, and one to 0, which gives x0
    itself."""
    step, a, b = wrong[0], ddim_bar(wrong[0].n), ddim_bar(wrong[0].m)
    x0 = ddim_clean(step.x, step.guess, a).clamp(-1, 1)
    rows, found = [], factors_of(step.result, x0, ddim_noise(step.x, x0, step.guess, a, b), atol=1e-4)
    if found is not None:
        said = f"You make the new x of {found[0]:.3f} x0 and {found[1]:.3f} ε, where the factors are {b**0.5:.3f} and"
        rows.append((f"{said} {(1 - b) ** 0.5:.3f}, if your ε leads from x0 to x.", found.any()))
    for to_0 in [step for step in wrong if step.m == 0][:1]:
        a, inside = ddim_bar(to_0.n), to_0.result.abs() < 0.999
        found = factors_of(*(part[inside] for part in (to_0.result, to_0.x, to_0.guess)), atol=1e-4)
        if found is not None:
            said = (
                f"You make x0 after {to_0.n} steps of {found[0]:.3f} x and {found[1]:.3f} guess, where the factors are"
            )
            rows.append((f"{said} {a**-0.5:.3f} and {-((1 / a - 1) ** 0.5):.3f}.", found.any()))
    return rows


class Freshened(NamedTuple):
    """One step with eta > 0: what is added to image and guessed noise, and the factor of the latter."""

    n: int
    m: int
    fresh: t.Tensor
    kept: t.Tensor


def freshened(answer: Callable, n_steps: int, eta: float = ETA) -> list[Freshened]:
    """Every step, from two ways with the same fresh noise and opposite guesses."""
    ways, steps = [], []
    for sign in (1, -1):
        seed_all(t.initial_seed())
        ways.append(way_of(answer, n_steps, 6, eta, sign))
    for i, (n, m) in enumerate(pairwise(COUNTS[n_steps])):
        a, b = ddim_bar(n), ddim_bar(m)
        x0s = [ddim_clean(xs[i], model.guesses[i], a).clamp(-1, 1) for model, xs in ways]
        noise, other = (ddim_noise(xs[i], x0, x0, a, b) for x0, (_, xs) in zip(x0s, ways, strict=True))
        rest, other_rest = (xs[i + 1] - b**0.5 * x0 for x0, (_, xs) in zip(x0s, ways, strict=True))
        kept = ((noise - other) * (rest - other_rest)).sum() / ((noise - other) ** 2).sum()
        steps.append(Freshened(n, m, rest - kept * noise, kept))
    return steps


def judge_noise(answer: Callable, last: bool = True) -> None:
    """With eta > 0: how much fresh noise is added, how much of the guessed one is kept, and what z is.
    last: whether the step to 0 is judged, too"""
    steps = [step for n_steps in (3, 7) for step in freshened(answer, n_steps) if step.m or last]
    first, second = (step.fresh for step in steps[:2])
    loud = max(first, second, key=lambda fresh: fresh.abs().mean())  # one number for all can happen to be almost 0
    shared = [axis for i, axis in enumerate(["sample", "channel", "row", "column"]) if loud.std(dim=i).max() < 1e-4]
    if shared and loud.abs().mean() > 1e-3:
        raise Mistake(
            f"with eta={ETA}, every {' and '.join(shared)} gets the same noise",
            "You draw too few numbers. z has the shape of x.",
        )
    seeded = freshened(answer, 3)[0].fresh.equal(first)  # else z comes from elsewhere, and differs each time
    seed_all(t.initial_seed() + 1)
    if first.std() > 1e-3 and freshened(answer, 3)[0].fresh.equal(first):
        facts = f"with eta={ETA}, each way from the same start leads to the same images"
        raise Mistake(facts, "You set a seed inside, or draw z once and for all.")
    within = (first.abs() < first.std()).double().mean()
    if abs(within - 0.683) > 0.03 and first.std() > 1e-3:
        facts = f"with eta={ETA}, {within:.0%} of the fresh noise is within one std, expected 68%"
        raise Mistake(facts, "You draw z from another distribution. It's Gaussian, as t.randn draws.")
    sigmas, kepts = [], []
    for n, m, fresh, kept in steps:
        a, b = ddim_bar(n), ddim_bar(m)
        sigma = ddim_sigma(ETA, a, b)
        sigmas.append((n, m, fresh.std(), sigma, (ETA, a, b, 1 - ddim_alpha(n))))
        kepts.append((n, m, kept, (1 - b - sigma**2).abs() ** 0.5, (b, sigma)))
    before_0 = [step for step in steps if step.m]
    if all(step.fresh.std() < 1e-3 and step.kept.isclose((1 - ddim_bar(step.m)) ** 0.5, 1e-3) for step in before_0):
        facts = f"with eta={ETA}, no fresh noise is added, and the guessed noise is not made smaller"
        raise Mistake(
            facts, "Then σ is 0. Where does eta count in it? If it does, you turn the last fraction upside down."
        )
    judge_factors("fresh noise of std {:.3f} is added", sigmas, SIGMA_MISTAKES, 0.04)
    judge_factors("the guessed noise has factor {:.3f}", kepts, KEPT_MISTAKES, 0.001 if seeded else 0.03)
    if (first * second).mean().abs() > 0.1 * first.std() * second.std():
        raise Mistake(
            f"with eta={ETA}, two steps add the same noise", "You add the same z in each step. It's drawn anew."
        )


def judge_factors(words: str, measured: list[tuple], mistakes: list, slack: float) -> None:
    def same(got: t.Tensor, formula: t.Tensor) -> bool:
        return got.allclose(formula, rtol=slack, atol=1e-3)

    # in the last step some take x0 as it is, and after a first nan all is nan
    known = [(got, expected, of) for _, m, got, expected, of in measured if m and not got.isnan()]

    def fits(mistake: Callable) -> bool:
        return bool(known) and all(same(value, mistake(*of)) for value, _, of in known)

    for n, m, got, expected, of in measured:
        if not same(got, expected):
            times = f"You make it about {got / expected:.1f} times as large, in each step."
            others = [
                (
                    "You take a root of a number below 0. There is one if ᾱ_n / ᾱ_m is upside down.",
                    got.isnan(),
                ),
                ("You add noise in the last step. Nothing cleans up after it.", m == 0),
                (
                    "You leave fresh noise out in some steps. Only the step to 0 has none.",
                    got < 1e-3 and mistakes is SIGMA_MISTAKES,
                ),
                (times, all(same(value / right, got / expected) for value, right, _ in known)),
                (part_of(got, *of), True),
            ]
            facts = f"from timestep {n} to {m},\n{words.format(got)}, expected {expected:.3f}"
            question = recognise(mistakes, fits) or recognise(others, bool)
            raise Mistake(facts, question, given=f"with betas {BETAS} and eta={ETA}")


def part_of(got: t.Tensor, *of: t.Tensor) -> str:
    """What to say of a σ, or of a factor of the guessed noise, that is no known mistake. of: as its rows get it"""
    if len(of) == 2:
        b, sigma = of
        return f"You have {got**2:.3f} under the middle root, where 1 - ᾱ_m is {1 - b:.3f} and σ² is {sigma**2:.3f}."
    eta, a, b, _ = of
    first, last = (1 - b) / (1 - a), 1 - a / b
    right = f"eta √({first:.3f} · {last:.3f}), of the first fraction and 1 - ᾱ_n / ᾱ_m"
    return f"You make a σ of {got:.3f}. It's {right}."


def judge_rounding(answer: Callable) -> None:
    """Where all noise is fresh, rounding leads 1 - ᾱ_m - σ² just below 0 in some schedules, others on each processor."""
    tried = ([beta / 100, beta / 100, 0.9999, 0.9999] for beta in range(5, 95))
    for betas in islice(filter(rounds_below_0, tried), 8):
        if answer(Recorded(betas=betas), 1, n_steps=2, eta=1.0).isnan().any():
            question = "By rounding, what should be 0 can come out just below it. Where is it clamped, under its root?"
            raise Mistake("n_steps=2 and eta=1, x becomes nan", question, given=f"with betas {betas}")


def rounds_below_0(betas: list[float]) -> bool:
    """Whether 1 - ᾱ_m - σ² is below 0 here, for the step from 4 to m = 2 with eta = 1."""
    schedule = schedule_of(betas)
    a, b = schedule.alpha_bar(4), schedule.alpha_bar(2)
    return bool(1 - b - ddim_sigma(1, a, b) ** 2 < 0)


def judge_list(answer: Callable, model: Recorded, plain: list[t.Tensor]) -> None:
    start = plain[0].float()
    steps = answer(Recorded(), 6, n_steps=3, eta=0.0, start=start, return_all_steps=True)
    if isinstance(steps, t.Tensor) and steps.shape == start.shape:
        raise Mistake("with return_all_steps=True it returns the last images alone", "Where is return_all_steps used?")
    if not isinstance(steps, list | tuple | t.Tensor):
        question = "Where is the return for return_all_steps=True?" if steps is None else ""
        raise Mistake(f"with return_all_steps=True it returns {kind(steps)}, expected a list", question)
    if len(steps) != len(plain):
        if any(isinstance(entry, list) for entry in steps):
            raise Mistake(
                f"with return_all_steps=True it returns {kind(steps)} that holds a list",
                "You return one thing too many.",
            )
        question = "Where is one entry for each step, and the start?"
        if isinstance(steps, t.Tensor) and len(plain) in steps.shape[1:]:
            question = "You stack them along another axis. The steps come first."
        elif len(steps) == len(plain) - 1:
            question = "Where are both the start and the result in it?"
        raise Mistake(f"return_all_steps gives {len(steps)} entries for 3 steps, expected {len(plain)}", question)
    xs = [x.float() for x in plain]
    for i, (entry, expected) in enumerate(zip(steps, xs, strict=True)):
        expect_tensor(entry, start.shape, f"entry {i} of all steps")
        if not entry.allclose(expected, atol=1e-3):
            x0 = ddim_clean(plain[i - 1], model.guesses[i - 1], ddim_bar(COUNTS[3][i - 1])).clamp(-1, 1).float()
            facts = f"entry {i} of all steps is not x after {COUNTS[3][i]} steps of noise"
            raise Mistake(facts, recognise(LIST_MISTAKES, lambda made: made(steps, i, xs, x0)))


def judge_start(answer: Callable) -> None:
    """Without start, all that is returned has as many images as are asked for, and begins with noise."""
    model = Recorded()
    steps = answer(model, 6, n_steps=2, return_all_steps=True)
    x = model.shown[0]
    if x.shape[0] != 6:
        facts = f"without start, the model gets {len(x)} image{'s'[: len(x) != 1]}, expected n_samples = 6"
        raise Mistake(facts, "You draw a start for one. Where is n_samples?")
    if x.std(dim=0).max() < 1e-6:
        raise Mistake("without start, all samples begin with the same noise", "Where is a draw for each sample?")
    if abs(x.mean()) > 0.05 or abs(x.std() - 1) > 0.05:
        facts = f"without start, the first images have mean {x.mean():.3f} and std {x.std():.3f}, expected 0 and 1"
        raise Mistake(facts, "You draw them from another distribution. They're Gaussian, as t.randn draws.")
    if len(steps) != 3:
        raise Mistake(f"without start, return_all_steps gives {len(steps)} entries for 2 steps, expected 3")
    for i, entry in enumerate(steps):
        if entry is None:
            facts = f"without start, entry {i} of all steps is None"
            raise Mistake(facts, "You put start into the list. Where is the noise that is drawn in its place?")
        expect_tensor(entry, x.shape, f"without start, entry {i} of all steps")
    if not steps[0].equal(x):
        facts = "without start, entry 0 of all steps is not what the model gets first"
        raise Mistake(facts, "You draw noise twice, once for the list.")


def judge_shapes(answer: Callable) -> None:
    """Grey images, and a single one, where an axis of length 1 is easily lost; no start, and another size."""
    for n_samples, img_shape in [(2, (1, 12, 10)), (1, (1, 10, 12)), (3, (3, 6, 6))]:
        model = Recorded(img_shape=img_shape)
        result = answer(model, n_samples, n_steps=2)
        expect_tensor(result, (n_samples, *img_shape), f"for {n_samples} of shape {img_shape} it")


def judge_all_fresh(answer: Callable) -> None:
    """With eta = 1 the same formula holds."""
    for n, m, _, kept in freshened(answer, 3, 1.0):
        a, b = ddim_bar(n), ddim_bar(m)
        right = (1 - b - ddim_sigma(1, a, b) ** 2).abs() ** 0.5
        if m and not (kept - right).abs() < 0.03 + 0.03 * right:
            facts = f"from timestep {n} to {m},\nthe guessed noise has factor {apart(kept.item(), right.item())}"
            raise Mistake(facts, "You do otherwise where eta is 1. The formula holds for it, too.", "with eta=1")


def judge_other_schedule(answer: Callable) -> None:
    """Under each seed another one, so that ᾱ has to be looked up."""
    betas = other_betas()

    def bar(n: int) -> t.Tensor:
        return (1 - t.tensor(betas[:n], dtype=t.float64)).prod()

    model, start = Recorded(betas=betas), 0.6 * t.randn(2, *Recorded.img_shape)
    steps = answer(model, 2, n_steps=3, eta=0.0, start=start, return_all_steps=True)
    for i, (n, m) in enumerate(pairwise(COUNTS[3])):
        expected = ddim_step(steps[i].double(), model.guesses[i], n, m, bar=bar, clean_bar=bar)
        if not steps[i + 1].double().allclose(expected, atol=1e-3):
            facts = f"from timestep {n} to {m}, {differs(steps[i + 1], expected)}"
            question = "You write ᾱ down. Where is it looked up in the model's schedule?"
            raise Mistake(facts, question, given=f"with betas {numbers(t.tensor(betas))} and eta=0")


def judge_many_steps(answer: Callable) -> None:
    """Timesteps that bfloat16 and float16 don't know."""
    model = Recorded(betas=[0.001] * 4099, img_shape=(1, 2, 2))
    answer(model, 1, n_steps=3)
    expected = t.linspace(4099, 0, 4).round().int().tolist()[:-1]
    if model.counts != expected:
        facts = f"where counts is {[*expected, 0]}, the model gets the timesteps {model.counts}"
        raise Mistake(facts, "You cast them to a type that holds few digits.")


def judge_device(answer: Callable) -> None:
    """Every tensor has to be made where the schedule is."""
    facts = "with a model on another device, tensors of two devices meet"
    question = "You make a tensor on the CPU. Make each on the device of x."
    elsewhere(lambda: answer(Recorded(device="meta"), 6, n_steps=3), facts, question)
