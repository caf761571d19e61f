"""The comparison of samples at equal time, in small: rows are written and kept, and a training that stops goes on."""

import json
import os
import re
import subprocess
import sys

import pytest
import torch as t

from solutions import part3_fashion_mnist as part3
from tools.bench import quality
from tools.markup import ROOT


def bench(folder, *seeds: int) -> tuple[list[dict], str]:
    """The rows of the result file after a call, and what it has printed."""
    settings = ["--seconds", "0.5", "--only", "course", "--results", folder / "quality.json", "--saves", folder]
    command = [sys.executable, "-m", "tools.bench.quality", *map(str, [*settings, "--seeds", *seeds])]
    toy = os.environ | {"IS_CI": "1"}
    done = subprocess.run(command, cwd=ROOT, env=toy, capture_output=True, encoding="utf-8")
    assert not done.returncode, done.stderr
    return json.loads((folder / "quality.json").read_text(encoding="utf-8"))["rows"], done.stdout


@pytest.mark.slow
def test_what_is_judged_is_kept_and_not_done_again(tmp_path):
    [row], _ = bench(tmp_path, 0)
    assert row["setup"] == "course" and row["seed"] == 0 and row["parameters"] == 283_201 and row["threads"] == 1
    assert row["cpu_seconds"] >= 0.5 and row["images"] % 8 == 0 < row["images"] and row["distance"] > 0
    assert (tmp_path / "quality.png").stat().st_size > 1000
    rows, said = bench(tmp_path, 0, 1)
    assert rows[0] == row and [each["seed"] for each in rows] == [0, 1]
    assert "seed1-course" in said and "seed0-course" not in said


@pytest.mark.slow
def test_a_training_that_stops_goes_on_where_it_was(tmp_path, monkeypatch):
    monkeypatch.setenv("DEVICE", "cpu")
    monkeypatch.setattr(part3, "clothes", lambda: t.rand(128, 1, 28, 28) * 2 - 1)
    first = quality.course(1.0, tmp_path / "course.pt")
    first.go_on(0.2)
    again = quality.course(1.0, tmp_path / "course.pt")
    assert 0.2 <= first.spent == again.spent < 1 and 0 < first.saved.step == again.saved.step
    assert again.average.updates == again.saved.step
    for one, other in zip(first.result().parameters(), again.result().parameters(), strict=True):
        assert one.equal(other)
    again.go_on(5)
    assert 1 <= again.spent < 3 and again.saved.step > first.saved.step


def test_the_pages_say_what_was_found():
    rows = json.loads((ROOT / "docs" / "quality.json").read_text(encoding="utf-8"))["rows"]
    assert {row["setup"] for row in rows} == {*quality.SETUPS}
    speed, readme = (
        " ".join((ROOT / page).read_text(encoding="utf-8").split()) for page in ("docs/speed.md", "README.md")
    )
    found = {name: [row for row in rows if row["setup"] == name] for name in quality.SETUPS}
    for name, (first, *_) in found.items():
        distances = ", ".join(f"{row['distance']:.0f}" for row in found[name])
        assert f"| {name} | {first['parameters']:,d} | {first['images']:,d} | {distances} |" in speed
    others = [row["distance"] for row in rows if row["setup"] != "course"]
    for distance in [*(row["distance"] for row in found["course"]), min(others), max(others)]:
        assert re.search(rf"\b{distance:.0f}\b", readme)
    assert {f"{row['seconds']:,.0f}" for row in rows} | {f"{row['n_samples']:,d}" for row in rows} <= {
        *re.findall(r"[\d,]*\d", speed)
    }
