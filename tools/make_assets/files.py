"""How results are written into solutions/assets/."""

import json
from typing import Any

import torch as t

import solutions.part1_diffusion as part1
import utils


def write(name: str, results: dict[str, Any]) -> None:
    (utils.ASSETS / name).write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


def save(name: str, module: t.nn.Module) -> None:
    """Weights in half precision: half the size, and no difference that could be seen."""
    state = {key: value.cpu() for key, value in module.state_dict().items()}
    weights = {key: value.half() if value.is_floating_point() else value for key, value in state.items()}
    t.save(weights, utils.ASSETS / name)


def as_bytes(images: t.Tensor) -> t.Tensor:
    """images: in [-1, 1], or further, as the eye sees them   returns: uint8, 0 to 255"""
    return (255 * part1.denormalize_img(images.clamp(-1, 1))).round().byte().cpu()
