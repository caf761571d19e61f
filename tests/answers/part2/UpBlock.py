import torch as t
import torch.nn.functional as F
from torch import nn

from solutions.part2_unet import AttentionBlock, ResidualBlock, SelfAttention
from tests.answers import right, wrong


class _Given(nn.Module):
    """Right, in parts that an answer overrides."""

    def __init__(self, channels_in, channels_out, step_dim, groups, upsample, attention):
        super().__init__()
        self.upsample = upsample
        self.block1 = ResidualBlock(2 * channels_in, channels_out, step_dim, groups)
        self.block2 = ResidualBlock(channels_out, channels_out, step_dim, groups)
        self.attention = AttentionBlock(channels_out) if attention else nn.Identity()
        self.resize = self.make_resize(channels_out) if upsample else nn.Identity()

    def make_resize(self, c):
        return nn.ConvTranspose2d(c, c, 4, stride=2, padding=1)

    def beside(self, x, skip):
        return t.cat([x, skip], dim=1)

    def blocks(self, x, step_emb):
        return self.block2(self.block1(x, step_emb), step_emb)

    def forward(self, x, step_emb, skip):
        return self.resize(self.attention(self.blocks(self.beside(x, skip), step_emb)))


# ------------------------------------------------------------------------------------------------ right


@right
class Plain(_Given):
    pass


@right
class SkipFirst(_Given):
    def beside(self, x, skip):
        return t.cat((skip, x), 1)


@right
class NoneForMissing(nn.Module):
    def __init__(self, channels_in, channels_out, step_dim, groups, upsample, attention):
        super().__init__()
        self.res1 = ResidualBlock(channels_in * 2, channels_out, step_dim, groups)
        self.res2 = ResidualBlock(channels_out, channels_out, step_dim, groups)
        self.attn = AttentionBlock(channels_out) if attention else None
        self.up = nn.ConvTranspose2d(channels_out, channels_out, 4, 2, 1) if upsample else None

    def forward(self, x, step_emb, skip):
        x = t.concat((x, skip), dim=1)
        x = self.res2(self.res1(x, step_emb), step_emb)
        if self.attn:
            x = self.attn(x)
        return self.up(x) if self.up else x


@right
class Rearranged(_Given):
    """Side by side, channel by channel in turn."""

    def beside(self, x, skip):
        return t.stack([x, skip], dim=2).flatten(1, 2)


@right
class Sequential(_Given):
    def __init__(self, channels_in, channels_out, step_dim, groups, upsample, attention):
        super().__init__(channels_in, channels_out, step_dim, groups, upsample, attention)
        self.rest = nn.Sequential(self.attention, self.resize)
        del self.attention, self.resize

    def forward(self, x, step_emb, skip):
        return self.rest(self.blocks(self.beside(x, skip), step_emb))


@right
class NoBias(_Given):
    def make_resize(self, c):
        return nn.ConvTranspose2d(c, c, kernel_size=(4, 4), stride=(2, 2), padding=(1, 1), bias=False)


@right
class ModuleList(_Given):
    def __init__(self, channels_in, channels_out, step_dim, groups, upsample, attention):
        nn.Module.__init__(self)
        widths = [2 * channels_in, channels_out, channels_out]
        self.list = nn.ModuleList(
            ResidualBlock(a, b, step_dim, groups) for a, b in zip(widths, widths[1:], strict=False)
        )
        self.after = nn.ModuleList([AttentionBlock(channels_out)] if attention else [])
        self.after += [self.make_resize(channels_out)] if upsample else []

    def forward(self, x, step_emb, skip):
        x = self.beside(x, skip)
        for block in self.list:
            x = block(x, step_emb)
        for layer in self.after:
            x = layer(x)
        return x


# ------------------------------------------------------------------------------------------------ widths


@wrong("You mix up the two widths.")
class WidthKept(_Given):
    def __init__(self, channels_in, channels_out, step_dim, groups, upsample, attention):
        super().__init__(channels_in, channels_in, step_dim, groups, upsample, attention)


@wrong("RuntimeError: Given groups=1, weight of size [16, 16, 3, 3], expected input[3, 32, 3, 4] to have 16 channels")
class WidthsTurnedRound(_Given):
    def __init__(self, channels_in, channels_out, step_dim, groups, upsample, attention):
        super().__init__(channels_out, channels_in, step_dim, groups, upsample, attention)


@wrong("to have 16 channels, but got 32 channels instead")
class SkipNotCounted(_Given):
    def __init__(self, channels_in, channels_out, step_dim, groups, upsample, attention):
        super().__init__(channels_in, channels_out, step_dim, groups, upsample, attention)
        self.block1 = ResidualBlock(channels_in, channels_out, step_dim, groups)


@wrong("to have 24 channels, but got 32 channels instead")
class SumOfTheWidths(_Given):
    def __init__(self, channels_in, channels_out, step_dim, groups, upsample, attention):
        super().__init__(channels_in, channels_out, step_dim, groups, upsample, attention)
        self.block1 = ResidualBlock(channels_out + channels_in, channels_out, step_dim, groups)


# ------------------------------------------------------------------------------------------------ the skip


class _OneWidth(_Given):
    """x and skip are made one tensor of channels_in channels."""

    def __init__(self, channels_in, channels_out, step_dim, groups, upsample, attention):
        super().__init__(channels_in, channels_out, step_dim, groups, upsample, attention)
        self.block1 = ResidualBlock(channels_in, channels_out, step_dim, groups)


@wrong("You add or multiply them.")
class Added(_OneWidth):
    def beside(self, x, skip):
        return x + skip


@wrong("You add or multiply them.")
class Averaged(_OneWidth):
    def beside(self, x, skip):
        return (x + skip) / 2


@wrong("You add or multiply them.")
class Multiplied(_OneWidth):
    def beside(self, x, skip):
        return x * skip


@wrong("the result does not depend on skip")
class SkipUnused(_OneWidth):
    def beside(self, x, skip):
        return x


@wrong("the result does not depend on x")
class OnlyTheSkip(_OneWidth):
    def beside(self, x, skip):
        return skip


@wrong("the result does not depend on skip")
class XTwice(_Given):
    def beside(self, x, skip):
        return t.cat([x, x], dim=1)


@wrong("the result does not depend on x")
class SkipTwice(_Given):
    def beside(self, x, skip):
        return t.cat([skip, skip], dim=1)


@wrong("from 3 images it makes 6")
class BesideInTheBatch(_OneWidth):
    def beside(self, x, skip):
        return t.cat([x, skip], dim=0)

    def blocks(self, x, step_emb):
        return super().blocks(x, step_emb.repeat(2, 1))


@wrong("Sizes of tensors must match except in dimension 1")
class DoubledFirst(_Given):
    """The transposed convolution stands at the beginning, before x meets its skip."""

    def __init__(self, channels_in, channels_out, step_dim, groups, upsample, attention):
        super().__init__(channels_in, channels_out, step_dim, groups, upsample, attention)
        self.resize = self.make_resize(channels_in) if upsample else nn.Identity()

    def forward(self, x, step_emb, skip):
        return self.attention(self.blocks(self.beside(self.resize(x), skip), step_emb))


# ------------------------------------------------------------------------------------------------ the blocks


@wrong("You run one ResidualBlock.")
class OneBlock(_Given):
    def __init__(self, *arguments):
        super().__init__(*arguments)
        del self.block2

    def blocks(self, x, step_emb):
        return self.block1(x, step_emb)


@wrong("You run three ResidualBlocks.")
class ThreeBlocks(_Given):
    def __init__(self, channels_in, channels_out, step_dim, groups, upsample, attention):
        super().__init__(channels_in, channels_out, step_dim, groups, upsample, attention)
        self.block3 = ResidualBlock(channels_out, channels_out, step_dim, groups)

    def blocks(self, x, step_emb):
        return self.block3(super().blocks(x, step_emb), step_emb)


@wrong("no gradient reaches block2.first.0.weight")
class SecondBlockUnused(_Given):
    def blocks(self, x, step_emb):
        return self.block1(x, step_emb)


@wrong("You change step_emb on its way, or hand on another.")
class NoStep(_Given):
    def blocks(self, x, step_emb):
        return super().blocks(x, 0 * step_emb)


@wrong("Where is attention used, when it is asked for?")
class NoAttention(_Given):
    def __init__(self, *arguments):
        super().__init__(*arguments[:-1], False)


@wrong("You use attention where it is not asked for.")
class AttentionAlways(_Given):
    def __init__(self, *arguments):
        super().__init__(*arguments[:-1], True)


@wrong("the attention comes between the two ResidualBlocks, expected after both")
class AttentionInBetween(_Given):
    def forward(self, x, step_emb, skip):
        x = self.block1(self.beside(x, skip), step_emb)
        return self.resize(self.block2(self.attention(x), step_emb))


@wrong("the attention comes before both ResidualBlocks, expected after both")
class AttentionFirst(_Given):
    def __init__(self, channels_in, channels_out, step_dim, groups, upsample, attention):
        super().__init__(channels_in, channels_out, step_dim, groups, upsample, attention)
        self.attention = AttentionBlock(2 * channels_in) if attention else nn.Identity()

    def forward(self, x, step_emb, skip):
        return self.resize(self.blocks(self.attention(self.beside(x, skip)), step_emb))


@wrong("You use a bare SelfAttention.")
class BareAttention(_Given):
    def __init__(self, channels_in, channels_out, step_dim, groups, upsample, attention):
        super().__init__(channels_in, channels_out, step_dim, groups, upsample, attention)
        self.attention = SelfAttention(channels_out) if attention else nn.Identity()


@wrong("You use a bare SelfAttention.")
class AttentionWithoutNorm(_Given):
    def __init__(self, channels_in, channels_out, step_dim, groups, upsample, attention):
        super().__init__(channels_in, channels_out, step_dim, groups, upsample, False)
        self.look = SelfAttention(channels_out) if attention else None

    def blocks(self, x, step_emb):
        x = super().blocks(x, step_emb)
        return x if self.look is None else x + self.look(x)


@wrong("You double before the attention.")
class AttentionAfterTheDoubling(_Given):
    def forward(self, x, step_emb, skip):
        return self.attention(self.resize(self.blocks(self.beside(x, skip), step_emb)))


# ------------------------------------------------------------------------------------------------ the doubling


@wrong("Where is upsample used?")
class NeverDoubled(_Given):
    def forward(self, x, step_emb, skip):
        return self.attention(self.blocks(self.beside(x, skip), step_emb))


@wrong("with upsample=False, x is doubled")
class AlwaysDoubled(_Given):
    def __init__(self, channels_in, channels_out, step_dim, groups, upsample, attention):
        super().__init__(channels_in, channels_out, step_dim, groups, True, attention)


@wrong("You use a 2×2 kernel.")
class TwoByTwo(_Given):
    def make_resize(self, c):
        return nn.ConvTranspose2d(c, c, 2, stride=2)


@wrong("You use a 3×3 kernel.")
class ThreeByThree(_Given):
    def make_resize(self, c):
        return nn.ConvTranspose2d(c, c, 3, stride=2, padding=1, output_padding=1)


@wrong("You resize otherwise.")
class Repeated(_Given):
    def make_resize(self, c):
        return nn.Upsample(scale_factor=2)


@wrong("You use a 3×3 kernel.")
class RepeatedThenConvolved(_Given):
    """As in the paper's code: good, and not what the text asks for."""

    def make_resize(self, c):
        return nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(c, c, 3, padding=1))


@wrong("You resize each channel by itself.")
class ChannelByChannel(_Given):
    def make_resize(self, c):
        return nn.ConvTranspose2d(c, c, 4, stride=2, padding=1, groups=c)


@wrong("You use a 3×3 kernel with stride 2 and padding 1.")
class KernelOfThree(_Given):
    def make_resize(self, c):
        return nn.ConvTranspose2d(c, c, 3, stride=2, padding=1)


@wrong("You use a 4×4 kernel with stride 2 and padding 0.")
class NoPadding(_Given):
    def make_resize(self, c):
        return nn.ConvTranspose2d(c, c, 4, stride=2)


# ------------------------------------------------------------------------------------------------ other slips


@wrong("TypeError: Module.double() takes 1 positional argument but 2 were given")
class NamedLikeAMethod(_Given):
    """Every module has a method double, which makes its numbers float64."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.double = self.resize
        del self.resize

    def forward(self, x, step_emb, skip):
        return self.double(self.attention(self.blocks(self.beside(x, skip), step_emb)))


@wrong("called twice with the same input, it gives two results")
class Dropout(_Given):
    def blocks(self, x, step_emb):
        return F.dropout(super().blocks(x, step_emb), 0.1)


@wrong("You keep layers in a plain list or dict.")
class PlainList(_Given):
    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.list = [self.block1, self.block2]
        del self.block1, self.block2

    def blocks(self, x, step_emb):
        return self.list[1](self.list[0](x, step_emb), step_emb)


@wrong("it changes the skip it is given")
class InPlace(_Given):
    def beside(self, x, skip):
        with t.no_grad():
            skip += x
        return t.cat([x, skip], dim=1)


@wrong("returns 2 things, expected 1")
class Pair(_Given):
    def forward(self, x, step_emb, skip):
        return super().forward(x, step_emb, skip), skip


@wrong("returns None.")
class NoReturn(_Given):
    def forward(self, x, step_emb, skip):
        super().forward(x, step_emb, skip)


@wrong("Where is what the ResidualBlocks make passed on?")
class NoBlocks(_Given):
    """Only the shortcut is left, and the step."""

    def __init__(self, channels_in, channels_out, step_dim, groups, upsample, attention):
        super().__init__(channels_in, channels_out, step_dim, groups, upsample, attention)
        self.block1 = nn.Conv2d(2 * channels_in, channels_out, 1)
        self.block2 = nn.Linear(step_dim, channels_out)

    def blocks(self, x, step_emb):
        return self.block1(x) + self.block2(step_emb)[:, :, None, None]


@wrong("You run one ResidualBlock and another 3×3 convolution.")
class OneBlockAndAConvolution(_Given):
    def __init__(self, channels_in, channels_out, step_dim, groups, upsample, attention):
        super().__init__(channels_in, channels_out, step_dim, groups, upsample, attention)
        self.block2 = nn.Conv2d(channels_out, channels_out, 3, padding=1)

    def blocks(self, x, step_emb):
        x = self.block1(x, step_emb)
        return x + self.block2(x)


# ------------------------------------------------------------------------------------------------ once slipped through


@wrong("You detach something on that way, or use it under no_grad.")
class SkipDetached(_Given):
    def beside(self, x, skip):
        return super().beside(x, skip.detach())


@wrong("You detach something on that way, or use it under no_grad.")
class XDetached(_Given):
    def beside(self, x, skip):
        return super().beside(x.detach(), skip)


@wrong("You detach something on that way, or use it under no_grad.")
class StepOfTheSecondDetached(_Given):
    def blocks(self, x, step_emb):
        return self.block2(self.block1(x, step_emb), step_emb.detach())


@wrong("You use it where gradients are off, under no_grad or before a detach.")
class AttentionInputDetached(_Given):
    def blocks(self, x, step_emb):
        x = super().blocks(x, step_emb)
        return x if isinstance(self.attention, nn.Identity) else x.detach()


@wrong("Where does each ResidualBlock get groups?")
class GroupsIgnored(_Given):
    def __init__(self, channels_in, channels_out, step_dim, groups, upsample, attention):
        super().__init__(channels_in, channels_out, step_dim, 1, upsample, attention)


@wrong("Where does each ResidualBlock get groups?")
class GroupsAlwaysFour(_Given):
    def __init__(self, channels_in, channels_out, step_dim, groups, upsample, attention):
        super().__init__(channels_in, channels_out, step_dim, 4, upsample, attention)


@wrong("You run attention twice.")
class AttentionTwice(_Given):
    def blocks(self, x, step_emb):
        return self.attention(super().blocks(x, step_emb))


@wrong("You use an activation after the doubling.")
class SiLUAfterTheDoubling(_Given):
    def make_resize(self, c):
        return nn.Sequential(super().make_resize(c), nn.SiLU())


@wrong("You take one image's skip for all, or a mean over the batch.")
class SkipOfTheFirstImage(_Given):
    def beside(self, x, skip):
        return super().beside(x, skip[:1].expand_as(skip))


@wrong("You take one image's skip for all, or a mean over the batch.")
class MeanSkip(_Given):
    def beside(self, x, skip):
        return super().beside(x, skip.mean(dim=0, keepdim=True).expand_as(skip))


@wrong("You put skip beside x, as pixels.")
class BesideInTheWidth(_OneWidth):
    def beside(self, x, skip):
        return t.cat([x, skip], dim=3)


@wrong("You put skip below x, as pixels.")
class BesideInTheHeight(_OneWidth):
    def beside(self, x, skip):
        return t.cat([x, skip], dim=2)


@wrong("You add skip to what the blocks make.")
class SkipAddedToo(_Given):
    """The skip added to the result, too."""

    def forward(self, x, step_emb, skip):
        made = self.attention(self.blocks(self.beside(x, skip), step_emb))
        return self.resize(made + skip if made.shape == skip.shape else made)


@wrong("You use one block twice.")
class BlockUsedTwice(_Given):
    def __init__(self, channels_in, channels_out, *others):
        super().__init__(channels_in, channels_out, *others)
        if 2 * channels_in == channels_out:
            self.block2 = self.block1


@wrong("Where does the first ResidualBlock bring the width to channels_out?")
class WidthInTheSecondBlock(_Given):
    def __init__(self, channels_in, channels_out, step_dim, groups, upsample, attention):
        super().__init__(channels_in, channels_out, step_dim, groups, upsample, attention)
        self.block1 = ResidualBlock(2 * channels_in, channels_in, step_dim, groups)
        self.block2 = ResidualBlock(channels_in, channels_out, step_dim, groups)


@wrong("Where does the first ResidualBlock bring the width to channels_out?")
class WidthByTheDoubling(_Given):
    """Both blocks keep channels_in, and the transposed convolution brings the width."""

    def __init__(self, channels_in, channels_out, step_dim, groups, upsample, attention):
        super().__init__(channels_in, channels_out, step_dim, groups, upsample, attention)
        if upsample:
            self.block1 = ResidualBlock(2 * channels_in, channels_in, step_dim, groups)
            self.block2 = ResidualBlock(channels_in, channels_in, step_dim, groups)
            self.attention = AttentionBlock(channels_in) if attention else nn.Identity()
            self.resize = nn.ConvTranspose2d(channels_in, channels_out, 4, 2, 1)


@wrong("You overwrite self.upsample by a layer, which counts as true.")
class UpsampleOverwritten(_Given):
    def __init__(self, channels_in, channels_out, step_dim, groups, upsample, attention):
        super().__init__(channels_in, channels_out, step_dim, groups, upsample, attention)
        del self.upsample, self.resize
        self.upsample = self.make_resize(channels_out)

    def forward(self, x, step_emb, skip):
        x = self.attention(self.blocks(self.beside(x, skip), step_emb))
        return self.upsample(x) if self.upsample else x


@wrong("You turn gradients off in forward, by no_grad or detach.")
class NoGradLeftIn(_Given):
    @t.no_grad()
    def forward(self, x, step_emb, skip):
        return super().forward(x, step_emb, skip)


@wrong("You detach something on that way, or use it under no_grad.")
class SkipUnderNoGrad(_Given):
    def beside(self, x, skip):
        with t.no_grad():
            return super().beside(x, skip)


@wrong("You use an ordinary convolution.")
class OrdinaryConvolution(_Given):
    def make_resize(self, c):
        return nn.Conv2d(c, c, 4, stride=2, padding=1)


@wrong("You use SiLU after the blocks. They end in one already, before they add their input.")
class SiLUBehindTheBlocks(_Given):
    def blocks(self, x, step_emb):
        return F.silu(super().blocks(x, step_emb))


@wrong("You use a ReLU after the blocks.")
class ReLUBehindTheBlocks(_Given):
    def blocks(self, x, step_emb):
        return F.relu(super().blocks(x, step_emb))


@wrong("You add the input once more.")
class FirstBlockOnceMore(_Given):
    def blocks(self, x, step_emb):
        x = self.block1(x, step_emb)
        return x + self.block2(x, step_emb)


@wrong("You change skip before it is put beside the other.")
class SkipScaled(_Given):
    """As in Imagen's network."""

    def beside(self, x, skip):
        return t.cat([x, skip / 2**0.5], dim=1)


@wrong("You change skip before it is put beside the other.")
class SkipMirrored(_Given):
    def beside(self, x, skip):
        return t.cat([x, skip.flip(3)], dim=1)


@wrong("You use one more layer for the doubling.")
class ConvolutionBehindTheDoubling(_Given):
    def make_resize(self, c):
        return nn.Sequential(super().make_resize(c), nn.Conv2d(c, c, 1))


@wrong("You stack x and skip, which adds an axis.")
class Stacked(_Given):
    def beside(self, x, skip):
        return t.stack([x, skip], dim=1)


@wrong("You change step_emb on its way")
class StepThroughSiLU(_Given):
    def blocks(self, x, step_emb):
        return super().blocks(x, F.silu(step_emb))


@wrong("You put x and skip behind each other, as images.")
class BehindEachOther(_Given):
    def beside(self, x, skip):
        return t.cat([x, skip], dim=0)


@wrong("Where is skip put beside x, as channels?")
class AddedForBoth(_Given):
    def beside(self, x, skip):
        return x + skip


@wrong("Where do x and skip, side by side, go through the two ResidualBlocks and no other layer?")
class ConvolutionBeforeTheBlocks(_Given):
    def __init__(self, channels_in, channels_out, step_dim, groups, upsample, attention):
        super().__init__(channels_in, channels_out, step_dim, groups, upsample, attention)
        self.mix = nn.Conv2d(2 * channels_in, 2 * channels_in, 1)

    def beside(self, x, skip):
        return self.mix(super().beside(x, skip))


@wrong("with upsample=True and all weights at 0, the result is not 0.\nYou add something to what the blocks make.")
class AddedWhereDoubled(_Given):
    def forward(self, x, step_emb, skip):
        made = super().forward(x, step_emb, skip)
        fits = self.upsample and made.shape[1] == x.shape[1]
        return made + F.interpolate(x, scale_factor=2) if fits else made


@wrong("You round it, as half precision does.")
class HalfPrecision(_Given):
    def beside(self, x, skip):
        return super().beside(x, skip).bfloat16().float()


EQUIVALENT = {
    "the layers do not need each other": [
        "self.block1 = ResidualBlock(2 * channels_in, channels_out, step_dim, groups) -> after self.block2 = ResidualBlock(channels_out, channels_out, step_dim, groups)",
        "self.block2 = ResidualBlock(channels_out, channels_out, step_dim, groups) -> after self.attention = AttentionBlock(channels_out) if attention else nn.Identity()",
        "self.attention = AttentionBlock(channels_out) if attention else nn.Identity() -> after self.resize = nn.ConvTranspose2d(channels_out, channels_out, 4, stride=2, padding=1) if upsample else nn.Identity()",
    ],
    "x and skip may stand side by side in either order": [
        "x = t.cat([x, skip], dim=1) -> x = t.cat([skip, x], dim=1)",
    ],
}
