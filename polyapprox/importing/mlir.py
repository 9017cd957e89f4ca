"""HEIR's MLIR: typed Chebyshev (or plain) polynomials and their ``polynomial.eval``."""

from __future__ import annotations

import re

from ..errors import TableError
from ..export.powers import UNIT
from ..numbers import ZERO
from .c_source import read_heir, text_of
from .contents import Contents, Hints, with_header
from .numbers import NUMBER, number, numbers

_COMMENT = re.compile(r"//[^\n]*")
_DEFINED = re.compile(r"(#\w+) = #polynomial\.typed_chebyshev_polynomial<\[([^\]]*)\]>")
_EVALUATED = re.compile(
    r"polynomial\.eval (#\w+(?:\.typed_chebyshev_polynomial<\[[^\]]*\]>)?)[^{\n]*(?:\{([^}]*)\})?"
)
_OFFSET = re.compile(rf"%offset = arith\.constant ({NUMBER})")
_TYPES = re.compile(r":\s*f\d+")


def read_mlir(content: bytes, hints: Hints) -> Contents:
    """Polynomials in the order in which they are evaluated (C++ constants: see ``c_source``)."""
    text = text_of(content)
    if "typed_chebyshev_polynomial" not in text:
        return read_heir(content, hints)
    code = _COMMENT.sub("", text)
    defined = {name: numbers(_TYPES.sub("", body)) for name, body in _DEFINED.findall(code)}
    rows, intervals = [], []
    for reference, attributes in _EVALUATED.findall(code):
        inline = reference.partition("<[")[2].rstrip("]>")
        row = numbers(_TYPES.sub("", inline)) if inline else defined.get(reference)
        if not row:
            raise TableError(f"{reference[:40]} is evaluated but not defined")
        rows.append(row)
        ends = [
            re.search(rf"domain_{side} = ({NUMBER})", attributes) for side in ("lower", "upper")
        ]
        low, high = ends
        intervals.append((number(low[1]), number(high[1])) if low and high else UNIT)
    if not rows:
        rows, intervals = list(defined.values()), []
    offset = _OFFSET.search(code)
    found = Contents(
        tuple(rows),
        "chebyshev",
        tuple(intervals),
        halved=True,
        offset=number(offset[1]) if offset else ZERO,
    )
    return with_header(found, [line for line in text.splitlines() if line.startswith("//")])
