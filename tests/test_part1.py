"""Part 1's given functions, and what the checks leave to the reference: its ends, its errors, its arithmetic."""

import weakref
from functools import partial

import pytest
import torch as t

from solutions.part1_diffusion import (
    NoiseSchedule,
    denormalize_img,
    gradient_images,
    linear_schedule,
    noise_img,
    normalize_img,
    q_eq2,
    q_eq4,
    reconstruct,
    sample,
)
from solutions.part3_fashion_mnist import ddim_sample

DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.skipif(not t.cuda.is_available(), reason="no CUDA device"))]


@pytest.mark.parametrize("size", [(3, 16, 16), (1, 4, 5), (3, 1, 7), (2, 1, 1)])
def test_gradients_run_evenly_from_corner_to_corner(size):
    t.manual_seed(0)
    images = gradient_images(2000, size)
    assert images.shape == (2000, *size) and images.dtype == t.float32
    assert 0 <= images.min() and images.max() <= 1
    C, H, W = size
    for axis in (2, 3):
        gaps = images.diff(dim=axis)
        expected = (images[:, :, -1, -1] - images[:, :, 0, 0])[:, :, None, None] / max(H + W - 2, 1)
        assert gaps.allclose(expected.expand_as(gaps), atol=1e-6)


def test_gradients_use_every_colour_value():
    corners = (gradient_images(20_000, (1, 1, 2)) * 255).round().int()
    assert set(corners.flatten().tolist()) == set(range(256))


def test_normalisation_is_undone_and_cuts_off():
    img = t.rand(3, 4, 5)
    assert normalize_img(img).min() < 0 and denormalize_img(normalize_img(img)).allclose(img, atol=1e-6)
    assert normalize_img(t.tensor([0.0, 0.5, 1.0])).tolist() == [-1, 0, 1]
    assert denormalize_img(t.tensor([-5.0, 5.0])).tolist() == [0, 1]


@pytest.mark.parametrize("q", [q_eq2, q_eq4])
@pytest.mark.parametrize("num_steps", [0, -1, 201])
def test_a_count_outside_the_schedule_is_refused(q, num_steps):
    with pytest.raises(ValueError, match="counts steps of noise, 1 to 200"):
        q(t.zeros(3, 4, 5), num_steps, linear_schedule(200))


@pytest.mark.parametrize("q", [q_eq2, q_eq4])
@pytest.mark.parametrize("device", DEVICES)
def test_both_ends_of_the_schedule_can_be_reached(q, device):
    betas, x = t.tensor([0.5, 1.0], device=device), t.full((3, 200, 200), 7.0, device=device)
    assert q(x, 1, betas).mean().item() == pytest.approx(7 * 0.5**0.5, abs=0.02)
    assert q(x, 2, betas).mean().item() == pytest.approx(0, abs=0.02)  # β = 1 leaves noise alone
    assert q(x, 2, betas).std().item() == pytest.approx(1, abs=0.02)


def test_one_step_does_to_the_variance_what_exercise_1_1_says():
    t.manual_seed(0)
    beta = 0.3
    for variance, expected in [(1.0, 1.0), (4.0, 1 + (1 - beta) * 3)]:
        x = variance**0.5 * t.randn(3, 300, 300)
        assert q_eq2(x, 1, t.tensor([beta])).var().item() == pytest.approx(expected, rel=0.02)
    without_root = (1 - beta) * t.randn(3, 300, 300) + beta**0.5 * t.randn(3, 300, 300)
    assert without_root.var().item() == pytest.approx(1 - beta + beta**2, rel=0.02)


@pytest.mark.parametrize("num_steps", [0, 6, t.tensor([1, 6]), t.tensor([0, 5])])
@pytest.mark.parametrize("name", ["beta", "alpha", "alpha_bar"])
def test_a_schedule_refuses_counts_outside_it(name, num_steps):
    with pytest.raises(ValueError, match="counts steps of noise, 1 to 5"):
        getattr(NoiseSchedule(5, "cpu"), name)(num_steps)


def test_a_schedule_of_the_papers_length_ends_where_the_paper_says():
    schedule = NoiseSchedule(1000, "cpu")
    assert schedule.beta(1).item() == pytest.approx(1e-4) and schedule.beta(1000).item() == pytest.approx(0.02)
    in_float64 = (1 - t.linspace(1e-4, 0.02, 1000, dtype=t.float64)).log().sum().exp()  # Section 4, another way
    assert schedule.alpha_bar(1000).item() == pytest.approx(in_float64.item(), rel=1e-3)
    assert schedule.alpha_bar(t.arange(1, 1001)).diff().max() < 0


@pytest.mark.parametrize("device", DEVICES)
def test_a_batch_is_noised_and_reconstructed_at_both_ends(device):
    schedule, img = NoiseSchedule(2, device, betas=t.tensor([0.5, 0.9])), t.rand(64, 3, 4, 5, device=device)
    num_steps, noise, noised = noise_img(img, schedule)
    assert sorted(num_steps.unique().tolist()) == [1, 2] and num_steps.device.type == noised.device.type == device
    assert reconstruct(noised, noise, num_steps, schedule).allclose(img, atol=1e-4)
    assert noise_img(img, schedule, max_steps=1)[0].unique().tolist() == [1]


@pytest.mark.parametrize("return_all_steps", [False, True])
@pytest.mark.parametrize("draw", [sample, partial(ddim_sample, n_steps=30)], ids=["sample", "ddim_sample"])
def test_sampling_keeps_no_image_that_nobody_asked_for(draw, return_all_steps):
    shown, kept = [], []

    class Watched(t.nn.Module):
        img_shape, noise_schedule = (1, 2, 2), NoiseSchedule(30, "cpu")

        def forward(self, images: t.Tensor, num_steps: t.Tensor) -> t.Tensor:
            kept.append(sum(each() is not None for each in shown))
            shown.append(weakref.ref(images))
            return images * t.ones((), requires_grad=True)

    result = draw(Watched(), 3, return_all_steps=return_all_steps)
    assert kept == list(range(30)) if return_all_steps else max(kept) <= 1
    assert not any(each.requires_grad for each in result)
