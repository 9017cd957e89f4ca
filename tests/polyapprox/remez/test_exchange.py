"""The parts of the exchange, and of the proofs of single polynomials, each on its own."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import pairwise

import mpmath
import numpy as np
import pytest
from flint import arb, arb_poly

from polyapprox.errors import ProofError
from polyapprox.numbers import ball, exact, fraction
from polyapprox.precision import working_precision
from polyapprox.proof.bounded import BoundedArray
from polyapprox.proof.competitors import alternation_bound
from polyapprox.proof.mesh import angular_half_gap, chebyshev_mesh
from polyapprox.proof.sampling import bound_ball_polynomial, bound_unit_polynomial
from polyapprox.proof.taylor import bound_error
from polyapprox.remez.barycentric import Trial
from polyapprox.remez.coefficients import chebyshev_coefficients
from polyapprox.remez.extrema import search_grid, signed_extrema
from polyapprox.remez.polish import BallTrial, solve_levelled
from polyapprox.remez.problem import Goal
from polyapprox.remez.reference import initial_reference
from polyapprox.remez.remez import exchange, exchange_in_balls, exchange_one, thin_alternation
from polyapprox.remez.solve import estimated_level, needed_bits, reduced_problem
from polyapprox.targets import Target, as_target

UNIT = ((-1.0, 1.0),)
GAP = ((-1.0, -0.25), (0.25, 1.0))


def problem(name: str, degree: int, domain=UNIT, parity=None, weight=None):
    return reduced_problem(Goal(as_target(name), domain, weight, parity), degree)


# --- choosing references ------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(20))
def test_thinning_keeps_the_signs_and_the_largest(seed: int) -> None:
    chance = np.random.default_rng(seed)
    count = int(chance.integers(5, 30))
    values = chance.uniform(0.1, 1, count) * np.where(np.arange(count) % 2, -1, 1)
    points = np.sort(chance.uniform(-1, 1, count))
    wanted = int(chance.integers(2, count + 1))
    kept_points, kept = thin_alternation(points, values, wanted)
    assert len(kept) == wanted and all(a * b < 0 for a, b in pairwise(kept))
    assert np.max(np.abs(kept)) == np.max(np.abs(values))
    assert set(kept_points) <= set(points) and np.all(np.diff(kept_points) > 0)
    assert thin_alternation(points, values, count + 1) is None


@pytest.mark.parametrize("point", [-0.9, -0.4, 0.1, 0.6, 0.95])
@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_one_point_exchange_keeps_the_alternation(point: float, sign: float) -> None:
    nodes = np.array([-0.8, -0.3, 0.2, 0.7])
    signs = np.array([1.0, -1.0, 1.0, -1.0])
    new = exchange_one(nodes, signs, point, sign)
    assert point in new and len(new) == 4 and np.all(np.diff(new) > 0)
    known = dict(zip(nodes, signs, strict=True)) | {point: sign}
    assert all(known[a] * known[b] < 0 for a, b in pairwise(new))


@pytest.mark.parametrize(
    ("domain", "parity"),
    [(UNIT, None), (UNIT, "even"), (UNIT, "odd"), (GAP, "odd"), (((-2.0, -1.0), (0.0, 5.0)), None)],
)
@pytest.mark.parametrize("degree", [1, 4, 33])
def test_first_reference_lies_in_the_domain(domain, parity, degree: int) -> None:
    p = problem("exp", degree, domain, parity)
    nodes = initial_reference(p)
    assert len(nodes) == p.degree + 2 and np.all(np.diff(nodes) > 0)
    assert all(any(a <= z <= b for a, b in p.intervals) for z in nodes)


def test_reduction_by_parity_and_root() -> None:
    odd = problem("sin", 7, UNIT, "odd")
    assert (odd.reduction, odd.degree, odd.x_degree, odd.hull) == ("odd", 3, 7, (-1.0, 1.0))
    assert problem("sin", 8, UNIT, "odd").x_degree == 7
    assert problem("cos", 7, UNIT, "even").x_degree == 6
    root = problem("sqrt", 5, ((0.1, 3.0),))
    (first, last) = root.intervals[0]
    assert root.reduction == "sqrt"
    assert Fraction(first) ** 2 >= Fraction(0.1) and Fraction(last) ** 2 <= 3
    assert Fraction(math.nextafter(first, 0)) ** 2 < Fraction(0.1)
    smallest = problem("sign", 5, ((-1.0, -(2.0**-60)), (2.0**-60, 1.0)), "odd").intervals[0][0]
    assert smallest == 2.0**-60


# --- the levelled problem -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "degree", "domain", "parity", "weight"),
    [
        ("exp", 6, UNIT, None, None),
        ("exp", 6, UNIT, None, "1+x**2"),
        ("sign", 9, GAP, "odd", None),
        ("abs", 8, UNIT, "even", None),
        ("sqrt", 6, ((0.0, 2.0),), None, None),
        ("exp", 5, ((-2.0, -1.0), (0.0, 5.0)), None, "exp(-x)"),
    ],
)
def test_levels_in_doubles_and_balls_agree(name, degree, domain, parity, weight) -> None:
    p = problem(name, degree, domain, parity, weight and as_target(weight))
    nodes = initial_reference(p)
    trial, balls = Trial.on(p, nodes), solve_levelled(p, nodes, 60)
    assert trial.level == pytest.approx(float(balls.level), rel=1e-9)
    signs = np.where(np.arange(len(nodes)) % 2, -1, 1)
    assert trial.error(nodes) == pytest.approx(signs * trial.level, rel=1e-9)
    assert balls.error(nodes) == pytest.approx(signs * balls.sign, rel=1e-12)
    z = np.concatenate([np.linspace(a, b, 37) for a, b in p.intervals])
    assert trial.error(z) == pytest.approx(balls.error(z) * abs(trial.level), abs=1e-13)


def test_levelled_error_is_the_dual_functional() -> None:
    """|λ(f)| of the annihilating functional on N + 2 points never exceeds the best error."""
    chance = np.random.default_rng(5)
    p = problem("exp", 4)
    for _ in range(20):
        nodes = np.sort(chance.uniform(-1, 1, 6))
        assert Trial.on(p, nodes).size <= 5.4667e-4 * 1.0001


@pytest.mark.parametrize("name", ["exp", "abs(x-0.3)", "1/(1+25*x**2)"])
def test_exchange_in_both_arithmetics(name: str) -> None:
    p = problem(name, 9)
    found = exchange(p)
    assert found.converged and found.gap < 1e-6
    polished = exchange_in_balls(p, initial_reference(p), 60, 1e-12)
    assert polished.converged and polished.gap < 1e-12
    assert float(abs(polished.trial.level)) == pytest.approx(found.trial.size, rel=1e-5)


def test_exchange_recovers_from_a_reference_with_level_zero() -> None:
    p = problem("sin(pi*x)", 1, ((0.0, 2.0),))
    flat = np.array([0.0, 1.0, 2.0])
    assert abs(float(BallTrial.on(p, flat, 200).level.mid())) < 1e-15
    found = exchange_in_balls(p, flat, 60, 1e-10)
    assert found.converged and float(abs(found.trial.level)) > 0.5


def test_vanishing_level_is_seen() -> None:
    trial = solve_levelled(problem("x**3-x/3", 5), initial_reference(problem("x", 5)), 60)
    assert trial.vanishes and trial.size == 0 and not trial.error(np.array([0.3])).any()


def test_extrema_are_found_between_grid_points() -> None:
    p = problem("exp", 3)

    def error(z):
        return np.cos(7 * z + 0.3)

    points, values = signed_extrema(error, search_grid(p, np.array([-0.5, 0.5])), p.intervals)
    inner = points[1:-1]
    assert np.abs(np.abs(values[1:-1]) - 1).max() < 1e-9
    assert np.abs(np.sin(7 * inner + 0.3)).max() < 1e-4
    assert all(a * b < 0 for a, b in pairwise(values))


@pytest.mark.parametrize(
    ("name", "parity"), [("exp", None), ("abs", "even"), ("sin", "odd"), ("sqrt", None)]
)
def test_chebyshev_coefficients_give_the_trial_polynomial(name: str, parity) -> None:
    domain = ((0.0, 3.0),) if name == "sqrt" else ((-3.0, 3.0),)
    p = problem(name, 11, domain, parity)
    trial = solve_levelled(p, initial_reference(p), 60)
    with working_precision(trial.precision):
        series = [float(c.mid()) for c in chebyshev_coefficients(trial)]
    values = np.polynomial.Chebyshev(series, domain=list(p.hull))
    x = np.linspace(*domain[0], 50)[1:]
    z = np.sqrt(x) if name == "sqrt" else x
    keep = z >= p.intervals[0][0]
    ours = as_target(name).numpy(x) - trial.error(z) * float(abs(trial.level)) / np.where(
        parity == "odd", 1, 1
    )
    assert ours[keep] == pytest.approx(values(x)[keep], abs=1e-12)


def test_bits_follow_the_error() -> None:
    assert needed_bits(exact(1), exact(0.5)) == 53
    assert needed_bits(exact(1), mpmath.ldexp(1, -100)) == 144
    assert needed_bits(exact(1), exact(0)) == 113


def test_estimated_levels_below_double_precision() -> None:
    found = estimated_level(Goal(as_target("exp"), UNIT), 20)
    assert float(found.level) == pytest.approx(1.888923060e-26, rel=2e-4)
    assert found.level <= found.largest <= found.level * 1.001


# --- proofs -------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(12))
def test_float_arrays_enclose_exact_arithmetic(seed: int) -> None:
    chance = np.random.default_rng(seed)
    x = chance.uniform(-2, 2, 50)
    constant = mpmath.mpf("0.1")
    shown = [Fraction(float(v)) for v in x]
    value = BoundedArray(x)
    for _ in range(12):
        step = int(chance.integers(4))
        if step == 0:
            value, shown = value * value, [v * v for v in shown]
        elif step == 1:
            value = value * BoundedArray.lift_constant(constant)
            shown = [v * fraction(constant) for v in shown]
        elif step == 2:
            value, shown = (
                value + BoundedArray(x),
                [v + Fraction(float(u)) for v, u in zip(shown, x, strict=True)],
            )
        else:
            value, shown = value - 0.5, [v - Fraction(1, 2) for v in shown]
        if np.max(np.abs(value.value)) > 1e30:
            break
    radii = np.broadcast_to(value.radius, x.shape)
    for v, r, truth in zip(value.value, radii, shown, strict=True):
        assert abs(Fraction(float(v)) - truth) <= Fraction(float(r))
    assert value.largest() >= max(abs(float(t)) for t in shown)


@pytest.mark.parametrize(
    ("low", "high", "count"), [(-1.0, 1.0, 40), (0.0, 1e-3, 100), (5.0, 6.0, 333)]
)
def test_half_gap_of_a_mesh(low: float, high: float, count: int) -> None:
    mesh = chebyshev_mesh(low, high, count)
    assert mesh.points[0] == low and mesh.points[-1] == high
    with mpmath.workdps(40):
        a, b = mpmath.mpf(low), mpmath.mpf(high)
        angles = [mpmath.acos((2 * mpmath.mpf(float(x)) - a - b) / (b - a)) for x in mesh.points]
    true = max(abs(float(u - v)) for u, v in pairwise(angles)) / 2
    assert true <= mesh.half_gap <= true * (1 + 1e-6)
    assert angular_half_gap(mesh.points[[0, -1]]) == math.inf
    assert mesh.factor(10**9) == math.inf


@pytest.mark.parametrize("seed", range(10))
def test_sampled_bounds_of_polynomials(seed: int) -> None:
    chance = np.random.default_rng(seed)
    coefficients = list(chance.uniform(-1, 1, int(chance.integers(2, 30))))
    dense = np.linspace(-1, 1, 40001)
    largest = float(np.max(np.abs(np.polynomial.polynomial.polyval(dense, coefficients))))
    bound = bound_unit_polynomial(coefficients, 0.0, 48)
    assert largest <= bound <= largest * 1.0006 + 1e-12
    with working_precision(200):
        upper, sampled = bound_ball_polynomial(arb_poly(coefficients), arb(-1), arb(1), 48)
    assert float(sampled) <= bound and largest <= float(upper) <= largest * 1.0006 + 1e-12
    assert bound_unit_polynomial(coefficients, 0.5, 48) >= bound + 0.5


def cells(*ends: float):
    return [(exact(a), exact(b)) for a, b in pairwise(ends)]


@pytest.mark.parametrize(
    ("name", "ends"),
    [("exp", (-1.0, 1.0)), ("tanh", (-4.0, 4.0)), ("exp(abs(x))", (-1.0, 0.0, 1.0))],
)
def test_taylor_bound_of_a_known_error(name: str, ends: tuple) -> None:
    """Against p = 0 and p = 1 the error is |f| and |f − 1|, known at the ends."""
    target = as_target(name)
    for constant in (0, 1):
        x = np.linspace(ends[0], ends[-1], 20001)
        largest = float(np.max(np.abs(target.numpy(x) - constant)))
        found = bound_error(target, None, arb_poly([constant]), cells(*ends), arb(largest), 200)
        assert largest * (1 - 1e-12) <= float(found.upper) <= largest * 1.0006


def test_taylor_bound_notices_a_wrong_coefficient() -> None:
    target = as_target("exp")
    good = arb_poly([arb(1) / math.factorial(k) for k in range(12)])
    scale = ball(exact(2.3e-9))
    with working_precision(200):
        fine = bound_error(target, None, good, cells(-1.0, 1.0), scale, 200)
        bad = bound_error(
            target, None, good + arb_poly([0, 0, 1e-6]), cells(-1.0, 1.0), arb(1e-6), 200
        )
    assert float(fine.upper) < 2.4e-9 and float(bad.upper) > 0.99e-6


def test_taylor_bound_with_a_weight() -> None:
    """x² · |exp(x) − 1| on [-1, 1] is largest at 1."""
    found = bound_error(
        as_target("exp"), as_target("x**2"), arb_poly([1]), cells(-1.0, 1.0), arb(1.7), 120
    )
    assert math.e - 1 <= float(found.upper) <= (math.e - 1) * 1.0006


def test_taylor_bound_gives_up_within_its_budget() -> None:
    with pytest.raises(ProofError, match="more than 50 cells"):
        bound_error(
            as_target("sin(200*x)"),
            None,
            arb_poly([0]),
            cells(-9.0, 9.0),
            arb(1e-9),
            100,
            max_cells=50,
        )
    with pytest.raises(ProofError):
        bound_error(as_target("log(x)"), None, arb_poly([0]), cells(0.0, 1.0), arb(1.0), 100)


def test_half_the_domain_only_where_the_parity_is_proven() -> None:
    """A callable that is even on half of the domain only must be looked at everywhere."""
    even = as_target("cos(x)")
    assert even.proven_parity == "even"
    lopsided = Target("bump", function=lambda x: (x * x).exp() + (x * 40 - 30).exp() * 0)
    assert lopsided.proven_parity is None
    slanted = bound_error(even, None, arb_poly([0, 0.5]), cells(-1.0, 1.0), arb(1.5), 100)
    assert float(slanted.upper) >= math.cos(1) + 0.5
    larger_left = bound_error(even, None, arb_poly([0, 0.5]), cells(-2.0, 1.0), arb(1.5), 100)
    x = np.linspace(-2, 1, 9001)
    assert float(larger_left.upper) >= np.max(np.abs(np.cos(x) - x / 2))


def test_lower_bound_needs_alternating_signs() -> None:
    target, line = as_target("x**2"), arb_poly([0.5])
    points = [arb(-1), arb(0), arb(1)]
    assert float(alternation_bound(target, None, line, points)) == 0.5
    assert alternation_bound(target, None, line, [arb(-1), arb(1)]) is None
    assert alternation_bound(target, None, arb_poly([0, 0, 1]), points) is None
    weighted = alternation_bound(target, as_target("1+x**2"), line, points)
    assert float(weighted) == 0.5
