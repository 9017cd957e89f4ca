"""TenSEAL: plans and components decrypt to the function, within proven bound and noise."""

from __future__ import annotations

import numpy as np
import pytest

import polyapprox as pa
from polyapprox.encrypted import BackendError, Parameters, backend
from polyapprox.encrypted.frameworks.tenseal_monomials import forecast, monomials
from polyapprox.errors import ArgumentError
from polyapprox.published.rivals import published_relu

TENSEAL = backend("tenseal")
pytestmark = pytest.mark.skipif(
    not TENSEAL.find().found, reason=f"{TENSEAL.find().reason}; {TENSEAL.find().remedy}"
)
RING = 1 << 11
NOISE = 2.0**-26  # at 2^50 in a ring of 2^11, of values around 1


def grid(count: int = RING // 2) -> np.ndarray:
    return np.linspace(-1.0, 1.0, count)


@pytest.fixture(scope="module")
def session():
    with TENSEAL.session(Parameters(RING, 50, 10)) as opened:
        yield opened


@pytest.mark.parametrize("degree", range(33))
def test_every_degree_by_its_plan(session, degree):
    r = pa.minimax("exp(x)", degree)
    measured = session.run_plan(r.plan, grid())
    error = np.abs(measured.values - np.exp(grid())).max()
    assert error <= r.error_bound + NOISE
    assert measured.levels == r.counts("published").levels


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


def test_maximum_of_two_ciphertexts(session):
    r = pa.maximum(precision=2.0**-6)
    first, second = grid(), grid()[::-1] ** 3
    measured = session.run_plan(r.plan, first, second)
    assert np.abs(measured.values - np.maximum(first, second)).max() <= r.error_bound + NOISE


def test_components_by_polyval_with_what_monomials_cost():
    r = published_relu(7)
    parameters = Parameters(1 << 14, 40, 7, secure=True)
    with TENSEAL.session(parameters) as opened:
        measured = opened.run_components(r, grid())
        primes = opened.context.primes
    assert measured.levels == 7
    off = np.abs(measured.values - r(grid())).max()
    assert off < 2.0**-12
    assert np.abs(measured.values - np.maximum(grid(), 0.0)).max() <= 2.0**-7 + off  # published
    lists = [monomials([float(c) for c in one.coefficients]) for one in r.components]
    assert forecast(lists, primes, parameters)[0] > 0


def test_monomials_that_would_be_wrong_are_refused():
    """Degrees 15, 15, 27 at 40 bits decrypt to 10^8 in TenSEAL, without an error."""
    r = published_relu(13)
    with (
        TENSEAL.session(Parameters(1 << 15, 40, 16, secure=True)) as opened,
        pytest.raises(ArgumentError, match="larger scale_bits, or run the plan"),
    ):
        opened.run_components(r, grid())


def test_a_circuit_has_no_components(session):
    with pytest.raises(ArgumentError, match="run its plan"):
        session.run_components(pa.circuit("relu", multiplications=5), grid())


def test_polyval_in_a_small_ring_is_refused(session):
    with pytest.raises(BackendError, match="needs a context of 128 bit"):
        session.run_components(published_relu(7), grid())


def test_too_few_levels_and_too_many_values(session):
    with (
        TENSEAL.session(Parameters(RING, 50, 4)) as small,
        pytest.raises(ArgumentError, match="levels"),
    ):
        small.run_plan(pa.circuit("relu", multiplications=5).plan, grid())
    with pytest.raises(ArgumentError, match="do not fit"):
        session.run_plan(pa.circuit("relu", multiplications=5).plan, grid(RING))
    with pytest.raises(ArgumentError, match="not finite"):
        session.run_plan(pa.circuit("relu", multiplications=5).plan, [0.5, np.nan])


def test_security_is_enforced_where_asked_for():
    with pytest.raises(BackendError, match="use ring_dimension=32768"):
        TENSEAL.session(Parameters(1 << 13, 50, 10, secure=True))
    with TENSEAL.session(Parameters(1 << 13, 40, 2, secure=True)) as opened:
        measured = opened.run_plan(pa.circuit("relu", multiplications=2).plan, grid(8))
    assert measured.levels == 2


def test_a_closed_session_says_so():
    opened = TENSEAL.session(Parameters(RING, 50, 2))
    opened.close()
    with pytest.raises(BackendError, match="closed"):
        opened.run_plan(pa.circuit("relu", multiplications=2).plan, grid(8))


def test_times_of_operations(session):
    times = session.time_operations([1, 5, 10], repeats=3)
    assert set(times) == {"multiply", "rescale", "scale", "add", "shift"}
    assert times["multiply"][10] > times["multiply"][1] > times["add"][1] > 0
    with pytest.raises(ArgumentError, match="levels has 11"):
        session.time_operations([11])
