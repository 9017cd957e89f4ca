# SPDX-License-Identifier: Apache-2.0
"""The guard as an argument: by how much of B inputs may leave the domain.

What is then covered: :mod:`polyapprox.proof.covered`.
"""

from __future__ import annotations

import mpmath

from ..errors import ArgumentError
from ..given import as_float, shown
from ..numbers import exact

DEFAULT_GUARD = 2.0**-20
LARGEST_GUARD = 2.0**-4


def read_guard(guard: object) -> mpmath.mpf:
    """A number from 0 to 2^-4, held exactly.

    Raises
    ------
    ArgumentError

    Examples
    --------
    >>> float(read_guard(2**-20)) == 2**-20
    True
    """
    number = as_float(guard)
    if number is None or not 0 <= number <= LARGEST_GUARD:
        raise ArgumentError(
            "guard must be a number from 0 to 2^-4, by how much of the larger end of the interval "
            f"inputs may leave it, such as 2**-20; got {shown(guard)}"
        )
    return exact(number)
