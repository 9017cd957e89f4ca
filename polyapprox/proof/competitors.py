"""What nobody can do better: proven lower bounds, and for which competitors they hold."""

from __future__ import annotations

from itertools import pairwise

import mpmath
from flint import arb

from ..approximation import Approximation
from ..numbers import ZERO, ball, exact
from ..polynomial import Polynomial
from ..precision import working_precision
from ..structures import TWO_ARGUMENTS, total_degree
from ..targets import Target
from .lower import alternation_bound
from .ranges import power_form
from .study import study_domain

Bound = tuple[mpmath.mpf | None, str]
_EVERY = "every polynomial (the trivial bound)"
_NONE = "no alternation is known"


def lower_bound(
    approximation: Approximation,
    target: Target,
    weight: Target | None,
    reference: tuple[mpmath.mpf, ...],
) -> Bound:
    """A proven lower bound of the error, and the polynomials that cannot be better.

    Parameters
    ----------
    approximation : Approximation
    target, weight : Target
        Function and weight (None for 1).
    reference : tuple of mpmath.mpf
        Points of the domain where the error of a single polynomial alternates.
    """
    if approximation.structure in ("composite", "composition", "circuit") or approximation.function in TWO_ARGUMENTS:
        if approximation.function in ("sign", "step"):
            return _of_sign(approximation)
        if approximation.function in ("abs", "relu", *TWO_ARGUMENTS):
            return _of_absolute(approximation)
        return None, _NONE
    component = approximation.components[0]
    competitors = _competitors(approximation, component, reference)
    if competitors is None:
        return None, _NONE
    for bits in (200 + 4 * component.degree, 1000 + 16 * component.degree, 20_000):
        with working_precision(bits):
            points = [ball(x) for x in reference]
            found = alternation_bound(target, weight, power_form(component), points)
        if found is not None:
            return exact(found), competitors
    return ZERO, _EVERY


def _competitors(
    approximation: Approximation, component: Polynomial, reference: tuple[mpmath.mpf, ...]
) -> str | None:
    """The Haar space for which the reference has points enough, in words."""
    inside = all(any(a <= x <= b for a, b in approximation.covered) for x in reference)
    ascending = all(a < b for a, b in pairwise(reference))
    if not (inside and ascending and reference):
        return None
    degree = component.degree
    if len(reference) >= degree + 2:
        return f"any polynomial of degree at most {degree}"
    one_side = reference[0] >= 0 or reference[-1] <= 0
    if component.parity == "odd":
        enough = len(reference) >= (degree + 1) // 2 + 1 and ZERO not in reference
        return f"any odd polynomial of degree at most {degree}" if one_side and enough else None
    if not one_side or len(reference) < degree // 2 + 2:
        return None
    if component.parity == "even":
        return f"any even polynomial of degree at most {degree}"
    if not any(component.coefficients[3::2]):
        low, high = approximation.interval
        if low == -high:
            return f"any polynomial of degree at most {degree}"
        return f"x/2 plus any even polynomial of degree at most {degree}"
    return None


def _of_absolute(approximation: Approximation) -> Bound:
    """S. Bernstein (Acta Math. 37 (1913), 1): E_2n(|x|) > (√2 − 1) / (4 (2n − 1)) on [-1, 1]."""
    degree = total_degree(approximation)
    if approximation.function in TWO_ARGUMENTS:
        symmetric = study_domain(approximation)[0][1]
    else:
        symmetric = min(-approximation.covered[0][0], approximation.covered[-1][1])
    if symmetric <= 0:
        return ZERO, _EVERY
    even = max(2, degree - degree % 2)
    with working_precision(64):
        value = (arb(2).sqrt() - 1) / (4 * (even - 1)) * ball(symmetric)
        if approximation.function != "abs":
            value = value / 2
        return exact(value.lower()), f"any polynomial of the total degree {degree}"


def _of_sign(approximation: Approximation) -> Bound:
    """E (2 + E) >= 1 / T_D((b² + a²) / (b² − a²)) on [-b, -a] and [a, b].

    With e = 1 − p for odd p, e(x) e(−x) = 1 − p(x)² is a polynomial of degree D in x² that is 1
    at 0 and at most E (2 + E) on [a², b²]: no polynomial grows faster than Chebyshev's. The best
    approximation of an odd function may be taken odd.
    """
    degree = total_degree(approximation)
    low, high = approximation.covered[-1]
    with working_precision(200):
        ratio = ball(low) / ball(high)
        growth = ((1 + ratio) / (1 - ratio)).log() * degree
        product = 1 / growth.cosh()
        value = (1 + product).sqrt() - 1
        if not value > 0:
            value = product / 3
        if approximation.function == "step":
            value = value / 2
        return exact(value.lower()), f"any polynomial of the total degree {degree}"
