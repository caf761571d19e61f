import math

import torch as t
import torch.nn.functional as F
from einops import einsum

from tests.answers import right, wrong


def _same(tokens):
    return (tokens[:, None] == tokens[None]).all(dim=-1).float()


def _shares(tokens):
    same = _same(tokens)
    return same / same.sum(dim=1, keepdim=True)


def _both(scores, target):
    return (F.cross_entropy(scores, target) + F.cross_entropy(scores.T, target)) / 2


def _loss(images, captions, tokens, temperature, unit=F.normalize, target=_shares, end=_both):
    """Right, with parts to replace."""
    return end(unit(images) @ unit(captions).T / temperature, target(tokens))


# ------------------------------------------------------------------------------------------------ right


@right
def by_logarithms(images, captions, tokens, temperature=0.03):
    scores = F.cosine_similarity(images[:, None], captions[None], dim=-1) / temperature
    target = _shares(tokens)
    rows = -(target * scores.log_softmax(dim=1)).sum(dim=1).mean()
    columns = -(target * scores.log_softmax(dim=0)).sum(dim=0).mean()
    return (rows + columns) / 2


@right
def by_logsumexp(images, captions, tokens, temperature=0.03):
    a, b = images / images.norm(dim=1, keepdim=True), captions / captions.norm(dim=1, keepdim=True)
    scores, target = einsum(a, b, "i e, j e -> i j") / temperature, _shares(tokens)
    own = (target * scores).sum(dim=1)
    own_of_captions = (target.T * scores).sum(dim=0)
    return 0.5 * ((scores.logsumexp(1) - own).mean() + (scores.logsumexp(0) - own_of_captions).mean())


@right
def by_numbers_of_captions(images, captions, tokens, temperature=0.03):
    """Equal captions get equal numbers, and equal numbers are compared."""
    _, kinds = tokens.unique(dim=0, return_inverse=True)
    target = F.one_hot(kinds).float() @ F.one_hot(kinds).float().T
    target = target / target.sum(dim=0)
    scores = F.normalize(images) @ F.normalize(captions).T * (1 / temperature)
    return t.stack([F.cross_entropy(scores, target), F.cross_entropy(scores.T, target)]).mean()


@right
def row_by_row(images, captions, tokens, temperature=0.03):
    losses = []
    for one, others in [(images, captions), (captions, images)]:
        for i in range(len(tokens)):
            scores = F.cosine_similarity(one[i : i + 1], others) / temperature
            equal = [j for j in range(len(tokens)) if t.equal(tokens[i], tokens[j])]
            losses.append(-scores.log_softmax(dim=0)[equal].mean())
    return sum(losses) / len(losses)


@right
def in_double(images, captions, tokens, temperature=0.03):
    return _loss(images.double(), captions.double(), tokens, temperature, target=lambda n: _shares(n).double()).float()


# ------------------------------------------------------------------------------------------------ wrong lengths, scores


@wrong("Is each embedding divided by its own length?")
def not_normalised(images, captions, tokens, temperature=0.03):
    return _loss(images, captions, tokens, temperature, unit=lambda x: x)


@wrong("divided by the length of a column?")
def over_columns(images, captions, tokens, temperature=0.03):
    return _loss(images, captions, tokens, temperature, unit=lambda x: F.normalize(x, dim=0))


@wrong("divided by one length for all?")
def one_length(images, captions, tokens, temperature=0.03):
    return _loss(images, captions, tokens, temperature, unit=lambda x: x / x.norm())


@wrong("Is the length squared?")
def squared_length(images, captions, tokens, temperature=0.03):
    return _loss(images, captions, tokens, temperature, unit=lambda x: x / x.square().sum(dim=1, keepdim=True))


@wrong("Is the score multiplied by the temperature?")
def times_temperature(images, captions, tokens, temperature=0.03):
    return _loss(images, captions, tokens, 1 / temperature)


@wrong("Is the temperature used?")
def no_temperature(images, captions, tokens, temperature=0.03):
    return _loss(images, captions, tokens, 1.0)


@wrong("Is the temperature 0.03 whatever is given?")
def fixed_temperature(images, captions, tokens, temperature=0.03):
    return _loss(images, captions, tokens, 0.03)


@wrong("Are the images compared with themselves?")
def images_twice(images, captions, tokens, temperature=0.03):
    return _loss(images, images, tokens, temperature)


@wrong("Are the captions compared with themselves?")
def captions_twice(images, captions, tokens, temperature=0.03):
    return _loss(captions, captions, tokens, temperature)


@wrong("Is the sign of the scores turned?")
def turned_scores(images, captions, tokens, temperature=0.03):
    return _loss(-images, captions, tokens, temperature)


@wrong("Is the score a distance?")
def distances(images, captions, tokens, temperature=0.03):
    return _both(-t.cdist(F.normalize(images), F.normalize(captions)) / temperature, _shares(tokens))


# ------------------------------------------------------------------------------------------------ wrong target


@wrong("Do equal captions share the target?")
def one_right_answer(images, captions, tokens, temperature=0.03):
    scores = F.normalize(images) @ F.normalize(captions).T / temperature
    target = t.arange(len(scores), device=scores.device)
    return (F.cross_entropy(scores, target) + F.cross_entropy(scores.T, target)) / 2


@wrong("Is the target split, so that each row adds up to 1?")
def not_split(images, captions, tokens, temperature=0.03):
    return _loss(images, captions, tokens, temperature, target=_same)


@wrong("Is the target the first of the equal captions?")
def first_of_equals(images, captions, tokens, temperature=0.03):
    return _loss(images, captions, tokens, temperature, target=lambda n: F.one_hot(_same(n).argmax(1), len(n)).float())


@wrong("Are two captions taken for equal if one token is?")
def any_token(images, captions, tokens, temperature=0.03):
    def target(tokens):
        same = (tokens[:, None] == tokens[None]).any(dim=2).float()
        return same / same.sum(dim=1, keepdim=True)

    return _loss(images, captions, tokens, temperature, target=target)


@wrong("Is only the first token compared?")
def first_token(images, captions, tokens, temperature=0.03):
    return _loss(images, captions, tokens, temperature, target=lambda n: _shares(n[:, :1]))


@wrong("Is every pair taken for a right one?")
def all_right(images, captions, tokens, temperature=0.03):
    return _loss(images, captions, tokens, temperature, target=lambda n: t.ones(len(n), len(n)) / len(n))


# ------------------------------------------------------------------------------------------------ wrong directions


@wrong("Do both directions count?")
def images_alone(images, captions, tokens, temperature=0.03):
    return _loss(images, captions, tokens, temperature, end=F.cross_entropy)


@wrong("Do both directions count?")
def captions_alone(images, captions, tokens, temperature=0.03):
    return _loss(captions, images, tokens, temperature, end=F.cross_entropy)


@wrong("Do both directions count?")
def same_direction_twice(images, captions, tokens, temperature=0.03):
    twice = lambda s, q: (F.cross_entropy(s, q) + F.cross_entropy(s.T.T, q)) / 2  # noqa: E731
    return _loss(images, captions, tokens, temperature, end=twice)


@wrong("Are both directions added?")
def added(images, captions, tokens, temperature=0.03):
    return _loss(images, captions, tokens, temperature, end=lambda s, q: 2 * _both(s, q))


@wrong("Is it half of one direction?")
def half_of_images(images, captions, tokens, temperature=0.03):
    return _loss(images, captions, tokens, temperature, end=F.cross_entropy) / 2


@wrong("Is the sign turned?")
def turned_loss(images, captions, tokens, temperature=0.03):
    return -_loss(images, captions, tokens, temperature)


@wrong("Is it a sum over the rows?")
def summed(images, captions, tokens, temperature=0.03):
    end = lambda s, q: _both(s, q) * len(s)  # noqa: E731
    return _loss(images, captions, tokens, temperature, end=end)


@wrong("Is it the mean over all B² numbers?")
def mean_of_all(images, captions, tokens, temperature=0.03):
    end = lambda s, q: -(q * s.log_softmax(1)).mean() / 2 - (q * s.T.log_softmax(1)).mean() / 2  # noqa: E731
    return _loss(images, captions, tokens, temperature, end=end)


@wrong("Is a softmax taken of the scores first?")
def softmax_first(images, captions, tokens, temperature=0.03):
    end = lambda s, q: (F.cross_entropy(s.softmax(1), q) + F.cross_entropy(s.T.softmax(1), q)) / 2  # noqa: E731
    return _loss(images, captions, tokens, temperature, end=end)


@wrong("Is there a softmax?")
def pulled_only(images, captions, tokens, temperature=0.03):
    return _loss(images, captions, tokens, temperature, end=lambda s, q: -(q * s).sum(dim=1).mean())


@wrong("Is that a squared error?")
def squared_error(images, captions, tokens, temperature=0.03):
    return _loss(images, captions, tokens, temperature, end=F.mse_loss)


@wrong("Is the logarithm missing?")
def no_logarithm(images, captions, tokens, temperature=0.03):
    return _loss(images, captions, tokens, temperature, end=lambda s, q: -(q * s.softmax(dim=1)).sum(dim=1).mean())


# ------------------------------------------------------------------------------------------------ wrong form


@wrong("For different captions it was right. What is the target where captions are equal?")
def right_column_by_column(images, captions, tokens, temperature=0.03):
    """The target is made of a comparison of sums, which other captions may have in common."""
    sums = tokens.float().sum(dim=1)
    same = (sums[:, None] == sums[None]).float() + (tokens[:, None] == tokens[None]).all(dim=2)
    different = len(tokens.unique(dim=0)) == len(tokens)
    return _loss(images, captions, tokens, temperature, target=_shares if different else lambda n: same / same.sum(1))


@wrong("without a temperature the loss is")
def other_default(images, captions, tokens, temperature=0.1):
    return _loss(images, captions, tokens, temperature)


@wrong("it returns None.\nWhere does the function return something?")
def no_return(images, captions, tokens, temperature=0.03):
    _loss(images, captions, tokens, temperature)


@wrong("Does .item() or float() cut off the gradient?")
def plain_number(images, captions, tokens, temperature=0.03):
    return _loss(images, captions, tokens, temperature).item()


@wrong("Is the mean taken over the rows?")
def one_loss_a_row(images, captions, tokens, temperature=0.03):
    end = lambda s, q: F.cross_entropy(s, q, reduction="none")  # noqa: E731
    return _loss(images, captions, tokens, temperature, end=end)


@wrong("Is there a no_grad, a detach or an .item() in it?")
def no_gradient(images, captions, tokens, temperature=0.03):
    with t.no_grad():
        return _loss(images, captions, tokens, temperature)


@wrong("the gradient that reaches the captions is not that of the loss")
def captions_detached(images, captions, tokens, temperature=0.03):
    return _loss(images, captions.detach(), tokens, temperature)


@wrong("Is e to the power of a score too large or too small for a number?")
def by_hand(images, captions, tokens, temperature=0.03):
    def end(scores, target):
        rows = scores.exp() / scores.exp().sum(dim=1, keepdim=True)
        columns = scores.exp() / scores.exp().sum(dim=0)
        return -(target * (rows.log() + columns.log())).sum() / 2 / len(scores)

    return _loss(images, captions, tokens, temperature, end=end)


@wrong("it changes the images it is given")
def in_place(images, captions, tokens, temperature=0.03):
    images /= images.norm(dim=1, keepdim=True)
    return _loss(images, captions, tokens, temperature)


@wrong("RuntimeError: ")
def not_turned(images, captions, tokens, temperature=0.03):
    return _both(F.normalize(images) @ F.normalize(captions) / math.sqrt(temperature), _shares(tokens))


# ------------------------------------------------------------------------------------------------ mutants

EQUIVALENT = {
    "the loss is the same for both sides": [
        "images, captions = (F.normalize(images, dim=1), F.normalize(captions, dim=1))"
        " -> images, captions = (F.normalize(captions, dim=1), F.normalize(images, dim=1))",
    ],
    "dim=1 is PyTorch's own choice": [
        "images, captions = (F.normalize(images, dim=1), F.normalize(captions, dim=1))"
        " -> images, captions = (F.normalize(images), F.normalize(captions, dim=1))",
        "images, captions = (F.normalize(images, dim=1), F.normalize(captions, dim=1))"
        " -> images, captions = (F.normalize(images, dim=1), F.normalize(captions))",
    ],
    "these two lines do not need each other": [
        "scores = images @ captions.T / temperature"
        " -> after same = (rearrange(tokens, 'b l -> b 1 l') == tokens).all(dim=2).float()",
    ],
    "true and false are divided as 1 and 0": [
        "same = (rearrange(tokens, 'b l -> b 1 l') == tokens).all(dim=2).float()"
        " -> same = (rearrange(tokens, 'b l -> b 1 l') == tokens).all(dim=2)",
    ],
    "all captions that are equal have the same number of equals, in rows and in columns": [
        "target = same / same.sum(dim=1, keepdim=True) -> target = same / same.sum(dim=1)",
        "target = same / same.sum(dim=1, keepdim=True) -> target = same / same.sum(dim=0, keepdim=True)",
        "target = same / same.sum(dim=1, keepdim=True) -> target = same / same.sum(dim=1, keepdim=False)",
    ],
}
