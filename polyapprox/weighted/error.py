# SPDX-License-Identifier: Apache-2.0
"""How large an approximation's error is where the inputs are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ..approximation import Approximation
from ..circuits.search.graded import graded_angles
from ..errors import ArgumentError
from ..given import instance
from ..precision import one_at_a_time
from ..targets import as_target
from .density import Histogram, read_density

_LEVELS, _DENSITY = 14, 8  # of the grid: it is graded towards zero down to π/2^16


@dataclass(frozen=True)
class WeightedError:
    """Estimates, sampled: none of them is a bound.

    Attributes
    ----------
    rms : float
        Root mean square of the errors of the inputs, absolute.
    mean : float
        Their mean.
    outside : float
        Share of the inputs outside the interval; rms and mean leave them out.
    """

    rms: float
    mean: float
    outside: float


@one_at_a_time
def weighted_error(
    approximation: Approximation, *, histogram: Histogram | None = None, samples: ArrayLike | None = None
) -> WeightedError:
    """Root mean square and mean of an approximation's error on a distribution (estimates).

    Parameters
    ----------
    approximation : Approximation
        Of one argument, on an interval (-B, B).
    histogram : (edges, counts), optional
        Of the inputs; see :func:`polyapprox.weighted_relu`.
    samples : array_like, optional
        The inputs themselves, in place of a histogram.

    Returns
    -------
    WeightedError

    Raises
    ------
    ArgumentError
        If the distribution or the interval cannot be used.

    Examples
    --------
    >>> import numpy as np
    >>> import polyapprox
    >>> r = polyapprox.circuit("relu", multiplications=4)
    >>> found = weighted_error(r, samples=np.linspace(-0.2, 0.2, 1000))
    >>> bool(0 < found.rms < r.error_bound), found.outside
    (True, 0.0)
    """
    instance("approximation", approximation, Approximation, "an Approximation")
    low, high = (float(end) for end in approximation.interval)
    if approximation.plan.inputs != 1 or low != -high or len(approximation.domain) != 1:
        raise ArgumentError(
            f"the approximation is of {approximation.function!r} on [{low:g}, {high:g}]: give one "
            "of one argument on an interval (-B, B)"
        )
    density = read_density(histogram, samples)
    half = np.sin(graded_angles(_LEVELS, _DENSITY))
    points = high * np.concatenate([-half[:0:-1], half])
    mass = density.mass(points)
    inside = float(np.sum(mass))
    if not inside > 0:
        density.shares(half, high)  # says what is wrong
    error = approximation(points) - as_target(approximation.function).numpy(points)
    share = mass / inside
    return WeightedError(
        float(np.sqrt(share @ error**2)),
        float(share @ error),
        max(0.0, 1 - inside / float(density.below[-1])),
    )
