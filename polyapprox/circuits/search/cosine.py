# SPDX-License-Identifier: Apache-2.0
"""Circuits in c = cos(πx/2): |x| = (2/π) acos(c), whose kink lies at an end of [0, 1].

A refresh has c at hand, so the first squaring of a circuit for |x| is saved. With n_1 = 1 − 2c = 2s² − 1,
s² = 1 − c, the chain is that of an even circuit for |x| with one node more than it has products, and
such a circuit is where the fit begins.
"""

from __future__ import annotations

from dataclasses import replace

from ...errors import ArgumentError
from ...targets import ARCCOSINE
from ..chain import Chain
from ..library import Shipped
from ..problem import Problem
from ..shape import Circuit, canonical
from .shelve import keep, proven
from .shrink import shrunk
from .thin import thinned

_LARGE = 32.0
PROBLEM = Problem(ARCCOSINE, (0.0, 1.0), "general")


def in_cosine(chain: Chain) -> Circuit:
    """The circuit in c of a chain in n_1 = 1 − 2c.

    Parameters
    ----------
    chain : Chain
        Of m + 1 nodes, for m products.
    """
    dense = canonical(chain, "even")
    try:
        circuit = thinned(dense)
    except ArgumentError:
        circuit = dense
    if circuit.largest_constant > _LARGE:
        circuit = min((circuit, shrunk(dense)), key=lambda one: one.largest_constant)
    left, right = (
        tuple(_mirrored(row) for row in table) for table in (circuit.left, circuit.right)
    )
    output = _mirrored(circuit.output)
    if not left:
        return Circuit("general", (), (), (), output)
    # n_2 = 2^e (n_1 + a)(n_1 + b) = 2^e (u − a)(u − b) with u = −n_1
    left = ((-left[0][0],), *left[1:])
    right = ((-right[0][0],), *right[1:])
    return replace(circuit, family="general", left=left, right=right, output=output)


def _mirrored(row: tuple[float, ...]) -> tuple[float, ...]:
    """The constants of a row where the one of n_1 changes its sign."""
    return tuple(-value if j == 1 else value for j, value in enumerate(row))


def add_in_cosine(chain: Chain, origin: str) -> Shipped | None:
    """Prove the circuit in c of a chain, and put it into the shipped file if it is the best."""
    return keep(proven(in_cosine(chain), origin, PROBLEM))
