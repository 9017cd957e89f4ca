"""One door for every function: never dominated, within its bound, refusing what it cannot."""

from __future__ import annotations

import json

import mpmath
import numpy as np
import pytest
from dominated import FUNCTIONS, by_hand
from independent import run_plan_mpmath, true_value

import polyapprox as pa
from polyapprox.cli import main
from polyapprox.errors import ArgumentError, DomainError
from polyapprox.numbers import exact
from polyapprox.recipes import nearer
from polyapprox.recipes.minimax import cost_of
from polyapprox.targets import as_target

SOME = [FUNCTIONS[k] for k in (1, 11, 14, 18, 21, 28)]


def _true(function, x):
    """By mpmath: of the functions known by name, or of the expression."""
    if function in ("exp", "gelu", "silu", "sigmoid", "tanh", "relu", "1/x", "1/sqrt(x)"):
        return true_value(function, exact(x))
    return eval(function, {"log": mpmath.log, "x": mpmath.mpf(x)})


def _largest(r, low, high, relative):
    worst = mpmath.mpf(0)
    with mpmath.workprec(200):
        for angle in np.linspace(0, np.pi / 2, 301):
            x = float(low + (high - low) * np.sin(angle) ** 2)
            true = _true(r.function, x)
            error = abs(run_plan_mpmath(r.plan, x) - true)
            worst = max(worst, error / abs(true) if relative else error)
    return worst


@pytest.mark.parametrize(("function", "interval", "precision", "relative"), SOME)
def test_never_dominated_by_a_structure_called_by_hand(function, interval, precision, relative):
    r = pa.approximate(function, interval=interval, precision=precision, relative=relative)
    unit = float(r.unit)
    assert r.error_bound <= precision * unit
    assert _largest(r, *interval, relative) <= r.error_bound
    assert not [h for h in by_hand(function, interval, precision * unit, relative) if h.dominates(r)]


def test_one_over_x_on_a_wide_range_by_a_narrower_one():
    low, high = 3 * 2.0**-18, 3.0
    r = pa.approximate("1/x", interval=(low, high), precision=0.2, relative=True, objective="multiplications")
    assert (r.multiplications, r.levels) == (12, 12)
    x = np.exp(np.linspace(np.log(low), np.log(high), 20_001))
    assert 0.9 * r.error_bound < np.abs(x * r(x) - 1).max() <= r.error_bound <= 0.2
    least, most = nearer.range_of((low, high))
    assert most / least < 2**10
    assert pa.reciprocal(interval=(low, high), precision=0.2).multiplications == 18


@pytest.mark.parametrize(("function", "end"), [("tanh", 2), ("sin(x)", 3)])
def test_relative_errors_of_odd_functions_cost_what_is_forecast(function, end):
    """x times an even polynomial is evaluated as an odd one: a forecast that is too high hides the cheaper choice."""
    r = pa.approximate(function, interval=(-end, end), precision=2**-10, relative=True)
    hand = pa.minimax(function, tolerance=2**-10, interval=(-end, end), relative=True)
    assert r.multiplications + 2 * r.levels <= hand.multiplications + 2 * hand.levels
    target = as_target(function)
    for degree in (9, 11):
        made = pa.minimax(function, degree, interval=(-end, end), relative=True)
        most = cost_of(target, degree, (-end, end), target.reciprocal, adapted=False)
        assert cost_of(target, degree, (-end, end), target.reciprocal)[1] == made.levels
        assert made.multiplications <= most[0]


@pytest.mark.parametrize(
    ("function", "interval", "relative", "precision"),
    [
        ("1/x", (0.01, 1), True, 1e-3), ("1/sqrt(x)", (0.02, 9), True, 1e-5),
        ("exp", (-100, 0), False, 1e-4),
    ],
)  # fmt: skip
def test_iterations_are_proven_by_their_plans(function, interval, relative, precision):
    r = pa.approximate(
        function, interval=interval, precision=precision, relative=relative, objective="multiplications"
    )
    assert r.structure == "circuit"
    assert _largest(r, *interval, relative) <= r.error_bound <= precision
    assert pa.verify(r).ok


@pytest.mark.parametrize(("function", "limits"), [
    ("sigmoid", {"levels": 4}), ("log(3-x)", {"multiplications": 4}),
    ("log(2+x)", {"levels": 3, "multiplications": 4}),
])  # fmt: skip
def test_the_most_precise_within_limits(function, limits):
    interval = (-1, 1)
    r = pa.approximate(function, interval=interval, **limits)
    assert r.levels <= limits.get("levels", 99)
    assert r.multiplications <= limits.get("multiplications", 99)
    assert _largest(r, *interval, False) <= r.error_bound
    for degree in (2, 3, 4, 5, 6, 7, 8):
        p = pa.minimax(function, degree, interval=interval)
        inside = p.levels <= limits.get("levels", 99)
        if inside and p.multiplications <= limits.get("multiplications", 99):
            assert r.error_bound <= p.error_bound


def test_limits_with_a_precision_that_they_do_not_allow():
    with pytest.raises(ArgumentError, match="nearest possible"):
        pa.approximate("gelu", interval=(-8, 8), precision=2**-14, multiplications=3)


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"precision": 0.1}, DomainError), ({}, ArgumentError), ({"levels": 0}, ArgumentError),
        ({"precision": 2}, ArgumentError), ({"precision": 0.1, "objective": "speed"}, ArgumentError),
    ],
)  # fmt: skip
def test_refusals(given, error):
    with pytest.raises(error):
        pa.approximate("1/x", interval=(-1, 1) if error is DomainError else (0.5, 1), **given)


def test_the_command_says_the_same(capsys, tmp_path):
    path = tmp_path / "gelu.json"
    assert main(["approximate", "gelu", "--interval", "-7", "7", "--precision", "2^-12", "--json",
                 "-o", str(path)]) == 0  # fmt: skip
    told = json.loads(capsys.readouterr().out)
    r = pa.approximate("gelu", interval=(-7, 7), precision=2**-12)
    assert pa.load(path).plan.digest == r.plan.digest and told["structure"] == "circuit"
    assert eval(r.provenance.command, {"polyapprox": pa}).plan.digest == r.plan.digest
    assert main(["reciprocal", "--interval", "0.01", "1", "--levels", "5"]) == 0
    assert main(["approximate", "gelu", "--interval", "-7", "7"]) == 2


@pytest.mark.parametrize(
    ("function", "interval", "relative", "objective", "exponents"),
    [
        ("1/sqrt(x)", (1, 16), True, "balanced", (7, 8, 16, 20)),
        ("1/x", (1, 16), True, "multiplications", (5, 6, 12, 15, 18)),
        ("gelu", (-8, 8), False, "balanced", (5, 7, 9)),
        ("exp", (-10, 0), False, "levels", (6, 8, 12, 15)),
    ],
)  # fmt: skip
def test_less_precision_never_costs_more_nor_is_less_precise_at_the_same_cost(
    function, interval, relative, objective, exponents
):
    made = [
        pa.approximate(
            function, interval=interval, tolerance=2.0**-k, relative=relative, objective=objective
        )
        for k in exponents
    ]
    orders = {
        "levels": lambda r: (r.levels, r.multiplications),
        "multiplications": lambda r: (r.multiplications, r.levels),
        "balanced": lambda r: 2 * r.levels + r.multiplications,
    }
    keys = [(orders[objective](r), r.error_bound) for r in made]
    for number, coarse in enumerate(keys):
        for fine in keys[number + 1 :]:
            assert coarse[0] <= fine[0]
            assert coarse[0] < fine[0] or coarse[1] <= fine[1] * 1.0001
