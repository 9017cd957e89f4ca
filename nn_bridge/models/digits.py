# SPDX-License-Identifier: Apache-2.0
"""A small residual network for 8 × 8 digits."""

from __future__ import annotations

from typing import cast

import torch
import torch.nn.functional as functional
from torch import nn

from .resnet import BasicBlock


class DigitsNet(nn.Module):
    """A residual network for 8 × 8 digits with six ReLUs, called in different ways.

    Examples
    --------
    >>> DigitsNet()(torch.zeros(1, 1, 8, 8)).shape
    torch.Size([1, 10])
    """

    def __init__(self, width: int = 16, classes: int = 10) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, width, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.block1 = BasicBlock(width, width, 1, "A")
        self.conv2 = nn.Conv2d(width, 2 * width, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(2 * width)
        self.block2 = BasicBlock(2 * width, 2 * width, 1, "A")
        self.linear = nn.Linear(2 * width, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Shape (n, 1, 8, 8) to logits (n, classes)."""
        x = self.block1(self.relu(self.bn1(self.conv1(x))))
        x = self.bn2(self.conv2(functional.avg_pool2d(x, 2))).relu()
        x = self.block2(x)
        return cast("torch.Tensor", self.linear(functional.avg_pool2d(x, x.shape[-1]).flatten(1)))
