"""What Part 5 shows of flow matching."""

from typing import Any

import torch as t

import solutions.part3_fashion_mnist as part3
import solutions.part5_systems as part5
import utils
from tools.make_assets.files import save, write


def flow(n_steps: int = 8000, n_samples: int = 2000, calls: tuple[int, ...] = (5, 10, 25, 50, 100)) -> None:
    """Train Part 3's network on velocities, as long as Part 3 trains on noise, and measure both by calls of the network."""
    t.manual_seed(0)
    config = part5.short_config(n_steps)
    network = part3.make_unet(1000).to(config["device"])
    save("flow.pt", t.nn.ModuleList([part5.train_by(part5.flow_loss, network, config, part3.clothes())]))
    flow, diffusion = part5.load_flow(), part3.shipped_model()
    as_diffusion = part5.AsDiffusion(flow)

    def distance(draw: Any) -> float:
        t.manual_seed(0)
        batch = min(n_samples, 250 if utils.get_device().type == "cpu" else 2000)
        starts = [t.randn(batch, 1, 28, 28, device=config["device"]) for _ in range(n_samples // batch)]
        return round(part3.distance(t.cat([draw(start) for start in starts]).clamp(-1, 1)), 1)

    results: dict[str, Any] = {}
    for n in calls:
        results[str(n)] = {
            "flow, Euler": distance(lambda start: part5.euler_sample(flow, start, n)),
            "flow, DDIM η = 0": distance(lambda start: part3.ddim_sample(as_diffusion, len(start), n, 0.0, start)),
            "flow, DDIM η = 1": distance(lambda start: part3.ddim_sample(as_diffusion, len(start), n, 1.0, start)),
            "diffusion, DDIM η = 0": distance(lambda start: part3.ddim_sample(diffusion, len(start), n, 0.0, start)),
            "diffusion, DDIM η = 1": distance(lambda start: part3.ddim_sample(diffusion, len(start), n, 1.0, start)),
        }
        print(n, results[str(n)], flush=True)
        write("flow.json", results)
