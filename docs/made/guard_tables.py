"""Makes the table of the guard on the page of proofs: ``python docs/made/guard_tables.py`` (``--check``)."""

from __future__ import annotations

import sys
from typing import Any

from page_tables import CHECKS, DOCS, grid, main, saved_lines

from polyapprox import outward

PAGE = DOCS / "proofs.md"
RESULTS = CHECKS / "guard.jsonl"
MOST = 30
FARTHER = (36, 40, 46, 50)


def _cost(side: dict[str, Any]) -> str:
    degrees = ", ".join(map(str, side["degrees"]))
    return f"{side['multiplications']}, {side['levels']} ({side['structure']} {degrees})"


def costs() -> str:
    """Multiplications and levels by precision, where they or the bits differ; the others counted."""
    rows = []
    for run in sorted(saved_lines(RESULTS), key=lambda run: run["k"]):
        if run["k"] > MOST and run["k"] not in FARTHER:
            continue
        guard, none = run["guard"], run["none"]
        same = all(guard[key] == none[key] for key in ("degrees", "multiplications", "levels"))
        lost = outward.upper_places(max(0.0, none["bits"] - guard["bits"]), 6) if same else ""
        rows.append([f"2^-{run['k']}", _cost(none), "the same" if same else _cost(guard), lost])
    return grid(["precision", "without", "with a guard of 2^-20", "bits lost"], rows)


def values() -> str:
    """Error at 1 and 1 + 2^-21 in doubles."""
    rows = []
    for run in sorted(saved_lines(RESULTS), key=lambda run: run["k"]):
        if run["k"] in FARTHER:
            cells = [
                f"{float(run[side]['in doubles'][place]):.1e}"
                for side in ("none", "guard")
                for place in (0, 2)
            ]
            bound = outward.upper(run["guard"]["bound"], 2)
            rows.append([f"2^-{run['k']}", *cells, bound])
    head = ["precision", "at 1, without", "at 1 + 2^-21, without", "at 1, with", "at 1 + 2^-21, with"]
    return grid([*head, "proven bound"], rows)


TABLES = {"guard-costs": costs, "guard-values": values}


if __name__ == "__main__":
    sys.exit(main(PAGE, TABLES, sys.argv[1:]))
