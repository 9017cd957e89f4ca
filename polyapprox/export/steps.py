# SPDX-License-Identifier: Apache-2.0
"""The steps of a schedule as statements that call a small machine on ciphertexts.

A framework that leaves rescaling and scales to its user is given a machine ``on`` with one method
for each kind of step (:class:`polyapprox.plan.schedule.Schedule`) and ``on.s(l, e)``, the canonical
scale l levels down, over the first one, to the power of e. The statements are alike in every
language but for how a name is declared and a statement ends.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..numbers import exact
from ..plan.plan import Plan
from ..plan.schedule import Schedule
from ..plan.symbolic import Monomial, symbolic_schedule
from .text import double

_IN_PLACE = ("accumulate", "plus", "minus", "double", "negate", "shift")


def step_statements(
    schedule: Schedule, arguments: tuple[str, ...], declare: str, end: str = ""
) -> tuple[list[str], str]:
    """Statements of the steps, and the name of the result.

    Parameters
    ----------
    schedule : Schedule
        Of :func:`polyapprox.plan.symbolic.symbolic_schedule`.
    arguments : tuple of str
        Names of the ciphertexts given.
    declare : str
        A new name and its value, of ``{name}`` and ``{value}``, such as ``"{name} := {value}"``.
    end : str
        Of a statement.

    Examples
    --------
    >>> from polyapprox.plan import PlanBuilder
    >>> from polyapprox.plan.symbolic import symbolic_schedule
    >>> builder = PlanBuilder()
    >>> (x,) = builder.arguments
    >>> square = builder.scale(builder.multiply(x, x), exact(0.5))
    >>> made = symbolic_schedule(builder.finish(builder.shift(square, exact(0.25))))
    >>> step_statements(made, ("x",), "{name} = {value}")[0][1]
    'v3 = on.rescale(v2)'
    """
    names: dict[int, str] = {}
    lines: list[str] = []

    def written(value: Any) -> str:
        return number(value) if isinstance(value, (float, Monomial)) else str(value)

    for kind, slot, *rest in schedule.steps:
        if kind == "load":
            names[slot] = arguments[rest[0]]
        elif kind != "free":
            names.setdefault(slot, f"v{slot}")
            places = _SLOTS.get(kind, 1)
            operands = [names[one] for one in rest[:places]]
            call = [*operands, *(written(one) for one in rest[places:])]
            if kind in _IN_PLACE:
                lines.append(f"on.{kind}({', '.join([names[slot], *call])}){end}")
            else:
                lines.append(declare.format(name=names[slot], value=f"on.{kind}({', '.join(call)})"))
    return lines, names[schedule.output]


def statements_back(plan: Plan, arguments: tuple[str, ...]) -> tuple[list[str], str, str]:
    """Statements in Python, the name of the result, and one more statement.

    That one, a product and a level, brings the result's scale back to the first one; it is empty
    where the schedule does so.
    """
    made = symbolic_schedule(plan, back=True)
    lines, result = step_statements(made, arguments, "{name} = {value}")
    if not made.scale - 1:
        return lines, result, ""
    constant = f"{number(made.scale**-1)}*on.ratios[{made.levels}]"
    return lines, result, f"{result} = on.rescale(on.scale({result}, 0, {constant}))"


_SLOTS = {"multiply": 2, "double": 0, "negate": 0, "shift": 0}  # operands that are ciphertexts


def number(value: float | Monomial, text: Callable[[Any], str] = double) -> str:
    """A constant: a decimal, times powers of canonical scales."""
    if not isinstance(value, Monomial):
        return text(exact(value))
    powers = [f"on.s({level}, {power:.17g})" for level, power in sorted(value.in_scales().items())]
    return "*".join([text(exact(value.coefficient)), *powers])


