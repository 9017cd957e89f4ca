# SPDX-License-Identifier: Apache-2.0
"""What nobody can do better: proven lower bounds, and for which competitors they hold."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import mpmath
from flint import arb, arb_poly

from ..approximation import Approximation
from ..functions.symmetry import TreeSymmetry
from ..interpreters import ball_function
from ..numbers import ZERO, ball, exact, fraction, negate
from ..precision import working_precision
from ..structures import total_degree
from ..targets import Target
from .ranges import power_form
from .relative import divides_zero_out
from .study import study_domain

_RESOLVED = 2.0**-24

Bound = tuple[mpmath.mpf | None, str]
_EVERY = "every polynomial (the trivial bound)"
_NONE = "no alternation is known"
_NOTHING = arb((1, -2000))


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
    if approximation.structure in ("composite", "composition", "circuit") or approximation.inputs == 2:
        if weight is not None:
            return None, _NONE
        if approximation.function in ("sign", "step"):
            return _of_sign(approximation)
        if approximation.kin is not None:
            return _of_absolute(approximation)
        return None, _NONE
    if weight is not None and divides_zero_out(approximation, target, weight):
        return _across_zero(approximation, target, reference)
    component = approximation.components[0]
    for bits in (200 + 4 * component.degree, 1000 + 16 * component.degree, 20_000):
        with working_precision(bits):
            competitors = _competitors(approximation, target, weight, reference)
            if competitors is None:
                return None, _NONE
            polynomial, words = competitors
            found = alternation_bound(target, weight, polynomial, [ball(x) for x in reference])
        if found is not None:
            return exact(found), words + _where(approximation, reference)
    return ZERO, _EVERY


def _across_zero(
    approximation: Approximation, target: Target, reference: tuple[mpmath.mpf, ...]
) -> Bound:
    """Of a relative error across a zero of f at 0: of multiples of x, for others err without bound.

    Multiples x q(x) of degree n are compared by q, of degree n − 1, with f(x)/x: n + 1 points.
    """
    component = approximation.components[0]
    degree, over = max(component.degree, 1), target.over_x
    inside = all(any(a <= x <= b for a, b in approximation.covered) for x in reference)
    ascending = all(a < b for a, b in pairwise(reference))
    words = f"any polynomial of degree at most {degree}"
    if not (inside and ascending and len(reference) >= degree + 1):
        flipped = {"odd": "even", "even": "odd"}.get(component.parity or "")
        if flipped is None or not (inside and ascending and reference):
            return None, _NONE
        if component.unit_map[1] != 0 or not _enough(reference, degree - 1, flipped):
            return None, _NONE
        words = f"any {component.parity} polynomial of degree at most {degree}"
    for bits in (200 + 4 * degree, 1000 + 16 * degree, 20_000):
        with working_precision(bits):
            form = arb_poly(power_form(component).coeffs()[1:])
            points = [ball(x) for x in reference]
            found = alternation_bound(over, over.reciprocal, form, points)
        if found is not None:
            return exact(found), words + _where(approximation, reference)
    return ZERO, _EVERY


def _where(approximation: Approximation, reference: tuple[mpmath.mpf, ...]) -> str:
    """Said where the points leave the domain: what is proven is proven of what is covered."""
    inside = all(any(a <= x <= b for a, b in approximation.domain) for x in reference)
    return "" if inside or approximation.inputs == 2 else " on what is covered"


def _competitors(
    approximation: Approximation,
    target: Target,
    weight: Target | None,
    reference: tuple[mpmath.mpf, ...],
) -> tuple[arb_poly, str] | None:
    """A polynomial of a Haar space for which the reference has points enough, and whose it is."""
    parts = study_domain(approximation)
    inside = all(any(a <= x <= b for a, b in parts) for x in reference)
    ascending = all(a < b for a, b in pairwise(reference))
    if not (inside and ascending and reference):
        return None
    component = approximation.components[0]
    degree, form = component.degree, power_form(component)
    if len(reference) >= degree + 2:
        return form, f"any polynomial of degree at most {degree}"
    if component.parity is not None and component.unit_map[1] == 0:
        enough = _enough(reference, degree, component.parity)
        words = f"any {component.parity} polynomial of degree at most {degree}"
        return (form, words) if enough else None
    known = target.symmetry
    if known is None or not _enough(reference, degree, known.parity):
        return None
    whole = all((negate(b), negate(a)) in parts for a, b in parts)
    closest = _with_line(form, known)
    if whole and (weight is None or weight.proven_parity == "even"):
        return closest, f"any polynomial of degree at most {degree}"
    return closest, f"{_words(known)}any {known.parity} polynomial of degree at most {degree}"


def _enough(reference: tuple[mpmath.mpf, ...], degree: int, parity: str) -> bool:
    """Whether points on one side of 0 are enough for the even or odd polynomials of a degree."""
    if not (reference[0] >= 0 or reference[-1] <= 0):
        return False
    if parity == "even":
        return len(reference) >= degree // 2 + 2
    return len(reference) >= (degree + 1) // 2 + 1 and ZERO not in reference


def _words(known: TreeSymmetry) -> str:
    """ "x/2 plus " and the like, empty where there is neither line nor constant."""
    if known.slope:
        return "x/2 plus " if known.slope == Fraction(1, 2) else f"{known.slope} x plus "
    return "" if known.plain else "a constant plus "


def _with_line(form: arb_poly, known: TreeSymmetry) -> arb_poly:
    """The part of a polynomial with that parity, plus the line and the constant of the function.

    An element of the space that the competitors are in, and close to a polynomial that is itself.
    """
    kept = int(known.parity == "odd")
    terms = [c if k % 2 == kept else arb(0) for k, c in enumerate(form.coeffs())]
    return arb_poly(terms) + arb_poly([ball_function(known.constant)(arb(0)), ball(known.slope)])


def _of_absolute(approximation: Approximation) -> Bound:
    """S. Bernstein (Acta Math. 37 (1913), 1): E_2n(|x|) > (√2 − 1) / (4 (2n − 1)) on [-1, 1]."""
    degree = total_degree(approximation)
    symmetric = max(min(negate(low), high) for low, high in study_domain(approximation))
    if symmetric <= 0:
        return ZERO, _EVERY
    even = max(2, degree - degree % 2)
    with working_precision(64):
        value = (arb(2).sqrt() - 1) / (4 * (even - 1)) * ball(symmetric)
        if approximation.kin is None or approximation.kin.halved:
            value = value / 2
        return exact(value.lower()), f"any polynomial of the total degree {degree}"


def _of_sign(approximation: Approximation) -> Bound:
    """E (2 + E) >= 1 / T_D((b² + a²) / (b² − a²)) on [-b, -a] and [a, b].

    With e = 1 − p for odd p, e(x) e(−x) = 1 − p(x)² is a polynomial of degree D in x² that is 1
    at 0 and at most E (2 + E) on [a², b²]: no polynomial grows faster than Chebyshev's. The best
    approximation of an odd function may be taken odd.
    """
    degree = total_degree(approximation)
    both = _on_both_sides(study_domain(approximation))
    if not both:
        return ZERO, _EVERY
    low, high = min(both, key=lambda part: fraction(part[0]) / fraction(part[1]))
    with working_precision(200):
        ratio = ball(low) / ball(high)
        growth = ((1 + ratio) / (1 - ratio)).log() * degree
        product = 1 / growth.cosh()
        value = (1 + product).sqrt() - 1
        if not value > 0:
            value = product / 3
        if approximation.function == "step":
            value = value / 2
        if value < _NOTHING:  # beyond what a table holds
            return ZERO, _EVERY
        return exact(value.lower()), f"any polynomial of the total degree {degree}"


def _on_both_sides(parts: list[tuple[mpmath.mpf, mpmath.mpf]]) -> list[tuple[mpmath.mpf, mpmath.mpf]]:
    """Intervals of positive numbers that are covered together with their mirror images."""
    right = [(max(low, ZERO), high) for low, high in parts if high > 0]
    left = [(max(negate(high), ZERO), negate(low)) for low, high in parts if low < 0]
    both = [(max(a, c), min(b, d)) for a, b in right for c, d in left]
    return [(low, high) for low, high in both if low < high]


def alternation_bound(
    target: Target, weight: Target | None, polynomial: arb_poly, points: list[arb]
) -> arb | None:
    """Smallest weighted error on points where its signs alternate, or None.

    None says that they do not, that the weight is not positive there, or that the working precision
    is too low to tell the errors well.

    If w · (f − p) alternates in sign on N + 2 points of the domain, where N + 1 is the dimension
    of a Haar space that holds p, every element of that space errs by at least the smallest of
    these errors (de la Vallée Poussin 1910; Cheney, Introduction to Approximation Theory, 3.4).
    """
    smallest: arb | None = None
    before = 0
    for x in points:
        error = target.ball(x) - polynomial(x)
        if weight is not None:
            factor = weight.ball(x)
            if not factor > 0:
                return None
            error = error * factor
        sign = 1 if error > 0 else -1 if error < 0 else 0
        if error.rad() > abs(error.mid()) * _RESOLVED:
            return None
        if sign == 0 or sign == before:
            return None
        before = sign
        size = error.abs_lower()
        if smallest is None or size < smallest:
            smallest = size
    return smallest
