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


@wrong("the guess is a linear function of the images.\nIs there a ReLU")
class NoReLU(_Given):
    def make(self, n, hidden):
        self.layers = nn.Sequential(nn.Linear(n + 1, hidden), nn.Linear(hidden, n))


@wrong("the guess is never negative.\nIs there an activation after the last layer?")
class ReLUAtTheEnd(_Given):
    def make(self, n, hidden):
        self.layers = nn.Sequential(nn.Linear(n + 1, hidden), nn.ReLU(), nn.Linear(hidden, n), nn.ReLU())


@wrong("the guess is never negative.\nIs there an activation after the last layer?")
class SigmoidAtTheEnd(_Given):
    def make(self, n, hidden):
        self.layers = nn.Sequential(nn.Linear(n + 1, hidden), nn.ReLU(), nn.Linear(hidden, n), nn.Sigmoid())


@wrong("the guess never leaves [-1, 1].\nIs there an activation after the last layer?")
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


@wrong("Is the count scaled to [0, 1]?")
class CountNotScaled(_Given):
    def forward(self, images, num_steps):
        return self.layers(t.cat([images.flatten(1), num_steps[:, None].float()], dim=1)).reshape(images.shape)


@wrong("Is the count scaled to [0, 1]?")
class CountScaledByANumber(_Given):
    def forward(self, images, num_steps):
        return self.layers(t.cat([images.flatten(1), num_steps[:, None] / 100], dim=1)).reshape(images.shape)


@wrong("Are the layers in a plain list?")
class PlainList(_Given):
    def make(self, n, hidden):
        self.list = [nn.Linear(n + 1, hidden), nn.ReLU(), nn.Linear(hidden, n)]

    def layers(self, x):
        for layer in self.list:
            x = layer(x)
        return x


@wrong("with hidden_size=1 the guesses vary in more than one direction.\nIs hidden_size used?")
class HiddenSizeIgnored(_Given):
    def make(self, n, hidden):
        super().make(n, 128)


@wrong("mat1 and mat2 shapes cannot be multiplied")
class ShapeOfOneImage(_Given):
    def make(self, n, hidden):
        super().make(60, hidden)


@wrong("no gradient reaches extra.weight, extra.bias.\nIs each layer used in forward?")
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
