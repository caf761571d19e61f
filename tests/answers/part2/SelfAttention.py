import math

import torch as t
import torch.nn.functional as F
from einops import rearrange
from torch import nn

from tests.answers import right, wrong


class _Given(nn.Module):
    """Right, in parts that an answer overrides."""

    def __init__(self, channels, num_heads=4):
        super().__init__()
        if channels % num_heads:
            raise ValueError("no equal heads")
        self.channels, self.num_heads = channels, num_heads
        self.make(channels)

    def make(self, channels):
        self.q, self.k, self.v, self.out = (nn.Linear(channels, channels) for _ in range(4))

    def forward(self, x):
        return self.back(self.project(self.attend(*self.heads(self.pixels(x)))), x)

    def pixels(self, x):
        return rearrange(x, "b c h w -> b (h w) c")

    def heads(self, pixels):
        return [rearrange(made, "b n (h d) -> b h n d", h=self.num_heads) for made in self.made(pixels)]

    def made(self, pixels):
        return self.q(pixels), self.k(pixels), self.v(pixels)

    def attend(self, q, k, v):
        return self.weights(self.matches(q, k)) @ v

    def matches(self, q, k):
        return q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5

    def weights(self, matches):
        return matches.softmax(dim=-1)

    def project(self, mixed):
        return self.out(rearrange(mixed, "b h n d -> b n (h d)"))

    def back(self, out, x):
        return rearrange(out, "b (h w) c -> b c h w", h=x.shape[2])


# ------------------------------------------------------------------------------------------------ right


@right
class ThreeLayers(_Given):
    pass


@right
class OneLayer(_Given):
    def make(self, channels):
        self.qkv, self.out = nn.Linear(channels, 3 * channels, bias=False), nn.Linear(channels, channels)

    def made(self, pixels):
        return self.qkv(pixels).chunk(3, dim=-1)


@right
class Convolutions(nn.Module):
    def __init__(self, channels, num_heads=4):
        super().__init__()
        if channels % num_heads:
            raise ValueError
        self.num_heads = num_heads
        self.qkv = nn.Conv2d(channels, 3 * channels, 1, bias=False)
        self.out = nn.Conv2d(channels, channels, 1)

    def forward(self, x):
        B, C, H, W = x.shape
        q, k, v = self.qkv(x).reshape(B, 3, self.num_heads, C // self.num_heads, H * W).unbind(1)
        q = q * (C // self.num_heads) ** -0.5
        weights = t.einsum("bhdi,bhdj->bhij", q, k).softmax(dim=-1)
        return self.out(t.einsum("bhij,bhdj->bhdi", weights, v).reshape(B, C, H, W))


@right
class Fused(_Given):
    def attend(self, q, k, v):
        return F.scaled_dot_product_attention(q, k, v)


@right
class PyTorchs(nn.Module):
    def __init__(self, channels, num_heads=4):
        super().__init__()
        if channels % num_heads:
            raise ValueError
        self.attention = nn.MultiheadAttention(channels, num_heads, batch_first=True)

    def forward(self, x):
        pixels = x.flatten(2).mT
        mixed, _ = self.attention(pixels, pixels, pixels)
        return mixed.mT.reshape(x.shape)


@right
class HeadByHead(nn.Module):
    def __init__(self, channels, num_heads=4):
        super().__init__()
        if channels % num_heads:
            raise ValueError
        d = channels // num_heads
        self.queries, self.keys, self.values = (
            nn.ModuleList(nn.Linear(channels, d) for _ in range(num_heads)) for _ in range(3)
        )
        self.out = nn.Linear(channels, channels)

    def forward(self, x):
        pixels = x.flatten(2).transpose(1, 2)
        done = []
        for to_q, to_k, to_v in zip(self.queries, self.keys, self.values, strict=True):
            q, k, v = to_q(pixels), to_k(pixels), to_v(pixels)
            done.append(t.softmax(t.bmm(q, k.transpose(1, 2)) / math.sqrt(k.shape[-1]), dim=2) @ v)
        return self.out(t.cat(done, dim=-1)).transpose(1, 2).reshape(x.shape)


@right
class ZeroedAtTheEnd(_Given):
    """As in DDPM's code: at first it adds nothing."""

    def make(self, channels):
        super().make(channels)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)


@right
class ScaledBothSides(_Given):
    def matches(self, q, k):
        scale = q.shape[-1] ** -0.25
        return (q * scale) @ (k * scale).transpose(-1, -2)


@right
class ColumnsFirst(_Given):
    """The pixels in another order, on the way in and on the way back."""

    def pixels(self, x):
        return rearrange(x, "b c h w -> b (w h) c")

    def back(self, out, x):
        return rearrange(out, "b (w h) c -> b c h w", h=x.shape[2])


@right
class OwnSoftmax(_Given):
    def weights(self, matches):
        exp = (matches - matches.amax(dim=-1, keepdim=True)).exp()
        return exp / exp.sum(dim=-1, keepdim=True)


@right
class ExpOverSum(_Given):
    def weights(self, matches):
        exp = matches.exp()
        return exp / exp.sum(dim=-1, keepdim=True)


@right
class OwnMatrices(nn.Module):
    """Three matrices for each head, in one parameter."""

    def __init__(self, channels, num_heads=4):
        super().__init__()
        if channels % num_heads:
            raise ValueError
        d = channels // num_heads
        self.matrices = nn.Parameter(t.randn(3, num_heads, channels, d) / channels**0.5)
        self.out = nn.Parameter(t.randn(num_heads, d, channels) / channels**0.5)

    def forward(self, x):
        q, k, v = t.einsum("bcn,shcd->sbhnd", x.flatten(2), self.matrices)
        weights = (q @ k.mT * q.shape[-1] ** -0.5).softmax(-1)
        return t.einsum("bhnd,hdc->bcn", weights @ v, self.out).reshape(x.shape)


@right
class HeadsAsBatch(_Given):
    def attend(self, q, k, v):
        flat = [each.flatten(0, 1) for each in (q, k, v)]
        matches = t.baddbmm(t.zeros(1, device=q.device), flat[0], flat[1].mT, beta=0, alpha=q.shape[-1] ** -0.5)
        return t.bmm(matches.softmax(2), flat[2]).reshape(q.shape)


@right
class KeysByQueries(_Given):
    """All turned round: keys down, queries to the right."""

    def attend(self, q, k, v):
        weights = t.softmax(k @ q.mT / math.sqrt(k.shape[-1]), dim=-2)
        return (v.mT @ weights).mT


@right
class SequenceFirst(nn.Module):
    def __init__(self, channels, num_heads=4):
        super().__init__()
        assert channels % num_heads == 0
        self.attention = nn.MultiheadAttention(channels, num_heads, bias=False)

    def forward(self, x):
        pixels = rearrange(x, "b c h w -> (h w) b c")
        return rearrange(self.attention(pixels, pixels, pixels)[0], "(h w) b c -> b c h w", h=x.shape[2])


@right
class HeadsInterleaved(_Given):
    def heads(self, pixels):
        return [rearrange(made, "b n (d h) -> b h n d", h=self.num_heads) for made in self.made(pixels)]


# ------------------------------------------------------------------------------------------------ wrong matches


@wrong("Where are the matches divided by the root of the head width?")
class NoScale(_Given):
    def matches(self, q, k):
        return q @ k.transpose(-1, -2)


@wrong("You multiply the matches by the root.")
class Multiplied(_Given):
    def matches(self, q, k):
        return q @ k.transpose(-1, -2) * q.shape[-1] ** 0.5


@wrong("You take the root of all channels.")
class RootOfChannels(_Given):
    def matches(self, q, k):
        return q @ k.transpose(-1, -2) / self.channels**0.5


@wrong("You divide by the head width, or by its root twice.")
class NoRoot(_Given):
    def matches(self, q, k):
        return q @ k.transpose(-1, -2) / q.shape[-1]


@wrong("You take the root of the number of heads.")
class RootOfHeads(_Given):
    def matches(self, q, k):
        return q @ k.transpose(-1, -2) / self.num_heads**0.5


@wrong("You divide by the number of heads.")
class NumberOfHeads(_Given):
    def matches(self, q, k):
        return q @ k.transpose(-1, -2) / self.num_heads


@wrong("You scale after the softmax.")
class ScaleAfterSoftmax(_Given):
    def weights(self, matches):
        return (matches * self.channels**0.5).softmax(dim=-1) / self.channels**0.5


@wrong("You take the softmax over another axis.")
class SoftmaxOverQueries(_Given):
    def weights(self, matches):
        return matches.softmax(dim=-2)


@wrong("You take the softmax along another axis.")
class SoftmaxOverHeads(_Given):
    def weights(self, matches):
        return matches.softmax(dim=1)


@wrong("Where is the softmax?")
class NoSoftmax(_Given):
    def weights(self, matches):
        return matches


@wrong("You use something else than a softmax.")
class SigmoidForSoftmax(_Given):
    def weights(self, matches):
        return matches.sigmoid()


@wrong("You make q and k the same.")
class QueryIsKey(_Given):
    def make(self, channels):
        self.q, self.v, self.out = (nn.Linear(channels, channels) for _ in range(3))

    def made(self, pixels):
        return self.q(pixels), self.q(pixels), self.v(pixels)


@wrong("no gradient reaches k.weight")
class KeyUnused(_Given):
    def made(self, pixels):
        return self.q(pixels), self.v(pixels), self.v(pixels)


@wrong("no gradient reaches a part of qkv.weight")
class QueryUnused(OneLayer):
    def made(self, pixels):
        _, k, v = self.qkv(pixels).chunk(3, dim=-1)
        return v, k, v


@wrong("You make q and k the same.")
class KeysAloneMatch(_Given):
    def make(self, channels):
        self.k, self.v, self.out = (nn.Linear(channels, channels) for _ in range(3))

    def made(self, pixels):
        k = self.k(pixels)
        return k, k, self.v(pixels)


@wrong("You take the root of the number of pixels.")
class RootOfPixels(_Given):
    def matches(self, q, k):
        return q @ k.transpose(-1, -2) / q.shape[-2] ** 0.5


@wrong("You divide by the head width, or by its root twice.")
class ScaledTwice(_Given):
    def matches(self, q, k):
        return super().matches(q * q.shape[-1] ** -0.5, k)


@wrong("Where is the softmax? One pixel's weights are positive, and add up to 1.")
class MeanForSoftmax(_Given):
    def weights(self, matches):
        return matches / matches.shape[-1]


@wrong("You let the softmax go over the batch, or mix images by a reshape.")
class SoftmaxOverTheBatch(_Given):
    def weights(self, matches):
        return matches.softmax(dim=0)


@wrong("Where is the softmax?")
class ReLUForSoftmax(_Given):
    def weights(self, matches):
        return matches.relu()


# ------------------------------------------------------------------------------------------------ wrong axes


@wrong("You make x a sequence by a reshape or view alone.")
class ViewForPermute(_Given):
    def pixels(self, x):
        B, C, H, W = x.shape
        return x.reshape(B, H * W, C)


@wrong("You make the sequence an image by a reshape or view alone.")
class ViewOnTheWayBack(_Given):
    def back(self, out, x):
        return out.reshape(x.shape)


@wrong("You swap height and width")
class HeightAndWidthSwapped(_Given):
    def back(self, out, x):
        return rearrange(out, "b (w h) c -> b c h w", h=x.shape[2])


@wrong("You match heads with heads.")
class HeadsLookAtHeads(_Given):
    """The heads stand where the pixels should: each pixel attends to its own heads."""

    def heads(self, pixels):
        return [rearrange(made, "b n (h d) -> b n h d", h=self.num_heads) for made in self.made(pixels)]

    def project(self, mixed):
        return self.out(rearrange(mixed, "b n h d -> b n (h d)"))


@wrong("You let channels look at channels.")
class OverChannels(_Given):
    def attend(self, q, k, v):
        weights = (q.transpose(-1, -2) @ k / q.shape[-1] ** 0.5).softmax(dim=-1)
        return v @ weights.transpose(-1, -2)


@wrong("a pixel looks at the same pixel of other images")
class OverTheBatch(nn.Module):
    def __init__(self, channels, num_heads=4):
        super().__init__()
        if channels % num_heads:
            raise ValueError
        self.attention = nn.MultiheadAttention(channels, num_heads)  # batch_first is missing

    def forward(self, x):
        pixels = x.flatten(2).mT
        return self.attention(pixels, pixels, pixels)[0].mT.reshape(x.shape)


@wrong("You use a mask.")
class CausalMask(_Given):
    def matches(self, q, k):
        matches = super().matches(q, k)
        return matches.masked_fill(t.ones_like(matches).triu(1).bool(), -1e9)


@wrong("You split the heads off by a reshape or view alone.")
class HeadsByReshape(_Given):
    def heads(self, pixels):
        B, N, C = pixels.shape
        return [made.reshape(B, self.num_heads, N, C // self.num_heads) for made in self.made(pixels)]


@wrong("You split the heads off by a reshape or view alone.")
class HeadsByReshapeBothWays(HeadsByReshape):
    def project(self, mixed):
        B, _, N, _ = mixed.shape
        return self.out(mixed.reshape(B, N, -1))


@wrong("You put the heads together by a reshape or view alone.")
class HeadsTogetherByReshape(_Given):
    def project(self, mixed):
        B, _, N, _ = mixed.shape
        return self.out(mixed.reshape(B, N, -1))


@wrong("You let a pixel's place count.")
class RelativePlaces(_Given):
    """A match the higher, the nearer two pixels are."""

    def matches(self, q, k):
        places = t.arange(q.shape[-2], device=q.device)
        return super().matches(q, k) - (places - places[:, None]).abs() / 9


@wrong("You use a mask.")
class NotItself(_Given):
    def matches(self, q, k):
        matches = super().matches(q, k)
        return matches.masked_fill(t.eye(matches.shape[-1], device=matches.device).bool(), -1e9)


# ------------------------------------------------------------------------------------------------ wrong heads


@wrong("Where does each head get its own matches?")
class HeadsIgnored(_Given):
    def heads(self, pixels):
        return [made[:, None] for made in self.made(pixels)]


@wrong("You take num_heads for the width of a head.")
class HeadsAsWidth(_Given):
    def heads(self, pixels):
        return [rearrange(made, "b n (h d) -> b h n d", d=self.num_heads) for made in self.made(pixels)]


@wrong("You split the heads before Linear.")
class OneLinearForAllHeads(_Given):
    """Small layers that all heads share, each for its own part of the pixels."""

    def make(self, channels):
        d = channels // self.num_heads
        self.q, self.k, self.v = (nn.Linear(d, d) for _ in range(3))
        self.out = nn.Linear(channels, channels)

    def heads(self, pixels):
        return self.made(rearrange(pixels, "b n (h d) -> b h n d", h=self.num_heads))


@wrong("You split the heads before Linear.")
class LinearForEachPart(_Given):
    """As a convolution with groups: each head has layers of its own, for its own part of the pixels."""

    def make(self, channels):
        self.qkv = nn.Conv1d(channels, 3 * channels, 1, groups=self.num_heads)
        self.out = nn.Linear(channels, channels)

    def heads(self, pixels):
        made = self.qkv(pixels.mT)
        return rearrange(made, "b (h three d) n -> three b h n d", three=3, h=self.num_heads)


@wrong("that are not mixed.")
class ProjectionInEachHead(_Given):
    def make(self, channels):
        self.q, self.k, self.v = (nn.Linear(channels, channels) for _ in range(3))
        self.out = nn.Linear(channels // self.num_heads, channels // self.num_heads)

    def project(self, mixed):
        return rearrange(self.out(mixed), "b h n d -> b n (h d)")


@wrong("Where is the output projection, after the heads are put together?")
class NoProjection(_Given):
    def make(self, channels):
        self.q, self.k, self.v = (nn.Linear(channels, channels) for _ in range(3))

    def project(self, mixed):
        return rearrange(mixed, "b h n d -> b n (h d)")


@wrong("SelfAttention(6, 4) raises no error")
class UnequalHeads(_Given):
    def __init__(self, channels, num_heads=4):
        super().__init__(channels, math.gcd(channels, num_heads))


# ------------------------------------------------------------------------------------------------ other slips


@wrong("You add x.")
class ResidualInside(_Given):
    def forward(self, x):
        return x + super().forward(x)


@wrong("You use a norm inside.")
class NormInside(_Given):
    def make(self, channels):
        super().make(channels)
        self.norm = nn.GroupNorm(1, channels)

    def forward(self, x):
        return super().forward(self.norm(x))


@wrong("called twice with the same input, it gives two results")
class Dropout(_Given):
    def weights(self, matches):
        return F.dropout(super().weights(matches), 0.1)


@wrong("You let a pixel's place count.")
class PlacesAdded(_Given):
    def pixels(self, x):
        pixels = super().pixels(x)
        return pixels + t.arange(pixels.shape[1], device=x.device)[:, None] / pixels.shape[1]


@wrong("You keep layers in a plain list or dict.")
class PlainList(_Given):
    def make(self, channels):
        self.layers = [nn.Linear(channels, channels) for _ in range(4)]

    def made(self, pixels):
        return [layer(pixels) for layer in self.layers[:3]]

    def out(self, x):
        return self.layers[3](x)


@wrong("returns a tensor of shape (2, 15, 8), expected shape (2, 8, 5, 3)")
class StillASequence(_Given):
    def back(self, out, x):
        return out


@wrong("returns None.")
class NoReturn(_Given):
    def forward(self, x):
        super().forward(x)


# ------------------------------------------------------------------------------------------------ once slipped through


@wrong("You make x a sequence by a reshape or view alone.")
class ViewWithoutPermute(_Given):
    """As ViewForPermute, by .view, both on the way in and on the way back."""

    def pixels(self, x):
        B, C, H, W = x.shape
        return x.view(B, H * W, C)


@wrong("You detach something on that way, or use it under no_grad.")
class InputDetached(_Given):
    def pixels(self, x):
        return super().pixels(x.detach())


@wrong("You use it where gradients are off, under no_grad or before a detach.")
class WeightsDetached(_Given):
    def weights(self, matches):
        return super().weights(matches).detach()


@wrong("You detach something on that way, or use it under no_grad.")
class KeysOfDetachedPixels(_Given):
    def made(self, pixels):
        return self.q(pixels), self.k(pixels.detach()), self.v(pixels)


@wrong("You use it where gradients are off, under no_grad or before a detach.")
class WeightsUnderNoGrad(_Given):
    def matches(self, q, k):
        with t.no_grad():
            return super().matches(q, k)


@wrong("You turn gradients off in forward, by no_grad or detach.")
class NoGradLeftIn(_Given):
    @t.no_grad()
    def forward(self, x):
        return super().forward(x)


@wrong("The check tries images that are not square, too.")
class SquareImagesAlone(_Given):
    def back(self, out, x):
        side = int(out.shape[1] ** 0.5)
        return rearrange(out, "b (h w) c -> b c h w", h=side, w=side)


@wrong("You run attention more than once.")
class AttentionTwice(_Given):
    def forward(self, x):
        return super().forward(super().forward(x))


@wrong("You use an activation")
class ActivationAtTheEnd(_Given):
    def project(self, mixed):
        return F.silu(super().project(mixed))


@wrong("You use an activation")
class ActivationOnTheValues(_Given):
    def made(self, pixels):
        q, k, v = super().made(pixels)
        return q, k, v.relu()


@wrong("You use an activation")
class ActivationOnQueries(_Given):
    def made(self, pixels):
        q, k, v = super().made(pixels)
        return q.relu(), k, v


@wrong("Where is k turned, so that each query meets each key?")
class KeysNotTransposed(_Given):
    def matches(self, q, k):
        return q @ k / q.shape[-1] ** 0.5


@wrong("You take away axes of length 1, as squeeze() does.")
class OneHeadSqueezed(_Given):
    def back(self, out, x):
        return super().back(out, x).squeeze()


@wrong("You use an activation")
class ProjectionTwice(_Given):
    def project(self, mixed):
        return F.relu(self.out(super().project(mixed)))


@wrong("Where does num_heads say how many heads there are?")
class HalfTheHeads(_Given):
    def heads(self, pixels):
        n = max(self.num_heads // 2, 1)
        return [rearrange(made, "b n (h d) -> b h n d", h=n) for made in self.made(pixels)]


@wrong("You use one layer twice: values, queries and keys each have their own.")
class ValuesAreKeys(_Given):
    def made(self, pixels):
        return self.q(pixels), self.k(pixels), self.k(pixels)

    def make(self, channels):
        self.q, self.k, self.out = (nn.Linear(channels, channels) for _ in range(3))


@wrong("Where is the layer that makes the values?")
class ValuesAreThePixels(ValuesAreKeys):
    def made(self, pixels):
        return self.q(pixels), self.k(pixels), pixels


@wrong("You use one Linear layer too many.")
class TwoProjections(_Given):
    def make(self, channels):
        super().make(channels)
        self.more = nn.Linear(channels, channels)

    def project(self, mixed):
        return self.more(super().project(mixed))


@wrong("You use out.weight twice.")
class SameProjectionTwice(_Given):
    def project(self, mixed):
        return self.out(super().project(mixed))


@wrong("You make the heads wider or narrower.")
class WideHeads(_Given):
    """As where dim_head is a setting of its own."""

    def make(self, channels):
        self.q, self.k, self.v = (nn.Linear(channels, 32 * self.num_heads) for _ in range(3))
        self.out = nn.Linear(32 * self.num_heads, channels)


@wrong("You round it, as half precision does.")
class HalfPrecision(_Given):
    def pixels(self, x):
        return super().pixels(x.bfloat16().float())


@wrong("You use something else than a softmax, or add something to what a pixel gets.")
class PixelsAddedBeforeTheProjection(_Given):
    def attend(self, q, k, v):
        return super().attend(q, k, v) + q


@wrong("Where are the last two axes of k swapped, and those alone?")
class HeadsSwappedWithPixels(_Given):
    def matches(self, q, k):
        return q @ k.transpose(1, 2) / q.shape[-1] ** 0.5


@wrong("You round it, as half precision does.")
class HalfPrecisionInTheWeights(_Given):
    def weights(self, matches):
        return matches.half().softmax(dim=-1).float()


@wrong("You normalise queries or keys.")
class NormedQueriesAndKeys(_Given):
    def matches(self, q, k):
        return super().matches(F.normalize(q, dim=-1), F.normalize(k, dim=-1))


@wrong("temperature is one number to learn.")
class LearnedTemperature(_Given):
    def make(self, channels):
        super().make(channels)
        self.temperature = nn.Parameter(t.ones(1))

    def matches(self, q, k):
        return super().matches(q, k) * self.temperature


@wrong("You add the heads' results up, or take their mean. They are put side by side.")
class HeadsAddedUp(_Given):
    def make(self, channels):
        super().make(channels)
        self.out = nn.Linear(channels // self.num_heads, channels)

    def project(self, mixed):
        return self.out(mixed.sum(dim=1))


@wrong("You make one query for all pixels, or take a mean over them.")
class OneQueryForAll(_Given):
    def matches(self, q, k):
        return super().matches(q.mean(dim=2, keepdim=True).expand_as(q), k)


@wrong(
    "with num_heads=1, pixels are weighted in 2 ways, expected one.\nWhere does num_heads say how many heads there are?"
)
class TwoHeadsAlways(_Given):
    def heads(self, pixels):
        return [rearrange(made, "b n (h d) -> b h n d", h=2) for made in self.made(pixels)]


@wrong("You use an activation, or a softmax of more than the matches.")
class SoftmaxOfTheResult(_Given):
    def attend(self, q, k, v):
        return (self.matches(q, k) @ v).softmax(dim=-1)


@wrong("The weight of the only pixel is 1.")
class LogOfTheSoftmax(_Given):
    def weights(self, matches):
        return matches.log_softmax(dim=-1)


EQUIVALENT = {
    "the layers do not need each other": [
        "self.qkv = nn.Linear(channels, 3 * channels) -> after self.project = nn.Linear(channels, channels)",
    ],
    "the pattern is a string, used below": [
        "pixels = rearrange(x, 'b c h w -> b (h w) c') -> after split = 'b n (three heads d) -> three b heads n d'",
    ],
}
