# SPDX-License-Identifier: Apache-2.0
"""Relative errors against c · x^(−p/q): of polynomials, without the function.

With r = c x^(−p/q) (1 + e), the polynomial x^p r^q / c^q − 1 is (1 + e)^q − 1: a bound d < 1 of its
size gives |e| <= 1 − (1 − d)^(1/q), r being positive at one point and hence everywhere. The
polynomial is the plan, run as it is: its Chebyshev coefficients are added up, which is sharp where
its error is a Chebyshev polynomial, or it is sampled.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import mpmath
from flint import arb, arb_poly

from .. import outward
from ..approximation import Approximation
from ..numbers import ball, exact, log2
from ..plan.degree import plan_degree
from ..precision import working_precision
from ..scaling import homogeneity
from ..targets import Target
from .bounded import BoundedArray
from .sampling import bound_plan

_HALF = arb((1, -1))


class ChebyshevForm:
    """sum c_k T_k(u); `terms` holds c_k as the coefficient of the power k.

    Examples
    --------
    >>> u = ChebyshevForm(arb_poly([0, 1]))
    >>> [float(c) for c in (u * u * u).terms.coeffs()]
    [0.0, 0.75, 0.0, 0.25]
    """

    __slots__ = ("terms",)

    def __init__(self, terms: arb_poly) -> None:
        self.terms = terms

    @classmethod
    def argument(cls, low: mpmath.mpf, high: mpmath.mpf) -> ChebyshevForm:
        """x itself, u running over [-1, 1] as x runs over [low, high]."""
        a, b = ball(low), ball(high)
        return cls(arb_poly([(a + b) / 2, (b - a) / 2]))

    def __add__(self, other: Any) -> ChebyshevForm:
        return ChebyshevForm(self.terms + _terms(other))

    __radd__ = __add__

    def __sub__(self, other: Any) -> ChebyshevForm:
        return ChebyshevForm(self.terms - _terms(other))

    def __mul__(self, other: Any) -> ChebyshevForm:
        """2 T_i T_j = T_(i+j) + T_|i−j|."""
        if not isinstance(other, ChebyshevForm):
            return ChebyshevForm(self.terms * other)
        a, b = self.terms, other.terms
        if a.degree() < 0 or b.degree() < 0:
            return ChebyshevForm(arb_poly([]))
        last = b.degree()
        turned = a * arb_poly([b[last - k] for k in range(last + 1)])  # of T_(i−j), at i − j + last
        size = a.degree() + last
        down = [turned[last + k] for k in range(max(a.degree(), 0) + 1)]
        for k in range(1, last + 1):
            value = turned[last - k]
            down += [arb(0)] * (k + 1 - len(down))
            down[k] = down[k] + value
        return ChebyshevForm((a * b + arb_poly(down[: size + 1])) * _HALF)

    __rmul__ = __mul__

    def size(self) -> arb:
        """Sum of all absolute values, an upper bound on [-1, 1]."""
        return sum((abs(c) for c in self.terms.coeffs()), arb(0)).upper()


def _terms(other: Any) -> arb_poly:
    return other.terms if isinstance(other, ChebyshevForm) else arb_poly([other])


Method = tuple[mpmath.mpf, str, dict[str, object]]
_HIGHEST = 1 << 16  # degree of what is expanded
_HIGHEST_SAMPLED = 1 << 20
_SHARP = 1.0005  # of the estimate
_OVERSAMPLING = 48
_BITS = 160
_ROUNDS = 4


def power_of(approximation: Approximation, target: Target, weight: Target | None) -> Fraction | None:
    """−p/q where the error is relative to c x^(−p/q), c dyadic, on one positive interval."""
    if weight is None or target.tree is None or not weight.is_reciprocal_of(target):
        return None
    power = homogeneity(target.tree)
    if power is None or power >= 0 or len(approximation.covered) != 1:
        return None
    if approximation.covered[0][0] <= 0 or approximation.plan.inputs != 1:
        return None
    return power if _constant(target) is not None else None


def _constant(target: Target) -> arb | None:
    """c = f(1), where it is known exactly."""
    with working_precision(_BITS):
        value = target.ball(arb(1))
        return value if value.is_exact() and value != 0 else None


def by_power(approximation: Approximation, target: Target, power: Fraction) -> Method | None:
    """Bound of the relative error of the plan; None where neither way gives a close one."""
    constant, estimate = _constant(target), float(approximation.error_estimate)
    if constant is None:
        return None
    own = plan_degree(approximation.plan)
    degree = power.denominator * own - power.numerator
    found = None
    if degree <= _HIGHEST:
        size = _summed(approximation, constant, power, estimate)
        if size is not None:
            details: dict[str, object] = {"degree": degree}
            found = _of_size(size, power.denominator), "Chebyshev coefficients", details
    if found is not None and found[0] <= estimate * _SHARP:
        return found
    if degree <= _HIGHEST_SAMPLED and estimate > 2.0**-40:
        other = _sampled(approximation, constant, power, degree)
        if other is not None and (found is None or other[0] < found[0]):
            return other
    return found


def _of_size(size: arb, root: int) -> mpmath.mpf:
    """1 − (1 − d)^(1/q), rounded up."""
    with working_precision(_BITS + 4 * max(0, math.ceil(-log2(exact(size.upper()))))):
        return exact((1 - (1 - size.upper()) ** (arb(1) / root)).upper())


def _product(plan: Any, power: Fraction, constant: arb, x: Any, one: Any) -> Any:
    """x^p r^q / c^q − 1 with the numbers of x's ring."""
    lift = getattr(one, "lift_constant", ball)
    value = plan.run(x, lift=lift)
    result = value
    for _ in range(power.denominator - 1):
        result = result * value
    for _ in range(-power.numerator):
        result = result * x
    return result * lift(exact(1 / constant**power.denominator)) + lift(exact(-1))


def _dyadic_inverse(constant: arb, power: Fraction) -> bool:
    return bool((1 / constant**power.denominator).is_exact())


def _summed(
    approximation: Approximation, constant: arb, power: Fraction, estimate: float
) -> arb | None:
    """Sum of the Chebyshev coefficients, at as many bits as make their radii small."""
    low, high = approximation.covered[0]
    bits = _BITS + 2 * math.ceil(max(0.0, -math.log2(max(estimate, 1e-290))))
    bits += 4 * math.ceil(log2(high) - log2(low))
    for _ in range(_ROUNDS):
        with working_precision(bits):
            if not _dyadic_inverse(constant, power):
                return None
            x = ChebyshevForm.argument(low, high)
            form = _product(approximation.plan, power, constant, x, None)
            size = form.size()
            radii = sum((c.rad() for c in form.terms.coeffs()), arb(0))
            if not size.is_finite():
                return None
            if radii < size * 2.0**-20:
                return _positive(approximation, constant, size)
        bits *= 2
    return None


def _positive(approximation: Approximation, constant: arb, size: arb) -> arb | None:
    """The size, if it is below 1 and r has the sign of c at an end."""
    at_end = approximation.plan.run(ball(approximation.covered[0][1])) * constant
    return size if size < 1 and at_end > 0 else None


def _sampled(
    approximation: Approximation, constant: arb, power: Fraction, degree: int
) -> Method | None:
    """The same polynomial on a verified mesh, in doubles with their rounding bounded."""
    plan, (low, high) = approximation.plan, approximation.covered[0]
    with working_precision(_BITS):
        if not _dyadic_inverse(constant, power):
            return None

    class _Product:
        def run(self, x: Any, lift: Any = None) -> Any:
            with working_precision(_BITS):
                return _product(plan, power, constant, x, BoundedArray)

    found = bound_plan(
        _Product(),  # type: ignore[arg-type]
        lambda x: x * 0.0,
        outward.below(low), outward.above(high), degree, _OVERSAMPLING,
    )  # fmt: skip
    with working_precision(_BITS):
        size = _positive(approximation, constant, arb(found.upper)) if found.upper < 1 else None
    if size is None:
        return None
    details: dict[str, object] = {"points": found.points, "degree": degree}
    return _of_size(size, power.denominator), "sampling theorem", details
