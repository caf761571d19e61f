"""What Part 2 shows."""

import torch as t
import torch.nn.functional as F
from PIL import Image as Pictures
from PIL import ImageDraw
from torch.utils.data import TensorDataset

import solutions.part1_diffusion as part1
import solutions.part2_unet as part2
import utils
from tools.make_assets.files import as_bytes, write

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
