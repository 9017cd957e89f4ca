"""The forecast of scheme noise: derivatives, statistics, and what frameworks really do."""

import math
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
import sympy

import polyapprox as pa
from polyapprox import Approximation
from polyapprox.encrypted import backend
from polyapprox.encrypted.backend import Parameters
from polyapprox.errors import ArgumentError
from polyapprox.noise import SCHEMES, forecast, scheme
from polyapprox.noise.amplification import amplification
from polyapprox.noise.forecast import EVEN, expected_largest, sample_arguments
from polyapprox.noise.propagation import propagate
from polyapprox.noise.schemes import TooFewPrimesError, primes_below
from polyapprox.numbers import exact
from polyapprox.plan import Operation, Plan, count

MEASURED_WITHIN = 8.0


@pytest.fixture(scope="module")
def circuit() -> Approximation:
    return pa.circuit("relu", multiplications=6)


def with_errors(plan: Plan, x: np.ndarray, errors: dict[int, np.ndarray | float]) -> np.ndarray:
    """The plan in float64, an error added to the value of each operation: by its own loop."""
    values: list[np.ndarray] = []
    for index, (kind, left, right, constant) in enumerate(plan.operations):
        number = 0.0 if constant is None else float(constant)
        value = {
            "input": lambda left=left: x,
            "multiply": lambda left=left, right=right: values[left] * values[right],
            "add": lambda left=left, right=right: values[left] + values[right],
            "subtract": lambda left=left, right=right: values[left] - values[right],
            "double": lambda left=left: values[left] + values[left],
            "scale": lambda left=left, number=number: values[left] * number,
            "shift": lambda left=left, number=number: values[left] + number,
        }[kind]()
        values.append(value + errors.get(index, 0.0))
    return values[plan.output]


def test_adjoints_are_derivatives(circuit: Approximation) -> None:
    x = np.linspace(-1, 1, 41)
    found = propagate(circuit.plan, x)
    step = 1e-6
    for index in range(len(circuit.plan.operations)):
        above = with_errors(circuit.plan, x, {index: step})
        below = with_errors(circuit.plan, x, {index: -step})
        assert found.adjoints[index] == pytest.approx(
            (above - below) / (2 * step), rel=1e-5, abs=1e-5
        )
    assert found.values[circuit.plan.output] == pytest.approx(circuit.plan.run(x), abs=1e-14)


def test_levels_are_those_of_the_counter(circuit: Approximation) -> None:
    for r in (circuit, pa.relu(precision=2**-6, structure="direct"), pa.minimax("exp", 9)):
        found = propagate(r.plan, *sample_arguments(1, -1, 1))
        counted = count(r.plan, "standalone")
        assert found.levels[r.plan.output] == counted.levels
        assert sum(found.rescaled) == counted.multiplications + counted.constant_products


def test_the_spread_is_that_of_simulated_errors(circuit: Approximation) -> None:
    """Independent errors of the model's sizes, at every source, thrown ten thousand times."""
    setting = {"scale_bits": 40, "ring_dimension": 1 << 13, "scheme": "tenseal"}
    one = scheme("tenseal")
    random = np.random.default_rng(11)
    x = np.full(10_000, 0.3)
    found = propagate(circuit.plan, x[:1])
    fresh, rescale = one.fresh(1 << 13, 40), one.rescale(1 << 13, 40)
    errors = {0: random.normal(0, fresh, x.size)}
    for index in np.flatnonzero(found.rescaled):
        errors[int(index)] = random.normal(0, rescale, x.size)
    seen = with_errors(circuit.plan, x, errors) - circuit.plan.run(x)
    said = forecast(circuit.plan, half_width=1, interval=(0.299999, 0.300001), **setting)
    spread = np.hypot(
        fresh * found.adjoints[0],
        rescale * np.sqrt(np.sum(found.adjoints[np.flatnonzero(found.rescaled)] ** 2, axis=0)),
    )
    assert np.std(seen) == pytest.approx(spread[0], rel=0.03)
    assert said.rms == pytest.approx(spread[0], rel=0.001)


def test_rescaling_is_the_error_of_rounding_two_polynomials() -> None:
    """e0 + e1·s with uniform roundings and a ternary key, at the roots of X^N + 1, by FFT."""
    n, random = 1 << 12, np.random.default_rng(5)
    twist = np.exp(1j * np.pi * np.arange(n) / n)

    def slots(coefficients: np.ndarray) -> np.ndarray:
        return np.fft.fft(coefficients * twist)

    seen = []
    for _ in range(20):
        rounding = random.uniform(-0.5, 0.5, (2, n))
        secret = random.integers(-1, 2, n)
        seen.append((slots(rounding[0]) + slots(rounding[1]) * slots(secret)).real[: n // 2])
    errors = np.concatenate(seen)
    rms = scheme("openfhe").rescale(n, 0)
    assert np.sqrt(np.mean(errors**2)) == pytest.approx(rms, rel=0.05)
    largest = np.mean([np.max(np.abs(part)) for part in seen])
    assert largest == pytest.approx(expected_largest(np.array([rms]), n // 2), rel=0.15)


def test_public_key_encryption_is_three_small_polynomials() -> None:
    n, random = 1 << 12, np.random.default_rng(6)
    twist = np.exp(1j * np.pi * np.arange(n) / n)

    def slots(coefficients: np.ndarray) -> np.ndarray:
        return np.fft.fft(coefficients * twist)

    squares = []
    for _ in range(20):
        key, first, second = (slots(np.rint(random.normal(0, 3.2, n))) for _ in range(3))
        mask, secret = (slots(random.integers(-1, 2, n)) for _ in range(2))
        squares.append(np.mean((mask * key + first + second * secret).real ** 2))
    assert math.sqrt(np.mean(squares)) == pytest.approx(scheme("openfhe").fresh(n, 0), rel=0.05)


def test_noise_scales_as_it_must(circuit: Approximation) -> None:
    wide = pa.circuit("relu", multiplications=6, interval=(-32, 32))
    for name in SCHEMES:
        one = {"half_width": 1, "scheme": name}
        base = forecast(circuit.plan, scale_bits=45, ring_dimension=1 << 13, **one)
        finer = forecast(circuit.plan, scale_bits=50, ring_dimension=1 << 13, **one)
        assert base.rms == pytest.approx(32 * finer.rms, rel=1e-9)
        larger = forecast(circuit.plan, scale_bits=45, ring_dimension=1 << 15, **one)
        share = 4 if scheme(name).secret_weight is None else 2  # N, or its root where h is fixed
        assert larger.rms == pytest.approx(share * base.rms, rel=0.01)
        spread = forecast(
            wide.plan, half_width=32, scale_bits=45, ring_dimension=1 << 13, scheme=name
        )
        assert spread.rescale == pytest.approx(32 * base.rescale, rel=0.5)
        assert spread.fresh == pytest.approx(base.fresh, rel=0.1)  # slopes stay
        assert base.error <= base.worst


def test_expected_largest_of_laplace_errors() -> None:
    random = np.random.default_rng(7)
    rms = np.geomspace(0.1, 2.0, 1000)
    thrown = random.laplace(0, rms / math.sqrt(2), (400, rms.size))
    largest = np.median(np.max(np.abs(thrown), axis=1))
    assert expected_largest(rms, rms.size) == pytest.approx(largest, rel=0.1)
    assert expected_largest(np.zeros(4), 4) == 0.0


def test_primes_are_those_below_the_scale() -> None:
    found = primes_below(30, 4096, 5)
    assert all(sympy.isprime(q) and q % 8192 == 1 for q in found)
    every = [q for q in range(found[-1], 1 << 30, 8192) if sympy.isprime(q)]
    assert list(found) == every[::-1]
    with pytest.raises(TooFewPrimesError, match="scale_bits=16 leaves fewer than 40 primes"):
        primes_below(16, 1024, 40)


def test_drift_is_the_error_of_scales_that_are_miscalled() -> None:
    """x⁴ by two squarings, each wrong by 2^s/q: computed exactly."""
    plan = Plan(
        (Operation("input", 0), Operation("multiply", 0, 0), Operation("multiply", 1, 1)), 2
    )
    first, second = (2**40 / q - 1 for q in primes_below(40, 1 << 14, 2))
    exactly = (1 + first) ** 2 * (1 + second) - 1
    said = forecast(
        plan, half_width=1, scale_bits=40, ring_dimension=1 << 14, scheme="tenseal-vectors"
    )
    assert said.drift == pytest.approx(exactly, rel=1e-3)
    assert said.error > said.drift > 0
    plain = forecast(plan, half_width=1, scale_bits=40, ring_dimension=1 << 14, scheme="tenseal")
    assert plain.drift == 0.0


# Composite ReLU of degrees 15, 15, 27 (7, 7 for TenSEAL's vectors), largest error against the
# same polynomial in plaintext, measured with the frameworks' own evaluators on another day.
SEEN = [
    ("openfhe", 12, 50, 4.1e-11), ("openfhe", 13, 50, 1.0e-10), ("openfhe", 14, 50, 2.1e-10),
    ("openfhe", 15, 50, 4.5e-10), ("openfhe", 14, 40, 2.4e-7), ("openfhe", 14, 59, 5.4e-13),
    ("lattigo-sparse", 12, 50, 1.7e-12), ("lattigo-sparse", 13, 50, 1.9e-12),
    ("lattigo-sparse", 14, 50, 4.9e-12), ("desilofhe", 15, 40, 4.7e-8),
    ("tenseal-vectors", 14, 40, 6.4e-6), ("tenseal-vectors", 15, 59, 2.2e-11),
]  # fmt: skip


@pytest.mark.parametrize(("name", "ring", "scale", "seen"), SEEN)
def test_forecasts_of_runs_elsewhere(name: str, ring: int, scale: int, seen: float) -> None:
    r = pa.relu(degrees=[7, 7] if name == "tenseal-vectors" else [15, 15, 27])
    said = forecast(r.plan, half_width=1, scale_bits=scale, ring_dimension=1 << ring, scheme=name)
    assert 1 / MEASURED_WITHIN < said.error / seen < MEASURED_WITHIN


RUNS = [
    ("openfhe", 12, 40, False), ("openfhe", 12, 50, False), ("lattigo", 12, 40, False),
    ("lattigo", 13, 50, False), ("tenseal", 14, 40, True),
]  # fmt: skip
MAKERS: dict[str, tuple[Callable[[], Approximation], float]] = {
    "circuit": (lambda: pa.circuit("relu", multiplications=5), 1.0),
    "wide circuit": (lambda: pa.circuit("relu", multiplications=4, interval=(-50, 50)), 50.0),
    "direct": (lambda: pa.relu(precision=2**-6, structure="direct"), 1.0),
}


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize(("framework", "ring", "scale", "secure"), RUNS)
def test_forecasts_of_runs_here(
    framework: str, ring: int, scale: int, secure: bool, name: str
) -> None:
    found = backend(framework)
    available = found.find()
    if not available.found:
        pytest.skip(f"{framework}: {available.reason}")
    make, width = MAKERS[name]
    r = make()
    levels = r.counts("standalone").levels
    x = np.linspace(-width, width, 1 << (ring - 1))
    with found.session(Parameters(1 << ring, scale, levels, secure=secure)) as session:
        measured = session.run_plan(r.plan, x)
    seen = float(np.max(np.abs(measured.values - r.plan.run(x))))
    said = forecast(
        r.plan, half_width=width, scale_bits=scale, ring_dimension=1 << ring, scheme=framework
    )
    assert 1 / MEASURED_WITHIN < said.error / seen < MEASURED_WITHIN


def test_amplification_is_shown_where_it_happens() -> None:
    """(4x)² / 16: every constant matters just where it stands."""
    ops = (
        Operation("input", 0),
        Operation("scale", 0, -1, exact(4)),
        Operation("multiply", 1, 1),
        Operation("scale", 2, -1, exact(0.0625)),
    )
    table = amplification(Plan(ops, 3), -2.0, 2.0)
    slopes = [row.slope for row in table.rows]
    assert slopes == pytest.approx([4.0, 1.0, 0.0625, 1.0], rel=1e-3)
    assert [row.size for row in table.rows] == pytest.approx([2.0, 8.0, 64.0, 4.0], rel=1e-3)
    assert table.noise_gain == pytest.approx(math.hypot(0.0625, 1.0))  # 4 is an integer
    assert (table.largest_constant, table.steepest.index) == (4.0, 0)
    assert [row.level for row in table.rows] == [0, 0, 1, 2]


def test_the_noise_gain_of_circuits_doubles_with_a_multiplication() -> None:
    gains = [
        amplification(pa.circuit("relu", multiplications=m).plan, -1, 1).noise_gain
        for m in (6, 9, 12)
    ]
    assert all(2 < later / before < 20 for before, later in pairwise(gains))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"scale_bits": 14}, "scale_bits=14 must be from 15 to 62"),
        ({"scale_bits": 40.5}, r"scale_bits=40\.5 must be a whole number"),
        ({"ring_dimension": 10_000}, "ring_dimension=10000 must be a power of two"),
        ({"ring_dimension": 512}, "ring_dimension=512"),
        ({"scheme": "seal"}, "scheme='seal' is not known; choose one of openfhe, lattigo"),
        ({"slots": 0}, "slots=0 must be from 1"),
        ({"half_width": math.inf}, "half_width must be a number; got inf"),
        ({"half_width": 1e200}, "the plan overflows"),
    ],
)
def test_bad_input(circuit: Approximation, change: dict, message: str) -> None:
    arguments = {"half_width": 1.0, "scale_bits": 40, "ring_dimension": 1 << 13, **change}
    with pytest.raises(ArgumentError, match=message):
        forecast(circuit.plan, **arguments)
    with pytest.raises(ArgumentError, match=r"takes 1 argument\(s\), got 2"):
        propagate(circuit.plan, np.zeros(2), np.zeros(2))


def test_two_arguments() -> None:
    r = pa.circuit("maximum", multiplications=4)
    first, second = sample_arguments(2, -1, 1)
    assert len(first) == len(second) > EVEN
    assert np.corrcoef(first[:EVEN], second[:EVEN])[0, 1] == pytest.approx(0, abs=0.02)
    said = forecast(r.plan, half_width=1, scale_bits=45, ring_dimension=1 << 13)
    assert 0 < said.error < 1e-7
