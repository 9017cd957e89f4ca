"""Makes the table of the page on ranges: ``python docs/made/ranges_tables.py`` (``--check``)."""

from __future__ import annotations

import sys

from page_tables import DOCS, EXPERIMENTS, grid, main, saved_lines

PAGE = DOCS / "ranges.md"
RESULTS = EXPERIMENTS / "resnet20-cifar10.jsonl"
COLUMNS = (
    ("global", 1.1), ("per-channel-shared", 1.5), ("per-layer", 1.25), ("per-channel", 1.25),
    ("per-channel", 1.5),
)  # fmt: skip


def channels() -> str:
    """Accuracy by precision and interval."""
    runs = {}
    for run in saved_lines(RESULTS):
        if run["approximation"] == "ours":
            runs[run["power"], run["interval"], run.get("margin")] = run
    powers = sorted({power for power, interval, _ in runs if interval == "per-channel"})
    rows = []
    for power in powers:
        cells = [f"2^-{power}"]
        for column in COLUMNS:
            run = runs.get((power, *column))
            if run is None:
                cells.append("")
                continue
            outside = f" ({run['inputs_outside']})" if run["inputs_outside"] else ""
            cells.append(f"{100 * run['accuracy']:.2f}{outside}")
        rows.append(cells)
    return grid(["precision", *(f"{name}, margin {margin:g}" for name, margin in COLUMNS)], rows)


TABLES = {"channels": channels}


if __name__ == "__main__":
    sys.exit(main(PAGE, TABLES, sys.argv[1:]))
