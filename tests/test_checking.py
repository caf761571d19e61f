"""What a check does besides judging: it is quiet, it leaves the session as it was, and hides its own frames."""

import random

import nbformat
import numpy as np
import pytest
import torch as t
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from solutions.markup import ROOT
from solutions.part1_diffusion import q_eq4
from tests.part1 import check_q_eq2, check_q_eq4


def restless(x, num_steps, betas):
    """Right, but it leaves everything changed that it can."""
    t.set_grad_enabled(False)
    t.set_default_dtype(t.float64)
    random.seed(1)
    np.random.seed(1)
    return q_eq4(x, num_steps, betas).to(x.dtype)


@pytest.mark.parametrize("answer", [q_eq4, restless, lambda x, num_steps, betas: x])
def test_session_is_left_as_it_was(answer):
    before = t.get_rng_state(), random.getstate(), np.random.get_state()[1].tolist()
    try:
        check_q_eq4(answer)
    except AssertionError:
        assert answer not in (q_eq4, restless)
    after = t.get_rng_state(), random.getstate(), np.random.get_state()[1].tolist()
    assert before[0].equal(after[0]) and before[1:] == after[1:]
    assert t.is_grad_enabled() and t.get_default_dtype() == t.float32 and t.get_default_device().type == "cpu"


def test_an_interrupted_check_restores_the_session():
    def interrupted(x, num_steps, betas):
        t.set_grad_enabled(False)
        t.set_default_device("meta")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        check_q_eq4(interrupted)
    assert t.is_grad_enabled() and t.get_default_device().type == "cpu"


def test_a_check_gives_the_same_verdict_each_time():
    messages = set()
    for seed in range(3):
        t.manual_seed(seed)
        with pytest.raises(AssertionError) as failure:
            check_q_eq2(lambda x, num_steps, betas: 0.9 * x + 0.1 * t.randn_like(x))
        messages.add(str(failure.value))
    assert len(messages) == 1


def test_an_unknown_mistake_still_gets_numbers():
    with pytest.raises(AssertionError) as failure:
        check_q_eq4(lambda x, num_steps, betas: 0.9 * x + 0.123 * t.randn_like(x))
    assert str(failure.value).splitlines() == [
        "1.4 q_eq4: with betas [0.1, 0.4, 0.2, 0.25], after 1 step",
        "0.900 of the image is left, expected 0.949, and the noise has std 0.123, expected 0.316.",
    ]


def error_of(cell: str) -> nbformat.NotebookNode:
    """The error that a notebook shows under this cell, as JupyterLab would get it."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell)])
    with pytest.raises(CellExecutionError):
        NotebookClient(notebook, timeout=120, resources={"metadata": {"path": ROOT}}).execute()
    return notebook.cells[0].outputs[-1]


def test_a_notebook_shows_a_failed_check_as_its_message_alone():
    cell = "import tests.part1\ntests.part1.check_q_eq4(lambda x, num_steps, betas: x)"
    error = error_of(cell)
    assert error.ename == "AssertionError"
    assert error.traceback == [error.evalue]
    assert error.evalue.startswith("1.4 q_eq4: ") and len(error.evalue.splitlines()) <= 3


def test_a_notebook_shows_a_learners_error_with_the_learners_frames_alone():
    cell = (
        "import tests.part1\n\ndef q_eq4(x, num_steps, betas):\n    return x * bettas\n\ntests.part1.check_q_eq4(q_eq4)"
    )
    error = error_of(cell)
    shown = "\n".join(error.traceback)
    assert error.ename == "NameError" and "bettas" in shown
    assert "The check called it with x of shape (3, 5, 6), num_steps=2" in shown
    assert "tests/part1.py" not in shown and "checking.py" not in shown and "judge" not in shown
    assert len(shown.splitlines()) < 15
