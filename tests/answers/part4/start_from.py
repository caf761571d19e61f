from itertools import pairwise

import torch as t

from solutions.part1_diffusion import noise_img
from solutions.part4_guidance import noise_to, step_back
from tests.answers import right, wrong


def _counts(model, num_steps, n_steps):
    n_jumps = max(1, round(n_steps * num_steps / len(model.noise_schedule)))
    return t.linspace(num_steps, 0, n_jumps + 1).round().int().tolist()


def _walk(model, images, num_steps, n_steps=50, *, first=noise_to, counts=_counts, step=step_back):
    """A right answer, with one place for each mistake."""
    with t.no_grad():
        x = first(images, num_steps, model.noise_schedule)
        for n, m in pairwise(counts(model, num_steps, n_steps)):
            x = step(model, x, n, m)
    return x


# ------------------------------------------------------------------------------------------------ right


@right
def line_by_line(*given, **options):
    return _walk(*given, **options)


@right
@t.no_grad()
def with_equation_4_written_out(model, images, num_steps, n_steps=50):
    schedule = model.noise_schedule
    a = schedule.alpha_bar(t.full((len(images),), num_steps, device=images.device)).reshape(-1, 1, 1, 1)
    x = a.sqrt() * images + (1 - a).sqrt() * t.randn_like(images)
    counts = _counts(model, num_steps, n_steps)
    for i in range(len(counts) - 1):
        x = step_back(model, x, counts[i], counts[i + 1])
    return x


@right
@t.inference_mode()
def recursive(model, images, num_steps, n_steps=50):
    counts = _counts(model, num_steps, n_steps)

    def walk(x, n, *rest):
        return walk(step_back(model, x, n, rest[0]), *rest) if rest else x

    return walk(noise_to(images, num_steps, model.noise_schedule), *counts)


@right
@t.no_grad()
def with_a_while_loop(model, images, num_steps, n_steps=50):
    model.eval()
    counts, schedule = _counts(model, num_steps, n_steps), model.noise_schedule
    noise = t.empty_like(images).normal_()
    way = [
        t.lerp(images * 0, images, schedule.alpha_bar(num_steps).sqrt())
        + noise * (1 - schedule.alpha_bar(num_steps)) ** 0.5
    ]
    while len(way) < len(counts):
        way.append(step_back(model, way[-1], counts[len(way) - 1], counts[len(way)]))
    return way[-1]


@right
@t.no_grad()
def one_image_at_a_time(model, images, num_steps, n_steps=50):
    """In the order of the steps."""
    xs = [noise_to(image[None], num_steps, model.noise_schedule)[0] for image in images]
    for n, m in pairwise(_counts(model, num_steps, n_steps)):
        xs = list(step_back(model, t.stack(xs), n, m))
    return t.stack(xs)


# ------------------------------------------------------------------------------------------------ wrong


def _by_factors(signal, noise):
    """first: with these factors, of ᾱ"""

    def first(images, n, schedule):
        a = schedule.alpha_bar(n)
        return signal(a) * images + noise(a) * t.randn_like(images)

    return first


@wrong("You begin with noise alone.")
def begins_with_noise(*given, **options):
    return _walk(*given, **options, first=lambda images, n, s: t.randn_like(images))


@wrong("You begin with the images as they are.")
def begins_with_the_images(*given, **options):
    return _walk(*given, **options, first=lambda images, n, s: images)


@wrong("You noise them to T.")
def noised_to_the_end(*given, **options):
    return _walk(*given, **options, first=lambda images, n, s: noise_to(images, len(s), s))


@wrong("You noise them to the number of jumps.")
def noised_to_the_number_of_jumps(*given, **options):
    def first(images, num_steps, schedule):
        n_steps = given[3] if len(given) > 3 else options.get("n_steps", 50)
        return noise_to(images, max(1, round(n_steps * num_steps / len(schedule))), schedule)

    return _walk(*given, **options, first=first)


@wrong("You draw between 0 and 1.")
def numbers_between_0_and_1(*given, **options):
    def first(images, num_steps, schedule):
        a = schedule.alpha_bar(num_steps)
        return a.sqrt() * images + (1 - a).sqrt() * t.rand_like(images)

    return _walk(*given, **options, first=first)


@wrong("You take the α of one step.")
def alpha_of_one_step(*given, **options):
    def first(images, num_steps, schedule):
        a = schedule.alpha(num_steps)
        return a.sqrt() * images + (1 - a).sqrt() * t.randn_like(images)

    return _walk(*given, **options, first=first)


@wrong("You noise each image to a timestep of its own")
def noised_by_chance(*given, **options):
    return _walk(*given, **options, first=lambda images, n, schedule: noise_img(images, schedule, max_steps=n)[2])


@wrong("You change what the last step gives")
def mixed_in_the_end(model, images, *given, **options):
    return (_walk(model, images, *given, **options) + images) / 2


@wrong("You clamp it. What is noised may leave [-1, 1].")
def each_step_clamped(*given, **options):
    return _walk(*given, **options, step=lambda model, x, n, m: step_back(model, x, n, m).clamp(-1, 1))


@wrong("You noise them to one step too few.")
def one_step_too_few(*given, **options):
    return _walk(*given, **options, first=lambda images, n, s: noise_to(images, n - 1, s))


@wrong("You noise them to one step too many.")
def one_step_too_many(*given, **options):
    return _walk(*given, **options, first=lambda images, n, s: noise_to(images, min(n + 1, len(s)), s))


@wrong("You noise them to 1 step.")
def noised_by_one_step(*given, **options):
    return _walk(*given, **options, first=lambda images, n, s: noise_to(images, 1, s))


@wrong("You fade them. Where is their noise?")
def faded_alone(*given, **options):
    return _walk(*given, **options, first=_by_factors(lambda a: a.sqrt(), lambda a: 0))


@wrong("You add noise. Where do the images fade?")
def not_faded(*given, **options):
    return _walk(*given, **options, first=_by_factors(lambda a: 1, lambda a: (1 - a).sqrt()))


@wrong("You add noise of variance 1.")
def noise_of_variance_1_added(*given, **options):
    return _walk(*given, **options, first=_by_factors(lambda a: 1, lambda a: 1))


@wrong("You swap the two factors of Equation 4.")
def factors_swapped(*given, **options):
    return _walk(*given, **options, first=_by_factors(lambda a: (1 - a).sqrt(), lambda a: a.sqrt()))


@wrong("Where are the roots of Equation 4?")
def without_roots(*given, **options):
    return _walk(*given, **options, first=_by_factors(lambda a: a, lambda a: 1 - a))


@wrong("You take ᾱ for the image.")
def image_without_root(*given, **options):
    return _walk(*given, **options, first=_by_factors(lambda a: a, lambda a: (1 - a).sqrt()))


@wrong("You take 1 - ᾱ for the noise.")
def noise_without_root(*given, **options):
    return _walk(*given, **options, first=_by_factors(lambda a: a.sqrt(), lambda a: 1 - a))


@wrong("You noise them twice.")
def noised_twice(*given, **options):
    return _walk(*given, **options, first=lambda images, n, s: noise_to(noise_to(images, n, s), n, s))


@wrong("every image gets the same noise.\nYou draw too few numbers.")
def one_noise_for_all(*given, **options):
    def first(images, n, schedule):
        a = schedule.alpha_bar(n)
        return a.sqrt() * images + (1 - a).sqrt() * t.randn_like(images[:1])

    return _walk(*given, **options, first=first)


@wrong("You leave out the last step, to 0.")
def last_step_left_out(*given, **options):
    return _walk(*given, **options, counts=lambda *way: _counts(*way)[:-1])


@wrong("You leave out the first step.")
def first_step_left_out(*given, **options):
    return _walk(*given, **options, counts=lambda *way: _counts(*way)[1:])


@wrong("You choose timesteps of your own.")
def from_the_very_end(*given, **options):
    return _walk(
        *given, **options, counts=lambda model, num_steps, n_steps: _counts(model, len(model.noise_schedule), n_steps)
    )


@wrong("Where does it take a step?")
def noised_alone(model, images, num_steps, n_steps=50):
    return noise_to(images, num_steps, model.noise_schedule)


@wrong("You noise x again, after a step that has left it at m.")
def noised_again_in_each_step(model, images, num_steps, n_steps=50):
    x, schedule = images, model.noise_schedule
    with t.no_grad():
        for n, m in pairwise(_counts(model, num_steps, n_steps)):
            x = step_back(model, noise_to(x, n, schedule), n, m)
    return x


@wrong("You noise the images anew for each step.")
def images_noised_anew(model, images, num_steps, n_steps=50):
    with t.no_grad():
        for n, m in pairwise(_counts(model, num_steps, n_steps)):
            x = step_back(model, noise_to(images, n, model.noise_schedule), n, m)
    return x


@wrong("You take one step alone")
def one_jump(model, images, num_steps, n_steps=50):
    with t.no_grad():
        return step_back(model, noise_to(images, num_steps, model.noise_schedule), num_steps, 0)


@wrong("You swap n and m.")
def ends_of_a_step_swapped(*given, **options):
    return _walk(*given, **options, step=lambda model, x, n, m: step_back(model, x, m, n))


@wrong("You noise them to n_steps. Where is num_steps?")
def noised_to_n_steps(model, images, num_steps, n_steps=50):
    return _walk(
        model, images, num_steps, n_steps, first=lambda images, n, schedule: noise_to(images, n_steps, schedule)
    )


@wrong("You clamp them.")
def clamped(*given, **options):
    return _walk(*given, **options, first=lambda *noised: noise_to(*noised).clamp(-1, 1))


@wrong("You set a seed inside")
def seeded(*given, **options):
    t.manual_seed(0)
    return _walk(*given, **options)


@wrong("You leave x as it was.")
def always_from_the_first_x(model, images, num_steps, n_steps=50):
    x = noise_to(images, num_steps, model.noise_schedule)
    with t.no_grad():
        for n, m in pairwise(_counts(model, num_steps, n_steps)):
            result = step_back(model, x, n, m)
    return result


@wrong("You go one timestep down. Where does the jump lead?")
def one_timestep_down(*given, **options):
    return _walk(*given, **options, step=lambda model, x, n, m: step_back(model, x, n, n - 1))


@wrong("You take each step from the images.")
def each_step_from_the_images(model, images, num_steps, n_steps=50):
    x = noise_to(images, num_steps, model.noise_schedule)
    with t.no_grad():
        for n, m in pairwise(_counts(model, num_steps, n_steps)):
            x = step_back(model, images, n, m)
    return x


@wrong("You let step_back go elsewhere than from n to m")
def steps_of_another_length(*given, **options):
    return _walk(*given, **options, step=lambda model, x, n, m: step_back(model, x, n, max(m - 1, 0)))


@wrong("You go all the way to 0 and noise that again.")
def to_0_and_back_again(*given, **options):
    def step(model, x, n, m):
        return noise_to(step_back(model, x, n, 0), m, model.noise_schedule)

    return _walk(*given, **options, step=step)


@wrong("Where is @t.no_grad() above def?")
def with_a_graph(model, images, num_steps, n_steps=50):
    x = noise_to(images, num_steps, model.noise_schedule)
    for n, m in pairwise(_counts(model, num_steps, n_steps)):
        x = step_back(model, x, n, m)
    return x


@wrong("returns None")
def no_return(*given, **options):
    _walk(*given, **options)


@wrong("returns a list, expected one tensor")
def all_steps(model, images, num_steps, n_steps=50):
    return list(_walk(model, images, num_steps, n_steps))


@wrong("it changes the images it is given")
def in_place(model, images, num_steps, n_steps=50):
    a = model.noise_schedule.alpha_bar(num_steps)
    first = lambda images, n, s: images.mul_(a.sqrt()).add_((1 - a).sqrt() * t.randn_like(images))
    return _walk(model, images, num_steps, n_steps, first=first)


@wrong("tensors of two devices meet")
def noise_on_the_cpu(*given, **options):
    def first(images, n, schedule):
        a = schedule.alpha_bar(n)
        return a.sqrt() * images + (1 - a).sqrt() * t.randn(images.shape)

    return _walk(*given, **options, first=first)
