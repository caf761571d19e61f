import torch as t
from torch import nn

from solutions.part2_unet import GroupNorm, SelfAttention
from tests.answers import right, wrong


class _Given(nn.Module):
    """Right, in parts that an answer overrides."""

    def __init__(self, channels):
        super().__init__()
        self.channels = channels
        self.norm = self.make_norm(channels)
        self.attention = SelfAttention(channels)

    def make_norm(self, channels):
        return nn.GroupNorm(1, channels)

    def forward(self, x):
        return x + self.attention(self.norm(x))


# ------------------------------------------------------------------------------------------------ right


@right
class Plain(_Given):
    pass


@right
class OwnNorm(_Given):
    def make_norm(self, channels):
        return GroupNorm(1, channels)


@right
class OneHead(_Given):
    def __init__(self, channels):
        super().__init__(channels)
        self.attention = SelfAttention(channels, 1)


@right
class ZeroedAtTheEnd(_Given):
    """As in DDPM's code: at first nothing is added."""

    def __init__(self, channels):
        super().__init__(channels)
        for p in self.attention.project.parameters():
            nn.init.zeros_(p)


@right
class Sequential(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.layers = nn.Sequential(nn.GroupNorm(num_groups=1, num_channels=channels), SelfAttention(channels))

    def forward(self, x):
        return self.layers(x) + x


@right
class NormWithoutWeights(_Given):
    def make_norm(self, channels):
        return nn.GroupNorm(1, channels, affine=False)


@right
class LayerNormByHand(_Given):
    """Layer norm over all of an image is group norm with one group."""

    def __init__(self, channels):
        super().__init__(channels)
        self.weight, self.bias = nn.Parameter(t.ones(channels)), nn.Parameter(t.zeros(channels))

    def make_norm(self, channels):
        return None

    def forward(self, x):
        normed = nn.functional.layer_norm(x, x.shape[1:])
        return x + self.attention(normed * self.weight[:, None, None] + self.bias[:, None, None])


@right
class PyTorchsAttention(_Given):
    def __init__(self, channels):
        super().__init__(channels)
        self.attention = nn.MultiheadAttention(channels, 4, batch_first=True)

    def forward(self, x):
        pixels = self.norm(x).flatten(2).mT
        return x + self.attention(pixels, pixels, pixels, need_weights=False)[0].mT.reshape(x.shape)


@right
class NormWithWideWeights(_Given):
    """Layer norm over an image, with weights that fit it."""

    class Norm(nn.Module):
        def __init__(self, channels):
            super().__init__()
            self.g, self.b = nn.Parameter(t.ones(1, channels, 1, 1)), nn.Parameter(t.zeros(1, channels, 1, 1))

        def forward(self, x):
            var, mean = t.var_mean(x, dim=(1, 2, 3), correction=0, keepdim=True)
            return (x - mean) * (var + 1e-5).rsqrt() * self.g + self.b

    def make_norm(self, channels):
        return self.Norm(channels)


@right
class OnACopy(_Given):
    def forward(self, x):
        result = x.clone()
        result += self.attention(self.norm(x))
        return result


# ------------------------------------------------------------------------------------------------ the shortcut


@wrong("Where is x added to what attention finds?")
class NoShortcut(_Given):
    def forward(self, x):
        return self.attention(self.norm(x))


@wrong("You add x twice.")
class AddedTwice(_Given):
    def forward(self, x):
        return 2 * x + self.attention(self.norm(x))


@wrong("You add the norm of x, or use a norm at the end.")
class NormedShortcut(_Given):
    def forward(self, x):
        x = self.norm(x)
        return x + self.attention(x)


@wrong("You add the norm of x, or use a norm at the end.")
class NormAtTheEnd(_Given):
    def forward(self, x):
        return self.norm(x + self.attention(x))


@wrong("You add the norm of x, too.")
class NormAddedToo(_Given):
    def forward(self, x):
        normed = self.norm(x)
        return x + normed + self.attention(normed)


@wrong("Where is x added to what attention finds?")
class Multiplied(_Given):
    def forward(self, x):
        return x * self.attention(self.norm(x))


@wrong("x does not come back unchanged: it comes back 0.707 times as large.")
class Halved(_Given):
    def forward(self, x):
        return (x + self.attention(self.norm(x))) / 2**0.5


# ------------------------------------------------------------------------------------------------ the norm


@wrong("Where is x normalised, before attention?")
class NoNorm(_Given):
    def __init__(self, channels):
        super().__init__(channels)
        del self.norm

    def forward(self, x):
        return x + self.attention(x)


@wrong("Where is x normalised, before attention?")
class NormAfterAttention(_Given):
    def forward(self, x):
        return x + self.norm(self.attention(x))


@wrong("You use a norm with many groups.")
class InstanceNorm(_Given):
    def make_norm(self, channels):
        return nn.GroupNorm(channels, channels)


@wrong("You use a norm with many groups.")
class FourGroups(_Given):
    def make_norm(self, channels):
        return nn.GroupNorm(4, channels)


@wrong("You use a norm with many groups.")
class TwoGroups(_Given):
    def make_norm(self, channels):
        return nn.GroupNorm(2, channels)


@wrong("You use a batch norm, or let shapes broadcast that should not.")
class BatchNorm(_Given):
    def make_norm(self, channels):
        return nn.BatchNorm2d(channels)


@wrong("You normalise each pixel by itself.")
class TokenNorm(_Given):
    """A Transformer's layer norm."""

    def make_norm(self, channels):
        return nn.LayerNorm(channels)

    def forward(self, x):
        return x + self.attention(self.norm(x.movedim(1, -1)).movedim(-1, 1))


@wrong("no gradient reaches norm.weight")
class NormUnused(_Given):
    def forward(self, x):
        return x + self.attention(x)


@wrong("You normalise twice, or use an activation.")
class NormTwice(_Given):
    def __init__(self, channels):
        super().__init__(channels)
        self.norm = nn.Sequential(nn.GroupNorm(1, channels), nn.GroupNorm(1, channels))


@wrong("You normalise twice, or use an activation.")
class SameNormTwice(_Given):
    def forward(self, x):
        return x + self.attention(self.norm(self.norm(x)))


@wrong("You normalise twice, or use an activation.")
class Activation(_Given):
    def forward(self, x):
        return x + nn.functional.silu(self.attention(self.norm(x)))


@wrong("You use a norm after attention, too.")
class NormBothSides(_Given):
    def __init__(self, channels):
        super().__init__(channels)
        self.after = nn.GroupNorm(1, channels)

    def forward(self, x):
        return x + self.after(self.attention(self.norm(x)))


# ------------------------------------------------------------------------------------------------ the attention


@wrong("what a pixel gets does not depend on the other pixels.\nWhere is attention?")
class NoAttention(_Given):
    def __init__(self, channels):
        super().__init__(channels)
        self.attention = nn.Conv2d(channels, channels, 1)


@wrong("no gradient reaches attention.qkv.weight")
class AttentionUnused(_Given):
    def forward(self, x):
        return x + self.norm(x)


@wrong("the same pixels in another order do not get the same results in that order")
class WithConvolution(_Given):
    def __init__(self, channels):
        super().__init__(channels)
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x):
        return x + self.conv(self.attention(self.norm(x)))


@wrong("called twice with the same input, it gives two results")
class Dropout(_Given):
    def forward(self, x):
        return x + nn.functional.dropout(self.attention(self.norm(x)), 0.1)


@wrong("it changes the x it is given")
class InPlace(_Given):
    def forward(self, x):
        with t.no_grad():
            x += self.attention(self.norm(x))
        return x + self.attention(self.norm(x))


@wrong("You keep layers in a plain list or dict.")
class PlainList(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.layers = [nn.GroupNorm(1, channels), SelfAttention(channels)]

    def forward(self, x):
        return x + self.layers[1](self.layers[0](x))


@wrong("returns None.")
class NoReturn(_Given):
    def forward(self, x):
        x + self.attention(self.norm(x))


# ------------------------------------------------------------------------------------------------ once slipped through


@wrong("You detach something on that way, or use it under no_grad.")
class ShortcutDetached(_Given):
    def forward(self, x):
        return x.detach() + self.attention(self.norm(x))


@wrong("You detach something on that way, or use it under no_grad.")
class AttentionInputDetached(_Given):
    def forward(self, x):
        return x + self.attention(self.norm(x.detach()))


@wrong("You use it where gradients are off, under no_grad or before a detach.")
class NormUnderNoGrad(_Given):
    def forward(self, x):
        with t.no_grad():
            normed = self.norm(x)
        return x + self.attention(normed)


@wrong("You use an activation after the sum.")
class ActivationAfterTheSum(_Given):
    def forward(self, x):
        return nn.functional.silu(x + self.attention(self.norm(x)))


@wrong("You use an activation after the sum.")
class ReLUAfterTheSum(_Given):
    def forward(self, x):
        return (x + self.attention(self.norm(x))).relu()


@wrong("You run attention twice, or another layer after it.")
class AttentionTwice(_Given):
    def forward(self, x):
        return x + self.attention(self.attention(self.norm(x)))


@wrong("You run it all twice.")
class BlockTwice(_Given):
    def forward(self, x):
        x = x + self.attention(self.norm(x))
        return x + self.attention(self.norm(x))


@wrong("You use a norm with many groups.")
class NormOfFixedGroups(_Given):
    def make_norm(self, channels):
        return nn.GroupNorm(min(32, channels), channels)


@wrong("You normalise twice, or use an activation.")
class HalfTheAttention(_Given):
    def forward(self, x):
        return x + nn.functional.silu(self.norm(x)) * self.attention(self.norm(x))


@wrong("You turn gradients off in forward, by no_grad or detach.")
class NoGradLeftIn(_Given):
    def forward(self, x):
        with t.no_grad():
            return x + self.attention(self.norm(x))


@wrong("You call self(...) in forward, which is forward once more.")
class CallsItself(_Given):
    def forward(self, x):
        return x + self(self.norm(x))


@wrong("You use a batch norm, or let shapes broadcast that should not.")
class FirstImageNormed(_Given):
    """The mean of the first image for all."""

    def forward(self, x):
        return x + self.attention(self.norm(x[:1]).expand_as(x))


@wrong("You multiply what attention finds by a number that is learned.")
class LearnedGate(_Given):
    """As in the SAGAN paper."""

    def __init__(self, channels):
        super().__init__(channels)
        self.gamma = nn.Parameter(t.zeros(1))

    def forward(self, x):
        return x + self.gamma * self.attention(self.norm(x))


@wrong("Where does the norm subtract the mean?")
class RMSNorm(_Given):
    def forward(self, x):
        return x + self.attention(x / x.square().mean(dim=(1, 2, 3), keepdim=True).sqrt())

    def make_norm(self, channels):
        return nn.Identity()


@wrong("You put two tensors side by side as channels.")
class SideBySide(_Given):
    def forward(self, x):
        return t.cat([x, self.attention(self.norm(x))], dim=1)


@wrong("Where is x divided by its standard deviation?")
class MeanAlone(_Given):
    def make_norm(self, channels):
        return nn.Identity()

    def forward(self, x):
        return x + self.attention(x - x.mean(dim=(1, 2, 3), keepdim=True))


EQUIVALENT = {
    "the layers do not need each other": [
        "self.norm = nn.GroupNorm(1, channels) -> after self.attention = SelfAttention(channels)",
    ],
    "the output projection may have either sign, and begins with either alike": [
        "return x + self.attention(self.norm(x)) -> return x - self.attention(self.norm(x))",
    ],
}
