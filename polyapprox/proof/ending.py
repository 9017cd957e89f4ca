# SPDX-License-Identifier: Apache-2.0
"""What an approximation makes of its last stage, as polynomials of the first degree."""

from __future__ import annotations

from dataclasses import dataclass

from flint import arb, arb_poly

from ..approximation import Approximation
from ..errors import ProofError
from ..numbers import ball


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
    function, structure, kin = approximation.function, approximation.structure, approximation.kin
    half, one, none = arb(1) / 2, arb_poly([0, 1]), arb_poly([])
    two = kin is not None and kin.inputs == 2
    if structure in ("polynomial", "direct"):
        return (one * kin.sign, arb_poly([half])) if kin and two else (one, none)
    if structure == "composition" and not two:
        return one, none
    if structure == "composite" and function == "sign":
        return one, none
    if structure == "composite" and function == "step":
        return arb_poly([half, half]), none
    if structure != "composite" or kin is None:
        raise ProofError(f"no {structure} is defined for the function {function!r}")
    if shift != 0:
        raise ProofError("the first stage of a composite needs a domain that is symmetric about 0")
    factor = slope * ball(approximation.components[0].domain[1])  # 1 to the 400 bits of the slope
    factor = factor / 2 if kin.halved else factor
    line = half if two else factor if kin.lined else arb(0)
    return arb_poly([ball(approximation.offset) * kin.sign]), one * (factor * kin.sign) + line
