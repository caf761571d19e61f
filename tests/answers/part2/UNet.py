from collections import deque
from itertools import pairwise

import torch as t
import torch.nn.functional as F
from torch import nn

from solutions.part1_diffusion import DiffusionModel
from solutions.part2_unet import DownBlock, MidBlock, ResidualBlock, SinusoidalPositionEmbeddings, UpBlock
from tests.answers import right, wrong


class _Given(nn.Module):
    """Right, in parts that an answer overrides."""

    def __init__(self, config):
        super().__init__()
        self.config = config
        self.img_shape = config.img_shape
        self.noise_schedule = None
        self.levels = len(config.dim_mults)
        self.attention = config.attention or [level == self.levels - 1 for level in range(self.levels)]
        self.step_dim = 4 * config.channels
        self.make(config, config.channels, self.step_dim, config.groups)

    def make(self, config, channels, step_dim, groups):
        self.stem = nn.Conv2d(self.img_shape[0], channels, 3, padding=1)
        self.step = self.make_step(channels, step_dim)
        self.downs, self.ups = nn.ModuleList(), nn.ModuleList()
        for level, (a, b) in enumerate(pairwise(self.widths(config))):
            self.downs.append(DownBlock(a, b, step_dim, groups, self.halves(level), self.attends_down(level)))
            self.ups.insert(0, UpBlock(b, a, step_dim, groups, self.doubles(level), self.attends_up(level)))
        self.mid = MidBlock(b, step_dim, groups)
        self.last = ResidualBlock(channels, channels, step_dim, groups)
        self.project = self.make_end(channels, self.img_shape[0])

    def widths(self, config):
        return [config.channels] + [config.channels * mult for mult in config.dim_mults]

    def halves(self, level):
        return level < self.levels - 1

    def doubles(self, level):
        return level > 0

    def attends_down(self, level):
        return self.attention[level]

    def attends_up(self, level):
        return self.attention[level]

    def make_step(self, channels, step_dim):
        return nn.Sequential(
            SinusoidalPositionEmbeddings(channels),
            nn.Linear(channels, step_dim),
            nn.SiLU(),
            nn.Linear(step_dim, step_dim),
        )

    def make_end(self, channels, image_channels):
        return nn.Conv2d(channels, image_channels, 1)

    def forward(self, images, num_steps, condition=None):
        step_emb = self.conditioned(self.embed(num_steps), condition)
        x, skips = self.down(self.stem(images), step_emb)
        x = self.up(self.middle(x, step_emb), step_emb, skips)
        return self.end(x, step_emb)

    def embed(self, num_steps):
        return self.step(num_steps)

    def conditioned(self, step_emb, condition):
        return step_emb if condition is None else step_emb + condition

    def down(self, x, step_emb):
        skips = []
        for block in self.downs:
            x, skip = block(x, step_emb)
            skips.append(skip)
        return x, skips

    def middle(self, x, step_emb):
        return self.mid(x, step_emb)

    def up(self, x, step_emb, skips):
        for block, skip in zip(self.ups, self.ordered(skips), strict=True):
            x = block(x, step_emb, self.fitted(skip, x))
        return x

    def ordered(self, skips):
        return skips[::-1]

    def fitted(self, skip, x):
        return skip

    def end(self, x, step_emb):
        return self.project(self.last(x, step_emb))


# ------------------------------------------------------------------------------------------------ right


@right
class Plain(_Given):
    pass


@right
class Popped(_Given):
    def up(self, x, step_emb, skips):
        for block in self.ups:
            x = block(x, step_emb, skips.pop())
        return x


@right
class Derived(DiffusionModel):
    """Levels in two lists, reversed afterwards."""

    def __init__(self, config):
        super().__init__()
        self.config, self.img_shape, self.noise_schedule = config, config.img_shape, None
        C, c, groups, dim = config.img_shape[0], config.channels, config.groups, 4 * config.channels
        attention = config.attention or (False,) * (len(config.dim_mults) - 1) + (True,)
        wide = [c, *(c * m for m in config.dim_mults)]
        n = len(config.dim_mults)
        self.conv_in, self.conv_out = nn.Conv2d(C, c, 3, 1, 1), nn.Conv2d(c, C, kernel_size=1)
        self.time = SinusoidalPositionEmbeddings(c)
        self.mlp = nn.Sequential(nn.Linear(c, dim), nn.SiLU(), nn.Linear(dim, dim))
        self.encoder = nn.ModuleList(
            DownBlock(wide[i], wide[i + 1], dim, groups, i != n - 1, attention[i]) for i in range(n)
        )
        self.bottleneck = MidBlock(wide[-1], dim, groups)
        self.decoder = nn.ModuleList(
            UpBlock(wide[i + 1], wide[i], dim, groups, i != 0, attention[i]) for i in reversed(range(n))
        )
        self.final = ResidualBlock(c, c, dim, groups)

    def forward(self, images, num_steps, condition=None):
        e = self.mlp(self.time(num_steps))
        if condition is not None:
            e += condition
        x, stack = self.conv_in(images), []
        for block in self.encoder:
            x, skip = block(x, e)
            stack.append(skip)
        x = self.bottleneck(x, e)
        for i, block in enumerate(self.decoder, 1):
            x = block(x, e, stack[-i])
        return self.conv_out(self.final(x, e))


@right
class ZeroedAtTheEnd(_Given):
    def make_end(self, channels, image_channels):
        conv = super().make_end(channels, image_channels)
        nn.init.zeros_(conv.weight)
        nn.init.zeros_(conv.bias)
        return conv


@right
class Recursive(_Given):
    def forward(self, images, num_steps, condition=None):
        step_emb = self.embed(num_steps) + (0 if condition is None else condition)

        def through(level, x):
            if level == self.levels:
                return self.mid(x, step_emb)
            x, skip = self.downs[level](x, step_emb)
            return self.ups[-1 - level](through(level + 1, x), step_emb, skip)

        return self.end(through(0, self.stem(images)), step_emb)


@right
class WideSinusoids(_Given):
    """The embedding's size is no business of anyone else."""

    def make_step(self, channels, step_dim):
        return nn.Sequential(
            SinusoidalPositionEmbeddings(32), nn.Linear(32, step_dim), nn.SiLU(), nn.Linear(step_dim, step_dim)
        )


@right
class InADeque(_Given):
    def up(self, x, step_emb, skips):
        waiting = deque(skips)
        for block in self.ups:
            x = block(x, step_emb, waiting.pop())
        return x


@right
class StepLineByLine(_Given):
    def make_step(self, channels, step_dim):
        self.linear1, self.linear2 = nn.Linear(channels, step_dim), nn.Linear(step_dim, step_dim)
        return SinusoidalPositionEmbeddings(channels)

    def embed(self, num_steps):
        hidden = self.linear1(self.step(num_steps))
        return self.linear2(hidden * hidden.sigmoid())


@right
class TableOfSinusoids(_Given):
    """Computed once, for all counts, and never trained."""

    def make_step(self, channels, step_dim):
        table = SinusoidalPositionEmbeddings(channels)(t.arange(self.config.max_steps + 1))
        self.table = nn.Embedding.from_pretrained(table, freeze=True)
        return nn.Sequential(nn.Linear(channels, step_dim), nn.SiLU(), nn.Linear(step_dim, step_dim))

    def embed(self, num_steps):
        return self.step(self.table(num_steps))


@right
class EndInSequence(_Given):
    """No bias in stem and end."""

    def make(self, config, channels, step_dim, groups):
        super().make(config, channels, step_dim, groups)
        self.stem = nn.Conv2d(self.img_shape[0], channels, 3, padding=1, bias=False)
        self.project = nn.Sequential(nn.Conv2d(channels, self.img_shape[0], 1, bias=False))


@right
class TimestepsAsFloats(_Given):
    def embed(self, num_steps):
        return super().embed(num_steps.float())


@right
class AllByKeyword(_Given):
    def down(self, x, step_emb):
        skips = {}
        for level, block in enumerate(self.downs):
            x, skips[level] = block(step_emb=step_emb, x=x)
        return x, skips

    def up(self, x, step_emb, skips):
        for block in self.ups:
            x = block(skip=skips.popitem()[1], step_emb=step_emb, x=x)
        return x


@right
class SecondLinearFirst(_Given):
    """As wide as long, and made in the other order."""

    def make_step(self, channels, step_dim):
        self.last_linear = nn.Linear(step_dim, step_dim, bias=False)
        self.first_linear = nn.Linear(step_dim, step_dim, bias=False)
        return SinusoidalPositionEmbeddings(step_dim)

    def embed(self, num_steps):
        return self.last_linear(F.silu(self.first_linear(self.step(num_steps))))


@right
class OwnKindsOfBlocks(_Given):
    """Blocks of the learner's own, derived from the exercises'."""

    class Down(DownBlock):
        def forward(self, x, step_emb):
            x, skip = super().forward(x, step_emb)
            return x.contiguous(), skip

    def make(self, config, channels, step_dim, groups):
        super().make(config, channels, step_dim, groups)
        for level, (a, b) in enumerate(pairwise(self.widths(config))):
            self.downs[level] = self.Down(a, b, step_dim, groups, self.halves(level), self.attends_down(level))


@right
class WiderBetweenTheLinears(_Given):
    def make_step(self, channels, step_dim):
        return nn.Sequential(
            SinusoidalPositionEmbeddings(channels),
            nn.Linear(channels, 3 * step_dim),
            nn.SiLU(),
            nn.Linear(3 * step_dim, step_dim),
        )


# ------------------------------------------------------------------------------------------------ skips


class _Resized(_Given):
    """Skips that do not fit are made to."""

    def fitted(self, skip, x):
        if skip.shape[1] != x.shape[1]:  # other widths
            skip = skip.repeat(1, -(-x.shape[1] // skip.shape[1]), 1, 1)[:, : x.shape[1]]
        return F.interpolate(skip, size=x.shape[2:])


@wrong("You use the skips first in, first out.")
class FirstInFirstOut(_Given):
    def ordered(self, skips):
        return skips


@wrong("Where does the last UpBlock get the first DownBlock's skip, last in, first out?")
class FirstInFirstOutResized(_Resized):
    def ordered(self, skips):
        return skips


@wrong("Where does the last UpBlock get the first DownBlock's skip, last in, first out?")
class FirstInFirstOutPooled(_Resized):
    def ordered(self, skips):
        return skips

    def fitted(self, skip, x):
        return super().fitted(F.adaptive_avg_pool2d(skip, x.shape[2:]), x)


@wrong("Where does the last UpBlock get the first DownBlock's skip, last in, first out?")
class CoarsestEverywhere(_Resized):
    def ordered(self, skips):
        return [skips[-1]] * len(skips)


@wrong("Where does each UpBlock get the skip of its own size, last in, first out?")
class FinestEverywhere(_Resized):
    def ordered(self, skips):
        return [skips[0]] * len(skips)


@wrong("Where does each UpBlock get the skip of its own size, last in, first out?")
class TwoCoarsestSwapped(_Resized):
    def ordered(self, skips):
        skips = skips[::-1]
        return [skips[1], skips[0], *skips[2:]] if len(skips) > 2 else skips


@wrong("Where does the last UpBlock get the first DownBlock's skip, last in, first out?")
class TwoFinestSwapped(_Resized):
    def ordered(self, skips):
        return [*skips[:1:-1], skips[0], skips[1]] if len(skips) > 1 else skips


@wrong("Where does the last UpBlock get the first DownBlock's skip, last in, first out?")
class OffByOne(_Resized):
    def ordered(self, skips):
        return (skips[1:] + skips[:1])[::-1]


@wrong("Where does each UpBlock get the skip of its own size, last in, first out?")
class MiddleSkipReplaced(_Resized):
    """The finest skip twice, the middle one never."""

    def ordered(self, skips):
        return [skips[-1], *[skips[0]] * (len(skips) - 1)] if len(skips) > 2 else skips[::-1]


@wrong("Where does the last UpBlock get the first DownBlock's skip, last in, first out?")
class NoSkips(_Given):
    def fitted(self, skip, x):
        return t.zeros_like(x)


@wrong("Where does the last UpBlock get the first DownBlock's skip, last in, first out?")
class XForSkip(_Given):
    def fitted(self, skip, x):
        return x


# ------------------------------------------------------------------------------------------------ blocks


@wrong("You keep layers in a plain list or dict.")
class PlainList(_Given):
    def make(self, *arguments):
        super().make(*arguments)
        downs, ups = list(self.downs), list(self.ups)
        del self.downs, self.ups
        self.downs, self.ups = downs, ups


@wrong("You halve in the last of them, too, which keeps the size.")
class AllHalve(_Given):
    def halves(self, level):
        return True


@wrong("You double in the last of them, too, which keeps the size.")
class AllDouble(_Given):
    def doubles(self, level):
        return level < self.levels


@wrong("Where is the MidBlock, at the bottom?")
class NoMidBlock(_Given):
    def make(self, *arguments):
        super().make(*arguments)
        self.mid = ResidualBlock(self.widths(self.config)[-1], self.widths(self.config)[-1], *arguments[2:])
        self.mid2 = ResidualBlock(self.widths(self.config)[-1], self.widths(self.config)[-1], *arguments[2:])

    def middle(self, x, step_emb):
        return self.mid2(self.mid(x, step_emb), step_emb)


@wrong("an image passes 5 ResidualBlocks, expected 7")
class NoMiddleAtAll(_Given):
    def make(self, *arguments):
        super().make(*arguments)
        del self.mid

    def middle(self, x, step_emb):
        return x


@wrong("no gradient reaches mid.block1.first.0.weight")
class MidBlockUnused(_Given):
    def middle(self, x, step_emb):
        return x


@wrong("an image passes 6 ResidualBlocks, expected 7")
class NoLastResidualBlock(_Given):
    def make(self, *arguments):
        super().make(*arguments)
        del self.last

    def end(self, x, step_emb):
        return self.project(x)


@wrong("an image passes 16 layers with 3×3 kernels, expected 15")
class LastConvolutionOfThree(_Given):
    def make_end(self, channels, image_channels):
        return nn.Conv2d(channels, image_channels, 3, padding=1)


@wrong("an image passes 14 layers with 3×3 kernels, expected 15")
class StemOfOne(_Given):
    def make(self, config, channels, step_dim, groups):
        super().make(config, channels, step_dim, groups)
        self.stem = nn.Conv2d(self.img_shape[0], channels, 1)


@wrong("Where do the widths come from the config, each level beginning with that of the one above?")
class MultipliersIgnored(_Given):
    def widths(self, config):
        return [config.channels] * (1 + self.levels)


@wrong("Where is config.groups passed on to every block?")
class GroupsIgnored(_Given):
    def make(self, config, channels, step_dim, groups):
        super().make(config, channels, step_dim, 4)


@wrong("You give attention to other levels.")
class AttentionEverywhere(_Given):
    def make(self, config, *arguments):
        self.attention = config.attention or [True] * self.levels
        super().make(config, *arguments)


@wrong("You give attention to other levels.")
class AttentionNowhere(_Given):
    def make(self, config, *arguments):
        self.attention = config.attention or [False] * self.levels
        super().make(config, *arguments)


@wrong("Where does each level get its own entry of attention, on both sides?")
class AttentionAsks(_Given):
    """The setting is not looked at."""

    def make(self, config, *arguments):
        self.attention = [level == self.levels - 1 for level in range(self.levels)]
        super().make(config, *arguments)


@wrong("Where is config.groups passed on to every block?")
class OneGroupAtTheEnd(_Given):
    def make(self, config, channels, step_dim, groups):
        super().make(config, channels, step_dim, groups)
        self.last = ResidualBlock(channels, channels, step_dim, 1)


@wrong("Where is config.groups passed on to every block?")
class OneGroupInTheMiddle(_Given):
    def make(self, config, channels, step_dim, groups):
        super().make(config, channels, step_dim, groups)
        self.mid = MidBlock(self.widths(config)[-1], step_dim, 1)


# ------------------------------------------------------------------------------------------------ images


@wrong("to have 1 channels, but got 3 channels instead")
class OneChannel(_Given):
    def make(self, config, channels, *arguments):
        super().make(config, channels, *arguments)
        self.stem = nn.Conv2d(1, channels, 3, padding=1)


@wrong("You write out the number of the images' channels.")
class ThreeChannels(_Given):
    def make(self, config, channels, *arguments):
        super().make(config, channels, *arguments)
        self.stem = nn.Conv2d(3, channels, 3, padding=1)


@wrong("returns a tensor of shape (3, 1, 8, 12), expected shape (3, 3, 8, 12)")
class OneChannelOut(_Given):
    def make_end(self, channels, image_channels):
        return nn.Conv2d(channels, 1, 1)


@wrong("You clamp or squash the guess at the end.")
class TanhAtTheEnd(_Given):
    def end(self, x, step_emb):
        return super().end(x, step_emb).tanh()


@wrong("You use an activation at the end.")
class SigmoidAtTheEnd(_Given):
    def end(self, x, step_emb):
        return super().end(x, step_emb).sigmoid()


@wrong("You use an activation at the end.")
class ReLUAtTheEnd(_Given):
    def end(self, x, step_emb):
        return super().end(x, step_emb).relu()


@wrong("You use an activation at the end.")
class SiLUAtTheEnd(_Given):
    def end(self, x, step_emb):
        return F.silu(super().end(x, step_emb))


@wrong("You clamp or squash the guess at the end.")
class ClampedAtTheEnd(_Given):
    def end(self, x, step_emb):
        return super().end(x, step_emb).clamp(-1, 1)


@wrong("You add the images to the guess, or subtract it from them.")
class ImagesAdded(_Given):
    def forward(self, images, num_steps, condition=None):
        return images + super().forward(images, num_steps, condition)


@wrong("You add the images to the guess, or subtract it from them.")
class TakenFromTheImages(_Given):
    def forward(self, images, num_steps, condition=None):
        return images - super().forward(images, num_steps, condition)


@wrong("You put something before the last convolution or behind it, such as a norm or an activation.")
class NormAtTheEnd(_Given):
    def make(self, config, channels, *others):
        super().make(config, channels, *others)
        self.norm = nn.GroupNorm(1, channels)

    def end(self, x, step_emb):
        return self.project(self.norm(self.last(x, step_emb)))


@wrong("what an image becomes depends on the other images of its batch")
class BatchNormAtTheEnd(_Given):
    def make_end(self, channels, image_channels):
        return nn.Sequential(nn.BatchNorm2d(channels), nn.Conv2d(channels, image_channels, 1))


@wrong("what an image becomes depends on the other images of its batch")
class BatchMeanTakenOff(_Given):
    def end(self, x, step_emb):
        return super().end(x - x.mean(dim=0), step_emb)


@wrong("called twice with the same input, it gives two results")
class NoiseAdded(_Given):
    def end(self, x, step_emb):
        out = super().end(x, step_emb)
        return out + 0.1 * t.randn_like(out)


# ------------------------------------------------------------------------------------------------ steps


@wrong("You take one image's num_steps for all, or a mean over the batch.")
class FirstCountForAll(_Given):
    def embed(self, num_steps):
        return self.step(num_steps[:1].expand(len(num_steps)))


@wrong("the guess does not depend on num_steps")
class StepUnused(_Given):
    def embed(self, num_steps):
        return 0 * self.step(num_steps)


@wrong("You change the timesteps.")
class AlwaysStepOne(_Given):
    def embed(self, num_steps):
        return self.step(t.ones_like(num_steps))


@wrong("You use a table with a row for each timestep. Sinusoids embed them.")
class TableOneTooShort(_Given):
    """A learned embedding of max_steps rows: num_steps = max_steps has none."""

    def make_step(self, channels, step_dim):
        return nn.Embedding(self.config.max_steps, step_dim)


@wrong("You use a table with a row for each timestep.")
class Table(_Given):
    def make_step(self, channels, step_dim):
        return nn.Embedding(self.config.max_steps + 1, step_dim)


@wrong("the timestep goes through no Linear layer on its way to the blocks, expected 2")
class SinusoidsAlone(_Given):
    """Straight into the blocks."""

    def make(self, config, channels, step_dim, groups):
        super().make(config, channels, channels, groups)

    def make_step(self, channels, step_dim):
        return SinusoidalPositionEmbeddings(channels)


@wrong("the timestep goes through one Linear layer on its way to the blocks, expected 2")
class OneLinear(_Given):
    def make_step(self, channels, step_dim):
        return nn.Sequential(SinusoidalPositionEmbeddings(channels), nn.Linear(channels, step_dim), nn.SiLU())


@wrong("nothing bends between the two Linear layers of step_emb")
class NoSiLUBetween(_Given):
    def make_step(self, channels, step_dim):
        sinusoids, one, _, two = super().make_step(channels, step_dim)
        return nn.Sequential(sinusoids, one, two)


@wrong("You use an activation after the second Linear.")
class SiLUAtTheEndOfTheStep(_Given):
    def make_step(self, channels, step_dim):
        sinusoids, one, silu, two = super().make_step(channels, step_dim)
        return nn.Sequential(sinusoids, one, two, silu)


@wrong("You leave some of what comes out of it unused, or a ReLU cuts it off.")
class ReLUBetween(_Given):
    def make_step(self, channels, step_dim):
        sinusoids, one, _, two = super().make_step(channels, step_dim)
        return nn.Sequential(sinusoids, one, nn.ReLU(), two)


@wrong("Where are the sinusoids that embed the timesteps?")
class BareNumber(_Given):
    def make_step(self, channels, step_dim):
        return nn.Sequential(nn.Linear(1, step_dim), nn.SiLU(), nn.Linear(step_dim, step_dim))

    def embed(self, num_steps):
        return self.step(num_steps[:, None] / self.config.max_steps)


@wrong("You change the timesteps.")
class ScaledBeforeTheSinusoids(_Given):
    def embed(self, num_steps):
        return self.step(num_steps / self.config.max_steps)


@wrong("You use a table with a row for each timestep. Sinusoids embed them.")
class TableWithoutTheLastCount(_Given):
    """Computed for the counts 0 to max_steps - 1."""

    def embed(self, num_steps):
        sinusoids, *layers = self.step
        table = sinusoids(t.arange(self.config.max_steps, device=num_steps.device))
        return nn.Sequential(*layers)(table[num_steps])


@wrong("ValueError: embedding_size is")
class SizeOfTheImage(_Given):
    """The width of the embedding from the image's channels."""

    def make_step(self, channels, step_dim):
        c = self.img_shape[0]
        return nn.Sequential(SinusoidalPositionEmbeddings(c), nn.Linear(c, step_dim), nn.SiLU())


# ------------------------------------------------------------------------------------------------ the condition


@right
class AddedInPlace(_Given):
    """To a tensor that belongs to this call alone."""

    def conditioned(self, step_emb, condition):
        if condition is not None:
            step_emb += condition
        return step_emb


@right
class ZerosForNone(_Given):
    def conditioned(self, step_emb, condition):
        condition = t.zeros_like(step_emb) if condition is None else condition
        return t.stack([step_emb, condition]).sum(dim=0)


@right
class ConditionNamed(_Given):
    """A condition found among other arguments, added before the stem runs."""

    def forward(self, images, num_steps, condition=None, **others):
        emb = self.embed(num_steps)
        if isinstance(condition, t.Tensor):
            emb = emb.add(condition)
        x, skips = self.down(self.stem(images), step_emb=emb)
        return self.end(self.up(self.mid(x, step_emb=emb), emb, skips), emb)


@wrong("forward takes no condition, expected forward(self, images, num_steps, condition=None)")
class FromBeforeTheCondition(_Given):
    def forward(self, images, num_steps):
        return super().forward(images, num_steps)


@wrong("forward takes no condition, expected forward(self, images, num_steps, condition=None)")
class ConditionRenamed(_Given):
    def forward(self, images, num_steps, class_emb=None):
        return super().forward(images, num_steps, class_emb)


@wrong("forward can't be called without a condition")
class ConditionRequired(_Given):
    def forward(self, images, num_steps, condition):
        return super().forward(images, num_steps, condition)


@wrong("the guess does not depend on condition")
class ConditionIgnored(_Given):
    def conditioned(self, step_emb, condition):
        return step_emb


@wrong("the guess does not depend on condition")
class SumIsLost(_Given):
    """step_emb.add without an underscore."""

    def conditioned(self, step_emb, condition):
        if condition is not None:
            step_emb.add(condition)
        return step_emb


@wrong("RuntimeError: Boolean value of Tensor with more than one value is ambiguous")
class ConditionAsked(_Given):
    def conditioned(self, step_emb, condition):
        return step_emb + condition if condition else step_emb


@wrong("You multiply step_emb by the condition.")
class Multiplied(_Given):
    def conditioned(self, step_emb, condition):
        return step_emb if condition is None else step_emb * condition


@wrong("You multiply step_emb by the condition.")
class Scaled(_Given):
    def conditioned(self, step_emb, condition):
        return step_emb if condition is None else step_emb * (1 + condition)


@wrong("You replace the timestep by the condition.")
class Replaced(_Given):
    def conditioned(self, step_emb, condition):
        return step_emb if condition is None else condition


@wrong("You subtract the condition.")
class Subtracted(_Given):
    def conditioned(self, step_emb, condition):
        return step_emb if condition is None else step_emb - condition


@wrong("You halve the sum.")
class Averaged(_Given):
    def conditioned(self, step_emb, condition):
        return step_emb if condition is None else (step_emb + condition) / 2


@wrong("You use an activation after the sum.")
class SiLUAfterTheSum(_Given):
    def conditioned(self, step_emb, condition):
        return step_emb if condition is None else F.silu(step_emb + condition)


@wrong("You use the first image's condition for all.")
class FirstConditionForAll(_Given):
    def conditioned(self, step_emb, condition):
        return step_emb if condition is None else step_emb + condition[:1]


@wrong("You average the condition over the batch.")
class MeanCondition(_Given):
    def conditioned(self, step_emb, condition):
        return step_emb if condition is None else step_emb + condition.mean(dim=0)


@wrong("gets a step_emb of shape (3, 64), expected (3, 32)")
class PutBeside(_Given):
    def conditioned(self, step_emb, condition):
        return step_emb if condition is None else t.cat([step_emb, condition], dim=1)


@wrong("gets a step_emb of shape (6, 32), expected (3, 32)")
class PutBelow(_Given):
    def conditioned(self, step_emb, condition):
        return step_emb if condition is None else t.cat([step_emb, condition])


@wrong("You change the condition, by a layer or an activation.")
class ThroughALinear(_Given):
    def make(self, config, channels, step_dim, groups):
        super().make(config, channels, step_dim, groups)
        self.project_condition = nn.Linear(step_dim, step_dim, bias=False)

    def conditioned(self, step_emb, condition):
        return step_emb if condition is None else step_emb + self.project_condition(condition)


@wrong("You send the condition through the layers of the timestep.")
class BeforeTheLastLinear(_Given):
    def forward(self, images, num_steps, condition=None):
        self.condition = condition
        return super().forward(images, num_steps)

    def embed(self, num_steps):
        sinusoids, one, silu, two = self.step
        hidden = one(sinusoids(num_steps))
        return two(silu(hidden if self.condition is None else hidden + self.condition))


@wrong("You add something where condition is None.")
class LearnedForNone(_Given):
    """As a class that is missing has in networks with guidance."""

    def make(self, config, channels, step_dim, groups):
        super().make(config, channels, step_dim, groups)
        self.missing = nn.Parameter(t.randn(step_dim))

    def conditioned(self, step_emb, condition):
        return step_emb + (self.missing if condition is None else condition)


@wrong("You add the condition to something else.")
class AddedToTheImages(_Given):
    def forward(self, images, num_steps, condition=None):
        if condition is not None:
            images = images + condition.mean(dim=1)[:, None, None, None]
        return super().forward(images, num_steps)


@wrong("You add the condition to something else, too.")
class AddedToTheStemToo(_Given):
    def forward(self, images, num_steps, condition=None):
        step_emb = self.conditioned(self.embed(num_steps), condition)
        x = self.stem(images)
        if condition is not None:
            x = x + condition[:, : x.shape[1], None, None]
        x, skips = self.down(x, step_emb)
        x = self.up(self.middle(x, step_emb), step_emb, skips)
        return self.end(x, step_emb)


@wrong("Where does it get the condition?")
class InTheMiddleAlone(_Given):
    def forward(self, images, num_steps, condition=None):
        step_emb = self.embed(num_steps)
        x, skips = self.down(self.stem(images), step_emb)
        x = self.middle(x, self.conditioned(step_emb, condition))
        return self.end(self.up(x, step_emb, skips), step_emb)


@wrong("Where does it get the condition?")
class NotInTheLastBlock(_Given):
    def forward(self, images, num_steps, condition=None):
        step_emb = self.embed(num_steps)
        both = self.conditioned(step_emb, condition)
        x, skips = self.down(self.stem(images), both)
        return self.end(self.up(self.middle(x, both), both, skips), step_emb)


@wrong("You add the condition twice.")
class AddedAgainOnTheWayUp(_Given):
    def up(self, x, step_emb, skips):
        return super().up(x, self.conditioned(step_emb, self.condition), skips)

    def forward(self, images, num_steps, condition=None):
        self.condition = condition
        return super().forward(images, num_steps, condition)


@wrong("a call without a condition gives another guess after one with it")
class ConditionKept(_Given):
    def conditioned(self, step_emb, condition):
        if condition is not None:
            self.kept = condition
        return step_emb + getattr(self, "kept", 0)


@wrong("it changes the condition it is given")
class AddedIntoTheCondition(_Given):
    def conditioned(self, step_emb, condition):
        if condition is None:
            return step_emb
        condition += step_emb
        return condition


@wrong("no gradient reaches condition")
class ConditionDetached(_Given):
    def conditioned(self, step_emb, condition):
        return step_emb if condition is None else step_emb + condition.detach()


@wrong("no gradient reaches condition")
class ConditionMadeAnew(_Given):
    def conditioned(self, step_emb, condition):
        return step_emb if condition is None else step_emb + t.tensor(condition.tolist()).to(step_emb)


@wrong("gets a step_emb of shape (3, 8), expected (3, 32)")
class NarrowStep(_Given):
    """step_emb as wide as the sinusoids."""

    def make(self, config, channels, step_dim, groups):
        super().make(config, channels, channels, groups)


@wrong("gets a step_emb of shape (3, 64), expected (3, 32)")
class WidthTwice(_Given):
    def make(self, config, channels, step_dim, groups):
        super().make(config, channels, 2 * step_dim, groups)


# ------------------------------------------------------------------------------------------------ other slips


@wrong("Where is the line of __init__ that was given?")
class GivenLinesLost(_Given):
    def __init__(self, config):
        super().__init__(config)
        del self.noise_schedule


@wrong("returns None.")
class NoReturn(_Given):
    def forward(self, images, num_steps, condition=None):
        super().forward(images, num_steps, condition)


@wrong("Where do the DownBlock and the UpBlock of one level get the same entry of attention?")
class AttentionReversedOnTheWayUp(_Given):
    def attends_up(self, level):
        return self.attention[self.levels - 1 - level]


@wrong("attention=None makes another network")
class AttentionReversed(_Given):
    def attends_down(self, level):
        return self.attention[-1 - level] if self.config.attention else self.attention[level]

    attends_up = attends_down


@wrong("Where does each level get its own entry of attention, on both sides?")
class AttentionOnlyOnTheWayDown(_Given):
    def attends_up(self, level):
        return False


# ------------------------------------------------------------------------------------------------ __init__ alone


class _Init(_Given):
    """All but forward is written."""

    def forward(self, images, num_steps, condition=None):
        raise NotImplementedError("2.11 UNet is not written yet")


@wrong("NotImplementedError: 2.11 UNet is not written yet")
class ForwardToBeWritten(_Init):
    pass


@wrong("a DownBlock takes a step_emb of width 8, expected 32")
class NarrowStepForwardToBeWritten(_Init):
    def make(self, config, channels, step_dim, groups):
        super().make(config, channels, channels, groups)


@wrong("__init__ makes 0 DownBlocks, expected 3")
class PlainListAlone(_Init, PlainList):
    pass


@wrong("__init__ makes 0 MidBlocks, expected 1")
class NoMidBlockAlone(_Init, NoMidBlock):
    pass


@wrong("Where do the widths come from the config, each level beginning with that of the one above?")
class MultipliersIgnoredAlone(_Init, MultipliersIgnored):
    pass


@wrong("Where do the widths come from the config, each level beginning with that of the one above?")
class EachLevelOfOneWidthAlone(_Init):
    def widths(self, config):
        return [config.channels * config.dim_mults[0]] + [config.channels * config.dim_mults[-1]] * self.levels


@wrong("and all UpBlocks double but the last to run?")
class AllHalveAlone(_Init, AllHalve):
    pass


@wrong("and all UpBlocks double but the last to run?")
class AllDoubleAlone(_Init, AllDouble):
    pass


@wrong("Where does each level get its own entry of attention, on both sides?")
class AttentionAsksAlone(_Init, AttentionAsks):
    pass


@wrong("Where does each level get its own entry of attention, on both sides?")
class AttentionOnlyOnTheWayDownAlone(_Init, AttentionOnlyOnTheWayDown):
    pass


# ------------------------------------------------------------------------------------------------ once slipped through


@wrong("You use a GELU between the two Linear layers.")
class GELUBetween(_Given):
    def make_step(self, channels, step_dim):
        sinusoids, one, _, two = super().make_step(channels, step_dim)
        return nn.Sequential(sinusoids, one, nn.GELU(), two)


@wrong("You use a sigmoid between the two Linear layers.")
class SigmoidBetween(_Given):
    def make_step(self, channels, step_dim):
        sinusoids, one, _, two = super().make_step(channels, step_dim)
        return nn.Sequential(sinusoids, one, nn.Sigmoid(), two)


@wrong("You use a tanh between the two Linear layers.")
class TanhBetween(_Given):
    def make_step(self, channels, step_dim):
        sinusoids, one, _, two = super().make_step(channels, step_dim)
        return nn.Sequential(sinusoids, one, nn.Tanh(), two)


@wrong("You use an activation after the second Linear.")
class SiLUAtTheEndToo(_Given):
    def make_step(self, channels, step_dim):
        return nn.Sequential(*super().make_step(channels, step_dim), nn.SiLU())


@wrong("You put something between the sinusoids and the first Linear.")
class SiLUBeforeTheFirstLinear(_Given):
    def make_step(self, channels, step_dim):
        sinusoids, *others = super().make_step(channels, step_dim)
        return nn.Sequential(sinusoids, nn.SiLU(), *others)


@wrong("Where is step_emb made as the text says: sinusoids, Linear, SiLU, Linear?")
class ThreeLinears(_Given):
    def make_step(self, channels, step_dim):
        return nn.Sequential(*super().make_step(channels, step_dim), nn.SiLU(), nn.Linear(step_dim, step_dim))


@wrong("You use a kernel of 7×7.")
class SevenBySevenStem(_Given):
    def make(self, config, channels, step_dim, groups):
        super().make(config, channels, step_dim, groups)
        self.stem = nn.Conv2d(self.img_shape[0], channels, 7, padding=3)


@wrong("You use a kernel of 5×5.")
class FiveByFiveStem(_Given):
    def make(self, config, channels, step_dim, groups):
        super().make(config, channels, step_dim, groups)
        self.stem = nn.Conv2d(self.img_shape[0], channels, 5, padding=2)


@wrong("You put something before the stem or behind it, such as a norm or an activation.")
class SiLUAfterTheStem(_Given):
    def make(self, config, channels, step_dim, groups):
        super().make(config, channels, step_dim, groups)
        self.stem = nn.Sequential(self.stem, nn.SiLU())


@wrong("You put something before the last convolution or behind it, such as a norm or an activation.")
class SiLUBeforeTheEnd(_Given):
    def make_end(self, channels, image_channels):
        return nn.Sequential(nn.SiLU(), nn.Conv2d(channels, image_channels, 1))


@wrong("You put something before the last convolution or behind it, such as a norm or an activation.")
class NormAndSiLUBeforeTheEnd(_Given):
    """As in the paper's code."""

    def make_end(self, channels, image_channels):
        return nn.Sequential(nn.GroupNorm(4, channels), nn.SiLU(), nn.Conv2d(channels, image_channels, 1))


@wrong("You turn gradients off in forward, by no_grad or detach.")
class NoGradLeftIn(_Given):
    @t.no_grad()
    def forward(self, images, num_steps, condition=None):
        return super().forward(images, num_steps, condition)


@wrong("You turn gradients off in forward, by no_grad or detach.")
class InferenceModeLeftIn(_Given):
    @t.inference_mode()
    def forward(self, images, num_steps, condition=None):
        return super().forward(images, num_steps, condition)


@wrong("You detach something on that way, or use it under no_grad.")
class SkipsDetached(_Given):
    def fitted(self, skip, x):
        return skip.detach()


@wrong("You detach something on that way, or use it under no_grad.")
class OneSkipDetached(_Given):
    def ordered(self, skips):
        return [*skips[:0:-1], skips[0].detach()]


@wrong("You detach something on that way, or use it under no_grad.")
class MiddleDetached(_Given):
    def middle(self, x, step_emb):
        return super().middle(x.detach(), step_emb)


@wrong("You detach something on that way, or use it under no_grad.")
class StepDetachedOnTheWayUp(_Given):
    def up(self, x, step_emb, skips):
        return super().up(x, step_emb.detach(), skips)


@wrong("You use it where gradients are off, under no_grad or before a detach.")
class StepDetached(_Given):
    def embed(self, num_steps):
        return super().embed(num_steps).detach()


@wrong("You use it where gradients are off, under no_grad or before a detach.")
class StepUnderNoGrad(_Given):
    def embed(self, num_steps):
        with t.no_grad():
            return super().embed(num_steps)


@wrong("You use it where gradients are off, under no_grad or before a detach.")
class WayDownUnderNoGrad(_Given):
    def down(self, x, step_emb):
        with t.no_grad():
            return super().down(x, step_emb)


@wrong("You use it where gradients are off, under no_grad or before a detach.")
class StemDetached(_Given):
    def down(self, x, step_emb):
        return super().down(x.detach(), step_emb)


@wrong("You call self(...) in forward, which is forward once more.")
class CallsItself(_Given):
    def forward(self, images, num_steps, condition=None):
        return self(images, num_steps)


@wrong("You use the skips first in, first out.")
class SkipsPoppedFirst(_Given):
    def up(self, x, step_emb, skips):
        for block in self.ups:
            x = block(x, step_emb, skips.pop(0))
        return x


@wrong("You run the UpBlocks in another order.")
class UpsNotReversed(_Given):
    """The UpBlocks stand in the order of the levels, and run in it."""

    def up(self, x, step_emb, skips):
        for block, skip in zip(reversed(self.ups), skips[::-1], strict=True):
            x = block(x, step_emb, skip)
        return x


@wrong("You hand a skip to another level.")
class OneSkipForAll(_Given):
    def ordered(self, skips):
        return [skips[-1]] * len(skips)


@wrong("Where do all DownBlocks halve but the last to run?")
class NothingHalves(_Given):
    def halves(self, level):
        return False

    def doubles(self, level):
        return False


@wrong("Where do all DownBlocks halve but the last to run?")
class FirstLevelDoesNotHalve(_Given):
    def halves(self, level):
        return level > 0

    def doubles(self, level):
        return level < self.levels - 1


@wrong("You scale or round the timesteps.")
class TimestepsOfBfloat16(_Given):
    def embed(self, num_steps):
        return super().embed(num_steps.bfloat16().float())


@wrong("You change the timesteps.")
class OneLess(_Given):
    def embed(self, num_steps):
        return super().embed(num_steps - 1)


@wrong("You run too many.")
class SameLastBlockTwice(_Given):
    def end(self, x, step_emb):
        return self.project(self.last(self.last(x, step_emb), step_emb))


@wrong("Where is it used in forward?")
class LastBlockUnused(_Given):
    def end(self, x, step_emb):
        return self.project(x)


@wrong("Where do all channels of the images go into the stem?")
class ImagesNotUsed(_Given):
    def down(self, x, step_emb):
        return super().down(0 * x, step_emb)


@wrong("Where do all channels of the images go into the stem?")
class FirstImageChannelAlone(_Given):
    def make(self, config, channels, step_dim, groups):
        super().make(config, channels, step_dim, groups)
        self.stem = nn.Conv2d(1, channels, 3, padding=1)

    def forward(self, images, num_steps, condition=None):
        return super().forward(images[:, :1], num_steps, condition)


@wrong("Where do the widths come from the config, each level beginning with that of the one above?")
class WidthsOfDoublings(_Given):
    """As in other networks, each level is twice as wide, whatever dim_mults says."""

    def widths(self, config):
        return [config.channels * 2**level for level in range(self.levels + 1)]


@wrong("You overwrite self.img_shape.")
class ImgShapeOverwritten(_Given):
    def make(self, config, channels, step_dim, groups):
        super().make(config, channels, step_dim, groups)
        self.img_shape = self.stem


@wrong("You take away axes of length 1, as squeeze() does.")
class Squeezed(_Given):
    def forward(self, images, num_steps, condition=None):
        return super().forward(images, num_steps, condition).squeeze()


@wrong("You run too many.")
class MidBlockTwice(_Given):
    def middle(self, x, step_emb):
        return self.mid(self.mid(x, step_emb), step_emb)


@wrong("You double in the last of them, too, which keeps the size.")
class InterpolatedToFit(_Given):
    """All UpBlocks double, and the end is resized."""

    def doubles(self, level):
        return True

    def end(self, x, step_emb):
        return super().end(F.interpolate(x, scale_factor=0.5), step_emb)


@wrong("You put something between the two, or beside it. Only UpBlocks get skips.")
class StemOnceMore(_Given):
    """As in networks that end in a ResidualBlock of twice the width."""

    def make(self, config, channels, step_dim, groups):
        super().make(config, channels, step_dim, groups)
        self.last = ResidualBlock(2 * channels, channels, step_dim, groups)

    def forward(self, images, num_steps, condition=None):
        step_emb, first = self.conditioned(self.embed(num_steps), condition), self.stem(images)
        x, skips = self.down(first, step_emb)
        x = self.up(self.middle(x, step_emb), step_emb, skips)
        return self.end(t.cat([x, first], dim=1), step_emb)


@wrong("You put something between the two, or beside it. Only UpBlocks get skips.")
class AroundTheMidBlock(_Given):
    def middle(self, x, step_emb):
        return x + super().middle(x, step_emb)


@wrong("You put something before the last convolution or behind it, such as a norm or an activation.")
class TwoConvolutionsAtTheEnd(_Given):
    def make_end(self, channels, image_channels):
        return nn.Sequential(nn.Conv2d(channels, channels, 1), super().make_end(channels, image_channels))


@wrong("You put something before the stem or behind it, such as a norm or an activation.")
class ImagesRescaled(_Given):
    def forward(self, images, num_steps, condition=None):
        return super().forward(2 * images - 1, num_steps, condition)


@wrong("You use a table with a row for each timestep.")
class OneHot(_Given):
    def make_step(self, channels, step_dim):
        self.classes = self.config.max_steps + 1
        return nn.Sequential(nn.Linear(self.classes, step_dim), nn.SiLU(), nn.Linear(step_dim, step_dim))

    def embed(self, num_steps):
        return self.step(F.one_hot(num_steps, self.classes).float())


@wrong("You write out the number of the images' channels.")
class OneChannelAtTheEnd(_Given):
    def make_end(self, channels, image_channels):
        return super().make_end(channels, 1)


@wrong("Where do you keep the skip, the second of the two things that a DownBlock returns?")
class HalvedKept(_Given):
    def down(self, x, step_emb):
        skips = []
        for down in self.downs:
            x, _ = down(x, step_emb)
            skips.append(x)
        return x, skips


@wrong("You double in the wrong UpBlocks. Each of them doubles but the last to run, of level 0.")
class DoublesInTheLast(_Given):
    def doubles(self, level):
        return level < self.levels - 1


@wrong("the second UpBlock to run keeps the size, expected that it doubles.\nYou double in the wrong UpBlocks.")
class DoublesInTheFirstAlone(_Given):
    def doubles(self, level):
        return level == self.levels - 1 > 0


@wrong("You change a skip on its way. It goes to its UpBlock as it is.")
class SkipsScaled(_Given):
    def down(self, x, step_emb):
        x, skips = super().down(x, step_emb)
        return x, [skip / 2**0.5 for skip in skips]


@wrong("You swap x and skip. UpBlocks get x first.")
class SkipBeforeX(_Given):
    def up(self, x, step_emb, skips):
        for up in self.ups:
            x = up(skips.pop(), step_emb, x)
        return x


@wrong("An UpBlock takes x, step_emb and skip, in this order.")
class SkipBeforeTheStep(_Given):
    def up(self, x, step_emb, skips):
        for up in self.ups:
            x = up(x, skips.pop(), step_emb)
        return x


@wrong("You put something before the stem or behind it")
class ImagesClamped(_Given):
    def forward(self, images, num_steps, condition=None):
        return super().forward(images.clamp(-1, 1), num_steps, condition)


@wrong("Where is config.groups passed on to every block?")
class GroupsOfTheFinestLevelAlone(_Given):
    def make(self, config, channels, step_dim, groups):
        super().make(config, channels, step_dim, groups)
        for level, (a, b) in enumerate(pairwise(self.widths(config))):
            if level:
                self.downs[level] = DownBlock(a, b, step_dim, 4, self.halves(level), self.attends_down(level))


@wrong("You use a norm after the second Linear.")
class NormOfTheStep(_Given):
    def make_step(self, channels, step_dim):
        return nn.Sequential(*super().make_step(channels, step_dim), nn.LayerNorm(step_dim))


@wrong("You change the condition, by a layer or an activation. It's added as it is.")
class SiLUOnTheCondition(_Given):
    def conditioned(self, step_emb, condition):
        return step_emb if condition is None else step_emb + F.silu(condition)


@wrong("You round it, as half precision does.")
class StepInHalfPrecision(_Given):
    def embed(self, num_steps):
        return super().embed(num_steps).bfloat16().float()


@wrong("You compute in half precision, which ends at 65,504.")
class MiddleInHalfPrecision(_Given):
    def middle(self, x, step_emb):
        return super().middle(x.half().float(), step_emb)


@wrong("16 → 64, attention, expected")
class MultipliersMultiplied(_Given):
    def widths(self, config):
        widths = [config.channels]
        for mult in config.dim_mults:
            widths.append(widths[-1] * mult)
        return widths


@wrong("UpBlock goes 8 → 16, doubles; 8 → 8, attention; 16 → 32, doubles, attention, expected")
class UpWidthsSwapped(_Given):
    def make(self, config, channels, step_dim, groups):
        super().make(config, channels, step_dim, groups)
        for level, (a, b) in enumerate(pairwise(self.widths(config))):
            self.ups[-1 - level] = UpBlock(a, b, step_dim, groups, self.doubles(level), self.attends_up(level))


@wrong("A DownBlock returns two things, x and its skip.")
class PairAsOneThing(_Given):
    def down(self, x, step_emb):
        skips = []
        for down in self.downs:
            x = down(x, step_emb)
            skips.append(x)
        return x, skips


EQUIVALENT = {
    "what these lines make does not need what the next one makes": [
        "self.stem = nn.Conv2d(self.img_shape[0], channels, 3, padding=1) -> after self.step = nn.Sequential(SinusoidalPositionEmbeddings(channels), nn.Linear(channels, step_dim), nn.SiLU(), nn.Linear(step_dim, step_dim))",
        "self.step = nn.Sequential(SinusoidalPositionEmbeddings(channels), nn.Linear(channels, step_dim), nn.SiLU(), nn.Linear(step_dim, step_dim)) -> after widths = [channels] + [channels * mult for mult in config.dim_mults]",
        "widths = [channels] + [channels * mult for mult in config.dim_mults] -> after self.downs, self.ups = (nn.ModuleList(), nn.ModuleList())",
        "for level, (before, after) in enumerate(pairwise(widths)): -> after self.mid = MidBlock(widths[-1], step_dim, groups)",
        "self.mid = MidBlock(widths[-1], step_dim, groups) -> after self.last = ResidualBlock(channels, channels, step_dim, groups)",
        "self.last = ResidualBlock(channels, channels, step_dim, groups) -> after self.project = nn.Conv2d(channels, self.img_shape[0], 1)",
        "x = self.stem(images) -> after skips = []",
        "if condition is not None: -> after x = self.stem(images)",
        "self.downs.append(DownBlock(before, after, step_dim, groups, not last, attention[level])) -> after self.ups.insert(0, UpBlock(after, before, step_dim, groups, not first, attention[level]))",
    ],
}
