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
EXP = 4  # levels of the rough exp
OBJECTIVES = (" (levels)", " (multiplications)")


def rows(whole: bool) -> list[dict[str, Any]]:
    """Of functions of one variable, or of vectors."""
    return [row for row in saved_lines(RECORD) if row["structure"] != "limit" and (row["structure"] == "whole") == whole]


def published(row: dict[str, Any]) -> list[str]:
    """Levels, products and error of the best published, and whose."""
    if row["published"][0] is None:
        return ["–"] * 4
    levels, products, error, who = row["published"]
    return [str(levels), "–" if products is None else str(products), "–" if error is None else f"{error:.2g}", str(who)]


def bits(row: dict[str, Any]) -> list[str]:
    """Bits found, and at most possible at so many levels."""
    return [lower_places(-math.log2(row[name]), 1) if row[name] else "–" for name in ("proven", "limit")]


def one() -> str:
    """Functions of one variable: fewest levels, then fewest products."""
    found = []
    for row in rows(whole=False):
        name = next(row["name"].removesuffix(o) for o in OBJECTIVES if row["name"].endswith(o))
        least = "levels" if row["name"].endswith(OBJECTIVES[0]) else "products"
        found.append(
            [name, least, row["levels"], row["multiplications"], f"{row['sampled']:.3g}", upper(row["proven"], 3),
             *bits(row), *published(row), f"{row['seconds']:.1f}"]
        )  # fmt: skip
    heads = ["function, range", "least", "levels", "products", "sampled", "proven", "bits", "limit of bits",
             "published: levels", "published: products", "its error", "whose", "ours: seconds"]  # fmt: skip
    return grid(heads, found, keys=2, starts=(8,))


def vectors() -> str:
    """Functions of vectors."""
    found = [
        [row["name"], row["levels"], row["multiplications"], row["rotations"], f"{row['sampled']:.3g}",
         upper(row["proven"], 3), f"{row['seconds']:.1f}", published(row)[0], share(row)]
        for row in rows(whole=True)
    ]  # fmt: skip
    heads = ["function, box", "levels", "products", "rotations", "sampled", "proven", "seconds", "published: levels", "of its levels"]
    return grid(heads, found, starts=(6,))


def limits() -> str:
    """What a polynomial of the first sum can do, and what is left to the last inverse."""
    found = [
        [row["steps"], 1 << row["steps"], f"{row['ratio']:.3g}", row["last"], EXP + row["steps"] + row["last"]]
        for row in saved_lines(RECORD) if row["structure"] == "limit"
    ]  # fmt: skip
    return grid(["levels", "degree", "ratio of the next sums", "levels of the last inverse", "with exp"], found)


def share(row: dict[str, Any]) -> str:
    """Levels in per cent of what is published."""
    levels = row["published"][0]
    return "–" if levels is None else f"{100 * row['levels'] / levels:.0f} %"


TABLES = {"one": one, "vectors": vectors, "limits": limits}


if __name__ == "__main__":
    sys.exit(main(PAGE, TABLES, sys.argv[1:]))
