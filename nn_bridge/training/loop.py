# SPDX-License-Identifier: Apache-2.0
"""`fit`: the training loop."""

from __future__ import annotations

import copy
import json
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, cast

import torch
import torch.nn.functional as functional
from safetensors.torch import save_file
from torch import nn

from polyapprox.words import counted

from ..activations.evaluator import Evaluator
from ..calls.functions import module_function
from ..calls.inputs import logits_of
from ..calls.intercept import intercepted
from ..calls.running import evaluation_mode
from ..choosing.makers import WEIGHTED
from ..conversion.evaluation import evaluate
from ..errors import ArgumentError, TrainingError
from ..files import git_commit, versions, write_atomically, write_json
from ..images.sets import ImageSet
from ..models.networks import Network, find_network
from ..models.weights import load_weights
from ..ranges.bounds import bounds_of
from ..ranges.calibration import calibrate
from .activations import TrainingActivations, evaluators_of, fitted
from .batches import Mixed, TrainingBatches, seed_of
from .checkpoint import load_checkpoint, save_checkpoint
from .configuration import Configuration, as_mapping
from .events import Events
from .numbers import faster
from .optimisation import Average, optimiser_of, rate_at
from .own_activations import OwnLoopActivations
from .own_data import Callback, Loss, Own, OwnBatches, check_own, judged_by
from .processes import Processes, processes, share_batch_norms

Progress = Callable[[str, int, int, float], None]
"""Called with what is done, how much of how much, and the loss."""
_LAYERS, _STEP = 1, 2  # purposes of seeds
_TEMPERATURE = 2.0


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
    model: nn.Module | None = None,
    train: Any = None,
    test: Any = None,
    loss: Loss | None = None,
    optimiser: Callable[[Any], torch.optim.Optimizer] | None = None,
    scheduler: Callable[[torch.optim.Optimizer], Any] | None = None,
    callbacks: Sequence[Callback] = (),
) -> Trained:
    """Train a network as a configuration says, or a model of one's own.

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
    model : nn.Module, optional
        Trained in place, in place of the configuration's network, whose name is a mere label then. Noise, polynomial
        and penalty stand at every activation that :func:`nn_bridge.convert` knows.
    train, test : Dataset or loader of (inputs, labels), optional
        Of the model. A dataset is drawn in batches of the configuration's size, a loader has its own.
    loss : callable, optional
        (output, labels) → number; by default cross entropy of the scores.
    optimiser : callable, optional
        Parameters → optimiser; by default SGD as the configuration has it.
    scheduler : callable, optional
        Optimiser → scheduler, which steps after each step of the optimiser.
    callbacks : list of callable
        Called after each epoch with its entry and the network. One with ``state_dict`` and
        ``load_state_dict`` resumes too; ``record["resumable"]`` names what of a training of one's own does.

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
    >>> from nn_bridge.training import Configuration, Noise, Optimisation
    >>> short = Optimisation(epochs=1, batch=64, learning_rate=0.01)
    >>> trained = fit(Configuration("digits", images=256, optimisation=short))
    >>> len(trained.record["epochs"])
    1

    A model of one's own:

    >>> x, y = torch.linspace(-1, 1, 256).reshape(64, 4), torch.arange(64) % 2
    >>> mine = nn.Sequential(nn.Linear(4, 8), nn.GELU(), nn.Linear(8, 2))
    >>> own = fit(Configuration("mine", noise=Noise("uniform"), optimisation=short), model=mine,
    ...           train=torch.utils.data.TensorDataset(x, y), optimiser=torch.optim.Adam)
    >>> own.network is mine, own.record["resumable"]["not"]
    (True, [])
    """
    parts = {"train": train, "test": test, "loss": loss, "optimiser": optimiser, "scheduler": scheduler}
    own = None
    if model is not None:
        own = Own(model, **parts, callbacks=tuple(callbacks))
        check_own(configuration, own)
    elif given := [name for name, value in parts.items() if value is not None] + ["callbacks"] * bool(callbacks):
        raise ArgumentError(f"{given[0]} goes with a model of one's own: give model= too")
    with processes() as group, torch.random.fork_rng(devices=[]):
        torch.manual_seed(configuration.seed)
        return Training(configuration, folder, data, progress, device, group, own).run()


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
                "penalty of fit by name stand at ReLU alone; give it as model=, or to nn_bridge.sturdy"
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
        own: Own | None = None,
    ) -> None:
        self.configuration, self.group, self.progress = configuration, group, progress
        self.own = own
        self.teacher: nn.Module | None = None
        self.folder = Path(folder) if folder is not None else None
        self.device = read_device(device)
        if data is not None and not isinstance(data, (str, Path)):
            raise ArgumentError(
                f"data is a {type(data).__name__}: give the folder of the data; a loader of one's own is "
                "fit(…, model=…, train=loader)"
            )
        sgd = configuration.optimisation
        self.batches: TrainingBatches | OwnBatches
        if own is None:
            self._by_name(data)
        else:
            self._of_own(own)
        if self.batches.size % (group.count * sgd.accumulate):
            raise ArgumentError(
                f"optimisation.batch is {self.batches.size}, which {counted(group.count, 'process')} times "
                f"{counted(sgd.accumulate, 'part')} does not divide"
            )
        if group.count > 1:
            share_batch_norms(self.network)
        make = None if own is None else own.optimiser
        self.optimiser = optimiser_of(self.network, sgd) if make is None else make(self.network.parameters())
        wanted = None if own is None else own.scheduler
        self.scheduler = None if wanted is None else wanted(self.optimiser)
        self.average = Average(self.network, sgd.average) if sgd.average else None
        self.epochs: list[dict[str, Any]] = []

    def _by_name(self, data: str | Path | None) -> None:
        """Network and images of the configuration."""
        configuration = self.configuration
        sgd = configuration.optimisation
        known = find_network(configuration.network)
        images = known.data("train", data).first(configuration.images or None)
        images, held = held_out(images, configuration.validation)
        self.test: Any = known.batches(known.data("test", data))
        self.judge: Any = known.batches(held) if configuration.validation else self.test
        self.batches = TrainingBatches(
            images, self.test, sgd.batch, sgd.mixup, configuration.augment, configuration.seed,
            self.device, configuration.augmentation,
        )  # fmt: skip
        self.network = start_network(known, configuration, data).to(self.device)
        self._channels_last()
        check_activations(self.network, configuration)
        check_sides(self.network, configuration, self.batches)
        if configuration.numbers == "auto":
            self._numbers(faster(self.network, self.batches.images.shape[1:], self.device))
        self.calibration: Any = known.batches(images.first(configuration.range.calibration))
        bounds, evaluators = self._approximations()
        self.activations = TrainingActivations(
            configuration, bounds, evaluators, self.group.rank, self.group.count, self.device,
        )  # fmt: skip
        if sgd.distillation:
            self.teacher = copy.deepcopy(self.network).eval()

    def _approximations(
        self,
    ) -> tuple[dict[str, float], Mapping[int, Evaluator | Mapping[str, Evaluator]]]:
        """Intervals and approximations of the network at the start."""
        configuration = self.configuration
        if configuration.forward.approximation != WEIGHTED:
            return self.ranges(), evaluators_of(configuration)
        bounds, made = fitted(self.network, self.calibration, configuration)
        return bounds, {
            k: {site: Evaluator(one) for site, one in of_sites.items()}
            for k, of_sites in made.items()
        }

    def _of_own(self, own: Own) -> None:
        """Network and data of the caller."""
        configuration = self.configuration
        self.network = own.model.to(self.device)
        self._channels_last()
        self.batches = OwnBatches(own.train, self.network, configuration)
        self.test = self.judge = judged_by(own.test, self.batches.size)
        self.calibration = self.batches.first(configuration.range.calibration)
        self.activations = OwnLoopActivations(configuration, self.ranges(), self.network)
        if configuration.numbers == "auto":  # its loss may need them
            self._numbers("float32")

    def _numbers(self, chosen: Literal["float32", "bfloat16"]) -> None:
        self.configuration = replace(self.configuration, numbers=chosen)

    def _channels_last(self) -> None:
        if self.configuration.channels_last:
            self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

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
                if epoch and self.configuration.renews:
                    self.activations.bounds = self.ranges()
                with intercepted(self.network, self.activations, evaluate=False):
                    self.epochs.append(self.epoch(epoch))
                self._tell(self.epochs[-1])
                self.save()
                logs.write(self.epochs[-1], self.optimiser.param_groups[0]["lr"])
        if self.average:
            self.network.load_state_dict(self.average.state)
        return self.finish()

    def _tell(self, entry: dict[str, Any]) -> None:
        for callback in self.own.callbacks if self.own else ():
            callback(entry, self.network)

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
        if self.judge is None or (done % configuration.measure and done < configuration.optimisation.epochs):
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
        for group in self.optimiser.param_groups if self._own_rates else ():
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
        if self.scheduler is not None:
            self.scheduler.step()
        if self.average:
            self.average.update(self.network)
        return total

    @property
    def _own_rates(self) -> bool:
        """Whether the learning rate is that of the configuration."""
        return self.own is None or (self.own.optimiser is None and self.own.scheduler is None)

    def loss(
        self, inputs: torch.Tensor, labels: torch.Tensor, others: torch.Tensor, share: float
    ) -> torch.Tensor:
        """Cross entropy or the loss that was given, mixed, and the penalty of the ranges."""
        configuration = self.configuration
        if configuration.channels_last and inputs.ndim == 4:
            inputs = inputs.contiguous(memory_format=torch.channels_last)
        low = configuration.numbers == "bfloat16"
        with torch.autocast(self.device.type, torch.bfloat16, enabled=low):
            output = self.network(inputs)
        loss = self._loss(output, labels)
        if share < 1:
            loss = share * loss + (1 - share) * self._loss(output, others)
        if self.teacher is not None:
            weight = configuration.optimisation.distillation
            loss = (1 - weight) * loss + weight * self._divergence(inputs, output, low)
        penalty = self.activations.penalty
        if penalty is not None:
            loss = loss + configuration.range.penalty * penalty
        return loss

    def _loss(self, output: Any, labels: torch.Tensor) -> torch.Tensor:
        if self.own is not None and self.own.loss is not None:
            return self.own.loss(output, labels)
        smoothing = self.configuration.optimisation.label_smoothing
        return functional.cross_entropy(logits_of(output).float(), labels, label_smoothing=smoothing)

    def _divergence(self, inputs: torch.Tensor, output: torch.Tensor, low: bool) -> torch.Tensor:
        """From the network at the start; of the size of a cross entropy at any temperature."""
        with torch.no_grad(), torch.autocast(self.device.type, torch.bfloat16, enabled=low):
            exact = cast(nn.Module, self.teacher)(inputs)
        own, wanted = (functional.log_softmax(one.float() / _TEMPERATURE, 1) for one in (output, exact))
        found = functional.kl_div(own, wanted, reduction="batchmean", log_target=True)
        return found * _TEMPERATURE**2

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
            if self.scheduler is not None:
                self.scheduler.load_state_dict(content["scheduler"])
            if self.own is not None:
                self.own.load_states(content["callbacks"])
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
            **({} if self.scheduler is None else {"scheduler": self.scheduler.state_dict()}),
            **({} if self.own is None else {"callbacks": self.own.states()}),
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
            **({} if self.own is None else {"resumable": self.own.resumable()}),
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
        if self.judge is None:
            return {}
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
            f"validation is {count} of {counted(len(images), 'training image')}: leave some to train on"
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
