# SPDX-License-Identifier: Apache-2.0
"""What noise between the stages of a composite adds to its error.

What a stage hands on may be off by the guard g, relative: stage i gets y_i (1 + δ_i), |δ_i| <= g.
Stage by stage,

    e_{i+1} = |p_i'(y_i)| a_i + |p_i''(y_i)| a_i² / 2 + max |p_i'''| a_i³ / 6,
    a_1 = 0,   a_i = e_i + g (|y_i| + e_i)

bounds at every point x how far the values are off. (Computed in float64; what its rounding may do
is part of e.) For fixed δ the composite is a polynomial of the same degree, so the sampling
theorem holds for it too: what is added is needed on the mesh alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import cast

import mpmath
import numpy as np

from ..approximation import Approximation
from ..numbers import ZERO, add, exact, multiply
from ..polynomial import Polynomial

_GROW = 1 + 1e-9  # above the relative rounding of the bounds themselves
_UNIT = 2.0**-50  # above the rounding of a step of the recurrence, relative


def noise_between_stages(approximation: Approximation) -> Callable[[np.ndarray], np.ndarray] | None:
    """Bound of what the noise adds to |r| at points x; None where nothing is handed on.

    Parameters
    ----------
    approximation : Approximation
        A composite |x|, ReLU, maximum or minimum (x is then a − b), or a composition.
    """
    components, guard = approximation.components, float(approximation.guard)
    if not guard or len(components) < 2:
        return None
    stages = [_Stage(component) for component in components]
    share = float(approximation.kin.share) if approximation.kin else 1.0

    def added(x: np.ndarray) -> np.ndarray:
        value, off = x, np.zeros_like(x)
        for position, stage in enumerate(stages):
            if position:
                off = off + guard * (np.abs(value) + off)
            value, off = stage.passed(value, off * _GROW)
        if approximation.structure == "composition":
            return off
        return cast("np.ndarray", share * np.abs(x) * off * _GROW)

    return added


class _Stage:
    """A component in float64: values, and how it passes deviations on."""

    def __init__(self, component: Polynomial) -> None:
        self.slope, self.shift = (float(number) for number in component.unit_map)
        series = [list(component.coefficients)]
        for _ in range(3):
            series.append(_derivative(series[-1]))
        self.series = [np.array([float(c) for c in one]) for one in series]
        self.sizes = [float(np.sum(np.abs(one))) for one in self.series]

    def passed(self, x: np.ndarray, off: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The values at x, and how far they are off where x is."""
        u = x * self.slope + self.shift
        rounding = 4 * _UNIT * (np.abs(x * self.slope) + abs(self.shift))
        off = (off * abs(self.slope) + rounding) * _GROW
        value, slope, bend = (_series(one, u) for one in self.series[:3])
        reach = max(1.0, float(np.max(np.abs(u) + off)))
        growth = math.cosh(len(self.series[0]) * math.acosh(reach))
        errors = [self._rounding(order, growth) for order in range(3)]
        following = errors[0] + off * (
            np.abs(slope) + errors[1]
            + off / 2 * (np.abs(bend) + errors[2] + off / 3 * self.sizes[3] * growth)
        )  # fmt: skip
        return value, following * _GROW

    def _rounding(self, order: int, growth: float) -> float:
        """Bound of the rounding of a derivative's value: of the recurrence and of coefficients."""
        steps = len(self.series[order]) + 4
        return _UNIT * steps * steps * self.sizes[order] * growth


def _derivative(coefficients: Sequence[mpmath.mpf]) -> list[mpmath.mpf]:
    """Chebyshev coefficients of the derivative, exact."""
    result = [ZERO] * (len(coefficients) + 1)
    for k in range(len(coefficients) - 1, 0, -1):
        result[k - 1] = add(result[k + 1], multiply(exact(2 * k), coefficients[k]))
    result[0] = mpmath.ldexp(result[0], -1)
    return result[: max(len(coefficients) - 1, 1)]


def _series(coefficients: np.ndarray, u: np.ndarray) -> np.ndarray:
    """Σ c_k T_k(u); of one parity by the recurrence in T_2, which has half the steps."""
    if len(coefficients) == 1:
        return np.full_like(u, coefficients[0])
    if not np.any(coefficients[0::2]):
        twice, rows, odd = 4 * u * u - 2, coefficients[1::2], True
    elif not np.any(coefficients[1::2]):
        twice, rows, odd = 4 * u * u - 2, coefficients[0::2], False
    else:
        return np.asarray(np.polynomial.chebyshev.chebval(u, coefficients))
    first = np.zeros_like(u)
    second = np.zeros_like(u)
    for c in rows[:0:-1]:
        first, second = c + twice * first - second, first
    if odd:  # T_3 = (T_2 doubled − 1) T_1
        return np.asarray(u * (rows[0] + (twice - 1) * first - second))
    return np.asarray(rows[0] + twice / 2 * first - second)
