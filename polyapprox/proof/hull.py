# SPDX-License-Identifier: Apache-2.0
"""The range of any polynomial on an interval, tight, by halving: no critical point need be found.

On the cell c + h s the polynomial is q_0 + q_1 s + q_2 s² + …. Where |q_1| > Σ k |q_k| it is
monotone there, and its values lie between those at the ends; elsewhere they are enclosed by the
parabola and what is left of it. A cell is halved as long as that enclosure widens the values known
by more than 2^-44 of their width, or of the end itself where that is less: composites for a sign
start at values near 0, whose logarithm counts.
"""

from __future__ import annotations

from dataclasses import dataclass

from flint import arb, arb_poly

from ..precision import current_precision

_TOLERANCE = arb((1, -44))
_LEAST = arb((1, -80))
_MOST = 4000  # cells
_MOST_FOR_SIGN = 400


@dataclass
class _Values:
    """Values that are taken (smallest, largest: bounds of their balls), and a bound of all."""

    smallest: arb
    largest: arb
    below: arb
    above: arb

    def take(self, value: arb) -> None:
        self.smallest = self.smallest.min(value.upper())
        self.largest = self.largest.max(value.lower())
        self.enclose(value.lower(), value.upper())

    def enclose(self, below: arb, above: arb) -> None:
        self.below, self.above = self.below.min(below), self.above.max(above)

    def hold(self, below: arb, above: arb) -> bool:
        """Whether an enclosure adds no more than the tolerance."""
        width = self.largest - self.smallest
        over, under = (
            width.min(abs(end)) * _TOLERANCE + width * _LEAST for end in (self.largest, self.smallest)
        )
        return bool(above <= self.largest + over) and bool(below >= self.smallest - under)


def hull_on(polynomial: arb_poly, low: arb, high: arb) -> tuple[arb, arb]:
    """Proven enclosure of the values of a polynomial on [low, high]."""
    low, high = low.lower(), high.upper()
    first, last = polynomial(low), polynomial(high)
    values = _Values(first.upper(), first.lower(), first.lower(), first.upper())
    values.take(last)
    narrow = (high - low) * arb((1, -current_precision() // 2))
    stack, done = [(low, high)], 0
    while stack:
        left, right = stack.pop()
        done += 1
        terms = _terms(polynomial, left, right)
        middle = ((left + right) / 2).mid()
        values.take(polynomial(middle))
        if _monotone(terms):
            values.take(polynomial(left))
            values.take(polynomial(right))
            continue
        below, above = _enclosure(terms)
        if values.hold(below, above) or not right - left > narrow or done > _MOST:
            values.enclose(below, above)
            continue
        stack += [(left, middle), (middle, right)]
    return values.below, values.above


def increases_on(polynomial: arb_poly, low: arb, high: arb) -> bool:
    """Whether the polynomial is proven to increase on [low, high]."""
    slope = polynomial.derivative()
    stack, done = [(low.lower(), high.upper())], 0
    while stack:
        left, right = stack.pop()
        done += 1
        below, _ = _enclosure(_terms(slope, left, right))
        if below > 0:
            continue
        middle = ((left + right) / 2).mid()
        if done > _MOST_FOR_SIGN or not slope(middle) > 0:
            return False
        stack += [(left, middle), (middle, right)]
    return True


def _terms(polynomial: arb_poly, left: arb, right: arb) -> list[arb]:
    """Coefficients in s of a cell, four at least."""
    centre = ((left + right) / 2).mid()
    half = (right - centre).max(centre - left).upper()
    terms = polynomial(arb_poly([centre, half])).coeffs()
    return [*terms, *[arb(0)] * (4 - len(terms))]


def _monotone(terms: list[arb]) -> bool:
    rest = sum((k * abs(c) for k, c in enumerate(terms[2:], 2)), arb(0))
    return bool(abs(terms[1]) > rest)


def _enclosure(terms: list[arb]) -> tuple[arb, arb]:
    """Bounds of Σ q_k s^k on [-1, 1]: of the parabola, and the rest added."""
    constant, linear, square = terms[0], abs(terms[1]).upper(), terms[2]
    rest = sum((abs(c) for c in terms[3:]), arb(0))
    above = constant + _top(linear, square) + rest
    below = constant - _top(linear, -square) - rest
    return below.lower(), above.upper()


def _top(linear: arb, square: arb) -> arb:
    """Upper bound of |q_1| s + q_2 s² on [0, 1], and of 0."""
    if square < 0:
        if linear > -2 * square:  # the peak is beyond 1
            return (linear + square).upper()
        return (linear * linear / (-4 * square)).upper()
    return (linear + abs(square)).upper()
