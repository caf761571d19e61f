"""What the README shows."""

import inspect
import io
import re
from pathlib import Path
from tempfile import TemporaryDirectory

import nbformat
import torch as t
from einops import rearrange
from PIL import Image
from PIL.PngImagePlugin import PngInfo

import solutions.part1_diffusion as part1
import solutions.part3_fashion_mnist as part3
import utils
from tests.answers.part1.q_eq4 import noise_by_variance
from tools.markup import ROOT

LEFT = [50, 45, 40, 36, 32, 29, 26, 23, 20, 17, 14, 11, 8, 5, 0]  # steps, in the pictures of the movie


def readme() -> None:
    t.manual_seed(6)
    steps, frames = part3.ddim_sample(part3.shipped_model(), 64, 50, return_all_steps=True), []
    for left in LEFT:
        greys = 7 if left > 8 else 31  # fewer where all is noise: a small file
        images = (greys * part1.denormalize_img(steps[-1 - left].clamp(-1, 1)).cpu()).round() / greys
        wall = rearrange(images, "(r c) 1 h w -> 1 (r h) (c w)", c=16)
        frames.append(utils.grid(wall[None], 1))
    durations = [1200] + [150] * (len(frames) - 2) + [4000]
    (ROOT / "docs" / "clothes.png").write_bytes(utils.as_png(*frames, duration=durations, loop=3))


def exercise() -> None:
    """In JupyterLab, run an exercise with a wrong answer, and take a picture of it and of what its check says."""
    from tests.test_browser import Learner, browse, copy_course, open_lab  # these need Chromium and Playwright

    with TemporaryDirectory() as name:
        folder = Path(name)
        path = copy_course(folder / "course") / "notebooks" / "part1_diffusion.ipynb"
        notebook = nbformat.read(path, 4)
        wrong = inspect.getsource(noise_by_variance).partition("):\n")[2].rstrip()
        cell = next(cell for cell in notebook.cells if cell.id == "q_eq4")
        cell.source = re.sub(r" *raise NotImplementedError.*", wrong, cell.source)
        nbformat.write(notebook, path)
        look = {"viewport": {"width": 1160, "height": 1500}, "device_scale_factor": 1.5}
        with open_lab(folder / "course", folder) as lab, browse(lab, path.stem, folder, **look) as page:
            learner = Learner(page, path)
            answer = learner.ids.index("q_eq4")
            for index in [each for each in learner.code if each <= learner.first_check] + [answer]:
                learner.run(index)
            said = learner.run(answer + 1).inner_text()
            learner.cell(answer + 3).click()  # to see no frame around a cell of these
            first, last = learner.cell(answer - 1), learner.cell(answer + 2)
            first.evaluate("cell => cell.scrollIntoView()")
            above, below = first.bounding_box(), last.bounding_box()
            top = above["y"] + 8  # below the toolbar's edge
            clip = above | {"y": top, "height": below["y"] + below["height"] - top}
            picture = Image.open(io.BytesIO(page.screenshot(clip=clip)))
    (about := PngInfo()).add_text("Description", " ".join(said.split()))  # so that a test can see that it has changed
    picture.convert("RGB").quantize(64).save(ROOT / "docs" / "exercise.png", optimize=True, pnginfo=about)
