# SPDX-License-Identifier: Apache-2.0
"""Architectures for images of 32 × 32 and 64 × 64 pixels, and for the 8 × 8 digits."""

from .digits import DigitsNet
from .dla import DLA
from .mobilenet import MobileNetV2
from .resnet import BasicBlock, ResNet
from .shufflenet import ShuffleNetV2

__all__ = ["BasicBlock", "DLA", "DigitsNet", "MobileNetV2", "ResNet", "ShuffleNetV2"]
