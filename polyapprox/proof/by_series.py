# SPDX-License-Identifier: Apache-2.0
"""Proof of plans of any degree against smooth functions: Taylor models in balls.

On a cell m + h s, |s| <= 1, the plan is run as it stands on polynomials in s, cut at a fixed order with a bound of
what was cut; the function is its power series at the exact middle, the remainder from that at the
whole cell (Lagrange). Cells are halved until Σ |a_k| and the remainder are at most a little above what the
error is proven to be somewhere. The degree of the plan does not matter: chains of squarings,
Newton's iteration, compositions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, cast

import mpmath
from flint import arb, arb_poly, arb_series

from ..approximation import Approximation
from ..errors import ProofError
from ..numbers import add, ball, exact
from ..precision import working_precision
from ..targets import Target
from .study import along_zero, study_domain

Method = tuple[mpmath.mpf, str, dict[str, object]]
Cell = tuple[mpmath.mpf, mpmath.mpf]
Series = Callable[[arb_series], arb_series]
_TERMS = 10
_TIGHT = 1.0002  # of the largest value found: what a cell may claim
_POINTS = 64  # of each interval, looked at first
_MOST = 100_000  # cells
_FINEST = 2.0**-400  # of the interval
_BITS, _MOST_BITS = 256, 8192
_EXACT = 2.0**-40  # of the error: what rounding may leave of a value


class Model:
    """A polynomial in s, |s| <= 1, and a bound of how far the function is from it.

    Attributes
    ----------
    poly : arb_poly
        Of fewer than 10 terms.
    rest : arb
    """

    __slots__ = ("poly", "rest")

    def __init__(self, poly: arb_poly, rest: arb) -> None:
        self.poly, self.rest = poly, rest

    @classmethod
    def of(cls, series: Series, low: arb, high: arb) -> Model:
        """Of a function that is given as power series in balls."""
        middle = ((low + high) / 2).mid()
        half = (high - middle).max(middle - low).upper()
        around = series(arb_series([middle, half], _TERMS))
        whole = series(arb_series([low.union(high), half], _TERMS + 1))
        return cls(arb_poly([around[k] for k in range(_TERMS)]), abs(whole[_TERMS]).upper())

    @property
    def size(self) -> arb:
        """An upper bound of the absolute value."""
        total = self.rest
        for coefficient in self.poly.coeffs():
            total = total + abs(coefficient)
        return total.upper()

    def __add__(self, other: Any) -> Model:
        if isinstance(other, Model):
            return Model(self.poly + other.poly, (self.rest + other.rest).upper())
        return Model(self.poly + other, self.rest)

    def __sub__(self, other: Model) -> Model:
        return Model(self.poly - other.poly, (self.rest + other.rest).upper())

    def __mul__(self, other: Any) -> Model:
        if not isinstance(other, Model):
            return Model(self.poly * other, (self.rest * abs(other)).upper())
        coefficients = (self.poly * other.poly).coeffs()
        rest = self.rest * other.size + (self.size - self.rest).upper() * other.rest
        for coefficient in coefficients[_TERMS:]:
            rest = rest + abs(coefficient)
        return Model(arb_poly(coefficients[:_TERMS]), rest.upper())


def by_series(
    approximation: Approximation, target: Target, weight: Target | None = None
) -> Method:
    """Bound of the weighted error of a plan of one argument.

    Raises
    ------
    ProofError
        If it takes too many cells: the error varies too much, or the plan has huge values between.
    """
    plan = along_zero(approximation)
    cells: list[Cell] = []
    breaks = (*target.breakpoints, *(weight.breakpoints if weight else ()))
    for low, high in study_domain(approximation):
        cuts = sorted({b for b in breaks if low < b < high})
        cells += list(pairwise([low, *cuts, high]))

    def model(low: arb, high: arb) -> Model:
        x = Model.of(lambda u: u, low, high)
        error = plan.run(x, lift=ball) - Model.of(target.series, low, high)
        return cast("Model", error if weight is None else error * Model.of(weight.series, low, high))

    def value(x: arb) -> arb:
        error = plan.run(x, lift=ball) - target.ball(x)
        return cast("arb", error if weight is None else error * weight.ball(x))

    upper, count, bits = _proven(model, value, cells)
    return upper, "Taylor balls", {"cells": count, "bits": bits}


def largest_value(
    series: Series, value: Callable[[arb], arb], cells: Sequence[Cell]
) -> mpmath.mpf:
    """Proven bound of the size of a function that is given on power series and on balls.

    Raises
    ------
    ProofError
        If it takes too many cells.

    Examples
    --------
    >>> top = largest_value(lambda x: x * x, lambda x: x * x, [(exact(-1), exact(2))])
    >>> 4 <= top <= 4.001
    True
    """
    return _proven(lambda low, high: Model.of(series, low, high), value, list(cells))[0]


def _proven(
    model: Callable[[arb, arb], Model], value: Callable[[arb], arb], cells: list[Cell]
) -> tuple[mpmath.mpf, int, int]:
    bits = _BITS
    while True:
        with working_precision(bits, _TERMS + 1):
            known, exactly = _largest_of_points(value, cells)
            if exactly or bits >= _MOST_BITS:
                upper, count = _bound(model, value, cells, known.max(arb((1, -bits // 2))))
                return exact(upper), count, bits
        bits *= 2


def _bound(
    model: Callable[[arb, arb], Model], value: Callable[[arb], arb], cells: list[Cell], known: arb
) -> tuple[arb, int]:
    stack = list(reversed(cells))
    least = max(high - low for low, high in cells) * _FINEST
    largest, done = arb(0), 0
    while stack:
        low, high = stack.pop()
        done += 1
        if done > _MOST or high - low < least:
            where = mpmath.nstr(low, 12)
            raise ProofError(
                f"an error is not enclosed by {_MOST} Taylor models: it varies too much near "
                f"{where}; shorten the domain"
            )
        a, b = ball(low), ball(high)
        found = model(a, b)
        bound = found.size
        if not bound.is_finite():  # next to a kink
            bound = value(a.union(b)).abs_upper()
        elif not bound <= known * _TIGHT:
            known = known.max(value(((a + b) / 2).mid()).abs_lower())
        if bound <= known * _TIGHT:
            largest = largest.max(bound)
            continue
        middle = mpmath.ldexp(add(low, high), -1)
        stack += [(middle, high), (low, middle)]
    return largest.upper(), done


def _largest_of_points(value: Callable[[arb], arb], cells: list[Cell]) -> tuple[arb, bool]:
    """A proven lower bound of the largest error, and whether values are much narrower than it."""
    known, widest = arb(0), arb(0)
    for low, high in cells:
        a, b = ball(low), ball(high)
        for k in range(_POINTS + 1):
            found = value((a + (b - a) * k / _POINTS).mid())
            if found.is_finite():
                known = known.max(found.abs_lower())
                widest = widest.max(found.rad())
    return known, bool(widest <= known * _EXACT)
