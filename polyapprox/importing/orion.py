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
        contents = _chain(document["graph"])
    except (struct.error, ValueError, KeyError, TypeError, RecursionError) as error:
        raise TableError(f"not a whole .orion container ({error})") from None
    return with_header(contents, document.get("about", []))


def _chain(graph: dict[str, Any]) -> Contents:
    rows: list[tuple[mpmath.mpf, ...]] = []
    intervals: list[Interval] = []
    pending: Interval | None = None
    offset = ZERO
    basis = "chebyshev"
    gate = False
    for node in graph["nodes"]:
        if node["op"] == "mult":
            gate = True
            continue
        if node["op"] != "polynomial":
            continue
        row = tuple(_number(c) for c in node["config"]["coeffs"])
        basis = node["config"]["basis"]
        if gate:
            offset = row[0]
        elif "interval" in node:
            low, high = (_number(end) for end in node["interval"])
            pending = (low, high)
        else:
            rows.append(row)
            intervals.append(pending or UNIT)
            pending = None
    if not rows:
        raise TableError("the container holds no polynomial")
    if basis not in ("chebyshev", "monomial"):
        raise TableError(f"the container has the unknown basis {basis!r}")
    return Contents(tuple(rows), basis, tuple(intervals), halved=True, offset=offset)  # type: ignore[arg-type]


def _number(value: Any) -> mpmath.mpf:
    return number(value) if isinstance(value, str) else exact(value)
