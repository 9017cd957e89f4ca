"""Domains with poles, jumps and points without a value are refused."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from flint import arb

from ..errors import DomainError
from ..numbers import ball
from ..precision import one_at_a_time, working_precision

if TYPE_CHECKING:
    from ..targets import Target


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
    >>> check_domain(as_target("1/x"), [(0.001, 1)])
    """
    for low, high in intervals:
        a, b = float(low), float(high)
        points = np.linspace(a, b, 257)
        values = target.numpy(points)
        bad = points[~np.isfinite(values)]
        if bad.size:
            raise _domain_error(target, a, b, float(bad[0]))
        if target.provable:
            _search_pole(target, a, b)
            _search_jump(target, a, b, float(np.abs(values).max()))


def _domain_error(target: Target, low: float, high: float, where: float) -> DomainError:
    value = target.ball(arb(where)) if target.provable else arb("nan")
    if value.is_finite() and abs(value) > 1e300:
        return DomainError(
            f"the function {target.name!r} exceeds the range of double precision near "
            f"x={where:.6g} in the domain [{low!r}, {high!r}]; scale the function or the domain"
        )
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


def _search_pole(target: Target, low: float, high: float) -> None:
    """Bisect where balls are not finite; a value that keeps growing there marks a pole."""
    cells = [(low, high, 0, 0.0)]
    budget = 4000
    while cells and budget:
        budget -= 1
        a, b, depth, earlier = cells.pop()
        middle, half = (a + b) / 2, (b - a) / 2 * (1 + 1e-12)
        if target.ball(arb(middle, half)).is_finite():
            continue
        size = float(np.abs(target.numpy(np.array([a, middle, b]))).max())
        if depth >= 40 or not a < middle < b or not np.isfinite(size):
            if not size <= 1.5 * earlier + 1e-12:
                raise _domain_error(target, low, high, middle)
            continue
        kept = size if depth == 20 else earlier
        cells += [(a, middle, depth + 1, kept), (middle, b, depth + 1, kept)]
