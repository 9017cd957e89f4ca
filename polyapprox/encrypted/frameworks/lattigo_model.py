"""A model file of Orion's evaluator, written by hand: a graph of ciphertext operations.

The evaluator of `orion-v2-evaluator` walks a graph whose nodes are products of ciphertexts
("mult", "quad"), sums ("add") and polynomials ("polynomial"). Nothing else is needed to compute a
plan. Container, version 2: the magic bytes, the length of a JSON header, the header, and the
number of blobs (none here). Orion: https://arxiv.org/abs/2311.03470.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

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

    def _node(self, kind: str, sources: Sequence[str], **config: Any) -> str:
        name = f"{kind}{len(self.nodes)}"
        node = {"name": name, "op": kind, "level": 0, "depth": 1}
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


def model(graph: Graph, output: str, parameters: dict[str, Any]) -> bytes:
    """The file of a graph.

    Parameters
    ----------
    graph : Graph
    output : str
        Node whose ciphertext is the result.
    parameters : dict
        "logn", "logq", "logp", "log_default_scale", "h", "ring_type".
    """
    keys = {"galois_elements": [], "bootstrap_slots": [], "boot_logp": [], "btp_logn": 0}
    header = {
        "version": 2,
        "params": {**parameters, "boot_logp": [], "btp_logn": 0},
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
        "blob_count": 0,
    }
    text = json.dumps(header).encode()
    return _MAGIC + struct.pack("<I", len(text)) + text + struct.pack("<I", 0)
