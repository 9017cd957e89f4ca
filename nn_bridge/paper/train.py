# SPDX-License-Identifier: Apache-2.0
"""One run trained: a pure job that goes on from its last whole epoch, and its line in the records."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import nn

from polyapprox.circuits.search.runner import Runner

from ..conversion.evaluation import evaluate
from ..errors import DataError, TrainingError
from ..experiments.records import Records
from ..files import git_commit, machine, versions, write_atomically
from ..models.networks import find_network
from ..training.configuration import Configuration, as_mapping
from ..training.loop import Progress, fit
from .declared import Run
from .progress import Clock, words

RUNS, WEIGHTS = "runs.jsonl", "weights"
"""Under the folder of records: one line a training, and the file of its weights."""
_LARGEST = 1_000_000
_LOG = ("loss", "accuracy", "seconds", "processor_seconds")


@dataclass(frozen=True)
class Finished:
    """What a training leaves: its record, and a safetensors file."""

    record: dict[str, Any]
    weights: bytes


def train(
    run: Run, scratch: Path, data: str | Path | None = None, progress: Progress | None = None
) -> Finished:
    """Train, from the checkpoint in the scratch folder if there is one.

    Parameters
    ----------
    run : Run
    scratch : path
        Folder for checkpoints, one folder a run.
    data : path, optional
        Folder with data.
    progress : callable, optional
        See :func:`nn_bridge.training.fit`.

    Raises
    ------
    ArgumentError, DataError, TrainingError
    """
    torch.set_num_threads(1)
    trained = fit(run.configuration, Path(scratch) / run.key, data=data, progress=progress)
    weights = stored(trained.network)
    kept = find_network(run.configuration.network).build()
    kept.load_state_dict(rounded(trained.network))
    record = trained.record
    return Finished(
        {
            "key": run.key,
            "configuration": as_mapping(run.configuration),
            "weights_sha256": hashlib.sha256(weights).hexdigest(),
            "accuracy": record["accuracy"],
            **_held_out(record, kept.eval(), run.configuration, data),
            "epochs": [
                {name: _short(epoch[name]) for name in _LOG if name in epoch}
                for epoch in record["epochs"]
            ],
            "machine": machine(),
            "versions": versions(),
            "commit": git_commit(),
        },
        weights,
    )


def _held_out(
    record: dict[str, Any], kept: nn.Module, configuration: Configuration, data: str | Path | None
) -> dict[str, float]:
    """Accuracies on the images held out, of the network and as it is stored; none where none are."""
    if not configuration.validation:
        return {}
    return {
        "validation_accuracy": record["validation_accuracy"],
        "stored_validation_accuracy": judged(kept, configuration, data),
    }


def judged(network: nn.Module, configuration: Configuration, data: str | Path | None) -> float:
    """Accuracy on the images held out."""
    known = find_network(configuration.network)
    images = known.data("train", data).first(configuration.images or None)
    _, held = images.without_last(configuration.validation)
    return evaluate(network, known.batches(held)).accuracy


def rounded(network: nn.Module) -> dict[str, torch.Tensor]:
    """Its state with the weights of maps rounded to float16, all else as it is."""
    return {
        name: value.half() if value.is_floating_point() and value.dim() > 1 else value
        for name, value in network.state_dict().items()
    }


def stored(network: nn.Module) -> bytes:
    """A safetensors file of the rounded state.

    Raises
    ------
    TrainingError
        If a weight is too large for float16, or the file for the repository.
    """
    state = {name: value.contiguous().cpu() for name, value in rounded(network).items()}
    if not all(bool(value.isfinite().all()) for value in state.values()):
        raise TrainingError("a weight does not fit into float16: train with more weight decay")
    content = save(state)
    if len(content) > _LARGEST:
        raise TrainingError(
            f"the file of weights has {len(content)} bytes, more than {_LARGEST}: take a smaller "
            "network"
        )
    return content


def keep(finished: Finished, records: Records) -> None:
    """Write the weights, then the line that says that they are there."""
    path = weights_path(records.path.parent, finished.record["key"])
    write_atomically(path, lambda file: file.write_bytes(finished.weights))
    records.add(finished.record)


def weights_path(folder: Path, key: str) -> Path:
    """Where the weights of a run are."""
    return folder / WEIGHTS / f"{key}.safetensors"


def require_weights(path: Path, sha256: str) -> None:
    """Refuse stored weights that are not those that a record speaks of.

    Raises
    ------
    DataError
        If the file is another one, or missing.
    """
    if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != sha256:
        raise DataError(f"{path} is not the file that the records speak of: restore it, or give another folder")


def train_missing(
    wanted: list[Run],
    folder: Path,
    scratch: Path,
    data: str | Path | None = None,
    say: Callable[[str], None] = lambda line: None,
    runner: Runner | None = None,
) -> Records:
    """Train what has no line yet; each is on record when it ends.

    Parameters
    ----------
    wanted : list of Run
    folder : path
        Of the records.
    scratch, data : path
    say : callable
        Called with a line each epoch (each run, if a runner is given): what is done, the time left.
    runner : callable, optional
        See :func:`polyapprox.circuits.search.runner.runner_named`; by default one after the other.
        Results come back to this process, which alone writes records.
    """
    records = Records(folder / RUNS)
    missing = {run.key: run for run in wanted if records.get(run.key) is None}
    clock = Clock([run.configuration for run in missing.values()])
    if runner is None:
        results: Iterable[Finished] = _one_by_one(missing, scratch, data, clock, say)
    else:
        results = runner([(train, (run, scratch, data)) for run in missing.values()])
    for number, finished in enumerate(results, 1):
        keep(finished, records)
        run = missing[finished.record["key"]]
        left = ""
        if runner is not None:
            for epoch in range(run.configuration.optimisation.epochs):
                clock.add(run.configuration, epoch)
            left = f"; {words(clock.left())} left"
        accuracy = 100 * finished.record["accuracy"]
        say(f"{number} of {len(missing)}: {run.label}: {accuracy:.2f} % of the test images{left}")
    return records


def _one_by_one(
    missing: dict[str, Run],
    scratch: Path,
    data: str | Path | None,
    clock: Clock,
    say: Callable[[str], None],
) -> Iterator[Finished]:
    for number, run in enumerate(missing.values(), 1):
        label = f"{number} of {len(missing)}: {run.label}"
        yield train(run, scratch, data, clock.watch(run.configuration, label, say))


def _short(number: float) -> float:
    return float(f"{number:.6g}")
