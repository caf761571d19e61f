"""What every check is made of: a judge, a verdict of one line, and a session that is left as it was.

A judge takes the learner's object, raises Mistake with a message for the learner, or returns what it has covered.
tests/part1/q_eq4.py holds the judge of exercise q_eq4 and its table of mistakes, and nothing lists it.
"""

import dis
import functools
import inspect
import io
import pkgutil
import random
import re
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout, suppress
from importlib import import_module
from itertools import product
from math import nan, prod, sqrt
from pathlib import Path
from traceback import walk_tb
from types import CodeType, FrameType, FunctionType, ModuleType, TracebackType
from typing import Any

import numpy as np
import torch as t
from torch import nn

from solutions.part1_diffusion import NoiseSchedule

# ------------------------------------------------------------------------------------------------ a check


class Mistake(Exception):
    """What is wrong, in the learner's terms.
    facts: what was expected and what came   question: points at the cause, where it is recognised
    given: what the facts hold for, needed only to redo the sum: "with betas [0.1, 0.4]"

    A question's first word says which way the mistake goes. "You take a root of the whole. ..." names what was done and
    is wrong. "Where is the root?" asks for what is missing."""

    def __init__(self, facts: str, question: str = "", given: str = "") -> None:
        self.facts, self.question, self.given = facts, question, given
        whole = f"{given}, {facts}" if given else facts
        super().__init__(f"{whole}.\n{question}" if question else f"{whole}.")


def check(number: str, mistakes: Sequence[tuple[str, Any]] = ()) -> Callable[[Callable], Callable]:
    """Make a judge named check_NAME the check of the exercise with this number and NAME.
    mistakes: the rows it recognises mistakes by, question and what the mistake makes: the tests prove each of them"""

    def decorate(judge: Callable) -> Callable:
        name, part = judge.__name__.removeprefix("check_"), judge.__module__.rpartition(".")[0]

        @functools.wraps(judge)
        def run(answer, seed: int = 0) -> None:
            __tracebackhide__ = True  # in pytest
            try:
                with session_as_it_was(seed), defaults_looked_after():
                    if not callable(answer):
                        raise Mistake(f"the check takes {name} itself, without calling it, but got {kind(answer)}")
                    try:
                        covered = judge(answer)
                    except RecursionError as error:  # which a notebook would take half a minute to show
                        raise told_recursion(error, answer) from None
                    except Mistake as mistake:
                        blame_earlier(answer, part, number)
                        said = " ".join(filter(None, [name_leftovers(answer, part), mistake.question]))
                        raise Mistake(mistake.facts, said, mistake.given) from None
            except Mistake as mistake:
                failure = AssertionError(f"{number} {name}: {mistake}")
                failure.mistake = mistake
                failure._render_traceback_ = lambda: [str(failure)]  # what IPython shows instead of our frames
                raise failure from None
            except (Exception, KeyboardInterrupt) as error:  # raised by the learner's own code: it is theirs to read
                explain(error, answer, part)
                hide_our_frames(error)
                raise
            said = f"ok {number} {name}: {'from the solutions, as you chose' if is_reference(answer) else covered}"
            print(textwrap.fill(said, 60, subsequent_indent="   "))

        run.number, run.mistakes = number, mistakes
        return run

    return decorate


def checks_in(package: str, folders: Iterable[str]) -> dict[str, Callable]:
    """What a part's __init__.py makes of its files: check_NAME of each NAME.py, in the order of their numbers."""
    modules = {f"check_{file.name}": import_module(f"{package}.{file.name}") for file in pkgutil.iter_modules(folders)}
    found = [(key, vars(module)[key]) for key, module in modules.items() if key in vars(module)]  # else a test says so
    return dict(sorted(found, key=lambda row: in_order(row[1].number)))


def in_order(number: str) -> list[int]:
    return [int(digits) for digits in number.split(".")]


def blame_earlier(answer: Callable, part: str, number: str) -> None:
    """If the learner's own function or class uses an earlier one of theirs that fails its check, that one has to be
    mended first. part: "tests.part1", whose checks are tried   number: of the exercise that has failed"""
    for name, theirs in globals_used(answer).items():
        earlier = vars(sys.modules[part]).get(f"check_{name}")
        if earlier and not is_reference(theirs) and in_order(earlier.number) < in_order(number):
            try:
                with redirect_stdout(io.StringIO()):
                    earlier(theirs)
            except Exception:
                user = getattr(answer, "__name__", "it")
                raise Mistake(f"{user} uses your {name} ({earlier.number}), which fails its own check") from None


def is_reference(thing: object) -> bool:
    """Whether it comes from the solutions, whose checks the tests try."""
    return str(getattr(thing, "__module__", "")).startswith("solutions.")


def functions_of(answer: object) -> list[FunctionType]:
    """A function, or the methods and properties of a class and of its bases."""
    things = [each for owner in getattr(answer, "__mro__", ()) for each in vars(owner).values()] or [answer]
    things = [thing.fget if isinstance(thing, property) else thing for thing in things]
    functions = [inspect.unwrap(thing) for thing in things if callable(thing)]
    return [
        each for each in functions if isinstance(each, FunctionType) and not str(each.__module__).startswith("torch")
    ]


def globals_used(answer: Callable) -> dict[str, object]:
    """The names of its module that a function or the methods of a class read, and what they stand for."""
    used: dict[str, object] = {}
    for function in functions_of(answer):
        codes, space = [function.__code__], function.__globals__
        for code in codes:  # with those of comprehensions and inner functions
            codes += [inner for inner in code.co_consts if isinstance(inner, CodeType)]
            names = {each.argval for each in dis.get_instructions(code) if each.opname in ("LOAD_GLOBAL", "LOAD_NAME")}
            used |= {name: space[name] for name in names if name in space}
    return used


def leftovers(answer: Callable, part: str) -> list[str]:
    """Variables of other cells that a learner's function reads, or one of theirs that it calls: no function, class or
    module, no CONSTANT, and nothing that the part gives."""
    given = {
        name for key, module in sys.modules.items() if key.startswith(f"solutions.{part}_") for name in vars(module)
    }
    found, seen, left = [answer], [], []
    for each in found:
        for name, thing in globals_used(each).items():
            if isinstance(thing, ModuleType) or (callable(thing) and not isinstance(thing, nn.Module)):
                if functions_of(thing) and not is_reference(thing) and not any(thing is other for other in seen):
                    seen.append(thing)
                    found += [thing] if getattr(thing, "__module__", "") == getattr(answer, "__module__", "") else []
            elif name not in given and not name.startswith("__") and not (name.isupper() and len(name) > 1):
                left.append(name)
    return sorted({*left})


def name_leftovers(answer: Callable, part: str) -> str:
    """What to say of variables that come from other cells; empty where there are none. part: "tests.part1" """
    names = [] if is_reference(answer) else [f"`{name}`" for name in leftovers(answer, part.rpartition(".")[2])]
    if not names:
        return ""
    said = "are no arguments: they come" if names[1:] else "is no argument: it comes"
    return f"{' and '.join(names)} {said} from another cell."


# ------------------------------------------------------------------------------------------------ the session


@contextmanager
def session_as_it_was(seed: int) -> Iterator[None]:
    """Seed all random numbers inside, and set PyTorch's defaults; restore all of them at the end."""
    device, python, numpy = t.get_default_device(), random.getstate(), np.random.get_state()
    autocast = {kind: (t.is_autocast_enabled(kind), t.get_autocast_dtype(kind)) for kind in ("cpu", "cuda")}
    with t.random.fork_rng([t.cuda.current_device()] if t.cuda.is_available() else []), defaults_put_back():
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
            for kind, (enabled, precision) in autocast.items():
                t.set_autocast_enabled(kind, enabled)
                t.set_autocast_dtype(kind, precision)
            random.setstate(python)
            np.random.set_state(numpy)


@contextmanager
def defaults_put_back() -> Iterator[None]:
    """Gradients, dtype and device are at the end what they were, whatever is set inside."""
    grad, dtype, device = t.is_grad_enabled(), t.get_default_dtype(), t.get_default_device()
    try:
        yield
    finally:
        t.set_grad_enabled(grad)
        t.set_default_dtype(dtype)
        if t.get_default_device() != device:
            t.set_default_device(device if device.type != "cpu" else None)


def careful(call: Callable) -> Callable:
    """The learner's function, after which PyTorch's defaults are as before, whatever it leaves."""

    def called(*inputs: object, **options: object) -> object:
        with defaults_put_back():
            return call(*inputs, **options)

    return called


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
            raise Mistake(f"{facts}: {type(error).__name__}", "Where is it set back?") from None
        raise


def seed_all(seed: int) -> None:
    t.manual_seed(seed)
    random.seed(seed)
    np.random.seed(seed)


OURS = Path(__file__).parent
SOLUTIONS = OURS.parent / "solutions"
# where PyTorch turns module(x) into module.forward(x): several frames a layer, which tell a learner nothing
CALLS = (t.nn.modules.module.__file__, t.nn.modules.container.__file__)


def hide_our_frames(error: BaseException) -> None:
    """Let IPython show an error of the learner's code with the frames of that code, and of what it calls, alone: no
    line of a check, and none of a solution."""
    traceback, earlier = theirs(error.__traceback__), error.__cause__ or error.__context__
    while earlier:  # which IPython shows, too
        earlier.__traceback__, earlier = theirs(earlier.__traceback__), earlier.__cause__ or earlier.__context__
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    show = shell.InteractiveTB.structured_traceback if shell else None
    with suppress(AttributeError):  # of an exception that takes no attributes
        if show and traceback:
            error._render_traceback_ = lambda: show(type(error), error, traceback, tb_offset=0)
        elif show:  # none of their code ran: the call itself failed
            error._render_traceback_ = lambda: [f"{type(error).__name__}: {error}", *getattr(error, "__notes__", [])]


def theirs(traceback: TracebackType | None) -> TracebackType | None:
    """A traceback without the frames of checks and solutions, and without PyTorch's calls of modules."""
    frames = []
    while traceback:
        file = traceback.tb_frame.f_code.co_filename
        if not {OURS, SOLUTIONS} & {*Path(file).parents} and file not in CALLS:
            frames.append(traceback)
        traceback = traceback.tb_next
    for frame in reversed(frames):
        traceback = TracebackType(traceback, frame.tb_frame, frame.tb_lasti, frame.tb_lineno)
    return traceback


def frames_of(error: BaseException, answer: Callable) -> list[FrameType]:
    """Where the error went through the learner's own code, outermost first."""
    spaces = [function.__globals__ for function in functions_of(answer)]
    frames = [frame for frame, _ in walk_tb(error.__traceback__)]
    return [frame for frame in frames if any(frame.f_globals is space for space in spaces)]


def told_recursion(error: RecursionError, answer: Callable) -> Mistake:
    names = [frame.f_code.co_name for frame in frames_of(error, answer)]
    name = max(names, key=names.count, default="it")
    question = f"You call {name} in {name}. Where does that end?"
    if name == "forward":
        question = "You call self(...) in forward, which is forward once more."
    return Mistake(f"{name} calls itself without end", question)


WORDS = [  # of PyTorch and Python, and what they mean for a learner
    (NotImplementedError, "is not written yet", "or its cell has not been run since"),
    (NameError, "name 'torch' is not defined", "PyTorch is imported as t here."),
    (AttributeError, "has no setter", "self.device cannot be set: it is given, as a property. Leave that line out."),
    (KeyError, "already exists", "The class has a method or an attribute of that name. Which names does it declare?"),
    (
        ValueError,
        "Expected more than 1 value per channel",
        "A batch norm wants many images. One alone is to work, too.",
    ),
    (
        RuntimeError,
        "does not require grad",
        "The loss has no gradient to give: the guess is detached, or made under no_grad.",
    ),
    (RuntimeError, "Boolean value of Tensor", "if, or, min() and max() ask whether a tensor of many numbers is true."),
    (TypeError, "'Tensor' object is not callable", "A tensor is called. Is it stored under the name of a method?"),
    (TypeError, "'NoneType' has no len()", "It is None, as a model's noise_schedule is before training."),
    (
        AttributeError,
        "'NoneType' object has no",
        "None is a noise_schedule before training, and a testset that is not given.",
    ),
    (RuntimeError, "only for scalar outputs", "The loss is many numbers. Where is their mean?"),
    (
        IndexError,
        "too many indices for tensor",
        "The tensor has fewer axes. squeeze() takes away every axis of length 1.",
    ),
    (RuntimeError, "same number of dimensions", "t.cat joins tensors of equally many axes. Timesteps have one."),
    (
        TypeError,
        "invalid combination of arguments",
        "PyTorch takes its arguments in another order, or of another type.",
    ),
    (RuntimeError, "shapes cannot be multiplied", "A layer gets another number of inputs than it was made for."),
    (RuntimeError, "Sizes of tensors must match", "t.cat joins along one axis, dim. The others have to agree."),
    (TypeError, "Module.", "Every module has a method of that name. Give your own layer another name."),
    (TypeError, "Sequential.forward()", "nn.Sequential passes on one tensor. Call a layer that takes two by itself."),
    (AttributeError, "before Module.__init__() call", "Where does __init__ begin with super().__init__()?"),
    (ValueError, "divisible by num_groups", "The groups come first in nn.GroupNorm, and last in ResidualBlock."),
    (ValueError, "only one element tensors", "Functions of math take one number. Those of PyTorch take tensors."),
    (
        RuntimeError,
        "Given normalized_shape",
        "nn.LayerNorm takes the last axes. nn.GroupNorm is made for (B, C, H, W).",
    ),
    (RuntimeError, "call numpy() on Tensor", "NumPy stops the gradients. PyTorch has functions of the same names."),
    (RuntimeError, "modified by an inplace operation", "You write into a tensor in place that the gradient needs."),
]


def explain(error: BaseException, answer: Callable, part: str) -> None:
    """Note below an error of the learner's own what its words mean here, what their line worked on, and which of its
    variables come from elsewhere."""
    name_hidden_module(error)
    for kind_of, words, meaning in WORDS:
        if isinstance(error, kind_of) and re.search(rf"(?<!\w){re.escape(words)}", str(error)):
            error.add_note(meaning)
    if isinstance(error, RuntimeError | ValueError | IndexError | TypeError) and type(error) is not NotImplementedError:
        name_values(error, answer)
        if said := name_leftovers(answer, part):
            error.add_note(said)


def name_values(error: BaseException, answer: Callable) -> None:
    """Note what the learner's line worked on."""
    frames = frames_of(error, answer)
    values = frames[-1].f_locals.items() if frames else ()
    known = [
        f"{name} has shape {tuple(value.shape)}" if isinstance(value, t.Tensor) else f"{name} is {value}"
        for name, value in values
        if isinstance(value, t.Tensor | int | float | None) and name.isidentifier() and name != "self"
    ]
    if known:
        error.add_note(f"There, {', '.join(known[:6])}.")


def name_hidden_module(error: BaseException) -> None:
    """Note below an error that the learner's own variable hides a module, as with "for t in range(T)"."""
    frames = [frame for frame, _ in walk_tb(error.__traceback__)]
    frame = next((each for each in reversed(frames) if "t" in each.f_code.co_varnames), None)
    if frame and isinstance(frame.f_globals.get("t"), ModuleType):
        hides = isinstance(error, UnboundLocalError) and "'t'" in str(error)
        if isinstance(error, AttributeError):  # after a comprehension, Python 3.12 no longer has its t
            over = "t" not in frame.f_locals and error.obj is not t and hasattr(t, error.name)
            hides = over or error.obj is frame.f_locals.get("t", error)
        if hides:
            error.add_note("There, t is a variable that hides PyTorch, imported as t: give it another name.")


# ------------------------------------------------------------------------------------------------ what judges use


def recognise(mistakes: Iterable[tuple[str, Any]], fits: Callable[[Any], bool], otherwise: str = "") -> str:
    """The question of the first mistake that fits all that was measured.
    mistakes: rows of question and what the mistake makes"""
    return next((question for question, made in mistakes if fits(made)), otherwise)


def factors_of(made: t.Tensor, *parts: t.Tensor, atol: float = 1e-3) -> t.Tensor | None:
    """With which factors the parts add up to what is made, (number of parts,); None where they don't."""
    columns, sums = t.stack([part.flatten().double() for part in parts], dim=1), made.detach().flatten().double()
    if len(sums) < len(parts) or not sums.isfinite().all():
        return None
    factors = t.linalg.lstsq(columns, sums[:, None]).solution[:, 0]
    is_sum = (columns @ factors).allclose(sums, rtol=1e-4, atol=atol)
    return factors.float().round(decimals=5) + 0.0 if is_sum else None  # no -0


@contextmanager
def unchanged(who: str = "it", **given: t.Tensor) -> Iterator[None]:
    """Refuse a call inside that writes into what it is given. given: by the names that the learner knows"""
    before = {name: value.clone() for name, value in given.items()}
    yield
    for name, value in given.items():
        if not value.equal(before[name]):
            raise Mistake(f"{who} changes the {name} it is given", f"You write into {name} in place.")


def expect_error(call: Callable, facts: str, question: str) -> None:
    """A call that cannot be right has to say so."""
    try:
        call()
    except NotImplementedError:
        raise
    except Exception:
        return
    raise Mistake(facts, question)


DEVICES = ["cpu", "cuda"][: 1 + t.cuda.is_available()]
TWO_DEVICES = ("expected device", "same device", "two devices", "tensor to numpy")  # PyTorch's words where they meet


def elsewhere(call: Callable, facts: str, question: str, words: Sequence[str] = TWO_DEVICES) -> object:
    """What a call gives on PyTorch's meta device, which has no numbers but is on every machine, or None where it needs
    numbers. Refuse it if tensors of two devices meet. words: in an error that tells so"""
    try:
        return call()
    except Mistake:
        raise
    except Exception as error:  # one that asks for a number is no mistake
        if any(each in str(error) for each in words):
            raise Mistake(facts, question) from None
        return None


def on_cuda(judge: Callable[[str], object], facts: str, question: str) -> None:
    """Where there is a GPU, judge there, last, what is right on the CPU. Refuse it if tensors of two devices meet.
    judge: takes the device's name"""
    for device in DEVICES[1:]:
        try:
            judge(device)
        except Mistake:
            raise
        except Exception as error:
            if any(each in str(error) for each in TWO_DEVICES):
                raise Mistake(facts, question) from None
            raise


class Recording(nn.Module):
    """A model that remembers what it is asked. On the meta device, which has no numbers, it only answers.
    where: the question to ask about what is on another device than the model"""

    img_shape: tuple[int, ...]
    where = "You make them on another device."

    def __init__(self, noise_schedule: NoiseSchedule | None, device: str = "cpu", weight: float = 0.0) -> None:
        super().__init__()
        self.noise_schedule = noise_schedule
        self.weight = nn.Parameter(t.tensor(weight, device=device))  # so that a graph shows where gradients are on
        self.shown: list[t.Tensor] = []
        self.counts: list[float] = []

    def forward(self, images: t.Tensor, num_steps: t.Tensor) -> t.Tensor:
        self.refuse(images, num_steps)
        for what, thing in [("images", images), ("timesteps", num_steps)]:
            if isinstance(thing, t.Tensor) and thing.device.type != self.weight.device.type:
                facts = f"a model that is on another device gets {what} on the {thing.device.type}"
                raise Mistake(facts, self.where)
        return images + self.weight if images.is_meta else self.answer(images, num_steps)

    def refuse(self, images: object, num_steps: object) -> None:
        """Raise Mistake for what no model should be asked."""

    def answer(self, images: t.Tensor, num_steps: t.Tensor) -> t.Tensor:
        raise NotImplementedError

    def remember(self, images: t.Tensor, num_steps: t.Tensor) -> None:
        self.shown.append(images.detach().clone())
        self.counts.append(num_steps[0].item())


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
    list: "You return a list. Which tensor is asked for?",
    tuple: "You return one thing too many, or there is a comma at the end of a line.",
    np.ndarray: "Where is what NumPy made brought back to PyTorch?",
    float: "You make it a plain number, by .item() or math.",
    int: "You make it a plain number, by .item() or math.",
}


def expect_tensor(result: object, shape: tuple[int, ...], call: str, device: str = "cpu") -> None:
    """Refuse what is not a finite float32 tensor of this shape, on this device and apart from any graph."""
    if result is None:
        raise Mistake(f"{call} returns None", "Where does the function return something?")
    if not isinstance(result, t.Tensor):
        raise Mistake(f"{call} returns {kind(result)}, expected one tensor", NO_TENSOR.get(type(result), ""))
    if result.shape != shape:
        raise Mistake(f"{call} returns {kind(result)}, expected shape {shape}", question_of_shape(result.shape, shape))
    if result.dtype != t.float32:
        question = ""
        if result.dtype == t.float64:
            question = "You compute in float64, by NumPy or .double(). Where is it brought back?"
        elif result.dtype in (t.bfloat16, t.float16):
            question = "You compute in half precision. Where is it brought back?"
        elif not result.is_floating_point():
            question = "You return whole numbers, or true and false."
        raise Mistake(f"{call} returns numbers of type {result.dtype}, expected torch.float32", question)
    if result.device.type != device:
        raise Mistake(f"{call} returns a tensor on {result.device.type}, expected it on {device}, where the input is")
    if result.requires_grad:
        question = "You make a parameter of it, but nothing is learned here."
        raise Mistake(f"{call} returns a tensor that requires a gradient", question)
    if not result.isfinite().all():
        bad = "nan" if result.isnan().any() else "inf"
        raise Mistake(f"{call} returns {bad}", "You take a root or a logarithm of a negative number, or divide by 0.")


def question_of_shape(shape: Sequence[int], expected: Sequence[int]) -> str:
    """What may have been done to a tensor that has come out in another shape; empty where that is not known."""
    shape, expected = [*shape], [*expected]
    if not shape and prod(expected) > 1:
        return "You make one number of all, by a mean or a sum."
    without_ones = [size for size in expected if size != 1]
    if shape == without_ones or (len(shape) < len(expected) and [size for size in shape if size != 1] == without_ones):
        return "You take away axes of length 1, as squeeze() does."
    if len(shape) > len(expected) and [size for size in shape if size != 1] == without_ones:
        return "You add an axis of length 1."
    if shape[1:] == expected and len(shape) > 1:
        return "You return many of them. Which one is asked for?"
    if shape == expected[1:]:
        return "You treat a single image. Where is the axis of the batch?"
    if len(shape) == 4 and shape == [expected[0], 2 * expected[1], *expected[2:]]:
        return "You put two tensors side by side as channels."
    if len(shape) == 4 and shape[2:] in ([size - cut for size in expected[2:]] for cut in (2, 4, 6)):
        return "Where is the padding that keeps the size?"
    if prod(shape) == prod(expected) and len(shape) < len(expected):
        return "Where does it get its axes back?"
    if sorted(shape) == sorted(expected):
        return "You return its axes in another order."
    return ""


def numbers(values: t.Tensor, beside: t.Tensor | None = None) -> str:
    """Values as a list. beside: others, from which they have to look different"""
    digits, listed = 4, functools.partial(written, values)
    while beside is not None and digits < 9 and listed(digits) == written(beside, digits):
        digits += 1
    return listed(digits)


def written(values: t.Tensor, digits: int) -> str:
    return "[" + ", ".join(f"{value:.{digits}g}" for value in values.tolist()) + "]"


def apart(value: float, expected: float, digits: int = 3) -> str:
    """Two numbers with enough digits to look different: "2.0817, expected 2.0823"."""
    while digits < 9 and f"{value:.{digits}f}" == f"{expected:.{digits}f}":
        digits += 1
    return f"{value:.{digits}f}, expected {expected:.{digits}f}"


def differs(result: t.Tensor, expected: t.Tensor) -> str:
    where = (result - expected).abs().argmax()
    return f"a number is {apart(result.flatten()[where].item(), expected.flatten()[where].item(), digits=4)}"


# ------------------------------------------------------------------------------------------------ a known schedule

BETAS = [0.1, 0.4, 0.2, 0.25]  # few, so that a learner can redo the sum; uneven, so that each mistake shows


def betas_for(device: str = "cpu") -> t.Tensor:
    return t.tensor(BETAS, dtype=t.float32, device=device)


def alpha_bar(betas: list[float], n: int) -> float:
    return prod(1 - beta for beta in betas[:n])


def schedule_for(device: str = "cpu") -> NoiseSchedule:
    return NoiseSchedule(len(BETAS), device, betas=betas_for(device))


def other_betas(length: int = 7) -> list[float]:
    """Other ones under each seed, and another number of them: an answer that knows BETAS does not know these."""
    return (0.05 + 0.3 * t.rand(length)).tolist()


def schedule_of(betas: list[float]) -> NoiseSchedule:
    return NoiseSchedule(len(betas), "cpu", betas=t.tensor(betas))


def alphas(num_steps: t.Tensor) -> t.Tensor:
    """α of each timestep, (B, 1, 1, 1)."""
    return schedule_for(num_steps.device.type).alpha(num_steps).reshape(-1, 1, 1, 1)


def alpha_bars(num_steps: t.Tensor) -> t.Tensor:
    """ᾱ of each timestep, (B, 1, 1, 1)."""
    return schedule_for(num_steps.device.type).alpha_bar(num_steps).reshape(-1, 1, 1, 1)


def mix(x0: t.Tensor, noise: t.Tensor, a: t.Tensor) -> t.Tensor:
    """Equation 4."""
    return a.sqrt() * x0 + (1 - a).sqrt() * noise


def factors_by_step(result: t.Tensor, num_steps: t.Tensor, *images: t.Tensor) -> list[dict[int, float]]:
    """The factor of each of the images in a result that is a sum of them, by timestep, and last what is added to it.
    Empty where it is no such sum."""
    found: list[dict[int, float]] = [{} for _ in (*images, 1)]
    for n in num_steps.unique().tolist():
        *parts, made = (x[num_steps == n].cpu() for x in (*images, t.ones_like(result), result))
        solved = factors_of(made, *parts)
        if solved is None:
            return []
        for factor, value in zip(found, solved.tolist(), strict=True):
            factor[n] = value
    return found


@functools.cache
def quantities() -> dict[str, list[float]]:
    """What may be made of BETAS for timesteps 1 to T, by the names that messages have for it."""
    steps = range(1, len(BETAS) + 1)
    bars, early = [alpha_bar(BETAS, n) for n in steps], [alpha_bar(BETAS, n - 1) for n in steps]
    made = {
        "β": BETAS,
        "α": [1 - b for b in BETAS],
        "ᾱ": bars,
        "ᾱₜ₋₁": early,
        "αₜ₋₁": [1.0, *(1 - b for b in BETAS[:-1])],
    }
    made |= {"1 - ᾱ": [1 - bar for bar in bars], "1 - ᾱₜ₋₁": [1 - bar for bar in early]}
    made |= {"1 + ᾱ": [1 + bar for bar in bars], "1 + β": [1 + b for b in BETAS]}
    made |= {"1 - √ᾱ": [1 - sqrt(bar) for bar in bars], "1 - √β": [1 - sqrt(b) for b in BETAS]}
    made |= {"1 - ᾱ²": [1 - bar**2 for bar in bars], "1 - β²": [1 - b**2 for b in BETAS]}
    made |= {"β₁ + ... + βₜ": [sum(BETAS[:n]) for n in steps], "β₁ ⋯ βₜ": [prod(BETAS[:n]) for n in steps]}
    roots = {f"√({name})" if " " in name else f"√{name}": [sqrt(v) for v in values] for name, values in made.items()}
    squares = {"ᾱ²": [bar**2 for bar in bars], "β²": [b**2 for b in BETAS]}
    return {"1": [1.0 for _ in steps]} | made | roots | squares


def name_of(factor: dict[int, float], slack: float = 1e-3) -> str:
    """The quantity, or else the product or the quotient of two, that has these values at these timesteps; or empty."""

    def fits(value: Callable[[int], float]) -> bool:
        return all(abs(value(n - 1) - found) < slack * (1 + abs(found)) for n, found in factor.items())

    known = quantities()
    inside = {name: f"({name})" if " " in name and name[0] != "√" else name for name in known}
    for name, values in known.items():
        if fits(lambda i, values=values: values[i]):
            return name
    for (one, up), (other, down) in product(known.items(), repeat=2):
        if fits(lambda i, up=up, down=down: up[i] / down[i] if down[i] else nan):
            return f"{one if one[0] == '√' else inside[one]} / {inside[other]}"
        if fits(lambda i, up=up, down=down: up[i] * down[i]):
            return f"{inside[one]} · {inside[other]}"
    return ""


# ------------------------------------------------------------------------------------------------ noise


def judge_independence(noise: t.Tensor, axes: list[str], of: str = "x") -> None:
    """of: the learner's name for what each number of is to get noise of its own"""
    shared = [name for axis, name in enumerate(axes) if noise.std(dim=axis).max() < 1e-6]
    if shared:
        raise Mistake(
            f"every {' and '.join(shared)} gets the same noise",
            f"You draw too few numbers: each number of {of} gets its own.",
        )


def judge_gaussian(noise: t.Tensor, what: str) -> None:
    mean, std = noise.mean().item(), noise.std().item()
    if abs(mean) > 0.05 * std:
        from_0_to_1 = abs(mean / std - sqrt(3)) < 0.05  # of such numbers, the mean is 1/2 and the variance 1/12
        question = "You draw between 0 and 1." if from_0_to_1 else "You add more than noise. Mind the parentheses."
        raise Mistake(f"{what} has mean {mean:.3f}, expected 0", question)
    within = ((noise - mean).abs() < std).float().mean().item()
    if abs(within - 0.683) > 0.015:
        facts = f"{within:.0%} is within one std, expected 68%"
        raise Mistake(f"{what} is not Gaussian: {facts}", "You draw from another distribution than the normal one.")


# ------------------------------------------------------------------------------------------------ layers


def make(answer: Callable, *arguments: object, inputs: Sequence[t.Tensor], width: int = 0) -> nn.Module:
    """The learner's layer, with weights under which nothing hides: a last layer at zero is right, but tells nothing.
    width: how many numbers each number is made of, where a weight's shape does not tell"""
    seed_all(t.initial_seed())
    module = answer(*arguments)
    if not isinstance(module, nn.Module):
        raise Mistake("it is not a module", "Where does the class line name nn.Module, and __init__ call super()?")
    with t.no_grad():
        module(*(x.clone() for x in inputs))  # lazy layers get their weights here
        for p in module.parameters():
            if p.requires_grad:
                p.copy_(t.randn_like(p) / sqrt(width or p[0].numel()) if p.ndim > 1 else p + 0.3 * t.randn_like(p))
    return module


@t.no_grad()
def silence(module: nn.Module, silent: Callable[[str, t.Tensor], bool]) -> nn.Module:
    """Set every bias to 0 and every norm's scale to 1, as before training, and the weights that are asked for to 0."""
    for name, p in module.named_parameters():
        if p.ndim == 1:  # by PyTorch's names, or else a randomised scale is near 1 and a bias near 0
            is_scale = name.endswith("weight") or (p.mean() > 0.5 and not name.endswith("bias"))
            p.fill_(1.0 if is_scale else 0.0)
        elif silent(name, p):
            p.zero_()
    return module


def is_3x3(name: str, p: t.Tensor) -> bool:
    return p.shape[2:] == (3, 3)


def nothing(name: str, p: t.Tensor) -> bool:
    return False


def everything(name: str, p: t.Tensor) -> bool:
    return True


def listed(result: object) -> list:
    return list(result) if isinstance(result, tuple) else [result]


INPUTS = ("x", "step_emb", "skip")  # as forward names them


def judge_layer(answer: Callable, arguments: tuple, inputs: Sequence[t.Tensor], shapes: Sequence[tuple]) -> None:
    """What comes back has the right form; each image is treated by itself; all that it has is trained, saved, moved."""
    module, results = judge_learning(answer, arguments, inputs, shapes)
    judge_saving(answer, arguments, module, inputs, results)
    judge_device(answer, arguments, inputs)


def judge_learning(answer: Callable, arguments: tuple, inputs: Sequence[t.Tensor], shapes: Sequence[tuple]) -> tuple:
    module, results = judge_form(answer, arguments, inputs, shapes)
    judge_training(module, inputs)
    return module, results


def judge_form(
    answer: Callable,
    arguments: tuple,
    inputs: Sequence[t.Tensor],
    shapes: Sequence[tuple],
    names: Sequence[str] = INPUTS,
) -> tuple:
    module = make(answer, *arguments, inputs=inputs)
    call = "for " + " and ".join(str(tuple(x.shape)) for x in inputs) + " it"
    with t.no_grad():
        with unchanged(**dict(zip(names, inputs, strict=False))):
            results = listed(module(*inputs))
            if len(results) != len(shapes):
                question = "You return more than is asked for." if len(results) > len(shapes) else "Where is the other?"
                raise Mistake(f"{call} returns {len(results)} things, expected {len(shapes)}", question)
            for result, shape, name in zip(results, shapes, ("x", "skip"), strict=False):
                expect_tensor(result, shape, f"as {name}, {call}" if len(shapes) > 1 else call)
        if not all(a.equal(b) for a, b in zip(listed(module(*inputs)), results, strict=True)):
            raise Mistake(
                "called twice with the same input, it gives two results", "You draw something anew in forward."
            )
        for i in range(len(inputs[0])):
            alone = listed(module(*(x[i : i + 1] for x in inputs)))
            for result, shape in zip(alone, shapes, strict=True):
                expect_tensor(result, (1, *shape[1:]), "for one image alone it")
            if not all(close(a, b[i : i + 1]) for a, b in zip(alone, results, strict=True)):
                for k, name in enumerate(names[1 : len(inputs)], start=1):
                    like_it = [x[i : i + 1].expand_as(x) if j == k else x for j, x in enumerate(inputs)]
                    if all(close(a[i : i + 1], b) for a, b in zip(listed(module(*like_it)), alone, strict=True)):
                        facts = f"what an image becomes depends on the {name} of the other images of its batch"
                        raise Mistake(facts, f"You take one image's {name} for all, or a mean over the batch.")
                facts = "what an image becomes depends on the other images of its batch"
                raise Mistake(facts, "You use a batch norm, or let shapes broadcast that should not.")
        if not all(close(a, b) for a, b in zip(listed(module.eval()(*inputs)), results, strict=True)):
            raise Mistake(
                "after .eval() it gives another result",
                "You use self.training, as dropout does. This layer always does the same.",
            )
        module.train()
    return module, results


def close(one: t.Tensor, other: t.Tensor, slack: float = 1e-3) -> bool:
    """Whether two tensors differ by less than that share of their size: sums in another order do, a little."""
    return bool((one - other).abs().max() <= slack * (1e-6 + other.abs().max()))


def judge_training(module: nn.Module, inputs: Sequence[t.Tensor]) -> None:
    with t.enable_grad():
        first, *_ = listed(module(*inputs))
    if not first.requires_grad and any(p.requires_grad for p in module.parameters()):
        raise Mistake("no gradient comes out of it", "You turn gradients off in forward, by no_grad or detach.")
    seed_all(t.initial_seed())
    if first.requires_grad:
        with t.enable_grad():
            (first * t.randn_like(first)).sum().backward()
    for name, p in module.named_parameters():
        if not p.requires_grad:
            continue
        if p.grad is None or (p.ndim > 1 and not p.grad.any()):
            if len(inputs) > 1:  # a block or a network that is given the step, too
                judge_step_used(module, inputs)
            question = question_of_unreached(p, module, inputs)
            if counts_in_last(p, module, inputs):  # but not in the first result
                unused = question.startswith("Where")
                facts = f"{name} counts in skip, but not in x" if unused else f"from x no gradient reaches {name}"
                raise Mistake(facts, "You make x of something else than the skip." if unused else question)
            raise Mistake(f"no gradient reaches {name}", question)
        if p.ndim > 1 and not p.grad.flatten(1).any(dim=1).all():
            question = "You leave some of what comes out of it unused, or a ReLU cuts it off."
            raise Mistake(f"no gradient reaches a part of {name}", question)
    module.zero_grad()


def judge_ways(module: nn.Module, inputs: Sequence[t.Tensor], names: Sequence[str] = INPUTS) -> None:
    """Gradients come back on every way from each result to each input. A detach on one of several ways changes no
    result, but then the gradient is not the slope."""
    results = listed(module(*inputs))
    for pick, result in enumerate(results):
        of = f" of {('x', 'skip')[pick]}" if len(results) > 1 else ""
        if not result.requires_grad:
            raise Mistake(f"no gradient comes out{of}", "You detach it, or make it under no_grad.")

        def call(*moved: t.Tensor, pick: int = pick) -> t.Tensor:
            return listed(module(*moved))[pick]

        facts = f"the gradient{of} at {{}} is not its slope, so it stops on one of the ways back"
        question = "You detach something on that way, or use it under no_grad."
        judge_slopes(call, facts, question, batched=True, **dict(zip(names, inputs, strict=False)))


@t.no_grad()
def question_of_unreached(p: nn.Parameter, module: nn.Module, inputs: Sequence[t.Tensor]) -> str:
    """Whether a parameter without a gradient is not used in the first result, or used where gradients are off."""
    before, kept = listed(module(*inputs))[0].clone(), p.clone()
    p.add_(t.randn_like(p))
    after = listed(module(*inputs))[0]
    p.copy_(kept)
    if after.equal(before):
        return "Where is it used in forward?"
    return "You use it where gradients are off, under no_grad or before a detach."


def counts_in_last(p: nn.Parameter, module: nn.Module, inputs: Sequence[t.Tensor]) -> bool:
    """Whether the last of a module's results depends on a parameter."""
    with t.enable_grad():
        last = listed(module(*inputs))[-1]
        gradient = (
            t.autograd.grad((last * t.randn_like(last)).sum(), p, allow_unused=True)[0] if last.requires_grad else None
        )
    return gradient is not None and bool(gradient.any())


def judge_saving(answer: Callable, arguments: tuple, module: nn.Module, inputs: Sequence, results: list) -> None:
    """All that was learned is in the state_dict, and so in parameters() and in what is saved."""
    seed = t.initial_seed()
    seed_all(seed + 1)
    other = make(answer, *arguments, inputs=inputs)
    seed_all(seed)
    other.load_state_dict(module.state_dict())
    with t.no_grad():
        same = all(close(a, b) for a, b in zip(listed(other(*inputs)), results, strict=True))
    if not same:
        question = "You keep layers in a plain list or dict. nn.ModuleList and nn.Sequential register theirs."
        raise Mistake("saved and loaded into a new one, it gives another result", question)


def judge_device(answer: Callable, arguments: tuple, inputs: Sequence[t.Tensor]) -> None:
    """Every tensor that forward makes has to be where the input is."""
    facts = "moved to another device, it mixes tensors of two devices"
    question = "You make a tensor on the CPU. Make it a buffer, or make it on the device of the input."
    away = (*TWO_DEVICES, "copy out of meta")  # a layer has no reason to bring its input elsewhere
    elsewhere(lambda: answer(*arguments).to("meta")(*(x.to("meta") for x in inputs)), facts, question, away)


def judge_step_used(module: nn.Module, inputs: Sequence[t.Tensor], pick: int = 0) -> None:
    x, step, *others = inputs
    with t.no_grad():
        one, two = (listed(module(x, each, *others))[pick] for each in (step, step.flip(0)))
    if close(one, two) and step.is_floating_point():
        inside = any(type(each).__name__ == "ResidualBlock" for each in [*module.modules()][1:])
        question = (
            f"Where is it {'passed on to the ResidualBlocks' if inside else 'added, between the two convolutions'}?"
        )
        raise Mistake("the result does not depend on step_emb", question)
    if close(one, two):
        raise Mistake("the guess does not depend on num_steps", "Where is step_emb passed on to every block?")


def judge_slopes(
    call: Callable,
    facts: str,
    question: str,
    together: bool = False,
    slack: float = 0.02,
    batched: bool = False,
    **inputs: t.Tensor,
) -> None:
    """Refuse a result that changes with an input otherwise than its gradient says: on one of the ways from there, a
    detach or a no_grad stops the gradient, which no number of the result shows. facts: with {} for the input's name
    call: takes the inputs in their order, gives a tensor   together: change all inputs at once
    slack: what share a slope may be off by, more where a ReLU bends
    batched: inputs are batches, and what each image becomes is known to depend on that image alone"""
    result = call(*inputs.values()).detach()
    pick = t.randn_like(result) / sqrt(result.numel())
    floats = [name for name, x in inputs.items() if x.is_floating_point()]
    for names in [floats] if together else [[name] for name in floats]:

        def values(ends: list[list[t.Tensor]], names: list[str] = names, batched: bool = batched) -> t.Tensor:
            """One number for each way that the inputs are moved, in one call if each image is treated by itself."""
            if not batched:
                moved = [inputs | dict(zip(names, end, strict=True)) for end in ends]
                return t.stack([(call(*each.values()) * pick).sum() for each in moved])
            many = {name: t.cat([x] * len(ends)) for name, x in inputs.items()}
            many |= {name: t.cat(all_of_it) for name, all_of_it in zip(names, zip(*ends, strict=True), strict=True)}
            return (call(*many.values()).unflatten(0, (len(ends), -1)) * pick).flatten(1).sum(dim=1)

        start = [inputs[name].detach() for name in names]
        with t.enable_grad():
            leaves = [x.clone().requires_grad_() for x in start]
            out = values([leaves])[0]
            gradients = t.autograd.grad(out, leaves, allow_unused=True) if out.requires_grad else [None] * len(leaves)
        gradients = [t.zeros_like(x) if g is None else g for g, x in zip(gradients, start, strict=True)]
        size = t.cat([g.flatten() for g in gradients]).norm().item()
        with t.no_grad():
            ways = [[t.randn_like(x) for x in start] for _ in range(8)]

            def measured(step: float, start: list = start, ways: list = ways, values: Callable = values) -> t.Tensor:
                ends = [[x + s * w for x, w in zip(start, way, strict=True)] for s in (step, -step) for way in ways]
                plus, minus = values(ends).chunk(2)
                return (plus - minus) / (2 * step)

            def missed(slopes: t.Tensor, others: t.Tensor, size: float = size) -> bool:
                misses = (slopes - others).abs() > slack * slopes.abs().clamp(min=size) + 1e-3
                return bool(misses.sum() > 4)  # one or two may run across the bend of a ReLU

            slopes = measured(0.003)
            along = t.stack([sum((g * w).sum() for g, w in zip(gradients, way, strict=True)) for way in ways])
            if missed(slopes, along) and missed(measured(0.0003), along):  # of the longer step, a bend may be a part
                if missed(slopes, measured(0.0015)):
                    facts, question = "changes of {} arrive in steps", "You round it, as half precision does."
                raise Mistake(facts.format(names[0]), question)


def judge_given(thing: object, **given: object) -> None:
    """Refuse a class whose given lines are gone, or whose attributes are overwritten. given: what they should be"""
    for name, value in given.items():
        if not hasattr(thing, name):
            raise Mistake(f"self.{name} is not there", "Where is the line of __init__ that was given?")
        if getattr(thing, name) is not value and getattr(thing, name) != value:
            facts = f"self.{name} is {kind(getattr(thing, name))}, expected {value!r}, as given"
            raise Mistake(facts, f"You overwrite self.{name}. Your own things need names of their own.")
