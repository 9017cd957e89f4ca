"""Makes the tables of the page on weighted approximations: ``python docs/made/weighted_tables.py``."""

from __future__ import annotations

import math
import sys
from typing import Any

import numpy as np
from page_tables import DOCS, EXPERIMENTS, grid, main, saved_lines

import polyapprox
from polyapprox.outward import lower_places
from polyapprox.weighted import weighted_error

PAGE = DOCS / "weighted.md"
RESULTS = EXPERIMENTS / "resnet20-cifar10.jsonl"
CAPS = (1.5, 2.0, 4.0, 8.0, 16.0)
SETTINGS = (("per-layer", 1.25, 8.0), ("per-channel", 1.25, 8.0), ("global", 1.1, 32.0))
DEVIATION = 0.08
Key = tuple[str, int, str, float | None, float | None]


def bell() -> tuple[np.ndarray, np.ndarray]:
    """A normal distribution of standard deviation 0.08 as a histogram on [−1, 1]."""
    edges = np.linspace(-1, 1, 2001)
    below = np.array([math.erf(x / (DEVIATION * math.sqrt(2))) for x in edges])
    return edges, np.diff(below)


def caps() -> str:
    """What the cap gives and takes."""
    rows = []
    for m in (2, 3, 4, 5):
        plain = polyapprox.circuit("relu", multiplications=m)
        before = weighted_error(plain, histogram=bell()).rms
        cells = [str(m), f"{-math.log2(before):.1f}, {lower_places(plain.bits, 1)}"]
        for cap in CAPS:
            r = polyapprox.weighted_relu(multiplications=m, histogram=bell(), cap=cap)
            rms = weighted_error(r, histogram=bell()).rms
            cells.append(f"{-math.log2(rms):.1f}, {lower_places(r.bits, 1)}")
        rows.append(cells)
    return grid(["mult.", "minimax circuit", *(f"cap {cap:g}" for cap in CAPS)], rows)


def gains() -> str:
    """How many times as large the error of the minimax circuit is."""
    rows = []
    for m in (6, 8, 10, 12):
        plain, ours = polyapprox.circuit("relu", multiplications=m), polyapprox.weighted_relu(multiplications=m, histogram=bell())
        before, after = (weighted_error(one, histogram=bell()).rms for one in (plain, ours))
        rows.append((m, f"{before / after:.1f}"))
    return grid(("mult.", "times (estimate)"), rows)


def results() -> dict[Key, dict[str, Any]]:
    """Saved runs: approximation, power, interval, margin, cap."""
    return {
        (run["approximation"], run["power"], run["interval"], run.get("margin"), run.get("cap")): run
        for run in saved_lines(RESULTS)
        if run["approximation"] in ("ours", "weighted")
    }


def wide() -> str:
    """What the cap does, by interval, at a margin of 1.25."""
    runs = {key: run for key, run in results().items() if key[0] == "weighted" and key[3] == 1.25}
    known = sorted({cap for *_, cap in runs if cap is not None})
    rows = []
    for interval in ("per-layer", "global"):
        for power in (4, 5, 6):
            found = [runs.get(("weighted", power, interval, 1.25, cap)) for cap in known]
            cells = ("" if run is None else f"{100 * run['accuracy']:.2f}" for run in found)
            rows.append((interval, f"2^-{power}", *cells))
    return grid(["interval", "precision", *(f"cap {cap:g}" for cap in known)], rows)


def accuracy() -> str:
    """ResNet-20: the minimax circuit and weighted approximations of the same cost."""
    runs = results()
    rows = []
    for power in sorted({key[1] for key in runs if key[0] == "weighted"}):
        cells, cost = [], ""
        for interval, margin, cap in SETTINGS:
            ours = runs.get(("ours", power, interval, margin, None))
            other = runs.get(("weighted", power, interval, margin, cap))
            if ours is None or other is None:
                cells.append("")
                continue
            cost = f"{other['depth']}, {other['multiplications']}"
            cells.append(f"{100 * ours['accuracy']:.2f} → {100 * other['accuracy']:.2f}")
        rows.append([f"2^-{power}", cost, *cells])
    return grid(
        ["precision", "levels, mult.", *(f"{i}, cap {cap:g}" for i, _, cap in SETTINGS)], rows
    )


TABLES = {"caps": caps, "gains": gains, "accuracy": accuracy, "wide": wide}


if __name__ == "__main__":
    sys.exit(main(PAGE, TABLES, sys.argv[1:]))
