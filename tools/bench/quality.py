"""Samples at equal processor time: the best recipe of Part 3 against three tutorials, each as it is written.

python -m tools.bench.quality           the whole: two seeds, about an hour and a half each on one core
python -m tools.bench.quality --seconds 10 --seeds 0 --results build/try.json       a try (sampling takes 20 minutes)

Each set-up of a seed trains for so many seconds of one thread's processor time, in turn, 20 seconds at a time: when the
machine becomes slower or faster, it does so for all. Only training is charged. Then all are judged alike: 1,000 samples
by ddim_sample in 25 steps, and their distance from the test images. No images are mirrored, as some tutorials do: the
test images have all their shoes point one way, so that would only count against those tutorials.

docs/quality.json gets a row for each set-up and seed as soon as it is judged, and docs/quality.png ten samples of each.
Trainings are saved in build/quality: call it again after an interruption, and it goes on. What has a row is not done
again; take the row out to have it trained anew.
"""

import argparse
import json
import os
import sys
import time
from datetime import date
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import torch as t
import torch.nn as nn

import solutions.part1_diffusion as part1
import solutions.part3_fashion_mnist as part3
import utils
from tools.bench import peers
from tools.bench.measure import ROOT, processor

RECIPE = "all, but not v"  # of part3.RECIPES: there, the one whose samples are best
SLICE = 20.0  # seconds of training before it is the next one's turn
SETUPS = ["course", *peers.TUTORIALS]


class Training:
    """A model on its way. seconds: how many it may spend   spent: how many it has, of processor time
    path: where it is saved, and taken up from"""

    def __init__(self, seconds: float, path: Path, settings: dict[str, Any], network: nn.Module, betas: t.Tensor):
        self.seconds, self.spent = seconds, 0.0
        self.settings = settings
        self.model = part3.NoiseGuesser(network, part1.NoiseSchedule(len(betas), "cpu", betas))
        self.optimizer = settings["optimizer"](self.model.parameters(), lr=settings["lr"])
        self.average = part3.MovingAverage(self.model, settings["decay"])
        parts = dict(model=self.model, average=self.average, averaged=self.average.model, optimizer=self.optimizer)
        plain = {name: value for name, value in settings.items() if isinstance(value, int | float)}
        self.saved = utils.Saved(path, plain, **parts, clock=self)

    def go_on(self, seconds: float) -> None:
        """Train for so many seconds of processor time, then save."""
        images, until, loss = part3.clothes(), min(self.spent + seconds, self.seconds), t.zeros(())
        batches = part3.minibatches(len(images), self.settings["batch_size"], self.saved.step, sys.maxsize)
        while self.spent < until:
            begin = time.process_time()
            step, rows = next(batches)
            loss = self.step(step, images[rows])
            self.saved.step = step
            self.spent += time.process_time() - begin
        so_far = f"{self.spent:6.0f} s, {self.saved.step:6,d} steps, loss {loss.item():.3f}"
        print(f"  {so_far}  {self.saved.path.stem}", flush=True)
        self.saved.save()

    def step(self, step: int, x0: t.Tensor) -> t.Tensor:
        """A step as train_longer takes it; what a tutorial does not have is left out. returns: the loss"""
        settings = self.settings
        if settings["warmup"]:  # the share of time that is spent tells how many steps there will be
            total = max(step + 1, round(step * self.seconds / self.spent) if self.spent else 0)
            lr = part3.learning_rate(step, total, settings["lr"], settings["warmup"])
            self.optimizer.param_groups[0]["lr"] = lr
        loss = settings["loss_of"](self.model, x0, *part1.noise_img(x0, self.model.noise_schedule))
        self.optimizer.zero_grad()
        loss.backward()
        if settings["clip"]:
            nn.utils.clip_grad_norm_(self.model.parameters(), settings["clip"])
        self.optimizer.step()
        if settings["decay"]:
            self.average.update(self.model)
        return loss

    def result(self) -> part1.DiffusionModel:
        """The trained model, with averaged weights if it has them, ready to sample."""
        return (self.average.model if self.settings["decay"] else self.model).eval()


def course(seconds: float, path: Path) -> Training:
    """The course's own U-Net and recipe; in bfloat16 where that is fast. The tutorials train in float32."""
    config = part3.recipe(RECIPE)
    loss_of = part3.bf16_loss if part3.computes_bf16_fast(config["device"]) else part3.fp32_loss
    settings = {name: config[name] for name in ("lr", "batch_size", "decay", "warmup")}
    settings |= dict(clip=1.0, optimizer=t.optim.Adam, loss_of=loss_of)
    max_steps = config["max_steps"]
    return Training(seconds, path, settings, part3.make_unet(max_steps), config["schedule"](max_steps))


def tutorial(name: str, seconds: float, path: Path) -> Training:
    """A peer, as its tutorial has it."""
    its = peers.TUTORIALS[name]()

    def loss_of(model: nn.Module, x0: t.Tensor, num_steps: t.Tensor, noise: t.Tensor, noised: t.Tensor) -> t.Tensor:
        return its.loss(model(noised, num_steps), noise)

    settings = dict(lr=its.lr, batch_size=its.batch_size, decay=its.decay, warmup=0, clip=0.0)
    return Training(seconds, path, settings | dict(optimizer=its.optimizer, loss_of=loss_of), its.network, its.betas)


def judge(name: str, seed: int, training: Training) -> tuple[dict[str, Any], t.Tensor]:
    """What is noted of a training, and ten of its samples."""
    model, n_images = training.result(), training.saved.step * training.settings["batch_size"]
    samples = draw_many(model)
    row = {
        "setup": name,
        "seed": seed,
        "cpu_seconds": round(training.spent, 1),
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "images": n_images,
        "distance": round(part3.distance(samples), 1),
        "n_samples": len(samples),
        "date": str(date.today()),
        "processor": processor(),
        "threads": t.get_num_threads(),
        "torch": t.__version__,
    }
    return row, samples[:10]


def draw_many(model: part1.DiffusionModel) -> t.Tensor:
    """1,000 samples in 25 steps, always from the same random numbers; 20 under IS_CI."""
    with utils.fork_rng():
        t.manual_seed(0)
        batches = [
            part3.ddim_sample(model, n_samples, n_steps=25) for n_samples in ([20] if utils.IS_CI else [250] * 4)
        ]
    return t.cat(batches)


def run(seconds: float, seeds: list[int], names: list[str], results: Path, saves: Path) -> list[dict[str, Any]]:
    """Train and judge what results lacks, a JSON file; rows that it has stay. returns: all rows of so many seconds"""
    t.set_num_threads(1)  # two would spend some of the time waiting for each other
    rows = json.loads(results.read_text(encoding="utf-8"))["rows"] if results.exists() else []
    for seed in seeds:
        done = {row["setup"] for row in rows if (row["seed"], row["seconds"]) == (seed, seconds)}
        trainings = {name: begin(name, seed, seconds, saves) for name in names if name not in done}
        while any(training.spent < seconds for training in trainings.values()):
            for training in trainings.values():
                if training.spent < seconds:
                    training.go_on(SLICE)
        for name, training in trainings.items():
            row, samples = judge(name, seed, training)
            rows.append(dict(seconds=seconds) | row)
            print(row, flush=True)
            t.save(samples, saves / f"{seconds:g}s-seed{seed}-{name}-samples.pt")
            results.write_text(json.dumps({"rows": rows}, indent=1) + "\n", encoding="utf-8")
            training.saved.path.unlink()  # what is judged is not trained on
    draw(seconds, seeds[0], results.with_suffix(".png"), saves)
    return [row for row in rows if row["seconds"] == seconds]


def begin(name: str, seed: int, seconds: float, saves: Path) -> Training:
    t.manual_seed(seed)
    path = saves / f"{seconds:g}s-seed{seed}-{name}.pt"
    return course(seconds, path) if name == "course" else tutorial(name, seconds, path)


def draw(seconds: float, seed: int, path: Path, saves: Path) -> None:
    """A picture of ten samples of each set-up that was judged on this machine, from 25 steps."""
    files = {name: saves / f"{seconds:g}s-seed{seed}-{name}-samples.pt" for name in SETUPS}
    images = {name: t.load(file, weights_only=True) for name, file in files.items() if file.exists()}
    if not images:
        return  # all were judged on another machine
    figure, axes = plt.subplots(len(images), 1, figsize=(9.6, 1 + 0.8 * len(images)), squeeze=False, layout="tight")
    for axis, (name, each) in zip(axes[:, 0], images.items(), strict=True):
        axis.imshow(utils.grid(part1.denormalize_img(each), len(each)), cmap="gray", vmin=0, vmax=255)
        axis.set_title(name, fontsize=9)
        axis.axis("off")
    figure.savefig(path, dpi=100)
    plt.close(figure)


def table(rows: list[dict[str, Any]]) -> None:
    print(f"{'set-up':28} seed  parameters   images  CPU-seconds  distance")
    for row in sorted(rows, key=lambda row: (row["seed"], SETUPS.index(row["setup"]))):
        sizes = f"{row['parameters']:11,d} {row['images']:8,d} {row['cpu_seconds']:12,.0f}"
        print(f"{row['setup']:28} {row['seed']:4d} {sizes} {row['distance']:9.1f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=1120, help="of processor time, for each training")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--only", nargs="+", choices=SETUPS, default=SETUPS)
    parser.add_argument("--results", type=Path, default=ROOT / "docs" / "quality.json")
    parser.add_argument("--saves", type=Path, default=ROOT / "build" / "quality")
    given = parser.parse_args()
    given.results.parent.mkdir(parents=True, exist_ok=True)
    os.environ["DEVICE"] = "cpu"
    table(run(given.seconds, given.seeds, given.only, given.results, given.saves))
