# SPDX-License-Identifier: Apache-2.0
"""A precision for each activation of a known network: chosen on training images, then tested."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from torch import nn

import polyapprox
from polyapprox.approximation import Approximation

from ..choosing.allocation import Allocation, Cost, allocate
from ..conversion.evaluation import evaluate
from ..conversion.network import convert
from ..errors import ArgumentError
from ..files import git_commit, versions, write_json
from ..images.sets import Batches, ImageSet
from ..models.networks import Network, find_network
from ..ranges.bounds import MARGIN
from ..ranges.calibration import calibrate
from .records import Records, key_of

Progress = Callable[[str], None]


@dataclass(frozen=True)
class AllocationConfiguration:
    """What to run.

    Attributes
    ----------
    network : str
        See :data:`nn_bridge.models.networks.NETWORKS`.
    loss : float
        Accuracy that may be lost.
    cost : {"multiplications", "depth"}
    margin : float
        Measured ranges are multiplied by it.
    calibration : int
        Ranges are measured on this many training images, the first ones.
    selection : int
        Choices are judged on this many training images, those after the first ones.
    images : int
        Responses are computed on this many of them.
    rounds : int
        See :func:`nn_bridge.allocate`.
    limit : int or None
        Test images (None: all).
    options : tuple of int
        Multiplications of the circuits to choose from.
    seed : int
    """

    network: str = "digits"
    loss: float = 0.005
    cost: Cost = "multiplications"
    margin: float = MARGIN
    calibration: int = 5000
    selection: int = 3000
    images: int = 500
    rounds: int = 2
    limit: int | None = None
    options: tuple[int, ...] = tuple(range(2, 10))
    seed: int = 0


class _Run:
    def __init__(
        self, configuration: AllocationConfiguration, path: Path, data: Path | None, show: Progress
    ) -> None:
        self.configuration, self.show = configuration, show
        self.network: Network = find_network(configuration.network)
        self.model: nn.Module = self.network.load(data)
        file = self.network.weights_path(data)
        self.identity = {
            "experiment": "allocation",
            **asdict(configuration),
            "options": list(configuration.options),
            "weights_sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
        }
        self.records = Records(path.with_suffix(".jsonl"))
        train = self.network.data("train", data)
        first, many = _parts(len(train), configuration)
        self.ranges = calibrate(self.model, self.network.batches(train.first(first)))
        self.selection = self._batches(_part(train, first, many))
        self.test = self._batches(self.network.data("test", data).first(configuration.limit))
        self.bounds = {site: configuration.margin * v for site, v in self.ranges.items()}

    def _batches(self, images: ImageSet) -> Batches:
        return self.network.batches(images)

    def accuracy(self, chosen: dict[str, Approximation] | None, images: Batches) -> float:
        """Of the network with these approximations (None: as it is); measured once."""
        plans = None if chosen is None else {s: r.plan.digest for s, r in chosen.items()}
        key = key_of({**self.identity, "plans": plans, "split": images.data.split,
                      "count": len(images.data)})  # fmt: skip
        known = self.records.get(key)
        if known is None:
            model = self.model
            if chosen is not None:
                model = convert(model, approximation=chosen, interval=self.bounds)
            found = evaluate(model, images)
            known = {"key": key, "accuracy": found.accuracy, "outside": found.outside}
            self.records.add(known)
        cost = "ReLU itself" if chosen is None else f"{_total(chosen.values(), 'multiplications')}"
        self.show(f"{images.data.split}, {cost}: {100 * known['accuracy']:.2f} %")
        return float(known["accuracy"])

    def tested(self, found: Allocation) -> dict[str, Any]:
        """Accuracies on the test images: as it is, the choice, and one circuit for all."""
        exact = self.accuracy(None, self.test)
        uniform = []
        for option in sorted({*self.configuration.options}):
            one = polyapprox.circuit("relu", multiplications=option)
            accuracy = self.accuracy(dict.fromkeys(found.approximations, one), self.test)
            uniform.append({
                "multiplications": option * len(found.approximations),
                "depth": one.levels * len(found.approximations),
                "accuracy": accuracy,
            })  # fmt: skip
            if accuracy >= exact - self.configuration.loss:
                break
        return {
            "images": len(self.test.data),
            "exact": exact,
            "allocated": self.accuracy(found.approximations, self.test),
            "uniform": uniform,
        }


def run_allocation(
    configuration: AllocationConfiguration,
    path: str | Path,
    data: Path | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Choose and test; measured accuracies are kept beside the result, and not measured again.

    Parameters
    ----------
    configuration : AllocationConfiguration
    path : path
        JSON to write; what is measured on the way goes into the same name with ``.jsonl``.
    data : path, optional
        Folder with data; see :func:`nn_bridge.images.sets.data_root`.
    progress : callable, optional
        Called with a line of text after each measurement.

    Returns
    -------
    dict
        What was written.

    Raises
    ------
    ArgumentError, DataError, WeightsError
    """
    path = Path(path)
    if path.suffix != ".json":
        raise ArgumentError(f"out is {path}: give a file that ends with .json")
    if not configuration.options or min(configuration.options) < 1:
        raise ArgumentError(f"options is {configuration.options!r}: give numbers from 1 on")
    run = _Run(configuration, path, data, progress or (lambda line: None))
    found = allocate(
        run.model,
        run.selection,
        loss=configuration.loss,
        options=[polyapprox.circuit("relu", multiplications=m) for m in configuration.options],
        cost=configuration.cost,
        calibrate=run.ranges,
        margin=configuration.margin,
        images=configuration.images,
        rounds=configuration.rounds,
        seed=configuration.seed,
        judge=lambda chosen: run.accuracy(chosen, run.selection),
    )
    record = {
        **run.identity,
        "counting_rule": "published",
        "sites": [
            {"site": site, "bound": found.bounds[site], "multiplications": r.multiplications,
             "depth": r.levels, "proven_error": r.error_bound}
            for site, r in found.approximations.items()
        ],
        "multiplications": _total(found.approximations.values(), "multiplications"),
        "depth": _total(found.approximations.values(), "depth"),
        "uniform": {"cost": found.uniform, "multiplications_each": found.one.multiplications},
        "saving": found.saving,
        "deviation_predicted": found.deviation,
        "training_images": {"exact": found.exact, "allocated": found.accuracy},
        "test_images": run.tested(found),
        "environment": {"versions": versions(), "commit": git_commit()},
    }  # fmt: skip
    write_json(path, record)
    return record


def _total(chosen: Any, cost: str) -> int:
    return sum(getattr(r, cost) for r in chosen)


def _part(images: ImageSet, start: int, many: int) -> ImageSet:
    stop = start + many
    return replace(images, images=images.images[start:stop], labels=images.labels[start:stop])


def _parts(total: int, configuration: AllocationConfiguration) -> tuple[int, int]:
    """Images for ranges and for the choice; halves, where there are not enough."""
    first, many = configuration.calibration, configuration.selection
    if first < 1 or many < 1:
        raise ArgumentError(f"calibration is {first}, selection {many}: give at least 1 of each")
    if first + many > total:
        first = min(first, total // 2)
        many = min(many, total - first)
    return first, many
