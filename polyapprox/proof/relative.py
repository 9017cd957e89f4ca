# SPDX-License-Identifier: Apache-2.0
"""Relative errors across a zero of the function at 0, where the weight is infinite.

With f(x) = x g(x) and a plan that computes x q(x), |1 − r/f| is the relative error of q against g,
and g is smooth where f is.
"""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import pairwise

import mpmath
from flint import arb_poly

from ..approximation import Approximation
from ..errors import ProofError
from ..numbers import ball, exact, log2
from ..precision import working_precision
from ..structures import total_degree
from ..targets import Target
from .plan_polynomial import expanded
from .taylor import bound_error

Method = tuple[mpmath.mpf, str, dict[str, object]]


def divides_zero_out(approximation: Approximation, target: Target, weight: Target | None) -> bool:
    """Whether the error is relative and 0, where f vanishes, lies in the domain."""
    inside = any(a <= 0 <= b for a, b in approximation.covered)
    if not inside or weight is None or not weight.is_reciprocal_of(target):
        return False
    with working_precision(64):
        return bool(target.ball(ball(0)) == 0)


def quotient_form(approximation: Approximation) -> arb_poly:
    """r(x)/x in powers of x, from the plan.

    Raises
    ------
    ProofError
        If the plan does not vanish at 0: its relative error is infinite there.
    """
    form = expanded(approximation)
    if approximation.plan.run(Fraction(0)) != 0:
        raise ProofError(
            f"the function {approximation.function!r} is 0 at x=0 and the plan is not: the "
            "relative error is infinite there"
        )
    return arb_poly([form[k + 1] for k in range(form.degree())])


def by_quotient(
    approximation: Approximation, target: Target, weight: Target, lower: mpmath.mpf
) -> Method:
    """Bound of the relative error of the plan."""
    estimate = max(exact(approximation.error_estimate), lower, mpmath.mpf(2) ** -2000)
    degree = total_degree(approximation)
    steep = max(1.0, float(approximation.largest_coefficient))
    bits = 200 + math.ceil(
        degree * (6 + 2 * abs(log2(approximation.scale))) + math.log2(steep) - mpmath.log(estimate, 2)
    )
    over, cells = target.over_x, []
    for low, high in approximation.covered:
        cuts = [b for b in target.breakpoints if low < b < high]
        cells += list(pairwise([low, *cuts, high]))
    with working_precision(bits):
        form = quotient_form(approximation)
        found = bound_error(over, over.reciprocal, form, cells, ball(estimate), bits)
    return exact(found.upper), "Taylor balls", {"cells": found.cells}
