# SPDX-License-Identifier: Apache-2.0
"""Where a function is zero: what a relative error has to know."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import mpmath
from flint import arb, arb_series

from ..numbers import add, ball
from ..precision import working_precision

if TYPE_CHECKING:
    from ..targets import Target

_BITS = (128, 1100, 4400)
_BUDGET = 40_000  # cells
_DEEPEST = 1100  # halvings of an interval that begins at 0


def another_zero(target: Target, intervals: Sequence[tuple[mpmath.mpf, mpmath.mpf]]) -> float | None:
    """Where a function is zero, or cannot be told from it, but for a simple zero at 0; None if nowhere.

    By balls, with more bits where few do not decide.
    """
    found = None
    for bits in _BITS:
        with working_precision(bits):
            found = _search(target, intervals, bits)
        if found is None:
            break
    return found


def _enclosures(target: Target, x: arb) -> Iterator[arb]:
    """Of f on a ball: its own, and that of the mean value theorem."""
    yield target.ball(x)
    centre = x.mid()
    yield target.ball(centre) + target.series(arb_series([x, 1], 2))[1] * (x - centre)


def _search(
    target: Target, parts: Sequence[tuple[mpmath.mpf, mpmath.mpf]], bits: int
) -> float | None:
    vanishes = target.ball(arb(0)) == 0
    if vanishes and any(a <= 0 <= b for a, b in parts):
        slope = target.over_x.ball(arb(0))
        if not slope.is_finite() or slope.contains(0):
            return 0.0
    cells = [(a, b, 0) for a, b in reversed(parts)]
    for _ in range(_BUDGET):
        if not cells:
            return None
        low, high, depth = cells.pop()
        x = ball(low).union(ball(high))
        if any(v.is_finite() and not v.contains(0) for v in _enclosures(target, x)):
            continue
        holds_origin = low <= 0 <= high
        if holds_origin and vanishes:
            slope = target.over_x.ball(x)
            if slope.is_finite() and not slope.contains(0):
                continue
        middle = mpmath.ldexp(add(low, high), -1)
        narrow = add(high, -low) < max(abs(low), abs(high)) * mpmath.mpf(2) ** (-bits // 2)
        if narrow or depth >= _DEEPEST or (holds_origin and high - low < mpmath.mpf(2) ** -200):
            return float(middle)
        cells += [(middle, high, depth + 1), (low, middle, depth + 1)]
    return float(cells[-1][0]) if cells else None
