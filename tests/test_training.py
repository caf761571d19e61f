"""Training and sampling for real, in small: the loss falls, what is logged can be read back, and nothing ever asks."""

import json
import os
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import torch as t
from torch.utils.data import TensorDataset

import utils
from solutions import part1_diffusion as part1
from tests.part1 import check_train
from tools.markup import ROOT

DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.skipif(not t.cuda.is_available(), reason="no CUDA device"))]


def config(**settings) -> dict:
    default = dict(
        lr=0.001, image_shape=(3, 4, 5), hidden_size=64, epochs=3, max_steps=100, batch_size=64, device="cpu"
    )
    return default | dict(img_log_interval=50, n_images_to_log=3) | settings


def gradients(n_images: int) -> TensorDataset:
    return TensorDataset(part1.normalize_img(part1.gradient_images(n_images, (3, 4, 5))))


def tiny() -> part1.TinyDiffuser:
    return part1.TinyDiffuser(part1.TinyDiffuserConfig((3, 4, 5), 64, 100))


@pytest.mark.parametrize("device", DEVICES)
def test_training_lowers_the_loss_and_samples_have_the_right_form(device):
    t.manual_seed(0)
    model = part1.train(tiny(), config(device=device, lr=0.005), gradients(5000), gradients(100))
    train_loss, test_loss = (utils.Run.latest.curves[name] for name in ("train_loss", "test_loss"))
    assert train_loss[0][1] > 0.8 and np.mean([loss for _, loss in train_loss[-5:]]) < 0.4
    assert [step for step, _ in train_loss] == list(range(1, 3 * 79 + 1, 10)) and test_loss[-1][1] < 0.4
    steps = part1.sample(model, 6, return_all_steps=True)
    assert len(steps) == 101 and all(x.shape == (6, 3, 4, 5) and x.device.type == device for x in steps)


def test_ten_images_and_a_batch_of_128_train_a_step():
    model = tiny()
    before = [parameter.clone() for parameter in model.parameters()]
    part1.train(model, config(batch_size=128, epochs=1), gradients(10))
    assert not all(old.equal(new) for old, new in zip(before, model.parameters(), strict=True))


def test_a_schedule_that_the_model_has_is_kept_and_saved_with_it():
    model = tiny()
    model.noise_schedule = part1.NoiseSchedule(100, "cpu", betas=t.linspace(0.001, 0.2, 100))
    part1.train(model, config(epochs=1), gradients(10))
    assert model.noise_schedule.beta(100).item() == pytest.approx(0.2)
    assert "noise_schedule.alpha_bars" in model.state_dict()


def test_an_interrupted_training_returns_the_model_so_far(capsys):
    class Interrupted(part1.TinyDiffuser):
        calls = 0

        def forward(self, images, num_steps):
            self.calls += 1
            if self.calls == 5:
                raise KeyboardInterrupt
            return super().forward(images, num_steps)

    model = Interrupted(part1.TinyDiffuserConfig((3, 4, 5), 64, 100))
    assert part1.train(model, config(), gradients(1000)) is model
    assert "Interrupted after 4 steps. What has been learned so far is kept." in capsys.readouterr().out
    assert part1.sample(model, 1).shape == (1, 3, 4, 5)


def test_bad_input_is_named():
    settings = config()
    del settings["lr"]
    with pytest.raises(KeyError, match="the setting 'lr' is missing: add it to the config"):
        part1.train(tiny(), settings, gradients(10))
    with pytest.raises(ValueError, match="no noise schedule yet: train it first"):
        part1.sample(tiny(), 1)
    with pytest.raises(ValueError, match="n_samples is 0: ask for at least 1"):
        part1.sample(tiny(), 0)


def test_the_check_of_train_names_another_function_that_is_broken():
    source = "def train(model, config_dict, trainset, testset=None):\n    return noise_img(trainset.tensors[0], None)"
    namespace = {"noise_img": lambda img, noise_schedule, max_steps=None: None}
    exec(source, namespace)
    with pytest.raises(AssertionError, match=r"train uses your noise_img \(1.6\), which fails its own check"):
        check_train(namespace["train"])


# ------------------------------------------------------------------------------------------------- Weights & Biases

TRAIN = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from tests.test_training import config, gradients, part1, t, tiny, utils

def train():
    t.manual_seed(0)
    part1.train(tiny(), config(epochs=1, img_log_interval=16), gradients(1000), gradients(10))

utils.IS_CI = True
train()
print("under CI, wandb is imported:", "wandb" in sys.modules, "and logs:", Path("wandb").exists())
utils.IS_CI = False
saved = {}
log_images = part1.log_images
part1.log_images = lambda *args: saved.setdefault("pictures", log_images(*args))
train()
for i, picture in enumerate(saved["pictures"]):
    picture.save(f"expected{i}.png")
"""


def train_elsewhere(folder: Path) -> subprocess.CompletedProcess:
    """A training in a new home without key or account, in a process that nobody could answer."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("WANDB") and name != "IS_CI"}
    settings = clean | {"HOME": str(folder), "USERPROFILE": str(folder), "MPLBACKEND": "Agg"}
    command = [sys.executable, "-c", TRAIN, str(ROOT)]
    return subprocess.run(
        command, cwd=folder, env=settings, stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8", timeout=120
    )


def read_history(path: Path) -> list[dict]:
    """The history of an offline run: a file of 32 KiB blocks, which hold records in one piece or several."""
    from wandb.proto.wandb_internal_pb2 import Record

    data, at, record, history = path.read_bytes(), 7, b"", []
    while at + 7 <= len(data):
        if (left := 32768 - at % 32768) < 7:
            at += left
            continue
        _, size, kind = struct.unpack("<IHB", data[at : at + 7])
        record, at = record + data[at + 7 : at + 7 + size], at + 7 + size
        if kind in (1, 4):  # a whole record, or its last piece
            parsed, record = Record.FromString(record), b""
            if parsed.WhichOneof("record_type") == "history":
                items = parsed.history.item
                history.append({item.key or "/".join(item.nested_key): json.loads(item.value_json) for item in items})
    return history


@pytest.mark.parametrize("n_steps, kept", [(999, range(1, 999, 10)), (1000, range(1, 1000, 20))])
def test_a_long_run_logs_half_as_often(n_steps, kept, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "disabled")
    with utils.start_run({}, n_steps) as run:
        for step in range(1, n_steps + 1):
            run.log({"train_loss": 1 / step}, step)
    assert run.curves["train_loss"] == [(step, 1 / step) for step in kept]


@pytest.mark.slow
def test_without_an_account_a_run_is_logged_offline_and_can_be_read_back(tmp_path):
    """And under CI, wandb is not even imported."""
    done = train_elsewhere(tmp_path)
    assert done.returncode == 0, done.stderr
    assert "under CI, wandb is imported: False and logs: False" in done.stdout
    assert "Weights & Biases logs offline. To send this run later: wandb sync" in done.stdout
    (run,) = (tmp_path / "wandb").glob("offline-run-*")
    history = read_history(next(run.glob("run-*.wandb")))
    train_loss = {entry["_step"]: entry["train_loss"] for entry in history if "train_loss" in entry}
    assert list(train_loss) == [1, 11] and 0.5 < train_loss[11] < train_loss[1] < 2
    assert [entry["_step"] for entry in history if "test_loss" in entry] == [16]
    (names,) = (entry["images/filenames"] for entry in history if "images/filenames" in entry)
    assert len(names) == 3
    for i, name in enumerate(names):
        logged, expected = (
            np.asarray(PIL.Image.open(path)) for path in (run / "files" / name, tmp_path / f"expected{i}.png")
        )
        assert (logged == expected).all() and logged.shape == (8, 15, 3) and logged.std() > 30


@pytest.mark.parametrize("kept", [".netrc", "_netrc", "named by NETRC"])  # on Windows, wandb keeps keys in _netrc
def test_the_mode_follows_settings_and_stored_keys(kept, monkeypatch, tmp_path):
    monkeypatch.setattr(utils, "IS_CI", False)
    for home in ("HOME", "USERPROFILE"):  # the latter on Windows
        monkeypatch.setenv(home, str(tmp_path))
    monkeypatch.delenv("NETRC", raising=False)
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    monkeypatch.delenv("WANDB_MODE", raising=False)
    assert utils.wandb_mode() == "offline"
    monkeypatch.setenv("WANDB_MODE", "online")
    assert utils.wandb_mode() == "offline", "without a key there is no account to log to"
    monkeypatch.delenv("WANDB_MODE")
    monkeypatch.setenv("WANDB_DISABLED", "true")
    assert utils.wandb_mode() == "disabled"
    monkeypatch.delenv("WANDB_DISABLED")
    (tmp_path / kept).write_text("machine api.wandb.ai login user password secret\n", encoding="utf-8")
    (tmp_path / kept).chmod(0o600)
    if " " in kept:
        monkeypatch.setenv("NETRC", str(tmp_path / kept))
    assert utils.wandb_mode() == "online"
    for no_key in (b"default login user password secret\n", b"\xff\xfe", b"machine"):
        (tmp_path / kept).write_bytes(no_key)
        assert utils.wandb_mode() == "offline"
    (tmp_path / kept).unlink()
    (tmp_path / kept).mkdir()
    assert utils.wandb_mode() == "offline"
    monkeypatch.setenv("WANDB_MODE", "disabled")
    assert utils.wandb_mode() == "disabled"
    monkeypatch.setenv("WANDB_MODE", "enabled")
    with pytest.raises(ValueError, match="WANDB_MODE=enabled is not a mode: set it to online, offline or disabled"):
        utils.start_wandb({})


@pytest.mark.parametrize("error", [PermissionError("read-only"), "UsageError"])
def test_logging_that_cannot_write_goes_on_without(error, monkeypatch, capsys):
    import wandb

    error = getattr(wandb.errors, error)("no folder") if isinstance(error, str) else error
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setattr(wandb, "init", lambda **_: (_ for _ in ()).throw(error))
    assert utils.start_wandb({}) is None
    assert f"cannot log here ({error}), so this run goes on without it" in capsys.readouterr().out


def test_pictures_set_the_truth_over_the_guess():
    grey, white = t.zeros(2, 3, 4, 5), t.ones(2, 3, 4, 5)
    picture = np.asarray(part1.log_images(white, grey, -white, grey, grey, num_images=5)[1])
    assert picture.shape == (8, 15, 3)
    assert picture[0, [0, 5, 10], 0].tolist() == [128, 0, 255] and picture[7, [0, 5, 10], 0].tolist() == [128, 128, 128]


def test_the_fit_of_gradients_tells_them_from_noise():
    images = part1.normalize_img(part1.gradient_images(500, (3, 4, 5)))
    distance, spread = part1.gradient_fit(images)
    assert distance < 1e-5 and spread == pytest.approx(3**-0.5, abs=0.03)
    assert part1.gradient_fit(images + 0.1 * t.randn_like(images))[0] == pytest.approx(0.1 * (18 / 20) ** 0.5, rel=0.05)
    assert part1.gradient_fit(images[:1].expand(50, 3, 4, 5))[1] < part1.gradient_fit(images[:50])[1] + 0.3
