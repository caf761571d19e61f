import math

import torch as t
from einops import reduce

from tests.answers import right, wrong


# ------------------------------------------------------------------------------------------------ right


@right
def by_sums(mean, log_var):
    return 0.5 * (mean.square() + log_var.exp() - 1 - log_var).sum(dim=(1, 2, 3))


@right
def by_standard_deviations(mean, log_var):
    std = (log_var / 2).exp()
    return reduce((mean**2 + std**2 - 1) / 2 - std.log(), "b c h w -> b", "sum")


@right
def as_a_negative(mean, log_var):
    return -0.5 * (1 + log_var - mean.pow(2) - log_var.exp()).flatten(1).sum(1)


@right
def from_torch(mean, log_var):
    q = t.distributions.Normal(mean, (log_var / 2).exp())
    p = t.distributions.Normal(t.zeros_like(mean), t.ones_like(mean))
    return t.distributions.kl_divergence(q, p).flatten(1).sum(dim=1)


@right
def mean_times_how_many(mean, log_var):
    each = (mean**2 + log_var.exp() - 1 - log_var) / 2
    return each.flatten(1).mean(dim=1) * each[0].numel()


@right
def from_both_logarithms(mean, log_var):
    of_q = -(math.log(2 * math.pi) + log_var + 1) / 2
    of_p = -(math.log(2 * math.pi) + mean**2 + log_var.exp()) / 2
    return (of_q - of_p).sum(dim=(1, 2, 3))


# ------------------------------------------------------------------------------------------------ wrong


@wrong("You take the mean of each image's numbers. KL divergences add up.")
def averaged(mean, log_var):
    return ((mean**2 + log_var.exp() - 1 - log_var) / 2).flatten(1).mean(dim=1)


@wrong("You subtract the two logarithms the wrong way round.")
def turned_round(mean, log_var):
    each = (1 + log_var - mean**2 - log_var.exp()) / 2
    return each.flatten(1).sum(dim=1)


@wrong("Where is the ½?")
def no_half(mean, log_var):
    each = mean**2 + log_var.exp() - 1 - log_var
    return each.flatten(1).sum(dim=1)


@wrong("You halve it twice.")
def halved_twice(mean, log_var):
    each = (mean**2 + log_var.exp() - 1 - log_var) / 4
    return each.flatten(1).sum(dim=1)


@wrong("You halve only some of the four terms.")
def half_of_the_mean(mean, log_var):
    each = mean**2 / 2 + log_var.exp() - 1 - log_var
    return each.flatten(1).sum(dim=1)


@wrong("You halve only some of the four terms.")
def half_of_two(mean, log_var):
    each = (mean**2 + log_var.exp()) / 2 - 1 - log_var
    return each.flatten(1).sum(dim=1)


@wrong("You halve only some of the four terms.")
def half_of_the_last(mean, log_var):
    each = mean**2 + log_var.exp() - 1 - log_var / 2
    return each.flatten(1).sum(dim=1)


@wrong("Where is the mean squared?")
def mean_not_squared(mean, log_var):
    each = (mean + log_var.exp() - 1 - log_var) / 2
    return each.flatten(1).sum(dim=1)


@wrong("You take the mean's size. Where is its square?")
def size_of_the_mean(mean, log_var):
    each = (mean.abs() + log_var.exp() - 1 - log_var) / 2
    return each.flatten(1).sum(dim=1)


@wrong("Where is the mean?")
def no_mean(mean, log_var):
    each = (log_var.exp() - 1 - log_var) / 2
    return each.flatten(1).sum(dim=1)


@wrong("Where is the variance, besides its logarithm?")
def no_variance(mean, log_var):
    each = (mean**2 - 1 - log_var) / 2
    return each.flatten(1).sum(dim=1)


@wrong("Where is the logarithm, besides the variance?")
def no_logarithm(mean, log_var):
    each = (mean**2 + log_var.exp() - 1) / 2
    return each.flatten(1).sum(dim=1)


@wrong("Where is the 1? For N(0, 1) it must come to 0.")
def no_one(mean, log_var):
    each = (mean**2 + log_var.exp() - log_var) / 2
    return each.flatten(1).sum(dim=1)


@wrong("One number costs +0.5 μ² +0.5 σ² -0.5 log σ² +0.5.\nYou leave a constant over.")
def one_added(mean, log_var):
    each = (mean**2 + log_var.exp() + 1 - log_var) / 2
    return each.flatten(1).sum(dim=1)


@wrong("You turn the sign of log σ².")
def logarithm_added(mean, log_var):
    each = (mean**2 + log_var.exp() - 1 + log_var) / 2
    return each.flatten(1).sum(dim=1)


@wrong("You put σ where σ² belongs.")
def std_for_variance(mean, log_var):
    each = (mean**2 + (log_var / 2).exp() - 1 - log_var) / 2
    return each.flatten(1).sum(dim=1)


@wrong("You put σ in both places. log_var belongs to σ².")
def std_in_both(mean, log_var):
    each = (mean**2 + (log_var / 2).exp() - 1 - log_var / 2) / 2
    return each.flatten(1).sum(dim=1)


@wrong("You have another number in front of log σ².")
def logarithm_of_std(mean, log_var):
    each = (mean**2 + log_var.exp() - 1 - log_var / 2) / 2
    return each.flatten(1).sum(dim=1)


@wrong("You take log_var for σ². Where is the logarithm undone?")
def logarithm_for_variance(mean, log_var):
    each = (mean**2 + log_var - 1 - (log_var.abs() + 1e-30).log()) / 2
    return each.flatten(1).sum(dim=1)


@wrong("returns nan")
def logarithm_of_a_negative(mean, log_var):
    each = (mean**2 + log_var - 1 - log_var.log()) / 2
    return each.flatten(1).sum(dim=1)


@wrong("You add log_var where σ² belongs.")
def no_exp(mean, log_var):
    return ((mean**2 + log_var - 1 - log_var) / 2).flatten(1).sum(dim=1)


@wrong("You take log_var for log σ.")
def as_if_of_the_std(mean, log_var):
    return ((mean**2 + (2 * log_var).exp() - 1 - 2 * log_var) / 2).flatten(1).sum(dim=1)


@wrong("You leave a constant over.")
def constant_left_over(mean, log_var):
    return ((mean**2 + log_var.exp() - 1 - log_var + math.log(2 * math.pi)) / 2).flatten(1).sum(dim=1)


@wrong("You add up the means before you square them.")
def squared_last(mean, log_var):
    return (mean.flatten(1).sum(dim=1) ** 2 + (log_var.exp() - 1 - log_var).flatten(1).sum(dim=1)) / 2


@wrong("You have it right for one number.")
def mean_of_channels(mean, log_var):
    return ((mean**2 + log_var.exp() - 1 - log_var) / 2).mean(dim=1).sum(dim=(1, 2))


@wrong("You divide by the number of images.")
def divided_by_the_batch(mean, log_var):
    return ((mean**2 + log_var.exp() - 1 - log_var) / 2).sum(dim=(1, 2, 3)) / len(mean)


@wrong("You multiply it by a number.")
def times_three(mean, log_var):
    return 3 * ((mean**2 + log_var.exp() - 1 - log_var) / 2).sum(dim=(1, 2, 3))


@wrong("You take a power of 2.")
def power_of_2(mean, log_var):
    return ((mean**2 + 2**log_var - 1 - log_var) / 2).sum(dim=(1, 2, 3))


@wrong("You draw something.")
def mean_over_one_draw(mean, log_var):
    z = mean + (log_var / 2).exp() * t.randn_like(mean)
    return ((z**2 - log_var - (z - mean) ** 2 / log_var.exp()) / 2).flatten(1).sum(dim=1)


@wrong("You keep axes of length 1.")
def axes_kept(mean, log_var):
    return ((mean**2 + log_var.exp() - 1 - log_var) / 2).sum(dim=(1, 2, 3), keepdim=True)


@wrong("You square the variance. log_var is that of σ² already.")
def variance_squared(mean, log_var):
    each = (mean**2 + log_var.exp() ** 2 - 1 - log_var) / 2
    return each.flatten(1).sum(dim=1)


@wrong("You measure how far N(0, 1) is from q. The mean is over draws from q.")
def the_other_way(mean, log_var):
    each = ((1 + mean**2) / log_var.exp() - 1 + log_var) / 2
    return each.flatten(1).sum(dim=1)


@wrong("You return the mean of log q alone. Where is log p?")
def log_q(mean, log_var):
    each = -(1 + log_var) / 2
    return each.flatten(1).sum(dim=1)


@wrong("You divide the mean's square by the variance.")
def mean_over_variance(mean, log_var):
    each = (mean**2 / log_var.exp() + log_var.exp() - 1 - log_var) / 2
    return each.flatten(1).sum(dim=1)


@wrong("You take the logarithm's size. It may be negative.")
def sizes(mean, log_var):
    each = (mean**2 + log_var.exp() - 1 - log_var.abs()) / 2
    return each.flatten(1).sum(dim=1)


@wrong("You add up over the images, too. Each image has its own.")
def all_images(mean, log_var):
    return ((mean**2 + log_var.exp() - 1 - log_var) / 2).sum()


@wrong("Where are the numbers of an image added up?")
def each_number(mean, log_var):
    return (mean**2 + log_var.exp() - 1 - log_var) / 2


@wrong("You add up over some axes. Which ones belong to one image?")
def each_channel(mean, log_var):
    return ((mean**2 + log_var.exp() - 1 - log_var) / 2).sum(dim=(2, 3))


@wrong("changes the mean it is given")
def in_place(mean, log_var):
    each = (mean.pow_(2) + log_var.exp() - 1 - log_var) / 2
    return each.flatten(1).sum(dim=1)


@wrong("the right gradient does not reach mean")
def detached(mean, log_var):
    each = (mean.detach() ** 2 + log_var.exp() - 1 - log_var) / 2
    return each.flatten(1).sum(dim=1)


@wrong("the right gradient does not reach log_var")
def variance_detached(mean, log_var):
    each = (mean**2 + log_var.exp().detach() - 1 - log_var) / 2
    return each.flatten(1).sum(dim=1)


@wrong("the right gradient does not reach mean")
def no_grad(mean, log_var):
    with t.no_grad():
        return ((mean**2 + log_var.exp() - 1 - log_var) / 2).flatten(1).sum(dim=1)


@wrong("returns None")
def no_return(mean, log_var):
    ((mean**2 + log_var.exp() - 1 - log_var) / 2).flatten(1).sum(dim=1)


@wrong("it mixes tensors of two devices")
def one_on_the_cpu(mean, log_var):
    return t.stack([each.sum() for each in (mean**2 + log_var.exp() - t.ones(mean.shape) - log_var) / 2])
