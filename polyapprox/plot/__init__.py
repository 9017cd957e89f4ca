"""Figures, as PNG or SVG: the error with its bound, the stages of a composite, the comparison.

Drawing needs matplotlib, which is loaded only when a figure is drawn
(``pip install "polyapprox[plot]"``); no global state of it is touched.
"""

from .error import error_curve as error_curve
from .pareto import pareto as pareto
from .stages import stages as stages
