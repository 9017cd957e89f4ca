# SPDX-License-Identifier: Apache-2.0
"""Figures, as PNG or SVG: the error with its bound, the stages of a composite, the comparison.

Drawing needs matplotlib, which is loaded only when a figure is drawn
(``pip install "polyapprox[plot]"``); no global state of it is touched.
"""

from .error import error_curve as error_curve
from .noise import noise as noise
from .pareto import pareto as pareto
from .plan import plan_graph as plan_graph
from .stages import stages as stages
