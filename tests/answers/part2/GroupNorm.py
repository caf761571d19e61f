import torch as t
import torch.nn.functional as F
from einops import rearrange
from torch import nn

from tests.answers import right, wrong


class _Given(nn.Module):
    """Right, in parts that an answer overrides."""

    def __init__(self, num_groups, num_channels, eps=1e-5, affine=True, device=None, dtype=None):
        super().__init__()
        if num_channels % num_groups:
            raise ValueError("no equal groups")
        self.num_groups, self.num_channels, self.eps = num_groups, num_channels, eps
        self.make(num_channels, affine, {"device": device, "dtype": dtype})

    def make(self, num_channels, affine, where):
        self.weight = nn.Parameter(t.ones(num_channels, **where)) if affine else None
        self.bias = nn.Parameter(t.zeros(num_channels, **where)) if affine else None

    def forward(self, x):
        groups = rearrange(x, "b (g c) h w -> b g (c h w)", g=self.num_groups)
        return self.affine(self.scaled(groups).reshape(x.shape))

    def scaled(self, groups):
        return (groups - groups.mean(-1, keepdim=True)) / self.divisor(groups.var(-1, keepdim=True, correction=0))

    def divisor(self, var):
        return (var + self.eps).sqrt()

    def affine(self, x):
        return x if self.weight is None else x * self.weight[:, None, None] + self.bias[:, None, None]


# ------------------------------------------------------------------------------------------------ right


@right
class InParts(_Given):
    pass


@right
class Functional(_Given):
    def forward(self, x):
        return F.group_norm(x, self.num_groups, self.weight, self.bias, self.eps)


@right
class Inherited(nn.GroupNorm):
    pass


@right
class Viewed(_Given):
    def forward(self, x):
        B, C, H, W = x.shape
        x = x.contiguous().view(B, self.num_groups, -1)
        mean, var = x.mean(dim=2, keepdim=True), x.var(dim=2, keepdim=True, unbiased=False)
        return self.affine(((x - mean) * t.rsqrt(var + self.eps)).view(B, C, H, W))


@right
class FiveAxes(_Given):
    def forward(self, x):
        groups = x.unflatten(1, (self.num_groups, -1))
        var, mean = t.var_mean(groups, dim=(2, 3, 4), keepdim=True, correction=0)
        return self.affine(((groups - mean) / self.divisor(var)).flatten(1, 2))


@right
class GroupByGroup(_Given):
    def forward(self, x):
        done = []
        for group in x.chunk(self.num_groups, dim=1):
            mean = group.mean(dim=(1, 2, 3), keepdim=True)
            var = ((group - mean) ** 2).mean(dim=(1, 2, 3), keepdim=True)
            done.append((group - mean) / t.sqrt(var + self.eps))
        return self.affine(t.cat(done, dim=1))


@right
class MeanOfSquares(_Given):
    def scaled(self, groups):
        mean = groups.mean(-1, keepdim=True)
        return (groups - mean) / self.divisor((groups**2).mean(-1, keepdim=True) - mean**2)


@right
class RegisteredAsNone(_Given):
    def make(self, num_channels, affine, where):
        for name, value in [("weight", 1.0), ("bias", 0.0)]:
            self.register_parameter(name, nn.Parameter(t.full((num_channels,), value, **where)) if affine else None)


@right
class LayerNormOfGroups(_Given):
    """Each group as a row of layer norm."""

    def scaled(self, groups):
        return F.layer_norm(groups, groups.shape[-1:], eps=self.eps)


@right
class BatchNormOfGroups(_Given):
    """Batch norm, with the groups of all images as its channels."""

    def scaled(self, groups):
        rows = groups.reshape(1, -1, groups.shape[-1])
        return F.batch_norm(rows, None, None, training=True, eps=self.eps).reshape(groups.shape)


@right
class ImageByImage(_Given):
    def forward(self, x):
        size = x.shape[1] // self.num_groups
        done = x.clone()
        for i in range(len(x)):
            for g in range(self.num_groups):
                group = x[i, g * size : (g + 1) * size]
                std = (group.var(correction=0) + self.eps) ** 0.5
                done[i, g * size : (g + 1) * size] = (group - group.mean()) / std
        return self.affine(done)


@right
class InFloat64(_Given):
    def scaled(self, groups):
        return super().scaled(groups.double()).to(groups.dtype)

    def affine(self, x):
        return x if self.weight is None else t.einsum("bchw,c->bchw", x, self.weight) + self.bias.view(1, -1, 1, 1)


# ------------------------------------------------------------------------------------------------ wrong statistics


@wrong("You divide the variance by n - 1.")
class Unbiased(_Given):
    def scaled(self, groups):
        return (groups - groups.mean(-1, keepdim=True)) / self.divisor(groups.var(-1, keepdim=True))


@wrong("Where is the root? x is divided by the standard deviation.")
class NoRoot(_Given):
    def divisor(self, var):
        return var + self.eps


@wrong("You add eps to the standard deviation.")
class EpsOutsideTheRoot(_Given):
    def divisor(self, var):
        return var.sqrt() + self.eps


@wrong("You add eps to the standard deviation, and divide the variance by n - 1.")
class StdPlusEps(_Given):
    def scaled(self, groups):
        return (groups - groups.mean(-1, keepdim=True)) / (groups.std(-1, keepdim=True) + self.eps)


@wrong("Where is the eps that the constructor gets?")
class EpsFixed(_Given):
    def divisor(self, var):
        return (var + 1e-5).sqrt()


@wrong("Where is the eps that the constructor gets?")
class NoEps(_Given):
    def divisor(self, var):
        return var.sqrt()


@wrong("You square eps.")
class EpsSquared(_Given):
    def divisor(self, var):
        return (var + self.eps**2).sqrt()


@wrong("Where is the mean subtracted?")
class NoMean(_Given):
    def scaled(self, groups):
        return groups / self.divisor(groups.var(-1, keepdim=True, correction=0))


@wrong("Where is it divided by the standard deviation? The variance becomes 1.")
class OnlyCentred(_Given):
    def divisor(self, var):
        return 1


@wrong("You multiply by the standard deviation.")
class Multiplied(_Given):
    def divisor(self, var):
        return 1 / (var + self.eps).sqrt()


@wrong("Where are the mean and the standard deviation used?")
class OnlyAffine(_Given):
    def forward(self, x):
        return self.affine(x)


@wrong("You add eps at the very end.")
class EpsAtTheEnd(_Given):
    def scaled(self, groups):
        std = groups.std(-1, keepdim=True, correction=0)
        return (groups - groups.mean(-1, keepdim=True)) / std + self.eps


@wrong("You make eps a lower bound of the variance.")
class EpsAsABound(_Given):
    def divisor(self, var):
        return var.clamp(min=self.eps).sqrt()


@wrong("You take a root twice.")
class RootTwice(_Given):
    def divisor(self, var):
        return (var.sqrt() + self.eps).sqrt()


@wrong("You take a root twice.")
class RootOfTheRoot(_Given):
    def divisor(self, var):
        return (var + self.eps).sqrt().sqrt()


@wrong("You take a mean of squares for the variance, with the mean still in them, as RMS norm does.")
class SquaresWithTheMean(_Given):
    def scaled(self, groups):
        return (groups - groups.mean(-1, keepdim=True)) / self.divisor(groups.square().mean(-1, keepdim=True))


@wrong("You write RMS norm.")
class RootMeanSquare(_Given):
    def scaled(self, groups):
        return groups / self.divisor(groups.square().mean(-1, keepdim=True))


@wrong("You add the squares up.")
class SumOfSquares(_Given):
    def scaled(self, groups):
        centred = groups - groups.mean(-1, keepdim=True)
        return centred / self.divisor(centred.square().sum(-1, keepdim=True))


@wrong("You normalise x twice.")
class Twice(_Given):
    def scaled(self, groups):
        return super().scaled(super().scaled(groups))


@wrong("You add the mean.")
class MeanAdded(_Given):
    def scaled(self, groups):
        return (groups + groups.mean(-1, keepdim=True)) / self.divisor(groups.var(-1, keepdim=True, correction=0))


# ------------------------------------------------------------------------------------------------ wrong groups


class _Pattern(_Given):
    """Statistics over the last axis of another pattern."""

    def forward(self, x):
        before, after = self.pattern.split(" -> ")
        B, C, H, W = x.shape
        sizes = {"b": B, "h": H, "w": W} | ({"g": self.num_groups} if "g" in before else {"c": C})
        return self.affine(rearrange(self.scaled(rearrange(x, self.pattern, **sizes)), f"{after} -> {before}", **sizes))


@wrong("You take one mean for all images of the batch.")
class SharedByTheBatch(_Pattern):
    pattern = "b (g c) h w -> g (b c h w)"


@wrong("You write batch norm.")
class BatchNorm(_Pattern):
    pattern = "b c h w -> c (b h w)"


@wrong("You write instance norm, each channel by itself.")
class InstanceNorm(_Pattern):
    pattern = "b c h w -> b c (h w)"


@wrong("You write layer norm, all channels together.")
class LayerNorm(_Pattern):
    pattern = "b c h w -> b (c h w)"


@wrong("You give each pixel its own mean.")
class PerPixel(_Pattern):
    pattern = "b (g c) h w -> b g h w c"


@wrong("You give each row its own mean.")
class PerRow(_Pattern):
    pattern = "b (g c) h w -> b g h (c w)"


@wrong("You deal the channels out to the groups like cards.")
class Interleaved(_Pattern):
    pattern = "b (c g) h w -> b g (c h w)"


@wrong("You give each column its own mean.")
class PerColumn(_Pattern):
    pattern = "b (g c) h w -> b g w (c h)"


@wrong("You give each pixel its own mean, over all channels.")
class ChannelsLast(_Pattern):
    pattern = "b c h w -> b h w c"


@wrong("You take num_groups for the size of a group.")
class SizeOfAGroup(_Given):
    def forward(self, x):
        groups = x.reshape(len(x), self.num_channels // self.num_groups, -1)
        return self.affine(self.scaled(groups).reshape(x.shape))


@wrong("You take one mean for all of the batch.")
class OneMeanForAll(_Given):
    def forward(self, x):
        return self.affine((x - x.mean()) / self.divisor(x.var(correction=0)))


@wrong("You cut the batch into groups.")
class BatchInGroups(_Given):
    def forward(self, x):
        return self.affine(self.scaled(x.reshape(self.num_groups, -1)).reshape(x.shape))


@wrong("You deal a group's numbers out one by one.")
class DealtOut(_Given):
    def forward(self, x):
        groups = x.reshape(len(x), -1, self.num_groups).mT
        return self.affine(self.scaled(groups).mT.reshape(x.shape))


# ------------------------------------------------------------------------------------------------ wrong weight and bias


@wrong("Where is weight used?")
class WeightUnused(_Given):
    def affine(self, x):
        return x if self.weight is None else x + self.bias[:, None, None]


@wrong("Where is bias used?")
class BiasUnused(_Given):
    def affine(self, x):
        return x if self.weight is None else x * self.weight[:, None, None]


@wrong("Where are weight and bias used?")
class NeitherUsed(_Given):
    def affine(self, x):
        return x


@wrong("You add bias before weight multiplies.")
class BiasFirst(_Given):
    def affine(self, x):
        return x if self.weight is None else (x + self.bias[:, None, None]) * self.weight[:, None, None]


@wrong("You add weight.")
class WeightAdded(_Given):
    def affine(self, x):
        return x if self.weight is None else x + self.weight[:, None, None] + self.bias[:, None, None]


@wrong("You swap weight and bias.")
class Swapped(_Given):
    def affine(self, x):
        return x if self.weight is None else x * self.bias[:, None, None] + self.weight[:, None, None]


@wrong("You lay weight and bias along the width.")
class AlongTheWidth(_Given):
    def affine(self, x):
        return x if self.weight is None else x * self.weight + self.bias


@wrong("You lay weight and bias along the height.")
class AlongTheHeight(_Given):
    def affine(self, x):
        return x if self.weight is None else x * self.weight[:, None] + self.bias[:, None]


@wrong("You lay weight and bias along the batch.")
class AlongTheBatch(_Given):
    def affine(self, x):
        return x if self.weight is None else x * self.weight[:, None, None, None] + self.bias[:, None, None, None]


@wrong("You add 1 to weight.")
class OnePlusWeight(_Given):
    def affine(self, x):
        return x if self.weight is None else x * (1 + self.weight[:, None, None]) + self.bias[:, None, None]


@wrong("You subtract bias.")
class BiasTakenAway(_Given):
    def affine(self, x):
        return x if self.weight is None else x * self.weight[:, None, None] - self.bias[:, None, None]


@wrong("You use weight and bias before x is normalised.")
class AffineFirst(_Given):
    def forward(self, x):
        groups = rearrange(self.affine(x), "b (g c) h w -> b g (c h w)", g=self.num_groups)
        return self.scaled(groups).reshape(x.shape)


@wrong("TypeError: unsupported operand type(s) for *: 'Tensor' and 'NoneType'")
class NoneForgotten(_Given):
    def affine(self, x):
        return x * self.weight + self.bias


@wrong("Room for height and width can be made in forward.")
class WeightWithRoom(_Given):
    def make(self, num_channels, affine, where):
        super().make(num_channels, affine, where)
        if affine:
            self.weight = nn.Parameter(self.weight[:, None, None].detach())


@wrong("weight is not trained")
class Frozen(_Given):
    def make(self, num_channels, affine, where):
        super().make(num_channels, affine, where)
        self.requires_grad_(False)


@wrong("no gradient comes out of it")
class NoGrad(_Given):
    @t.no_grad()
    def forward(self, x):
        return super().forward(x)


# ------------------------------------------------------------------------------------------------ wrong form


@wrong("with affine=False, weight and bias are not None")
class AffineIgnored(_Given):
    def make(self, num_channels, affine, where):
        super().make(num_channels, True, where)


@wrong("weight has shape (2,), expected (6,)")
class OneWeightForEachGroup(_Given):
    def make(self, num_channels, affine, where):
        super().make(self.num_groups, affine, where)

    def affine(self, x):
        w, b = (p.repeat_interleave(self.num_channels // self.num_groups) for p in (self.weight, self.bias))
        return x * w[:, None, None] + b[:, None, None]


@wrong("weight is a tensor of shape (6,), expected an nn.Parameter")
class NotTrained(_Given):
    def make(self, num_channels, affine, where):
        self.weight, self.bias = t.ones(num_channels, **where), t.zeros(num_channels, **where)


@wrong("Where are device and dtype used?")
class DeviceIgnored(_Given):
    def make(self, num_channels, affine, where):
        super().make(num_channels, affine, {})


@wrong("weight begins at 0, expected 1s")
class WeightAtZero(_Given):
    def make(self, num_channels, affine, where):
        super().make(num_channels, affine, where)
        if affine:
            nn.init.zeros_(self.weight)


@wrong("GroupNorm(4, 6) raises no error")
class UnequalGroups(nn.Module):
    def __init__(self, num_groups, num_channels, eps=1e-5, affine=True, device=None, dtype=None):
        super().__init__()
        self.norm = nn.GroupNorm(num_channels // (num_channels // num_groups), num_channels, eps, affine)


@wrong("it changes the x it is given")
class InPlace(_Given):
    def forward(self, x):
        with t.no_grad():
            x -= x.mean()
        return super().forward(x)


@wrong("You detach a part of it, or use it under no_grad.")
class DetachedStatistics(_Given):
    def scaled(self, groups):
        var, mean = t.var_mean(groups.detach(), dim=-1, keepdim=True, correction=0)
        return (groups - mean) / self.divisor(var)


@wrong("returns a tensor of shape (4, 2, 105), expected shape (4, 6, 5, 7)")
class NotReshaped(_Given):
    def forward(self, x):
        return self.scaled(rearrange(x, "b (g c) h w -> b g (c h w)", g=self.num_groups))


@wrong("returns None.")
class NoReturn(_Given):
    def forward(self, x):
        super().forward(x)


# ------------------------------------------------------------------------------------------------ once slipped through


@wrong("You split weight and bias (c g), and the channels (g c).")
class WeightSplitOtherwise(_Given):
    """Channels are split (g c), weight and bias (c g)."""

    def affine(self, x):
        if self.weight is None:
            return x
        w, b = (rearrange(p, "(c g) -> (g c) 1 1", g=self.num_groups) for p in (self.weight, self.bias))
        return x * w + b


@wrong("You put the groups back in another order than you split them in.")
class PutBackOtherwise(_Given):
    """Split (g c), put back (c g)."""

    def forward(self, x):
        groups = rearrange(x, "b (g c) h w -> b g (c h w)", g=self.num_groups)
        C, H, W = x.shape[1:]
        parts = self.scaled(groups).unflatten(-1, (C // self.num_groups, H, W))
        return self.affine(rearrange(parts, "b g c h w -> b (c g) h w"))


@wrong("Where do mean and variance keep the axis that they go over?")
class NoKeepdim(_Given):
    def scaled(self, groups):
        return (groups - groups.mean(-1)) / self.divisor(groups.var(-1, correction=0))


@wrong("You lay weight and bias along the width.")
class NoRoom(_Given):
    def affine(self, x):
        return x if self.weight is None else x * self.weight + self.bias

    def forward(self, x):
        return super().forward(x) if x.shape[-1] != self.num_channels else self.affine(x)


@wrong("You use it where gradients are off, under no_grad or before a detach.")
class WeightDetached(_Given):
    def affine(self, x):
        return x if self.weight is None else x * self.weight.detach()[:, None, None] + self.bias[:, None, None]


@wrong("You turn x into another type.")
class InFloat32(_Given):
    def forward(self, x):
        return super().forward(x.float())


@wrong("You take away axes of length 1, as squeeze() does.")
class SmallSizesSqueezed(_Given):
    """An axis of one is lost."""

    def forward(self, x):
        return super().forward(x).squeeze()


@wrong("Where is it made?")
class NoBias(_Given):
    def make(self, num_channels, affine, where):
        super().make(num_channels, affine, where)
        del self.bias


@wrong("You subtract the median.")
class MedianForMean(_Given):
    def scaled(self, groups):
        middle = groups.median(-1, keepdim=True).values
        return (groups - middle) / self.divisor(groups.var(-1, keepdim=True, correction=0))


@wrong("You detach a part of it, or use it under no_grad.")
class MeanUnderNoGrad(_Given):
    def scaled(self, groups):
        with t.no_grad():
            mean = groups.mean(-1, keepdim=True)
        return (groups - mean) / self.divisor(groups.var(-1, keepdim=True, correction=0))


@wrong("You use self.training")
class OtherwiseInEvalMode(_Given):
    """As batch norm does."""

    def scaled(self, groups):
        return super().scaled(groups) if self.training else groups


@wrong("which makes a plain tensor")
class MovedAfterwards(_Given):
    def make(self, num_channels, affine, where):
        self.weight = nn.Parameter(t.ones(num_channels)).to(**where) if affine else None
        self.bias = nn.Parameter(t.zeros(num_channels)).to(**where) if affine else None


@wrong("You take the mean and the variance of different numbers.")
class MeanOfTheImage(_Given):
    def forward(self, x):
        mean = x.mean(dim=(1, 2, 3), keepdim=True)
        var = x.unflatten(1, (self.num_groups, -1)).var(dim=(2, 3, 4), correction=0)
        var = var.repeat_interleave(x.shape[1] // self.num_groups, dim=1)[:, :, None, None]
        return self.affine((x - mean) / self.divisor(var))


@wrong("Where are the parentheses around x - mean?")
class NoParentheses(_Given):
    def scaled(self, groups):
        return groups - groups.mean(-1, keepdim=True) / self.divisor(groups.var(-1, keepdim=True, correction=0))


@wrong("You round the numbers, as half precision does.")
class HalfPrecision(_Given):
    def scaled(self, groups):
        return super().scaled(groups.half().to(groups.dtype))


@wrong("You write out a number of groups.")
class TwoGroupsAlways(_Given):
    def scaled(self, groups):
        return super().scaled(groups.reshape(len(groups), 2, -1))


@wrong("so weight and bias are None")
class AffineWhateverIsAsked(_Given):
    def affine(self, x):
        return x * self.weight[:, None, None] + self.bias[:, None, None]


@wrong("You mix the groups, and leave out the width.")
class AxesOfTheImage(_Given):
    def forward(self, x):
        parts = rearrange(x, "b (g c) h w -> b g c h w", g=self.num_groups)
        mean, var = parts.mean((1, 2, 3), keepdim=True), parts.var((1, 2, 3), keepdim=True, correction=0)
        return self.affine(((parts - mean) / self.divisor(var)).reshape(x.shape))


@wrong("You take the mean distance from the mean.")
class MeanDistance(_Given):
    def scaled(self, groups):
        distances = groups - groups.mean(-1, keepdim=True)
        return distances / (distances.abs().mean(-1, keepdim=True) + self.eps)


@wrong("You divide by the range")
class FromLeastToLargest(_Given):
    def scaled(self, groups):
        span = groups.amax(-1, keepdim=True) - groups.amin(-1, keepdim=True)
        return (groups - groups.mean(-1, keepdim=True)) / (span + self.eps)


@wrong("You cut off what is large.")
class CutOff(_Given):
    def scaled(self, groups):
        return super().scaled(groups).clamp(-1, 1)


@wrong("You write a sigmoid, tanh or the like after the norm.")
class TanhAfterwards(_Given):
    def scaled(self, groups):
        return super().scaled(groups).tanh()


@wrong("You take the square of weight.")
class WeightTwice(_Given):
    def affine(self, x):
        return x if self.weight is None else super().affine(x * self.weight[:, None, None])


EQUIVALENT = {
    "weight and bias, like mean and variance, do not need each other": [
        "self.weight = nn.Parameter(ones) if affine else None -> after self.bias = nn.Parameter(t.zeros_like(ones)) if affine else None",
        "mean = groups.mean(dim=2, keepdim=True) -> after var = groups.var(dim=2, keepdim=True, correction=0)",
    ],
}
