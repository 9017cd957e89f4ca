# SPDX-License-Identifier: Apache-2.0
"""Which refined composites are shipped: the published lists, and the cheap ones for each precision.

A list is worth refining if, before refinement, it misses a precision by less than refinement
gains (up to 0.45 bit with a free constant, 0.05 bit without).
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from .refine import refine
from .refined import RefinedRelu
from .relu_search import pareto_relu

LARGEST_PRODUCT = 16_000
GAINS = {True: (0.0, 0.15, 0.25, 0.3, 0.35, 0.4, 0.45), False: (0.0, 0.04)}
BITS = {True: [4 + step / 2 for step in range(25)], False: [float(k) for k in range(4, 15)]}

# r_alpha of Lee et al. (arXiv 2105.10879), alpha = 4 … 14
PUBLISHED = (
    (5,),
    (13,),
    (3, 7),
    (7, 7),
    (7, 15),
    (15, 15),
    (7, 7, 13),
    (7, 7, 27),
    (7, 15, 27),
    (15, 15, 27),
    (15, 27, 29),
)
OTHERS = ((7, 7, 15), (7, 15, 15), (15, 15, 15), (15, 15, 29))


def catalogue_lists() -> list[tuple[tuple[int, ...], bool]]:
    """Degree lists with whether the offset is free, small compositions first."""
    lists: set[tuple[tuple[int, ...], bool]]
    lists = {(degrees, free) for degrees in PUBLISHED for free in (True, False)}
    lists |= {(degrees, True) for degrees in OTHERS}
    for free in (True, False):
        for bits in BITS[free]:
            for gain in GAINS[free]:
                for choice in pareto_relu(2.0 ** (gain - bits), offset=free):
                    if math.prod(choice.degrees) <= LARGEST_PRODUCT:
                        lists.add((choice.degrees, free))
    return sorted(lists, key=lambda item: (math.prod(item[0]), item))


def catalogue() -> Iterator[RefinedRelu]:
    """Refine every list of the catalogue (about half an hour on one core)."""
    for degrees, free in catalogue_lists():
        yield refine(degrees, free)
