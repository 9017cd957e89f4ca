# SPDX-License-Identifier: Apache-2.0
"""A model file of Orion's evaluator, written by hand: a graph of ciphertext operations.

The evaluator of `orion-v2-evaluator` walks a graph whose nodes are products of ciphertexts
("mult", "quad"), sums ("add") and polynomials ("polynomial"): nothing else is needed to compute a
plan. Networks need matrices too ("linear_transform": diagonals and biases as blobs) and refreshed
ciphertexts ("bootstrap"). Container, version 2: the magic bytes, the length of a JSON header, the
header, the number of blobs, and each blob after its length. Orion: https://arxiv.org/abs/2311.03470.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

_MAGIC = b"ORION\0\2\0"
INPUT = "x"


@dataclass
class Graph:
    """Nodes and edges; methods return the name of the node they add.

    Examples
    --------
    >>> graph = Graph()
    >>> square = graph.multiply(INPUT, INPUT)
    >>> graph.add(square, graph.linear(INPUT, 0.5, 2.0)), len(graph.nodes)
    ('add3', 4)
    """

    nodes: list[dict[str, Any]] = field(
        default_factory=lambda: [{"name": INPUT, "op": "flatten", "level": 0, "depth": 0}]
    )
    edges: list[dict[str, str]] = field(default_factory=list)
    blobs: list[bytes] = field(default_factory=list)

    def _node(self, kind: str, sources: Sequence[str], level: int = 0, **config: Any) -> str:
        name = f"{kind}{len(self.nodes)}"
        node = {"name": name, "op": kind, "level": level, "depth": 1}
        if config:
            node["config"] = config
        self.nodes.append(node)
        self.edges += [{"src": source, "dst": name} for source in sources]
        return name

    def multiply(self, left: str, right: str) -> str:
        """Product of ciphertexts, relinearised and rescaled."""
        return self._node("quad", [left]) if left == right else self._node("mult", [left, right])

    def add(self, left: str, right: str) -> str:
        """Sum of ciphertexts."""
        return self._node("add", [left, right])

    def linear(self, source: str, constant: float, slope: float) -> str:
        """constant + slope · source: one level, and the result has the default scale."""
        return self.polynomial(source, [constant, slope], "monomial")

    def polynomial(self, source: str, coefficients: Sequence[float], basis: str) -> str:
        """Lattigo's own evaluation of a polynomial, coefficients low to high, c0 whole."""
        return self._node(
            "polynomial", [source], coeffs=list(coefficients), basis=basis,
            prescale=1, postscale=1, constant=0,
        )  # fmt: skip

    def matrix(
        self,
        source: str,
        level: int,
        blocks: Mapping[tuple[int, int], tuple[np.ndarray, np.ndarray]],
        biases: Sequence[np.ndarray],
        *,
        ratio: int,
        folds: int = 0,
    ) -> str:
        """A matrix times a vector that fills one or more ciphertexts, plus a vector: one level.

        Parameters
        ----------
        source : str
        level : int
            Of the ciphertexts before it; a power of the chain, not levels used.
        blocks : mapping of (row, column) to (indices, diagonals)
            Of every block; indices ascending, diagonals of shape (indices, slots).
        biases : sequence of arrays, shape (slots,)
            One for each row of blocks.
        ratio : int
            Baby steps for each giant step, a power of two.
        folds : int
            How often the result is added to itself, rotated by a half, a fourth, … of the slots.
        """
        rows, columns = len(biases), 1 + max(column for _, column in blocks)
        name = self._node(
            "linear_transform", [source], level, bsgs_ratio=float(ratio), output_rotations=folds,
            num_input_cts=columns, num_output_cts=rows,
        )  # fmt: skip
        references = {}
        for (row, column), (indices, values) in blocks.items():
            references[f"diag_{row}_{column}"] = len(self.blobs)
            head = struct.pack("<I", len(indices)) + indices.astype("<i4").tobytes()
            self.blobs.append(head + np.ascontiguousarray(values, "<f8").tobytes())
        for row, bias in enumerate(biases):
            references[f"bias_{row}"] = len(self.blobs)
            self.blobs.append(bias.astype("<f8").tobytes())
        self.nodes[-1]["blob_refs"] = references
        return name

    def bootstrap(self, source: str, slots: int, shrink: int = 1) -> str:
        """The same values on a fresh chain: takes one level of at least one that is left.

        Values beyond the first `slots` are lost, and those are repeated in their place. What is
        refreshed should be in [−1, 1]: values are divided by `shrink` and multiplied again.
        """
        return self._node(
            "bootstrap", [source], input_level=1, input_min=-1.0, input_max=1.0,
            prescale=1.0 / shrink, postscale=shrink, constant=0.0, slots=slots,
        )  # fmt: skip


def model(graph: Graph, output: str, parameters: dict[str, Any]) -> bytes:
    """The file of a graph.

    Parameters
    ----------
    graph : Graph
    output : str
        Node whose ciphertext is the result.
    parameters : dict
        "logn", "logq", "logp", "log_default_scale", "h", "ring_type"; with bootstraps also
        "boot_logp" and "btp_logn".
    """
    boot = {name: parameters.get(name, none) for name, none in (("boot_logp", []), ("btp_logn", 0))}
    keys = {"galois_elements": [], "bootstrap_slots": [], **boot}
    header = {
        "version": 2,
        "params": {**parameters, **boot},
        "config": {"margin": 1, "embedding_method": "hybrid", "fuse_modules": True},
        "manifest": {**keys, "needs_rlk": True},
        "input_level": len(parameters["logq"]) - 1,
        "cost": {"bootstrap_count": 0, "galois_key_count": 0, "bootstrap_key_count": 0},
        "graph": {
            "input": INPUT,
            "output": output,
            "nodes": graph.nodes,
            "edges": graph.edges,
        },
        "blob_count": len(graph.blobs),
    }
    text = json.dumps(header).encode()
    parts = [_MAGIC, struct.pack("<I", len(text)), text, struct.pack("<I", len(graph.blobs))]
    for blob in graph.blobs:
        parts += [struct.pack("<Q", len(blob)), blob]
    return b"".join(parts)
