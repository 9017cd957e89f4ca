# SPDX-License-Identifier: Apache-2.0
"""Bounds of w · (f − p) for smooth f by Taylor models in ball arithmetic.

On each cell [c − h, c + h] the error is a polynomial in s = (x − c)/h plus a remainder: the
Taylor coefficients of f and w come from power series at the exact centre, their remainders from
the coefficient of order M of the series at the *ball* c ± h (Lagrange); p is shifted exactly and
cut, with what was cut bounded. The polynomial is then bounded on a verified mesh.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import mpmath
from flint import arb, arb_poly, arb_series

from ..errors import ProofError
from ..numbers import add, ball, exact, log2, negate
from ..precision import working_precision
from ..targets import Target
from .sampling import bound_unit_polynomial

_LOWEST_ORDER = 24
_HIGHEST_ORDER = 480
_REMAINDER = 2e-5  # of the scale: when a cell's remainder is larger, the cell is split
_DROPPED = 2.0**-50  # of the scale: coefficients that small are bounded and forgotten
_DEEPEST = 2000  # halvings of a cell
_WEIGHTS = 32  # samples of a weight
_TIGHT = 1.0004  # of the scale: what a cell may claim that is too small for a Taylor model


@dataclass(frozen=True)
class TaylorBound:
    """Proven bound (in units of the scale given), and the number of cells it took."""

    upper: arb
    cells: int


def bound_error(
    target: Target,
    weight: Target | None,
    polynomial: arb_poly,
    cells: list[tuple[mpmath.mpf, mpmath.mpf]],
    scale: arb,
    bits: int,
    oversampling: int = 48,
    max_cells: int = 20000,
) -> TaylorBound:
    """Bound w · |f − p| over a union of cells.

    Parameters
    ----------
    target, weight : Target
        f and w (None for 1); f smooth inside each cell.
    polynomial : arb_poly
        p in powers of x.
    cells : list of (low, high)
        Start of the subdivision: intervals cut at breakpoints.
    scale : arb
        Expected size of the error: remainders much smaller than it are good enough.
    bits : int
        Working precision.
    oversampling : int
        Mesh points for each degree.
    max_cells : int
        Budget; exceeding it raises :class:`ProofError`.
    """
    cells = _one_half(target, weight, polynomial, cells)
    order = _order(polynomial, weight, cells, scale)
    widest = max(abs(b - a) for a, b in cells)
    largest = arb(0)
    done = 0
    with working_precision(bits, order + 1):
        error = _Error(target, weight, scale, order, oversampling)
        finest = scale if weight is None else (scale / largest_weight(weight, cells)).lower()
        stack = [_Cell(low, high, polynomial, None, finest) for low, high in reversed(cells)]
        while stack:
            cell = stack.pop()
            done += 1
            if done > max_cells:
                raise ProofError(
                    f"the bound for {target.name!r} needs more than {max_cells} cells: it varies "
                    "too much for an error as small; shorten the domain or split it"
                )
            width = cell.high - cell.low
            relative = error.on_cell(cell)
            if relative is None and width < widest * mpmath.mpf(2) ** -24:
                relative = error.directly(cell)
            if relative is None:
                if width < widest * mpmath.mpf(2) ** -_DEEPEST:
                    where = mpmath.nstr(cell.low, 17)
                    raise ProofError(f"{target.name!r} could not be enclosed near {where}")
                stack.extend(reversed(cell.halves()))
                continue
            largest = largest.max(relative)
        return TaylorBound((largest * scale).upper(), done)


def _one_half(
    target: Target,
    weight: Target | None,
    polynomial: arb_poly,
    cells: list[tuple[mpmath.mpf, mpmath.mpf]],
) -> list[tuple[mpmath.mpf, mpmath.mpf]]:
    """The cells right of 0 where the size of the error is even by the form of f, w and p."""
    parity = target.proven_parity
    others = range(0 if parity == "odd" else 1, polynomial.degree() + 1, 2)
    symmetric = (
        parity is not None
        and (weight is None or weight.proven_parity == "even")
        and all(polynomial[k] == 0 for k in others)
        and cells[0][0] == negate(cells[-1][1])
        and all((negate(b), negate(a)) in cells or a < 0 < b for a, b in cells)
    )
    if not symmetric:
        return cells
    return [(max(a, mpmath.mpf(0)), b) for a, b in cells if b > 0]


def _order(
    polynomial: arb_poly,
    weight: Target | None,
    cells: list[tuple[mpmath.mpf, mpmath.mpf]],
    scale: arb,
) -> int:
    """Order of the Taylor models: it grows with the digits that the error lies below p."""
    largest = arb(1, 0) * scale
    for low, high in cells:
        for x in (low, (low + high) / 2, high):
            size = abs(polynomial(ball(x))).upper()
            if weight is not None:
                size = (size * abs(weight.ball(ball(x)))).upper()
            if size.is_finite():
                largest = largest.max(size)
    digits = log2(exact((largest / scale).mid()))
    return min(_HIGHEST_ORDER, max(_LOWEST_ORDER, 8 * math.ceil(digits / 24 + 1)))


def largest_weight(weight: Target, cells: list[tuple[mpmath.mpf, mpmath.mpf]]) -> arb:
    """About the largest value of a weight on the cells, at least 1: it sets what may be dropped."""
    largest = arb(1)
    for low, high in cells:
        a, b = ball(low), ball(high)
        for k in range(_WEIGHTS + 1):
            size = abs(weight.ball(a + (b - a) * k / _WEIGHTS)).upper()
            if size.is_finite():
                largest = largest.max(size)
    return largest


class _Cell:
    """[low, high], and p in s = (x − centre) / half on it, made from that of the cell around it.

    Coefficients of high order fade with each halving; those that no longer matter are dropped and
    bounded by `rest`.
    """

    def __init__(
        self,
        low: mpmath.mpf,
        high: mpmath.mpf,
        polynomial: arb_poly,
        around: _Cell | None,
        scale: arb,
    ) -> None:
        self.low, self.high, self.polynomial = low, high, polynomial
        self.around, self.scale = around, scale
        self.known: tuple[list[arb], arb] | None = None
        a, b = ball(low), ball(high)
        self.centre = ((a + b) / 2).mid()
        self.half = (b - self.centre).max(self.centre - a).upper()

    def halves(self) -> tuple[_Cell, _Cell]:
        """The left and the right half."""
        middle = mpmath.ldexp(add(self.low, self.high), -1)
        return (
            _Cell(self.low, middle, self.polynomial, self, self.scale),
            _Cell(middle, self.high, self.polynomial, self, self.scale),
        )

    def form(self) -> tuple[list[arb], arb]:
        """Coefficients of p in s, low to high, and the bound of what was dropped."""
        cell, missing = self, [self]
        while cell.around is not None and cell.known is None:
            cell = cell.around
            missing.append(cell)
        found = cell.known or cell._form()
        for cell in reversed(missing):
            cell.known = found = cell.known or cell._form()
        return found

    def _form(self) -> tuple[list[arb], arb]:
        rest = arb(0)
        if self.around is None:
            shifted = self.polynomial(arb_poly([self.centre, self.half]))
        else:
            coefficients, rest = self.around.known or self.around.form()
            start = (self.centre - self.around.centre) / self.around.half
            shifted = arb_poly(coefficients)(arb_poly([start, self.half / self.around.half]))
        kept = [shifted[k] for k in range(shifted.degree() + 1)]
        allowed = self.scale * _DROPPED
        while kept and abs(kept[-1]) < allowed:
            rest = rest + abs(kept.pop())
        return kept, rest


@dataclass(frozen=True)
class _Error:
    """w · |f − p| / scale, to be bounded cell by cell."""

    target: Target
    weight: Target | None
    scale: arb
    order: int
    oversampling: int

    def on_cell(self, cell: _Cell) -> arb | None:
        """Bound on one cell from a Taylor model, or None if the cell must be split."""
        centre, half = cell.centre, cell.half
        remainder = self._remainder(self.target, centre, half)
        if remainder is None:
            return None
        of_weight = None if self.weight is None else self._remainder(self.weight, centre, half)
        if self.weight is None:
            if not remainder / self.scale < _REMAINDER:
                return None
        elif of_weight is None:
            return None
        coefficients = self._coefficients(self.target, centre, half)
        shifted, rest = cell.form()
        for k, coefficient in enumerate(shifted[: self.order]):
            coefficients[k] = coefficients[k] - coefficient
        remainder = remainder + rest + sum((abs(c) for c in shifted[self.order :]), arb(0))
        if self.weight is not None and of_weight is not None:
            weights = self._coefficients(self.weight, centre, half)
            coefficients, remainder = _product(coefficients, remainder, weights, of_weight)
        return self._bound_model(coefficients, remainder)

    def _bound_model(self, coefficients: list[arb], remainder: arb) -> arb | None:
        rest = (remainder / self.scale).upper()
        if not rest < _REMAINDER:
            return None
        scaled = [c / self.scale for c in coefficients]
        floats = [float(c.mid()) for c in scaled]
        total = sum(abs(c) for c in floats)
        if not math.isfinite(total) or total > 1e9:
            return None
        # Balls around the float coefficients: radius plus the rounding of the midpoint.
        uncertainty = float(sum((c.rad() for c in scaled), arb(0)).upper()) + 1.2e-16 * total * 1.01
        if total + uncertainty < 0.999:
            return arb(total + uncertainty) + rest
        bound = bound_unit_polynomial(floats, uncertainty, self.oversampling)
        return (arb(bound) + rest).upper()

    def _remainder(self, f: Target, centre: arb, half: arb) -> arb | None:
        """Bound of the Lagrange remainder on the cell, None where f is not enclosed."""
        wide = f.series(arb_series([centre + half * arb(0, 1), 1], prec=self.order + 1))
        last = wide[self.order]
        if not last.is_finite() or not wide[0].is_finite():
            return None
        return abs(last).upper() * half**self.order

    def _coefficients(self, f: Target, centre: arb, half: arb) -> list[arb]:
        """Taylor coefficients in s = (x − centre) / half."""
        exact_series = f.series(arb_series([centre, 1], prec=self.order))
        coefficients, power = [], arb(1)
        for k in range(self.order):
            coefficients.append(exact_series[k] * power)
            power = power * half
        return coefficients

    def directly(self, cell: _Cell) -> arb | None:
        """Enclosure over a tiny cell by evaluating on the cell itself, if it is tight."""
        x = ball(cell.low).union(ball(cell.high))
        error = abs(self.target.ball(x) - cell.polynomial(x))
        if self.weight is not None:
            error = error * abs(self.weight.ball(x))
        relative = (error / self.scale).upper()
        return relative if relative.is_finite() and bool(relative < _TIGHT) else None


def _product(
    left: list[arb], left_rest: arb, right: list[arb], right_rest: arb
) -> tuple[list[arb], arb]:
    """Product of two Taylor models."""
    order = len(left)
    full = arb_poly(left) * arb_poly(right)
    left_size = sum((abs(c) for c in left), arb(0))
    right_size = sum((abs(c) for c in right), arb(0))
    rest = left_size * right_rest + right_size * left_rest + left_rest * right_rest
    coefficients = [full[k] for k in range(order)]
    for k in range(order, full.degree() + 1):
        rest = rest + abs(full[k])
    return coefficients, rest
