"""The check of 1.8 TinyDiffuser."""

from collections.abc import Callable

import torch as t

from solutions.part1_diffusion import TinyDiffuserConfig
from tests.checking import Mistake, careful, check, elsewhere, expect_tensor, seed_all, unchanged


def tiny(answer: Callable, img_shape: tuple[int, ...] = (3, 4, 5), hidden_size: int = 16, max_steps: int = 10):
    seed_all(t.initial_seed())
    return careful(answer)(TinyDiffuserConfig(img_shape, hidden_size, max_steps))


@check("1.8")
def check_TinyDiffuser(answer: Callable) -> str:
    model, B = tiny(answer), 6
    if not isinstance(model, t.nn.Module):
        raise Mistake("it is not a module", "Does the class line still say DiffusionModel?")
    images, steps = t.randn(B, 3, 4, 5), t.randint(1, 11, (B,))
    if not list(model.parameters()):
        question = "Are the layers in a plain list? nn.Sequential keeps them."
        if not same_guess(model, images, steps):
            question = "Each call makes new layers. Are they made in forward?"
        raise Mistake("it has no parameters to train", question)
    for shape, size in [((3, 4, 5), B), ((3, 4, 5), 1), ((1, 2, 7), 3)]:
        judge_shapes(tiny(answer, shape), t.randn(size, *shape), t.randint(1, 11, (size,)))
    if not same_guess(model, images, steps):
        raise Mistake("the same images get another guess in each call", "Is anything random in forward?")
    guess = model(images, steps)
    if not guess.requires_grad:
        raise Mistake("no gradient can flow back from the guess", "You turn gradients off in forward, by no_grad or detach.")
    guess.square().sum().backward()
    unused = [name for name, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    if unused:
        raise Mistake(f"no gradient reaches {', '.join(unused)}", "Where is it used in forward?")
    with t.no_grad():
        judge_alone(model, images, steps)
        judge_mlp(tiny(answer, hidden_size=64))
        judge_width(answer)
        judge_scale(answer)
    judge_tiny_device(answer)
    return "shapes, both inputs used, a ReLU between two layers, every parameter trained"


def same_guess(model: t.nn.Module, images: t.Tensor, steps: t.Tensor) -> bool:
    one, two = model(images, steps), model(images, steps)
    return not (isinstance(one, t.Tensor) and isinstance(two, t.Tensor)) or one.equal(two)


def judge_shapes(model: t.nn.Module, images: t.Tensor, steps: t.Tensor) -> None:
    with unchanged(images=images, num_steps=steps):
        guess = model(images, steps)
        guess = guess.detach() if isinstance(guess, t.Tensor) else guess
        expect_tensor(guess, tuple(images.shape), f"for images {tuple(images.shape)} it")


def judge_alone(model: t.nn.Module, images: t.Tensor, steps: t.Tensor) -> None:
    """An image gets the same guess alone as in a batch."""
    guess, others = model(images, steps), t.cat([steps[:1], t.full_like(steps[1:], 10)])
    alone = t.cat([model(images[i : i + 1], steps[i : i + 1]) for i in range(len(images))])
    if not alone.allclose(guess, atol=1e-5):
        facts, question = "an image's guess depends on the other images of its batch", "Which axis is flattened?"
        if any(
            not model(images, t.full_like(steps, n).index_fill(0, t.tensor([0]), 3))[0].allclose(
                model(images, others.index_fill(0, t.tensor([0]), 3))[0], atol=1e-5
            )
            for n in (1, 5)
        ):
            facts, question = "an image's guess depends on the counts of the others", "By what is the count divided?"
        raise Mistake(facts, question)


def judge_mlp(model: t.nn.Module) -> None:
    """By behaviour alone: both inputs count, it bends (a ReLU), and it is not bounded."""
    images, steps = t.randn(6, 3, 4, 5), t.tensor([1, 10, 3, 7, 5, 8])
    guess, zeros, turned = model(images, steps), t.zeros_like(images), steps.flip(0)
    if guess.allclose(model(zeros, steps)):
        raise Mistake("the guess does not depend on the images", "Are the pixels among the inputs of the first layer?")
    if guess.allclose(model(images, turned)):
        raise Mistake("the guess does not depend on num_steps", "Is the count among the inputs of the first layer?")
    if model(zeros, steps).allclose(model(zeros, turned), atol=1e-6):
        raise Mistake("for an image of zeros, num_steps has no effect", "Are the pixels multiplied by the count?")
    for scale in (1, 0.1):
        brighter = images + scale * (steps - turned).reshape(-1, 1, 1, 1)
        if guess.allclose(model(brighter, turned), atol=1e-5):
            facts = "a larger count does the same as a brighter image"
            raise Mistake(facts, "Is the count added to the pixels? It is one more number beside them.")
    base = model(zeros, steps)
    if (model(100 * images, steps) - base).allclose(100 * (guess - base), rtol=1e-3, atol=1e-3):
        raise Mistake("the guess is a linear function of the images", "Is there a ReLU between the two layers?")
    wide = t.cat([model(1e5 * t.randn_like(images), steps) for _ in range(20)])
    after = "Is there an activation after the last layer?"
    if wide.min() >= 0:
        raise Mistake("the guess is never negative", f"{after} Noise has both signs.")
    if wide.max() <= 0:
        raise Mistake("the guess is never positive", f"{after} Noise has both signs.")
    if wide.abs().max() <= 1.001 and (wide.abs() > 0.99).float().mean() > 0.9:
        raise Mistake("the guess never leaves [-1, 1]", f"{after} Noise goes further.")
    if wide.abs().max() < 1000:
        facts = f"for images 100,000 times as large, the guess stays below {wide.abs().max():.1f}"
        raise Mistake(facts, "Is it a ReLU that stands between the two layers, and nothing after them?")


def judge_width(answer: Callable) -> None:
    """With one hidden number, all guesses lie on a line."""

    def directions(guesses: t.Tensor) -> int:
        return t.linalg.matrix_rank(guesses - guesses.mean(dim=0), rtol=1e-4).item()

    images, steps = t.randn(50, 3, 4, 5), t.randint(1, 11, (50,))
    narrow = tiny(answer, hidden_size=1)(images, steps)
    if directions(narrow.flatten(1)) > 1:
        question = "Is hidden_size used?"
        if directions((narrow - images).flatten(1)) <= 1:
            question = "Are the images added to the guess? The two layers alone make it."
        raise Mistake("with hidden_size=1 the guesses vary in more than one direction", question)


def judge_scale(answer: Callable) -> None:
    """The count enters in even steps, and counts by its share of max_steps."""
    images = t.randn(100, 3, 4, 5)

    def guess(n: int, T: int) -> t.Tensor:
        return tiny(answer, hidden_size=64, max_steps=T)(images, t.full((len(images),), n))

    first, last = guess(1, 1000), guess(1000, 1000)
    way = (last - first).norm().item()
    if way < 1e-6:
        raise Mistake("with max_steps=1000, counts 1 and 1000 give the same guess", "How does the count enter?")
    half, second = (guess(500, 1000) - first).norm().item() / way, (guess(2, 1000) - first).norm().item() / way
    facts = "on the way of the guess from count 1 to count 1000,\ncount {} stands at {:.2f} of it, expected {}"
    leaps = [(guess(n + 1, 1000) - guess(n, 1000)).norm().item() / way for n in (10, 200, 500, 700, 998)]
    if max(second, *leaps) > 0.05:
        question = "Is it the count, scaled evenly, that goes in?"
        if all(abs((guess(n, 1000) - first).norm().item() / way - 1 + 1 / n) < 0.15 for n in (2, 3, 4, 10, 30, 500)):
            question = "Is max_steps divided by the count?"
        if second <= 0.05:
            facts = "from one count to the next, with max_steps=1000,\nthe guess goes {:.2f} of the way from 1 to 1000"
            raise Mistake(facts.format(max(leaps)) + ", expected 0.00", question)
        raise Mistake(facts.format(2, second, "0.00"), question)
    if half < 0.05:
        raise Mistake(facts.format(500, half, "about 0.5"), "Is the scaled count rounded to a whole number?")
    if (guess(100, 100) - last).norm().item() > 0.3 * way:
        facts = "the last of 100 steps gives another guess than the last of 1000"
        raise Mistake(facts, "Is the count scaled to [0, 1], by max_steps?")


def judge_tiny_device(answer: Callable) -> None:
    """Every tensor that forward makes has to be where the images are."""
    facts = "moved to another device, it mixes tensors of two devices"
    inputs = t.ones(2, 3, 4, 5, device="meta"), t.tensor([1, 2], device="meta")
    elsewhere(lambda: tiny(answer).to("meta")(*inputs), facts, "Is a tensor or a layer left on the CPU?")
