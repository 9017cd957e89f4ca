# SPDX-License-Identifier: Apache-2.0
"""CSV: one stage a line, low to high, or a plan that was exported; lines of ``#`` are comments."""

from __future__ import annotations

import re
from typing import cast

import mpmath

from ..errors import TableError
from ..numbers import ZERO
from ..plan.plan import Kind, Operation, Plan
from .c_source import text_of
from .contents import BASES, Contents, Hints, Interval, with_header
from .numbers import number

_STAGE = re.compile(r"^# stage [0-9]+ on: \[([^,]+), ([^\]]+)\]")
_PLAN = "operation,kind,left,right,constant"
_OUTPUT = re.compile(r"# output: ([0-9]+)")
_CHECK = "# check: "
_LISTED = 3  # rows of (k, value) from which on they are taken for a list of coefficients


def read_csv(content: bytes, hints: Hints) -> Contents:
    """Rows of numbers, separated by commas, semicolons or spaces.

    Raises
    ------
    TableError
        Naming the line that is no row of numbers, or of which one cannot know what separates them.
    """
    rows: list[tuple[mpmath.mpf, ...]] = []
    intervals: list[Interval] = []
    said = {"basis": "", "offset": ""}
    lines = text_of(content).splitlines()
    if _PLAN in lines:
        return _read_plan(lines)
    for index, line in enumerate(lines, 1):
        stage = _STAGE.match(line)
        if stage:
            intervals.append((number(stage[1]), number(stage[2])))
        for key in said:
            if line.startswith(f"# {key}: "):
                said[key] = line.partition(": ")[2].strip()
        kept = line.partition("#")[0].strip()
        if kept:
            try:
                rows.append(tuple(number(text) for text in _fields(kept)))
            except TableError as error:
                raise TableError(f"line {index}: {error}") from None
    _check_rows(rows)
    if intervals:
        _require_check(lines)
    basis = said["basis"] if said["basis"] in BASES else hints.basis
    offset = number(said["offset"]) if said["offset"] else ZERO
    found = Contents(tuple(rows), basis, tuple(intervals), offset=offset)  # type: ignore[arg-type]
    return with_header(found, [line for line in lines if line.startswith("#")])


def _require_check(lines: list[str]) -> None:
    if not any(line.startswith(_CHECK) for line in lines):
        raise TableError("ends before its self-check; was the file cut off?")


def _read_plan(lines: list[str]) -> Contents:
    """Operations, one a line."""
    _require_check(lines)
    operations: list[Operation] = []
    for index, line in enumerate(lines, 1):
        if line[:1] != "#" and line != _PLAN:
            try:
                operations.append(_operation(line.split(","), len(operations)))
            except (ValueError, TableError) as error:
                raise TableError(f"line {index} is no operation of a plan ({error})") from None
    outputs = [int(found[1]) for line in lines if (found := _OUTPUT.fullmatch(line))]
    if len(outputs) != 1 or outputs[0] >= len(operations):
        raise TableError("does not say its output once, among its operations; was the file cut off?")
    inputs = sum(one.kind == "input" for one in operations)
    plan = Plan(tuple(operations), outputs[0], inputs)
    return with_header(Contents(plan=plan), [line for line in lines if line.startswith("#")])


def _operation(fields: list[str], place: int) -> Operation:
    index, kind, left, right, constant = fields
    two, scalar = kind in ("multiply", "add", "subtract"), kind in ("scale", "shift")
    if int(index) != place or not (two or scalar or kind in ("input", "double")):
        raise ValueError(f"{index},{kind}")
    first, second = int(left), int(right) if two else -1
    if (right != "") != two or (constant != "") != scalar:
        raise ValueError(f"what {kind!r} takes")
    if kind != "input" and not (0 <= first < place and second < place):
        raise ValueError("an operand is not an earlier operation")
    return Operation(cast(Kind, kind), first, second, number(constant) if scalar else None)


def _fields(line: str) -> list[str]:
    """What stands between semicolons, else between commas, else between spaces."""
    if ";" in line and "," in line:
        raise TableError("has commas and semicolons: which of them separates numbers is not clear")
    mark = ";" if ";" in line else "," if "," in line else None
    fields = line.removesuffix(mark).split(mark) if mark else line.split()
    if any(not field.strip() for field in fields):
        raise TableError("a number is missing between two separators")
    return fields


def _check_rows(rows: list[tuple[mpmath.mpf, ...]]) -> None:
    """Refuse columns: one stage a line is what is read."""
    if not rows:
        raise TableError("holds no row of numbers")
    if len(rows) > 1 and all(len(row) == 1 for row in rows):
        raise TableError(
            "holds one number a line: write the coefficients of a stage on one line, or read it as "
            "format='approxcnn'"
        )
    pairs = len(rows) >= _LISTED and all(len(row) == 2 for row in rows)
    if pairs and all(row[0] == k for k, row in enumerate(rows)):
        raise TableError(
            "holds pairs (k, value), it seems: write the coefficients of a stage on one line"
        )
