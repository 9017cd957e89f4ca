# SPDX-License-Identifier: Apache-2.0
"""Circuits: chains of products with free constants, for the fewest multiplications."""

from .library import Shipped as Shipped, shipped_circuits as shipped_circuits
from .plan import circuit_plan as circuit_plan
from .shape import Circuit as Circuit, canonical as canonical
