# SPDX-License-Identifier: Apache-2.0
"""PyTorch bridge: networks whose ReLU is a polynomial approximation with a proven bound.

>>> import torch
>>> from torch import nn
>>> network = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 2))
>>> converted = convert(network, precision=2**-7, interval=10.0)
>>> converted.report.sites[0].error_bound <= 10 * 2**-7
True
"""

import sys
from typing import TYPE_CHECKING, Any

from . import requirements  # noqa: F401 - first: says that PyTorch is missing

if TYPE_CHECKING:  # what the names below are, for type checkers; running, they load when first used
    from .activations.activation import PolynomialActivation as PolynomialActivation
    from .calls.checking import check as check
    from .channels.foldable import foldings as foldings
    from .choosing.allocation import Allocation as Allocation, allocate as allocate
    from .choosing.weighting import weighted as weighted
    from .conversion.evaluation import evaluate as evaluate
    from .conversion.exporting import export as export
    from .conversion.folding import fold as fold
    from .conversion.network import convert as convert
    from .conversion.renewing import renew as renew, restore as restore
    from .conversion.saving import (
        load_converted as load_converted,
        save_converted as save_converted,
    )
    from .correction.batch_norms import correct_batch_norms as correct_batch_norms
    from .correction.dead_channels import silence_dead_channels as silence_dead_channels
    from .correction.means import correct_means as correct_means
    from .errors import (
        ArgumentError as ArgumentError,
        BridgeError as BridgeError,
        ConversionError as ConversionError,
        DataError as DataError,
        OutOfRangeError as OutOfRangeError,
        RangeWarning as RangeWarning,
        WeightsError as WeightsError,
    )
    from .models.networks import find_network as find_network
    from .propagation import predict_accuracy as predict_accuracy, propagate as propagate
    from .ranges.calibration import calibrate as calibrate, measure as measure
    from .ranges.ranges import Ranges as Ranges
    from .training.own_loop import Sturdy as Sturdy, sturdy as sturdy

    __version__: str

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
    "silence_dead_channels",
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

_MODULES = {
    "activations.activation": "PolynomialActivation",
    "calls.checking": "check",
    "channels.foldable": "foldings",
    "choosing.allocation": "Allocation allocate",
    "choosing.weighting": "weighted",
    "conversion.evaluation": "evaluate",
    "conversion.exporting": "export",
    "conversion.folding": "fold",
    "conversion.network": "convert",
    "conversion.renewing": "renew restore",
    "conversion.saving": "load_converted save_converted",
    "correction.batch_norms": "correct_batch_norms",
    "correction.dead_channels": "silence_dead_channels",
    "correction.means": "correct_means",
    "errors": "ArgumentError BridgeError ConversionError DataError OutOfRangeError RangeWarning WeightsError",
    "models.networks": "find_network",
    "propagation": "predict_accuracy propagate",
    "ranges.calibration": "calibrate measure",
    "ranges.ranges": "Ranges",
    "training.own_loop": "Sturdy sturdy",
}
_LAZY = {name: module for module, names in _MODULES.items() for name in names.split()}


def __dir__() -> list[str]:
    """All public names, those not loaded yet included."""
    return sorted({*globals(), *__all__})


if not TYPE_CHECKING:  # a type checker that saw this would let every name pass

    def __getattr__(name: str) -> Any:
        """Load PyTorch when a name is first used: the command tells its help without it."""
        from importlib import import_module

        if name == "__version__":
            from polyapprox.provenance import version

            return version()
        if name not in _LAZY:
            message = f"module 'nn_bridge' has no attribute {name!r}"
            raise AttributeError(message, name=name, obj=sys.modules[__name__])
        found = getattr(import_module(f".{_LAZY[name]}", __name__), name)
        globals()[name] = found
        return found
