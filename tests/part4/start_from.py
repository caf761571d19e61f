"""The check of 4.7 start_from, by the same model as that of inpaint."""

from collections.abc import Callable

import torch as t

from tests.checking import Mistake, careful, check, recognise, unchanged
from tests.part4.inpaint import (
    BETAS,
    N_IMAGES,
    Shown,
    bar,
    in_words,
    is_near,
    judge_counts,
    judge_device,
    judge_noise,
    judge_result,
    judge_seed,
    judge_steps,
    known_images,
    noised,
    share_of,
    steps_of,
)

COUNTS = {(7, 7): [7, 6, 5, 4, 3, 2, 1, 0], (5, 7): [5, 4, 3, 2, 1, 0], (5, 3): [5, 2, 0], (2, 3): [2, 0]}

START_MISTAKES = [  # share of the image and std of the noise in the first x: num_steps, n_steps
    ("You begin with noise alone. Where do the images come in?", lambda n, N: (0, 1)),
    ("You begin with the images as they are. What does the model expect there?", lambda n, N: (1, 0)),
    ("You noise them to T. Where should the path back begin?", lambda n, N: noised(7)),
    ("You noise them to n_steps. Where is num_steps?", lambda n, N: noised(N)),
    ("You noise them to the number of jumps. Where is num_steps?", lambda n, N: noised(max(1, round(N * n / 7)))),
    ("You noise them to one step too few.", lambda n, N: noised(n - 1)),
    ("You noise them to one step too many.", lambda n, N: noised(min(n + 1, 7))),
    ("You noise them to 1 step.", lambda n, N: noised(1)),
    ("You fade them. Where is their noise?", lambda n, N: (bar(n) ** 0.5, 0)),
    ("You add noise. Where do the images fade?", lambda n, N: (1, (1 - bar(n)) ** 0.5)),
    ("You add noise of variance 1. Where are the factors of Equation 4?", lambda n, N: (1, 1)),
    ("You swap the two factors of Equation 4.", lambda n, N: ((1 - bar(n)) ** 0.5, bar(n) ** 0.5)),
    ("You take ᾱ and 1 - ᾱ. Where are the roots of Equation 4?", lambda n, N: (bar(n), 1 - bar(n))),
    ("You take ᾱ for the image. Where is its root?", lambda n, N: (bar(n), (1 - bar(n)) ** 0.5)),
    ("You take 1 - ᾱ for the noise. Where is its root?", lambda n, N: (bar(n) ** 0.5, 1 - bar(n))),
    ("You draw between 0 and 1.", lambda n, N: (bar(n) ** 0.5, ((1 - bar(n)) / 12) ** 0.5)),
    (
        "You take the α of one step. Where is ᾱ of num_steps?",
        lambda n, N: ((1 - BETAS[n - 1]) ** 0.5, BETAS[n - 1] ** 0.5),
    ),
    ("You noise them twice.", lambda n, N: (bar(n), (1 - bar(n) ** 2) ** 0.5)),
]


@check("4.7", mistakes=START_MISTAKES)
def check_start_from(answer: Callable) -> str:
    answer = careful(answer)
    judge_seed(lambda model, images: answer(model, images, 5, n_steps=3))
    begun = [judge_walk(answer, *way) for way in COUNTS]
    judge_begin(begun)
    judge_device(lambda model, images: answer(model, images, 5, n_steps=3))
    images = known_images((2, 1, 4, 3))
    judge_result(answer(Shown(img_shape=(1, 4, 3)), images, 2, n_steps=7), images, "for images (2, 1, 4, 3) it")
    return "the images noised to num_steps, timesteps down from there, each step from the one before"


def judge_walk(answer: Callable, num_steps: int, n_steps: int) -> tuple:
    """What is wrong with the start is told for all ways together, before what is wrong with the steps.
    returns: num_steps, n_steps, what the first x holds, whether it stays in [-1, 1], whether the model is shown the
    images each time, whether one image is noised more than another, and a call that judges the rest"""
    model, images = Shown(), known_images((N_IMAGES, *Shown.img_shape))
    with unchanged(images=images):
        result = answer(model, images, num_steps, n_steps=n_steps)
    judge_result(result, images, f"with num_steps={num_steps} and n_steps={n_steps} it")
    counts = COUNTS[num_steps, n_steps]
    judge_counts(model.counts, counts)
    first = share_of(images, model.shown[0], t.ones_like(images, dtype=t.bool))
    judge_noise(model.shown[0], images, first[0])

    def judge_rest() -> None:
        judge_steps(steps_of(model, result, counts), images, t.ones_like(images, dtype=t.bool), "x")

    clamped = bool(model.shown[0].abs().max() <= 1)
    stuck = all(x.equal(images) for x in model.shown)
    shares = (model.shown[0] * images).flatten(1).mean(dim=1) / images.square().mean()
    return num_steps, n_steps, first, clamped, stuck, bool(shares.std() > 0.2), judge_rest


def judge_begin(begun: list[tuple]) -> None:
    wrong = [(n, got) for n, _, got, *_ in begun if not is_near(got, noised(n))]
    if wrong:
        n, got = wrong[0]
        facts = f"with num_steps={n}, the first x holds {in_words(got)},\nexpected {in_words(noised(n))}"
        question = recognise(START_MISTAKES, lambda made: all(is_near(got, made(n, N)) for n, N, got, *_ in begun))
        if all(stuck for *_, stuck, _, _ in begun):
            question = "You take each step from the images. A step begins with x, what the last one gave."
        if not question and begun[0][5]:
            question = "You noise each image to a timestep of its own, as noise_img does. All go to num_steps."
        if not question and all(clamped for *_, clamped, _, _, _ in begun):
            question = "You clamp them. What is noised may leave [-1, 1]."
        raise Mistake(facts, question)
    for *_, judge_rest in begun:
        judge_rest()
