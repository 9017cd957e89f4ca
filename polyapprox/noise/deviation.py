# SPDX-License-Identifier: Apache-2.0
"""How far the rounding of constants moves the values of a plan: a proven bound.

The difference of the rounded and the exact plan is a polynomial of the plan's degree, so samples
on a verified mesh bound it (:mod:`polyapprox.proof.mesh`), in float64 with the bound of its own
rounding, below which nothing is seen: about 1e-14 of the largest values.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from .. import outward
from ..approximation import Approximation
from ..errors import ProofError
from ..plan.degree import plan_degree
from ..plan.plan import Plan
from ..proof.bounded import BoundedArray
from ..proof.sampling import bound_plan
from ..proof.study import along_zero, study_domain

_LARGEST_DEGREE = 1 << 15
_OVERSAMPLING = 8


def deviation_bound(approximation: Approximation, rounded: Plan) -> float | None:
    """Proven bound of |rounded plan − plan| over the interval, absolute.

    Parameters
    ----------
    approximation : Approximation
        With the exact plan; for maximum and minimum along b = 0, as everywhere in proofs.
    rounded : Plan

    Returns
    -------
    float or None
        None for plans of a degree above 2^15.

    Raises
    ------
    ProofError
        If a plan overflows.

    Examples
    --------
    >>> from polyapprox import circuit
    >>> from polyapprox.noise import quantised_plan
    >>> r = circuit("relu", multiplications=5)
    >>> deviation_bound(r, r.plan) < 1e-12
    True
    >>> 2**-24 < deviation_bound(r, quantised_plan(r.plan, 20)) < 2**-14
    True
    """
    degree = max(plan_degree(approximation.plan), plan_degree(rounded), 1)
    if degree > _LARGEST_DEGREE:
        return None
    before = along_zero(approximation)
    after = along_zero(replace(approximation, plan=rounded))

    def exactly(x: BoundedArray) -> Any:
        return before.run(x, lift=BoundedArray.lift_constant)

    largest = 0.0
    for low, high in study_domain(approximation):
        with np.errstate(all="ignore"):
            ends = outward.below(low), outward.above(high)
            found = bound_plan(after, exactly, *ends, degree, _OVERSAMPLING)
        largest = max(largest, found.upper)
    if not np.isfinite(largest):
        raise ProofError("the plan overflows on its interval")
    return largest
