# SPDX-License-Identifier: Apache-2.0
"""The networks that experiments know by name: architecture, weights, images, normalisation."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from torch import nn

from ..errors import ArgumentError, WeightsError
from ..images.sets import Batches, ImageSet, Split, data_root, load_images
from . import DLA, DigitsNet, MobileNetV2, ResNet, ShuffleNetV2
from .weights import load_weights

DIGITS_WEIGHTS = Path(__file__).parent / "data" / "digits.safetensors"
_IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
_CIFAR = ((0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010))


@dataclass(frozen=True)
class Network:
    """A network that is known by name, trained or not.

    Attributes
    ----------
    name : str
    build : callable
        Makes the architecture.
    images : {"digits", "cifar10", "cifar100", "tiny-imagenet"}
    weights : path or None
        Under the folder ``weights`` of the data, or absolute; None if there are none yet, so that
        it must be trained first.
    mean, deviation : tuple of float
        Normalisation of pixels divided by `scale`.
    origin : str
        Where the weights come from.
    """

    name: str
    build: Callable[[], nn.Module]
    images: str
    weights: Path | None
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    origin: str
    scale: float = 255.0

    @property
    def needs_data(self) -> bool:
        """Whether a folder with data is needed."""
        return self.images != "digits"

    def weights_path(self, root: str | Path | None = None) -> Path:
        """Where the file of weights must be.

        Raises
        ------
        WeightsError
            If there are no weights for this network.
        """
        if self.weights is None:
            raise WeightsError(
                f"there are no pretrained weights for {self.name!r}: train it from scratch, with "
                'start = "random", or give a file of weights'
            )
        return data_root(root) / "weights" / self.weights if self.needs_data else self.weights

    def load(self, root: str | Path | None = None, weights: str | Path | None = None) -> nn.Module:
        """The network with its weights, in evaluation mode.

        Raises
        ------
        DataError, WeightsError
        """
        network = self.build()
        load_weights(network, weights or self.weights_path(root))
        return network.eval()

    def data(self, split: Split, root: str | Path | None = None) -> ImageSet:
        """Its images."""
        return load_images(self.images, split, root)

    def batches(self, data: ImageSet, size: int = 250) -> Batches:
        """Normalised batches of images."""
        return Batches(data, self.mean, self.deviation, size, self.scale)


_NETWORKS = (
    Network("digits", DigitsNet, "digits", DIGITS_WEIGHTS, (0.0,), (1.0,), "this project", 16.0),
    Network("resnet20-cifar10", partial(ResNet, 20), "cifar10",
            Path("akamaster-resnet20-12fca82f.npz"), *_IMAGENET, "akamaster/pytorch_resnet_cifar10"),
    Network("resnet32-cifar10", partial(ResNet, 32), "cifar10",
            Path("akamaster-resnet32-d509ac18.npz"), *_IMAGENET, "akamaster/pytorch_resnet_cifar10"),
    Network("resnet20-cifar10-autofhe", partial(ResNet, 20), "cifar10",
            Path("autofhe-resnet20-cifar10.npz"), *_CIFAR, "human-analysis/AutoFHE"),
    Network("resnet32-cifar10-autofhe", partial(ResNet, 32), "cifar10",
            Path("autofhe-resnet32-cifar10.npz"), *_CIFAR, "human-analysis/AutoFHE"),
    Network("resnet44-cifar10-autofhe", partial(ResNet, 44), "cifar10",
            Path("autofhe-resnet44-cifar10.npz"), *_CIFAR, "human-analysis/AutoFHE"),
    Network("resnet32-cifar100-autofhe", partial(ResNet, 32, 100, "B"), "cifar100",
            Path("autofhe-resnet32-cifar100.npz"), *_CIFAR, "human-analysis/AutoFHE"),
    Network("resnet20-cifar10-chenyaofo", partial(ResNet, 20, 10, "B", "fc"), "cifar10",
            Path("chenyaofo-cifar10_resnet20-4118986f.npz"), *_CIFAR,
            "chenyaofo/pytorch-cifar-models"),
    Network("shufflenetv2-x0.5-cifar10", partial(ShuffleNetV2, 0.5), "cifar10",
            Path("chenyaofo-cifar10_shufflenetv2_x0_5-1308b4e9.npz"), *_CIFAR,
            "chenyaofo/pytorch-cifar-models"),
)  # fmt: skip


def _resnet(layers: int, classes: int, size: int) -> nn.Module:
    """Whose last pool takes images of any size."""
    return ResNet(layers, classes)


_FAMILIES: dict[str, Callable[[int, int], nn.Module]] = {
    **{f"resnet{layers}": partial(_resnet, layers) for layers in (20, 32, 44, 56, 110)},
    "shufflenetv2": lambda classes, size: ShuffleNetV2(1.0, classes, size // 32),
    "mobilenetv2": lambda classes, size: MobileNetV2(classes, size),
    "dla34": lambda classes, size: DLA(classes, size),
    "mobilenetv2-x0.35": lambda classes, size: MobileNetV2(classes, size, width=0.35),
    "dla34-average": lambda classes, size: DLA(classes, size, "average"),
    "dla34-average-x0.125": lambda classes, size: DLA(classes, size, "average", 0.125),
}
"""Architectures by classes and side of the images."""
_SETS = {
    "cifar10": (10, 32, (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)),
    "cifar100": (100, 32, (0.5071, 0.4865, 0.4409), (0.2673, 0.2564, 0.2762)),
    "tiny-imagenet": (200, 64, (0.4814, 0.4491, 0.3986), (0.2764, 0.2686, 0.2818)),
}
"""Classes, side, and mean and deviation of the training images by channel."""


def _untrained() -> Iterator[Network]:
    """Every architecture for every image set, to train from scratch."""
    for family, build in _FAMILIES.items():
        for images, (classes, size, mean, deviation) in _SETS.items():
            made = partial(build, classes, size)
            yield Network(f"{family}-{images}", made, images, None, mean, deviation, "not trained")


def _by_name() -> dict[str, Network]:
    """Those with published weights first; they keep their names."""
    found = {network.name: network for network in _NETWORKS}
    for network in _untrained():
        found.setdefault(network.name, network)
    return found


NETWORKS = _by_name()


def find_network(name: str) -> Network:
    """A network by name.

    Raises
    ------
    ArgumentError
        If the name is unknown (the nearest is named).

    Examples
    --------
    >>> find_network("resnet20-cifar10").images
    'cifar10'
    """
    if name not in NETWORKS:
        near = difflib.get_close_matches(str(name), NETWORKS, 1, 0.0)[0]
        raise ArgumentError(
            f"the network {name!r} is unknown: choose one of {', '.join(NETWORKS)} (the nearest "
            f"is {near})"
        )
    return NETWORKS[name]
