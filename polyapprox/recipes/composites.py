# SPDX-License-Identifier: Apache-2.0
"""|x| and its disguises by a composite sign: x(1 + s(x))/2 and its kin."""

from __future__ import annotations

import math
from fractions import Fraction

from ..approximation import Approximation
from ..composite.build import ReluComposite, relu_composite, stretched
from ..composite.refined import shipped_refined
from ..composite.relu_search import ReluChoice, search_relu
from ..errors import ProofError
from ..numbers import exact, multiply
from ..outward import upper
from ..polynomial import Polynomial
from ..proof.prove import certified
from .absolute import AbsoluteWish
from .plans import composite_plan

PROOF_SHARE = 0.9965  # share of the tolerance that the search may use: the rest is the proof's
_SHARES = (PROOF_SHARE, 0.98, 0.95, 0.9, 0.8)  # … and after a proof that missed
_DOUBLE = 2.0**-30  # above this error 53 bits carry the coefficients
_GUARD_BITS = 40


def choose(
    wish: AbsoluteWish, share: float = PROOF_SHARE, limit: tuple[int, int] | None = None
) -> ReluChoice | None:
    """The cheapest composite by the wish's objective (its error is an estimate).

    With a limit (multiplications, levels) only what is cheaper counts; None if nothing is.
    """
    return search_relu(
        min(0.24, wish.unit_error * share),
        wish.searched,
        limit,
        offset=wish.offset,
        refine=wish.refine is not False,
        guard=wish.guard,
    )


def composite(wish: AbsoluteWish, choice: ReluChoice | None = None) -> Approximation:
    """The composite of the wish's degrees, or the cheapest one within its tolerance."""
    if wish.stages is not None:
        return _build(wish, _of_degrees(wish, wish.stages))
    proven = "nothing"
    for share in _SHARES:
        choice = choice or choose(wish, share)
        if choice is None:
            break
        result = _build(wish, _of_choice(wish, choice))
        if wish.meets(result):
            return result
        proven, choice = f"{upper(result.error_bound, 4)} with degrees {result.degrees}", None
    raise ProofError(
        f"an error of {wish.wanted:.4g} was found but {proven} was proven; ask for another "
        "precision or structure"
    )


def coefficient_bits(unit_error: float) -> int:
    """Significant bits of coefficients whose rounding does not show in the error."""
    if unit_error >= _DOUBLE:
        return 53
    return 8 * math.ceil((_GUARD_BITS - math.log2(unit_error)) / 8)


def _of_choice(wish: AbsoluteWish, choice: ReluChoice) -> ReluComposite:
    bits = coefficient_bits(choice.error)
    if choice.refined:
        return relu_composite(choice.degrees, 53, wish.offset, refine=True, guard=wish.guard)
    return relu_composite(
        choice.degrees, bits, wish.offset, threshold=choice.threshold, guard=wish.guard
    )


def _of_degrees(wish: AbsoluteWish, degrees: tuple[int, ...]) -> ReluComposite:
    shipped = (degrees, wish.offset) in shipped_refined()
    if wish.refine or (wish.refine is None and shipped and wish.threshold is None):
        return relu_composite(degrees, 53, wish.offset, refine=True, guard=wish.guard)
    found = relu_composite(
        degrees, 53, wish.offset, threshold=wish.threshold, guard=wish.guard
    )
    bits = coefficient_bits(found.error)
    if bits == 53:
        return found
    return relu_composite(
        degrees, bits, wish.offset, threshold=found.threshold, guard=wish.guard
    )


def _build(wish: AbsoluteWish, found: ReluComposite) -> Approximation:
    width, reach = exact(wish.half_width), exact(wish.reach)
    factor = Fraction(wish.reach) / Fraction(wish.half_width)
    bits = coefficient_bits(found.error)
    first = stretched(found.components[0], factor, bits)
    components = (
        Polynomial(first.coefficients, (-width, width), first.parity),
        *found.components[1:],
    )
    scale = multiply(reach, exact(wish.share))
    offset = multiply(found.offset, scale)
    plan = composite_plan(wish.function, components, offset)
    result = wish.approximation(
        "composite",
        components,
        plan,
        found.error * float(scale),
        offset,
        multiply(exact(found.threshold), reach),
        found.margins,
    )
    return certified(result)
