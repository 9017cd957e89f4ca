"""The table of named functions: every arithmetic against mpmath, symmetries, pieces, SymPy."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import functions_tables as tables
import mpmath
import numpy as np
import pytest
import sympy
from flint import arb, arb_series
from mpmath import mpf

from polyapprox.errors import ArgumentError, ExpressionError
from polyapprox.expression import FUNCTIONS, parse
from polyapprox.functions import NAMED
from polyapprox.functions.symmetry import symmetry
from polyapprox.interpreters import mpmath_function, to_sympy
from polyapprox.precision import working_precision
from polyapprox.targets import as_target

DIGITS = 80

# The functions as their definitions say, written down apart from the table.
TRUE: dict[str, Callable[[Any], Any]] = {
    "exp": mpmath.exp,
    "log": mpmath.log,
    "sqrt": mpmath.sqrt,
    "sin": mpmath.sin,
    "cos": mpmath.cos,
    "tan": lambda x: mpmath.sin(x) / mpmath.cos(x),
    "asin": mpmath.asin,
    "acos": lambda x: mpmath.pi / 2 - mpmath.asin(x),
    "atan": mpmath.atan,
    "tanh": lambda x: (mpmath.exp(2 * x) - 1) / (mpmath.exp(2 * x) + 1),
    "sinh": lambda x: (mpmath.exp(x) - mpmath.exp(-x)) / 2,
    "cosh": lambda x: (mpmath.exp(x) + mpmath.exp(-x)) / 2,
    "expm1": lambda x: mpmath.exp(x) - 1,
    "log1p": lambda x: mpmath.log(1 + x),
    "sinc": lambda x: mpmath.sin(x) / x if x else mpf(1),
    "cbrt": lambda x: mpmath.sign(x) * abs(x) ** (mpf(1) / 3),
    "logit": lambda x: mpmath.log(x / (1 - x)),
    "entropy": lambda x: -x * mpmath.log(x) if x else mpf(0),
    "erf": lambda x: 2 * mpmath.ncdf(x * mpmath.sqrt(2)) - 1,
    "erfc": mpmath.erfc,
    "normcdf": mpmath.ncdf,
    "lgamma": lambda x: mpmath.log(mpmath.gamma(x)),
    "digamma": lambda x: mpmath.psi(0, x),
    "sigmoid": lambda x: mpmath.exp(x) / (1 + mpmath.exp(x)),
    "silu": lambda x: x * mpmath.exp(x) / (1 + mpmath.exp(x)),
    "softplus": lambda x: mpmath.log(1 + mpmath.exp(x)),
    "gelu": lambda x: x * mpmath.ncdf(x),
    "gelu_tanh": lambda x: (
        x / 2 * (1 + mpmath.tanh(mpmath.sqrt(2 / mpmath.pi) * (x + mpf("0.044715") * x**3)))
    ),
    "mish": lambda x: x * mpmath.tanh(mpmath.log(1 + mpmath.exp(x))),
    "softsign": lambda x: x / (1 + abs(x)),
    "elu": lambda x: x if x > 0 else mpmath.exp(x) - 1,
    "abs": abs,
    "sign": mpmath.sign,
    "relu": lambda x: max(x, mpf(0)),
    "step": lambda x: (1 + mpmath.sign(x)) / 2,
    "hardtanh": lambda x: max(mpf(-1), min(mpf(1), x)),
    "hardswish": lambda x: x * min(max(x + 3, mpf(0)), mpf(6)) / 6,
}

POSITIVE = [(1e-9, 1e-6), (0.01, 0.5), (0.5, 2.0), (2.0, 30.0)]
INTERVALS: dict[str, list[tuple[float, float]]] = {
    "log": POSITIVE,
    "sqrt": POSITIVE,
    "lgamma": POSITIVE,
    "entropy": POSITIVE,
    "digamma": [*POSITIVE, (-0.9, -0.1), (-7.9, -7.2)],
    "log1p": [(-0.9, -0.5), (-1e-7, 1e-8), *POSITIVE],
    "logit": [(1e-9, 1e-6), (0.01, 0.5), (0.4, 0.6), (0.9, 0.9999)],
    "asin": [(-0.99, -0.2), (-1e-5, 1e-6), (0.3, 0.7)],
    "acos": [(-0.99, -0.2), (-1e-5, 1e-6), (0.3, 0.7)],
    "tan": [(-1.5, -0.2), (-1e-5, 1e-6), (0.3, 1.4)],
}
EVERYWHERE = [(-20.0, -4.0), (-3.0, -1.0), (-0.9, -0.1), (-1e-4, 1e-5), (0.3, 0.8), (1.2, 2.9),
              (3.5, 20.0)]  # fmt: skip


def intervals(name: str) -> list[tuple[float, float]]:
    return INTERVALS.get(name, EVERYWHERE)


def test_the_battery_is_complete() -> None:
    assert set(TRUE) == set(NAMED) == FUNCTIONS


def true_value(name: str, x: float | mpf) -> mpf:
    with mpmath.workdps(3 * DIGITS):
        return mpf(TRUE[name](mpf(x)))


def true_coefficient(name: str, x: float, k: int) -> mpf:
    with mpmath.workdps(3 * DIGITS):
        return mpmath.taylor(TRUE[name], mpf(x), k)[k]


def contains(enclosure: arb, value: mpf) -> bool:
    """Whether the enclosure, widened by 10^-60 of its size, contains the value."""
    with mpmath.workdps(DIGITS):
        text = mpmath.nstr(value, DIGITS)
    slack = (abs(enclosure).upper() + arb(2) ** -180) * arb(0, 2.0**-170)
    return bool((enclosure + slack).contains(arb(text).mid()))


@pytest.mark.parametrize("name", sorted(NAMED))
def test_values_in_every_arithmetic_agree_with_mpmath(name: str) -> None:
    target, chance = as_target(name), np.random.default_rng(len(name))
    for low, high in intervals(name):
        for x in chance.uniform(low, high, 6):
            truth = true_value(name, x)
            scale = max(abs(truth), mpf("1e-300"))
            assert abs(mpf(float(target.numpy(x))) - truth) <= 1e-13 * scale, x
            with mpmath.workdps(40):
                assert abs(target.mpmath(x) - truth) <= mpf(10) ** -30 * (scale + abs(x)), x
            with working_precision(200):
                value = target.ball(arb(x))
                assert contains(value, truth), x
                assert value.rad() <= abs(value.mid()) * arb((1, -140)), x


@pytest.mark.parametrize("name", sorted(NAMED))
def test_wide_balls_and_series_contain_what_lies_inside(name: str) -> None:
    target, chance = as_target(name), np.random.default_rng(7 * len(name))
    for low, high in intervals(name):
        with working_precision(200):
            wide = arb(low).union(arb(high))
            value, series = target.ball(wide), target.series(arb_series([wide, 1], 5))
            inside = chance.uniform(low, high, 4)
            near = target.series(arb_series([arb(inside[0]), 1], 5))
            assert value.is_finite()
            for x in (low, high, *inside):
                assert contains(value, true_value(name, x)), x
            for k in range(5):
                assert near[k].is_finite() or name in ("sign", "step")
                for x in inside[:2] if series[k].is_finite() else ():
                    assert contains(series[k], true_coefficient(name, x, k)), (x, k)
                if near[k].is_finite():
                    assert contains(near[k], true_coefficient(name, inside[0], k)), k


@pytest.mark.parametrize("name", sorted(NAMED))
def test_series_along_another_function(name: str) -> None:
    """f(u(t)) with u = c + t/2 − t²: the chain rule."""
    target = as_target(name)
    low, high = intervals(name)[1]
    c = (low + high) / 2
    with working_precision(200):
        series = target.series(arb_series([arb(c), arb(0.5), -1], 4))
    with mpmath.workdps(DIGITS):
        expected = mpmath.taylor(lambda t: TRUE[name](c + t / 2 - t * t), 0, 3)
    for k in range(4):
        assert abs(float(series[k].mid()) - float(expected[k])) <= 1e-9 * (
            1 + abs(float(expected[k]))
        )


@pytest.mark.parametrize("name", sorted(n for n in NAMED if NAMED[n].symmetry is not None))
def test_symmetries_of_the_table_hold(name: str) -> None:
    known = NAMED[name].symmetry
    assert known is not None
    sign = 1 if known.parity == "even" else -1
    with mpmath.workdps(3 * DIGITS):
        constant = mpmath_function(parse(known.constant))(0)
        centre, slope = (mpf(v.numerator) / v.denominator for v in (known.centre, known.slope))

        def rest(t: mpf) -> mpf:
            return TRUE[name](centre + t) - constant - slope * t

        for t in (mpf("0.03"), mpf("0.25"), mpf("0.4711")):
            assert abs(rest(t) - sign * rest(-t)) < mpf(10) ** -200


@pytest.mark.parametrize("name", ["exp", "log", "expm1", "log1p", "elu", "mish", "entropy", "lgamma",
                                  "digamma", "sqrt"])  # fmt: skip
def test_functions_without_symmetry_claim_none(name: str) -> None:
    assert NAMED[name].symmetry is None and symmetry(parse(name)) is None


@pytest.mark.parametrize(
    ("text", "parity", "slope", "constant"),
    [
        ("gelu", "even", "1/2", "0"),
        ("3*gelu(2*x)", "even", "3", "0"),
        ("silu(x)-x/2", "even", "0", "0"),
        ("x/(1+exp(-x))", "even", "1/2", "0"),
        ("x*sigmoid(x)", "even", "1/2", "0"),
        ("x*(1+erf(x/sqrt(2)))/2", "even", "1/2", "0"),
        ("log(1+exp(3*x))", "even", "3/2", "0"),
        ("log1p(exp(x))+2*x", "even", "5/2", "0"),
        ("sigmoid", "odd", "0", "1/2"),
        ("1/(1+exp(-x))", "odd", "0", "1/2"),
        ("2*sigmoid(x)-1", "odd", "0", "0"),
        ("7*normcdf(x**3)", "odd", "0", "7/2"),
        ("1-erf(x)", "odd", "0", "1"),
        ("relu(x)+relu(-x)", "even", "0", "0"),
        ("logit(x+1/2)", "odd", "0", "0"),
        ("cos(x)*hardswish(x)", None, None, None),
        ("gelu(x**3)", None, None, None),
        ("gelu(x+1)", None, None, None),
        ("exp(x)*sigmoid(x)", None, None, None),
        ("sigmoid(x)*sigmoid(x)", None, None, None),
        ("gelu(x)*x", None, None, None),
        ("(x+1)**2", None, None, None),
        ("Piecewise((x, x>0), (0, True))", None, None, None),
    ],
)
def test_symmetries_of_trees(
    text: str, parity: str | None, slope: str | None, constant: str | None
) -> None:
    found = symmetry(parse(text))
    if parity is None:
        assert found is None
        return
    assert found is not None and found.parity == parity
    assert found.slope == Fraction(slope or "0")
    function = mpmath_function(parse(text))
    sign = 1 if parity == "even" else -1
    with mpmath.workdps(40):
        middle = mpf(Fraction(constant or "0").numerator) / Fraction(constant or "0").denominator
        assert mpmath_function(found.constant)(0) == middle
        for t in (mpf("0.3"), mpf("1.7")):
            if "logit" in text and t > 0.5:
                continue
            slope_value = mpf(found.slope.numerator) / found.slope.denominator
            line = [middle + slope_value * v for v in (t, -t)]
            assert abs(function(t) - line[0] - sign * (function(-t) - line[1])) < 1e-35


def test_points_where_a_formula_would_divide_by_zero() -> None:
    with working_precision(200):
        assert as_target("sinc").ball(arb(0)) == 1
        assert as_target("entropy").ball(arb(0)) == 0
        assert contains(
            as_target("sinc").series(arb_series([0, 1], 5))[2],
            mpmath.workdps(DIGITS)(lambda: mpf(-1) / 6)(),
        )
        unit = as_target("entropy").ball(arb(0).union(arb(1)))
        assert contains(unit, mpmath.workdps(DIGITS)(mpmath.exp)(-1)) and unit.upper() < 0.3679
        assert not as_target("entropy").ball(arb(-0.5)).is_finite()
        assert not as_target("lgamma").ball(arb(-0.5)).is_finite()
        assert not as_target("digamma").ball(arb(0, 1)).is_finite()
    assert float(as_target("entropy").numpy(0.0)) == 0.0
    assert float(as_target("sinc").numpy(0.0)) == 1.0
    assert np.isnan(as_target("lgamma").numpy(-0.5))


def test_no_digit_is_lost_where_values_are_small() -> None:
    """Forms that do not cancel: tails and neighbourhoods of zeros, to full relative precision."""
    with working_precision(53):
        for name, x in (
            ("erfc", 26.0), ("expm1", 1e-30), ("log1p", 1e-30), ("normcdf", -30.0), ("gelu", -30.0),
            ("softplus", -300.0), ("mish", -300.0), ("silu", -300.0), ("elu", -1e-30),
            ("tanh", 1e-30),
        ):  # fmt: skip
            value, series = (
                as_target(name).ball(arb(x)),
                as_target(name).series(arb_series([x, 1], 3)),
            )
            assert value.rel_accuracy_bits() >= 40, name
            assert series[0].rel_accuracy_bits() >= 40, name
            truth = true_value(name, x)
            assert float(as_target(name).numpy(x)) == pytest.approx(float(truth), rel=1e-13)


# --- functions put together of pieces -----------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "true"),
    [
        ("max(x, 0)", lambda x: max(x, mpf(0))),
        ("Max(x, -x, 1/2)", lambda x: max(x, -x, mpf("0.5"))),
        ("min(1, max(-1, 2*x))", lambda x: min(mpf(1), max(mpf(-1), 2 * x))),
        ("Abs(x-1/4)", lambda x: abs(x - mpf("0.25"))),
        ("Heaviside(x-1/4)*x", lambda x: x if x > 0.25 else mpf(0)),
        ("Piecewise((x, x > 0), (0, True))", lambda x: max(x, mpf(0))),
        (
            "Piecewise((0, x < -3), (x, x > 3), (x*(x+3)/6, True))",
            lambda x: x * min(max(x + 3, mpf(0)), mpf(6)) / 6,
        ),
        ("Piecewise((1-x**2, (x >= -1) & (x <= 1)), (0, True))", lambda x: max(1 - x * x, mpf(0))),
        ("Piecewise((1-x**2, -1 <= x <= 1), (0, (x < -1) | (x > 1)))",
         lambda x: max(1 - x * x, mpf(0))),
    ],
)  # fmt: skip
def test_pieces_of_expressions(text: str, true: Callable[[Any], Any]) -> None:
    target = as_target(text)
    assert target.pieces is not None
    for x in np.linspace(-4.1, 4.3, 41):
        with mpmath.workdps(40):
            truth = mpf(true(mpf(x)))
            (piece,) = [
                p for a, b, p in target.pieces if (a is None or a < x) and (b is None or x <= b)
            ]
            exactly = sum((c * Fraction(float(x)) ** k for k, c in enumerate(piece)), Fraction(0))
            assert abs(mpf(exactly.numerator) / exactly.denominator - truth) < 1e-35
            assert abs(target.mpmath(x) - truth) < 1e-35
        assert float(target.numpy(x)) == pytest.approx(float(truth), abs=1e-15)
        with working_precision(100):
            assert abs(target.ball(arb(x)) - arb(float(truth))) < arb(1e-13)
            wide = target.ball(arb(x, 0.3))
            for v in (x - 0.29, x + 0.29):
                assert wide.overlaps(arb(float(target.numpy(v))))
            series = target.series(arb_series([arb(x, 0.3), 1], 3))
            edges = [float(b) for b in target.breakpoints]
            if any(abs(b - x) < 0.3 for b in edges):
                assert not series[0].is_finite() or not series[1].is_finite()


@pytest.mark.parametrize(
    ("text", "edges"),
    [
        ("Piecewise((exp(x), x < 0), (1 + x, True))", [0]),
        ("Piecewise((log(x), x > 2), (x/2, True))", [2]),
        ("max(exp(x), 2) + abs(x-1)", [1]),
        ("elu(2*x-1)", [0.5]),
        ("softsign(x+2)", [-2]),
        ("hardtanh(x)*exp(x)", [-1, 1]),
        ("cbrt(x-1)", [1]),
    ],
)
def test_breakpoints_of_what_is_not_polynomial(text: str, edges: list[float]) -> None:
    target = as_target(text)
    assert target.pieces is None
    assert [float(b) for b in target.breakpoints] == edges
    assert target.ball(arb(0.125)).is_finite()


@pytest.mark.parametrize(
    "text",
    ["Piecewise(x, x>0)", "Piecewise()", "Piecewise((x, x))", "Piecewise((x, x == 0))", "max(x)",
     "Piecewise((x, x > 0, 1))", "x > 0", "(x, x)", "Piecewise((x, not x))", "Heaviside(x, 1)",
     "Piecewise((x, x > 0), *x)", "max(x, y=1)", "Piecewise((x, " + "(" * 150 + "x>0" + ")" * 150 + "))",
     "Piecewise((x, " + "&".join(["(x>0)"] * 60) + "))" * 2],
)  # fmt: skip
def test_pieces_that_are_refused(text: str) -> None:
    if text.count("(") > 100:
        parse(text.replace(" ", ""))  # brackets alone are no depth
        return
    with pytest.raises(ExpressionError):
        parse(text)


def test_sympy_objects_and_what_they_print() -> None:
    x, t = sympy.Symbol("x"), sympy.Symbol("t", real=True)
    for given in (
        sympy.Max(0, t), sympy.Abs(t - sympy.Rational(1, 3)), sympy.exp(-(t**2)) / (1 + t**2),
        sympy.Piecewise((t, t > 0), (sympy.exp(t) - 1, True)), sympy.Heaviside(t - 2),
        sympy.erfc(x) + sympy.pi * x, sympy.loggamma(x + 3), 0.1 * x,
    ):  # fmt: skip
        target = as_target(given)
        symbol = next(iter(given.free_symbols))
        for v in (-1.3, 0.7, 2.4):
            expected = complex(given.subs(symbol, v).evalf(20))
            if expected.imag == 0:
                assert float(target.numpy(v)) == pytest.approx(expected.real, rel=1e-13)
        assert as_target(target.name) == target
    assert as_target(0.1 * x).ball(arb(1)).contains(arb(0.1))
    for wrong in (sympy.Symbol("a") + x, sympy.zeta(x), sympy.I * x, sympy.Matrix([1, 2])):
        with pytest.raises(ArgumentError):
            as_target(wrong)


@pytest.mark.parametrize("name", sorted(NAMED))
def test_sympy_form(name: str) -> None:
    low, high = intervals(name)[1]
    form = to_sympy(parse(name))
    value = form.subs(sympy.Symbol("x", real=True), sympy.Rational(low + (high - low) / 3)).evalf(
        30
    )
    assert float(value) == pytest.approx(float(true_value(name, low + (high - low) / 3)), rel=1e-12)


def test_the_page_on_functions_is_up_to_date() -> None:
    assert tables.main(tables.PAGE, tables.TABLES, ["--check"]) == 0
