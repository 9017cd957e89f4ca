# SPDX-License-Identifier: Apache-2.0
"""Decimal strings that give back every bit."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

import mpmath
from mpmath import libmp

from ..errors import TableError
from ..numbers import from_decimal, significant_bits

DOUBLE = 53
_MOST_BITS = 100_000
_LARGEST_EXPONENT = 50_000
_DECIMAL = re.compile(r"-?[0-9]+(\.[0-9]+)?(e[+-]?([0-9]{1,9}))?", re.ASCII)


def common_bits(numbers: Iterable[mpmath.mpf | None]) -> int:
    """Bits that hold all the numbers: at least a double's 53."""
    return max([DOUBLE, *(significant_bits(n) for n in numbers if n is not None)])


def written(number: mpmath.mpf, bits: int = DOUBLE) -> str:
    """A decimal string that :func:`read` gives back as `number` at this many bits.

    Raises
    ------
    TableError
        If the number is infinite, not a number, or too large or small to be written out.

    Examples
    --------
    >>> from polyapprox.numbers import dyadic
    >>> written(dyadic(1, -3)), written(dyadic(1, -1074)), written(dyadic(3, 0), 80)
    ('0.125', '4.94065645841246544e-324', '3.0')
    """
    if not mpmath.isfinite(number):
        raise TableError(f"the number {number} is not finite; a table cannot hold it")
    size = abs(number)
    if bits == DOUBLE and (not number or 1e-300 < size < 1e300):
        text = repr(float(number))
    else:
        text = libmp.to_str(number._mpf_, math.ceil(bits * math.log10(2)) + 2, min_fixed=-5)
    if read(text, bits) != number:
        raise TableError(f"the number {mpmath.nstr(number, 10)} has more than {bits} bits")
    return text


def read(text: object, bits: int = DOUBLE) -> mpmath.mpf:
    """The dyadic number nearest to a decimal string, at `bits` significant bits.

    Raises
    ------
    TableError
        If it is not a finite decimal number of reasonable size.
    """
    match = _DECIMAL.fullmatch(text) if isinstance(text, str) else None
    if match is None or not isinstance(text, str):
        raise TableError(f"{str(text)[:40]!r} is not a finite decimal number in a string")
    if len(text) > _MOST_BITS or len(match[3] or "") > 9 or int(match[3] or 0) > _LARGEST_EXPONENT:
        raise TableError(f"the number {text[:40]} is too large, too small or too long")
    return from_decimal(text, bits)


def read_bits(value: object) -> int:
    """A field ``bits``: how many significant bits the numbers beside it have."""
    if isinstance(value, bool) or not isinstance(value, int) or not DOUBLE <= value <= _MOST_BITS:
        raise TableError(f"bits is {value!r}; it must be a whole number from {DOUBLE} on")
    return value
