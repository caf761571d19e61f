import numpy as np
import torch as t

from tests.answers import right, wrong

betas = t.linspace(0.0001, 0.02, 200)  # as a figure's cell leaves it


@right
def one_call(max_steps, min_noise=0.0001, max_noise=0.02):
    return t.linspace(min_noise, max_noise, max_steps)


@right
def shares_of_the_way(max_steps, min_noise=0.0001, max_noise=0.02):
    way = t.arange(max_steps) / (max_steps - 1)
    return min_noise + (max_noise - min_noise) * way


@right
def mix_of_both_ends(max_steps, min_noise=0.0001, max_noise=0.02):
    way = t.linspace(0, 1, max_steps)
    return way * max_noise + (1 - way) * min_noise


@right
def list_of_floats(max_steps, min_noise=0.0001, max_noise=0.02):
    gap = (max_noise - min_noise) / (max_steps - 1)
    return t.tensor([min_noise + i * gap for i in range(max_steps)])


@right
def running_sum(max_steps, min_noise=0.0001, max_noise=0.02):
    gaps = t.full((max_steps,), (max_noise - min_noise) / (max_steps - 1), dtype=t.float64)
    gaps[0] = min_noise
    return gaps.cumsum(0).float()


@right
def through_numpy(max_steps, min_noise=0.0001, max_noise=0.02):
    return t.from_numpy(np.linspace(min_noise, max_noise, max_steps, dtype=np.float32))


@right
def lerp(max_steps, min_noise=0.0001, max_noise=0.02):
    return t.lerp(t.tensor(min_noise), t.tensor(max_noise), t.linspace(0, 1, max_steps))


@right
def in_float64(max_steps, min_noise=0.0001, max_noise=0.02):
    return t.linspace(min_noise, max_noise, max_steps, dtype=t.float64).to(t.float32)


@right
def in_place(max_steps, min_noise=0.0001, max_noise=0.02):
    return t.arange(max_steps, dtype=t.float32).mul_((max_noise - min_noise) / (max_steps - 1)).add_(min_noise)


@right
def loop_into_an_empty_tensor(max_steps, min_noise=0.0001, max_noise=0.02):
    betas = t.empty(max_steps)
    for step in range(1, max_steps + 1):
        betas[step - 1] = ((max_steps - step) * min_noise + (step - 1) * max_noise) / (max_steps - 1)
    return betas


@right
def turned_round(max_steps, min_noise=0.0001, max_noise=0.02):
    return t.linspace(max_noise, min_noise, max_steps).flip(0)


@wrong("You stop short of max_noise.")
def end_left_out(max_steps, min_noise=0.0001, max_noise=0.02):
    return min_noise + (max_noise - min_noise) * t.arange(max_steps) / max_steps


@wrong("You begin above min_noise.")
def start_left_out(max_steps, min_noise=0.0001, max_noise=0.02):
    return min_noise + (max_noise - min_noise) * t.arange(1, max_steps + 1) / max_steps


@wrong("Where are min_noise and max_noise used?")
def arguments_ignored(max_steps, min_noise=0.0001, max_noise=0.02):
    return t.linspace(0.0001, 0.02, max_steps)


@wrong("200 numbers, expected 5.\nWhere does max_steps say how many numbers there are?")
def length_ignored(max_steps, min_noise=0.0001, max_noise=0.02):
    return t.linspace(min_noise, max_noise, 200)


@wrong("You begin at 0.")
def from_zero(max_steps, min_noise=0.0001, max_noise=0.02):
    return t.linspace(0, max_noise, max_steps)


@wrong("You swap the two ends, so it falls.")
def falling(max_steps, min_noise=0.0001, max_noise=0.02):
    return t.linspace(max_noise, min_noise, max_steps)


@wrong("You make the ratios even.")
def even_ratios(max_steps, min_noise=0.0001, max_noise=0.02):
    return t.logspace(np.log10(min_noise), np.log10(max_noise), max_steps)


@wrong("You space the roots evenly.")
def even_roots(max_steps, min_noise=0.0001, max_noise=0.02):
    return t.linspace(min_noise**0.5, max_noise**0.5, max_steps) ** 2


@wrong("You take a root, which makes standard deviations.")
def standard_deviations(max_steps, min_noise=0.0001, max_noise=0.02):
    return t.linspace(min_noise, max_noise, max_steps).sqrt()


@wrong("You square the variances.")
def squares(max_steps, min_noise=0.0001, max_noise=0.02):
    return t.linspace(min_noise, max_noise, max_steps) ** 2


@wrong("You give 1 - β, not β itself.")
def alphas(max_steps, min_noise=0.0001, max_noise=0.02):
    return 1 - t.linspace(min_noise, max_noise, max_steps)


@wrong("You give running products (ᾱ).")
def alpha_bars(max_steps, min_noise=0.0001, max_noise=0.02):
    return (1 - t.linspace(min_noise, max_noise, max_steps)).cumprod(0)


@wrong("You give running sums.")
def running_sums(max_steps, min_noise=0.0001, max_noise=0.02):
    return t.linspace(min_noise, max_noise, max_steps).cumsum(0)


@wrong("You give every step the same noise.")
def constant(max_steps, min_noise=0.0001, max_noise=0.02):
    return t.full((max_steps,), max_noise)


@wrong("You rise by all of it in each step.")
def gap_not_divided(max_steps, min_noise=0.0001, max_noise=0.02):
    return min_noise + (max_noise - min_noise) * t.arange(max_steps)


@wrong("Here β keeps its ends.")
def scaled_by_length(max_steps, min_noise=0.0001, max_noise=0.02):
    return 1000 / max_steps * t.linspace(min_noise, max_noise, max_steps)


@wrong("6 numbers, expected 5.\nYou take max_steps for the number of gaps.")
def one_too_many(max_steps, min_noise=0.0001, max_noise=0.02):
    return t.linspace(min_noise, max_noise, max_steps + 1)


@wrong("4 numbers, expected 5.\nYou leave one end out.")
def one_too_few(max_steps, min_noise=0.0001, max_noise=0.02):
    return t.linspace(min_noise, max_noise, max_steps)[:-1]


@wrong("returns None.\nWhere does the function return something?")
def no_return(max_steps, min_noise=0.0001, max_noise=0.02):
    t.linspace(min_noise, max_noise, max_steps)


@wrong("returns a list, expected one tensor")
def plain_list(max_steps, min_noise=0.0001, max_noise=0.02):
    return t.linspace(min_noise, max_noise, max_steps).tolist()


@wrong("torch.float64, expected torch.float32")
def double_precision(max_steps, min_noise=0.0001, max_noise=0.02):
    return t.from_numpy(np.linspace(min_noise, max_noise, max_steps))


@wrong("shape (5, 1), expected shape (5,)")
def column(max_steps, min_noise=0.0001, max_noise=0.02):
    return t.linspace(min_noise, max_noise, max_steps).unsqueeze(1)


@wrong("You make a parameter of it, but nothing is learned here.")
def learnable(max_steps, min_noise=0.0001, max_noise=0.02):
    return t.nn.Parameter(t.linspace(min_noise, max_noise, max_steps))


@wrong("gives 1 number, expected 5.\nWhere does max_steps say how many numbers there are?")
def count_used_as_gap(max_steps, min_noise=0.0001, max_noise=0.02):
    return t.arange(min_noise, max_noise, max_steps)


@wrong("returns an ndarray, expected one tensor")
def numpy_array(max_steps, min_noise=0.0001, max_noise=0.02):
    return np.linspace(min_noise, max_noise, max_steps)


@wrong(
    "linear_schedule(200) is 0.001 at step 1,\nexpected 0.0001.\nYou change the defaults of min_noise and max_noise."
)
def other_defaults(max_steps, min_noise=0.001, max_noise=0.02):
    return t.linspace(min_noise, max_noise, max_steps)


@wrong("You take the beginning of a longer schedule.")
def beginning_of_the_papers_schedule(max_steps, min_noise=0.0001, max_noise=0.02):
    return t.linspace(min_noise, max_noise, 1000)[:max_steps]


@wrong("You take the beginning of a longer schedule.")
def beginning_of_200_steps(max_steps, min_noise=0.0001, max_noise=0.02):
    return t.linspace(min_noise, max_noise, 200)[:max_steps]


@wrong("You take min_noise off the rise.")
def min_noise_only_in_the_gap(max_steps, min_noise=0.0001, max_noise=0.02):
    return t.arange(max_steps) * (max_noise - min_noise) / (max_steps - 1)


@wrong("You add the rise to min_noise, but let it be all of max_noise.")
def min_noise_on_top(max_steps, min_noise=0.0001, max_noise=0.02):
    return min_noise + max_noise * t.linspace(0, 1, max_steps)


@wrong("You make uneven steps.")
def half_a_cosine(max_steps, min_noise=0.0001, max_noise=0.02):
    return min_noise + (max_noise - min_noise) * (1 - t.linspace(0, np.pi, max_steps).cos()) / 2


@wrong("You make uneven steps.")
def drawn_and_sorted(max_steps, min_noise=0.0001, max_noise=0.02):
    return (min_noise + (max_noise - min_noise) * t.rand(max_steps)).sort().values


@wrong("You make even steps, but between other ends than min_noise and max_noise.")
def both_ends_left_out(max_steps, min_noise=0.0001, max_noise=0.02):
    return t.linspace(min_noise, max_noise, max_steps + 2)[1:-1]


@wrong("is 0.0201 at step 200,\nexpected 0.02.\nYou change the defaults of min_noise and max_noise.")
def other_default_at_the_end(max_steps, min_noise=0.0001, max_noise=0.0201):
    return t.linspace(min_noise, max_noise, max_steps)


@wrong("torch.int64, expected torch.float32")
def whole_numbers(max_steps, min_noise=0.0001, max_noise=0.02):
    return t.linspace(min_noise, max_noise, max_steps).long()


@wrong("You round, or compute in half precision.")
def in_half_precision(max_steps, min_noise=0.0001, max_noise=0.02):
    return t.linspace(min_noise, max_noise, max_steps, dtype=t.float64).half().float()


@wrong("You round, or compute in half precision.")
def rounded_to_four_digits(max_steps, min_noise=0.0001, max_noise=0.02):
    return (t.linspace(min_noise, max_noise, max_steps) * 10_000).round() / 10_000


@wrong("You give every step the same noise.")
def in_stairs(max_steps, min_noise=0.0001, max_noise=0.02):
    return t.linspace(min_noise, max_noise, max_steps)[t.arange(max_steps) // 25 * 25]


@wrong("linear_schedule(5, 0.1, 0.5) gives 1 number, expected 5")
def a_single_number(max_steps, min_noise=0.0001, max_noise=0.02):
    return t.tensor([min_noise])


@wrong("returns a tensor that requires a gradient.\nYou make a parameter of it, but nothing is learned here.")
def with_gradients(max_steps, min_noise=0.0001, max_noise=0.02):
    return t.linspace(min_noise, max_noise, max_steps, requires_grad=True)


@wrong("There, max_steps is 5, min_noise is 0.1, max_noise is 0.5.")
def arguments_in_another_order(max_steps, min_noise=0.0001, max_noise=0.02):
    return t.linspace(max_steps, min_noise, max_noise)


@wrong("`betas` is no argument: it comes from another cell. Where does max_steps say how many numbers there are?")
def as_long_as_the_last_figures(max_steps, min_noise=0.0001, max_noise=0.02):
    return t.linspace(min_noise, max_noise, len(betas))


@right
def by_gaps_added_up_in_float32(max_steps, min_noise=0.0001, max_noise=0.02):
    gap = (max_noise - min_noise) / (max_steps - 1)
    return t.cat([t.tensor([min_noise]), t.full((max_steps - 1,), gap)]).cumsum(0)


@right
def between_uneven_weights(max_steps, min_noise=0.0001, max_noise=0.02):
    weights = t.stack([t.arange(max_steps - 1, -1, -1), t.arange(max_steps)], dim=1).float()
    return weights @ t.tensor([min_noise, max_noise]) / (max_steps - 1)


@wrong("gives 6 numbers, expected 5.\nYou put one more number in front.")
def zero_in_front(max_steps, min_noise=0.0001, max_noise=0.02):
    return t.cat([t.zeros(1), t.linspace(min_noise, max_noise, max_steps)])
