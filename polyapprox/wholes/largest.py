# SPDX-License-Identifier: Apache-2.0
"""The largest of n numbers, and where it is: a tree of maxima, then a step.

A maximum of two vectors of slots, the second one moved on by n/2, n/4, …, 1 slots, leaves the largest
number in every slot after log2 n of them. The maximum of several numbers moves by at most as much as
they do, so the errors of the levels of the tree add up. With a gap between the largest and the
others, x_i − max + gap/2 is at least gap/2 away from 0, and its step says where the largest is.
"""

from __future__ import annotations

from typing import Any, Literal

from ..approximation import Approximation
from ..errors import ArgumentError
from ..given import as_float, positive, shown, whole
from ..numbers import add, exact, multiply, rounded
from ..outward import above, below, float_up
from ..precision import one_at_a_time
from ..provenance import Provenance, call
from ..recipes.absolute import maximum
from ..recipes.arguments import Ends, read_interval
from ..recipes.sign import step
from .vector_plan import VectorBuilder
from .whole import Whole

Objective = Literal["balanced", "levels", "multiplications"]
_LONGEST = 1 << 15
_TREE = 0.125  # of the gap: what the tree may err by before a step


@one_at_a_time
def maximum_of(
    n: int, *, interval: Ends, tolerance: float, objective: Objective = "balanced"
) -> Whole:
    """The largest of n numbers, in each of their slots, with a bound of its error.

    Parameters
    ----------
    n : int
        A power of two, from 2 to 2^15.
    interval : (float, float)
        Within which every number lies.
    tolerance : float
        Largest error, absolute.
    objective : {"balanced", "levels", "multiplications"}
        As for :func:`polyapprox.maximum`.

    Returns
    -------
    Whole

    Raises
    ------
    ArgumentError, ProofError

    Examples
    --------
    >>> import numpy as np
    >>> largest = maximum_of(4, interval=(-1, 1), tolerance=0.1)
    >>> found = largest(np.array([0.3, -0.7, 0.9, 0.1]))
    >>> largest.rotations, bool(np.max(np.abs(found - 0.9)) <= largest.error_bound <= 0.1)
    (2, True)
    """
    n, (low, high), wanted = _read(n, interval, "tolerance", tolerance)
    two, error = _pair(n, low, high, wanted, objective)
    builder = VectorBuilder(n)
    _tree(builder, two)
    command = call(
        "maximum_of", n, interval=(low, high), tolerance=wanted, objective=objective,
        leave_out={"objective": "balanced"},
    )  # fmt: skip
    return Whole(
        "maximum_of", n, {"interval": (low, high)}, builder.finish(), error, {"maximum": two},
        "the errors of the maxima of two add up over the levels of the tree",
        Provenance.of(command),
    )  # fmt: skip


@one_at_a_time
def argmax(
    n: int, *, interval: Ends, gap: float, precision: float, objective: Objective = "balanced"
) -> Whole:
    """1 in the slot of the largest of n numbers and 0 in all others, with a bound of the error.

    Parameters
    ----------
    n : int
        A power of two, from 2 to 2^15.
    interval : (float, float)
        Within which every number lies.
    gap : float
        By how much the largest is above every other, at least.
    precision : float
        Largest error of a slot.
    objective : {"balanced", "levels", "multiplications"}
        As for :func:`polyapprox.maximum`.

    Returns
    -------
    Whole

    Raises
    ------
    ArgumentError, ProofError

    Examples
    --------
    >>> import numpy as np
    >>> where = argmax(4, interval=(-1, 1), gap=0.5, precision=0.05)
    >>> np.round(where(np.array([0.3, -0.7, 0.9, 0.1])), 1) + 0.0
    array([0., 0., 1., 0.])
    """
    n, (low, high), wanted = _read(n, interval, "precision", precision)
    between = as_float(gap)
    if between is None or not 0 < between <= high - low:
        raise ArgumentError(f"gap must be positive and at most {high - low:g}; got {shown(gap)}")
    two, error = _pair(n, low, high, between * _TREE, objective)
    width = above(add(exact(high), exact(-low), exact(between), exact(error)))
    least = below(add(exact(between / 2), exact(-error)))
    jump = step(
        precision=wanted, interval=(-width, width), threshold=below(exact(least / width)),
        objective=objective,
    )  # fmt: skip
    builder = VectorBuilder(n)
    largest = _tree(builder, two)
    away = builder.record("subtract", 0, largest)
    away = builder.record("shift", away, constant=rounded(exact(between / 2), 53))
    builder.record("apply", away, plan=jump.plan)
    command = call(
        "argmax", n, interval=(low, high), gap=between, precision=wanted, objective=objective,
        leave_out={"objective": "balanced"},
    )  # fmt: skip
    return Whole(
        "argmax", n, {"interval": (low, high), "gap": between}, builder.finish(), jump.error_bound,
        {"maximum": two, "step": jump},
        "the argument of the step is at least gap/2 less the error of the largest away from 0",
        Provenance.of(command),
    )  # fmt: skip


def _read(n: Any, interval: Any, name: str, value: Any) -> tuple[int, tuple[float, float], float]:
    n = whole("n", n, 2, _LONGEST)
    if n & (n - 1):
        raise ArgumentError(f"n must be a power of two; got {n}: repeat one of the numbers")
    return n, read_interval(interval), positive(name, value)


def _pair(
    n: int, low: float, high: float, wanted: float, objective: Objective
) -> tuple[Approximation, float]:
    """The maximum of two, and the error of the tree: on the interval, widened by that error."""
    levels = n.bit_length() - 1
    ends = (below(add(exact(low), exact(-wanted))), above(add(exact(high), exact(wanted))))
    two = maximum(tolerance=wanted / levels, interval=ends, objective=objective)
    return two, float_up(multiply(exact(two.error_bound), exact(levels)))


def _tree(builder: VectorBuilder, two: Approximation) -> int:
    value, move = 0, builder.length // 2
    while move:
        other = builder.record("rotate", value, move)
        value = builder.record("apply", value, other, plan=two.plan)
        move //= 2
    return value
