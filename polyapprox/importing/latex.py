# SPDX-License-Identifier: Apache-2.0
"""LaTeX: the tables and formulas that this package exports."""

from __future__ import annotations

import re

import mpmath

from ..errors import TableError
from ..numbers import ZERO
from ..plan.plan import Plan
from .c_source import text_of
from .contents import Contents, Hints, Interval, with_header
from .numbers import number
from .straight import Statement, plan_from

_STAGE = re.compile(
    r"\\multicolumn\{3\}\{l\}\{stage ([0-9]+) on \$\[\\num\{([^}]+)\}, \\num\{([^}]+)\}\]\$\} \\\\"
)
_ROW = re.compile(r"([0-9]+) & ([0-9]+) & \\num\{([^}]+)\} \\\\")
_OFFSET = re.compile(r"\\multicolumn\{3\}\{l\}\{offset \\num\{([^}]+)\}\} \\\\")
_PLAIN = re.compile(r"\\(?:toprule|midrule|bottomrule)|stage & \$k\$ & .*\\\\")
_TABLE = r"\begin{tabular}", r"\end{tabular}"
_FORMULAS = r"\begin{align*}", r"\end{align*}"
_NAME = r"[vx]\d*"
_FORMULA = re.compile(
    rf"({_NAME}) &= (?:({_NAME}) (\\cdot|\+|-) ({_NAME})|\\num\{{([^}}]+)\}} \\cdot ({_NAME})"
    rf"|({_NAME}) \+ \\num\{{([^}}]+)\}}) \\\\"
)
_RESULT = re.compile(rf"r\((.*)\) &= ({_NAME})")


def read_latex(content: bytes, hints: Hints) -> Contents:
    """Rows ``stage & k & \\num{c}``; coefficients that are not listed are 0.

    Raises
    ------
    TableError
        Naming a line of the table that is not as this package writes it: nothing is passed over.
    """
    lines = text_of(content).splitlines()
    header = [line for line in lines if line.startswith("%")]
    if _FORMULAS[0] in lines:
        return with_header(Contents(plan=_plan(_inside(lines, *_FORMULAS))), header)
    rows: list[dict[int, mpmath.mpf]] = []
    intervals: list[Interval] = []
    offset = ZERO
    for index, line in _inside(lines, *_TABLE):
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
    return with_header(found, header)


def _plan(lines: list[tuple[int, str]]) -> Plan:
    """The plan of formulas ``v_k &= …``, the last one r(x)."""
    statements: list[Statement] = []
    for index, line in lines:
        plain = re.sub(r"_\{(\d+)\}", r"\1", line)
        formula, result = _FORMULA.fullmatch(plain), _RESULT.fullmatch(plain)
        if result:
            return plan_from(result[1].split(", "), statements, result[2])
        if formula is None:
            raise TableError(f"line {index} is not as this package writes it: {line[:60]!r}")
        name, left, sign, right, factor, scaled, shifted, term = formula.groups()
        if factor:
            statements.append((name, "*", scaled, number(factor)))
        elif term:
            statements.append((name, "+", shifted, number(term)))
        else:
            statements.append((name, sign.replace("\\cdot", "*"), left, right))
    raise TableError("the formulas end before r(x); was the file cut off?")


def _inside(lines: list[str], begin: str, end: str) -> list[tuple[int, str]]:
    """The lines of the table or the formulas, with their numbers."""
    starts = [k for k, line in enumerate(lines) if line.startswith(begin)]
    ends = [k for k, line in enumerate(lines) if line.startswith(end)]
    if len(starts) != 1 or len(ends) != 1:
        raise TableError("holds no table of coefficients written by this package")
    kept = enumerate(lines[starts[0] + 1 : ends[0]], starts[0] + 2)
    return [(index, line.strip()) for index, line in kept if line.strip()]
