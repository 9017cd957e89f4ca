"""One plan, every arithmetic: the same value in each, the degree claimed, no violated bound."""

from fractions import Fraction

import mpmath
import numpy as np
import pytest
import sympy
from flint import arb, fmpq

import polyapprox as pa
from polyapprox import Approximation
from polyapprox.numbers import fraction
from polyapprox.precision import working_precision

POINTS = (-1.0, -0.7071, -(2.0**-7), 0.0, 3e-5, 0.125, 0.9375, 1.0)


@pytest.fixture(scope="module", params=[3, 5, 8])
def circuit(request: pytest.FixtureRequest) -> Approximation:
    return pa.circuit("relu", multiplications=request.param)


@pytest.mark.parametrize("x", POINTS)
def test_all_arithmetics_agree(circuit: Approximation, x: float) -> None:
    exactly = circuit.plan.run(Fraction(x))  # rational arithmetic: no rounding at all
    assert isinstance(exactly, Fraction)
    in_floats = circuit.plan.run(np.array([x]))[0]
    assert abs(Fraction(float(in_floats)) - exactly) < 2.0**-40
    with mpmath.workdps(100):
        digits = circuit.plan.run(mpmath.mpf(x))
        assert (
            abs(digits - mpmath.mpf(exactly.numerator) / exactly.denominator)
            < mpmath.mpf(10) ** -95
        )
    with working_precision(400):
        ball = circuit.plan.run(arb(x))
    with working_precision(20_000):
        assert ball.overlaps(arb(fmpq(exactly.numerator, exactly.denominator)))
        assert ball.rad() < arb((1, -360))
    relu = max(Fraction(x), Fraction(0))
    assert abs(exactly - relu) <= Fraction(circuit.error_bound)


def test_a_ball_of_arguments_contains_all_their_values(circuit: Approximation) -> None:
    with working_precision(200):
        wide = circuit.plan.run(arb(0.5, 0.01))
        for x in (0.49, 0.4951, 0.5, 0.5099, 0.51):
            assert wide.contains(circuit.plan.run(arb(x)))


@pytest.mark.parametrize("multiplications", [1, 2, 3, 4, 5])
def test_the_expanded_polynomial_has_the_degree_that_is_claimed(multiplications: int) -> None:
    r = pa.circuit("relu", multiplications=multiplications)
    x = sympy.Symbol("x")

    def rational(constant: mpmath.mpf) -> sympy.Rational:
        value = fraction(constant)
        return sympy.Rational(value.numerator, value.denominator)

    expanded = sympy.Poly(sympy.expand(r.plan.run(x, lift=rational)), x)
    assert expanded.degree() == 2**multiplications == r.degrees[0]
    odd = [power for (power,), _ in expanded.terms() if power % 2]
    assert odd == [1]  # x/2 and an even polynomial: |x|/2
    assert abs(expanded.coeff_monomial(x) - sympy.Rational(1, 2)) < 2.0**-50
    for point in (Fraction(1, 3), Fraction(-5, 7)):
        value = expanded.eval(sympy.Rational(point.numerator, point.denominator))
        assert Fraction(int(value.p), int(value.q)) == r.plan.run(point)


@pytest.mark.parametrize("multiplications", [5, 8])
def test_no_point_of_a_million_violates_the_bound(multiplications: int) -> None:
    r = pa.circuit("relu", multiplications=multiplications)
    near = np.geomspace(1e-12, 1.0, 250_000)
    x = np.concatenate([np.linspace(-1, 1, 500_000), near, -near])
    error = np.abs(r.plan.run(x) - np.maximum(x, 0.0))
    assert x.size == 10**6
    assert 0.99 * r.error_bound < error.max() <= r.error_bound
