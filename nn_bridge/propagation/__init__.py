"""How the errors of polynomial activations travel through a network."""

from .layers import LayerError
from .majorant import Majorant, majorant
from .study import Propagation, propagate

__all__ = ["LayerError", "Majorant", "Propagation", "majorant", "propagate"]
