# SPDX-License-Identifier: Apache-2.0
"""What of an approximation has to be studied: one argument, where, and against what."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import mpmath
import numpy as np

from ..approximation import Approximation
from ..functions.kin import KIN
from ..numbers import add, ball, exact, negate
from ..outward import float_up
from ..plan.plan import Plan
from ..precision import working_precision
from ..targets import Target

_PARTS = 8  # of an interval whose values are enclosed by balls


def one_argument_function(function: str) -> str:
    """max(a, b) and min(a, b) are studied along b = 0."""
    return KIN[function].along if function in KIN else function


def study_domain(approximation: Approximation) -> list[tuple[mpmath.mpf, mpmath.mpf]]:
    """What is covered, of the one-argument function (of a − b for maximum and minimum)."""
    covered = approximation.covered
    if approximation.inputs == 2:
        width = add(covered[-1][1], negate(covered[0][0]))
        return [(negate(width), width)]
    return list(covered)


def along_zero(approximation: Approximation) -> Plan:
    """The plan as a function of one argument, the second set to zero."""
    plan = approximation.plan
    return plan if plan.inputs == 1 else _WithZero(plan)  # type: ignore[return-value]


class _WithZero:
    """A two-argument plan whose second argument is zero."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan

    def run(self, x: Any, lift: Callable[[mpmath.mpf], Any] | None = None) -> Any:
        return self.plan.run(x, x * 0, lift=lift)


def largest_value(target: Target, low: float, high: float) -> float:
    """Bound of |f| on an interval, by balls (infinite where they do not enclose it)."""
    edges = np.linspace(low, high, _PARTS + 1)
    edges[0], edges[-1] = low, high
    largest = 0.0
    with working_precision(64):
        for a, b in pairwise(edges):
            value = abs(target.ball(ball(float(a)).union(ball(float(b)))))
            if not value.is_finite():
                return math.inf
            largest = max(largest, float_up(exact(value.upper())))
    return largest
