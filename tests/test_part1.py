"""Part 1's given functions, and what the checks leave to the reference: its ends, its errors, its arithmetic."""

import pytest
import torch as t

from solutions.part1_diffusion import denormalize_img, gradient_images, linear_schedule, normalize_img, q_eq2, q_eq4

DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.skipif(not t.cuda.is_available(), reason="no CUDA device"))]


@pytest.mark.parametrize("size", [(3, 16, 16), (1, 4, 5), (3, 1, 7), (2, 1, 1)])
def test_gradients_run_evenly_from_corner_to_corner(size):
    images = gradient_images(50, size)
    assert images.shape == (50, *size) and images.dtype == t.float32
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
