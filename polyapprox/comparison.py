"""What we choose for ReLU beside the published composites r_alpha, at the same precision."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from .composite.refine import sampled_error
from .plan.count import Rule
from .precision import one_at_a_time
from .published.composites import ALPHAS, published_composite, published_degrees
from .published.costs import published_cost
from .recipes.absolute import relu
from .recipes.limits import limits

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
    limit : int
        No polynomial program does it with fewer multiplications, or fewer levels (proven).
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
    limit: int


@one_at_a_time
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
    multiplications, depth = published_cost(degrees)
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
        limit=limits("relu", precision=2.0**-alpha).multiplications,
    )
