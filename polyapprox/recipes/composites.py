"""|x| and its disguises by a composite sign: x(1 + s(x))/2 and its kin."""

from __future__ import annotations

import math
from fractions import Fraction

from ..approximation import Approximation
from ..composite.build import ReluComposite, relu_composite, stretched
from ..composite.refined import shipped_refined
from ..composite.relu_search import ReluChoice, search_relu_below
from ..errors import ProofError
from ..numbers import exact, multiply
from ..outward import upper
from ..polynomial import Polynomial
from ..proof.prove import certified
from .plans import composite_plan
from .request import Request

PROOF_SHARE = 0.9965  # share of the tolerance that the search may use: the rest is the proof's
_SHARES = (PROOF_SHARE, 0.98, 0.95, 0.9, 0.8)  # … and after a proof that missed
_DOUBLE = 2.0**-30  # above this error 53 bits carry the coefficients
_GUARD_BITS = 40


def choose(
    request: Request, share: float = PROOF_SHARE, limit: tuple[int, int] | None = None
) -> ReluChoice | None:
    """The cheapest composite by the request's objective (its error is an estimate).

    With a limit (multiplications, depth) only what is cheaper counts; None if nothing is.
    """
    objective = "balanced" if request.objective == "latency" else request.objective
    return search_relu_below(
        min(0.24, request.unit_error * share),
        objective,
        limit,
        offset=request.offset,
        refine=request.refine is not False,
        guard=request.noise,
    )


def composite(request: Request, choice: ReluChoice | None = None) -> Approximation:
    """The composite of the request's degrees, or the cheapest one within its tolerance."""
    if request.degrees is not None:
        return _build(request, _of_degrees(request, request.degrees))
    proven = "nothing"
    for share in _SHARES:
        choice = choice or choose(request, share)
        if choice is None:
            break
        result = _build(request, _of_choice(request, choice))
        if request.meets(result):
            return result
        proven, choice = f"{upper(result.error_bound, 4)} with degrees {result.degrees}", None
    raise ProofError(
        f"an error of {request.tolerance:.4g} was found but {proven} was proven; ask for another "
        "precision or structure"
    )


def coefficient_bits(unit_error: float) -> int:
    """Significant bits of coefficients whose rounding does not show in the error."""
    if unit_error >= _DOUBLE:
        return 53
    return 8 * math.ceil((_GUARD_BITS - math.log2(unit_error)) / 8)


def _of_choice(request: Request, choice: ReluChoice) -> ReluComposite:
    bits = coefficient_bits(choice.error)
    if choice.refined:
        return relu_composite(choice.degrees, 53, request.offset, refine=True, guard=request.noise)
    return relu_composite(
        choice.degrees, bits, request.offset, threshold=choice.threshold, guard=request.noise
    )


def _of_degrees(request: Request, degrees: tuple[int, ...]) -> ReluComposite:
    shipped = (degrees, request.offset) in shipped_refined()
    if request.refine or (request.refine is None and shipped and request.threshold is None):
        return relu_composite(degrees, 53, request.offset, refine=True, guard=request.noise)
    found = relu_composite(
        degrees, 53, request.offset, threshold=request.threshold, guard=request.noise
    )
    bits = coefficient_bits(found.error)
    if bits == 53:
        return found
    return relu_composite(
        degrees, bits, request.offset, threshold=found.threshold, guard=request.noise
    )


def _build(request: Request, found: ReluComposite) -> Approximation:
    width, reach = exact(request.half_width), exact(request.reach)
    factor = Fraction(request.reach) / Fraction(request.half_width)
    bits = coefficient_bits(found.error)
    first = stretched(found.components[0], factor, bits)
    components = (
        Polynomial(first.coefficients, (-width, width), first.parity),
        *found.components[1:],
    )
    scale = multiply(reach, exact(request.share))
    offset = multiply(found.offset, scale)
    plan = composite_plan(request.function, components, offset)
    result = request.approximation(
        "composite",
        components,
        plan,
        found.error * float(scale),
        offset,
        multiply(exact(found.threshold), reach),
        found.margins,
    )
    return certified(result)
