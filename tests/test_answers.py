"""The proof of the checks: every right answer passes, every wrong one gets its own diagnosis, under many seeds."""

import os
import re
from collections.abc import Callable
from functools import cache
from importlib import import_module
from itertools import combinations

import pytest

from tests.answers import answers, wrong
from tests.checking import BETAS, alpha_bar
from tests.part1 import q_eq2
from tools.markup import ROOT, Exercise, find_exercises
from tools.saved import find_checks

MANY = range(1, 1 + int(os.getenv("SEEDS") or 200))  # seed 0 is for `make test`
WRONG, RIGHT = 8, 4  # answers that a new exercise needs at least; their kinds matter more than their number

SOURCES = sorted((ROOT / "solutions").glob("part*.py"))
EXERCISES = [exercise for path in SOURCES for exercise in find_exercises(path) if exercise.check]


def check_of(exercise: Exercise) -> Callable:
    return find_checks(exercise.module)[exercise.name]


def answers_of(exercise: Exercise) -> list[Callable]:
    exists = (ROOT / answers_file(exercise)).exists()
    return answers(exercise.part, exercise.name) if exists else []  # test_exercise_is_complete says what is missing


def check_file(exercise: Exercise) -> str:
    return f"tests/{exercise.part}/{exercise.name}.py"


def answers_file(exercise: Exercise) -> str:
    return f"tests/answers/{exercise.part}/{exercise.name}.py"


def to_be_written(exercise: Exercise) -> list[str]:
    """What the learner has to write, line by line."""
    written = set(exercise.answer.text.splitlines()) - set(exercise.stub.splitlines())
    return [line.strip() for line in written if len(line.strip()) > 3 and not line.strip().startswith("###")]


each_exercise = pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.name)


def verdict(exercise: Exercise, answer: object, seed: int, capsys) -> str | None:
    """The check's message, or None where it accepts."""
    try:
        check_of(exercise)(answer, seed=seed)
    except AssertionError as failure:
        assert not capsys.readouterr().out, "a check that fails prints nothing"
        return str(failure)
    except Exception as error:
        return "\n".join([f"{type(error).__name__}: {error}", *getattr(error, "__notes__", [])])
    out = capsys.readouterr().out
    said = rf"ok \d+\.\d+ {exercise.name}:\s[^\n]+\n(   [^\n]+\n){{0,3}}"
    assert re.fullmatch(said, out), f"too much is said: {out!r}"
    return None


# ------------------------------------------------------------------------------------------------ what may be forgotten


@each_exercise
def test_exercise_is_complete(exercise):
    """The source is one of its three files; a check or answers without that are named below."""
    assert to_be_written(exercise)
    check, answers = check_file(exercise), answers_file(exercise)
    assert (ROOT / check).exists(), f"{check} is missing: copy a neighbour, and write check_{exercise.name} in it"
    assert (ROOT / answers).exists(), f"{answers} is missing: copy a neighbour, and write right and wrong answers"
    assert exercise.name in find_checks(exercise.module), f"{check} has no check_{exercise.name} under @check"
    number = check_of(exercise).number
    assert number == exercise.number, f"{check} says {number}, {exercise.module}.py says {exercise.number}"
    wrongs = sum(answer.diagnosis is not None for answer in answers_of(exercise))
    rights = len(answers_of(exercise)) - wrongs
    assert wrongs >= WRONG, f"{answers} has {wrongs} wrong answers, it needs {WRONG}: each one mistake of a learner"
    assert rights >= RIGHT, f"{answers} has {rights} right answers, it needs {RIGHT}: each written in another way"


def left_over(pattern: str, file_of: Callable[[Exercise], str]) -> list[str]:
    """Files like this that belong to no exercise of the sources."""
    files = {path.relative_to(ROOT).as_posix() for path in ROOT.glob(pattern) if path.stem != "__init__"}
    return sorted(files - {file_of(exercise) for exercise in EXERCISES})


def test_every_check_belongs_to_an_exercise():
    left = left_over("tests/part*/*.py", check_file)
    assert not left, f"no exercise has these checks, write its slice of solutions/part*.py or remove them: {left}"


def test_every_answer_belongs_to_an_exercise():
    left = left_over("tests/answers/part*/*.py", answers_file)
    assert not left, f"no exercise has these answers, write its slice of solutions/part*.py or remove them: {left}"


@each_exercise
def test_every_answer_is_marked(exercise):
    path = ROOT / answers_file(exercise)
    defined = re.findall(r"^(?:def|class) ([^\W_]\w*)", path.read_text(encoding="utf-8"), re.MULTILINE)
    marked = [answer.__name__ for answer in answers_of(exercise)]
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
    assert message.splitlines() == [
        f"NotImplementedError: {exercise.number} {exercise.name} is not written yet",
        "or its cell has not been run since",
    ]


@each_exercise
def test_what_is_not_a_function_is_named(exercise, capsys):
    message = verdict(exercise, 3, 0, capsys)
    assert message.endswith(f"the check takes {exercise.name} itself, without calling it, but got an int.")


def judge_answer(exercise: Exercise, answer: Callable, seeds: range, capsys) -> None:
    for seed in seeds:
        message = verdict(exercise, answer, seed, capsys)
        if answer.diagnosis is None:
            assert message is None, f"{answer.__name__}, seed {seed}: a right answer is refused: {message}"
        else:
            assert message and answer.diagnosis in message, (
                f"{answer.__name__}, seed {seed}: expected {answer.diagnosis!r}, got {message!r}"
            )
            if message.startswith(exercise.number):
                assert message.count("\n") <= 2, f"a message is short: {message}"
                assert not any(line in message for line in to_be_written(exercise)), f"a line is given away: {message}"


@each_exercise
def test_one_answer_of_each_kind_gets_its_verdict(exercise, capsys):
    """A right answer, and a wrong one for each diagnosis."""
    for answer in {answer.diagnosis: answer for answer in reversed(answers_of(exercise))}.values():
        judge_answer(exercise, answer, range(1), capsys)


@pytest.mark.slow
@pytest.mark.parametrize(
    "exercise, answer",
    [
        pytest.param(exercise, a, id=f"{exercise.name}-{a.__name__}")
        for exercise in EXERCISES
        for a in answers_of(exercise)
    ],
)
def test_answer_gets_its_verdict_under_many_seeds(exercise, answer, capsys):
    judge_answer(exercise, answer, MANY, capsys)


# ------------------------------------------------------------------------------------------------ the tables


@pytest.mark.parametrize("name", ["q_eq2", "q_eq4"])
def test_no_two_diagnoses_describe_the_same_behaviour(name):
    def fits(one, other):
        return all(q_eq2.Levels(n, *levels, grey=0, slack=0).fits(other[n - 1]) for n, levels in enumerate(one, 1))

    rows = [("right", q_eq2.jump(alpha_bar)), *find_checks("part1_diffusion")[name].mistakes]
    levels = [(question, [mistake(BETAS, n) for n in (1, 2, 3)]) for question, mistake in rows]
    for (question, one), (other_question, other) in combinations(levels, 2):
        assert question == other_question or not (fits(one, other) or fits(other, one)), (question, other_question)


@pytest.mark.slow
@each_exercise
def test_every_diagnosis_is_proved_by_a_wrong_answer(exercise, capsys):
    """An answer is tried only where what it must be told does not hold the question: that it is told so is proved."""
    tried = cache(lambda answer: verdict(exercise, answer, 0, capsys) or "")
    for question in dict.fromkeys(question for question, _ in check_of(exercise).mistakes):
        if not any(question in (answer.diagnosis or "") for answer in answers_of(exercise)):
            likely_first = sorted(answers_of(exercise), key=lambda answer: (answer.diagnosis or "?!") not in question)
            assert any(question in tried(answer) for answer in likely_first), (
                f"no wrong answer gets {question!r}: write one"
            )
