"""The check of 3.3 VelocityGuesser.

The first batch is as long as it has channels, rows and columns, so that factors along the wrong axis show as wrong
numbers, not as an error; and it leaves out the last count, so that a row too late exists.
"""

from collections.abc import Callable
from functools import partial

import torch as t
from torch import nn
from torch.overrides import TorchFunctionMode

from solutions.part1_diffusion import NoiseSchedule
from tests.checking import (
    BETAS,
    Mistake,
    alpha_bars,
    alphas,
    apart,
    betas_for,
    careful,
    check,
    differs,
    elsewhere,
    expect_tensor,
    factors_of,
    judge_slopes,
    kind,
    mix,
    numbers,
    on_cuda,
    other_betas,
    recognise,
    schedule_for,
    schedule_of,
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
    ("You swap the signs.", lambda x, e, a: -v_of(x, e, a)),
    ("You add x0. It's taken away.", lambda x, e, a: a.sqrt() * e + (1 - a).sqrt() * x),
    ("You swap x0 and noise.", lambda x, e, a: v_of(e, x, a)),
    ("You swap the two factors.", lambda x, e, a: v_of(x, e, 1 - a)),
    ("You return x_n, the noised image. Which of the two is v?", lambda x, e, a: a.sqrt() * x + (1 - a).sqrt() * e),
    ("You halve, because x ** 1/2 is (x ** 1) / 2.", lambda x, e, a: a / 2 * e - (1 - a) / 2 * x),
    ("You return the noise. This network learns v.", lambda x, e, a: e),
    ("You return x0. This network learns v.", lambda x, e, a: x),
    ("Where are the noise and x0 scaled?", lambda x, e, a: e - x),
    ("You clamp it. v may leave [-1, 1].", lambda x, e, a: v_of(x, e, a).clamp(-1, 1)),
    ("You clamp x0. All that it has counts.", lambda x, e, a: v_of(x.clamp(-1, 1), e, a)),
    (
        "You take x_n away. It's x0.",
        lambda x, e, a: v_of(a.sqrt() * x + (1 - a).sqrt() * e, e, a),
    ),
    ("You put x_n where the noise belongs.", lambda x, e, a: v_of(x, a.sqrt() * x + (1 - a).sqrt() * e, a)),
]
FORWARD_MISTAKES = [  # x_n, v, ᾱ
    ("You return v as the network gave it. What should forward guess?", lambda x, v, a: v),
    ("You return the images as they came. What becomes of v?", lambda x, v, a: x),
    ("You return the clean image. What should forward guess?", x0_of),
    ("You swap the two factors.", lambda x, v, a: noise_of(x, v, 1 - a)),
    ("You take v away. It's added.", lambda x, v, a: (1 - a).sqrt() * x - a.sqrt() * v),
    ("You use the formula of target once more. Here x_n is known, not x0.", v_of),
    (
        "You solve the formula of target for the noise. It has x0 in it, and here you have x_n.",
        lambda x, v, a: (v + (1 - a).sqrt() * x) / a.sqrt(),
    ),
    ("You take the network's answer for a clean image. It's v.", lambda x, v, a: (x - a.sqrt() * v) / (1 - a).sqrt()),
    ("You take the network's answer for the noise. It's v.", lambda x, v, a: (x - (1 - a).sqrt() * v) / a.sqrt()),
    ("Where is v?", lambda x, v, a: (1 - a).sqrt() * x),
    ("Where are the images?", lambda x, v, a: a.sqrt() * v),
    ("You clamp v. It may leave [-1, 1].", lambda x, v, a: noise_of(x, v.clamp(-1, 1), a)),
    ("You scale the guess to a standard deviation of 1.", lambda x, v, a: noise_of(x, v, a) / noise_of(x, v, a).std()),
    ("You clamp the guess. Noise may leave [-1, 1].", lambda x, v, a: noise_of(x, v, a).clamp(-1, 1)),
    (
        "You clamp a clean image on the way. The formula knows no limits.",
        lambda x, v, a: (x - a.sqrt() * x0_of(x, v, a).clamp(-1, 1)) / (1 - a).sqrt(),
    ),
]
FACTORS = {  # what may be taken for a factor, with either sign
    "√ᾱ": lambda a: a.sqrt(),
    "√(1 - ᾱ)": lambda a: (1 - a).sqrt(),
    "ᾱ": lambda a: a,
    "(1 - ᾱ)": lambda a: 1 - a,
    "(1 - √ᾱ)": lambda a: 1 - a.sqrt(),
    "√√ᾱ": lambda a: a.sqrt().sqrt(),
    "ᾱ²": lambda a: a**2,
    "(1 - ᾱ)²": lambda a: (1 - a) ** 2,
    "√(1 - ᾱ²)": lambda a: (1 - a**2).sqrt(),
    "√(1 + ᾱ)": lambda a: (1 + a).sqrt(),
    "√ᾱ √(1 - ᾱ)": lambda a: (a - a**2).sqrt(),
    "ᾱ / 2": lambda a: a / 2,
    "(1 - ᾱ) / 2": lambda a: (1 - a) / 2,
    "1 / √ᾱ": lambda a: 1 / a.sqrt(),
    "1 / √(1 - ᾱ)": lambda a: 1 / (1 - a).sqrt(),
    "1 / ᾱ": lambda a: 1 / a,
    "1 / (1 - ᾱ)": lambda a: 1 / (1 - a),
    "1": lambda a: a**0,
    "2": lambda a: 2 * a**0,
    "0": lambda a: 0 * a,
}
EARLY = "You look ᾱ up one timestep early. A row is one less than its timestep, and alpha_bar takes timesteps."
ALPHA_BAR_MISTAKES = [  # what stands for ᾱ, by the counts; all else is right
    ("You take α, of one step alone. ᾱ is that of all steps.", alphas),
    ("You take 1 - α, the β of one step. ᾱ is that of all steps.", lambda n: 1 - alphas(n)),
    ("You look ᾱ up one timestep late. Timesteps begin at 1, rows at 0.", lambda n: alpha_bars(n + 1)),
    (EARLY, lambda n: alpha_bars((n - 1).clamp(min=1))),
    (EARLY, lambda n: alpha_bars((n - 1).clamp(min=1)).where(n.reshape(-1, 1, 1, 1) > 1, 1)),
    (EARLY, lambda n: alpha_bars((n - 2) % len(BETAS) + 1)),  # index -1 is the last one
    ("You give all images the mean of their factors.", lambda n: alpha_bars(n).mean(dim=0, keepdim=True)),
    ("You give all images the same factors, of the first or of the largest count.", lambda n: alpha_bars(n[:1])),
    (
        "You take the factors of timesteps 1, 2, 3, ... Where is num_steps?",
        lambda n: alpha_bars(t.arange(len(n)) + 1),
    ),
    (
        "You take the factors of the last timestep. Where is num_steps?",
        lambda n: alpha_bars(t.full_like(n, len(BETAS))),
    ),
    (
        "You let the factors run along the width of the images. They're (B, 1, 1, 1).",
        lambda n: alpha_bars(n).movedim(0, 3),
    ),
    (
        "You let the factors run along the height of the images. They're (B, 1, 1, 1).",
        lambda n: alpha_bars(n).movedim(0, 2),
    ),
    ("You let the factors run along the channels. They're (B, 1, 1, 1).", lambda n: alpha_bars(n).movedim(0, 1)),
]
PAIR_MISTAKES = [  # what stands for ᾱ and for 1 - ᾱ, where they do not belong together
    ("You take β, of one step, for 1 - ᾱ.", lambda n: (alpha_bars(n), 1 - alphas(n))),
    ("You take α, of one step, for ᾱ.", lambda n: (alphas(n), 1 - alpha_bars(n))),
]


class Scaling(nn.Module):
    """A network with a slope everywhere, on any device."""

    img_shape = (3, 2, 5)

    def __init__(self, device: str = "cpu") -> None:
        super().__init__()
        self.weight = nn.Parameter(t.tensor(0.5, device=device))

    def forward(self, images: t.Tensor, num_steps: t.Tensor) -> t.Tensor:
        return self.weight * images


class ToTheCPU(TorchFunctionMode):
    """Lets numbers be taken from PyTorch's meta device, which has none: they are 1."""

    def __torch_function__(self, func: Callable, types: object, args: tuple = (), kwargs: dict | None = None) -> object:
        name, kwargs = getattr(func, "__name__", ""), kwargs or {}
        if args and isinstance(args[0], t.Tensor) and args[0].is_meta:
            if name == "cpu" or (name == "to" and "cpu" in map(str, [*args[1:], *kwargs.values()])):
                return t.ones(args[0].shape, dtype=args[0].dtype)
            if name in ("item", "tolist", "numpy", "__int__", "__float__", "__index__", "__array__"):
                return func(t.ones(args[0].shape, dtype=args[0].dtype), *args[1:], **kwargs)
        return func(*args, **kwargs)


class VelocityOracle(nn.Module):
    """A network that knows v of certain images, and refuses any other question. method: the one that is judged"""

    def __init__(self, xt: t.Tensor, num_steps: t.Tensor, v: t.Tensor, method: str) -> None:
        super().__init__()
        self.img_shape, self.method = tuple(xt.shape[1:]), method
        self.xt, self.num_steps, self.v = xt.clone(), num_steps.clone(), nn.Parameter(v.clone())

    def forward(self, images: t.Tensor, num_steps: t.Tensor) -> t.Tensor:
        if self.method == "target":
            question = "You ask the network what it should learn. All that the formula of v holds is given."
            raise Mistake("target asks the network", question)
        if not isinstance(images, t.Tensor) or images.shape[1:] != self.img_shape:
            expected = f"expected shape {tuple(self.xt.shape)}"
            raise Mistake(
                f"the network gets {kind(images)} as images, {expected}",
                "You swap its two arguments, or leave one out.",
            )
        known = (images[:, None] == self.xt).flatten(2).all(dim=2)  # (shown, of the batch)
        if not known.any(dim=1).all():
            question = "You change them on the way. The network knows x_n as it is."
            raise Mistake("the network is shown other images than forward is given", question)
        if not isinstance(num_steps, t.Tensor) or num_steps.shape != images.shape[:1]:
            facts = f"the network gets {kind(num_steps)} as num_steps"
            facts += f", expected one timestep for each of {len(images)} images"
            raise Mistake(facts, "You change num_steps on the way. It's handed on as it came.")
        counts = self.num_steps[known.int().argmax(dim=1)].tolist()
        if num_steps.is_floating_point() or num_steps.tolist() != counts:
            question = "You change num_steps on the way. It's handed on as it came."
            if num_steps.tolist() == [n - 1 for n in counts]:
                question = "You take 1 away. The network knows timesteps, which begin at 1, and no rows."
            facts = f"the network is told the timesteps {[round(n, 2) for n in num_steps.tolist()]}, expected {counts}"
            raise Mistake(facts, question)
        return (known.to(images.dtype) @ self.v.flatten(1)).reshape(images.shape)


@check("3.3", mistakes=TARGET_MISTAKES + FORWARD_MISTAKES + ALPHA_BAR_MISTAKES + PAIR_MISTAKES)
def check_VelocityGuesser(answer: Callable) -> str:
    for method in ("target", "forward"):
        judge_batches(answer, method, "cpu")
    judge_other_schedule(answer)
    judge_gradients(answer)
    judge_device(answer)
    return "v in every number, the noise given back for the right v, one factor for each image, gradients, devices"


def judge_batches(answer: Callable, method: str, device: str) -> None:
    for shape, counts in BATCHES:
        judge_velocity(answer, method, shape, t.tensor(counts, device=device))


def make_guesser(answer: Callable, network: nn.Module, schedule: NoiseSchedule) -> nn.Module:
    try:
        return careful(answer)(network, schedule)
    except TypeError as error:
        if "__init__" in str(error):
            error.add_note(
                "It's made with a network and a noise schedule. Where does its class line name part1.Guesser?"
            )
        raise


def judge_other_schedule(answer: Callable) -> None:
    """Under each seed another one, so that ᾱ has to be looked up."""
    betas = other_betas(len(BETAS))
    schedule, n = schedule_of(betas), t.tensor([4, 1, 3])
    x0, noise = t.randn(2, 3, *Scaling.img_shape)
    a = schedule.alpha_bar(n).reshape(-1, 1, 1, 1)
    model = make_guesser(answer, Scaling(), schedule)
    with t.no_grad():
        results = [careful(model.target)(x0, noise, n), careful(model)(x0, n)]
    for method, result, right in zip(
        ("target", "forward"), results, (v_of(x0, noise, a), noise_of(x0, 0.5 * x0, a)), strict=True
    ):
        if not result.allclose(right, atol=1e-4):
            question = "You write ᾱ down. Where is it looked up in self.noise_schedule?"
            raise Mistake(f"with betas {numbers(t.tensor(betas))}, in {method} {differs(result, right)}", question)


def judge_gradients(answer: Callable) -> None:
    """Nothing is cut off on the way from the images to the guess."""
    model, n = make_guesser(answer, Scaling(), schedule_for()), t.tensor([3, 1])
    facts = "the guess changes with the images, but the gradient at them is another"
    question = "You cut the images off, by detach, .data or no_grad."
    judge_slopes(lambda images: careful(model)(images, n), facts, question, images=t.randn(2, *Scaling.img_shape))


def judge_device(answer: Callable) -> None:
    """All is looked up and computed where the images are."""
    schedule = NoiseSchedule(len(BETAS), "meta", betas=betas_for("meta"))
    model = make_guesser(answer, Scaling("meta"), schedule)
    x, n = t.empty(2, *Scaling.img_shape, device="meta"), t.ones(2, dtype=t.int64, device="meta")
    question = "You leave something on the CPU. The schedule and num_steps are where the images are."
    for method, call in [("target", lambda: model.target(x, x, n)), ("forward", lambda: model(x, n))]:
        facts = f"with all on another device, {method} mixes tensors of two devices"
        with ToTheCPU():
            result = elsewhere(careful(call), facts, question)
        if isinstance(result, t.Tensor) and not result.is_meta:
            raise Mistake(facts, question)
        on_cuda(partial(judge_batches, answer, method), facts, question)


def judge_velocity(answer: Callable, method: str, shape: tuple[int, ...], n: t.Tensor) -> None:
    """One method of a new model, on a batch whose v and noise are known."""
    a, device = alpha_bars(n), n.device.type
    x0, noise = t.randn(2, *shape, device=device)  # x0 leaves [-1, 1], as what a network guesses may
    xt, v = mix(x0, noise, a), v_of(x0, noise, a)
    network, schedule = VelocityOracle(xt, n, v, method), schedule_for(device)
    model = make_guesser(answer, network, schedule)
    for name, given in [("network", network), ("img_shape", network.img_shape), ("noise_schedule", schedule)]:
        if getattr(model, name, None) != given:
            facts = f"its {name} is {kind(getattr(model, name, None))}, not what it was made with"
            raise Mistake(facts, "Where is part1.Guesser, whose __init__ keeps them?")
    if method == "target":
        inputs, right, mistakes = {"x0": x0, "noise": noise, "num_steps": n}, v_of, TARGET_MISTAKES
    else:
        inputs, right, mistakes = {"images": xt, "num_steps": n}, noise_of, FORWARD_MISTAKES
    ask = partial(careful(model.target if method == "target" else model), *inputs.values())
    with unchanged(method, **inputs):
        try:
            result = ask()
        except ValueError as error:
            if "counts steps of noise" in str(error):
                error.add_note("You look up another timestep than num_steps. alpha_bar takes them as they are.")
            raise
        plain = result.detach() if isinstance(result, t.Tensor) else result
        expect_tensor(plain, shape, f"{method}, for images of shape {shape},", device)
    if plain.is_inference():
        facts = f"{method} makes tensors that can't take part in any training"
        raise Mistake(facts, "You compute under t.inference_mode(). The loss needs what is made here.")
    try:
        judge_numbers(plain, method, (x0, noise) if method == "target" else (xt, v), n, right, mistakes)
    except Mistake:
        if not plain.equal(ask()):
            facts = f"asked twice for the same, {method} gives two different answers"
            raise Mistake(facts, "You draw noise in it. All that each formula holds is given.") from None
        raise
    if method == "forward" and not result.requires_grad:
        raise Mistake(
            "forward is right, but no gradient comes back to the network",
            "You cut the gradient off, by no_grad, detach or .data.",
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
    question = recognise(made, lambda values: result.allclose(values, atol=1e-4), of_factors(result, inputs, n, method))
    worst = gap.argmax().item()
    x, y, is_now, should_be = (values.flatten()[worst].item() for values in (*inputs, result, expected))
    count = n[worst // gap[0].numel()].item()
    names = ("x0", "noise") if method == "target" else ("x_n", "v")
    facts = f"{method} at timestep {count}, where {names[0]} is {x:.3f} and {names[1]} is {y:.3f}"
    facts += f",\ngives {apart(is_now, should_be)}"
    raise Mistake(facts, question, given=f"with betas {BETAS}")


def of_factors(result: t.Tensor, inputs: tuple[t.Tensor, t.Tensor], n: t.Tensor, method: str) -> str:
    """What to say if each image is the sum of the right two things, with other factors."""
    found = [factors_of(*each, atol=1e-4) for each in zip(result, *inputs, strict=True)]
    if any(each is None for each in found):
        return ""
    n, factors = n.cpu(), t.stack(found).cpu()
    a = alpha_bars(n).flatten()
    right = t.stack([(1 - a).sqrt() * (-1 if method == "target" else 1), a.sqrt()], dim=1)
    if factors.allclose(right, atol=1e-3):  # what is off is too little to tell by
        return ""
    times, called = factors / right, partial(call_factor, n=n)
    if times[:, 0].allclose(times[:, 1], rtol=1e-3):
        return f"You multiply the whole by {called(times[:, 0])}."
    root = factors[:, 1]
    if (root > 0).all() and factors[:, 0].allclose((1 - root**2).sqrt() * right[:, 0].sign(), atol=1e-3):
        taken = called(root**2)
        return f"You take {taken} for ᾱ." + " Where is it looked up in self.noise_schedule?" * ("ᾱ" not in taken)
    names = ("x0", "the noise") if method == "target" else ("the images", "v")
    said = [
        f"{name} by {called(is_now)}, not by {called(should_be)}"
        for name, is_now, should_be in zip(names, factors.T, right.T, strict=True)
        if not is_now.allclose(should_be, atol=1e-3)
    ]
    return f"You multiply {', and '.join(said)}."


def call_factor(values: t.Tensor, n: t.Tensor) -> str:
    """A factor of each image by its name, or else one of the numbers."""
    signed = [(sign, name, of) for name, of in FACTORS.items() for sign in ("", "-")]
    a = alpha_bars(n).flatten()
    name = next(
        (s + name for s, name, of in signed if values.allclose(of(a) * (-1 if s else 1), rtol=1e-4, atol=1e-5)), ""
    )
    same = values.allclose(values[:1], rtol=1e-3)
    return name or f"{values[0]:.4g}" + f" at timestep {n[0]}" * (not same)
