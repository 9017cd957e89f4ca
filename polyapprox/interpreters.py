# SPDX-License-Identifier: Apache-2.0
"""Expressions evaluated in every arithmetic: float64, mpmath, balls, power series, sympy.

A tree is compiled once into nested closures, so that a value costs one call for each operation.
What the named functions are is said in :mod:`polyapprox.functions`.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
from flint import arb, arb_series, fmpq

from .functions import NAMED
from .functions.elementary import from_zero
from .functions.series import positive_side
from .functions.tree import Node

Function = Callable[[Any], Any]
Branch = tuple[Function, Function]  # value, condition
_OPERATIONS: dict[str, Callable[..., Any]] = {
    "neg": operator.neg,
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
}


@dataclass(frozen=True)
class Arithmetic:
    """How one kind of numbers does everything that a tree asks for.

    `leaf` is asked at every call, for constants depend on the precision. Conditions are True,
    False, or None where a ball leaves them open (arrays of truth values for floats).
    """

    leaf: Callable[[Node], Any]
    operation: Callable[[str], Callable[..., Any]]
    power: Callable[[Any, Fraction], Any]
    less: Callable[[Any, Any, bool], Any]  # left, right, strictly
    choose: Callable[[list[Branch], Any], Any]


def _compiled(node: Node, arithmetic: Arithmetic) -> Function:
    if node.op == "x":
        return lambda x: x
    if not node.args:
        return lambda x: arithmetic.leaf(node)
    if node.op == "piecewise":
        pairs = zip(node.args[::2], node.args[1::2], strict=True)
        branches = [(_compiled(v, arithmetic), _condition(c, arithmetic)) for v, c in pairs]
        return lambda x: arithmetic.choose(branches, x)
    first = _compiled(node.args[0], arithmetic)
    exponent = node.args[1].value if node.op == "**" else None
    if exponent is not None:
        return lambda x: arithmetic.power(first(x), exponent)
    apply = arithmetic.operation(node.op)
    if len(node.args) == 1:
        return lambda x: apply(first(x))
    second = _compiled(node.args[1], arithmetic)
    return lambda x: apply(first(x), second(x))


def _condition(node: Node, arithmetic: Arithmetic) -> Function:
    if node.op == "true":
        return lambda x: True
    if node.op in ("and", "or"):
        one, two = (_condition(arg, arithmetic) for arg in node.args)
        join = _both if node.op == "and" else _either
        return lambda x: join(one(x), two(x))
    left, right = (_compiled(arg, arithmetic) for arg in node.args)
    return lambda x: arithmetic.less(left(x), right(x), node.op == "<")


def _both(left: Any, right: Any) -> Any:
    if not (_is_plain(left) and _is_plain(right)):
        return left & right
    if left is False or right is False:
        return False
    return None if left is None or right is None else True


def _either(left: Any, right: Any) -> Any:
    if not (_is_plain(left) and _is_plain(right)):
        return left | right
    if left is True or right is True:
        return True
    return None if left is None or right is None else False


def _is_plain(condition: Any) -> bool:
    return condition is None or isinstance(condition, bool)


# --- float64 ------------------------------------------------------------------------------------


def numpy_function(node: Node) -> Callable[[Any], np.ndarray]:
    """Float64 values, in forms that neither overflow nor cancel; NaN where undefined."""
    function = _compiled(node, _FLOATS)

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


_NUMPY: dict[str, Callable[..., Any]] = {"**": np.power, "max": np.maximum, "min": np.minimum}


def _numpy_operation(op: str) -> Callable[..., Any]:
    return NAMED[op].floats if op in NAMED else _NUMPY.get(op) or _OPERATIONS[op]


def _numpy_choose(branches: list[Branch], x: Any) -> Any:
    value = np.full(x.shape, np.nan)
    for function, condition in reversed(branches):
        value = np.where(condition(x), function(x), value)
    return value


_FLOATS = Arithmetic(
    _numpy_leaf,
    _numpy_operation,
    _numpy_power,
    lambda u, v, strictly: np.asarray(u < v if strictly else u <= v),
    _numpy_choose,
)


# --- mpmath -------------------------------------------------------------------------------------


def mpmath_function(node: Node) -> Callable[[Any], mpmath.mpf]:
    """The value at the precision of the ``mpmath`` context; NaN where undefined."""
    function = _compiled(node, _MPMATH)

    def evaluate(x: Any) -> mpmath.mpf:
        try:
            value = function(mpmath.mpf(x))
        except (ZeroDivisionError, OverflowError, ValueError):
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
    plain: dict[str, Callable[..., Any]] = {"**": operator.pow, "max": max, "min": min}
    return NAMED[op].mpmath if op in NAMED else plain.get(op) or _OPERATIONS[op]


def _mpmath_choose(branches: list[Branch], x: Any) -> Any:
    for function, condition in branches:
        if condition(x):
            return function(x)
    return mpmath.mpf("nan")


_MPMATH = Arithmetic(
    _mpmath_leaf,
    _mpmath_operation,
    _mpmath_power,
    lambda u, v, strictly: bool(u < v if strictly else u <= v),
    _mpmath_choose,
)


# --- balls and power series ---------------------------------------------------------------------


def ball_function(node: Node) -> Callable[[arb], arb]:
    """A ball that contains the value at every point of a ball where there is one; or NaN."""
    return _compiled(node, _BALLS)


def series_function(node: Node) -> Callable[[arb_series], arb_series]:
    """The power series of the expression along `x`; a series of NaN where it is undefined."""
    function = _compiled(node, _SERIES)

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
    return NAMED[op].ball if op in NAMED else _BALL_PLAIN.get(op) or _OPERATIONS[op]


def _general_power(u: Any, v: Any) -> Any:
    return (v * u.log()).exp()


_BALL_PLAIN: dict[str, Callable[..., Any]] = {
    "**": _general_power,
    "max": lambda u, v: u.max(v) if u.is_finite() and v.is_finite() else arb("nan"),
    "min": lambda u, v: u.min(v) if u.is_finite() and v.is_finite() else arb("nan"),
}


def _ball_less(u: arb, v: arb, strictly: bool) -> bool | None:
    if u < v or (not strictly and u <= v):
        return True
    return False if u > v or (strictly and u >= v) else None


def _ball_choose(branches: list[Branch], x: arb) -> arb:
    """The union of all branches that points of the ball may take."""
    result: arb | None = None
    for function, condition in branches:
        holds = condition(x)
        if holds is False:
            continue
        value = function(x)
        result = value if result is None else result.union(value)
        if holds:
            return result
    return arb("nan")


def _series_operation(op: str) -> Callable[..., Any]:
    smooth = NAMED[op].series if op in NAMED else _SERIES_PLAIN.get(op) or _OPERATIONS[op]
    on_balls = _ball_operation(op)

    def apply(*u: Any) -> Any:
        return (smooth if any(isinstance(v, arb_series) for v in u) else on_balls)(*u)

    return apply


_SERIES_PLAIN: dict[str, Callable[..., Any]] = {
    "**": _general_power,
    "max": lambda u, v: u if positive_side(u - v) else v,
    "min": lambda u, v: v if positive_side(u - v) else u,
}


def _series_less(u: Any, v: Any, strictly: bool) -> bool | None:
    if not isinstance(u, arb_series) and not isinstance(v, arb_series):
        return _ball_less(u, v, strictly)
    gap = (v - u)[0]
    return True if gap > 0 else False if gap < 0 else None


def _series_choose(branches: list[Branch], x: Any) -> Any:
    for function, condition in branches:
        holds = condition(x)
        if holds:
            return function(x)
        if holds is None:
            raise ZeroDivisionError("the series straddles the end of a piece")
    return arb("nan")


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
    if from_zero(u) and exponent > 0:
        return arb(0).union(_ball_power(u.upper(), exponent))
    if exponent.denominator == 2 and exponent > 0:
        return u.sqrt() ** exponent.numerator
    return (u.log() * arb(fmpq(exponent.numerator, exponent.denominator))).exp()


_BALLS = Arithmetic(_ball_leaf, _ball_operation, _ball_power, _ball_less, _ball_choose)
_SERIES = Arithmetic(_ball_leaf, _series_operation, _series_power, _series_less, _series_choose)


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

    plain = {"**": operator.pow, "max": sympy.Max, "min": sympy.Min}

    def leaf(item: Node) -> Any:
        if item.value is not None:
            return sympy.Rational(item.value.numerator, item.value.denominator)
        return sympy.pi if item.op == "pi" else sympy.E

    def operation(op: str) -> Callable[..., Any]:
        if op in NAMED:
            return lambda v: NAMED[op].sympy(sympy, v)
        return plain.get(op) or _OPERATIONS[op]

    arithmetic = Arithmetic(
        leaf,
        operation,
        lambda u, exponent: u ** sympy.Rational(exponent.numerator, exponent.denominator),
        lambda u, v, strictly: sympy.Lt(u, v) if strictly else sympy.Le(u, v),
        lambda branches, x: sympy.Piecewise(*((v(x), c(x)) for v, c in branches)),
    )
    return _compiled(node, arithmetic)(sympy.Symbol("x", real=True))
