"""The check of 1.7 reconstruct."""

from collections.abc import Callable

import torch as t

from tests.checking import DEVICES, Mistake, alpha_bars, alphas, check, expect_tensor, mix, schedule_for, unchanged
from tests.part1.noise_img import BATCH, LAST, ask, judge_formula, unmix

RECONSTRUCT_MISTAKES = [
    ("Is the fading undone, too?", lambda xt, e, a, _: xt - (1 - a).sqrt() * e),
    ("Is the square root missing under the fraction?", lambda xt, e, a, _: (xt - (1 - a).sqrt() * e) / a),
    ("Did a variance go where a standard deviation belongs?", lambda xt, e, a, _: (xt - (1 - a) * e) / a.sqrt()),
    ("Are both square roots missing?", lambda xt, e, a, _: (xt - (1 - a) * e) / a),
    ("Is the noise added once more?", lambda xt, e, a, _: (xt + (1 - a).sqrt() * e) / a.sqrt()),
    ("Is everything divided? Mind the parentheses.", lambda xt, e, a, _: xt - (1 - a).sqrt() * e / a.sqrt()),
    ("Is the noise scaled?", lambda xt, e, a, _: (xt - e) / a.sqrt()),
    ("Are the two factors swapped?", lambda xt, e, a, _: (xt - a.sqrt() * e) / (1 - a).sqrt()),
    ("Is it multiplied where it should be divided?", lambda xt, e, a, _: (xt - (1 - a).sqrt() * e) * a.sqrt()),
    ("Is this the noised image once more?", lambda xt, e, a, _: a.sqrt() * xt + (1 - a).sqrt() * e),
    ("Is that ᾱ of the count, or the α of one step?", lambda xt, e, _, a: (xt - (1 - a).sqrt() * e) / a.sqrt()),
    ("That is the image as it came. Is the result returned?", lambda xt, e, a, _: xt),
    ("Is the noise divided, too? Mind the parentheses.", lambda xt, e, a, _: xt / a.sqrt() - (1 - a).sqrt() * e),
    ("Is neither the noise nor the result scaled?", lambda xt, e, a, _: xt - e),
    ("Is it divided by the noise's factor?", lambda xt, e, a, _: (xt - (1 - a).sqrt() * e) / (1 - a).sqrt()),
    ("Is the noise that of one step alone?", lambda xt, e, a, one: (xt - (1 - one).sqrt() * e) / a.sqrt()),
    ("Is the fading undone that of one step alone?", lambda xt, e, a, one: (xt - (1 - a).sqrt() * e) / one.sqrt()),
    ("Is a root taken of ᾱ, and then used as ᾱ?", lambda xt, e, a, _: (xt - (1 - a.sqrt()) * e) / a.sqrt()),
    ("Is a root taken of ᾱ, and then used as ᾱ?", lambda xt, e, a, _: (xt - (1 - a.sqrt()).sqrt() * e) / a.sqrt()),
    ("Is a root taken of ᾱ, and then used as ᾱ?", lambda xt, e, a, _: (xt - (1 - a.sqrt()).sqrt() * e) / a**0.25),
    ("Is the noise subtracted at all?", lambda xt, e, a, _: xt / a.sqrt()),
    ("Are image and noise swapped?", lambda xt, e, a, _: unmix(e, xt, a)),
    ("The sign is turned. Is the image taken from the noise?", lambda xt, e, a, _: -unmix(xt, e, a)),
    ("Is it brought to [0, 1]? All computation stays in [-1, 1].", lambda xt, e, a, _: (unmix(xt, e, a) + 1) / 2),
    ("Is it normalised once more?", lambda xt, e, a, _: 2 * unmix(xt, e, a) - 1),
    ("Does every image get the factors of the first one?", lambda xt, e, a, _: unmix(xt, e, a[:1])),
    ("Does every image get the factors of the last count?", lambda xt, e, a, _: unmix(xt, e, t.full_like(a, LAST))),
    (
        "The factors run along the width of the images. Which shape have they?",
        lambda xt, e, a, _: (xt - (1 - a).reshape(1, 1, 1, -1).sqrt() * e) / a.reshape(1, 1, 1, -1).sqrt(),
    ),
]


@check("1.7", mistakes=RECONSTRUCT_MISTAKES)
def check_reconstruct(answer: Callable) -> str:
    for device in DEVICES:
        x0, noise = 2 * t.rand(BATCH, device=device) - 1, t.randn(BATCH, device=device)
        num_steps = t.tensor([1, 4, 2, 3, 4, 1], device=device)
        a = alpha_bars(num_steps)
        xt = mix(x0, noise, a)
        with unchanged(noisy_img=xt, noise=noise, num_steps=num_steps):
            result = ask(answer, xt, noise, num_steps, schedule_for(device))
            expect_tensor(result, BATCH, f"with {BATCH} images, it", device)
        judge_formula(result, x0, RECONSTRUCT_MISTAKES, num_steps, xt, noise, a, alphas(num_steps))
    x0, noise, num_steps = 2 * t.rand(2, 1, 5, 3) - 1, t.randn(2, 1, 5, 3), t.tensor([3, 1])
    result = ask(answer, mix(x0, noise, alpha_bars(num_steps)), noise, num_steps, schedule_for())
    expect_tensor(result, (2, 1, 5, 3), "with (2, 1, 5, 3) images, it")
    if not result.allclose(x0, atol=1e-4):
        raise Mistake("it is right for images (6, 3, 4, 6), but not for (2, 1, 5, 3)", "Is a size written out?")
    return "every number of the clean image, after few and after all steps, input untouched"
