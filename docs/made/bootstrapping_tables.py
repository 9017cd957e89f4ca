"""Makes the tables of the page on bootstrapping: ``python docs/made/bootstrapping_tables.py`` (``--check``)."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable

from page_tables import DOCS, grid, main

import polyapprox
from polyapprox import Approximation
from polyapprox.outward import upper

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


TABLES = {"beside": beside, "imaginary": imaginary, "floats": floats}


if __name__ == "__main__":
    sys.exit(main(PAGE, TABLES, sys.argv[1:]))
