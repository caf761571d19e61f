"""The check of 2.2 SiLU."""

from collections.abc import Callable

import torch as t
import torch.nn.functional as F
from torch import nn

from tests.checking import Mistake, check, differs, expect_tensor, judge_device, recognise, unchanged
from tests.part2.GroupNorm import judge_type

SILU_MISTAKES = [
    ("You write ReLU. SiLU multiplies by a sigmoid.", F.relu),
    ("You write GELU. SiLU multiplies by a sigmoid.", F.gelu),
    ("You write GELU. SiLU multiplies by a sigmoid.", lambda x: F.gelu(x, approximate="tanh")),
    ("You return the sigmoid alone. Where is it multiplied by x?", F.sigmoid),
    ("You take the sigmoid of 1.702 x, which imitates GELU.", lambda x: x * t.sigmoid(1.702 * x)),
    ("You write softplus, log(1 + exp(x)).", F.softplus),
    ("You write tanh.", t.tanh),
    ("You multiply x by its tanh. It is the sigmoid.", lambda x: x * t.tanh(x)),
    ("You write Mish, x · tanh(softplus(x)).", F.mish),
    ("You turn the sign of the exponent round.", lambda x: x * t.sigmoid(-x)),
    ("You write ELU.", F.elu),
    ("You write hardswish, which imitates SiLU with straight pieces.", F.hardswish),
    ("You take the sigmoid of x · sigmoid(x). Once is enough.", lambda x: t.sigmoid(x * t.sigmoid(x))),
    ("You add x to the sigmoid. It multiplies.", lambda x: x + t.sigmoid(x)),
    ("You multiply by x twice.", lambda x: x * x * t.sigmoid(x)),
    ("You write the derivative of the sigmoid.", lambda x: t.sigmoid(x) * (1 - t.sigmoid(x))),
    ("You write log(sigmoid(x)).", F.logsigmoid),
    ("You write the derivative of SiLU.", lambda x: t.sigmoid(x) * (1 + x * (1 - t.sigmoid(x)))),
    ("You write softsign.", F.softsign),
    ("You write leaky ReLU.", F.leaky_relu),
    ("You write leaky ReLU.", lambda x: F.leaky_relu(x, 0.1)),
    ("You write leaky ReLU.", lambda x: F.leaky_relu(x, 0.2)),
    ("You write SELU.", F.selu),
    ("You write the hard sigmoid, of straight pieces and not multiplied by x.", F.hardsigmoid),
    ("You cut the result off at 0. SiLU goes below.", lambda x: F.silu(x).clamp(min=0)),
    ("You multiply x by exp(-x). The sigmoid is 1 / (1 + exp(-x)).", lambda x: x * (-x).exp()),
    ("You divide x by the sigmoid. It multiplies.", lambda x: x / t.sigmoid(x)),
    ("You turn the sign of the result round.", lambda x: -x * t.sigmoid(x)),
    (
        "You use a softmax. The sigmoid looks at each number by itself.",
        lambda x: x * x.flatten().softmax(0).reshape(x.shape),
    ),
    ("You return x as it came.", lambda x: x),
    (
        "You keep x as it is where it is above 0. SiLU is x · sigmoid(x) there, too.",
        lambda x: t.where(x > 0, x, F.silu(x)),
    ),
    ("You multiply the sigmoid by the size of x, without its sign.", lambda x: x.abs() * t.sigmoid(x)),
    ("You add x once more.", lambda x: x + F.silu(x)),
    ("You subtract a half from the sigmoid.", lambda x: x * (t.sigmoid(x) - 0.5)),
    ("You take the square of the sigmoid.", lambda x: x * t.sigmoid(x) ** 2),
    ("You write tanhshrink, x - tanh(x).", F.tanhshrink),
    ("You write ReLU, squared.", lambda x: F.relu(x) ** 2),
    ("You divide the sigmoid by x. x times the sigmoid is asked for.", lambda x: t.sigmoid(x) / x),
    ("You multiply x by the tanh of its half. The sigmoid is (1 + tanh(x / 2)) / 2.", lambda x: x * t.tanh(x / 2)),
]


@check("2.2", mistakes=SILU_MISTAKES)
def check_SiLU(answer: Callable) -> str:
    layer = answer()
    if not isinstance(layer, nn.Module):
        raise Mistake("it is not a module", "Where does the class line name nn.Module?")
    if any(p.requires_grad for p in layer.parameters()):
        raise Mistake(
            "it has numbers to train, expected none", "You scale x in the sigmoid by a number to learn. SiLU has none."
        )
    for shape in [(1001,), (2, 3, 4, 5), (), (3, 1)]:
        x = t.linspace(-6, 6, 1001) if shape == (1001,) else t.randn(shape)
        with t.no_grad(), unchanged(x=x):
            result = layer(x)
            if isinstance(result, t.Tensor) and result.shape == () != shape:
                raise Mistake(f"for x {shape} it returns one number", "You add up, by sum or by @. Each x has its own.")
            expect_tensor(result, shape, f"for x {shape} it")
        if not result.allclose(F.silu(x), atol=1e-4):
            facts = f"at {x.flatten()[(result - F.silu(x)).abs().argmax()]:.2f}, {differs(result, F.silu(x))}"
            question = recognise(SILU_MISTAKES, lambda f: result.allclose(f(x), atol=1e-3))
            raise Mistake(facts, question or why_not_silu(x, result))
    x = t.linspace(-6, 6, 101, dtype=t.float64)
    with t.no_grad():
        judge_type(layer(x), F.silu(x))
    judge_device(answer, (), [t.randn(3)])
    x = t.tensor([-200.0, -100, -30, -1, 0, 1, 30, 100, 200], requires_grad=True)
    overflow = "You use an exp of your own. e^200 is too large for float32."
    if layer(x).isnan().any():
        raise Mistake("for numbers from -200 to 200 it returns nan", overflow)
    result, expected = layer(x).detach(), F.silu(x).detach()
    expect_tensor(result, (9,), "for numbers from -200 to 200 it")
    if not result.allclose(expected, atol=1e-4):
        at = (result - expected).abs().argmax()
        raise Mistake(f"at {x[at].item():.0f}, {differs(result, expected)}", "You cut x off where it is large.")
    if not layer(x).requires_grad:
        raise Mistake("no gradient comes out of it", "You turn gradients off in forward, by no_grad or detach.")
    (mine,) = t.autograd.grad(layer(x).sum(), x)
    (expected,) = t.autograd.grad(F.silu(x).sum(), x)
    if not mine.allclose(expected, atol=1e-4):
        at = (mine - expected).nan_to_num(nan=9).abs().argmax()
        facts = f"at {x[at].item():.0f} its gradient is {mine[at]:.3f}, expected {expected[at]:.3f}"
        raise Mistake(facts, overflow if mine.isnan().any() else "You detach a part of it, or use it under no_grad.")
    return "equal to PyTorch's, for any shape, with gradients, from -200 to 200"


def why_not_silu(x: t.Tensor, result: t.Tensor) -> str:
    """What to say of numbers that are near SiLU's, or SiLU's of another multiple of x."""
    if result.allclose(F.silu(x), rtol=0.01, atol=0.01):
        return "You round the numbers, as half precision does."
    inside = t.logit((result / x).clamp(1e-6, 1 - 1e-6)) / x  # of x · sigmoid(k x), k
    middle = inside[(x.abs() > 0.5) & (x.abs() < 3)]
    if len(middle) > 9 and (middle - middle.mean()).abs().max() < 0.02:
        return f"You multiply x by {middle.mean():.3g} in the sigmoid. It takes x itself."
    return ""
