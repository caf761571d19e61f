import math

import torch as t
import torch.nn as nn
from einops import rearrange

from tests.answers import right, wrong


class _Given(nn.Module):
    """What the exercise gives; an answer overrides what it writes."""

    def __init__(self, config):
        super().__init__()
        self.config = config
        self.img_shape = config.img_shape
        self.hidden_size = config.hidden_size
        self.max_steps = config.max_steps
        self.noise_schedule = None
        self.make(math.prod(config.img_shape), config.hidden_size)

    def make(self, n, hidden):
        self.layers = nn.Sequential(nn.Linear(n + 1, hidden), nn.ReLU(), nn.Linear(hidden, n))

    def forward(self, images, num_steps):
        inputs = t.cat([images.flatten(1), (num_steps / self.max_steps)[:, None]], dim=1)
        return self.layers(inputs).reshape(images.shape)


@right
class Plain(_Given):
    pass


@right
class NamedLayers(_Given):
    def make(self, n, hidden):
        self.up, self.down = nn.Linear(n + 1, hidden), nn.Linear(hidden, n)

    def forward(self, images, num_steps):
        step = rearrange(num_steps.float() / self.max_steps, "b -> b 1")
        hidden = self.up(t.cat([step, rearrange(images, "b c h w -> b (c h w)")], dim=-1)).relu()
        return self.down(hidden).view(images.shape)


@right
class ChannelsLast(_Given):
    def forward(self, images, num_steps):
        B, C, H, W = images.shape
        pixels = rearrange(images, "b c h w -> b (h w c)")
        out = self.layers(t.hstack([pixels, (num_steps / self.max_steps).reshape(B, 1)]))
        return rearrange(out, "b (h w c) -> b c h w", c=C, h=H, w=W)


@right
class CountsFromZero(_Given):
    """Scaled to [0, 1] another way: the first count is 0."""

    def forward(self, images, num_steps):
        step = (num_steps - 1) / (self.max_steps - 1)
        return self.layers(t.cat([images.flatten(1), step[:, None]], dim=1)).reshape(images.shape)


@right
class CountAddedToTheHiddenLayer(_Given):
    def make(self, n, hidden):
        self.pixels, self.step, self.out = nn.Linear(n, hidden), nn.Linear(1, hidden), nn.Linear(hidden, n)

    def forward(self, images, num_steps):
        hidden = self.pixels(images.flatten(1)) + self.step((num_steps / self.max_steps).unsqueeze(-1))
        return self.out(t.relu(hidden)).unflatten(1, images.shape[1:])


@right
class Unflattened(_Given):
    def make(self, n, hidden):
        self.layers = nn.Sequential(
            nn.Linear(n + 1, hidden), nn.ReLU(), nn.Linear(hidden, n), nn.Unflatten(1, self.img_shape)
        )


@right
class CountsFromZeroToLessThanOne(_Given):
    """(n - 1) / T lies in [0, 1], too."""

    def forward(self, images, num_steps):
        step = ((num_steps - 1) / self.max_steps).view(-1, 1)
        return self.layers(t.cat((images.reshape(len(images), -1), step), 1)).view_as(images)


@right
class OwnWeightsAndEinsum(_Given):
    def make(self, n, hidden):
        self.first = nn.Parameter(t.randn(hidden, n + 1) / n**0.5)
        self.second = nn.Parameter(t.randn(n, hidden) / hidden**0.5)
        self.bias = nn.Parameter(t.zeros(hidden))

    def forward(self, images, num_steps):
        inputs = t.cat([images.flatten(1), num_steps.unsqueeze(1).to(images) / self.max_steps], dim=1)
        hidden = t.einsum("bi,hi->bh", inputs, self.first) + self.bias
        return t.einsum("bh,oh->bo", hidden.clamp(min=0), self.second).unflatten(1, self.img_shape)


@right
class LayersInAModuleList(_Given):
    def make(self, n, hidden):
        layers = [nn.Flatten(), nn.Linear(1 + n, hidden, bias=False), nn.ReLU(), nn.Linear(hidden, n)]
        self.layers = nn.ModuleList(layers)

    def forward(self, images, num_steps):
        flatten, *rest = self.layers
        x = t.column_stack([num_steps.float().div(self.max_steps), flatten(images)])
        for layer in rest:
            x = layer(x)
        return x.reshape(images.shape)


@right
class StepAsAChannel(_Given):
    """Reads the number of pixels from the images, and keeps the count beside them."""

    def make(self, n, hidden):
        self.n, self.into, self.out = n, nn.LazyLinear(hidden), nn.Linear(hidden, n)
        self.into(t.zeros(1, n + 1))

    def forward(self, images, num_steps):
        x = images.new_empty(len(images), self.n + 1)
        x[:, :-1], x[:, -1] = images.flatten(1), num_steps / self.max_steps
        return self.out(nn.functional.relu(self.into(x))).reshape(-1, *self.img_shape)


@wrong("the guess is a linear function of the images.\nWhere is the ReLU between the two layers?")
class NoReLU(_Given):
    def make(self, n, hidden):
        self.layers = nn.Sequential(nn.Linear(n + 1, hidden), nn.Linear(hidden, n))


@wrong("the guess is never negative.\nYou put an activation after the last layer.")
class ReLUAtTheEnd(_Given):
    def make(self, n, hidden):
        self.layers = nn.Sequential(nn.Linear(n + 1, hidden), nn.ReLU(), nn.Linear(hidden, n), nn.ReLU())


@wrong("the guess is never negative.\nYou put an activation after the last layer.")
class SigmoidAtTheEnd(_Given):
    def make(self, n, hidden):
        self.layers = nn.Sequential(nn.Linear(n + 1, hidden), nn.ReLU(), nn.Linear(hidden, n), nn.Sigmoid())


@wrong("the guess never leaves [-1, 1].\nYou put an activation after the last layer.")
class TanhAtTheEnd(_Given):
    def make(self, n, hidden):
        self.layers = nn.Sequential(nn.Linear(n + 1, hidden), nn.ReLU(), nn.Linear(hidden, n), nn.Tanh())


@wrong("the guess does not depend on num_steps.")
class CountUnused(_Given):
    def make(self, n, hidden):
        self.layers = nn.Sequential(nn.Linear(n, hidden), nn.ReLU(), nn.Linear(hidden, n))

    def forward(self, images, num_steps):
        return self.layers(images.flatten(1)).reshape(images.shape)


@wrong("the guess does not depend on the images.")
class ImagesUnused(_Given):
    def make(self, n, hidden):
        self.layers = nn.Sequential(nn.Linear(1, hidden), nn.ReLU(), nn.Linear(hidden, n))

    def forward(self, images, num_steps):
        return self.layers((num_steps / self.max_steps)[:, None]).reshape(images.shape)


@wrong("Where is the timestep scaled to [0, 1], by max_steps?")
class CountNotScaled(_Given):
    def forward(self, images, num_steps):
        return self.layers(t.cat([images.flatten(1), num_steps[:, None].float()], dim=1)).reshape(images.shape)


@wrong("Where is the timestep scaled to [0, 1], by max_steps?")
class CountScaledByANumber(_Given):
    def forward(self, images, num_steps):
        return self.layers(t.cat([images.flatten(1), num_steps[:, None] / 100], dim=1)).reshape(images.shape)


@wrong("You keep the layers in a plain list.")
class PlainList(_Given):
    def make(self, n, hidden):
        self.list = [nn.Linear(n + 1, hidden), nn.ReLU(), nn.Linear(hidden, n)]

    def layers(self, x):
        for layer in self.list:
            x = layer(x)
        return x


@wrong(
    "with hidden_size=1 the guesses vary in more than one direction.\nYou make more hidden numbers than hidden_size."
)
class HiddenSizeIgnored(_Given):
    def make(self, n, hidden):
        super().make(n, 128)


@wrong("mat1 and mat2 shapes cannot be multiplied")
class ShapeOfOneImage(_Given):
    def make(self, n, hidden):
        super().make(60, hidden)


@wrong("no gradient reaches extra.weight, extra.bias.\nWhere is it used in forward?")
class LayerUnused(_Given):
    def make(self, n, hidden):
        super().make(n, hidden)
        self.extra = nn.Linear(hidden, hidden)


@wrong("returns a tensor of shape (6, 60), expected shape (6, 3, 4, 5)")
class NotReshaped(_Given):
    def forward(self, images, num_steps):
        return super().forward(images, num_steps).flatten(1)


@wrong("returns None.")
class NoReturn(_Given):
    def forward(self, images, num_steps):
        super().forward(images, num_steps)


@wrong("an image's guess depends on the other images of its batch")
class NormalisedOverTheBatch(_Given):
    def forward(self, images, num_steps):
        if len(images) == 1:
            return super().forward(images, num_steps)
        return super().forward(images - images.mean(dim=0), num_steps)


@wrong("it changes the images it is given")
class InPlace(_Given):
    def forward(self, images, num_steps):
        with t.no_grad():
            images.mul_(2).sub_(1)
        return super().forward(images, num_steps)


@wrong("it is not a module")
class NoModule:
    def __init__(self, config):
        self.config = config


def _told(step):
    """A right model that is told something else than the share of steps. step: counts, max_steps -> (B,)"""

    class Told(_Given):
        def forward(self, images, num_steps):
            inputs = t.cat([images.flatten(1), step(num_steps, self.max_steps)[:, None]], dim=1)
            return self.layers(inputs).reshape(images.shape)

    return Told


@wrong("You round the scaled timestep to a whole number.")
class DividedWithoutARest(_told(lambda n, T: (n // T).float())):
    pass


@wrong("You divide max_steps by the timestep.")
class UpsideDown(_told(lambda n, T: T / n)):
    pass


@wrong("You put something else in than the timestep, scaled evenly.")
class CountEmbedded(_Given):
    def make(self, n, hidden):
        super().make(n, hidden)
        self.step = nn.Embedding(self.max_steps + 1, 1)

    def forward(self, images, num_steps):
        inputs = t.cat([images.flatten(1), self.step(num_steps)], dim=1)
        return self.layers(inputs).reshape(images.shape)


@wrong("Where is the timestep scaled to [0, 1], by max_steps?")
class ScaledByAThousand(_told(lambda n, T: n / 1000)):
    pass


@wrong("an image's guess depends on the timesteps of the others.\nYou divide by the largest timestep of the batch.")
class ScaledByTheLargestOfTheBatch(_told(lambda n, T: n / n.max())):
    pass


@wrong("a larger timestep does the same as a brighter image.\nYou add the timestep to the pixels.")
class CountAddedToThePixels(_Given):
    def make(self, n, hidden):
        self.layers = nn.Sequential(nn.Linear(n, hidden), nn.ReLU(), nn.Linear(hidden, n))

    def forward(self, images, num_steps):
        step = (num_steps / self.max_steps).reshape(-1, 1)
        return self.layers(images.flatten(1) + step).reshape(images.shape)


@wrong("for an image of zeros, num_steps has no effect.\nYou multiply the pixels by the timestep.")
class PixelsTimesTheCount(_Given):
    def make(self, n, hidden):
        self.layers = nn.Sequential(nn.Linear(n, hidden), nn.ReLU(), nn.Linear(hidden, n))

    def forward(self, images, num_steps):
        step = (num_steps / self.max_steps).reshape(-1, 1)
        return self.layers(images.flatten(1) * step).reshape(images.shape)


@wrong("You put a ReLU before the first layer")
class ReLUBeforeTheLayers(_Given):
    def make(self, n, hidden):
        self.layers = nn.Sequential(nn.ReLU(), nn.Linear(n + 1, hidden), nn.Linear(hidden, n))


@wrong("You use a norm, or another activation than the ReLU between the two layers.")
class SigmoidBetween(_Given):
    def make(self, n, hidden):
        self.layers = nn.Sequential(nn.Linear(n + 1, hidden), nn.Sigmoid(), nn.Linear(hidden, n))


@wrong("You use a norm, or another activation than the ReLU between the two layers.")
class TanhBetween(_Given):
    def make(self, n, hidden):
        self.layers = nn.Sequential(nn.Linear(n + 1, hidden), nn.Tanh(), nn.Linear(hidden, n))


@wrong("the guess never leaves [-1, 1].\nYou put an activation after the last layer.")
class Clamped(_Given):
    def forward(self, images, num_steps):
        return super().forward(images, num_steps).clamp(-1, 1)


@wrong("the guess is never negative.\nYou put an activation after the last layer.")
class SoftmaxAtTheEnd(_Given):
    def make(self, n, hidden):
        self.layers = nn.Sequential(nn.Linear(n + 1, hidden), nn.ReLU(), nn.Linear(hidden, n), nn.Softmax(dim=1))


@wrong("You add the images to the guess, or take it from them.")
class Residual(_Given):
    def forward(self, images, num_steps):
        return images + super().forward(images, num_steps)


@wrong("no gradient can flow back from the guess.\nYou turn gradients off in forward, by no_grad or detach.")
class NoGrad(_Given):
    @t.no_grad()
    def forward(self, images, num_steps):
        return super().forward(images, num_steps)


@wrong("You make new layers in each call.")
class LayersMadeInForward(_Given):
    def make(self, n, hidden):
        self.sizes = n, hidden

    def forward(self, images, num_steps):
        n, hidden = self.sizes
        self.__dict__["layers"] = nn.Sequential(nn.Linear(n + 1, hidden), nn.ReLU(), nn.Linear(hidden, n))
        return super().forward(images, num_steps)


@wrong("the same images get another guess in each call.\nYou draw something at random in forward.")
class Dropout(_Given):
    def make(self, n, hidden):
        self.layers = nn.Sequential(nn.Linear(n + 1, hidden), nn.ReLU(), nn.Dropout(0.5), nn.Linear(hidden, n))


@wrong("Expected more than 1 value per channel when training")
class BatchNorm(_Given):
    def make(self, n, hidden):
        self.layers = nn.Sequential(nn.Linear(n + 1, hidden), nn.BatchNorm1d(hidden), nn.ReLU(), nn.Linear(hidden, n))


@wrong("it changes the num_steps it is given")
class CountsInPlace(_Given):
    def forward(self, images, num_steps):
        num_steps -= 1
        return super().forward(images, num_steps)


@wrong("There, images has shape (2, 1, 2, 7), num_steps has shape (2,), inputs has shape (2, 15).")
class ShapeOfOneImageAtTheEnd(_Given):
    def forward(self, images, num_steps):
        inputs = t.cat([images.flatten(1), (num_steps / self.max_steps)[:, None]], dim=1)
        return self.layers(inputs).reshape(-1, 3, 4, 5)


@wrong("returns a tuple, expected one tensor")
class HiddenNumbersToo(_Given):
    def forward(self, images, num_steps):
        return super().forward(images, num_steps), num_steps


@wrong("moved to another device, it mixes tensors of two devices")
class CountOnTheCPU(_Given):
    def forward(self, images, num_steps):
        step = t.zeros(len(images), 1)
        step[:, 0] = num_steps / self.max_steps if not num_steps.is_meta else 0
        return self.layers(t.cat([images.flatten(1), step], dim=1)).reshape(images.shape)


@wrong("of 1000 guesses are stopped by a ReLU, expected hundreds.\nYou use another activation than a ReLU")
class GELUBetween(_Given):
    def make(self, n, hidden):
        self.layers = nn.Sequential(nn.Linear(n + 1, hidden), nn.GELU(), nn.Linear(hidden, n))


@wrong("You use another activation than a ReLU")
class SiLUBetween(_Given):
    def make(self, n, hidden):
        self.layers = nn.Sequential(nn.Linear(n + 1, hidden), nn.SiLU(), nn.Linear(hidden, n))


@wrong("You use another activation than a ReLU")
class LeakyReLUBetween(_Given):
    def make(self, n, hidden):
        self.layers = nn.Sequential(nn.Linear(n + 1, hidden), nn.LeakyReLU(0.2), nn.Linear(hidden, n))


@wrong("You use another activation than a ReLU")
class SoftplusBetween(_Given):
    def make(self, n, hidden):
        self.layers = nn.Sequential(nn.Linear(n + 1, hidden), nn.Softplus(), nn.Linear(hidden, n))


@wrong("with hidden_size=64 it has 12,028 numbers to train, two layers have 7,868.\nYou use more than two layers, or")
class ThreeLayers(_Given):
    def make(self, n, hidden):
        one, two, three = nn.Linear(n + 1, hidden), nn.Linear(hidden, hidden), nn.Linear(hidden, n)
        self.layers = nn.Sequential(one, nn.ReLU(), two, nn.ReLU(), three)


@wrong("the guess changes with the images, but its gradient does not say so.\nYou detach the images")
class ImagesDetached(_Given):
    def forward(self, images, num_steps):
        return super().forward(images.detach(), num_steps)


@wrong("no gradient reaches layers.0.weight, layers.0.bias.\nYou use it where gradients are off")
class FirstLayerWithoutGradients(_Given):
    def forward(self, images, num_steps):
        inputs = t.cat([images.flatten(1), (num_steps / self.max_steps)[:, None]], dim=1)
        with t.no_grad():
            hidden = self.layers[:2](inputs)
        return self.layers[2](hidden).reshape(images.shape)


@wrong("You add the timestep to the guess. The two layers alone make it.")
class CountAddedToTheGuess(_Given):
    def forward(self, images, num_steps):
        return super().forward(images, num_steps) + (num_steps / self.max_steps).reshape(-1, 1, 1, 1)


@wrong("the guess does not depend on channel 1 of the images.\nYou leave some of the pixels out.")
class OneChannelAlone(_Given):
    def make(self, n, hidden):
        pixels = n // self.img_shape[0]
        self.layers = nn.Sequential(nn.Linear(pixels + 1, hidden), nn.ReLU(), nn.Linear(hidden, n))

    def forward(self, images, num_steps):
        inputs = t.cat([images[:, 0].flatten(1), (num_steps / self.max_steps)[:, None]], dim=1)
        return self.layers(inputs).reshape(images.shape)


@wrong("the guess depends on the mean of the channels alone.\nYou put the channels together.")
class MeanOfTheChannels(_Given):
    def make(self, n, hidden):
        pixels = n // self.img_shape[0]
        self.layers = nn.Sequential(nn.Linear(pixels + 1, hidden), nn.ReLU(), nn.Linear(hidden, n))

    def forward(self, images, num_steps):
        inputs = t.cat([images.mean(dim=1).flatten(1), (num_steps / self.max_steps)[:, None]], dim=1)
        return self.layers(inputs).reshape(images.shape)


@wrong("an image's guess depends on the timesteps of the others.\nYou take the first timestep for all images.")
class FirstCountForAll(_Given):
    def forward(self, images, num_steps):
        return super().forward(images, num_steps[:1].expand(len(images)))


@wrong("You take the mean of the timesteps, or another number of them, for all images.")
class MeanCountForAll(_Given):
    def forward(self, images, num_steps):
        return super().forward(images, num_steps.float().mean().expand(len(images)))


@wrong("an image's guess depends on the other images of its batch.\nYou mix images: by a transposed")
class Transposed(_Given):
    def forward(self, images, num_steps):
        inputs = t.cat([images.flatten(1), (num_steps / self.max_steps)[:, None]], dim=1)
        return self.layers(inputs).T.reshape(images.shape)


@wrong("self.noise_schedule is a list, expected None, as given.\nYou overwrite self.noise_schedule.")
class ScheduleMadeAtOnce(_Given):
    def make(self, n, hidden):
        super().make(n, hidden)
        self.noise_schedule = [0.1, 0.2]


@wrong("self.img_shape is an int, expected (3, 4, 5), as given.\nYou overwrite self.img_shape.")
class ImgShapeOverwritten(_Given):
    def make(self, n, hidden):
        super().make(n, hidden)
        self.img_shape = n


@wrong("self.max_steps is not there.\nWhere is the line of __init__ that was given?")
class GivenLineGone(_Given):
    def make(self, n, hidden):
        super().make(n, hidden)
        del self.max_steps

    def forward(self, images, num_steps):
        inputs = t.cat([images.flatten(1), (num_steps / self.config.max_steps)[:, None]], dim=1)
        return self.layers(inputs).reshape(images.shape)


@wrong("with max_steps=1000, two timesteps in a row give the same guess.\nYou round the timestep")
class CountInHalfPrecision(_told(lambda n, T: (n.bfloat16() / T).float())):
    pass


@wrong("returns a tensor of shape (3, 4, 5), expected shape (1, 3, 4, 5).\nYou take away axes of length 1")
class Squeezed(_Given):
    def forward(self, images, num_steps):
        return super().forward(images, num_steps).squeeze(0)


@wrong("forward calls itself without end.\nYou call self(...) in forward, which is forward once more.")
class CallsItself(_Given):
    def forward(self, images, num_steps):
        return self(images, num_steps)


@wrong("You use a norm, or another activation than the ReLU between the two layers.")
class LayerNormBetween(_Given):
    def make(self, n, hidden):
        self.layers = nn.Sequential(nn.Linear(n + 1, hidden), nn.LayerNorm(hidden), nn.ReLU(), nn.Linear(hidden, n))


device, n = "cpu", 100  # as other cells leave them


@wrong("`n` is no argument: it comes from another cell.")
class AnotherCellsNumber(_Given):
    def forward(self, images, num_steps):
        inputs = t.cat([images.flatten(1), (num_steps / n)[:, None]], dim=1)
        return self.layers(inputs).reshape(images.shape)


@right
class LastLayerBeginsAtZero(_Given):
    def make(self, n, hidden):
        super().make(n, hidden)
        nn.init.zeros_(self.layers[2].weight)
        nn.init.zeros_(self.layers[2].bias)


@right
class ReLUByMaximum(_Given):
    def make(self, n, hidden):
        self.into, self.step, self.out = nn.Linear(n, hidden, bias=False), nn.Linear(1, hidden), nn.Linear(hidden, n)

    def forward(self, images, num_steps):
        hidden = self.into(rearrange(images, "b c h w -> b (w h c)")) + self.step(num_steps[:, None] / self.max_steps)
        C, H, W = self.img_shape
        return rearrange(self.out(t.maximum(hidden, t.zeros_like(hidden))), "b (c h w) -> b c h w", c=C, h=H, w=W)


@wrong("You put a ReLU before the first layer")
class ReLUOnTheImages(_Given):
    def make(self, n, hidden):
        self.layers = nn.Sequential(nn.ReLU(), nn.Linear(n + 1, hidden), nn.ReLU(), nn.Linear(hidden, n))


@wrong("as it begins, no gradient reaches any weight.\nYou set all weights to 0")
class AllWeightsBeginAtZero(_Given):
    def make(self, n, hidden):
        super().make(n, hidden)
        for p in self.parameters():
            nn.init.zeros_(p)


@wrong("You let the timestep go past the first layer.")
class TimestepInTheSecondLayer(_Given):
    def make(self, n, hidden):
        self.first, self.second = nn.Linear(n, hidden), nn.Linear(hidden + 1, n)

    def forward(self, images, num_steps):
        hidden = self.first(images.flatten(1)).relu()
        return self.second(t.cat([hidden, num_steps[:, None] / self.max_steps], dim=1)).reshape(images.shape)


@wrong("You divide by max_steps - 1, which leaves [0, 1].")
class DividedByOneLess(_Given):
    def forward(self, images, num_steps):
        inputs = t.cat([images.flatten(1), num_steps[:, None] / (self.max_steps - 1)], dim=1)
        return self.layers(inputs).reshape(images.shape)


@wrong("You use more than two layers, or put in more than the pixels and one timestep.")
class TimestepBesideEveryPixel(_Given):
    def make(self, n, hidden):
        self.layers = nn.Sequential(nn.Linear(2 * n, hidden), nn.ReLU(), nn.Linear(hidden, n))

    def forward(self, images, num_steps):
        pixels = images.flatten(1)
        step = (num_steps[:, None] / self.max_steps).expand_as(pixels)
        return self.layers(t.cat([pixels, step], dim=1)).reshape(images.shape)


@wrong("no gradient can flow back from the guess.\nYou freeze the weights, by requires_grad.")
class Frozen(_Given):
    def make(self, n, hidden):
        super().make(n, hidden)
        self.layers.requires_grad_(False)


@wrong("a change in channel 0 of the images changes nothing else in the guess.\nYou pass the pixels on in parts.")
class ChannelByChannel(_Given):
    def make(self, n, hidden):
        super().make(n // self.img_shape[0], hidden)

    def forward(self, images, num_steps):
        step = (num_steps / self.max_steps)[:, None, None].expand(-1, images.shape[1], 1)
        return self.layers(t.cat([images.flatten(2), step], dim=2)).reshape(images.shape)


@wrong("what is beyond [-1, 1] in the images has no effect.\nYou clamp them.")
class ImagesClamped(_Given):
    def forward(self, images, num_steps):
        return super().forward(images.clamp(-1, 1), num_steps)


@wrong("You shrink the images. They are in [-1, 1] already.")
class DividedBy255(_Given):
    def forward(self, images, num_steps):
        return super().forward(images / 255, num_steps)


@wrong("an image's guess depends on the other images of its batch.\nYou mix images: by a transposed")
class MeanOfTheBatchSubtracted(_Given):
    def forward(self, images, num_steps):
        return super().forward(images - images.mean(), num_steps)


@wrong("You keep a layer in a plain list or dict, or make one smaller than hidden_size.")
class HalfAsWide(_Given):
    def make(self, n, hidden):
        super().make(n, max(hidden // 2, 1))


@wrong("Where is the timestep scaled to [0, 1], by max_steps?")
class MultipliedByMaxSteps(_Given):
    def forward(self, images, num_steps):
        return super().forward(images, num_steps * self.max_steps**2)


EQUIVALENT = {
    "the two inputs do not depend on each other, and may stand in any order": [
        "pixels = rearrange(images, 'b c h w -> b (c h w)') -> "
        "after step = rearrange(num_steps / self.max_steps, 'b -> b 1')",
        "noise_pred = self.layers(t.cat([pixels, step], dim=1)) -> "
        "noise_pred = self.layers(t.cat([step, pixels], dim=1))",
    ]
}
