"""Composite sign with a cushion, as in the published Polar Express tables.

Amsel, Persson, Musco, Gower, arXiv 2505.16932: where the lower end l of a stage's interval [l, u]
is below cushion·u, the stage is made for [cushion·u, u] and then scaled so that its values at l
and u are symmetric about 1. Early stages lose a little, slopes stay moderate. (The paper's other
device, a safety factor 1.01 on the input, is not in its printed table.)
"""

from __future__ import annotations

import numpy as np
from numpy.polynomial import chebyshev

from polyapprox.composite.series import stage_series
from polyapprox.composite.stage import check_degree, log_gap
from polyapprox.errors import ArgumentError

Array = np.ndarray

POLAR_EXPRESS_CUSHION = 0.02407327424182761


def cushioned_composite(
    degrees: tuple[int, ...], ratio: float, cushion: float = POLAR_EXPRESS_CUSHION
) -> list[Array]:
    """Stages in powers x, x³, x⁵, …, each on the interval where the one before leaves off.

    Parameters
    ----------
    degrees : tuple of int
        Odd degrees of at most 15 (the power basis is not for more), innermost first.
    ratio : float
        Left end of the first interval [ratio, 1].
    cushion : float
        Smallest l/u that a stage is made for; 0 for none.

    Returns
    -------
    list of ndarray, shape ((degree + 1)/2,)

    Raises
    ------
    ArgumentError
        For a degree that is not odd or above 15, or a ratio outside (0, 1).

    Examples
    --------
    >>> cushioned_composite((5,), 1e-3)[0].round(4).tolist()
    [8.2872, -23.5959, 17.3004]
    """
    if not 0 < ratio < 1:
        raise ArgumentError(f"ratio is {ratio}: give a number strictly between 0 and 1")
    low, high = float(ratio), 1.0
    stages = []
    for degree in degrees:
        check_degree(degree)
        if degree > 15:
            raise ArgumentError(f"degree is {degree}: the power basis is offered up to 15")
        powers = np.arange(1, degree + 1, 2)
        coefficients = _powers(degree, max(low / high, cushion)) / high**powers
        at_low, at_high = (float(coefficients @ x**powers) for x in (low, high))
        if low < cushion * high:
            coefficients = coefficients * 2 / (at_low + at_high)
        stages.append(coefficients)
        low = float(coefficients @ low**powers)
        high = 2 - low
    return stages


def _powers(degree: int, ratio: float) -> Array:
    """Coefficients of x, x³, … of the minimax stage on [ratio, 1]; its limit as ratio → 1."""
    gap = log_gap(min(ratio, 1 - 2.0**-40))
    full = np.zeros(degree + 1)
    full[1::2] = stage_series(degree, gap)[0]
    return chebyshev.cheb2poly(full)[1::2]
