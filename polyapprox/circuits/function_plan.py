# SPDX-License-Identifier: Apache-2.0
"""The evaluation plan of a circuit for a smooth function, on its own interval.

As in :mod:`polyapprox.circuits.plan`, the last constant of the chain is folded into the scaling of
the input, so that m multiplications take m levels (one more standing alone). The line and the
constant that a :class:`~polyapprox.circuits.problem.Problem` adds cost one product with a constant
at most, and no level.
"""

from __future__ import annotations

import math

from ..errors import ArgumentError
from ..numbers import exact
from ..plan.builder import PlanBuilder
from ..plan.plan import Plan
from .plan import circuit_plan, node_scales, odd_scales, scaled, series
from .problem import Problem
from .shape import Circuit


def function_plan(circuit: Circuit, problem: Problem, stretch: float = 1.0, size: float = 1.0) -> Plan:
    """The operations that compute a smooth function, or the sign.

    Parameters
    ----------
    circuit : Circuit
    problem : Problem
        Of the same family.
    stretch, size : float
        Of a general circuit: `size` times what it computes at x / stretch.

    Raises
    ------
    ArgumentError
        If the families differ.

    Examples
    --------
    >>> from .problem import problem_for
    >>> circuit = Circuit("even", (), (), (), (2.0, 1.5))
    >>> plan = function_plan(circuit, problem_for("gelu", (-8.0, 8.0)))
    >>> round(float(plan.run(8.0)), 12)
    7.5
    """
    if circuit.family != problem.family:
        raise ArgumentError(
            f"{problem.name} needs a circuit of the family {problem.family!r}; "
            f"got {circuit.family!r}"
        )
    builder = PlanBuilder()
    (argument,) = builder.arguments
    low, high = (stretch * end for end in problem.interval)
    if circuit.family == "general":
        sizes, doublings = node_scales(circuit, size)
        unit = builder.scale(argument, exact(2 * sizes[1] / (high - low)))
        first = builder.shift(unit, exact(-sizes[1] * ((low + high) / (high - low))))
        return builder.finish(series(builder, first, scaled(circuit, 1.0, size, sizes, doublings)))
    odd = circuit.family == "odd"
    sizes, doublings = odd_scales(circuit) if odd else node_scales(circuit, 1.0)
    share = 1 / math.sqrt(2 * sizes[1]) if odd else 1.0
    steepness = math.sqrt(2 * sizes[1]) / high
    unit = builder.scale(argument, exact(steepness))
    first = builder.shift(builder.multiply(unit, unit), exact(-sizes[1]))
    value = series(builder, first, scaled(circuit, steepness, share, sizes, doublings))
    if odd:
        value = builder.multiply(unit, value)
    if problem.slope:
        value = builder.add(value, builder.scale(unit, exact(problem.slope / steepness)))
    return builder.finish(builder.shift(value, exact(problem.offset)))


def shipped_plan(circuit: Circuit, problem: Problem) -> Plan:
    """The plan that a bound of the library is about."""
    if problem.function in ("abs", "sign"):
        return circuit_plan(circuit, problem.function, 1.0)
    return function_plan(circuit, problem)
