# SPDX-License-Identifier: Apache-2.0
"""What a composite costs: multiplications and levels, stage by stage (rule "published").

A level is used by each product of ciphertexts and by each product with a constant. Stages have
adapted coefficients where that is cheaper (:mod:`polyapprox.plan.series`).
"""

from __future__ import annotations

from functools import lru_cache

from ..plan.series import series_cost, times_cost

MAX_DEGREE = 63


@lru_cache(maxsize=64)
def stage_cost(degree: int) -> tuple[int, int]:
    """Multiplications and levels of one odd stage.

    Examples
    --------
    >>> stage_cost(7), stage_cost(15)
    ((4, 3), (6, 4))
    """
    return series_cost(degree, "odd")


@lru_cache(maxsize=64)
def _last_cost(degree: int) -> tuple[int, int]:
    return times_cost(degree)


def composite_cost(degrees: tuple[int, ...], final_product: bool) -> tuple[int, int]:
    """Multiplications and levels of a composition, with the product by x or without it.

    The product by x is made at the beginning of the last stage, where it needs no level; a single
    stage times x is an even polynomial.

    Examples
    --------
    >>> composite_cost((7, 15), final_product=False), composite_cost((7, 15), final_product=True)
    ((10, 7), (11, 7))
    """
    if final_product and len(degrees) == 1:
        return series_cost(degrees[0] + 1, "even")
    costs = [stage_cost(d) for d in degrees]
    if final_product:
        costs[-1] = _last_cost(degrees[-1])
    return sum(m for m, _ in costs), sum(n for _, n in costs)
