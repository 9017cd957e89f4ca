"""`fit`: the training loop."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as functional
from safetensors.torch import save_file
from torch import nn

from ..activations.evaluator import Evaluator
from ..calls.functions import module_function
from ..calls.intercept import intercepted
from ..calls.running import evaluation_mode
from ..choosing.makers import make
from ..conversion.evaluation import evaluate
from ..errors import ArgumentError, TrainingError
from ..files import git_commit, versions, write_atomically, write_json
from ..images.sets import ImageSet
from ..models.networks import Network, find_network
from ..models.weights import load_weights
from ..ranges.bounds import bounds_of
from ..ranges.calibration import calibrate
from .activations import TrainingActivations
from .batches import Mixed, TrainingBatches, seed_of
from .checkpoint import load_checkpoint, save_checkpoint
from .configuration import Configuration, as_mapping
from .events import Events
from .optimisation import Average, optimiser_of, rate_at
from .processes import Processes, processes, share_batch_norms

Progress = Callable[[str, int, int, float], None]
"""Called with what is done, how much of how much, and the loss."""
_LAYERS, _STEP = 1, 2  # purposes of seeds


@dataclass(frozen=True)
class Trained:
    """What a training gave.

    Attributes
    ----------
    network : nn.Module
        In evaluation mode, with the averaged weights if the configuration averages.
    record : dict
        Configuration, an entry an epoch (loss, accuracy, seconds), versions, commit.
    """

    network: nn.Module
    record: dict[str, Any]


def fit(
    configuration: Configuration,
    folder: str | Path | None = None,
    *,
    data: str | Path | None = None,
    progress: Progress | None = None,
    device: str | torch.device = "cpu",
) -> Trained:
    """Train a network as a configuration says.

    Parameters
    ----------
    configuration : Configuration
    folder : path, optional
        For ``checkpoint.pt`` (each epoch; a training that finds it goes on from it, and ends with
        the same weights as one without a break), ``log.jsonl``, ``weights.safetensors`` and
        ``record.json``. Nothing is written without it.
    data : path, optional
        Folder with data; by default the one named by NN_BRIDGE_DATA.
    progress : callable, optional
    device : str or torch.device

    Returns
    -------
    Trained

    Raises
    ------
    ArgumentError, DataError, WeightsError, TrainingError

    Notes
    -----
    Under ``torchrun`` each process takes its share of every batch; batch normalisation and
    gradients are those of the whole batch.

    Examples
    --------
    >>> from nn_bridge.training import Configuration, Optimisation
    >>> short = Optimisation(epochs=1, batch=64, learning_rate=0.01)
    >>> trained = fit(Configuration("digits", images=256, optimisation=short))
    >>> len(trained.record["epochs"])
    1
    """
    with processes() as group, torch.random.fork_rng(devices=[]):
        torch.manual_seed(configuration.seed)
        return Training(configuration, folder, data, progress, device, group).run()


def read_device(device: str | torch.device) -> torch.device:
    """A device that is there, or a sentence."""
    try:
        found = torch.device(device)
        torch.empty(1, device=found)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).splitlines()[0]
        raise ArgumentError(
            f"device is {str(device)!r}, which cannot be used here ({reason}): choose another, such as 'cpu'"
        ) from error
    return found


def check_activations(network: nn.Module, configuration: Configuration) -> None:
    """Refuse noise or a polynomial for a network with activations at which they would not stand."""
    noise, forward = configuration.noise.kind != "none", configuration.forward.polynomial
    if not (noise or forward or configuration.range.penalty):
        return
    for path, module in network.named_modules():
        name = module_function(module)
        if name not in (None, "relu") and "max_pool" not in str(name):
            raise ArgumentError(
                f"{path!r} of {configuration.network} is {type(module).__name__}: noise, polynomial and "
                "penalty of fit stand at ReLU alone; train it by nn_bridge.sturdy in a loop of one's own"
            )


class Training:
    """A training that goes step by step; :func:`fit` runs it to its end."""

    def __init__(
        self,
        configuration: Configuration,
        folder: str | Path | None,
        data: str | Path | None,
        progress: Progress | None,
        device: str | torch.device,
        group: Processes,
    ) -> None:
        self.configuration, self.group, self.progress = configuration, group, progress
        self.folder = Path(folder) if folder is not None else None
        self.device = read_device(device)
        if data is not None and not isinstance(data, (str, Path)):
            raise ArgumentError(
                f"data is a {type(data).__name__}: give the folder of the data; a training on a loader "
                "of one's own is nn_bridge.sturdy in one's own loop"
            )
        known = find_network(configuration.network)
        images = known.data("train", data).first(configuration.images or None)
        images, held = held_out(images, configuration.validation)
        self.test = known.batches(known.data("test", data))
        self.judge = known.batches(held) if configuration.validation else self.test
        sgd = configuration.optimisation
        if sgd.batch % (group.count * sgd.accumulate):
            raise ArgumentError(
                f"optimisation.batch is {sgd.batch}: {group.count} processes and "
                f"{sgd.accumulate} parts do not divide it"
            )
        self.batches = TrainingBatches(
            images, self.test, sgd.batch, sgd.mixup, configuration.augment, configuration.seed,
            self.device, configuration.augmentation,
        )  # fmt: skip
        self.network = start_network(known, configuration, data).to(self.device)
        if configuration.channels_last:
            self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        check_activations(self.network, configuration)
        check_sides(self.network, configuration, self.batches)
        self.calibration = known.batches(images.first(configuration.range.calibration))
        self.activations = TrainingActivations(
            configuration, self.ranges(), evaluators_of(configuration), group.rank, group.count,
            self.device,
        )  # fmt: skip
        if group.count > 1:
            share_batch_norms(self.network)
        self.optimiser = optimiser_of(self.network, sgd)
        self.average = Average(self.network, sgd.average) if sgd.average else None
        self.epochs: list[dict[str, Any]] = []

    @property
    def checkpoint(self) -> Path | None:
        """The file of the checkpoint."""
        return self.folder / "checkpoint.pt" if self.folder else None

    def run(self) -> Trained:
        """All epochs that are not done yet."""
        self.resume()
        logs = Events(None if self.group.rank else self.folder, len(self.epochs))
        with logs:
            for epoch in range(len(self.epochs), self.configuration.optimisation.epochs):
                if epoch and self.configuration.range.renew:
                    self.activations.bounds = self.ranges()
                with intercepted(self.network, self.activations, evaluate=False):
                    self.epochs.append(self.epoch(epoch))
                self.save()
                logs.write(self.epochs[-1], self.optimiser.param_groups[0]["lr"])
        if self.average:
            self.network.load_state_dict(self.average.state)
        return self.finish()

    def ranges(self) -> dict[str, float]:
        """B of each call site, of the network as it is; empty where nothing needs it."""
        limits = self.configuration.range
        if not self.configuration.needs_ranges:
            return {}
        measured = calibrate(self.network, self.calibration)
        return dict(bounds_of(limits.interval, measured, limits.margin).layers)

    def epoch(self, number: int) -> dict[str, Any]:
        """One epoch, and the accuracy after it where it is measured."""
        begin, processor = time.perf_counter(), time.process_time()
        total, waiting, steps = 0.0, 0.0, len(self.batches)
        for step, (loss, waited) in enumerate(self.steps(number)):
            total, waiting = total + loss, waiting + waited
            if self.progress:
                self.progress(f"epoch {number + 1}", step + 1, steps, loss)
        seconds, processor = time.perf_counter() - begin, time.process_time() - processor
        accuracy = self.accuracy(number)
        return {
            "epoch": number + 1,
            "loss": self.group.mean(total / steps),
            **({} if accuracy is None else {"accuracy": accuracy}),
            "seconds": seconds,
            "processor_seconds": processor,
            "share_of_data": waiting / seconds,
            "images_a_second": steps * self.batches.size / seconds,
        }

    def accuracy(self, epoch: int) -> float | None:
        """After an epoch, on the images that judge it; None where it is not measured."""
        done, configuration = epoch + 1, self.configuration
        if done % configuration.measure and done < configuration.optimisation.epochs:
            return None
        return evaluate(self.network, self.judge).accuracy if self.group.rank == 0 else 0.0

    def steps(self, epoch: int) -> Iterator[tuple[float, float]]:
        """The steps of an epoch, one by one: the loss, and the seconds it waited for its batch."""
        torch.manual_seed(seed_of(self.configuration.seed, epoch, _LAYERS))
        self.network.train()
        self.activations.training = True
        before = time.perf_counter()
        for step, batch in enumerate(self.batches.epoch(epoch)):
            waited = time.perf_counter() - before
            loss = self.step(epoch * len(self.batches) + step, batch)
            if not math.isfinite(loss):
                raise TrainingError(
                    f"the loss is {loss} in step {step + 1} of epoch {epoch + 1}: lower "
                    "optimisation.learning_rate, raise range.penalty, or take less noise"
                )
            yield loss, waited
            before = time.perf_counter()
        self.activations.training = False

    def step(self, number: int, batch: Mixed) -> float:
        """One step of the optimiser; its loss."""
        configuration, sgd = self.configuration, self.configuration.optimisation
        steps = len(self.batches)
        for group in self.optimiser.param_groups:
            group["lr"] = rate_at(sgd, number, steps)
        self.activations.start(
            seed_of(configuration.seed, number, _STEP), number / (sgd.epochs * steps)
        )
        self.optimiser.zero_grad(set_to_none=True)
        total = 0.0
        parts = zip(
            batch.inputs.chunk(sgd.accumulate),
            batch.labels.chunk(sgd.accumulate),
            batch.others.chunk(sgd.accumulate),
            strict=True,
        )
        for inputs, labels, others in parts:
            share = self.group.share
            loss = self.loss(share(inputs), share(labels), share(others), batch.share)
            (loss / sgd.accumulate).backward()
            total += float(loss.detach()) / sgd.accumulate
        self.group.average_gradients(self.network)
        if sgd.clip:
            nn.utils.clip_grad_norm_(self.network.parameters(), sgd.clip)
        self.optimiser.step()
        if self.average:
            self.average.update(self.network)
        return total

    def loss(
        self, inputs: torch.Tensor, labels: torch.Tensor, others: torch.Tensor, share: float
    ) -> torch.Tensor:
        """Cross entropy, mixed, and the penalty of the ranges."""
        configuration = self.configuration
        if configuration.channels_last:
            inputs = inputs.contiguous(memory_format=torch.channels_last)
        low = configuration.numbers == "bfloat16"
        with torch.autocast(self.device.type, torch.bfloat16, enabled=low):
            logits = self.network(inputs)
        logits, smoothing = logits.float(), configuration.optimisation.label_smoothing
        loss = functional.cross_entropy(logits, labels, label_smoothing=smoothing)
        if share < 1:
            other = functional.cross_entropy(logits, others, label_smoothing=smoothing)
            loss = share * loss + (1 - share) * other
        penalty = self.activations.penalty
        if penalty is not None:
            loss = loss + configuration.range.penalty * penalty
        return loss

    def resume(self) -> None:
        """Go on from the checkpoint, if there is one."""
        if self.checkpoint is None:
            return
        content = load_checkpoint(self.checkpoint, as_mapping(self.configuration))
        if content is None:
            return
        try:
            self.network.load_state_dict(content["network"])
            self.optimiser.load_state_dict(content["optimiser"])
        except (RuntimeError, ValueError) as error:
            raise TrainingError(
                f"the checkpoint {self.checkpoint} is of another architecture: give another "
                "folder, or delete it to begin anew"
            ) from error
        self.activations.bounds = content["bounds"]
        self.epochs = json.loads(content["epochs"])
        if self.average:
            self.average.state = content["average"]
            self.average.steps = len(self.epochs) * len(self.batches)

    def save(self) -> None:
        """Write the checkpoint and the log after an epoch."""
        if self.folder is None or self.checkpoint is None or self.group.rank:
            return
        save_checkpoint(self.checkpoint, {
            "expected": as_mapping(self.configuration),
            "network": self.network.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "average": self.average.state if self.average else {},
            "bounds": self.activations.bounds,
            "epochs": json.dumps(self.epochs),
        })  # fmt: skip
        lines = "".join(json.dumps(epoch) + "\n" for epoch in self.epochs)
        write_atomically(self.folder / "log.jsonl", lambda path: path.write_text(lines))

    def finish(self) -> Trained:
        """The result, written too."""
        record = {
            "configuration": as_mapping(self.configuration),
            **self.accuracies(),
            "bounds": self.activations.bounds,
            "epochs": self.epochs,
            "processes": self.group.count,
            "versions": versions(),
            "commit": git_commit(),
        }
        if self.folder is not None and self.group.rank == 0:
            tensors = {k: v.contiguous().cpu() for k, v in self.network.state_dict().items()}
            write_atomically(self.folder / "weights.safetensors", lambda p: save_file(tensors, p))
            write_json(self.folder / "record.json", record)
        return Trained(self.network.eval(), record)

    def accuracies(self) -> dict[str, float | None]:
        """Of the network that is returned, on the test images and on those held out."""
        if self.group.rank:
            return {"accuracy": None}
        last = self.epochs[-1]["accuracy"]  # of the network without an average
        judged = evaluate(self.network, self.judge).accuracy if self.average else last
        if not self.configuration.validation:
            return {"accuracy": judged}
        return {
            "accuracy": evaluate(self.network, self.test).accuracy,
            "validation_accuracy": judged,
        }


def held_out(images: ImageSet, count: int) -> tuple[ImageSet, ImageSet]:
    """The images to train on, and the last `count`, which no training sees.

    Raises
    ------
    ArgumentError
        If none is left to train on.
    """
    if count >= len(images):
        raise ArgumentError(
            f"validation is {count} of {len(images)} training images: leave some to train on"
        )
    return images.without_last(count)


def check_sides(network: nn.Module, configuration: Configuration, batches: TrainingBatches) -> None:
    """Refuse a side of the images that the network cannot take, before any epoch.

    Raises
    ------
    ArgumentError
    """
    channels = batches.images.shape[1]
    for side in dict.fromkeys(configuration.augmentation.sides):
        image = torch.zeros(1, channels, side, side, device=batches.images.device)
        try:
            with evaluation_mode(network), torch.no_grad():
                network(image)
        except RuntimeError as error:
            raise ArgumentError(
                f"augmentation.sides has {side}: {configuration.network} does not take images of "
                "that side; give others, or none"
            ) from error


def start_network(
    known: Network, configuration: Configuration, data: str | Path | None
) -> nn.Module:
    """The network before the first step."""
    if configuration.start == "pretrained":
        return known.load(data)
    network = known.build()
    if configuration.start != "random":
        load_weights(network, configuration.start)
    return network


def evaluators_of(configuration: Configuration) -> dict[int, Evaluator]:
    """The approximations that a training needs, by k."""
    powers = configuration.forward.polynomial or (
        configuration.noise.precision if configuration.noise.kind == "error" else ()
    )
    name = configuration.forward.approximation
    return {k: Evaluator(make(name, k)) for k in dict.fromkeys(powers)}
