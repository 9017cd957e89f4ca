"""Components: exactness, margins, and the figures of published generators."""

import math

import mpmath
import numpy as np
import pytest

from polyapprox.composite.build import composite_sign, relu_composite
from polyapprox.errors import ArgumentError
from polyapprox.numbers import significant_bits


def test_components_are_odd_exact_and_normalised():
    stages = composite_sign((7, 15, 15), 2.0**-8, bits=96)
    x = np.linspace(2.0**-8, 1.0, 20001)
    for index, stage in enumerate(stages):
        p = stage.polynomial
        assert p.parity == "odd"
        assert all(not c for c in p.coefficients[::2])
        assert all(significant_bits(c) <= 96 for c in p.coefficients)
        x = p(x)
        assert x.max() <= 1.0 + 1e-15 + (index == len(stages) - 1)
        if index < len(stages) - 1:
            assert x.min() >= float(stages[index + 1].low) - 1e-15
    assert np.abs(x - 1).max() == pytest.approx(float(stages[-1].error), rel=1e-9)


def test_the_margin_widens_the_next_interval_on_both_sides():
    first, second = composite_sign((7, 7), 2.0**-4, bits=128, margin=2.0**-20)
    error, margin = float(first.error), 2.0**-20
    assert float(first.margin) == margin
    top, bottom = (1 + error) * (1 + margin), (1 - error) * (1 - margin)
    assert float(first.scale) == pytest.approx(top, rel=1e-14)
    assert float(second.low) == pytest.approx(bottom / top, rel=1e-14)
    assert second.margin == 0
    assert second.scale == 1


def test_a_margin_costs_precision():
    tight = composite_sign((7, 7, 13), 2.0**-7, bits=128)[-1].error
    wide = composite_sign((7, 7, 13), 2.0**-7, bits=128, margin=2.0**-10)[-1].error
    assert tight < wide < 2 * tight


def test_the_error_of_lattigos_default_degrees():
    """{15, 15, 15, 17, 31, 31, 31, 31} at 2^-30: at least the 21.93 bits its documents claim."""
    stages = composite_sign((15, 15, 15, 17, 31, 31, 31, 31), 2.0**-30, bits=256)
    assert -mpmath.log(stages[-1].error, 2) > 21.93


def test_relu_without_offset_is_zero_at_zero():
    result = relu_composite((7, 7), bits=64, offset=False)
    assert result.offset == 0
    value = mpmath.mpf(0)
    for component in result.components:
        value = component(value)
    assert value == 0


@pytest.mark.parametrize("refine", [False, True])
def test_relu_error_is_what_is_said(refine):
    result = relu_composite((7, 15), bits=64, refine=refine)
    x = np.sin(np.linspace(0, math.pi / 2, 200_001))
    s = x
    for component in result.components:
        s = component(s)
    error = np.abs(x * (s - 1) / 2 + float(result.offset)).max()
    assert error == pytest.approx(result.error, rel=1e-5)
    assert result.refined is refine
    assert len(result.margins) == 2


def test_a_fixed_threshold_is_kept():
    assert relu_composite((7, 7), bits=64, threshold=0.125).threshold == 0.125


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: composite_sign((), 0.5), "degrees is empty"),
        (lambda: composite_sign((4,), 0.5), "degree is 4"),
        (lambda: composite_sign((3,), 1.5), "ratio is 1.5"),
        (lambda: composite_sign((3,), 0.5, bits=1), "bits is 1"),
        (lambda: relu_composite((3,), threshold=2.0), "threshold is 2.0"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ArgumentError, match=message):
        call()
