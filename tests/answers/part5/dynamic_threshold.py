import numpy as np
import torch as t
from einops import rearrange

from tests.answers import right, wrong


# ------------------------------------------------------------------------------------------------ right


@right
def divided_first(x0, share=0.995):
    s = x0.abs().flatten(1).quantile(share, dim=1).clamp(min=1)
    s = s.reshape(-1, 1, 1, 1)
    return (x0 / s).clamp(-1, 1)


@right
def image_by_image(x0, share=0.995):
    images = []
    for image in x0:
        s = max(1.0, image.abs().flatten().quantile(share).item())
        images.append(image.clamp(-s, s) / s)
    return t.stack(images)


@right
def by_sorting(x0, share=0.995):
    sizes = rearrange(x0.abs(), "b c h w -> b (c h w)").sort(dim=1).values
    s = sizes[:, round(share * (sizes.shape[1] - 1))].clamp(min=1)
    s = rearrange(s, "b -> b 1 1 1")
    return t.maximum(t.minimum(x0, s), -s) / s


@right
def by_kthvalue(x0, share=0.995):
    sizes = x0.abs().flatten(1)
    k = -int(-share * sizes.shape[1] // 1)
    s = sizes.kthvalue(k, dim=1).values.clamp(min=1).reshape(-1, 1, 1, 1)
    return x0.clamp(-s, s) / s


@right
def a_flag(x0, share=0.995):
    s = t.quantile(x0.abs().flatten(1), share, dim=1).reshape(-1, 1, 1, 1)
    return t.where(s > 1, x0.clamp(-s, s) / s, x0.clamp(-1, 1))


# ------------------------------------------------------------------------------------------------ wrong


@wrong("You clip to [-1, 1], which is the static clip. Where is s?")
def static(x0, share=0.995):
    return x0.clamp(-1, 1)


@wrong("Where is it divided by s?")
def clipped_alone(x0, share=0.995):
    s = x0.abs().flatten(1).quantile(share, dim=1).clamp(min=1)
    s = s.reshape(-1, 1, 1, 1)
    return x0.clamp(-s, s)


@wrong("Where is it clipped to [-s, s]?")
def divided_alone(x0, share=0.995):
    s = x0.abs().flatten(1).quantile(share, dim=1).clamp(min=1)
    s = s.reshape(-1, 1, 1, 1)
    return x0 / s


@wrong("You clip to [-1, 1] and divide as well. The range of the clip is [-s, s].")
def static_and_divided(x0, share=0.995):
    s = x0.abs().flatten(1).quantile(share, dim=1).clamp(min=1)
    s = s.reshape(-1, 1, 1, 1)
    return x0.clamp(-1, 1) / s


@wrong("You let s fall below 1. Then an image in range is changed.")
def not_lifted(x0, share=0.995):
    s = x0.abs().flatten(1).quantile(share, dim=1)
    s = s.reshape(-1, 1, 1, 1)
    return x0.clamp(-s, s) / s


@wrong("You make 1 the most that s may be. It's the least.")
def at_most_1(x0, share=0.995):
    s = x0.abs().flatten(1).quantile(share, dim=1).clamp(max=1)
    s = s.reshape(-1, 1, 1, 1)
    return x0.clamp(-s, s) / s


@wrong("You take the quantile of the numbers. Where are their sizes?")
def numbers_not_sizes(x0, share=0.995):
    s = x0.flatten(1).quantile(share, dim=1).clamp(min=1)
    s = s.reshape(-1, 1, 1, 1)
    return x0.clamp(-s, s) / s


@wrong("You take the quantile of the squares.")
def squares(x0, share=0.995):
    s = x0.square().flatten(1).quantile(share, dim=1).clamp(min=1)
    s = s.reshape(-1, 1, 1, 1)
    return x0.clamp(-s, s) / s


@wrong("You divide by s twice.")
def divided_twice(x0, share=0.995):
    s = x0.abs().flatten(1).quantile(share, dim=1).clamp(min=1)
    s = s.reshape(-1, 1, 1, 1)
    return (x0 / s).clamp(-1, 1) / s


@wrong("You find one s for all images together.")
def one_for_all(x0, share=0.995):
    s = x0.abs().quantile(share).clamp(min=1)
    return x0.clamp(-s, s) / s


@wrong("You use the largest s for all images.")
def largest_for_all(x0, share=0.995):
    s = x0.abs().flatten(1).quantile(share, dim=1).max().clamp(min=1)
    return x0.clamp(-s, s) / s


@wrong("You use the first image's s for all.")
def first_for_all(x0, share=0.995):
    s = x0.abs().flatten(1).quantile(share, dim=1)[0].clamp(min=1)
    return x0.clamp(-s, s) / s


@wrong("You give each channel an s of its own. It's one for an image.")
def each_channel(x0, share=0.995):
    s = x0.abs().flatten(2).quantile(share, dim=2).clamp(min=1)
    s = s[:, :, None, None]
    return x0.clamp(-s, s) / s


@wrong("You take the quantile over the batch")
def over_the_batch(x0, share=0.995):
    s = x0.abs().quantile(share, dim=0).clamp(min=1)
    return x0.clamp(-s, s) / s


def _edge(x0, share):
    return x0.abs().flatten(1).quantile(share, dim=1).reshape(-1, 1, 1, 1)


@wrong("You bound s from above.")
def bounded(x0, share=0.995):
    s = _edge(x0, share).clamp(1, 1.5)
    return x0.clamp(-s, s) / s


@wrong("You lift s to 1 for the division alone.")
def lifted_late(x0, share=0.995):
    s = _edge(x0, share)
    return x0.clamp(-s, s) / s.clamp(min=1)


@wrong("You lift s to 1 for the clip alone.")
def lifted_for_the_clip(x0, share=0.995):
    s = _edge(x0, share)
    return x0.clamp(-s.clamp(min=1), s.clamp(min=1)) / s


@wrong("You take 1.5 for s, where it is 2. How is a quantile found, and of which numbers?")
def one_rank_below(x0, share=0.995):
    ranked = x0.abs().flatten(1).sort(dim=1).values
    s = ranked[:, int(share * ranked.shape[1]) - 1].clamp(min=1).reshape(-1, 1, 1, 1)
    return x0.clamp(-s, s) / s


@wrong("You clip to [-4, 4] and divide by 2. Both take the same s.")
def clipped_after_the_division(x0, share=0.995):
    s = x0.abs().flatten(1).quantile(share, dim=1).clamp(min=1).reshape(-1, 1, 1, 1)
    return (x0 / s).clamp(-s, s)


@wrong("You do more to it than to clip it and to divide it.")
def from_0_to_1(x0, share=0.995):
    s = x0.abs().flatten(1).quantile(share, dim=1).clamp(min=1).reshape(-1, 1, 1, 1)
    return (x0.clamp(-s, s) / s + 1) / 2


@wrong("You squash with tanh.")
def squashed(x0, share=0.995):
    return (x0 / _edge(x0, share).clamp(min=1)).tanh()


@wrong("You take a number of standard deviations for s.")
def three_deviations(x0, share=0.995):
    s = (3 * x0.flatten(1).std(dim=1)).clamp(min=1).reshape(-1, 1, 1, 1)
    return x0.clamp(-s, s) / s


@wrong("You take the largest size for s. Where is share?")
def largest(x0, share=0.995):
    s = x0.abs().flatten(1).amax(dim=1).clamp(min=1)
    s = s.reshape(-1, 1, 1, 1)
    return x0.clamp(-s, s) / s


@wrong("You use a fixed number. Where is share?")
def fixed(x0, share=0.995):
    s = x0.abs().flatten(1).quantile(0.995, dim=1).clamp(min=1)
    s = s.reshape(-1, 1, 1, 1)
    return x0.clamp(-s, s) / s


@wrong("You take the quantile of 1 - share.")
def the_rest(x0, share=0.995):
    s = x0.abs().flatten(1).quantile(1 - share, dim=1).clamp(min=1)
    s = s.reshape(-1, 1, 1, 1)
    return x0.clamp(-s, s) / s


@wrong("You take a share of the largest size. It's a share of how many.")
def share_of_the_largest(x0, share=0.995):
    s = (share * x0.abs().flatten(1).amax(dim=1)).clamp(min=1)
    s = s.reshape(-1, 1, 1, 1)
    return x0.clamp(-s, s) / s


@wrong("You return the image as it came.")
def as_it_came(x0, share=0.995):
    return x0


@wrong("You clip only one end.")
def upper_end(x0, share=0.995):
    s = x0.abs().flatten(1).quantile(share, dim=1).clamp(min=1)
    s = s.reshape(-1, 1, 1, 1)
    return x0.minimum(s) / s


@wrong("You clip only one end.")
def lower_end(x0, share=0.995):
    s = x0.abs().flatten(1).quantile(share, dim=1).clamp(min=1)
    s = s.reshape(-1, 1, 1, 1)
    return x0.maximum(-s) / s


@wrong("You clip to [0, s]. All computation stays in [-1, 1].")
def from_0(x0, share=0.995):
    s = x0.abs().flatten(1).quantile(share, dim=1).clamp(min=1)
    s = s.reshape(-1, 1, 1, 1)
    return x0.minimum(s).clamp(min=0) / s


@wrong("it returns shape (3, 3, 3, 5), expected (3, 1, 1, 5).\nWhere does s get its shape?")
def not_reshaped(x0, share=0.995):
    s = x0.abs().flatten(1).quantile(share, dim=1).clamp(min=1)
    return x0.clamp(-s[:, None], s[:, None]) / s[:, None, None]


@wrong("changes the x0 it is given")
def in_place(x0, share=0.995):
    s = x0.abs().flatten(1).quantile(share, dim=1).clamp(min=1)
    s = s.reshape(-1, 1, 1, 1)
    return x0.clamp_(-s, s) / s


@wrong("returns None")
def no_return(x0, share=0.995):
    s = x0.abs().flatten(1).quantile(share, dim=1).clamp(min=1).reshape(-1, 1, 1, 1)
    x0.clamp(-s, s) / s


@wrong("returns a tuple")
def s_as_well(x0, share=0.995):
    s = x0.abs().flatten(1).quantile(share, dim=1).clamp(min=1)
    s = s.reshape(-1, 1, 1, 1)
    return x0.clamp(-s, s) / s, s


@wrong("Where is what NumPy made brought back to PyTorch?")
def numpy(x0, share=0.995):
    s = np.quantile(x0.abs().flatten(1).numpy(), share, axis=1).clip(min=1).reshape(-1, 1, 1, 1)
    return x0.numpy().clip(-s, s) / s
