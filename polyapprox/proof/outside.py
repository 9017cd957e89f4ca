# SPDX-License-Identifier: Apache-2.0
"""What happens outside the interval: how far the values stay moderate, proven."""

from __future__ import annotations

import math

import numpy as np
from flint import arb

from ..approximation import Approximation
from ..errors import ArgumentError
from ..given import number
from ..numbers import ball, exact
from ..outward import float_up
from ..polynomial import Polynomial
from ..precision import one_at_a_time, working_precision
from ..structures import total_degree
from .ranges import is_odd, power_form, range_on
from .sampling import bound_ball_polynomial, bound_plan
from .study import along_zero, study_domain

_WIDEST = 4.0
_NARROWEST = 2.0**-40
_BISECTIONS = 12


@one_at_a_time
def safe_radius(approximation: Approximation, factor: float = 2.0) -> float:
    """How far the interval may be stretched about its centre with |r| staying moderate.

    Parameters
    ----------
    approximation : Approximation
    factor : float
        Above 1: |r| may grow to `factor` times its proven bound on the interval itself.

    Returns
    -------
    float
        A proven radius, at least 1 and at most 5, in half-widths of the interval (of a − b for
        maximum and minimum): for every x within it |r(x)| is at most factor times the bound of
        |r| on the interval. 1 means that nothing is proven beyond the ends.

    Raises
    ------
    ArgumentError
        If the factor is not above 1.

    Examples
    --------
    >>> from polyapprox import relu
    >>> 1.0 < safe_radius(relu(precision=2**-7)) < 1.1
    True
    """
    factor = number("factor", factor, "a number above 1")
    if not factor > 1:
        raise ArgumentError(f"factor must be above 1; got {factor!r}")
    degrees = [component.degree for component in approximation.components]
    bits = 200 + 8 * max(degrees, default=0)
    with working_precision(bits):
        allowed = arb(factor) * _largest(approximation, 1.0)

        def safe(excess: float) -> bool:
            return bool(_largest(approximation, 1.0 + excess) <= allowed)

        if safe(_WIDEST):
            return 1.0 + _WIDEST
        low = _WIDEST
        while not safe(low):
            low /= 4
            if low < _NARROWEST:
                return 1.0
        high = 4 * low
        for _ in range(_BISECTIONS):
            middle = (low * high) ** 0.5
            low, high = (middle, high) if safe(middle) else (low, middle)
    return 1.0 + low


@one_at_a_time
def largest_value(approximation: Approximation) -> float:
    """Proven upper bound of |r| on the whole interval, gaps of the domain included.

    Examples
    --------
    >>> from polyapprox import sign
    >>> 1.0 <= largest_value(sign(precision=2**-5)) <= 1.0 + 2**-5
    True
    """
    degrees = [component.degree for component in approximation.components]
    with working_precision(200 + 8 * max(degrees, default=0)):
        return float_up(exact(_largest(approximation, 1.0).upper()))


def _largest(approximation: Approximation, radius: float) -> arb:
    """Proven upper bound of |r| on the interval stretched by `radius`."""
    low, high = (ball(end) for end in study_domain(approximation)[0])
    if approximation.inputs == 1:
        low, high = (ball(end) for end in approximation.interval)
    if approximation.structure == "circuit":
        return _of_plan(approximation, float(low), float(high), radius)
    first = approximation.components[0]
    centre, half = (low + high) / 2, (high - low) / 2 * arb(radius)
    if approximation.structure in ("polynomial", "direct"):
        return _of_polynomial(first, (centre - half).lower(), (centre + half).upper())
    size = (abs(centre) + half).upper()
    value = _of_sign(approximation.components, size)
    offset = abs(ball(approximation.offset))
    if approximation.function == "sign" or approximation.structure == "composition":
        return value
    if approximation.function == "step":
        return (1 + value) / 2
    kin = approximation.kin
    if kin is not None and not kin.line:
        return (size * value + offset).upper()
    return (size * (1 + value) / 2 + offset).upper()


def _of_plan(approximation: Approximation, low: float, high: float, radius: float) -> arb:
    centre, half = (low + high) / 2, (high - low) / 2 * radius
    degree = total_degree(approximation)
    plan = along_zero(approximation)
    with np.errstate(all="ignore"):
        found = bound_plan(plan, lambda x: x * 0.0, centre - half, centre + half, degree, 8)
    return arb(found.upper) if math.isfinite(found.upper) else arb("inf")


def _of_polynomial(polynomial: Polynomial, low: arb, high: arb) -> arb:
    upper, _ = bound_ball_polynomial(power_form(polynomial), low, high, 24)
    return upper


def _of_sign(components: tuple[Polynomial, ...], size: arb) -> arb:
    """Bound of |s| on [-size, size]: the range of each odd stage on the range of the one before."""
    for component in components:
        found = range_on(power_form(component), is_odd(component), arb(0), size)
        size = found.largest.max(-found.smallest).upper()
        if not is_odd(component):
            left = range_on(power_form(component), False, -size, arb(0))
            size = size.max(left.largest).max(-left.smallest).upper()
    return size
