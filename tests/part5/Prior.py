"""The check of 5.5 Prior.

The network is an oracle: it knows what it is shown of certain embeddings, whose noise is known, and refuses the rest.
"""

from collections.abc import Callable

import torch as t
from torch import nn

from solutions.part1_diffusion import NoiseSchedule
from tests.checking import (
    BETAS,
    DEVICES,
    Mistake,
    alpha_bars,
    alphas,
    careful,
    check,
    differs,
    expect_tensor,
    factors_of,
    judge_slopes,
    kind,
    mix,
    recognise,
    schedule_for,
    unchanged,
)

E = 5
BATCHES = [[3, 1, 2, 1], [4, 1, 3, 2, 4, 2, 4], [4]]


def noise_of(x: t.Tensor, x0: t.Tensor, a: t.Tensor) -> t.Tensor:
    return (x - a.sqrt() * x0) / (1 - a).sqrt()


def on_sphere(x: t.Tensor, length: float) -> t.Tensor:
    return x / x.norm(dim=-1, keepdim=True) * length


SPHERE = "You bring the guess to a length. It is what the network answers."
GUESS_MISTAKES = [  # the network's answer (B, 1, 2, E), the noised embeddings, ᾱ
    ("You return the second row of the answer. The guess is the first.", lambda rows, x, a: rows[:, :, 1:]),
    ("You take the mean of both rows. The guess is the first.", lambda rows, x, a: rows.mean(dim=2, keepdim=True)),
    ("You take the sum of both rows. The guess is the first.", lambda rows, x, a: rows.sum(dim=2, keepdim=True)),
    ("You clamp the guess. Embeddings may leave [-1, 1].", lambda rows, x, a: rows[:, :, :1].clamp(-1, 1)),
    ("You add the noised embedding. The guess is the answer itself.", lambda rows, x, a: x + rows[:, :, :1]),
    ("You take the answer off the noised embedding. It's the clean one.", lambda rows, x, a: x - rows[:, :, :1]),
    (
        "You take the answer for noise, as reconstruct does. The network answers with the clean embedding.",
        lambda rows, x, a: (x - (1 - a).sqrt() * rows[:, :, :1]) / a.sqrt(),
    ),
    (SPHERE, lambda rows, x, a: on_sphere(rows[:, :, :1], E**0.5)),
    (SPHERE, lambda rows, x, a: on_sphere(rows[:, :, :1], 1)),
]
FORWARD_MISTAKES = [  # x_n, the clean embedding, ᾱ
    ("You return the clean embedding. forward guesses the noise.", lambda x, x0, a: x0),
    ("You take the clean embedding for noise.", lambda x, x0, a: (x - (1 - a).sqrt() * x0) / a.sqrt()),
    ("Where is the square root in front of the clean embedding?", lambda x, x0, a: (x - a * x0) / (1 - a).sqrt()),
    ("Where is the square root below?", lambda x, x0, a: (x - a.sqrt() * x0) / (1 - a)),
    ("Where are both square roots?", lambda x, x0, a: (x - a * x0) / (1 - a)),
    ("You divide by √ᾱ. Where is √(1 - ᾱ)?", lambda x, x0, a: (x - a.sqrt() * x0) / a.sqrt()),
    ("You divide by 1 - √ᾱ. Where is √(1 - ᾱ)?", lambda x, x0, a: (x - a.sqrt() * x0) / (1 - a.sqrt())),
    ("You clamp the guess. Embeddings may leave [-1, 1].", lambda x, x0, a: noise_of(x, x0.clamp(-1, 1), a)),
    ("Where is the difference divided?", lambda x, x0, a: x - a.sqrt() * x0),
    ("You divide only the second term. Mind the parentheses.", lambda x, x0, a: x - a.sqrt() * x0 / (1 - a).sqrt()),
    ("Where is the clean embedding scaled?", lambda x, x0, a: (x - x0) / (1 - a).sqrt()),
    ("You turn the sign.", lambda x, x0, a: -noise_of(x, x0, a)),
    ("You add the clean embedding. It is taken away.", lambda x, x0, a: (x + a.sqrt() * x0) / (1 - a).sqrt()),
]
ALPHA_BAR_MISTAKES = [  # what stands for ᾱ, by the counts
    ("You take the α of one step. Where is ᾱ of the count?", alphas),
    ("You take the β of one step. Where is ᾱ of the count?", lambda n: 1 - alphas(n)),
    ("You take ᾱ of one count before. alpha_bar takes counts.", lambda n: alpha_bars((n - 1).clamp(min=1))),
    ("You take ᾱ from the network's schedule. Where is self.noise_schedule?", lambda n: 0.9 ** n.reshape(-1, 1, 1, 1)),
    ("You use the first one's ᾱ for all.", lambda n: alpha_bars(n[:1])),
    ("You take ᾱ of the last count. Where is num_steps?", lambda n: alpha_bars(t.full_like(n, len(BETAS)))),
]


class Oracle(nn.Module):
    """A network for images of two rows that refuses what it should not be shown."""

    img_shape = (1, 2, E)

    def __init__(self, images: t.Tensor, wanted: t.Tensor, num_steps: t.Tensor, answer: t.Tensor) -> None:
        super().__init__()
        self.images, self.wanted, self.num_steps = images, wanted, num_steps
        # another schedule than the prior's, as a network of Part 1 has one
        self.noise_schedule = NoiseSchedule(len(BETAS), images.device, t.full((len(BETAS),), 0.1, device=images.device))
        self.answer, self.calls = nn.Parameter(answer.clone()), 0

    def forward(self, rows: t.Tensor, num_steps: t.Tensor) -> t.Tensor:
        self.calls += 1
        B = len(self.images)
        if not isinstance(rows, t.Tensor) or rows.shape != (B, *self.img_shape):
            question = "Where is the caption's embedding, as a second row below the noised one?"
            if isinstance(rows, t.Tensor) and rows.shape == (B, 1, 1, 2 * E):
                question = "You put them side by side. The network takes two rows, one below the other."
            elif isinstance(rows, t.Tensor) and rows.shape == (B, 2, 1, E):
                question = "You make two channels of them. The network takes two rows of one channel."
            elif isinstance(rows, t.Tensor) and rows.shape == (2 * B, 1, 1, E):
                question = "You put one after the other in the batch. The network takes two rows, one below the other."
            elif isinstance(rows, t.Tensor) and rows.shape == (B, 1, 1, E):
                question = "Where is the caption's embedding?"
            raise Mistake(f"the network gets {kind(rows)}, expected shape {(B, *self.img_shape)}", question)
        first, second = self.images[:, 0, 0], self.wanted
        shown = rows[:, 0, 0], rows[:, 0, 1]
        if shown[0].equal(second) and shown[1].equal(first):
            raise Mistake(
                "the network sees the caption's embedding in the first row",
                "You put the caption first. The first row is the noised embedding.",
            )
        for row, name, given in [(0, "noised embeddings", first), (1, "captions' embeddings", second)]:
            if not shown[row].allclose(given, atol=1e-6):
                question = "You change them on the way."
                if row == 1 and shown[1].allclose(given[:1].expand_as(given)):
                    question = "You give all of them the first caption."
                elif row == 1 and shown[1].allclose(first):
                    question = "You put the noised ones in both rows."
                elif row == 1 and not shown[1].any():
                    question = "Where is wanted?"
                raise Mistake(
                    f"the network's {'first' if row == 0 else 'second'} row does not hold the {name}", question
                )
        if not isinstance(num_steps, t.Tensor) or num_steps.shape != (B,):
            facts = f"the network gets {kind(num_steps)} as num_steps, expected one count for each of {B}"
            raise Mistake(facts, "You change num_steps on the way.")
        if num_steps.is_floating_point() or not num_steps.equal(self.num_steps):
            facts = f"the network sees the counts {num_steps.tolist()}, expected {self.num_steps.tolist()}"
            raise Mistake(facts, "You change num_steps on the way.")
        return self.answer


class Mixing(nn.Module):
    """A network whose first row depends on both."""

    img_shape = (1, 2, E)

    def __init__(self) -> None:
        super().__init__()
        self.noise_schedule = schedule_for()

    def forward(self, rows: t.Tensor, num_steps: t.Tensor) -> t.Tensor:
        return (rows + 0.7 * rows.flip(2)).sin()


@check("5.5", mistakes=[*GUESS_MISTAKES, *FORWARD_MISTAKES, *ALPHA_BAR_MISTAKES])
def check_Prior(answer: Callable) -> str:
    for method in ("guess", "forward"):
        for device in DEVICES:
            for counts in BATCHES:
                judge_method(answer, method, t.tensor(counts, device=device))
        judge_ways(answer, method)
    return "two rows for the network, the first of its answer, the noise that goes with it, gradients"


def judge_method(answer: Callable, method: str, n: t.Tensor) -> None:
    a, B, device = alpha_bars(n), len(n), n.device.type
    x0, noise = 1.5 * t.randn(2, B, 1, 1, E, device=device)
    images, wanted, second = mix(x0, noise, a), t.randn(B, E, device=device), t.randn(B, 1, 1, E, device=device)
    rows = t.cat([x0, second], dim=2)
    network, schedule = Oracle(images, wanted, n, rows), schedule_for(device)
    model = careful(answer)(network, schedule)
    call = careful(model.guess if method == "guess" else model)
    try:
        with unchanged(method, images=images, num_steps=n, wanted=wanted):
            result = call(images, n, wanted)
    except RuntimeError as error:
        if any(f"tensor a ({a}) must match the size of tensor b ({b})" in str(error) for a, b in [(E, B), (B, E)]):
            error.add_note("Where does ᾱ, (B,), get three axes of length 1, to meet images (B, 1, 1, E)?")
        raise
    plain = result.detach() if isinstance(result, t.Tensor) else result
    if isinstance(plain, t.Tensor) and plain.shape == (B, 1, E):
        facts = f"{method} returns {kind(plain)}, expected shape {(B, 1, 1, E)}"
        raise Mistake(facts, "You drop an axis by an index such as [:, :, 0]. A slice keeps it.")
    if isinstance(plain, t.Tensor) and plain.shape == (B, 1, 2, E):
        facts = f"{method} returns {kind(plain)}, expected shape {(B, 1, 1, E)}"
        raise Mistake(facts, "You return both rows. The guess is the first.")
    if isinstance(plain, t.Tensor) and plain.shape in [(B, 1, 2, 1), (1, 1, 2, E)]:
        facts = f"{method} returns {kind(plain)}, expected shape {(B, 1, 1, E)}"
        raise Mistake(facts, "You cut along another axis. Rows follow each other along dim=2.")
    if isinstance(plain, t.Tensor) and plain.numel() > B * E:
        facts = f"{method} returns {kind(plain)}, expected shape {(B, 1, 1, E)}"
        raise Mistake(facts, "Where does ᾱ, (B,), get three axes of length 1, to meet images (B, 1, 1, E)?")
    expect_tensor(plain, (B, 1, 1, E), f"{method}, for {B} embeddings,", device)
    right = x0 if method == "guess" else noise_of(images, x0, a)
    if not plain.allclose(right, atol=1e-4):
        if method == "guess":
            question = recognise(GUESS_MISTAKES, lambda made: plain.allclose(made(rows, images, a), atol=1e-4))
        else:
            made = [(q, formula(images, x0, a)) for q, formula in FORWARD_MISTAKES]
            made += [(q, noise_of(images, x0, bar(n))) for q, bar in ALPHA_BAR_MISTAKES]
            question = recognise(made, lambda numbers: plain.allclose(numbers, atol=1e-3))
        facts = f"{method}, for the counts {n.tolist()}: {differs(plain, right)}"
        if not question and method == "forward":
            line, question = told_parts(plain, images, x0, n)
            facts += line
        raise Mistake(facts, question)
    if not network.calls:
        raise Mistake(f"{method} does not ask the network", "Where do you call self.network?")
    judge_gradient(result, network, method)


def told_parts(result: t.Tensor, images: t.Tensor, x0: t.Tensor, n: t.Tensor) -> tuple[str, str]:
    """More facts and a question, by how much of x_n and of the clean embedding is in the noise."""
    found = [factors_of(*each) for each in zip(result, images, x0, strict=True)]
    if any(each is None for each in found):
        return "", "You do more than to add parts of x_n and of the guess, or take them of different images."
    line = f"\nAfter {n[0]} steps, it holds {found[0][0]:.3g} of x_n and {found[0][1]:.3g} of the guess"
    return line, "You take other parts of both. Solve Equation 4 for the noise, with ᾱ of each count."


def judge_ways(answer: Callable, method: str) -> None:
    """Gradients reach what it is given as they reach the network."""
    n, images, wanted = t.tensor(BATCHES[0]), t.randn(4, 1, 1, E), t.randn(4, E)
    model = careful(answer)(Mixing(), schedule_for())
    call = careful(model.guess if method == "guess" else model)
    facts = f"the gradient of {method} at {{}} is not its slope"
    question = "You detach it on one of its ways, or use it under no_grad."
    judge_slopes(lambda x, told: call(x, n, told), facts, question, images=images, wanted=wanted)


def judge_gradient(result: t.Tensor, network: Oracle, method: str) -> None:
    if not result.requires_grad:
        raise Mistake(f"no gradient comes out of {method}", "You switch gradients off, by no_grad or a detach.")
    result.sum().backward()
    if network.answer.grad is None or not network.answer.grad[:, :, 0].all():
        raise Mistake(
            f"no gradient of {method} reaches the network", "You switch gradients off, by no_grad or a detach."
        )
