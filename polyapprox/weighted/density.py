# SPDX-License-Identifier: Apache-2.0
"""Where the inputs are: a histogram as a distribution, and its shares on a grid."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..errors import ArgumentError
from ..given import floats
from ..words import counted

BINS = 4096
Histogram = tuple[Any, Any]


@dataclass(frozen=True)
class Density:
    """A distribution of inputs, spread evenly inside each bin.

    Attributes
    ----------
    edges : numpy.ndarray, shape (bins + 1,)
        Ascending.
    below : numpy.ndarray, shape (bins + 1,)
        Inputs below each edge (counts or shares).
    counts : numpy.ndarray, shape (bins,)
        Inputs in each bin, as given.
    """

    edges: np.ndarray
    below: np.ndarray
    counts: np.ndarray

    def mass(self, points: np.ndarray) -> np.ndarray:
        """Inputs nearest to each of the ascending points, between the first and the last of them."""
        borders = np.concatenate([points[:1], (points[1:] + points[:-1]) / 2, points[-1:]])
        return np.diff(np.interp(borders, self.edges, self.below))

    def shares(self, points: np.ndarray, width: float) -> np.ndarray:
        """Shares of |x|/W nearest to each point, of the inputs in [-W, W]; summing to 1.

        Parameters
        ----------
        points : numpy.ndarray, shape (n,)
            Ascending, from 0 to 1.
        width : float
            W.

        Raises
        ------
        ArgumentError
            If no input lies in the interval.
        """
        both = self.mass(width * np.concatenate([-points[:0:-1], points]))
        last = len(points) - 1
        folded = both[last:].copy()
        folded[1:] += both[last - 1 :: -1] if last else 0.0
        total = float(np.sum(folded))
        if not total > 0:
            raise ArgumentError(
                f"no input lies in the interval [-{width:g}, {width:g}]: all lie in "
                f"[{self.edges[0]:g}, {self.edges[-1]:g}]; give the interval of the layer that "
                "these inputs belong to"
            )
        return np.asarray(folded / total)

    @property
    def digest(self) -> str:
        """SHA-256 of the distribution, the scale of its counts left out."""
        content = np.concatenate([self.edges, self.below / self.below[-1]])
        return hashlib.sha256(content.astype("<f8").tobytes()).hexdigest()


def read_density(histogram: Histogram | None, samples: ArrayLike | None) -> Density:
    """The distribution that a user gives.

    Parameters
    ----------
    histogram : (edges, counts) or None
        As of :func:`numpy.histogram`: n + 1 ascending edges and n counts, or shares.
    samples : array_like of any shape, or None
        Inputs themselves.

    Raises
    ------
    ArgumentError
        If not exactly one is given, it is empty, or holds what is no distribution.

    Examples
    --------
    >>> import numpy as np
    >>> density = read_density(([-1, 0, 2], [3, 1]), None)
    >>> density.shares(np.array([0.0, 0.5, 1.0]), 1.0).round(3).tolist()
    [0.25, 0.5, 0.25]
    """
    if (histogram is None) == (samples is None):
        raise ArgumentError(
            "give exactly one of histogram, a pair (edges, counts), and samples, an array of inputs"
        )
    return _of_histogram(histogram) if samples is None else _of_samples(samples)


def _of_histogram(histogram: Any) -> Density:
    try:
        edges, counts = histogram
    except (TypeError, ValueError):
        raise ArgumentError(
            f"histogram must be a pair (edges, counts), as numpy.histogram's result turned round; "
            f"got a {type(histogram).__name__}"
        ) from None
    edges, counts = _numbers("the edges of histogram", edges), _numbers(
        "the counts of histogram", counts
    )
    if len(counts) == 0 or len(edges) != len(counts) + 1:
        raise ArgumentError(
            f"histogram needs one edge more than counts, and a count at least; got "
            f"{counted(len(edges), 'edge')} and {counted(len(counts), 'count')}"
        )
    if not np.all(np.diff(edges) > 0):
        raise ArgumentError("the edges of histogram must ascend; sort them and merge equal ones")
    if np.any(counts < 0):
        raise ArgumentError(
            f"the counts of histogram must not be negative; got {float(np.min(counts))!r}"
        )
    if not np.any(counts > 0):
        raise ArgumentError("all counts of histogram are zero: give one of a layer that has inputs")
    with np.errstate(over="ignore"):
        below = np.concatenate([[0.0], np.cumsum(counts)])
    if not np.isfinite(below[-1]):
        raise ArgumentError("the counts of histogram sum to infinity: divide them by their largest")
    return Density(edges, below, counts)


def _of_samples(samples: ArrayLike) -> Density:
    values = _numbers("samples", samples)
    if not len(values):
        raise ArgumentError("samples is empty: give the inputs of the layer")
    low, high = float(np.min(values)), float(np.max(values))
    if not high > low:  # one value: a bin around it
        room = max(abs(low), 1.0) * 1e-9
        low, high = low - room, high + room
    counts, edges = np.histogram(values, BINS, (low, high))
    return _of_histogram((edges, counts))


def _numbers(name: str, values: Any) -> np.ndarray:
    array = floats(name, values).ravel()
    if not np.all(np.isfinite(array)):
        bad = array[~np.isfinite(array)][0]
        raise ArgumentError(f"{name} must be finite; got {bad}: leave out what is not a number")
    return array
