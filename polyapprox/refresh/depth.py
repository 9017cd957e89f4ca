# SPDX-License-Identifier: Apache-2.0
"""Levels of a functional bootstrap, by OpenFHE's own count (``GetFEFBTDepth`` of 1.6.1).

They are the levels of the two linear transforms, of the complex exponential and its doublings, and
of the series. The transform from slots to coefficients runs before the modulus is raised, so that the
input must have its levels left (and one more); the count has them in. A plain bootstrap
(``GetBootstrapDepth``) is counted the same way: what runs after it comes on top.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import Any

from ..errors import ArgumentError
from ..given import sequence, whole, word

NATURAL_DEGREES = (1, 2, 4, 5, 13, 27, 59, 119, 247)
"""The largest degree for each number of levels that the series takes."""
HIGHEST = NATURAL_DEGREES[-1]
SECRETS = ("sparse-encapsulated", "sparse-ternary", "uniform-ternary")
_EXPONENTIAL = {"sparse-encapsulated": 10, "sparse-ternary": 10, "uniform-ternary": 15}
_REDUCTION = {"sparse-encapsulated": 10, "sparse-ternary": 10, "uniform-ternary": 14}
BUDGET = (3, 2)


def read_budget(budget: Any) -> tuple[int, int]:
    """Levels of CoeffsToSlots and of SlotsToCoeffs.

    Raises
    ------
    ArgumentError
    """
    values = sequence("budget", budget)
    if len(values) != 2:
        raise ArgumentError(f"budget must be two whole numbers, such as (3, 2); got {budget!r}")
    first, second = (whole("budget", value, 1, 16) for value in values)
    return first, second


def series_levels(degree: int) -> int:
    """Levels of the series alone: those beyond a series of degree 1.

    Raises
    ------
    ArgumentError
        If the degree is beyond what was counted.

    Examples
    --------
    >>> series_levels(13), series_levels(14)
    (4, 5)
    """
    return bisect_left(NATURAL_DEGREES, whole("degree", degree, 0, HIGHEST))


def functional_depth(
    degree: int, budget: Sequence[int] = BUDGET, secret: str = SECRETS[0]
) -> int:
    """Levels of a functional bootstrap with a series of a degree.

    Parameters
    ----------
    degree : int
        From 0 to 247.
    budget : (int, int)
        Levels of CoeffsToSlots and of SlotsToCoeffs.
    secret : {"sparse-encapsulated", "sparse-ternary", "uniform-ternary"}
        Distribution of the secret key.

    Examples
    --------
    >>> functional_depth(27), functional_depth(59, (4, 4)), functional_depth(27, secret=SECRETS[2])
    (20, 24, 25)
    """
    word("secret", secret, SECRETS)
    return sum(read_budget(budget)) + _EXPONENTIAL[secret] + series_levels(degree)


def plain_depth(budget: Sequence[int] = BUDGET, secret: str = SECRETS[0]) -> int:
    """Levels of a plain bootstrap.

    Examples
    --------
    >>> plain_depth()
    15
    """
    word("secret", secret, SECRETS)
    return sum(read_budget(budget)) + _REDUCTION[secret]
