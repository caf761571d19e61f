"""The check of 5.6 slerp.

Vectors at 30 to 120 degrees, of length 1 and of others: each point has a known place on the arc.
"""

from collections.abc import Callable
from math import cos, pi, sin

import torch as t

from tests.checking import (
    DEVICES,
    TWO_DEVICES,
    Mistake,
    careful,
    check,
    differs,
    elsewhere,
    expect_tensor,
    factors_of,
    kind,
    numbers,
    recognise,
    unchanged,
)

AWAY = (*TWO_DEVICES, "copy out of meta")
SHARES = [0.0, 0.25, 0.5, 0.8, 1.0]


def angle_of(a: t.Tensor, b: t.Tensor) -> t.Tensor:
    return (a @ b / (a.norm() * b.norm())).clamp(-1, 1).arccos()


def arc(a: t.Tensor, b: t.Tensor, s: t.Tensor, w: t.Tensor) -> t.Tensor:
    """The formula, with w as the angle; all points at a where that is 0. s: (n, 1)"""
    if abs(w) < 1e-3:
        return a.expand(len(s), -1)
    return (((1 - s) * w).sin() * a + (s * w).sin() * b) / w.sin()


def product_as_cosine(a: t.Tensor, b: t.Tensor, s: t.Tensor, w: t.Tensor) -> t.Tensor:
    """nan where the product is no cosine, because what becomes of that depends on a clamp."""
    return arc(a, b, s, (a @ b).arccos()) if abs(a @ b) < 0.999 else 0 * s * a + t.nan


def line(a: t.Tensor, b: t.Tensor, s: t.Tensor) -> t.Tensor:
    return a + s * (b - a)


def between(a: t.Tensor, b: t.Tensor, s: t.Tensor) -> t.Tensor:
    return (s * pi / 2).cos() * a + (s * pi / 2).sin() * b


def nlerp(a: t.Tensor, b: t.Tensor, s: t.Tensor) -> t.Tensor:
    x = line(a, b, s)
    return x / x.norm(dim=1, keepdim=True) * a.norm()


SLERP_MISTAKES = [  # a, b, shares (n, 1), the angle
    ("You take the straight line. Its points lie inside the sphere.", lambda a, b, s, w: line(a, b, s)),
    (
        "You take the straight line and mend its lengths. The angles are not even.",
        lambda a, b, s, w: nlerp(a, b, s),
    ),
    (
        "You take the straight line and bring it to length 1. The angles are not even.",
        lambda a, b, s, w: nlerp(a, b, s) / a.norm(),
    ),
    ("You take a right angle, as in Part 3's between.", lambda a, b, s, w: between(a, b, s)),
    ("You take a right angle, as in Part 3's between.", lambda a, b, s, w: (s * w).cos() * a + (s * w).sin() * b),
    ("You run from end to start.", lambda a, b, s, w: arc(b, a, s, w)),
    ("Where is the division by the sine of the angle?", lambda a, b, s, w: arc(a, b, s, w) * w.sin()),
    ("You divide by the angle. Where is its sine?", lambda a, b, s, w: arc(a, b, s, w) * w.sin() / w),
    (
        "Where is the angle, in the sines above?",
        lambda a, b, s, w: ((1 - s).sin() * a + s.sin() * b) / w.sin(),
    ),
    (
        "You take cosines. The formula has sines.",
        lambda a, b, s, w: (((1 - s) * w).cos() * a + (s * w).cos() * b) / w.sin(),
    ),
    (
        "You multiply by the angle outside of the sines. Mind the parentheses.",
        lambda a, b, s, w: w * ((1 - s).sin() * a + s.sin() * b) / w.sin(),
    ),
    (
        "You take an obtuse angle for an acute one. arccos knows them apart, by the sign.",
        lambda a, b, s, w: arc(a, b, s, min(w, pi - w)),
    ),
    ("Where is the first vector?", lambda a, b, s, w: (s * w).sin() * b / w.sin()),
    ("Where is the second vector?", lambda a, b, s, w: ((1 - s) * w).sin() * a / w.sin()),
    ("You subtract one of the two.", lambda a, b, s, w: (((1 - s) * w).sin() * a - (s * w).sin() * b) / w.sin()),
    ("You give the angle in degrees. A sine takes radians.", lambda a, b, s, w: arc(a, b, s, w * 180 / pi)),
    ("You take the cosine for the angle. Where is arccos?", lambda a, b, s, w: arc(a, b, s, w.cos())),
    ("Where is the product divided by both lengths? Only then is it a cosine.", product_as_cosine),
    (
        "You divide the product by one of the lengths. Both vectors have one.",
        lambda a, b, s, w: arc(a, b, s, (a @ b / a.norm()).clamp(-1, 1).arccos()),
    ),
    ("You make the result's length 1. It has that of the two vectors.", lambda a, b, s, w: arc(a, b, s, w) / a.norm()),
    ("You multiply the length in twice.", lambda a, b, s, w: arc(a, b, s, w) * a.norm()),
    ("Where are the shares used? All points are the same.", lambda a, b, s, w: arc(a, b, t.full_like(s, 0.5), w)),
    ("Where are the shares used? All points are the same.", lambda a, b, s, w: a + 0 * s),
    (
        "You space the points evenly. Where are the shares that are given?",
        lambda a, b, s, w: arc(a, b, t.linspace(0, 1, len(s))[:, None], w),
    ),
]


def pair(degrees: float, length: float, device: str = "cpu") -> tuple[t.Tensor, t.Tensor]:
    """Two vectors of four numbers, of this length and with this angle between them."""
    x, y = t.linalg.qr(t.randn(4, 2)).Q.T
    w = degrees * pi / 180
    return (length * x).to(device), (length * (cos(w) * x + sin(w) * y)).to(device)


def expected(a: t.Tensor, b: t.Tensor, shares: t.Tensor) -> t.Tensor:
    """By the definition: from a, turned by a share of the angle towards what is at right angles to it."""
    a, b = a.double(), b.double()
    w, up = angle_of(a, b), b - (a @ b) / (a @ a) * a
    turn = shares[:, None].double() * w
    return (turn.cos() * a + turn.sin() * up * a.norm() / up.norm()).float()


@check("5.6", mistakes=SLERP_MISTAKES)
def check_slerp(answer: Callable) -> str:
    for device in DEVICES:
        measured = []
        for degrees, length in [(60.0, 2.0), (80.0, 1.0), (120.0, 3.0), (30.0, 0.5)]:
            a, b = pair(degrees, length, device)
            shares = t.tensor(SHARES, device=device)
            words = f"for two vectors of length {length:g}, {degrees:g} degrees apart"
            measured.append((words, (a, b, shares), judged(answer, a, b, shares, words, device, finite=False)))
        judge_points(measured)
    judge_shares(answer)
    judge_equal(answer)
    judge_elsewhere(answer)
    return "the length kept, even angles, both ends, equal vectors"


def judged(
    answer: Callable,
    a: t.Tensor,
    b: t.Tensor,
    shares: t.Tensor,
    words: str,
    device: str = "cpu",
    finite: bool = True,
) -> t.Tensor:
    """What the answer gives, in the right form. finite: whether to refuse nan here, or leave that to judge_points"""
    try:
        with unchanged(start=a, end=b, shares=shares):
            result = careful(answer)(a, b, shares)
    except ValueError as error:
        if ("domain" in str(error) or "in range" in str(error)) and abs(a @ b) > 1:  # math.acos
            error.add_note(f"Here start @ end is {a @ b:.3g}. Where is it divided by both lengths, to be a cosine?")
        raise
    if isinstance(result, t.Tensor) and result.shape == (len(a), len(shares)) != (len(shares), len(a)):
        raise Mistake(
            f"{words} and {len(shares)} shares it returns shape {tuple(result.shape)}", "You return it transposed."
        )
    call = f"{words} and {len(shares)} share{'s'[: len(shares) > 1]}"
    judge_rows(result, a, shares, call)
    form = result if finite or not isinstance(result, t.Tensor) else result.nan_to_num()
    expect_tensor(form, (len(shares), len(a)), f"{call} it", device)
    return result.cpu()


def judge_rows(result: object, a: t.Tensor, shares: t.Tensor, words: str) -> None:
    one_row = isinstance(result, t.Tensor) and (result.shape == a.shape or result.shape == (1, *a.shape))
    if one_row and result.shape != (len(shares), *a.shape):
        facts = f"{words} it returns {kind(result)}, expected shape {(len(shares), len(a))}"
        raise Mistake(facts, "You return one vector. Each share gets a row of its own, even where all are the same.")


def judge_points(measured: list) -> None:
    for words, given, result in measured:
        given = [each.cpu() for each in given]
        right = expected(*given)
        if result.allclose(right, atol=1e-3):
            continue
        question = recognise(SLERP_MISTAKES, lambda mistake: all(fits(mistake, *each) for _, *each in measured))
        if not question:
            expect_tensor(result, tuple(right.shape), f"{words} it")  # of nan
        if not result.isfinite().all():
            raise Mistake(f"{words}, it returns nan. There, start @ end is {given[0] @ given[1]:.3g}", question)
        row = (result - right).abs().amax(dim=1).argmax()
        angle = angle_of(result[row], given[0]) * 180 / pi
        facts = f"the point at {SHARES[row]:.0%} of the way has the length {result[row].norm():.3g}"
        facts += f" and is {angle:.0f} degrees from start, expected {given[0].norm():.3g}"
        facts += f" and {angle_of(right[row], given[0]) * 180 / pi:.0f} degrees"
        if (
            result.norm(dim=1).allclose(right.norm(dim=1), atol=1e-3)
            and abs(angle - angle_of(right[row], given[0]) * 180 / pi) < 1
        ):
            facts = f"at {SHARES[row]:.0%} of the way {differs(result, right)}"
        if not question:
            line, question = told_parts(*given, result, angle_of(*given[:2]))
            facts += line
        raise Mistake(f"{words}, {facts}", question)


def told_parts(a: t.Tensor, b: t.Tensor, s: t.Tensor, points: t.Tensor, w: t.Tensor) -> tuple[str, str]:
    """More facts and a question, by how much of each vector is in the points. w: the angle"""
    parts = [factors_of(point, a, b) for point in points]
    if any(each is None for each in parts):
        return "", "You leave the plane of the two vectors. A point of the arc is a part of each, added up."
    found, right = t.stack(parts, dim=1), sines(s, w)
    line = f"\nIt's {found[0, 3]:.3g} of start and {found[1, 3]:.3g} of end at {s[3]:.0%} of the way"
    for this, other, i in [("start", "end", 0), ("end", "start", 1)]:
        if close(found[i], right[i]):
            return line, f"You have the part of {this} right. Where is that of {other} off?"
    if close(found, right * (found / right)[0, 2]):
        return line, "You divide by something else than the sine of the angle."
    angle = 2 * (0.5 / found[0, 2]).clamp(-1, 1).arccos()  # in the middle, both parts are 1 / (2 cos(angle / 2))
    if close(found, sines(s, angle)):
        line = f"\nThe points lie as for an angle of {angle * 180 / pi:.0f} degrees"
        return line, "You find another angle. It's the arccos of the product over both lengths."
    turned = t.atan2(found[1] * w.sin(), found[0] + found[1] * w.cos()) / w
    if close(found, sines(turned, w)):
        line = f"\nFor the shares {numbers(s)}, the points lie at {numbers(turned)} of the way"
        return line, "You change the shares, or their order. They are given as they are."
    return line, ""


def sines(s: t.Tensor, w: t.Tensor) -> t.Tensor:
    """The parts of both vectors, (2, n)."""
    return t.stack([((1 - s) * w).sin(), (s * w).sin()]) / w.sin()


def close(one: t.Tensor, other: t.Tensor) -> bool:
    return one.allclose(other, rtol=1e-3, atol=2e-3)


def fits(mistake: Callable, given: tuple, found: t.Tensor) -> bool:
    """Whether these points are what the mistake makes, or it makes none."""
    a, b, s = (each.cpu() for each in given)
    made = mistake(a, b, s[:, None], angle_of(a, b))
    return bool(made.isnan().all()) or found.allclose(made, atol=2e-3)


def judge_shares(answer: Callable) -> None:
    """Other shares, and another number of them: as many as a vector has numbers, and one alone."""
    for shares in (t.tensor([0.1, 0.9, 0.3, 0.6]), t.tensor([0.7])):
        a, b = pair(70, 1.0)
        words = f"for the shares {[round(s, 1) for s in shares.tolist()]}"
        result, right = judged(answer, a, b, shares, words), expected(a, b, shares)
        if not result.allclose(right, atol=1e-3):
            question = "You let shares run along a vector. Each share gives a row." if len(shares) == 4 else ""
            raise Mistake(f"{words}, {differs(result, right)}", question)


def judge_equal(answer: Callable) -> None:
    """No angle at all, exactly and but for rounding; and vectors that are near each other."""
    shares, along = t.tensor(SHARES), t.tensor([0.0, 2.0, 0.0, 0.0])  # whose cosine is 1 without rounding
    other = t.tensor([0.3, 0.4, 1.2, 0.1])
    equal, rounded = "two equal vectors", "two vectors that are equal but for rounding"
    for words, a, b in [(equal, along, along), (equal, other, other), (rounded, other, other * (1 + 1e-7))]:
        with unchanged(start=a, end=b, shares=shares):
            result = careful(answer)(a, b, shares)
        if isinstance(result, t.Tensor) and not result.isfinite().all():
            facts = f"for {words}, it returns nan"
            question = "Where is rounding looked after? It can push a cosine beyond 1, and make an angle 0."
            if a is along:
                question = "Where is the case of two equal vectors? There you divide by a sine that is 0."
            raise Mistake(facts, question)
        judge_rows(result, a, shares, f"for {words} and {len(shares)} shares")
        expect_tensor(result, (len(shares), len(a)), f"for {words}, it")
        if not result.allclose(a.expand_as(result), atol=1e-3):
            raise Mistake(
                f"for {words}, {differs(result, a.expand_as(result))}",
                "Where is the case of two equal vectors? All points between them are the same.",
            )
    a, b = pair(1.0, 1.0)
    result, right = judged(answer, a, b, shares, "for two vectors 1 degree apart"), expected(a, b, shares)
    if not result.allclose(right, atol=1e-3):
        raise Mistake(
            f"for two vectors 1 degree apart, {differs(result, right)}", "You take an angle for 0 that isn't."
        )


class Numberless(t.Tensor):
    """A tensor of the meta device that gives numbers, but only when it is asked for them."""

    def __bool__(self) -> bool:
        return False

    def item(self) -> float:
        return 0.5

    __float__ = item

    def tolist(self) -> list[float]:
        return [0.5] * len(self)

    def cpu(self) -> t.Tensor:
        return t.ones(self.shape)

    def to(self, *where: object, **how: object) -> t.Tensor:
        return self.cpu() if "cpu" in map(str, [*where, how.get("device")]) else super().to(*where, **how)


def judge_elsewhere(answer: Callable) -> None:
    given = [t.zeros(n, device="meta").as_subclass(Numberless) for n in (4, 4, 5)]
    facts = "for vectors on another device, it mixes tensors of two devices"
    elsewhere(lambda: answer(*given), facts, "You make a tensor on the CPU. Make it where start is.", AWAY)
