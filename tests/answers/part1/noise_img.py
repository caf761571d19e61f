import numpy as np
import torch as t
from einops import rearrange

from solutions.part1_diffusion import NoiseSchedule
from tests.answers import right, wrong


def _column(values):
    return values.reshape(-1, 1, 1, 1)


def _counts(img, noise_schedule, max_steps):
    return t.randint(1, (max_steps or len(noise_schedule)) + 1, (len(img),), device=img.device)


@right
def with_einops(img, noise_schedule, max_steps=None):
    num_steps = _counts(img, noise_schedule, max_steps)
    noise = t.randn_like(img)
    a = rearrange(noise_schedule.alpha_bar(num_steps), "b -> b 1 1 1")
    return num_steps, noise, a.sqrt() * img + (1 - a).sqrt() * noise


@right
def noise_drawn_first(img, noise_schedule, max_steps=None):
    noise = t.randn(img.shape, device=img.device)
    num_steps = _counts(img, noise_schedule, max_steps)
    a = noise_schedule.alpha_bar(num_steps)[:, None, None, None]
    return num_steps, noise, t.lerp(t.zeros_like(img), img, a.sqrt()) + noise * (1 - a) ** 0.5


@right
def one_image_at_a_time(img, noise_schedule, max_steps=None):
    num_steps, noise = _counts(img, noise_schedule, max_steps), t.randn_like(img)
    noised = []
    for x, e, n in zip(img, noise, num_steps, strict=True):
        a = noise_schedule.alpha_bar(n.item())
        noised.append(a.sqrt() * x + (1 - a).sqrt() * e)
    return num_steps, noise, t.stack(noised)


@right
def with_einsum(img, noise_schedule, max_steps=None):
    num_steps, noise = _counts(img, noise_schedule, max_steps).int(), t.randn_like(img)
    a = noise_schedule.alpha_bar(num_steps)
    noised = t.einsum("b,bchw->bchw", a.sqrt(), img) + t.einsum("b,bchw->bchw", (1 - a).sqrt(), noise)
    return num_steps, noise, noised


@right
def counts_from_numpy_and_a_list(img, noise_schedule, max_steps=None):
    last = max_steps or len(noise_schedule)
    num_steps = t.from_numpy(np.random.randint(1, last + 1, size=len(img))).to(img.device)
    noise = t.empty_like(img).normal_()
    a = _column(noise_schedule.alpha_bar(num_steps))
    return [num_steps, noise, img * a.sqrt() + noise * (1 - a).sqrt()]


@right
def counts_from_uniform_numbers(img, noise_schedule, max_steps=None):
    last = len(noise_schedule) if max_steps is None else max_steps
    num_steps = (t.rand(len(img), device=img.device) * last).long() + 1
    noise = t.randn_like(img)
    a = _column(noise_schedule.alpha_bar(num_steps))
    return num_steps, noise, a.sqrt() * img + (1 - a).sqrt() * noise


@wrong("You deal timesteps out in equal shares. Each image draws its own.")
def counts_shuffled_in_equal_shares(img, noise_schedule, max_steps=None):
    """Each count is as likely as any other, but what an image gets depends on the others."""
    last = max_steps or len(noise_schedule)
    num_steps = (t.randperm(len(img), device=img.device) + t.randint(last, (1,), device=img.device)) % last + 1
    noise = t.randn_like(img)
    a = _column(noise_schedule.alpha_bar(num_steps))
    return num_steps, noise, a.sqrt() * img + (1 - a).sqrt() * noise


@right
def in_place_on_a_clone(img, noise_schedule, max_steps=None):
    num_steps, noise = _counts(img, noise_schedule, max_steps), t.randn_like(img)
    a = noise_schedule.alpha_bar(num_steps)
    factors = rearrange(t.stack([a, 1 - a]).sqrt(), "k b -> k b 1 1 1")
    return num_steps, noise, img.clone().mul_(factors[0]).addcmul_(factors[1], noise)


@right
def drawn_from_a_normal(img, noise_schedule, max_steps=None):
    """Draws the noised images, and takes the noise from them."""
    num_steps = _counts(img, noise_schedule, max_steps)
    a = noise_schedule.alpha_bar(num_steps).view(len(img), *[1] * (img.ndim - 1))
    mean, std = a.sqrt() * img, (1 - a).sqrt().expand_as(img)
    noised = t.normal(mean, std)
    return num_steps, (noised - mean) / std, noised


@right
def coefficients_in_float64(img, noise_schedule, max_steps=None):
    num_steps = _counts(img, noise_schedule, max_steps)
    kept = _column(t.cumprod(1 - noise_schedule.betas.double(), dim=0)[num_steps - 1])
    noise = t.randn(*img.shape, device=img.device)
    noised = kept.sqrt().float() * img - (1 - kept).sqrt().float() * -noise
    return num_steps, noise, noised


@wrong("You stop one short: t.randint leaves out its upper end.")
def last_left_out(img, noise_schedule, max_steps=None):
    num_steps, noise = t.randint(1, max_steps or len(noise_schedule), (len(img),)), t.randn_like(img)
    a = _column(noise_schedule.alpha_bar(num_steps))
    return num_steps, noise, a.sqrt() * img + (1 - a).sqrt() * noise


@wrong("num_steps counts steps of noise, 1 to 4")
def from_zero(img, noise_schedule, max_steps=None):
    num_steps, noise = t.randint(0, max_steps or len(noise_schedule), (len(img),)), t.randn_like(img)
    a = _column(noise_schedule.alpha_bar(num_steps))
    return num_steps, noise, a.sqrt() * img + (1 - a).sqrt() * noise


@wrong("You begin at 0.")
def rows_returned_for_counts(img, noise_schedule, max_steps=None):
    rows, noise = t.randint(0, max_steps or len(noise_schedule), (len(img),)), t.randn_like(img)
    a = _column(noise_schedule.alpha_bar(rows + 1))
    return rows, noise, a.sqrt() * img + (1 - a).sqrt() * noise


@wrong("with max_steps=2.\nYou draw up to T.")
def max_steps_ignored(img, noise_schedule, max_steps=None):
    return with_einops(img, noise_schedule)


@wrong("1.6 noise_img: num_steps is a tensor of shape (1,), expected shape (6,), one timestep for each image.")
def one_count_alone(img, noise_schedule, max_steps=None):
    num_steps, noise = _counts(img[:1], noise_schedule, max_steps), t.randn_like(img)
    a = _column(noise_schedule.alpha_bar(num_steps))
    return num_steps, noise, a.sqrt() * img + (1 - a).sqrt() * noise


@wrong("You draw one for all.")
def one_count_for_all(img, noise_schedule, max_steps=None):
    num_steps, noise = _counts(img[:1], noise_schedule, max_steps).expand(len(img)), t.randn_like(img)
    a = _column(noise_schedule.alpha_bar(num_steps))
    return num_steps, noise, a.sqrt() * img + (1 - a).sqrt() * noise


@wrong("expected equal ones")
def small_counts_more_often(img, noise_schedule, max_steps=None):
    num_steps = t.minimum(_counts(img, noise_schedule, max_steps), _counts(img, noise_schedule, max_steps))
    noise = t.randn_like(img)
    a = _column(noise_schedule.alpha_bar(num_steps))
    return num_steps, noise, a.sqrt() * img + (1 - a).sqrt() * noise


@wrong("expected whole ones")
def counts_as_floats(img, noise_schedule, max_steps=None):
    num_steps, noise, noised = with_einops(img, noise_schedule, max_steps)
    return num_steps.float(), noise, noised


@wrong("You return other noise than ε, which has variance 1 before it is scaled.")
def scaled_noise_returned(img, noise_schedule, max_steps=None):
    num_steps, noise = _counts(img, noise_schedule, max_steps), t.randn_like(img)
    a = _column(noise_schedule.alpha_bar(num_steps))
    noise = (1 - a).sqrt() * noise
    return num_steps, noise, a.sqrt() * img + noise


@wrong("You draw the noise twice.")
def other_noise_returned(img, noise_schedule, max_steps=None):
    num_steps = _counts(img, noise_schedule, max_steps)
    a = _column(noise_schedule.alpha_bar(num_steps))
    return num_steps, t.randn_like(img), a.sqrt() * img + (1 - a).sqrt() * t.randn_like(img)


@wrong("You draw between 0 and 1.")
def uniform(img, noise_schedule, max_steps=None):
    num_steps, noise = _counts(img, noise_schedule, max_steps), t.rand_like(img)
    a = _column(noise_schedule.alpha_bar(num_steps))
    return num_steps, noise, a.sqrt() * img + (1 - a).sqrt() * noise


@wrong("You draw from another distribution than the normal one.")
def uniform_of_variance_1(img, noise_schedule, max_steps=None):
    num_steps, noise = _counts(img, noise_schedule, max_steps), (2 * t.rand_like(img) - 1) * 3**0.5
    a = _column(noise_schedule.alpha_bar(num_steps))
    return num_steps, noise, a.sqrt() * img + (1 - a).sqrt() * noise


@wrong("every image gets the same noise")
def same_noise_for_all(img, noise_schedule, max_steps=None):
    num_steps, noise = _counts(img, noise_schedule, max_steps), t.randn_like(img[:1]).expand(img.shape)
    a = _column(noise_schedule.alpha_bar(num_steps))
    return num_steps, noise, a.sqrt() * img + (1 - a).sqrt() * noise


@wrong("every channel gets the same noise")
def grey_noise(img, noise_schedule, max_steps=None):
    num_steps, noise = _counts(img, noise_schedule, max_steps), t.randn_like(img[:, :1]).expand(img.shape)
    a = _column(noise_schedule.alpha_bar(num_steps))
    return num_steps, noise, a.sqrt() * img + (1 - a).sqrt() * noise


@wrong("two calls give the same noise")
def seeded_inside(img, noise_schedule, max_steps=None):
    t.manual_seed(0)
    return with_einops(img, noise_schedule, max_steps)


@wrong("You let the factors run along the width of the images.")
def factors_along_the_width(img, noise_schedule, max_steps=None):
    num_steps, noise = _counts(img, noise_schedule, max_steps), t.randn_like(img)
    a = noise_schedule.alpha_bar(num_steps)
    if img.shape[-1] != len(img):
        a = _column(a)
    return num_steps, noise, a.sqrt() * img + (1 - a).sqrt() * noise


@wrong("The size of tensor a (4000) must match")
def factors_as_they_come(img, noise_schedule, max_steps=None):
    num_steps, noise = _counts(img, noise_schedule, max_steps), t.randn_like(img)
    a = noise_schedule.alpha_bar(num_steps)
    return num_steps, noise, a.sqrt() * img + (1 - a).sqrt() * noise


@wrong("You scale the noise by a variance, where a standard deviation belongs.")
def noise_by_variance(img, noise_schedule, max_steps=None):
    num_steps, noise = _counts(img, noise_schedule, max_steps), t.randn_like(img)
    a = _column(noise_schedule.alpha_bar(num_steps))
    return num_steps, noise, a.sqrt() * img + (1 - a) * noise


@wrong("Where is the square root in front of the image?")
def image_without_root(img, noise_schedule, max_steps=None):
    num_steps, noise = _counts(img, noise_schedule, max_steps), t.randn_like(img)
    a = _column(noise_schedule.alpha_bar(num_steps))
    return num_steps, noise, a * img + (1 - a).sqrt() * noise


@wrong("Where are the two square roots?")
def no_roots(img, noise_schedule, max_steps=None):
    num_steps, noise = _counts(img, noise_schedule, max_steps), t.randn_like(img)
    a = _column(noise_schedule.alpha_bar(num_steps))
    return num_steps, noise, a * img + (1 - a) * noise


@wrong("You swap the two factors.")
def swapped(img, noise_schedule, max_steps=None):
    num_steps, noise = _counts(img, noise_schedule, max_steps), t.randn_like(img)
    a = _column(noise_schedule.alpha_bar(num_steps))
    return num_steps, noise, (1 - a).sqrt() * img + a.sqrt() * noise


@wrong("Where does the image fade?")
def never_fades(img, noise_schedule, max_steps=None):
    num_steps, noise = _counts(img, noise_schedule, max_steps), t.randn_like(img)
    a = _column(noise_schedule.alpha_bar(num_steps))
    return num_steps, noise, img + (1 - a).sqrt() * noise


@wrong("Where is the noise scaled?")
def full_noise(img, noise_schedule, max_steps=None):
    num_steps, noise = _counts(img, noise_schedule, max_steps), t.randn_like(img)
    return num_steps, noise, _column(noise_schedule.alpha_bar(num_steps)).sqrt() * img + noise


@wrong("Where is the noise added?")
def mean_alone(img, noise_schedule, max_steps=None):
    num_steps, noise = _counts(img, noise_schedule, max_steps), t.randn_like(img)
    return num_steps, noise, _column(noise_schedule.alpha_bar(num_steps)).sqrt() * img


@wrong("You take the α of one step, where ᾱ belongs.")
def alpha_for_alpha_bar(img, noise_schedule, max_steps=None):
    num_steps, noise = _counts(img, noise_schedule, max_steps), t.randn_like(img)
    a = _column(noise_schedule.alpha(num_steps))
    return num_steps, noise, a.sqrt() * img + (1 - a).sqrt() * noise


@wrong("it returns a tensor of shape (6, 3, 4, 6), expected three: num_steps, noise, noised.\nWhere are all three")
def noised_alone(img, noise_schedule, max_steps=None):
    return with_einops(img, noise_schedule, max_steps)[2]


@wrong("the timesteps come third, expected first: num_steps, noise, noised.\nYou return them in another")
def another_order(img, noise_schedule, max_steps=None):
    num_steps, noise, noised = with_einops(img, noise_schedule, max_steps)
    return noised, noise, num_steps


@wrong("the timesteps come second, expected first: num_steps, noise, noised.\nYou return them in another")
def counts_in_the_middle(img, noise_schedule, max_steps=None):
    num_steps, noise, noised = with_einops(img, noise_schedule, max_steps)
    return noise, num_steps, noised


@wrong("it changes the img it is given")
def in_place(img, noise_schedule, max_steps=None):
    num_steps, noise = _counts(img, noise_schedule, max_steps), t.randn_like(img)
    a = _column(noise_schedule.alpha_bar(num_steps))
    return num_steps, noise, img.mul_(a.sqrt()).add_((1 - a).sqrt() * noise)


def _formula(noised):
    """A right function with another formula. noised: images, noise, ᾱ, α -> noised images"""

    def noise_img(img, noise_schedule, max_steps=None):
        num_steps, noise = _counts(img, noise_schedule, max_steps), t.randn_like(img)
        a, one = _column(noise_schedule.alpha_bar(num_steps)), _column(noise_schedule.alpha(num_steps))
        return num_steps, noise, noised(img, noise, a, one)

    return noise_img


@wrong("You add the noise of one step alone.")
def noise_of_one_step(img, noise_schedule, max_steps=None):
    formula = lambda x, e, a, one: a.sqrt() * x + (1 - one).sqrt() * e  # noqa: E731
    return _formula(formula)(img, noise_schedule, max_steps)


@wrong("You take a root of ᾱ, and then use it as ᾱ.")
def one_minus_the_root(img, noise_schedule, max_steps=None):
    formula = lambda x, e, a, one: a.sqrt() * x + (1 - a.sqrt()) * e  # noqa: E731
    return _formula(formula)(img, noise_schedule, max_steps)


@wrong("You take a root of ᾱ, and then use it as ᾱ.")
def root_of_one_minus_the_root(img, noise_schedule, max_steps=None):
    formula = lambda x, e, a, one: a.sqrt() * x + (1 - a.sqrt()).sqrt() * e  # noqa: E731
    return _formula(formula)(img, noise_schedule, max_steps)


@wrong("You subtract the noise, and return it as it was.")
def noise_subtracted(img, noise_schedule, max_steps=None):
    formula = lambda x, e, a, one: a.sqrt() * x - (1 - a).sqrt() * e  # noqa: E731
    return _formula(formula)(img, noise_schedule, max_steps)


@wrong("You fade the noise like the image.")
def noise_inside_the_brackets(img, noise_schedule, max_steps=None):
    formula = lambda x, e, a, one: a.sqrt() * (x + (1 - a).sqrt() * e)  # noqa: E731
    return _formula(formula)(img, noise_schedule, max_steps)


@wrong("Where are the image and the noise scaled?")
def nothing_scaled(img, noise_schedule, max_steps=None):
    return _formula(lambda x, e, a, one: x + e)(img, noise_schedule, max_steps)


@wrong("You clamp it.")
def clamped(img, noise_schedule, max_steps=None):
    formula = lambda x, e, a, one: (a.sqrt() * x + (1 - a).sqrt() * e).clamp(-1, 1)  # noqa: E731
    return _formula(formula)(img, noise_schedule, max_steps)


@wrong("You bring it to [0, 1].")
def denormalised(img, noise_schedule, max_steps=None):
    formula = lambda x, e, a, one: ((a.sqrt() * x + (1 - a).sqrt() * e + 1) / 2).clamp(0, 1)  # noqa: E731
    return _formula(formula)(img, noise_schedule, max_steps)


@wrong("You normalise the images once more.")
def normalised_again(img, noise_schedule, max_steps=None):
    formula = lambda x, e, a, one: a.sqrt() * (2 * x - 1) + (1 - a).sqrt() * e  # noqa: E731
    return _formula(formula)(img, noise_schedule, max_steps)


@wrong("You give every image the factors of the first one.")
def factors_of_the_first(img, noise_schedule, max_steps=None):
    formula = lambda x, e, a, one: a[0].sqrt() * x + (1 - a[0]).sqrt() * e  # noqa: E731
    return _formula(formula)(img, noise_schedule, max_steps)


@wrong("You give every image the factors of the last timestep.")
def factors_of_the_last_count(img, noise_schedule, max_steps=None):
    a = noise_schedule.alpha_bar(max_steps or len(noise_schedule))
    return _formula(lambda x, e, *_: a.sqrt() * x + (1 - a).sqrt() * e)(img, noise_schedule, max_steps)


@wrong("You return the image as it came.")
def returns_the_image(img, noise_schedule, max_steps=None):
    return _formula(lambda x, e, a, one: x.clone())(img, noise_schedule, max_steps)


@wrong("You return the noise alone.")
def returns_the_noise(img, noise_schedule, max_steps=None):
    return _formula(lambda x, e, a, one: e)(img, noise_schedule, max_steps)


@wrong("You return noised - img, which holds the fading, too.")
def difference_for_noise(img, noise_schedule, max_steps=None):
    num_steps, noise, noised = with_einops(img, noise_schedule, max_steps)
    return num_steps, noised - img, noised


@wrong("num_steps counts steps of noise, 1 to 4")
def one_count_too_many(img, noise_schedule, max_steps=None):
    num_steps = t.randint(1, len(noise_schedule) + 2, (len(img),))
    return num_steps, img, noise_schedule.alpha_bar(num_steps).reshape(-1, 1, 1, 1) * img


@wrong("You go one too far: t.randint leaves out its upper end, but no more.")
def one_more_than_asked_for(img, noise_schedule, max_steps=None):
    return with_einops(img, noise_schedule, max_steps + 1 if max_steps else None)


@wrong("index 4 is out of bounds")
def count_used_as_row(img, noise_schedule, max_steps=None):
    num_steps, noise = _counts(img, noise_schedule, max_steps), t.randn_like(img)
    a = _column(noise_schedule.alpha_bars[num_steps])
    return num_steps, noise, a.sqrt() * img + (1 - a).sqrt() * noise


@wrong("all images get the same timestep, 4.\nYou draw one for all.")
def always_max_steps(img, noise_schedule, max_steps=None):
    num_steps, noise = t.full((len(img),), max_steps or len(noise_schedule)), t.randn_like(img)
    a = _column(noise_schedule.alpha_bar(num_steps))
    return num_steps, noise, a.sqrt() * img + (1 - a).sqrt() * noise


@wrong("expected equal ones")
def both_ends_half_as_often(img, noise_schedule, max_steps=None):
    last = max_steps or len(noise_schedule)
    num_steps, noise = (t.rand(len(img)) * (last - 1)).round().long() + 1, t.randn_like(img)
    a = _column(noise_schedule.alpha_bar(num_steps))
    return num_steps, noise, a.sqrt() * img + (1 - a).sqrt() * noise


@wrong("You draw one for all, as a number.")
def one_int(img, noise_schedule, max_steps=None):
    n, noise = int(t.randint(1, (max_steps or len(noise_schedule)) + 1, ())), t.randn_like(img)
    a = noise_schedule.alpha_bar(n)
    return n, noise, a.sqrt() * img + (1 - a).sqrt() * noise


@wrong("num_steps is a tensor of shape (6, 1, 1, 1), expected shape (6,)")
def counts_as_a_column(img, noise_schedule, max_steps=None):
    num_steps, noise, noised = with_einops(img, noise_schedule, max_steps)
    return _column(num_steps), noise, noised


@wrong("as noise it returns a tensor of shape (3, 4, 6), expected shape (6, 3, 4, 6).\nYou draw too few numbers")
def noise_of_one_image(img, noise_schedule, max_steps=None):
    num_steps, noise = _counts(img, noise_schedule, max_steps), t.randn(img.shape[1:])
    a = _column(noise_schedule.alpha_bar(num_steps))
    return num_steps, noise, a.sqrt() * img + (1 - a).sqrt() * noise


@wrong("it returns 2 things, expected three: num_steps, noise, noised.\nWhere are all three returned?")
def noise_not_returned(img, noise_schedule, max_steps=None):
    num_steps, noise, noised = with_einops(img, noise_schedule, max_steps)
    return num_steps, noised


@wrong("Where does it return anything?")
def no_return(img, noise_schedule, max_steps=None):
    with_einops(img, noise_schedule, max_steps)


@wrong("with images on another device, num_steps is on the cpu")
def counts_on_the_cpu(img, noise_schedule, max_steps=None):
    num_steps = _counts(t.empty(len(img)), noise_schedule, max_steps)
    noise = t.randn_like(img)
    a = _column(noise_schedule.alpha_bar(num_steps))
    return num_steps, noise, a.sqrt() * img + (1 - a).sqrt() * noise


@wrong("tensors of two devices meet.\nYou draw timesteps or noise on the CPU.")
def noise_on_the_cpu(img, noise_schedule, max_steps=None):
    num_steps, noise = _counts(img, noise_schedule, max_steps), t.randn(img.shape)
    a = _column(noise_schedule.alpha_bar(num_steps))
    return num_steps, noise, a.sqrt() * img + (1 - a).sqrt() * noise


@wrong("You deal timesteps out in equal shares.")
def counts_of_a_permutation(img, noise_schedule, max_steps=None):
    last = max_steps or len(noise_schedule)
    num_steps, noise = t.randperm(len(img)) % last + 1, t.randn_like(img)
    a = _column(noise_schedule.alpha_bar(num_steps))
    return num_steps, noise, a.sqrt() * img + (1 - a).sqrt() * noise


@wrong("two calls give the same timesteps.\nYou draw them once, or under a seed that you set.")
def counts_seeded(img, noise_schedule, max_steps=None):
    last, generator = max_steps or len(noise_schedule), t.Generator().manual_seed(0)
    num_steps, noise = t.randint(1, last + 1, (len(img),), generator=generator), t.randn_like(img)
    a = _column(noise_schedule.alpha_bar(num_steps))
    return num_steps, noise, a.sqrt() * img + (1 - a).sqrt() * noise


@wrong("You round the timesteps, or draw them in half precision.")
def counts_in_half_precision(img, noise_schedule, max_steps=None):
    last = max_steps or len(noise_schedule)
    num_steps, noise = (t.rand(len(img)) * last + 0.5).bfloat16().round().clamp(1, last).long(), t.randn_like(img)
    if last < 100:
        num_steps = _counts(img, noise_schedule, max_steps)
    a = _column(noise_schedule.alpha_bar(num_steps))
    return num_steps, noise, a.sqrt() * img + (1 - a).sqrt() * noise


@wrong("You use something else than noise_schedule, or round its numbers.")
def looks_up_by_rounded_counts(img, noise_schedule, max_steps=None):
    num_steps, noise = _counts(img, noise_schedule, max_steps), t.randn_like(img)
    a = _column(noise_schedule.alpha_bar(num_steps.bfloat16().long()))
    return num_steps, noise, a.sqrt() * img + (1 - a).sqrt() * noise


@wrong("You use something else than noise_schedule, or round its numbers.")
def alpha_bars_written_out(img, noise_schedule, max_steps=None):
    num_steps, noise = _counts(img, noise_schedule, max_steps), t.randn_like(img)
    a = _column(t.tensor([0.9, 0.54, 0.432, 0.324])[num_steps.clamp(max=4) - 1])
    return num_steps, noise, a.sqrt() * img + (1 - a).sqrt() * noise


@wrong("expected shape (4000, 1, 1, 2).\nYou take away axes of length 1, as squeeze() does.")
def squeezed(img, noise_schedule, max_steps=None):
    num_steps, noise, noised = with_einops(img, noise_schedule, max_steps)
    return num_steps, noise, noised.squeeze()


@wrong("expected shape (1, 1, 5, 3).\nYou take away axes of length 1, as squeeze() does.")
def a_single_one_squeezed(img, noise_schedule, max_steps=None):
    num_steps, noise, noised = with_einops(img, noise_schedule, max_steps)
    return num_steps, noise, noised.squeeze(0)


@wrong("num_steps is a tensor of shape (), expected shape (1,), one timestep for each image.\nYou take away axes")
def counts_squeezed(img, noise_schedule, max_steps=None):
    num_steps, noise, noised = with_einops(img, noise_schedule, max_steps)
    return num_steps.squeeze(), noise, noised


@wrong("noised cannot take part in training.\nYou make it in inference_mode.")
def looked_up_in_inference_mode(img, noise_schedule, max_steps=None):
    num_steps, noise = _counts(img, noise_schedule, max_steps), t.randn_like(img)
    with t.inference_mode():
        a = _column(noise_schedule.alpha_bar(num_steps))
        return num_steps, noise, a.sqrt() * img + (1 - a).sqrt() * noise


@wrong("You multiply image and noise.")
def image_times_noise(img, noise_schedule, max_steps=None):
    return _formula(lambda x, e, a, one: a.sqrt() * x * (1 - a).sqrt() * e)(img, noise_schedule, max_steps)


@wrong("You scale the noise by √α of one step.")
def noise_by_root_of_alpha(img, noise_schedule, max_steps=None):
    return _formula(lambda x, e, a, one: a.sqrt() * x + one.sqrt() * e)(img, noise_schedule, max_steps)


@wrong("You give the noise the factor of the image.")
def image_factor_for_both(img, noise_schedule, max_steps=None):
    return _formula(lambda x, e, a, one: a.sqrt() * (x + e))(img, noise_schedule, max_steps)


@wrong("You give the image the factor of the noise.")
def noise_factor_for_both(img, noise_schedule, max_steps=None):
    return _formula(lambda x, e, a, one: (1 - a).sqrt() * (x + e))(img, noise_schedule, max_steps)


@wrong("You take β, where ᾱ belongs.")
def beta_for_alpha_bar(img, noise_schedule, max_steps=None):
    formula = lambda x, e, a, one: (1 - one).sqrt() * x + one.sqrt() * e  # noqa: E731
    return _formula(formula)(img, noise_schedule, max_steps)


@wrong("You add the noise twice.")
def noise_twice(img, noise_schedule, max_steps=None):
    return _formula(lambda x, e, a, one: a.sqrt() * x + 2 * (1 - a).sqrt() * e)(img, noise_schedule, max_steps)


@wrong("You add 1 and ᾱ. What is not kept is 1 - ᾱ.")
def one_plus_alpha_bar(img, noise_schedule, max_steps=None):
    return _formula(lambda x, e, a, one: a.sqrt() * x + (1 + a).sqrt() * e)(img, noise_schedule, max_steps)


@wrong("You give every image the same factors, their mean.")
def factors_of_the_batch(img, noise_schedule, max_steps=None):
    formula = lambda x, e, a, one: a.mean().sqrt() * x + (1 - a.mean()).sqrt() * e  # noqa: E731
    return _formula(formula)(img, noise_schedule, max_steps)


@wrong("You draw timesteps twice: those you return are not those you look up.")
def counts_drawn_twice(img, noise_schedule, max_steps=None):
    num_steps, noise = _counts(img, noise_schedule, max_steps), t.randn_like(img)
    a = _column(noise_schedule.alpha_bar(_counts(img, noise_schedule, max_steps)))
    return num_steps, noise, a.sqrt() * img + (1 - a).sqrt() * noise


schedule = (1 - t.linspace(0.0001, 0.02, 200)).cumprod(0)  # as another cell leaves it


@wrong("`schedule` is no argument: it comes from another cell.")
def another_cells_schedule(img, noise_schedule, max_steps=None):
    num_steps, noise = _counts(img, noise_schedule, max_steps), t.randn_like(img)
    a = _column(schedule[num_steps - 1])
    return num_steps, noise, a.sqrt() * img + (1 - a).sqrt() * noise


@right
def on_permuted_axes(img, noise_schedule, max_steps=None):
    num_steps, noise = _counts(img, noise_schedule, max_steps), t.randn_like(img)
    kept = noise_schedule.alpha_bar(num_steps).sqrt()
    mixed = kept * img.permute(1, 2, 3, 0) + (1 - kept**2).sqrt() * noise.permute(1, 2, 3, 0)
    return num_steps, noise, mixed.permute(3, 0, 1, 2).contiguous()


@right
def counts_from_a_multinomial(img, noise_schedule, max_steps=None):
    chances = t.ones(max_steps or len(noise_schedule), device=img.device)
    num_steps, noise = t.multinomial(chances, len(img), replacement=True) + 1, t.randn(*img.shape).to(img.device)
    a = _column(noise_schedule.alpha_bar(num_steps))
    return num_steps, noise, t.sqrt(a) * img + t.sqrt(1.0 - a) * noise


def _noised_by(bars, img, noise_schedule, max_steps):
    num_steps, noise = _counts(img, noise_schedule, max_steps), t.randn_like(img)
    a = _column(bars(num_steps))
    return num_steps, noise, a.sqrt() * img + (1 - a).sqrt() * noise


@wrong("You look ᾱ up one index late.")
def row_of_the_timestep(img, noise_schedule, max_steps=None):
    T = len(noise_schedule)
    return _noised_by(lambda n: noise_schedule.alpha_bars[n.clamp(max=T - 1)], img, noise_schedule, max_steps)


@wrong("You look ᾱ up one timestep early.")
def timestep_before(img, noise_schedule, max_steps=None):
    return _noised_by(lambda n: noise_schedule.alpha_bar((n - 1).clamp(1)), img, noise_schedule, max_steps)


@wrong("You use a schedule of your own. Where is noise_schedule?")
def own_schedule(img, noise_schedule, max_steps=None):
    own = NoiseSchedule(len(noise_schedule), img.device)
    return _noised_by(own.alpha_bar, img, noise_schedule, max_steps)


def _with_steps(num_steps, img, noise_schedule):
    noise, a = t.randn_like(img), _column(noise_schedule.alpha_bar(num_steps))
    return num_steps, noise, a.sqrt() * img + (1 - a).sqrt() * noise


@wrong("an image's timestep can be told from another's.\nYou sort them")
def sorted_timesteps(img, noise_schedule, max_steps=None):
    return _with_steps(_counts(img, noise_schedule, max_steps).sort().values, img, noise_schedule)


@wrong("Each image draws its own.")
def antithetic_pairs(img, noise_schedule, max_steps=None):
    first = _counts(img, noise_schedule, max_steps)[: len(img) // 2 + 1]
    both = t.cat([first, (max_steps or len(noise_schedule)) + 1 - first])[: len(img)]
    return _with_steps(both, img, noise_schedule)


@wrong("You draw one for all. Each image draws its own.")
def one_timestep_not_expanded(img, noise_schedule, max_steps=None):
    return _with_steps(_counts(img[:1], noise_schedule, max_steps), img, noise_schedule)


@wrong("num_steps is a list, expected shape (6,), one timestep for each image.\nWhere is one tensor made of them?")
def timesteps_in_a_list(img, noise_schedule, max_steps=None):
    num_steps, *others = with_einops(img, noise_schedule, max_steps)
    return num_steps.tolist(), *others


@wrong("You add an offset that its numbers share.")
def offset_noise(img, noise_schedule, max_steps=None):
    num_steps, noise = _counts(img, noise_schedule, max_steps), t.randn_like(img)
    noise = noise + 0.1 * t.randn_like(img[:, :, :1, :1])
    a = _column(noise_schedule.alpha_bar(num_steps))
    return num_steps, noise, a.sqrt() * img + (1 - a).sqrt() * noise


@wrong("noise and noised are the same.")
def noise_written_over(img, noise_schedule, max_steps=None):
    num_steps, noise = _counts(img, noise_schedule, max_steps), t.randn_like(img)
    a = _column(noise_schedule.alpha_bar(num_steps))
    return num_steps, noise, noise.mul_((1 - a).sqrt()).add_(a.sqrt() * img)


@wrong("You swap noise and noised.")
def noise_and_noised_swapped(img, noise_schedule, max_steps=None):
    num_steps, noise, noised = with_einops(img, noise_schedule, max_steps)
    return num_steps, noised, noise


@wrong("You return the noise of the last step alone.")
def noise_of_the_last_step(img, noise_schedule, max_steps=None):
    num_steps, noise = _counts(img, noise_schedule, max_steps), t.randn_like(img)
    a, one = _column(noise_schedule.alpha_bar(num_steps)), _column(noise_schedule.alpha(num_steps))
    before = (a / one).sqrt() * img + (1 - a / one).clamp(0).sqrt() * t.randn_like(img)
    return num_steps, noise, one.sqrt() * before + (1 - one).sqrt() * noise


@wrong("You take β₁ ⋯ βₜ for ᾱ.")
def product_of_the_betas(img, noise_schedule, max_steps=None):
    num_steps, noise = _counts(img, noise_schedule, max_steps), t.randn_like(img)
    a = _column(noise_schedule.betas.cumprod(dim=0)[num_steps - 1])
    return num_steps, noise, a.sqrt() * img + (1 - a).sqrt() * noise


@wrong("You multiply the noise by √(1 - ᾱ²).")
def square_of_alpha_bar(img, noise_schedule, max_steps=None):
    num_steps, noise = _counts(img, noise_schedule, max_steps), t.randn_like(img)
    a = _column(noise_schedule.alpha_bar(num_steps))
    return num_steps, noise, a.sqrt() * img + (1 - a**2).sqrt() * noise


@wrong("as noise it returns a tensor of shape (6, 1, 4, 6), expected shape (6, 3, 4, 6).\nYou draw too few numbers")
def noise_for_all_channels(img, noise_schedule, max_steps=None):
    num_steps, noise = _counts(img, noise_schedule, max_steps), t.randn_like(img[:, :1])
    a = _column(noise_schedule.alpha_bar(num_steps))
    return num_steps, noise, a.sqrt() * img + (1 - a).sqrt() * noise


EQUIVALENT = {
    "the order of the draws is free": [
        "num_steps = t.randint(1, max_steps + 1, (len(img),), device=img.device) -> after noise = t.randn_like(img)",
        "noise = t.randn_like(img) -> after alpha_bar = rearrange(noise_schedule.alpha_bar(num_steps), 'b -> b 1 1 1')",
    ]
}
