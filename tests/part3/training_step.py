"""The check of 3.8 training_step.

A model of five numbers takes three steps. Each loss is linear in them, so that its gradient is known. A mistake is a
step with a part replaced, and it walks the same way.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import torch as t
from torch import nn

from solutions.part3_fashion_mnist import MovingAverage
from tests.checking import Mistake, careful, check, kind, numbers, recognise

FIRST_RATE = 0.9  # of the optimizer, before any step
RATES = [0.5, 0.2, 0.4]
GRADIENTS = [
    [0.24, 0.0, 0.32, 0.0, 0.0],
    [3.0, -0.4, 0.0, 4.0, 0.2],
    [0.6, 0.8, -1.2, 0.5, 0.9],
]  # the first is short, twice it, too


class FiveNumbers(nn.Module):
    """Two parameters, so that clipping each of them differs from clipping both together."""

    def __init__(self) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(t.tensor([0.5, -0.25, 1.0])), nn.Parameter(t.tensor([0.75, -0.5]))

    def row(self) -> t.Tensor:
        return t.cat([self.weight, self.bias])


class Watched(MovingAverage):
    """An average that remembers what it has taken in."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__(model)
        self.taken: list[t.Tensor] = []

    def update(self, model: nn.Module) -> None:
        if not isinstance(model, FiveNumbers):
            raise Mistake(
                f"average.update gets {kind(model)}, expected the model",
                "You hand it something else. Whose weights are averaged?",
            )
        if model is self.model:
            raise Mistake(
                "average.update gets the average's own model", "You average the average. Whose weights are averaged?"
            )
        self.taken.append(model.row().detach().clone())
        super().update(model)


class Walked(NamedTuple):
    """After each of the three steps: the five numbers, what the average took in during it, and the average."""

    weights: list[t.Tensor]
    taken: list[list[t.Tensor]]
    averages: list[t.Tensor]

    def fits(self, other: "Walked") -> bool:
        return self.same_weights(other) and all(map(same_rows, self.taken, other.taken))

    def same_weights(self, other: "Walked") -> bool:
        return same_rows(self.weights, other.weights)


def same_rows(rows: list[t.Tensor], others: list[t.Tensor]) -> bool:
    return len(rows) == len(others) and all(map(partial(t.allclose, atol=1e-4), rows, others))


def walk(step: Callable) -> Walked:
    model = FiveNumbers()
    optimizer = t.optim.SGD(model.parameters(), lr=FIRST_RATE, momentum=0.5)  # its memory is its own: no one redoes it
    average, walked = Watched(model), Walked([], [], [])
    for gradient, rate in zip(GRADIENTS, RATES, strict=True):
        average.taken = []
        step(model.row() @ t.tensor(gradient), rate, model, optimizer, average)
        walked.weights.append(model.row().detach().clone())
        walked.taken.append(average.taken)
        walked.averages.append(average.model.row().detach().clone())
    return walked


def clip(model: nn.Module, norm: float = 2.0) -> None:
    nn.utils.clip_grad_norm_(model.parameters(), 1.0, norm)


def clip_values(model: nn.Module) -> None:
    nn.utils.clip_grad_value_(model.parameters(), 1.0)


def clip_each(model: nn.Module) -> None:
    for p in model.parameters():
        nn.utils.clip_grad_norm_([p], 1.0)


def clip_by(model: nn.Module, length_of: Callable, least: float = 1.0) -> None:
    length = length_of(t.cat([p.grad for p in model.parameters()])).clamp(min=least)
    for p in model.parameters():
        p.grad /= length


def to_length_1(model: nn.Module) -> None:
    clip_by(model, t.norm, least=0.0)


def to_length(model: nn.Module, length: float) -> None:
    nn.utils.clip_grad_norm_(model.parameters(), length)


def adopt(model: nn.Module, average: MovingAverage) -> None:
    model.load_state_dict(average.model.state_dict())


@t.no_grad()
def clip_weights(model: nn.Module, average: MovingAverage) -> None:
    for p in model.parameters():
        p.clamp_(-1, 1)


def a_step(
    rate: Callable = lambda lr, old: lr,  # old: the optimizer's
    zero: bool = True,
    clip: Callable = clip,
    steps: int = 1,
    late: bool = False,
    of: Callable = lambda loss, lr: loss,
    end: Callable = lambda model, average: None,
    updates: tuple[int, int] = (0, 1),  # of the average, before the step and after it
) -> Callable:
    def step(loss: t.Tensor, lr: float, model: nn.Module, optimizer: t.optim.Optimizer, average: MovingAverage) -> None:
        if not late:
            optimizer.param_groups[0]["lr"] = rate(lr, optimizer.param_groups[0]["lr"])
        if zero:
            optimizer.zero_grad()
        of(loss, lr).backward()
        clip(model)
        for _ in range(updates[0]):
            average.update(model)
        for _ in range(steps):
            optimizer.step()
        if late:
            optimizer.param_groups[0]["lr"] = lr
        for _ in range(updates[1]):
            average.update(model)
        end(model, average)

    return step


def by_hand(loss: t.Tensor, lr: float, model: nn.Module, optimizer: t.optim.Optimizer, average: MovingAverage) -> None:
    model.zero_grad()
    loss.backward()
    clip(model)
    with t.no_grad():
        for p in model.parameters():
            p -= lr * p.grad


def with_adam(loss: t.Tensor, lr: float, model: nn.Module, optimizer: object, average: MovingAverage) -> None:
    a_step()(loss, lr, model, t.optim.Adam(model.parameters()), average)


def short_alone(loss: t.Tensor, lr: float, model: nn.Module, optimizer: object, average: MovingAverage) -> None:
    """A step that is left out where the gradient is long."""
    gradient = t.cat(t.autograd.grad(loss, [*model.parameters()], retain_graph=True))
    if gradient.norm() <= 1:
        a_step()(loss, lr, model, optimizer, average)


def no_clip(model: nn.Module) -> None: ...


UNUSED = "All steps have the rate that the optimizer began with. Where does lr reach it?"
KEPT = "Where are the gradients of earlier steps emptied? backward adds to what is there."
UNCLIPPED = "Where is the model's own gradient clipped in place, between backward and step?"
LOSS_TIMES_LR = "You multiply the loss by lr. The optimizer does that with its step."
NOT_THE_OPTIMIZER = "You take the step by hand, or with a new optimizer. The given one remembers earlier gradients."
WEIGHT_MISTAKES = [
    ("The weights never change. Where is the step, with a gradient that is still there?", a_step(steps=0)),
    (UNUSED, a_step(rate=lambda lr, old: old)),
    ("You set lr after the step, so each step has the rate of the step before.", a_step(late=True)),
    ("You multiply the rate by lr. It is lr.", a_step(rate=lambda lr, old: FIRST_RATE * lr)),
    ("You multiply the rate by lr. It is lr.", a_step(rate=lambda lr, old: old * lr)),
    (KEPT, a_step(zero=False)),
    (KEPT + " And where is it clipped?", a_step(zero=False, clip=no_clip)),
    (UNCLIPPED, a_step(clip=no_clip)),
    (UNUSED + " And where is it clipped?", a_step(rate=lambda lr, old: old, clip=no_clip)),
    (
        "You clip each number of the gradient by itself. The length over all of them is clipped.",
        a_step(clip=clip_values),
    ),
    ("You clip each parameter's gradient by itself. The length is that of all together.", a_step(clip=clip_each)),
    (
        "You make short gradients longer, or the loss much larger. Only long gradients are clipped.",
        a_step(clip=to_length_1),
    ),
    (
        "You take the squared length. Where is its root?",
        a_step(clip=lambda model: clip_by(model, lambda gradient: gradient.square().sum())),
    ),
    (
        "You average the squares. For the length they're added up.",
        a_step(clip=lambda model: clip_by(model, lambda gradient: gradient.square().mean().sqrt())),
    ),
    (
        "You take the sum of all sizes for the length. It's a root of squares.",
        a_step(clip=lambda model: clip(model, 1.0)),
    ),
    (
        "You take the largest size for the length. It's a root of squares.",
        a_step(clip=lambda model: clip(model, t.inf)),
    ),
    (LOSS_TIMES_LR, a_step(of=lambda loss, lr: lr * loss)),
    (LOSS_TIMES_LR, a_step(rate=lambda lr, old: old, of=lambda loss, lr: lr * loss)),
    ("You clip the loss. Its gradient is clipped.", a_step(of=lambda loss, lr: loss.clamp(max=1.0))),
    ("You clip the loss. Its gradient is clipped.", a_step(of=lambda loss, lr: loss.clamp(max=1.0), clip=no_clip)),
    ("You put the average into the model. The training goes on with the model's own weights.", a_step(end=adopt)),
    ("You clip the weights. The gradient is clipped.", a_step(clip=no_clip, end=clip_weights)),
    ("You leave a step out where the gradient is long. It's shortened.", short_alone),
    ("You take two steps at once.", a_step(steps=2)),
    ("You go up the gradient. The step goes down.", a_step(rate=lambda lr, old: -lr)),
    (NOT_THE_OPTIMIZER, by_hand),
    (NOT_THE_OPTIMIZER, with_adam),
]
AVERAGE_MISTAKES = [
    ("The weights are right. Where is the given average updated?", a_step(updates=(0, 0))),
    ("You update the average before the step. It takes in the weights that come out of it.", a_step(updates=(1, 0))),
    ("You update it once before the step and once after it.", a_step(updates=(1, 1))),
    ("You update it twice.", a_step(updates=(0, 2))),
]


@check("3.8", mistakes=WEIGHT_MISTAKES + AVERAGE_MISTAKES)
def check_training_step(answer: Callable) -> str:
    walked, right = walk(careful(answer)), walk(a_step())
    judge_weights(walked, right)
    for i, (taken, expected) in enumerate(zip(walked.taken, right.taken, strict=True), 1):
        if not same_rows(taken, expected):
            came = " and ".join(map(numbers, taken)) or "nothing"
            facts = f"in step {i} the average takes in {came}, expected {numbers(expected[0])}, once"
            raise Mistake(facts, recognise(AVERAGE_MISTAKES, lambda step: walked.fits(walk(step))))
    if not same_rows(walked.averages, right.averages):
        facts = f"the weights are right, but the average is {numbers(walked.averages[-1])} after step 3"
        question = "You change the average otherwise, too. Its update does all that there is to do."
        raise Mistake(f"{facts}, expected {numbers(right.averages[-1])}", question)
    return "the learning rate, fresh gradients, their length, one step, the average after it"


def judge_weights(walked: Walked, right: Walked) -> None:
    if walked.same_weights(right):
        return
    before = FiveNumbers().row().detach()
    for i, (now, expected) in enumerate(zip(walked.weights, right.weights, strict=True)):
        if not now.allclose(expected, atol=1e-4):  # nan, too, is wrong
            length = t.tensor(GRADIENTS[i]).norm()
            facts = f"step {i + 1} with lr = {RATES[i]} and the gradient {GRADIENTS[i]}, of length {length:.3g}, takes"
            facts += f"\nthe weights from {numbers(before)} to {numbers(now, beside=expected)}, expected {numbers(expected, beside=now)}"
            otherwise = of_length(walked)
            question = recognise(WEIGHT_MISTAKES, lambda step: walked.same_weights(walk(step)), otherwise)
            raise Mistake(facts, question, given=f"with SGD of momentum 0.5, begun at lr = {FIRST_RATE}")
        before = now


def of_length(walked: Walked) -> str:
    """What to ask of a way that is right but for a factor or for the length that gradients are clipped to."""
    start, (one, two, _), gradient = FiveNumbers().row().detach(), walked.weights, t.tensor(GRADIENTS[0])
    moved = ((one - start).norm() / RATES[0]).item()
    times = moved / gradient.norm().item()
    if times > 0.999:  # then the long gradient tells, without what the momentum adds
        moved = ((two - one + 0.5 * RATES[1] * gradient).norm() / RATES[1]).item()
    ways = [
        (f"You clip to length {moved:.3g}. Which length is asked for?", dict(clip=partial(to_length, length=moved))),
        (
            f"You make the gradient {times:.3g} times as large, by one more backward or a factor.",
            dict(of=lambda loss, lr: times * loss),
        ),
        (f"You take {times:.3g} times lr for the rate.", dict(rate=lambda lr, old: times * lr)),
    ]
    return recognise(ways, lambda how: walked.same_weights(walk(a_step(**how)))) or of_gradient(walked)


def of_gradient(walked: Walked) -> str:
    """What to say of the first step with another gradient than the clipped one, which the momentum lets us find."""
    before, memory = FiveNumbers().row().detach(), t.zeros(5)
    for i, (now, rate, made) in enumerate(zip(walked.weights, RATES, map(t.tensor, GRADIENTS), strict=True), 1):
        moved = (before - now) / rate
        used, memory = (moved - 0.5 * memory).round(decimals=4) + 0.0, moved  # no -0
        clipped = made / made.norm().clamp(min=1)
        if now.equal(before):
            return f"You leave step {i} out. Each loss leads to a step."
        if not used.allclose(clipped, atol=1e-3):
            along = used.allclose(used.norm() * made / made.norm(), atol=1e-3)
            is_now, should_be = (f"{g.norm():.3g} long" if along else numbers(g) for g in (used, clipped))
            return f"You let step {i} use a gradient that's {is_now}, if its rate is lr. Clipped, it's {should_be}."
        before = now
    return ""
