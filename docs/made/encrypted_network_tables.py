"""Makes the tables of the page on networks on ciphertexts: ``python docs/made/encrypted_network_tables.py``.

``--check`` only says whether they are up to date. The data are what the benchmarks
``encrypted_lattigo.py`` and ``encrypted_tenseal.py`` saved.
"""

from __future__ import annotations

import json
import sys

from page_tables import BENCHMARKS, DOCS, grid, main

PAGE = DOCS / "encrypted_network.md"


def times() -> str:
    """Ours and the published composites."""
    rows = []
    for name in ("lattigo", "tenseal"):
        path = BENCHMARKS / f"encrypted_{name}.json"
        for one in json.loads(path.read_text(encoding="utf-8"))["contests"]:
            for label, entry in one["entries"].items():
                seconds = f"{entry['median']:.2f} ({entry['least']:.2f} … {entry['most']:.2f})"
                ratios = ("", "")
                if label == one["ours"]:  # stands there as ours already
                    continue
                what = f"ours: {one['ours']}" if label == "ours" else label
                if label == "ours":
                    ratios = (
                        f"{one['ratio_to_published']:.2f}, {one['ratio_to_published_plan']:.2f}",
                        f"{one['ratio_of_the_least']:.2f}",
                    )
                rows.append(
                    (
                        f"{name}, ring {one['ring_dimension']}, 2^-{one['precision']}",
                        what, entry["levels"], seconds, f"{entry['largest_error']:.2e}", *ratios,
                    )
                )  # fmt: skip
    headings = (
        "where",
        "what",
        "levels",
        "seconds",
        "largest error",
        "ours / published, / its plan",
        "least",
    )
    return grid(headings, rows)


TABLES = {"times": times}


if __name__ == "__main__":
    sys.exit(main(PAGE, TABLES, sys.argv[1:]))
