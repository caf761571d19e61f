import torch as t

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
):
    """A right sampler, with one place for each mistake."""
    schedule = model.noise_schedule
    with t.no_grad():
        x = start((n_samples, *model.img_shape), schedule.device)
        steps = [x]
        for n in order(len(schedule)):
            at = max(n, 1)
            z, guess = noise(x, n), model(x, told(n, n_samples, x.device))
            x = line4(x, guess, z, schedule.beta(at), schedule.alpha(at), schedule.alpha_bar(at))
            steps = collect(steps, x)
    return steps if return_all_steps else end(x)


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


@wrong("Is noise added in the last step?")
def noise_in_the_last_step(model, n_samples, return_all_steps=False):
    return _sample(model, n_samples, return_all_steps, noise=lambda x, n: t.randn_like(x))


@wrong("Is the noise scaled by β? That is a variance.")
def noise_by_variance(model, n_samples, return_all_steps=False):
    formula = lambda x, e, z, b, a, bar: (x - b / (1 - bar).sqrt() * e) / a.sqrt() + b * z  # noqa: E731
    return _sample(model, n_samples, return_all_steps, line4=formula)


@wrong("Is noise added?")
def no_noise(model, n_samples, return_all_steps=False):
    return _sample(model, n_samples, return_all_steps, noise=lambda x, n: t.zeros_like(x))


@wrong("Is the noise scaled by σ?")
def full_noise(model, n_samples, return_all_steps=False):
    formula = lambda x, e, z, b, a, bar: (x - b / (1 - bar).sqrt() * e) / a.sqrt() + z  # noqa: E731
    return _sample(model, n_samples, return_all_steps, line4=formula)


@wrong("Is σ² = 1 - ᾱ?")
def noise_of_all_steps(model, n_samples, return_all_steps=False):
    formula = lambda x, e, z, b, a, bar: (x - b / (1 - bar).sqrt() * e) / a.sqrt() + (1 - bar).sqrt() * z  # noqa: E731
    return _sample(model, n_samples, return_all_steps, line4=formula)


@wrong("Has z the shape of x?")
def one_noise_for_all_samples(model, n_samples, return_all_steps=False):
    noise = lambda x, n: t.randn_like(x[:1]) if n > 1 else t.zeros_like(x[:1])  # noqa: E731
    return _sample(model, n_samples, return_all_steps, noise=noise)


@wrong("Is there a draw for each sample?")
def one_start_for_all_samples(model, n_samples, return_all_steps=False):
    start = lambda shape, device: t.randn(shape[1:]).expand(shape)  # noqa: E731
    return _sample(model, n_samples, return_all_steps, start=start)


@wrong("Does x_T come from N(0, I)?")
def uniform_start(model, n_samples, return_all_steps=False):
    return _sample(model, n_samples, return_all_steps, start=lambda shape, device: t.rand(shape))


@wrong("Is z drawn anew in each step?")
def same_noise_in_every_step(model, n_samples, return_all_steps=False):
    z = t.randn(n_samples, *model.img_shape)
    return _sample(model, n_samples, return_all_steps, noise=lambda x, n: z * (n > 1))


@wrong("Is everything divided by √α?")
def fading_kept(model, n_samples, return_all_steps=False):
    formula = lambda x, e, z, b, a, bar: x - b / ((1 - bar) * a).sqrt() * e + b.sqrt() * z  # noqa: E731
    return _sample(model, n_samples, return_all_steps, line4=formula)


@wrong("Is it divided by α, without a root?")
def divided_by_alpha(model, n_samples, return_all_steps=False):
    formula = lambda x, e, z, b, a, bar: x / a - b / ((1 - bar) * a).sqrt() * e + b.sqrt() * z  # noqa: E731
    return _sample(model, n_samples, return_all_steps, line4=formula)


@wrong("Is it divided by √ᾱ?")
def divided_by_alpha_bar(model, n_samples, return_all_steps=False):
    formula = lambda x, e, z, b, a, bar: x / bar.sqrt() - b / ((1 - bar) * a).sqrt() * e + b.sqrt() * z  # noqa: E731
    return _sample(model, n_samples, return_all_steps, line4=formula)


@wrong("Is it multiplied by √α where it should be divided?")
def multiplied_by_alpha(model, n_samples, return_all_steps=False):
    formula = lambda x, e, z, b, a, bar: x * a.sqrt() - b / ((1 - bar) * a).sqrt() * e + b.sqrt() * z  # noqa: E731
    return _sample(model, n_samples, return_all_steps, line4=formula)


@wrong("Is the guess divided by √α, too? Mind the parentheses.")
def parentheses_missing(model, n_samples, return_all_steps=False):
    formula = lambda x, e, z, b, a, bar: x / a.sqrt() - b / (1 - bar).sqrt() * e + b.sqrt() * z  # noqa: E731
    return _sample(model, n_samples, return_all_steps, line4=formula)


@wrong("Is β in front of the guess, or its root?")
def root_of_beta(model, n_samples, return_all_steps=False):
    formula = lambda x, e, z, b, a, bar: (x - b.sqrt() / (1 - bar).sqrt() * e) / a.sqrt() + b.sqrt() * z  # noqa: E731
    return _sample(model, n_samples, return_all_steps, line4=formula)


@wrong("Is 1 - ᾱ without a root?")
def root_missing(model, n_samples, return_all_steps=False):
    formula = lambda x, e, z, b, a, bar: (x - b / (1 - bar) * e) / a.sqrt() + b.sqrt() * z  # noqa: E731
    return _sample(model, n_samples, return_all_steps, line4=formula)


@wrong("Is β divided by √(1 - ᾱ)?")
def divisor_missing(model, n_samples, return_all_steps=False):
    formula = lambda x, e, z, b, a, bar: (x - b * e) / a.sqrt() + b.sqrt() * z  # noqa: E731
    return _sample(model, n_samples, return_all_steps, line4=formula)


@wrong("Is that √(1 - α), with α for ᾱ?")
def alpha_for_alpha_bar(model, n_samples, return_all_steps=False):
    formula = lambda x, e, z, b, a, bar: (x - b / (1 - a).sqrt() * e) / a.sqrt() + b.sqrt() * z  # noqa: E731
    return _sample(model, n_samples, return_all_steps, line4=formula)


@wrong("Is the guess added?")
def guess_added(model, n_samples, return_all_steps=False):
    formula = lambda x, e, z, b, a, bar: (x + b / (1 - bar).sqrt() * e) / a.sqrt() + b.sqrt() * z  # noqa: E731
    return _sample(model, n_samples, return_all_steps, line4=formula)


@wrong("Is all noise taken away at once?")
def all_noise_at_once(model, n_samples, return_all_steps=False):
    formula = lambda x, e, z, b, a, bar: (x - (1 - bar).sqrt() * e) / a.sqrt() + b.sqrt() * z  # noqa: E731
    return _sample(model, n_samples, return_all_steps, line4=formula)


@wrong("Is the guess used?")
def guess_unused(model, n_samples, return_all_steps=False):
    formula = lambda x, e, z, b, a, bar: x / a.sqrt() + b.sqrt() * z  # noqa: E731
    return _sample(model, n_samples, return_all_steps, line4=formula)


@wrong("Is it the way back, from the last count to the first?")
def forwards(model, n_samples, return_all_steps=False):
    return _sample(model, n_samples, return_all_steps, order=lambda T: range(1, T + 1))


@wrong("Is the first step left out?")
def first_step_left_out(model, n_samples, return_all_steps=False):
    return _sample(model, n_samples, return_all_steps, order=lambda T: range(T - 1, 0, -1))


@wrong("Is the last step left out?")
def last_step_left_out(model, n_samples, return_all_steps=False):
    return _sample(model, n_samples, return_all_steps, order=lambda T: range(T, 1, -1))


@wrong("Counts begin at 1, indices at 0. Which does the model know?")
def indices_told(model, n_samples, return_all_steps=False):
    return _sample(model, n_samples, return_all_steps, told=lambda n, B, device: t.full((B,), n - 1))


@wrong("Is it the way back? And counts begin at 1.")
def forwards_from_0(model, n_samples, return_all_steps=False):
    return _sample(model, n_samples, return_all_steps, order=range)


@wrong("Are they scaled? That is left to the model.")
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


@wrong("Is it one tensor, changed in place, many times?")
def one_tensor_many_times(model, n_samples, return_all_steps=False):
    steps = _sample(model, n_samples, True)
    return [steps[-1]] * len(steps) if return_all_steps else steps[-1]


@wrong("Is it noisy first, clean last?")
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


@wrong("Is that reconstruct? Line 4 takes back one step only.")
def reconstructs(model, n_samples, return_all_steps=False):
    formula = lambda x, e, z, b, a, bar: (x - (1 - bar).sqrt() * e) / bar.sqrt()  # noqa: E731
    return _line4(formula)(model, n_samples, return_all_steps)


@wrong("Is that the step of DDIM?")
def ddim(model, n_samples, return_all_steps=False):
    def formula(x, e, z, b, a, bar):
        return (x - (1 - bar).sqrt() * e) / a.sqrt() + (1 - bar / a).clamp(min=0).sqrt() * e

    return _line4(formula)(model, n_samples, return_all_steps)


@wrong("Is α in front of the guess?")
def alpha_for_beta(model, n_samples, return_all_steps=False):
    formula = lambda x, e, z, b, a, bar: (x - a / (1 - bar).sqrt() * e) / a.sqrt() + b.sqrt() * z  # noqa: E731
    return _line4(formula)(model, n_samples, return_all_steps)


@wrong("Is the fraction upside down?")
def upside_down(model, n_samples, return_all_steps=False):
    formula = lambda x, e, z, b, a, bar: (x - (1 - bar).sqrt() / b * e) / a.sqrt() + b.sqrt() * z  # noqa: E731
    return _line4(formula)(model, n_samples, return_all_steps)


@wrong("Is the guess divided by α, without a root?")
def all_divided_by_alpha(model, n_samples, return_all_steps=False):
    formula = lambda x, e, z, b, a, bar: (x - b / (1 - bar).sqrt() * e) / a + b.sqrt() * z  # noqa: E731
    return _line4(formula)(model, n_samples, return_all_steps)


@wrong("at count 4\nthe guess is subtracted with factor 0.263, expected 0.351.\nIs it multiplied by √α")
def all_multiplied_by_alpha(model, n_samples, return_all_steps=False):
    formula = lambda x, e, z, b, a, bar: (x - b / (1 - bar).sqrt() * e) * a.sqrt() + b.sqrt() * z  # noqa: E731
    return _line4(formula)(model, n_samples, return_all_steps)


@wrong("Is √ᾱ in the denominator?")
def root_of_alpha_bar_below(model, n_samples, return_all_steps=False):
    formula = lambda x, e, z, b, a, bar: (x - b / bar.sqrt() * e) / a.sqrt() + b.sqrt() * z  # noqa: E731
    return _line4(formula)(model, n_samples, return_all_steps)


@wrong("Is everything divided by √ᾱ?")
def all_divided_by_alpha_bar(model, n_samples, return_all_steps=False):
    formula = lambda x, e, z, b, a, bar: (x - b / (1 - bar).sqrt() * e) / bar.sqrt() + b.sqrt() * z  # noqa: E731
    return _line4(formula)(model, n_samples, return_all_steps)


@wrong("Is the guess subtracted as it is?")
def guess_unscaled(model, n_samples, return_all_steps=False):
    formula = lambda x, e, z, b, a, bar: (x - e) / a.sqrt() + b.sqrt() * z  # noqa: E731
    return _line4(formula)(model, n_samples, return_all_steps)


@wrong("Is the guess subtracted as it is?")
def guess_unscaled_and_undivided(model, n_samples, return_all_steps=False):
    return _line4(lambda x, e, z, b, a, bar: x - e)(model, n_samples, return_all_steps)


@wrong("Is that the step of one σ, the root of β?")
def takes_the_noise_of_one_step(model, n_samples, return_all_steps=False):
    formula = lambda x, e, z, b, a, bar: x / a.sqrt() - b.sqrt() * e + b.sqrt() * z  # noqa: E731
    return _line4(formula)(model, n_samples, return_all_steps)


@wrong("Is the clean image clamped on the way?")
def clean_image_clamped(model, n_samples, return_all_steps=False):
    def formula(x, e, z, b, a, bar):
        before = bar / a
        clean = ((x - (1 - bar).sqrt() * e) / bar.sqrt()).clamp(-1, 1)
        mean = (before.sqrt() * b * clean + a.sqrt() * (1 - before) * x) / (1 - bar)
        return mean + b.sqrt() * z

    return _line4(formula)(model, n_samples, return_all_steps)


@wrong("Is x clamped in every step?")
def clamped_in_every_step(model, n_samples, return_all_steps=False):
    formula = lambda x, e, z, b, a, bar: (  # noqa: E731
        ((x - b / (1 - bar).sqrt() * e) / a.sqrt() + b.sqrt() * z).clamp(-1, 1)
    )
    return _line4(formula)(model, n_samples, return_all_steps)


@wrong("Are they brought to [0, 1]?")
def denormalised(model, n_samples, return_all_steps=False):
    return _sample(model, n_samples, return_all_steps, end=lambda x: ((x + 1) / 2).clamp(0, 1))


@wrong("Is that β̃, a variance?")
def the_other_variance(model, n_samples, return_all_steps=False):
    def formula(x, e, z, b, a, bar):
        return (x - b / (1 - bar).sqrt() * e) / a.sqrt() + (1 - bar / a) / (1 - bar) * b * z

    return _line4(formula)(model, n_samples, return_all_steps)


@wrong("Is that β̃ without its denominator")
def the_other_variance_undivided(model, n_samples, return_all_steps=False):
    def formula(x, e, z, b, a, bar):
        return (x - b / (1 - bar).sqrt() * e) / a.sqrt() + ((1 - bar / a) * b).clamp(min=0).sqrt() * z

    return _line4(formula)(model, n_samples, return_all_steps)


@wrong("Is the noise divided by √α, too?")
def noise_inside_the_brackets(model, n_samples, return_all_steps=False):
    formula = lambda x, e, z, b, a, bar: (x - b / (1 - bar).sqrt() * e + b.sqrt() * z) / a.sqrt()  # noqa: E731
    return _line4(formula)(model, n_samples, return_all_steps)


@wrong("Is it the first step that gets no noise, not the last?")
def no_noise_in_the_first_step(model, n_samples, return_all_steps=False):
    return _sample(model, n_samples, return_all_steps, noise=lambda x, n: t.randn_like(x) if n < 4 else 0 * x)


@wrong("Is that √α? The noise is scaled by √β.")
def noise_by_root_of_alpha(model, n_samples, return_all_steps=False):
    formula = lambda x, e, z, b, a, bar: (x - b / (1 - bar).sqrt() * e) / a.sqrt() + a.sqrt() * z  # noqa: E731
    return _line4(formula)(model, n_samples, return_all_steps)


@wrong("Is that √ᾱ? The noise is scaled by √β.")
def noise_by_root_of_alpha_bar(model, n_samples, return_all_steps=False):
    formula = lambda x, e, z, b, a, bar: (x - b / (1 - bar).sqrt() * e) / a.sqrt() + bar.sqrt() * z  # noqa: E731
    return _line4(formula)(model, n_samples, return_all_steps)


@wrong("Is σ² = 1 - ᾱ of the step before?")
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


@wrong("expected 0 and 1.\nDoes x_T come from N(0, I)?")
def start_as_noisy_as_the_schedule_ends(model, n_samples, return_all_steps=False):
    start = lambda shape, device: 0.82 * t.randn(shape)  # noqa: E731
    return _sample(model, n_samples, return_all_steps, start=start)


@wrong("the model is shown a tensor of shape (3, 2, 5), expected (n_samples, 3, 2, 5)")
def one_sample_alone(model, n_samples, return_all_steps=False):
    return _sample(model, n_samples, return_all_steps, start=lambda shape, device: t.randn(shape[1:]))


@wrong("Is the count of the step used?")
def always_the_last_count(model, n_samples, return_all_steps=False):
    return _sample(model, n_samples, return_all_steps, told=lambda n, B, device: t.full((B,), 4))


@wrong("the images of one step get different counts")
def random_counts(model, n_samples, return_all_steps=False):
    return _sample(model, n_samples, return_all_steps, told=lambda n, B, device: t.randint(1, 5, (B,)))


@wrong("counts that are not whole numbers in type, as 4.0")
def counts_as_floats(model, n_samples, return_all_steps=False):
    return _sample(model, n_samples, return_all_steps, told=lambda n, B, device: t.ones(B) * n)


@wrong("num_steps counts steps of noise, 1 to 4")
def down_to_zero(model, n_samples, return_all_steps=False):
    schedule, x = model.noise_schedule, t.randn(n_samples, *model.img_shape)
    for n in range(len(schedule) - 1, -1, -1):
        x = (x - schedule.beta(n) * model(x, t.full((n_samples,), n))) / schedule.alpha(n).sqrt()
    return x.detach()


@wrong("Does the function return inside the loop?")
def returns_in_the_loop(model, n_samples, return_all_steps=False):
    steps = _sample(model, n_samples, True, order=lambda T: [T])
    return steps if return_all_steps else steps[-1]


@wrong("Is there a no_grad?")
def with_a_graph(model, n_samples, return_all_steps=False):
    s, x = model.noise_schedule, t.randn(n_samples, *model.img_shape)
    for n in range(len(s), 0, -1):
        guess = model(x, t.full((n_samples,), n))
        x = (x - s.beta(n) / (1 - s.alpha_bar(n)).sqrt() * guess) / s.alpha(n).sqrt()
    return x


@wrong("the model is never called")
def only_noise(model, n_samples, return_all_steps=False):
    return t.randn(n_samples, *model.img_shape)


@wrong("Is a seed set inside?")
def seeded_inside(model, n_samples, return_all_steps=False):
    t.manual_seed(0)
    return _sample(model, n_samples, return_all_steps)


@wrong("Is the last image, x_0, in the list?")
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


@wrong("Is x_0 the last entry?")
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


@wrong("gets images on the cpu.\nOn which device are they made?")
def start_on_the_cpu(model, n_samples, return_all_steps=False):
    return _sample(model, n_samples, return_all_steps, start=lambda shape, device: t.randn(shape))


@wrong("gets timesteps on the cpu.\nOn which device are they made?")
def counts_on_the_cpu(model, n_samples, return_all_steps=False):
    return _sample(model, n_samples, return_all_steps, told=lambda n, B, device: t.full((B,), n))


@wrong("tensors of two devices meet")
def noise_on_the_cpu(model, n_samples, return_all_steps=False):
    return _sample(model, n_samples, return_all_steps, noise=lambda x, n: t.randn(x.shape) * (n > 1))


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
