"""Table of docs/training.md, from experiments/results/digits-loops.jsonl and digits-sturdy.jsonl."""

from __future__ import annotations

import statistics
import sys

from page_tables import DOCS, EXPERIMENTS, grid, main, saved_lines

PAGE = DOCS / "training.md"
COLUMNS = {"relu": "ReLU itself", "2": "2^-4.88", "2, means corrected": "means corrected"}


def loops() -> str:
    """Digits made sturdy: `fit` by name, and every other loop."""
    known = saved_lines(EXPERIMENTS / "digits-sturdy.jsonl")
    found = {
        "`fit` by name": [run for run in known if (run["split"], run["name"]) == ("test", "sturdy")],
        "for comparison: no noise, no Mixup": [
            run for run in known if (run["split"], run["name"]) == ("test", "baseline")
        ],
    }
    for run in saved_lines(EXPERIMENTS / "digits-loops.jsonl"):
        found.setdefault(run["loop"], []).append(run)
    rows = []
    for name, runs in found.items():
        values = [[100 * run["accuracy"][column] for run in runs] for column in COLUMNS]
        cells = [f"{statistics.mean(v):.1f} ± {statistics.stdev(v):.1f}" for v in values]
        rows.append((name, len(runs), *cells))
    return grid(("loop", "seeds", *COLUMNS.values()), rows)


TABLES = {"loops": loops}

if __name__ == "__main__":
    sys.exit(main(PAGE, TABLES, sys.argv[1:]))
