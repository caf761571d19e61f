import os
import statistics

os.environ.setdefault("OMP_NUM_THREADS", "1")  # several tests run at once: their threads would fight over the cores
os.environ.setdefault("PYTHONUTF8", "1")  # of the processes that tests start, on Windows, too
os.environ.setdefault("WANDB_MODE", "disabled")  # only the tests of logging turn it on


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
