"""What Part 3 shows."""

import json
from typing import Any

import torch as t
import torch.nn.functional as F
from torch.utils.data import TensorDataset
from tqdm import tqdm

import solutions.part1_diffusion as part1
import solutions.part3_fashion_mnist as part3
import utils
from tools.make_assets.files import as_bytes, save, write

TEN_MINUTES = 4874  # steps that two cores of a server took in ten minutes; `make bench` measures it


def classifier() -> None:
    t.manual_seed(0)
    images, (_, labels), (_, test_labels) = part3.clothes(), utils.fashion_mnist(), utils.fashion_mnist(train=False)
    device, epochs, batch_size, model = images.device, 8, 128, part3.Classifier()
    model.to(device)
    optimizer = t.optim.AdamW(model.parameters())
    total = epochs * (len(images) // batch_size)
    schedule = t.optim.lr_scheduler.OneCycleLR(optimizer, 0.003, total)
    bf16 = part3.computes_bf16_fast(device)
    for _, rows in tqdm(part3.minibatches(len(images), batch_size, 0, total), total=total, unit=" steps"):
        mirrored = t.rand(batch_size, 1, 1, 1, device=device) < 0.5
        batch = t.where(mirrored, images[rows].flip(-1), images[rows])
        with t.autocast(device.type, t.bfloat16, enabled=bf16):
            scores = model(batch)
        optimizer.zero_grad()
        F.cross_entropy(scores.float(), labels[rows].to(device)).backward()
        optimizer.step()
        schedule.step()
    save("classifier.pt", model)
    right = (part3.classes_of(part3.clothes(train=False)) == test_labels).float().mean()
    print(f"right for {right:.1%} of the test images")


def features() -> None:
    """Of the test images, in 8 bits a number: 256 levels from each feature's lowest value to its highest."""
    found = part3.features_of(part3.clothes(train=False))
    lowest, highest = found.aminmax(dim=0)
    step = (highest - lowest) / 255
    codes = ((found - lowest) / step).round().byte()
    t.save({"lowest": lowest, "step": step, "codes": codes}, utils.ASSETS / "test_features.pt")


def plain() -> None:
    t.manual_seed(0)
    config = part3.plain_config()
    model = part1.train(part3.make_unet(config["max_steps"]), config, TensorDataset(part3.clothes()[:25_600]))
    t.manual_seed(0)
    t.save({"25,600 images": as_bytes(part1.sample(model, 8))}, utils.ASSETS / "plain.pt")


def clothes() -> None:
    """Train as the notebook does with FULL=1, and measure every 2,000 steps: 2,000 samples in 100 steps."""
    t.manual_seed(0)
    config, measured = part3.clothes_config() | {"img_log_interval": 2000}, []

    def measure(average: t.nn.Module, config: dict[str, Any]) -> dict[str, Any]:
        images = (len(measured) + 1) * config["img_log_interval"] * config["batch_size"]
        measured.append({"images": images, "distance": round(part3.distance(part3.draw_many(average, n_steps=100)), 1)})
        tqdm.write(str(measured[-1]))
        return {"distance": measured[-1]["distance"]}

    model = part3.train_longer(part3.make_guesser(config), config, part3.clothes(), watch=measure)
    save("clothes.pt", model.network)
    write("clothes.json", {"measured": measured})


def ten_minutes(seeds: int = 3) -> None:
    """Train for as many images as two cores take in ten minutes, from each seed, and measure 2,000 samples."""
    config, distances = part3.clothes_config() | dict(n_steps=TEN_MINUTES), {}
    for seed in range(seeds):
        t.manual_seed(seed)
        model = part3.train_longer(part3.make_guesser(config), config, part3.clothes())
        ahead = part3.LookAhead(model)
        for way, images in {
            "50 steps": part3.draw_many(model, 50, seed=seed),
            "25 steps, looking ahead": part3.draw_many(ahead, 25, seed=seed),
        }.items():
            distances.setdefault(way, []).append(round(part3.distance(images), 1))
        print(distances, flush=True)
    write("ten_minutes.json", {"images": TEN_MINUTES * config["batch_size"], "distances": distances})


def samples() -> None:
    images = part3.draw_many(part3.shipped_model(), n_steps=50)
    t.save({"images": as_bytes(images[:64]), "features": part3.features_of(images).half()}, utils.ASSETS / "samples.pt")


def samplers() -> None:
    """The distances of each sampler's samples, three times 2,000 of them."""
    plain, distances = part3.shipped_model(), {}
    ways = [(50, 1.0), (25, 1.0), (25, 0.0), (10, 1.0), (10, 0.0)]
    for ahead, model in [("", plain), (", looking ahead", part3.LookAhead(plain))]:
        for n_steps, eta in ways[1:] if ahead else ways:
            drawn = (part3.draw_many(model, n_steps, eta, seed) for seed in range(3))
            distances[f"{n_steps} steps, η = {eta:g}{ahead}"] = [round(part3.distance(images), 1) for images in drawn]
            print(distances, flush=True)
    write("samplers.json", distances)


def ablation(seconds: int = 600, seeds: int = 2) -> None:
    """Train each recipe for so many seconds of processor time, from each seed, and measure 2,000 samples of it. What was
    measured on a GPU, for as many images, is kept."""
    t.set_num_threads(1)  # two would spend some of the time waiting for each other
    before = json.loads((utils.ASSETS / "ablation.json").read_text(encoding="utf-8"))["rows"]
    on_gpu = {row["recipe"]: row["distances_on_gpu"] for row in before}
    rows, pictures = [], {}
    for name in part3.RECIPES:
        distances = []
        for seed in reversed(range(seeds)):
            t.manual_seed(seed)
            model, n_images = part3.try_recipe(name, seconds)
            samples = part3.draw_many(model)
            distances.insert(0, round(part3.distance(samples), 1))
        row = {"recipe": name, "images": n_images, "distances": distances, "distances_on_gpu": on_gpu.get(name, [])}
        print(row, flush=True)
        rows.append(row)
        pictures[name] = as_bytes(samples[:10])
        if name in ("+ cosine schedule", "+ v-prediction"):
            t.manual_seed(0)
            unclipped = part1.sample(model, 10)  # Algorithm 2, which does not clip
            rows[-1]["largest_number_if_not_clipped"] = round(unclipped.abs().max().item(), 1)
            if name == "+ cosine schedule":
                pictures["the same, not clipped"] = as_bytes(unclipped)
    write("ablation.json", {"processor_seconds": seconds, "rows": rows})
    t.save(pictures, utils.ASSETS / "ablation.pt")
