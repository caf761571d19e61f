import torch as t
import torch.nn.functional as F
from torch import nn

from solutions.part2_unet import AttentionBlock, ResidualBlock, SelfAttention
from tests.answers import right, wrong


class _Given(nn.Module):
    """Right, in parts that an answer overrides."""

    def __init__(self, channels_in, channels_out, step_dim, groups, downsample, attention):
        super().__init__()
        self.downsample = downsample
        self.block1 = ResidualBlock(channels_in, channels_out, step_dim, groups)
        self.block2 = ResidualBlock(channels_out, channels_out, step_dim, groups)
        self.attention = AttentionBlock(channels_out) if attention else nn.Identity()
        self.resize = self.make_resize(channels_out) if downsample else nn.Identity()

    def make_resize(self, c):
        return nn.Conv2d(c, c, 4, stride=2, padding=1)

    def given(self, x):
        if self.downsample and (x.shape[2] % 2 or x.shape[3] % 2):
            raise ValueError("odd")

    def blocks(self, x, step_emb):
        return self.block2(self.block1(x, step_emb), step_emb)

    def forward(self, x, step_emb):
        self.given(x)
        skip = self.attention(self.blocks(x, step_emb))
        return self.resize(skip), skip


# ------------------------------------------------------------------------------------------------ right


@right
class Plain(_Given):
    pass


@right
class NoneForMissing(nn.Module):
    def __init__(self, channels_in, channels_out, step_dim, groups, downsample, attention):
        super().__init__()
        self.res1 = ResidualBlock(channels_in, channels_out, step_dim, groups)
        self.res2 = ResidualBlock(channels_out, channels_out, step_dim, groups)
        self.attn = AttentionBlock(channels_out) if attention else None
        self.down = nn.Conv2d(channels_out, channels_out, kernel_size=4, stride=2, padding=1) if downsample else None

    def forward(self, x, step_emb):
        if self.down is not None:
            assert x.shape[-2] % 2 == 0 and x.shape[-1] % 2 == 0, "odd"
        x = self.res1(x, step_emb)
        x = self.res2(x, step_emb)
        if self.attn is not None:
            x = self.attn(x)
        skip = x
        if self.down is not None:
            x = self.down(x)
        return x, skip


@right
class ModuleList(_Given):
    def __init__(self, channels_in, channels_out, step_dim, groups, downsample, attention):
        nn.Module.__init__(self)
        self.downsample = downsample
        widths = [channels_in, channels_out, channels_out]
        self.list = nn.ModuleList(
            ResidualBlock(a, b, step_dim, groups) for a, b in zip(widths, widths[1:], strict=False)
        )
        self.attention = nn.Sequential(*([AttentionBlock(channels_out)] if attention else []))
        self.resize = nn.Sequential(*([self.make_resize(channels_out)] if downsample else []))

    def blocks(self, x, step_emb):
        for block in self.list:
            x = block(x, step_emb)
        return x


@right
class NoBias(_Given):
    def make_resize(self, c):
        return nn.Conv2d(c, c, 4, 2, 1, bias=False)


@right
class AttentionAlwaysMadeWhereAsked(_Given):
    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.attends = arguments[-1]

    def forward(self, x, step_emb):
        self.given(x)
        skip = self.blocks(x, step_emb)
        skip = self.attention(skip) if self.attends else skip
        return (self.resize(skip), skip) if self.downsample else (skip, skip)


@right
class SkipCloned(_Given):
    def forward(self, x, step_emb):
        x, skip = super().forward(x, step_emb)
        return x, skip.clone()


@right
class BlocksAndAttentionInOneList(_Given):
    def __init__(self, channels_in, channels_out, step_dim, groups, downsample, attention):
        super().__init__(channels_in, channels_out, step_dim, groups, downsample, attention)
        self.parts = nn.ModuleList([self.block1, self.block2] + [self.attention] * attention)
        del self.block1, self.block2, self.attention

    def forward(self, x, step_emb):
        self.given(x)
        for i, part in enumerate(self.parts):
            x = part(x, step_emb) if i < 2 else part(x)
        return self.resize(x), x


@right
class AttentionWrittenOut(_Given):
    def __init__(self, channels_in, channels_out, step_dim, groups, downsample, attention):
        super().__init__(channels_in, channels_out, step_dim, groups, downsample, False)
        self.norm = nn.GroupNorm(1, channels_out) if attention else None
        self.attention = SelfAttention(channels_out, 2) if attention else None

    def forward(self, x, step_emb):
        self.given(x)
        skip = self.blocks(x, step_emb)
        if self.norm is not None:
            skip = skip + self.attention(self.norm(skip))
        return self.resize(skip), skip


# ------------------------------------------------------------------------------------------------ what is returned


@wrong("You return skip before x.")
class SkipFirst(_Given):
    def forward(self, x, step_emb):
        return super().forward(x, step_emb)[::-1]


@wrong("Where is the skip for the way up?")
class NoSkip(_Given):
    def forward(self, x, step_emb):
        return super().forward(x, step_emb)[0]


@wrong("You halve the skip.")
class SkipHalved(_Given):
    def forward(self, x, step_emb):
        x, _ = super().forward(x, step_emb)
        return x, x


@wrong("it returns a list, expected two tensors")
class AsAList(_Given):
    def forward(self, x, step_emb):
        return list(super().forward(x, step_emb))


@wrong("You keep skip before the ResidualBlocks.")
class SkipIsTheInput(_Given):
    def forward(self, x, step_emb):
        return super().forward(x, step_emb)[0], x


@wrong("You take the skip after the first ResidualBlock.")
class SkipAfterTheFirstBlock(_Given):
    def forward(self, x, step_emb):
        self.given(x)
        skip = self.block1(x, step_emb)
        return self.resize(self.attention(self.block2(skip, step_emb))), skip


@wrong("You take the skip after the first ResidualBlock.")
class SkipAfterTheFirstBlockWhereHalved(_Given):
    def forward(self, x, step_emb):
        self.given(x)
        skip = self.block1(x, step_emb)
        x = self.attention(self.block2(skip, step_emb))
        return (self.resize(x), skip) if self.downsample else (x, x)


@wrong("You take the skip before attention.")
class SkipBeforeAttention(_Given):
    def forward(self, x, step_emb):
        self.given(x)
        skip = self.blocks(x, step_emb)
        x = self.attention(skip)
        return (self.resize(x), skip) if self.downsample else (x, x)


@wrong("attention.norm.weight counts in skip, but not in x.\nYou make x of something else than the skip.")
class AttentionForTheSkipAlone(_Given):
    def forward(self, x, step_emb):
        self.given(x)
        x = self.blocks(x, step_emb)
        skip = self.attention(x)
        return (self.resize(x), skip) if self.downsample else (skip, skip)


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
    def __init__(self, channels_in, channels_out, step_dim, groups, downsample, attention):
        super().__init__(channels_in, channels_out, step_dim, groups, downsample, attention)
        self.block3 = ResidualBlock(channels_out, channels_out, step_dim, groups)

    def blocks(self, x, step_emb):
        return self.block3(super().blocks(x, step_emb), step_emb)


@wrong("You use one block twice.")
class BlockUsedTwice(_Given):
    def __init__(self, channels_in, channels_out, *others):
        super().__init__(channels_in, channels_out, *others)
        if channels_in == channels_out:
            self.block2 = self.block1


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
        super().__init__(*arguments)
        self.attention = nn.Identity()


@wrong("You use attention where it is not asked for.")
class AttentionAlways(_Given):
    def __init__(self, channels_in, channels_out, step_dim, groups, downsample, attention):
        super().__init__(channels_in, channels_out, step_dim, groups, downsample, True)


@wrong("You use attention where it is not asked for.")
class AttentionTurnedRound(_Given):
    def __init__(self, channels_in, channels_out, step_dim, groups, downsample, attention):
        super().__init__(channels_in, channels_out, step_dim, groups, downsample, not attention)


@wrong("the attention comes between the two ResidualBlocks, expected after both")
class AttentionInBetween(_Given):
    def blocks(self, x, step_emb):
        return self.block2(self.attention(self.block1(x, step_emb)), step_emb)

    def forward(self, x, step_emb):
        self.given(x)
        skip = self.blocks(x, step_emb)
        return self.resize(skip), skip


@wrong("the attention comes before both ResidualBlocks, expected after both")
class AttentionFirst(_Given):
    def __init__(self, channels_in, channels_out, step_dim, groups, downsample, attention):
        super().__init__(channels_in, channels_out, step_dim, groups, downsample, attention)
        self.attention = AttentionBlock(channels_in) if attention else nn.Identity()

    def forward(self, x, step_emb):
        self.given(x)
        skip = self.blocks(self.attention(x), step_emb)
        return self.resize(skip), skip


class _OtherAttention(_Given):
    def __init__(self, channels_in, channels_out, step_dim, groups, downsample, attention):
        super().__init__(channels_in, channels_out, step_dim, groups, downsample, False)
        if attention:
            self.attention = SelfAttention(channels_out)


@wrong("You use a bare SelfAttention.")
class BareAttention(_OtherAttention):
    pass


@wrong("You use a bare SelfAttention.")
class AttentionWithoutNorm(_OtherAttention):
    def forward(self, x, step_emb):
        self.given(x)
        skip = self.blocks(x, step_emb)
        skip = skip + self.attention(skip) if not isinstance(self.attention, nn.Identity) else skip
        return self.resize(skip), skip


@wrong("with downsample=False it returns a tensor")
class NoPairWithoutHalving(_Given):
    def forward(self, x, step_emb):
        x, skip = super().forward(x, step_emb)
        return (x, skip) if self.downsample else x


# ------------------------------------------------------------------------------------------------ the halving


@wrong("Where is downsample used?")
class NeverHalved(_Given):
    def forward(self, x, step_emb):
        skip = self.attention(self.blocks(x, step_emb))
        return skip, skip


@wrong("with downsample=False, x is halved")
class AlwaysHalved(_Given):
    def __init__(self, channels_in, channels_out, step_dim, groups, downsample, attention):
        super().__init__(channels_in, channels_out, step_dim, groups, True, attention)

    def given(self, x):
        pass


@wrong("You use a 3×3 kernel.")
class ThreeByThree(_Given):
    def make_resize(self, c):
        return nn.Conv2d(c, c, 3, stride=2, padding=1)


@wrong("You use a 2×2 kernel.")
class TwoByTwo(_Given):
    def make_resize(self, c):
        return nn.Conv2d(c, c, 2, stride=2)


@wrong("You resize otherwise.")
class MaxPool(_Given):
    def make_resize(self, c):
        return nn.MaxPool2d(2)


@wrong("You resize otherwise.")
class Average(_Given):
    def make_resize(self, c):
        return nn.AvgPool2d(2)


@wrong("You resize otherwise.")
class Interpolated(_Given):
    def make_resize(self, c):
        return nn.Upsample(scale_factor=0.5)


@wrong("You resize each channel by itself.")
class AverageOfFour(_Given):
    def make_resize(self, c):
        return nn.AvgPool2d(4, stride=2, padding=1)


@wrong("You resize each channel by itself.")
class ChannelByChannel(_Given):
    def make_resize(self, c):
        return nn.Conv2d(c, c, 4, stride=2, padding=1, groups=c)


@wrong("You use a 4×4 kernel with stride 2 and padding 0.")
class NoPadding(_Given):
    def make_resize(self, c):
        return nn.Conv2d(c, c, 4, stride=2)


@wrong("an image of 7 by 6 is halved without an error")
class OddAllowed(_Given):
    def given(self, x):
        pass


@wrong("an image of 6 by 7 is halved without an error")
class OnlyTheHeightIsLookedAt(_Given):
    def given(self, x):
        if self.downsample and x.shape[2] % 2:
            raise ValueError("odd")


@wrong("ValueError: odd")
class OddRefusedEvenWithoutHalving(_Given):
    def given(self, x):
        if x.shape[2] % 2 or x.shape[3] % 2:
            raise ValueError("odd")


# ------------------------------------------------------------------------------------------------ other slips


@wrong("TypeError: Module.half() takes 1 positional argument but 2 were given")
class NamedLikeAMethod(_Given):
    """Every module has a method half, which makes its numbers float16."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.half = self.resize
        del self.resize

    def forward(self, x, step_emb):
        self.given(x)
        skip = self.attention(self.blocks(x, step_emb))
        return self.half(skip), skip


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


@wrong("it returns None")
class NoReturn(_Given):
    def forward(self, x, step_emb):
        super().forward(x, step_emb)


@wrong("You take one image's step_emb for all, or a mean over the batch.")
class MeanOverTheBatch(_Given):
    def blocks(self, x, step_emb):
        return super().blocks(x, t.zeros_like(step_emb) + step_emb.mean(dim=0))


@wrong("Where is what the ResidualBlocks make passed on?")
class NoBlocks(_Given):
    """Only the shortcut is left, and the step."""

    def __init__(self, channels_in, channels_out, step_dim, groups, downsample, attention):
        super().__init__(channels_in, channels_out, step_dim, groups, downsample, attention)
        self.block1 = nn.Conv2d(channels_in, channels_out, 1)
        self.block2 = nn.Linear(step_dim, channels_out)

    def blocks(self, x, step_emb):
        return self.block1(x) + self.block2(step_emb)[:, :, None, None]


@wrong("You run one ResidualBlock and another 3×3 convolution.")
class OneBlockAndAConvolution(_Given):
    def __init__(self, channels_in, channels_out, step_dim, groups, downsample, attention):
        super().__init__(channels_in, channels_out, step_dim, groups, downsample, attention)
        self.block2 = nn.Conv2d(channels_out, channels_out, 3, padding=1)

    def blocks(self, x, step_emb):
        x = self.block1(x, step_emb)
        return x + self.block2(x)


# ------------------------------------------------------------------------------------------------ once slipped through


@wrong("You overwrite self.downsample.")
class DownsampleOverwritten(_Given):
    """By a layer, which counts as true, even an Identity."""

    def __init__(self, channels_in, channels_out, step_dim, groups, downsample, attention):
        super().__init__(channels_in, channels_out, step_dim, groups, downsample, attention)
        del self.resize, self.downsample
        self.downsample = self.make_resize(channels_out) if downsample else nn.Identity()

    def forward(self, x, step_emb):
        self.given(x)
        skip = self.attention(self.blocks(x, step_emb))
        return self.downsample(skip), skip


@wrong("You use an activation after the halving.")
class SiLUAfterTheHalving(_Given):
    def forward(self, x, step_emb):
        x, skip = super().forward(x, step_emb)
        return (F.silu(x), skip) if self.downsample else (skip, skip)


@wrong("You use an activation before the halving.")
class SiLUBeforeTheHalving(_Given):
    def forward(self, x, step_emb):
        _, skip = super().forward(x, step_emb)
        return (self.resize(F.silu(skip)), skip) if self.downsample else (skip, skip)


@wrong("You use a norm right before or after the halving.")
class NormAfterTheHalving(_Given):
    def make_resize(self, c):
        return nn.Sequential(super().make_resize(c), nn.GroupNorm(1, c))


@wrong("You detach it, or make it under no_grad.")
class SkipDetached(_Given):
    def forward(self, x, step_emb):
        x, skip = super().forward(x, step_emb)
        return x, skip.detach()


@wrong("from x no gradient reaches block1.first.0.weight.")
class HalvingDetached(_Given):
    def forward(self, x, step_emb):
        _, skip = super().forward(x, step_emb)
        return self.resize(skip.detach()), skip


@wrong("You detach something on that way, or use it under no_grad.")
class StepDetached(_Given):
    def blocks(self, x, step_emb):
        return super().blocks(x, step_emb.detach())


@wrong("You detach something on that way, or use it under no_grad.")
class StepOfTheSecondDetached(_Given):
    def blocks(self, x, step_emb):
        return self.block2(self.block1(x, step_emb), step_emb.detach())


@wrong("You use it where gradients are off, under no_grad or before a detach.")
class AttentionInputDetached(_Given):
    def forward(self, x, step_emb):
        self.given(x)
        x = self.blocks(x, step_emb)
        skip = x if isinstance(self.attention, nn.Identity) else self.attention(x.detach())
        return self.resize(skip), skip


@wrong("Where does each ResidualBlock get groups?")
class GroupsIgnored(_Given):
    def __init__(self, channels_in, channels_out, step_dim, groups, downsample, attention):
        super().__init__(channels_in, channels_out, step_dim, 1, downsample, attention)


@wrong("Where does each ResidualBlock get groups?")
class GroupsAlwaysFour(_Given):
    def __init__(self, channels_in, channels_out, step_dim, groups, downsample, attention):
        super().__init__(channels_in, channels_out, step_dim, 4, downsample, attention)


@wrong("Where does each ResidualBlock get groups?")
class GroupsOfTheFirstBlockIgnored(_Given):
    def __init__(self, channels_in, channels_out, step_dim, groups, downsample, attention):
        super().__init__(channels_in, channels_out, step_dim, groups, downsample, attention)
        self.block1 = ResidualBlock(channels_in, channels_out, step_dim, 1)


@wrong("You run attention twice.")
class AttentionTwice(_Given):
    def forward(self, x, step_emb):
        self.given(x)
        skip = self.attention(self.attention(self.blocks(x, step_emb)))
        return self.resize(skip), skip


@wrong("You add the input once more.")
class AttentionAddedOnceMore(_Given):
    def forward(self, x, step_emb):
        self.given(x)
        x = self.blocks(x, step_emb)
        skip = x if isinstance(self.attention, nn.Identity) else x + self.attention(x)
        return self.resize(skip), skip


@wrong("You add the input once more.")
class InputAddedOnceMore(_Given):
    def blocks(self, x, step_emb):
        made = super().blocks(x, step_emb)
        return made + x if made.shape == x.shape else made


@wrong("You halve the skip.")
class HalvedFirst(_Given):
    def __init__(self, channels_in, channels_out, step_dim, groups, downsample, attention):
        super().__init__(channels_in, channels_out, step_dim, groups, downsample, attention)
        self.resize = self.make_resize(channels_in) if downsample else nn.Identity()

    def forward(self, x, step_emb):
        self.given(x)
        skip = self.attention(self.blocks(self.resize(x), step_emb))
        return skip, skip


@wrong("You use a 5×5 kernel.")
class FiveByFive(_Given):
    def make_resize(self, c):
        return nn.Conv2d(c, c, 5, stride=2, padding=2)


@wrong("You use a 4×4 kernel with stride 1 and padding 1.")
class StrideOfOne(_Given):
    def make_resize(self, c):
        return nn.Conv2d(c, c, 4, stride=1, padding=1)


@wrong("You use a 4×4 kernel with stride 2 and padding 2.")
class PaddingOfTwo(_Given):
    def make_resize(self, c):
        return nn.Conv2d(c, c, 4, stride=2, padding=2)


@wrong("You use a 4×4 kernel with stride 4 and padding 0.")
class StrideOfFour(_Given):
    def make_resize(self, c):
        return nn.Conv2d(c, c, 4, stride=4)


@wrong("You turn gradients off in forward, by no_grad or detach.")
class NoGradLeftIn(_Given):
    def forward(self, x, step_emb):
        with t.no_grad():
            return super().forward(x, step_emb)


@wrong("You take one image's step_emb for all, or a mean over the batch.")
class StepOfTheFirstImage(_Given):
    def blocks(self, x, step_emb):
        return super().blocks(x, step_emb[:1].expand_as(step_emb))


@wrong("Where does the first ResidualBlock bring the width to channels_out?")
class WidthInTheSecondBlock(_Given):
    def __init__(self, channels_in, channels_out, step_dim, groups, downsample, attention):
        super().__init__(channels_in, channels_out, step_dim, groups, downsample, attention)
        self.block1 = ResidualBlock(channels_in, channels_in, step_dim, groups)
        self.block2 = ResidualBlock(channels_in, channels_out, step_dim, groups)


@wrong("You use SiLU after the blocks. They end in one already, before they add their input.")
class SiLUBehindTheBlocks(_Given):
    def blocks(self, x, step_emb):
        return F.silu(super().blocks(x, step_emb))


@wrong("You use a ReLU after the blocks.")
class ReLUBehindTheBlocks(_Given):
    def blocks(self, x, step_emb):
        return F.relu(super().blocks(x, step_emb))


@wrong("You pad with something else than zeros.")
class ReflectedBorders(_Given):
    def make_resize(self, c):
        return nn.Conv2d(c, c, 4, stride=2, padding=1, padding_mode="reflect")


@wrong("You use one more layer for the halving.")
class ConvolutionBehindTheHalving(_Given):
    def make_resize(self, c):
        return nn.Sequential(super().make_resize(c), nn.Conv2d(c, c, 1))


@wrong("You change step_emb on its way")
class StepThroughSiLU(_Given):
    def blocks(self, x, step_emb):
        return super().blocks(x, F.silu(step_emb))


@wrong("You write into x in place.")
class ClampedInPlace(_Given):
    """Done twice it changes nothing, so it has to be seen the first time."""

    def blocks(self, x, step_emb):
        return super().blocks(x.clamp_(-1, 1), step_emb)


@wrong("You use a norm after the blocks.")
class NormBehindTheBlocks(_Given):
    def __init__(self, channels_in, channels_out, step_dim, groups, downsample, attention):
        super().__init__(channels_in, channels_out, step_dim, groups, downsample, attention)
        self.norm = nn.GroupNorm(groups, channels_out)

    def blocks(self, x, step_emb):
        return self.norm(super().blocks(x, step_emb))


@wrong("You pad with something else than zeros.")
class BordersOfTheOtherSide(_Given):
    def make_resize(self, c):
        return nn.Conv2d(c, c, 4, stride=2, padding=1, padding_mode="circular")


@wrong("Where does the first ResidualBlock bring the width to channels_out?")
class WidthInTheHalving(_Given):
    def __init__(self, channels_in, channels_out, step_dim, groups, downsample, attention):
        super().__init__(channels_in, channels_in, step_dim, groups, downsample, attention)
        self.resize = nn.Conv2d(channels_in, channels_out, 4, stride=2, padding=1) if downsample else nn.Identity()


@wrong("You use another 3×3 convolution than those of two ResidualBlocks.")
class ConvolutionFirst(_Given):
    def __init__(self, channels_in, channels_out, step_dim, groups, downsample, attention):
        super().__init__(channels_in, channels_out, step_dim, groups, downsample, attention)
        self.conv = nn.Conv2d(channels_in, channels_in, 3, padding=1)

    def blocks(self, x, step_emb):
        return super().blocks(self.conv(x), step_emb)


@wrong("You double the width in the halving, which keeps it.")
class TwiceAsWide(_Given):
    def make_resize(self, c):
        return nn.Conv2d(c, 2 * c, 4, stride=2, padding=1)


@wrong("You use a transposed convolution. An ordinary one halves the size.")
class Transposed(_Given):
    def make_resize(self, c):
        return nn.ConvTranspose2d(c, c, 4, stride=2, padding=1)


@wrong("You split the convolution by groups=.")
class GroupedHalving(_Given):
    def make_resize(self, c):
        return nn.Conv2d(c, c, 4, stride=2, padding=1, groups=2)


@wrong("You round it, as half precision does.")
class HalfPrecision(_Given):
    def blocks(self, x, step_emb):
        return self.block2(self.block1(x, step_emb).half().float(), step_emb)


EQUIVALENT = {
    "the layers do not need each other": [
        "self.block1 = ResidualBlock(channels_in, channels_out, step_dim, groups) -> after self.block2 = ResidualBlock(channels_out, channels_out, step_dim, groups)",
        "self.block2 = ResidualBlock(channels_out, channels_out, step_dim, groups) -> after self.attention = AttentionBlock(channels_out) if attention else nn.Identity()",
        "self.attention = AttentionBlock(channels_out) if attention else nn.Identity() -> after self.resize = nn.Conv2d(channels_out, channels_out, 4, stride=2, padding=1) if downsample else nn.Identity()",
    ],
}
