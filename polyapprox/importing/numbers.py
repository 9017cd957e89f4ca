# SPDX-License-Identifier: Apache-2.0
"""Numbers from source code: every bit of what is written."""

from __future__ import annotations

import math
import re
from fractions import Fraction

import mpmath

from ..errors import TableError
from ..numbers import exact, rounded

NUMBER = (
    r"[-+]?(?:0[xX][0-9a-fA-F]+\.?[0-9a-fA-F]*[pP][-+]?[0-9]+"
    r"|(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?)"
)
_NUMBER = re.compile(NUMBER)
_DOUBLE_DIGITS = 17
_LARGEST_EXPONENT = 20_000
_LONGEST = 60_000


def number(text: str) -> mpmath.mpf:
    """The number that a decimal or hexadecimal text stands for.

    Up to 17 digits: the nearest double, as compilers read it. More digits: exactly the decimal
    where that is a dyadic number, else rounded to the bits that its digits hold.

    Raises
    ------
    TableError
        If it is no finite number of reasonable size.

    Examples
    --------
    >>> number("0x1.8p+1") == 3, number("0.1") == mpmath.mpf(0.1), number("-.5e1") == -5
    (True, True, True)
    """
    text = text.strip()
    if not _NUMBER.fullmatch(text):
        raise TableError(f"{text[:40]!r} is not a finite number")
    if "x" in text.lower():
        try:
            return _finite(float.fromhex(text), text)
        except OverflowError:
            raise TableError(f"the number {text[:40]} is beyond the largest double") from None
    exponent = text.lower().partition("e")[2]
    if len(text) > _LONGEST or (exponent and abs(int(exponent)) > _LARGEST_EXPONENT):
        raise TableError(f"the number {text[:40]} is too large, too small or too long")
    digits = len(re.sub(r"[-+.]", "", text.lower().partition("e")[0]).strip("0"))
    if digits <= _DOUBLE_DIGITS:
        return _finite(float(text), text)
    value = Fraction(text)
    denominator = value.denominator
    if denominator & (denominator - 1) == 0:
        return exact(value)
    return rounded(value, max(53, math.ceil(digits * math.log2(10)) + 4))


def _finite(value: float, text: str) -> mpmath.mpf:
    if not math.isfinite(value):
        raise TableError(f"the number {text[:40]} is beyond the largest double")
    return exact(value)


def numbers(text: str) -> tuple[mpmath.mpf, ...]:
    """The numbers of a text, separated by commas; nothing else may stand there.

    Raises
    ------
    TableError
        If something is no number: nothing is passed over.

    Examples
    --------
    >>> [float(c) for c in numbers("1, -0x1p-1, .25,")]
    [1.0, -0.5, 0.25]
    """
    parts = text.strip().removesuffix(",").split(",")
    return tuple(number(part) for part in parts)
