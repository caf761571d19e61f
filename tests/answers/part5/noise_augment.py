import torch as t

from tests.answers import right, wrong


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
def noise_taken_away(small, noise_schedule, level=None):
    if level is None:
        levels = t.randint(0, len(noise_schedule) // 2 + 1, (len(small),), device=small.device)
    else:
        levels = t.full((len(small),), level, device=small.device)
    alpha_bar = t.where(levels > 0, noise_schedule.alpha_bar(levels.clamp(min=1)), 1).reshape(-1, 1, 1, 1)
    return levels, alpha_bar.sqrt() * small - (1 - alpha_bar).sqrt() * t.randn_like(small)


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
def swapped(small, noise_schedule, level=None):
    if level is None:
        levels = t.randint(0, len(noise_schedule) // 2 + 1, (len(small),), device=small.device)
    else:
        levels = t.full((len(small),), level, device=small.device)
    alpha_bar = t.where(levels > 0, noise_schedule.alpha_bar(levels.clamp(min=1)), 1).reshape(-1, 1, 1, 1)
    return levels, (1 - alpha_bar).sqrt() * small + alpha_bar.sqrt() * t.randn_like(small)


@wrong("Where are both square roots?")
def no_roots(small, noise_schedule, level=None):
    if level is None:
        levels = t.randint(0, len(noise_schedule) // 2 + 1, (len(small),), device=small.device)
    else:
        levels = t.full((len(small),), level, device=small.device)
    alpha_bar = t.where(levels > 0, noise_schedule.alpha_bar(levels.clamp(min=1)), 1).reshape(-1, 1, 1, 1)
    return levels, alpha_bar * small + (1 - alpha_bar) * t.randn_like(small)


@wrong("Where is the square root in front of the image?")
def no_root_for_the_image(small, noise_schedule, level=None):
    if level is None:
        levels = t.randint(0, len(noise_schedule) // 2 + 1, (len(small),), device=small.device)
    else:
        levels = t.full((len(small),), level, device=small.device)
    alpha_bar = t.where(levels > 0, noise_schedule.alpha_bar(levels.clamp(min=1)), 1).reshape(-1, 1, 1, 1)
    return levels, alpha_bar * small + (1 - alpha_bar).sqrt() * t.randn_like(small)


@wrong("Where is the square root in front of the noise?")
def no_root_for_the_noise(small, noise_schedule, level=None):
    if level is None:
        levels = t.randint(0, len(noise_schedule) // 2 + 1, (len(small),), device=small.device)
    else:
        levels = t.full((len(small),), level, device=small.device)
    alpha_bar = t.where(levels > 0, noise_schedule.alpha_bar(levels.clamp(min=1)), 1).reshape(-1, 1, 1, 1)
    return levels, alpha_bar.sqrt() * small + (1 - alpha_bar) * t.randn_like(small)


@wrong("You take the root of ᾱ alone. It covers all of 1 - ᾱ.")
def root_too_short(small, noise_schedule, level=None):
    if level is None:
        levels = t.randint(0, len(noise_schedule) // 2 + 1, (len(small),), device=small.device)
    else:
        levels = t.full((len(small),), level, device=small.device)
    alpha_bar = t.where(levels > 0, noise_schedule.alpha_bar(levels.clamp(min=1)), 1).reshape(-1, 1, 1, 1)
    return levels, alpha_bar.sqrt() * small + (1 - alpha_bar.sqrt()) * t.randn_like(small)


@wrong("Where does the image fade?")
def not_faded(small, noise_schedule, level=None):
    if level is None:
        levels = t.randint(0, len(noise_schedule) // 2 + 1, (len(small),), device=small.device)
    else:
        levels = t.full((len(small),), level, device=small.device)
    alpha_bar = t.where(levels > 0, noise_schedule.alpha_bar(levels.clamp(min=1)), 1).reshape(-1, 1, 1, 1)
    return levels, small + (1 - alpha_bar).sqrt() * t.randn_like(small)


@wrong("Where is the noise scaled?")
def noise_not_scaled(small, noise_schedule, level=None):
    if level is None:
        levels = t.randint(0, len(noise_schedule) // 2 + 1, (len(small),), device=small.device)
    else:
        levels = t.full((len(small),), level, device=small.device)
    alpha_bar = t.where(levels > 0, noise_schedule.alpha_bar(levels.clamp(min=1)), 1).reshape(-1, 1, 1, 1)
    return levels, alpha_bar.sqrt() * small + (levels > 0).reshape(-1, 1, 1, 1) * t.randn_like(small)


@wrong("You take the α of one step. Where is ᾱ of the level?")
def one_step(small, noise_schedule, level=None):
    if level is None:
        levels = t.randint(0, len(noise_schedule) // 2 + 1, (len(small),), device=small.device)
    else:
        levels = t.full((len(small),), level, device=small.device)
    alpha_bar = t.where(levels > 0, noise_schedule.alpha(levels.clamp(min=1)), 1).reshape(-1, 1, 1, 1)
    return levels, alpha_bar.sqrt() * small + (1 - alpha_bar).sqrt() * t.randn_like(small)


@wrong("You clamp it. A noised image may leave that range.")
def clamped(small, noise_schedule, level=None):
    if level is None:
        levels = t.randint(0, len(noise_schedule) // 2 + 1, (len(small),), device=small.device)
    else:
        levels = t.full((len(small),), level, device=small.device)
    alpha_bar = t.where(levels > 0, noise_schedule.alpha_bar(levels.clamp(min=1)), 1).reshape(-1, 1, 1, 1)
    return levels, (alpha_bar.sqrt() * small + (1 - alpha_bar).sqrt() * t.randn_like(small)).clamp(-1, 1)


@wrong("nothing is drawn")
def as_it_came(small, noise_schedule, level=None):
    if level is None:
        levels = t.randint(0, len(noise_schedule) // 2 + 1, (len(small),), device=small.device)
    else:
        levels = t.full((len(small),), level, device=small.device)
    return levels, small


@wrong("nothing is drawn")
def faded_alone(small, noise_schedule, level=None):
    if level is None:
        levels = t.randint(0, len(noise_schedule) // 2 + 1, (len(small),), device=small.device)
    else:
        levels = t.full((len(small),), level, device=small.device)
    alpha_bar = t.where(levels > 0, noise_schedule.alpha_bar(levels.clamp(min=1)), 1).reshape(-1, 1, 1, 1)
    return levels, alpha_bar.sqrt() * small


@wrong("You return the noise alone.")
def noise_alone(small, noise_schedule, level=None):
    if level is None:
        levels = t.randint(0, len(noise_schedule) // 2 + 1, (len(small),), device=small.device)
    else:
        levels = t.full((len(small),), level, device=small.device)
    alpha_bar = t.where(levels > 0, noise_schedule.alpha_bar(levels.clamp(min=1)), 1).reshape(-1, 1, 1, 1)
    return levels, t.where(alpha_bar == 1, small, (1 - alpha_bar).sqrt() * t.randn_like(small))


@wrong("You use the level below the one that you tell.")
def one_below(small, noise_schedule, level=None):
    if level is None:
        levels = t.randint(0, len(noise_schedule) // 2 + 1, (len(small),), device=small.device)
    else:
        levels = t.full((len(small),), level, device=small.device)
    alpha_bar = t.where(levels > 1, noise_schedule.alpha_bar((levels - 1).clamp(min=1)), 1).reshape(-1, 1, 1, 1)
    return levels, alpha_bar.sqrt() * small + (1 - alpha_bar).sqrt() * t.randn_like(small)


@wrong("You use the level above the one that you tell.")
def one_above(small, noise_schedule, level=None):
    if level is None:
        levels = t.randint(0, len(noise_schedule) // 2 + 1, (len(small),), device=small.device)
    else:
        levels = t.full((len(small),), level, device=small.device)
    alpha_bar = noise_schedule.alpha_bar((levels + 1).clamp(max=len(noise_schedule))).reshape(-1, 1, 1, 1)
    alpha_bar = t.where(levels.reshape(-1, 1, 1, 1) > 0, alpha_bar, 1)
    return levels, alpha_bar.sqrt() * small + (1 - alpha_bar).sqrt() * t.randn_like(small)


@wrong("with level=0 the images are changed")
def zero_taken_for_one(small, noise_schedule, level=None):
    if level is None:
        levels = t.randint(0, len(noise_schedule) // 2 + 1, (len(small),), device=small.device)
    else:
        levels = t.full((len(small),), level, device=small.device)
    alpha_bar = noise_schedule.alpha_bar(levels.clamp(min=1)).reshape(-1, 1, 1, 1)
    return levels, alpha_bar.sqrt() * small + (1 - alpha_bar).sqrt() * t.randn_like(small)


@wrong("You take a level of 0 for none. In Python, 0 counts as false.")
def zero_counts_as_none(small, noise_schedule, level=None):
    if not level:
        levels = t.randint(0, len(noise_schedule) // 2 + 1, (len(small),), device=small.device)
    else:
        levels = t.full((len(small),), level, device=small.device)
    alpha_bar = t.where(levels > 0, noise_schedule.alpha_bar(levels.clamp(min=1)), 1).reshape(-1, 1, 1, 1)
    return levels, alpha_bar.sqrt() * small + (1 - alpha_bar).sqrt() * t.randn_like(small)


@wrong("alpha_bar takes no 0.\nWhere is ᾱ of level 0?")
def zero_rejected(small, noise_schedule, level=None):
    if level is None:
        levels = t.randint(0, len(noise_schedule) // 2 + 1, (len(small),), device=small.device)
    else:
        levels = t.full((len(small),), level, device=small.device)
    alpha_bar = noise_schedule.alpha_bar(levels).reshape(-1, 1, 1, 1)
    return levels, alpha_bar.sqrt() * small + (1 - alpha_bar).sqrt() * t.randn_like(small)


@wrong("Where is T / 2 itself?")
def upper_end_rounded_away(small, noise_schedule, level=None):
    levels = (t.rand(len(small), device=small.device) * (len(noise_schedule) // 2)).long()
    if level is not None:
        levels = t.full_like(levels, level)
    alpha_bar = _all_bars(noise_schedule)[levels].reshape(-1, 1, 1, 1)
    return levels, alpha_bar.sqrt() * small + (1 - alpha_bar).sqrt() * t.randn_like(small)


@wrong("with level=0 the images are changed")
def row_minus_1(small, noise_schedule, level=None):
    if level is None:
        levels = t.randint(0, len(noise_schedule) // 2 + 1, (len(small),), device=small.device)
    else:
        levels = t.full((len(small),), level, device=small.device)
    alpha_bar = noise_schedule.alpha_bars[levels - 1].reshape(-1, 1, 1, 1)
    return levels, alpha_bar.sqrt() * small + (1 - alpha_bar).sqrt() * t.randn_like(small)


@wrong("You always use level T.")
def always_t(small, noise_schedule, level=None):
    if level is None:
        levels = t.randint(0, len(noise_schedule) // 2 + 1, (len(small),), device=small.device)
    else:
        levels = t.full((len(small),), level, device=small.device)
    alpha_bar = t.where(levels > 0, noise_schedule.alpha_bar(len(noise_schedule)), 1).reshape(-1, 1, 1, 1)
    return levels, alpha_bar.sqrt() * small + (1 - alpha_bar).sqrt() * t.randn_like(small)


@wrong("Where is T halved?")
def up_to_t(small, noise_schedule, level=None):
    if level is None:
        levels = t.randint(0, len(noise_schedule) + 1, (len(small),), device=small.device)
    else:
        levels = t.full((len(small),), level, device=small.device)
    alpha_bar = t.where(levels > 0, noise_schedule.alpha_bar(levels.clamp(min=1)), 1).reshape(-1, 1, 1, 1)
    return levels, alpha_bar.sqrt() * small + (1 - alpha_bar).sqrt() * t.randn_like(small)


@wrong("Where is T / 2 itself?")
def upper_end_left_out(small, noise_schedule, level=None):
    if level is None:
        levels = t.randint(0, len(noise_schedule) // 2, (len(small),), device=small.device)
    else:
        levels = t.full((len(small),), level, device=small.device)
    alpha_bar = t.where(levels > 0, noise_schedule.alpha_bar(levels.clamp(min=1)), 1).reshape(-1, 1, 1, 1)
    return levels, alpha_bar.sqrt() * small + (1 - alpha_bar).sqrt() * t.randn_like(small)


@wrong("You begin at another level.")
def from_1(small, noise_schedule, level=None):
    if level is None:
        levels = t.randint(1, len(noise_schedule) // 2 + 1, (len(small),), device=small.device)
    else:
        levels = t.full((len(small),), level, device=small.device)
    alpha_bar = t.where(levels > 0, noise_schedule.alpha_bar(levels.clamp(min=1)), 1).reshape(-1, 1, 1, 1)
    return levels, alpha_bar.sqrt() * small + (1 - alpha_bar).sqrt() * t.randn_like(small)


@wrong("all images get level")
def one_level_for_all(small, noise_schedule, level=None):
    if level is None:
        levels = t.randint(0, len(noise_schedule) // 2 + 1, (1,), device=small.device).expand(len(small))
    else:
        levels = t.full((len(small),), level, device=small.device)
    alpha_bar = t.where(levels > 0, noise_schedule.alpha_bar(levels.clamp(min=1)), 1).reshape(-1, 1, 1, 1)
    return levels, alpha_bar.sqrt() * small + (1 - alpha_bar).sqrt() * t.randn_like(small)


@wrong("You use the level of the first image for all.")
def first_used(small, noise_schedule, level=None):
    if level is None:
        levels = t.randint(0, len(noise_schedule) // 2 + 1, (len(small),), device=small.device)
    else:
        levels = t.full((len(small),), level, device=small.device)
    alpha_bar = t.where(levels[:1] > 0, noise_schedule.alpha_bar(levels[:1].clamp(min=1)), 1).reshape(-1, 1, 1, 1)
    return levels, alpha_bar.sqrt() * small + (1 - alpha_bar).sqrt() * t.randn_like(small)


@wrong("You use the highest level for all.")
def highest_used(small, noise_schedule, level=None):
    if level is None:
        levels = t.randint(0, len(noise_schedule) // 2 + 1, (len(small),), device=small.device)
    else:
        levels = t.full((len(small),), level, device=small.device)
    levels, told = levels.max().expand_as(levels), levels
    alpha_bar = t.where(levels > 0, noise_schedule.alpha_bar(levels.clamp(min=1)), 1).reshape(-1, 1, 1, 1)
    return told, alpha_bar.sqrt() * small + (1 - alpha_bar).sqrt() * t.randn_like(small)


@wrong("You use the lowest level for all.")
def lowest_used(small, noise_schedule, level=None):
    if level is None:
        levels = t.randint(0, len(noise_schedule) // 2 + 1, (len(small),), device=small.device)
    else:
        levels = t.full((len(small),), level, device=small.device)
    levels, told = levels.min().expand_as(levels), levels
    alpha_bar = t.where(levels > 0, noise_schedule.alpha_bar(levels.clamp(min=1)), 1).reshape(-1, 1, 1, 1)
    return told, alpha_bar.sqrt() * small + (1 - alpha_bar).sqrt() * t.randn_like(small)


@wrong("Where is the tensor of what the model is told, also for a level that is given?")
def told_as_a_number(small, noise_schedule, level=None):
    if level is None:
        levels = t.randint(0, len(noise_schedule) // 2 + 1, (len(small),), device=small.device)
    else:
        levels = t.full((len(small),), level, device=small.device)
    alpha_bar = t.where(levels > 0, noise_schedule.alpha_bar(levels.clamp(min=1)), 1).reshape(-1, 1, 1, 1)
    return level or 0, alpha_bar.sqrt() * small + (1 - alpha_bar).sqrt() * t.randn_like(small)


@wrong("You tell another level than the one that was asked for.")
def told_another(small, noise_schedule, level=None):
    if level is None:
        levels = t.randint(0, len(noise_schedule) // 2 + 1, (len(small),), device=small.device)
    else:
        levels = t.full((len(small),), level, device=small.device)
    alpha_bar = t.where(levels > 0, noise_schedule.alpha_bar(levels.clamp(min=1)), 1).reshape(-1, 1, 1, 1)
    return levels + 1, alpha_bar.sqrt() * small + (1 - alpha_bar).sqrt() * t.randn_like(small)


@wrong("You noise to other levels than those that you tell.")
def drawn_twice(small, noise_schedule, level=None):
    if level is None:
        levels = t.randint(0, len(noise_schedule) // 2 + 1, (len(small),), device=small.device)
    else:
        levels = t.full((len(small),), level, device=small.device)
    used = levels[t.randperm(len(levels))]
    alpha_bar = t.where(used > 0, noise_schedule.alpha_bar(used.clamp(min=1)), 1).reshape(-1, 1, 1, 1)
    return levels, alpha_bar.sqrt() * small + (1 - alpha_bar).sqrt() * t.randn_like(small)


@wrong("the levels come second")
def order(small, noise_schedule, level=None):
    if level is None:
        levels = t.randint(0, len(noise_schedule) // 2 + 1, (len(small),), device=small.device)
    else:
        levels = t.full((len(small),), level, device=small.device)
    alpha_bar = t.where(levels > 0, noise_schedule.alpha_bar(levels.clamp(min=1)), 1).reshape(-1, 1, 1, 1)
    return alpha_bar.sqrt() * small + (1 - alpha_bar).sqrt() * t.randn_like(small), levels


@wrong("expected two: the levels and the noised images.\nWhere are the levels?")
def images_alone(small, noise_schedule, level=None):
    if level is None:
        levels = t.randint(0, len(noise_schedule) // 2 + 1, (len(small),), device=small.device)
    else:
        levels = t.full((len(small),), level, device=small.device)
    alpha_bar = t.where(levels > 0, noise_schedule.alpha_bar(levels.clamp(min=1)), 1).reshape(-1, 1, 1, 1)
    return alpha_bar.sqrt() * small + (1 - alpha_bar).sqrt() * t.randn_like(small)


@wrong("You draw them unevenly.")
def rounded_levels(small, noise_schedule, level=None):
    if level is None:
        levels = (t.rand(len(small), device=small.device) * (len(noise_schedule) // 2)).round().int()
    else:
        levels = t.full((len(small),), level, device=small.device)
    alpha_bar = t.where(levels > 0, noise_schedule.alpha_bar(levels.clamp(min=1)), 1).reshape(-1, 1, 1, 1)
    return levels, alpha_bar.sqrt() * small + (1 - alpha_bar).sqrt() * t.randn_like(small)


@wrong("the levels are on the CPU")
def level_0_apart(small, noise_schedule, level=None):
    if level == 0:
        return t.zeros(len(small), dtype=t.int64), small
    if level is None:
        levels = t.randint(0, len(noise_schedule) // 2 + 1, (len(small),), device=small.device)
    else:
        levels = t.full((len(small),), level, device=small.device)
    alpha_bar = t.where(levels > 0, noise_schedule.alpha_bar(levels.clamp(min=1)), 1).reshape(-1, 1, 1, 1)
    return levels, alpha_bar.sqrt() * small + (1 - alpha_bar).sqrt() * t.randn_like(small)


@wrong("You draw between 0 and 1. The noise is drawn from N(0, 1).")
def uniform_from_0(small, noise_schedule, level=None):
    if level is None:
        levels = t.randint(0, len(noise_schedule) // 2 + 1, (len(small),), device=small.device)
    else:
        levels = t.full((len(small),), level, device=small.device)
    alpha_bar = t.where(levels > 0, noise_schedule.alpha_bar(levels.clamp(min=1)), 1).reshape(-1, 1, 1, 1)
    return levels, alpha_bar.sqrt() * small + (1 - alpha_bar).sqrt() * t.rand_like(small)


@wrong("You return fractions.")
def shares_told(small, noise_schedule, level=None):
    if level is None:
        levels = t.randint(0, len(noise_schedule) // 2 + 1, (len(small),), device=small.device)
    else:
        levels = t.full((len(small),), level, device=small.device)
    alpha_bar = t.where(levels > 0, noise_schedule.alpha_bar(levels.clamp(min=1)), 1).reshape(-1, 1, 1, 1)
    return levels / len(noise_schedule), alpha_bar.sqrt() * small + (1 - alpha_bar).sqrt() * t.randn_like(small)


@wrong("every image gets the same noise.\nYou draw too few numbers: each number of small gets its own.")
def one_noise_for_all(small, noise_schedule, level=None):
    if level is None:
        levels = t.randint(0, len(noise_schedule) // 2 + 1, (len(small),), device=small.device)
    else:
        levels = t.full((len(small),), level, device=small.device)
    alpha_bar = t.where(levels > 0, noise_schedule.alpha_bar(levels.clamp(min=1)), 1).reshape(-1, 1, 1, 1)
    return levels, alpha_bar.sqrt() * small + (1 - alpha_bar).sqrt() * t.randn_like(small[:1])


@wrong("You draw between 0 and 1.")
def uniform(small, noise_schedule, level=None):
    if level is None:
        levels = t.randint(0, len(noise_schedule) // 2 + 1, (len(small),), device=small.device)
    else:
        levels = t.full((len(small),), level, device=small.device)
    alpha_bar = t.where(levels > 0, noise_schedule.alpha_bar(levels.clamp(min=1)), 1).reshape(-1, 1, 1, 1)
    return levels, alpha_bar.sqrt() * small + (1 - alpha_bar).sqrt() * 2 * t.rand_like(small)


@wrong("changes the small it is given")
def in_place(small, noise_schedule, level=None):
    if level is None:
        levels = t.randint(0, len(noise_schedule) // 2 + 1, (len(small),), device=small.device)
    else:
        levels = t.full((len(small),), level, device=small.device)
    alpha_bar = t.where(levels > 0, noise_schedule.alpha_bar(levels.clamp(min=1)), 1).reshape(-1, 1, 1, 1)
    return levels, small.mul_(alpha_bar.sqrt()).add_((1 - alpha_bar).sqrt() * t.randn_like(small))


@wrong("RuntimeError: The size of tensor a")
def not_reshaped(small, noise_schedule, level=None):
    if level is None:
        levels = t.randint(0, len(noise_schedule) // 2 + 1, (len(small),), device=small.device)
    else:
        levels = t.full((len(small),), level, device=small.device)
    alpha_bar = t.where(levels > 0, noise_schedule.alpha_bar(levels.clamp(min=1)), 1)
    return levels, alpha_bar.sqrt() * small + (1 - alpha_bar).sqrt() * t.randn_like(small)


@wrong("it mixes tensors of two devices")
def noise_on_the_cpu(small, noise_schedule, level=None):
    if level is None:
        levels = t.randint(0, len(noise_schedule) // 2 + 1, (len(small),), device=small.device)
    else:
        levels = t.full((len(small),), level, device=small.device)
    alpha_bar = t.where(levels > 0, noise_schedule.alpha_bar(levels.clamp(min=1)), 1).reshape(-1, 1, 1, 1)
    return levels, alpha_bar.sqrt() * small + (1 - alpha_bar).sqrt() * t.randn(small.shape)


# ------------------------------------------------------------------------------------------------ mutants


EQUIVALENT = {
    "noise is as likely as the same noise with its sign turned": [
        "return (levels, alpha_bar.sqrt() * small + (1 - alpha_bar).sqrt() * t.randn_like(small)) -> return (levels, alpha_bar.sqrt() * small - (1 - alpha_bar).sqrt() * t.randn_like(small))",
    ],
    "t.randint begins at 0 by itself": [
        "levels = t.randint(0, T // 2 + 1, (B,), device=small.device) -> levels = t.randint(T // 2 + 1, (B,), device=small.device)",
    ],
}
