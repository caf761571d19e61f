"""The check of 1.5 NoiseSchedule.

What each method should give for (betas, n), and what mistakes make of it.
"""

from collections.abc import Callable
from math import prod, sqrt

import torch as t

from solutions.part1_diffusion import linear_schedule
from tests.checking import (
    BETAS,
    Mistake,
    alpha_bar,
    betas_for,
    careful,
    check,
    elsewhere,
    expect_tensor,
    numbers,
    recognise,
    unchanged,
)
from tests.part1.q_eq2 import own_schedule

LOOKUPS = {"beta": lambda b, n: b[n - 1], "alpha": lambda b, n: 1 - b[n - 1], "alpha_bar": alpha_bar}
LOOKUP_MISTAKES = [
    (
        "Counts begin at 1, rows at 0. Is rows used?",
        {name: lambda b, n, f=f: f(b, n + 1) for name, f in LOOKUPS.items()},
    ),
    ("These are the betas. Is a 1 - missing?", {"alpha": LOOKUPS["beta"], "alpha_bar": LOOKUPS["beta"]}),
    (
        "rows gives the row of a count. Is 1 subtracted once more?",
        {name: lambda b, n, f=f: f(b, n - 1 or len(b)) for name, f in LOOKUPS.items()},
    ),
    ("These are the alphas. Is it the right vector?", {"beta": LOOKUPS["alpha"], "alpha_bar": LOOKUPS["alpha"]}),
    ("These are the running products. Is it the right vector?", {"beta": alpha_bar, "alpha": alpha_bar}),
    ("Is β added to 1? What a step keeps is what it does not add.", {"alpha": lambda b, n: 1 + b[n - 1]}),
    ("These are standard deviations. β is a variance.", {"beta": lambda b, n: sqrt(b[n - 1])}),
    (
        "A root is taken. Is that left to Equation 4?",
        {"alpha": lambda b, n: sqrt(1 - b[n - 1]), "alpha_bar": lambda b, n: sqrt(alpha_bar(b, n))},
    ),
    ("These are the shares of noise, 1 - ᾱ.", {"alpha_bar": lambda b, n: 1 - alpha_bar(b, n)}),
    ("Are the alphas added up? ᾱ is a product.", {"alpha_bar": lambda b, n: sum(1 - beta for beta in b[:n])}),
    ("Is the step's own alpha left out of the product?", {"alpha_bar": lambda b, n: alpha_bar(b, n - 1)}),
    ("Is this the product of the betas?", {"alpha_bar": lambda b, n: prod(b[:n])}),
    ("Is this the product of all alphas, for each count?", {"alpha_bar": lambda b, n: alpha_bar(b, len(b))}),
    ("Is the product taken from the last alpha on?", {"alpha_bar": lambda b, n: prod(1 - beta for beta in b[n - 1 :])}),
    ("Is one alpha taken n times? Each step has its own.", {"alpha_bar": lambda b, n: (1 - b[n - 1]) ** n}),
    ("Are the betas added up? ᾱ is a product.", {"alpha_bar": lambda b, n: 1 - sum(b[:n])}),
    (
        "Are the betas that are given used?",
        {name: lambda b, n, f=f: f(linear_schedule(len(b)).tolist(), n) for name, f in LOOKUPS.items()},
    ),
]


def judge_lookup(schedule: object, name: str) -> None:
    """One method, asked for every count by itself."""
    lookup, right, given = getattr(schedule, name), LOOKUPS[name], []
    expected = [right(BETAS, n) for n in range(1, len(BETAS) + 1)]
    for n in range(1, len(BETAS) + 1):
        try:
            result = lookup(n)
        except IndexError as error:
            if "tensor of dimension 0" in str(error) or "0-dim" in str(error):
                question = "Is that prod, the product of all? cumprod keeps each product on the way."
                raise Mistake(f"{name}({n}) looks for a row in a single number, expected a vector", question) from None
            if not given or t.tensor(given).allclose(t.tensor(expected[: n - 1]), atol=1e-5):
                raise
            break  # a row beyond the end: what came before tells why
        shape = () if isinstance(result, t.Tensor) and result.ndim == 0 else (1,)
        expect_tensor(result, shape, f"{name}({n})")
        if result.is_inference():
            raise Mistake(f"{name}({n}) cannot take part in training", "Is there an inference_mode? no_grad would do.")
        given.append(result.item())
    if t.tensor(given).allclose(t.tensor(expected[: len(given)]), atol=1e-5):
        return
    known = min(len(given), len(BETAS) - 1)  # at the last count, some mistakes run out of rows

    def fits(mistake: dict[str, Callable]) -> bool:
        made = [mistake[name](BETAS, n) for n in range(1, known + 1)] if name in mistake else []
        return bool(made) and t.tensor(given[:known]).allclose(t.tensor(made), atol=1e-5)

    facts = f"{name} gives {numbers(t.tensor(given))} for counts 1 to {len(given)},"
    facts += f"\nexpected {numbers(t.tensor(expected[: len(given)]))}"
    raise Mistake(facts, recognise(LOOKUP_MISTAKES, fits), given=f"with betas {BETAS}")


@check("1.5", mistakes=LOOKUP_MISTAKES)
def check_NoiseSchedule(answer: Callable) -> str:
    T, betas = len(BETAS), betas_for()
    with unchanged(betas=betas):
        schedule = careful(answer)(T, "cpu", betas=betas)
        judge_contents(schedule, T)
    other = answer(T, "cpu")
    other.load_state_dict(schedule.state_dict())
    if not other.alpha_bar(T).float().allclose(schedule.alpha_bar(T)):
        facts = "what is saved and loaded again gives another ᾱ"
        if list(schedule.buffers()) and not schedule.state_dict():
            raise Mistake(facts, "Nothing is saved: are the buffers persistent?")
        raise Mistake(facts, "Are all vectors buffers, not plain attributes?")
    judge_moved(answer, T)
    if not answer(200, "cpu").alpha_bar(200).allclose(t.tensor(alpha_bar(own_schedule(200)([], 200), 200)), rtol=1e-3):
        raise Mistake("without betas, ᾱ is not that of linear_schedule(max_steps)", "Is betas used where it is None?")
    return "β, α, ᾱ, counts and batches of them, both ends, saved and moved with the module"


def judge_contents(schedule: t.nn.Module, T: int) -> None:
    """What the methods give, and that there are buffers alone."""
    if not isinstance(schedule, t.nn.Module):
        raise Mistake("it is not a module", "Does the class line still say nn.Module?")
    if not [*schedule.buffers(), *schedule.parameters()]:  # without any, even the given device would fail
        question = "Are the vectors plain attributes? Buffers alone move with the module and are saved with it."
        raise Mistake("it holds no buffers", question)
    if len(schedule) != T:
        raise Mistake(f"len gives {len(schedule)}, expected {T}")
    for name, right in LOOKUPS.items():
        judge_lookup(schedule, name)
        counts = t.tensor([4, 1, 1, 3, 2])
        result = getattr(schedule, name)(counts)
        expect_tensor(result, (5,), f"{name} of 5 counts")
        if not result.allclose(t.tensor([right(BETAS, n) for n in counts.tolist()]), atol=1e-5):
            facts = f"{name}(t.tensor({counts.tolist()})) is {numbers(result)},"
            facts += "\nwhich is not what the counts give singly"
            raise Mistake(facts, "Does each count get its own row, in the order of the counts?")
    if list(schedule.parameters()):
        raise Mistake("it has parameters, which training would change", "Should they be buffers?")


def judge_moved(answer: Callable, T: int) -> None:
    """It is made on the device asked for, and goes where the module is moved."""
    facts, question = "{} stays behind when the module is moved by .to(device)", "Is it a buffer, or a plain attribute?"
    for name in LOOKUPS:
        moved = elsewhere(lambda: answer(T, "cpu").to("meta"), facts.format(name), question)
        result = elsewhere(lambda name=name: getattr(moved, name)(1), facts.format(name), question)
        if isinstance(result, t.Tensor) and not result.is_meta:
            raise Mistake(facts.format(name), question)
    facts, question = "with device='meta', alpha_bar(1) is on the CPU", "Is device used?"
    two = "with device='meta', tensors of two devices meet"
    result = elsewhere(lambda: answer(T, "meta").alpha_bar(1), two, question)
    if isinstance(result, t.Tensor) and not result.is_meta:
        raise Mistake(facts, question)
    if t.cuda.is_available() and not answer(T, "cuda").alpha_bar(1).is_cuda:
        raise Mistake("with device='cuda', alpha_bar(1) is on the CPU", question)
