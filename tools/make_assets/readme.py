"""What the README shows."""

import torch as t
from einops import rearrange

import solutions.part1_diffusion as part1
import solutions.part3_fashion_mnist as part3
import utils
from tools.markup import ROOT

LEFT = [50, 45, 40, 36, 32, 29, 26, 23, 20, 17, 14, 11, 8, 5, 0]  # steps, in the pictures of the movie


def readme() -> None:
    t.manual_seed(6)
    steps, frames = part3.ddim_sample(part3.shipped_model(), 64, 50, return_all_steps=True), []
    for left in LEFT:
        greys = 7 if left > 8 else 31  # fewer where all is noise: a small file
        images = (greys * part1.denormalize_img(steps[-1 - left].clamp(-1, 1)).cpu()).round() / greys
        wall = rearrange(images, "(r c) 1 h w -> 1 (r h) (c w)", c=16)
        frames.append(utils.grid(wall[None], 1))
    durations = [1200] + [150] * (len(frames) - 2) + [4000]
    (ROOT / "docs" / "clothes.png").write_bytes(utils.as_png(*frames, duration=durations, loop=3))
