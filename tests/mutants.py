"""The changes of one place that `tests/mutate.py` makes: a module's source in, the list of its mutants out.

A mutant is one change: a comparison's strictness or sense, `&` for `|`, `+` for `-`, `and` for `or`, a negation undone, the least for the
most, the two sides of a choice; of a chart's numbers each by one step up and down, of an amount (a time, a distance) twice and half.
Annotations and texts are no behaviour and stay. Promise: the same source gives the same mutants in the same order.
"""

import ast
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from types import CodeType
from typing import Any

Edit = tuple[ast.AST, str, Any]
"""A node, its field, what it becomes."""
Place = tuple[ast.expr | ast.stmt, str, Edit]
"""Where an edit shows, and the function that it is in ("" = none: it takes effect when the module is imported)."""

_COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
}  # fmt: skip
_OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd, ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div,
}  # fmt: skip
_CALLS = {"minimum": "maximum", "maximum": "minimum", "min": "max", "max": "min", "any": "all", "all": "any"}


@dataclass(frozen=True, slots=True)
class Numbers:
    """The module's names whose numbers are changed: charts by a step (1, or a tenth), amounts to twice and half."""

    charts: frozenset[str] = frozenset()
    amounts: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Change:
    """One mutant: its number, its lines (first, last), its function, before -> after (a second time in the function: "(2)")."""

    number: int
    lines: tuple[int, int]
    function: str
    words: str


def changes(source: str, numbers: Numbers) -> list[Change]:
    """Every change of a module."""
    found, times = [], Counter[tuple[str, str]]()
    for number, (node, function, edit) in enumerate(_places(ast.parse(source), numbers)):
        before = ast.unparse(node)
        undo = _made(edit)
        words = f"{before} -> {ast.unparse(node)}"
        _made(undo)
        times[function, words] += 1
        words += f" ({times[function, words]})" if times[function, words] > 1 else ""
        found.append(Change(number, (node.lineno, node.end_lineno or node.lineno), function, words))
    return found


def changed(source: str, numbers: Numbers, number: int, file: str) -> CodeType:
    """The module's code with change `number`, its lines where they were; -1: as it is."""
    tree = ast.parse(source)
    if number >= 0:
        _made(list(_places(tree, numbers))[number][2])
    return compile(ast.fix_missing_locations(tree), file, "exec")


def _made(edit: Edit) -> Edit:
    """Makes an edit; what undoes it."""
    node, field, value = edit
    before = getattr(node, field)
    setattr(node, field, value)
    return node, field, before


def _places(tree: ast.Module, numbers: Numbers) -> Iterator[Place]:
    for node, function in _behaviour(tree, (), ""):
        yield from ((node, function, edit) for edit in _edits(node))
    for node in tree.body:
        name = node.targets[0] if isinstance(node, ast.Assign) else node.target if isinstance(node, ast.AnnAssign) else None
        if isinstance(name, ast.Name) and isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            yield from _of_numbers(node.value, name.id in numbers.charts, name.id in numbers.amounts)
        elif isinstance(name, ast.Tuple) and isinstance(node, ast.Assign) and isinstance(node.value, ast.Tuple):
            for each, value in zip(name.elts, node.value.elts, strict=True):
                known = each.id if isinstance(each, ast.Name) else ""
                yield from _of_numbers(value, known in numbers.charts, known in numbers.amounts)


def _of_numbers(value: ast.expr, chart: bool, amount: bool) -> Iterator[Place]:
    for node in ast.walk(value) if chart or amount else ():
        if isinstance(node, ast.Constant) and isinstance(node.value, int | float) and not isinstance(node.value, bool):
            x, by = node.value, 0.1 if isinstance(node.value, float) else 1
            for new in (round(x + by, 6), round(x - by, 6)) if chart else (x * 2, x / 2 if isinstance(x, float) else x // 2):
                yield node, "", (node, "value", new)


def _behaviour(node: ast.AST, names: tuple[str, ...], function: str) -> Iterator[tuple[ast.expr | ast.stmt, str]]:
    """Every expression and statement with its outermost function; no annotation."""
    for child in ast.iter_child_nodes(node):
        match child:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                inner = (*names, child.name)
                for default in (*child.args.defaults, *(d for d in child.args.kw_defaults if d)):
                    yield from _behaviour(ast.Expr(default), inner, function)
                yield from _behaviour(ast.Module(child.body, []), inner, function or ".".join(inner))
            case ast.ClassDef():
                yield from _behaviour(ast.Module(child.body, []), (*names, child.name), function)
            case ast.AnnAssign():
                yield from _behaviour(ast.Expr(child.value), names, function) if child.value else ()
            case ast.expr() | ast.stmt():
                yield child, function
                yield from _behaviour(child, names, function)
            case _:
                yield from _behaviour(child, names, function)


def _edits(node: ast.expr | ast.stmt) -> list[Edit]:
    match node:
        case ast.Compare(ops=[op]) if type(op) in _COMPARISONS:
            return [(node, "ops", [_COMPARISONS[type(op)]()])]
        case ast.BinOp(op=sign) | ast.AugAssign(op=sign) if type(sign) in _OPERATORS:
            return [(node, "op", _OPERATORS[type(sign)]())]
        case ast.BoolOp(op=both):
            return [(node, "op", ast.Or() if isinstance(both, ast.And) else ast.And())]
        case ast.UnaryOp(op=ast.Not() | ast.Invert() | ast.USub() as sign, operand=operand):
            return [(node, "operand", ast.UnaryOp(sign, operand))]
        case ast.Call(func=ast.Attribute(attr=name) as function) if name in _CALLS:
            return [(function, "attr", _CALLS[name])]
        case ast.Call(func=ast.Name(id=name) as function) if name in _CALLS:
            return [(function, "id", _CALLS[name])]
        case ast.Call(func=ast.Attribute(attr="where"), args=[condition, first, second]):
            return [(node, "args", [condition, second, first])]
    return []
