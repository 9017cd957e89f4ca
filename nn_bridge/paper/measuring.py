# SPDX-License-Identifier: Apache-2.0
"""The cells of a trained network: accuracy with polynomials in ReLU's place, and the controls."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from ..choosing.makers import WEIGHTED
from ..conversion.evaluation import evaluate
from ..conversion.network import convert
from ..experiments.accuracy import (
    CORRECTED,
    MEANS,
    SILENCED,
    AccuracyConfiguration,
    counts_of,
    run_accuracy,
)
from ..experiments.records import Records, key_of
from ..files import git_commit, write_atomically
from ..images.sets import ImageSet
from ..models.networks import find_network
from ..training.activations import fitted
from ..training.loop import start_network
from .declared import Run
from .train import RUNS, weights_path

CELLS = "cells"
"""Under the folder of records: a file of JSON lines for each training."""
TRAINED = "trained"
"""The approximations and intervals that a network was trained with."""
_LEFT_OUT = ("sites", "environment", "proven_errors")  # of the lines that accuracy runs write


def _cells(
    approximations: tuple[str, ...], intervals: tuple[str, ...], first: int, last: int
) -> AccuracyConfiguration:
    return AccuracyConfiguration(
        first=first, last=last, intervals=intervals, approximations=approximations
    )


def _with(correction: str) -> tuple[str, ...]:
    return tuple(name + correction for name in ("published", "ours"))


_BOTH = ("50", "per-layer")
STAGES: dict[str, tuple[AccuracyConfiguration, ...]] = {
    "branches": (_cells(("published", "published" + MEANS), _BOTH, 6, 9),),
    "first": tuple(_cells(_with(done), _BOTH, 5, 9) for done in ("", MEANS)),
    "normalised": (_cells(_with(CORRECTED), _BOTH, 5, 9),),
    "weighted": (_cells(("weighted",), _BOTH, 5, 9),),
    "global": tuple(_cells(_with(done), ("global",), 5, 9) for done in ("", MEANS, CORRECTED)),
    "precise": (_cells(_with(""), (*_BOTH, "global"), 10, 12),),
    "others": (
        _cells(("published", "published" + MEANS, "published" + CORRECTED), ("50",), 8, 9),
        _cells(("ours", "ours" + CORRECTED), _BOTH, 8, 8),
    ),
    "few": (_cells(("ours", "weighted", "weighted" + CORRECTED), ("per-layer",), 4, 6),),
    "silenced": (
        _cells(tuple("published" + SILENCED + done for done in ("", MEANS, CORRECTED)), ("50",), 8, 9),
        _cells(("ours" + SILENCED, "ours" + SILENCED + CORRECTED), _BOTH, 8, 8),
    ),
}
"""What is measured, the most telling cells first."""


def measure(
    run: Run,
    folder: Path,
    data: str | Path | None = None,
    stages: tuple[str, ...] = tuple(STAGES),
    say: Callable[[str], None] = lambda line: None,
    limit: int | None = None,
) -> list[dict[str, Any]]:
    """Measure the cells that are not on record, from the stored weights.

    Parameters
    ----------
    run : Run
        Trained, and on record.
    folder : path
        Of the records.
    data : path, optional
    stages : tuple of str
        Of :data:`STAGES`.
    say : callable
        Called with a line each cell.
    limit : int, optional
        First test images only.

    Returns
    -------
    list of dict
        One record a cell, the network with ReLU itself first.
    """
    wanted = [configuration for stage in stages for configuration in STAGES[stage]]
    return measure_cells(run, [replace(one, limit=limit) for one in wanted], folder, data, say)


def measure_cells(
    run: Run,
    wanted: list[AccuracyConfiguration],
    folder: Path,
    data: str | Path | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> list[dict[str, Any]]:
    """Measure cells of a run's network that are not on record; ranges are those of its training."""
    torch.set_num_threads(1)
    path, weights = cells_path(folder, run.key), weights_path(folder, run.key)
    trained_on = len(training_images(run, data))
    found: dict[str, dict[str, Any]] = {}

    def show(done: int, total: int, label: str) -> None:
        say(f"{run.label}: {label} ({done} of {total})")

    for one in wanted:
        images = min(one.calibration_images or trained_on, trained_on)
        chosen = replace(one, network=run.configuration.network, calibration_images=images)
        records = run_accuracy(chosen, path, data, weights, show)
        found |= {record["key"]: record for record in records}
        shorten(path)
    return list(found.values())


def measure_trained(
    run: Run,
    folder: Path,
    data: str | Path | None = None,
    say: Callable[[str], None] = lambda line: None,
    limit: int | None = None,
    path: Path | None = None,
) -> list[dict[str, Any]]:
    """Measure a network with the very circuits and intervals that it was trained with, if not on record.

    Parameters
    ----------
    run : Run
        Trained, and on record.
    folder : path
        Of the records.
    data : path, optional
    say : callable
    limit : int, optional
        First test images only.
    path : path, optional
        Of another file of cells.

    Returns
    -------
    list of dict
        One record for each k; none if the training had no circuits for each layer.
    """
    torch.set_num_threads(1)
    configuration = run.configuration
    if configuration.forward.approximation != WEIGHTED:
        return []
    known, weights = find_network(configuration.network), weights_path(folder, run.key)
    records, test = Records(path or cells_path(folder, run.key)), known.data("test", data).first(limit)
    common = {
        "experiment": "trained", "network": known.name, "images": len(test), "approximation": TRAINED,
        "weights_sha256": hashlib.sha256(weights.read_bytes()).hexdigest(), "interval": TRAINED,
    }  # fmt: skip
    keys = {k: key_of({**common, "power": k}) for k in configuration.forward.polynomial}
    if any(records.get(key) is None for key in keys.values()):
        start = start_network(known, configuration, data)
        images = training_images(run, data).first(configuration.range.calibration)
        bounds, circuits = fitted(start.eval(), known.batches(images), configuration)
    for k, key in keys.items():
        if records.get(key) is None:
            say(f"{run.label}: {TRAINED}, 2^-{k}")
            network = known.load(data, weights)
            converted = convert(network, approximation=circuits[k], interval=bounds)
            result = evaluate(converted, known.batches(test))
            records.add({
                "key": key, **common, "power": k, **counts_of(result),
                "multiplications": max(one.multiplications for one in circuits[k].values()),
                "commit": git_commit(),
            })  # fmt: skip
    return [record for key in keys.values() if (record := records.get(key)) is not None]


def training_images(run: Run, data: str | Path | None) -> ImageSet:
    """What a run was trained on: without those held out."""
    configuration = run.configuration
    images = find_network(configuration.network).data("train", data)
    kept, _ = images.first(configuration.images or None).without_last(configuration.validation)
    return kept


def measure_all(
    wanted: list[Run],
    folder: Path,
    data: str | Path | None = None,
    stages: tuple[str, ...] = tuple(STAGES),
    say: Callable[[str], None] = lambda line: None,
) -> None:
    """Measure what is trained: with its own circuits where it has some, else a stage of all networks before the next."""
    records = Records(folder / RUNS)
    trained = [run for run in wanted if stages and records.get(run.key) is not None]
    others = [run for run in trained if not measure_trained(run, folder, data, say)]
    for stage in stages:
        for run in others:
            measure(run, folder, data, (stage,), say)


def cells_path(folder: Path, key: str) -> Path:
    """Where the cells of a run are."""
    return folder / CELLS / f"{key}.jsonl"


def shorten(path: Path) -> None:
    """Leave out of a file of cells what is long and can be measured again."""
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    for line in lines:
        environment = line.get("environment")
        if environment:
            line["commit"] = environment["commit"]
    kept = [{k: v for k, v in line.items() if k not in _LEFT_OUT} for line in lines]
    if kept != lines:
        text = "".join(json.dumps(line) + "\n" for line in kept)
        write_atomically(path, lambda fresh: fresh.write_text(text, encoding="utf-8"))
