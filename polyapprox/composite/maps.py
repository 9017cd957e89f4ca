# SPDX-License-Identifier: Apache-2.0
"""Stage maps: from the log gap of an interval to that of its image, for degrees 3 … 63.

With c = ln(b/a − 1), delta = 1 − a/b and d = 2n + 1, the map of the minimax stage is

    c' = (n + 1) ln(delta) − ln(1 − delta) + g_d(delta),    0 < delta < 1,

where g_d is analytic on [0, 1]; the two logarithms carry both asymptotic regimes (superlinear
convergence as a/b → 1, growth by a constant factor as a/b → 0). The Chebyshev coefficients of g_d
are shipped; ``python -m polyapprox.composite.maps`` makes the file.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import cast

import numpy as np

from ..errors import ArgumentError
from . import shipped
from .stage import next_gap

Array = np.ndarray

FILE = "stage_maps.json"
COMMAND = "python -m polyapprox.composite.maps"
DEGREES = tuple(range(3, 64, 2))
NODES = 128
CUT = 2e-14


def smooth_part(degree: int, delta: Array) -> Array:
    """g_d(delta), from the exact solver."""
    gap = np.log(delta) - np.log1p(-delta)
    return cast("Array", next_gap(degree, gap) - (degree + 1) // 2 * np.log(delta) + np.log1p(-delta))


def make_map(degree: int) -> list[float]:
    """Chebyshev coefficients of g_d in 2·delta − 1, those below the rounding error cut off."""
    angle = np.pi * (np.arange(NODES) + 0.5) / NODES
    values = smooth_part(degree, (np.cos(angle) + 1) / 2)
    coefficients = 2 / NODES * np.cos(np.arange(NODES)[:, None] * angle) @ values
    coefficients[0] /= 2
    keep = int(np.flatnonzero(np.abs(coefficients) > CUT * degree)[-1]) + 1
    return [float(c) for c in coefficients[:keep]]


@lru_cache(maxsize=1)
def stage_maps() -> dict[int, Array]:
    """Degree → Chebyshev coefficients of g_d, read from the shipped file."""
    table = shipped.read(FILE)
    return {int(d): np.array(c) for d, c in table["coefficients"].items()}


def map_gap(degree: int, gap: Array) -> Array:
    """Log gap of the image, by interpolation (absolute error below 1e-11).

    Parameters
    ----------
    degree : int
        1, or an odd degree from 3 to 63.
    gap : ndarray
        Log gaps of the inputs, any shape; +inf stays +inf.

    Raises
    ------
    ArgumentError
        For a degree without a map.

    Examples
    --------
    >>> from polyapprox.composite.stage import next_gap
    >>> gap = np.array([-3.0, 0.5, 20.0])
    >>> bool(np.allclose(map_gap(7, gap), next_gap(7, gap), rtol=0, atol=1e-11))
    True
    """
    if degree == 1:
        return gap
    maps = stage_maps()
    if degree not in maps:
        raise ArgumentError(f"degree is {degree}: stage maps exist for odd degrees from 3 to 63")
    minus_log_delta, minus_log_ratio = np.logaddexp(0, -gap), np.logaddexp(0, gap)
    twice = 4 * np.exp(-minus_log_delta) - 2
    first = np.zeros_like(twice)
    second = np.zeros_like(twice)
    coefficients = maps[degree]
    for c in coefficients[:0:-1]:
        first, second = c + twice * first - second, first
    smooth = coefficients[0] + twice / 2 * first - second
    return cast("Array", smooth - (degree + 1) // 2 * minus_log_delta + minus_log_ratio)


def widened_gap(gap: Array | float, guard: float) -> Array | float:
    """Log gap of an interval [a(1 − guard), b(1 + guard)] from that of [a, b].

    Examples
    --------
    >>> import math
    >>> math.isclose(float(widened_gap(0.0, 2**-10)), math.log(2 * (1025 / 1023) - 1))
    True
    """
    if not guard:
        return gap
    growth = 2 * guard / (1 - guard)
    return np.logaddexp(gap + math.log1p(growth), math.log(growth))


def main() -> None:
    """Make the shipped file again."""
    table = {
        "what": "Chebyshev coefficients of g_d in 2·delta − 1, see polyapprox.composite.maps",
        "command": COMMAND,
        "coefficients": {str(d): make_map(d) for d in DEGREES},
    }
    shipped.write(FILE, table)


if __name__ == "__main__":
    main()
