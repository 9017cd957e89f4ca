"""Joint refinement: bars, optimality signs, reproducibility, and the published comparison."""

import math

import numpy as np
import pytest

from polyapprox.comparison import compare_with_published
from polyapprox.composite.joint import Composite, extrema, grid
from polyapprox.composite.refine import main, refine, sampled_error
from polyapprox.composite.refined import parse_degrees, refined_relu, shipped_refined
from polyapprox.composite.relu_search import pareto_relu, search_relu
from polyapprox.composite.threshold import best_threshold
from polyapprox.errors import ArgumentError
from polyapprox.published.composites import ALPHAS, published_composite, published_degrees

BARS = {
    (5,): 5.444,
    (13,): 6.647,
    (3, 7): 6.934,
    (7, 7): 7.976,
    (7, 15): 8.950,
    (15, 15): 9.945,
    (7, 7, 13): 11.039,
    (7, 7, 15): 11.240,
    (7, 7, 27): 12.062,
    (7, 15, 15): 12.249,
    (15, 15, 15): 13.260,
    (7, 15, 27): 13.078,
    (15, 15, 27): 14.097,
    (15, 27, 29): 14.994,
}


def as_composite(result):
    return Composite(tuple(np.array(stage) for stage in result.stages), result.offset)


@pytest.mark.parametrize("degrees", BARS)
def test_shipped_results_reach_the_bars(degrees):
    result = shipped_refined()[degrees, True]
    assert result.bits >= BARS[degrees]
    assert sampled_error(as_composite(result), points=100_000) <= result.error * (1 + 1e-9)


def test_every_shipped_result_is_level_beyond_its_parameters_and_beats_the_start():
    for (degrees, offset), result in shipped_refined().items():
        assert result.level >= result.parameters + 1, degrees
        assert result.error < best_threshold(degrees, offset).error, degrees


def test_shipped_inner_images_fill_the_unit_interval():
    for result in list(shipped_refined().values())[::12]:
        x = np.sin(grid(math.prod(result.degrees)))
        for stage in as_composite(result).stages[:-1]:
            x = Composite((stage,), 0.0).stages[0] @ np.stack(
                [np.cos((2 * j + 1) * np.arccos(np.clip(x, -1, 1))) for j in range(len(stage))]
            )
            assert np.abs(x).max() == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize(("degrees", "offset"), [((3, 7), True), ((5,), False), ((7, 7), True)])
def test_refinement_reproduces_what_is_shipped(degrees, offset):
    shipped, again = shipped_refined()[degrees, offset], refine(degrees, offset)
    assert again.bits == pytest.approx(shipped.bits, abs=1e-9)
    for old, new in zip(shipped.stages, again.stages, strict=True):
        np.testing.assert_allclose(new, old, rtol=0, atol=1e-6)


def test_the_error_at_zero_is_the_offset_and_is_the_largest():
    result = shipped_refined()[(7, 7), True]
    assert result.offset == pytest.approx(result.error, rel=1e-6)


def test_the_jacobian_is_the_derivative():
    composite = as_composite(shipped_refined()[(7, 15), True])
    x = np.linspace(0, 1, 57)
    origin, slopes = composite.vector(), composite.jacobian(x)
    for index in range(len(origin)):
        step = np.zeros_like(origin)
        step[index] = 1e-6
        up, down = (composite.moved(origin + s).error(x) for s in (step, -step))
        np.testing.assert_allclose((up - down) / 2e-6, slopes[:, index], rtol=1e-5, atol=1e-7)


def test_extrema_are_found_between_grid_points():
    composite = as_composite(shipped_refined()[(7, 7), True])
    _, coarse = extrema(composite, grid(49))
    dense = composite.error(np.linspace(0, 1, 2_000_001))
    assert np.abs(coarse).max() == pytest.approx(np.abs(dense).max(), rel=1e-9)


def test_published_coefficients_reach_what_was_measured_before():
    known = [3.709, 4.860, 6.048, 7.044, 8.031, 9.007, 10.113, 11.048, 12.092, 13.083, 14.017]
    for alpha, bits in zip(ALPHAS, known, strict=True):
        error = sampled_error(published_composite(alpha), points=100_000)
        assert -math.log2(error) == pytest.approx(bits, abs=2e-3)


@pytest.mark.parametrize("row", compare_with_published(), ids=lambda row: f"r_{row.alpha}")
def test_ours_beats_the_published_composites_at_every_precision(row):
    degrees = published_degrees(row.alpha)
    assert row.published_degrees == degrees
    with_offset, without = (refined_relu(degrees, offset=free).bits for free in (True, False))
    assert with_offset >= row.published_bits + 0.5
    assert without > row.published_bits + 0.02
    choices = pareto_relu(2.0**-row.alpha, refine=True)
    theirs = row.published_levels, row.published_multiplications
    better = [c for c in choices if c.levels <= theirs[0] and c.multiplications <= theirs[1]]
    assert any((c.levels, c.multiplications) != theirs for c in better)
    assert all(c.error <= 2.0**-row.alpha for c in choices)


def test_the_search_uses_refined_composites():
    plain, refined = search_relu(2.0**-13), search_relu(2.0**-13, refine=True)
    assert refined.refined
    assert (refined.levels, refined.multiplications) < (plain.levels, plain.multiplications) or (
        refined.error < plain.error
    )
    front = pareto_relu(2.0**-10, refine=True)
    assert [c.levels for c in front] == sorted({c.levels for c in front})
    assert all(c.error <= 2.0**-10 for c in front)


def test_a_list_that_is_not_shipped_is_refined_on_the_spot():
    degrees = (3, 3, 3)
    assert (degrees, False) not in shipped_refined()
    assert refined_relu(degrees, offset=False).error < best_threshold(degrees, False).error


@pytest.mark.parametrize("text", ["7,x", "", "4,7", "7;7"])
def test_bad_degree_lists_are_refused(text):
    with pytest.raises(ArgumentError, match="degree"):
        parse_degrees(text)


def test_the_command_needs_something_to_do():
    with pytest.raises(ArgumentError, match="nothing to do"):
        main([])
