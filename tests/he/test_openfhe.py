"""OpenFHE: polynomials of degree 0 … 32 and ReLU on ciphertexts, against numpy's arithmetic."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

import polyapprox as pa
from polyapprox.cost import cost_model
from polyapprox.encrypted import BackendError, Parameters, backend, choose_parameters, run
from polyapprox.encrypted.choose import without_input_scaling
from polyapprox.errors import ArgumentError
from polyapprox.noise import forecast
from polyapprox.numbers import exact
from polyapprox.plan import PlanBuilder, count
from polyapprox.plan.chebyshev import append_chebyshev

OPENFHE = backend("openfhe")
FOUND = OPENFHE.find()
pytestmark = pytest.mark.skipif(not FOUND.found, reason=f"{FOUND.reason}: {FOUND.remedy}")
RING = 1 << 11


@pytest.fixture(scope="module")
def session():
    with OPENFHE.session(Parameters(RING, 50, 6)) as one:
        yield one


def random_series(degree):
    rng = np.random.default_rng(degree)
    return rng.uniform(0.1, 1.0, degree + 1) * rng.choice([-1.0, 1.0], degree + 1)


def series_plan(coefficients):
    builder = PlanBuilder()
    series = [exact(c) for c in coefficients]
    return builder.finish(append_chebyshev(builder, builder.arguments[0], series))


def noise_of(plan):
    return forecast(plan, half_width=1.0, scale_bits=50, ring_dimension=RING).worst


IDENTITY = PlanBuilder().finish(0)  # even a constant is decoded with noise


@pytest.mark.parametrize("degree", range(33))
def test_polynomial_by_its_plan(session, degree):
    coefficients = random_series(degree)
    plan = series_plan(coefficients)
    x = np.linspace(-1.0, 1.0, RING // 2)
    measured = session.run_plan(plan, x)
    noise = max(noise_of(one) for one in (without_input_scaling(plan)[0], IDENTITY))
    error = np.max(np.abs(measured.values - np.polynomial.chebyshev.chebval(x, coefficients)))
    assert error <= 2 * noise + 1e-14 * np.sum(np.abs(coefficients))
    assert measured.levels == count(plan, "published").levels


@pytest.mark.parametrize("degree", range(1, 33))
def test_polynomial_by_openfhes_own_evaluator(session, degree):
    coefficients = random_series(degree)
    one = pa.from_components(
        "x", [pa.Polynomial.from_floats(coefficients)], (-1, 1), structure="polynomial"
    )
    x = np.linspace(-1.0, 1.0, 100)
    measured = session.run_components(one, x)
    exact_values = np.polynomial.chebyshev.chebval(x, coefficients)  # c_0 is whole, not halved
    assert np.max(np.abs(measured.values - exact_values)) < 1e-7
    assert measured.levels == cost_model("openfhe").polynomial_levels(degree)


@pytest.mark.parametrize("structure", ["circuit", "composite"])
@pytest.mark.parametrize("precision", [7, 9, 12])
def test_relu_within_proven_bound_and_stated_noise(precision, structure):
    r = pa.relu(precision=2.0**-precision, structure=structure)
    ended = run(r, parameters=choose_parameters(r, OPENFHE, ring_dimension=1 << 12))
    (x,) = ended.x
    error = np.max(np.abs(ended.values - np.maximum(x, 0.0)))
    assert x.min() == -1 and x.max() == 1 and x.size == 1 << 11
    assert error <= r.error_bound + ended.stated_noise
    assert error <= 2.0**-precision
    assert ended.levels == ended.counted == r.levels and ended.rule == "published"
    assert ended.noise <= ended.stated_noise
    assert ended.forecast.error <= 8 * ended.noise
    assert ended.security == "not secure, for tests"


def test_relu_on_a_wide_interval_takes_its_scaling_from_the_encryption():
    r = pa.circuit("relu", multiplications=6, interval=(-50, 50))
    ended = run(r)
    assert ended.within and ended.levels == 6 and ended.largest_error > 0.9 * r.error_bound


def test_maximum_of_two_ciphertexts():
    r = pa.circuit("maximum", multiplications=4, interval=(-2, 2))
    ended = run(r)
    error = np.max(np.abs(ended.values - np.maximum(*ended.x)))
    assert error <= r.error_bound + ended.stated_noise
    assert ended.levels == ended.counted == r.counts("standalone").levels


def test_secure_parameters_are_accepted_by_the_library_itself():
    r = pa.circuit("relu", multiplications=3)
    chosen = choose_parameters(r, OPENFHE, secure=True)
    ended = run(r, np.linspace(-1, 1, 100), parameters=chosen)
    assert ended.security == "128 bit (HE standard)" and ended.within


def test_a_ring_too_small_for_128_bit_is_refused_in_one_sentence():
    r = pa.circuit("relu", multiplications=3)
    with pytest.raises(BackendError, match="refused") as caught:
        run(r, parameters=Parameters(1 << 11, 50, 3, secure=True))
    assert "\n" not in str(caught.value)


def test_too_few_levels(session):
    plan = pa.circuit("relu", multiplications=8).plan
    with pytest.raises(ArgumentError, match="needs more levels than the 6 that"):
        session.run_plan(plan, [0.5])


def test_too_many_values(session):
    plan = pa.circuit("relu", multiplications=2).plan
    with pytest.raises(ArgumentError, match="slots"):
        session.run_plan(plan, np.zeros(RING))


def test_a_circuit_has_no_components(session):
    with pytest.raises(ArgumentError, match="no components"):
        session.run_components(pa.circuit("relu", multiplications=2), [0.5])


def test_times_of_operations(session):
    times = session.time_operations([0, 3, 6], repeats=3)
    assert set(times) == {"multiply", "rescale", "scale", "add", "shift"}
    assert set(times["multiply"]) == {0, 3, 6} and set(times["rescale"]) == {3, 6}
    assert times["multiply"][6] > times["add"][6] > 0


def alive(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    with open(f"/proc/{process}/stat") as stat:
        return stat.read().rsplit(")", 1)[1].split()[0] != "Z"


def test_a_worker_that_dies_in_mid_run_gives_one_sentence():
    plan = pa.circuit("relu", multiplications=2).plan
    with OPENFHE.session(Parameters(RING, 50, 2)) as one:
        one.run_plan(plan, [0.5])
        os.kill(one.process, signal.SIGKILL)
        with pytest.raises(BackendError, match="died by signal 9 in mid-run") as caught:
            one.run_plan(plan, [0.5])
        assert "\n" not in str(caught.value)


def test_closing_a_session_ends_its_worker():
    with OPENFHE.session(Parameters(RING, 50, 2)) as one:
        process = one.process
        assert alive(process)
    assert not alive(process)


def test_no_worker_outlives_the_process_that_started_it():
    script = (
        "import time\n"
        "from polyapprox.encrypted import Parameters, backend\n"
        "one = backend('openfhe').session(Parameters(2048, 50, 2))\n"
        "print(one.process, flush=True)\n"
        "time.sleep(60)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    with parent:
        process = int(parent.stdout.readline())
        assert alive(process)
        parent.kill()
    for _ in range(100):
        if not alive(process):
            break
        time.sleep(0.1)
    assert not alive(process)
