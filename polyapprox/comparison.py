"""What we choose for ReLU beside the published composites r_alpha, at the same precision."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from .composite.cost import composite_cost
from .composite.published import ALPHAS, published_composite, published_degrees
from .composite.refine import sampled_error
from .plan.count import Rule
from .recipes.absolute import relu

RULE: Rule = "published"


@dataclass(frozen=True)
class Row:
    """One precision 2^-alpha on [-1, 1]; costs under the rule "published".

    Attributes
    ----------
    alpha : int
    published_degrees : tuple of int
    published_multiplications, published_depth : int
    published_bits : float
        −log2 of the *sampled* error of the published coefficients: an estimate.
    structure : str
        Of our default choice, ``relu(precision=2**-alpha)``.
    degrees : tuple of int
    multiplications, depth : int
    bits : float
        −log2 of our *proven* error.
    """

    alpha: int
    published_degrees: tuple[int, ...]
    published_multiplications: int
    published_depth: int
    published_bits: float
    structure: str
    degrees: tuple[int, ...]
    multiplications: int
    depth: int
    bits: float


def compare_with_published(alphas: Sequence[int] = ALPHAS) -> tuple[Row, ...]:
    """Our default choice beside the published composite, for each alpha.

    Parameters
    ----------
    alphas : sequence of int
        From 4 to 14.

    Raises
    ------
    ArgumentError
        For another alpha.

    Examples
    --------
    >>> (row,) = compare_with_published([4])
    >>> row.published_degrees, row.published_depth, row.bits >= 4
    ((5,), 4, True)
    """
    return tuple(_row(alpha) for alpha in alphas)


def _row(alpha: int) -> Row:
    degrees = published_degrees(alpha)
    multiplications, depth = composite_cost(degrees, final_product=True)
    ours = relu(precision=2.0**-alpha)
    counts = ours.counts(RULE)
    return Row(
        alpha=alpha,
        published_degrees=degrees,
        published_multiplications=multiplications,
        published_depth=depth,
        published_bits=-math.log2(sampled_error(published_composite(alpha))),
        structure=ours.structure,
        degrees=ours.degrees,
        multiplications=counts.multiplications,
        depth=counts.depth,
        bits=ours.bits,
    )
