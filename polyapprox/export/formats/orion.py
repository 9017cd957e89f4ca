"""Orion v2: an ``.orion`` container, polynomials in the Chebyshev basis (plain c_0, float64).

The container is ``ORION\\0\\2\\0``, the length of the JSON header, the header, and the number of
binary blobs (none here). Its evaluator ignores ``prescale`` and panics on a constant: intervals
other than [-1, 1] are mapped by a polynomial of degree 1, and a constant is c_0 + 0 · T_1.
"""

from __future__ import annotations

import json
import struct
from typing import Any

import mpmath

from ...cost.models import cost_model
from ...numbers import ZERO
from ..chain import chain_of, is_unit
from ..header import header
from ..job import Format, Job
from ..text import nearest_double

MAGIC = b"ORION\x00\x02\x00"
LOG_N = 13
SCALE_BITS = 50


def _write(job: Job) -> bytes:
    text = json.dumps(_document(job), indent=1, allow_nan=False).encode()
    return MAGIC + struct.pack("<I", len(text)) + text + struct.pack("<I", 0)


def _document(job: Job) -> dict[str, Any]:
    nodes, edges, levels = _graph(job)
    check = [[*c.arguments, c.value, c.target] for c in job.checks]
    return {
        "version": 2,
        "about": header(job),
        "check": {"columns": ["x", "polynomial", "function"], "rows": check},
        "params": {
            "logn": LOG_N,
            "logq": [58] + [SCALE_BITS] * levels,
            "logp": [61, 61],
            "log_default_scale": SCALE_BITS,
            "h": 192,
            "ring_type": "standard",
            "boot_logp": [],
            "btp_logn": 0,
        },
        "config": {"margin": 1, "embedding_method": "hybrid", "fuse_modules": False},
        "manifest": {
            "galois_elements": [],
            "bootstrap_slots": [],
            "boot_logp": [],
            "btp_logn": 0,
            "needs_rlk": True,
        },
        "input_level": levels,
        "cost": {"bootstrap_count": 0, "galois_key_count": 0, "bootstrap_key_count": 0},
        "graph": {"input": "in", "output": nodes[-1]["name"], "nodes": nodes, "edges": edges},
        "blob_count": 0,
    }


def _graph(job: Job) -> tuple[list[dict[str, Any]], list[dict[str, str]], int]:
    chain = chain_of(job.approximation)
    nodes: list[dict[str, Any]] = [{"name": "in", "op": "flatten", "level": 0, "depth": 0}]
    edges: list[dict[str, str]] = []

    def follow(node: dict[str, Any], *sources: str) -> None:
        edges.extend({"src": source, "dst": node["name"]} for source in sources)
        nodes.append(node)

    for number, stage in enumerate(chain.stages):
        if not is_unit(stage):
            slope, shift = stage.unit_map
            node = _polynomial(f"map{number}", (shift, slope))
            node["interval"] = [nearest_double(end) for end in stage.domain]
            follow(node, nodes[-1]["name"])
        numbers = stage.coefficients if stage.degree else (*stage.coefficients[:1], ZERO)
        follow(_polynomial(f"p{number}", numbers), nodes[-1]["name"])
    if chain.final == "gate":
        follow({"name": "gate", "op": "mult", "level": 0, "depth": 1}, "in", nodes[-1]["name"])
        if chain.offset:
            one = (chain.offset, ZERO + 1)
            follow(_polynomial("offset", one), "gate")
    levels = sum(node["depth"] for node in nodes)
    left = levels
    for node in nodes:
        node["level"] = left
        left -= node["depth"]
    return nodes, edges, levels


def _polynomial(name: str, coefficients: tuple[mpmath.mpf, ...]) -> dict[str, Any]:
    degree = max(len(coefficients) - 1, 1)
    return {
        "name": name,
        "op": "polynomial",
        "level": 0,
        "depth": cost_model("lattigo").polynomial_levels(degree),
        "config": {
            "coeffs": [nearest_double(c) for c in coefficients],
            "basis": "chebyshev",
            "prescale": 1,
            "postscale": 1,
            "constant": 0,
        },
    }


FORMAT = Format(
    "orion", ".orion", ("components",), "double", "lattigo", "Orion v2 (container)", _write
)
