# SPDX-License-Identifier: Apache-2.0
"""Float arrays that carry a proven bound of their own rounding error.

Every operation computes in float64 and adds the rounding error of IEEE 754 arithmetic (at most
half a unit in the last place) to the radius; radii are inflated by more than their own rounding.
Overflow gives an infinite radius or a NaN, which no bound survives.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import mpmath
import numpy as np

from ..numbers import fraction
from ..outward import UNIT

_TINY = 1e-300  # above the error of an underflow
_GROW = 1.0 + 4e-15  # above the rounding of the radius itself


class BoundedArray:
    """Values v and radii r: the exact number lies within r of v, element by element."""

    __slots__ = ("radius", "value")

    def __init__(self, value: np.ndarray | float, radius: np.ndarray | float = 0.0) -> None:
        self.value = value
        self.radius = radius

    @staticmethod
    def lift_constant(constant: mpmath.mpf | Fraction) -> BoundedArray:
        """An exact constant, with the error of its rounding to float64."""
        value = float(constant)
        exactly = constant if isinstance(constant, Fraction) else fraction(constant)
        gap = abs(Fraction(value) - exactly) if value != constant else 0
        return BoundedArray(value, float(gap) * _GROW + (_TINY if gap else 0.0))

    def _other(self, other: Any) -> BoundedArray:
        return other if isinstance(other, BoundedArray) else BoundedArray(other)

    def __add__(self, other: Any) -> BoundedArray:
        other = self._other(other)
        value = self.value + other.value
        return BoundedArray(value, (self.radius + other.radius + UNIT * np.abs(value)) * _GROW)

    __radd__ = __add__

    def __sub__(self, other: Any) -> BoundedArray:
        other = self._other(other)
        value = self.value - other.value
        return BoundedArray(value, (self.radius + other.radius + UNIT * np.abs(value)) * _GROW)

    def __mul__(self, other: Any) -> BoundedArray:
        other = self._other(other)
        value = self.value * other.value
        size = np.abs(self.value)
        radius = (
            (size + self.radius) * other.radius
            + np.abs(other.value) * self.radius
            + (UNIT * np.abs(value) + _TINY)
        )
        return BoundedArray(value, radius * _GROW)

    __rmul__ = __mul__

    def one(self) -> BoundedArray:
        """The number 1 in each element."""
        return BoundedArray(np.ones_like(self.value))

    def loosened(self, relative: float, absolute: float) -> BoundedArray:
        """The same values, each changed by at most `absolute`, then relatively by `relative`."""
        radius = self.radius + absolute
        radius = radius + (np.abs(self.value) + radius) * relative
        return BoundedArray(self.value, radius * _GROW)

    def largest_each(self) -> np.ndarray:
        """An upper bound of each absolute value."""
        return np.asarray((np.abs(self.value) + self.radius) * _GROW)

    def largest(self) -> float:
        """An upper bound of the largest absolute value (NaN where anything overflowed)."""
        return float(np.max(np.abs(self.value) + self.radius)) * _GROW
