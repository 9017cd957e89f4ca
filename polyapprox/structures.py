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

TWO_ARGUMENTS = ("maximum", "minimum")


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
    function, structure = approximation.function, approximation.structure
    if structure == "circuit":
        return approximation.plan.run(*x, lift=lift)
    if function in TWO_ARGUMENTS:
        first, second = x
        half = _half_absolute(approximation, first - second, lift)
        middle = (first + second) / 2
        return middle + half if function == "maximum" else middle - half
    (argument,) = x
    value = argument
    if structure == "composite":
        argument = _unscaled(approximation, argument, lift)
    for component in approximation.components:
        value = component(value)
    if structure in ("polynomial", "direct", "composition") or function == "sign":
        return value
    offset = lift(approximation.offset)
    if function == "step":
        return (value + 1) / 2
    if function == "abs":
        return argument * value + offset
    if function == "relu":
        return argument * (value + 1) / 2 + offset
    raise ArgumentError(f"no composite structure is defined for the function {function!r}")


def _half_absolute(approximation: Approximation, difference: Any, lift: Any) -> Any:
    value = difference
    for component in approximation.components:
        value = component(value)
    if approximation.structure == "composite":
        factor = _unscaled(approximation, difference, lift)
        return factor * value / 2 + lift(approximation.offset)
    return value


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
