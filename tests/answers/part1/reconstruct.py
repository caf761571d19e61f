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


@right
def with_broadcast_views(noisy_img, noise, num_steps, noise_schedule):
    signal = noise_schedule.alpha_bar(num_steps).sqrt().view(-1, 1, 1, 1).expand_as(noisy_img)
    return t.addcmul(noisy_img, -(1 - signal**2).sqrt(), noise).div(signal)


@right
def looked_up_in_the_buffers(noisy_img, noise, num_steps, noise_schedule):
    a = _column(noise_schedule.alpha_bars.gather(0, num_steps.long() - 1))
    return a.pow(-0.5) * noisy_img - ((1 - a) / a).sqrt() * noise


@right
def in_log_space(noisy_img, noise, num_steps, noise_schedule):
    log_bar = t.log1p(-noise_schedule.betas.double()).cumsum(0)[num_steps - 1].float()
    kept, noised = _column((log_bar / 2).exp()), _column((-t.expm1(log_bar)).sqrt())
    return (noisy_img - noised * noise) / kept


@right
def flat_lists_of_pixels(noisy_img, noise, num_steps, noise_schedule):
    a = noise_schedule.alpha_bar(num_steps)[:, None]
    clean = (noisy_img.flatten(1) - (1 - a).sqrt() * noise.flatten(1)) / a.sqrt()
    return clean.reshape(noisy_img.shape)


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


@wrong("it changes the noisy_img it is given")
def in_place(noisy_img, noise, num_steps, noise_schedule):
    a = _column(noise_schedule.alpha_bar(num_steps))
    return noisy_img.sub_((1 - a).sqrt() * noise).div_(a.sqrt())


@wrong("Does every image get the factors of the first one?")
def first_count_for_all(noisy_img, noise, num_steps, noise_schedule):
    a = noise_schedule.alpha_bar(num_steps)[0]
    return (noisy_img - (1 - a).sqrt() * noise) / a.sqrt()


@wrong("returns None.\nWhere does the function return something?")
def no_return(noisy_img, noise, num_steps, noise_schedule):
    a = _column(noise_schedule.alpha_bar(num_steps))
    noisy_img = (noisy_img - (1 - a).sqrt() * noise) / a.sqrt()


def _formula(clean):
    """A right function with another formula. clean: noised images, noise, ᾱ, α -> clean images"""

    def reconstruct(noisy_img, noise, num_steps, noise_schedule):
        a, one = _column(noise_schedule.alpha_bar(num_steps)), _column(noise_schedule.alpha(num_steps))
        return clean(noisy_img, noise, a, one)

    return reconstruct


@wrong("Is the noise divided, too? Mind the parentheses.")
def image_alone_divided(noisy_img, noise, num_steps, noise_schedule):
    formula = lambda xt, e, a, one: xt / a.sqrt() - (1 - a).sqrt() * e  # noqa: E731
    return _formula(formula)(noisy_img, noise, num_steps, noise_schedule)


@wrong("Is neither the noise nor the result scaled?")
def nothing_scaled(noisy_img, noise, num_steps, noise_schedule):
    return noisy_img - noise


@wrong("Is it divided by the noise's factor?")
def divided_by_the_noise_factor(noisy_img, noise, num_steps, noise_schedule):
    formula = lambda xt, e, a, one: (xt - (1 - a).sqrt() * e) / (1 - a).sqrt()  # noqa: E731
    return _formula(formula)(noisy_img, noise, num_steps, noise_schedule)


@wrong("Is the noise that of one step alone?")
def noise_of_one_step(noisy_img, noise, num_steps, noise_schedule):
    formula = lambda xt, e, a, one: (xt - (1 - one).sqrt() * e) / a.sqrt()  # noqa: E731
    return _formula(formula)(noisy_img, noise, num_steps, noise_schedule)


@wrong("Is the fading undone that of one step alone?")
def fading_of_one_step(noisy_img, noise, num_steps, noise_schedule):
    formula = lambda xt, e, a, one: (xt - (1 - a).sqrt() * e) / one.sqrt()  # noqa: E731
    return _formula(formula)(noisy_img, noise, num_steps, noise_schedule)


@wrong("Is a root taken of ᾱ, and then used as ᾱ?")
def one_minus_the_root(noisy_img, noise, num_steps, noise_schedule):
    formula = lambda xt, e, a, one: (xt - (1 - a.sqrt()) * e) / a.sqrt()  # noqa: E731
    return _formula(formula)(noisy_img, noise, num_steps, noise_schedule)


@wrong("Is the noise subtracted at all?")
def noise_unused(noisy_img, noise, num_steps, noise_schedule):
    return _formula(lambda xt, e, a, one: xt / a.sqrt())(noisy_img, noise, num_steps, noise_schedule)


@wrong("Are image and noise swapped?")
def arguments_swapped(noisy_img, noise, num_steps, noise_schedule):
    return with_einops(noise, noisy_img, num_steps, noise_schedule)


@wrong("The sign is turned. Is the image taken from the noise?")
def sign_turned(noisy_img, noise, num_steps, noise_schedule):
    formula = lambda xt, e, a, one: ((1 - a).sqrt() * e - xt) / a.sqrt()  # noqa: E731
    return _formula(formula)(noisy_img, noise, num_steps, noise_schedule)


@wrong("Is it brought to [0, 1]? All computation stays in [-1, 1].")
def denormalised(noisy_img, noise, num_steps, noise_schedule):
    return (with_einops(noisy_img, noise, num_steps, noise_schedule) + 1) / 2


@wrong("Is it normalised once more?")
def normalised_again(noisy_img, noise, num_steps, noise_schedule):
    return with_einops(noisy_img, noise, num_steps, noise_schedule) * 2 - 1


@wrong("Does every image get the factors of the last count?")
def factors_of_the_last_count(noisy_img, noise, num_steps, noise_schedule):
    a = noise_schedule.alpha_bar(len(noise_schedule))
    return (noisy_img - (1 - a).sqrt() * noise) / a.sqrt()


@wrong("num_steps counts steps of noise, 1 to 4")
def count_lowered_by_1(noisy_img, noise, num_steps, noise_schedule):
    return with_einops(noisy_img, noise, num_steps - 1, noise_schedule)


@wrong("it changes the noise it is given")
def noise_scaled_in_place(noisy_img, noise, num_steps, noise_schedule):
    a = _column(noise_schedule.alpha_bar(num_steps))
    return (noisy_img - noise.mul_((1 - a).sqrt())) / a.sqrt()


@wrong("it is right for images (6, 3, 4, 6), but not for (2, 1, 5, 3).\nIs a size written out?")
def size_written_out(noisy_img, noise, num_steps, noise_schedule):
    clean = with_einops(noisy_img, noise, num_steps, noise_schedule)
    return clean if clean.shape[1] == 3 else clean.flip(-1)


@wrong("returns a tensor of shape (6, 6, 3, 4, 6), expected shape (6, 3, 4, 6)")
def one_axis_too_many(noisy_img, noise, num_steps, noise_schedule):
    a = noise_schedule.alpha_bar(num_steps).reshape(-1, 1, 1, 1, 1)
    return (noisy_img - (1 - a).sqrt() * noise) / a.sqrt()
