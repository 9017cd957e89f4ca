# SPDX-License-Identifier: Apache-2.0
"""Paterson and Stockmeyer's scheme: the fewest products of ciphertexts, with any number of levels.

p = (… (q_s T_k + q_{s−1}) T_k + …) T_k + q_0 with q_i of degree below k: k − 1 products for
T_2 … T_k and one for each T_k but the first, whose factor is a constant.

Source: Paterson and Stockmeyer, SIAM J. Comput. 2 (1973), 60, doi:10.1137/0202007.
"""

from __future__ import annotations

from collections.abc import Sequence

import mpmath

from ..numbers import ZERO, add, exact, negate
from .builder import PlanBuilder

_MINUS_ONE = exact(-1)


def largest_degree(multiplications: int) -> tuple[int, int]:
    """The largest degree of so many products, and the k that reaches it.

    Examples
    --------
    >>> largest_degree(6), largest_degree(8)
    ((16, 4), (25, 5))
    """
    best = max(range(1, multiplications + 2), key=lambda k: k * (multiplications - k + 2))
    return best * (multiplications - best + 2), best


def append_horner(
    builder: PlanBuilder, value: int, coefficients: Sequence[mpmath.mpf], block: int
) -> int:
    """Append the operations that compute Σ c_j T_j(u) by blocks of T_k, k = `block`.

    Parameters
    ----------
    builder : PlanBuilder
    value : int
        Index of u, the value in [-1, 1].
    coefficients : sequence of mpmath.mpf, shape (degree + 1,)
        Chebyshev coefficients, low to high, exact.
    block : int
        k.

    Returns
    -------
    int
        Index of the result.

    Examples
    --------
    >>> builder = PlanBuilder()
    >>> series = [exact(c) for c in (0.5, 0.0, 0.25, 0.0, 1.0)]
    >>> plan = builder.finish(append_horner(builder, builder.arguments[0], series, 2))
    >>> plan.run(0.5), 0.5 - 0.25 / 2 - 1 / 2
    (-0.125, -0.125)
    """
    chebyshev = {1: value}
    for index in range(2, block + 1):
        half = index // 2
        product = builder.multiply(chebyshev[half], chebyshev[index - half])
        lower = builder.double(product)
        chebyshev[index] = (
            builder.shift(lower, _MINUS_ONE) if index % 2 == 0
            else builder.subtract(lower, chebyshev[1])
        )  # fmt: skip
    blocks = _blocks(list(coefficients), block)
    result: int | None = None
    for position in range(len(blocks) - 1, -1, -1):
        series = blocks[position]
        if result is not None:
            result = builder.multiply(result, chebyshev[block])
        elif position < len(blocks) - 1:
            result = builder.scale(chebyshev[block], blocks[position + 1][0])
        elif len(series) == 1 and position:
            continue  # a constant, which scales T_k
        for index, coefficient in enumerate(series[1:], 1):
            if coefficient:
                term = builder.scale(chebyshev[index], coefficient)
                result = term if result is None else builder.add(result, term)
        if result is None:
            result = builder.scale(value, ZERO)
        result = builder.shift(result, series[0])
    return builder.scale(value, ZERO) if result is None else result


def _blocks(series: list[mpmath.mpf], block: int) -> list[list[mpmath.mpf]]:
    """q_0, q_1, …: the remainders of one division by T_k after the other."""
    while len(series) > 1 and not series[-1]:
        series.pop()
    blocks = []
    while len(series) > block:
        series, remainder = divided(series, block)
        blocks.append(remainder)
    return [*blocks, series]


def divided(
    series: Sequence[mpmath.mpf], giant: int
) -> tuple[list[mpmath.mpf], list[mpmath.mpf]]:
    """Write a Chebyshev series of any degree as T_giant · quotient + remainder, exactly.

    Examples
    --------
    >>> quotient, remainder = divided([exact(c) for c in (0, 0, 0, 0, 0, 1)], 2)
    >>> [int(c) for c in quotient], [int(c) for c in remainder]
    ([0, 0, 0, 2], [0, -1])
    """
    rest = list(series)
    quotient = [ZERO] * (len(rest) - giant)
    for index in range(len(rest) - 1, giant, -1):
        coefficient = rest[index]
        quotient[index - giant] = add(coefficient, coefficient)
        place = abs(2 * giant - index)
        rest[place] = add(rest[place], negate(coefficient))
    quotient[0] = rest[giant]
    return quotient, rest[:giant]
