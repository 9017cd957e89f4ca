"""Some of the 36 ordinary polynomials of `tests/checks/back_ends.py`, a deep plan, sparse packing, noise."""

from __future__ import annotations

import pytest
from ordinary import POLYNOMIALS, made

import polyapprox as pa
from polyapprox.cli import main
from polyapprox.encrypted import backend, run

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
