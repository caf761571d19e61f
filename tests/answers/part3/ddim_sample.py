from itertools import pairwise

import numpy as np
import torch as t
from einops import einsum

import solutions.part1_diffusion as part1
import utils
from tests.answers import right, wrong


def _given(model, n_samples, n_steps):
    schedule = utils.check_can_sample(model, n_samples)
    return schedule, t.linspace(len(schedule), 0, n_steps + 1).round().int().tolist()


def _bar(schedule, n):
    return schedule.alpha_bar(n) if n > 0 else t.ones(1, device=schedule.device)


def _clean(x, guess, n, schedule):
    return (x - (1 - _bar(schedule, n)).sqrt() * guess) / _bar(schedule, n).sqrt()


def _noise(x, x0, guess, a, b):
    return (x - a.sqrt() * x0) / (1 - a).sqrt()


def _mix(x0, noise, a, b, sigma):
    return b.sqrt() * x0 + (1 - b - sigma**2).clamp(min=0).sqrt() * noise


def _sigma(eta, a, b, schedule, n):
    return eta * ((1 - b) / (1 - a) * (1 - a / b)).sqrt()


def _sample(
    model,
    n_samples,
    n_steps=50,
    eta=1.0,
    start=None,
    return_all_steps=False,
    *,
    first=lambda shape, start, device: t.randn(shape, device=device) if start is None else start,
    walk=pairwise,
    told=lambda x, n, m: t.full((len(x),), n, device=x.device),
    bars=lambda s, n, m: (_bar(s, n), _bar(s, m)),
    clean=_clean,
    clip=lambda x0, m: x0.clamp(-1, 1),
    noise=_noise,
    mix=_mix,
    sigma=_sigma,
    draw=t.randn_like,
    last=lambda x: x,
    keep=lambda steps, x, x0: steps + [x],
    give=lambda steps, x, every: steps if every else x,
):
    """A right sampler, with one place for each mistake."""
    schedule, counts = _given(model, n_samples, n_steps)
    with t.no_grad():
        x = first((n_samples, *model.img_shape), start, schedule.device)
        steps = [x]
        for n, m in walk(counts):
            a, b = bars(schedule, n, m)
            guess = model(x, told(x, n, m))
            x0 = clip(clean(x, guess, n, schedule), m)
            e = noise(x, x0, guess, a, b)
            s = sigma(eta, a, b, schedule, n)
            x = last(mix(x0, e, a, b, s) + s * draw(x))
            steps = keep(steps, x, x0)
    return give(steps, x, return_all_steps)


# ------------------------------------------------------------------------------------------------ right


@right
def line_by_line(*given, **options):
    return _sample(*given, **options)


@right
def without_a_guard_against_rounding(*given, **options):
    mix = lambda x0, e, a, b, s: b.sqrt() * x0 + (1 - b - s**2).sqrt() * e
    return _sample(*given, **options, mix=mix)


@right
def with_the_variance_of_the_posterior(*given, **options):
    """1 - ᾱ_n / ᾱ_m is the β of the long step, and σ² the variance of x after m steps, given x after n and x0."""
    sigma = lambda eta, a, b, s, n: eta * ((b - a) / b * (1 - b) / (1 - a)) ** 0.5
    return _sample(*given, **options, sigma=sigma)


@right
@t.inference_mode()
def with_a_while_loop(model, n_samples, n_steps=50, eta=1.0, start=None, return_all_steps=False):
    schedule, counts = _given(model, n_samples, n_steps)
    x = start
    if x is None:
        x = t.normal(0.0, 1.0, (n_samples, *model.img_shape), device=schedule.device)
    steps, i = (x,), 0
    while counts[i] > 0:
        now = t.tensor([counts[i]] * n_samples, dtype=t.int32, device=schedule.device)
        x0 = part1.reconstruct(x, model(x, now), now, schedule)
        x0 = t.minimum(t.maximum(x0, t.tensor(-1.0)), t.tensor(1.0))
        if counts[i + 1] == 0:
            x = x0
        else:
            a, b = schedule.alpha_bar(counts[i]), schedule.alpha_bar(counts[i + 1])
            s = eta * t.sqrt((1 - b) / (1 - a)) * t.sqrt(1 - a / b)
            x = t.sqrt(b) * x0 + t.sqrt(t.relu(1 - b - s * s)) * (x - t.sqrt(a) * x0) / t.sqrt(1 - a)
            if eta > 0:
                x += s * t.randn_like(x)
        steps += (x,)
        i += 1
    return steps if return_all_steps else x


@right
@t.no_grad()
def with_numpy_factors(model, n_samples, n_steps=50, eta=1.0, start=None, return_all_steps=False):
    schedule, counts = _given(model, n_samples, n_steps)
    bars = np.concatenate([[1.0], np.cumprod(1 - schedule.betas.cpu().numpy().astype(np.float64))])[counts]
    x = t.randn(n_samples, *model.img_shape).to(schedule.device) if start is None else start.clone()
    steps = [x.clone()]
    for n, a, b in zip(counts, bars, bars[1:], strict=False):
        guess = model(x, t.full((n_samples,), n, dtype=t.long, device=x.device))
        x0 = ((x - float(np.sqrt(1 - a)) * guess) / float(np.sqrt(a))).clip(-1, 1)
        sigma = eta * np.sqrt((1 - b) / (1 - a) * (1 - a / b))
        into_x = np.sqrt(max(1 - b - sigma**2, 0) / (1 - a))  # the noise is not written out
        x = float(into_x) * x + float(np.sqrt(b) - into_x * np.sqrt(a)) * x0
        x = x + float(sigma) * t.randn(x.shape, device=x.device)
        steps.append(x)
    return steps if return_all_steps else steps[-1]


@right
@t.no_grad()
def in_float64(model, n_samples, n_steps=50, eta=1.0, start=None, return_all_steps=False):
    schedule, counts = _given(model, n_samples, n_steps)
    ab = t.cat([t.ones(1, device=schedule.device), schedule.alpha_bars]).double()
    x = (t.randn(n_samples, *model.img_shape, device=ab.device) if start is None else start).double()
    steps = [x.float()]
    for n, m in pairwise(counts):
        guess = model(x.float(), t.full((n_samples,), n, device=x.device)).double()
        x0 = t.clip((x - (1 - ab[n]) ** 0.5 * guess) / ab[n] ** 0.5, -1, 1)
        variance = eta**2 * (1 - ab[m]) / (1 - ab[n]) * (1 - ab[n] / ab[m])
        noise = (x - ab[n] ** 0.5 * x0) / (1 - ab[n]) ** 0.5
        x = ab[m] ** 0.5 * x0 + (1 - ab[m] - variance).clamp(min=0) ** 0.5 * noise + variance**0.5 * t.randn_like(x)
        steps.append(x.float())
    return t.stack(steps) if return_all_steps else steps[-1]


@right
@t.no_grad()
def all_factors_beforehand(model, n_samples, n_steps=50, eta=1.0, start=None, return_all_steps=False):
    """x = (x0, noise, z) by their factors, from a table of all steps."""
    schedule, counts = _given(model, n_samples, n_steps)
    bars = t.stack([_bar(schedule, n)[0] for n in counts])
    a, b = bars[:-1], bars[1:]
    variances = eta**2 * (1 - b) / (1 - a) * (b - a) / b
    factors = t.stack([b, (1 - b - variances).clamp(min=0), variances], dim=1).sqrt()
    x = start if start is not None else t.randn((n_samples,) + tuple(model.img_shape), device=bars.device)
    steps = [x]
    for i, n in enumerate(counts[:-1]):
        num_steps = t.full((n_samples,), n, device=x.device)
        x0 = part1.reconstruct(x, model(x, num_steps), num_steps, schedule).clamp(-1, 1)
        noise = (x - a[i].sqrt() * x0) * (1 - a[i]).rsqrt()
        x = einsum(factors[i], t.stack([x0, noise, t.randn_like(x)]), "part, part b c h w -> b c h w")
        steps.append(x)
    return steps if return_all_steps else x


@right
@t.no_grad()
def by_the_velocity(model, n_samples, n_steps=50, eta=1.0, start=None, return_all_steps=False):
    """x0 by way of v, and no noise drawn where none is used."""
    schedule, counts = _given(model, n_samples, n_steps)
    way = [t.randn(n_samples, *model.img_shape, device=schedule.device) if start is None else start.detach().clone()]
    for n, m in pairwise(counts):
        x, a, b = way[-1], _bar(schedule, n), _bar(schedule, m)
        v = (model(x, t.full((n_samples,), n, device=x.device)) - (1 - a).sqrt() * x) / a.sqrt()
        x0 = (a.sqrt() * x - (1 - a).sqrt() * v).clamp(-1, 1)
        # 1 - ᾱ_m - σ² for eta = 1 is ᾱ_n (1 - ᾱ_m)² / (ᾱ_m (1 - ᾱ_n)), which rounding does not lead below 0
        kept = (1 - eta**2) * (1 - b) + eta**2 * a * (1 - b) ** 2 / (b * (1 - a))
        x = b.sqrt() * x0 + kept.sqrt() * (x - a.sqrt() * x0) / (1 - a).sqrt()
        if eta and m:
            x = x + eta * ((1 - b) * (b - a) / (b * (1 - a))).sqrt() * t.randn(*x.shape, device=x.device)
        way.append(x)
    return way if return_all_steps else way[-1]


@right
@t.no_grad()
def in_place(model, n_samples, n_steps=50, eta=1.0, start=None, return_all_steps=False):
    schedule, counts = _given(model, n_samples, n_steps)
    x = t.empty(n_samples, *model.img_shape, device=schedule.device).normal_() if start is None else start.clone()
    steps = [x.clone()]
    for i in range(n_steps):
        n, m = counts[i : i + 2]
        a, b = _bar(schedule, n), _bar(schedule, m)
        num_steps = t.zeros(n_samples, dtype=t.int64, device=x.device) + n
        x0 = part1.reconstruct(x, model(x, num_steps), num_steps, schedule).clamp_(-1, 1)
        sigma = eta * ((1 - b) / (1 - a)).mul_(1 - a / b).sqrt_()
        x.sub_(a.sqrt() * x0).div_((1 - a).sqrt()).mul_((1 - b - sigma.square()).clamp_(min=0).sqrt_())
        x.add_(b.sqrt() * x0).add_(sigma * t.randn_like(x))
        steps.append(x.clone())
    return steps if return_all_steps else x


@right
@t.no_grad()
def one_step_as_a_function(model, n_samples, n_steps=50, eta=1.0, start=None, return_all_steps=False):
    schedule, counts = _given(model, n_samples, n_steps)

    def step(x, n, m):
        steps = t.full((n_samples,), n, device=x.device)
        bar, later = schedule.alpha_bar(steps)[:, None, None, None], 1.0
        if m:
            later = schedule.alpha_bar(t.full_like(steps, m)).reshape(-1, 1, 1, 1)
        x0 = part1.reconstruct(x, model(x, steps), steps, schedule).clamp(-1, 1)
        fresh = ((1 - later) / (1 - bar) * (1 - bar / later)) * eta * eta
        guessed = t.clamp_min(1 - later - fresh, 0.0)
        return later**0.5 * x0 + (guessed / (1 - bar)) ** 0.5 * (x - bar**0.5 * x0) - fresh**0.5 * t.randn_like(x)

    steps = [start if start is not None else t.randn(n_samples, *model.img_shape, device=schedule.device)]
    for n, m in zip(counts[:-1], counts[1:], strict=True):
        steps += [step(steps[-1], n, m)]
    return steps if return_all_steps else steps[-1]


# ------------------------------------------------------------------------------------------------ wrong


def _guess_again(x, x0, guess, a, b):
    return guess


def _unclipped(x0, m):
    return x0


def _clipped(x):
    return x.clamp(-1, 1)


def _alphas(schedule, n, m):
    return schedule.alpha(n), schedule.alpha(m) if m else t.ones(1)


# ------------------------------------------------ wrong: the guessed image, and clipping


@wrong("Does the noise that the model guessed still lead")
def guess_used_again(*given, **options):
    return _sample(*given, **options, noise=_guess_again)


@wrong("Is the guessed image clipped?")
def not_clipped(*given, **options):
    return _sample(*given, **options, clip=_unclipped)


@wrong("Is the guessed image clipped?")
def neither_clipped_nor_taken_anew(*given, **options):
    return _sample(*given, **options, clip=_unclipped, noise=_guess_again)


@wrong("Is it clipped in the last step alone?")
def clipped_in_the_last_step_alone(*given, **options):
    return _sample(*given, **options, clip=lambda x0, m: x0 if m else x0.clamp(-1, 1))


@wrong("Is it clipped in the last step alone?")
def samples_clipped_at_the_end(*given, **options):
    return _sample(
        *given,
        **options,
        clip=_unclipped,
        give=lambda steps, x, every: [*steps[:-1], _clipped(x)] if every else _clipped(x),
    )


@wrong("Is it clipped in the last step, too?")
def clipped_but_in_the_last_step(*given, **options):
    return _sample(*given, **options, clip=lambda x0, m: x0.clamp(-1, 1) if m else x0)


@wrong("Is it clipped to [0, 1]?")
def clipped_to_0_and_1(*given, **options):
    return _sample(*given, **options, clip=lambda x0, m: x0.clamp(0, 1))


@wrong("before clipping: x becomes")
def clipped_to_2(*given, **options):
    return _sample(*given, **options, clip=lambda x0, m: x0.clamp(-2, 2))


@wrong("Is x clipped? Only")
def x_clipped_in_place_of_the_guessed_image(*given, **options):
    return _sample(*given, **options, clip=_unclipped, last=_clipped)


@wrong("Is x clipped? Only")
def x_clipped_and_guess_used_again(*given, **options):
    return _sample(*given, **options, noise=_guess_again, last=_clipped)


@wrong("Is x clipped, too?")
def x_clipped_too(*given, **options):
    return _sample(*given, **options, last=_clipped)


@wrong("Do x and the guess trade places in reconstruct?")
def reconstruct_by_swapped_arguments(*given, **options):
    return _sample(*given, **options, clean=lambda x, guess, n, s: _clean(guess, x, n, s))


@wrong("Is the guess taken for the clean image?")
def guess_taken_for_the_clean_image(*given, **options):
    return _sample(*given, **options, clean=lambda x, guess, n, s: guess)


# ------------------------------------------------ wrong: ᾱ


@wrong("Is ᾱ at 0 steps 1?")
def one_step_of_noise_at_the_end(*given, **options):
    return _sample(*given, **options, bars=lambda s, n, m: (_bar(s, n), s.alpha_bar(max(m, 1))))


@wrong("Index -1 is the last one.")
def row_before_the_first_at_the_end(*given, **options):
    return _sample(*given, **options, bars=lambda s, n, m: (_bar(s, n), s.alpha_bars[m - 1]))


@wrong("Is that one count late?")
def count_taken_for_a_row(*given, **options):
    return _sample(*given, **options, bars=lambda s, n, m: (_bar(s, n), s.alpha_bars[m]))


@wrong("Is m taken for n - 1?")
def one_count_before(*given, **options):
    return _sample(*given, **options, bars=lambda s, n, m: (_bar(s, n), _bar(s, n - 1)))


@wrong("Are ᾱ of n and ᾱ of m swapped?")
def counts_swapped(*given, **options):
    return _sample(*given, **options, bars=lambda s, n, m: (_bar(s, m), _bar(s, n)))


@wrong("It stays as noisy as it was.")
def back_to_the_same_count(*given, **options):
    return _sample(*given, **options, bars=lambda s, n, m: (_bar(s, n), _bar(s, n)))


@wrong("Is that α, of one step alone?")
def alpha_after_reconstruct(*given, **options):
    return _sample(*given, **options, bars=_alphas)


@wrong("Is that α, of one step alone?")
def alpha_everywhere(*given, **options):
    return _sample(
        *given, **options, bars=_alphas, clean=lambda x, guess, n, s: (x - s.beta(n).sqrt() * guess) / s.alpha(n).sqrt()
    )


@wrong("Is that the schedule of the model?")
def schedule_of_its_own(*given, **options):
    return _sample(
        *given, **options, bars=lambda s, n, m: [_bar(part1.NoiseSchedule(len(s), "cpu"), k) for k in (n, m)]
    )


@wrong("ValueError: num_steps counts steps of noise")
def alpha_bar_of_count_0(*given, **options):
    return _sample(*given, **options, bars=lambda s, n, m: (s.alpha_bar(n), s.alpha_bar(m)))


@wrong("IndexError: index 7 is out of bounds")
def counts_taken_for_rows(*given, **options):
    return _sample(*given, **options, bars=lambda s, n, m: (s.alpha_bars[n], s.alpha_bars[m]))


# ------------------------------------------------ wrong: noise, taken off and added


@wrong("Is the noise that of m?")
def noise_by_the_later_count(*given, **options):
    return _sample(*given, **options, noise=lambda x, x0, guess, a, b: _noise(x, x0, guess, b, a))


@wrong("Is the noise divided by a root?")
def root_missing_under_the_noise(*given, **options):
    return _sample(*given, **options, noise=lambda x, x0, guess, a, b: (x - a.sqrt() * x0) / (1 - a))


@wrong("is x0 faded by a root?")
def root_missing_in_the_noise(*given, **options):
    return _sample(*given, **options, noise=lambda x, x0, guess, a, b: (x - a * x0) / (1 - a).sqrt())


@wrong("Has the image ᾱ of n?")
def image_with_the_earlier_alpha_bar(*given, **options):
    return _sample(*given, **options, mix=lambda x0, e, a, b, s: _mix(x0, e, a, b, s) + (a.sqrt() - b.sqrt()) * x0)


@wrong("Has the noise ᾱ of n?")
def noise_with_the_earlier_alpha_bar(*given, **options):
    return _sample(*given, **options, mix=lambda x0, e, a, b, s: b.sqrt() * x0 + (1 - a - s**2).clamp(min=0).sqrt() * e)


@wrong("Is the root missing in front of the image?")
def root_missing_at_the_image(*given, **options):
    return _sample(*given, **options, mix=lambda x0, e, a, b, s: b * x0 + (1 - b - s**2).clamp(min=0).sqrt() * e)


@wrong("Is the root missing in front of the noise?")
def root_missing_at_the_noise(*given, **options):
    return _sample(*given, **options, mix=lambda x0, e, a, b, s: b.sqrt() * x0 + (1 - b - s**2) * e)


@wrong("Are both roots missing?")
def both_roots_missing(*given, **options):
    return _sample(*given, **options, mix=lambda x0, e, a, b, s: b * x0 + (1 - b - s**2) * e)


@wrong("Are the two factors swapped?")
def factors_swapped(*given, **options):
    return _sample(*given, **options, mix=lambda x0, e, a, b, s: _mix(e, x0, a, b, s))


@wrong("Is the noise subtracted?")
def noise_subtracted(*given, **options):
    return _sample(*given, **options, mix=lambda x0, e, a, b, s: _mix(x0, -e, a, b, s))


@wrong("Is the image faded?")
def image_not_faded(*given, **options):
    return _sample(*given, **options, mix=lambda x0, e, a, b, s: x0 + (1 - b - s**2).clamp(min=0).sqrt() * e)


@wrong("Is the guessed noise added again?")
def noise_not_added_again(*given, **options):
    return _sample(*given, **options, mix=lambda x0, e, a, b, s: b.sqrt() * x0)


@wrong("That is the guessed image.")
def guessed_image_walked_on_with(*given, **options):
    return _sample(*given, **options, mix=lambda x0, e, a, b, s: x0)


# ------------------------------------------------ wrong: fresh noise


@wrong("Is eta used?")
def eta_ignored(*given, **options):
    return _sample(*given, **options, sigma=lambda eta, a, b, s, n: _sigma(1, a, b, s, n))


@wrong("Is fresh noise added?")
def no_fresh_noise(*given, **options):
    return _sample(*given, **options, draw=t.zeros_like)


@wrong("Is eta a factor, or only a switch?")
def eta_as_a_switch(*given, **options):
    return _sample(*given, **options, sigma=lambda eta, a, b, s, n: _sigma(eta > 0, a, b, s, n))


@wrong("Does eta multiply a variance?")
def eta_under_the_root(*given, **options):
    return _sample(*given, **options, sigma=lambda eta, a, b, s, n: _sigma(eta**0.5, a, b, s, n))


@wrong("Is the root missing? z wants")
def root_missing_in_sigma(*given, **options):
    return _sample(*given, **options, sigma=lambda eta, a, b, s, n: eta * _sigma(1, a, b, s, n) ** 2)


@wrong("Is z multiplied by σ², a variance?")
def variance_times_noise(*given, **options):
    return _sample(
        *given,
        **options,
        sigma=lambda eta, a, b, s, n: _sigma(eta, a, b, s, n) ** 2,
        mix=lambda x0, e, a, b, s: _mix(x0, e, a, b, s**0.5),
    )


@wrong("Is that Algorithm 2's σ, of one step?")
def sigma_of_algorithm_2(*given, **options):
    return _sample(*given, **options, sigma=lambda eta, a, b, s, n: eta * s.beta(n).sqrt())


@wrong("Is that β, of one step?")
def posterior_of_one_step(*given, **options):
    return _sample(*given, **options, sigma=lambda eta, a, b, s, n: eta * ((1 - b) / (1 - a) * s.beta(n)).sqrt())


@wrong("Is the first fraction missing under the root?")
def fraction_missing(*given, **options):
    return _sample(*given, **options, sigma=lambda eta, a, b, s, n: eta * (1 - a / b).sqrt())


@wrong("Is 1 - ᾱ_n / ᾱ_m missing under the root?")
def second_factor_missing(*given, **options):
    return _sample(*given, **options, sigma=lambda eta, a, b, s, n: eta * ((1 - b) / (1 - a)).sqrt())


@wrong("Is there a root of a negative number")
def fraction_upside_down(*given, **options):
    return _sample(
        *given, **options, sigma=lambda eta, a, b, s, n: eta * ((1 - b) / (1 - a) * (1 - b / a)).sqrt() if eta else 0
    )


@wrong("Is z multiplied by eta alone?")
def eta_times_noise(*given, **options):
    return _sample(
        *given,
        **options,
        sigma=lambda eta, a, b, s, n: t.full_like(b, eta),
        mix=lambda x0, e, a, b, s: _mix(x0, e, a, b, 0),
    )


@wrong("Is z drawn between 0 and 1?")
def uniform_fresh_noise(*given, **options):
    return _sample(*given, **options, draw=t.rand_like)


@wrong("From which distribution is z drawn?")
def uniform_fresh_noise_of_variance_1(*given, **options):
    return _sample(*given, **options, draw=lambda x: (t.rand_like(x) - 0.5) * 12**0.5)


@wrong("fresh noise of std 0.1")
def half_of_the_fresh_noise(*given, **options):
    return _sample(*given, **options, draw=lambda x: t.randn_like(x) / 2)


@wrong("Is noise added in the last step?")
def noise_in_the_last_step(*given, **options):
    return _sample(
        *given, **options, sigma=lambda eta, a, b, s, n: _sigma(eta, a, b if b < 1 else s.alpha_bar(1), s, n)
    )


@wrong("Is the guessed one made smaller for it?")
def sigma_forgotten_under_the_middle_root(*given, **options):
    return _sample(*given, **options, mix=lambda x0, e, a, b, s: _mix(x0, e, a, b, 0))


@wrong("Is σ squared under the middle root?")
def sigma_not_squared(*given, **options):
    return _sample(*given, **options, mix=lambda x0, e, a, b, s: b.sqrt() * x0 + (1 - b - s).clamp(min=0).sqrt() * e)


@wrong("Is σ² added under the middle root?")
def sigma_added_under_the_middle_root(*given, **options):
    return _sample(*given, **options, mix=lambda x0, e, a, b, s: b.sqrt() * x0 + (1 - b + s**2).sqrt() * e)


@wrong("Is σ taken off after the root")
def sigma_subtracted_after_the_root(*given, **options):
    return _sample(*given, **options, mix=lambda x0, e, a, b, s: b.sqrt() * x0 + ((1 - b).sqrt() - s) * e)


@wrong("every sample gets the same noise")
def one_fresh_noise_for_all_samples(*given, **options):
    return _sample(*given, **options, draw=lambda x: t.randn_like(x[0]))


@wrong("every channel gets the same noise")
def one_fresh_noise_for_all_channels(*given, **options):
    return _sample(*given, **options, draw=lambda x: t.randn_like(x[:, :1]))


@wrong("every channel and row and column gets the same noise")
def one_fresh_number_for_each_sample(*given, **options):
    return _sample(*given, **options, draw=lambda x: t.randn(len(x), 1, 1, 1, device=x.device))


# ------------------------------------------------ wrong: counts


@wrong("Is the model told m?")
def later_count_told(*given, **options):
    return _sample(*given, **options, told=lambda x, n, m: t.full((len(x),), m))


@wrong("Is the model told m?")
def later_count_told_but_never_0(*given, **options):
    return _sample(*given, **options, told=lambda x, n, m: t.full((len(x),), max(m, 1)))


@wrong("Counts begin at 1, rows at 0.")
def rows_told(*given, **options):
    return _sample(*given, **options, told=lambda x, n, m: t.full((len(x),), n - 1))


@wrong("gets an int as num_steps")
def count_as_a_number(*given, **options):
    return _sample(*given, **options, told=lambda x, n, m: n)


@wrong("a tensor of shape (6, 1) as num_steps")
def counts_as_a_column(*given, **options):
    return _sample(*given, **options, told=lambda x, n, m: t.full((len(x), 1), n))


@wrong("counts of type torch.float32")
def share_of_the_way_told(*given, **options):
    return _sample(*given, **options, told=lambda x, n, m: t.full((len(x),), n / 7))


@wrong("Is it the way back")
def ascending_pairs(*given, **options):
    return _sample(*given, **options, walk=lambda counts: reversed([*pairwise(counts)]))


@wrong("Is it the way back")
def ascending_counts(*given, **options):
    return _sample(
        *given,
        **options,
        walk=lambda counts: pairwise(counts[::-1]),
        clean=lambda x, guess, n, s: part1.reconstruct(x, guess, t.full((len(x),), n), s),
    )


@wrong("Is the first step left out?")
def first_step_left_out(*given, **options):
    return _sample(*given, **options, walk=lambda counts: pairwise(counts[1:]))


@wrong("Is the last step left out?")
def last_step_left_out(*given, **options):
    return _sample(*given, **options, walk=lambda counts: pairwise(counts[:-1]))


@wrong("Is every count visited?")
def all_counts_visited(*given, **options):
    return _sample(*given, **options, walk=lambda counts: pairwise(range(counts[0], -1, -1)))


@wrong("the model gets the counts [7, 5, 3, 1], expected [7, 5, 2]")
def counts_by_whole_strides(*given, **options):
    return _sample(
        *given, **options, walk=lambda counts: pairwise([*range(counts[0], 0, -(counts[0] // (len(counts) - 1))), 0])
    )


# ------------------------------------------------ wrong: start, and what is returned


@wrong("Is start used?")
def start_ignored(*given, **options):
    return _sample(*given, **options, first=lambda shape, start, device: t.randn(shape, device=device))


@wrong("Is there a draw for each sample?")
def one_start_for_all_samples(*given, **options):
    return _sample(
        *given,
        **options,
        first=lambda shape, start, device: t.randn(shape[1:], device=device).expand(shape) if start is None else start,
    )


@wrong("From which distribution are they drawn?")
def uniform_start(*given, **options):
    return _sample(
        *given, **options, first=lambda shape, start, device: t.rand(shape, device=device) if start is None else start
    )


@wrong("Are both the start and the result in it?")
def start_not_kept(*given, **options):
    return _sample(*given, **options, give=lambda steps, x, every: steps[1:] if every else x)


@wrong("Are both the start and the result in it?")
def result_not_kept(*given, **options):
    return _sample(*given, **options, give=lambda steps, x, every: steps[:-1] if every else x)


@wrong("gives 7 entries for 3 steps")
def both_images_kept(*given, **options):
    return _sample(*given, **options, keep=lambda steps, x, x0: steps + [x0, x])


@wrong("Is it one tensor, changed in place")
def one_tensor_many_times(*given, **options):
    return _sample(*given, **options, give=lambda steps, x, every: [x] * len(steps) if every else x)


@wrong("Is it noisy first, clean last?")
def clean_first(*given, **options):
    return _sample(*given, **options, give=lambda steps, x, every: steps[::-1] if every else x)


@wrong("Is x kept, or the guessed image?")
def guessed_images_kept(*given, **options):
    return _sample(*given, **options, keep=lambda steps, x, x0: steps + [x0])


@wrong("entry 1 of all steps is not x after 5 steps of noise")
def clipped_images_kept(*given, **options):
    return _sample(*given, **options, keep=lambda steps, x, x0: steps + [_clipped(x)])


@wrong("returns the last images alone")
def steps_forgotten(*given, **options):
    return _sample(*given, **options, give=lambda steps, x, every: x)


@wrong("returns a list, expected one tensor")
def always_all_steps(*given, **options):
    return _sample(*given, **options, give=lambda steps, x, every: steps)


@wrong("returns None, expected a list")
def no_list_returned(*given, **options):
    return _sample(*given, **options, give=lambda steps, x, every: None if every else x)


@wrong("Its numbers are float64.")
def left_in_float64(*given, **options):
    return _sample(*given, **options, give=lambda steps, x, every: steps if every else x.double())


# ------------------------------------------------ wrong: another device


@wrong("gets counts on the cpu")
def counts_on_the_cpu(*given, **options):
    return _sample(*given, **options, told=lambda x, n, m: t.full((len(x),), n))


@wrong("gets images on the cpu")
def start_on_the_cpu(*given, **options):
    return _sample(*given, **options, first=lambda shape, start, device: t.randn(shape) if start is None else start)


@wrong("tensors of two devices meet")
def fresh_noise_on_the_cpu(*given, **options):
    return _sample(*given, **options, draw=lambda x: t.randn(x.shape))


@wrong("tensors of two devices meet")
def through_numpy_on_any_device(*given, **options):
    return _sample(*given, **options, clip=lambda x0, m: t.from_numpy(x0.numpy().clip(-1, 1)))


# ------------------------------------------------ wrong: the rest


@wrong("returns None.")
def no_return(*given, **options):
    _sample(*given, **options)


@wrong("Is @t.no_grad() still above def?")
def with_a_graph(model, n_samples, n_steps=50, eta=1.0, start=None, return_all_steps=False):
    schedule, counts = _given(model, n_samples, n_steps)
    x = t.randn(n_samples, *model.img_shape, device=schedule.device) if start is None else start
    for n, m in pairwise(counts):
        a, b = _bar(schedule, n), _bar(schedule, m)
        guess = model(x, t.full((n_samples,), n, device=x.device))
        x0 = _clean(x, guess, n, schedule).clamp(-1, 1)
        s = _sigma(eta, a, b, schedule, n)
        x = _mix(x0, _noise(x, x0, guess, a, b), a, b, s) + s * t.randn_like(x)
    return x


@wrong("Does a line write into x in place?")
def start_changed(*given, **options):
    return _sample(*given, **options, last=lambda x: options["start"].copy_(x))


@wrong("Is z drawn anew in each step?")
def one_fresh_noise_for_all_steps(model, n_samples, *given, **options):
    z = t.randn(n_samples, *model.img_shape)
    return _sample(model, n_samples, *given, **options, draw=lambda x: z)


@wrong("Is z drawn anew in each step?")
def seeded_in_the_loop(*given, **options):
    def draw(x):
        t.manual_seed(0)
        return t.randn_like(x)

    return _sample(*given, **options, draw=draw)


@wrong("the model gets images of type torch.float64")
def float64_told(*given, **options):
    mix = lambda x0, e, a, b, s: _mix(x0.double(), e, a, b, s)
    give = lambda steps, x, every: [each.float() for each in steps] if every else x.float()
    return _sample(*given, **options, mix=mix, give=give)
