"""Makes the tables of ``docs/audits.md``: ``python docs/made/audits_tables.py`` (``--check``: compare).

Every published table is read from ``tests/oracles`` through :func:`polyapprox.import_table`, and
audited.
"""

from __future__ import annotations

import json
import math
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import mpmath
import numpy as np
import page_tables
from page_tables import DOCS, ROOT, main

import polyapprox as pa
from polyapprox.auditing import Audit, audit
from polyapprox.outward import bits_of, lower, lower_places, rational, upper

PAGE = DOCS / "audits.md"
ORACLES = ROOT / "tests" / "oracles"
ALPHAS = tuple(range(4, 15))
grid = partial(page_tables.grid, alignment="---")
read = partial(pa.import_table, guard=0)  # each on the interval that it was made for


def oracle(name: str) -> Any:
    """A file of published numbers."""
    return json.loads((ORACLES / name).read_text(encoding="utf-8"))


def imported(rows: Iterable[Sequence[str]], **options: Any) -> pa.Approximation:
    """Rows of decimals, one stage a line, as a certified table."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.csv"
        path.write_text("\n".join(",".join(row) for row in rows) + "\n", encoding="utf-8")
        return read(path, **options)


def published(alpha: int) -> pa.Approximation:
    """Lee et al.'s r_alpha."""
    rows = [stage["power_odd_coeffs"] for stage in oracle("published_relu_composites.json")[str(alpha)]]
    return imported(rows, function="relu", domain=(-1, 1), basis="monomial-odd")


def ant_ace(index: int) -> pa.Approximation:
    """ANT-ACE's tables, as ReLU."""
    table = oracle("ant_ace_sign.json")["tables"][index]
    basis = {"power": "monomial"}.get(table["basis"], table["basis"])
    return imported(table["stages"], function="relu", domain=(-1, 1), basis=basis)


def smart_paf(name: str, reverse: bool = False) -> pa.Approximation:
    """SMART-PAF's tables, as ReLU, in the order of its code or the reverse."""
    rows = oracle("smart_paf_sign.json")["tables"][name]
    rows = rows[::-1] if reverse else rows
    return imported(rows, function="relu", domain=(-1, 1), basis="monomial-odd")


def fhe_mp_cnn() -> pa.Approximation:
    """FHE-MP-CNN's decomposed table of alpha = 13, multiplied out."""
    table = oracle("fhe_mp_cnn_d13.json")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "d13.txt"
        path.write_text("\n".join(table["numbers"]) + "\n", encoding="utf-8")
        return read(
            path, format="fhe-mp-cnn", function="relu", domain=(-1, 1),
            degrees=tuple(table["degrees"]),
        )  # fmt: skip


def heir(function: str, domain: Any) -> pa.Approximation:
    """HEIR's constants, as C++ (the last stage maps onto [0, 1])."""
    lines = []
    for number, stage in enumerate(oracle("heir_composite_step.json")["stages"]):
        lines.append(f"static const std::vector<double> kPoly{number} = {{{', '.join(stage)}}};")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.cpp"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return read(path, format="heir", function=function, domain=domain)


def lattigo(domain: Any, stages: int = 9) -> pa.Approximation:
    """Lattigo's default sign, as Go (the first stages of it)."""
    rows = oracle("lattigo_default_sign.json")["stages"][:stages]
    body = "\n".join("\t{" + ", ".join(f'"{c}"' for c in row) + "}," for row in rows)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.go"
        path.write_text(f"var Table = [][]string{{\n{body}\n}}\n", encoding="utf-8")
        return read(
            path, format="lattigo", function="sign", domain=domain, half_width=1
        )


def down(bits: float) -> str:
    """Proven bits, rounded down."""
    return lower_places(bits, 2)


HEAD = (
    "table", "degrees", "bits (proven)", "stated", "levels", "multiplications", "leaves",
    "safe radius", "a choice of ours that dominates it", "its bits", "levels", "multiplications",
)  # fmt: skip


def row(name: str, stated: str, found: Audit) -> tuple[object, ...]:
    """One line of the summary; costs under the rule "published"."""
    leaves = ", ".join(f"stage {stage}" for stage in found.leaving) or "no"
    rival = found.rival
    return (
        name,
        ", ".join(map(str, found.degrees)),
        down(found.bits),
        stated,
        found.levels["published"],
        found.multiplications["published"],
        leaves,
        f"1 + {lower(rational(found.safe_radius) - 1, 2)}",
        *(
            ("none found", "", "", "")
            if rival is None
            else (f"`{rival.call}`", down(rival.bits), rival.levels, rival.multiplications)
        ),
    )


def published_rows() -> str:
    """Lee et al."""
    return grid(
        HEAD,
        (
            row(
                f"r_{alpha}",
                f"{alpha}" if found.bits >= alpha else f"**{alpha}: missed**",
                found,
            )
            for alpha in ALPHAS
            for found in [audit(published(alpha))]
        ),
        starts=(8,),
    )


def other_rows() -> str:
    """Every other shipped table."""
    tables = oracle("ant_ace_sign.json")["tables"]
    rows = [
        row(f"ANT-ACE {t['basis']}, depth {t['depth']}", str(t["alpha"]), audit(ant_ace(i)))
        for i, t in enumerate(tables)
    ]
    rows += [
        row(f"SMART-PAF {name}", "—", audit(smart_paf(name)))
        for name in oracle("smart_paf_sign.json")["tables"]
    ]
    rows += [
        row(f"SMART-PAF {name}, g first", "—", audit(smart_paf(name, reverse=True)))
        for name in ("f2g3", "2f12g1", "f2g2", "f1g2")
    ]
    rows.append(row("FHE-MP-CNN d13", "13", audit(fhe_mp_cnn())))
    rows.append(row("HEIR ReLU", "—", audit(heir("relu", (-1, 1)))))
    rows.append(row("HEIR step, [2^-6, 1]", "—", audit(heir("step", (2.0**-6, 1)))))
    rows.append(
        row("HEIR step, both sides of 2^-6", "—", audit(heir("step", [(-1, -(2.0**-6)), (2.0**-6, 1)])))
    )
    rows.append(row("Lattigo default sign, from 2^-30", "80", audit(lattigo((2.0**-30, 1)))))
    rows.append(row("its first eight stages", "21.93", audit(lattigo((2.0**-30, 1), 8))))
    return grid(HEAD, rows, starts=(8,))


def value_at(r: pa.Approximation, x: float) -> float:
    """r(x) in 3000 bits."""
    with mpmath.workprec(3000):
        return float(r.plan.run(mpmath.mpf(x)))


def in_float32(alpha: int) -> float:
    """Largest error of r_alpha in powers, computed in float32 as its repository may."""
    x = np.linspace(-1, 1, 200_001, dtype=np.float32)
    s = x
    with np.errstate(all="ignore"):
        for stage in oracle("published_relu_composites.json")[str(alpha)]:
            total = np.zeros_like(s)
            for k, text in enumerate(stage["power_odd_coeffs"]):
                total = total + np.float32(text) * s ** np.float32(2 * k + 1)
            s = total
        error = np.abs(x * (1 + s) / 2 - np.maximum(x, 0))
    return float(np.max(error)) if np.all(np.isfinite(error)) else math.inf


def claims() -> list[tuple[str, str, str]]:
    """What is said elsewhere, what is found here, and whether the two agree."""
    step, relu = heir("step", (2.0**-6, 1)), heir("relu", (-1, 1))
    both = {k: heir("step", [(-1, -(2.0**-k)), (2.0**-k, 1)]).error_bound for k in (6, 7, 8)}
    sign, eight = lattigo((2.0**-30, 1)), lattigo((2.0**-30, 1), 8)
    beyond = lattigo((2.0**-30, 1 + 2.0**-35))
    powers = [
        abs(float(c))
        for stages in oracle("published_relu_composites.json").values()
        for stage in stages
        for c in stage["power_odd_coeffs"]
    ]
    margins = {alpha: published(alpha).bits - alpha for alpha in ALPHAS}
    missed = [f"r_{alpha}" for alpha, margin in margins.items() if margin < 0]
    held = [margin for margin in margins.values() if margin >= 0]
    return [
        bits_claim("HEIR step on [2^-6, 1]", 26.7241, step.error_bound),
        value_claim("the same on both sides", 2.6e-8, both[6], upper(both[6], 4)),
        value_claim("from 2^-7 on", 7.8e-5, both[7], upper(both[7], 4)),
        value_claim("from 2^-8 on", 3.2e-2, both[8], upper(both[8], 4)),
        value_claim("HEIR ReLU", 3.6e-4, relu.error_bound, upper(relu.error_bound, 4)),
        value_claim("HEIR step at 1 + 2^-8: the wrong branch", 0.0, value_at(step, 1 + 2.0**-8)),
        value_claim("HEIR step at 1.01", -5e41, value_at(step, 1.01)),
        value_claim("HEIR step at 1.02", -2.8e293, value_at(step, 1.02)),
        bits_claim("Lattigo's sign from 2^-30 on", 81.58, sign.error_bound),
        bits_claim("its first eight stages (its documentation says 21.93)", 20.93, eight.error_bound),
        bits_claim("Lattigo's sign from 2^-30 to 1 + 2^-35", 30.61, beyond.error_bound),
        value_claim("Lattigo's sign at 1 + 2^-33", -0.67, value_at(sign, 1 + 2.0**-33)),
        value_claim("Lattigo's sign at 1 + 2^-32: flipped", -1.0, value_at(sign, 1 + 2.0**-32)),
        value_claim("largest coefficient of r_α in powers", 9.65e4, max(powers)),
        (
            "error of r_α about 2^-(α + 0.02 … 0.11), for every α",
            f"{' and '.join(missed)} miss 2^-α; the others hold it by {down(min(held))} to "
            f"{down(max(held))} bits",
            "corrected",
        ),
        (
            "error of r_13 in powers in float32 2^0.53, r_14 overflows",
            f"r_12: {_power(in_float32(12))}, r_13: {_power(in_float32(13))}, "
            f"r_14: {_power(in_float32(14))} (powers by numpy, sampled)",
            "both are useless there; the figure depends on how the powers are made",
        ),
    ]


def bits_claim(what: str, said: float, error: float) -> tuple[str, str, str]:
    """A bound in bits: agreement to 0.02."""
    found = bits_of(error)
    verdict = "confirmed" if abs(found - said) <= 0.02 else "corrected"
    return f"{what}: 2^−{said}", f"2^−{down(found)} (proven)", verdict


def value_claim(
    what: str, said: float, found: float, text: str = ""
) -> tuple[str, str, str]:
    """A value: agreement to 3 %, or to 1e-6."""
    close = abs(found - said) <= max(0.03 * abs(said), 1e-6 * (abs(said) == 0 or abs(said) >= 1))
    return f"{what}: {said:g}", text or f"{found:.4g}", "confirmed" if close else "corrected"


def _power(error: float) -> str:
    if not math.isfinite(error):
        return "not finite"
    return f"2^{math.log2(error):.4g}" if error > 1 else f"2^−{-math.log2(error):.4f}"


def claim_rows() -> str:
    """Figures of the literature and of earlier checks."""
    return grid(("said", "found here", "verdict"), claims())


TABLES: dict[str, Callable[[], str]] = {
    "published": published_rows,
    "others": other_rows,
    "claims": claim_rows,
}


if __name__ == "__main__":
    sys.exit(main(PAGE, TABLES, sys.argv[1:]))
