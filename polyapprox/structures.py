# SPDX-License-Identifier: Apache-2.0
"""How components make an approximation: what r(x) is, by function and structure.

=========== ==========  ==================================================
structure   function    r
=========== ==========  ==================================================
polynomial  any         p(x)
direct      any         p(x) (an even polynomial plus a linear term, evaluated in x²)
composition any         s(x): the composition itself
circuit     any         what the plan computes: there are no components
composite   sign        s(x)
composite   step        (1 + s(x)) / 2
composite   abs         x · s(x) + offset
composite   relu        x · (1 + s(x)) / 2 + offset
=========== ==========  ==================================================

with s = p_k ∘ … ∘ p_1. The factor x of a composite is W·u, with u the unit variable of p_1 and W
the end of its domain [-W, W], as in the plan: x itself, to the 400 bits of the affine map. The
maximum of two arguments is (a + b)/2 + m(a − b), the minimum (a + b)/2 − m(a − b), where m(d)
approximates |d|/2: "direct" p(d), "composite" d·s(d)/2 + offset.
"""

from __future__ import annotations

from typing import Any

from .approximation import Approximation
from .errors import ArgumentError
from .plan.degree import plan_degree


def compose(approximation: Approximation, *x: Any, lift: Any = float) -> Any:
    """Evaluate r from its components (not from its plan).

    Parameters
    ----------
    approximation : Approximation
    *x
        One argument, or two for maximum and minimum.
    lift : callable
        Turns an exact constant into a number of the wanted type.
    """
    structure, kin = approximation.structure, approximation.kin
    if structure == "circuit":
        return approximation.plan.run(*x, lift=lift)
    two = approximation.inputs == 2
    argument = value = kin.difference(*x) if two and kin else x[0]
    for component in approximation.components:
        value = component(value)
    if structure != "composite":
        return kin.join(value, (x[0] + x[1]) / 2) if two and kin else value
    if kin is None:
        if approximation.function not in ("sign", "step"):
            raise ArgumentError(
                f"no composite structure is defined for the function {approximation.function!r}"
            )
        return value if approximation.function == "sign" else (value + 1) / 2
    argument = _unscaled(approximation, argument, lift)
    half = argument * value / 2 if kin.halved else argument * value
    line = (x[0] + x[1]) / 2 if two else argument / 2
    return kin.join(half + lift(approximation.offset), line)


def _unscaled(approximation: Approximation, argument: Any, lift: Any) -> Any:
    first = approximation.components[0]
    slope, _ = first.unit_map
    return argument * lift(slope) * lift(first.domain[1])


def total_degree(approximation: Approximation) -> int:
    """Degree of r as a polynomial in x."""
    if approximation.structure == "circuit":
        return plan_degree(approximation.plan)
    degree = 1
    for component in approximation.components:
        degree *= component.degree
    if approximation.structure == "composite" and approximation.function not in ("sign", "step"):
        degree += 1
    return degree
