# SPDX-License-Identifier: Apache-2.0
"""Choosing the next reference from the extrema of the error."""

from __future__ import annotations

import numpy as np

from .problem import Array


def thin_alternation(points: Array, values: Array, wanted: int) -> tuple[Array, Array] | None:
    """Drop surplus members of an alternating sequence, smallest first, keeping the largest.

    An end point may go alone; an inner one takes its smaller neighbour with it, so that the
    signs keep alternating. Returns None if there are fewer than `wanted` members.
    """
    kept = list(range(len(points)))
    size = np.abs(values)
    while len(kept) > wanted:
        if len(kept) == wanted + 1:
            del kept[0 if size[kept[0]] < size[kept[-1]] else -1]
            continue
        smallest = min(range(len(kept)), key=lambda i: size[kept[i]])
        if smallest in (0, len(kept) - 1):
            del kept[smallest]
            continue
        left, right = kept[smallest - 1], kept[smallest + 1]
        neighbour = smallest - 1 if size[left] < size[right] else smallest
        del kept[neighbour : neighbour + 2]
    if len(kept) < wanted:
        return None
    return points[kept], values[kept]


def exchange_one(nodes: Array, signs: Array, point: float, sign: float) -> Array:
    """Classical one-point exchange: bring `point` in, keep the alternation of signs.

    Parameters
    ----------
    nodes, signs : ndarray, shape (N + 2,)
        Reference and the signs of its error.
    point, sign : float
        Point of largest error and its sign.
    """
    place = int(np.searchsorted(nodes, point))
    new = nodes.copy()
    if place == 0:
        if signs[0] != sign:
            new = np.concatenate([[point], nodes[:-1]])
        else:
            new[0] = point
    elif place == len(nodes):
        if signs[-1] != sign:
            new = np.concatenate([nodes[1:], [point]])
        else:
            new[-1] = point
    elif signs[place] == sign:
        new[place] = point
    else:
        new[place - 1] = point
    return new
