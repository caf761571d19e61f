"""Latent Diffusion, Imagen and flow matching of Part 5: what the text derives, and what was measured, is so."""

import math

import pytest
import torch as t
from torch import nn

import utils
from solutions import part1_diffusion as part1
from solutions import part3_fashion_mnist as part3
from solutions import part5_systems as part5

# ------------------------------------------------------------------------------------------------ Latent Diffusion


def kl(mean: float, std: float) -> float:
    return part5.kl_to_normal(t.full((1, 1, 1, 1), mean), t.full((1, 1, 1, 1), 2 * math.log(std))).item()


def test_the_kl_divergence_is_the_mean_of_the_difference_of_logarithms():
    t.manual_seed(0)
    q, p = t.distributions.Normal(0.7, 0.3), t.distributions.Normal(0.0, 1.0)
    z = q.sample((1_000_000,))
    assert kl(0.7, 0.3) == pytest.approx((q.log_prob(z) - p.log_prob(z)).mean().item(), abs=0.01)


def test_the_figure_of_the_kl_divergence_is_described_as_it_is():
    assert kl(0, 1) == pytest.approx(0) and kl(0, 0.3) == pytest.approx(0.75, abs=0.01)
    assert kl(0, 0.05) == pytest.approx(2.5, abs=0.01) and kl(2, 1) == pytest.approx(2)


def test_a_code_has_a_quarter_of_the_numbers():
    model = part5.Autoencoder()
    mean, log_var = model.encode(t.zeros(2, 1, 28, 28))
    assert mean.shape == log_var.shape == (2, 4, 7, 7) and 4 * mean[0].numel() == 28 * 28
    assert model.decode(mean).shape == (2, 1, 28, 28)
    assert 512 * 512 * 3 / (64 * 64 * 4) == 48 and round(1 / 0.18215, 1) == 5.5  # Stable Diffusion's, and its codes'
    assert 512 * 512 * 3 / (28 * 28) == pytest.approx(1000, rel=0.01)


def test_without_a_clip_a_guess_of_the_noise_is_divided_by_nearly_nothing():
    alpha_bar = (1 - part3.cosine_schedule(1000)).prod()
    assert alpha_bar.sqrt() < 1e-4
    outside = 2 * t.distributions.Normal(0.0, 1.0).cdf(t.tensor(-1.0))
    assert outside.item() == pytest.approx(1 / 3, abs=0.02)  # of the numbers of a code


class Exact(part1.DiffusionModel):
    """The exact guess of the noise for a data set of one image."""

    def __init__(self, image: t.Tensor, schedule: part1.NoiseSchedule):
        super().__init__()
        self.image, self.img_shape, self.noise_schedule = image, tuple(image.shape), schedule

    def forward(self, images: t.Tensor, num_steps: t.Tensor) -> t.Tensor:
        a = self.noise_schedule.alpha_bar(num_steps).reshape(-1, 1, 1, 1)
        return (images - a.sqrt() * self.image) / (1 - a).sqrt()


def linear(max_steps: int = 50) -> part1.NoiseSchedule:
    return part1.NoiseSchedule(max_steps, "cpu", part1.linear_schedule(max_steps, 0.002, 0.2))


def test_draw_is_ddim_sample_with_what_is_kept_as_an_argument():
    t.manual_seed(0)
    model, start = Exact(t.randn(2, 4, 4).tanh(), linear()), t.randn(3, 2, 4, 4)
    for n_steps, eta in [(50, 0.0), (7, 0.0), (7, 1.0)]:
        t.manual_seed(1)
        expected = part3.ddim_sample(model, 3, n_steps, eta, start)
        t.manual_seed(1)
        assert part5.draw(model, 3, part5.clipped, n_steps, eta, start).allclose(expected, atol=1e-5)


def test_draw_reaches_codes_outside_of_the_range_of_pixels():
    t.manual_seed(0)
    code = 2 * t.randn(4, 7, 7)
    model = Exact(code, linear())
    assert part5.draw(model, 2, n_steps=10).allclose(code.expand(2, 4, 7, 7), atol=1e-3)
    assert part5.draw(model, 2, part5.clipped, n_steps=10).abs().max() <= 1


def test_any_loss_trains():
    t.manual_seed(0)
    model, x = nn.Linear(2, 1), t.randn(200, 2)
    config = part5.short_config(400) | dict(n_steps=400, batch_size=50, bf16=False, lr=0.1, warmup=10, device="cpu")
    trained = part5.train_by(lambda net, x, y: (net(x) - y).square().mean(), model, config, x, x[:, :1] - 2 * x[:, 1:])
    assert trained.weight[0].tolist() == pytest.approx([1, -2], abs=0.02) and not trained.weight.requires_grad


# ------------------------------------------------------------------------------------------------ Imagen


def test_a_small_image_has_the_mean_of_four_pixels():
    assert part5.halved(t.arange(16.0).reshape(1, 1, 4, 4)).flatten().tolist() == [2.5, 4.5, 10.5, 12.5]


def test_the_reader_guesses_a_word_that_the_others_decide():
    """Of captions "1 2" and "3 4", the word left out is known."""
    t.manual_seed(0)
    captions = t.tensor([[1, 2, 0], [3, 4, 0]]).repeat(50, 1)
    config = part5.short_config(200) | dict(n_steps=200, batch_size=50, bf16=False, warmup=10, lr=0.01, device="cpu")
    reader = part5.train_by(part5.text_loss, part5.TextEncoder(5, width=16), config, captions)
    assert part5.text_loss(reader, captions) < 0.1
    guess = reader.guess(reader(t.tensor([[1, reader.left_out, 0], [3, reader.left_out, 0]]))).argmax(dim=1)
    assert guess.tolist() == [2, 4]


def test_padding_says_nothing_and_no_words_are_no_error():
    t.manual_seed(0)
    reader = part5.TextEncoder(9)
    assert reader(t.tensor([[1, 2]])).allclose(reader(t.tensor([[1, 2, 0, 0]])))
    assert reader(t.zeros(1, 4, dtype=t.int64)).isfinite().all()


class Network(nn.Module):
    """Answers with a multiple of the images and remembers what it was told."""

    def __init__(self, img_shape: tuple[int, ...] = (1, 14, 14)):
        super().__init__()
        self.img_shape, self.weight = img_shape, nn.Parameter(t.tensor(0.5))
        self.config = part5.part2.UNetConfig(img_shape, channels=16, dim_mults=(1, 1), groups=8, max_steps=50)

    def forward(self, images: t.Tensor, num_steps: t.Tensor, condition: t.Tensor) -> t.Tensor:
        self.images, self.condition = images, condition
        return self.weight * images


def test_a_painter_turns_its_velocity_into_noise():
    t.manual_seed(0)
    painter = part5.Painter(Network(), linear(), nn.Embedding(5, 64), t.tensor(4))
    images, num_steps = t.randn(3, 1, 14, 14), t.tensor([1, 20, 50])
    noise = painter(images, num_steps, t.tensor([0, 1, 2]))
    a = painter.noise_schedule.alpha_bar(num_steps).reshape(-1, 1, 1, 1)
    x0 = part1.reconstruct(images, noise, num_steps, painter.noise_schedule)
    assert (a.sqrt() * noise - (1 - a).sqrt() * x0).allclose(0.5 * images, atol=1e-3)  # v, by Part 3's formula
    assert painter(images, num_steps).shape == images.shape  # nothing is wanted
    assert painter.network.condition.allclose(painter.encode.weight[4].expand(3, 64))


def test_an_enlarger_sees_the_small_image_and_hears_its_level():
    t.manual_seed(0)
    model = part5.Enlarger(Network((2, 28, 28)), linear())
    small, images = t.randn(3, 1, 14, 14), t.randn(3, 1, 28, 28)
    answers = [model(images, t.tensor([5, 5, 5]), small, t.tensor([level] * 3)) for level in (0, 25)]
    assert answers[0].shape == (3, 1, 28, 28)
    assert model.network.images[:, :1].equal(images) and model.network.images[:, 1, ::2, ::2].equal(small[:, 0])
    assert model.told(t.tensor([0])).ne(model.told(t.tensor([25]))).any()


def test_dynamic_thresholding_greys_a_black_background():
    """The text's reason: black is divided by the same number."""
    image = t.full((1, 1, 14, 14), -1.0)
    image[..., 4:10, 4:10] = 2.0
    assert part5.dynamic_threshold(image).min().item() == pytest.approx(-0.5)
    assert part5.clipped(image).min() == -1


# ------------------------------------------------------------------------------------------------ flow matching


class Curved(nn.Module):
    """Some velocity that depends on place and time."""

    img_shape = (1, 4, 4)

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(t.tensor(0.7))

    def forward(self, images: t.Tensor, num_steps: t.Tensor) -> t.Tensor:
        return (self.weight * images).sin() + (num_steps / 1000).reshape(-1, 1, 1, 1)


class AsDiffusion(part1.DiffusionModel):
    """A model that guesses the velocity of straight paths, seen from outside as one that guesses the noise."""

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model, self.img_shape = model, model.img_shape
        self.shares = t.arange(1, 1000) / 1000  # of the noise, after 1, 2, ... steps; not at the very end
        alpha_bars = (1 - self.shares) ** 2 / ((1 - self.shares) ** 2 + self.shares**2)
        betas = 1 - alpha_bars / t.cat([t.ones(1), alpha_bars[:-1]])
        self.noise_schedule = part1.NoiseSchedule(999, "cpu", betas)

    def forward(self, images: t.Tensor, num_steps: t.Tensor) -> t.Tensor:
        share = self.shares[num_steps - 1].reshape(-1, 1, 1, 1)
        x = ((1 - share) ** 2 + share**2).sqrt() * images
        return x + (1 - share) * self.model(x, num_steps)


def test_a_straight_path_is_a_diffusion_through_a_zoom_lens():
    t.manual_seed(0)
    x0, noise, num_steps = t.randn(9, 1, 4, 4), t.randn(9, 1, 4, 4), t.arange(100, 1000, 100)
    x, velocity = part5.straight_path(x0, noise, num_steps)
    s = (num_steps / 1000).reshape(-1, 1, 1, 1)
    c = ((1 - s) ** 2 + s**2).sqrt()
    schedule = AsDiffusion(Curved()).noise_schedule
    a = schedule.alpha_bar(num_steps).reshape(-1, 1, 1, 1)
    assert (x / c).allclose(a.sqrt() * x0 + (1 - a).sqrt() * noise, atol=1e-4)
    assert (x - s * velocity).allclose(x0, atol=1e-5) and (x + (1 - s) * velocity).allclose(noise, atol=1e-5)


@t.no_grad()
def test_an_euler_step_is_a_step_of_ddim():
    t.manual_seed(0)
    flow = Curved()
    diffusion, x = AsDiffusion(flow), t.randn(5, 1, 4, 4)
    schedule = diffusion.noise_schedule
    for n, m in [(999, 700), (700, 650), (300, 1)]:
        told = t.full((5,), n)
        euler = x - (n - m) / 1000 * flow(x, told)
        zoom_n, zoom_m = (((1 - k / 1000) ** 2 + (k / 1000) ** 2) ** 0.5 for k in (n, m))
        noise = diffusion(x / zoom_n, told)
        x0 = part1.reconstruct(x / zoom_n, noise, told, schedule)
        a = schedule.alpha_bar(m)
        assert (zoom_m * (a.sqrt() * x0 + (1 - a).sqrt() * noise)).allclose(euler, atol=2e-3)
        x = euler


def test_following_average_velocities_leads_to_the_data():
    """Pixels that are -1 or 1, three times as often 1: the exact average at each place, and many Euler steps."""
    t.manual_seed(0)
    data, shares = t.tensor([-1.0, 1.0]), t.tensor([0.25, 0.75])

    def average(x: t.Tensor, num_steps: t.Tensor) -> t.Tensor:
        s = (num_steps / 1000).reshape(-1, 1, 1, 1)
        weights = (shares.log() - (x - (1 - s) * data) ** 2 / (2 * s**2)).softmax(dim=-1)
        image = (weights * data).sum(dim=-1, keepdim=True)
        return (x - image) / s

    ends = part5.euler_sample(average, t.randn(4000, 1, 1, 1), 1000)
    assert ((ends.abs() - 1).abs() < 0.05).float().mean() > 0.99
    assert (ends > 0).float().mean().item() == pytest.approx(0.75, abs=0.03)
    one_step = part5.euler_sample(average, t.randn(4000, 1, 1, 1), 1)
    assert one_step.std() < 0.05 and one_step.mean().item() == pytest.approx(0.5, abs=0.05)  # the average of the data


# ------------------------------------------------------------------------------------------------ what was measured


def test_codes_were_measured_as_the_text_says():
    codes, floor = part5.results_of("latents.json")["distance"], part5.results_of("autoencoder.json")["distance"]
    assert floor <= 15 and round(floor) == 6
    assert [round(codes[name]) for name in ("100 steps", "25 steps", "50 steps, clipped")] == [58, 64, 134]
    pixels = [round(row["distance"]) for row in part5.results_of("clothes.json")["measured"]]
    assert pixels[0] == 61 and pixels[1] == 40 and pixels[3] == 27  # a quarter of the training, half of it, all of it


@pytest.mark.skipif(not (utils.ASSETS / "imagen.json").exists(), reason="not measured yet")
def test_some_noise_on_drawn_small_images_is_better_than_none():
    enlarged = part5.results_of("imagen.json")["enlarged"]
    assert enlarged["real"]["0"] == min(enlarged["real"].values())
    assert enlarged["base"]["100"] == min(enlarged["base"].values()) < enlarged["base"]["0"]


SHIPPED = ["autoencoder.pt", "latents.pt", "imagen_base.pt", "imagen_larger.pt", "flow.pt"]


@pytest.mark.parametrize("name", SHIPPED)
def test_what_is_shipped_is_small(name):
    assert (utils.ASSETS / name).stat().st_size < 700_000
