"""The check of 1.6 noise_img, and what 1.7 reconstruct has to do as well.

A batch as wide as it has images, so that factors along the wrong axis show as wrong numbers, not as an error.
"""

from collections.abc import Callable
from functools import partial

import torch as t

from solutions.part1_diffusion import NoiseSchedule
from tests.checking import (
    BETAS,
    Mistake,
    alpha_bar,
    alpha_bars,
    alphas,
    apart,
    careful,
    check,
    differs,
    elsewhere,
    expect_tensor,
    factors_by_step,
    judge_gaussian,
    judge_independence,
    kind,
    mix,
    name_of,
    numbers,
    on_cuda,
    other_betas,
    question_of_shape,
    recognise,
    schedule_for,
    schedule_of,
    unchanged,
)
from tests.part1.q_eq2 import tell_multiplied, tell_taken

BATCH = (6, 3, 4, 6)
BARS = [alpha_bar(BETAS, n) for n in range(1, len(BETAS) + 1)]
LAST = BARS[-1]
# other vectors that ᾱ may be looked up in, or at another index, which Python lets wrap round
LATE, EARLY = (BARS[1:] + BARS[:1], BARS[1:] + BARS[-1:]), (BARS[-1:] + BARS[:-1], BARS[:1] + BARS[:-1])
OWN = [NoiseSchedule(length, "cpu").alpha_bars[: len(BETAS)].tolist() for length in (len(BETAS), 200, 1000)]


def looked_up(formula: Callable, bars: list[float]) -> Callable:
    """A formula of image, noise and ᾱ, with what another vector holds in place of ᾱ."""

    def mistaken(x: t.Tensor, noise: t.Tensor, a: t.Tensor, _: t.Tensor) -> t.Tensor:
        index = (a.reshape(-1, 1) - t.tensor(BARS, device=a.device)).abs().argmin(dim=1)
        return formula(x, noise, t.tensor(bars, device=a.device)[index].reshape(a.shape))

    return mistaken


def lookups(formula: Callable) -> list[tuple[str, Callable]]:
    """The rows of those who look ᾱ up in another place."""
    return [
        *[("You look ᾱ up one index late. Timesteps begin at 1.", looked_up(formula, bars)) for bars in LATE],
        *[("You look ᾱ up one timestep early.", looked_up(formula, bars)) for bars in EARLY],
        *[("You use a schedule of your own. Where is noise_schedule?", looked_up(formula, bars)) for bars in OWN],
    ]


def unmix(xt: t.Tensor, noise: t.Tensor, a: t.Tensor) -> t.Tensor:
    """Equation 4, solved for x0."""
    return (xt - (1 - a).sqrt() * noise) / a.sqrt()


NOISED_MISTAKES = [
    (
        "You scale the noise by a variance, where a standard deviation belongs.",
        lambda x, e, a, _: a.sqrt() * x + (1 - a) * e,
    ),
    ("Where is the square root in front of the image?", lambda x, e, a, _: a * x + (1 - a).sqrt() * e),
    ("Where are the two square roots?", lambda x, e, a, _: a * x + (1 - a) * e),
    ("You swap the two factors.", lambda x, e, a, _: (1 - a).sqrt() * x + a.sqrt() * e),
    ("Where does the image fade?", lambda x, e, a, _: x + (1 - a).sqrt() * e),
    ("Where is the noise scaled?", lambda x, e, a, _: a.sqrt() * x + e),
    ("Where is the noise added?", lambda x, e, a, _: a.sqrt() * x),
    ("You take the α of one step, where ᾱ belongs.", lambda x, e, _, a: a.sqrt() * x + (1 - a).sqrt() * e),
    ("You add the noise of one step alone.", lambda x, e, a, one: a.sqrt() * x + (1 - one).sqrt() * e),
    ("You take a root of ᾱ, and then use it as ᾱ.", lambda x, e, a, _: a.sqrt() * x + (1 - a.sqrt()) * e),
    ("You take a root of ᾱ, and then use it as ᾱ.", lambda x, e, a, _: a.sqrt() * x + (1 - a.sqrt()).sqrt() * e),
    ("You take a root of ᾱ, and then use it as ᾱ.", lambda x, e, a, _: a**0.25 * x + (1 - a.sqrt()).sqrt() * e),
    ("You subtract the noise, and return it as it was.", lambda x, e, a, _: a.sqrt() * x - (1 - a).sqrt() * e),
    ("You fade the noise like the image.", lambda x, e, a, _: a.sqrt() * (x + (1 - a).sqrt() * e)),
    ("Where are the image and the noise scaled?", lambda x, e, a, _: x + e),
    ("You clamp it. A noised image may leave [-1, 1].", lambda x, e, a, _: mix(x, e, a).clamp(-1, 1)),
    ("You bring it to [0, 1]. All computation stays in [-1, 1].", lambda x, e, a, _: (mix(x, e, a) + 1) / 2),
    (
        "You bring it to [0, 1]. All computation stays in [-1, 1].",
        lambda x, e, a, _: ((mix(x, e, a) + 1) / 2).clamp(0, 1),
    ),
    ("You normalise the images once more.", lambda x, e, a, _: mix(2 * x - 1, e, a)),
    ("You give every image the factors of the first one.", lambda x, e, a, _: mix(x, e, a[:1])),
    ("You give every image the factors of the last timestep.", lambda x, e, a, _: mix(x, e, t.full_like(a, LAST))),
    ("You multiply image and noise.", lambda x, e, a, _: a.sqrt() * x * (1 - a).sqrt() * e),
    ("You scale the noise by √α of one step.", lambda x, e, a, one: a.sqrt() * x + one.sqrt() * e),
    ("You give the noise the factor of the image.", lambda x, e, a, _: a.sqrt() * (x + e)),
    ("You give the image the factor of the noise.", lambda x, e, a, _: (1 - a).sqrt() * (x + e)),
    ("You take β, where ᾱ belongs.", lambda x, e, a, one: (1 - one).sqrt() * x + one.sqrt() * e),
    ("You add the noise twice.", lambda x, e, a, _: a.sqrt() * x + 2 * (1 - a).sqrt() * e),
    ("You add 1 and ᾱ. What is not kept is 1 - ᾱ.", lambda x, e, a, _: a.sqrt() * x + (1 + a).sqrt() * e),
    ("You give every image the same factors, their mean.", lambda x, e, a, _: mix(x, e, a.mean())),
    ("You return the image as it came.", lambda x, e, a, _: x),
    ("You return the noise alone.", lambda x, e, a, _: e),
    (
        "You let the factors run along the width of the images. Which shape should they have?",
        lambda x, e, a, _: a.reshape(1, 1, 1, -1).sqrt() * x + (1 - a).reshape(1, 1, 1, -1).sqrt() * e,
    ),
    *lookups(mix),
]


ADDED = "You add a number beside the multiples of the two images. Mind the parentheses, and leave the range as it is."
ROUNDED = "You compute in half precision, or add something small."


def tell_mixed(image: dict[int, float], noise: dict[int, float]) -> str:
    """Which factors have been given to image and noise, where they are wrong."""
    if all(abs(image[n] ** 2 + noise[n] ** 2 - 1) < 1e-3 for n in image):
        return tell_taken({n: factor**2 for n, factor in image.items()}, "ᾱ")
    names = name_of(image), name_of(noise)
    return ROUNDED if names == ("√ᾱ", "√(1 - ᾱ)") else tell_multiplied(*names)


def tell_sum(result: t.Tensor, num_steps: t.Tensor, image: t.Tensor, noise: t.Tensor, tell: Callable) -> str:
    """What to say of a result that is made of image and noise. tell: takes the factors of both, by timestep"""
    found = factors_by_step(result, num_steps, image, noise)
    if found and max(map(abs, found[2].values())) > 1e-3:
        return ADDED
    return tell(*found[:2]) if found else ""


def judge_formula(
    result: t.Tensor,
    expected: t.Tensor,
    mistakes: list,
    num_steps: t.Tensor,
    *inputs: t.Tensor,
    tell: Callable[[], str],
) -> None:
    """Compare every number. inputs: what the closed forms of the mistakes take   tell: where none of them fits"""
    gap = (result - expected).abs()
    if gap.max() < 1e-4:
        return
    question = recognise(mistakes, lambda mistake: result.allclose(mistake(*inputs), atol=1e-4)) or tell()
    worst = t.unravel_index(gap.argmax(), gap.shape)
    image, n = worst[0].item(), num_steps[worst[0]].item()
    values = f"a number of image {image} is {apart(result[worst].item(), expected[worst].item())}"
    raise Mistake(f"after {n} step{'s'[: n > 1]} with betas {BETAS},\n{values}", question)


def ask(answer: Callable, *arguments) -> object:
    """The answer's result. An error about timesteps or shapes gets a note that points at them."""
    try:
        return careful(answer)(*arguments)
    except (ValueError, IndexError) as error:
        error.add_note(
            "Timesteps run from 1 to max_steps, indices from 0. The schedule takes timesteps, a vector indices."
        )
        raise
    except RuntimeError as error:
        if "must match" in str(error):
            error.add_note("Factors have one number for each image, and three axes of length 1 after it.")
        raise


def judge_triple(result: object, img: t.Tensor, device: str) -> tuple[t.Tensor, t.Tensor, t.Tensor]:
    """What noise_img returns: timesteps, noise and noised images, in this order."""
    if not isinstance(result, tuple | list) or len(result) != 3:
        got = f"{len(result)} things" if isinstance(result, tuple | list) else kind(result)
        question = "Where are all three returned?" if result is not None else "Where does it return anything?"
        raise Mistake(f"it returns {got}, expected three: num_steps, noise, noised", question)
    num_steps, noise, noised = result
    places = [i for i, thing in enumerate(result) if isinstance(thing, t.Tensor) and thing.shape == img.shape[:1]]
    if places and places[0] > 0:
        facts = f"the timesteps come {['second', 'third'][places[0] - 1]}, expected first: num_steps, noise, noised"
        raise Mistake(facts, "You return them in another order than the docstring.")
    if not isinstance(num_steps, t.Tensor) or num_steps.shape != img.shape[:1]:
        facts = f"num_steps is {kind(num_steps)}, expected shape ({len(img)},), one timestep for each image"
        if not isinstance(num_steps, t.Tensor):
            listed = isinstance(num_steps, list)
            raise Mistake(
                facts, "Where is one tensor made of them?" if listed else "You draw one for all, as a number."
            )
        one = "You draw one for all. Each image draws its own." if num_steps.numel() == 1 < len(img) else ""
        raise Mistake(facts, one or question_of_shape(num_steps.shape, img.shape[:1]))
    if num_steps.is_floating_point() or num_steps.is_complex() or num_steps.dtype == t.bool:
        facts = f"num_steps holds numbers of type {num_steps.dtype}, expected whole ones"
        raise Mistake(facts, "You make them floats, by a division or .float().")
    if num_steps.device.type != device:
        facts = f"num_steps is on {num_steps.device.type}, expected on {device}, where the images are"
        raise Mistake(facts, "You draw them on another device. Where is the device of the images?")
    sizes = zip(reversed(getattr(noise, "shape", ())), reversed(img.shape), strict=False)
    if isinstance(noise, t.Tensor) and noise.numel() < img.numel() and all(size in (1, full) for size, full in sizes):
        facts = f"as noise it returns {kind(noise)}, expected shape {tuple(img.shape)}"
        raise Mistake(facts, "You draw too few numbers: each number of img gets its own.")
    expect_tensor(noise, tuple(img.shape), "as noise it", device)
    expect_tensor(noised, tuple(img.shape), "as noised it", device)
    return num_steps, noise, noised


def judge_counts(num_steps: t.Tensor, max_steps: int, total: int) -> None:
    """Every timestep from 1 to max_steps, about equally often."""
    shares = t.bincount(num_steps, minlength=total + 1) / len(num_steps)
    if num_steps.unique().numel() == 1 < max_steps:
        raise Mistake(
            f"all images get the same timestep, {num_steps[0]}", "You draw one for all. Each image draws its own."
        )
    if shares[0] > 0:
        raise Mistake("timestep 0 is drawn, expected 1 to max_steps", "You begin at 0. Timesteps begin at 1.")
    if num_steps.max() > max_steps:
        question = "You go one too far: t.randint leaves out its upper end, but no more."
        if max_steps < total:
            question = "You draw up to T. Where is max_steps?"
            if num_steps.max() == max_steps + 1:
                question = "You go one too far: t.randint leaves out its upper end, but no more."
        raise Mistake(f"timestep {num_steps.max()} is drawn with max_steps={max_steps}", question)
    if shares[max_steps] == 0:
        raise Mistake(
            f"the last timestep, {max_steps}, is never drawn", "You stop one short: t.randint leaves out its upper end."
        )
    if (shares[1 : max_steps + 1] - 1 / max_steps).abs().max() > 0.06:
        raise Mistake(
            f"timesteps 1 to {max_steps} come with shares {numbers(shares[1 : max_steps + 1])}, expected equal ones",
            "You draw some more often. Each timestep is as likely as any other.",
        )


def judge_form(answer: Callable, device: str) -> None:
    img = 2 * t.rand(BATCH, device=device) - 1
    with unchanged(img=img):
        judge_triple(ask(answer, img, schedule_for(device)), img, device)


@check("1.6", mistakes=NOISED_MISTAKES)
def check_noise_img(answer: Callable) -> str:
    judge_form(answer, "cpu")
    img, total = 2 * t.rand(4000, 2, 2, 3) - 1, len(BETAS)
    num_steps, noise, noised = judge_triple(ask(answer, img, schedule_for()), img, "cpu")
    judge_counts(num_steps, total, total)
    judge_counts(judge_triple(ask(answer, img, schedule_for(), 2), img, "cpu")[0], 2, total)
    again = judge_triple(ask(answer, img, schedule_for()), img, "cpu")
    judge_noise_returned(img, noise, noised, again[1])
    judge_counts_again(num_steps, again[0], total)
    for _ in range(50):  # until the timesteps tell all mistakes apart
        img = 2 * t.rand(BATCH) - 1
        num_steps, noise, noised = judge_triple(ask(answer, img, schedule_for()), img, "cpu")
        if num_steps[0] < total and num_steps.unique().numel() > 2:
            break
    a = alpha_bars(num_steps)
    inputs, tell = (img, noise, a, alphas(num_steps)), partial(tell_noised, noised, num_steps, img, noise, a)
    judge_formula(noised, mix(img, noise, a), NOISED_MISTAKES, num_steps, *inputs, tell=tell)
    judge_other_sizes(answer)
    judge_offset(answer)
    judge_noise_img_device(answer)
    return "timesteps from 1 to the last, own noise for each image, Equation 4 in every number"


def tell_noised(noised: t.Tensor, num_steps: t.Tensor, img: t.Tensor, noise: t.Tensor, a: t.Tensor) -> str:
    """Whether timesteps or noise are drawn twice, or else which factors are wrong."""
    if made_for_others(noised, img, noise, a):
        return "You draw timesteps twice: those you return are not those you look up."
    used, share = (noised - a.sqrt() * img) / (1 - a).sqrt(), ((1 - alphas(num_steps)) / (1 - a)).sqrt()
    rest = used - share * noise  # the share is that of the last step in all the noise
    if abs((rest * noise).mean()) < 0.2 and abs(rest.var() - (1 - share**2).mean()) < 0.2:
        return "You return the noise of the last step alone. All of it is asked for."
    if abs(used.std() - 1) < 0.15 and abs((used * noise).mean()) < 0.3:
        raise Mistake("noised is made with other noise than the one returned", "You draw the noise twice.")
    return tell_sum(noised, num_steps, img, noise, tell_mixed)


def made_for_others(noised: t.Tensor, img: t.Tensor, noise: t.Tensor, a: t.Tensor) -> bool:
    """Whether each image is noised to one of the timesteps there are, though not to its own."""
    every = [mix(img, noise, t.full_like(a, alpha_bar(BETAS, n))) for n in range(1, len(BETAS) + 1)]
    return bool((t.stack(every) - noised).abs().amax(dim=(2, 3, 4)).amin(dim=0).max() < 1e-4)


def judge_counts_again(num_steps: t.Tensor, again: t.Tensor, total: int) -> None:
    """Timesteps are drawn anew in each call, and each image's whatever the others have drawn."""
    if num_steps.equal(again):
        raise Mistake("two calls give the same timesteps", "You draw them once, or under a seed that you set.")
    even = len(num_steps) / total  # by chance, 30 more or fewer
    if all((t.bincount(each)[1:] - even).abs().max() <= 1 for each in (num_steps, again)):
        facts = f"twice, exactly {even:.0f} of {len(num_steps)} images get each timestep"
        raise Mistake(facts, "You deal timesteps out in equal shares. Each image draws its own.")
    half = len(num_steps) // 2
    mirrored = all(
        (each - each.flip(0)).abs().max() <= 2 for each in (t.bincount(num_steps)[1:], t.bincount(again)[1:])
    )
    for other in (num_steps.roll(1), num_steps.roll(half), num_steps.flip(0)):  # by chance, 0.02
        if mirrored or abs(t.corrcoef(t.stack([num_steps, other]).float())[0, 1]) > 0.1:
            question = "You sort them, or let one draw decide for two images. Each image draws its own."
            raise Mistake("an image's timestep can be told from another's", question)


def judge_other_sizes(answer: Callable) -> None:
    """A long schedule that no half precision can count, a single image, a grey one; and what can be trained with."""
    betas = [beta / 60 for beta in other_betas(1000)]
    schedule, img = schedule_of(betas), 2 * t.rand(4000, 1, 1, 2) - 1
    num_steps, noise, noised = judge_triple(ask(answer, img, schedule), img, "cpu")
    if (n := num_steps.unique().numel()) < 900:  # by chance, some 982
        facts = f"with T=1000, 4000 images get {n} timesteps only"
        raise Mistake(facts, "You round the timesteps, or draw them in half precision.")
    a = schedule.alpha_bars[num_steps - 1].reshape(-1, 1, 1, 1)
    if not noised.allclose(mix(img, noise, a), atol=1e-3):
        facts = f"with a schedule of 1000 steps, {differs(noised, mix(img, noise, a))}"
        raise Mistake(facts, "You use something else than noise_schedule, or round its numbers.")
    img = 2 * t.rand(1, 1, 5, 3) - 1
    for name, thing in zip(
        ["num_steps", "noise", "noised"], judge_triple(ask(answer, img, schedule), img, "cpu"), strict=True
    ):
        if thing.is_inference():
            raise Mistake(
                f"{name} cannot take part in training", "You make it in inference_mode. Nothing here needs that."
            )


def judge_offset(answer: Callable) -> None:
    """No offset is shared by the numbers of an image: the means of so many of them are nearly 0."""
    img = t.zeros(64, 3, 16, 16)
    means = judge_triple(ask(answer, img, schedule_for()), img, "cpu")[1].mean(dim=(2, 3))
    if means.std() > 1.4 / 16:  # by chance, 1 / 16
        facts = f"the noise of a channel of 256 numbers has a mean of std {means.std():.3f}, expected {1 / 16:.3f}"
        raise Mistake(facts, "You add an offset that its numbers share. Each number draws its own noise.")


def judge_noise_returned(img: t.Tensor, noise: t.Tensor, noised: t.Tensor, again: t.Tensor) -> None:
    """One draw from N(0, 1) for each number of the batch, another one in each call."""
    if noise.equal(again):
        raise Mistake("two calls give the same noise", "You set a seed inside, or make the noise outside.")
    judge_independence(noise, ["image", "channel", "row", "column"], of="img")
    mean, std = noise.mean().item(), noise.std().item()
    if noise.equal(noised) and abs(std - 1) > 0.05:
        question = "You return the same tensor for both, or write one over the other in place."
        raise Mistake("noise and noised are the same", question)
    if abs(std - 1) > 0.05 and abs(mean) < 0.05:
        question = "You return other noise than ε, which has variance 1 before it is scaled."
        if noise.allclose(noised - img, atol=1e-5):
            question = "You return noised - img, which holds the fading, too."
        elif abs(noised.std() - 1) < 0.05 and abs((img * noise).mean()) > 0.1:
            question = "You swap noise and noised."
        raise Mistake(f"the noise returned has std {std:.3f}, expected 1", question)
    judge_gaussian(noise, "the noise")


def judge_noise_img_device(answer: Callable) -> None:
    """Everything has to be made where the images are."""
    facts, img = "with images on another device, tensors of two devices meet", t.ones(BATCH, device="meta")
    question = "You draw timesteps or noise on the CPU. Where is the device of the images?"
    result = elsewhere(lambda: answer(img, schedule_for("meta")), facts, question)
    if isinstance(result, tuple | list):
        for name, thing in zip(["num_steps", "noise", "noised"], result, strict=False):
            if isinstance(thing, t.Tensor) and not thing.is_meta:
                off = f"with images on another device, {name} is on the {thing.device.type}"
                raise Mistake(off, "You make it on the CPU. Where is the device of the images?")
    on_cuda(lambda device: judge_form(answer, device), facts, question)
