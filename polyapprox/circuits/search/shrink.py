# SPDX-License-Identifier: Apache-2.0
"""Moderate constants for the same function: the shifts of a chain, chosen for small constants.

What thinning uses to make zeros (:mod:`polyapprox.circuits.search.thin`) can make large constants small
instead: numbers added to the two factors of a node change it by a sum of older nodes, which all
later rows take back.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize

from ...errors import ArgumentError
from ..chain import Chain, nodes_of
from ..shape import Circuit, canonical

_POINTS = 64
_NORM = 12
_ROUNDS = 4


def shrunk(circuit: Circuit) -> Circuit:
    """The same function with the largest constant as small as shifts make it.

    Parameters
    ----------
    circuit : Circuit
        Of any family.

    Returns
    -------
    Circuit
        The circuit itself where nothing better is found.

    Examples
    --------
    >>> from polyapprox.circuits.library import shipped_circuits
    >>> chain = shipped_circuits()[4].circuit.chain()
    >>> large = canonical(shifted(chain, np.array([9.0, -3.0, 0.5, 2.0, 7.0, -4.0])), "even")
    >>> small = shrunk(large)
    >>> small.largest_constant < large.largest_constant
    True
    >>> bool(abs(small(0.3) - large(0.3)) < 1e-9)
    True
    """
    last = len(circuit.output) - 1
    if last < 2:
        return circuit
    general = circuit.family == "general"
    first = np.cos(np.linspace(0, np.pi, _POINTS))
    if not general:
        first = 2 * np.cos(np.linspace(0, np.pi / 2, _POINTS)) ** 2 - 1
    chain = circuit.chain()
    start = np.zeros(2 * (last - 1))

    def size(moves: np.ndarray) -> float:
        return _size(shifted(chain, moves), first)

    best, least = start, size(start)
    for _ in range(_ROUNDS):
        for method in ("BFGS", "Powell"):
            found = minimize(size, best, method=method, options={"maxiter": 200})
            if found.fun < least:
                best, least = found.x, float(found.fun)
    try:
        result = canonical(shifted(chain, best), circuit.family)
    except ArgumentError:
        return circuit
    return result if result.largest_constant < circuit.largest_constant else circuit


def shifted(chain: Chain, moves: np.ndarray) -> Chain:
    """Add numbers to the factors of node after node; later rows take the change back.

    Parameters
    ----------
    chain : Chain
    moves : numpy.ndarray, shape (2 (n − 1),)
        Of the left and the right factor of n_2, then of n_3, …, relative to the leading constant
        of the factor.
    """
    chain = chain.copy()
    last = chain.multiplications
    for i in range(2, last + 1):
        left, right = moves[2 * (i - 2) : 2 * (i - 1)]
        left, right = left * chain.left[i, i - 1], right * chain.right[i, i - 1]
        change = left * chain.right[i, :i] + right * chain.left[i, :i]
        change[0] += left * right
        chain.left[i, 0] += left
        chain.right[i, 0] += right
        for table in (chain.left, chain.right):
            table[i + 1 :, :i] -= np.outer(table[i + 1 :, i], change)
        chain.output[:i] -= chain.output[i] * change
    return chain


def _size(chain: Chain, first: np.ndarray) -> float:
    """log of the norm of all constants, nodes taken to size 1 and leading constants to 1."""
    nodes, *factors = nodes_of(chain, first)
    last = chain.multiplications
    scale = np.max(np.abs(nodes), axis=1)
    for factor, table in zip(factors, (chain.left, chain.right), strict=True):
        for i in range(2, last):  # a node is as large as the factors it enters
            lead = abs(table[i + 1, i])
            if lead > 0:
                scale[i] = max(scale[i], float(np.max(np.abs(factor[i + 1]))) / lead)
    constants = [np.abs(chain.output) * scale]
    for table in (chain.left, chain.right):
        for i in range(2, last + 1):
            lead = abs(table[i, i - 1]) * scale[i - 1]
            if lead == 0:
                return np.inf
            constants.append(np.abs(table[i, : i - 1]) * scale[: i - 1] / lead)
    values = np.concatenate(constants)
    largest = float(np.max(values))
    if not 0 < largest < np.inf:
        return np.inf
    return float(np.log(largest) + np.log(np.sum((values / largest) ** _NORM)) / _NORM)
