# SPDX-License-Identifier: Apache-2.0
"""Accuracy of a network against the precision of its activations."""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import torch

from polyapprox.approximation import Approximation
from polyapprox.weighted.relu import CAP

from ..activations.activation import Outside, read_outside
from ..activations.evaluator import Evaluator
from ..choosing.makers import APPROXIMATIONS, WEIGHTED, make, make_weighted
from ..conversion.evaluation import EvaluationResult, evaluate
from ..conversion.network import convert
from ..conversion.report import Report
from ..correction.batch_norms import correct_batch_norms
from ..correction.dead_channels import silence_dead_channels
from ..correction.means import correct_means
from ..errors import ArgumentError, DataError
from ..files import git_commit, versions
from ..images.sets import Batches, ImageSet, data_root
from ..models.networks import Network, find_network
from ..ranges.bounds import MARGIN, WORDS
from ..ranges.calibration import calibrate, measure
from ..ranges.ranges import BINS, Ranges
from .records import Records, key_of

Progress = Callable[[int, int, str], None]
CORRECTED, MEANS = "-corrected", "-means"
"""After the name of an approximation: what is corrected for it, normalisation or means."""
SILENCED = "-silenced"
"""Before either: dead channels are made constant."""
_CORRECTION_IMAGES = 2000


@dataclass(frozen=True)
class AccuracyConfiguration:
    """What to run.

    Attributes
    ----------
    network : str
        See :data:`nn_bridge.models.networks.NETWORKS`.
    first, last : int
        Precisions 2^-first … 2^-last.
    intervals : tuple of str
        "per-layer", "global", "per-channel", "per-channel-shared" (see
        :func:`nn_bridge.convert`), or one number B for all layers.
    approximations : tuple of {"ours", "zero", "with-constant", "published", "weighted"}
        See :func:`nn_bridge.choosing.makers.make`; "weighted" is at the cost of "ours", each
        activation with an approximation of its own (:mod:`nn_bridge.choosing.weighting`). With
        "-corrected" after the name, batch normalisation is corrected
        (:func:`nn_bridge.correct_batch_norms`) on up to 2,000 of the images for ranges; with
        "-means", the mean error of each channel is (:func:`nn_bridge.correct_means`). "-silenced"
        before either, or alone: dead channels are constant (:func:`nn_bridge.silence_dead_channels`).
    limit : int or None
        Test images (None: all).
    calibration : {"train", "test"}
        Images that ranges are measured on. "test" looks at the answers' images, as some of the
        literature does: for comparison only.
    calibration_images : int or None
        How many of the training images (the first ones; None: all). Of the test images all that
        are tested.
    margin : float
        Measured ranges are multiplied by it.
    cap : float
        Of "weighted" ones: see :func:`polyapprox.weighted_relu`.
    outside : {"report", "raise", "clamp"}
    seed : int
        Recorded and set; nothing here is random.
    """

    network: str = "digits"
    first: int = 6
    last: int = 13
    intervals: tuple[str, ...] = ("50", "global", "per-layer")
    approximations: tuple[str, ...] = ("ours", "published")
    limit: int | None = None
    calibration: Literal["train", "test"] = "train"
    calibration_images: int | None = 5000
    margin: float = MARGIN
    cap: float = CAP
    outside: Outside = "report"
    seed: int = 0


def read_configuration(configuration: AccuracyConfiguration) -> Network:
    """Check every argument; the network that is meant.

    Raises
    ------
    ArgumentError
    """
    network = find_network(configuration.network)
    first, last = configuration.first, configuration.last
    if not 1 <= first <= last <= 30:
        raise ArgumentError(
            f"precisions 2^-{first} to 2^-{last} make no range: give 1 <= first <= last <= 30"
        )
    for given in configuration.approximations:
        name = uncorrected(given)
        if name == "published" and not (first >= 4 and last <= 14):
            raise ArgumentError(
                f"published composites exist for 2^-4 to 2^-14, not for 2^-{first} to 2^-{last}: "
                "change the range, or choose the approximation 'ours' alone"
            )
        known = (*APPROXIMATIONS, WEIGHTED)
        if name not in known:
            raise ArgumentError(
                f"the approximation {given!r} is unknown: choose one of {', '.join(known)}, or one "
                f"of them with {SILENCED}, {CORRECTED} or {MEANS} after it"
            )
    for interval in configuration.intervals:
        read_interval(interval)
    for what, count in (
        ("limit", configuration.limit),
        ("calibration_images", configuration.calibration_images),
    ):
        if count is not None and count < 1:
            raise ArgumentError(f"{what} is {count}: give at least 1")
    if configuration.calibration not in ("train", "test"):
        raise ArgumentError(f"calibration is {configuration.calibration!r}: 'train' or 'test'")
    if not 1 <= configuration.cap < math.inf:
        raise ArgumentError(f"cap is {configuration.cap!r}: give a number from 1 on, such as {CAP}")
    if not math.isfinite(configuration.margin) or configuration.margin <= 0:
        raise ArgumentError(f"margin is {configuration.margin!r}: give a positive finite number")
    read_outside(configuration.outside)
    return network


def uncorrected(name: str) -> str:
    """The approximation alone.

    Examples
    --------
    >>> uncorrected("ours-silenced-means"), uncorrected("with-constant")
    ('ours', 'with-constant')
    """
    return name.removesuffix(CORRECTED).removesuffix(MEANS).removesuffix(SILENCED)


def read_interval(interval: str) -> str | float:
    """A word of :data:`nn_bridge.ranges.bounds.WORDS`, or a positive number.

    Examples
    --------
    >>> read_interval("50"), read_interval("global")
    (50.0, 'global')
    """
    if interval in WORDS:
        return interval
    try:
        number = float(interval)
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf:
        raise ArgumentError(
            f"interval is {interval!r}: give {', '.join(map(repr, WORDS))} or a positive number"
        )
    return number


def choose_network(root: str | Path | None = None) -> tuple[str, str]:
    """The ResNet-20 if its data are there, the digits otherwise; and the reason in words."""
    network = find_network("resnet20-cifar10")
    try:
        folder = data_root(root)
        if not network.weights_path(root).is_file():
            return "digits", f"{network.weights_path(root)} is not there"
        if not (folder / "cifar10").is_dir() and not any(folder.glob("cifar-10-*")):
            return "digits", f"CIFAR-10 is not in {folder}"
    except DataError as error:
        return "digits", str(error)
    return network.name, f"CIFAR-10 and the weights are in {folder}"


@dataclass
class _Setting:
    """What all runs share."""

    configuration: AccuracyConfiguration
    network: Network
    root: str | Path | None
    model: torch.nn.Module
    test: ImageSet
    common: dict[str, Any]
    environment: dict[str, Any]

    @property
    def batches(self) -> Batches:
        """Test images."""
        return self.network.batches(self.test)

    @cached_property
    def ranges(self) -> dict[str, float]:
        """Of layers; measured when first needed."""
        return calibrate(self.model, self._calibration)

    @cached_property
    def channel_ranges(self) -> Ranges:
        """Of channels; measured when first needed."""
        return measure(self.model, self._calibration, channels=True, bins=0)

    @cached_property
    def histograms(self) -> Ranges:
        """Of channels, with histograms; measured when first needed."""
        return measure(self.model, self._calibration, channels=True, bins=BINS)

    def ranges_for(self, interval: str | float) -> dict[str, float] | Ranges | None:
        """What an interval needs."""
        if not isinstance(interval, str):
            return None
        return self.channel_ranges if interval.startswith("per-channel") else self.ranges

    @cached_property
    def correction(self) -> Batches:
        """Images on which batch normalisation, or means, are corrected."""
        return self.network.batches(self._images.first(_CORRECTION_IMAGES))

    @property
    def _calibration(self) -> Batches:
        return self.network.batches(self._images)

    @property
    def _images(self) -> ImageSet:
        if self.configuration.calibration == "test":
            return self.test
        count = self.configuration.calibration_images
        return self.network.data("train", self.root).first(count)


def run_accuracy(
    configuration: AccuracyConfiguration,
    path: str | Path,
    root: str | Path | None = None,
    weights: str | Path | None = None,
    progress: Progress | None = None,
) -> list[dict[str, Any]]:
    """Run what is not in the file of records yet.

    Parameters
    ----------
    configuration : AccuracyConfiguration
    path : path
        JSON lines; each run appends its line when it ends.
    root : path, optional
        Folder with data; see :func:`nn_bridge.images.sets.data_root`.
    weights : path, optional
        Other weights for the network.
    progress : callable, optional
        Called with the number of finished runs, of all runs, and what comes next.

    Returns
    -------
    list of dict
        One record a run, the network itself ("backbone") first.

    Raises
    ------
    ArgumentError, DataError, WeightsError, OutOfRangeError
    """
    network = read_configuration(configuration)
    report = progress or (lambda done, total, label: None)
    records = Records(path)
    total = 1 + sum(1 for _ in _runs(configuration))
    report(0, total, "reading data")
    setting = _prepare(configuration, network, root, weights)
    report(0, total, "backbone")
    results = [_backbone(setting, records)]
    evaluators: dict[tuple[str, int], Evaluator] = {}
    for done, (name, power, interval) in enumerate(_runs(configuration), 1):
        report(done, total, f"{name}, 2^-{power}, {interval}")
        kind = uncorrected(name)
        kind = "ours" if kind == WEIGHTED else kind  # whose cost they have
        if (kind, power) not in evaluators:
            evaluators[kind, power] = Evaluator(make(kind, power))
        evaluator = evaluators[kind, power]
        results.append(_run(setting, records, evaluator, name, power, interval))
    report(total, total, "done")
    return results


def _runs(configuration: AccuracyConfiguration) -> Iterator[tuple[str, int, str]]:
    for power in range(configuration.first, configuration.last + 1):
        for name in configuration.approximations:
            for interval in configuration.intervals:
                yield name, power, interval


def _prepare(
    configuration: AccuracyConfiguration,
    network: Network,
    root: str | Path | None,
    weights: str | Path | None,
) -> _Setting:
    torch.manual_seed(configuration.seed)
    model = network.load(root, weights)
    test = network.data("test", root).first(configuration.limit)
    file = Path(weights) if weights else network.weights_path(root)
    common = {
        "experiment": "accuracy",
        "network": network.name,
        "weights_sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
        "images": len(test),
        "seed": configuration.seed,
    }
    environment = {
        "versions": versions(),
        "commit": git_commit(),
        "threads": torch.get_num_threads(),
    }
    return _Setting(configuration, network, root, model, test, common, environment)


def _backbone(setting: _Setting, records: Records) -> dict[str, Any]:
    identity = {**setting.common, "approximation": "backbone"}
    found = records.get(key_of(identity))
    if found is None:
        found = {
            "key": key_of(identity), **identity,
            **counts_of(evaluate(setting.model, setting.batches)),
            "environment": setting.environment,
        }  # fmt: skip
        records.add(found)
    return found


def _run(
    setting: _Setting, records: Records, evaluator: Evaluator, name: str, power: int, interval: str
) -> dict[str, Any]:
    configuration = setting.configuration
    width = read_interval(interval)
    weighted = uncorrected(name) == WEIGHTED
    corrected = name != uncorrected(name)
    identity = {
        **setting.common,
        "approximation": name,
        "plan": evaluator.approximation.plan.digest,
        "power": power,
        "interval": interval,
        "outside": configuration.outside,
    }
    if isinstance(width, str):
        identity |= {"margin": configuration.margin}
    if weighted or corrected or isinstance(width, str):
        identity |= {
            "calibration": configuration.calibration,
            "calibration_images": configuration.calibration_images,
        }
    if weighted:
        identity |= {"cap": configuration.cap}
    found = records.get(key_of(identity))
    if found is not None:
        return found
    start = time.perf_counter()
    approximation: Evaluator | dict[str, Approximation] = evaluator
    if weighted:
        approximation = make_weighted(
            setting.model, setting.histograms, power, width, configuration.margin, configuration.cap
        )
    made_after = time.perf_counter() - start
    converted = convert(
        setting.model,
        approximation=approximation,
        interval=width,
        calibrate=setting.ranges_for(width),
        margin=configuration.margin,
        outside=configuration.outside,
    )
    if SILENCED in name:
        silence_dead_channels(converted, setting.correction)
    if name.endswith(CORRECTED):
        correct_batch_norms(converted, setting.correction)
    elif name.endswith(MEANS):
        correct_means(converted, setting.correction)
    result = evaluate(converted, setting.batches)
    record = {
        "key": key_of(identity),
        **identity,
        **counts_of(result),
        "degrees": list(evaluator.approximation.degrees),
        "depth": evaluator.approximation.levels,
        "multiplications": evaluator.approximation.multiplications,
        "counting_rule": "published",
        **(_of_evaluator(evaluator) if approximation is evaluator else _of_sites(converted)),
        "sites": [
            {**asdict(site), "largest_ratio": _finite(site.largest_ratio)} for site in result.sites
        ],
        **_by_channel(converted),
        "wall_seconds": time.perf_counter() - start,
        **({} if approximation is evaluator else {"seconds_to_make": made_after}),
        "environment": setting.environment,
    }
    records.add(record)
    return record


def _of_evaluator(evaluator: Evaluator) -> dict[str, Any]:
    return {
        "proven_error": evaluator.error,
        "dtype": str(evaluator.dtype).removeprefix("torch."),
        "evaluation_error": evaluator.evaluation_error,
    }


def _of_sites(converted: torch.nn.Module) -> dict[str, Any]:
    """The same where each activation has its own: the largest errors, relative to B."""
    report = converted.report
    sites = report.sites if isinstance(report, Report) else ()
    return {
        "proven_error": max(site.precision for site in sites),
        "dtype": max(site.dtype for site in sites),
        "evaluation_error": max(site.evaluation_error / site.bound for site in sites),
        "proven_errors": {site.site: site.precision for site in sites},
    }


def counts_of(result: EvaluationResult) -> dict[str, Any]:
    """What a record says of an evaluation."""
    return {
        "accuracy": result.accuracy,
        "correct": result.correct,
        "seconds": result.seconds,
        "inputs_outside": result.outside,
        "inputs": sum(site.elements for site in result.sites),
        "largest_ratio": _finite(result.largest_ratio),
    }


def _by_channel(converted: torch.nn.Module) -> dict[str, Any]:
    """Activations with a bound for each channel, if there are any."""
    report = converted.report
    apart = (
        [site.site for site in report.sites if site.channels] if isinstance(report, Report) else []
    )
    return {"sites_by_channel": apart} if apart else {}


def _finite(number: float) -> float | str:
    """JSON has no infinity."""
    return number if math.isfinite(number) else repr(number)
