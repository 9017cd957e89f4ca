# SPDX-License-Identifier: Apache-2.0
"""The steps of a schedule as statements that call a small machine on ciphertexts.

A framework that leaves rescaling and scales to its user is given a machine ``on`` with one method
for each kind of step (:class:`polyapprox.plan.schedule.Schedule`) and ``on.s(l, e)``, the canonical
scale l levels down, over the first one, to the power of e. The statements are alike in every
language but for how a name is declared and a statement ends.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from ..numbers import exact
from ..plan.plan import Plan
from ..plan.schedule import Schedule, Step
from ..plan.symbolic import Monomial, symbolic_schedule
from .text import double

_IN_PLACE = ("accumulate", "plus", "minus", "double", "negate", "shift", "relinearise")
_ADDED = ("plus", "minus")


def step_statements(
    schedule: Schedule, arguments: tuple[str, ...], declare: str, end: str = "", late: bool = True
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
    late : bool
        Relinearise by statements of their own; else products are relinearised ones.

    Examples
    --------
    >>> from polyapprox.plan import PlanBuilder
    >>> from polyapprox.plan.symbolic import symbolic_schedule
    >>> builder = PlanBuilder()
    >>> (x,) = builder.arguments
    >>> square = builder.scale(builder.multiply(x, x), exact(0.5))
    >>> made = symbolic_schedule(builder.finish(builder.shift(square, exact(0.25))))
    >>> step_statements(made, ("x",), "{name} = {value}")[0][1]
    'on.relinearise(v2)'
    """
    names: dict[int, str] = {}
    lines: list[str] = []

    def written(value: Any) -> str:
        return number(value) if isinstance(value, (float, Monomial)) else str(value)

    for kind, slot, *rest in relinearised_late(schedule.steps) if late else schedule.steps:
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


def statements_back(
    plan: Plan,
    arguments: tuple[str, ...],
    declare: str = "{name} = {value}",
    end: str = "",
    late: bool = True,
) -> tuple[list[str], str, str]:
    """Statements, the name of the result, and one more statement; in Python unless told otherwise.

    That one, a product and a level, brings the result's scale back to the first one; it is empty
    where the schedule does so.
    """
    made = symbolic_schedule(plan, back=True)
    lines, result = step_statements(made, arguments, declare, end, late)
    if not made.scale - 1:
        return lines, result, ""
    constant = f"{number(made.scale**-1)}*on.ratios[{made.levels}]"
    return lines, result, f"{result} = on.rescale(on.scale({result}, 0, {constant})){end}"


_SLOTS = {"multiply": 2, "double": 0, "negate": 0, "shift": 0, "relinearise": 0}  # operands that are ciphertexts


def relinearised_late(steps: Sequence[Step]) -> list[Step]:
    """The steps, with ("relinearise", a), in place, of their own: products that are added up only need one.

    A product that is used in one place is added as it is, and the sum is relinearised before it is rescaled;
    one that is used in several is relinearised at once. So there are never more of them than products.

    Examples
    --------
    >>> steps = [("multiply", 2, 0, 1), ("square", 3, 0), ("plus", 2, 3), ("rescale", 4, 2)]
    >>> [step[0] for step in relinearised_late(steps)]
    ['multiply', 'square', 'plus', 'relinearise', 'rescale']
    """
    uses = Counter(step[2] for step in steps if step[0] in (*_ADDED, "copy", "rescale"))
    late: set[int] = set()  # slots that wait for it
    found: list[Step] = []
    for step in steps:
        kind, slot, *rest = step
        if kind == "rescale" and rest[0] in late:
            found.append(("relinearise", rest[0]))
        found.append(step)
        if kind in ("multiply", "square"):
            if uses[slot] == 1:
                late.add(slot)
            else:
                found.append(("relinearise", slot))
        elif kind in (*_ADDED, "copy") and rest[0] in late:
            late.add(slot)
    return found


def number(value: float | Monomial, text: Callable[[Any], str] = double) -> str:
    """A constant: a decimal, times powers of canonical scales."""
    if not isinstance(value, Monomial):
        return text(exact(value))
    powers = [f"on.s({level}, {power:.17g})" for level, power in sorted(value.in_scales().items())]
    return "*".join([text(exact(value.coefficient)), *powers])


