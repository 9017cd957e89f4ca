"""No printed number is on the wrong side of its certificate (the whole is a check of its own)."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import printed
import pytest

import polyapprox as pa


def test_no_printed_number_is_on_the_wrong_side(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    claims = list(printed.of_everything(tmp_path, full=False))
    assert [claim for claim in claims if claim.wrong] == []
    assert len(claims) > 800


def test_a_number_on_the_wrong_side_is_seen() -> None:
    truth = printed.Truth(pa.minimax("exp", 5))
    upper, lower = truth.upper, truth.lower
    assert lower is not None
    tiny = Fraction(1, 10**40)
    assert not truth.above("", upper).wrong and truth.above("", upper - tiny).wrong
    assert not truth.below("", lower).wrong and truth.below("", lower + tiny).wrong
    assert not truth.bits("", "14.43").wrong and truth.bits("", "14.44").wrong
    nearest = f"{float(pa.minimax('exp', 5).error_bound):.2g}"
    assert truth.above("", nearest).wrong == (Fraction(nearest) < upper)
