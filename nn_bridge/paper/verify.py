# SPDX-License-Identifier: Apache-2.0
"""Cells on record recomputed from the stored weights, a random share of them; what came out is on record too."""

from __future__ import annotations

import json
import random
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import DataError
from ..experiments.accuracy import AccuracyConfiguration, run_accuracy
from ..experiments.records import Records, key_of
from ..files import git_commit, machine, require_writable, versions
from ..training.configuration import from_mapping
from .declared import Run
from .measuring import CELLS, TRAINED, measure_trained
from .train import RUNS, require_weights, weights_path

VERIFIED = "verified.jsonl"
"""Under the folder of records: a line for each time that cells were measured again."""
TOLERATED = 0.0005
"""Share of the images by which another machine's rounding may differ, beside one image."""


@dataclass(frozen=True)
class Checked:
    """A cell on record and what it is now.

    Attributes
    ----------
    key : str
        Of the training.
    cell : dict
        The line on record.
    correct : int
        Images classified rightly now.
    other_plan : bool
        Whether the approximation is evaluated by another plan now than when the cell was measured.
    """

    key: str
    cell: dict[str, Any]
    correct: int
    other_plan: bool = False

    @property
    def same(self) -> bool:
        """Whether it is the same to the image."""
        return bool(self.correct == self.cell["correct"])

    @property
    def ok(self) -> bool:
        """Whether it is the same but for rounding."""
        allowed = max(1, TOLERATED * self.cell["images"])
        return bool(abs(self.correct - self.cell["correct"]) <= allowed)

    def __str__(self) -> str:
        cell = self.cell
        power = f" 2^-{cell['power']}, {cell['interval']}" if "power" in cell else ""
        verdict = "the same" if self.ok else "DIFFERS"
        verdict += ", by another plan" if self.other_plan else ""
        return (
            f"{self.key} {cell['approximation']}{power}: {cell['correct']} on record, "
            f"{self.correct} now, of {cell['images']}: {verdict}"
        )


def on_record(folder: Path) -> list[tuple[str, dict[str, Any]]]:
    """All cells: the run's key and the line.

    Raises
    ------
    DataError
        If there is none.
    """
    paths = sorted((folder / CELLS).glob("*.jsonl"))
    cells = [
        (path.stem, json.loads(line))
        for path in paths for line in path.read_text(encoding="utf-8").splitlines()
    ]  # fmt: skip
    if not cells:
        raise DataError(f"{folder} has no cells to verify: measure some, or give another folder")
    return cells


def chosen(
    cells: list[tuple[str, dict[str, Any]]], share: float, seed: int
) -> list[tuple[str, dict[str, Any]]]:
    """A random share of the cells, at least one, by the run's key.

    Examples
    --------
    >>> cells = [("a", {"power": 5}), ("b", {"power": 5}), ("a", {"power": 6})]
    >>> chosen(cells, 0.01, seed=0) == chosen(cells, 0.01, seed=0), len(chosen(cells, 0.01, seed=0))
    (True, 1)
    """
    count = max(1, round(share * len(cells)))
    return sorted(random.Random(seed).sample(cells, count), key=lambda one: one[0])


def verify(
    folder: Path,
    share: float = 0.1,
    seed: int = 0,
    data: str | Path | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> list[Checked]:
    """Measure cells again; when all are, what came out is a line of :data:`VERIFIED`.

    Parameters
    ----------
    folder : path
        Of the records.
    share : float
        Of all cells.
    seed : int
        Of the choice.
    data : path, optional
    say : callable
        Called with a line each cell.

    Returns
    -------
    list of Checked

    Raises
    ------
    DataError
        If there are no cells, or weights are not those that cells were measured with.
    ArgumentError
        If the line could not be written.
    """
    every, found = on_record(folder), []
    again, start = chosen(every, share, seed), time.process_time()
    require_writable(folder / VERIFIED)
    with tempfile.TemporaryDirectory() as temporary:
        for number, (key, cell) in enumerate(again, 1):
            weights = weights_path(folder, key)
            require_weights(weights, cell["weights_sha256"])
            path = Path(temporary) / f"{key}.jsonl"
            if cell["approximation"] == TRAINED:
                records = measure_trained(_run(folder, key), folder, data, limit=cell["images"], path=path)
            else:
                records = run_accuracy(_configuration(cell), path, data, weights)
            record = _again(records, cell)
            other = record.get("plan") != cell.get("plan")
            found.append(Checked(key, cell, record["correct"], other))
            say(f"{number} of {len(again)}: {found[-1]}")
    decided = {"share": share, "seed": seed, "cells": [cell["key"] for _, cell in again]}
    Records(folder / VERIFIED).add({
        "key": key_of(decided), "share": share, "seed": seed, "cells": len(every), "measured": len(found),
        "same": sum(one.same for one in found), "rounding": sum(one.ok and not one.same for one in found),
        "differing": sum(not one.ok for one in found), "other_plan": sum(one.other_plan for one in found),
        "processor_seconds": round(time.process_time() - start, 1),
        "commit": git_commit(), "versions": versions(), "machine": machine(),
    })  # fmt: skip
    return found


def _run(folder: Path, key: str) -> Run:
    """A training on record."""
    return Run(key, from_mapping(Records(folder / RUNS).lines[key]["configuration"]))


def _configuration(cell: dict[str, Any]) -> AccuracyConfiguration:
    common = {"network": cell["network"], "limit": cell["images"]}
    if cell["approximation"] == "backbone":  # is measured whatever else is
        return AccuracyConfiguration(**common, first=5, last=5, intervals=(), approximations=())
    given = {name: cell[name] for name in ("margin", "cap", "calibration_images") if name in cell}
    power = cell["power"]
    return AccuracyConfiguration(
        **common, first=power, last=power, intervals=(cell["interval"],),
        approximations=(cell["approximation"],), **given,
    )  # fmt: skip


def _again(records: Iterable[dict[str, Any]], cell: dict[str, Any]) -> dict[str, Any]:
    """The one of the same approximation, precision and interval."""
    names = ("approximation", "power", "interval")
    (found,) = (
        record for record in records if all(record.get(n) == cell.get(n) for n in names)
    )  # fmt: skip
    return found
