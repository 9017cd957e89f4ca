# SPDX-License-Identifier: Apache-2.0
"""What a training depends on, as one frozen value read from a TOML file."""

from __future__ import annotations

import dataclasses
import difflib
import math
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args, get_type_hints

from polyapprox.words import counted

from ..errors import ArgumentError
from ..ranges import MARGIN

_LATER = {"later": True}
"""Of a key that records made before it lack: left out where it says what was done then."""


@dataclass(frozen=True)
class Optimisation:
    """Stochastic gradient descent with Nesterov's momentum.

    Attributes
    ----------
    epochs, batch : int
        `batch` is that of one step, over all processes and accumulated parts.
    accumulate : int
        Parts in which a step goes through the network (batch normalisation sees one at a time).
    learning_rate, momentum : float
    schedule : {"cosine", "step", "constant", "linear"}
        Cosine to zero; a tenth after 1/2 and again after 3/4 of the epochs; constant for `hold`
        epochs and then linear to zero (with as long a `warmup`: one cycle).
    warmup : float
        Epochs in which the learning rate rises linearly.
    hold : float
        Of the linear schedule.
    decay, decay_others : float
        Weight decay of the weights of convolutions and linear layers, and of all other
        parameters (gains and shifts of batch normalisation, biases). Many a published training
        has one for all.
    label_smoothing : float
    mixup : float
        α of Mixup's Beta(α, α) (Zhang et al., arXiv 1710.09412); 0 for none.
    average : float
        Decay of the exponential moving average of the weights a step, corrected for its start
        (which has no share in it); 0 for none.
    clip : float
        Largest norm of the gradient; 0 for none.
    distillation : float
        Share of the loss that is the divergence from the network at the start, with its exact
        activations, at temperature 2 (Hinton et al., arXiv 1503.02531); 0 for none.
    """

    epochs: int = 10
    batch: int = 128
    accumulate: int = 1
    learning_rate: float = 0.1
    momentum: float = 0.9
    schedule: Literal["cosine", "step", "constant", "linear"] = "cosine"
    warmup: float = 0.0
    hold: float = field(default=0.0, metadata=_LATER)
    decay: float = 5e-4
    decay_others: float = 0.0
    label_smoothing: float = 0.0
    mixup: float = 0.0
    average: float = 0.0
    clip: float = 0.0
    distillation: float = field(default=0.0, metadata=_LATER)


@dataclass(frozen=True)
class Augmentation:
    """What each epoch shows of an image.

    Attributes
    ----------
    crop : int or "auto"
        Pixels by which an image is shifted at most; "auto" is an eighth of the width, at least 4.
    border : {"zeros", "reflection"}
        What comes in.
    mirror : {"random", "alternating"}
        Each image mirrored or not at random, or in every second epoch.
    sides : list of int
        Side of the images in each epoch, resized by antialiased bilinear interpolation; the last
        one holds for all further epochs, an empty list for images as they are.
    """

    crop: int | str = "auto"
    border: Literal["zeros", "reflection"] = "zeros"
    mirror: Literal["random", "alternating"] = "random"
    sides: tuple[int, ...] = ()

    def side(self, epoch: int) -> int:
        """Side of the images in an epoch, counted from 0; 0 where they stay as they are.

        Examples
        --------
        >>> [Augmentation(sides=(16, 24, 32)).side(epoch) for epoch in (0, 1, 7)]
        [16, 24, 32]
        """
        return self.sides[min(epoch, len(self.sides) - 1)] if self.sides else 0


NoiseKind = Literal["none", "uniform", "gaussian", "error"]


@dataclass(frozen=True)
class Noise:
    """NGNV: noise for negative inputs of ReLU, in training only.

    The paper (arXiv 2402.11224) names the idea; distribution, size and place are ours, and so is
    noise for other inputs, to compare.

    Attributes
    ----------
    kind : {"none", "uniform", "gaussian", "error"}
        Uniform on [−1, 1]; standard normal; or the actual error of the approximation at the same
        input (of `precision`, on the site's interval, whatever `unit` says).
    strength : float
        λ.
    unit : {"interval", "deviation"}
        λ counts in units of B·2^-k, or of the standard deviation of the layer's input.
    place : {"after", "before"}
        Added to the value of ReLU, or to its input (where it matters only if it lifts it above 0).
    side : {"negative", "positive", "both"}
        Which inputs have it.
    each : {"element", "channel"}
        One random number for each element, or for each channel of each image.
    mean : float
        Random noise has a mean of its own in each channel, one for all images of a step and drawn
        as the noise is, this many times as large. (Errors of a polynomial have such means.)
    anneal : {"constant", "rising", "falling"}
        λ over the training: constant, from 0, or to 0, linearly.
    precision : list of int
        k of the precisions 2^-k; each step draws one of them (one network for all of them).
    """

    kind: NoiseKind = "none"
    strength: float = 1.0
    unit: Literal["interval", "deviation"] = "interval"
    place: Literal["after", "before"] = "after"
    side: Literal["negative", "positive", "both"] = field(default="negative", metadata=_LATER)
    each: Literal["element", "channel"] = "element"
    mean: float = field(default=0.0, metadata=_LATER)
    anneal: Literal["constant", "rising", "falling"] = "constant"
    precision: tuple[int, ...] = (9,)

    @property
    def drawn(self) -> bool:
        """Whether it is random: of a distribution of :class:`nn_bridge.training.noise.NoisePool`."""
        return self.kind not in ("none", "error")


@dataclass(frozen=True)
class Forward:
    """What stands for ReLU in the forward pass, and in the backward pass.

    Attributes
    ----------
    polynomial : list of int
        k of the approximations of precision 2^-k that take ReLU's place, one drawn a step; empty
        for ReLU itself.
    gradient : {"relu", "polynomial"}
        Whose derivative the backward pass takes.
    approximation : {"ours", "zero", "with-constant", "published", "weighted"}
        Which approximation, as in the command ``nn-bridge accuracy``; "weighted": each call site has its own,
        weighted by its inputs at the start (a network by name only).
    """

    polynomial: tuple[int, ...] = ()
    gradient: Literal["relu", "polynomial"] = "relu"
    approximation: str = "ours"


@dataclass(frozen=True)
class Range:
    """The intervals [−B, B] that noise, polynomial and penalty speak of.

    Attributes
    ----------
    interval : "per-layer", "global" or a number
        B of each call site, from calibration; the largest of all; or given.
    margin : float
        Measured ranges are multiplied by it.
    calibration : int
        Training images (not augmented) to measure on.
    renew : bool or "auto"
        Measure again before each epoch; "auto" does so from a random start. The first ranges say
        little there, and a polynomial on intervals that the network has outgrown ruins it.
    penalty : float
        Weight in the loss of the mean over the call sites of the mean of (|x|/B − `inside`)²
        over their inputs outside of that share of their interval.
    inside : float
        Share of B from which the penalty counts.
    """

    interval: float | str = "per-layer"
    margin: float = MARGIN
    calibration: int = 2000
    renew: bool | str = "auto"
    penalty: float = 0.0
    inside: float = field(default=1.0, metadata=_LATER)


@dataclass(frozen=True)
class Configuration:
    """A training.

    Attributes
    ----------
    network : str
        Name of a network of :data:`nn_bridge.models.networks.NETWORKS`.
    start : str
        "pretrained", "random", or a file of weights.
    seed : int
    augment : bool
        Random crops and mirror images, as `augmentation` says: by default of the image with 4
        zeros around it (8 at 64 × 64).
    images : int
        First training images only; 0 for all.
    validation : int
        Last ones of those that no training sees. The accuracy of each epoch is measured on them,
        and the test images are read once, at the end. With 0 each epoch is measured on the test
        images, so nothing may be chosen by it.
    measure : int
        Epochs from one measured accuracy to the next; the last one always is.
    numbers : {"auto", "float32", "bfloat16"}
        Type of convolutions and linear maps (autocast); weights are float32. "auto" is
        :func:`nn_bridge.training.numbers.faster` for a network by name, and float32 for a model of
        one's own.
    channels_last : bool
    optimisation, augmentation, noise, forward, range
        See their classes.

    Examples
    --------
    >>> Configuration("digits").optimisation.batch
    128
    """

    network: str
    start: str = "pretrained"
    seed: int = 0
    augment: bool = True
    images: int = 0
    validation: int = field(default=0, metadata=_LATER)
    measure: int = field(default=1, metadata=_LATER)
    numbers: Literal["auto", "float32", "bfloat16"] = "auto"
    channels_last: bool = True
    optimisation: Optimisation = field(default_factory=Optimisation)
    augmentation: Augmentation = field(default_factory=Augmentation, metadata=_LATER)
    noise: Noise = field(default_factory=Noise)
    forward: Forward = field(default_factory=Forward)
    range: Range = field(default_factory=Range)

    def __post_init__(self) -> None:
        check(self)

    @property
    def needs_ranges(self) -> bool:
        """Whether the interval of each call site must be known."""
        by_interval = self.noise.kind != "none" and (
            self.noise.kind == "error" or self.noise.unit == "interval"
        )
        return bool(by_interval or self.forward.polynomial or self.range.penalty)

    @property
    def renews(self) -> bool:
        """Whether ranges are measured again before each epoch.

        Examples
        --------
        >>> noise = Noise("uniform")
        >>> [Configuration("digits", start, noise=noise).renews for start in ("random", "pretrained")]
        [True, False]
        """
        return _renews_by_itself(self) if self.range.renew == "auto" else bool(self.range.renew)


def _renews_by_itself(configuration: Configuration) -> bool:
    measured = isinstance(configuration.range.interval, str)
    return configuration.start == "random" and configuration.needs_ranges and measured


_SECTIONS = {
    "optimisation": Optimisation, "augmentation": Augmentation, "noise": Noise,
    "forward": Forward, "range": Range,
}  # fmt: skip
_AT_LEAST_ONE = ("epochs", "batch", "accumulate", "calibration", "measure")
_POSITIVE = ("learning_rate", "margin", "inside")
_BELOW_ONE = ("momentum", "average", "label_smoothing")
_OTHER_WORDS = {
    "lr": "learning_rate", "weight_decay": "decay", "wd": "decay", "ema": "average",
    "batch_size": "batch", "grad_clip": "clip", "scheduler": "schedule",
}  # fmt: skip
"""What others call keys."""


def read_configuration(path: str | Path) -> Configuration:
    """Read a TOML file: the keys of :class:`Configuration`, sections for its parts.

    Raises
    ------
    ArgumentError
        If the file cannot be read, or a key or a value is not known (the nearest is named).
    """
    try:
        content = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ArgumentError(f"the configuration {path} cannot be read: {error}") from error
    return from_mapping(content)


def from_mapping(content: dict[str, Any]) -> Configuration:
    """A configuration from nested dictionaries, as TOML and JSON have them.

    Examples
    --------
    >>> from_mapping({"network": "digits", "noise": {"kind": "gaussian"}}).noise.kind
    'gaussian'
    """
    _known(content, Configuration, "")
    if "network" not in content:
        raise ArgumentError('the configuration lacks network: give one, as in network = "digits"')
    values = dict(content)
    for name, section in _SECTIONS.items():
        part = values.get(name, {})
        if not isinstance(part, dict):
            raise ArgumentError(f"{name} is {part!r}: make it a section, [{name}]")
        _known(part, section, f"{name}.")
        lists = {key: tuple(v) if isinstance(v, list) else v for key, v in part.items()}
        values[name] = section(**lists)
    made = Configuration(**values)
    if made.range.renew is False and not _renews_by_itself(made):  # as `as_mapping` has "auto"
        made = dataclasses.replace(made, range=dataclasses.replace(made.range, renew="auto"))
    return made


def as_mapping(configuration: Configuration) -> dict[str, Any]:
    """For JSON: :func:`from_mapping` makes the same value of it.

    Examples
    --------
    >>> as_mapping(Configuration("digits"))["optimisation"]["schedule"]
    'cosine'
    """
    found = _plain(configuration)
    if not configuration.renews:
        found["range"]["renew"] = False  # "auto" came later: records have what was done
    return found


def _plain(part: Any) -> dict[str, Any]:
    """Values by name: parts as dictionaries, tuples as lists."""
    found = {}
    for item in dataclasses.fields(part):
        value = getattr(part, item.name)
        if item.metadata.get("later") and value in (item.default, _made(item)):
            continue
        if dataclasses.is_dataclass(value):
            value = _plain(value)
        found[item.name] = list(value) if isinstance(value, tuple) else value
    return found


def _made(item: dataclasses.Field[Any]) -> Any:
    """The default that a factory makes."""
    return None if item.default_factory is dataclasses.MISSING else item.default_factory()


def _known(content: dict[str, Any], kind: type, prefix: str) -> None:
    names = [item.name for item in dataclasses.fields(kind)]
    for key in content:
        if key not in names:
            near = _OTHER_WORDS.get(key, "")
            if near not in names:
                near = difflib.get_close_matches(key, names, 1, 0.0)[0]
            raise ArgumentError(
                f"the configuration has an unknown key {prefix}{key}: the nearest is "
                f"{prefix}{near}"
            )


def check(configuration: Configuration) -> None:
    """Refuse values that cannot be used, by name.

    Raises
    ------
    ArgumentError
    """
    _check_part(configuration, "")
    for name in _SECTIONS:
        _check_part(getattr(configuration, name), f"{name}.")
    sgd = configuration.optimisation
    if sgd.batch % sgd.accumulate:
        raise ArgumentError(
            f"optimisation.accumulate is {sgd.accumulate}: it must divide batch, {sgd.batch}"
        )
    interval = configuration.range.interval
    if isinstance(interval, str) and interval not in ("per-layer", "global"):
        raise ArgumentError(
            f"range.interval is {interval!r}: give a number, 'per-layer' or 'global'"
        )
    again = configuration.range.renew
    if not isinstance(again, bool) and again != "auto":
        raise ArgumentError(f"range.renew is {again!r}: give true, false or 'auto'")
    for name, powers in (
        ("noise.precision", configuration.noise.precision),
        ("forward.polynomial", configuration.forward.polynomial),
    ):
        if not isinstance(powers, (list, tuple)):
            raise ArgumentError(f"{name} is {powers!r}: give a list, such as [{powers!r}]")
        if not all(isinstance(k, int) and 1 <= k <= 30 for k in powers):
            raise ArgumentError(f"{name} is {list(powers)!r}: give whole numbers from 1 to 30")
    _check_schedule(sgd)
    _check_augmentation(configuration.augmentation, sgd.epochs)
    if configuration.noise.mean and not configuration.noise.drawn:
        raise ArgumentError(
            f"noise.mean is {configuration.noise.mean}: noise of the kind "
            f"{configuration.noise.kind!r} has none; choose 'uniform' or 'gaussian', or leave it out"
        )
    if configuration.noise.kind != "none" and configuration.forward.polynomial:
        raise ArgumentError(
            f"noise.kind is {configuration.noise.kind!r} beside forward.polynomial: the polynomial errs by itself; "
            "leave one of them out"
        )
    if not configuration.noise.precision:
        raise ArgumentError("noise.precision is empty: give at least one k")


def _check_schedule(sgd: Optimisation) -> None:
    if sgd.hold and (sgd.schedule != "linear" or sgd.hold >= sgd.epochs):
        raise ArgumentError(
            f"optimisation.hold is {sgd.hold}, the schedule {sgd.schedule!r} of {sgd.epochs} "
            "epochs: take the linear one, and hold less than its epochs"
        )


def _check_augmentation(shown: Augmentation, epochs: int) -> None:
    whole = isinstance(shown.crop, int) and not isinstance(shown.crop, bool) and shown.crop >= 0
    if shown.crop != "auto" and not whole:
        raise ArgumentError(
            f"augmentation.crop is {shown.crop!r}: give 'auto' or a whole number of pixels"
        )
    if not all(isinstance(side, int) and side >= 1 for side in shown.sides):
        raise ArgumentError(
            f"augmentation.sides is {list(shown.sides)!r}: give a whole number of pixels each"
        )
    if len(shown.sides) > epochs:
        raise ArgumentError(
            f"augmentation.sides has {counted(len(shown.sides), 'entry')} for {counted(epochs, 'epoch')}: give at most "
            "one an epoch"
        )


def _check_part(part: Any, prefix: str) -> None:
    for name, hint in get_type_hints(type(part)).items():
        value = getattr(part, name)
        choices = [choice for choice in get_args(hint) if isinstance(choice, str)]
        if choices and value not in choices:
            raise ArgumentError(
                f"{prefix}{name} is {value!r}: choose one of {', '.join(choices)}"
            )
        if hint is str and not isinstance(value, str):
            raise ArgumentError(f"{prefix}{name} is {value!r}: give one word in quotes")
        if hint is bool and not isinstance(value, bool):
            raise ArgumentError(f"{prefix}{name} is {value!r}: give true or false")
        if hint in (int, float):
            _check_number(prefix + name, value, hint)


def _check_number(name: str, value: Any, kind: type) -> None:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not number or not math.isfinite(value) or value < 0:
        raise ArgumentError(f"{name} is {value!r}: give a number that is not negative")
    if kind is int and not isinstance(value, int):
        raise ArgumentError(f"{name} is {value!r}: give a whole number")
    short = name.rpartition(".")[2]
    if short in _AT_LEAST_ONE and value < 1:
        raise ArgumentError(f"{name} is {value!r}: give at least 1")
    if short in _BELOW_ONE and value >= 1:
        raise ArgumentError(f"{name} is {value!r}: give a number below 1")
    if short in _POSITIVE and value == 0:
        raise ArgumentError(f"{name} is {value!r}: give a positive number")
