"""What the notebooks use and a learner need not read: the device, the pictures, one argument check."""

import os
from collections.abc import Sequence

import matplotlib.pyplot as plt
import torch as t
from einops import rearrange

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


def show() -> None:
    """Show the current figure; under IS_CI, close it unseen."""
    plt.close() if IS_CI else plt.show()


def show_images(images: Sequence[t.Tensor], titles: Sequence[str] | None = None) -> None:
    """Show images side by side in one row.
    images: n tensors (C, H, W), C = 1 (grey) or 3 (colour), in [0, 1], on any device   titles: n strings
    errors: ValueError for values outside [0, 1] or another number of titles"""
    if titles is not None and len(titles) != len(images):
        raise ValueError(f"{len(images)} images but {len(titles)} titles: give one title for each image")
    figure, axes = plt.subplots(1, len(images), figsize=(1.7 * len(images), 2), squeeze=False, layout="constrained")
    for axis, image, title in zip(axes[0], images, titles or [""] * len(images), strict=True):
        low, high = image.min().item(), image.max().item()
        if not (0 <= low and high <= 1):
            plt.close(figure)
            raise ValueError(
                f"pictures hold values in [0, 1], these run from {low:.2f} to {high:.2f}: denormalize_img first"
            )
        axis.imshow(rearrange(image.detach().cpu().numpy(), "c h w -> h w c"), cmap="gray", vmin=0, vmax=1)
        axis.set_title(title, fontsize=10)
        axis.axis("off")
    show()
