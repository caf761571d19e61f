"""The check of 1.10 train.

A model of one number w, which guesses w everywhere, is trained on twelve plain images of brightness 0, 20, 40, ... So
the images it is shown tell which of the twelve each comes from and, solved by Equation 4, which noise is in it. From
those, the loss, its gradient and every step of Adam are known exactly.
"""

import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from math import sqrt

import numpy as np
import torch as t
from torch.utils.data import TensorDataset

import utils
from solutions.part1_diffusion import NoiseSchedule
from tests.checking import (
    BETAS,
    Mistake,
    Recording,
    alpha_bars,
    apart,
    careful,
    check,
    elsewhere,
    kind,
    recognise,
    schedule_for,
)
from tests.part1.noise_img import BARS, unmix

N_IMAGES, LEVEL, SIZE, TEST_LEVEL = 12, 20.0, 5, 1000.0  # batches of 5, 5 and 2; a test image shines out


LOSS_MISTAKES = [
    ("You sum the squares. Equation 14 takes the mean.", lambda w, noise, x0, xt, a: 2 * (w - noise).sum()),
    (
        "You sum over each image. Equation 14 takes the mean.",
        lambda w, noise, x0, xt, a: 2 * (w - noise).sum() / len(xt),
    ),
    (
        "You sum over the batch. Equation 14 takes the mean.",
        lambda w, noise, x0, xt, a: 2 * (w - noise).mean() * len(xt),
    ),
    ("Where is the difference squared?", lambda w, noise, x0, xt, a: 1.0),
    ("You halve the loss.", lambda w, noise, x0, xt, a: (w - noise).mean()),
    (
        "You compare the guess with the clean image. Equation 14 compares it with the noise.",
        lambda w, noise, x0, xt, a: 2 * (w - x0).mean(),
    ),
    ("You compare the guess with the noised image.", lambda w, noise, x0, xt, a: 2 * (w - xt).mean()),
    (
        "You compare the guess with the scaled noise. Equation 14 takes ε itself.",
        lambda w, noise, x0, xt, a: 2 * (w - (1 - a).sqrt() * noise).mean(),
    ),
    (
        "You compare the reconstruction with the clean image. Equation 14 compares noise with noise.",
        lambda w, noise, x0, xt, a: 2 * ((w - noise) * (1 - a) / a).mean(),
    ),
    (
        "You add the guess to the noise. It should come near it.",
        lambda w, noise, x0, xt, a: 2 * (w + noise).mean(),
    ),
    ("You compare the guess with itself.", lambda w, noise, x0, xt, a: 0.0),
    ("You compare all guesses with one image's noise.", lambda w, noise, x0, xt, a: 2 * (w - noise[:1]).mean()),
    ("You compare the guess with 0.", lambda w, noise, x0, xt, a: 2 * t.tensor(w)),
    (
        "You take the absolute error. Equation 14 takes the square.",
        lambda w, noise, x0, xt, a: (w - noise).sign().mean(),
    ),
    (
        "You take the Huber loss, or smooth L1. Equation 14 takes the square.",
        lambda w, noise, x0, xt, a: (w - noise).clamp(-1, 1).mean(),
    ),
    (
        "You take a square root of the loss.",
        lambda w, noise, x0, xt, a: (w - noise).mean() / (w - noise).square().mean().sqrt(),
    ),
    (
        "You turn the sign of the loss. It would climb.",
        lambda w, noise, x0, xt, a: -2 * (w - noise).mean(),
    ),
]


# What log_images may be given in place of (img, noised, noise, noise_pred, reconstructed): x0, xt, e, g and r.
PICTURE_MISTAKES = [
    ("You make it with the true noise, where the guess belongs.", lambda x0, xt, e, g, r, a: (x0, xt, e, g, x0)),
    ("You take the true noise for the guess.", lambda x0, xt, e, g, r, a: (x0, xt, e, e, r)),
    ("You take the true noise for the guess.", lambda x0, xt, e, g, r, a: (x0, xt, e, e, x0)),
    ("You take the guess for the true noise.", lambda x0, xt, e, g, r, a: (x0, xt, g, g, r)),
    (
        "You clamp the guess. Noise leaves [-1, 1].",
        lambda x0, xt, e, g, r, a: (x0, xt, e, g, unmix(xt, g.clamp(-1, 1), a)),
    ),
    ("You swap noise and guess.", lambda x0, xt, e, g, r, a: (x0, xt, g, e, r)),
    ("You swap noise and guess.", lambda x0, xt, e, g, r, a: (x0, xt, g, e, x0)),
    ("You swap clean and noised images.", lambda x0, xt, e, g, r, a: (xt, x0, e, g, r)),
    ("You swap noised images and noise.", lambda x0, xt, e, g, r, a: (x0, e, xt, g, r)),
    ("You swap guess and reconstruction.", lambda x0, xt, e, g, r, a: (x0, xt, e, r, g)),
    ("You take the noised image for the reconstruction.", lambda x0, xt, e, g, r, a: (x0, xt, e, g, xt)),
    ("You take the guess for the reconstruction.", lambda x0, xt, e, g, r, a: (x0, xt, e, g, g)),
    ("You swap noised image and guess in reconstruct.", lambda x0, xt, e, g, r, a: (x0, xt, e, g, unmix(g, xt, a))),
    (
        "You reconstruct from the clean image, where the noised one belongs.",
        lambda x0, xt, e, g, r, a: (x0, xt, e, g, unmix(x0, g, a)),
    ),
    (
        "You only subtract the guess. reconstruct undoes the fading, too.",
        lambda x0, xt, e, g, r, a: (x0, xt, e, g, xt - g),
    ),
    ("You take the noised image for the clean one.", lambda x0, xt, e, g, r, a: (xt, xt, e, g, r)),
    ("You take the clean image for the noised one.", lambda x0, xt, e, g, r, a: (x0, x0, e, g, r)),
    ("You take the reconstruction for the clean image.", lambda x0, xt, e, g, r, a: (r, xt, e, g, r)),
    ("You pass the same image five times.", lambda x0, xt, e, g, r, a: (x0, x0, x0, x0, x0)),
    (
        "You denormalise before log_images, which wants [-1, 1].",
        lambda x0, xt, e, g, r, a: tuple((each + 1) / 2 for each in (x0, xt, e, g, r)),
    ),
    (
        "You denormalise before log_images, which wants [-1, 1].",
        lambda x0, xt, e, g, r, a: tuple(((each + 1) / 2).clamp(0, 1) for each in (x0, xt, e, g, r)),
    ),
]
NAMES = ["optimizer", "x0", "num_steps", "noise", "noised", "noise_pred", "loss"]
LR = 0.0123456  # which shows where it is rounded
ADAM = partial(t.optim.Adam, lr=LR)
NEVER = 10_000
OLD_GRADIENTS = "You add old gradients to the new. Where are they set to zero, in each step?"
ONCE_AN_EPOCH = "You step once an epoch. Where does the optimizer step in the inner loop?"
ADAM_MISTAKES = [  # what steps makes, if an epoch has so many of them
    ("Where does the optimizer take a step, with the gradients still there?", lambda steps, epoch: steps(every=NEVER)),
    (OLD_GRADIENTS, lambda steps, epoch: steps(forget=NEVER)),
    (OLD_GRADIENTS, lambda steps, epoch: steps(forget=2)),
    (
        "You set the gradients to zero once an epoch. It has to be in each step.",
        lambda steps, epoch: steps(forget=epoch),
    ),
    (ONCE_AN_EPOCH, lambda steps, epoch: steps(every=epoch)),
    (ONCE_AN_EPOCH, lambda steps, epoch: steps(every=epoch, forget=epoch)),
    (ONCE_AN_EPOCH, lambda steps, epoch: steps(every=epoch, forget=NEVER)),
    ("Where is the lr of the config?", lambda steps, epoch: steps(t.optim.Adam)),
    ("You use SGD. The text asks for Adam.", lambda steps, epoch: steps(partial(t.optim.SGD, lr=LR))),
    ("You use SGD. The text asks for Adam.", lambda steps, epoch: steps(partial(t.optim.SGD, lr=LR, momentum=0.9))),
    ("You use AdamW. The text asks for Adam.", lambda steps, epoch: steps(partial(t.optim.AdamW, lr=LR))),
    ("You use RMSprop. The text asks for Adam.", lambda steps, epoch: steps(partial(t.optim.RMSprop, lr=LR))),
    ("You make a new optimizer in each step. Adam has a memory.", lambda steps, epoch: steps(renew=1)),
    ("You make a new optimizer in each epoch. Adam has a memory.", lambda steps, epoch: steps(renew=epoch)),
    ("You round the learning rate.", lambda steps, epoch: steps(partial(t.optim.Adam, lr=round(LR, 4)))),
    ("You round the learning rate.", lambda steps, epoch: steps(partial(t.optim.Adam, lr=round(LR, 3)))),
    ("You clip gradients. Algorithm 1 has no such line.", lambda steps, epoch: steps(clip=1.0)),
    ("You clip gradients. Algorithm 1 has no such line.", lambda steps, epoch: steps(clip=0.5)),
    ("You clip gradients. Algorithm 1 has no such line.", lambda steps, epoch: steps(clip=0.1)),
    ("You clip gradients. Algorithm 1 has no such line.", lambda steps, epoch: steps(clip=0.01)),
    ("You step after every second minibatch.", lambda steps, epoch: steps(every=2, forget=2)),
    ("You step after every second minibatch.", lambda steps, epoch: steps(every=2)),
    (
        "You use weight decay. The text asks for plain Adam.",
        lambda steps, epoch: steps(partial(t.optim.Adam, lr=LR, weight_decay=0.01)),
    ),
    ("You step twice for each minibatch.", lambda steps, epoch: steps(times=2)),
]


def weights(
    gradients: list[float],
    optimizer: Callable = ADAM,
    forget: int = 1,
    renew: int = NEVER,
    every: int = 1,
    times: int = 1,
    clip: float = math.inf,
) -> list[float]:
    """The values of w after each step. forget, renew, every: after how many steps the gradients are set to zero, the
    optimizer is made anew, it takes a step (so many times)   clip: the largest gradient"""
    w, made, total, rule = t.nn.Parameter(t.tensor(1.0)), [1.0], 0.0, None
    for i, gradient in enumerate(gradients):
        rule = optimizer([w]) if i % renew == 0 else rule
        total = gradient + total * (i % forget > 0)
        w.grad = t.tensor(total).clamp(-clip, clip)
        for _ in range(times * ((i + 1) % every == 0)):
            rule.step()
        made.append(w.item())
    return made


@dataclass
class Call:
    """One call of the recording model: what it was shown, what it guessed, and what had been logged by then."""

    images: t.Tensor
    num_steps: t.Tensor
    w: float
    guess: t.Tensor
    with_gradient: bool
    training: bool
    logged: int  # the step of the latest log
    pictures: list
    trained_before: int  # calls that a gradient had come back to
    gradient: float | None = None


def slope(step: int) -> float:
    return [1, -2, 0.5, 3, -1, 0.25, 2][step % 7]


class Recorder(Recording):
    """A model of one weight w, which guesses w everywhere and remembers all calls. What comes back to w is another
    multiple of the gradient in each step, so that Adam's memory shows."""

    img_shape: tuple[int, ...] = (1, 8, 8)
    where = "You make them on another device. The data is brought to the right one above."

    def __init__(self, schedule: NoiseSchedule | None = None) -> None:
        super().__init__(schedule, weight=1.0)
        self.calls: list[Call] = []
        self.trained: list[Call] = []  # the calls that a gradient came back to

    def guess(self, images: t.Tensor) -> t.Tensor:
        w = self.weight.detach()
        return (w + slope(len(self.trained)) * (self.weight - w)).expand(images.shape).clone()

    def refuse(self, images: object, num_steps: object) -> None:
        if isinstance(images, t.Tensor) and images.ndim == 1 and isinstance(num_steps, t.Tensor) and num_steps.ndim > 1:
            raise Mistake("the model gets the timesteps first, expected images, num_steps", "You swap the two.")
        if not isinstance(images, t.Tensor) or images.ndim != 4:
            facts = f"the model is shown {kind(images)}, expected (B, {', '.join(map(str, Recorder.img_shape))})"
            raise Mistake(facts, "You take a single image for a minibatch.")
        if not isinstance(num_steps, t.Tensor) or num_steps.shape != images.shape[:1]:
            facts = f"the model gets {kind(num_steps)} as num_steps"
            facts += f",\nexpected shape ({len(images)},), one timestep an image"
            question = (
                "You pass other timesteps than those that noise_img returns, or take its results in another order."
            )
            raise Mistake(facts, question)
        if images.dtype != t.float32:
            facts = f"the model is shown numbers of type {images.dtype}, expected torch.float32"
            raise Mistake(facts, "You change the type of the images, which a network's weights do not follow.")

    def answer(self, images: t.Tensor, num_steps: t.Tensor) -> t.Tensor:
        guess, run = self.guess(images), utils.Run.latest
        logged, pictures = (run.step, run.pictures) if run else (0, [])
        seen = images.detach().clone(), num_steps, self.weight.item(), guess.detach().clone()
        call = Call(*seen, guess.requires_grad, self.training, logged, pictures, len(self.trained))
        self.calls.append(call)

        def remember(gradient: t.Tensor) -> None:
            call.gradient = gradient.sum().item()
            self.trained.append(call)

        if guess.requires_grad:
            guess.register_hook(remember)
        return guess


class Wide(Recorder):
    """A model of more weights, which add nothing to the guess, but get a gradient."""

    def __init__(self, schedule: NoiseSchedule | None = None) -> None:
        super().__init__(schedule)
        self.more = t.nn.ParameterList([t.ones(2, 3), t.ones(3), t.ones(3, 2)])

    def guess(self, images: t.Tensor) -> t.Tensor:
        return super().guess(images) + sum((p - p.detach()).sum() for p in self.more)


class Painted(Recorder):
    """A model whose guess is another for each image, so that a picture of it tells what it shows."""

    def guess(self, images: t.Tensor) -> t.Tensor:
        return self.weight * 0.5 * images.flip(-1)


def plain_images(values: t.Tensor) -> TensorDataset:
    return TensorDataset(values.reshape(-1, 1, 1, 1).expand(-1, *Recorder.img_shape).clone())


def run_train(
    answer: Callable,
    model: Recorder,
    testset: TensorDataset | None = None,
    trainset: TensorDataset | None = None,
    **settings,
) -> tuple:
    """What train returns, and the run it has logged to."""
    trainset = trainset or plain_images(LEVEL * t.arange(N_IMAGES, dtype=t.float32))
    config = dict(lr=LR, epochs=3, batch_size=SIZE, max_steps=len(BETAS), device=t.device("cpu"))
    config |= dict(img_log_interval=1000, n_images_to_log=3, image_shape=model.img_shape) | settings
    before = os.environ.get("WANDB_MODE")
    os.environ["WANDB_MODE"] = "disabled"  # a check leaves no run behind
    latest, quiet = utils.Run.latest, utils.IS_CI
    utils.IS_CI, utils.Run.latest = True, None
    try:
        return careful(answer)(model, config, trainset, testset), utils.Run.latest
    except NameError as error:
        if any(f"'{name}'" in str(error) for name in NAMES):
            error.add_note(f"The given lines use these names: {', '.join(NAMES)}.")
        raise
    finally:
        utils.Run.latest, utils.IS_CI = latest, quiet
        os.environ.pop("WANDB_MODE") if before is None else os.environ.update(WANDB_MODE=before)


@check("1.10", mistakes=LOSS_MISTAKES + ADAM_MISTAKES + PICTURE_MISTAKES)
def check_train(answer: Callable) -> str:
    schedule = schedule_for()
    model = Recorder(schedule)
    result, run = run_train(answer, model)
    if result is not model:
        question = "Where does it return the model, at the end?"
        if isinstance(result, t.nn.Module):
            question = "You return another model than the one that you are given."
        raise Mistake(f"it returns {kind(result)}, expected the model it is given", question)
    if model.noise_schedule is not schedule:
        raise Mistake("it replaces the schedule that the model had", "You make a schedule where there is one.")
    if not model.calls:
        raise Mistake("the model is never called", "Where are the loops over the epochs and over the minibatches?")
    if not model.trained:
        raise Mistake("no gradient ever reaches the model", "Where is the backward pass?")
    if len({*map(id, model.trained)}) < len(model.trained):
        raise Mistake("a gradient comes back twice to one guess", "You call backward twice for it.")
    seen = judge_minibatches(model.trained)
    judge_gradients(model.trained)
    judge_adam(model)
    judge_epochs(seen)
    judge_draws(model.trained, seen)
    longer = judge_order(answer)
    judge_train_loss(model.trained, run)
    judge_logged_losses(*longer)  # of 36 steps, 12 an epoch: the 1st, 11th, 21st and 31st
    untrained = Recorder()
    run_train(answer, untrained, lr=0.0, batch_size=128, epochs=1)
    if (w := untrained.weight.item()) != 1:
        raise Mistake(f"with lr=0 the model changes, from 1 to {w:.3f}", "Where is lr used?")
    if not untrained.trained:
        raise Mistake(
            f"with {N_IMAGES} images and batch_size=128 no step is taken", "You drop the last, smaller minibatch."
        )
    if untrained.noise_schedule is None:
        raise Mistake("a model without a schedule still has none", "Where is the schedule kept on the model?")
    judge_testing(answer)
    judge_pictures(answer)
    judge_train_device(answer)
    return (
        "Algorithm 1, its loss, gradients and every step of Adam, each image once an epoch, test images not trained "
        "on, loss and pictures logged"
    )


def judge_minibatches(trained: list[Call]) -> list[int]:
    """Which images were shown, in order; and whether they and their timesteps have the right form."""
    counts = t.cat([call.num_steps for call in trained])
    if counts.is_floating_point() or counts.min() < 1 or counts.max() > len(BETAS):
        question = "You subtract 1. Timesteps begin at 1." if counts.any() else "You give the model zeros."
        if counts.max() > len(BETAS):
            question = "You use another schedule than the model's, with more steps."
        if counts.is_floating_point():
            question = "You scale them. That is left to the model."
            if (counts[:, None] - t.tensor(BARS)).abs().amin(dim=1).max() < 1e-5:
                question = "You pass ᾱ. The model takes the timesteps."
            elif counts.equal(counts.round()) and 1 <= counts.min() and counts.max() <= len(BETAS):
                question = "You make floats of the timesteps, which are whole numbers."
        facts = f"num_steps runs from {counts.min():.3g} to {counts.max():.3g}"
        facts += f", in numbers of type {counts.dtype}" * counts.is_floating_point()
        raise Mistake(f"the model's {facts}, expected whole timesteps from 1 to {len(BETAS)}", question)
    sizes = [len(call.images) for call in trained]
    if max(sizes) != SIZE:
        few = ", ".join(map(str, sizes[:4])) + ", ..." * (len(sizes) > 4)
        facts = f"the minibatches hold {few} images, expected batch_size={SIZE}"
        question = "You take one image at a time." if max(sizes) == 1 else "Where is batch_size used?"
        raise Mistake(facts, question)
    shown = t.cat([call.images for call in trained])
    if shown.std(dim=(1, 2, 3)).max() < 0.01:
        raise Mistake("the model is shown clean images", "Where does it get the noised ones?")
    if shown.mean(dim=(1, 2, 3)).abs().max() < 2:
        question = "You show the noise alone."
        if shown.abs().max() <= 1:
            question = "You clamp what the model is shown. A noised image may leave [-1, 1]."
        elif shown.mean() > 0.2:  # of so much noise, 0.02
            question = "You bring the images to [0, 1], or clamp them. They come as the model is to see them."
        raise Mistake("there is hardly an image in what the model is shown", question)
    brightness = shown.mean(dim=(1, 2, 3)) / alpha_bars(counts).flatten().sqrt() / LEVEL
    if brightness.max() > N_IMAGES or (brightness - brightness.round()).abs().max() > 0.2:
        facts = "the images that the model is shown are not noised by the timesteps it is given"
        raise Mistake(facts, question_of_noising(shown.mean(dim=(1, 2, 3)), counts))
    if (counts == counts[0]).all():  # by chance, not once in 4 ** 35
        question = "You give noise_img a max_steps. Left out, it is the schedule's length."
        raise Mistake(f"all {len(counts)} timesteps are {counts[0]}", question)
    return brightness.round().int().tolist()


def question_of_noising(means: t.Tensor, counts: t.Tensor) -> str:
    """What may have been done to plain images whose brightness, by their timesteps, is none of the data's."""

    def whole(levels: t.Tensor) -> bool:
        return bool((levels.max() < N_IMAGES) & ((levels - levels.round()).abs().max() < 0.06))

    brightness = means / alpha_bars(counts).flatten().sqrt()
    if whole((brightness + 1) / 2 / LEVEL) and ((brightness + 1) / 2 / LEVEL).max() > 1:
        return "You normalise the images once more. They are in [-1, 1] already."
    if whole((2 * brightness - 1) / LEVEL):
        return "You denormalise the images. They stay in [-1, 1]."
    own = NoiseSchedule(len(BETAS), "cpu").alpha_bar(counts).sqrt()
    if whole(means / own / LEVEL):
        return "You use another schedule than the model's."
    return "You take images and timesteps from two calls of noise_img, or in another order."


def judge_draws(trained: list[Call], seen: list[int]) -> None:
    """Each image gets new noise each time, and a new timestep."""
    noise = t.cat([noise_in(call.images, call.num_steps) for call in trained]).flatten(1)
    same = (noise @ noise.T / noise.norm(dim=1) / noise.norm(dim=1)[:, None]).fill_diagonal_(0) > 0.99
    if same.any():
        place = t.cat([t.full((len(call.images),), i) for i, call in enumerate(trained)])
        of = t.tensor(seen)
        alike = same.nonzero()
        if (of[alike[:, 0]] == of[alike[:, 1]]).all():
            raise Mistake(
                "an image gets the same noise in each epoch", "You draw its noise once. Each step draws anew."
            )
        if (place[alike[:, 0]] == place[alike[:, 1]]).all():
            raise Mistake("images of a minibatch get the same noise", "You draw one noise for all. Each has its own.")
        question = "You set a seed in the loop, or draw noise before it. Each step draws anew."
        raise Mistake("two steps get the same noise", question)
    full = [call.num_steps for call in trained if len(call.images) == SIZE]
    if all(each.equal(full[0]) for each in full):
        raise Mistake("every step gets the same timesteps", "You draw timesteps once. Each step draws anew.")
    if all(call.num_steps.unique().numel() == 1 for call in trained):
        facts = "all images of a minibatch get the same timestep"
        raise Mistake(facts, "You draw one timestep for all. Each image has its own.")
    counts, of = t.cat([call.num_steps for call in trained]), t.tensor(seen)
    if all((counts[of == i] == counts[of == i][0]).all() for i in range(N_IMAGES)):
        raise Mistake(
            "an image gets the same timestep in each epoch", "You draw its timestep once. Each step draws anew."
        )


def noise_in(images: t.Tensor, num_steps: t.Tensor, level: float = LEVEL) -> t.Tensor:
    """The noise in noised plain images, whose brightness is a multiple of level."""
    a = alpha_bars(num_steps)
    clean = (images.mean(dim=(1, 2, 3), keepdim=True) / a.sqrt() / level).round() * level
    return (images - a.sqrt() * clean) / (1 - a).sqrt()


def noise_of(call: Call) -> t.Tensor:
    return noise_in(call.images, call.num_steps)


def judge_gradients(trained: list[Call]) -> None:
    """The gradient of every step is that of the mean squared error between w and the noise."""
    measured, parts = [call.gradient for call in trained], []
    for call in trained:
        noise, a = noise_in(call.images, call.num_steps), alpha_bars(call.num_steps)
        parts.append((call.w, noise, unmix(call.images, noise, a), call.images, a))

    def fits(formula: Callable) -> bool:
        made = [float(formula(*part)) for part in parts]
        return all(abs(m - g) < 0.01 + 0.01 * abs(m) for m, g in zip(made, measured, strict=True))

    if not fits(lambda w, noise, x0, xt, a: 2 * (w - noise).mean()):
        expected = 2 * (parts[0][0] - parts[0][1]).mean().item()
        facts = f"the first gradient is {measured[0]:.3f}, expected {expected:.3f} for the mean squared error"
        raise Mistake(facts, recognise(LOSS_MISTAKES, fits) or tell_target(measured, parts))


def tell_target(measured: list[float], parts: list[tuple]) -> str:
    """Whether the errors are weighed by their timesteps, or what the guess is compared with, as far as its mean tells."""
    of_steps = [
        [2 * ((w - noise) * a.sub(bar).abs().lt(1e-5)).mean().item() for bar in BARS] for w, noise, _, _, a in parts
    ]
    weighed, gradients = t.tensor(of_steps), t.tensor(measured)[:, None]
    made = weighed @ t.linalg.lstsq(weighed, gradients).solution
    if len(made) > 2 * len(BARS) and made.allclose(gradients, atol=0.01, rtol=0.01):
        return "You weigh the timesteps. Equation 14 gives each a 1."
    targets = [w - gradient / 2 for gradient, (w, *_) in zip(measured, parts, strict=True)]
    if all(abs(target) < 6 / sqrt(noise.numel()) for target, (_, noise, *_) in zip(targets, parts, strict=True)):
        return "You compare the guess with other noise than is in the images it saw."
    if max(map(abs, targets)) > 2:
        return "You compare the guess with something that holds the image. Equation 14 takes the noise alone."
    return "You compare the guess with something else than noise_img's noise, or weigh the errors."


def judge_adam(model: Recorder) -> None:
    """Every value of w is the one that Adam makes of the gradients before it."""
    values = [call.w for call in model.trained] + [model.weight.item()]
    gradients = [slope(i) * call.gradient for i, call in enumerate(model.trained)]

    def fits(mistake: Callable) -> bool:
        made = mistake(partial(weights, gradients), len(gradients) // 3)
        return all(abs(m - v) < 1e-5 for m, v in zip(made, values, strict=True))

    if fits(lambda steps, epoch: steps()):
        return
    if values[0] != 1:
        facts = f"before the first step the weight is {values[0]:.5f}, expected 1, as it was"
        raise Mistake(facts, "You set the model's weights. It is trained from those that it has.")
    question = recognise(ADAM_MISTAKES, fits) or tell_rate(values, weights(gradients))
    expected = weights(gradients)
    i = max(range(len(values)), key=lambda i: abs(values[i] - expected[i]))
    facts = f"after {i} step{'s'[: i > 1]} of Adam the weight is {values[i]:.5f}, expected {expected[i]:.5f}"
    raise Mistake(facts, question)


def tell_rate(values: list[float], expected: list[float]) -> str:
    """Which multiples of Adam's steps have been taken, if all are multiples; w gets the same gradients either way."""
    steps, rights = ([after - before for before, after in pairwise(each)] for each in (values, expected))
    rates = [step / right for step, right in zip(steps, rights, strict=True)]
    if max(rates) < 0:
        return "You climb: maximize, or the sign of the rate or of the gradient, is turned."
    if abs(rates[0] - 1) > 0.02 and max(abs(rate / rates[0] - 1) for rate in rates) < 0.01:
        return f"You take another learning rate, {rates[0]:.2g} times the lr of the config."
    if abs(rates[0] - 1) < 0.02 and all(after < before + 0.01 for before, after in pairwise(rates)) and rates[-1] > 0:
        return "You change the learning rate on the way. lr stays what it is."
    if abs(rates[0] - 1) < 0.02:
        return "You give Adam more than lr, or change gradients or weights beside it."
    return "You do more than Adam with this lr, one step a minibatch."


def judge_epochs(seen: list[int]) -> None:
    """Each epoch shows every image once."""
    first, everything = seen[:N_IMAGES], list(range(N_IMAGES))
    if len(seen) != 3 * N_IMAGES:
        question = "You show images more or less than once an epoch."
        if len(seen) == SIZE:
            question = "You return in the inner loop, after the first minibatch."
        elif len(seen) == N_IMAGES:
            question = "You stop after the first epoch. Where is epochs, and at which level is the return?"
        elif len(seen) == 6 * N_IMAGES:
            question = "You train on each minibatch twice."
        elif len(seen) == 3 * SIZE:
            question = "You leave the loop over the minibatches early."
        elif len(seen) % SIZE == 0 and len(seen) < 3 * N_IMAGES:
            question = "You drop the last, smaller minibatch."
        raise Mistake(f"in 3 epochs, {N_IMAGES} images were shown {len(seen)} times, expected {3 * N_IMAGES}", question)
    if sorted(first) != everything or sorted(seen) != sorted(3 * everything):
        often = max(first, key=first.count)
        never = len(set(everything) - set(first))
        facts = f"in the first epoch, one image is shown {first.count(often)} times, and {never} are never shown"
        raise Mistake(facts, "You draw images again. Each belongs to one minibatch of an epoch.")


def judge_order(answer: Callable) -> tuple:
    """Each epoch has a new random order. With 12 minibatches, no order comes twice by chance."""
    model, N, size = Wide(schedule_for()), 36, 3
    _, run = run_train(answer, model, trainset=plain_images(LEVEL * t.arange(N)), epochs=3, batch_size=size)
    images, counts = (t.cat([getattr(call, name) for call in model.trained]) for name in ("images", "num_steps"))
    seen = (images.mean(dim=(1, 2, 3)) / alpha_bars(counts).flatten().sqrt() / LEVEL).round().int().tolist()
    first, second = seen[:N], seen[N : 2 * N]
    if first == second:
        question = "You keep one order. Where is a new random one drawn each time?"
        raise Mistake("every epoch shows the images in the same order", question)
    if first == sorted(first):
        raise Mistake(
            "the first epoch shows the images in the order of the data", "You leave the first epoch unshuffled."
        )
    if all(second[i : i + size] == list(range(second[i], second[i] + size)) for i in range(0, N, size)):
        facts = "each minibatch is a piece of the data, in its order"
        raise Mistake(facts, "You shuffle the minibatches, not the images.")
    if as_before := [name for name, p in model.named_parameters() if p.eq(1).all()]:
        facts = f"after {len(model.trained)} steps, {len(as_before)} of a model's 4 parameters are as before"
        raise Mistake(facts, "You give the optimizer some of them. Where are all of model.parameters()?")
    if counts.max() < len(BETAS):
        facts = f"timestep {len(BETAS)} never comes, in {len(counts)} draws"
        raise Mistake(facts, "You stop short of the last timestep, by max_steps or the upper end of a draw.")
    return model.trained, run


def judge_train_loss(trained: list[Call], run: utils.Run | None) -> None:
    """The loss is logged after each step, which is counted from 1."""
    if not run or "train_loss" not in run.curves:
        names = f"logged are {', '.join(run.curves)}" if run and run.curves else "nothing is logged"
        raise Mistake(f"{names}, expected train_loss after every step", "Where is it logged, in the inner loop?")
    steps = [call.logged for call in trained[1:]] + [run.step]
    if steps != list(range(1, len(trained) + 1)) or run.curves["train_loss"][0][0] != 1:
        facts = f"after steps 1, 2, 3, 4, the latest log is of step {', '.join(map(str, steps[:4]))}"
        question = "You count steps in another way. The first logged is 1."
        if steps[0] == 1 and len({*steps}) < len(steps):
            question = "Where is train_loss logged after every step, with step counted up by 1?"
        elif 0 in steps[:2] and max(steps) > 2:
            question = "Where is train_loss logged in the inner loop, after every step?"
        if steps[:4] == [0, 1, 2, 3]:
            question = "You log before step is counted up. Steps are counted from 1."
        raise Mistake(facts, question)
    judge_logged_losses(trained, run)


def judge_logged_losses(trained: list[Call], run: utils.Run) -> None:
    """What is logged after a step is the loss of that step. A curve keeps every tenth."""
    losses = [(call.w - noise_in(call.images, call.num_steps)).square().mean().item() for call in trained]
    for step, value in run.curves["train_loss"]:
        loss, so_far = losses[step - 1], losses[:step]
        if abs(value - loss) < 0.002 * loss:
            continue
        question, epoch = "You log something else than the loss of this step.", (step - 1) // 12 * 12
        means = [sum(each) / len(each) for each in (so_far, losses[epoch:step], so_far[-10:], so_far[-5:]) if each]
        smoothed = [so_far[0]] * 3
        for each in so_far[1:]:
            smoothed = [keep * old + (1 - keep) * each for keep, old in zip((0.9, 0.99, 0.5), smoothed, strict=True)]
        if any(abs(value - mean) < 0.002 * loss for mean in means + smoothed):
            question = "You log a mean over the steps so far. Each step logs its own loss."
        elif step > 1 and any(abs(value - total) < 0.002 * loss for total in (sum(so_far), sum(losses[epoch:step]))):
            question = "You log the sum of the losses so far. Each step logs its own loss."
        elif abs(value - (trained[step - 1].w - noise_of(trained[step - 1])).mean().item() ** 2) < 0.002 * loss:
            question = "You square the mean of the differences. Equation 14 takes the mean of their squares."
        elif (
            step < len(trained)
            and abs(value - (trained[step].w - noise_of(trained[step - 1])).square().mean().item()) < 0.002 * loss
        ):
            question = "You take the loss anew after the step. The one that was trained with is logged."
        elif abs(value - loss * len(trained[step - 1].images)) < 0.002 * value:
            question = "You multiply by the number of images. The mean squared error is asked for."
        raise Mistake(f"train_loss is logged as {apart(value, loss)} after step {step}", question)


def judge_testing(answer: Callable) -> None:
    """With a test set: it is looked at after each epoch, without gradients, and not trained on."""
    model, n_test, epochs = Recorder(schedule_for()), 7, 5
    _, run = run_train(answer, model, plain_images(t.full((n_test,), TEST_LEVEL)), epochs=epochs)
    tested = [call for call in model.calls if call.images.mean() > 0.4 * TEST_LEVEL]
    if any(call.images.mean() > 0.4 * TEST_LEVEL for call in model.trained):
        raise Mistake("the model is trained on the test images", "You train on the test loss. It is only looked at.")
    looks = sum(len(call.images) for call in tested)
    if looks != epochs * n_test:
        facts = f"in {epochs} epochs, {n_test} test images are looked at {looks} times, expected {epochs * n_test}"
        raise Mistake(facts, "Where is the test loss taken once after each epoch, on all test images?")
    if any(call.with_gradient for call in tested):
        raise Mistake("the test loss is taken with gradients on", "Where are they turned off? It is only looked at.")
    when, length = sorted({call.trained_before for call in tested}), -(-N_IMAGES // SIZE)
    expected = [length * epoch for epoch in range(1, epochs + 1)]
    if when != expected:
        taken, wanted = (", ".join(map(str, each[:3])) for each in (when, expected))
        facts = f"the test loss is taken after {taken}, ... steps, expected {wanted}, ..."
        raise Mistake(
            facts, "You take it too early or too late. It comes after each epoch, once the minibatches are through."
        )
    judge_test_images(tested)
    if "test_loss" not in run.curves:
        raise Mistake(
            f"logged are {', '.join(run.curves)}, expected test_loss, too", "Where is it logged after each epoch?"
        )
    judge_test_loss(tested, run, len(tested) // epochs)
    step = run.curves["test_loss"][0][0]
    if step != length:
        facts = f"the first test_loss is logged at step {step}, expected {length}, the last of its epoch"
        raise Mistake(facts, "You log it at another step than the training loss.")
    if not model.trained[0].training:
        raise Mistake("the model is trained in eval mode", "You call eval() before it trains.")
    if not all(call.training for call in model.trained):
        raise Mistake("after the first test, the model is trained in eval mode", "Where is it set back to train mode?")


def judge_test_loss(tested: list[Call], run: utils.Run, parts: int) -> None:
    """What is logged is the mean over all test images. parts: in how many the test set is taken"""
    for step, value in run.curves["test_loss"]:
        epoch = max(0, round(step / -(-N_IMAGES // SIZE)) - 1)  # a wrong step is told below
        calls = tested[epoch * parts :][:parts]
        losses = [(c.w - noise_in(c.images, c.num_steps, TEST_LEVEL)).square().mean().item() for c in calls]
        sizes = [len(call.images) for call in calls]
        loss = sum(size * each for size, each in zip(sizes, losses, strict=True)) / sum(sizes)
        if abs(value - loss) < 5e-4 * loss:
            continue
        question = "You log something else than the mean squared error on all test images."
        if parts > 1 and abs(value - losses[-1]) < 5e-4 * loss:
            question = "You log the last part's loss. All test images count."
        elif parts > 1 and abs(value - sum(losses) / parts) < 5e-4 * loss:
            question = "You average the means of parts of different size. Each image counts the same."
        facts = f"a test_loss, after step {step}, is logged as {apart(value, loss)}"
        raise Mistake(facts, question)


def judge_test_images(tested: list[Call]) -> None:
    for call in tested:
        noise = noise_in(call.images, call.num_steps, TEST_LEVEL)
        if call.images.std() < 0.01:
            raise Mistake("for the test loss, the model is shown clean images", "Where are the test images noised?")
        if abs(noise.mean()) > 1 or noise.std() > 2:
            facts = "the test images that the model is shown are not noised by the timesteps it is given"
            raise Mistake(facts, "You take images and timesteps from two calls of noise_img.")


N_PAINTED, EVERY, N_LOGGED = 18, 4, 2  # twice 6 steps of 3 images; every fourth logs pictures of 2 of them
ANEW = [4, 10], [1, 5, 7, 11], [1, 4, 7, 10]  # when pictures come where each epoch counts its steps by itself


def judge_pictures(answer: Callable) -> None:
    """Pictures come every so many steps, and show what the model has been shown and has guessed."""
    model, images = Painted(schedule_for()), 2 * t.rand(N_PAINTED, *Recorder.img_shape) - 1
    images[:, 0, 0, 0] = LEVEL * t.arange(N_PAINTED)  # tells which image it is
    options = dict(trainset=TensorDataset(images), epochs=2, batch_size=3, lr=0.0)
    _, run = run_train(answer, model, img_log_interval=EVERY, n_images_to_log=N_LOGGED, **options)
    if len(run.curves["train_loss"]) != 2:  # a curve keeps every tenth step, here the first and the eleventh
        facts = f"12 steps are logged as {[step for step, _ in run.curves['train_loss']]}, ..., expected 1, 11"
        raise Mistake(facts, "Where is step counted up?")
    after = [*(call.pictures for call in model.trained[1:]), run.pictures]
    changed = [now is not then and bool(now) for then, now in zip([[], *after], after, strict=False)]
    at = [step for step, new in enumerate(changed, 1) if new]
    if not at:
        facts = f"in {len(after)} steps with img_log_interval={EVERY}, no pictures are logged"
        raise Mistake(facts, "Where is a list of them, under the name images?")
    gaps = [b - a for a, b in zip([0, *at], [*at, len(after) + 1], strict=True)]
    if max(gaps) > EVERY or len(at) > len(after) // EVERY + 1 or at in ANEW:
        steps = f"steps {', '.join(map(str, at))} of {len(after)}"
        question = "You log at other steps than every so many, counted from 1."
        if len(at) == len(after):
            steps, question = "every step", "Where is img_log_interval used?"
        elif len(at) == len(after) - len(after) // EVERY:
            question = "You turn it round, so that all steps log but those that should."
        elif at in ANEW:
            question = "You count the steps anew in each epoch."
        elif len(at) == 1:
            steps, question = (
                f"step {at[0]} alone, of {len(after)}",
                "You log once. The intervals after the first count, too.",
            )
        raise Mistake(f"with img_log_interval={EVERY}, pictures are logged after {steps}", question)
    for step in at:
        pictures = after[step - 1]
        if len(pictures) != N_LOGGED:
            s = "s"[: len(pictures) != 1]
            facts = f"{len(pictures)} picture{s} at a time, expected n_images_to_log={N_LOGGED}"
            raise Mistake(facts, "Where is n_images_to_log used?")
        for picture in pictures:
            judge_picture(picture, model.calls, images)


def judge_picture(picture: object, calls: list[Call], images: t.Tensor) -> None:
    """One picture is that of an image which the model was shown, with its noise, guess and reconstruction."""
    parts = []
    for call in calls:
        a = alpha_bars(call.num_steps)
        x0 = images[(call.images[:, 0, 0, 0] / a.flatten().sqrt() / LEVEL).round().long().clamp(0, N_PAINTED - 1)]
        noise = (call.images - a.sqrt() * x0) / (1 - a).sqrt()
        parts.append((x0, call.images, noise, call.guess, unmix(call.images, call.guess, a), a))
    everything = [t.cat(each) for each in zip(*parts, strict=True)]
    shown = t.from_numpy(np.array(picture)).float()

    def gaps(formula: Callable) -> t.Tensor:
        """How far the picture is from that of each image, in its six panels: noised, noise, clean; true and guessed."""
        img, noised, noise, guess, clean = formula(*everything)
        rows = t.stack([t.stack([noised, noise, img], 1), t.stack([noised, guess, clean], 1)], 1)
        made = (127.5 * rows + 127.5).clamp(0, 255).squeeze(3)
        panels = shown.reshape(2, 8, 3, 8).permute(0, 2, 1, 3)
        return (made - panels).abs().amax(dim=(-1, -2)).flatten(1)

    if shown.shape != (16, 24):
        raise Mistake(
            f"a picture has {tuple(shown.shape)} pixels, expected (16, 24)",
            "You make it in another way than by log_images.",
        )
    found = gaps(lambda x0, xt, e, g, r, a: (x0, xt, e, g, r))
    if found.amax(dim=1).min() < 2:
        return
    names = ["noised image", "noise", "clean image", "noised image", "guess", "reconstruction"]
    wrong = found[found.gt(2).sum(dim=1).argmin()].gt(2)
    off = list(dict.fromkeys(name for name, bad in zip(names, wrong.tolist(), strict=True) if bad))
    places = "all places" if len(off) > 3 else f"the place of the {' and of the '.join(off)}"
    facts = f"the logged pictures show something else in {places}"
    otherwise = "You change the images, or mix minibatches. All five are of one, as the model saw it."
    raise Mistake(facts, recognise(PICTURE_MISTAKES, lambda f: gaps(f).amax(dim=1).min() < 2, otherwise))


def judge_train_device(answer: Callable) -> None:
    """Every tensor has to be made on the device of the config; the meta device gets as far as the first log."""
    model = Recorder(schedule_for())
    facts = "with another device in the config, tensors of two devices meet"
    question = "You make something on the CPU. Model and data are brought to the device above."
    elsewhere(lambda: run_train(answer, model, device=t.device("meta"), epochs=1), facts, question)
