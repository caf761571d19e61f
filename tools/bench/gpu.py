"""The rows of `make bench` that ask for CUDA: how fast Part 3 trains and samples there, and what keeps the GPU waiting.

gpu-steps     steps of training, in float32 and bfloat16, compiled or not, as a CUDA graph or not, for several batches
gpu-waits     what the profiler sees of the processor waiting for the GPU inside steps of training and of sampling
gpu-minutes   how long a training takes until its samples are as near to the test images as those of the shipped model,
              how near they are after two and after five minutes, and a picture of the last, build/gpu.png
"""

import contextlib
import copy
import json
import os
import time
from collections.abc import Callable, Iterator
from math import nan
from typing import Any

import torch as t
import torch.nn as nn
from torch.profiler import ProfilerActivity, profile
from torch.utils.flop_counter import FlopCounterMode

import solutions.part1_diffusion as part1
import solutions.part3_fashion_mnist as part3
import solutions.part4_guidance as part4
import solutions.part5_systems as part5
import utils
from tools.bench.measure import ROOT, Row, quartiles

TOY = utils.IS_CI
BATCHES = [8] if TOY else [128, 256, 512, 1024, 2048, 4096]
COMPILED = [8] if TOY else [1024]  # compiling takes half a minute each time
WAITS = ("Synchronize", "aten::_local_scalar_dense", "Memcpy DtoH")  # by parts of their names in the profiler


class Step:
    """A step of Part 3's training on a batch at hand. how: one of WAYS"""

    def __init__(self, batch_size: int, how: str):
        device = utils.get_device()
        self.model = part3.make_guesser(part3.clothes_config())
        self.average = part3.MovingAverage(self.model)
        self.optimizer = t.optim.Adam(self.model.parameters(), lr=1e-4, fused=True, capturable=device.type == "cuda")
        self.loss_of = part3.bf16_loss if "bfloat16" in how else part3.fp32_loss
        if "compiled" in how:
            self.model.network = t.compile(self.model.network)
        x0 = 2 * t.rand(batch_size, 1, 28, 28, device=device) - 1
        self.batch = x0, *part1.noise_img(x0, self.model.noise_schedule)
        self.step = self.captured() if "graph" in how else self.once

    def once(self) -> None:
        self.optimizer.zero_grad()
        self.loss_of(self.model, *self.batch).backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        self.average.update(self.model)

    def captured(self) -> Callable:
        """The step as one CUDA graph: the kernels are launched together, without Python in between."""
        side = t.cuda.Stream()
        side.wait_stream(t.cuda.current_stream())
        with t.cuda.stream(side):
            for _ in range(3):
                self.once()
        t.cuda.current_stream().wait_stream(side)
        graph = t.cuda.CUDAGraph()
        with t.cuda.graph(graph):
            self.once()
        return graph.replay


WAYS = ["float32", "bfloat16", "bfloat16, as a CUDA graph", "bfloat16, compiled"]


def on_gpu() -> bool:
    return utils.get_device().type == "cuda"


def begin() -> None:
    """Compute as most people train on a GPU, in TF32, and log nothing."""
    t.set_float32_matmul_precision("high")
    os.environ["WANDB_MODE"] = "disabled"


def ready() -> None:
    """Wait for the GPU, if there is one."""
    if on_gpu():
        t.cuda.synchronize()


def seconds_each(work: Callable) -> list[float]:
    """The time of one of several calls in a row, in each round."""
    times, rounds = (1, 1) if TOY else (10, 5)
    for _ in range(3):
        work()
    seconds = []
    for _ in range(rounds):
        ready()
        start = time.perf_counter()
        for _ in range(times):
            work()
        ready()
        seconds.append((time.perf_counter() - start) / times)
    return seconds


def operations_of_a_second() -> float:
    """What a large matrix product reaches here in bfloat16: multiplications and additions a second."""
    side = 64 if TOY else 8192
    a, b = (t.randn(side, side, device=utils.get_device(), dtype=t.bfloat16) for _ in range(2))
    return 2 * side**3 / quartiles(seconds_each(lambda: a @ b))[1]


def steps() -> Iterator[Row]:
    """For each way and batch: images a second, and the share of what a large matrix product reaches."""
    begin()
    best = operations_of_a_second()
    for way in WAYS if on_gpu() else WAYS[:2]:
        for batch_size in COMPILED if "compiled" in way else BATCHES:
            with FlopCounterMode(display=False) as counter:
                Step(batch_size, "float32").once()
            seconds = seconds_each(Step(batch_size, way).step)
            speed = f"{batch_size / quartiles(seconds)[1]:,.0f} images a second"
            what = f"a step of Part 3's training in {way}, batches of {batch_size:,d}, {speed}"
            against = f"a large matrix product, {best / 1e12:.1f} Tflop/s"
            yield Row(what, against, [counter.get_total_flops() / each / best for each in seconds])


def waits() -> Iterator[Row]:
    """What makes the processor wait for the GPU. Every tenth loss is read, for the curve, and the profiler itself waits
    once at the end: nothing else should."""
    begin()
    config = part3.clothes_config() | {"n_steps": 6 if TOY else 60, "img_log_interval": 10**9}
    model, images = part3.make_guesser(config), part3.clothes()
    part3.train_longer(copy.deepcopy(model), config | {"n_steps": 2, "warmup": 1}, images)  # the first steps are others
    short = part3.make_guesser(config | {"max_steps": 20})
    listener, listening = part4.make_label_model(), part4.listener_config() | {"n_steps": config["n_steps"]}
    base, captions = part5.make_base(part5.make_text_encoder(), config), part5.caption_tokens()
    small, steps = part5.halved(images), f"{config['n_steps']} steps of"
    works = {
        f"{steps} training": lambda: part3.train_longer(model, config, images),
        "20 steps of DDIM": lambda: part3.ddim_sample(model, 16, n_steps=20),
        "20 steps of Algorithm 2": lambda: part1.sample(short, 16),
        f"{steps} Part 4's training": lambda: part4.train_listener(listener, listening, images, part4.labels_of()),
        f"{steps} training Part 5's Imagen": lambda: part5.train_by(part5.painter_loss, base, config, small, captions),
    }
    activities = [ProfilerActivity.CPU] + [ProfilerActivity.CUDA] * t.cuda.is_available()
    for name, work in works.items():
        with profile(activities=activities) as seen:
            work()
        counts = {row.key: row.count for row in seen.key_averages() if any(part in row.key for part in WAITS)}
        told = ", ".join(f"{key} {count}" for key, count in counts.items()) or "none"
        yield Row(f"{name}: how often the processor waits for the GPU", told, [float(sum(counts.values()))])


class LongEnough(Exception):
    pass


def minutes() -> Iterator[Row]:
    """The time of training alone, until the distance is that of the course's own model, and the distance after two and
    after five minutes; measuring it is not counted."""
    begin()
    goal = json.loads((utils.ASSETS / "samplers.json").read_text(encoding="utf-8"))["50 steps, η = 1"][0]
    config = part3.clothes_config() | {"img_log_interval": 3 if TOY else 1000}
    t.manual_seed(0)
    model, images = part3.make_guesser(config), part3.clothes()
    start, measuring, found = time.perf_counter(), 0.0, []

    def measure(average: nn.Module, config: dict[str, Any]) -> dict[str, Any]:
        nonlocal measuring
        ready()
        before = time.perf_counter()
        samples = part3.draw_many(average)
        found.append(((before - start - measuring) / 60, part3.distance(samples)))
        utils.grid(part1.denormalize_img(samples[:16])).save(ROOT / "build" / "gpu.png")
        measuring += time.perf_counter() - before
        if found[-1][0] > 5:
            raise LongEnough
        return {"distance": found[-1][1]}

    with contextlib.suppress(LongEnough):
        part3.train_longer(model, config, images, watch=measure)
    reached = next((spent for spent, distance in found if distance <= goal), nan)
    yield Row(f"Part 3's training for a GPU, until its distance is the shipped model's {goal}", "minutes", [reached])
    for least in (2, 5):
        spent, distance = next(((spent, distance) for spent, distance in found if spent >= least), found[-1])
        yield Row(f"Part 3's training for a GPU, after {spent:.1f} minutes", "distance", [distance])


ROWS = {"gpu-steps": steps, "gpu-waits": waits, "gpu-minutes": minutes}
