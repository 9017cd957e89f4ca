# SPDX-License-Identifier: Apache-2.0
"""What rounding to float64 does to a plan: a proven bound of its first and all higher orders.

Evaluated in IEEE double arithmetic, rounding to nearest, operation i gives its exact result times
1 + ε_i with |ε_i| at most half a unit in the last place (for a product with a constant, the
constant's own rounding included; with what underflows added). So the number computed is the value
at one ε of a polynomial in x and ε whose value at ε = 0 is the exact one, and by the mean value
theorem

    |computed − exact|  <=  sup over ε of  Σ_i |ε_i| · |v_i · ∂r/∂v_i|.

The derivatives with respect to all operations come from one pass backward (as in
:mod:`polyapprox.noise.propagation`, here with proven enclosures over all ε).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from ..numbers import fraction
from ..plan.backward import backward
from ..plan.plan import Operation, Plan

HALF_UNIT = 1.1102230246251566e-16  # above 2^-53
_UNDERFLOW = 1e-323  # above the error of an underflow
_GROW = 1.0 + 1e-11  # above the rounding of the sums here: of fewer than 10^4 terms


def rounding_units(plan: Plan) -> tuple[list[float], list[float]]:
    """Largest |ε| of each operation, and the absolute rounding error of each constant added.

    Exact are inputs, doublings, and products with powers of two (but for underflow).
    """
    units, gaps = [], []
    for operation in plan.operations:
        relative, absolute = _constant_rounding(operation)
        units.append(relative)
        gaps.append(absolute)
    return units, gaps


def _constant_rounding(operation: Operation) -> tuple[float, float]:
    kind, _, _, constant = operation
    if kind in ("input", "double"):
        return 0.0, 0.0
    if constant is None:
        return HALF_UNIT, 0.0
    held = float(constant)
    if not math.isfinite(held):
        return math.inf, math.inf
    gap = abs(Fraction(held) - fraction(constant))
    if kind == "shift":
        return HALF_UNIT, _above(gap)
    if not constant:
        return 0.0, 0.0
    relative = _above(gap / abs(fraction(constant)))
    exact = abs(math.frexp(held)[0]) == 0.5
    return relative if exact else (relative + HALF_UNIT) * (1 + 1e-15), 0.0


def _above(value: Fraction) -> float:
    """A float that is not smaller."""
    return float(value) * (1 + 1e-15) + (_UNDERFLOW if value else 0.0)


@dataclass(frozen=True)
class Sensitivity:
    """What rounding does to the result of a plan, element by element.

    Attributes
    ----------
    rounding : numpy.ndarray
        Bound of |computed − exact| for exact arguments.
    slopes : tuple of numpy.ndarray
        Bounds of the derivatives with respect to each argument.
    size : numpy.ndarray
        Bound of |result|.
    """

    rounding: np.ndarray
    slopes: tuple[np.ndarray, ...]
    size: np.ndarray


def sensitivity(plan: Plan, arguments: Sequence[Any], lift: Any) -> Sensitivity:
    """Σ_i |ε_i| · |v_i · ∂r/∂v_i| and the derivatives, bounded over all ε.

    Parameters
    ----------
    plan : Plan
    arguments : sequence of BoundedArray or TaylorArray
        Of the plan.
    lift : callable
        Turns exact constants into numbers of that arithmetic.

    Returns
    -------
    Sensitivity
        Not finite where something overflows.
    """
    units, gaps = rounding_units(plan)
    if not all(map(math.isfinite, [*units, *gaps])):  # a constant is beyond the range of floats
        beyond = np.full(arguments[0].largest_each().shape, np.inf)
        return Sensitivity(beyond, tuple(beyond for _ in arguments), beyond)
    with np.errstate(all="ignore"):
        return _bounded(plan, arguments, lift, units, gaps)


def _bounded(
    plan: Plan, arguments: Sequence[Any], lift: Any, units: list[float], gaps: list[float]
) -> Sensitivity:
    inputs = [operation.kind == "input" for operation in plan.operations]

    def rounded(index: int, value: Any) -> Any:
        return value if inputs[index] else value.loosened(units[index], gaps[index] + _UNDERFLOW)

    values = plan.values(*arguments, lift=lift, made=rounded)
    size = values[plan.output].largest_each()
    total, slopes = np.zeros(size.shape), [np.zeros(size.shape) for _ in range(plan.inputs)]

    def counted(index: int, adjoint: Any) -> Any:
        nonlocal total
        slope = adjoint.largest_each()
        if inputs[index]:
            slopes[plan.operations[index].left] = slope
            return adjoint
        relative = values[index].largest_each() * (units[index] * (1 + 1e-15))
        total = total + slope * (relative + (gaps[index] + _UNDERFLOW))
        return adjoint.loosened(units[index], 0.0)

    backward(plan, values, values[plan.output].one(), lift, counted)
    return Sensitivity(total * _GROW, tuple(slopes), size)
