"""The check of 1.4 q_eq4."""

from collections.abc import Callable
from math import exp, prod, sqrt

from solutions.part1_diffusion import linear_schedule
from tests.checking import alpha_bar, check
from tests.part1.q_eq2 import judge_draws, judge_forward, jump, own_schedule, paper_schedule


def share(factor: Callable, std: Callable) -> Callable:
    """factor(ᾱ) x + std(ᾱ) ε, with the right ᾱ."""
    return lambda betas, n: (factor(alpha_bar(betas, n)), std(alpha_bar(betas, n)))


def missing(kept: float) -> float:
    return sqrt(1 - kept)


EQ4_MISTAKES = [
    ("Did a variance go where a standard deviation belongs?", share(sqrt, lambda a: 1 - a)),
    ("Is the square root missing in front of the image?", share(lambda a: a, missing)),
    ("Are both square roots missing?", share(lambda a: a, lambda a: 1 - a)),
    ("Are the two factors swapped?", share(missing, sqrt)),
    ("The two variances should add up to 1. The noise gets 1 minus what?", share(sqrt, lambda a: 1 - sqrt(a))),
    ("The two variances should add up to 1. The noise gets 1 minus what?", share(sqrt, lambda a: sqrt(1 - sqrt(a)))),
    ("Is a root taken twice?", share(lambda a: a**0.25, lambda a: sqrt(1 - sqrt(a)))),
    ("Is x ** 1/2 taken for a root? It is (x ** 1) / 2.", share(lambda a: a / 2, lambda a: (1 - a) / 2)),
    ("That is x as it came. Is it the noised image that is returned?", share(lambda a: 1, lambda a: 0)),
    ("Does the image fade at all?", share(lambda a: 1, missing)),
    ("Is the noise scaled?", share(sqrt, lambda a: 1)),
    ("Is noise added? On an image of zeros there is none.", share(sqrt, lambda a: 0)),
    ("Nothing is left of the image. Does the product begin at 0?", lambda b, n: (0, 1)),
    (
        "The noise is that of the last step alone. What do all steps add?",
        lambda b, n: (sqrt(alpha_bar(b, n)), sqrt(b[n - 1])),
    ),
    (
        "The noise gets the product of the betas. Is that 1 - ᾱ?",
        lambda b, n: (sqrt(alpha_bar(b, n)), sqrt(prod(b[:n]))),
    ),
    ("The noise gets the sum of the betas. Is that 1 - ᾱ?", lambda b, n: (sqrt(alpha_bar(b, n)), sqrt(sum(b[:n])))),
    ("Only the last step shows. ᾱ is a product over how many?", jump(lambda b, n: 1 - b[n - 1])),
    ("Only one step shows, and it is one index late. ᾱ is a product over how many?", jump(lambda b, n: 1 - b[n])),
    ("num_steps counts from 1, indices from 0. Is that one step too many?", jump(lambda b, n: alpha_bar(b, n + 1))),
    ("num_steps counts from 1, indices from 0. Is that one step too few?", jump(lambda b, n: alpha_bar(b, n - 1))),
    ("Index -1 is the last one. Is that one step too few?", jump(lambda b, n: alpha_bar(b, n - 1 or len(b)))),
    ("The first step is left out. At which index is β₁?", jump(lambda b, n: alpha_bar(b[1:], n - 1))),
    ("All steps are one index late. At which index is β₁?", jump(lambda b, n: alpha_bar(b[1:], n))),
    ("The whole schedule acts every time. Is num_steps used?", jump(lambda b, n: alpha_bar(b, len(b)))),
    ("Is this the product of the betas? ᾱ multiplies the alphas.", jump(lambda b, n: prod(b[:n]))),
    ("Is this the product of the betas? ᾱ multiplies the alphas.", jump(lambda b, n: 1 - prod(b[:n]))),
    ("Is ᾱ an average of the alphas? It is their product.", jump(lambda b, n: 1 - sum(b[:n]) / n)),
    ("Are the betas added up? ᾱ is a product.", jump(lambda b, n: 1 - sum(b[:n]))),
    ("Is one β taken n times? Each step has its own.", jump(lambda b, n: (1 - b[n - 1]) ** n)),
    ("Is one β taken n times? Each step has its own.", jump(lambda b, n: (1 - b[0]) ** n)),
    ("Is the schedule read from its end?", jump(lambda b, n: alpha_bar(b[::-1], n))),
    ("Is betas used, or a schedule of your own?", jump(lambda b, n: alpha_bar(own_schedule(200)(b, n), n))),
    ("Is betas used, or a schedule of your own?", jump(lambda b, n: alpha_bar(own_schedule(1000)(b, n), n))),
    ("Is betas used, or a schedule of your own?", jump(lambda b, n: alpha_bar(own_schedule(len(b))(b, n), n))),
    ("Is betas used, or a schedule of your own?", jump(lambda b, n: alpha_bar(linear_schedule(200).tolist(), 200))),
    ("Is betas used, or a schedule of your own?", jump(lambda b, n: alpha_bar(paper_schedule(b, n), n))),
    ("Are both square roots missing, and the two factors swapped?", share(lambda a: 1 - a, lambda a: a)),
    ("Does the noise get the factor of the image?", share(sqrt, sqrt)),
    ("Does the image get the factor of the noise?", share(missing, missing)),
    ("Is neither the image nor the noise scaled?", share(lambda a: 1, lambda a: 1)),
    ("Does the image fade? And is it a variance that scales the noise?", share(lambda a: 1, lambda a: 1 - a)),
    ("Is the noise faded like the image? It is added afterwards.", share(sqrt, lambda a: sqrt(a * (1 - a)))),
    ("Is ᾱ squared on its way?", jump(lambda b, n: alpha_bar(b, n) ** 2)),
    ("Is it e to the power of minus all betas? That is near ᾱ for small β.", jump(lambda b, n: exp(-sum(b[:n])))),
]


@check("1.4", mistakes=EQ4_MISTAKES)
def check_q_eq4(answer: Callable) -> str:
    covered = judge_forward(answer, EQ4_MISTAKES)
    judge_draws(answer, once=True)
    return f"{covered}, one draw"
