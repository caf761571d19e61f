"""What a benchmark is made of: works that take turns, and rows that say how they compare."""

import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from math import nan
from pathlib import Path
from typing import NamedTuple

import torch as t

ROOT = Path(__file__).resolve().parents[2]
ROUNDS = 9
THREADS = 1


class Row(NamedTuple):
    """One line of the table. values: one a round   target: the most the median may be, or, at_least, the least"""

    what: str
    against: str
    values: list[float]
    target: float = nan
    at_least: bool = False

    def __str__(self) -> str:
        low, middle, high = quartiles(self.values)
        holds = middle >= self.target if self.at_least else middle <= self.target
        target = f"{'≥' if self.at_least else '≤'} {self.target:g} {'✓' if holds else '✗'}" if self.target > 0 else ""
        spread = f" ({low:.2f} to {high:.2f})" if low < high else ""
        return f"| {self.what} | {self.against} | {middle:.2f}{spread} | {target} |"


def quartiles(values: list[float]) -> list[float]:
    return statistics.quantiles(values, n=4) if len(values) > 1 else values * 3


def side_by_side(rounds: int = ROUNDS, **works: Callable) -> dict[str, list[float]]:
    """Seconds of each work in each round. A work that returns a number has measured itself."""
    for work in works.values():
        work()  # the first time is slower
    seconds: dict[str, list[float]] = {name: [] for name in works}
    for i in range(rounds):
        for name in list(works)[:: 1 if i % 2 else -1]:
            begin = time.perf_counter()
            measured = works[name]()
            seconds[name].append(measured if isinstance(measured, float) else time.perf_counter() - begin)
    return seconds


def ratio(seconds: dict[str, list[float]], one: str, other: str) -> list[float]:
    return [a / b for a, b in zip(seconds[one], seconds[other], strict=True)]


def python(*arguments: str) -> str:
    """What a process of its own prints."""
    return subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, check=True, stdout=subprocess.PIPE, encoding="utf-8"
    ).stdout


def slope(x: Sequence[float], y: tuple[float, ...]) -> float:
    """Of the straight line through log x and log y."""
    return statistics.linear_regression(t.tensor(x).double().log().tolist(), t.tensor(y).double().log().tolist()).slope


def processor() -> str:
    """The processor's name, as Linux tells it, or the platform's."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.processor())
