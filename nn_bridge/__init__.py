"""PyTorch bridge: networks whose ReLU is a polynomial approximation with a proven bound.

>>> import torch
>>> from torch import nn
>>> network = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 2))
>>> converted = convert(network, precision=2**-7, interval=10.0)
>>> converted.report.sites[0].error_bound <= 10 * 2**-7
True
"""

from .activation import PolynomialActivation
from .allocation import Allocation, allocate
from .batch_norms import correct_batch_norms
from .calibration import calibrate, measure
from .checking import check
from .conversion import convert
from .correction import correct_means
from .errors import (
    ArgumentError,
    BridgeError,
    ConversionError,
    DataError,
    OutOfRangeError,
    WeightsError,
)
from .evaluation import evaluate
from .foldable import foldings
from .folding import fold
from .propagation import propagate
from .ranges import Ranges
from .saving import load_converted, save_converted
from .weighting import weighted

__all__ = [
    "Allocation",
    "allocate",
    "PolynomialActivation",
    "calibrate",
    "check",
    "convert",
    "correct_batch_norms",
    "correct_means",
    "evaluate",
    "fold",
    "foldings",
    "load_converted",
    "measure",
    "propagate",
    "Ranges",
    "save_converted",
    "weighted",
    "ArgumentError",
    "BridgeError",
    "ConversionError",
    "DataError",
    "OutOfRangeError",
    "WeightsError",
]
