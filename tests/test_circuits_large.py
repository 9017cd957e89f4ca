"""Long circuits: graded grids, Taylor models on cells, and what is shipped from 16 multiplications."""

import math
from fractions import Fraction

import numpy as np
import pytest

from polyapprox.approximation import Approximation
from polyapprox.circuits import circuit_plan, shipped_circuits
from polyapprox.circuits.chain import absolute_grid, errors
from polyapprox.circuits.dense import graded_angles, graded_grid
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
