"""Noise that inputs carry already: forecasts, scales, encrypted runs."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

import polyapprox as pa
from polyapprox.cli import main
from polyapprox.encrypted import backends, run
from polyapprox.encrypted.choose import noise_of
from polyapprox.errors import ArgumentError
from polyapprox.noise import forecast
from polyapprox.noise.forecast import carried
from polyapprox.noise.scale import Setting, assess, smallest_scale
from polyapprox.proof.near import error_near

RELU = pa.circuit("relu", multiplications=7, interval=(-50, 50))
RING = 1 << 13


def test_what_is_carried_on_is_what_the_plan_does() -> None:
    x = np.linspace(-50, 50, 4001)
    found = carried(RELU.plan, (x,), 0.05, 0.03)
    direct = max(
        float(np.max(np.abs(np.real(RELU.plan.run(x + z)) - RELU.plan.run(x))))
        for z in (0.05 + 0.03j, -0.05 + 0.03j, 0.05, -0.05, 0.025, 0.03j)
    )
    assert direct == pytest.approx(found)
    assert 0.05 < found <= 0.05 * RELU.slope_bound * 1.01 + 1e-3


def test_both_arguments_carry_noise() -> None:
    r = pa.maximum(precision=2**-6)
    x = np.linspace(-1, 1, 101)
    together = carried(r.plan, (x, x), 0.01, 0.0)
    assert together >= float(np.max(np.abs(r.plan.run(x + 0.01, x - 0.01) - r.plan.run(x, x))))


def test_forecasts_add_it() -> None:
    plain = forecast(RELU.plan, half_width=50, scale_bits=45, ring_dimension=RING)
    noisy = forecast(
        RELU.plan, half_width=50, scale_bits=45, ring_dimension=RING, real=2**-16, imaginary=2**-12
    )
    assert plain.inputs == 0
    assert noisy.worst == pytest.approx(plain.worst + noisy.inputs)
    assert 50 * 2**-16 < noisy.inputs < 0.1


def test_scales_are_assessed_with_what_is_proven_of_noisy_inputs() -> None:
    setting = Setting(RING, real=2**-14, imaginary=2**-14)
    found = assess(RELU, 45, setting, precision=2**-9)
    assert found.exact_bound == error_near(RELU, 2**-14, 2**-14) > RELU.error_bound
    assert found.total >= found.rounded_bound + found.noise.inputs
    assert found.carries


def test_noise_that_ruins_the_result_is_refused() -> None:
    with pytest.raises(ArgumentError, match="with the noise of its inputs"):
        smallest_scale(RELU, Setting(RING, real=2**-6), precision=2**-9)
    with pytest.raises(ArgumentError, match="must not be negative"):
        forecast(RELU.plan, half_width=50, scale_bits=45, ring_dimension=RING, real=-0.5)
    beyond = pa.minimax("log(x)", 9, domain=(0.25, 2))
    with pytest.raises(ArgumentError, match="nothing that can be proven"):
        smallest_scale(beyond, Setting(RING, real=0.25))


def test_the_command_takes_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = RELU.save(tmp_path / "relu.json")
    options = ["--real", "2^-14", "--imaginary", "2^-14", "--scale", "45", "--precision", "2^-9"]
    assert main(["noise", str(table), *options, "--json"]) == 0
    chosen = json.loads(capsys.readouterr().out)["chosen"]
    assert chosen["exact_bound"] == error_near(RELU, 2**-14, 2**-14)
    assert chosen["noise"]["inputs"] > 0
    assert main(["noise", str(table), *options]) == 0
    assert "noise of the inputs" in capsys.readouterr().out


def test_encrypted_runs_are_forecast_with_it() -> None:
    plain = noise_of(RELU, "lattigo", 45, RING)
    noisy = noise_of(RELU, "lattigo", 45, RING, 2**-14, 2**-16)
    assert plain is not None and noisy is not None
    assert noisy.worst > plain.worst + 50 * 2**-14


@pytest.mark.skipif(not backends()["tenseal"].find().found, reason="TenSEAL is not installed")
def test_an_encrypted_run_with_noisy_inputs() -> None:
    r = pa.circuit("relu", multiplications=5)
    ended = run(r, np.linspace(-1, 1, 512), backend="tenseal", real=2**-10, imaginary=2**-12, seed=3)
    assert ended.within
    assert ended.bound == error_near(r, 2**-10, 2**-12) > r.error_bound
    assert ended.facts()["input_noise_real"] == 2**-10
    again = run(r, np.linspace(-1, 1, 512), backend="tenseal")
    assert math.isclose(again.largest_error, ended.largest_error, rel_tol=0.5)
    assert again.largest_error != ended.largest_error
