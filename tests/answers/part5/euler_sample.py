from itertools import pairwise

import torch as t

from tests.answers import right, wrong


@t.no_grad()
def _walk(
    model,
    start,
    n_steps=50,
    max_steps=1000,
    return_all_steps=False,
    pairs=pairwise,
    ask=lambda model, x, n, m, T: model(x, t.full((len(x),), n, device=x.device)),
    step=lambda x, velocity, n, m, T, N: x - (n - m) / T * velocity,
    keep=lambda steps, x, before, velocity: [*steps, x],
    give=lambda x, steps, every: steps if every else x,
):
    """Right, but for what is replaced.
    pairs: makes stretches of the counts   ask: what the model is told   step: x after a stretch
    keep: the list with one more   give: what is returned of x and the list"""
    counts = t.linspace(max_steps, 0, n_steps + 1).round().int().tolist()
    x = start
    steps = [x]
    for n, m in pairs(counts):
        velocity, before = ask(model, x, n, m, max_steps), x
        x = step(x, velocity, n, m, max_steps, n_steps)
        steps = keep(steps, x, before, velocity)
    return give(x, steps, return_all_steps)


def _full(x, n):
    return t.full((len(x),), n, device=x.device)


# ------------------------------------------------------------------------------------------------ right


@right
def forwards_in_negative_time(*given, **options):
    return _walk(*given, **options, step=lambda x, v, n, m, T, N: x + (m - n) / T * v)


@right
@t.no_grad()
def by_rows(model, start, n_steps=50, max_steps=1000, return_all_steps=False):
    counts = t.linspace(max_steps, 0, n_steps + 1).round().int().tolist()
    steps = [start]
    for i in range(n_steps):
        told = t.full((len(start),), counts[i], device=start.device)
        share = (counts[i] - counts[i + 1]) / max_steps
        steps.append(steps[-1] - share * model(steps[-1], told))
    return steps if return_all_steps else steps[-1]


@right
def stacked(*given, **options):
    return _walk(*given, **options, give=lambda x, steps, every: t.stack(steps) if every else x)


@right
def from_image_to_image(*given, **options):
    return _walk(*given, **options, step=lambda x, v, n, m, T, N: (x - n / T * v) + m / T * v)


@right
def from_both_ends_of_the_path(*given, **options):
    """The image and the noise that the velocity leads to, mixed anew as straight_path does."""

    def step(x, v, n, m, T, N):
        image, noise = x - n / T * v, x + (1 - n / T) * v
        return (1 - m / T) * image + m / T * noise

    return _walk(*given, **options, step=step)


@right
@t.no_grad()
def in_place_on_a_copy(model, start, n_steps=50, max_steps=1000, return_all_steps=False):
    counts = t.linspace(max_steps, 0, n_steps + 1).round().int().tolist()
    x = start.clone()
    steps = [x.clone()]
    for n, m in pairwise(counts):
        velocity = model(x, t.full((len(x),), n, device=x.device))
        x -= (n - m) / max_steps * velocity
        steps.append(x.clone())
    return steps if return_all_steps else x


# ------------------------------------------------------------------------------------------------ wrong, the step


@wrong("You add the velocity. It points to the noise, and you walk back.")
def forwards(*given, **options):
    return _walk(*given, **options, step=lambda x, v, n, m, T, N: x + (n - m) / T * v)


@wrong("Where is the stretch divided by max_steps?")
def not_divided(*given, **options):
    return _walk(*given, **options, step=lambda x, v, n, m, T, N: x - (n - m) * v)


@wrong("You walk all the way from n to 0 in each stretch. It ends at m.")
def to_the_end(*given, **options):
    return _walk(*given, **options, step=lambda x, v, n, m, T, N: x - n / T * v)


@wrong("You walk a stretch as long as from m to 0. It's from n to m.")
def by_m(*given, **options):
    return _walk(*given, **options, step=lambda x, v, n, m, T, N: x - m / T * v)


@wrong("You take all stretches as equally long. The timesteps are rounded.")
def equal(*given, **options):
    return _walk(*given, **options, step=lambda x, v, n, m, T, N: x - v / N)


@wrong("You walk a single step in each stretch.")
def single_steps(*given, **options):
    return _walk(*given, **options, step=lambda x, v, n, m, T, N: x - v / T)


@wrong("You subtract the whole velocity. Where is the length of the stretch?")
def velocity_alone(*given, **options):
    return _walk(*given, **options, step=lambda x, v, n, m, T, N: x - v)


@wrong("You add n and m. The stretch is their difference.")
def sum(*given, **options):
    return _walk(*given, **options, step=lambda x, v, n, m, T, N: x - (n + m) / T * v)


@wrong("You divide the stretch by n. Where is max_steps?")
def by_n(*given, **options):
    return _walk(*given, **options, step=lambda x, v, n, m, T, N: x - (n - m) / n * v)


@wrong("You divide by n_steps. Where is max_steps?")
def by_n_steps(*given, **options):
    return _walk(*given, **options, step=lambda x, v, n, m, T, N: x - (n - m) / N * v)


@wrong("You divide by 1000. Where is max_steps?")
def fixed(*given, **options):
    return _walk(*given, **options, step=lambda x, v, n, m, T, N: x - (n - m) / 1000 * v)


@wrong("You turn the fraction upside down.")
def upside_down(*given, **options):
    return _walk(*given, **options, step=lambda x, v, n, m, T, N: x - T / (n - m) * v)


@wrong("You return start as it was, or go no way at all, as // gives.")
def whole_numbers(*given, **options):
    return _walk(*given, **options, step=lambda x, v, n, m, T, N: x - m // T * v)


@wrong("You begin each stretch at the start again.")
def from_the_start(model, start, *given, **options):
    return _walk(model, start, *given, **options, step=lambda x, v, n, m, T, N: start - (n - m) / T * v)


@wrong(
    "it goes [0.09, 0.16, 0.09] of the velocities at [10, 7, 3], expected [0.3, 0.4, 0.3].\nYou take another length."
)
def squared(*given, **options):
    return _walk(*given, **options, step=lambda x, v, n, m, T, N: x - ((n - m) / T) ** 2 * v)


@wrong("the result holds 0.294 of start, expected all of it.\nYou scale x")
def faded(*given, **options):
    return _walk(*given, **options, step=lambda x, v, n, m, T, N: (1 - (n - m) / T) * x - (n - m) / T * v)


@wrong("You change a velocity or x on the way.")
def velocity_clamped(*given, **options):
    return _walk(*given, **options, step=lambda x, v, n, m, T, N: x - (n - m) / T * v.clamp(-1, 1))


@wrong("You clamp x.")
def clamped(*given, **options):
    return _walk(*given, **options, step=lambda x, v, n, m, T, N: (x - (n - m) / T * v).clamp(-1, 1))


@wrong("You add fresh noise on the way. The velocity alone leads on.")
def noised_again_to_m(*given, **options):
    def step(x, v, n, m, T, N):
        return (1 - m / T) * (x - n / T * v) + m / T * t.randn_like(x)

    return _walk(*given, **options, step=step)


@wrong("You add fresh noise on the way. The velocity alone leads on.")
def noise_on_the_way(*given, **options):
    return _walk(*given, **options, step=lambda x, v, n, m, T, N: x - (n - m) / T * v + 0.1 * t.randn_like(x))


@wrong("changes the start it is given")
def in_place(*given, **options):
    return _walk(*given, **options, step=lambda x, v, n, m, T, N: x.sub_((n - m) / T * v))


@wrong("You begin at noise of your own.")
def own_noise(model, start, *given, **options):
    return _walk(model, t.randn_like(start), *given, **options)


# ------------------------------------------------------------------------------------------------ wrong, the counts


@wrong("You tell the model where you go. The velocity is that of where you are.")
def told_m(*given, **options):
    return _walk(*given, **options, ask=lambda model, x, n, m, T: model(x, _full(x, m)))


@wrong("You tell the model one step less.")
def told_one_less(*given, **options):
    return _walk(*given, **options, ask=lambda model, x, n, m, T: model(x, _full(x, n - 1)))


@wrong("You tell the model max_steps each time.")
def always_max_steps(*given, **options):
    return _walk(*given, **options, ask=lambda model, x, n, m, T: model(x, _full(x, T)))


@wrong("Where is the tensor with one timestep for each image? t.full((len(x),), n) makes one.")
def an_int(*given, **options):
    return _walk(*given, **options, ask=lambda model, x, n, m, T: model(x, n))


@wrong("expected one timestep for each of 3 images")
def one_count(*given, **options):
    return _walk(*given, **options, ask=lambda model, x, n, m, T: model(x, t.tensor([n], device=x.device)))


@wrong("You tell a share. Steps are counted in whole numbers.")
def shares(*given, **options):
    return _walk(*given, **options, ask=lambda model, x, n, m, T: model(x, _full(x, n / T)))


@wrong("You make fractions of them.")
def floats(*given, **options):
    return _walk(*given, **options, ask=lambda model, x, n, m, T: model(x, _full(x, float(n))))


@wrong("You swap the two. What comes first in model(x, num_steps)?")
def swapped(*given, **options):
    return _walk(*given, **options, ask=lambda model, x, n, m, T: model(_full(x, n), x))


@wrong("gets timesteps on the cpu")
def counts_on_the_cpu(*given, **options):
    return _walk(*given, **options, ask=lambda model, x, n, m, T: model(x, t.full((len(x),), n)))


@wrong("You ask about start in each stretch.")
def velocity_at_the_start(model, start, *given, **options):
    return _walk(model, start, *given, **options, ask=lambda model, x, n, m, T: model(start, _full(x, n)))


@wrong("You begin somewhere else.")
def other_start(*given, **options):
    return _walk(*given, **options, ask=lambda model, x, n, m, T: model(x + 1, _full(x, n)))


@wrong("You ask twice in each stretch")
def heun(*given, **options):
    def ask(model, x, n, m, T):
        velocity = model(x, _full(x, n))
        return (velocity + model(x - (n - m) / T * velocity, _full(x, m))) / 2

    return _walk(*given, **options, ask=ask)


@wrong("You choose timesteps of your own. Where is counts?")
def midpoint(*given, **options):
    def ask(model, x, n, m, T):
        halfway = x - (n - m) / 2 / T * model(x, _full(x, n))
        return model(halfway, _full(x, (n + m) // 2))

    return _walk(*given, **options, ask=ask)


@wrong("Where is the last stretch?")
def last_missing(*given, **options):
    return _walk(*given, **options, pairs=lambda counts: pairwise(counts[:-1]))


@wrong("Where is the first stretch?")
def first_missing(*given, **options):
    return _walk(*given, **options, pairs=lambda counts: pairwise(counts[1:]))


@wrong("You walk away from the image. Begin at max_steps.")
def away(*given, **options):
    return _walk(*given, **options, pairs=lambda counts: pairwise(counts[::-1]))


@wrong("You ask at 0, too. No stretch begins there.")
def asked_at_0(*given, **options):
    return _walk(*given, **options, pairs=lambda counts: pairwise([*counts, 0]))


@wrong("You walk step by step.")
def step_by_step(*given, **options):
    return _walk(*given, **options, pairs=lambda counts: pairwise(range(counts[0], -1, -1)))


@wrong("You take one stretch alone")
def return_within_the_loop(*given, **options):
    return _walk(*given, **options, pairs=lambda counts: pairwise(counts[:2]))


# ------------------------------------------------------------------------------------------------ wrong, what is returned


@wrong("Where is return_all_steps?")
def always_the_list(*given, **options):
    return _walk(*given, **options, give=lambda x, steps, every: steps)


@wrong("with return_all_steps it returns a tensor of shape (3, 2, 4, 5)")
def never_the_list(*given, **options):
    return _walk(*given, **options, give=lambda x, steps, every: x)


@wrong("the list has 3 entries, expected 4")
def start_missing(*given, **options):
    return _walk(*given, **options, give=lambda x, steps, every: steps[1:] if every else x)


@wrong("You change x in place, so each entry is the same tensor.")
def aliases(*given, **options):
    return _walk(*given, **options, give=lambda x, steps, every: [x] * len(steps) if every else x)


@wrong("You keep start each time.")
def start_each_time(*given, **options):
    return _walk(*given, **options, keep=lambda steps, x, before, velocity: [*steps, steps[0]])


@wrong("You keep x at another time.")
def kept_before_it_moves(*given, **options):
    return _walk(*given, **options, keep=lambda steps, x, before, velocity: [*steps, before])


@wrong("You keep something else than x.")
def velocities(*given, **options):
    return _walk(*given, **options, keep=lambda steps, x, before, velocity: [*steps, velocity])


@wrong("the list runs from the images to the noise")
def backwards(*given, **options):
    return _walk(*given, **options, give=lambda x, steps, every: steps[::-1] if every else x)


@wrong("You return something beside the list.")
def result_and_list(*given, **options):
    return _walk(*given, **options, give=lambda x, steps, every: (x, steps) if every else x)


@wrong("as an entry of the list, it returns numbers of type torch.float64")
def list_in_float64(*given, **options):
    return _walk(*given, **options, give=lambda x, steps, every: [step.double() for step in steps] if every else x)


@wrong("returns None")
def no_return(*given, **options):
    return _walk(*given, **options, give=lambda x, steps, every: None)
