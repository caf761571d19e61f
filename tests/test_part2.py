"""Part 2's network as a whole, and what its text says of it: widths, sizes, what it learns by heart."""

import json
import re
from functools import cache

import matplotlib.pyplot as plt
import pytest
import torch as t
import torch.nn.functional as F
from torch import nn
from torch.utils.data import TensorDataset

import tests.part2
import utils
from solutions import part1_diffusion as part1
from solutions import part2_unet as part2
from solutions.part2_unet import DownBlock, SinusoidalPositionEmbeddings, UNet, UNetConfig
from tools.markup import ROOT

TEXT = (ROOT / "solutions" / "part2_unet.py").read_text(encoding="utf-8")
DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.skipif(not t.cuda.is_available(), reason="no CUDA device"))]


def network() -> UNet:
    """The network of the text's table and picture."""
    return UNet(UNetConfig((1, 28, 28), channels=16, dim_mults=(1, 2, 2), groups=8, max_steps=1000))


def size(x: t.Tensor) -> str:
    return " × ".join(map(str, x.shape[1:]))


def table_row(level: int | None, name: str, given: list[t.Tensor], made: list[t.Tensor]) -> str:
    before, after = given[0].shape[1], made[0].shape[1]
    block, widths, skip = {
        "DownBlock": lambda: (f"DownBlock {level}", f"{before} | {after}", f"makes {size(made[-1])}"),
        "MidBlock": lambda: ("MidBlock", "|", ""),
        "UpBlock": lambda: (f"UpBlock {level}", f"{before} | {after}", f"takes {size(given[-1])}"),
    }[name]()
    return " ".join(f"| {block} | {widths} | {size(given[0])} | {skip} | {size(made[0])} |".split())


def test_the_table_shows_the_real_network():
    blocks = part2.watch_blocks(network(), t.randn(1, 1, 28, 28), t.tensor([5]))
    rows = [table_row(level, *block) for level, block in zip([1, 2, 3, None, 3, 2, 1], blocks, strict=True)]
    assert re.findall(r"^# (\| (?:Down|Mid|Up)Block.* \| .* \| .* \|.*\|.*\|)$", TEXT, re.MULTILINE) == rows


def test_skips_are_used_last_in_first_out():
    blocks = part2.watch_blocks(network(), t.randn(1, 1, 28, 28), t.tensor([5]))
    made = [outputs[1] for name, _, outputs in blocks if name == "DownBlock"]
    taken = [given[2] for name, given, _ in blocks if name == "UpBlock"]
    assert all(one is other for one, other in zip(made, reversed(taken), strict=True))


@pytest.mark.parametrize("n", [28, 14, 7, 5])
@pytest.mark.parametrize("k", [3, 4])
def test_the_sizes_of_exercise_2_9(n, k):
    x = t.zeros(1, 1, n, n)
    assert F.conv2d(x, t.ones(1, 1, k, k), stride=2, padding=1).shape[-1] == (n + 2 - k) // 2 + 1
    assert F.conv_transpose2d(x, t.ones(1, 1, k, k), stride=2, padding=1).shape[-1] == (n - 1) * 2 + k - 2


def test_stamps_lie_as_the_text_says():
    four = F.conv_transpose2d(t.ones(1, 1, 5, 5), t.ones(1, 1, 4, 4), stride=2, padding=1)
    three = F.conv_transpose2d(t.ones(1, 1, 5, 5), t.ones(1, 1, 3, 3), stride=2, padding=1)
    assert four[..., 1:-1, 1:-1].unique().tolist() == [4] and four.shape[-1] == 10
    assert three[..., 1:-1, 1:-1].unique().tolist() == [1, 2, 4] and three.shape[-1] == 9


def test_dot_products_of_embeddings_depend_on_the_difference_alone():
    embedding = SinusoidalPositionEmbeddings(32)(t.arange(1, 1001))
    products = embedding @ embedding.T
    for shift in (0, 1, 10, 500):
        assert products.diagonal(shift).std() < 1e-3
    assert products.diagonal().min() > products.diagonal(1).max()


def test_a_block_without_downsampling_returns_its_skip():
    x, skip = DownBlock(4, 8, 12, groups=4, downsample=False, attention=True)(t.randn(2, 4, 5, 7), t.randn(2, 12))
    assert x is skip


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"dim_mults": ()}, "dim_mults is empty"),
        ({"attention": (True,)}, "attention has 1 entries for 2 multipliers"),
        ({"img_shape": (1, 7, 8)}, "with H and W multiples of 2"),
        ({"img_shape": (28, 28)}, "give (C, H, W)"),
        ({"channels": 9, "groups": 1}, "channels is 9: make it even"),
        ({"groups": 3}, "a width of 8 channels does not make 3 equal groups"),
        ({"channels": 6, "groups": 2}, "a width of 6 channels does not make the 4 equal heads"),
    ],
)
def test_settings_that_make_no_network_say_why(settings, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        UNet(
            UNetConfig(
                **({"img_shape": (1, 8, 8), "channels": 8, "dim_mults": (1, 2), "groups": 4, "max_steps": 9} | settings)
            )
        )


def test_without_a_setting_attention_is_at_the_coarsest_level_and_in_the_middle():
    def attends(**settings) -> list[str]:
        model = UNet(UNetConfig((1, 8, 8), 8, (1, 1, 1), groups=4, max_steps=9, **settings))
        return [name for name, module in model.named_modules() if type(module).__name__ == "AttentionBlock"]

    assert (
        attends()
        == attends(attention=(False, False, True))
        == ["downs.2.attention", "ups.0.attention", "mid.attention"]
    )
    assert attends(attention=(False, False, False)) == ["mid.attention"]


@cache
def learned_by_heart(device: str) -> tuple[UNet, t.Tensor]:
    """A small network after sixty steps on the eight drawn images."""
    t.manual_seed(0)
    clothes = part1.normalize_img(part2.drawn_clothes())
    model = UNet(UNetConfig((1, 28, 28), 8, (1, 2, 2), groups=4, max_steps=100))
    settings = {"lr": 0.005, "epochs": 1, "batch_size": 32, "max_steps": 100, "device": device}
    part1.train(
        model, settings | {"img_log_interval": 50, "n_images_to_log": 2}, TensorDataset(clothes.repeat(240, 1, 1, 1))
    )
    return model, clothes.to(device)


def rms(x: t.Tensor) -> float:
    return x.square().mean().sqrt().item()


def denoised(model: UNet, clothes: t.Tensor, n: int) -> tuple[t.Tensor, t.Tensor]:
    """The images after n steps of noise, and what is left when the model's guess is taken off."""
    num_steps, noise = t.full((len(clothes),), n, device=clothes.device), t.randn_like(clothes)
    alpha_bar = model.noise_schedule.alpha_bar(num_steps)[:, None, None, None]
    noised = alpha_bar.sqrt() * clothes + (1 - alpha_bar).sqrt() * noise
    with t.no_grad():
        guess = model(noised, num_steps)
    return noised, part1.reconstruct(noised, guess, num_steps, model.noise_schedule).clamp(-1, 1)


@pytest.mark.slow
@pytest.mark.parametrize("device", DEVICES)
def test_a_unet_learns_eight_images_by_heart(device):
    model, clothes = learned_by_heart(device)
    noised, clean = denoised(model, clothes, 60)
    assert rms(clean - clothes) < 0.5 * rms(noised - clothes)


@pytest.mark.slow
@pytest.mark.parametrize("device", DEVICES)
def test_part_1_draws_samples_from_a_unet(device):
    model, _ = learned_by_heart(device)
    samples = part1.sample(model, 3)
    assert samples.shape == (3, 1, 28, 28) and samples.isfinite().all() and samples.device.type == device


@pytest.mark.slow
def test_a_unet_is_saved_with_its_schedule():
    model, _ = learned_by_heart("cpu")
    other = UNet(model.config)
    other.noise_schedule = part1.NoiseSchedule(100, "cpu")
    other.load_state_dict(model.state_dict())
    images, counts = t.randn(2, 1, 28, 28), t.tensor([1, 100])
    with t.no_grad():
        assert other(images, counts).equal(model(images, counts))


def test_the_layers_of_2_1_and_2_2_can_take_the_place_of_pytorchs():
    """The text says that they give the same numbers."""
    model, images, counts = network(), t.randn(2, 1, 28, 28), t.tensor([1, 1000])
    with t.no_grad():
        expected = model(images, counts)
        for parent in list(model.modules()):
            for name, layer in list(parent.named_children()):
                if isinstance(layer, nn.GroupNorm):
                    own = part2.GroupNorm(layer.num_groups, layer.num_channels)
                    own.load_state_dict(layer.state_dict())
                    setattr(parent, name, own)
                elif isinstance(layer, nn.SiLU):
                    setattr(parent, name, part2.SiLU())
        assert model(images, counts).allclose(expected, atol=1e-4)


def test_attention_has_no_positions():
    """The text says: shuffled pixels give shuffled answers."""
    t.manual_seed(0)
    attention, x, order = part2.SelfAttention(4), t.randn(1, 4, 7, 7), t.randperm(49)
    with t.no_grad():
        shuffled = attention(x.flatten(2)[..., order].reshape(x.shape))
        assert shuffled.flatten(2).allclose(attention(x).flatten(2)[..., order], atol=1e-5)


def test_without_shortcuts_all_pixels_become_the_same():
    t.manual_seed(0)
    with_x = without_x = part1.normalize_img(part2.drawn_clothes()[0]).expand(1, 4, 28, 28)
    first = with_x.std(dim=(2, 3)).min().item()
    with t.no_grad():
        for _ in range(8):
            block = part2.AttentionBlock(4)
            with_x, without_x = block(with_x), block(without_x) - without_x
    assert with_x.std(dim=(2, 3)).min() > 0.9 * first and without_x.std(dim=(2, 3)).max() < 1e-4


def test_the_check_tells_when_only_forward_is_missing():
    def forward(self, images, num_steps):
        raise NotImplementedError("2.11 UNet is not written yet")

    with pytest.raises(NotImplementedError) as failure:
        tests.part2.check_UNet(type("UNet", (UNet,), {"forward": forward}))
    assert failure.value.__notes__[0] == "Its __init__ makes the right blocks, so forward comes next."


def test_each_part_is_for_what_the_text_says():
    """Every training with a part against every training of the whole network."""
    errors = json.loads((utils.ASSETS / "parts.json").read_text(encoding="utf-8"))
    whole = errors["whole network"]
    assert min(errors["without skips"]) > 5 * max(whole)
    assert max(whole) < min(errors["without the timestep"]) < max(errors["without the timestep"]) < 1.5 * max(whole)
    assert min(whole) < t.tensor(errors["without attention"]).mean() < 1.1 * max(whole)


def left_over(network: nn.Module, told: int) -> float:
    """What a network's guess leaves of 200 steps of noise on the coat; the noised coat is 0.53 off."""
    t.manual_seed(7)
    coats = part1.normalize_img(part2.drawn_clothes()[4:5]).repeat(16, 1, 1, 1)
    schedule, noised = part1.NoiseSchedule(1000, "cpu"), part1.q_eq4(coats, 200, part1.linear_schedule(1000))
    with t.no_grad():
        guess = network(noised, t.full((16,), told))
    return rms(part1.reconstruct(noised, guess, t.full((16,), 200), schedule).clamp(-1, 1) - coats)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_small_networks_learn_what_the_text_says(seed):
    t.manual_seed(seed)
    block = part2.practise(part2.SmallNetwork(part2.ResidualBlock(8, 8, step_dim=32, groups=2)), 150)
    assert left_over(block, 200) < 0.25 < min(left_over(block, 20), left_over(block, 1000))
    with_skips, without = (part2.practise(part2.SmallNetwork(part2.SmallU(kept)), 60) for kept in (1, 0))
    assert left_over(with_skips, 200) < 0.25 < 0.45 < left_over(without, 200)
    names = part2.practise(part2.NamesIt(), 80, lambda answer, _: F.cross_entropy(answer, t.arange(8).repeat(2)))
    clothes = part1.normalize_img(part2.drawn_clothes()).repeat(16, 1, 1, 1)
    noised = part1.q_eq4(clothes, 250, part1.linear_schedule(1000))
    with t.no_grad():
        right = names(noised, t.full((128,), 250)).argmax(dim=1) == t.arange(8).repeat(16)
    assert right.float().mean() > 0.9


@pytest.mark.slow
def test_the_clothes_are_learned_as_the_text_says():
    part2.by_heart_model.cache_clear()
    t.manual_seed(1)
    model, clothes = part2.by_heart_model().cpu(), part2.small_clothes()
    curve = utils.Run.latest.curves["train_loss"]
    assert curve[0][1] > 1
    assert max(loss for step, loss in curve if step > 20) < 0.3
    assert t.tensor([loss for step, loss in curve if step > 350]).mean() < 0.05
    errors = {}  # at counts: of the guessed noise
    for n in (1, 10, 1000):
        num_steps, noise = t.full((8,), n), t.randn_like(clothes)
        a = model.noise_schedule.alpha_bar(n)
        with t.no_grad():
            errors[n] = (model(a.sqrt() * clothes + (1 - a).sqrt() * noise, num_steps) - noise).square().mean().item()
    assert errors[1] > 0.3 and errors[1] > 1.5 * errors[10] > 20 * errors[1000], errors
    noised, clean = denoised(model, clothes, 200)
    assert rms(noised - clothes) > 0.5 and (clean - clothes).square().mean(dim=(1, 2, 3)).sqrt().max() < 0.2
    t.manual_seed(2)
    samples = part1.sample(model, 8).clamp(-1, 1)
    distances = (samples[:, None] - clothes).square().mean(dim=(2, 3, 4)).sqrt()
    assert distances.amin(dim=1).max() < 0.25 < (clothes[:, None] - clothes).square().mean(dim=(2, 3, 4)).sqrt()[0, 1]


def test_drawn_clothes_are_eight_different_pictures_on_black():
    clothes = part2.drawn_clothes()
    assert clothes.shape == (8, 1, 28, 28) and clothes.dtype == t.float32
    assert clothes.min() == 0 and 0.7 < clothes.amax(dim=(1, 2, 3)).min() + 0.1 and clothes.max() <= 1
    distances = (clothes[:, None] - clothes).square().mean(dim=(2, 3, 4)).sqrt() + t.eye(8)
    assert distances.min() > 0.1
    assert clothes[:, :, :2].max() == 0, "the top rows are black"


@pytest.mark.parametrize("height, width", [(7, 6), (6, 7), (5, 5)])
def test_an_odd_size_is_not_halved(height, width):
    with pytest.raises(ValueError, match=f"{height} by {width} pixels cannot be halved evenly: choose"):
        part2.check_can_halve(t.zeros(2, 3, height, width))
    part2.check_can_halve(t.zeros(2, 3, 6, 8))


def two_levels(crossed: bool) -> t.nn.Module:
    """A U of two levels without weights; crossed, it hands the first skip to both UpBlocks."""

    class DownBlock(t.nn.Module):
        def forward(self, x):
            return x[..., ::2, ::2].clone(), x

    class UpBlock(t.nn.Module):
        def forward(self, x, step_emb, skip):
            return x.repeat_interleave(2, -1).repeat_interleave(2, -2) if skip.shape[-1] == 4 else skip + 0

    class Small(t.nn.Module):
        def __init__(self):
            super().__init__()
            self.down, self.up = DownBlock(), UpBlock()

        def forward(self, images, num_steps):
            x, first = self.down(images)
            x, second = self.down(x)
            x = self.up(x, num_steps, skip=first if crossed else second)
            return self.up(x, num_steps, first)

    return Small()


@pytest.mark.parametrize("crossed", [False, True])
def test_a_unet_is_drawn_from_what_happens_in_it(crossed, monkeypatch):
    monkeypatch.setattr(utils, "show", lambda: None)
    part2.draw_unet(two_levels(crossed), t.zeros(1, 3, 8, 8), t.tensor([1]))
    (axis,) = part2.plt.gcf().axes
    part2.plt.close()
    words = [text.get_text() for text in axis.texts if text.get_text()]
    assert [word for word in words if word.startswith("skip")] == (
        ["skip 3 × 8 × 8"] * 2 if crossed else ["skip 3 × 4 × 4", "skip 3 × 8 × 8"]
    )
    assert words[:2] == ["images\n3 × 8 × 8", "DownBlock\n3 → 3\n3 × 4 × 4"]


def test_maps_carry_their_titles_and_marks(monkeypatch):
    monkeypatch.setattr(utils, "show", lambda: None)
    part2.show_maps([t.rand(3, 4, requires_grad=True), t.ones(2, 20)], ["a", "b"], [(2, 1)], ("right", "down"))
    left, right = plt.gcf().axes
    plt.close()
    assert (left.get_title(), right.get_title()) == ("a", "b")
    assert left.lines[0].get_xydata().tolist() == [[1, 2]] and not right.lines
    assert (left.get_xlabel(), left.get_ylabel()) == ("right", "down")
    assert right.images[0].get_clim() == (0, 1), "a map of ones is bright"
