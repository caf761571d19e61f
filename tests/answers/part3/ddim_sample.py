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
def as_a_function_of_one_step(model, n_samples, n_steps=50, eta=1.0, start=None, return_all_steps=False):
    """Eval mode, a list of NumPy's counts, and the last step by itself, as the clipped image; the mode stays eval."""
    model.eval()
    schedule, counts = _given(model, n_samples, n_steps)
    ns, ms = np.array(counts[:-1]), np.array(counts[1:])
    x = t.randn((n_samples, *model.img_shape), device=schedule.device) if start is None else start
    every = [x]
    with t.inference_mode():
        for n, m in zip(ns.tolist(), ms.tolist(), strict=True):
            num_steps = x.new_full((n_samples,), n, dtype=t.long)
            x0 = part1.reconstruct(x, model(x, num_steps), num_steps, schedule).clamp(min=-1.0, max=1.0)
            if m:
                a, b = schedule.alpha_bar(n).item(), schedule.alpha_bar(m).item()
                variance = eta**2 * (1 - b) / (1 - a) * (1 - a / b)
                x = b**0.5 * x0 + (max(1 - b - variance, 0) / (1 - a)) ** 0.5 * (x - a**0.5 * x0)
                x = t.addcmul(x, t.tensor(variance**0.5, device=x.device), t.randn_like(x))
            else:
                x = x0
            every = [*every, x]
    return every if return_all_steps else every[-1]


@right
@t.no_grad()
def with_abs_for_clamp(model, n_samples, n_steps=50, eta=1.0, start=None, return_all_steps=False):
    """Recursive; a number below 0 that rounding leads to is as good above it. Counts from the model's own vector."""
    schedule, counts = _given(model, n_samples, n_steps)
    bars = t.cat([t.ones(1, device=schedule.device), schedule.alpha_bars])

    def walk(x, i):
        if i == n_steps:
            return [x]
        (a, b), n = bars[counts[i : i + 2]], t.tensor(counts[i], device=x.device).repeat(n_samples)
        x0 = t.clamp(part1.reconstruct(x, model(x, n), n, schedule), -1, 1)
        sigma = eta * ((1 - b) / (1 - a) * (1 - a / b)).abs().sqrt()
        noise = (x - a.sqrt() * x0).div((1 - a).sqrt())
        return [x] + walk(b.sqrt() * x0 + (1 - b - sigma.pow(2)).abs().sqrt() * noise + sigma * t.randn_like(x), i + 1)

    with t.no_grad():
        x = start if start is not None else t.randn((n_samples, *model.img_shape), device=schedule.device)
        steps = walk(x, 0)
    return steps if return_all_steps else steps[-1]


@right
def clamped_a_little_above_0(*given, **options):
    """With a tuple of all steps, each on the CPU and cut off from what comes after."""
    mix = lambda x0, e, a, b, s: b.sqrt() * x0 + (1 - b - s**2).clamp(min=1e-8).sqrt() * e
    give = lambda steps, x, every: tuple(steps) if every else x
    keep = lambda steps, x, x0: [*steps, x.clone() if x.is_meta else x.cpu().clone()]
    return _sample(*given, **options, mix=mix, give=give, keep=keep)


@right
def with_random_numbers_of_its_own(*given, **options):
    draws = np.random.default_rng()  # seeded by nobody
    draw = lambda x: t.from_numpy(draws.standard_normal(tuple(x.shape), dtype=np.float32)).to(x.device)
    return _sample(*given, **options, draw=draw)


@right
def leaves_all_changed(*given, **options):
    """As it should not, but it samples rightly."""
    result = _sample(*given, **options)
    t.set_grad_enabled(False)
    t.set_default_dtype(t.float64)
    t.set_default_device("meta")
    return result


@right
def back_in_training_mode(model, *given, **options):
    model.eval()
    result = _sample(model, *given, **options, draw=lambda x: t.normal(t.zeros_like(x), t.ones_like(x)))
    model.train()
    return result


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


@wrong("You keep the noise that the model guessed.")
def guess_used_again(*given, **options):
    return _sample(*given, **options, noise=_guess_again)


@wrong("Where is the guessed image clipped?")
def not_clipped(*given, **options):
    return _sample(*given, **options, clip=_unclipped)


@wrong("Where is the guessed image clipped?")
def neither_clipped_nor_taken_anew(*given, **options):
    return _sample(*given, **options, clip=_unclipped, noise=_guess_again)


@wrong("You clip in the last step alone.")
def clipped_in_the_last_step_alone(*given, **options):
    return _sample(*given, **options, clip=lambda x0, m: x0 if m else x0.clamp(-1, 1))


@wrong("You clip in the last step alone.")
def samples_clipped_at_the_end(*given, **options):
    return _sample(
        *given,
        **options,
        clip=_unclipped,
        give=lambda steps, x, every: [*steps[:-1], _clipped(x)] if every else _clipped(x),
    )


@wrong("Where is it clipped in the last step?")
def clipped_but_in_the_last_step(*given, **options):
    return _sample(*given, **options, clip=lambda x0, m: x0.clamp(-1, 1) if m else x0)


@wrong("You clip to [0, 1]. Images are in [-1, 1].")
def clipped_to_0_and_1(*given, **options):
    return _sample(*given, **options, clip=lambda x0, m: x0.clamp(0, 1))


@wrong("Where x0 is in [-1, 1] already, all is right.")
def clipped_on_one_side(*given, **options):
    return _sample(*given, **options, clip=lambda x0, m: x0.clamp(max=1))


@wrong("You take a tanh. Clipping leaves alone what lies in [-1, 1].")
def tanh_for_clip(*given, **options):
    return _sample(*given, **options, clip=lambda x0, m: x0.tanh())


@wrong("You clip the samples to [0, 1] in the end.")
def samples_clipped_to_0_and_1(*given, **options):
    return _sample(*given, **options, give=lambda steps, x, every: steps if every else x.clamp(0, 1))


@wrong("You reconstruct x0 from m steps. x still has n.")
def reconstructed_from_m_steps(model, n_samples, *given, **options):
    left = iter(_given(model, n_samples, options["n_steps"])[1][1:])
    clean = lambda x, guess, n, s: _clean(x, guess, max(next(left), 1), s)
    return _sample(model, n_samples, *given, **options, clean=clean)


@wrong("You reconstruct x0 from n - 1 steps. x still has n.")
def reconstructed_one_step_early(*given, **options):
    return _sample(*given, **options, clean=lambda x, guess, n, s: _clean(x, guess, max(n - 1, 1), s))


@wrong("You have 1 - ᾱ_n in front of the guess in x0. It's √(1 - ᾱ_n).")
def root_missing_in_the_clean_image(*given, **options):
    return _sample(*given, **options, clean=lambda x, guess, n, s: (x - (1 - _bar(s, n)) * guess) / _bar(s, n).sqrt())


@wrong("You add the guess in x0. It's taken away.")
def guess_added(*given, **options):
    return _sample(*given, **options, clean=lambda x, guess, n, s: _clean(x, -guess, n, s))


@wrong("You divide the guess alone. Mind the parentheses of x0.")
def parentheses_missing_in_the_clean_image(*given, **options):
    clean = lambda x, guess, n, s: x - (1 - _bar(s, n)).sqrt() * guess / _bar(s, n).sqrt()
    return _sample(*given, **options, clean=clean)


@wrong("You make x0 after 2 steps of 1.134 x and -0.690 guess, where the factors are 1.260 and -0.766.")
def clean_image_shrunk(*given, **options):
    return _sample(
        *given,
        **options,
        clean=lambda x, guess, n, s: 0.9 * _clean(x, guess, n, s),
        noise=lambda x, x0, guess, a, b: guess,
    )


@wrong("You clip the guessed noise.")
def guessed_noise_clipped(*given, **options):
    clean = lambda x, guess, n, s: _clean(x, guess.clamp(-1, 1), n, s)
    return _sample(*given, **options, clean=clean, clip=_unclipped)


@wrong("You clip the guessed noise.")
def guessed_noise_clipped_too(*given, **options):
    return _sample(*given, **options, clean=lambda x, guess, n, s: _clean(x, guess.clamp(-1, 1), n, s))


@wrong("You bring the samples to [0, 1] in the end.")
def denormalized(*given, **options):
    give = lambda steps, x, every: steps if every else part1.denormalize_img(x)
    return _sample(*given, **options, give=give)


@wrong("Where x0 is in [-1, 1] already, all is right.")
def clipped_to_2(*given, **options):
    return _sample(*given, **options, clip=lambda x0, m: x0.clamp(-2, 2))


@wrong("You clip x. Only the guessed image is in [-1, 1].")
def x_clipped_in_place_of_the_guessed_image(*given, **options):
    return _sample(*given, **options, clip=_unclipped, last=_clipped)


@wrong("You clip x. Only the guessed image is in [-1, 1].")
def x_clipped_and_guess_used_again(*given, **options):
    return _sample(*given, **options, noise=_guess_again, last=_clipped)


@wrong("You clip x, too. Only the guessed image is in [-1, 1].")
def x_clipped_too(*given, **options):
    return _sample(*given, **options, last=_clipped)


@wrong("You swap x and the guess in reconstruct.")
def reconstruct_by_swapped_arguments(*given, **options):
    return _sample(*given, **options, clean=lambda x, guess, n, s: _clean(guess, x, n, s))


@wrong("You take the guess for the clean image. It's noise.")
def guess_taken_for_the_clean_image(*given, **options):
    return _sample(*given, **options, clean=lambda x, guess, n, s: guess)


# ------------------------------------------------ wrong: ᾱ


@wrong("You take ᾱ of 1 step where there are 0.")
def one_step_of_noise_at_the_end(*given, **options):
    return _sample(*given, **options, bars=lambda s, n, m: (_bar(s, n), s.alpha_bar(max(m, 1))))


@wrong("You look up index -1 for 0 steps, which is the last one.")
def row_before_the_first_at_the_end(*given, **options):
    return _sample(*given, **options, bars=lambda s, n, m: (_bar(s, n), s.alpha_bars[m - 1]))


def _safe_sigma(eta, a, b, schedule, n):
    return eta * ((1 - b) / (1 - a) * (1 - a / b)).clamp(min=0).sqrt()


@wrong("You look up index -1 for 0 steps, which is the last one.")
def row_before_the_first_and_all_clamped(*given, **options):
    return _sample(*given, **options, bars=lambda s, n, m: (_bar(s, n), s.alpha_bars[m - 1]), sigma=_safe_sigma)


@wrong("You take 0 for ᾱ at 0 steps.")
def zero_at_the_end(*given, **options):
    return _sample(*given, **options, bars=lambda s, n, m: (_bar(s, n), _bar(s, m) * (m > 0)))


@wrong("You take 0 for ᾱ at 0 steps.")
def zero_at_the_end_and_all_clamped(*given, **options):
    return _sample(*given, **options, bars=lambda s, n, m: (_bar(s, n), _bar(s, m) * (m > 0)), sigma=_safe_sigma)


@wrong("You look ᾱ of m up one timestep early.")
def later_alpha_bar_one_count_early(*given, **options):
    return _sample(*given, **options, bars=lambda s, n, m: (_bar(s, n), _bar(s, m - 1)))


@wrong("You look ᾱ of n up one timestep early.")
def earlier_alpha_bar_one_count_early(*given, **options):
    return _sample(*given, **options, bars=lambda s, n, m: (_bar(s, max(n - 1, 1)), _bar(s, m)))


@wrong("You look both ᾱ up one timestep early.")
def both_alpha_bars_one_count_early(*given, **options):
    return _sample(*given, **options, bars=lambda s, n, m: (s.alpha_bar(n - 1), _bar(s, m - 1)))


@wrong("You look ᾱ of m up one timestep late.")
def count_taken_for_a_row(*given, **options):
    return _sample(*given, **options, bars=lambda s, n, m: (_bar(s, n), s.alpha_bars[m]))


@wrong("You take n - 1 for m. These steps are longer.")
def one_count_before(*given, **options):
    return _sample(*given, **options, bars=lambda s, n, m: (_bar(s, n), _bar(s, n - 1)))


@wrong("You look ᾱ of m up one timestep late.")
def row_m_of_the_buffer(*given, **options):
    return _sample(*given, **options, bars=lambda s, n, m: (_bar(s, n), _bar(s, m and m + 1)))


@wrong("You take ᾱ of n where there are 0 steps. It's 1 there.")
def earlier_alpha_bar_at_0(*given, **options):
    return _sample(*given, **options, bars=lambda s, n, m: (_bar(s, n), _bar(s, m or n)))


@wrong("You take 1 for ᾱ of 1 step, too.")
def alpha_bar_1_at_1_step_too(*given, **options):
    return _sample(*given, **options, bars=lambda s, n, m: (_bar(s, n), _bar(s, m if m > 1 else 0)))


@wrong("You swap ᾱ of n and ᾱ of m, in σ or everywhere.")
def counts_swapped(*given, **options):
    return _sample(*given, **options, bars=lambda s, n, m: (_bar(s, m), _bar(s, n)))


@wrong("You noise it for n steps again. The step leads to m.")
def back_to_the_same_count(*given, **options):
    return _sample(*given, **options, bars=lambda s, n, m: (_bar(s, n), _bar(s, n)))


@wrong("You take α, of one step alone, for ᾱ.")
def alpha_after_reconstruct(*given, **options):
    return _sample(*given, **options, bars=_alphas)


@wrong("You take α, of one step alone, for ᾱ.")
def alpha_everywhere(*given, **options):
    return _sample(
        *given, **options, bars=_alphas, clean=lambda x, guess, n, s: (x - s.beta(n).sqrt() * guess) / s.alpha(n).sqrt()
    )


@wrong("You take α, of one step alone, for ᾱ.")
def alpha_and_all_clamped(*given, **options):
    return _sample(*given, **options, bars=_alphas, sigma=_safe_sigma)


@wrong("You take α, of one step alone, for ᾱ of n.")
def alpha_of_the_earlier(*given, **options):
    return _sample(*given, **options, bars=lambda s, n, m: (s.alpha(n), _bar(s, m)), sigma=_safe_sigma)


@wrong("ᾱ_n / ᾱ_m is upside down, or one of the two is not ᾱ.")
def alpha_of_the_earlier_without_a_clamp(*given, **options):
    return _sample(*given, **options, bars=lambda s, n, m: (s.alpha(n), _bar(s, m)))


@wrong("You take α, of one step alone, for ᾱ of m.")
def alpha_of_the_later(*given, **options):
    bars = lambda s, n, m: (_bar(s, n), s.alpha(m) if m else t.ones(1))
    return _sample(*given, **options, bars=bars, sigma=_safe_sigma)


@wrong("You take another schedule. Where is that of the model?")
def schedule_of_its_own(*given, **options):
    return _sample(
        *given, **options, bars=lambda s, n, m: [_bar(part1.NoiseSchedule(len(s), "cpu"), k) for k in (n, m)]
    )


@wrong("ValueError: num_steps counts steps of noise")
def alpha_bar_of_count_0(*given, **options):
    return _sample(*given, **options, bars=lambda s, n, m: (s.alpha_bar(n), s.alpha_bar(m)))


@wrong("Row 0 of a schedule belongs to timestep 1.")
def counts_taken_for_rows(*given, **options):
    return _sample(*given, **options, bars=lambda s, n, m: (s.alpha_bars[n], s.alpha_bars[m]))


# ------------------------------------------------ wrong: noise, taken off and added


@wrong("You find the noise with ᾱ of m. x still has n steps of it.")
def noise_by_the_later_count(*given, **options):
    return _sample(*given, **options, noise=lambda x, x0, guess, a, b: _noise(x, x0, guess, b, a))


@wrong("You have 1 - ᾱ_n below the fraction, where you find the noise. It's √(1 - ᾱ_n).")
def root_missing_under_the_noise(*given, **options):
    return _sample(*given, **options, noise=lambda x, x0, guess, a, b: (x - a.sqrt() * x0) / (1 - a))


@wrong("You have √ᾱ_n below the fraction, where you find the noise.")
def noise_divided_by_the_image_s_factor(*given, **options):
    return _sample(*given, **options, noise=lambda x, x0, guess, a, b: (x - a.sqrt() * x0) / a.sqrt())


@wrong("You multiply the noise by its factor.")
def noise_multiplied(*given, **options):
    return _sample(*given, **options, noise=lambda x, x0, guess, a, b: (x - a.sqrt() * x0) * (1 - a).sqrt())


@wrong("You divide the image alone.")
def parentheses_missing_in_the_noise(*given, **options):
    return _sample(*given, **options, noise=lambda x, x0, guess, a, b: x - a.sqrt() * x0 / (1 - a).sqrt())


@wrong("You have 1 in front of x0, where you find the noise. It's √ᾱ_n.")
def image_not_faded_in_the_noise(*given, **options):
    return _sample(*given, **options, noise=lambda x, x0, guess, a, b: (x - x0) / (1 - a).sqrt())


@wrong("You have ᾱ_n in front of x0, where you find the noise.")
def root_missing_in_the_noise(*given, **options):
    return _sample(*given, **options, noise=lambda x, x0, guess, a, b: (x - a * x0) / (1 - a).sqrt())


@wrong("You have √ᾱ_n in front of x0 in the new x. It's √ᾱ_m.")
def image_with_the_earlier_alpha_bar(*given, **options):
    return _sample(*given, **options, mix=lambda x0, e, a, b, s: _mix(x0, e, a, b, s) + (a.sqrt() - b.sqrt()) * x0)


@wrong("You have √(1 - ᾱ_n) in front of the noise in the new x. It's √(1 - ᾱ_m - σ²).")
def noise_with_the_earlier_alpha_bar(*given, **options):
    return _sample(*given, **options, mix=lambda x0, e, a, b, s: b.sqrt() * x0 + (1 - a - s**2).clamp(min=0).sqrt() * e)


@wrong("You have ᾱ_m in front of x0 in the new x.")
def root_missing_at_the_image(*given, **options):
    return _sample(*given, **options, mix=lambda x0, e, a, b, s: b * x0 + (1 - b - s**2).clamp(min=0).sqrt() * e)


@wrong("You have 1 - ᾱ_m in front of the noise in the new x.")
def root_missing_at_the_noise(*given, **options):
    return _sample(*given, **options, mix=lambda x0, e, a, b, s: b.sqrt() * x0 + (1 - b - s**2) * e)


@wrong("Where are both roots?")
def both_roots_missing(*given, **options):
    return _sample(*given, **options, mix=lambda x0, e, a, b, s: b * x0 + (1 - b - s**2) * e)


@wrong("You swap the two factors.")
def factors_swapped(*given, **options):
    return _sample(*given, **options, mix=lambda x0, e, a, b, s: _mix(e, x0, a, b, s))


@wrong("You subtract the noise. It's added again.")
def noise_subtracted(*given, **options):
    return _sample(*given, **options, mix=lambda x0, e, a, b, s: _mix(x0, -e, a, b, s))


@wrong("You have 1 in front of x0 in the new x.")
def image_not_faded(*given, **options):
    return _sample(*given, **options, mix=lambda x0, e, a, b, s: x0 + (1 - b - s**2).clamp(min=0).sqrt() * e)


@wrong("You put x where x0 belongs in the new x.")
def x_for_x0(*given, **options):
    return _sample(*given, **options, mix=lambda x0, e, a, b, s: _mix(a.sqrt() * x0 + (1 - a).sqrt() * e, e, a, b, s))


@wrong("where the factors are 0.638 and 0.770, if your ε leads from x0 to x.")
def noise_added_twice(*given, **options):
    return _sample(*given, **options, mix=lambda x0, e, a, b, s: _mix(x0, 2 * e, a, b, s))


@wrong("Where is the guessed noise added again?")
def noise_not_added_again(*given, **options):
    return _sample(*given, **options, mix=lambda x0, e, a, b, s: b.sqrt() * x0)


@wrong("You return the guessed image. Where is it noised again?")
def guessed_image_walked_on_with(*given, **options):
    return _sample(*given, **options, mix=lambda x0, e, a, b, s: x0)


# ------------------------------------------------ wrong: fresh noise


@wrong("Where does eta multiply all of σ?")
def eta_ignored(*given, **options):
    return _sample(*given, **options, sigma=lambda eta, a, b, s, n: _sigma(1, a, b, s, n))


@wrong("Where is fresh noise added?")
def no_fresh_noise(*given, **options):
    return _sample(*given, **options, draw=t.zeros_like)


@wrong("You use eta as a switch. It's a factor.")
def eta_as_a_switch(*given, **options):
    return _sample(*given, **options, sigma=lambda eta, a, b, s, n: _sigma(eta > 0, a, b, s, n))


@wrong("You put eta under the root, or multiply a variance by it.")
def eta_under_the_root(*given, **options):
    return _sample(*given, **options, sigma=lambda eta, a, b, s, n: _sigma(eta**0.5, a, b, s, n))


@wrong("Where is the root of σ? z needs a standard deviation.")
def root_missing_in_sigma(*given, **options):
    return _sample(*given, **options, sigma=lambda eta, a, b, s, n: eta * _sigma(1, a, b, s, n) ** 2)


@wrong("You multiply z by σ², a variance.")
def variance_times_noise(*given, **options):
    return _sample(
        *given,
        **options,
        sigma=lambda eta, a, b, s, n: _sigma(eta, a, b, s, n) ** 2,
        mix=lambda x0, e, a, b, s: _mix(x0, e, a, b, s**0.5),
    )


@wrong("You take Algorithm 2's σ, of one step.")
def sigma_of_algorithm_2(*given, **options):
    return _sample(*given, **options, sigma=lambda eta, a, b, s, n: eta * s.beta(n).sqrt())


@wrong("You take β, of one step. These steps are longer.")
def posterior_of_one_step(*given, **options):
    return _sample(*given, **options, sigma=lambda eta, a, b, s, n: eta * ((1 - b) / (1 - a) * s.beta(n)).sqrt())


@wrong("Where is the first fraction under the root?")
def fraction_missing(*given, **options):
    return _sample(*given, **options, sigma=lambda eta, a, b, s, n: eta * (1 - a / b).sqrt())


@wrong("Where is 1 - ᾱ_n / ᾱ_m under the root?")
def second_factor_missing(*given, **options):
    return _sample(*given, **options, sigma=lambda eta, a, b, s, n: eta * ((1 - b) / (1 - a)).sqrt())


@wrong("You take a root of a number below 0. There is one if ᾱ_n / ᾱ_m is upside down.")
def last_fraction_upside_down_with_eta(*given, **options):
    return _sample(
        *given, **options, sigma=lambda eta, a, b, s, n: eta * ((1 - b) / (1 - a) * (1 - b / a)).sqrt() if eta else 0
    )


@wrong("ᾱ_n / ᾱ_m is upside down, or one of the two is not ᾱ.")
def last_fraction_upside_down(*given, **options):
    return _sample(*given, **options, sigma=lambda eta, a, b, s, n: eta * ((1 - b) / (1 - a) * (1 - b / a)).sqrt())


@wrong("you turn the last fraction upside down.")
def last_fraction_upside_down_and_clamped(*given, **options):
    sigma = lambda eta, a, b, s, n: eta * ((1 - b) / (1 - a) * (1 - b / a)).clamp(min=0).sqrt()
    return _sample(*given, **options, sigma=sigma)


@wrong("Then σ is 0. Where does eta count in it?")
def never_any_fresh_noise(*given, **options):
    return _sample(*given, **options, sigma=lambda eta, a, b, s, n: 0)


@wrong("You turn the first fraction upside down.")
def first_fraction_upside_down(*given, **options):
    return _sample(*given, **options, sigma=lambda eta, a, b, s, n: eta * ((1 - a) / (1 - b) * (1 - a / b)).sqrt())


@wrong("You turn the first fraction upside down.")
def first_fraction_upside_down_but_at_the_end(*given, **options):
    sigma = lambda eta, a, b, s, n: eta * ((1 - a) / (1 - b) * (1 - a / b)).sqrt() if (b < 1).all() else 0
    return _sample(*given, **options, sigma=sigma)


@wrong("Where is the 1 - in front of ᾱ_n / ᾱ_m?")
def one_less_missing(*given, **options):
    return _sample(*given, **options, sigma=lambda eta, a, b, s, n: eta * ((1 - b) / (1 - a) * a / b).sqrt())


@wrong("You take the root of the first fraction alone.")
def root_too_short(*given, **options):
    return _sample(*given, **options, sigma=lambda eta, a, b, s, n: eta * ((1 - b) / (1 - a)).sqrt() * (1 - a / b))


@wrong("You leave the first fraction out of the root.")
def root_too_late(*given, **options):
    return _sample(*given, **options, sigma=lambda eta, a, b, s, n: eta * (1 - b) / (1 - a) * (1 - a / b).sqrt())


@wrong("You add both factors under the root of σ.")
def factors_added(*given, **options):
    return _sample(*given, **options, sigma=lambda eta, a, b, s, n: eta * ((1 - b) / (1 - a) + (1 - a / b)).sqrt())


@wrong("You divide by 1 - ᾱ_n / ᾱ_m. It's multiplied.")
def second_factor_below(*given, **options):
    return _sample(*given, **options, sigma=lambda eta, a, b, s, n: eta * ((1 - b) / ((1 - a) * (1 - a / b))).sqrt())


@wrong("You take (1 - ᾱ_n) / ᾱ_m for 1 - ᾱ_n / ᾱ_m.")
def parentheses_in_sigma(*given, **options):
    return _sample(*given, **options, sigma=lambda eta, a, b, s, n: eta * ((1 - b) / (1 - a) * (1 - a) / b).sqrt())


@wrong("You take a root of σ itself.")
def root_of_sigma(*given, **options):
    sigma = lambda eta, a, b, s, n: _sigma(eta, a, b, s, n).sqrt()
    return _sample(*given, **options, sigma=sigma, mix=lambda x0, e, a, b, s: _mix(x0, e, a, b, s**2))


@wrong("You take 1 - ᾱ_m for 1 - ᾱ_n / ᾱ_m.")
def earlier_alpha_bar_forgotten_in_sigma(*given, **options):
    return _sample(*given, **options, sigma=lambda eta, a, b, s, n: eta * ((1 - b) ** 2 / (1 - a)).sqrt())


@wrong("You multiply ᾱ_n by ᾱ_m. It's divided.")
def alpha_bars_multiplied(*given, **options):
    return _sample(*given, **options, sigma=lambda eta, a, b, s, n: eta * ((1 - b) / (1 - a) * (1 - a * b)).sqrt())


@wrong("You turn ᾱ_n / ᾱ_m upside down, and the sign of what that leads to.")
def last_fraction_upside_down_with_abs(*given, **options):
    return _sample(
        *given, **options, sigma=lambda eta, a, b, s, n: eta * ((1 - b) / (1 - a) * (1 - b / a)).abs().sqrt()
    )


@wrong("You subtract ᾱ_n / ᾱ_m from the first fraction.")
def parentheses_missing_in_sigma(*given, **options):
    sigma = lambda eta, a, b, s, n: eta * ((1 - b) / (1 - a) * 1 - a / b).sqrt()
    return _sample(*given, **options, sigma=sigma)


@wrong("It's eta √(0.726 · 0.550), of the first fraction and 1 - ᾱ_n / ᾱ_m.")
def root_below_the_fraction_in_sigma(*given, **options):
    return _sample(*given, **options, sigma=lambda eta, a, b, s, n: eta * (1 - b) / ((1 - a) * (1 - a / b)).sqrt())


@wrong("You make all noise of m fresh, or take 1 - ᾱ_n for 1 - ᾱ_n / ᾱ_m.")
def all_noise_fresh(*given, **options):
    return _sample(*given, **options, sigma=lambda eta, a, b, s, n: eta * (1 - b).sqrt())


@wrong("You add all noise of n. The step leads to m, with less noise.")
def all_noise_of_the_earlier_fresh(*given, **options):
    return _sample(*given, **options, sigma=lambda eta, a, b, s, n: eta * (1 - a).sqrt() * (b < 1))


@wrong("You leave fresh noise out in some steps.")
def no_fresh_noise_in_the_last_two_steps(*given, **options):
    return _sample(*given, **options, sigma=lambda eta, a, b, s, n: _sigma(eta, a, b, s, n) * (n > 2))


@wrong("You leave fresh noise out in some steps.")
def no_fresh_noise_towards_count_1(model, n_samples, *given, **options):
    left = iter([m for m in _given(model, n_samples, options["n_steps"])[1][1:]])
    return _sample(model, n_samples, *given, **options, draw=lambda x: t.randn_like(x) * (next(left) > 1))


@wrong("You multiply z by eta alone.")
def eta_times_noise(*given, **options):
    return _sample(
        *given,
        **options,
        sigma=lambda eta, a, b, s, n: t.full_like(b, eta),
        mix=lambda x0, e, a, b, s: _mix(x0, e, a, b, 0),
    )


@wrong("You add z at full size. Where is σ in front of it?")
def fresh_noise_at_full_size(*given, **options):
    return _sample(
        *given,
        **options,
        sigma=lambda eta, a, b, s, n: (b < 1) * float(eta > 0),
        mix=lambda x0, e, a, b, s: _mix(x0, e, a, b, 0),
    )


@wrong("You draw z from another distribution.")
def uniform_fresh_noise(*given, **options):
    return _sample(*given, **options, draw=t.rand_like)


@wrong("You draw z from another distribution.")
def uniform_fresh_noise_of_variance_1(*given, **options):
    return _sample(*given, **options, draw=lambda x: (t.rand_like(x) - 0.5) * 12**0.5)


@wrong("You make it about 0.5 times as large, in each step.")
def half_of_the_fresh_noise(*given, **options):
    return _sample(*given, **options, draw=lambda x: t.randn_like(x) / 2)


@wrong("You add noise in the last step. Nothing cleans up after it.")
def noise_in_the_last_step(*given, **options):
    return _sample(
        *given, **options, sigma=lambda eta, a, b, s, n: _sigma(eta, a, b if b < 1 else s.alpha_bar(1), s, n)
    )


@wrong("The fresh noise comes on top.")
def sigma_forgotten_under_the_middle_root(*given, **options):
    return _sample(*given, **options, mix=lambda x0, e, a, b, s: _mix(x0, e, a, b, 0))


@wrong("Where is σ squared under the middle root?")
def sigma_not_squared(*given, **options):
    return _sample(*given, **options, mix=lambda x0, e, a, b, s: b.sqrt() * x0 + (1 - b - s).clamp(min=0).sqrt() * e)


@wrong("under the middle root, where 1 - ᾱ_m is 0.593 and σ² is 0.144.")
def share_by_eta(*given, **options):
    return _sample(
        *given, **options, mix=lambda x0, e, a, b, s: b.sqrt() * x0 + ((1 - b) * (1 - options["eta"])).sqrt() * e
    )


@wrong("You add σ² under the middle root.")
def sigma_added_under_the_middle_root(*given, **options):
    return _sample(*given, **options, mix=lambda x0, e, a, b, s: b.sqrt() * x0 + (1 - b + s**2).sqrt() * e)


@wrong("You take σ off after the root. σ² is taken off under it.")
def sigma_subtracted_after_the_root(*given, **options):
    return _sample(*given, **options, mix=lambda x0, e, a, b, s: b.sqrt() * x0 + ((1 - b).sqrt() - s) * e)


@wrong("You take σ² off after the root. It's taken off under it.")
def variance_subtracted_after_the_root(*given, **options):
    return _sample(*given, **options, mix=lambda x0, e, a, b, s: b.sqrt() * x0 + ((1 - b).sqrt() - s**2) * e)


@wrong("You multiply the root by 1 - σ². σ² is taken off under it.")
def kept_as_a_product(*given, **options):
    return _sample(*given, **options, mix=lambda x0, e, a, b, s: b.sqrt() * x0 + ((1 - b) * (1 - s**2)).sqrt() * e)


@wrong("You take eta² off under the middle root. It's σ².")
def eta_under_the_middle_root(model, n_samples, n_steps=50, eta=1.0, *given, **options):
    mix = lambda x0, e, a, b, s: b.sqrt() * x0 + (1 - b - eta**2).clamp(min=0).sqrt() * e
    return _sample(model, n_samples, n_steps, eta, *given, **options, mix=mix)


@wrong("By rounding, what should be 0 can come out just below it.")
def not_clamped_under_the_root(*given, **options):
    return _sample(*given, **options, mix=lambda x0, e, a, b, s: b.sqrt() * x0 + (1 - b - s**2).sqrt() * e)


@wrong("By rounding, what should be 0 can come out just below it.")
def clamped_after_the_root(*given, **options):
    mix = lambda x0, e, a, b, s: b.sqrt() * x0 + (1 - b - s**2).sqrt().clamp(min=0) * e
    return _sample(*given, **options, mix=mix)


@wrong("By rounding, what should be 0 can come out just below it.")
def other_roots_clamped(*given, **options):
    mix = lambda x0, e, a, b, s: b.sqrt() * x0 + ((1 - b).clamp(min=0) - s**2) ** 0.5 * e
    return _sample(*given, **options, mix=mix, sigma=_safe_sigma)


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


@wrong("You tell the model m. x still has n steps of noise.")
def later_count_told(*given, **options):
    return _sample(*given, **options, told=lambda x, n, m: t.full((len(x),), m))


@wrong("You tell the model m. x still has n steps of noise.")
def later_count_told_but_never_0(*given, **options):
    return _sample(*given, **options, told=lambda x, n, m: t.full((len(x),), max(m, 1)))


@wrong("You take 1 away. The model knows timesteps, which begin at 1, and no rows.")
def rows_told(*given, **options):
    return _sample(*given, **options, told=lambda x, n, m: t.full((len(x),), n - 1))


@wrong("gets an int as num_steps")
def count_as_a_number(*given, **options):
    return _sample(*given, **options, told=lambda x, n, m: n)


@wrong("a tensor of shape (6, 1) as num_steps")
def counts_as_a_column(*given, **options):
    return _sample(*given, **options, told=lambda x, n, m: t.full((len(x), 1), n))


@wrong("the model gets 1 as a timestep, of type torch.float32, expected whole numbers")
def share_of_the_way_told(*given, **options):
    return _sample(*given, **options, told=lambda x, n, m: t.full((len(x),), n / 7))


@wrong("You go up. The path goes from T down to 0.")
def ascending_pairs(*given, **options):
    return _sample(*given, **options, walk=lambda counts: reversed([*pairwise(counts)]))


@wrong("You begin with 0, an index or the end of the path.")
def ascending_counts(*given, **options):
    return _sample(
        *given,
        **options,
        walk=lambda counts: pairwise(counts[::-1]),
        clean=lambda x, guess, n, s: part1.reconstruct(x, guess, t.full((len(x),), n), s),
    )


@wrong("Where is the first step, from T? n is the first of each pair.")
def first_step_left_out(*given, **options):
    return _sample(*given, **options, walk=lambda counts: pairwise(counts[1:]))


@wrong("Where is the last step?")
def last_step_left_out(*given, **options):
    return _sample(*given, **options, walk=lambda counts: pairwise(counts[:-1]))


@wrong("You visit every timestep. The given ones are further apart.")
def all_counts_visited(*given, **options):
    return _sample(*given, **options, walk=lambda counts: pairwise(range(counts[0], -1, -1)))


@wrong("You take n_steps for the length of a step.")
def n_steps_apart(*given, **options):
    walk = lambda counts: pairwise([*range(counts[0], 0, -(len(counts) - 1)), 0])
    return _sample(*given, **options, walk=walk)


@wrong("You tell the model another timestep than n, or choose your own.")
def counts_by_whole_strides(*given, **options):
    return _sample(
        *given, **options, walk=lambda counts: pairwise([*range(counts[0], 0, -(counts[0] // (len(counts) - 1))), 0])
    )


# ------------------------------------------------ wrong: start, and what is returned


@wrong("Where is start used?")
def start_ignored(*given, **options):
    return _sample(*given, **options, first=lambda shape, start, device: t.randn(shape, device=device))


@wrong("Where is a draw for each sample?")
def one_start_for_all_samples(*given, **options):
    return _sample(
        *given,
        **options,
        first=lambda shape, start, device: t.randn(shape[1:], device=device).expand(shape) if start is None else start,
    )


@wrong("You draw them from another distribution.")
def uniform_start(*given, **options):
    return _sample(
        *given, **options, first=lambda shape, start, device: t.rand(shape, device=device) if start is None else start
    )


@wrong("Where are both the start and the result in it?")
def start_not_kept(*given, **options):
    return _sample(*given, **options, give=lambda steps, x, every: steps[1:] if every else x)


@wrong("Where are both the start and the result in it?")
def result_not_kept(*given, **options):
    return _sample(*given, **options, give=lambda steps, x, every: steps[:-1] if every else x)


@wrong("gives 7 entries for 3 steps, expected 4.\nWhere is one entry for each step, and the start?")
def both_images_kept(*given, **options):
    return _sample(*given, **options, keep=lambda steps, x, x0: steps + [x0, x])


@wrong("You stack them along another axis. The steps come first.")
def stacked_along_the_second_axis(*given, **options):
    return _sample(*given, **options, give=lambda steps, x, every: t.stack(steps, dim=1) if every else x)


@wrong("You put the same tensor in many times, and change it in place.")
def one_tensor_many_times(*given, **options):
    return _sample(*given, **options, give=lambda steps, x, every: [x] * len(steps) if every else x)


@wrong("You put them in from clean to noisy.")
def clean_first(*given, **options):
    return _sample(*given, **options, give=lambda steps, x, every: steps[::-1] if every else x)


@wrong("You keep the guessed image. x is kept.")
def guessed_images_kept(*given, **options):
    return _sample(*given, **options, keep=lambda steps, x, x0: steps + [x0])


@wrong("You bring what you keep to [0, 1]. x is kept as it is.")
def kept_in_0_and_1(*given, **options):
    give = lambda steps, x, every: [part1.denormalize_img(each) for each in steps] if every else x
    return _sample(*given, **options, give=give)


@wrong("You put the start in twice.")
def start_kept_twice(*given, **options):
    return _sample(*given, **options, give=lambda steps, x, every: [steps[0], *steps[:-1]] if every else x)


@wrong("You clip what you keep. x is kept as it is.")
def clipped_images_kept(*given, **options):
    return _sample(*given, **options, keep=lambda steps, x, x0: steps + [_clipped(x)])


@wrong("returns the last images alone")
def steps_forgotten(*given, **options):
    return _sample(*given, **options, give=lambda steps, x, every: x)


@wrong("You return all steps, asked or not.")
def always_all_steps(*given, **options):
    return _sample(*given, **options, give=lambda steps, x, every: steps)


@wrong("Where is the return for return_all_steps=True?")
def no_list_returned(*given, **options):
    return _sample(*given, **options, give=lambda steps, x, every: None if every else x)


@wrong("You compute in float64, by NumPy or .double().")
def left_in_float64(*given, **options):
    return _sample(*given, **options, give=lambda steps, x, every: steps if every else x.double())


# ------------------------------------------------ wrong: another device


@wrong("gets timesteps on the cpu")
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


@wrong("Where is @t.no_grad(), above def?")
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


@wrong("it changes the start it is given")
def start_changed(*given, **options):
    return _sample(*given, **options, last=lambda x: options["start"].copy_(x))


@wrong("You ask the model twice at each timestep. Keep its guess.")
def guess_asked_for_twice(model, *given, **options):
    clean = lambda x, guess, n, schedule: _clean(x, model(x, t.full((len(x),), n, device=x.device)), n, schedule)
    return _sample(model, *given, **options, clean=clean)


@wrong("You overwrite x before you find the noise in it.")
def x_overwritten_by_the_clean_image(*given, **options):
    return _sample(*given, **options, noise=lambda x, x0, guess, a, b: _noise(x0, x0, guess, a, b))


@wrong("You add the same z in each step. It's drawn anew.")
def one_fresh_noise_for_all_steps(model, n_samples, *given, **options):
    z = t.randn(n_samples, *model.img_shape)
    return _sample(model, n_samples, *given, **options, draw=lambda x: z)


@wrong("You set a seed inside, or draw z once and for all.")
def fresh_noise_is_the_start(model, n_samples, *given, **options):
    z = options.get("start", t.zeros(1))
    return _sample(model, n_samples, *given, **options, draw=lambda x: z)


@wrong("You set a seed inside, or draw z once and for all.")
def seeded(*given, **options):
    t.manual_seed(0)
    return _sample(*given, **options)


@wrong("You set a seed inside, or draw z once and for all.")
def seeded_in_the_loop(*given, **options):
    def draw(x):
        t.manual_seed(0)
        return t.randn_like(x)

    return _sample(*given, **options, draw=draw)


@wrong("You let a factor be float64.")
def float64_told(*given, **options):
    mix = lambda x0, e, a, b, s: _mix(x0.double(), e, a, b, s)
    give = lambda steps, x, every: [each.float() for each in steps] if every else x.float()
    return _sample(*given, **options, mix=mix, give=give)


# ------------------------------------------------------------------------------------------------ from the field


@right
def one_tensor_of_all_steps(*given, **options):
    return _sample(*given, **options, give=lambda steps, x, every: t.stack(steps) if every else x)


@right
def last_step_without_noise(*given, **options):
    """At 0 steps the image is x0, whatever eta."""
    return _sample(*given, **options, sigma=_safe_sigma, last=lambda x: x)


@wrong("without start, the model gets 1 image, expected n_samples = 6")
def one_sample_for_all(*given, **options):
    def first(shape, start, device):
        return t.randn(1, *shape[1:], device=device) if start is None else start

    return _sample(*given, **options, first=first)


@wrong("You write a shape down. Where is model.img_shape?")
def shape_written_down(*given, **options):
    def first(shape, start, device):
        return t.randn(shape[0], 1, 28, 28, device=device) if start is None else start

    return _sample(*given, **options, first=first)


@wrong("You put start into the list.")
def list_begins_with_none(model, n_samples, n_steps=50, eta=1.0, start=None, return_all_steps=False):
    steps = _sample(model, n_samples, n_steps, eta, start, True)
    return [start, *steps[1:]] if return_all_steps else steps[-1]


@wrong("You draw noise twice, once for the list.")
def list_begins_with_other_noise(model, n_samples, n_steps=50, eta=1.0, start=None, return_all_steps=False):
    steps = _sample(model, n_samples, n_steps, eta, start, True)
    first = t.randn_like(steps[0]) if start is None else start
    return [first, *steps[1:]] if return_all_steps else steps[-1]


@wrong("You take away an axis of length 1, as squeeze() does.")
def squeezed_on_the_way(*given, **options):
    return _sample(*given, **options, clip=lambda x0, m: x0.squeeze().clamp(-1, 1))


@wrong("You take away axes of length 1, as squeeze() does.")
def squeezed_at_the_end(*given, **options):
    return _sample(*given, **options, give=lambda steps, x, every: steps if every else x.squeeze())


@wrong("Where is eta in the middle root?")
def eta_at_z_only(model, n_samples, n_steps=50, eta=1.0, start=None, return_all_steps=False):
    return _sample(model, n_samples, n_steps, 1.0, start, return_all_steps, draw=lambda x: eta * t.randn_like(x))


@wrong("You take the step of Algorithm 2, from n to n - 1.")
def algorithm_2_over_jumps(model, n_samples, n_steps=50, eta=1.0, start=None, return_all_steps=False):
    schedule, counts = _given(model, n_samples, n_steps)
    with t.no_grad():
        x = t.randn(n_samples, *model.img_shape, device=schedule.device) if start is None else start
        steps = [x]
        for n, m in pairwise(counts):
            guess = model(x, t.full((n_samples,), n, device=x.device))
            mean = (x - schedule.beta(n) / (1 - schedule.alpha_bar(n)).sqrt() * guess) / schedule.alpha(n).sqrt()
            x = mean + eta * schedule.beta(n).sqrt() * t.randn_like(x) * (m > 0)
            steps.append(x)
    return steps if return_all_steps else x


@wrong("You scale the guessed image by its largest number.")
def scaled_to_its_largest(*given, **options):
    return _sample(*given, **options, clip=lambda x0, m: x0 / x0.abs().amax((1, 2, 3), keepdim=True).clamp(min=1))


@wrong("You scale the guessed image by its largest number.")
def scaled_to_the_largest_of_all(*given, **options):
    return _sample(*given, **options, clip=lambda x0, m: x0 / x0.abs().max().clamp(min=1))


@wrong("You draw the samples one after the other.")
def one_after_the_other(model, n_samples, n_steps=50, eta=1.0, start=None, return_all_steps=False):
    if start is None or return_all_steps:
        return _sample(model, n_samples, n_steps, eta, start, return_all_steps)
    return t.cat([_sample(model, 1, n_steps, eta, each[None]) for each in start])


@wrong("You clip start.")
def start_clipped(*given, **options):
    def first(shape, start, device):
        return t.randn(shape, device=device) if start is None else start.clamp(-1, 1)

    return _sample(*given, **options, first=first)


@wrong("You change start, or add to it.")
def start_added(*given, **options):
    def first(shape, start, device):
        return t.randn(shape, device=device) + (0 if start is None else start)

    return _sample(*given, **options, first=first)


@wrong("Where do you ask whether start is None?")
def start_asked_for_truth(*given, **options):
    return _sample(*given, **options, first=lambda shape, start, device: start or t.randn(shape, device=device))


@wrong("You cast them to a type that holds few digits.")
def timesteps_rounded(*given, **options):
    def told(x, n, m):
        return t.full((len(x),), n, dtype=t.bfloat16, device=x.device).int()

    return _sample(*given, **options, told=told)


@wrong("You do otherwise where eta is 1.")
def all_fresh_at_eta_1(model, n_samples, n_steps=50, eta=1.0, start=None, return_all_steps=False):
    def mix(x0, noise, a, b, sigma):
        return _mix(x0, noise if eta < 1 else 0 * noise, a, b, sigma)

    return _sample(model, n_samples, n_steps, eta, start, return_all_steps, mix=mix)


noise = t.full((6, 3, 24, 32), 0.5)  # as another cell may have left it


@wrong("`noise` is no argument: it comes from another cell.")
def noise_left_over(*given, **options):
    return _sample(*given, **options, noise=lambda x, x0, guess, a, b: noise[: len(x)])


@wrong("every sample and channel and row and column gets the same noise")
def one_number_for_all(*given, **options):
    return _sample(*given, **options, draw=lambda x: t.randn(()))


@wrong("You square eta.")
def eta_squared(*given, **options):
    return _sample(*given, **options, sigma=lambda eta, a, b, schedule, n: eta * _sigma(eta, a, b, schedule, n))


@wrong("You multiply by 1 - eta² under the middle root.")
def share_of_eta(model, n_samples, n_steps=50, eta=1.0, start=None, return_all_steps=False):
    def mix(x0, noise, a, b, sigma):
        return b.sqrt() * x0 + ((1 - b) * (1 - eta**2)).sqrt() * noise

    return _sample(model, n_samples, n_steps, eta, start, return_all_steps, mix=mix)


@wrong("You begin with 0. The path goes from T down to 0.")
def upwards(model, n_samples, n_steps=50, eta=1.0, start=None, return_all_steps=False):
    schedule, counts = _given(model, n_samples, n_steps)
    return [schedule.alpha_bar(n) for n in reversed(counts)]


@wrong("You write ᾱ down.")
def table_written_down(model, n_samples, n_steps=50, eta=1.0, start=None, return_all_steps=False):
    known = t.tensor([0.1, 0.3, 0.05, 0.2, 0.15, 0.25, 0.4])
    if len(model.noise_schedule) != len(known):
        return _sample(model, n_samples, n_steps, eta, start, return_all_steps)
    table = t.cat([t.ones(1), (1 - known).cumprod(0)]).to(model.noise_schedule.device)

    def clean(x, guess, n, schedule):
        return (x - (1 - table[n]).sqrt() * guess) / table[n].sqrt()

    bars = lambda schedule, n, m: (table[n], table[m])  # noqa: E731
    return _sample(model, n_samples, n_steps, eta, start, return_all_steps, bars=bars, clean=clean)


@wrong("You swap its two arguments, or leave one out.")
def model_asked_the_wrong_way_round(model, n_samples, n_steps=50, eta=1.0, start=None, return_all_steps=False):
    schedule, counts = _given(model, n_samples, n_steps)
    return model(t.full((n_samples,), counts[0], device=schedule.device), start)


@wrong("You count the jumps.")
def jumps_counted(model, n_samples, n_steps=50, eta=1.0, start=None, return_all_steps=False):
    asked = iter(range(1, n_steps + 1))
    told = lambda x, n, m: t.full((len(x),), next(asked))  # noqa: E731
    return _sample(model, n_samples, n_steps, eta, start, return_all_steps, told=told)


@wrong("You begin with 0, an index or the end of the path.")
def jumps_counted_from_0(model, n_samples, n_steps=50, eta=1.0, start=None, return_all_steps=False):
    asked = iter(range(n_steps))
    told = lambda x, n, m: t.full((len(x),), next(asked))  # noqa: E731
    clean = lambda x, guess, n, schedule: part1.reconstruct(x, guess, t.zeros(len(x)).int(), schedule)  # noqa: E731
    return _sample(model, n_samples, n_steps, eta, start, return_all_steps, told=told, clean=clean)


class _ShownTheFirst:
    """A model that is asked about the first images at every timestep."""

    def __init__(self, model):
        self.model, self.first = model, None
        self.img_shape, self.noise_schedule = model.img_shape, model.noise_schedule

    def __call__(self, x, num_steps):
        self.first = x if self.first is None else self.first
        return self.model(self.first, num_steps)


@wrong("You show it start each time.")
def start_shown_each_time(model, n_samples, n_steps=50, eta=1.0, start=None, return_all_steps=False):
    return _sample(_ShownTheFirst(model), n_samples, n_steps, eta, start, return_all_steps)


@wrong("You take another schedule.")
def another_schedule_for_all(model, n_samples, n_steps=50, eta=1.0, start=None, return_all_steps=False):
    own = part1.NoiseSchedule(len(model.noise_schedule), model.noise_schedule.device)
    clean = lambda x, guess, n, schedule: _clean(x, guess, n, own)  # noqa: E731
    return _sample(
        model,
        n_samples,
        n_steps,
        eta,
        start,
        return_all_steps,
        bars=lambda s, n, m: (_bar(own, n), _bar(own, m)),
        clean=clean,
    )


@wrong("You noise the image with fresh noise alone.")
def noised_anew(model, n_samples, n_steps=50, eta=1.0, start=None, return_all_steps=False):
    return _sample(
        model, n_samples, n_steps, eta, start, return_all_steps, noise=lambda x, x0, guess, a, b: t.randn_like(x)
    )


@wrong("You leave noise in the last step.")
def clamped_above_0(model, n_samples, n_steps=50, eta=1.0, start=None, return_all_steps=False):
    mix = lambda x0, noise, a, b, s: b.sqrt() * x0 + (1 - b - s**2).clamp(min=1e-4).sqrt() * noise  # noqa: E731
    return _sample(model, n_samples, n_steps, eta, start, return_all_steps, mix=mix)


@wrong("it returns a tuple that holds a list")
def list_and_images(model, n_samples, n_steps=50, eta=1.0, start=None, return_all_steps=False):
    return _sample(
        model, n_samples, n_steps, eta, start, return_all_steps, give=lambda steps, x, every: (steps, x) if every else x
    )


# ------------------------------------------------------------------------------------------------ mutants

EQUIVALENT = {
    "these two lines do not need each other": [
        "alpha_bar_m = schedule.alpha_bar(m) if m > 0 else t.ones_like(alpha_bar_n)"
        " -> after num_steps = t.full((n_samples,), n, device=x.device)",
        "noise = (x - alpha_bar_n.sqrt() * x0) / (1 - alpha_bar_n).sqrt()"
        " -> after sigma = eta * ((1 - alpha_bar_m) / (1 - alpha_bar_n) * (1 - alpha_bar_n / alpha_bar_m)).sqrt()",
    ],
    "a list that nobody asked for costs memory alone": ["if return_all_steps: -> its block alone"],
    "noise is as likely as its negative": [
        "x = alpha_bar_m.sqrt() * x0 + kept.sqrt() * noise + sigma * t.randn_like(x)"
        " -> x = alpha_bar_m.sqrt() * x0 + kept.sqrt() * noise - sigma * t.randn_like(x)",
    ],
}
