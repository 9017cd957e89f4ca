"""Audits: what published tables truly do, said on one page."""

from __future__ import annotations

import audits_tables as tables
import numpy as np
import pytest
from paths import DOCS

import polyapprox as pa
from polyapprox.auditing import audit, images


@pytest.mark.parametrize("alpha", tables.ALPHAS)
def test_the_first_two_published_composites_miss_their_precision(alpha: int) -> None:
    r = tables.published(alpha)
    assert (r.error_bound <= 2.0**-alpha) == (alpha > 5)
    x = np.linspace(-1, 1, 20_001)
    s = x  # as their repository computes it, in powers and doubles
    for stage in tables.oracle("published_relu_composites.json")[str(alpha)]:
        s = sum(float(c) * s ** (2 * k + 1) for k, c in enumerate(stage["power_odd_coeffs"]))
    sampled = np.max(np.abs(x * (1 + s) / 2 - np.maximum(x, 0)))
    assert 0.97 * r.error_bound <= sampled <= 1.0001 * r.error_bound


def test_an_audit_names_what_dominates_it() -> None:
    found = audit(tables.published(7))
    assert found.proven and found.bits == pytest.approx(7.0429, abs=1e-3)
    assert found.levels["published"] <= found.levels["standalone"] <= 7
    assert found.multiplications["published"] <= 11
    assert found.framework_levels["openfhe"] > found.framework_levels["lattigo"] == 7
    rival = found.rival
    assert rival is not None and rival.bits >= found.bits
    assert rival.levels <= 7 and rival.multiplications <= 11
    assert (rival.levels, rival.multiplications) != (7, 11)
    again = eval(rival.call, {"pa": pa})
    assert (again.levels, again.multiplications) == (rival.levels, rival.multiplications)
    assert again.error_bound <= found.error * (1 + 1e-3)


def test_ours_is_not_dominated_by_ours() -> None:
    assert audit(pa.relu(precision=2**-6)).rival is None


def test_images_enclose_the_values_of_every_stage() -> None:
    r = tables.heir("relu", (-1, 1))
    x = np.linspace(-1, 1, 10_001)
    for image, component in zip(images(r), r.components, strict=True):
        x = np.asarray(component(x))
        assert image.low <= x.min() + 1e-12 and x.max() - 1e-12 <= image.high
        assert image.high - image.low <= 1.001 * (x.max() - x.min())
        assert image.largest_chebyshev == max(abs(float(c)) for c in component.coefficients)


def test_a_stage_that_leaves_the_next_interval_is_named() -> None:
    """ANT-ACE expands on [-1, 1] stages that are given values up to 1.9."""
    chebyshev, powers = audit(tables.ant_ace(2)), audit(tables.ant_ace(1))
    assert chebyshev.leaving == (1, 2) and "leave the interval" in chebyshev.conclusion
    assert powers.leaving == ()
    assert chebyshev.bits == pytest.approx(powers.bits, abs=0.01)


def test_the_page_says_it_all() -> None:
    text = audit(tables.smart_paf("f1g2")).text()
    for words in (
        "approximates    relu on [-1, 1]", "composite, degrees 3, 5", "(proven)",
        '(rule "published")', "own evaluators", "safe radius", "conclusion",
    ):  # fmt: skip
        assert words in text
    assert max(map(len, text.splitlines())) <= 96
    circuit = audit(pa.circuit("relu", multiplications=3)).text()
    assert "circuit" in circuit and "own evaluators" not in circuit


def test_beyond_the_interval() -> None:
    """Lattigo's sign flips from 1 + 2^-32 on; HEIR's step is −5e41 at 1.01."""
    sign, step = tables.lattigo((2.0**-30, 1)), tables.heir("step", (2.0**-6, 1))
    assert tables.value_at(sign, 1 + 2.0**-32) == pytest.approx(-1, abs=1e-6)
    assert tables.value_at(step, 1.01) == pytest.approx(-5e41, rel=0.02)
    assert tables.value_at(step, 1 + 2.0**-8) == pytest.approx(0, abs=1e-6)


def test_the_page_of_the_documentation_holds_these_numbers() -> None:
    text = (DOCS / "audits.md").read_text(encoding="utf-8")
    for alpha in (4, 5):
        assert f"| r_{alpha} |" in text and f"**{alpha}: missed**" in text
        assert f"| {tables.down(tables.published(alpha).bits)} | **{alpha}: missed**" in text
    assert "**6: missed**" not in text


NEWTON = pa.Polynomial.from_floats([0, 1.125, 0, -0.125], parity="odd")
AUDITED = {
    "gelu by a polynomial": lambda: pa.minimax("gelu", tolerance=0.0423, domain=(-8, 8)),
    "silu by a polynomial": lambda: pa.minimax("silu", 14, domain=(-8, 8)),
    "exp entered by hand": lambda: pa.from_components(
        "exp", [pa.Polynomial.from_floats([1.27, 1.13, 0.27, 0.04, 0.01, 0.001])],
        structure="polynomial",
    ),
    "relu by three stages": lambda: pa.from_components("relu", [NEWTON] * 3),
    "relu on [-50, 8]": lambda: pa.relu(degrees=[7, 7, 7], interval=(-50, 8)),
    "abs by a polynomial": lambda: pa.minimax("abs", 38, domain=(-3, 3)),
    "maximum": lambda: pa.maximum(degrees=[7, 7], interval=(-0.3, 0.7)),
    "sign on [-4, 4]": lambda: pa.sign(degrees=[3, 3, 5], threshold=0.1, interval=(-4, 4)),
    "sign on unequal sides": lambda: pa.from_components(
        "sign", [NEWTON] * 4, [(-0.9, -0.2), (0.3, 1)]
    ),
    "step": lambda: pa.step(degrees=[3, 3, 3, 3], threshold=0.1),
    "1/x, relative": lambda: pa.minimax("1/x", 12, domain=(1, 8), relative=True),
    "a union": lambda: pa.minimax("exp", 9, domain=[(-1, -0.5), (0.5, 1)], bits=8),
}  # fmt: skip


@pytest.mark.parametrize("name", AUDITED)
def test_what_an_audit_proposes_runs_and_dominates(name: str) -> None:
    value = AUDITED[name]()
    found = audit(value)
    assert found.text()
    if found.rival is None:
        assert name in ("1/x, relative",), "a cheaper one is known of the others"
        return
    ours = eval(found.rival.call, {"pa": pa})
    assert (ours.levels, ours.multiplications) == (found.rival.levels, found.rival.multiplications)
    assert ours.error_bound == found.rival.error <= value.error_bound
    assert ours.function == value.function and ours.weight == value.weight
    assert ours.levels <= value.levels and ours.multiplications <= value.multiplications
    same = (ours.levels, ours.multiplications) == (value.levels, value.multiplications)
    assert not same or ours.error_bound <= value.error_bound / 2
    for low, high in value.domain:
        assert any(a <= low and high <= b for a, b in ours.domain)


def test_the_circuit_of_gelu_is_found() -> None:
    found = audit(AUDITED["gelu by a polynomial"]())
    assert found.rival is not None and found.rival.call.startswith("pa.circuit('gelu'")
    assert found.rival.multiplications == 4 and found.rival.error < 0.0107
    assert found.bits == pytest.approx(-np.log2(found.error))
