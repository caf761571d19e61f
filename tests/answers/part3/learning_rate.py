import math
from fractions import Fraction
from itertools import accumulate

import numpy as np
import torch as t

from tests.answers import right, wrong


def _rate(
    step,
    total_steps,
    peak,
    warmup,
    *,
    rise=lambda n, w: n / w,
    fall=lambda n, N, w: (N - n) / (N - w),
):
    """A right learning rate, with one place for each mistake."""
    return peak * (rise(step, warmup) if step <= warmup else fall(step, total_steps, warmup))


# ------------------------------------------------------------------------------------------------ right


@right
def two_lines(step, total_steps, peak, warmup):
    return peak * step / warmup if step <= warmup else peak * (total_steps - step) / (total_steps - warmup)


@right
def the_lower_of_both_lines(step, total_steps, peak, warmup):
    return peak * min(step / warmup, (total_steps - step) / (total_steps - warmup))


@right
def both_stopped_at_1(step, total_steps, peak, warmup):
    return min(1, step / warmup) * min(1, (total_steps - step) / (total_steps - warmup)) * peak


@right
def interpolated(step, total_steps, peak, warmup):
    return np.interp(step, [0, warmup, total_steps], [0, peak, 0])


@right
def step_by_step(step, total_steps, peak, warmup):
    rate = 0.0
    for n in range(1, step + 1):
        rate += peak / warmup if n <= warmup else -peak / (total_steps - warmup)
    return rate


@right
def added_up_in_float32(step, total_steps, peak, warmup):
    ups = [peak / warmup] * warmup + [-peak / (total_steps - warmup)] * (total_steps - warmup)
    return float(np.cumsum(np.array(ups, dtype=np.float32))[step - 1])


@right
def accumulated(step, total_steps, peak, warmup):
    ups = [peak / warmup] * warmup + [-peak / (total_steps - warmup)] * (total_steps - warmup)
    return [*accumulate(ups, initial=0)][step]


@right
def as_a_tensor(step, total_steps, peak, warmup):
    return peak * t.tensor([step / warmup, 1 - (step - warmup) / (total_steps - warmup)]).min()


@right
def a_tensor_of_one_number(step, total_steps, peak, warmup):
    return t.where(
        t.tensor([step]) < warmup,
        t.tensor([peak * step / warmup]),
        t.tensor([peak - peak * (step - warmup) / (total_steps - warmup)]),
    )


@right
def looked_up(step, total_steps, peak, warmup):
    up, down = t.linspace(0, peak, warmup + 1), t.linspace(peak, 0, total_steps - warmup + 1)
    return t.cat([up, down[1:]])[step].item()


@right
def looked_up_in_numpy(step, total_steps, peak, warmup):
    up, down = np.linspace(0, peak, warmup, endpoint=False), np.linspace(peak, 0, total_steps - warmup + 1)
    return np.concatenate([up, down], dtype=np.float32)[step]


@right
def with_lerp(step, total_steps, peak, warmup):
    start, end, share = 0, peak, step / warmup
    if step > warmup:
        start, end, share = peak, 0, (step - warmup) / (total_steps - warmup)
    return start + (end - start) * share


@right
def as_a_fraction(step, total_steps, peak, warmup):
    share = Fraction(step, warmup) if step < warmup else Fraction(total_steps - step, total_steps - warmup)
    return Fraction(peak) * share


@right
def by_a_scheduler(step, total_steps, peak, warmup):
    optimizer = t.optim.SGD([t.zeros(1)], lr=peak)
    schedule = t.optim.lr_scheduler.LambdaLR(
        optimizer, lambda n: n / warmup if n < warmup else max(0, total_steps - n) / (total_steps - warmup)
    )
    for _ in range(step):
        optimizer.step()
        schedule.step()
    return schedule.get_last_lr()[0]


@right
def as_a_triangle(step, total_steps, peak, warmup):
    """Two straight lines are one and the size of another."""
    up, down = 1 / warmup, 1 / (total_steps - warmup)
    return peak * (1 + (up - down) / 2 * (step - warmup) - (up + down) / 2 * abs(step - warmup))


# ------------------------------------------------------------------------------------------------ counted from 0


@wrong("You come one step late with all values.")
def one_step_late(step, total_steps, peak, warmup):
    return _rate(step - 1, total_steps, peak, warmup)


@wrong("You come one step early with all values.")
def one_step_early(step, total_steps, peak, warmup):
    return _rate(step + 1, total_steps, peak, warmup)


@wrong("You come one step early with all values.")
def one_step_early_and_never_negative(step, total_steps, peak, warmup):
    return max(0, _rate(step + 1, total_steps, peak, warmup))


@wrong("You begin with a rate of 0.")
def rise_from_index_0(step, total_steps, peak, warmup):
    return _rate(step, total_steps, peak, warmup, rise=lambda n, w: (n - 1) / w)


@wrong("You let it rise from 0 at step 1.")
def rise_with_0_among_its_steps(step, total_steps, peak, warmup):
    rise = lambda n, w: t.linspace(0, 1, w)[n - 1].item()
    return _rate(step, total_steps, peak, warmup, rise=rise)


@wrong("You reach the peak a step early. Steps are counted from 1.")
def rise_one_step_early(step, total_steps, peak, warmup):
    if step < warmup:
        return peak * (step + 1) / warmup
    return peak * (total_steps - step) / (total_steps - warmup)


# ------------------------------------------------------------------------------------------------ the warm-up


@wrong("You divide the rise by warmup + 1.")
def rise_too_long(step, total_steps, peak, warmup):
    return _rate(step, total_steps, peak, warmup, rise=lambda n, w: n / (w + 1))


@wrong("The first value is right. Where do the next ones grow?")
def first_value_throughout(step, total_steps, peak, warmup):
    return _rate(step, total_steps, peak, warmup, rise=lambda n, w: 1 / w)


@wrong("It begins at the peak and stays there.")
def flat_at_first(step, total_steps, peak, warmup):
    return peak * min(1, (total_steps - step) / (total_steps - warmup))


@wrong("It falls all the way from step 0.")
def no_warmup(step, total_steps, peak, warmup):
    return peak * (total_steps - step) / total_steps


@wrong("It falls all the way from step 1.")
def no_warmup_from_step_1(step, total_steps, peak, warmup):
    return peak * (1 - (step - 1) / (total_steps - 1))


@wrong("You take a fixed number. Where is warmup?")
def fixed_warmup(step, total_steps, peak, warmup):
    return _rate(step, total_steps, peak, 100)


@wrong("returns None.\nWhere does each way through the function end in a return?")
def only_the_fall_returns(step, total_steps, peak, warmup):
    if step > warmup:
        return peak * (total_steps - step) / (total_steps - warmup)


@wrong("learning_rate(4, 8, peak=0.9, warmup=3) returns None")
def only_the_warmup_returns(step, total_steps, peak, warmup):
    if step <= warmup:
        return peak * step / warmup


@wrong("You keep it at 0 in the warm-up, or // rounds it down.")
def whole_rates_in_the_rise(step, total_steps, peak, warmup):
    return peak * step // warmup if step <= warmup else peak * (total_steps - step) / (total_steps - warmup)


@wrong("You round the rise down with //.")
def whole_shares_in_the_rise(step, total_steps, peak, warmup):
    return _rate(step, total_steps, peak, warmup, rise=lambda n, w: n // w)


@wrong("Where is the rise divided by its number of steps?")
def rise_not_divided(step, total_steps, peak, warmup):
    return _rate(step, total_steps, peak, warmup, rise=lambda n, w: n)


@wrong("You let the rise take all steps. It takes warmup of them.")
def rise_over_all_steps(step, total_steps, peak, warmup):
    return _rate(step, total_steps, peak, warmup, rise=lambda n, w: n / total_steps)


@wrong("The fall alone begins above the peak.")
def the_fall_alone(step, total_steps, peak, warmup):
    return peak * (total_steps - step) / (total_steps - warmup)


@wrong("You turn the fraction of the rise upside down.")
def rise_upside_down(step, total_steps, peak, warmup):
    return _rate(step, total_steps, peak, warmup, rise=lambda n, w: w / n)


@wrong("Where is the rise divided by warmup, and where does it fall?")
def peak_times_step(step, total_steps, peak, warmup):
    return peak * step


@wrong("You let it rise over all steps. It has a peak on the way.")
def one_rise(step, total_steps, peak, warmup):
    return peak * step / total_steps


@wrong("You let the rise come a step early.")
def rise_one_step_early_beyond_the_peak(step, total_steps, peak, warmup):
    return _rate(step, total_steps, peak, warmup, rise=lambda n, w: (n + 1) / w)


@wrong("You begin the rise above 0.")
def rise_from_the_first_value(step, total_steps, peak, warmup):
    start = peak / warmup
    return start + (peak - start) * step / warmup if step <= warmup else _rate(step, total_steps, peak, warmup)


@wrong("You let it rise like a root. A straight line is asked for.")
def root_rise(step, total_steps, peak, warmup):
    return _rate(step, total_steps, peak, warmup, rise=lambda n, w: (n / w) ** 0.5)


@wrong("You square the rise. A straight line is asked for.")
def squared_rise(step, total_steps, peak, warmup):
    return _rate(step, total_steps, peak, warmup, rise=lambda n, w: (n / w) ** 2)


@wrong("You let it rise like a cosine.")
def cosine_rise(step, total_steps, peak, warmup):
    return _rate(step, total_steps, peak, warmup, rise=lambda n, w: 0.5 - 0.5 * math.cos(math.pi * n / w))


@wrong("You go on with the rise one step beyond warmup.")
def rise_goes_on(step, total_steps, peak, warmup):
    return peak * step / warmup if step <= warmup + 1 else peak * (total_steps - step) / (total_steps - warmup)


@wrong("You begin the fall before step warmup.")
def fall_begins_early(step, total_steps, peak, warmup):
    return peak * step / warmup if step < warmup - 1 else peak * (total_steps - step) / (total_steps - warmup)


@wrong("You put the peak in the middle. It's at step warmup.")
def peak_in_the_middle(step, total_steps, peak, warmup):
    return peak * min(2 * step / total_steps, 2 - 2 * step / total_steps)


# ------------------------------------------------------------------------------------------------ the fall


@wrong("Mind the parentheses of the fall.")
def no_parentheses_below(step, total_steps, peak, warmup):
    return peak * step / warmup if step <= warmup else peak * (total_steps - step) / total_steps - warmup


@wrong("Mind the parentheses of the fall.")
def no_parentheses_above(step, total_steps, peak, warmup):
    return peak * step / warmup if step <= warmup else peak * total_steps - step / (total_steps - warmup)


@wrong("Mind the parentheses of the fall.")
def no_parentheses_at_all(step, total_steps, peak, warmup):
    return peak * step / warmup if step <= warmup else peak * total_steps - step / total_steps - warmup


@wrong("Where is the fall multiplied by peak?")
def fall_not_multiplied(step, total_steps, peak, warmup):
    return peak * step / warmup if step <= warmup else peak - (step - warmup) / (total_steps - warmup)


@wrong("You measure the fall from step 0.")
def fall_from_step_0(step, total_steps, peak, warmup):
    return peak * min(step / warmup, (total_steps - step) / total_steps)


@wrong("You divide the fall by one step too many.")
def fall_too_long(step, total_steps, peak, warmup):
    return _rate(step, total_steps, peak, warmup, fall=lambda n, N, w: (N - n) / (N - w + 1))


@wrong("You divide by a number of steps that can be 0")
def fall_upside_down(step, total_steps, peak, warmup):
    return _rate(step, total_steps, peak, warmup, fall=lambda n, N, w: (N - w) / (N - n))


@wrong("Where is the fall divided by its number of steps?")
def fall_not_divided(step, total_steps, peak, warmup):
    return _rate(step, total_steps, peak, warmup, fall=lambda n, N, w: N - n)


@wrong("You divide the fall by the number of steps of the rise.")
def fall_divided_by_warmup(step, total_steps, peak, warmup):
    return _rate(step, total_steps, peak, warmup, fall=lambda n, N, w: (N - n) / w)


@wrong("You subtract the wrong way round, so the fall is below 0.")
def fall_below_0(step, total_steps, peak, warmup):
    return _rate(step, total_steps, peak, warmup, fall=lambda n, N, w: (n - N) / (N - w))


@wrong("You drop to 0 right after the peak, or // rounds it down.")
def whole_rates_in_the_fall(step, total_steps, peak, warmup):
    return peak * step / warmup if step <= warmup else peak * (total_steps - step) // (total_steps - warmup)


@wrong("Where does it fall after the warm-up?")
def no_fall(step, total_steps, peak, warmup):
    return peak * min(1, step / warmup)


@wrong("Where does it fall before the last step?")
def flat_until_the_end(step, total_steps, peak, warmup):
    return 0.0 if step == total_steps else peak * min(1, step / warmup)


@wrong("You drop to 0 right after the peak, or // rounds it down.")
def nothing_after_the_peak(step, total_steps, peak, warmup):
    return peak * step / warmup if step <= warmup else 0


@wrong("You let it rise beyond the peak. Where does it fall?")
def never_falls(step, total_steps, peak, warmup):
    return peak * step / warmup


@wrong("You let it drop and rise again.")
def rising_again(step, total_steps, peak, warmup):
    return _rate(step, total_steps, peak, warmup, fall=lambda n, N, w: (n - w) / (N - w))


@wrong("You reach 0 one step after the last one.")
def zero_one_step_late(step, total_steps, peak, warmup):
    return _rate(step, total_steps + 1, peak, warmup)


@wrong("You let the whole fall come one step late.")
def fall_one_step_late(step, total_steps, peak, warmup):
    return _rate(step, total_steps, peak, warmup, fall=lambda n, N, w: 1 - (n - 1 - w) / (N - w))


@wrong("You let the peak last for two steps. How long is the fall?")
def peak_lasts(step, total_steps, peak, warmup):
    return _rate(step, total_steps, peak, warmup, fall=lambda n, N, w: t.linspace(1, 0, N - w)[n - w - 1].item())


@wrong("You reach 0 one step before the last one.")
def zero_one_step_early(step, total_steps, peak, warmup):
    return max(0.0, _rate(step, total_steps - 1, peak, warmup))


@wrong("You reach 0 one step before the last one.")
def negative_at_the_end(step, total_steps, peak, warmup):
    return _rate(step, total_steps - 1, peak, warmup)


@wrong("You let the whole fall come one step early.")
def fall_one_step_early(step, total_steps, peak, warmup):
    return _rate(step, total_steps, peak, warmup, fall=lambda n, N, w: (N - n - 1) / (N - w))


@wrong("You divide the fall by total_steps, so it jumps after the peak.")
def jump_after_the_peak(step, total_steps, peak, warmup):
    return _rate(step, total_steps, peak, warmup, fall=lambda n, N, w: (N - n) / N)


@wrong("You divide the fall by total_steps, so it isn't 0 at the end.")
def fall_over_all_steps(step, total_steps, peak, warmup):
    return _rate(step, total_steps, peak, warmup, fall=lambda n, N, w: 1 - (n - w) / N)


@wrong("You take warmup away from the steps that are left, too.")
def warmup_taken_away_twice(step, total_steps, peak, warmup):
    return _rate(step, total_steps, peak, warmup, fall=lambda n, N, w: 1 - n / (N - w))


@wrong("You begin the fall at step 0, which cuts off the peak.")
def falls_from_the_start(step, total_steps, peak, warmup):
    return peak * min(1, step / warmup) * (1 - step / total_steps)


@wrong("You multiply both lines. One holds at a time.")
def both_lines_multiplied(step, total_steps, peak, warmup):
    return peak * step / warmup * (total_steps - step) / (total_steps - warmup)


@wrong("You swap the two lines, or take the higher one.")
def the_higher_of_both_lines(step, total_steps, peak, warmup):
    return peak * max(step / warmup, (total_steps - step) / (total_steps - warmup))


@wrong("You swap the two lines, or take the higher one.")
def lines_swapped(step, total_steps, peak, warmup):
    return peak * step / warmup if step > warmup else peak * (total_steps - step) / (total_steps - warmup)


# ------------------------------------------------------------------------------------------------ no straight line


@wrong("You let it fall like a cosine.")
def cosine(step, total_steps, peak, warmup):
    return _rate(
        step, total_steps, peak, warmup, fall=lambda n, N, w: 0.5 * (1 + math.cos(math.pi * (n - w) / (N - w)))
    )


@wrong("You let it fall like a quarter of a cosine.")
def quarter_of_a_cosine(step, total_steps, peak, warmup):
    return _rate(step, total_steps, peak, warmup, fall=lambda n, N, w: math.cos(math.pi / 2 * (n - w) / (N - w)))


@wrong("You square the fall. A straight line is asked for.")
def squared(step, total_steps, peak, warmup):
    return _rate(step, total_steps, peak, warmup, fall=lambda n, N, w: ((N - n) / (N - w)) ** 2)


@wrong("You divide the fall by the step.")
def divided_by_the_step(step, total_steps, peak, warmup):
    return _rate(step, total_steps, peak, warmup, fall=lambda n, N, w: w / n)


@wrong("You divide the fall by the root of the step.")
def divided_by_the_root(step, total_steps, peak, warmup):
    return peak * min(step / warmup, (warmup / step) ** 0.5)


@wrong("You multiply each rate after the peak by the same factor.")
def exponential(step, total_steps, peak, warmup):
    return _rate(step, total_steps, peak, warmup, fall=lambda n, N, w: math.exp(-(n - w) / (N - w)))


@wrong("You multiply each rate after the peak by the same factor.")
def a_hundredth_less(step, total_steps, peak, warmup):
    return _rate(step, total_steps, peak, warmup, fall=lambda n, N, w: 0.99 ** (n - w))


@wrong("You divide with //, which gives whole numbers.")
def whole_numbers(step, total_steps, peak, warmup):
    return _rate(step, total_steps, peak, warmup, rise=lambda n, w: n // w, fall=lambda n, N, w: (N - n) // (N - w))


@wrong("You round to a whole number, as // does.")
def whole_rates(step, total_steps, peak, warmup):
    return peak * step // warmup if step <= warmup else peak * (total_steps - step) // (total_steps - warmup)


# ------------------------------------------------------------------------------------------------ other slips


@wrong("Where is peak?")
def no_peak(step, total_steps, peak, warmup):
    return _rate(step, total_steps, 1, warmup)


@wrong("You take a fixed number. Where is peak?")
def fixed_peak(step, total_steps, peak, warmup):
    return _rate(step, total_steps, 0.002, warmup)


@wrong("Where is peak in the rise?")
def no_peak_in_the_rise(step, total_steps, peak, warmup):
    return step / warmup if step <= warmup else peak * (total_steps - step) / (total_steps - warmup)


@wrong("Where is peak in the fall?")
def no_peak_in_the_fall(step, total_steps, peak, warmup):
    return peak * step / warmup if step <= warmup else (total_steps - step) / (total_steps - warmup)


@wrong("You take a fixed number. Where is total_steps?")
def fixed_total_steps(step, total_steps, peak, warmup):
    return _rate(step, 1000, peak, warmup)


@wrong("You round them.")
def rounded(step, total_steps, peak, warmup):
    return round(_rate(step, total_steps, peak, warmup), 2)


@wrong("You keep a lowest rate. At the last step it's 0.")
def with_a_lowest_rate(step, total_steps, peak, warmup):
    return max(1e-5, _rate(step, total_steps, peak, warmup))


@wrong("returns an ndarray, expected one number")
def all_steps(step, total_steps, peak, warmup):
    return np.interp(np.arange(1, total_steps + 1), [0, warmup, total_steps], [0, peak, 0])


@wrong("returns a tuple, expected one number.\nYou return more than one number.")
def both_lines(step, total_steps, peak, warmup):
    return peak * step / warmup, peak * (total_steps - step) / (total_steps - warmup)


@wrong("You divide 0 by 0.")
def not_a_number(step, total_steps, peak, warmup):
    return np.float64(peak) * np.nan


@wrong("returns None")
def no_return(step, total_steps, peak, warmup):
    _rate(step, total_steps, peak, warmup)


# ------------------------------------------------------------------------------------------------ from the field


@right
def a_tensor_of_one(step, total_steps, peak, warmup):
    return t.tensor(_rate(step, total_steps, peak, warmup))


@right
def taken_off_the_peak(step, total_steps, peak, warmup):
    if step <= warmup:
        return peak - peak * (warmup - step) / warmup
    return peak - peak * (step - warmup) / (total_steps - warmup)


@wrong("You count steps from 0, as in (step + 1) / (warmup + 1).")
def nanogpt_plus_1(step, total_steps, peak, warmup):
    if step < warmup:
        return peak * (step + 1) / (warmup + 1)
    return peak * (total_steps - step) / (total_steps - warmup)


@wrong("Here the first one is step 1. You let it fall like a cosine.")
def nanogpt(step, total_steps, peak, warmup):
    if step < warmup:
        return peak * (step + 1) / (warmup + 1)
    return peak * (1 + math.cos(math.pi * (step - warmup) / (total_steps - warmup))) / 2


@wrong("You let it fall like a cosine, without its π.")
def cosine_without_pi(step, total_steps, peak, warmup):
    return _rate(step, total_steps, peak, warmup, fall=lambda n, N, w: (1 + math.cos((n - w) / (N - w))) / 2)


@wrong("You let it fall like a cosine that isn't halved.")
def cosine_not_halved(step, total_steps, peak, warmup):
    return _rate(step, total_steps, peak, warmup, fall=lambda n, N, w: 1 + math.cos(math.pi * (n - w) / (N - w)))


@wrong("You round them.")
def four_digits(step, total_steps, peak, warmup):
    return round(_rate(step, total_steps, peak, warmup), 4)


@wrong("You round them.")
def five_digits(step, total_steps, peak, warmup):
    return round(_rate(step, total_steps, peak, warmup), 5)


@wrong("You round them.")
def digits_cut_off(step, total_steps, peak, warmup):
    return int(10000 * _rate(step, total_steps, peak, warmup)) / 10000


@wrong("You change it in stairs.")
def stairs_of_25(step, total_steps, peak, warmup):
    return _rate(step // 25 * 25 if step > 25 else step, total_steps, peak, warmup)


@wrong("You change it in stairs.")
def stairs_of_5(step, total_steps, peak, warmup):
    return _rate(-(-step // 5) * 5 if total_steps > 100 else step, total_steps, peak, warmup)


@wrong("You rise from 0.09 at step 0 to 0.9 at step 3. It rises from 0 to peak.")
def begins_at_a_tenth(step, total_steps, peak, warmup):
    return _rate(step, total_steps, peak, warmup, rise=lambda n, w: 0.1 + 0.9 * n / w)


@wrong("You rise from 0 at step 0 to 0.005 at step 3. It rises from 0 to peak.")
def rises_to_another_peak(step, total_steps, peak, warmup):
    return _rate(step, total_steps, peak, warmup, rise=lambda n, w: 0.005 / peak * n / w)


@wrong("You divide by step in the rise. peak is multiplied by it.")
def peak_divided_by_step(step, total_steps, peak, warmup):
    return _rate(step, total_steps, peak, warmup, rise=lambda n, w: 1 / n)


@wrong("You have the fall right. Where is the line from 0 at step 0 to peak at step warmup?")
def first_rate_kept_for_a_step(step, total_steps, peak, warmup):
    return _rate(step, total_steps, peak, warmup, rise=lambda n, w: max(1, n - 1) / w)


@wrong("You multiply both lines. One holds at a time.")
def fall_on_top_of_the_rise(step, total_steps, peak, warmup):
    return peak * min(1, step / warmup) * (total_steps - step) / (total_steps - warmup)


@wrong("You rise from 1e-06 at step 0 to 0.002 at step 48.")
def begins_at_a_millionth(step, total_steps, peak, warmup):
    return _rate(step, total_steps, peak, warmup, rise=lambda n, w: n / w + (1 - n / w) * 1e-6 / peak)


@wrong("You hold the peak for some steps.")
def plateau(step, total_steps, peak, warmup):
    return peak if warmup < step <= 2 * warmup else _rate(step, total_steps, peak, warmup)


@wrong("You hold the peak for some steps.")
def falls_in_the_last_fifth(step, total_steps, peak, warmup):
    fall = lambda n, N, w: min(1, (N - n) / (0.2 * N))  # noqa: E731
    return _rate(step, total_steps, peak, warmup, fall=fall)


@wrong("You end the fall at 0.09.")
def ends_at_a_tenth(step, total_steps, peak, warmup):
    return _rate(step, total_steps, peak, warmup, fall=lambda n, N, w: 0.1 + 0.9 * (N - n) / (N - w))


@wrong("You let the fall bend.")
def parabola(step, total_steps, peak, warmup):
    return _rate(step, total_steps, peak, warmup, fall=lambda n, N, w: 1 - ((n - w) / (N - w)) ** 2)


n_steps = 8000  # as another cell may have left it


@wrong("`n_steps` is no argument: it comes from another cell.")
def left_over(step, total_steps, peak, warmup):
    return _rate(step, n_steps, peak, warmup)


@wrong("You let it rise like a sine.")
def sine(step, total_steps, peak, warmup):
    return _rate(step, total_steps, peak, warmup, rise=lambda n, w: math.sin(math.pi / 2 * n / w))


@wrong("You let the rise bend.")
def saturating(step, total_steps, peak, warmup):
    return _rate(step, total_steps, peak, warmup, rise=lambda n, w: 1 - math.exp(-5 * n / w))


@wrong("You let it fall as fast as it rises.")
def triangle(step, total_steps, peak, warmup):
    return peak * (1 - abs(step - warmup) / warmup)


@wrong("All rates are those of a peak of 0.005.")
def peak_of_another_training(step, total_steps, peak, warmup):
    return _rate(step, total_steps, 0.005, warmup)


# ------------------------------------------------------------------------------------------------ mutants

EQUIVALENT = {
    "at step warmup both lines are at the peak": [
        "if step <= warmup: -> if step < warmup:",
    ],
}
