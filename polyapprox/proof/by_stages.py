"""Proof of composites stage by stage: image and dead zone (see :mod:`polyapprox.proof.stages`)."""

from __future__ import annotations

import mpmath
from flint import arb

from ..approximation import Approximation
from ..errors import ProofError
from ..numbers import ball, exact
from ..precision import working_precision
from .stages import StageProof, dead_zone, prove_stages
from .study import study_domain

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
    constants = approximation.structure == "composition" or approximation.function in STEPS
    with working_precision(bits):
        upper, proof = (_constants if constants else _absolute)(approximation)
        images = [
            [str(mpmath.nstr(exact(r.smallest), 17)), str(mpmath.nstr(exact(r.largest), 17))]
            for r in proof.ranges
        ]
        width = ball(approximation.components[0].domain[1])
        upper = upper * (1 + arb((1, -60))) + width * _MAP_ERROR
        return exact(upper.upper()), "stages", {"images": images}


def _constants(approximation: Approximation) -> tuple[arb, StageProof]:
    """Largest distance from the sign (or step) on both sides of the gap."""
    odd = all(component.parity == "odd" for component in approximation.components)
    parts = [(ball(a), ball(b)) for a, b in approximation.covered]
    if odd:
        sizes = [abs(end) for part in parts for end in part]
        parts = [(_least(sizes), _greatest(sizes))]
    of_step = approximation.function == "step"
    halve = of_step and approximation.structure == "composite"
    upper = arb(0)
    for start, end in reversed(parts):
        proof = prove_stages(approximation.components, start, end)
        low, high = proof.image
        value = 1 if end > 0 else 0 if of_step and not halve else -1
        upper = upper.max((value - low).max(high - value).upper())
    return upper / 2 if halve else upper, proof


def _least(values: list[arb]) -> arb:
    least = values[0]
    for value in values[1:]:
        least = least.min(value)
    return least


def _greatest(values: list[arb]) -> arb:
    return -_least([-value for value in values])


def _farthest(approximation: Approximation) -> arb:
    """The largest |x| that is covered."""
    return _greatest([abs(ball(end)) for part in study_domain(approximation) for end in part])


def _absolute(approximation: Approximation) -> tuple[arb, StageProof]:
    """max |x s(x) + 2 offset − |x|| · (1/2 for ReLU), from image and dead zone."""
    if any(component.parity != "odd" for component in approximation.components):
        raise ProofError("a composite |x| or ReLU of this size is proven only if its stages are odd")
    start_value = approximation.threshold
    if start_value is None:
        raise ProofError("a composite of this size needs its threshold for the proof")
    start, end = ball(start_value), _farthest(approximation)
    proof = prove_stages(approximation.components, start, end)
    tail_low, tail_high = proof.image
    zone_low, zone_high, _ = dead_zone(proof, start)
    greatest = zone_high.max((end * (1 - tail_low)).upper())
    least = zone_low.min((end * (1 - tail_high)).lower())
    half = 1 if approximation.function == "abs" else 2
    offset = ball(approximation.offset)
    return abs(offset - greatest / half).max(abs(offset - least / half)).upper(), proof
