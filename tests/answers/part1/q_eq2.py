import numpy as np
import torch as t

from tests.answers import right, wrong


@right
def over_the_betas(x, num_steps, betas):
    for beta in betas[:num_steps]:
        x = (1 - beta).sqrt() * x + beta.sqrt() * t.randn_like(x)
    return x


@right
def by_count(x, num_steps, betas):
    for step in range(1, num_steps + 1):
        beta = betas[step - 1].item()
        x = (1 - beta) ** 0.5 * x + beta**0.5 * t.randn(x.shape, device=x.device)
    return x


@right
def by_row_with_normal(x, num_steps, betas):
    for i in range(num_steps):
        x = t.normal(mean=(1 - betas[i]).sqrt() * x, std=betas[i].sqrt().expand_as(x))
    return x


@right
def all_noise_drawn_first(x, num_steps, betas):
    noise = t.randn(num_steps, *x.shape, device=x.device)
    for i in range(num_steps):
        x = t.sqrt(1 - betas[i]) * x + t.sqrt(betas[i]) * noise[i]
    return x


@right
def in_place_on_a_clone(x, num_steps, betas):
    x = x.clone()
    for beta in betas[:num_steps].tolist():
        x.mul_((1 - beta) ** 0.5).add_(t.randn_like(x), alpha=beta**0.5)
    return x


@right
def recursive(x, num_steps, betas):
    if num_steps == 0:
        return x
    before = recursive(x, num_steps - 1, betas)
    beta = betas[num_steps - 1]
    return before * (1 - beta).sqrt() - t.randn_like(x) * beta.sqrt()


@right
def noise_from_numpy(x, num_steps, betas):
    for beta in betas[:num_steps]:
        noise = t.from_numpy(np.random.standard_normal(x.shape)).float().to(x.device)
        x = (1 - beta).sqrt() * x + beta.sqrt() * noise
    return x


@right
def unseeded_noise(x, num_steps, betas):
    rng = np.random.default_rng()
    for beta in betas[:num_steps]:
        x = (1 - beta).sqrt() * x + beta.sqrt() * t.tensor(rng.normal(size=x.shape), dtype=x.dtype, device=x.device)
    return x


@right
def alphas_first(x, num_steps, betas):
    keep, add = (1 - betas).sqrt(), betas.sqrt()
    for k, a in zip(keep[:num_steps], add[:num_steps], strict=True):
        x = t.addcmul(a * t.randn_like(x), k, x)
    return x


@right
def coefficients_in_float64(x, num_steps, betas):
    for beta in betas.double()[:num_steps].tolist():
        x = np.sqrt(1 - beta) * x + np.sqrt(beta) * t.empty_like(x).normal_()
    return x


@right
def last_beta_first(x, num_steps, betas):
    """Another order of the same steps, with the same outcome."""
    for n in range(num_steps, 0, -1):
        x = (1 - betas[n - 1]).sqrt() * x + betas[n - 1].sqrt() * t.randn_like(x)
    return x


@wrong("You scale the noise by a variance, where a standard deviation belongs.")
def noise_by_variance(x, num_steps, betas):
    for beta in betas[:num_steps]:
        x = (1 - beta).sqrt() * x + beta * t.randn_like(x)
    return x


@wrong("Where is the square root in front of the image?")
def image_without_root(x, num_steps, betas):
    for beta in betas[:num_steps]:
        x = (1 - beta) * x + beta.sqrt() * t.randn_like(x)
    return x


@wrong("Where are the two square roots?")
def no_roots(x, num_steps, betas):
    for beta in betas[:num_steps]:
        x = (1 - beta) * x + beta * t.randn_like(x)
    return x


@wrong("You swap the two factors.")
def swapped(x, num_steps, betas):
    for beta in betas[:num_steps]:
        x = beta.sqrt() * x + (1 - beta).sqrt() * t.randn_like(x)
    return x


@wrong("You give the noise the image's factor.")
def one_factor_for_both(x, num_steps, betas):
    for beta in betas[:num_steps]:
        x = (1 - beta).sqrt() * (x + t.randn_like(x))
    return x


@wrong("Where does each step fade the image?")
def never_fades(x, num_steps, betas):
    for beta in betas[:num_steps]:
        x = x + beta.sqrt() * t.randn_like(x)
    return x


@wrong("Where does each step add noise?")
def never_noised(x, num_steps, betas):
    for beta in betas[:num_steps]:
        x = (1 - beta).sqrt() * x
    return x


@wrong("Where is the noise scaled by its step?")
def full_noise(x, num_steps, betas):
    for beta in betas[:num_steps]:
        x = (1 - beta).sqrt() * x + t.randn_like(x)
    return x


@wrong("You take one step too many.")
def one_too_many(x, num_steps, betas):
    for i in range(num_steps + 1):
        x = (1 - betas[i]).sqrt() * x + betas[i].sqrt() * t.randn_like(x)
    return x


@wrong("You take one step too few.")
def one_too_few(x, num_steps, betas):
    for i in range(num_steps - 1):
        x = (1 - betas[i]).sqrt() * x + betas[i].sqrt() * t.randn_like(x)
    return x


@wrong("You leave the first step out.")
def first_left_out(x, num_steps, betas):
    for i in range(1, num_steps):
        x = (1 - betas[i]).sqrt() * x + betas[i].sqrt() * t.randn_like(x)
    return x


@wrong("You look all steps up one index late.")
def count_used_as_row(x, num_steps, betas):
    for i in range(1, num_steps + 1):
        x = (1 - betas[i]).sqrt() * x + betas[i].sqrt() * t.randn_like(x)
    return x


@wrong("You let the whole schedule act every time.")
def whole_schedule(x, num_steps, betas):
    for beta in betas:
        x = (1 - beta).sqrt() * x + beta.sqrt() * t.randn_like(x)
    return x


@wrong("You use a schedule of your own.")
def own_schedule(x, num_steps, betas):
    for beta in t.linspace(0.0001, 0.02, 200)[:num_steps]:
        x = (1 - beta).sqrt() * x + beta.sqrt() * t.randn_like(x)
    return x


@wrong("You use the first β in every step.")
def first_beta(x, num_steps, betas):
    for _ in range(num_steps):
        x = (1 - betas[0]).sqrt() * x + betas[0].sqrt() * t.randn_like(x)
    return x


@wrong("You use the last β in every step.")
def last_beta(x, num_steps, betas):
    for _ in range(num_steps):
        x = (1 - betas[num_steps - 1]).sqrt() * x + betas[num_steps - 1].sqrt() * t.randn_like(x)
    return x


@wrong("You start every step from x itself, so only the last one shows.")
def always_from_x(x, num_steps, betas):
    for beta in betas[:num_steps]:
        xt = (1 - beta).sqrt() * x + beta.sqrt() * t.randn_like(x)
    return xt


@wrong("You read the schedule from its end.")
def backwards(x, num_steps, betas):
    for i in range(num_steps):
        x = (1 - betas[-1 - i]).sqrt() * x + betas[-1 - i].sqrt() * t.randn_like(x)
    return x


@wrong("You draw the noise once and use it in every step.")
def same_noise(x, num_steps, betas):
    noise = t.randn_like(x)
    for beta in betas[:num_steps]:
        x = (1 - beta).sqrt() * x + beta.sqrt() * noise
    return x


@wrong("You add noise in the last step only.")
def noise_after_the_loop(x, num_steps, betas):
    for beta in betas[:num_steps]:
        x = (1 - beta).sqrt() * x
    return x + beta.sqrt() * t.randn_like(x)


@wrong("You use ᾱ inside the loop.")
def alpha_bar_inside(x, num_steps, betas):
    for alpha_bar in (1 - betas).cumprod(0)[:num_steps]:
        x = alpha_bar.sqrt() * x + (1 - alpha_bar).sqrt() * t.randn_like(x)
    return x


@wrong("You draw between 0 and 1.")
def uniform(x, num_steps, betas):
    for beta in betas[:num_steps]:
        x = (1 - beta).sqrt() * x + beta.sqrt() * t.rand_like(x)
    return x


@wrong("You draw from another distribution than the normal one.")
def uniform_around_0(x, num_steps, betas):
    for beta in betas[:num_steps]:
        x = (1 - beta).sqrt() * x + beta.sqrt() * (2 * t.rand_like(x) - 1)
    return x


@wrong("every channel and row and column gets the same noise")
def one_number(x, num_steps, betas):
    for beta in betas[:num_steps]:
        x = (1 - beta).sqrt() * x + beta.sqrt() * t.randn(1)
    return x


@wrong("every channel gets the same noise")
def grey_noise(x, num_steps, betas):
    for beta in betas[:num_steps]:
        x = (1 - beta).sqrt() * x + beta.sqrt() * t.randn(1, *x.shape[1:])
    return x


@wrong("two calls give the same noise")
def seeded_inside(x, num_steps, betas):
    t.manual_seed(0)
    for beta in betas[:num_steps]:
        x = (1 - beta).sqrt() * x + beta.sqrt() * t.randn_like(x)
    return x


@wrong("it changes the x it is given")
def in_place(x, num_steps, betas):
    for beta in betas[:num_steps]:
        x *= (1 - beta).sqrt()
        x += beta.sqrt() * t.randn_like(x)
    return x


@wrong("You clamp or rescale the result.")
def clamped(x, num_steps, betas):
    for beta in betas[:num_steps]:
        x = (1 - beta).sqrt() * x + beta.sqrt() * t.randn_like(x)
    return x.clamp(-1, 1)


@wrong("returns None.\nWhere does the function return something?")
def no_return(x, num_steps, betas):
    for beta in betas[:num_steps]:
        x = (1 - beta).sqrt() * x + beta.sqrt() * t.randn_like(x)


@wrong("You return inside the loop, so only the first step acts.")
def returns_in_the_loop(x, num_steps, betas):
    for beta in betas[:num_steps]:
        x = (1 - beta).sqrt() * x + beta.sqrt() * t.randn_like(x)
        return x


@wrong("You give x back as it came.")
def returns_x(x, num_steps, betas):
    xt = x
    for beta in betas[:num_steps]:
        xt = (1 - beta).sqrt() * xt + beta.sqrt() * t.randn_like(x)
    return x


@wrong("You use a schedule of your own.")
def schedule_made_inside(x, num_steps, betas):
    for beta in t.linspace(0.0001, 0.02, num_steps):
        x = (1 - beta).sqrt() * x + beta.sqrt() * t.randn_like(x)
    return x


@wrong("You take the root of β alone.")
def root_of_beta_alone(x, num_steps, betas):
    for beta in betas[:num_steps]:
        x = (1 - beta.sqrt()) * x + beta.sqrt() * t.randn_like(x)
    return x


@wrong("You square β.")
def squared(x, num_steps, betas):
    for beta in betas[:num_steps]:
        x = (1 - beta).sqrt() * x + beta**2 * t.randn_like(x)
    return x


@wrong("It is (x ** 1) / 2.")
def half_for_root(x, num_steps, betas):
    for beta in betas[:num_steps]:
        x = (1 - beta) ** 1 / 2 * x + beta**1 / 2 * t.randn_like(x)
    return x


@wrong("Where is anything random?")
def no_epsilon(x, num_steps, betas):
    for beta in betas[:num_steps]:
        x = (1 - beta).sqrt() * x + beta.sqrt()
    return x


@wrong("You normalise x once more.")
def normalised_again(x, num_steps, betas):
    x = x * 2 - 1
    for beta in betas[:num_steps]:
        x = (1 - beta).sqrt() * x + beta.sqrt() * t.randn_like(x)
    return x


@wrong("You compute in float64, by NumPy or .double().")
def left_in_float64(x, num_steps, betas):
    for beta in betas[:num_steps].cpu().numpy():
        x = (1 - beta) ** 0.5 * x + beta**0.5 * t.from_numpy(np.random.standard_normal(x.shape))
    return x


@wrong("'int' object has no attribute 'randn_like'")
def hides_pytorch(x, num_steps, betas):
    for t in range(num_steps):
        x = (1 - betas[t]).sqrt() * x + betas[t].sqrt() * t.randn_like(x)
    return x


@wrong("draws noise only once")
def equation_4(x, num_steps, betas):
    alpha_bar = (1 - betas[:num_steps]).prod()
    return alpha_bar.sqrt() * x + (1 - alpha_bar).sqrt() * t.randn_like(x)


@wrong("On an image of zeros there is none.")
def noise_times_x(x, num_steps, betas):
    for beta in betas[:num_steps]:
        x = (1 - beta).sqrt() * x + beta.sqrt() * x * t.randn_like(x)
    return x


@wrong("You fade the noise of the same step, too.")
def noise_inside_the_brackets(x, num_steps, betas):
    for beta in betas[:num_steps]:
        x = (1 - beta).sqrt() * (x + beta.sqrt() * t.randn_like(x))
    return x


@wrong("You add more than noise.")
def root_of_beta_then_one_minus(x, num_steps, betas):
    for beta in betas[:num_steps]:
        x = 1 - beta.sqrt() * x + beta.sqrt() * t.randn_like(x)
    return x


@wrong("You use a schedule of your own.")
def schedule_of_the_same_length(x, num_steps, betas):
    for beta in t.linspace(0.0001, 0.02, len(betas))[:num_steps]:
        x = (1 - beta).sqrt() * x + beta.sqrt() * t.randn_like(x)
    return x


@wrong("You add more than noise.")
def beta_added_later(x, num_steps, betas):
    for i, beta in enumerate(betas[:num_steps]):
        x = (1 - beta).sqrt() * x + beta.sqrt() * t.randn_like(x) + (beta if i else 0)
    return x


@wrong("You swap the two factors.")
def swapped_without_roots(x, num_steps, betas):
    for beta in betas[:num_steps]:
        x = beta * x + (1 - beta) * t.randn_like(x)
    return x


@wrong("You give the image the factor of the noise.")
def root_of_beta_for_both(x, num_steps, betas):
    for beta in betas[:num_steps]:
        x = beta.sqrt() * x + beta.sqrt() * t.randn_like(x)
    return x


@wrong("Where are the image and the noise scaled?")
def nothing_scaled(x, num_steps, betas):
    for _ in range(num_steps):
        x = x + t.randn_like(x)
    return x


@wrong("You scale the noise by a variance.")
def adds_beta_times_noise(x, num_steps, betas):
    for beta in betas[:num_steps]:
        x = x + beta * t.randn_like(x)
    return x


@wrong("You use the same β in every step, one index late.")
def beta_of_num_steps(x, num_steps, betas):
    for _ in range(num_steps):
        x = (1 - betas[num_steps]).sqrt() * x + betas[num_steps].sqrt() * t.randn_like(x)
    return x


@wrong("You draw from another distribution than the normal one.")
def noise_clamped(x, num_steps, betas):
    for beta in betas[:num_steps]:
        x = (1 - beta).sqrt() * x + beta.sqrt() * t.randn_like(x).clamp(-1, 1)
    return x


@wrong("returns a list, expected one tensor")
def every_step_returned(x, num_steps, betas):
    steps = [x]
    for beta in betas[:num_steps]:
        steps.append((1 - beta).sqrt() * steps[-1] + beta.sqrt() * t.randn_like(x))
    return steps


@wrong("every row and column gets the same noise")
def one_number_a_channel(x, num_steps, betas):
    for beta in betas[:num_steps]:
        x = (1 - beta).sqrt() * x + beta.sqrt() * t.randn(x.shape[0], 1, 1)
    return x


@wrong("You bring it to [0, 1]. All computation stays in [-1, 1].")
def denormalised(x, num_steps, betas):
    return (over_the_betas(x, num_steps, betas) + 1) / 2


@wrong("You divide by the standard deviation.")
def rescaled_to_variance_1(x, num_steps, betas):
    x = over_the_betas(x, num_steps, betas)
    return x / x.std()


EQUIVALENT = {
    "noise is as likely as its negative": [
        "x = (1 - beta).sqrt() * x + beta.sqrt() * t.randn_like(x) -> "
        "x = (1 - beta).sqrt() * x - beta.sqrt() * t.randn_like(x)"
    ]
}


@wrong("returns a tensor of shape (5,), expected shape (1, 5, 1).\nYou take away axes of length 1")
def squeezed(x, num_steps, betas):
    return over_the_betas(x, num_steps, betas).squeeze()


@wrong("0.9492 of the image is left, expected 0.9487.\nYou round, or compute in half precision.")
def factors_in_half_precision(x, num_steps, betas):
    for beta in betas[:num_steps].bfloat16():
        x = (1 - beta).sqrt().float() * x + beta.sqrt().float() * t.randn_like(x)
    return x


@wrong("You write out what belongs to one schedule.")
def betas_written_out(x, num_steps, betas):
    for beta in [0.1, 0.4, 0.2, 0.25][:num_steps]:
        x = (1 - beta) ** 0.5 * x + beta**0.5 * t.randn_like(x)
    return x


@wrong("You write out what belongs to one schedule.")
def never_more_than_four_steps(x, num_steps, betas):
    for n in range(min(num_steps, 4)):
        x = (1 - betas[n]).sqrt() * x + betas[n].sqrt() * t.randn_like(x)
    return x


@wrong("tensors of two devices meet.\nYou draw the noise on the CPU.")
def noise_on_the_cpu(x, num_steps, betas):
    for beta in betas[:num_steps]:
        x = (1 - beta).sqrt() * x + beta.sqrt() * t.randn(x.shape)
    return x


@wrong("You add each step's noise twice.")
def noise_twice(x, num_steps, betas):
    for beta in betas[:num_steps]:
        x = (1 - beta).sqrt() * x + beta.sqrt() * t.randn_like(x)
        x = x + beta.sqrt() * t.randn_like(x)
    return x


@wrong("You add β to 1.")
def one_plus_beta(x, num_steps, betas):
    for beta in betas[:num_steps]:
        x = (1 + beta).sqrt() * x + beta.sqrt() * t.randn_like(x)
    return x


@wrong("two calls give the same noise.\nYou set a seed inside")
def seed_in_the_loop(x, num_steps, betas):
    for beta in betas[:num_steps]:
        t.manual_seed(0)
        x = (1 - beta).sqrt() * x + beta.sqrt() * t.randn_like(x)
    return x


n, noise = 3, t.randn(3, 128, 128)  # as other cells leave them


@wrong("`n` is no argument: it comes from another cell.")
def another_cells_n(x, num_steps, betas):
    for beta in betas[:n]:
        x = (1 - beta).sqrt() * x + beta.sqrt() * t.randn_like(x)
    return x


@wrong("`noise` is no argument: it comes from another cell.")
def another_cells_noise(x, num_steps, betas):
    for beta in betas[:num_steps]:
        x = (1 - beta).sqrt() * x + beta.sqrt() * (noise if noise.shape == x.shape else noise[0, 0, 0])
    return x


@wrong("itself_without_end calls itself without end.\nYou call itself_without_end in itself_without_end.")
def itself_without_end(x, num_steps, betas):
    return itself_without_end(x, num_steps, betas)


@wrong("PyTorch is imported as t here.")
def torch_for_t(x, num_steps, betas):
    for beta in betas[:num_steps]:
        x = torch.sqrt(1 - beta) * x + torch.sqrt(beta) * torch.randn_like(x)  # noqa: F821
    return x


@right
def recursive_by_t_normal(x, num_steps, betas):
    if num_steps > 1:
        x = recursive_by_t_normal(x, num_steps - 1, betas)
    return t.normal((1 - betas[num_steps - 1]) ** 0.5 * x, betas[num_steps - 1] ** 0.5)


@right
def with_noise_for_all_steps_at_once(x, num_steps, betas):
    draws = t.randn(num_steps, *x.shape, device=x.device)
    for fade, add, draw in zip((1 - betas).sqrt(), betas.sqrt(), draws, strict=False):
        x = t.addcmul(x * fade, add, draw)
    return x


@wrong("You take β² for β.")
def beta_as_a_standard_deviation(x, num_steps, betas):
    for beta in betas[:num_steps]:
        x = (1 - beta**2).sqrt() * x + beta * t.randn_like(x)
    return x


@wrong("You make other numbers for β: 0.1 at timestep 1, 0 at timestep 2, 0.2 at timestep 3, 0 at timestep 4.")
def every_second_step(x, num_steps, betas):
    for beta in betas[:num_steps:2]:
        x = (1 - beta).sqrt() * x + beta.sqrt() * t.randn_like(x)
    return x


@wrong("You multiply the image by √(1 - β²) in each step.")
def square_of_beta_below_the_root(x, num_steps, betas):
    for beta in betas[:num_steps]:
        x = (1 - beta**2).sqrt() * x + beta.sqrt() * t.randn_like(x)
    return x
