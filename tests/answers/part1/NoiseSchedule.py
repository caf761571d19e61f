import torch as t
import torch.nn as nn

import utils
from tests.answers import right, wrong


def _linear(max_steps):
    return t.linspace(0.0001, 0.02, max_steps)


class _Given(nn.Module):
    """What the exercise gives; an answer overrides what it writes."""

    def __init__(self, max_steps, device, betas=None):
        super().__init__()
        self.max_steps = max_steps
        self.fill(_linear(max_steps) if betas is None else betas, device)

    def fill(self, betas, device):
        self.register_buffer("betas", betas)
        self.register_buffer("alphas", 1 - betas)
        self.register_buffer("alpha_bars", self.alphas.cumprod(dim=0))
        self.to(device)

    def beta(self, num_steps):
        return self.betas[self.rows(num_steps)]

    def alpha(self, num_steps):
        return self.alphas[self.rows(num_steps)]

    def alpha_bar(self, num_steps):
        return self.alpha_bars[self.rows(num_steps)]

    def rows(self, num_steps):
        utils.check_num_steps(num_steps, self.max_steps)
        return t.as_tensor(num_steps, device=self.device).reshape(-1) - 1

    @property
    def device(self):
        return next(self.buffers()).device

    def __len__(self):
        return self.max_steps


@right
class Plain(_Given):
    pass


@right
class OneBuffer(_Given):
    def fill(self, betas, device):
        self.register_buffer("betas", betas.to(device))

    @property
    def alphas(self):
        return 1 - self.betas

    @property
    def alpha_bars(self):
        return t.cumprod(self.alphas, 0)


@right
class LogSpaceInFloat64(_Given):
    def fill(self, betas, device):
        super().fill(betas, device)
        self.alpha_bars = t.log1p(-betas.double()).cumsum(0).exp().float().to(device)


@right
class ZeroDimensionalForOneInt(_Given):
    def rows(self, num_steps):
        utils.check_num_steps(num_steps, self.max_steps)
        return num_steps - 1


@right
class RowZeroIsNoStep(_Given):
    """T + 1 rows, so that a count is its own row."""

    def fill(self, betas, device):
        padded = t.cat([t.zeros(1, device=betas.device), betas]).to(device)
        self.register_buffer("table", t.stack([padded, 1 - padded, (1 - padded).cumprod(0)]))

    def look_up(self, row, num_steps):
        return self.table[row].index_select(0, t.as_tensor(num_steps, device=self.table.device).reshape(-1))

    def beta(self, num_steps):
        return self.look_up(0, num_steps)

    def alpha(self, num_steps):
        return self.look_up(1, num_steps)

    def alpha_bar(self, num_steps):
        return self.look_up(2, num_steps)


@right
class ComputedInALoop(_Given):
    def fill(self, betas, device):
        bars, product = [], 1.0
        for beta in betas.tolist():
            product *= 1 - beta
            bars.append(product)
        self.register_buffer("betas", betas)
        self.register_buffer("alphas", 1 - betas)
        self.register_buffer("alpha_bars", t.tensor(bars))
        self.to(device)


@right
class StoredInFloat64(_Given):
    def fill(self, betas, device):
        super().fill(betas.double(), device)

    def beta(self, num_steps):
        return super().beta(num_steps).float()

    def alpha(self, num_steps):
        return super().alpha(num_steps).float()

    def alpha_bar(self, num_steps):
        return super().alpha_bar(num_steps).float()


@right
class Gathered(_Given):
    def fill(self, betas, device):
        alphas = t.sub(1, betas)
        for name, vector in {"betas": betas, "alphas": alphas, "alpha_bars": t.cumprod(alphas, dim=-1)}.items():
            self.register_buffer(name, vector.to(device))

    def beta(self, num_steps):
        return self.betas.gather(0, self.rows(num_steps))

    def alpha(self, num_steps):
        return t.take(self.alphas, self.rows(num_steps))

    def alpha_bar(self, num_steps):
        return self.alpha_bars.index_select(0, self.rows(num_steps))


@right
class AlphaFromBeta(_Given):
    def alpha(self, num_steps):
        return 1.0 - self.beta(num_steps)


@right
class MovedFirstAndComputedFromAList(_Given):
    """Needs numbers on the device, which the meta device has not."""

    def fill(self, betas, device):
        betas = betas.to(device)
        kept = [1.0]
        for beta in betas.tolist():
            kept.append(kept[-1] * (1 - beta))
        self.register_buffer("betas", betas)
        self.register_buffer("alphas", 1 - betas)
        self.register_buffer("alpha_bars", t.tensor(kept[1:], device=device))


@wrong("alpha_bar(1) looks for a row in a single number, expected a vector.\nYou take prod, the product of all.")
class ProductStored(_Given):
    def fill(self, betas, device):
        self.register_buffer("betas", betas)
        self.register_buffer("alphas", 1 - betas)
        self.register_buffer("alpha_bars", self.alphas.prod(dim=0))
        self.to(device)


@wrong("it holds no buffers.\nYou keep the vectors as plain attributes.")
class PlainAttributesAlone(_Given):
    def fill(self, betas, device):
        self.betas, self.alphas = betas, 1 - betas
        self.alpha_bars = self.alphas.cumprod(0)


@wrong("You keep a vector that is not saved: a plain attribute, or a buffer that is not persistent.")
class PlainAttributes(_Given):
    def fill(self, betas, device):
        self.register_buffer("place", t.zeros(1, device=device))
        self.betas = betas.to(device)
        self.alphas = 1 - self.betas
        self.alpha_bars = self.alphas.cumprod(0)

    @property
    def device(self):
        return self.betas.device


@wrong("You keep a vector that is not saved: a plain attribute, or a buffer that is not persistent.")
class OneVectorForgotten(_Given):
    def fill(self, betas, device):
        self.betas = betas.to(device)
        self.register_buffer("alphas", 1 - self.betas)
        self.register_buffer("alpha_bars", self.alphas.cumprod(dim=0))


@wrong("You save nothing: the buffers are not persistent.")
class BuffersThatAreNotSaved(_Given):
    def fill(self, betas, device):
        self.register_buffer("betas", betas, persistent=False)
        self.register_buffer("alphas", 1 - betas, persistent=False)
        self.register_buffer("alpha_bars", self.alphas.cumprod(dim=0), persistent=False)
        self.to(device)


@wrong("it has parameters, which training would change")
class Parameters(_Given):
    def fill(self, betas, device):
        self.betas = nn.Parameter(betas, requires_grad=False)
        self.alphas = nn.Parameter(1 - betas, requires_grad=False)
        self.alpha_bars = nn.Parameter((1 - betas).cumprod(0), requires_grad=False)
        self.to(device)

    @property
    def device(self):
        return self.betas.device


@wrong("it has parameters, which training would change")
class LearnedParameters(_Given):
    def fill(self, betas, device):
        self.betas = nn.Parameter(betas)
        self.alphas = nn.Parameter(1 - betas)
        self.alpha_bars = nn.Parameter((1 - betas).cumprod(0))
        self.to(device)

    @property
    def device(self):
        return self.betas.device


@wrong("You leave something on the CPU.")
class DeviceIgnored(_Given):
    def fill(self, betas, device):
        super().fill(betas, "cpu")


@wrong("You use a schedule of your own.")
class BetasIgnored(_Given):
    def fill(self, betas, device):
        super().fill(_linear(self.max_steps), device)


@wrong("You look one index late.")
class CountsUsedAsRows(_Given):
    def rows(self, num_steps):
        return t.as_tensor(num_steps, device=self.device).reshape(-1)


@wrong("You add the alphas up.")
class Sum(_Given):
    def fill(self, betas, device):
        super().fill(betas, device)
        self.alpha_bars = self.alphas.cumsum(0)


@wrong("You leave the step's own alpha out of the product.")
class OwnAlphaLeftOut(_Given):
    def fill(self, betas, device):
        super().fill(betas, device)
        self.alpha_bars = t.cat([t.ones(1, device=device), self.alpha_bars[:-1]])


@wrong("You multiply the betas.")
class ProductOfBetas(_Given):
    def fill(self, betas, device):
        super().fill(betas, device)
        self.alpha_bars = self.betas.cumprod(0)


@wrong("You multiply all alphas, whatever the timestep.")
class ProductOfAll(_Given):
    def alpha_bar(self, num_steps):
        return self.alphas.prod().expand(self.rows(num_steps).shape)


@wrong("You take a root.")
class RootTaken(_Given):
    def alpha_bar(self, num_steps):
        return super().alpha_bar(num_steps).sqrt()


@wrong("You give the shares of noise, 1 - ᾱ.")
class ShareOfNoise(_Given):
    def alpha_bar(self, num_steps):
        return 1 - super().alpha_bar(num_steps)


@wrong("You give the alphas, another of the three vectors.")
class AlphaForBeta(_Given):
    def beta(self, num_steps):
        return self.alpha(num_steps)


@wrong("You give the betas.")
class BetaForAlpha(_Given):
    def alpha(self, num_steps):
        return self.beta(num_steps)


@wrong("You give standard deviations.")
class StandardDeviation(_Given):
    def beta(self, num_steps):
        return super().beta(num_steps).sqrt()


@wrong("beta(1) returns a float, expected one tensor")
class Floats(_Given):
    def beta(self, num_steps):
        return super().beta(num_steps).tolist()[0]


@wrong("a tensor of shape (1, 1), expected shape (1,)")
class Columns(_Given):
    def beta(self, num_steps):
        return super().beta(num_steps).unsqueeze(1)


@wrong("beta(1) cannot take part in training.\nYou look it up in inference_mode.")
class InferenceMode(_Given):
    @t.inference_mode()
    def beta(self, num_steps):
        return super().beta(num_steps)


@wrong("beta(1) returns None")
class NoReturn(_Given):
    def beta(self, num_steps):
        super().beta(num_steps)


@wrong("len gives 5, expected 4.\nYou change __len__")
class OneTooLong(_Given):
    def __len__(self):
        return self.max_steps + 1


@wrong("only one element tensors can be converted to Python scalars")
class OneCountOnly(_Given):
    def rows(self, num_steps):
        return t.tensor([int(num_steps) - 1], device=self.device)


@wrong("You mix them up.")
class SortsItsCounts(_Given):
    def rows(self, num_steps):
        return super().rows(num_steps).sort().values


@wrong("without betas, ᾱ is not that of linear_schedule(max_steps)")
class AnotherDefault(_Given):
    def __init__(self, max_steps, device, betas=None):
        super().__init__(max_steps, device, t.linspace(0.001, 0.2, max_steps) if betas is None else betas)


@wrong("it is not a module.\nWhere does the class line say nn.Module?")
class NoModule:
    def __init__(self, max_steps, device, betas=None):
        self.max_steps = max_steps

    def __len__(self):
        return self.max_steps


@wrong("You subtract 1 once more.")
class OneRowEarly(_Given):
    def beta(self, num_steps):
        return self.betas[self.rows(num_steps) - 1]


@wrong("You give the running products, another of the three vectors.")
class AlphaBarForAlpha(_Given):
    def alpha(self, num_steps):
        return self.alpha_bar(num_steps)


@wrong("You add β to 1.")
class OnePlusBeta(_Given):
    def fill(self, betas, device):
        super().fill(betas, device)
        self.alphas = 1 + self.betas


@wrong("You take a root.")
class RootOfAlpha(_Given):
    def alpha(self, num_steps):
        return super().alpha(num_steps).sqrt()


@wrong("You take the product from the last alpha on.")
class ProductFromTheEnd(_Given):
    def fill(self, betas, device):
        super().fill(betas, device)
        self.alpha_bars = self.alphas.flip(0).cumprod(0).flip(0)


@wrong("You take one alpha n times.")
class PowerOfOneAlpha(_Given):
    def alpha_bar(self, num_steps):
        return self.alpha(num_steps) ** (self.rows(num_steps) + 1)


@wrong("You add the betas up.")
class OneMinusTheSum(_Given):
    def alpha_bar(self, num_steps):
        return 1 - self.betas.cumsum(0)[self.rows(num_steps)]


@wrong("for timesteps 1 to 4,\nexpected [0.9, 0.54, 0.432, 0.324].\nYou give the alphas, another of the three vectors.")
class ProductForgotten(_Given):
    def alpha_bar(self, num_steps):
        return self.alpha(num_steps)


@wrong("it changes the betas it is given")
class BetasInPlace(_Given):
    def fill(self, betas, device):
        kept = betas.clone()
        super().fill(kept, device)
        betas.neg_().add_(1)


@wrong("numbers of type torch.float64, expected torch.float32")
class LeftInFloat64(_Given):
    def fill(self, betas, device):
        super().fill(betas.double(), device)


@wrong("self.device cannot be set")
class SetsSelfDevice(_Given):
    def fill(self, betas, device):
        self.device = device
        super().fill(betas, device)


@wrong("beta(0) gives that of the last timestep, expected an error.\nYou take index -1. Where is rows")
class LooksUpWithoutRows(_Given):
    def beta(self, num_steps):
        return self.betas[num_steps - 1]

    def alpha(self, num_steps):
        return self.alphas[num_steps - 1]

    def alpha_bar(self, num_steps):
        return self.alpha_bars[num_steps - 1]


@wrong("alpha of a batch of one timestep returns a tensor of shape (), expected shape (1,)")
class Squeezed(_Given):
    def alpha(self, num_steps):
        return super().alpha(num_steps).squeeze()


@wrong("schedule.beta is a tensor of shape (4,), expected a method.\nYou store something as self.beta")
class TensorUnderTheNameOfAMethod(_Given):
    def fill(self, betas, device):
        super().fill(betas, device)
        self.beta = betas


@wrong("The class has a method or an attribute of that name. Which names does it declare?")
class BufferUnderTheNameOfAMethod(_Given):
    def fill(self, betas, device):
        self.register_buffer("beta", betas)


@wrong("You take e to the power of minus all betas.")
class Exponential(_Given):
    def alpha_bar(self, num_steps):
        return (-self.betas.cumsum(0)).exp()[self.rows(num_steps)]


@wrong("You round, or compute in half precision.")
class KeptInHalfPrecision(_Given):
    def fill(self, betas, device):
        super().fill(betas.half().float(), device)


@wrong("what is saved and loaded again gives another beta.\nYou keep a vector that is not saved")
class OneBufferIsNotSaved(_Given):
    def fill(self, betas, device):
        super().fill(betas, device)
        del self.betas
        self.register_buffer("betas", betas.to(device), persistent=False)


@wrong("with device='meta', alpha(1) ")
class OneVectorLeftOnTheCPU(_Given):
    def fill(self, betas, device):
        self.register_buffer("betas", betas.to(device))
        self.register_buffer("alphas", 1 - betas)
        self.register_buffer("alpha_bars", (1 - betas).cumprod(0).to(device))


@wrong("beta stays behind when the module is moved by .to(device).\nYou keep it as a plain attribute")
class LooksUpOnTheCPU(_Given):
    def beta(self, num_steps):
        return self.betas.cpu()[self.rows(num_steps).cpu()]


@wrong("You write something out, or look it up by rounded timesteps.")
class AlphaBarsWrittenOut(_Given):
    def alpha_bar(self, num_steps):
        if self.max_steps == 4 and self.betas[0] > 0.05:
            return t.tensor([0.9, 0.54, 0.432, 0.324], device=self.device)[self.rows(num_steps)]
        return (1 - _linear(self.max_steps)).to(self.device).cumprod(0)[self.rows(num_steps)]


@wrong("You write something out, or look it up by rounded timesteps.")
class TimestepsInHalfPrecision(_Given):
    def beta(self, num_steps):
        return self.betas[self.rows(num_steps).bfloat16().long()]


@wrong("self.max_steps is an int, expected 4, as given.\nYou overwrite self.max_steps.")
class MaxStepsOverwritten(_Given):
    def fill(self, betas, device):
        super().fill(betas, device)
        self.max_steps = 1000

    def __len__(self):
        return len(self.betas)


schedule = _Given(200, "cpu")  # as another cell leaves it


@wrong("`schedule` is no argument: it comes from another cell.")
class AnotherCellsSchedule(_Given):
    def beta(self, num_steps):
        return schedule.betas[self.rows(num_steps)]


@wrong("beta calls itself without end.\nYou call beta in beta.")
class LooksItselfUp(_Given):
    def beta(self, num_steps):
        return self.beta(self.rows(num_steps) + 1)


@right
class DeviceAsAString(_Given):
    def fill(self, betas, device):
        device = str(device)
        for name, vector in [("betas", betas), ("alphas", 1 - betas), ("alpha_bars", t.cumprod(1 - betas, 0))]:
            self.register_buffer(name, vector.clone().to(device))


@right
class ComputedAtEachLookup(_Given):
    def alpha_bar(self, num_steps):
        return t.stack([self.alphas[: row + 1].prod() for row in self.rows(num_steps)])


EQUIVALENT = {
    "the vectors may be stored in any order, and on the device already": [
        "self.register_buffer('betas', betas) -> after self.register_buffer('alphas', 1 - betas)",
        "self.register_buffer('alpha_bars', self.alphas.cumprod(dim=0)) -> after self.to(device)",
    ],
    "the first axis of a vector is its last": [
        "self.register_buffer('alpha_bars', self.alphas.cumprod(dim=0)) -> "
        "self.register_buffer('alpha_bars', self.alphas.cumprod(dim=-1))"
    ],
}


@wrong("it has parameters, which training would change.\nYou make parameters of them.")
class ParametersUnderTheGivenDevice(_Given):
    def fill(self, betas, device):
        self.betas = nn.Parameter(betas.to(device))
        self.alphas = nn.Parameter(1 - betas.to(device))
        self.alpha_bars = nn.Parameter((1 - betas.to(device)).cumprod(0))


@wrong("You look one index late.")
class OneRowLate(_Given):
    def beta(self, num_steps):
        return self.betas[self.rows(num_steps) + 1]


@wrong("beta(1) is refused, as if it were timestep 0.\nYou subtract 1 before rows")
class SubtractsBeforeRows(_Given):
    def beta(self, num_steps):
        return self.betas[self.rows(num_steps - 1)]


@wrong("alpha(1) returns a tensor of shape (4,), expected shape (1,).\nYou return many entries.")
class WholeVector(_Given):
    def alpha(self, num_steps):
        return self.alphas


@wrong("alpha_bar(2) returns a tensor of shape (2,), expected shape (1,).\nYou return many entries.")
class AllUpToTheTimestep(_Given):
    def alpha_bar(self, num_steps):
        return self.alpha_bars[:num_steps]


@wrong("beta of 5 timesteps returns a tensor of shape (1,), expected shape (5,).\nYou look one of them up for all.")
class FirstTimestepAlone(_Given):
    def beta(self, num_steps):
        return self.betas[self.rows(num_steps)[:1]]


@wrong("You write one of the three vectors over another, in place.")
class RunningProductInPlace(_Given):
    def fill(self, betas, device):
        self.register_buffer("betas", betas.to(device))
        self.register_buffer("alphas", 1 - self.betas)
        self.register_buffer("alpha_bars", self.alphas.cumprod_(dim=0))


@wrong("alpha(0) gives that of another timestep, expected an error.\nYou make another timestep of it.")
class ClampsToTheTimestepsThereAre(_Given):
    def alpha(self, num_steps):
        return self.alphas[t.as_tensor(num_steps).clamp(1, self.max_steps).reshape(-1) - 1]


@wrong("You multiply the betas. ᾱ multiplies the alphas.")
class OneMinusTheProductOfBetas(_Given):
    def fill(self, betas, device):
        super().fill(betas, device)
        self.alpha_bars = 1 - self.betas.cumprod(0)


@wrong("You subtract 1 from β. α is 1 - β.")
class BetaMinusOne(_Given):
    def alpha(self, num_steps):
        return super().beta(num_steps) - 1


@wrong("You turn the schedule round.")
class FromNoiseToClean(_Given):
    def fill(self, betas, device):
        super().fill(betas.flip(0), device)


@wrong("You use a schedule of your own.")
class AlwaysTwoHundredSteps(_Given):
    def fill(self, betas, device):
        super().fill(betas, device)
        self.alphas = 1 - _linear(200).to(device)


@wrong("You give ᾱ / (1 - ᾱ).")
class SignalToNoise(_Given):
    def alpha_bar(self, num_steps):
        bar = super().alpha_bar(num_steps)
        return bar / (1 - bar)
