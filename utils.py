"""What the notebooks use and a learner need not read: the device, pictures, argument checks, and logging a training."""

import math
import netrc
import os
from collections.abc import Sequence
from functools import partial
from typing import Any

import matplotlib.pyplot as plt
import torch as t
from einops import rearrange
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
