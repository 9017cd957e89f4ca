"""Lower bounds: nobody does better (de la Vallée Poussin)."""

from __future__ import annotations

from flint import arb, arb_poly

from ..targets import Target

_RESOLVED = 2.0**-24


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
