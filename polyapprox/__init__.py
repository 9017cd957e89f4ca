"""Polynomial approximation for computing on encrypted data."""

from typing import Any

from .approximation import Approximation as Approximation
from .polynomial import Polynomial as Polynomial

_LAZY = {
    "relu": ("recipes.absolute", "relu"),
    "abs": ("recipes.absolute", "absolute"),
    "maximum": ("recipes.absolute", "maximum"),
    "minimum": ("recipes.absolute", "minimum"),
    "sign": ("recipes.sign", "sign"),
    "step": ("recipes.sign", "step"),
    "circuit": ("recipes.circuits", "circuit"),
    "weighted_relu": ("weighted", "weighted_relu"),
    "limits": ("recipes.limits", "limits"),
    "pareto": ("recipes.pareto", "pareto"),
    "minimax": ("recipes.minimax", "minimax"),
    "from_components": ("recipes.entered", "from_components"),
    "load": ("table", "load"),
    "import_table": ("importing", "import_table"),
    "audit": ("auditing", "audit"),
    "verify": ("verification", "verify"),
}
_MODULES = ("encrypted",)


def __getattr__(name: str) -> Any:
    """Load the recipes when they are first used: importing the package stays fast."""
    from importlib import import_module

    if name in _MODULES:
        return import_module(f".{name}", __name__)
    if name not in _LAZY:
        raise AttributeError(f"module 'polyapprox' has no attribute {name!r}")
    module, attribute = _LAZY[name]
    return getattr(import_module(f".{module}", __name__), attribute)
