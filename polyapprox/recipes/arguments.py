"""Reading the arguments that all recipes share: interval, precision and tolerance."""

from __future__ import annotations

import math
from itertools import pairwise
from numbers import Real
from typing import Any

from ..errors import ArgumentError

Interval = tuple[float, float]
_LARGEST_END = 1e60
_SHORTEST = 1e-9  # of the larger end
_FINEST = 2.0**-160  # precisions and thresholds of composites


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
    size = max(abs(low), abs(high))
    if not 1 / _LARGEST_END <= size <= _LARGEST_END:
        raise ArgumentError(
            f"{name} must have its larger end between 1e-60 and 1e60; got {interval!r}: rescale it"
        )
    if high - low < _SHORTEST * size:
        raise ArgumentError(
            f"{name} is shorter than 1e-9 of its larger end; got {interval!r}: move it to 0"
        )
    return low, high


def either(name: str, value: Any, other: str, synonym: Any, default: Any) -> Any:
    """What was given under one of two names, or the default.

    Raises
    ------
    ArgumentError
        If both were given.
    """
    if value is not None and synonym is not None:
        raise ArgumentError(f"{name} and {other} mean the same; give one of them")
    found = synonym if value is None else value
    return default if found is None else found


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
            "give exactly one of precision (error in the unit of bits) and tolerance (absolute "
            "error); "
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


def read_composite_tolerance(precision: Any, tolerance: Any, scale: float) -> float:
    """As :func:`read_tolerance`, within what composites are made for."""
    wanted = read_tolerance(precision, tolerance, scale)
    if wanted < _FINEST * scale:
        name = "precision" if tolerance is None else "tolerance"
        raise ArgumentError(
            f"{name} is finer than 2^-160 of the interval; "
            f"got {precision if tolerance is None else tolerance!r}: ask for less"
        )
    return wanted


def read_threshold(threshold: Any) -> float:
    """A number strictly between 0 and 1, not tiny."""
    try:
        number = float(threshold)
    except (TypeError, ValueError):
        number = math.nan
    if not _FINEST <= number < 1:
        raise ArgumentError(
            "threshold must lie between 2^-160 and 1 (it is relative to the interval's larger "
            f"end); got {threshold!r}"
        )
    return number


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
