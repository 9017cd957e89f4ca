"""Circuits in c = cos(πx/2): |x| is (2/π) acos(c), proven in x."""

import math
from dataclasses import replace

import mpmath
import numpy as np
import pytest

import polyapprox as pa
from polyapprox.circuits.library import shipped_circuits, shipped_for
from polyapprox.circuits.problem import arccosine
from polyapprox.circuits.search.cosine import in_cosine
from polyapprox.circuits.search.finish import finished
from polyapprox.errors import FalseClaimError, ProofError
from polyapprox.numbers import exact
from polyapprox.proof.by_cosine import cosine_on
from polyapprox.proof.prove import certified
from polyapprox.targets import ARCCOSINE

SHIPPED = shipped_for(ARCCOSINE)
# Bits of ReLU of the best polynomials of degree 2^m in c, by the exchange.
LIMITS = {1: 5.0418, 2: 6.0038, 3: 6.9914, 4: 7.9894, 5: 8.9895}


@pytest.mark.parametrize("one", SHIPPED, ids=lambda one: str(one.multiplications))
def test_the_bound_holds_in_x(one):
    result = pa.circuit(ARCCOSINE, multiplications=one.multiplications)
    assert result.multiplications == result.levels == one.multiplications
    x = np.concatenate([np.linspace(0, 1, 40001), np.geomspace(1e-9, 1, 4000)])
    with mpmath.workdps(40):
        for point in (0, mpmath.mpf(2) ** -13, mpmath.mpf(1) / 3, mpmath.mpf("0.97"), 1):
            value = result.plan.run(mpmath.cos(mpmath.pi * point / 2), lift=mpmath.mpf)
            assert abs(value - point) <= result.error_bound
    error = np.max(np.abs(result(np.cos(np.pi * x / 2)) - x))
    assert 0.99 * result.error_bound <= error <= result.error_bound * (1 + 1e-9)
    assert pa.verify(result).ok


def test_what_is_shipped_reaches_m_plus_nearly_four_bits_of_relu():
    assert [one.multiplications for one in SHIPPED] == list(range(1, 13))
    for one in SHIPPED:
        m, bits = one.multiplications, 1 + one.bits
        assert bits > (m + 3.9 if m < 8 else m + 3.5)
        assert bits > 1 + shipped_circuits()[m].bits - 1 + 1.0  # a bit more than in x
        if m in LIMITS:
            assert LIMITS[m] - 0.03 < bits < LIMITS[m]


def test_cosines_are_enclosed():
    rng = np.random.default_rng(7)
    low = rng.uniform(0, 0.9, 40)
    high = low + rng.uniform(1e-4, 0.1, 40)
    models = cosine_on(low, high)
    assert np.all(models.radius < 1e-9)
    s = np.linspace(-1, 1, 9)
    for k in range(40):
        x = (low[k] + high[k]) / 2 + (high[k] - low[k]) / 2 * s
        value = sum(float(c) * s**j for j, c in enumerate(models.coefficients[:, k]))
        assert np.max(np.abs(value - np.cos(np.pi * x / 2))) <= models.radius[k] + 1e-15


def test_a_lower_bound_or_another_constant_is_refused():
    result = pa.circuit(ARCCOSINE, multiplications=4)
    lying = replace(result, certificate=replace(result.certificate, upper=result.certificate.upper / 2))
    with pytest.raises(FalseClaimError):
        pa.verify(lying)
    with pytest.raises(ProofError):
        certified(replace(result, domain=((exact(-2), exact(1)),), covered=((exact(-2), exact(1)),), guard=exact(0)))


def test_the_fit_of_the_shipped_circuit_is_found_again():
    chain = finished(shipped_circuits()[4].circuit.chain(), 40, value=arccosine)
    circuit = in_cosine(chain.chain)
    x = np.linspace(0, 1, 3001)
    error = np.max(np.abs(circuit(2 * np.cos(np.pi * x / 2) - 1) - x))
    assert -math.log2(error) == pytest.approx(SHIPPED[2].bits, abs=0.01)


def test_the_function_has_all_its_digits_near_the_kink():
    s = np.array([1e-9, 1e-5, 0.3, 0.999])
    with mpmath.workdps(60):
        truth = [float(2 / mpmath.pi * mpmath.acos(1 - mpmath.mpf(float(v)) ** 2)) for v in s]
    assert np.max(np.abs(arccosine(s) / truth - 1)) < 4e-16
