"""DALL-E 2 and the frame of Part 5: what the text derives, and what was measured, is so."""

import json
import math
import re

import pytest
import torch as t
import torch.nn.functional as F
from torch import nn

import utils
from solutions import part1_diffusion as part1
from solutions import part3_fashion_mnist as part3
from solutions import part4_guidance as part4
from solutions import part5_systems as part5
from tools.markup import ROOT

TEXT = (ROOT / "solutions" / "part5_systems.py").read_text(encoding="utf-8")


# ------------------------------------------------------------------------------------------------ CLIP


def test_without_a_temperature_the_right_caption_cannot_win():
    """128 captions, a cosine of 1 with the right one and -1 with all others."""
    share = math.exp(1) / (math.exp(1) + 127 * math.exp(-1))
    assert share == pytest.approx(0.05, abs=0.006) and -math.log(share) == pytest.approx(2.9, abs=0.01)
    assert 1 / 0.03 == pytest.approx(33, abs=0.4)


def test_one_direction_does_not_notice_a_number_added_to_all_scores_of_an_image():
    scores, target = t.randn(4, 4), t.eye(4)
    moved = scores + t.tensor([5.0, 0, 0, 0])[:, None]
    assert F.cross_entropy(moved, target).allclose(F.cross_entropy(scores, target))
    assert not F.cross_entropy(moved.T, target).allclose(F.cross_entropy(scores.T, target))


def test_the_loss_of_pairs_that_agree_is_nothing_and_that_of_chance_the_logarithm():
    tokens, straight = t.arange(8).reshape(8, 1), t.eye(8)
    assert part5.clip_loss(straight, straight, tokens).item() < 1e-6
    assert part5.clip_loss(straight, t.ones(8, 8), tokens).item() == pytest.approx(math.log(8), abs=1e-4)
    assert part5.clip_loss(straight, t.ones(8, 8), t.zeros(8, 1)).item() == pytest.approx(math.log(8), abs=1e-4)


def test_embeddings_have_numbers_of_size_1():
    model = part5.Clip()
    images, captions = model.of_images(t.randn(3, 1, 28, 28)), model.of_captions(part4.tokens(["a bag", "a boot"]))
    assert images.shape == (3, 32) and captions.shape == (2, 32)
    for embeddings in (images, captions):
        assert embeddings.square().mean(dim=1).allclose(t.ones(len(embeddings)), atol=1e-4)


def test_captions_can_be_read_again():
    captions = ["a bright boot with a heel", "trousers"]
    assert part5.words_of(part4.tokens(captions)) == captions


@pytest.mark.slow
def test_the_shipped_encoders_are_as_good_as_the_text_says():
    model, (images, tokens) = part5.load_clip(), part5.captioned(train=False)
    assert len(part5.all_captions()) == 152 and "Only 152 different captions" in TEXT
    assert part5.retrieval(model, images, tokens) == pytest.approx(0.735, abs=0.005)
    assert part5.retrieval(model, images, tokens, 5) == pytest.approx(0.97, abs=0.005)
    found, labels = part5.classify(model, part3.clothes(train=False)), part4.labels_of(train=False)
    assert (found == labels).float().mean().item() == pytest.approx(0.80, abs=0.01)


# ------------------------------------------------------------------------------------------------ the prior


class Knows(nn.Module):
    """A network of two rows that knows the clean embeddings."""

    img_shape = (1, 2, 8)

    def __init__(self, x0: t.Tensor):
        super().__init__()
        self.x0 = x0

    def forward(self, rows: t.Tensor, num_steps: t.Tensor) -> t.Tensor:
        return t.cat([self.x0, rows[:, :, 1:]], dim=2)


def test_a_prior_that_knows_the_embedding_knows_the_noise_and_draws_it():
    schedule, x0 = part1.NoiseSchedule(20, "cpu", part3.cosine_schedule(20)), t.randn(5, 1, 1, 8)
    prior, wanted = part5.Prior(Knows(x0), schedule), t.randn(5, 8)
    num_steps, noise, noised = part1.noise_img(x0, schedule)
    assert prior(noised, num_steps, wanted).allclose(noise, atol=1e-3)
    told = part4.Guided(part5.Prior(Knows(t.cat([x0, x0])), schedule), wanted, 0.0, 1.0)
    assert part1.sample(told, 5).allclose(x0, atol=0.02)


def test_an_error_of_the_embedding_is_one_of_v_as_the_text_says():
    a, x, x0 = t.tensor(0.7), t.randn(4), t.randn(4)
    v = lambda guess: (a.sqrt() * x - guess) / (1 - a).sqrt()  # noqa: E731, of x_n and the guess of x0
    assert (v(x0) - v(x0 + 0.1)).allclose(0.1 / (1 - a).sqrt() * t.ones(4))


@pytest.mark.slow
def test_the_prior_is_near_where_the_captions_are_far():
    """The bounds are those of the course's plan; the text says what one run gave."""
    model, (images, tokens) = part5.load_clip(), part5.captioned(train=False)
    seen, read = part5.embed(model.of_images, images), part5.embed(model.of_captions, tokens[:2000])
    assert part3.frechet_distance(read, seen) > 5
    t.manual_seed(0)
    prior = part5.train_prior(part5.prior_config(), model)
    assert part3.frechet_distance(part5.draw_embeddings(prior, read), seen) < 0.5


# ------------------------------------------------------------------------------------------------ paths


def test_a_straight_line_loses_length_as_the_text_says():
    for degrees in (60, 90, 120):
        angle = math.radians(degrees)
        start, end = t.tensor([1.0, 0.0]), t.tensor([math.cos(angle), math.sin(angle)])
        assert ((start + end) / 2).norm().item() == pytest.approx(math.cos(angle / 2), abs=1e-5)
        assert part5.slerp(start, end, t.tensor([0.5])).norm().item() == pytest.approx(1, abs=1e-5)


def test_between_of_part_3_is_the_arc_for_vectors_at_right_angles():
    start, end = t.zeros(1, 2, 2), t.zeros(1, 2, 2)
    start[0, 0, 0], end[0, 1, 1] = 3.0, 3.0
    arc = part5.slerp(start.flatten(), end.flatten(), t.linspace(0, 1, 5))
    assert part3.between(start, end, 5).flatten(1).allclose(arc, atol=1e-5)


@pytest.mark.skipif(not (utils.ASSETS / "clip.pt").exists(), reason="it is not made yet")
def test_a_text_difference_begins_at_the_picture(monkeypatch):
    monkeypatch.setattr(part5, "clip_model", part5.load_clip)
    embedding = part5.on_sphere(t.randn(1, 32))[0]
    turned = part5.text_difference(embedding, "a dark boot", "a bright boot", t.tensor([0.0, 0.25]))
    assert turned[0].allclose(embedding, atol=1e-3)
    assert turned.norm(dim=1).allclose(embedding.norm().expand(2), atol=1e-2)
    one, other = part5.load_clip().of_captions(part4.tokens(["a dark boot", "a bright boot"]))
    assert turned[1] @ (one - other) > turned[0] @ (one - other)


# ------------------------------------------------------------------------------------------------ what was measured


def test_the_table_of_ways_is_what_was_measured():
    file = utils.ASSETS / "detour.json"
    if not file.exists():
        pytest.skip("it is not made yet")
    rows = json.loads(file.read_text(encoding="utf-8"))["rows"]
    table = TEXT.split("| told | distance |")[1].split("#\n")[0]
    said = [[cell.strip() for cell in line.strip("# |").split("|")] for line in table.splitlines()[2:]]
    for row, cells in zip(rows, said, strict=True):
        variety = row["variety"] / rows[0]["variety"]
        expected = [f"{row['distance']:.1f}", f"{row['class']:.0%}", f"{row['all_words']:.0%}", f"{variety:.2f}"]
        assert cells[1:] == [each.replace("%", " %") for each in expected]


# ------------------------------------------------------------------------------------------------ the frame


def test_the_map_and_the_contents_lead_to_sections_that_exist():
    headings = {heading.replace(" ", "-") for heading in re.findall(r"^# ##+ (.+)$", TEXT, re.MULTILINE)}
    assert set(re.findall(r"\]\(#([^)]+)\)", TEXT)) <= headings


def test_a_guided_picture_of_28_steps_asks_56_times_as_the_answer_says():
    calls = []

    class Counting(nn.Module):
        img_shape, noise_schedule = (1, 4, 4), part1.NoiseSchedule(50, "cpu")

        def forward(self, images: t.Tensor, num_steps: t.Tensor, wanted: t.Tensor) -> t.Tensor:
            calls.extend(range(len(images)))
            return images

    part3.ddim_sample(part4.Guided(Counting(), t.zeros(1, 3), 0.0, 7.0), 1, 28)
    assert len(calls) == 56
