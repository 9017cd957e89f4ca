# SPDX-License-Identifier: Apache-2.0
"""Orion: ``.orion`` containers, or the lists that orion-fhe v1 is given."""

from __future__ import annotations

import json
import struct
from typing import Any

import mpmath

from ..errors import TableError
from ..export.formats.orion import MAGIC
from ..export.powers import UNIT
from ..numbers import ZERO, exact
from .contents import Contents, Hints, Interval, with_header
from .numbers import number
from .python_source import read_orion_lists


def read_orion(content: bytes, hints: Hints) -> Contents:
    """The polynomial nodes of a container, in the order of its graph.

    Raises
    ------
    TableError
        If the container is damaged or its graph is not a chain of polynomials.
    """
    if not content.startswith(MAGIC):
        return read_orion_lists(content, hints)
    try:
        (length,) = struct.unpack_from("<I", content, len(MAGIC))
        start = len(MAGIC) + 4
        document = json.loads(
            content[start : start + length].decode("utf-8"), parse_float=str, parse_int=str
        )
        if any("the plan, operation by operation" in line for line in document.get("about", [])):
            raise TableError(
                "the container holds a plan, whose constants are made for its own primes: they are not "
                "read back; keep the table (JSON), or export with form='components'"
            )
        contents = _chain(document["graph"])
    except (struct.error, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise TableError(f"not a whole .orion container ({error})") from None
    return with_header(contents, document.get("about", []))


def _chain(graph: dict[str, Any]) -> Contents:
    """The stages; what comes between them and after must be what an export writes."""
    rows: list[tuple[mpmath.mpf, ...]] = []
    intervals: list[Interval] = []
    pending: Interval | None = None
    offset, gate, before = ZERO, "", graph["input"]
    bases = set()
    for node in graph["nodes"]:
        sources = [edge["src"] for edge in graph["edges"] if edge["dst"] == node["name"]]
        if node["op"] == "flatten" and not rows and not sources:
            before = node["name"]
            continue
        if node["op"] == "mult" and rows and not gate and sources == [graph["input"], before]:
            gate = before = node["name"]
            continue
        if node["op"] != "polynomial" or sources != [before]:
            raise TableError(f"the node {node['name']!r} is not one of a chain of polynomials")
        before = node["name"]
        row, basis = _polynomial(node)
        bases.add(basis)
        if gate:
            if len(row) != 2 or row[1] != 1 or offset:
                raise TableError(f"the node {node['name']!r} after the product adds no constant")
            offset = row[0]
        elif "interval" in node:
            low, high = (_number(end) for end in node["interval"])
            pending = (low, high)
        else:
            rows.append(row)
            intervals.append(pending or UNIT)
            pending = None
    if not rows or pending is not None or before != graph["output"]:
        raise TableError("the container holds no chain of polynomials that ends in its output")
    if len(bases) != 1 or not bases <= {"chebyshev", "monomial"}:
        raise TableError(f"the container has the bases {', '.join(sorted(map(str, bases)))}")
    basis = bases.pop()
    return Contents(tuple(rows), basis, tuple(intervals), halved=True, offset=offset)


def _polynomial(node: dict[str, Any]) -> tuple[tuple[mpmath.mpf, ...], Any]:
    config = node["config"]
    plain = {"prescale": 1, "postscale": 1, "constant": 0}
    for key, value in plain.items():
        if _number(config.get(key, value)) != value:
            raise TableError(f"the node {node['name']!r} has {key} {config[key]}, which is not read")
    return tuple(_number(c) for c in config["coeffs"]), config["basis"]


def _number(value: Any) -> mpmath.mpf:
    return number(value) if isinstance(value, str) else exact(value)
