"""What keeps a submission from passing itself: its code is read before it runs, and the checks are looked at after.

A learner's answer runs in the process of its check, so neither is a wall. read_for_tricks names what no exercise needs
and a trick does; a Snapshot tells whether anything that the checks rest on is no longer what it was.
"""

import ast
import builtins
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from types import FunctionType, ModuleType

import torch as t
import torch._dynamo  # else imported by the first check that needs it, and changes torch itself

from tools.saved import names_of, read_cells, statements_of

# what an exercise may use; anything else is for a person to read
MODULES = """abc cmath collections contextlib copy dataclasses einops enum fractions functools itertools math matplotlib
numbers numpy PIL random scipy statistics time torch tqdm typing utils wandb warnings __future__""".split()
TORCH = ("torch", "torch.nn", "torch.optim", "torch.utils.data", "torch.linalg", "torch.distributions", "torch.amp")
BUILTINS = """__builtins__ __import__ __loader__ __spec__ breakpoint compile delattr eval exec getattr globals input
locals open setattr vars""".split()
ATTRIBUTES = """attrgetter bltns builtins cell_contents ctypes f2py f_back f_builtins f_globals f_locals gc gi_frame hub
importlib inspect library load methodcaller modules os overrides pickle serialization subprocess sys tb_frame""".split()
METHODS = """__call__ __doc__ __enter__ __exit__ __getitem__ __init__ __iter__ __len__ __name__ __next__ __post_init__
__repr__ __str__""".split()
GIVEN = {  # what the notebooks import, and as what
    "t": "torch",
    "nn": "torch.nn",
    "F": "torch.nn.functional",
    "np": "numpy",
    "math": "math",
    "utils": "utils",
    "plt": "matplotlib.pyplot",
}
SOLUTIONS = Path(__file__).resolve().parent.parent / "solutions"
LOOKED_INTO = ("tests", "tools", "solutions", "utils")  # ours: nothing of these may change, and nothing may be added


# ------------------------------------------------------------------------------------------------ before it runs


def read_for_tricks(path: Path, part: str, exercises: set[str]) -> list[str]:
    """What a person has to read in the definitions of a saved notebook: "train uses os.fork".
    part: "part1_diffusion", whose solutions are not to be called   exercises: the names of its exercises
    errors: ValueError where the notebook cannot be read"""
    statements, foreign, modules = definitions(path), {}, dict(GIVEN)
    ours = {ast.dump(statement) for _, statement in definitions(SOLUTIONS / f"{part}.ipynb")}
    tricks: dict[str, None] = {}
    for node in (inner for _, statement in statements for inner in ast.walk(statement)):
        for bound, module in imported(node):
            own = module.startswith(f"solutions.{part}")  # may be taken by its name, to go on; other parts wholly
            if allowed(module) or (module.endswith(f".{bound}") if own else module.startswith("solutions.")):
                if isinstance(node, ast.Import):
                    modules[bound] = bound if module.startswith(f"{bound}.") else module
            else:
                foreign[bound] = module
                if isinstance(node, ast.Import) and allowed(module.split(".")[0]):  # then t leads to it, too
                    tricks[f"{bound} imports {module}"] = None
    written: set[str] = set()  # by the learner, so far
    for i, (names, statement) in enumerate(statements):
        if isinstance(statement, ast.Import | ast.ImportFrom) or ast.dump(statement) in ours:
            written.update(set(names) - {name for name, _ in imported(statement)})
            continue
        later = {name for names, after in statements[i + 1 :] if not imported(after) for name in names}
        early = loaded(at_once(statement)) | ((loaded(ast.walk(statement)) & later) - set(names))
        found = [f"is built on the solution's {name}" for name in sorted(early & (exercises - written))]
        found += [trick for node in ast.walk(statement) for trick in tricks_of(node, foreign, modules)]
        tricks |= {f"{names[0]} {trick}": None for trick in found}
        written.update(names)
    return list(tricks)


def loaded(nodes: Iterable[ast.AST]) -> set[str]:
    """The names whose values are asked for."""
    return {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}


def definitions(path: Path) -> list[tuple[list[str], ast.stmt]]:
    """All that a saved notebook defines or imports when it is judged: names and statement."""
    found = []
    for _, source in read_cells(path):
        with suppress(Exception):  # a SyntaxError, mostly: then nothing of this cell runs
            found += [(names, node) for node in statements_of(source)[1] if (names := names_of(node))]
    return found


def imported(node: ast.AST) -> list[tuple[str, str]]:
    """What an import binds: (name, full name of the module or of what is taken from it)."""
    match node:
        case ast.Import():
            return [(alias.asname or alias.name.split(".")[0], alias.name) for alias in node.names]
        case ast.ImportFrom():
            return [(alias.asname or alias.name, f"{node.module or ''}.{alias.name}") for alias in node.names]
    return []


def allowed(module: str) -> bool:
    """Whether an exercise may use a module, or a thing in one."""
    names = module.split(".")
    if set(names) & set(ATTRIBUTES) or any(name.startswith("_") for name in names[1:]):
        return False
    if (real := module_behind(module)) and real != module:
        return allowed(real)
    if module.split(".")[0] == "torch":
        return module.count(".") < 2 or module.startswith(tuple(f"{name}." for name in TORCH[1:]))
    return module.split(".")[0] in MODULES


def module_behind(dotted: str) -> str:
    """The name of the module that a dotted name leads to: "builtins" for "enum.bltns"; empty for what is none."""
    first, *rest = dotted.split(".")
    thing: object = None
    with suppress(ImportError):  # where it is not installed, it leads nowhere
        thing = import_module(first) if first in MODULES else None
    for name in rest:
        thing = vars(thing).get(name) if isinstance(thing, ModuleType) else None
    return thing.__name__ if isinstance(thing, ModuleType) else ""


def tricks_of(node: ast.AST, foreign: dict[str, str], modules: dict[str, str]) -> Iterator[str]:
    """Of one node. foreign: names that stand for modules no exercise needs   modules: names of the others"""
    match node:
        case ast.MatchClass(kwd_attrs=attributes):
            for attribute in attributes:
                yield from tricks_of(ast.Attribute(ast.Name(""), attribute, ast.Load()), foreign, modules)
        case ast.Call(func=ast.Name("getattr"), args=[_, ast.Constant(str(attribute)), *_]):
            yield from tricks_of(ast.Attribute(ast.Name(""), attribute, ast.Load()), foreign, modules)
            node.func.id = ""  # seen to
        case ast.Call(func=ast.Name("type"), args=[_, _, *_]):
            yield "makes a class with type()"
        case ast.Name(id) if id in foreign:
            yield f"uses {foreign[id]}"
        case ast.Name(id) if id in BUILTINS:
            yield f"uses {id}"
        case ast.Name(id, ast.Store()) | ast.FunctionDef(id) if id.startswith("__") and id not in METHODS:
            yield f"defines {id}"
        case ast.Global():
            yield "uses global"
        case ast.Attribute(value, attribute, context):
            root, path = value, [attribute]
            while isinstance(root, ast.Attribute):
                root, path = root.value, [root.attr, *path]
            root = root.id if isinstance(root, ast.Name) else ""
            real = module_behind(".".join([modules[root], *path])) if root in modules else ""
            private = attribute.startswith("_") and attribute not in METHODS
            if attribute in ATTRIBUTES or (private and (root not in ("self", "cls") or attribute.startswith("__"))):
                yield f"uses .{attribute}"
            elif real and not allowed(real):
                yield f"uses {real}"
            elif not isinstance(context, ast.Load):
                if root in modules:
                    yield f"changes {ast.unparse(node)}"
                elif root != "self" and callable(getattr(t.Tensor, attribute, None)):
                    yield f"sets .{attribute}"


def at_once(node: ast.AST) -> Iterator[ast.AST]:
    """What runs when a definition does: all but the insides of functions."""
    yield node
    for field, value in ast.iter_fields(node):
        if field != "body" or not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST):
                    yield from at_once(child)


# ------------------------------------------------------------------------------------------------ after it has run


class Snapshot:
    """What the checks rest on, to be compared: functions and classes of all modules, and all of our own modules."""

    def __init__(self) -> None:
        self.modules = {name: module for name, module in sys.modules.items() if isinstance(module, ModuleType)}
        self.contents = {name: contents(name, module) for name, module in self.modules.items()}
        self.tensors = set(subclasses(t.Tensor))
        self.classes = {kind: dict(vars(kind)) for kind in self.kinds()}

    def kinds(self) -> set[type]:
        """The classes whose methods the checks call: our own, and those of tensors and networks."""
        ours = [vars(module) for name, module in self.modules.items() if is_ours(name)]
        things = [thing for names in ours for thing in names.values() if isinstance(thing, type)]
        return {kind for kind in things if is_ours(kind.__module__)} | {*t.nn.Parameter.__mro__, t.nn.Module}

    def changed(self) -> str:
        """The first thing that is not what it was; empty if there is none."""
        for name, module in self.modules.items():
            if sys.modules.get(name) is not module:
                return f"sys.modules[{name!r}]"
            before, now = self.contents[name], contents(name, module)
            for key, guts in before.items():
                if now.get(key) != guts:
                    return f"{name}.{key}"
            for key in now.keys() - before.keys():
                if is_ours(name) or key in BUILTIN_NAMES:
                    return f"{name}.{key}"
        for kind, before in self.classes.items():
            for key, value in before.items():
                if callable(value) and vars(kind).get(key) is not value:
                    return f"{kind.__qualname__}.{key}"
            if added := [key for key in vars(kind).keys() - before.keys() if not key.startswith("_abc")]:
                return f"{kind.__qualname__}.{added[0]}"
        for kind in set(subclasses(t.Tensor)) - self.tensors:
            home = kind.__module__ if str(kind.__module__).startswith("torch") else ""  # PyTorch makes its own late
            if getattr(sys.modules.get(home), kind.__name__, None) is not kind:
                return f"what a tensor is, with its own {kind.__name__}"
        if t._C._len_torch_function_stack() or t._C._len_torch_dispatch_stack():
            return "what PyTorch's functions do, with a mode"
        return "how Python runs, with a trace" if sys.gettrace() or sys.getprofile() else ""


BUILTIN_NAMES = frozenset(vars(builtins))


def is_ours(name: str) -> bool:
    return name.split(".")[0] in LOOKED_INTO


def contents(name: str, module: ModuleType) -> dict[str, object]:
    """What can be compared of a module: its functions and classes, and of ours the rest as well."""
    ours = is_ours(name)
    return {
        key: guts(value) if callable(value) or not ours else repr(value)
        for key, value in list(vars(module).items())
        if callable(value) or (ours and not key.startswith("__"))
    }


def guts(value: object) -> tuple:
    """Which object it is, and of a function what it runs."""
    if not isinstance(value, FunctionType):
        return (id(value),)
    cells = []
    for cell in value.__closure__ or ():
        with suppress(ValueError):  # it is empty
            cells.append(id(cell.cell_contents))
    options = [(key, id(option)) for key, option in (value.__kwdefaults__ or {}).items()]
    return (id(value), id(value.__code__), id(value.__defaults__), options, cells)


def subclasses(kind: type) -> Iterator[type]:
    for child in type.__subclasses__(kind):
        yield child
        yield from subclasses(child)
