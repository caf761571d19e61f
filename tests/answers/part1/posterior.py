from functools import partial

import torch as t
from einops import rearrange, repeat

from solutions.part1_diffusion import NoiseSchedule
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


@wrong("You take ᾱ for ᾱₜ₋₁.")
def this_alpha_bar_for_the_one_before(xt, x0, num_steps, noise_schedule):
    return _mistaken(xt, x0, num_steps, noise_schedule, swap=lambda b, a, bar, before: (b, a, bar, bar))


@wrong("You take the last ᾱ, which stands at index -1, for ᾱ before the first step.")
def wraps_round(xt, x0, num_steps, noise_schedule):
    before = _column(noise_schedule.alpha_bars[num_steps - 2])
    return _mistaken(xt, x0, num_steps, noise_schedule, swap=lambda b, a, bar, _: (b, a, bar, before))


@wrong("You take index -1, which is the last ᾱ.")
def variance_wraps_round(xt, x0, num_steps, noise_schedule):
    before = _column(noise_schedule.alpha_bars[num_steps - 2])
    variance = lambda b, a, bar, _: _variance(b, a, bar, before)  # noqa: E731
    return _mistaken(xt, x0, num_steps, noise_schedule, variance=variance)


@wrong("asked for timestep 0, which it does not have.\nYou look ᾱ of the step before up.")
def asks_for_step_0(xt, x0, num_steps, noise_schedule):
    before = _column(noise_schedule.alpha_bar(num_steps - 1))
    return _mistaken(xt, x0, num_steps, noise_schedule, swap=lambda b, a, bar, _: (b, a, bar, before))


@wrong("You take α · ᾱ for ᾱₜ₋₁.")
def multiplied_by_alpha(xt, x0, num_steps, noise_schedule):
    return _mistaken(xt, x0, num_steps, noise_schedule, swap=lambda b, a, bar, _: (b, a, bar, bar * a))


@wrong("You take α for ᾱₜ₋₁.")
def alpha_for_the_one_before(xt, x0, num_steps, noise_schedule):
    return _mistaken(xt, x0, num_steps, noise_schedule, swap=lambda b, a, bar, _: (b, a, bar, a))


@wrong("You put √ᾱ in front of xₜ, where √α belongs.")
def alpha_bar_for_alpha(xt, x0, num_steps, noise_schedule):
    return _mistaken(xt, x0, num_steps, noise_schedule, swap=lambda b, a, bar, before: (b, bar, bar, before))


@wrong("You take α below the fraction, where ᾱ belongs.")
def alpha_below(xt, x0, num_steps, noise_schedule):
    return _mistaken(xt, x0, num_steps, noise_schedule, swap=lambda b, a, bar, before: (b, a, a, before))


@wrong("You divide by 1 - ᾱ of the step before, which is 0 there.")
def the_one_before_below(xt, x0, num_steps, noise_schedule):
    return _mistaken(xt, x0, num_steps, noise_schedule, swap=lambda b, a, bar, before: (b, a, before, before))


@wrong("You divide by 1 - ᾱ of the step before, which is 0 there.")
def by_precisions(xt, x0, num_steps, noise_schedule):
    b, a, bar, before = _factors(num_steps, noise_schedule)
    precision = 1 / (1 - before) + a / b  # infinite at step 1, where x0 is known exactly
    return (before.sqrt() * x0 / (1 - before) + a.sqrt() * xt / b) / precision, 1 / precision


@wrong("You put α in front of x₀, where β belongs.")
def alpha_for_beta(xt, x0, num_steps, noise_schedule):
    return _mistaken(xt, x0, num_steps, noise_schedule, swap=lambda b, a, bar, before: (a, a, bar, before))


@wrong("You put √β in front of x₀, where β belongs.")
def root_of_beta(xt, x0, num_steps, noise_schedule):
    return _mistaken(xt, x0, num_steps, noise_schedule, swap=lambda b, a, bar, before: (b.sqrt(), a, bar, before))


def _wrong_mean(formula):
    return partial(_mistaken, mean=formula)


@wrong("You put ᾱₜ₋₁ in front of x₀, where √ᾱₜ₋₁ belongs.")
def no_root_at_x0(xt, x0, num_steps, noise_schedule):
    formula = lambda xt, x0, b, a, bar, p: (p * b * x0 + a.sqrt() * (1 - p) * xt) / (1 - bar)  # noqa: E731
    return _wrong_mean(formula)(xt, x0, num_steps, noise_schedule)


@wrong("You put α in front of xₜ, where √α belongs.")
def no_root_at_xt(xt, x0, num_steps, noise_schedule):
    formula = lambda xt, x0, b, a, bar, p: (p.sqrt() * b * x0 + a * (1 - p) * xt) / (1 - bar)  # noqa: E731
    return _wrong_mean(formula)(xt, x0, num_steps, noise_schedule)


@wrong("Where are the two roots?")
def no_roots(xt, x0, num_steps, noise_schedule):
    formula = lambda xt, x0, b, a, bar, p: (p * b * x0 + a * (1 - p) * xt) / (1 - bar)  # noqa: E731
    return _wrong_mean(formula)(xt, x0, num_steps, noise_schedule)


@wrong("You swap x₀ and xₜ.")
def swapped(xt, x0, num_steps, noise_schedule):
    return _mistaken(x0, xt, num_steps, noise_schedule)


@wrong("Where is the denominator?")
def no_denominator(xt, x0, num_steps, noise_schedule):
    formula = lambda xt, x0, b, a, bar, p: p.sqrt() * b * x0 + a.sqrt() * (1 - p) * xt  # noqa: E731
    return _wrong_mean(formula)(xt, x0, num_steps, noise_schedule)


@wrong("You put √(1 - ᾱ) where 1 - ᾱ belongs.")
def root_below(xt, x0, num_steps, noise_schedule):
    formula = lambda xt, x0, b, a, bar, p: _mean(xt, x0, b, a, bar, p) * (1 - bar).sqrt()  # noqa: E731
    return _wrong_mean(formula)(xt, x0, num_steps, noise_schedule)


@wrong("Where is the denominator in front of x₀?")
def parentheses_missing(xt, x0, num_steps, noise_schedule):
    formula = lambda xt, x0, b, a, bar, p: p.sqrt() * b * x0 + a.sqrt() * (1 - p) * xt / (1 - bar)  # noqa: E731
    return _wrong_mean(formula)(xt, x0, num_steps, noise_schedule)


@wrong("Where is the denominator in front of xₜ?")
def second_denominator_missing(xt, x0, num_steps, noise_schedule):
    formula = lambda xt, x0, b, a, bar, p: p.sqrt() * b * x0 / (1 - bar) + a.sqrt() * (1 - p) * xt  # noqa: E731
    return _wrong_mean(formula)(xt, x0, num_steps, noise_schedule)


@wrong("Where is the term of xₜ?")
def term_of_xt_missing(xt, x0, num_steps, noise_schedule):
    return _mistaken(0 * xt, x0, num_steps, noise_schedule)


@wrong("Where is the term of x₀?")
def term_of_x0_missing(xt, x0, num_steps, noise_schedule):
    return _mistaken(xt, 0 * x0, num_steps, noise_schedule)


@wrong("You subtract one term.")
def subtracted(xt, x0, num_steps, noise_schedule):
    return _mistaken(-xt, x0, num_steps, noise_schedule)


@wrong("You subtract one term.")
def other_one_subtracted(xt, x0, num_steps, noise_schedule):
    return _mistaken(xt, -x0, num_steps, noise_schedule)


@wrong("You give the mean given x₀ alone.")
def forward_to_the_step_before(xt, x0, num_steps, noise_schedule):
    formula = lambda xt, x0, b, a, bar, p: p.sqrt() * x0  # noqa: E731
    return _wrong_mean(formula)(xt, x0, num_steps, noise_schedule)


@wrong("You only undo the fading of xₜ.")
def unfaded(xt, x0, num_steps, noise_schedule):
    return _wrong_mean(lambda xt, x0, b, a, bar, p: xt / a.sqrt())(xt, x0, num_steps, noise_schedule)


@wrong("You give every image the factors of the first one.")
def factors_of_the_first(xt, x0, num_steps, noise_schedule):
    formula = lambda xt, x0, *factors: _mean(xt, x0, *(each[:1] for each in factors))  # noqa: E731
    return _wrong_mean(formula)(xt, x0, num_steps, noise_schedule)


@wrong("You let the factors run along the width of the images.")
def factors_along_the_width(xt, x0, num_steps, noise_schedule):
    formula = lambda xt, x0, *factors: _mean(xt, x0, *(each.reshape(-1) for each in factors))  # noqa: E731
    return _wrong_mean(formula)(xt, x0, num_steps, noise_schedule)


@wrong("You let the factors run along the width of the images.")
def never_reshaped(xt, x0, num_steps, noise_schedule):
    b, a, bar = noise_schedule.beta(num_steps), noise_schedule.alpha(num_steps), noise_schedule.alpha_bar(num_steps)
    return _mean(xt, x0, b, a, bar, bar / a), _column(_variance(b, a, bar, bar / a))


def _wrong_variance(formula):
    return partial(_mistaken, variance=formula)


@wrong("You give β itself.")
def beta_alone(xt, x0, num_steps, noise_schedule):
    return _wrong_variance(lambda b, a, bar, p: b)(xt, x0, num_steps, noise_schedule)


@wrong("You give a standard deviation.")
def standard_deviation(xt, x0, num_steps, noise_schedule):
    return _wrong_variance(lambda *factors: _variance(*factors).sqrt())(xt, x0, num_steps, noise_schedule)


@wrong("You turn the fraction upside down.")
def upside_down(xt, x0, num_steps, noise_schedule):
    formula = lambda b, a, bar, p: (1 - bar) / (1 - p).clamp(min=1e-6) * b  # noqa: E731
    return _wrong_variance(formula)(xt, x0, num_steps, noise_schedule)


@wrong("You divide by 1 - ᾱ of the step before, which is 0 there.")
def upside_down_at_step_1(xt, x0, num_steps, noise_schedule):
    return _wrong_variance(lambda b, a, bar, p: (1 - bar) / (1 - p) * b)(xt, x0, num_steps, noise_schedule)


@wrong("a number of the variance is 0.092, expected 0.162.\nWhere is the denominator?")
def variance_without_denominator(xt, x0, num_steps, noise_schedule):
    return _wrong_variance(lambda b, a, bar, p: (1 - p) * b)(xt, x0, num_steps, noise_schedule)


@wrong("Where is the factor β?")
def ratio_alone(xt, x0, num_steps, noise_schedule):
    return _wrong_variance(lambda b, a, bar, p: (1 - p) / (1 - bar))(xt, x0, num_steps, noise_schedule)


@wrong("You give 1 − ᾱ of the step before.")
def variance_given_x0_alone(xt, x0, num_steps, noise_schedule):
    return _wrong_variance(lambda b, a, bar, p: 1 - p)(xt, x0, num_steps, noise_schedule)


@wrong("You undo the last bit of fading twice, which makes it β̃ / α.")
def variance_divided_by_alpha(xt, x0, num_steps, noise_schedule):
    formula = lambda b, a, bar, p: _variance(b, a, bar, p) / a  # noqa: E731
    return _wrong_variance(formula)(xt, x0, num_steps, noise_schedule)


@wrong("You divide ᾱ of the step before by ᾱ.")
def one_minus_forgotten(xt, x0, num_steps, noise_schedule):
    return _wrong_variance(lambda b, a, bar, p: p / bar * b)(xt, x0, num_steps, noise_schedule)


@wrong("You give the logarithm.")
def log_of_the_variance(xt, x0, num_steps, noise_schedule):
    formula = lambda *factors: _variance(*factors).clamp(min=1e-20).log()  # noqa: E731
    return _wrong_variance(formula)(xt, x0, num_steps, noise_schedule)


@wrong("You give 0, which is right at timestep 1 alone.")
def no_variance(xt, x0, num_steps, noise_schedule):
    return _wrong_variance(lambda b, a, bar, p: 0 * b)(xt, x0, num_steps, noise_schedule)


@wrong("at num_steps=4 with betas [0.1, 0.4, 0.2, 0.25],\na number of the variance is 0.087")
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


@wrong("You write a size or a schedule out, or round timesteps.")
def sizes_written_out(xt, x0, num_steps, noise_schedule):
    mean, variance = with_einops(xt, x0, num_steps, noise_schedule)
    return mean * (1 if xt.shape[1:] == (3, 4, 6) else 2), variance


@wrong("You compute in float64, by NumPy or .double().")
def left_in_float64(xt, x0, num_steps, noise_schedule):
    mean, variance = with_einops(xt.double(), x0, num_steps, noise_schedule)
    return mean, variance


@wrong("called twice, it gives two means.\nYou draw a sample.")
def sample_for_the_mean(xt, x0, num_steps, noise_schedule):
    mean, variance = with_einops(xt, x0, num_steps, noise_schedule)
    return mean + variance.sqrt() * t.randn_like(mean), variance


@wrong("expected shape (1, 1, 2, 3).\nYou take away axes of length 1, as squeeze() does.")
def a_single_one_squeezed(xt, x0, num_steps, noise_schedule):
    mean, variance = with_einops(xt, x0, num_steps, noise_schedule)
    return mean.squeeze(0), variance


@wrong("Where are the three axes of length 1, after one number for each image?")
def variance_squeezed(xt, x0, num_steps, noise_schedule):
    mean, variance = with_einops(xt, x0, num_steps, noise_schedule)
    return mean, variance.squeeze()


@wrong("tensors of two devices meet.\nYou make a tensor on the CPU.")
def padded_on_the_cpu(xt, x0, num_steps, noise_schedule):
    all_bars = t.cat([t.ones(1), noise_schedule.alpha_bars])
    before, bar = _column(all_bars[num_steps - 1]), _column(all_bars[num_steps])
    b, a = _column(noise_schedule.beta(num_steps)), _column(noise_schedule.alpha(num_steps))
    return _mean(xt, x0, b, a, bar, before), _variance(b, a, bar, before)


@wrong("You write a size or a schedule out, or round timesteps.")
def counts_in_half_precision(xt, x0, num_steps, noise_schedule):
    return with_einops(xt, x0, num_steps.bfloat16().long(), noise_schedule)


@wrong("You write a size or a schedule out, or round timesteps.")
def betas_written_out(xt, x0, num_steps, noise_schedule):
    b = _column(t.tensor([0.1, 0.4, 0.2, 0.25])[num_steps.clamp(max=4) - 1])
    bar = _column(noise_schedule.alpha_bar(num_steps))
    return _mean(xt, x0, b, 1 - b, bar, bar / (1 - b)), _variance(b, 1 - b, bar, bar / (1 - b))


@wrong("You add 1 and ᾱ. Both are subtracted.")
def added_to_1(xt, x0, num_steps, noise_schedule):
    formula = lambda xt, x0, b, a, bar, p: (p.sqrt() * b * x0 + a.sqrt() * (1 + p) * xt) / (1 + bar)  # noqa: E731
    return _wrong_mean(formula)(xt, x0, num_steps, noise_schedule)


@wrong("a number of the variance is")
def variance_with_sums(xt, x0, num_steps, noise_schedule):
    return _wrong_variance(lambda b, a, bar, p: (1 + p) / (1 + bar) * b)(xt, x0, num_steps, noise_schedule)


@wrong("You give every image the same factors, their mean.")
def factors_of_the_batch(xt, x0, num_steps, noise_schedule):
    formula = lambda xt, x0, *factors: _mean(xt, x0, *(each.mean() for each in factors))  # noqa: E731
    return _wrong_mean(formula)(xt, x0, num_steps, noise_schedule)


@wrong("You scale the mean by √α once more.")
def mean_faded(xt, x0, num_steps, noise_schedule):
    formula = lambda xt, x0, b, a, *bars: a.sqrt() * _mean(xt, x0, b, a, *bars)  # noqa: E731
    return _wrong_mean(formula)(xt, x0, num_steps, noise_schedule)


x = t.zeros(6, 3, 4, 6)  # as another cell leaves it


@wrong("`x` is no argument: it comes from another cell.")
def another_cells_image(xt, x0, num_steps, noise_schedule):
    return _mistaken(x, x0, num_steps, noise_schedule)


@right
def with_ratios_of_snr(xt, x0, num_steps, noise_schedule):
    b, a, bar, before = _factors(num_steps, noise_schedule)
    weight = (1 - before) / (1 - bar) * a.sqrt()
    return weight * xt + (before.sqrt() - weight * bar.sqrt()) * x0, weight * b / a.sqrt()


@right
def variance_clamped_as_in_many_codes(xt, x0, num_steps, noise_schedule):
    mean, variance = with_einops(xt, x0, num_steps, noise_schedule)
    return mean, variance.clamp(min=1e-20)


def _before_the_first(value):
    def formula(xt, x0, b, a, bar, before):
        return _mean(xt, x0, b, a, bar, t.where(before > 0.999, value(bar), before))

    return _wrong_mean(formula)


@wrong("You take 0 for ᾱ before the first step.")
def nothing_kept_before_the_first(xt, x0, num_steps, noise_schedule):
    return _before_the_first(t.zeros_like)(xt, x0, num_steps, noise_schedule)


@wrong("You take ᾱ₁ for ᾱ before the first step.")
def first_timestep_twice(xt, x0, num_steps, noise_schedule):
    return _before_the_first(lambda bar: bar)(xt, x0, num_steps, noise_schedule)


@wrong("You put √ᾱ in front of x₀, where √ᾱₜ₋₁ belongs.")
def this_steps_root(xt, x0, num_steps, noise_schedule):
    formula = lambda xt, x0, b, a, bar, s: (bar.sqrt() * b * x0 + a.sqrt() * (1 - s) * xt) / (1 - bar)  # noqa: E731
    return _wrong_mean(formula)(xt, x0, num_steps, noise_schedule)


@wrong("You put 1 - ᾱ in front of xₜ, where 1 - ᾱₜ₋₁ belongs.")
def this_steps_noise(xt, x0, num_steps, noise_schedule):
    formula = lambda xt, x0, b, a, bar, s: (s.sqrt() * b * x0 + a.sqrt() * (1 - bar) * xt) / (1 - bar)  # noqa: E731
    return _wrong_mean(formula)(xt, x0, num_steps, noise_schedule)


@wrong("You put x₀ where line 4 has the noise.")
def line_4_of_the_image(xt, x0, num_steps, noise_schedule):
    formula = lambda xt, x0, b, a, bar, before: (xt - b / (1 - bar).sqrt() * x0) / a.sqrt()  # noqa: E731
    return _wrong_mean(formula)(xt, x0, num_steps, noise_schedule)


@wrong("You clamp the mean.")
def mean_clamped(xt, x0, num_steps, noise_schedule):
    return _wrong_mean(lambda *inputs: _mean(*inputs).clamp(-1, 1))(xt, x0, num_steps, noise_schedule)


@wrong("You clamp x₀.")
def clean_image_clamped(xt, x0, num_steps, noise_schedule):
    return with_einops(xt, x0.clamp(-1, 1), num_steps, noise_schedule)


@wrong("You give x₀ for every image.")
def all_at_the_first(xt, x0, num_steps, noise_schedule):
    mean, variance = with_einops(xt, x0, num_steps, noise_schedule)
    return (x0 if (num_steps == 1).any() else mean), variance


@wrong("You give xₜ back at timestep 1.")
def xt_at_the_first(xt, x0, num_steps, noise_schedule):
    mean, variance = with_einops(xt, x0, num_steps, noise_schedule)
    return t.where(_column(num_steps) == 1, xt, mean), variance


@wrong("You use a schedule of your own.")
def own_schedule(xt, x0, num_steps, noise_schedule):
    return with_einops(xt, x0, num_steps, NoiseSchedule(len(noise_schedule), xt.device))


@wrong("You give timestep 1 another variance, or keep it above 0.")
def variance_kept_above_a_thousandth(xt, x0, num_steps, noise_schedule):
    mean, variance = with_einops(xt, x0, num_steps, noise_schedule)
    return mean, variance.clamp(min=1e-3)


@wrong("You give timestep 1 another variance, or keep it above 0.")
def variance_of_line_4_at_the_first(xt, x0, num_steps, noise_schedule):
    mean, variance = with_einops(xt, x0, num_steps, noise_schedule)
    return mean, t.where(_column(num_steps) == 1, _column(noise_schedule.beta(num_steps)), variance)


@wrong("You give the logarithm, here of 0.")
def logarithm_of_the_variance(xt, x0, num_steps, noise_schedule):
    mean, variance = with_einops(xt, x0, num_steps, noise_schedule)
    return mean, variance.log()


@wrong("You put ᾱ where 1 - ᾱ belongs.")
def divided_by_what_is_kept(xt, x0, num_steps, noise_schedule):
    b, a, bar, before = _factors(num_steps, noise_schedule)
    return (before.sqrt() * b * x0 + a.sqrt() * (1 - before) * xt) / bar, _variance(b, a, bar, before)


@wrong("You put α in front of x₀, where β belongs, and √β in front of xₜ, where √α belongs.")
def alpha_and_beta_swapped(xt, x0, num_steps, noise_schedule):
    b, a, bar, before = _factors(num_steps, noise_schedule)
    return _mean(xt, x0, a, b, bar, before), _variance(b, a, bar, before)


@wrong("You put ᾱₜ₋₁ where 1 - ᾱₜ₋₁ belongs.")
def variance_kept_for_added(xt, x0, num_steps, noise_schedule):
    b, a, bar, before = _factors(num_steps, noise_schedule)
    return _mean(xt, x0, b, a, bar, before), before / (1 - bar) * b


@wrong("You take ᾱ / β for ᾱₜ₋₁.")
def divided_by_beta(xt, x0, num_steps, noise_schedule):
    b, a, bar, _ = _factors(num_steps, noise_schedule)
    return _mean(xt, x0, b, a, bar, bar / b), _variance(b, a, bar, bar / b)


@wrong("You make other numbers for ᾱₜ₋₁: 1 at timestep 1, 0.6 at timestep 2")
def divided_by_the_first_alpha(xt, x0, num_steps, noise_schedule):
    b, a, bar, _ = _factors(num_steps, noise_schedule)
    before = bar / noise_schedule.alpha(1)
    return _mean(xt, x0, b, a, bar, before), _variance(b, a, bar, before)


@wrong("You change the factor in front of xₜ. The other is right.")
def a_root_too_many(xt, x0, num_steps, noise_schedule):
    b, a, bar, before = _factors(num_steps, noise_schedule)
    of_xt = (a.sqrt() * (1 - before) / (1 - bar) + 0.1).sqrt()
    return before.sqrt() * b / (1 - bar) * x0 + of_xt * xt, _variance(b, a, bar, before)


@wrong("You add a number beside the multiples of the two images.")
def parentheses_below_missing(xt, x0, num_steps, noise_schedule):
    b, a, bar, before = _factors(num_steps, noise_schedule)
    of_xt = a.sqrt() * (1 - before) / (1 - bar)
    return before.sqrt() * b / 1 - bar * x0 + of_xt * xt, _variance(b, a, bar, before)


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
