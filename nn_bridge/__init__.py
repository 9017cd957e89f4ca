"""PyTorch bridge: networks whose ReLU is a polynomial approximation with a proven bound.

>>> import torch
>>> from torch import nn
>>> network = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 2))
>>> converted = convert(network, precision=2**-7, interval=10.0)
>>> converted.report.sites[0].error_bound <= 10 * 2**-7
True
"""

from . import requirements  # noqa: F401 - first: says that PyTorch is missing

# isort: split
from polyapprox.provenance import version

from .activations.activation import PolynomialActivation
from .calls.checking import check
from .channels.foldable import foldings
from .choosing.allocation import Allocation, allocate
from .choosing.weighting import weighted
from .conversion.evaluation import evaluate
from .conversion.exporting import export
from .conversion.folding import fold
from .conversion.network import convert
from .conversion.renewing import renew, restore
from .conversion.saving import load_converted, save_converted
from .correction.batch_norms import correct_batch_norms
from .correction.means import correct_means
from .errors import (
    ArgumentError,
    BridgeError,
    ConversionError,
    DataError,
    OutOfRangeError,
    RangeWarning,
    WeightsError,
)
from .models.networks import find_network
from .propagation import predict_accuracy, propagate
from .ranges.calibration import calibrate, measure
from .ranges.ranges import Ranges
from .training.own_loop import Sturdy, sturdy

__version__ = version()

__all__ = [
    "__version__",
    "Allocation",
    "allocate",
    "PolynomialActivation",
    "calibrate",
    "check",
    "convert",
    "correct_batch_norms",
    "correct_means",
    "evaluate",
    "export",
    "find_network",
    "fold",
    "foldings",
    "load_converted",
    "measure",
    "predict_accuracy",
    "propagate",
    "Ranges",
    "renew",
    "restore",
    "save_converted",
    "Sturdy",
    "sturdy",
    "weighted",
    "ArgumentError",
    "BridgeError",
    "ConversionError",
    "DataError",
    "OutOfRangeError",
    "RangeWarning",
    "WeightsError",
]
