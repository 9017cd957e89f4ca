"""Functions of one variable written as text: a safe parser and its interpreters.

The text is read with the ``ast`` module and a whitelist; nothing is ever executed. Numbers are
held as exact fractions, so that ``0.1`` means one tenth.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, NoReturn

import mpmath
import numpy as np
from flint import arb, arb_series, fmpq

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


def _fold(node: Node, x: Any, leaf: Callable[[Node], Any], apply: Callable[..., Any]) -> Any:
    if node.op == "x":
        return x
    if not node.args:
        return leaf(node)
    if node.op == "**" and node.args[1].op == "number":
        base = _fold(node.args[0], x, leaf, apply)
        return apply("power", base, node.args[1].value)
    return apply(node.op, *(_fold(arg, x, leaf, apply) for arg in node.args))


def _arithmetic(op: str, *u: Any) -> Any:
    if op == "neg":
        return -u[0]
    if op == "+":
        return u[0] + u[1]
    if op == "-":
        return u[0] - u[1]
    return u[0] * u[1] if op == "*" else u[0] / u[1]


def evaluate_numpy(node: Node, x: Any) -> np.ndarray:
    """Float64 values, in forms that neither overflow nor cancel; NaN where undefined."""
    x = np.asarray(x, dtype=np.float64)
    with np.errstate(all="ignore"):
        value = _fold(node, x, _numpy_leaf, _numpy_apply)
    return np.array(np.broadcast_to(value, x.shape), dtype=np.float64)


def _numpy_leaf(node: Node) -> np.float64:
    if node.value is not None:
        try:
            return np.float64(float(node.value))
        except OverflowError:
            return np.float64(np.inf if node.value > 0 else -np.inf)
    return np.float64(np.pi if node.op == "pi" else np.e)


def _numpy_apply(op: str, *u: Any) -> Any:
    if op == "power":
        return np.sqrt(u[0]) if u[1] == Fraction(1, 2) else np.power(u[0], float(u[1]))
    if op == "**":
        return np.power(u[0], u[1])
    if op in ("erf", "gelu"):
        from scipy import special

        if op == "erf":
            return special.erf(u[0])
        return u[0] * special.erfc(-u[0] / np.sqrt(2.0)) / 2
    direct = _NUMPY.get(op)
    return _arithmetic(op, *u) if direct is None else direct(u[0])


_NUMPY: dict[str, Callable[[Any], Any]] = {
    **{
        name: getattr(np, name)
        for name in [
            "exp",
            "log",
            "sqrt",
            "sin",
            "cos",
            "tan",
            "tanh",
            "sinh",
            "cosh",
            "abs",
            "sign",
        ]
    },
    "relu": lambda u: np.maximum(u, 0.0),
    "step": lambda u: np.heaviside(u, 0.5),
    "sigmoid": lambda u: np.exp(-np.logaddexp(0.0, -u)),
    "silu": lambda u: u * np.exp(-np.logaddexp(0.0, -u)),
    "softplus": lambda u: np.logaddexp(0.0, u),
}


def evaluate_mpmath(node: Node, x: Any) -> mpmath.mpf:
    """The value at the precision of the ``mpmath`` context; NaN where undefined."""
    try:
        value = _fold(node, mpmath.mpf(x), _mpmath_leaf, _mpmath_apply)
    except (ZeroDivisionError, OverflowError):
        return mpmath.mpf("nan")
    return mpmath.mpf("nan") if isinstance(value, mpmath.mpc) else mpmath.mpf(value)


def _mpmath_leaf(node: Node) -> mpmath.mpf:
    if node.value is not None:
        return mpmath.mpf(node.value.numerator) / node.value.denominator
    return +mpmath.pi if node.op == "pi" else +mpmath.e


def _mpmath_apply(op: str, *u: Any) -> Any:
    if op == "power":
        if u[1].denominator == 1:
            return u[0] ** int(u[1])
        return u[0] ** (mpmath.mpf(u[1].numerator) / u[1].denominator)
    if op == "**":
        return u[0] ** u[1]
    if op in _MPMATH:
        return _MPMATH[op](u[0])
    if op in FUNCTIONS:
        return mpmath.fabs(u[0]) if op == "abs" else getattr(mpmath, op)(u[0])
    return _arithmetic(op, *u)


_MPMATH: dict[str, Callable[[Any], Any]] = {
    "relu": lambda u: u if u > 0 else 0 * u,
    "step": lambda u: (1 + mpmath.sign(u)) / 2,
    "sigmoid": lambda u: 1 / (1 + mpmath.exp(-u)),
    "silu": lambda u: u / (1 + mpmath.exp(-u)),
    "softplus": lambda u: mpmath.log1p(mpmath.exp(-abs(u))) + (u if u > 0 else 0),
    "gelu": lambda u: u * mpmath.erfc(-u / mpmath.sqrt(2)) / 2,
}


def _ball_leaf(node: Node) -> arb:
    if node.value is not None:
        return arb(fmpq(node.value.numerator, node.value.denominator))
    return arb.pi() if node.op == "pi" else arb(1).exp()


def evaluate_ball(node: Node, x: arb) -> arb:
    """A ball that contains the value at every point of the ball `x`; NaN where undefined."""
    return _fold(node, x, _ball_leaf, _ball_apply)


def _ball_apply(op: str, *u: arb) -> arb:
    if op in KINKS:
        return _ball_kink(op, u[0])
    if op in ("tanh", "sinh", "cosh"):
        return getattr(u[0], op)()
    if op == "power" and u[0] == 0 and u[1] > 0:
        return arb(0)
    return _smooth(op, *u)


def _ball_kink(op: str, u: arb) -> arb:
    if not u.is_finite():
        return arb("nan")
    if op == "abs":
        return u if u >= 0 else -u if u <= 0 else arb(0).union(u.abs_upper())
    if op == "relu":
        return u if u >= 0 else arb(0) if u <= 0 else arb(0).union(u.max(arb(0)))
    sign = arb(1) if u > 0 else arb(-1) if u < 0 else arb(0) if u == 0 else arb(0, 1)
    return sign if op == "sign" else (1 + sign) / 2


def _nan_series(like: arb_series) -> arb_series:
    return arb_series([arb("nan")] * max(like.prec, 1), like.prec)


def evaluate_series(node: Node, x: arb_series) -> arb_series:
    """The power series of the expression along `x`; a series of NaN where it is undefined."""
    value = _fold(node, x, _ball_leaf, lambda op, *u: _series_apply(x, op, *u))
    return value if isinstance(value, arb_series) else arb_series([value], x.prec)


def _series_apply(x: arb_series, op: str, *u: Any) -> Any:
    if not any(isinstance(v, arb_series) for v in u):
        return _ball_apply(op, *u)
    try:
        return _series_kink(op, u[0]) if op in KINKS else _smooth(op, *u)
    except (ValueError, ZeroDivisionError):
        return _nan_series(x)


def _series_kink(op: str, u: arb_series) -> arb_series:
    if u[0] > 0:
        positive = True
    elif u[0] < 0:
        positive = False
    else:
        return _nan_series(u)
    if op == "abs":
        return u if positive else -u
    if op == "relu" and positive:
        return u
    value = {"relu": 0, "step": int(positive), "sign": 1 if positive else -1}[op]
    return arb_series([value], u.prec)


def _smooth(op: str, *u: Any) -> Any:
    if op == "power":
        return _ball_power(u[0], u[1])
    if op == "**":
        return (u[1] * u[0].log()).exp()
    if op in ("exp", "log", "sqrt", "sin", "cos", "tan", "erf"):
        return getattr(u[0], op)()
    return _SMOOTH[op](u[0]) if op in _SMOOTH else _arithmetic(op, *u)


def _ball_power(u: Any, exponent: Fraction) -> Any:
    if exponent.denominator == 1:
        n = int(exponent)
        return u**n if n >= 0 else 1 / u ** (-n)
    if exponent == Fraction(1, 2):
        return u.sqrt()
    return (u.log() * arb(fmpq(exponent.numerator, exponent.denominator))).exp()


_SMOOTH: dict[str, Callable[[Any], Any]] = {
    "tanh": lambda u: 1 - 2 / ((2 * u).exp() + 1),
    "sinh": lambda u: (u.exp() - (-u).exp()) / 2,
    "cosh": lambda u: (u.exp() + (-u).exp()) / 2,
    "sigmoid": lambda u: 1 / (1 + (-u).exp()),
    "silu": lambda u: u / (1 + (-u).exp()),
    "softplus": lambda u: (1 + u.exp()).log(),
    "gelu": lambda u: u * (1 + (u / arb(2).sqrt()).erf()) / 2,
}


def to_sympy(node: Node) -> Any:
    """The expression as a ``sympy`` object in the real symbol ``x``."""
    import sympy

    def leaf(item: Node) -> Any:
        if item.value is not None:
            return sympy.Rational(item.value.numerator, item.value.denominator)
        return sympy.pi if item.op == "pi" else sympy.E

    def apply(op: str, *u: Any) -> Any:
        special = {
            "abs": lambda v: sympy.Abs(v),
            "relu": lambda v: sympy.Max(v, 0),
            "step": lambda v: (1 + sympy.sign(v)) / 2,
            "sigmoid": lambda v: 1 / (1 + sympy.exp(-v)),
            "silu": lambda v: v / (1 + sympy.exp(-v)),
            "softplus": lambda v: sympy.log(1 + sympy.exp(v)),
            "gelu": lambda v: v * (1 + sympy.erf(v / sympy.sqrt(2))) / 2,
        }
        if op == "power":
            return u[0] ** sympy.Rational(u[1].numerator, u[1].denominator)
        if op == "**":
            return u[0] ** u[1]
        if op in special:
            return special[op](u[0])
        return getattr(sympy, op)(u[0]) if op in FUNCTIONS else _arithmetic(op, *u)

    return _fold(node, sympy.Symbol("x", real=True), leaf, apply)
