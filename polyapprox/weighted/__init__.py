# SPDX-License-Identifier: Apache-2.0
"""Approximations that err least where the inputs are, still with a proven bound everywhere."""

from .density import Density as Density
from .error import WeightedError as WeightedError, weighted_error as weighted_error
from .relu import weighted_relu as weighted_relu
