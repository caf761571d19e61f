"""The site that make site builds: from the stored outputs, read in a real browser, from files and without a network."""

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tools.build import build, keep_outputs
from tools.markup import ROOT, find_exercises

CHROMIUM = shutil.which("chromium")
MODULES = ["furo", "myst_nb", "sphinx_copybutton", "latex2mathml", "playwright", "axe_playwright_python"]
MISSING = [name for name in MODULES if not find_spec(name)] + ["chromium"] * (not CHROMIUM)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.skipif(bool(MISSING), reason=f"needs {', '.join(MISSING)}; .ci/run installs them"),
]
SOURCES = sorted((ROOT / "solutions").glob("part*.py"))
PARTS = [path.stem for path in SOURCES]
OPTIONS = {  # of axe
    "resultTypes": ["violations"],
    "preload": False,  # it would fetch style sheets, which files can't
    "rules": {"landmark-unique": {"enabled": False}},  # Furo has a list of parts and one of headings, both an <aside>
}
PAGES = ["index", *PARTS]
each_part = pytest.mark.parametrize("part", PARTS)
each_page = pytest.mark.parametrize("name", PAGES)


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    return make(tmp_path_factory.mktemp("site"))


def make(folder: Path, *options: str) -> Path:
    from tools import site  # needs Sphinx

    assert site.main(["--into", str(folder), *options]) == 0
    return folder


@contextmanager
def browse(**settings) -> Iterator:
    """A page in a browser. At the end: no error in its console, no request beyond this machine's files."""
    from playwright.sync_api import sync_playwright

    errors, urls = [], []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM)
        page = browser.new_page(**settings)
        page.set_default_timeout(120_000)  # where the machine is busy
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.context.on("request", lambda request: urls.append(request.url))
        try:
            yield page
        finally:
            browser.close()
    away = {url for url in urls if urlsplit(url).scheme not in ("file", "data")}
    assert urls and not away, f"requests off this machine: {away}"
    assert not errors, "errors in the browser's console:\n" + "\n".join(errors)


def text_of(site: Path, name: str) -> str:
    return (site / f"{name}.html").read_text(encoding="utf-8")


@each_page
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everybody_can_read_it(site, name, scheme):
    from axe_playwright_python.sync_playwright import Axe

    with browse(color_scheme=scheme, viewport={"width": 1400, "height": 900}) as page:
        page.goto((site / f"{name}.html").as_uri())
        page.evaluate("document.querySelectorAll('article details').forEach(fold => fold.open = true)")
        found = Axe().run(page, options=OPTIONS).response["violations"]
    told = [f"{each['id']}: {node['html'][:200]}" for each in found for node in each["nodes"][:3]]
    assert not told, "\n".join(told)


@each_page
def test_it_fits_a_phone(site, name):
    with browse(viewport={"width": 390, "height": 844}) as page:
        page.goto((site / f"{name}.html").as_uri())
        page.evaluate("document.querySelectorAll('article details').forEach(fold => fold.open = true)")
        page.wait_for_function("[...document.images].every(image => image.loading == 'lazy' || image.complete)")
        width, broken = page.evaluate(
            "[document.documentElement.scrollWidth, [...document.images].filter(image => image.loading != 'lazy' &&"
            " !image.naturalWidth).map(image => image.src)]"
        )
    assert width <= 390, f"it scrolls to the side: {width} pixels wide"
    assert not broken


@each_part
def test_every_picture_shows_once_and_has_words(site, part):
    html = text_of(site, part)
    images = re.findall(r"<img ([^>]*)>", html)
    alts = [(re.findall(r'alt="([^"]*)"', image) or [""])[0] for image in images]
    assert all(len(alt) >= 40 for alt in alts), [alt for alt in alts if len(alt) < 40]
    names = re.findall(r'<img [^>]*src="_images/([^"]+)"', html)
    solved = build(ROOT / "solutions" / f"{part}.py")[0]
    prose = "\n".join(cell.source for cell in solved.cells if cell.cell_type == "markdown")
    assert sorted(names) == sorted(re.findall(r"notebooks/images/([^)]+)\)", prose))


@each_part
def test_every_formula_shows(site, part):
    prose = "\n".join(c.source for c in build(ROOT / "solutions" / f"{part}.py")[1].cells if c.cell_type == "markdown")
    formulas = len(re.findall(r"\$\$.+?\$\$", prose, re.DOTALL))
    inline = len(re.findall(r"\$.+?\$", re.sub(r"\$\$.+?\$\$", "", prose, flags=re.DOTALL)))
    html = text_of(site, part)
    assert html.count("</math>") == formulas + inline
    words = re.sub(r"<(style|script|pre|code)[^>]*>.*?</\1>", "", html, flags=re.DOTALL)
    assert "$" not in words


@each_page
def test_every_link_within_a_page_leads_somewhere(site, name):
    html = text_of(site, name)
    assert set(re.findall(r'href="#([^"]+)"', html)) <= set(re.findall(r' id="([^"]+)"', html))


@each_part
def test_what_was_printed_stands_there_and_the_solution_is_folded(site, part):
    source = ROOT / "solutions" / f"{part}.py"
    solved, html = build(source)[0], text_of(site, part)
    keep_outputs(solved, source.with_suffix(".ipynb"))
    shown = re.sub(r"<[^>]+>", "", html)
    for cell in solved.cells:
        for line in (line for out in cell.get("outputs", []) for line in out.get("text", "").splitlines()[:1]):
            assert line.strip()[:20] in shown, line
    folds = re.findall(r"<summary>(.+?)</summary>", html)
    exercises = find_exercises(source)
    assert folds.count("Solution") == len([each for each in exercises if each.hints])
    assert folds.count("A model answer") == len([each for each in exercises if not each.hints])
    assert "Contents" not in folds


def test_folds_open_by_keyboard(site):
    with browse() as page:
        page.goto((site / f"{PARTS[0]}.html").as_uri())
        fold = page.locator("details", has=page.locator("summary", has_text="Hint 1")).first
        inside = fold.locator("p").first
        assert not inside.is_visible()
        fold.locator("summary").focus()
        page.keyboard.press("Enter")
        assert inside.is_visible()


def test_search_finds_a_word(site):
    with browse() as page:
        page.goto((site / "index.html").as_uri())
        page.locator("input[name=q]").fill("score")
        page.keyboard.press("Enter")
        found = page.locator("#search-results li a").first
        found.wait_for()
        assert "q=score" in page.url and PARTS[0] in " ".join(
            link.get_attribute("href") for link in page.locator("#search-results li a").all()
        )


def test_the_first_page_leads_to_every_part_and_each_part_to_the_next(site):
    html = text_of(site, "index")
    assert re.findall(r'class="card" href="(.+?)\.html"', html) == PARTS
    for part, following in pairwise(PARTS):
        assert f'class="next-page" href="{following}.html"' in text_of(site, part)


def test_a_hand_out_holds_no_solution(tmp_path):
    folder = make(tmp_path / "site", "--hand-out")
    text = "\n".join(
        path.read_text(encoding="utf-8") for path in folder.rglob("*.*") if path.suffix in (".html", ".js")
    )
    assert "<summary>Hint 1" in text and "<summary>Solution" not in text and "<summary>A model answer" not in text
    words = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", text))
    assert "NotImplementedError" in words and "x = (1 - beta).sqrt() * x + beta.sqrt()" not in words


def test_buttons_open_the_notebooks_where_the_repository_is_known(monkeypatch):
    from tools import site

    assert site.launch("part1_diffusion") == "" or site.ADDRESS
    monkeypatch.setattr(site, "ADDRESS", "https://github.com/someone/course")
    line = site.launch("part1_diffusion")
    assert "colab.research.google.com/github/someone/course/blob/main/notebooks/part1_diffusion.ipynb" in line
    assert "(https://github.com/someone/course/blob/main/notebooks/part1_diffusion.ipynb)" in line
    monkeypatch.setattr(site, "ADDRESS", "https://git.example.org/course")
    assert site.launch("part1_diffusion") == "\n[The course's repository](https://git.example.org/course){.launch}\n"
