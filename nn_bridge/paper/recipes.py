# SPDX-License-Identifier: Apache-2.0
"""Recipes of training that the tables share: all but decay, Mixup, noise and seed."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from ..errors import ArgumentError
from ..training.configuration import Augmentation, Configuration, Optimisation, Range

HELD_OUT = 5000
"""Training images that no training sees; what is chosen is chosen on them."""
MEASURED = Range(margin=1.0)
"""Noise counts in units of the range that was measured itself."""


def _growing(
    sides: tuple[int, ...],
    hold: float,
    measure: int | None = None,
    numbers: Literal["float32", "bfloat16"] = "bfloat16",
    validation: int = HELD_OUT,
) -> Configuration:
    """From scratch, on images of these sides, one an epoch; measured at the end unless more often is said."""
    epochs = len(sides)
    return Configuration(
        "resnet20-cifar10", "random", validation=validation, measure=measure or epochs, numbers=numbers, range=MEASURED,
        augmentation=Augmentation(2, "reflection", "alternating", sides),
        optimisation=Optimisation(
            epochs=epochs, batch=128, learning_rate=0.1, schedule="linear", warmup=0.5, hold=hold
        ),
    )  # fmt: skip


def _more(epochs: int, numbers: Literal["float32", "bfloat16"]) -> Configuration:
    """Of a network that is there, at a low rate."""
    return Configuration(
        "resnet20-cifar10", "pretrained", validation=HELD_OUT, measure=epochs, numbers=numbers, range=MEASURED,
        augmentation=Augmentation(2, "reflection", "alternating"),
        optimisation=Optimisation(
            epochs=epochs, batch=128, learning_rate=0.02, schedule="linear", warmup=0.2
        ),
    )  # fmt: skip


RECIPES = {
    "P25": _growing((16,) * 5 + (24,) * 8 + (32,) * 12, hold=10.0, measure=5),
    "P60": _growing((16,) * 10 + (24,) * 18 + (32,) * 32, hold=20.0, validation=0),
    "B5": _more(5, "bfloat16"),
    "B2": _more(2, "float32"),
    "M6": _growing((16,) * 5 + (24,), hold=2.0, numbers="float32"),
    "T7": _growing((32,) * 7, hold=2.0, validation=1000),
    "P10": _growing((16,) * 8 + (24,) * 2, hold=3.0),
    "D20": Configuration(
        "digits", "random", augment=False, validation=437, measure=20, numbers="float32", range=MEASURED,
        optimisation=Optimisation(
            epochs=20, batch=64, learning_rate=0.05, schedule="linear", warmup=1.0, hold=8.0
        ),
    ),
    "D5": Configuration(
        "digits", "pretrained", augment=False, validation=437, measure=5, numbers="float32", range=MEASURED,
        optimisation=Optimisation(
            epochs=5, batch=64, learning_rate=0.01, schedule="linear", warmup=0.2
        ),
    ),
    "try": Configuration(
        "digits", "random", augment=False, validation=400, numbers="float32", range=MEASURED,
        optimisation=Optimisation(
            epochs=2, batch=64, learning_rate=0.05, schedule="linear", hold=1.0
        ),
    ),
}  # fmt: skip
"""P25: images of 16, 24 and 32 pixels, half an hour of one core; P60: the same for 60 epochs on all
training images, where nothing is chosen; B5, B2: five or two epochs more of a network
that is there; M6, T7, P10: six, seven, ten epochs of small images, each some five minutes of a
core, for MobileNetV2, Tiny ImageNet and DLA-34; D20: digits, many seeds in little time, for mechanisms; D5: five epochs more of those; try:
digits in a second."""


def recipe(name: str, network: str | None = None) -> Configuration:
    """A recipe, for a network of its own or another one.

    Raises
    ------
    ArgumentError
        If there is none of that name.

    Examples
    --------
    >>> recipe("P25").optimisation.epochs
    25
    """
    if name not in RECIPES:
        raise ArgumentError(f"the recipe {name!r} is unknown: choose one of {', '.join(RECIPES)}")
    found = RECIPES[name]
    return found if network is None else replace(found, network=network)
