"""ANT-ACE: composite tables of its compiler, in powers or Chebyshev, several to a file.

``fhe-cmplr/util/src/app_composite_poly.cxx`` of ace-compiler: each table is a list of
``{POLY_BASIS_TYPE::POWER, degree, {coefficients}}``, innermost first.
"""

from __future__ import annotations

import re

from ..errors import TableError
from .c_source import text_of
from .contents import Basis, Contents, Hints
from .numbers import numbers
from .python_source import chosen

_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
_TABLE = re.compile(r"(\w+)\s*(?:=\s*)?(?=\{[\s{]*\{\s*POLY_BASIS_TYPE)")
_STAGE = re.compile(r"POLY_BASIS_TYPE::(\w+)\s*,\s*(\d+)\s*,\s*\{([^{}]*)\}")
_BASES: dict[str, Basis] = {"POWER": "monomial", "CHEBYSHEV": "chebyshev"}


def read_ant_ace(content: bytes, hints: Hints) -> Contents:
    """One table by its name, or the only one.

    Raises
    ------
    TableError
        If a stage does not have as many coefficients as its degree says.
    """
    code = _COMMENT.sub("", text_of(content))
    starts = [(match[1], match.end()) for match in _TABLE.finditer(code)]
    ends = [*(start for _, start in starts[1:]), len(code)][: len(starts)]
    found = {
        name: _STAGE.findall(code[start:end])
        for (name, start), end in zip(starts, ends, strict=True)
    }
    if not found and _STAGE.search(code):
        found = {"table": _STAGE.findall(code)}
    stages = chosen({name: rows for name, rows in found.items() if rows}, hints)
    bases = {basis for basis, _, _ in stages}
    if len(bases) != 1 or not bases <= set(_BASES):
        raise TableError(f"the stages are in the bases {', '.join(sorted(bases))}")
    rows = []
    for _, degree, body in stages:
        row = numbers(body)
        if len(row) != int(degree) + 1:
            raise TableError(f"a stage of degree {degree} has {len(row)} coefficients")
        rows.append(row)
    return Contents(tuple(rows), _BASES[bases.pop()], function="sign")
