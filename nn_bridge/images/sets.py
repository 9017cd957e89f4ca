# SPDX-License-Identifier: Apache-2.0
"""Image sets: CIFAR and Tiny ImageNet from a folder that the user names, scikit-learn's digits."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import torch

from ..errors import ArgumentError, DataError
from .archives import read_official, read_packed, sha256
from .tiny_imagenet import NAME as TINY_IMAGENET, read_tiny_imagenet

Split = Literal["train", "test"]
ENVIRONMENT = "NN_BRIDGE_DATA"
DIGITS_TEST = 360
DIGITS_SPLIT_SEED = 20210

CHECKSUMS = {
    ("cifar10", "train"): (
        "47af8b02cfcfb6cdf3dbbd1969ad7f1b70f4413f6f80f437b020ee4e5bc8304a",
        "2b7cd2f24487317614016b72ffd53071c3062f592f0eb300c18a770d41ae1253",
    ),
    ("cifar10", "test"): (
        "f9b1e2130bab680db56eb06d886f7f1ad0f1183907ceff4659d1735c890f5b04",
        "cec8a24a1e92aa2ecaa0bbd3dbfa86bf6cd8759fbd209a832824c8cf0afca9d5",
    ),
    ("cifar100", "train"): (
        "4e457917601a66aed021f5fa37957b56c6319557c0a8ed5484de3c390af45430",
        "9f11b9f97aad759ba6df0a33e3218b01d8deaf4ed3a14aa1185d69b9ad7ebcb3",
    ),
    ("cifar100", "test"): (
        "4cb8e5d9309da489bf6b19cc10cd96c3ae6f8daf225380b605aaee4c0d6aee19",
        "4dad7d09c7c97d33f6cb928d705cf4196221316fd6e31bdd978a08ed9103ee0b",
    ),
}
"""SHA-256 of the decoded images (uint8, n × 32 × 32 × 3) and of the labels (uint8)."""


@dataclass(frozen=True)
class ImageSet:
    """Images with labels.

    Attributes
    ----------
    name, split : str
    images : ndarray of uint8, shape (n, height, width, channels)
    labels : ndarray of int64, shape (n,)
    """

    name: str
    split: str
    images: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    def first(self, count: int | None) -> ImageSet:
        """The first images (all, if None)."""
        if count is None:
            return self
        return replace(self, images=self.images[:count], labels=self.labels[:count])

    def without_last(self, count: int) -> tuple[ImageSet, ImageSet]:
        """The images but the last ones, and those."""
        rest = len(self) - count
        last = replace(self, images=self.images[rest:], labels=self.labels[rest:])
        return self.first(rest), last


@dataclass(frozen=True)
class Batches:
    """Normalised batches of an image set, in order; can be traversed again and again.

    Gives pairs of a float32 tensor (n, channels, height, width), (pixel/scale − mean)/deviation,
    and an int64 tensor of labels.
    """

    data: ImageSet
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    size: int = 250
    scale: float = 255.0

    def __len__(self) -> int:
        return -(-len(self.data) // self.size)

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        mean = torch.tensor(self.mean).view(1, -1, 1, 1)
        deviation = torch.tensor(self.deviation).view(1, -1, 1, 1)
        for start in range(0, len(self.data), self.size):
            pixels = torch.from_numpy(self.data.images[start : start + self.size])
            x = pixels.permute(0, 3, 1, 2).float().div_(self.scale).contiguous()
            yield (
                (x - mean) / deviation,
                torch.from_numpy(self.data.labels[start : start + self.size]),
            )


def data_root(root: str | Path | None = None) -> Path:
    """The folder with data: the argument, or else the environment variable NN_BRIDGE_DATA.

    Raises
    ------
    DataError
        If neither is given, or the folder does not exist.
    """
    named = root or os.environ.get(ENVIRONMENT)
    if not named:
        raise DataError(f"no folder with data is given: name one with --data or set {ENVIRONMENT}")
    path = Path(named)
    if not path.is_dir():
        raise DataError(f"the folder with data {path} does not exist: name one that does")
    return path


def load_cifar(
    name: Literal["cifar10", "cifar100"], split: Split, root: str | Path | None = None
) -> ImageSet:
    """CIFAR-10 or CIFAR-100 in the official order, verified by checksum.

    Looks in the folder, in this order, for the packed form (``cifar10/cifar10-test.npz``), the
    official folder (``cifar-10-batches-py``, ``cifar-100-python``) and the official archive
    (``cifar-10-python.tar.gz``, ``cifar-100-python.tar.gz``).

    Parameters
    ----------
    name : {"cifar10", "cifar100"}
    split : {"train", "test"}
    root : path, optional
        See :func:`data_root`.

    Raises
    ------
    DataError
        If the set is missing, damaged, or not the official one.
    """
    if (name, split) not in CHECKSUMS:
        raise ArgumentError(
            f"the image set {name!r}, part {split!r}, is unknown: choose 'cifar10' or 'cifar100', "
            "'train' or 'test'"
        )
    folder = data_root(root)
    found = read_packed(folder, name, split) or read_official(folder, name, split)
    if found is None:
        raise DataError(
            f"{name} ({split}) is not in {folder}: put there the official archive "
            f"cifar-{name[5:]}-python.tar.gz, its unpacked folder, or {name}/{name}-{split}*.npz"
        )
    images, labels = found
    for what, array, expected in zip(
        ("images", "labels"), (images, labels), CHECKSUMS[name, split], strict=True
    ):
        if sha256(array) != expected:
            raise DataError(
                f"the {what} of {name} ({split}) in {folder} are not the official ones (the "
                "SHA-256 of the decoded array differs): copy the set again"
            )
    return ImageSet(name, split, images, labels.astype(np.int64))


def load_tiny_imagenet(split: Split, root: str | Path | None = None) -> ImageSet:
    """Tiny ImageNet-200, 64 × 64 pixels, 200 classes; verified by checksum.

    Looks in the folder for the packed form (``tiny-imagenet/tiny-imagenet-train-*.npz``,
    ``tiny-imagenet-val.npz``) and the official folder ``tiny-imagenet-200``. "test" are the
    10,000 validation images, since the labels of the test images are secret. "train" are all
    training images there are (the official folder has 100,000), one of each class in turn.
    The checksum covers the first 100 training images of each class, and all of "test".

    Parameters
    ----------
    split : {"train", "test"}
    root : path, optional
        See :func:`data_root`.

    Raises
    ------
    DataError
        If the set is missing, damaged, or not the official one.
    """
    if split not in ("train", "test"):
        raise ArgumentError(f"split is {split!r}: choose 'train' or 'test'")
    folder = data_root(root)
    found = read_tiny_imagenet(folder, split)
    if found is None:
        packed = "train-1" if split == "train" else "val"
        raise DataError(
            f"{TINY_IMAGENET} ({split}) is not in {folder}: put there the folder "
            f"tiny-imagenet-200 that unpacking tiny-imagenet-200.zip makes, or "
            f"{TINY_IMAGENET}/{TINY_IMAGENET}-{packed}.npz"
        )
    images, labels = found
    return ImageSet(TINY_IMAGENET, split, images, labels.astype(np.int64))


def load_images(name: str, split: Split, root: str | Path | None = None) -> ImageSet:
    """An image set by name: "digits", "cifar10", "cifar100" or "tiny-imagenet".

    Raises
    ------
    ArgumentError, DataError

    Examples
    --------
    >>> len(load_images("digits", "test"))
    360
    """
    if name == "digits":
        return load_digits(split)
    if name == TINY_IMAGENET:
        return load_tiny_imagenet(split, root)
    return load_cifar(name, split, root)  # type: ignore[arg-type]


def load_digits(split: Split) -> ImageSet:
    """The 8 × 8 digits that come with scikit-learn: 1,437 to train, 360 to test.

    The split is a fixed pseudorandom permutation. Pixels are 0 to 16.

    Examples
    --------
    >>> len(load_digits("train")), load_digits("test").images.shape
    (1437, (360, 8, 8, 1))
    """
    from sklearn.datasets import load_digits as sklearn_digits

    if split not in ("train", "test"):
        raise ArgumentError(f"split is {split!r}: choose 'train' or 'test'")
    data = sklearn_digits()
    order = np.random.default_rng(DIGITS_SPLIT_SEED).permutation(len(data.target))
    chosen = order[:DIGITS_TEST] if split == "test" else order[DIGITS_TEST:]
    images = data.images[chosen].astype(np.uint8)[..., None]
    return ImageSet("digits", split, images, data.target[chosen].astype(np.int64))
