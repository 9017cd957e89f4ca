# SPDX-License-Identifier: Apache-2.0
"""Training networks that survive polynomials of low precision."""

from .configuration import (
    Augmentation,
    Configuration,
    Forward,
    Noise,
    Optimisation,
    Range,
    from_mapping,
    read_configuration,
)
from .digits import TrainingConfiguration, train_digits
from .loop import Trained, fit

__all__ = [
    "Augmentation",
    "Configuration",
    "Forward",
    "Noise",
    "Optimisation",
    "Range",
    "Trained",
    "TrainingConfiguration",
    "fit",
    "from_mapping",
    "read_configuration",
    "train_digits",
]
