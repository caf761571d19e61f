"""The text says what is so: each number is recomputed, each picture is the one that the stored run has drawn."""

import math
import re
from functools import cache
from itertools import pairwise, takewhile
from pathlib import Path

import nbformat
import numpy as np
import PIL.Image
import PIL.ImageSequence
import pytest
import torch as t
import torch.nn.functional as F
from torch.utils.data import TensorDataset

import utils
from solutions import part1_diffusion as part1
from solutions.part1_diffusion import (
    NoiseSchedule,
    gradient_images,
    linear_schedule,
    normalize_img,
    q_eq2,
    q_eq4,
    sample,
)
from solutions.part3_fashion_mnist import cosine_schedule
from tests.answers.part1.q_eq4 import noise_by_variance
from tests.part1 import check_q_eq4
from tests.test_part2 import network
from tools.build import build, pictures
from tools.markup import ROOT

SOURCES = sorted((ROOT / "solutions").glob("part*.py"))
each_source = pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)


def alpha_bar(max_steps: int, num_steps: int) -> float:
    return (1 - linear_schedule(max_steps)[:num_steps]).prod().item()


def kept(max_steps: int, num_steps: int) -> float:
    return alpha_bar(max_steps, num_steps) ** 0.5


def noise(max_steps: int, num_steps: int) -> float:
    return (1 - alpha_bar(max_steps, num_steps)) ** 0.5


def chance() -> float:
    """How far apart the two equations come out in the table that compares them, at worst in five runs."""
    betas, ones, worst = linear_schedule(200), t.ones(3, 256, 256), 0.0
    for seed in range(5):
        t.manual_seed(seed)
        for n in [1, 10, 50, 100, 200]:
            x2, x4 = q_eq2(ones, n, betas), q_eq4(ones, n, betas)
            worst = max(worst, (x2.mean() - x4.mean()).abs().item(), (x2.std() - x4.std()).abs().item())
    return worst


LAST_ALPHA = 1 - cosine_schedule(1000)[-1].item()

# Every phrase with a number that a run or a formula has to bear out. {} stands for the number.
CLAIMS = {
    "part1_diffusion": [
        ("a number with {:,d} digits", len(str(256 ** (28 * 28)))),
        ("a list of $k$ = {} numbers", 3 * 4 * 5),
        ("The image has {:,d} numbers", 3 * 256 * 256),
        ("from {} to 0.02 over 1000 steps", linear_schedule(1000)[0].item()),
        ("from 0.0001 to {:.2f} over 1000 steps", linear_schedule(1000)[-1].item()),
        ("in the paper β rises in a straight line from {} to 0.02", linear_schedule(1000)[0].item()),
        ("Both lines begin at {} and end at 0.02", linear_schedule(200)[0].item()),
        ("Two straight lines that both rise from nearly 0 to {:.2f}", linear_schedule(200)[-1].item()),
        ("the noise has a standard deviation of {:.2f}", noise(200, 1)),
        ("After 50 steps {:.2f} of the image is left", kept(200, 50)),
        ("under noise of standard deviation {:.2f}", noise(200, 50)),
        ("After 200 steps about {:.2f} of it is left", kept(200, 200)),
        ("(exactly {:.3f})", kept(200, 200)),
        ("under noise of {:.2f}", noise(200, 200)),
        ("You have just seen that 200 steps do not: about {:.2f} of the image is left", kept(200, 200)),
        ("With 100 steps the curve stops at {:.3f}", kept(100, 100)),
        ("with 200 at {:.3f}", kept(200, 200)),
        ("with 1000 it comes down to {:.3f}", kept(1000, 1000)),
        ("Only the paper's 1000 steps arrive: {:.3f} of the image is left", kept(1000, 1000)),
        ("200 steps leave {:.2f}", kept(200, 200)),
        ("100 steps leave {:.2f}", kept(100, 100)),
        (
            "(the ones below have about {:.1f})",
            normalize_img(gradient_images(10_000, (3, 32, 32))).var(dim=0).mean().item(),
        ),
        ("leaves {:.3f} of the image after 100 steps", (1 - linear_schedule(100, 0.001, 0.2)).prod().item() ** 0.5),
        ("α never falls below {:.2f}", 1 - linear_schedule(200).max().item()),
        ("All 200 together leave {:.2f} of the variance", alpha_bar(200, 200)),
        ("falls from 1 to {:.2f} within 200 steps", alpha_bar(200, 200)),
        ("whose root is the {:.2f} you know", kept(200, 200)),
        ("and its root is {:.2f}", math.exp(-2) ** 0.5),
        ("close to the exact {:.3f}", kept(200, 200)),
        ("the average $\\beta$ is about {:.2f}", linear_schedule(1000).mean().item()),
    ],
    "part2_unet": [
        ("SiLU dips to {:.2f} and then", F.silu(t.linspace(-3, 0, 1000)).min().item()),
        ("784 · 784 = {:,d} for each head", (28 * 28) ** 2),
        ("at 7 by 7 they are {:,d}", (7 * 7) ** 2),
        ("For 7: (7 + 2 − 4) / 2 = {} is rounded down to 2", (7 + 2 - 4) / 2),
        ("network has {:,d} parameters", sum(p.numel() for p in network().parameters())),
    ],
    "part3_fashion_mnist": [
        (
            "variance near 1. Going back over the very last, Algorithm 2 divides by √α, which is {:.2f}",
            LAST_ALPHA**0.5,
        ),
        ("linear rises to {:.2f}; the cosine", linear_schedule(1000)[-1].item()),
        ("the network has {:.2f} million parameters", sum(p.numel() for p in network().parameters()) / 1e6),
    ],
}
BOUNDS = {
    "part1_diffusion": [("chance moves both by less than 0.01", chance, 0.01), ("equal to within 0.01", chance, 0.01)]
}
# The same, for what only a training can bear out; these are measured by `make prove`.
TRAINED = {
    "part1_diffusion": [
        ("It ends at about {:.2f}, in the grey strip", lambda: toy_results()["loss"]),
        ("Is {:.2f} good?", lambda: toy_results()["loss"]),
        ("Its loss is {:.3f}, and no network can do better", lambda: best_loss()),
        (
            "The training loss falls from about 1 to {:.1f} within the first few hundred steps",
            lambda: toy_results()["early"],
        ),
        ("small jumps into the grey strip around {:.1f}", lambda: toy_results()["loss"]),
        ("What does a loss of {:.2f} look like?", lambda: toy_results()["loss"]),
        ("where it was {:.2f}", lambda: toy_results()["rms"]),
        ("their corner colours then vary by {:.2f}", lambda: toy_results()["spread_without_noise"]),
        (", not by {:.2f}. They do look", lambda: toy_results()["spread"]),
        ("The samples have an rms of {:.2f}", lambda: toy_results()["rms"]),
        ("where true gradients have {:.3f}", lambda: toy_results()["data_rms"]),
        ("and noise has {:.2f}", lambda: toy_results()["noise_rms"]),
        ("much as those of the data: {:.2f} against", lambda: toy_results()["spread"]),
        ("{:.2f}. So the model paints", lambda: toy_results()["data_spread"]),
    ]
}
GIVEN = {  # settings, the paper's numbers, and what tests of their own hold
    "part1_diffusion": ["the rms is below 0.01", "from 0.0001 to 0.02", "reconstructed with 0.9 of the noise"],
    "part2_unet": [
        "has four levels and 35.7 million parameters",
        "it falls from above 1 to near 0.1 within the first few steps",  # these two: test_part2
        "falls below 0.2 within the first 20 steps, and ends below 0.05",
    ],
    "part3_fashion_mnist": [
        "the mean is -0.43, and the standard deviation 0.71",  # this and the next three: test_part3
        "noise of standard deviation 0.1 on a scale from 0 to 1 gives 173",
        "what noise of standard deviation 0.1 does to real images",
        "that is off by 0.1 does to the guess of the image, and what a $v$ off by 0.1 does",
        "the guessed image levels off at 0.1",
        "a small $s = 0.008$ so that",
        "With $d = 0.995$ the average",
        "The average with d = 0.9, dashed, follows",
        "the one with d = 0.995, a thick line, follows as fast at first",
        "With 0.9 the average jitters to the end. With 0.995 it becomes smooth",
        "from 0 up to 0.002 at step 100",
        "a start with noise of standard deviation 1.5",
        "without clipping, its numbers stay within 1.2",
    ],
}


def prose(source: Path) -> str:
    """All that is written, in one line, without addresses and exercise numbers."""
    text = "\n".join(cell.source for cell in build(source)[0].cells if cell.cell_type == "markdown")
    text = re.sub(r"\]\([^)]*\)", "]", text)
    text = re.sub(r"^### \d+\.\d+|(Section|exercise) \d+\.\d+", "", text, flags=re.MULTILINE)
    return " ".join(text.split())


@each_source
def test_every_number_is_borne_out(source):
    text = rest = prose(source)
    for phrase, value in CLAIMS.get(source.stem, []):
        said = phrase.format(round(value, 7) if phrase.count("{}") else value)
        assert said in text, f"the text does not say {said!r}: it is wrong, or the claim in this test is out of date"
        rest = rest.replace(said, "")
    for phrase, measure, bound in BOUNDS.get(source.stem, []):
        assert phrase in text
        assert measure() < bound, phrase
        rest = rest.replace(phrase, "")
    for phrase, _ in TRAINED.get(source.stem, []):
        pattern = re.sub(r"\\\{.*?\\\}", r"\\d\\.\\d+", re.escape(phrase))
        assert re.search(pattern, rest), f"the text does not say {phrase!r} with a number"
        rest = re.sub(pattern, " ", rest)
    for phrase in GIVEN[source.stem]:
        assert phrase in text
        rest = rest.replace(phrase, "")
    left = re.findall(r"(?:\S+\s+){0,2}\S*\d\.\d+\S*", rest)
    assert not left, f"no claim in this test bears these numbers out: {left}"


@cache
def toy_results() -> dict[str, float]:
    """The training and sampling of the notebook, under its seeds."""
    part1.toy_model.cache_clear()
    t.manual_seed(0)
    model = part1.toy_model().cpu()
    curve = utils.Run.latest.curves["train_loss"]
    t.manual_seed(0)
    num_steps, noise, noised = part1.noise_img(
        normalize_img(gradient_images(100_000, (3, 4, 5))), model.noise_schedule.cpu()
    )
    with t.no_grad():  # of the curve's last points, each one batch, the mean would be off by 0.005
        loss = (model(noised, num_steps) - noise).square().mean().item()
    t.manual_seed(0)
    samples, data = sample(model, 2000), normalize_img(gradient_images(2000, (3, 4, 5)))
    rms, spread = part1.gradient_fit(samples)
    data_rms, data_spread = part1.gradient_fit(data)
    schedule, still = model.noise_schedule, t.randn_like(data)
    with t.no_grad():
        for n in range(100, 0, -1):  # Algorithm 2 without its noise
            guess = model(still, t.full((2000,), n))
            mean = still - schedule.beta(n) / (1 - schedule.alpha_bar(n)).sqrt() * guess
            still = mean / schedule.alpha(n).sqrt()
    return {
        "loss": loss,
        "early": np.mean([point for step, point in curve if 300 <= step <= 500]),
        "rms": rms,
        "spread": spread,
        "spread_without_noise": part1.gradient_fit(still)[1],
        "data_rms": data_rms,
        "data_spread": data_spread,
        "noise_rms": part1.gradient_fit(t.randn_like(data))[0],
    }


def best_loss() -> float:
    """The loss of the best guess: the mean over all pairs of corner colours, weighed by how well they fit."""
    t.manual_seed(0)
    schedule, n_images = NoiseSchedule(100, "cpu"), 1500
    levels = t.linspace(-1, 1, 256)
    corners = t.cartesian_prod(levels, levels)  # every first and last level a channel can have
    way = (t.arange(4).reshape(4, 1) + t.arange(5).reshape(1, 5)).flatten() / 7
    clean = corners[:, :1] * (1 - way) + corners[:, 1:] * way  # (256 * 256, 20)
    total = 0.0
    for image in normalize_img(gradient_images(n_images, (1, 4, 5))):
        num_steps, noise, noised = part1.noise_img(image[None], schedule)
        a = schedule.alpha_bar(num_steps)
        fit = -((noised.flatten() - a.sqrt() * clean) ** 2).sum(dim=1) / (2 * (1 - a))
        guess = (noised.flatten() - a.sqrt() * (fit.softmax(dim=0) @ clean)) / (1 - a).sqrt()
        total += (guess - noise.flatten()).square().mean().item()
    return total / n_images


@pytest.mark.slow
@pytest.mark.parametrize("phrase, measure", [pytest.param(*claim, id=claim[0]) for claim in TRAINED["part1_diffusion"]])
def test_every_number_of_a_training_is_borne_out(phrase, measure):
    said = re.search(re.sub(r"\\\{.*?\\\}", r"(\\d\\.\\d+)", re.escape(phrase)), prose(SOURCES[0]))[1]
    unit = 10.0 ** -len(said.split(".")[1])
    assert measure() == pytest.approx(float(said), abs=0.75 * unit if len(said) < 5 else 2.5 * unit)


@pytest.mark.slow
def test_the_image_guesser_leaves_no_grain():
    """The text says: the rms is below 0.01."""
    t.manual_seed(0)
    config, schedule = part1.toy_config(), NoiseSchedule(100, "cpu", linear_schedule(100, 0.001, 0.2))
    network = part1.TinyDiffuser(part1.TinyDiffuserConfig((3, 4, 5), 128, 100))
    data = TensorDataset(normalize_img(gradient_images(50_000, (3, 4, 5))))
    guesser = part1.train(part1.ImageGuesser(network, schedule), config | {"device": "cpu"}, data)
    distance, spread = part1.gradient_fit(sample(guesser, 2000))
    assert distance < 0.01 and 0.5 < spread < 0.75


def test_the_three_guesses_are_one():
    x0, noise, a = t.randn(100), t.randn(100), t.rand(100)
    xt, v = a.sqrt() * x0 + (1 - a).sqrt() * noise, a.sqrt() * noise - (1 - a).sqrt() * x0
    assert (a.sqrt() * xt - (1 - a).sqrt() * v).allclose(x0, atol=1e-5)
    assert ((1 - a).sqrt() * xt + a.sqrt() * v).allclose(noise, atol=1e-5)


@pytest.mark.slow
def test_other_runs_end_in_the_grey_strip():
    for seed in (1, 2, 3):
        part1.toy_model.cache_clear()
        t.manual_seed(seed)
        part1.toy_model()
        last = [loss for step, loss in utils.Run.latest.curves["train_loss"] if step > 7429]
        assert 0.19 < np.mean(last) < 0.22


@each_source
def test_pictures_are_those_of_the_stored_run(source):
    notebook = nbformat.read(source.with_suffix(".ipynb"), 4)
    drawn = pictures(notebook)
    said = set(re.findall(r"\(images/([^)]+)\)", source.read_text(encoding="utf-8")))
    assert said == set(drawn), "a picture in the text is the output of the cell above it: make outputs"
    for name, png in drawn.items():
        assert (ROOT / "notebooks" / "images" / name).read_bytes() == png, f"{name} is another picture: make outputs"


def test_no_picture_is_left_over():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    sources = "".join(source.read_text(encoding="utf-8") for source in SOURCES)
    said = set(re.findall(r"\(images/([^)]+)\)", sources)) | set(re.findall(r"\(notebooks/images/([^)]+)\)", readme))
    assert {path.name for path in (ROOT / "notebooks" / "images").iterdir()} == said


@each_source
def test_formulas_stay_out_of_folds(source):
    for cell in build(source)[1].cells:
        for fold in re.findall(r"<details>.*?</details>", cell.source, re.DOTALL):
            assert "$" not in fold, f"VS Code does not render formulas in <details>: {fold[:80]!r}"


@each_source
def test_lines_of_prose_are_short(source):
    for number, line in enumerate(source.read_text(encoding="utf-8").splitlines(), 1):
        cannot_be_cut = line.startswith(("# |", "# ![")) or not line.startswith("# ")
        assert len(line) <= 120 or cannot_be_cut, f"line {number} has {len(line)} characters"


@each_source
def test_a_formula_stays_on_one_line(source):
    """Otherwise a line could begin with what Markdown takes for a list or a heading."""
    for number, line in enumerate(source.read_text(encoding="utf-8").splitlines(), 1):
        assert line.replace("$$", "").count("$") % 2 == 0 or not line.startswith("#"), f"line {number}: {line}"


# ------------------------------------------------------------------------------------------------ for every reader


def read_page(page: Path) -> str:
    """What is written on a page: a Markdown file, or the exercise notebook of a source."""
    if page.suffix == ".md":
        return page.read_text(encoding="utf-8")
    return "\n\n".join(cell.source for cell in build(page)[1].cells if cell.cell_type == "markdown")


def without_code(text: str) -> str:
    """Without code and formulas, in which brackets and # mean something else."""
    text = re.sub(r"^```.*?^```|^(?: {4}|\t).*?$", "", text, flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"`[^`]*`|\$\$.*?\$\$|\$[^$\n]+\$", "", text, flags=re.DOTALL)


def headings(text: str) -> list[tuple[int, str]]:
    """Levels and words."""
    found = re.findall(r"^(#+) (.+)$", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL), re.MULTILINE)
    return [(len(marks), words) for marks, words in found]


def anchors(page: Path) -> set[str]:
    """What a link with # may name: GitHub's form in a Markdown file, Jupyter's in a notebook."""
    words = [heading for _, heading in headings(read_page(page))]
    if page.suffix == ".md":
        return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in words}
    return {heading.replace(" ", "-") for heading in words}


def faults_of_links(text: str, folder: Path, known: set[str]) -> list[str]:
    """What is wrong with the links of a text that lies in the folder and has these anchors."""
    faults, text = [], without_code(text)
    for words, target in re.findall(r"\[((?:[^\[\]]|!\[[^\]]*\]\([^)]*\))*)\]\(([^)]*)\)", text):
        if words.strip(" .").lower() in ("", "here", "click here", "this", "link", "this link", "this page"):
            faults.append(f"[{words}]({target}): the words of a link say where it leads")
        if re.search(r"\s", target):
            faults.append(f"{target!r} has a space in it")
        elif target.startswith("#"):
            faults += [] if target[1:] in known else [f"no heading answers to {target}"]
        elif re.match(r"\w+:", target):
            faults += [] if re.match(r"https://[\w.-]+\.\w+(/|$)", target) else [f"{target} is no https address"]
        elif not target or not (folder / target.split("#")[0]).exists():
            faults.append(f"{target!r} does not exist")
    bare = re.findall(r"(?:https?://|www\.)\S+", re.sub(r"\]\([^)]*\)", "]", text))
    return faults + [f"{address} is bare: write [words](address)" for address in bare]


def faults_of_alt_texts(text: str) -> list[str]:
    """What is wrong with what the pictures of a text say to those who do not see them."""
    faults = []
    for alt in re.findall(r"!\[([^\]]*)\]\(", text):
        if re.match(r"(an? |the )?((image|picture|photo|graph|figure|gif) of|plot\b)", alt, re.IGNORECASE):
            faults.append(f"{alt!r}: begin with what is to be seen")
        if not (40 <= len(alt) <= 600 and alt[0].isupper() and alt.endswith(".")):
            faults.append(f"{alt!r}: say in one or a few sentences, of 40 to 600 characters, what it shows")
    return faults


PAGES = [*SOURCES, ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
each_page = pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)


@each_page
def test_headings_are_in_order(page):
    levels = [level for level, _ in headings(read_page(page))]
    assert levels[0] == 1 and levels.count(1) == 1
    for earlier, later in pairwise(headings(read_page(page))):
        assert later[0] <= earlier[0] + 1, f"{later[1]!r} skips a level"


@each_page
def test_links_are_well_formed_and_lead_somewhere(page):
    folder = page.parent if page.suffix == ".md" else ROOT / "notebooks"
    assert not faults_of_links(read_page(page), folder, anchors(page))


@each_page
def test_pictures_speak_to_those_who_do_not_see_them(page):
    assert not faults_of_alt_texts(read_page(page))


@pytest.mark.parametrize(
    "text, fault",
    [
        ("[the paper](http://arxiv.org/abs/2006.11239)", "no https address"),
        ("[the\npaper](https://arxiv.org /abs)", "a space in it"),
        ("see https://arxiv.org/abs/2006.11239.", "is bare"),
        ("Read it [here](https://arxiv.org/abs/2006.11239).", "say where it leads"),
        ("[What you have](#What-you-had)", "no heading answers to #What-you-had"),
        ("[the Makefile](Makefil)", "does not exist"),
        ("[![A badge](https://img.org/a.svg)](nowhere)", "does not exist"),
    ],
)
def test_a_faulty_link_is_found(text, fault):
    assert fault in "; ".join(faults_of_links(text, ROOT, {"What-you-have"}))


@pytest.mark.parametrize("alt", ["", "Noise.", f"Image of a shoe{40 * ' x'}.", f"A plot of the loss{40 * ' x'}."])
def test_an_empty_alt_text_is_found(alt):
    assert faults_of_alt_texts(f"![{alt}](images/a.png)")


@each_source
def test_every_figure_has_its_expected_picture_folded_below(source):
    cells, figures = nbformat.read(source.with_suffix(".ipynb"), 4).cells, 0
    for i, cell in enumerate(cells):
        drawn = {kind for out in cell.get("outputs", []) for kind in out.get("data", {})}
        below = "".join(each.source for each in takewhile(lambda each: each.cell_type != "code", cells[i + 1 :]))
        folds = "".join(re.findall(r"<summary>What you should see</summary>(.*?)</details>", below, re.DOTALL))
        for suffix in ("png", "gif"):
            if f"image/{suffix}" in drawn:
                assert f".{suffix})" in folds, f"cell {cell.id} draws what the text does not show"
                figures += 1
    assert figures, "the notebook holds no figures: make outputs"


@pytest.mark.parametrize("path", sorted((ROOT / "notebooks" / "images").glob("*.gif")), ids=lambda path: path.name)
def test_a_movie_is_small_and_comes_to_rest(path):
    with PIL.Image.open(path) as movie:
        times = [frame.info["duration"] for frame in PIL.ImageSequence.Iterator(movie)]
        assert len(times) > 10 and movie.info["loop"] == 1, "twice: loop says how often it is repeated, 0 is for ever"
    assert 2 * sum(times) <= 5000
    assert path.stat().st_size < 150_000


def test_readme_shows_the_message_that_the_check_gives():
    with pytest.raises(AssertionError) as failure:
        check_q_eq4(noise_by_variance)
    _, after, message = " ".join(str(failure.value).split()).partition("after 1 step")
    assert after + message in " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
