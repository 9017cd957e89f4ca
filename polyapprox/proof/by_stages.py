# SPDX-License-Identifier: Apache-2.0
"""Proof of composites stage by stage: image and dead zone (see :mod:`polyapprox.proof.stages`)."""

from __future__ import annotations

from collections.abc import Callable

import mpmath
from flint import arb

from ..approximation import Approximation
from ..errors import ProofError
from ..numbers import ZERO, ball, exact, negate
from ..precision import working_precision
from .ranges import is_odd, range_on
from .stages import StageProof, dead_zone, handed_on, prove_stages
from .study import study_domain

_CLEARLY = 1.003
_MOST = 400  # cells
_NARROW = 1.0005  # ratio of the ends of a cell that is not halved any more

STEPS = ("sign", "step")
Method = tuple[mpmath.mpf, str, dict[str, object]]
_MAP_ERROR = arb((1, -390))  # of the width: the affine map of the first stage has 400 bits


def by_stages(approximation: Approximation) -> Method:
    """Bound of the error of a composite sign, step, |x|, ReLU, maximum or minimum.

    Raises
    ------
    ProofError
        If a stage is not odd, or the dead zone cannot be bounded.
    """
    small = max(mpmath.mpf(approximation.error_estimate), mpmath.mpf(2) ** -1000)
    bits = 128 + 2 * int(max(0.0, -float(mpmath.log(small, 2))))
    bits += 6 * max(approximation.degrees)
    with working_precision(bits):
        if approximation.function in STEPS:
            upper, proof = _constants(approximation)
        else:
            upper, proof = _absolute(approximation)
        images = [
            [str(mpmath.nstr(exact(r.smallest), 17)), str(mpmath.nstr(exact(r.largest), 17))]
            for r in proof.ranges
        ]
        width = ball(approximation.components[0].domain[1])
        upper = upper * (1 + arb((1, -60))) + width * _MAP_ERROR
        details: dict[str, object] = {"images": images}
        if approximation.guard and len(approximation.components) > 1:
            details["noise_between_stages"] = float(approximation.guard)
        return exact(upper.upper()), "stages", details


def _constants(approximation: Approximation) -> tuple[arb, StageProof]:
    """Largest distance from the sign (or step) on every part of what is covered."""
    components, noise = approximation.components, ball(approximation.guard)
    mirrored = all(is_odd(component) for component in components)
    halved = approximation.structure == "composite" and approximation.function == "step"
    left = 0 if approximation.function == "step" and not halved else -1
    upper = arb(0)
    for start, end, positive in _sides(approximation, mirrored and left == -1):
        if mirrored and not positive:
            proof = prove_stages(components, -end, -start, noise)
            low, high = -proof.image[1], -proof.image[0]
        else:
            proof = prove_stages(components, start, end, noise)
            low, high = proof.image
        value = 1 if positive else left
        upper = upper.max((value - low).max(high - value).upper())
    return upper / 2 if halved else upper, proof


def _sides(approximation: Approximation, even: bool) -> list[tuple[arb, arb, bool]]:
    """Intervals on one side of 0 with what is covered, and whether it is the positive side.

    Where the error is even in x, the negative ones that a positive one mirrors are left out.
    """
    parts = approximation.covered
    right = [(max(a, ZERO), b) for a, b in parts if b > 0]
    left = [(a, min(b, ZERO)) for a, b in parts if a < 0]
    if even:
        left = [
            (a, b) for a, b in left
            if not any(c <= negate(b) and negate(a) <= d for c, d in right)
        ]  # fmt: skip
    return [
        *((ball(a), ball(b), False) for a, b in left),
        *((ball(a), ball(b), True) for a, b in right),
    ]


def _absolute(approximation: Approximation) -> tuple[arb, StageProof]:
    """max |x s(x) + 2 offset − |x|| · (1/2 for ReLU), from image and dead zone."""
    if not all(is_odd(component) for component in approximation.components):
        raise ProofError("a composite |x| or ReLU of this size is proven only if its stages are odd")
    start_value = approximation.threshold
    if start_value is None:
        raise ProofError("a composite of this size needs its threshold for the proof")
    ends = [abs(ball(end)) for part in study_domain(approximation) for end in part]
    start, end = ball(start_value), ends[0].max(ends[-1])
    if not 0 < start < end:
        raise ProofError(
            f"threshold={mpmath.nstr(start_value, 8)} does not lie between 0 and the end of the "
            "interval"
        )
    proof = prove_stages(approximation.components, start, end, ball(approximation.guard))
    zone = dead_zone(proof, start)
    half = 2 if approximation.kin is None or approximation.kin.halved else 1
    offset = ball(approximation.offset)

    def error(value: arb) -> arb:
        """|offset − x (1 − s(x)) / half|"""
        return abs(offset - value / half)

    upper = error(zone[0]).max(error(zone[1])).upper()
    known = error(zone[2]).lower()
    return largest_in_tail(proof, (start, end), error, known).max(upper), proof


def largest_in_tail(
    proof: StageProof, interval: tuple[arb, arb], error: Callable[[arb], arb], known: arb
) -> arb:
    """Upper bound of error(x (1 − s(x))) on the interval that the stages were proven on.

    Parameters
    ----------
    proof : StageProof
    interval : (arb, arb)
        Positive.
    error : callable
        A convex function of that product.
    known : arb
        A lower bound of the largest error, from elsewhere.
    """
    start, end = interval
    for x in interval:
        known = known.max(error(_product(proof, x)).lower())
    largest, done = arb(0), 0
    stack = [(start, end, proof.image)]
    while stack:
        left, right, (smallest, greatest) = stack.pop()
        done += 1
        bound = _bound(left, right, smallest, greatest, error)
        narrow = right < left * _NARROW
        if bound <= known * _CLEARLY or narrow or done > _MOST:
            largest = largest.max(bound)
            continue
        middle = (left * right).sqrt().mid()
        known = known.max(error(_product(proof, middle)).lower())
        for cell in ((left, middle), (middle, right)):
            stack.append((*cell, _image(proof, *cell)))
    return largest


def _bound(
    left: arb, right: arb, smallest: arb, greatest: arb, error: Callable[[arb], arb]
) -> arb:
    above = (right * (1 - smallest)).max(left * (1 - smallest)).upper()
    below = (right * (1 - greatest)).min(left * (1 - greatest)).lower()
    return error(above).max(error(below)).upper()


def _product(proof: StageProof, x: arb) -> arb:
    value = x
    for form in proof.forms:
        value = form(value)
    return x * (1 - value)


def _image(proof: StageProof, low: arb, high: arb) -> tuple[arb, arb]:
    """Enclosure of s on a cell of the interval, within what is proven for all of it.

    What an enclosure of a stage is too wide would else grow through all the stages that follow.
    """
    for form, (least, most) in zip(proof.forms, proof.inputs, strict=True):
        low, high = low.max(least.lower()), high.min(most.upper())
        found = range_on(form, bool(low >= 0), low, high)
        low, high = handed_on(found, proof.noise)
    smallest, largest = proof.image
    return found.smallest.max(smallest.lower()), found.largest.min(largest.upper())
