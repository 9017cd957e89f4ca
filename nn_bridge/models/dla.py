# SPDX-License-Identifier: Apache-2.0
"""DLA-34, deep layer aggregation (Yu et al., arXiv 1707.06484), for small images."""

from __future__ import annotations

from typing import cast

import torch
import torch.nn.functional as functional
from torch import nn

from .widths import narrowed

_WIDTHS = (16, 32, 64, 128, 256, 512)
_LEVELS = (1, 2, 2, 1)  # depths of the trees
_STRIDES = (1, 2, 2, 2)  # of the trees; 2, 2, 2, 2 in the network for 224 × 224 images


class Block(nn.Module):
    """Two 3 × 3 convolutions around which a residual is led by whoever calls."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)

    def forward(self, x: torch.Tensor, residual: torch.Tensor) -> torch.Tensor:
        """ReLU of the convolutions plus the residual."""
        value = functional.relu(self.bn1(self.conv1(x)))
        return functional.relu(self.bn2(self.conv2(value)) + residual)


class Root(nn.Module):
    """Joins the branches of a tree by a 1 × 1 convolution."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 1, bias=False)
        self.bn = nn.BatchNorm2d(outputs)

    def forward(self, branches: list[torch.Tensor]) -> torch.Tensor:
        """ReLU of the convolution of all branches, side by side."""
        return functional.relu(self.bn(self.conv(torch.cat(branches, dim=1))))


class Tree(nn.Module):
    """Two subtrees (blocks at depth 1), the second behind the first, and their root.

    Parameters
    ----------
    depth, inputs, outputs, stride : int
    level_root : bool
        Whether the (subsampled) input is a branch of the root too.
    extra : int
        Channels of what else the root gets from above.
    """

    def __init__(
        self,
        depth: int,
        inputs: int,
        outputs: int,
        stride: int,
        level_root: bool = False,
        extra: int = 0,
    ) -> None:
        super().__init__()
        self.depth, self.level_root = depth, level_root
        extra += inputs if level_root else 0
        if depth == 1:
            self.tree1: nn.Module = Block(inputs, outputs, stride)
            self.tree2: nn.Module = Block(outputs, outputs, 1)
            self.root = Root(2 * outputs + extra, outputs)
        else:
            self.tree1 = Tree(depth - 1, inputs, outputs, stride)
            self.tree2 = Tree(depth - 1, outputs, outputs, 1, extra=outputs + extra)
        self.downsample: nn.Module = nn.MaxPool2d(stride) if stride > 1 else nn.Identity()
        self.project: nn.Module = nn.Identity()
        if depth == 1 and inputs != outputs:  # a deeper tree leads its input on as it is
            self.project = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, bias=False), nn.BatchNorm2d(outputs)
            )

    def forward(self, x: torch.Tensor, above: list[torch.Tensor] | None = None) -> torch.Tensor:
        """Shape (n, inputs, h, w) to (n, outputs, h / stride, w / stride)."""
        branches = list(above or [])
        if self.depth == 1:
            bottom = self.downsample(x)
            branches += [bottom] if self.level_root else []
            first = self.tree1(x, self.project(bottom))
            second = self.tree2(first, first)
            return cast("torch.Tensor", self.root([second, first, *branches]))
        branches += [self.downsample(x)] if self.level_root else []
        first = self.tree1(x)
        return cast("torch.Tensor", self.tree2(first, [*branches, first]))


class DLA(nn.Module):
    """DLA-34 that subsamples three times for 32 × 32 images, four times for 64 × 64.

    The max-pools of the shortcuts subsample; ``pool="average"`` makes them polynomial.

    Parameters
    ----------
    classes : int
    size : {32, 64}
        Side of the images.
    pool : {"max", "average"}
    width : float
        Multiplier of all numbers of channels, which stay multiples of 8.

    Examples
    --------
    >>> DLA().eval()(torch.zeros(1, 3, 32, 32)).shape
    torch.Size([1, 10])
    """

    def __init__(
        self, classes: int = 10, size: int = 32, pool: str = "max", width: float = 1.0
    ) -> None:
        super().__init__()
        widths = [narrowed(channels, width) for channels in _WIDTHS]
        self.base_layer = _layer(3, widths[0], 1)
        self.level0 = _layer(widths[0], widths[0], 1)
        self.level1 = _layer(widths[0], widths[1], 1 if size <= 32 else 2)
        for index, (depth, stride) in enumerate(zip(_LEVELS, _STRIDES, strict=True)):
            tree = Tree(depth, widths[index + 1], widths[index + 2], stride, index > 0)
            setattr(self, f"level{index + 2}", tree)
        self.fc = nn.Linear(widths[-1], classes)
        if pool == "average":
            for module in list(self.modules()):
                if isinstance(module, Tree) and isinstance(module.downsample, nn.MaxPool2d):
                    module.downsample = nn.AvgPool2d(module.downsample.kernel_size)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Shape (n, 3, h, w) to logits (n, classes)."""
        x = self.base_layer(x)
        for level in range(6):
            x = getattr(self, f"level{level}")(x)
        return cast("torch.Tensor", self.fc(x.mean((2, 3))))


def _layer(inputs: int, outputs: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )
