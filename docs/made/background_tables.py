"""Tables of docs/background.md, from the records of experiments/paper/ alone."""

from __future__ import annotations

import sys
from collections.abc import Callable

from page_tables import DOCS, grid, main
from paper_records import lines

PAGE = DOCS / "background.md"
PARTS = {
    "all": "all", "negative": "x ≤ 0", "negative, moved": "x ≤ 0, moved",
    "negative, mean removed": "x ≤ 0, mean removed", "positive": "x > 0",
    "positive, moved": "x > 0, moved", "positive, mean removed": "x > 0, mean removed",
    "all, mean removed": "all, mean removed", "mean alone": "mean alone",
    "positive, less relevant half": "x > 0, less relevant half",
    "positive, more relevant half": "x > 0, more relevant half",
}  # fmt: skip


def background(approximation: str, power: int, interval: str) -> str:
    """Accuracy (and deviation of the logits) by which errors are made: a column a network."""
    wanted = (approximation, power, interval)
    cells = [
        line for line in lines("background.jsonl")
        if (line["approximation"], line["power"], line["interval"]) == wanted
    ]  # fmt: skip
    rows = [["none", *(f"{100 * cell['accuracy']['exact']:.1f}" for cell in cells), *[""] * len(cells)]]
    rows += [
        [words, *(f"{100 * cell['accuracy'][part]:.1f}" for cell in cells), *(_rms(cell["deviation"][part]) for cell in cells)]
        for part, words in PARTS.items()
    ]
    heads = [f"{what}: {cell['subject']}" for what in ("correct, %", "deviation") for cell in cells]
    return grid(("errors at", *heads), rows, starts=(1 + len(cells),))


def _rms(deviation: float | None) -> str:
    return "∞" if deviation is None else f"{deviation:.2g}" if deviation < 1e4 else f"{deviation:.0e}"


TABLES: dict[str, Callable[[], str]] = {
    "background-published": lambda: background("published", 8, "50"),
    "background-ours": lambda: background("ours", 7, "50"),
    "background-layer": lambda: background("published", 6, "per-layer"),
}

if __name__ == "__main__":
    sys.exit(main(PAGE, TABLES, sys.argv[1:]))
