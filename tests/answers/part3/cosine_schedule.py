import cmath
import math
from itertools import pairwise

import numpy as np
import torch as t

from tests.answers import right, wrong


def _betas(
    max_steps,
    s=0.008,
    max_beta=0.999,
    *,
    counts=lambda T: t.arange(T + 1, dtype=t.float64),
    angle=lambda n, T, s: (n / T + s) / (1 + s) * math.pi / 2,
    f=lambda angle: t.cos(angle) ** 2,
    beta=lambda f: 1 - f[1:] / f[:-1],
    clip=lambda betas, top: betas.clamp(max=top),
):
    """A right schedule, with one place for each mistake."""
    return clip(beta(f(angle(counts(max_steps), max_steps, s))), max_beta).float()


def _from_alpha_bars(bars):
    """The betas, where ᾱ is 1 before the first of bars."""
    return 1 - bars / t.cat([t.ones(1), bars[:-1]])


# ------------------------------------------------------------------------------------------------ right


@right
def as_the_formula(max_steps, s=0.008, max_beta=0.999):
    return _betas(max_steps, s, max_beta)


@right
def in_float32(max_steps, s=0.008, max_beta=0.999):
    x = t.linspace(0, 1, max_steps + 1)
    bars = t.cos((x + s) / (1 + s) * t.pi / 2).square()
    bars = bars / bars[0]
    return t.minimum(1 - bars[1:] / bars[:-1], t.tensor(max_beta))


@right
def by_the_half_angle_in_float32(max_steps, s=0.008, max_beta=0.999):
    """cos² a = (1 + cos 2a) / 2, which near a = π/2 keeps few digits."""
    f = (1 + t.cos((t.arange(max_steps + 1) / max_steps + s) / (1 + s) * math.pi)) / 2
    return ((f[:-1] - f[1:]) / f[:-1]).clamp(0, max_beta)


@right
def less_the_sine_in_float32(max_steps, s=0.008, max_beta=0.999):
    f = 1 - t.sin((t.arange(max_steps + 1) / max_steps + s) / (1 + s) * math.pi / 2) ** 2
    return 1 - t.maximum(f[1:] / f[:-1], t.tensor(1 - max_beta))


@right
def numpy_in_float32(max_steps, s=0.008, max_beta=0.999):
    x = np.linspace(0, 1, max_steps + 1, dtype=np.float32)
    f = np.cos(np.float32(np.pi / 2) * (x + np.float32(s)) / np.float32(1 + s)) ** 2
    return t.from_numpy(np.minimum(1 - f[1:] / f[:-1], np.float32(max_beta)))


@right
def with_a_loop(max_steps, s=0.008, max_beta=0.999):
    def f(n):
        return math.cos((n / max_steps + s) / (1 + s) * math.pi / 2) ** 2

    return t.tensor([min(1 - f(n) / f(n - 1), max_beta) for n in range(1, max_steps + 1)])


@right
def in_numpy(max_steps, s=0.008, max_beta=0.999):
    f = np.cos((np.linspace(0, max_steps, max_steps + 1) / max_steps + s) / (1 + s) * np.pi * 0.5) ** 2
    return t.from_numpy(np.clip(-np.diff(f) / f[:-1], 0, max_beta).astype(np.float32))


@right
def in_place(max_steps, s=0.008, max_beta=0.999):
    f = t.arange(max_steps + 1).double()
    f.div_(max_steps).add_(s).div_(1 + s).mul_(math.pi / 2).cos_().square_()
    betas = f[1:].div_(f[:-1].clone()).neg_().add_(1)
    betas[betas > max_beta] = max_beta
    return betas.to(t.float32)


@right
def sine_from_the_end(max_steps, s=0.008, max_beta=0.999):
    f = t.sin((1 - t.arange(max_steps + 1, dtype=t.float64) / max_steps) / (1 + s) * math.pi / 2) ** 2
    return t.where((betas := 1 - f.roll(-1)[:-1] / f[:-1]) < max_beta, betas, max_beta).float()


@right
def with_logarithms(max_steps, s=0.008, max_beta=0.999):
    n = t.arange(max_steps + 1, dtype=t.float64)
    logs = 2 * t.log(t.cos((n / max_steps + s) / (1 + s) * math.pi / 2))
    return (-t.expm1(logs.diff())).clip(None, max_beta).float()


@right
def from_one_before_the_first(max_steps, s=0.008, max_beta=0.999):
    """ᾱ of the steps 1 to T, with ᾱ = 1 before them."""
    n = t.arange(1, max_steps + 1, dtype=t.float64)
    bars = t.cos((n / max_steps + s) / (1 + s) * math.pi / 2) ** 2 / math.cos(s / (1 + s) * math.pi / 2) ** 2
    return _from_alpha_bars(bars).clamp(max=max_beta).float()


@right
def on_the_circle(max_steps, s=0.008, max_beta=0.999):
    points = [
        cmath.exp(0.5j * math.pi * (n + s * max_steps) / (max_steps + s * max_steps)) for n in range(max_steps + 1)
    ]
    return t.tensor([min(max_beta, 1 - (b.real / a.real) ** 2) for a, b in pairwise(points)])


@right
def in_windows_of_two(max_steps, s=0.008, max_beta=0.999):
    n = t.linspace(0, max_steps, max_steps + 1, dtype=t.float64)
    before, after = t.cos((n / max_steps + s) / (1 + s) * math.pi / 2).pow(2).unfold(0, 2, 1).unbind(1)
    return t.full((max_steps,), max_beta).minimum(((before - after) / before).float())


# ------------------------------------------------------------------------------------------------ the angle


@wrong("Where is s?")
def without_s(max_steps, s=0.008, max_beta=0.999):
    return _betas(max_steps, 0.0, max_beta)


@wrong("You take a fixed number. Where is s?")
def s_fixed(max_steps, s=0.008, max_beta=0.999):
    return _betas(max_steps, 0.008, max_beta)


@wrong("Where is n/T + s divided by 1 + s?")
def not_divided_by_1_plus_s(max_steps, s=0.008, max_beta=0.999):
    return _betas(max_steps, s, max_beta, angle=lambda n, T, s: (n / T + s) * math.pi / 2)


@wrong("Where is s added to n/T, too?")
def s_in_the_divisor_alone(max_steps, s=0.008, max_beta=0.999):
    return _betas(max_steps, s, max_beta, angle=lambda n, T, s: n / T / (1 + s) * math.pi / 2)


@wrong("You divide s by T, too. n is divided by T before s is added.")
def s_added_to_n(max_steps, s=0.008, max_beta=0.999):
    return _betas(max_steps, s, max_beta, angle=lambda n, T, s: (n + s) / T / (1 + s) * math.pi / 2)


@wrong("You add s to T. It's added to n/T.")
def s_added_to_T(max_steps, s=0.008, max_beta=0.999):
    return _betas(max_steps, s, max_beta, angle=lambda n, T, s: n / (T + s) / (1 + s) * math.pi / 2)


@wrong("You divide s alone by 1 + s. All of n/T + s is.")
def s_alone_divided(max_steps, s=0.008, max_beta=0.999):
    return _betas(max_steps, s, max_beta, angle=lambda n, T, s: (n / T + s / (1 + s)) * math.pi / 2)


@wrong("Mind the parentheses of 1 + s.")
def s_added_twice(max_steps, s=0.008, max_beta=0.999):
    return _betas(max_steps, s, max_beta, angle=lambda n, T, s: ((n / T + s) / 1 + s) * math.pi / 2)


@wrong("You divide or multiply a part of the sum alone.")
def only_s_multiplied(max_steps, s=0.008, max_beta=0.999):
    return _betas(max_steps, s, max_beta, angle=lambda n, T, s: n / T + s / (1 + s) * math.pi / 2)


@wrong("You divide or multiply a part of the sum alone.")
def only_the_second_s_multiplied(max_steps, s=0.008, max_beta=0.999):
    return _betas(max_steps, s, max_beta, angle=lambda n, T, s: (n / T + s) / 1 + s * math.pi / 2)


@wrong("You divide or multiply a part of the sum alone.")
def no_parentheses_at_all(max_steps, s=0.008, max_beta=0.999):
    return _betas(max_steps, s, max_beta, angle=lambda n, T, s: n / T * math.pi / 2 + s)


@wrong("You multiply by 1 + s. It's divided.")
def multiplied_by_1_plus_s(max_steps, s=0.008, max_beta=0.999):
    return _betas(max_steps, s, max_beta, angle=lambda n, T, s: (n / T + s) * (1 + s) * math.pi / 2)


@wrong("You divide n + s by T + s. It's n/T + s by 1 + s.")
def s_added_to_both(max_steps, s=0.008, max_beta=0.999):
    return _betas(max_steps, s, max_beta, angle=lambda n, T, s: (n + s) / (T + s) * math.pi / 2)


@wrong("You divide n/T by T once more.")
def shares_divided_again(max_steps, s=0.008, max_beta=0.999):
    counts = lambda T: t.linspace(0, 1, T + 1, dtype=t.float64)
    return _betas(max_steps, s, max_beta, counts=counts)


@wrong("You divide n by less than T, so the angle goes beyond π/2.")
def divided_by_one_less(max_steps, s=0.008, max_beta=0.999):
    return _betas(max_steps, s, max_beta, angle=lambda n, T, s: (n / (T - 1) + s) / (1 + s) * math.pi / 2)


@wrong("You halve π twice, as in π / 2 ** 2 or in (1 + cos) / 2. It's halved once.")
def two_squared(max_steps, s=0.008, max_beta=0.999):
    angle = lambda n, T, s: (n / T + s) / (1 + s) * math.pi / 2**2
    return _betas(max_steps, s, max_beta, angle=angle, f=t.cos)


@wrong("You halve π twice, as in π / 2 ** 2 or in (1 + cos) / 2. It's halved once.")
def halved_twice(max_steps, s=0.008, max_beta=0.999):
    return _betas(max_steps, s, max_beta, angle=lambda n, T, s: (n / T + s) / (1 + s) / 2 * math.pi / 2)


@wrong("You divide by π/2. It's multiplied.")
def divided_by_half_a_pi(max_steps, s=0.008, max_beta=0.999):
    return _betas(max_steps, s, max_beta, angle=lambda n, T, s: (n / T + s) / (1 + s) / (math.pi / 2))


@wrong("Where is n divided by T?")
def counts_not_divided(max_steps, s=0.008, max_beta=0.999):
    return _betas(max_steps, s, max_beta, angle=lambda n, T, s: (n + s) / (1 + s) * math.pi / 2)


@wrong("You divide n with //, which gives whole numbers.")
def whole_numbers(max_steps, s=0.008, max_beta=0.999):
    return _betas(max_steps, s, max_beta, angle=lambda n, T, s: (n // T + s) / (1 + s) * math.pi / 2)


@wrong("You divide by a fixed number.")
def always_a_thousand(max_steps, s=0.008, max_beta=0.999):
    return _betas(max_steps, s, max_beta, angle=lambda n, T, s: (n / 1000 + s) / (1 + s) * math.pi / 2)


@wrong("You divide n by more than T, so the angle ends before π/2.")
def divided_by_one_more(max_steps, s=0.008, max_beta=0.999):
    return _betas(max_steps, s, max_beta, angle=lambda n, T, s: (n / (T + 1) + s) / (1 + s) * math.pi / 2)


@wrong("Where is π halved?")
def whole_pi(max_steps, s=0.008, max_beta=0.999):
    return _betas(max_steps, s, max_beta, angle=lambda n, T, s: (n / T + s) / (1 + s) * math.pi)


@wrong("Where is π/2?")
def no_pi(max_steps, s=0.008, max_beta=0.999):
    return _betas(max_steps, s, max_beta, angle=lambda n, T, s: (n / T + s) / (1 + s))


@wrong("You take degrees. t.cos takes radians, and 90 degrees are π/2.")
def degrees(max_steps, s=0.008, max_beta=0.999):
    return _betas(max_steps, s, max_beta, angle=lambda n, T, s: (n / T + s) / (1 + s) * 90)


# ------------------------------------------------------------------------------------------------ the curve


@wrong("Where is the cosine squared?")
def not_squared(max_steps, s=0.008, max_beta=0.999):
    return _betas(max_steps, s, max_beta, f=t.cos)


@wrong("Where is the cosine squared?")
def root_of_the_quotient(max_steps, s=0.008, max_beta=0.999):
    return _betas(max_steps, s, max_beta, beta=lambda f: 1 - (f[1:] / f[:-1]).sqrt())


@wrong("You square the angle. Its cosine is squared.")
def angle_squared(max_steps, s=0.008, max_beta=0.999):
    return _betas(max_steps, s, max_beta, f=lambda angle: t.cos(angle**2))


@wrong("You square the fraction. The cosine of it all is squared.")
def fraction_squared(max_steps, s=0.008, max_beta=0.999):
    angle = lambda n, T, s: ((n / T + s) / (1 + s)) ** 2 * math.pi / 2
    return _betas(max_steps, s, max_beta, angle=angle, f=t.cos)


@wrong("You take a sine. At n = 0 the image is whole, so f is 1 or nearly.")
def sine(max_steps, s=0.008, max_beta=0.999):
    return _betas(max_steps, s, max_beta, f=lambda angle: t.sin(angle) ** 2)


# ------------------------------------------------------------------------------------------------ the counts


@wrong("You come one step early with all of them.")
def from_1_to_one_more(max_steps, s=0.008, max_beta=0.999):
    return _betas(max_steps, s, max_beta, counts=lambda T: t.arange(1, T + 2, dtype=t.float64))


@wrong("You let n go from 1 to T + 1. It goes from 0 to T.")
def from_1_to_one_more_of_one_more(max_steps, s=0.008, max_beta=0.999):
    counts, angle = lambda T: t.arange(1, T + 2).double(), lambda n, T, s: (n / (T + 1) + s) / (1 + s) * math.pi / 2
    return _betas(max_steps, s, max_beta, counts=counts, angle=angle)


@wrong("With roll or index -1, the last value comes round")
def rolled(max_steps, s=0.008, max_beta=0.999):
    return _betas(max_steps, s, max_beta, beta=lambda f: 1 - f / f.roll(1))


@wrong("With roll or index -1, the last value comes round")
def rolled_without_the_end(max_steps, s=0.008, max_beta=0.999):
    return _betas(max_steps, s, max_beta, counts=lambda T: t.arange(T).double(), beta=lambda f: 1 - f / f.roll(1))


@wrong("With roll or index -1, the last value comes round")
def rolled_without_count_0(max_steps, s=0.008, max_beta=0.999):
    counts = lambda T: t.arange(1, T + 1, dtype=t.float64)
    return _betas(max_steps, s, max_beta, counts=counts, beta=lambda f: 1 - f / f.roll(1))


@wrong("You turn their order round.")
def turned_round(max_steps, s=0.008, max_beta=0.999):
    return _betas(max_steps, s, max_beta).flip(0)


@wrong("You come one step late with all of them.")
def from_one_less(max_steps, s=0.008, max_beta=0.999):
    return _betas(max_steps, s, max_beta, counts=lambda T: t.arange(-1, T, dtype=t.float64))


@wrong("Where is the first step? f begins at n = 0.")
def from_1_to_the_end(max_steps, s=0.008, max_beta=0.999):
    return _betas(max_steps, s, max_beta, counts=lambda T: t.arange(1, T + 1, dtype=t.float64))


@wrong("Where is the last step? f ends at n = T.")
def from_0_to_one_less(max_steps, s=0.008, max_beta=0.999):
    return _betas(max_steps, s, max_beta, counts=lambda T: t.arange(T, dtype=t.float64))


@wrong("Where is the last value of f? From 0 to T there are T + 1.")
def one_value_too_few(max_steps, s=0.008, max_beta=0.999):
    return _betas(max_steps, s, max_beta, counts=lambda T: t.linspace(0, T, T, dtype=t.float64))


@wrong("You have T + 2 values of f. From 0 to T there are T + 1.")
def one_value_too_many(max_steps, s=0.008, max_beta=0.999):
    return _betas(max_steps, s, max_beta, counts=lambda T: t.arange(T + 2, dtype=t.float64))


@wrong("You always make 1000 steps. Where is max_steps?")
def a_thousand_steps(max_steps, s=0.008, max_beta=0.999):
    return _betas(1000, s, max_beta)


@wrong("You give n = 0 a β. It's no step.")
def with_a_0_before(max_steps, s=0.008, max_beta=0.999):
    return t.cat([t.zeros(1), _betas(max_steps, s, max_beta)])


@wrong("You divide f by f(1), so the first one is 0.")
def divided_by_f_of_1(max_steps, s=0.008, max_beta=0.999):
    counts = lambda T: t.arange(1, T + 1, dtype=t.float64)
    return _betas(max_steps, s, max_beta, counts=counts, beta=lambda f: _from_alpha_bars(f / f[0]))


@wrong("You come one step late, and the first one is 0.")
def one_before_count_0(max_steps, s=0.008, max_beta=0.999):
    counts = lambda T: t.arange(T, dtype=t.float64)
    return _betas(max_steps, s, max_beta, counts=counts, beta=lambda f: _from_alpha_bars(f / f[0]))


@wrong("Only the first one is off.")
def f_taken_for_alpha_bar(max_steps, s=0.008, max_beta=0.999):
    counts = lambda T: t.arange(1, T + 1, dtype=t.float64)
    return _betas(max_steps, s, max_beta, counts=counts, beta=_from_alpha_bars)


@wrong("You divide only one of the two ᾱ by f(0).")
def only_the_earlier_divided(max_steps, s=0.008, max_beta=0.999):
    return _betas(max_steps, s, max_beta, beta=lambda f: 1 - f[1:] / (f[:-1] / f[0]))


@wrong("You divide only one of the two ᾱ by f(0).")
def only_the_later_divided(max_steps, s=0.008, max_beta=0.999):
    return _betas(max_steps, s, max_beta, beta=lambda f: 1 - f[1:] / f[0] / f[:-1])


# ------------------------------------------------------------------------------------------------ what is returned


@wrong("You return ᾱ. Which share of the variance does a single step take away?")
def alpha_bars(max_steps, s=0.008, max_beta=0.999):
    return _betas(max_steps, s, max_beta, beta=lambda f: f[1:] / f[0])


@wrong("You return ᾱ. Which share of the variance does a single step take away?")
def alpha_bars_of_the_clipped(max_steps, s=0.008, max_beta=0.999):
    return (1 - _betas(max_steps, s, max_beta)).cumprod(0)


@wrong("You return ᾱ, from n = 0 on. What does each step take away?")
def alpha_bars_from_count_0(max_steps, s=0.008, max_beta=0.999):
    return _betas(max_steps, s, max_beta, beta=lambda f: f / f[0], clip=lambda betas, top: betas)


@wrong("You return values of f. What does each step take away?")
def the_curve(max_steps, s=0.008, max_beta=0.999):
    return _betas(max_steps, s, max_beta, beta=lambda f: f[1:])


@wrong("You return 1 - ᾱ, of all steps so far. What does one do?")
def noise_after_all_steps(max_steps, s=0.008, max_beta=0.999):
    return _betas(max_steps, s, max_beta, beta=lambda f: 1 - f[1:] / f[0])


@wrong("You return 1 - ᾱ, of all steps so far. What does one do?")
def noise_after_all_steps_unclipped(max_steps, s=0.008, max_beta=0.999):
    return _betas(max_steps, s, max_beta, beta=lambda f: 1 - f[1:] / f[0], clip=lambda betas, top: betas)


@wrong("You return 1 - f, of all steps so far. What does one do?")
def one_less_the_curve(max_steps, s=0.008, max_beta=0.999):
    return _betas(max_steps, s, max_beta, beta=lambda f: 1 - f[1:])


@wrong("You turn the sign of each round.")
def one_taken_away(max_steps, s=0.008, max_beta=0.999):
    return _betas(max_steps, s, max_beta, beta=lambda f: f[1:] / f[:-1] - 1)


@wrong("You return what each step keeps. Where is the 1 - ?")
def alphas(max_steps, s=0.008, max_beta=0.999):
    return _betas(max_steps, s, max_beta, beta=lambda f: f[1:] / f[:-1])


@wrong("You return what each step keeps. Where is the 1 - ?")
def alphas_of_the_clipped(max_steps, s=0.008, max_beta=0.999):
    return 1 - _betas(max_steps, s, max_beta)


@wrong("You return standard deviations, with one root too many.")
def roots(max_steps, s=0.008, max_beta=0.999):
    return _betas(max_steps, s, max_beta).sqrt()


@wrong("You return standard deviations, with one root too many.")
def roots_clipped(max_steps, s=0.008, max_beta=0.999):
    return _betas(max_steps, s, max_beta, clip=lambda betas, top: betas.sqrt().clamp(max=top))


@wrong("You turn the quotient upside down.")
def upside_down(max_steps, s=0.008, max_beta=0.999):
    return _betas(max_steps, s, max_beta, beta=lambda f: 1 - f[:-1] / f[1:])


@wrong("You turn the quotient upside down and clip it from below, so all are 0.")
def upside_down_above_0(max_steps, s=0.008, max_beta=0.999):
    return _betas(max_steps, s, max_beta, beta=lambda f: (1 - f[:-1] / f[1:]).clamp(min=0))


@wrong("You turn the quotient upside down, or take 1 less each of the two, so all are clipped.")
def upside_down_without_1(max_steps, s=0.008, max_beta=0.999):
    return _betas(max_steps, s, max_beta, beta=lambda f: f[:-1] / f[1:])


@wrong("You subtract before you divide. Mind the parentheses of β.")
def subtracted_first(max_steps, s=0.008, max_beta=0.999):
    return _betas(max_steps, s, max_beta, beta=lambda f: (1 - f[1:] / f[0]) / (f[:-1] / f[0]))


@wrong("You return values of f. What does each step take away?")
def curve_from_count_0(max_steps, s=0.008, max_beta=0.999):
    return _betas(max_steps, s, max_beta, beta=lambda f: f, clip=lambda betas, top: betas)


@wrong("You divide by the later f. It's divided by the earlier one.")
def divided_by_the_later(max_steps, s=0.008, max_beta=0.999):
    return _betas(max_steps, s, max_beta, beta=lambda f: (f[:-1] - f[1:]) / f[1:])


@wrong("You return differences of f. Where is each divided?")
def differences(max_steps, s=0.008, max_beta=0.999):
    return _betas(max_steps, s, max_beta, beta=lambda f: f[:-1] - f[1:])


@wrong("You return differences of ᾱ. Where is each divided?")
def differences_of_alpha_bar(max_steps, s=0.008, max_beta=0.999):
    return _betas(max_steps, s, max_beta, beta=lambda f: (f[:-1] - f[1:]) / f[0])


@wrong("gives 1 number: [0.6],\nexpected 4:")
def the_last_alone(max_steps, s=0.008, max_beta=0.999):
    return _betas(max_steps, s, max_beta)[-1:]


@wrong("returns a tensor of shape (4, 1), expected shape (4,)")
def a_column(max_steps, s=0.008, max_beta=0.999):
    return _betas(max_steps, s, max_beta)[:, None]


@wrong("expected torch.float32.\nThe sum may be done in float64.")
def float64(max_steps, s=0.008, max_beta=0.999):
    return _betas(max_steps, s, max_beta).double()


@wrong("returns a list, expected one tensor")
def a_list(max_steps, s=0.008, max_beta=0.999):
    return _betas(max_steps, s, max_beta).tolist()


@wrong("returns an ndarray, expected one tensor")
def left_in_numpy(max_steps, s=0.008, max_beta=0.999):
    return _betas(max_steps, s, max_beta).numpy()


@wrong("returns None")
def no_return(max_steps, s=0.008, max_beta=0.999):
    _betas(max_steps, s, max_beta)


# ------------------------------------------------------------------------------------------------ the clip


@wrong("Where are they clipped at max_beta?")
def not_clipped(max_steps, s=0.008, max_beta=0.999):
    return _betas(max_steps, s, max_beta, clip=lambda betas, top: betas)


@wrong("Where are they clipped at max_beta?")
def clipped_at_1(max_steps, s=0.008, max_beta=0.999):
    return _betas(max_steps, s, 1.0)


@wrong("Where are they clipped at max_beta?")
def clipped_in_vain(max_steps, s=0.008, max_beta=0.999):
    def clip(betas, top):
        betas.clamp(max=top)
        return betas

    return _betas(max_steps, s, max_beta, clip=clip)


@wrong("You clip at a fixed number. Where is max_beta?")
def clipped_at_the_default(max_steps, s=0.008, max_beta=0.999):
    return _betas(max_steps, s, 0.999)


@wrong("You clip at a fixed number. Where is max_beta?")
def clipped_at_another_fixed_beta(max_steps, s=0.008, max_beta=0.999):
    return _betas(max_steps, s, 0.9999)


@wrong("You clip the last one alone. All are clipped.")
def last_one_clipped(max_steps, s=0.008, max_beta=0.999):
    return t.cat([_betas(max_steps, s, 1.0)[:-1], t.tensor([max_beta])])


@wrong("You leave out those above max_beta. They become max_beta.")
def left_out(max_steps, s=0.008, max_beta=0.999):
    return _betas(max_steps, s, max_beta, clip=lambda betas, top: betas[betas <= top])


@wrong("You take max_beta for a lower limit. No β is above it.")
def clipped_from_below(max_steps, s=0.008, max_beta=0.999):
    return _betas(max_steps, s, max_beta, clip=lambda betas, top: betas.clamp(top))


@wrong("You set a lower limit, 0.0001, too. The text has none.")
def lower_limit(max_steps, s=0.008, max_beta=0.999):
    return _betas(max_steps, s, max_beta).clamp(min=0.0001)


@wrong("You set a lower limit, 0.01, too. The text has none.")
def high_lower_limit(max_steps, s=0.008, max_beta=0.999):
    return _betas(max_steps, s, max_beta).clamp(min=0.01)


@wrong("You set those above max_beta to 0. They become max_beta.")
def large_ones_set_to_0(max_steps, s=0.008, max_beta=0.999):
    return _betas(max_steps, s, max_beta, clip=lambda betas, top: betas.where(betas <= top, 0.0))


@wrong("You multiply all by max_beta. Only those above it change.")
def scaled(max_steps, s=0.008, max_beta=0.999):
    return _betas(max_steps, s, max_beta, clip=lambda betas, top: betas / betas.max() * top)


@wrong("You clip what a step keeps. β is clipped.")
def alphas_clipped(max_steps, s=0.008, max_beta=0.999):
    return _betas(max_steps, s, max_beta, clip=lambda betas, top: 1 - (1 - betas).clamp(max=top))


@wrong("You clip ᾱ. β is clipped.")
def alpha_bars_clipped(max_steps, s=0.008, max_beta=0.999):
    def beta(f):
        bars = (f / f[0]).clamp(max=max_beta)
        return 1 - bars[1:] / bars[:-1]

    return _betas(max_steps, s, max_beta, beta=beta, clip=lambda betas, top: betas)


@wrong("You clip ᾱ. β is clipped.")
def alpha_bars_clipped_from_below(max_steps, s=0.008, max_beta=0.999):
    def beta(f):
        bars = (f / f[0]).clamp(min=1 - max_beta)
        return 1 - bars[1:] / bars[:-1]

    return _betas(max_steps, s, max_beta, beta=beta, clip=lambda betas, top: betas)


# ------------------------------------------------------------------------------------------------ other slips


@wrong("Nearly right, but you lose digits, by rounding")
def rounded(max_steps, s=0.008, max_beta=0.999):
    return _betas(max_steps, s, max_beta).round(decimals=4)


@wrong("You clip at another number than max_beta, or change its default.")
def another_default(max_steps, s=0.008, max_beta=0.9):
    return _betas(max_steps, s, max_beta)


@wrong("Nearly right, but you lose digits, by rounding")
def in_half_precision(max_steps, s=0.008, max_beta=0.999):
    return _betas(max_steps, s, max_beta, counts=lambda T: t.arange(T + 1), f=lambda angle: t.cos(angle).half() ** 2)


@wrong("You set a lower limit, 0.0001, too. The text has none.")
def lower_limit_in_float32(max_steps, s=0.008, max_beta=0.999):
    x = t.linspace(0, max_steps, max_steps + 1)
    bars = t.cos((x / max_steps + s) / (1 + s) * math.pi * 0.5) ** 2
    bars = bars / bars[0]
    return t.clip(1 - bars[1:] / bars[:-1], 0.0001, max_beta)


@wrong("You take a fixed number. Where is s?")
def s_fixed_in_float32(max_steps, s=0.008, max_beta=0.999):
    bars = t.cos((t.linspace(0, 1, max_steps + 1) + 0.008) / 1.008 * math.pi / 2) ** 2
    return (1 - bars[1:] / bars[:-1]).clamp(max=max_beta)


# ------------------------------------------------------------------------------------------------ from the field


@right
def double_angle(max_steps, s=0.008, max_beta=0.999):
    """2 cos² is 1 + the cosine of twice the angle, and the 2 cancels."""
    return _betas(max_steps, s, max_beta, f=lambda angle: 1 + t.cos(2 * angle))


@right
def sine_of_what_is_left(max_steps, s=0.008, max_beta=0.999):
    return _betas(max_steps, s, max_beta, f=lambda angle: t.sin(math.pi / 2 - angle) ** 2)


@right
def clipped_at_0_too(max_steps, s=0.008, max_beta=0.999):
    return _betas(max_steps, s, max_beta, clip=lambda betas, top: betas.clamp(0, top))


@wrong("Where is π halved?")
def no_half(max_steps, s=0.008, max_beta=0.999):
    angle, clip = (lambda n, T, s: (n / T + s) / (1 + s) * math.pi), (lambda betas, top: betas.clamp(0, top))
    return _betas(max_steps, s, max_beta, angle=angle, clip=clip)


@wrong("You halve the fraction. Where is π?")
def half_without_pi(max_steps, s=0.008, max_beta=0.999):
    return _betas(max_steps, s, max_beta, angle=lambda n, T, s: (n / T + s) / (1 + s) / 2)


@wrong("You square the cosine twice, or the quotient.")
def squared_again(max_steps, s=0.008, max_beta=0.999):
    return _betas(max_steps, s, max_beta, f=lambda angle: t.cos(angle) ** 4)


@wrong("You halve π twice")
def double_angle_not_doubled(max_steps, s=0.008, max_beta=0.999):
    return _betas(max_steps, s, max_beta, f=lambda angle: 1 + t.cos(angle))


@wrong("a π written down, or")
def pi_written_down(max_steps, s=0.008, max_beta=0.999):
    return _betas(max_steps, s, max_beta, angle=lambda n, T, s: (n / T + s) / (1 + s) * 3.14 / 2)


@wrong("You return Part 1's linear schedule.")
def linear(max_steps, s=0.008, max_beta=0.999):
    return t.linspace(0.0001, 0.02, max_steps)


@wrong("You clip at a fixed number. Where is max_beta?")
def clipped_as_elsewhere(max_steps, s=0.008, max_beta=0.999):
    return _betas(max_steps, s, max_beta, clip=lambda betas, top: betas.clip(0.0001, 0.9999))


betas = t.linspace(0.0001, 0.02, 1000)  # as another cell may have left it


@wrong("`betas` is no argument: it comes from another cell.")
def length_left_over(max_steps, s=0.008, max_beta=0.999):
    return _betas(len(betas), s, max_beta)


@wrong("You let n run from T down to 0.")
def from_the_end(max_steps, s=0.008, max_beta=0.999):
    return _betas(max_steps, s, max_beta, counts=lambda T: t.arange(T, -1, -1, dtype=t.float64))


@wrong("or a small number that is added.")
def never_divided_by_0(max_steps, s=0.008, max_beta=0.999):
    return _betas(max_steps, s, max_beta, beta=lambda f: 1 - f[1:] / (f[:-1] + 1e-5))


@wrong("You let n go from 1 to T.")
def spaced_from_1(max_steps, s=0.008, max_beta=0.999):
    return _betas(max_steps, s, max_beta, counts=lambda T: t.linspace(1, T, T + 1, dtype=t.float64))


@wrong("You let n end at T - 1.")
def spaced_to_one_before(max_steps, s=0.008, max_beta=0.999):
    return _betas(max_steps, s, max_beta, counts=lambda T: t.linspace(0, T - 1, T + 1, dtype=t.float64))


@wrong("You double π.")
def whole_turn(max_steps, s=0.008, max_beta=0.999):
    return _betas(max_steps, s, max_beta, angle=lambda n, T, s: (n / T + s) / (1 + s) * 2 * math.pi)


@wrong("You take the second one twice.")
def filled_up_at_the_front(max_steps, s=0.008, max_beta=0.999):
    betas = _betas(max_steps, s, max_beta)
    return t.cat([betas[1:2], betas[1:]])


@wrong("You subtract s.")
def s_subtracted(max_steps, s=0.008, max_beta=0.999):
    return _betas(max_steps, -s, max_beta)


@wrong("You subtract s.")
def s_subtracted_below_the_line(max_steps, s=0.008, max_beta=0.999):
    return _betas(max_steps, s, max_beta, angle=lambda n, T, s: (n / T + s) / (1 - s) * math.pi / 2)


@wrong("You swap s and max_beta.")
def arguments_in_another_order(max_steps, max_beta=0.999, s=0.008):
    return _betas(max_steps, s, max_beta)


@wrong("You multiply n/T by s.")
def s_as_a_factor(max_steps, s=0.008, max_beta=0.999):
    return _betas(max_steps, s, max_beta, angle=lambda n, T, s: (n / T * s) / (1 + s) * math.pi / 2)


# ------------------------------------------------------------------------------------------------ mutants

EQUIVALENT = {
    "float32 has fewer digits, and enough": [
        "n = t.arange(max_steps + 1, dtype=t.float64) -> n = t.arange(max_steps + 1)",
    ],
}
