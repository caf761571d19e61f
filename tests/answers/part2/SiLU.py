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
        return (x.double() * x.double().sigmoid()).to(x.dtype)


@right
class OnACopy(_Module):
    def bend(self, x):
        return x.clone().mul_(t.sigmoid(x))


# ------------------------------------------------------------------------------------------------ other functions


@wrong("You write ReLU.")
class ReLU(_Module):
    def bend(self, x):
        return x.clamp(min=0)


@wrong("You write GELU.")
class GELU(_Module):
    def bend(self, x):
        return 0.5 * x * (1 + t.erf(x / math.sqrt(2)))


@wrong("You write GELU.")
class TanhGELU(_Module):
    def bend(self, x):
        return F.gelu(x, approximate="tanh")


@wrong("You return the sigmoid alone.")
class Sigmoid(_Module):
    def bend(self, x):
        return t.sigmoid(x)


@wrong("You take the sigmoid of 1.702 x, which imitates GELU.")
class QuickGELU(_Module):
    def bend(self, x):
        return x * t.sigmoid(1.702 * x)


@wrong("You write softplus, log(1 + exp(x)).")
class Softplus(_Module):
    def bend(self, x):
        return F.softplus(x)


@wrong("You write tanh.")
class Tanh(_Module):
    def bend(self, x):
        return t.tanh(x)


@wrong("You multiply x by its tanh.")
class TanhForSigmoid(_Module):
    def bend(self, x):
        return x * t.tanh(x)


@wrong("You write Mish, x · tanh(softplus(x)).")
class Mish(_Module):
    def bend(self, x):
        return x * t.tanh(F.softplus(x))


@wrong("You turn the sign of the exponent round.")
class SignTurned(_Module):
    def bend(self, x):
        return x / (1 + t.exp(x))


@wrong("for x (1001,) it returns inf")
class MinusForPlus(_Module):
    def bend(self, x):
        return x / (1 - t.exp(-x))


@wrong("You write ELU.")
class ELU(_Module):
    def bend(self, x):
        return t.where(x > 0, x, t.exp(x) - 1)


@wrong("You write hardswish, which imitates SiLU with straight pieces.")
class Hardswish(_Module):
    def bend(self, x):
        return x * F.relu6(x + 3) / 6


@wrong("You take the sigmoid of x · sigmoid(x).")
class SigmoidTwice(_Module):
    def bend(self, x):
        return t.sigmoid(x * t.sigmoid(x))


@wrong("You add x to the sigmoid.")
class Added(_Module):
    def bend(self, x):
        return x + t.sigmoid(x)


@wrong("You multiply by x twice.")
class Squared(_Module):
    def bend(self, x):
        return x * (x * t.sigmoid(x))


@wrong("You write the derivative of the sigmoid.")
class Derivative(_Module):
    def bend(self, x):
        return t.sigmoid(x) * (1 - t.sigmoid(x))


@wrong("You write log(sigmoid(x)).")
class LogSigmoid(_Module):
    def bend(self, x):
        return F.logsigmoid(x)


@wrong("You return x as it came.")
class Identity(_Module):
    def bend(self, x):
        return x


@wrong("You write the derivative of SiLU.")
class OwnDerivative(_Module):
    def bend(self, x):
        s = t.sigmoid(x)
        return s + x * s * (1 - s)


@wrong("You write softsign.")
class Softsign(_Module):
    def bend(self, x):
        return x / (1 + x.abs())


@wrong("You write leaky ReLU.")
class LeakyReLU(_Module):
    def bend(self, x):
        return t.where(x > 0, x, 0.01 * x)


@wrong("You write SELU.")
class SELU(_Module):
    def bend(self, x):
        return F.selu(x)


@wrong("You write the hard sigmoid, of straight pieces and not multiplied by x.")
class HardSigmoid(_Module):
    def bend(self, x):
        return F.relu6(x + 3) / 6


@wrong("You cut the result off at 0.")
class CutOffAtZero(_Module):
    def bend(self, x):
        return F.relu(x) * t.sigmoid(x)


@wrong("You multiply x by exp(-x).")
class TimesExp(_Module):
    def bend(self, x):
        return x * t.exp(-x)


@wrong("You divide x by the sigmoid.")
class Divided(_Module):
    def bend(self, x):
        return x * (1 + t.exp(-x))


@wrong("You turn the sign of the result round.")
class Negative(_Module):
    def bend(self, x):
        return -x * t.sigmoid(x)


@wrong("You use a softmax.")
class Softmax(_Module):
    def bend(self, x):
        return x * t.softmax(x, dim=-1)


# ------------------------------------------------------------------------------------------------ other slips


@wrong("You use an exp of your own.")
class GradientOverflows(_Module):
    def bend(self, x):
        return x / (1 + t.exp(-x))


@wrong("for numbers from -200 to 200 it returns nan")
class ValueOverflows(_Module):
    def bend(self, x):
        return x * t.exp(x) / (1 + t.exp(x))


@wrong("at 200, a number is 20.0000, expected 200.0000.\nYou cut x off where it is large.")
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


@wrong("You add up, by sum or by @.")
class Summed(_Module):
    def bend(self, x):
        return (x * t.sigmoid(x)).sum()


@wrong("it is not a module")
class NoModule:
    def __call__(self, x):
        return x * t.sigmoid(x)


# ------------------------------------------------------------------------------------------------ once slipped through


@wrong("You turn x into another type.")
class InFloat32(_Module):
    def bend(self, x):
        x = x.float()
        return x * t.sigmoid(x)


@wrong("You turn x into another type.")
class Float64Lost(_Module):
    def bend(self, x):
        return (x.double() * x.double().sigmoid()).float()


@wrong("You call self(...) in forward, which is forward once more.")
class CallsItself(_Module):
    def forward(self, x):
        return x * self(x)


@wrong("IndexError: Dimension out of range (expected to be in range of [-1, 0], but got ")
class BatchedOnly(_Module):
    """A softmax of two numbers is a sigmoid, along an axis that a single number lacks."""

    def bend(self, x):
        return x * t.stack([x, 0 * x], dim=1).softmax(1)[:, 0]


@wrong("Where does it get its axes back?")
class OneNumberAtATime(_Module):
    def bend(self, x):
        return t.tensor([value * math.exp(-max(-value, 0)) / (1 + math.exp(-abs(value))) for value in x.flatten()])


@wrong("You multiply x by the tanh of its half.")
class Halved(_Module):
    def bend(self, x):
        return x * t.tanh(x / 2)


@wrong("You turn x into another type.")
class SigmoidInFloat32(_Module):
    def bend(self, x):
        return x * t.sigmoid(x.float())


@wrong("You make a tensor on the CPU.")
class SigmoidOnTheCPU(_Module):
    def bend(self, x):
        return x * t.sigmoid(x.cpu())


@wrong("You keep x as it is where it is above 0.")
class XAboveZero(_Module):
    def bend(self, x):
        return t.where(x > 0, x, x * t.sigmoid(x))


@wrong("You multiply x by 1.5 in the sigmoid.")
class SteeperSigmoid(_Module):
    def bend(self, x):
        return x * t.sigmoid(1.5 * x)


@wrong("You round the numbers, as half precision does.")
class HalfPrecision(_Module):
    def bend(self, x):
        return (x.half() * t.sigmoid(x.half())).to(x.dtype)


@wrong("You multiply the sigmoid by the size of x, without its sign.")
class WithoutItsSign(_Module):
    def bend(self, x):
        return x.abs() * t.sigmoid(x)


@wrong("You add x once more.")
class WithAShortcut(_Module):
    def bend(self, x):
        return x + x * t.sigmoid(x)


@wrong("You subtract a half from the sigmoid.")
class ThroughTheMiddle(_Module):
    def bend(self, x):
        return x * (t.sigmoid(x) - 0.5)


@wrong("You take the square of the sigmoid.")
class SigmoidSquared(_Module):
    def bend(self, x):
        return F.silu(x) * t.sigmoid(x)


@wrong("You write tanhshrink")
class LessItsTanh(_Module):
    def bend(self, x):
        return x - x.tanh()


@wrong("You write ReLU, squared.")
class SquaredReLU(_Module):
    def bend(self, x):
        return F.relu(x).square()


@wrong("You divide the sigmoid by x.")
class SigmoidOverX(_Module):
    def bend(self, x):
        return t.sigmoid(x) / x
