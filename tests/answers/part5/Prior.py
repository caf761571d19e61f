import torch as t
from einops import rearrange

from solutions.part1_diffusion import DiffusionModel, reconstruct
from tests.answers import right, wrong


class _Given(DiffusionModel):
    """Right, in parts that an answer overrides. x: noised   x0: clean   a: ᾱ"""

    def __init__(self, network, noise_schedule):
        super().__init__()
        self.network, self.noise_schedule = network, noise_schedule
        self.img_shape = (1, 1, network.img_shape[-1])

    def rows(self, images, wanted):
        return t.cat([images, wanted[:, None, None]], dim=2)

    def first(self, rows):
        return rows[:, :, :1]

    def noise(self, x, x0, a):
        return (x - a.sqrt() * x0) / (1 - a).sqrt()

    def alpha_bar(self, num_steps):
        return self.noise_schedule.alpha_bar(num_steps).reshape(-1, 1, 1, 1)

    def guess(self, images, num_steps, wanted):
        return self.first(self.network(self.rows(images, wanted), num_steps))

    def forward(self, images, num_steps, wanted):
        return self.noise(images, self.guess(images, num_steps, wanted), self.alpha_bar(num_steps))


# ------------------------------------------------------------------------------------------------ right


@right
class InParts(_Given):
    pass


@right
class Stacked(_Given):
    def rows(self, images, wanted):
        return t.stack([rearrange(images, "b 1 1 e -> b e"), wanted], dim=1).unsqueeze(1)


@right
class Filled(_Given):
    def rows(self, images, wanted):
        rows = images.new_zeros(len(images), *self.network.img_shape)
        rows[:, :, :1] = images
        rows[:, 0, 1] = wanted
        return rows


@right
class Split(_Given):
    def first(self, rows):
        guess, _ = rows.chunk(2, dim=2)
        return guess


@right
class ByAngles(_Given):
    def forward(self, images, num_steps, wanted):
        angle = self.noise_schedule.alpha_bar(num_steps).sqrt().acos()[:, None, None, None]
        return (images - t.cos(angle) * self.guess(images, num_steps, wanted)) / t.sin(angle)


@right
class WithoutGuess(_Given):
    """forward asks the network itself."""

    def forward(self, images, num_steps, wanted):
        a = self.alpha_bar(num_steps)
        x0 = self.network(t.cat([images, rearrange(wanted, "b e -> b 1 1 e")], 2), num_steps=num_steps)[:, :, [0]]
        return images / (1 - a).sqrt() - a.sqrt() / (1 - a).sqrt() * x0


# ------------------------------------------------------------------------------------------------ wrong rows


@wrong("You put the caption first.")
class CaptionFirst(_Given):
    def rows(self, images, wanted):
        return t.cat([wanted[:, None, None], images], dim=2)


@wrong("You put them side by side.")
class SideBySide(_Given):
    def rows(self, images, wanted):
        return t.cat([images, wanted[:, None, None]], dim=3)


@wrong("You make two channels of them.")
class Channels(_Given):
    def rows(self, images, wanted):
        return t.cat([images, wanted[:, None, None]], dim=1)


@wrong("Where is the caption's embedding?")
class CaptionForgotten(_Given):
    def rows(self, images, wanted):
        return images


@wrong("Where is wanted?")
class ZerosForTheCaption(_Given):
    def rows(self, images, wanted):
        return t.cat([images, t.zeros_like(images)], dim=2)


@wrong("You put the noised ones in both rows.")
class NoisedTwice(_Given):
    def rows(self, images, wanted):
        return t.cat([images, images], dim=2)


@wrong("You give all of them the first caption.")
class FirstCaption(_Given):
    def rows(self, images, wanted):
        return t.cat([images, wanted[:1, None, None].expand_as(images)], dim=2)


@wrong("the network's first row does not hold the noised embeddings.\nYou change them on the way.")
class Clamped(_Given):
    def rows(self, images, wanted):
        return t.cat([images.clamp(-1, 1), wanted[:, None, None]], dim=2)


@wrong("You change num_steps on the way.")
class Scaled(_Given):
    def guess(self, images, num_steps, wanted):
        return self.first(self.network(self.rows(images, wanted), num_steps / len(self.noise_schedule)))


@wrong("You change num_steps on the way.")
class Column(_Given):
    def guess(self, images, num_steps, wanted):
        return self.first(self.network(self.rows(images, wanted), num_steps[:, None]))


# ------------------------------------------------------------------------------------------------ wrong guess


@wrong("You return the second row of the answer.")
class SecondRow(_Given):
    def first(self, rows):
        return rows[:, :, 1:]


@wrong("You take the mean of both rows.")
class MeanOfRows(_Given):
    def first(self, rows):
        return rows.mean(dim=2, keepdim=True)


@wrong("You take the sum of both rows.")
class SumOfRows(_Given):
    def first(self, rows):
        return rows.sum(dim=2, keepdim=True)


@wrong("You clamp the guess.")
class ClampedGuess(_Given):
    def first(self, rows):
        return rows[:, :, :1].clamp(-1, 1)


@wrong("You add the noised embedding.")
class AddedToTheNoised(_Given):
    def guess(self, images, num_steps, wanted):
        return images + super().guess(images, num_steps, wanted)


@wrong("You take the answer off the noised embedding.")
class TakenOffTheNoised(_Given):
    def guess(self, images, num_steps, wanted):
        return images - super().guess(images, num_steps, wanted)


@wrong("You bring the guess to a length.")
class OnTheSphere(_Given):
    def first(self, rows):
        return t.nn.functional.normalize(rows[:, :, :1], dim=-1) * rows.shape[-1] ** 0.5


@wrong("You return both rows.")
class BothRows(_Given):
    def first(self, rows):
        return rows


@wrong("You drop an axis by an index such as [:, :, 0].")
class AxisDropped(_Given):
    def first(self, rows):
        return rows[:, :, 0]


@wrong("You take the answer for noise, as reconstruct does.")
class ReconstructInGuess(_Given):
    def guess(self, images, num_steps, wanted):
        return reconstruct(images, super().guess(images, num_steps, wanted), num_steps, self.noise_schedule)


# ------------------------------------------------------------------------------------------------ wrong noise


@wrong("You return the clean embedding.")
class CleanEmbedding(_Given):
    def noise(self, x, x0, a):
        return x0


@wrong("You take the clean embedding for noise.")
class Reconstructed(_Given):
    def noise(self, x, x0, a):
        return (x - (1 - a).sqrt() * x0) / a.sqrt()


@wrong("Where is the square root in front of the clean embedding?")
class NoRootAbove(_Given):
    def noise(self, x, x0, a):
        return (x - a * x0) / (1 - a).sqrt()


@wrong("Where is the square root below?")
class NoRootBelow(_Given):
    def noise(self, x, x0, a):
        return (x - a.sqrt() * x0) / (1 - a)


@wrong("Where are both square roots?")
class NoRoots(_Given):
    def noise(self, x, x0, a):
        return (x - a * x0) / (1 - a)


@wrong("You divide by √ᾱ.")
class DividedByTheSignal(_Given):
    def noise(self, x, x0, a):
        return (x - a.sqrt() * x0) / a.sqrt()


@wrong("You divide by 1 - √ᾱ.")
class RootOfOnePart(_Given):
    def noise(self, x, x0, a):
        return (x - a.sqrt() * x0) / (1 - a.sqrt())


@wrong("You clamp the guess.")
class ClampedInForward(_Given):
    def noise(self, x, x0, a):
        return super().noise(x, x0.clamp(-1, 1), a)


@wrong("Where is the difference divided?")
class NotDivided(_Given):
    def noise(self, x, x0, a):
        return x - a.sqrt() * x0


@wrong("You divide only the second term.")
class Parentheses(_Given):
    def noise(self, x, x0, a):
        return x - a.sqrt() * x0 / (1 - a).sqrt()


@wrong("Where is the clean embedding scaled?")
class NotScaled(_Given):
    def noise(self, x, x0, a):
        return (x - x0) / (1 - a).sqrt()


@wrong("it holds 0.754 of x_n and -0.495 of the guess.\nYou take other parts of both.")
class Multiplied(_Given):
    def noise(self, x, x0, a):
        return (x - a.sqrt() * x0) * (1 - a).sqrt()


@wrong("You do more than to add parts of x_n and of the guess")
class Squashed(_Given):
    def noise(self, x, x0, a):
        return (x - a.sqrt() * x0.tanh()) / (1 - a).sqrt()


@wrong("You put one after the other in the batch.")
class OneAfterTheOther(_Given):
    def rows(self, images, wanted):
        return t.cat([images, wanted[:, None, None]], dim=0)


@wrong("You cut along another axis.")
class FirstColumn(_Given):
    def first(self, rows):
        return rows[..., :1]


@wrong("Where does ᾱ, (B,), get three axes of length 1")
class AlphaBarWithOneAxis(_Given):
    def alpha_bar(self, num_steps):
        return self.noise_schedule.alpha_bar(num_steps)[:, None]


@wrong("You turn the sign.")
class Turned(_Given):
    def noise(self, x, x0, a):
        return (a.sqrt() * x0 - x) / (1 - a).sqrt()


@wrong("You add the clean embedding.")
class Added(_Given):
    def noise(self, x, x0, a):
        return (x + a.sqrt() * x0) / (1 - a).sqrt()


@wrong("You take the α of one step.")
class AlphaOfOneStep(_Given):
    def alpha_bar(self, num_steps):
        return self.noise_schedule.alpha(num_steps).reshape(-1, 1, 1, 1)


@wrong("You take the β of one step.")
class BetaOfOneStep(_Given):
    def alpha_bar(self, num_steps):
        return self.noise_schedule.beta(num_steps).reshape(-1, 1, 1, 1)


@wrong("You take ᾱ of one count before.")
class OneBefore(_Given):
    def alpha_bar(self, num_steps):
        return self.noise_schedule.alpha_bar((num_steps - 1).clamp(min=1)).reshape(-1, 1, 1, 1)


@wrong("You take ᾱ from the network's schedule.")
class ScheduleOfTheNetwork(_Given):
    def alpha_bar(self, num_steps):
        return self.network.noise_schedule.alpha_bar(num_steps).reshape(-1, 1, 1, 1)


@wrong("You use the first one's ᾱ for all.")
class FirstCount(_Given):
    def alpha_bar(self, num_steps):
        return self.noise_schedule.alpha_bar(num_steps[:1]).reshape(-1, 1, 1, 1)


@wrong("You take ᾱ of the last count.")
class LastCount(_Given):
    def alpha_bar(self, num_steps):
        return self.noise_schedule.alpha_bar(len(self.noise_schedule)).reshape(-1, 1, 1, 1)


# ------------------------------------------------------------------------------------------------ wrong form


@wrong("the gradient of guess at wanted is not its slope.\nYou detach it")
class CaptionDetached(_Given):
    def rows(self, images, wanted):
        return super().rows(images, wanted.detach())


@wrong("the gradient of forward at images is not its slope.\nYou detach it")
class NoisedDetached(_Given):
    def noise(self, x, x0, a):
        return super().noise(x.detach(), x0, a)


@wrong("no gradient of guess reaches the network")
class NoGradient(_Given):
    @t.no_grad()
    def guess(self, images, num_steps, wanted):
        return super().guess(images, num_steps, wanted)


@wrong("no gradient comes out of forward")
class GuessDetached(_Given):
    def forward(self, images, num_steps, wanted):
        return self.noise(images, self.guess(images, num_steps, wanted).detach(), self.alpha_bar(num_steps))


@wrong("guess, for 4 embeddings, returns None.\nWhere does the function return something?")
class NoReturn(_Given):
    def guess(self, images, num_steps, wanted):
        self.network(self.rows(images, wanted), num_steps)


@wrong("forward changes the images it is given")
class InPlace(_Given):
    def noise(self, x, x0, a):
        x -= a.sqrt() * x0
        return x / (1 - a).sqrt()


@wrong("Where does ᾱ, (B,), get three axes of length 1")
class AlphaBarAsItIs(_Given):
    def alpha_bar(self, num_steps):
        return self.noise_schedule.alpha_bar(num_steps)


@wrong("Where does ᾱ, (B,), get three axes of length 1")
class RootOfAlphaBarFirst(_Given):
    def noise(self, x, x0, a):
        a = a.flatten()
        return (a.sqrt() * x0 - x) / -(1 - a).sqrt()


@wrong("RuntimeError: ")
class CaptionAsItIs(_Given):
    def rows(self, images, wanted):
        return t.cat([images, wanted], dim=2)


# ------------------------------------------------------------------------------------------------ mutants

EQUIVALENT = {
    "these two lines do not need each other": [
        "alpha_bar = rearrange(self.noise_schedule.alpha_bar(num_steps), 'b -> b 1 1 1')"
        " -> after x0 = self.guess(images, num_steps, wanted)",
    ],
}
