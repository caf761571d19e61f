import torch as t
import torch.nn.functional as F
from einops import rearrange
from torch import nn

from solutions.part2_unet import GroupNorm, SiLU
from tests.answers import right, wrong


class _Given(nn.Module):
    """Right, in parts that an answer overrides."""

    def __init__(self, input_channels, output_channels, step_dim, groups):
        super().__init__()
        self.first = self.part(input_channels, output_channels, groups)
        self.step = self.make_step(step_dim, output_channels)
        self.second = self.last_part(output_channels, groups)
        self.shortcut = self.make_shortcut(input_channels, output_channels)

    def part(self, a, b, groups):
        return nn.Sequential(nn.Conv2d(a, b, 3, padding=1), nn.GroupNorm(groups, b), nn.SiLU())

    def last_part(self, c, groups):
        return self.part(c, c, groups)

    def make_step(self, step_dim, c):
        return nn.Sequential(nn.SiLU(), nn.Linear(step_dim, c))

    def make_shortcut(self, a, b):
        return nn.Identity() if a == b else nn.Conv2d(a, b, 1)

    def told(self, hidden, step_emb):
        return hidden + rearrange(self.step(step_emb), "b c -> b c 1 1")

    def forward(self, x, step_emb):
        return self.second(self.told(self.first(x), step_emb)) + self.shortcut(x)


# ------------------------------------------------------------------------------------------------ right


@right
class Plain(_Given):
    pass


@right
class OwnLayers(_Given):
    def part(self, a, b, groups):
        return nn.Sequential(nn.Conv2d(a, b, 3, padding="same"), GroupNorm(groups, b), SiLU())


@right
class LayerByLayer(nn.Module):
    def __init__(self, input_channels, output_channels, step_dim, groups):
        super().__init__()
        self.conv1 = nn.Conv2d(input_channels, output_channels, kernel_size=3, padding=1)
        self.norm1 = nn.GroupNorm(groups, output_channels)
        self.conv2 = nn.Conv2d(output_channels, output_channels, kernel_size=3, padding=1)
        self.norm2 = nn.GroupNorm(groups, output_channels)
        self.linear = nn.Linear(step_dim, output_channels)
        if input_channels != output_channels:
            self.res_conv = nn.Conv2d(input_channels, output_channels, kernel_size=1)
        else:
            self.res_conv = None

    def forward(self, x, step_emb):
        h = F.silu(self.norm1(self.conv1(x)))
        h += self.linear(F.silu(step_emb))[:, :, None, None]
        h = F.silu(self.norm2(self.conv2(h)))
        return h + (x if self.res_conv is None else self.res_conv(x))


@right
class NoBiases(_Given):
    def part(self, a, b, groups):
        return nn.Sequential(nn.Conv2d(a, b, 3, padding=1, bias=False), nn.GroupNorm(groups, b), nn.SiLU())


@right
class ZeroedNorm(_Given):
    """The scale of the last norm begins at 0, so that the block begins as its shortcut."""

    def last_part(self, c, groups):
        part = self.part(c, c, groups)
        nn.init.zeros_(part[1].weight)
        return part


@right
class ZeroedConvolution(_Given):
    def last_part(self, c, groups):
        part = self.part(c, c, groups)
        nn.init.zeros_(part[0].weight)
        return part


@right
class LinearShortcut(_Given):
    """A 1×1 convolution is a Linear layer on each pixel."""

    def make_shortcut(self, a, b):
        return nn.Identity() if a == b else nn.Linear(a, b)

    def forward(self, x, step_emb):
        branch = self.second(self.told(self.first(x), step_emb))
        through = self.shortcut(x.movedim(1, -1)).movedim(-1, 1) if branch.shape != x.shape else x
        return branch + through


@right
class StepAsConvolution(_Given):
    def make_step(self, step_dim, c):
        return nn.Sequential(nn.SiLU(), nn.Conv2d(step_dim, c, 1))

    def told(self, hidden, step_emb):
        return hidden + self.step(step_emb[:, :, None, None])


@right
class NormsWithoutWeights(_Given):
    def part(self, a, b, groups):
        norm = nn.GroupNorm(groups, b, affine=False)
        return nn.Sequential(nn.Conv2d(a, b, 3, padding=1), norm, nn.SiLU())


@right
class StepExpanded(_Given):
    def told(self, hidden, step_emb):
        step = self.step(step_emb)
        return hidden + step.unsqueeze(-1).unsqueeze(-1).expand_as(hidden)


@right
class SecondFirst(_Given):
    """The layers in another order of their making."""

    def __init__(self, input_channels, output_channels, step_dim, groups):
        nn.Module.__init__(self)
        self.shortcut = self.make_shortcut(input_channels, output_channels)
        self.second = self.last_part(output_channels, groups)
        self.step = self.make_step(step_dim, output_channels)
        self.first = self.part(input_channels, output_channels, groups)


# ------------------------------------------------------------------------------------------------ the shortcut


@wrong("Where is the input added, at the end?")
class NoShortcut(_Given):
    def forward(self, x, step_emb):
        return self.second(self.told(self.first(x), step_emb))

    def make_shortcut(self, a, b):
        return nn.Identity()


@wrong("You put a layer on the way of the input. With equal widths it needs none.")
class AlwaysAConvolution(_Given):
    def make_shortcut(self, a, b):
        return nn.Conv2d(a, b, 1)


@wrong("You use a SiLU after the input is added. The last SiLU comes before.")
class AddedBeforeSiLU(_Given):
    def last_part(self, c, groups):
        return nn.Sequential(nn.Conv2d(c, c, 3, padding=1), nn.GroupNorm(groups, c))

    def forward(self, x, step_emb):
        return F.silu(super().forward(x, step_emb))


@wrong("You add the input before the last norm. It comes at the very end.")
class AddedBeforeNorm(_Given):
    def last_part(self, c, groups):
        self.norm = nn.GroupNorm(groups, c)
        return nn.Conv2d(c, c, 3, padding=1)

    def forward(self, x, step_emb):
        return F.silu(self.norm(super().forward(x, step_emb)))


@wrong("You use a norm after the input is added. It comes at the very end.")
class NormAtTheEnd(_Given):
    def last_part(self, c, groups):
        self.norm = nn.GroupNorm(groups, c)
        return self.part(c, c, groups)

    def forward(self, x, step_emb):
        return self.norm(super().forward(x, step_emb))


@wrong("You add the input twice.")
class AddedTwice(_Given):
    def forward(self, x, step_emb):
        return super().forward(x, step_emb) + self.shortcut(x)


@wrong("You use a larger kernel than 1×1 on the shortcut.")
class WideShortcut(_Given):
    def make_shortcut(self, a, b):
        return nn.Identity() if a == b else nn.Conv2d(a, b, 3, padding=1)


@wrong("Where is the input added, through a 1×1 convolution and nothing else?")
class NormedShortcut(_Given):
    def make_shortcut(self, a, b):
        return nn.Identity() if a == b else nn.Sequential(nn.Conv2d(a, b, 1), nn.GroupNorm(1, b))


@wrong("You use a SiLU on the shortcut. The input goes through a 1×1 convolution alone.")
class BentShortcut(_Given):
    def make_shortcut(self, a, b):
        return nn.Identity() if a == b else nn.Sequential(nn.Conv2d(a, b, 1), nn.SiLU())


@wrong("Where is the input added, through a 1×1 convolution and nothing else?")
class ShortcutOnlyForEqualWidths(_Given):
    def make_shortcut(self, a, b):
        return nn.Identity()

    def forward(self, x, step_emb):
        branch = self.second(self.told(self.first(x), step_emb))
        return branch + x if branch.shape == x.shape else branch


@wrong("The size of tensor a (16) must match the size of tensor b (8)")
class NoConvolutionForOtherWidths(_Given):
    def make_shortcut(self, a, b):
        return nn.Identity()


# ------------------------------------------------------------------------------------------------ the branch


@wrong("You put something else last. SiLU is the last thing before the input is added.")
class NoLastSiLU(_Given):
    def last_part(self, c, groups):
        return self.part(c, c, groups)[:2]


@wrong("You put something else last. SiLU is the last thing before the input is added.")
class SiLUBeforeNorm(_Given):
    def part(self, a, b, groups):
        return nn.Sequential(nn.Conv2d(a, b, 3, padding=1), nn.SiLU(), nn.GroupNorm(groups, b))


@wrong("You begin with a norm, as in the paper's code. Here it is convolution, norm, SiLU.")
class AsInThePaper(_Given):
    """Norm, SiLU, convolution: right in the paper, and another block than the one asked for."""

    def part(self, a, b, groups):
        return nn.Sequential(nn.GroupNorm(groups, a), nn.SiLU(), nn.Conv2d(a, b, 3, padding=1))


@wrong("You use a ReLU. It is SiLU.")
class ReLU(_Given):
    def part(self, a, b, groups):
        return nn.Sequential(nn.Conv2d(a, b, 3, padding=1), nn.GroupNorm(groups, b), nn.ReLU())


@wrong("You use a GELU. It is SiLU.")
class GELU(_Given):
    def part(self, a, b, groups):
        return nn.Sequential(nn.Conv2d(a, b, 3, padding=1), nn.GroupNorm(groups, b), nn.GELU())


@wrong("Where is the SiLU after the first norm?")
class NoFirstSiLU(_Given):
    def __init__(self, input_channels, output_channels, step_dim, groups):
        super().__init__(input_channels, output_channels, step_dim, groups)
        self.first = self.first[:2]


@wrong("Where is the norm right after that convolution?")
class NoFirstNorm(_Given):
    def __init__(self, input_channels, output_channels, step_dim, groups):
        super().__init__(input_channels, output_channels, step_dim, groups)
        del self.first[1]


@wrong("Where is the norm right after that convolution?")
class NoSecondNorm(_Given):
    def last_part(self, c, groups):
        return nn.Sequential(nn.Conv2d(c, c, 3, padding=1), nn.SiLU())


@wrong("Where are 2 convolutions with 3×3 kernels")
class OneConvolution(_Given):
    def last_part(self, c, groups):
        return nn.Sequential(nn.GroupNorm(groups, c), nn.SiLU())


@wrong("You use a kernel of 5×5.")
class LargeKernel(_Given):
    def part(self, a, b, groups):
        return nn.Sequential(nn.Conv2d(a, b, 5, padding=2), nn.GroupNorm(groups, b), nn.SiLU())


@wrong("You use a batch norm, or let shapes broadcast that should not.")
class BatchNorm(_Given):
    def part(self, a, b, groups):
        return nn.Sequential(nn.Conv2d(a, b, 3, padding=1), nn.BatchNorm2d(b), nn.SiLU())


@wrong("Where do both norms get groups?")
class GroupsIgnored(_Given):
    def part(self, a, b, groups):
        return super().part(a, b, 1)


@wrong("must match")
class NoPadding(_Given):
    def part(self, a, b, groups):
        return nn.Sequential(nn.Conv2d(a, b, 3), nn.GroupNorm(groups, b), nn.SiLU())


@wrong("ValueError: num_channels (4) must be divisible by num_groups (16)")
class GroupsAndChannelsSwapped(_Given):
    def part(self, a, b, groups):
        return nn.Sequential(nn.Conv2d(a, b, 3, padding=1), nn.GroupNorm(b, groups), nn.SiLU())


@wrong("puts more than 4 channels in a group")
class OneGroupInTheSecondNorm(_Given):
    def last_part(self, c, groups):
        return self.part(c, c, 1)


@wrong("puts more than 4 channels in a group")
class OneGroupInTheFirstNorm(_Given):
    def __init__(self, input_channels, output_channels, step_dim, groups):
        super().__init__(input_channels, output_channels, step_dim, groups)
        self.first[1] = nn.GroupNorm(1, output_channels)


@wrong("puts fewer than 4 channels in a group")
class ChannelByChannelInTheSecondNorm(_Given):
    def last_part(self, c, groups):
        part = self.part(c, c, groups)
        part[1] = nn.InstanceNorm2d(c, affine=True)
        return part


@wrong("You use a norm right after a norm. Each convolution has one.")
class FirstNormTwice(_Given):
    def forward(self, x, step_emb):
        conv, norm, silu = self.first
        return self.second(self.told(silu(norm(norm(conv(x)))), step_emb)) + self.shortcut(x)


@wrong("You use a norm right after a norm. Each convolution has one.")
class SecondNormTwice(_Given):
    def last_part(self, c, groups):
        part = self.part(c, c, groups)
        return nn.Sequential(*part[:2], nn.GroupNorm(groups, c), nn.SiLU())


@wrong("You use one norm twice. Each convolution has a norm of its own.")
class OneNormForBoth(_Given):
    def last_part(self, c, groups):
        part = self.part(c, c, groups)
        part[1] = self.first[1]
        return part


@wrong("You normalise the input. The first convolution comes before the first norm.")
class NormBeforeTheConvolution(_Given):
    def part(self, a, b, groups):
        return nn.Sequential(nn.GroupNorm(1, a), *super().part(a, b, groups))


@wrong("Where is the 1×1 convolution that it goes through?")
class ChannelsRepeated(_Given):
    def make_shortcut(self, a, b):
        return nn.Identity()

    def forward(self, x, step_emb):
        branch = self.second(self.told(self.first(x), step_emb))
        C = branch.shape[1]
        return branch + x.repeat(1, -(-C // x.shape[1]), 1, 1)[:, :C]


# ------------------------------------------------------------------------------------------------ the step


@wrong("the result does not depend on step_emb.\nWhere is it added, between the two convolutions?")
class StepUnused(_Given):
    def told(self, hidden, step_emb):
        return hidden


@wrong("the result does not depend on step_emb.\nWhere is it added, between the two convolutions?")
class NoStep(_Given):
    def make_step(self, step_dim, c):
        return None

    def told(self, hidden, step_emb):
        return hidden


@wrong("Where is the SiLU before its Linear?")
class NoSiLUBeforeLinear(_Given):
    def make_step(self, step_dim, c):
        return nn.Linear(step_dim, c)


@wrong("You use an activation after the timestep's Linear.")
class SiLUAfterLinear(_Given):
    def make_step(self, step_dim, c):
        return nn.Sequential(nn.Linear(step_dim, c), nn.SiLU())


@wrong("You use a ReLU. It is SiLU.")
class ReLUBeforeLinear(_Given):
    def make_step(self, step_dim, c):
        return nn.Sequential(nn.ReLU(), nn.Linear(step_dim, c))


@wrong("You add it right before a norm. It comes after norm and SiLU.")
class BeforeTheFirstNorm(_Given):
    def forward(self, x, step_emb):
        conv, norm, silu = self.first
        return self.second(silu(norm(self.told(conv(x), step_emb)))) + self.shortcut(x)


@wrong("You add the timestep before the first SiLU. It comes after.")
class BeforeTheFirstSiLU(_Given):
    def forward(self, x, step_emb):
        conv, norm, silu = self.first
        return self.second(silu(self.told(norm(conv(x)), step_emb))) + self.shortcut(x)


@wrong("You add it at the end. It belongs between the two convolutions.")
class AtTheEnd(_Given):
    def forward(self, x, step_emb):
        return self.told(self.second(self.first(x)), step_emb) + self.shortcut(x)


@wrong("You add it right before a norm. It comes after norm and SiLU.")
class BeforeTheSecondNorm(_Given):
    """Right after the second convolution: the norm takes it off again."""

    def forward(self, x, step_emb):
        conv, norm, silu = self.second
        return silu(norm(self.told(conv(self.first(x)), step_emb))) + self.shortcut(x)


@wrong("Where does each channel get a number of its own?")
class OneNumberForAllChannels(_Given):
    def make_step(self, step_dim, c):
        return nn.Sequential(nn.SiLU(), nn.Linear(step_dim, 1))


@wrong("The size of tensor a (7) must match the size of tensor b (16)")
class NoRoom(_Given):
    def told(self, hidden, step_emb):
        return hidden + self.step(step_emb)


@wrong("You scale channels by the timestep. It is only added.")
class ScaledAndShifted(_Given):
    """As in later networks: the step gives a scale and a shift."""

    def make_step(self, step_dim, c):
        return nn.Sequential(nn.SiLU(), nn.Linear(step_dim, 2 * c))

    def told(self, hidden, step_emb):
        scale, shift = self.step(step_emb)[:, :, None, None].chunk(2, dim=1)
        return hidden * (1 + scale) + shift


@wrong("You add it to the input. It comes after the first norm and SiLU.")
class AddedToTheInput(_Given):
    def __init__(self, input_channels, output_channels, step_dim, groups):
        super().__init__(input_channels, output_channels, step_dim, groups)
        self.step = self.make_step(step_dim, input_channels)

    def forward(self, x, step_emb):
        return self.second(self.first(self.told(x, step_emb))) + self.shortcut(x)


@wrong("You add it after the second norm.")
class BeforeTheLastSiLU(_Given):
    def forward(self, x, step_emb):
        conv, norm, silu = self.second
        return silu(self.told(norm(conv(self.first(x))), step_emb)) + self.shortcut(x)


@wrong("You add it at the end, too.")
class InBothPlaces(_Given):
    def forward(self, x, step_emb):
        hidden = self.told(self.first(x), step_emb)
        return self.told(self.second(hidden), step_emb) + self.shortcut(x)


@wrong("You multiply by the timestep. It is added.")
class Multiplied(_Given):
    def told(self, hidden, step_emb):
        return hidden * rearrange(self.step(step_emb), "b c -> b c 1 1")


# ------------------------------------------------------------------------------------------------ other slips


@wrong("called twice with the same input, it gives two results")
class Dropout(_Given):
    def told(self, hidden, step_emb):
        return F.dropout(super().told(hidden, step_emb), 0.1)


@wrong("You keep layers in a plain list or dict.")
class PlainList(_Given):
    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.parts = [self.first, self.second]
        del self.first, self.second

    def forward(self, x, step_emb):
        first, second = self.parts
        return second(self.told(first(x), step_emb)) + self.shortcut(x)


@wrong("it changes the x it is given")
class InPlace(_Given):
    def forward(self, x, step_emb):
        if x.shape[1] == self.first[1].num_channels:
            with t.no_grad():
                x += self.second(self.told(self.first(x), step_emb))
        return super().forward(x, step_emb)


@wrong("returns None.")
class NoReturn(_Given):
    def forward(self, x, step_emb):
        super().forward(x, step_emb)


# ------------------------------------------------------------------------------------------------ once slipped through


@wrong("Where is the padding that keeps the size?")
class NoPaddingAnywhere(_Given):
    """The case of the field, shortcut and all."""

    def part(self, a, b, groups):
        return nn.Sequential(nn.Conv2d(a, b, 3), nn.GroupNorm(groups, b), nn.SiLU())

    def forward(self, x, step_emb):
        h = self.second(self.told(self.first(x), step_emb))
        return h + self.shortcut(x)


@wrong("Where does the timestep, (B, C), get an axis for height and one for width, behind C?")
class StepMeetsTheWidth(_Given):
    def told(self, hidden, step_emb):
        return hidden + self.step(step_emb)[:, None, None, :]


@wrong("You detach something on that way, or use it under no_grad.")
class ShortcutDetached(_Given):
    def forward(self, x, step_emb):
        return self.second(self.told(self.first(x), step_emb)) + self.shortcut(x.detach())


@wrong("You detach something on that way, or use it under no_grad.")
class BranchDetached(_Given):
    def forward(self, x, step_emb):
        return self.second(self.told(self.first(x.detach()), step_emb)) + self.shortcut(x)


@wrong("You detach something on that way, or use it under no_grad.")
class StepDetached(_Given):
    def told(self, hidden, step_emb):
        return super().told(hidden, step_emb.detach())


@wrong("You use it where gradients are off, under no_grad or before a detach.")
class StepUnderNoGrad(_Given):
    def told(self, hidden, step_emb):
        with t.no_grad():
            step = self.step(step_emb)
        return hidden + step[:, :, None, None]


@wrong("You split the convolution by groups=.")
class GroupedConvolutions(_Given):
    def part(self, a, b, groups):
        return nn.Sequential(nn.Conv2d(a, b, 3, padding=1, groups=groups), nn.GroupNorm(groups, b), nn.SiLU())


@wrong("You split the convolution by groups=.")
class GroupedSecondConvolution(_Given):
    def last_part(self, c, groups):
        return nn.Sequential(nn.Conv2d(c, c, 3, padding=1, groups=groups), nn.GroupNorm(groups, c), nn.SiLU())


@wrong("You split the convolution by groups=.")
class GroupedShortcut(_Given):
    def make_shortcut(self, a, b):
        return nn.Identity() if a == b else nn.Conv2d(a, b, 1, groups=2)


class _FirstActivation(_Given):
    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.first[2] = self.activation()


@wrong("You use a ReLU after the first norm.")
class FirstReLU(_FirstActivation):
    activation = nn.ReLU


@wrong("You use a GELU after the first norm.")
class FirstGELU(_FirstActivation):
    activation = nn.GELU


@wrong("You use a leaky ReLU after the first norm.")
class FirstLeakyReLU(_FirstActivation):
    activation = nn.LeakyReLU


@wrong("You use a sigmoid after the first norm.")
class FirstSigmoid(_FirstActivation):
    activation = nn.Sigmoid


@wrong("You use SiLU twice after the first norm.")
class FirstSiLUTwice(_FirstActivation):
    def activation(self):
        return nn.Sequential(nn.SiLU(), nn.SiLU())


@wrong("You add the timestep before the first SiLU and after it, too.")
class StepBeforeAndAfter(_Given):
    def forward(self, x, step_emb):
        convolution, norm, silu = self.first
        step = rearrange(self.step(step_emb), "b c -> b c 1 1")
        return self.second(silu(norm(convolution(x)) + step) + step) + self.shortcut(x)


@wrong("You use SiLU twice before the timestep's Linear.")
class SiLUTwiceBeforeLinear(_Given):
    def make_step(self, step_dim, c):
        return nn.Sequential(nn.SiLU(), nn.SiLU(), nn.Linear(step_dim, c))


@wrong("You use a tanh after the first norm.")
class FirstTanh(_FirstActivation):
    activation = nn.Tanh


@wrong("You use a GELU before the timestep's Linear.")
class GELUBeforeLinear(_Given):
    def make_step(self, step_dim, c):
        return nn.Sequential(nn.GELU(), nn.Linear(step_dim, c))


@wrong("You use an activation after the timestep's Linear.")
class SiLUOnBothSidesOfLinear(_Given):
    def make_step(self, step_dim, c):
        return nn.Sequential(nn.SiLU(), nn.Linear(step_dim, c), nn.SiLU())


@wrong("You use one layer more than the block has: two convolutions and the timestep's Linear.")
class TwoLinearsForTheStep(_Given):
    def make_step(self, step_dim, c):
        return nn.Sequential(nn.SiLU(), nn.Linear(step_dim, c), nn.Linear(c, c))


@wrong("You use one layer more than the block has: two convolutions and the timestep's Linear.")
class TwoLinearsWithSiLU(_Given):
    def make_step(self, step_dim, c):
        return nn.Sequential(nn.SiLU(), nn.Linear(step_dim, c), nn.SiLU(), nn.Linear(c, c))


@wrong("You add it at the end, too.")
class StepOnceMoreAtTheOutput(_Given):
    """With a Linear of its own."""

    def __init__(self, input_channels, output_channels, step_dim, groups):
        super().__init__(input_channels, output_channels, step_dim, groups)
        self.again = self.make_step(step_dim, output_channels)

    def forward(self, x, step_emb):
        return super().forward(x, step_emb) + self.again(step_emb)[:, :, None, None]


@wrong("You use a SiLU after the input is added.")
class SiLUOnTheSum(_Given):
    def forward(self, x, step_emb):
        return F.silu(super().forward(x, step_emb))


@wrong("You add the timestep before the first SiLU, which comes twice.")
class SiLUAfterTheStep(_Given):
    """And none before it."""

    def forward(self, x, step_emb):
        conv, norm, silu = self.first
        return self.second(silu(silu(self.told(norm(conv(x)), step_emb)))) + self.shortcut(x)


@wrong("You use SiLU once more, after the timestep is added.")
class SiLUOnceMoreAfterTheStep(_Given):
    def told(self, hidden, step_emb):
        return F.silu(super().told(hidden, step_emb))


@wrong("You spread the kernels by a dilation, or pad otherwise.")
class Dilated(_Given):
    def part(self, a, b, groups):
        return nn.Sequential(nn.Conv2d(a, b, 3, padding=2, dilation=2), nn.GroupNorm(groups, b), nn.SiLU())


@wrong("Where are 2 convolutions with 3×3 kernels, one after the other?")
class OneByOneKernels(_Given):
    def part(self, a, b, groups):
        return nn.Sequential(nn.Conv2d(a, b, 1), nn.GroupNorm(groups, b), nn.SiLU())


@wrong("You change the size of the image.")
class StrideOfTwo(_Given):
    def part(self, a, b, groups):
        return nn.Sequential(nn.Conv2d(a, b, 3, stride=2, padding=1), nn.GroupNorm(groups, b), nn.SiLU())


@wrong("Where do both norms get groups?")
class GroupsAlwaysFour(_Given):
    def part(self, a, b, groups):
        return super().part(a, b, 4)


@wrong("Where do both norms get groups?")
class GroupsAlwaysEight(_Given):
    def part(self, a, b, groups):
        return super().part(a, b, 8 if b % 8 == 0 else groups)


@wrong("You use one convolution twice.")
class SameConvolutionTwice(_Given):
    def __init__(self, input_channels, output_channels, step_dim, groups):
        super().__init__(input_channels, output_channels, step_dim, groups)
        if input_channels == output_channels:
            self.second = self.first


@wrong("You divide the sum by a root.")
class ShortcutHalved(_Given):
    def forward(self, x, step_emb):
        return super().forward(x, step_emb) / 2**0.5


@wrong("You take one image's step_emb for all, or a mean over the batch.")
class StepOfTheFirstImage(_Given):
    def told(self, hidden, step_emb):
        return super().told(hidden, step_emb[:1])


@wrong("You turn gradients off in forward, by no_grad or detach.")
class NoGradLeftIn(_Given):
    @t.no_grad()
    def forward(self, x, step_emb):
        return super().forward(x, step_emb)


@wrong("You subtract the input.")
class Subtracted(_Given):
    def forward(self, x, step_emb):
        return self.second(self.told(self.first(x), step_emb)) - self.shortcut(x)


@wrong("You use one layer more than the block has")
class ThirdConvolution(_Given):
    def last_part(self, c, groups):
        return nn.Sequential(*self.part(c, c, groups), nn.Conv2d(c, c, 1))


@wrong("Where does the first convolution bring the width to output_channels?")
class WidthInTheSecondConvolution(_Given):
    def __init__(self, input_channels, output_channels, step_dim, groups):
        super().__init__(input_channels, output_channels, step_dim, groups)
        self.first = self.part(input_channels, input_channels, groups)
        self.step = self.make_step(step_dim, input_channels)
        self.second = self.part(input_channels, output_channels, groups)


@wrong("You pad with something else than zeros.")
class ReflectedBorders(_Given):
    def part(self, a, b, groups):
        conv = nn.Conv2d(a, b, 3, padding=1, padding_mode="reflect")
        return nn.Sequential(conv, nn.GroupNorm(groups, b), nn.SiLU())


@wrong("You add the timestep twice.")
class StepTwice(_Given):
    def told(self, hidden, step_emb):
        return super().told(super().told(hidden, step_emb), step_emb)


@wrong("You scale channels by the timestep.")
class OnePlusStep(_Given):
    def told(self, hidden, step_emb):
        return hidden * (1 + rearrange(self.step(step_emb), "b c -> b c 1 1"))


@wrong("You multiply by the input.")
class TimesTheInput(_Given):
    def forward(self, x, step_emb):
        return self.second(self.told(self.first(x), step_emb)) * self.shortcut(x)


@wrong("You scale by a number that is learned.")
class Gated(_Given):
    def __init__(self, input_channels, output_channels, step_dim, groups):
        super().__init__(input_channels, output_channels, step_dim, groups)
        self.gamma = nn.Parameter(t.zeros(1))

    def forward(self, x, step_emb):
        return self.gamma * self.second(self.told(self.first(x), step_emb)) + self.shortcut(x)


@wrong("You add it to the input.")
class StepToTheInput(_Given):
    def __init__(self, input_channels, output_channels, step_dim, groups):
        super().__init__(input_channels, output_channels, step_dim, groups)
        self.step = self.make_step(step_dim, input_channels)

    def forward(self, x, step_emb):
        x = self.told(x, step_emb)
        return self.second(self.first(x)) + self.shortcut(x)


@wrong("The shortcut takes x, the input itself.")
class ShortcutOfTheBranch(_Given):
    def forward(self, x, step_emb):
        h = self.second(self.told(self.first(x), step_emb))
        return h + self.shortcut(h)


@wrong("The shortcut takes x, the input itself.")
class InputWrittenOver(_Given):
    def forward(self, x, step_emb):
        x = self.first(x)
        return self.second(self.told(x, step_emb)) + self.shortcut(x)


@wrong("You take another number of groups, perhaps the size of one.")
class SizeOfAGroup(_Given):
    def part(self, a, b, groups):
        return super().part(a, b, b // groups if b % groups == 0 else groups)


@wrong("You halve the sum. The input is added as it is.")
class Halved(_Given):
    def forward(self, x, step_emb):
        return super().forward(x, step_emb) / 2


@wrong("You cut off what is large.")
class CutOff(_Given):
    def forward(self, x, step_emb):
        return super().forward(x, step_emb).clamp(-1, 1)


@wrong("You use a tanh before the timestep's Linear.")
class TanhBefore(_Given):
    def make_step(self, step_dim, c):
        return nn.Sequential(nn.Tanh(), nn.Linear(step_dim, c))


@wrong("You use a sigmoid before the timestep's Linear.")
class SigmoidBefore(_Given):
    def make_step(self, step_dim, c):
        return nn.Sequential(nn.Sigmoid(), nn.Linear(step_dim, c))


@wrong("You use Mish before the timestep's Linear.")
class MishBefore(_Given):
    def make_step(self, step_dim, c):
        return nn.Sequential(nn.Mish(), nn.Linear(step_dim, c))


@wrong("You use Mish after the first norm.")
class MishAfterTheFirst(_Given):
    def __init__(self, input_channels, output_channels, step_dim, groups):
        super().__init__(input_channels, output_channels, step_dim, groups)
        self.first[2] = nn.Mish()


@wrong("You round it, as half precision does.")
class HalfPrecisionBetween(_Given):
    def forward(self, x, step_emb):
        hidden = self.first(x) + self.step(step_emb)[:, :, None, None]
        return self.second(hidden.bfloat16().float()) + self.shortcut(x)


@wrong("You use an activation before the first convolution.")
class SiLUOnTheInput(_Given):
    def part(self, a, b, groups):
        return nn.Sequential(nn.SiLU(), nn.Conv2d(a, b, 3, padding=1), nn.GroupNorm(groups, b), nn.SiLU())


@wrong("Where does the second convolution take what the first has made, 16 channels?")
class SecondTakesTheInput(_Given):
    def __init__(self, input_channels, output_channels, step_dim, groups):
        super().__init__(input_channels, output_channels, step_dim, groups)
        self.second = self.part(input_channels, output_channels, groups)


@wrong("You send images through a Linear layer, which takes the last axis.")
class LinearOverTheWidth(_Given):
    def make_shortcut(self, a, b):
        return nn.Identity() if a == b else nn.Linear(a, b)


@wrong("You change the size of the image.")
class FirstHalves(_Given):
    def part(self, a, b, groups):
        return nn.Sequential(nn.Conv2d(a, b, 3, stride=1 + (a != b), padding=1), nn.GroupNorm(groups, b), nn.SiLU())


@wrong("You subtract what the convolutions make. It is added.")
class BranchSubtracted(_Given):
    def forward(self, x, step_emb):
        return 2 * self.shortcut(x) - super().forward(x, step_emb)


@wrong("You normalise the timestep.")
class NormedStep(_Given):
    def make_step(self, step_dim, c):
        return nn.Sequential(nn.SiLU(), nn.Linear(step_dim, c), nn.LayerNorm(c))


@wrong("You do something else to the sum.")
class SumScaled(_Given):
    def forward(self, x, step_emb):
        return super().forward(x, step_emb) * 0.9


EQUIVALENT = {
    "the layers do not need each other": [
        "self.first = nn.Sequential(nn.Conv2d(input_channels, output_channels, 3, padding=1), nn.GroupNorm(groups, output_channels), nn.SiLU()) -> after self.step = nn.Sequential(nn.SiLU(), nn.Linear(step_dim, output_channels))",
        "self.step = nn.Sequential(nn.SiLU(), nn.Linear(step_dim, output_channels)) -> after self.second = nn.Sequential(nn.Conv2d(output_channels, output_channels, 3, padding=1), nn.GroupNorm(groups, output_channels), nn.SiLU())",
        "self.second = nn.Sequential(nn.Conv2d(output_channels, output_channels, 3, padding=1), nn.GroupNorm(groups, output_channels), nn.SiLU()) -> after same = input_channels == output_channels",
    ],
    "the Linear layer of the step may have either sign, and begins with either alike": [
        "hidden = self.first(x) + rearrange(self.step(step_emb), 'b c -> b c 1 1') -> hidden = self.first(x) - rearrange(self.step(step_emb), 'b c -> b c 1 1')",
    ],
}
