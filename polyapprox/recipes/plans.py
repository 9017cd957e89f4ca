# SPDX-License-Identifier: Apache-2.0
"""Plans of whole approximations, from their components."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import mpmath

from ..errors import ArgumentError
from ..functions.kin import KIN, inputs_of
from ..numbers import ZERO, add, dyadic, multiply, negate
from ..plan.builder import PlanBuilder
from ..plan.plan import Plan
from ..plan.series import append_series, append_times
from ..plan.simplify import simplify
from ..plan.two_arguments import closed, opened
from ..polynomial import Parity, Polynomial

HALF = dyadic(1, -1)


def _unit(builder: PlanBuilder, x: int, polynomial: Polynomial) -> int:
    """The value u in [-1, 1] of an argument in the polynomial's domain."""
    slope, shift = polynomial.unit_map
    return builder.shift(builder.scale(x, slope), shift)


def polynomial_plan(polynomial: Polynomial) -> Plan:
    """One polynomial; an even one plus a linear term is evaluated in x²."""
    builder = PlanBuilder()
    u = _unit(builder, builder.arguments[0], polynomial)
    return simplify(builder.finish(_append(builder, u, polynomial)))


def _append(builder: PlanBuilder, u: int, polynomial: Polynomial) -> int:
    coefficients = polynomial.coefficients
    if polynomial.parity is None and _is_even_plus_linear(coefficients):
        even = [c if k % 2 == 0 else ZERO for k, c in enumerate(coefficients)]
        value = append_series(builder, u, even, "even")
        return builder.add(value, builder.scale(u, coefficients[1]))
    if polynomial.parity is None and _is_odd_plus_constant(coefficients):
        odd = [c if k % 2 else ZERO for k, c in enumerate(coefficients)]
        return builder.shift(append_series(builder, u, odd, "odd"), coefficients[0])
    return append_series(builder, u, coefficients, polynomial.parity)


def cofactor_plan(cofactor: Polynomial) -> Plan:
    """(u − u₀) q(u) with u₀ the unit variable of x = 0: exactly 0 there."""
    builder = PlanBuilder()
    slope, shift = cofactor.unit_map
    z = builder.scale(builder.arguments[0], slope)
    value = _append(builder, builder.shift(z, shift), cofactor)
    return simplify(builder.finish(builder.multiply(z, value)))


def times_argument(cofactor: Polynomial) -> Polynomial:
    """(u − u₀) q(u) as a polynomial, exact."""
    _, shift = cofactor.unit_map
    product = _times_argument(cofactor.coefficients)
    for index, coefficient in enumerate(cofactor.coefficients):
        product[index] = add(product[index], negate(multiply(shift, coefficient)))
    parity = cofactor.parity if shift == 0 else None
    flipped: Parity | None = {"even": "odd", "odd": "even"}.get(parity or "")  # type: ignore[assignment]
    return Polynomial(tuple(product), cofactor.domain, flipped)


def _is_odd_plus_constant(coefficients: Sequence[mpmath.mpf]) -> bool:
    return len(coefficients) > 3 and all(c == 0 for c in coefficients[2::2])


def _is_even_plus_linear(coefficients: Sequence[mpmath.mpf]) -> bool:
    odd = coefficients[1::2]
    return len(coefficients) > 3 and all(c == 0 for c in odd[1:])


def composition_plan(components: Sequence[Polynomial]) -> Plan:
    """p_k ∘ … ∘ p_1, nothing added."""
    builder = PlanBuilder()
    (value,) = builder.arguments
    for component in components:
        value = _append(builder, _unit(builder, value, component), component)
    return simplify(builder.finish(value))


def composite_plan(function: str, components: Sequence[Polynomial], offset: mpmath.mpf) -> Plan:
    """A composite, the last multiplication by the argument included.

    With z = x/B and s = p_k ∘ … ∘ p_1 the last stage is evaluated with coefficients already
    multiplied by B/2 (ReLU), B (|x|) or 1/2 (step), so that no level is spent on them. The
    product with z is made at the beginning of the last stage, where it needs no level of its own
    (a single stage times z is an even polynomial).
    """
    kin = KIN.get(function)
    builder, argument = opened(inputs_of(function))
    low, high = components[0].domain
    if add(low, high) != 0:
        raise ArgumentError("the first stage of a composite needs a symmetric domain")
    z = _unit(builder, argument, components[0])
    share = dyadic(1, 0) if function == "sign" or (kin is not None and not kin.halved) else HALF
    factor = share if kin is None else multiply(high, share)
    value = z
    for component, following in pairwise(components):
        value = append_series(builder, value, component.coefficients, component.parity)
        value = _unit(builder, value, following)
    last = components[-1]
    coefficients = [multiply(c, factor) for c in last.coefficients]
    if kin is None:
        value = append_series(builder, value, coefficients, last.parity)
        return simplify(builder.finish(builder.shift(value, HALF) if function == "step" else value))
    if last.parity != "odd":
        product = builder.multiply(z, append_series(builder, value, coefficients, last.parity))
    elif len(components) == 1:
        product = append_series(builder, z, _times_argument(coefficients), "even")
    else:
        product = append_times(builder, value, z, coefficients)
    return simplify(builder.finish(closed(builder, kin, product, z, factor, offset)))


def _times_argument(series: Sequence[mpmath.mpf]) -> list[mpmath.mpf]:
    """Chebyshev coefficients of u · sum c_k T_k(u), exact."""
    result = [ZERO] * (len(series) + 1)
    for index, coefficient in enumerate(series):
        half = multiply(coefficient, HALF)
        for place in (index + 1, abs(index - 1)):
            result[place] = add(result[place], half)
    return result


def two_argument_direct_plan(function: str, polynomial: Polynomial) -> Plan:
    """max or min: (a + b)/2 ± p(a − b), p even."""
    builder, difference = opened(2)
    u = _unit(builder, difference, polynomial)
    half = _append(builder, u, polynomial)
    return simplify(builder.finish(closed(builder, KIN[function], half, u, HALF)))
