from functools import partial

import torch as t
from einops import rearrange, repeat

from tests.answers import right, wrong


def _column(values):
    return values.reshape(-1, 1, 1, 1)


def _factors(num_steps, schedule):
    """β, α, ᾱ, and ᾱ of the step before, each (B, 1, 1, 1)."""
    b, a, bar = (_column(look(num_steps)) for look in (schedule.beta, schedule.alpha, schedule.alpha_bar))
    return b, a, bar, bar / a


def _mean(xt, x0, b, a, bar, before):
    return (before.sqrt() * b * x0 + a.sqrt() * (1 - before) * xt) / (1 - bar)


def _variance(b, a, bar, before):
    return (1 - before) / (1 - bar) * b


@right
def with_einops(xt, x0, num_steps, noise_schedule):
    b = rearrange(noise_schedule.beta(num_steps), "b -> b 1 1 1")
    a = rearrange(noise_schedule.alpha(num_steps), "b -> b 1 1 1")
    bar = rearrange(noise_schedule.alpha_bar(num_steps), "b -> b 1 1 1")
    before = bar / a
    mean = before.sqrt() * b / (1 - bar) * x0 + a.sqrt() * (1 - before) / (1 - bar) * xt
    return mean, (1 - before) / (1 - bar) * b


@right
def with_a_padded_vector(xt, x0, num_steps, noise_schedule):
    all_bars = t.cat([t.ones(1, device=xt.device), noise_schedule.alpha_bars])  # index n is after n steps
    before, bar = _column(all_bars[num_steps - 1]), _column(all_bars[num_steps])
    b, a = _column(noise_schedule.beta(num_steps)), _column(noise_schedule.alpha(num_steps))
    return _mean(xt, x0, b, a, bar, before), _variance(b, a, bar, before)


@right
def with_where(xt, x0, num_steps, noise_schedule):
    earlier = noise_schedule.alpha_bars[(num_steps - 2).clamp(min=0)]
    before = _column(t.where(num_steps > 1, earlier, t.ones_like(earlier)))
    b, a, bar, _ = _factors(num_steps, noise_schedule)
    return _mean(xt, x0, b, a, bar, before), _variance(b, a, bar, before)


@right
def one_image_at_a_time(xt, x0, num_steps, noise_schedule):
    means, variances = [], []
    for x, clean, n in zip(xt, x0, num_steps.tolist(), strict=True):
        b, a, bar = noise_schedule.beta(n), noise_schedule.alpha(n), noise_schedule.alpha_bar(n)
        before = noise_schedule.alpha_bar(n - 1) if n > 1 else t.ones_like(bar)
        means.append((before**0.5 * b * clean + a**0.5 * (1 - before) * x) / (1 - bar))
        variances.append(((1 - before) / (1 - bar) * b).reshape(1, 1, 1))
    return t.stack(means), t.stack(variances)


@right
def by_the_noise(xt, x0, num_steps, noise_schedule):
    b, a, bar, before = _factors(num_steps, noise_schedule)
    noise = (xt - bar.sqrt() * x0) / (1 - bar).sqrt()
    return (xt - b / (1 - bar).sqrt() * noise) / a.sqrt(), (1 - before) / (1 - bar) * b


@right
def by_shares_of_what_is_known(xt, x0, num_steps, noise_schedule):
    b, a, bar, before = _factors(num_steps, noise_schedule)
    share = a * (1 - before) / (1 - bar)  # of the noise, that is older than the last step
    expected = before.sqrt() * x0
    return expected + share * (xt / a.sqrt() - expected), share * b / a


@right
def in_float64(xt, x0, num_steps, noise_schedule):
    alphas = noise_schedule.alphas.double()
    bars = alphas.cumprod(0)
    a, bar = _column(alphas[num_steps - 1]), _column(bars[num_steps - 1])
    before = bar / a
    return _mean(xt, x0, 1 - a, a, bar, before).float(), _variance(1 - a, a, bar, before).float()


@right
def in_log_space(xt, x0, num_steps, noise_schedule):
    logs = noise_schedule.alphas.double().log()
    log_bar = logs.cumsum(0)
    rest = -t.expm1(log_bar - logs)  # 1 - ᾱ of the step before
    share = _column((rest / -t.expm1(log_bar))[num_steps - 1].float())
    b, a, bar, before = _factors(num_steps, noise_schedule)
    return before.sqrt() * b / (1 - bar) * x0 + a.sqrt() * share * xt, share * b


@right
def as_a_list(xt, x0, num_steps, noise_schedule):
    factors = _factors(num_steps, noise_schedule)
    return [t.lerp(_mean(xt, x0, *factors), _mean(xt, x0, *factors), 0.5), _variance(*factors)]


@right
def with_keepdim_and_addcmul(xt, x0, num_steps, noise_schedule):
    b, a, bar, before = _factors(num_steps, noise_schedule)
    first = x0 * (b * before.sqrt() / (1 - bar))
    return t.addcmul(first, xt, a.sqrt() * (1 - before) / (1 - bar)), b.mul(1 - before).div(1 - bar)


def _mistaken(xt, x0, num_steps, noise_schedule, mean=_mean, variance=_variance, swap=lambda *factors: factors):
    factors = swap(*_factors(num_steps, noise_schedule))
    return mean(xt, x0, *factors), variance(*factors)


@wrong("Is ᾱ of this step taken where ᾱ of the step before belongs?")
def this_alpha_bar_for_the_one_before(xt, x0, num_steps, noise_schedule):
    return _mistaken(xt, x0, num_steps, noise_schedule, swap=lambda b, a, bar, before: (b, a, bar, bar))


@wrong("Before the first step, ᾱ is 1. Does index -1 give the last ᾱ?")
def wraps_round(xt, x0, num_steps, noise_schedule):
    before = _column(noise_schedule.alpha_bars[num_steps - 2])
    return _mistaken(xt, x0, num_steps, noise_schedule, swap=lambda b, a, bar, _: (b, a, bar, before))


@wrong("Before the first step, ᾱ is 1. Does index -1 give the last ᾱ?")
def variance_wraps_round(xt, x0, num_steps, noise_schedule):
    before = _column(noise_schedule.alpha_bars[num_steps - 2])
    variance = lambda b, a, bar, _: _variance(b, a, bar, before)  # noqa: E731
    return _mistaken(xt, x0, num_steps, noise_schedule, variance=variance)


@wrong("ValueError: num_steps counts steps of noise, 1 to 4")
def asks_for_step_0(xt, x0, num_steps, noise_schedule):
    before = _column(noise_schedule.alpha_bar(num_steps - 1))
    return _mistaken(xt, x0, num_steps, noise_schedule, swap=lambda b, a, bar, _: (b, a, bar, before))


@wrong("Is ᾱ multiplied by α to get the step before, not divided?")
def multiplied_by_alpha(xt, x0, num_steps, noise_schedule):
    return _mistaken(xt, x0, num_steps, noise_schedule, swap=lambda b, a, bar, _: (b, a, bar, bar * a))


@wrong("Is it α that stands where ᾱ of the step before belongs?")
def alpha_for_the_one_before(xt, x0, num_steps, noise_schedule):
    return _mistaken(xt, x0, num_steps, noise_schedule, swap=lambda b, a, bar, _: (b, a, bar, a))


@wrong("Is it ᾱ that stands where α belongs?")
def alpha_bar_for_alpha(xt, x0, num_steps, noise_schedule):
    return _mistaken(xt, x0, num_steps, noise_schedule, swap=lambda b, a, bar, before: (b, bar, bar, before))


@wrong("Is it α that stands where ᾱ belongs, below the fraction?")
def alpha_below(xt, x0, num_steps, noise_schedule):
    return _mistaken(xt, x0, num_steps, noise_schedule, swap=lambda b, a, bar, before: (b, a, a, before))


@wrong("as mean it returns inf")
def the_one_before_below(xt, x0, num_steps, noise_schedule):
    return _mistaken(xt, x0, num_steps, noise_schedule, swap=lambda b, a, bar, before: (b, a, before, before))


@wrong("as mean it returns nan")
def by_precisions(xt, x0, num_steps, noise_schedule):
    b, a, bar, before = _factors(num_steps, noise_schedule)
    precision = 1 / (1 - before) + a / b  # infinite at step 1, where x0 is known exactly
    return (before.sqrt() * x0 / (1 - before) + a.sqrt() * xt / b) / precision, 1 / precision


@wrong("Is α taken where β belongs?")
def alpha_for_beta(xt, x0, num_steps, noise_schedule):
    return _mistaken(xt, x0, num_steps, noise_schedule, swap=lambda b, a, bar, before: (a, a, bar, before))


@wrong("Is the root of β taken?")
def root_of_beta(xt, x0, num_steps, noise_schedule):
    return _mistaken(xt, x0, num_steps, noise_schedule, swap=lambda b, a, bar, before: (b.sqrt(), a, bar, before))


def _wrong_mean(formula):
    return partial(_mistaken, mean=formula)


@wrong("Is a root missing in front of x₀?")
def no_root_at_x0(xt, x0, num_steps, noise_schedule):
    formula = lambda xt, x0, b, a, bar, p: (p * b * x0 + a.sqrt() * (1 - p) * xt) / (1 - bar)  # noqa: E731
    return _wrong_mean(formula)(xt, x0, num_steps, noise_schedule)


@wrong("Is a root missing in front of xₜ?")
def no_root_at_xt(xt, x0, num_steps, noise_schedule):
    formula = lambda xt, x0, b, a, bar, p: (p.sqrt() * b * x0 + a * (1 - p) * xt) / (1 - bar)  # noqa: E731
    return _wrong_mean(formula)(xt, x0, num_steps, noise_schedule)


@wrong("Are both roots missing?")
def no_roots(xt, x0, num_steps, noise_schedule):
    formula = lambda xt, x0, b, a, bar, p: (p * b * x0 + a * (1 - p) * xt) / (1 - bar)  # noqa: E731
    return _wrong_mean(formula)(xt, x0, num_steps, noise_schedule)


@wrong("Are x₀ and xₜ swapped?")
def swapped(xt, x0, num_steps, noise_schedule):
    return _mistaken(x0, xt, num_steps, noise_schedule)


@wrong("Is the denominator there?")
def no_denominator(xt, x0, num_steps, noise_schedule):
    formula = lambda xt, x0, b, a, bar, p: p.sqrt() * b * x0 + a.sqrt() * (1 - p) * xt  # noqa: E731
    return _wrong_mean(formula)(xt, x0, num_steps, noise_schedule)


@wrong("Is the denominator a root?")
def root_below(xt, x0, num_steps, noise_schedule):
    formula = lambda xt, x0, b, a, bar, p: _mean(xt, x0, b, a, bar, p) * (1 - bar).sqrt()  # noqa: E731
    return _wrong_mean(formula)(xt, x0, num_steps, noise_schedule)


@wrong("Is only the second term divided? Mind the parentheses.")
def parentheses_missing(xt, x0, num_steps, noise_schedule):
    formula = lambda xt, x0, b, a, bar, p: p.sqrt() * b * x0 + a.sqrt() * (1 - p) * xt / (1 - bar)  # noqa: E731
    return _wrong_mean(formula)(xt, x0, num_steps, noise_schedule)


@wrong("Is only the first term divided? Mind the parentheses.")
def second_denominator_missing(xt, x0, num_steps, noise_schedule):
    formula = lambda xt, x0, b, a, bar, p: p.sqrt() * b * x0 / (1 - bar) + a.sqrt() * (1 - p) * xt  # noqa: E731
    return _wrong_mean(formula)(xt, x0, num_steps, noise_schedule)


@wrong("Is the term of xₜ there?")
def term_of_xt_missing(xt, x0, num_steps, noise_schedule):
    return _mistaken(0 * xt, x0, num_steps, noise_schedule)


@wrong("Is the term of x₀ there?")
def term_of_x0_missing(xt, x0, num_steps, noise_schedule):
    return _mistaken(xt, 0 * x0, num_steps, noise_schedule)


@wrong("Is one term subtracted? Both are added.")
def subtracted(xt, x0, num_steps, noise_schedule):
    return _mistaken(-xt, x0, num_steps, noise_schedule)


@wrong("Is one term subtracted? Both are added.")
def other_one_subtracted(xt, x0, num_steps, noise_schedule):
    return _mistaken(xt, -x0, num_steps, noise_schedule)


@wrong("Is that the mean of x_(t-1) given x₀ alone?")
def forward_to_the_step_before(xt, x0, num_steps, noise_schedule):
    formula = lambda xt, x0, b, a, bar, p: p.sqrt() * x0  # noqa: E731
    return _wrong_mean(formula)(xt, x0, num_steps, noise_schedule)


@wrong("Is only the fading of xₜ undone?")
def unfaded(xt, x0, num_steps, noise_schedule):
    return _wrong_mean(lambda xt, x0, b, a, bar, p: xt / a.sqrt())(xt, x0, num_steps, noise_schedule)


@wrong("Does every image get the factors of the first one?")
def factors_of_the_first(xt, x0, num_steps, noise_schedule):
    formula = lambda xt, x0, *factors: _mean(xt, x0, *(each[:1] for each in factors))  # noqa: E731
    return _wrong_mean(formula)(xt, x0, num_steps, noise_schedule)


@wrong("Which shape do they have?")
def factors_along_the_width(xt, x0, num_steps, noise_schedule):
    formula = lambda xt, x0, *factors: _mean(xt, x0, *(each.reshape(-1) for each in factors))  # noqa: E731
    return _wrong_mean(formula)(xt, x0, num_steps, noise_schedule)


@wrong("The factors run along the width of the images")
def never_reshaped(xt, x0, num_steps, noise_schedule):
    b, a, bar = noise_schedule.beta(num_steps), noise_schedule.alpha(num_steps), noise_schedule.alpha_bar(num_steps)
    return _mean(xt, x0, b, a, bar, bar / a), _column(_variance(b, a, bar, bar / a))


def _wrong_variance(formula):
    return partial(_mistaken, variance=formula)


@wrong("That is β itself.")
def beta_alone(xt, x0, num_steps, noise_schedule):
    return _wrong_variance(lambda b, a, bar, p: b)(xt, x0, num_steps, noise_schedule)


@wrong("Is that a standard deviation? Equation 7 has the variance.")
def standard_deviation(xt, x0, num_steps, noise_schedule):
    return _wrong_variance(lambda *factors: _variance(*factors).sqrt())(xt, x0, num_steps, noise_schedule)


@wrong("Is the fraction upside down?")
def upside_down(xt, x0, num_steps, noise_schedule):
    formula = lambda b, a, bar, p: (1 - bar) / (1 - p).clamp(min=1e-6) * b  # noqa: E731
    return _wrong_variance(formula)(xt, x0, num_steps, noise_schedule)


@wrong("as variance it returns inf")
def upside_down_at_step_1(xt, x0, num_steps, noise_schedule):
    return _wrong_variance(lambda b, a, bar, p: (1 - bar) / (1 - p) * b)(xt, x0, num_steps, noise_schedule)


@wrong("a number of the variance is 0.092, expected 0.162.\nIs the denominator there?")
def variance_without_denominator(xt, x0, num_steps, noise_schedule):
    return _wrong_variance(lambda b, a, bar, p: (1 - p) * b)(xt, x0, num_steps, noise_schedule)


@wrong("Is the factor β there?")
def ratio_alone(xt, x0, num_steps, noise_schedule):
    return _wrong_variance(lambda b, a, bar, p: (1 - p) / (1 - bar))(xt, x0, num_steps, noise_schedule)


@wrong("Is that 1 − ᾱ of the step before, without the last step's part?")
def variance_given_x0_alone(xt, x0, num_steps, noise_schedule):
    return _wrong_variance(lambda b, a, bar, p: 1 - p)(xt, x0, num_steps, noise_schedule)


@wrong("Is the last bit of fading undone twice?")
def variance_divided_by_alpha(xt, x0, num_steps, noise_schedule):
    formula = lambda b, a, bar, p: _variance(b, a, bar, p) / a  # noqa: E731
    return _wrong_variance(formula)(xt, x0, num_steps, noise_schedule)


@wrong("without 1 − in front of both?")
def one_minus_forgotten(xt, x0, num_steps, noise_schedule):
    return _wrong_variance(lambda b, a, bar, p: p / bar * b)(xt, x0, num_steps, noise_schedule)


@wrong("Is it the logarithm?")
def log_of_the_variance(xt, x0, num_steps, noise_schedule):
    formula = lambda *factors: _variance(*factors).clamp(min=1e-20).log()  # noqa: E731
    return _wrong_variance(formula)(xt, x0, num_steps, noise_schedule)


@wrong("Is that 0?")
def no_variance(xt, x0, num_steps, noise_schedule):
    return _wrong_variance(lambda b, a, bar, p: 0 * b)(xt, x0, num_steps, noise_schedule)


@wrong("at num_steps=4 with betas [0.1, 0.4, 0.2, 0.25],\na number of the variance is 0.000")
def variance_of_the_first_image(xt, x0, num_steps, noise_schedule):
    formula = lambda *factors: _variance(*factors)[:1].expand(len(xt), 1, 1, 1)  # noqa: E731
    return _wrong_variance(formula)(xt, x0, num_steps, noise_schedule)


@wrong("the variance comes first, expected mean, variance")
def variance_first(xt, x0, num_steps, noise_schedule):
    mean, variance = with_einops(xt, x0, num_steps, noise_schedule)
    return variance, mean


@wrong("the variance has shape (6,), expected (6, 1, 1, 1)")
def variance_as_a_list(xt, x0, num_steps, noise_schedule):
    mean, variance = with_einops(xt, x0, num_steps, noise_schedule)
    return mean, variance.flatten()


@wrong("the variance has shape (6, 3, 4, 6), expected (6, 1, 1, 1)")
def variance_of_every_number(xt, x0, num_steps, noise_schedule):
    mean, variance = with_einops(xt, x0, num_steps, noise_schedule)
    return mean, repeat(variance, "b 1 1 1 -> b c h w", c=xt.shape[1], h=xt.shape[2], w=xt.shape[3])


@wrong("it returns a tensor of shape (6, 3, 4, 6), expected two: mean, variance")
def mean_alone(xt, x0, num_steps, noise_schedule):
    return with_einops(xt, x0, num_steps, noise_schedule)[0]


@wrong("it returns a tensor of shape (6, 3, 4, 6), expected two: mean, variance")
def one_sample(xt, x0, num_steps, noise_schedule):
    mean, variance = with_einops(xt, x0, num_steps, noise_schedule)
    return mean + variance.sqrt() * t.randn_like(mean)


@wrong("it returns None, expected two")
def no_return(xt, x0, num_steps, noise_schedule):
    with_einops(xt, x0, num_steps, noise_schedule)


@wrong("it changes the x0 it is given")
def in_place(xt, x0, num_steps, noise_schedule):
    b, a, bar, p = _factors(num_steps, noise_schedule)
    mean = x0.mul_(p.sqrt() * b / (1 - bar)) + a.sqrt() * (1 - p) / (1 - bar) * xt
    return mean, _variance(b, a, bar, p)


@wrong("Is a size written out?")
def sizes_written_out(xt, x0, num_steps, noise_schedule):
    mean, variance = with_einops(xt, x0, num_steps, noise_schedule)
    return mean * (1 if xt.shape[1:] == (3, 4, 6) else 2), variance


@wrong("You compute in float64, by NumPy or .double().")
def left_in_float64(xt, x0, num_steps, noise_schedule):
    mean, variance = with_einops(xt.double(), x0, num_steps, noise_schedule)
    return mean, variance


EQUIVALENT = {
    "what does not need the line before it may come before it": [
        "beta = rearrange(noise_schedule.beta(num_steps), 'b -> b 1 1 1') -> "
        "after alpha = rearrange(noise_schedule.alpha(num_steps), 'b -> b 1 1 1')",
        "alpha = rearrange(noise_schedule.alpha(num_steps), 'b -> b 1 1 1') -> "
        "after alpha_bar = rearrange(noise_schedule.alpha_bar(num_steps), 'b -> b 1 1 1')",
        "mean = alpha_bar_before.sqrt() * beta * x0 + alpha.sqrt() * (1 - alpha_bar_before) * xt -> "
        "after variance = (1 - alpha_bar_before) * beta",
    ]
}
