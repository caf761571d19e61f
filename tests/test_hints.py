"""What is worth reading: plain tricks are named, and what honest learners write is not."""

import pytest

from tests.test_saved import NAME, SOLVED, save_part
from tools.hints import worth_reading
from tools.markup import ROOT

NAMES = [path.stem for path in sorted((ROOT / "solutions").glob("part*.py"))]


@pytest.mark.parametrize("name", NAMES)
def test_solved_and_untouched_notebooks_have_nothing_to_look_at(tmp_path, name):
    for path in save_part(tmp_path, name), ROOT / "notebooks" / f"{name}.ipynb":
        assert worth_reading(path, name) == {}


HONEST = [
    "import os, sys, json",  # and nothing done with them
    "import tests.part1, tools.progress\nfrom tools.doctor import prepare",  # of the set-up, where its tag is lost
    "def size(model):\n    return sum(1 for m in model.modules() for p in m.parameters())",
    "import re, json\ndef words(text):\n    return re.findall(r'x', json.dumps(text))",
    "def load():\n    return t.load('losses.pt')",
    "def show(images):\n    plt.imshow(images[0])\n    plt.show()",
    "import numpy as np\ndef show(x):\n    import math\n    return np.asarray(x) * math.pi",
    "from solutions.part1_diffusion import train",  # which counts as the solution's
    "def half(model):\n    for p in model.parameters():\n        p.data = p.data / 2",
    "def stacked(xs):\n    return t.stack(xs), t.compile(xs[0])",
    "os.fork()\nx = = 1",
]


@pytest.mark.parametrize("source", HONEST)
def test_what_an_honest_learner_writes_is_not_named(tmp_path, source):
    assert worth_reading(save_part(tmp_path, NAME, source), NAME) == {}


@pytest.mark.parametrize(
    "source, hint",
    [
        ("    import solutions.part1_diffusion as s\n    return s.q_eq4(*a)", "imports solutions.part1_diffusion"),
        ("    from solutions.part1_diffusion import q_eq4\n    return q_eq4(*a)", "imports from solutions.part1"),
        ("    return saved.load_part('part1_diffusion').q_eq4(*a)", "uses .load_part"),
        ("    return open('/etc/passwd').read()", "uses open"),
        ("    exec('1')", "uses exec"),
        ("    import tests.part1 as own\n    return own.q_eq4(*a)", "imports tests.part1"),
        ("    import gc\n    return gc.get_objects()", "imports gc; q_eq4 uses gc"),
        ("    return a.gi_frame.f_back.f_globals", "q_eq4 uses .f_back"),
        ("    return q_eq4.__globals__['x']", "uses .__globals__"),
        ("    return t.os.fork()", "uses .os"),
        ("    return Path('x').read_text()", "uses .read_text"),
    ],
)
def test_plain_tricks_are_named_at_their_exercise(tmp_path, source, hint):
    found = worth_reading(save_part(tmp_path, NAME, q_eq4=f"def q_eq4(*a):\n{source}"), NAME)
    assert list(found) == ["q_eq4"] and hint in found["q_eq4"]


def test_helpers_count_with_the_exercise_below_them_and_early_uses_are_named(tmp_path):
    cells = {
        "q_eq4": f"def helper(*a):\n    return eval('1')\n\n{SOLVED['q_eq4']}",
        "reconstruct": "def reconstruct(*a, f=reconstruct):\n    return f(*a)",
        "TinyDiffuser": "class TinyDiffuser(TinyDiffuser):\n    pass",
    }
    assert worth_reading(save_part(tmp_path, NAME, "from gc import get_objects as look", **cells), NAME) == {
        "q_eq4": "helper uses eval",
        "reconstruct": "reconstruct takes reconstruct before it is written",
        "TinyDiffuser": "TinyDiffuser takes TinyDiffuser before it is written",
        "sample": "look imports from gc",
    }
