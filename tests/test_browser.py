"""The exercise notebooks as a learner meets them: in JupyterLab, on a copy of the course, in a real browser."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

import nbformat
import pytest
import torch as t

from tests.part1 import check_linear_schedule
from tools.markup import ROOT

CHROMIUM = shutil.which("chromium")
MISSING = [name for name, found in [("playwright", find_spec("playwright")), ("chromium", CHROMIUM)] if not found]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(180),
    pytest.mark.skipif(bool(MISSING), reason=f"needs {' and '.join(MISSING)}; .ci/run installs both"),
]
PARTS = sorted(path.stem for path in (ROOT / "solutions").glob("part*.py"))
WAIT = 60_000  # milliseconds, for what takes two seconds on a machine that is not busy

STUB = 'raise NotImplementedError("1.2 linear_schedule is not written yet")'
WRONG = "return t.linspace(min_noise, max_noise, max_steps + 1)[:-1]"
RIGHT = "return t.linspace(min_noise, max_noise, max_steps)"

UNREADABLE = r"""() => {
  const found = [];
  for (const text of document.querySelectorAll('.jp-NotebookPanel .jp-RenderedMarkdown')) {
    const heading = text.textContent.trim().slice(0, 40);
    const note = what => found.push(`${what}, in the cell that begins "${heading}"`);
    for (const image of text.querySelectorAll('img')) {
      if (!(image.complete && image.naturalWidth)) note(`the picture ${image.getAttribute('src')} is not shown`);
    }
    for (const wrong of text.querySelectorAll('mjx-merror, [data-mjx-error]')) {
      note(`a formula has an error: ${wrong.textContent}`);
    }
    const walker = document.createTreeWalker(text, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const { data, parentElement } = walker.currentNode;
      if (/\$|\\[a-z]/.test(data) && !parentElement.closest('code, pre, mjx-container')) {
        note(`a formula is not drawn: ${data.trim().slice(0, 60)}`);
      }
    }
    for (const list of text.querySelectorAll('ol[start]')) {
      note(`a list begins at ${list.start}: is it a number at the start of a line?`);
    }
    for (const wide of text.querySelectorAll('table, img, mjx-container')) {
      const over = Math.max(wide.scrollWidth - wide.clientWidth, wide.getBoundingClientRect().right -
                            text.getBoundingClientRect().right);
      if (wide.clientWidth && over > 1) note(`${wide.tagName} is ${Math.round(over)} pixels too wide`);
    }
  }
  return found;
}"""


@pytest.fixture(scope="module")
def course(tmp_path_factory) -> Path:
    return copy_course(tmp_path_factory.mktemp("course"))


@pytest.fixture(scope="module")
def lab(course, tmp_path_factory) -> Iterator[dict]:
    with open_lab(course, tmp_path_factory.mktemp("jupyter")) as server:
        yield server


def copy_course(copy: Path) -> Path:
    """Copy the course, as the learner has it: what is run and saved there is theirs. returns: its folder"""
    for name in ("data", "notebooks", "solutions", "tests", "tools"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("utils.py", "requirements.txt"):
        shutil.copy(ROOT / name, copy)
    return copy


@contextmanager
def open_lab(course: Path, home: Path) -> Iterator[dict]:
    """JupyterLab on a free port, with settings of its own, none of them this machine's. returns: its url and token"""
    folders = {f"JUPYTER_{name}_DIR": str(home / name.lower()) for name in ("CONFIG", "DATA", "RUNTIME")}
    settings = home / "config" / "lab" / "user-settings" / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True)
    no_news = {"fetchNews": "false", "checkForUpdates": False}  # it would ask, over the notebook, or look by itself
    (settings / "notification.jupyterlab-settings").write_text(json.dumps(no_news), encoding="utf-8")
    environment = os.environ | folders | {"IPYTHONDIR": str(home / "ipython"), "DEVICE": "cpu", "IS_CI": ""}
    environment.pop("MPLBACKEND", None)  # the notebook chooses how to draw
    log = home / "log"
    with socket.socket() as free:  # two of these tests may run at once
        free.bind(("127.0.0.1", 0))
        place = ["--ServerApp.ip=127.0.0.1", f"--ServerApp.port={free.getsockname()[1]}"]
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", *place]
    with log.open("w") as output:
        server = subprocess.Popen(command, cwd=course, env=environment, stdout=output, stderr=subprocess.STDOUT)
    try:
        begin = time.monotonic()
        while not (found := list(home.glob("runtime/jpserver-*.json"))):
            said = log.read_text(encoding="utf-8")
            assert server.poll() is None, f"JupyterLab has ended:\n{said}"
            assert time.monotonic() < begin + WAIT / 1000, f"JupyterLab does not start:\n{said}"
            time.sleep(0.1)
        yield json.loads(found[0].read_text(encoding="utf-8"))
    finally:
        server.terminate()
        server.wait(timeout=30)


@contextmanager
def browse(lab: dict, part: str, tmp_path: Path, **settings):
    """A page with this part's exercise notebook. At the end: no error in its console, no request off this machine."""
    from playwright.sync_api import sync_playwright

    errors, urls = [], []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM)
        page = browser.new_page(**{"viewport": {"width": 1400, "height": 900}} | settings)
        page.set_default_timeout(WAIT)
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.context.on("request", lambda request: urls.append(request.url))
        page.on("websocket", lambda socket: urls.append(socket.url))
        try:
            # reset: no notebook of an earlier test is open in another tab
            page.goto(f"{lab['url']}lab/tree/notebooks/{part}.ipynb?reset&token={lab['token']}")
            page.locator(".jp-NotebookPanel [data-windowed-list-index]").first.wait_for()
            yield page
            away = {url for url in urls if urlsplit(url).hostname not in ("localhost", "127.0.0.1", None)}
            assert urls and not away, f"requests off this machine: {away}"
            assert not errors, "errors in the browser's console:\n" + "\n".join(errors)
        except BaseException as error:  # the time limit, too
            page.screenshot(path=tmp_path / "browser.png")
            error.add_note(f"The browser at that moment: {tmp_path / 'browser.png'}")
            raise
        finally:
            browser.close()


class Learner:
    """What a learner does in an open notebook, with mouse and keyboard."""

    def __init__(self, page, notebook: Path) -> None:
        page.get_by_text("Python 3 (ipykernel) | Idle").wait_for()  # before, a cell that is run is lost
        self.page, self.runs = page, 0
        cells = nbformat.read(notebook, 4).cells
        self.ids = [cell.id for cell in cells]
        self.code = [i for i, cell in enumerate(cells) if cell.cell_type == "code"]
        self.first_check = next(i for i in self.code if "import tests." in cells[i].source)

    def cell(self, index: int):
        return self.page.locator(f'.jp-NotebookPanel [data-windowed-list-index="{index}"]')

    def run(self, index: int):
        """Run a cell, wait for its end. returns: what stands under it"""
        from playwright.sync_api import expect

        if (folded := self.cell(index).locator(".jp-Placeholder-content")).count():
            folded.click()  # its code comes out
        self.cell(index).get_by_role("textbox").click()
        self.page.keyboard.press("Shift+Enter")
        self.runs += 1
        prompt = expect(self.cell(index).locator(".jp-InputPrompt"), f"the cell {self.ids[index]} does not end")
        prompt.to_have_text(f"[{self.runs}]:", timeout=WAIT)
        return self.cell(index).locator(".jp-OutputArea-output")

    def replace(self, index: int, old: str, new: str) -> None:
        """Write another line over one line of a cell."""
        line = self.cell(index).locator(".cm-line", has_text=old)
        line.click()
        for key in ("End", "Shift+Home"):
            self.page.keyboard.press(key)
        self.page.keyboard.type(new)
        typed = self.cell(index).locator(".cm-line").all_inner_texts()
        assert [text.strip() for text in typed].count(new) == 1, f"typed {new!r}, and the cell holds {typed}"

    def unfold(self, index: int, title: str):
        """Click on a folded block. returns: the block"""
        from playwright.sync_api import expect

        block = self.cell(index).locator("details", has=self.page.locator("summary", has_text=title))
        expect(block, f"there is no block to unfold, {title}").to_have_count(1)
        inside = block.locator("p, pre").first
        expect(inside).to_be_hidden()
        block.locator("summary").click()
        expect(inside).to_be_visible()
        return block


def width_of(image) -> int:
    """How wide a picture is in its file, once it is there; 0 for a broken one."""
    from playwright.sync_api import expect

    expect(image, "there is no picture").to_be_attached()
    return image.evaluate("image => image.decode().then(() => image.naturalWidth, () => 0)")


def message_of(line: str) -> str:
    """What the check says of linear_schedule with this one line."""
    names = {"t": t}
    exec(f"def linear_schedule(max_steps, min_noise=0.0001, max_noise=0.02):\n    {line}", names)
    with pytest.raises(AssertionError) as failure:
        check_linear_schedule(names["linear_schedule"])
    return str(failure.value)


def test_a_learner_solves_an_exercise(lab, course, tmp_path):
    notebook = course / "notebooks" / "part1_diffusion.ipynb"
    with browse(lab, notebook.stem, tmp_path) as page:
        learner = Learner(page, notebook)
        for index in [index for index in learner.code if index <= learner.first_check]:
            ready = learner.run(index)
        assert ready.all_inner_texts()[-1].startswith("Ready. PyTorch"), ready.all_inner_texts()

        answer, check = learner.ids.index("linear_schedule"), learner.ids.index("check_linear_schedule")
        learner.run(answer)
        shown = "\n".join(learner.run(check).all_inner_texts())
        assert "NotImplementedError: 1.2 linear_schedule is not written yet" in shown, shown
        assert shown.rstrip().endswith("or its cell has not been run since"), shown
        assert len(shown.splitlines()) < 15 and "checking.py" not in shown, f"frames of ours are shown:\n{shown}"

        learner.replace(answer, STUB, WRONG)
        learner.run(answer)
        shown = learner.run(check).all_inner_texts()
        message = message_of(WRONG)
        assert message.endswith("You stop short of max_noise. Both ends are included.")
        assert [text.strip() for text in shown] == [message], "not the message alone:\n" + "\n".join(shown)

        learner.unfold(check + 1, "Hint 1")
        solution = learner.unfold(check + 1, "Solution").inner_text()
        assert RIGHT in solution, f"the solution shows:\n{solution}"

        learner.replace(answer, WRONG, RIGHT)
        learner.run(answer)
        shown = learner.run(check).all_inner_texts()
        assert len(shown) == 1 and re.fullmatch(r"ok 1\.2 linear_schedule: .+\s*", shown[0], re.DOTALL), shown

        figure = next(index for index in learner.code if index > check)
        assert width_of(learner.run(figure).locator("img")) > 0, "no figure under the cell that draws one"
        expected = learner.unfold(figure + 1, "What you should see")
        assert width_of(expected.locator("img")) > 0, "the picture to compare with does not show"

        page.keyboard.press("Control+s")
        page.wait_for_function("document.title && !document.querySelector('.jp-mod-dirty')")
    assert RIGHT in nbformat.read(notebook, 4).cells[answer].source, "the learner's work is not saved"


@pytest.mark.parametrize("part", PARTS)
def test_text_formulas_and_pictures_can_be_read(part, lab, tmp_path):
    with browse(lab, part, tmp_path) as page:
        count = len(nbformat.read(ROOT / "notebooks" / f"{part}.ipynb", 4).cells)
        page.wait_for_function(f"document.querySelectorAll('.jp-NotebookPanel .jp-Cell').length == {count}")
        page.add_style_tag(content=".jp-Cell { content-visibility: visible !important; }")  # off the screen, too
        page.evaluate("document.querySelectorAll('.jp-NotebookPanel details').forEach(fold => fold.open = true)")
        page.locator(".jp-NotebookPanel mjx-container").first.wait_for()
        for width in (1400, 900):
            page.set_viewport_size({"width": width, "height": 900})
            page.wait_for_function("document.querySelector('.jp-NotebookPanel').clientWidth < innerWidth")
            until = time.monotonic() + 20
            while (found := page.evaluate(UNREADABLE)) and time.monotonic() < until:
                page.wait_for_timeout(200)  # it is still being drawn
            assert not found, f"in a window {width} pixels wide:\n" + "\n".join(found)
