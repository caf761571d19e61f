import os
import subprocess
import sys

import matplotlib.pyplot as plt
import pytest
import torch as t

import utils
from solutions.markup import ROOT


def test_device_follows_its_setting(monkeypatch):
    monkeypatch.setenv("DEVICE", "cpu")
    assert utils.get_device() == t.device("cpu")
    monkeypatch.delenv("DEVICE")
    assert utils.get_device().type == ("cuda" if t.cuda.is_available() else "cpu")


def test_unknown_and_missing_devices_are_named(monkeypatch):
    monkeypatch.setenv("DEVICE", "gpu")
    with pytest.raises(ValueError, match="DEVICE=gpu is not .*: set it to cpu, cuda or mps, or unset it"):
        utils.get_device()
    monkeypatch.setattr(t.cuda, "is_available", lambda: False)
    monkeypatch.setenv("DEVICE", "cuda")
    with pytest.raises(RuntimeError, match="finds no cuda device here: set DEVICE=cpu, or unset it"):
        utils.get_device()


@pytest.mark.parametrize("num_steps", [1, 5, t.tensor([1, 5]), t.tensor(3), t.tensor([], dtype=t.int64)])
def test_counts_within_the_schedule_pass(num_steps):
    utils.check_num_steps(num_steps, max_steps=5)


@pytest.mark.parametrize("num_steps", [0, 6, -1, t.tensor([1, 6]), t.tensor([0, 5])])
def test_counts_outside_the_schedule_are_refused(num_steps):
    with pytest.raises(ValueError, match="1 to 5"):
        utils.check_num_steps(num_steps, max_steps=5)


def shown_figure(monkeypatch, *args) -> plt.Figure:
    monkeypatch.setattr(utils, "show", lambda: None)
    utils.show_images(*args)
    figure = plt.gcf()
    plt.close(figure)
    return figure


def test_images_stand_in_one_row_under_their_titles(monkeypatch):
    images = [t.rand(3, 4, 5), t.rand(1, 4, 5), t.rand(3, 6, 2, requires_grad=True)]
    axes = shown_figure(monkeypatch, images, ["a", "b", "c"]).axes
    assert [axis.get_title() for axis in axes] == ["a", "b", "c"]
    assert axes[0].images[0].get_array().shape == (4, 5, 3)
    assert t.tensor(axes[0].images[0].get_array()).equal(images[0].permute(1, 2, 0))
    assert len(shown_figure(monkeypatch, images).axes) == 3
    twelve = shown_figure(monkeypatch, t.rand(12, 3, 4, 5))
    assert twelve.axes[0].get_gridspec().get_geometry() == (2, 6)


def test_unfit_images_are_refused_and_leave_no_figure():
    with pytest.raises(ValueError, match="from -1.00 to 0.50: denormalize_img first"):
        utils.show_images([t.tensor([[[-1.0, 0.5]]])])
    with pytest.raises(ValueError, match="2 images but 1 titles"):
        utils.show_images(t.rand(2, 3, 4, 5), ["one"])
    assert not plt.get_fignums()


@pytest.mark.parametrize("value, on", [("1", True), ("true", True), ("0", False), ("", False)])
def test_ci_is_on_unless_it_is_0_or_empty(value, on):
    code = [sys.executable, "-c", "import utils; print(utils.IS_CI)"]
    done = subprocess.run(code, env=os.environ | {"IS_CI": value}, cwd=ROOT, capture_output=True, text=True)
    assert done.stdout == f"{on}\n"


def test_ci_closes_figures_unseen(monkeypatch):
    monkeypatch.setattr(utils, "IS_CI", True)
    monkeypatch.setattr(plt, "show", lambda: pytest.fail("a figure was shown"))
    utils.show_images([t.rand(3, 4, 5)])
    assert not plt.get_fignums()


def test_allclose_says_how_far_apart_tensors_are(capsys):
    utils.allclose(t.ones(2), t.ones(2) + 1e-5)
    assert capsys.readouterr().out == "ok, equal to within 0.0001\n"
    with pytest.raises(AssertionError, match="differ by up to 0.5"):
        utils.allclose(t.ones(2), t.tensor([1, 1.5]))
    with pytest.raises(AssertionError, match=r"shapes differ: \(2,\), expected \(1, 2\)"):
        utils.allclose(t.ones(2), t.ones(1, 2))
