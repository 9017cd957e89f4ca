# SPDX-License-Identifier: Apache-2.0
"""Evaluation plans: the value, its builder, its constructions and its counters."""

from .builder import PlanBuilder as PlanBuilder
from .count import Counts as Counts, count as count
from .plan import Operation as Operation, Plan as Plan
