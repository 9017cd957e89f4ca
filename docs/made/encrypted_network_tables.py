"""Makes the tables of the page on networks on ciphertexts: ``python docs/made/encrypted_network_tables.py``.

``--check`` only says whether they are up to date. The data are what ``nn-bridge encrypt-digits``
and the benchmarks ``encrypted_lattigo.py`` and ``encrypted_tenseal.py`` saved.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from page_tables import BENCHMARKS, DOCS, EXPERIMENTS, grid, main

from polyapprox.outward import lower_places

PAGE = DOCS / "encrypted_network.md"
RECORD = EXPERIMENTS / "encrypted-digits.json"


def record() -> dict[str, Any]:
    """What the command saved."""
    return json.loads(RECORD.read_text(encoding="utf-8"))


def result() -> str:
    """Outputs and predictions."""
    one = record()
    images, parameters = one["images"], one["parameters"]
    rows = [
        ("images", images),
        ("largest deviation of an output", f"{one['largest_deviation']:.2g}"),
        ("outputs are up to", f"{one['largest_output']:.3g}"),
        ("smallest gap between the two largest outputs", f"{one['smallest_gap']:.3g}"),
        ("same prediction as in the clear", f"{one['agree']} of {images}"),
        ("correct under encryption", f"{one['correct']} of {images}"),
        ("correct with ReLU itself", f"{one['correct_with_relu_itself']} of {images}"),
        ("ReLU on [−1, 1]", f"proven to 2^-{lower_places(one['relu_bits'], 2)}"),
        ("levels from image to output", one["levels"]),
        ("ring, scale", f"{parameters['ring_dimension']}, 2^{parameters['scale_bits']}"),
        ("security", one["security"]),
        ("seconds of evaluation, one thread", f"{one['seconds']['evaluate']:.0f}"),
        ("load of the machine", f"{one['load'][0]:.1f} to {one['load'][1]:.1f}"),
    ]
    return grid(("", ""), rows)


def stages() -> str:
    """Layer by layer."""
    rows = [
        (
            one["name"],
            one["ciphertexts"],
            one["products"],
            one["levels"],
            f"{one['seconds']:.1f}",
        )
        for one in record()["stages"]
    ]
    return grid(("step", "ciphertexts", "products", "levels so far", "seconds"), rows)


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


TABLES = {"result": result, "stages": stages, "times": times}


if __name__ == "__main__":
    sys.exit(main(PAGE, TABLES, sys.argv[1:]))
