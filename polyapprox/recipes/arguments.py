"""Reading the arguments that all recipes share: interval, precision and tolerance."""

from __future__ import annotations

import math
from itertools import pairwise
from numbers import Real
from typing import Any

from ..errors import ArgumentError

Interval = tuple[float, float]


def read_interval(interval: Any, name: str = "interval") -> Interval:
    """Two finite numbers, ascending."""
    try:
        low, high = (float(end) for end in interval)
    except (TypeError, ValueError) as error:
        raise ArgumentError(f"{name} must be two numbers (low, high); got {interval!r}") from error
    if not (math.isfinite(low) and math.isfinite(high)):
        raise ArgumentError(f"{name} must be finite; got {interval!r}")
    if not low < high:
        raise ArgumentError(f"{name} must have low < high; got {interval!r}")
    return low, high


def read_domain(domain: Any) -> tuple[Interval, ...]:
    """One interval or a list of disjoint ascending ones."""
    try:
        nested = len(domain) > 0 and not isinstance(domain[0], (Real, str))
    except TypeError as error:
        raise ArgumentError(f"domain must be an interval or a list of them; got {domain!r}") from error
    parts = tuple(read_interval(d, "domain") for d in domain) if nested else (
        read_interval(domain, "domain"),
    )
    for (_, before), (after, _) in pairwise(parts):
        if not before < after:
            raise ArgumentError(f"the intervals of domain must be disjoint and ascending; got {domain!r}")
    return parts


def read_tolerance(precision: Any, tolerance: Any, scale: float) -> float:
    """The absolute error wanted, from exactly one of precision and tolerance."""
    if (precision is None) == (tolerance is None):
        raise ArgumentError(
            "give exactly one of precision (error on [-1, 1]) and tolerance (absolute error); "
            f"got precision={precision!r}, tolerance={tolerance!r}"
        )
    name, value = ("precision", precision) if tolerance is None else ("tolerance", tolerance)
    if isinstance(value, bool) or not isinstance(value, Real):
        raise ArgumentError(f"{name} must be a number such as 2**-9; got {value!r}")
    number = float(value)
    if not (number > 0 and math.isfinite(number)) or (name == "precision" and number >= 1):
        top = " and below 1" if name == "precision" else ""
        raise ArgumentError(f"{name} must be positive{top}; got {value!r}")
    return number * scale if name == "precision" else number


def read_degree(degree: Any, least: int = 0) -> int:
    """A whole number."""
    if isinstance(degree, bool) or not isinstance(degree, int):
        raise ArgumentError(f"degree must be a whole number; got {degree!r}")
    if degree < least:
        raise ArgumentError(f"degree must be at least {least}; got {degree}")
    return degree


def read_degrees(degrees: Any) -> tuple[int, ...]:
    """Odd degrees of the stages of a composite, innermost first."""
    try:
        values = tuple(degrees)
    except TypeError as error:
        raise ArgumentError(f"degrees must be a list such as (15, 15); got {degrees!r}") from error
    for value in values:
        if isinstance(value, bool) or not isinstance(value, int) or value < 3 or value % 2 == 0:
            raise ArgumentError(f"degrees must be odd whole numbers from 3 on; got {degrees!r}")
    if not values:
        raise ArgumentError("degrees is empty; give at least one odd degree")
    return values


def read_choice(name: str, value: Any, choices: tuple[str, ...]) -> str:
    """One of a few words."""
    if value not in choices:
        wanted = ", ".join(repr(choice) for choice in choices)
        raise ArgumentError(f"{name} must be one of {wanted}; got {value!r}")
    return str(value)


def read_flag(name: str, value: Any) -> bool:
    """True or False."""
    if not isinstance(value, bool):
        raise ArgumentError(f"{name} must be True or False; got {value!r}")
    return value
