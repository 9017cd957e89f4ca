# SPDX-License-Identifier: Apache-2.0
"""Polynomial approximation for computing on encrypted data."""

import sys
from typing import TYPE_CHECKING, Any

from . import errors as errors
from .approximation import Approximation as Approximation
from .errors import PrecisionWarning as PrecisionWarning
from .polynomial import Polynomial as Polynomial

if TYPE_CHECKING:  # what the names below are, for type checkers; running, they load when first used
    from . import encrypted as encrypted, noise as noise
    from .auditing import audit as audit
    from .importing import import_table as import_table
    from .recipes.absolute import (
        absolute as abs,
        maximum as maximum,
        minimum as minimum,
        relu as relu,
    )
    from .recipes.approximate import approximate as approximate
    from .recipes.circuits import circuit as circuit
    from .recipes.entered import from_components as from_components
    from .recipes.limits import limits as limits
    from .recipes.minimax import minimax as minimax
    from .recipes.pareto import pareto as pareto
    from .recipes.reciprocal import reciprocal as reciprocal
    from .recipes.sign import sign as sign, step as step
    from .refresh.recipe import bootstrapped as bootstrapped
    from .refresh.table import load as load_bootstrapped
    from .table import load as load
    from .verification import verify as verify
    from .weighted import weighted_relu as weighted_relu
    from .wholes.largest import argmax as argmax, maximum_of as maximum_of
    from .wholes.matrix_sign import matrix_sign as matrix_sign
    from .wholes.norms import layer_norm as layer_norm, rms_norm as rms_norm
    from .wholes.softmax import softmax as softmax

    __version__: str

__all__ = [
    "Approximation",
    "Polynomial",
    "PrecisionWarning",
    "__version__",
    "abs",
    "approximate",
    "argmax",
    "audit",
    "bootstrapped",
    "circuit",
    "encrypted",
    "errors",
    "from_components",
    "import_table",
    "layer_norm",
    "limits",
    "load",
    "load_bootstrapped",
    "matrix_sign",
    "maximum",
    "maximum_of",
    "minimax",
    "minimum",
    "noise",
    "pareto",
    "reciprocal",
    "relu",
    "rms_norm",
    "sign",
    "softmax",
    "step",
    "verify",
    "weighted_relu",
]

_LAZY = {
    "argmax": ("wholes.largest", "argmax"),
    "maximum_of": ("wholes.largest", "maximum_of"),
    "matrix_sign": ("wholes.matrix_sign", "matrix_sign"),
    "layer_norm": ("wholes.norms", "layer_norm"),
    "rms_norm": ("wholes.norms", "rms_norm"),
    "softmax": ("wholes.softmax", "softmax"),
    "relu": ("recipes.absolute", "relu"),
    "abs": ("recipes.absolute", "absolute"),
    "maximum": ("recipes.absolute", "maximum"),
    "minimum": ("recipes.absolute", "minimum"),
    "sign": ("recipes.sign", "sign"),
    "step": ("recipes.sign", "step"),
    "approximate": ("recipes.approximate", "approximate"),
    "circuit": ("recipes.circuits", "circuit"),
    "weighted_relu": ("weighted", "weighted_relu"),
    "limits": ("recipes.limits", "limits"),
    "pareto": ("recipes.pareto", "pareto"),
    "reciprocal": ("recipes.reciprocal", "reciprocal"),
    "minimax": ("recipes.minimax", "minimax"),
    "from_components": ("recipes.entered", "from_components"),
    "bootstrapped": ("refresh.recipe", "bootstrapped"),
    "load_bootstrapped": ("refresh.table", "load"),
    "load": ("table", "load"),
    "import_table": ("importing", "import_table"),
    "audit": ("auditing", "audit"),
    "verify": ("verification", "verify"),
}
_MODULES = ("encrypted", "noise")


def __dir__() -> list[str]:
    """All public names, those not loaded yet included."""
    return sorted({name for name in globals() if name.startswith("__")} | set(__all__))


if not TYPE_CHECKING:  # a type checker that saw this would let every name pass

    def __getattr__(name: str) -> Any:
        """Load the recipes when they are first used: importing the package stays fast."""
        from importlib import import_module

        if name in _MODULES:
            return import_module(f".{name}", __name__)
        if name == "__version__":
            from .provenance import version

            return version()
        if name not in _LAZY:
            message = f"module 'polyapprox' has no attribute {name!r}"
            raise AttributeError(message, name=name, obj=sys.modules[__name__])
        module, attribute = _LAZY[name]
        return getattr(import_module(f".{module}", __name__), attribute)
