import base64
import copy
import io
import subprocess
import sys
from importlib import import_module
from types import SimpleNamespace

import IPython.display
import matplotlib.pyplot as plt
import PIL.Image
import PIL.ImageSequence
import pytest
import torch as t

import utils
from tools.markup import ROOT


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


def test_random_numbers_go_on_as_if_nothing_had_been_drawn(monkeypatch):
    t.manual_seed(0)
    expected = t.rand(3)
    t.manual_seed(0)
    with utils.fork_rng():
        t.rand(5)
    assert t.rand(3).equal(expected)
    put_aside = []
    monkeypatch.setattr(t.cuda, "is_available", lambda: True)
    monkeypatch.setattr(t.cuda, "current_device", lambda: 1)
    monkeypatch.setattr(t.random, "fork_rng", put_aside.append)
    utils.fork_rng()
    assert put_aside == [[1]]  # of several GPUs, the one in use


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


@pytest.mark.parametrize("count, columns", [(1, 8), (8, 8), (20, 10)])
def test_images_fit_a_notebook_and_each_other(count, columns, monkeypatch):
    images = t.rand(count, 3, 4, 5)
    width, height = shown_figure(monkeypatch, images, None, columns).get_size_inches()
    assert width <= utils.WIDE
    rows = -(-count // columns)
    assert height == pytest.approx(width / (count / rows) * 4 / 5 * rows), "there is room between the rows"
    assert shown_figure(monkeypatch, images, ["a"] * count, columns).get_size_inches()[1] > height, "none for titles"


def test_unfit_images_are_refused_and_leave_no_figure():
    with pytest.raises(ValueError, match="from -1.00 to 0.50: denormalize_img first"):
        utils.show_images([t.tensor([[[-1.0, 0.5]]])])
    with pytest.raises(ValueError, match="2 images but 1 titles"):
        utils.show_images(t.rand(2, 3, 4, 5), ["one"])
    assert not plt.get_fignums()


@pytest.mark.slow
def test_ci_is_on_unless_it_is_0_or_empty():
    code = """
import importlib, os, utils
for value in "1", "true", "0", "":
    os.environ["IS_CI"] = value
    print(importlib.reload(utils).IS_CI)"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, encoding="utf-8")
    assert done.stdout.split() == ["True", "True", "False", "False"]


def test_ci_closes_figures_unseen(monkeypatch):
    monkeypatch.setattr(utils, "IS_CI", True)
    monkeypatch.setattr(plt, "show", lambda: pytest.fail("a figure was shown"))
    utils.show_images([t.rand(3, 4, 5)])
    assert not plt.get_fignums()


@pytest.fixture
def displayed(monkeypatch):
    """What a notebook would show."""
    shown = []
    monkeypatch.setattr(utils, "in_notebook", lambda: True)
    monkeypatch.setattr(IPython.display, "display", lambda what, raw=False: shown.append(what))
    return shown


def test_a_movie_shows_each_image_twice_and_stands_still(displayed):
    images = [t.full((3, 4, 5), i / 10) for i in range(11)]
    utils.show_movie(images, [f"image {i}" for i in range(11)])
    (movie,) = displayed
    assert "image/png" in movie._repr_mimebundle_()[0]
    opened = PIL.Image.open(io.BytesIO(movie.data))
    assert opened.n_frames == 11 and opened.info["loop"] == 2
    times = []
    for i, frame in enumerate(PIL.ImageSequence.Iterator(opened)):
        times.append(frame.info["duration"])
        assert frame.convert("RGB").getpixel((80, 80)) == pytest.approx([25.5 * i] * 3, abs=1)
    assert 2 * sum(times) <= 5000


@pytest.mark.parametrize("n_images", [0, 1, 101])
def test_no_movie_is_endless_or_of_one_image(n_images):
    with pytest.raises(ValueError, match=f"a movie of {n_images} images .*: choose 2 to 100"):
        utils.show_movie(t.rand(n_images, 3, 4, 5), [""] * n_images)


def test_what_is_no_picture_makes_no_movie():
    with pytest.raises(ValueError, match="3 images but 1 titles"):
        utils.show_movie(t.rand(3, 3, 4, 5), ["one"])
    with pytest.raises(ValueError, match="denormalize_img first"):
        utils.show_movie(-t.rand(2, 3, 4, 5), ["one", "two"])


def test_an_image_follows_its_slider(displayed):
    pytest.importorskip("ipywidgets")
    asked = []
    utils.show_slider(lambda n: asked.append(n) or t.full((1, 4, 4), n / 10), "step", 1, 10)
    widgets = import_module("ipywidgets.widgets.widget")._instances
    slider, view = widgets[displayed[0]["application/vnd.jupyter.widget-view+json"]["model_id"]].children
    assert (slider.min, slider.max, slider.value, slider.description) == (1, 10, 1, "step")
    first = view.value
    slider.value = 7
    assert asked == [1, 3, 6, 8, 10, 1, 7] and view.value != first, "five stills, the first one, and the chosen one"
    assert PIL.Image.open(io.BytesIO(view.value)).convert("L").getpixel((80, 80)) == pytest.approx(179, abs=1)
    strip = PIL.Image.open(io.BytesIO(base64.b64decode(displayed[0]["image/png"]))).convert("L")
    assert [strip.getpixel((strip.width * i // 5 + 60, 80)) for i in range(5)] == pytest.approx(
        [25.5, 76.5, 153, 204, 255], abs=1
    )


def test_without_ipywidgets_one_line_says_what_to_do(displayed, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    utils.show_slider(lambda n: t.zeros(1, 4, 4), "step", 1, 10)
    assert "pip install ipywidgets" in capsys.readouterr().out and not displayed


def test_a_slider_shows_what_fails_in_the_cell(displayed):
    with pytest.raises(NotImplementedError):
        utils.show_slider(lambda n: (_ for _ in ()).throw(NotImplementedError), "step", 1, 10)
    with pytest.raises(ValueError, match="denormalize_img first"):
        utils.show_slider(lambda n: t.full((1, 4, 4), -1.0), "step", 1, 10)


def test_nothing_moves_outside_a_notebook(monkeypatch, capsys):
    monkeypatch.setattr(IPython.display, "display", lambda *_: pytest.fail("something was displayed"))
    notebook = SimpleNamespace(kernel=None)
    for shell, ci in [(None, False), (notebook, True), (SimpleNamespace(), False)]:  # a script, CI, IPython's terminal
        monkeypatch.setattr(IPython, "get_ipython", lambda shell=shell: shell)
        monkeypatch.setattr(utils, "IS_CI", ci)
        utils.show_movie(t.rand(2, 3, 4, 5), ["one", "two"])
        utils.show_slider(lambda n: t.zeros(1, 4, 4), "step", 1, 10)
    assert capsys.readouterr().out == ""
    monkeypatch.setattr(IPython, "get_ipython", lambda: notebook)
    monkeypatch.setattr(utils, "IS_CI", False)
    assert utils.in_notebook()


def test_curves_are_told_apart_without_colour(monkeypatch):
    monkeypatch.setattr(utils, "show", lambda: None)
    points = [(1, 1.0), (2, 0.5)]
    monkeypatch.setattr(utils.Run, "latest", SimpleNamespace(curves={"a": points, "b": points, "c": points}))
    utils.show_losses()
    (axis,) = plt.gcf().axes
    plt.close()
    assert len({line.get_linestyle() for line in axis.lines}) == 3
    assert [text.get_text() for text in axis.texts] == ["a", "b", "c"]


def test_labels_stand_at_the_ends_of_lines_and_keep_apart():
    _, axis = plt.subplots()
    for name, end in [("high", 0.51), ("low", 0.5), ("far", 0.9)]:
        axis.plot([0, 1], [0, end], label=name)
    axis.plot([0, 0.5], [0, 0.5], label="short")
    utils.label_lines()
    axis.figure.draw_without_rendering()
    plt.close()
    height = {text.get_text(): text.get_window_extent().y0 for text in axis.texts}
    assert sorted(height, key=height.get) == ["low", "short", "high", "far"], "short stands left of low, as high"
    assert height["high"] - height["low"] == pytest.approx(15) and height["short"] == pytest.approx(height["low"])
    assert [text.get_color() for text in axis.texts][-1] == axis.lines[2].get_color()


def test_allclose_says_how_far_apart_tensors_are(capsys):
    utils.allclose(t.ones(2), t.ones(2) + 1e-5)
    assert capsys.readouterr().out == "ok, equal to within 0.0001\n"
    with pytest.raises(AssertionError, match="differ by up to 0.5"):
        utils.allclose(t.ones(2), t.tensor([1, 1.5]))
    with pytest.raises(AssertionError, match=r"shapes differ: \(2,\), expected \(1, 2\)"):
        utils.allclose(t.ones(2), t.ones(1, 2))


def test_a_grid_holds_every_image_in_its_place():
    images = t.arange(5).reshape(5, 1, 1, 1).expand(5, 1, 4, 3) / 10
    picture = utils.grid(images, columns=3)
    assert picture.size == (2 * 3 * 3, 2 * 2 * 4)
    cells = [picture.getpixel((6 * (n % 3) + 2, 8 * (n // 3) + 3)) for n in range(6)]
    assert cells == [round(25.5 * n) for n in range(5)] + [255]
    assert utils.grid(t.rand(2, 3, 4, 4)).mode == "RGB"


@pytest.mark.parametrize("name", ["WORLD_SIZE", "RANK", "LOCAL_RANK"])
def test_a_process_of_a_cluster_trains_alone_unless_it_is_told_to_join(name, monkeypatch):
    monkeypatch.setenv(name, "1")
    assert utils.rank() == 0 and not t.distributed.is_initialized()


def test_a_bar_counts_how_often_a_model_and_its_copies_are_called(monkeypatch, capsys):
    monkeypatch.setattr(utils, "IS_CI", False)
    model = t.nn.Linear(1, 1)
    with utils.show_steps(model, 3):
        for each in (model, model, copy.deepcopy(model)):
            each(t.zeros(1))
    assert "3/3" in capsys.readouterr().err and not model._forward_hooks


def test_all_cores_are_given_back(monkeypatch):
    before = t.get_num_threads()
    monkeypatch.setattr(utils, "CORES", before + 1)
    with pytest.raises(KeyboardInterrupt), utils.all_cores():
        assert t.get_num_threads() == before + 1
        raise KeyboardInterrupt
    assert t.get_num_threads() == before
