# SPDX-License-Identifier: Apache-2.0
"""Bounds of what a plan of one argument does on an interval: error in float64, slope, size."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from .sensitivity import Sensitivity

_GROW = 1.0 + 1e-11  # above the rounding of a few operations with bounds


@dataclass(frozen=True)
class Evaluation:
    """Bounds over an interval: of |computed − exact| in float64, of |r'| and of |r|."""

    error: float
    slope: float
    size: float

    def joined(self, other: Evaluation) -> Evaluation:
        """Bounds over both intervals."""
        return Evaluation(
            max(self.error, other.error), max(self.slope, other.slope), max(self.size, other.size)
        )

    def times(self, factor: float) -> Evaluation:
        """All bounds multiplied by a factor that is at least 1."""
        factor *= _GROW
        return Evaluation(self.error * factor, self.slope * factor, self.size * factor)

    @property
    def finite(self) -> bool:
        """Whether anything was bounded."""
        return all(math.isfinite(bound) for bound in (self.error, self.slope, self.size))


NOTHING = Evaluation(0.0, 0.0, 0.0)
UNKNOWN = Evaluation(math.inf, math.inf, math.inf)


def largest_of(found: Sensitivity, where: Any = slice(None)) -> Evaluation:
    """The largest of all elements; NaN counts as infinite."""
    numbers = (found.rounding[where], found.slopes[0][where], found.size[where])
    return Evaluation(*(float(np.max(np.where(np.isnan(n), np.inf, n))) for n in numbers))
