# SPDX-License-Identifier: Apache-2.0
"""Training of the network of digits whose weights are in this package."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as functional
from safetensors.torch import save_file

from ..conversion.evaluation import evaluate
from ..files import git_commit, versions, write_atomically, write_json
from ..models import DigitsNet
from ..models.networks import DIGITS_WEIGHTS, find_network


@dataclass(frozen=True)
class TrainingConfiguration:
    """What the training depends on."""

    seed: int = 20210
    epochs: int = 40
    batch: int = 64
    learning_rate: float = 0.01
    weight_decay: float = 1e-3
    width: int = 16


def train_digits(
    configuration: TrainingConfiguration | None = None,
    path: str | Path = DIGITS_WEIGHTS,
    progress: Callable[[int, float], None] | None = None,
) -> dict[str, Any]:
    """Train on the 1,437 training digits; write weights and, beside them, a JSON record.

    Adam with a one-cycle learning rate, on one thread, so that the seed decides everything.

    Parameters
    ----------
    configuration : TrainingConfiguration, optional
    path : path
        Of the weights, ``.safetensors``.
    progress : callable, optional
        Called with the number of finished epochs and the loss.

    Returns
    -------
    dict
        The record: configuration, accuracy on both parts, versions.
    """
    configuration = configuration or TrainingConfiguration()
    network = find_network("digits")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.random.fork_rng(devices=[]):
            model = _train(configuration, progress)
    finally:
        torch.set_num_threads(threads)
    accuracy = {
        split: evaluate(model, network.batches(network.data(split)))
        for split in ("train", "test")
    }
    record = {
        "network": "digits",
        "configuration": asdict(configuration),
        "parameters": sum(p.numel() for p in model.parameters()),
        "accuracy": {split: result.accuracy for split, result in accuracy.items()},
        "images": {split: result.images for split, result in accuracy.items()},
        "versions": versions(),
        "commit": git_commit(),
    }
    path = Path(path)
    tensors = {name: value.contiguous() for name, value in model.state_dict().items()}
    write_atomically(path, lambda temporary: save_file(tensors, temporary))
    write_json(path.with_suffix(".json"), record)
    return record


def _train(
    configuration: TrainingConfiguration, progress: Callable[[int, float], None] | None
) -> DigitsNet:
    network = find_network("digits")
    data = network.data("train")
    (batch,) = network.batches(data, len(data))
    images, labels = batch
    torch.manual_seed(configuration.seed)
    model = DigitsNet(configuration.width)
    optimizer = torch.optim.AdamW(
        model.parameters(), configuration.learning_rate, weight_decay=configuration.weight_decay
    )
    steps = -(-len(labels) // configuration.batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, configuration.learning_rate, total_steps=steps * configuration.epochs
    )
    model.train()
    for epoch in range(configuration.epochs):
        total = 0.0
        for chosen in torch.randperm(len(labels)).split(configuration.batch):
            loss = functional.cross_entropy(model(images[chosen]), labels[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += float(loss.detach()) * len(chosen)
        if progress:
            progress(epoch + 1, total / len(labels))
    return model.eval()
