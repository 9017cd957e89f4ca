"""LaTeX: the tables that this package exports."""

from __future__ import annotations

import re

import mpmath

from ..errors import TableError
from ..numbers import ZERO
from .c_source import text_of
from .contents import Contents, Hints, Interval, with_header
from .numbers import number

_STAGE = re.compile(
    r"\\multicolumn\{3\}\{l\}\{stage ([0-9]+) on \$\[\\num\{([^}]+)\}, \\num\{([^}]+)\}\]\$\} \\\\"
)
_ROW = re.compile(r"([0-9]+) & ([0-9]+) & \\num\{([^}]+)\} \\\\")
_OFFSET = re.compile(r"\\multicolumn\{3\}\{l\}\{offset \\num\{([^}]+)\}\} \\\\")
_PLAIN = re.compile(r"\\(?:toprule|midrule|bottomrule)|stage & \$k\$ & .*\\\\")
_BEGIN, _END = r"\begin{tabular}", r"\end{tabular}"


def read_latex(content: bytes, hints: Hints) -> Contents:
    """Rows ``stage & k & \\num{c}``; coefficients that are not listed are 0.

    Raises
    ------
    TableError
        Naming a line of the table that is not as this package writes it: nothing is passed over.
    """
    lines = text_of(content).splitlines()
    rows: list[dict[int, mpmath.mpf]] = []
    intervals: list[Interval] = []
    offset = ZERO
    for index, line in _inside(lines):
        stage, row, constant = (p.fullmatch(line) for p in (_STAGE, _ROW, _OFFSET))
        if stage and int(stage[1]) == len(rows):
            rows.append({})
            intervals.append((number(stage[2]), number(stage[3])))
        elif row and rows and int(row[1]) == len(rows) - 1 and int(row[2]) not in rows[-1]:
            rows[-1][int(row[2])] = number(row[3])
        elif constant:
            offset = number(constant[1])
        elif not _PLAIN.fullmatch(line):
            raise TableError(f"line {index} is not as this package writes it: {line[:60]!r}")
    if not rows or not all(rows) or max(max(row) for row in rows) > 10**5:
        raise TableError("holds no table of coefficients written by this package")
    stages = tuple(tuple(row.get(k, ZERO) for k in range(max(row) + 1)) for row in rows)
    found = Contents(stages, "chebyshev", tuple(intervals), offset=offset)
    return with_header(found, [line for line in lines if line.startswith("%")])


def _inside(lines: list[str]) -> list[tuple[int, str]]:
    """The lines of the table with their numbers."""
    starts = [k for k, line in enumerate(lines) if line.startswith(_BEGIN)]
    ends = [k for k, line in enumerate(lines) if line.startswith(_END)]
    if len(starts) != 1 or len(ends) != 1:
        raise TableError("holds no table of coefficients written by this package")
    kept = enumerate(lines[starts[0] + 1 : ends[0]], starts[0] + 2)
    return [(index, line.strip()) for index, line in kept if line.strip()]
