"""Every small change of a solution, made by machine: what the checks have to refuse, or a person has to excuse.

A mutant changes one place between the solution markers: an operator, a number, an argument, a call, a statement.
"""

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import NamedTuple

from solutions import BEGIN, END

OTHER_OPERATORS = {
    ast.Add: [ast.Sub, ast.Mult],
    ast.Sub: [ast.Add],
    ast.Mult: [ast.Div, ast.Add],
    ast.Div: [ast.Mult, ast.FloorDiv],
    ast.FloorDiv: [ast.Div],
    ast.Pow: [ast.Mult],
    ast.MatMult: [ast.Mult],
    ast.Lt: [ast.LtE, ast.Gt],
    ast.LtE: [ast.Lt, ast.Gt],
    ast.Gt: [ast.GtE, ast.Lt],
    ast.GtE: [ast.Gt, ast.Lt],
    ast.Eq: [ast.NotEq],
    ast.NotEq: [ast.Eq],
    ast.Is: [ast.IsNot],
    ast.IsNot: [ast.Is],
}
EITHER_WAY = (ast.Add, ast.Mult)  # a + b is b + a
MODULES = {"F", "math", "nn", "np", "part1", "part2", "scipy", "t", "utils"}  # in np.trace(x), np is no value


class Mutant(NamedTuple):
    change: str  # "return alpha_bar.sqrt() * x -> return alpha_bar * x", the statement before and after
    answer: Callable


def mutants(module: ModuleType, name: str) -> list[Mutant]:
    """All mutants of the solution called name in a part's module; no two have the same name for the change."""
    source = textwrap.dedent(inspect.getsource(getattr(module, name)))
    made: dict[str, Mutant] = {}
    tree = ast.parse(source)
    same = ast.unparse(tree)
    for change, mutated in changes(tree, written_lines(source)):
        if mutated == same:
            continue
        while change in made:
            change += " (again)"
        namespace = dict(vars(module))
        exec(compile(mutated, f"<mutant of {name}>", "exec"), namespace)
        made[change] = Mutant(change, namespace[name])
    return list(made.values())


def written_lines(source: str) -> set[int]:
    """The numbers of the lines between the solution markers."""
    inside, lines = False, set()
    for number, line in enumerate(source.splitlines(), 1):
        inside = (inside or line.strip() == BEGIN) and line.strip() != END
        if inside:
            lines.add(number)
    return lines


def changes(tree: ast.Module, lines: set[int]) -> Iterator[tuple[str, str]]:
    """Each small change: what it is, and the whole program with it. The tree is as before in the end."""
    for node in ast.walk(tree):
        for _, block in ast.iter_fields(node):
            if isinstance(block, list) and block and isinstance(block[0], ast.stmt):
                for i in [i for i, statement in enumerate(block) if statement.lineno in lines]:
                    yield from changed_statement(tree, block, i)


def changed_statement(tree: ast.Module, block: list[ast.stmt], i: int) -> Iterator[tuple[str, str]]:
    """One statement dropped, swapped with the next one, or changed inside."""
    statement, whole = block[i], list(block)
    shorter = {"dropped": []}
    if isinstance(statement, ast.With | ast.If):
        shorter["its block alone"] = statement.body
    for what, rest in shorter.items():
        block[:] = whole[:i] + rest + whole[i + 1 :] or [ast.Pass()]
        yield f"{head(statement)} -> {what}", ast.unparse(tree)
    if i + 1 < len(whole):
        block[:] = whole[:i] + [whole[i + 1], statement] + whole[i + 2 :]
        yield f"{head(statement)} -> after {head(whole[i + 1])}", ast.unparse(tree)
    block[:] = whole
    before = head(statement)
    for holder, key, part in [(block, i, statement), *parts(statement)]:
        for new in variants(part):
            put(holder, key, ast.copy_location(new, part))
            yield f"{before} -> {head(block[i])}", ast.unparse(tree)
            put(holder, key, part)


def parts(node: ast.AST) -> Iterator[tuple[ast.AST | list, str | int, ast.AST]]:
    """All that a statement is made of, each with where it stands, without the statements in its block."""
    for name, field in ast.iter_fields(node):
        places = (
            [(field, i, part) for i, part in enumerate(field)] if isinstance(field, list) else [(node, name, field)]
        )
        for holder, key, part in places:
            if isinstance(part, ast.AST) and not isinstance(part, ast.stmt):
                yield holder, key, part
                yield from parts(part)


def put(holder: ast.AST | list, key: str | int, part: ast.AST) -> None:
    if isinstance(holder, list):
        holder[key] = part
    else:
        setattr(holder, key, part)


def variants(node: ast.AST) -> Iterator[ast.AST]:
    """What may stand in the place of one node."""
    match node:
        case ast.Constant(value=bool(truth)):
            yield ast.Constant(not truth)
        case ast.Constant(value=int(n)):
            yield from (ast.Constant(n + 1), ast.Constant(n - 1))
        case ast.Constant(value=float(x)):
            yield from (ast.Constant(2 * x), ast.Constant(x / 2))
        case ast.Constant(value=str(pattern)) if "->" in pattern:  # of einops
            before, after = pattern.split(" -> ")
            yield from (ast.Constant(f"{before} -> {' '.join(axes)}") for axes in swaps(after.split(" ")))
        case ast.BinOp(left=left, op=op, right=right):
            yield from (ast.BinOp(left, other(), right) for other in OTHER_OPERATORS.get(type(op), []))
            yield from (left, right)
            if not isinstance(op, EITHER_WAY):
                yield ast.BinOp(right, op, left)
        case ast.UnaryOp(operand=operand):
            yield operand
        case ast.Compare(left=left, ops=[op], comparators=[right]):
            yield from (ast.Compare(left, [other()], [right]) for other in OTHER_OPERATORS.get(type(op), []))
        case ast.BoolOp(op=op, values=values):
            yield ast.BoolOp(ast.Or() if isinstance(op, ast.And) else ast.And(), values)
            yield from values
        case ast.IfExp(body=body, orelse=orelse):
            yield from (body, orelse)
        case ast.Call(func=func, args=args, keywords=keywords):
            if isinstance(func, ast.Attribute) and not (isinstance(func.value, ast.Name) and func.value.id in MODULES):
                yield func.value  # x.sqrt() -> x
            elif args and not isinstance(args[0], ast.Starred):
                yield args[0]  # t.sigmoid(x) -> x
            yield from (ast.Call(func, order, keywords) for order in swaps(args))
            yield from (ast.Call(func, args[:i] + args[i + 1 :], keywords) for i in range(len(args)))
            yield from (ast.Call(func, args, keywords[:i] + keywords[i + 1 :]) for i in range(len(keywords)))
        case ast.Subscript(value=value, slice=index, ctx=ast.Load()):
            yield value
            if isinstance(index, ast.Slice):
                for bounds in ({"lower": None}, {"upper": None}):
                    if any(getattr(index, bound) for bound in bounds):
                        yield ast.Subscript(value, ast.Slice(**{**vars(index), **bounds}), ast.Load())
                for bound in ("lower", "upper"):
                    if end := getattr(index, bound):
                        for op in (ast.Add(), ast.Sub()):
                            moved = ast.BinOp(end, op, ast.Constant(1))
                            yield ast.Subscript(value, ast.Slice(**{**vars(index), bound: moved}), ast.Load())
            elif not isinstance(index, ast.Tuple):
                for op in (ast.Add(), ast.Sub()):
                    yield ast.Subscript(value, ast.BinOp(index, op, ast.Constant(1)), ast.Load())
        case ast.Tuple(elts=parts, ctx=ast.Load()) | ast.List(elts=parts, ctx=ast.Load()):
            yield from (type(node)(order, ast.Load()) for order in swaps(parts))
            yield from (type(node)(parts[:i] + parts[i + 1 :], ast.Load()) for i in range(len(parts)))
        case ast.AugAssign(target=target, op=op, value=value):
            yield from (ast.AugAssign(target, other(), value) for other in OTHER_OPERATORS.get(type(op), []))
            yield ast.Assign([target], value)


def swaps(things: list) -> Iterator[list]:
    """All orders in which two neighbours have changed places."""
    for i in range(len(things) - 1):
        yield things[:i] + [things[i + 1], things[i]] + things[i + 2 :]


def head(statement: ast.stmt) -> str:
    """The first line of a statement."""
    return ast.unparse(statement).splitlines()[0]
