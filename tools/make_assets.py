"""Make what lies in solutions/assets/, small pictures, weights and results. It takes the time that it says.

python -m tools.make_assets drawn        the eight drawn clothes of Part 2: a moment
python -m tools.make_assets parts        what each part of the U-Net is for: seven minutes on one CPU core
python -m tools.make_assets classifier   the judge of images: four minutes on two CPU cores
python -m tools.make_assets test_features  the test images as the classifier sees them: ten seconds
python -m tools.make_assets plain        samples of Part 1's training, 25,600 images long: three minutes
python -m tools.make_assets clothes      the whole training of Part 3, and its curves: ten to twenty minutes
python -m tools.make_assets samples      2,000 samples of that model, as the classifier sees them: five minutes
python -m tools.make_assets samplers     the distance of each sampler: ten minutes
python -m tools.make_assets ablation     what each change brings: an hour and a half
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import torch as t
import torch.nn.functional as F
from PIL import Image as Pictures
from PIL import ImageDraw
from torch.utils.data import TensorDataset
from tqdm import tqdm

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # the root
import solutions.part1_diffusion as part1
import solutions.part2_unet as part2
import solutions.part3_fashion_mnist as part3
import utils


def write(name: str, results: dict[str, Any]) -> None:
    (utils.ASSETS / name).write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


def save(name: str, module: t.nn.Module) -> None:
    """Weights in half precision: half the size, and no difference that could be seen."""
    weights = {key: value.half() if value.is_floating_point() else value for key, value in module.state_dict().items()}
    t.save(weights, utils.ASSETS / name)


CLOTHES = [  # each: outlines over each other on 28 by 28 pixels, "grey value in percent: x,y x,y ..."
    ["75: 9,4 12,6 16,6 19,4 25,8 23,13 20,11 20,25 8,25 8,11 5,13 3,8"],  # T-shirt
    ["60: 9,3 19,3 20,25 16,25 14,10 12,25 8,25", "35: 9,4 19,4 19,6 9,6"],  # trousers
    ["50: 10,4 18,4 22,7 25,23 22,24 19,12 19,25 9,25 9,12 6,24 3,23 6,7", "80: 8,13 20,13 20,15 8,15"],  # pullover
    ["85: 11,3 13,6 15,6 17,3 17,11 21,25 7,25 11,11", "40: 11,11 17,11 17,12 11,12"],  # dress
    ["45: 10,3 18,3 22,6 24,22 21,22 20,12 20,26 8,26 8,12 7,22 4,22 6,6", "90: 14,5 14.6,5 14.6,26 14,26"],  # coat
    [
        "65: 4,12 24,12 25,24 3,24",
        "65: 9,12 10,5 18,5 19,12 17,12 16,7 12,7 11,12",
        "95: 12,12 16,12 16,16 12,16",
    ],  # bag
    ["55: 11,3 19,3 19,14 25,19 26,24 10,24", "90: 10,22 26,22 26,25 10,25"],  # boot
    ["70: 2,20 10,18 18,13 24,12 26,20 26,23 24,23 23,19 13,23 2,23", "0: 13,18.5 19,15 22,15 22,16.5 14,20"],  # sandal
]


def drawn() -> None:
    row = Pictures.new("L", (8 * 28, 28))
    for i, outlines in enumerate(CLOTHES):
        picture = Pictures.new("L", (8 * 28, 8 * 28))  # large, then made small: so edges get greys in between
        for grey, points in (outline.split(": ") for outline in outlines):
            corners = [tuple(8 * float(number) for number in point.split(",")) for point in points.split()]
            ImageDraw.Draw(picture).polygon(corners, fill=round(2.55 * float(grey)))
        row.paste(picture.resize((28, 28), Pictures.Resampling.BOX), (28 * i, 0))
    row.save(utils.ASSETS / "drawn_clothes.png")


def without(part: str, model: part2.UNet) -> part2.UNet:
    """Take a part out of a U-Net before it is trained: "skips", "attention", "the timestep", or "" for none."""
    if part == "skips":
        for block in model.ups:
            block.register_forward_pre_hook(lambda _, given: (*given[:2], t.zeros_like(given[2])))
    if part == "attention":
        for block in [*model.downs, model.mid, *model.ups]:
            block.attention = t.nn.Identity()
    if part == "the timestep":
        model.register_forward_pre_hook(lambda _, given: (given[0], t.full_like(given[1], 500)))
    return model


def parts(n_steps: int = 300) -> None:
    """Train a narrow U-Net on the eight drawings, whole and without each of its parts, from three seeds."""
    clothes, errors, pictures = part1.normalize_img(part2.drawn_clothes()), {}, {}
    config = part2.by_heart_config() | {"lr": 0.005, "batch_size": 32, "max_steps": 1000, "device": "cpu"}
    for part in ["", "skips", "attention", "the timestep"]:
        name = f"without {part}" if part else "whole network"
        for seed in (1, 2, 3):
            t.manual_seed(seed)
            settings = part2.UNetConfig((1, 28, 28), 8, (1, 2, 2), groups=4, max_steps=1000)
            model = without(part, part2.UNet(settings))
            part1.train(model, config, TensorDataset(clothes.repeat(4 * n_steps, 1, 1, 1)))
            errors.setdefault(name, []).append(round(error_of(model, clothes), 4))
            if seed == 1:
                pictures["noised"], pictures[name] = map(as_bytes, guess_coats(model, clothes[4:5]))
        print(name, errors[name], flush=True)
    write("parts.json", errors)
    t.save(pictures, utils.ASSETS / "parts.pt")


@t.no_grad()
def error_of(model: part1.DiffusionModel, clothes: t.Tensor) -> float:
    """The mean squared error of the guessed noise, over 1,600 noised images."""
    t.manual_seed(100)
    num_steps, noise, noised = part1.noise_img(clothes.repeat(200, 1, 1, 1), model.noise_schedule)
    return F.mse_loss(model(noised, num_steps), noise).item()


@t.no_grad()
def guess_coats(model: part1.DiffusionModel, coat: t.Tensor) -> tuple[t.Tensor, t.Tensor]:
    """A coat after more and more noise, and what is left when the model's one guess is taken off."""
    t.manual_seed(3)
    num_steps = t.tensor([10, 50, 100, 200, 300, 400, 500, 600])
    a = model.noise_schedule.alpha_bar(num_steps).reshape(-1, 1, 1, 1)
    noised = a.sqrt() * coat + (1 - a).sqrt() * t.randn(8, 1, 28, 28)
    return noised, part1.reconstruct(noised, model(noised, num_steps), num_steps, model.noise_schedule)


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


def test_features() -> None:
    """In 8 bits a number, 256 levels from each feature's lowest value to its highest: a quarter of the size."""
    features = part3.features_of(part3.clothes(train=False))
    lowest, highest = features.aminmax(dim=0)
    step = (highest - lowest) / 255
    codes = ((features - lowest) / step).round().byte()
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
    loss = [value for _, value in utils.Run.latest.curves["train_loss"]]  # of every 20th step
    means = [round(sum(loss[i : i + 5]) / 5, 4) for i in range(0, len(loss) - 4, 5)]
    write("clothes.json", {"measured": measured, "loss_per_100_steps": means})


def samples() -> None:
    images = part3.draw_many(part3.shipped_model(), n_steps=100)
    t.save({"images": as_bytes(images[:64]), "features": part3.features_of(images).half()}, utils.ASSETS / "samples.pt")


def samplers() -> None:
    model, distances = part3.shipped_model(), {}
    for n_steps, eta in [(100, 1.0), (100, 0.0), (50, 1.0), (50, 0.0), (25, 1.0), (25, 0.0), (10, 1.0), (10, 0.0)]:
        distances[f"{n_steps} steps, η = {eta:g}"] = round(part3.distance(part3.draw_many(model, n_steps, eta)), 1)
        print(distances, flush=True)
    write("samplers.json", distances)


def ablation(seconds: int = 600) -> None:
    """Train each recipe for so many seconds of processor time, and measure 2,000 samples of it."""
    t.set_num_threads(1)  # two would spend some of the time waiting for each other
    rows, pictures = [], {}
    for name in part3.RECIPES:
        t.manual_seed(0)
        model, n_images = part3.try_recipe(name, seconds)
        samples = part3.draw_many(model)
        rows.append({"recipe": name, "images": n_images, "distance": round(part3.distance(samples), 1)})
        print(rows[-1], flush=True)
        pictures[name] = as_bytes(samples[:10])
        if name in ("+ cosine schedule", "+ v-prediction"):
            t.manual_seed(0)
            unclipped = part1.sample(model, 10)  # Algorithm 2, which does not clip
            rows[-1]["largest_number_if_not_clipped"] = round(unclipped.abs().max().item(), 1)
            if name == "+ cosine schedule":
                pictures["the same, not clipped"] = as_bytes(unclipped)
    write("ablation.json", {"processor_seconds": seconds, "rows": rows})
    t.save(pictures, utils.ASSETS / "ablation.pt")


def as_bytes(images: t.Tensor) -> t.Tensor:
    """images: in [-1, 1], or further, as the eye sees them   returns: uint8, 0 to 255"""
    return (255 * part1.denormalize_img(images.clamp(-1, 1))).round().byte().cpu()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    whats = ["drawn", "parts", "classifier", "test_features", "plain", "clothes", "samples", "samplers", "ablation"]
    parser.add_argument("what", choices=whats)
    globals()[parser.parse_args().what]()
