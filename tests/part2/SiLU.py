"""The check of 2.2 SiLU."""

from collections.abc import Callable

import torch as t
import torch.nn.functional as F
from torch import nn

from tests.checking import Mistake, check, differs, expect_tensor, recognise, unchanged

SILU_MISTAKES = [
    ("That is ReLU. SiLU multiplies by a sigmoid.", F.relu),
    ("That is GELU, which multiplies by a Gaussian's share.", F.gelu),
    ("That is GELU, which multiplies by a Gaussian's share.", lambda x: F.gelu(x, approximate="tanh")),
    ("That is the sigmoid alone. Is it multiplied by x?", F.sigmoid),
    ("Is the sigmoid taken of 1.702 x? That imitates GELU.", lambda x: x * t.sigmoid(1.702 * x)),
    ("That is softplus, log(1 + exp(x)).", F.softplus),
    ("That is tanh.", t.tanh),
    ("Is x multiplied by its tanh? It is the sigmoid.", lambda x: x * t.tanh(x)),
    ("That is Mish: x · tanh(softplus(x)).", F.mish),
    ("Is the sign of the exponent turned round?", lambda x: x * t.sigmoid(-x)),
    ("That is ELU.", F.elu),
    ("That is hardswish, which imitates SiLU with straight pieces.", F.hardswish),
    ("Is the sigmoid taken of x · sigmoid(x)? Once is enough.", lambda x: t.sigmoid(x * t.sigmoid(x))),
    ("Is x added to the sigmoid? It multiplies.", lambda x: x + t.sigmoid(x)),
    ("Is x squared?", lambda x: x * x * t.sigmoid(x)),
    ("That is the derivative of the sigmoid.", lambda x: t.sigmoid(x) * (1 - t.sigmoid(x))),
    ("That is log(sigmoid(x)).", F.logsigmoid),
    ("That is the derivative of SiLU.", lambda x: t.sigmoid(x) * (1 + x * (1 - t.sigmoid(x)))),
    ("That is softsign.", F.softsign),
    ("That is leaky ReLU.", F.leaky_relu),
    ("That is leaky ReLU.", lambda x: F.leaky_relu(x, 0.1)),
    ("That is leaky ReLU.", lambda x: F.leaky_relu(x, 0.2)),
    ("That is SELU.", F.selu),
    ("That is the hard sigmoid, of straight pieces, and not multiplied by x.", F.hardsigmoid),
    ("Is the result cut off at 0? SiLU goes below.", lambda x: F.silu(x).clamp(min=0)),
    ("Is x multiplied by exp(-x)? The sigmoid is 1 / (1 + exp(-x)).", lambda x: x * (-x).exp()),
    ("Is x divided by the sigmoid? It multiplies.", lambda x: x / t.sigmoid(x)),
    ("Is the sign of the result turned round?", lambda x: -x * t.sigmoid(x)),
    (
        "Is that a softmax? The sigmoid looks at each number by itself.",
        lambda x: x * x.flatten().softmax(0).reshape(x.shape),
    ),
    ("That is x as it came.", lambda x: x),
]


@check("2.2", mistakes=SILU_MISTAKES)
def check_SiLU(answer: Callable) -> str:
    layer = answer()
    if not isinstance(layer, nn.Module):
        raise Mistake("it is not a module", "Where does the class line name nn.Module?")
    if any(p.requires_grad for p in layer.parameters()):
        raise Mistake("it has numbers to train, expected none", "Is x scaled by a number of its own in the sigmoid?")
    for shape in [(1001,), (2, 3, 4, 5), (), (3, 1)]:
        x = t.linspace(-6, 6, 1001) if shape == (1001,) else t.randn(shape)
        with t.no_grad(), unchanged(x=x):
            result = layer(x)
            expect_tensor(result, shape, f"for x {shape} it")
        if not result.allclose(F.silu(x), atol=1e-4):
            facts = f"at {x.flatten()[(result - F.silu(x)).abs().argmax()]:.2f}, {differs(result, F.silu(x))}"
            raise Mistake(facts, recognise(SILU_MISTAKES, lambda f: result.allclose(f(x), atol=1e-3)))
    x = t.tensor([-200.0, -100, -30, -1, 0, 1, 30, 100, 200], requires_grad=True)
    overflow = "e^200 is too large for float32: is there an exp of your own?"
    if layer(x).isnan().any():
        raise Mistake("for numbers from -200 to 200 it returns nan", overflow)
    result, expected = layer(x).detach(), F.silu(x).detach()
    expect_tensor(result, (9,), "for numbers from -200 to 200 it")
    if not result.allclose(expected, atol=1e-4):
        at = (result - expected).abs().argmax()
        raise Mistake(f"at {x[at].item():.0f}, {differs(result, expected)}", "Is x cut off where it is large?")
    if not layer(x).requires_grad:
        raise Mistake("no gradient comes out of it", "You turn gradients off in forward, by no_grad or detach.")
    (mine,) = t.autograd.grad(layer(x).sum(), x)
    (expected,) = t.autograd.grad(F.silu(x).sum(), x)
    if not mine.allclose(expected, atol=1e-4):
        at = (mine - expected).nan_to_num(nan=9).abs().argmax()
        facts = f"at {x[at].item():.0f} its gradient is {mine[at]:.3f}, expected {expected[at]:.3f}"
        raise Mistake(facts, overflow if mine.isnan().any() else "Is a part of it cut off from the graph?")
    return "equal to PyTorch's, for any shape, with gradients, from -200 to 200"
