"""What Part 5 shows of Latent Diffusion."""

from typing import Any

import torch as t
import torch.nn.functional as F
from tqdm import tqdm

import solutions.part3_fashion_mnist as part3
import solutions.part5_systems as part5
import utils
from tools.make_assets.files import save, write


def autoencoder(n_steps: int = 4000) -> None:
    """Train the autoencoder, and measure what comes back of the first 2,000 test images."""
    t.manual_seed(0)
    config = part5.short_config(n_steps)
    model = part5.Autoencoder().to(config["device"])
    model = part5.train_by(part5.autoencoder_loss, model, config, part3.clothes())
    save("autoencoder.pt", t.nn.ModuleList([model]))
    model = part5.load_autoencoder()
    images = part3.clothes(train=False)[:2000]
    t.manual_seed(0)
    returned = part5.decoded(model, part5.codes_of(model, images))
    _, scale = part5.scale_codes(part5.codes_of(model, part3.clothes()))
    results = {
        "mean_squared_error": round(F.mse_loss(returned, images).item(), 4),
        "distance": round(part3.distance(returned), 1),
        "std_of_codes": round(1 / scale, 2),
    }
    print(results)
    write("autoencoder.json", results)


def decoded_samples(model: t.nn.Module, factor: float, n_samples: int, **how: Any) -> t.Tensor:
    """The images of codes that a model draws, always from the same random numbers.
    factor: what codes were multiplied with before the model saw them"""
    t.manual_seed(0)
    batch = min(n_samples, 250 if utils.get_device().type == "cpu" else 2000)
    codes = t.cat([part5.draw(model, batch, **how) for _ in range(n_samples // batch)])
    return part5.decoded(part5.load_autoencoder(), codes / factor)


def distance(model: t.nn.Module, factor: float, n_samples: int, **how: Any) -> float:
    return round(part3.distance(decoded_samples(model, factor, n_samples, **how)), 1)


def train_on_codes(times: float, n_steps: int, n_samples: int) -> tuple[t.nn.Module, float, dict[str, Any]]:
    """Train on codes whose standard deviation is 1, times a number; measure four times on the way.
    returns: the model, what codes were multiplied with, and the measures"""
    t.manual_seed(0)
    scaled, scale = part5.scale_codes(part5.codes_of(part5.load_autoencoder(), part3.clothes()))
    config, measured = part5.short_config(n_steps) | {"img_log_interval": n_steps // 4}, []

    def measure(average: t.nn.Module, config: dict[str, Any]) -> dict[str, Any]:
        images = (len(measured) + 1) * config["img_log_interval"] * config["batch_size"]
        far = distance(average, times * scale, n_samples, n_steps=100)
        measured.append({"images": images, "distance": far})
        tqdm.write(f"standard deviation {times:.2f}: {measured[-1]}")
        return {"distance": far}

    t.manual_seed(0)
    model = part3.train_longer(part5.make_latent_model(config), config, times * scaled, watch=measure)
    return model, times * scale, {"std": round(times, 2), "measured": measured}


def latents(n_steps: int = 8000, n_samples: int = 2000) -> None:
    """Train on scaled codes, and measure samples."""
    model, scale, results = train_on_codes(1.0, n_steps, n_samples)
    save("latents.pt", t.nn.ModuleList([model.network]))
    model = part5.load_latent_model()  # as it is shipped, in half precision
    for steps in (100, 50, 25):
        results[f"{steps} steps"] = distance(model, scale, n_samples, n_steps=steps)
    results["50 steps, clipped"] = distance(model, scale, n_samples, keep=part5.clipped)
    print(results)
    write("latents.json", results | {"scale": scale})


def latents_unscaled(n_steps: int = 8000, n_samples: int = 2000) -> None:
    """Train on codes as they come from the autoencoder, and on codes five times too large."""
    _, scale = part5.scale_codes(part5.codes_of(part5.load_autoencoder(), part3.clothes()))
    results = {}
    for name, times in {"as they come": 1 / scale, "five times as large": 5.0, "a fifth": 0.2}.items():
        model, factor, results[name] = train_on_codes(times, n_steps, n_samples)
        results[name]["50 steps"] = distance(model, factor, n_samples)
        print(name, results[name], flush=True)
        write("latents_unscaled.json", results)
