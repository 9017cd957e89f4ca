"""What a stage costs: multiplications and levels of an odd polynomial of a given degree.

The published rule (Lee et al., eprint 2020/834, tables in func.cpp): odd baby-step giant-step,
a level for each product of ciphertexts and for each product with a constant.
"""

from __future__ import annotations

MAX_DEGREE = 63

# degrees 1, 3, 5, …, 63
_MULTIPLICATIONS = (
    *(0, 2, 3, 5, 5, 6, 7, 8, 8, 8, 9, 9, 10, 10, 11, 12),
    *(11, 11, 11, 11, 12, 12, 13, 13, 14, 14, 14, 14, 15, 15, 16, 17),
)


def stage_cost(degree: int) -> tuple[int, int]:
    """Multiplications and depth of one stage.

    Parameters
    ----------
    degree : int
        Odd degree, 1 to 63.

    Examples
    --------
    >>> stage_cost(15), stage_cost(27)
    ((8, 4), (10, 5))
    """
    return _MULTIPLICATIONS[degree // 2], degree.bit_length()


def composite_cost(degrees: tuple[int, ...], final_product: bool) -> tuple[int, int]:
    """Multiplications and depth of a composition, with the final product by x or without it."""
    costs = [stage_cost(d) for d in degrees]
    extra = int(final_product)
    return sum(m for m, _ in costs) + extra, sum(n for _, n in costs) + extra
