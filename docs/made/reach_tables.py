"""Makes the tables of the page *Beyond ReLU*: ``python docs/made/reach_tables.py``.

With ``--check`` the tables are only compared. The rows are those of ``experiments/reach.py``.
"""

from __future__ import annotations

import math
import sys
from typing import Any

from page_tables import DOCS, EXPERIMENTS, grid, main, saved_lines

from polyapprox.outward import lower_places, upper

PAGE = DOCS / "beyond.md"
RECORD = EXPERIMENTS / "reach.jsonl"
OBJECTIVES = (" (levels)", " (multiplications)")


def rows(whole: bool) -> list[dict[str, Any]]:
    """Of functions of one variable, or of vectors."""
    return [row for row in saved_lines(RECORD) if (row["structure"] == "whole") == whole]


def published(row: dict[str, Any]) -> list[str]:
    """Levels, products and error of the best published, and whose."""
    if row["published"][0] is None:
        return ["–", "–", "–"]
    levels, products, error, who = row["published"]
    shown = "–" if error is None else f"{error:.2g}"
    return [f"{levels} / {'–' if products is None else products}", shown, str(who)]


def bits(row: dict[str, Any]) -> str:
    """Bits found, and at most possible at so many levels."""
    found = lower_places(-math.log2(row["proven"]), 1)
    return f"{found} / {'–' if not row['limit'] else lower_places(-math.log2(row['limit']), 1)}"


def one() -> str:
    """Functions of one variable: fewest levels, then fewest products."""
    found = []
    for row in rows(whole=False):
        name = next(row["name"].removesuffix(o) for o in OBJECTIVES if row["name"].endswith(o))
        least = "levels" if row["name"].endswith(OBJECTIVES[0]) else "products"
        found.append(
            [name, *published(row), least, f"{row['levels']} / {row['multiplications']}",
             f"{row['sampled']:.3g}", upper(row["proven"], 3), bits(row), f"{row['seconds']:.1f}"]
        )  # fmt: skip
    heads = ["function, range", "published: levels / products", "error", "whose", "least", "ours: levels / products",
             "sampled", "proven", "bits found / limit", "seconds"]  # fmt: skip
    return grid(heads, found)


def vectors() -> str:
    """Functions of vectors."""
    found = [
        [row["name"], published(row)[0], row["levels"], row["multiplications"], row["rotations"],
         f"{row['sampled']:.3g}", upper(row["proven"], 3), f"{row['seconds']:.1f}"]
        for row in rows(whole=True)
    ]  # fmt: skip
    heads = ["function, box", "published: levels / products", "levels", "products", "rotations", "sampled", "proven", "seconds"]
    return grid(heads, found)


TABLES = {"one": one, "vectors": vectors}


if __name__ == "__main__":
    sys.exit(main(PAGE, TABLES, sys.argv[1:]))
