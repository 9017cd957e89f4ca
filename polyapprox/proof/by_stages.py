"""Proof of composites stage by stage: image and dead zone (see :mod:`polyapprox.proof.stages`)."""

from __future__ import annotations

import mpmath
from flint import arb

from ..approximation import Approximation
from ..errors import ProofError
from ..numbers import ball, exact
from ..precision import working_precision
from .stages import StageProof, dead_zone, prove_stages

Method = tuple[mpmath.mpf, str, dict[str, object]]
_MAP_ERROR = arb((1, -390))  # of the width: the affine map of the first stage has 400 bits


def by_stages(approximation: Approximation) -> Method:
    """Bound of the error of a composite sign, step, |x|, ReLU, maximum or minimum.

    Raises
    ------
    ProofError
        If a stage is not odd, or the dead zone cannot be bounded.
    """
    function = approximation.function
    small = max(mpmath.mpf(approximation.error_estimate), mpmath.mpf(2) ** -1000)
    bits = 128 + 2 * int(max(0.0, -float(mpmath.log(small, 2))))
    bits += 6 * max(approximation.degrees)
    if any(component.parity != "odd" for component in approximation.components):
        raise ProofError("a composite is proven stage by stage only if its stages are odd")
    with working_precision(bits):
        if function in ("sign", "step"):
            sizes = [abs(end) for part in approximation.domain for end in part]
            start, end = ball(min(sizes)), ball(max(sizes))
            proof = prove_stages(approximation.components, start, end)
            low, high = proof.image
            upper = (1 - low).max(high - 1)
            if function == "step":
                upper = upper / 2
        else:
            upper, proof = _absolute(approximation)
        images = [
            [str(mpmath.nstr(exact(r.smallest), 17)), str(mpmath.nstr(exact(r.largest), 17))]
            for r in proof.ranges
        ]
        width = ball(approximation.components[0].domain[1])
        upper = upper * (1 + arb((1, -60))) + width * _MAP_ERROR
        return exact(upper.upper()), "stages", {"images": images}


def _absolute(approximation: Approximation) -> tuple[arb, StageProof]:
    """max |x s(x) + 2 offset − |x|| · (1/2 for ReLU), from image and dead zone."""
    start_value = approximation.threshold
    if start_value is None:
        raise ProofError("a composite of this size needs its threshold for the proof")
    _, high = approximation.components[0].domain
    start, end = ball(start_value), ball(high)
    proof = prove_stages(approximation.components, start, end)
    tail_low, tail_high = proof.image
    zone_low, zone_high, _ = dead_zone(proof, start)
    greatest = zone_high.max((end * (1 - tail_low)).upper())
    least = zone_low.min((end * (1 - tail_high)).lower())
    half = 1 if approximation.function == "abs" else 2
    offset = ball(approximation.offset)
    return abs(offset - greatest / half).max(abs(offset - least / half)).upper(), proof
