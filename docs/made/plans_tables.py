"""Makes the tables of the page on plans: ``python docs/made/plans_tables.py`` (``--check``)."""

from __future__ import annotations

import sys
from collections.abc import Callable

from page_tables import DOCS, grid, main

from polyapprox.composite.refined import shipped_refined
from polyapprox.numbers import ZERO, exact
from polyapprox.plan import PlanBuilder, count
from polyapprox.plan.chebyshev import append_chebyshev, chebyshev_cost
from polyapprox.plan.series import append_series, choose_series, series_cost, times_cost

PAGE = DOCS / "plans.md"
# Lee, Lee, No, Kim, eprint 2020/834, tables of func.cpp: odd degrees 3, 5, …, 63
LEE = (
    *(2, 3, 5, 5, 6, 7, 8, 8, 8, 9, 9, 10, 10, 11, 12),
    *(11, 11, 11, 11, 12, 12, 13, 13, 14, 14, 14, 14, 15, 15, 16, 17),
)  # fmt: skip
EVEN = (4, 6, 8, 10, 12, 14, 16, 18, 20, 24, 28, 32, 36, 40, 48, 56, 64, 72, 128, 255)
STAGES = ((7, 7), (7, 15), (15, 15))


def odd() -> str:
    """Odd degrees with the fewest levels."""
    rows = []
    for degree, lee in zip(range(3, 64, 2), LEE, strict=True):
        products, levels = series_cost(degree, "odd")
        with_factor = times_cost(degree)
        rows.append((degree, levels, lee, products, *with_factor))
    headings = (
        "degree", "levels", "mult.: Lee et al.", "mult.: ours", "times z: mult.", "times z: levels",
    )  # fmt: skip
    return grid(headings, rows)


def even() -> str:
    """Even degrees with the fewest levels."""
    rows = []
    for degree in (n - n % 2 for n in EVEN):
        before, after = chebyshev_cost(degree, "even"), series_cost(degree, "even")
        rows.append((degree, after[1], before[0], after[0]))
    return grid(("degree", "levels", "mult.: baby steps, giant steps", "mult.: ours"), rows)


def stages() -> str:
    """Constants of real stages."""
    rows = []
    for degrees in STAGES:
        for place, stage in enumerate(shipped_refined()[degrees, True].stages, 1):
            series = [ZERO] * (2 * len(stage))
            series[1::2] = [exact(c) for c in stage]
            found = choose_series(series, "odd").adapted
            plain, better = PlanBuilder(), PlanBuilder()
            old = count(plain.finish(append_chebyshev(plain, plain.arguments[0], series, "odd")))
            new = count(better.finish(append_series(better, better.arguments[0], series, "odd")))
            rows.append(
                (
                    ", ".join(map(str, degrees)), place, f"{old.multiplications} → {new.multiplications}",
                    f"{old.constant_products} → {new.constant_products}", new.levels,
                    "refused" if found is None else f"{found.largest:.1f}",
                    "" if found is None else f"{found.amplification:.0f}",
                )
            )  # fmt: skip
    headings = (
        "composite", "stage", "mult.", "products with constants", "levels", "largest constant",
        "amplification",
    )  # fmt: skip
    return grid(headings, rows)


TABLES: dict[str, Callable[[], str]] = {"odd": odd, "even": even, "stages": stages}


if __name__ == "__main__":
    sys.exit(main(PAGE, TABLES, sys.argv[1:]))
