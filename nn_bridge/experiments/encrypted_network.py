# SPDX-License-Identifier: Apache-2.0
"""A known network on encrypted test images, outputs beside those in the clear."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

import polyapprox
from polyapprox.published.composites import ALPHAS
from polyapprox.weighted.relu import CAP

from ..choosing.makers import published_relu
from ..choosing.weighting import weighted
from ..conversion.network import convert
from ..correction.batch_norms import correct_batch_norms
from ..encrypted.running import MARKS, Run, run
from ..errors import ArgumentError
from ..files import require_writable, write_json
from ..images.sets import Batches
from ..models.networks import find_network
from ..ranges.bounds import MARGIN
from ..ranges.calibration import measure

Progress = Callable[[str, int, int], None]
CORRECTION = 1000
"""Training images on which batch normalisation is corrected."""


@dataclass(frozen=True)
class EncryptedConfiguration:
    """What is run on ciphertexts.

    Attributes
    ----------
    network : str
        See :data:`nn_bridge.models.networks.NETWORKS`.
    multiplications : int
        Of the circuit in each ReLU.
    weighted : bool
        Each layer's own circuit, with the least error where its inputs are.
    published : int or None
        α: the published composite r_α in every ReLU, in place of circuits.
    interval : float or str
        One B for all layers, or "per-layer".
    margin : float
        Factor on measured ranges.
    constants : int or None
        Most products with constants in a circuit: fewer are faster, and less precise.
    cap : float
        Of weighted circuits: see :func:`nn_bridge.weighted`.
    calibration : int
        Training images that ranges are measured on.
    corrected : bool
        Batch normalisation is corrected for the polynomials, which costs nothing under encryption: see
        :func:`nn_bridge.correct_batch_norms`.

    Raises
    ------
    ArgumentError
        If there is no published r_α, or it is asked for together with constants of circuits.
    """

    network: str = "resnet20-cifar10"
    multiplications: int = 5
    weighted: bool = True
    published: int | None = None
    interval: float | str = "per-layer"
    margin: float = MARGIN
    constants: int | None = None
    cap: float = CAP
    calibration: int = 2000
    corrected: bool = False

    def __post_init__(self) -> None:
        if self.published is None:
            return
        if self.published not in ALPHAS:
            raise ArgumentError(f"published is {self.published}: give α from {ALPHAS[0]} to {ALPHAS[-1]}")
        if self.constants is not None:
            raise ArgumentError("constants choose among circuits: leave them out where published is given")


def converted_network(
    configuration: EncryptedConfiguration, data: str | Path | None = None
) -> nn.Module:
    """The network, converted as it is to run.

    Raises
    ------
    ArgumentError, DataError, WeightsError
    """
    known = find_network(configuration.network)
    network = known.load(data)
    training = known.data("train", data).first(configuration.calibration)
    ranges = measure(network, known.batches(training))
    common: dict[str, Any] = {"interval": configuration.interval, "margin": configuration.margin}
    approximation: Any
    if configuration.published is not None:
        approximation = published_relu(precision=2.0**-configuration.published)
    elif configuration.weighted:
        approximation = weighted(
            ranges, multiplications=configuration.multiplications, constants=configuration.constants,
            cap=configuration.cap, **common,
        )  # fmt: skip
    else:
        approximation = polyapprox.circuit(
            "relu", multiplications=configuration.multiplications, constants=configuration.constants
        )
    converted = convert(network, approximation=approximation, calibrate=ranges, **common)
    if configuration.corrected:
        correct_batch_norms(converted, known.batches(training.first(CORRECTION)))
    return converted


def encrypt_network(
    path: str | Path,
    configuration: EncryptedConfiguration,
    *,
    first: int = 0,
    images: int = 1,
    ring: int = 1 << 13,
    levels: int | None = None,
    folder: str | Path | None = None,
    data: str | Path | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Run a known network on encrypted test images and write what came of it.

    Parameters
    ----------
    path : path
        JSON to write.
    configuration : EncryptedConfiguration
    first, images : int
        Number of the first test image, and how many.
    ring, levels, folder, progress
        See :func:`nn_bridge.encrypted.run`.
    data : path, optional
        Folder with data.

    Returns
    -------
    dict
        The record that is written.

    Raises
    ------
    ArgumentError, BackendError, ConversionError, DataError, WeightsError
    """
    require_writable(Path(path))
    if folder is not None:
        require_writable(Path(folder) / MARKS)
    pixels, labels = test_images(configuration.network, first, images, data)
    converted = converted_network(configuration, data)
    found = run(converted, pixels, ring=ring, levels=levels, folder=folder, progress=progress)
    record = _record(configuration, first, labels, found)
    write_json(Path(path), record)
    return record


def test_images(
    network: str, first: int, count: int, data: str | Path | None = None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Normalised test images of a network, shape (count, …), and their labels.

    Raises
    ------
    ArgumentError
        If there are not as many.
    """
    known = find_network(network)
    test = known.data("test", data)
    if first < 0 or count < 1 or first + count > len(test):
        raise ArgumentError(
            f"image is {first} and {count} are asked for: give one or more of those from 0 to {len(test) - 1}"
        )
    batches: Batches = known.batches(test.first(first + count), first + count)
    pixels, labels = next(iter(batches))
    return pixels[first:], labels[first:]


def _record(
    configuration: EncryptedConfiguration, first: int, labels: torch.Tensor, found: Run
) -> dict[str, Any]:
    right = found.outputs.argmax(1) == labels.numpy()
    return {**asdict(configuration), "first_image": first, "correct": int(right.sum()), **found.record()}
