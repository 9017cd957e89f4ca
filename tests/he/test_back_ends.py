"""Some of the 36 ordinary polynomials of `tests/checks/back_ends.py`, a deep plan, sparse packing, noise."""

from __future__ import annotations

import numpy as np
import pytest
from ordinary import POLYNOMIALS, made

import polyapprox as pa
from polyapprox.cli import main
from polyapprox.encrypted import Parameters, backend, run
from polyapprox.errors import ArgumentError

NAMES = ("openfhe", "lattigo", "tenseal")
FOUND = [
    pytest.param(name, marks=pytest.mark.skipif(not found.found, reason=f"{found.reason}; {found.remedy}"))
    for name, found in ((name, backend(name).find()) for name in NAMES)
]
pytestmark = pytest.mark.parametrize("name", FOUND)


@pytest.mark.parametrize("case", POLYNOMIALS[2::5], ids=lambda case: f"{case[0]} {case[1]}")
def test_ordinary_polynomials_with_default_parameters(name, case):
    """Lattigo failed in 24 of 36: its evaluator needs more levels where products are subtracted."""
    ended = run(made(*case), backend=name)
    assert ended.within and ended.levels == ended.counted


def test_a_context_of_many_more_levels_than_needed(name, tmp_path, capsys):
    """Scales of all 40 levels overflowed, though only five are used."""
    table = str(pa.circuit("relu", multiplications=5).save(tmp_path / "relu.json"))
    assert main(["encrypt-check", table, "--backend", name, "--levels", "40"]) == 0
    assert "levels used                5" in capsys.readouterr().out


FAR = pa.minimax("1/x", 5, interval=(7, 8))  # 2 at 0: what is left of a ciphertext must not be 0


@pytest.mark.parametrize("values", [[7.5], [7.0, 7.25, 8.0]])
def test_fewer_values_than_slots(name, values):
    """Slots that held 0 spoiled the ciphertext where 0 lies outside the domain: off by 2 under a bound of 3e-9."""
    ended = run(FAR, values, backend=name)
    assert ended.within and ended.values.size == ended.error.size == len(values)


def test_sparse_packing(name):
    """Eight values in a ring of 2^13, and a ring of 2^10 full of values."""
    relu = pa.circuit("relu", multiplications=3)
    for ring, count in ((1 << 13, 8), (1 << 10, 1 << 9)):
        x = np.linspace(-1, 1, count)
        ended = run(relu, x, backend=name, parameters=Parameters(ring, 45, 3))
        assert ended.within and ended.levels == 3 and ended.noise < 2.0**-20


def test_imaginary_noise_is_in_bound_and_forecast(name):
    """Real noise is encrypted, imaginary noise allowed for: more of it, and more is allowed."""
    relu = pa.circuit("relu", multiplications=4)
    clean, noisy, both = (
        run(relu, backend=name, real=real, imaginary=imaginary, parameters=Parameters(1 << 11, 45, 4))
        for real, imaginary in ((0, 0), (0, 2**-9), (2**-9, 2**-9))
    )
    assert clean.within and noisy.within and both.within
    assert clean.bound < noisy.bound < both.bound and clean.forecast.worst <= noisy.forecast.worst < both.forecast.worst
    assert noisy.facts()["input_noise_imaginary"] == 2**-9
    assert clean.bound < both.largest_error <= both.bound


def test_scales_of_every_level_differ_from_the_nominal_one(name):
    """At 2^30 primes lie up to 2^-12 off the scale; unless each level's scale is followed, so is the result."""
    steep = pa.circuit("relu", multiplications=8)
    ended = run(steep, backend=name, parameters=Parameters(1 << 12, 36, 8))
    assert ended.within and ended.noise < 4 * ended.forecast.worst


def test_forty_levels_of_128_bit_are_refused_with_what_helps(name, tmp_path, capsys):
    table = str(pa.circuit("relu", multiplications=5).save(tmp_path / "relu.json"))
    assert main(["encrypt-check", table, "--backend", name, "--levels", "60", "--secure"]) == 2
    said = capsys.readouterr().err
    assert "60 levels of 40 bits" in said and "use fewer levels or a smaller scale" in said


@pytest.mark.parametrize("x", [[0.5 + 1j], ["0.5"], "0.5", [None], [b"1"], [float("nan")], [float("inf")], [], {1: 2}])
def test_what_is_no_real_number_is_refused_before_anything_is_encrypted(name, x):
    with pytest.raises(ArgumentError, match=r"x must be real numbers|not finite|x is empty"):
        run(FAR, x, backend=name)
