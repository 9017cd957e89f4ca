# SPDX-License-Identifier: Apache-2.0
"""Orion v2: an ``.orion`` container, polynomials in the Chebyshev basis (plain c_0, float64), or a plan.

The container is ``ORION\\0\\2\\0``, the length of the JSON header, the header, and the number of
binary blobs (none here). Its evaluator ignores ``prescale`` and panics on a constant: intervals
other than [-1, 1] are mapped by a polynomial of degree 1, and a constant is c_0 + 0 · T_1.

A plan is a graph of products, sums and polynomials of degree 1, whose constants hold what the primes of
the container's parameters differ from the scale.
"""

from __future__ import annotations

import json
import struct
from functools import lru_cache
from typing import Any

import mpmath
from flint import fmpz

from ...cost.models import cost_model
from ...encrypted.backend import BackendError
from ...encrypted.frameworks.lattigo_graph import Lowering
from ...errors import ArgumentError
from ...numbers import ZERO
from ...plan.schedule import schedule
from ...plan.symbolic import symbolic_schedule
from ..chain import chain_of, is_unit
from ..header import header
from ..job import Format, Job
from ..text import nearest_double

MAGIC = b"ORION\x00\x02\x00"
LOG_N = 13
FIRST_BITS = 58
_LEAST_SCALE = 50
_SHARE = 64  # of the error: what a result may be off by, rather than use another level
Document = tuple[list[dict[str, Any]], list[dict[str, str]], int, str, float]


def _write(job: Job) -> bytes:
    text = json.dumps(_document(job), indent=1, allow_nan=False).encode()
    return MAGIC + struct.pack("<I", len(text)) + text + struct.pack("<I", 0)


def _document(job: Job) -> dict[str, Any]:
    bits = _scale_bits(job)
    nodes, edges, levels, output, off = _made(job)
    check = [[*c.arguments, c.value, c.target, c.allowed] for c in job.checks]
    return {
        "version": 2,
        "about": header(job),
        "check": {
            "columns": ["x", "polynomial", "function", "bound"],
            "rows": check,
            "noise": job.noise.at(bits) + off,
        },
        "params": {
            "logn": LOG_N,
            "logq": [FIRST_BITS] + [bits] * levels,
            "logp": [61, 61],
            "log_default_scale": bits,
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
        "graph": {"input": nodes[0]["name"], "output": output, "nodes": nodes, "edges": edges},
        "blob_count": 0,
    }


def _scale_bits(job: Job) -> int:
    return min(job.noise.chosen(_LEAST_SCALE), FIRST_BITS)


@lru_cache(maxsize=64)
def lattigo_primes(log_n: int, bits: int, count: int) -> tuple[int, ...]:
    """The primes of one size in Lattigo's chain, 2^bits + 1 ± k · 2N: each search starts above.

    Examples
    --------
    >>> [prime - 2**50 for prime in lattigo_primes(13, 50, 3)]
    [-16383, 147457, -212991]
    """
    step = 2 << log_n
    above, below = (1 << bits) + 1, (1 << bits) + 1 - step
    found: list[int] = []
    while len(found) < count:
        above, candidate = above + step, above
        if not fmpz(candidate).is_probable_prime():
            below, candidate = below - step, below
        if fmpz(candidate).is_probable_prime():
            found.append(candidate)
    return tuple(found)


def _made(job: Job) -> Document:
    return _plan_graph(job) if job.form == "plan" else graph_of(job)


def _plan_graph(job: Job) -> Document:
    """The plan's graph; one level more where products are subtracted, or the result is a negative."""
    plan, bits = job.approximation.plan, _scale_bits(job)
    if plan.inputs > 1:
        raise ArgumentError("Orion's graphs take one ciphertext; use another format for two arguments")
    needed = symbolic_schedule(plan).levels
    for levels in range(needed, needed + 3):
        primes = lattigo_primes(LOG_N, bits, levels)[::-1]
        try:
            made = schedule(plan, primes, bits, fold_input=False)
            lowered = Lowering(made, primes, bits)
        except BackendError:
            continue
        result, graph = lowered.result, lowered.graph
        undo = result.scale / (result.factor * made.scale)
        name, used, off = result.name, result.level, abs(undo - 1) * job.noise.largest
        if off > max(job.noise.at(bits), job.noise.error / _SHARE):
            name, used, off = graph.linear(result.name, 0.0, undo), used + 1, 0.0
        if used == levels:
            return graph.nodes, graph.edges, levels, name, off
    raise ArgumentError("this plan has no graph for Orion's evaluator; use form='components'")


def graph_of(job: Job) -> Document:
    """The components' nodes, edges, levels, the name of the result, and what it is off by."""
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
    return nodes, edges, levels, nodes[-1]["name"], 0.0


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


def _levels(job: Job) -> int:
    return _made(job)[2]


FORMAT = Format(
    "orion", ".orion", ("components", "plan"), "double", "lattigo", "Orion v2 (container)", _write,
    scheme="lattigo-sparse", levels=_levels, security="the parameters of the container are not secure",
)  # fmt: skip
