"""The benchmarks measure what they say they do. No test asserts a time: machines differ."""

import os
import re
import subprocess
import sys
import time

import pytest
import torch as t
from pytest import approx

import utils
from tools.bench import __main__ as bench
from tools.bench import cpu, measure
from tools.markup import ROOT


def test_works_take_turns_in_both_orders_after_a_first_time_that_does_not_count():
    done = []
    seconds = measure.side_by_side(4, one=lambda: done.append("one"), other=lambda: done.append("other"))
    forth, back = ["one", "other"], ["other", "one"]
    assert done == forth + (back + forth) * 2
    assert [*map(len, seconds.values())] == [4, 4]


def test_a_ratio_is_that_of_one_round():
    clock = iter([9.0, 1.0, 2.0, 10.0, 20.0])  # a machine that becomes ten times slower
    seconds = measure.side_by_side(2, half=lambda: next(clock), whole=lambda: time.sleep(0))
    assert seconds["half"] == [1.0, 2.0]
    assert measure.ratio({"a": [1.0, 10.0], "b": [2.0, 20.0]}, "a", "b") == [0.5, 0.5]


@pytest.mark.parametrize(
    "target, at_least, said",
    [(1.35, False, "≤ 1.35 ✓"), (1.2, False, "≤ 1.2 ✗"), (1.2, True, "≥ 1.2 ✓"), (1.35, True, "≥ 1.35 ✗")],
)
def test_a_row_says_whether_its_median_holds(target, at_least, said):
    row = str(measure.Row("what", "against", [1.0, 1.3, 1.3, 1.3, 9.0], target, at_least))
    assert row == f"| what | against | 1.30 (1.15 to 5.15) | {said} |"


@pytest.mark.slow
def test_the_convolutions_alone_are_all_convolutions_forward_and_backward():
    from torch.profiler import ProfilerActivity, profile

    def seen(run) -> dict[str, int]:
        with profile(activities=[ProfilerActivity.CPU]) as it:
            run()
        return {row.key: row.count for row in it.key_averages() if row.key in kinds}

    kinds = ("aten::convolution", "aten::convolution_backward", "aten::native_group_norm")
    settings = cpu.part2.UNetConfig((1, 8, 8), 8, (1, 2), groups=4, max_steps=1000)
    network, images = cpu.part2.UNet(settings), t.randn(2, 1, 8, 8)
    whole = seen(cpu.training_step(network, images))
    alone = seen(cpu.convolutions_alone(network, images))
    assert alone == {key: whole[key] for key in kinds[:2]} and whole[kinds[2]]


def test_a_power_is_found_from_times():
    assert measure.slope([1, 2, 4, 8], (3.0, 12.0, 48.0, 192.0)) == approx(2)


def test_the_page_shows_a_run_with_date_and_machine_and_no_number_from_elsewhere():
    before, rest = bench.SPEED.read_text(encoding="utf-8").split(bench.BEGIN)
    table, after = rest.split(bench.END)
    assert re.match(r"Measured \d{4}-\d\d-\d\d, .+, \d+ cores, 1 thread, PyTorch [\d.]+", table)
    rows = [line.strip("| ").split(" | ") for line in table.splitlines() if line.startswith("| ")]
    assert len({(what, against) for what, against, *_ in rows}) == len(rows), "two rows bear the same name"
    assert set(re.findall(r"\d+\.\d+", before + after)) <= set(re.findall(r"\d+\.\d+", table))


@pytest.mark.slow
@pytest.mark.parametrize("rows", [["sample"], ["checks"]])
def test_rows_are_printed_and_written(rows, tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "tools.bench", *rows, "--table", tmp_path / "bench.md"],
        cwd=ROOT, capture_output=True, encoding="utf-8",
    )  # fmt: skip
    assert not done.returncode, done.stderr
    assert done.stdout == (tmp_path / "bench.md").read_text(encoding="utf-8")
    assert len(done.stdout.splitlines()) >= 6


@pytest.mark.slow
def test_the_rows_for_a_gpu_run_at_toy_size(tmp_path):
    command = [sys.executable, "-m", "tools.bench", *bench.gpu.ROWS, "--table", tmp_path / "bench.md"]
    done = subprocess.run(command, cwd=ROOT, env=os.environ | {"IS_CI": "1"}, capture_output=True, encoding="utf-8")
    assert not done.returncode, done.stderr
    for words in ("a large matrix product", "bfloat16", "steps of training", "Algorithm 2", "distance"):
        assert words in done.stdout


def test_rows_for_a_gpu_are_left_out_where_there_is_none(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["bench", *bench.gpu.ROWS, "--table", str(tmp_path / "bench.md")])
    monkeypatch.setattr(t.cuda, "is_available", lambda: False)
    monkeypatch.setattr(utils, "IS_CI", False)
    bench.main()
    out, err = capsys.readouterr()
    assert out == (tmp_path / "bench.md").read_text(encoding="utf-8") and len(out.splitlines()) == 4
    assert err.count("asks for CUDA") == len(bench.gpu.ROWS)
