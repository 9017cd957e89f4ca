"""Tables of docs/all-precisions.md, from the records of experiments/paper/ alone."""

from __future__ import annotations

import sys
from collections.abc import Callable

from page_tables import DOCS, grid, main
from paper_records import KINDS, accuracies, summary, trained

PAGE = DOCS / "all-precisions.md"
EXACT = ("backbone", None, None)
POWERS = range(6, 10)
TRAININGS = {"no change": "without noise", "as in Table 1": "noise for k = 8", "k drawn from 6 to 9": "k drawn from 6 to 9"}
"""Branches of Table 3, and what they are called here."""
PLACES = (("published", "50", "r_α, B = 50"), ("published-means", "50", "the same, means corrected"),
          ("published", "per-layer", "r_α, per layer"), ("published-means", "per-layer", "the same, means corrected"))  # fmt: skip
CORRECTIONS = {"": "as it is", "-means": "means corrected", "-corrected": "normalisation corrected"}


def trained_for_all(recipe: str, trunk: str) -> str:
    """One network with each precision, by the noise that it was trained with."""
    arms = trained("table3", recipe)
    branches = {
        words: [accuracies(run.key) for run in arms[f"{trunk}: {branch}"].values()] for branch, words in TRAININGS.items()
    }
    rows = []
    for approximation, interval, place in PLACES:
        for words, cells in branches.items():
            if cells:
                exact = summary(one.get(EXACT) for one in cells)
                found = (summary(one.get((approximation, k, interval)) for one in cells) for k in POWERS)
                rows.append((place, words, exact, *found))
    return grid(("in ReLU's place", "trained with", "ReLU", *(f"2^-{k}" for k in POWERS)), rows, keys=2)


def untrained(recipe: str, arm: str) -> str:
    """One network as it is with each precision, and corrected for each: points less than with ReLU, by the same seeds."""
    cells = [accuracies(run.key) for run in trained("table1", recipe)[arm].values()]
    rows = []
    for approximation, words in KINDS.items():
        for interval, place in (("50", "B = 50"), ("per-layer", "per layer")):
            for suffix, correction in CORRECTIONS.items():
                wanted = [(approximation + suffix, k, interval) for k in (5, *POWERS)]
                found = (summary(one[EXACT] - one[cell] for one in cells if cell in one) for cell in wanted)
                rows.append((f"{words}, {place}", correction, *found))
    return grid(("in ReLU's place", "correction", *(f"2^-{k}" for k in (5, *POWERS))), rows, keys=2)


TABLES: dict[str, Callable[[], str]] = {
    "all-digits-much": lambda: trained_for_all("D5", "5e-4"),
    "all-digits-little": lambda: trained_for_all("D5", "1e-5"),
    "all-resnet": lambda: trained_for_all("B5", "5e-4"),
    "all-untrained-digits": lambda: untrained("D20", "decay 5e-4"),
    "all-untrained-resnet": lambda: untrained("P25", "decay 5e-4"),
    "all-untrained-resnet-paper": lambda: untrained("P25", "decay 1e-5, Mixup, NGNV"),
}

if __name__ == "__main__":
    sys.exit(main(PAGE, TABLES, sys.argv[1:]))
