"""What a composite costs: multiplications and levels, stage by stage.

The published rule (Lee et al., eprint 2020/834): odd baby-step giant-step, a level for each
product of ciphertexts and for each product with a constant.
"""

from __future__ import annotations

from functools import lru_cache

from ..plan.chebyshev import chebyshev_cost

MAX_DEGREE = 63


@lru_cache(maxsize=64)
def stage_cost(degree: int) -> tuple[int, int]:
    """Multiplications and depth of one odd stage.

    Examples
    --------
    >>> stage_cost(15), stage_cost(27)
    ((8, 4), (10, 5))
    """
    return chebyshev_cost(degree, "odd")


def composite_cost(degrees: tuple[int, ...], final_product: bool) -> tuple[int, int]:
    """Multiplications and depth of a composition, with the final product by x or without it.

    Examples
    --------
    >>> composite_cost((7, 15), final_product=True)
    (14, 8)
    """
    costs = [stage_cost(d) for d in degrees]
    extra = int(final_product)
    return sum(m for m, _ in costs) + extra, sum(n for _, n in costs) + extra
