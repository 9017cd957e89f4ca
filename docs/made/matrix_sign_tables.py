"""Table of docs/matrix-sign.md, from the record of experiments/matrix_sign.py."""

from __future__ import annotations

import sys

from page_tables import DOCS, EXPERIMENTS, grid, main, saved_lines

PAGE = DOCS / "matrix-sign.md"
SIZES = ("256x512", "1024x1024")


def sets() -> str:
    """Errors of each set, those with few products first."""
    rows = sorted(saved_lines(EXPERIMENTS / "matrix-sign.jsonl"), key=lambda row: (row["products"], row["exact"]))
    found = [
        [row["name"], ", ".join(map(str, row["degrees"])), row["products"], f"{row['exact']:.3g}",
         f"{row['exact to 1.05']:.3g}",
         *(f"{row[f'{size} {kind}']:.3g}" for size in SIZES for kind in ("float32", "bfloat16"))]
        for row in rows
    ]  # fmt: skip
    heads = ["set", "degrees", "products", "exact, [2^-7, 1]", "exact, [2^-7, 1.05]",
             *(f"{size.replace('x', ' × ')}, {kind}" for size in SIZES for kind in ("float32", "bfloat16"))]  # fmt: skip
    return grid(heads, found, starts=(5,))


TABLES = {"sets": sets}


if __name__ == "__main__":
    sys.exit(main(PAGE, TABLES, sys.argv[1:]))
