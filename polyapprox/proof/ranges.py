# SPDX-License-Identifier: Apache-2.0
"""The range of a polynomial on an interval, tight, by isolating its critical points."""

from __future__ import annotations

from dataclasses import dataclass

from flint import arb, arb_poly

from ..numbers import ball
from ..polynomial import Polynomial
from ..precision import current_precision
from .hull import hull_on, increases_on
from .mesh import chebyshev_mesh


def power_form(polynomial: Polynomial) -> arb_poly:
    """The polynomial in powers of x, in balls at the current precision."""
    slope, shift = (ball(number) for number in polynomial.unit_map)
    form = unit_power_form(polynomial)
    return form if slope == 1 and shift == 0 else form(arb_poly([shift, slope]))


def is_odd(polynomial: Polynomial) -> bool:
    """Whether a polynomial is odd in x itself: in its unit variable, with 0 in the middle."""
    return polynomial.parity == "odd" and polynomial.unit_map[1] == 0


def unit_power_form(polynomial: Polynomial) -> arb_poly:
    """The polynomial in powers of u in [-1, 1], in balls at the current precision."""
    coefficients = [ball(c) for c in polynomial.coefficients]
    if polynomial.parity is not None:
        return _parity_power_form(coefficients, polynomial.parity == "odd")
    before, current = arb_poly([1]), arb_poly([0, 1])
    twice = arb_poly([0, 2])
    total = arb_poly([coefficients[0]])
    for index, coefficient in enumerate(coefficients[1:]):
        if index:
            before, current = current, twice * current - before
        if coefficient != 0:
            total += current * coefficient
    return total


def _parity_power_form(coefficients: list[arb], odd: bool) -> arb_poly:
    """As :func:`power_form` on [-1, 1], stepping by T_(k+2) = 2 T_2 T_k − T_(k−2)."""
    two_t2 = arb_poly([-2, 0, 4])
    before = arb_poly([0, 1]) if odd else arb_poly([1])
    current = arb_poly([0, -3, 0, 4]) if odd else arb_poly([-1, 0, 2])
    wanted = coefficients[1 if odd else 0 :: 2]
    total = before * (wanted[0] if wanted else arb(0))
    for index, coefficient in enumerate(wanted[1:]):
        if index:
            before, current = current, two_t2 * current - before
        total += current * coefficient
    return total


@dataclass(frozen=True)
class Range:
    """Proven enclosure of p on [low, high], and whether p increases on [0, low]."""

    smallest: arb
    largest: arb
    increasing_before: bool


def range_on(polynomial: arb_poly, odd: bool, low: arb, high: arb) -> Range:
    """Enclose the range of p on [low, high], tightly.

    If p' changes sign as often as its degree allows (for odd p half of that on (low, high), as
    its critical points come in pairs; else on [low, high], its mirror image and between), every
    critical point is isolated: the range is then that of the ends and of tiny brackets.
    Otherwise the interval is halved until the enclosures are tight (:mod:`polyapprox.proof.hull`).

    Parameters
    ----------
    polynomial : arb_poly
    odd : bool
        Whether p is odd; then low must not be negative.
    low, high : arb
    """
    slope = polynomial.derivative()
    possible = slope.degree() // 2 if odd else slope.degree()
    count = 12 * max(possible, 1)
    brackets = _sign_changes(slope, _between(low, high, count))
    if not odd and len(brackets) != possible:
        everywhere = _sign_changes(slope, _with_mirror_image(low, high, count))
        within = [(a, b) for a, b in everywhere if not (b < low or a > high)]
        if len(everywhere) == possible and all(a >= low and b <= high for a, b in within):
            brackets, possible = within, len(within)
    ends = [polynomial(low), polynomial(high)]
    if len(brackets) == possible:
        values = ends + [_value_in(polynomial, slope, *bracket) for bracket in brackets]
        smallest, largest = values[0].lower(), values[0].upper()
        for value in values[1:]:
            smallest, largest = smallest.min(value.lower()), largest.max(value.upper())
        return Range(smallest, largest, odd and bool(slope(arb(0)) > 0))
    smallest, largest = hull_on(polynomial, low, high)
    return Range(smallest, largest, odd and increases_on(polynomial, arb(0), low))


def _between(low: arb, high: arb, count: int) -> list[arb]:
    mesh = chebyshev_mesh(0.0, 1.0, count)
    return [(low + (high - low) * arb(float(v))).mid() for v in mesh.points]


def _with_mirror_image(low: arb, high: arb, count: int) -> list[arb]:
    """Ascending points of [low, high] and [-high, -low] (of [-h, h] where 0 is inside)."""
    if low <= 0 and high >= 0:
        end = high.max(-low)
        return _between(-end, end, 2 * count)
    near, far = (low, high) if low > 0 else (-high, -low)
    side = _between(near, far, count)
    return [*(-x for x in reversed(side)), *side]


def _sign_changes(slope: arb_poly, points: list[arb]) -> list[tuple[arb, arb]]:
    """Brackets between ascending points at whose ends p' has opposite, proven signs."""
    brackets = []
    before: tuple[arb, bool] | None = None
    for point, value in zip(points, slope.evaluate(points, "iter"), strict=True):
        if not (value > 0 or value < 0):
            continue
        positive = bool(value > 0)
        if before is not None and before[1] != positive:
            brackets.append((before[0], point))
        before = (point, positive)
    return brackets


def _value_in(polynomial: arb_poly, slope: arb_poly, low: arb, high: arb) -> arb:
    """Enclosure of p at the critical point inside the bracket."""
    positive = bool(slope(low) > 0)
    curvature = slope.derivative()
    point = ((low + high) / 2).mid()
    narrow = abs(high).max(abs(low)) * arb((1, -max(40, current_precision() // 3)))
    for _ in range(80):
        width = high - low
        if width < narrow:
            break
        value = slope(point)
        if bool(value > 0) == positive and (value > 0 or value < 0):
            low = point
        elif value > 0 or value < 0:
            high = point
        else:
            break
        bend = curvature(point)
        newton = (point - value / bend).mid() if not bend.contains(0) else None
        inside = newton is not None and newton > low and newton < high
        point = newton if inside and newton is not None else ((low + high) / 2).mid()
        if inside and newton is not None:
            low, high = _tighten(slope, positive, low, high, newton, width)
    x = low.union(high)
    middle = x.mid()
    return polynomial(middle) + slope(x) * (x - middle)


def _tighten(
    slope: arb_poly, positive: bool, low: arb, high: arb, guess: arb, width: arb
) -> tuple[arb, arb]:
    """Shrink the bracket around a Newton guess where the signs of p' allow it."""
    quadratic = width * (width / abs(high)).min(arb((1, -16)))
    for side in (quadratic, width * arb((1, -16)), width * arb((1, -6))):
        left, right = (guess - side).mid(), (guess + side).mid()
        if left > low and right < high:
            a, b = slope(left), slope(right)
            before, after = (a > 0, b < 0) if positive else (a < 0, b > 0)
            if before and after:
                return left, right
    return low, high
