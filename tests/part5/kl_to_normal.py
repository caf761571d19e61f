"""The check of 5.2 kl_to_normal: a closed form, so each mistake is one, too."""

from collections.abc import Callable

import torch as t

from tests.checking import Mistake, careful, check, elsewhere, expect_tensor, factors_of, kind, recognise, unchanged

FEW = [[2.0, -1.0], [0.5, 2.0]]  # means and log_var, few, so that a learner can redo the sum


def added_up(each: t.Tensor) -> t.Tensor:
    return each.flatten(1).sum(dim=1)


def kl(m: t.Tensor, v: t.Tensor) -> t.Tensor:
    return (m**2 + v.exp() - 1 - v) / 2


KL_MISTAKES = [  # mean, log_var, as (B, C, H, W)
    ("You take the mean of each image's numbers. KL divergences add up.", lambda m, v: kl(m, v).flatten(1).mean(dim=1)),
    ("Where is the mean squared?", lambda m, v: added_up((m + v.exp() - 1 - v) / 2)),
    ("You take the mean's size. Where is its square?", lambda m, v: added_up((m.abs() + v.exp() - 1 - v) / 2)),
    ("You take a power of 2. The logarithm is the natural one.", lambda m, v: added_up((m**2 + 2**v - 1 - v) / 2)),
    ("You put σ where σ² belongs.", lambda m, v: added_up((m**2 + (v / 2).exp() - 1 - v) / 2)),
    ("You put σ in both places. log_var belongs to σ².", lambda m, v: added_up((m**2 + (v / 2).exp() - 1 - v / 2) / 2)),
    (
        "You take log_var for σ². Where is the logarithm undone?",
        lambda m, v: added_up((m**2 + v - 1 - v.abs().log()) / 2),
    ),
    ("You add log_var where σ² belongs. Where is exp?", lambda m, v: added_up((m**2 + v - 1 - v) / 2)),
    (
        "You take log_var for log σ. It's that of σ².",
        lambda m, v: added_up((m**2 + (2 * v).exp() - 1 - 2 * v) / 2),
    ),
    (
        "You add up the means before you square them. Each has its own square.",
        lambda m, v: added_up(m) ** 2 / 2 + added_up(v.exp() - 1 - v) / 2,
    ),
    (
        "You square the variance. log_var is that of σ² already.",
        lambda m, v: added_up((m**2 + (2 * v).exp() - 1 - v) / 2),
    ),
    (
        "You measure how far N(0, 1) is from q. The mean is over draws from q.",
        lambda m, v: added_up(((1 + m**2) / v.exp() - 1 + v) / 2),
    ),
    ("You return the mean of log q alone. Where is log p?", lambda m, v: added_up(-(1 + v) / 2)),
    ("You divide the mean's square by the variance.", lambda m, v: added_up((m**2 / v.exp() + v.exp() - 1 - v) / 2)),
    ("You take the logarithm's size. It may be negative.", lambda m, v: added_up((m**2 + (v.exp() - 1 - v.abs())) / 2)),
]


@check("5.2", mistakes=KL_MISTAKES)
def check_kl_to_normal(answer: Callable) -> str:
    few = t.tensor([FEW]).reshape(2, 1, 2, 1, 1)
    cases = []
    for mean, log_var in [(few[0], few[1]), (t.randn(5, 4, 3, 2), t.randn(5, 4, 3, 2))]:
        B = len(mean)
        with unchanged(mean=mean, log_var=log_var):
            result = careful(answer)(mean, log_var)
        call = f"for means and variances of shape {tuple(mean.shape)} it"
        if isinstance(result, t.Tensor) and result.shape != (B,):
            question = "You add up over some axes. Which ones belong to one image?"
            if result.numel() == B and result.ndim > 1 and mean[0].numel() > 1:
                question = "You keep axes of length 1."
            elif result.ndim == 0:
                question = "You add up over the images, too. Each image has its own."
            elif result.shape == mean.shape:
                question = "Where are the numbers of an image added up?"
            raise Mistake(f"{call} returns {kind(result)}, expected shape ({B},), one number an image", question)
        expect_tensor(result, (B,), call)
        cases.append((result, mean, log_var))
    judge_values(answer, cases)
    zero = careful(answer)(t.zeros(2, 1, 1, 1), t.zeros(2, 1, 1, 1))
    if zero.abs().max() > 1e-6:
        raise Mistake(f"of N(0, 1) itself it is {zero[0]:.4f}, expected 0", "You leave a constant over.")
    judge_gradients(answer)
    facts, question = (
        "for means on another device, it mixes tensors of two devices",
        "You make a tensor on a fixed device. Where are the inputs?",
    )
    elsewhere(lambda: answer(t.zeros(2, 1, 1, 1, device="meta"), t.zeros(2, 1, 1, 1, device="meta")), facts, question)
    return "the closed form, one number an image, 0 for N(0, 1), and gradients to both"


def judge_values(answer: Callable, cases: list[tuple[t.Tensor, t.Tensor, t.Tensor]]) -> None:
    def fits(formula: Callable) -> list[bool]:
        return [result.allclose(formula(mean, log_var), rtol=1e-4, atol=1e-4) for result, mean, log_var in cases]

    if all(right := fits(lambda mean, log_var: added_up(kl(mean, log_var)))):
        return
    result, mean, log_var = cases[right.index(False)]
    expected = added_up(kl(mean, log_var))
    i = (result - expected).abs().argmax()
    given = f"for an image of {mean[0].numel()} numbers"
    if mean.numel() == 2:
        given = f"for an image of two numbers, with means {FEW[0]} and log_var {FEW[1]}"
    question = recognise(KL_MISTAKES, lambda mistake: all(fits(mistake)))
    facts = f"{given}, it is {result[i]:.4f}, expected {expected[i]:.4f}"
    if not question and not careful(answer)(mean, log_var).equal(result):
        question = "You draw something. The formula has no z any more."
    if not question:
        facts, question = told_terms(answer, facts)
    raise Mistake(facts, question)


TERMS = {"μ²": "Where is the mean?", "σ²": "Where is the variance, besides its logarithm?"} | {
    "log σ²": "Where is the logarithm, besides the variance?",
    "1": "Where is the 1? For N(0, 1) it must come to 0.",
}
WHOLES = {2: "Where is the ½?", 0.5: "You halve it twice.", -1: "You subtract the two logarithms the wrong way round."}


def told_terms(answer: Callable, facts: str) -> tuple[str, str]:
    """Facts and question by what stands in front of each term, as images of a single number show it."""
    m, v = t.randn(2, 64, 1, 1, 1)
    found = factors_of(careful(answer)(m, v), m**2, v.exp(), v, t.ones_like(m))
    if found is None:
        return facts, ""
    times = found / t.tensor([0.5, 0.5, -0.5, -0.5])
    costs = " ".join(f"{a:+.3g} {term}".removesuffix(" 1") for a, term in zip(found, TERMS, strict=True))
    facts += f"\nOne number costs {costs}"
    wrong = {term: each for term, each in zip(TERMS, times.tolist(), strict=True) if abs(each - 1) > 1e-3}
    if not wrong:
        return facts, "You have it right for one number. How are those of an image added up?"
    if len(wrong) == 4 and len({round(each, 3) for each in wrong.values()}) == 1:
        question = "You divide by the number of images. Each has its own." if abs(times[0] - 1 / 64) < 1e-3 else ""
        return facts, question or WHOLES.get(round(times[0].item(), 3), "You multiply it by a number.")
    if all(abs(each - 2) < 1e-3 for each in wrong.values()):
        return facts, "You halve only some of the four terms."
    if not any(abs(each) > 1e-3 for each in wrong.values()):
        return facts, " ".join(TERMS[term] for term in wrong)
    if [*wrong] == ["1"]:
        return facts, "You leave a constant over. For N(0, 1) it must come to 0."
    if all(abs(each + 1) < 1e-3 for each in wrong.values()):
        return facts, f"You turn the sign of {' and '.join(wrong)}."
    return facts, f"You have another number in front of {' and '.join(wrong)}."


def judge_gradients(answer: Callable) -> None:
    mean, log_var = (t.randn(2, 2, 3, 3).requires_grad_() for _ in range(2))
    result = careful(answer)(mean, log_var)
    got = (None, None)
    if result.requires_grad:
        got = t.autograd.grad(result.sum(), [mean, log_var], allow_unused=True)
    for name, gradient, expected in zip(["mean", "log_var"], got, [mean, (log_var.exp() - 1) / 2], strict=True):
        if gradient is None or not gradient.allclose(expected, atol=1e-4):
            raise Mistake(
                f"the right gradient does not reach {name}", "You detach a part of it, or switch gradients off."
            )
