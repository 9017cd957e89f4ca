# SPDX-License-Identifier: Apache-2.0
"""ShuffleNetV2 (Ma et al., arXiv 1807.11164) for small images."""

from __future__ import annotations

from typing import cast

import torch
from torch import nn

from ..errors import ArgumentError

_WIDTHS = {
    0.5: (48, 96, 192, 1024),
    1.0: (116, 232, 464, 1024),
    1.5: (176, 352, 704, 1024),
    2.0: (244, 488, 976, 2048),
}
_BLOCKS = (4, 8, 4)
_STEM = 24


def _pointwise(inputs: int, outputs: int) -> list[nn.Module]:
    return [
        nn.Conv2d(inputs, outputs, 1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    ]


def _depthwise(channels: int, stride: int) -> list[nn.Module]:
    return [
        nn.Conv2d(channels, channels, 3, stride, 1, groups=channels, bias=False),
        nn.BatchNorm2d(channels),
    ]


def shuffle(x: torch.Tensor, groups: int = 2) -> torch.Tensor:
    """Channels of the groups interleaved; shape kept."""
    n, channels, height, width = x.shape
    x = x.view(n, groups, channels // groups, height, width)
    return x.transpose(1, 2).reshape(n, channels, height, width)


class InvertedResidual(nn.Module):
    """Half of the channels pass, half are convolved (all of them where it subsamples)."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        half = outputs // 2
        self.stride = stride
        self.branch1 = nn.Sequential()
        if stride > 1:
            self.branch1 = nn.Sequential(*_depthwise(inputs, stride), *_pointwise(inputs, half))
        self.branch2 = nn.Sequential(
            *_pointwise(inputs if stride > 1 else half, half),
            *_depthwise(half, stride),
            *_pointwise(half, half),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Shape (n, inputs, h, w) to (n, outputs, h / stride, w / stride)."""
        if self.stride > 1:
            return shuffle(torch.cat((self.branch1(x), self.branch2(x)), dim=1))
        passed, changed = x.chunk(2, dim=1)
        return shuffle(torch.cat((passed, self.branch2(changed)), dim=1))


class ShuffleNetV2(nn.Module):
    """ShuffleNetV2 whose stem does not subsample, as small images want it.

    Parameters
    ----------
    multiplier : {0.5, 1.0, 1.5, 2.0}
        Width.
    classes : int
    stem_stride : int
        1 for 32 × 32 images, 2 for 64 × 64.

    Examples
    --------
    >>> ShuffleNetV2(0.5)(torch.zeros(2, 3, 32, 32)).shape
    torch.Size([2, 10])
    """

    def __init__(self, multiplier: float = 1.0, classes: int = 10, stem_stride: int = 1) -> None:
        super().__init__()
        if multiplier not in _WIDTHS:
            raise ArgumentError(f"multiplier is {multiplier!r}: choose 0.5, 1.0, 1.5 or 2.0")
        *stages, last = _WIDTHS[multiplier]
        self.conv1 = nn.Sequential(
            nn.Conv2d(3, _STEM, 3, stem_stride, 1, bias=False),
            nn.BatchNorm2d(_STEM),
            nn.ReLU(inplace=True),
        )
        width = _STEM
        for index, (outputs, repeats) in enumerate(zip(stages, _BLOCKS, strict=True)):
            blocks = [InvertedResidual(width, outputs, 2)]
            blocks += [InvertedResidual(outputs, outputs, 1) for _ in range(repeats - 1)]
            setattr(self, f"stage{index + 2}", nn.Sequential(*blocks))
            width = outputs
        self.conv5 = nn.Sequential(*_pointwise(width, last))
        self.fc = nn.Linear(last, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Shape (n, 3, h, w) to logits (n, classes)."""
        for name in ("conv1", "stage2", "stage3", "stage4", "conv5"):
            x = getattr(self, name)(x)
        return cast("torch.Tensor", self.fc(x.mean((2, 3))))
