# SPDX-License-Identifier: Apache-2.0
"""Reading what a caller gave: whole numbers, numbers, words and paths, or one sentence of refusal.

NumPy's integers are integers here and its floats are numbers; a bool is neither, and a complex
number is refused, never cut.
"""

from __future__ import annotations

import math
import operator
import os
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from numbers import Integral, Real
from pathlib import Path
from typing import Any, TypeVar

import mpmath
import numpy as np
from flint import arb

from .errors import ArgumentError
from .numbers import exact

T = TypeVar("T")
_LONGEST_NAME = 255  # of a file
_LONGEST = 120  # characters of a value in a message


def former(name: str) -> property:
    """A property that gives another attribute: by the word that was used before."""

    def get(self: object) -> object:
        return getattr(self, name)

    return property(get, doc=f"The former word for `{name}`.")


def shown(value: Any) -> str:
    """The value as a message shows it: cut where long; a huge integer by its size.

    Examples
    --------
    >>> shown("x"), shown(10**5000), len(shown([1] * 1000)) < 130
    ("'x'", 'an integer of 16610 bits', True)
    """
    if isinstance(value, int) and value.bit_length() > 1000:
        return f"an integer of {value.bit_length()} bits"
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # a huge integer inside, or a ring
        return f"a {type(value).__name__}"
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"


def is_whole(value: Any) -> bool:
    """Whether it is an integer, of Python or NumPy, and no bool."""
    return isinstance(value, Integral) and not isinstance(value, (bool, np.bool_))


def whole(name: str, value: Any, least: int | None = None, most: int | None = None) -> int:
    """An integer of Python or NumPy within limits.

    Raises
    ------
    ArgumentError

    Examples
    --------
    >>> import numpy as np
    >>> whole("degree", np.int64(5))
    5
    >>> whole("degree", 2.0, least=0)
    Traceback (most recent call last):
        ...
    polyapprox.errors.ArgumentError: degree must be a whole number from 0 on; got 2.0
    """
    good = is_whole(value) and (least is None or value >= least) and (most is None or value <= most)
    if good:
        return operator.index(value)
    if least is not None and most is not None:
        limits = f" from {least} to {most}"
    elif least is not None:
        limits = f" from {least} on"
    else:
        limits = "" if most is None else f" up to {most}"
    raise ArgumentError(f"{name} must be a whole number{limits}; got {shown(value)}")


def number(name: str, value: Any, wanted: str = "a number") -> float:
    """A finite real number as a float.

    Raises
    ------
    ArgumentError
        For a bool, a complex number, text, NaN, infinity and what is beyond the range of floats.

    Examples
    --------
    >>> number("cap", 3), number("cap", "3")
    Traceback (most recent call last):
        ...
    polyapprox.errors.ArgumentError: cap must be a number; got '3'
    """
    found = as_float(value)
    if found is None or not math.isfinite(found):
        raise ArgumentError(f"{name} must be {wanted}; got {shown(value)}")
    return found


def positive(name: str, value: Any, zero: bool = False) -> float:
    """A finite positive number as a float; or 0, where that is allowed.

    Raises
    ------
    ArgumentError
        For anything else.

    Examples
    --------
    >>> positive("tolerance", 0.1), positive("eps", 0, zero=True)
    (0.1, 0.0)
    """
    found = number(name, value, "a positive number")
    if not (found > 0 or (zero and found == 0)):
        raise ArgumentError(f"{name} must be a positive number; got {shown(value)}")
    return found


def as_float(value: Any) -> float | None:
    """A real number as the nearest float, infinite where it is too large; None if it is none."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (Real, mpmath.mpf)):
        return None
    try:
        return float(value)
    except OverflowError:
        return math.inf if operator.gt(value, 0) else -math.inf


def sequence(name: str, values: Any) -> tuple[Any, ...]:
    """The items of a list, a tuple, an array or what else can be gone through; no text.

    Raises
    ------
    ArgumentError
    """
    try:
        found = None if isinstance(values, (str, bytes, dict, set)) else tuple(values)
    except TypeError:
        found = None
    if found is None:
        raise ArgumentError(f"{name} must be a list; got {shown(values)}")
    return found


def exact_number(name: str, value: Any) -> mpmath.mpf:
    """A finite real number, held exactly: integers, floats, mpmath's, dyadic fractions, balls.

    Raises
    ------
    ArgumentError
    """
    if is_whole(value):
        return exact(int(value))
    kinds = (mpmath.mpf, arb, Fraction)
    try:
        found = exact(value if isinstance(value, kinds) else number(name, value))
    except ValueError as error:
        raise ArgumentError(f"{name} must be finite dyadic numbers; got {shown(value)}") from error
    if not mpmath.isfinite(found):
        raise ArgumentError(f"{name} must be finite numbers; got {shown(value)}")
    return found


def is_word(value: Any, choices: Sequence[str]) -> bool:
    """Whether it is one of the words."""
    return isinstance(value, str) and value in choices


def word(name: str, value: Any, choices: Sequence[str]) -> str:
    """One of a few words.

    Raises
    ------
    ArgumentError
    """
    if not is_word(value, choices):
        wanted = ", ".join(repr(choice) for choice in choices)
        raise ArgumentError(f"{name} must be one of {wanted}; got {shown(value)}")
    return str(value)


def file_path(name: str, value: Any) -> Path:
    """The path of a file.

    Raises
    ------
    ArgumentError
        For what is no path, an empty one, and one that no file can have.
    """
    if not isinstance(value, (str, os.PathLike)) or not isinstance(os.fspath(value), str):
        raise ArgumentError(f"{name} must be the path of a file; got {shown(value)}")
    text = os.fspath(value)
    if text and not Path(text).name:
        raise ArgumentError(f"{name} must be the path of a file, not of a directory; got {shown(text)}")
    try:
        known = os.fsencode(text)
    except UnicodeEncodeError:
        known = b""
    if not Path(text).name or not known or b"\0" in known or len(Path(text).name) > _LONGEST_NAME:
        raise ArgumentError(f"{name} must be the path of a file; got {shown(text)}")
    return Path(text)


def instance(name: str, value: Any, kind: type[T], wanted: str) -> T:
    """A value of a class.

    Raises
    ------
    ArgumentError
    """
    if not isinstance(value, kind):
        raise ArgumentError(f"{name} must be {wanted}; got {shown(value)}")
    return value


def ring_element(name: str, value: Any) -> Any:
    """What a polynomial is evaluated at: numbers and arrays as float64, other rings as they are.

    Raises
    ------
    ArgumentError
        For what has no + and ·, and for complex numbers.
    """
    if isinstance(value, (int, float, list, tuple, np.ndarray, np.generic)):
        return floats(name, value)
    ring = all(hasattr(type(value), operation) for operation in ("__mul__", "__add__"))
    if not ring or isinstance(value, (str, bytes, bytearray, complex, mpmath.mpc, Decimal)):
        raise ArgumentError(
            f"{name} must be a real number, an array of them or an element of a ring; got "
            f"{shown(value)} (a plan's method run takes complex numbers too)"
        )
    return value


def floats(name: str, values: Any) -> np.ndarray:
    """Real numbers as an array of float64, in their shape; NaN and infinities stay.

    Raises
    ------
    ArgumentError
        For complex numbers, texts, ragged lists and what is beyond the range of floats.

    Examples
    --------
    >>> floats("x", [1, 0.5])
    array([1. , 0.5])
    """
    try:
        array = np.asarray(values)
        if array.dtype.kind in "biuf" or (array.dtype.kind == "O" and _all_real(array)):
            return np.asarray(array, dtype=np.float64)
    except (TypeError, ValueError, OverflowError, RecursionError):
        pass  # ragged, or an integer beyond floats
    raise ArgumentError(f"{name} must be real numbers; got {shown(values)}")


def _all_real(array: np.ndarray) -> bool:
    return all(hasattr(type(item), "__float__") for item in array.ravel())
