"""Functions to approximate: values in every arithmetic, breakpoints and polynomial pieces."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import pairwise
from typing import Any, Literal, TypeAlias

import mpmath
import numpy as np
from flint import arb, arb_series

from . import expression, interpreters
from .errors import ArgumentError, DomainError
from .expression import KINKS, Node
from .numbers import ball, exact, rounded
from .precision import one_at_a_time, working_precision

Coefficients: TypeAlias = "tuple[Fraction, ...]"
Piece: TypeAlias = "tuple[Any, Any, Coefficients]"

_MAX_DEGREE = 64
_MAX_BITS = 4000
_MAX_PIECES = 400
_CALL_ERRORS = (TypeError, ValueError, AttributeError, NotImplementedError, ArithmeticError)


@dataclass(frozen=True)
class Target:
    """A function of one variable.

    Attributes
    ----------
    name : str
        The expression, or the name of the callable.
    breakpoints : tuple of mpf
        Points where the function is not smooth.
    pieces : tuple of (low, high, coefficients), or None
        Exact monomial coefficients between breakpoints, None standing for an infinite end.
    provable : bool
        Whether balls can enclose the function.
    substitution : str or None
        "sqrt" where a square-root change of variable makes the function smooth.
    """

    name: str
    breakpoints: tuple[mpmath.mpf, ...] = ()
    pieces: tuple[Piece, ...] | None = None
    provable: bool = True
    substitution: str | None = None
    tree: Node | None = None
    function: Callable[..., Any] | None = None

    def numpy(self, x: Any) -> np.ndarray:
        """Float64 values, in the shape of `x`."""
        return self._on_floats(np.asarray(x, dtype=np.float64))

    def mpmath(self, x: Any) -> mpmath.mpf:
        """The value at the precision of the ``mpmath`` context."""
        return self._on_mpmath(x)

    def ball(self, x: arb) -> arb:
        """A ball that contains the values on the ball `x`; NaN where undefined."""
        return self._on_balls(x)

    def series(self, x: arb_series) -> arb_series:
        """The power series along `x`; NaN coefficients where undefined."""
        return self._on_series(x)

    @cached_property
    def _on_floats(self) -> Callable[[Any], np.ndarray]:
        if self.tree is not None:
            return interpreters.numpy_function(self.tree)
        return self._floats_of_balls if self.provable else self._floats_of_black_box

    def _floats_of_balls(self, x: np.ndarray) -> np.ndarray:
        flat = [float(self.ball(arb(float(v))).mid()) for v in x.ravel()]
        return np.array(flat, dtype=np.float64).reshape(x.shape)

    def _floats_of_black_box(self, x: np.ndarray) -> np.ndarray:
        return _call_black_box(self.function, x)

    @cached_property
    def _on_mpmath(self) -> Callable[[Any], Any]:
        if self.tree is not None:
            return interpreters.mpmath_function(self.tree)
        if self.provable:
            return lambda x: exact(self.ball(ball(x)))
        return lambda x: mpmath.mpf(float(self.numpy(float(x))))

    @cached_property
    def _on_balls(self) -> Callable[[arb], arb]:
        return self._enclose if self.tree is None else interpreters.ball_function(self.tree)

    @cached_property
    def _on_series(self) -> Callable[[arb_series], arb_series]:
        return self._enclose if self.tree is None else interpreters.series_function(self.tree)

    def _enclose(self, x: Any) -> Any:
        if not self.provable or self.function is None:
            raise ArgumentError(
                f"the function {self.name!r} cannot be evaluated on balls; give it as an expression"
            )
        try:
            return self.function(x)
        except (ValueError, ZeroDivisionError):
            nan = arb("nan")
            return nan if isinstance(x, arb) else arb_series([nan] * max(x.prec, 1), x.prec)

    @cached_property
    def proven_parity(self) -> str | None:
        """ "even" or "odd" where the form of the expression shows it, else None."""
        return None if self.tree is None else expression.parity(self.tree)

    def parity(
        self, intervals: Iterable[tuple[float, float]] = ((0.01, 3.0),)
    ) -> Literal["even", "odd"] | None:
        """ "even", "odd" or None, judged at points drawn with a fixed seed.

        Parameters
        ----------
        intervals : iterable of (float, float)
            Where to look, with 0 <= low < high; the mirror images are looked at too.
        """
        chance = np.random.default_rng(20240229)
        x = np.concatenate([chance.uniform(a, b, 32) for a, b in intervals])
        right, left = self.numpy(x), self.numpy(-x)
        known = np.isfinite(right) & np.isfinite(left)
        if known.sum() < 8 or not (np.isfinite(right) == np.isfinite(left)).all():
            return None
        x, right, left = x[known], right[known], left[known]
        slack = 1e-13 * np.maximum(np.abs(right), np.abs(left))
        found: Literal["even", "odd"] | None = None
        if (np.abs(right - left) <= slack).all():
            found = "even"
        elif (np.abs(right + left) <= slack).all():
            found = "odd"
        if found is None or not self.provable or self.proven_parity == found:
            return found
        return found if self._has_parity(found, x[:6]) else None

    def _has_parity(self, parity: str, points: np.ndarray) -> bool:
        """The same question to 300 bits."""
        with working_precision(300):
            for v in points:
                right, left = self.ball(arb(float(v))), self.ball(arb(-float(v)))
                if not (right - left if parity == "even" else right + left).contains(0):
                    return False
        return True


@one_at_a_time
def as_target(f: str | Callable[..., Any] | Target) -> Target:
    """Make a target of a name, an expression in ``x``, a callable or a target.

    Parameters
    ----------
    f : str, callable or Target
        A callable that works on ``arb`` and ``arb_series`` is provable; any other is a black box.

    Returns
    -------
    Target
        The function.

    Raises
    ------
    ExpressionError
        If the text is not an allowed expression.
    ArgumentError
        If `f` is none of these.

    Examples
    --------
    >>> as_target("1/x").parity()
    'odd'
    """
    if isinstance(f, Target):
        return f
    if isinstance(f, str):
        return _from_text(f)
    if callable(f):
        name = getattr(f, "__name__", type(f).__name__)
        if _encloses(f):
            return Target(name, function=f)
        return Target(f"<black box {name}>", provable=False, function=f)
    raise ArgumentError(f"f={f!r} is not a function; give an expression, a callable or a Target")


def _from_text(text: str) -> Target:
    tree = expression.parse(text)
    pieces = _pieces(tree)
    if pieces is None:
        cuts = _breaks(tree)
    else:
        cuts = {high for _, high, _ in pieces if high is not None}
        if any(Fraction(float(c)) != c for c in cuts):
            pieces = None
    held = None if pieces is None else tuple((_hold(a), _hold(b), c) for a, b, c in pieces)
    root = "sqrt" if tree == Node("sqrt", (Node("x"),)) else None
    return Target(
        text.strip(), tuple(rounded(c, 256) for c in sorted(cuts)), held, True, root, tree
    )


def _hold(end: Fraction | None) -> mpmath.mpf | None:
    return None if end is None else exact(end)


def _breaks(node: Node) -> set[Fraction]:
    found: set[Fraction] = set()
    for arg in node.args:
        found |= _breaks(arg)
    if node.op in KINKS:
        found |= {high for _, high, _ in _pieces(node) or () if high is not None}
    return found


def _pieces(node: Node) -> list[Piece] | None:
    """The exact polynomial pieces of a tree, or None if it is not piecewise polynomial."""
    if node.op in ("x", "number"):
        value = (Fraction(0), Fraction(1)) if node.op == "x" else (node.value or Fraction(0),)
        return [(None, None, value)]
    if node.op in KINKS:
        return _kinked(node.op, _pieces(node.args[0]))
    if node.op == "neg":
        return _merge(_pieces(node.args[0]), [(None, None, (Fraction(-1),))], _product)
    if node.op in ("+", "-", "*"):
        left, right = _pieces(node.args[0]), _pieces(node.args[1])
        return _merge(left, right, _product if node.op == "*" else _sum(node.op))
    if node.op == "/":
        divisor = expression.rational(node.args[1])
        if divisor:
            return _merge(_pieces(node.args[0]), [(None, None, (1 / divisor,))], _product)
        return None
    exponent = node.args[1].value if node.op == "**" else None
    if exponent is None or exponent.denominator != 1 or not 0 <= exponent <= _MAX_DEGREE:
        return None
    result: list[Piece] | None = [(None, None, (Fraction(1),))]
    base = _pieces(node.args[0])
    for _ in range(int(exponent)):
        result = _merge(result, base, _product)
    return result


def _sum(op: str) -> Callable[[Coefficients, Coefficients], Coefficients]:
    def combine(p: Coefficients, q: Coefficients) -> Coefficients:
        size, zero = max(len(p), len(q)), (Fraction(0),)
        p, q = p + zero * (size - len(p)), q + zero * (size - len(q))
        return _trim([a + b if op == "+" else a - b for a, b in zip(p, q, strict=True)])

    return combine


def _product(p: Coefficients, q: Coefficients) -> Coefficients:
    result = [Fraction(0)] * (len(p) + len(q) - 1)
    for i, a in enumerate(p):
        for j, b in enumerate(q):
            result[i + j] += a * b
    return _trim(result)


def _trim(values: list[Fraction]) -> Coefficients:
    while len(values) > 1 and values[-1] == 0:
        values.pop()
    return tuple(values)


def _merge(
    left: list[Piece] | None,
    right: list[Piece] | None,
    combine: Callable[[Coefficients, Coefficients], Coefficients],
) -> list[Piece] | None:
    if left is None or right is None:
        return None
    result: list[Piece] = []
    for a, b, p in left:
        for c, d, q in right:
            low = c if a is None else a if c is None else max(a, c)
            high = d if b is None else b if d is None else min(b, d)
            if low is not None and high is not None and low >= high:
                continue
            if len(p) + len(q) > _MAX_DEGREE + 2 or max(_size(p), _size(q)) > _MAX_BITS:
                return None
            result.append((low, high, combine(p, q)))
        if len(result) > _MAX_PIECES:
            return None
    return result


def _size(p: Coefficients) -> int:
    return max(max(c.numerator.bit_length(), c.denominator.bit_length()) for c in p)


def _kinked(op: str, pieces: list[Piece] | None) -> list[Piece] | None:
    result: list[Piece] = []
    for low, high, p in pieces or ():
        if len(p) > 2:
            return None
        cuts = [low, high]
        if len(p) == 2:
            root = -p[0] / p[1]
            if (low is None or low < root) and (high is None or root < high):
                cuts = [low, root, high]
        for a, b in pairwise(cuts):
            inside = _inside(a, b)
            value = p[0] + (p[1] * inside if len(p) == 2 else 0)
            sign = (value > 0) - (value < 0)
            result.append((a, b, _resolve(op, p, sign)))
    return None if pieces is None or len(result) > _MAX_PIECES else result


def _inside(low: Fraction | None, high: Fraction | None) -> Fraction:
    if low is None:
        return Fraction(0) if high is None else high - 1
    return low + 1 if high is None else (low + high) / 2


def _resolve(op: str, p: Coefficients, sign: int) -> Coefficients:
    if op == "abs":
        return p if sign >= 0 else tuple(-c for c in p)
    if op == "relu":
        return p if sign > 0 else (Fraction(0),)
    return (Fraction(sign),) if op == "sign" else (Fraction(1 + sign, 2),)


def _encloses(f: Callable[..., Any]) -> bool:
    """Whether a callable maps balls to balls, series to series, and encloses its own values."""
    try:
        for centre in (-0.625, 0.0, 0.375, 1.5):
            wide = f(arb(centre, 0.75))
            if not isinstance(wide, arb):
                return False
            points = [f(arb(centre + 0.75 * t)) for t in (-0.9, -0.3, 0.2, 0.8)]
            if wide.is_finite() and any(not wide.overlaps(v) for v in points):
                return False
        return isinstance(f(arb_series([0.375, 1], 4)), arb_series)
    except _CALL_ERRORS:
        return False


def _call_black_box(f: Any, x: np.ndarray) -> np.ndarray:
    try:
        value = np.asarray(f(x), dtype=np.float64)
        if value.shape == x.shape:
            return value
    except _CALL_ERRORS:
        pass
    flat = []
    for point in x.ravel():
        try:
            flat.append(float(f(float(point))))
        except (ValueError, ArithmeticError):
            flat.append(float("nan"))
    return np.array(flat, dtype=np.float64).reshape(x.shape)


@one_at_a_time
def check_domain(target: Target, intervals: Iterable[tuple[Any, Any]]) -> None:
    """Refuse intervals where the function has a pole or is undefined.

    Parameters
    ----------
    target : Target
        The function.
    intervals : iterable of (low, high)
        The closed intervals of the domain.

    Raises
    ------
    DomainError
        If a pole, an infinity or an undefined value was found.

    Examples
    --------
    >>> check_domain(as_target("1/x"), [(0.001, 1)])
    """
    for low, high in intervals:
        a, b = float(low), float(high)
        points = np.linspace(a, b, 257)
        values = target.numpy(points)
        bad = points[~np.isfinite(values)]
        if bad.size:
            raise _domain_error(target, a, b, float(bad[0]))
        if target.provable:
            _search_pole(target, a, b)
            _search_jump(target, a, b, float(np.abs(values).max()))


def _domain_error(target: Target, low: float, high: float, where: float) -> DomainError:
    value = target.ball(arb(where)) if target.provable else arb("nan")
    if value.is_finite() and abs(value) > 1e300:
        return DomainError(
            f"the function {target.name!r} exceeds the range of double precision near "
            f"x={where:.6g} in the domain [{low!r}, {high!r}]; scale the function or the domain"
        )
    return DomainError(
        f"the function {target.name!r} is infinite or undefined near x={where:.6g} "
        f"in the domain [{low!r}, {high!r}]; choose a domain without that point"
    )


def _search_jump(target: Target, low: float, high: float, size: float) -> None:
    """Compare the values on both sides of each breakpoint, ever closer."""
    with working_precision(400):
        for b in target.breakpoints:
            if not low <= b <= high:
                continue
            gaps = []
            for exponent in (-60, -120):
                step = arb((1, exponent)) * (ball(high) - ball(low))
                sides = [v for v in (ball(b) - step, ball(b) + step) if low <= v <= high]
                near = [target.ball(v) for v in (ball(b), *sides)]
                gaps.append(max(float(abs(u - v).mid()) for u in near for v in near))
            if gaps[1] > 0.9 * gaps[0] and gaps[1] > 1e-9 * size:
                raise DomainError(
                    f"the function {target.name!r} jumps at x={float(b):.6g} in the domain "
                    f"[{low!r}, {high!r}], where no polynomial follows it; leave a gap, like "
                    "[(-1, -0.01), (0.01, 1)]"
                )


def _search_pole(target: Target, low: float, high: float) -> None:
    """Bisect where balls are not finite; a value that keeps growing there marks a pole."""
    cells = [(low, high, 0, 0.0)]
    budget = 4000
    while cells and budget:
        budget -= 1
        a, b, depth, earlier = cells.pop()
        middle, half = (a + b) / 2, (b - a) / 2 * (1 + 1e-12)
        if target.ball(arb(middle, half)).is_finite():
            continue
        size = float(np.abs(target.numpy(np.array([a, middle, b]))).max())
        if depth >= 40 or not a < middle < b or not np.isfinite(size):
            if not size <= 1.5 * earlier + 1e-12:
                raise _domain_error(target, low, high, middle)
            continue
        kept = size if depth == 20 else earlier
        cells += [(a, middle, depth + 1, kept), (middle, b, depth + 1, kept)]
