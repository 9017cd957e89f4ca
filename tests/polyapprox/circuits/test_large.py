"""Long circuits: graded grids, Taylor models on cells, and what is shipped from 16 multiplications."""

import math
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from independent import counts, points, run_plan, to_fixed

import polyapprox as pa
from polyapprox.approximation import Approximation
from polyapprox.circuits import circuit_plan, shipped_circuits
from polyapprox.circuits.chain import absolute_grid, errors
from polyapprox.circuits.search.finish import finished, largest_error
from polyapprox.circuits.search.graded import graded_angles, graded_grid
from polyapprox.circuits.search.long import DenseSettings, dense_search
from polyapprox.errors import ProofError
from polyapprox.numbers import ZERO, exact
from polyapprox.proof.by_cells import by_cells, graded_edges
from polyapprox.proof.by_sampling import by_sampling
from polyapprox.proof.cells import TaylorArray
from polyapprox.provenance import Provenance
from polyapprox.targets import as_target

LIBRARY = shipped_circuits()


def unproven(m: int, function: str, width: float, estimate: float | None = None) -> Approximation:
    one = LIBRARY[m]
    share = width if function == "abs" else width / 2
    return Approximation(
        function=function,
        domain=((exact(-width), exact(width)),),
        structure="circuit",
        components=(),
        plan=circuit_plan(one.circuit, function, width),
        offset=ZERO,
        weight="1",
        error_estimate=estimate or one.estimate * share,
        certificate=None,
        margins=(),
        provenance=Provenance.of("a test"),
    )


# --- Taylor models ------------------------------------------------------------------------------


def test_models_enclose_what_is_computed_with_them() -> None:
    """Random sums and products on random cells, against exact fractions."""
    rng = np.random.default_rng(5)
    centre, half = rng.uniform(-1, 1, 12), 10.0 ** rng.uniform(-6, 0, 12)
    places = [Fraction(s) for s in (-1, 1, 0, Fraction(1, 3), Fraction(-5, 7))]
    tight = 0
    for _ in range(12):
        model: TaylorArray = TaylorArray.identity(centre, half)
        values = [[Fraction(c) + Fraction(h) * s for s in places] for c, h in zip(centre, half, strict=True)]
        models, exactly = [model], [values]
        for _ in range(6):
            i, j = (int(k) for k in rng.integers(len(models), size=2))
            number = Fraction(int(rng.integers(-9, 10)), 7)  # not a float
            lifted = TaylorArray.lift_constant(number)
            product = (models[i] * lifted + models[j]) * models[i] - models[j] + lifted
            models.append(product)
            exactly.append([
                [(a * number + b) * a - b + number for a, b in zip(one, two, strict=True)]
                for one, two in zip(exactly[i], exactly[j], strict=True)
            ])
            for cell in range(len(centre)):
                coefficients = [Fraction(*c.as_integer_ratio()) for c in product.coefficients[:, cell]]
                radius = product.radius[cell]
                if not math.isfinite(radius):
                    continue
                for s, value in zip(places, exactly[-1][cell], strict=True):
                    polynomial = sum(c * s**k for k, c in enumerate(coefficients))
                    assert abs(polynomial - value) <= Fraction(radius)
                    assert abs(value) <= Fraction(product.size[cell] + radius) * (1 + Fraction(1, 10**14))
                    tight += radius < 1e-12 * max(1.0, abs(float(value)))
    assert tight > 500  # and the radii are not large


@pytest.mark.parametrize("function", ["abs", "relu"])
@pytest.mark.parametrize("m", [2, 6, 9, 12])
def test_cells_and_samples_prove_the_same(m: int, function: str) -> None:
    approximation = unproven(m, function, 8.0)
    by_models, method, details = by_cells(approximation, as_target(function))
    by_samples, _, _ = by_sampling(approximation, as_target(function))
    assert method == "Taylor models on cells" and 100 < details["cells"] < 3000
    assert approximation.error_estimate * (1 - 1e-9) <= by_models
    assert abs(by_models - by_samples) <= 0.004 * by_samples


def test_a_poor_estimate_costs_cells_and_no_truth() -> None:
    good = by_cells(unproven(8, "abs", 1.0), as_target("abs"))
    for factor in (0.01, 100.0):
        changed = unproven(8, "abs", 1.0, LIBRARY[8].estimate * factor)
        upper, _, _ = by_cells(changed, as_target("abs"))
        assert upper >= LIBRARY[8].estimate * (1 - 1e-9)
        assert upper <= good[0] * (1.001 if factor < 1 else 100)


def test_what_rounding_hides_is_refused() -> None:
    with pytest.raises(ProofError, match=r"rounding is as large|stays wide"):
        by_cells(unproven(6, "abs", 1.0, 1e-18), as_target("abs"))


def test_first_cells_cover_the_interval() -> None:
    low, high = graded_edges(-3.0, 5.0, 1 << 15)
    assert low[0] == -3.0 and high[-1] == 5.0
    np.testing.assert_array_equal(low[1:], high[:-1])
    assert np.all(low < high)


# --- graded grids -------------------------------------------------------------------------------


@pytest.mark.parametrize("m", [4, 8, 12])
def test_graded_grids_show_the_largest_error(m: int) -> None:
    chain = LIBRARY[m].circuit.chain()
    graded = np.max(np.abs(errors(chain, graded_grid(m, 16))))
    everywhere = np.max(np.abs(errors(chain, absolute_grid(m, 16))))
    assert graded == pytest.approx(everywhere, rel=2e-3)


def test_graded_angles_are_ascending_and_few() -> None:
    angles = graded_angles(19, 4)
    assert angles[0] == 0 and angles[-1] == pytest.approx(np.pi / 2)
    assert np.all(np.diff(angles) > 0) and len(angles) < 2200
    assert np.max(np.diff(angles)) < 0.005


# --- what is shipped ----------------------------------------------------------------------------


LONG = [m for m in LIBRARY if m >= 15]
WANTED = {15: 17, 16: 18, 17: 19, 18: 19, 19: 20}  # ReLU at 2^-k with at most k − 1


@pytest.mark.parametrize("m", WANTED)
def test_precisions_beyond_16_take_at_most_k_minus_1(m: int) -> None:
    one = LIBRARY[m]
    assert one.bits >= WANTED[m]
    plan = circuit_plan(one.circuit, "relu", 1.0)
    assert counts(plan) == (m, m)
    assert one.digest == circuit_plan(one.circuit, "abs", 1.0).digest
    assert one.circuit.largest_constant <= 16 and one.circuit.largest_node() <= 2
    assert 0 < one.estimate <= one.bound <= 1.004 * one.estimate


@pytest.mark.parametrize("m", LONG)
def test_bounds_of_long_circuits_hold_near_zero_and_elsewhere(m: int) -> None:
    """In fixed point of 400 bits, at points crowding at 0 and at the ends."""
    plan = circuit_plan(LIBRARY[m].circuit, "abs", 1.0)
    x = points(-1, 1, 900, seed=m)
    error = run_plan(plan, x) - np.abs(x)
    largest = max(abs(int(e)) for e in error)
    assert largest <= to_fixed(LIBRARY[m].bound) + 1
    assert largest >= to_fixed(0.9 * LIBRARY[m].bound)


def test_bounds_of_long_circuits_hold_where_the_error_is_largest() -> None:
    """In extended precision, at all extrema of a fine graded grid."""
    for m in LONG:
        x = np.sin(graded_angles(m, 24).astype(np.longdouble))
        circuit = LIBRARY[m].circuit
        chain = circuit.chain()
        nodes = [np.ones_like(x), 2 * x * x - 1]
        for i in range(2, m + 1):
            sides = [
                sum(np.longdouble(row[i, j]) * nodes[j] for j in range(i) if row[i, j])
                for row in (chain.left, chain.right)
            ]
            nodes.append(sides[0] * sides[1])
        value = sum(np.longdouble(c) * n for c, n in zip(circuit.output, nodes, strict=True))
        largest = float(np.max(np.abs(value - x)))
        assert 0.995 * LIBRARY[m].bound <= largest <= LIBRARY[m].bound


@pytest.mark.parametrize("m", LONG)
def test_long_circuits_are_proven_again_in_no_time(m: int) -> None:
    upper, _, details = by_cells(unproven(m, "abs", 1.0), as_target("abs"))
    assert float(upper) == pytest.approx(LIBRARY[m].bound, rel=2e-3)
    assert details["cells"] < 4000


def test_relu_of_long_circuits_is_proven_on_an_interval() -> None:
    result = pa.circuit("relu", multiplications=17, interval=(-20, 20))
    assert result.error_bound <= 20 * 2.0**-19
    assert result.counts().multiplications == result.counts().levels == 17


# --- searching ----------------------------------------------------------------------------------


def test_a_search_of_long_chains_grows_and_goes_on(tmp_path: Path) -> None:
    known = {5: [LIBRARY[5].circuit.chain()]}
    settings, record = DenseSettings(6, 6, starts=4, finalists=1, seed=3), tmp_path / "record"
    (stage,) = dense_search(settings, known, record)
    assert stage.multiplications == 6
    assert 1 - math.log2(stage.best.largest) > LIBRARY[5].bits + 0.3
    lines = record.read_bytes().splitlines(keepends=True)
    record.write_bytes(b"".join(lines[: len(lines) // 2]))
    (again,) = dense_search(settings, known, record)
    assert again.best.largest == stage.best.largest


def test_the_end_of_a_fit_is_no_worse_than_its_start() -> None:
    chain = LIBRARY[7].circuit.chain()
    moved = chain.copy()
    moved.output[2] += 1e-3
    before = largest_error(moved)
    found = finished(moved, steps=8, rounds=2)
    assert found.largest < 0.9 * before
    assert found.largest == pytest.approx(largest_error(found.chain))
