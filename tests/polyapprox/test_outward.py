"""Proven numbers as text: whatever the value and the digits, on the safe side, and near."""

from __future__ import annotations

import math
import sys
from fractions import Fraction

import mpmath
import pytest
from hypothesis import given, strategies as st

from polyapprox.numbers import dyadic, fraction
from polyapprox.outward import (
    above,
    below,
    bits_of,
    float_down,
    float_up,
    lower,
    lower_places,
    upper,
    upper_places,
)
from polyapprox.scaling import scales_with_interval

FLOATS = st.floats(allow_nan=False, allow_infinity=False)
DYADIC = st.builds(dyadic, st.integers(-(2**400), 2**400), st.integers(-3000, 3000))
RATIONAL = st.fractions()
NEAR_TEN = st.builds(  # where the number of digits changes
    lambda power, off: Fraction(10) ** power * (1 + Fraction(off, 10**20)),
    st.integers(-40, 40), st.integers(-3, 3),
)  # fmt: skip
VALUES = st.one_of(FLOATS, DYADIC, RATIONAL, NEAR_TEN)


def exactly(value: object) -> Fraction:
    return fraction(value) if isinstance(value, mpmath.mpf) else Fraction(value)  # type: ignore[arg-type]


@given(VALUES, st.integers(1, 30))
def test_significant_digits(value: object, digits: int) -> None:
    true = exactly(value)
    low, high = Fraction(lower(value, digits)), Fraction(upper(value, digits))
    assert low <= true <= high
    assert high - low <= abs(true) * Fraction(10) ** (1 - digits) * Fraction(11, 10)
    assert lower(-true, digits) == "-" * (true > 0) + upper(true, digits).lstrip("-" * (true < 0)) or not true


@given(VALUES, st.integers(0, 12))
def test_places(value: object, places: int) -> None:
    true = exactly(value)
    low, high = Fraction(lower_places(value, places)), Fraction(upper_places(value, places))
    assert low <= true <= high and high - low <= Fraction(1, 10**places)
    _, _, tail = upper_places(value, places).partition(".")
    assert len(tail) == places


@given(FLOATS, st.integers(1, 17))
def test_it_is_one_of_the_two_neighbours_of_the_nearest_text(value: float, digits: int) -> None:
    nearest = f"{value:.{digits}g}"
    assert Fraction(nearest) in {Fraction(lower(value, digits)), Fraction(upper(value, digits))}


@given(VALUES)
def test_floats(value: object) -> None:
    true = exactly(value)
    for low, high in ((below(value), above(value)), (float_down(value), float_up(value))):
        assert (low == -math.inf or Fraction(low) <= true) and (high == math.inf or true <= Fraction(high))
        assert high <= math.nextafter(math.nextafter(math.nextafter(low, math.inf), math.inf), math.inf)
    for safe in (float_down(value), float_up(value)):
        if math.isfinite(safe):
            assert (Fraction(repr(safe)) >= true) if safe == float_up(value) else (
                Fraction(repr(safe)) <= true
            )


@given(st.one_of(FLOATS, DYADIC, RATIONAL).filter(lambda v: exactly(v) > 0), st.integers(1, 10**6))
def test_bits(error: object, unit: int) -> None:
    bits = bits_of(error, unit)
    with mpmath.workprec(400):
        ratio = exactly(error) / unit
        true = -(mpmath.log(ratio.numerator, 2) - mpmath.log(ratio.denominator, 2))
        slack = mpmath.mpf(2) ** -300 * (1 + abs(true))
        assert mpmath.mpf(repr(bits)) <= true + slack and bits <= true + slack
        assert true - bits <= 2.0**-51 * (1 + abs(true))


@pytest.mark.parametrize(
    ("value", "digits", "up", "down"),
    [
        (2.50726e-07, 4, "2.508e-07", "2.507e-07"),
        (0.9999999, 3, "1", "0.999"),
        (1234567.0, 4, "1.235e+06", "1.234e+06"),
        (0.0001, 3, "0.000101", "0.0001"),
        (0.00001, 1, "2e-05", "1e-05"),
        (-0.5, 3, "-0.5", "-0.5"),
        (0.0, 3, "0", "0"),
        (math.inf, 3, "inf", "inf"),
        (Fraction(1, 3), 5, "0.33334", "0.33333"),
    ],
)
def test_texts(value: object, digits: int, up: str, down: str) -> None:
    assert (upper(value, digits), lower(value, digits)) == (up, down)


@pytest.mark.parametrize(
    ("function", "scales"),
    [
        ("relu", True), ("abs", True), ("maximum", True), ("minimum", True), ("x", True),
        ("3*relu(x) - abs(x)/7", True), ("x*sign(x)", True), ("sqrt(x**2)", True),
        ("x**2/abs(x)", True), ("x*step(-x)", True), ("relu(relu(x))", True),
        ("sign", False), ("step", False), ("sigmoid", False), ("tanh", False), ("erf", False),
        ("exp", False), ("1/x", False), ("gelu", False), ("silu", False), ("softplus", False),
        ("relu(x-1)", False), ("abs(x)+1", False), ("x**2", False), ("sqrt", False),
        ("x*sigmoid(x)", False), ("5", False), ("<black box f>", False), ("<lambda>", False),
    ],
)  # fmt: skip
def test_what_scales_with_its_interval(function: str, scales: bool) -> None:
    assert scales_with_interval(function) == scales
    assert not scales_with_interval(function, "1/abs(x)")


@pytest.mark.parametrize("exponent", [2**60, 5000, -5000, -(2**60)])
def test_immense_exponents_round_without_being_written_out(exponent: int) -> None:
    value = dyadic(3, exponent)
    low, high = (sys.float_info.max, math.inf) if exponent > 0 else (0.0, 5e-324)
    assert (below(value), above(value)) == (low, high)
    assert (below(-value), above(-value)) == (-high, -low)
    assert float_up(value) == high and float_down(-value) == -high
