import copy

import numpy as np
import torch as t
from torch import nn
from torch.optim.swa_utils import get_ema_multi_avg_fn

from tests.answers import right, wrong


class _Given:
    """Right, in parts that an answer overrides."""

    def __init__(self, model, decay=0.995):
        if not 0 <= decay < 1:
            raise ValueError(f"decay is {decay}: choose it from 0 (no memory) to just under 1")
        self.model = copy.deepcopy(model).requires_grad_(False)
        self.decay = decay
        self.updates = 0

    @t.no_grad()
    def update(self, model):
        self.updates += 1
        d = self.share(self.updates)
        for average, current in self.pairs(model):
            average.copy_(self.mix(average, current, d))
        self.take_buffers(model, d)

    def share(self, n):
        return min(self.decay, self.warm(n))

    def warm(self, n):
        return (1 + n) / (10 + n)

    def pairs(self, model):
        return zip(self.model.parameters(), model.parameters(), strict=True)

    def mix(self, average, current, d):
        return d * average + (1 - d) * current

    def buffers(self, model):
        return zip(self.model.buffers(), model.buffers(), strict=True)

    def take_buffers(self, model, d):
        for average, current in self.buffers(model):
            average.copy_(current)


# ------------------------------------------------------------------------------------------------ right


@right
class InParts(_Given):
    pass


@right
class Lerp(_Given):
    @t.no_grad()
    def update(self, model):
        self.updates += 1
        d = min((self.updates + 1) / (self.updates + 10), self.decay)
        for average, current in self.pairs(model):
            average.lerp_(current, 1 - d)
        for average, current in self.buffers(model):
            average.data = current.clone()


@right
class Foreach(_Given):
    @t.no_grad()
    def update(self, model):
        self.updates += 1
        d = self.share(self.updates)
        t._foreach_lerp_(list(self.model.parameters()), list(model.parameters()), 1 - d)
        t._foreach_copy_(list(self.model.buffers()), list(model.buffers()))


@right
class ByTheLibrary(_Given):
    def update(self, model):
        self.updates += 1
        average = get_ema_multi_avg_fn(self.share(self.updates))
        average(list(self.model.parameters()), list(model.parameters()), self.updates)
        self.take_buffers(model, None)


@right
class MulAndAdd(_Given):
    """Through .data, which no graph sees; counted at the end."""

    def update(self, model):
        d = self.share(self.updates + 1)
        for average, current in self.pairs(model):
            average.data.mul_(d).add_(current.data, alpha=1 - d)
        self.take_buffers(model, d)
        self.updates += 1


@right
class OwnCountAndNames(_Given):
    def update(self, model):
        self.n = getattr(self, "n", 1) + 1
        d = min(self.decay, self.n / (9 + self.n))
        theirs, names = model.state_dict(), {name for name, _ in model.named_parameters()}
        for name, average in self.model.state_dict().items():
            average.copy_(average * d + theirs[name] * (1 - d) if name in names else theirs[name])


@right
class LoadsAStateDict(_Given):
    @t.no_grad()
    def update(self, model):
        self.updates += 1
        d, state = self.share(self.updates), dict(model.state_dict())
        for (name, average), current in zip(self.model.named_parameters(), model.parameters(), strict=True):
            state[name] = average - (1 - d) * (average - current)
        self.model.load_state_dict(state)


@right
class NumpyFloat64(_Given):
    def update(self, model):
        self.updates += 1
        d = np.minimum(self.decay, np.float64(1 + self.updates) / (10 + self.updates))
        for average, current in self.pairs(model):
            old, now = average.numpy().astype(np.float64), current.detach().numpy().astype(np.float64)
            average.data = t.from_numpy(d * old + (1 - d) * now).float()
        self.take_buffers(model, d)


@right
class OwnShadow(_Given):
    """Keeps the average in float64 beside the model."""

    def update(self, model):
        if not self.updates:
            self.shadow = [p.double().clone() for p in self.model.parameters()]
        self.updates += 1
        way = max(1 - self.decay, 9 / (10 + self.updates))
        for shadow, (average, current) in zip(self.shadow, self.pairs(model), strict=True):
            shadow += way * (current.detach() - shadow)
            average.data.copy_(shadow)
        self.take_buffers(model, None)


@right
class OneVector(_Given):
    @t.no_grad()
    def update(self, model):
        self.updates += 1
        mine, theirs = (nn.utils.parameters_to_vector(m.parameters()) for m in (self.model, model))
        d = t.tensor(self.decay).clamp(max=self.warm(self.updates))
        nn.utils.vector_to_parameters(t.stack([mine, theirs]).T @ t.stack([d, 1 - d]), self.model.parameters())
        self.take_buffers(model, d)


@right
class NewModel(_Given):
    def update(self, model):
        self.updates += 1
        made = copy.deepcopy(model).requires_grad_(False)
        for p, (average, current) in zip(made.parameters(), self.pairs(model), strict=True):
            p.data = self.mix(average, current.detach(), self.share(self.updates))
        self.model = made


@right
class NewParametersModuleByModule(_Given):
    @t.no_grad()
    def update(self, model):
        self.updates += 1
        for mine, theirs in zip(self.model.modules(), model.modules(), strict=True):
            for name, p in theirs.named_parameters(recurse=False):
                new = self.mix(getattr(mine, name), p, self.share(self.updates))
                setattr(mine, name, nn.Parameter(new, requires_grad=False))
            for name, buffer in theirs.named_buffers(recurse=False):
                setattr(mine, name, buffer.clone())


@right
class Sliced(_Given):
    @t.no_grad()
    def update(self, model):
        self.updates += 1
        d = self.share(self.updates)
        for average, current in self.pairs(model):
            average[:] = self.mix(average, current, d)
        for average, current in self.buffers(model):
            average[:] = current


@right
class LeavesAllChanged(_Given):
    """As it should not, but it averages rightly."""

    def update(self, model):
        super().update(model)
        t.set_grad_enabled(False)
        t.set_default_dtype(t.float64)
        t.set_default_device("meta")


@right
class WholeHistory(_Given):
    """The sum over all weights so far, each with what is left of its share."""

    @t.no_grad()
    def update(self, model):
        self.history = getattr(self, "history", []) or [[p.double() for p in self.model.parameters()]]
        self.history.append([p.double().clone() for p in model.parameters()])
        kept, totals = 1.0, [0.0] * len(self.history[0])
        for n in reversed(range(len(self.history))):
            d = self.share(n) if n else 0
            totals = [a + kept * (1 - d) * p for a, p in zip(totals, self.history[n], strict=True)]
            kept *= d
        for average, total in zip(self.model.parameters(), totals, strict=True):
            average.copy_(total)
        self.take_buffers(model, None)


# ------------------------------------------------------------------------------------------------ wrong d


@wrong("You swap d and 1 - d.")
class Swapped(_Given):
    def mix(self, average, current, d):
        return (1 - d) * average + d * current


@wrong("You swap d and 1 - d, and take the full decay from the start.")
class SwappedWithoutWarmUp(Swapped):
    def share(self, n):
        return self.decay


@wrong("You take the full decay for d from the start.")
class NoWarmUp(_Given):
    def share(self, n):
        return self.decay


@wrong("Mind the fraction")
class ParenthesesMissing(_Given):
    def warm(self, n):
        return 1 + n / 10 + n


@wrong("You take the full decay for d from the start.")
class FractionUpsideDown(_Given):
    def warm(self, n):
        return (10 + n) / (1 + n)


@wrong("You take the larger of the two for d.")
class Max(_Given):
    def share(self, n):
        return max(self.decay, self.warm(n))


@wrong("You count this update as number 0 in the fraction.")
class FromZero(_Given):
    def warm(self, n):
        return super().warm(n - 1)


@wrong("You count the first update as number 2 in the fraction.")
class FromTwo(_Given):
    def warm(self, n):
        return super().warm(n + 1)


@wrong("Where is d kept at or below the decay that the constructor got?")
class NoCap(_Given):
    def share(self, n):
        return self.warm(n)


@wrong("Where is d kept at or below the decay that the constructor got?")
class DecayHardCoded(_Given):
    def share(self, n):
        return min(0.995, self.warm(n))


@wrong("You take a fixed decay. Where is the one that the constructor got?")
class DecayHardCodedWithoutWarmUp(_Given):
    def share(self, n):
        return 0.995


@wrong("The fraction stays at 1/10. Where are the updates counted?")
class NeverCounted(_Given):
    def warm(self, n):
        return super().warm(0)


@wrong("You keep the d of update 1.")
class CountSetToOne(_Given):
    def warm(self, n):
        return super().warm(1)


@wrong("is self.decay left alone?")
class DecayOverwritten(_Given):
    def share(self, n):
        self.decay = min(self.decay, self.warm(n))
        return self.decay


@wrong("You make the average the model itself.")
class IntegerDivision(_Given):
    def warm(self, n):
        return (1 + n) // (10 + n)


@wrong("You count each parameter as an update of its own.")
class CountedInTheLoop(_Given):
    @t.no_grad()
    def update(self, model):
        for average, current in self.pairs(model):
            self.updates += 1
            average.copy_(self.mix(average, current, self.share(self.updates)))
        self.take_buffers(model, None)


@wrong("You count each update twice.")
class CountedTwice(_Given):
    def take_buffers(self, model, d):
        super().take_buffers(model, d)
        self.updates += 1


@wrong("You let several averages share one u.")
class CountOfTheClass(_Given):
    count = 0

    def __init__(self, model, decay=0.995):
        super().__init__(model, decay)
        type(self).count = 0

    def share(self, n):
        type(self).count += 1
        return super().share(type(self).count)


@wrong("updates of one average change another one, too")
class OneModelForADecay(_Given):
    last = None, None

    def __init__(self, model, decay=0.995):
        super().__init__(model, decay)
        last_model, last_decay = type(self).last
        if decay == last_decay:
            self.model = last_model
        type(self).last = self.model, decay


@wrong("You take 0.2, 0.273, 0.333 for d at update 1, 2, 3 with decay 0.995, where the text has 0.182, 0.25, 0.308.")
class NineForTen(_Given):
    def warm(self, n):
        return (1 + n) / (9 + n)


@wrong("Where is the 1 above the fraction line?")
class OneMissing(_Given):
    def warm(self, n):
        return n / (10 + n)


@wrong("Where is u above the fraction line?")
class CountMissingAbove(_Given):
    def warm(self, n):
        return 1 / (10 + n)


@wrong("Where is u below the fraction line?")
class CountMissingBelow(_Given):
    def warm(self, n):
        return (1 + n) / 10


@wrong("You raise the decay to the power of u.")
class Power(_Given):
    def share(self, n):
        return self.decay**n


@wrong("You take Adam's 1 - decay to the power of u.")
class AdamsCorrection(_Given):
    def share(self, n):
        return 1 - self.decay**n


@wrong("You multiply the decay by the fraction.")
class Product(_Given):
    def share(self, n):
        return self.decay * self.warm(n)


@wrong("You take a plain mean until the decay is reached.")
class PlainMeanAtFirst(_Given):
    def warm(self, n):
        return n / (n + 1)


@wrong("before update 10 a number")
class WarmUpCutShort(_Given):
    """Right for as long as the warm-up is thought to last."""

    def share(self, n):
        return super().share(n) if n < 10 else self.decay


@wrong("You take 0.2, 0.2, 0.3 for d at update 1, 2, 3")
class Rounded(_Given):
    def share(self, n):
        return round(super().share(n), 1)


# ------------------------------------------------------------------------------------------------ wrong mix


@wrong("You make the average the model itself.")
class OnlyCopies(_Given):
    def mix(self, average, current, d):
        return current


@wrong("The average never changes.")
class Rebound(_Given):
    @t.no_grad()
    def update(self, model):
        self.updates += 1
        for average, current in self.pairs(model):
            average = self.mix(average, current, self.share(self.updates))
        self.take_buffers(model, None)


@wrong("The average never changes.")
class ReturnedAndNotStored(_Given):
    @t.no_grad()
    def update(self, model):
        self.updates += 1
        return [self.mix(average, current, self.share(self.updates)) for average, current in self.pairs(model)]


@wrong("You take the plain mean of all weights so far.")
class PlainMean(_Given):
    def share(self, n):
        return n / (n + 1)


@wrong("You take the plain mean of all updates so far.")
class PlainMeanWithoutTheStart(_Given):
    def share(self, n):
        return (n - 1) / n


@wrong("You subtract the model. Its share is added.")
class Subtracted(_Given):
    def mix(self, average, current, d):
        return d * average - (1 - d) * current


@wrong("You take 1 times the average and -0.818 times the model. The factors are d and 1 - d.")
class ShareTakenOff(_Given):
    def mix(self, average, current, d):
        return average - (1 - d) * current


@wrong("You move away from the model.")
class AwayFromTheModel(_Given):
    def mix(self, average, current, d):
        return average + (1 - d) * (average - current)


@wrong("You keep the old average at its full size.")
class OldNotScaled(_Given):
    def mix(self, average, current, d):
        return average + (1 - d) * current


@wrong("You add their sum. Their difference is the way to go.")
class SumAdded(_Given):
    def mix(self, average, current, d):
        return average + (1 - d) * (current + average)


@wrong("You halve the mix. Its two shares add up to 1.")
class Halved(_Given):
    def mix(self, average, current, d):
        return (d * average + (1 - d) * current) / 2


@wrong("You add the model at its full size.")
class ModelNotScaled(_Given):
    def mix(self, average, current, d):
        return d * average + current


@wrong("You give both the factor d. The model has 1 - d.")
class SameFactor(_Given):
    def mix(self, average, current, d):
        return d * average + d * current


@wrong("Where is the old average?")
class OldLeftOut(_Given):
    def mix(self, average, current, d):
        return (1 - d) * current


@wrong("Where is the model?")
class ModelLeftOut(_Given):
    def mix(self, average, current, d):
        return d * average


@wrong("You average the gradients. The weights are averaged.")
class Gradients(_Given):
    def mix(self, average, current, d):
        return d * average + (1 - d) * current.grad


@wrong("You pull twice in each update.")
class PulledTwice(_Given):
    def mix(self, average, current, d):
        return d * (d * average + (1 - d) * current) + (1 - d) * current


# ------------------------------------------------------------------------------------------------ wrong parameters


@wrong("Some numbers stay as they were.")
class OnlyTheFirst(_Given):
    def pairs(self, model):
        return list(super().pairs(model))[:1]


@wrong("Some numbers stay as they were.")
class OnlyTheLast(_Given):
    def pairs(self, model):
        return list(super().pairs(model))[-1:]


@wrong("Some numbers stay as they were.")
class OnlyTheOutermost(_Given):
    def pairs(self, model):
        return [(p, model._parameters[name]) for name, p in self.model._parameters.items()]


@wrong("Some numbers stay as they were.")
class OnlyMatrices(_Given):
    def pairs(self, model):
        return [pair for pair in super().pairs(model) if pair[0].ndim > 1]


@wrong("Mind their order.")
class Reversed(_Given):
    def pairs(self, model):
        return zip(self.model.parameters(), reversed(list(model.parameters())), strict=True)


@wrong("Mind their order.")
class SortedByName(_Given):
    def pairs(self, model):
        return zip(self.model.parameters(), (p for _, p in sorted(model.named_parameters())), strict=True)


# ------------------------------------------------------------------------------------------------ wrong buffers


@wrong("the buffer level is [1.5, -2] in the average,\nexpected [3, -4]")
class BuffersIgnored(_Given):
    def take_buffers(self, model, d):
        pass


@wrong("Where are all buffers taken over, in each update?")
class IntegerBuffersIgnored(_Given):
    def take_buffers(self, model, d):
        for average, current in self.buffers(model):
            if current.is_floating_point():
                average.copy_(current)


@wrong("Where are all buffers taken over, in each update?")
class BuffersOnlyOnce(_Given):
    def take_buffers(self, model, d):
        if self.updates == 1:
            super().take_buffers(model, d)


@wrong("You average the buffers, too. They're copied.")
class BuffersAveraged(_Given):
    def take_buffers(self, model, d):
        for average, current in self.buffers(model):
            average.copy_(d * average + (1 - d) * current)


@wrong("You average the buffers, too. They're copied.")
class FloatsOfTheStateDictAveraged(_Given):
    @t.no_grad()
    def update(self, model):
        self.updates += 1
        for average, current in zip(self.model.state_dict().values(), model.state_dict().values(), strict=True):
            if average.is_floating_point():
                average.lerp_(current, 1 - self.share(self.updates))
            else:
                average.copy_(current)


@wrong("Where is each buffer replaced by that of the model?")
class BuffersAdded(_Given):
    def take_buffers(self, model, d):
        for average, current in self.buffers(model):
            average += current


@wrong("Where are all buffers taken over, in each update?")
class BuffersRebound(_Given):
    def take_buffers(self, model, d):
        for average, current in self.buffers(model):
            average = current.clone()  # noqa: F841


@wrong("not implemented for 'Long'")
class WholeStateDictLerped(_Given):
    @t.no_grad()
    def update(self, model):
        self.updates += 1
        for average, current in zip(self.model.state_dict().values(), model.state_dict().values(), strict=True):
            average.lerp_(current, 1 - self.share(self.updates))


@wrong(".model changes with it, before any update")
class BuffersShared(_Given):
    def take_buffers(self, model, d):
        for average, current in self.buffers(model):
            average.data = current.data


# ------------------------------------------------------------------------------------------------ wrong side effects


@wrong("update changes the weights of the model")
class WrongDirection(_Given):
    def pairs(self, model):
        return zip(model.parameters(), self.model.parameters(), strict=True)


@wrong("update changes the weights of the model")
class ScaledInPlace(_Given):
    def mix(self, average, current, d):
        return average.mul_(d).add_(current.mul_(1 - d))


@wrong("update changes the buffers of the model")
class BuffersInTheWrongDirection(_Given):
    def take_buffers(self, model, d):
        for average, current in self.buffers(model):
            current.copy_(average)


@wrong("update changes the gradients of the model")
class GradientsRemoved(_Given):
    def take_buffers(self, model, d):
        super().take_buffers(model, d)
        model.zero_grad()


@wrong("update changes the requires_grad of the model")
class ModelFrozen(_Given):
    def update(self, model):
        super().update(model.requires_grad_(False))


@wrong("update changes the mode (train or eval) of the model")
class ModelSetToEval(_Given):
    def update(self, model):
        super().update(model.eval())


@wrong("You let tensors belong to both. Copy numbers instead.")
class SameModel(_Given):
    def update(self, model):
        self.model = model


@wrong("You let tensors belong to both. Copy numbers instead.")
class SameTensors(_Given):
    def update(self, model):
        for average, current in self.pairs(model):
            average.data = current.data
        self.take_buffers(model, None)


@wrong("the weights of .model require a gradient")
class WithAGraph(_Given):
    def update(self, model):
        self.updates += 1
        for average, current in self.pairs(model):
            average.copy_(self.mix(average, current, self.share(self.updates)))
        self.take_buffers(model, None)


@wrong("the weights of .model require a gradient")
class NewModelThatLearns(_Given):
    @t.no_grad()
    def update(self, model):
        self.updates += 1
        made = copy.deepcopy(model)
        for p, (average, current) in zip(made.parameters(), self.pairs(model), strict=True):
            p.copy_(self.mix(average, current, self.share(self.updates)))
        self.model = made


@wrong(".model is a dict, expected a model")
class StateDictInPlaceOfTheModel(_Given):
    @t.no_grad()
    def update(self, model):
        self.updates += 1
        d, theirs = self.share(self.updates), model.state_dict()
        self.model = {name: self.mix(p, theirs[name], d) for name, p in self.model.state_dict().items()}


@wrong("the state_dict of .model lacks inner.bias, inner.offset, inner.scale, weight")
class PlainTensors(_Given):
    @t.no_grad()
    def update(self, model):
        self.updates += 1
        for mine, theirs in zip(self.model.modules(), model.modules(), strict=True):
            for name, p in theirs.named_parameters(recurse=False):
                new = self.mix(getattr(mine, name), p, self.share(self.updates))
                delattr(mine, name)
                setattr(mine, name, new)
        self.take_buffers(model, None)


@wrong("numbers of type torch.float64, expected torch.float32")
class Float64(_Given):
    def update(self, model):
        self.model.double()
        super().update(model)


@wrong("it is None without a .model or an .update")
def nothing_made(model, decay=0.995):
    pass


@wrong("it is a LosesTheModel without a .model or an .update")
class LosesTheModel(_Given):
    def __init__(self, model, decay=0.995):
        super().__init__(model, decay)
        del self.model


# ------------------------------------------------------------------------------------------------ from the field


@right
class ForEach(_Given):
    @t.no_grad()
    def update(self, model):
        self.updates += 1
        t._foreach_lerp_(list(self.model.parameters()), list(model.parameters()), 1 - self.share(self.updates))
        self.take_buffers(model, 0)


@right
class BuffersByName(_Given):
    def take_buffers(self, model, d):
        for name, buffer in model.named_buffers():
            *path, last = name.split(".")
            setattr(self.model.get_submodule(".".join(path)), last, buffer.clone())


@wrong("at the buffer inner.count, whose numbers are whole")
class StateDictInPlace(_Given):
    @t.no_grad()
    def update(self, model):
        self.updates += 1
        d, theirs = self.share(self.updates), model.state_dict()
        for name, mine in self.model.state_dict().items():
            mine.mul_(d).add_(theirs[name], alpha=1 - d)


@wrong("You average the buffers, too.")
class StateDictLerp(_Given):
    @t.no_grad()
    def update(self, model):
        self.updates += 1
        for mine, theirs in zip(self.model.state_dict().values(), model.state_dict().values(), strict=True):
            mine.lerp_(theirs, 1 - self.share(self.updates))


@wrong("You begin the average at 0.")
class BegunAt0(_Given):
    def mix(self, average, current, d):
        return (average if self.updates > 1 else 0 * average) * d + (1 - d) * current


@wrong("You take the model's numbers as they are at update 1.")
class BegunAtTheModel(_Given):
    def mix(self, average, current, d):
        return d * average + (1 - d) * current if self.updates > 1 else current


@wrong("You divide by 1 - decay to the power of u, as Adam does.")
class WithoutBias(_Given):
    def mix(self, average, current, d):
        return (self.decay * average + (1 - self.decay) * current) / (1 - self.decay**self.updates)


@wrong("Some numbers are the model's own.")
class OnlyMatricesAveraged(_Given):
    def mix(self, average, current, d):
        return d * average + (1 - d) * current if current.ndim > 1 else current


@wrong("Some numbers stay as they were.")
class NoBiases(_Given):
    def pairs(self, model):
        return [pair for pair in super().pairs(model) if pair[0].ndim > 1]


@wrong("You round the model's weights.")
class WholeNumbers(_Given):
    def mix(self, average, current, d):
        return d * average + (1 - d) * current.round()


@wrong("You round the model's weights, to bfloat16.")
class WeightsInBfloat16(_Given):
    def mix(self, average, current, d):
        return d * average + (1 - d) * current.bfloat16().float()


@wrong("You round the model's weights, to float16.")
class WeightsInFloat16(_Given):
    def mix(self, average, current, d):
        return d * average + (1 - d) * current.half().float()


@wrong("You round the average, to bfloat16.")
class AverageInBfloat16(_Given):
    def mix(self, average, current, d):
        return super().mix(average, current, d).bfloat16()


@wrong("You round the average, to float16.")
class AverageInFloat16(_Given):
    def mix(self, average, current, d):
        return super().mix(average, current, d).half()


@wrong("You round the average.")
class AverageInWholeNumbers(_Given):
    def mix(self, average, current, d):
        return super().mix(average, current, d).round()


@wrong("update changes the weights of the model that it is given")
class ModelRoundedInPlace(_Given):
    def take_buffers(self, model, d):
        super().take_buffers(model, d)
        for p in model.parameters():
            p.copy_(p.bfloat16())


@wrong("You leave updates out.")
class EveryTenth(_Given):
    @t.no_grad()
    def update(self, model):
        if self.updates % 10 == 9:
            super().update(model)
        else:
            self.updates += 1


@wrong("You divide by 1 - decay to the power of u, as Adam does.")
class WithoutBiasThoughWarmedUp(_Given):
    def mix(self, average, current, d):
        return super().mix(average, current, d) / (1 - d**self.updates)


@wrong("You add the mix to the average.")
class MixAdded(_Given):
    def mix(self, average, current, d):
        return average + super().mix(average, current, d)


@wrong("You round both, to bfloat16.")
class BothInBfloat16(_Given):
    def mix(self, average, current, d):
        return d * average.bfloat16() + (1 - d) * current.bfloat16()


@wrong("You subtract d from the model.")
class NoParentheses(_Given):
    def mix(self, average, current, d):
        return d * average + current * 1 - d


# ------------------------------------------------------------------------------------------------ mutants

EQUIVALENT = {
    "the smaller of two numbers does not hang on their order": [
        "d = min(self.decay, (1 + self.updates) / (10 + self.updates))"
        " -> d = min((1 + self.updates) / (10 + self.updates), self.decay)",
    ],
    "these two loops do not need each other": [
        "for average, current in zip(self.model.parameters(), model.parameters(), strict=True):"
        " -> after for average, current in zip(self.model.buffers(), model.buffers(), strict=True):",
    ],
    "strict guards against two models that differ, and these never do": [
        "for average, current in zip(self.model.parameters(), model.parameters(), strict=True):"
        " -> for average, current in zip(self.model.parameters(), model.parameters()):",
        "for average, current in zip(self.model.parameters(), model.parameters(), strict=True):"
        " -> for average, current in zip(self.model.parameters(), model.parameters(), strict=False):",
        "for average, current in zip(self.model.buffers(), model.buffers(), strict=True):"
        " -> for average, current in zip(self.model.buffers(), model.buffers()):",
        "for average, current in zip(self.model.buffers(), model.buffers(), strict=True):"
        " -> for average, current in zip(self.model.buffers(), model.buffers(), strict=False):",
    ],
}
