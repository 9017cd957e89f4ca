# SPDX-License-Identifier: Apache-2.0
"""Exceptions of the bridge: every one carries a sentence that says what to do."""

from __future__ import annotations

from polyapprox.errors import ArgumentError, PolyApproxError

__all__ = [
    "ArgumentError",
    "BridgeError",
    "ConversionError",
    "DataError",
    "OutOfRangeError",
    "RangeWarning",
    "TrainingError",
    "WeightsError",
]


class BridgeError(PolyApproxError):
    """Base class of the errors of this package."""


class ConversionError(BridgeError):
    """A network, or one of its activations, cannot be converted as asked."""


class OutOfRangeError(BridgeError):
    """An activation got an input outside the interval of its approximation."""


class RangeWarning(UserWarning):
    """Activations of a converted network got inputs outside the intervals of their approximations."""


class DataError(BridgeError):
    """A data set is missing, incomplete or not what it should be."""


class WeightsError(BridgeError):
    """A file of weights is missing, or does not fit the network."""


class TrainingError(BridgeError):
    """A training cannot go on: a loss that is not finite, a checkpoint that does not fit."""
