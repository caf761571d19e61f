"""The check of 4.5 encode_captions: the mean of each caption's words, in closed form, with and without padding."""

from collections.abc import Callable

import torch as t

from tests.checking import (
    Mistake,
    careful,
    check,
    close,
    elsewhere,
    expect_tensor,
    kind,
    numbers,
    recognise,
    unchanged,
)

# 0 is padding: a caption of two words, the same in another order, of one, of four, with a word said twice, and of none
TOKENS = [[3, 1, 0, 0], [1, 3, 0, 0], [2, 0, 0, 0], [5, 6, 4, 1], [3, 3, 2, 0], [0, 0, 0, 0]]


def words_of(tokens: t.Tensor) -> list[list[int]]:
    return [[word for word in row if word] for row in tokens.tolist()]


def by_caption(vectors: t.Tensor, tokens: t.Tensor, make: Callable[[list[int]], t.Tensor]) -> t.Tensor:
    """make: of the words of a caption, its vector"""
    return t.stack([make(words) if words else t.zeros_like(vectors[0]) for words in words_of(tokens)])


def mean_of_words(vectors: t.Tensor, tokens: t.Tensor) -> t.Tensor:
    return by_caption(vectors, tokens, lambda words: vectors[words].mean(dim=0))


def sum_of_words(vectors: t.Tensor, tokens: t.Tensor) -> t.Tensor:
    return by_caption(vectors, tokens, lambda words: vectors[words].sum(dim=0))


def n_words(tokens: t.Tensor) -> t.Tensor:
    return (tokens != 0).sum(dim=1, keepdim=True)


def mean_of_padding(vectors: t.Tensor, tokens: t.Tensor) -> t.Tensor:
    return vectors[0] * (tokens == 0).any(dim=1, keepdim=True)


CAPTION_MISTAKES = [
    ("You average the vectors of padding in, too.", lambda v, w: v[w].mean(dim=1)),
    ("You divide by the length of the row. How many words are in it?", lambda v, w: sum_of_words(v, w) / w.shape[1]),
    ("You add up padding, too, and divide by nothing.", lambda v, w: v[w].sum(dim=1)),
    ("You add up padding, too.", lambda v, w: v[w].sum(dim=1) / n_words(w).clamp(min=1)),
    ("Where is the division by the number of words?", sum_of_words),
    ("You take all captions together for the number of words.", lambda v, w: sum_of_words(v, w) / n_words(w).sum()),
    ("You divide by one word too many.", lambda v, w: sum_of_words(v, w) / (n_words(w) + 1)),
    ("You keep the padding and drop the words. Which way round is the mask?", mean_of_padding),
    (
        "You keep the padding and drop the words. Which way round is the mask?",
        lambda v, w: v[0] * (w == 0).sum(dim=1, keepdim=True) / n_words(w).clamp(min=1),
    ),
    (
        "You count a word once that comes twice.",
        lambda v, w: by_caption(v, w, lambda words: v[sorted(set(words))].mean(dim=0)),
    ),
    (
        "You take the largest number of all words, not their mean.",
        lambda v, w: by_caption(v, w, lambda words: v[words].amax(0)),
    ),
    (
        "You take the largest number of all words, not their mean.",
        lambda v, w: (v[w] * (w != 0)[:, :, None]).amax(dim=1),
    ),
    ("You leave the last word out.", lambda v, w: by_caption(v, w, lambda words: v[words[:-1]].sum(0) / len(words))),
    ("You take 8 for the length of a row. It has any.", lambda v, w: sum_of_words(v, w) / 8),
    ("You return zeros for all, where one caption has no words.", lambda v, w: 0 * v[w[:, 0]]),
    ("You take the first word alone.", lambda v, w: by_caption(v, w, lambda words: v[words[0]])),
    ("You take the last word alone.", lambda v, w: by_caption(v, w, lambda words: v[words[-1]])),
    (
        "You look the words up one row early. Row 0 of vectors belongs to padding.",
        lambda v, w: by_caption(v, w, lambda words: v[[word - 1 for word in words]].mean(dim=0)),
    ),
    (
        "You drop word 1, too. Only 0 is padding.",
        lambda v, w: by_caption(
            v,
            w,
            lambda words: v[[word for word in words if word > 1]].sum(0) / max(1, len([x for x in words if x > 1])),
        ),
    ),
    (
        "You drop word 1, too. Only 0 is padding.",
        lambda v, w: by_caption(v, w, lambda words: v[[word for word in words if word > 1]].sum(0) / len(words)),
    ),
    (
        "You divide by the root of the number of words.",
        lambda v, w: sum_of_words(v, w) / n_words(w).clamp(min=1).sqrt(),
    ),
    ("You multiply by the number of words.", lambda v, w: sum_of_words(v, w) * n_words(w)),
    ("You divide with //. That gives whole numbers.", lambda v, w: sum_of_words(v, w) // n_words(w).clamp(min=1)),
    (
        "You take 8 for the length of a row. It has any.",
        lambda v, w: sum_of_words(v, w) / (8 - (w == 0).sum(dim=1, keepdim=True)).clamp(min=1),
    ),
    (
        "You take a softmax of the mask. Padding still counts there.",
        lambda v, w: ((w != 0).float().softmax(dim=1)[:, :, None] * v[w]).sum(dim=1),
    ),
    ("You bring the mean to length 1.", lambda v, w: t.nn.functional.normalize(sum_of_words(v, w), dim=1)),
    (
        "You average over the captions, too. All get the same vector.",
        lambda v, w: mean_of_words(v, w).mean(0).expand(len(w), -1),
    ),
]
EMPTY = "a caption without any word"


@check("4.5", mistakes=CAPTION_MISTAKES)
def check_encode_captions(answer: Callable) -> str:
    answer = careful(answer)
    judge_captions(answer, t.randn(7, 5), t.tensor(TOKENS))
    judge_captions(answer, t.randn(4, 3), t.tensor([[2, 3, 1, 0, 0, 0, 0], [1, 0, 0, 0, 0, 0, 0]]))
    judge_captions(answer, t.randn(4, 6), t.tensor([[3]]))
    judge_gradient(answer)
    judge_device(answer)
    return "words of each caption alone, padding left out, repeated words, a caption without words, the gradient"


def judge_captions(answer: Callable, vectors: t.Tensor, tokens: t.Tensor) -> None:
    with unchanged(vectors=vectors, tokens=tokens):
        result = answer(vectors, tokens)
    expected = mean_of_words(vectors, tokens)
    call = f"for vectors {tuple(vectors.shape)} and tokens {tuple(tokens.shape)} it"
    empty = n_words(tokens)[:, 0] == 0
    if isinstance(result, t.Tensor) and result.shape == expected.shape and not result[empty].isfinite().all():
        if result[~empty].isfinite().all():
            raise Mistake(f"{EMPTY} becomes nan", "You divide by its number of words, which is 0.")
    if isinstance(result, t.Tensor) and result.shape in (tokens.shape, tokens.shape[:1]) != expected.shape:
        facts = f"{call} returns {kind(result)}, expected shape {tuple(expected.shape)}"
        raise Mistake(facts, "You add up the numbers of a vector. Which axis holds the words?")
    if isinstance(result, t.Tensor) and result.shape == vectors.shape[1:]:
        facts = f"{call} returns {kind(result)}, expected shape {tuple(expected.shape)}"
        raise Mistake(facts, "You average over the captions, too. Each has a vector of its own.")
    if isinstance(result, t.Tensor) and result.shape == (len(tokens), *expected.shape) != expected.shape:
        facts = f"{call} returns {kind(result)}, expected shape {tuple(expected.shape)}"
        raise Mistake(facts, "You let each caption meet each other's number of words. One of the two has an axis more.")
    if isinstance(result, t.Tensor) and empty.any() and result.shape == expected[~empty].shape:
        facts = f"{call} returns {kind(result)}, expected shape {tuple(expected.shape)}"
        raise Mistake(facts, "You leave a caption without words out. It becomes zeros.")
    expect_tensor(result, tuple(expected.shape), call)
    if close(result, expected):
        return
    wrong = (result - expected).abs().amax(dim=1)
    if wrong[~empty].numel() and wrong[~empty].max() < 1e-4:
        facts = f"{EMPTY} becomes {numbers(result[empty][0])}, expected zeros"
        raise Mistake(facts, "You leave padding in where there is nothing else. It becomes zeros.")
    row = wrong.argmax()
    question = recognise(CAPTION_MISTAKES, lambda made: close(result[~empty], made(vectors, tokens)[~empty]))
    padded, off = (tokens == 0).any(dim=1), wrong > 1e-4
    if not question and padded.any() and not padded.all():
        if not off[padded & ~empty].any():
            question = "You have it right where there is padding. A caption may fill its row."
        elif not off[~padded].any():
            question = "You have it right where there is no padding. What does padding add?"
    facts = f"the caption {tokens[row].tolist()} becomes {numbers(result[row])},\nexpected {numbers(expected[row])}"
    raise Mistake(facts, question)


def judge_gradient(answer: Callable) -> None:
    """The vectors are learned: the loss must reach those of words, and no other."""
    vectors, tokens = t.randn(7, 5, requires_grad=True), t.tensor(TOKENS)
    result = answer(vectors, tokens)
    if not result.requires_grad:
        raise Mistake("no gradient reaches the vectors", "You detach them, or compute where gradients are off.")
    weights = t.randn(len(TOKENS), 5)
    (got,) = t.autograd.grad((result * weights).sum(), vectors)
    (expected,) = t.autograd.grad((mean_of_words(vectors, tokens) * weights).sum(), vectors)
    if not close(got, expected):
        facts = "the gradient at the vectors is not that of the mean"
        raise Mistake(facts, "You let it through some of the words alone, or through padding.")


def judge_device(answer: Callable) -> None:
    facts = "with vectors and tokens on another device, tensors of two devices meet"
    question = "You make a tensor on the CPU. Make it where the tokens are."
    elsewhere(lambda: answer(t.randn(7, 5, device="meta"), t.tensor(TOKENS, device="meta")), facts, question)
