import torch as t
from einops import rearrange

from tests.answers import right, wrong


# ------------------------------------------------------------------------------------------------ right


@right
def from_the_image(x0, noise, num_steps, max_steps=1000):
    velocity = noise - x0
    return x0 + rearrange(num_steps / max_steps, "b -> b 1 1 1") * velocity, velocity


@right
def lerp(x0, noise, num_steps, max_steps=1000):
    return t.lerp(x0, noise, (num_steps / max_steps)[:, None, None, None]), noise - x0


@right
def from_the_noise(x0, noise, num_steps, max_steps=1000):
    left = ((max_steps - num_steps) / max_steps).reshape(-1, 1, 1, 1)
    return noise - left * (noise - x0), noise - x0


@right
def divided_last(x0, noise, num_steps, max_steps=1000):
    n = num_steps.reshape(-1, 1, 1, 1)
    return ((max_steps - n) * x0 + n * noise) / max_steps, -x0 + noise


@right
def image_by_image(x0, noise, num_steps, max_steps=1000):
    places = [x + n / max_steps * (e - x) for x, e, n in zip(x0, noise, num_steps, strict=True)]
    return t.stack(places), noise - x0


# ------------------------------------------------------------------------------------------------ wrong


@wrong("Are the two ends swapped?")
def ends_swapped(x0, noise, num_steps, max_steps=1000):
    share = (num_steps / max_steps).reshape(-1, 1, 1, 1)
    return share * x0 + (1 - share) * noise, noise - x0


@wrong("Is the noise added, and the image not faded?")
def not_faded(x0, noise, num_steps, max_steps=1000):
    share = (num_steps / max_steps).reshape(-1, 1, 1, 1)
    return x0 + share * noise, noise - x0


@wrong("Is the image faded, and the noise not scaled?")
def noise_not_scaled(x0, noise, num_steps, max_steps=1000):
    share = (num_steps / max_steps).reshape(-1, 1, 1, 1)
    return (1 - share) * x0 + noise, noise - x0


@wrong("Is the noise in it?")
def no_noise(x0, noise, num_steps, max_steps=1000):
    share = (num_steps / max_steps).reshape(-1, 1, 1, 1)
    return (1 - share) * x0, noise - x0


@wrong("Is the image in it?")
def no_image(x0, noise, num_steps, max_steps=1000):
    share = (num_steps / max_steps).reshape(-1, 1, 1, 1)
    return share * noise, noise - x0


@wrong("Is the noise taken away?")
def noise_taken_away(x0, noise, num_steps, max_steps=1000):
    share = (num_steps / max_steps).reshape(-1, 1, 1, 1)
    return (1 - share) * x0 - share * noise, noise - x0


@wrong("Are there roots?")
def roots(x0, noise, num_steps, max_steps=1000):
    share = (num_steps / max_steps).reshape(-1, 1, 1, 1)
    return (1 - share).sqrt() * x0 + share.sqrt() * noise, noise - x0


@wrong("Is that a quarter of a circle?")
def circle(x0, noise, num_steps, max_steps=1000):
    share = (num_steps / max_steps).reshape(-1, 1, 1, 1)
    return (1 - share**2).sqrt() * x0 + share * noise, noise - x0


@wrong("Is max_steps used, or a fixed number?")
def fixed(x0, noise, num_steps, max_steps=1000):
    share = (num_steps / 1000).reshape(-1, 1, 1, 1)
    return (1 - share) * x0 + share * noise, noise - x0


@wrong("Is num_steps divided by max_steps?")
def not_divided(x0, noise, num_steps, max_steps=1000):
    share = (num_steps).reshape(-1, 1, 1, 1)
    return (1 - share) * x0 + share * noise, noise - x0


@wrong("Is it divided with //?")
def whole_numbers(x0, noise, num_steps, max_steps=1000):
    share = (num_steps // max_steps).reshape(-1, 1, 1, 1)
    return (1 - share) * x0 + share * noise, noise - x0


@wrong("Is there a root of a negative number, or a division by 0?")
def upside_down(x0, noise, num_steps, max_steps=1000):
    share = (max_steps / num_steps).reshape(-1, 1, 1, 1)
    return (1 - share) * x0 + share * noise, noise - x0


@wrong("Is num_steps counted from 0 to max_steps - 1?")
def one_step_less(x0, noise, num_steps, max_steps=1000):
    share = (num_steps / (max_steps - 1)).reshape(-1, 1, 1, 1)
    return (1 - share) * x0 + share * noise, noise - x0


@wrong("Is a step left out?")
def rows(x0, noise, num_steps, max_steps=1000):
    share = ((num_steps - 1) / max_steps).reshape(-1, 1, 1, 1)
    return (1 - share) * x0 + share * noise, noise - x0


@wrong("Do all images get the first one's share?")
def first_for_all(x0, noise, num_steps, max_steps=1000):
    share = num_steps[0] / max_steps
    return (1 - share) * x0 + share * noise, noise - x0


@wrong("Do all images get the mean share?")
def mean_for_all(x0, noise, num_steps, max_steps=1000):
    share = (num_steps / max_steps).mean()
    return (1 - share) * x0 + share * noise, noise - x0


@wrong("The shares run along the width of the images.")
def along_the_width(x0, noise, num_steps, max_steps=1000):
    share = num_steps / max_steps
    return (1 - share) * x0 + share * noise, noise - x0


@wrong("Is that the image as it came?")
def as_it_came(x0, noise, num_steps, max_steps=1000):
    return x0, noise - x0


@wrong("Is that the velocity? The place comes first.")
def order(x0, noise, num_steps, max_steps=1000):
    share = (num_steps / max_steps).reshape(-1, 1, 1, 1)
    return noise - x0, (1 - share) * x0 + share * noise


@wrong("Is it clamped?")
def clamped(x0, noise, num_steps, max_steps=1000):
    share = (num_steps / max_steps).reshape(-1, 1, 1, 1)
    return ((1 - share) * x0 + share * noise).clamp(-1, 1), noise - x0


@wrong("Does it point to the image?")
def backwards(x0, noise, num_steps, max_steps=1000):
    share = (num_steps / max_steps).reshape(-1, 1, 1, 1)
    return (1 - share) * x0 + share * noise, x0 - noise


@wrong("Is it the way gone so far?")
def gone_so_far(x0, noise, num_steps, max_steps=1000):
    share = (num_steps / max_steps).reshape(-1, 1, 1, 1)
    return (1 - share) * x0 + share * noise, share * (noise - x0)


@wrong("Is it the way of a single step?")
def single_step(x0, noise, num_steps, max_steps=1000):
    share = (num_steps / max_steps).reshape(-1, 1, 1, 1)
    return (1 - share) * x0 + share * noise, (noise - x0) / max_steps


@wrong("Is it the way of all steps, times max_steps?")
def times_max_steps(x0, noise, num_steps, max_steps=1000):
    share = (num_steps / max_steps).reshape(-1, 1, 1, 1)
    return (1 - share) * x0 + share * noise, (noise - x0) * max_steps


@wrong("Is it the way that is left?")
def way_left(x0, noise, num_steps, max_steps=1000):
    share = (num_steps / max_steps).reshape(-1, 1, 1, 1)
    return (1 - share) * x0 + share * noise, (1 - share) * (noise - x0)


@wrong("Is that the place once more?")
def place_twice(x0, noise, num_steps, max_steps=1000):
    share = (num_steps / max_steps).reshape(-1, 1, 1, 1)
    return (1 - share) * x0 + share * noise, (1 - share) * x0 + share * noise


@wrong("Is that the velocity v of Part 3?")
def v_of_part_3(x0, noise, num_steps, max_steps=1000):
    share = (num_steps / max_steps).reshape(-1, 1, 1, 1)
    return (1 - share) * x0 + share * noise, (1 - share) * noise - share * x0


@wrong("Is that the noise alone?")
def noise_alone(x0, noise, num_steps, max_steps=1000):
    share = (num_steps / max_steps).reshape(-1, 1, 1, 1)
    return (1 - share) * x0 + share * noise, noise


@wrong("Are the two added?")
def added(x0, noise, num_steps, max_steps=1000):
    share = (num_steps / max_steps).reshape(-1, 1, 1, 1)
    return (1 - share) * x0 + share * noise, noise + x0


@wrong("it returns a tensor of shape (4, 2, 3, 4), expected two")
def place_alone(x0, noise, num_steps, max_steps=1000):
    share = (num_steps / max_steps).reshape(-1, 1, 1, 1)
    return (1 - share) * x0 + share * noise


@wrong("it returns None")
def no_return(x0, noise, num_steps, max_steps=1000):
    share = (num_steps / max_steps).reshape(-1, 1, 1, 1)
    (1 - share) * x0 + share * noise


@wrong("changes the x0 it is given")
def in_place(x0, noise, num_steps, max_steps=1000):
    share = (num_steps / max_steps).reshape(-1, 1, 1, 1)
    velocity = noise - x0
    x0 += share * velocity
    return x0, velocity


@wrong("it mixes tensors of two devices")
def share_on_the_cpu(x0, noise, num_steps, max_steps=1000):
    share = t.ones(len(x0), 1, 1, 1) * (num_steps / max_steps).reshape(-1, 1, 1, 1)
    return (1 - share) * x0 + share * noise, noise - x0
