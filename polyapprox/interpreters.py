"""Expressions evaluated in every arithmetic: float64, mpmath, balls, power series, sympy.

A tree is compiled once into nested closures, so that a value costs one call for each operation.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
from flint import arb, arb_series, fmpq

from .expression import FUNCTIONS, KINKS, Node

Function = Callable[[Any], Any]
_ARITHMETIC: dict[str, Callable[..., Any]] = {
    "neg": operator.neg,
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
}


def _compiled(
    node: Node,
    leaf: Callable[[Node], Any],
    operation: Callable[[str], Callable[..., Any]],
    power: Callable[[Any, Fraction], Any],
) -> Function:
    """A function of x; `leaf` is asked at every call, for constants depend on the precision."""
    if node.op == "x":
        return lambda x: x
    if not node.args:
        return lambda x: leaf(node)
    first = _compiled(node.args[0], leaf, operation, power)
    exponent = node.args[1].value if node.op == "**" else None
    if exponent is not None:
        return lambda x: power(first(x), exponent)
    apply = operation(node.op)
    if len(node.args) == 1:
        return lambda x: apply(first(x))
    second = _compiled(node.args[1], leaf, operation, power)
    return lambda x: apply(first(x), second(x))


# --- float64 ------------------------------------------------------------------------------------


def numpy_function(node: Node) -> Callable[[Any], np.ndarray]:
    """Float64 values, in forms that neither overflow nor cancel; NaN where undefined."""
    function = _compiled(node, _numpy_leaf, _numpy_operation, _numpy_power)

    def evaluate(x: Any) -> np.ndarray:
        x = np.asarray(x, dtype=np.float64)
        with np.errstate(all="ignore"):
            value = function(x)
        return np.array(np.broadcast_to(value, x.shape), dtype=np.float64)

    return evaluate


def _numpy_leaf(node: Node) -> np.float64:
    if node.value is not None:
        try:
            return np.float64(float(node.value))
        except OverflowError:
            return np.float64(np.inf if node.value > 0 else -np.inf)
    return np.float64(np.pi if node.op == "pi" else np.e)


def _numpy_power(u: Any, exponent: Fraction) -> Any:
    return np.sqrt(u) if exponent == Fraction(1, 2) else np.power(u, float(exponent))


def _numpy_operation(op: str) -> Callable[..., Any]:
    if op == "**":
        return np.power
    if op in ("erf", "gelu"):
        return _numpy_erf if op == "erf" else _numpy_gelu
    return _NUMPY.get(op) or _ARITHMETIC[op]


def _numpy_erf(u: Any) -> Any:
    from scipy import special

    return special.erf(u)


def _numpy_gelu(u: Any) -> Any:
    from scipy import special

    return u * special.erfc(-u / np.sqrt(2.0)) / 2


_NUMPY: dict[str, Function] = {
    "exp": np.exp,
    "log": np.log,
    "sqrt": np.sqrt,
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
    "asin": np.arcsin,
    "acos": np.arccos,
    "atan": np.arctan,
    "tanh": np.tanh,
    "sinh": np.sinh,
    "cosh": np.cosh,
    "abs": np.abs,
    "sign": np.sign,
    "relu": lambda u: np.maximum(u, 0.0),
    "step": lambda u: np.heaviside(u, 0.5),
    "sigmoid": lambda u: np.exp(-np.logaddexp(0.0, -u)),
    "silu": lambda u: u * np.exp(-np.logaddexp(0.0, -u)),
    "softplus": lambda u: np.logaddexp(0.0, u),
}


# --- mpmath -------------------------------------------------------------------------------------


def mpmath_function(node: Node) -> Callable[[Any], mpmath.mpf]:
    """The value at the precision of the ``mpmath`` context; NaN where undefined."""
    function = _compiled(node, _mpmath_leaf, _mpmath_operation, _mpmath_power)

    def evaluate(x: Any) -> mpmath.mpf:
        try:
            value = function(mpmath.mpf(x))
        except (ZeroDivisionError, OverflowError):
            return mpmath.mpf("nan")
        return mpmath.mpf("nan") if isinstance(value, mpmath.mpc) else mpmath.mpf(value)

    return evaluate


def _mpmath_leaf(node: Node) -> mpmath.mpf:
    if node.value is not None:
        return mpmath.mpf(node.value.numerator) / node.value.denominator
    return +mpmath.pi if node.op == "pi" else +mpmath.e


def _mpmath_power(u: Any, exponent: Fraction) -> Any:
    if exponent.denominator == 1:
        return u ** int(exponent)
    return u ** (mpmath.mpf(exponent.numerator) / exponent.denominator)


def _mpmath_operation(op: str) -> Callable[..., Any]:
    if op == "**":
        return operator.pow
    if op in _MPMATH:
        return _MPMATH[op]
    return getattr(mpmath, op) if op in FUNCTIONS else _ARITHMETIC[op]


_MPMATH: dict[str, Function] = {
    "abs": lambda u: mpmath.fabs(u),
    "relu": lambda u: u if u > 0 else 0 * u,
    "step": lambda u: (1 + mpmath.sign(u)) / 2,
    "sigmoid": lambda u: 1 / (1 + mpmath.exp(-u)),
    "silu": lambda u: u / (1 + mpmath.exp(-u)),
    "softplus": lambda u: mpmath.log1p(mpmath.exp(-abs(u))) + (u if u > 0 else 0),
    "gelu": lambda u: u * mpmath.erfc(-u / mpmath.sqrt(2)) / 2,
}


# --- balls and power series ---------------------------------------------------------------------


def ball_function(node: Node) -> Callable[[arb], arb]:
    """A ball that contains the value at every point of a ball where there is one; or NaN."""
    return _compiled(node, _ball_leaf, _ball_operation, _ball_power)


def series_function(node: Node) -> Callable[[arb_series], arb_series]:
    """The power series of the expression along `x`; a series of NaN where it is undefined."""
    function = _compiled(node, _ball_leaf, _series_operation, _series_power)

    def evaluate(x: arb_series) -> arb_series:
        try:
            value = function(x)
        except (ValueError, ZeroDivisionError):
            return arb_series([arb("nan")] * max(x.prec, 1), x.prec)
        return value if isinstance(value, arb_series) else arb_series([value], x.prec)

    return evaluate


def _ball_leaf(node: Node) -> arb:
    if node.value is not None:
        return arb(fmpq(node.value.numerator, node.value.denominator))
    return arb.pi() if node.op == "pi" else arb(1).exp()


def _ball_operation(op: str) -> Callable[..., Any]:
    if op in KINKS:
        return lambda u: _ball_kink(op, u)
    if op == "sqrt":
        return _ball_sqrt
    if op in ("tanh", "sinh", "cosh"):
        return operator.methodcaller(op)
    return _smooth(op)


def _series_operation(op: str) -> Callable[..., Any]:
    smooth, on_balls = _smooth(op), _ball_operation(op)

    def apply(*u: Any) -> Any:
        if not any(isinstance(v, arb_series) for v in u):
            return on_balls(*u)
        return _series_kink(op, u[0]) if op in KINKS else smooth(*u)

    return apply


def _ball_kink(op: str, u: arb) -> arb:
    if not u.is_finite():
        return arb("nan")
    if op == "abs":
        return u if u >= 0 else -u if u <= 0 else arb(0).union(u.abs_upper())
    if op == "relu":
        return u if u >= 0 else arb(0) if u <= 0 else arb(0).union(u.max(arb(0)))
    sign = arb(1) if u > 0 else arb(-1) if u < 0 else arb(0) if u == 0 else arb(0, 1)
    return sign if op == "sign" else (1 + sign) / 2


def _from_zero(u: arb) -> bool:
    """Whether u is a ball [0, r] whose lower end rounding put below 0."""
    return bool(u.lower() < 0 and u.upper() > 0 and -u.lower() < u.rad() * arb((1, -24)))


def _ball_sqrt(u: arb) -> arb:
    return arb(0).union(u.upper().sqrt()) if _from_zero(u) else u.sqrt()


def _series_kink(op: str, u: arb_series) -> arb_series:
    if u[0] > 0:
        positive = True
    elif u[0] < 0:
        positive = False
    else:
        raise ZeroDivisionError("the series straddles a kink")
    if op == "abs":
        return u if positive else -u
    if op == "relu" and positive:
        return u
    value = {"relu": 0, "step": int(positive), "sign": 1 if positive else -1}[op]
    return arb_series([value], u.prec)


def _smooth(op: str) -> Callable[..., Any]:
    """An operation that balls and power series share."""
    if op == "**":
        return lambda u, v: (v * u.log()).exp()
    if op in ("exp", "log", "sqrt", "sin", "cos", "tan", "erf", "asin", "acos", "atan"):
        return operator.methodcaller(op)
    return _SMOOTH.get(op) or _ARITHMETIC.get(op) or operator.pos


def _series_power(u: Any, exponent: Fraction) -> Any:
    if isinstance(u, arb):
        return _ball_power(u, exponent)
    if exponent.denominator == 1:
        n = int(exponent)
        return u**n if n >= 0 else 1 / u ** (-n)
    if exponent == Fraction(1, 2):
        return u.sqrt()
    return (u.log() * arb(fmpq(exponent.numerator, exponent.denominator))).exp()


def _ball_power(u: arb, exponent: Fraction) -> arb:
    if exponent.denominator == 1:
        n = int(exponent)
        return u**n if n >= 0 else 1 / u ** (-n)
    if u == 0 and exponent > 0:
        return arb(0)
    if _from_zero(u) and exponent > 0:
        return arb(0).union(_ball_power(u.upper(), exponent))
    if exponent.denominator == 2 and exponent > 0:
        return u.sqrt() ** exponent.numerator
    return (u.log() * arb(fmpq(exponent.numerator, exponent.denominator))).exp()


_SMOOTH: dict[str, Function] = {
    "tanh": lambda u: 1 - 2 / ((2 * u).exp() + 1),
    "sinh": lambda u: (u.exp() - (-u).exp()) / 2,
    "cosh": lambda u: (u.exp() + (-u).exp()) / 2,
    "sigmoid": lambda u: 1 / (1 + (-u).exp()),
    "silu": lambda u: u / (1 + (-u).exp()),
    "softplus": lambda u: (1 + u.exp()).log(),
    "gelu": lambda u: u * (1 + (u / arb(2).sqrt()).erf()) / 2,
}


# --- sympy --------------------------------------------------------------------------------------


def to_sympy(node: Node) -> Any:
    """The expression as a ``sympy`` object in the real symbol ``x``.

    Examples
    --------
    >>> from polyapprox.expression import parse
    >>> to_sympy(parse("exp(2*x)/x")).diff()
    2*exp(2*x)/x - exp(2*x)/x**2
    """
    import sympy

    special: dict[str, Callable[..., Any]] = {
        "**": operator.pow,
        "abs": lambda v: sympy.Abs(v),
        "relu": lambda v: sympy.Max(v, 0),
        "step": lambda v: (1 + sympy.sign(v)) / 2,
        "sigmoid": lambda v: 1 / (1 + sympy.exp(-v)),
        "silu": lambda v: v / (1 + sympy.exp(-v)),
        "softplus": lambda v: sympy.log(1 + sympy.exp(v)),
        "gelu": lambda v: v * (1 + sympy.erf(v / sympy.sqrt(2))) / 2,
    }

    def leaf(item: Node) -> Any:
        if item.value is not None:
            return sympy.Rational(item.value.numerator, item.value.denominator)
        return sympy.pi if item.op == "pi" else sympy.E

    def operation(op: str) -> Callable[..., Any]:
        if op in special:
            return special[op]
        return getattr(sympy, op) if op in FUNCTIONS else _ARITHMETIC[op]

    def power(u: Any, exponent: Fraction) -> Any:
        return u ** sympy.Rational(exponent.numerator, exponent.denominator)

    return _compiled(node, leaf, operation, power)(sympy.Symbol("x", real=True))
