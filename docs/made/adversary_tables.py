"""Makes the tables of the page on the adversary from what ``make check`` put on record."""

from __future__ import annotations

import json
import sys
from typing import Any

from page_tables import CHECKS, DOCS, grid, main

PAGE = DOCS / "adversary.md"
RECORD = CHECKS / "adversary.json"


def record() -> dict[str, Any]:
    """What the last full run found."""
    found: dict[str, Any] = json.loads(RECORD.read_text(encoding="utf-8"))
    return found


def structures() -> str:
    """Points tried by structure, and how far bounds are above what was seen."""
    rows = [
        [name, part["tables"], f"{part['points']:,}", f"{part['worst_tightness'] + 5e-5:.4f}"]
        for name, part in sorted(record()["structures"].items())
    ]
    whole = record()
    rows.append(["all", sum(row[1] for row in rows), f"{whole['points_tried']:,}", ""])
    said = (
        f"Points above a bound: {whole['violations']}; other faults: {len(whole['faults'])}. "
        f"Calls that were refused, each with one sentence: {whole['refused_with_a_sentence']} of "
        f"{whole['calls']}.\n"
    )
    return grid(["structure", "tables", "points", "bound / largest error seen, at worst"], rows) + "\n" + said


def forgeries() -> str:
    """False tables by kind, and true ones."""
    found = record()
    rows = [
        [kind, part["made"], part["refused"]]
        for kind, part in sorted(found["forgeries"]["kinds"].items())
    ]
    rows.append(["all false tables", found["forgeries"]["made"], found["forgeries"]["refused"]])
    rows.append(["true tables", found["true_tables"]["made"], found["true_tables"]["refused"]])
    return grid(["kind", "tables", "refused"], rows)


TABLES = {"structures": structures, "forgeries": forgeries}


if __name__ == "__main__":
    sys.exit(main(PAGE, TABLES, sys.argv[1:]))
