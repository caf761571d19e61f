"""The check of 1.5 NoiseSchedule.

What each method should give for (betas, n), and what mistakes make of it.
"""

from collections.abc import Callable
from math import exp, prod, sqrt

import torch as t

from solutions.part1_diffusion import linear_schedule
from tests.checking import (
    BETAS,
    TWO_DEVICES,
    Mistake,
    alpha_bar,
    betas_for,
    careful,
    check,
    elsewhere,
    expect_tensor,
    judge_given,
    kind,
    name_of,
    numbers,
    other_betas,
    recognise,
    unchanged,
)
from tests.part1.q_eq2 import own_schedule

LOOKUPS = {"beta": lambda b, n: b[n - 1], "alpha": lambda b, n: 1 - b[n - 1], "alpha_bar": alpha_bar}
LOOKUP_MISTAKES = [
    (
        "You look one index late. Timesteps begin at 1, indices at 0, and rows turns one into the other.",
        {name: lambda b, n, f=f: f(b, n + 1) for name, f in LOOKUPS.items()},
    ),
    ("You give the betas. Where is 1 -?", {"alpha": LOOKUPS["beta"], "alpha_bar": LOOKUPS["beta"]}),
    (
        "You subtract 1 once more. rows gives indices already.",
        {name: lambda b, n, f=f: f(b, n - 1 or len(b)) for name, f in LOOKUPS.items()},
    ),
    ("You give the alphas, another of the three vectors.", {"beta": LOOKUPS["alpha"], "alpha_bar": LOOKUPS["alpha"]}),
    ("You give the running products, another of the three vectors.", {"beta": alpha_bar, "alpha": alpha_bar}),
    ("You add β to 1. What a step keeps is what it does not add.", {"alpha": lambda b, n: 1 + b[n - 1]}),
    ("You give standard deviations. β is a variance.", {"beta": lambda b, n: sqrt(b[n - 1])}),
    (
        "You take a root. That is left to Equation 4.",
        {"alpha": lambda b, n: sqrt(1 - b[n - 1]), "alpha_bar": lambda b, n: sqrt(alpha_bar(b, n))},
    ),
    ("You give the shares of noise, 1 - ᾱ.", {"alpha_bar": lambda b, n: 1 - alpha_bar(b, n)}),
    ("You add the alphas up. ᾱ is a product.", {"alpha_bar": lambda b, n: sum(1 - beta for beta in b[:n])}),
    ("You leave the step's own alpha out of the product.", {"alpha_bar": lambda b, n: alpha_bar(b, n - 1)}),
    ("You multiply the betas. ᾱ multiplies the alphas.", {"alpha_bar": lambda b, n: prod(b[:n])}),
    ("You multiply all alphas, whatever the timestep.", {"alpha_bar": lambda b, n: alpha_bar(b, len(b))}),
    ("You take the product from the last alpha on.", {"alpha_bar": lambda b, n: prod(1 - beta for beta in b[n - 1 :])}),
    ("You take one alpha n times. Each step has its own.", {"alpha_bar": lambda b, n: (1 - b[n - 1]) ** n}),
    ("You add the betas up. ᾱ is a product.", {"alpha_bar": lambda b, n: 1 - sum(b[:n])}),
    (
        "You take e to the power of minus all betas. That is near ᾱ for small β only.",
        {"alpha_bar": lambda b, n: exp(-sum(b[:n]))},
    ),
    ("You multiply the betas. ᾱ multiplies the alphas.", {"alpha_bar": lambda b, n: 1 - prod(b[:n])}),
    ("You subtract 1 from β. α is 1 - β.", {"alpha": lambda b, n: b[n - 1] - 1}),
    ("You turn the schedule round.", {name: lambda b, n, f=f: f(b[::-1], n) for name, f in LOOKUPS.items()}),
    *[
        (
            "You use a schedule of your own. Where are the betas that are given?",
            {
                name: lambda b, n, f=f, length=length: f(linear_schedule(length or len(b)).tolist(), n)
                for name, f in LOOKUPS.items()
            },
        )
        for length in (0, 200, 1000)
    ],
]


def judge_lookup(schedule: object, name: str) -> None:
    """One method, asked for every timestep by itself."""
    lookup, right, given = getattr(schedule, name), LOOKUPS[name], []
    if not callable(lookup):
        facts = f"schedule.{name} is {kind(lookup)}, expected a method"
        raise Mistake(
            facts, f"You store something as self.{name}, which hides the method. Which names does the class declare?"
        )
    expected = [right(BETAS, n) for n in range(1, len(BETAS) + 1)]
    for n in range(1, len(BETAS) + 1):
        try:
            result = lookup(n)
        except (IndexError, ValueError) as error:
            if n == 1 and "num_steps counts" in str(error):
                facts = f"{name}(1) is refused, as if it were timestep 0"
                raise Mistake(facts, "You subtract 1 before rows, which subtracts it itself.") from None
            if "tensor of dimension 0" in str(error) or "0-dim" in str(error):
                question = "You take prod, the product of all. cumprod keeps each product on the way."
                raise Mistake(f"{name}({n}) looks for a row in a single number, expected a vector", question) from None
            if not given or t.tensor(given).allclose(t.tensor(expected[: n - 1]), atol=1e-5):
                raise
            break  # a row beyond the end: what came before tells why
        shape = () if isinstance(result, t.Tensor) and result.ndim == 0 else (1,)
        if isinstance(result, t.Tensor) and tuple(result.shape) in {(len(BETAS),), (n,)} - {(1,)}:
            facts = f"{name}({n}) returns {kind(result)}, expected shape (1,)"
            raise Mistake(facts, "You return many entries. Which one is this timestep's?")
        expect_tensor(result, shape, f"{name}({n})")
        if result.is_inference():
            raise Mistake(
                f"{name}({n}) cannot take part in training",
                "You look it up in inference_mode. Nothing here needs that.",
            )
        given.append(result.item())
    if t.tensor(given).allclose(t.tensor(expected[: len(given)]), atol=1e-5):
        return
    known = min(len(given), len(BETAS) - 1)  # at the last count, some mistakes run out of rows

    def fits(mistake: dict[str, Callable]) -> bool:
        made = [mistake[name](BETAS, n) for n in range(1, known + 1)] if name in mistake else []
        return bool(made) and t.tensor(given[:known]).allclose(t.tensor(made), atol=1e-5)

    values, wanted = t.tensor(given), t.tensor(expected[: len(given)])
    facts = (
        f"{name} gives {numbers(values, wanted)} for timesteps 1 to {len(given)},\nexpected {numbers(wanted, values)}"
    )
    rounded = "You round, or compute in half precision." if values.allclose(wanted, rtol=1e-2) else ""
    question, memory = recognise(LOOKUP_MISTAKES, fits, rounded), pointers(schedule)
    named = "" if question or len(given) < len(BETAS) else name_of(dict(enumerate(given, start=1)))
    question = f"You give {named}." if named else question
    if "another of the three vectors" in question and len({*memory}) < len(memory):
        question = "You write one of the three vectors over another, in place."
    raise Mistake(facts, question, given=f"with betas {BETAS}")


def pointers(schedule: t.nn.Module) -> list[int]:
    """Where the numbers of each buffer are in memory."""
    return [buffer.data_ptr() for _, buffer in schedule.named_buffers(remove_duplicate=False)]


@check("1.5", mistakes=LOOKUP_MISTAKES)
def check_NoiseSchedule(answer: Callable) -> str:
    T, betas = len(BETAS), betas_for()
    with unchanged(betas=betas):
        schedule = careful(answer)(T, "cpu", betas=betas)
        judge_contents(schedule, T)
    other = answer(T, "cpu")
    other.load_state_dict(schedule.state_dict())
    for name in LOOKUPS:
        if not getattr(other, name)(2).allclose(getattr(schedule, name)(2)):
            facts = f"what is saved and loaded again gives another {name}"
            if list(schedule.buffers()) and not schedule.state_dict():
                raise Mistake(facts, "You save nothing: the buffers are not persistent.")
            question = "You keep a vector that is not saved: a plain attribute, or a buffer that is not persistent."
            raise Mistake(facts, question)
    judge_moved(answer, T)
    if not answer(200, "cpu").alpha_bar(200).allclose(t.tensor(alpha_bar(own_schedule(200)([], 200), 200)), rtol=1e-3):
        question = "You leave linear_schedule out, or change it. Where is betas, if none are given?"
        raise Mistake("without betas, ᾱ is not that of linear_schedule(max_steps)", question)
    judge_other_betas(careful(answer))
    return "β, α, ᾱ, timesteps and batches of them, both ends, saved and moved with the module"


def judge_other_betas(answer: Callable) -> None:
    """Another schedule, too long for half precision to tell its timesteps."""
    betas, steps = other_betas(300), t.tensor([1, 258, 266, 289])
    schedule = answer(len(betas), "cpu", betas=t.tensor(betas) / 30)
    for name, right in LOOKUPS.items():
        result, expected = (
            getattr(schedule, name)(steps),
            [right([beta / 30 for beta in betas], n) for n in steps.tolist()],
        )
        if not result.allclose(t.tensor(expected), rtol=1e-3):
            facts = f"it is right for 4 betas, but for 300 {name} gives {numbers(result, t.tensor(expected))}"
            facts += f" at timesteps {steps.tolist()},\nexpected {numbers(t.tensor(expected), result)}"
            raise Mistake(facts, "You write something out, or look it up by rounded timesteps.")


def judge_contents(schedule: t.nn.Module, T: int) -> None:
    """What the methods give, and that there are buffers alone."""
    if not isinstance(schedule, t.nn.Module):
        raise Mistake("it is not a module", "Where does the class line say nn.Module?")
    parameters = "it has parameters, which training would change"
    learned = "You make parameters of them. What is not trained is a buffer."
    if not list(schedule.buffers()):  # without any, even the given device would fail
        if list(schedule.parameters()):
            raise Mistake(parameters, learned)
        question = "You keep the vectors as plain attributes. Buffers alone move with the module and are saved with it."
        raise Mistake("it holds no buffers", question)
    if len(schedule) != T:
        raise Mistake(
            f"len gives {len(schedule)}, expected {T}", "You change __len__ or self.max_steps, which are given."
        )
    for name, right in LOOKUPS.items():
        judge_lookup(schedule, name)
        steps = t.tensor([4, 1, 1, 3, 2])
        result = getattr(schedule, name)(steps)
        if isinstance(result, t.Tensor) and result.numel() == 1:
            facts = f"{name} of 5 timesteps returns {kind(result)}, expected shape (5,)"
            raise Mistake(facts, "You look one of them up for all. Each timestep has its own entry.")
        expect_tensor(result, (5,), f"{name} of 5 timesteps")
        if not result.allclose(t.tensor([right(BETAS, n) for n in steps.tolist()]), atol=1e-5):
            facts = f"{name}(t.tensor({steps.tolist()})) is {numbers(result)},"
            facts += "\nwhich is not what the timesteps give singly"
            raise Mistake(facts, "You mix them up. Each timestep has its own index, in their order.")
        expect_tensor(getattr(schedule, name)(t.tensor([3])), (1,), f"{name} of a batch of one timestep")
        judge_outside(schedule, name, T)
    judge_given(schedule, max_steps=T)
    if list(schedule.parameters()):
        raise Mistake(parameters, learned)


def judge_outside(schedule: t.nn.Module, name: str, T: int) -> None:
    """There is no timestep 0 or T + 1: neither is the last one, which Python's index -1 makes of 0, or any other."""
    known = t.tensor([LOOKUPS[name](BETAS, n) for n in range(1, T + 1)])
    for n in (0, T + 1):
        try:
            other = getattr(schedule, name)(n)
        except NotImplementedError:
            raise
        except Exception:
            continue
        if isinstance(other, t.Tensor) and other.numel() == 1 and (known - other.item()).abs().min() < 1e-5:
            of = "the last" if abs(other.item() - known[-1]) < 1e-5 else "another"
            question = "You make another timestep of it. Where is rows, which knows the timesteps that there are?"
            if n == 0 and of == "the last":
                question = "You take index -1. Where is rows, which knows the timesteps that there are?"
            raise Mistake(f"{name}({n}) gives that of {of} timestep, expected an error", question)


def judge_moved(answer: Callable, T: int) -> None:
    """It is made on the device asked for, and goes where the module is moved."""
    facts = "{} stays behind when the module is moved by .to(device)"
    question = "You keep it as a plain attribute, or bring it to the CPU. A buffer moves along."
    away = (*TWO_DEVICES, "copy out of meta")  # a lookup has no reason to bring anything elsewhere
    for name in LOOKUPS:
        moved = elsewhere(lambda: answer(T, "cpu").to("meta"), facts.format(name), question)
        if moved is not None:
            result = elsewhere(lambda name=name: getattr(moved, name)(1), facts.format(name), question, away)
            if isinstance(result, t.Tensor) and not result.is_meta:
                raise Mistake(facts.format(name), question)
    question = "You leave something on the CPU. Where is device?"
    for name in LOOKUPS:
        two = f"with device='meta', {name}(1) meets tensors of two devices"
        result = elsewhere(lambda name=name: getattr(answer(T, "meta"), name)(1), two, question)
        if isinstance(result, t.Tensor) and not result.is_meta:
            raise Mistake(f"with device='meta', {name}(1) is on the CPU", question)
        if t.cuda.is_available() and not getattr(answer(T, "cuda"), name)(1).is_cuda:
            raise Mistake(f"with device='cuda', {name}(1) is on the CPU", question)
