# SPDX-License-Identifier: Apache-2.0
"""Reading the weight of an error."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import ArgumentError, DomainError
from ..functions.zeros import another_zero
from ..numbers import exact
from ..targets import Target, as_target, check_domain
from .arguments import Interval, read_flag


def read_weight(
    target: Target, weight: Any, relative: bool, domain: tuple[Interval, ...]
) -> Target | None:
    """The weight of an error, checked: of the relative one, or the one given; None for 1.

    Raises
    ------
    ArgumentError
        If both are given, or the weight is not positive on the domain.
    DomainError
        If it is not finite there: a relative error needs a function without zeros, but for a
        simple one at x = 0.
    """
    relative = read_flag("relative", relative)
    if relative and weight is not None:
        raise ArgumentError("give either weight or relative=True, not both")
    if weight is None and not relative:
        return None
    if relative and target.provable:
        _check_zeros(target, domain)
        return target.reciprocal
    result = target.reciprocal if relative else as_target(weight)
    try:
        check_domain(result, domain)
    except DomainError as error:
        reason = "a relative error needs a function without zeros" if relative else str(error)
        raise DomainError(
            f"the weight {result.name!r} is not finite on the domain: {reason}"
        ) from error
    points = np.concatenate([np.linspace(a, b, 257) for a, b in domain])
    if not np.all(result.numpy(points) > 0):
        raise ArgumentError(f"weight must be positive on the domain; {result.name!r} is not")
    return result


def _check_zeros(target: Target, domain: tuple[Interval, ...]) -> None:
    """Refuse zeros in a relative error, but for a simple one at 0."""
    found = another_zero(target, [(exact(a), exact(b)) for a, b in domain])
    if found is not None:
        raise DomainError(
            "a relative error needs a function without zeros, but for a simple one at x=0; "
            f"{target.name!r} is 0, or cannot be told from 0, near x={found:.6g}: choose "
            "a domain without that point, or put it at x=0"
        )
