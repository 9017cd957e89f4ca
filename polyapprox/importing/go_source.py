"""Go: ``[][]string`` of decimals as Lattigo's minimax polynomials have them."""

from __future__ import annotations

import re
from dataclasses import replace

import mpmath

from ..errors import TableError
from .c_source import text_of
from .contents import Contents, Hints, with_header
from .numbers import number
from .python_source import chosen

_TABLE = re.compile(r"(\w+)\s*(?:=|:=)\s*\[\]\[\]string\s*\{")
_SINGLE = re.compile(r"(\w+)\s*(?:=|:=)\s*\[\]string\s*\{([^{}]*)\}")
_ROW = re.compile(r"\{([^{}]*)\}|([A-Za-z_][\w.]*)\s*,")
_TEXT = re.compile(r'"([^"]*)"')
_INTERVAL = re.compile(r'\{"([^"]+)", "([^"]+)"\}')
_INTERVALS = re.compile(r"Intervals = \[\]\[2\]string\{")
_OFFSET = re.compile(r'const Offset = "([^"]+)"')
_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)


def read_lattigo(content: bytes, hints: Hints) -> Contents:
    """Rows of decimals: Chebyshev on [-1, 1], low to high, c_0 as it is.

    Raises
    ------
    TableError
        If a row is the name of a table in another file.
    """
    text = text_of(content)
    code = _COMMENT.sub("", text)
    singles = {name: _row(body) for name, body in _SINGLE.findall(code)}
    found = {
        match[1]: _rows(_inside(code, match.end()), singles) for match in _TABLE.finditer(code)
    }
    if "Coefficients" in found and "const Final" in code:
        offset = _OFFSET.search(code)
        start = _INTERVALS.search(code)
        intervals = _INTERVAL.findall(_inside(code, start.end())) if start else []
        contents = Contents(
            found["Coefficients"],
            "chebyshev",
            tuple((number(a), number(b)) for a, b in intervals),
        )
        if offset:
            contents = replace(contents, offset=number(offset[1]))
        return with_header(contents, [line for line in text.splitlines() if line[:2] == "//"])
    if not found:
        found = {name: (row,) for name, row in singles.items()}
    if not found:  # rows alone, as its generator prints them
        found = {"rows": _rows(code, {})}
    return Contents(chosen(found, hints), "chebyshev")


def _inside(code: str, start: int) -> str:
    depth = 1
    for index in range(start, len(code)):
        depth += (code[index] == "{") - (code[index] == "}")
        if not depth:
            return code[start:index]
    raise TableError("a table is not closed; was the file cut off?")


def _rows(body: str, singles: dict[str, tuple[mpmath.mpf, ...]]) -> tuple:
    rows = []
    for literal, name in _ROW.findall(body):
        if not name:
            rows.append(_row(literal))
        elif name.rpartition(".")[2] in singles:
            rows.append(singles[name.rpartition(".")[2]])
        else:
            raise TableError(
                f"a row is {name}, a table of another file: add its definition to this one"
            )
    if not rows or not all(rows):
        raise TableError("holds no rows of decimals in quotes")
    return tuple(rows)


def _row(body: str) -> tuple[mpmath.mpf, ...]:
    return tuple(number(text) for text in _TEXT.findall(body))
