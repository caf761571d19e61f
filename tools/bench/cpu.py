"""The rows of `make bench` that a CPU can measure."""

import contextlib
import io
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from importlib import import_module
from pathlib import Path

import matplotlib.pyplot as plt
import torch as t
import torch.nn as nn
import torch.nn.functional as F
import tqdm
from torch.utils.data import DataLoader, TensorDataset

import solutions.part1_diffusion as part1
import solutions.part2_unet as part2
import solutions.part3_fashion_mnist as part3
from tools.bench import peers
from tools.bench.measure import ROOT, ROUNDS, THREADS, Row, python, ratio, side_by_side, slope
from tools.make_assets.part3 import TEN_MINUTES
from tools.saved import find_checks

# ------------------------------------------------------------------------------------------------------------- Part 1


class Clocked(part1.TinyDiffuser):
    """Part 1's model, which notes when it is called."""

    def forward(self, images: t.Tensor, num_steps: t.Tensor) -> t.Tensor:
        self.called.append(time.perf_counter())
        return super().forward(images, num_steps)

    def seconds_per_step(self) -> float:
        """Of the steps after the first hundred, while all that begins with a training is done."""
        return (self.called[-1] - self.called[100]) / (len(self.called) - 101)


def toy(max_steps: int = 100) -> Clocked:
    model = Clocked(part1.TinyDiffuserConfig((3, 4, 5), 128, max_steps))
    model.noise_schedule, model.called = part1.NoiseSchedule(max_steps, "cpu"), []
    return model


def toy_images(n_images: int = 12_800) -> t.Tensor:
    return part1.normalize_img(part1.gradient_images(n_images, (3, 4, 5)))


@contextlib.contextmanager
def logged_apart() -> Iterator[None]:
    """Runs of Weights & Biases are kept in a folder of their own, and progress bars are written, but not here."""
    with tempfile.TemporaryDirectory() as folder, open(os.devnull, "w", encoding="utf-8") as bars:
        with contextlib.redirect_stderr(bars), contextlib.redirect_stdout(io.StringIO()):
            before = {name: os.environ.get(name) for name in ("WANDB_MODE", "WANDB_DIR", "WANDB_SILENT")}
            os.environ.update(WANDB_DIR=folder, WANDB_SILENT="true")
            try:
                yield
            finally:
                for name, value in before.items():
                    os.environ.pop(name) if value is None else os.environ.update({name: value})


def train_as_in_the_course(images: t.Tensor, wandb_mode: str) -> float:
    os.environ["WANDB_MODE"] = wandb_mode
    model, config = toy(), part1.toy_config() | {"epochs": 10, "device": t.device("cpu")}
    part1.train(model, config, TensorDataset(images))
    return model.seconds_per_step()


def train_at_the_floor(images: t.Tensor) -> float:
    """Forward, backward and Adam, again and again for one batch that is at hand."""
    model = toy()
    optimizer = t.optim.Adam(model.parameters(), lr=0.001, fused=True)
    num_steps, noise, noised = part1.noise_img(images[:128], model.noise_schedule)
    for _ in range(1000):
        loss = F.mse_loss(model(noised, num_steps), noise)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model.seconds_per_step()


def train_as_usual(images: t.Tensor) -> float:
    """What most people write: a DataLoader, and a progress bar and Weights & Biases that get every loss."""
    import wandb

    os.environ["WANDB_MODE"] = "offline"
    model = toy()
    optimizer = t.optim.Adam(model.parameters(), lr=0.001, fused=True)  # as the course: that is not what differs
    with wandb.init(project="bench", settings=wandb.Settings(silent=True)) as run:
        loader = DataLoader(TensorDataset(images), batch_size=128, shuffle=True)
        for _ in range(5):
            with tqdm.tqdm(loader) as bar:
                for (x0,) in bar:
                    num_steps, noise, noised = part1.noise_img(x0, model.noise_schedule)
                    loss = F.mse_loss(model(noised, num_steps), noise)
                    optimizer.zero_grad()
                    loss.backward()
                    optimizer.step()
                    bar.set_description(f"loss {loss.item():.3f}")
                    run.log({"train_loss": loss.item()})
    return model.seconds_per_step()


def train() -> list[Row]:
    images = toy_images()
    with logged_apart():
        seconds = side_by_side(
            course=lambda: train_as_in_the_course(images, "offline"),
            alone=lambda: train_as_in_the_course(images, "disabled"),
            floor=lambda: train_at_the_floor(images),
            usual=lambda: train_as_usual(images),
        )
    what = "Part 1 `train`, a step with progress bar and Weights & Biases offline"
    floor = "forward, backward and fused Adam on a batch at hand"
    return [
        Row(what, floor, ratio(seconds, "course", "floor"), 1.35),
        Row("the same without Weights & Biases", floor, ratio(seconds, "alone", "floor")),
        Row(
            "the usual loop: DataLoader, tqdm text and wandb every step",
            what,
            ratio(seconds, "usual", "course"),
            2.2,
            True,
        ),
    ]


def sample() -> list[Row]:
    model, rows = part1.TinyDiffuser(part1.TinyDiffuserConfig((3, 4, 5), 128, 100)), []
    model.noise_schedule = part1.NoiseSchedule(100, "cpu")

    @t.no_grad()
    def floor(n_images: int) -> None:
        x, num_steps = t.randn(n_images, 3, 4, 5), t.full((n_images,), 50)
        for _ in range(100):
            model(x, num_steps)
            t.randn_like(x)

    for n_images, times in ((5, 20), (1000, 2)):
        seconds = side_by_side(
            2 * ROUNDS + 1,
            course=lambda n=n_images, times=times: [part1.sample(model, n) for _ in range(times)],
            floor=lambda n=n_images, times=times: [floor(n) for _ in range(times)],
        )
        against = "100 forward passes, each with the one `randn` it needs"
        rows.append(Row(f"Part 1 `sample`, {n_images:,d} images", against, ratio(seconds, "course", "floor"), 1.35))
    return rows


# ---------------------------------------------------------------------------------------------------------- the U-Net


def training_step(network: nn.Module, images: t.Tensor, bf16: bool = False) -> Callable:
    optimizer = t.optim.Adam(network.parameters(), lr=1e-4, fused=True)
    num_steps, noise = t.randint(1, 1001, (len(images),)), t.randn_like(images)

    def step() -> None:
        with t.autocast("cpu", t.bfloat16, enabled=bf16):
            noise_pred = network(images, num_steps)
        loss = F.mse_loss(noise_pred.float(), noise)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step


def forward_pass(network: nn.Module, images: t.Tensor, bf16: bool = False) -> Callable:
    num_steps = t.randint(1, 1001, (len(images),))

    @t.no_grad()
    def run() -> None:
        with t.autocast("cpu", t.bfloat16, enabled=bf16):
            network(images, num_steps)

    return run


def convolutions_alone(network: nn.Module, images: t.Tensor) -> Callable:
    """Forward and backward through each convolution of a network by itself, with inputs of the shapes it gets."""
    jobs: list[tuple[nn.Module, t.Tensor, t.Tensor]] = []

    def note(layer: nn.Module, inputs: tuple[t.Tensor], output: t.Tensor) -> None:
        x = t.randn_like(inputs[0]).requires_grad_(inputs[0] is not images)
        jobs.append((layer, x, t.randn_like(output)))

    layers = [layer for layer in network.modules() if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d)]
    hooks = [layer.register_forward_hook(note) for layer in layers]
    forward_pass(network, images)()
    for hook in hooks:
        hook.remove()

    def run() -> None:
        for layer, x, gradient in jobs:
            layer(x).backward(gradient)
            layer.zero_grad()
            x.grad = None

    return run


TO_REACH = {  # by peer: training, forward
    "diffusers": (1.0, 1.0),
    "denoising-diffusion-pytorch": (2.3, 2.3),
    "smalldiffusion": (1.25, 1.3),
}


def unet() -> list[Row]:
    images, rows, bf16 = t.randn(64, 1, 28, 28), [], part3.computes_bf16_fast(t.device("cpu"))
    for millions in (0.28, 1.1):
        networks = peers.networks(millions)
        course, size = networks["course"], f"U-Net of {millions} M parameters"
        works: dict[str, Callable] = {name: training_step(network, images) for name, network in networks.items()}
        works |= {"own precision": training_step(course, images, bf16), "floor": convolutions_alone(course, images)}
        seconds = side_by_side(ROUNDS, **works)
        for name, (target, _) in TO_REACH.items():
            what = f"{size}, training, images a second"
            rows.append(Row(what, name, ratio(seconds, name, "course"), target, True))
        what = f"{size}, training in {'bfloat16' if bf16 else 'float32'}, as the course does here"
        rows.append(Row(what, "diffusers in float32", ratio(seconds, "diffusers", "own precision"), 1.3, True))
        what = f"{size}, a step of training in float32"
        rows.append(Row(what, "its convolutions alone", ratio(seconds, "course", "floor"), 1.45))
        seconds = side_by_side(ROUNDS, **{name: forward_pass(network, images) for name, network in networks.items()})
        for name, (_, target) in TO_REACH.items():
            what = f"{size}, forward, images a second"
            rows.append(Row(what, name, ratio(seconds, name, "course"), target, True))
    return rows


# --------------------------------------------------------------------------------------------- imports, checks, tests


def imports() -> list[Row]:
    known = python("-c", "import sys, solutions.part1_diffusion; print('wandb' in sys.modules)").strip()
    if known != "False":
        raise RuntimeError("importing Part 1 imports wandb")
    seconds = side_by_side(
        course=lambda: python("-c", "import solutions.part1_diffusion"),
        torch=lambda: python("-c", "import torch"),
        plot=lambda: python("-c", "import torch, matplotlib.pyplot, einops, tqdm"),
        wandb=lambda: python("-c", "import torch, wandb"),
    )
    what = "`import solutions.part1_diffusion`, without wandb"
    return [
        Row(what, "`import torch`", ratio(seconds, "course", "torch")),
        Row(what, "`import torch, matplotlib.pyplot, einops, tqdm`", ratio(seconds, "course", "plot")),
        Row("`import torch, wandb`", "`import torch`", ratio(seconds, "wandb", "torch")),
    ]


def checks() -> list[Row]:
    """Seconds that each check takes for the solution."""
    medians = {}
    for path in sorted((ROOT / "solutions").glob("part*.py")):
        reference = import_module(f"solutions.{path.stem}")
        for name, check in find_checks(path.stem).items():
            with contextlib.redirect_stdout(io.StringIO()):
                seconds = side_by_side(check=lambda check=check, answer=getattr(reference, name): check(answer))
            medians[name] = statistics.median(seconds["check"])
    slowest = max(medians, key=medians.get)
    return [
        Row(f"the median of all {len(medians)} checks", "seconds", [statistics.median(medians.values())], 0.1),
        Row(f"the slowest of them, that of `{slowest}`", "seconds", [medians[slowest]], 1.0),
    ]


def tests() -> list[Row]:
    command = [sys.executable, "-m", "pytest", "-q", "-n", "auto", "--dist", "worksteal", "-m", "not slow"]
    begin = time.perf_counter()
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return [Row(f"`make test`, on {os.cpu_count()} cores", "minutes", [(time.perf_counter() - begin) / 60], 3)]


def clothes() -> list[Row]:
    """How long all cores take for the training that docs/speed.md judges as that of ten minutes."""
    config, cores = part3.clothes_config() | {"device": t.device("cpu")}, os.cpu_count() or 1

    def trained(n_steps: int) -> None:
        settings = config | {"n_steps": n_steps, "warmup": n_steps // 2}
        part3.train_longer(part3.make_guesser(settings), settings, part3.clothes())

    with logged_apart(), all_cores(cores):
        os.environ["WANDB_MODE"] = "disabled"
        seconds = side_by_side(3, few=lambda: trained(20), many=lambda: trained(120))  # the start is slower
    minutes = [(many - few) / 100 * TEN_MINUTES / 60 for few, many in zip(*seconds.values(), strict=True)]
    what = f"Part 3's training, {TEN_MINUTES * config['batch_size']:,d} images on {cores} cores"
    return [Row(what, "minutes", minutes, 10)]


@contextlib.contextmanager
def all_cores(cores: int) -> Iterator[None]:
    t.set_num_threads(cores)
    try:
        yield
    finally:
        t.set_num_threads(THREADS)


# ------------------------------------------------------------------------------------------------- what grows with what


PEAK = """
import re, sys, torch as t
import solutions.part1_diffusion as part1
from tools.bench.cpu import toy

def peak():  # kB; as Linux tells it. getrusage would begin with the peak of the process that started this one
    return int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1])

t.set_num_threads(1)
part1.sample(toy(10), 5000)
before = peak()
part1.sample(toy(int(sys.argv[1])), 5000, return_all_steps=sys.argv[2] == "list")
print(peak() - before)
"""


def cost() -> list[Row]:
    """How the time of sampling and training grows, into docs/cost.png; and the memory of sampling with T."""

    def network(channels: int = 16, side: int = 28) -> nn.Module:
        return part2.UNet(part2.UNetConfig((1, side, side), channels, (1, 2, 2), groups=8, max_steps=1000))

    def both(*works: tuple[nn.Module, t.Tensor]) -> dict[str, list[Callable]]:
        return {
            "a forward pass": [forward_pass(model, images) for model, images in works],
            "a step of training": [training_step(model, images) for model, images in works],
        }

    counts, batches = [50, 100, 200, 400, 800], [16, 32, 64, 128, 256]
    sides, networks = [12, 20, 28, 40, 56], [network(channels) for channels in (8, 16, 24, 32, 48)]
    panels = {  # what grows, how large it is, and what is timed at each of these sizes
        "steps T": (counts, {"Part 1's sampling": [partial(part1.sample, toy(n), 1000) for n in counts]}),
        "images in a batch": (batches, both(*((network(), t.randn(n, 1, 28, 28)) for n in batches))),
        "pixels of an image": (
            [side**2 for side in sides],
            both(*((network(side=side), t.randn(32, 1, side, side)) for side in sides)),
        ),
        "parameters": (
            [sum(p.numel() for p in each.parameters()) for each in networks],
            both(*((each, t.randn(32, 1, 28, 28)) for each in networks)),
        ),
    }
    rows = []
    _, axes = plt.subplots(1, 4, figsize=(13, 3.2), layout="constrained")
    for axis, (name, (x, lines)) in zip(axes, panels.items(), strict=True):
        for (label, works), style in zip(lines.items(), ("o-", "s--"), strict=False):
            seconds = side_by_side(5, **{str(size): work for size, work in zip(x, works, strict=True)})
            y = [1000 * statistics.median(each) for each in seconds.values()]
            exponents = [slope(x, each) for each in zip(*seconds.values(), strict=True)]
            axis.loglog(x, y, style, label=label)
            rows.append(Row(f"{label}: its time grows with the {name}", "to the power of (1: linear)", exponents))
        axis.loglog(x, [y[-1] * each / x[-1] for each in x], ":", color="grey", label="linear")
        axis.minorticks_off()
        axis.set_xticks(x, [f"{size / 1e6:.2g}M" if size > 9999 else str(size) for size in x])
        axis.set_yticks([1, 10, 100, 1000], ["1", "10", "100", "1000"])
        axis.set(xlabel=name, ylabel="milliseconds", ylim=(5, 2000))
        axis.legend(fontsize=8)
    plt.savefig(ROOT / "docs" / "cost.png", dpi=100)
    plt.close()
    if Path("/proc/self/status").exists():
        few, many, listed = (int(python("-c", PEAK, *given)) for given in (("100", ""), ("1000", ""), ("1000", "list")))
        what = "`sample`, 5,000 images: peak memory at T = 1,000 above that at T = 100"
        rows += [
            Row(what, "MB", [(many - few) / 1024]),
            Row("the same with a list of all steps", "MB", [(listed - few) / 1024]),
        ]
    return rows


ROWS = {
    "train": train,
    "sample": sample,
    "unet": unet,
    "import": imports,
    "checks": checks,
    "cost": cost,
    "tests": tests,
    "clothes": clothes,
}
