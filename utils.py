"""What the notebooks use and a learner need not read: device, pictures, argument checks, data, keeping a training."""

import base64
import gzip
import hashlib
import io
import math
import netrc
import os
import sys
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import torch as t
from einops import rearrange
from matplotlib.font_manager import findfont
from PIL import Image as Pictures
from PIL import ImageDraw, ImageFont, ImageOps
from PIL.Image import Image
from tqdm import tqdm

ASSETS = Path(__file__).parent / "solutions" / "assets"
SHARED = bool(os.getenv("COURSE_DIR"))  # the course's folder serves many: own work lies where the notebook does
SAVES = Path(os.getenv("SAVES_DIR") or (Path.cwd() if SHARED else Path(__file__).parent) / "saves")  # of long trainings
IS_CI = os.getenv("IS_CI", "") not in ("", "0")  # the same code at toy size, and no picture shown
FULL = os.getenv("FULL", "") not in ("", "0")  # train Part 3's model from scratch even without a GPU
WIDE = 9.6  # inches: a wider figure would be shrunk to a notebook's cell, and the words on it with it

for stream in (sys.stdout, sys.stderr):  # where a console cannot write β, it writes \u03b2 rather than fail
    if getattr(stream, "errors", None) == "strict" and hasattr(stream, "reconfigure"):
        stream.reconfigure(errors="backslashreplace")


# --------------------------------------------------------------------------------- the device, and what a learner gives


def get_device() -> t.device:
    """Choose where to compute: DEVICE (cpu, cuda or mps) if it is set, else CUDA where there is one, else the CPU.
    errors: ValueError for another name, RuntimeError for a device this machine lacks"""
    has = {"cpu": True, "cuda": t.cuda.is_available(), "mps": t.backends.mps.is_available()}
    name = os.getenv("DEVICE") or ("cuda" if has["cuda"] else "cpu")
    if name not in has:
        raise ValueError(f"DEVICE={name} is not a device this course knows: set it to cpu, cuda or mps, or unset it")
    if not has[name]:
        raise RuntimeError(f"DEVICE={name}, but PyTorch finds no {name} device here: set DEVICE=cpu, or unset it")
    return t.device(name)


CORES = t.get_num_threads()  # as PyTorch chose it, before a notebook asks for fewer


@contextmanager
def all_cores() -> Iterator[None]:
    """Compute on all cores within this block: large batches gain by it, small ones only wait."""
    threads = t.get_num_threads()
    t.set_num_threads(CORES)
    try:
        yield
    finally:
        t.set_num_threads(threads)


def fork_rng() -> AbstractContextManager[None]:
    """After this block, random numbers go on as if none had been drawn in it, on the CPU and on the GPU in use."""
    return t.random.fork_rng([t.cuda.current_device()] if t.cuda.is_available() else [])


def check_num_steps(num_steps: int | t.Tensor, max_steps: int) -> None:
    """Refuse a count of noise steps outside 1..max_steps, before it wraps round to the wrong end of a schedule.
    num_steps: int or int tensor (B,); a CUDA tensor is not looked at, as that would wait for the GPU
    errors: ValueError"""
    lowest = highest = num_steps
    if isinstance(num_steps, t.Tensor):
        if num_steps.device.type != "cpu" or not num_steps.numel():
            return
        lowest, highest = (each.item() for each in num_steps.aminmax())
    if not 1 <= lowest <= highest <= max_steps:
        raise ValueError(f"num_steps counts steps of noise, 1 to {max_steps} with this schedule, but it is {num_steps}")


def allclose(actual: t.Tensor, expected: t.Tensor, tolerance: float = 1e-4) -> None:
    """Say that two tensors agree, or how far apart they are.
    errors: AssertionError for another shape, or a difference above the tolerance"""
    assert actual.shape == expected.shape, f"shapes differ: {tuple(actual.shape)}, expected {tuple(expected.shape)}"
    difference = (actual - expected).abs().max().item()
    assert difference <= tolerance, f"the tensors differ by up to {difference:.4g}"
    print(f"ok, equal to within {tolerance:g}")


class Settings(dict):
    """A dict whose missing key is an error that says what to do."""

    def __missing__(self, key: str) -> None:
        raise KeyError(f"the setting {key!r} is missing: add it to the config, which has {', '.join(self)}")


def check_can_sample(model: t.nn.Module, n_samples: int) -> t.nn.Module:
    """The model's noise schedule, if samples can be drawn from it.
    errors: ValueError for a model without a schedule, or for n_samples below 1"""
    if n_samples < 1:
        raise ValueError(f"n_samples is {n_samples}: ask for at least 1")
    if getattr(model, "noise_schedule", None) is None:
        raise ValueError("the model has no noise schedule yet: train it first, or set model.noise_schedule")
    return model.noise_schedule


# ------------------------------------------------------------------------------------------------------------- pictures

plt.rc("axes", prop_cycle=plt.cycler(color=["#1f66a8", "#c4500a", "#2a7f3b", "#b02020"]))  # dark enough for words
plt.rc("axes.spines", top=False, right=False)
plt.rc("figure", figsize=(6.4, 3.6), facecolor="white")
plt.rc("legend", frameon=False)
plt.rc("svg", hashsalt="course")  # the same figure is the same file


def show() -> None:
    """Show the current figure, in a notebook as SVG, too, if it is one of lines; under IS_CI, close it unseen."""
    axes = plt.gcf().axes
    if in_notebook():
        from matplotlib_inline.backend_inline import set_matplotlib_formats

        points = sum(len(line.get_xdata()) for axis in axes for line in axis.lines)
        is_sharp = points < 3000 and not any(axis.images or axis.collections for axis in axes)
        set_matplotlib_formats(*(["png", "svg"] if is_sharp else ["png"]))
    plt.close() if IS_CI else plt.show()


def label_lines(axis: Any = None) -> None:
    """In the place of a legend, write each line's label at its right end, in its colour. axis: else the latest"""
    axis, placed = axis or plt.gca(), []
    axis.figure.draw_without_rendering()  # else it isn't known yet where on the screen lines end
    ends = [tuple(line.get_transform().transform(line.get_xydata()[-1])) for line in axis.lines]
    for (x, y), line in sorted(zip(ends, axis.lines, strict=True), key=lambda each: each[0][1]):
        height = max([y, *(below + 15 for at, below in placed if abs(at - x) < 100)])  # pixels: labels keep apart
        placed.append((x, height))
        look = {"color": line.get_color(), "va": "center", "xycoords": line.get_transform()}
        axis.annotate(line.get_label(), line.get_xydata()[-1], (7, height - y), textcoords="offset pixels", **look)


def in_notebook() -> bool:
    """Whether somebody looks at this in a notebook: not in a script, and not under IS_CI."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    return not IS_CI and hasattr(shell, "kernel")


def check_pictures(images: Sequence[t.Tensor], titles: Sequence[str] | None) -> None:
    """Refuse what cannot be shown. errors: ValueError for values outside [0, 1] or another number of titles"""
    if titles is not None and len(titles) != len(images):
        raise ValueError(f"{len(images)} images but {len(titles)} titles: give one title for each image")
    for image in images:
        low, high = image.min().item(), image.max().item()
        if not (0 <= low and high <= 1):
            raise ValueError(f"pictures lie in [0, 1], these run from {low:.2f} to {high:.2f}: denormalize_img first")


def show_images(images: Sequence[t.Tensor], titles: Sequence[str] | None = None, columns: int = 8) -> None:
    """Show images side by side, at most so many in a row.
    images: n tensors (C, H, W), C = 1 (grey) or 3 (colour), in [0, 1], on any device   titles: n strings
    errors: ValueError for values outside [0, 1] or another number of titles"""
    check_pictures(images, titles)
    rows = math.ceil(len(images) / columns)
    columns = math.ceil(len(images) / rows)
    flat = min(image.shape[2] / image.shape[1] for image in images)  # how wide, in heights
    width = min(1.7 * max(1, flat), WIDE / columns)
    height = width / flat + (0.3 if titles else 0)
    size = width * columns, height * rows
    _, axes = plt.subplots(rows, columns, figsize=size, squeeze=False, layout="constrained")
    for axis in axes.flat:
        axis.axis("off")
    for axis, image, title in zip(axes.flat, images, titles or [""] * len(images), strict=False):
        axis.imshow(rearrange(image.detach().cpu().numpy(), "c h w -> h w c"), cmap="gray", vmin=0, vmax=1)
        axis.set_title(title, fontsize=9)
    show()


def grid(images: t.Tensor, columns: int = 8) -> Image:
    """One picture of many images in rows. images: (N, C, H, W) in [0, 1], C = 1 or 3"""
    N, C, H, W = images.shape
    rows = math.ceil(N / columns)
    cells = t.ones(rows * columns, C, H, W)
    cells[:N] = images.detach().cpu()
    pixels = rearrange((255 * cells).round().byte(), "(r c) k h w -> (r h) (c w) k", c=columns)
    picture = Pictures.fromarray(pixels.squeeze(2).numpy() if C == 1 else pixels.numpy())
    return picture.resize((2 * columns * W, 2 * rows * H), Pictures.Resampling.NEAREST)


def captioned(image: t.Tensor, title: str, width: int = 560, height: int = 320) -> Image:
    """One picture of one image under its title, enlarged by a whole number to about this size.
    image: (C, H, W) in [0, 1], C = 1 or 3"""
    _, H, W = image.shape
    scale, bar, cell = max(1, min(width // W, height // H)), 28, grid(image[None], 1)
    picture = Pictures.new(cell.mode, (scale * W, scale * H + bar), "white")
    picture.paste(cell.resize((scale * W, scale * H), Pictures.Resampling.NEAREST), (0, bar))
    font = ImageFont.truetype(findfont("DejaVu Sans"), min(16, width // 8))  # that of the other pictures' titles
    ImageDraw.Draw(picture).text((picture.width / 2, bar / 2), title, "black", font, anchor="mm")
    return picture


def as_png(first: Image, *others: Image, **movie: Any) -> bytes:
    """A file of one picture, or of many that follow each other."""
    first.save(file := io.BytesIO(), "PNG", save_all=bool(others), append_images=others, optimize=True, **movie)
    return file.getvalue()


def show_movie(images: Sequence[t.Tensor], titles: Sequence[str]) -> None:
    """Show images one after the other in the same place: twice, in about five seconds; then the last one stands still.
    images: 2 to 100 tensors (C, H, W), C = 1 or 3, in [0, 1]   titles: as many strings
    errors: ValueError for values outside [0, 1], another number of titles, or too few or too many images"""
    check_pictures(images, titles)
    if not 2 <= len(images) <= 100:
        raise ValueError(f"a movie of {len(images)} images is none, or takes too long: choose 2 to 100 of them")
    last = 600  # milliseconds that it stands before the second round
    durations = [max((2500 - last) // (len(images) - 1), 20)] * (len(images) - 1) + [last]
    movie = as_png(*map(captioned, images, titles), duration=durations, loop=2)
    if in_notebook():
        from IPython import display

        display.display(display.Image(movie, format="png"))


def show_slider(draw: Callable[[int], t.Tensor], name: str, first: int, last: int) -> None:
    """Show an image that follows a slider; five of its images where no kernel runs. Outside a notebook, show nothing.
    draw: makes an image (C, H, W) in [0, 1] out of a whole number from first to last   name: of that number"""

    def picture(number: int, **size: int) -> Image:
        check_pictures([image := draw(number)], None)
        return captioned(image, f"{name} {number}", **size)

    stills = [picture(round(first + i * (last - first) / 4), width=130) for i in range(5)]
    if not in_notebook():
        return
    try:
        import ipywidgets
    except ImportError:
        print("A slider needs the package ipywidgets: run %pip install ipywidgets, restart the kernel, and run again.")
        return
    from IPython.display import display

    view, slider = ipywidgets.Image(value=as_png(picture(first))), ipywidgets.IntSlider(first, first, last)
    slider.description = name
    strip = Pictures.fromarray(np.concatenate([ImageOps.expand(each, 3, "white") for each in stills], axis=1))
    slider.observe(lambda change: setattr(view, "value", as_png(picture(change["new"]))), names="value")
    box = ipywidgets.VBox([slider, view], layout={"align_items": "flex-start"})  # else it would be stretched
    display(box._repr_mimebundle_() | {"image/png": base64.b64encode(as_png(strip)).decode()}, raw=True)


def show_rows(rows: dict[str, t.Tensor]) -> None:
    """Show sets of images under each other, one row each. rows: by title, images (N, C, H, W) in [0, 1]"""
    n_images = len(next(iter(rows.values())))
    size = min(0.9 * n_images + 1.3, WIDE), 0.95 * len(rows)
    figure, axes = plt.subplots(len(rows), 1, figsize=size, layout="constrained")
    for axis, (title, images) in zip(axes, rows.items(), strict=True):
        axis.imshow(grid(images, n_images), cmap="gray", vmin=0, vmax=255)
        axis.set_ylabel(title, fontsize=10, rotation=0, ha="right", va="center")
        axis.set(xticks=[], yticks=[], frame_on=False)
    show()


# ----------------------------------------------------------------------------------------------------------------- data

CLASSES = ["T-shirt", "trousers", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "boot"]
DATA = Path(__file__).parent / "data" / "fashion-mnist"
MD5 = {
    "train-images-idx3-ubyte.gz": "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
    "train-labels-idx1-ubyte.gz": "25c81989df183df01b3e8a0aad5dffbe",
    "t10k-images-idx3-ubyte.gz": "bef4ecab320f06d8554ea6380940ec79",
    "t10k-labels-idx1-ubyte.gz": "bb300cfdad3c16e7a12a480ee83cd310",
}


def fashion_mnist(train: bool = True) -> tuple[t.Tensor, t.Tensor]:
    """FashionMNIST, from the course's folder data/. Under IS_CI: its first 400 or 200 images alone
    returns: images (N, 1, 28, 28) uint8 and labels (N,) int64, rows of CLASSES; 60,000 to train with or 10,000 to test
    errors: FileNotFoundError or ValueError for a file that is missing or not whole, saying how to get it back"""
    kind, few = "train" if train else "t10k", (400 if train else 200) if IS_CI else None
    images = read_idx(DATA / f"{kind}-images-idx3-ubyte.gz", 16, few and few * 28 * 28)
    labels = read_idx(DATA / f"{kind}-labels-idx1-ubyte.gz", 8, few)
    return images.reshape(-1, 1, 28, 28), labels.long()


def read_idx(path: Path, header: int, size: int | None = None) -> t.Tensor:
    """The numbers of one of the published files, after its header; the first ones alone if a size is given.
    returns: (size,) uint8   errors: as fashion_mnist"""
    check_data(path)
    with gzip.open(path) as file:
        content = file.read() if size is None else file.read(header + size)
    return t.frombuffer(bytearray(content), dtype=t.uint8, offset=header)


def check_data(path: Path) -> None:
    """Refuse a file of the data that is missing, cut short or changed. errors: FileNotFoundError, ValueError"""
    remedy = f"in the course's folder, git checkout -- {path.relative_to(DATA.parents[1])} brings it back"
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing: {remedy}")
    if hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest() != MD5[path.name]:
        raise ValueError(f"{path} is not the published file, it may be cut short or changed: {remedy}")


# ------------------------------------------------------------------------------------------------ trainings, as they go


def bar(things: Collection) -> tqdm:
    """The same things, one after the other, with a progress bar; under IS_CI without it."""
    return tqdm(things, unit=" steps", mininterval=0.5, disable=IS_CI)


@contextmanager
def show_steps(model: t.nn.Module, n_steps: int) -> Iterator[None]:
    """A progress bar of how often a model is called; that of a copy made inside counts, too. n_steps: in all"""
    with bar(range(n_steps)) as steps:

        def count(*_: Any) -> None:
            steps.update()

        hook = model.register_forward_hook(count)
        try:
            yield
        finally:
            hook.remove()


class Run:
    """One training run: a progress bar with the loss, curves to draw afterwards, and Weights & Biases where it is on.
    batch_size: of a long training, whose bar counts images, and whose pictures show as they come
    begin: how many steps are done already

    Leaving the block closes all three. An interrupt (Ctrl-C, the stop button) only ends the block, so that what comes
    after it still happens. The latest run is Run.latest."""

    EVERY = 10  # a curve gets a point every so many steps, and in a long run half as many: each costs time to log
    LONG = 1000  # steps
    latest: "Run | None" = None

    def __init__(self, config: dict[str, Any], max_steps: int, batch_size: int = 0, begin: int = 0) -> None:
        self.curves: dict[str, list[tuple[int, float]]] = {}
        self.pictures: list[Image] = []
        self.live: Any = None  # where a notebook shows the latest picture of a long training
        self.step, self.batch_size = begin, batch_size
        self.every = 2 * self.EVERY if max_steps >= self.LONG else self.EVERY
        self.wandb = start_wandb(config) if rank() == 0 else None
        each, off = batch_size or 1, IS_CI or rank() > 0
        look = {"unit": " images", "unit_scale": True} if batch_size else {"unit": " steps"}
        self.bar = tqdm(total=max_steps * each, initial=begin * each, mininterval=0.5, disable=off, **look)
        Run.latest = self

    def log(self, values: dict[str, Any], step: int) -> None:
        """Take what there is to log after this step.
        values: by name, numbers or tensors of one number, which become points of a curve, or lists of pictures"""
        self.bar.update((step - self.step) * (self.batch_size or 1))
        self.step = step
        taken: dict[str, Any] = {}
        for name, value in values.items():
            if isinstance(value, list):
                self.pictures = value
                if self.wandb:
                    import wandb

                    taken[name] = [wandb.Image(picture) for picture in value]  # it would cut tensors to whole numbers
                if self.batch_size:
                    self.show_live(value[0])
            elif name not in self.curves or step >= self.curves[name][-1][0] + self.every:
                taken[name] = value.item() if isinstance(value, t.Tensor) else float(value)
                self.curves.setdefault(name, []).append((step, taken[name]))
                self.bar.set_postfix({name: f"{taken[name]:.3f}"}, refresh=False)
        if self.wandb and taken:
            self.wandb.log(taken, step=step)

    def show_live(self, picture: Image) -> None:
        """In a notebook, show a picture in the place of the one before."""
        if self.live:
            self.live.update(picture)
        elif in_notebook() and not rank():
            from IPython.display import display

            self.live = display(picture, display_id=True)

    def __enter__(self) -> "Run":
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, traceback: object) -> bool:
        self.bar.close()
        if self.wandb:
            self.wandb.finish(exit_code=0 if error is None else 1)
        if kind is KeyboardInterrupt:
            print(f"Interrupted after {self.step} steps. What has been learned so far is kept.")
        return kind is KeyboardInterrupt


start_run = Run  # what a loop calls: with utils.start_run(...) as run


def wandb_mode() -> str:
    """WANDB_MODE if it is set (online without a key is offline); disabled by WANDB_DISABLED and under IS_CI; online where
    a key is stored; else offline. errors: ValueError for a WANDB_MODE it does not know"""
    mode = os.getenv("WANDB_MODE")
    if mode and mode not in ("online", "offline", "disabled", "shared"):
        raise ValueError(f"WANDB_MODE={mode} is not a mode: set it to online, offline or disabled, or unset it")
    if not mode and (IS_CI or os.getenv("WANDB_DISABLED", "").lower() in ("true", "1", "yes")):
        return "disabled"
    return mode if mode and mode != "online" else "online" if wandb_key_is_stored() else "offline"


def wandb_key_is_stored() -> bool:
    """Whether a key of Weights & Biases is where wandb looks for it."""
    home, named = Path.home(), os.path.expanduser(os.getenv("NETRC", ""))
    kept = named or next((path for path in (home / ".netrc", home / "_netrc") if path.exists()), None)
    try:
        stored = kept and netrc.netrc(kept).hosts.get("api.wandb.ai")
    except (OSError, UnicodeDecodeError, netrc.NetrcParseError):  # wandb cannot read it either
        stored = None
    return bool(stored or os.getenv("WANDB_API_KEY"))


def start_wandb(config: dict[str, Any]) -> Any:
    """Begin a run of Weights & Biases without ever asking for anything; None where it is disabled or cannot write.
    errors: ValueError for a WANDB_MODE it does not know"""
    mode = wandb_mode()
    if mode == "disabled":
        return None
    import wandb  # slow, and needed only here

    settings = wandb.Settings(silent=True, init_timeout=20)
    init = partial(wandb.init, project="diffusion_models", config=config, settings=settings, reinit="finish_previous")
    try:
        try:
            run = init(mode=mode)
        except wandb.errors.CommError as error:
            print(f"Weights & Biases cannot be reached ({error}), so this run is logged on this machine only.")
            mode = "offline"
            run = init(mode=mode)
    except (OSError, wandb.errors.Error) as error:  # no folder it can write to, or no process it can start
        print(f"Weights & Biases cannot log here ({error}), so this run goes on without it.")
        return None
    if mode == "offline":
        asked = "is asked for online, but no key is stored here: it " * (os.getenv("WANDB_MODE") == "online")
        print(f"Weights & Biases {asked}logs offline. To send this run later: wandb sync {os.path.dirname(run.dir)}")
    return run


def show_losses(band: tuple[float, float] | None = None) -> None:
    """Draw the curves of the latest run. band: lowest and highest loss of other runs, drawn as a grey strip
    errors: RuntimeError before the first run"""
    if Run.latest is None:
        raise RuntimeError("nothing has been trained yet: run the cell that trains first")
    if band:
        plt.axhspan(*band, color="lightgrey")
        plt.text(0, band[0] - 0.02, "where other runs ended", color="dimgrey", va="top")
    styles = [("C0", "-", 1), ("black", "--", 2), ("C1", ":", 2)]  # told apart without colour, too
    for (name, points), (colour, dashes, width) in zip(Run.latest.curves.items(), styles, strict=False):
        plt.plot(*zip(*points, strict=True), dashes, color=colour, lw=width, label=name)
    plt.gca().set(xlabel="training step", ylabel="loss", ylim=(0, 1.1))
    label_lines()
    show()


def show_logged_images() -> None:
    """Show the pictures that the latest run logged last, side by side.
    errors: RuntimeError if there are none"""
    if Run.latest is None or not Run.latest.pictures:
        raise RuntimeError("no pictures are logged yet: run the cell that trains first, or lower img_log_interval")
    pictures = np.stack([picture.convert("RGB") for picture in Run.latest.pictures]) / 255
    images = rearrange(t.tensor(pictures), "n (r h) (c w) k -> (r n c) k h w", r=2, c=3)  # as log_images puts them
    above, below = ["noised", "noise", "clean"] * len(pictures), ["noised", "guess", "rebuilt"] * len(pictures)
    show_images(images, above + below, columns=len(above))


# ------------------------------------------------------------------------------------------------------ trainings, kept


class Saved:
    """A training on disk: saved as it goes, whole or not at all, and taken up again where it was.

    parts: what is saved, by name: the state_dict of modules and optimizers, the plain numbers of other things.
    step: how many steps of it are done. A save of another training (other settings) is not touched: ValueError."""

    SECONDS = 10  # between two saves
    NOT_ITS_NATURE = ("device", "img_log_interval", "n_images_to_log")

    def __init__(self, path: Path | None, config: dict[str, Any], **parts: Any) -> None:
        self.path, self.parts, self.step, self.at = path, parts, 0, time.monotonic()
        self.config = {name: value for name, value in config.items() if name not in self.NOT_ITS_NATURE}
        if path:
            check_can_write(path.parent)
        if path and path.exists():
            self.load()

    def load(self) -> None:
        try:
            saved = t.load(self.path, weights_only=True, map_location="cpu")  # runs no code from the file
            theirs = saved["config"]
        except Exception as error:
            raise ValueError(f"{self.path} cannot be read as a saved training: move it away to begin anew") from error
        for name in theirs.keys() | self.config.keys():
            if (was := theirs.get(name)) != (now := self.config.get(name)):
                other = f"holds a training with {name} = {was}, now it is {now}"
                raise ValueError(f"{self.path} {other}: move that file away to begin anew")
        for name, part in self.parts.items():
            put_state(part, saved["parts"][name])
        t.set_rng_state(saved["rng"])
        if saved["cuda_rng"] and t.cuda.is_available():
            t.cuda.set_rng_state(saved["cuda_rng"][0])  # of the GPU in use; under torchrun, all draw the same
        self.step = saved["step"]
        print(f"Going on from step {self.step:,d}, saved in {self.path}")

    def after(self, step: int) -> None:
        """Note that a step is done; save if the last save is a while ago."""
        self.step = step
        if time.monotonic() > self.at + self.SECONDS:
            self.save()

    def save(self) -> None:
        self.at = time.monotonic()
        if not self.path or rank():
            return
        state = {
            "step": self.step,
            "config": self.config,
            "parts": {name: get_state(part) for name, part in self.parts.items()},
            "rng": t.get_rng_state(),
            "cuda_rng": [t.cuda.get_rng_state()] if t.cuda.is_available() else [],
        }
        new = self.path.with_suffix(f".{os.getpid()}.new")  # of this process alone: another may train the same model
        try:
            t.save(state, new)
            os.replace(new, self.path)  # at once: if you are stopped here, the old save or the new one stays whole
        except (OSError, RuntimeError) as error:  # PyTorch says of a full disk that its writer failed
            new.unlink(missing_ok=True)
            print(f"The training is not saved now, as {self.path} cannot be written ({error}). It goes on.")


def check_can_write(folder: Path) -> None:
    """Refuse a folder for saves that cannot be written, before a training begins. errors: PermissionError"""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile(dir=folder):
            pass
    except OSError as error:
        remedy = "set SAVES_DIR to a folder of yours, and restart the kernel"
        raise PermissionError(f"{folder} cannot be written, and a long training is saved there: {remedy}") from error


def get_state(part: Any) -> dict[str, Any]:
    if hasattr(part, "state_dict"):
        return part.state_dict()
    return {name: value for name, value in vars(part).items() if isinstance(value, int | float)}


def put_state(part: Any, state: dict[str, Any]) -> None:
    part.load_state_dict(state) if hasattr(part, "load_state_dict") else vars(part).update(state)


def rank() -> int:
    """The number of this process among those that train together; 0 alone."""
    return t.distributed.get_rank() if t.distributed.is_available() and t.distributed.is_initialized() else 0
