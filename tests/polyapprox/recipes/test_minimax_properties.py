"""Properties of `minimax` on functions, intervals and weights that hypothesis makes up."""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np
from hypothesis import HealthCheck, assume, given, settings, strategies as st

import polyapprox as pa

fixed = settings(
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=25,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)

SMOOTH = {
    "exp(x)": mpmath.exp,
    "sin(3*x+1)": lambda x: mpmath.sin(3 * x + 1),
    "1/(4+x**2)": lambda x: 1 / (4 + x * x),
    "tanh(2*x)": lambda x: mpmath.tanh(2 * x),
    "sigmoid(x)*x": lambda x: x / (1 + mpmath.exp(-x)),
    "abs(x-0.25)": lambda x: abs(x - mpmath.mpf(1) / 4),
    "relu(x)-0.3*relu(x+0.5)": lambda x: max(x, 0) - 3 * max(x + mpmath.mpf(1) / 2, 0) / 10,
    "exp(-abs(x))": lambda x: mpmath.exp(-abs(x)),
    "atan(5*x)": lambda x: mpmath.atan(5 * x),
}
names = st.sampled_from(sorted(SMOOTH))
SLACK = mpmath.mpf(10) ** -36  # rounding of the test's own 40 digits
ends = st.integers(-24, 24).map(lambda k: k / 8)


@st.composite
def domains(draw: Any) -> list[tuple[float, float]]:
    """One to three disjoint intervals within [-3, 3]."""
    count = draw(st.integers(1, 3))
    cuts = sorted(draw(st.sets(ends, min_size=2 * count, max_size=2 * count)))
    return list(zip(cuts[::2], cuts[1::2], strict=True))


def largest_error(p: Any, name: str, domain: list[tuple[float, float]], weight: Any) -> Any:
    """Sampled with mpmath at 40 digits, from the coefficients and not from the plan."""
    with mpmath.workdps(40):
        x = [mpmath.mpf(float(v)) for a, b in domain for v in np.linspace(a, b, 60)]
        x += [mpmath.mpf(v) for v in (0, 0.25, -0.5) if any(a <= v <= b for a, b in domain)]
        return max(abs(p.components[0](v) - SMOOTH[name](v)) * weight(v) for v in x)


@fixed
@given(names, domains(), st.integers(0, 12))
def test_bounds_hold_and_meet(name: str, domain: list, degree: int) -> None:
    p = pa.minimax(name, degree, domain=domain)
    assert largest_error(p, name, domain, lambda x: 1) <= p.certificate.upper + SLACK
    lower = p.certificate.lower
    assert p.certificate.upper <= 1.001 * lower or p.certificate.upper < 1e-30


@fixed
@given(names, domains(), st.integers(0, 8), st.sampled_from(["1+x**2", "exp(x)", "1/(2+x*x)"]))
def test_weighted_bounds_hold_and_meet(name: str, domain: list, degree: int, weight: str) -> None:
    value = {
        "1+x**2": lambda x: 1 + x * x,
        "exp(x)": mpmath.exp,
        "1/(2+x*x)": lambda x: 1 / (2 + x * x),
    }[weight]
    p = pa.minimax(name, degree, domain=domain, weight=weight)
    assert largest_error(p, name, domain, value) <= p.certificate.upper + SLACK
    assert p.certificate.upper <= 1.001 * p.certificate.lower or p.certificate.upper < 1e-30


@fixed
@given(names, domains(), st.integers(0, 8), st.integers(0, 2**32))
def test_no_other_polynomial_beats_the_lower_bound(
    name: str, domain: list, degree: int, seed: int
) -> None:
    """Neighbours of the best polynomial, and interpolants, err at least as much."""
    p = pa.minimax(name, degree, domain=domain)
    lower = float(p.certificate.lower)
    assume(lower > 1e-9)
    chance = np.random.default_rng(seed)
    x = np.concatenate([np.linspace(a, b, 4001) for a, b in domain])
    x = np.append(x, [v for v in (0.0, 0.25, -0.5) if any(a <= v <= b for a, b in domain)])
    with mpmath.workdps(20):
        truth = np.array([float(SMOOTH[name](mpmath.mpf(float(v)))) for v in x])
    low, high = domain[0][0], domain[-1][1]
    best = p.components[0].as_floats()
    best = np.pad(best, (0, degree + 1 - len(best)))
    for size in (1.0, 1e-2, 1e-4):
        other = np.polynomial.Chebyshev(
            best + size * lower * chance.normal(size=len(best)), domain=[low, high]
        )
        assert np.max(np.abs(other(x) - truth)) >= lower * (1 - 1e-4)


@fixed
@given(names, st.integers(1, 10), st.sampled_from([0.5, 2.0, 4.0]), st.integers(-8, 8))
def test_scaling_the_function_and_its_argument(
    name: str, degree: int, factor: float, shift: int
) -> None:
    """The best error of c·f(s·x) on a scaled domain is c times that of f."""
    domain = (-1.0, 1.5)
    plain = pa.minimax(name, degree, domain=domain, guard=0)
    scaled = pa.minimax(f"{factor}*({name})", degree, domain=domain, guard=0)
    assert abs(scaled.certificate.lower / (factor * plain.certificate.lower) - 1) < 1e-8
    moved = name.replace("exp", "EXP").replace("x", f"(x-({shift}/8))").replace("EXP", "exp")
    there = (domain[0] + shift / 8, domain[1] + shift / 8)
    # a guard is a part of the largest |x|, which moving the domain changes
    other = pa.minimax(moved, degree, domain=there, guard=0)
    assert abs(other.certificate.lower / plain.certificate.lower - 1) < 1e-8
