"""A composite with a rounded plan, taken apart into its rounded stages.

In the plan of a composite every stage hands over one value: no later operation uses an earlier
one, but for the unit variable z in the last product. These operations are found, what lies between
two of them is a polynomial of one argument, and its expansion replaces the component, so that the
composite can be proven stage by stage as it stands. The scaling of the input must be exact: W must
be a power of two.
"""

from __future__ import annotations

from dataclasses import replace

import mpmath

from ..approximation import Approximation
from ..errors import ProofError
from ..numbers import ZERO, dyadic, exact, fraction, significant_bits
from ..plan.count import input_scaling
from ..plan.degree import plan_degree
from ..plan.plan import Operation, Plan
from ..polynomial import Polynomial
from .expansion import expanded
from .rounding import rounded_to_scale

_UNIT = exact(-1), exact(1)


def staged(approximation: Approximation, scale_bits: int) -> Approximation:
    """A composite |x|, ReLU, sign or step whose components are those of its rounded plan.

    Parameters
    ----------
    approximation : Approximation
        With the rounded plan, and the components and the offset from before.
    scale_bits : int
        To what the plan was rounded.

    Raises
    ------
    ProofError
        If the plan does not fall into stages, or W is not a power of two.
    """
    function, components = approximation.function, approximation.components
    high = components[0].domain[1]
    if approximation.structure != "composite" or function not in ("relu", "abs", "sign", "step"):
        raise _refusal(approximation, "only |x|, ReLU, sign and step are taken apart into stages")
    if significant_bits(high) != 1:
        raise _refusal(
            approximation, f"the end {mpmath.nstr(high, 8)} of its interval is not a power of two"
        )
    plan = approximation.plan
    unit = input_scaling(plan)
    unit = 0 if unit is None or high == 1 else unit
    value = _sign_value(approximation, unit)
    cuts = _cuts(plan, unit, value)
    factor = {"sign": dyadic(1, 0), "abs": high}.get(function, dyadic(1, -1))
    if function == "relu":
        factor = exact(fraction(high) / 2)
    found: list[Polynomial] = []
    begin, degree = unit, 1
    for index, component in enumerate(components):
        degree *= component.degree
        last = index == len(components) - 1
        end = value if last else _first_of_degree(plan, unit, cuts, degree)
        if end is None:
            raise _refusal(
                approximation, "its plan does not hand over one value from stage to stage"
            )
        like = Polynomial(component.coefficients, _UNIT, component.parity)
        stage = expanded(_between(plan, begin, end), like)
        coefficients = stage.coefficients
        if last:
            coefficients = tuple(exact(fraction(c) / fraction(factor)) for c in coefficients)
        found.append(Polynomial(coefficients, component.domain, component.parity))
        begin = end
    offset = rounded_to_scale(approximation.offset, scale_bits) if approximation.offset else ZERO
    return replace(approximation, components=tuple(found), offset=offset)


def _refusal(approximation: Approximation, why: str) -> ProofError:
    degrees = ", ".join(map(str, approximation.degrees))
    return ProofError(
        f"the rounded composite of degrees {degrees} for {approximation.function!r} cannot be "
        f"proven stage by stage: {why}"
    )


def _sign_value(approximation: Approximation, unit: int) -> int:
    """Index of the value of the last stage."""
    plan = approximation.plan
    index = plan.output
    if approximation.function == "sign":
        return index
    while plan.operations[index].kind == "shift":
        index = plan.operations[index].left
    if approximation.function == "step":
        return index
    if plan.operations[index].kind == "add":  # ReLU: z · value + z · W/2
        sides = plan.operations[index].left, plan.operations[index].right
        index = next((i for i in sides if plan.operations[i].kind == "multiply"), index)
    kind, left, right, _ = plan.operations[index]
    if kind != "multiply" or unit not in (left, right):
        raise _refusal(approximation, "its plan does not end in the product with the input")
    return right if left == unit else left


def _needed(plan: Plan, begin: int, end: int) -> list[int]:
    """Operations after `begin` that lead to `end`, ascending."""
    needed = {end}
    for index in range(end, begin, -1):
        if index in needed:
            _, left, right, _ = plan.operations[index]
            needed.update(used for used in (left, right) if used >= 0)
    return sorted(index for index in needed if index > begin)


def _cuts(plan: Plan, unit: int, value: int) -> list[int]:
    """Operations which later ones do not look behind."""
    path = _needed(plan, unit, value)
    reach = {index: index for index in [unit, *path]}  # the last use of each
    for index in path:
        _, left, right, _ = plan.operations[index]
        for used in (left, right):
            if used in reach:
                reach[used] = max(reach[used], index)
    cuts, furthest = [], reach[unit]
    for index in path:
        if furthest <= index:
            cuts.append(index)
        furthest = max(furthest, reach[index])
    return cuts


def _first_of_degree(plan: Plan, unit: int, cuts: list[int], degree: int) -> int | None:
    for index in cuts:
        if plan_degree(_between(plan, unit, index)) == degree:
            return index
    return None


def _between(plan: Plan, begin: int, end: int) -> Plan:
    """The operations from one value to another, as a plan of one argument."""
    path = _needed(plan, begin, end)
    place = {begin: 0, **{old: new for new, old in enumerate(path, 1)}}
    operations = [Operation("input", 0)]
    for index in path:
        kind, left, right, constant = plan.operations[index]
        if left not in place or (right >= 0 and right not in place):
            raise ProofError("a stage of the rounded plan uses a value from before it")
        operations.append(Operation(kind, place[left], place.get(right, -1), constant))
    return Plan(tuple(operations), place[end], 1)
