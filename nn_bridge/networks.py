"""The networks that experiments know by name: architecture, weights, images, normalisation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from torch import nn

from .data import Batches, ImageSet, Split, data_root, load_cifar, load_digits
from .errors import ArgumentError
from .models import DigitsNet, ResNet, ShuffleNetV2
from .weights import load_weights

DIGITS_WEIGHTS = Path(__file__).parent / "weights" / "digits.safetensors"
_IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
_CIFAR = ((0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010))


@dataclass(frozen=True)
class Network:
    """A trained network.

    Attributes
    ----------
    name : str
    build : callable
        Makes the architecture.
    images : {"digits", "cifar10", "cifar100"}
    weights : path
        Under the folder ``weights`` of the data, or absolute.
    mean, deviation : tuple of float
        Normalisation of pixels divided by `scale`.
    origin : str
        Where the weights come from.
    """

    name: str
    build: Callable[[], nn.Module]
    images: str
    weights: Path
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    origin: str
    scale: float = 255.0

    @property
    def needs_data(self) -> bool:
        """Whether a folder with data is needed."""
        return self.images != "digits"

    def weights_path(self, root: str | Path | None = None) -> Path:
        """Where the file of weights must be."""
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
        if self.images == "digits":
            return load_digits(split)
        return load_cifar(self.images, split, root)  # type: ignore[arg-type]

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
NETWORKS = {network.name: network for network in _NETWORKS}


def find_network(name: str) -> Network:
    """A network by name.

    Examples
    --------
    >>> find_network("resnet20-cifar10").images
    'cifar10'
    """
    if name not in NETWORKS:
        raise ArgumentError(f"the network {name!r} is unknown: choose one of {', '.join(NETWORKS)}")
    return NETWORKS[name]
