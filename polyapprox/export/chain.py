# SPDX-License-Identifier: Apache-2.0
"""Components as a chain of series in unit variables, for frameworks that evaluate series themselves.

Every stage is sum c_k T_k(u) with u = 2(x − a)/(b − a) − 1 for the stage's own [a, b]; what
follows the last one is named by :attr:`Chain.final`:

==========  =====================================================================
"value"     the value of the last stage is the result
"gate"      the result is x · value + offset, x the argument of the whole chain
==========  =====================================================================

For step and ReLU the last stage already holds (1 + s)/2, so that no level is spent on the half:
half of a double is a double, unless it is the smallest of all.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import mpmath

from ..approximation import Approximation
from ..errors import ArgumentError
from ..numbers import ZERO, add, dyadic, multiply
from ..polynomial import Polynomial

HALF = dyadic(1, -1)
_ONE = dyadic(1, 0)
HALVED = ("step", "relu")
GATED = ("relu", "abs")


@dataclass(frozen=True)
class Chain:
    """Series to be evaluated one after the other, and what is done with the last value."""

    stages: tuple[Polynomial, ...]
    final: Literal["value", "gate"]
    offset: mpmath.mpf


def chain_of(approximation: Approximation) -> Chain:
    """The chain of an approximation's components.

    Raises
    ------
    ArgumentError
        For a circuit, which has none, and for functions of two arguments.
    """
    a = approximation
    if not a.components:
        raise ArgumentError("a circuit has no components to export; use form='plan'")
    if a.inputs == 2:
        raise ArgumentError(
            f"{a.function!r} takes two arguments, which no evaluator of polynomials does: use "
            "a format that holds form='plan', or export abs"
        )
    stages = tuple(without_trailing_zeros(p) for p in a.components)
    if a.structure != "composite":
        return Chain(stages, "value", ZERO)
    if a.function in HALVED:
        stages = (*stages[:-1], halved(stages[-1]))
    return Chain(stages, "gate" if a.function in GATED else "value", a.offset)


def without_trailing_zeros(polynomial: Polynomial) -> Polynomial:
    """The same polynomial, its highest coefficient not zero (frameworks raise, or waste levels)."""
    return replace(polynomial, coefficients=polynomial.coefficients[: polynomial.degree + 1])


def halved(polynomial: Polynomial) -> Polynomial:
    """(1 + p)/2."""
    first, *rest = (multiply(c, HALF) for c in polynomial.coefficients)
    return Polynomial((add(first, HALF), *rest), polynomial.domain)


def doubled(polynomial: Polynomial) -> Polynomial:
    """2p − 1: undoes :func:`halved`."""
    first, *rest = (add(c, c) for c in polynomial.coefficients)
    return with_parity(Polynomial((add(first, -_ONE), *rest), polynomial.domain))


def with_parity(polynomial: Polynomial) -> Polynomial:
    """The polynomial with the parity that its zeros show, if it has a symmetric domain."""
    low, high = polynomial.domain
    coefficients = polynomial.coefficients
    if add(low, high) == 0 and len(coefficients) > 1:
        if not any(coefficients[::2]):
            return replace(polynomial, parity="odd")
        if not any(coefficients[1::2]):
            return replace(polynomial, parity="even")
    return replace(polynomial, parity=None)


def is_unit(polynomial: Polynomial) -> bool:
    """Whether the stage is expanded on [-1, 1] itself, so that no map is needed."""
    return polynomial.unit_map == (1, 0)


def components_from(
    stages: tuple[Polynomial, ...], function: str, structure: str
) -> tuple[Polynomial, ...]:
    """Undo :func:`chain_of`: the components behind the stages of a chain."""
    plain = tuple(with_parity(p) for p in stages)
    if structure == "composite" and function in HALVED:
        return (*plain[:-1], doubled(stages[-1]))
    return plain
