"""Published ReLU composites beside ours: same degrees, and our own choice of degrees.

Counts follow the rule of the published tables (Lee et al., eprint 2020/834): the final product by
x is one multiplication and one level; adding the offset costs nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from .cost import composite_cost
from .published import ALPHAS, published_composite, published_degrees
from .refined import refined_relu
from .relu_search import ReluChoice, pareto_relu


@dataclass(frozen=True)
class ComparisonRow:
    """One precision 2^-alpha. Errors are sampled estimates, as −log2 on [−1, 1].

    Attributes
    ----------
    alpha : int
    degrees : tuple of int
        Published degrees, innermost first.
    multiplications, depth : int
        Cost of the published degrees.
    published_bits : float
        What the published coefficients reach.
    same_degrees_bits : float
        What ours reach at these degrees, refined, with a free constant.
    same_degrees_bits_without_offset : float
        The same without a constant.
    choice : ReluChoice
        Our composite for error 2^-alpha: least depth, then fewest multiplications, among those
        that are no worse than the published degrees in either count.
    """

    alpha: int
    degrees: tuple[int, ...]
    multiplications: int
    depth: int
    published_bits: float
    same_degrees_bits: float
    same_degrees_bits_without_offset: float
    choice: ReluChoice


def published_comparison(alphas: tuple[int, ...] = ALPHAS) -> tuple[ComparisonRow, ...]:
    """Compare r_alpha with ours for each alpha.

    Examples
    --------
    >>> row = published_comparison((7,))[0]
    >>> row.degrees, round(row.published_bits, 2), round(row.same_degrees_bits, 2)
    ((7, 7), 7.04, 7.98)
    """
    return tuple(_row(alpha) for alpha in alphas)


def _row(alpha: int) -> ComparisonRow:
    from .refine import sampled_error

    degrees = published_degrees(alpha)
    multiplications, depth = composite_cost(degrees, final_product=True)
    choices = pareto_relu(2.0**-alpha, refine=True)
    no_worse = [c for c in choices if c.multiplications <= multiplications and c.depth <= depth]
    return ComparisonRow(
        alpha,
        degrees,
        multiplications,
        depth,
        -math.log2(sampled_error(published_composite(alpha), points=200_000)),
        refined_relu(degrees, offset=True).bits,
        refined_relu(degrees, offset=False).bits,
        (no_worse or list(choices))[0],
    )
