"""The check of 3.6 bf16_loss.

Nothing here is random: what rounding does to one number is chance, and must not decide about an answer.
"""

import warnings
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from types import SimpleNamespace

import numpy as np
import torch as t
import torch.nn.functional as F
from torch import nn

from solutions.part1_diffusion import NoiseSchedule
from solutions.part3_fashion_mnist import VelocityGuesser, bf16_loss
from tests.checking import (
    Mistake,
    careful,
    check,
    expect_tensor,
    kind,
    mix,
    numbers,
    on_cuda,
    recognise,
    unchanged,
)

SHAPE, COUNTS = (3, 2, 4, 5), [259, 1, 771]  # bfloat16 knows no 259 and no 771
BETAS = t.linspace(0.0001, 0.004, 1000)


def schedule_for(device: str = "cpu") -> NoiseSchedule:
    return NoiseSchedule(len(BETAS), device, BETAS.to(device))


def alpha_bars(num_steps: t.Tensor) -> t.Tensor:
    return schedule_for(num_steps.device.type).alpha_bar(num_steps).reshape(-1, 1, 1, 1)


def mse(one: t.Tensor, other: t.Tensor) -> float:
    return (one.double() - other.double()).square().mean().item()


def as_bf16(x: t.Tensor) -> t.Tensor:
    return x.bfloat16().float()


LOSS_MISTAKES = [  # b: the network's guess, the model's guess of the noise, target, x0, num_steps, noise, noised
    ("You compare the guess with the noise. The network learns model.target.", lambda b: mse(b.guess, b.noise)),
    ("You compare the guess with x0. The network learns model.target.", lambda b: mse(b.guess, b.x0)),
    ("You compare the guess with noised. The network learns model.target.", lambda b: mse(b.guess, b.noised)),
    (
        "You swap x0 and noise on their way to model.target.",
        lambda b: mse(b.guess, b.target_of(b.noise, b.x0, b.num_steps)),
    ),
    (
        "You give model.target noised for x0.",
        lambda b: mse(b.guess, b.target_of(b.noised, b.noise, b.num_steps)),
    ),
    (
        "You give model.target noised for the noise.",
        lambda b: mse(b.guess, b.target_of(b.x0, b.noised, b.num_steps)),
    ),
    (
        "You ask the model, which guesses noise. The target is that of its network.",
        lambda b: mse(b.eps, b.target),
    ),
    (
        "You take Part 1's loss, of the model and the noise, or weigh by ᾱ, which is the same.",
        lambda b: mse(b.eps, b.noise),
    ),
    ("You add the target to the guess. It's taken away.", lambda b: mse(b.guess, -b.target)),
    ("You square twice.", lambda b: (b.guess - b.target).double().pow(4).mean().item()),
    ("Where is the square?", lambda b: (b.guess - b.target).double().mean().item()),
    ("Where is the square?", lambda b: (b.target - b.guess).double().mean().item()),
    ("You square the mean. Each error is squared.", lambda b: (b.guess - b.target).double().mean().item() ** 2),
    ("You take a sum. The loss is a mean.", lambda b: mse(b.guess, b.target) * b.guess.numel()),
    (
        "You add up the losses of the images. The mean of all is asked for.",
        lambda b: mse(b.guess, b.target) * len(b.guess),
    ),
    ("You take the mean over the batch alone.", lambda b: mse(b.guess, b.target) * b.guess[0].numel()),
    ("You take the absolute error. It's squared.", lambda b: F.l1_loss(b.guess, b.target).item()),
    (
        "You take a mix of squared and absolute error. It's squared throughout.",
        lambda b: F.smooth_l1_loss(b.guess, b.target).item(),
    ),
    ("You take a root of the loss.", lambda b: mse(b.guess, b.target) ** 0.5),
    ("You take the length of the error, as norm does.", lambda b: (b.guess - b.target).double().norm().item()),
    ("You halve the loss.", lambda b: mse(b.guess, b.target) / 2),
    (
        "You clip the guess. What the network answers may leave [-1, 1].",
        lambda b: mse(b.guess.clamp(-1, 1), b.target),
    ),
    ("You round the target to bfloat16.", lambda b: mse(b.guess, as_bf16(b.target))),
    (
        "You round x0 and noise to bfloat16.",
        lambda b: mse(b.guess, b.target_of(as_bf16(b.x0), as_bf16(b.noise), b.num_steps)),
    ),
]


class Bf16Network(nn.Module):
    """A convolution, so that its answer has the type it computes in. It refuses what it should not be asked."""

    def __init__(self, inputs: dict[str, t.Tensor]) -> None:
        super().__init__()
        self.img_shape, self.guesses, self.computed_in = SHAPE[1:], [], None
        self.inputs = {name: value.clone() for name, value in inputs.items()}
        self.layer = nn.Conv2d(2, 2, 1, bias=False)
        self.layer.weight.data = t.tensor([[0.503, -0.251], [1.003, 0.747]])[..., None, None]

    def forward(self, images: t.Tensor, num_steps: t.Tensor) -> t.Tensor:
        noised, counts = self.inputs["noised"], self.inputs["num_steps"]
        if self.layer.weight.dtype != t.float32:
            facts = f"the network runs with weights of type {self.layer.weight.dtype}, expected torch.float32"
            raise Mistake(facts, "You cast the model. Autocast leaves the weights as they are.")
        if not isinstance(images, t.Tensor) or images.shape != noised.shape:
            facts = f"the network gets {kind(images)} as images, expected shape {SHAPE}"
            raise Mistake(facts, "You swap its two arguments, or leave one out.")
        if images.dtype != t.float32:
            facts = f"the network gets images of type {images.dtype}, expected torch.float32"
            raise Mistake(facts, "You cast them by hand. Autocast does it where it's needed.")
        if not images.equal(noised):
            shown = next((name for name, value in self.inputs.items() if images.equal(value)), "other images")
            question = "You show it the wrong one of the three. Which one does it see in training?"
            if shown == "other images":
                question = "You change noised on the way, or draw noise anew."
            raise Mistake(f"the network is shown {shown}, expected noised", question)
        if not isinstance(num_steps, t.Tensor) or num_steps.tolist() != counts.tolist():
            told = num_steps.tolist() if isinstance(num_steps, t.Tensor) else num_steps
            question = "You change num_steps on the way. It's handed on as it came."
            if isinstance(num_steps, t.Tensor) and num_steps.equal(counts.to(num_steps.dtype)):
                told = [round(n) for n in num_steps.tolist()]
                question = f"You cast them to {num_steps.dtype}, which holds few digits."
            if told == [n - 1 for n in counts.tolist()]:
                question = "You take 1 away. The network knows timesteps, which begin at 1, and no rows."
            raise Mistake(f"the network is told the timesteps {told}, expected {counts.tolist()}", question)
        guess = self.layer(images)
        self.computed_in = guess.dtype
        if guess.dtype != t.bfloat16:
            question = "Where is the autocast that it's asked in? It's one for the device that noised is on."
            if self.guesses:
                question = "You ask it once more, outside of the with block. Keep its first answer."
            if guess.dtype == t.float16:
                question = "You take the other type of 16 bits. The text takes bfloat16."
            raise Mistake(f"the network computes in {guess.dtype}, expected torch.bfloat16", question)
        self.guesses.append(guess)
        return guess


class Elsewhere(t.Tensor):
    """A tensor that says it is on a GPU, to show on any machine whether a function asks it."""

    device, is_cuda, is_cpu = t.device("cuda"), True, False


class NetworkElsewhere(nn.Module):
    """What is said to be elsewhere must not be asked under the autocast of this CPU."""

    img_shape = SHAPE[1:]

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(t.ones(()).as_subclass(Elsewhere))

    def forward(self, images: t.Tensor, num_steps: t.Tensor) -> t.Tensor:
        if t.is_autocast_enabled("cpu"):
            facts = "noised is on a GPU, and autocast is turned on for the CPU"
            raise Mistake(facts, "You write the name of the device down. noised knows where it is.")
        return images * self.weight


class Bf16Model(VelocityGuesser):
    def target(self, x0: t.Tensor, noise: t.Tensor, num_steps: t.Tensor) -> t.Tensor:
        if t.is_autocast_enabled(noise.device.type):
            raise Mistake(
                "model.target is asked under autocast",
                "You ask it inside of the with block, which ends after the guess.",
            )
        if num_steps.shape != x0.shape[:1]:
            facts = f"model.target gets {kind(num_steps)} as num_steps"
            raise Mistake(facts, "You swap its arguments. They're x0, noise and num_steps.")
        return super().target(x0, noise, num_steps)


@check("3.6", mistakes=LOSS_MISTAKES)
def check_bf16_loss(answer: Callable) -> str:
    judge_loss(answer, "cpu")
    inputs = inputs_on("cpu")
    network = Bf16Network(inputs)
    try:
        t.set_autocast_dtype("cpu", t.float16)  # as it is on a GPU
        loss_of(answer, Bf16Model(network, schedule_for()), inputs, "cpu")
    except Mistake:
        if network.computed_in != t.float16:
            raise
        facts = "where autocast's own type is torch.float16, as on a GPU, the network computes in that"
        raise Mistake(facts, "Where is autocast told which type to take?") from None
    finally:
        t.set_autocast_dtype("cpu", t.bfloat16)
    judge_device(answer)
    return "the network in bfloat16, target and loss in float32, a gradient for every weight, autocast off again"


def inputs_on(device: str) -> dict[str, t.Tensor]:
    draw, n = t.Generator().manual_seed(0), t.tensor(COUNTS, device=device)
    x0, noise = (t.randn(SHAPE, generator=draw).to(device) for _ in range(2))
    a = alpha_bars(n)
    return {"x0": x0, "num_steps": n, "noise": noise, "noised": mix(x0, noise, a)}


def loss_of(answer: Callable, model: nn.Module, inputs: dict[str, t.Tensor], device: str) -> object:
    """What the answer returns; autocast is off before, whatever the session has."""
    try:
        with t.autocast(device, enabled=False):
            result = careful(answer)(model, *inputs.values())
            left_on = t.is_autocast_enabled(device)
    except ValueError as error:
        if "device_type" in str(error):
            error.add_note("3.6 bf16_loss: autocast takes the name of a device, such as noised.device.type.")
        raise
    if left_on:
        raise Mistake("autocast is still on when the function has returned", "Where is it turned off again?")
    return result


def judge_loss(answer: Callable, device: str) -> None:
    inputs = inputs_on(device)
    model = Bf16Model(Bf16Network(inputs), schedule_for(device)).to(device)
    with unchanged(**inputs):
        result = loss_of(answer, model, inputs, device)
    if (asked := len(model.network.guesses)) != 1:
        question = (
            "You ask it again, though its first answer can be kept." if asked else "Where is model.network asked?"
        )
        raise Mistake(f"the network is asked {asked} times, expected once", question)
    if not model.network.layer.weight.equal(Bf16Network(inputs).to(device).layer.weight):
        raise Mistake("the weights of the network have changed", "You round them in place. Autocast works on copies.")
    if not all(module.training for module in model.network.modules()):
        raise Mistake(
            "the network is in eval mode afterwards", "You call eval. All but the numbers' type stays as it is."
        )
    judge_value(result, model)
    judge_gradient(result, model.network)
    twin = Bf16Model(Bf16Network(inputs), schedule_for(device)).to(device)
    bf16_loss(twin, *inputs.values()).backward()
    gradient, right = (each.layer.weight.grad.flatten() for each in (model.network, twin.network))
    if not gradient.allclose(right, rtol=0.02, atol=0.02 * right.abs().max().item()):
        facts = f"the loss is right, but its gradient at the weights is {numbers(gradient)}, expected {numbers(right)}"
        raise Mistake(facts, "You cut a part of the guess off, by detach, .data or no_grad.")


def judge_device(answer: Callable) -> None:
    """Whether the device's name is that of the tensors given, on a machine without a GPU, too."""
    schedule = schedule_for()
    for name, values in list(schedule.named_buffers()):
        setattr(schedule, name, values.as_subclass(Elsewhere))
    inputs = {name: value.as_subclass(Elsewhere) for name, value in inputs_on("cpu").items()}
    with warnings.catch_warnings(action="ignore"), suppress(RuntimeError, TypeError, AssertionError):  # without a GPU
        careful(answer)(VelocityGuesser(NetworkElsewhere(), schedule), *inputs.values())
    question = "You make a tensor on the CPU. All that is given is on one device."
    on_cuda(partial(judge_loss, answer), "with all on another device, tensors of two devices meet", question)


def judge_value(result: object, model: Bf16Model) -> None:
    if isinstance(result, t.Tensor) and result.dtype == t.bfloat16:
        facts = "the loss is of type torch.bfloat16, expected torch.float32"
        raise Mistake(facts, "Where is the guess turned into float32, before it's compared?")
    if isinstance(result, float | np.number):
        raise Mistake(
            f"it returns {kind(result)}, expected one tensor", "You make a plain number of it, which has no gradient."
        )
    if isinstance(result, tuple | list):
        raise Mistake(
            f"it returns {kind(result)}, expected one tensor",
            "You return one thing too many. The training needs the loss alone.",
        )
    if isinstance(result, t.Tensor) and result.ndim:
        raise Mistake(f"it returns {kind(result)}, expected shape ()", "Where is the mean of all squared errors?")
    if isinstance(result, t.Tensor) and result.dtype == t.float64:
        facts = "the loss is of type torch.float64, expected torch.float32"
        raise Mistake(facts, "You return float64. The sum may be done in it, but where is .float() in the end?")
    plain = result.detach() if isinstance(result, t.Tensor) else result
    expect_tensor(plain, (), "it", model.noise_schedule.device.type)
    b = SimpleNamespace(**model.network.inputs, guess=model.network.guesses[0].detach().float())
    b.target_of, a = super(Bf16Model, model).target, alpha_bars(b.num_steps)
    b.target = b.target_of(b.x0, b.noise, b.num_steps)
    b.eps = (1 - a).sqrt() * b.noised + a.sqrt() * b.guess
    expected = mse(b.guess, b.target)

    def fits(mistake: Callable) -> bool:
        return abs(plain.item() - (value := mistake(b))) < 1e-5 * abs(value)

    if not fits(lambda b: expected):
        cast = "You compute the loss in bfloat16, and cast it at the end." if as_bf16(plain) == plain != 0 else ""
        question = recognise(LOSS_MISTAKES, fits, otherwise=cast or of_factor(plain.item() / expected))
        raise Mistake(f"the loss is {plain.item():.6g}, expected {expected:.6g}", question)


def of_factor(ratio: float) -> str:
    """What to ask of a loss that is a multiple of the right one, or a whole part of it."""
    for times, done in [(ratio, "multiply"), (1 / ratio if ratio else 0, "divide")]:
        if times > 1.5 and abs(times - round(times)) < 1e-5 * times:
            scaler = " That's what a GradScaler is for, and bfloat16, with float32's range, needs none." * (times > 200)
            return f"You {done} the loss by {round(times)}.{scaler}"
    return ""


def judge_gradient(result: t.Tensor, network: Bf16Network) -> None:
    weight = network.layer.weight
    if weight.grad is not None:
        raise Mistake("the weights have a gradient already", "You call backward inside. That's left to the training.")
    if result.requires_grad:
        result.backward()
    if weight.grad is None:
        question = "You cut the loss off from the guess, with detach, .data or a tensor made anew."
        if not network.guesses[0].requires_grad:
            question = "You ask the network under no_grad."
            if not weight.requires_grad:
                question = "You freeze the weights. The training needs their gradients."
        raise Mistake("the loss is right, but no gradient goes back to the weights", question)
