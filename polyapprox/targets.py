# SPDX-License-Identifier: Apache-2.0
"""Functions to approximate: values in every arithmetic, breakpoints and polynomial pieces."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from typing import Any, Literal

import mpmath
import numpy as np
from flint import arb, arb_series

from . import expression, interpreters
from .errors import ArgumentError
from .functions.black_box import call_black_box, encloses
from .functions.pieces import Piece, breaks, polynomial_pieces
from .functions.poles import check_domain
from .functions.series import quotient
from .functions.symmetry import TreeSymmetry, symmetry
from .functions.tree import Node
from .given import shown
from .numbers import ball, exact, rounded
from .precision import one_at_a_time, working_precision

__all__ = ["Target", "as_target", "check_domain"]


ARCCOSINE = "2*acos(x)/pi"  # what |t| is of cos(πt/2)


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
        "sqrt" where a square-root change of variable makes the function smooth, "cosine" where
        x = cos(πt/2) makes it the line t.
    """

    name: str
    breakpoints: tuple[mpmath.mpf, ...] = ()
    pieces: tuple[Piece, ...] | None = None
    provable: bool = True
    substitution: str | None = None
    tree: Node | None = None
    function: Callable[..., Any] | None = None
    reciprocal_of: Target | None = None  # of a callable: f, where this is 1/|f|

    def is_reciprocal_of(self, target: Target) -> bool:
        """Whether this is 1/|f|, the weight of the relative error of f."""
        one, size = Node("number", (), Fraction(1)), target.tree
        by_form = size is not None and self.tree == Node("/", (one, Node("abs", (size,))))
        return by_form or (self.reciprocal_of is not None and self.reciprocal_of is target)

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
        return call_black_box(self.function, x)

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
    def symmetry(self) -> TreeSymmetry | None:
        """The line or constant and the parity of what is left, where the form shows them."""
        return None if self.tree is None else symmetry(self.tree)

    @cached_property
    def proven_parity(self) -> str | None:
        """ "even" or "odd" where the form of the expression shows it, else None."""
        return None if self.tree is None else expression.parity(self.tree)

    @cached_property
    def over_x(self) -> Target:
        """f(x)/x for f(0) = 0, which is smooth at 0 where f is."""
        function = quotient(self.ball, self.series)
        return Target(f"({self.name})/x", self.breakpoints, function=function)

    @cached_property
    def reciprocal(self) -> Target:
        """1/|f|, the weight of the relative error."""
        if self.tree is not None:
            return as_target(f"1/abs({self.name})")

        def value(x: Any) -> Any:
            y = self.ball(x) if isinstance(x, arb) else self.series(x)
            if isinstance(y, arb):
                return 1 / abs(y)
            return 1 / y if y[0] > 0 else 1 / -y if y[0] < 0 else y * arb("nan")

        def sampled(x: Any) -> Any:
            with np.errstate(divide="ignore"):
                return 1 / np.abs(self.numpy(x))

        function = value if self.provable else sampled
        name = f"1/abs({self.name})"
        return Target(name, provable=self.provable, function=function, reciprocal_of=self)

    @cached_property
    def without_line(self) -> Target:
        """What is left of f without the constant or the line that :attr:`symmetry` shows."""
        known = self.symmetry
        if known is None or self.tree is None or known.plain:
            return self
        line = Node("*", (Node("number", (), known.slope), Node("x")))
        taken = line if known.parity == "even" else known.constant
        rest = Node("-", (self.tree, taken))
        return replace(self, tree=rest, pieces=None, substitution=None)

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
    f : str, SymPy expression, callable or Target
        A SymPy expression has one free symbol. A callable that works on ``arb`` and ``arb_series`` is provable; any other is a black box.

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
    if type(f).__module__.partition(".")[0] == "sympy":
        return _from_text(sympy_text(f))
    if callable(f):
        name = getattr(f, "__name__", type(f).__name__)
        if encloses(f):
            return Target(name, function=f)
        return Target(f"<black box {name}>", provable=False, function=f)
    raise ArgumentError(f"f={shown(f)} is not a function; give an expression, a callable or a Target")


def _from_text(text: str) -> Target:
    tree = expression.parse(text)
    pieces = polynomial_pieces(tree)
    if pieces is None:
        cuts = breaks(tree)
    else:
        cuts = {high for _, high, _ in pieces if high is not None}
        if any(Fraction(float(c)) != c for c in cuts):
            pieces = None
    held = None if pieces is None else tuple((_hold(a), _hold(b), c) for a, b, c in pieces)
    root = "sqrt" if tree == Node("sqrt", (Node("x"),)) else None
    if text.strip() == ARCCOSINE:
        root = "cosine"
    return Target(
        text.strip(), tuple(rounded(c, 256) for c in sorted(cuts)), held, True, root, tree
    )


def _hold(end: Fraction | None) -> mpmath.mpf | None:
    return None if end is None else exact(end)


def sympy_text(form: Any) -> str:
    """The text of a SymPy expression in one symbol, which becomes x; floats become fractions.

    Raises
    ------
    ArgumentError
        If it is no expression in one symbol.
    """
    import sympy

    if not isinstance(form, sympy.Expr) or len(form.free_symbols) > 1:
        raise ArgumentError(f"f={form!r} is not a SymPy expression in one symbol")
    floats = {number: sympy.Rational(number) for number in form.atoms(sympy.Float)}
    renamed = {symbol: sympy.Symbol("x") for symbol in form.free_symbols}
    return str(form.xreplace({**floats, **renamed}))
