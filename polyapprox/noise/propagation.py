# SPDX-License-Identifier: Apache-2.0
"""How an error at each operation of a plan reaches its result: values and adjoints.

One pass forward gives the value of every operation at sample points, one pass backward the
derivative of the result with respect to each of them (reverse differentiation). To first order an
error e in operation i changes the result by adjoint_i · e.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import ArgumentError
from ..plan.backward import backward
from ..plan.count import levels, rescales
from ..plan.plan import Plan


@dataclass(frozen=True)
class Propagation:
    """Values and adjoints of every operation at sample points.

    Attributes
    ----------
    values, adjoints : numpy.ndarray, shape (operations, points)
    levels : tuple of int
        Levels used up to and including each operation (rule "standalone").
    rescaled : tuple of bool
        Whether the operation uses a level: a product of ciphertexts, or with a constant that is
        not free (:mod:`polyapprox.plan.count`).
    """

    values: np.ndarray
    adjoints: np.ndarray
    levels: tuple[int, ...]
    rescaled: tuple[bool, ...]


def propagate(plan: Plan, *arguments: np.ndarray) -> Propagation:
    """Run a plan forward and backward in float64.

    Parameters
    ----------
    plan : Plan
    *arguments : numpy.ndarray, shape (points,)

    Raises
    ------
    ArgumentError
        If the number of arguments is wrong, the plan has an operation that is not known here, or
        it overflows.

    Examples
    --------
    >>> from polyapprox.plan import PlanBuilder
    >>> builder = PlanBuilder()
    >>> (x,) = builder.arguments
    >>> plan = builder.finish(builder.multiply(x, x))
    >>> propagate(plan, np.array([0.5, 2.0])).adjoints[0].tolist()
    [1.0, 4.0]
    """
    with np.errstate(all="ignore"):
        values = np.array(plan.values(*arguments))
        adjoints = np.zeros_like(values)

        def made(index: int, slope: np.ndarray) -> np.ndarray:
            adjoints[index] = slope
            return slope

        backward(plan, list(values), np.ones_like(values[plan.output]), float, made)
    if not (np.all(np.isfinite(values)) and np.all(np.isfinite(adjoints))):
        raise ArgumentError("the plan overflows on this interval; give the interval it is made for")
    return Propagation(values, adjoints, levels(plan), rescales(plan))
