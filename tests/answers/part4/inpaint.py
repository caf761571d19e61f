from itertools import pairwise

import torch as t

import solutions.part1_diffusion as part1
from solutions.part4_guidance import noise_to, step_back
from tests.answers import right, wrong


def _counts(model, n_steps):
    return t.linspace(len(model.noise_schedule), 0, n_steps + 1).round().int().tolist()


def _bar(schedule, n):
    return schedule.alpha_bar(n) if n else t.ones(1, device=schedule.device)


def _walk(
    model,
    images,
    keep,
    n_steps=50,
    *,
    first=t.randn_like,
    counts=_counts,
    noised=lambda images, n, m, schedule: noise_to(images, m, schedule),
    step=step_back,
    mix=lambda keep, kept, drawn, m: t.where(keep, kept, drawn),
):
    """A right answer, with one place for each mistake."""
    with t.no_grad():
        x = first(images)
        for n, m in pairwise(counts(model, n_steps)):
            x = mix(keep, noised(images, n, m, model.noise_schedule), step(model, x, n, m), m)
    return x


# ------------------------------------------------------------------------------------------------ right


@right
def line_by_line(*given, **options):
    return _walk(*given, **options)


@right
@t.no_grad()
def put_in_before_each_step(model, images, keep, n_steps=50):
    """The kept part is noised to where each step begins, and put back at the end."""
    x = t.randn_like(images)
    for n, m in pairwise(_counts(model, n_steps)):
        x = t.where(keep, noise_to(images, n, model.noise_schedule), x)
        x = step_back(model, x, n, m)
    return t.where(keep, images, x)


@right
@t.no_grad()
def as_a_weighted_sum(model, images, keep, n_steps=50):
    weight = keep.float()
    x = t.randn(images.shape, device=images.device)
    counts = _counts(model, n_steps)
    for i in range(len(counts) - 1):
        kept = noise_to(images, counts[i + 1], model.noise_schedule)
        x = weight * kept + (1 - weight) * step_back(model, x, counts[i], counts[i + 1])
    return x


@right
def with_one_noise_for_all_steps(model, images, keep, n_steps=50):
    """The kept part goes one way, with the same noise all along."""
    noise, schedule = t.randn_like(images), model.noise_schedule
    kept = lambda images, n, m, s: _bar(schedule, m).sqrt() * images + (1 - _bar(schedule, m)).sqrt() * noise
    return _walk(model, images, keep, n_steps, noised=kept)


@right
@t.no_grad()
def written_into_x(model, images, keep, n_steps=50):
    x = t.empty_like(images).normal_()
    for n, m in pairwise(_counts(model, n_steps)):
        x = step_back(model, x, n, m)
        kept = noise_to(images, m, model.noise_schedule)
        x[..., keep] = kept[..., keep]
    return x


@right
@t.no_grad()
def recursive(model, images, keep, n_steps=50):
    counts, mask = _counts(model, n_steps), keep.expand(images.shape)

    def walk(x, i):
        if i == n_steps:
            return x
        drawn = step_back(model, x, counts[i], counts[i + 1])
        return walk(drawn.masked_scatter(mask, noise_to(images, counts[i + 1], model.noise_schedule)[mask]), i + 1)

    return walk(t.normal(t.zeros_like(images), t.ones_like(images)), 0)


@right
@t.no_grad()
def with_equation_4_written_out(model, images, keep, n_steps=50):
    model.eval()
    x, schedule = t.randn_like(images), model.noise_schedule
    for n, m in pairwise(_counts(model, n_steps)):
        x = step_back(model, x, n, m)
        if m > 0:
            a = schedule.alpha_bar(m)
            kept = a**0.5 * images + (1 - a) ** 0.5 * t.randn_like(images)
            x = x * ~keep + kept * keep
    return x * ~keep + images * keep


# ------------------------------------------------------------------------------------------------ wrong


@wrong("You swap the two parts.")
def parts_swapped(*given, **options):
    return _walk(*given, **options, mix=lambda keep, kept, drawn, m: t.where(keep, drawn, kept))


@wrong("You begin with nothing where the images are kept.")
def begins_with_zeros_there(model, images, keep, n_steps=50):
    return _walk(model, images, keep, n_steps, first=lambda images: t.where(keep, 0, t.randn_like(images)))


@wrong("You put it in before the step, noised to where the step leads.")
@t.no_grad()
def put_in_before_the_step(model, images, keep, n_steps=50):
    x = t.randn_like(images)
    for n, m in pairwise(_counts(model, n_steps)):
        x = step_back(model, t.where(keep, noise_to(images, m, model.noise_schedule), x), n, m)
    return t.where(keep, images, x)


@wrong("You begin with noise for another number of images.")
def one_start_of_one_image(*given, **options):
    return _walk(*given, **options, first=lambda images: t.randn_like(images[:1]))


@wrong("You ask the model twice in each step.")
def drawn_twice(*given, **options):
    twice = lambda model, x, n, m: (step_back(model, x, n, m), step_back(model, x, n, m))[1]
    return _walk(*given, **options, step=twice)


@wrong("You go the way backwards.")
def counted_up(*given, **options):
    return _walk(*given, **options, counts=lambda model, n_steps: _counts(model, n_steps)[::-1])


@wrong("You put it in without noise.")
def kept_part_clean(*given, **options):
    return _walk(*given, **options, noised=lambda images, n, m, s: images)


@wrong("You noise it to n, where the step began.")
def noised_to_where_the_step_began(*given, **options):
    return _walk(*given, **options, noised=lambda images, n, m, s: noise_to(images, n, s))


@wrong("You noise it to n, where the step began.")
def noised_to_where_the_step_began_and_put_back(model, images, keep, n_steps=50):
    x = _walk(model, images, keep, n_steps, noised=lambda images, n, m, s: noise_to(images, n, s))
    return t.where(keep, images, x)


@wrong("You noise it to one step too few.")
def one_step_too_few(*given, **options):
    return _walk(*given, **options, noised=lambda images, n, m, s: noise_to(images, max(m - 1, 0), s))


@wrong("You noise it to one step too many.")
def one_step_too_many(*given, **options):
    return _walk(*given, **options, noised=lambda images, n, m, s: noise_to(images, m + 1, s))


@wrong("You noise it to T each time.")
def noised_to_the_end(*given, **options):
    return _walk(*given, **options, noised=lambda images, n, m, s: noise_to(images, len(s), s))


def _by_factors(signal, noise):
    """noised: with these factors, of ᾱ"""

    def noised(images, n, m, schedule):
        a = _bar(schedule, m)
        return signal(a) * images + noise(a) * t.randn_like(images)

    return noised


@wrong("You fade it. Where is its noise?")
def faded_alone(*given, **options):
    return _walk(*given, **options, noised=_by_factors(lambda a: a.sqrt(), lambda a: 0))


@wrong("You add noise. Where does the image fade?")
def not_faded(*given, **options):
    return _walk(*given, **options, noised=_by_factors(lambda a: 1, lambda a: (1 - a).sqrt()))


@wrong("You add noise of variance 1.")
def noise_of_variance_1_added(*given, **options):
    return _walk(*given, **options, noised=_by_factors(lambda a: 1, lambda a: 1))


@wrong("You swap the two factors of Equation 4.")
def factors_swapped(*given, **options):
    return _walk(*given, **options, noised=_by_factors(lambda a: (1 - a).sqrt(), lambda a: a.sqrt()))


@wrong("Where are the roots of Equation 4?")
def without_roots(*given, **options):
    return _walk(*given, **options, noised=_by_factors(lambda a: a, lambda a: 1 - a))


@wrong("You take ᾱ for the image.")
def image_without_root(*given, **options):
    return _walk(*given, **options, noised=_by_factors(lambda a: a, lambda a: (1 - a).sqrt()))


@wrong("You take 1 - ᾱ for the noise.")
def noise_without_root(*given, **options):
    return _walk(*given, **options, noised=_by_factors(lambda a: a.sqrt(), lambda a: 1 - a))


@wrong("You put the kept part in at the end alone.")
def pasted_at_the_end(model, images, keep, n_steps=50):
    x = _walk(model, images, keep, n_steps, mix=lambda keep, kept, drawn, m: drawn)
    return t.where(keep, images, x)


@wrong("Where does the image come in?")
def drawn_freely(*given, **options):
    return _walk(*given, **options, mix=lambda keep, kept, drawn, m: drawn)


@wrong("You put it in at the first step alone.")
def put_in_once(model, images, keep, n_steps=50):
    first = _counts(model, n_steps)[1]
    mix = lambda keep, kept, drawn, m: t.where(keep, kept, drawn) if m in (first, 0) else drawn
    return _walk(model, images, keep, n_steps, mix=mix)


@wrong("Where is the image put back?")
def not_put_back_at_the_end(*given, **options):
    return _walk(*given, **options, mix=lambda keep, kept, drawn, m: t.where(keep, kept, drawn) if m else drawn)


@wrong("You noise it there, too.")
def noised_in_the_end(*given, **options):
    return _walk(*given, **options, noised=lambda images, n, m, s: noise_to(images, max(m, 1), s))


@wrong("You begin with the image.")
def begins_with_the_image_noised(*given, **options):
    model = given[0]
    return _walk(
        *given, **options, first=lambda images: noise_to(images, len(model.noise_schedule), model.noise_schedule)
    )


@wrong("You begin with the image.")
def begins_with_the_image(*given, **options):
    return _walk(*given, **options, first=lambda images: images)


@wrong("Where is the noise that it begins with?")
def begins_with_zeros(*given, **options):
    return _walk(*given, **options, first=t.zeros_like)


@wrong("You draw between 0 and 1.")
def begins_with_numbers_between_0_and_1(*given, **options):
    return _walk(*given, **options, first=t.rand_like)


@wrong("every image gets the same noise.\nYou draw too few numbers.")
def one_start_for_all(*given, **options):
    return _walk(*given, **options, first=lambda images: t.randn_like(images[:1]).expand_as(images))


@wrong("in what is kept, every image gets the same noise")
def one_noise_for_the_kept_part_of_all(*given, **options):
    def noised(images, n, m, schedule):
        a = _bar(schedule, m)
        return a.sqrt() * images + (1 - a).sqrt() * t.randn_like(images[:1])

    return _walk(*given, **options, noised=noised)


@wrong("You let the image into the part that is drawn anew.")
def both_parts_mixed_in_halves(*given, **options):
    return _walk(
        *given, **options, mix=lambda keep, kept, drawn, m: (kept + drawn) / 2 if m else t.where(keep, kept, drawn)
    )


@wrong("You leave out the last step, to 0.")
def last_step_left_out(*given, **options):
    return _walk(*given, **options, counts=lambda model, n_steps: _counts(model, n_steps)[:-1])


@wrong("You leave out the first step.")
def first_step_left_out(*given, **options):
    return _walk(*given, **options, counts=lambda model, n_steps: _counts(model, n_steps)[1:])


@wrong("You choose timesteps of your own.")
def every_step(*given, **options):
    return _walk(*given, **options, counts=lambda model, n_steps: list(range(len(model.noise_schedule), -1, -1)))


@wrong("You let step_back go elsewhere than from n to m")
def steps_of_another_length(*given, **options):
    return _walk(*given, **options, step=lambda model, x, n, m: step_back(model, x, n, max(m - 1, 0)))


@wrong("You go all the way to 0 and noise that again.")
def to_0_and_back_again(*given, **options):
    step = lambda model, x, n, m: noise_to(step_back(model, x, n, 0), m, model.noise_schedule)
    return _walk(*given, **options, step=step)


@wrong("You take one step alone")
@t.no_grad()
def return_within_the_loop(model, images, keep, n_steps=50):
    x = t.randn_like(images)
    for n, m in pairwise(_counts(model, n_steps)):
        return t.where(keep, noise_to(images, m, model.noise_schedule), step_back(model, x, n, m))


@wrong("You swap n and m.")
def ends_of_a_step_swapped(*given, **options):
    return _walk(*given, **options, step=lambda model, x, n, m: step_back(model, x, m, n))


@wrong("You clamp it.")
def clamped(*given, **options):
    mix = lambda keep, kept, drawn, m: t.where(keep, kept, drawn).clamp(-1, 1)
    return _walk(*given, **options, mix=mix)


@wrong("You set a seed inside")
def seeded(*given, **options):
    t.manual_seed(0)
    return _walk(*given, **options)


@wrong("You leave x as it was.")
def always_from_the_first_x(model, images, keep, n_steps=50):
    first = t.randn_like(images)
    x = first.clone()
    with t.no_grad():
        for n, m in pairwise(_counts(model, n_steps)):
            fresh = t.where(keep, x, first)
            x = t.where(keep, noise_to(images, m, model.noise_schedule), step_back(model, fresh, n, m))
    return x


@wrong("You leave x as it was.")
def steps_thrown_away(model, images, keep, n_steps=50):
    x = t.randn_like(images)
    with t.no_grad():
        for n, m in pairwise(_counts(model, n_steps)):
            step_back(model, x, n, m)
            x = t.where(keep, noise_to(images, m, model.noise_schedule), x)
    return x


@wrong("it changes the images it is given")
def into_the_images(model, images, keep, n_steps=50):
    images[..., ~keep] = _walk(model, images, keep, n_steps)[..., ~keep]
    return images


@wrong("Where is @t.no_grad() above def?")
def with_a_graph(model, images, keep, n_steps=50):
    x = t.randn_like(images)
    for n, m in pairwise(_counts(model, n_steps)):
        x = t.where(keep, noise_to(images, m, model.noise_schedule), step_back(model, x, n, m))
    return x


@wrong("returns None")
def no_return(*given, **options):
    _walk(*given, **options)


@wrong("gets images on the cpu.\nYou make them on another device.")
def start_on_the_cpu(*given, **options):
    return _walk(*given, **options, first=lambda images: t.randn(images.shape))


@wrong("the model gets a tensor of shape (3, 6, 8)")
def one_image_of_the_batch(model, images, keep, n_steps=50):
    return _walk(model, images[0], keep, n_steps).expand(images.shape)


@wrong("AttributeError")
def keep_asked_for_the_noise(model, images, keep, n_steps=50):
    return _walk(model, images, keep, n_steps, noised=lambda images, n, m, s: keep.noise_to(m))


@wrong("num_steps counts steps of noise, 1 to 7")
def alpha_bar_of_0_looked_up(*given, **options):
    noised = lambda images, n, m, s: part1.q_eq4(images, m, s.betas)
    return _walk(*given, **options, noised=noised)
