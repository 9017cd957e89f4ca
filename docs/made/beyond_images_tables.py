"""Tables of docs/beyond-images.md, from the records of the experiments alone."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable
from typing import Any

from page_tables import DOCS, EXPERIMENTS, grid, main, saved_lines
from transformers_tables import WAYS

PAGE = DOCS / "beyond-images.md"
SETS = {"digits": "digits", "cifar10": "CIFAR-10"}


def accuracy() -> str:
    """The law for vision transformers: how far it is off, by task and precision, over the seeds."""
    records = [one for one in saved_lines(EXPERIMENTS / "vit.jsonl") if "law" in one]
    groups: dict[tuple[str, str, int], list[dict[str, Any]]] = {}
    for one in records:
        groups.setdefault((one["network"], one["what"], one["power"]), []).append(one)
    rows = []
    for network, name in SETS.items():
        for way, words in WAYS.items():
            for power in sorted(power for n, w, power in groups if (n, w) == (network, way)):
                found = groups[network, way, power]
                off = [100 * abs(one["law"][1] - one["accuracy"]) for one in found]
                held = sum(one["law"][0] <= one["accuracy"] <= one["law"][2] for one in found)
                mean = statistics.mean(100 * one["accuracy"] for one in found)
                seen = f"{min(one['seen'] for one in found)} … {max(one['seen'] for one in found)}"
                rows.append((f"{name}, 2^-{power}{words}", f"{mean:.1f}", f"{statistics.mean(off):.1f}", f"{max(off):.1f}",
                             f"{held} of {len(found)}", seen))  # fmt: skip
    heads = ("ViT on, precision", "measured, %", "law: mean error", "largest", "inside the bars", "images seen")
    return grid(heads, rows)


def deviation() -> str:
    """Deviations of the outputs, measured and by first order, and the one activation that does most."""
    rows = []
    for name, file in (("Fracast-0, time series", "forecast"), ("MiniLM, sentences", "minilm")):
        for one in saved_lines(EXPERIMENTS / f"{file}.jsonl"):
            law = one.get("law", one if "law at" in one else None)
            if law is not None:
                power = one.get("law at", one.get("power"))
                share = (law["of_worst"] / law["all"]) ** 2
                rows.append((name, f"2^-{power}", f"{law['all']:.2g}", f"{law['linear']:.2g}", f"{law['independent']:.2g}",
                             f"`{law['worst']}`", f"{100 * share:.0f} %"))  # fmt: skip
    return grid(("network", "precision", "measured", "by first order", "if independent", "worst alone", "its share of the square"), rows)


TABLES: dict[str, Callable[[], str]] = {"law-vit": accuracy, "law-others": deviation}

if __name__ == "__main__":
    sys.exit(main(PAGE, TABLES, sys.argv[1:]))
