# SPDX-License-Identifier: Apache-2.0
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
from ..functions.kin import KIN
from ..numbers import ZERO, ball, exact, significant_bits
from ..plan.count import input_scaling
from ..plan.cuts import between, handed_over
from ..plan.degree import plan_degree
from ..plan.plan import Plan
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
    offset = ZERO if approximation.kin is None else _offset(rest)
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
    values = handed_over(plan, unit, degrees)
    if values is None:
        raise _refusal(approximation, "its plan does not hand over one value from stage to stage")
    return values


def _between(plan: Plan, begin: int, end: int, unit: int | None = None) -> Plan:
    found = between(plan, begin, end, unit)
    if found is None:
        raise ProofError("a stage of the rounded plan uses a value from before it")
    return found


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
    kin = KIN[function]
    times, less = int(1 / kin.share), int(kin.lined)
    return lambda v: times * (rest.run(v, arb(1)) - ball(offset)) / ball(width) - less
