import numpy as np
import torch as t
from einops import rearrange

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


@wrong("the last count, 4, is never drawn")
def last_left_out(img, noise_schedule, max_steps=None):
    num_steps, noise = t.randint(1, max_steps or len(noise_schedule), (len(img),)), t.randn_like(img)
    a = _column(noise_schedule.alpha_bar(num_steps))
    return num_steps, noise, a.sqrt() * img + (1 - a).sqrt() * noise


@wrong("num_steps counts steps of noise, 1 to 4")
def from_zero(img, noise_schedule, max_steps=None):
    num_steps, noise = t.randint(0, max_steps or len(noise_schedule), (len(img),)), t.randn_like(img)
    a = _column(noise_schedule.alpha_bar(num_steps))
    return num_steps, noise, a.sqrt() * img + (1 - a).sqrt() * noise


@wrong("a count of 0 is drawn, expected 1 to max_steps")
def rows_returned_for_counts(img, noise_schedule, max_steps=None):
    rows, noise = t.randint(0, max_steps or len(noise_schedule), (len(img),)), t.randn_like(img)
    a = _column(noise_schedule.alpha_bar(rows + 1))
    return rows, noise, a.sqrt() * img + (1 - a).sqrt() * noise


@wrong("with max_steps=2.\nIs max_steps used?")
def max_steps_ignored(img, noise_schedule, max_steps=None):
    return with_einops(img, noise_schedule)


@wrong("num_steps is a tensor of shape (1,), expected shape (6,), one count for each image")
def one_count_alone(img, noise_schedule, max_steps=None):
    num_steps, noise = _counts(img[:1], noise_schedule, max_steps), t.randn_like(img)
    a = _column(noise_schedule.alpha_bar(num_steps))
    return num_steps, noise, a.sqrt() * img + (1 - a).sqrt() * noise


@wrong("all images get the same count")
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


@wrong("Is it the noise before scaling that is returned?")
def scaled_noise_returned(img, noise_schedule, max_steps=None):
    num_steps, noise = _counts(img, noise_schedule, max_steps), t.randn_like(img)
    a = _column(noise_schedule.alpha_bar(num_steps))
    noise = (1 - a).sqrt() * noise
    return num_steps, noise, a.sqrt() * img + noise


@wrong("Is the noise drawn twice?")
def other_noise_returned(img, noise_schedule, max_steps=None):
    num_steps = _counts(img, noise_schedule, max_steps)
    a = _column(noise_schedule.alpha_bar(num_steps))
    return num_steps, t.randn_like(img), a.sqrt() * img + (1 - a).sqrt() * t.randn_like(img)


@wrong("Is the noise drawn between 0 and 1?")
def uniform(img, noise_schedule, max_steps=None):
    num_steps, noise = _counts(img, noise_schedule, max_steps), t.rand_like(img)
    a = _column(noise_schedule.alpha_bar(num_steps))
    return num_steps, noise, a.sqrt() * img + (1 - a).sqrt() * noise


@wrong("From which distribution is it drawn?")
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


@wrong("The factors run along the width of the images.")
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


@wrong("Did a variance go where a standard deviation belongs?")
def noise_by_variance(img, noise_schedule, max_steps=None):
    num_steps, noise = _counts(img, noise_schedule, max_steps), t.randn_like(img)
    a = _column(noise_schedule.alpha_bar(num_steps))
    return num_steps, noise, a.sqrt() * img + (1 - a) * noise


@wrong("Is the square root missing in front of the image?")
def image_without_root(img, noise_schedule, max_steps=None):
    num_steps, noise = _counts(img, noise_schedule, max_steps), t.randn_like(img)
    a = _column(noise_schedule.alpha_bar(num_steps))
    return num_steps, noise, a * img + (1 - a).sqrt() * noise


@wrong("Are both square roots missing?")
def no_roots(img, noise_schedule, max_steps=None):
    num_steps, noise = _counts(img, noise_schedule, max_steps), t.randn_like(img)
    a = _column(noise_schedule.alpha_bar(num_steps))
    return num_steps, noise, a * img + (1 - a) * noise


@wrong("Are the two factors swapped?")
def swapped(img, noise_schedule, max_steps=None):
    num_steps, noise = _counts(img, noise_schedule, max_steps), t.randn_like(img)
    a = _column(noise_schedule.alpha_bar(num_steps))
    return num_steps, noise, (1 - a).sqrt() * img + a.sqrt() * noise


@wrong("Does the image fade at all?")
def never_fades(img, noise_schedule, max_steps=None):
    num_steps, noise = _counts(img, noise_schedule, max_steps), t.randn_like(img)
    a = _column(noise_schedule.alpha_bar(num_steps))
    return num_steps, noise, img + (1 - a).sqrt() * noise


@wrong("Is the noise scaled?")
def full_noise(img, noise_schedule, max_steps=None):
    num_steps, noise = _counts(img, noise_schedule, max_steps), t.randn_like(img)
    return num_steps, noise, _column(noise_schedule.alpha_bar(num_steps)).sqrt() * img + noise


@wrong("Is the noise added?")
def mean_alone(img, noise_schedule, max_steps=None):
    num_steps, noise = _counts(img, noise_schedule, max_steps), t.randn_like(img)
    return num_steps, noise, _column(noise_schedule.alpha_bar(num_steps)).sqrt() * img


@wrong("Is that ᾱ of the count, or the α of one step?")
def alpha_for_alpha_bar(img, noise_schedule, max_steps=None):
    num_steps, noise = _counts(img, noise_schedule, max_steps), t.randn_like(img)
    a = _column(noise_schedule.alpha(num_steps))
    return num_steps, noise, a.sqrt() * img + (1 - a).sqrt() * noise


@wrong("it returns a tensor of shape (6, 3, 4, 6), expected three: num_steps, noise, noised")
def noised_alone(img, noise_schedule, max_steps=None):
    return with_einops(img, noise_schedule, max_steps)[2]


@wrong("num_steps is a tensor of shape (6, 3, 4, 6), expected shape (6,)")
def another_order(img, noise_schedule, max_steps=None):
    num_steps, noise, noised = with_einops(img, noise_schedule, max_steps)
    return noised, noise, num_steps


@wrong("it changes the images it is given")
def in_place(img, noise_schedule, max_steps=None):
    num_steps, noise = _counts(img, noise_schedule, max_steps), t.randn_like(img)
    a = _column(noise_schedule.alpha_bar(num_steps))
    return num_steps, noise, img.mul_(a.sqrt()).add_((1 - a).sqrt() * noise)
