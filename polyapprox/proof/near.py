# SPDX-License-Identifier: Apache-2.0
"""What happens beside the interval: the error where noise may carry the inputs, proven.

Inputs that leave the interval by δB are covered by the proofs themselves, which run over the wider
interval. For x + iy, |y| <= h, let t = (y/h)²:

    Re r(x + iy) − f(x)  =  e_0(x) + e_1(x) t + e_2(x) t² + …,      e_m = (−1)^m h^2m r^(2m)(x) / (2m)!

with r − f for e_0; for fixed x its size is at most the larger of those at t = 0 and 1, and
Σ_{m>=2} max_t |t^m − t| |e_m(x)| more. For fixed t it is a polynomial in x of the plan's degree,
where f is one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import mpmath
import numpy as np
from flint import arb, arb_poly

from ..approximation import Approximation, Interval
from ..errors import ArgumentError, NoBoundError, ProofError
from ..given import number, shown
from ..numbers import ZERO, add, ball, exact, multiply, negate
from ..outward import float_down, float_up
from ..precision import one_at_a_time, working_precision
from ..structures import total_degree
from ..targets import Target, as_target
from .bounded import BoundedArray
from .by_sampling import floats_suffice, pieces_on
from .cells import ORDER, TaylorArray
from .error_function import largest_sample
from .mesh import chebyshev_mesh
from .prove import prove
from .ranges import power_form
from .sampling import bound_ball_polynomial
from .study import along_zero, largest_value, one_argument_function, study_domain
from .taylor import bound_error

_WIDEST = 4.0
_LARGEST_SAMPLED = 20_000
_LARGEST_EXPANDED = 1 << 10
_SMALL, _MEDIUM = 1 << 8, 1 << 11  # degrees up to these have eight and six samples a degree
_AT_ONCE = 2048


@dataclass(frozen=True)
class NearBound:
    """Bounds of the error beside the interval.

    Attributes
    ----------
    radius : float
        δ, relative to B.
    outside : float
        Bound of |r(x) − f(x)| for all x within δB of the interval (weighted as the error is).
    imaginary : float
        Bound of |Re r(x + iy) − f(x)| for x in the interval and |y| <= δB.
    both : float
        The same for all x within δB of the interval.
    """

    radius: float
    outside: float
    imaginary: float
    both: float


@one_at_a_time
def bound_near(approximation: Approximation, radius: float) -> NearBound:
    """Bound the error where inputs carry noise.

    Parameters
    ----------
    approximation : Approximation
        With a certificate. For maximum and minimum both arguments carry the noise.
    radius : float
        δ: how large the noise is, relative to B, from 0 to 4.

    Returns
    -------
    NearBound
        Infinite where nothing could be proven: the function is not defined there, a gap of the
        domain closes, or the values explode.

    Raises
    ------
    ArgumentError
        If the radius is out of range.
    NoBoundError
        If the function is a black box.

    Examples
    --------
    >>> from polyapprox import circuit
    >>> r = circuit("relu", multiplications=7)
    >>> near = bound_near(r, 2**-12)
    >>> r.error_bound < near.outside < 2 * r.error_bound
    True
    """
    radius = _share("radius", radius)
    return NearBound(
        radius=radius,
        outside=error_near(approximation, radius, 0.0),
        imaginary=error_near(approximation, 0.0, radius),
        both=error_near(approximation, radius, radius),
    )


@one_at_a_time
def error_near(approximation: Approximation, real: float, imaginary: float) -> float:
    """Bound of |Re r(x + iy) − f(x)| for x within real · B of the interval, |y| <= imaginary · B.

    Parameters and errors as for :func:`bound_near`.
    """
    if approximation.certificate is None:
        raise NoBoundError(
            f"nothing is proven of {approximation.function!r}, a black-box function; give an "
            "expression or a function of python-flint balls"
        )
    real, imaginary = _share("real", real), _share("imaginary", imaginary)
    covered = _widened(approximation, real)
    if covered is None:
        return math.inf
    inside = all(
        c[0] >= o[0] and c[1] <= o[1]
        for c, o in zip(covered, approximation.covered, strict=True)
    )
    if inside and not imaginary:
        return float_up(approximation.certificate.upper)
    known = approximation.certificate.upper
    wide = _on(approximation, covered)
    try:
        with np.errstate(all="ignore"):
            largest = max(largest_sample(wide), float(wide.error_estimate))
            wide = replace(wide, error_estimate=largest)
            plain = prove(wide).upper
            height = multiply(exact(imaginary), approximation.scale)
            found = plain if not imaginary else _complex(wide, plain, height)
    except (ProofError, ArgumentError):
        return math.inf
    return float_up(max(found, known))


def _on(approximation: Approximation, parts: tuple[Interval, ...]) -> Approximation:
    """The same plan, to be proven on other intervals."""
    threshold = approximation.threshold
    if approximation.function in ("sign", "step") and threshold is not None:
        threshold = min(a if a > 0 else negate(b) if b < 0 else ZERO for a, b in parts)
    return replace(
        approximation, domain=parts, covered=parts, guard=ZERO, certificate=None, threshold=threshold
    )


def _share(name: str, value: float) -> float:
    share = number(name, value)
    if not 0 <= share <= _WIDEST:
        raise ArgumentError(f"{name}={shown(value)} must be from 0 to {_WIDEST:g}, relative to B")
    return share


def _widened(approximation: Approximation, radius: float) -> tuple[Interval, ...] | None:
    """The domain, its ends moved outward by radius · B; None if parts would meet."""
    step = multiply(exact(float(radius)), approximation.scale)
    parts = tuple((add(a, negate(step)), add(b, step)) for a, b in approximation.domain)
    return None if any(one[1] >= two[0] for one, two in pairwise(parts)) else parts


def _complex(approximation: Approximation, plain: mpmath.mpf, size: mpmath.mpf) -> mpmath.mpf:
    """Bound for |y| <= size, where `plain` is that for y = 0."""
    target = as_target(one_argument_function(approximation.function))
    height = float_up(size)
    if approximation.inputs == 2:
        height *= 2  # of a − b
    degree = total_degree(approximation)
    sampled = target.pieces is not None and approximation.weight == "1" and floats_suffice(target)
    if sampled and degree <= _LARGEST_SAMPLED:
        return exact(_on_mesh(approximation, target, height, degree))
    if approximation.plan.inputs == 1 and degree <= _LARGEST_EXPANDED:
        return _expanded(approximation, target, plain, height, degree)
    raise ProofError("the plan is too long for complex arguments")


def _swing(power: int) -> float:
    """Bound of |t^m − t| for t in [0, 1]."""
    return float((power - 1) * power ** (-power / (power - 1)) * (1 + 1e-14))


def _on_mesh(approximation: Approximation, target: Target, height: float, degree: int) -> float:
    """From Taylor models of order 12 in y at the points of a verified mesh in x."""
    plan, largest = along_zero(approximation), 0.0
    samples = max(8, degree * (8 if degree <= _SMALL else 6 if degree <= _MEDIUM else 3))
    for low, high in study_domain(approximation):
        for start, stop, coefficients in pieces_on(target, low, high):
            mesh = chebyshev_mesh(float_down(start), float_up(stop), samples)
            for first in range(0, len(mesh.points), _AT_ONCE):
                points = mesh.points[first : first + _AT_ONCE]
                x = TaylorArray.identity(points, np.full(points.shape, height))
                found = plan.run(x, lift=TaylorArray.lift_constant)
                bound = _over_height(found, _values(coefficients, points))
                if not math.isfinite(bound):
                    return math.inf
                largest = max(largest, bound * mesh.factor(max(degree, len(coefficients) - 1)))
    return largest * (1 + 1e-13)


def _values(coefficients: tuple[Any, ...], points: np.ndarray) -> BoundedArray:
    """The polynomial piece of the target at the points."""
    x = BoundedArray(points)
    value = x * 0.0 + BoundedArray.lift_constant(coefficients[-1])
    for coefficient in reversed(coefficients[:-1]):
        value = value * x + BoundedArray.lift_constant(coefficient)
    return value


def _over_height(models: TaylorArray, exactly: BoundedArray) -> float:
    """Bound of |Σ (−1)^m a_2m t^m − f| over t in [0, 1], the largest of all points."""
    even = np.array([(-1) ** m * models.coefficients[2 * m] for m in range(ORDER // 2)])
    start = even[0] - exactly.value
    end = start + np.sum(even[1:], axis=0)
    rest = sum(_swing(m) * np.abs(even[m]) for m in range(2, ORDER // 2))
    sizes = np.sum(np.abs(even), axis=0) + np.abs(exactly.value)
    rounding = models.radius + exactly.radius + 1e-15 * sizes.astype(np.float64)
    bound = np.maximum(np.abs(start), np.abs(end)) + rest + rounding
    return float(np.max(bound)) * (1 + 1e-14)


def _expanded(
    approximation: Approximation, target: Target, plain: mpmath.mpf, height: float, degree: int
) -> mpmath.mpf:
    """From the plan in powers of x, its derivatives, and Taylor balls of f."""
    weight = None if approximation.weight == "1" else as_target(approximation.weight)
    size = max(1.0, float(max(abs(end) for part in approximation.covered for end in part)))
    bits = 300 + math.ceil(degree * (4 + 2 * math.log2(size)))
    with working_precision(bits):
        form = (
            power_form(approximation.components[0])
            if approximation.structure == "polynomial"
            else approximation.plan.run(arb_poly([0, 1]), lift=ball)
        )
        terms = _terms(form, ball(height))
        raised: arb_poly = sum(terms[1:], form)
        cells = []
        for start, stop in approximation.covered:
            cuts = [b for b in target.breakpoints if start < b < stop]
            cells += list(pairwise([start, *cuts, stop]))
        scale = ball(exact(approximation.error_estimate)) + abs(terms[-1](arb(0)))
        rest = arb(0)
        for low, high in approximation.covered:
            here = arb(0)
            for m, term in enumerate(terms[2:], 2):
                bound, _ = bound_ball_polynomial(term, ball(low), ball(high), 8)
                here += bound * _swing(m)
            if weight is not None:
                here *= arb(largest_value(weight, float_down(low), float_up(high)))
            rest = rest.max(here.upper())
        upper = bound_error(target, weight, raised, cells, scale, bits).upper
        whole = (upper.max(ball(plain)) + rest).upper()
    if not whole.is_finite():
        raise ProofError(f"{target.name!r} is not enclosed beside the interval")
    return exact(whole)


def _terms(form: arb_poly, height: arb) -> list[arb_poly]:
    """(−1)^m h^2m r^(2m) / (2m)! for m = 0, 1, …"""
    terms, derivative, factor = [form], form, arb(1)
    for m in range(1, form.degree() // 2 + 1):
        derivative = derivative.derivative().derivative()
        factor = -factor * height * height / ((2 * m - 1) * (2 * m))
        terms.append(derivative * factor)
    return terms
