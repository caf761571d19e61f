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


@wrong("Did a variance go where a standard deviation belongs?")
def noise_by_variance(x, num_steps, betas):
    for beta in betas[:num_steps]:
        x = (1 - beta).sqrt() * x + beta * t.randn_like(x)
    return x


@wrong("Is the square root missing in front of the image?")
def image_without_root(x, num_steps, betas):
    for beta in betas[:num_steps]:
        x = (1 - beta) * x + beta.sqrt() * t.randn_like(x)
    return x


@wrong("Are both square roots missing?")
def no_roots(x, num_steps, betas):
    for beta in betas[:num_steps]:
        x = (1 - beta) * x + beta * t.randn_like(x)
    return x


@wrong("Are the two factors swapped?")
def swapped(x, num_steps, betas):
    for beta in betas[:num_steps]:
        x = beta.sqrt() * x + (1 - beta).sqrt() * t.randn_like(x)
    return x


@wrong("Does it have the image's factor?")
def one_factor_for_both(x, num_steps, betas):
    for beta in betas[:num_steps]:
        x = (1 - beta).sqrt() * (x + t.randn_like(x))
    return x


@wrong("Does each step fade the image before it adds noise?")
def never_fades(x, num_steps, betas):
    for beta in betas[:num_steps]:
        x = x + beta.sqrt() * t.randn_like(x)
    return x


@wrong("Does each step add noise?")
def never_noised(x, num_steps, betas):
    for beta in betas[:num_steps]:
        x = (1 - beta).sqrt() * x
    return x


@wrong("Is the noise scaled by its step?")
def full_noise(x, num_steps, betas):
    for beta in betas[:num_steps]:
        x = (1 - beta).sqrt() * x + t.randn_like(x)
    return x


@wrong("Is that one step too many?")
def one_too_many(x, num_steps, betas):
    for i in range(num_steps + 1):
        x = (1 - betas[i]).sqrt() * x + betas[i].sqrt() * t.randn_like(x)
    return x


@wrong("Is that one step too few?")
def one_too_few(x, num_steps, betas):
    for i in range(num_steps - 1):
        x = (1 - betas[i]).sqrt() * x + betas[i].sqrt() * t.randn_like(x)
    return x


@wrong("The first step is left out. At which index is β₁?")
def first_left_out(x, num_steps, betas):
    for i in range(1, num_steps):
        x = (1 - betas[i]).sqrt() * x + betas[i].sqrt() * t.randn_like(x)
    return x


@wrong("All steps are one index late. At which index is β₁?")
def count_used_as_row(x, num_steps, betas):
    for i in range(1, num_steps + 1):
        x = (1 - betas[i]).sqrt() * x + betas[i].sqrt() * t.randn_like(x)
    return x


@wrong("Is num_steps used?")
def whole_schedule(x, num_steps, betas):
    for beta in betas:
        x = (1 - beta).sqrt() * x + beta.sqrt() * t.randn_like(x)
    return x


@wrong("Is betas used, or a schedule of your own?")
def own_schedule(x, num_steps, betas):
    for beta in t.linspace(0.0001, 0.02, 200)[:num_steps]:
        x = (1 - beta).sqrt() * x + beta.sqrt() * t.randn_like(x)
    return x


@wrong("Does every step use the first β?")
def first_beta(x, num_steps, betas):
    for _ in range(num_steps):
        x = (1 - betas[0]).sqrt() * x + betas[0].sqrt() * t.randn_like(x)
    return x


@wrong("Does every step use the last β?")
def last_beta(x, num_steps, betas):
    for _ in range(num_steps):
        x = (1 - betas[num_steps - 1]).sqrt() * x + betas[num_steps - 1].sqrt() * t.randn_like(x)
    return x


@wrong("Does each start from the one before?")
def always_from_x(x, num_steps, betas):
    for beta in betas[:num_steps]:
        xt = (1 - beta).sqrt() * x + beta.sqrt() * t.randn_like(x)
    return xt


@wrong("Is the schedule read from its end?")
def backwards(x, num_steps, betas):
    for i in range(num_steps):
        x = (1 - betas[-1 - i]).sqrt() * x + betas[-1 - i].sqrt() * t.randn_like(x)
    return x


@wrong("Is the noise drawn once and used in every step?")
def same_noise(x, num_steps, betas):
    noise = t.randn_like(x)
    for beta in betas[:num_steps]:
        x = (1 - beta).sqrt() * x + beta.sqrt() * noise
    return x


@wrong("Is the noise added only in the last step?")
def noise_after_the_loop(x, num_steps, betas):
    for beta in betas[:num_steps]:
        x = (1 - beta).sqrt() * x
    return x + beta.sqrt() * t.randn_like(x)


@wrong("Is ᾱ inside the loop?")
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


@wrong("Is the result clamped or rescaled?")
def clamped(x, num_steps, betas):
    for beta in betas[:num_steps]:
        x = (1 - beta).sqrt() * x + beta.sqrt() * t.randn_like(x)
    return x.clamp(-1, 1)


@wrong("returns None.\nWhere does the function return something?")
def no_return(x, num_steps, betas):
    for beta in betas[:num_steps]:
        x = (1 - beta).sqrt() * x + beta.sqrt() * t.randn_like(x)


@wrong("Does the function return inside the loop?")
def returns_in_the_loop(x, num_steps, betas):
    for beta in betas[:num_steps]:
        x = (1 - beta).sqrt() * x + beta.sqrt() * t.randn_like(x)
        return x


@wrong("That is x as it came.")
def returns_x(x, num_steps, betas):
    xt = x
    for beta in betas[:num_steps]:
        xt = (1 - beta).sqrt() * xt + beta.sqrt() * t.randn_like(x)
    return x


@wrong("Is betas used, or a schedule of your own?")
def schedule_made_inside(x, num_steps, betas):
    for beta in t.linspace(0.0001, 0.02, num_steps):
        x = (1 - beta).sqrt() * x + beta.sqrt() * t.randn_like(x)
    return x


@wrong("Does the root cover all of 1 - β?")
def root_of_beta_alone(x, num_steps, betas):
    for beta in betas[:num_steps]:
        x = (1 - beta.sqrt()) * x + beta.sqrt() * t.randn_like(x)
    return x


@wrong("Is β squared?")
def squared(x, num_steps, betas):
    for beta in betas[:num_steps]:
        x = (1 - beta).sqrt() * x + beta**2 * t.randn_like(x)
    return x


@wrong("It is (x ** 1) / 2.")
def half_for_root(x, num_steps, betas):
    for beta in betas[:num_steps]:
        x = (1 - beta) ** 1 / 2 * x + beta**1 / 2 * t.randn_like(x)
    return x


@wrong("Is anything random?")
def no_epsilon(x, num_steps, betas):
    for beta in betas[:num_steps]:
        x = (1 - beta).sqrt() * x + beta.sqrt()
    return x


@wrong("You add more than noise.")
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


@wrong("Is the noise of the same step faded, too?")
def noise_inside_the_brackets(x, num_steps, betas):
    for beta in betas[:num_steps]:
        x = (1 - beta).sqrt() * (x + beta.sqrt() * t.randn_like(x))
    return x


@wrong("You add more than noise.")
def root_of_beta_then_one_minus(x, num_steps, betas):
    for beta in betas[:num_steps]:
        x = 1 - beta.sqrt() * x + beta.sqrt() * t.randn_like(x)
    return x


@wrong("Is betas used, or a schedule of your own?")
def schedule_of_the_same_length(x, num_steps, betas):
    for beta in t.linspace(0.0001, 0.02, len(betas))[:num_steps]:
        x = (1 - beta).sqrt() * x + beta.sqrt() * t.randn_like(x)
    return x


@wrong("You add more than noise.")
def beta_added_later(x, num_steps, betas):
    for i, beta in enumerate(betas[:num_steps]):
        x = (1 - beta).sqrt() * x + beta.sqrt() * t.randn_like(x) + (beta if i else 0)
    return x


@wrong("Are both square roots missing, and the two factors swapped?")
def swapped_without_roots(x, num_steps, betas):
    for beta in betas[:num_steps]:
        x = beta * x + (1 - beta) * t.randn_like(x)
    return x


@wrong("Does the image get the factor of the noise, too?")
def root_of_beta_for_both(x, num_steps, betas):
    for beta in betas[:num_steps]:
        x = beta.sqrt() * x + beta.sqrt() * t.randn_like(x)
    return x


@wrong("Is neither the image nor the noise scaled?")
def nothing_scaled(x, num_steps, betas):
    for _ in range(num_steps):
        x = x + t.randn_like(x)
    return x


@wrong("Does the image fade? And is it a variance that scales the noise?")
def adds_beta_times_noise(x, num_steps, betas):
    for beta in betas[:num_steps]:
        x = x + beta * t.randn_like(x)
    return x


@wrong("Does every step use the same β, one index late?")
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


EQUIVALENT = {
    "noise is as likely as its negative": [
        "x = (1 - beta).sqrt() * x + beta.sqrt() * t.randn_like(x) -> "
        "x = (1 - beta).sqrt() * x - beta.sqrt() * t.randn_like(x)"
    ]
}
