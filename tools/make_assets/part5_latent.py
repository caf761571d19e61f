"""What Part 5 shows of Latent Diffusion, and of flow matching, which works on the same codes."""

from collections.abc import Callable
from functools import cache
from typing import Any

import torch as t
import torch.nn.functional as F

import solutions.part1_diffusion as part1
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
    model, images = part5.load_autoencoder(), part3.clothes(train=False)[:2000]
    t.manual_seed(0)
    returned = part5.decoded(model, part5.codes_of(model, images))
    results = {
        "mean_squared_error": round(F.mse_loss(returned, images).item(), 4),
        "distance": round(part3.distance(returned), 1),
        "std_of_codes": round(1 / scaled_codes()[1], 2),
    }
    print(results)
    write("autoencoder.json", results)


@cache
def scaled_codes() -> tuple[t.Tensor, float]:
    """The codes of all training images, and what they were multiplied with."""
    t.manual_seed(0)
    return part5.scale_codes(part5.codes_of(part5.load_autoencoder(), part3.clothes()))


def distance(draw: Callable[[t.Tensor], t.Tensor], factor: float, n_samples: int) -> float:
    """The distance of images whose codes are drawn from noise, always the same.
    draw: takes and returns (B, 4, 7, 7)   factor: what codes were multiplied with"""
    t.manual_seed(0)
    batch = min(n_samples, 250 if utils.get_device().type == "cpu" else 2000)
    starts = [t.randn(batch, 4, 7, 7, device=utils.get_device()) for _ in range(n_samples // batch)]
    codes = t.cat([draw(start) for start in starts]) / factor
    return round(part3.distance(part5.decoded(part5.load_autoencoder(), codes)), 1)


def drawing(model: part1.DiffusionModel, **how: Any) -> Callable[[t.Tensor], t.Tensor]:
    return lambda start: part5.draw(model, len(start), start=start, **how)


def latents(n_steps: int = 8000, n_samples: int = 2000) -> None:
    """Train on scaled codes, and measure 2,000 samples on the way and at the end."""
    codes, scale = scaled_codes()
    results: dict[str, Any] = {"scale": scale, "distance": {}, "measured": []}
    config = part5.short_config(n_steps) | {"img_log_interval": n_steps // 4}

    def measure(average: part3.VelocityGuesser, config: dict[str, Any]) -> dict[str, Any]:
        images = (len(results["measured"]) + 1) * config["img_log_interval"] * config["batch_size"]
        far = distance(drawing(average, n_steps=100), scale, n_samples)
        results["measured"].append({"images": images, "distance": far})
        return {"distance": far}

    t.manual_seed(0)
    trained = part3.train_longer(part5.make_latent_model(config), config, codes, watch=measure)
    save("latents.pt", t.nn.ModuleList([trained.network]))
    model = part5.load_latent_model()  # as it is shipped, in half precision
    ways = {f"{n} steps": dict(n_steps=n) for n in (25, 50, 100)} | {"50 steps, clipped": dict(keep=part5.clipped)}
    for name, how in ways.items():
        results["distance"][name] = distance(drawing(model, **how), scale, n_samples)
    print(results)
    write("latents.json", results)


def flow(n_steps: int = 8000, n_samples: int = 2000, calls: tuple[int, ...] = (3, 5, 10, 25, 50)) -> None:
    """Train the same network on velocities of straight paths, and measure both by calls of the network."""
    t.manual_seed(0)
    config, (codes, scale) = part5.short_config(n_steps), scaled_codes()
    network = part5.make_latent_model(config).network
    save("flow.pt", t.nn.ModuleList([part5.train_by(part5.flow_loss, network, config, codes)]))
    measure_flow(scale, n_samples, calls)


def measure_flow(scale: float, n_samples: int, calls: tuple[int, ...]) -> None:
    network, diffusion, results = part5.load_flow(), part5.load_latent_model(), {}
    for n in calls:
        ways = {
            "flow": lambda start, n=n: part5.euler_sample(network, start, n),
            "diffusion, η = 0": drawing(diffusion, n_steps=n, eta=0.0),
            "diffusion, η = 1": drawing(diffusion, n_steps=n, eta=1.0),
        }
        results[str(n)] = {name: distance(draw, scale, n_samples) for name, draw in ways.items()}
        print(n, results[str(n)], flush=True)
    write("flow.json", results)
