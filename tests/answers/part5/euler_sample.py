from itertools import pairwise

import torch as t

from tests.answers import right, wrong


@t.no_grad()
def _walk(model, start, n_steps=50, max_steps=1000, return_all_steps=False, give=None):
    """Right, but for what is returned. give: makes it of the last x, all steps, and whether all are asked for"""
    counts = t.linspace(max_steps, 0, n_steps + 1).round().int().tolist()
    x = start
    steps = [x]
    for n, m in pairwise(counts):
        velocity = model(x, t.full((len(x),), n, device=x.device))
        x = x - (n - m) / max_steps * velocity
        steps.append(x)
    give = give or (lambda x, steps, every: steps if every else x)
    return give(x, steps, return_all_steps)


# ------------------------------------------------------------------------------------------------ right


@right
@t.no_grad()
def forwards_in_negative_time(model, start, n_steps=50, max_steps=1000, return_all_steps=False):
    counts = t.linspace(max_steps, 0, n_steps + 1).round().int().tolist()
    x = start
    steps = [x]
    for n, m in pairwise(counts):
        velocity = model(x, t.full((len(x),), n, device=x.device))
        x = x + (m - n) / max_steps * velocity
        steps.append(x)
    return steps if return_all_steps else x


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
@t.no_grad()
def from_image_to_image(model, start, n_steps=50, max_steps=1000, return_all_steps=False):
    counts = t.linspace(max_steps, 0, n_steps + 1).round().int().tolist()
    x = start
    steps = [x]
    for n, m in pairwise(counts):
        velocity = model(x, t.full((len(x),), n, device=x.device))
        image = x - n / max_steps * velocity
        x = image + m / max_steps * velocity
        steps.append(x)
    return steps if return_all_steps else x


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


# ------------------------------------------------------------------------------------------------ wrong


@wrong("You add the velocity. It points to the noise, and you walk back.")
@t.no_grad()
def forwards(model, start, n_steps=50, max_steps=1000, return_all_steps=False):
    counts = t.linspace(max_steps, 0, n_steps + 1).round().int().tolist()
    x = start
    steps = [x]
    for n, m in pairwise(counts):
        velocity = model(x, t.full((len(x),), n, device=x.device))
        x = x + (n - m) / max_steps * velocity
        steps.append(x)
    return steps if return_all_steps else x


@wrong("Where is the stretch divided by max_steps?")
@t.no_grad()
def not_divided(model, start, n_steps=50, max_steps=1000, return_all_steps=False):
    counts = t.linspace(max_steps, 0, n_steps + 1).round().int().tolist()
    x = start
    steps = [x]
    for n, m in pairwise(counts):
        velocity = model(x, t.full((len(x),), n, device=x.device))
        x = x - (n - m) * velocity
        steps.append(x)
    return steps if return_all_steps else x


@wrong("You walk all the way from n to 0 in each stretch. It ends at m.")
@t.no_grad()
def to_the_end(model, start, n_steps=50, max_steps=1000, return_all_steps=False):
    counts = t.linspace(max_steps, 0, n_steps + 1).round().int().tolist()
    x = start
    steps = [x]
    for n, m in pairwise(counts):
        velocity = model(x, t.full((len(x),), n, device=x.device))
        x = x - n / max_steps * velocity
        steps.append(x)
    return steps if return_all_steps else x


@wrong("You walk a stretch as long as from m to 0. It's from n to m.")
@t.no_grad()
def by_m(model, start, n_steps=50, max_steps=1000, return_all_steps=False):
    counts = t.linspace(max_steps, 0, n_steps + 1).round().int().tolist()
    x = start
    steps = [x]
    for n, m in pairwise(counts):
        velocity = model(x, t.full((len(x),), n, device=x.device))
        x = x - m / max_steps * velocity
        steps.append(x)
    return steps if return_all_steps else x


@wrong("You take all stretches as equally long. The timesteps are rounded.")
@t.no_grad()
def equal(model, start, n_steps=50, max_steps=1000, return_all_steps=False):
    counts = t.linspace(max_steps, 0, n_steps + 1).round().int().tolist()
    x = start
    steps = [x]
    for n, m in pairwise(counts):
        velocity = model(x, t.full((len(x),), n, device=x.device))
        x = x - velocity / n_steps
        steps.append(x)
    return steps if return_all_steps else x


@wrong("You walk a single step in each stretch.")
@t.no_grad()
def single_steps(model, start, n_steps=50, max_steps=1000, return_all_steps=False):
    counts = t.linspace(max_steps, 0, n_steps + 1).round().int().tolist()
    x = start
    steps = [x]
    for n, m in pairwise(counts):
        velocity = model(x, t.full((len(x),), n, device=x.device))
        x = x - velocity / max_steps
        steps.append(x)
    return steps if return_all_steps else x


@wrong("You subtract the whole velocity. Where is the length of the stretch?")
@t.no_grad()
def velocity_alone(model, start, n_steps=50, max_steps=1000, return_all_steps=False):
    counts = t.linspace(max_steps, 0, n_steps + 1).round().int().tolist()
    x = start
    steps = [x]
    for n, m in pairwise(counts):
        velocity = model(x, t.full((len(x),), n, device=x.device))
        x = x - velocity
        steps.append(x)
    return steps if return_all_steps else x


@wrong("You add n and m. The stretch is their difference.")
@t.no_grad()
def sum(model, start, n_steps=50, max_steps=1000, return_all_steps=False):
    counts = t.linspace(max_steps, 0, n_steps + 1).round().int().tolist()
    x = start
    steps = [x]
    for n, m in pairwise(counts):
        velocity = model(x, t.full((len(x),), n, device=x.device))
        x = x - (n + m) / max_steps * velocity
        steps.append(x)
    return steps if return_all_steps else x


@wrong("You divide the stretch by n. Where is max_steps?")
@t.no_grad()
def by_n(model, start, n_steps=50, max_steps=1000, return_all_steps=False):
    counts = t.linspace(max_steps, 0, n_steps + 1).round().int().tolist()
    x = start
    steps = [x]
    for n, m in pairwise(counts):
        velocity = model(x, t.full((len(x),), n, device=x.device))
        x = x - (n - m) / n * velocity
        steps.append(x)
    return steps if return_all_steps else x


@wrong("You divide by 1000. Where is max_steps?")
@t.no_grad()
def fixed(model, start, n_steps=50, max_steps=1000, return_all_steps=False):
    counts = t.linspace(max_steps, 0, n_steps + 1).round().int().tolist()
    x = start
    steps = [x]
    for n, m in pairwise(counts):
        velocity = model(x, t.full((len(x),), n, device=x.device))
        x = x - (n - m) / 1000 * velocity
        steps.append(x)
    return steps if return_all_steps else x


@wrong("You turn the fraction upside down.")
@t.no_grad()
def upside_down(model, start, n_steps=50, max_steps=1000, return_all_steps=False):
    counts = t.linspace(max_steps, 0, n_steps + 1).round().int().tolist()
    x = start
    steps = [x]
    for n, m in pairwise(counts):
        velocity = model(x, t.full((len(x),), n, device=x.device))
        x = x - max_steps / (n - m) * velocity
        steps.append(x)
    return steps if return_all_steps else x


@wrong("You begin each stretch at the start again.")
@t.no_grad()
def from_the_start(model, start, n_steps=50, max_steps=1000, return_all_steps=False):
    counts = t.linspace(max_steps, 0, n_steps + 1).round().int().tolist()
    x = start
    steps = [x]
    for n, m in pairwise(counts):
        velocity = model(x, t.full((len(x),), n, device=x.device))
        x = start - (n - m) / max_steps * velocity
        steps.append(x)
    return steps if return_all_steps else x


@wrong("You tell the model where you go. The velocity is that of where you are.")
@t.no_grad()
def told_m(model, start, n_steps=50, max_steps=1000, return_all_steps=False):
    counts = t.linspace(max_steps, 0, n_steps + 1).round().int().tolist()
    x = start
    steps = [x]
    for n, m in pairwise(counts):
        velocity = model(x, t.full((len(x),), m, device=x.device))
        x = x - (n - m) / max_steps * velocity
        steps.append(x)
    return steps if return_all_steps else x


@wrong("Where is the last stretch?")
@t.no_grad()
def last_missing(model, start, n_steps=50, max_steps=1000, return_all_steps=False):
    counts = t.linspace(max_steps, 0, n_steps + 1).round().int().tolist()
    x = start
    steps = [x]
    velocity = start
    for n, m in pairwise(counts[:-1]):
        velocity = model(x, t.full((len(x),), n, device=x.device))
        x = x - (n - m) / max_steps * velocity
        steps.append(x)
    return steps if return_all_steps else x


@wrong("Where is the first stretch?")
@t.no_grad()
def first_missing(model, start, n_steps=50, max_steps=1000, return_all_steps=False):
    counts = t.linspace(max_steps, 0, n_steps + 1).round().int().tolist()
    x = start
    steps = [x]
    for n, m in pairwise(counts[1:]):
        velocity = model(x, t.full((len(x),), n, device=x.device))
        x = x - (n - m) / max_steps * velocity
        steps.append(x)
    return steps if return_all_steps else x


@wrong("You walk away from the image. Begin at max_steps.")
@t.no_grad()
def away(model, start, n_steps=50, max_steps=1000, return_all_steps=False):
    counts = t.linspace(max_steps, 0, n_steps + 1).round().int().tolist()
    x = start
    steps = [x]
    for n, m in pairwise(counts[::-1]):
        velocity = model(x, t.full((len(x),), n, device=x.device))
        x = x - (n - m) / max_steps * velocity
        steps.append(x)
    return steps if return_all_steps else x


@wrong("You ask at 0, too. No stretch begins there.")
@t.no_grad()
def asked_at_0(model, start, n_steps=50, max_steps=1000, return_all_steps=False):
    counts = t.linspace(max_steps, 0, n_steps + 1).round().int().tolist()
    x = start
    steps = [x]
    for n, m in zip(counts, [*counts[1:], 0], strict=True):
        velocity = model(x, t.full((len(x),), n, device=x.device))
        x = x - (n - m) / max_steps * velocity
        steps.append(x)
    return steps if return_all_steps else x


@wrong("You tell the model max_steps each time.")
@t.no_grad()
def always_max_steps(model, start, n_steps=50, max_steps=1000, return_all_steps=False):
    counts = t.linspace(max_steps, 0, n_steps + 1).round().int().tolist()
    x = start
    steps = [x]
    for n, m in pairwise(counts):
        velocity = model(x, t.full((len(x),), max_steps, device=x.device))
        x = x - (n - m) / max_steps * velocity
        steps.append(x)
    return steps if return_all_steps else x


@wrong("Where is the tensor with one timestep for each image? t.full((len(x),), n) makes one.")
@t.no_grad()
def an_int(model, start, n_steps=50, max_steps=1000, return_all_steps=False):
    counts = t.linspace(max_steps, 0, n_steps + 1).round().int().tolist()
    x = start
    steps = [x]
    for n, m in pairwise(counts):
        velocity = model(x, n)
        x = x - (n - m) / max_steps * velocity
        steps.append(x)
    return steps if return_all_steps else x


@wrong("expected one timestep for each of 3 images")
@t.no_grad()
def one_count(model, start, n_steps=50, max_steps=1000, return_all_steps=False):
    counts = t.linspace(max_steps, 0, n_steps + 1).round().int().tolist()
    x = start
    steps = [x]
    for n, m in pairwise(counts):
        velocity = model(x, t.tensor([n], device=x.device))
        x = x - (n - m) / max_steps * velocity
        steps.append(x)
    return steps if return_all_steps else x


@wrong("You tell a share. Steps are counted in whole numbers.")
@t.no_grad()
def shares(model, start, n_steps=50, max_steps=1000, return_all_steps=False):
    counts = t.linspace(max_steps, 0, n_steps + 1).round().int().tolist()
    x = start
    steps = [x]
    for n, m in pairwise(counts):
        velocity = model(x, t.full((len(x),), n / max_steps, device=x.device))
        x = x - (n - m) / max_steps * velocity
        steps.append(x)
    return steps if return_all_steps else x


@wrong("You swap the two. What comes first in model(x, num_steps)?")
@t.no_grad()
def swapped(model, start, n_steps=50, max_steps=1000, return_all_steps=False):
    counts = t.linspace(max_steps, 0, n_steps + 1).round().int().tolist()
    x = start
    steps = [x]
    for n, m in pairwise(counts):
        velocity = model(t.full((len(x),), n, device=x.device), x)
        x = x - (n - m) / max_steps * velocity
        steps.append(x)
    return steps if return_all_steps else x


@wrong("Where is return_all_steps?")
def always_the_list(*given, **options):
    return _walk(*given, **options, give=lambda x, steps, every: steps)


@wrong("with return_all_steps it returns a tensor of shape (3, 2, 4, 5)")
def never_the_list(*given, **options):
    return _walk(*given, **options, give=lambda x, steps, every: x)


@wrong("the list has 3 entries, expected 4")
@t.no_grad()
def start_missing(model, start, n_steps=50, max_steps=1000, return_all_steps=False):
    counts = t.linspace(max_steps, 0, n_steps + 1).round().int().tolist()
    x = start
    steps = []
    for n, m in pairwise(counts):
        velocity = model(x, t.full((len(x),), n, device=x.device))
        x = x - (n - m) / max_steps * velocity
        steps.append(x)
    return steps if return_all_steps else x


@wrong("all entries of the list are the same")
@t.no_grad()
def aliases(model, start, n_steps=50, max_steps=1000, return_all_steps=False):
    counts = t.linspace(max_steps, 0, n_steps + 1).round().int().tolist()
    x = start.clone()
    steps = [x]
    for n, m in pairwise(counts):
        velocity = model(x, t.full((len(x),), n, device=x.device))
        x -= (n - m) / max_steps * velocity
        steps.append(x)
    return steps if return_all_steps else x


@wrong("the list runs from the images to the noise")
def backwards(*given, **options):
    return _walk(*given, **options, give=lambda x, steps, every: steps[::-1] if every else x)


@wrong("changes the start it is given")
@t.no_grad()
def in_place(model, start, n_steps=50, max_steps=1000, return_all_steps=False):
    counts = t.linspace(max_steps, 0, n_steps + 1).round().int().tolist()
    x = start
    steps = [x]
    for n, m in pairwise(counts):
        velocity = model(x, t.full((len(x),), n, device=x.device))
        x -= (n - m) / max_steps * velocity
        steps.append(x)
    return steps if return_all_steps else x


@wrong("You clamp x.")
@t.no_grad()
def clamped(model, start, n_steps=50, max_steps=1000, return_all_steps=False):
    counts = t.linspace(max_steps, 0, n_steps + 1).round().int().tolist()
    x = start
    steps = [x]
    for n, m in pairwise(counts):
        velocity = model(x, t.full((len(x),), n, device=x.device))
        x = (x - (n - m) / max_steps * velocity).clamp(-1, 1)
        steps.append(x)
    return steps if return_all_steps else x


@wrong("You ask about start in each stretch.")
@t.no_grad()
def velocity_at_the_start(model, start, n_steps=50, max_steps=1000, return_all_steps=False):
    counts = t.linspace(max_steps, 0, n_steps + 1).round().int().tolist()
    x = start
    steps = [x]
    for n, m in pairwise(counts):
        velocity = model(start, t.full((len(x),), n, device=x.device))
        x = x - (n - m) / max_steps * velocity
        steps.append(x)
    return steps if return_all_steps else x


@wrong("You ask twice in each stretch")
@t.no_grad()
def heun(model, start, n_steps=50, max_steps=1000, return_all_steps=False):
    counts = t.linspace(max_steps, 0, n_steps + 1).round().int().tolist()
    x = start
    steps = [x]
    for n, m in pairwise(counts):
        velocity = model(x, t.full((len(x),), n, device=x.device))
        ahead = x - (n - m) / max_steps * velocity
        velocity = (velocity + model(ahead, t.full((len(x),), m, device=x.device))) / 2
        x = x - (n - m) / max_steps * velocity
        steps.append(x)
    return steps if return_all_steps else x


@wrong("You take one stretch alone")
@t.no_grad()
def return_within_the_loop(model, start, n_steps=50, max_steps=1000, return_all_steps=False):
    counts = t.linspace(max_steps, 0, n_steps + 1).round().int().tolist()
    x = start
    steps = [x]
    for n, m in pairwise(counts):
        velocity = model(x, t.full((len(x),), n, device=x.device))
        x = x - (n - m) / max_steps * velocity
        steps.append(x)
        return steps if return_all_steps else x


@wrong("You return something beside the list.")
def result_and_list(*given, **options):
    return _walk(*given, **options, give=lambda x, steps, every: (x, steps) if every else x)


@wrong("as an entry of the list, it returns numbers of type torch.float64")
def list_in_float64(*given, **options):
    return _walk(*given, **options, give=lambda x, steps, every: [step.double() for step in steps] if every else x)


@wrong("You begin at noise of your own.")
def own_noise(model, start, *given, **options):
    return _walk(model, t.randn_like(start), *given, **options)


@wrong("You walk step by step.")
@t.no_grad()
def step_by_step(model, start, n_steps=50, max_steps=1000, return_all_steps=False):
    x = start
    steps = [x]
    for n, m in pairwise(range(max_steps, -1, -1)):
        velocity = model(x, t.full((len(x),), n, device=x.device))
        x = x - (n - m) / max_steps * velocity
        steps.append(x)
    return steps if return_all_steps else x


@wrong("You add fresh noise on the way. The velocity alone leads on.")
@t.no_grad()
def noised_again_to_m(model, start, n_steps=50, max_steps=1000, return_all_steps=False):
    counts = t.linspace(max_steps, 0, n_steps + 1).round().int().tolist()
    x = start
    steps = [x]
    for n, m in pairwise(counts):
        image = x - n / max_steps * model(x, t.full((len(x),), n, device=x.device))
        x = (1 - m / max_steps) * image + m / max_steps * t.randn_like(x)
        steps.append(x)
    return steps if return_all_steps else x


@wrong("You add fresh noise on the way. The velocity alone leads on.")
@t.no_grad()
def noise_on_the_way(model, start, n_steps=50, max_steps=1000, return_all_steps=False):
    counts = t.linspace(max_steps, 0, n_steps + 1).round().int().tolist()
    x = start
    steps = [x]
    for n, m in pairwise(counts):
        velocity = model(x, t.full((len(x),), n, device=x.device))
        x = x - (n - m) / max_steps * velocity + 0.1 * t.randn_like(x)
        steps.append(x)
    return steps if return_all_steps else x


@wrong("returns None")
@t.no_grad()
def no_return(model, start, n_steps=50, max_steps=1000, return_all_steps=False):
    counts = t.linspace(max_steps, 0, n_steps + 1).round().int().tolist()
    x = start
    steps = [x]
    for n, m in pairwise(counts):
        velocity = model(x, t.full((len(x),), n, device=x.device))
        x = x - (n - m) / max_steps * velocity
        steps.append(x)


@wrong("gets timesteps on the cpu")
@t.no_grad()
def counts_on_the_cpu(model, start, n_steps=50, max_steps=1000, return_all_steps=False):
    counts = t.linspace(max_steps, 0, n_steps + 1).round().int().tolist()
    x = start
    steps = [x]
    for n, m in pairwise(counts):
        velocity = model(x, t.full((len(x),), n))
        x = x - (n - m) / max_steps * velocity
        steps.append(x)
    return steps if return_all_steps else x


@wrong("You begin somewhere else.")
@t.no_grad()
def other_start(model, start, n_steps=50, max_steps=1000, return_all_steps=False):
    counts = t.linspace(max_steps, 0, n_steps + 1).round().int().tolist()
    x = t.randn_like(start)
    steps = [x]
    x = start + 0 * x
    for n, m in pairwise(counts):
        velocity = model(x + 1, t.full((len(x),), n, device=x.device))
        x = x - (n - m) / max_steps * velocity
        steps.append(x)
    return steps if return_all_steps else x
