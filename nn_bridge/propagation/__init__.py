# SPDX-License-Identifier: Apache-2.0
"""How the errors of polynomial activations travel through a network."""

from .critical import AccuracyCurve, accuracy_curve
from .law import Prediction
from .layers import LayerError
from .majorant import Majorant, majorant
from .prediction import predict_accuracy
from .study import Propagation, propagate

__all__ = [
    "AccuracyCurve",
    "LayerError",
    "Majorant",
    "Prediction",
    "Propagation",
    "accuracy_curve",
    "majorant",
    "predict_accuracy",
    "propagate",
]
