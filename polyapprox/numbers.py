# SPDX-License-Identifier: Apache-2.0
"""Exact dyadic numbers, held as ``mpmath.mpf``, and the conversions to and from them.

Coefficients, interval ends and constants of plans are dyadic rationals m·2^e. They are held
exactly: nothing here depends on a global precision.
"""

from __future__ import annotations

import math
from fractions import Fraction
from numbers import Integral
from typing import TypeAlias

import mpmath
from flint import arb, fmpq, fmpz
from mpmath import libmp

Real: TypeAlias = "int | float | Fraction | mpmath.mpf | arb"

_LONGEST = 4000  # characters that Python reads as one integer

ZERO = mpmath.mp.make_mpf(libmp.fzero)


def dyadic(mantissa: int, exponent: int) -> mpmath.mpf:
    """The exact number mantissa · 2^exponent."""
    return mpmath.mp.make_mpf(libmp.from_man_exp(int(mantissa), int(exponent)))


def exact(value: Real) -> mpmath.mpf:
    """Hold a dyadic number exactly (the midpoint of a ball); fractions must be dyadic."""
    if isinstance(value, mpmath.mpf):
        return value
    if isinstance(value, Integral):
        return dyadic(int(value), 0)
    if isinstance(value, arb):
        mantissa, exponent = value.mid().man_exp()
        return dyadic(int(mantissa), int(exponent))
    if isinstance(value, Fraction):
        shift = value.denominator.bit_length() - 1
        if value.denominator != 1 << shift:
            raise ValueError(f"{value} is not a dyadic number; round it first")
        return dyadic(value.numerator, -shift)
    return mpmath.mp.make_mpf(libmp.from_float(float(value)))


def rounded(value: Real, bits: int) -> mpmath.mpf:
    """The number nearest to `value` that has `bits` significant bits."""
    if isinstance(value, Fraction):
        raw = libmp.from_rational(value.numerator, value.denominator, bits, "n")
    else:
        raw = libmp.mpf_pos(exact(value)._mpf_, bits, "n")
    return mpmath.mp.make_mpf(raw)


def nearest_dyadic(value: Fraction, bits: int) -> mpmath.mpf:
    """A dyadic number within 2^-bits (relative) of a rational, exact where possible."""
    denominator = value.denominator
    return exact(value) if denominator & (denominator - 1) == 0 else rounded(value, bits)


def fraction(value: mpmath.mpf) -> Fraction:
    """The exact rational value of a dyadic number."""
    sign, mantissa, exponent, _ = value._mpf_
    number = Fraction(int(mantissa)) * (Fraction(2) ** int(exponent))
    return -number if sign else number


def ball(value: Real) -> arb:
    """A ball that contains the value (exactly, when the value is dyadic)."""
    if isinstance(value, arb):
        return value
    if isinstance(value, Fraction):
        return arb(fmpq(value.numerator, value.denominator))
    sign, mantissa, exponent, _ = exact(value)._mpf_
    mantissa = int(mantissa)
    return arb((-mantissa if sign else mantissa, int(exponent)))


def add(*values: mpmath.mpf) -> mpmath.mpf:
    """Exact sum."""
    total = libmp.fzero
    for value in values:
        total = libmp.mpf_add(total, value._mpf_)
    return mpmath.mp.make_mpf(total)


def multiply(left: mpmath.mpf, right: mpmath.mpf) -> mpmath.mpf:
    """Exact product."""
    return mpmath.mp.make_mpf(libmp.mpf_mul(left._mpf_, right._mpf_))


def negate(value: mpmath.mpf) -> mpmath.mpf:
    """Exact opposite."""
    return mpmath.mp.make_mpf(libmp.mpf_neg(value._mpf_))


def magnitude(value: mpmath.mpf) -> mpmath.mpf:
    """Exact absolute value (`abs` rounds to the precision of the context)."""
    return mpmath.mp.make_mpf(libmp.mpf_abs(value._mpf_))


def significant_bits(value: mpmath.mpf) -> int:
    """Bits of the mantissa of a dyadic number (0 for zero)."""
    return int(value._mpf_[1]).bit_length()


def decimal(value: mpmath.mpf) -> str:
    """A decimal string which, read with :func:`from_decimal` at 53 bits or the number's own
    length, whichever is larger, gives the number back."""
    bits = max(53, significant_bits(value))
    if bits == 53 and abs(value) < 1e300 and (not value or abs(value) > 1e-300):
        return repr(float(value))
    digits = math.ceil(bits * math.log10(2)) + 2
    return str(libmp.to_str(value._mpf_, digits))


def from_decimal(text: str, bits: int) -> mpmath.mpf:
    """Read a decimal string, rounded to nearest at `bits` significant bits.

    Of any length: Python itself reads no integer of more than 4300 digits.

    Examples
    --------
    >>> from_decimal("0." + "9" * 6000, 20) == 1
    True
    """
    if len(text) <= _LONGEST:
        return mpmath.mp.make_mpf(libmp.from_str(text, bits, "n"))
    digits, _, power = text.lower().partition("e")
    whole, _, part = digits.partition(".")
    mantissa, exponent = int(fmpz(whole.lstrip("+") + part)), int(power or 0) - len(part)
    above, below = 10 ** max(exponent, 0), 10 ** max(-exponent, 0)
    return mpmath.mp.make_mpf(libmp.from_rational(mantissa * above, below, bits, "n"))


def log2(value: Real) -> float:
    """Base-2 logarithm of a positive number of any size, as a float."""
    number = exact(value)
    if number <= 0:
        raise ValueError("the logarithm needs a positive number")
    _, mantissa, exponent, length = number._mpf_
    mantissa = int(mantissa)
    shift = max(0, int(length) - 60)
    return math.log2(mantissa >> shift) + shift + int(exponent)
