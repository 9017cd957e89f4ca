# SPDX-License-Identifier: Apache-2.0
"""Proof of a plan that is one polynomial against a smooth function: Taylor balls."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import cast

import mpmath
from flint import arb, arb_poly

from ..approximation import Approximation
from ..errors import ProofError
from ..numbers import ball, exact, log2
from ..plan.degree import plan_degree
from ..precision import working_precision
from ..structures import total_degree
from ..targets import Target
from .taylor import bound_error, largest_weight

Method = tuple[mpmath.mpf, str, dict[str, object]]
LARGEST_DEGREE = 1 << 10
_SMALL = 64


def expanded(approximation: Approximation) -> arb_poly:
    """The plan of one argument in powers of x, in the current precision.

    Raises
    ------
    ProofError
        If its degree is far beyond that of the components: it computes something else.
    """
    degree, wanted = plan_degree(approximation.plan), total_degree(approximation)
    if degree > max(2 * wanted, _SMALL):
        raise ProofError(
            "the plan does not compute what the components say: it is of degree "
            f"{degree}, they are of degree {wanted}"
        )
    return cast("arb_poly", approximation.plan.run(arb_poly([0, 1]), lift=ball))


def weight_bits(weight: Target, cells: list[tuple[mpmath.mpf, mpmath.mpf]]) -> int:
    """log2 of the largest weight: f and p are needed so many bits more closely."""
    size = arb(1)
    for bits in (128, 1100, 4400):
        with working_precision(bits):
            size = largest_weight(weight, cells)
            sampled = all(weight.ball(ball(end)).is_finite() for cell in cells for end in cell)
        if sampled:
            break
    return math.ceil(log2(exact(size)))


def by_taylor_of_plan(
    approximation: Approximation, target: Target, weight: Target | None = None
) -> Method:
    """Bound of the weighted error of a plan of one argument, expanded exactly in powers of x."""
    degree = plan_degree(approximation.plan)
    estimate = exact(approximation.error_estimate or 2.0**-100)
    low, high = approximation.interval
    size = max(1.0, float(abs(low)), float(abs(high)))
    bits = 200 + math.ceil(degree * (4 + 2 * math.log2(size)))
    cells = []
    for start, stop in approximation.covered:
        cuts = [b for b in target.breakpoints if start < b < stop]
        cells += list(pairwise([start, *cuts, stop]))
    if weight is not None:
        bits += weight_bits(weight, cells)
    with working_precision(bits):
        form = approximation.plan.run(arb_poly([0, 1]), lift=ball)
        found = bound_error(target, weight, form, cells, ball(estimate), bits)
    return exact(found.upper), "Taylor balls", {"cells": found.cells, "degree": degree}
