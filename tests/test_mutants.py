"""Every small change of a solution is refused by its check, or excused: it changes nothing that could be seen."""

import ast
import statistics
import time
from importlib import import_module

import pytest

from tests.answers.mutants import changes, mutants
from tests.test_answers import answers_file, each_exercise, verdict
from tools.markup import Exercise

SEEDS = range(3)


def excused(exercise: Exercise) -> list[str]:
    reasons = getattr(import_module(f"tests.answers.{exercise.part}.{exercise.name}"), "EQUIVALENT", {})
    return [change for changes in reasons.values() for change in changes]


@pytest.mark.slow
@pytest.mark.timeout(1800)
@each_exercise
def test_every_mutant_is_refused_or_excused(exercise, capsys, record_property):
    made, excuses = mutants(import_module(f"solutions.{exercise.module}"), exercise.name), excused(exercise)
    verdicts = {change: {verdict(exercise, answer, seed, capsys) is None for seed in SEEDS} for change, answer in made}
    survivors = [change for change, seen in verdicts.items() if True in seen]
    file = answers_file(exercise)
    accepted = "\n".join(f"{change!r}," for change in survivors if change not in excuses)
    assert not accepted, f"mend the check, or excuse these in EQUIVALENT of {file}, with the reason:\n{accepted}"
    refused = "\n".join(repr(change) for change in excuses if verdicts.get(change) != {True})
    assert not refused, f"EQUIVALENT of {file} excuses what is refused, or no mutant any more:\n{refused}"
    record_property("mutants", (exercise.name, len(made), len(made) - len(survivors), len(survivors)))


@pytest.mark.slow
@each_exercise
def test_how_long_a_check_takes(exercise, capsys, record_property):
    """No verdict: machines differ. `make prove` prints the times."""
    reference, seconds = getattr(import_module(f"solutions.{exercise.module}"), exercise.name), []
    for seed in range(7):
        begin = time.process_time()
        verdict(exercise, reference, seed, capsys)
        seconds.append(time.process_time() - begin)
    record_property("seconds", (exercise.name, statistics.median(seconds)))


def test_a_program_is_changed_in_every_small_way():
    source = "for n in counts[1:]:\n    x = n * x.abs() - t.cat([x, y], dim=1)\nif a < b:\n    x += 2\n"
    tree = ast.parse(source)
    made = dict(changes(tree, {1, 2, 3, 4}))
    assert ast.unparse(tree) == ast.unparse(ast.parse(source)), "in the end the program is as before"
    assert {
        "for n in counts[1:]: -> dropped",
        "for n in counts[1:]: -> after if a < b:",
        "for n in counts[1:]: -> for n in counts[2:]:",
        "for n in counts[1:]: -> for n in counts[:]:",
        "for n in counts[1:]: -> for n in counts:",
        "x = n * x.abs() - t.cat([x, y], dim=1) -> dropped",
        "x = n * x.abs() - t.cat([x, y], dim=1) -> x = n * x.abs() + t.cat([x, y], dim=1)",
        "x = n * x.abs() - t.cat([x, y], dim=1) -> x = t.cat([x, y], dim=1) - n * x.abs()",
        "x = n * x.abs() - t.cat([x, y], dim=1) -> x = n * x.abs()",
        "x = n * x.abs() - t.cat([x, y], dim=1) -> x = n / x.abs() - t.cat([x, y], dim=1)",
        "x = n * x.abs() - t.cat([x, y], dim=1) -> x = n * x - t.cat([x, y], dim=1)",
        "x = n * x.abs() - t.cat([x, y], dim=1) -> x = n * x.abs() - t.cat([y, x], dim=1)",
        "x = n * x.abs() - t.cat([x, y], dim=1) -> x = n * x.abs() - t.cat([x, y], dim=0)",
        "x = n * x.abs() - t.cat([x, y], dim=1) -> x = n * x.abs() - t.cat([x, y])",
        "if a < b: -> its block alone",
        "if a < b: -> if a <= b:",
        "x += 2 -> x -= 2",
        "x += 2 -> x = 2",
        "x += 2 -> x += 3",
    } <= made.keys()
    assert made["x += 2 -> x -= 2"] == source[:-1].replace("+= 2", "-= 2")


def test_only_what_a_learner_writes_is_changed():
    module = import_module("solutions.part1_diffusion")
    assert all("rearrange" in change or "return" in change for change, _ in mutants(module, "reconstruct"))
