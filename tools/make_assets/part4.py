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


def labels() -> None:
    save_listener("labels.pt", train_labels())


def guidance(weights: tuple[float, ...] = (1.0, 2.0, 3.0, 5.0)) -> None:
    """What w does to 2,000 samples in 50 steps, drawn with bfloat16 where that's fast, and the first 40 of them."""
    model, device, rows, pictures = part4.label_model(), utils.get_device(), [], {}
    for w in weights:
        with t.autocast(device.type, t.bfloat16, enabled=part3.computes_bf16_fast(device)):
            images, asked = part4.draw_each(model, w)
        distance, accuracy, variety = part4.judge(images.float(), asked)
        rows.append(
            {"w": w, "distance": round(distance, 2), "accuracy": round(accuracy, 4), "variety": round(variety, 3)}
        )
        pictures[f"w = {w:g}"] = as_bytes(images[:40].float())
        print(rows[-1], flush=True)
    write("guidance.json", {"rows": rows})
    t.save(pictures, utils.ASSETS / "guidance.pt")


def save_listener(name: str, model: part4.Listener) -> None:
    """The weights of a listener, without its schedule, which half precision would change."""
    save(name, t.nn.ModuleDict({"network": model.network, "encode": model.encode}))
