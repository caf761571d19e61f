import math

import numpy as np
import torch as t
import torch.nn.functional as F
from einops import einsum, rearrange

from tests.answers import right, wrong


def _angle(a, b):
    return (a @ b / (a.norm() * b.norm())).clamp(-1, 1).arccos()


def _slerp(start, end, shares, angle=_angle, sine=t.sin, below=t.sin):
    """Right, with parts to replace."""
    w, s = angle(start, end), shares[:, None]
    if w < 1e-3:
        return start.repeat(len(shares), 1)
    return (sine((1 - s) * w) * start + sine(s * w) * end) / below(w)


# ------------------------------------------------------------------------------------------------ right


@right
def by_turning(start, end, shares):
    """From start towards what is at right angles to it."""
    up = end - (end @ start) / (start @ start) * start
    if up.norm() < 1e-5 * start.norm():
        return start.repeat(len(shares), 1)
    up = F.normalize(up, dim=0) * start.norm()
    turn = rearrange(shares * t.atan2(up @ end, start @ end), "n -> n 1")
    return turn.cos() * start + turn.sin() * up


@right
def by_products(start, end, shares):
    w = F.cosine_similarity(start, end, dim=0).clamp(-1, 1).acos()
    if t.sin(w) == 0:
        return start.expand(len(shares), len(start))
    first, second = t.sin((1 - shares) * w) / t.sin(w), t.sin(shares * w) / t.sin(w)
    return einsum(first, start, "n, e -> n e") + t.outer(second, end)


@right
def one_by_one(start, end, shares):
    w = float(_angle(start.double(), end.double()))
    if w < 1e-6:
        return t.stack([start for _ in shares])
    points = []
    for s in shares.tolist():
        points.append((math.sin((1 - s) * w) * start + math.sin(s * w) * end) / math.sin(w))
    return t.stack(points)


@right
def near_is_straight(start, end, shares):
    """Where the angle is tiny, arc and line are the same."""
    w, s = _angle(start, end), shares.reshape(-1, 1)
    if w < 1e-3:
        return start + s * (end - start)
    return (t.sin(w - s * w) * start + t.sin(s * w) * end) / t.sin(w)


@right
def without_branch(start, end, shares):
    w, s = _angle(start, end).clamp(min=1e-3), shares[:, None]
    return (t.sin((1 - s) * w) * start + t.sin(s * w) * end) / t.sin(w)


@right
def in_numpy(start, end, shares):
    a, b, s = (x.double().cpu().numpy() for x in (start, end, shares))
    w = np.arccos(np.clip(a @ b / np.linalg.norm(a) / np.linalg.norm(b), -1, 1))
    if w < 1e-4:
        return start.repeat(len(s), 1)
    points = (np.outer(np.sin((1 - s) * w), a) + np.outer(np.sin(s * w), b)) / np.sin(w)
    return t.tensor(points).to(start)


# ------------------------------------------------------------------------------------------------ wrong path


@wrong("You take the straight line.")
def straight(start, end, shares):
    return start + shares[:, None] * (end - start)


@wrong("You take the straight line and mend its lengths.")
def straight_and_scaled(start, end, shares):
    points = start + shares[:, None] * (end - start)
    return F.normalize(points, dim=1) * start.norm()


@wrong("You take the straight line and bring it to length 1.")
def straight_and_normalised(start, end, shares):
    return F.normalize(start + shares[:, None] * (end - start), dim=1)


@wrong("You take a right angle, as in Part 3's between.")
def cosine_and_sine(start, end, shares):
    turn = shares[:, None] * _angle(start, end)
    return turn.cos() * start + turn.sin() * end


@wrong("You take a right angle, as in Part 3's between.")
def right_angle(start, end, shares):
    turn = shares[:, None] * math.pi / 2
    return turn.cos() * start + turn.sin() * end


@wrong("You run from end to start.")
def from_the_end(start, end, shares):
    return _slerp(end, start, shares)


@wrong("Where is the first vector?")
def first_left_out(start, end, shares):
    w, s = _angle(start, end), shares[:, None]
    return t.sin(s * w) * end / t.sin(w)


@wrong("Where is the second vector?")
def second_left_out(start, end, shares):
    w, s = _angle(start, end), shares[:, None]
    return t.sin((1 - s) * w) * start / t.sin(w)


@wrong("You subtract one of the two.")
def subtracted(start, end, shares):
    w, s = _angle(start, end), shares[:, None]
    return (t.sin((1 - s) * w) * start - t.sin(s * w) * end) / t.sin(w)


# ------------------------------------------------------------------------------------------------ wrong formula


@wrong("Where is the division by the sine of the angle?")
def not_divided(start, end, shares):
    return _slerp(start, end, shares, below=lambda w: 1)


@wrong("You divide by the angle.")
def divided_by_the_angle(start, end, shares):
    return _slerp(start, end, shares, below=lambda w: w)


@wrong("Where is the angle, in the sines above?")
def share_alone(start, end, shares):
    s = shares[:, None]
    return (t.sin(1 - s) * start + t.sin(s) * end) / t.sin(_angle(start, end))


@wrong("You take cosines.")
def cosines(start, end, shares):
    return _slerp(start, end, shares, sine=t.cos)


@wrong("You divide by something else than the sine of the angle.")
def divided_by_its_square(start, end, shares):
    return _slerp(start, end, shares, below=lambda w: t.sin(w) ** 2)


@wrong("You have the part of end right.")
def second_alone_divided(start, end, shares):
    w, s = _angle(start, end), shares[:, None]
    return t.sin((1 - s) * w) * start + t.sin(s * w) * end / t.sin(w)


@wrong("The points lie as for an angle of 30 degrees.\nYou find another angle.")
def arcsin(start, end, shares):
    return _slerp(start, end, shares, angle=lambda a, b: F.cosine_similarity(a, b, dim=0).arcsin())


@wrong("You change the shares, or their order.")
def shares_turned(start, end, shares):
    return _slerp(start, end, shares.flip(0))


@wrong("You leave the plane of the two vectors.")
def clamped(start, end, shares):
    return _slerp(start, end, shares).clamp(-0.5, 0.5)


@wrong("Where is rounding looked after?")
def cosine_not_clamped(start, end, shares):
    return _slerp(start, end, shares, angle=lambda a, b: (a @ b / (a.norm() * b.norm())).arccos())


@wrong("You give the angle in degrees.")
def degrees(start, end, shares):
    return _slerp(start, end, shares, angle=lambda a, b: t.rad2deg(_angle(a, b)))


@wrong("You take the cosine for the angle.")
def cosine_for_angle(start, end, shares):
    w, s = F.cosine_similarity(start, end, dim=0), shares[:, None]
    return (t.sin((1 - s) * w) * start + t.sin(s * w) * end) / t.sin(w)


@wrong("Where is the product divided by both lengths? Only then is it a cosine.")
def product_for_cosine(start, end, shares):
    return _slerp(start, end, shares, angle=lambda a, b: (a @ b).clamp(-1, 1).arccos())


@wrong("it returns nan. There, start @ end is 2.\nWhere is the product divided by both lengths?")
def product_not_clamped(start, end, shares):
    return _slerp(start, end, shares, angle=lambda a, b: t.acos(start @ end))


@wrong("Where is the product divided by both lengths?")
def product_clamped_inside(start, end, shares):
    """So far that no sine is 0, and without a branch."""
    w, s = (start @ end).clamp(-1 + 1e-6, 1 - 1e-6).acos(), shares[:, None]
    return (t.sin((1 - s) * w) * start + t.sin(s * w) * end) / t.sin(w)


@wrong("Where is the product divided by both lengths?")
def product_clamped_without_branch(start, end, shares):
    w, s = (start @ end).clamp(-1, 1).acos(), shares[:, None]
    return (t.sin((1 - s) * w) * start + t.sin(s * w) * end) / t.sin(w)


@wrong("Where is it divided by both lengths, to be a cosine?")
def product_for_math(start, end, shares):
    return _slerp(start, end, shares, angle=lambda a, b: t.tensor(math.acos(start @ end)))


@wrong("You divide the product by one of the lengths.")
def one_length(start, end, shares):
    return _slerp(start, end, shares, angle=lambda a, b: (a @ b / a.norm()).clamp(-1, 1).arccos())


@wrong("You make the result's length 1.")
def length_lost(start, end, shares):
    return _slerp(F.normalize(start, dim=0), F.normalize(end, dim=0), shares)


@wrong("You multiply the length in twice.")
def length_twice(start, end, shares):
    return _slerp(start, end, shares) * start.norm()


@wrong("Where are the shares used?")
def halfway(start, end, shares):
    return _slerp(start, end, t.full_like(shares, 0.5))


@wrong("Where are the shares used?")
def start_alone(start, end, shares):
    return start.repeat(len(shares), 1)


@wrong("You space the points evenly.")
def evenly_spaced(start, end, shares):
    return _slerp(start, end, t.linspace(0, 1, len(shares)).to(shares))


# ------------------------------------------------------------------------------------------------ wrong form


@wrong("Where is the case of two equal vectors? There you divide by a sine that is 0.")
def equal_forgotten(start, end, shares):
    w, s = _angle(start, end), shares[:, None]
    return (t.sin((1 - s) * w) * start + t.sin(s * w) * end) / t.sin(w)


@wrong("Where is the case of two equal vectors?")
def zeros_for_equal(start, end, shares):
    if _angle(start, end) < 1e-3:
        return t.zeros(len(shares), len(start))
    return _slerp(start, end, shares)


@wrong("You take an angle for 0 that isn't.")
def near_taken_for_equal(start, end, shares):
    return start.repeat(len(shares), 1) if _angle(start, end) < 0.1 else _slerp(start, end, shares)


@wrong("it returns nan.\nYou take a root or a logarithm of a negative number")
def root_for_nan(start, end, shares):
    return _slerp(start, end, shares) * (shares[:, None] - 0.6).sqrt()


@wrong("You return one vector. Each share gets a row of its own, even where all are the same.")
def one_row_for_equal(start, end, shares):
    return start[None] if _angle(start, end) < 1e-3 else _slerp(start, end, shares)


@wrong("You return one vector. Each share gets a row of its own, even where all are the same.")
def start_for_equal(start, end, shares):
    return start if _angle(start, end) < 1e-3 else _slerp(start, end, shares)


@wrong("it mixes tensors of two devices")
def filled_on_the_cpu(start, end, shares):
    points = t.zeros(len(shares), len(start))
    points[:] = _slerp(start, end, shares)
    return points


@wrong("You take an obtuse angle for an acute one.")
def by_the_sine_alone(start, end, shares):
    cosine = lambda a, b: (a @ b / (a.norm() * b.norm())).clamp(-1, 1)  # noqa: E731
    return _slerp(start, end, shares, angle=lambda a, b: (1 - cosine(a, b) ** 2).sqrt().arcsin())


@wrong("You multiply by the angle outside of the sines.")
def angle_outside(start, end, shares):
    w, s = _angle(start, end), shares[:, None]
    return w * ((1 - s).sin() * start + s.sin() * end) / w.sin()


@wrong("it mixes tensors of two devices")
def numpy_of_what_may_be_elsewhere(start, end, shares):
    w = float(_angle(start, end))
    points = np.outer(np.sin((1 - shares.numpy()) * w), start) + np.outer(np.sin(shares.numpy() * w), end)
    return t.from_numpy(points / np.sin(w)).float() if w > 1e-3 else start.repeat(len(shares), 1)


@wrong("You return it transposed.")
def transposed(start, end, shares):
    return _slerp(start, end, shares).T


@wrong("RuntimeError: ")
def shares_in_a_row(start, end, shares):
    w = _angle(start, end)
    return (t.sin((1 - shares) * w) * start + t.sin(shares * w) * end) / t.sin(w)


@wrong("it changes the end it is given")
def in_place(start, end, shares):
    points = _slerp(start, end, shares)
    end *= 2
    return points


@wrong("it returns a list, expected one tensor")
def a_list(start, end, shares):
    return list(_slerp(start, end, shares))


@wrong("returns None.\nWhere does the function return something?")
def no_return(start, end, shares):
    _slerp(start, end, shares)


# ------------------------------------------------------------------------------------------------ mutants

EQUIVALENT = {
    "a product is the same both ways": [
        "cosine = start @ end / (start.norm() * end.norm()) -> cosine = end @ start / (start.norm() * end.norm())",
    ],
    "vectors of opposite directions don't come up": [
        "angle = t.arccos(cosine.clamp(-1, 1)) -> angle = t.arccos(cosine.clamp(-2, 1))",
    ],
    "these two lines do not need each other": [
        "if angle < 0.001: -> after shares = rearrange(shares, 'n -> n 1')",
    ],
    "where angles become too small is a choice": [
        "if angle < 0.001: -> if angle <= 0.001:",
        "if angle < 0.001: -> if angle < 0.002:",
        "if angle < 0.001: -> if angle < 0.0005:",
    ],
}
