"""The text says what is so: each number is recomputed, each picture is the one that the stored run has drawn."""

import json
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


def elbo_weight(num_steps: int) -> float:
    """The weight of the noise's squared error in Equation 12, with T = 1000 and σ² = β, relative to Equation 14."""
    beta = linear_schedule(1000)[num_steps - 1].item()
    return beta / (2 * (1 - beta) * (1 - alpha_bar(1000, num_steps)))


def chance() -> float:
    """How far apart the two equations come out in the table that compares them, at worst in five runs."""
    betas, ones, worst = linear_schedule(200), t.ones(3, 256, 256), 0.0
    for seed in range(5):
        t.manual_seed(seed)
        for n in [1, 10, 50, 100, 200]:
            x2, x4 = q_eq2(ones, n, betas), q_eq4(ones, n, betas)
            worst = max(worst, (x2.mean() - x4.mean()).abs().item(), (x2.std() - x4.std()).abs().item())
    return worst


PARTS = json.loads((utils.ASSETS / "parts.json").read_text(encoding="utf-8"))
LAST_ALPHA = 1 - cosine_schedule(1000)[-1].item()

# Numbers that formulas bear out, as each part has them in its text. All decimal numbers of a text are listed here
# or below.
COMPUTED = {
    "part1_diffusion": [
        f"{len(str(256 ** (28 * 28))):,d}",  # digits of the count of images
        f"{3 * 256 * 256:,d}",  # numbers in an image
        f"{linear_schedule(1000)[0].item():.4f}",
        f"{linear_schedule(1000)[-1].item():.2f}",
        f"{linear_schedule(1000).mean().item():.2f}",
        f"{noise(200, 1):.2f}",
        f"{kept(200, 50):.2f}",
        f"{noise(200, 50):.2f}",
        f"{kept(200, 200):.2f}",
        f"{kept(200, 200):.3f}",
        f"{noise(200, 200):.2f}",
        f"{alpha_bar(200, 200):.2f}",
        f"{kept(100, 100):.2f}",
        f"{kept(100, 100):.3f}",
        f"{kept(1000, 1000):.3f}",
        f"{(1 - linear_schedule(100, 0.001, 0.2)).prod().item() ** 0.5:.3f}",
        f"{1 - linear_schedule(200).max().item():.2f}",
        f"{math.exp(-2) ** 0.5:.2f}",
        f"{normalize_img(gradient_images(10_000, (3, 32, 32))).var(dim=0).mean().item():.1f}",
        f"{elbo_weight(1):.2f}",
        f"{elbo_weight(10):.3f}",
        f"{elbo_weight(100):.3f}",
        f"{elbo_weight(1000):.3f}",
        f"{(1 - t.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2).prod().item() ** 0.5:.3f}",  # Stable Diffusion's
    ],
    "part2_unet": [
        f"{-F.silu(t.linspace(-3, 0, 1000)).min().item():.2f}",
        f"{(28 * 28) ** 2:,d}",
        f"{(7 * 7) ** 2:,d}",
        f"{(7 + 2 - 4) / 2:.1f}",
        f"{sum(p.numel() for p in network().parameters()):,d}",
        *(f"{error:.3f}" for errors in PARTS.values() for error in errors),
    ],
    "part3_fashion_mnist": [
        f"{LAST_ALPHA**0.5:.2f}",
        f"{linear_schedule(1000)[-1].item():.2f}",
        f"{sum(p.numel() for p in network().parameters()) / 1e6:.2f}",
    ],
    "part4_guidance": [],
    "part5_systems": [
        f"{json.loads((utils.ASSETS / 'autoencoder.json').read_text(encoding='utf-8'))['std_of_codes']:.2f}"
    ],
}
# The same, for what only a training can bear out; these are measured by `make prove`.
TRAINED = {
    "part1_diffusion": [
        ("0.20", lambda: toy_results()["loss"]),
        ("0.076", lambda: best_loss()),
        ("0.2", lambda: toy_results()["loss"]),
        ("0.3", lambda: toy_results()["early"]),
        ("0.13", lambda: toy_results()["rms"]),
        ("0.38", lambda: toy_results()["spread_without_noise"]),
        ("0.54", lambda: toy_results()["spread"]),
        ("0.000", lambda: toy_results()["data_rms"]),
        ("0.95", lambda: toy_results()["noise_rms"]),
        ("0.58", lambda: toy_results()["data_spread"]),
    ]
}
GIVEN = {  # settings, the paper's numbers, and what other tests hold
    "part1_diffusion": [
        *["0.9", "0.1", "0.4"],  # what is shown
        "0.01",  # test_chance_moves_little
        *["13.51", "3.17"],  # the paper's Table 2
        # test_the_four_experiments_come_out_as_the_table_says
        *[
            "0.004",
            "0.005",
            "0.05",
            "0.03",
            "0.07",
            "0.12",
            "0.37",
            "0.39",
            "0.51",
            "0.55",
            "0.56",
            "0.59",
            "0.62",
            "0.66",
        ],
    ],
    "part2_unet": ["35.7", "0.1", "0.3", "0.05"],  # the losses: test_part2
    # those of the images and of noise on them: test_part3
    # and how much farther samples are than a jump; DDIM's Table 1
    "part3_fashion_mnist": ["0.43", "0.71", "0.1", "0.008", "0.9", "0.995", "0.002", "0.005", "1.5", "1.2", "1.6"]
    + ["0.5", "0.0005", "0.5005", "1.000", "0.500"]
    + ["4.67", "8.01"],
    # under a loss, in a picture; GLIDE's parameters; distances, an accuracy, a variety and a change: test_part4*
    "part4_guidance": ["0.1", "1.5", "3.5", "13.7", "0.82", "0.5", "0.362"],
    "part5_systems": ["0.3", "0.75", "2.5", "0.05", "5.5"]  # test_part5_latent_imagen_flow
    # the temperature, where CLIP's ends, and what no loss falls below: test_part5
    + ["0.03", "0.01", "2.9"]
    # the table of ways to a picture: test_part5
    + ["3.3", "13.1", "16.8", "104.1", "16.0", "1.00", "1.07", "1.02", "1.13", "0.85"]
    # of one run: how far the prior's embeddings are, and how much they vary; where the caption lies
    + ["0.10", "0.06", "7.1", "0.80", "1.2", "3.0"]
    + ["0.90", "0.71"]  # the length halfway along a straight line: test_part5
    + ["0.995", "4.6", "2.6", "1.53", "7.0"],  # Imagen's quantile; parameters of T5 and SDXL; the model card
}


def prose(source: Path) -> str:
    """All that is written, in one line, without addresses and exercise numbers."""
    text = "\n".join(cell.source for cell in build(source)[0].cells if cell.cell_type == "markdown")
    text = re.sub(r"\]\([^)]*\)", "]", text)
    text = re.sub(r"(Section|[Ee]xercise) \d+\.\d+", "", text, flags=re.MULTILINE)
    return " ".join(text.split())


@each_source
def test_every_number_is_borne_out(source):
    name, text = source.stem, prose(source)
    borne_out = {*COMPUTED[name], *GIVEN[name], *(number for number, _ in TRAINED.get(name, []))}
    decimals, large = set(re.findall(r"\d+\.\d+", text)), set(re.findall(r"\d+(?:,\d{3})+", text))
    wrong, gone = decimals - borne_out, borne_out - decimals - large
    assert not wrong, f"wrong, or this test computes them no more: {wrong}"
    assert not gone, f"no longer in the text, or wrong there: {gone}"


@pytest.mark.slow
def test_chance_moves_little():
    assert chance() < 0.01


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
    return {
        "loss": loss,
        "early": np.mean([point for step, point in curve if 300 <= step <= 500]),
        "rms": rms,
        "spread": spread,
        "spread_without_noise": part1.gradient_fit(without_new_noise(model, 2000))[1],
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
@pytest.mark.parametrize("said, measure", [pytest.param(*claim, id=claim[0]) for claim in TRAINED["part1_diffusion"]])
def test_every_number_of_a_training_is_borne_out(said, measure):
    unit = 10.0 ** -len(said.split(".")[1])
    assert measure() == pytest.approx(float(said), abs=0.75 * unit if len(said) < 5 else 2.5 * unit)


def without_new_noise(model: part1.DiffusionModel, n_samples: int) -> t.Tensor:
    """Samples by Algorithm 2 without its third term."""
    schedule, x = model.noise_schedule.cpu(), t.randn(n_samples, *model.img_shape)
    with t.no_grad():
        for n in range(len(schedule), 0, -1):
            guess = model(x, t.full((n_samples,), n))
            x = (x - schedule.beta(n) / (1 - schedule.alpha_bar(n)).sqrt() * guess) / schedule.alpha(n).sqrt()
    return x


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("row", [0, 1, 2, 3], ids=["noise", "noise, 10 β", "image", "image, 10 β"])
def test_the_four_experiments_come_out_as_the_table_says(row):
    """Three seeds each. A row of the table: the rms, the spread of the corner colours, and that without new noise."""
    guess_image, times = row > 1, [1, 10][row % 2]
    said = re.findall(r"^\| the (?:noise|image) \| [^|]+ \| (.+) \|$", read_page(SOURCES[0]), re.MULTILINE)[row]
    measured = []
    for seed in range(3):
        part1.toy_model.cache_clear()
        part1.experiment.cache_clear()
        t.manual_seed(seed)
        model = part1.experiment(guess_image, times).cpu()
        t.manual_seed(seed)
        samples, still = sample(model, 2000), without_new_noise(model, 2000)
        measured.append([*part1.gradient_fit(samples), part1.gradient_fit(still)[1]])
    for claim, values in zip(said.split(" | "), zip(*measured, strict=True), strict=True):
        ends = re.findall(r"\d\.\d+", claim)
        unit = 10.0 ** -len(ends[0].split(".")[1])
        assert min(values) == pytest.approx(float(ends[0]), abs=unit), (claim, values)
        assert max(values) == pytest.approx(float(ends[-1]), abs=unit), (claim, values)


def test_the_weights_of_the_elbo_are_those_of_the_text():
    """The paper's Equation 12 with σ² = β; and after step 100 they stay between the two bounds that are named."""
    late = [elbo_weight(n) for n in range(100, 1001)]
    assert min(late) == pytest.approx(0.005, abs=0.0005) and max(late) == pytest.approx(0.010, abs=0.0005)


def test_line_4_is_the_best_guess_of_the_last_steps_noise():
    """Sentences 2 to 5 of the derivation, by regression on many draws."""
    t.manual_seed(0)
    schedule, n = NoiseSchedule(3, "cpu", t.tensor([0.3, 0.2, 0.4])), 3
    older, last = t.randn(2, 1_000_000)
    a = schedule.alpha(n) * (1 - schedule.alpha_bar(n - 1))  # of the older noise, after the last fading
    noise = (a.sqrt() * older + schedule.beta(n).sqrt() * last) / (1 - schedule.alpha_bar(n)).sqrt()
    assert noise.var().item() == pytest.approx(1, abs=0.01)
    slope = (noise * schedule.beta(n).sqrt() * last).mean() / noise.square().mean()
    assert slope.item() == pytest.approx((schedule.beta(n) / (1 - schedule.alpha_bar(n)).sqrt()).item(), abs=0.005)
    unknown = (schedule.beta(n).sqrt() * last - slope * noise).var() / schedule.alpha(n)
    variance = part1.posterior(*t.zeros(2, 1, 1, 1, 1), t.tensor([n]), schedule)[1]
    assert unknown.item() == pytest.approx(variance.item(), abs=0.005)


def test_the_score_is_the_average_noise():
    """Of a pixel that is black or white: the slope of the density's logarithm, against the average that fits."""
    a, pixels, x = t.tensor(0.4), t.tensor([[-1.0], [1.0]]), t.linspace(-2, 2, 9, requires_grad=True)
    density = (-((x - a.sqrt() * pixels) ** 2) / (2 * (1 - a))).exp().sum(dim=0)
    slope = t.autograd.grad(density.log().sum(), x)[0]
    weights, guess = part1.what_fits(x.detach()[:, None], pixels, a)
    noise = weights @ ((x.detach() - a.sqrt() * pixels) / (1 - a).sqrt())  # of each x, at its own place on the diagonal
    assert slope.allclose(-noise.diagonal() / (1 - a).sqrt(), atol=1e-5)
    assert weights.sum(dim=1).allclose(t.ones(9)) and guess.abs().max() < 1


def test_a_jump_shrinks_the_cloud_and_small_steps_fill_the_square():
    """The text: from step 1000, all jumps land on one dot. What the square's movie shows is looked at."""
    t.manual_seed(0)
    points, schedule = normalize_img(gradient_images(2000, (1, 1, 2))), NoiseSchedule(1000, "cpu")
    widths = []
    for n in (1, 100, 200, 300, 500, 1000):
        noised = q_eq4(points, n, schedule.betas)
        widths.append(part1.what_fits(noised.flatten(1), points.flatten(1), schedule.alpha_bar(n))[1].std().item())
    assert widths == sorted(widths, reverse=True) and widths[0] > 0.57 and widths[-1] < 0.01


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
    diagrams = {name for name in said - set(drawn) if name.endswith(".svg")}
    assert said - diagrams == set(drawn), "a picture in the text is the output of the cell above it: make outputs"
    for name, picture in drawn.items():
        assert (ROOT / "notebooks" / "images" / name).read_bytes() == picture, f"{name} is another one: make outputs"


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
        drawn = sum("image/png" in out.get("data", {}) for out in cell.get("outputs", []))
        below = "".join(each.source for each in takewhile(lambda each: each.cell_type != "code", cells[i + 1 :]))
        folds = "".join(re.findall(r"<summary>What you should see</summary>(.*?)</details>", below, re.DOTALL))
        assert len(re.findall(r"\.(png|svg)\)", folds)) >= drawn, f"cell {cell.id} draws what the text does not show"
        figures += drawn
    assert figures, "the notebook holds no figures: make outputs"


def test_movies_are_small_and_come_to_rest():
    movies = 0
    for path in (ROOT / "notebooks" / "images").glob("*.png"):
        with PIL.Image.open(path) as movie:
            if getattr(movie, "n_frames", 1) == 1:
                continue
            movies += 1
            times = [frame.info["duration"] for frame in PIL.ImageSequence.Iterator(movie)]
            assert len(times) > 10 and movie.info["loop"] == 2, f"{path.name}: twice; 0 would be for ever"
        assert 2 * sum(times) <= 5000, path.name
        assert path.stat().st_size < 130_000, path.name
    assert movies


def test_readme_shows_what_the_check_says_now():
    """In the picture, which notes it, and in the words for the picture."""
    with pytest.raises(AssertionError) as failure:
        check_q_eq4(noise_by_variance)
    said = " ".join(str(failure.value).split())
    with PIL.Image.open(ROOT / "docs" / "exercise.png") as picture:
        assert picture.info["Description"] == said, "python -m tools.make_assets exercise takes it anew"
    alt = re.findall(r"!\[(.+?)\]\(docs/exercise.png\)", read_page(ROOT / "README.md"))
    assert said.rpartition("], ")[2] in alt[0]  # brackets would end it
