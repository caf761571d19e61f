import torch as t

from tests.answers import right, wrong


def _augment(
    small,
    noise_schedule,
    level=None,
    draw=lambda B, T, device: t.randint(0, T // 2 + 1, (B,), device=device),
    used=lambda levels, T: levels,
    bar=lambda schedule, levels: t.where(levels > 0, schedule.alpha_bar(levels.clamp(min=1)), 1),
    noise=t.randn_like,
    mix=lambda a, x, e: a.sqrt() * x + (1 - a).sqrt() * e,
    give=lambda levels, noised: (levels, noised),
):
    """Right, but for what is replaced. used: the levels that ᾱ is taken of, where others are told"""
    B, T = len(small), len(noise_schedule)
    levels = draw(B, T, small.device) if level is None else t.full((B,), level, device=small.device)
    alpha_bar = bar(noise_schedule, used(levels, T)).reshape(-1, 1, 1, 1)
    return give(levels, mix(alpha_bar, small, noise(small)))


def _all_bars(noise_schedule):
    """ᾱ of levels 0, 1, ..., T."""
    counts = t.arange(1, len(noise_schedule) + 1, device=noise_schedule.device)
    return t.cat([t.ones(1, device=noise_schedule.device), noise_schedule.alpha_bar(counts)])


# ------------------------------------------------------------------------------------------------ right


@right
def by_a_longer_list(small, noise_schedule, level=None):
    if level is None:
        levels = t.randint(0, len(noise_schedule) // 2 + 1, (len(small),), device=small.device)
    else:
        levels = t.full((len(small),), level, device=small.device)
    alpha_bar = _all_bars(noise_schedule)[levels].reshape(-1, 1, 1, 1)
    return levels, alpha_bar.sqrt() * small + (1 - alpha_bar).sqrt() * t.randn_like(small)


@right
def drawn_by_rounding_down(small, noise_schedule, level=None):
    B, T = len(small), len(noise_schedule)
    levels = (t.rand(B, device=small.device) * (T // 2 + 1)).long()
    if level is not None:
        levels = t.full_like(levels, level)
    alpha_bar = t.where(levels > 0, noise_schedule.alpha_bar(levels.clamp(min=1)), 1).reshape(-1, 1, 1, 1)
    return levels, alpha_bar.sqrt() * small + (1 - alpha_bar).sqrt() * t.randn_like(small)


@right
def zeros_put_back(small, noise_schedule, level=None):
    if level is None:
        levels = t.randint(0, len(noise_schedule) // 2 + 1, (len(small),), device=small.device)
    else:
        levels = t.full((len(small),), level, device=small.device)
    a = noise_schedule.alpha_bar(levels.clamp(min=1)).reshape(-1, 1, 1, 1)
    noised = a.sqrt() * small + (1 - a).sqrt() * t.randn_like(small)
    untouched = (levels == 0).reshape(-1, 1, 1, 1)
    return levels, t.where(untouched, small, noised)


@right
def noise_taken_away(*given):
    return _augment(*given, mix=lambda a, x, e: a.sqrt() * x - (1 - a).sqrt() * e)


@right
def by_products(small, noise_schedule, level=None):
    if level is None:
        levels = t.randint(0, len(noise_schedule) // 2 + 1, (len(small),), device=small.device)
    else:
        levels = t.full((len(small),), level, device=small.device)
    kept = noise_schedule.alpha_bars[(levels - 1).clamp(min=0)]
    kept[levels == 0] = 1
    alpha_bar = kept[:, None, None, None]
    return levels, alpha_bar.sqrt() * small + (1 - alpha_bar).sqrt() * t.randn_like(small)


# ------------------------------------------------------------------------------------------------ wrong


@wrong("You swap the two factors.")
def swapped(*given):
    return _augment(*given, mix=lambda a, x, e: (1 - a).sqrt() * x + a.sqrt() * e)


@wrong("Where are both square roots?")
def no_roots(*given):
    return _augment(*given, mix=lambda a, x, e: a * x + (1 - a) * e)


@wrong("Where is the square root in front of the image?")
def no_root_for_the_image(*given):
    return _augment(*given, mix=lambda a, x, e: a * x + (1 - a).sqrt() * e)


@wrong("Where is the square root in front of the noise?")
def no_root_for_the_noise(*given):
    return _augment(*given, mix=lambda a, x, e: a.sqrt() * x + (1 - a) * e)


@wrong("You take the root of ᾱ alone. It covers all of 1 - ᾱ.")
def root_too_short(*given):
    return _augment(*given, mix=lambda a, x, e: a.sqrt() * x + (1 - a.sqrt()) * e)


@wrong("Where does the image fade?")
def not_faded(*given):
    return _augment(*given, mix=lambda a, x, e: x + (1 - a).sqrt() * e)


@wrong("Where is the noise scaled?")
def noise_not_scaled(*given):
    return _augment(*given, mix=lambda a, x, e: a.sqrt() * x + (a < 1) * e)


@wrong("You noise them twice.")
def noised_twice(*given):
    return _augment(*given, mix=lambda a, x, e: a * x + (1 - a**2).sqrt() * e)


@wrong("You take the α of one step. Where is ᾱ of the level?")
def one_step(*given):
    return _augment(*given, bar=lambda s, n: t.where(n > 0, s.alpha(n.clamp(min=1)), 1))


@wrong("You take the β of one step. Where is ᾱ of the level?")
def beta_of_one_step(*given):
    return _augment(*given, bar=lambda s, n: t.where(n > 0, s.beta(n.clamp(min=1)), 1))


@wrong("You clamp it. A noised image may leave that range.")
def clamped(*given):
    return _augment(*given, give=lambda levels, x: (levels, x.clamp(-1, 1)))


@wrong("nothing is drawn")
def as_it_came(*given):
    return _augment(*given, mix=lambda a, x, e: x)


@wrong("nothing is drawn")
def faded_alone(*given):
    return _augment(*given, mix=lambda a, x, e: a.sqrt() * x)


@wrong("You return the noise alone.")
def noise_alone(*given):
    return _augment(*given, mix=lambda a, x, e: t.where(a == 1, x, (1 - a).sqrt() * e))


@wrong("You use the level below the one that you tell.")
def one_below(*given):
    return _augment(*given, used=lambda levels, T: (levels - 1).clamp(min=0))


@wrong("You use the level above the one that you tell.")
def one_above(*given):
    return _augment(*given, used=lambda levels, T: t.where(levels > 0, levels + 1, 0).clamp(max=T))


@wrong("with level=0 the images are changed")
def zero_taken_for_one(*given):
    return _augment(*given, used=lambda levels, T: levels.clamp(min=1))


@wrong("alpha_bar takes no 0.\nWhere is ᾱ of level 0?")
def zero_rejected(*given):
    return _augment(*given, bar=lambda s, n: s.alpha_bar(n))


@wrong("with level=0 the images are changed")
def row_minus_1(*given):
    return _augment(*given, bar=lambda s, n: s.alpha_bars[n - 1])


@wrong("You always use level T.")
def always_t(*given):
    return _augment(*given, used=lambda levels, T: t.where(levels > 0, T, 0))


@wrong("Where is T halved?")
def up_to_t(*given):
    return _augment(*given, draw=lambda B, T, device: t.randint(0, T + 1, (B,), device=device))


@wrong("You go beyond T / 2, which is rounded down.")
def rounded_up(*given):
    return _augment(*given, draw=lambda B, T, device: t.randint(0, (T + 1) // 2 + 1, (B,), device=device))


@wrong("Where is T / 2 itself?")
def upper_end_left_out(*given):
    return _augment(*given, draw=lambda B, T, device: t.randint(0, T // 2, (B,), device=device))


@wrong("Where is T / 2 itself?")
def upper_end_rounded_away(*given):
    return _augment(*given, draw=lambda B, T, device: (t.rand(B, device=device) * (T // 2)).long())


@wrong("You begin at another level.")
def from_1(*given):
    return _augment(*given, draw=lambda B, T, device: t.randint(1, T // 2 + 1, (B,), device=device))


@wrong("all images get level")
def one_level_for_all(*given):
    return _augment(*given, draw=lambda B, T, device: t.randint(0, T // 2 + 1, (1,), device=device).expand(B))


@wrong("You draw them unevenly.")
def rounded_levels(*given):
    return _augment(*given, draw=lambda B, T, device: (t.rand(B, device=device) * (T // 2)).round().int())


@wrong("Where are the levels drawn?")
def in_turn(*given):
    return _augment(*given, draw=lambda B, T, device: t.arange(B, device=device) % (T // 2 + 1))


@wrong("You use the level of the first image for all.")
def first_used(*given):
    return _augment(*given, used=lambda levels, T: levels[:1])


@wrong("You use the highest level for all.")
def highest_used(*given):
    return _augment(*given, used=lambda levels, T: levels.max().expand_as(levels))


@wrong("You use the lowest level for all.")
def lowest_used(*given):
    return _augment(*given, used=lambda levels, T: levels.min().expand_as(levels))


@wrong("You noise to other levels than those that you tell.")
def drawn_twice(*given):
    return _augment(*given, used=lambda levels, T: levels[t.randperm(len(levels))])


@wrong("Where is the tensor of what the model is told, also for a level that is given?")
def told_as_a_number(*given):
    return _augment(*given, give=lambda levels, x: (levels[0].item(), x))


@wrong("You tell another level than the one that was asked for.")
def told_another(*given):
    return _augment(*given, give=lambda levels, x: (levels + 1, x))


@wrong("the levels come second")
def order(*given):
    return _augment(*given, give=lambda levels, x: (x, levels))


@wrong("expected two: the levels and the noised images.\nWhere are the levels?")
def images_alone(*given):
    return _augment(*given, give=lambda levels, x: x)


@wrong("You draw between 0 and 1. The noise is drawn from N(0, 1).")
def uniform_from_0(*given):
    return _augment(*given, noise=t.rand_like)


@wrong("You draw between 0 and 1.")
def uniform(*given):
    return _augment(*given, noise=lambda small: 2 * t.rand_like(small))


@wrong("every image gets the same noise.\nYou draw too few numbers: each number of small gets its own.")
def one_noise_for_all(*given):
    return _augment(*given, noise=lambda small: t.randn_like(small[:1]))


@wrong("You set a seed inside.")
def seeded(*given):
    return _augment(*given, noise=lambda small: t.randn(small.shape, generator=t.Generator().manual_seed(0)))


@wrong("it mixes tensors of two devices")
def noise_on_the_cpu(*given):
    return _augment(*given, noise=lambda small: t.randn(small.shape))


@wrong("changes the small it is given")
def in_place(*given):
    return _augment(*given, mix=lambda a, x, e: x.mul_(a.sqrt()).add_((1 - a).sqrt() * e))


@wrong("You return fractions.")
def shares_told(small, noise_schedule, level=None):
    give = lambda levels, x: (levels / len(noise_schedule), x)  # noqa: E731
    return _augment(small, noise_schedule, level, give=give)


@wrong("You take a level of 0 for none. In Python, 0 counts as false.")
def zero_counts_as_none(small, noise_schedule, level=None):
    return _augment(small, noise_schedule, level or None)


@wrong("the levels are on the CPU")
def level_0_apart(small, noise_schedule, level=None):
    if level == 0:
        return t.zeros(len(small), dtype=t.int64), small
    return _augment(small, noise_schedule, level)


@wrong("RuntimeError: The size of tensor a")
def not_reshaped(*given):
    return _augment(*given, mix=lambda a, x, e: a.flatten().sqrt() * x + (1 - a.flatten()).sqrt() * e)


# ------------------------------------------------------------------------------------------------ mutants


EQUIVALENT = {
    "noise is as likely as the same noise with its sign turned": [
        "return (levels, alpha_bar.sqrt() * small + (1 - alpha_bar).sqrt() * t.randn_like(small)) -> return (levels, alpha_bar.sqrt() * small - (1 - alpha_bar).sqrt() * t.randn_like(small))",
    ],
    "t.randint begins at 0 by itself": [
        "levels = t.randint(0, T // 2 + 1, (B,), device=small.device) -> levels = t.randint(T // 2 + 1, (B,), device=small.device)",
    ],
}
