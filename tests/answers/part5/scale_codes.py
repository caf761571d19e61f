import numpy as np
import torch as t

from tests.answers import right, wrong


# ------------------------------------------------------------------------------------------------ right


@right
def divided(codes):
    std = codes.std()
    return codes / std, 1 / std.item()


@right
def a_tensor_of_one_number(codes):
    scale = codes.var().rsqrt()
    return scale * codes, scale


@right
def by_sums(codes):
    gap = codes - codes.mean()
    scale = (gap.square().mean() ** -0.5).item()
    return scale * codes, scale


@right
def all_in_a_row(codes):
    scale = float(1 / codes.flatten().std(correction=0))
    return codes.mul(scale), scale


@right
def a_number_of_numpy(codes):
    scale = 1 / np.std(codes.cpu().numpy())
    return codes * float(scale), scale


@right
def a_list(codes):
    scale = 1 / codes.std().item()
    return [codes * scale, scale]


# ------------------------------------------------------------------------------------------------ wrong


@wrong("You divide by the variance. Scaling by a multiplies the variance by a².")
def by_the_variance(codes):
    scale = 1 / codes.var().item()
    return codes * scale, scale


@wrong("You multiply by the standard deviation.")
def multiplied(codes):
    scale = codes.std().item()
    return codes * scale, scale


@wrong("You multiply by the variance.")
def times_the_variance(codes):
    scale = codes.var().item()
    return codes * scale, scale


@wrong("You take the mean off. Codes are scaled, not moved.")
def mean_taken_off(codes):
    scale = 1 / codes.std().item()
    return (codes - codes.mean()) * scale, scale


@wrong("You scale each channel by a number of its own. One number is for all.")
def each_channel(codes):
    std = codes.std(dim=(0, 2, 3), keepdim=True)
    return codes / std, 1 / std.mean().item()


@wrong("You move and scale each channel by itself. One number is for all, and nothing is moved.")
def each_channel_standardised(codes):
    std, mean = t.std_mean(codes, dim=(0, 2, 3), keepdim=True)
    return (codes - mean) / std, 1 / codes.std().item()


@wrong("You scale each code by a number of its own. One number is for all.")
def each_code(codes):
    std = codes.std(dim=(1, 2, 3), keepdim=True)
    return codes / std, 1 / std.mean().item()


@wrong("You scale each place by a number of its own. One number is for all.")
def each_place(codes):
    std = codes.std(dim=0, keepdim=True)
    return codes / std, 1 / std.mean().item()


@wrong("You return several numbers. One is for all codes and channels.")
def numbers_of_channels(codes):
    scale = 1 / codes.std(dim=(0, 2, 3), keepdim=True)
    return codes * scale, scale


@wrong("You make the mean square 1. A variance is about the mean.")
def mean_square(codes):
    scale = codes.square().mean().rsqrt().item()
    return codes * scale, scale


@wrong("You divide by the largest.")
def by_the_largest(codes):
    scale = 1 / codes.abs().max().item()
    return codes * scale, scale


@wrong("You divide by the mean size.")
def by_the_mean_size(codes):
    scale = 1 / codes.abs().mean().item()
    return codes * scale, scale


@wrong("You take the number of the first code.")
def first_alone(codes):
    scale = 1 / codes[0].std().item()
    return codes * scale, scale


@wrong("You take the mean of the codes' deviations.")
def mean_of_deviations(codes):
    scale = 1 / codes.std(dim=(1, 2, 3)).mean().item()
    return codes * scale, scale


@wrong("You average variances.")
def mean_of_variances(codes):
    scale = codes.var(dim=(1, 2, 3)).mean().item() ** -0.5
    return codes * scale, scale


@wrong("You average variances.")
def mean_of_variances_of_channels(codes):
    scale = codes.var(dim=(0, 2, 3)).mean().item() ** -0.5
    return codes * scale, scale


@wrong("You divide by the mean square.")
def by_the_mean_square(codes):
    scale = 1 / codes.square().mean().item()
    return codes * scale, scale


@wrong("You move and scale each code by itself.")
def layer_norm(codes):
    return t.nn.functional.layer_norm(codes, codes.shape[1:]), 1 / codes.std().item()


@wrong("You multiply by another number.")
def first_channel(codes):
    scale = 1 / codes[:, 0].std().item()
    return codes * scale, scale


@wrong("You move them, too.")
def between_the_ends(codes):
    low, high = codes.min(), codes.max()
    return (codes - low) / (high - low), (1 / (high - low)).item()


@wrong("You measure the codes after they are scaled.")
def measured_afterwards(codes):
    scaled = codes / codes.std()
    return scaled, 1 / scaled.std().item()


@wrong("You leave it in a tensor with axes. .item() makes a plain number of it.")
def a_tensor_with_an_axis(codes):
    scale = 1 / codes.std().reshape(1)
    return codes * scale, scale


@wrong("Where is the number by which you multiply?")
def a_string(codes):
    scale = 1 / codes.std().item()
    return codes * scale, str(scale)


@wrong("You take the mean of the channels' deviations.")
def mean_of_deviations_of_channels(codes):
    scale = 1 / codes.std(dim=(0, 2, 3)).mean().item()
    return codes * scale, scale


@wrong("You divide by the length of all numbers as one vector.")
def by_the_norm(codes):
    return codes / codes.norm(), 1 / codes.norm().item()


@wrong("You use a fixed number.")
def as_in_stable_diffusion(codes):
    return 0.18215 * codes, 0.18215


@wrong("You round the number.")
def rounded(codes):
    scale = round(1 / codes.std().item(), 2)
    return codes * scale, scale


@wrong("You clamp them.")
def clamped_to_three(codes):
    scale = 1 / codes.std().item()
    return (codes * scale).clamp(-3, 3), scale


@wrong("You take a root twice.")
def two_roots(codes):
    scale = codes.std().rsqrt().item()
    return codes * scale, scale


@wrong("Where are they scaled?")
def as_they_came(codes):
    scale = 1 / codes.std().item()
    return codes, scale


@wrong("You clamp them. Codes may leave [-1, 1].")
def clamped(codes):
    scale = 1 / codes.std().item()
    return (codes * scale).clamp(-1, 1), scale


@wrong("You return the standard deviation. The codes are multiplied by which number?")
def std_returned(codes):
    std = codes.std().item()
    return codes / std, std


@wrong("You return the variance. The codes are multiplied by which number?")
def variance_returned(codes):
    return codes / codes.std(), codes.var().item()


@wrong("You return one over the variance. The codes are multiplied by which number?")
def one_over_the_variance(codes):
    return codes / codes.std(), 1 / codes.var().item()


@wrong("You return the mean.")
def mean_returned(codes):
    return codes / codes.std(), codes.mean().item()


@wrong("You return them in the other order.")
def order(codes):
    scale = 1 / codes.std().item()
    return t.tensor(scale), codes * scale


@wrong("it returns a tensor of shape (12, 4, 7, 7), expected two")
def codes_alone(codes):
    return codes / codes.std()


@wrong("it returns None")
def no_return(codes):
    codes / codes.std()


@wrong("changes the codes it is given")
def in_place(codes):
    scale = 1 / codes.std().item()
    codes *= scale
    return codes, scale


@wrong("it returns 3 things")
def three(codes):
    return codes / codes.std(), codes.mean().item(), codes.std().item()


# ------------------------------------------------------------------------------------------------ mutants


EQUIVALENT = {
    "a tensor of one number will do": [
        "scale = 1 / codes.std().item() -> scale = 1 / codes.std()",
    ],
}
