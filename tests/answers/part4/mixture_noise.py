import numpy as np
import torch as t
from einops import rearrange

from tests.answers import right, wrong


@right
def as_the_text_says(x, alpha_bar, means, weights, std):
    a = alpha_bar[:, None]
    v = a * std**2 + 1 - a
    squares = ((x[:, None, :] - a.sqrt()[:, None] * means[None]) ** 2).sum(-1)
    r = t.softmax(weights.log() - squares / (2 * v), dim=-1)
    m = r @ means
    x0 = m + a.sqrt() * std**2 / v * (x - a.sqrt() * m)
    return (x - a.sqrt() * x0) / (1 - a).sqrt()


@right
def by_the_slope_of_the_density(x, alpha_bar, means, weights, std):
    """The score of the noised mixture, by autograd, times -√(1 - ᾱ)."""
    a = alpha_bar[:, None]
    with t.enable_grad():
        at = x.detach().clone().requires_grad_()
        squares = (at[:, None] - a.sqrt()[:, None] * means).square().sum(dim=2)
        log_p = (weights.log() - squares / (2 * (a * std**2 + 1 - a))).logsumexp(dim=1)
        score = t.autograd.grad(log_p.sum(), at)[0]
    return -(1 - a).sqrt() * score


@right
def averages_of_each_gaussian(x, alpha_bar, means, weights, std):
    a = rearrange(alpha_bar, "b -> b 1 1")
    v = a * std**2 + 1 - a
    off = x.unsqueeze(1) - a.sqrt() * means
    r = t.softmax(weights.log() - off.pow(2).sum(2) / (2 * v.squeeze(2)), dim=1)
    noises = (1 - a).sqrt() / v * off  # of each Gaussian, if x is from it
    return t.einsum("bk,bkd->bd", r, noises)


@right
def point_by_point(x, alpha_bar, means, weights, std):
    rows = []
    for point, a, w in zip(x, alpha_bar, weights, strict=True):
        v = a * std**2 + (1 - a)
        r = (w.log() - (point - a.sqrt() * means).square().sum(dim=1) / (2 * v)).softmax(dim=0)
        m = (r[:, None] * means).sum(dim=0)
        x0 = m + a.sqrt() * std**2 / v * (point - a.sqrt() * m)
        rows.append((point - a.sqrt() * x0) / (1 - a).sqrt())
    return t.stack(rows)


@right
def with_cdist_in_float64(x, alpha_bar, means, weights, std):
    x, a, means, weights = x.double(), alpha_bar.double()[:, None], means.double(), weights.double()
    v = a * std**2 + 1 - a
    distances = t.cdist(x / a.sqrt(), means)  # before the fading
    m = (weights.log() - a * distances**2 / (2 * v)).softmax(dim=1) @ means
    x0 = m + a.sqrt() * std**2 / v * (x - a.sqrt() * m)
    return ((x - a.sqrt() * x0) / (1 - a).sqrt()).float()


def _mixture(
    x,
    alpha_bar,
    means,
    weights,
    std,
    variance=lambda a, s: a * s**2 + 1 - a,
    squares=lambda x, a, means: (x[:, None] - a.sqrt()[:, None] * means).square().sum(dim=2),
    shares=lambda w, q, v: (w.log() - q / (2 * v)).softmax(dim=1),
    clean=lambda x, m, a, s, v: m + a.sqrt() * s**2 / v * (x - a.sqrt() * m),
    noise=lambda x, x0, a: (x - a.sqrt() * x0) / (1 - a).sqrt(),
):
    a = alpha_bar[:, None]
    v = variance(a, std)
    m = shares(weights, squares(x, a, means), v) @ means
    return noise(x, clean(x, m, a, std, v), a)


# ------------------------------------------------------------------------------------------------ wrong: the shares


@wrong("Is that only the noise's variance?")
def as_in_what_fits(*given):
    return _mixture(*given, variance=lambda a, s: 1 - a)


@wrong("In v, is the standard deviation squared?")
def std_for_variance(*given):
    return _mixture(*given, variance=lambda a, s: a * s + 1 - a)


@wrong("In v, does the spread fade?")
def spread_not_faded(*given):
    return _mixture(*given, variance=lambda a, s: s**2 + 1 - a)


@wrong("Is v the spread of the clean points?")
def clean_spread_alone(*given):
    return _mixture(*given, variance=lambda a, s: t.full_like(a, s**2))


@wrong("Is that √v?")
def root_of_the_variance(*given):
    return _mixture(*given, variance=lambda a, s: (a * s**2 + 1 - a).sqrt())


@wrong("Have the Gaussians moved?")
def centres_not_faded(*given):
    return _mixture(*given, squares=lambda x, a, means: t.cdist(x, means) ** 2)


@wrong("Have the means moved to √ᾱ μ, or to ᾱ μ?")
def centres_faded_twice(*given):
    return _mixture(*given, squares=lambda x, a, means: (x[:, None] - a[:, None] * means).square().sum(dim=2))


@wrong("Is the distance squared?")
def distance_itself(*given):
    return _mixture(*given, squares=lambda x, a, means: (x[:, None] - a.sqrt()[:, None] * means).norm(dim=2))


@wrong("Is the distance a sum over the axes, or a mean?")
def mean_over_axes(*given):
    return _mixture(*given, squares=lambda x, a, means: (x[:, None] - a.sqrt()[:, None] * means).square().mean(dim=2))


@wrong("A 2 is missing.")
def two_forgotten(*given):
    return _mixture(*given, shares=lambda w, q, v: (w.log() - q / v).softmax(dim=1))


@wrong("Is it divided by 2 v?")
def not_divided_at_all(*given):
    return _mixture(*given, shares=lambda w, q, v: (w.log() - q).softmax(dim=1))


@wrong("Is v below the fraction?")
def without_parentheses(*given):
    return _mixture(*given, shares=lambda w, q, v: (w.log() - q / 2 * v).softmax(dim=1))


@wrong("Is the sign in softmax turned?")
def farthest_first(*given):
    return _mixture(*given, shares=lambda w, q, v: (w.log() + q / (2 * v)).softmax(dim=1))


@wrong("Do the weights count?")
def weights_unused(*given):
    return _mixture(*given, shares=lambda w, q, v: (-q / (2 * v)).softmax(dim=1))


@wrong("Is the logarithm of the weights taken?")
def weights_without_logarithm(*given):
    return _mixture(*given, shares=lambda w, q, v: (w - q / (2 * v)).softmax(dim=1))


@wrong("Are the shares multiplied by the weights after softmax?")
def weighted_afterwards(*given):
    return _mixture(*given, shares=lambda w, q, v: w * (-q / (2 * v)).softmax(dim=1))


@wrong("Do all points get the weights of the first?")
def weights_of_the_first(*given):
    return _mixture(*given, shares=lambda w, q, v: (w[0].log() - q / (2 * v)).softmax(dim=1))


@wrong("Over which axis does softmax go?")
def softmax_over_points(*given):
    return _mixture(*given, shares=lambda w, q, v: (w.log() - q / (2 * v)).softmax(dim=0))


@wrong("Is there a softmax?")
def shares_not_scaled(*given):
    return _mixture(*given, shares=lambda w, q, v: w * (-q / (2 * v)).exp())


@wrong("Does only the nearest Gaussian count?")
def nearest_alone(*given):
    def shares(w, q, v):
        best = (w.log() - q / (2 * v)).argmax(dim=1)
        return t.nn.functional.one_hot(best, w.shape[1]).float()

    return _mixture(*given, shares=shares)


@wrong("it gives nan.\nThere exp gives 0 for every Gaussian")
def exponentials_that_vanish(*given):
    def shares(w, q, v):
        densities = w * (-q / (2 * v)).exp()
        return densities / densities.sum(dim=1, keepdim=True)

    return _mixture(*given, shares=shares)


@wrong("In v, is the noise's variance missing?")
def faded_spread_alone(*given):
    return _mixture(*given, variance=lambda a, s: a * s**2)


@wrong("A variance fades by ᾱ, a point by √ᾱ.")
def root_in_v(*given):
    return _mixture(*given, variance=lambda a, s: a * s**2 + (1 - a).sqrt())


@wrong("Does every point have its own ᾱ?")
def fading_of_the_first(*given):
    return _mixture(*given, squares=lambda x, a, means: (x[:, None] - a[0].sqrt() * means).square().sum(dim=2))


@wrong("Is it divided by v once or twice?")
def divided_twice(*given):
    return _mixture(*given, shares=lambda w, q, v: (w.log() - q / (2 * v * v)).softmax(dim=1))


@wrong("Do all Gaussians count alike, whatever fits?")
def weights_alone(*given):
    return _mixture(*given, shares=lambda w, q, v: w)


# ------------------------------------------------------------------------------------------------ wrong: clean point


@wrong("Does x0 go in, or the mean of the centres alone?")
def centres_for_points(*given):
    return _mixture(*given, clean=lambda x, m, a, s, v: m)


@wrong("In step 2, is the standard deviation squared?")
def std_in_step_2(*given):
    return _mixture(*given, clean=lambda x, m, a, s, v: m + a.sqrt() * s / v * (x - a.sqrt() * m))


@wrong("The factor in front is √ᾱ.")
def alpha_bar_in_front(*given):
    return _mixture(*given, clean=lambda x, m, a, s, v: m + a * s**2 / v * (x - a.sqrt() * m))


@wrong("In step 2, does √ᾱ stand in front?")
def nothing_in_front(*given):
    return _mixture(*given, clean=lambda x, m, a, s, v: m + s**2 / v * (x - a.sqrt() * m))


@wrong("In step 2, is the mean faded before it is taken off x?")
def mean_not_faded(*given):
    return _mixture(*given, clean=lambda x, m, a, s, v: m + a.sqrt() * s**2 / v * (x - m))


@wrong("In step 2, is it divided by v, or by the standard deviation?")
def divided_by_a_root(*given):
    return _mixture(*given, clean=lambda x, m, a, s, v: m + a.sqrt() * s**2 / v.sqrt() * (x - a.sqrt() * m))


@wrong("In step 2, is the second term taken off m?")
def taken_off(*given):
    return _mixture(*given, clean=lambda x, m, a, s, v: m - a.sqrt() * s**2 / v * (x - a.sqrt() * m))


@wrong("In step 2, is the mean faded by a root?")
def mean_faded_twice(*given):
    return _mixture(*given, clean=lambda x, m, a, s, v: m + a.sqrt() * s**2 / v * (x - a * m))


@wrong("In step 2, is it divided by v?")
def not_divided_by_v(*given):
    return _mixture(*given, clean=lambda x, m, a, s, v: m + a.sqrt() * s**2 * (x - a.sqrt() * m))


@wrong("In step 2, is m added?")
def mean_forgotten(*given):
    return _mixture(*given, clean=lambda x, m, a, s, v: a.sqrt() * s**2 / v * (x - a.sqrt() * m))


# ------------------------------------------------------------------------------------------------ wrong: the noise


@wrong("That is the average clean point.")
def the_clean_point(*given):
    return _mixture(*given, noise=lambda x, x0, a: x0)


@wrong("Is x0 faded before it is taken off x?")
def clean_point_not_faded(*given):
    return _mixture(*given, noise=lambda x, x0, a: (x - x0) / (1 - a).sqrt())


@wrong("Is the noise divided by a root?")
def divided_by_the_variance(*given):
    return _mixture(*given, noise=lambda x, x0, a: (x - a.sqrt() * x0) / (1 - a))


@wrong("Is it divided by that?")
def not_divided(*given):
    return _mixture(*given, noise=lambda x, x0, a: x - a.sqrt() * x0)


@wrong("Is the sign turned?")
def from_x_to_the_clean_point(*given):
    return _mixture(*given, noise=lambda x, x0, a: (a.sqrt() * x0 - x) / (1 - a).sqrt())


@wrong("That is the score.")
def the_score(*given):
    return _mixture(*given, noise=lambda x, x0, a: (a.sqrt() * x0 - x) / (1 - a))


@wrong("Is x0 faded by a root?")
def clean_point_faded_twice(*given):
    return _mixture(*given, noise=lambda x, x0, a: (x - a * x0) / (1 - a).sqrt())


@wrong("Is it multiplied by the noise's factor?")
def multiplied(*given):
    return _mixture(*given, noise=lambda x, x0, a: (x - a.sqrt() * x0) * (1 - a).sqrt())


@wrong("Is it divided by the image's factor?")
def divided_by_the_other_factor(*given):
    return _mixture(*given, noise=lambda x, x0, a: (x - a.sqrt() * x0) / a.sqrt())


# ------------------------------------------------------------------------------------------------ wrong: form


@wrong("returns None")
def no_return(*given):
    _mixture(*given)


@wrong("expected shape (3, 1)")
def one_number_for_a_point(*given):
    return _mixture(*given).sum(dim=1)


@wrong("returns numbers of type torch.float64")
def left_in_float64(*given):
    return _mixture(*given).double()


@wrong("it changes the x it is given")
def in_place(x, *given):
    right = _mixture(x, *given)
    x -= right
    return right


@wrong("returns an ndarray")
def with_numpy(*given):
    return np.asarray(_mixture(*given))


@wrong("tensors of two devices meet")
def a_constant_on_the_cpu(x, *given):
    return _mixture(x, *given) + t.zeros(len(x), 1)


@wrong("IndexError: Dimension out of range")
def points_against_centres(x, alpha_bar, means, weights, std):
    a = alpha_bar[:, None]
    off = x - a.sqrt() * means  # fits only where there are as many points as Gaussians
    return off.square().sum(dim=2)


# ------------------------------------------------------------------------------------------------ mutants

EQUIVALENT = {
    "these two lines do not need each other": [
        "variance = a * std ** 2 + 1 - a -> after squares = (rearrange(x, 'b d -> b 1 d')"
        " - rearrange(a.sqrt(), 'b 1 -> b 1 1') * means).square().sum(dim=2)",
    ],
    "a square has no sign": [
        "squares = (rearrange(x, 'b d -> b 1 d') - rearrange(a.sqrt(), 'b 1 -> b 1 1') * means).square().sum(dim=2)"
        " -> squares = (rearrange(a.sqrt(), 'b 1 -> b 1 1') * means - rearrange(x, 'b d -> b 1 d'))"
        ".square().sum(dim=2)",
    ],
}
