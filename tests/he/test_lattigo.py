"""Lattigo: plans and components decrypt to the function, within proven bound and noise."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest

import polyapprox as pa
from polyapprox.cost import cost_model
from polyapprox.encrypted import BackendError, Parameters, backend, run
from polyapprox.errors import ArgumentError
from polyapprox.plan import PlanBuilder
from polyapprox.published.rivals import published_relu

LATTIGO = backend("lattigo")
pytestmark = pytest.mark.skipif(
    not LATTIGO.find().found, reason=f"{LATTIGO.find().reason}; {LATTIGO.find().remedy}"
)
RING = 1 << 11
NOISE = 2.0**-26  # at 2^50 in a ring of 2^11, of values around 1


def grid(count: int = RING // 2) -> np.ndarray:
    return np.linspace(-1.0, 1.0, count)


@pytest.fixture(scope="module")
def session():
    with LATTIGO.session(Parameters(RING, 50, 10)) as opened:
        yield opened


@pytest.mark.parametrize("degree", range(33))
def test_every_degree_by_its_plan(session, degree):
    r = pa.minimax("exp(x)", degree)
    measured = session.run_plan(r.plan, grid())
    error = np.abs(measured.values - np.exp(grid())).max()
    assert error <= r.error_bound + NOISE
    # a constant is made from the input, by a polynomial that is zero times it
    assert measured.levels == max(1, r.counts("published").levels)


@pytest.mark.parametrize("power", [7, 9, 12])
def test_relu_by_its_plan(session, power):
    r = pa.relu(precision=2.0**-power)
    measured = session.run_plan(r.plan, grid(), repeats=2)
    error = np.abs(measured.values - np.maximum(grid(), 0.0)).max()
    assert r.error_bound / 2 < error <= r.error_bound + NOISE
    assert r.error_bound <= 2.0**-power
    assert measured.levels == r.levels
    assert len(measured.repeated) == 2 and measured.seconds > 0
    assert [name for name, _ in measured.stages][:2] == ["context and keys", "encrypt"]


@pytest.mark.parametrize("alpha", [7, 9, 12])
def test_components_by_lattigos_own_evaluator(alpha):
    r = published_relu(alpha)
    levels = cost_model("lattigo").component_levels(r)
    with LATTIGO.session(Parameters(RING, 50, levels)) as opened:
        measured = opened.run_components(r, grid())
    assert measured.levels == levels
    error = np.abs(measured.values - np.maximum(grid(), 0.0)).max()
    assert error <= 2.0**-alpha + NOISE  # what was published


@pytest.mark.parametrize("degree", range(1, 33))
def test_every_degree_by_lattigos_own_evaluator(session, degree):
    r = pa.minimax("exp(x)", degree)
    measured = session.run_components(r, grid())
    assert np.abs(measured.values - np.exp(grid())).max() <= r.error_bound + NOISE
    assert measured.levels == cost_model("lattigo").polynomial_levels(degree)


def test_a_constant_which_would_crash_lattigo_is_refused_with_the_reason(session):
    with pytest.raises(ArgumentError, match="constant"):
        session.run_components(pa.minimax("exp(x)", 0), grid())


def test_two_arguments_are_refused(session):
    with pytest.raises(BackendError, match="one ciphertext"):
        session.run_plan(pa.maximum(precision=2.0**-4).plan, grid(), grid())


def test_products_are_subtracted_from_each_other(session):
    """x² − x³ needs the negative of a product, which costs what it has left."""
    builder = PlanBuilder()
    (x,) = builder.arguments
    square = builder.multiply(x, x)
    cube = builder.multiply(square, builder.scale(x, mpmath.mpf(0.75)))
    plan = builder.finish(builder.subtract(square, cube))
    measured = session.run_plan(plan, grid())
    assert np.abs(measured.values - (grid() ** 2 - 0.75 * grid() ** 3)).max() < NOISE
    assert measured.levels == 2
    result = session.run_plan(builder.finish(builder.subtract(cube, square)), grid())
    assert np.abs(result.values + measured.values).max() < NOISE


def test_a_circuit_has_no_components(session):
    with pytest.raises(ArgumentError, match="run its plan"):
        session.run_components(pa.circuit("relu", multiplications=5), grid())


def test_too_few_levels_and_too_many_values(session):
    with (
        LATTIGO.session(Parameters(RING, 50, 4)) as small,
        pytest.raises(ArgumentError, match="levels"),
    ):
        small.run_plan(pa.circuit("relu", multiplications=5).plan, grid())
    with pytest.raises(ArgumentError, match="do not fit"):
        session.run_plan(pa.circuit("relu", multiplications=5).plan, grid(RING))
    with pytest.raises(ArgumentError, match="not finite"):
        session.run_plan(pa.circuit("relu", multiplications=5).plan, [0.5, np.nan])


def test_security_is_enforced_where_asked_for():
    with pytest.raises(BackendError, match="use ring_dimension=32768"):
        LATTIGO.session(Parameters(1 << 13, 50, 10, secure=True))
    with LATTIGO.session(Parameters(1 << 13, 40, 2, secure=True)) as opened:
        measured = opened.run_plan(pa.circuit("relu", multiplications=2).plan, grid(8))
    assert measured.levels == 2


def test_a_closed_session_says_so():
    opened = LATTIGO.session(Parameters(RING, 50, 2))
    opened.close()
    with pytest.raises(BackendError, match="closed"):
        opened.run_plan(pa.circuit("relu", multiplications=2).plan, grid(8))


def test_times_of_operations(session):
    times = session.time_operations([1, 5, 10], repeats=3)
    assert set(times) == {"multiply", "rescale", "scale", "add", "shift"}
    assert times["multiply"][10] > times["multiply"][1] > 0
    assert all(seconds >= 0 for kind in times.values() for seconds in kind.values())
    with pytest.raises(ArgumentError, match="levels has 11"):
        session.time_operations([11])


@pytest.mark.parametrize("degree", [6, 15, 31])
@pytest.mark.parametrize(("function", "interval"), [("1/sqrt(x)", (0.1, 1)), ("1/x", (0.1, 1))])
def test_levels_that_are_chosen_suffice(function, interval, degree):
    """Sums of products that are subtracted need levels of their own in the evaluator's graph."""
    ended = run(pa.minimax(function, degree, interval=interval), backend="lattigo")
    assert ended.within and ended.levels == ended.counted
