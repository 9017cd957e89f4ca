"""Makes the table of the page on the zoo, and with ``--index`` its index: ``python docs/made/zoo_tables.py``."""

from __future__ import annotations

import sys

from page_tables import DOCS, grid, main

from polyapprox.outward import lower_places
from polyapprox.zoo import ENTRIES, rows
from polyapprox.zoo.index import Row, write_index

PAGE = DOCS / "zoo.md"


def zoo() -> str:
    """Each function on each interval: what its entries cost."""
    found: dict[tuple[str, str], list[Row]] = {}
    for row in rows().values():
        low, high = row.interval
        where = f"[{low:g}, {high:g}]"
        if row.function == "sign":
            where += f", abs(x) ≥ 2^-{row.name.split('_')[1][1:]}"
        kind = {"bootstrapped": " in the bootstrap", "whole": " of 128 numbers"}.get(row.structure, "")
        found.setdefault((f"`{row.function}`{kind}", where), []).append(row)
    lines = []
    for (function, interval), some in found.items():
        first, *_, last = sorted(some, key=lambda one: one.bits)
        cost = [one.levels if one.multiplications is None else one.multiplications for one in (first, last)]
        bits = [lower_places(one.bits, 1) for one in (first, last)]
        lines.append((function, interval, len(some), bits[0], cost[0], bits[1], cost[1]))
    headings = ("function", "interval", "entries", "fewest bits", "at cost", "most bits", "at cost")
    return grid(headings, lines, "---")


def index() -> None:
    """Make all entries, and the index of them."""
    from polyapprox.zoo.making import made, row_of

    write_index(row_of(one, made(one)) for one in ENTRIES.values())


TABLES = {"zoo": zoo}

if __name__ == "__main__":
    if "--index" in sys.argv[1:]:
        index()
    sys.exit(main(PAGE, TABLES, [one for one in sys.argv[1:] if one != "--index"]))
