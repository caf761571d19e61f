"""The check of 3.4 MovingAverage.

Several averages follow one model, whose numbers are set anew between the updates. Every update is judged by itself,
from the average that stood before it, so that each mistake has a closed form.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch as t
from torch import nn

from tests.checking import Mistake, apart, careful, check, expect_tensor, factors_of, kind, numbers, recognise

DECAYS = [(0.5, 11), (0.5, 1), (0.6, 15), (0.995, 11), (0.0, 2)]  # and updates: 0.5 is reached after 8, 0.6 after 13


class WeightsToAverage(nn.Module):
    """Its answer shows all parameters. Backwards, which is the order of their names, they have the same shapes: paired
    wrongly, they make wrong numbers and no error."""

    def __init__(self) -> None:
        super().__init__()
        self.weight, self.inner = nn.Parameter(t.zeros(2, 3)), nn.Module()
        for name, shape in [("scale", (4,)), ("offset", (4,)), ("bias", (2, 3))]:
            self.inner.register_parameter(name, nn.Parameter(t.zeros(shape)))
        self.register_buffer("level", t.zeros(2))
        self.inner.register_buffer("count", t.zeros(1, dtype=t.int64))
        self.train_a_step()

    def forward(self, x: float) -> t.Tensor:
        return x * t.cat([p.flatten() for p in (self.weight, self.inner.scale, self.inner.offset, self.inner.bias)])

    @t.no_grad()
    def train_a_step(self) -> None:
        for p in self.parameters():
            p.copy_(t.randint(-999, 1000, p.shape) / 100)  # few digits, so that a learner can redo the sum
            p.grad = t.randint(-9, 10, p.shape).float()
        self.level.add_(t.tensor([1.5, -2]))
        self.inner.count.add_(10)


@dataclass
class UpdateSeen:
    """One update: all parameters as one row of numbers (20,), and the buffers."""

    d: float
    n: int
    earlier: int  # updates of other averages
    model: t.Tensor
    grad: t.Tensor
    old: t.Tensor  # the average before
    new: t.Tensor
    buffers: list[tuple[str, t.Tensor, t.Tensor, t.Tensor]]  # name, in the model, in the average before, and after

    def mix(self, d: float | t.Tensor, model: t.Tensor | None = None) -> t.Tensor:
        return d * self.old + (1 - d) * (self.model if model is None else model)

    @property
    def right(self) -> float:
        return min(self.d, warm(self.n))

    def fits(self, expected: t.Tensor) -> bool:
        return self.new.allclose(expected, rtol=1e-4, atol=1e-4)


def warm(n: float | t.Tensor) -> float | t.Tensor:
    return (1 + n) / (10 + n)


def counted_in_the_loop(u: UpdateSeen) -> t.Tensor:
    """The count that each number meets if each of the 4 parameters counts as an update."""
    return 4 * (u.n - 1) + t.tensor([1.0] * 6 + [2.0] * 4 + [3.0] * 4 + [4.0] * 6)


def backwards(row: t.Tensor) -> t.Tensor:
    return t.cat(row.split([6, 4, 4, 6])[::-1])


AS_ADAM = "You divide by 1 - decay to the power of u, as Adam does. Here a small d at the start is the remedy."
MOVING_AVERAGE_MISTAKES = [
    ("The average never changes. Where does the result get into self.model?", lambda u: u.old),
    ("You leave updates out. Each of them counts.", lambda u: u.old if u.new.equal(u.old) else u.mix(u.right)),
    (
        "Some numbers stay as they were. Where are the other parameters updated?",
        lambda u: t.where(u.new.isclose(u.mix(u.right), rtol=1e-4, atol=1e-4), u.mix(u.right), u.old),
    ),
    ("You make the average the model itself. d is 0, or the model is copied over it.", lambda u: u.model),
    (
        "You take the full decay for d from the start. Mind the fraction, its parentheses and which way up it is.",
        lambda u: u.mix(u.d),
    ),
    ("You take the larger of the two for d.", lambda u: u.mix(max(u.d, warm(u.n)))),
    (
        "You count this update as number 0 in the fraction. The first one is number 1.",
        lambda u: u.mix(min(u.d, warm(u.n - 1))),
    ),
    ("You count the first update as number 2 in the fraction.", lambda u: u.mix(min(u.d, warm(u.n + 1)))),
    ("Where is d kept at or below the decay that the constructor got?", lambda u: u.mix(warm(u.n))),
    ("You take a fixed decay. Where is the one that the constructor got?", lambda u: u.mix(0.995)),
    ("Where is the 1 above the fraction line?", lambda u: u.mix(min(u.d, u.n / (10 + u.n)))),
    ("Where is u above the fraction line?", lambda u: u.mix(min(u.d, 1 / (10 + u.n)))),
    ("Where is u below the fraction line?", lambda u: u.mix(min(u.d, (1 + u.n) / 10))),
    ("You pull twice in each update.", lambda u: u.mix(u.right**2)),
    ("You raise the decay to the power of u.", lambda u: u.mix(u.d**u.n)),
    ("You take Adam's 1 - decay to the power of u. Here it's a fraction.", lambda u: u.mix(1 - u.d**u.n)),
    ("You multiply the decay by the fraction. The smaller of the two is d.", lambda u: u.mix(u.d * warm(u.n))),
    (
        "You take a plain mean until the decay is reached. The text has another fraction.",
        lambda u: u.mix(min(u.d, u.n / (u.n + 1))),
    ),
    ("The fraction stays at 1/10. Where are the updates counted?", lambda u: u.mix(min(u.d, warm(0)))),
    (
        "You keep the d of update 1. Where does u go on, and is self.decay left alone?",
        lambda u: u.mix(min(u.d, warm(1))),
    ),
    (
        "You count each parameter as an update of its own.",
        lambda u: u.mix(warm(counted_in_the_loop(u)).clamp(max=u.d)),
    ),
    ("You let several averages share one u.", lambda u: u.mix(min(u.d, warm(u.n + u.earlier)))),
    ("You count each update twice.", lambda u: u.mix(min(u.d, warm(2 * u.n - 1)))),
    (
        "You begin the average at 0. It begins with the weights that __init__ has copied.",
        lambda u: (1 - u.right) * u.model if u.n == 1 else u.mix(u.right),
    ),
    (
        "You take the model's numbers as they are at update 1. There, too, d is that of the text.",
        lambda u: u.model if u.n == 1 else u.mix(u.right),
    ),
    (
        "Some numbers are the model's own. Where are the other parameters averaged?",
        lambda u: t.where(u.new.isclose(u.mix(u.right), rtol=1e-4, atol=1e-4), u.mix(u.right), u.model),
    ),
    (AS_ADAM, lambda u: u.mix(u.d) / (1 - u.d**u.n)),
    (AS_ADAM, lambda u: u.mix(u.right) / (1 - u.right**u.n)),
    ("You round the model's weights.", lambda u: u.mix(u.right, u.model.round())),
    ("You round the model's weights, to bfloat16.", lambda u: u.mix(u.right, u.model.bfloat16().float())),
    ("You round the model's weights, to float16.", lambda u: u.mix(u.right, u.model.half().float())),
    (
        "You round both, to bfloat16.",
        lambda u: (u.right * u.old.bfloat16() + (1 - u.right) * u.model.bfloat16()).float(),
    ),
    ("You round the average, to bfloat16.", lambda u: u.mix(u.right).bfloat16().float()),
    ("You round the average, to float16.", lambda u: u.mix(u.right).half().float()),
    ("You round the average.", lambda u: u.mix(u.right).round()),
    ("You swap d and 1 - d.", lambda u: u.mix(1 - u.right)),
    ("You swap d and 1 - d, and take the full decay from the start.", lambda u: u.mix(1 - u.d)),
    ("You take the plain mean of all weights so far.", lambda u: u.mix(u.n / (u.n + 1))),
    ("You take the plain mean of all updates so far.", lambda u: u.mix((u.n - 1) / u.n)),
    ("You subtract the model. Its share is added.", lambda u: u.right * u.old - (1 - u.right) * u.model),
    ("You move away from the model. A difference is the wrong way round.", lambda u: u.mix(2 - u.right)),
    ("You keep the old average at its full size. Where is its factor d?", lambda u: u.old + (1 - u.right) * u.model),
    ("You add the mix to the average. It takes its place.", lambda u: u.old + u.mix(u.right)),
    ("You add their sum. Their difference is the way to go.", lambda u: u.old + (1 - u.right) * (u.model + u.old)),
    ("You halve the mix. Its two shares add up to 1.", lambda u: u.mix(u.right) / 2),
    (
        "You subtract d from the model. Mind the parentheses of 1 - d.",
        lambda u: u.right * u.old + u.model - u.right,
    ),
    ("You add the model at its full size. Where is its factor 1 - d?", lambda u: u.right * u.old + u.model),
    ("You give both the factor d. The model has 1 - d.", lambda u: u.right * (u.old + u.model)),
    ("Where is the old average?", lambda u: (1 - u.right) * u.model),
    ("Where is the model?", lambda u: u.right * u.old),
    ("You average the gradients. The weights are averaged.", lambda u: u.mix(u.right, u.grad)),
    ("You pair each parameter with another one. Mind their order.", lambda u: u.mix(u.right, backwards(u.model))),
]


@check("3.4", mistakes=MOVING_AVERAGE_MISTAKES)
def check_MovingAverage(answer: Callable) -> str:
    model = WeightsToAverage()
    averages, start, seen = [careful(answer)(model, decay) for decay, _ in DECAYS], model(1.0).detach(), []
    for average in averages:
        if not hasattr(average, "update") or not isinstance(getattr(average, "model", None), nn.Module):
            facts = f"made with a model and a decay, it is {kind(average)} without a .model or an .update"
            raise Mistake(facts, "Where is the given __init__?")
    for average, (decay, updates) in zip(averages, DECAYS, strict=True):
        earlier = len(seen)
        model.train_a_step()
        if earlier and not average.model(1.0).equal(start):
            raise Mistake(
                "updates of one average change another one, too", "You let the two share something. What is it?"
            )
        seen += [judge_update(average, model, decay, n, earlier) for n in range(1, updates + 1)]
    judge_mix(seen, [name for name, p in model.named_parameters() for _ in range(p.numel())])
    judge_buffers(seen)
    return "the mix, its start and its decay, all parameters, buffers as they are, the model left alone"


def judge_update(average: object, model: WeightsToAverage, d: float, n: int, earlier: int) -> UpdateSeen:
    """One update and what it must leave alone; then the model takes its next step of training."""
    (old, *old_buffers), before = shown(average.model), all_of(model)
    try:
        careful(average.update)(model)
    except (RuntimeError, NotImplementedError) as error:
        if "Long" not in str(error):
            raise
        facts = f"update ends in an error at the buffer inner.count, whose numbers are whole: {error}"
        raise Mistake(facts, "You average the buffers, too. They're copied.") from None
    for name, value in all_of(model).items():
        if not value.equal(before[name]):
            facts = f"update changes the {name} of the model that it is given"
            question = "You write to the model that is trained. Which of the two is averaged?"
            if name not in ("weights", "buffers"):
                question = "You do more to the model that is trained than read it."
            raise Mistake(facts, question)
    if not isinstance(average.model, nn.Module):
        facts = f"after an update, .model is {kind(average.model)}, expected a model with the averaged weights"
        raise Mistake(facts, "You put something else in its place. load_state_dict and copy_ fill the model itself.")
    lost = model.state_dict().keys() - average.model.state_dict().keys()
    if lost:
        facts = f"after an update, the state_dict of .model lacks {', '.join(sorted(lost))}"
        raise Mistake(facts, "You put a plain tensor in the place of a parameter.")
    new, *new_buffers = shown(average.model)
    model.train_a_step()
    if not all(one.equal(other) for one, other in zip(shown(average.model), [new, *new_buffers], strict=True)):
        facts = "when the model takes a step of training, .model changes with it, before any update"
        raise Mistake(facts, "You let tensors belong to both. Copy numbers instead.")
    if any(p.requires_grad for p in average.model.parameters()):
        facts = "after an update, the weights of .model require a gradient"
        raise Mistake(facts, "You make .model anew, or record update for a backward pass. Where is @t.no_grad()?")
    expect_tensor(new, (20,), f"with decay {d}, after update {n} .model(x)")
    names = [name for name, _ in model.named_buffers()]
    buffers = list(zip(names, before["buffers"].split([2, 1]), old_buffers, new_buffers, strict=True))
    return UpdateSeen(d, n, earlier, before["weights"], before["gradients"], old, new, buffers)


def shown(model: nn.Module) -> list[t.Tensor]:
    """What the model answers, and copies of its buffers."""
    return [model(1.0).detach(), *(buffer.clone() for buffer in model.buffers())]


def all_of(model: nn.Module) -> dict[str, t.Tensor]:
    def row(tensors: list[t.Tensor]) -> t.Tensor:
        return t.cat([t.zeros(0), *(each.detach().flatten() for each in tensors)])

    parameters = list(model.parameters())
    return {
        "weights": row(parameters),
        "buffers": row(list(model.buffers())),
        "gradients": row([p.grad for p in parameters if p.grad is not None]),
        "requires_grad": t.tensor([p.requires_grad for p in parameters]),
        "mode (train or eval)": t.tensor([module.training for module in model.modules()]),
    }


def judge_mix(seen: list[UpdateSeen], names: list[str]) -> None:
    wrong = next((u for u in seen if not u.fits(u.mix(u.right))), None)
    if wrong is None:
        return
    question = recognise(MOVING_AVERAGE_MISTAKES, lambda mistake: all(u.fits(mistake(u)) for u in seen))
    question, expected = question or of_factors(seen, wrong), wrong.mix(wrong.right)
    i = (wrong.new - expected).abs().argmax().item()
    facts = f"is {wrong.old[i]:.4g} in the average and {wrong.model[i]:.4g} in the model"
    facts += f";\nthe average becomes {apart(wrong.new[i].item(), expected[i].item())} with d = {wrong.right:.4g}"
    raise Mistake(f"with decay {wrong.d}, before update {wrong.n} a number of {names[i]} {facts}", question)


def of_factors(seen: list[UpdateSeen], wrong: UpdateSeen) -> str:
    """What to say of an average that adds up the right two, with other factors, and of d where the decay is large."""
    factors = [factors_of(u.new, u.old, u.model, atol=1e-4) for u in seen]
    if any(each is None for each in factors):
        return ""
    factors = [each.tolist() for each in factors]
    if all(abs(d + rest - 1) < 1e-3 for d, rest in factors):
        off = [(u, d) for u, (d, _) in zip(seen, factors, strict=True) if abs(d - u.right) > 1e-3]
        decay = max([u.d for u, _ in off], default=0)
        shown = [(u.n, abs(round(d, 6)), u.right) for u, d in off if u.d == decay][:3]
        if not shown:  # what is off is too little to tell by
            return ""
        updates, taken, right = (", ".join(f"{number:.3g}" for number in row) for row in zip(*shown, strict=True))
        return f"You take {taken} for d at update {updates} with decay {decay}, where the text has {right}."
    d, rest = next(pair for u, pair in zip(seen, factors, strict=True) if u is wrong)
    return f"You take {d:.3g} times the average and {rest:.3g} times the model. The factors are d and 1 - d."


def judge_buffers(seen: list[UpdateSeen]) -> None:
    for u in seen:
        for name, model, old, new in u.buffers:
            if new.equal(model):
                continue
            question = "Where is each buffer replaced by that of the model?"
            if new.equal(old):
                question = "Where are all buffers taken over, in each update?"
            elif ((new >= old.minimum(model)) & (new <= old.maximum(model))).all():
                question = "You average the buffers, too. They're copied."
            facts = f"after update {u.n} the buffer {name} is {numbers(new)} in the average"
            raise Mistake(f"with decay {u.d}, {facts},\nexpected {numbers(model)}, as in the model", question)
