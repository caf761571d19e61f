"""The proof of the checks: every right answer passes, every wrong one gets its own diagnosis, under many seeds."""

import os
import re
from collections.abc import Callable
from functools import cache
from importlib import import_module
from itertools import combinations
from typing import NamedTuple

import pytest

from tools.build import build
from tools.markup import ROOT
from tests import part1, part2, part3
from tests.answers import answers, wrong
from tools.saved import find_checks

MANY = range(1, 1 + int(os.getenv("SEEDS") or 200))  # seed 0 is for `make test`


class Exercise(NamedTuple):
    part: str  # "part1"
    module: str  # "part1_diffusion"
    name: str
    stub: str  # the cell of the exercise notebook
    solved: str  # the same cell, solved

    @property
    def check(self) -> Callable | None:
        return getattr(import_module(f"tests.{self.part}"), f"check_{self.name}", None)

    @property
    def body(self) -> list[str]:
        """What the learner has to write, line by line."""
        written = set(self.solved.splitlines()) - set(self.stub.splitlines())
        return [line.strip() for line in written if len(line.strip()) > 3]

    @property
    def answers(self) -> list[Callable]:
        exists = (ROOT / "tests" / "answers" / self.part / f"{self.name}.py").exists()
        return answers(self.part, self.name) if exists else []  # test_exercise_is_complete says what is missing


EXERCISES = [
    Exercise(path.stem.split("_")[0], path.stem, cell.id, cell.source, solved[cell.id])
    for path in sorted((ROOT / "solutions").glob("part*.py"))
    for notebooks in [build(path)]
    for solved in [{cell.id: cell.source for cell in notebooks[0].cells}]
    for cell in notebooks[1].cells
    if cell.cell_type == "code" and cell.metadata.get("nbgrader", {}).get("solution")
]
each_exercise = pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.name)


def verdict(exercise: Exercise, answer: object, seed: int, capsys) -> str | None:
    """The check's message, or None where it accepts."""
    try:
        exercise.check(answer, seed=seed)
    except AssertionError as failure:
        assert not capsys.readouterr().out, "a check that fails prints nothing"
        return str(failure)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    out = capsys.readouterr().out
    assert re.fullmatch(rf"ok \d+\.\d+ {exercise.name}: .+\n", out), f"a check that passes prints one line, not {out!r}"
    return None


# ------------------------------------------------------------------------------------------------ what may be forgotten


@each_exercise
def test_exercise_is_complete(exercise):
    file = f"tests/answers/{exercise.part}/{exercise.name}.py"
    assert exercise.body
    assert exercise.check, f"tests/{exercise.part}.py has no check_{exercise.name}: write it, with @check('number')"
    assert (ROOT / file).exists(), f"{file} is missing: copy a neighbour, and write right and wrong answers"
    wrongs = sum(answer.diagnosis is not None for answer in exercise.answers)
    rights = len(exercise.answers) - wrongs
    least = 20 if exercise.part == "part1" else 12
    assert wrongs >= least, f"{file} has {wrongs} wrong answers, it needs {least}: each one mistake of a learner"
    assert rights >= 8, f"{file} has {rights} right answers, it needs 8: each written in another way"
    number = re.search(r'NotImplementedError\("(\S+) ', exercise.stub)[1]
    assert exercise.check.number == number, f"check_{exercise.name} says {exercise.check.number}, the text {number}"


def test_every_answer_belongs_to_an_exercise():
    files = {path.relative_to(ROOT).as_posix() for path in ROOT.glob("tests/answers/*/*.py") if path.stem != "__init__"}
    known = {f"tests/answers/{exercise.part}/{exercise.name}.py" for exercise in EXERCISES}
    assert files <= known, f"no exercise has these answers: {sorted(files - known)}"


def test_every_check_belongs_to_an_exercise():
    for part in sorted({exercise.module for exercise in EXERCISES}):
        named = {exercise.name for exercise in EXERCISES if exercise.module == part}
        left = [f"tests.{part.split('_')[0]}.check_{name}" for name in find_checks(part) if name not in named]
        assert not left, f"no exercise has these checks: {left}"


@each_exercise
def test_every_answer_is_marked(exercise):
    path = ROOT / "tests" / "answers" / exercise.part / f"{exercise.name}.py"
    defined = re.findall(r"^(?:def|class) ([^\W_]\w*)", path.read_text(encoding="utf-8"), re.MULTILINE)
    marked = [answer.__name__ for answer in exercise.answers]
    assert sorted(defined) == sorted(marked), (
        f"in {path.name}, mark each answer with @right or @wrong(diagnosis), and begin the name of a helper with _"
    )


def test_a_wrong_answer_needs_a_diagnosis():
    with pytest.raises(TypeError, match="say which diagnosis"):
        wrong(lambda x: x)


# ------------------------------------------------------------------------------------------------ the verdicts


def judge_reference(exercise: Exercise, seeds: range, capsys) -> None:
    reference = getattr(import_module(f"solutions.{exercise.module}"), exercise.name)
    for seed in seeds:
        assert verdict(exercise, reference, seed, capsys) is None


@each_exercise
def test_reference_passes(exercise, capsys):
    judge_reference(exercise, range(1), capsys)


@pytest.mark.slow
@each_exercise
def test_reference_passes_under_many_seeds(exercise, capsys):
    judge_reference(exercise, MANY, capsys)


@each_exercise
def test_stub_is_reported_as_not_written(exercise, capsys):
    namespace = dict(vars(import_module(f"solutions.{exercise.module}")))
    exec(exercise.stub, namespace)
    message = verdict(exercise, namespace[exercise.name], 0, capsys)
    assert message == f"NotImplementedError: {exercise.check.number} {exercise.name} is not written yet"


@each_exercise
def test_what_is_not_a_function_is_named(exercise, capsys):
    message = verdict(exercise, 3, 0, capsys)
    assert message.endswith(f"the check takes {exercise.name} itself, without calling it, but got an int.")


def each_answer(choose: Callable[[Exercise], list[Callable]]) -> pytest.MarkDecorator:
    rows = [(exercise, answer) for exercise in EXERCISES for answer in choose(exercise)]
    names = [f"{exercise.name}-{answer.__name__}" for exercise, answer in rows]
    return pytest.mark.parametrize("exercise, answer", rows, ids=names)


def one_of_each_kind(exercise: Exercise) -> list[Callable]:
    """A right answer, and a wrong one for each diagnosis."""
    return list({answer.diagnosis: answer for answer in reversed(exercise.answers)}.values())


def judge_answer(exercise: Exercise, answer: Callable, seeds: range, capsys) -> None:
    for seed in seeds:
        message = verdict(exercise, answer, seed, capsys)
        if answer.diagnosis is None:
            assert message is None, f"seed {seed}: a right answer is refused: {message}"
        else:
            assert message and answer.diagnosis in message, (
                f"seed {seed}: expected {answer.diagnosis!r}, got {message!r}"
            )
            if message.startswith(exercise.check.number):
                assert message.count("\n") <= 2, f"a message is short: {message}"
                assert not any(line in message for line in exercise.body), f"a line is given away: {message}"


@each_answer(one_of_each_kind)
def test_answer_gets_its_verdict(exercise, answer, capsys):
    judge_answer(exercise, answer, range(1), capsys)


@pytest.mark.slow
@each_answer(lambda exercise: exercise.answers)
def test_answer_gets_its_verdict_under_many_seeds(exercise, answer, capsys):
    judge_answer(exercise, answer, MANY, capsys)


# ------------------------------------------------------------------------------------------------ the tables

TABLES = {
    "linear_schedule": part1.SCHEDULE_MISTAKES,
    "q_eq2": part1.EQ2_MISTAKES,
    "q_eq4": part1.EQ4_MISTAKES,
    "NoiseSchedule": part1.LOOKUP_MISTAKES,
    "noise_img": part1.NOISED_MISTAKES,
    "reconstruct": part1.RECONSTRUCT_MISTAKES,
    "train": part1.LOSSES + part1.PICTURE_MISTAKES,
    "sample": [(question, formula) for _, question, formula in part1.FACTOR_MISTAKES],
    "GroupNorm": part2.NORM_MISTAKES + part2.AFFINE_MISTAKES,
    "SiLU": part2.SILU_MISTAKES,
    "SinusoidalPositionEmbeddings": part2.WAVE_MISTAKES,
    "SelfAttention": [(question, ratio) for ratio, question in part2.SCALES],
    "MidBlock": [(question, size) for size, question in part2.REACHES.items()],
    "frechet_distance": part3.FRECHET_MISTAKES,
    "cosine_schedule": part3.COSINE_MISTAKES,
    "VelocityGuesser": [
        *part3.V_TARGET_MISTAKES,
        *part3.V_FORWARD_MISTAKES,
        *part3.V_ALPHA_BAR_MISTAKES,
        *part3.V_PAIR_MISTAKES,
    ],
    "MovingAverage": part3.MOVING_AVERAGE_MISTAKES,
    "learning_rate": part3.RATE_MISTAKES,
    "bf16_loss": part3.BF16_MISTAKES,
    "ddim_sample": part3.DDIM_MISTAKES + part3.SIGMA_MISTAKES + part3.KEPT_MISTAKES,
}


@pytest.mark.parametrize("name", ["q_eq2", "q_eq4"])
def test_no_two_diagnoses_describe_the_same_behaviour(name):
    def fits(one, other):
        return all(part1.Levels(n, *levels, grey=0, slack=0).fits(other[n - 1]) for n, levels in enumerate(one, 1))

    rows = [("right", part1.jump(part1.alpha_bar)), *TABLES[name]]
    levels = [(question, [mistake(part1.BETAS, n) for n in (1, 2, 3)]) for question, mistake in rows]
    for (question, one), (other_question, other) in combinations(levels, 2):
        assert question == other_question or not (fits(one, other) or fits(other, one)), (question, other_question)


@pytest.mark.parametrize("name", TABLES)
def test_every_diagnosis_is_proved_by_a_wrong_answer(name, capsys):
    """An answer is tried only where what it must be told does not hold the question: that it is told so is proved."""
    exercise = next(exercise for exercise in EXERCISES if exercise.name == name)
    tried = cache(lambda answer: verdict(exercise, answer, 0, capsys) or "")
    for question in dict.fromkeys(question for question, _ in TABLES[name]):
        if not any(question in (answer.diagnosis or "") for answer in exercise.answers):
            likely_first = sorted(exercise.answers, key=lambda answer: (answer.diagnosis or "?!") not in question)
            assert any(question in tried(answer) for answer in likely_first), (
                f"no wrong answer gets {question!r}: write one"
            )
