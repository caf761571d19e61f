import torch as t
import torch.nn.functional as F
from torch import nn

from solutions.part2_unet import AttentionBlock, ResidualBlock, SelfAttention
from tests.answers import right, wrong


class _Given(nn.Module):
    """Right, in parts that an answer overrides."""

    def __init__(self, channels, step_dim, groups):
        super().__init__()
        self.block1 = self.make_block(channels, step_dim, groups)
        self.attention = self.make_attention(channels)
        self.block2 = self.make_block(channels, step_dim, groups)

    def make_block(self, channels, step_dim, groups):
        return ResidualBlock(channels, channels, step_dim, groups)

    def make_attention(self, channels):
        return AttentionBlock(channels)

    def forward(self, x, step_emb):
        return self.block2(self.attention(self.block1(x, step_emb)), step_emb)


# ------------------------------------------------------------------------------------------------ right


@right
class Plain(_Given):
    pass


@right
class LineByLine(_Given):
    def forward(self, x, step_emb):
        x = self.block1(x, step_emb)
        x = self.attention(x)
        x = self.block2(x, step_emb)
        return x


@right
class ModuleList(nn.Module):
    def __init__(self, channels, step_dim, groups):
        super().__init__()
        blocks = [ResidualBlock(channels, channels, step_dim, groups) for _ in range(2)]
        self.layers = nn.ModuleList([blocks[0], AttentionBlock(channels), blocks[1]])

    def forward(self, x, step_emb):
        first, attention, second = self.layers
        return second(attention(first(x, step_emb)), step_emb)


@right
class ModuleDict(nn.Module):
    def __init__(self, channels, step_dim, groups):
        super().__init__()
        self.parts = nn.ModuleDict({"attention": AttentionBlock(channels)})
        for name in ("before", "after"):
            self.parts[name] = ResidualBlock(
                input_channels=channels, output_channels=channels, step_dim=step_dim, groups=groups
            )

    def forward(self, x, step_emb):
        x = self.parts["attention"](self.parts["before"](x, step_emb))
        return self.parts["after"](x, step_emb=step_emb)


@right
class AttentionWrittenOut(_Given):
    def make_attention(self, channels):
        self.norm = nn.GroupNorm(1, channels)
        return SelfAttention(channels, 2)

    def forward(self, x, step_emb):
        x = self.block1(x, step_emb)
        return self.block2(x + self.attention(self.norm(x)), step_emb)


@right
class ZeroedAttention(_Given):
    def make_attention(self, channels):
        block = AttentionBlock(channels)
        nn.init.zeros_(block.attention.project.weight)
        return block


@right
class OneHead(_Given):
    def make_attention(self, channels):
        block = AttentionBlock(channels)
        block.attention = SelfAttention(channels, 1)
        return block


@right
class PartsInALoop(_Given):
    def forward(self, x, step_emb):
        for part in self.children():
            x = part(x) if part is self.attention else part(x, step_emb)
        return x


# ------------------------------------------------------------------------------------------------ the blocks


@wrong("You run one ResidualBlock.")
class OneBlock(_Given):
    def __init__(self, *arguments):
        super().__init__(*arguments)
        del self.block2

    def forward(self, x, step_emb):
        return self.attention(self.block1(x, step_emb))


@wrong("You run three ResidualBlocks.")
class ThreeBlocks(_Given):
    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.block3 = self.make_block(*arguments)

    def forward(self, x, step_emb):
        return self.block3(super().forward(x, step_emb), step_emb)


@wrong("You use one block twice.")
class BlockUsedTwice(_Given):
    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.block2 = self.block1


@wrong("Where is what the ResidualBlocks make passed on?")
class NoBlocks(_Given):
    """Only the shortcuts are left."""

    def make_block(self, channels, step_dim, groups):
        self.step = nn.Linear(step_dim, channels)
        return nn.Identity()

    def forward(self, x, step_emb):
        return self.attention(x + self.step(step_emb)[:, :, None, None])


@wrong("You run one ResidualBlock and another 3×3 convolution.")
class OneBlockAndAConvolution(_Given):
    def __init__(self, channels, step_dim, groups):
        super().__init__(channels, step_dim, groups)
        self.block2 = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x, step_emb):
        x = self.attention(self.block1(x, step_emb))
        return x + self.block2(x)


@wrong("no gradient reaches block2.first.0.weight")
class SecondBlockUnused(_Given):
    def forward(self, x, step_emb):
        return self.attention(self.block1(x, step_emb))


@wrong("no gradient reaches block1.first.0.weight")
class FirstBlockUnused(_Given):
    def forward(self, x, step_emb):
        return self.block2(self.attention(x), step_emb)


@wrong("You change step_emb on its way, or hand on another.")
class NoStep(_Given):
    def forward(self, x, step_emb):
        return super().forward(x, t.zeros_like(step_emb))


@wrong("You change step_emb on its way, or hand on another.")
class NoStepInTheSecond(_Given):
    def forward(self, x, step_emb):
        return self.block2(self.attention(self.block1(x, step_emb)), 0 * step_emb)


@wrong("missing 1 required positional argument: 'step_emb'")
class StepForgotten(_Given):
    def forward(self, x, step_emb):
        return self.block2(self.attention(self.block1(x)))


@wrong("takes 2 positional arguments but 3 were given")
class StepForTheAttention(_Given):
    def forward(self, x, step_emb):
        return self.block2(self.attention(self.block1(x, step_emb), step_emb), step_emb)


# ------------------------------------------------------------------------------------------------ the attention


@wrong("Where is the AttentionBlock between the ResidualBlocks?")
class NoAttention(_Given):
    def make_attention(self, channels):
        return nn.Identity()


@wrong("no gradient reaches attention.norm.weight")
class AttentionUnused(_Given):
    def forward(self, x, step_emb):
        return self.block2(self.block1(x, step_emb), step_emb)


@wrong("no gradient reaches attention.norm.weight")
class AttentionThrownAway(_Given):
    def forward(self, x, step_emb):
        x = self.block1(x, step_emb)
        self.attention(x)
        return self.block2(x, step_emb)


@wrong("the attention comes after both ResidualBlocks, expected between the two")
class AttentionLast(_Given):
    def forward(self, x, step_emb):
        return self.attention(self.block2(self.block1(x, step_emb), step_emb))


@wrong("the attention comes before both ResidualBlocks, expected between the two")
class AttentionFirst(_Given):
    def forward(self, x, step_emb):
        return self.block2(self.block1(self.attention(x), step_emb), step_emb)


@wrong("You use a bare SelfAttention.")
class BareAttention(_Given):
    def make_attention(self, channels):
        return SelfAttention(channels)


@wrong("You use a bare SelfAttention.")
class AttentionWithoutNorm(BareAttention):
    def forward(self, x, step_emb):
        x = self.block1(x, step_emb)
        return self.block2(x + self.attention(x), step_emb)


@wrong("You add the input once more.")
class AddedOnceMore(_Given):
    def forward(self, x, step_emb):
        return x + super().forward(x, step_emb)


# ------------------------------------------------------------------------------------------------ other slips


@wrong("called twice with the same input, it gives two results")
class Dropout(_Given):
    def forward(self, x, step_emb):
        return F.dropout(super().forward(x, step_emb), 0.1)


@wrong("You keep layers in a plain list or dict.")
class PlainList(_Given):
    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.layers = [self.block1, self.attention, self.block2]
        del self.block1, self.attention, self.block2

    def forward(self, x, step_emb):
        return self.layers[2](self.layers[1](self.layers[0](x, step_emb)), step_emb)


@wrong("returns a tensor of shape (3, 16, 5, 3), expected shape (3, 8, 5, 3)")
class Concatenated(_Given):
    def forward(self, x, step_emb):
        return t.cat([x, super().forward(x, step_emb)], dim=1)


@wrong("returns 2 things, expected 1")
class WithSkip(_Given):
    def forward(self, x, step_emb):
        x = super().forward(x, step_emb)
        return x, x


@wrong("returns None.")
class NoReturn(_Given):
    def forward(self, x, step_emb):
        super().forward(x, step_emb)


@wrong("it is not a module")
class NoModule:
    def __init__(self, channels, step_dim, groups):
        self.block = _Given(channels, step_dim, groups)

    def __call__(self, x, step_emb):
        return self.block(x, step_emb)


# ------------------------------------------------------------------------------------------------ once slipped through


@wrong("Where does each ResidualBlock get groups?")
class GroupsIgnored(_Given):
    def make_block(self, channels, step_dim, groups):
        return super().make_block(channels, step_dim, 1)


@wrong("Where does each ResidualBlock get groups?")
class GroupsAlwaysFour(_Given):
    def make_block(self, channels, step_dim, groups):
        return super().make_block(channels, step_dim, 4)


@wrong("Where does each ResidualBlock get groups?")
class GroupsIgnoredInTheSecond(_Given):
    def __init__(self, channels, step_dim, groups):
        super().__init__(channels, step_dim, groups)
        self.block2 = ResidualBlock(channels, channels, step_dim, 2)


@wrong("You run attention twice.")
class AttentionTwice(_Given):
    def forward(self, x, step_emb):
        return self.block2(self.attention(self.attention(self.block1(x, step_emb))), step_emb)


@wrong("You run attention twice.")
class TwoAttentions(_Given):
    def make_attention(self, channels):
        return nn.Sequential(AttentionBlock(channels), AttentionBlock(channels))


@wrong("You use it where gradients are off, under no_grad or before a detach.")
class AttentionInputDetached(_Given):
    def forward(self, x, step_emb):
        return self.block2(self.attention(self.block1(x, step_emb).detach()), step_emb)


@wrong("You detach something on that way, or use it under no_grad.")
class StepOfTheSecondDetached(_Given):
    def forward(self, x, step_emb):
        return self.block2(self.attention(self.block1(x, step_emb)), step_emb.detach())


@wrong("You detach something on that way, or use it under no_grad.")
class InputDetached(_Given):
    def forward(self, x, step_emb):
        return super().forward(x.detach(), step_emb)


@wrong("You use it where gradients are off, under no_grad or before a detach.")
class AttentionUnderNoGrad(_Given):
    def forward(self, x, step_emb):
        x = self.block1(x, step_emb)
        with t.no_grad():
            x = self.attention(x)
        return self.block2(x, step_emb)


@wrong("You add the input once more.")
class AttentionAddedOnceMore(_Given):
    def forward(self, x, step_emb):
        x = self.block1(x, step_emb)
        return self.block2(x + self.attention(x), step_emb)


@wrong("You use SiLU after the blocks.")
class SiLUAtTheEnd(_Given):
    def forward(self, x, step_emb):
        return F.silu(super().forward(x, step_emb))


@wrong("You use a ReLU after the blocks.")
class ReLUAtTheEnd(_Given):
    def forward(self, x, step_emb):
        return F.relu(super().forward(x, step_emb))


@wrong("You use a norm after the blocks.")
class NormAtTheEnd(_Given):
    def __init__(self, channels, step_dim, groups):
        super().__init__(channels, step_dim, groups)
        self.norm = nn.GroupNorm(groups, channels)

    def forward(self, x, step_emb):
        return self.norm(super().forward(x, step_emb))


@wrong("You run one ResidualBlock.")
class SideBySide(_Given):
    """Both blocks of the input, added up."""

    def forward(self, x, step_emb):
        return self.attention(self.block1(x, step_emb)) + self.block2(x, step_emb)


@wrong("You take one image's step_emb for all, or a mean over the batch.")
class StepOfTheFirstImage(_Given):
    def forward(self, x, step_emb):
        return super().forward(x, step_emb[:1].expand_as(step_emb))


@wrong("You turn gradients off in forward, by no_grad or detach.")
class NoGradLeftIn(_Given):
    @t.no_grad()
    def forward(self, x, step_emb):
        return super().forward(x, step_emb)


@wrong("You change step_emb on its way")
class StepThroughSiLU(_Given):
    def forward(self, x, step_emb):
        return super().forward(x, F.silu(step_emb))


@wrong("nn.Sequential passes on one tensor.")
class OneSequential(_Given):
    def forward(self, x, step_emb):
        return nn.Sequential(self.block1, self.attention, self.block2)(x, step_emb)


@wrong("You take away axes of length 1, as squeeze() does.")
class SqueezedAlone(_Given):
    def forward(self, x, step_emb):
        return super().forward(x, step_emb).squeeze(0)


@wrong("You return more than is asked for.")
class APair(_Given):
    def forward(self, x, step_emb):
        return super().forward(x, step_emb), x


EQUIVALENT = {
    "the layers do not need each other": [
        "self.block1 = ResidualBlock(channels, channels, step_dim, groups) -> after self.attention = AttentionBlock(channels)",
        "self.attention = AttentionBlock(channels) -> after self.block2 = ResidualBlock(channels, channels, step_dim, groups)",
    ],
}
