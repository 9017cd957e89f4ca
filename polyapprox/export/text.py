# SPDX-License-Identifier: Apache-2.0
"""Numbers as source code: doubles that give back every bit, and exact decimals."""

from __future__ import annotations

import mpmath

from ..numbers import exact, fraction


def is_double(number: mpmath.mpf) -> bool:
    """Whether a dyadic number is a float64.

    Examples
    --------
    >>> from polyapprox.numbers import dyadic
    >>> is_double(dyadic(1, -1074)), is_double(dyadic(1, -1075)), is_double(dyadic(2**60 + 1, 0))
    (True, False, False)
    """
    try:
        return bool(exact(nearest_double(number)) == number)
    except OverflowError:
        return False


def nearest_double(number: mpmath.mpf) -> float:
    """The nearest float64 (subnormal numbers included, where ``float(mpf)`` may round twice).

    Raises
    ------
    OverflowError
        If the number is beyond the largest float64.
    """
    return float(fraction(number))


def double(number: mpmath.mpf) -> str:
    """Shortest decimal of a double, with a point, as Python, C and C++ read it.

    Examples
    --------
    >>> from polyapprox.numbers import dyadic, exact
    >>> double(dyadic(1, -1)), double(dyadic(-3, 0)), double(exact(1e-5)), double(dyadic(1, 80))
    ('0.5', '-3.0', '1.0e-05', '1.2089258196146292e+24')
    """
    text = repr(nearest_double(number))
    mantissa, mark, exponent = text.partition("e")
    return f"{mantissa if '.' in mantissa else mantissa + '.0'}{mark}{exponent}"


def hexadecimal(number: mpmath.mpf) -> str:
    """A double in hexadecimal, as C99 and C++17 read it: no rounding anywhere.

    Examples
    --------
    >>> from polyapprox.numbers import dyadic
    >>> hexadecimal(dyadic(3, -1))
    '0x1.8000000000000p+0'
    """
    return nearest_double(number).hex()


def decimal(number: mpmath.mpf) -> str:
    """The exact decimal expansion of a dyadic number: finite, every digit of it.

    Examples
    --------
    >>> from polyapprox.numbers import dyadic, exact
    >>> decimal(dyadic(5, -3)), decimal(dyadic(-12, 0)), decimal(exact(0.1))[:24]
    ('0.625', '-12', '0.1000000000000000055511')
    >>> decimal(dyadic(1, -1074))[-4:], decimal(dyadic(1, 1000))[:6]
    ('-324', '107150')
    """
    value = fraction(number)
    places = value.denominator.bit_length() - 1
    digits = str(abs(value.numerator) * 5**places)
    sign = "-" if value < 0 else ""
    if not places:
        return sign + digits
    if places > len(digits) + 60:
        exponent = len(digits) - 1 - places
        tail = digits[1:].rstrip("0")
        return f"{sign}{digits[0]}{'.' + tail if tail else ''}e{exponent}"
    digits = digits.rjust(places + 1, "0")
    return f"{sign}{digits[:-places]}.{digits[-places:]}"


def shortest(number: mpmath.mpf) -> str:
    """A double by its shortest decimal, any other number by its exact expansion."""
    return repr(nearest_double(number)) if is_double(number) else decimal(number)

