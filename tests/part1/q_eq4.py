"""The check of 1.4 q_eq4."""

from collections.abc import Callable
from math import exp, prod, sqrt

import torch as t

from solutions.part1_diffusion import linear_schedule
from tests.checking import Mistake, alpha_bar, check, name_of
from tests.part1.q_eq2 import (
    call,
    judge_draws,
    judge_forward,
    jump,
    own_schedule,
    paper_schedule,
    tell_multiplied,
    tell_taken,
)


def share(factor: Callable, std: Callable) -> Callable:
    """factor(ᾱ) x + std(ᾱ) ε, with the right ᾱ."""
    return lambda betas, n: (factor(alpha_bar(betas, n)), std(alpha_bar(betas, n)))


def missing(kept: float) -> float:
    return sqrt(1 - kept)


EQ4_MISTAKES = [
    ("You scale the noise by a variance, where a standard deviation belongs.", share(sqrt, lambda a: 1 - a)),
    ("Where is the square root in front of the image?", share(lambda a: a, missing)),
    ("Where are the two square roots?", share(lambda a: a, lambda a: 1 - a)),
    ("You swap the two factors.", share(missing, sqrt)),
    ("You take 1 minus the root. The two variances should add up to 1.", share(sqrt, lambda a: 1 - sqrt(a))),
    ("You take 1 minus the root. The two variances should add up to 1.", share(sqrt, lambda a: sqrt(1 - sqrt(a)))),
    ("You take a root twice.", share(lambda a: a**0.25, lambda a: sqrt(1 - sqrt(a)))),
    ("You take x ** 1/2 for a root. It is (x ** 1) / 2.", share(lambda a: a / 2, lambda a: (1 - a) / 2)),
    ("You give x back as it came.", share(lambda a: 1, lambda a: 0)),
    ("Where does the image fade?", share(lambda a: 1, missing)),
    ("Where is the noise scaled?", share(sqrt, lambda a: 1)),
    ("Where is noise added? On an image of zeros there is none.", share(sqrt, lambda a: 0)),
    ("Where is the image? What comes back is noise alone.", share(lambda a: 0, missing)),
    (
        "You add the noise of all steps, but fade none. The image fades, too.",
        share(lambda a: 1, lambda a: missing(a) / sqrt(a)),
    ),
    ("You square, where the root belongs.", share(sqrt, lambda a: (1 - a) ** 2)),
    ("You square, where the root belongs.", share(lambda a: a**2, missing)),
    (
        "You draw noise for each step and add it up. One draw is enough.",
        lambda b, n: (sqrt(alpha_bar(b, n)), sqrt(n) * missing(alpha_bar(b, n))),
    ),
    (
        "You fade the image by one step less than the noise.",
        lambda b, n: (sqrt(alpha_bar(b, n - 1)), missing(alpha_bar(b, n))),
    ),
    ("You multiply from the last step on. ᾱ begins at the first.", jump(lambda b, n: alpha_bar(b[n - 1 :], len(b)))),
    ("You begin the product at 0, so nothing is left of the image.", lambda b, n: (0, 1)),
    (
        "You add the noise of the last step alone. What do all steps add?",
        lambda b, n: (sqrt(alpha_bar(b, n)), sqrt(b[n - 1])),
    ),
    (
        "You give the noise the product of the betas. That is not 1 - ᾱ.",
        lambda b, n: (sqrt(alpha_bar(b, n)), sqrt(prod(b[:n]))),
    ),
    (
        "You give the noise the sum of the betas. That is not 1 - ᾱ.",
        lambda b, n: (sqrt(alpha_bar(b, n)), sqrt(sum(b[:n]))),
    ),
    ("You take the last step's α. ᾱ is a product over how many?", jump(lambda b, n: 1 - b[n - 1])),
    ("You take one step's α, one index late. ᾱ is a product over how many?", jump(lambda b, n: 1 - b[n])),
    ("You take one step too many. Timesteps begin at 1, indices at 0.", jump(lambda b, n: alpha_bar(b, n + 1))),
    ("You take one step too few. Timesteps begin at 1, indices at 0.", jump(lambda b, n: alpha_bar(b, n - 1))),
    ("You take one step too few, and index -1 is the last one.", jump(lambda b, n: alpha_bar(b, n - 1 or len(b)))),
    ("You leave the first step out. At which index is β₁?", jump(lambda b, n: alpha_bar(b[1:], n - 1))),
    ("You look all steps up one index late. At which index is β₁?", jump(lambda b, n: alpha_bar(b[1:], n))),
    ("You let the whole schedule act every time. Where is num_steps?", jump(lambda b, n: alpha_bar(b, len(b)))),
    ("You multiply the betas. ᾱ multiplies the alphas.", jump(lambda b, n: prod(b[:n]))),
    ("You multiply the betas. ᾱ multiplies the alphas.", jump(lambda b, n: 1 - prod(b[:n]))),
    ("You average the alphas. ᾱ is their product.", jump(lambda b, n: 1 - sum(b[:n]) / n)),
    ("You add the betas up. ᾱ is a product.", jump(lambda b, n: 1 - sum(b[:n]))),
    ("You take one β n times. Each step has its own.", jump(lambda b, n: (1 - b[n - 1]) ** n)),
    ("You take one β n times. Each step has its own.", jump(lambda b, n: (1 - b[0]) ** n)),
    ("You read the schedule from its end.", jump(lambda b, n: alpha_bar(b[::-1], n))),
    ("You use a schedule of your own. Where is betas?", jump(lambda b, n: alpha_bar(own_schedule(200)(b, n), n))),
    ("You use a schedule of your own. Where is betas?", jump(lambda b, n: alpha_bar(own_schedule(1000)(b, n), n))),
    ("You use a schedule of your own. Where is betas?", jump(lambda b, n: alpha_bar(own_schedule(len(b))(b, n), n))),
    (
        "You use a schedule of your own. Where is betas?",
        jump(lambda b, n: alpha_bar(linear_schedule(200).tolist(), 200)),
    ),
    ("You use a schedule of your own. Where is betas?", jump(lambda b, n: alpha_bar(paper_schedule(b, n), n))),
    ("You swap the two factors. And where are the square roots?", share(lambda a: 1 - a, lambda a: a)),
    ("You give the noise the factor of the image.", share(sqrt, sqrt)),
    ("You give the image the factor of the noise.", share(missing, missing)),
    ("Where are the image and the noise scaled?", share(lambda a: 1, lambda a: 1)),
    ("You scale the noise by a variance. And where does the image fade?", share(lambda a: 1, lambda a: 1 - a)),
    ("You fade the noise like the image. It is added afterwards.", share(sqrt, lambda a: sqrt(a * (1 - a)))),
    ("You take the average α n times. Each step has its own.", jump(lambda b, n: (1 - sum(b[:n]) / n) ** n)),
    ("You add the noise twice.", share(sqrt, lambda a: 2 * missing(a))),
    ("You add the noise twice.", share(sqrt, lambda a: sqrt(2 * (1 - a)))),
    (
        "You multiply 1 + β. What a step keeps is 1 - β.",
        lambda b, n: (sqrt(prod(1 + beta for beta in b[:n])), missing(alpha_bar(b, n))),
    ),
    ("You square ᾱ on its way.", jump(lambda b, n: alpha_bar(b, n) ** 2)),
    (
        "You take e to the power of minus all betas. That is near ᾱ for small β only.",
        jump(lambda b, n: exp(-sum(b[:n]))),
    ),
]


def tell_jump(kept: dict[int, float], noise: dict[int, float]) -> str:
    """What has been taken for ᾱ, or else which factors image and noise have, where they are wrong."""
    if all(abs(kept[n] ** 2 + noise[n] ** 2 - 1) < 0.02 for n in kept):
        return tell_taken({n: share**2 for n, share in kept.items()}, "ᾱ")
    std = name_of(noise, slack=0.006)  # it is known to 1 % only, too little for products
    return tell_multiplied(name_of(kept), "" if " / " in std or " · " in std else std)


def judge_growth(q: Callable) -> None:
    """ᾱ never grows beyond 1, where 1 - ᾱ has no root."""
    two = call(q, t.zeros(3, 5, 6), 2)
    if isinstance(two, t.Tensor) and two.isnan().any() and not call(q, t.zeros(3, 5, 6), 1).isnan().any():
        facts = "after 1 step it returns numbers, after 2 steps nan"
        raise Mistake(facts, "You let ᾱ grow beyond 1, where 1 - ᾱ has no root. ᾱ is a product of the alphas.")


@check("1.4", mistakes=EQ4_MISTAKES)
def check_q_eq4(answer: Callable) -> str:
    judge_growth(answer)
    covered = judge_forward(answer, EQ4_MISTAKES, tell_jump)
    judge_draws(answer, once=True)
    return f"{covered}, one draw"
