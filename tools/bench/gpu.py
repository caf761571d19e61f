"""How fast Part 3 trains and samples on a GPU, and whether it keeps the GPU waiting.

python -m tools.bench.gpu              all of it (half an hour on one GPU), printed
python -m tools.bench.gpu steps        some of it: steps, waits, minutes
IS_CI=1 python -m tools.bench.gpu      the script itself tried, at toy size, with or without a GPU

steps     images a second that a step of training learns from, in float32 and bfloat16, compiled or not, as a CUDA graph
          or not, for batches of 128 to 4,096; and which share that is of what this GPU reaches in a large matrix product
waits     what the profiler sees of the processor waiting for the GPU inside steps of training and of sampling
minutes   how long Part 3's training for a GPU takes to come as near to the test images as the one for two cores
"""

import argparse
import copy
import json
import os
import statistics
import time
from collections.abc import Callable
from typing import Any

import torch as t
import torch.nn as nn
from torch.profiler import ProfilerActivity, profile
from torch.utils.flop_counter import FlopCounterMode

import solutions.part1_diffusion as part1
import solutions.part3_fashion_mnist as part3
import utils

TOY = utils.IS_CI
BATCHES = [8] if TOY else [128, 256, 512, 1024, 2048, 4096]
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


WAYS = ["float32", "bfloat16", "bfloat16, compiled", "bfloat16, as a CUDA graph", "bfloat16, compiled, as a CUDA graph"]


def ready() -> None:
    """Wait for the GPU, if there is one."""
    if utils.get_device().type == "cuda":
        t.cuda.synchronize()


def seconds_each(work: Callable, times: int = 20, rounds: int = 7) -> float:
    """The median time of one of several calls in a row."""
    if TOY:
        times, rounds = 1, 1
    for _ in range(3):
        work()
    seconds = []
    for _ in range(rounds):
        ready()
        begin = time.perf_counter()
        for _ in range(times):
            work()
        ready()
        seconds.append((time.perf_counter() - begin) / times)
    return statistics.median(seconds)


def operations_of_a_second() -> float:
    """What a large matrix product reaches here in bfloat16: multiplications and additions a second."""
    side = 64 if TOY else 8192
    a, b = (t.randn(side, side, device=utils.get_device(), dtype=t.bfloat16) for _ in range(2))
    return 2 * side**3 / seconds_each(lambda: a @ b)


def steps() -> None:
    best = operations_of_a_second()
    print(f"a large matrix product: {best / 1e12:.1f} Tflop/s")
    on_gpu = utils.get_device().type == "cuda"
    ways = [way for way in WAYS if on_gpu or "," not in way]
    print(f"{'a step of training':38} {'batch':>6} {'images a second':>16} {'of the product':>15}")
    for way in ways:
        for batch_size in BATCHES:
            with FlopCounterMode(display=False) as counter:
                Step(batch_size, "float32").once()
            step = Step(batch_size, way)
            seconds = seconds_each(step.step)
            share = counter.get_total_flops() / seconds / best
            print(f"{way:38} {batch_size:6,d} {batch_size / seconds:16,.0f} {share:15.1%}", flush=True)
            del step


def waits() -> None:
    """What makes the processor wait for the GPU. Every tenth loss is read, for the curve, and the profiler itself waits once
    at the end: nothing else should."""
    config = part3.clothes_config() | {"n_steps": 6 if TOY else 60, "img_log_interval": 10**9}
    model, images = part3.make_guesser(config), part3.clothes()
    part3.train_longer(copy.deepcopy(model), config | {"n_steps": 2, "warmup": 1}, images)  # the first steps are others
    works = {
        f"{config['n_steps']} steps of training": lambda: part3.train_longer(model, config, images),
        "20 steps of sampling": lambda: part3.ddim_sample(model, 16, n_steps=20),
        f"{config['max_steps']} steps of Algorithm 2": lambda: part1.sample(model, 16),
    }
    activities = [ProfilerActivity.CPU] + [ProfilerActivity.CUDA] * t.cuda.is_available()
    for name, work in works.items():
        with profile(activities=activities) as seen:
            work()
        counts = {row.key: row.count for row in seen.key_averages() if any(part in row.key for part in WAITS)}
        print(f"{name}: " + (", ".join(f"{key} {count} times" for key, count in counts.items()) or "no waiting"))


class Reached(Exception):
    pass


def minutes() -> None:
    """The time of training alone, until the distance is that of the course's own model; measuring it is not counted."""
    rows = json.loads((utils.ASSETS / "samplers.json").read_text(encoding="utf-8"))
    goal, config = rows["50 steps, η = 1"], part3.clothes_config()
    config |= {"img_log_interval": 3 if TOY else 1000}
    t.manual_seed(0)
    model, images = part3.make_guesser(config), part3.clothes()
    begin, measuring = time.perf_counter(), 0.0

    def measure(average: nn.Module, config: dict[str, Any]) -> dict[str, Any]:
        nonlocal measuring
        ready()
        start = time.perf_counter()
        distance = part3.distance(part3.draw_many(average))
        measuring += time.perf_counter() - start
        spent = time.perf_counter() - begin - measuring
        print(f"after {spent / 60:5.2f} minutes of training: distance {distance:6.1f}, to reach {goal}", flush=True)
        if distance <= goal:
            raise Reached
        return {"distance": distance}

    try:
        part3.train_longer(model, config, images, watch=measure)
        print("not reached")
    except Reached:
        print("reached")


PARTS = {"steps": steps, "waits": waits, "minutes": minutes}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    parts = parser.parse_args().parts or list(PARTS)
    if unknown := {*parts} - PARTS.keys():
        parser.error(f"there is no part called {', '.join(unknown)}: choose of {', '.join(PARTS)}")
    device = utils.get_device()
    if device.type != "cuda" and not TOY:
        parser.error("there is no GPU here: run it where there is one, or try the script with IS_CI=1")
    os.environ["WANDB_MODE"] = "disabled"
    name = t.cuda.get_device_name() if device.type == "cuda" else "no GPU"
    print(f"{name}, PyTorch {t.__version__}")
    t.set_float32_matmul_precision("high")  # as most people train: TF32
    for part in parts:
        PARTS[part]()


if __name__ == "__main__":
    main()
