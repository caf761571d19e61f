"""What every check is made of: a judge, a verdict of one line, and a session that is left as it was.

A judge takes the learner's object, raises Mistake with a message for the learner, or returns what it has covered.
"""

import functools
import inspect
import io
import random
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from pathlib import Path
from traceback import walk_tb
from types import CodeType, FunctionType, ModuleType, TracebackType

import numpy as np
import torch as t


class Mistake(Exception):
    """What is wrong, in the learner's terms.
    facts: what was expected and what came   question: points at the cause, where it is recognised"""

    def __init__(self, facts: str, question: str = "") -> None:
        super().__init__(f"{facts}.\n{question}" if question else f"{facts}.")


def check(number: str) -> Callable[[Callable], Callable]:
    """Make a judge named check_NAME the check of the exercise with this number and NAME."""

    def decorate(judge: Callable) -> Callable:
        name = judge.__name__.removeprefix("check_")

        @functools.wraps(judge)
        def run(answer, seed: int = 0) -> None:
            __tracebackhide__ = True  # in pytest
            try:
                with session_as_it_was(seed), defaults_looked_after():
                    if not callable(answer):
                        raise Mistake(f"the check takes {name} itself, without calling it, but got {kind(answer)}")
                    covered = judge(answer)
            except Mistake as mistake:
                failure = AssertionError(f"{number} {name}: {mistake}")
                failure._render_traceback_ = lambda: [str(failure)]  # what IPython shows instead of our frames
                raise failure from None
            except (Exception, KeyboardInterrupt) as error:  # raised by the learner's own code: it is theirs to read
                name_hidden_module(error)
                hide_our_frames(error)
                raise
            print(f"ok {number} {name}: {covered}")

        run.number = number
        return run

    return decorate


@contextmanager
def session_as_it_was(seed: int) -> Iterator[None]:
    """Seed all random numbers inside, and set PyTorch's defaults; restore all of them at the end."""
    grad, dtype, device = t.is_grad_enabled(), t.get_default_dtype(), t.get_default_device()
    python, numpy = random.getstate(), np.random.get_state()
    autocast = {kind: (t.is_autocast_enabled(kind), t.get_autocast_dtype(kind)) for kind in ("cpu", "cuda")}
    with t.random.fork_rng([t.cuda.current_device()] if t.cuda.is_available() else []):
        seed_all(seed)
        for kind in autocast:
            t.set_autocast_enabled(kind, False)
        t.set_grad_enabled(True)
        t.set_default_dtype(t.float32)
        if device.type != "cpu":  # a default that is set makes every call slower
            t.set_default_device("cpu")
        try:
            yield
        finally:
            t.set_grad_enabled(grad)
            t.set_default_dtype(dtype)
            for kind, (enabled, precision) in autocast.items():
                t.set_autocast_enabled(kind, enabled)
                t.set_autocast_dtype(kind, precision)
            if t.get_default_device() != device:
                t.set_default_device(device if device.type != "cpu" else None)
            random.setstate(python)
            np.random.set_state(numpy)


@contextmanager
def defaults_looked_after() -> Iterator[None]:
    """An error that comes of a default that the learner's code has changed is told as that."""
    try:
        yield
    except Mistake:
        raise
    except Exception as error:
        left = {
            f"t.set_default_dtype({t.get_default_dtype()})": t.get_default_dtype() != t.float32,
            f"t.set_default_device({t.get_default_device().type!r})": t.get_default_device().type != "cpu",
            "t.set_grad_enabled(False)": not t.is_grad_enabled(),
        }
        if changed := [call for call, holds in left.items() if holds]:
            facts = f"it changes a default of PyTorch for all that follows, by {' and '.join(changed)} or the like"
            raise Mistake(f"{facts}: {type(error).__name__}", "Is it set back at the end?") from None
        raise


def careful(call: Callable) -> Callable:
    """The learner's function, after which PyTorch's defaults are as before, whatever it leaves."""

    def called(*inputs: object, **options: object) -> object:
        grad, dtype, device = t.is_grad_enabled(), t.get_default_dtype(), t.get_default_device()
        try:
            return call(*inputs, **options)
        finally:
            t.set_grad_enabled(grad)
            t.set_default_dtype(dtype)
            if t.get_default_device() != device:
                t.set_default_device(device if device.type != "cpu" else None)

    return called


def seed_all(seed: int) -> None:
    t.manual_seed(seed)
    random.seed(seed)
    np.random.seed(seed)


# where PyTorch turns module(x) into module.forward(x): several frames a layer, which tell a learner nothing
CALLS = (t.nn.modules.module.__file__, t.nn.modules.container.__file__)


def hide_our_frames(error: BaseException) -> None:
    """Let IPython show an error of the learner's code with the frames of that code, and of what it calls, alone."""
    frames, traceback = [], error.__traceback__
    while traceback:
        file = traceback.tb_frame.f_code.co_filename
        if Path(file).parent != Path(__file__).parent and file not in CALLS:
            frames.append(traceback)
        traceback = traceback.tb_next
    for frame in reversed(frames):
        traceback = TracebackType(traceback, frame.tb_frame, frame.tb_lasti, frame.tb_lineno)
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    show = shell.InteractiveTB.structured_traceback if shell else None
    with suppress(AttributeError):  # of an exception that takes no attributes
        if show and traceback:
            error._render_traceback_ = lambda: show(type(error), error, traceback, tb_offset=0)
        elif show:  # none of their code ran: the call itself failed
            error._render_traceback_ = lambda: [f"{type(error).__name__}: {error}", *getattr(error, "__notes__", [])]


def name_hidden_module(error: BaseException) -> None:
    """Note below an error that the learner's own variable hides a module, as with "for t in range(T)"."""
    frames = [frame for frame, _ in walk_tb(error.__traceback__)]
    frame = next((each for each in reversed(frames) if "t" in each.f_code.co_varnames), None)
    if frame and isinstance(frame.f_globals.get("t"), ModuleType):
        unbound = isinstance(error, UnboundLocalError) and "'t'" in str(error)
        if unbound or isinstance(error, AttributeError) and error.obj is frame.f_locals.get("t", error):
            error.add_note("There, t is a variable that hides PyTorch, imported as t: give it another name.")


def blame(answer: Callable, checks: dict[str, Callable]) -> None:
    """If the learner's own function or class uses another of theirs that fails its check, that one has to be mended
    first. checks: by the names that may be used"""
    for name, theirs in globals_used(answer).items():
        if name in checks and theirs is not None and not is_reference(theirs):
            try:
                with redirect_stdout(io.StringIO()):
                    checks[name](theirs)
            except Exception:
                number = checks[name].number
                raise Mistake(
                    f"{getattr(answer, '__name__', 'it')} uses your {name} ({number}), which fails its own check"
                ) from None


def is_reference(thing: object) -> bool:
    """Whether it comes from the solutions, whose checks the tests try."""
    return str(getattr(thing, "__module__", "")).startswith("solutions.")


def globals_used(answer: Callable) -> dict[str, object]:
    """The names of its module that a function or the methods of a class mention, and what they stand for."""
    used: dict[str, object] = {}
    for owner in getattr(answer, "__mro__", [answer]):
        for function in vars(owner).values() if isinstance(owner, type) else [owner]:
            function = inspect.unwrap(function) if callable(function) else function
            if isinstance(function, FunctionType) and not str(function.__module__).startswith("torch"):
                codes = [function.__code__]
                for code in codes:  # with those of comprehensions and inner functions
                    codes += [inner for inner in code.co_consts if isinstance(inner, CodeType)]
                    used |= {name: function.__globals__.get(name) for name in code.co_names}
    return used


def kind(thing: object) -> str:
    """A thing in the words of a message: "None", "a tensor of shape (3, 4)", "a list"."""
    if thing is None:
        return "None"
    if isinstance(thing, t.Tensor):
        return f"a tensor of shape {tuple(thing.shape)}"
    return (
        f"{'an' if type(thing).__name__[0] in 'aeiou' or isinstance(thing, np.ndarray) else 'a'} {type(thing).__name__}"
    )


NO_TENSOR = {
    list: "Are its entries put together in one tensor?",
    tuple: "Is one thing too many returned, or a comma left at the end of a line?",
    np.ndarray: "Is what NumPy made brought back to PyTorch?",
    float: "Does .item() or math make it a plain number?",
    int: "Does .item() or math make it a plain number?",
}


def expect_tensor(result: object, shape: tuple[int, ...], call: str, device: str = "cpu") -> None:
    """Refuse what is not a finite float32 tensor of this shape, on this device and apart from any graph."""
    if result is None:
        raise Mistake(f"{call} returns None", "Does the function end in a return?")
    if not isinstance(result, t.Tensor):
        raise Mistake(f"{call} returns {kind(result)}, expected one tensor", NO_TENSOR.get(type(result), ""))
    if result.shape != shape:
        raise Mistake(f"{call} returns {kind(result)}, expected shape {shape}")
    if result.dtype != t.float32:
        question = ""
        if result.dtype == t.float64:
            question = "Did NumPy or .double() compute it? Its numbers are float64."
        elif not result.is_floating_point():
            question = "Are these whole numbers, or true and false?"
        raise Mistake(f"{call} returns numbers of type {result.dtype}, expected torch.float32", question)
    if result.device.type != device:
        raise Mistake(f"{call} returns a tensor on {result.device.type}, expected it on {device}, where the input is")
    if result.requires_grad:
        raise Mistake(
            f"{call} returns a tensor that requires a gradient", "Nothing is learned here: is it a parameter?"
        )
    if not result.isfinite().all():
        bad = "nan" if result.isnan().any() else "inf"
        raise Mistake(f"{call} returns {bad}", "Is there a root of a negative number, or a division by 0?")


def numbers(values: t.Tensor) -> str:
    return "[" + ", ".join(f"{value:.4g}" for value in values.tolist()) + "]"
