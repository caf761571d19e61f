"""The check of 1.8 TinyDiffuser."""

from collections.abc import Callable

import torch as t

from solutions.part1_diffusion import TinyDiffuserConfig
from tests.checking import (
    Mistake,
    careful,
    check,
    elsewhere,
    expect_tensor,
    judge_given,
    judge_slopes,
    make,
    question_of_unreached,
    seed_all,
    unchanged,
)

IMG, PIXELS = (3, 4, 5), 60


def tiny(answer: Callable, img_shape: tuple[int, ...] = IMG, hidden_size: int = 16, max_steps: int = 10):
    """The learner's network, with random weights, so that a last layer that begins at 0 hides nothing."""
    inputs = t.zeros(2, *img_shape), t.ones(2, dtype=t.int64)
    return make(careful(answer), TinyDiffuserConfig(img_shape, hidden_size, max_steps), inputs=inputs)


@check("1.8")
def check_TinyDiffuser(answer: Callable) -> str:
    config, B = TinyDiffuserConfig(IMG, 16, 10), 6
    seed_all(t.initial_seed())
    model = careful(answer)(config)
    if not isinstance(model, t.nn.Module):
        raise Mistake("it is not a module", "Where does the class line say DiffusionModel?")
    images, steps = t.randn(B, *IMG), t.randint(1, 11, (B,))
    judge_shapes(model, images, steps)
    if not list(model.parameters()):
        question = "You keep the layers in a plain list. nn.Sequential registers them."
        if not same_guess(model, images, steps):
            question = "You make new layers in each call. They are made in __init__."
        raise Mistake("it has no parameters to train", question)
    judge_given(model, img_shape=IMG, hidden_size=16, max_steps=10, noise_schedule=None, config=config)
    for shape, size in [(IMG, 1), ((1, 2, 7), 3)]:
        judge_shapes(tiny(answer, shape), t.randn(size, *shape), t.randint(1, 11, (size,)))
    if not same_guess(model, images, steps):
        raise Mistake("the same images get another guess in each call", "You draw something at random in forward.")
    judge_beginning(model, images, steps)
    model = tiny(answer)
    guess = model(images, steps)
    if not guess.requires_grad:
        question = "You turn gradients off in forward, by no_grad or detach."
        if not any(p.requires_grad for p in model.parameters()):
            question = "You freeze the weights, by requires_grad."
        raise Mistake("no gradient can flow back from the guess", question)
    guess.square().sum().backward()
    unused = [(name, p) for name, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    if unused:
        names = ", ".join(name for name, _ in unused)
        raise Mistake(f"no gradient reaches {names}", question_of_unreached(unused[0][1], model, (images, steps)))
    with t.no_grad():
        judge_alone(model, images, steps)
        judge_mlp(tiny(answer, hidden_size=64))
        with t.random.fork_rng([]):
            judge_scale(answer)
        judge_width(answer)
    question = "You detach the images, or turn gradients off on their way."
    judge_slopes(
        lambda x: model(x, steps),
        "the guess changes with the {}, but its gradient does not say so",
        question,
        slack=0.1,
        images=images,
    )
    judge_tiny_device(answer)
    return "shapes, both inputs used, two layers with a ReLU between them, every parameter trained"


def judge_beginning(model: t.nn.Module, images: t.Tensor, steps: t.Tensor) -> None:
    """With the weights that it begins with, some learn. (A last layer at 0 stops those before it, for one step.)"""
    guess = model(images, steps)
    if guess.requires_grad:
        guess.backward(t.randn_like(guess))
        if not any(p.grad is not None and p.grad.any() for p in model.parameters() if p.ndim > 1):
            raise Mistake(
                "as it begins, no gradient reaches any weight", "You set all weights to 0, so none can learn."
            )
        model.zero_grad()


def same_guess(model: t.nn.Module, images: t.Tensor, steps: t.Tensor) -> bool:
    one, two = model(images, steps), model(images, steps)
    return not (isinstance(one, t.Tensor) and isinstance(two, t.Tensor)) or one.equal(two)


def judge_shapes(model: t.nn.Module, images: t.Tensor, steps: t.Tensor) -> None:
    with unchanged(images=images, num_steps=steps):
        guess = model(images, steps)
        guess = guess.detach() if isinstance(guess, t.Tensor) else guess
        expect_tensor(guess, tuple(images.shape), f"for images {tuple(images.shape)} it")


def judge_alone(model: t.nn.Module, images: t.Tensor, steps: t.Tensor) -> None:
    """What an image is guessed to hold depends on that image and its own timestep."""
    guess, steps = model(images, t.arange(1, 7)), t.arange(1, 7)
    for i in (0, 5):
        others = t.arange(6) != i
        if not model(t.where(others.reshape(-1, 1, 1, 1), 2 - images.flip(3), images), steps)[i].allclose(
            guess[i], atol=1e-5
        ):
            facts = "an image's guess depends on the other images of its batch"
            raise Mistake(facts, "You mix images: by a transposed or flattened batch, or by a mean over it.")
    for i in (0, 5):
        alike = model(images, t.where(t.arange(6) == i, steps, 9))
        if not alike[i].allclose(guess[i], atol=1e-5):
            facts, question = "an image's guess depends on the timesteps of the others", "You mix timesteps."
            if model(images, steps[:1].expand(6)).allclose(guess, atol=1e-5):
                question = "You take the first timestep for all images."
            elif model(images, t.tensor([6, 5, 4, 3, 2, 1])).allclose(guess, atol=1e-5):
                question = "You take the mean of the timesteps, or another number of them, for all images."
            elif model(images[:2], t.tensor([1, 2]))[0].allclose(model(images[:2], t.tensor([2, 4]))[0], atol=1e-5):
                question = "You divide by the largest timestep of the batch. Where is max_steps?"
            raise Mistake(facts, question)
    alone = t.cat([model(images[i : i + 1], steps[i : i + 1]) for i in range(6)])
    if not alone.allclose(guess, atol=1e-5):
        question = "You let shapes broadcast, or flatten the batch with the pixels."
        raise Mistake("an image gets another guess alone than in a batch", question)


def judge_mlp(model: t.nn.Module) -> None:
    """By behaviour alone: both inputs count, it bends (a ReLU), and it is not bounded."""
    images, steps = t.randn(6, *IMG), t.tensor([1, 10, 3, 7, 5, 8])
    guess, zeros, turned = model(images, steps), t.zeros_like(images), steps.flip(0)
    if guess.allclose(model(zeros, steps)):
        raise Mistake("the guess does not depend on the images", "Where do the pixels go into the first layer?")
    dark = -images.abs()
    if model(dark, steps).allclose(model(2 * dark, steps)):
        question = "You put a ReLU before the first layer, which cuts off what is below 0."
        raise Mistake("the guess is the same for all images darker than grey", question)
    if guess.allclose(model(images, turned)):
        raise Mistake("the guess does not depend on num_steps", "Where does the timestep go into the first layer?")
    judge_pixels(model, images, steps)
    if model(zeros, steps).allclose(model(zeros, turned), atol=1e-6):
        question = "You multiply the pixels by the timestep. It is one more number beside them."
        raise Mistake("for an image of zeros, num_steps has no effect", question)
    for scale in (1, 0.1):
        brighter = images + scale * (steps - turned).reshape(-1, 1, 1, 1)
        if guess.allclose(model(brighter, turned), atol=1e-5):
            facts = "a larger timestep does the same as a brighter image"
            raise Mistake(facts, "You add the timestep to the pixels. It is one more number beside them.")
    base = model(zeros, steps)
    if (model(100 * images, steps) - base).allclose(100 * (guess - base), rtol=1e-3, atol=1e-3):
        raise Mistake("the guess is a linear function of the images", "Where is the ReLU between the two layers?")
    large = 5 * images
    if model(large, steps).allclose(model(large.clamp(-1, 1), steps)):
        raise Mistake("what is beyond [-1, 1] in the images has no effect", "You clamp them. Noised images go further.")
    wide = t.cat([model(1e5 * t.randn_like(images), steps) for _ in range(20)])
    after = "You put an activation after the last layer."
    if wide.min() >= 0:
        raise Mistake("the guess is never negative", f"{after} Noise has both signs.")
    if wide.max() <= 0:
        raise Mistake("the guess is never positive", f"{after} Noise has both signs.")
    if wide.abs().max() <= 1.001 and (wide.abs() > 0.99).float().mean() > 0.9:
        raise Mistake("the guess never leaves [-1, 1]", f"{after} Noise goes further.")
    if wide.abs().max() < 1000:
        facts = f"for images 100,000 times as large, the guess stays below {wide.abs().max():.1f}"
        raise Mistake(facts, "You use a norm, or another activation than the ReLU between the two layers.")


def judge_pixels(model: t.nn.Module, images: t.Tensor, steps: t.Tensor) -> None:
    """Every pixel of every channel counts."""
    guess = model(images, steps)
    for axis, name in [(1, "channel"), (2, "row"), (3, "column")]:
        for i in range(images.shape[axis]):
            other = images.clone()
            other.select(axis, i).add_(t.randn_like(other.select(axis, i)))
            change = (model(other, steps) - guess).abs()
            if change.index_fill(axis, t.tensor([i]), 0).max() < 1e-6 <= change.max():
                facts = f"a change in {name} {i} of the images changes nothing else in the guess"
                raise Mistake(facts, f"You pass the pixels on in parts. The first layer takes all {PIXELS} at once.")
            if change.max() < 1e-6:
                facts = f"the guess does not depend on {name} {i} of the images"
                raise Mistake(facts, f"You leave some of the pixels out. The first layer takes all {PIXELS} of them.")
    moved = images.clone()
    moved[:, 0] += 1
    moved[:, 1] -= 1
    if model(moved, steps).allclose(guess, atol=1e-5):
        facts = "the guess depends on the mean of the channels alone"
        raise Mistake(facts, f"You put the channels together. The first layer takes all {PIXELS} pixels.")


def judge_width(answer: Callable) -> None:
    """With one hidden number, all guesses lie on a line, and a ReLU lets many of them stand at its end."""

    def directions(guesses: t.Tensor) -> int:
        apart = guesses - guesses.mean(dim=0)
        return t.linalg.matrix_rank(apart, atol=1e-3 * guesses.abs().max(), rtol=1e-4).item()

    images, steps = t.randn(1000, *IMG), t.randint(1, 11, (1000,))
    model = tiny(answer, hidden_size=1)
    narrow = model(images, steps).flatten(1)
    if directions(narrow) > 1:
        question = "You make more hidden numbers than hidden_size."
        if directions((narrow - images.flatten(1))) <= 1:
            question = "You add the images to the guess, or take it from them. The two layers alone make it."
        elif directions(narrow - narrow.mean(dim=1, keepdim=True)) <= 1:
            question = "You add the timestep to the guess. The two layers alone make it."
        elif directions(model(images, t.full((len(images),), 5)).flatten(1)) <= 1:
            question = "You let the timestep go past the first layer. It goes in there, beside the pixels."
        raise Mistake("with hidden_size=1 the guesses vary in more than one direction", question)
    count = sum(p.numel() for p in tiny(answer, hidden_size=64).parameters())
    expected = (PIXELS + 1) * 64 + 64 + 64 * PIXELS + PIXELS
    if count > expected + 4 * 64:  # of a layer for the timestep alone, 128 more
        facts = f"with hidden_size=64 it has {count:,} numbers to train, two layers have {expected:,}"
        raise Mistake(facts, "You use more than two layers, or put in more than the pixels and one timestep.")
    if count < expected - 64 - PIXELS:  # those are the biases
        facts = f"with hidden_size=64 it has {count:,} numbers to train, two layers have {expected:,}"
        raise Mistake(facts, "You keep a layer in a plain list or dict, or make one smaller than hidden_size.")
    piled = stopped(narrow)
    with t.random.fork_rng([]):
        for _ in range(3):
            if piled < 30:  # a ReLU that begins far from 0 stops few: other weights
                seed_all(t.initial_seed() + 1)
                piled = stopped(tiny(answer, hidden_size=1)(images, steps).flatten(1))
    if piled < 30:  # of a GELU, fewer than ten; a ReLU stops at least one in ten, mostly
        question = "You use another activation than a ReLU, as GELU, SiLU or a leaky one."
        raise Mistake(f"with hidden_size=1, {piled} of 1000 guesses are stopped by a ReLU, expected hundreds", question)


def stopped(guesses: t.Tensor) -> int:
    """How many guesses stand at the end of the line on which all of them lie."""
    rest = guesses - guesses.mean(dim=0)
    along = rest @ rest[rest.norm(dim=1).argmax()]
    width = along.max() - along.min()
    return max((along - end).abs().lt(1e-5 * width).sum().item() for end in (along.min(), along.max()))


def judge_scale(answer: Callable) -> None:
    """The timestep enters evenly, and counts by its share of max_steps."""
    images = t.randn(100, *IMG)

    def guess(n: int, T: int) -> t.Tensor:
        return tiny(answer, hidden_size=64, max_steps=T)(images, t.full((len(images),), n))

    first, last = guess(1, 1000), guess(1000, 1000)
    way = (last - first).norm().item()
    if way < 1e-6:
        raise Mistake("with max_steps=1000, timesteps 1 and 1000 give the same guess", "Where does the timestep enter?")
    half, second = (guess(500, 1000) - first).norm().item() / way, (guess(2, 1000) - first).norm().item() / way
    facts = "on the way of the guess from timestep 1 to timestep 1000,\ntimestep {} stands at {:.2f} of it, expected {}"
    leaps = [(guess(n + 1, 1000) - guess(n, 1000)).norm().item() / way for n in (10, 200, 500, 700, 998)]
    if max(second, *leaps) > 0.05:
        question = "You put something else in than the timestep, scaled evenly."
        if all(abs((guess(n, 1000) - first).norm().item() / way - 1 + 1 / n) < 0.15 for n in (2, 3, 4, 10, 30, 500)):
            question = "You divide max_steps by the timestep."
        if second <= 0.05:
            facts = (
                "from one timestep to the next, with max_steps=1000,\nthe guess goes {:.2f} of the way from 1 to 1000"
            )
            raise Mistake(facts.format(max(leaps)) + ", expected 0.00", question)
        raise Mistake(facts.format(2, second, "0.00"), question)
    if half < 0.05:
        raise Mistake(facts.format(500, half, "about 0.5"), "You round the scaled timestep to a whole number.")
    if (guess(100, 100) - last).norm().item() > 0.3 * way:
        facts = "the last of 100 steps gives another guess than the last of 1000"
        raise Mistake(facts, "Where is the timestep scaled to [0, 1], by max_steps?")
    if (guess(2, 2) - first).norm().item() > 1.5 * way:
        facts = "with max_steps=2, timestep 2 stands for more than the last of 1000"
        raise Mistake(facts, "You divide by max_steps - 1, which leaves [0, 1]. Timesteps run from 1 to max_steps.")
    if min(leaps) < 1e-5:
        facts = "with max_steps=1000, two timesteps in a row give the same guess"
        raise Mistake(facts, "You round the timestep, or compute it in half precision.")
    model, steps = tiny(answer, hidden_size=64), t.full((len(images),), 5)
    brighter = (model(images + 1, steps) - model(images, steps)).norm().item()  # several times the way, mostly
    if brighter < 0.2 * way:
        facts = f"an image brighter by 1 changes the guess {brighter / way:.2f} times as much as all timesteps do"
        raise Mistake(facts, "You shrink the images. They are in [-1, 1] already.")


def judge_tiny_device(answer: Callable) -> None:
    """Every tensor that forward makes has to be where the images are."""
    facts = "moved to another device, it mixes tensors of two devices"
    inputs = t.ones(2, *IMG, device="meta"), t.tensor([1, 2], device="meta")
    question = "You leave a tensor or a layer on the CPU."
    elsewhere(lambda: tiny(answer).to("meta")(*inputs), facts, question)
