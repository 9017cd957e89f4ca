# SPDX-License-Identifier: Apache-2.0
"""A circuit on its own interval as an approximation, before its proof."""

from __future__ import annotations

import numpy as np

from ..approximation import Approximation
from ..numbers import ZERO, exact, negate
from ..provenance import Provenance
from .chain import errors
from .function_plan import shipped_plan
from .problem import Problem
from .shape import Circuit

_POINTS_PER_DEGREE = 16
_DENSE = 1 << 13


def sampled_error(circuit: Circuit, problem: Problem) -> float:
    """Largest sampled error of a problem's circuit (an estimate)."""
    grid = problem.points(max(_DENSE, _POINTS_PER_DEGREE * circuit.degree))
    return float(np.max(np.abs(errors(circuit.chain(), grid))))


def unproven(circuit: Circuit, problem: Problem, estimate: float, command: str) -> Approximation:
    """The approximation on the problem's interval, without certificate."""
    low, high = (exact(end) for end in problem.interval)
    sign = problem.function == "sign"
    return Approximation(
        function=problem.function,
        domain=((negate(high), negate(low)), (low, high)) if sign else ((low, high),),
        structure="circuit",
        components=(),
        plan=shipped_plan(circuit, problem),
        offset=ZERO,
        weight=problem.weight,
        error_estimate=estimate,
        certificate=None,
        margins=(),
        provenance=Provenance.of(command),
        threshold=low if sign else None,
    )
