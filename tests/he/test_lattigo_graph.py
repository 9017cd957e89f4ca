"""Graphs for Lattigo's evaluator compute the plan, by an evaluator of our own on numbers."""

from __future__ import annotations

import json
import struct

import mpmath
import numpy as np
import pytest

import polyapprox as pa
from polyapprox.encrypted import BackendError
from polyapprox.encrypted.frameworks.lattigo_graph import Lowering
from polyapprox.encrypted.frameworks.lattigo_model import INPUT, Graph, model
from polyapprox.plan import PlanBuilder
from polyapprox.plan.schedule import schedule

BITS = 50
X = np.linspace(-1.0, 1.0, 501)


def primes(count: int, seed: int = 5) -> list[int]:
    """Moduli that differ from 2^50 by up to a thousandth: much more than real ones do."""
    offsets = np.random.default_rng(seed).integers(-(1 << 40), 1 << 40, count)
    return [(1 << BITS) + int(offset) for offset in offsets]


def walk(graph: Graph, output: str, x: np.ndarray, moduli: list[int]) -> tuple[np.ndarray, int]:
    """What the evaluator decrypts to, and levels used: products are rescaled at once."""
    unit = 2.0**BITS
    found = {INPUT: (x * unit, unit, 0)}  # integers, what is called their scale, levels used
    sources: dict[str, list[str]] = {}
    for edge in graph.edges:
        sources.setdefault(edge["dst"], []).append(edge["src"])
    for node in graph.nodes[1:]:
        first, *rest = (found[name] for name in sources[node["name"]])
        second = rest[0] if rest else first
        level = max(first[2], second[2])
        if node["op"] in ("mult", "quad"):
            value, scale = (
                first[0] * second[0] / moduli[level],
                first[1] * second[1] / moduli[level],
            )
            found[node["name"]] = value, scale, level + 1
        elif node["op"] == "add":
            found[node["name"]] = first[0] + second[0], max(first[1], second[1]), level
        else:
            assert node["op"] == "polynomial"
            constant, slope = node["config"]["coeffs"]
            assert level < len(moduli)
            found[node["name"]] = unit * (constant + slope * first[0] / first[1]), unit, level + 1
    value, scale, level = found[output]
    return value / scale, level


def decrypted(plan, count: int) -> tuple[np.ndarray, int]:
    moduli = primes(count)
    made = schedule(plan, moduli, BITS)
    lowered = Lowering(made, moduli, BITS)
    values, level = walk(lowered.graph, lowered.result.name, made.factors[0] * X, moduli)
    assert level == lowered.result.level
    return values * lowered.result.scale / (lowered.result.factor * made.scale), level


@pytest.mark.parametrize("multiplications", range(1, 13))
def test_circuits(multiplications):
    r = pa.circuit("relu", multiplications=multiplications)
    values, level = decrypted(r.plan, r.levels)
    assert np.abs(values - r(X)).max() < 1e-9
    assert level == r.levels


@pytest.mark.parametrize("degree", [0, 1, 2, 3, 5, 8, 13, 21, 32])
def test_polynomials(degree):
    r = pa.minimax("exp(x)", degree)
    values, level = decrypted(r.plan, max(1, r.levels))
    assert np.abs(values - r.plan.run(X)).max() < 1e-10
    assert level == max(1, r.levels)


def test_a_product_taken_from_a_product_needs_its_negative():
    builder = PlanBuilder()
    (x,) = builder.arguments
    square = builder.multiply(x, x)
    cube = builder.multiply(square, builder.scale(x, mpmath.mpf(0.75)))
    plan = builder.finish(builder.subtract(square, builder.double(cube)))
    values, level = decrypted(plan, 2)
    assert np.abs(values - (X**2 - 1.5 * X**3)).max() < 1e-12
    assert level == 2


def test_no_level_is_left_for_a_negative():
    builder = PlanBuilder()
    (x,) = builder.arguments
    square = builder.multiply(x, x)
    other = builder.multiply(x, builder.double(builder.add(x, builder.double(x))))
    plan = builder.finish(builder.multiply(builder.subtract(square, other), x))
    values, level = decrypted(plan, 3)
    assert np.abs(values + 5 * X**3).max() < 1e-12
    assert level == 3
    with pytest.raises(BackendError, match="give one more"):
        decrypted(builder.finish(builder.subtract(square, other)), 1)


def test_two_arguments_are_refused():
    plan = pa.maximum(precision=2.0**-4).plan
    with pytest.raises(BackendError, match="one ciphertext"):
        decrypted(plan, 12)


def test_the_file_is_a_container_of_version_2():
    graph = Graph()
    output = graph.add(INPUT, graph.linear(INPUT, 0.25, 2.0))
    parameters = {"logn": 11, "logq": [60, 50], "logp": [60], "log_default_scale": 50}
    data = model(graph, output, parameters)
    assert data[:8] == b"ORION\x00\x02\x00"
    (length,) = struct.unpack("<I", data[8:12])
    header = json.loads(data[12 : 12 + length])
    assert data[12 + length :] == b"\0\0\0\0"
    assert header["blob_count"] == 0 and header["input_level"] == 1
    assert header["graph"]["output"] == output
    assert [node["op"] for node in header["graph"]["nodes"]] == ["flatten", "polynomial", "add"]
