"""Circuits for |x| with few plaintext products, shipped beside the most precise ones.

A ciphertext times a constant is cheap, but a circuit of m multiplications whose constants are
all free has m² of them, and from m = 9 on they take most of the time. ``data/sparse.json`` holds
circuits most of whose constants are zero: for every precision the fewest plaintext products found
with as few multiplications as possible, and with one more.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ArgumentError
from ..plan.plan import Plan
from .library import Shipped
from .shape import Circuit

FILE = Path(__file__).parent / "data" / "sparse.json"
FORMAT = 1
PRODUCT = 0.12  # of a multiplication: the price of a plaintext product


@dataclass(frozen=True)
class SparseShipped(Shipped):
    """A shipped circuit for |x| and its plaintext products (on [-1, 1]; ReLU has one more).

    Attributes
    ----------
    constant_products : int
        Ciphertext times constant, as counted by the rule "published".
    """

    constant_products: int = 0

    @property
    def cost(self) -> float:
        """Multiplications and 0.12 for every plaintext product."""
        return self.circuit.multiplications + PRODUCT * self.constant_products


@lru_cache(maxsize=1)
def sparse_circuits() -> list[SparseShipped]:
    """The circuits with few plaintext products, by multiplications, then by products.

    Examples
    --------
    >>> one = sparse_circuits()[0]
    >>> one.constant_products < (one.circuit.multiplications - 1) ** 2
    True
    """
    return read_sparse(FILE)


def cheapest(bits: float, product: float = PRODUCT) -> SparseShipped:
    """The circuit of the least cost, multiplications and `product` for every plaintext product.

    Parameters
    ----------
    bits : float
        ReLU bits wanted on [-1, 1], proven.
    product : float
        Price of a plaintext product, in multiplications.

    Raises
    ------
    ArgumentError
        If none has so many bits.
    """
    found = [one for one in sparse_circuits() if one.bits >= bits]
    if not found:
        raise ArgumentError(f"no shipped circuit with few plaintext products has {bits} bits")
    return min(found, key=lambda one: one.circuit.multiplications + product * one.constant_products)


def read_sparse(path: Path) -> list[SparseShipped]:
    """Read a file of circuits (none where there is no file)."""
    if not path.exists():
        return []
    content = json.loads(path.read_text(encoding="utf-8"))
    found = [_read(entry) for entry in content["circuits"]]
    return sorted(found, key=lambda one: (one.circuit.multiplications, one.constant_products))


def _read(entry: dict[str, Any]) -> SparseShipped:
    circuit = Circuit(
        "even",
        tuple(entry["shifts"]),
        tuple(tuple(float(v) for v in row) for row in entry["left"]),
        tuple(tuple(float(v) for v in row) for row in entry["right"]),
        tuple(float(v) for v in entry["output"]),
    )
    return SparseShipped(
        circuit,
        entry["estimate"],
        entry["bound"],
        entry["digest"],
        entry["origin"],
        box=entry["box"],
        seal=entry["seal"],
        method=entry.get("method", ""),
        constant_products=entry["constant_products"],
    )


def sparse_text(circuits: Sequence[SparseShipped]) -> str:
    """The content of a file of circuits."""
    lines = []
    for one in sorted(circuits, key=lambda o: (o.circuit.multiplications, o.constant_products)):
        entry = {
            "multiplications": one.circuit.multiplications,
            "constant_products": one.constant_products,
            "estimate": one.estimate,
            "bound": one.bound,
            "box": one.box,
            "method": one.method,
            "digest": one.digest,
            "seal": one.seal,
            "origin": one.origin,
            "shifts": list(one.circuit.shifts),
            "left": [[v or 0 for v in row] for row in one.circuit.left],
            "right": [[v or 0 for v in row] for row in one.circuit.right],
            "output": [v or 0 for v in one.circuit.output],
        }
        lines.append(
            "{" + ",\n ".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in entry.items()) + "}"
        )
    head = f'{{"format": {FORMAT}, "function": "abs", "interval": [-1.0, 1.0], "circuits": [\n'
    return head + ",\n".join(lines) + "\n]}\n"


def largest_value(plan: Plan) -> float:
    """Largest absolute value of anything a plan computes on [-1, 1] (an estimate, sampled)."""
    x = np.sin(np.linspace(-np.pi / 2, np.pi / 2, 401))
    return max(float(np.max(np.abs(value))) for value in plan.values(x))
