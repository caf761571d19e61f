import torch as t
from einops import einsum, rearrange

from tests.answers import right, wrong


def _column(values):
    return values.reshape(-1, 1, 1, 1)


@right
def with_einops(noisy_img, noise, num_steps, noise_schedule):
    a = rearrange(noise_schedule.alpha_bar(num_steps), "b -> b 1 1 1")
    return (noisy_img - (1 - a).sqrt() * noise) / a.sqrt()


@right
def as_two_quotients(noisy_img, noise, num_steps, noise_schedule):
    a = noise_schedule.alpha_bar(num_steps)[:, None, None, None]
    return noisy_img / a.sqrt() - (1 / a - 1).sqrt() * noise


@right
def one_image_at_a_time(noisy_img, noise, num_steps, noise_schedule):
    clean = []
    for xt, e, n in zip(noisy_img, noise, num_steps.tolist(), strict=True):
        a = noise_schedule.alpha_bar(n)
        clean.append((xt - (1 - a) ** 0.5 * e) * a**-0.5)
    return t.stack(clean)


@right
def with_einsum(noisy_img, noise, num_steps, noise_schedule):
    a = noise_schedule.alpha_bar(num_steps)
    rest = noisy_img - einsum((1 - a).sqrt(), noise, "b, b c h w -> b c h w")
    return einsum(a.rsqrt(), rest, "b, b c h w -> b c h w")


@right
def clamped_to_the_range_of_images(noisy_img, noise, num_steps, noise_schedule):
    return with_einops(noisy_img, noise, num_steps, noise_schedule).clamp(-1, 1)


@right
def on_a_clone_in_place(noisy_img, noise, num_steps, noise_schedule):
    a = _column(noise_schedule.alpha_bar(num_steps)).double()
    return noisy_img.double().sub_((1 - a).sqrt() * noise).div_(a.sqrt()).float()


@wrong("Is the fading undone, too?")
def only_subtracted(noisy_img, noise, num_steps, noise_schedule):
    a = _column(noise_schedule.alpha_bar(num_steps))
    return noisy_img - (1 - a).sqrt() * noise


@wrong("Is the square root missing under the fraction?")
def divided_by_variance(noisy_img, noise, num_steps, noise_schedule):
    a = _column(noise_schedule.alpha_bar(num_steps))
    return (noisy_img - (1 - a).sqrt() * noise) / a


@wrong("Did a variance go where a standard deviation belongs?")
def noise_by_variance(noisy_img, noise, num_steps, noise_schedule):
    a = _column(noise_schedule.alpha_bar(num_steps))
    return (noisy_img - (1 - a) * noise) / a.sqrt()


@wrong("Are both square roots missing?")
def no_roots(noisy_img, noise, num_steps, noise_schedule):
    a = _column(noise_schedule.alpha_bar(num_steps))
    return (noisy_img - (1 - a) * noise) / a


@wrong("Is the noise added once more?")
def added(noisy_img, noise, num_steps, noise_schedule):
    a = _column(noise_schedule.alpha_bar(num_steps))
    return (noisy_img + (1 - a).sqrt() * noise) / a.sqrt()


@wrong("Is everything divided? Mind the parentheses.")
def parentheses_missing(noisy_img, noise, num_steps, noise_schedule):
    a = _column(noise_schedule.alpha_bar(num_steps))
    return noisy_img - (1 - a).sqrt() * noise / a.sqrt()


@wrong("Is the noise scaled?")
def full_noise(noisy_img, noise, num_steps, noise_schedule):
    return (noisy_img - noise) / _column(noise_schedule.alpha_bar(num_steps)).sqrt()


@wrong("Are the two factors swapped?")
def swapped(noisy_img, noise, num_steps, noise_schedule):
    a = _column(noise_schedule.alpha_bar(num_steps))
    return (noisy_img - a.sqrt() * noise) / (1 - a).sqrt()


@wrong("Is it multiplied where it should be divided?")
def multiplied(noisy_img, noise, num_steps, noise_schedule):
    a = _column(noise_schedule.alpha_bar(num_steps))
    return (noisy_img - (1 - a).sqrt() * noise) * a.sqrt()


@wrong("Is this the noised image once more?")
def noised_again(noisy_img, noise, num_steps, noise_schedule):
    a = _column(noise_schedule.alpha_bar(num_steps))
    return a.sqrt() * noisy_img + (1 - a).sqrt() * noise


@wrong("That is the image as it came.")
def unchanged(noisy_img, noise, num_steps, noise_schedule):
    return noisy_img.clone()


@wrong("Is that ᾱ of the count, or the α of one step?")
def alpha_for_alpha_bar(noisy_img, noise, num_steps, noise_schedule):
    a = _column(noise_schedule.alpha(num_steps))
    return (noisy_img - (1 - a).sqrt() * noise) / a.sqrt()


@wrong("The factors run along the width of the images.")
def factors_along_the_width(noisy_img, noise, num_steps, noise_schedule):
    a = noise_schedule.alpha_bar(num_steps)
    return (noisy_img - (1 - a).sqrt() * noise) / a.sqrt()


@wrong("index 4 is out of bounds")
def count_used_as_row(noisy_img, noise, num_steps, noise_schedule):
    a = _column(noise_schedule.alpha_bars[num_steps])
    return (noisy_img - (1 - a).sqrt() * noise) / a.sqrt()


@wrong("it changes what it is given")
def in_place(noisy_img, noise, num_steps, noise_schedule):
    a = _column(noise_schedule.alpha_bar(num_steps))
    return noisy_img.sub_((1 - a).sqrt() * noise).div_(a.sqrt())


@wrong("is off by up to")
def first_count_for_all(noisy_img, noise, num_steps, noise_schedule):
    a = noise_schedule.alpha_bar(num_steps)[0]
    return (noisy_img - (1 - a).sqrt() * noise) / a.sqrt()


@wrong("returns None.\nDoes the function end in a return?")
def no_return(noisy_img, noise, num_steps, noise_schedule):
    a = _column(noise_schedule.alpha_bar(num_steps))
    noisy_img = (noisy_img - (1 - a).sqrt() * noise) / a.sqrt()
