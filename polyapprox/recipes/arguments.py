# SPDX-License-Identifier: Apache-2.0
"""Reading the arguments that all recipes share: interval, precision and tolerance."""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import pairwise
from numbers import Real
from typing import Any

import numpy as np
from flint import arb

from ..errors import ArgumentError
from ..given import as_float, is_whole, shown, whole, word

Interval = tuple[float, float]
Ends = Iterable[float | str]  # what is taken for an interval
Parts = Ends | Iterable[Ends]  # … for one or several
_LARGEST_END = 1e60
_SHORTEST = 1e-9  # of the larger end
_FINEST = 2.0**-160  # precisions and thresholds of composites


def read_interval(interval: Any, name: str = "interval") -> Interval:
    """Two finite numbers, ascending."""
    low, high = _two_floats(interval, name)
    if not (math.isfinite(low) and math.isfinite(high)):
        raise ArgumentError(f"{name} must be finite; got {shown(interval)}")
    if not low < high:
        raise ArgumentError(f"{name} must have low < high; got {shown(interval)}")
    size = max(abs(low), abs(high))
    if not 1 / _LARGEST_END <= size <= _LARGEST_END:
        raise ArgumentError(
            f"{name} must have its larger end between 1e-60 and 1e60; got {shown(interval)}: rescale it"
        )
    if high - low < _SHORTEST * size:
        raise ArgumentError(
            f"{name} is shorter than 1e-9 of its larger end; got {shown(interval)}: move it to 0"
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


def _two_floats(interval: Any, name: str) -> tuple[float, float]:
    try:
        ends = [_float(end) for end in interval]
    except TypeError:
        ends = []
    if len(ends) != 2 or None in ends or isinstance(interval, (str, bytes, dict, set)):
        raise ArgumentError(f"{name} must be two numbers (low, high); got {shown(interval)}")
    return ends[0], ends[1]


def _float(value: Any) -> Any:
    """A number, or a ball or string that stands for one, as a float."""
    if isinstance(value, (str, arb)):
        try:
            return float(value)
        except ValueError:
            return None
    return as_float(value)


def read_parts(given: Any) -> tuple[Interval, ...]:
    """One interval or a list of disjoint ascending ones."""
    try:
        nested = len(given) > 0 and not isinstance(given[0], (Real, str))
    except (TypeError, LookupError) as error:
        raise ArgumentError(
            f"interval must be two numbers (low, high) or a list of such; got {shown(given)}"
        ) from error
    parts = tuple(read_interval(part) for part in given) if nested else (read_interval(given),)
    for (_, before), (after, _) in pairwise(parts):
        if not before < after:
            raise ArgumentError(
                f"the intervals must be disjoint and ascending; got {shown(given)}"
            )
    return parts


def read_tolerance(precision: Any, tolerance: Any, scale: float) -> float:
    """The absolute error wanted, from exactly one of precision and tolerance."""
    if precision is None and tolerance is None:
        raise ArgumentError("give precision, such as 2**-9, or tolerance, an absolute error")
    if precision is not None and tolerance is not None:
        raise ArgumentError(
            "give precision or tolerance, not both; "
            f"got precision={shown(precision)}, tolerance={shown(tolerance)}"
        )
    name, value = ("precision", precision) if tolerance is None else ("tolerance", tolerance)
    number = as_float(value)
    if number is None:
        raise ArgumentError(f"{name} must be a number such as 2**-9; got {shown(value)}")
    if not (number > 0 and math.isfinite(number)) or (name == "precision" and number >= 1):
        top = " and below 1" if name == "precision" else ""
        raise ArgumentError(f"{name} must be positive{top}; got {shown(value)}")
    return number * scale if name == "precision" else number


def read_composite_tolerance(precision: Any, tolerance: Any, scale: float) -> float:
    """As :func:`read_tolerance`, within what composites are made for."""
    wanted = read_tolerance(precision, tolerance, scale)
    if wanted < _FINEST * scale:
        name = "precision" if tolerance is None else "tolerance"
        raise ArgumentError(
            f"{name} is finer than 2^-160 of the interval; "
            f"got {shown(precision if tolerance is None else tolerance)}: ask for less"
        )
    return wanted


def read_threshold(threshold: Any) -> float:
    """A number strictly between 0 and 1, not tiny."""
    number = as_float(threshold)
    if number is None or not _FINEST <= number < 1:
        raise ArgumentError(
            "threshold must lie between 2^-160 and 1 (it is relative to the interval's larger "
            f"end); got {shown(threshold)}"
        )
    return number


def read_degree(degree: Any, least: int = 0) -> int:
    """A whole number."""
    value = whole("degree", degree)
    if value < least:
        raise ArgumentError(f"degree must be at least {least}; got {shown(value)}")
    return value


def read_degrees(degrees: Any) -> tuple[int, ...]:
    """Odd degrees of the stages of a composite, innermost first."""
    try:
        values = tuple(degrees)
    except TypeError as error:
        raise ArgumentError(
            f"degrees must be a list such as (15, 15); got {shown(degrees)}"
        ) from error
    for value in values:
        if not is_whole(value) or value < 3 or value % 2 == 0:
            raise ArgumentError(
                f"degrees must be odd whole numbers from 3 on; got {shown(degrees)}"
            )
    if not values:
        raise ArgumentError("degrees is empty; give at least one odd degree")
    return tuple(int(value) for value in values)


def read_choice(name: str, value: Any, choices: tuple[str, ...]) -> str:
    """One of a few words."""
    return word(name, value, choices)


def read_flag(name: str, value: Any) -> bool:
    """True or False."""
    if not isinstance(value, (bool, np.bool_)):
        raise ArgumentError(f"{name} must be True or False; got {shown(value)}")
    return bool(value)
