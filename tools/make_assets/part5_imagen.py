"""What Part 5 shows of Imagen."""

from collections.abc import Callable
from typing import Any

import torch as t
import torch.nn.functional as F

import solutions.part1_diffusion as part1
import solutions.part3_fashion_mnist as part3
import solutions.part4_guidance as part4
import solutions.part5_systems as part5
from tools.make_assets.files import save, write

LEVELS = (0, 50, 100, 200, 300, 500)


def imagen_base(n_steps: int = 8000, n_text: int = 3000) -> None:
    """Train the text encoder on captions alone, and then the base model with it."""
    t.manual_seed(0)
    config, captions = part5.short_config(n_steps), part5.caption_tokens()
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


def enlarged(model: t.nn.Module, small: t.Tensor, level: int) -> t.Tensor:
    return t.cat([part5.enlarge(model, some, level) for some in batches(small)])


def drawn(captions: t.Tensor, w: float, keep: Callable = part5.clipped) -> t.Tensor:
    return t.cat([part5.draw_small(part5.load_base(), some, w, keep) for some in batches(captions)])


def distances(model: t.nn.Module, small: t.Tensor, levels: tuple[int, ...] = LEVELS) -> dict[str, float]:
    """The distance of the images enlarged from small ones, by level."""
    return {str(level): round(part3.distance(enlarged(model, small, level)), 1) for level in levels}


def imagen(n_samples: int = 2000, levels: tuple[int, ...] = LEVELS) -> None:
    """Measure the cascade: by level, by how much is insisted, and with each way to keep the guess in range."""
    larger, n = part5.load_enlarger(), n_samples
    captions, labels = part5.caption_tokens(train=False)[:n], part4.labels_of(train=False)[:n].cpu()
    real, base = part5.halved(part3.clothes(train=False)[:n]), drawn(captions, w=1)
    results: dict[str, Any] = {
        "bilinear": {
            "real": round(part3.distance(bilinear(real)), 1),
            "base": round(part3.distance(bilinear(base)), 1),
        },
        "enlarged": {"real": distances(larger, real, levels), "base": distances(larger, base, levels)},
        "guided": [],
    }
    print(results, flush=True)
    best = int(min(results["enlarged"]["base"], key=results["enlarged"]["base"].get))
    ways = {"static": part5.clipped, "dynamic": part5.dynamic_threshold, "none": part5.as_guessed}
    for w, way in [(1, "static"), (1.5, "static"), (2, "static"), (4, "static")] + [(8, way) for way in ways]:
        small = drawn(captions, w, ways[way])
        images = enlarged(larger, small.clamp(-1, 1), best)
        row = {
            "w": w,
            "threshold": way,
            "level": best,
            "white": round((small > 0.98).float().mean().item(), 4),
            "black": round((small < -0.98).float().mean().item(), 4),
            "outside": round((small.abs() > 1).float().mean().item(), 4),
            "distance": round(part3.distance(images), 1),
            "class": round((part3.classes_of(images) == labels).float().mean().item(), 3),
        }
        results["guided"].append(row)
        print(row, flush=True)
    results["white_in_data"] = round((real > 0.98).float().mean().item(), 4)
    results["black_in_data"] = round((real < -0.98).float().mean().item(), 4)
    write("imagen.json", results)


def imagen_without(n_steps: int = 4000, n_samples: int = 2000) -> None:
    """Train an enlarger that never sees a noised small image, and measure it as the other one."""
    t.manual_seed(0)

    def loss(model: part5.Enlarger, x0: t.Tensor) -> t.Tensor:
        levels, small = part5.noise_augment(part5.halved(x0), model.noise_schedule, level=0)
        num_steps, noise, noised = part1.noise_img(x0, model.noise_schedule)
        return F.mse_loss(model(noised, num_steps, small, levels).float(), noise)

    config = part5.short_config(n_steps)
    model = part5.train_by(loss, part5.make_enlarger(config), config, part3.clothes())
    real = part5.halved(part3.clothes(train=False)[:n_samples])
    base = drawn(part5.caption_tokens(train=False)[:n_samples], w=1)
    results = {"real": distances(model, real, (0,))["0"], "base": distances(model, base, (0,))["0"]}
    print(results)
    write("imagen_without.json", results)
