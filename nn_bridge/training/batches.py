# SPDX-License-Identifier: Apache-2.0
"""Batches for training: shuffled, augmented, mixed; all drawn from the seed and the epoch.

Every process draws the whole batch and keeps its share, so that any number of processes sees the
same images with the same crops.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as functional

from ..images.sets import Batches, ImageSet
from .configuration import Augmentation

PADDING = 4

_MIRRORED = 3  # purpose of a seed


@dataclass(frozen=True)
class Mixed:
    """A batch, mixed or not.

    Attributes
    ----------
    inputs : Tensor, shape (n, channels, height, width)
    labels, others : Tensor of int64, shape (n,)
        The loss is share · loss(labels) + (1 − share) · loss(others).
    share : float
    """

    inputs: torch.Tensor
    labels: torch.Tensor
    others: torch.Tensor
    share: float


class TrainingBatches:
    """The batches of one epoch after the other.

    Parameters
    ----------
    data : ImageSet
    like : Batches
        Whose normalisation is used.
    size : int
        Images a step, over all processes; the last ones of an epoch that do not fill a batch are
        left out.
    mixup : float
        α; 0 for none.
    augment : bool
    seed : int
    device : torch.device
    augmentation : Augmentation, optional
    """

    def __init__(
        self,
        data: ImageSet,
        like: Batches,
        size: int,
        mixup: float = 0.0,
        augment: bool = True,
        seed: int = 0,
        device: torch.device | str = "cpu",
        augmentation: Augmentation | None = None,
    ) -> None:
        self.augmentation = augmentation or Augmentation()
        self.size = min(size, len(data))
        self.mixup, self.augment, self.seed = mixup, augment, seed
        self.images = torch.from_numpy(data.images).permute(0, 3, 1, 2).contiguous().to(device)
        self.labels = torch.from_numpy(data.labels).to(device)
        mean, deviation = torch.tensor(like.mean), torch.tensor(like.deviation)
        self.factor = (1 / (like.scale * deviation)).view(1, -1, 1, 1).to(device)
        self.shift = (-mean / deviation).view(1, -1, 1, 1).to(device)
        drawn = torch.Generator().manual_seed(seed_of(seed, 0, _MIRRORED))
        self.first_mirrored = torch.randint(2, self.labels.shape, generator=drawn)

    def __len__(self) -> int:
        return len(self.labels) // self.size

    def epoch(self, number: int) -> Iterator[Mixed]:
        """The batches of an epoch: the same whenever it is asked for."""
        generator = torch.Generator().manual_seed(seed_of(self.seed, number, 0))
        shares = np.random.default_rng([self.seed, number])
        order = torch.randperm(len(self.labels), generator=generator)
        for step in range(len(self)):
            which = order[step * self.size : (step + 1) * self.size]
            chosen = which.to(self.labels.device)
            images = self.images[chosen]
            if self.augment:
                images = self._augmented(images, which, number, generator)
            inputs = images.float().mul_(self.factor).add_(self.shift)
            side = self.augmentation.side(number)
            if side:
                inputs = resize(inputs, side)
            labels = others = self.labels[chosen]
            share = 1.0
            if self.mixup:
                share = float(shares.beta(self.mixup, self.mixup))
                partner = torch.randperm(len(chosen), generator=generator).to(labels.device)
                inputs = inputs.mul(share).add_(inputs[partner], alpha=1 - share)
                others = labels[partner]
            yield Mixed(inputs, labels, others, share)

    def _augmented(
        self, images: torch.Tensor, which: torch.Tensor, epoch: int, generator: torch.Generator
    ) -> torch.Tensor:
        shown = self.augmentation
        padding = None if isinstance(shown.crop, str) else shown.crop
        alternating = shown.mirror == "alternating"
        mirrored = (self.first_mirrored[which] + epoch) % 2 if alternating else None
        return crop_and_mirror(images, generator, padding, shown.border, mirrored)


def seed_of(seed: int, epoch: int, purpose: int) -> int:
    """A seed of its own for each epoch and purpose.

    Examples
    --------
    >>> len({seed_of(s, e, p) for s in (0, 1) for e in (0, 1) for p in (0, 1)})
    8
    """
    return int(np.random.SeedSequence([seed, epoch, purpose]).generate_state(1, np.uint64)[0] >> 1)


def crop_and_mirror(
    images: torch.Tensor,
    generator: torch.Generator,
    padding: int | None = None,
    border: str = "zeros",
    mirrored: torch.Tensor | None = None,
) -> torch.Tensor:
    """Each image shifted by up to `padding` pixels each way and mirrored or not.

    Parameters
    ----------
    images : Tensor, shape (n, channels, height, width)
        Of any type.
    generator : torch.Generator
        On the CPU, so that every device and every process draws the same.
    padding : int, optional
        By default an eighth of the width (4 pixels for 32 × 32, 8 for 64 × 64), at least 4.
    border : {"zeros", "reflection"}
        What comes in.
    mirrored : Tensor of int64, shape (n,), optional
        Which ones are mirrored (1) and which are not (0); drawn by default.

    Returns
    -------
    Tensor
        Of the same shape and type.

    Examples
    --------
    >>> images = torch.arange(8.0).reshape(1, 1, 2, 4)
    >>> crop_and_mirror(images, torch.Generator().manual_seed(0), 0).shape
    torch.Size([1, 1, 2, 4])
    """
    n, _, height, width = images.shape
    padding = max(PADDING, width // 8) if padding is None else padding
    device = images.device
    shifts = torch.randint(2 * padding + 1, (2, n), generator=generator)
    if mirrored is None:
        mirrored = torch.randint(2, (n,), generator=generator)
    shifts, mirrored = shifts.to(device), mirrored.to(device)
    rows = torch.arange(height, device=device) + shifts[0][:, None]
    columns = torch.arange(width, device=device).expand(n, width)
    columns = torch.where(mirrored[:, None] > 0, width - 1 - columns, columns)
    columns = columns + shifts[1][:, None]
    if border == "reflection":
        rows, columns = _reflected(rows - padding, height), _reflected(columns - padding, width)
    else:
        images = functional.pad(images, (padding,) * 4)
    which = torch.arange(n, device=device)[:, None, None]
    shown = images.permute(0, 2, 3, 1)[which, rows[:, :, None], columns[:, None, :]]
    return shown.permute(0, 3, 1, 2)


def _reflected(places: torch.Tensor, size: int) -> torch.Tensor:
    """Places outside 0 … size − 1 mirrored at its ends."""
    return size - 1 - (size - 1 - places.abs()).abs()


def resize(images: torch.Tensor, side: int) -> torch.Tensor:
    """Images of another side, by antialiased bilinear interpolation.

    Parameters
    ----------
    images : Tensor of float, shape (n, channels, height, width)
    side : int

    Examples
    --------
    >>> resize(torch.ones(1, 3, 32, 32), 16).shape
    torch.Size([1, 3, 16, 16])
    """
    return functional.interpolate(
        images, (side, side), mode="bilinear", align_corners=False, antialias=True
    )
