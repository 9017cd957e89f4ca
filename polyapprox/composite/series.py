# SPDX-License-Identifier: Apache-2.0
"""Odd Chebyshev series in double precision: a stage's coefficients and their evaluation."""

from __future__ import annotations

from functools import lru_cache
from typing import cast

import numpy as np

from .stage import _gauss, critical_points, error_of

Array = np.ndarray


def evaluate(coefficients: Array, u: Array) -> Array:
    """sum_j c_j T_(2j+1)(u) by Clenshaw's recurrence in T_2, shape of u."""
    twice = 4 * u * u - 2
    first = np.zeros_like(u)
    second = np.zeros_like(u)
    for c in coefficients[::-1]:
        first, second = c + twice * first - second, first
    return cast("Array", u * (first - second))


def compose(stages: list[Array], x: Array) -> Array:
    """p_k(… p_1(x)) for stages of compact odd coefficients, innermost first."""
    for stage in stages:
        x = evaluate(stage, x)
    return x


@lru_cache(maxsize=64)
def _projection(count: int) -> tuple[Array, Array]:
    """Positive Chebyshev nodes of degree 2·count and the map from values there to c_j."""
    angle = np.pi * (np.arange(count) + 0.5) / (2 * count)
    index = 2 * np.arange(count) + 1
    return np.cos(angle), 2 / count * np.cos(index[:, None] * angle)


def stage_series(degree: int, gap: float) -> tuple[Array, float]:
    """Coefficients of T_1, T_3, … of the minimax stage whose input is scaled to b = 1.

    Parameters
    ----------
    degree : int
        Odd degree.
    gap : float
        Log gap of the input interval.

    Returns
    -------
    coefficients : ndarray, shape ((degree + 1)/2,)
        Absolute accuracy about 1e-15; the image is [1 − E, 1 + E].
    image : float
        Log gap of the image [1 − E, 1 + E].

    Examples
    --------
    >>> from polyapprox.composite.stage import error_of, log_gap
    >>> coefficients, image = stage_series(3, log_gap(0.5))
    >>> end = float(evaluate(coefficients, np.array([1.0]))[0])
    >>> abs(end - (1 - float(error_of(image)))) < 1e-15
    True
    """
    if degree == 1:
        return np.array([1 + error_of(gap)]), gap
    rho = critical_points(degree, np.array([gap]))[0]
    low, width = np.exp(-np.logaddexp(0, gap)), np.exp(-np.logaddexp(0, -gap))
    roots = low + width * rho
    knots = np.concatenate([[0.0, low], roots, [1.0]])
    swings = _primitive(knots[:-1], knots[1:], roots)
    rise, swing = swings[0], np.abs(swings[1:]).mean()
    constant = 1 / (rise + swing / 2)
    error = constant * swing / 2
    with np.errstate(divide="ignore"):  # no swing left in doubles: the image is the point 1
        image = float(np.log(swing) - np.log(rise))
    signs = (-1.0) ** np.arange(1, len(knots))
    at_knots = np.concatenate([[0.0], 1 + error * signs])
    nodes, project = _projection((degree + 1) // 2)
    piece = np.clip(np.searchsorted(knots, nodes) - 1, 0, len(knots) - 2)
    orientation = np.sign(swings[0]) * constant
    values = at_knots[piece] + orientation * _primitive(knots[piece], nodes, roots)
    return project @ values, image


def _primitive(start: Array, end: Array, roots: Array) -> Array:
    """Integrals of prod (s² − r²)·(±1) from start to end, positive next to 0."""
    nodes, weights = _gauss(len(roots) + 1)
    s = start[:, None] + (end - start)[:, None] * nodes
    factors = (roots - s[..., None]) * (roots + s[..., None])
    return cast("Array", (np.prod(factors, axis=-1) * weights).sum(axis=1) * (end - start))
