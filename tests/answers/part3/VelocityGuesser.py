import numpy as np
import torch as t
from einops import einsum, rearrange
from torch import nn

from solutions.part1_diffusion import DiffusionModel, NoiseSchedule, reconstruct
from tests.answers import right, wrong


class _Given(DiffusionModel):
    """Right, in parts that an answer overrides. x: x0 or x_n   e: noise   a: ᾱ"""

    def __init__(self, network, noise_schedule):
        super().__init__()
        self.network = network
        self.img_shape = network.img_shape
        self.noise_schedule = noise_schedule

    def alpha_bar(self, num_steps):
        return self.noise_schedule.alpha_bar(num_steps).reshape(-1, 1, 1, 1)

    def v(self, x, e, a):
        return a.sqrt() * e - (1 - a).sqrt() * x

    def noise(self, x, v, a):
        return (1 - a).sqrt() * x + a.sqrt() * v

    def ask(self, images, num_steps):
        return self.network(images, num_steps)

    def target(self, x0, noise, num_steps):
        return self.v(x0, noise, self.alpha_bar(num_steps))

    def forward(self, images, num_steps):
        return self.noise(images, self.ask(images, num_steps), self.alpha_bar(num_steps))


# ------------------------------------------------------------------------------------------------ right


@right
class InParts(_Given):
    pass


@right
class Angles(_Given):
    """ᾱ as the square of a cosine."""

    def target(self, x0, noise, num_steps):
        angle = self.noise_schedule.alpha_bar(num_steps).sqrt().acos()[:, None, None, None]
        return t.cos(angle) * noise - t.sin(angle) * x0

    def forward(self, images, num_steps):
        angle = self.noise_schedule.alpha_bar(num_steps).sqrt().acos()[:, None, None, None]
        return t.sin(angle) * images + t.cos(angle) * self.network(images, num_steps)


@right
class Summed(_Given):
    def target(self, x0, noise, num_steps):
        a = self.noise_schedule.alpha_bar(num_steps)
        return einsum(a**0.5, noise, "b, b c h w -> b c h w") - einsum((1 - a) ** 0.5, x0, "b, b c h w -> b c h w")

    def forward(self, images, num_steps):
        a = self.noise_schedule.alpha_bar(num_steps)
        parts = t.stack([images, self.network(images, num_steps)])
        return t.einsum("kb,kbchw->bchw", t.stack([1 - a, a]).sqrt(), parts)


@right
class ThroughTheCleanImage(_Given):
    def noise(self, x, v, a):
        x0 = a.sqrt() * x - (1 - a).sqrt() * v
        return (x - a.sqrt() * x0) / (1 - a).sqrt()


@right
class ThroughTheNoisedImage(_Given):
    """v = (√ᾱ x_n - x0) / √(1 - ᾱ)"""

    def target(self, x0, noise, num_steps):
        a = self.alpha_bar(num_steps)
        xt = a.sqrt() * x0 + (1 - a).sqrt() * noise
        return (a.sqrt() * xt - reconstruct(xt, noise, num_steps, self.noise_schedule)) / (1 - a).sqrt()


@right
class ImageByImage(_Given):
    """Each image by itself, and each asked for by itself."""

    def target(self, x0, noise, num_steps):
        bars = [self.noise_schedule.alpha_bar(int(n)) for n in num_steps]
        return t.stack([a.sqrt() * e - (1 - a).sqrt() * x for x, e, a in zip(x0, noise, bars, strict=True)])

    def forward(self, images, num_steps):
        done = []
        for i, n in enumerate(num_steps.tolist()):
            a = self.noise_schedule.alpha_bar(n).item()
            v = self.network(images[i : i + 1], num_steps[i : i + 1])
            done.append((1 - a) ** 0.5 * images[i : i + 1] + a**0.5 * v)
        return t.cat(done)


@right
class NumPy(_Given):
    def target(self, x0, noise, num_steps):
        bars = np.cumprod(1 - self.noise_schedule.betas.double().cpu().numpy())
        a = bars[num_steps.cpu().numpy() - 1][:, None, None, None]
        return t.from_numpy(np.sqrt(a) * noise.cpu().numpy() - np.sqrt(1 - a) * x0.cpu().numpy()).to(x0)


@right
class InPlaceOnItsOwn(_Given):
    def v(self, x, e, a):
        return e.clone().mul_(a.sqrt()).sub_(x * (1 - a).sqrt())

    def forward(self, images, num_steps):
        a = self.alpha_bar(num_steps)
        v = self.network(images=images, num_steps=num_steps)
        v *= a.sqrt()
        v += images * (1 - a).sqrt()
        return v


@right
class ReversedAxes(_Given):
    """With the batch as the last axis, (B,) lines up by itself."""

    def target(self, x0, noise, num_steps):
        a = self.noise_schedule.alpha_bar(num_steps)
        return self.v(x0.permute(3, 2, 1, 0), noise.permute(3, 2, 1, 0), a).permute(3, 2, 1, 0)


@right
class DoublePrecision(_Given):
    def alpha_bar(self, num_steps):
        return self.noise_schedule.alphas.double().log().cumsum(0).exp()[num_steps - 1].reshape(-1, 1, 1, 1)

    def v(self, x, e, a):
        return super().v(x, e, a).float()

    def noise(self, x, v, a):
        return super().noise(x, v, a).to(x.dtype)


@right
class Rotation(_Given):
    """(x_n, v) is (x0, ε), turned; forward turns it back."""

    def turn(self, a):
        return t.stack([t.stack([a.sqrt(), (1 - a).sqrt()]), t.stack([-(1 - a).sqrt(), a.sqrt()])])

    def v(self, x, e, a):
        return (self.turn(a) * t.stack([x, e])).sum(dim=1)[1]

    def noise(self, x, v, a):
        return (self.turn(a).transpose(0, 1) * t.stack([x, v])).sum(dim=1)[1]


@right
class WithNoGradInTarget(_Given):
    """What the network learns from needs no graph."""

    @t.no_grad()
    def target(self, x0, noise, num_steps):
        return super().target(x0, noise, num_steps)

    def forward(self, images, num_steps):
        alpha_bar = self.noise_schedule.alpha_bar(num_steps).view(len(images), *[1] * (images.ndim - 1))
        return t.addcmul((1 - alpha_bar).sqrt() * images, alpha_bar.sqrt(), self.network(images, num_steps))


# ------------------------------------------------------------------------------------------------ wrong target


@wrong("You swap the signs.")
class SignsSwapped(_Given):
    def v(self, x, e, a):
        return (1 - a).sqrt() * x - a.sqrt() * e


@wrong("You add x0. It's taken away.")
class Added(_Given):
    def v(self, x, e, a):
        return a.sqrt() * e + (1 - a).sqrt() * x


@wrong("You swap x0 and noise.")
class RolesSwapped(_Given):
    def v(self, x, e, a):
        return a.sqrt() * x - (1 - a).sqrt() * e


@wrong("You swap x0 and noise.")
class ArgumentsSwapped(_Given):
    def target(self, noise, x0, num_steps):
        return super().target(x0, noise, num_steps)


@wrong("You swap the two factors.")
class TargetFactorsSwapped(_Given):
    def v(self, x, e, a):
        return (1 - a).sqrt() * e - a.sqrt() * x


@wrong("You return x_n, the noised image. Which of the two is v?")
class NoisedImage(_Given):
    def v(self, x, e, a):
        return a.sqrt() * x + (1 - a).sqrt() * e


@wrong("You multiply x0 by -(1 - ᾱ), not by -√(1 - ᾱ), and the noise by ᾱ, not by √ᾱ.")
class TargetWithoutRoots(_Given):
    def v(self, x, e, a):
        return a * e - (1 - a) * x


@wrong("You multiply x0 by -√(1 + ᾱ), not by -√(1 - ᾱ).")
class SignUnderTheRoot(_Given):
    def v(self, x, e, a):
        return a.sqrt() * e - (1 + a).sqrt() * x


@wrong("You multiply the noise by ᾱ, not by √ᾱ.")
class NoRootForTheNoise(_Given):
    def v(self, x, e, a):
        return a * e - (1 - a).sqrt() * x


@wrong("You multiply x0 by -(1 - ᾱ), not by -√(1 - ᾱ).")
class NoRootForTheImage(_Given):
    def v(self, x, e, a):
        return a.sqrt() * e - (1 - a) * x


@wrong("You multiply x0 by -(1 - √ᾱ), not by -√(1 - ᾱ).")
class TargetRootTooShort(_Given):
    def v(self, x, e, a):
        return a.sqrt() * e - (1 - a.sqrt()) * x


@wrong("You halve, because x ** 1/2 is (x ** 1) / 2.")
class HalfForRoot(_Given):
    def v(self, x, e, a):
        return a**1 / 2 * e - (1 - a) ** 1 / 2 * x


@wrong("You return the noise. This network learns v.")
class TargetIsTheNoise(_Given):
    def v(self, x, e, a):
        return e


@wrong("You return x0. This network learns v.")
class TargetIsTheImage(_Given):
    def v(self, x, e, a):
        return x


@wrong("Where are the noise and x0 scaled?")
class PlainDifference(_Given):
    def v(self, x, e, a):
        return e - x


@wrong("You multiply x0 by -(1 - ᾱ)², not by -√(1 - ᾱ), and the noise by ᾱ²")
class TargetSquared(_Given):
    def v(self, x, e, a):
        return a**2 * e - (1 - a) ** 2 * x


@wrong("You multiply the noise by 1, not by √ᾱ.")
class NoiseNotScaled(_Given):
    def v(self, x, e, a):
        return e - (1 - a).sqrt() * x


@wrong("You multiply x0 by -1, not by -√(1 - ᾱ).")
class ImageNotScaled(_Given):
    def v(self, x, e, a):
        return a.sqrt() * e - x


@wrong("You clamp it. v may leave [-1, 1].")
class TargetClamped(_Given):
    def v(self, x, e, a):
        return super().v(x, e, a).clamp(-1, 1)


@wrong("You take x_n away. It's x0.")
class NoisedImageTakenAway(_Given):
    def v(self, x, e, a):
        return super().v(a.sqrt() * x + (1 - a).sqrt() * e, e, a)


@wrong("You put x_n where the noise belongs.")
class NoisedImageForNoise(_Given):
    def v(self, x, e, a):
        return super().v(x, a.sqrt() * x + (1 - a).sqrt() * e, a)


@wrong("You multiply the whole by 1 / √ᾱ.")
class ScaledByTheSignal(_Given):
    def v(self, x, e, a):
        return e - ((1 - a) / a).sqrt() * x


@wrong("You multiply the whole by 1 / √(1 - ᾱ).")
class ScaledByTheNoise(_Given):
    def v(self, x, e, a):
        return (a / (1 - a)).sqrt() * e - x


@wrong("target asks the network.\nYou ask the network what it should learn.")
class TargetAsksTheNetwork(_Given):
    def target(self, x0, noise, num_steps):
        return self.network(x0, num_steps)


@wrong("target asks the network")
class TargetAsksForward(_Given):
    def target(self, x0, noise, num_steps):
        return self(x0, num_steps)


@wrong("target asks the network")
class TargetAsksAboutTheNoisedImage(_Given):
    def target(self, x0, noise, num_steps):
        a = self.alpha_bar(num_steps)
        return self.network(a.sqrt() * x0 + (1 - a).sqrt() * noise, num_steps)


@wrong("You draw noise in it.")
class TargetDrawsNoise(_Given):
    def v(self, x, e, a):
        return super().v(x, t.randn_like(x), a)


# ------------------------------------------------------------------------------------------------ wrong forward


@wrong("You draw noise in it.")
class ForwardDrawsNoise(_Given):
    def noise(self, x, v, a):
        return super().v(x, t.randn_like(x), a)


@wrong("the network is shown other images than forward is given")
class ForwardNoisesOnceMore(_Given):
    def forward(self, images, num_steps):
        a = self.alpha_bar(num_steps)
        return self.noise(images, self.network(a.sqrt() * images + (1 - a).sqrt() * t.randn_like(images), num_steps), a)


@wrong("You return v as the network gave it.")
class VelocityReturned(_Given):
    def noise(self, x, v, a):
        return v


@wrong("You return the images as they came. What becomes of v?")
class ImagesReturned(_Given):
    def noise(self, x, v, a):
        return x


@wrong("You return the clean image. What should forward guess?")
class CleanImageReturned(_Given):
    def noise(self, x, v, a):
        return a.sqrt() * x - (1 - a).sqrt() * v


@wrong("You swap the two factors.")
class ForwardFactorsSwapped(_Given):
    def noise(self, x, v, a):
        return a.sqrt() * x + (1 - a).sqrt() * v


@wrong("You take v away. It's added.")
class VelocityTakenAway(_Given):
    def noise(self, x, v, a):
        return (1 - a).sqrt() * x - a.sqrt() * v


@wrong("You use the formula of target once more.")
class TargetOnceMore(_Given):
    def noise(self, x, v, a):
        return self.v(x, v, a)


@wrong("You solve the formula of target for the noise.")
class TargetSolved(_Given):
    def noise(self, x, v, a):
        return (v + (1 - a).sqrt() * x) / a.sqrt()


@wrong("You multiply the images by (1 - ᾱ), not by √(1 - ᾱ), and v by ᾱ, not by √ᾱ.")
class ForwardWithoutRoots(_Given):
    def noise(self, x, v, a):
        return (1 - a) * x + a * v


@wrong("You multiply the images by (1 - ᾱ), not by √(1 - ᾱ).")
class NoRootForTheImages(_Given):
    def noise(self, x, v, a):
        return (1 - a) * x + a.sqrt() * v


@wrong("You multiply v by ᾱ, not by √ᾱ.")
class NoRootForTheVelocity(_Given):
    def noise(self, x, v, a):
        return (1 - a).sqrt() * x + a * v


@wrong("You multiply the images by (1 - √ᾱ), not by √(1 - ᾱ).")
class ForwardRootTooShort(_Given):
    def noise(self, x, v, a):
        return (1 - a.sqrt()) * x + a.sqrt() * v


@wrong("You take the network's answer for a clean image. It's v.")
class ImageGuesser(_Given):
    def noise(self, x, v, a):
        return (x - a.sqrt() * v) / (1 - a).sqrt()


@wrong("You take the network's answer for the noise. It's v.")
class Reconstructed(_Given):
    def forward(self, images, num_steps):
        return reconstruct(images, self.network(images, num_steps), num_steps, self.noise_schedule)


@wrong("You multiply the images by (1 - ᾱ)², not by √(1 - ᾱ), and v by ᾱ², not by √ᾱ.")
class ForwardSquared(_Given):
    def noise(self, x, v, a):
        return (1 - a) ** 2 * x + a**2 * v


@wrong("You multiply the images by √ᾱ √(1 - ᾱ), not by √(1 - ᾱ).")
class ParenthesesTooWide(_Given):
    def noise(self, x, v, a):
        return ((1 - a).sqrt() * x + v) * a.sqrt()


@wrong("You multiply the images by 1, not by √(1 - ᾱ).")
class ImagesNotScaled(_Given):
    def noise(self, x, v, a):
        return x + a.sqrt() * v


@wrong("You multiply v by 1, not by √ᾱ.")
class VelocityNotScaled(_Given):
    def noise(self, x, v, a):
        return (1 - a).sqrt() * x + v


@wrong("You multiply the images by 1.261 at timestep 3, not by √(1 - ᾱ), and v by 0.5732 at timestep 3, not by √ᾱ.")
class ThroughTheImageWithoutRoots(_Given):
    def noise(self, x, v, a):
        return (x - a * (a.sqrt() * x - (1 - a).sqrt() * v)) / (1 - a)


@wrong("Where is v?")
class VelocityUnused(_Given):
    def noise(self, x, v, a):
        return (1 - a).sqrt() * x


@wrong("Where are the images?")
class ImagesUnused(_Given):
    def noise(self, x, v, a):
        return a.sqrt() * v


@wrong("You clamp the guess. Noise may leave [-1, 1].")
class GuessClamped(_Given):
    def noise(self, x, v, a):
        return super().noise(x, v, a).clamp(-1, 1)


@wrong("You clamp a clean image on the way.")
class CleanImageClamped(_Given):
    def noise(self, x, v, a):
        x0 = (a.sqrt() * x - (1 - a).sqrt() * v).clamp(-1, 1)
        return (x - a.sqrt() * x0) / (1 - a).sqrt()


# ------------------------------------------------------------------------------------------------ another ᾱ


@wrong("You take α, of one step alone. ᾱ is that of all steps.")
class Alpha(_Given):
    def alpha_bar(self, num_steps):
        return self.noise_schedule.alpha(num_steps).reshape(-1, 1, 1, 1)


@wrong("You take 1 - α, the β of one step. ᾱ is that of all steps.")
class Beta(_Given):
    def alpha_bar(self, num_steps):
        return self.noise_schedule.beta(num_steps).reshape(-1, 1, 1, 1)


@wrong("You look ᾱ up one timestep late.")
class CountAsRow(_Given):
    def alpha_bar(self, num_steps):
        return self.noise_schedule.alpha_bars[num_steps].reshape(-1, 1, 1, 1)


@wrong("You look up another timestep than num_steps.")
class RowAsCount(_Given):
    def alpha_bar(self, num_steps):
        return super().alpha_bar(num_steps - 1)


@wrong("You look ᾱ up one timestep early.")
class OneCountBefore(_Given):
    def alpha_bar(self, num_steps):
        return super().alpha_bar((num_steps - 1).clamp(min=1))


@wrong("You look ᾱ up one timestep early.")
class OneCountBeforeWith1(_Given):
    def alpha_bar(self, num_steps):
        bars = t.cat([t.ones(1, device=num_steps.device), self.noise_schedule.alpha_bars])
        return bars[num_steps - 1].reshape(-1, 1, 1, 1)


@wrong("You look ᾱ up one timestep early.")
class OneRowBefore(_Given):
    def alpha_bar(self, num_steps):
        return self.noise_schedule.alpha_bars[num_steps - 2].reshape(-1, 1, 1, 1)


@wrong("You take β, of one step, for 1 - ᾱ.")
class BetaInTarget(_Given):
    def target(self, x0, noise, num_steps):
        beta = self.noise_schedule.beta(num_steps).reshape(-1, 1, 1, 1)
        return self.alpha_bar(num_steps).sqrt() * noise - beta.sqrt() * x0


@wrong("You take β, of one step, for 1 - ᾱ.")
class BetaInForward(_Given):
    def forward(self, images, num_steps):
        beta = self.noise_schedule.beta(num_steps).reshape(-1, 1, 1, 1)
        return beta.sqrt() * images + self.alpha_bar(num_steps).sqrt() * self.network(images, num_steps)


@wrong("You take α, of one step, for ᾱ.")
class AlphaForTheNoise(_Given):
    def target(self, x0, noise, num_steps):
        alpha = self.noise_schedule.alpha(num_steps).reshape(-1, 1, 1, 1)
        return alpha.sqrt() * noise - (1 - self.alpha_bar(num_steps)).sqrt() * x0


@wrong("You take √ᾱ for ᾱ.")
class RootTwice(_Given):
    def alpha_bar(self, num_steps):
        return super().alpha_bar(num_steps).sqrt()


@wrong("You give all images the mean of their factors.")
class MeanForAll(_Given):
    def alpha_bar(self, num_steps):
        return super().alpha_bar(num_steps).mean()


@wrong("You give all images the same factors, of the first or of the largest count.")
class OneForAll(_Given):
    def alpha_bar(self, num_steps):
        return super().alpha_bar(num_steps[0])


@wrong("You take the factors of timesteps 1, 2, 3, ...")
class WholeSchedule(_Given):
    def alpha_bar(self, num_steps):
        return self.noise_schedule.alpha_bars.reshape(-1, 1, 1, 1)


@wrong("You take the factors of the last timestep.")
class LastCount(_Given):
    def alpha_bar(self, num_steps):
        return super().alpha_bar(len(self.noise_schedule))


@wrong("You let the factors run along the width of the images.")
class AlongTheWidth(_Given):
    def alpha_bar(self, num_steps):
        return self.noise_schedule.alpha_bar(num_steps)


@wrong("You let the factors run along the height of the images.")
class AlongTheHeight(_Given):
    def alpha_bar(self, num_steps):
        return rearrange(self.noise_schedule.alpha_bar(num_steps), "b -> b 1")


@wrong("You let the factors run along the channels.")
class AlongTheChannels(_Given):
    def alpha_bar(self, num_steps):
        return rearrange(self.noise_schedule.alpha_bar(num_steps), "b -> b 1 1")


@wrong("target at timestep 4")
class LastCountLeftOut(_Given):
    def alpha_bar(self, num_steps):
        return super().alpha_bar(num_steps.clamp(max=len(self.noise_schedule) - 1))


@wrong("You take α, of one step alone. ᾱ is that of all steps.")
class AlphaInForward(_Given):
    def forward(self, images, num_steps):
        alpha = self.noise_schedule.alpha(num_steps).reshape(-1, 1, 1, 1)
        return self.noise(images, self.network(images, num_steps), alpha)


@wrong("IndexError: too many indices")
class SqueezedTooFar(_Given):
    """Right but for a batch of one."""

    def alpha_bar(self, num_steps):
        return super().alpha_bar(num_steps).squeeze()[:, None, None, None]


# ------------------------------------------------------------------------------------------------ wrong question


@wrong("the network gets a tensor of shape (4,) as images")
class QuestionSwapped(_Given):
    def ask(self, images, num_steps):
        return self.network(num_steps, images)


@wrong("the network is shown other images than forward is given")
class ImagesClamped(_Given):
    def ask(self, images, num_steps):
        return self.network(images.clamp(-1, 1), num_steps)


@wrong("You take 1 away.")
class RowsAsked(_Given):
    def ask(self, images, num_steps):
        return self.network(images, num_steps - 1)


@wrong("You change num_steps on the way.")
class SharesAsked(_Given):
    def ask(self, images, num_steps):
        return self.network(images, num_steps / len(self.noise_schedule))


@wrong("the network is told the timesteps [3.0, 1.0, 2.0, 1.0], expected [3, 1, 2, 1].")
class FloatsAsked(_Given):
    def ask(self, images, num_steps):
        return self.network(images, num_steps.float())


@wrong("You change num_steps on the way.")
class CountsReshaped(_Given):
    def ask(self, images, num_steps):
        return self.network(images, num_steps.reshape(-1, 1, 1, 1))


@wrong("the network gets an int as num_steps")
class OneCountAsked(_Given):
    def ask(self, images, num_steps):
        return self.network(images, num_steps[0].item())


@wrong("RuntimeError: expected m1 and m2 to have the same dtype")
class DoubleAsked(_Given):
    def ask(self, images, num_steps):
        return self.network(images.double(), num_steps).float()


# ------------------------------------------------------------------------------------------------ wrong form


@wrong("no gradient comes back to the network.\nYou cut the gradient off, by no_grad, detach or .data.")
class NoGrad(_Given):
    @t.no_grad()
    def forward(self, images, num_steps):
        return super().forward(images, num_steps)


@wrong("no gradient comes back to the network")
class Detached(_Given):
    def ask(self, images, num_steps):
        return self.network(images, num_steps).detach()


@wrong("target changes the noise it is given")
class NoiseInPlace(_Given):
    def v(self, x, e, a):
        e *= a.sqrt()
        return e - (1 - a).sqrt() * x


@wrong("target changes the x0 it is given")
class ImageInPlace(_Given):
    def v(self, x, e, a):
        return a.sqrt() * e - x.mul_((1 - a).sqrt())


@wrong("forward changes the images it is given")
class ImagesInPlace(_Given):
    def noise(self, x, v, a):
        return x.mul_((1 - a).sqrt()) + a.sqrt() * v


@wrong("target changes the num_steps it is given")
class CountsInPlace(_Given):
    def target(self, x0, noise, num_steps):
        num_steps -= 1
        return self.v(x0, noise, self.noise_schedule.alpha_bars[num_steps].reshape(-1, 1, 1, 1))


@wrong("AttributeError: ")
class LeftByTarget(_Given):
    """forward lives on what target has left behind; sample calls forward alone."""

    def target(self, x0, noise, num_steps):
        self.a = self.alpha_bar(num_steps)
        return self.v(x0, noise, self.a)

    def forward(self, images, num_steps):
        return self.noise(images, self.network(images, num_steps), self.a)


@wrong("its noise_schedule is None, not what it was made with")
class ScheduleLost(_Given):
    def __init__(self, network, noise_schedule):
        super().__init__(network, noise_schedule)
        self.noise_schedule = None


@wrong("its network is a Sequential, not what it was made with")
class NetworkWrapped(_Given):
    def __init__(self, network, noise_schedule):
        super().__init__(network, noise_schedule)
        self.network = nn.Sequential(network, nn.Tanh())


@wrong("target, for images of shape (4, 4, 4, 4), returns None")
class TargetWithoutReturn(_Given):
    def target(self, x0, noise, num_steps):
        super().target(x0, noise, num_steps)


@wrong("forward, for images of shape (4, 4, 4, 4), returns None")
class ForwardWithoutReturn(_Given):
    def forward(self, images, num_steps):
        super().forward(images, num_steps)


@wrong("returns a tensor of shape (4, 64), expected shape (4, 4, 4, 4)")
class Flattened(_Given):
    def v(self, x, e, a):
        return super().v(x, e, a).flatten(1)


@wrong("returns numbers of type torch.float64")
class StillDouble(_Given):
    def alpha_bar(self, num_steps):
        return super().alpha_bar(num_steps).double()


@wrong("returns a tuple, expected one tensor")
class NoiseAndImage(_Given):
    def noise(self, x, v, a):
        return super().noise(x, v, a), a.sqrt() * x - (1 - a).sqrt() * v


@wrong("returns nan")
class RootOfANegative(_Given):
    def v(self, x, e, a):
        return a.sqrt() * e - (a - 1).sqrt() * x


# ------------------------------------------------------------------------------------------------ from the field


@right
class ByWayOfTheImage(_Given):
    def noise(self, x, v, a):
        x0 = a.sqrt() * x - (1 - a).sqrt() * v
        return (x - a.sqrt() * x0) / (1 - a).sqrt()


@right
class LookedUpOnTheCPUAndBroughtBack(_Given):
    def alpha_bar(self, num_steps):
        rows = [self.noise_schedule.alpha_bar(n).item() for n in num_steps.tolist()]
        return t.tensor(rows, device=num_steps.device).reshape(-1, 1, 1, 1)


@wrong("with all on another device, target mixes tensors of two devices")
class LeftOnTheCPU(_Given):
    def alpha_bar(self, num_steps):
        return self.noise_schedule.alpha_bar(num_steps).cpu().reshape(-1, 1, 1, 1)


@wrong("with all on another device, target mixes tensors of two devices")
class LookedUpInNumPy(_Given):
    def alpha_bar(self, num_steps):
        table = self.noise_schedule.alpha_bars.cpu().numpy()
        return t.tensor(table[num_steps.cpu().numpy() - 1]).reshape(-1, 1, 1, 1)


@wrong("You write ᾱ down. Where is it looked up in self.noise_schedule?")
class WrittenDown(_Given):
    def alpha_bar(self, num_steps):
        return t.tensor([0.9, 0.54, 0.432, 0.324])[num_steps - 1].reshape(-1, 1, 1, 1)


@wrong("for ᾱ. Where is it looked up in self.noise_schedule?")
class ScheduleOfItsOwn(_Given):
    def alpha_bar(self, num_steps):
        return NoiseSchedule(1000, "cpu").alpha_bar(num_steps).reshape(-1, 1, 1, 1)


@wrong("You clamp x0. All that it has counts.")
class ImageClamped(_Given):
    def v(self, x, e, a):
        return super().v(x.clamp(-1, 1), e, a)


@wrong("You cut the images off")
class ImagesDetached(_Given):
    def noise(self, x, v, a):
        return super().noise(x.detach(), v, a)


@wrong("You cut the images off")
class NetworkShownDetachedImages(_Given):
    def ask(self, images, num_steps):
        return self.network(images.detach(), num_steps)


@wrong("Where does its class line name part1.Guesser?")
class OfNoGuesser(nn.Module):
    def target(self, x0, noise, num_steps):
        return noise


@wrong("You call self(...) in forward, which is forward once more.")
class AsksItself(_Given):
    def forward(self, images, num_steps):
        return self.noise(images, self(images, num_steps), self.alpha_bar(num_steps))


schedule = NoiseSchedule(1000, "cpu")  # as another cell may have left it


@wrong("`schedule` is no argument: it comes from another cell.")
class LeftOver(_Given):
    def alpha_bar(self, num_steps):
        return schedule.alpha_bar(num_steps).reshape(-1, 1, 1, 1)


@wrong("You multiply the whole by 0.5.")
class Halved(_Given):
    def v(self, x, e, a):
        return super().v(x, e, a) / 2


@wrong("You clamp v.")
class VelocityClamped(_Given):
    def ask(self, images, num_steps):
        return super().ask(images, num_steps).clamp(-1, 1)


@wrong("You scale the guess to a standard deviation of 1.")
class GuessScaled(_Given):
    def noise(self, x, v, a):
        return super().noise(x, v, a) / super().noise(x, v, a).std()


@wrong("You compute under t.inference_mode().")
class TargetForNoTraining(_Given):
    @t.inference_mode()
    def target(self, x0, noise, num_steps):
        return super().target(x0, noise, num_steps)


@right
class LooksUpForNoTraining(_Given):
    def alpha_bar(self, num_steps):
        with t.inference_mode():
            return super().alpha_bar(num_steps)


# ------------------------------------------------------------------------------------------------ mutants

EQUIVALENT = {
    "these two lines do not need each other": [
        "alpha_bar = rearrange(self.noise_schedule.alpha_bar(num_steps), 'b -> b 1 1 1')"
        " -> after v = self.network(images, num_steps)",
    ],
}
