"""Makes the tables of the page on weighted approximations: ``python docs/weighted_tables.py``."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
from page_tables import grid, main

import polyapprox
from polyapprox.weighted import weighted_error

DOCS = Path(__file__).parent
PAGE = DOCS / "weighted.md"
RESULTS = DOCS.parent / "experiments" / "resnet20-cifar10.jsonl"
CAPS = (1.5, 2.0, 4.0, 8.0, 16.0)
INTERVALS = ("per-layer", "global", "per-channel")
CAP, MARGIN = 8.0, 1.25
DEVIATION = 0.08


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
        cells = [str(m), f"{-math.log2(before):.1f}, {plain.bits:.1f}"]
        for cap in CAPS:
            r = polyapprox.weighted_relu(multiplications=m, histogram=bell(), cap=cap)
            rms = weighted_error(r, histogram=bell()).rms
            cells.append(f"{-math.log2(rms):.1f}, {r.bits:.1f}")
        rows.append(cells)
    return grid(["mult.", "minimax circuit", *(f"cap {cap:g}" for cap in CAPS)], rows)


def records() -> list[dict[str, Any]]:
    """Saved runs with the usual margin (fixed intervals have none)."""
    lines = RESULTS.read_text(encoding="utf-8").splitlines()
    found = [json.loads(line) for line in lines]
    return [run for run in found if run.get("margin", MARGIN) == MARGIN]


def accuracy() -> str:
    """ResNet-20: the minimax circuit and weighted approximations of the same cost."""
    runs = {
        (run["approximation"], run["power"], run["interval"]): run
        for run in records()
        if run["approximation"] == "ours" or run.get("cap") == CAP
    }
    powers = sorted({power for name, power, _ in runs if name == "weighted"})
    shown = [i for i in INTERVALS if any(("weighted", p, i) in runs for p in powers)]
    rows = []
    for power in powers:
        one = next(run for key, run in runs.items() if key[:2] == ("weighted", power))
        cells = [f"2^-{power}", f"{one['depth']}, {one['multiplications']}"]
        for interval in shown:
            both = [runs.get((name, power, interval)) for name in ("ours", "weighted")]
            cells.append(
                " → ".join("" if run is None else f"{100 * run['accuracy']:.2f}" for run in both)
                if both[1] is not None
                else ""
            )
        rows.append(cells)
    return grid(["precision", "depth, mult.", *(f"{i}: ours → weighted" for i in shown)], rows)


def main_of(arguments: list[str]) -> int:
    """Renew or check the page."""
    return main(PAGE, {"caps": caps, "accuracy": accuracy}, arguments)


if __name__ == "__main__":
    sys.exit(main_of(sys.argv[1:]))
