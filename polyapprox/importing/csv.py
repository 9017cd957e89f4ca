"""CSV: one stage a line, low to high; lines of ``#`` are comments."""

from __future__ import annotations

import re

from ..errors import TableError
from ..numbers import ZERO
from .c_source import text_of
from .contents import BASES, Contents, Hints, with_header
from .numbers import number

_STAGE = re.compile(r"^# stage \d+ on: \[([^,]+), ([^\]]+)\]")
_SEPARATOR = re.compile(r"[,;\s]+")


def read_csv(content: bytes, hints: Hints) -> Contents:
    """Rows of numbers, separated by commas, semicolons or spaces.

    Raises
    ------
    TableError
        Naming the line that is no row of numbers.
    """
    rows, intervals, said = [], [], {"basis": "", "offset": ""}
    lines = text_of(content).splitlines()
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
                rows.append(tuple(number(t) for t in _SEPARATOR.split(kept.strip(",; ")) if t))
            except TableError as error:
                raise TableError(f"line {index}: {error}") from None
    if not rows:
        raise TableError("holds no row of numbers")
    if intervals and not any(line.startswith("# check: ") for line in lines):
        raise TableError("ends before its self-check; was the file cut off?")
    basis = said["basis"] if said["basis"] in BASES else hints.basis
    offset = number(said["offset"]) if said["offset"] else ZERO
    found = Contents(tuple(rows), basis, tuple(intervals), offset=offset)  # type: ignore[arg-type]
    return with_header(found, [line for line in lines if line.startswith("#")])
