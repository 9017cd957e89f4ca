# SPDX-License-Identifier: Apache-2.0
"""Where a plan amplifies errors: operation by operation."""

from __future__ import annotations

import math
from dataclasses import dataclass

import mpmath
import numpy as np

from ..plan.plan import Plan
from ..precision import one_at_a_time
from .forecast import sample_arguments
from .propagation import propagate


@dataclass(frozen=True)
class Amplification:
    """What becomes of an error in one operation.

    Attributes
    ----------
    index : int
        Place of the operation in the plan: it is named v`index` where the plan is printed.
    kind : str
    constant : float or None
    level : int
        Levels used up to here (rule "standalone").
    size : float
        Largest |value| (sampled).
    slope : float
        Largest |derivative of the result with respect to this value|: how often an absolute
        error made here is felt in the result.
    gain : float
        Largest |derivative · value|: the same for a relative error.
    """

    index: int
    kind: str
    constant: float | None
    level: int
    size: float
    slope: float
    gain: float


@dataclass(frozen=True)
class AmplificationTable:
    """All operations of a plan, and the sums.

    Attributes
    ----------
    rows : tuple of Amplification
        In the order of the plan.
    noise_gain : float
        Largest root of the sum of the squared slopes of all rescaled operations: the error of the
        result for independent errors of size 1 at every rescaling.
    largest_constant, largest_value : float
    """

    rows: tuple[Amplification, ...]
    noise_gain: float
    largest_constant: float
    largest_value: float

    @property
    def steepest(self) -> Amplification:
        """The operation whose error is amplified most."""
        return max(self.rows, key=lambda row: row.slope)

    def worst(self, count: int = 10) -> tuple[Amplification, ...]:
        """The operations with the largest slopes, largest first."""
        return tuple(sorted(self.rows, key=lambda row: -row.slope)[:count])


@one_at_a_time
def amplification(plan: Plan, low: float, high: float) -> AmplificationTable:
    """Slopes, sizes and gains of every operation, sampled over an interval.

    Parameters
    ----------
    plan : Plan
    low, high : float
        Where the arguments lie.

    Raises
    ------
    ArgumentError
        If the plan overflows there.

    Examples
    --------
    >>> from polyapprox import circuit
    >>> found = amplification(circuit("relu", multiplications=6).plan, -1, 1)
    >>> found.steepest.kind != "input", 1 < found.noise_gain < 1000
    (True, True)
    """
    found = propagate(plan, *sample_arguments(plan.inputs, low, high))
    values, adjoints = np.abs(found.values), np.abs(found.adjoints)
    rows = tuple(
        Amplification(
            index=index,
            kind=operation.kind,
            constant=None if operation.constant is None else float(operation.constant),
            level=found.levels[index],
            size=float(np.max(values[index])),
            slope=float(np.max(adjoints[index])),
            gain=float(np.max(values[index] * adjoints[index])),
        )
        for index, operation in enumerate(plan.operations)
    )
    squares = np.sum(adjoints[np.flatnonzero(found.rescaled)] ** 2, axis=0)
    constants = [abs(o.constant) for o in plan.operations if o.constant is not None]
    return AmplificationTable(
        rows=rows,
        noise_gain=math.sqrt(float(np.max(squares))),
        largest_constant=float(max(constants, default=mpmath.mpf(0))),
        largest_value=float(np.max(values)),
    )
