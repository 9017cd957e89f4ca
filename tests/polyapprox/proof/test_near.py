"""Bounds of the error beside the interval and of the slope, against the plan in complex balls."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from flint import acb, arb

import polyapprox
from polyapprox import Approximation
from polyapprox.errors import ArgumentError, NoBoundError
from polyapprox.noise.propagation import propagate
from polyapprox.numbers import ball
from polyapprox.precision import working_precision
from polyapprox.proof.error_function import error_function
from polyapprox.proof.near import error_near

KINDS: dict[str, Callable[[], Approximation]] = {
    "direct": lambda: polyapprox.relu(precision=2**-7, structure="direct", interval=(-3, 5)),
    "circuit": lambda: polyapprox.circuit("relu", multiplications=7, interval=(-50, 50)),
    "composite": lambda: polyapprox.relu(degrees=[3, 7, 7], interval=(-50, 50)),
    "abs": lambda: polyapprox.abs(degrees=[7, 15]),
    "maximum": lambda: polyapprox.maximum(precision=2**-6, interval=(-3, 5)),
    "minimum": lambda: polyapprox.minimum(precision=2**-8, structure="composite", interval=(-3, 5)),
    "sign": lambda: polyapprox.sign(degrees=[7, 9], threshold=0.1),
    "exp": lambda: polyapprox.minimax("exp", 6, domain=(-2, 3)),
    "1/x, relative": lambda: polyapprox.minimax("1/x", 8, domain=(0.25, 1), relative=True),
    "gelu": lambda: polyapprox.circuit("gelu", multiplications=4, interval=(-8, 8)),
}


def largest_error(r: Approximation, real: float, imaginary: float) -> float:
    """Largest |Re r(x + iy) − f(x)| sampled."""
    error, size, largest = error_function(r), float(r.scale), 0.0
    two = r.inputs == 2
    with working_precision(1000):
        for low, high in r.domain:
            a, b = float(low) - real * size, float(high) + real * size
            if two:
                a, b = a - b, b - a
            steps = np.sin(np.linspace(0, np.pi / 2, 160)) ** 2
            near = np.geomspace(1e-6, 0.05, 40) * (b - a)
            for x in np.concatenate([a + (b - a) * steps, b - near, a + near]):
                for t in (0.0, 0.6, 1.0) if imaginary else (0.0,):
                    y = imaginary * size * t * (2 if two else 1)
                    z = acb(arb(float(x)), arb(y))
                    value = error.plan.run(z, lift=lambda c: acb(ball(c)))
                    gap = abs(value.real - error.target.ball(arb(float(x))))
                    if error.weight is not None:
                        gap *= error.weight.ball(arb(float(x)))
                    largest = max(largest, float(gap.upper()))
    return largest


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("radius", [2.0**-20, 2.0**-12, 2.0**-10])
def test_the_bounds_hold_and_are_tight(kind: str, radius: float) -> None:
    r = KINDS[kind]()
    near = r.bound_near(radius)
    for real, imaginary, bound in (
        (radius, 0.0, near.outside), (0.0, radius, near.imaginary), (radius, radius, near.both),
    ):  # fmt: skip
        sampled = largest_error(r, real, imaginary)
        assert sampled * (1 - 1e-9) <= bound <= 1.5 * sampled


def test_a_composite_beside_its_interval() -> None:
    """Of 2^-12 on [-50, 50]: its error grows a hundredfold within a thousandth of the interval."""
    r = polyapprox.relu(precision=2**-12, structure="composite", interval=(-50, 50))
    errors = [r.bound_near(2.0**-k).outside / r.error_bound for k in (24, 20, 12, 10)]
    assert errors == sorted(errors)
    assert errors[0] < 1.05
    assert errors[3] > 100


def test_nothing_proven_is_infinite() -> None:
    assert math.isinf(polyapprox.minimax("log(x)", 5, domain=(0.5, 2)).bound_near(0.5).outside)
    gap = polyapprox.sign(degrees=[7, 9], threshold=0.1).bound_near(0.125)
    assert math.isinf(gap.outside)
    assert math.isinf(gap.both)
    assert math.isfinite(gap.imaginary)


@pytest.mark.parametrize(
    "made",
    [
        lambda: polyapprox.minimax("sqrt", 8, domain=(0.0, 1.0)),
        lambda: polyapprox.minimax("log1p", 5, domain=(-0.99, 1.0)),
        lambda: polyapprox.minimax("softsign", 0, domain=(-8, 8), weight="1/(1+x**2)"),
    ],
)
def test_what_is_not_enclosed_beside_the_interval_is_infinite_or_bounded(made: Callable[[], Approximation]) -> None:
    value = made()
    found = value.bound_near(2**-6)
    assert min(found.outside, found.imaginary, found.both) >= value.error_bound
    assert found.both >= max(found.outside, found.imaginary)


def test_no_noise_is_the_certificate() -> None:
    r = polyapprox.circuit("relu", multiplications=5)
    near = r.bound_near(0)
    assert near.outside == near.imaginary == near.both == r.error_bound


@pytest.mark.parametrize("radius", [-0.5, 5, math.nan, math.inf])
def test_a_bad_radius_is_refused(radius: float) -> None:
    with pytest.raises(ArgumentError, match=r"^radius"):
        polyapprox.circuit("relu", multiplications=3).bound_near(radius)


def test_a_black_box_has_no_bound() -> None:
    def smooth(x: float) -> float:
        return math.exp(float(x))

    with pytest.raises(NoBoundError, match="black-box"):
        polyapprox.minimax(smooth, 4).bound_near(0.001)


def test_noise_of_both_parts_is_apart() -> None:
    r = polyapprox.circuit("relu", multiplications=7)
    assert error_near(r, 2**-12, 2**-16) <= error_near(r, 2**-12, 2**-12)


SLOPES: dict[str, tuple[Callable[[], Approximation], float]] = {
    "circuit": (lambda: polyapprox.circuit("relu", multiplications=7, interval=(-3, 5)), 1.2),
    "long circuit": (lambda: polyapprox.circuit("relu", multiplications=14), 4),
    "composite": (lambda: polyapprox.relu(degrees=[3, 7, 7], interval=(-50, 50)), 1.2),
    "long composite": (lambda: polyapprox.relu(precision=2**-22), 1000),  # of stages, multiplied
    "maximum": (lambda: polyapprox.maximum(precision=2**-6, interval=(-3, 5)), 2),
    "exp": (lambda: polyapprox.minimax("exp", 6, domain=(-2, 3)), 1.2),
    "sign": (lambda: polyapprox.sign(degrees=[7, 9], threshold=0.1), 1.2),
}


@pytest.mark.parametrize("kind", SLOPES)
def test_slopes(kind: str) -> None:
    make, factor = SLOPES[kind]
    r = make()
    steps = np.sin(np.linspace(0, np.pi / 2, 20_001)) ** 2
    x = np.concatenate([float(a) + (float(b) - float(a)) * steps for a, b in r.covered])
    if len(r.domain) == 1 and r.interval[0] < 0:
        x = np.concatenate([x, np.geomspace(1e-9, 1, 4000) * float(r.interval[1])])
    chance = np.random.default_rng(2)
    columns = [x] if r.plan.inputs == 1 else [x, chance.permutation(x)]
    adjoints = propagate(r.plan, *columns).adjoints[: r.plan.inputs]
    sampled = float(np.max(np.abs(adjoints)))
    assert sampled <= r.slope_bound * (1 + 1e-9)
    assert r.slope_bound <= factor * sampled
