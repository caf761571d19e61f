import torch as t
from einops import rearrange, repeat

from solutions import part4_guidance as course
from tests.answers import right, wrong


class _Given(course.Guided):
    """As in the course, but for the parts that an answer replaces."""

    def forward(self, images, num_steps):
        course.check_rows(images, self.wanted)
        wanted, null = self.ask(images, num_steps)
        return self.mix(wanted, null)

    def ask(self, images, num_steps):
        told = t.cat([self.wanted, self.null])
        return self.model(t.cat([images, images]), t.cat([num_steps, num_steps]), told).chunk(2)

    def mix(self, wanted, null):
        return null + self.w * (wanted - null)


# ------------------------------------------------------------------------------------------------ right


@right
class AsTheHintSays(_Given):
    pass


@right
class NullFirst(_Given):
    def ask(self, images, num_steps):
        told = t.cat([self.null, self.wanted])
        null, wanted = self.model(images.repeat(2, 1, 1, 1), num_steps.repeat(2), told).chunk(2)
        return wanted, null


@right
class WithFactors(_Given):
    def mix(self, wanted, null):
        return self.w * wanted + (1 - self.w) * null


@right
class WithLerp(_Given):
    def mix(self, wanted, null):
        return t.lerp(null, wanted, self.w.expand_as(null))


@right
class SideBySide(_Given):
    """The two rows of an image are neighbours."""

    def ask(self, images, num_steps):
        told = rearrange(t.stack([self.wanted, self.null]), "two b ... -> (b two) ...")
        guess = self.model(repeat(images, "b c h w -> (b 2) c h w"), num_steps.repeat_interleave(2), told)
        return guess[::2], guess[1::2]


@right
class WithoutAGraph(_Given):
    @t.no_grad()
    def forward(self, images, num_steps):
        course.check_rows(images, self.wanted)
        both = self.model(t.vstack([images] * 2), t.hstack([num_steps] * 2), t.cat((self.wanted, self.null), dim=0))
        wanted, null = both[: len(images)], both[len(images) :]
        return null + self.w * (wanted - null)


# ------------------------------------------------------------------------------------------------ wrong: the formula


@wrong("You swap the two guesses.")
class Swapped(_Given):
    def mix(self, wanted, null):
        return wanted + self.w * (null - wanted)


@wrong("You swap the two guesses.")
class HalvesSwapped(_Given):
    def ask(self, images, num_steps):
        wanted, null = super().ask(images, num_steps)
        return null, wanted


@wrong("You use the papers' other form.")
class OnePlusW(_Given):
    def mix(self, wanted, null):
        return (1 + self.w) * wanted - self.w * null


@wrong("Where is w used?")
class Plain(_Given):
    def mix(self, wanted, null):
        return wanted


@wrong("Where is the guess for what is wanted?")
class NullAlone(_Given):
    def mix(self, wanted, null):
        return null


@wrong("You turn the difference.")
class AwayFromIt(_Given):
    def mix(self, wanted, null):
        return null - self.w * (wanted - null)


@wrong("You multiply the whole guess by w.")
class NullNotTakenOff(_Given):
    def mix(self, wanted, null):
        return null + self.w * wanted


@wrong("You return the difference alone.")
class DifferenceAlone(_Given):
    def mix(self, wanted, null):
        return self.w * (wanted - null)


@wrong("You turn the sign of a factor.")
class SignOfAFactor(_Given):
    def mix(self, wanted, null):
        return self.w * wanted - (1 - self.w) * null


@wrong("You mix both forms.")
class BothForms(_Given):
    def mix(self, wanted, null):
        return (1 + self.w) * wanted - (1 - self.w) * null


@wrong("You scale the sum. It may be longer than either guess.")
class ScaledDown(_Given):
    def mix(self, wanted, null):
        return super().mix(wanted, null) / (1 + self.w)


@wrong("You use the first image's w for all.")
class FirstW(_Given):
    def mix(self, wanted, null):
        return null + self.w.flatten()[0] * (wanted - null)


@wrong("You use the mean w for all images.")
class MeanW(_Given):
    def mix(self, wanted, null):
        return null + self.w.mean() * (wanted - null)


@wrong("You let w run along the width of the images.")
class AlongTheWidth(_Given):
    def mix(self, wanted, null):
        return null + self.w.flatten() * (wanted - null)


@wrong("You clamp it.")
class Clamped(_Given):
    def mix(self, wanted, null):
        return super().mix(wanted, null).clamp(-1, 1)


@wrong("You use a fixed number. Where is self.w?")
class AlwaysTwo(_Given):
    def mix(self, wanted, null):
        return null + 2 * (wanted - null)


@wrong("it holds 6.25 of the first and -5.25 of the second.\nYou change self.w on the way.")
class Squared(_Given):
    def mix(self, wanted, null):
        return null + self.w**2 * (wanted - null)


@wrong("You change self.w on the way.")
class AtLeastOne(_Given):
    def mix(self, wanted, null):
        return null + self.w.clamp(min=1) * (wanted - null)


@wrong("You scale the sum.")
class Rescaled(_Given):
    def mix(self, wanted, null):
        result = super().mix(wanted, null)
        return result / result.std(dim=(1, 2, 3), keepdim=True) * wanted.std(dim=(1, 2, 3), keepdim=True)


@wrong("You put guesses for different images together.")
class EveryOtherRow(_Given):
    def ask(self, images, num_steps):
        both = t.cat(super().ask(images, num_steps))
        return both[::2], both[1::2]


@wrong("it holds 2.5 of the first and 0 of the second.\nYou turn a sign, or leave out parentheses.")
class NoParentheses(_Given):
    def mix(self, wanted, null):
        return null + self.w * wanted - null


@wrong("You do more than to add parts of both guesses.")
class Squashed(_Given):
    def mix(self, wanted, null):
        return super().mix(wanted, null).tanh()


# ------------------------------------------------------------------------------------------------ wrong: the call


@wrong("the model is called 2 times, expected once")
class TwoCalls(_Given):
    def ask(self, images, num_steps):
        return self.model(images, num_steps, self.wanted), self.model(images, num_steps, self.null)


@wrong("8 rows of images, 4 rows of num_steps, 8 rows of wanted.\nYou give some of them once.")
class TimestepsOnce(_Given):
    def ask(self, images, num_steps):
        return self.model(t.cat([images, images]), num_steps, t.cat([self.wanted, self.null])).chunk(2)


@wrong("4 rows of images, 4 rows of num_steps, 8 rows of wanted")
class ImagesOnce(_Given):
    def ask(self, images, num_steps):
        return self.model(images, num_steps, t.cat([self.wanted, self.null])).chunk(2)


@wrong("expected 8, which is each image twice")
class PlainCall(_Given):
    def ask(self, images, num_steps):
        guess = self.model(images, num_steps, self.wanted)
        return guess, guess


@wrong("with w=0, the model gets 4 images in its call, expected 8, which is each image twice.\nYou ask for one guess.")
class OnlyAboveOne(_Given):
    def forward(self, images, num_steps):
        return super().forward(images, num_steps) if self.w.max() > 1 else self.model(images, num_steps, self.wanted)


@wrong("You put wishes together in another order than images.")
class ImagesSideBySide(_Given):
    def ask(self, images, num_steps):
        told = t.cat([self.wanted, self.null])
        return self.model(images.repeat_interleave(2, dim=0), num_steps.repeat_interleave(2), told).chunk(2)


@wrong("You give all images one timestep.")
class FirstTimestep(_Given):
    def ask(self, images, num_steps):
        told = t.cat([self.wanted, self.null])
        return self.model(t.cat([images, images]), num_steps[:1].expand(2 * len(images)), told).chunk(2)


@wrong("You give a half of the call other timesteps.")
class NullAtOneStep(_Given):
    def ask(self, images, num_steps):
        told = t.cat([self.wanted, self.null])
        return self.model(t.cat([images, images]), t.cat([num_steps, t.ones_like(num_steps)]), told).chunk(2)


@wrong("You stack them, which makes an axis.")
class Stacked(_Given):
    def ask(self, images, num_steps):
        told = t.stack([self.wanted, self.null])
        return self.model(t.stack([images, images]), t.stack([num_steps, num_steps]), told)


@wrong("You change their type.")
class WishesAsFloats(_Given):
    def ask(self, images, num_steps):
        told = t.cat([self.wanted, self.null]).float()
        return self.model(t.cat([images, images]), t.cat([num_steps, num_steps]), told).chunk(2)


@wrong("You overwrite self.wanted.")
class WantedOverwritten(_Given):
    def ask(self, images, num_steps):
        self.wanted = t.cat([self.wanted, self.null])
        return self.model(t.cat([images, images]), t.cat([num_steps, num_steps]), self.wanted).chunk(2)


@wrong("is shown with null never, expected once.\nWhere is self.null?")
class WantedTwice(_Given):
    def ask(self, images, num_steps):
        told = t.cat([self.wanted, self.wanted])
        return self.model(t.cat([images, images]), t.cat([num_steps, num_steps]), told).chunk(2)


@wrong("is shown with null twice, expected once.\nYou give both halves null.")
class NullTwice(_Given):
    def ask(self, images, num_steps):
        told = t.cat([self.null, self.null])
        return self.model(t.cat([images, images]), t.cat([num_steps, num_steps]), told).chunk(2)


@wrong("isn't shown with what is wanted for it")
class FirstWish(_Given):
    def ask(self, images, num_steps):
        told = t.cat([self.wanted[:1].expand_as(self.wanted), self.null])
        return self.model(t.cat([images, images]), t.cat([num_steps, num_steps]), told).chunk(2)


@wrong("You put timesteps together in another order than images.")
class TimestepsInAnotherOrder(_Given):
    def ask(self, images, num_steps):
        told = t.cat([self.wanted, self.null])
        return self.model(t.cat([images, images]), num_steps.repeat_interleave(2), told).chunk(2)


@wrong("isn't shown to the model as it is")
class Doubled(_Given):
    def ask(self, images, num_steps):
        told = t.cat([self.wanted, self.null])
        return self.model(t.cat([2 * images, 2 * images]), t.cat([num_steps, num_steps]), told).chunk(2)


@wrong("the model gets None as wanted")
class NothingWanted(_Given):
    def ask(self, images, num_steps):
        return self.model(t.cat([images, images]), t.cat([num_steps, num_steps])).chunk(2)


@wrong("You give the model its arguments in another order.")
class WishesForTimesteps(_Given):
    def ask(self, images, num_steps):
        told = t.cat([self.wanted, self.null])
        return self.model(t.cat([images, images]), told, t.cat([num_steps, num_steps])).chunk(2)


@wrong("You join them along another axis.")
class ImagesAsChannels(_Given):
    def ask(self, images, num_steps):
        told = t.cat([self.wanted, self.null])
        return self.model(t.cat([images, images], dim=1), t.cat([num_steps, num_steps]), told).chunk(2)


@wrong("You give the model its arguments in another order.")
class OrderOfArguments(_Given):
    def ask(self, images, num_steps):
        told = t.cat([self.wanted, self.null])
        return self.model(t.cat([num_steps, num_steps]), t.cat([images, images]), told).chunk(2)


@wrong("the model is called 0 times")
class NeverAsked(_Given):
    def ask(self, images, num_steps):
        return images, images


@wrong("a model on another device gets num_steps on the cpu")
class TimestepsOnTheCPU(_Given):
    def ask(self, images, num_steps):
        counts = num_steps.repeat(2) if not num_steps.is_meta else t.ones(2 * len(images), dtype=t.int64)
        return self.model(t.cat([images, images]), counts, t.cat([self.wanted, self.null])).chunk(2)


# ------------------------------------------------------------------------------------------------ wrong: form


@wrong("returns None")
class NoReturn(_Given):
    def forward(self, images, num_steps):
        super().forward(images, num_steps)


@wrong("You cut along another axis.")
class HalvesOfChannels(_Given):
    def forward(self, images, num_steps):
        wanted, null = t.cat(self.ask(images, num_steps)).chunk(2, dim=1)
        return self.mix(wanted, null)


@wrong("You take one row for a half.")
class FirstRows(_Given):
    def forward(self, images, num_steps):
        wanted, null, *_ = t.cat(self.ask(images, num_steps))
        return self.mix(wanted, null)


@wrong("it takes 2 images for 4 wishes, expected ValueError.\nWhere is the given line with check_rows?")
class RowsUnchecked(_Given):
    def forward(self, images, num_steps):
        return self.mix(*self.ask(images, num_steps))


@wrong("You detach one of the two guesses, or make it under no_grad.")
class NullDetached(_Given):
    def mix(self, wanted, null):
        return super().mix(wanted, null.detach())


@wrong("returns a tensor of shape (8, 4, 4, 4), expected shape (4, 4, 4, 4).\nYou return both halves.")
class BothHalves(_Given):
    def forward(self, images, num_steps):
        return self.model(t.cat([images, images]), t.cat([num_steps, num_steps]), t.cat([self.wanted, self.null]))


@wrong("returns a tuple")
class BothGuesses(_Given):
    def forward(self, images, num_steps):
        return self.ask(images, num_steps)


@wrong("it changes the images it is given")
class InPlace(_Given):
    def forward(self, images, num_steps):
        result = super().forward(images, num_steps)
        images.copy_(result)
        return result


@wrong("You change in forward what the model keeps.")
class GrowsMoreInsistent(_Given):
    def mix(self, wanted, null):
        result = super().mix(wanted, null)
        self.w = self.w + 1
        return result


@wrong("requires a gradient")
class KeepsAGraph(_Given):
    def forward(self, images, num_steps):
        with t.enable_grad():
            return super().forward(images, num_steps)


@wrong("its noise_schedule is not that of the model")
class ScheduleLost(_Given):
    def __init__(self, model, wanted, null, w):
        super().__init__(model, wanted, null, w)
        self.noise_schedule = None


# ------------------------------------------------------------------------------------------------ mutants

EQUIVALENT = {}
