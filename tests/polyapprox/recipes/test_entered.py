"""Tables that others ship, entered and certified: what they truly do."""

import json
import math

import numpy as np
import pytest
from paths import ORACLES

import polyapprox as pa
from polyapprox.errors import ArgumentError
from polyapprox.numbers import from_decimal
from polyapprox.published.composites import ALPHAS, published_composite


def stages(name: str) -> list[pa.Polynomial]:
    table = json.loads((ORACLES / name).read_text(encoding="utf-8"))
    return [
        pa.Polynomial.from_floats([from_decimal(str(c), 300) for c in stage])
        for stage in table["stages"]
    ]


def bits(error: float) -> float:
    return -math.log2(error)


def heir(domain: object) -> pa.Approximation:
    return pa.from_components(
        "step", stages("heir_composite_step.json"), domain, structure="composition"
    )


def test_heirs_step_on_its_positive_side() -> None:
    r = heir((2.0**-6, 1))
    assert r.certificate is not None and r.certificate.method == "stages"
    assert bits(r.error_bound) == pytest.approx(26.7241, abs=5e-5)


@pytest.mark.parametrize(
    ("gap", "expected"), [(2.0**-6, 2.6e-8), (2.0**-7, 7.8e-5), (2.0**-8, 3.2e-2)]
)
def test_heirs_step_on_both_sides(gap: float, expected: float) -> None:
    """Even coefficients break its symmetry: the negative side is worse."""
    r = heir([(-1, -gap), (gap, 1)])
    assert r.error_bound == pytest.approx(expected, rel=0.03)


def test_heirs_relu() -> None:
    step = stages("heir_composite_step.json")
    last = step[-1]
    doubled = [2 * c for c in last.coefficients]
    sign = [*step[:-1], pa.Polynomial.from_floats([doubled[0] - 1, *doubled[1:]])]
    r = pa.from_components("relu", sign, (-1, 1))
    assert r.error_bound == pytest.approx(3.6e-4, rel=0.02)
    assert bits(r.error_bound) == pytest.approx(11.43, abs=0.01)


def test_lattigos_default_sign() -> None:
    table = stages("lattigo_default_sign.json")
    whole = pa.from_components("sign", table, (2.0**-30, 1), structure="composition", guard=0)
    assert bits(float(whole.error_bound)) == pytest.approx(81.58, abs=0.01)
    eight = pa.from_components("sign", table[:8], (2.0**-30, 1), structure="composition", guard=0)
    assert bits(eight.error_bound) == pytest.approx(20.93, abs=0.01)


def test_lattigos_sign_beyond_one() -> None:
    """The inputs that its documentation tolerates cost 51 bits; a little more flips the sign."""
    table = stages("lattigo_default_sign.json")
    beyond = pa.from_components(
        "sign", table, (2.0**-30, 1 + 2.0**-35), structure="composition", guard=0
    )
    assert bits(beyond.error_bound) == pytest.approx(30.61, abs=0.01)
    with pytest.warns(pa.PrecisionWarning, match="sign on"):  # floats too come near the cliff
        assert beyond(1 + 2.0**-32) == pytest.approx(-1, abs=1e-6)
    with np.errstate(all="ignore"):
        guarded = pa.from_components("sign", table, (2.0**-30, 1), structure="composition")
    assert guarded.error_bound > 2


@pytest.mark.parametrize("alpha", ALPHAS)
def test_published_composites_are_certified(alpha: int) -> None:
    """Lee et al.'s r_alpha: the first two miss the precision they are named after."""
    composite = published_composite(alpha)
    components = []
    for stage in composite.stages:
        full = [0.0] * (2 * len(stage))
        full[1::2] = [float(c) for c in stage]
        components.append(pa.Polynomial.from_floats(full, parity="odd"))
    r = pa.from_components("relu", components, (-1, 1), guard=0)
    assert (r.error_bound <= 2.0**-alpha) == (alpha > 5)
    known = (3.709, 4.860, 6.048, 7.044, 8.031, 9.007, 10.113, 11.048, 12.092, 13.083, 14.017)
    assert bits(r.error_bound) == pytest.approx(known[alpha - 4], abs=0.007)
    guarded = pa.from_components("relu", components, (-1, 1))
    assert r.error_bound <= guarded.error_bound * 1.0001  # of another mesh
    assert (guarded.error_bound <= 2.0**-alpha) == (5 < alpha < 13)  # they were made for [-1, 1]


@pytest.mark.parametrize("last", [[0.66, -0.06], [0.0, 0.5], [0.25, 0.0, 0.5]])
def test_stages_of_low_degree_take_noise_too(last: list[float]) -> None:
    newton = pa.Polynomial.from_floats([0, 1.125, 0, -0.125], parity="odd")
    r = pa.from_components("abs", [newton, newton, pa.Polynomial.from_floats(last)], (-1, 1))
    x = np.linspace(-1, 1, 1001)
    assert np.max(abs(r(x) - abs(x))) <= r.error_bound
    assert np.max(abs(r(x) - abs(x))) >= 0.99 * r.error_bound


def test_what_does_not_fit_is_refused() -> None:
    line = pa.Polynomial.from_floats([0, 1], parity="odd")
    with pytest.raises(ArgumentError, match="components is empty"):
        pa.from_components("sign", [])
    with pytest.raises(ArgumentError, match="structure must be one of"):
        pa.from_components("sign", [line], structure="tower")
    with pytest.raises(ArgumentError, match="takes one component"):
        pa.from_components("exp", [line, line], structure="polynomial")
    with pytest.raises(ArgumentError, match="use structure='composition'"):
        pa.from_components("exp", [line])
