"""Functions that doubles do not show: tails, huge ranges, zeros of a relative error, lines taken out.

Truths are values of mpmath at 400 digits.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest
from flint import arb
from mpmath import mpf

import polyapprox as pa
from polyapprox.errors import ArgumentError, DomainError, NotConvergedError, ProofError
from polyapprox.numbers import fraction
from polyapprox.proof.prove import prove
from polyapprox.recipes.reduction import reduction_of
from polyapprox.remez.problem import Goal
from polyapprox.targets import as_target

DIGITS = 400


def largest_error(
    p: pa.Approximation, true: Callable[[Any], Any], relative: bool, count: int = 400
) -> mpf:
    """Largest error of the plan at many points of the domain, ends and their neighbours too."""
    worst = mpf(0)
    for low, high in p.domain:
        a, b = float(low), float(high)
        angles = np.sin(np.linspace(0, np.pi / 2, count)) ** 2
        near = np.geomspace(1e-14, 1, 60) * (b - a)
        points = {*(a + (b - a) * angles), *(a + near), *(b - near), *np.geomspace(1e-9, 1, 20) * b}
        for x in points:
            if not (a <= x <= b) or (relative and x == 0):
                continue
            with mpmath.workdps(DIGITS):
                exactly = p.plan.run(Fraction(float(x)))
                value = mpf(exactly.numerator) / exactly.denominator
                truth = mpf(true(mpf(float(x))))
                worst = max(worst, abs(value - truth) / (abs(truth) if relative else 1))
    return worst


RELATIVE = [
    ("1-erf(x)", 10, (2.0, 6.0), mpmath.erfc),
    ("erfc", 6, (3.0, 5.0), mpmath.erfc),
    ("normcdf", 8, (-9.0, -7.0), mpmath.ncdf),
    ("1-erf(x)", 10, (20.0, 26.0), mpmath.erfc),
    ("exp(x)-1", 5, (1e-12, 1e-3), mpmath.expm1),
    ("sinh(x)", 6, (1e-11, 0.1), mpmath.sinh),
    ("log(1+x)", 5, (1e-10, 0.01), mpmath.log1p),
    ("exp", 60, (-50.0, 50.0), mpmath.exp),
    ("exp(-x)", 40, (-20.0, 40.0), lambda x: mpmath.exp(-x)),
    ("cosh", 40, (-40.0, 40.0), mpmath.cosh),
]


@pytest.mark.parametrize(("function", "degree", "domain", "true"), RELATIVE)
def test_relative_errors_where_doubles_see_zeros(
    function: str, degree: int, domain: tuple[float, float], true: Callable[[Any], Any]
) -> None:
    p = pa.minimax(function, degree, domain=domain, relative=True)
    worst = largest_error(p, true, relative=True)
    assert p.certificate is not None and p.certificate.lower is not None
    assert 0.98 * p.certificate.lower <= worst <= p.certificate.upper
    assert p.certificate.upper <= 1.001 * p.certificate.lower


ACROSS_ZERO = [
    ("tanh", 15, (-10.0, 10.0), mpmath.tanh),
    ("tanh", 7, (0.0, 4.0), mpmath.tanh),
    ("sin", 9, (-3.0, 3.0), mpmath.sin),
    ("erf(x)", 11, (-2.0, 2.0), mpmath.erf),
    ("expm1", 5, (-1.0, 1.0), mpmath.expm1),
    ("exp(x)-1", 6, (0.0, 2.0), mpmath.expm1),
    ("expm1", 5, (-0.5, 1.0), mpmath.expm1),
    ("log1p", 8, (-0.625, 3.0), mpmath.log1p),
    ("gelu", 6, (-0.5, 0.25), lambda x: x * mpmath.ncdf(x)),
    ("hardtanh(x)", 9, (-3.0, 3.0), lambda x: min(max(x, mpf(-1)), mpf(1))),
]


@pytest.mark.parametrize(("function", "degree", "domain", "true"), ACROSS_ZERO)
def test_relative_error_across_a_simple_zero(
    function: str, degree: int, domain: tuple[float, float], true: Callable[[Any], Any]
) -> None:
    p = pa.minimax(function, degree, domain=domain, relative=True)
    assert p.plan.run(Fraction(0)) == 0 and p.components[0](Fraction(0)) == 0
    worst = largest_error(p, true, relative=True)
    assert p.certificate is not None and p.certificate.lower is not None
    assert 0.98 * p.certificate.lower <= worst <= p.certificate.upper
    assert p.certificate.upper <= 1.001 * p.certificate.lower
    assert p.certificate.lower_for.startswith(f"any polynomial of degree at most {degree}")
    assert pa.verify(p).ok
    with mpmath.workdps(60):
        for x in (mpf(2) ** -100, mpf(2) ** -1000):  # a relative error lives next to the zero too
            exactly = p.plan.run(fraction(x))
            value = mpf(exactly.numerator) / exactly.denominator
            with mpmath.workdps(1000):
                truth = true(x)
            assert abs(value / truth - 1) <= p.certificate.upper * (1 + mpf(10) ** -40)


def test_a_plan_that_misses_the_zero_has_no_relative_error() -> None:
    from dataclasses import replace

    from polyapprox.recipes.plans import polynomial_plan

    p = pa.minimax("expm1", 5, domain=(-0.5, 1), relative=True)
    other = pa.minimax("expm1", 5, domain=(-0.5, 1))
    moved = replace(
        p, components=other.components, plan=polynomial_plan(other.components[0]), certificate=None
    )
    with pytest.raises(ProofError, match="infinite there"):
        prove(moved)


def test_relative_precision_across_a_zero() -> None:
    p = pa.minimax("tanh", precision=2**-10, domain=(-3, 3), relative=True)
    assert p.components[0].parity == "odd" and p.error_bound <= 2**-10 * 3
    q = pa.minimax(lambda x: x * (1 + x / 3), tolerance=1e-3, domain=(-1, 1), relative=True)
    assert q.components[0].degree == 2 and q.error_bound < 1e-20
    with pytest.raises(ArgumentError, match=r"degree=0 is too low .* give at least 1"):
        pa.minimax("sin", 0, relative=True)


ABSOLUTE = [
    ("log", 12, (1e-200, 0.5), mpmath.log),
    ("log(x)", 5, (1e-300, 1.0), mpmath.log),
    ("sqrt(x)", 4, (1e-250, 1.0), mpmath.sqrt),
    ("log(20*x*(1-x)**3)", 9, (1e-200, 1 - 2.0**-53), lambda x: mpmath.log(20 * x * (1 - x) ** 3)),
    ("log(x/(1-x))", 9, (1e-200, 1 - 2.0**-53), lambda x: mpmath.log(x / (1 - x))),
    ("entropy", 8, (0.0, 1.0), lambda x: -x * mpmath.log(x) if x else mpf(0)),
    ("cbrt", 9, (-1.0, 1.0), lambda x: mpmath.sign(x) * mpmath.cbrt(abs(x))),
    ("elu", 9, (-4.0, 3.0), lambda x: x if x > 0 else mpmath.expm1(x)),
    ("max(exp(x), 2-x)", 9, (-1.0, 2.0), lambda x: max(mpmath.exp(x), 2 - x)),
    ("Piecewise((sin(x), x < 0), (x, True))", 8, (-2.0, 2.0), lambda x: x if x > 0 else mpmath.sin(x)),
    ("hardswish", 12, (-6.0, 6.0), lambda x: x * min(max(x + 3, mpf(0)), mpf(6)) / 6),
    ("digamma", 12, (0.5, 6.0), mpmath.digamma),
    ("lgamma", 12, (0.5, 6.0), mpmath.loggamma),
]  # fmt: skip


@pytest.mark.parametrize(("function", "degree", "domain", "true"), ABSOLUTE)
def test_absolute_errors(
    function: str, degree: int, domain: tuple[float, float], true: Callable[[Any], Any]
) -> None:
    p = pa.minimax(function, degree, domain=domain)
    worst = largest_error(p, true, relative=False)
    assert p.certificate is not None and p.certificate.lower is not None
    assert 0.98 * p.certificate.lower <= worst <= p.certificate.upper
    assert p.certificate.upper <= 1.001 * p.certificate.lower


@pytest.mark.parametrize(
    ("function", "domain", "words"),
    [
        ("exp(-1/x**2)", (-1, 1), "undefined near x="),
        ("exp(-1/x**2)", (0, 1), "undefined near x="),
        ("exp(-1/x**2)", (-1, 2), "undefined near x="),
        ("x*log(x)", (0, 1), "undefined near x=0"),
        ("sin(x)/x", (-1, 1.5), "undefined near x="),
        ("log(20*x*(1-x)**3)", (0, 1), "undefined near x=0"),
        ("lgamma", (-1, 1), "undefined near x=-1"),
        ("digamma", (-2.5, -1.5), "undefined near x=-2"),
        ("logit", (0, 0.5), "undefined near x=0"),
        ("Heaviside(x)", (-1, 1), "jumps at x=0"),
        ("Piecewise((0, x < 1/4), (1, True))", (0, 1), "jumps at x=0.25"),
    ],
)
def test_one_true_sentence(function: str, domain: tuple[float, float], words: str) -> None:
    with pytest.raises(DomainError, match=words):
        pa.minimax(function, 6, domain=domain)


def test_advice_where_a_relative_error_is_beyond_the_degree() -> None:
    with pytest.raises(
        NotConvergedError, match=r"raise the degree, or shorten or split the domain"
    ):
        pa.minimax("exp(-x**2)", 30, domain=(20, 26), relative=True)


# --- a line or a constant taken out -------------------------------------------------------------


@pytest.mark.parametrize(
    ("function", "degree", "domain", "multiplications", "before"),
    [
        ("gelu", 14, (-5.0, 5.0), 5, 7),
        ("silu", 14, (-8.0, 8.0), 5, 7),
        ("softplus", 14, (-8.0, 8.0), 5, 7),
        ("gelu_tanh", 14, (-5.0, 5.0), 5, 7),
        ("hardswish", 14, (-5.0, 5.0), 5, 7),
        ("x/(1+exp(-x))", 14, (-8.0, 8.0), 5, 7),
        ("sigmoid", 15, (-8.0, 8.0), 6, 7),
        ("normcdf", 7, (-3.0, 3.0), 4, 4),
        ("acos", 9, (-0.9, 0.9), 4, 5),
    ],
)
def test_a_line_or_constant_is_taken_out(
    function: str, degree: int, domain: tuple[float, float], multiplications: int, before: int
) -> None:
    p = pa.minimax(function, degree, domain=domain)
    assert p.counts().multiplications == multiplications <= before
    coefficients = p.components[0].coefficients
    even = as_target(function).symmetry
    assert even is not None
    assert not any(coefficients[3::2] if even.parity == "even" else coefficients[2::2])
    assert p.certificate is not None and p.certificate.lower is not None
    assert p.certificate.upper <= 1.001 * p.certificate.lower
    made = p.components[0].degree
    assert p.certificate.lower_for.startswith(f"any polynomial of degree at most {made}")
    general = pa.minimax(function, degree, domain=(domain[0], domain[1] * (1 + 2.0**-30)))
    assert abs(general.error_bound / p.error_bound - 1) < 2e-3  # no worse than without
    assert pa.verify(p).ok


def test_no_line_is_taken_where_none_may_be() -> None:
    target, unit = as_target("gelu"), ((-2.0, 2.0),)
    for domain, weight in ((((-2.0, 3.0),), None), (unit, as_target("1+x/9+x**2"))):
        assert reduction_of(Goal(target, domain, weight), 8).kind == "plain"
    assert reduction_of(Goal(target, unit, as_target("1+x**2")), 8).kind == "line"
    assert reduction_of(Goal(target, unit), 0).kind == "plain"
    assert reduction_of(Goal(as_target("mish"), unit), 8).kind == "plain"
    assert pa.minimax("sigmoid", 0, domain=(-2, 2)).components[0].degree == 0
    one = pa.minimax("gelu", 1, domain=(-2, 2))
    assert one.certificate is not None and one.certificate.lower is not None
    assert one.certificate.upper <= 1.001 * one.certificate.lower
    assert float(one.plan.run(arb(2)).mid() - one.plan.run(arb(-2)).mid()) == pytest.approx(2)


def test_smallest_degree_with_a_line_taken_out() -> None:
    for function in ("gelu", "sigmoid", "softplus"):
        p = pa.minimax(function, tolerance=2**-8, domain=(-4, 4))
        below = pa.minimax(function, p.components[0].degree - 1, domain=(-4, 4))
        assert p.error_bound <= 2**-8 < below.error_bound


def test_coefficients_below_the_range_of_doubles() -> None:
    """Adapted coefficients are not looked for where the last one is 0 in doubles."""
    end = 4.599746871305223e-21
    p = pa.minimax("atan", 25, domain=(-end, end), bits=24)
    assert p.certificate is not None
    assert largest_error(p, mpmath.atan, relative=False, count=50) <= p.certificate.upper


@pytest.mark.parametrize(
    ("function", "degree", "domain", "options"),
    [
        ("tanh", 3, (-1.7e-25, 5.7e-25), {"bits": 12}),
        ("expm1", 5, (-0.5, 1.0), {"bits": 20}),
        ("tanh", 5, (0.0, 2.0), {"parity": "odd"}),
        ("x*(1+x)", 1, (-0.5, 0.5), {}),
        ("x*(1+x)", 2, (-0.5, 0.5), {}),
        ("tanh", 4, [(-3.0, -1.0), (0.0, 2.0)], {}),
    ],
)
def test_relative_errors_across_zero_of_every_kind(
    function: str, degree: int, domain: Any, options: dict[str, Any]
) -> None:
    p = pa.minimax(function, degree, domain=domain, relative=True, **options)
    true = {"tanh": mpmath.tanh, "expm1": mpmath.expm1}.get(function, lambda x: x * (1 + x))
    worst = largest_error(p, true, relative=True, count=200)
    assert p.certificate is not None
    assert worst <= p.certificate.upper <= 1.01 * worst + mpf(10) ** -30
    if "bits" not in options:
        assert p.certificate.lower is not None
        assert p.certificate.upper <= 1.001 * p.certificate.lower + mpf(10) ** -30


@pytest.mark.parametrize("relative", [True, False])
def test_a_plan_of_another_degree_is_refused_at_once(relative: bool) -> None:
    from dataclasses import replace

    from polyapprox.plan.builder import PlanBuilder

    options: dict[str, Any] = {"relative": True} if relative else {"weight": "1+x**2"}
    p = pa.minimax("expm1", 4, domain=(0, 1), **options)
    builder = PlanBuilder()
    (power,) = builder.arguments
    for _ in range(40):
        power = builder.multiply(power, power)
    with pytest.raises(ProofError, match="does not compute what the components say"):
        prove(replace(p, plan=builder.finish(power), certificate=None))
