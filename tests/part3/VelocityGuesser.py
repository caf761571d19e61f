"""The check of 3.3 VelocityGuesser.

The first batch is as long as it has channels, rows and columns, so that factors along the wrong axis show as wrong
numbers, not as an error; and it leaves out the last count, so that a row too late exists.
"""

from collections.abc import Callable
from functools import partial

import torch as t
from torch import nn

from tests.checking import (
    BETAS,
    DEVICES,
    Mistake,
    alpha_bars,
    alphas,
    careful,
    check,
    expect_tensor,
    kind,
    mix,
    recognise,
    schedule_for,
    unchanged,
)

BATCHES = [((4, 4, 4, 4), [3, 1, 2, 1]), ((6, 3, 2, 5), [4, 1, 3, 2, 2, 4]), ((1, 3, 2, 5), [4])]


def v_of(x0: t.Tensor, noise: t.Tensor, a: t.Tensor, rest: t.Tensor | None = None) -> t.Tensor:
    """rest: what stands for 1 - ᾱ; None: that"""
    return a.sqrt() * noise - (1 - a if rest is None else rest).sqrt() * x0


def noise_of(xt: t.Tensor, v: t.Tensor, a: t.Tensor, rest: t.Tensor | None = None) -> t.Tensor:
    return (1 - a if rest is None else rest).sqrt() * xt + a.sqrt() * v


def x0_of(xt: t.Tensor, v: t.Tensor, a: t.Tensor) -> t.Tensor:
    return a.sqrt() * xt - (1 - a).sqrt() * v


TARGET_MISTAKES = [  # x0, noise, ᾱ
    ("Are the signs swapped?", lambda x, e, a: -v_of(x, e, a)),
    ("Is x0 added? It is taken away.", lambda x, e, a: a.sqrt() * e + (1 - a).sqrt() * x),
    ("Are x0 and noise swapped?", lambda x, e, a: v_of(e, x, a)),
    ("Are the two factors swapped?", lambda x, e, a: v_of(x, e, 1 - a)),
    ("That is x_n, the noised image. Which of the two is v?", lambda x, e, a: a.sqrt() * x + (1 - a).sqrt() * e),
    ("Are both square roots missing?", lambda x, e, a: a * e - (1 - a) * x),
    ("Is the square root missing in front of the noise?", lambda x, e, a: a * e - (1 - a).sqrt() * x),
    ("Is the square root missing in front of x0?", lambda x, e, a: a.sqrt() * e - (1 - a) * x),
    ("Does the root cover all of 1 - ᾱ?", lambda x, e, a: a.sqrt() * e - (1 - a.sqrt()) * x),
    ("Is x ** 1/2 taken for a root? It is (x ** 1) / 2.", lambda x, e, a: a / 2 * e - (1 - a) / 2 * x),
    ("That is the noise. Does this network learn v?", lambda x, e, a: e),
    ("That is x0. Does this network learn v?", lambda x, e, a: x),
    ("Are the noise and x0 scaled?", lambda x, e, a: e - x),
    ("Are ᾱ and 1 - ᾱ squared? Their roots are taken.", lambda x, e, a: a**2 * e - (1 - a) ** 2 * x),
    ("Is the noise scaled?", lambda x, e, a: e - (1 - a).sqrt() * x),
    ("Is x0 scaled?", lambda x, e, a: a.sqrt() * e - x),
    ("Is it clamped? v may leave [-1, 1].", lambda x, e, a: v_of(x, e, a).clamp(-1, 1)),
    (
        "Is x_n taken away, and not x0?",
        lambda x, e, a: v_of(a.sqrt() * x + (1 - a).sqrt() * e, e, a),
    ),
    ("Does x_n stand where the noise belongs?", lambda x, e, a: v_of(x, a.sqrt() * x + (1 - a).sqrt() * e, a)),
    ("Is v scaled once more?", lambda x, e, a: v_of(x, e, a) / (1 - a).sqrt()),
    ("Is v scaled once more?", lambda x, e, a: v_of(x, e, a) / a.sqrt()),
]
FORWARD_MISTAKES = [  # x_n, v, ᾱ
    ("That is v as the network gave it. What should forward guess?", lambda x, v, a: v),
    ("Those are the images as they came. What becomes of v?", lambda x, v, a: x),
    ("That is the clean image. What should forward guess?", x0_of),
    ("Are the two factors swapped?", lambda x, v, a: noise_of(x, v, 1 - a)),
    ("Is v taken away? It is added.", lambda x, v, a: (1 - a).sqrt() * x - a.sqrt() * v),
    ("Is that the formula of target once more? Here it is x_n that is known, not x0.", v_of),
    (
        "Is the formula of target solved for the noise? It has x0 in it, and here are x_n.",
        lambda x, v, a: (v + (1 - a).sqrt() * x) / a.sqrt(),
    ),
    ("Are both square roots missing?", lambda x, v, a: (1 - a) * x + a * v),
    ("Is the square root missing in front of the images?", lambda x, v, a: (1 - a) * x + a.sqrt() * v),
    ("Is the square root missing in front of v?", lambda x, v, a: (1 - a).sqrt() * x + a * v),
    ("Does the root cover all of 1 - ᾱ?", lambda x, v, a: (1 - a.sqrt()) * x + a.sqrt() * v),
    ("Is the network's answer taken for a clean image? It is v.", lambda x, v, a: (x - a.sqrt() * v) / (1 - a).sqrt()),
    ("Is the network's answer taken for the noise? It is v.", lambda x, v, a: (x - (1 - a).sqrt() * v) / a.sqrt()),
    ("Are ᾱ and 1 - ᾱ squared? Their roots are taken.", lambda x, v, a: (1 - a) ** 2 * x + a**2 * v),
    ("Is the whole sum multiplied by √ᾱ?", lambda x, v, a: a.sqrt() * (v + (1 - a).sqrt() * x)),
    ("Are the images scaled?", lambda x, v, a: x + a.sqrt() * v),
    ("Is v scaled?", lambda x, v, a: (1 - a).sqrt() * x + v),
    ("Is v used?", lambda x, v, a: (1 - a).sqrt() * x),
    ("Are the images used?", lambda x, v, a: a.sqrt() * v),
    ("Is the guess clamped? Noise may leave [-1, 1].", lambda x, v, a: noise_of(x, v, a).clamp(-1, 1)),
    (
        "Is a clean image clamped on the way? The formula knows no limits.",
        lambda x, v, a: (x - a.sqrt() * x0_of(x, v, a).clamp(-1, 1)) / (1 - a).sqrt(),
    ),
]
EARLY = "Is that ᾱ of one count before? A row is one less than its count, and alpha_bar takes counts."
ALPHA_BAR_MISTAKES = [  # what stands for ᾱ, by the counts; all else is right
    ("Is that ᾱ of the count, or the α of one step?", alphas),
    ("Is that ᾱ of the count, or the β of one step?", lambda n: 1 - alphas(n)),
    ("Counts begin at 1, rows at 0. Is the row one too late?", lambda n: alpha_bars(n + 1)),
    (EARLY, lambda n: alpha_bars((n - 1).clamp(min=1))),
    (EARLY, lambda n: alpha_bars((n - 1).clamp(min=1)).where(n.reshape(-1, 1, 1, 1) > 1, 1)),
    (EARLY, lambda n: alpha_bars((n - 2) % len(BETAS) + 1)),  # index -1 is the last one
    ("Is a root taken twice?", lambda n: alpha_bars(n).sqrt()),
    ("Do all images get the mean of their factors?", lambda n: alpha_bars(n).mean(dim=0, keepdim=True)),
    ("Do all images get the factors of the first?", lambda n: alpha_bars(n[:1])),
    (
        "Are the factors those of counts 1, 2, 3, ...? Is num_steps used?",
        lambda n: alpha_bars(t.arange(len(n)) + 1),
    ),
    (
        "Are the factors those of the last count? Is num_steps used?",
        lambda n: alpha_bars(t.full_like(n, len(BETAS))),
    ),
    (
        "The factors run along the width of the images. Which shape have they?",
        lambda n: alpha_bars(n).movedim(0, 3),
    ),
    (
        "The factors run along the height of the images. Which shape have they?",
        lambda n: alpha_bars(n).movedim(0, 2),
    ),
    ("The factors run along the channels. Which shape have they?", lambda n: alpha_bars(n).movedim(0, 1)),
]
PAIR_MISTAKES = [  # what stands for ᾱ and for 1 - ᾱ, where they do not belong together
    ("Is that 1 - ᾱ, or the β of one step?", lambda n: (alpha_bars(n), 1 - alphas(n))),
    ("Is that ᾱ, or the α of one step?", lambda n: (alphas(n), 1 - alpha_bars(n))),
]


class VelocityOracle(nn.Module):
    """A network that knows v of certain images, and refuses any other question. method: the one that is judged"""

    def __init__(self, xt: t.Tensor, num_steps: t.Tensor, v: t.Tensor, method: str) -> None:
        super().__init__()
        self.img_shape, self.method = tuple(xt.shape[1:]), method
        self.xt, self.num_steps, self.v = xt.clone(), num_steps.clone(), nn.Parameter(v.clone())

    def forward(self, images: t.Tensor, num_steps: t.Tensor) -> t.Tensor:
        if self.method == "target":
            question = "What does the network learn from? The formula of v knows all that is in it."
            raise Mistake("target asks the network", question)
        if not isinstance(images, t.Tensor) or images.shape[1:] != self.img_shape:
            expected = f"expected shape {tuple(self.xt.shape)}"
            raise Mistake(f"the network gets {kind(images)} as images, {expected}", "Are its two arguments in order?")
        known = (images[:, None] == self.xt).flatten(2).all(dim=2)  # (shown, of the batch)
        if not known.any(dim=1).all():
            question = "Are they changed on the way? The network knows x_n as it is."
            raise Mistake("the network is shown other images than forward is given", question)
        if not isinstance(num_steps, t.Tensor) or num_steps.shape != images.shape[:1]:
            facts = f"the network gets {kind(num_steps)} as num_steps"
            facts += f", expected one count for each of {len(images)} images"
            raise Mistake(facts, "Is num_steps handed on as it came?")
        counts = self.num_steps[known.int().argmax(dim=1)].tolist()
        if num_steps.is_floating_point() or num_steps.tolist() != counts:
            question = "Is num_steps handed on as it came?"
            if num_steps.tolist() == [n - 1 for n in counts]:
                question = "Counts begin at 1, rows at 0. Which does the network know?"
            facts = f"the network sees the counts {[round(n, 2) for n in num_steps.tolist()]}, expected {counts}"
            raise Mistake(facts, question)
        return (known.to(images.dtype) @ self.v.flatten(1)).reshape(images.shape)


@check("3.3", mistakes=TARGET_MISTAKES + FORWARD_MISTAKES + ALPHA_BAR_MISTAKES + PAIR_MISTAKES)
def check_VelocityGuesser(answer: Callable) -> str:
    for method in ("target", "forward"):
        for device in DEVICES:
            for shape, counts in BATCHES:
                judge_velocity(answer, method, shape, t.tensor(counts, device=device))
    return "v in every number, the noise given back for the right v, one factor for each image, gradients"


def judge_velocity(answer: Callable, method: str, shape: tuple[int, ...], n: t.Tensor) -> None:
    """One method of a new model, on a batch whose v and noise are known."""
    a, device = alpha_bars(n), n.device.type
    x0, noise = t.randn(2, *shape, device=device)  # x0 leaves [-1, 1], as what a network guesses may
    xt, v = mix(x0, noise, a), v_of(x0, noise, a)
    network, schedule = VelocityOracle(xt, n, v, method), schedule_for(device)
    model = careful(answer)(network, schedule)
    for name, given in [("network", network), ("img_shape", network.img_shape), ("noise_schedule", schedule)]:
        if getattr(model, name, None) != given:
            facts = f"its {name} is {kind(getattr(model, name, None))}, not what it was made with"
            raise Mistake(facts, "Is it a part1.Guesser, whose __init__ keeps them?")
    if method == "target":
        inputs, right, mistakes = {"x0": x0, "noise": noise, "num_steps": n}, v_of, TARGET_MISTAKES
    else:
        inputs, right, mistakes = {"images": xt, "num_steps": n}, noise_of, FORWARD_MISTAKES
    ask = partial(careful(model.target if method == "target" else model), *inputs.values())
    with unchanged(method, **inputs):
        result = ask()
        plain = result.detach() if isinstance(result, t.Tensor) else result
        expect_tensor(plain, shape, f"{method}, for images of shape {shape},", device)
    try:
        judge_numbers(plain, method, (x0, noise) if method == "target" else (xt, v), n, right, mistakes)
    except Mistake:
        if not plain.equal(ask()):
            facts = f"asked twice for the same, {method} gives two different answers"
            raise Mistake(facts, "Is noise drawn in it? Each formula knows all that is in it.") from None
        raise
    if method == "forward" and not result.requires_grad:
        raise Mistake(
            "forward is right, but no gradient comes back to the network", "Is there a no_grad or a detach in it?"
        )


def judge_numbers(
    result: t.Tensor, method: str, inputs: tuple[t.Tensor, t.Tensor], n: t.Tensor, right: Callable, mistakes: list
) -> None:
    expected = right(*inputs, alpha_bars(n))
    gap = (result - expected).abs()
    if gap.max() < 1e-4:
        return
    made = []
    if len(set(result.shape)) == 1:  # elsewhere, factors along another axis are an error
        made += [(q, formula(*inputs, alpha_bars(n))) for q, formula in mistakes]
        made += [(q, right(*inputs, level(n))) for q, level in ALPHA_BAR_MISTAKES]
        made += [(q, right(*inputs, *pair(n))) for q, pair in PAIR_MISTAKES]
    question = recognise(made, lambda values: result.allclose(values, atol=1e-4))
    worst = gap.argmax().item()
    x, y, is_now, should_be = (values.flatten()[worst].item() for values in (*inputs, result, expected))
    count = n[worst // gap[0].numel()].item()
    names = ("x0", "noise") if method == "target" else ("x_n", "v")
    facts = f"{method} at count {count}, where {names[0]} is {x:.3f} and {names[1]} is {y:.3f}"
    facts += f",\ngives {is_now:.3f}, expected {should_be:.3f}"
    raise Mistake(facts, question, given=f"with betas {BETAS}")
