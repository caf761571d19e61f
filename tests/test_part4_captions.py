"""The second half of Part 4 in small: rules and captions, what is held out, edits with exact models, the pad."""

import json
import sys
from collections import Counter
from functools import cache

import pytest
import torch as t
from torch import nn

import utils
from solutions import part1_diffusion as part1
from solutions import part2_unet as part2
from solutions import part3_fashion_mnist as part3
from solutions import part4_guidance as part4

# ------------------------------------------------------------------------------------------------ rules


def drawn(*rectangles: tuple[int, int, int, int, float]) -> t.Tensor:
    """An image of rectangles on black. each: first and last row, first and last column, grey   returns: (1, 1, 28, 28)"""
    image = t.zeros(1, 1, 28, 28)
    for top, bottom, left, right, grey in rectangles:
        image[..., top : bottom + 1, left : right + 1] = grey
    return part1.normalize_img(image)


BODY, STRIPES = (3, 27, 9, 18), [(row, row, 4, 23, 0.9) for row in range(6, 24, 2)]
SLEEVES = [(3, 10, 3, 8), (3, 10, 19, 24)]
LONG_SLEEVES = [(3, 24, 3, 8), (3, 24, 19, 24)]


@pytest.mark.parametrize(
    "name, rectangles, words",
    [
        ("sandal", [(20, 25, 2, 25, 0.4)], ["dark"]),
        ("sandal", [(20, 25, 2, 25, 0.6)], []),
        ("sandal", [(20, 25, 2, 25, 0.8)], ["bright"]),
        ("bag", [(5, 24, 4, 23, 0.4)], ["dark", "plain", "narrow"]),
        ("bag", [(5, 24, 4, 23, 0.3), *STRIPES], ["patterned", "narrow"]),
        ("bag", [(10, 24, 0, 27, 0.9)], ["bright", "plain", "wide"]),
        ("trousers", [(0, 27, 9, 18, 0.6)], ["narrow"]),
        ("trousers", [(0, 27, 7, 20, 0.6)], ["wide"]),
        ("dress", [(0, 27, 8, 19, 0.6)], ["plain", "narrow"]),
        ("dress", [(0, 27, 5, 22, 0.6)], ["plain", "wide"]),
        ("coat", [(0, 27, 5, 22, 0.6)], ["plain"]),  # no rule for sleeves or width
        ("shirt", [(*each, 0.6) for each in (BODY, *SLEEVES)], ["plain", "short"]),
        ("shirt", [(*each, 0.6) for each in (BODY, *LONG_SLEEVES)], ["plain", "long"]),
        ("boot", [(4, 25, 14, 24, 0.6), (18, 25, 3, 13, 0.6)], ["flat"]),
        ("boot", [(4, 25, 18, 24, 0.6), (18, 21, 3, 24, 0.6), (22, 25, 3, 11, 0.6)], ["heel"]),
    ],
)
def test_the_rules_find_what_is_drawn(name, rectangles, words):
    assert part4.attributes_of(drawn(*rectangles), t.tensor([utils.CLASSES.index(name)])) == [words]


def test_an_empty_image_is_dark_and_breaks_nothing():
    words = part4.attributes_of(drawn().expand(10, -1, -1, -1), t.arange(10))
    assert all("dark" in each and "bright" not in each for each in words)


def test_every_word_of_the_rules_is_an_attribute_and_all_are_known():
    words = [word for _, _, low, _, high, _ in part4.RULES for word in (low, high)]
    assert set(words) == set(part4.ATTRIBUTES) and part4.AFTER.keys() <= set(words)
    assert len(set(part4.WORDS)) == len(part4.WORDS) and part4.WORDS[part4.PAD] == ""
    classes = [name for names, *_ in part4.RULES for name in names.split()]
    assert set(classes) == set(utils.CLASSES)


@cache
def test_images() -> tuple[t.Tensor, t.Tensor]:
    return part3.clothes(train=False)[:2000].cpu(), part4.labels_of(train=False)[:2000].cpu()


test_images.__test__ = False


def test_captions_say_all_that_was_found_and_fit_into_a_row():
    images, labels = test_images()
    captions, found = part4.captions_of(images, labels), part4.attributes_of(images, labels)
    for caption, words, label in zip(captions, found, labels.tolist(), strict=True):
        said = set(caption.split())
        assert said - {"a", "with", "sleeves"} == {*words, utils.CLASSES[label]}
        assert caption.startswith("a ") or label == utils.CLASSES.index("trousers")
    rows = part4.tokens(captions)
    assert rows.shape == (2000, part4.LONGEST) and rows.dtype == t.int64
    assert [" ".join(part4.WORDS[word] for word in row if word) for row in rows.tolist()] == captions
    assert max(len(caption.split()) for caption in captions) <= part4.LONGEST
    assert Counter(word for words in found for word in words).keys() == set(part4.ATTRIBUTES)


def test_captions_read_as_english():
    said = part4.caption(utils.CLASSES.index("pullover"), ["long", "plain", "dark"])
    assert said == "a dark plain pullover with long sleeves"
    assert part4.caption(utils.CLASSES.index("trousers"), ["narrow", "bright"]) == "bright narrow trousers"
    assert part4.caption(utils.CLASSES.index("boot"), ["heel"]) == "a boot with a heel"


# ------------------------------------------------------------------------------------------------ words and tokens


def test_nothing_is_all_padding_and_capitals_do_not_matter():
    assert part4.tokens([""]).tolist() == [[part4.PAD] * part4.LONGEST]
    assert part4.tokens(["A DARK t-shirt"]).equal(part4.tokens(["a dark T-shirt"]))


@pytest.mark.parametrize(
    "caption, message",
    [
        ("a drak boot", "never heard the word 'drak': did you mean dark?"),
        ("a boots", "'boots': did you mean boot?"),
        ("a purple boot", "'purple': did you mean "),
        ("a xyz", "'xyz': did you mean one of a, with, sleeves, dark"),
        ("a a a a a a a a a", "has 9 words: say it in 8"),
    ],
)
def test_what_is_not_understood_is_named(caption, message):
    with pytest.raises(ValueError, match="(did you mean|say it in)") as error:
        part4.tokens([caption])
    assert message in str(error.value)


# ------------------------------------------------------------------------------------------------ the encoder and its data


def test_the_encoder_is_small_and_leaves_padding_out():
    t.manual_seed(0)
    encoder = part4.CaptionEncoder()
    assert sum(p.numel() for p in encoder.parameters()) <= 40_000
    rows = part4.tokens(["a dark boot", "a bright bag", ""])
    longer = t.cat([rows, t.zeros(3, 4, dtype=t.int64)], dim=1)
    assert encoder(rows).allclose(encoder(longer)) and encoder(rows).shape == (3, 64)
    assert encoder(rows.flip(0)).flip(0).allclose(encoder(rows), atol=1e-6)


@pytest.mark.slow
def test_what_is_held_out_is_not_learned_and_words_are_left_out_by_chance():
    images, rows = part4.captioned_clothes()
    every, labels = part3.clothes(), part4.labels_of().cpu()
    words = part4.attributes_of(every, labels)
    kept = [i for i, label in enumerate(labels.tolist()) if not part4.is_held_out(label, words[i])]
    assert len(images) == len(rows) == len(kept) and 0.9 < len(kept) / len(every) < 1
    found = [set(words[i]) for i in kept]
    told = [{part4.WORDS[word] for word in row} & set(part4.ATTRIBUTES) for row in rows.tolist()]
    assert all(some <= each for some, each in zip(told, found, strict=True))
    share = sum(map(len, told)) / sum(map(len, found))
    assert share == pytest.approx(0.75, abs=0.005)
    for name, one, other in part4.HELD_OUT:
        label = utils.CLASSES.index(name)
        both = sum({one, other} <= set(each) for each, k in zip(words, labels.tolist(), strict=True) if k == label)
        for word in (one, other):  # each alone is often seen, with this class
            alone = sum(word in each for each, k in zip(words, labels.tolist(), strict=True) if k == label)
            assert alone - both >= 50, (name, word)
        assert both >= 50


def test_obeyed_counts_each_word_where_it_is_asked_for():
    images, labels = test_images()
    images, labels = images[:300], labels[:300]
    asked = part4.captions_of(images, part3.classes_of(images))
    shares = part4.obeyed(asked, images)
    assert set(shares) <= {*part4.ATTRIBUTES, "class", "all"} and set(shares.values()) == {1.0}
    wrong = [caption.replace("dark", "bright") for caption in asked]
    shares = part4.obeyed(wrong, images)
    bright = sum("bright" in caption for caption in asked) / sum("bright" in caption for caption in wrong)
    assert shares["bright"] == pytest.approx(bright) and "dark" not in shares and shares["class"] == 1


# ------------------------------------------------------------------------------------------------ edits


class Remembers(nn.Module):
    """The exact model of a data set of one image: its guess leads there from everywhere."""

    def __init__(self, image: t.Tensor, max_steps: int = 20):
        super().__init__()
        self.image, self.img_shape = image, image.shape
        self.noise_schedule = part1.NoiseSchedule(max_steps, "cpu", part3.cosine_schedule(max_steps))

    def forward(self, images: t.Tensor, num_steps: t.Tensor) -> t.Tensor:
        a = self.noise_schedule.alpha_bar(num_steps).reshape(-1, 1, 1, 1)
        return (images - a.sqrt() * self.image) / (1 - a).sqrt()


def test_what_is_drawn_anew_is_of_the_data_and_what_is_kept_stays():
    model, mine = Remembers(2 * t.rand(1, 6, 8) - 1), 2 * t.rand(3, 1, 6, 8) - 1
    keep = t.rand(6, 8) < 0.5
    for n_steps in (1, 7, 20):
        filled = part4.inpaint(model, mine, keep, n_steps)
        assert filled.allclose(t.where(keep, mine, model.image), atol=1e-4)
        assert part4.start_from(model, mine, 10, n_steps).allclose(model.image.expand(3, -1, -1, -1), atol=1e-4)


def test_a_step_back_has_the_variance_that_equation_4_asks_for():
    """For an image of zeros, x is noise alone, and after the step it is noise of the variance that is due."""
    t.manual_seed(0)
    model = Remembers(t.zeros(1, 50, 50))
    schedule = model.noise_schedule
    for n, m in [(20, 12), (12, 11), (5, 1)]:
        x = part4.step_back(model, part4.noise_to(t.zeros(40, 1, 50, 50), n, schedule), n, m)
        assert x.var().item() == pytest.approx(1 - schedule.alpha_bar(m).item(), rel=0.02)
    assert part4.noise_to(x, 0, schedule) is x


@pytest.mark.parametrize(
    "images, message",
    [
        (t.zeros(2, 1, 8, 6), r"images have shape \(2, 1, 8, 6\): the model takes \(B, \*\(1, 6, 8\)\)"),
        (t.full((2, 1, 6, 8), 1.5), r"images run from 1.50 to 1.50: give them in \[-1, 1\]"),
        (t.full((2, 1, 6, 8), t.nan), r"images run from nan to nan"),
        (t.zeros(0, 1, 6, 8), "ask for at least 1"),
    ],
)
def test_images_that_cannot_be_edited_are_refused(images, message):
    model, keep = Remembers(t.zeros(1, 6, 8)), t.ones(6, 8, dtype=t.bool)
    with pytest.raises(ValueError, match=message):
        part4.inpaint(model, images, keep)
    with pytest.raises(ValueError, match=message):
        part4.start_from(model, images, 5)


def test_other_masks_and_numbers_of_steps_are_refused():
    model, images = Remembers(t.zeros(1, 6, 8)), t.zeros(2, 1, 6, 8)
    with pytest.raises(ValueError, match=r"keep has shape \(8, 6\): make it as high and wide as the images, \(6, 8\)"):
        part4.inpaint(model, images, t.ones(8, 6, dtype=t.bool), n_steps=5)
    with pytest.raises(TypeError, match="keep holds torch.float32: make it a mask of True and False"):
        part4.inpaint(model, images, t.ones(6, 8), n_steps=5)
    with pytest.raises(ValueError, match="n_steps is 21: choose it from 1 to 20"):
        part4.inpaint(model, images, t.ones(6, 8, dtype=t.bool), n_steps=21)
    for n in (0, 21):
        with pytest.raises(ValueError, match="1 to 20"):
            part4.start_from(model, images, n, n_steps=5)


# ------------------------------------------------------------------------------------------------ the pad


@pytest.fixture
def boot() -> t.Tensor:
    return part1.normalize_img(part2.drawn_clothes()[6])


def test_what_is_painted_is_in_the_image(boot):
    pad = part4.DrawingPad(boot)
    before = pad.image
    assert before.shape == (1, 28, 28) and before.abs().max() <= 1
    pad.shade = "grey"
    pad.paint(3, 5)
    changed = (pad.image != before).nonzero()
    assert {tuple(place) for place in changed.tolist()} == {(0, row, column) for row in (6, 7) for column in (10, 11)}
    assert pad.image[0, 6, 10] == pytest.approx(0.2)


def test_the_pad_is_shown_in_a_notebook_alone(boot, monkeypatch):
    part4.DrawingPad(boot).show()  # nothing happens
    ipywidgets = pytest.importorskip("ipywidgets")
    shown = []
    monkeypatch.setattr(utils, "in_notebook", lambda: True)
    monkeypatch.setattr("IPython.display.display", shown.append)
    pad = part4.DrawingPad(boot)
    pad.show()
    (top, grid) = shown[0].children
    shades, clear = top.children
    assert isinstance(shown[0], ipywidgets.VBox) and len(grid.children) == 14 * 14
    shades.value = "white"
    grid.children[0].click()
    assert pad.image[0, 0, 0] == 1 and grid.children[0].style.button_color == "#ffffff"
    clear.click()
    assert pad.image.eq(-1).all() and {each.style.button_color for each in grid.children} == {"#000000"}


def test_without_ipywidgets_the_pad_says_what_to_do(boot, monkeypatch, capsys):
    monkeypatch.setattr(utils, "in_notebook", lambda: True)
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    part4.DrawingPad(boot).show()
    assert "%pip install ipywidgets" in capsys.readouterr().out


# ------------------------------------------------------------------------------------------------ what is shipped


def results(name: str) -> dict:
    return json.loads((utils.ASSETS / name).read_text(encoding="utf-8"))


def test_the_weights_are_small_and_bring_no_code():
    path = utils.ASSETS / "captions.pt"
    assert path.stat().st_size <= 700_000
    weights = t.load(path, weights_only=True)
    assert all(value.dtype == t.float16 for value in weights.values() if value.is_floating_point())
    assert sum(p.numel() for p in part4.caption_model().parameters()) < 350_000


def test_real_images_obey_their_captions_as_often_as_the_table_says():
    images, labels = (each[:2000] for each in test_images())
    again = part4.obeyed(part4.captions_of(images, labels), images)
    assert results("obeyed.json")["rows"]["real images"] == pytest.approx(again, abs=0.002)


def test_words_are_obeyed_as_the_text_says():
    rows = results("obeyed.json")["rows"]
    real, one, three, chance = (rows[name] for name in ("real images", "w = 1", "w = 3", "other captions, w = 3"))
    unseen, unseen_real = rows["held out: w = 3"], rows["held out: real images"]
    said = [(one["all"], 63), (three["all"], 91), (real["all"], 94), (three["heel"], 98), (three["class"], 97)]
    said += [(three["patterned"], 87), (three["narrow"], 85), (three["wide"], 84), (three["flat"], 78)]
    said += [(chance["class"], 10), (chance["all"], 5), (unseen["all"], 58), (unseen_real["all"], 93)]
    said += [(unseen["wide"], 61), (unseen["narrow"], 69)]
    for share, percent in said:
        assert 100 * share == pytest.approx(percent, abs=0.6)
    assert all(0.975 <= three[word] < 1 for word in ("dark", "bright", "plain"))
    assert all(0.965 <= three[word] < 0.99 for word in ("short", "long"))
    assert all(three[word] > real[word] for word in ("heel", "class"))
    assert all(three[word] > 0.84 * real[word] for word in real)
    assert all(three[word] - unseen[word] < 0.03 for word in ("dark", "bright", "plain"))


def test_more_noise_is_more_real_and_less_faithful():
    """The table of 4.7, and what the text says of it."""
    stored = results("faithful.json")
    rows = {row["n"]: row for row in stored["rows"]}
    assert [round(rows[n]["distance"]) for n in (200, 800, 900, 1000)] == [270, 39, 19, 16]
    assert round(stored["distance of the drawings"]) == 365
    assert rows[1000]["change"] == 0.362 and rows[200]["change"] < 0.02
    assert [round(100 * rows[n]["change"] / rows[1000]["change"]) for n in (700, 800)] == [45, 64]
    changes, distances = ([row[name] for row in stored["rows"]] for name in ("change", "distance"))
    assert changes == sorted(changes) and distances == sorted(distances, reverse=True)
