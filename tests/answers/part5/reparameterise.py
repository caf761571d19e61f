import torch as t

from tests.answers import right, wrong


# ------------------------------------------------------------------------------------------------ right


@right
def by_the_root(mean, log_var):
    return mean + log_var.exp().sqrt() * t.randn_like(mean)


@right
def by_a_power(mean, log_var):
    noise = t.randn(mean.shape, device=mean.device)
    return mean + noise * t.exp(0.5 * log_var)


@right
def noise_turned_round(mean, log_var):
    return mean - (log_var / 2).exp() * t.randn_like(mean)


@right
def by_a_distribution(mean, log_var):
    return t.distributions.Normal(mean, (log_var / 2).exp()).rsample()


@right
def added_by_addcmul(mean, log_var):
    return t.addcmul(mean, (log_var / 2).exp(), t.empty_like(mean).normal_())


# ------------------------------------------------------------------------------------------------ wrong


@wrong("You take the variance for σ. Where is its root?")
def variance_for_std(mean, log_var):
    return mean + log_var.exp() * t.randn_like(mean)


@wrong("You take log_var for σ. Where is the logarithm undone?")
def log_var_for_std(mean, log_var):
    return mean + log_var * t.randn_like(mean)


@wrong("You take log_var / 2 for σ. Where is the logarithm undone?")
def half_for_std(mean, log_var):
    return mean + log_var / 2 * t.randn_like(mean)


@wrong("You halve after the exp. A root halves the exponent.")
def halved_too_late(mean, log_var):
    return mean + log_var.exp() / 2 * t.randn_like(mean)


@wrong("You double log_var. A root halves the exponent.")
def doubled(mean, log_var):
    return mean + (2 * log_var).exp() * t.randn_like(mean)


@wrong("You divide the noise by σ.")
def divided(mean, log_var):
    return mean + t.randn_like(mean) / (log_var / 2).exp()


@wrong("You divide the noise by σ².")
def divided_by_the_variance(mean, log_var):
    return mean + t.randn_like(mean) / log_var.exp()


@wrong("You take a power of 2. The logarithm is the natural one, so undo it with exp.")
def power_of_2(mean, log_var):
    return mean + 2 ** (log_var / 2) * t.randn_like(mean)


@wrong("You take a root twice.")
def two_roots(mean, log_var):
    return mean + (log_var / 2).exp().sqrt() * t.randn_like(mean)


@wrong("Where is the mean?")
def no_mean(mean, log_var):
    return (log_var / 2).exp() * t.randn_like(mean)


@wrong("You subtract the mean.")
def mean_subtracted(mean, log_var):
    return (log_var / 2).exp() * t.randn_like(mean) - mean


@wrong("Where is the noise scaled?")
def not_scaled(mean, log_var):
    return mean + t.randn_like(mean)


@wrong("You scale the mean, too.")
def mean_scaled(mean, log_var):
    return (log_var / 2).exp() * (mean + t.randn_like(mean))


@wrong("You scale the mean by σ and add the noise as it is.")
def swapped(mean, log_var):
    return t.randn_like(mean) + (log_var / 2).exp() * mean


@wrong("You add σ to the noise. Where is the mean?")
def std_for_mean(mean, log_var):
    return (log_var / 2).exp() + t.randn_like(mean)


@wrong("You use one σ for all.")
def one_spread(mean, log_var):
    return mean + (log_var.mean() / 2).exp() * t.randn_like(mean)


@wrong("You take the root of log_var.")
def root_of_its_size(mean, log_var):
    return mean + log_var.abs().sqrt() * t.randn_like(mean)


@wrong("You clamp log_var.")
def clamped(mean, log_var):
    return mean + (log_var.clamp(-1, 1) / 2).exp() * t.randn_like(mean)


@wrong("You swap the two.")
def other_order(mean, log_var):
    return log_var + (mean / 2).exp() * t.randn_like(mean)


@wrong("You take another number for σ.")
def softplus(mean, log_var):
    return mean + t.nn.functional.softplus(log_var) * t.randn_like(mean)


@wrong("You do something else with the mean.")
def mean_times_noise(mean, log_var):
    return (mean + (log_var / 2).exp()) * t.randn_like(mean)


@wrong("You clamp what comes out.")
def clamped_in_the_end(mean, log_var):
    return (mean + (log_var / 2).exp() * t.randn_like(mean)).clamp(-1, 1)


@wrong("You multiply by the mean.")
def multiplied(mean, log_var):
    return mean * (log_var / 2).exp() * t.randn_like(mean)


@wrong("You add 1 to σ.")
def one_more(mean, log_var):
    return mean + ((log_var / 2).exp() + 1) * t.randn_like(mean)


@wrong("it returns nan.")
def root_of_the_logarithm(mean, log_var):
    return mean + log_var.sqrt() * t.randn_like(mean)


@wrong("it gives the same, expected a new draw from N(mean, σ²).\nWhere does the noise come from?")
def no_noise(mean, log_var):
    return mean + (log_var / 2).exp()


@wrong("called twice, it gives the same")
def mean_alone(mean, log_var):
    return mean


@wrong("You set a seed inside.")
def always_the_same(mean, log_var):
    generator = t.Generator().manual_seed(0)
    return mean + (log_var / 2).exp() * t.randn(mean.shape, generator=generator)


@wrong("You draw between 0 and 1.")
def uniform(mean, log_var):
    return mean + (log_var / 2).exp() * t.rand_like(mean)


@wrong("every image gets the same noise.\nYou draw too few numbers: each number of mean gets its own.")
def one_noise_for_all(mean, log_var):
    return mean + (log_var / 2).exp() * t.randn_like(mean[:1])


@wrong("every image and channel and row and column gets the same noise")
def one_number(mean, log_var):
    return mean + (log_var / 2).exp() * t.randn(())


@wrong("You scale the noise by something else, too.")
def twice_the_noise(mean, log_var):
    return mean + (log_var / 2).exp() * 2 * t.randn_like(mean)


@wrong(
    "no gradient reaches mean.\nYou detach it, or switch gradients off, or draw with t.normal, which lets none through."
)
def by_t_normal(mean, log_var):
    return t.normal(mean, (log_var / 2).exp())


@wrong("no gradient reaches mean and log_var")
def no_grad(mean, log_var):
    with t.no_grad():
        return mean + (log_var / 2).exp() * t.randn_like(mean)


@wrong("no gradient reaches log_var")
def std_detached(mean, log_var):
    return mean + (log_var / 2).exp().detach() * t.randn_like(mean)


@wrong("no gradient reaches mean.")
def mean_detached(mean, log_var):
    return mean.detach() + (log_var / 2).exp() * t.randn_like(mean)


@wrong("changes the mean it is given")
def in_place(mean, log_var):
    mean += (log_var / 2).exp() * t.randn_like(mean)
    return mean


@wrong("returns None")
def no_return(mean, log_var):
    mean + (log_var / 2).exp() * t.randn_like(mean)


@wrong("returns a tuple, expected one tensor")
def both(mean, log_var):
    return mean, (log_var / 2).exp()


@wrong("it mixes tensors of two devices")
def noise_on_the_cpu(mean, log_var):
    return mean + (log_var / 2).exp() * t.randn(mean.shape)


# ------------------------------------------------------------------------------------------------ mutants


EQUIVALENT = {
    "noise is as likely as the same noise with its sign turned": [
        "return mean + std * t.randn_like(std) -> return mean - std * t.randn_like(std)",
    ],
}
