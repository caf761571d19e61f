"""What Part 4 shows."""

from typing import Any

import torch as t

import solutions.part3_fashion_mnist as part3
import solutions.part4_guidance as part4
import utils
from tools.make_assets.files import as_bytes, save, write

GUIDANCE = [0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 5.0]


def train_labels(seed: int = 0, **changes: Any) -> part4.Listener:
    """A model that listens to labels, trained as the notebook does with FULL=1 but for these changes of its settings."""
    t.manual_seed(seed)
    config = part4.listener_config() | changes
    return part4.train_listener(part4.make_label_model(), config, part3.clothes(), part4.labels_of())


def measure(model: part4.Listener, w: float, n_steps: int = 50, eta: float = 1.0) -> dict[str, float]:
    """Distance, accuracy and variety of 2,000 samples."""
    distance, accuracy, variety = part4.judge(*part4.draw_each(model, w, n_steps, eta))
    return {"w": w, "distance": round(distance, 2), "accuracy": round(accuracy, 4), "variety": round(variety, 3)}


def labels(n_steps: int = part4.listener_config()["n_steps"]) -> None:
    model = train_labels(n_steps=n_steps)
    save_listener("labels.pt", model)
    print(measure(model, 1.0))


def deaf(n_steps: int = part4.listener_config()["n_steps"]) -> None:
    """The same training on the same images, but every label is dropped."""
    model = train_labels(n_steps=n_steps, share=1.0)
    write("deaf.json", measure(model, 0.0))
    print(measure(model, 0.0))


def guidance(weights: tuple[float, ...] = tuple(GUIDANCE)) -> None:
    """What w does to 2,000 samples in 50 steps, and which η is best at w = 1 and w = 2."""
    model, rows, etas, pictures = part4.label_model(), [], [], {}
    for w in weights:
        images, asked = part4.draw_each(model, w)
        distance, accuracy, variety = part4.judge(images, asked)
        rows.append({"w": w, "distance": round(distance, 2), "accuracy": round(accuracy, 4), "variety": round(variety, 3)})
        pictures[f"w = {w:g}"] = as_bytes(images[:10])
        print(rows[-1], flush=True)
    for w in (1.0, 2.0):
        for eta in (0.0, 0.5, 1.0):
            etas.append({"eta": eta} | measure(model, w, eta=eta))
            print(etas[-1], flush=True)
    write("guidance.json", {"rows": rows, "etas": etas})
    t.save(pictures, utils.ASSETS / "guidance.pt")


def save_listener(name: str, model: part4.Listener) -> None:
    """The weights of a listener, without its schedule, which half precision would change."""
    save(name, t.nn.ModuleDict({"network": model.network, "encode": model.encode}))
