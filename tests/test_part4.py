"""The first half of Part 4 in small: the exact world, a network that listens, guidance, and what the text says of them."""

import json
from itertools import pairwise

import pytest
import torch as t
from torch import nn

import utils
from solutions import part1_diffusion as part1
from solutions import part3_fashion_mnist as part3
from solutions import part4_guidance as part4


def stored(name: str) -> dict:
    return json.loads((utils.ASSETS / name).read_text(encoding="utf-8"))


# ------------------------------------------------------------------------------------------------ the exact world


def test_the_best_guess_cannot_be_beaten():
    """Of all multiples of it, and of it with a shift, itself has the smallest error."""
    t.manual_seed(0)
    world, points = part4.World(), part4.draw_points(20_000).reshape(-1, 1, 1, 2)
    num_steps, noise, noised = part1.noise_img(points, world.noise_schedule)
    guess = world(noised, num_steps)
    error = (guess - noise).square().mean()
    assert all((other - noise).square().mean() > error for other in (0.97 * guess, 1.03 * guess, guess + 0.03))
    assert (guess * (guess - noise)).mean().abs() < 0.01, "what is left over has nothing to do with the guess"


def test_without_spread_it_is_what_fits():
    x, a, means = t.randn(5, 2), t.tensor(0.4), t.randn(3, 2)
    _, x0 = part1.what_fits(x, means, a)
    noise = part4.mixture_noise(x, a.expand(5), means, t.full((5, 3), 1 / 3), 0.0)
    assert noise.allclose((x - a.sqrt() * x0) / (1 - a).sqrt(), atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("wanted", [part4.EITHER, part4.LEFT, part4.RIGHT])
def test_sample_draws_from_the_world(wanted):
    """Each Gaussian comes as often as its weight says, at its mean and with its spread."""
    t.manual_seed(0)
    points = part4.draw_guided(1.0, 4000, wanted)
    near = t.cdist(points, part4.MEANS).argmin(dim=1)
    truth = part4.draw_points(40_000, wanted)
    near_truth = t.cdist(truth, part4.MEANS).argmin(dim=1)
    for k, weight in enumerate(part4.WEIGHTS[wanted]):
        share, share_truth = ((each == k).float().mean().item() for each in (near, near_truth))
        assert share == pytest.approx(share_truth, abs=0.04)
        if weight:
            assert points[near == k].mean(dim=0).allclose(truth[near_truth == k].mean(dim=0), atol=0.03)
            assert points[near == k].std(dim=0).allclose(truth[near_truth == k].std(dim=0), rtol=0.15)


@pytest.mark.slow
def test_guidance_drops_shifts_and_keeps_no_promise():
    """The text: what lies near the other class gets rarer and moves outward; it's neither p(x | c) nor the tilted one."""
    axis = t.linspace(-1.1, 1.1, 221)
    grid = t.stack(t.meshgrid(axis, axis, indexing="xy"), dim=-1)
    shares, places, promises = [], [], []
    for w in (1.0, 3.0, 6.0):
        t.manual_seed(0)
        points = part4.draw_guided(w, 3000)
        lower = points[:, 1] < 0
        shares.append(lower.float().mean().item())
        places.append(points[lower].mean(dim=0)[0].item())
        promised = part4.promised(grid, part4.LEFT, w)
        promises.append((promised * (grid[..., 1] < 0)).sum().item() / promised.sum().item())
    assert shares[0] == pytest.approx(0.5, abs=0.04) and shares[0] > shares[1] > shares[2]
    assert places[0] == pytest.approx(-0.1, abs=0.03) and places[0] > places[1] > places[2]
    assert promises[1] > shares[1] + 0.1 and promises[2] > shares[2] + 0.1
    assert part4.promised(grid, part4.LEFT, 1.0).allclose(part4.density(grid, part4.LEFT), atol=1e-3)


def test_line_4_gives_the_formula():
    """Guidance of exact guesses against the slope of ln p(x) + w ln p(c | x), by autograd."""
    world, n, w = part4.World(), 60, 2.5
    a = world.noise_schedule.alpha_bar(n)
    x = t.randn(50, 2, requires_grad=True)

    def log_density(wanted: int) -> t.Tensor:
        squares = (x[:, None] - a.sqrt() * part4.MEANS).square().sum(dim=2)
        return (part4.WEIGHTS[wanted].log() - squares / (2 * (a * part4.STD**2 + 1 - a))).logsumexp(dim=1)

    either, left = log_density(part4.EITHER), log_density(part4.LEFT)
    slope = t.autograd.grad((either + w * (left - either)).sum(), x)[0]
    images = x.detach().reshape(-1, 1, 1, 2)
    guided = part4.Guided(world, t.full((50,), part4.LEFT), part4.EITHER, w)
    assert guided(images, t.full((50,), n)).flatten(1).allclose(-(1 - a).sqrt() * slope, atol=1e-3)


# ------------------------------------------------------------------------------------------------ a network that listens


class Own(nn.Module):
    """A learner's network: other names, but images, num_steps and condition."""

    img_shape = (1, 4, 4)

    def __init__(self) -> None:
        super().__init__()
        self.my_layers = nn.Sequential(nn.Linear(16 + 1 + 8, 64), nn.SiLU(), nn.Linear(64, 16))

    def forward(self, images: t.Tensor, num_steps: t.Tensor, condition: t.Tensor | None = None) -> t.Tensor:
        condition = t.zeros(len(images), 8) if condition is None else condition
        x = t.cat([images.flatten(1), num_steps[:, None] / 20, condition], dim=1)
        return self.my_layers(x).reshape(images.shape)


def small_listener() -> part4.Listener:
    t.manual_seed(0)
    return part4.Listener(Own(), part1.NoiseSchedule(20, "cpu", part3.cosine_schedule(20)), nn.Embedding(3, 8), 2)


def small_config(**settings) -> dict:
    default = dict(lr=0.02, warmup=3, n_steps=800, batch_size=32, decay=0.9, share=0.2, mirror=False, bf16=False)
    return default | dict(device="cpu", img_log_interval=1000) | settings


def two_kinds() -> tuple[t.Tensor, t.Tensor]:
    """Images that are all white or all black, and which."""
    labels = t.arange(64) % 2
    return (2.0 * labels - 1).reshape(-1, 1, 1, 1).expand(-1, 1, 4, 4).contiguous(), labels


def test_a_small_network_of_ones_own_learns_to_listen():
    images, labels = two_kinds()
    model = part4.train_listener(small_listener(), small_config(), images, labels)
    drawn = part3.ddim_sample(part4.Guided(model, labels, model.null, 1.0), 64, n_steps=20)
    assert ((drawn.mean(dim=(1, 2, 3)) > 0) == (labels == 1)).float().mean() > 0.9
    free = part3.ddim_sample(model, 64, n_steps=20)  # told nothing
    assert 4 < (free.mean(dim=(1, 2, 3)) > 0).sum() < 60


def test_a_listener_may_begin_with_a_network_that_draws():
    drawer = part3.NoiseGuesser(Own(), part1.NoiseSchedule(20, "cpu")).requires_grad_(False)
    model = part4.continue_from(drawer, small_listener())
    assert all(p.requires_grad for p in model.parameters())
    before = [p.clone() for p in drawer.parameters()]
    part4.train_listener(model, small_config(n_steps=5), *two_kinds())
    assert all(p.equal(old) for p, old in zip(drawer.parameters(), before, strict=True)), "the drawer stays as it was"


def test_nothing_wanted_is_the_null_label():
    model, images, n = small_listener(), t.randn(5, 1, 4, 4), t.arange(1, 6)
    assert model(images, n).equal(model(images, n, t.full((5,), 2)))
    assert not model(images, n).equal(model(images, n, t.zeros(5, dtype=t.int64)))


def test_a_listener_is_whole_in_its_state():
    model = small_listener()
    assert {"null", "encode.weight"} <= model.state_dict().keys() and model.img_shape == (1, 4, 4)


@pytest.mark.parametrize("wanted", [t.rand(64, 5), t.randint(0, 9, (64, 3))], ids=["embeddings", "captions"])
def test_anything_may_be_wanted(wanted):
    class Encode(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Linear(wanted.shape[1], 8)

        def forward(self, wanted: t.Tensor) -> t.Tensor:
            return self.weight(wanted.float())

    schedule = part1.NoiseSchedule(20, "cpu", part3.cosine_schedule(20))
    model = part4.Listener(Own(), schedule, Encode(), t.zeros_like(wanted[0]))
    trained = part4.train_listener(model, small_config(n_steps=5), two_kinds()[0], wanted)
    assert part3.ddim_sample(part4.Guided(trained, wanted, trained.null, 2.0), 64, 5).shape == (64, 1, 4, 4)


def test_a_training_that_was_stopped_goes_on(tmp_path, monkeypatch):
    monkeypatch.setattr(utils.Saved, "SECONDS", 0)
    images, labels = two_kinds()
    whole = part4.train_listener(small_listener(), small_config(n_steps=12), images, labels)
    after = utils.Saved.after

    def stop(self, done: int) -> None:
        after(self, done)
        if done == 5:
            raise InterruptedError

    with monkeypatch.context() as patch:
        patch.setattr(utils.Saved, "after", stop)
        with pytest.raises(InterruptedError):
            part4.train_listener(small_listener(), small_config(n_steps=12), images, labels, path=tmp_path / "a.pt")
    t.manual_seed(99)
    resumed = part4.train_listener(small_listener(), small_config(n_steps=12), images, labels, path=tmp_path / "a.pt")
    assert all(a.equal(b) for a, b in zip(whole.state_dict().values(), resumed.state_dict().values(), strict=True))
    other = small_config(n_steps=12, share=0.5)
    with pytest.raises(ValueError, match=r"holds a training with share = 0\.2, now it is 0\.5"):
        part4.train_listener(small_listener(), other, images, labels, path=tmp_path / "a.pt")


def test_as_many_labels_as_images_are_needed():
    images, labels = two_kinds()
    with pytest.raises(ValueError, match="64 images but 63 of what is wanted: give one for each image"):
        part4.train_listener(small_listener(), small_config(), images, labels[1:])
    with pytest.raises(ValueError, match="5 images but 64 of what is wanted"):
        part4.Guided(small_listener(), labels, 2, 1.0)(images[:5], t.ones(5, dtype=t.int64))


# ------------------------------------------------------------------------------------------------ what cannot be asked


@pytest.mark.parametrize("w", ["3", None, [1.0], True])
def test_a_w_that_is_no_number_is_told(w):
    with pytest.raises(TypeError, match="give a number, such as 1.5"):
        part4.Guided(small_listener(), t.zeros(2, dtype=t.int64), 2, w)


@pytest.mark.parametrize("w", [float("nan"), float("inf"), t.ones(3), t.ones(2, 1)])
def test_a_w_that_cannot_be_used_is_told(w):
    with pytest.raises(ValueError, match="give (finite numbers|one number, or one for each of 2 images)"):
        part4.Guided(small_listener(), t.zeros(2, dtype=t.int64), 2, w)


def test_an_unknown_class_is_told_with_those_there_are():
    with pytest.raises(ValueError, match="no class is called 'boots': choose from T-shirt, trousers, .*, boot"):
        part4.labels_for(["boot", "boots"])
    assert part4.labels_for("boot").tolist() == [9] and part4.labels_for(["bag", "T-shirt"]).tolist() == [8, 0]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_shipped_model_listens_most_where_it_sees_least():
    """The text: at 300 steps a wrong label costs 2 % more, and nothing less than half of that; at 800 45 % and 8 %."""
    t.manual_seed(0)
    model, images, labels = part4.label_model(), part3.clothes(train=False)[:200], part4.labels_of(train=False)[:200]
    for n, wrong_costs, nothing_costs in [(300, 0.023, 0.009), (800, 0.45, 0.08)]:
        right, nothing, wrong = part4.errors_when_told(model, images, labels, n)
        assert wrong / right - 1 == pytest.approx(wrong_costs, rel=0.3)
        assert nothing / right - 1 == pytest.approx(nothing_costs, rel=0.35)


def test_the_text_says_what_guidance_gained_and_lost():
    rows = {row["w"]: row for row in stored("guidance.json")["rows"]}
    assert round(rows[1]["distance"], 1) == 13.7 and rows[2]["distance"] < rows[1]["distance"] < rows[2]["distance"] + 2
    assert rows[3]["distance"] == pytest.approx(2 * rows[2]["distance"], rel=0.1)
    assert [round(100 * rows[w]["accuracy"]) for w in (1, 2, 3)] == [82, 97, 99]
    assert [round(100 * rows[w]["variety"]) for w in (1, 2, 3)] == [101, 68, 59]
    assert round(stored("samplers.json")["50 steps, η = 1"][0], 1) == 34.2
    told = [row for w, row in sorted(rows.items()) if w >= 1]
    assert all(
        one["accuracy"] <= other["accuracy"] and one["variety"] >= other["variety"] for one, other in pairwise(told)
    )
    assert round(rows[5]["distance"]) == 46 and rows[5]["accuracy"] > 0.999 and 0.5 < rows[5]["variety"] < 0.55


# ------------------------------------------------------------------------------------------------ a classifier's gradient


def test_a_classifier_that_knows_the_world_steers_as_guidance_does():
    """With s = 1, an exact classifier turns the guess for either class into that for one."""

    class Exact(nn.Module):
        def forward(self, images: t.Tensor, num_steps: t.Tensor) -> t.Tensor:
            a = part4.World().noise_schedule.alpha_bar(num_steps)[:, None]
            squares = (images.flatten(1)[:, None] - a[:, :, None].sqrt() * part4.MEANS).square().sum(dim=2)
            fits = -squares / (2 * (a * part4.STD**2 + 1 - a))
            return t.stack([fits[:, :2].logsumexp(dim=1), fits[:, 2:].logsumexp(dim=1)], dim=1)

    world, images, n = part4.World(), t.randn(20, 1, 1, 2), t.randint(1, 201, (20,))
    wanted = t.arange(20) % 2
    with t.no_grad():
        steered = part4.Steered(world, Exact(), wanted, s=1)(images, n)
        assert steered.allclose(world(images, n, wanted), atol=1e-3) and not steered.requires_grad
        assert part4.Steered(world, Exact(), wanted, s=0)(images, n).equal(world(images, n))


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_only_noised_images_teach_a_classifier_of_noised_images():
    """The text: both are right about nearly nine in ten, then 78 % against 53 %, and 61 % against a quarter."""
    noised, clean = (part4.accuracies(classifier) for classifier in part4.classifiers().values())
    assert all(0.84 < each[n] < 0.9 for each in (noised, clean) for n in (1, 200))
    assert noised[600] == pytest.approx(0.77, abs=0.03) and clean[600] == pytest.approx(0.52, abs=0.04)
    assert noised[800] == pytest.approx(0.61, abs=0.03) and clean[800] == pytest.approx(0.24, abs=0.04)


# ------------------------------------------------------------------------------------------------ measures, and what is shipped


def test_images_that_were_asked_for_in_turn_are_put_together_by_class():
    images = t.arange(30).reshape(-1, 1, 1, 1) % 10
    assert part4.by_class(images).flatten().tolist() == [n // 3 for n in range(30)]


def test_variety_is_that_within_a_class():
    labels = t.arange(1000) % 10
    centres = 100 * t.randn(10, 4)
    features = centres[labels] + 2 * t.randn(1000, 4)
    assert part4.spread_within(features, labels) == pytest.approx(16, rel=0.1)


@pytest.mark.slow
def test_real_images_are_judged_as_such():
    distance, accuracy, variety = part4.judge(part3.clothes(train=False), part4.labels_of(train=False))
    assert distance < 0.01 and round(accuracy, 2) == 0.93 and variety == pytest.approx(1, abs=0.01)


def test_labels_and_guidance_bring_what_they_should():
    """At one w at least, 0.6 times the distance of Part 3's model in as many steps, and an accuracy of 0.95."""
    rows, before = stored("guidance.json")["rows"], stored("samplers.json")["50 steps, η = 1"][0]
    assert any(row["distance"] <= 0.6 * before and row["accuracy"] >= 0.95 for row in rows)


def test_the_shipped_model_is_small_and_loads():
    assert (utils.ASSETS / "labels.pt").stat().st_size < 700_000
    assert part4.label_model().null == 10
