"""Functions of one variable written as text: a safe parser.

The text is read with the ``ast`` module and a whitelist; nothing is ever executed. Numbers are
held as exact fractions, so that ``0.1`` means one tenth.
"""

from __future__ import annotations

import ast
import warnings
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, NoReturn

from .errors import ExpressionError

MAX_LENGTH = 500
MAX_DEPTH = 100
MAX_EXPONENT = 1000
_MAX_BITS = 20000

FUNCTIONS = frozenset(
    [
        "exp",
        "log",
        "sqrt",
        "sin",
        "cos",
        "tan",
        "tanh",
        "sinh",
        "cosh",
        "erf",
        "asin",
        "acos",
        "atan",
        "abs",
        "sign",
        "relu",
        "step",
        "sigmoid",
        "gelu",
        "silu",
        "softplus",
    ]
)
KINKS = frozenset({"abs", "sign", "relu", "step"})
_BINARY: dict[type, str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.Pow: "**",
}


@dataclass(frozen=True)
class Node:
    """One operation of an expression: its name, its arguments, and the value of a number."""

    op: str
    args: tuple[Node, ...] = ()
    value: Fraction | None = None


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
        f"+ - * / ** and {' '.join(sorted(FUNCTIONS))}"
    )


def _convert(item: ast.AST, source: str, depth: int) -> Node:
    if depth > MAX_DEPTH:
        raise ExpressionError(
            f"the expression is nested more than {MAX_DEPTH} deep; write it more simply"
        )
    if isinstance(item, ast.Constant):
        return _number(item, source)
    if isinstance(item, ast.Name):
        if item.id in ("x", "pi", "e"):
            return Node(item.id)
        if item.id in FUNCTIONS:
            return Node(item.id, (Node("x"),))
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
    if (
        isinstance(item, ast.Call)
        and isinstance(item.func, ast.Name)
        and item.func.id in FUNCTIONS
        and len(item.args) == 1
        and not item.keywords
    ):
        return Node(item.func.id, (_convert(item.args[0], source, depth + 1),))
    _refuse(item, source)


def _number(item: ast.Constant, source: str) -> Node:
    if type(item.value) not in (int, float):
        _refuse(item, source)
    size: Any = item.value
    if size != 0 and not 1e-300 < abs(size) < 1e300:
        raise ExpressionError(
            "a number of the expression is outside 1e-300 to 1e300; rescale the expression"
        )
    if isinstance(item.value, int):
        return Node("number", (), Fraction(item.value))
    shown = ast.get_source_segment(source, item) or repr(item.value)
    _, _, exponent = shown.lower().partition("e")
    if exponent and abs(int(exponent)) > 1000:
        raise ExpressionError(f"the number {shown!r} has an exponent above 1000; write it out")
    return Node("number", (), Fraction(shown.replace("_", "")))


def _power(base: Node, exponent: Node) -> Node:
    value = rational(exponent)
    if value is None:
        return Node("**", (base, exponent))
    if abs(value) > MAX_EXPONENT:
        raise ExpressionError(
            f"an exponent of the expression is above {MAX_EXPONENT} in size; use a smaller one"
        )
    return Node("**", (base, Node("number", (), value)))


def rational(node: Node) -> Fraction | None:
    """The exact value of a constant rational subtree of moderate size, or None."""
    if node.op == "number":
        return node.value
    if node.op not in ("neg", "+", "-", "*", "/", "**"):
        return None
    values = [rational(arg) for arg in node.args]
    if node.op == "neg":
        return None if values[0] is None else -values[0]
    left, right = values
    if left is None or right is None:
        return None
    if node.op in ("/", "**") and _divides_by_zero(node.op, left, right):
        raise ExpressionError("the expression divides by zero; correct the constant part")
    if node.op == "**":
        size = max(left.numerator.bit_length(), left.denominator.bit_length())
        if right.denominator != 1:
            return None
        if size * abs(right) > _MAX_BITS:
            raise ExpressionError(
                "a constant power of the expression is too large; use a smaller one"
            )
        return left ** int(right)
    if node.op == "/":
        return left / right
    return left + right if node.op == "+" else left - right if node.op == "-" else left * right


def _divides_by_zero(op: str, left: Fraction, right: Fraction) -> bool:
    return right == 0 if op == "/" else left == 0 and right < 0


_ODD_FUNCTIONS = frozenset(["sin", "tan", "tanh", "sinh", "erf", "asin", "atan", "sign"])
_EVEN_FUNCTIONS = frozenset(["cos", "cosh", "abs"])


def parity(node: Node) -> str | None:
    """ "even" or "odd" where the form of the tree shows it, else None.

    Examples
    --------
    >>> parity(parse("x*tanh(x**3)")), parity(parse("exp(x)"))
    ('even', None)
    """
    if node.op == "x":
        return "odd"
    if not node.args:
        return "even"
    first, *others = (parity(arg) for arg in node.args)
    if others and node.op == "**" and node.args[1].value is not None:
        exponent = node.args[1].value
        if first == "odd" and exponent.denominator == 1:
            return "odd" if exponent.numerator % 2 else "even"
        return "even" if first == "even" else None
    if others:
        (second,) = others
        if first is None or second is None:
            return None
        if node.op in ("*", "/"):
            return "even" if first == second else "odd"
        return first if first == second else None
    if first == "odd" and node.op in _EVEN_FUNCTIONS:
        return "even"
    if first == "odd":
        return "odd" if node.op == "neg" or node.op in _ODD_FUNCTIONS else None
    return first
