# SPDX-License-Identifier: Apache-2.0
"""Do errors at negative inputs do the harm? The same network with parts of its errors alone.

The errors of every activation are made at inputs of one sign alone, moved to other inputs of that
sign, freed of the mean of each channel, or made where the prediction leans on an input least or most.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ..choosing.makers import make
from ..conversion.network import convert
from ..conversion.report import replacement_of
from ..correction.means import channel_axes
from ..errors import ArgumentError
from ..experiments.accuracy import read_interval
from ..experiments.records import Records, key_of
from ..files import git_commit
from ..models.networks import Network, find_network
from ..propagation.law import centred
from ..propagation.passes import replaced_pass, run
from ..ranges.bounds import MARGIN
from ..ranges.calibration import calibrate
from .declared import Run
from .train import weights_path

BACKGROUND = "background.jsonl"
"""Under the folder of records: one line a network and an approximation."""
CELLS = (("published", 8, "50"), ("ours", 7, "50"), ("published", 6, "per-layer"))
"""Approximation, k of its precision 2^-k, and interval."""
IMAGES = 500
_BATCH = 250
_CALIBRATION = 5000

Change = Callable[[str, torch.Tensor, torch.Tensor], torch.Tensor]


@dataclass(frozen=True)
class Subject:
    """A network whose errors are taken apart.

    Attributes
    ----------
    name : str
        As it is printed.
    known : Network
    weights : path or None
        Others than the published ones.
    """

    name: str
    known: Network
    weights: Path | None = None


def subjects(names: Iterable[str], trained: Iterable[Run], folder: Path) -> list[Subject]:
    """Published networks by name, and runs whose weights are on record.

    Raises
    ------
    ArgumentError
        If a run was not trained, or a network is unknown.
    """
    found = [Subject(name, find_network(name)) for name in names]
    for one in trained:
        path = weights_path(folder, one.key)
        if not path.is_file():
            raise ArgumentError(f"{one.label} has no weights in {path}: train it first")
        found.append(Subject(one.label, find_network(one.configuration.network), path))
    return found


def relevance(model: nn.Module, inputs: torch.Tensor) -> dict[str, torch.Tensor]:
    """How much the largest logit leans on the value of each activation: |gradient × value|.

    Returns
    -------
    dict
        Site to a tensor of the shape of its inputs.

    Examples
    --------
    >>> model = nn.Sequential(nn.ReLU(), nn.Linear(2, 2, bias=False)).eval()
    >>> _ = model[1].weight.data.copy_(torch.tensor([[3.0, 1.0], [0.0, 0.0]]))
    >>> found, = relevance(model, torch.tensor([[1.0, 2.0]])).values()
    >>> found.tolist()
    [[3.0, 2.0]]
    """
    leaves: dict[str, torch.Tensor] = {}

    def rule(site: str, call: Any, x: torch.Tensor, exact: torch.Tensor) -> torch.Tensor:
        leaves[site] = exact.detach().requires_grad_()
        return exact + (leaves[site] - leaves[site].detach())

    with torch.enable_grad():
        largest = run(model, inputs, rule).max(dim=1).values.sum()
        gradients = torch.autograd.grad(largest, list(leaves.values()))
    return {
        site: (gradient * leaf.detach()).abs()
        for (site, leaf), gradient in zip(leaves.items(), gradients, strict=True)
    }


def changes(relevant: Mapping[str, torch.Tensor], seed: int) -> dict[str, Change]:
    """The parts of the errors that are made, by name.

    Parameters
    ----------
    relevant : mapping
        From :func:`relevance`, of the same images.
    seed : int
        Of what is moved.
    """
    generator = torch.Generator().manual_seed(seed)

    def at(
        chosen: Callable[[str, torch.Tensor], torch.Tensor],
        treat: Callable[[torch.Tensor, torch.Tensor], torch.Tensor] = lambda error, mask: error,
    ) -> Change:
        def change(site: str, x: torch.Tensor, error: torch.Tensor) -> torch.Tensor:
            mask = chosen(site, x)
            return torch.where(mask, treat(error, mask), torch.zeros_like(error))

        return change

    def relevant_half(site: str, x: torch.Tensor, more: bool) -> torch.Tensor:
        values = relevant[site]
        positive = torch.where(x > 0, values, torch.nan).flatten(1)
        middle = positive.nanmedian(dim=1).values.view(-1, *[1] * (x.ndim - 1))
        return (x > 0) & ((values > middle) == more)

    def negative(site: str, x: torch.Tensor) -> torch.Tensor:
        return x <= 0

    def positive(site: str, x: torch.Tensor) -> torch.Tensor:
        return x > 0

    def everywhere(site: str, x: torch.Tensor) -> torch.Tensor:
        return torch.ones_like(x, dtype=torch.bool)

    def moved(error: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        return _moved(error, mask, generator)

    return {
        "all": at(everywhere),
        "all, mean removed": at(everywhere, _without_mean),
        "mean alone": at(everywhere, lambda error, mask: error - _without_mean(error, mask)),
        "negative": at(negative),
        "negative, moved": at(negative, moved),
        "negative, mean removed": at(negative, _without_mean),
        "positive": at(positive),
        "positive, moved": at(positive, moved),
        "positive, mean removed": at(positive, _without_mean),
        "positive, less relevant half": at(lambda site, x: relevant_half(site, x, False)),
        "positive, more relevant half": at(lambda site, x: relevant_half(site, x, True)),
    }


def _without_mean(error: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Less the mean of each channel over the images, taken where errors are made."""
    axes = channel_axes(error)
    count = mask.sum(dim=axes, keepdim=True).clamp(min=1)
    mean = torch.where(mask, error, torch.zeros_like(error)).sum(dim=axes, keepdim=True) / count
    return error - mean


def _moved(error: torch.Tensor, mask: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """The same errors at other places of the mask, of whatever image and channel."""
    values = error[mask]
    result = error.clone()
    result[mask] = values[torch.randperm(len(values), generator=generator)]
    return result


def run_background(
    networks: Iterable[Subject],
    path: Path,
    data: str | Path | None = None,
    cells: Iterable[tuple[str, int, str]] = CELLS,
    images: int = IMAGES,
    say: Callable[[str], None] = lambda line: None,
) -> list[dict[str, Any]]:
    """Accuracy and deviation of the logits under each part of the errors, on the first test images.

    Parameters
    ----------
    networks : iterable of Subject
    path : path
        JSON lines; what is there is not run again.
    data : path, optional
    cells : iterable of (str, int, str)
    images : int
    say : callable
        Called with a line each cell.

    Returns
    -------
    list of dict
        "accuracy": share of correct predictions by part, "exact" too; "deviation": rms of the change
        of the logits without their common part.
    """
    torch.set_num_threads(1)
    records = Records(path)
    found = []
    for subject in networks:
        measured: _Measured | None = None
        for name, power, interval in cells:
            identity = {
                "experiment": "background", "subject": subject.name,
                "network": subject.known.name, "approximation": name, "power": power,
                "interval": interval, "images": images,
            }  # fmt: skip
            record = records.get(key_of(identity))
            if record is None:
                measured = measured or _Measured(subject, data, images)
                record = {"key": key_of(identity), **identity,
                          **measured.parts(name, power, interval), "commit": git_commit()}  # fmt: skip
                records.add(record)
                shown = (f"{part} {100 * x:.1f}" for part, x in record["accuracy"].items())
                say(f"{subject.name}, {name} 2^-{power}, {interval}: {', '.join(shown)}")
            found.append(record)
    return found


class _Measured:
    """A network, its ranges, and the images."""

    def __init__(self, subject: Subject, data: str | Path | None, images: int) -> None:
        known = subject.known
        self.model = known.load(data, subject.weights)
        train = known.data("train", data).first(_CALIBRATION)
        self.ranges = calibrate(self.model, known.batches(train))
        batches = list(known.batches(known.data("test", data).first(images)))
        inputs = torch.cat([x for x, _ in batches])
        self.labels = torch.cat([y for _, y in batches])
        self.parts_of_inputs = inputs.split(_BATCH)
        self.relevant = [relevance(self.model, part) for part in self.parts_of_inputs]
        with torch.no_grad():
            self.exact = torch.cat([self.model(part) for part in self.parts_of_inputs]).double()

    def parts(self, name: str, power: int, interval: str) -> dict[str, Any]:
        """Accuracy and deviation by part of the errors."""
        converted = convert(
            self.model, approximation=make(name, power), interval=read_interval(interval),
            calibrate=self.ranges, margin=MARGIN,
        )  # fmt: skip
        activations = replacement_of(converted)[1].activations
        accuracy = {"exact": self._share(self.exact)}
        deviation: dict[str, float | None] = {}
        for part in changes(self.relevant[0], 0):
            logits = []
            for seed, (inputs, relevant) in enumerate(
                zip(self.parts_of_inputs, self.relevant, strict=True)
            ):
                change = changes(relevant, seed)[part]
                with torch.no_grad():
                    value, _ = replaced_pass(self.model, inputs, activations, change=change)
                logits.append(value.double())
            changed = torch.cat(logits)
            accuracy[part] = self._share(changed)
            rms = float(centred(changed - self.exact).square().mean().sqrt())
            deviation[part] = rms if math.isfinite(rms) else None  # JSON has no infinity
        return {"accuracy": accuracy, "deviation": deviation}

    def _share(self, logits: torch.Tensor) -> float:
        right = (logits.argmax(dim=1) == self.labels) & logits.isfinite().all(dim=1)
        return float(right.double().mean())
