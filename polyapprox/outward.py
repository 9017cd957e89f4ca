# SPDX-License-Identifier: Apache-2.0
"""Proven numbers as text and as floats, rounded outward: never on the wrong side of the proof.

An upper bound is rounded up, a lower bound and proven bits are rounded down, whatever the number of
digits. The arithmetic is exact, on rationals. Estimates need none of this: they may be rounded to
nearest.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from fractions import Fraction
from typing import Any

import mpmath
from mpmath import libmp

from .numbers import dyadic, fraction

UNIT = 1.2e-16  # above 2^-53, half a unit in the last place of 1: the rounding of one operation on floats
_BITS = 120  # of the logarithms
_SMALLEST_FIXED = -4  # exponent of ten below which a number is written with an exponent, as by %g
_FARTHEST = 4096  # an exponent beyond those of all doubles


def upper(value: Any, digits: int = 6) -> str:
    """The shortest of the `digits`-digit decimals that is not below the value.

    Parameters
    ----------
    value : mpmath.mpf, Fraction, float or int
        Taken exactly.
    digits : int
        Significant digits; zeros at the end are left out, as by the format ``g``.

    Examples
    --------
    >>> upper(2.50726e-07, 4), f"{2.50726e-07:.4g}"
    ('2.508e-07', '2.507e-07')
    >>> upper(0.05, 2), upper(99.999, 3)
    ('0.051', '100')
    """
    return _text(value, digits, up=True)


def lower(value: Any, digits: int = 6) -> str:
    """The largest of the `digits`-digit decimals that is not above the value.

    Examples
    --------
    >>> lower(0.044979, 4), lower(-1.23456, 3)
    ('0.04497', '-1.24')
    """
    return _text(value, digits, up=False)


def upper_places(value: Any, places: int) -> str:
    """The value rounded up to so many decimal places.

    Examples
    --------
    >>> upper_places(-9.78266, 2), upper_places(3, 1)
    ('-9.78', '3.0')
    """
    return _fixed(value, places, up=True)


def lower_places(value: Any, places: int) -> str:
    """The value rounded down to so many decimal places.

    Examples
    --------
    >>> lower_places(9.78266, 3), f"{9.78266:.3f}"
    ('9.782', '9.783')
    """
    return _fixed(value, places, up=False)


def intervals(domain: Iterable[tuple[Any, Any]], point: bool = False) -> str:
    """A domain as text: floats as they are, any other end rounded inward.

    Parameters
    ----------
    domain : iterable of (low, high)
    point : bool
        Whether whole numbers are written with a decimal point.

    Examples
    --------
    >>> intervals([(-50.0, -0.1), (0.1, 50.0)])
    '[-50, -0.1] ∪ [0.1, 50]'
    >>> intervals([(Fraction(1, 3), 8)], point=True)
    '[0.33333333333333337, 8.0]'
    """
    parts = []
    for low, high in domain:
        ends = repr(above(low)), repr(below(high))
        if not point:
            ends = ends[0].removesuffix(".0"), ends[1].removesuffix(".0")
        parts.append(f"[{ends[0]}, {ends[1]}]")
    return " ∪ ".join(parts)


def above(value: Any) -> float:
    """The smallest float that is not below the value.

    Examples
    --------
    >>> Fraction(above(Fraction(1, 3))) > Fraction(1, 3), above(0.1)
    (True, 0.1)
    """
    if _infinite(value):
        return float(value)
    value = _within_reach(value)
    number = _nearest(value)
    if number == math.inf:
        return number
    if number == -math.inf or Fraction(number) < rational(value):
        return math.nextafter(number, math.inf)
    return number


def below(value: Any) -> float:
    """The largest float that is not above the value."""
    return 0.0 - above(-value if _infinite(value) else -rational(_within_reach(value)))


def float_up(value: Any) -> float:
    """The smallest float that is not below the value, and whose shortest decimal is not either.

    So a bound is above what was proven whether it is read as a double or as the decimal that Python
    and JSON print.

    Examples
    --------
    >>> Fraction(repr(float_up(Fraction(1, 3)))) > Fraction(1, 3)
    True
    """
    value = _within_reach(value)
    number = above(value)
    if math.isinf(number) or Fraction(repr(number)) >= rational(value):
        return number
    return math.nextafter(number, math.inf)


def float_down(value: Any) -> float:
    """The same downwards, for lower bounds and proven bits.

    Examples
    --------
    >>> Fraction(repr(float_down(Fraction(2, 3)))) < Fraction(2, 3)
    True
    """
    return 0.0 - float_up(-value if _infinite(value) else -rational(_within_reach(value)))


def bits_of(error: Any, unit: Any = 1) -> float:
    """Bits that a proven bound is worth: a float not above −log2(error/unit).

    Parameters
    ----------
    error : mpmath.mpf, Fraction, float or int
        A bound; infinitely many bits where it is 0.
    unit : the same
        What the error is measured in.

    Examples
    --------
    >>> bits_of(2.0**-9), bits_of(0.3, 0.3)
    (9.0, 0.0)
    >>> 2 ** -bits_of(0.3) >= 0.3
    True
    """
    if not error:
        return math.inf
    low, _ = _log2(rational(unit) / rational(error))
    return float_down(low)


def rational(value: Any) -> Fraction:
    """The exact value of a finite number."""
    return fraction(value) if isinstance(value, mpmath.mpf) else Fraction(value)


def _log2(value: Fraction) -> tuple[mpmath.mpf, mpmath.mpf]:
    """Two numbers that enclose the base-2 logarithm; equal for a power of two."""
    above, below = value.numerator, value.denominator
    if above & (above - 1) == 0 and below & (below - 1) == 0:
        power = dyadic(above.bit_length() - below.bit_length(), 0)
        return power, power
    whole = above.bit_length() - below.bit_length()
    part = value / Fraction(2) ** whole  # between 1/2 and 2
    natural = libmp.mpf_log(libmp.from_rational(part.numerator, part.denominator, _BITS), _BITS)
    logarithm = libmp.mpf_div(natural, libmp.mpf_ln2(_BITS), _BITS)
    slack = libmp.from_man_exp(1, 16 - _BITS)
    total = libmp.mpf_add(logarithm, libmp.from_int(whole))
    return (
        mpmath.mp.make_mpf(libmp.mpf_sub(total, slack)),
        mpmath.mp.make_mpf(libmp.mpf_add(total, slack)),
    )


def _within_reach(value: Any) -> Any:
    """The value, or one that rounds to the same floats where its exponent is immense.

    The exact fraction of 2^(2^40) does not fit into memory.
    """
    if not isinstance(value, mpmath.mpf) or not value or _infinite(value):
        return value
    sign, _, exponent, bits = value._mpf_
    if abs(exponent + bits) <= _FARTHEST:
        return value
    return dyadic(-1 if sign else 1, _FARTHEST if exponent > 0 else -_FARTHEST)


def _infinite(value: Any) -> bool:
    return isinstance(value, (float, mpmath.mpf)) and not mpmath.isfinite(value)


def _nearest(value: Any) -> float:
    if _infinite(value):
        return float(value)
    try:
        return float(rational(value))
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def _divided(value: Fraction, up: bool) -> int:
    return -(-value.numerator // value.denominator) if up else value.numerator // value.denominator


def _ten(power: int) -> Fraction:
    return Fraction(10) ** power


def _exponent(value: Fraction) -> int:
    """e with 10^e <= |value| < 10^(e+1)."""
    size = abs(value)
    guess = math.floor((size.numerator.bit_length() - size.denominator.bit_length()) * 0.30103) - 1
    while size >= _ten(guess + 1):
        guess += 1
    return guess


def _text(value: Any, digits: int, up: bool) -> str:
    if _infinite(value) or not value:
        return f"{float(value):g}"
    number = rational(value)
    exponent = _exponent(number)
    mantissa = _divided(number / _ten(exponent - digits + 1), up)
    if abs(mantissa) == 10**digits:
        mantissa, exponent = mantissa // 10, exponent + 1
    return "-" * (mantissa < 0) + _written(str(abs(mantissa)), exponent, digits)


def _written(figures: str, exponent: int, digits: int) -> str:
    """Digits d1 d2 d3 … times 10^exponent, in the manner of the format ``g``."""
    if not _SMALLEST_FIXED <= exponent < digits:
        tail = figures[1:].rstrip("0")
        return f"{figures[0]}{'.' + tail if tail else ''}e{exponent:+03d}"
    if exponent < 0:
        return "0." + "0" * (-exponent - 1) + figures.rstrip("0")
    tail = figures[exponent + 1 :].rstrip("0")
    return figures[: exponent + 1] + ("." + tail if tail else "")


def _fixed(value: Any, places: int, up: bool) -> str:
    if _infinite(value):
        return f"{float(value):g}"
    units = _divided(rational(value) * _ten(places), up)
    sign, figures = "-" * (units < 0), str(abs(units)).rjust(places + 1, "0")
    return f"{sign}{figures[: len(figures) - places]}" + (f".{figures[-places:]}" if places else "")
