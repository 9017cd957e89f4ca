# SPDX-License-Identifier: Apache-2.0
"""`polyapprox.reciprocal`: 1/x by a closed form that no polynomial of as few levels beats."""

from __future__ import annotations

import math

import mpmath

from ..approximation import Approximation
from ..errors import ArgumentError
from ..given import shown, whole
from ..numbers import ZERO, exact, log2
from ..outward import float_up
from ..plan.reciprocal import growth, reciprocal_plan
from ..precision import one_at_a_time, working_precision
from ..proof.covered import widened
from ..proof.prove import certified
from ..provenance import Provenance, call
from ..targets import as_target
from .arguments import Ends, read_interval, read_tolerance
from .guard import DEFAULT_GUARD, read_guard

FUNCTION, WEIGHT = "1/x", "1/abs(1/x)"
MOST_LEVELS = 15  # a degree of 2^15: what the proof expands
_BITS = 24  # of the constants, beyond those of error and interval
_ROOM = 1e-6  # of the error: for the rounding of the constants


@one_at_a_time
def reciprocal(
    *,
    interval: Ends,
    precision: float | None = None,
    levels: int | None = None,
    guard: float = DEFAULT_GUARD,
) -> Approximation:
    """1/x on an interval to a relative error, in the fewest levels that a polynomial can have.

    Parameters
    ----------
    interval : (float, float)
        0 < low < high.
    precision : float, optional
        Relative error.
    levels : int, optional
        Levels (rule "published"), from 2 to 15, in place of a precision.
    guard : float
        Inputs may leave the interval by so much of its larger end, as far as 1/x allows.

    Returns
    -------
    Approximation
        Of structure "circuit", weight "1/abs(1/x)": its bound is that of the relative error.

    Raises
    ------
    ArgumentError

    Notes
    -----
    d levels and 2 (d − 1) multiplications: Chebyshev's polynomial T_n of degree n = 2^d, composed
    of squarings (:mod:`polyapprox.plan.reciprocal`). No polynomial of degree 2^d − 1 has a smaller
    relative error, so d levels reach no more than one bit or so beyond it.

    Examples
    --------
    >>> r = reciprocal(interval=(2**-8, 1), precision=2**-10)
    >>> r.levels, r.multiplications, round(r(0.01), 1), r.bits > 10.5
    (6, 10, 100.1, True)
    """
    low, high = read_interval(interval)
    if low <= 0:
        raise ArgumentError(
            f"1/x needs an interval (low, high) with 0 < low < high; got {shown(interval)}"
        )
    over = read_guard(guard)
    target = as_target(FUNCTION)
    domain = ((exact(low), exact(high)),)
    covered = widened(domain, over, target)
    if (precision is None) == (levels is None):
        raise ArgumentError("give either precision, a relative error, or levels")
    if levels is None:
        steps = fewest_levels(covered[0], read_tolerance(precision, None, 1.0))
    else:
        steps = whole("levels", levels, 2, MOST_LEVELS)
    command = call(
        "reciprocal", interval=(low, high), levels=steps, guard=float(over),
        leave_out={"guard": DEFAULT_GUARD},
    )  # fmt: skip
    return certified(closed_form((low, high), steps, over, command, relative=True))


def closed_form(
    interval: tuple[float, float], steps: int, guard: mpmath.mpf, command: str, relative: bool
) -> Approximation:
    """It with so many levels, not yet proven; its error relative, or the absolute one it then has.

    Parameters
    ----------
    interval : (float, float)
        0 < low < high.
    steps : int
    guard : mpmath.mpf
    command : str
        For the provenance.
    relative : bool
    """
    domain = ((exact(interval[0]), exact(interval[1])),)
    covered = widened(domain, guard, as_target(FUNCTION))
    estimate, bits = estimate_of(covered[0], steps)
    return Approximation(
        function=FUNCTION,
        domain=domain,
        structure="circuit",
        components=(),
        plan=reciprocal_plan(*covered[0], steps, bits),
        offset=ZERO,
        weight=WEIGHT if relative else "1",
        error_estimate=estimate if relative else estimate / float(covered[0][0]),
        certificate=None,
        margins=(),
        provenance=Provenance.of(command),
        guard=guard,
        covered=covered,
    )


def estimate_of(covered: tuple[mpmath.mpf, mpmath.mpf], steps: int) -> tuple[float, int]:
    """The relative error, and the bits that the constants need for it."""
    with working_precision(128 + 4 * steps):
        error = exact((1 / growth(*covered, steps)).mid())
    bits = _BITS + math.ceil(log2(covered[1]) - log2(covered[0]) - log2(error))
    return float_up(error), max(bits, 53)


def fewest_levels(covered: tuple[mpmath.mpf, mpmath.mpf], wanted: float) -> int:
    """The fewest levels with that relative error.

    Raises
    ------
    ArgumentError
        If there are more than 15.
    """
    for steps in range(2, MOST_LEVELS + 1):
        if estimate_of(covered, steps)[0] <= wanted * (1 - _ROOM):
            return steps
    raise ArgumentError(
        f"1/x on [{float(covered[0]):.6g}, {float(covered[1]):.6g}] to {wanted:.3g} takes more than "
        f"{MOST_LEVELS} levels: ask for less, or shorten the interval"
    )
