# SPDX-License-Identifier: Apache-2.0
"""Proof of a single polynomial against a smooth function: Taylor balls."""

from __future__ import annotations

import math
from itertools import pairwise

import mpmath
from flint import arb, arb_poly

from ..approximation import Approximation
from ..errors import ProofError
from ..numbers import ball, exact, log2
from ..precision import working_precision
from ..targets import Target
from .plan_polynomial import expanded, weight_bits
from .ranges import power_form
from .sampling import bound_ball_polynomial
from .taylor import bound_error

Method = tuple[mpmath.mpf, str, dict[str, object]]


def by_taylor(
    approximation: Approximation, target: Target, weight: Target | None, lower: mpmath.mpf
) -> Method:
    """Bound of the weighted error, of the component, or under a weight of the plan itself.

    `lower` replaces an estimate that is too small for a float.
    """
    component = approximation.components[0]
    estimate = max(exact(approximation.error_estimate), lower)
    size = component.largest_coefficient or 1.0
    room = max(0.0, math.log2(size) - mpmath.log(estimate or mpmath.mpf(2) ** -200, 2))
    _, shift = component.unit_map  # powers of x cancel more the farther the domain is from 0
    bits = 100 + int(room) + math.ceil(component.degree * (4 + math.log2(1 + abs(shift))))
    cells = []
    for low, high in approximation.covered:
        cuts = [b for b in target.breakpoints if low < b < high]
        cells += list(pairwise([low, *cuts, high]))
    if weight is not None:
        spread = abs(log2(approximation.scale))  # of the plan's coefficients in powers of x
        bits += weight_bits(weight, cells) + 64 + math.ceil(component.degree * (4 + 2 * spread))
    scale = estimate or mpmath.mpf(2) ** -(bits // 2)
    with working_precision(bits):
        form = _along_zero(approximation)
        if weight is not None:  # differences of plan and component would need weighing
            form = expanded(approximation)
        if target.substitution == "sqrt" and target.name in ("sqrt", "sqrt(x)") and weight is None:
            return _square_root(form, approximation)
        found = bound_error(target, weight, form, cells, ball(scale), bits)
    return exact(found.upper), "Taylor balls", {"cells": found.cells}


def _along_zero(approximation: Approximation) -> arb_poly:
    """r in powers of x: the polynomial itself, or (a + b)/2 and it along b = 0."""
    form = power_form(approximation.components[0])
    half = arb_poly([0, arb(1) / 2])
    return {"maximum": half + form, "minimum": half - form}.get(approximation.function, form)


def _square_root(form: arb_poly, approximation: Approximation) -> Method:
    """sqrt(x) − p(x) is the polynomial s − p(s²) in s = sqrt(x)."""
    upper = arb(0)
    error = form(arb_poly([0, 0, 1])) - arb_poly([0, 1])
    for low, high in approximation.covered:
        bound, _ = bound_ball_polynomial(error, ball(low).sqrt(), ball(high).sqrt(), 48)
        upper = upper.max(bound)
    if not upper.is_finite():
        raise ProofError(f"{approximation.function!r} is not defined on all of what is covered")
    return exact(upper.upper()), "sampling theorem", {"degree": error.degree()}
