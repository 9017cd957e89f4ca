"""A plan and its components must be one polynomial."""

from __future__ import annotations

from flint import arb

from ..approximation import Approximation
from ..errors import ProofError
from ..numbers import ball
from ..precision import working_precision
from ..structures import TWO_ARGUMENTS, compose

_POINTS = 6


def check_agreement(approximation: Approximation) -> None:
    """Compare plan and components at pseudo-random points, in balls, to 96 digits.

    Adapted coefficients are rounded to 400 bits, so a plan may differ from the components by
    about 2^-390 of the largest coefficient; a wrong plan differs by much more.

    Raises
    ------
    ProofError
        If they differ, or the plan takes another number of arguments than the function.
    """
    arguments = 2 if approximation.function in TWO_ARGUMENTS else 1
    if approximation.plan.inputs != arguments:
        raise ProofError(
            f"the plan takes {approximation.plan.inputs} argument(s) and the function "
            f"{approximation.function!r} {arguments}"
        )
    if approximation.structure == "circuit":
        return
    seed = int(approximation.plan.digest[:12], 16)
    bits = 400 + 8 * sum(c.degree for c in approximation.components)
    low, high = approximation.interval
    slack = arb((1, -320)) * max(1.0, approximation.largest_coefficient)
    with working_precision(bits):
        for _ in range(_POINTS):
            seed = (seed * 6364136223846793005 + 1442695040888963407) % 2**64
            x = ball(low) + (ball(high) - ball(low)) * arb((seed >> 11, -53))
            point = [x, x * x / 3] if arguments == 2 else [x]
            left = approximation.plan.run(*point)
            right = compose(approximation, *point, lift=ball)
            if not (left - right).abs_upper() < slack:
                raise ProofError("the plan does not compute what the components say")
