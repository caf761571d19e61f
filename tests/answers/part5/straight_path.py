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


@wrong("You swap the two ends. After 0 steps you're at the image.")
def ends_swapped(x0, noise, num_steps, max_steps=1000):
    share = (num_steps / max_steps).reshape(-1, 1, 1, 1)
    return share * x0 + (1 - share) * noise, noise - x0


@wrong("You add the noise. Where does the image fade?")
def not_faded(x0, noise, num_steps, max_steps=1000):
    share = (num_steps / max_steps).reshape(-1, 1, 1, 1)
    return x0 + share * noise, noise - x0


@wrong("You add all of the noise. Where is it scaled?")
def noise_not_scaled(x0, noise, num_steps, max_steps=1000):
    share = (num_steps / max_steps).reshape(-1, 1, 1, 1)
    return (1 - share) * x0 + noise, noise - x0


@wrong("Where is the noise?")
def no_noise(x0, noise, num_steps, max_steps=1000):
    share = (num_steps / max_steps).reshape(-1, 1, 1, 1)
    return (1 - share) * x0, noise - x0


@wrong("Where is the image?")
def no_image(x0, noise, num_steps, max_steps=1000):
    share = (num_steps / max_steps).reshape(-1, 1, 1, 1)
    return share * noise, noise - x0


@wrong("You take the noise away. You walk towards it.")
def noise_taken_away(x0, noise, num_steps, max_steps=1000):
    share = (num_steps / max_steps).reshape(-1, 1, 1, 1)
    return (1 - share) * x0 - share * noise, noise - x0


@wrong("You take roots. The path is straight.")
def roots(x0, noise, num_steps, max_steps=1000):
    share = (num_steps / max_steps).reshape(-1, 1, 1, 1)
    return (1 - share).sqrt() * x0 + share.sqrt() * noise, noise - x0


@wrong("You walk on a quarter of a circle. The path is straight.")
def circle(x0, noise, num_steps, max_steps=1000):
    share = (num_steps / max_steps).reshape(-1, 1, 1, 1)
    return (1 - share**2).sqrt() * x0 + share * noise, noise - x0


@wrong("You walk on a quarter of a circle. The path is straight.")
def cosine_and_sine(x0, noise, num_steps, max_steps=1000):
    turn = (num_steps / max_steps * t.pi / 2).reshape(-1, 1, 1, 1)
    return turn.cos() * x0 + turn.sin() * noise, noise - x0


@wrong("Mind the parentheses.")
def no_parentheses(x0, noise, num_steps, max_steps=1000):
    share = (num_steps / max_steps).reshape(-1, 1, 1, 1)
    return 1 - share * x0 + share * noise, noise - x0


@wrong("the place is 0.5 of x0 and 0.5 of noise.\nYou find another share of the way.")
def one_step_more(x0, noise, num_steps, max_steps=1000):
    share = ((num_steps + 1) / max_steps).reshape(-1, 1, 1, 1)
    return (1 - share) * x0 + share * noise, noise - x0


@wrong("the place is 0.609 of x0 and 0.375 of noise.\nYou take other parts of both.")
def image_faded_too_much(x0, noise, num_steps, max_steps=1000):
    share = (num_steps / max_steps).reshape(-1, 1, 1, 1)
    return (1 - share) * (1 - share / 15) * x0 + share * noise, noise - x0


@wrong("You divide by a fixed number. Where is max_steps?")
def fixed(x0, noise, num_steps, max_steps=1000):
    share = (num_steps / 1000).reshape(-1, 1, 1, 1)
    return (1 - share) * x0 + share * noise, noise - x0


@wrong("Where is num_steps divided by max_steps?")
def not_divided(x0, noise, num_steps, max_steps=1000):
    share = (num_steps).reshape(-1, 1, 1, 1)
    return (1 - share) * x0 + share * noise, noise - x0


@wrong("You divide with //. That gives whole numbers.")
def whole_numbers(x0, noise, num_steps, max_steps=1000):
    share = (num_steps // max_steps).reshape(-1, 1, 1, 1)
    return (1 - share) * x0 + share * noise, noise - x0


@wrong("You take a root or a logarithm of a negative number, or divide by 0.")
def upside_down(x0, noise, num_steps, max_steps=1000):
    share = (max_steps / num_steps).reshape(-1, 1, 1, 1)
    return (1 - share) * x0 + share * noise, noise - x0


@wrong("You divide by max_steps - 1. After max_steps you're at the noise.")
def one_step_less(x0, noise, num_steps, max_steps=1000):
    share = (num_steps / (max_steps - 1)).reshape(-1, 1, 1, 1)
    return (1 - share) * x0 + share * noise, noise - x0


@wrong("You leave a step out. After 0 steps you're at the image.")
def rows(x0, noise, num_steps, max_steps=1000):
    share = ((num_steps - 1) / max_steps).reshape(-1, 1, 1, 1)
    return (1 - share) * x0 + share * noise, noise - x0


@wrong("You use the first image's share for all.")
def first_for_all(x0, noise, num_steps, max_steps=1000):
    share = num_steps[0] / max_steps
    return (1 - share) * x0 + share * noise, noise - x0


@wrong("You use the mean share for all.")
def mean_for_all(x0, noise, num_steps, max_steps=1000):
    share = (num_steps / max_steps).mean()
    return (1 - share) * x0 + share * noise, noise - x0


@wrong("You let the shares run along the width of the images. Which shape do they need?")
def along_the_width(x0, noise, num_steps, max_steps=1000):
    share = num_steps / max_steps
    return (1 - share) * x0 + share * noise, noise - x0


@wrong("You return the image as it came.")
def as_it_came(x0, noise, num_steps, max_steps=1000):
    return x0, noise - x0


@wrong("You return the velocity first. The place comes first.")
def order(x0, noise, num_steps, max_steps=1000):
    share = (num_steps / max_steps).reshape(-1, 1, 1, 1)
    return noise - x0, (1 - share) * x0 + share * noise


@wrong("You clamp it. The noise may leave [-1, 1].")
def clamped(x0, noise, num_steps, max_steps=1000):
    share = (num_steps / max_steps).reshape(-1, 1, 1, 1)
    return ((1 - share) * x0 + share * noise).clamp(-1, 1), noise - x0


@wrong("You point to the image. The walk goes to the noise.")
def backwards(x0, noise, num_steps, max_steps=1000):
    share = (num_steps / max_steps).reshape(-1, 1, 1, 1)
    return (1 - share) * x0 + share * noise, x0 - noise


@wrong("You take the way gone so far. The velocity is the same over the whole walk.")
def gone_so_far(x0, noise, num_steps, max_steps=1000):
    share = (num_steps / max_steps).reshape(-1, 1, 1, 1)
    return (1 - share) * x0 + share * noise, share * (noise - x0)


@wrong("You take the way of a single step. It's that of all max_steps.")
def single_step(x0, noise, num_steps, max_steps=1000):
    share = (num_steps / max_steps).reshape(-1, 1, 1, 1)
    return (1 - share) * x0 + share * noise, (noise - x0) / max_steps


@wrong("You multiply the way of all steps by max_steps.")
def times_max_steps(x0, noise, num_steps, max_steps=1000):
    share = (num_steps / max_steps).reshape(-1, 1, 1, 1)
    return (1 - share) * x0 + share * noise, (noise - x0) * max_steps


@wrong("You take the way that's left. The velocity is the same over the whole walk.")
def way_left(x0, noise, num_steps, max_steps=1000):
    share = (num_steps / max_steps).reshape(-1, 1, 1, 1)
    return (1 - share) * x0 + share * noise, (1 - share) * (noise - x0)


@wrong("the velocity is -2 of x0 and 2 of noise.\nYou multiply it by something.")
def twice(x0, noise, num_steps, max_steps=1000):
    share = (num_steps / max_steps).reshape(-1, 1, 1, 1)
    return (1 - share) * x0 + share * noise, 2 * (noise - x0)


@wrong("Where is x0 taken off the noise?")
def half_of_the_image(x0, noise, num_steps, max_steps=1000):
    share = (num_steps / max_steps).reshape(-1, 1, 1, 1)
    return (1 - share) * x0 + share * noise, noise - x0 / 2


@wrong("You do more than to add parts of both.")
def sizes(x0, noise, num_steps, max_steps=1000):
    share = (num_steps / max_steps).reshape(-1, 1, 1, 1)
    return (1 - share) * x0 + share * noise, (noise - x0).abs()


@wrong("You return the place once more.")
def place_twice(x0, noise, num_steps, max_steps=1000):
    share = (num_steps / max_steps).reshape(-1, 1, 1, 1)
    return (1 - share) * x0 + share * noise, (1 - share) * x0 + share * noise


@wrong("You return the velocity v of Part 3. Where is the derivative of this path?")
def v_of_part_3(x0, noise, num_steps, max_steps=1000):
    share = (num_steps / max_steps).reshape(-1, 1, 1, 1)
    return (1 - share) * x0 + share * noise, (1 - share) * noise - share * x0


@wrong("You return the noise alone. Where is the image?")
def noise_alone(x0, noise, num_steps, max_steps=1000):
    share = (num_steps / max_steps).reshape(-1, 1, 1, 1)
    return (1 - share) * x0 + share * noise, noise


@wrong("You add the two. Differentiate (1 - s) x0 + s noise by s.")
def added(x0, noise, num_steps, max_steps=1000):
    share = (num_steps / max_steps).reshape(-1, 1, 1, 1)
    return (1 - share) * x0 + share * noise, noise + x0


@wrong("You square the share.")
def squared_share(x0, noise, num_steps, max_steps=1000):
    share = (num_steps / max_steps).reshape(-1, 1, 1, 1) ** 2
    return (1 - share) * x0 + share * noise, noise - x0


@wrong("You round the share, by half precision or digits.")
def share_in_bfloat16(x0, noise, num_steps, max_steps=1000):
    share = (num_steps / max_steps).bfloat16().float().reshape(-1, 1, 1, 1)
    return (1 - share) * x0 + share * noise, noise - x0


@wrong("You draw noise. It's given.")
def fresh_noise(x0, noise, num_steps, max_steps=1000):
    share, noise = (num_steps / max_steps).reshape(-1, 1, 1, 1), t.randn_like(noise)
    return (1 - share) * x0 + share * noise, noise - x0


@wrong("You put both into one tensor.")
def stacked(x0, noise, num_steps, max_steps=1000):
    share = (num_steps / max_steps).reshape(-1, 1, 1, 1)
    return t.stack([(1 - share) * x0 + share * noise, noise - x0])


@wrong("it returns a tensor of shape (4, 2, 3, 4), expected two: the place and the velocity.\nWhere is the other one?")
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
