"""Python: the exports for Python frameworks, and lists of coefficients in anybody's file."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from typing import Any

import mpmath

from ..errors import TableError
from ..numbers import ZERO, dyadic, exact, multiply, negate
from .contents import Basis, Contents, Hints, Interval, with_header
from .numbers import number
from .straight import Operand, Statement, plan_from

_HALF = dyadic(1, -1)
_CALLS = {
    "EvalMult": "*", "multiply": "*", "EvalAdd": "+", "add": "+", "EvalSub": "-", "subtract": "-",
}  # fmt: skip
_SIGNS = {ast.Mult: "*", ast.Add: "+", ast.Sub: "-"}
_HIDDEN = ("cc", "engine", "key")


def read_python(content: bytes, hints: Hints) -> Contents:
    """An export for "python": a plan."""
    return _read(content, hints, "chebyshev", 1)


def read_openfhe(content: bytes, hints: Hints) -> Contents:
    """A plan, ``STAGES``, or lists for EvalChebyshevSeries (c_0 doubled) or EvalPoly (powers)."""
    return _read(content, hints, hints.basis or "chebyshev", 2)


def read_tenseal(content: bytes, hints: Hints) -> Contents:
    """A plan, or lists for polyval: powers."""
    return _read(content, hints, "monomial", 1)


def read_desilo(content: bytes, hints: Hints) -> Contents:
    """A plan, ``STAGES``, or lists for evaluate_chebyshev_polynomial or evaluate_polynomial."""
    return _read(content, hints, hints.basis or "chebyshev", 1)


def read_orion_lists(content: bytes, hints: Hints) -> Contents:
    """Lists for orion-fhe: Chebyshev ascending, monomials descending; the last is (1 + s)/2."""
    found = _read(content, hints, hints.basis or "chebyshev", 1)
    if found.basis == "monomial":
        return replace(found, stages=tuple(row[::-1] for row in found.stages))
    return found


def tree_of(content: bytes) -> ast.Module:
    """The syntax tree of Python source; nothing is executed.

    Raises
    ------
    TableError
        If it is not Python.
    """
    try:
        return ast.parse(content.decode("utf-8"))
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise TableError(f"cannot be read as Python source ({error})") from None


def _read(content: bytes, hints: Hints, basis: Basis, first_is: int) -> Contents:
    tree = tree_of(content)
    header = (ast.get_docstring(tree, clean=False) or "").splitlines()
    constants = dict(_assignments(tree))
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    if "STAGES" in constants:
        return with_header(_stages(constants, basis, first_is), header)
    if "evaluate" in functions:
        return with_header(Contents(plan=_plan(functions["evaluate"])), header)
    rows = _rows(tree, constants, hints)
    stages = tuple(_first_divided(row, first_is if basis == "chebyshev" else 1) for row in rows)
    return Contents(stages, basis)


def _first_divided(row: tuple[mpmath.mpf, ...], factor: int) -> tuple[mpmath.mpf, ...]:
    return row if factor == 1 or not row else (multiply(row[0], _HALF), *row[1:])


def _assignments(tree: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            yield node.targets[0].id, node.value
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value:
            yield node.target.id, node.value


def value_of(node: ast.expr) -> mpmath.mpf:
    """A number, or arithmetic on numbers such as ``-3.4*10**(-1)`` (exact, then as a decimal).

    Raises
    ------
    TableError
    """
    if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)):
        return exact(node.value) if isinstance(node.value, int) else number(repr(node.value))
    sign = isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub)
    if sign and isinstance(node, ast.UnaryOp) and isinstance(node.operand, ast.Constant):
        return negate(value_of(node.operand))
    value = _rational(node)
    digits = value.limit_denominator(10**40)
    if digits == value and value.denominator & (value.denominator - 1) == 0:
        return exact(value)
    return exact(float(value))


def _rational(node: ast.expr) -> Fraction:
    if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)):
        return Fraction(repr(node.value))
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.UAdd)):
        value = _rational(node.operand)
        return -value if isinstance(node.op, ast.USub) else value
    if isinstance(node, ast.BinOp):
        left, right = _rational(node.left), _rational(node.right)
        if isinstance(node.op, ast.Mult):
            return left * right
        if isinstance(node.op, ast.Div) and right:
            return left / right
        if isinstance(node.op, ast.Pow) and right.denominator == 1 and abs(right) <= 1000:
            return left ** int(right)
    raise TableError(f"line {node.lineno} holds something that is not a number")


def rows_of(node: ast.expr) -> tuple[tuple[mpmath.mpf, ...], ...] | None:
    """A list of numbers, or of lists of them; None if it is something else."""
    if isinstance(node, ast.Call) and node.args:  # np.array([...]), torch.tensor([...])
        return rows_of(node.args[0])
    if not isinstance(node, (ast.List, ast.Tuple)) or not node.elts:
        return None
    if all(isinstance(item, (ast.List, ast.Tuple)) for item in node.elts):
        return tuple(
            tuple(value_of(v) for v in item.elts)
            for item in node.elts
            if isinstance(item, (ast.List, ast.Tuple))
        )
    try:
        return (tuple(value_of(item) for item in node.elts),)
    except TableError:
        return None


def _rows(
    tree: ast.Module, constants: dict[str, ast.expr], hints: Hints
) -> tuple[tuple[mpmath.mpf, ...], ...]:
    found = {name: rows for name, node in constants.items() if (rows := rows_of(node)) is not None}
    for node in tree.body:
        if isinstance(node, ast.Expr) and (rows := rows_of(node.value)) is not None:
            found[f"line {node.lineno}"] = rows
    return chosen(found, hints)


def chosen(found: dict[str, Any], hints: Hints) -> Any:
    """The table that was asked for by name, or the only one.

    Raises
    ------
    TableError
        Naming those that there are.
    """
    if not found:
        raise TableError("holds no list of coefficients")
    names = ", ".join(repr(name) for name in found)
    if hints.name is not None:
        if hints.name not in found:
            raise TableError(f"holds no table {hints.name!r}; it holds {names}")
        return found[hints.name]
    if len(found) > 1:
        raise TableError(f"holds several tables ({names}); choose one by name=")
    return next(iter(found.values()))


def _stages(constants: dict[str, ast.expr], basis: Basis, first_is: int) -> Contents:
    rows, intervals = [], []
    offset = value_of(constants["OFFSET"]) if "OFFSET" in constants else ZERO
    stages = constants["STAGES"]
    if not isinstance(stages, ast.List):
        raise TableError("STAGES is not a list")
    for item in stages.elts:
        interval, row = None, item
        if isinstance(item, ast.Tuple) and len(item.elts) == 2:
            interval, row = item.elts
        found = rows_of(row)
        if found is None or len(found) != 1:
            raise TableError(f"line {item.lineno} holds no list of coefficients")
        rows.append(_first_divided(found[0], first_is if basis == "chebyshev" else 1))
        if interval is not None:
            intervals.append(_interval(interval))
    return Contents(
        tuple(rows), basis, tuple(intervals), halved=True, offset=offset
    )


def _interval(node: ast.expr) -> Interval:
    found = rows_of(node)
    if found is None or len(found[0]) != 2:
        raise TableError(f"line {node.lineno} holds no interval")
    return found[0][0], found[0][1]


def _plan(function: ast.FunctionDef) -> Any:
    arguments = [a.arg for a in function.args.args if a.arg not in _HIDDEN]
    statements: list[Statement] = []
    result = ""
    for node in function.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            statements.append((node.targets[0].id, *_operation(node.value)))
        elif isinstance(node, ast.Return) and isinstance(node.value, ast.Name):
            result = node.value.id
        elif not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)):
            raise TableError(f"line {node.lineno} is not an operation of a plan")
    return plan_from(arguments, statements, result)


def _operation(node: ast.expr) -> tuple[str, str, Operand]:
    if isinstance(node, ast.BinOp) and type(node.op) in _SIGNS:
        return _SIGNS[type(node.op)], *_operands(node.left, node.right)
    if isinstance(node, ast.Call) and isinstance(node.func, (ast.Attribute, ast.Name)):
        called = node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id
        sign = _CALLS.get(called)
        if sign and len(node.args) >= 2:
            return sign, *_operands(node.args[0], node.args[1])
    raise TableError(f"line {node.lineno} is not an operation of a plan")


def _operands(left: ast.expr, right: ast.expr) -> tuple[str, Operand]:
    if not isinstance(left, ast.Name):
        raise TableError(f"line {left.lineno} is not an operation of a plan")
    return left.id, right.id if isinstance(right, ast.Name) else value_of(right)
