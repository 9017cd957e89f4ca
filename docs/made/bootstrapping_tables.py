"""Makes the tables of the page on bootstrapping: ``python docs/made/bootstrapping_tables.py`` (``--check``)."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable
from typing import Any

from page_tables import BENCHMARKS, DOCS, grid, main

import polyapprox
from polyapprox import Approximation
from polyapprox.circuits.library import shipped_circuits, shipped_for
from polyapprox.outward import lower_places, upper
from polyapprox.refresh.depth import functional_depth
from polyapprox.targets import ARCCOSINE

PAGE = DOCS / "bootstrapping.md"
RADII = (20, 16, 12, 10)
ROWS: tuple[tuple[str, Callable[[], Approximation]], ...] = (
    ("circuit, 2^-9, [−50, 50]", lambda: polyapprox.relu(precision=2**-9, interval=(-50, 50))),
    (
        "composite, 2^-9, [−50, 50]",
        lambda: polyapprox.relu(precision=2**-9, structure="composite", interval=(-50, 50)),
    ),
    (
        "composite, 2^-12, [−50, 50]",
        lambda: polyapprox.relu(precision=2**-12, structure="composite", interval=(-50, 50)),
    ),
    ("circuit, 2^-12, [−50, 50]", lambda: polyapprox.relu(precision=2**-12, interval=(-50, 50))),
    (
        "direct, 2^-7, [−50, 50]",
        lambda: polyapprox.relu(precision=2**-7, structure="direct", interval=(-50, 50)),
    ),
    ("sigmoid, degree 15, [−8, 8]", lambda: polyapprox.minimax("sigmoid", 15, domain=(-8, 8))),
    (
        "GELU circuit, [−8, 8]",
        lambda: polyapprox.circuit("gelu", multiplications=5, interval=(-8, 8)),
    ),
)
FLOATS = (4, 9, 14, 20, 24, 30, 36, 46, 50)


def number(value: float, digits: int = 3) -> str:
    """A bound, rounded up."""
    return "none" if math.isinf(value) else upper(value, digits)


def beside() -> str:
    """The error for real noise, real inputs outside the interval."""
    rows = []
    for name, make in ROWS:
        r = make()
        near = [r.bound_near(2.0**-k) for k in RADII]
        rows.append([name, number(r.error_bound), *(number(one.outside) for one in near)])
    return grid(["approximation", "bound", *(f"B(1 + 2^-{k})" for k in RADII)], rows)


def imaginary() -> str:
    """The error for imaginary noise, and what slope and radius say."""
    rows = []
    for name, make in ROWS:
        r = make()
        near = [r.bound_near(2.0**-k) for k in RADII]
        rows.append(
            [
                name, *(number(one.imaginary) for one in near), number(r.slope_bound),
                f"{math.floor(r.safe_radius() * 1e4) / 1e4:.4f}",
            ]
        )  # fmt: skip
    headings = ["approximation", *(f"2^-{k} B" for k in RADII), "slope", "safe radius"]
    return grid(headings, rows)


def floats() -> str:
    """ReLU on [-1, 1] evaluated in double precision."""
    rows = []
    for k in FLOATS:
        r = polyapprox.relu(precision=2.0**-k)
        found = r.float64_error_bound
        degrees = ", ".join(map(str, r.degrees))
        fine = "warns" if found > r.error_bound else ""
        rows.append([f"2^-{k}", f"{r.structure} {degrees}", number(r.error_bound), number(found), fine])
    headings = ["precision", "plan", "bound", "rounding in doubles", "a call with floats"]
    return grid(headings, rows)


INSIDE: tuple[tuple[str, dict[str, Any]], ...] = (
    ("relu", {}),
    ("abs", {}),
    ("sign", {"domain": [(-1, -1 / 16), (1 / 16, 1)]}),
    ("hardtanh", {"interval": (-4, 4)}),
    ("gelu", {"interval": (-8, 8)}),
    ("silu", {"interval": (-8, 8)}),
    ("silu", {"interval": (-20, 20)}),
    ("sigmoid", {"interval": (-8, 8)}),
    ("tanh", {"interval": (-4, 4)}),
    ("exp", {"interval": (-8, 0)}),
)
DEGREES = (5, 13, 27, 59)
WAYS = {"series": "inside", "cosine": "in the cosine", "plain": "bootstrap, then circuit"}
COUNTS = range(1, 13)


def inside() -> str:
    """Bits of series by degree, and the amplification."""
    rows = []
    for name, where in INSIDE:
        made = [polyapprox.bootstrapped(name, n, **where) for n in DEGREES]
        ends = " ∪ ".join(f"[{float(a):g}, {float(b):g}]" for a, b in made[0].domain)
        cells = [*(lower_places(one.bits, 2) for one in made), *(upper(one.amplification, 2) for one in made)]
        rows.append([f"`{name}`", ends, *cells])
    bits = [f"bits: degree {n}, levels {functional_depth(n)}" for n in DEGREES]
    return grid(["function", "interval", *bits, *(f"amplification: degree {n}" for n in DEGREES)], rows, keys=2)


def measured() -> str:
    """The record of benchmarks/functional_bootstrap.py."""
    record = json.loads((BENCHMARKS / "functional_bootstrap.json").read_text(encoding="utf-8"))
    rows = []
    for row in sorted(record, key=lambda row: (row["function"] != "relu", row["ring"])):
        way = WAYS[row["way"]]
        size = f"degree {row['degree']}" if row["way"] == "series" else f"{row['multiplications']} products"
        rows.append(
            [
                row["function"], f"2^{row['ring'].bit_length() - 1}", f"{way}, {size}",
                upper(row["bound"], 4), f"{row['error']:.4g}", f"{row['noise']:.1g}", row["depth"],
                row["levels"], f"{row['seconds']:.2f}", f"{row['plan_seconds']:.2f}" if row["plan_seconds"] else "",
            ]
        )  # fmt: skip
    headings = [
        "function", "ring", "way", "bound", "error measured", "noise of the refresh", "levels", "chain",
        "refresh / s", "plan / s",
    ]  # fmt: skip
    return grid(headings, rows, keys=3, starts=(6,))


def cosine() -> str:
    """Bits of ReLU in c, and in x with as many multiplications."""
    found = {one.multiplications: 1 + one.bits for one in shipped_for(ARCCOSINE)}
    rows = [[m, lower_places(found[m], 2), lower_places(shipped_circuits()[m].bits, 2)] for m in COUNTS]
    return grid(["products", "in c", "in x"], rows)


TABLES = {
    "beside": beside, "imaginary": imaginary, "floats": floats, "inside": inside,
    "measured": measured, "cosine": cosine,
}  # fmt: skip


if __name__ == "__main__":
    sys.exit(main(PAGE, TABLES, sys.argv[1:]))
