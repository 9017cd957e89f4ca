"""A composite with a rounded plan, taken apart into its rounded stages.

In the plan of a composite every stage but the last hands over one value v: no later operation
looks behind it, but for the unit variable z = x/W. What lies between two such values is a
polynomial of one argument. The last stage is a polynomial of v and z, of first degree in z:

    A(v) · z + offset,    A = W (1 + s) / 2 for ReLU, W s for |x|,

wherever the product with z is made. Each is expanded and replaces its component, so that the
composite is proven stage by stage as it stands. The scaling of the input must be exact for that:
W must be a power of two.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import mpmath
from flint import arb

from ..approximation import Approximation
from ..errors import ProofError
from ..numbers import ZERO, ball, exact, significant_bits
from ..plan.count import input_scaling
from ..plan.degree import plan_degree
from ..plan.plan import Operation, Plan
from ..polynomial import Polynomial
from ..precision import working_precision
from .expansion import interpolated

_FUNCTIONS = ("relu", "abs", "sign", "step")
_ROOM = 8  # bits a degree of the other stages, as the check of agreement has


def staged(approximation: Approximation) -> Approximation:
    """A composite |x|, ReLU, sign or step whose components are those of its rounded plan.

    Parameters
    ----------
    approximation : Approximation
        With the rounded plan, and the components and the offset from before.

    Raises
    ------
    ProofError
        If the plan does not fall into stages, or W is not a power of two.
    """
    function, components = approximation.function, approximation.components
    if approximation.structure != "composite" or function not in _FUNCTIONS:
        raise _refusal(approximation, "only |x|, ReLU, sign and step are taken apart into stages")
    width = components[0].domain[1]
    if significant_bits(width) != 1:
        raise _refusal(
            approximation, f"the end {mpmath.nstr(width, 8)} of its interval is not a power of two"
        )
    plan = approximation.plan
    unit = input_scaling(plan)
    unit = 0 if unit is None or width == 1 else unit
    values = _handed_over(approximation, unit)
    room = _ROOM * sum(component.degree for component in components)
    found = []
    for begin, end, component in zip([unit, *values[:-1]], values, components[:-1], strict=True):
        stage = _between(plan, begin, end)
        made = _on_unit(stage.run, component, exactly=begin == unit)
        found.append(interpolated(made, plan_degree(stage), component, room))
    rest = _between(plan, values[-1], plan.output, unit)
    offset = _offset(rest) if function in ("relu", "abs") else ZERO
    outer = _on_unit(_outer(function, rest, width, offset), components[-1])
    found.append(interpolated(outer, plan_degree(rest), components[-1], room))
    return replace(approximation, components=tuple(found), offset=offset)


def _refusal(approximation: Approximation, why: str) -> ProofError:
    degrees = ", ".join(map(str, approximation.degrees))
    return ProofError(
        f"the rounded composite of degrees {degrees} for {approximation.function!r} cannot be "
        f"proven stage by stage: {why}"
    )


def _handed_over(approximation: Approximation, unit: int) -> list[int]:
    """Operations that hold the values of the stages, without the last."""
    plan, degrees = approximation.plan, [c.degree for c in approximation.components[:-1]]
    if not degrees:
        raise _refusal(approximation, "it has one stage only")
    values = _search(plan, unit, _cuts(plan, unit), degrees, unit)
    if values is None:
        raise _refusal(approximation, "its plan does not hand over one value from stage to stage")
    return values


def _search(
    plan: Plan, unit: int, cuts: list[int], degrees: list[int], begin: int
) -> list[int] | None:
    """The first values of these degrees after `begin` for which the rest of the plan serves."""
    if not degrees:
        return [] if _is_last_stage(plan, begin, unit) else None
    for cut in cuts:
        if _is_stage(plan, begin, cut, degrees[0]):
            rest = _search(plan, unit, cuts, degrees[1:], cut)
            if rest is not None:
                return [cut, *rest]
    return None


def _is_last_stage(plan: Plan, begin: int, unit: int) -> bool:
    """Whether the result is of first degree at most in z: second differences vanish."""
    try:
        rest = _between(plan, begin, plan.output, unit)
    except ProofError:
        return False
    with working_precision(4000):
        for v in (0.25, -0.75):
            below, middle, above = (rest.run(arb(v), arb(z)) for z in (-1, 0, 1))
            if not (below - 2 * middle + above).contains(0):
                return False
    return True


def _needed(plan: Plan, begin: int, end: int) -> list[int]:
    """Operations after `begin` that lead to `end`, ascending."""
    needed = {end}
    for index in range(end, begin, -1):
        if index in needed:
            _, left, right, _ = plan.operations[index]
            needed.update(used for used in (left, right) if used >= 0)
    return sorted(index for index in needed if index > begin)


def _cuts(plan: Plan, unit: int) -> list[int]:
    """Operations that later ones do not look behind, but for the unit variable."""
    path = _needed(plan, unit, plan.output)
    last_use: dict[int, int] = {}
    for index in path:
        _, left, right, _ = plan.operations[index]
        for used in (left, right):
            if used > unit:
                last_use[used] = index
    cuts, furthest = [], 0
    for index in path:
        if furthest <= index:
            cuts.append(index)
        furthest = max(furthest, last_use.get(index, index))
    return cuts


def _is_stage(plan: Plan, begin: int, end: int, degree: int) -> bool:
    if end <= begin:
        return False
    try:
        return plan_degree(_between(plan, begin, end)) == degree
    except ProofError:
        return False


def _between(plan: Plan, begin: int, end: int, unit: int | None = None) -> Plan:
    """The operations from one value to another; the unit variable, if given, is an argument too.

    Raises
    ------
    ProofError
        If they use another value from before.
    """
    path = [index for index in _needed(plan, begin, end) if index != unit]
    operations = [Operation("input", 0)]
    place = {begin: 0}
    if unit is not None:
        operations.append(Operation("input", 1))
        place[unit] = 1
    for index in path:
        kind, left, right, constant = plan.operations[index]
        if left not in place or (right >= 0 and right not in place):
            raise ProofError("a stage of the rounded plan uses a value from before it")
        place[index] = len(operations)
        operations.append(Operation(kind, place[left], place.get(right, -1), constant))
    return Plan(tuple(operations), place[end], 1 if unit is None else 2)


def _offset(rest: Plan) -> mpmath.mpf:
    """The last stage at z = 0, which is a constant."""
    with working_precision(4000):
        values = [rest.run(arb(v), arb(0)) for v in (0.25, -0.75)]
        if not (values[0] - values[1]).contains(0):
            raise ProofError("the last stage of the rounded plan has a term without the input")
        return exact(values[0])


def _on_unit(
    function: Callable[[arb], arb], component: Polynomial, exactly: bool = False
) -> Callable[[arb], arb]:
    """A stage as a function of the unit variable of its component (`exactly`: it is one)."""
    if exactly:
        return function
    slope, shift = component.unit_map
    return lambda u: function((u - ball(shift)) / ball(slope))


def _outer(
    function: str, rest: Plan, width: mpmath.mpf, offset: mpmath.mpf
) -> Callable[[arb], arb]:
    """s as a function of the value handed to the last stage."""
    if function == "sign":
        return lambda v: rest.run(v, arb(0))
    if function == "step":
        return lambda v: 2 * rest.run(v, arb(0)) - 1
    if function == "abs":
        return lambda v: (rest.run(v, arb(1)) - ball(offset)) / ball(width)
    return lambda v: 2 * (rest.run(v, arb(1)) - ball(offset)) / ball(width) - 1
