# SPDX-License-Identifier: Apache-2.0
"""The published ReLU composites r_alpha, alpha = 4 … 14, from their printed coefficients.

Lee et al., arXiv 2105.10879 (IEEE Access 11:62062, 2023); coefficients from the authors' public
repository snu-ccl/approxCNN, odd powers, first applied first.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise
from math import comb
from typing import Any, cast

import numpy as np

from ..composite import shipped
from ..composite.joint import Composite
from ..errors import ArgumentError
from ..numbers import dyadic, multiply
from ..plan.builder import PlanBuilder
from ..plan.chebyshev import append_chebyshev
from ..plan.plan import Plan
from ..polynomial import Polynomial

FILE = "published_relu.json"
ALPHAS = tuple(range(4, 15))


def published_degrees(alpha: int) -> tuple[int, ...]:
    """Degrees of r_alpha, innermost first.

    Examples
    --------
    >>> published_degrees(11)
    (7, 7, 27)
    """
    return tuple(stage["degree"] for stage in _stages(alpha))


def published_composite(alpha: int) -> Composite:
    """The composite r_alpha in Chebyshev form (converted exactly, then rounded to double).

    The power basis loses all digits from alpha = 13 on; values between stages stay below 2, so
    every stage but the first is expanded on [−2, 2].

    Parameters
    ----------
    alpha : int
        4 to 14.

    Raises
    ------
    ArgumentError
        For another alpha.
    """
    stages = _stages(alpha)
    arrays = []
    for position, stage in enumerate(stages):
        radius = 1 if position == 0 else 2
        shrink = 1 if position == len(stages) - 1 else 2
        powers = [Fraction(text) / shrink for text in stage["power_odd_coeffs"]]
        arrays.append(np.array([float(c) for c in _to_chebyshev(powers, radius)]))
    return Composite(tuple(arrays), 0.0)


def published_plan(components: Sequence[Polynomial]) -> Plan:
    """ReLU x(1 + s(x))/2 as published: odd baby steps and giant steps, the product by x last.

    Parameters
    ----------
    components : sequence of Polynomial
        Odd, the first on [−B, B], each other on the image of the one before.

    Returns
    -------
    Plan
        Of the published numbers of multiplications and levels.
    """
    builder = PlanBuilder()
    (x,) = builder.arguments
    first = components[0]
    half = multiply(first.domain[1], dyadic(1, -1))
    value = z = builder.scale(x, first.unit_map[0])
    for component, following in pairwise(components):
        value = append_chebyshev(builder, value, component.coefficients, "odd")
        value = builder.scale(value, following.unit_map[0])
    last = [multiply(c, half) for c in components[-1].coefficients]
    product = builder.multiply(z, append_chebyshev(builder, value, last, "odd"))
    return builder.finish(builder.add(product, builder.scale(z, half)))


def _to_chebyshev(powers: list[Fraction], radius: int) -> list[Fraction]:
    """Coefficients of T_1, T_3, … in u = x/radius from those of x, x³, …

    u^n = 2^(1−n) · sum_k binom(n, k) T_(n−2k).
    """
    result = [Fraction(0)] * len(powers)
    for i, power in enumerate(powers):
        n = 2 * i + 1
        for j in range(i + 1):
            result[j] += power * Fraction(radius) ** n * Fraction(comb(n, i - j), 2 ** (n - 1))
    return result


@lru_cache(maxsize=1)
def _table() -> dict[str, Any]:
    return cast("dict[str, Any]", shipped.read(FILE)["composites"])


def _stages(alpha: int) -> list[dict[str, Any]]:
    table = _table()
    if str(alpha) not in table:
        raise ArgumentError(f"alpha is {alpha!r}: published composites exist for 4 to 14")
    return cast("list[dict[str, Any]]", table[str(alpha)])
