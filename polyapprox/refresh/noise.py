# SPDX-License-Identifier: Apache-2.0
"""What a series does to noise, proven: its values, its slope, and how it amplifies e^{iθ}.

With P(z) = Σ (a_j − i b_j) z^j, S = Re P(e^{iθ}), dS/dθ = Re(i z P'(z)), and noise δ in z changes
Re P(z) by Re(P'(z) δ), at most |P'(z)| |δ| to first order. Each is sampled on a mesh of the arc and
raised by what it may do between two points: half their distance times its largest slope, which is
sampled on the same mesh and raised by half the distance times Σ j² |c_j|, a bound of the second
derivative. Rounding in float64 is below 2^-40 of Σ |c_j| (degrees below 2^8, angles below 2).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from .value import Bootstrapped

_FINE = 0.005  # of the largest sample: what the mesh may add
_MOST = 1 << 17
_LEAST = 1 << 10
_CHUNK = 1 << 13
_ROUNDING = 2.0**-40
_GROW = 1 + 1e-12


@dataclass(frozen=True)
class Gains:
    """Bounds on what is covered: of |S|, of |dS/dx|, and of |P'|."""

    value: float
    slope: float
    amplification: float


def gains_of(series: Bootstrapped) -> Gains:
    """The bounds of a series.

    Examples
    --------
    >>> import polyapprox
    >>> found = gains_of(polyapprox.bootstrapped("cos(pi*x)", degree=1, interval=(-0.5, 0.5), guard=0))
    >>> round(found.amplification, 2), round(found.value, 2)
    (1.0, 1.0)
    """
    rate = math.pi / float(series.width) * _GROW
    complex_ = np.array(
        [complex(float(a), -float(b)) for a, b in zip(series.cosines, series.sines, strict=True)]
    )
    centre = float(series.centre)
    arcs = [
        ((float(low) - centre) * rate - 1e-12, (float(high) - centre) * rate + 1e-12)
        for low, high in series.covered
    ]
    order = np.arange(len(complex_))
    value = _largest(complex_, arcs, real=True)
    slope = _largest(1j * order * complex_, arcs, real=True)
    whole = _largest(order * complex_, arcs, real=False)
    return Gains(value, slope * rate * _GROW, whole)


def _largest(coefficients: np.ndarray, arcs: list[tuple[float, float]], real: bool) -> float:
    """Bound of |Σ c_j e^{ijθ}|, or of its real part, on the arcs."""
    order, count = np.arange(len(coefficients)), _LEAST
    size, bend = float(np.sum(np.abs(coefficients))), float(np.sum(order**2 * np.abs(coefficients)))
    slopes = 1j * order * coefficients
    while True:
        half = max(high - low for low, high in arcs) / count / 2
        sampled = _sampled(coefficients, arcs, count, real)
        between = half * (_sampled(slopes, arcs, count, real) + half * bend)
        if between <= _FINE * sampled or count >= _MOST:
            return (sampled + between + size * _ROUNDING) * _GROW
        count *= 4


def _sampled(
    coefficients: np.ndarray, arcs: list[tuple[float, float]], count: int, real: bool
) -> float:
    largest = 0.0
    for low, high in arcs:
        for start in range(0, count + 1, _CHUNK):
            index = np.arange(start, min(start + _CHUNK, count + 1))
            z = np.exp(1j * (low + (high - low) * (index / count)))
            values = np.polyval(coefficients[::-1], z)
            largest = max(largest, float(np.max(np.abs(values.real if real else values))))
    return largest
