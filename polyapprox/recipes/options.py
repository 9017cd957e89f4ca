# SPDX-License-Identifier: Apache-2.0
"""Ways to make |x| and its disguises, with what each will cost before any of them is made."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache, partial

import mpmath

from ..approximation import Approximation
from ..circuits.library import Shipped, shipped_circuits, sparse_circuits
from ..circuits.plan import circuit_plan
from ..composite.cost import MAX_DEGREE, stage_cost
from ..composite.relu_search import ReluChoice
from ..functions.kin import KIN, inputs_of
from ..numbers import ZERO, exact
from ..plan.chebyshev import append_chebyshev
from ..plan.count import count
from ..plan.plan import Plan
from ..plan.series import series_cost
from ..plan.two_arguments import opened
from ..polynomial import Parity, Polynomial
from .absolute import AbsoluteWish
from .circuits import of_constants
from .composites import composite
from .direct import (
    BERNSTEIN,
    HIGHEST_DEGREE,
    direct_of,
    even_degree,
    general_degree,
    general_forecast,
)
from .plans import composite_plan, polynomial_plan, two_argument_direct_plan


@dataclass(frozen=True)
class Option:
    """One way; counts are forecasts under the rule "published", never above what is made.

    Attributes
    ----------
    structure : {"direct", "composite", "circuit"}
    degrees : tuple of int
        Of the components, innermost first; of the whole for a circuit.
    multiplications, levels, constants : int
        Products of ciphertexts, levels, products with constants (at least).
    plan : callable
        A plan of the same operations, for the latency (its constants may be others).
    make : callable
        The approximation, proven.
    made : Approximation or None
        That, once it is made; the counts are then its own.
    """

    structure: str
    degrees: tuple[int, ...]
    multiplications: int
    levels: int
    constants: int
    plan: Callable[[], Plan]
    make: Callable[[], Approximation]
    made: Approximation | None = None

    def with_result(self, made: Approximation) -> Option:
        """The option made: counts and plan are those of the result."""
        found = made.counts()
        return Option(
            made.structure, made.degrees, found.multiplications, found.levels,
            found.constant_products, lambda: made.plan, lambda: made, made,
        )  # fmt: skip


def circuit_options(wish: AbsoluteWish) -> Iterator[Option]:
    """Shipped circuits that are precise enough, fewest multiplications first."""
    if wish.offset:
        yield from _circuits(wish, shipped_circuits().values())


def thin_options(wish: AbsoluteWish) -> Iterator[Option]:
    """Shipped circuits with few products with constants that are precise enough."""
    if wish.offset:
        yield from _circuits(wish, sparse_circuits())


def _circuits(wish: AbsoluteWish, shipped: Iterable[Shipped]) -> Iterator[Option]:
    for one in shipped:
        if one.bound / 2 <= wish.unit_error:
            plan = circuit_plan(one.circuit, wish.function, wish.reach)
            costs = count(plan)
            yield Option(
                "circuit", (one.circuit.degree,), costs.multiplications, costs.levels,
                costs.constant_products,
                partial(circuit_plan, one.circuit, wish.function, wish.reach),
                partial(of_constants, wish, one.circuit, one.estimate, one),
            )  # fmt: skip


def direct_option(wish: AbsoluteWish) -> Option | None:
    """The even polynomial (for any interval); None beyond its reach."""
    degree = even_degree(wish.unit_error)
    if not wish.offset or degree > HIGHEST_DEGREE:
        return None
    return _direct(wish, degree, "even")


def general_option(wish: AbsoluteWish) -> Option | None:
    """A general polynomial, where the interval is not symmetric."""
    degree = general_degree(wish) if wish.offset else None
    return None if degree is None else _direct(wish, degree, None)


def floor_of_general(wish: AbsoluteWish) -> tuple[int, int] | None:
    """Multiplications and levels that such a polynomial surely has; None where there is none."""
    guess = general_forecast(wish) if wish.offset else None
    return None if guess is None else series_cost(max(1, 3 * guess // 4))


def _direct(wish: AbsoluteWish, degree: int, parity: Parity | None) -> Option:
    multiplications, levels = series_cost(degree, parity)
    return Option(
        "direct", (degree,), multiplications, levels + wish.scaling_levels,
        1,
        partial(_direct_skeleton, wish, degree, parity),
        partial(direct_of, wish, degree, parity),
    )  # fmt: skip


def composite_option(wish: AbsoluteWish, choice: ReluChoice) -> Option:
    """A composite found by the search for degrees."""
    return Option(
        "composite",
        choice.degrees,
        choice.multiplications,
        choice.levels + wish.scaling_levels,
        len(choice.degrees),
        partial(composite_skeleton, wish.function, choice.degrees, wish.half_width),
        partial(composite, wish, choice),
    )


def _dummy(degree: int, parity: Parity | None, width: float) -> Polynomial:
    """A polynomial without zeros or integers among its coefficients."""
    coefficients: list[mpmath.mpf] = [
        ZERO if parity is not None and k % 2 != (parity == "odd") else exact(0.3 + 0.1 / (k + 1))
        for k in range(degree + 1)
    ]
    return Polynomial(tuple(coefficients), (exact(-width), exact(width)), parity)


def _direct_skeleton(wish: AbsoluteWish, degree: int, parity: Parity | None) -> Plan:
    component = _dummy(degree, parity, wish.half_width)
    if wish.inputs == 2:
        return two_argument_direct_plan(wish.function, component)
    if wish.kin.lined and parity == "even":
        with_line = list(component.coefficients)
        with_line[1] = exact(wish.half_width / 2)
        component = Polynomial(tuple(with_line), component.domain, None)
    return polynomial_plan(component)


def composite_skeleton(function: str, degrees: tuple[int, ...], width: float) -> Plan:
    """The operations of a composite on [-width, width], with constants that stand for others."""
    widths = (width, *(1.0 for _ in degrees[1:]))
    components = [_dummy(d, "odd", w) for d, w in zip(degrees, widths, strict=True)]
    return composite_plan(function, components, exact(0.1))


def published_skeleton(function: str, degrees: tuple[int, ...], width: float) -> Plan:
    """The same by baby steps and giant steps, the product by x last, as published plans are."""
    builder, argument = opened(inputs_of(function))
    z = value = builder.scale(argument, exact(1 / width))
    for degree in degrees:
        value = append_chebyshev(builder, value, _dummy(degree, "odd", 1.0).coefficients, "odd")
    value = builder.multiply(z, value)
    if not KIN[function].line:
        return builder.finish(value)
    line = builder.add(*builder.arguments) if inputs_of(function) == 2 else z
    return builder.finish(builder.add(value, builder.scale(line, exact(width * 0.5))))


@lru_cache(maxsize=1)
def _cheapest_stage() -> float:
    """Multiplications of the cheapest odd stage for each bit of its degree."""
    return min(stage_cost(d)[0] / math.log2(d) for d in range(3, MAX_DEGREE + 1, 2))


def floor_of_composites(unit_error: float) -> tuple[int, int]:
    """Multiplications and levels that a composite for a ReLU error surely has (a forecast).

    Its degree is at least 0.28017/(2 error) (Varga and Carpenter); no odd stage is cheaper for
    its degree than the cheapest one, and n levels make a degree of at most 2^n.
    """
    bits = math.log2(max(2.0, BERNSTEIN / (2 * unit_error) - 1))
    return math.ceil(_cheapest_stage() * bits), math.ceil(bits)
