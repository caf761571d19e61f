import torch as t

from tests.answers import right, wrong


def _sample(
    model,
    n_samples,
    return_all_steps=False,
    *,
    start=t.randn,
    order=lambda T: range(T, 0, -1),
    told=lambda n, B: t.full((B,), n),
    noise=lambda x, n: t.randn_like(x) if n > 1 else t.zeros_like(x),
    line4=lambda x, e, z, b, a, bar: (x - b / (1 - bar).sqrt() * e) / a.sqrt() + b.sqrt() * z,
    collect=lambda steps, x: steps + [x],
):
    """A right sampler, with one place for each mistake."""
    schedule = model.noise_schedule
    with t.no_grad():
        x = start((n_samples, *model.img_shape))
        steps = [x]
        for n in order(len(schedule)):
            at = max(n, 1)
            z, guess = noise(x, n), model(x, told(n, n_samples))
            x = line4(x, guess, z, schedule.beta(at), schedule.alpha(at), schedule.alpha_bar(at))
            steps = collect(steps, x)
    return steps if return_all_steps else x


@right
def line_by_line(model, n_samples, return_all_steps=False):
    return _sample(model, n_samples, return_all_steps)


@right
def the_papers_other_sigma(model, n_samples, return_all_steps=False):
    s = model.noise_schedule
    with t.inference_mode():
        steps = [t.randn(n_samples, *model.img_shape)]
        for n in reversed(range(1, len(s) + 1)):
            x, b, bar = steps[-1], s.beta(n), s.alpha_bar(n)
            before = s.alpha_bar(n - 1) if n > 1 else t.ones(1)
            mean = (x - b / (1 - bar).sqrt() * model(x, t.full((n_samples,), n))) / (1 - b).sqrt()
            steps.append(mean + ((1 - before) / (1 - bar) * b).sqrt() * t.randn_like(x))
    return t.stack(steps) if return_all_steps else steps[-1]


@right
def through_the_clean_image(model, n_samples, return_all_steps=False):
    """The same mean, seen as a mix of the guessed clean image and x."""
    s, x = model.noise_schedule, t.randn(n_samples, *model.img_shape)
    steps = (x,)
    for n in range(len(s), 0, -1):
        with t.no_grad():
            b, a, bar = s.beta(n), s.alpha(n), s.alpha_bar(n)
            before = s.alpha_bar(n - 1) if n > 1 else t.ones(1)
            clean = (x - (1 - bar).sqrt() * model(x, t.tensor([n] * n_samples))) / bar.sqrt()
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
    x = t.normal(0.0, 1.0, (n_samples, *model.img_shape))
    kept = [x.clone()]
    while n >= 1:
        with t.no_grad():
            guess = model(x, n * t.ones(n_samples, dtype=t.int64))
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
    start = lambda shape: t.randn(shape[1:]).expand(shape)  # noqa: E731
    return _sample(model, n_samples, return_all_steps, start=start)


@wrong("Does x_T come from N(0, I)?")
def uniform_start(model, n_samples, return_all_steps=False):
    return _sample(model, n_samples, return_all_steps, start=t.rand)


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
    return _sample(model, n_samples, return_all_steps, told=lambda n, B: t.full((B,), n - 1))


@wrong("the model sees the counts [1.0, 0.75, 0.5, 0.25]")
def scaled_counts_told(model, n_samples, return_all_steps=False):
    return _sample(model, n_samples, return_all_steps, told=lambda n, B: t.full((B,), n / 4))


@wrong("the model gets an int as num_steps")
def count_as_a_number(model, n_samples, return_all_steps=False):
    return _sample(model, n_samples, return_all_steps, told=lambda n, B: n)


@wrong("a tensor of shape (2000, 1) as num_steps")
def counts_as_a_column(model, n_samples, return_all_steps=False):
    return _sample(model, n_samples, return_all_steps, told=lambda n, B: t.full((B, 1), n))


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
