"""Makes the tables and figures of the page *Choices*: ``python docs/made/pareto_tables.py``.

With ``--check`` the tables are only compared. Every count is done twice: by the package, and by a
counter of ``tests/support/independent.py`` that shares no code with it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache

from page_tables import DOCS, ROOT, grid, main, reduce_colours

sys.path.insert(0, str(ROOT / "tests" / "support"))
import independent

import polyapprox
from polyapprox.outward import lower_places
from polyapprox.published.composites import ALPHAS, published_degrees
from polyapprox.published.costs import published_cost, published_points
from polyapprox.recipes.pareto import Front

PAGE = DOCS / "pareto.md"
PRECISIONS = range(4, 21)
FIGURES = {"pareto-9.png": 9, "pareto-18.png": 18}


@cache
def front(k: int) -> Front:
    return polyapprox.pareto("relu", precision=2.0**-k)


def proven(bits: float) -> str:
    """Proven bits, rounded down."""
    return lower_places(bits, 2)


def chosen() -> str:
    """What `relu` chooses by multiplications and by levels, beside the limit and r_α."""
    rows = []
    for k in PRECISIONS:
        cells: list[object] = [f"2^-{k}"]
        for objective in ("multiplications", "levels"):
            r = polyapprox.relu(precision=2.0**-k, objective=objective)
            counts = r.multiplications, r.levels
            if independent.counts(r.plan) != counts:
                raise SystemExit(f"the counters disagree at 2^-{k}: {counts}")
            cells += [r.structure, *counts, proven(r.bits)]
        cells.append(polyapprox.limits("relu", precision=2.0**-k).multiplications)
        rows.append([*cells, *published(k)])
    return grid(
        ("precision", "fewest mult.", "mult.", "levels", "bits (proven)",
         "fewest levels", "mult.", "levels", "bits (proven)",
         "limit of both (proven)", "published, fewest mult.: mult.", "levels", "published, fewest levels: mult.", "levels"),
        rows, starts=(5, 9),
    )  # fmt: skip


def published(k: int) -> list[object]:
    """Multiplications and levels, of the published composite with the fewest of each: r_k, or else a comparison."""
    if k in ALPHAS:
        return [*published_cost(published_degrees(k))] * 2
    sets = [p for p in published_points(k) if p.name.startswith("comparison")]
    chosen = (min(sets, key=lambda p: p.multiplications), min(sets, key=lambda p: p.levels))
    return [count for p in chosen for count in (p.multiplications, p.levels)]


def fronts() -> str:
    """The fronts: ways that no other beats, and how many were beaten."""
    rows = []
    for k in PRECISIONS:
        found = front(k)
        rows += [
            (
                f"2^-{k}", way, way.multiplications, way.levels, f"{way.seconds:.2f}", len(found.others),
                len(found.published), len(found.undominated()),
            )
            for way in found.rows
        ]  # fmt: skip
    return grid(
        ("precision", "not beaten", "mult.", "levels", "forecast / s", "beaten", "published points",
         "of these not dominated"),
        rows,
    )  # fmt: skip


def figures() -> None:
    """Draw the figures, small enough for a page."""
    for name, k in FIGURES.items():
        path = DOCS / "figures" / name
        front(k).plot(path)
        reduce_colours(path)


TABLES: dict[str, Callable[[], str]] = {"chosen": chosen, "fronts": fronts}

if __name__ == "__main__":
    sys.exit(main(PAGE, TABLES, sys.argv[1:], figures))
