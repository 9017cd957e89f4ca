# SPDX-License-Identifier: Apache-2.0
"""What we choose for ReLU beside the published composites r_alpha, at the same precision."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .composite.refine import sampled_error
from .given import former
from .numbers import ZERO
from .plan.count import Rule, count
from .plan.plan import Plan
from .polynomial import Polynomial
from .precision import one_at_a_time
from .published.composites import ALPHAS, published_composite, published_degrees
from .published.costs import published_cost
from .recipes.absolute import relu
from .recipes.limits import limits
from .recipes.plans import composite_plan

RULE: Rule = "published"


@dataclass(frozen=True)
class Row:
    """One precision 2^-alpha on [-1, 1]; costs under the rule "published".

    Attributes
    ----------
    alpha : int
    published_degrees : tuple of int
    published_multiplications, published_levels : int
        Of the published plan.
    planned_multiplications, planned_levels : int
        Of our plan for the same polynomials, as :func:`polyapprox.audit` counts it.
    published_bits : float
        −log2 of the *sampled* error of the published coefficients: an estimate.
    structure : str
        Of our default choice, ``relu(precision=2**-alpha)``.
    degrees : tuple of int
    multiplications, levels : int
    bits : float
        −log2 of our *proven* error.
    limit : int
        No polynomial program does it with fewer multiplications, or fewer levels (proven).
    """

    alpha: int
    published_degrees: tuple[int, ...]
    published_multiplications: int
    published_levels: int
    planned_multiplications: int
    planned_levels: int
    published_bits: float
    structure: str
    degrees: tuple[int, ...]
    multiplications: int
    levels: int
    bits: float
    limit: int

    depth, published_depth = former("levels"), former("published_levels")
    planned_depth = former("planned_levels")


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
    >>> row.published_degrees, row.published_levels, row.bits >= 4
    ((5,), 4, True)
    """
    return tuple(_row(alpha) for alpha in alphas)


def our_plan(alpha: int) -> Plan:
    """Our operations for the published polynomials r_alpha.

    Parameters
    ----------
    alpha : int
        From 4 to 14.

    Raises
    ------
    ArgumentError
        For another alpha.

    Examples
    --------
    >>> from polyapprox.plan import count
    >>> found = count(our_plan(9), "published")
    >>> found.levels, found.multiplications, published_cost((15, 15))
    (8, 13, (17, 9))
    """
    stages = []
    for odd in published_composite(alpha).stages:
        coefficients = np.zeros(2 * len(odd))
        coefficients[1::2] = odd
        stages.append(Polynomial.from_floats(coefficients, (-1, 1), "odd"))
    return composite_plan("relu", stages, ZERO)


def _row(alpha: int) -> Row:
    degrees = published_degrees(alpha)
    multiplications, levels = published_cost(degrees)
    planned = count(our_plan(alpha), RULE)
    ours = relu(precision=2.0**-alpha)
    counts = ours.counts(RULE)
    return Row(
        alpha=alpha,
        published_degrees=degrees,
        published_multiplications=multiplications,
        published_levels=levels,
        planned_multiplications=planned.multiplications,
        planned_levels=planned.levels,
        published_bits=-math.log2(sampled_error(published_composite(alpha))),
        structure=ours.structure,
        degrees=ours.degrees,
        multiplications=counts.multiplications,
        levels=counts.levels,
        bits=ours.bits,
        limit=limits("relu", precision=2.0**-alpha).multiplications,
    )
