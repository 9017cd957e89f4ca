"""What of an approximation has to be studied: one argument, where, and against what."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath

from ..approximation import Approximation
from ..numbers import add, negate
from ..plan.plan import Plan
from ..structures import TWO_ARGUMENTS


def one_argument_function(function: str) -> str:
    """max(a, b) and min(a, b) are studied along b = 0."""
    return {"maximum": "relu", "minimum": "-relu(-x)"}.get(function, function)


def study_domain(approximation: Approximation) -> list[tuple[mpmath.mpf, mpmath.mpf]]:
    """What is covered, of the one-argument function (of a − b for maximum and minimum)."""
    covered = approximation.covered
    if approximation.function in TWO_ARGUMENTS:
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
