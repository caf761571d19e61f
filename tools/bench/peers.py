"""The other libraries of the benchmarks: diffusers, denoising-diffusion-pytorch (by lucidrains) and smalldiffusion.

The course does not need them. load() installs them into build/peers (80 MB, some seconds) when they are first asked
for, and not into .venv: they ask for torchvision, which would bring another torch.
"""

import importlib
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import torch as t
import torch.nn as nn
import torch.nn.functional as F
from einops import rearrange
from packaging.requirements import Requirement

import solutions.part1_diffusion as part1
import solutions.part2_unet as part2

FOLDER = Path(__file__).resolve().parents[2] / "build" / "peers"
PACKAGES = [  # the three, and what they import that the course's own packages do not bring
    "diffusers>=0.42.1,<0.43",
    "denoising-diffusion-pytorch>=2.3.4,<2.4",
    "smalldiffusion>=0.5,<0.6",
    "accelerate>=1.15,<2",
    "ema-pytorch>=0.8.3,<0.9",
    "huggingface_hub>=2.4,<3",
    "httpx2>=2.16,<3",
    "httpcore2>=2.16,<3",
    "truststore>=0.10,<1",
    "safetensors>=0.8,<1",
    "regex>=2026.1,<2028",
    "importlib_metadata>=10.2,<11",
    "zipp>=4.1,<5",
]
TORCHVISION = ["torchvision", "torchvision.transforms", "torchvision.datasets"]


def load() -> SimpleNamespace:
    """The three libraries, installed if they are missing. returns: diffusers, lucidrains, smalldiffusion"""
    if str(FOLDER) not in sys.path:
        sys.path.append(str(FOLDER))  # last: what .venv has comes first
    missing = [package for package in PACKAGES if not is_here(package)]
    if missing:
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--upgrade", "--target", str(FOLDER)]
        subprocess.run(pip + missing, check=True)
        importlib.invalidate_caches()
    diffusers = importlib.import_module("diffusers")
    importlib.import_module("diffusers.models.unets.unet_2d")  # now, while nothing stands in for torchvision
    # The other two import torchvision to transform images of data sets, which is not used here: where it is missing,
    # something empty stands in for it while they are imported.
    stand_ins = {} if find_spec("torchvision") else {name: mock.MagicMock() for name in TORCHVISION}
    sys.modules.update(stand_ins)
    try:
        lucidrains = importlib.import_module("denoising_diffusion_pytorch")
        smalldiffusion = importlib.import_module("smalldiffusion")
    finally:
        for name in stand_ins:
            del sys.modules[name]
    return SimpleNamespace(diffusers=diffusers, lucidrains=lucidrains, smalldiffusion=smalldiffusion)


def is_here(package: str) -> bool:
    """Whether it is installed, in a version that fits."""
    wanted = Requirement(package)
    try:
        return metadata.version(wanted.name) in wanted.specifier
    except metadata.PackageNotFoundError:
        return False


class Peer(nn.Module):
    """A peer's network, called as the course's are. call: makes its answer of network, images and num_steps"""

    img_shape = (1, 28, 28)

    def __init__(self, network: nn.Module, call: Callable):
        super().__init__()
        self.network, self.call = network, call

    def forward(self, images: t.Tensor, num_steps: t.Tensor) -> t.Tensor:
        """images: (B, 1, 28, 28)   num_steps: (B,) int, 1 to T   returns: (B, 1, 28, 28)"""
        return self.call(self.network, images, num_steps)


def call_diffusers(network: nn.Module, images: t.Tensor, num_steps: t.Tensor) -> t.Tensor:
    return network(images, num_steps - 1).sample  # it counts steps from 0


def call_lucidrains(network: nn.Module, images: t.Tensor, num_steps: t.Tensor) -> t.Tensor:
    return network(images, num_steps - 1)


def unet2d(widths: tuple[int, ...], attention: tuple[str, ...], **settings: Any) -> nn.Module:
    """diffusers' U-Net for small grey images. attention: of each level, "Attn" or nothing"""
    down, up = [f"{each}DownBlock2D" for each in attention], [f"{each}UpBlock2D" for each in reversed(attention)]
    settings |= dict(block_out_channels=widths, down_block_types=down, up_block_types=up)
    return load().diffusers.UNet2DModel(sample_size=28, in_channels=1, out_channels=1, **settings)


def networks(millions: float) -> dict[str, nn.Module]:
    """The course's U-Net and its peers with about as many parameters, for a comparison of speed. Each has three levels,
    16 or 32 channels at full size, attention with four heads at 7x7 and in the middle, no dropout, and the depth that
    its library gives it unless told otherwise. denoising-diffusion-pytorch has linear attention at the other levels
    besides, which cannot be turned off.

    millions  course     diffusers  denoising-diffusion-pytorch  smalldiffusion
    0.28        283,201    294,497    278,881                      281,473
    1.1       1,125,505  1,168,065  1,101,521                    1,091,921
    errors: ValueError for other sizes"""
    if millions not in (0.28, 1.1):
        raise ValueError(f"there are networks of 0.28 and 1.1 million parameters, not {millions}")
    peers, c = load(), 16 if millions == 0.28 else 32
    diffusers = unet2d((c, c, 2 * c), ("", "", "Attn"), norm_num_groups=8, attention_head_dim=2 * c // 4)
    lucidrains = peers.lucidrains.Unet(7 * c // 8, dim_mults=(1, 2, 2), channels=1, attn_heads=4, attn_dim_head=c)
    small = importlib.import_module("smalldiffusion.model_unet")  # its groups and heads cannot be chosen from outside:
    groups = mock.patch.object(small, "Normalize", lambda ch: nn.GroupNorm(8, ch, eps=1e-6))  # 32 would not divide ch
    heads = mock.patch.object(small, "AttnBlock", partial(small.AttnBlock, num_heads=4))
    with groups, heads:
        mults = (2, 2, 4) if c == 16 else (4, 6, 7)  # of 8 channels
        smalldiffusion = peers.smalldiffusion.Unet(28, 1, 1, ch=8, ch_mult=mults, attn_resolutions=(7,), dropout=0.0)
    return {
        "course": part2.UNet(part2.UNetConfig((1, 28, 28), c, (1, 2, 2), groups=8, max_steps=1000)),
        "diffusers": Peer(diffusers, call_diffusers),
        "denoising-diffusion-pytorch": Peer(lucidrains, call_lucidrains),
        "smalldiffusion": Peer(smalldiffusion, lambda network, images, num_steps: network(images, num_steps.float())),
    }


@dataclass
class Tutorial:
    """What a tutorial trains, and how. betas: (T,)   decay: of the moving average of the weights; 0: none
    loss: of a guess of the noise and the noise"""

    network: nn.Module
    betas: t.Tensor
    lr: float
    batch_size: int
    decay: float = 0.0
    loss: Callable = F.mse_loss
    optimizer: type = t.optim.Adam


def diffusers_tutorial() -> Tutorial:
    """Hugging Face's diffusion course: the network of unit 1, "Diffusion models from scratch", with the training of
    unit 2, "Making a class-conditioned diffusion model", here without classes (1.7 million parameters)."""
    network = unet2d((32, 64, 64), ("", "Attn", "Attn"), layers_per_block=2)
    betas = load().diffusers.DDPMScheduler(num_train_timesteps=1000, beta_schedule="squaredcos_cap_v2").betas
    return Tutorial(Peer(network, call_diffusers), betas, lr=1e-3, batch_size=128)


def lucidrains_tutorial() -> Tutorial:
    """Hugging Face's blog, "The annotated diffusion model", with the package's own U-Net (2.0 million parameters)."""
    network = load().lucidrains.Unet(dim=28, dim_mults=(1, 2, 4), channels=1)
    betas = part1.linear_schedule(300)
    return Tutorial(Peer(network, call_lucidrains), betas, lr=1e-3, batch_size=128, loss=F.smooth_l1_loss)


def smalldiffusion_tutorial() -> Tutorial:
    """smalldiffusion's examples/fashion_mnist_unet.py, with batches of 128: its 1,024 are meant for a GPU, and would
    leave it an eighth of the steps."""
    small = load().smalldiffusion
    network = small.Scaled(small.Unet)(28, 1, 1, ch=64, ch_mult=(1, 1, 2), attn_resolutions=(14,))
    sigmas = small.ScheduleLogLinear(sigma_min=0.01, sigma_max=20, N=800).sigmas

    def call(network: nn.Module, images: t.Tensor, num_steps: t.Tensor) -> t.Tensor:
        """It takes x0 + sigma * noise; ours are shrunk by sqrt(alpha_bar) = 1 / sqrt(1 + sigma**2) to variance 1."""
        sigma = rearrange(sigmas[num_steps - 1], "b -> b 1 1 1")
        return network(images * (1 + sigma**2).sqrt(), sigma)

    alpha_bars = 1 / (1 + sigmas.double() ** 2)
    betas = (1 - alpha_bars / t.cat([t.ones(1), alpha_bars[:-1]])).float()
    return Tutorial(Peer(network, call), betas, 7e-4, batch_size=128, decay=0.999, optimizer=t.optim.AdamW)


TUTORIALS = {
    "diffusers": diffusers_tutorial,
    "denoising-diffusion-pytorch": lucidrains_tutorial,
    "smalldiffusion": smalldiffusion_tutorial,
}
