# SPDX-License-Identifier: Apache-2.0
"""Cells on record recomputed from the stored weights, a random share of them."""

from __future__ import annotations

import hashlib
import json
import random
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import DataError
from ..experiments.accuracy import AccuracyConfiguration, run_accuracy
from ..experiments.records import Records
from ..training.configuration import from_mapping
from .declared import Run
from .measuring import CELLS, TRAINED, measure_trained
from .train import RUNS, weights_path

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


def chosen(folder: Path, share: float, seed: int) -> list[tuple[str, dict[str, Any]]]:
    """A random share of all cells, at least one: the run's key and the line.

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
    count = max(1, round(share * len(cells)))
    return sorted(random.Random(seed).sample(cells, count), key=lambda one: one[0])


def verify(
    folder: Path,
    share: float = 0.1,
    seed: int = 0,
    data: str | Path | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> list[Checked]:
    """Measure cells again.

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

    Raises
    ------
    DataError
        If weights are not those that cells were measured with.
    """
    found = []
    with tempfile.TemporaryDirectory() as temporary:
        for key, cell in chosen(folder, share, seed):
            weights = weights_path(folder, key)
            if hashlib.sha256(weights.read_bytes()).hexdigest() != cell["weights_sha256"]:
                raise DataError(f"{weights} is not the file that its cells were measured with")
            path = Path(temporary) / f"{key}.jsonl"
            if cell["approximation"] == TRAINED:
                records = measure_trained(_run(folder, key), folder, data, limit=cell["images"], path=path)
            else:
                records = run_accuracy(_configuration(cell), path, data, weights)
            record = _again(records, cell)
            other = record.get("plan") != cell.get("plan")
            found.append(Checked(key, cell, record["correct"], other))
            say(str(found[-1]))
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
