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
from ..numbers import ball
from ..precision import working_precision
from ..targets import Target
from .sampling import bound_unit_polynomial

_ORDER = 24
_REMAINDER = 2e-5  # of the scale: when a cell's remainder is larger, the cell is split


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
    stack = list(reversed(cells))
    widest = max(abs(b - a) for a, b in cells)
    largest = arb(0)
    done = 0
    with working_precision(bits, _ORDER + 1):
        while stack:
            low, high = stack.pop()
            done += 1
            if done > max_cells:
                raise ProofError(
                    f"the bound for {target.name!r} needs more than {max_cells} cells: the error "
                    "is too small for the function's variation here; ask for fewer degrees or "
                    "more bits"
                )
            a, b = ball(low), ball(high)
            relative = _cell_bound(target, weight, polynomial, a, b, scale, oversampling)
            if relative is None:
                tiny = (high - low) < widest * mpmath.mpf(2) ** -24
                direct = _direct_bound(target, weight, polynomial, a, b) / scale if tiny else None
                if direct is not None and direct.is_finite() and bool(direct < 1.0004):
                    largest = largest.max(direct.upper())
                    continue
                middle = (low + high) / 2
                if not low < middle < high:
                    raise ProofError(
                        f"{target.name!r} could not be enclosed near {mpmath.nstr(low, 17)}"
                    )
                stack.extend(((middle, high), (low, middle)))
                continue
            largest = largest.max(relative)
        return TaylorBound((largest * scale).upper(), done)


def _cell_bound(
    target: Target,
    weight: Target | None,
    polynomial: arb_poly,
    a: arb,
    b: arb,
    scale: arb,
    oversampling: int,
) -> arb | None:
    """Bound of the error over scale on one cell, or None if the cell must be split."""
    centre, half = ((a + b) / 2).mid(), ((b - a) / 2).upper()
    model = _model(target, centre, half)
    if model is None:
        return None
    coefficients, remainder = model
    shifted = polynomial(arb_poly([centre, half]))
    for order in range(_ORDER):
        coefficients[order] = coefficients[order] - shifted[order]
    for order in range(_ORDER, shifted.degree() + 1):
        remainder = remainder + abs(shifted[order])
    if weight is not None:
        of_weight = _model(weight, centre, half)
        if of_weight is None:
            return None
        coefficients, remainder = _product(coefficients, remainder, *of_weight)
    rest = (remainder / scale).upper()
    if not rest < _REMAINDER:
        return None
    scaled = [c / scale for c in coefficients]
    floats = [float(c.mid()) for c in scaled]
    total = sum(abs(c) for c in floats)
    if not math.isfinite(total) or total > 1e9:
        return None
    # Balls around the float coefficients: radius plus the rounding of the midpoint.
    uncertainty = float(sum((c.rad() for c in scaled), arb(0)).upper()) + 1.2e-16 * total * 1.01
    if total + uncertainty < 0.999:
        return arb(total + uncertainty) + rest
    bound = bound_unit_polynomial(floats, uncertainty, oversampling)
    return (arb(bound) + rest).upper()


def _model(target: Target, centre: arb, half: arb) -> tuple[list[arb], arb] | None:
    """Taylor coefficients in s and a bound of the remainder on [-1, 1], or None."""
    wide = target.series(arb_series([centre + half * arb(0, 1), 1], prec=_ORDER + 1))
    last = wide[_ORDER]
    if not last.is_finite() or not wide[0].is_finite():
        return None
    exact = target.series(arb_series([centre, 1], prec=_ORDER))
    coefficients, power = [], arb(1)
    for order in range(_ORDER):
        coefficients.append(exact[order] * power)
        power = power * half
    return coefficients, abs(last).upper() * power


def _product(
    left: list[arb], left_rest: arb, right: list[arb], right_rest: arb
) -> tuple[list[arb], arb]:
    """Product of two Taylor models."""
    full = arb_poly(left) * arb_poly(right)
    left_size = sum((abs(c) for c in left), arb(0))
    right_size = sum((abs(c) for c in right), arb(0))
    rest = left_size * right_rest + right_size * left_rest + left_rest * right_rest
    coefficients = [full[k] for k in range(_ORDER)]
    for order in range(_ORDER, full.degree() + 1):
        rest = rest + abs(full[order])
    return coefficients, rest


def _direct_bound(
    target: Target, weight: Target | None, polynomial: arb_poly, a: arb, b: arb
) -> arb:
    """Enclosure of the error over a tiny cell by evaluating on the cell itself."""
    x = a.union(b)
    error = abs(target.ball(x) - polynomial(x))
    return error if weight is None else error * abs(weight.ball(x))
