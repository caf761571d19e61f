"""What Part 5 shows of Imagen."""

from collections.abc import Callable
from typing import Any

import torch as t
import torch.nn.functional as F

import solutions.part3_fashion_mnist as part3
import solutions.part4_guidance as part4
import solutions.part5_systems as part5
from tools.make_assets.files import save, write

LEVELS = (0, 100, 200, 300)
WAYS = {"static": part5.clipped, "dynamic": part5.dynamic_threshold, "none": part5.as_guessed}


def imagen_base(n_steps: int = 4000, n_text: int = 3000) -> None:
    """Train the text encoder on captions alone, and then the base model with it."""
    t.manual_seed(0)
    config, captions = part5.short_config(n_steps, lr=0.005), part5.caption_tokens()
    text = part5.train_by(part5.text_loss, part5.make_text_encoder(), part5.short_config(n_text), captions)
    small = part5.halved(part3.clothes())
    model = part5.train_by(part5.painter_loss, part5.make_base(text, config), config, small, captions)
    save("imagen_base.pt", t.nn.ModuleList([model.network, model.encode]))


def imagen_larger(n_steps: int = 4000) -> None:
    """Train the model that enlarges."""
    t.manual_seed(0)
    config = part5.short_config(n_steps)
    model = part5.train_by(part5.enlarger_loss, part5.make_enlarger(config), config, part3.clothes())
    save("imagen_larger.pt", t.nn.ModuleList([model.network, model.told]))


def batches(tensors: t.Tensor) -> tuple[t.Tensor, ...]:
    t.manual_seed(0)  # the same random numbers for each measurement
    return tensors.split(250 if tensors.device.type == "cpu" else 2000)


def bilinear(small: t.Tensor) -> t.Tensor:
    return F.interpolate(small, scale_factor=2, mode="bilinear")


def enlarged(model: t.nn.Module, small: t.Tensor, level: int, n_calls: int) -> t.Tensor:
    return t.cat([part5.enlarge(model, some, level, n_calls) for some in batches(small)])


def drawn(captions: t.Tensor, w: float, n_calls: int, keep: Callable = part5.clipped) -> t.Tensor:
    return t.cat([part5.draw_small(part5.load_base(), some, w, keep, n_calls) for some in batches(captions)])


def distances(small: t.Tensor, levels: tuple[int, ...], n_calls: int) -> dict[str, float]:
    """The distance of the images enlarged from small ones, by level."""
    larger = part5.load_enlarger()
    return {str(level): round(part3.distance(enlarged(larger, small, level, n_calls)), 1) for level in levels}


def with_guidance(n: int, w: float, way: str, level: int, n_calls: int) -> dict[str, Any]:
    """What comes out for the captions of n test images, small and large."""
    captions, labels = part5.caption_tokens(train=False)[:n], part4.labels_of(train=False)[:n].cpu()
    small = drawn(captions, w, n_calls, WAYS[way])
    images = enlarged(part5.load_enlarger(), small.clamp(-1, 1), level, n_calls)
    row = {"w": w, "threshold": way} | shares(small) | {"distance": round(part3.distance(images), 1)}
    return row | {"class": round((part3.classes_of(images) == labels).float().mean().item(), 3)}


def shares(small: t.Tensor) -> dict[str, float]:
    """How many of the numbers are as good as white, as good as black, and out of range."""
    sets = {"white": small > 0.98, "black": small < -0.98, "outside": small.abs() > 1}
    return {name: round(each.float().mean().item(), 4) for name, each in sets.items()}


def imagen(n_samples: int = 1000, n_calls: int = 25, levels: tuple[int, ...] = LEVELS) -> None:
    """Measure the cascade: by level, by how much is insisted, and with each way to keep the guess in range."""
    n = n_samples
    real = part5.halved(part3.clothes(train=False)[:n])
    base = drawn(part5.caption_tokens(train=False)[:n], 2, n_calls)
    results: dict[str, Any] = {"bilinear": {}, "enlarged": {}, "data": shares(real)}
    for name, small in {"real": real, "base": base}.items():
        results["bilinear"][name] = round(part3.distance(bilinear(small)), 1)
        results["enlarged"][name] = distances(small, levels, n_calls)
        print(results, flush=True)
    level = int(min(results["enlarged"]["base"], key=results["enlarged"]["base"].get))
    ways = [(1, "static"), (2, "static"), (4, "static"), *((8, way) for way in WAYS)]
    results["guided"] = [with_guidance(n, w, way, level, n_calls) for w, way in ways]
    results["whole"] = {"level": level} | with_guidance(2 * n, 2, "static", level, 2 * n_calls)
    print(results)
    write("imagen.json", results)
