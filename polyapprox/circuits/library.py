"""The circuits shipped with the package: constants, and what was proven of them.

``data/circuits.json`` holds, for every number of multiplications, the best circuit found for |x|
on [-1, 1]. Its bound was proven when the file was made, of the plan whose digest stands beside
it; an approximation made from it is proven again, for its own interval.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from .shape import Circuit

FILE = Path(__file__).parent / "data" / "circuits.json"
FORMAT = 1


@dataclass(frozen=True)
class Shipped:
    """A circuit for |x| on [-1, 1].

    Attributes
    ----------
    circuit : Circuit
    estimate : float
        Largest sampled error.
    bound : float
        Proven bound of the error.
    digest : str
        Digest of the plan that was proven.
    origin : str
        How it was found.
    """

    circuit: Circuit
    estimate: float
    bound: float
    digest: str
    origin: str

    @property
    def bits(self) -> float:
        """−log2 of the proven ReLU error on [-1, 1], half of that of |x|."""
        return 1 - math.log2(self.bound)


@lru_cache(maxsize=1)
def shipped_circuits() -> dict[int, Shipped]:
    """The circuits for |x|, by multiplications, ascending.

    Examples
    --------
    >>> shipped_circuits()[2].circuit.multiplications
    2
    >>> 4.88 < shipped_circuits()[2].bits < 4.9
    True
    """
    return read_library(FILE)


def read_library(path: Path) -> dict[int, Shipped]:
    """Read a file of circuits (an empty library where there is none)."""
    if not path.exists():
        return {}
    content = json.loads(path.read_text(encoding="utf-8"))
    found = [_read(entry) for entry in content["circuits"]]
    return {one.circuit.multiplications: one for one in found}


def _read(entry: dict[str, Any]) -> Shipped:
    circuit = Circuit(
        "even",
        tuple(entry["shifts"]),
        tuple(tuple(row) for row in entry["left"]),
        tuple(tuple(row) for row in entry["right"]),
        tuple(entry["output"]),
    )
    return Shipped(circuit, entry["estimate"], entry["bound"], entry["digest"], entry["origin"])


def library_text(circuits: dict[int, Shipped]) -> str:
    """The content of a file of circuits, a list of numbers a line."""
    entries = []
    for m in sorted(circuits):
        one = circuits[m]
        entries.append(
            {
                "multiplications": m,
                "estimate": one.estimate,
                "bound": one.bound,
                "digest": one.digest,
                "origin": one.origin,
                "shifts": list(one.circuit.shifts),
                "left": [list(row) for row in one.circuit.left],
                "right": [list(row) for row in one.circuit.right],
                "output": list(one.circuit.output),
            }
        )
    lines = [
        "{" + ",\n ".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in entry.items()) + "}"
        for entry in entries
    ]
    head = f'{{"format": {FORMAT}, "function": "abs", "interval": [-1.0, 1.0], "circuits": [\n'
    return head + ",\n".join(lines) + "\n]}\n"
