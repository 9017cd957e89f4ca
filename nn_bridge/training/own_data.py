# SPDX-License-Identifier: Apache-2.0
"""What `fit` is given beside the configuration: a model, data, loss, optimiser, schedule, callbacks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset, Subset, default_collate

from ..calls.inputs import Batch
from ..calls.running import batches as tensor_batches
from ..errors import ArgumentError
from .batches import Mixed, seed_of
from .configuration import Augmentation, Configuration

Loss = Callable[[Any, torch.Tensor], torch.Tensor]
Callback = Callable[[dict[str, Any], nn.Module], object]
_ORDER, _NUMBERS = 4, 5  # purposes of seeds


@dataclass(frozen=True)
class Own:
    """Parts of a training that the configuration does not name.

    Attributes
    ----------
    model : nn.Module
        Trained in place.
    train : Dataset or iterable of (inputs, labels)
    test : Dataset or iterable of (inputs, labels), optional
        Judges each epoch, where outputs are scores of classes.
    loss : callable, optional
        (output of the network, labels) → a number; cross entropy of the scores by default.
    optimiser : callable, optional
        Parameters → torch.optim.Optimizer; the configuration's SGD by default.
    scheduler : callable, optional
        Optimiser → scheduler, which steps after each step of the optimiser; by default the schedule of the
        configuration, or the constant rate of an `optimiser`.
    callbacks : list of callable
        Called after each epoch with its entry of the record and the network.
    """

    model: nn.Module
    train: Any
    test: Any = None
    loss: Loss | None = None
    optimiser: Callable[[Any], torch.optim.Optimizer] | None = None
    scheduler: Callable[[torch.optim.Optimizer], Any] | None = None
    callbacks: Sequence[Callback] = field(default=())

    def resumable(self) -> dict[str, list[str]]:
        """What a resumed training repeats exactly, and what nobody can promise."""
        exact = ["weights", "optimiser", "activations"]
        open_: list[str] = []
        if self.scheduler is not None:
            exact.append("scheduler")
        known = isinstance(self.train, (Dataset, DataLoader))
        (exact if known else open_).append("order of the data")
        for callback in self.callbacks:
            (exact if hasattr(callback, "load_state_dict") else open_).append(f"callback {_name(callback)}")
        return {"exact": exact, "not": open_}

    def states(self) -> list[Any]:
        """Of the callbacks that have one, None for the others."""
        return [c.state_dict() if hasattr(c, "state_dict") else None for c in self.callbacks]

    def load_states(self, states: Sequence[Any]) -> None:
        """The inverse of :meth:`states`."""
        for callback, state in zip(self.callbacks, states, strict=True):
            if hasattr(callback, "load_state_dict"):
                callback.load_state_dict(state)


def _name(callback: Any) -> str:
    return getattr(callback, "__name__", type(callback).__name__)


def check_own(configuration: Configuration, own: Own) -> None:
    """Refuse parts that do not fit, and keys of the configuration that own data cannot follow.

    Raises
    ------
    ArgumentError
    """
    if not isinstance(own.model, nn.Module):
        raise ArgumentError(f"model is a {type(own.model).__name__}: give a torch.nn.Module")
    if own.train is None:
        raise ArgumentError("train is missing: give a dataset, or a loader of (inputs, labels)")
    for name in ("optimiser", "scheduler", "loss"):
        value = getattr(own, name)
        if value is not None and not callable(value):
            raise ArgumentError(
                f"{name} is a {type(value).__name__}: give what makes it, such as "
                "lambda parameters: torch.optim.Adam(parameters)"
            )
    silent = {
        "images": configuration.images, "validation": configuration.validation,
        "augmentation": configuration.augmentation != Augmentation(),
    }  # fmt: skip
    wrong = next((name for name, value in silent.items() if value), None)
    if wrong:
        raise ArgumentError(f"{wrong} is of image sets by name: do that in the dataset that you give")


class OwnBatches:
    """Batches of a dataset or loader, epoch by epoch, drawn from the seed.

    Parameters
    ----------
    data : Dataset or iterable of (inputs, labels)
        The elements of a dataset are drawn without replacement, in batches of the configuration's size; a
        loader has its own.
    model : nn.Module
        Whose device the batches go to.
    configuration : Configuration
    """

    def __init__(self, data: Any, model: nn.Module, configuration: Configuration) -> None:
        self.data, self.model, self.seed = data, model, configuration.seed
        sgd = configuration.optimisation
        self.mixup, self.whole = sgd.mixup, isinstance(data, Dataset)
        if not hasattr(data, "__len__") or not len(data):
            raise ArgumentError(
                f"train is a {type(data).__name__} without a length: give a dataset or a loader that has one"
            )
        self.size = min(sgd.batch, len(data)) if self.whole else int(getattr(data, "batch_size", None) or 1)

    def __len__(self) -> int:
        return len(self.data) // self.size if self.whole else len(self.data)

    def first(self, count: int) -> list[Any]:
        """Batches of the first inputs, to measure ranges on; the state of random numbers stays."""
        with torch.random.fork_rng(devices=[]):
            if self.whole:
                few = Subset(self.data, range(min(count, len(self.data))))
                return list(DataLoader(few, batch_size=self.size))
            found: list[Any] = []
            for batch in self.data:
                found.append(batch)
                count -= self.size
                if count <= 0:
                    break
            return found

    def epoch(self, number: int) -> Iterator[Mixed]:
        """The batches of an epoch: the same whenever it is asked for, if the data are."""
        shares = np.random.default_rng([self.seed, number])
        drawn = torch.Generator().manual_seed(seed_of(self.seed, number, _NUMBERS))
        for inputs, labels in tensor_batches(self.model, self._batches(number)):
            if labels is None:
                raise ArgumentError("a batch has no labels: give pairs (inputs, labels)")
            others, share = labels, 1.0
            if self.mixup:
                share = float(shares.beta(self.mixup, self.mixup))
                partner = torch.randperm(len(labels), generator=drawn).to(labels.device)
                inputs, others = inputs.mul(share).add(inputs[partner], alpha=1 - share), labels[partner]
            yield Mixed(inputs, labels, others, share)

    def _batches(self, number: int) -> Iterable[Batch]:
        seed = seed_of(self.seed, number, _ORDER)
        if not self.whole:
            generator = getattr(self.data, "generator", None)
            if isinstance(generator, torch.Generator):
                generator.manual_seed(seed)
            return self.data  # type: ignore[no-any-return]
        order = torch.randperm(len(self.data), generator=torch.Generator().manual_seed(seed)).tolist()
        steps = range(0, len(self) * self.size, self.size)
        return (default_collate([self.data[i] for i in order[s : s + self.size]]) for s in steps)


def judged_by(test: Any, size: int) -> Any:
    """Batches that judge an epoch; None without."""
    return DataLoader(test, batch_size=size) if isinstance(test, Dataset) else test
