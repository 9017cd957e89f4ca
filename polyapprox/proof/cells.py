# SPDX-License-Identifier: Apache-2.0
"""Taylor models on many cells at once, in extended precision with proven bounds.

On the cell c + h s, s in [-1, 1], a function is Σ_{k<K} a_k s^k to within a radius. A plan is run
on all cells together: sums and products of models are models, and whatever is rounded or cut off
goes into the radius. A long chain of products has a degree beyond all sampling, but it is smooth
between its few extrema, so some hundred cells of order 12 enclose it.

Coefficients are ``numpy.longdouble``: where that has 64 bits (x86) the rounding of the longest
chains is far below their error; where it is no more than float64 the radii say so. Radii are
float64.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any, cast

import mpmath
import numpy as np

from ..numbers import fraction

ORDER = 12
_EXTENDED = np.longdouble
_UNIT = 1.1 * float(np.finfo(_EXTENDED).eps) / 2  # above half a unit in the last place
_TINY = 1e-300  # above the errors of all underflows of one operation
_GROW = 1.0 + 1e-13  # above the rounding of the radius itself: sums of at most ORDER² terms


@dataclass(frozen=True)
class Constant:
    """A number within `radius` of `value`, a float or longdouble."""

    value: Any
    radius: float


class TaylorArray:
    """Taylor models on some cells.

    Attributes
    ----------
    coefficients : numpy.ndarray of longdouble, shape (ORDER, cells)
    radius : numpy.ndarray, shape (cells,)
        The function lies within it of the polynomial, all over the cell.
    """

    __slots__ = ("coefficients", "radius")

    def __init__(self, coefficients: np.ndarray, radius: np.ndarray) -> None:
        self.coefficients = coefficients
        self.radius = radius

    @classmethod
    def identity(cls, centre: np.ndarray, half: np.ndarray) -> TaylorArray:
        """x = centre + half · s, exactly."""
        coefficients = np.zeros((ORDER, len(centre)), dtype=_EXTENDED)
        coefficients[0], coefficients[1] = centre, half
        return cls(coefficients, np.zeros(len(centre)))

    @classmethod
    def on(cls, low: np.ndarray, high: np.ndarray) -> TaylorArray:
        """x on cells that cover [low, high] each."""
        centre = 0.5 * (low + high)
        return cls.identity(centre, np.maximum(high - centre, centre - low) * (1 + 5e-16))

    @staticmethod
    def lift_constant(constant: mpmath.mpf | Fraction) -> Constant:
        """An exact constant, with the error of its rounding to extended precision."""
        exactly = constant if isinstance(constant, Fraction) else fraction(constant)
        high = float(exactly)
        value = _EXTENDED(high) + _EXTENDED(float(exactly - Fraction(high)))
        gap = abs(Fraction(*value.as_integer_ratio()) - exactly)
        return Constant(value, float(gap) * _GROW + (_TINY if gap else 0.0))

    @property
    def size(self) -> np.ndarray:
        """Σ |a_k|: with the radius, a bound of the function on each cell."""
        return cast("np.ndarray", np.sum(_sizes(self.coefficients), axis=0))

    def one(self) -> TaylorArray:
        """The number 1 on each cell."""
        coefficients = np.zeros_like(self.coefficients)
        coefficients[0] = 1.0
        return TaylorArray(coefficients, np.zeros_like(self.radius))

    def loosened(self, relative: float, absolute: float) -> TaylorArray:
        """The same functions, each changed by at most `absolute`, then relatively by `relative`."""
        radius = self.radius + absolute
        radius = radius + (self.size + radius) * relative
        return TaylorArray(self.coefficients, radius * _GROW)

    def largest_each(self) -> np.ndarray:
        """An upper bound of the absolute value on each cell."""
        return np.asarray((self.size + self.radius) * _GROW)

    def _rounded(self, coefficients: np.ndarray, radius: np.ndarray) -> TaylorArray:
        rounding = _UNIT * np.sum(_sizes(coefficients), axis=0) + _TINY
        return TaylorArray(coefficients, (radius + rounding) * _GROW)

    def __add__(self, other: Any) -> TaylorArray:
        if isinstance(other, TaylorArray):
            total = self.coefficients + other.coefficients
            return self._rounded(total, self.radius + other.radius)
        total = self.coefficients.copy()
        total[0] += other.value
        return self._rounded(total, self.radius + other.radius)

    __radd__ = __add__

    def __sub__(self, other: TaylorArray) -> TaylorArray:
        difference = self.coefficients - other.coefficients
        return self._rounded(difference, self.radius + other.radius)

    def __mul__(self, other: Any) -> TaylorArray:
        if isinstance(other, TaylorArray):
            return self._product(other)
        if isinstance(other, Constant):
            value, gap = other.value, other.radius
        else:
            value, gap = float(other), 0.0
        radius = self.radius * float(abs(value)) + (self.size + self.radius) * gap
        return self._rounded(self.coefficients * value, radius)

    __rmul__ = __mul__

    def _product(self, other: TaylorArray) -> TaylorArray:
        left, right = self.coefficients, other.coefficients
        sizes_left, sizes_right = _sizes(left), _sizes(right)
        tails = np.cumsum(sizes_right[::-1], axis=0)[::-1]  # Σ_{j>=k} |b_j|
        product = left[0] * right
        cut = np.zeros_like(self.radius)
        for i in range(1, ORDER):
            product[i:] += left[i] * right[: ORDER - i]
            cut += sizes_left[i] * tails[ORDER - i]
        one, two = np.sum(sizes_left, axis=0), tails[0]
        # coefficient k is a sum of k + 1 products, each rounded k + 1 times at most, and the sum
        # over k of (k + 1) Σ_{i+j=k} |a_i b_j| is Σ (i + j + 1) |a_i| |b_j|
        index = np.arange(ORDER)
        moments = (index @ sizes_left) * two + one * (index @ sizes_right)
        rounding = (1.01 * _UNIT) * (moments + one * two) + _TINY
        radius = one * other.radius + (two + other.radius) * self.radius + cut + rounding
        return TaylorArray(product, radius * _GROW)


def _sizes(coefficients: np.ndarray) -> np.ndarray:
    """Absolute values in float64; the growth of radii covers their rounding."""
    return cast("np.ndarray", np.abs(coefficients).astype(np.float64))
