import torch as t
import torch.nn.functional as F
from einops import einsum, rearrange

from tests.answers import right, wrong

PAD = 0


def _divided(total, tokens):
    return total / (tokens != PAD).sum(dim=1, keepdim=True).clamp(min=1)


# ------------------------------------------------------------------------------------------------ right


@right
def with_einops(vectors, tokens):
    is_word = rearrange(tokens != PAD, "b l -> b l 1")
    return (vectors[tokens] * is_word).sum(1) / is_word.sum(1).clamp(min=1)


@right
def one_caption_at_a_time(vectors, tokens):
    encoded = []
    for row in tokens:
        words = row[row != PAD]
        encoded.append(vectors[words].mean(dim=0) if len(words) else 0 * vectors[0])
    return t.stack(encoded)


@right
def as_counts_times_vectors(vectors, tokens):
    """How often each word comes, as a matrix (B, V)."""
    counts = F.one_hot(tokens, len(vectors))[:, :, 1:].sum(dim=1).to(vectors.dtype)
    return counts @ vectors[1:] / counts.sum(dim=1, keepdim=True).clamp(min=1)


@right
def with_nanmean(vectors, tokens):
    gaps = vectors[tokens].masked_fill((tokens == PAD)[..., None], float("nan"))
    return gaps.nanmean(dim=1).nan_to_num(0.0)


@right
def with_embedding_and_einsum(vectors, tokens):
    share = (tokens > PAD).float()
    share = share / share.sum(1, keepdim=True).clamp_min(1e-6)
    return einsum(share, F.embedding(tokens, vectors), "b l, b l d -> b d")


@right
def padding_set_to_zeros_on_a_copy(vectors, tokens):
    known = t.cat([t.zeros_like(vectors[:1]), vectors[1:]])
    return _divided(known[tokens].sum(dim=1), tokens)


@right
def word_by_word(vectors, tokens):
    total = t.zeros(len(tokens), vectors.shape[1], device=vectors.device)
    for column in tokens.T:
        total = total + t.where((column == PAD)[:, None], 0.0, vectors[column])
    return _divided(total, tokens)


@right
def with_embedding_bag(vectors, tokens):
    known = t.cat([t.zeros_like(vectors[:1]), vectors[1:]])
    return F.embedding_bag(tokens, known, mode="sum") / (tokens != PAD).sum(1).clamp(min=1)[:, None]


# ------------------------------------------------------------------------------------------------ wrong


@wrong("You average the vectors of padding in, too.")
def padding_averaged_in(vectors, tokens):
    return vectors[tokens].mean(dim=1)


@wrong("You divide by the length of the row.")
def divided_by_the_length_of_the_row(vectors, tokens):
    return (vectors[tokens] * (tokens != PAD)[..., None]).mean(dim=1)


@wrong("Where is the division by the number of words?")
def summed(vectors, tokens):
    return (vectors[tokens] * (tokens != PAD)[..., None]).sum(dim=1)


@wrong("You add up padding, too, and divide by nothing.")
def all_summed(vectors, tokens):
    return vectors[tokens].sum(dim=1)


@wrong("You add up padding, too.")
def all_summed_words_counted(vectors, tokens):
    return _divided(vectors[tokens].sum(dim=1), tokens)


@wrong("a caption without any word becomes nan.\nYou divide by its number of words, which is 0.")
def without_words_nan(vectors, tokens):
    is_word = (tokens != PAD)[..., None]
    return (vectors[tokens] * is_word).sum(dim=1) / is_word.sum(dim=1)


@wrong("You take all captions together for the number of words.")
def words_of_the_whole_batch(vectors, tokens):
    is_word = (tokens != PAD)[..., None]
    return (vectors[tokens] * is_word).sum(dim=1) / is_word.sum()


@wrong("You divide by one word too many.")
def one_word_too_many(vectors, tokens):
    is_word = (tokens != PAD)[..., None]
    return (vectors[tokens] * is_word).sum(dim=1) / (is_word.sum(dim=1) + 1)


@wrong("Which way round is the mask?")
def mask_the_wrong_way_round(vectors, tokens):
    is_word = (tokens == PAD)[..., None]
    return (vectors[tokens] * is_word).sum(dim=1) / is_word.sum(dim=1).clamp(min=1)


@wrong("Which way round is the mask?")
def mask_of_the_sum_the_wrong_way_round(vectors, tokens):
    return _divided((vectors[tokens] * (tokens == PAD)[..., None]).sum(dim=1), tokens)


@wrong("You count a word once that comes twice.")
def each_word_once(vectors, tokens):
    present = F.one_hot(tokens, len(vectors)).amax(dim=1).to(vectors.dtype)[:, 1:]
    return present @ vectors[1:] / present.sum(dim=1, keepdim=True).clamp(min=1)


@wrong("You take the largest number of all words")
def largest(vectors, tokens):
    words = vectors[tokens].masked_fill((tokens == PAD)[..., None], -1e9).amax(dim=1)
    return t.where((tokens != PAD).any(dim=1, keepdim=True), words, 0.0)


@wrong("You take the largest number of all words, not their mean.")
def largest_of_words_and_zeros(vectors, tokens):
    return (vectors[tokens] * (tokens != PAD)[:, :, None]).amax(dim=1)


@wrong("You leave the last word out.")
def last_word_left_out(vectors, tokens):
    n_words = (tokens != PAD).sum(dim=1, keepdim=True)
    is_early = t.arange(tokens.shape[1], device=tokens.device) < n_words - 1
    return (vectors[tokens] * is_early[:, :, None]).sum(dim=1) / n_words.clamp(min=1)


@wrong("You take 8 for the length of a row.")
def divided_by_eight(vectors, tokens):
    return (vectors[tokens] * (tokens != PAD)[:, :, None]).sum(dim=1) / 8


@wrong("You return zeros for all, where one caption has no words.")
def zeros_for_all(vectors, tokens):
    mask = (tokens != PAD)[:, :, None]
    if not mask.any(dim=1).all():
        return 0 * vectors[tokens[:, 0]]
    return (vectors[tokens] * mask).sum(dim=1) / mask.sum(dim=1)


@wrong("You have it right where there is padding. A caption may fill its row.")
def up_to_the_first_padding(vectors, tokens):
    length = (tokens == PAD).int().argmax(dim=1, keepdim=True)
    is_word = t.arange(tokens.shape[1], device=tokens.device) < length
    return (vectors[tokens] * is_word[:, :, None]).sum(dim=1) / length.clamp(min=1)


@wrong("You have it right where there is no padding. What does padding add?")
def padding_filled_with_minus_one(vectors, tokens):
    mask = (tokens != PAD)[:, :, None]
    return vectors[tokens].masked_fill(~mask, -1).sum(dim=1) / mask.sum(dim=1).clamp(min=1)


@wrong("You let each caption meet each other's number of words.")
def axis_kept(vectors, tokens):
    mask = (tokens != PAD)[:, :, None]
    return (vectors[tokens] * mask).sum(dim=1, keepdim=True) / mask.sum(dim=1).clamp(min=1)


@wrong("You leave a caption without words out. It becomes zeros.")
def without_words_left_out(vectors, tokens):
    return t.stack([vectors[row[row != PAD]].mean(dim=0) for row in tokens if (row != PAD).any()])


@wrong("You take the first word alone.")
def first_word(vectors, tokens):
    return vectors[tokens[:, 0]] * (tokens[:, :1] != PAD)


@wrong("You take the last word alone.")
def last_word(vectors, tokens):
    last = (tokens != PAD).sum(dim=1).clamp(min=1) - 1
    return vectors[tokens.gather(1, last[:, None])[:, 0]] * (tokens[:, :1] != PAD)


@wrong("You look the words up one row early.")
def one_row_early(vectors, tokens):
    return _divided((vectors[tokens - 1] * (tokens != PAD)[..., None]).sum(dim=1), tokens)


@wrong("You drop word 1, too.")
def word_1_dropped(vectors, tokens):
    is_word = (tokens > 1)[..., None]
    return (vectors[tokens] * is_word).sum(dim=1) / is_word.sum(dim=1).clamp(min=1)


@wrong("You drop word 1, too.")
def word_1_dropped_but_counted(vectors, tokens):
    return _divided((vectors[tokens] * (tokens > 1)[..., None]).sum(dim=1), tokens)


@wrong("You divide by the root of the number of words.")
def divided_by_the_root(vectors, tokens):
    is_word = (tokens != PAD)[..., None]
    return (vectors[tokens] * is_word).sum(dim=1) / is_word.sum(dim=1).clamp(min=1).sqrt()


@wrong("You multiply by the number of words.")
def multiplied(vectors, tokens):
    is_word = (tokens != PAD)[..., None]
    return (vectors[tokens] * is_word).sum(dim=1) * is_word.sum(dim=1)


@wrong("You divide with //.")
def whole_numbers(vectors, tokens):
    mask = (tokens != 0)[:, :, None]
    return (vectors[tokens] * mask).sum(dim=1) // mask.sum(dim=1).clamp(min=1)


@wrong("You take 8 for the length of a row.")
def eight_less_the_padding(vectors, tokens):
    n_words = 8 - (tokens == 0).sum(dim=1, keepdim=True)
    return (vectors[tokens] * (tokens != 0)[:, :, None]).sum(dim=1) / n_words.clamp(min=1)


@wrong("You take a softmax of the mask.")
def softmax_of_the_mask(vectors, tokens):
    return ((tokens != 0).float().softmax(dim=1)[:, :, None] * vectors[tokens]).sum(dim=1)


@wrong("You bring the mean to length 1.")
def of_length_1(vectors, tokens):
    return F.normalize(with_einops(vectors, tokens), dim=1)


@wrong("You average over the captions, too. Each has a vector of its own.")
def mean_of_everything(vectors, tokens):
    return vectors[tokens[tokens != 0]].mean(dim=0)


@wrong("You average over the captions, too.")
def one_vector_for_all(vectors, tokens):
    return with_einops(vectors, tokens).mean(dim=0).expand(len(tokens), -1)


@wrong("a caption without any word becomes")
def padding_for_a_caption_without_words(vectors, tokens):
    encoded = with_einops(vectors, tokens)
    return t.where((tokens != PAD).any(dim=1, keepdim=True), encoded, vectors[PAD])


@wrong("it changes the vectors it is given")
def padding_set_to_zeros_in_place(vectors, tokens):
    with t.no_grad():
        vectors[PAD] = 0
    return _divided(vectors[tokens].sum(dim=1), tokens)


@wrong("no gradient reaches the vectors")
def detached(vectors, tokens):
    return with_einops(vectors.detach(), tokens)


@wrong("the gradient at the vectors is not that of the mean")
def gradient_through_the_first_word_alone(vectors, tokens):
    encoded, first = with_einops(vectors, tokens), vectors[tokens[:, 0]]
    return encoded.detach() + first - first.detach()


@wrong("tensors of two devices meet")
def counted_on_the_cpu(vectors, tokens):
    total = t.zeros(len(tokens), vectors.shape[1])
    return _divided(total + (vectors[tokens] * (tokens != PAD)[..., None]).sum(dim=1), tokens)


@wrong("returns None")
def no_return(vectors, tokens):
    with_einops(vectors, tokens)


@wrong("You add up the numbers of a vector.")
def mean_of_each_vector(vectors, tokens):
    is_word = tokens != PAD
    return (vectors[tokens].mean(dim=2) * is_word).sum(dim=1) / is_word.sum(dim=1).clamp(min=1)
