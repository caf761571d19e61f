"""The check of 4.3 Guided.

The model remembers what it is asked. What it guesses depends on the image, the timestep and what is wanted, so every
row of its one call is known, and the result has a closed form. With as many images as channels, rows and columns, a w
along the wrong axis shows as wrong numbers, not as an error.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch as t
from torch import nn

from tests.checking import (
    DEVICES,
    Mistake,
    careful,
    check,
    elsewhere,
    expect_tensor,
    factors_of,
    judge_slopes,
    kind,
    recognise,
    schedule_for,
    unchanged,
)

SHAPE = (4, 4, 4, 4)
COUNTS = [3, 1, 4, 2]


class Case(NamedTuple):
    what: str
    wanted: t.Tensor
    null: t.Tensor | float
    w: float | t.Tensor


LABELS = t.tensor([2, 0, 5, 2])
CASES = [
    Case("w=2.5", LABELS, 9, 2.5),
    Case("w=0", LABELS, 9, 0),
    Case("w=1", LABELS, t.tensor(9), 1.0),
    Case("w=0.5", LABELS, 9, 0.5),
    Case("a w for each image", LABELS, 9, t.tensor([0.0, 1.0, 2.5, 4.0])),
    Case("captions and w=3", t.tensor([[1, 2, 0], [3, 0, 0], [4, 5, 6], [1, 0, 0]]), t.tensor([0, 0, 0]), 3.0),
    Case("embeddings and w=2", t.tensor([[0.5, -1.0], [2.0, 0.3], [0.1, 0.2], [-0.7, 1.5]]), t.tensor([0.0, 0.1]), 2.0),
]

GUIDED_MISTAKES = [  # of the guess for what is wanted, the guess for null, and w
    ("You swap the two guesses. At w=0 what is wanted doesn't count.", lambda c, n, w: c + w * (n - c)),
    (
        "You use the papers' other form. There w=0 is the plain conditional model, and here w=1.",
        lambda c, n, w: c + w * (c - n),
    ),
    ("Where is w used?", lambda c, n, w: c),
    ("Where is the guess for what is wanted?", lambda c, n, w: n),
    (
        "You turn the difference. The guess moves away from what is wanted.",
        lambda c, n, w: n - w * (c - n),
    ),
    ("You multiply the whole guess by w. Where is the null guess taken off it?", lambda c, n, w: n + w * c),
    ("You return the difference alone. The null guess is where it starts from.", lambda c, n, w: w * (c - n)),
    (
        "You turn the sign of a factor. They are w and 1 - w, and add up to 1.",
        lambda c, n, w: w * c - (1 - w) * n,
    ),
    ("You mix both forms. The factors of the two guesses add up to 1.", lambda c, n, w: (1 + w) * c - (1 - w) * n),
    ("You use the first image's w for all. Each has its own.", lambda c, n, w: n + w[:1] * (c - n)),
    ("You use the mean w for all images. Each has its own.", lambda c, n, w: n + w.mean() * (c - n)),
    (
        "You let w run along the width of the images. Which shape has self.w?",
        lambda c, n, w: n + w.movedim(0, 3) * (c - n),
    ),
    ("You clamp it. Noise may leave [-1, 1].", lambda c, n, w: (n + w * (c - n)).clamp(-1, 1)),
]


class Told(nn.Module):
    """A model that is told what is wanted, and remembers each call. On the meta device it only answers."""

    img_shape = SHAPE[1:]

    def __init__(self, device: str = "cpu") -> None:
        super().__init__()
        self.noise_schedule = schedule_for(device)
        self.weight = nn.Parameter(t.zeros((), device=device))  # so that a graph shows where gradients are on
        self.calls: list[tuple[t.Tensor, t.Tensor, t.Tensor]] = []

    def forward(self, images: t.Tensor, num_steps: t.Tensor, wanted: t.Tensor | None = None) -> t.Tensor:
        given = [("images", images), ("num_steps", num_steps), ("wanted", wanted)]
        for name, thing in given:
            if not isinstance(thing, t.Tensor):
                facts = f"the model gets {kind(thing)} as {name}, expected a tensor"
                raise Mistake(facts, "Where are all three that it takes, images, num_steps and wanted, in this order?")
        if images.dim() != 4:
            question = "You give the model its arguments in another order. It takes images, num_steps and wanted."
            if images.dim() == 5:
                question = "You stack them, which makes an axis. All rows of a call follow each other."
            raise Mistake(f"the model gets {kind(images)} as images", question)
        if images.shape[1:] != self.img_shape:
            facts = f"the model gets {kind(images)} as images, expected images of shape {tuple(self.img_shape)}"
            raise Mistake(facts, "You join them along another axis. All rows of a call follow each other.")
        lengths = {name: len(thing) if thing.dim() else 0 for name, thing in given}
        if len(set(lengths.values())) > 1:
            words = ", ".join(f"{length} rows of {name}" for name, length in lengths.items())
            raise Mistake(f"the model gets {words}", "You give some of them once. Each of the three comes twice.")
        if num_steps.dim() != 1 or num_steps.is_floating_point():
            raise Mistake(
                f"the model gets {kind(num_steps)} of type {num_steps.dtype} as num_steps",
                "You change num_steps on the way.",
            )
        if images.is_meta:
            for name, thing in given:
                if not thing.is_meta:
                    raise Mistake(
                        f"a model on another device gets {name} on the {thing.device.type}",
                        "You make it on another device.",
                    )
            return images + self.weight
        self.calls.append((images.detach().clone(), num_steps.clone(), wanted.detach().clone()))
        return guess(images, num_steps, wanted) + self.weight


def guess(images: t.Tensor, num_steps: t.Tensor, wanted: t.Tensor) -> t.Tensor:
    """Another pattern for each image, timestep and wish, (B, C, H, W)."""
    told = wanted.reshape(len(wanted), -1).float()
    code = (told * t.arange(1, told.shape[1] + 1, device=told.device)).sum(dim=1) + 0.3 * num_steps
    pattern = t.arange(64, device=images.device).reshape(1, 4, 4, 4)
    return 0.5 * images + (code.reshape(-1, 1, 1, 1) * (1 + 0.1 * pattern)).sin()


@check("4.3", mistakes=GUIDED_MISTAKES)
def check_Guided(answer: Callable) -> str:
    for device in DEVICES:
        results = [ask(answer, case, device) for case in CASES]
        judge_numbers(results)
    judge_rows(answer)
    judge_gradient(answer)
    judge_device(answer)
    return "one call for both guesses, w = 0, 1 and beyond, a w for each image, labels, captions and embeddings"


class Result(NamedTuple):
    case: Case
    wanted: t.Tensor  # the guess for what is wanted
    null: t.Tensor
    w: t.Tensor
    given: t.Tensor  # what the answer gives


def ask(answer: Callable, case: Case, device: str) -> Result:
    """One case in one call, whose rows are judged."""
    images, num_steps = t.randn(SHAPE).to(device), t.tensor(COUNTS, device=device)
    model, wanted = Told(device), case.wanted.to(device)
    null, w = (each.to(device) if isinstance(each, t.Tensor) else each for each in (case.null, case.w))
    guided = careful(answer)(model, wanted, null, w)
    if not isinstance(guided, nn.Module):
        raise Mistake("it is not a module", "Where does the class line name part1.DiffusionModel?")
    for name in ("img_shape", "noise_schedule"):
        if getattr(guided, name, None) is not getattr(model, name):
            raise Mistake(
                f"its {name} is not that of the model", "Where is the line of the given __init__ that keeps it?"
            )
    nothing = t.as_tensor(null).to(wanted).expand_as(wanted)
    with t.no_grad():
        with unchanged(images=images, num_steps=num_steps, wanted=wanted):
            given = careful(guided)(images, num_steps)
        for name, kept in [("wanted", wanted), ("null", nothing)]:
            if not isinstance(now := getattr(guided, name, None), t.Tensor) or not now.equal(kept):
                facts = f"after a call, self.{name} is {kind(now)} with other rows than before"
                raise Mistake(facts, f"You overwrite self.{name}. What you put together needs a name of its own.")
        if len(model.calls) != 1 or isinstance(given, t.Tensor) and given.shape == SHAPE:
            judge_call(model, case, images, num_steps, wanted, nothing)
        judge_shape(given, case)
        expect_tensor(given, SHAPE, f"with {case.what} it", device)
        if not careful(guided)(images, num_steps).equal(given):
            raise Mistake(
                "called twice with the same images, it gives two results", "You change in forward what the model keeps."
            )
    guesses = (guess(images, num_steps, each) for each in (wanted, nothing))
    w = t.as_tensor(w, device=device).float().reshape(-1, 1, 1, 1)
    return Result(case, *guesses, w.expand(len(images), 1, 1, 1), given)


def judge_shape(given: object, case: Case) -> None:
    if isinstance(given, t.Tensor) and given.shape != SHAPE:
        question = ""
        if given.shape[0] == 2 * SHAPE[0]:
            whole = given.shape[1:] == SHAPE[1:]
            question = "You return both halves." if whole else "You cut along another axis. A half is half of the rows."
        elif given.shape[-3:] == SHAPE[1:] and given[..., 0, 0, 0].numel() == 1:
            question = "You take one row for a half."
        raise Mistake(f"with {case.what} it returns {kind(given)}, expected shape {SHAPE}", question)


def judge_call(
    model: Told, case: Case, images: t.Tensor, num_steps: t.Tensor, wanted: t.Tensor, nothing: t.Tensor
) -> None:
    """One call, in which each image comes twice with its timestep, once with what is wanted and once with null."""
    if len(model.calls) != 1:
        facts = f"the model is called {len(model.calls)} times, expected once with twice as many images"
        question = (
            "You ask for each guess by itself. t.cat puts tensors together."
            if model.calls
            else "Where do you ask the model?"
        )
        raise Mistake(facts, question)
    shown, counts, told = model.calls[0]
    if len(shown) != 2 * len(images):
        facts = f"with {case.what}, the model gets {len(shown)} images in its call"
        facts += f", expected {2 * len(images)}, which is each image twice"
        raise Mistake(facts, "You ask for one guess. Where is the other one, in the same call?")
    if told.dtype != wanted.dtype:
        facts = f"with {case.what}, the model gets wanted of type {told.dtype}, expected {wanted.dtype}"
        raise Mistake(facts, "You change their type. A table looks up whole numbers.")
    n_nulls = sum(row.equal(nothing[0]) for row in told)
    for image, each in enumerate(images):
        mine = [i for i, row in enumerate(shown) if row.equal(each)]
        if not mine:
            raise Mistake(f"image {image} isn't shown to the model as it is", "You change the images on the way.")
        if len(mine) != 2:
            facts = f"with {case.what}, image {image} is shown {len(mine)} times in the call, expected twice"
            raise Mistake(facts, "You fill a half of the call with other rows. Each image comes twice.")
        if counts[mine].tolist() != [num_steps[image]] * 2:
            facts = (
                f"image {image} is shown with the timesteps {counts[mine].tolist()}, expected {num_steps[image]} twice"
            )
            question = "You put timesteps together in another order than images."
            if told.tolist() == [*num_steps.tolist()] * 2:
                question = "You give the model its arguments in another order. It takes images, num_steps and wanted."
            elif counts.unique().numel() == 1:
                question = "You give all images one timestep. Each has its own."
            elif sorted(counts.tolist()) != sorted(2 * num_steps.tolist()):
                question = "You give a half of the call other timesteps. Each image keeps its own."
            raise Mistake(facts, question)
        nulls = sum(told[i].equal(nothing[0]) for i in mine)
        if nulls != 1:
            facts = f"with {case.what}, image {image} is shown with null {'twice' if nulls else 'never'}, expected once"
            question = "You put wishes together in another order than images."
            if n_nulls != len(images):
                question = "You give both halves null. Where is self.wanted?" if nulls else "Where is self.null?"
            raise Mistake(facts, question)
        if not any(told[i].equal(wanted[image]) for i in mine):
            facts = f"with {case.what}, image {image} isn't shown with what is wanted for it"
            raise Mistake(facts, "You give images the wishes of others. Each has its own.")


def judge_numbers(results: list[Result]) -> None:
    def fits(made: Callable) -> bool:
        return all(r.given.allclose(made(r.wanted, r.null, r.w), atol=1e-4) for r in results)

    for r in results:
        expected = r.null + r.w * (r.wanted - r.null)
        if not r.given.allclose(expected, atol=1e-4):
            at = int((r.given - expected).abs().argmax())
            wanted, null = r.wanted.flatten()[at], r.null.flatten()[at]
            facts = f"where the model guesses {wanted:.3f} for what is wanted and {null:.3f} for null, a number is"
            facts += f" {r.given.flatten()[at]:.3f}, expected {expected.flatten()[at]:.3f}"
            question = recognise(GUIDED_MISTAKES, fits) or fixed(results)
            if not question:
                line, question = told_parts(r)
                facts += line
            raise Mistake(facts, question, given=f"with {r.case.what}")


def told_parts(r: Result) -> tuple[str, str]:
    """More facts and a question, by how much of its own two guesses there is in each image's result."""
    found = [factors_of(*each) for each in zip(r.given, r.wanted, r.null, strict=True)]
    if any(each is None for each in found):
        others = [each for guesses in (r.wanted, r.null) for each in guesses]
        if all(factors_of(each, *others) is not None for each in r.given):
            return "", "You put guesses for different images together. Cut the answer as you put the rows together."
        return "", "You do more than to add parts of both guesses."
    found, w = t.stack(found), r.w.flatten()
    parts = found / t.stack([w, 1 - w], dim=1)  # of what it should be
    i = int((parts - 1).abs().amax(dim=1).nan_to_num().argmax())
    line = (
        f"\nFor image {i}, with w={w[i]:g}, it holds {found[i, 0]:.3g} of the first and {found[i, 1]:.3g} of the second"
    )
    if (found.sum(dim=1) - 1).abs().max() < 1e-3:
        return line, "You change self.w on the way. The first factor is w itself, whatever that is."
    if (parts[:, 0] - parts[:, 1]).abs().nan_to_num().max() < 1e-3:
        return line, "You scale the sum. It may be longer than either guess."
    return line, "You turn a sign, or leave out parentheses. The factors are w and 1 - w, and add up to 1."


def fixed(results: list[Result]) -> str:
    """Whether one number stands for w in all cases."""
    ways = t.cat([(r.wanted - r.null).flatten() for r in results])
    gone = t.cat([(r.given - r.null).flatten() for r in results])
    return (
        "You use a fixed number. Where is self.w?"
        if gone.allclose((gone @ ways / (ways @ ways)) * ways, atol=1e-3)
        else ""
    )


def judge_rows(answer: Callable) -> None:
    guided = careful(careful(answer)(Told(), LABELS, 9, 2.0))
    try:
        guided(t.randn(SHAPE)[:2], t.tensor(COUNTS[:2]))
    except ValueError:
        return
    except Mistake:  # of the model, which is asked then
        pass
    except Exception as error:
        facts = f"for 2 images and 4 wishes it raises {type(error).__name__}, expected ValueError"
        raise Mistake(facts, "Where is the given line with check_rows?") from None
    raise Mistake("it takes 2 images for 4 wishes, expected ValueError", "Where is the given line with check_rows?")


def judge_gradient(answer: Callable) -> None:
    """It may compute without gradients. But where they come through, they come through both guesses."""
    guided, num_steps = careful(careful(answer)(Told(), LABELS, 9, 2.5)), t.tensor(COUNTS)
    images = t.randn(SHAPE)
    if guided(images.clone().requires_grad_(), num_steps).requires_grad:
        facts = "the gradient at {} is not its slope"
        question = "You detach one of the two guesses, or make it under no_grad."
        judge_slopes(lambda x: guided(x, num_steps), facts, question, images=images)


def judge_device(answer: Callable) -> None:
    facts = "with a model on another device, tensors of two devices meet"
    images, num_steps = t.ones(SHAPE, device="meta"), t.ones(4, dtype=t.int64, device="meta")
    wanted = t.ones(4, dtype=t.int64, device="meta")

    def call() -> object:
        guided = answer(Told("meta"), LABELS, 9, 2.0)
        guided.wanted, guided.null, guided.w = wanted, wanted, t.ones(1, 1, 1, 1, device="meta")
        return guided(images, num_steps)

    elsewhere(call, facts, "You make a tensor on the CPU. Make it where the images are.")
