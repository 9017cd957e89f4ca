"""The recipes: bounds hold against the function, counts and degrees are what is claimed."""

import math
from pathlib import Path
from typing import Any

import mpmath
import numpy as np
import pytest

import polyapprox as pa
from polyapprox.cost import LatencyModel
from polyapprox.errors import ArgumentError, DomainError, ExpressionError
from polyapprox.recipes.choice import CONSTANT_WEIGHT


def times(constant: float) -> LatencyModel:
    """Made-up times; a product with a constant in those of ciphertexts is given."""
    levels = (1, 6, 12, 18)
    product = {n: 1e-3 * (n + 1) * (n + 3) for n in levels}
    return LatencyModel.of_measurements(
        {
            "multiply": product,
            "scale": {n: constant * seconds for n, seconds in product.items()},
            **{kind: {n: 1e-5 * (n + 1) for n in levels} for kind in ("rescale", "add", "shift")},
        },
        backend="made up", version="1", machine="none", date="2026-01-01", ring_dimension=8192,
        scale_bits=50, context_levels=18, threads=1,
    )  # fmt: skip


TIMES = times(constant=0.01)


def dense(low: float, high: float) -> np.ndarray:
    near_zero = np.concatenate([[0.0], np.geomspace(1e-9, 1, 4000)])
    points = np.concatenate([np.linspace(low, high, 20001), near_zero * high, -near_zero * -low])
    return points[(points >= low) & (points <= high)]


@pytest.mark.parametrize("k", range(4, 15))
def test_relu_meets_its_precision_everywhere(k: int) -> None:
    r = pa.relu(precision=2.0**-k, interval=(-1, 1))
    x = dense(-1, 1)
    assert r.error_bound <= 2.0**-k
    assert np.max(np.abs(r(x) - np.maximum(x, 0))) <= r.error_bound


def test_relu_scales_with_the_interval() -> None:
    r = pa.relu(precision=2**-9, interval=(-50, 50))
    x = dense(-50, 50)
    assert r.error_bound <= 50 * 2**-9
    assert np.max(np.abs(r(x) - np.maximum(x, 0))) <= r.error_bound
    assert (r.multiplications, r.levels) == (7, 7)


def test_relu_in_high_precision_agrees() -> None:
    r = pa.relu(precision=2**-7, interval=(-1, 1))
    with mpmath.workdps(60):
        value = r(mpmath.mpf("0.3"))
        assert abs(value - mpmath.mpf("0.3")) <= r.error_bound
        assert abs(value - r(0.3)) < 1e-13


@pytest.mark.parametrize(
    ("function", "degree", "domain", "expected"),
    [
        ("exp", 5, (-1, 1), 4.520551e-5),
        ("abs", 30, (-1, 1), 9.332486889547e-3),
        ("sqrt", 30, (0, 1), 4.668677979544e-3),
        ("tanh", 31, (-8, 8), 1.447674639590e-3),
        ("1/x", 60, (0.001, 1), 11.2189996160),
        ("sigmoid", 31, (-8, 8), 1.909175901426e-6),
        ("gelu", 30, (-4, 4), 6.101674876599e-11),
        ("exp", 20, (-1, 1), 1.888923060e-26),
    ],
)
def test_minimax_is_proven_tight(
    function: str, degree: int, domain: tuple[float, float], expected: float
) -> None:
    p = pa.minimax(function, degree, domain=domain, guard=0)
    lower = p.error_lower_bound
    assert lower is not None and lower > 0
    assert p.error_bound / lower <= 1.001
    assert math.isclose(lower, expected, rel_tol=1e-6)


def test_black_box_has_an_estimate_and_no_bound() -> None:
    p = pa.minimax(lambda x: np.exp(np.asarray(x)), 6)
    assert p.error_estimate > 0
    with pytest.raises(AttributeError, match="no bound is proven"):
        _ = p.error_bound


@pytest.mark.parametrize(
    "arguments",
    [
        {"precision": 0.0},
        {"precision": 1.0},
        {"precision": float("nan")},
        {"precision": "small"},
        {},
        {"precision": 0.1, "tolerance": 0.1},
        {"precision": 0.1, "interval": (1, -1)},
        {"precision": 0.1, "interval": (0, float("inf"))},
        {"precision": 0.1, "interval": 3},
    ],
)
def test_bad_arguments_of_relu(arguments: dict) -> None:
    with pytest.raises(ArgumentError):
        pa.relu(**arguments)


def test_bad_arguments_of_minimax() -> None:
    with pytest.raises(ArgumentError, match="degree"):
        pa.minimax("exp", -1)
    with pytest.raises(DomainError):
        pa.minimax("1/x", 5, domain=(-1, 1))
    with pytest.raises(ExpressionError):
        pa.minimax("__import__('os').system('true')", 5)


def test_levels_are_another_word_for_depth() -> None:
    by_depth = pa.sign(precision=2**-5, objective="depth")
    assert pa.sign(precision=2**-5, objective="levels").plan == by_depth.plan
    assert pa.relu(precision=2**-9, objective="levels").levels <= 7


# --- the automatic choice -------------------------------------------------------------------------

KEYS = {
    "levels": lambda r: (r.levels, r.multiplications),
    "multiplications": lambda r: (r.multiplications, r.levels),
    "balanced": lambda r: (
        2 * r.levels + r.multiplications + CONSTANT_WEIGHT * r.counts().constant_products
    ),
}


@pytest.mark.parametrize("objective", KEYS)
@pytest.mark.parametrize("interval", [(-1, 1), (-50, 50), (-3, 5)])
@pytest.mark.parametrize("k", [4, 5, 7, 9, 12])
def test_no_structure_beats_the_automatic_choice(
    k: int, interval: tuple[float, float], objective: Any
) -> None:
    chosen = pa.relu(precision=2.0**-k, interval=interval, objective=objective)
    assert chosen.error_bound <= 2.0**-k * max(map(abs, interval))
    for structure in ("direct", "composite", "circuit"):
        other = pa.relu(
            precision=2.0**-k, interval=interval, objective=objective, structure=structure
        )
        assert KEYS[objective](chosen) <= KEYS[objective](other), structure


@pytest.mark.parametrize("function", [pa.relu, pa.abs, pa.maximum, pa.minimum])
def test_fastest_is_fastest_by_the_model(function: Any) -> None:
    chosen = function(precision=2**-8, objective="latency", backend=TIMES)
    seconds = TIMES.forecast(chosen.plan, rule="published")
    for structure in ("direct", "composite", "circuit"):
        for objective in ("latency", "balanced", "multiplications"):
            other = function(
                precision=2**-8, structure=structure, objective=objective, backend=TIMES
            )
            assert seconds <= TIMES.forecast(other.plan, rule="published") * 1.001


def test_another_machine_is_another_choice() -> None:
    """Where a product with a constant costs more than one of ciphertexts, few constants win."""
    dear = times(constant=4.0)
    choices = [
        pa.relu(precision=2**-12, objective="latency", backend=model) for model in (TIMES, dear)
    ]
    constants = [choice.counts().constant_products for choice in choices]
    assert constants[1] < constants[0]


def test_the_fastest_sign() -> None:
    chosen = pa.sign(precision=2**-7, threshold=2**-7, objective="latency", backend=TIMES)
    for objective in ("levels", "multiplications", "balanced"):
        other = pa.sign(precision=2**-7, threshold=2**-7, objective=objective)
        assert TIMES.forecast(chosen.plan) <= TIMES.forecast(other.plan) * 1.001


def test_a_model_may_be_a_file(tmp_path: Path) -> None:
    path = TIMES.save(tmp_path / "model.json")
    assert pa.relu(precision=2**-8, objective="latency", backend=path).plan == (
        pa.relu(precision=2**-8, objective="latency", backend=TIMES).plan
    )


@pytest.mark.parametrize("k", [5, 8, 11])
def test_limits_are_kept(k: int) -> None:
    m = pa.limits("relu", precision=2.0**-k).multiplications
    for limits in ({"levels": m}, {"multiplications": m}, {"levels": m, "multiplications": m}):
        r = pa.relu(precision=2.0**-k, **limits)
        assert r.error_bound <= 2.0**-k
        assert all(count <= m for count in (r.levels, r.multiplications)), limits
    composite = pa.relu(precision=2.0**-k, structure="composite", levels=m + 3)
    assert composite.structure == "composite" and composite.levels <= m + 3


@pytest.mark.parametrize("name", ["levels", "multiplications"])
def test_limits_below_what_is_possible_are_refused_with_what_is(name: str) -> None:
    for k in (6, 9, 12):
        least = getattr(pa.limits("relu", precision=2.0**-k), name)
        with pytest.raises(ArgumentError) as caught:
            pa.relu(precision=2.0**-k, **{name: least - 1})
        sentence = str(caught.value)
        assert sentence.startswith(f"{name}={least - 1} cannot do this: ")
        assert f"so m is at least {least}; the nearest possible is" in sentence
        assert f"{least} {name}" in sentence and "\n" not in sentence


def test_a_limit_alone_gives_the_most_precise_circuit() -> None:
    assert pa.relu(levels=6).plan == pa.relu(multiplications=6).plan
    assert pa.relu(levels=6, multiplications=4).multiplications == 4
    assert pa.maximum(levels=6, interval=(-2, 2)).levels == 6


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"precision": 0.01, "levels": 0}, "levels must be a whole number from 1"),
        ({"precision": 0.01, "multiplications": True}, "multiplications must be a whole number"),
        ({"degrees": (7, 7), "levels": 9}, "leave out levels=9"),
        ({"levels": 5, "structure": "composite"}, "needs a precision"),
        ({"precision": 0.01, "backend": "seal"}, "backend must be one of 'ideal'"),
        ({"precision": 0.01, "objective": "speed"}, "objective must be one of"),
        ({"precision": 2**-9, "structure": "composite", "levels": 7}, "no composite known reaches"),
    ],
)
def test_bad_limits_and_backends(arguments: dict, complaint: str) -> None:
    with pytest.raises(ArgumentError, match=complaint):
        pa.relu(**arguments)
