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


@wrong("Where is each embedding divided by its own length?")
def not_normalised(images, captions, tokens, temperature=0.03):
    return _loss(images, captions, tokens, temperature, unit=lambda x: x)


@wrong("You divide by the length of a column.")
def over_columns(images, captions, tokens, temperature=0.03):
    return _loss(images, captions, tokens, temperature, unit=lambda x: F.normalize(x, dim=0))


@wrong("You divide by one length for all.")
def one_length(images, captions, tokens, temperature=0.03):
    return _loss(images, captions, tokens, temperature, unit=lambda x: x / x.norm())


@wrong("You divide by the square of the length.")
def squared_length(images, captions, tokens, temperature=0.03):
    return _loss(images, captions, tokens, temperature, unit=lambda x: x / x.square().sum(dim=1, keepdim=True))


@wrong("You multiply by the temperature.")
def times_temperature(images, captions, tokens, temperature=0.03):
    return _loss(images, captions, tokens, 1 / temperature)


@wrong("Where is the temperature used?")
def no_temperature(images, captions, tokens, temperature=0.03):
    return _loss(images, captions, tokens, 1.0)


@wrong("You use 0.03 whatever is given.")
def fixed_temperature(images, captions, tokens, temperature=0.03):
    return _loss(images, captions, tokens, 0.03)


@wrong("You compare the images with themselves.")
def images_twice(images, captions, tokens, temperature=0.03):
    return _loss(images, images, tokens, temperature)


@wrong("You compare the captions with themselves.")
def captions_twice(images, captions, tokens, temperature=0.03):
    return _loss(captions, captions, tokens, temperature)


@wrong("You turn the sign of the scores.")
def turned_scores(images, captions, tokens, temperature=0.03):
    return _loss(-images, captions, tokens, temperature)


@wrong("You take a distance for the score.")
def distances(images, captions, tokens, temperature=0.03):
    return _both(-t.cdist(F.normalize(images), F.normalize(captions)) / temperature, _shares(tokens))


# ------------------------------------------------------------------------------------------------ wrong target


@wrong("You give each row one right answer.")
def one_right_answer(images, captions, tokens, temperature=0.03):
    scores = F.normalize(images) @ F.normalize(captions).T / temperature
    target = t.arange(len(scores), device=scores.device)
    return (F.cross_entropy(scores, target) + F.cross_entropy(scores.T, target)) / 2


@wrong("Where is the target split, so that each row adds up to 1?")
def not_split(images, captions, tokens, temperature=0.03):
    return _loss(images, captions, tokens, temperature, target=_same)


@wrong("You take the first of the equal captions.")
def first_of_equals(images, captions, tokens, temperature=0.03):
    return _loss(images, captions, tokens, temperature, target=lambda n: F.one_hot(_same(n).argmax(1), len(n)).float())


@wrong("You take two captions for equal if one token is.")
def any_token(images, captions, tokens, temperature=0.03):
    def target(tokens):
        same = (tokens[:, None] == tokens[None]).any(dim=2).float()
        return same / same.sum(dim=1, keepdim=True)

    return _loss(images, captions, tokens, temperature, target=target)


@wrong("You compare the first token alone.")
def first_token(images, captions, tokens, temperature=0.03):
    return _loss(images, captions, tokens, temperature, target=lambda n: _shares(n[:, :1]))


@wrong("You take every pair for a right one.")
def all_right(images, captions, tokens, temperature=0.03):
    return _loss(images, captions, tokens, temperature, target=lambda n: t.ones(len(n), len(n)) / len(n))


# ------------------------------------------------------------------------------------------------ wrong directions


@wrong("You look in one direction alone.")
def images_alone(images, captions, tokens, temperature=0.03):
    return _loss(images, captions, tokens, temperature, end=F.cross_entropy)


@wrong("You look in one direction alone.")
def captions_alone(images, captions, tokens, temperature=0.03):
    return _loss(captions, images, tokens, temperature, end=F.cross_entropy)


@wrong("You look in one direction alone.")
def same_direction_twice(images, captions, tokens, temperature=0.03):
    twice = lambda s, q: (F.cross_entropy(s, q) + F.cross_entropy(s.T.T, q)) / 2  # noqa: E731
    return _loss(images, captions, tokens, temperature, end=twice)


@wrong("You add both directions.")
def added(images, captions, tokens, temperature=0.03):
    return _loss(images, captions, tokens, temperature, end=lambda s, q: 2 * _both(s, q))


@wrong("You take half of one direction.")
def half_of_images(images, captions, tokens, temperature=0.03):
    return _loss(images, captions, tokens, temperature, end=F.cross_entropy) / 2


@wrong("You turn the sign.")
def turned_loss(images, captions, tokens, temperature=0.03):
    return -_loss(images, captions, tokens, temperature)


@wrong("You sum over the rows.")
def summed(images, captions, tokens, temperature=0.03):
    end = lambda s, q: _both(s, q) * len(s)  # noqa: E731
    return _loss(images, captions, tokens, temperature, end=end)


@wrong("You take the mean over all B² numbers.")
def mean_of_all(images, captions, tokens, temperature=0.03):
    end = lambda s, q: -(q * s.log_softmax(1)).mean() / 2 - (q * s.T.log_softmax(1)).mean() / 2  # noqa: E731
    return _loss(images, captions, tokens, temperature, end=end)


@wrong("You take a softmax of the scores first.")
def softmax_first(images, captions, tokens, temperature=0.03):
    end = lambda s, q: (F.cross_entropy(s.softmax(1), q) + F.cross_entropy(s.T.softmax(1), q)) / 2  # noqa: E731
    return _loss(images, captions, tokens, temperature, end=end)


@wrong("Where is the softmax?")
def pulled_only(images, captions, tokens, temperature=0.03):
    return _loss(images, captions, tokens, temperature, end=lambda s, q: -(q * s).sum(dim=1).mean())


@wrong("You take a squared error.")
def squared_error(images, captions, tokens, temperature=0.03):
    return _loss(images, captions, tokens, temperature, end=F.mse_loss)


@wrong("Where is the logarithm?")
def no_logarithm(images, captions, tokens, temperature=0.03):
    return _loss(images, captions, tokens, temperature, end=lambda s, q: -(q * s.softmax(dim=1)).sum(dim=1).mean())


@wrong("Where is the logarithm?")
def no_logarithm_in_both(*given, temperature=0.03):
    end = lambda s, q: -((s.softmax(1) + s.T.softmax(1)) * q).sum(dim=1).mean() / 2  # noqa: E731
    return _loss(*_with(temperature, given), end=end)


@wrong("You halve one direction alone. Mind the parentheses.")
def second_halved(*given, temperature=0.03):
    end = lambda s, q: F.cross_entropy(s, q) + F.cross_entropy(s.T, q) / 2  # noqa: E731
    return _loss(*_with(temperature, given), end=end)


@wrong("You give F.cross_entropy its arguments in another order.")
def arguments_swapped(*given, temperature=0.03):
    end = lambda s, q: (F.cross_entropy(q, s) + F.cross_entropy(q, s.T)) / 2  # noqa: E731
    return _loss(*_with(temperature, given), end=end)


@wrong("You divide by the temperature twice.")
def temperature_twice(*given, temperature=0.03):
    return _loss(*_with(temperature, given), end=lambda s, q: _both(s / _with(temperature, given)[3], q))


@wrong("You divide by a sum of numbers.")
def divided_by_sums(*given, temperature=0.03):
    return _loss(*_with(temperature, given), unit=lambda x: F.normalize(x, p=1))


@wrong("You take the pairs themselves out.")
def diagonal_masked(*given, temperature=0.03):
    return _loss(*_with(temperature, given), end=lambda s, q: _both(s - 1e9 * t.eye(len(s)), q))


def _with(temperature, given):
    """All four arguments, whether or not the last one is given."""
    return given if len(given) == 4 else (*given, temperature)


# ------------------------------------------------------------------------------------------------ wrong form


@wrong("You have it right for different captions.")
def right_column_by_column(images, captions, tokens, temperature=0.03):
    """The target is made of a comparison of sums, which other captions may have in common."""
    sums = tokens.float().sum(dim=1)
    same = (sums[:, None] == sums[None]).float() + (tokens[:, None] == tokens[None]).all(dim=2)
    different = len(tokens.unique(dim=0)) == len(tokens)
    return _loss(images, captions, tokens, temperature, target=_shares if different else lambda n: same / same.sum(1))


@wrong("You divide only one of the two by its length.")
def images_normalised(images, captions, tokens, temperature=0.03):
    return _loss(F.normalize(images), captions, tokens, temperature, unit=lambda x: x)


@wrong("You multiply by e to the temperature.")
def exponential_of_the_temperature(images, captions, tokens, temperature=0.03):
    return _loss(images, captions, tokens, math.exp(-temperature))


@wrong("You divide by the root of the temperature.")
def root_of_the_temperature(images, captions, tokens, temperature=0.03):
    return _loss(images, captions, tokens, math.sqrt(temperature))


@wrong("You use a temperature of your own.")
def another_fixed_temperature(images, captions, tokens, temperature=0.03):
    return _loss(images, captions, tokens, 0.07)


@wrong("You compare the sums of the tokens.")
def sums_of_tokens(images, captions, tokens, temperature=0.03):
    return _loss(images, captions, tokens, temperature, target=lambda n: _shares(n.sum(dim=1, keepdim=True)))


@wrong("You take a softmax for the target.")
def softmax_for_the_target(images, captions, tokens, temperature=0.03):
    return _loss(images, captions, tokens, temperature, target=lambda n: _same(n).softmax(dim=1))


@wrong("You divide the target by the sum of the whole table.")
def shares_of_the_table(images, captions, tokens, temperature=0.03):
    return _loss(images, captions, tokens, temperature, target=lambda n: _same(n) / _same(n).sum())


@wrong("You take the target from how alike the embeddings are.")
def as_alike_as_they_are(images, captions, tokens, temperature=0.03):
    a, b = F.normalize(images), F.normalize(captions)
    scores, target = a @ b.T / temperature, ((a @ a.T + b @ b.T) / 2 / temperature).softmax(dim=1)
    return (F.cross_entropy(scores, target) + F.cross_entropy(scores.T, target.T)) / 2


@wrong("You ask of each pair whether it fits.")
def pair_by_pair(images, captions, tokens, temperature=0.03):
    return _loss(images, captions, tokens, temperature, target=_same, end=F.binary_cross_entropy_with_logits)


@wrong("You take the target's own entropy off")
def by_kl_div(images, captions, tokens, temperature=0.03):
    one_way = lambda s, q: F.kl_div(s.log_softmax(dim=1), q, reduction="batchmean")  # noqa: E731
    return _loss(images, captions, tokens, temperature, end=lambda s, q: (one_way(s, q) + one_way(s.T, q)) / 2)


@wrong("without a temperature the loss is")
def other_default(images, captions, tokens, temperature=0.1):
    return _loss(images, captions, tokens, temperature)


@wrong("it returns None.\nWhere does the function return something?")
def no_return(images, captions, tokens, temperature=0.03):
    _loss(images, captions, tokens, temperature)


@wrong("You cut off the gradient, by .item() or float().")
def plain_number(images, captions, tokens, temperature=0.03):
    return _loss(images, captions, tokens, temperature).item()


@wrong("Where is the mean over the rows?")
def one_loss_a_row(images, captions, tokens, temperature=0.03):
    end = lambda s, q: F.cross_entropy(s, q, reduction="none")  # noqa: E731
    return _loss(images, captions, tokens, temperature, end=end)


@wrong("You switch gradients off, by no_grad, a detach or .item().")
def no_gradient(images, captions, tokens, temperature=0.03):
    with t.no_grad():
        return _loss(images, captions, tokens, temperature)


@wrong("the gradient that reaches the captions is not that of the loss")
def captions_detached(images, captions, tokens, temperature=0.03):
    return _loss(images, captions.detach(), tokens, temperature)


@wrong("You take e to the power of a score by hand.")
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
