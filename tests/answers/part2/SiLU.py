import math

import torch as t
import torch.nn.functional as F
from torch import nn

from tests.answers import right, wrong


class _Module(nn.Module):
    def forward(self, x):
        return self.bend(x)


# ------------------------------------------------------------------------------------------------ right


@right
class Product(_Module):
    def bend(self, x):
        return x * t.sigmoid(x)


@right
class Method(_Module):
    def bend(self, x):
        return x.sigmoid() * x


@right
class Functional(_Module):
    def bend(self, x):
        return F.silu(x)


@right
class Layer(nn.Module):
    def __init__(self):
        super().__init__()
        self.sigmoid = nn.Sigmoid()

    def forward(self, x):
        return t.mul(x, self.sigmoid(x))


@right
class Inherited(nn.SiLU):
    pass


@right
class ByTanh(_Module):
    def bend(self, x):
        return x * (1 + t.tanh(x / 2)) / 2


@right
class Clamped(_Module):
    """exp never overflows where its exponent is cut off: the value is 0 there to within float32."""

    def bend(self, x):
        return x / (1 + t.exp((-x).clamp(max=80)))


@right
class ByPieces(_Module):
    def bend(self, x):
        small = t.exp(-x.abs())
        return x * t.where(x >= 0, 1, small) / (1 + small)


@right
class ByLogSigmoid(_Module):
    def bend(self, x):
        return x * F.logsigmoid(x).exp()


@right
class InFloat64(_Module):
    def bend(self, x):
        return (x.double() * x.double().sigmoid()).float()


@right
class OnACopy(_Module):
    def bend(self, x):
        return x.clone().mul_(t.sigmoid(x))


# ------------------------------------------------------------------------------------------------ other functions


@wrong("That is ReLU.")
class ReLU(_Module):
    def bend(self, x):
        return x.clamp(min=0)


@wrong("That is GELU")
class GELU(_Module):
    def bend(self, x):
        return 0.5 * x * (1 + t.erf(x / math.sqrt(2)))


@wrong("That is GELU")
class TanhGELU(_Module):
    def bend(self, x):
        return F.gelu(x, approximate="tanh")


@wrong("That is the sigmoid alone.")
class Sigmoid(_Module):
    def bend(self, x):
        return t.sigmoid(x)


@wrong("Is the sigmoid taken of 1.702 x?")
class QuickGELU(_Module):
    def bend(self, x):
        return x * t.sigmoid(1.702 * x)


@wrong("That is softplus")
class Softplus(_Module):
    def bend(self, x):
        return F.softplus(x)


@wrong("That is tanh.")
class Tanh(_Module):
    def bend(self, x):
        return t.tanh(x)


@wrong("Is x multiplied by its tanh?")
class TanhForSigmoid(_Module):
    def bend(self, x):
        return x * t.tanh(x)


@wrong("That is Mish")
class Mish(_Module):
    def bend(self, x):
        return x * t.tanh(F.softplus(x))


@wrong("Is the sign of the exponent turned round?")
class SignTurned(_Module):
    def bend(self, x):
        return x / (1 + t.exp(x))


@wrong("for x (1001,) it returns inf")
class MinusForPlus(_Module):
    def bend(self, x):
        return x / (1 - t.exp(-x))


@wrong("That is ELU.")
class ELU(_Module):
    def bend(self, x):
        return t.where(x > 0, x, t.exp(x) - 1)


@wrong("That is hardswish")
class Hardswish(_Module):
    def bend(self, x):
        return x * F.relu6(x + 3) / 6


@wrong("Is the sigmoid taken of x · sigmoid(x)?")
class SigmoidTwice(_Module):
    def bend(self, x):
        return t.sigmoid(x * t.sigmoid(x))


@wrong("Is x added to the sigmoid?")
class Added(_Module):
    def bend(self, x):
        return x + t.sigmoid(x)


@wrong("Is x squared?")
class Squared(_Module):
    def bend(self, x):
        return x * (x * t.sigmoid(x))


@wrong("That is the derivative of the sigmoid.")
class Derivative(_Module):
    def bend(self, x):
        return t.sigmoid(x) * (1 - t.sigmoid(x))


@wrong("That is log(sigmoid(x)).")
class LogSigmoid(_Module):
    def bend(self, x):
        return F.logsigmoid(x)


@wrong("That is x as it came.")
class Identity(_Module):
    def bend(self, x):
        return x


@wrong("That is the derivative of SiLU.")
class OwnDerivative(_Module):
    def bend(self, x):
        s = t.sigmoid(x)
        return s + x * s * (1 - s)


@wrong("That is softsign.")
class Softsign(_Module):
    def bend(self, x):
        return x / (1 + x.abs())


@wrong("That is leaky ReLU.")
class LeakyReLU(_Module):
    def bend(self, x):
        return t.where(x > 0, x, 0.01 * x)


@wrong("That is SELU.")
class SELU(_Module):
    def bend(self, x):
        return F.selu(x)


@wrong("That is the hard sigmoid")
class HardSigmoid(_Module):
    def bend(self, x):
        return F.relu6(x + 3) / 6


@wrong("Is the result cut off at 0?")
class CutOffAtZero(_Module):
    def bend(self, x):
        return F.relu(x) * t.sigmoid(x)


@wrong("Is x multiplied by exp(-x)?")
class TimesExp(_Module):
    def bend(self, x):
        return x * t.exp(-x)


@wrong("Is x divided by the sigmoid?")
class Divided(_Module):
    def bend(self, x):
        return x * (1 + t.exp(-x))


@wrong("Is the sign of the result turned round?")
class Negative(_Module):
    def bend(self, x):
        return -x * t.sigmoid(x)


@wrong("Is that a softmax?")
class Softmax(_Module):
    def bend(self, x):
        return x * t.softmax(x, dim=-1)


# ------------------------------------------------------------------------------------------------ other slips


@wrong("is there an exp of your own?")
class GradientOverflows(_Module):
    def bend(self, x):
        return x / (1 + t.exp(-x))


@wrong("for numbers from -200 to 200 it returns nan")
class ValueOverflows(_Module):
    def bend(self, x):
        return x * t.exp(x) / (1 + t.exp(x))


@wrong("at 200, a number is 20.0000, expected 200.0000.\nIs x cut off where it is large?")
class ClampedToo(_Module):
    """exp cannot overflow, but x itself is cut off as well."""

    def bend(self, x):
        x = x.clamp(-20, 20)
        return x / (1 + t.exp(-x))


@wrong("it has numbers to train")
class OwnBeta(nn.Module):
    """Swish with a number of its own."""

    def __init__(self):
        super().__init__()
        self.beta = nn.Parameter(t.ones(1))

    def forward(self, x):
        return x * t.sigmoid(self.beta * x)


@wrong("it changes the x it is given")
class InPlace(_Module):
    def bend(self, x):
        with t.no_grad():
            gate = t.sigmoid(x)
            return x.mul_(gate)


@wrong("You turn gradients off in forward, by no_grad or detach.")
class NoGradient(_Module):
    @t.no_grad()
    def forward(self, x):
        return x * t.sigmoid(x)


@wrong("at -1 its gradient is 0.269, expected 0.072")
class GateDetached(_Module):
    def bend(self, x):
        return x * t.sigmoid(x).detach()


@wrong("returns None.")
class NoReturn(_Module):
    def bend(self, x):
        x * t.sigmoid(x)


@wrong("returns a tensor of shape (), expected shape (1001,)")
class Summed(_Module):
    def bend(self, x):
        return (x * t.sigmoid(x)).sum()


@wrong("it is not a module")
class NoModule:
    def __call__(self, x):
        return x * t.sigmoid(x)
