# SPDX-License-Identifier: Apache-2.0
"""ResNets for 32 × 32 images (He et al., arXiv 1512.03385, section 4.2)."""

from __future__ import annotations

from typing import Literal, cast

import torch
import torch.nn.functional as functional
from torch import nn

from ..errors import ArgumentError

Shortcut = Literal["A", "B"]


class BasicBlock(nn.Module):
    """Two 3 × 3 convolutions and a shortcut.

    Shortcut "A" subsamples and pads with zero channels; "B" is a 1 × 1 convolution with batch
    normalisation, named `downsample` (He et al., arXiv 1512.03385, section 4.2).
    """

    def __init__(self, inputs: int, outputs: int, stride: int, shortcut: Shortcut) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.stride = stride
        self.extra = outputs - inputs
        self.downsample: nn.Module | None = None
        if self.extra and shortcut == "B":
            self.downsample = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )

    def shortcut(self, x: torch.Tensor) -> torch.Tensor:
        """The path around the convolutions."""
        if self.downsample is not None:
            return cast("torch.Tensor", self.downsample(x))
        if not self.extra:
            return x
        half = self.extra // 2
        return functional.pad(
            x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, half, self.extra - half)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Shape (n, inputs, h, w) to (n, outputs, h / stride, w / stride)."""
        value = functional.relu(self.bn1(self.conv1(x)))
        value = self.bn2(self.conv2(value)) + self.shortcut(x)
        return functional.relu(value)


class ResNet(nn.Module):
    """ResNet for CIFAR: 6n + 2 layers, widths 16, 32 and 64.

    Parameters
    ----------
    layers : int
        20, 32, 44, 56, 110: 6n + 2.
    classes : int
    shortcut : {"A", "B"}
        See :class:`BasicBlock`.
    head : {"linear", "fc"}
        Name of the last layer, as in the file of weights.

    Examples
    --------
    >>> ResNet(20)(torch.zeros(1, 3, 32, 32)).shape
    torch.Size([1, 10])
    """

    def __init__(
        self, layers: int, classes: int = 10, shortcut: Shortcut = "A", head: str = "linear"
    ) -> None:
        super().__init__()
        if layers < 8 or (layers - 2) % 6:
            raise ArgumentError(f"layers is {layers!r}: give 6n + 2, such as 20, 32 or 44")
        if shortcut not in ("A", "B") or head not in ("linear", "fc"):
            raise ArgumentError(
                f"shortcut is {shortcut!r} and head is {head!r}: choose 'A' or 'B', and 'linear' "
                "or 'fc'"
            )
        self.conv1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        width = 16
        for index, outputs in enumerate((16, 32, 64)):
            blocks = []
            for block in range((layers - 2) // 6):
                stride = 2 if index and not block else 1
                blocks.append(BasicBlock(width, outputs, stride, shortcut))
                width = outputs
            setattr(self, f"layer{index + 1}", nn.Sequential(*blocks))
        self.head = head
        setattr(self, head, nn.Linear(64, classes))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Shape (n, 3, 32, 32) to logits (n, classes)."""
        x = functional.relu(self.bn1(self.conv1(x)))
        for name in ("layer1", "layer2", "layer3"):
            x = getattr(self, name)(x)
        x = functional.avg_pool2d(x, x.shape[-1]).flatten(1)
        return cast("torch.Tensor", getattr(self, self.head)(x))
