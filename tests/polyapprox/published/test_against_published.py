"""Ours beside the published ReLU composites of Lee et al. (arXiv 2105.10879), proven and counted."""

import math

import independent
import pytest

import polyapprox as pa
from polyapprox.published.composites import ALPHAS, published_composite, published_degrees
from polyapprox.recipes.plans import composite_plan


def published_plan(alpha: int):
    components = []
    for stage in published_composite(alpha).stages:
        full = [0.0] * (2 * len(stage))
        full[1::2] = [float(c) for c in stage]
        components.append(pa.Polynomial.from_floats(full, parity="odd"))
    return composite_plan("relu", components, pa.Polynomial.from_floats([0]).coefficients[0])


# sampled bits of the published coefficients: literature, and tests/polyapprox/recipes/test_entered.py
PUBLISHED_BITS = dict(
    zip(
        ALPHAS,
        (3.709, 4.860, 6.048, 7.044, 8.031, 9.007, 10.113, 11.048, 12.092, 13.083, 14.017),
        strict=True,
    )
)


@pytest.mark.parametrize("alpha", ALPHAS)
def test_at_the_published_degrees_our_proven_error_is_half_a_bit_smaller(alpha: int) -> None:
    ours = pa.relu(degrees=published_degrees(alpha))
    assert ours.degrees == published_degrees(alpha)
    assert -math.log2(ours.error_bound) >= PUBLISHED_BITS[alpha] + 0.5


@pytest.mark.parametrize("alpha", ALPHAS)
def test_our_default_costs_less_than_the_published_set(alpha: int) -> None:
    """Both plans are counted by computing with a counter that shares no code with ours."""
    ours = pa.relu(precision=2.0**-alpha)
    assert ours.error_bound <= 2.0**-alpha
    multiplications, depth = independent.counts(ours.plan)
    theirs = independent.counts(published_plan(alpha))
    assert (ours.multiplications, ours.levels) == (multiplications, depth)
    assert multiplications <= theirs[0] and depth <= theirs[1]
    assert (multiplications, depth) != theirs


@pytest.mark.parametrize("alpha", [6, 9, 12])
def test_published_construction_is_reproduced(alpha: int) -> None:
    """Plain stages, no constant: as good as the published coefficients to a tenth of a bit."""
    ours = pa.relu(degrees=published_degrees(alpha), refine=False, offset=False)
    assert abs(-math.log2(ours.error_bound) - PUBLISHED_BITS[alpha]) < 0.1
    assert ours(0.0) == 0.0
