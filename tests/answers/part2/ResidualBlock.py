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


@wrong("Is the input added at the end?")
class NoShortcut(_Given):
    def forward(self, x, step_emb):
        return self.second(self.told(self.first(x), step_emb))

    def make_shortcut(self, a, b):
        return nn.Identity()


@wrong("Is there a layer on the way of the input? With equal widths it needs none.")
class AlwaysAConvolution(_Given):
    def make_shortcut(self, a, b):
        return nn.Conv2d(a, b, 1)


@wrong("Is the input added before the last SiLU?")
class AddedBeforeSiLU(_Given):
    def last_part(self, c, groups):
        return nn.Sequential(nn.Conv2d(c, c, 3, padding=1), nn.GroupNorm(groups, c))

    def forward(self, x, step_emb):
        return F.silu(super().forward(x, step_emb))


@wrong("Is the input added before the last norm?")
class AddedBeforeNorm(_Given):
    def last_part(self, c, groups):
        self.norm = nn.GroupNorm(groups, c)
        return nn.Conv2d(c, c, 3, padding=1)

    def forward(self, x, step_emb):
        return F.silu(self.norm(super().forward(x, step_emb)))


@wrong("Is there a norm after the input is added?")
class NormAtTheEnd(_Given):
    def last_part(self, c, groups):
        self.norm = nn.GroupNorm(groups, c)
        return self.part(c, c, groups)

    def forward(self, x, step_emb):
        return self.norm(super().forward(x, step_emb))


@wrong("Is the input added twice?")
class AddedTwice(_Given):
    def forward(self, x, step_emb):
        return super().forward(x, step_emb) + self.shortcut(x)


@wrong("Is the shortcut's kernel 1×1?")
class WideShortcut(_Given):
    def make_shortcut(self, a, b):
        return nn.Identity() if a == b else nn.Conv2d(a, b, 3, padding=1)


@wrong("Is the input added at the end, through a 1×1 convolution alone?")
class NormedShortcut(_Given):
    def make_shortcut(self, a, b):
        return nn.Identity() if a == b else nn.Sequential(nn.Conv2d(a, b, 1), nn.GroupNorm(1, b))


@wrong("Is there a SiLU on the shortcut?")
class BentShortcut(_Given):
    def make_shortcut(self, a, b):
        return nn.Identity() if a == b else nn.Sequential(nn.Conv2d(a, b, 1), nn.SiLU())


@wrong("Is the input added at the end, through a 1×1 convolution alone?")
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


@wrong("Is SiLU the last thing before the input is added?")
class NoLastSiLU(_Given):
    def last_part(self, c, groups):
        return self.part(c, c, groups)[:2]


@wrong("Is SiLU the last thing before the input is added?")
class SiLUBeforeNorm(_Given):
    def part(self, a, b, groups):
        return nn.Sequential(nn.Conv2d(a, b, 3, padding=1), nn.SiLU(), nn.GroupNorm(groups, b))


@wrong("Does a norm come first, as in the paper's code?")
class AsInThePaper(_Given):
    """Norm, SiLU, convolution: right in the paper, and another block than the one asked for."""

    def part(self, a, b, groups):
        return nn.Sequential(nn.GroupNorm(groups, a), nn.SiLU(), nn.Conv2d(a, b, 3, padding=1))


@wrong("Is that a ReLU?")
class ReLU(_Given):
    def part(self, a, b, groups):
        return nn.Sequential(nn.Conv2d(a, b, 3, padding=1), nn.GroupNorm(groups, b), nn.ReLU())


@wrong("Is that a GELU?")
class GELU(_Given):
    def part(self, a, b, groups):
        return nn.Sequential(nn.Conv2d(a, b, 3, padding=1), nn.GroupNorm(groups, b), nn.GELU())


@wrong("Is there a SiLU after the first norm, too?")
class NoFirstSiLU(_Given):
    def __init__(self, input_channels, output_channels, step_dim, groups):
        super().__init__(input_channels, output_channels, step_dim, groups)
        self.first = self.first[:2]


@wrong("Is there a norm right after each of the two convolutions?")
class NoFirstNorm(_Given):
    def __init__(self, input_channels, output_channels, step_dim, groups):
        super().__init__(input_channels, output_channels, step_dim, groups)
        del self.first[1]


@wrong("Is there a norm right after each of the two convolutions?")
class NoSecondNorm(_Given):
    def last_part(self, c, groups):
        return nn.Sequential(nn.Conv2d(c, c, 3, padding=1), nn.SiLU())


@wrong("Are there two 3×3 convolutions?")
class OneConvolution(_Given):
    def last_part(self, c, groups):
        return nn.Sequential(nn.GroupNorm(groups, c), nn.SiLU())


@wrong("Are there two convolutions, with 3×3 kernels?")
class LargeKernel(_Given):
    def part(self, a, b, groups):
        return nn.Sequential(nn.Conv2d(a, b, 5, padding=2), nn.GroupNorm(groups, b), nn.SiLU())


@wrong("You use a batch norm, or let shapes broadcast that should not.")
class BatchNorm(_Given):
    def part(self, a, b, groups):
        return nn.Sequential(nn.Conv2d(a, b, 3, padding=1), nn.BatchNorm2d(b), nn.SiLU())


@wrong("Is groups used in both norms?")
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


@wrong("Does a norm follow right after a norm?")
class FirstNormTwice(_Given):
    def forward(self, x, step_emb):
        conv, norm, silu = self.first
        return self.second(self.told(silu(norm(norm(conv(x)))), step_emb)) + self.shortcut(x)


@wrong("Does a norm follow right after a norm?")
class SecondNormTwice(_Given):
    def last_part(self, c, groups):
        part = self.part(c, c, groups)
        return nn.Sequential(*part[:2], nn.GroupNorm(groups, c), nn.SiLU())


@wrong("Is one norm used twice?")
class OneNormForBoth(_Given):
    def last_part(self, c, groups):
        part = self.part(c, c, groups)
        part[1] = self.first[1]
        return part


@wrong("Is the input normalised?")
class NormBeforeTheConvolution(_Given):
    def part(self, a, b, groups):
        return nn.Sequential(nn.GroupNorm(1, a), *super().part(a, b, groups))


@wrong("Does it go through a 1×1 convolution, with weights of its own?")
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


@wrong("Is there a SiLU before its Linear?")
class NoSiLUBeforeLinear(_Given):
    def make_step(self, step_dim, c):
        return nn.Linear(step_dim, c)


@wrong("Is there a SiLU before its Linear?")
class SiLUAfterLinear(_Given):
    def make_step(self, step_dim, c):
        return nn.Sequential(nn.Linear(step_dim, c), nn.SiLU())


@wrong("Is that a ReLU? It is SiLU.")
class ReLUBeforeLinear(_Given):
    def make_step(self, step_dim, c):
        return nn.Sequential(nn.ReLU(), nn.Linear(step_dim, c))


@wrong("Is it added right before a norm?")
class BeforeTheFirstNorm(_Given):
    def forward(self, x, step_emb):
        conv, norm, silu = self.first
        return self.second(silu(norm(self.told(conv(x), step_emb)))) + self.shortcut(x)


@wrong("Is it added before the first SiLU?")
class BeforeTheFirstSiLU(_Given):
    def forward(self, x, step_emb):
        conv, norm, silu = self.first
        return self.second(silu(self.told(norm(conv(x)), step_emb))) + self.shortcut(x)


@wrong("Is it added at the end?")
class AtTheEnd(_Given):
    def forward(self, x, step_emb):
        return self.told(self.second(self.first(x)), step_emb) + self.shortcut(x)


@wrong("Is it added right before a norm?")
class BeforeTheSecondNorm(_Given):
    """Right after the second convolution: the norm takes it off again."""

    def forward(self, x, step_emb):
        conv, norm, silu = self.second
        return silu(norm(self.told(conv(self.first(x)), step_emb))) + self.shortcut(x)


@wrong("Does the step give each channel a number of its own?")
class OneNumberForAllChannels(_Given):
    def make_step(self, step_dim, c):
        return nn.Sequential(nn.SiLU(), nn.Linear(step_dim, 1))


@wrong("The size of tensor a (5) must match the size of tensor b (16)")
class NoRoom(_Given):
    def told(self, hidden, step_emb):
        return hidden + self.step(step_emb)


@wrong("Does the step scale channels? It is only added.")
class ScaledAndShifted(_Given):
    """As in later networks: the step gives a scale and a shift."""

    def make_step(self, step_dim, c):
        return nn.Sequential(nn.SiLU(), nn.Linear(step_dim, 2 * c))

    def told(self, hidden, step_emb):
        scale, shift = self.step(step_emb)[:, :, None, None].chunk(2, dim=1)
        return hidden * (1 + scale) + shift


@wrong("Is it added to the input?")
class AddedToTheInput(_Given):
    def __init__(self, input_channels, output_channels, step_dim, groups):
        super().__init__(input_channels, output_channels, step_dim, groups)
        self.step = self.make_step(step_dim, input_channels)

    def forward(self, x, step_emb):
        return self.second(self.first(self.told(x, step_emb))) + self.shortcut(x)


@wrong("Is it added after the second norm?")
class BeforeTheLastSiLU(_Given):
    def forward(self, x, step_emb):
        conv, norm, silu = self.second
        return silu(self.told(norm(conv(self.first(x))), step_emb)) + self.shortcut(x)


@wrong("Is it added at the end, too?")
class InBothPlaces(_Given):
    def forward(self, x, step_emb):
        hidden = self.told(self.first(x), step_emb)
        return self.told(self.second(hidden), step_emb) + self.shortcut(x)


@wrong("Does the step multiply? It is added.")
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
