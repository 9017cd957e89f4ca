"""The largest value of a parabola, exactly."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction


def largest_of_parabola(
    function: Callable[[Fraction], Fraction], low: Fraction, high: Fraction
) -> Fraction:
    """Largest |q| on [low, high] of a polynomial q of degree at most 2, in rational arithmetic.

    Parameters
    ----------
    function : callable
        Exact values of q.
    low, high : Fraction

    Examples
    --------
    >>> largest_of_parabola(lambda x: x * x - x, Fraction(0), Fraction(1))
    Fraction(1, 4)
    """
    left, centre, right = function(low), function((low + high) / 2), function(high)
    values = [left, right]
    bend = (left + right) / 2 - centre
    slope = (right - left) / 2
    if bend and abs(slope) < 2 * abs(bend):  # q = centre + slope t + bend t², t in [-1, 1]
        values.append(centre - slope * slope / (4 * bend))
    return max(abs(value) for value in values)
