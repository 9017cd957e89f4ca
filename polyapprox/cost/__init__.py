# SPDX-License-Identifier: Apache-2.0
"""What an approximation costs where it is evaluated: levels by framework, seconds by machine."""

from .latency import LatencyModel as LatencyModel, latency_model as latency_model
from .models import CostModel as CostModel, cost_model as cost_model, cost_models as cost_models
