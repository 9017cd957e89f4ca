# SPDX-License-Identifier: Apache-2.0
"""Making the file of circuits with few plaintext products."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from ...errors import ArgumentError, ProofError
from ...files import write_atomically
from ..chain import Chain
from ..library import SPARSE, Shipped, library_text, read_circuits
from ..plan import circuit_plan
from ..shape import Circuit, canonical
from .grow import normalised
from .shelve import proven
from .sparse import Archive, Kept, bits_of, grids
from .sparse_fit import levelled, minimise_pattern, pattern_of

FINEST = 14  # k of the last precision 2^-k
COARSEST = 6
_HOPE = 0.3  # bits that the end of a fit may gain
_TRIED = 2  # chains with each number of products
_POWERS = (8, 16, 32, 64, 128, 256, 512, 1024)
_LARGEST_CONSTANT, _LARGEST_NODE, _LARGEST_VALUE = 16.0, 2.0, 8.0


def finished_sparse(chain: Chain, steps: int = 60) -> Circuit:
    """A chain of the archive, fitted to the end in its pattern, in canonical form."""
    grid, fine = grids(chain.multiplications)
    pattern = pattern_of(chain)
    best, most = chain, bits_of(chain, fine)
    for powers, points in ((_POWERS[:3], grid), (_POWERS[2:], fine)):
        chain = normalised(chain, points.first)
        for p in powers:
            chain = minimise_pattern(chain, points, p, steps, pattern)
            if (bits := bits_of(chain, fine)) > most:
                best, most = chain, bits
    chain = levelled(normalised(best, fine.first), fine, pattern, steps)
    return canonical(chain if bits_of(chain, fine) > most else best, "even")


def largest_value(circuit: Circuit) -> float:
    """Largest absolute value of anything the plan of ReLU computes on [-1, 1] (an estimate, sampled)."""
    x = np.sin(np.linspace(-np.pi / 2, np.pi / 2, 401))
    values = circuit_plan(circuit, "relu", 1.0).values(x)
    return max(float(np.max(np.abs(value))) for value in values)


def moderate(circuit: Circuit) -> bool:
    """Constants at most 16, nodes at most 2, and nothing in the plan of ReLU above 8."""
    return (
        circuit.largest_constant <= _LARGEST_CONSTANT
        and circuit.largest_node() <= _LARGEST_NODE
        and largest_value(circuit) <= _LARGEST_VALUE
    )


def fewest_products(
    archive: Archive, bits: float, origin: str, below: int | None = None
) -> Shipped | None:
    """The circuit of the archive with the fewest products that is proven to have so many bits.

    Parameters
    ----------
    archive : Archive
    bits : float
    origin : str
    below : int, optional
        Only with fewer products than that.
    """
    for products in sorted(archive.kept):
        if below is not None and products >= below:
            break
        found = [_ended(one, bits, origin) for one in _promising(archive.kept[products], bits)]
        good = [one for one in found if one is not None]
        if good:
            return min(good, key=lambda one: one.bound)
    return None


def _promising(kept: Sequence[Kept], bits: float) -> list[Kept]:
    return [one for one in kept[:_TRIED] if one.bits > bits - _HOPE]


def _ended(one: Kept, bits: float, origin: str) -> Shipped | None:
    try:
        circuit = finished_sparse(one.chain)
        if not moderate(circuit):
            return None
        found = proven(circuit, origin)
    except (ArgumentError, ProofError):
        return None
    return found if found.bits >= bits else None


def add_sparse(archives: Iterable[Archive], origin: str, path: Path = SPARSE) -> tuple[Shipped, ...]:
    """Put the best of some archives into the shipped file, where they have fewer products.

    For every precision 2^-k, k = 6 … 14: with k − 2 and with k − 1 multiplications.

    Returns
    -------
    tuple of Shipped
        What the file holds now.
    """
    chosen: dict[tuple[int, int], Shipped] = {}
    known = read_circuits(path)
    for k in range(COARSEST, FINEST + 1):
        for m in (k - 2, k - 1):
            having = [o for o in known if o.circuit.multiplications == m and o.bits >= k]
            if having:
                chosen[m, k] = min(having, key=lambda o: (o.constant_products, o.bound))
    for archive in archives:
        m = archive.multiplications
        for k in (m + 1, m + 2):
            if COARSEST <= k <= FINEST:
                before = chosen.get((m, k))
                below = None if before is None else before.constant_products
                found = fewest_products(archive, k, origin, below)
                if found is not None:
                    chosen[m, k] = found
    kept = {(o.multiplications, o.constant_products): o for o in chosen.values()}
    write_atomically(path, library_text(tuple(kept[key] for key in sorted(kept))).encode())
    return read_circuits(path)
