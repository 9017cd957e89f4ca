# SPDX-License-Identifier: Apache-2.0
"""The error of a ReLU composite as a function of all its coefficients, and its extrema.

e(x) = x(s(x) − 1)/2 + offset on [0, 1]; for x < 0 the error is the same (s is odd), so [0, 1] is
all of [−1, 1].
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import cast

import numpy as np

from .series import compose

Array = np.ndarray

POINTS_PER_DEGREE = 10


@dataclass(frozen=True)
class Composite:
    """Compact odd coefficients of each stage, innermost first, and the offset."""

    stages: tuple[Array, ...]
    offset: float

    @property
    def degree(self) -> int:
        """Degree of the composition."""
        return math.prod(2 * len(stage) - 1 for stage in self.stages)

    def vector(self) -> Array:
        """All coefficients, then the offset."""
        return np.concatenate([*self.stages, [self.offset]])

    def moved(self, vector: Array) -> Composite:
        """The composite with these coefficients and offset."""
        ends = np.cumsum([len(stage) for stage in self.stages])
        stages = tuple(np.split(vector[:-1], ends[:-1]))
        return Composite(stages, float(vector[-1]))

    def error(self, x: Array) -> Array:
        """e(x), shape of x."""
        return cast("Array", x * (compose(list(self.stages), x) - 1) / 2 + self.offset)

    def jacobian(self, x: Array) -> Array:
        """Derivatives of e(x) by all coefficients and the offset, shape (len(x), count)."""
        bases, slopes = [], []
        v = x
        for stage in self.stages:
            basis, slope = odd_basis(len(stage), v)
            bases.append(basis)
            slopes.append(slope @ stage)
            v = basis @ stage
        factor = x / 2
        blocks = [np.ones((len(x), 1))]
        for basis, slope in zip(reversed(bases), reversed(slopes), strict=True):
            blocks.insert(0, factor[:, None] * basis)
            factor = factor * slope
        return np.concatenate(blocks, axis=1)


def odd_basis(count: int, u: Array) -> tuple[Array, Array]:
    """T_1, T_3, … at u and their derivatives, shapes (len(u), count)."""
    values = np.empty((len(u), count))
    slopes = np.empty((len(u), count))
    twice, twice_slope = 4 * u * u - 2, 8 * u
    before, before_slope = u, np.ones_like(u)
    values[:, 0], slopes[:, 0] = before, before_slope
    current, current_slope = before, before_slope
    for j in range(1, count):
        following = twice * current - before
        following_slope = twice_slope * current + twice * current_slope - before_slope
        before, before_slope, current, current_slope = (
            current,
            current_slope,
            following,
            following_slope,
        )
        values[:, j], slopes[:, j] = current, current_slope
    return values, slopes


def grid(degree: int, points_per_degree: int = POINTS_PER_DEGREE) -> Array:
    """Angles of a sine-spaced grid of [0, 1] that resolves a polynomial of this degree."""
    count = max(points_per_degree * degree, 400)
    return np.linspace(0.0, math.pi / 2, count + 1)


def extrema(composite: Composite, angles: Array) -> tuple[Array, Array]:
    """All local extrema of e on [0, 1] (ends included): places and values.

    Found on the grid, then refined twice by a parabola.
    """
    values = composite.error(np.sin(angles))
    inner = values[1:-1]
    turn = (inner - values[:-2]) * (values[2:] - inner) <= 0
    place = angles[1:-1][turn]
    step = float(angles[1] - angles[0])
    for _ in range(3):
        left, middle, right = (
            composite.error(np.sin(place + shift)) for shift in (-step, 0.0, step)
        )
        bend = left - 2 * middle + right
        shift = np.where(bend != 0, (left - right) / np.where(bend == 0, 1, 2 * bend), 0.0)
        place = np.clip(place + step * np.clip(shift, -1, 1), 0, math.pi / 2)
        step /= 6
    x = np.concatenate([[0.0], np.sin(place), [1.0]])
    return x, composite.error(x)
