# SPDX-License-Identifier: Apache-2.0
"""Minimax polynomials of as many multiplications as a circuit, where they may be better."""

from __future__ import annotations

from dataclasses import replace

import mpmath

from ..approximation import Approximation
from ..circuits.library import Shipped
from ..plan.builder import PlanBuilder
from ..plan.paterson_stockmeyer import append_horner, largest_degree
from ..plan.simplify import simplify
from ..proof.prove import certified
from ..provenance import Provenance
from .minimax import minimax

NEAR_ROUNDING = 2.0**-26


def best_polynomial(
    name: str, multiplications: int, shipped: Shipped, command: str, guard: mpmath.mpf
) -> Approximation | None:
    """The minimax polynomial of as many multiplications, where it may be better than a circuit.

    That is so beyond what constants in double precision carry.
    """
    interval, family = shipped.problem.interval, shipped.problem.family
    if family == "general" and shipped.bound < NEAR_ROUNDING:
        return _by_horner(name, multiplications, interval, command, guard)
    return None


def _by_horner(
    function: str,
    multiplications: int,
    interval: tuple[float, float],
    command: str,
    guard: mpmath.mpf,
) -> Approximation:
    """The minimax polynomial of the largest degree that Paterson and Stockmeyer's scheme evaluates.

    Its constants are exact, where those of a circuit are doubles: beyond some 30 bits that wins.
    """
    degree, block = largest_degree(multiplications)
    best = minimax(function, degree, domain=interval, guard=float(guard))
    (component,) = best.components
    builder = PlanBuilder()
    slope, shift = component.unit_map
    u = builder.shift(builder.scale(builder.arguments[0], slope), shift)
    plan = simplify(builder.finish(append_horner(builder, u, component.coefficients, block)))
    made = replace(best, plan=plan, certificate=None, provenance=Provenance.of(command))
    return certified(made)
