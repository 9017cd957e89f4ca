"""`polyapprox.minimax` against the functions themselves, closed forms and linear programmes.

Values of functions come from mpmath at 100 digits, values of polynomials from the independent
fixed-point arithmetic of ``independent.py``.
"""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import independent
import mpmath
import numpy as np
import pytest
from flint import arb
from oracles import sollya_oracles
from paths import ORACLES
from scipy.optimize import linprog

import polyapprox as pa
from polyapprox.errors import NotConvergedError

UNIT = ((-1.0, 1.0),)
SIGN_30 = ((-1.0, -(2.0**-30)), (2.0**-30, 1.0))
THREE = ((-2.0, -1.0), (0.0, 0.5), (1.0, 3.0))


@dataclass(frozen=True)
class Case:
    """A problem; `true` is the function in mpmath when its name does not say it."""

    function: str
    degree: int
    domain: tuple[tuple[float, float], ...] = UNIT
    options: dict[str, Any] = field(default_factory=dict)
    true: Callable[[Any], Any] | None = None
    weight: Callable[[Any], Any] | None = None

    def __str__(self) -> str:
        return f"{self.function} {self.degree} on {self.domain[0][0]:g}..{self.domain[-1][1]:g}"

    def solve(self) -> pa.Approximation:
        domain = self.domain[0] if len(self.domain) == 1 else list(self.domain)
        return pa.minimax(self.function, self.degree, domain=domain, **self.options)

    def value(self, x: mpmath.mpf) -> mpmath.mpf:
        with mpmath.workdps(independent.DIGITS):
            return (self.true or independent.TRUE_MPMATH[self.function])(x)


def runge(x: Any) -> Any:
    return 1 / (1 + 25 * x * x)


CASES = [
    *(Case("exp", n) for n in (0, 1, 2, 7, 20, 40)),
    *(Case("abs", n) for n in (0, 1, 2, 31, 60, 200)),
    *(Case("tanh", n, ((-8.0, 8.0),)) for n in (1, 10, 63, 120)),
    *(Case("1/(1+25*x**2)", n, true=runge) for n in (3, 50, 101)),
    *(Case("sign", n, SIGN_30) for n in (1, 15, 63)),
    Case("sign", 27, ((2.0**-30, 1.0),), {"parity": "odd"}),
    Case("sign", 101, ((-1.0, -(2.0**-10)), (2.0**-10, 1.0))),
    *(Case("sqrt", n, ((0.0, 1.0),)) for n in (1, 15, 60)),
    Case("sqrt", 20, ((0.25, 4.0),)),
    Case("sqrt", 9, ((0.0, 0.1), (0.2, 0.3), (0.9, 1.0))),
    Case("x*sqrt(x)", 12, ((0.0, 1.0),), true=lambda x: x * mpmath.sqrt(x)),
    *(Case("1/x", n, ((2.0**-20, 1.0),)) for n in (3, 30)),
    Case("1/x", 60, ((0.001, 1.0),)),
    Case("1/x", 15, ((0.1, 1.0),), {"relative": True}, weight=lambda x: x),
    Case("log", 40, ((2.0**-10, 1.0),)),
    Case("1/sqrt(x)", 40, ((2.0**-10, 1.0),)),
    Case("cos", 150, ((-64.0, 64.0),)),
    Case("erf", 25, ((-3.0, 3.0),)),
    Case("gelu", 30, ((-4.0, 4.0),)),
    Case("gelu", 15, ((-1.0, 4.0),)),
    Case("silu", 30, ((-8.0, 8.0),)),
    Case("softplus", 30, ((-8.0, 8.0),)),
    Case("sigmoid", 31, ((-8.0, 8.0),)),
    Case("sigmoid", 15, ((0.0, 8.0),)),
    Case("sin", 20, ((-3.0, 5.0),)),
    Case("sin", 9, ((0.0, math.pi / 2),)),
    Case("relu", 40, ((-3.0, 1.0),)),
    Case("step", 15, ((-1.0, -0.1), (0.05, 1.0))),
    Case("exp", 12, THREE),
    Case("exp", 9, THREE, {"relative": True}, weight=lambda x: mpmath.exp(-x)),
    Case("exp", 12, THREE, {"weight": "1/(1+x**2)"}, weight=lambda x: 1 / (1 + x * x)),
    Case("exp", 15, UNIT, {"relative": True}, weight=lambda x: mpmath.exp(-x)),
    Case("exp", 15, UNIT, {"bits": 300}),
    Case("exp", 30, ((-50.0, 0.0),)),
    Case("exp", 12, ((1e-6, 2e-6),)),
    Case("atan", 21, ((-3.0, 3.0),), true=mpmath.atan),
    Case("asin", 9, ((-0.9, 0.9),), true=mpmath.asin),
    Case("abs(x-0.1)", 12, true=lambda x: abs(x - mpmath.mpf(1) / 10)),
    Case("abs(sin(x))", 10, ((-2.0, 2.0),), true=lambda x: abs(mpmath.sin(x))),
    Case("x**7", 2, ((-1.75, 1.3125),), true=lambda x: x**7),
    Case("sin(20*x)", 12, ((29.125, 29.25),), {"guard": 0}, true=lambda x: mpmath.sin(20 * x)),
    Case("sin(20*x)", 50, ((0.875, 30.0),), true=lambda x: mpmath.sin(20 * x)),
    Case(
        "abs(abs(x)-0.5)",
        70,
        ((-2.625, -1.6875), (-1.5625, -1.3125), (0.3125, 2.0)),
        true=lambda x: abs(abs(x) - mpmath.mpf(1) / 2),
    ),
    Case("exp(-100*x**2)", 40, true=lambda x: mpmath.exp(-100 * x * x)),
]


def sampled(case: Case, p: pa.Approximation, count: int = 500) -> list[list[float]]:
    """Weighted error over the proven bound, at dense points of each interval."""
    bound = p.certificate.upper
    component = p.components[0]
    result = []
    for low, high in case.domain:
        angles = (
            1 - np.cos(np.pi * np.arange(12 * case.degree + 13) / (12 * case.degree + 12))
        ) / 2
        first, last = independent.to_fixed(low), independent.to_fixed(high)
        spread = {first + ((last - first) * int(a * 2.0**60) >> 60) for a in angles}
        dense = independent.points(low, high, count // len(case.domain), around=(0, 0.1, 0.5))
        x = np.array(sorted({*spread, *(int(v) for v in dense)}), dtype=object)
        ours = independent.clenshaw(component.coefficients, component.domain, x)
        row = []
        with mpmath.workdps(independent.DIGITS):
            for place, value in zip(x, ours, strict=True):
                point = independent.from_fixed(place)
                error = independent.from_fixed(value) - case.value(point)
                weight = case.weight(point) if case.weight else 1
                row.append(float(error * weight / bound))
        result.append(row)
    return result


def alternations(errors: list[float], level: float) -> int:
    """Length of the longest alternating sequence among errors of at least `level`."""
    count, before = 0, 0
    for error in errors:
        sign = (error > level) - (error < -level)
        if sign and sign != before:
            count, before = count + 1, sign
    return count


@pytest.mark.parametrize("case", CASES, ids=str)
def test_bound_holds_alternates_and_plan_agrees(case: Case) -> None:
    p = case.solve()
    lower = p.certificate.lower
    assert lower is not None and lower > 0
    assert p.certificate.upper <= 1.001 * lower
    assert p.error_estimate <= p.error_bound
    errors = sampled(case, p)
    largest = max(abs(e) for row in errors for e in row)
    assert largest <= 1, "the proven bound is violated"
    assert largest >= 0.97, "the sample does not reach the bound"
    component = p.components[0]
    expected = component.degree + 2
    if component.parity is not None and case.domain[0][0] < 0:
        expected = component.degree + (2 if component.parity == "odd" else 3)
    elif component.parity is not None:
        expected = (component.degree + (3 if component.parity == "odd" else 4)) // 2
    flat = [e for row in errors for e in row]
    if case.degree > 0:
        assert alternations(flat, 0.95) >= min(expected, case.degree + 2) - (case.degree > 100)
    wrong = {"even": 1, "odd": 0}.get(component.parity or "")
    if wrong is not None:
        assert not any(component.coefficients[wrong::2])
    x = independent.points(case.domain[0][0], case.domain[-1][1], 60, around=(), seed=3)
    one_way = independent.run_plan(p.plan, x)
    other = independent.clenshaw(component.coefficients, component.domain, x)
    slack = independent.to_fixed(2.0**-300 * (1 + component.largest_coefficient))
    assert max(abs(int(v)) for v in one_way - other) <= slack


@pytest.mark.parametrize("degree", [100, 150, 200])
def test_errors_below_the_range_of_floats(degree: int) -> None:
    """exp at degree n errs by about 2^-n / (n + 1)!, which floats cannot hold at n = 200."""
    p = pa.minimax("exp", degree)
    assert p.certificate.lower is not None
    assert p.certificate.upper <= 1.001 * p.certificate.lower
    with mpmath.workdps(700):
        leading = mpmath.mpf(2) ** -degree / mpmath.factorial(degree + 1)
        assert abs(p.certificate.lower / leading - 1) < 1 / mpmath.mpf(degree)
        for x in (mpmath.mpf(-1), mpmath.mpf("0.3"), mpmath.mpf(1)):
            assert abs(p.components[0](x) - mpmath.exp(x)) <= p.certificate.upper


# --- closed forms and theorems ------------------------------------------------------------------


@pytest.mark.parametrize("n", [2, 5, 12, 30])
def test_monomials_have_chebyshevs_error(n: int) -> None:
    """The best approximation of x^n of degree n − 1 errs by 2^(1−n)."""
    p = pa.minimax(f"x**{n}", n - 1, guard=0)
    assert p.certificate.lower <= mpmath.mpf(2) ** (1 - n) <= p.certificate.upper
    assert p.certificate.upper <= 1.001 * p.certificate.lower


@pytest.mark.parametrize(("n", "a"), [(3, 1.25), (10, 1.25), (25, 1.0625), (60, 3.0)])
def test_simple_pole_has_chebyshevs_error(n: int, a: float) -> None:
    """E_n(1/(a − x)) = (a − sqrt(a² − 1))^n / (a² − 1) (Chebyshev 1859; Achieser, section 33)."""
    p = pa.minimax(f"1/({a}-x)", n, guard=0)
    with mpmath.workdps(80):
        a = mpmath.mpf(a)
        expected = (a - mpmath.sqrt(a * a - 1)) ** n / (a * a - 1)
    assert p.certificate.lower <= expected * (1 + mpmath.mpf(2) ** -40)
    assert expected <= p.certificate.upper
    assert p.certificate.lower >= expected * (1 - mpmath.mpf(2) ** -30)


def test_bernsteins_constant() -> None:
    """2n E_2n(|x|) = 0.2801694990 − 0.0439675288/n² + … (Varga and Carpenter 1985)."""
    for degree in (100, 200):
        p = pa.minimax("abs", degree, guard=0)
        expected = (0.28016949902386913 - 0.0439675288 / (degree / 2) ** 2) / degree
        assert p.error_lower_bound == pytest.approx(expected, rel=3e-8)


@pytest.mark.parametrize("n", [4, 15, 40])
def test_square_root_and_absolute_value_are_one_problem(n: int) -> None:
    root = pa.minimax("sqrt", n, domain=(0, 1), guard=0)
    even = pa.minimax("abs", 2 * n, guard=0)
    assert root.error_lower_bound == pytest.approx(even.error_lower_bound, rel=1e-9)
    relu = pa.minimax("relu", 2 * n, guard=0)
    assert 2 * relu.error_lower_bound == pytest.approx(even.error_lower_bound, rel=1e-9)


def chebyshev(k: int) -> Callable[[Any], Any]:
    def t(x: Any) -> Any:
        before, current = x * 0 + 1, x
        for _ in range(k - 1):
            before, current = current, 2 * x * current - before
        return current

    return t


def in_monomials(k: int) -> str:
    coefficients = np.polynomial.chebyshev.cheb2poly([0] * k + [1])
    return "+".join(f"({int(c)})*x**{j}" for j, c in enumerate(coefficients) if c)


@pytest.mark.parametrize("k", [40, 60, 100])
def test_chebyshev_polynomial_at_half_its_degree(k: int) -> None:
    """Zero is the best approximation of T_k among all of lower degree, with error 1."""
    p = pa.minimax(chebyshev(k), k // 2, guard=0)
    assert p.error_bound <= 1.001
    assert p.error_lower_bound == pytest.approx(1, abs=1e-9)
    assert p.components[0].largest_coefficient < 1e-9


def test_chebyshev_polynomial_in_monomials() -> None:
    """Values of the expanded T_40 are lost to rounding in float64: the exchange must notice."""
    p = pa.minimax(in_monomials(40), 20, guard=0)
    assert p.error_bound <= 1.001
    assert p.error_lower_bound == pytest.approx(1, abs=1e-8)


@pytest.mark.parametrize(("k", "degree"), [(40, 20), (40, 30), (39, 11), (35, 20)])
def test_extrema_inside_a_wide_gap_of_the_reference(k: int, degree: int) -> None:
    """Beyond [-1, 1] T_k has one extremum more: its best references leave several others out."""
    p = pa.minimax(in_monomials(k), degree)
    assert p.certificate.upper <= 1.001 * p.certificate.lower
    other = pa.minimax(chebyshev(k), degree)
    assert p.error_lower_bound == pytest.approx(other.error_lower_bound, rel=1e-8)


@pytest.mark.parametrize(
    ("function", "degree", "domain", "weight"),
    [
        ("abs(x-0.5)", 2, UNIT, None),
        ("abs(x-0.5)", 5, UNIT, None),
        ("exp(x)", 4, THREE, None),
        ("exp(x)", 4, THREE, "1/(1+x**2)"),
        ("relu(x)", 6, ((-3.0, 1.0),), None),
        ("step(x)", 5, ((-1.0, -0.1), (0.05, 1.0)), None),
        ("sigmoid(3*x)", 6, ((-1.0, 0.5), (0.75, 2.0)), "1+x**2"),
    ],
)
def test_linear_programme_agrees(function: str, degree: int, domain: Any, weight: Any) -> None:
    """The same minimax problem on a dense grid, solved by the simplex method of HiGHS."""
    known = {
        "abs": np.abs, "exp": np.exp, "relu": lambda t: np.maximum(t, 0),
        "step": lambda t: (t > 0) * 1.0, "sigmoid": lambda t: 1 / (1 + np.exp(-t)),
    }  # fmt: skip
    x = np.concatenate([np.linspace(a, b, 4001) for a, b in domain])
    x = np.append(x, 0.5) if "0.5" in function else x
    names = {**known, "x": x}
    f = eval(function, {"__builtins__": {}}, names) * np.ones_like(x)
    w = eval(weight, {"__builtins__": {}}, names) if weight else np.ones_like(x)
    low, high = domain[0][0], domain[-1][1]
    basis = np.polynomial.chebyshev.chebvander((2 * x - low - high) / (high - low), degree)
    rows = np.hstack([basis, -1 / w[:, None]])
    mirrored = np.hstack([-basis, -1 / w[:, None]])
    solution = linprog(
        [0] * (degree + 1) + [1], np.vstack([rows, mirrored]), np.concatenate([f, -f]),
        bounds=[(None, None)] * (degree + 2),
    )  # fmt: skip
    p = pa.minimax(function, degree, domain=list(domain), weight=weight, guard=0)
    # HiGHS satisfies its constraints to 1e-7
    assert p.error_lower_bound == pytest.approx(solution.fun, rel=2e-6, abs=1e-7)
    assert solution.fun <= p.error_bound + 1e-7


def test_absolute_value_off_centre_at_degree_two() -> None:
    p = pa.minimax("abs(x-0.5)", 2, guard=0)
    assert p.error_lower_bound == pytest.approx(0.18, abs=1e-12)


# --- figures of others --------------------------------------------------------------------------

SOLLYA = json.loads((ORACLES / "sollya.json").read_text())["values"]
TASKS = [t for t in (*sollya_oracles.TASKS, *sollya_oracles.EXTRA) if t.name in SOLLYA]


@pytest.mark.parametrize("task", TASKS, ids=lambda t: t.name)
def test_sollyas_figures(task: sollya_oracles.Task) -> None:
    domain = task.domain[0] if len(task.domain) == 1 else list(task.domain)
    p = pa.minimax(
        task.function, task.degree, domain=domain, parity=task.parity,
        relative=task.norm == "relative", guard=0,
    )  # fmt: skip
    expected = mpmath.mpf(SOLLYA[task.name])
    # decimal ends that no double is equal to move the error by their relative rounding
    assert abs(p.certificate.lower / expected - 1) < 1e-10
    assert p.certificate.upper >= expected * (1 - mpmath.mpf(10) ** -10)


# --- degrees ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("function", "domain"),
    [("exp", (-1, 1)), ("abs", (-1, 1)), ("tanh", (-4, 4)), ("gelu", (-4, 4)), ("1/x", (0.1, 1))],
)
def test_errors_fall_with_the_degree(function: str, domain: tuple[float, float]) -> None:
    found = [pa.minimax(function, n, domain=domain).certificate for n in range(14)]
    for before, after in itertools.pairwise(found):
        assert after.lower <= before.upper
        assert after.upper <= before.upper * 1.0001
    assert found[-1].upper < found[0].lower / 4


@pytest.mark.parametrize(
    ("function", "domain", "request_", "step"),
    [
        ("exp", (-1, 1), {"tolerance": 1e-10}, 1),
        ("exp", (-1, 1), {"tolerance": 1e-30}, 1),
        ("exp", (-2, 2), {"precision": 2.0**-40}, 1),
        ("abs", (-1, 1), {"precision": 2.0**-7}, 2),
        ("tanh", (-8, 8), {"precision": 2.0**-12}, 2),
        ("sqrt", (0, 1), {"tolerance": 0.01}, 1),
        ("1/x", (0.01, 1), {"tolerance": 0.01}, 1),
        ("x**3-x", (-1, 1), {"tolerance": 1e-9}, 2),
        ("log", (2.0**-6, 1), {"precision": 2.0**-30}, 1),
        ("gelu", (-8, 8), {"precision": 2.0**-40}, 1),
    ],
)
def test_search_finds_the_smallest_degree(
    function: str, domain: tuple[float, float], request_: dict, step: int
) -> None:
    p = pa.minimax(function, domain=domain, **request_)
    scale = max(map(abs, domain)) if "precision" in request_ and function == "abs" else 1
    wanted = next(iter(request_.values())) * scale
    degree = p.components[0].degree
    assert p.error_bound <= wanted
    below = pa.minimax(function, degree - step, domain=domain)
    assert below.error_lower_bound > wanted / 1.0006


def test_search_that_cannot_end() -> None:
    with pytest.raises(NotConvergedError, match="degree above 2000"):
        pa.minimax("abs", tolerance=1e-9)


# --- errors that vanish -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("function", "degree", "domain", "exactly"),
    [
        ("x**3-0.125*x", 3, (-1, 1), True),
        ("x**3-0.125*x", 9, (-1, 1), True),
        ("x**3-0.1*x+1", 10, (0, 3), False),
        ("3", 0, (-1, 1), True),
        ("3", 4, (-1, 1), True),
        ("0*x", 4, (-1, 1), True),
        ("relu", 3, (0.25, 1), True),
        ("abs(x)", 1, (-2, -1), True),
        ("sign", 0, (0.25, 1), True),
        ("(1+x)**2-x**2-2*x", 5, (-1, 1), True),
        ("-relu(x)", 3, (-2, 0), True),
        ("x/3", 1, (-1, 1), False),
    ],
)
def test_polynomials_are_their_own_approximation(
    function: str, degree: int, domain: tuple[float, float], exactly: bool
) -> None:
    p = pa.minimax(function, degree, domain=domain)
    assert p.error_bound <= (1e-60 if exactly else 1e-30)
    with mpmath.workdps(60):
        for t in (0, 0.3, 1):
            x = mpmath.mpf(domain[0] + t * (domain[1] - domain[0]))
            truth = {
                "x**3-0.125*x": x**3 - x / 8, "3": 3, "0*x": 0, "relu": x, "abs(x)": -x, "sign": 1,
                "x**3-0.1*x+1": x**3 - x / 10 + 1, "(1+x)**2-x**2-2*x": 1,
                "-relu(x)": 0, "x/3": x / 3,
            }[function]  # fmt: skip
            assert abs(p(x) - truth) <= p.error_bound + mpmath.mpf(10) ** -50


def test_level_that_vanishes_on_the_first_reference() -> None:
    """sin(πx) is 0 at the three Chebyshev points of [0, 2]; its error is not."""
    p = pa.minimax("sin(pi*x)", 1, domain=(0, 2))
    assert p.error_bound <= 1.001 * p.error_lower_bound
    assert p.error_lower_bound > 0.5


# --- kinds of functions -------------------------------------------------------------------------


def test_ball_functions_are_proven() -> None:
    p = pa.minimax(lambda x: 1 / (1 + x * x), 15)
    q = pa.minimax("1/(1+x**2)", 15)
    assert p.certificate.lower == pytest.approx(q.certificate.lower, rel=1e-9)
    assert p.error_bound <= 1.001 * p.error_lower_bound
    r = pa.minimax(lambda x: (x * x + arb(1)).sqrt(), 9, relative=True)
    assert r.error_bound <= 1.001 * r.error_lower_bound


@pytest.mark.parametrize(
    ("box", "name", "degree"),
    [
        (lambda x: np.exp(np.asarray(x)), "exp", 6),
        (math.atan, "atan", 15),
        (lambda x: np.abs(np.asarray(x) - 0.25), "abs(x-0.25)", 12),
    ],
)
def test_black_boxes_have_an_estimate_and_no_bound(box: Any, name: str, degree: int) -> None:
    p, known = pa.minimax(box, degree), pa.minimax(name, degree)
    # extrema at kinks that nobody told of are found to a finite step only
    assert p.error_estimate == pytest.approx(known.error_lower_bound, rel=2e-5)
    assert p.certificate is None and "estimate" in repr(p)
    with pytest.raises(pa.errors.NoBoundError, match="no bound is proven"):
        _ = p.error_bound


def test_rounding_noise_of_a_black_box_is_in_its_estimate() -> None:
    """At degree 20 the error of exp is far below the noise of float64 values."""
    p = pa.minimax(math.exp, 20)
    x = np.linspace(-1, 1, 999)
    seen = max(abs(float(mpmath.exp(v) - p(mpmath.mpf(v)))) for v in x)
    assert p.error_estimate > 2e-17 and seen > 2e-17
    with pytest.raises(NotConvergedError, match="rounding errors that hide"):
        pa.minimax(math.exp, tolerance=1e-20)
    assert pa.minimax(math.exp, tolerance=1e-9).components[0].degree == 9


def test_few_bits_are_counted_in_the_bound() -> None:
    p = pa.minimax("exp", 15, bits=20)
    x = np.linspace(-1, 1, 2001)
    assert np.max(np.abs(p(x) - np.exp(x))) <= p.error_bound < 1e-5
    assert all(int(c._mpf_[1]).bit_length() <= 20 for c in p.components[0].coefficients)
    assert pa.minimax("exp", 60, bits=300).error_bound < 1e-89
