"""What is on record of the paper's runs, for the pages that are made of it."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping
from typing import Any

from page_tables import ROOT, saved_lines

from nn_bridge.paper.declared import Run, runs

FOLDER = ROOT / "experiments" / "paper"
SEEDS = range(10)
KINDS = {"published": "r_α", "ours": "ours"}
"""Approximations, and what they are called on a page."""
Cells = Mapping[tuple[str, int | None, str | None], float]


def lines(name: str) -> list[dict[str, Any]]:
    """Records of a file; none if it is not there yet."""
    path = FOLDER / name
    return saved_lines(path) if path.exists() else []


def accuracies(key: str) -> Cells:
    """Accuracy in percent by approximation, precision and interval."""
    return {
        (cell["approximation"], cell.get("power"), cell.get("interval")): 100 * cell["accuracy"]
        for cell in lines(f"cells/{key}.jsonl")
    }


def trained(table: str, recipe: str) -> dict[str, dict[int, Run]]:
    """The runs on record by arm and seed; arms without any too."""
    done = {line["key"] for line in lines("runs.jsonl")}
    found: dict[str, dict[int, Run]] = {}
    for run in runs(table, seeds=SEEDS, base=recipe):
        of_arm = found.setdefault(run.arm, {})
        if run.key in done:
            of_arm[run.configuration.seed] = run
    return found


def summary(values: Iterable[float | None], digits: int = 1) -> str:
    """Mean ± standard deviation (n)."""
    known = [value for value in values if value is not None]
    if not known:
        return "–"
    mean = f"{statistics.mean(known):.{digits}f}"
    if len(known) == 1:
        return f"{mean} (n = 1)"
    return f"{mean} ± {statistics.stdev(known):.{digits}f} ({len(known)})"
