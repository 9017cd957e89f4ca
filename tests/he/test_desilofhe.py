"""desilofhe, only where POLYAPPROX_DESILOFHE=1 says that its licence was accepted."""

from __future__ import annotations

import numpy as np
import pytest

import polyapprox as pa
from polyapprox.cost import cost_model
from polyapprox.encrypted import BackendError, Parameters, backend
from polyapprox.published.rivals import published_relu

DESILOFHE = backend("desilofhe")
needed = pytest.mark.skipif(
    not DESILOFHE.find().found, reason=f"{DESILOFHE.find().reason}; {DESILOFHE.find().remedy}"
)
X = np.linspace(-1.0, 1.0, 2048)
NOISE = 2.0**-18  # as measured, whatever the table: about 10^-7


def test_without_consent_it_is_not_used(monkeypatch):
    monkeypatch.delenv("POLYAPPROX_DESILOFHE", raising=False)
    found = DESILOFHE.find()
    assert not found.found
    assert "POLYAPPROX_DESILOFHE=1" in found.remedy
    with pytest.raises(BackendError, match="POLYAPPROX_DESILOFHE=1"):
        DESILOFHE.session(Parameters(4096, 50, 3))


@needed
@pytest.mark.parametrize("power", [7, 9])
def test_relu_by_its_plan(power):
    r = pa.relu(precision=2.0**-power)
    with DESILOFHE.session(Parameters(4096, 50, r.levels)) as session:
        measured = session.run_plan(r.plan, X)
    assert np.abs(measured.values - np.maximum(X, 0.0)).max() <= r.error_bound + NOISE
    assert measured.levels == r.levels


@needed
def test_components_by_its_own_evaluator():
    r = published_relu(7)
    levels = cost_model("desilofhe").component_levels(r)
    with DESILOFHE.session(Parameters(4096, 50, levels)) as session:
        measured = session.run_components(r, X)
    error = np.abs(measured.values - np.maximum(X, 0.0)).max()
    assert error <= 2.0**-7 + NOISE  # what was published
    assert measured.levels == levels


@needed
def test_more_levels_than_it_has():
    with pytest.raises(BackendError, match="at most 30"):
        DESILOFHE.session(Parameters(4096, 50, 31))
