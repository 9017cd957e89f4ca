# SPDX-License-Identifier: Apache-2.0
"""Python: the exports for Python frameworks, and lists of coefficients in anybody's file."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import mpmath

from ..errors import TableError
from ..numbers import ZERO, dyadic, multiply
from .c_source import basis_of_calls
from .contents import Basis, Contents, Hints, Interval, is_own, refuse_own, with_header
from .python_lists import has_lists, lists_of, rows_of, tree_of, value_of
from .steps import plan_of_steps
from .straight import Operand, Statement, plan_from

_HALF = dyadic(1, -1)
_CALLS = {
    "EvalMult": "*", "multiply": "*", "EvalAdd": "+", "add": "+", "EvalSub": "-", "subtract": "-",
}  # fmt: skip
_SIGNS = {ast.Mult: "*", ast.Add: "+", ast.Sub: "-"}
_HIDDEN = ("cc", "engine", "key")


def read_python(content: bytes, hints: Hints) -> Contents:
    """An export for "python": a plan; or one list of numbers, in the basis that is given."""
    return _read(content, hints, hints.basis, 1)


def read_openfhe(content: bytes, hints: Hints) -> Contents:
    """A plan, ``STAGES``, or lists for EvalChebyshevSeries (c_0 doubled) or EvalPoly (powers)."""
    basis = hints.basis or basis_of_calls(content.decode("utf-8", "replace"))
    return _read(content, hints, basis, 2)


def read_tenseal(content: bytes, hints: Hints) -> Contents:
    """A plan, or lists for polyval: powers."""
    return _read(content, hints, "monomial", 1)


def read_desilo(content: bytes, hints: Hints) -> Contents:
    """A plan, ``STAGES``, or lists for evaluate_chebyshev_polynomial or evaluate_polynomial."""
    text = content.decode("utf-8", "replace")
    said: Basis | None = "chebyshev"
    if re.search(r"\bevaluate_polynomial\b", text):
        said = None if "evaluate_chebyshev_polynomial" in text else "monomial"
    return _read(content, hints, hints.basis or said, 1)


def read_orion_lists(content: bytes, hints: Hints) -> Contents:
    """Lists for orion-fhe: Chebyshev ascending, monomials descending; the last is (1 + s)/2."""
    found = _read(content, hints, hints.basis or "chebyshev", 1)
    if found.basis == "monomial":
        return replace(found, stages=tuple(row[::-1] for row in found.stages))
    return found


def _read(content: bytes, hints: Hints, basis: Basis | None, first_is: int) -> Contents:
    tree = tree_of(content)
    header = (ast.get_docstring(tree, clean=False) or "").splitlines()
    constants = dict(_assignments(tree))
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    own = is_own(header)
    if "STAGES" in constants and own:
        return with_header(_stages(constants, basis or "chebyshev", first_is), header)
    if "evaluate" in functions and (own or not has_lists(tree)):
        steps = plan_of_steps(content.decode("utf-8", "replace"))
        return with_header(Contents(plan=steps or _plan(functions["evaluate"])), header)
    refuse_own(header)
    rows = lists_of(tree, hints)
    factor = first_is if basis == "chebyshev" else 1
    return Contents(tuple(_first_divided(row, factor) for row in rows), basis)


def _first_divided(row: tuple[mpmath.mpf, ...], factor: int) -> tuple[mpmath.mpf, ...]:
    return row if factor == 1 or not row else (multiply(row[0], _HALF), *row[1:])


def _assignments(tree: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            yield node.targets[0].id, node.value
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value:
            yield node.target.id, node.value


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
        if len(found) != 1:
            raise TableError(f"line {item.lineno} holds no list of coefficients")
        rows.append(_first_divided(found[0], first_is if basis == "chebyshev" else 1))
        if interval is not None:
            intervals.append(_interval(interval))
    return Contents(
        tuple(rows), basis, tuple(intervals), halved=True, offset=offset
    )


def _interval(node: ast.expr) -> Interval:
    found = rows_of(node)
    if len(found) != 1 or len(found[0]) != 2:
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
