"""Part 3 in small: the data and what can be wrong with it, trainings that stop and go on, several processes."""

import gzip
import hashlib
import json
import os
import re
import subprocess
import sys
import time
from functools import cache
from pathlib import Path

import matplotlib.pyplot as plt
import nbformat
import pytest
import torch as t
from torch import nn

import utils
from solutions import part1_diffusion as part1
from solutions import part3_fashion_mnist as part3
from tools.markup import ROOT

# ------------------------------------------------------------------------------------------------ the data


@pytest.fixture
def small(tmp_path, monkeypatch) -> Path:
    """A folder with four small files in FashionMNIST's form, whose sums the course is told."""
    folder, sums = tmp_path / "data" / "fashion-mnist", {}
    folder.mkdir(parents=True)
    for name in utils.MD5:
        header, rows = (16, 2 * 784) if "images" in name else (8, 2)
        content = gzip.compress(bytes(header) + bytes(i % 251 for i in range(rows)), mtime=0)
        (folder / name).write_bytes(content)
        sums[name] = hashlib.md5(content).hexdigest()
    monkeypatch.setattr(utils, "MD5", sums)
    monkeypatch.setattr(utils, "DATA", folder)
    return folder


def test_files_are_read_as_they_are(small):
    images, labels = utils.fashion_mnist()
    assert images.shape == (2, 1, 28, 28) and images.dtype == t.uint8 and images.flatten()[:300].tolist()[250] == 250
    assert labels.tolist() == [0, 1] and labels.dtype == t.int64


REMEDY = re.escape(f"git checkout -- {Path('data', 'fashion-mnist')}")


def test_a_missing_file_is_named(small):
    (small / "t10k-labels-idx1-ubyte.gz").unlink()
    utils.fashion_mnist()
    with pytest.raises(FileNotFoundError, match=rf"t10k-labels-idx1-ubyte\.gz is missing: .*{REMEDY}"):
        utils.fashion_mnist(train=False)


@pytest.mark.parametrize("spoil", [lambda b: b[:-5], lambda b: b"", lambda b: b[:20] + b"x" + b[21:]])
def test_a_file_that_is_cut_short_or_changed_is_refused(small, spoil):
    path = small / "train-images-idx3-ubyte.gz"
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(ValueError, match=rf"train-images-idx3-ubyte\.gz is not the published file.*{REMEDY}"):
        utils.fashion_mnist()


def test_under_ci_the_first_few_of_the_real_images_come(monkeypatch):
    (images, labels), (test_images, _) = utils.fashion_mnist(), utils.fashion_mnist(train=False)
    monkeypatch.setattr(utils, "IS_CI", True)
    few, few_labels = utils.fashion_mnist()
    assert len(few) == 400 and few.equal(images[:400]) and few_labels.equal(labels[:400])
    assert utils.fashion_mnist(train=False)[0].equal(test_images[:200])


def test_the_real_files_are_whole():
    for train, n in [(True, 60_000), (False, 10_000)]:
        images, labels = utils.fashion_mnist(train)
        assert images.shape == (n, 1, 28, 28) and labels.bincount().tolist() == [n // 10] * 10
    assert 72 < utils.fashion_mnist()[0].float().mean() < 74


# ------------------------------------------------------------------------------------------------ a long training


def config(**settings) -> dict:
    default = dict(lr=0.01, warmup=3, n_steps=24, batch_size=8, decay=0.9, max_steps=20, bf16=False, device="cpu")
    return default | dict(img_log_interval=1000, n_images_to_log=2) | settings


class Small(nn.Module):
    """A network that learns fast enough for a test."""

    img_shape = (1, 4, 4)

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(17, 32), nn.SiLU(), nn.Linear(32, 16))

    def forward(self, images: t.Tensor, num_steps: t.Tensor) -> t.Tensor:
        return self.layers(t.cat([images.flatten(1), num_steps[:, None] / 20], dim=1)).reshape(images.shape)


def small_model() -> part3.VelocityGuesser:
    t.manual_seed(0)
    return part3.VelocityGuesser(Small(), part1.NoiseSchedule(20, "cpu", part3.cosine_schedule(20)))


@cache
def small_images() -> t.Tensor:
    return t.rand(50, 1, 4, 4, generator=t.Generator().manual_seed(0)) * 2 - 1


@pytest.fixture
def every_loss(monkeypatch):
    """All losses are kept, and every step is saved."""
    monkeypatch.setattr(utils.Run, "EVERY", 1)
    monkeypatch.setattr(utils.Saved, "SECONDS", 0)


def losses() -> dict[int, float]:
    return dict(utils.Run.latest.curves["train_loss"])


class Killed(BaseException):
    """What ends a kernel at once: no code of ours sees it."""


def stop_at(step: int, error: type, monkeypatch) -> None:
    after = utils.Saved.after

    def stop(self, done):
        after(self, done)
        if done == step:
            raise error

    monkeypatch.setattr(utils.Saved, "after", stop)


@pytest.mark.slow
def test_a_killed_training_goes_on_as_if_nothing_had_happened(every_loss, tmp_path, monkeypatch, capsys):
    path = tmp_path / "saves" / "model.pt"
    whole = part3.train_longer(small_model(), config(), small_images())
    expected = losses()
    with monkeypatch.context() as patch:
        stop_at(10, Killed, patch)
        with pytest.raises(Killed):
            part3.train_longer(small_model(), config(), small_images(), path)
    assert losses() == {step: expected[step] for step in range(1, 11)}
    t.manual_seed(99)  # a new kernel knows nothing of the old one's random numbers
    resumed = part3.train_longer(small_model(), config(), small_images(), path)
    assert f"Going on from step 10, saved in {path}" in capsys.readouterr().out
    assert losses() == {step: expected[step] for step in range(11, 25)}
    assert all(a.equal(b) for a, b in zip(whole.state_dict().values(), resumed.state_dict().values(), strict=True))
    assert list(path.parent.iterdir()) == [path]


def test_a_finished_training_is_taken_from_its_save(every_loss, tmp_path):
    first = part3.train_longer(small_model(), config(), small_images(), tmp_path / "model.pt")
    again = part3.train_longer(small_model(), config(), small_images(), tmp_path / "model.pt")
    assert not utils.Run.latest.curves
    assert all(a.equal(b) for a, b in zip(first.state_dict().values(), again.state_dict().values(), strict=True))


def test_a_folder_that_cannot_be_written_is_told_before_the_training(tmp_path):
    (tmp_path / "saves").write_text("a file in the way", encoding="utf-8")
    with pytest.raises(PermissionError, match="saves cannot be written.*set SAVES_DIR"):
        utils.Saved(tmp_path / "saves" / "model.pt", {})


def test_two_processes_save_the_same_training_side_by_side(tmp_path, monkeypatch):
    saved = utils.Saved(tmp_path / "model.pt", {}, network=nn.Linear(1, 1))
    save, written = t.save, []

    def meanwhile(state, path):
        """While this one is written, another process writes its own, whole."""
        save(state, path)
        written.append(path)
        if len(written) == 1:
            monkeypatch.setattr(os, "getpid", lambda: 1)
            saved.save()

    monkeypatch.setattr(t, "save", meanwhile)
    saved.save()
    assert len(set(written)) == 2 and utils.Saved(tmp_path / "model.pt", {}, network=nn.Linear(1, 1)).path.exists()


def test_an_interrupt_returns_the_model_so_far_and_saves_it(every_loss, tmp_path, monkeypatch, capsys):
    with monkeypatch.context() as patch:
        stop_at(7, KeyboardInterrupt, patch)
        model = part3.train_longer(small_model(), config(), small_images(), tmp_path / "model.pt")
    assert "Interrupted after 7 steps" in capsys.readouterr().out
    assert part3.ddim_sample(model, 2, 5).shape == (2, 1, 4, 4)
    part3.train_longer(small_model(), config(), small_images(), tmp_path / "model.pt")
    assert "Going on from step 7" in capsys.readouterr().out


def test_a_save_that_fails_is_told_and_leaves_the_old_one(every_loss, tmp_path, monkeypatch, capsys):
    path = tmp_path / "model.pt"
    part3.train_longer(small_model(), config(), small_images(), path)
    before = path.read_bytes()

    def half(state, new):
        Path(new).write_bytes(b"half")
        raise OSError("the disk is full")

    monkeypatch.setattr(t, "save", half)
    utils.Saved(path, config() | {"guesser": "VelocityGuesser"}, network=small_model().network).save()
    assert "is not saved now" in (told := capsys.readouterr().out) and "the disk is full" in told
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]


def test_a_save_of_another_training_is_not_touched(tmp_path):
    path = tmp_path / "model.pt"
    part3.train_longer(small_model(), config(), small_images(), path)
    before = path.read_bytes()
    with pytest.raises(ValueError, match=r"holds a training with lr = 0\.01, now it is 0\.5: move that file away"):
        part3.train_longer(small_model(), config(lr=0.5), small_images(), path)
    of_noise = part3.NoiseGuesser(Small(), small_model().noise_schedule)
    with pytest.raises(ValueError, match="with guesser = VelocityGuesser, now it is NoiseGuesser: move that file away"):
        part3.train_longer(of_noise, config(), small_images(), path)
    assert path.read_bytes() == before
    path.write_bytes(b"no save at all")
    with pytest.raises(ValueError, match="cannot be read as a saved training: move it away"):
        part3.train_longer(small_model(), config(), small_images(), path)
    assert path.read_bytes() == b"no save at all"


def test_a_save_runs_no_code_of_its_own(tmp_path):
    class Evil:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "was here",))

    t.save({"config": {}, "parts": Evil()}, tmp_path / "model.pt")
    with pytest.raises(ValueError, match="cannot be read"):
        part3.train_longer(small_model(), config(), small_images(), tmp_path / "model.pt")
    assert not (tmp_path / "was here").exists()


def test_the_orders_go_on_where_they_were_and_leave_nothing_out():
    steps = dict(part3.minibatches(50, 8, 0, 18))
    assert list(steps) == list(range(1, 19)) and dict(part3.minibatches(50, 8, 7, 18)).keys() == {*range(8, 19)}
    assert all(rows.equal(steps[step]) for step, rows in part3.minibatches(50, 8, 7, 18))
    epochs = [t.cat([steps[6 * n + i] for i in range(1, 7)]) for n in range(3)]
    assert all(len(rows.unique()) == 48 for rows in epochs) and not epochs[0].equal(epochs[1])
    with pytest.raises(ValueError, match="5 images do not fill a minibatch of 8"):
        list(part3.minibatches(5, 8, 0, 3))


def test_what_is_watched_does_not_change_the_training(every_loss):
    part3.train_longer(small_model(), config(), small_images())
    alone = losses()
    part3.train_longer(small_model(), config(img_log_interval=5), small_images())
    assert losses() == alone and len(utils.Run.latest.pictures) == 1


DRIVER = """
import json, sys
import torch as t
sys.path.insert(0, sys.argv[1])
import utils
from tests.test_part3 import config, small_images, small_model
from solutions import part3_fashion_mnist as part3
utils.Run.EVERY = 1
model = small_model()
with part3.together() as share:
    share(model.network)
    part3.train_longer(model, config(img_log_interval=5), small_images())
    if utils.rank() == 0:
        print(json.dumps(utils.Run.latest.curves["train_loss"]), flush=True)
"""


def torchrun(processes: int, *command: object, **environment: str) -> str:
    run = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}", *command]
    settings = os.environ | {"IS_CI": "1", "DEVICE": "cpu", "OMP_NUM_THREADS": "1"} | environment
    done = subprocess.run([*map(str, run)], env=settings, capture_output=True, encoding="utf-8")
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_two_processes_train_as_one_does(every_loss, tmp_path):
    (tmp_path / "driver.py").write_text(DRIVER, encoding="utf-8")
    part3.train_longer(small_model(), config(), small_images())
    one, two = list(losses().items()), json.loads(torchrun(2, tmp_path / "driver.py", ROOT))
    assert [step for step, _ in one] == [step for step, _ in two] == list(range(1, 25))
    assert t.tensor(one).allclose(t.tensor(two), atol=1e-5)


@pytest.mark.slow
def test_the_script_trains_with_several_processes_and_saves_once(tmp_path):
    command = re.search(r'--no-python python (-c) "(.+)"', part3.train_together.__doc__)
    torchrun(2, "--no-python", sys.executable, *command.groups(), PYTHONPATH=str(ROOT), SAVES_DIR=str(tmp_path))
    saved = t.load(tmp_path / "together.pt", weights_only=True)
    assert saved["step"] == 6 and [path.name for path in tmp_path.iterdir()] == ["together.pt"]


# ------------------------------------------------------------------------------------------------ what is shipped


def test_what_is_shipped_is_small_and_holds_no_code():
    for path in utils.ASSETS.glob("*.pt"):
        assert path.stat().st_size < 2_000_000
        assert t.load(path, weights_only=True)


def test_the_shipped_features_are_those_of_the_test_images():
    shipped, some = part3.features_of_test_images(), t.arange(0, 10_000, 100)
    step = t.load(utils.ASSETS / "test_features.pt", weights_only=True)["step"]
    assert shipped.shape == (10_000, 64) and shipped.dtype == t.float32 and step.max() < 0.1
    gap = (part3.features_of(part3.clothes(train=False)[some]) - shipped[some]).abs()
    assert (gap <= 0.51 * step + 1e-3).all(), "rounded to 256 levels, and no more"


@pytest.mark.slow
def test_8_bits_a_feature_change_no_distance():
    whole = part3.features_of(part3.clothes(train=False))
    assert part3.distance_of(whole) < 0.02
    drawn = part3.clothes_samples()[1]
    assert part3.distance_of(drawn) == pytest.approx(part3.frechet_distance(drawn, whole), abs=0.05)


@pytest.mark.slow
def test_the_classifier_is_as_good_as_the_text_says():
    images, labels = utils.fashion_mnist(train=False)
    found = part3.classes_of(part1.normalize_img(images / 255))
    assert round(100 * (found == labels).float().mean().item()) == 93  # as the text says


@pytest.mark.slow
def test_the_data_are_as_the_text_says():
    assert round(part3.clothes().mean().item(), 2) == -0.43 and round(part3.clothes().std().item(), 2) == 0.71
    assert (part3.clothes() == -1).float().mean().item() == pytest.approx(0.5, abs=0.01)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_the_distance_sees_damage_as_the_text_says():
    far = {name: part3.distance_of(features) for name, features in part3.features_of_damaged().items()}
    assert far["as they are"] < 2 and far["all black"] > 700 and far["noise alone"] > 700
    expected = {"some noise": 53, "noise": 173, "blurred": 139, "one class missing": 61, "100, repeated": 43}
    assert {name: far[name] for name in expected} == pytest.approx(expected, rel=0.05)
    sizes = dict(part3.measure_sizes([100, 2000]))
    assert sizes[100] == pytest.approx(43, rel=0.05) and sizes[2000] < 2


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_the_shipped_model_draws_clothes_as_the_text_says():
    """2,000 samples in 50 steps are much nearer to the test images than training images with noise of std 0.1."""
    images, features = part3.clothes_samples()
    shares, noised = part3.class_shares(features), part3.features_of_damaged()["noise"]
    far = part3.distance_of(features)
    assert images.shape == (64, 1, 28, 28) and features.shape == (2000, 64)
    assert far == pytest.approx(34, rel=0.05) and far < 0.3 * part3.distance_of(noised)
    assert shares.min() == shares[utils.CLASSES.index("sandal")] and 1 / 20 < shares.min() < 1 / 18
    model = part3.shipped_model()
    t.manual_seed(0)  # as draw_many begins
    drawn = part3.features_of(part3.ddim_sample(model, 250, n_steps=50))
    same = t.corrcoef(t.stack([drawn.flatten(), features[:250].flatten()]))[0, 1]
    assert same > 0.9, "the shipped samples are not those of the shipped model"


@pytest.mark.slow
def test_mistakes_in_sampling_show_as_the_text_says():
    """Neighbouring pixels of a good sample are much alike. Fresh noise on the way mends a wrong start."""

    def roughness(images: t.Tensor) -> float:
        return (images.diff(dim=-1).abs().mean() + images.diff(dim=-2).abs().mean()).item()

    model = part3.shipped_model()
    t.manual_seed(2)
    start = t.randn(8, *model.img_shape, device=model.noise_schedule.device)
    rows = part3.symptoms(model, start)
    rough = {name: roughness(images) for name, images in rows.items()}
    assert max(rough["all is well"], rough["well, η = 0"]) < 0.4 * min(
        rough[name] for name in ("labyrinths", "noise", "white pixels")
    )
    assert rough["half made"] > 1.1 * rough["well, η = 0"] and rows["one class"].std(dim=0).max() == 0
    with t.no_grad():
        mended = [part3.ddim_sample(model, 8, 50, 1.0, x) for x in (1.5 * start, start[:1].expand_as(start))]
    assert roughness(mended[0]) < 1.2 * rough["all is well"] and mended[1].std(dim=0).mean() > 0.2


def test_the_stored_curves_and_samplers_are_those_of_the_text():
    measured = json.loads((utils.ASSETS / "clothes.json").read_text(encoding="utf-8"))["measured"]
    assert [(row["images"], round(row["distance"])) for row in (measured[0], measured[-1])] == [
        (128_000, 61),
        (512_000, 27),
    ]
    far = json.loads((utils.ASSETS / "samplers.json").read_text(encoding="utf-8"))
    assert all(len(runs) == 3 for runs in far.values())
    mean = {name: round(sum(runs) / 3) for name, runs in far.items()}
    assert [mean[f"{n} steps, η = 1"] for n in (50, 25, 10)] == [33, 44, 87]
    assert mean["10 steps, η = 0"] == 70 and mean["10 steps, η = 0, looking ahead"] == 51
    assert [mean[f"25 steps, η = {eta}, looking ahead"] for eta in (1, 0)] == [26, 38]
    spread = {name: (round(min(runs)), round(max(runs))) for name, runs in far.items()}
    assert spread["25 steps, η = 1"] == (41, 47) and spread["10 steps, η = 1"] == (80, 92)
    assert max(far["25 steps, η = 1, looking ahead"]) < min(far["50 steps, η = 1"]), "half the calls, and better"


def test_the_stored_ablation_is_that_of_the_text():
    rows = json.loads((utils.ASSETS / "ablation.json").read_text(encoding="utf-8"))["rows"]
    assert [row["recipe"] for row in rows] == list(part3.RECIPES)
    said = [[195], [94, 199], [124, 134], [100, 88], [104, 101], [86, 78], [65, 67], [58, 56]]
    assert [row["distances"] for row in rows] == [pytest.approx(runs, abs=0.6) for runs in said]
    on_gpu = [[156, 143], [194], [117], [87], [96], [75], [60], [48]]
    assert [row["distances_on_gpu"] for row in rows] == [pytest.approx(runs, abs=0.6) for runs in on_gpu]
    assert [row["largest_number_if_not_clipped"] for row in rows[1:3]] == [23.6, 1.2]
    images = [round(row["images"], -3) for row in rows]
    assert (min(images[:5]), max(images[:5]), images[5:]) == (131_000, 151_000, [188_000, 171_000, 171_000])
    pictures = t.load(utils.ASSETS / "ablation.pt", weights_only=True)
    assert len(pictures) == 9 and all(images.shape == (10, 1, 28, 28) for images in pictures.values())


def test_three_seconds_of_training_came_out_as_the_text_says():
    cells = nbformat.read(ROOT / "solutions" / "part3_fashion_mnist.ipynb", 4).cells
    (cell,) = [cell for cell in cells if "seconds=0.2 if IS_CI else 3" in cell.source and cell.cell_type == "code"]
    printed = "".join(output.get("text", "") for output in cell.outputs)
    distances = [float(number) for number in re.findall(r"distance +([\d.]+)", printed)]
    assert distances == pytest.approx([550, 550], rel=0.15)


def test_a_recipe_does_without_bfloat16_where_it_is_slow(monkeypatch):
    monkeypatch.setattr(part3, "computes_bf16_fast", lambda device: False)
    assert not any(part3.recipe(name)["bf16"] for name in part3.RECIPES)


def test_small_steps_are_lost_in_bfloat16_as_the_text_says():
    ends = {}
    for number in (t.float32, t.bfloat16):
        weight = t.tensor(0.5, dtype=number)
        for _ in range(1000):
            weight += 0.0005
        ends[number] = round(weight.item(), 3)
    assert ends == {t.float32: 1.0, t.bfloat16: 0.5} and t.finfo(t.bfloat16).eps / 2 == 1 / 256


def test_a_training_fits_its_time():
    def step() -> None:
        begin = time.process_time()
        while time.process_time() < begin + 0.01:
            pass

    assert part3.steps_within(1, step) == pytest.approx(100, rel=0.1)
    assert part3.steps_within(0.001, step) == 2


def test_a_recipe_has_the_changes_up_to_its_own(monkeypatch):
    monkeypatch.setattr(part3, "computes_bf16_fast", lambda device: True)
    assert part3.recipe("as in Part 1")["decay"] == 0 and part3.recipe("+ v-prediction")["decay"] == 0
    whole, last = part3.recipe("+ bfloat16"), part3.recipe("all, but not v")
    assert whole | {"guesser": part3.NoiseGuesser} == last and whole["guesser"] is part3.VelocityGuesser
    with pytest.raises(KeyError, match="choose one of as in Part 1, "):
        part3.recipe("+ magic")


def test_a_guesser_of_noise_learns_the_noise_and_guesses_it():
    model = part3.NoiseGuesser(Small(), part1.NoiseSchedule(20, "cpu", part3.cosine_schedule(20)))
    x0, noise, counts = t.randn(3, 1, 4, 4), t.randn(3, 1, 4, 4), t.tensor([1, 7, 20])
    assert model.target(x0, noise, counts).equal(noise)
    assert model(x0, counts).equal(model.network(x0, counts))


def test_an_error_of_v_never_grows_in_the_guessed_image():
    """The figure after 3.3: for noise the error passes 1 near step 940 and ends above 1000, for v it stays at 0.1."""
    alpha_bar = part1.NoiseSchedule(1000, "cpu", part3.cosine_schedule(1000)).alpha_bar(t.arange(1, 1001))
    of_noise, of_v = 0.1 * ((1 - alpha_bar) / alpha_bar).sqrt(), 0.1 * (1 - alpha_bar).sqrt()
    assert 930 < (of_noise > 1).nonzero()[0] < 945 and of_noise[-1] > 1000 and of_v.max() <= 0.1


def test_between_steps_5_and_minus_5_the_cosine_stays_longest():
    """The figure after 3.2: the logarithm of signal to noise."""
    for betas, steps in [(part1.linear_schedule(1000), 681), (part3.cosine_schedule(1000), 902)]:
        alpha_bar = (1 - betas).cumprod(0)
        logs = (alpha_bar / (1 - alpha_bar)).log()
        assert (logs.abs() <= 5).sum() == steps
    assert logs[499].abs() < 0.1 and -21 < logs[-1] < -19 and 9 < logs[0] < 11


def test_the_loss_of_v_is_that_of_the_noise_divided_by_alpha_bar():
    x0, noise = t.randn(2, 1, 4, 4), t.randn(2, 1, 4, 4)
    counts, schedule = t.tensor([500, 900]), part1.NoiseSchedule(1000, "cpu", part3.cosine_schedule(1000))
    alpha_bar = schedule.alpha_bar(counts).reshape(2, 1, 1, 1)
    noised = alpha_bar.sqrt() * x0 + (1 - alpha_bar).sqrt() * noise
    guess = noise + 0.1 * t.randn_like(noise)
    image = (noised - (1 - alpha_bar).sqrt() * guess) / alpha_bar.sqrt()
    v = part3.VelocityGuesser(Small(), schedule)
    ratios = (v.target(image, guess, counts) - v.target(x0, noise, counts)) ** 2 / (guess - noise) ** 2
    assert ratios.allclose((1 / alpha_bar).expand_as(ratios), rtol=0.01)
    assert 1.9 < ratios[0].mean() < 2.1 and 38 < ratios[1].mean() < 42


def test_a_step_of_ddim_is_the_posterior_of_a_long_step():
    """Equations 6 and 7 of the DDPM paper, with the beta of all the steps from n to m."""

    class Still(nn.Module):
        img_shape, noise_schedule = (1, 100, 100), part1.NoiseSchedule(20, "cpu", part3.cosine_schedule(20))

        def forward(self, images: t.Tensor, num_steps: t.Tensor) -> t.Tensor:
            return t.full_like(images, 0.5)

    model, x = Still(), t.full((9, 1, 100, 100), 0.6)
    way = part3.ddim_sample(model, 9, n_steps=2, start=x, return_all_steps=True)
    a, b = (model.noise_schedule.alpha_bar(n).item() for n in (20, 10))
    x0, beta = min((0.6 - (1 - a) ** 0.5 * 0.5) / a**0.5, 1), 1 - a / b
    mean = (b**0.5 * beta * x0 + (1 - beta) ** 0.5 * (1 - b) * 0.6) / (1 - a)
    assert way[1].mean().item() == pytest.approx(mean, abs=0.01)
    assert way[1].var().item() == pytest.approx((1 - b) / (1 - a) * beta, rel=0.02)


@pytest.mark.slow
def test_a_jump_is_nearer_than_samples_as_the_text_says():
    def errors(images: t.Tensor, n: int, n_samples: int) -> tuple[float, float, t.Tensor]:
        t.manual_seed(0)
        _, jumps, samples = part3.jump_or_sample(model, images, n, n_samples)
        truth = images.repeat(n_samples, 1, 1, 1)
        farther = [(jumps - images).square().mean(), (samples - truth).square().mean()]
        return farther[0].item(), farther[1].item(), samples

    model, images = part3.shipped_model(), part3.clothes(train=False)
    assert utils.CLASSES[utils.fashion_mnist(train=False)[1][9]] == "sneaker"
    for n in (900, 800, 700, 500, 300):
        of_jump, of_samples, samples = errors(images[9:10], n, 5)
        assert of_jump < of_samples
        shoes = [utils.CLASSES[found] in ("sneaker", "boot", "sandal") for found in part3.classes_of(samples)]
        assert shoes == ([False] + 4 * [True] if n == 900 else 5 * [True])
    for n in (900, 500, 300):
        of_jump, of_samples, _ = errors(images[:50], n, 1)
        assert of_samples / of_jump == pytest.approx(1.6, abs=0.1)


def test_the_table_of_distances_holds_what_was_measured():
    """One recipe, several numbers."""

    def stored(name: str) -> dict:
        return json.loads((utils.ASSETS / name).read_text(encoding="utf-8"))

    text = (ROOT / "solutions" / "part3_fashion_mnist.py").read_text(encoding="utf-8")
    table = text.split("| training | images seen |")[1].split("# (The last two")[0]
    rows = [line.strip("# |\n").split(" | ") for line in table.splitlines()[2:] if "|" in line]
    said = [tuple(row[-4:]) for row in rows if len(row) >= 4]
    last, samplers = stored("ablation.json")["rows"][-1], stored("samplers.json")
    runs = " and ".join(f"{far:.0f}" for far in last["distances"])
    expected = [(f"{last['images']:,d}", "2,000", "50 steps", runs)]
    expected.append((f"{last['images']:,d}", "2,000", "50 steps, on a GPU", f"{last['distances_on_gpu'][0]:.0f}"))
    for row in stored("clothes.json")["measured"]:
        expected.append((f"{row['images']:,d}", "2,000", "100 steps, on a GPU", f"{row['distance']:.0f}"))
    expected.append(("512,000", "2,000", "50 steps", f"{samplers['50 steps, η = 1'][0]:.0f}"))
    assert said[: len(expected)] == expected
    assert f"| 2,000 | 25 steps | {samplers['25 steps, η = 1'][0]:.0f} |" in table
    speed = (ROOT / "docs" / "speed.md").read_text(encoding="utf-8")
    assert "on 2 cores (311,936 images) | Fréchet distance from the test images | 44.5" in speed and "| 45 |" in table
    ten_minutes = stored("ten_minutes.json")
    assert f"{ten_minutes['images']:,d}" == "311,936"
    for way, distances in ten_minutes["distances"].items():
        one, two, three = (f"{far:.0f}" for far in distances)
        assert f"| {way} | {one}, {two} and {three} |" in table and f"| {way} | {one}, {two} and {three} |" in speed
    assert "| course | 283,201 | 369,216 | 49, 55 |" in speed and "| 49 and 55 |" in table


def test_the_rows_of_symptoms_are_those_that_the_letters_name():
    schedule = part1.NoiseSchedule(20, "cpu", part3.cosine_schedule(20))
    rows = part3.symptoms(part3.NoiseGuesser(Small(), schedule), t.randn(2, 1, 4, 4))
    names = ["all is well", "labyrinths", "noise", "well, η = 0", "half made", "one class", "white pixels"]
    assert list(rows) == names, "A to G in 3.10"


def test_between_two_noises_the_variance_stays():
    start, end = t.randn(2, 1, 100, 100).unbind()
    path = part3.between(start, end, 5)
    assert path[0].equal(start) and path[-1].allclose(end, atol=1e-5)
    assert ((path.std(dim=(1, 2, 3)) - 1).abs() < 0.05).all()


def test_the_nearest_of_an_image_is_itself():
    images = t.randn(20, 1, 4, 4)
    found = part3.nearest(images[:3], images, k=2)
    assert found.shape == (3, 2, 1, 4, 4) and found[:, 0].equal(images[:3]) and not found[:, 1].equal(images[:3])


def test_a_long_average_becomes_smooth_and_is_not_late():
    """The figure after 3.4: a weight that wanders around 1 after a start at 0."""
    t.manual_seed(0)
    model = nn.Linear(1, 1, bias=False)
    averages, courses = [part3.MovingAverage(model, d) for d in (0.9, 0.995)], []
    for step in range(1000):
        model.weight.data.fill_(1 - 2.718 ** (-step / 100) + 0.2 * t.randn(()).item())
        for average in averages:
            average.update(model)
        courses.append([average.model.weight.item() for average in averages])
    short, long = t.tensor(courses).T
    assert long[500:].std() < 0.4 * short[500:].std()
    assert (long[:300] - short[:300]).abs().mean() < 0.1


def test_grids_are_drawn_in_whole_pixels(monkeypatch):
    monkeypatch.setattr(utils, "show", plt.draw)
    part3.show_grids({"a": t.rand(64, 1, 28, 28), "b": t.rand(64, 1, 28, 28)})
    plt.gcf().draw_without_rendering()
    sides = [side for axis in plt.gcf().axes for side in axis.get_window_extent().size]
    plt.close()
    assert sides == pytest.approx([2 * 8 * 28] * 4), "each pixel is 2 × 2 of the screen"


class OneBump(part1.DiffusionModel):
    """Every pixel is drawn from N(0.1, 0.2²), so that the best guess is known."""

    def __init__(self):
        super().__init__()
        self.img_shape, self.noise_schedule = (1, 2, 2), part1.NoiseSchedule(1000, "cpu", part3.cosine_schedule(1000))

    def forward(self, images: t.Tensor, num_steps: t.Tensor) -> t.Tensor:
        kept = self.noise_schedule.alpha_bar(num_steps)[:, None, None, None]
        x0 = 0.1 + kept.sqrt() * 0.04 / (0.04 * kept + 1 - kept) * (images - 0.1 * kept.sqrt())
        return (images - kept.sqrt() * x0) / (1 - kept).sqrt()


def test_looking_ahead_is_of_second_order():
    """With steps of half the length, the error of plain steps halves; that of steps that look ahead is a quarter."""
    t.manual_seed(0)
    model, start = OneBump(), t.randn(50, 1, 2, 2)
    ahead = part3.LookAhead(model)
    end = part3.ddim_sample(model, 50, 1000, 0.0, start)
    errors = [
        [(part3.ddim_sample(each, 50, n, 0.0, start) - end).abs().mean() for n in (10, 20)] for each in (model, ahead)
    ]
    plain, better = (long / short for long, short in errors)
    assert plain == pytest.approx(2, abs=0.3) and 3.5 < better < 5
    again = part3.ddim_sample(ahead, 50, 10, 0.0, start)
    assert again.equal(part3.ddim_sample(part3.LookAhead(model), 50, 10, 0.0, start)), "each drawing begins anew"
