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


# ------------------------------------------------------------------------------------------------ wrong statistics


@wrong("Is the variance divided by n - 1?")
class Unbiased(_Given):
    def scaled(self, groups):
        return (groups - groups.mean(-1, keepdim=True)) / self.divisor(groups.var(-1, keepdim=True))


@wrong("Is the root missing?")
class NoRoot(_Given):
    def divisor(self, var):
        return var + self.eps


@wrong("Is eps added to the standard deviation?")
class EpsOutsideTheRoot(_Given):
    def divisor(self, var):
        return var.sqrt() + self.eps


@wrong("Is eps added to the standard deviation, and the variance divided by n - 1?")
class StdPlusEps(_Given):
    def scaled(self, groups):
        return (groups - groups.mean(-1, keepdim=True)) / (groups.std(-1, keepdim=True) + self.eps)


@wrong("Is eps added, the one of the constructor?")
class EpsFixed(_Given):
    def divisor(self, var):
        return (var + 1e-5).sqrt()


@wrong("Is eps added, the one of the constructor?")
class NoEps(_Given):
    def divisor(self, var):
        return var.sqrt()


@wrong("Is eps squared?")
class EpsSquared(_Given):
    def divisor(self, var):
        return (var + self.eps**2).sqrt()


@wrong("Is the mean taken away?")
class NoMean(_Given):
    def scaled(self, groups):
        return groups / self.divisor(groups.var(-1, keepdim=True, correction=0))


@wrong("Is it divided by anything?")
class OnlyCentred(_Given):
    def divisor(self, var):
        return 1


@wrong("Is it multiplied by the deviation?")
class Multiplied(_Given):
    def divisor(self, var):
        return 1 / (var + self.eps).sqrt()


@wrong("Is x shifted and scaled at all?")
class OnlyAffine(_Given):
    def forward(self, x):
        return self.affine(x)


# ------------------------------------------------------------------------------------------------ wrong groups


class _Pattern(_Given):
    """Statistics over the last axis of another pattern."""

    def forward(self, x):
        before, after = self.pattern.split(" -> ")
        B, C, H, W = x.shape
        sizes = {"b": B, "h": H, "w": W} | ({"g": self.num_groups} if "g" in before else {"c": C})
        return self.affine(rearrange(self.scaled(rearrange(x, self.pattern, **sizes)), f"{after} -> {before}", **sizes))


@wrong("The images of the batch share their mean.")
class SharedByTheBatch(_Pattern):
    pattern = "b (g c) h w -> g (b c h w)"


@wrong("That is batch norm")
class BatchNorm(_Pattern):
    pattern = "b c h w -> c (b h w)"


@wrong("That is instance norm")
class InstanceNorm(_Pattern):
    pattern = "b c h w -> b c (h w)"


@wrong("That is layer norm")
class LayerNorm(_Pattern):
    pattern = "b c h w -> b (c h w)"


@wrong("Each pixel has its own mean.")
class PerPixel(_Pattern):
    pattern = "b (g c) h w -> b g h w c"


@wrong("Each row has its own mean.")
class PerRow(_Pattern):
    pattern = "b (g c) h w -> b g h (c w)"


@wrong("Are the groups dealt out like cards?")
class Interleaved(_Pattern):
    pattern = "b (c g) h w -> b g (c h w)"


# ------------------------------------------------------------------------------------------------ wrong weight and bias


@wrong("Is weight used?")
class WeightUnused(_Given):
    def affine(self, x):
        return x if self.weight is None else x + self.bias[:, None, None]


@wrong("Is bias used?")
class BiasUnused(_Given):
    def affine(self, x):
        return x if self.weight is None else x * self.weight[:, None, None]


@wrong("Are weight and bias used?")
class NeitherUsed(_Given):
    def affine(self, x):
        return x


@wrong("Is bias added before weight multiplies?")
class BiasFirst(_Given):
    def affine(self, x):
        return x if self.weight is None else (x + self.bias[:, None, None]) * self.weight[:, None, None]


@wrong("Is weight added, too?")
class WeightAdded(_Given):
    def affine(self, x):
        return x if self.weight is None else x + self.weight[:, None, None] + self.bias[:, None, None]


@wrong("Are weight and bias swapped?")
class Swapped(_Given):
    def affine(self, x):
        return x if self.weight is None else x * self.bias[:, None, None] + self.weight[:, None, None]


@wrong("Do weight and bias lie along the width?")
class AlongTheWidth(_Given):
    def affine(self, x):
        return x if self.weight is None else x * self.weight + self.bias


@wrong("Do weight and bias lie along the height?")
class AlongTheHeight(_Given):
    def affine(self, x):
        return x if self.weight is None else x * self.weight[:, None] + self.bias[:, None]


@wrong("Do weight and bias lie along the batch?")
class AlongTheBatch(_Given):
    def affine(self, x):
        return x if self.weight is None else x * self.weight[:, None, None, None] + self.bias[:, None, None, None]


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


@wrong("Are device and dtype used?")
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


@wrong("it changes its input")
class InPlace(_Given):
    def forward(self, x):
        with t.no_grad():
            x -= x.mean()
        return super().forward(x)


@wrong("Is a part of it cut off from the graph?")
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
