# SPDX-License-Identifier: Apache-2.0
"""Domains with poles, jumps and points without a value are refused."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import mpmath
import numpy as np
from flint import arb

from ..errors import DomainError
from ..numbers import add, ball, exact
from ..precision import one_at_a_time, working_precision

if TYPE_CHECKING:
    from ..targets import Target

_LARGEST = 1e300
_BITS = (128, 1100, 4400)
_DEEPEST = 1100  # halvings of the domain: the smallest doubles
_BUDGET = 8000


@one_at_a_time
def check_domain(target: Target, intervals: Iterable[tuple[Any, Any]]) -> None:
    """Refuse intervals where the function has a pole or is undefined.

    Parameters
    ----------
    target : Target
        The function.
    intervals : iterable of (low, high)
        The closed intervals of the domain.

    Raises
    ------
    DomainError
        If a pole, an infinity or an undefined value was found.

    Examples
    --------
    >>> from polyapprox.targets import as_target
    >>> check_domain(as_target("1/x"), [(0.001, 1)])
    """
    for low, high in intervals:
        a, b = float(low), float(high)
        points = np.linspace(a, b, 257)
        if target.provable:
            size = _largest_at(target, points, a, b)
            _search_pole(target, exact(low), exact(high))
            _search_jump(target, a, b, size)
            continue
        bad = points[~np.isfinite(target.numpy(points))]
        if bad.size:
            raise _undefined(target, a, b, float(bad[0]))


def _largest_at(target: Target, points: np.ndarray, low: float, high: float) -> float:
    """Largest |f| at the points, looked at by balls; each must have a value that fits a float."""
    largest = 0.0
    for x in points:
        value = _value(target, arb(float(x)))
        if not value.is_finite():
            raise _undefined(target, low, high, float(x))
        if abs(value) > _LARGEST:
            raise DomainError(
                f"the function {target.name!r} exceeds the range of double precision near "
                f"x={float(x):.6g} in the domain [{low!r}, {high!r}]; scale the function or the "
                "domain"
            )
        largest = max(largest, float(abs(value).mid()))
    return largest


def _value(target: Target, x: arb) -> arb:
    """|f| at a point: with more bits where few leave it open whether there is a value."""
    value = arb("nan")
    for bits in _BITS:
        with working_precision(bits):
            value = target.ball(x)
            if value.is_finite() and (value.rel_accuracy_bits() > 8 or abs(value) < 1):
                break
    return value


def _undefined(target: Target, low: float, high: float, where: float) -> DomainError:
    return DomainError(
        f"the function {target.name!r} is infinite or undefined near x={where:.6g} "
        f"in the domain [{low!r}, {high!r}]; choose a domain without that point"
    )


def _search_jump(target: Target, low: float, high: float, size: float) -> None:
    """Compare the values on both sides of each breakpoint, ever closer."""
    with working_precision(400):
        for b in target.breakpoints:
            if not low <= b <= high:
                continue
            gaps = []
            for exponent in (-60, -120):
                step = arb((1, exponent)) * (ball(high) - ball(low))
                sides = [v for v in (ball(b) - step, ball(b) + step) if low <= v <= high]
                near = [target.ball(v) for v in (ball(b), *sides)]
                gaps.append(max(float(abs(u - v).mid()) for u in near for v in near))
            if gaps[1] > 0.9 * gaps[0] and gaps[1] > 1e-9 * size:
                raise DomainError(
                    f"the function {target.name!r} jumps at x={float(b):.6g} in the domain "
                    f"[{low!r}, {high!r}], where no polynomial follows it; leave a gap, like "
                    "[(-1, -0.01), (0.01, 1)]"
                )


def _search_pole(target: Target, low: mpmath.mpf, high: mpmath.mpf) -> None:
    """Bisect where balls are not finite: what stays so to the end is no value."""
    cells = [(low, high, 0)]
    budget = _BUDGET
    while cells and budget:
        budget -= 1
        a, b, depth = cells.pop()
        with working_precision(_BITS[0]):
            if target.ball(ball(a).union(ball(b))).is_finite():
                continue
        middle = mpmath.ldexp(add(a, b), -1)
        if depth >= _DEEPEST or not _value(target, ball(middle)).is_finite():
            raise _undefined(target, float(low), float(high), float(middle))
        cells += [(a, middle, depth + 1), (middle, b, depth + 1)]
