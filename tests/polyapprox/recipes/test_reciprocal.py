"""1/x by its closed form: the least relative error there is, in the fewest levels, and proven."""

from __future__ import annotations

from dataclasses import replace

import mpmath
import numpy as np
import pytest

import polyapprox as pa
from polyapprox.errors import ArgumentError, FalseClaimError, ProofError
from polyapprox.numbers import exact


def _largest(r, low, high, bits=200):
    """Largest sampled relative error, in mpmath: shares nothing with the proof."""
    angles = np.linspace(0, np.pi, 4001)
    with mpmath.workprec(bits):
        points = [mpmath.mpf(low) + (mpmath.mpf(high) - low) * mpmath.mpf(np.sin(t / 2) ** 2) for t in angles]
        return max(abs(1 - x * r(x)) for x in points)


@pytest.mark.parametrize(("power", "levels"), [(2, 4), (4, 5), (8, 6), (11, 8), (16, 11), (20, 13)])
def test_least_error_and_levels(power, levels):
    low = 2.0**-power
    r = pa.reciprocal(interval=(low, 1), levels=levels, guard=0)
    with mpmath.workprec(300):
        a = mpmath.mpf(low)
        least = 1 / mpmath.cosh(2**levels * mpmath.acosh((1 + a) / (1 - a)))
    assert least <= r.error_bound * (1 + 1e-12) and r.error_bound <= least * (1 + 1e-5)
    assert _largest(r, low, 1.0) <= r.error_bound
    assert r.levels == levels and r.multiplications == 2 * (levels - 1)
    assert r.counts("standalone").levels == levels + 1


@pytest.mark.parametrize("interval", [(3.0, 700.0), (1e-9, 1e-6), (1000.0, 1e5)])
def test_any_interval(interval):
    r = pa.reciprocal(interval=interval, precision=1e-3)
    assert r.error_bound <= 1e-3
    assert _largest(r, *interval) <= r.error_bound
    fewer = pa.reciprocal(interval=interval, levels=r.levels - 1)
    assert fewer.error_bound > 1e-3


def test_beyond_doubles():
    r = pa.reciprocal(interval=(0.25, 1), precision=2.0**-100)
    assert 0 < _largest(r, 0.25, 1, 400) <= r.error_bound <= 2.0**-100


def test_table_and_false_claims(tmp_path):
    r = pa.reciprocal(interval=(2**-6, 1), precision=2**-9)
    path = r.save(tmp_path / "r.json")
    assert pa.verify(path).ok
    assert pa.load(path).plan.digest == r.plan.digest
    with pytest.raises(FalseClaimError):
        pa.verify(replace(r, certificate=replace(r.certificate, upper=exact(r.error_bound * 0.99))))


def test_a_changed_constant_is_no_longer_proven():
    from polyapprox.proof.prove import prove

    r = pa.reciprocal(interval=(2**-6, 1), precision=2**-9)
    operations = list(r.plan.operations)
    place = next(k for k, o in enumerate(operations) if o.kind == "shift")
    changed = operations[place]
    operations[place] = changed._replace(constant=exact(float(changed.constant) * 1.01))
    other = replace(r, plan=replace(r.plan, operations=tuple(operations)), certificate=None)
    try:
        found = prove(other).upper
    except ProofError:
        return
    assert found >= _largest(other, 2**-6, 1) > r.error_bound


@pytest.mark.parametrize(
    "given",
    [
        {"interval": (-1, 1), "levels": 4}, {"interval": (0, 1), "levels": 4}, {"interval": (1, 2)},
        {"interval": (1, 2), "levels": 4, "precision": 0.1}, {"interval": (1, 2), "levels": 16},
        {"interval": (1e-12, 1), "precision": 1e-9},
    ],
)  # fmt: skip
def test_refusals(given):
    with pytest.raises(ArgumentError):
        pa.reciprocal(**given)
