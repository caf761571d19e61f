import math

import numpy as np
import torch as t
from torch import nn

from tests.answers import right, wrong


class _Given(nn.Module):
    """Right, in parts that an answer overrides."""

    def __init__(self, embedding_size):
        super().__init__()
        if embedding_size % 2:
            raise ValueError("odd")
        self.size = embedding_size
        self.register_buffer("frequencies", self.make(embedding_size))

    def make(self, d):
        return 10_000 ** (-t.arange(0, d, 2) / d)

    def forward(self, num_steps):
        angles = num_steps[:, None] * self.frequencies
        return t.cat([angles.sin(), angles.cos()], dim=1)


# ------------------------------------------------------------------------------------------------ right


@right
class Plain(_Given):
    pass


@right
class CosinesFirst(_Given):
    def forward(self, num_steps):
        angles = t.outer(num_steps.float(), self.frequencies)
        return t.hstack([t.cos(angles), t.sin(angles)])


@right
class Interleaved(_Given):
    def forward(self, num_steps):
        angles = num_steps.unsqueeze(1) * self.frequencies.unsqueeze(0)
        return t.stack([angles.sin(), angles.cos()], dim=2).flatten(1)


@right
class Transformer(_Given):
    def make(self, d):
        return t.exp(t.arange(0, d, 2).float() * (-math.log(10_000) / d))

    def forward(self, num_steps):
        out = t.zeros(len(num_steps), self.size, device=num_steps.device)
        out[:, 0::2] = t.sin(num_steps[:, None] * self.frequencies)
        out[:, 1::2] = t.cos(num_steps[:, None] * self.frequencies)
        return out


@right
class ToOneTenThousandth(_Given):
    """As in DDPM's code: divided by d/2 - 1."""

    def make(self, d):
        half = d // 2
        return t.exp(t.arange(half) * -(math.log(10_000) / (half - 1)))


@right
class MadeInForward(nn.Module):
    def __init__(self, embedding_size):
        super().__init__()
        if embedding_size % 2:
            raise AssertionError("odd")
        self.half = embedding_size // 2  # an attribute, no layer

    def forward(self, num_steps):
        i = t.arange(self.half, device=num_steps.device)
        angles = t.einsum("b,f->bf", num_steps.float(), 10_000 ** (-i / self.half))
        return t.cat((angles.sin(), angles.cos()), -1)


@right
class FrozenParameter(_Given):
    def __init__(self, embedding_size):
        nn.Module.__init__(self)
        if embedding_size % 2:
            raise ValueError("odd")
        self.frequencies = nn.Parameter(self.make(embedding_size), requires_grad=False)


@right
class Logspace(_Given):
    def make(self, d):
        return t.logspace(0, -4 * (d - 2) / d, d // 2)


@right
class AsOneSine(_Given):
    """A cosine is a sine, a quarter of a turn ahead."""

    def forward(self, num_steps):
        angles = num_steps[:, None] * self.frequencies
        return t.cat([angles, angles + math.pi / 2], dim=1).sin()


@right
class InFloat64(_Given):
    def make(self, d):
        return 10_000 ** (-t.arange(0, d, 2, dtype=t.float64) / d)

    def forward(self, num_steps):
        return super().forward(num_steps).float()


@right
class Complex(_Given):
    """Points on the unit circle: cosine and sine are their real and imaginary parts."""

    def forward(self, num_steps):
        angles = num_steps[:, None] * self.frequencies
        return t.view_as_real(t.polar(t.ones_like(angles), angles)).flatten(1)


@right
class ColumnByColumn(nn.Module):
    def __init__(self, embedding_size):
        super().__init__()
        if embedding_size % 2:
            raise ValueError("odd")
        self.size = embedding_size

    def forward(self, num_steps):
        columns = []
        for i in range(self.size // 2):
            angle = num_steps / 10_000 ** (2 * i / self.size)
            columns += [angle.sin(), angle.cos()]
        return t.stack(columns, dim=-1)


# ------------------------------------------------------------------------------------------------ wrong frequencies


@wrong("Do the frequencies rise?")
class Rising(_Given):
    def make(self, d):
        return 10_000 ** (t.arange(0, d, 2) / d)


@wrong("The slowest wave is too fast.")
class HalfTheExponent(_Given):
    def make(self, d):
        return 10_000 ** (-t.arange(d // 2) / d)


@wrong("The slowest wave is too slow.")
class TwiceTheExponent(_Given):
    def make(self, d):
        return 10_000 ** (-2 * t.arange(0, d, 2) / d)


@wrong("The first frequency is missing.")
class FromOne(_Given):
    def make(self, d):
        return 10_000 ** (-2 * (t.arange(d // 2) + 1) / d)


@wrong("The base should be 10,000.")
class Thousand(_Given):
    def make(self, d):
        return 1000 ** (-t.arange(0, d, 2) / d)


@wrong("Is the log of 10,000 missing in the exponent?")
class NoLog(_Given):
    def make(self, d):
        return t.exp(-t.arange(0, d, 2) / d)


@wrong("Are the frequencies evenly spaced?")
class Linear(_Given):
    def make(self, d):
        return t.linspace(1, 1 / 10_000, d // 2)


@wrong("Are the frequencies 1, 2, 3, …?")
class Harmonics(_Given):
    def make(self, d):
        return 1.0 + t.arange(d // 2)


@wrong("Is there one frequency for all? Mind // in the exponent.")
class OneFrequency(_Given):
    def make(self, d):
        return t.ones(d // 2)


@wrong("Is there a 2π too many?")
class TwoPi(_Given):
    def make(self, d):
        return 2 * t.pi * super().make(d)


@wrong("Are the angles in degrees?")
class Degrees(_Given):
    def make(self, d):
        return super().make(d) * t.pi / 180


@wrong("Is the count divided by 1000 first?")
class ScaledCount(_Given):
    def forward(self, num_steps):
        return super().forward(num_steps / 1000)


@wrong("Is one count taken away first?")
class FromZero(_Given):
    def forward(self, num_steps):
        return super().forward(num_steps - 1)


@wrong("The base should be 10,000.")
class HundredThousand(_Given):
    def make(self, d):
        return 100_000 ** (-t.arange(0, d, 2) / d)


@wrong("The first frequency is missing.")
class FromOneToTheEnd(_Given):
    def make(self, d):
        return t.exp(-math.log(10_000) * t.arange(1, d // 2 + 1) / (d // 2 - 1))


@wrong("Is that the log of base 10?")
class LogOfBaseTen(_Given):
    def make(self, d):
        return t.exp(-math.log10(10_000) * t.arange(0, d, 2) / d)


@wrong("Is exp missing, after the log?")
class NoExp(_Given):
    def make(self, d):
        return -math.log(10_000) * t.arange(d // 2) / (d // 2 - 1)


@wrong("Is one count added first?")
class OneMore(_Given):
    def forward(self, num_steps):
        return super().forward(num_steps + 1)


@wrong("A sine and its cosine should have the same frequency.")
class TwiceTheColumn(_Given):
    """2i / d, where i already counts all columns."""

    def make(self, d):
        return 10_000 ** (-2 * t.arange(d) / d)

    def forward(self, num_steps):
        angles = num_steps[:, None] * self.frequencies
        return t.stack([angles[:, 0::2].sin(), angles[:, 1::2].cos()], dim=2).flatten(1)


# ------------------------------------------------------------------------------------------------ wrong waves


@wrong("Is it all sines?")
class AllSines(_Given):
    def make(self, d):
        return 10_000 ** (-t.arange(d) / d)

    def forward(self, num_steps):
        return (num_steps[:, None] * self.frequencies).sin()


@wrong("Is it all cosines?")
class AllCosines(AllSines):
    def forward(self, num_steps):
        return (num_steps[:, None] * self.frequencies).cos()


@wrong("Is it all sines?")
class SineTwice(_Given):
    def forward(self, num_steps):
        angles = num_steps[:, None] * self.frequencies
        return t.cat([angles.sin(), angles.sin()], dim=1)


@wrong("Is it all cosines?")
class CosineTwice(_Given):
    def forward(self, num_steps):
        angles = num_steps[:, None] * self.frequencies
        return t.cat([angles.cos(), angles.cos()], dim=1)


@wrong("A sine and its cosine should have the same frequency.")
class OddFrequencies(_Given):
    """In the formula 2i is the column; here the cosines take i's of their own."""

    def make(self, d):
        return 10_000 ** (-t.arange(d) / d)

    def forward(self, num_steps):
        angles = num_steps[:, None] * self.frequencies
        return t.cat([angles[:, 0::2].sin(), angles[:, 1::2].cos()], dim=1)


@wrong("A sine and its cosine should have the same frequency.")
class FastSinesSlowCosines(OddFrequencies):
    def forward(self, num_steps):
        fast, slow = (num_steps[:, None] * self.frequencies).chunk(2, dim=1)
        return t.cat([fast.sin(), slow.cos()], dim=1)


@wrong("Is sin or cos missing?")
class AnglesAlone(_Given):
    def forward(self, num_steps):
        return (num_steps[:, None] * self.frequencies).repeat(1, 2)


@wrong("Is it multiplied by a root?")
class TimesRoot(_Given):
    def forward(self, num_steps):
        return super().forward(num_steps) * self.size**0.5


@wrong("Are sines and cosines both there, side by side?")
class AddedUp(_Given):
    def forward(self, num_steps):
        angles = num_steps[:, None] * self.frequencies
        return angles.sin() + angles.cos()


@wrong("Are there d frequencies?")
class TwiceAsMany(_Given):
    def make(self, d):
        return 10_000 ** (-t.arange(d) / d)


@wrong("Are the angles laid out anew by a reshape?")
class Reshaped(_Given):
    def forward(self, num_steps):
        angles = t.outer(self.frequencies, num_steps.float()).reshape(len(num_steps), -1)
        return t.cat([angles.sin(), angles.cos()], dim=1)


@wrong("Are sine and cosine added up?")
class Summed(_Given):
    def make(self, d):
        return 10_000 ** (-t.arange(d) / d)

    def forward(self, num_steps):
        angles = num_steps[:, None] * self.frequencies
        return angles.sin() + angles.cos()


@wrong("Do sines and cosines stand below each other?")
class BelowEachOther(_Given):
    def forward(self, num_steps):
        angles = num_steps[:, None] * self.frequencies
        return t.cat([angles.sin(), angles.cos()])


@wrong("Is one axis left to be flattened?")
class Stacked(_Given):
    def forward(self, num_steps):
        angles = num_steps[:, None] * self.frequencies
        return t.stack([angles.sin(), angles.cos()], dim=-1)


@wrong("Which of the two axes belongs to the counts?")
class Turned(_Given):
    def forward(self, num_steps):
        return super().forward(num_steps).T


# ------------------------------------------------------------------------------------------------ other slips


@wrong("Are the frequencies fixed?")
class Trained(_Given):
    def __init__(self, embedding_size):
        nn.Module.__init__(self)
        if embedding_size % 2:
            raise ValueError("odd")
        self.frequencies = nn.Parameter(self.make(embedding_size))


@wrong("Is that a table that is learned, or a Linear layer?")
class LearnedTable(nn.Module):
    def __init__(self, embedding_size):
        super().__init__()
        if embedding_size % 2:
            raise ValueError("odd")
        self.table = nn.Embedding(1001, embedding_size)

    def forward(self, num_steps):
        return self.table(num_steps)


@wrong("Are the frequencies float64?")
class FrequenciesOfNumPy(_Given):
    def make(self, d):
        return t.from_numpy(10_000 ** (-np.arange(0, d, 2) / d))


@wrong("Are the counts rounded?")
class Rounded(_Given):
    def forward(self, num_steps):
        return super().forward(num_steps.long())


@wrong("IndexError: tensors used as indices must be long")
class Table(_Given):
    """Precomputed for whole counts."""

    def forward(self, num_steps):
        return super().forward(t.arange(1001))[num_steps]


@wrong("moved to another device, it mixes tensors of two devices")
class PlainAttribute(_Given):
    def __init__(self, embedding_size):
        nn.Module.__init__(self)
        if embedding_size % 2:
            raise ValueError("odd")
        self.frequencies = self.make(embedding_size)


@wrong("The size of tensor a (10) must match the size of tensor b (4)")
class NoAxis(_Given):
    def forward(self, num_steps):
        angles = num_steps * self.frequencies
        return t.cat([angles.sin(), angles.cos()], dim=1)


@wrong("an embedding_size of 5 raises no error")
class OddAllowed(_Given):
    def __init__(self, embedding_size):
        nn.Module.__init__(self)
        self.register_buffer("frequencies", self.make(embedding_size - embedding_size % 2))


@wrong("returns numbers of type torch.float64")
class NumPy(_Given):
    def forward(self, num_steps):
        angles = num_steps.numpy()[:, None] * 10_000 ** (-np.arange(0, self.size, 2) / self.size)
        return t.from_numpy(np.concatenate([np.sin(angles), np.cos(angles)], axis=1))


@wrong("returns None.")
class NoReturn(_Given):
    def forward(self, num_steps):
        super().forward(num_steps)


# ------------------------------------------------------------------------------------------------ once accepted, or misled


@wrong("?")
class InBfloat16(_Given):
    """As under autocast: above 256, timesteps are rounded."""

    def forward(self, num_steps):
        return super().forward(num_steps.bfloat16().float())


@wrong("?")
class InFloat16(_Given):
    def forward(self, num_steps):
        return super().forward(num_steps.half())


@wrong("?")
class SinesAlongTheBatch(_Given):
    """Every other image, and not every other column."""

    def forward(self, num_steps):
        angles = (num_steps[:, None] * self.frequencies).repeat_interleave(2, dim=1)
        out = t.empty_like(angles)
        out[0::2], out[1::2] = angles[0::2].sin(), angles[1::2].cos()
        return out


@wrong("?")
class PlaceInTheBatch(_Given):
    def forward(self, num_steps):
        return super().forward(t.arange(len(num_steps), device=num_steps.device))


@wrong("?")
class BaseOfTwoThousand(_Given):
    def make(self, d):
        return 2000 ** (-t.arange(0, d, 2) / d)


@wrong("?")
class BaseOfAMillion(_Given):
    def make(self, d):
        return 1e6 ** (-t.arange(0, d, 2) / d)


@wrong("?")
class Squeezed(_Given):
    def forward(self, num_steps):
        return super().forward(num_steps).squeeze()


@wrong("?")
class FirstTimestepForAll(_Given):
    def forward(self, num_steps):
        return super().forward(num_steps[:1].expand(len(num_steps)))


@wrong("?")
class SineOfTheTimestep(_Given):
    """The frequencies multiply sines, and not timesteps."""

    def forward(self, num_steps):
        n = num_steps[:, None].float()
        return t.cat([self.frequencies * n.sin(), self.frequencies * n.cos()], dim=1)


@wrong("?")
class TimestepsDivided(_Given):
    def forward(self, num_steps):
        return super().forward(num_steps / num_steps.max())


@wrong("?")
class CosineMinusOne(_Given):
    def forward(self, num_steps):
        return super().forward(num_steps) - 1


EQUIVALENT = {
    "the order of sines and cosines is free": [
        "return t.cat([angles.sin(), angles.cos()], dim=1) -> return t.cat([angles.cos(), angles.sin()], dim=1)",
    ],
}
