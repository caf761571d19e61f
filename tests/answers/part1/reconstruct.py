import torch as t
from einops import einsum, rearrange

from solutions.part1_diffusion import NoiseSchedule
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


@wrong("Where is the fading undone?")
def only_subtracted(noisy_img, noise, num_steps, noise_schedule):
    a = _column(noise_schedule.alpha_bar(num_steps))
    return noisy_img - (1 - a).sqrt() * noise


@wrong("Where is the square root under the fraction?")
def divided_by_variance(noisy_img, noise, num_steps, noise_schedule):
    a = _column(noise_schedule.alpha_bar(num_steps))
    return (noisy_img - (1 - a).sqrt() * noise) / a


@wrong("You scale the noise by a variance, where a standard deviation belongs.")
def noise_by_variance(noisy_img, noise, num_steps, noise_schedule):
    a = _column(noise_schedule.alpha_bar(num_steps))
    return (noisy_img - (1 - a) * noise) / a.sqrt()


@wrong("Where are the two square roots?")
def no_roots(noisy_img, noise, num_steps, noise_schedule):
    a = _column(noise_schedule.alpha_bar(num_steps))
    return (noisy_img - (1 - a) * noise) / a


@wrong("You add the noise once more.")
def added(noisy_img, noise, num_steps, noise_schedule):
    a = _column(noise_schedule.alpha_bar(num_steps))
    return (noisy_img + (1 - a).sqrt() * noise) / a.sqrt()


@wrong("You divide the noise alone.")
def parentheses_missing(noisy_img, noise, num_steps, noise_schedule):
    a = _column(noise_schedule.alpha_bar(num_steps))
    return noisy_img - (1 - a).sqrt() * noise / a.sqrt()


@wrong("Where is the noise scaled?")
def full_noise(noisy_img, noise, num_steps, noise_schedule):
    return (noisy_img - noise) / _column(noise_schedule.alpha_bar(num_steps)).sqrt()


@wrong("You swap the two factors.")
def swapped(noisy_img, noise, num_steps, noise_schedule):
    a = _column(noise_schedule.alpha_bar(num_steps))
    return (noisy_img - a.sqrt() * noise) / (1 - a).sqrt()


@wrong("You multiply where you should divide.")
def multiplied(noisy_img, noise, num_steps, noise_schedule):
    a = _column(noise_schedule.alpha_bar(num_steps))
    return (noisy_img - (1 - a).sqrt() * noise) * a.sqrt()


@wrong("You noise the image once more.")
def noised_again(noisy_img, noise, num_steps, noise_schedule):
    a = _column(noise_schedule.alpha_bar(num_steps))
    return a.sqrt() * noisy_img + (1 - a).sqrt() * noise


@wrong("You give the image back as it came.")
def unchanged(noisy_img, noise, num_steps, noise_schedule):
    return noisy_img.clone()


@wrong("You take the α of one step, where ᾱ belongs.")
def alpha_for_alpha_bar(noisy_img, noise, num_steps, noise_schedule):
    a = _column(noise_schedule.alpha(num_steps))
    return (noisy_img - (1 - a).sqrt() * noise) / a.sqrt()


@wrong("You let the factors run along the width of the images.")
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


@wrong("You give every image the factors of the first one.")
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


@wrong("You divide the image alone.")
def image_alone_divided(noisy_img, noise, num_steps, noise_schedule):
    formula = lambda xt, e, a, one: xt / a.sqrt() - (1 - a).sqrt() * e  # noqa: E731
    return _formula(formula)(noisy_img, noise, num_steps, noise_schedule)


@wrong("Where are the noise and the result scaled?")
def nothing_scaled(noisy_img, noise, num_steps, noise_schedule):
    return noisy_img - noise


@wrong("You divide by the noise's factor.")
def divided_by_the_noise_factor(noisy_img, noise, num_steps, noise_schedule):
    formula = lambda xt, e, a, one: (xt - (1 - a).sqrt() * e) / (1 - a).sqrt()  # noqa: E731
    return _formula(formula)(noisy_img, noise, num_steps, noise_schedule)


@wrong("You subtract the noise of one step alone.")
def noise_of_one_step(noisy_img, noise, num_steps, noise_schedule):
    formula = lambda xt, e, a, one: (xt - (1 - one).sqrt() * e) / a.sqrt()  # noqa: E731
    return _formula(formula)(noisy_img, noise, num_steps, noise_schedule)


@wrong("You undo the fading of one step alone.")
def fading_of_one_step(noisy_img, noise, num_steps, noise_schedule):
    formula = lambda xt, e, a, one: (xt - (1 - a).sqrt() * e) / one.sqrt()  # noqa: E731
    return _formula(formula)(noisy_img, noise, num_steps, noise_schedule)


@wrong("You take a root of ᾱ, and then use it as ᾱ.")
def one_minus_the_root(noisy_img, noise, num_steps, noise_schedule):
    formula = lambda xt, e, a, one: (xt - (1 - a.sqrt()) * e) / a.sqrt()  # noqa: E731
    return _formula(formula)(noisy_img, noise, num_steps, noise_schedule)


@wrong("Where is the noise subtracted?")
def noise_unused(noisy_img, noise, num_steps, noise_schedule):
    return _formula(lambda xt, e, a, one: xt / a.sqrt())(noisy_img, noise, num_steps, noise_schedule)


@wrong("You swap image and noise.")
def arguments_swapped(noisy_img, noise, num_steps, noise_schedule):
    return with_einops(noise, noisy_img, num_steps, noise_schedule)


@wrong("You take the image from the noise, which turns the sign.")
def sign_turned(noisy_img, noise, num_steps, noise_schedule):
    formula = lambda xt, e, a, one: ((1 - a).sqrt() * e - xt) / a.sqrt()  # noqa: E731
    return _formula(formula)(noisy_img, noise, num_steps, noise_schedule)


@wrong("You bring it to [0, 1].")
def denormalised(noisy_img, noise, num_steps, noise_schedule):
    return (with_einops(noisy_img, noise, num_steps, noise_schedule) + 1) / 2


@wrong("You normalise it once more.")
def normalised_again(noisy_img, noise, num_steps, noise_schedule):
    return with_einops(noisy_img, noise, num_steps, noise_schedule) * 2 - 1


@wrong("You give every image the factors of the last timestep.")
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


@wrong("You write a size or a schedule out, or round timesteps.")
def size_written_out(noisy_img, noise, num_steps, noise_schedule):
    clean = with_einops(noisy_img, noise, num_steps, noise_schedule)
    return clean if clean.shape[1] == 3 else clean.flip(-1)


@wrong("returns a tensor of shape (6, 6, 3, 4, 6), expected shape (6, 3, 4, 6)")
def one_axis_too_many(noisy_img, noise, num_steps, noise_schedule):
    a = noise_schedule.alpha_bar(num_steps).reshape(-1, 1, 1, 1, 1)
    return (noisy_img - (1 - a).sqrt() * noise) / a.sqrt()


@wrong("expected shape (1, 1, 2, 3).\nYou take away axes of length 1, as squeeze() does.")
def a_single_one_squeezed(noisy_img, noise, num_steps, noise_schedule):
    return with_einops(noisy_img, noise, num_steps, noise_schedule).squeeze(0)


@wrong("You clamp to [0, 1]. Images are in [-1, 1].")
def clamped_to_0_and_1(noisy_img, noise, num_steps, noise_schedule):
    return with_einops(noisy_img, noise, num_steps, noise_schedule).clamp(0, 1)


@wrong("You take β, where ᾱ belongs.")
def beta_for_alpha_bar(noisy_img, noise, num_steps, noise_schedule):
    a = _column(noise_schedule.beta(num_steps))
    return (noisy_img - (1 - a).sqrt() * noise) / a.sqrt()


@wrong("You add 1 and ᾱ. What is not kept is 1 - ᾱ.")
def one_plus_alpha_bar(noisy_img, noise, num_steps, noise_schedule):
    formula = lambda xt, e, a, one: (xt - (1 + a).sqrt() * e) / a.sqrt()  # noqa: E731
    return _formula(formula)(noisy_img, noise, num_steps, noise_schedule)


@wrong("You subtract the noise twice.")
def noise_subtracted_twice(noisy_img, noise, num_steps, noise_schedule):
    formula = lambda xt, e, a, one: (xt - 2 * (1 - a).sqrt() * e) / a.sqrt()  # noqa: E731
    return _formula(formula)(noisy_img, noise, num_steps, noise_schedule)


@wrong("called twice, it gives two results.\nYou draw new noise. The noise is given.")
def draws_new_noise(noisy_img, noise, num_steps, noise_schedule):
    return with_einops(noisy_img, t.randn_like(noise), num_steps, noise_schedule)


@wrong("You give every image the same factors, their mean.")
def factors_of_the_batch(noisy_img, noise, num_steps, noise_schedule):
    a = noise_schedule.alpha_bar(num_steps).mean()
    return (noisy_img - (1 - a).sqrt() * noise) / a.sqrt()


@wrong("You write a size or a schedule out, or round timesteps.")
def counts_in_half_precision(noisy_img, noise, num_steps, noise_schedule):
    return with_einops(noisy_img, noise, num_steps.to(t.bfloat16).long(), noise_schedule)


@wrong("You write a size or a schedule out, or round timesteps.")
def alpha_bars_written_out(noisy_img, noise, num_steps, noise_schedule):
    a = _column(t.tensor([0.9, 0.54, 0.432, 0.324])[num_steps.clamp(max=4) - 1])
    return (noisy_img - (1 - a).sqrt() * noise) / a.sqrt()


@wrong("tensors of two devices meet.\nYou make a tensor on the CPU.")
def divided_by_a_tensor_on_the_cpu(noisy_img, noise, num_steps, noise_schedule):
    return with_einops(noisy_img, noise, num_steps, noise_schedule) / t.ones(len(noise), 1, 1, 1)


noised = t.zeros(6, 3, 4, 6)  # as another cell leaves it


@wrong("`noised` is no argument: it comes from another cell.")
def another_cells_images(noisy_img, noise, num_steps, noise_schedule):
    return with_einops(noised, noise, num_steps, noise_schedule)


@wrong("There, noisy_img has shape (6, 3, 4, 6)")
def factors_with_two_axes(noisy_img, noise, num_steps, noise_schedule):
    a = noise_schedule.alpha_bar(num_steps)[:, None]
    return (noisy_img - (1 - a).sqrt() * noise) / a.sqrt()


@right
def clamped_by_hand(noisy_img, noise, num_steps, noise_schedule):
    clean = with_einops(noisy_img, noise, num_steps, noise_schedule)
    return t.where(clean > 1, 1.0, t.where(clean < -1, -1.0, clean))


@right
def on_permuted_axes(noisy_img, noise, num_steps, noise_schedule):
    a = noise_schedule.alpha_bar(num_steps)
    rest = noisy_img.movedim(0, -1) - (1 - a).sqrt() * noise.movedim(0, -1)
    return (rest / a.sqrt()).movedim(-1, 0)


@wrong("You scale the noise by the image's factor.")
def noise_by_the_images_factor(noisy_img, noise, num_steps, noise_schedule):
    a = _column(noise_schedule.alpha_bar(num_steps))
    return (noisy_img - a.sqrt() * noise) / a.sqrt()


@wrong("You take one step back, as Algorithm 2 does.")
def line_4_without_noise(noisy_img, noise, num_steps, noise_schedule):
    a, one = _column(noise_schedule.alpha_bar(num_steps)), _column(noise_schedule.alpha(num_steps))
    return (noisy_img - (1 - one) / (1 - a).sqrt() * noise) / one.sqrt()


@wrong("You multiply the image by √ᾱ.")
def as_from_a_velocity(noisy_img, noise, num_steps, noise_schedule):
    a = _column(noise_schedule.alpha_bar(num_steps))
    return a.sqrt() * noisy_img - (1 - a).sqrt() * noise


@wrong("You squash it by tanh.")
def squashed(noisy_img, noise, num_steps, noise_schedule):
    return with_einops(noisy_img, noise, num_steps, noise_schedule).tanh()


@wrong("You clamp the noised image.")
def noised_image_clamped(noisy_img, noise, num_steps, noise_schedule):
    return with_einops(noisy_img.clamp(-1, 1), noise, num_steps, noise_schedule)


@wrong("but for a guess a number is")
def clamped_before_the_division(noisy_img, noise, num_steps, noise_schedule):
    a = _column(noise_schedule.alpha_bar(num_steps))
    return (noisy_img - (1 - a).sqrt() * noise).clamp(-1, 1) / a.sqrt()


@wrong("You bring it back to the range in another way.")
def imagens_dynamic_threshold(noisy_img, noise, num_steps, noise_schedule):
    clean = with_einops(noisy_img, noise, num_steps, noise_schedule)
    limit = _column(clean.flatten(1).abs().quantile(0.995, dim=1)).clamp(min=1)
    return clean.clamp(-limit, limit) / limit


@wrong("You look ᾱ up one timestep early.")
def timestep_before(noisy_img, noise, num_steps, noise_schedule):
    return with_einops(noisy_img, noise, (num_steps - 1).clamp(1), noise_schedule)


@wrong("You look ᾱ up one index late.")
def row_of_the_timestep(noisy_img, noise, num_steps, noise_schedule):
    return with_einops(noisy_img, noise, num_steps % len(noise_schedule) + 1, noise_schedule)


@wrong("You use a schedule of your own.")
def own_schedule(noisy_img, noise, num_steps, noise_schedule):
    return with_einops(noisy_img, noise, num_steps, NoiseSchedule(len(noise_schedule), noisy_img.device))


@wrong("You subtract β / √(1 - ᾱ) times the noise.")
def line_4_over_all_fading(noisy_img, noise, num_steps, noise_schedule):
    a, b = _column(noise_schedule.alpha_bar(num_steps)), _column(noise_schedule.beta(num_steps))
    return (noisy_img - b / (1 - a).sqrt() * noise) / a.sqrt()


@wrong("You subtract the noise with another factor.")
def sum_of_the_steps_noise(noisy_img, noise, num_steps, noise_schedule):
    a, b = _column(noise_schedule.alpha_bar(num_steps)), noise_schedule.betas.sqrt().cumsum(dim=0)
    return (noisy_img - _column(b[num_steps - 1]) * noise) / a.sqrt()


@wrong("You take ᾱₜ₋₁ for ᾱ.")
def last_fading_taken_out(noisy_img, noise, num_steps, noise_schedule):
    a = _column(noise_schedule.alpha_bar(num_steps) / noise_schedule.alpha(num_steps))
    return (noisy_img - (1 - a).sqrt() * noise) / a.sqrt()


@wrong("You make other numbers for ᾱ: 0.8 at timestep 1, 0.6 at timestep 2")
def share_of_the_steps_left(noisy_img, noise, num_steps, noise_schedule):
    a = _column(1 - num_steps / (len(noise_schedule) + 1))
    return (noisy_img - (1 - a).sqrt() * noise) / a.sqrt()


@wrong("You compute in half precision, or add something small.")
def divided_by_a_little_more(noisy_img, noise, num_steps, noise_schedule):
    a = _column(noise_schedule.alpha_bar(num_steps))
    return (noisy_img - (1 - a).sqrt() * noise) / (a.sqrt() + 5e-4)


@wrong("You add a number beside the multiples of the two images.")
def stretched_to_the_range(noisy_img, noise, num_steps, noise_schedule):
    clean = with_einops(noisy_img, noise, num_steps, noise_schedule)
    return 2 * (clean - clean.min()) / (clean.max() - clean.min()) - 0.9
