import numpy as np
import torch as t
from einops import rearrange

from solutions.part4_guidance import STD
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


@wrong("You take only the noise's variance for v.")
def as_in_what_fits(*given):
    return _mixture(*given, variance=lambda a, s: 1 - a)


@wrong("You take σ in v.")
def std_for_variance(*given):
    return _mixture(*given, variance=lambda a, s: a * s + 1 - a)


@wrong("Where does the spread fade, in v?")
def spread_not_faded(*given):
    return _mixture(*given, variance=lambda a, s: s**2 + 1 - a)


@wrong("You take the clean points' spread for v.")
def clean_spread_alone(*given):
    return _mixture(*given, variance=lambda a, s: t.full_like(a, s**2))


@wrong("You take √v for v.")
def root_of_the_variance(*given):
    return _mixture(*given, variance=lambda a, s: (a * s**2 + 1 - a).sqrt())


@wrong("Where do the Gaussians move?")
def centres_not_faded(*given):
    return _mixture(*given, squares=lambda x, a, means: t.cdist(x, means) ** 2)


@wrong("You move the means to ᾱ μ.")
def centres_faded_twice(*given):
    return _mixture(*given, squares=lambda x, a, means: (x[:, None] - a[:, None] * means).square().sum(dim=2))


@wrong("Where is the square of the distance?")
def distance_itself(*given):
    return _mixture(*given, squares=lambda x, a, means: (x[:, None] - a.sqrt()[:, None] * means).norm(dim=2))


@wrong("You take the mean over the axes for the squared distance.")
def mean_over_axes(*given):
    return _mixture(*given, squares=lambda x, a, means: (x[:, None] - a.sqrt()[:, None] * means).square().mean(dim=2))


@wrong("You divide by v in softmax.")
def two_forgotten(*given):
    return _mixture(*given, shares=lambda w, q, v: (w.log() - q / v).softmax(dim=1))


@wrong("Where is the division by 2 v, in softmax?")
def not_divided_at_all(*given):
    return _mixture(*given, shares=lambda w, q, v: (w.log() - q).softmax(dim=1))


@wrong("You multiply by v, as / 2 * v does.")
def without_parentheses(*given):
    return _mixture(*given, shares=lambda w, q, v: (w.log() - q / 2 * v).softmax(dim=1))


@wrong("You turn the sign in softmax.")
def farthest_first(*given):
    return _mixture(*given, shares=lambda w, q, v: (w.log() + q / (2 * v)).softmax(dim=1))


@wrong("Where do the weights count?")
def weights_unused(*given):
    return _mixture(*given, shares=lambda w, q, v: (-q / (2 * v)).softmax(dim=1))


@wrong("You put the weights themselves into softmax.")
def weights_without_logarithm(*given):
    return _mixture(*given, shares=lambda w, q, v: (w - q / (2 * v)).softmax(dim=1))


@wrong("You multiply the shares by the weights after softmax.")
def weighted_afterwards(*given):
    return _mixture(*given, shares=lambda w, q, v: w * (-q / (2 * v)).softmax(dim=1))


@wrong("You use the first point's weights for all.")
def weights_of_the_first(*given):
    return _mixture(*given, shares=lambda w, q, v: (w[0].log() - q / (2 * v)).softmax(dim=1))


@wrong("You take softmax over the points.")
def softmax_over_points(*given):
    return _mixture(*given, shares=lambda w, q, v: (w.log() - q / (2 * v)).softmax(dim=0))


@wrong("You take softmax over the points.")
def softmax_over_all(*given):
    return _mixture(*given, shares=lambda w, q, v: (w.log() - q / (2 * v)).flatten().softmax(0).reshape(w.shape))


@wrong("You take the logarithm of the shares")
def log_softmax(*given):
    return _mixture(*given, shares=lambda w, q, v: (w.log() - q / (2 * v)).log_softmax(dim=1))


@wrong("You change ᾱ before anything else.")
def rooted_at_first(x, alpha_bar, *given):
    return _mixture(x, alpha_bar.sqrt(), *given)


@wrong("You change ᾱ before anything else.")
def squared_at_first(x, alpha_bar, *given):
    return _mixture(x, alpha_bar**2, *given)


@wrong("You change ᾱ before anything else.")
def the_noise_s_share(x, alpha_bar, *given):
    return _mixture(x, 1 - alpha_bar, *given)


@wrong("You clamp x0.")
def clean_point_clamped(*given):
    return _mixture(*given, clean=lambda x, m, a, s, v: (m + a.sqrt() * s**2 / v * (x - a.sqrt() * m)).clamp(-1, 1))


@wrong("Where is v off, or step 2?")
def squared_in_v(*given):
    return _mixture(*given, variance=lambda a, s: (a * s) ** 2 + 1 - a)


@wrong("Where is step 1 off, or m?")
def sizes_for_squares(*given):
    return _mixture(*given, squares=lambda x, a, means: (x[:, None] - a.sqrt()[:, None] * means).abs().sum(dim=2))


@wrong("Where is v, in step 1?")
def noise_alone_in_softmax(x, alpha_bar, *given):
    a = alpha_bar[:, None]
    return _mixture(x, alpha_bar, *given, shares=lambda w, q, v: (w.log() - q / (2 * (1 - a))).softmax(dim=1))


@wrong("Where do several axes come in, or the weights?")
def summed_before_the_square(*given):
    return _mixture(*given, squares=lambda x, a, means: (x[:, None] - a.sqrt()[:, None] * means).sum(dim=2).square())


@wrong("Where is step 3 off, or x0?")
def added_in_the_end(*given):
    return _mixture(*given, noise=lambda x, x0, a: (x + a.sqrt() * x0) / (1 - a).sqrt())


@wrong("You draw something.")
def one_gaussian_drawn(*given):
    return _mixture(*given, shares=lambda w, q, v: _one_of((w.log() - q / (2 * v)).softmax(dim=1)))


def _one_of(shares):
    return t.nn.functional.one_hot(t.multinomial(shares, 1)[:, 0], shares.shape[1]).float()


@wrong("Where is the softmax?")
def shares_not_scaled(*given):
    return _mixture(*given, shares=lambda w, q, v: w * (-q / (2 * v)).exp())


@wrong("You take the best Gaussian alone.")
def nearest_alone(*given):
    def shares(w, q, v):
        best = (w.log() - q / (2 * v)).argmax(dim=1)
        return t.nn.functional.one_hot(best, w.shape[1]).float()

    return _mixture(*given, shares=shares)


@wrong("it gives nan.\nYou take exp by yourself.")
def exponentials_that_vanish(*given):
    def shares(w, q, v):
        densities = w * (-q / (2 * v)).exp()
        return densities / densities.sum(dim=1, keepdim=True)

    return _mixture(*given, shares=shares)


@wrong("Where is the noise's variance, in v?")
def faded_spread_alone(*given):
    return _mixture(*given, variance=lambda a, s: a * s**2)


@wrong("You take a root in v.")
def root_in_v(*given):
    return _mixture(*given, variance=lambda a, s: a * s**2 + (1 - a).sqrt())


@wrong("You use the first point's ᾱ for all.")
def fading_of_the_first(*given):
    return _mixture(*given, squares=lambda x, a, means: (x[:, None] - a[0].sqrt() * means).square().sum(dim=2))


@wrong("You use the first point's ᾱ for all.")
def first_alpha_bar(x, alpha_bar, *given):
    return _mixture(x, alpha_bar[:1].expand_as(alpha_bar), *given)


@wrong("You take a logarithm to another base.")
def binary_logarithm(*given):
    return _mixture(*given, shares=lambda w, q, v: (w.log2() - q / (2 * v)).softmax(dim=1))


@wrong("You leave Gaussians out, or limit how far away a point may be.")
def four_gaussians(x, alpha_bar, means, weights, std):
    return _mixture(x, alpha_bar, means[:4], weights[:, :4], std)


@wrong("You divide by v twice in softmax.")
def divided_twice(*given):
    return _mixture(*given, shares=lambda w, q, v: (w.log() - q / (2 * v * v)).softmax(dim=1))


@wrong("You take the weights for the shares.")
def weights_alone(*given):
    return _mixture(*given, shares=lambda w, q, v: w)


# ------------------------------------------------------------------------------------------------ wrong: clean point


@wrong("You take m for x0.")
def centres_for_points(*given):
    return _mixture(*given, clean=lambda x, m, a, s, v: m)


@wrong("You take σ in step 2.")
def std_in_step_2(*given):
    return _mixture(*given, clean=lambda x, m, a, s, v: m + a.sqrt() * s / v * (x - a.sqrt() * m))


@wrong("You take ᾱ in front in step 2.")
def alpha_bar_in_front(*given):
    return _mixture(*given, clean=lambda x, m, a, s, v: m + a * s**2 / v * (x - a.sqrt() * m))


@wrong("Where is the √ᾱ in front, in step 2?")
def nothing_in_front(*given):
    return _mixture(*given, clean=lambda x, m, a, s, v: m + s**2 / v * (x - a.sqrt() * m))


@wrong("Where does m fade before it is taken off x, in step 2?")
def mean_not_faded(*given):
    return _mixture(*given, clean=lambda x, m, a, s, v: m + a.sqrt() * s**2 / v * (x - m))


@wrong("You divide by √v in step 2.")
def divided_by_a_root(*given):
    return _mixture(*given, clean=lambda x, m, a, s, v: m + a.sqrt() * s**2 / v.sqrt() * (x - a.sqrt() * m))


@wrong("You take the second term off m in step 2.")
def taken_off(*given):
    return _mixture(*given, clean=lambda x, m, a, s, v: m - a.sqrt() * s**2 / v * (x - a.sqrt() * m))


@wrong("You fade m by ᾱ in step 2.")
def mean_faded_twice(*given):
    return _mixture(*given, clean=lambda x, m, a, s, v: m + a.sqrt() * s**2 / v * (x - a * m))


@wrong("Where is the division by v, in step 2?")
def not_divided_by_v(*given):
    return _mixture(*given, clean=lambda x, m, a, s, v: m + a.sqrt() * s**2 * (x - a.sqrt() * m))


@wrong("You fade m in front of step 2.")
def mean_faded_in_front(*given):
    return _mixture(*given, clean=lambda x, m, a, s, v: a.sqrt() * m + a.sqrt() * s**2 / v * (x - a.sqrt() * m))


@wrong("You read STD. What is given comes as arguments.")
def std_of_the_world(x, alpha_bar, means, weights, std):
    return _mixture(x, alpha_bar, means, weights, STD)


@wrong("Where is m itself, in step 2?")
def mean_forgotten(*given):
    return _mixture(*given, clean=lambda x, m, a, s, v: a.sqrt() * s**2 / v * (x - a.sqrt() * m))


# ------------------------------------------------------------------------------------------------ wrong: the noise


@wrong("You return the average clean point.")
def the_clean_point(*given):
    return _mixture(*given, noise=lambda x, x0, a: x0)


@wrong("Where does x0 fade before it is taken off x?")
def clean_point_not_faded(*given):
    return _mixture(*given, noise=lambda x, x0, a: (x - x0) / (1 - a).sqrt())


@wrong("You divide by 1 - ᾱ.")
def divided_by_the_variance(*given):
    return _mixture(*given, noise=lambda x, x0, a: (x - a.sqrt() * x0) / (1 - a))


@wrong("Where is the division by the noise's factor?")
def not_divided(*given):
    return _mixture(*given, noise=lambda x, x0, a: x - a.sqrt() * x0)


@wrong("You turn the sign.")
def from_x_to_the_clean_point(*given):
    return _mixture(*given, noise=lambda x, x0, a: (a.sqrt() * x0 - x) / (1 - a).sqrt())


@wrong("You return the score.")
def the_score(*given):
    return _mixture(*given, noise=lambda x, x0, a: (a.sqrt() * x0 - x) / (1 - a))


@wrong("You fade x0 by ᾱ.")
def clean_point_faded_twice(*given):
    return _mixture(*given, noise=lambda x, x0, a: (x - a * x0) / (1 - a).sqrt())


@wrong("You multiply by the noise's factor.")
def multiplied(*given):
    return _mixture(*given, noise=lambda x, x0, a: (x - a.sqrt() * x0) * (1 - a).sqrt())


@wrong("You divide by 1 - √ᾱ.")
def root_of_one_part(*given):
    return _mixture(*given, noise=lambda x, x0, a: (x - a.sqrt() * x0) / (1 - a.sqrt()))


@wrong("You divide by the image's factor.")
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
