# SPDX-License-Identifier: Apache-2.0
"""Functions of one variable written as text: a safe parser.

The text is read with the ``ast`` module and a whitelist; nothing is ever executed. Numbers are
held as exact fractions, so that ``0.1`` means one tenth. The names that SymPy writes (``Abs``,
``Max``, ``Min``, ``Heaviside``, ``Piecewise``, …) are read too.
"""

from __future__ import annotations

import ast
import warnings
from fractions import Fraction
from functools import reduce
from typing import Any, NoReturn

from .errors import ExpressionError
from .functions import NAMED
from .functions.symmetry import parity
from .functions.tree import Node, number, rational

__all__ = ["FUNCTIONS", "Node", "parity", "parse", "rational"]

MAX_LENGTH = 500
MAX_DEPTH = 100
MAX_EXPONENT = 1000

FUNCTIONS = frozenset(NAMED)
_ALIASES = {
    "Abs": "abs",
    "Heaviside": "step",
    "Max": "max",
    "Min": "min",
    "Piecewise": "piecewise",
    "ln": "log",
    "loggamma": "lgamma",
    "ncdf": "normcdf",
    "E": "e",
}
_BINARY: dict[type, str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.Pow: "**",
}
_COMPARISONS: dict[type, tuple[str, bool]] = {  # and whether the sides change places
    ast.Lt: ("<", False),
    ast.LtE: ("<=", False),
    ast.Gt: ("<", True),
    ast.GtE: ("<=", True),
}


def parse(text: str) -> Node:
    """Read an expression in ``x``.

    Parameters
    ----------
    text : str
        At most 500 characters; ``^`` is read as ``**``. A bare function name means the
        function of ``x``.

    Returns
    -------
    Node
        The immutable tree.

    Raises
    ------
    ExpressionError
        If the text is not an expression, or uses anything that is not allowed.

    Examples
    --------
    >>> parse("1/x").op
    '/'
    """
    if len(text) > MAX_LENGTH:
        raise ExpressionError(
            f"the expression has {len(text)} characters; write it with at most {MAX_LENGTH}"
        )
    source = text.strip().replace("^", "**")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(source, mode="eval")
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        raise ExpressionError(
            f"the expression {text!r} could not be read; write it in x, like '1/(1+x**2)'"
        ) from None
    return _convert(tree.body, source, 0)


def _refuse(item: ast.AST, source: str) -> NoReturn:
    shown = ast.get_source_segment(source, item) or source
    raise ExpressionError(
        f"the part {shown!r} of the expression is not allowed; use x, pi, e, numbers, "
        f"+ - * / **, Piecewise, max, min and {' '.join(sorted(FUNCTIONS))}"
    )


def _convert(item: ast.AST, source: str, depth: int) -> Node:
    if depth > MAX_DEPTH:
        raise ExpressionError(
            f"the expression is nested more than {MAX_DEPTH} deep; write it more simply"
        )
    if isinstance(item, ast.Constant):
        return _number(item, source)
    if isinstance(item, ast.Name):
        name = _ALIASES.get(item.id, item.id)
        if name in ("x", "pi", "e"):
            return Node(name)
        if name in FUNCTIONS:
            return Node(name, (Node("x"),))
    if isinstance(item, ast.UnaryOp) and isinstance(item.op, ast.USub | ast.UAdd):
        inner = _convert(item.operand, source, depth + 1)
        return inner if isinstance(item.op, ast.UAdd) else Node("neg", (inner,))
    if isinstance(item, ast.BinOp) and type(item.op) in _BINARY:
        left = _convert(item.left, source, depth + 1)
        right = _convert(item.right, source, depth + 1)
        return (
            _power(left, right)
            if isinstance(item.op, ast.Pow)
            else Node(_BINARY[type(item.op)], (left, right))
        )
    if isinstance(item, ast.Call) and isinstance(item.func, ast.Name) and not item.keywords:
        name = _ALIASES.get(item.func.id, item.func.id)
        if name == "piecewise":
            return _piecewise(item, source, depth)
        if name in FUNCTIONS and len(item.args) == 1:
            return Node(name, (_convert(item.args[0], source, depth + 1),))
        if name in ("max", "min") and len(item.args) >= 2:
            values = [_convert(arg, source, depth + 1) for arg in item.args]
            return reduce(lambda left, right: Node(name, (left, right)), values)
    _refuse(item, source)


def _piecewise(item: ast.Call, source: str, depth: int) -> Node:
    """Piecewise((value, condition), …): the first whose condition holds."""
    parts: list[Node] = []
    for pair in item.args:
        if not (isinstance(pair, ast.Tuple) and len(pair.elts) == 2):
            raise ExpressionError(
                "Piecewise of the expression needs pairs (value, condition), like "
                "Piecewise((x, x > 0), (0, True))"
            )
        value, condition = pair.elts
        parts.append(_convert(value, source, depth + 1))
        parts.append(_condition(condition, source, depth + 1))
    if not parts:
        _refuse(item, source)
    return Node("piecewise", tuple(parts))


def _condition(item: ast.AST, source: str, depth: int) -> Node:
    if depth > MAX_DEPTH:
        _refuse(item, source)
    if isinstance(item, ast.Constant) and item.value is True:
        return Node("true")
    if isinstance(item, ast.BinOp) and isinstance(item.op, ast.BitAnd | ast.BitOr):
        sides = [_condition(side, source, depth + 1) for side in (item.left, item.right)]
        return Node("and" if isinstance(item.op, ast.BitAnd) else "or", tuple(sides))
    if not isinstance(item, ast.Compare) or any(type(op) not in _COMPARISONS for op in item.ops):
        _refuse(item, source)
    values = [_convert(v, source, depth + 1) for v in (item.left, *item.comparators)]
    steps = []
    for op, left, right in zip(item.ops, values, values[1:], strict=False):
        name, swapped = _COMPARISONS[type(op)]
        steps.append(Node(name, (right, left) if swapped else (left, right)))
    return reduce(lambda left, right: Node("and", (left, right)), steps)


def _number(item: ast.Constant, source: str) -> Node:
    if type(item.value) not in (int, float):
        _refuse(item, source)
    size: Any = item.value
    if size != 0 and not 1e-300 < abs(size) < 1e300:
        raise ExpressionError(
            "a number of the expression is outside 1e-300 to 1e300; rescale the expression"
        )
    if isinstance(item.value, int):
        return number(item.value)
    shown = ast.get_source_segment(source, item) or repr(item.value)
    _, _, exponent = shown.lower().partition("e")
    if exponent and abs(int(exponent)) > 1000:
        raise ExpressionError(f"the number {shown!r} has an exponent above 1000; write it out")
    return number(Fraction(shown.replace("_", "")))


def _power(base: Node, exponent: Node) -> Node:
    value = rational(exponent)
    if value is None:
        return Node("**", (base, exponent))
    if abs(value) > MAX_EXPONENT:
        raise ExpressionError(
            f"an exponent of the expression is above {MAX_EXPONENT} in size; use a smaller one"
        )
    return Node("**", (base, number(value)))
