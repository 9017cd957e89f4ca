# SPDX-License-Identifier: Apache-2.0
"""Calling a function that a user gave: values as float64, or one sentence on what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn, cast

import numpy as np
from flint import arb, arb_series

from ..errors import ArgumentError
from ..given import as_float, shown

CALL_ERRORS = (
    TypeError, ValueError, AttributeError, RuntimeError, ArithmeticError, LookupError, NameError,
    AssertionError,
)  # fmt: skip
_UNDEFINED = (ValueError, ArithmeticError)  # as math.log(-1): no value there


def encloses(f: Callable[..., Any]) -> bool:
    """Whether a callable maps balls to balls, series to series, and encloses its own values.

    Raises
    ------
    ArgumentError
        If it maps balls to balls and fails on power series: it was meant to be proven.
    """
    try:
        for centre in (-0.625, 0.0, 0.375, 1.5):
            wide = f(arb(centre, 0.75))
            if not isinstance(wide, arb):
                return False
            points = [f(arb(centre + 0.75 * t)) for t in (-0.9, -0.3, 0.2, 0.8)]
            if wide.is_finite() and any(not wide.overlaps(v) for v in points):
                return False
    except CALL_ERRORS:
        return False
    return _maps_series(f)


def _maps_series(f: Callable[..., Any]) -> bool:
    try:
        return isinstance(f(arb_series([0.375, 1], 4)), arb_series)
    except CALL_ERRORS as error:
        try:
            as_numbers = as_float(f(0.375)) is not None
        except CALL_ERRORS:
            as_numbers = False
        if as_numbers:
            return False
        raise ArgumentError(
            f"f={shown(f)} maps balls to balls and fails on power series ({error}): use what "
            "flint.arb_series has too, or give an expression or a function of floats"
        ) from error


def call_black_box(f: Any, x: np.ndarray) -> np.ndarray:
    """Values at an array of points, all at once or one by one; NaN where there is none.

    Raises
    ------
    ArgumentError
        If the values are no real numbers, or the function fails.
    """
    value: Any = None
    try:
        with np.errstate(all="ignore"):
            value = np.asarray(f(x))
    except CALL_ERRORS:
        pass
    if value is not None and value.shape == x.shape and value.dtype.kind in "biufc":
        if value.dtype.kind == "c":
            _refuse(f, x.ravel()[0], value.ravel()[0])
        return cast("np.ndarray", value.astype(np.float64))
    flat = [_one_value(f, float(point)) for point in x.ravel()]
    return np.array(flat, dtype=np.float64).reshape(x.shape)


def _one_value(f: Any, point: float) -> float:
    try:
        with np.errstate(all="ignore"):
            value = f(point)
    except _UNDEFINED:
        return float("nan")
    except CALL_ERRORS as error:
        raise ArgumentError(
            f"the function {_name(f)} fails at x={point!r}: {type(error).__name__}: {error}; give "
            "one that maps a number to a number"
        ) from error
    if isinstance(value, np.ndarray) and value.size == 1:
        value = value.item()
    if isinstance(value, (bool, np.bool_)):
        return float(value)
    found = float(value.mid()) if isinstance(value, arb) else as_float(value)
    return _refuse(f, point, value) if found is None else found


def _refuse(f: Any, point: float, value: Any) -> NoReturn:
    raise ArgumentError(
        f"the function {_name(f)} gives {shown(value)} at x={float(point)!r}, which is no real "
        "number; give a function of real values"
    )


def _name(f: Any) -> str:
    return str(getattr(f, "__name__", type(f).__name__))
