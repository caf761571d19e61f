"""The check of 1.7 reconstruct."""

from collections.abc import Callable
from functools import partial

import torch as t

from tests.checking import (
    Mistake,
    alpha_bars,
    alphas,
    check,
    differs,
    elsewhere,
    expect_tensor,
    mix,
    name_of,
    on_cuda,
    other_betas,
    schedule_for,
    schedule_of,
    unchanged,
)
from tests.part1.noise_img import BATCH, LAST, ROUNDED, ask, judge_formula, lookups, tell_sum, unmix
from tests.part1.q_eq2 import tell_taken

RECONSTRUCT_MISTAKES = [
    ("Where is the fading undone?", lambda xt, e, a, _: xt - (1 - a).sqrt() * e),
    ("Where is the square root under the fraction?", lambda xt, e, a, _: (xt - (1 - a).sqrt() * e) / a),
    (
        "You scale the noise by a variance, where a standard deviation belongs.",
        lambda xt, e, a, _: (xt - (1 - a) * e) / a.sqrt(),
    ),
    ("Where are the two square roots?", lambda xt, e, a, _: (xt - (1 - a) * e) / a),
    ("You add the noise once more.", lambda xt, e, a, _: (xt + (1 - a).sqrt() * e) / a.sqrt()),
    ("You divide the noise alone. Mind the parentheses.", lambda xt, e, a, _: xt - (1 - a).sqrt() * e / a.sqrt()),
    ("Where is the noise scaled?", lambda xt, e, a, _: (xt - e) / a.sqrt()),
    ("You swap the two factors.", lambda xt, e, a, _: (xt - a.sqrt() * e) / (1 - a).sqrt()),
    ("You multiply where you should divide.", lambda xt, e, a, _: (xt - (1 - a).sqrt() * e) * a.sqrt()),
    ("You noise the image once more.", lambda xt, e, a, _: a.sqrt() * xt + (1 - a).sqrt() * e),
    ("You take the α of one step, where ᾱ belongs.", lambda xt, e, _, a: (xt - (1 - a).sqrt() * e) / a.sqrt()),
    ("You give the image back as it came.", lambda xt, e, a, _: xt),
    ("You divide the image alone. Mind the parentheses.", lambda xt, e, a, _: xt / a.sqrt() - (1 - a).sqrt() * e),
    ("Where are the noise and the result scaled?", lambda xt, e, a, _: xt - e),
    ("You divide by the noise's factor.", lambda xt, e, a, _: (xt - (1 - a).sqrt() * e) / (1 - a).sqrt()),
    ("You subtract the noise of one step alone.", lambda xt, e, a, one: (xt - (1 - one).sqrt() * e) / a.sqrt()),
    ("You undo the fading of one step alone.", lambda xt, e, a, one: (xt - (1 - a).sqrt() * e) / one.sqrt()),
    ("You take a root of ᾱ, and then use it as ᾱ.", lambda xt, e, a, _: (xt - (1 - a.sqrt()) * e) / a.sqrt()),
    ("You take a root of ᾱ, and then use it as ᾱ.", lambda xt, e, a, _: (xt - (1 - a.sqrt()).sqrt() * e) / a.sqrt()),
    ("You take a root of ᾱ, and then use it as ᾱ.", lambda xt, e, a, _: (xt - (1 - a.sqrt()).sqrt() * e) / a**0.25),
    ("Where is the noise subtracted?", lambda xt, e, a, _: xt / a.sqrt()),
    ("You swap image and noise.", lambda xt, e, a, _: unmix(e, xt, a)),
    ("You take the image from the noise, which turns the sign.", lambda xt, e, a, _: -unmix(xt, e, a)),
    ("You bring it to [0, 1]. All computation stays in [-1, 1].", lambda xt, e, a, _: (unmix(xt, e, a) + 1) / 2),
    ("You normalise it once more.", lambda xt, e, a, _: 2 * unmix(xt, e, a) - 1),
    ("You clamp to [0, 1]. Images are in [-1, 1].", lambda xt, e, a, _: unmix(xt, e, a).clamp(0, 1)),
    ("You take β, where ᾱ belongs.", lambda xt, e, _, a: (xt - a.sqrt() * e) / (1 - a).sqrt()),
    ("You add 1 and ᾱ. What is not kept is 1 - ᾱ.", lambda xt, e, a, _: (xt - (1 + a).sqrt() * e) / a.sqrt()),
    ("You subtract the noise twice.", lambda xt, e, a, _: (xt - 2 * (1 - a).sqrt() * e) / a.sqrt()),
    ("You give every image the same factors, their mean.", lambda xt, e, a, _: unmix(xt, e, a.mean())),
    ("You scale the noise by the image's factor.", lambda xt, e, a, _: xt / a.sqrt() - e),
    ("You give every image the factors of the first one.", lambda xt, e, a, _: unmix(xt, e, a[:1])),
    ("You give every image the factors of the last timestep.", lambda xt, e, a, _: unmix(xt, e, t.full_like(a, LAST))),
    (
        "You let the factors run along the width of the images. Which shape should they have?",
        lambda xt, e, a, _: (xt - (1 - a).reshape(1, 1, 1, -1).sqrt() * e) / a.reshape(1, 1, 1, -1).sqrt(),
    ),
    (
        "You take one step back, as Algorithm 2 does. Here all of the noise goes at once.",
        lambda xt, e, a, one: (xt - (1 - one) / (1 - a).sqrt() * e) / one.sqrt(),
    ),
    (
        "You multiply the image by √ᾱ. What is divided by it is the whole difference.",
        lambda xt, e, a, _: a.sqrt() * xt - (1 - a).sqrt() * e,
    ),
    ("You squash it by tanh. To clamp is all that is allowed.", lambda xt, e, a, _: unmix(xt, e, a).tanh()),
    ("You clamp the noised image. It may leave [-1, 1].", lambda xt, e, a, _: unmix(xt.clamp(-1, 1), e, a)),
    *lookups(unmix),
]


def tell_unmixed(image: dict[int, float], noise: dict[int, float]) -> str:
    """What has been subtracted and divided by, where that is wrong."""
    if not all(image.values()):
        return ""
    above, below = {n: -noise[n] / image[n] for n in image}, {n: 1 / factor for n, factor in image.items()}
    if all(abs(above[n] ** 2 + below[n] ** 2 - 1) < 1e-3 for n in image) and name_of(below) != "√ᾱ":
        return tell_taken({n: factor**2 for n, factor in below.items()}, "ᾱ")
    subtracted, divisor = name_of(above), name_of(below)
    if (subtracted, divisor) == ("√(1 - ᾱ)", "√ᾱ"):
        return ROUNDED
    times = f"subtract {subtracted} times the noise" if subtracted else "subtract the noise with another factor"
    said = [times] * (subtracted != "√(1 - ᾱ)") + [f"divide by {divisor or 'another factor'}"] * (divisor != "√ᾱ")
    return f"You {', and '.join(said)}." if subtracted or divisor else ""


@check("1.7", mistakes=RECONSTRUCT_MISTAKES)
def check_reconstruct(answer: Callable) -> str:
    judge_numbers(answer, "cpu")
    judge_guess(answer)
    judge_other_sizes(answer)
    facts, xt = "with images on another device, tensors of two devices meet", t.ones(BATCH, device="meta")
    num_steps = t.ones(len(xt), dtype=t.int64, device="meta")
    question = "You make a tensor on the CPU. The schedule and the images are on one device."
    result = elsewhere(lambda: answer(xt, xt, num_steps, schedule_for("meta")), facts, question)
    if isinstance(result, t.Tensor) and not result.is_meta:
        raise Mistake("with images on another device, the result is on the CPU", question)
    on_cuda(lambda device: judge_numbers(answer, device), facts, question)
    return "every number of the clean image, clamped to [-1, 1] or not, after few and after all steps, input untouched"


def judge_numbers(answer: Callable, device: str) -> None:
    x0, noise = 2 * t.rand(BATCH, device=device) - 1, t.randn(BATCH, device=device)
    num_steps = t.tensor([1, 4, 2, 3, 4, 1], device=device)
    a = alpha_bars(num_steps)
    xt = mix(x0, noise, a)
    with unchanged(noisy_img=xt, noise=noise, num_steps=num_steps):
        result = ask(answer, xt, noise, num_steps, schedule_for(device))
        expect_tensor(result, BATCH, f"with {BATCH} images, it", device)
    if not result.equal(ask(answer, xt, noise, num_steps, schedule_for(device))):
        raise Mistake("called twice, it gives two results", "You draw new noise. The noise is given.")
    inputs, tell = (xt, noise, a, alphas(num_steps)), partial(tell_sum, result, num_steps, xt, noise, tell_unmixed)
    judge_formula(result, x0, RECONSTRUCT_MISTAKES, num_steps, *inputs, tell=tell)


def judge_guess(answer: Callable) -> None:
    """A guess of the noise leads outside [-1, 1], where clamping to that range or nothing may be done."""
    xt, noise, num_steps = 2 * t.randn(BATCH), t.randn(BATCH), t.tensor([1, 4, 2, 3, 4, 1])
    a = alpha_bars(num_steps)
    result, expected = ask(answer, xt, noise, num_steps, schedule_for()), unmix(xt, noise, a)
    if result.allclose(expected, atol=1e-4) or result.allclose(expected.clamp(-1, 1), atol=1e-4):
        return
    question = "You bring it back to the range in another way. To clamp it to [-1, 1] is all that is allowed."
    if result.allclose((xt - (1 - a).sqrt() * noise).clamp(-1, 1) / a.sqrt(), atol=1e-4):
        question = "You clamp before you divide by √ᾱ. It is the clean image that may be clamped."
    raise Mistake(f"it is right for the true noise, but for a guess {differs(result, expected)}", question)


def judge_other_sizes(answer: Callable) -> None:
    """Other images, a single grey one among them, and a schedule that half precision cannot count."""
    schedule = schedule_of([beta / 30 for beta in other_betas(300)])
    for shape, steps in [((2, 1, 5, 3), [259, 1]), ((1, 1, 2, 3), [291])]:
        x0, noise, num_steps = 2 * t.rand(shape) - 1, t.randn(shape), t.tensor(steps)
        a = schedule.alpha_bars[num_steps - 1].reshape(-1, 1, 1, 1)
        result = ask(answer, mix(x0, noise, a), noise, num_steps, schedule)
        expect_tensor(result, shape, f"with {shape} images, it")
        if not result.allclose(x0, atol=2e-4):
            facts = f"it is right for images (6, 3, 4, 6), but not for {shape} at timesteps {steps} of 300"
            raise Mistake(facts, "You write a size or a schedule out, or round timesteps.")
