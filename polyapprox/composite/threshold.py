# SPDX-License-Identifier: Apache-2.0
"""Where a composite sign starts to hold, chosen so that its ReLU is best.

With s within E of 1 on [eps, 1], the error of x(1 + s(x))/2 is −g, g(x) = x(1 − s(x))/2:
positive on [0, eps], where it has one hump, and between −E/2 and E/2 beyond. A constant offset
makes the largest and the smallest value of the error opposite. A smaller eps lowers the hump and
raises E.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import cast

import numpy as np

from .maps import map_gap, widened_gap
from .series import compose, stage_series
from .stage import error_of, log_gap

Array = np.ndarray

HEAD_POINTS = 257
SMALL_DEGREE = 300
FINEST = 1e-4  # of the threshold, relative: the step of the last grid is a tenth of it


@dataclass(frozen=True)
class Threshold:
    """The best threshold of a degree list and what it gives (estimates, sampled).

    Attributes
    ----------
    threshold : float
        eps, on the interval scaled to [−1, 1].
    error : float
        Largest |error| of the ReLU, offset included.
    offset : float
        The constant to add (0 if none was asked for).
    """

    threshold: float
    error: float
    offset: float


def double_composite(
    degrees: tuple[int, ...], threshold: float, guard: float = 0.0
) -> tuple[list[Array], float]:
    """Stages scaled to [−1, 1] (compact odd coefficients, float64) and the last error E.

    Each is made for what the one before gives, and by the guard (relative) for more.
    """
    gap = log_gap(threshold)
    stages: list[Array] = []
    error = 0.0
    for position, degree in enumerate(degrees):
        coefficients, gap = stage_series(degree, gap)
        error = float(error_of(gap))
        if position < len(degrees) - 1:
            coefficients = coefficients / ((1 + error) * (1 + guard))
            gap = float(widened_gap(gap, guard))
        stages.append(coefficients)
    return stages, error


def extremes(
    degrees: tuple[int, ...], threshold: float, guard: float = 0.0
) -> tuple[float, float, float]:
    """Largest g on [0, eps], largest and smallest g on [eps, 1]."""
    stages, error = double_composite(degrees, threshold, guard)
    x = threshold * np.linspace(0.0, 1.0, HEAD_POINTS)
    head = _peak(x * (1 - compose(stages, x)) / 2)
    total = math.prod(degrees)
    if total > SMALL_DEGREE:
        return head, error / 2, -error / 2
    angle = np.linspace(0.0, math.acos(threshold), 40 * total)
    x = np.cos(angle)
    g = x * (1 - compose(stages, x)) / 2
    return head, _peak(g), -_peak(-g)


def _peak(values: Array) -> float:
    """Largest value, a parabola through the three largest neighbours."""
    i = int(np.argmax(values))
    if i in (0, len(values) - 1):
        return float(values[i])
    left, top, right = values[i - 1 : i + 2]
    bend = left - 2 * top + right
    return float(top - (right - left) ** 2 / (8 * bend)) if bend else float(top)


def combine(high: Array | float, low: Array | float, offset: bool) -> Array | float:
    """Largest |error| when g runs from low to high, with the best constant or without one."""
    return (high - low) / 2 if offset else np.maximum(high, -low)


def at_threshold(
    degrees: tuple[int, ...], threshold: float, offset: bool = True, guard: float = 0.0
) -> Threshold:
    """What a degree list gives at a fixed threshold."""
    head, high, low = extremes(degrees, threshold, guard)
    high = max(head, high)
    error = float(combine(high, low, offset))
    return Threshold(threshold, error, (high + low) / 2 if offset else 0.0)


def best_threshold(
    degrees: tuple[int, ...], offset: bool = True, guard: float = 0.0
) -> Threshold:
    """The threshold that minimises the ReLU error of a degree list.

    Parameters
    ----------
    degrees : tuple of int
        Degrees of the stages, innermost first.
    offset : bool
        Whether a free constant may be added.
    guard : float
        By which each stage is made for more than the one before gives, relative.

    Notes
    -----
    E is taken from the stage maps on a grid of thresholds; the hump is modelled as a power of the
    threshold, its exponent measured, and the model is renewed until the threshold settles.

    Examples
    --------
    >>> best = best_threshold((7, 7))
    >>> -7.9 < math.log2(best.error) < -7.5
    True
    """
    center = _first_guess(degrees, guard)
    step = 0.05
    for _ in range(12):
        head, high, low = extremes(degrees, center, guard)
        moved = extremes(degrees, center * (1 + 1e-3), guard)
        power = math.log(moved[0] / head) / math.log1p(1e-3)
        error_here = float(error_of(_image(degrees, np.array([center]), guard)[0]))
        factors = np.exp(np.linspace(-20, 20, 401) * step)
        factors = factors[center * factors < 0.98]
        errors = error_of(_image(degrees, center * factors, guard))
        heads = head * factors**power
        model = combine(
            np.maximum(heads, errors * high / error_here), errors * low / error_here, offset
        )
        factor = float(factors[int(np.argmin(model))])
        center *= factor
        if step == FINEST and abs(math.log(factor)) < FINEST:
            break
        step = max(FINEST, min(step, abs(math.log(factor))) / 8)
    return at_threshold(degrees, center, offset, guard)


def _image(degrees: tuple[int, ...], thresholds: Array, guard: float) -> Array:
    """Log gaps of the image of the composition, from the stage maps."""
    gaps = np.log1p(-thresholds) - np.log(thresholds)
    for position, degree in enumerate(degrees):
        gaps = map_gap(degree, np.asarray(widened_gap(gaps, guard)) if position else gaps)
    return cast("Array", gaps)


def _first_guess(degrees: tuple[int, ...], guard: float) -> float:
    """The threshold at which E is about an eighth of it: near the optimum of every list."""
    grid = np.exp(-np.linspace(0.02, 150, 4000))
    image = _image(degrees, grid, guard)
    log_error = image - np.logaddexp(math.log(2), image)
    return float(grid[int(np.argmin(np.abs(log_error + math.log(8) - np.log(grid))))])
