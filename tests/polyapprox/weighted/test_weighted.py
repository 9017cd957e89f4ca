"""Approximations weighted by a distribution: bounds hold, errors are no larger, cost is the same."""

import os
from pathlib import Path

import numpy as np
import pytest
import weighted_tables as tables
from independent import DIGITS, run_plan_mpmath
from mpmath import mp, mpf

import polyapprox
from polyapprox.circuits.library import shipped_circuits
from polyapprox.errors import ArgumentError
from polyapprox.weighted import relu as module, weighted_error
from polyapprox.weighted.density import read_density

B = 7.0
BELL = 0.08 * B * np.random.default_rng(3).standard_normal(50_000)
SKEWED = B * (np.random.default_rng(4).gamma(2.0, 0.06, 50_000) - 0.1)
COUNTS, EDGES = np.histogram(BELL, 500, (-B, B))
BY_HISTOGRAM = (EDGES, COUNTS)


def fitted(m: int, cap: float = 8.0, inputs: np.ndarray = BELL) -> polyapprox.Approximation:
    return polyapprox.weighted_relu(
        multiplications=m, samples=inputs, interval=(-B, B), cap=cap
    )


def plain(m: int) -> polyapprox.Approximation:
    return polyapprox.circuit("relu", multiplications=m, interval=(-B, B))


@pytest.mark.parametrize("m", [1, 2, 3, 4, 6, 8])
@pytest.mark.parametrize("inputs", [BELL, SKEWED], ids=["bell", "skewed"])
def test_the_bound_holds_on_a_dense_grid(m: int, inputs: np.ndarray) -> None:
    r = fitted(m, inputs=inputs)
    x = np.concatenate([np.linspace(-B, B, 400_001), np.geomspace(1e-9, B, 20_001)])
    error = np.abs(r(x) - np.maximum(x, 0))
    assert np.max(error) <= r.error_bound + 1e-15 * B  # r(x) is rounded here
    assert np.max(error) >= 0.95 * r.error_bound  # the bound is of this error, not of a larger one


@pytest.mark.parametrize("m", [3, 7])
def test_the_bound_holds_in_another_arithmetic(m: int) -> None:
    r = fitted(m)
    rng = np.random.default_rng(m)
    points = [*(B * rng.uniform(-1, 1, 200)), *BELL[:50], -B, B, 0.0]
    with mp.workdps(DIGITS):
        for x in points:
            value = run_plan_mpmath(r.plan, mpf(float(x)))
            assert abs(value - max(mpf(float(x)), 0)) <= r.certificate.upper


@pytest.mark.parametrize("m", range(1, 10))
def test_the_weighted_error_is_smaller_at_the_same_cost(m: int) -> None:
    ours, before = fitted(m), plain(m)
    assert (ours.multiplications, ours.levels) == (before.multiplications, before.levels) == (m, m)
    assert ours.structure == "circuit" and ours.function == "relu"
    after, first = (weighted_error(one, samples=BELL).rms for one in (ours, before))
    assert after < 0.95 * first
    if m >= 8:
        assert after < 0.7 * first


def test_its_mean_error_vanishes_too() -> None:
    for m in (3, 5, 8):
        found = weighted_error(fitted(m), samples=BELL)
        assert abs(found.mean) < 0.05 * found.rms


@pytest.mark.parametrize("cap", [1.0, 1.5, 3.0, 8.0])
@pytest.mark.parametrize("m", [2, 4, 6])
def test_the_cap_is_kept(m: int, cap: float) -> None:
    r, before = fitted(m, cap), plain(m)
    assert r.error_bound <= cap * before.error_bound
    errors = [weighted_error(one, samples=BELL).rms for one in (r, before)]
    assert errors[0] <= errors[1]


def test_more_freedom_is_less_error() -> None:
    errors = [weighted_error(fitted(3, cap), samples=BELL).rms for cap in (1.5, 3.0, 8.0, 16.0)]
    assert errors == sorted(errors, reverse=True) and errors[-1] < 0.9 * errors[0]


def test_the_minimax_circuit_comes_back_where_nothing_is_better(monkeypatch) -> None:
    monkeypatch.setenv("POLYAPPROX_CACHE", "off")
    monkeypatch.setattr(module, "weighted_fit", lambda chain, wanted, steps, thin: chain)
    r = fitted(4)
    assert r.plan == plain(4).plan and r.certificate == plain(4).certificate
    assert "weighted rms error" in r.provenance.command


@pytest.mark.parametrize("m, constants", [(4, 2), (5, 3), (6, 4)])
def test_circuits_of_few_constants_keep_their_zeros_and_their_bound(m: int, constants: int) -> None:
    given = {"multiplications": m, "interval": (-B, B), "constants": constants}
    r = polyapprox.weighted_relu(samples=BELL, cap=4, **given)
    plain = polyapprox.circuit("relu", **given)
    assert r.counts("published").constant_products <= constants
    assert (r.multiplications, r.levels) == (m, m)
    assert weighted_error(r, samples=BELL).rms < 0.8 * weighted_error(plain, samples=BELL).rms
    x = np.linspace(-B, B, 200_001)
    largest = np.max(np.abs(r(x) - np.maximum(x, 0)))
    assert 0.95 * r.error_bound <= largest <= r.error_bound + 1e-15 * B
    assert r.error_bound <= 4 * plain.error_bound


def test_provenance_names_the_distribution_and_says_that_the_error_is_an_estimate() -> None:
    r = fitted(4)
    stated = r.provenance.command
    assert read_density(None, BELL).digest[:16] in stated and "(estimate)" in stated
    rms = float(stated.partition("weighted rms error ")[2].split()[0])
    assert rms == pytest.approx(weighted_error(r, samples=BELL).rms, rel=0.02)


def test_weighted_error_is_the_mean_over_the_inputs() -> None:
    r = fitted(5)
    error = r(BELL) - np.maximum(BELL, 0)
    found = weighted_error(r, samples=BELL)
    assert found.rms == pytest.approx(float(np.sqrt(np.mean(error**2))), rel=0.01)
    assert abs(found.mean - float(np.mean(error))) < 0.02 * found.rms
    half = weighted_error(r, samples=np.concatenate([BELL, np.full(50_000, 3 * B)]))
    assert half.outside == pytest.approx(0.5, abs=0.01)
    assert half.rms == pytest.approx(found.rms, rel=0.02)


def test_histogram_and_samples_agree_and_counts_may_be_shares() -> None:
    by_samples, by_counts, by_shares = (
        polyapprox.weighted_relu(multiplications=4, interval=(-B, B), **given)
        for given in (
            {"samples": BELL},
            {"histogram": BY_HISTOGRAM},
            {"histogram": (EDGES, COUNTS / COUNTS.sum())},
        )
    )
    x = np.linspace(-B, B, 1001)
    assert np.allclose(by_counts(x), by_shares(x), atol=1e-12 * B)
    assert np.max(np.abs(by_samples(x) - by_counts(x))) < 0.05 * by_counts.error_bound


def test_it_scales_with_the_interval() -> None:
    one = polyapprox.weighted_relu(multiplications=4, samples=BELL / B)
    x = np.linspace(-1, 1, 1001)
    assert np.allclose(B * one(x), fitted(4)(B * x), atol=1e-3 * B * one.error_bound)


def test_only_the_size_of_the_inputs_counts() -> None:
    x = np.linspace(-B, B, 501)
    mirrored = (-EDGES[::-1], COUNTS[::-1])
    pair = [
        polyapprox.weighted_relu(multiplications=3, histogram=h, interval=(-B, B))(x)
        for h in (BY_HISTOGRAM, mirrored)
    ]
    assert np.allclose(*pair, atol=1e-9)


def test_the_same_call_gives_the_same_circuit(monkeypatch) -> None:
    monkeypatch.setenv("POLYAPPROX_CACHE", "off")
    assert fitted(6).plan == fitted(6).plan


def test_results_are_cached(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setenv("POLYAPPROX_CACHE", str(tmp_path))
    first = fitted(5)
    assert [name for name in os.listdir(tmp_path) if name.startswith("weighted_relu")]
    monkeypatch.setattr(module, "weighted_fit", None)
    assert fitted(5) == first
    monkeypatch.undo()
    monkeypatch.setenv("POLYAPPROX_CACHE", str(tmp_path))
    assert fitted(5, inputs=SKEWED) != first


def test_a_saved_table_is_proven_again(tmp_path: Path) -> None:
    r = fitted(6)
    found = polyapprox.verify(r.save(tmp_path / "relu.json"))
    assert found.ok


def test_inputs_all_in_one_place() -> None:
    for place in (0.0, 0.31 * B):
        r = polyapprox.weighted_relu(multiplications=4, samples=[place] * 10, interval=(-B, B))
        assert abs(r(place) - place) < 0.1 * plain(4).error_bound
        assert r.error_bound <= 8 * plain(4).error_bound


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "exactly one of histogram"),
        ({"samples": [1.0], "histogram": ([0, 1], [1])}, "exactly one of histogram"),
        ({"samples": []}, "samples is empty"),
        ({"samples": [0.1, float("nan")]}, "samples must be finite; got nan"),
        ({"samples": ["a"]}, "samples must be real numbers"),
        ({"histogram": 3}, "histogram must be a pair"),
        ({"histogram": ([0.0], [])}, "a count at least"),
        ({"histogram": ([], [])}, "a count at least"),
        ({"histogram": ([0, 1, 2], [1])}, "one edge more than counts"),
        ({"histogram": ([0, 0, 1], [1, 1])}, "must ascend"),
        ({"histogram": ([0, 0.5, 1], [1, -1])}, "must not be negative; got -1.0"),
        ({"histogram": ([0, 0.5, 1], [0, 0])}, "all counts of histogram are zero"),
        ({"histogram": ([0, 0.5, 1], [1, float("nan")])}, "counts of histogram must be finite"),
        ({"histogram": ([0, float("inf")], [1])}, "edges of histogram must be finite"),
        ({"histogram": ([0, 0.5, 1], [1e308, 1e308])}, "sum to infinity"),
        ({"samples": [3.0, 4.0]}, "no input lies in the interval"),
        ({"samples": [0.1], "multiplications": 0}, "multiplications must be a whole number"),
        ({"samples": [0.1], "multiplications": 16}, "from 1 to 15; got 16"),
        ({"samples": [0.1], "multiplications": True}, "multiplications must be"),
        ({"samples": [0.1], "multiplications": 4.0}, "multiplications must be"),
        ({"samples": [0.1], "cap": 0.5}, "cap must be a number from 1 to 10000"),
        ({"samples": [0.1], "cap": 1e300}, "cap must be a number from 1 to 10000"),
        ({"samples": [0.1], "cap": float("nan")}, "cap must be"),
        ({"samples": [0.1], "cap": "wide"}, "cap must be"),
        ({"samples": [0.1], "interval": (-1, 2)}, "interval must be symmetric"),
        ({"samples": [0.1], "interval": (1, -1)}, "low < high"),
    ],
    ids=str,
)
def test_bad_input(given: dict, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        polyapprox.weighted_relu(**{"multiplications": 3, **given})


def test_weighted_error_wants_a_symmetric_interval_and_inputs_inside() -> None:
    with pytest.raises(ArgumentError, match=r"give one of one argument on an interval"):
        weighted_error(polyapprox.circuit("exp", multiplications=3, interval=(-8, 0)), samples=[1])
    with pytest.raises(ArgumentError, match="no input lies in the interval"):
        weighted_error(plain(3), samples=[2 * B])


def test_the_start_is_the_minimax_circuit() -> None:
    assert set(range(1, module.MOST + 1)) <= set(shipped_circuits())


def test_the_tables_of_the_page_are_those_of_the_code() -> None:
    assert tables.main(tables.PAGE, tables.TABLES, ["--check"]) == 0
