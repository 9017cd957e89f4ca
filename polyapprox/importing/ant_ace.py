# SPDX-License-Identifier: Apache-2.0
"""ANT-ACE: composite tables of its compiler, in powers or Chebyshev, several to a file.

``fhe-cmplr/util/src/app_composite_poly.cxx`` of ace-compiler: each table is a list of
``{POLY_BASIS_TYPE::POWER, degree, {coefficients}}``, innermost first.
"""

from __future__ import annotations

from ..errors import TableError
from ..words import counted
from .arrays import Row, closing_braces, filled
from .c_source import text_of
from .constants import Reader, Value
from .contents import Basis, Contents, Hints, chosen
from .tokens import Token, tokens_of, without_directives

_BASES: dict[str, Basis] = {"POWER": "monomial", "CHEBYSHEV": "chebyshev"}
_SIGN = "POLY_BASIS_TYPE"


def read_ant_ace(content: bytes, hints: Hints) -> Contents:
    """One table by its name, or the only one.

    Raises
    ------
    TableError
        If something in it is no stage, or one does not have as many coefficients as its degree says.
    """
    tokens = tokens_of(without_directives(text_of(content))[0])
    tables = _tables(tokens)
    stages = [stage for place in chosen(tables, hints) for stage in _stages(tokens, place)]
    bases = {basis for basis, _ in stages}
    if len(bases) != 1:
        raise TableError(f"the stages are in the bases {', '.join(sorted(bases))}")
    return Contents(tuple(row for _, row in stages), bases.pop(), function="sign")


def _tables(tokens: list[Token]) -> list[tuple[str, int, int]]:
    """Name and line of each table, and the index of the brace that opens it."""
    closing = closing_braces(tokens)
    found: list[tuple[str, int, int]] = []
    end = -1
    for index, token in enumerate(tokens):
        if token.text != _SIGN or index < end or index < 1 or tokens[index - 1].text != "{":
            continue
        start = index - 1
        while start > 0 and tokens[start - 1].text == "{":
            start -= 1
        before = start - 1 - (start > 0 and tokens[start - 1].text == "=")
        named = before >= 0 and tokens[before].kind == "name"
        found.append((tokens[before].text if named else "table", token.line, start))
        end = closing[start]
    return found


def _stages(tokens: list[Token], start: int) -> list[tuple[Basis, Row]]:
    """The stages of a table, whatever the number of braces around them."""
    place = start
    while tokens[place + 1].text == "{" and tokens[place + 2].text != _SIGN:
        place += 1
    closing = closing_braces(tokens)
    if tokens[place + 1].text == _SIGN:  # one stage alone
        found, end = [_stage(tokens, place)], closing[place]
    else:
        end = closing[place]
        found = []
        place += 1
        while place < end:
            found.append(_stage(tokens, place))
            place = closing[place] + 1
            if tokens[place].text == ",":
                place += 1
            elif place != end:
                raise Reader(tokens, place).refusal()
    outer = tokens[end : closing[start] + 1]
    if any(token.text not in ("}", ",") for token in outer):
        raise Reader(list(outer), 1).refusal()
    return found


def _stage(tokens: list[Token], place: int) -> tuple[Basis, Row]:
    reader = Reader(tokens, place)
    for mark in ("{", _SIGN, "::"):
        reader.take(mark)
    basis = _BASES.get(reader.peek())
    if basis is None:
        raise TableError(f"line {reader.line}: the basis {reader.peek()!r} is not known")
    reader.place += 1
    reader.take(",")
    line, degree = reader.line, reader.constant()
    reader.take(",")
    (row,) = filled(reader.braced(), "double", (), line)
    reader.take("}")
    if not isinstance(degree, Value) or len(row) - 1 != degree.exactly:
        raise TableError(f"line {line}: a stage of degree {degree.exactly} has {counted(len(row), 'coefficient')}")
    return basis, row
