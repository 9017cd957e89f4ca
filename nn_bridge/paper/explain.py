# SPDX-License-Identifier: Apache-2.0
"""Is it decay, or the scale that decay leaves? The same networks with the interval scaled alike.

ReLU is positively homogeneous: a network on [−sB, sB] is the network whose inputs of ReLU are all
divided by s, on [−B, B]. So one B for all networks can be made one B for all of their scales.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ..calls.functions import Call
from ..errors import ArgumentError
from ..experiments.accuracy import AccuracyConfiguration
from ..experiments.records import Records
from ..images.sets import ImageSet
from ..models.networks import find_network
from ..propagation.passes import run as follow
from ..training.configuration import Noise
from .declared import LITTLE, Run, decayed
from .measuring import measure_cells, training_images
from .recipes import MEASURED
from .train import RUNS, weights_path

SCALES = "scales.jsonl"
"""Under the folder of records: one line a training."""
RESCALED = "rescaled"
FIXED = 50.0
_IMAGES = 1000


def scale_of(model: nn.Module, images: torch.Tensor) -> dict[str, float]:
    """Median over the layers of the gain of batch normalisation, and of ReLU's inputs.

    Returns
    -------
    dict
        "gain": median |gain|; "rms" and "largest": of the inputs of a ReLU, the median one.

    Examples
    --------
    >>> model = nn.Sequential(nn.BatchNorm1d(1), nn.ReLU()).eval()
    >>> scale_of(model, torch.tensor([[-3.0], [3.0]]))["largest"] < 3.0
    True
    """
    found: dict[str, tuple[float, float]] = {}

    def note(site: str, call: Call, x: torch.Tensor, exact: torch.Tensor) -> torch.Tensor:
        if call.name == "relu":
            found[site] = float(x.square().mean().sqrt()), float(x.abs().max())
        return exact

    with torch.no_grad():
        follow(model, images, note)
    gains = [
        float(module.weight.detach().abs().median())
        for module in model.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)
    ]  # fmt: skip
    return {
        "gain": statistics.median(gains),
        "rms": statistics.median(rms for rms, _ in found.values()),
        "largest": statistics.median(largest for _, largest in found.values()),
    }


def scales(run: Run, folder: Path, data: str | Path | None = None) -> dict[str, Any]:
    """The scale of a trained network, on record."""
    records = Records(folder / SCALES)
    record = records.get(run.key)
    if record is None:
        known = find_network(run.configuration.network)
        model = known.load(data, weights_path(folder, run.key))
        images: ImageSet = training_images(run, data).first(_IMAGES)
        inputs = torch.cat([batch for batch, _ in known.batches(images)])
        record = {"key": run.key, **scale_of(model, inputs)}
        records.add(record)
    return record


def reference(run: Run, trained: Mapping[str, Any]) -> Run:
    """The run of little decay with the same recipe and seed, on record.

    Raises
    ------
    ArgumentError
        If it is not.
    """
    configuration = run.configuration
    plain = replace(
        configuration,
        noise=Noise(),
        range=MEASURED,
        optimisation=replace(configuration.optimisation, mixup=0.0),
    )
    found = Run("decay 1e-5", decayed(plain, LITTLE, LITTLE))
    if found.key not in trained:
        raise ArgumentError(
            f"{run.label} is rescaled to the network of {found.label}, which is not trained: train "
            "that arm first"
        )
    return found


def rescale_all(
    wanted: list[Run],
    folder: Path,
    data: str | Path | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> None:
    """Measure each network on B = 50 times its scale, in units of the one of little decay."""
    trained = Records(folder / RUNS).lines
    for run in wanted:
        if run.key not in trained:
            continue
        own, other = (scales(one, folder, data)["rms"] for one in (run, reference(run, trained)))
        interval = f"{FIXED * own / other:.4g}"
        cells = [
            AccuracyConfiguration(
                first=5, last=9, intervals=(interval,), approximations=("published", "ours")
            )
        ]
        measure_cells(run, cells, folder, data, say)

