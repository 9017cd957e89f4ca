"""LaTeX: the tables that this package exports."""

from __future__ import annotations

import re

import mpmath

from ..errors import TableError
from ..numbers import ZERO
from .c_source import text_of
from .contents import Contents, Hints, with_header
from .numbers import number

_STAGE = re.compile(r"\{stage \d+ on \$\[\\num\{([^}]+)\}, \\num\{([^}]+)\}\]\$\}")
_ROW = re.compile(r"^(\d+) & (\d+) & \\num\{([^}]+)\}")
_OFFSET = re.compile(r"\{offset \\num\{([^}]+)\}\}")


def read_latex(content: bytes, hints: Hints) -> Contents:
    """Rows ``stage & k & \\num{c}``; coefficients that are not listed are 0."""
    text = text_of(content)
    lines = text.splitlines()
    rows: dict[int, dict[int, mpmath.mpf]] = {}
    for line in lines:
        match = _ROW.match(line)
        if match:
            rows.setdefault(int(match[1]), {})[int(match[2])] = number(match[3])
    intervals = tuple((number(a), number(b)) for a, b in _STAGE.findall(text))
    if "\\end{tabular}" not in text or not rows or len(rows) != len(intervals):
        raise TableError("holds no table of coefficients written by this package")
    stages = tuple(
        tuple(row.get(k, ZERO) for k in range(max(row) + 1)) for _, row in sorted(rows.items())
    )
    offset = _OFFSET.search(text)
    found = Contents(
        stages, "chebyshev", intervals, offset=number(offset[1]) if offset else ZERO
    )
    return with_header(found, [line for line in lines if line.startswith("%")])
