"""How an error at each operation of a plan reaches its result: values and adjoints.

One pass forward gives the value of every operation at sample points, one pass backward the
derivative of the result with respect to each of them (reverse differentiation). To first order an
error e in operation i changes the result by adjoint_i · e.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import ArgumentError
from ..plan.count import levels, rescales
from ..plan.plan import Plan

_KINDS = ("input", "multiply", "scale", "add", "subtract", "shift", "double")


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
    if len(arguments) != plan.inputs:
        raise ArgumentError(f"the plan takes {plan.inputs} argument(s), got {len(arguments)}")
    with np.errstate(all="ignore"):
        values = _forward(plan, arguments)
        adjoints = _backward(plan, values)
    if not (np.all(np.isfinite(values)) and np.all(np.isfinite(adjoints))):
        raise ArgumentError("the plan overflows on this interval; give the interval it is made for")
    return Propagation(values, adjoints, levels(plan), rescales(plan))


def _forward(plan: Plan, arguments: tuple[np.ndarray, ...]) -> np.ndarray:
    values = np.empty((len(plan.operations), len(arguments[0])))
    for index, (kind, left, right, constant) in enumerate(plan.operations):
        number = 0.0 if constant is None else float(constant)
        if kind == "input":
            values[index] = arguments[left]
        elif kind == "multiply":
            values[index] = values[left] * values[right]
        elif kind == "scale":
            values[index] = values[left] * number
        elif kind == "add":
            values[index] = values[left] + values[right]
        elif kind == "subtract":
            values[index] = values[left] - values[right]
        elif kind == "shift":
            values[index] = values[left] + number
        elif kind == "double":
            values[index] = 2 * values[left]
        else:
            raise ArgumentError(f"the operation {kind!r} is not known; known: {', '.join(_KINDS)}")
    return values


def _backward(plan: Plan, values: np.ndarray) -> np.ndarray:
    adjoints = np.zeros_like(values)
    adjoints[plan.output] = 1.0
    for index in range(len(plan.operations) - 1, -1, -1):
        kind, left, right, constant = plan.operations[index]
        here = adjoints[index]
        if kind == "multiply":
            adjoints[left] += here * values[right]
            adjoints[right] += here * values[left]
        elif kind == "scale":
            adjoints[left] += here * float(constant)  # type: ignore[arg-type]
        elif kind in ("add", "subtract"):
            adjoints[left] += here
            adjoints[right] += here if kind == "add" else -here
        elif kind == "shift":
            adjoints[left] += here
        elif kind == "double":
            adjoints[left] += 2 * here
    return adjoints
