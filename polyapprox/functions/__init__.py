# SPDX-License-Identifier: Apache-2.0
"""The named functions: what each is in every arithmetic, and how it is symmetric.

One entry of a table for each (in ``elementary``, ``activations``, ``special`` and ``piecewise``);
:data:`NAMED` joins them. What holds for trees of them: ``tree``, ``symmetry``, ``pieces``,
``poles``.
"""

from __future__ import annotations

from .activations import ACTIVATIONS
from .elementary import ELEMENTARY
from .named import Named, Symmetry
from .piecewise import PIECEWISE
from .special import SPECIAL

__all__ = ["NAMED", "Named", "Symmetry"]

NAMED: dict[str, Named] = {f.name: f for f in (*ELEMENTARY, *SPECIAL, *ACTIVATIONS, *PIECEWISE)}
