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


@wrong("You let the frequencies rise.")
class Rising(_Given):
    def make(self, d):
        return 10_000 ** (t.arange(0, d, 2) / d)


@wrong("You stop halfway. Where is the 2 of the exponent, -2i/d?")
class HalfTheExponent(_Given):
    def make(self, d):
        return 10_000 ** (-t.arange(d // 2) / d)


@wrong("You go twice as far as needed.")
class TwiceTheExponent(_Given):
    def make(self, d):
        return 10_000 ** (-2 * t.arange(0, d, 2) / d)


@wrong("Where is the first frequency, 1?")
class FromOne(_Given):
    def make(self, d):
        return 10_000 ** (-2 * (t.arange(d // 2) + 1) / d)


@wrong("You use another base than 10,000.")
class Thousand(_Given):
    def make(self, d):
        return 1000 ** (-t.arange(0, d, 2) / d)


@wrong("Where is the log of 10,000 in the exponent?")
class NoLog(_Given):
    def make(self, d):
        return t.exp(-t.arange(0, d, 2) / d)


@wrong("You space the frequencies evenly.")
class Linear(_Given):
    def make(self, d):
        return t.linspace(1, 1 / 10_000, d // 2)


@wrong("You use the frequencies 1, 2, 3, ….")
class Harmonics(_Given):
    def make(self, d):
        return 1.0 + t.arange(d // 2)


@wrong("You use one frequency for all.")
class OneFrequency(_Given):
    def make(self, d):
        return t.ones(d // 2)


@wrong("You multiply by 2π.")
class TwoPi(_Given):
    def make(self, d):
        return 2 * t.pi * super().make(d)


@wrong("You turn the angles into degrees.")
class Degrees(_Given):
    def make(self, d):
        return super().make(d) * t.pi / 180


@wrong("You divide the timestep by 1000 first.")
class ScaledCount(_Given):
    def forward(self, num_steps):
        return super().forward(num_steps / 1000)


@wrong("You subtract one from the timestep first.")
class FromZero(_Given):
    def forward(self, num_steps):
        return super().forward(num_steps - 1)


@wrong("You use another base than 10,000.")
class HundredThousand(_Given):
    def make(self, d):
        return 100_000 ** (-t.arange(0, d, 2) / d)


@wrong("Where is the first frequency, 1?")
class FromOneToTheEnd(_Given):
    def make(self, d):
        return t.exp(-math.log(10_000) * t.arange(1, d // 2 + 1) / (d // 2 - 1))


@wrong("You take the log of base 10.")
class LogOfBaseTen(_Given):
    def make(self, d):
        return t.exp(-math.log10(10_000) * t.arange(0, d, 2) / d)


@wrong("Where is exp, after the log?")
class NoExp(_Given):
    def make(self, d):
        return -math.log(10_000) * t.arange(d // 2) / (d // 2 - 1)


@wrong("You add one to the timestep first.")
class OneMore(_Given):
    def forward(self, num_steps):
        return super().forward(num_steps + 1)


@wrong("You give a sine and its cosine two frequencies.")
class TwiceTheColumn(_Given):
    """2i / d, where i already counts all columns."""

    def make(self, d):
        return 10_000 ** (-2 * t.arange(d) / d)

    def forward(self, num_steps):
        angles = num_steps[:, None] * self.frequencies
        return t.stack([angles[:, 0::2].sin(), angles[:, 1::2].cos()], dim=2).flatten(1)


# ------------------------------------------------------------------------------------------------ wrong waves


@wrong("Where are the cosines?")
class AllSines(_Given):
    def make(self, d):
        return 10_000 ** (-t.arange(d) / d)

    def forward(self, num_steps):
        return (num_steps[:, None] * self.frequencies).sin()


@wrong("Where are the sines?")
class AllCosines(AllSines):
    def forward(self, num_steps):
        return (num_steps[:, None] * self.frequencies).cos()


@wrong("Where are the cosines?")
class SineTwice(_Given):
    def forward(self, num_steps):
        angles = num_steps[:, None] * self.frequencies
        return t.cat([angles.sin(), angles.sin()], dim=1)


@wrong("Where are the sines?")
class CosineTwice(_Given):
    def forward(self, num_steps):
        angles = num_steps[:, None] * self.frequencies
        return t.cat([angles.cos(), angles.cos()], dim=1)


@wrong("You give a sine and its cosine two frequencies.")
class OddFrequencies(_Given):
    """In the formula 2i is the column; here the cosines take i's of their own."""

    def make(self, d):
        return 10_000 ** (-t.arange(d) / d)

    def forward(self, num_steps):
        angles = num_steps[:, None] * self.frequencies
        return t.cat([angles[:, 0::2].sin(), angles[:, 1::2].cos()], dim=1)


@wrong("You give a sine and its cosine two frequencies.")
class FastSinesSlowCosines(OddFrequencies):
    def forward(self, num_steps):
        fast, slow = (num_steps[:, None] * self.frequencies).chunk(2, dim=1)
        return t.cat([fast.sin(), slow.cos()], dim=1)


@wrong("Where are sin and cos?")
class AnglesAlone(_Given):
    def forward(self, num_steps):
        return (num_steps[:, None] * self.frequencies).repeat(1, 2)


@wrong("You multiply by a root.")
class TimesRoot(_Given):
    def forward(self, num_steps):
        return super().forward(num_steps) * self.size**0.5


@wrong("Where are both sines and cosines, side by side?")
class AddedUp(_Given):
    def forward(self, num_steps):
        angles = num_steps[:, None] * self.frequencies
        return angles.sin() + angles.cos()


@wrong("You use d frequencies.")
class TwiceAsMany(_Given):
    def make(self, d):
        return 10_000 ** (-t.arange(d) / d)


@wrong("You lay the angles out anew by a reshape.")
class Reshaped(_Given):
    def forward(self, num_steps):
        angles = t.outer(self.frequencies, num_steps.float()).reshape(len(num_steps), -1)
        return t.cat([angles.sin(), angles.cos()], dim=1)


@wrong("You add sine and cosine up.")
class Summed(_Given):
    def make(self, d):
        return 10_000 ** (-t.arange(d) / d)

    def forward(self, num_steps):
        angles = num_steps[:, None] * self.frequencies
        return angles.sin() + angles.cos()


@wrong("You put sines and cosines below each other.")
class BelowEachOther(_Given):
    def forward(self, num_steps):
        angles = num_steps[:, None] * self.frequencies
        return t.cat([angles.sin(), angles.cos()])


@wrong("Where are the last two axes made one?")
class Stacked(_Given):
    def forward(self, num_steps):
        angles = num_steps[:, None] * self.frequencies
        return t.stack([angles.sin(), angles.cos()], dim=-1)


@wrong("You swap the axes.")
class Turned(_Given):
    def forward(self, num_steps):
        return super().forward(num_steps).T


# ------------------------------------------------------------------------------------------------ other slips


@wrong("You train the frequencies.")
class Trained(_Given):
    def __init__(self, embedding_size):
        nn.Module.__init__(self)
        if embedding_size % 2:
            raise ValueError("odd")
        self.frequencies = nn.Parameter(self.make(embedding_size))


@wrong("You use a table that is learned, or a Linear layer.")
class LearnedTable(nn.Module):
    def __init__(self, embedding_size):
        super().__init__()
        if embedding_size % 2:
            raise ValueError("odd")
        self.table = nn.Embedding(1001, embedding_size)

    def forward(self, num_steps):
        return self.table(num_steps)


@wrong("You use frequencies of float64, as NumPy makes them.")
class FrequenciesOfNumPy(_Given):
    def make(self, d):
        return t.from_numpy(10_000 ** (-np.arange(0, d, 2) / d))


@wrong("You round the timesteps.")
class Rounded(_Given):
    def forward(self, num_steps):
        return super().forward(num_steps.long())


@wrong("A table knows whole ones alone.")
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


@wrong("RuntimeError: The size of tensor a (11) must match the size of tensor b (4) at n")
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


# ------------------------------------------------------------------------------------------------ once slipped through


@wrong("You round the timesteps, as bfloat16 does.")
class InBfloat16(_Given):
    """As under autocast: above 256, timesteps are rounded."""

    def forward(self, num_steps):
        return super().forward(num_steps.bfloat16().float())


@wrong("You fill every other row, an image, with cosines.")
class SinesAlongTheBatch(_Given):
    """Every other image, and not every other column."""

    def forward(self, num_steps):
        angles = (num_steps[:, None] * self.frequencies).repeat_interleave(2, dim=1)
        out = t.empty_like(angles)
        out[0::2], out[1::2] = angles[0::2].sin(), angles[1::2].cos()
        return out


@wrong("You embed a timestep's place in the batch.")
class PlaceInTheBatch(_Given):
    def forward(self, num_steps):
        return super().forward(t.arange(len(num_steps), device=num_steps.device))


@wrong("You use another base than 10,000.")
class BaseOfTwoThousand(_Given):
    def make(self, d):
        return 2000 ** (-t.arange(0, d, 2) / d)


@wrong("You use another base than 10,000.")
class BaseOfAMillion(_Given):
    def make(self, d):
        return 1e6 ** (-t.arange(0, d, 2) / d)


@wrong("You take away axes of length 1, as squeeze() does.")
class Squeezed(_Given):
    def forward(self, num_steps):
        return super().forward(num_steps).squeeze()


@wrong("You take the first timestep for all.")
class FirstTimestepForAll(_Given):
    def forward(self, num_steps):
        return super().forward(num_steps[:1].expand(len(num_steps)))


@wrong("You multiply the sine by the frequency.")
class SineOfTheTimestep(_Given):
    """The frequencies multiply sines, and not timesteps."""

    def forward(self, num_steps):
        n = num_steps[:, None].float()
        return t.cat([self.frequencies * n.sin(), self.frequencies * n.cos()], dim=1)


@wrong("You divide the timesteps by their largest.")
class TimestepsDivided(_Given):
    def forward(self, num_steps):
        return super().forward(num_steps / num_steps.max())


@wrong("You compute under inference_mode")
class UnderInferenceMode(_Given):
    @t.inference_mode()
    def forward(self, num_steps):
        return super().forward(num_steps)


@wrong("the frequencies are [1, 0.5, 0.25, 0.125], expected [1, 0.1, 0.01, 0.001]")
class PowersOfTwo(_Given):
    def make(self, d):
        return 2.0 ** -t.arange(d // 2)


@wrong("You draw the frequencies at random.")
class RandomFourierFeatures(_Given):
    """As in score-based models."""

    def make(self, d):
        return 16 * t.randn(d // 2)


@wrong("You put the timestep itself beside its waves.")
class TimestepBeside(_Given):
    def forward(self, num_steps):
        return t.cat([num_steps[:, None], super().forward(num_steps)], dim=1)


@wrong("You round down, by //.")
class FloorDivision(_Given):
    def forward(self, num_steps):
        angles = num_steps[:, None] // (10_000 ** (t.arange(0, self.size, 2, device=num_steps.device) / self.size))
        return t.cat([angles.sin(), angles.cos()], dim=1)


@wrong("You turn the sign of a wave round")
class HalfATurn(_Given):
    def forward(self, num_steps):
        angles = num_steps[:, None] * self.frequencies
        return t.cat([angles, angles + t.pi], dim=1).sin()


@wrong("Where do both get an axis to meet?")
class NoAxisAdded(_Given):
    def forward(self, num_steps):
        return (num_steps * self.frequencies).sin()


@wrong("You write out the size of the embedding.")
class SixteenFrequencies(_Given):
    def make(self, d):
        return super().make(32)


@wrong("You round the frequencies, as half precision does.")
class HalfFrequencies(_Given):
    def make(self, d):
        return super().make(d).half().float()


@wrong("You round the frequencies, as half precision does.")
class BrainFrequencies(_Given):
    def make(self, d):
        return super().make(d).bfloat16().float()


class _Waves(_Given):
    """waves: what becomes of the angles and of the two halves."""

    def forward(self, num_steps):
        angles = num_steps[:, None] * self.frequencies
        return self.waves(angles, angles.sin(), angles.cos())


@wrong("You round the angles, as half precision does.")
class HalfAngles(_Waves):
    def waves(self, angles, sines, cosines):
        angles = angles.half().float()
        return t.cat([angles.sin(), angles.cos()], dim=1)


@wrong("You turn the sign of the angles round.")
class Backwards(_Waves):
    def waves(self, angles, sines, cosines):
        return t.cat([-sines, cosines], dim=1)


@wrong("You bring the waves to [0, 1].")
class FromZeroToOne(_Waves):
    def waves(self, angles, sines, cosines):
        return (t.cat([sines, cosines], dim=1) + 1) / 2


@wrong("You divide each embedding by its length.")
class UnitLength(_Waves):
    def waves(self, angles, sines, cosines):
        return nn.functional.normalize(t.cat([sines, cosines], dim=1), dim=1)


@wrong("You take the sine of the frequency")
class SineOfTheFrequency(_Given):
    def forward(self, num_steps):
        return num_steps[:, None] * t.cat([self.frequencies.sin(), self.frequencies.cos()])


@wrong("You multiply sine and cosine with each other.")
class SineTimesCosine(_Waves):
    def waves(self, angles, sines, cosines):
        return t.cat([sines * cosines, cosines], dim=1)


@wrong("You write a tangent.")
class Tangent(_Waves):
    def waves(self, angles, sines, cosines):
        return t.cat([sines, angles.tan()], dim=1)


EQUIVALENT = {
    "the order of sines and cosines is free": [
        "return t.cat([angles.sin(), angles.cos()], dim=1) -> return t.cat([angles.cos(), angles.sin()], dim=1)",
    ],
}
