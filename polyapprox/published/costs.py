# SPDX-License-Identifier: Apache-2.0
"""Published ways to compute ReLU at a precision, with their published costs.

Costs follow the tables of Lee, Lee, No and Kim (eprint 2020/834, func.cpp of their code): rule
"published", the final product by x included. They are fixed here: that our own plans of the same
degrees may cost less changes nothing of what was published.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from .composites import ALPHAS, published_degrees

FILE = Path(__file__).with_name("published.json")
_MULTIPLICATIONS = {
    3: 2, 5: 3, 7: 5, 9: 5, 11: 6, 13: 7, 15: 8, 17: 8, 19: 8, 21: 9, 23: 9, 25: 10, 27: 10,
    29: 11, 31: 12,
}  # fmt: skip
# Defaults of frameworks: name, degrees, precision of the ReLU in bits that they reach on [-1, 1].
_DEFAULTS = (
    ("ANT-ACE's default", (7, 15, 13), 10.43),
    ("Orion's default", (15, 15, 27), 11.43),
    ("Lattigo's default", (15, 15, 15, 17, 31, 31, 31, 31), 21.93),
)


@dataclass(frozen=True)
class Published:
    """A published composite for ReLU.

    Attributes
    ----------
    name : str
    degrees : tuple of int
        Innermost first.
    multiplications, levels : int
        As published, with the final product by x.
    """

    name: str
    degrees: tuple[int, ...]
    multiplications: int
    levels: int


def published_cost(degrees: tuple[int, ...]) -> tuple[int, int]:
    """Multiplications and levels of a ReLU composite as published, product by x included.

    Examples
    --------
    >>> published_cost((15, 15)), published_cost((15, 27, 29))
    ((17, 9), (30, 15))
    """
    multiplications = sum(_MULTIPLICATIONS[degree] for degree in degrees) + 1
    return multiplications, sum(degree.bit_length() for degree in degrees) + 1


def published_points(bits: int) -> tuple[Published, ...]:
    """What is published for ReLU at precision 2^-bits on [-1, 1].

    Parameters
    ----------
    bits : int
        From 4 to 20.

    Returns
    -------
    tuple of Published
        r_alpha with alpha = bits (4 to 14; at 4 and 5 its coefficients miss the precision); the
        sets for the comparison of precision alpha, which give ReLU the precision 2^-alpha; the
        defaults of frameworks that are at least as precise.

    Notes
    -----
    A sign within 2^(1 − alpha) of ±1 for abs(x) >= 2^-alpha gives a ReLU x (1 + s(x))/2 within
    2^-alpha: outside the gap by the sign's error, inside because both values are within
    [0, 2^-alpha].

    Examples
    --------
    >>> [point.name for point in published_points(9)][:2]
    ['r_9', 'comparison, alpha = 9']
    """
    found = []
    if bits in ALPHAS:
        found.append(_point(f"r_{bits}", published_degrees(bits)))
    found += [
        _point(f"comparison, alpha = {bits}", degrees) for degrees in _comparison().get(bits, ())
    ]
    found += [_point(name, degrees) for name, degrees, reached in _DEFAULTS if reached >= bits]
    return tuple(found)


def _point(name: str, degrees: tuple[int, ...]) -> Published:
    return Published(name, degrees, *published_cost(degrees))


@lru_cache(maxsize=1)
def _comparison() -> dict[int, tuple[tuple[int, ...], ...]]:
    content = json.loads(FILE.read_text(encoding="utf-8"))
    return {
        int(alpha): tuple(tuple(degrees) for degrees in lists)
        for alpha, lists in content["comparison"].items()
    }
