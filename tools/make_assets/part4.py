"""What Part 4 shows."""

from typing import Any

import torch as t

import solutions.part3_fashion_mnist as part3
import solutions.part4_guidance as part4
import utils
from tools.make_assets.files import as_bytes, save, write


def train_labels(seed: int = 0, **changes: Any) -> part4.Listener:
    """A model that listens to labels, trained as the notebook does with FULL=1 but for these changes of its settings."""
    t.manual_seed(seed)
    config = part4.listener_config() | changes
    model = part4.continue_from(part3.shipped_model(), part4.make_label_model())
    return part4.train_listener(model, config, part3.clothes(), part4.labels_of())


def measure(model: part4.Listener, w: float, n_steps: int = 50, eta: float = 1.0) -> dict[str, float]:
    """Distance, accuracy and variety of 2,000 samples."""
    return {"w": w} | rounded(part4.judge(*part4.draw_each(model, w, n_steps, eta)))


def rounded(measures: tuple[float, float, float]) -> dict[str, float]:
    return {name: round(value, 3) for name, value in zip(("distance", "accuracy", "variety"), measures, strict=True)}


def labels(n_steps: int = part4.listener_config()["n_steps"]) -> None:
    model = train_labels(n_steps=n_steps)
    save_listener("labels.pt", model)
    print(measure(model, 1.0))


def guidance(weights: tuple[float, ...] = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 5.0)) -> None:
    """What w does to 2,000 samples in 50 steps, and which η is best at w = 1 and w = 2."""
    model, rows, etas, pictures = part4.label_model(), [], [], {}
    for w in weights:
        images, asked = part4.draw_each(model, w)
        rows.append({"w": w} | rounded(part4.judge(images, asked)))
        pictures[f"w = {w:g}"] = as_bytes(images[:40])
        print(rows[-1], flush=True)
    for w in (1.0, 2.0):
        for eta in (0.0, 0.5, 1.0):
            etas.append({"eta": eta} | measure(model, w, eta=eta))
            print(etas[-1], flush=True)
    write("guidance.json", {"rows": rows, "etas": etas})
    t.save(pictures, utils.ASSETS / "guidance.pt")


def steering(scales: tuple[float, ...] = (0.0, 1.0, 2.0, 4.0), n_steps: int = part4.classifier_steps()) -> None:
    """What the gradient of a classifier does to 2,000 samples of Part 3's model, in 50 steps. One classifier has learned
    from noised images, the other one from clean ones alone."""
    model, results = part3.shipped_model(), {}
    asked = part4.each_class()
    for noised in (True, False):
        t.manual_seed(0)
        classifier, name = part4.train_classifier(n_steps, noised), "noised images" if noised else "clean images"
        rows = results.setdefault(name, {"accuracy at steps": part4.accuracies(classifier), "rows": []})["rows"]
        for scale in scales:
            images = part3.draw_many(part4.Steered(model, classifier, asked, scale))
            rows.append({"s": scale} | rounded(part4.judge(images, asked.repeat(len(images) // len(asked)))))
            print(name, rows[-1], flush=True)
    write("steering.json", results)


def save_listener(name: str, model: part4.Listener) -> None:
    """The weights of a listener, without its schedule, which half precision would change."""
    save(name, t.nn.ModuleDict({"network": model.network, "encode": model.encode}))
