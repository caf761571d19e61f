import torch as t

from solutions.part1_diffusion import NoiseSchedule, posterior, reconstruct
from tests.answers import right, wrong


def _sample(
    model,
    n_samples,
    return_all_steps=False,
    *,
    start=lambda shape, device: t.randn(shape, device=device),
    order=lambda T: range(T, 0, -1),
    told=lambda n, B, device: t.full((B,), n, device=device),
    noise=lambda x, n: t.randn_like(x) if n > 1 else t.zeros_like(x),
    line4=lambda x, e, z, b, a, bar: (x - b / (1 - bar).sqrt() * e) / a.sqrt() + b.sqrt() * z,
    collect=lambda steps, x: steps + [x],
    end=lambda x: x,
    look_up=None,
):
    """A right sampler, with one place for each mistake."""
    schedule = model.noise_schedule
    look_up = look_up or schedule
    with t.no_grad():
        x = start((n_samples, *model.img_shape), schedule.device)
        steps = [x]
        for n in order(len(schedule)):
            at = max(n, 1)
            z, guess = noise(x, n), model(x, told(n, n_samples, x.device))
            x = line4(x, guess, z, look_up.beta(at), look_up.alpha(at), look_up.alpha_bar(at))
            steps = collect(steps, x)
    return steps if return_all_steps else end(x)


class _Early:
    """A schedule that is asked for the timestep before."""

    def __init__(self, schedule):
        self.beta, self.alpha, self.alpha_bar = (
            lambda n, name=name: getattr(schedule, name)(n - 1) for name in ("beta", "alpha", "alpha_bar")
        )


@right
def line_by_line(model, n_samples, return_all_steps=False):
    return _sample(model, n_samples, return_all_steps)


@right
def the_papers_other_sigma(model, n_samples, return_all_steps=False):
    s = model.noise_schedule
    with t.inference_mode():
        steps = [t.randn(n_samples, *model.img_shape, device=s.device)]
        for n in reversed(range(1, len(s) + 1)):
            x, b, bar = steps[-1], s.beta(n), s.alpha_bar(n)
            before = s.alpha_bar(n - 1) if n > 1 else t.ones_like(b)
            mean = (x - b / (1 - bar).sqrt() * model(x, t.full((n_samples,), n).to(x.device))) / (1 - b).sqrt()
            steps.append(mean + ((1 - before) / (1 - bar) * b).sqrt() * t.randn_like(x))
    return t.stack(steps) if return_all_steps else steps[-1]


@right
def through_the_clean_image(model, n_samples, return_all_steps=False):
    """The same mean, seen as a mix of the guessed clean image and x."""
    s, device = model.noise_schedule, next(model.parameters()).device
    x = t.randn(n_samples, *model.img_shape).to(device)
    steps = (x,)
    for n in range(len(s), 0, -1):
        with t.no_grad():
            b, a, bar = s.beta(n), s.alpha(n), s.alpha_bar(n)
            before = s.alpha_bar(n - 1) if n > 1 else t.tensor(1.0)
            clean = (x - (1 - bar).sqrt() * model(x, t.tensor([n] * n_samples, device=device))) / bar.sqrt()
            x = (before.sqrt() * b * clean + a.sqrt() * (1 - before) * x) / (1 - bar)
            if n != 1:
                x = x + b.sqrt() * t.randn_like(x)
        steps += (x,)
    return steps if return_all_steps else x


@right
def without_the_first_noise_in_the_list(model, n_samples, return_all_steps=False):
    steps = _sample(model, n_samples, True)
    return steps[1:] if return_all_steps else steps[-1]


@right
def with_a_while_loop(model, n_samples, return_all_steps=False):
    s, n = model.noise_schedule, model.noise_schedule.max_steps
    x = t.normal(0.0, 1.0, (n_samples, *model.img_shape), device=s.device)
    kept = [x.clone()]
    while n >= 1:
        with t.no_grad():
            guess = model(x, n * t.ones(n_samples, dtype=t.int64, device=x.device))
        x = x.sub((1 - s.alpha(n)) / (1 - s.alpha_bar(n)) ** 0.5 * guess).mul(s.alpha(n) ** -0.5)
        x += s.beta(n) ** 0.5 * t.randn_like(x) * (n > 1)
        kept.append(x.clone())
        n -= 1
    return kept if return_all_steps else x


@right
def noise_subtracted(model, n_samples, return_all_steps=False):
    return _sample(
        model,
        n_samples,
        return_all_steps,
        line4=lambda x, e, z, b, a, bar: a.rsqrt() * x - b / ((1 - bar) * a).sqrt() * e - b.sqrt() * z,
    )


@right
def clamped_at_the_end(model, n_samples, return_all_steps=False):
    steps = _sample(model, n_samples, True)
    steps[-1] = steps[-1].clamp(-1, 1)
    return steps if return_all_steps else steps[-1]


@right
def clamped_where_the_samples_are_returned(model, n_samples, return_all_steps=False):
    return _sample(model, n_samples, return_all_steps, end=lambda x: x.clamp(-1, 1))


@right
def noise_drawn_in_every_step_and_masked(model, n_samples, return_all_steps=False):
    s = model.noise_schedule
    device, shape = model.noise_schedule.device, (len(s) + 1, n_samples, *model.img_shape)
    steps, draws = t.zeros(shape, device=device), t.randn(shape, device=device)
    steps[0] = draws[0]
    sigmas = s.betas.sqrt() * (t.arange(len(s), device=device) > 0)
    for i, n in enumerate(range(len(s), 0, -1)):
        counts = t.tensor(n, device=device).repeat(n_samples)
        with t.no_grad():
            step = s.betas[n - 1] * model(steps[i], counts) / (1 - s.alpha_bars[n - 1]).sqrt()
        steps[i + 1] = (steps[i] - step) * s.alphas[n - 1].rsqrt() + sigmas[n - 1] * draws[i + 1]
    return steps if return_all_steps else steps[-1]


@right
def noise_from_a_distribution(model, n_samples, return_all_steps=False):
    noise = lambda x, n: t.empty_like(x).normal_() if n != 1 else 0  # noqa: E731
    start = lambda shape, device: t.distributions.Normal(0.0, 1.0).sample(shape).to(device)  # noqa: E731
    return _sample(model, n_samples, return_all_steps, noise=noise, start=start)


@wrong("You add noise in the last step.")
def noise_in_the_last_step(model, n_samples, return_all_steps=False):
    return _sample(model, n_samples, return_all_steps, noise=lambda x, n: t.randn_like(x))


@wrong("You scale the noise by β.")
def noise_by_variance(model, n_samples, return_all_steps=False):
    formula = lambda x, e, z, b, a, bar: (x - b / (1 - bar).sqrt() * e) / a.sqrt() + b * z  # noqa: E731
    return _sample(model, n_samples, return_all_steps, line4=formula)


@wrong("Where is noise added?")
def no_noise(model, n_samples, return_all_steps=False):
    return _sample(model, n_samples, return_all_steps, noise=lambda x, n: t.zeros_like(x))


@wrong("Where is the noise scaled by σ?")
def full_noise(model, n_samples, return_all_steps=False):
    formula = lambda x, e, z, b, a, bar: (x - b / (1 - bar).sqrt() * e) / a.sqrt() + z  # noqa: E731
    return _sample(model, n_samples, return_all_steps, line4=formula)


@wrong("You take 1 - ᾱ for σ².")
def noise_of_all_steps(model, n_samples, return_all_steps=False):
    formula = lambda x, e, z, b, a, bar: (x - b / (1 - bar).sqrt() * e) / a.sqrt() + (1 - bar).sqrt() * z  # noqa: E731
    return _sample(model, n_samples, return_all_steps, line4=formula)


@wrong("You give z another shape than x's.")
def one_noise_for_all_samples(model, n_samples, return_all_steps=False):
    noise = lambda x, n: t.randn_like(x[:1]) if n > 1 else t.zeros_like(x[:1])  # noqa: E731
    return _sample(model, n_samples, return_all_steps, noise=noise)


@wrong("You draw once for all.")
def one_start_for_all_samples(model, n_samples, return_all_steps=False):
    start = lambda shape, device: t.randn(shape[1:]).expand(shape)  # noqa: E731
    return _sample(model, n_samples, return_all_steps, start=start)


@wrong("You draw x_T from another distribution than N(0, I).")
def uniform_start(model, n_samples, return_all_steps=False):
    return _sample(model, n_samples, return_all_steps, start=lambda shape, device: t.rand(shape))


@wrong("You draw z once.")
def same_noise_in_every_step(model, n_samples, return_all_steps=False):
    z = t.randn(n_samples, *model.img_shape)
    return _sample(model, n_samples, return_all_steps, noise=lambda x, n: z * (n > 1))


@wrong("Where is everything divided by √α?")
def fading_kept(model, n_samples, return_all_steps=False):
    formula = lambda x, e, z, b, a, bar: x - b / ((1 - bar) * a).sqrt() * e + b.sqrt() * z  # noqa: E731
    return _sample(model, n_samples, return_all_steps, line4=formula)


@wrong("You divide by α.")
def divided_by_alpha(model, n_samples, return_all_steps=False):
    formula = lambda x, e, z, b, a, bar: x / a - b / ((1 - bar) * a).sqrt() * e + b.sqrt() * z  # noqa: E731
    return _sample(model, n_samples, return_all_steps, line4=formula)


@wrong("You divide by √ᾱ.")
def divided_by_alpha_bar(model, n_samples, return_all_steps=False):
    formula = lambda x, e, z, b, a, bar: x / bar.sqrt() - b / ((1 - bar) * a).sqrt() * e + b.sqrt() * z  # noqa: E731
    return _sample(model, n_samples, return_all_steps, line4=formula)


@wrong("You multiply by √α, where you should divide.")
def multiplied_by_alpha(model, n_samples, return_all_steps=False):
    formula = lambda x, e, z, b, a, bar: x * a.sqrt() - b / ((1 - bar) * a).sqrt() * e + b.sqrt() * z  # noqa: E731
    return _sample(model, n_samples, return_all_steps, line4=formula)


@wrong("You divide x alone by √α.")
def parentheses_missing(model, n_samples, return_all_steps=False):
    formula = lambda x, e, z, b, a, bar: x / a.sqrt() - b / (1 - bar).sqrt() * e + b.sqrt() * z  # noqa: E731
    return _sample(model, n_samples, return_all_steps, line4=formula)


@wrong("You put the root of β in front of the guess, where β belongs.")
def root_of_beta(model, n_samples, return_all_steps=False):
    formula = lambda x, e, z, b, a, bar: (x - b.sqrt() / (1 - bar).sqrt() * e) / a.sqrt() + b.sqrt() * z  # noqa: E731
    return _sample(model, n_samples, return_all_steps, line4=formula)


@wrong("You divide by 1 - ᾱ.")
def root_missing(model, n_samples, return_all_steps=False):
    formula = lambda x, e, z, b, a, bar: (x - b / (1 - bar) * e) / a.sqrt() + b.sqrt() * z  # noqa: E731
    return _sample(model, n_samples, return_all_steps, line4=formula)


@wrong("Where is β divided by √(1 - ᾱ)?")
def divisor_missing(model, n_samples, return_all_steps=False):
    formula = lambda x, e, z, b, a, bar: (x - b * e) / a.sqrt() + b.sqrt() * z  # noqa: E731
    return _sample(model, n_samples, return_all_steps, line4=formula)


@wrong("or divide by √(1 - α), with α for ᾱ.")
def alpha_for_alpha_bar(model, n_samples, return_all_steps=False):
    formula = lambda x, e, z, b, a, bar: (x - b / (1 - a).sqrt() * e) / a.sqrt() + b.sqrt() * z  # noqa: E731
    return _sample(model, n_samples, return_all_steps, line4=formula)


@wrong("You add the guess.")
def guess_added(model, n_samples, return_all_steps=False):
    formula = lambda x, e, z, b, a, bar: (x + b / (1 - bar).sqrt() * e) / a.sqrt() + b.sqrt() * z  # noqa: E731
    return _sample(model, n_samples, return_all_steps, line4=formula)


@wrong("You take all noise away at once.")
def all_noise_at_once(model, n_samples, return_all_steps=False):
    formula = lambda x, e, z, b, a, bar: (x - (1 - bar).sqrt() * e) / a.sqrt() + b.sqrt() * z  # noqa: E731
    return _sample(model, n_samples, return_all_steps, line4=formula)


@wrong("Where is the guess used?")
def guess_unused(model, n_samples, return_all_steps=False):
    formula = lambda x, e, z, b, a, bar: x / a.sqrt() + b.sqrt() * z  # noqa: E731
    return _sample(model, n_samples, return_all_steps, line4=formula)


@wrong("You go from the first timestep to the last.")
def forwards(model, n_samples, return_all_steps=False):
    return _sample(model, n_samples, return_all_steps, order=lambda T: range(1, T + 1))


@wrong("You leave the first step out.")
def first_step_left_out(model, n_samples, return_all_steps=False):
    return _sample(model, n_samples, return_all_steps, order=lambda T: range(T - 1, 0, -1))


@wrong("You leave the last step out: range stops before its end.")
def last_step_left_out(model, n_samples, return_all_steps=False):
    return _sample(model, n_samples, return_all_steps, order=lambda T: range(T, 1, -1))


@wrong("You tell the model indices, from 0.")
def indices_told(model, n_samples, return_all_steps=False):
    return _sample(model, n_samples, return_all_steps, told=lambda n, B, device: t.full((B,), n - 1))


@wrong("You go from 0 up.")
def forwards_from_0(model, n_samples, return_all_steps=False):
    return _sample(model, n_samples, return_all_steps, order=range)


@wrong("You scale the timesteps.")
def scaled_counts_told(model, n_samples, return_all_steps=False):
    return _sample(model, n_samples, return_all_steps, told=lambda n, B, device: t.full((B,), n / 4))


@wrong("the model gets an int as num_steps")
def count_as_a_number(model, n_samples, return_all_steps=False):
    return _sample(model, n_samples, return_all_steps, told=lambda n, B, device: n)


@wrong("a tensor of shape (2000, 1) as num_steps")
def counts_as_a_column(model, n_samples, return_all_steps=False):
    return _sample(model, n_samples, return_all_steps, told=lambda n, B, device: t.full((B, 1), n))


@wrong("it returns the last images alone")
def steps_forgotten(model, n_samples, return_all_steps=False):
    return _sample(model, n_samples)


@wrong("You change one tensor in place, and list it many times.")
def one_tensor_many_times(model, n_samples, return_all_steps=False):
    steps = _sample(model, n_samples, True)
    return [steps[-1]] * len(steps) if return_all_steps else steps[-1]


@wrong("You turn the order round.")
def clean_first(model, n_samples, return_all_steps=False):
    steps = _sample(model, n_samples, True)
    return steps[::-1] if return_all_steps else steps[-1]


@wrong("returns None.")
def no_return(model, n_samples, return_all_steps=False):
    _sample(model, n_samples)


@wrong("returns a list, expected one tensor")
def always_all_steps(model, n_samples, return_all_steps=False):
    return _sample(model, n_samples, True)


def _line4(formula):
    """A right sampler with another line 4. formula: x, guess, z, β, α, ᾱ -> x"""
    return lambda model, n_samples, all_steps: _sample(model, n_samples, all_steps, line4=formula)


@wrong("You take all noise away, as reconstruct does.")
def reconstructs(model, n_samples, return_all_steps=False):
    formula = lambda x, e, z, b, a, bar: (x - (1 - bar).sqrt() * e) / bar.sqrt()  # noqa: E731
    return _line4(formula)(model, n_samples, return_all_steps)


@wrong("You take DDIM's step.")
def ddim(model, n_samples, return_all_steps=False):
    def formula(x, e, z, b, a, bar):
        return (x - (1 - bar).sqrt() * e) / a.sqrt() + (1 - bar / a).clamp(min=0).sqrt() * e

    return _line4(formula)(model, n_samples, return_all_steps)


@wrong("You put α in front of the guess.")
def alpha_for_beta(model, n_samples, return_all_steps=False):
    formula = lambda x, e, z, b, a, bar: (x - a / (1 - bar).sqrt() * e) / a.sqrt() + b.sqrt() * z  # noqa: E731
    return _line4(formula)(model, n_samples, return_all_steps)


@wrong("You turn the fraction upside down.")
def upside_down(model, n_samples, return_all_steps=False):
    formula = lambda x, e, z, b, a, bar: (x - (1 - bar).sqrt() / b * e) / a.sqrt() + b.sqrt() * z  # noqa: E731
    return _line4(formula)(model, n_samples, return_all_steps)


@wrong("You divide the guess by α.")
def all_divided_by_alpha(model, n_samples, return_all_steps=False):
    formula = lambda x, e, z, b, a, bar: (x - b / (1 - bar).sqrt() * e) / a + b.sqrt() * z  # noqa: E731
    return _line4(formula)(model, n_samples, return_all_steps)


@wrong("at timestep 4\nthe guess is subtracted with factor 0.263, expected 0.351.\nYou multiply by √α")
def all_multiplied_by_alpha(model, n_samples, return_all_steps=False):
    formula = lambda x, e, z, b, a, bar: (x - b / (1 - bar).sqrt() * e) * a.sqrt() + b.sqrt() * z  # noqa: E731
    return _line4(formula)(model, n_samples, return_all_steps)


@wrong("You put √ᾱ in the denominator.")
def root_of_alpha_bar_below(model, n_samples, return_all_steps=False):
    formula = lambda x, e, z, b, a, bar: (x - b / bar.sqrt() * e) / a.sqrt() + b.sqrt() * z  # noqa: E731
    return _line4(formula)(model, n_samples, return_all_steps)


@wrong("You divide everything by √ᾱ.")
def all_divided_by_alpha_bar(model, n_samples, return_all_steps=False):
    formula = lambda x, e, z, b, a, bar: (x - b / (1 - bar).sqrt() * e) / bar.sqrt() + b.sqrt() * z  # noqa: E731
    return _line4(formula)(model, n_samples, return_all_steps)


@wrong("You subtract the guess as it is.")
def guess_unscaled(model, n_samples, return_all_steps=False):
    formula = lambda x, e, z, b, a, bar: (x - e) / a.sqrt() + b.sqrt() * z  # noqa: E731
    return _line4(formula)(model, n_samples, return_all_steps)


@wrong("You subtract the guess as it is. Where is its factor?")
def guess_unscaled_and_undivided(model, n_samples, return_all_steps=False):
    return _line4(lambda x, e, z, b, a, bar: x - e)(model, n_samples, return_all_steps)


@wrong("You subtract the guess times √β, the noise of one step.")
def takes_the_noise_of_one_step(model, n_samples, return_all_steps=False):
    formula = lambda x, e, z, b, a, bar: x / a.sqrt() - b.sqrt() * e + b.sqrt() * z  # noqa: E731
    return _line4(formula)(model, n_samples, return_all_steps)


@wrong("You clamp the clean image on the way.")
def clean_image_clamped(model, n_samples, return_all_steps=False):
    def formula(x, e, z, b, a, bar):
        before = bar / a
        clean = ((x - (1 - bar).sqrt() * e) / bar.sqrt()).clamp(-1, 1)
        mean = (before.sqrt() * b * clean + a.sqrt() * (1 - before) * x) / (1 - bar)
        return mean + b.sqrt() * z

    return _line4(formula)(model, n_samples, return_all_steps)


@wrong("You clamp x in every step.")
def clamped_in_every_step(model, n_samples, return_all_steps=False):
    formula = lambda x, e, z, b, a, bar: (  # noqa: E731
        ((x - b / (1 - bar).sqrt() * e) / a.sqrt() + b.sqrt() * z).clamp(-1, 1)
    )
    return _line4(formula)(model, n_samples, return_all_steps)


@wrong("You bring them to [0, 1].")
def denormalised(model, n_samples, return_all_steps=False):
    return _sample(model, n_samples, return_all_steps, end=lambda x: ((x + 1) / 2).clamp(0, 1))


@wrong("You scale the noise by β̃, a variance.")
def the_other_variance(model, n_samples, return_all_steps=False):
    def formula(x, e, z, b, a, bar):
        return (x - b / (1 - bar).sqrt() * e) / a.sqrt() + (1 - bar / a) / (1 - bar) * b * z

    return _line4(formula)(model, n_samples, return_all_steps)


@wrong("You take β̃ without its denominator.")
def the_other_variance_undivided(model, n_samples, return_all_steps=False):
    def formula(x, e, z, b, a, bar):
        return (x - b / (1 - bar).sqrt() * e) / a.sqrt() + ((1 - bar / a) * b).clamp(min=0).sqrt() * z

    return _line4(formula)(model, n_samples, return_all_steps)


@wrong("You divide the noise by √α, too.")
def noise_inside_the_brackets(model, n_samples, return_all_steps=False):
    formula = lambda x, e, z, b, a, bar: (x - b / (1 - bar).sqrt() * e + b.sqrt() * z) / a.sqrt()  # noqa: E731
    return _line4(formula)(model, n_samples, return_all_steps)


@wrong("You give the first step no noise.")
def no_noise_in_the_first_step(model, n_samples, return_all_steps=False):
    return _sample(model, n_samples, return_all_steps, noise=lambda x, n: t.randn_like(x) if n < 4 else 0 * x)


@wrong("You scale the noise by √α.")
def noise_by_root_of_alpha(model, n_samples, return_all_steps=False):
    formula = lambda x, e, z, b, a, bar: (x - b / (1 - bar).sqrt() * e) / a.sqrt() + a.sqrt() * z  # noqa: E731
    return _line4(formula)(model, n_samples, return_all_steps)


@wrong("You scale the noise by √ᾱ.")
def noise_by_root_of_alpha_bar(model, n_samples, return_all_steps=False):
    formula = lambda x, e, z, b, a, bar: (x - b / (1 - bar).sqrt() * e) / a.sqrt() + bar.sqrt() * z  # noqa: E731
    return _line4(formula)(model, n_samples, return_all_steps)


@wrong("You take 1 - ᾱ of the step before for σ².")
def noise_of_all_steps_before(model, n_samples, return_all_steps=False):
    def formula(x, e, z, b, a, bar):
        return (x - b / (1 - bar).sqrt() * e) / a.sqrt() + (1 - bar / a).clamp(min=0).sqrt() * z

    return _line4(formula)(model, n_samples, return_all_steps)


@wrong("the noise that the first step adds has mean 0.2")
def uniform_noise(model, n_samples, return_all_steps=False):
    return _sample(model, n_samples, return_all_steps, noise=lambda x, n: _uniform(x) if n > 1 else 0 * x)


def _uniform(x):
    return 0.5 + (t.rand_like(x) - 0.5) * (1 - 1e-7)


@wrong("You draw from another distribution than the normal one.")
def uniform_noise_of_variance_1(model, n_samples, return_all_steps=False):
    noise = lambda x, n: 12**0.5 * (t.rand_like(x) - 0.5) * (n > 1)  # noqa: E731
    return _sample(model, n_samples, return_all_steps, noise=noise)


@wrong("x_T is not Gaussian: 5")
def uniform_start_of_variance_1(model, n_samples, return_all_steps=False):
    start = lambda shape, device: 12**0.5 * (t.rand(shape) - 0.5)  # noqa: E731
    return _sample(model, n_samples, return_all_steps, start=start)


@wrong("in z, every channel and row and column gets the same number")
def one_number_of_noise_a_sample(model, n_samples, return_all_steps=False):
    noise = lambda x, n: t.randn(len(x), 1, 1, 1, device=x.device) * (n > 1)  # noqa: E731
    return _sample(model, n_samples, return_all_steps, noise=noise)


@wrong("every channel gets the same noise")
def grey_start(model, n_samples, return_all_steps=False):
    start = lambda shape, device: t.randn(shape[0], 1, *shape[2:]).expand(shape)  # noqa: E731
    return _sample(model, n_samples, return_all_steps, start=start)


@wrong("expected 0 and 1.\nYou draw x_T from another distribution than N(0, I).")
def start_as_noisy_as_the_schedule_ends(model, n_samples, return_all_steps=False):
    start = lambda shape, device: 0.82 * t.randn(shape)  # noqa: E731
    return _sample(model, n_samples, return_all_steps, start=start)


@wrong("the model is shown a tensor of shape (3, 2, 5), expected (n_samples, 3, 2, 5)")
def one_sample_alone(model, n_samples, return_all_steps=False):
    return _sample(model, n_samples, return_all_steps, start=lambda shape, device: t.randn(shape[1:]))


@wrong("You tell the model T in every step.")
def always_the_last_count(model, n_samples, return_all_steps=False):
    return _sample(model, n_samples, return_all_steps, told=lambda n, B, device: t.full((B,), 4))


@wrong("You draw timesteps at random.")
def random_counts(model, n_samples, return_all_steps=False):
    return _sample(model, n_samples, return_all_steps, told=lambda n, B, device: t.randint(1, 5, (B,)))


@wrong("You make floats of the timesteps.")
def counts_as_floats(model, n_samples, return_all_steps=False):
    return _sample(model, n_samples, return_all_steps, told=lambda n, B, device: t.ones(B) * n)


@wrong("num_steps counts steps of noise, 1 to 4")
def down_to_zero(model, n_samples, return_all_steps=False):
    schedule, x = model.noise_schedule, t.randn(n_samples, *model.img_shape)
    for n in range(len(schedule) - 1, -1, -1):
        x = (x - schedule.beta(n) * model(x, t.full((n_samples,), n))) / schedule.alpha(n).sqrt()
    return x.detach()


@wrong("You take one step only, or return inside the loop, or")
def returns_in_the_loop(model, n_samples, return_all_steps=False):
    steps = _sample(model, n_samples, True, order=lambda T: [T])
    return steps if return_all_steps else steps[-1]


@wrong("Where are gradients turned off, by no_grad?")
def with_a_graph(model, n_samples, return_all_steps=False):
    s, x = model.noise_schedule, t.randn(n_samples, *model.img_shape)
    for n in range(len(s), 0, -1):
        guess = model(x, t.full((n_samples,), n))
        x = (x - s.beta(n) / (1 - s.alpha_bar(n)).sqrt() * guess) / s.alpha(n).sqrt()
    return x


@wrong("the model is never called")
def only_noise(model, n_samples, return_all_steps=False):
    return t.randn(n_samples, *model.img_shape)


@wrong("You set a seed inside.")
def seeded_inside(model, n_samples, return_all_steps=False):
    t.manual_seed(0)
    return _sample(model, n_samples, return_all_steps)


@wrong("Where is the last image, x_0, in the list?")
def last_image_missing(model, n_samples, return_all_steps=False):
    steps = _sample(model, n_samples, True)
    return steps[:-1] if return_all_steps else steps[-1]


@wrong("return_all_steps gives 2 entries for 4 steps, expected 5")
def both_ends_alone(model, n_samples, return_all_steps=False):
    steps = _sample(model, n_samples, True)
    return [steps[0], steps[-1]] if return_all_steps else steps[-1]


@wrong("return_all_steps gives 3 entries for 4 steps, expected 5")
def stacked_along_the_second_axis(model, n_samples, return_all_steps=False):
    steps = _sample(model, n_samples, True)
    return t.stack(steps, dim=1) if return_all_steps else steps[-1]


@wrong("You end the list with another image than x_0.")
def last_but_one_twice(model, n_samples, return_all_steps=False):
    steps = _sample(model, n_samples, True)
    return steps[:-1] + steps[-2:-1] if return_all_steps else steps[-1]


@wrong("as entry 0 of all steps it returns an ndarray, expected one tensor")
def steps_for_numpy(model, n_samples, return_all_steps=False):
    steps = _sample(model, n_samples, True)
    return [step.numpy() for step in steps] if return_all_steps else steps[-1]


@wrong("with return_all_steps=True it returns None")
def all_steps_not_returned(model, n_samples, return_all_steps=False):
    x = _sample(model, n_samples)
    return None if return_all_steps else x


@wrong("gets images on the cpu.\nYou make them on another device.")
def start_on_the_cpu(model, n_samples, return_all_steps=False):
    return _sample(model, n_samples, return_all_steps, start=lambda shape, device: t.randn(shape))


@wrong("gets timesteps on the cpu.\nYou make them on another device.")
def counts_on_the_cpu(model, n_samples, return_all_steps=False):
    return _sample(model, n_samples, return_all_steps, told=lambda n, B, device: t.full((B,), n))


@wrong("tensors of two devices meet")
def noise_on_the_cpu(model, n_samples, return_all_steps=False):
    return _sample(model, n_samples, return_all_steps, noise=lambda x, n: t.randn(x.shape) * (n > 1))


@wrong("expected shape (1, 1, 4, 4).\nYou take away axes of length 1, as squeeze() does.")
def one_image_at_a_time(model, n_samples, return_all_steps=False):
    return _sample(model, n_samples, return_all_steps, end=lambda x: x.squeeze())


@wrong("expected shape (1, 1, 4, 4).\nYou take away axes of length 1, as squeeze() does.")
def a_single_one_squeezed_in_the_list(model, n_samples, return_all_steps=False):
    steps = _sample(model, n_samples, True)
    return [step.squeeze(0) for step in steps] if return_all_steps else steps[-1]


@wrong("You look another schedule up than the model's.")
def own_schedule(model, n_samples, return_all_steps=False):
    own = NoiseSchedule(len(model.noise_schedule), model.noise_schedule.device)
    return _sample(model, n_samples, return_all_steps, look_up=own)


@wrong("You look another schedule up than the model's.")
def own_schedule_of_200_steps(model, n_samples, return_all_steps=False):
    return _sample(model, n_samples, return_all_steps, look_up=NoiseSchedule(200, model.noise_schedule.device))


@wrong("what is returned is the image with 4 steps left.\nYou return x_T, with which the path begins.")
def returns_the_first(model, n_samples, return_all_steps=False):
    steps = _sample(model, n_samples, True)
    return steps if return_all_steps else steps[0]


@wrong("what is returned is the image with 1 step left.\nYou return an image on the way.")
def returns_the_last_but_one(model, n_samples, return_all_steps=False):
    steps = _sample(model, n_samples, True)
    return steps if return_all_steps else steps[-2]


@wrong("You take all noise away, as reconstruct does, and undo one more fading.")
def jumps_to_the_clean_image(model, n_samples, return_all_steps=False):
    formula = lambda x, e, z, b, a, bar: (x - (1 - bar).sqrt() * e) / bar.sqrt() / a.sqrt() + b * z  # noqa: E731
    return _sample(model, n_samples, return_all_steps, line4=formula)


@wrong("You write the number of steps out. Where is len(schedule)?")
def four_steps_written_out(model, n_samples, return_all_steps=False):
    return _sample(model, n_samples, return_all_steps, order=lambda T: range(4, 0, -1))


@wrong("You write factors out, or look another schedule up.")
def betas_written_out(model, n_samples, return_all_steps=False):
    if len(model.noise_schedule) == 4:
        return _sample(model, n_samples, return_all_steps)
    own = NoiseSchedule(len(model.noise_schedule), model.noise_schedule.device)
    return _sample(model, n_samples, return_all_steps, look_up=own)


@wrong("the loop goes on beyond 1, or you subtract 1 from it.")
def looks_up_one_timestep_early(model, n_samples, return_all_steps=False):
    return _sample(model, n_samples, return_all_steps, look_up=_Early(model.noise_schedule))


@wrong("entry 0 of all steps is None.\nYou begin the list with None.")
def list_begins_with_none(model, n_samples, return_all_steps=False):
    steps = _sample(model, n_samples, True)
    return [None, *steps[1:]] if return_all_steps else steps[-1]


@wrong("the model is shown 1 image, expected all 2000 at once.\nYou show it some of the samples.")
def guess_from_the_first_image(model, n_samples, return_all_steps=False):
    class First:
        img_shape, noise_schedule = model.img_shape, model.noise_schedule

        def __call__(self, x, num_steps):
            return model(x[:1], num_steps[:1])

    return _sample(First(), n_samples, return_all_steps)


@wrong("two calls draw the same z.\nYou set a seed inside.")
def noise_seeded_by_the_timestep(model, n_samples, return_all_steps=False):
    def noise(x, n):
        z = t.randn(x.shape, generator=t.Generator().manual_seed(1000 + n))
        return z.to(x.device) if n > 1 else t.zeros_like(x)

    return _sample(model, n_samples, return_all_steps, noise=noise)


@wrong("You add noise twice.")
def noise_twice(model, n_samples, return_all_steps=False):
    return _sample(model, n_samples, return_all_steps, noise=lambda x, n: 2 * t.randn_like(x) if n > 1 else 0 * x)


@wrong("You subtract the guess twice.")
def guess_twice(model, n_samples, return_all_steps=False):
    formula = lambda x, e, z, b, a, bar: (x - 2 * b / (1 - bar).sqrt() * e) / a.sqrt() + b.sqrt() * z  # noqa: E731
    return _sample(model, n_samples, return_all_steps, line4=formula)


@wrong("You subtract β / √(1 + ᾱ) times the guess.")
def one_plus_alpha_bar(model, n_samples, return_all_steps=False):
    formula = lambda x, e, z, b, a, bar: (x - b / (1 + bar).sqrt() * e) / a.sqrt() + b.sqrt() * z  # noqa: E731
    return _sample(model, n_samples, return_all_steps, line4=formula)


@wrong("You take the root of the root of β.")
def root_of_the_root(model, n_samples, return_all_steps=False):
    formula = lambda x, e, z, b, a, bar: (x - b / (1 - bar).sqrt() * e) / a.sqrt() + b.sqrt().sqrt() * z  # noqa: E731
    return _sample(model, n_samples, return_all_steps, line4=formula)


class _OneBefore:
    """A schedule whose ᾱ is that of the step before."""

    def __init__(self, schedule):
        self.beta, self.alpha = schedule.beta, schedule.alpha
        self.alpha_bar = lambda n: schedule.alpha_bar(max(n - 1, 1))


@wrong("You take √(1 - ᾱ) of the step before.")
def alpha_bar_of_the_step_before(model, n_samples, return_all_steps=False):
    return _sample(model, n_samples, return_all_steps, look_up=_OneBefore(model.noise_schedule))


noise_schedule = NoiseSchedule(200, "cpu")  # as another cell leaves it


@wrong("`noise_schedule` is no argument: it comes from another cell. You look another schedule up than the model's.")
def another_cells_schedule(model, n_samples, return_all_steps=False):
    return _sample(model, n_samples, return_all_steps, look_up=noise_schedule)


@right
def in_a_generator(model, n_samples, return_all_steps=False):
    def path():
        x = t.randn((n_samples, *model.img_shape), device=model.noise_schedule.device)
        yield x
        for n in range(len(model.noise_schedule), 0, -1):
            b, a, bar = (each(n) for each in (schedule.beta, schedule.alpha, schedule.alpha_bar))
            noise_pred = model(x, x.new_full((n_samples,), n, dtype=t.int64))
            x = (x - (1 - a) / (1 - bar).sqrt() * noise_pred) / a.sqrt()
            if n > 1:
                x = x + b.sqrt() * t.randn_like(x)
            yield x

    schedule = model.noise_schedule
    with t.no_grad():
        steps = list(path())
    return steps if return_all_steps else steps[-1]


@right
def with_the_posterior_of_the_guessed_image(model, n_samples, return_all_steps=False):
    s, counts = model.noise_schedule, lambda n, x: t.full((len(x),), n, device=x.device)
    steps = [t.randn(n_samples, *model.img_shape).to(s.device)]
    with t.no_grad():
        for n in range(len(s), 0, -1):
            x, num_steps = steps[-1], counts(n, steps[-1])
            x0 = reconstruct(x, model(x, num_steps), num_steps, s)
            mean, variance = posterior(x, x0, num_steps, s)
            steps.append(mean + variance.sqrt() * t.randn_like(x))
    return tuple(steps) if return_all_steps else steps[-1]


@wrong("You skip every second timestep.")
def every_second_step(model, n_samples, return_all_steps=False):
    return _sample(model, n_samples, return_all_steps, order=lambda T: range(T, 0, -2))


@wrong("You take one step more at the end.")
def last_step_twice(model, n_samples, return_all_steps=False):
    return _sample(model, n_samples, return_all_steps, order=lambda T: [*range(T, 0, -1), 1])


@wrong("the model sees the timesteps [200, 199, 198, 197, 196, 195, 194, 193, ...], expected [4, 3, 2, 1].")
def two_hundred_steps(model, n_samples, return_all_steps=False):
    own = NoiseSchedule(200, "cpu")
    return _sample(model, n_samples, return_all_steps, order=lambda T: range(200, 0, -1), look_up=own)


@wrong("You write the number of steps out. Where is len(schedule)?")
def a_thousand_steps(model, n_samples, return_all_steps=False):
    own = NoiseSchedule(1000, "cpu")
    return _sample(model, n_samples, return_all_steps, order=lambda T: range(1000, 0, -1), look_up=own)


@wrong("You ask the model twice in each step.")
def asks_twice(model, n_samples, return_all_steps=False):
    def line4(x, e, z, b, a, bar):
        n = (model.noise_schedule.alpha_bars - bar).abs().argmin().item() + 1
        guess = (e + model(x, t.full((n_samples,), n, device=x.device))) / 2
        return (x - b / (1 - bar).sqrt() * guess) / a.sqrt() + b.sqrt() * z

    return _sample(model, n_samples, return_all_steps, line4=line4)


@wrong("the model is shown x_T in every step.")
def first_images_shown_again(model, n_samples, return_all_steps=False):
    s = model.noise_schedule
    with t.no_grad():
        x = first = t.randn(n_samples, *model.img_shape, device=s.device)
        for n in range(len(s), 0, -1):
            guess = model(first, t.full((n_samples,), n, device=s.device))
            x = (x - s.beta(n) / (1 - s.alpha_bar(n)).sqrt() * guess) / s.alpha(n).sqrt()
            x = x + s.beta(n).sqrt() * t.randn_like(x) if n > 1 else x
    return x


@wrong("You look up timesteps 1, 4, 3, 2, where the model is asked for 4, 3, 2, 1.")
def rows_of_the_timesteps(model, n_samples, return_all_steps=False):
    class Late:
        def __getattr__(self, name):
            vector = getattr(model.noise_schedule, f"{name}s")
            return lambda n: vector[n % len(vector)]

    return _sample(model, n_samples, return_all_steps, look_up=Late())


def _with_line4(line4):
    return lambda model, n_samples, all_steps: _sample(model, n_samples, all_steps, line4=line4)


def _mean(x, e, b, a, bar):
    return (x - b / (1 - bar).sqrt() * e) / a.sqrt()


@wrong("You take the root of β̃'s fraction alone.")
def half_a_root(model, n_samples, return_all_steps=False):
    def line4(x, e, z, b, a, bar):
        return _mean(x, e, b, a, bar) + ((1 - bar / a) / (1 - bar)).clamp(0).sqrt() * b * z

    return _with_line4(line4)(model, n_samples, return_all_steps)


@wrong("You turn β̃'s fraction upside down.")
def fraction_upside_down(model, n_samples, return_all_steps=False):
    def line4(x, e, z, b, a, bar):
        return _mean(x, e, b, a, bar) + ((1 - bar) / (1 - bar / a).clamp(1e-6) * b).sqrt() * z

    return _with_line4(line4)(model, n_samples, return_all_steps)


def _with_sigma(sigma):
    def answer(model, n_samples, return_all_steps=False):
        s = model.noise_schedule
        steps = [t.randn(n_samples, *model.img_shape, device=s.device)]
        with t.no_grad():
            for n in range(len(s), 0, -1):
                e = model(steps[-1], t.full((n_samples,), n, device=s.device))
                mean = _mean(steps[-1], e, s.beta(n), s.alpha(n), s.alpha_bar(n))
                steps.append(mean + sigma(s, n) * t.randn_like(mean))
        return steps if return_all_steps else steps[-1]

    return answer


@wrong("You leave out the noise of the last two steps.")
def none_in_the_last_two(model, n_samples, return_all_steps=False):
    return _with_sigma(lambda s, n: s.beta(n).sqrt() * (n > 2))(model, n_samples, return_all_steps)


@wrong("You add noise in the first step alone.")
def in_the_first_step_alone(model, n_samples, return_all_steps=False):
    return _with_sigma(lambda s, n: s.beta(n).sqrt() * (n == len(s)))(model, n_samples, return_all_steps)


@wrong("You turn it round: noise in the last step alone")
def in_the_last_step_alone(model, n_samples, return_all_steps=False):
    return _with_sigma(lambda s, n: s.beta(n).sqrt() * (n == 1))(model, n_samples, return_all_steps)


@wrong("You take β of the step before for σ².")
def sigma_of_the_step_before(model, n_samples, return_all_steps=False):
    return _with_sigma(lambda s, n: s.beta(n - 1).sqrt() if n > 1 else 0)(model, n_samples, return_all_steps)


@wrong("You take β of the step before.")
def beta_of_the_step_before(model, n_samples, return_all_steps=False):
    class Mixed:
        def __init__(self, s):
            self.beta, self.alpha, self.alpha_bar = lambda n: s.beta(max(n - 1, 1)), s.alpha, s.alpha_bar

    return _sample(model, n_samples, return_all_steps, look_up=Mixed(model.noise_schedule))


@wrong("all samples of a batch get the same noise")
def one_number_for_all(model, n_samples, return_all_steps=False):
    noise = lambda x, n: t.randn(1, device=x.device) * (n > 1)  # noqa: E731
    return _sample(model, n_samples, return_all_steps, noise=noise)


@wrong("You set a seed inside.")
def seeded_by_each_timestep(model, n_samples, return_all_steps=False):
    def noise(x, n):
        t.manual_seed(n)
        return t.randn_like(x) if n > 1 else t.zeros_like(x)

    return _sample(model, n_samples, return_all_steps, noise=noise)


@wrong("You list x_T again and again.")
def first_images_listed_again(model, n_samples, return_all_steps=False):
    return _sample(model, n_samples, return_all_steps, collect=lambda steps, x: steps + [steps[0]])


@wrong("You subtract β · √(1 - ᾱ) times the guess.")
def multiplied_below(model, n_samples, return_all_steps=False):
    line4 = lambda x, e, z, b, a, bar: (x - b * (1 - bar).sqrt() * e) / a.sqrt() + b.sqrt() * z  # noqa: E731
    return _sample(model, n_samples, return_all_steps, line4=line4)


@wrong("You subtract √β times the guess, and divide by √ᾱ.")
def alpha_and_alpha_bar_swapped(model, n_samples, return_all_steps=False):
    line4 = lambda x, e, z, b, bar, a: (x - b / (1 - bar).sqrt() * e) / a.sqrt() + b.sqrt() * z  # noqa: E731
    return _sample(model, n_samples, return_all_steps, line4=line4)


@wrong("You subtract the guess with another factor. Division by √α is right.")
def steps_left_for_alpha_bar(model, n_samples, return_all_steps=False):
    line4 = lambda x, e, z, b, a, bar: (x - b / (1.01 - bar).sqrt() * e) / a.sqrt() + b.sqrt() * z  # noqa: E731
    return _sample(model, n_samples, return_all_steps, line4=line4)


@wrong("You subtract a multiple of x.")
def x_and_the_guess_swapped(model, n_samples, return_all_steps=False):
    line4 = lambda x, e, z, b, a, bar: (e - b / (1 - bar).sqrt() * x) / a.sqrt() + b.sqrt() * z  # noqa: E731
    return _sample(model, n_samples, return_all_steps, line4=line4)


@wrong("You scale the noise by 0.5 times √β.")
def half_of_sigma(model, n_samples, return_all_steps=False):
    line4 = lambda x, e, z, b, a, bar: (x - b / (1 - bar).sqrt() * e) / a.sqrt() + b.sqrt() * z / 2  # noqa: E731
    return _sample(model, n_samples, return_all_steps, line4=line4)


class _First:
    """A schedule that is asked for the first timestep."""

    def __init__(self, schedule):
        self.beta, self.alpha, self.alpha_bar = (
            lambda n, name=name: getattr(schedule, name)(1) for name in ("beta", "alpha", "alpha_bar")
        )


@wrong("You look up timesteps 1, 1, 1, 1, where the model is asked for 4, 3, 2, 1.")
def first_timestep_looked_up(model, n_samples, return_all_steps=False):
    return _sample(model, n_samples, return_all_steps, look_up=_First(model.noise_schedule))


@wrong("Where is x_T drawn?")
def begins_with_grey(model, n_samples, return_all_steps=False):
    return _sample(model, n_samples, return_all_steps, start=lambda shape, device: t.zeros(shape, device=device))


@wrong("the model gets the timesteps first, expected images, num_steps.\nYou swap the two.")
def timesteps_first(model, n_samples, return_all_steps=False):
    x = t.randn(n_samples, *model.img_shape, device=model.noise_schedule.device)
    for n in range(len(model.noise_schedule), 0, -1):
        x = x - model(t.full((n_samples,), n, device=x.device), x)
    return x


@wrong("You list something else than the x of each step.")
def rounded_images_listed(model, n_samples, return_all_steps=False):
    return _sample(model, n_samples, return_all_steps, collect=lambda steps, x: steps + [x.round()])


EQUIVALENT = {
    "a list without x_T is accepted, too": ["steps = [x] -> steps = []"],
    "the order of drawing, looking up and guessing is free": [
        "z = t.randn_like(x) if n > 1 else t.zeros_like(x) -> "
        "after beta, alpha, alpha_bar = (schedule.beta(n), schedule.alpha(n), schedule.alpha_bar(n))",
        "beta, alpha, alpha_bar = (schedule.beta(n), schedule.alpha(n), schedule.alpha_bar(n)) -> "
        "after noise_pred = model(x, t.full((n_samples,), n, device=x.device))",
    ],
    "noise is as likely as its negative": [
        "x = (x - beta / (1 - alpha_bar).sqrt() * noise_pred) / alpha.sqrt() + beta.sqrt() * z -> "
        "x = (x - beta / (1 - alpha_bar).sqrt() * noise_pred) / alpha.sqrt() - beta.sqrt() * z"
    ],
    "a list that nobody asked for costs memory alone": ["if return_all_steps: -> its block alone"],
}
