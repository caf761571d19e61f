"""What a check does besides judging: it is quiet, it leaves the session as it was, and hides its own frames."""

import ast
import random
import re
from functools import partial
from importlib import import_module
from pkgutil import iter_modules
from types import SimpleNamespace

import nbformat
import numpy as np
import pytest
import torch as t
from nbclient import NotebookClient

from tests.checking import BETAS, Mistake, apart, check, in_order, judge_given, judge_slopes, numbers, schedule_for
from tests.part1 import check_q_eq2, check_q_eq4
from tests.test_answers import check_of, each_exercise
from tools.markup import ROOT


def state() -> list:
    """All that a learner's function could leave changed behind it."""
    kinds = ("cpu", "cuda")
    return [
        t.get_rng_state().tolist(),
        random.getstate(),
        np.random.get_state()[1].tolist(),
        t.is_grad_enabled(),
        t.get_default_dtype(),
        t.get_default_device(),
        [(t.is_autocast_enabled(kind), t.get_autocast_dtype(kind)) for kind in kinds],
    ]


def seeds(result):
    t.manual_seed(1)
    random.seed(1)
    np.random.seed(1)
    return result


def leaves_all_changed(result):
    t.set_grad_enabled(False)
    t.set_default_dtype(t.float64)
    t.set_default_device("meta")
    t.set_autocast_enabled("cpu", True)
    return seeds(result)


def interrupts(result):
    leaves_all_changed(result)
    raise KeyboardInterrupt  # the stop button, in an endless loop


def twisted(answer, twist):
    """A right answer whose result goes through twist: of a class, that of the method which is judged."""
    if not isinstance(answer, type):
        return lambda *given, **named: twist(answer(*given, **named))
    name = next(name for name in ("forward", "update", "alpha_bar") if name in vars(answer))
    method = getattr(answer, name)
    return type(answer.__name__, (answer,), {name: lambda self, *given, **named: twist(method(self, *given, **named))})


def reference(exercise):
    return getattr(import_module(f"solutions.{exercise.module}"), exercise.name)


@pytest.mark.slow
@pytest.mark.parametrize("twist", [seeds, leaves_all_changed, interrupts])
@each_exercise
def test_session_is_left_as_it_was(exercise, twist):
    before = state()
    try:
        check_of(exercise)(twisted(reference(exercise), twist))
    except (Exception, KeyboardInterrupt) as error:
        assert isinstance(error, KeyboardInterrupt) or twist is not interrupts, error
    else:
        assert twist is not interrupts, "an interrupt is passed on"
    assert state() == before


@pytest.mark.slow
@each_exercise
def test_what_an_answer_prints_is_its_own(exercise, capsys):
    check_of(exercise)(twisted(reference(exercise), lambda result: print("here I am") or result))
    printed = capsys.readouterr().out.splitlines()
    (ok,) = [n for n, line in enumerate(printed) if line.startswith("ok ")]
    assert set(printed[:ok]) == {"here I am"} and all(line.startswith("   ") for line in printed[ok + 1 :])


@pytest.mark.parametrize("instead", [None, "text", 3, [], float("nan"), np.zeros(3)], ids=repr)
@each_exercise
def test_a_result_of_the_wrong_kind_is_refused_in_words(exercise, instead):
    if exercise.name in ("MovingAverage", "training_step"):
        pytest.skip("it returns nothing")
    with pytest.raises(AssertionError) as failure:
        check_of(exercise)(twisted(reference(exercise), lambda result: instead))
    assert len(str(failure.value).splitlines()) <= 3


@pytest.mark.slow
@each_exercise
def test_any_callable_is_taken(exercise):
    answer = reference(exercise)
    if isinstance(answer, type):
        check_of(exercise)(type("Mine", (answer,), {}))
    else:
        check_of(exercise)(partial(answer))
        check_of(exercise)(SimpleNamespace(method=lambda *given, **named: answer(*given, **named)).method)


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


def test_a_failed_check_carries_the_mistake_in_its_parts():
    with pytest.raises(AssertionError) as failure:
        check_q_eq4(lambda x, num_steps, betas: x)
    mistake = failure.value.mistake
    assert mistake.facts.startswith("after 1 step\n1.000 of the image is left")
    assert mistake.question == "You give x back as it came."
    assert str(failure.value) == f"1.4 q_eq4: with betas {BETAS}, {mistake.facts}.\n{mistake.question}"


def test_an_earlier_exercise_that_fails_is_named_and_no_later_one():
    space: dict = {}
    for name, other in (("q_eq2", "q_eq4"), ("q_eq4", "q_eq2")):
        body = f"return {other}(x, num_steps - 1, betas) if num_steps else x"
        exec(f"def {name}(x, num_steps, betas):\n    {body}", space)
    with pytest.raises(AssertionError, match=r"q_eq4 uses your q_eq2 \(1.3\), which fails its own check"):
        check_q_eq4(space["q_eq4"])
    with pytest.raises(AssertionError, match="You give x back as it came"):
        check_q_eq2(space["q_eq2"])


def test_the_checks_of_a_part_come_in_the_order_of_their_numbers():
    for part in ("part1", "part2", "part3"):
        package = import_module(f"tests.{part}")
        numbers = [in_order(check.number) for key, check in vars(package).items() if key.startswith("check_")]
        assert numbers == sorted(numbers) and len(numbers) == len(list(iter_modules(package.__path__)))


@pytest.mark.slow
def test_a_notebook_shows_a_failed_check_as_its_message_and_a_learners_error_with_the_learners_frames_alone():
    cells = [
        "import tests.part1\ntests.part1.check_q_eq4(lambda x, num_steps, betas: x)",
        "def q_eq4(x, num_steps, betas):\n    return x * bettas\n\ntests.part1.check_q_eq4(q_eq4)",
    ]
    cells.append(
        "import torch as t\n\ndef q_eq2(x, num_steps, betas):\n    for t in range(num_steps):\n"
        "        x = t.ones_like(x)\n    return x\n\ntests.part1.check_q_eq2(q_eq2)"
    )
    cells.append(
        "import tests.part2\n\nclass SiLU(t.nn.Module):\n    def forward(self, x):\n"
        "        return t.nn.Sequential(t.nn.Linear(1, 1))(x)\n\ntests.part2.check_SiLU(SiLU)"
    )
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    NotebookClient(notebook, timeout=120, allow_errors=True, resources={"metadata": {"path": ROOT}}).execute()
    failed, raised, hidden, layers = (cell.outputs[-1] for cell in notebook.cells)  # as JupyterLab would get them
    assert failed.ename == "AssertionError"
    assert failed.traceback == [failed.evalue]
    assert failed.evalue.startswith("1.4 q_eq4: ") and len(failed.evalue.splitlines()) <= 3
    shown = "\n".join(raised.traceback)
    assert raised.ename == "NameError" and "bettas" in shown
    assert "The check called it with x of shape (3, 5, 6), num_steps=2" in shown
    assert "tests/part1/" not in shown and "checking.py" not in shown and "judge" not in shown
    assert len(shown.splitlines()) < 15
    shown = "\n".join(layers.traceback)
    assert "Linear" in shown and "_call_impl" not in shown and "container.py" not in shown
    assert hidden.ename == "AttributeError"
    assert hidden.traceback[-1].endswith(
        "There, t is a variable that hides PyTorch, imported as t: give it another name."
    )


@pytest.mark.parametrize(
    "answer, hides",
    [
        ("t.ones(2)\n    for t in range(2): pass", True),
        ("[t.ones(n) for t in range(2)]", True),
        ("t.no_such_thing", False),
        ("t = 2\n    x.no_such_thing", False),
        ("t = 2\n    later", False),
    ],
)
def test_an_error_says_where_a_variable_hides_pytorch(answer, hides):
    space: dict = {"t": t}
    exec(f"def answer(x=1, n=2):\n    {answer}", space)
    with pytest.raises((AttributeError, NameError)) as raised:
        check("9.9")(lambda answer: answer())(space["answer"])
    assert any("hides PyTorch" in note for note in getattr(raised.value, "__notes__", [])) == hides


@check("9.9")
def check_what_follows(answer):
    """It fails, though not in itself, where a default is another one."""
    answer()
    weight = t.ones(2, requires_grad=True)
    (weight @ t.ones(2, dtype=t.float32)).backward()
    assert weight.grad.tolist() == [1, 1]
    return "all"


@pytest.mark.parametrize(
    "leave, said",
    [
        (partial(t.set_default_dtype, t.float64), "t.set_default_dtype(torch.float64)"),
        (partial(t.set_default_device, "meta"), "t.set_default_device('meta')"),
        (partial(t.set_grad_enabled, False), "t.set_grad_enabled(False)"),
    ],
)
def test_an_error_that_comes_of_a_changed_default_is_told_as_that(leave, said, capsys):
    before = state()
    with pytest.raises(AssertionError, match="9.9 what_follows: it changes a default of PyTorch") as failure:
        check_what_follows(leave)
    assert said in str(failure.value) and "Where is it set back?" in str(failure.value)
    assert state() == before
    check_what_follows(lambda: None)
    assert capsys.readouterr().out == "ok 9.9 what_follows: all\n"


def says_which_way(question: str) -> bool:
    """ "You ..." for what is done and wrong, "Where ...?" for what is missing, at times after what is right."""
    sentences = re.split(r"(?<=[.?]) ", question)
    told = any(sentence.startswith(("You ", "Where ")) or ", so where" in sentence for sentence in sentences)
    return told and not any(UNTOLD.match(sentence) for sentence in sentences)


UNTOLD = re.compile("(Is|Are|Was|Were|Do|Does|Did|Has|Have|Can|Should) .*[?]$")  # it accuses as well as it reminds


@each_exercise
def test_a_question_says_which_way_the_mistake_goes(exercise):
    questions = [question for question, _ in check_of(exercise).mistakes]
    assert not [question for question in questions if not says_which_way(question)]


def test_no_question_of_a_check_leaves_open_which_way_the_mistake_goes():
    """Those outside of the tables, too."""
    open_ones = []
    for file in sorted((ROOT / "tests").glob("part*/*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                sentences = re.split(r"(?<=[.?]) |\n", node.value)
                open_ones += [f"{file.name}:{node.lineno}: {each}" for each in sentences if UNTOLD.match(each)]
    assert not open_ones, "\n".join(open_ones)


def in_notebook(source: str, **variables: object) -> dict:
    """A cell's functions, with what other cells have left."""
    space = {"t": t, "nn": t.nn, **variables}
    exec(source, space)
    return space


def verdict_on(judge, answer) -> str:
    with pytest.raises(Exception) as raised:
        check("9.9")(judge)(answer)
    return "\n".join([str(raised.value), *getattr(raised.value, "__notes__", [])])


def refuses(answer):
    raise Mistake("it is wrong", "You add.")


def test_a_variable_of_another_cell_is_named():
    noised = t.zeros(2, 3)
    space = in_notebook(
        "EPS = 1e-5\ndef helper(x): return x + noised\n"
        "def answer(x, noise):\n    return helper(x) * EPS + schedule.betas",
        schedule=schedule_for(),
        noised=noised,
    )
    told = "`noised` and `schedule` are no arguments: they come from another cell."
    assert verdict_on(refuses, space["answer"]) == f"9.9 refuses: it is wrong.\n{told} You add."
    assert told in verdict_on(lambda answer: answer(t.zeros(3, 2), 0), space["answer"]), "below an error, too"
    fine = in_notebook("class A(nn.Module):\n    def forward(self, x): return self.noised * t.ones(2)", noised=noised)
    assert verdict_on(refuses, fine["A"]) == "9.9 refuses: it is wrong.\nYou add."


def test_an_error_tells_what_its_line_worked_on():
    space = in_notebook("def answer(x, n):\n    y = x.flatten()\n    return y + t.zeros(n)")
    assert "There, x has shape (3, 2), n is 5, y has shape (6,)." in verdict_on(
        lambda answer: answer(t.zeros(3, 2), 5), space["answer"]
    )


def test_a_stub_may_be_an_old_cell():
    space = in_notebook('def answer():\n    raise NotImplementedError("9.9 answer is not written yet")')
    message = verdict_on(lambda answer: answer(), space["answer"])
    assert message == "9.9 answer is not written yet\nor its cell has not been run since"


def test_endless_recursion_is_told_in_one_line():
    space = in_notebook("class A(nn.Module):\n    def forward(self, x): return self(x)")
    message = verdict_on(lambda answer: answer()(1), space["A"])
    assert message.endswith(
        "forward calls itself without end.\nYou call self(...) in forward, which is forward once more."
    )


def test_numbers_that_differ_look_different():
    assert apart(2.0817, 2.0823) == "2.0817, expected 2.0823"
    assert apart(1.0, 2.0) == "1.000, expected 2.000"
    assert numbers(t.tensor([1.0, 2.000012]), t.tensor([1.0, 2.0])) == "[1, 2.00001]"


def test_a_gradient_that_stops_on_one_of_two_ways_is_noticed():
    x = t.randn(2, 3)
    judge_slopes(lambda x: x + x.relu(), "{}", "", x=x)
    for wrong in (lambda x: x + x.detach().relu(), lambda x: x.detach() + 0 * x, lambda x: x.detach()):
        with pytest.raises(Mistake, match="^x."):
            judge_slopes(wrong, "{}", "", x=x)


def test_what_is_rounded_on_one_of_two_ways_is_told_from_what_is_detached():
    x = t.randn(20, 30)
    with pytest.raises(Mistake, match="You round it"):
        judge_slopes(lambda x: x.tanh() + x.bfloat16().float(), "{}", "You detach it.", x=x)
    with pytest.raises(Mistake, match="You detach it"):
        judge_slopes(lambda x: x.tanh() + x.detach(), "{}", "You detach it.", x=x)


def test_what_is_given_may_not_be_overwritten():
    judge_given(SimpleNamespace(a=1, b=None), a=1, b=None)
    with pytest.raises(Mistake, match="You overwrite self.a"):
        judge_given(SimpleNamespace(a=2), a=1)
    with pytest.raises(Mistake, match="self.a is not there"):
        judge_given(SimpleNamespace(), a=1)
