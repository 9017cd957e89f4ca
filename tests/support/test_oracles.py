"""The reference files in tests/oracles, and the independent arithmetic, are what they say."""

from __future__ import annotations

import json
import random
from fractions import Fraction
from types import SimpleNamespace

import independent
import mpmath
import numpy as np
import pytest
from oracles import sollya_oracles
from paths import ORACLES


def read(name: str) -> dict:
    return json.loads((ORACLES / name).read_text(encoding="utf-8"))


def compose(stages: list[list[str]], x: np.ndarray) -> np.ndarray:
    for stage in stages:
        x = independent.clenshaw(stage, (-1, 1), x)
    return x


def largest_error(stages: list[list[str]], low: object, high: object, target: int = 1) -> float:
    """log2 of the largest sampled |p − target|."""
    x = independent.points(low, high, 3000, around=(), seed=1)
    error = compose(stages, x) - target * (1 << independent.FRACTION_BITS)
    return independent.log2_fixed(max(abs(int(e)) for e in error))


# --- independent arithmetic ---------------------------------------------------------------------


def test_fixed_point_clenshaw_agrees_with_mpmath_and_numpy() -> None:
    chance = random.Random(3)
    coefficients = [chance.uniform(-1, 1) for _ in range(24)]
    x = independent.points(-2.0, 3.0, 300, seed=5)
    ours = independent.clenshaw(coefficients, (-2, 3), x)
    series = np.polynomial.Chebyshev(coefficients, domain=[-2, 3])
    assert np.max(np.abs(independent.to_floats(ours) - series(independent.to_floats(x)))) < 1e-12
    for place in range(0, len(x), 37):
        slow = independent.clenshaw_mpmath(coefficients, (-2, 3), independent.from_fixed(x[place]))
        with mpmath.workdps(130):
            assert abs(slow - independent.from_fixed(ours[place])) < mpmath.mpf(10) ** -97


def test_points_are_inside_and_crowd_where_asked() -> None:
    x = independent.points(-1.5, 2.0, 9000, around=(0, 1))
    assert x[0] == independent.to_fixed(-1.5) and x[-1] == independent.to_fixed(2.0)
    assert 8000 < len(x) <= 9010 and 0 in x and all(x[1:] > x[:-1])
    tiny = independent.to_fixed(2.0**-40)
    for centre in (-1.5, 0, 1, 2.0):
        assert np.sum(abs(x - independent.to_fixed(centre)) < tiny) > 200


def operation(kind: str, left: int, right: int = -1, constant: float | None = None) -> tuple:
    return kind, left, right, None if constant is None else mpmath.mpf(constant)


def small_plan() -> SimpleNamespace:
    """0.5·x, its square doubled minus 3, times the scaled x, plus 0.25."""
    operations = (
        operation("input", 0),
        operation("scale", 0, constant=0.5),
        operation("multiply", 1, 1),
        operation("double", 2),
        operation("shift", 3, constant=-3.0),
        operation("multiply", 4, 1),
        operation("subtract", 5, 1),
        operation("shift", 6, constant=0.25),
    )
    return SimpleNamespace(operations=operations, output=7, inputs=1)


def test_plan_interpreters_agree_with_the_formula() -> None:
    plan = small_plan()
    for x in (Fraction(3, 8), Fraction(-5, 4), Fraction(0)):
        h = x / 2
        expected = (2 * h * h - 3) * h - h + Fraction(1, 4)
        assert independent.run_plan(plan, independent.to_fixed(x)) == independent.to_fixed(expected)
        with mpmath.workdps(60):
            slow = independent.run_plan_mpmath(plan, mpmath.mpf(x.numerator) / x.denominator)
        assert independent.exact_fraction(slow) == expected


def test_counter_counts_products_and_levels() -> None:
    x = independent.Counter.start()
    y = (x * x) * x * 2 + 0.5 * (x * x)
    assert (x.tally["multiplications"], x.tally["constants"], y.level) == (3, 1, 2)
    z = y * Fraction(1, 3)
    assert z.level == 3 and x.tally["input scalings"] == 0


# --- composites that others ship ----------------------------------------------------------------


def test_shipped_tables_are_complete() -> None:
    lattigo, heir = read("lattigo_default_sign.json"), read("heir_composite_step.json")
    assert lattigo["degrees"] == [15, 15, 15, 17, 31, 31, 31, 31, 7]
    assert heir["degrees"] == [15, 15, 27]
    assert [t["degrees"] for t in read("ant_ace_sign.json")["tables"]] == [
        [15, 29],
        [7, 15, 13],
        [7, 15, 13],
        [15, 15, 27],
    ]
    for table in (lattigo, heir):
        assert [len(stage) - 1 for stage in table["stages"]] == table["degrees"]
        assert table["source"]["repository"]


def test_heir_step_sampled_figures() -> None:
    stages = read("heir_composite_step.json")["stages"]
    assert largest_error(stages, 2.0**-6, 1) == pytest.approx(-26.7241, abs=2e-3)
    two_sided = max(
        largest_error(stages, 2.0**-6, 1), largest_error(stages, -1, -(2.0**-6), target=0)
    )
    assert 2**two_sided == pytest.approx(2.6e-8, rel=0.02)


def test_lattigo_default_sampled_figures() -> None:
    stages = read("lattigo_default_sign.json")["stages"]
    assert largest_error(stages, 2.0**-30, 1) == pytest.approx(-81.58, abs=0.02)
    assert largest_error(stages[:-1], 2.0**-30, 1) == pytest.approx(-20.93, abs=0.02)
    assert largest_error(stages, 2.0**-30, 1 + 2.0**-35) == pytest.approx(-30.61, abs=0.05)
    beyond = compose(stages, independent.to_fixed(1 + 2.0**-33))
    assert beyond / 2**independent.FRACTION_BITS == pytest.approx(-0.67, abs=0.01)


def test_published_composites_reach_the_measured_errors() -> None:
    """Largest sampled |r_alpha − relu| of the published coefficients, as measured before."""
    measured = {
        4: -3.709,
        5: -4.860,
        6: -6.048,
        7: -7.044,
        8: -8.031,
        9: -9.007,
        10: -10.113,
        11: -11.048,
        12: -12.092,
        13: -13.083,
        14: -14.017,
    }
    x = independent.points(0, 1, 4000, around=(), seed=2)
    for alpha, stages in read("published_relu_composites.json").items():
        value = x
        for stage in stages:
            square, total = independent.multiply_fixed(value, value), value * 0
            for coefficient in reversed(stage["power_odd_coeffs"]):
                total = independent.multiply_fixed(total, square)
                total = total + independent.to_fixed(coefficient)
            value = independent.multiply_fixed(total, value)
        error = independent.multiply_fixed(x, value - (1 << independent.FRACTION_BITS)) >> 1
        worst = independent.log2_fixed(max(abs(int(e)) for e in error))
        assert worst == pytest.approx(measured[int(alpha)], abs=2e-3), alpha


# --- Sollya --------------------------------------------------------------------------------------


def test_sollya_values_are_the_documented_ones() -> None:
    values = {name: float(text) for name, text in read("sollya.json")["values"].items()}
    documented = {
        "exp 5": 4.520551e-5,
        "exp 5 relative": 4.2093e-5,
        "sign 15 on [2^-6, 1]": 0.684459,
        "sign 63 on [2^-10, 1]": 0.90261,
        "sign 27 on [2^-10, 1]": 0.95674,
        "exp 20": 1.888923060e-26,
        "tanh 31": 1.447674639590e-3,
        "sign 27 on [0.01, 1]": 0.648074874461,
        "sign 27 on [2^-8, 1]": 0.840065534022,
        "exp 15 relative": 1.438525576966e-18,
        "1/x 60": 11.2189996160,
        "abs 30": 9.332486889547e-3,
        "abs 60": 4.668677979544e-3,
        "sqrt 15": 9.332486889547e-3,
        "gelu 30": 6.101674876599e-11,
        "sigmoid 31": 1.909175901426e-6,
    }
    for name, value in documented.items():
        digits = len(f"{value:.13g}".replace(".", "").split("e")[0].strip("0"))
        assert values[name] == pytest.approx(value, rel=0.6 * 10.0 ** (1 - digits)), name


def test_dyadic_polynomials_are_read_exactly() -> None:
    text = "-3b-2 * _x_^3 + 5 * _x_ + -7b1"
    assert sollya_oracles.coefficients(text) == [-14, 5, 0, Fraction(-3, 4)]


@pytest.mark.skipif(not sollya_oracles.installed(), reason="Sollya is not installed")
@pytest.mark.parametrize(
    "task",
    [
        t
        for t in (*sollya_oracles.TASKS, *sollya_oracles.EXTRA)
        if t.bits <= 300 and t.name not in sollya_oracles.SLOW_OR_WRONG
    ],
    ids=lambda t: t.name,
)
def test_live_sollya_agrees_with_the_file(task: sollya_oracles.Task) -> None:
    answer = sollya_oracles.remez(task)
    assert answer["outcome"] == "done"
    stored = read("sollya.json")["values"][task.name]
    assert float(answer["norm"]) == pytest.approx(float(stored), rel=1e-12)
