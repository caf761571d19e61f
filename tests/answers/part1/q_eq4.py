import numpy as np
import torch as t

from tests.answers import right, wrong


@right
def product_of_a_slice(x, num_steps, betas):
    alpha_bar = (1 - betas[:num_steps]).prod()
    return alpha_bar.sqrt() * x + (1 - alpha_bar).sqrt() * t.randn_like(x)


@right
def running_product(x, num_steps, betas):
    alpha_bar = t.cumprod(1.0 - betas, dim=0)[num_steps - 1]
    return t.sqrt(alpha_bar) * x + t.sqrt(1 - alpha_bar) * t.randn(x.shape, device=x.device)


@right
def sum_of_logarithms(x, num_steps, betas):
    log_alpha_bar = t.log1p(-betas[:num_steps]).sum()
    return (log_alpha_bar / 2).exp() * x + (-t.expm1(log_alpha_bar)).sqrt() * t.randn_like(x)


@right
def drawn_from_a_normal(x, num_steps, betas):
    alpha_bar = t.prod(1 - betas[:num_steps])
    return t.normal(alpha_bar.sqrt() * x, (1 - alpha_bar).sqrt().expand_as(x))


@right
def in_float64(x, num_steps, betas):
    alpha_bar = (1 - betas.double())[:num_steps].prod().item()
    return alpha_bar**0.5 * x + (1 - alpha_bar) ** 0.5 * t.randn_like(x)


@right
def through_numpy(x, num_steps, betas):
    alpha_bar = float(np.prod(1 - betas[:num_steps].cpu().numpy()))
    return np.sqrt(alpha_bar) * x + np.sqrt(1 - alpha_bar) * t.randn_like(x)


@right
def loop_over_scalars(x, num_steps, betas):
    kept = 1.0
    for i in range(num_steps):
        kept *= (1 - betas[i].item()) ** 0.5
    return x * kept - t.randn_like(x) * (1 - kept**2) ** 0.5


@right
def index_as_a_tensor(x, num_steps, betas):
    step = t.tensor([num_steps], device=x.device)
    alpha_bar = (1 - betas).cumprod(0).gather(0, step - 1).reshape(1, 1, 1)
    return alpha_bar**0.5 * x + (1 - alpha_bar) ** 0.5 * t.randn_like(x)


@right
def recursive_product(x, num_steps, betas):
    def alpha_bar(n):
        return 1.0 if n == 0 else alpha_bar(n - 1) * (1 - betas[n - 1])

    a = alpha_bar(num_steps)
    return t.normal(mean=a**0.5 * x, std=t.ones_like(x) * (1 - a) ** 0.5)


@right
def in_place_on_a_clone(x, num_steps, betas):
    alpha_bar = (1 - betas[:num_steps]).cumprod(dim=-1)[-1]
    return x.clone().mul_(alpha_bar.sqrt()).add_(t.randn_like(x).mul_((1 - alpha_bar).sqrt()))


@right
def with_einsum(x, num_steps, betas):
    alpha_bar = t.exp(t.log(1 - betas)[:num_steps].sum(dim=0, keepdim=True))
    factors = t.cat([alpha_bar, 1 - alpha_bar]).sqrt()
    return t.einsum("k,kchw->chw", factors, t.stack([x, t.randn_like(x)]))


@wrong("You scale the noise by a variance, where a standard deviation belongs.")
def noise_by_variance(x, num_steps, betas):
    alpha_bar = (1 - betas[:num_steps]).prod()
    return alpha_bar.sqrt() * x + (1 - alpha_bar) * t.randn_like(x)


@wrong("Where is the square root in front of the image?")
def image_without_root(x, num_steps, betas):
    alpha_bar = (1 - betas[:num_steps]).prod()
    return alpha_bar * x + (1 - alpha_bar).sqrt() * t.randn_like(x)


@wrong("Where are the two square roots?")
def no_roots(x, num_steps, betas):
    alpha_bar = (1 - betas[:num_steps]).prod()
    return alpha_bar * x + (1 - alpha_bar) * t.randn_like(x)


@wrong("You swap the two factors.")
def swapped(x, num_steps, betas):
    alpha_bar = (1 - betas[:num_steps]).prod()
    return (1 - alpha_bar).sqrt() * x + alpha_bar.sqrt() * t.randn_like(x)


@wrong("The two variances should add up to 1.")
def one_minus_the_root(x, num_steps, betas):
    kept = (1 - betas[:num_steps]).prod().sqrt()
    return kept * x + (1 - kept) * t.randn_like(x)


@wrong("The two variances should add up to 1.")
def root_taken_twice(x, num_steps, betas):
    kept = (1 - betas[:num_steps]).prod().sqrt()
    return kept * x + (1 - kept).sqrt() * t.randn_like(x)


@wrong("Where does the image fade?")
def never_fades(x, num_steps, betas):
    alpha_bar = (1 - betas[:num_steps]).prod()
    return x + (1 - alpha_bar).sqrt() * t.randn_like(x)


@wrong("Where is the noise scaled?")
def full_noise(x, num_steps, betas):
    alpha_bar = (1 - betas[:num_steps]).prod()
    return alpha_bar.sqrt() * x + t.randn_like(x)


@wrong("Where is noise added?")
def mean_alone(x, num_steps, betas):
    return (1 - betas[:num_steps]).prod().sqrt() * x


@wrong("You add the noise of the last step alone.")
def noise_of_the_last_step(x, num_steps, betas):
    alpha_bar = (1 - betas[:num_steps]).prod()
    return alpha_bar.sqrt() * x + betas[num_steps - 1].sqrt() * t.randn_like(x)


@wrong("You take the last step's α.")
def alpha_for_alpha_bar(x, num_steps, betas):
    alpha = 1 - betas[num_steps - 1]
    return alpha.sqrt() * x + (1 - alpha).sqrt() * t.randn_like(x)


@wrong("You take one step too many.")
def count_used_as_row(x, num_steps, betas):
    alpha_bar = (1 - betas).cumprod(0)[num_steps]
    return alpha_bar.sqrt() * x + (1 - alpha_bar).sqrt() * t.randn_like(x)


@wrong("You take one step too few.")
def one_too_few(x, num_steps, betas):
    alpha_bar = (1 - betas[: num_steps - 1]).prod()
    return alpha_bar.sqrt() * x + (1 - alpha_bar).sqrt() * t.randn_like(x)


@wrong("You take one step too few, and index -1 is the last one.")
def wraps_round(x, num_steps, betas):
    alpha_bar = (1 - betas).cumprod(0)[num_steps - 2]
    return alpha_bar.sqrt() * x + (1 - alpha_bar).sqrt() * t.randn_like(x)


@wrong("You leave the first step out.")
def first_left_out(x, num_steps, betas):
    alpha_bar = (1 - betas[1:num_steps]).prod()
    return alpha_bar.sqrt() * x + (1 - alpha_bar).sqrt() * t.randn_like(x)


@wrong("You let the whole schedule act every time.")
def whole_schedule(x, num_steps, betas):
    alpha_bar = (1 - betas).prod()
    return alpha_bar.sqrt() * x + (1 - alpha_bar).sqrt() * t.randn_like(x)


@wrong("You multiply the betas.")
def product_of_betas(x, num_steps, betas):
    alpha_bar = betas[:num_steps].prod()
    return alpha_bar.sqrt() * x + (1 - alpha_bar).sqrt() * t.randn_like(x)


@wrong("You multiply the betas.")
def one_minus_product_of_betas(x, num_steps, betas):
    alpha_bar = 1 - betas[:num_steps].prod()
    return alpha_bar.sqrt() * x + (1 - alpha_bar).sqrt() * t.randn_like(x)


@wrong("You add the betas up.")
def sum_of_betas(x, num_steps, betas):
    alpha_bar = 1 - betas[:num_steps].sum()
    return alpha_bar.sqrt() * x + (1 - alpha_bar).sqrt() * t.randn_like(x)


@wrong("You take one β n times.")
def power_of_one_alpha(x, num_steps, betas):
    alpha_bar = (1 - betas[num_steps - 1]) ** num_steps
    return alpha_bar.sqrt() * x + (1 - alpha_bar).sqrt() * t.randn_like(x)


@wrong("You read the schedule from its end.")
def backwards(x, num_steps, betas):
    alpha_bar = (1 - betas[-num_steps:]).prod()
    return alpha_bar.sqrt() * x + (1 - alpha_bar).sqrt() * t.randn_like(x)


@wrong("You use a schedule of your own.")
def own_schedule(x, num_steps, betas):
    alpha_bar = (1 - t.linspace(0.0001, 0.02, 1000)[:num_steps]).prod()
    return alpha_bar.sqrt() * x + (1 - alpha_bar).sqrt() * t.randn_like(x)


@wrong("You draw between 0 and 1.")
def uniform(x, num_steps, betas):
    alpha_bar = (1 - betas[:num_steps]).prod()
    return alpha_bar.sqrt() * x + (1 - alpha_bar).sqrt() * t.rand_like(x)


@wrong("You draw from another distribution than the normal one.")
def uniform_of_variance_1(x, num_steps, betas):
    alpha_bar = (1 - betas[:num_steps]).prod()
    return alpha_bar.sqrt() * x + (1 - alpha_bar).sqrt() * 3**0.5 * (2 * t.rand_like(x) - 1)


@wrong("every channel and row and column gets the same noise")
def one_number(x, num_steps, betas):
    alpha_bar = (1 - betas[:num_steps]).prod()
    return alpha_bar.sqrt() * x + (1 - alpha_bar).sqrt() * t.randn(1)


@wrong("every row and column gets the same noise")
def one_number_a_channel(x, num_steps, betas):
    alpha_bar = (1 - betas[:num_steps]).prod()
    return alpha_bar.sqrt() * x + (1 - alpha_bar).sqrt() * t.randn(x.shape[0], 1, 1)


@wrong("two calls give the same noise")
def seeded_inside(x, num_steps, betas):
    noise = t.randn(x.shape, generator=t.Generator().manual_seed(0))
    alpha_bar = (1 - betas[:num_steps]).prod()
    return alpha_bar.sqrt() * x + (1 - alpha_bar).sqrt() * noise


@wrong("it changes the x it is given")
def in_place(x, num_steps, betas):
    alpha_bar = (1 - betas[:num_steps]).prod()
    x *= alpha_bar.sqrt()
    return x + (1 - alpha_bar).sqrt() * t.randn_like(x)


@wrong("it changes the betas it is given")
def betas_in_place(x, num_steps, betas):
    alpha_bar = betas.neg_().add_(1)[:num_steps].prod()
    return alpha_bar.sqrt() * x + (1 - alpha_bar).sqrt() * t.randn_like(x)


@wrong("You clamp or rescale the result.")
def clamped(x, num_steps, betas):
    alpha_bar = (1 - betas[:num_steps]).prod()
    return (alpha_bar.sqrt() * x + (1 - alpha_bar).sqrt() * t.randn_like(x)).clamp(-1, 1)


@wrong("its numbers move or mix")
def flipped(x, num_steps, betas):
    alpha_bar = (1 - betas[:num_steps]).prod()
    return alpha_bar.sqrt() * x.flip(-1) + (1 - alpha_bar).sqrt() * t.randn_like(x)


@wrong("returns a tuple, expected one tensor")
def noise_returned_too(x, num_steps, betas):
    alpha_bar, noise = (1 - betas[:num_steps]).prod(), t.randn_like(x)
    return alpha_bar.sqrt() * x + (1 - alpha_bar).sqrt() * noise, noise


@wrong("a tensor of shape (2, 3, 5, 6), expected shape (3, 5, 6)")
def every_step(x, num_steps, betas):
    alpha_bar = (1 - betas).cumprod(0)[:num_steps].reshape(-1, 1, 1, 1)
    return alpha_bar.sqrt() * x + (1 - alpha_bar).sqrt() * t.randn_like(x)


@wrong("The size of tensor a (4) must match")
def factor_for_each_column(x, num_steps, betas):
    alpha_bar = (1 - betas).cumprod(0)
    return alpha_bar.sqrt() * x + (1 - alpha_bar).sqrt() * t.randn_like(x)


@wrong("returns nan.\nYou take a root or a logarithm of a negative number, or divide by 0.")
def product_minus_one(x, num_steps, betas):
    alpha_bar = (betas[:num_steps] - 1).prod()
    return alpha_bar.sqrt() * x + (1 - alpha_bar).sqrt() * t.randn_like(x)


@wrong("draws noise more than once")
def still_a_loop(x, num_steps, betas):
    for beta in betas[:num_steps]:
        x = (1 - beta).sqrt() * x + beta.sqrt() * t.randn_like(x)
    return x


@wrong("You take a root twice.")
def root_twice(x, num_steps, betas):
    alpha_bar = (1 - betas[:num_steps]).sqrt().prod()
    return alpha_bar.sqrt() * x + (1 - alpha_bar).sqrt() * t.randn_like(x)


@wrong("It is (x ** 1) / 2.")
def half_for_root(x, num_steps, betas):
    alpha_bar = (1 - betas[:num_steps]).prod()
    return alpha_bar**1 / 2 * x + (1 - alpha_bar) ** 1 / 2 * t.randn_like(x)


@wrong("You give x back as it came.")
def returns_x(x, num_steps, betas):
    return x.clone()


@wrong("You begin the product at 0, so nothing is left of the image.")
def product_from_zero(x, num_steps, betas):
    alpha_bar = t.zeros(())
    for beta in betas[:num_steps]:
        alpha_bar = alpha_bar * (1 - beta)
    return alpha_bar.sqrt() * x + (1 - alpha_bar).sqrt() * t.randn_like(x)


@wrong("You give the noise the product of the betas.")
def noise_by_product_of_betas(x, num_steps, betas):
    kept = (1 - betas[:num_steps]).prod().sqrt()
    return kept * x + betas[:num_steps].prod().sqrt() * t.randn_like(x)


@wrong("You give the noise the sum of the betas.")
def noise_by_sum_of_betas(x, num_steps, betas):
    kept = (1 - betas[:num_steps]).prod().sqrt()
    return kept * x + betas[:num_steps].sum().sqrt() * t.randn_like(x)


@wrong("You take one step's α, one index late.")
def one_beta_one_row_late(x, num_steps, betas):
    alpha = 1 - betas[num_steps]
    return alpha.sqrt() * x + (1 - alpha).sqrt() * t.randn_like(x)


@wrong("You look all steps up one index late.")
def all_one_row_late(x, num_steps, betas):
    alpha_bar = (1 - betas[1 : num_steps + 1]).prod()
    return alpha_bar.sqrt() * x + (1 - alpha_bar).sqrt() * t.randn_like(x)


@wrong("You use a schedule of your own.")
def schedule_made_inside(x, num_steps, betas):
    alpha_bar = (1 - t.linspace(0.0001, 0.02, num_steps)).prod()
    return alpha_bar.sqrt() * x + (1 - alpha_bar).sqrt() * t.randn_like(x)


@wrong("You use a schedule of your own.")
def alpha_bar_from_outside(x, num_steps, betas):
    alpha_bar = (1 - t.linspace(0.0001, 0.02, 200)).prod()
    return alpha_bar.sqrt() * x + (1 - alpha_bar).sqrt() * t.randn_like(x)


@wrong("Where is anything random?")
def no_epsilon(x, num_steps, betas):
    alpha_bar = (1 - betas[:num_steps]).prod()
    return alpha_bar.sqrt() * x + (1 - alpha_bar).sqrt()


@wrong("You normalise x once more.")
def normalised_again(x, num_steps, betas):
    alpha_bar = (1 - betas[:num_steps]).prod()
    return alpha_bar.sqrt() * (2 * x - 1) + (1 - alpha_bar).sqrt() * t.randn_like(x)


@wrong("You bring it to [0, 1].")
def denormalised(x, num_steps, betas):
    alpha_bar = (1 - betas[:num_steps]).prod()
    xt = alpha_bar.sqrt() * x + (1 - alpha_bar).sqrt() * t.randn_like(x)
    return ((xt + 1) / 2).clamp(0, 1)


@wrong("You average the alphas.")
def average(x, num_steps, betas):
    alpha_bar = (1 - betas[:num_steps]).mean()
    return alpha_bar.sqrt() * x + (1 - alpha_bar).sqrt() * t.randn_like(x)


@wrong("On an image of zeros there is none.")
def noise_times_x(x, num_steps, betas):
    alpha_bar = (1 - betas[:num_steps]).prod()
    return alpha_bar.sqrt() * x + (1 - alpha_bar).sqrt() * x * t.randn_like(x)


@wrong("You use a schedule of your own.")
def schedule_of_the_same_length(x, num_steps, betas):
    alpha_bar = (1 - t.linspace(0.0001, 0.02, len(betas))[:num_steps]).prod()
    return alpha_bar.sqrt() * x + (1 - alpha_bar).sqrt() * t.randn_like(x)


@wrong("The size of tensor a (2) must match")
def product_forgotten(x, num_steps, betas):
    alpha_bar = 1 - betas[:num_steps]
    return alpha_bar.sqrt() * x + (1 - alpha_bar).sqrt() * t.randn_like(x)


@wrong("You add more than noise.")
def betas_added_later(x, num_steps, betas):
    return product_of_a_slice(x, num_steps, betas) + betas[: num_steps - 1].sum()


@wrong("You make other numbers for ᾱ: 0.9 at timestep 1, 0.54 at timestep 2, 0.432 at timestep 3, 0.432 at timestep 4.")
def last_step_never_reached(x, num_steps, betas):
    return product_of_a_slice(x, min(num_steps, len(betas) - 1), betas)


@wrong("You swap the two factors.")
def swapped_without_roots(x, num_steps, betas):
    alpha_bar = (1 - betas[:num_steps]).prod()
    return (1 - alpha_bar) * x + alpha_bar * t.randn_like(x)


@wrong("You give the noise the factor of the image.")
def root_of_alpha_bar_for_both(x, num_steps, betas):
    alpha_bar = (1 - betas[:num_steps]).prod()
    return alpha_bar.sqrt() * x + alpha_bar.sqrt() * t.randn_like(x)


@wrong("You give the image the factor of the noise.")
def noise_factor_for_both(x, num_steps, betas):
    alpha_bar = (1 - betas[:num_steps]).prod()
    return (1 - alpha_bar).sqrt() * (x + t.randn_like(x))


@wrong("Where are the image and the noise scaled?")
def nothing_scaled(x, num_steps, betas):
    return x + t.randn_like(x)


@wrong("You scale the noise by a variance.")
def adds_a_variance_of_noise(x, num_steps, betas):
    alpha_bar = (1 - betas[:num_steps]).prod()
    return x + (1 - alpha_bar) * t.randn_like(x)


@wrong("You fade the noise like the image.")
def noise_inside_the_brackets(x, num_steps, betas):
    alpha_bar = (1 - betas[:num_steps]).prod()
    return alpha_bar.sqrt() * (x + (1 - alpha_bar).sqrt() * t.randn_like(x))


@wrong("You square ᾱ on its way.")
def squared(x, num_steps, betas):
    alpha_bar = (1 - betas[:num_steps]).square().prod()
    return alpha_bar.sqrt() * x + (1 - alpha_bar).sqrt() * t.randn_like(x)


@wrong("You take e to the power of minus all betas.")
def exponential(x, num_steps, betas):
    alpha_bar = (-betas[:num_steps].sum()).exp()
    return alpha_bar.sqrt() * x + (1 - alpha_bar).sqrt() * t.randn_like(x)


@wrong("returns None.\nWhere does the function return something?")
def no_return(x, num_steps, betas):
    alpha_bar = (1 - betas[:num_steps]).prod()
    x = alpha_bar.sqrt() * x + (1 - alpha_bar).sqrt() * t.randn_like(x)


@wrong("returns nan.\nYou take a root or a logarithm of a negative number, or divide by 0.")
def logarithm_not_undone(x, num_steps, betas):
    alpha_bar = (1 - betas[:num_steps]).log().sum()
    return alpha_bar.sqrt() * x + (1 - alpha_bar).sqrt() * t.randn_like(x)


@wrong("You compute in float64, by NumPy or .double().")
def left_in_float64(x, num_steps, betas):
    alpha_bar = (1 - betas[:num_steps]).prod().item()
    return alpha_bar**0.5 * x + (1 - alpha_bar) ** 0.5 * t.from_numpy(np.random.standard_normal(x.shape))


@wrong("You multiply 1 + β. What a step keeps is 1 - β.")
def one_plus_beta(x, num_steps, betas):
    kept = (1 + betas[:num_steps]).prod().sqrt()
    return kept * x + (1 - (1 - betas[:num_steps]).prod()).sqrt() * t.randn_like(x)


EQUIVALENT = {
    "noise is as likely as its negative": [
        "return alpha_bar.sqrt() * x + (1 - alpha_bar).sqrt() * t.randn_like(x) -> "
        "return alpha_bar.sqrt() * x - (1 - alpha_bar).sqrt() * t.randn_like(x)"
    ]
}


@wrong("returns a tensor of shape (5,), expected shape (1, 5, 1).\nYou take away axes of length 1")
def squeezed(x, num_steps, betas):
    return product_of_a_slice(x, num_steps, betas).squeeze()


@wrong("of the image is left, expected 0.9487.\nYou round, or compute in half precision.")
def alpha_bar_in_half_precision(x, num_steps, betas):
    alpha_bar = (1 - betas[:num_steps]).prod().bfloat16()
    return alpha_bar.sqrt().float() * x + (1 - alpha_bar.float()).sqrt() * t.randn_like(x)


@wrong("You write out what belongs to one schedule.")
def alpha_bars_written_out(x, num_steps, betas):
    alpha_bar = t.tensor([0.9, 0.54, 0.432, 0.324])[min(num_steps, 4) - 1]
    return alpha_bar.sqrt() * x + (1 - alpha_bar).sqrt() * t.randn_like(x)


@wrong("tensors of two devices meet.\nYou draw the noise on the CPU.")
def noise_on_the_cpu(x, num_steps, betas):
    alpha_bar = (1 - betas[:num_steps]).prod()
    return alpha_bar.sqrt() * x + (1 - alpha_bar).sqrt() * t.randn(x.shape)


@wrong("You add the noise twice.")
def noise_twice(x, num_steps, betas):
    alpha_bar = (1 - betas[:num_steps]).prod()
    noise = (1 - alpha_bar).sqrt() * t.randn_like(x)
    return alpha_bar.sqrt() * x + noise + noise


@wrong("You take the average α n times.")
def power_of_the_average(x, num_steps, betas):
    alpha_bar = (1 - betas[:num_steps].mean()) ** num_steps
    return alpha_bar.sqrt() * x + (1 - alpha_bar).sqrt() * t.randn_like(x)


@wrong("two calls give the same noise.\nYou set a seed inside")
def seeded_by_the_timestep(x, num_steps, betas):
    t.manual_seed(num_steps)
    return product_of_a_slice(x, num_steps, betas)


@wrong("Where is the image? What comes back is noise alone.")
def noise_alone(x, num_steps, betas):
    return (1 - (1 - betas[:num_steps]).prod()).sqrt() * t.randn_like(x)


@wrong("You add the noise of all steps, but fade none.")
def variance_exploding(x, num_steps, betas):
    alpha_bar = (1 - betas[:num_steps]).prod()
    return x + ((1 - alpha_bar) / alpha_bar).sqrt() * t.randn_like(x)


@wrong("You square, where the root belongs.")
def noise_squared(x, num_steps, betas):
    alpha_bar = (1 - betas[:num_steps]).prod()
    return alpha_bar.sqrt() * x + (1 - alpha_bar) ** 2 * t.randn_like(x)


@wrong("You square, where the root belongs.")
def image_squared(x, num_steps, betas):
    alpha_bar = (1 - betas[:num_steps]).prod()
    return alpha_bar**2 * x + (1 - alpha_bar).sqrt() * t.randn_like(x)


@wrong("You draw noise for each step and add it up.")
def sum_of_draws(x, num_steps, betas):
    alpha_bar = (1 - betas[:num_steps]).prod()
    return alpha_bar.sqrt() * x + (1 - alpha_bar).sqrt() * sum(t.randn_like(x) for _ in range(num_steps))


@wrong("You fade the image by one step less than the noise.")
def image_one_step_behind(x, num_steps, betas):
    before, alpha_bar = (1 - betas[: num_steps - 1]).prod(), (1 - betas[:num_steps]).prod()
    return before.sqrt() * x + (1 - alpha_bar).sqrt() * t.randn_like(x)


@wrong("You multiply from the last step on.")
def product_from_the_last_step(x, num_steps, betas):
    alpha_bar = (1 - betas[num_steps - 1 :]).prod()
    return alpha_bar.sqrt() * x + (1 - alpha_bar).sqrt() * t.randn_like(x)


alpha_bars, noised = (1 - t.linspace(0.0001, 0.02, 200)).cumprod(0), t.zeros(6, 3, 32, 32)  # as other cells leave them


@wrong("`alpha_bars` is no argument: it comes from another cell. You use a schedule of your own.")
def another_cells_alpha_bars(x, num_steps, betas):
    alpha_bar = alpha_bars[num_steps - 1]
    return alpha_bar.sqrt() * x + (1 - alpha_bar).sqrt() * t.randn_like(x)


@wrong("`noised` is no argument: it comes from another cell.")
def noise_like_another_cells_images(x, num_steps, betas):
    alpha_bar = (1 - betas[:num_steps]).prod()
    return alpha_bar.sqrt() * x + (1 - alpha_bar).sqrt() * t.randn_like(noised)


@right
def scaled_after_the_draw_of_a_flat_list(x, num_steps, betas):
    alpha_bar = t.prod(1 - betas[:num_steps])
    return (alpha_bar.sqrt() * x.flatten() + (1 - alpha_bar).sqrt() * t.randn(x.numel(), device=x.device)).reshape(
        x.shape
    )


@right
def with_a_distribution(x, num_steps, betas):
    alpha_bar = 1.0
    for n in range(num_steps):
        alpha_bar *= 1 - betas[n]
    return t.distributions.Normal(alpha_bar.sqrt() * x, (1 - alpha_bar).sqrt()).sample()


@wrong("You multiply the noise by √(1 + ᾱ).")
def one_plus_alpha_bar_below_the_root(x, num_steps, betas):
    alpha_bar = (1 - betas[:num_steps]).prod()
    return alpha_bar.sqrt() * x + (1 + alpha_bar).sqrt() * t.randn_like(x)


@wrong("You multiply the noise by another factor.")
def sum_of_standard_deviations(x, num_steps, betas):
    alpha_bar = (1 - betas[:num_steps]).prod()
    return alpha_bar.sqrt() * x + betas[:num_steps].sqrt().sum() * t.randn_like(x)


@wrong("You let ᾱ grow beyond 1, where 1 - ᾱ has no root.")
def running_sum_of_the_alphas(x, num_steps, betas):
    alpha_bar = (1 - betas).cumsum(dim=0)[num_steps - 1]
    return alpha_bar.sqrt() * x + (1 - alpha_bar).sqrt() * t.randn_like(x)
