"""The check of 5.4 clip_loss.

A mistake is the loss with one part replaced: the embeddings' length, the scores, the target, or what is made of both
directions. The first batch has four pairs of all kinds; the others tell what it cannot.
"""

from collections.abc import Callable
from math import exp

import torch as t
import torch.nn.functional as F

from tests.checking import DEVICES, Mistake, careful, check, kind, recognise, unchanged


def unit(x: t.Tensor) -> t.Tensor:
    return x / x.norm(dim=1, keepdim=True)


def equals(tokens: t.Tensor) -> t.Tensor:
    return (tokens[:, None] == tokens[None]).all(dim=2).float()


def shared(tokens: t.Tensor) -> t.Tensor:
    same = equals(tokens)
    return same / same.sum(dim=1, keepdim=True)


def cross(scores: t.Tensor, target: t.Tensor) -> t.Tensor:
    return -(target * scores.log_softmax(dim=1)).sum(dim=1).mean()


def both(scores: t.Tensor, target: t.Tensor) -> t.Tensor:
    return (cross(scores, target) + cross(scores.T, target)) / 2


def loss_of(
    images: t.Tensor,
    captions: t.Tensor,
    tokens: t.Tensor,
    temperature: float,
    length: Callable = unit,
    scores: Callable = lambda a, b, tau: a @ b.T / tau,
    target: Callable = shared,
    end: Callable = both,
    whole: Callable | None = None,
) -> t.Tensor:
    """The loss, with parts that a mistake replaces, or whole."""
    if whole:
        return whole(images, captions, tokens, temperature)
    return end(scores(length(images), length(captions), temperature), target(tokens))


def own(tokens: t.Tensor) -> t.Tensor:
    return t.eye(len(tokens))


def any_token(tokens: t.Tensor) -> t.Tensor:
    same = (tokens[:, None] == tokens[None]).any(dim=2).float()
    return same / same.sum(dim=1, keepdim=True)


def first_token(tokens: t.Tensor) -> t.Tensor:
    same = (tokens[:, None, 0] == tokens[None, :, 0]).float()
    return same / same.sum(dim=1, keepdim=True)


def over_columns(x: t.Tensor) -> t.Tensor:
    return x / x.norm(dim=0, keepdim=True)


def over_all(x: t.Tensor) -> t.Tensor:
    return x / x.norm()


def no_softmax(scores: t.Tensor, target: t.Tensor) -> t.Tensor:
    return -(target * scores).sum(dim=1).mean()


def squared(scores: t.Tensor, target: t.Tensor) -> t.Tensor:
    return (scores - target).square().mean()


def columns_of_rows(scores: t.Tensor, target: t.Tensor) -> t.Tensor:
    """The shares of each direction, but averaged over the wrong one."""
    return -(target * scores.log_softmax(dim=1)).mean()


def twice_softmax(scores: t.Tensor, target: t.Tensor) -> t.Tensor:
    return (cross(scores.softmax(dim=1), target) + cross(scores.T.softmax(dim=1), target)) / 2


def first_of_equals(tokens: t.Tensor) -> t.Tensor:
    return F.one_hot(equals(tokens).argmax(dim=1), len(tokens)).float()


def sums_of_tokens(tokens: t.Tensor) -> t.Tensor:
    return shared(tokens.sum(dim=1, keepdim=True))


def alike(x: t.Tensor, tau: float) -> t.Tensor:
    return unit(x) @ unit(x).T / tau


def as_alike_as_they_are(a: t.Tensor, b: t.Tensor, tokens: t.Tensor, tau: float) -> t.Tensor:
    """The loss of a well-known tutorial."""
    target = ((alike(a, tau) + alike(b, tau)) / 2).softmax(dim=1)
    scores = unit(a) @ unit(b).T / tau
    return (cross(scores, target) + cross(scores.T, target.T)) / 2


LENGTHS = "Where is each embedding divided by its own length? A cosine doesn't depend on lengths."
ONE_LENGTH = "You divide only one of the two by its length. A cosine needs both."
SUMS = "You divide by a sum of numbers. A length is the root of the sum of their squares."
HALF = "You halve one direction alone. Mind the parentheses."
TURNED = "You give F.cross_entropy its arguments in another order. The scores come first."
ONE_WAY = "You look in one direction alone. An image looks for its caption, and a caption for its image."
CLIP_MISTAKES = [
    (LENGTHS, {"length": lambda x: x}),
    (
        "You divide by the length of a column. Each row has a length of its own.",
        {"length": over_columns},
    ),
    ("You divide by one length for all. Each row has its own.", {"length": over_all}),
    (
        "You divide by the square of the length. Divide by the length itself.",
        {"length": lambda x: x / (x * x).sum(1, keepdim=True)},
    ),
    ("You multiply by the temperature. Scores are divided by it.", {"scores": lambda a, b, tau: a @ b.T * tau}),
    (ONE_LENGTH, {"length": lambda x: x, "scores": lambda a, b, tau: unit(a) @ b.T / tau}),
    (ONE_LENGTH, {"length": lambda x: x, "scores": lambda a, b, tau: a @ unit(b).T / tau}),
    (
        "You multiply by e to the temperature. Scores are divided by the temperature itself.",
        {"scores": lambda a, b, tau: a @ b.T * exp(tau)},
    ),
    ("You divide by the temperature twice.", {"scores": lambda a, b, tau: a @ b.T / tau**2}),
    (SUMS, {"length": lambda x: x / x.sum(dim=1, keepdim=True)}),
    (SUMS, {"length": lambda x: x / x.abs().sum(dim=1, keepdim=True)}),
    ("You divide by the root of the temperature.", {"scores": lambda a, b, tau: a @ b.T / tau**0.5}),
    ("Where is the temperature used?", {"scores": lambda a, b, tau: a @ b.T}),
    ("You use 0.03 whatever is given. Where is temperature?", {"scores": lambda a, b, tau: a @ b.T / 0.03}),
    ("You compare the images with themselves. Where are the captions?", {"scores": lambda a, b, tau: a @ a.T / tau}),
    ("You compare the captions with themselves. Where are the images?", {"scores": lambda a, b, tau: b @ b.T / tau}),
    ("You turn the sign of the scores. A small angle is a good score.", {"scores": lambda a, b, tau: -a @ b.T / tau}),
    (
        "You take a distance for the score. It is the cosine of the angle.",
        {"scores": lambda a, b, tau: -(a[:, None] - b[None]).norm(dim=2) / tau},
    ),
    ("You give each row one right answer. Where do equal captions share the target?", {"target": own}),
    ("Where is the target split, so that each row adds up to 1?", {"target": equals}),
    ("You take the first of the equal captions. The target is split between all of them.", {"target": first_of_equals}),
    ("You take two captions for equal if one token is. All of them have to be.", {"target": any_token}),
    ("You compare the first token alone. Equal captions have all tokens in common.", {"target": first_token}),
    ("You compare the sums of the tokens. Other captions have the same sum.", {"target": sums_of_tokens}),
    (
        "You take a softmax for the target. What isn't equal gets 0.",
        {"target": lambda n: equals(n).softmax(dim=1)},
    ),
    ("You divide the target by the sum of the whole table.", {"target": lambda n: equals(n) / equals(n).sum()}),
    (
        "You take the target from how alike the embeddings are. It comes from tokens.",
        {"whole": as_alike_as_they_are},
    ),
    (
        "You take every pair for a right one. How are two captions compared?",
        {"target": lambda n: t.full((len(n),) * 2, 1 / len(n))},
    ),
    (ONE_WAY, {"end": cross}),
    (ONE_WAY, {"end": lambda scores, target: cross(scores.T, target)}),
    (HALF, {"end": lambda s, q: cross(s, q) + cross(s.T, q) / 2}),
    (HALF, {"end": lambda s, q: cross(s, q) / 2 + cross(s.T, q)}),
    (TURNED, {"end": lambda s, q: (cross(q, s) + cross(q, s.T)) / 2}),
    (TURNED, {"end": lambda s, q: (cross(q, s.softmax(1)) + cross(q, s.T.softmax(1))) / 2}),
    (
        "You take the pairs themselves out. Where the caption is the image's own, the score counts most.",
        {"scores": lambda a, b, tau: a @ b.T / tau - 1e9 * t.eye(len(a))},
    ),
    ("You add both directions. Take their mean.", {"end": lambda scores, target: 2 * both(scores, target)}),
    (
        "You take half of one direction. Where is the other one?",
        {"end": lambda scores, target: cross(scores, target) / 2},
    ),
    (
        "You take half of one direction. Where is the other one?",
        {"end": lambda scores, target: cross(scores.T, target) / 2},
    ),
    ("You turn the sign. The loss is the negative logarithm.", {"end": lambda scores, target: -both(scores, target)}),
    (
        "You sum over the rows. Take the mean.",
        {"end": lambda scores, target: len(scores) * both(scores, target)},
    ),
    ("You take the mean over all B² numbers. Add up each row first.", {"end": lambda s, q: both(s, q) / len(s)}),
    ("You take a softmax of the scores first. F.cross_entropy takes the scores themselves.", {"end": twice_softmax}),
    ("Where is the softmax? The scores of all captions count, not that of the own one alone.", {"end": no_softmax}),
    ("You take a squared error. Each row is a choice among B, so which loss has a classifier?", {"end": squared}),
    (
        "You ask of each pair whether it fits. Each row is a choice among B.",
        {"target": equals, "end": F.binary_cross_entropy_with_logits},
    ),
    (
        "You take the target's own entropy off, as F.kl_div does.",
        {"end": lambda s, q: both(s, q) + (q * q.clamp(min=1e-9).log()).sum(dim=1).mean()},
    ),
    ("Where is the logarithm?", {"end": lambda s, q: -(q * s.softmax(1)).sum(1).mean()}),
    ("Where is the logarithm?", {"end": lambda s, q: -((s.softmax(1) + s.T.softmax(1)) * q).sum(1).mean() / 2}),
]


def batches(device: str) -> list[tuple[str, tuple[t.Tensor, t.Tensor, t.Tensor, float]]]:
    """By what is said of them: embeddings of images and of captions, tokens, temperature."""
    different = t.tensor([[1, 2], [3, 2], [1, 4], [5, 6]], device=device)
    repeated = t.tensor([[1, 2], [3, 4], [1, 2], [1, 4], [5, 2]], device=device)
    straight = 2 * t.eye(4, device=device)
    turned = straight[[1, 0, 3, 2]]
    drawn = t.randn(2, 5, 3, device=device) * t.tensor([[[0.5], [1], [2], [1], [3]]], device=device)
    first = t.randn(2, 4, 4, device=device) + straight
    return [
        (
            "four right angles, each caption along its image, all captions different",
            (straight, straight, different, 0.5),
        ),
        ("four right angles, captions along other images, all different", (straight, turned, different, 0.5)),
        ("four random embeddings, all captions different", (first[0], first[1], different, 0.2)),
        ("five random embeddings of different lengths, captions 1 and 3 equal", (drawn[0], drawn[1], repeated, 0.25)),
        ("the same with a larger temperature", (drawn[0], drawn[1], repeated, 2.0)),
    ]


def close(result: float, expected: float) -> bool:
    return abs(result - expected) <= 1e-3 * max(1.0, abs(expected))


@check("5.4", mistakes=CLIP_MISTAKES)
def check_clip_loss(answer: Callable) -> str:
    for device in DEVICES:
        measured = []
        for words, (images, captions, tokens, temperature) in batches(device):
            with unchanged(images=images, captions=captions, tokens=tokens):
                result = careful(answer)(images, captions, tokens, temperature)
            measured.append((words, (images, captions, tokens, temperature), number(result, device)))
        judge_losses(measured)
    judge_default(answer)
    judge_gradients(answer)
    judge_extremes(answer)
    return "cosines over the temperature, both directions, equal captions share the target, gradients"


def number(result: object, device: str) -> float:
    if result is None:
        raise Mistake("it returns None", "Where does the function return something?")
    if not isinstance(result, t.Tensor):
        question = "You cut off the gradient, by .item() or float()." if isinstance(result, float) else ""
        raise Mistake(f"it returns {kind(result)}, expected a tensor of one number, with its gradient", question)
    if result.shape != ():
        question = (
            "Where is the mean over the rows?" if result.numel() > 1 else "You keep the number in an array of one."
        )
        raise Mistake(f"it returns {kind(result)}, expected one number, shape ()", question)
    if result.device.type != device:
        raise Mistake(f"the loss is on {result.device.type}, and the embeddings are on {device}")
    return result.item()


def judge_losses(measured: list) -> None:
    wrong = next(((words, given, result) for words, given, result in measured if not close(result, right(given))), None)
    if wrong is None:
        return
    words, given, result = wrong
    question = recognise(
        CLIP_MISTAKES,
        lambda mistake: all(close(found, loss_of(*on_cpu(asked), **mistake).item()) for _, asked, found in measured),
    )
    if not question and close(measured[3][2], measured[4][2]):  # they differ in nothing but the temperature
        question = "You use a temperature of your own. Where is that which is given?"
    if not question and measured.index(wrong) >= 3 and all(close(r, right(g)) for _, g, r in measured[:3]):
        question = "You have it right for different captions. What is the target where captions are equal?"
    raise Mistake(
        f"for {words}, temperature {given[3]:g},\nthe loss is {result:.4f}, expected {right(given):.4f}", question
    )


def on_cpu(given: tuple) -> tuple:
    return tuple(each.cpu() if isinstance(each, t.Tensor) else each for each in given)


def right(given: tuple) -> float:
    return loss_of(*on_cpu(given)).item()


def judge_default(answer: Callable) -> None:
    _, (images, captions, tokens, _) = batches("cpu")[2]
    result, expected = number(careful(answer)(images, captions, tokens), "cpu"), right((images, captions, tokens, 0.03))
    if not close(result, expected):
        facts = f"without a temperature the loss is {result:.4f}, expected {expected:.4f}, as with 0.03"
        raise Mistake(facts, "You give it another default, or bound the scores.")


def judge_gradients(answer: Callable) -> None:
    """Both encoders learn from it, as much as they should."""
    _, (images, captions, tokens, temperature) = batches("cpu")[3]
    found, expected = ([each.clone().requires_grad_() for each in (images, captions)] for _ in range(2))
    loss_of(*expected, tokens, temperature).backward()
    loss = careful(answer)(*found, tokens, temperature)
    if not loss.requires_grad:
        raise Mistake("the loss has no gradient", "You switch gradients off, by no_grad, a detach or .item().")
    loss.backward()
    for name, one, other in zip(("images", "captions"), found, expected, strict=True):
        if one.grad is None or not one.grad.allclose(other.grad, atol=1e-3):
            raise Mistake(f"the gradient that reaches the {name} is not that of the loss", "You detach a part of it.")


def judge_extremes(answer: Callable) -> None:
    """Scores of hundreds are no trouble for a cross-entropy, but they are for a softmax and a logarithm by hand."""
    x = t.eye(3)
    result = number(careful(answer)(x, x[[1, 2, 0]], t.tensor([[1], [2], [3]]), 0.005), "cpu")
    if not close(result, 200.0):
        facts = (
            f"with a temperature of 0.005 and every caption at a wrong image, the loss is {result:.4g}, expected 200"
        )
        raise Mistake(facts, "You take e to the power of a score by hand. It's too large or too small for a number.")
