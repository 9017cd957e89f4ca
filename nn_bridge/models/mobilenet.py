# SPDX-License-Identifier: Apache-2.0
"""MobileNetV2 (Sandler et al., arXiv 1801.04381) for small images, with ReLU for ReLU6."""

from __future__ import annotations

from typing import cast

import torch
from torch import nn

from .widths import narrowed

# expansion, channels, blocks, stride for 224 × 224 images (table 2 of the paper)
_STAGES = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)
_STEM, _LAST = 32, 1280


def _layer(
    inputs: int, outputs: int, size: int, stride: int, groups: int, activation: type[nn.Module]
) -> list[nn.Module]:
    return [
        nn.Conv2d(inputs, outputs, size, stride, size // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
        activation(),
    ]


class Bottleneck(nn.Module):
    """Expand, convolve each channel, project; a shortcut where the shapes allow it."""

    def __init__(
        self, inputs: int, outputs: int, stride: int, expansion: int, activation: type[nn.Module]
    ) -> None:
        super().__init__()
        hidden = inputs * expansion
        layers = _layer(inputs, hidden, 1, 1, 1, activation) if expansion > 1 else []
        layers += _layer(hidden, hidden, 3, stride, hidden, activation)
        layers += [nn.Conv2d(hidden, outputs, 1, bias=False), nn.BatchNorm2d(outputs)]
        self.conv = nn.Sequential(*layers)
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Shape (n, inputs, h, w) to (n, outputs, h / stride, w / stride)."""
        return cast("torch.Tensor", x + self.conv(x) if self.residual else self.conv(x))


class MobileNetV2(nn.Module):
    """MobileNetV2 that subsamples three times for 32 × 32 images, four times for 64 × 64.

    Parameters
    ----------
    classes : int
    size : {32, 64}
        Side of the images: the stem and the first stages keep it, or halve it once.
    activation : type of Module
        ReLU by default, since ReLU6 costs two approximations under encryption.
    width : float
        Multiplier of all numbers of channels, which stay multiples of 8.

    Examples
    --------
    >>> MobileNetV2().eval()(torch.zeros(2, 3, 32, 32)).shape
    torch.Size([2, 10])
    """

    def __init__(
        self,
        classes: int = 10,
        size: int = 32,
        activation: type[nn.Module] = nn.ReLU,
        width: float = 1.0,
    ) -> None:
        super().__init__()
        channels, last = narrowed(_STEM, width), narrowed(_LAST, width)
        layers = _layer(3, channels, 3, 1 if size <= 32 else 2, 1, activation)
        for stage, (expansion, outputs, blocks, stride) in enumerate(_STAGES):
            for block in range(blocks):
                step = stride if not block and stage > 1 else 1
                inputs, channels = channels, narrowed(outputs, width)
                layers.append(Bottleneck(inputs, channels, step, expansion, activation))
        layers += _layer(channels, last, 1, 1, 1, activation)
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Linear(last, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Shape (n, 3, h, w) to logits (n, classes)."""
        return cast("torch.Tensor", self.classifier(self.features(x).mean((2, 3))))
