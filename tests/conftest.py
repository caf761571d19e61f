import os
import statistics
import sys

import pytest

sys.modules["rfc3987_syntax"] = None  # else nbformat's jsonschema spends a second on a grammar of web addresses

os.environ.setdefault("OMP_NUM_THREADS", "1")  # several tests run at once: their threads would fight over the cores
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as wherever the course starts, see tools/__init__.py
os.environ.setdefault("PYTHONUTF8", "1")  # of the processes that tests start, on Windows, too
os.environ.setdefault("WANDB_MODE", "disabled")  # only the tests of logging turn it on


def pytest_collection_modifyitems(items):
    """The thousands of short tests come last: so no long one is left to the end, when all others are done."""

    def place(item: pytest.Item) -> int:
        if item.path.name == "test_notebooks.py" or item.name.endswith("[UNet]"):
            return 0
        return 2 if item.path.name == "test_answers.py" else 1

    items.sort(key=place)


@pytest.fixture(scope="session", autouse=True)
def no_seeds_for_a_gpu_that_is_not_there():
    """t.manual_seed notes the whole stack for a GPU that may come, and under pytest that takes longer than a check."""
    import torch as t  # slow, and not needed where tests are only handed out

    with pytest.MonkeyPatch.context() as patch:
        for maker in (t.cuda, t.xpu, t.mtia):
            if not maker.is_available():
                patch.setattr(maker, "manual_seed_all", lambda seed: None)
        yield


def pytest_terminal_summary(terminalreporter):
    """What `make prove` has counted: mutants of each solution, and how long each check takes."""
    noted = {"mutants": [], "seconds": []}
    for report in terminalreporter.getreports("passed"):
        for name, row in report.user_properties:
            noted[name].append(row)
    if noted["mutants"]:
        terminalreporter.section("mutants of the solutions")
        for name, *counts in [*noted["mutants"], ("all", *map(sum, zip(*(row[1:] for row in noted["mutants"]))))]:
            terminalreporter.line("{:28} {:5d} made, {:5d} refused, {:3d} excused".format(name, *counts))
    if noted["seconds"]:
        terminalreporter.section("seconds that a check takes")
        for name, seconds in noted["seconds"]:
            terminalreporter.line(f"{name:28} {seconds:.3f}")
        terminalreporter.line(f"{'median':28} {statistics.median(row[1] for row in noted['seconds']):.3f}")
