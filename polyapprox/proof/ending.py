"""What an approximation makes of its last stage, as polynomials of the first degree."""

from __future__ import annotations

from dataclasses import dataclass

from flint import arb, arb_poly

from ..approximation import Approximation
from ..errors import ProofError
from ..numbers import ball
from ..structures import TWO_ARGUMENTS


@dataclass(frozen=True)
class Ending:
    """r = plain(s) + x · times(s), with s the value of the last stage (x = a − b along b = 0).

    Attributes
    ----------
    plain, times : arb_poly
        In s.
    argument : arb_poly
        x in the unit variable of the first stage.
    reach : arb
        Largest |x|.
    """

    plain: arb_poly
    times: arb_poly
    argument: arb_poly
    reach: arb


def ending_of(approximation: Approximation, reach: arb) -> Ending:
    """As :mod:`polyapprox.structures` says it, in the current precision.

    Raises
    ------
    ProofError
        If no such structure is defined for the function, or its components do not fit it.
    """
    slope, shift = (ball(number) for number in approximation.components[0].unit_map)
    plain, times = _plain_and_times(approximation, slope, shift)
    return Ending(plain, times, arb_poly([-shift / slope, 1 / slope]), reach)


def _plain_and_times(
    approximation: Approximation, slope: arb, shift: arb
) -> tuple[arb_poly, arb_poly]:
    function, structure = approximation.function, approximation.structure
    two = function in TWO_ARGUMENTS
    sign = -1 if function == "minimum" else 1
    half, one, none = arb(1) / 2, arb_poly([0, 1]), arb_poly([])
    if structure in ("polynomial", "direct"):
        return (one * sign, arb_poly([half])) if two else (one, none)
    if structure == "composition" and not two:
        return one, none
    if structure == "composite" and function == "sign":
        return one, none
    if structure == "composite" and function == "step":
        return arb_poly([half, half]), none
    if structure != "composite" or function not in ("abs", "relu", *TWO_ARGUMENTS):
        raise ProofError(f"no {structure} is defined for the function {function!r}")
    if shift != 0:
        raise ProofError("the first stage of a composite needs a domain that is symmetric about 0")
    offset = arb_poly([ball(approximation.offset) * sign])
    factor = slope * ball(approximation.components[0].domain[1])  # 1 to the 400 bits of the slope
    if function == "abs":
        return offset, one * factor
    if function == "relu":
        return offset, (one + 1) * (factor / 2)
    return offset, one * (factor * sign / 2) + half
