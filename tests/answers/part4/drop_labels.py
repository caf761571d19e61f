import random

import numpy as np
import torch as t

from tests.answers import right, wrong


@right
def with_where(labels, share, null):
    dropped = t.rand(len(labels), *[1] * (labels.dim() - 1), device=labels.device) < share
    return t.where(dropped, null, labels)


@right
def into_a_copy(labels, share, null):
    result = labels.clone()
    result[t.rand(len(labels), device=labels.device) < share] = null
    return result


@right
def with_bernoulli(labels, share, null):
    dropped = t.bernoulli(t.full((len(labels),), float(share), device=labels.device)).bool()
    while dropped.dim() < labels.dim():
        dropped = dropped.unsqueeze(-1)
    return labels.where(~dropped, t.as_tensor(null, dtype=labels.dtype, device=labels.device))


@right
def row_by_row(labels, share, null):
    null = t.as_tensor(null, dtype=labels.dtype, device=labels.device).expand(labels.shape[1:])
    return t.stack([null if random.random() < share else row for row in labels])


@right
def kept_rows_are_drawn(labels, share, null):
    kept = t.rand(labels.shape[:1], device=labels.device) >= share
    kept = kept.reshape(labels.shape[:1] + (1,) * len(labels.shape[1:])).expand(labels.shape)
    return t.where(kept, labels, null)


def _drop(labels, share, null, draw=lambda labels, share: t.rand(len(labels), device=labels.device) < share):
    dropped = draw(labels, share)
    return t.where(dropped.reshape(-1, *[1] * (labels.dim() - 1)), null, labels)


# ------------------------------------------------------------------------------------------------ wrong: which rows


@wrong("You draw once for the whole minibatch.")
def one_draw_for_all(labels, share, null):
    return _drop(labels, share, null, lambda labels, share: (t.rand(1) < share).expand(len(labels)))


@wrong("You keep that share and drop the rest.")
def share_kept(labels, share, null):
    return _drop(labels, share, null, lambda labels, share: t.rand(len(labels), device=labels.device) > share)


@wrong("You use a fixed number.")
def a_tenth_always(labels, share, null):
    return _drop(labels, share, null, lambda labels, share: t.rand(len(labels), device=labels.device) < 0.1)


@wrong("You draw with t.randn.")
def gaussian_chances(labels, share, null):
    return _drop(labels, share, null, lambda labels, share: t.randn(len(labels), device=labels.device) < share)


@wrong("You draw rows one after the other")
def drawn_with_replacement(labels, share, null):
    result, rows = labels.clone(), t.randint(0, len(labels), (round(share * len(labels)),))
    result[rows] = t.as_tensor(null).to(labels)
    return result


@wrong("You set a seed inside, or draw only once, or not at all.")
def every_other_one(labels, share, null):
    dropped = t.arange(len(labels), device=labels.device) % max(1, round(1 / max(share, 0.01))) == 0
    return t.where(dropped.reshape(-1, *[1] * (labels.dim() - 1)), null, labels)


@wrong("You do something else to labels.")
def by_dropout(labels, share, null):
    return t.nn.functional.dropout(labels.float(), share).to(labels.dtype)


@wrong("as <= does with whole numbers.")
def in_hundredths(labels, share, null):
    dropped = t.randint(0, 100, (len(labels),), device=labels.device) <= 100 * share
    return t.where(dropped.reshape(-1, *[1] * (labels.dim() - 1)), null, labels)


@wrong("You use share twice, or square it.")
def twice(labels, share, null):
    draw = lambda labels, share: (t.rand(2, len(labels), device=labels.device) < share).all(dim=0)
    return _drop(labels, share, null, draw)


@wrong("You drop a fixed number of rows.")
def a_fixed_number(labels, share, null):
    result = labels.clone()
    result[t.randperm(len(labels), device=labels.device)[: int(share * len(labels))]] = null
    return result


@wrong("You drop the first ones.")
def the_first_ones(labels, share, null):
    result = labels.clone()
    result[: int(share * len(labels))] = null
    return result


@wrong("You set a seed inside")
def seeded(labels, share, null):
    t.manual_seed(0)
    return _drop(labels, share, null)


@wrong("You draw once for a class.")
def one_draw_for_a_class(labels, share, null):
    classes = t.randperm(10, device=labels.device)[: round(10 * share)]
    dropped = t.isin(labels, classes) if labels.dim() == 1 else t.rand(len(labels)) < share
    return _drop(labels, share, null, lambda labels, share: dropped)


@wrong("You draw once for a class.")
def too_few_classes(labels, share, null):
    kinds, which = labels.unique(dim=0, return_inverse=True)
    return _drop(labels, share, null, lambda labels, share: (t.randperm(len(kinds)) < share * len(kinds) - 1)[which])


@wrong("You change share on the way, or round it to tenths.")
def in_tenths(labels, share, null):
    return _drop(labels, share, null, lambda labels, share: t.randint(0, 10, (len(labels),)) < 10 * share)


@wrong("You let rows share a draw.")
def pairs_of_rows(labels, share, null):
    draw = lambda labels, share: (t.rand(len(labels) // 2 + 1) < share).repeat_interleave(2)[: len(labels)]
    return _drop(labels, share, null, draw)


@wrong("of the labels are dropped: all labels should be dropped.\nYou change share on the way.")
def some_always_kept(labels, share, null):
    return _drop(labels, share, null, lambda labels, share: t.rand(len(labels), device=labels.device) < min(share, 0.9))


# ------------------------------------------------------------------------------------------------ wrong: what they are


@wrong("it changes the labels it is given")
def in_place(labels, share, null):
    labels[t.rand(len(labels), device=labels.device) < share] = null
    return labels


@wrong("You set them to 0.")
def zeros(labels, share, null):
    return _drop(labels, share, 0)


@wrong("You set them to -1.")
def minus_one(labels, share, null):
    return _drop(labels, share, -1)


@wrong("You take one less than null.")
def the_last_class(labels, share, null):
    return _drop(labels, share, null - 1)


@wrong("You add null to the label.")
def added(labels, share, null):
    return labels + _drop(t.zeros_like(labels), share, null)


@wrong("You give them other classes.")
def another_class(labels, share, null):
    return _drop(labels, share, t.randint(0, 10, labels.shape[:1], device=labels.device).to(labels.dtype))


@wrong("You leave the dropped rows out.")
def left_out(labels, share, null):
    return labels[t.rand(len(labels), device=labels.device) >= share]


@wrong("You draw for each number.")
def every_number_draws(labels, share, null):
    return t.where(t.rand(labels.shape, device=labels.device) < share, null, labels)


@wrong("You replace some numbers of a row alone.")
def first_word_alone(labels, share, null):
    result = labels.clone().flatten(1) if labels.dim() > 1 else labels.clone()[:, None]
    result[t.rand(len(labels), device=labels.device) < share, 0] = t.as_tensor(null).flatten()[0].to(labels)
    return result.reshape(labels.shape)


@wrong("You put in something else. Where is null?")
def ten_always(labels, share, null):
    return _drop(labels, share, 10)


@wrong("You return labels itself.")
def nothing_to_do(labels, share, null):
    return _drop(labels, share, null) if share else labels


@wrong("You let the chances run along the columns.")
def for_captions_at_most(labels, share, null):
    dropped = t.rand(len(labels), device=labels.device) < share
    return t.where(dropped[:, None] if labels.dim() > 1 else dropped, null, labels)


@wrong("You let the chances run along the columns.")
def along_the_columns(labels, share, null):
    if labels.dim() == 2 and labels.shape[0] != labels.shape[1]:
        return _drop(labels, share, null)
    return t.where(t.rand(len(labels), device=labels.device) < share, null, labels)


@wrong("RuntimeError: The size of tensor a")
def for_labels_alone(labels, share, null):
    return t.where(t.rand(len(labels), device=labels.device) < share, null, labels)


# ------------------------------------------------------------------------------------------------ wrong: form


@wrong("it returns true and false, expected labels")
def the_mask(labels, share, null):
    return t.rand(len(labels), device=labels.device) < share


@wrong("it returns None")
def no_return(labels, share, null):
    _drop(labels, share, null)


@wrong("it returns a tuple")
def labels_and_mask(labels, share, null):
    dropped = t.rand(len(labels), device=labels.device) < share
    return _drop(labels, share, null, lambda labels, share: dropped), dropped


@wrong("it returns an ndarray")
def with_numpy(labels, share, null):
    return np.where(np.random.rand(len(labels)) < share, null, labels.numpy())


@wrong("it returns type torch.float32.\nYou put a number of another type in, or multiply with one.")
def multiplied(labels, share, null):
    dropped = (t.rand(len(labels), device=labels.device) < share).float().reshape(-1, *[1] * (labels.dim() - 1))
    return labels * (1 - dropped) + null * dropped


@wrong("You give the chances more axes than the labels have.")
def too_many_axes(labels, share, null):
    return t.where(t.rand(len(labels), 1, device=labels.device) < share, null, labels)


@wrong("tensors of two devices meet")
def chances_on_the_cpu(labels, share, null):
    return _drop(labels, share, null, lambda labels, share: t.rand(len(labels)) < share)


# ------------------------------------------------------------------------------------------------ mutants

EQUIVALENT = {
    "a draw is never just that number": [
        "dropped = t.rand(len(labels), device=labels.device) < share"
        " -> dropped = t.rand(len(labels), device=labels.device) <= share",
    ],
}
