# SPDX-License-Identifier: Apache-2.0
"""Constants of a chain to any precision, and a bound of what is left of the difference."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import mpmath
import numpy as np
from flint import arb, arb_poly

from ...errors import NotConvergedError
from ...numbers import ball, exact, rounded
from ...precision import working_precision
from .chain import Chain, Side
from .fit import Array, Evaluation, points

_ROUNDS = 60
_GUARD = 64


def run_chain(chain: Chain, constants: Sequence[Any], y: Any) -> Any:
    """Evaluate a chain on anything that has + and ·; for the family "times" with z = 1."""
    values = [y]
    place = 0
    if chain.family == "times":
        values.append(y * constants[0])
        place = 1

    def total(side: Side) -> Any:
        nonlocal place
        result = values[side.lead]
        if side.factor:
            result = result * constants[place]
        for offset, index in enumerate(side.scaled, place + side.factor):
            if constants[offset] != 0:
                result = result + values[index] * constants[offset]
        place += side.parameters
        if side.constant and constants[place - 1] != 0:
            result = result + constants[place - 1]
        return result

    for (left, right), centred in zip(chain.sides[:-1], chain.centred, strict=True):
        product = total(left) * total(right)
        product = product + product
        values.append(product - 1 if centred else product)
    return total(chain.sides[-1][0])


def refine_chain(
    chain: Chain,
    start: Array,
    free: Array,
    series: Sequence[mpmath.mpf],
    bits: int,
) -> tuple[mpmath.mpf, ...]:
    """Correct approximate constants until they carry so many bits.

    Each round adds about as many bits as double precision has: residuals are taken in ball
    arithmetic, the linear systems are solved in double precision.

    Raises
    ------
    NotConvergedError
        If the residuals stop falling.
    """
    y = points(chain)
    jacobian = Evaluation(chain, start, y).derivatives()[0][:, free]
    inverse = np.linalg.pinv(jacobian, rcond=1e-13)
    with working_precision(bits + 2 * _GUARD):
        at = [ball(exact(float(value))) for value in y]
        wanted = [_clenshaw([ball(c) for c in series], value) for value in at]
        constants = [ball(exact(float(c))) for c in start]
        places = np.flatnonzero(free)
        goal = arb((1, -(bits + _GUARD)))
        before = None
        for _ in range(_ROUNDS):
            rest = [w - run_chain(chain, constants, v) for w, v in zip(wanted, at, strict=True)]
            middle = [r.mid() for r in rest]
            size = max(abs(r) for r in middle)
            if size < goal:
                return tuple(rounded(exact(c), bits) for c in constants)
            if before is not None and not size < before / 4:
                break
            before = size
            step = inverse @ np.array([float(r / size) for r in middle])
            for place, change in zip(places, step, strict=True):
                constants[place] = (constants[place] + size * ball(exact(float(change)))).mid()
    raise NotConvergedError("the constants of the chain could not be refined")


def _clenshaw(series: Sequence[arb], u: Any) -> Any:
    first = second = u * 0
    for coefficient in reversed(series[1:]):
        first, second = 2 * u * first - second + coefficient, first
    return u * first - second + series[0]


def difference_bound(
    chain: Chain, constants: Sequence[mpmath.mpf], series: Sequence[mpmath.mpf], bits: int
) -> mpmath.mpf:
    """Proven bound of |what the chain computes − the series| on [-1, 1].

    Both are expanded in balls; the bound is the sum of the absolute values of the Chebyshev
    coefficients of the difference. (It holds for the exact constants given, not for others.)
    """
    with working_precision(bits + 8 * chain.degree + 2 * _GUARD):
        u = arb_poly([0, 1])
        computed = run_chain(chain, [ball(c) for c in constants], u)
        rest = computed - _clenshaw([ball(c) for c in series], u)
        total = arb(0)
        for coefficient in _in_chebyshev(rest.coeffs()):
            total += abs(coefficient)
        return exact(total.upper())


def _in_chebyshev(powers: Sequence[arb]) -> list[arb]:
    """Chebyshev coefficients of a polynomial given in powers: Horner's rule on series."""
    series: list[arb] = [arb(0)]
    for power in reversed(powers):
        moved = [arb(0)] * (len(series) + 1)
        for index, value in enumerate(series):
            if index == 0:
                moved[1] += value
            else:
                moved[index + 1] += value / 2
                moved[index - 1] += value / 2
        moved[0] += power
        series = moved
    return series
