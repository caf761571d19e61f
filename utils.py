"""What the notebooks use and a learner need not read: the device, pictures, argument checks, and logging a training."""

import math
import netrc
import os
from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any

import matplotlib.pyplot as plt
import torch as t
from einops import rearrange
from matplotlib.text import Text
from PIL import Image as Pictures
from PIL import ImageDraw
from PIL.Image import Image
from tqdm import tqdm

IS_CI = os.getenv("IS_CI", "") not in ("", "0")  # the same code at toy size, and no picture shown


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


def check_num_steps(num_steps: int | t.Tensor, max_steps: int) -> None:
    """Refuse a count of noise steps outside 1..max_steps, before it wraps round to the wrong end of a schedule.
    num_steps: int or int tensor (B,); a CUDA tensor is not looked at, as that would wait for the GPU
    errors: ValueError"""
    if isinstance(num_steps, t.Tensor) and num_steps.device.type != "cpu":
        return
    counts = t.as_tensor(num_steps)
    if counts.numel() and not (1 <= counts.min() and counts.max() <= max_steps):
        raise ValueError(f"num_steps counts steps of noise, 1 to {max_steps} with this schedule, but it is {num_steps}")


def allclose(actual: t.Tensor, expected: t.Tensor, tolerance: float = 1e-4) -> None:
    """Say that two tensors agree, or how far apart they are.
    errors: AssertionError for another shape, or a difference above the tolerance"""
    assert actual.shape == expected.shape, f"shapes differ: {tuple(actual.shape)}, expected {tuple(expected.shape)}"
    difference = (actual - expected).abs().max().item()
    assert difference <= tolerance, f"the tensors differ by up to {difference:.4g}"
    print(f"ok, equal to within {tolerance:g}")


def check_can_halve(x: t.Tensor) -> None:
    """Refuse an odd height or width, whose half would not double back to it.
    x: (B, C, H, W)   errors: ValueError"""
    H, W = x.shape[-2:]
    if H % 2 or W % 2:
        raise ValueError(
            f"{H} by {W} pixels cannot be halved evenly: choose images whose height and width can be halved once for"
            " each multiplier but the last"
        )


def check_unet(config: Any) -> None:
    """Refuse a UNetConfig that makes no network. errors: ValueError that says which numbers do not fit"""
    levels, halvings = len(config.dim_mults), 2 ** max(len(config.dim_mults) - 1, 0)
    if not levels:
        raise ValueError("dim_mults is empty: give one multiplier for each level")
    if config.attention is not None and len(config.attention) != levels:
        raise ValueError(f"attention has {len(config.attention)} entries for {levels} multipliers: give one for each")
    if len(config.img_shape) != 3 or any(side % halvings for side in config.img_shape[1:]):
        raise ValueError(f"img_shape is {config.img_shape}: give (C, H, W), with H and W multiples of {halvings}")
    if config.channels % 2:
        raise ValueError(f"channels is {config.channels}: make it even, sines and cosines come in pairs")
    widths = [config.channels, *(config.channels * mult for mult in config.dim_mults)]
    for width in widths:
        if width % config.groups:
            raise ValueError(f"a width of {width} channels does not make {config.groups} equal groups")
    attention = config.attention or [False] * (levels - 1) + [True]
    asked = [width for level in range(levels) if attention[level] for width in widths[level : level + 2]]
    for width in [*asked, widths[-1]]:  # the last is that of the MidBlock
        if width % 4:
            raise ValueError(f"a width of {width} channels does not make the 4 equal heads of attention there")


def load_part(name: str) -> ModuleType:
    """A learner's own part, as saved in notebooks/; what fails its check or is missing there comes from the solutions.
    name: "part1_diffusion"   returns: a module   prints: one line that tells whose code is whose"""
    from tests.saved import load, say  # slow, and needed only here

    part, verdicts = load(name, Path(__file__).parent / "notebooks" / f"{name}.ipynb")
    print(say(verdicts))
    return part


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


def show() -> None:
    """Show the current figure; under IS_CI, close it unseen."""
    plt.close() if IS_CI else plt.show()


def show_images(images: Sequence[t.Tensor], titles: Sequence[str] | None = None) -> None:
    """Show images side by side, at most eight in a row.
    images: n tensors (C, H, W), C = 1 (grey) or 3 (colour), in [0, 1], on any device   titles: n strings
    errors: ValueError for values outside [0, 1] or another number of titles"""
    if titles is not None and len(titles) != len(images):
        raise ValueError(f"{len(images)} images but {len(titles)} titles: give one title for each image")
    rows = math.ceil(len(images) / 8)
    columns = math.ceil(len(images) / rows)
    figure, axes = plt.subplots(rows, columns, figsize=(1.7 * columns, 2 * rows), squeeze=False, layout="constrained")
    for axis in axes.flat:
        axis.axis("off")
    for axis, image, title in zip(axes.flat, images, titles or [""] * len(images), strict=False):
        low, high = image.min().item(), image.max().item()
        if not (0 <= low and high <= 1):
            plt.close(figure)
            raise ValueError(
                f"pictures hold values in [0, 1], these run from {low:.2f} to {high:.2f}: denormalize_img first"
            )
        axis.imshow(rearrange(image.detach().cpu().numpy(), "c h w -> h w c"), cmap="gray", vmin=0, vmax=1)
        axis.set_title(title, fontsize=10)
    show()


def show_maps(
    maps: Sequence[t.Tensor], titles: Sequence[str], marks: Sequence[tuple[int, int]] = (), axes_names: tuple = ("", "")
) -> None:
    """Show numbers as colours side by side, each map from its lowest number (dark) to its highest (bright).
    maps: n tensors (H, W)   titles: n strings   marks: a pixel (row, column) of each map, to put a cross on
    axes_names: what runs to the right, and what runs down"""
    figure, axes = plt.subplots(1, len(maps), figsize=(1 + 2 * len(maps), 2.4), squeeze=False, layout="constrained")
    for axis, numbers, title in zip(axes[0], maps, titles, strict=True):
        axis.imshow(
            numbers.detach().cpu().numpy(),
            vmin=min(0, numbers.min().item()),
            aspect="auto" if max(numbers.shape) > 3 * min(numbers.shape) else "equal",
        )
        axis.set_title(title, fontsize=10)
        axis.set(xticks=[], yticks=[], xlabel=axes_names[0], ylabel=axes_names[1])
    for axis, (row, column) in zip(axes[0], marks, strict=False):
        axis.plot(column, row, "r+", markersize=10, markeredgewidth=2)
    show()


CLOTHES = [  # each: outlines over each other on 28 by 28 pixels, "grey value in percent: x,y x,y ..."
    ["75: 9,4 12,6 16,6 19,4 25,8 23,13 20,11 20,25 8,25 8,11 5,13 3,8"],  # T-shirt
    ["60: 9,3 19,3 20,25 16,25 14,10 12,25 8,25", "35: 9,4 19,4 19,6 9,6"],  # trousers
    ["50: 10,4 18,4 22,7 25,23 22,24 19,12 19,25 9,25 9,12 6,24 3,23 6,7", "80: 8,13 20,13 20,15 8,15"],  # pullover
    ["85: 11,3 13,6 15,6 17,3 17,11 21,25 7,25 11,11", "40: 11,11 17,11 17,12 11,12"],  # dress
    ["45: 10,3 18,3 22,6 24,22 21,22 20,12 20,26 8,26 8,12 7,22 4,22 6,6", "90: 14,5 14.6,5 14.6,26 14,26"],  # coat
    [
        "65: 4,12 24,12 25,24 3,24",
        "65: 9,12 10,5 18,5 19,12 17,12 16,7 12,7 11,12",
        "95: 12,12 16,12 16,16 12,16",
    ],  # bag
    ["55: 11,3 19,3 19,14 25,19 26,24 10,24", "90: 10,22 26,22 26,25 10,25"],  # boot
    ["70: 2,20 10,18 18,13 24,12 26,20 26,23 24,23 23,19 13,23 2,23", "0: 13,18.5 19,15 22,15 22,16.5 14,20"],  # sandal
]


def draw_clothes() -> t.Tensor:
    """Eight drawn pieces of clothing that look much like FashionMNIST's. returns: (8, 1, 28, 28) in [0, 1]"""
    pictures = []
    for outlines in CLOTHES:
        picture = Pictures.new("L", (8 * 28, 8 * 28))  # large, then made small: so edges get greys in between
        for grey, points in (outline.split(": ") for outline in outlines):
            corners = [tuple(8 * float(number) for number in point.split(",")) for point in points.split()]
            ImageDraw.Draw(picture).polygon(corners, fill=round(2.55 * float(grey)))
        pixels = picture.resize((28, 28), Pictures.Resampling.BOX).tobytes()
        pictures.append(t.tensor(list(pixels)).reshape(1, 28, 28) / 255)
    return t.stack(pictures)


def watch_blocks(model: t.nn.Module, *inputs: t.Tensor) -> list[tuple[str, list[t.Tensor], list[t.Tensor]]]:
    """Run a U-Net once and tell what has gone through its DownBlocks, its MidBlock and its UpBlocks, in order.
    returns: class name, inputs and outputs of each"""
    seen = []

    def note(module: t.nn.Module, arguments: tuple, named: dict, result: Any) -> None:
        outputs = list(result) if isinstance(result, tuple) else [result]
        seen.append((type(module).__name__, [*arguments, *named.values()], outputs))

    blocks = [module for module in model.modules() if type(module).__name__ in ("DownBlock", "MidBlock", "UpBlock")]
    hooks = [block.register_forward_hook(note, with_kwargs=True) for block in blocks]
    try:
        with t.no_grad():
            model(*inputs)
    finally:
        for hook in hooks:
            hook.remove()
    return seen


def draw_unet(model: t.nn.Module, *inputs: t.Tensor) -> None:
    """Draw the blocks of a U-Net as they run for these inputs, the lower the smaller the image, and where skips go.
    inputs: images (B, C, H, W) and num_steps (B,)"""
    blocks, images = watch_blocks(model, *inputs), inputs[0]
    colours = {"DownBlock": "#cfe3f5", "MidBlock": "#f5ecc4", "UpBlock": "#d5efd2"}
    _, axis = plt.subplots(figsize=(1.45 * len(blocks) + 2.9, 4.4), layout="constrained")

    def level(x: t.Tensor) -> float:
        return math.log2(x.shape[-1] / images.shape[-1])

    def size(x: t.Tensor) -> str:
        return " × ".join(map(str, x.shape[1:]))

    def box(column: int, y: float, words: str, colour: str = "white") -> Text:
        return axis.text(
            column, y, words, ha="center", va="center", fontsize=9, bbox={"boxstyle": "round", "fc": colour}
        )

    def arrow(start: Text, end: Text, **style: Any) -> None:
        ends = {"patchA": start.get_bbox_patch(), "patchB": end.get_bbox_patch(), "shrinkA": 3, "shrinkB": 3}
        places = [each.get_position() for each in (end, start)]
        axis.annotate("", *places, arrowprops={"arrowstyle": "->"} | ends | style)

    boxes, skips = [box(-1, 0, f"images\n{size(images)}")], []
    for column, (name, given, made) in enumerate(blocks):
        y = level(given[0])
        words = f"{name}\n{given[0].shape[1]} → {made[0].shape[1]} channels\ngives {size(made[0])}"
        boxes.append(box(column, y, words, colours[name]))
        for start, skip in skips:
            if any(skip is taken for taken in given[2:]):
                near = column - start[0] < 3
                arrow(start[1], boxes[-1], ls="--", color="grey", connectionstyle=f"arc3,rad={-0.5 * near}")
                place = ((start[0] + column) / 2, y + 0.04 + 0.38 * near)
                axis.text(*place, f"skip {size(skip)}", ha="center", va="bottom", fontsize=8, color="dimgrey")
        skips += [((column, boxes[-1]), skip) for skip in made[1:]]
    boxes.append(box(len(blocks), 0, f"guessed noise\n{size(images)}"))
    for start, end in pairwise(boxes):
        arrow(start, end)
    axis.set(xlim=(-1.6, len(blocks) + 0.7), ylim=(min(each.get_position()[1] for each in boxes) - 0.25, 0.25))
    axis.axis("off")
    show()


class Run:
    """One training run: a progress bar with the loss, curves to draw afterwards, and Weights & Biases where it is on.

    Leaving the block closes all three. An interrupt (Ctrl-C, the stop button) only ends the block, so that what comes
    after it still happens. The latest run is Run.latest."""

    EVERY = 10  # a curve gets a point every so many steps: more would cost more time than they tell
    latest: "Run | None" = None

    def __init__(self, config: dict[str, Any], max_steps: int) -> None:
        self.curves: dict[str, list[tuple[int, float]]] = {}
        self.pictures: list[Image] = []
        self.wandb = start_wandb(config)
        self.bar = tqdm(total=max_steps, unit=" steps", mininterval=0.5, disable=IS_CI)
        Run.latest = self

    def log(self, values: dict[str, Any], step: int) -> None:
        """Take what there is to log after this step.
        values: by name, numbers or tensors of one number, which become points of a curve, or lists of pictures"""
        self.bar.update(step - self.bar.n)
        taken: dict[str, Any] = {}
        for name, value in values.items():
            if isinstance(value, list):
                self.pictures = value
                taken[name] = [wandb_image(picture) for picture in value] if self.wandb else value
            elif name not in self.curves or step >= self.curves[name][-1][0] + self.EVERY:
                taken[name] = float(value)
                self.curves.setdefault(name, []).append((step, taken[name]))
                self.bar.set_postfix({name: f"{taken[name]:.3f}"}, refresh=False)
        if self.wandb and taken:
            self.wandb.log(taken, step=step)

    def __enter__(self) -> "Run":
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, traceback: object) -> bool:
        self.bar.close()
        if self.wandb:
            self.wandb.finish(exit_code=0 if error is None else 1)
        if kind is KeyboardInterrupt:
            print(f"Interrupted after {self.bar.n} steps. What has been learned so far is kept.")
        return kind is KeyboardInterrupt


def start_run(config: dict[str, Any], max_steps: int) -> Run:
    """Begin to log a training: with utils.start_run(...) as run: ... run.log({"train_loss": loss}, step)"""
    return Run(config, max_steps)


def wandb_mode() -> str:
    """WANDB_MODE if it is set; disabled under IS_CI; online where a key is stored; else offline."""
    if mode := os.getenv("WANDB_MODE"):
        return mode
    if IS_CI:
        return "disabled"
    try:
        stored = netrc.netrc().authenticators("api.wandb.ai")
    except (FileNotFoundError, netrc.NetrcParseError):
        stored = None
    return "online" if stored or os.getenv("WANDB_API_KEY") else "offline"


def start_wandb(config: dict[str, Any]) -> Any:
    """Begin a run of Weights & Biases without ever asking for anything; None where it is disabled.
    errors: ValueError for a WANDB_MODE it does not know"""
    mode = wandb_mode()
    if mode not in ("online", "offline", "disabled", "shared"):
        raise ValueError(f"WANDB_MODE={mode} is not a mode: set it to online, offline or disabled, or unset it")
    if mode == "disabled":
        return None
    import wandb  # slow, and needed only here

    settings = wandb.Settings(silent=True, init_timeout=20)
    init = partial(wandb.init, project="diffusion_models", config=config, settings=settings, reinit="finish_previous")
    try:
        run = init(mode=mode)
    except wandb.errors.CommError as error:
        print(f"Weights & Biases cannot be reached ({error}), so this run is logged on this machine only.")
        mode = "offline"
        run = init(mode=mode)
    if mode == "offline":
        print(f"Weights & Biases logs offline. To send this run later: wandb sync {os.path.dirname(run.dir)}")
    return run


def wandb_image(picture: Image) -> Any:
    import wandb

    return wandb.Image(picture)  # a PIL image: tensors would be cut to whole numbers first


def show_losses(band: tuple[float, float] | None = None) -> None:
    """Draw the curves of the latest run. band: lowest and highest loss of other runs, drawn as a grey strip
    errors: RuntimeError before the first run"""
    if Run.latest is None:
        raise RuntimeError("nothing has been trained yet: run the cell that trains first")
    if band:
        plt.axhspan(*band, color="lightgrey", label="where other runs ended")
    for (name, points), style in zip(Run.latest.curves.items(), ["-", "--", ":"], strict=False):
        plt.plot(*zip(*points, strict=True), style, label=name)
    plt.ylim(0, 1.1)
    plt.xlabel("training step")
    plt.ylabel("loss")
    plt.legend()
    show()


def show_logged_images() -> None:
    """Show the pictures that the latest run logged last, side by side.
    errors: RuntimeError if there are none"""
    if Run.latest is None or not Run.latest.pictures:
        raise RuntimeError("no pictures are logged yet: run the cell that trains first, or lower img_log_interval")
    figure, axes = plt.subplots(1, len(Run.latest.pictures), figsize=(4 * len(Run.latest.pictures), 2.6), squeeze=False)
    for axis, picture in zip(axes[0], Run.latest.pictures, strict=True):
        axis.imshow(picture)
        axis.axis("off")
    figure.tight_layout()
    show()
