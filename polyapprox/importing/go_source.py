# SPDX-License-Identifier: Apache-2.0
"""Go: ``[][]string`` of decimals as Lattigo's minimax polynomials have them, and lists of numbers.

``[]float64`` and ``[]complex128`` (imaginary parts 0) are read too. Where the file hands one list
to ``bignum.NewPolynomial`` with a basis and an interval, these are taken from there.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import mpmath

from ..errors import TableError
from ..numbers import ZERO
from ..words import counted
from .arrays import Row, closing_braces
from .c_source import text_of
from .constants import Kind, Reader, Value, rounded_to
from .contents import Basis, Contents, Hints, Interval, chosen, refuse_own, with_header
from .numbers import number
from .steps import plan_of_steps
from .tokens import Token, tokens_of

_TYPES: dict[str, Kind | str] = {
    "string": "string", "float64": "double", "float32": "float", "complex128": "double",
    "complex64": "float", "int": "whole",
}  # fmt: skip
_OFFSET = re.compile(r'const Offset = "([^"]+)"')
_BASES: dict[str, Basis] = {"Chebyshev": "chebyshev", "Monomial": "monomial"}
_LARGEST = 10**6
_ASSIGNS = ("=", "+=", "-=", "*=", "/=", "++", "--")
_CHANGES = ("Reverse", "Sort", "SortFunc", "Float64s", "Strings", "Stable", "Shuffle", "copy", "clear")
_TABLES = ("string", "double", "float")


class _List(NamedTuple):
    name: str
    line: int
    start: int
    end: int
    deep: int  # [] of the type
    element: Kind | str
    sizes: tuple[str, ...]  # in them


def read_lattigo(content: bytes, hints: Hints) -> Contents:
    """Rows of numbers: Chebyshev on [-1, 1] unless the file says it, low to high, c_0 as it is.

    Raises
    ------
    TableError
        If a row is the name of a table in another file, or no row of constants.
    """
    text = text_of(content)
    tokens = tokens_of(text)
    lists = _lists(tokens)
    header = [line for line in text.splitlines() if line[:2] == "//"]
    if "const Final" in text and "Coefficients" in {one.name for one in lists}:
        return with_header(_export(tokens, lists, text), header)
    plan = plan_of_steps(text)
    if plan is not None:
        return with_header(Contents(plan=plan), header)
    refuse_own(header)
    if not lists:  # rows alone, as its generator prints them
        return Contents(_bare(tokens), "chebyshev")
    lists = [one for one in lists if one.element in _TABLES]
    deep = [one for one in lists if one.deep > 1]
    rows_elsewhere = {one.name: one for one in lists if one.deep == 1}
    listed = deep if deep and hints.name is None else lists
    wanted = chosen([(one.name, one.line, one) for one in listed], hints)
    for one in wanted:
        _check_unchanged(tokens, one)
    rows = [row for one in wanted for row in _rows(tokens, one, rows_elsewhere)]
    basis, interval = _said(tokens, wanted)
    return Contents(tuple(rows), basis, interval)


def _export(tokens: list[Token], lists: list[_List], text: str) -> Contents:
    named = {one.name: one for one in lists}
    rows = _rows(tokens, named["Coefficients"], {})
    ends = _rows(tokens, named["Intervals"], {}) if "Intervals" in named else ()
    offset = _OFFSET.search(text)
    if any(len(pair) != 2 for pair in ends) or offset is None:
        raise TableError("the export's intervals or its offset are not whole; was the file cut off?")
    intervals = tuple((low, high) for low, high in ends)
    return Contents(rows, "chebyshev", intervals, offset=number(offset[1]))


def _lists(tokens: list[Token]) -> list[_List]:
    """Named composite literals of a slice or array type, outermost only."""
    closing = closing_braces(tokens)
    found: list[_List] = []
    index = 0
    while index < len(tokens):
        one = _typed(tokens, index, closing[index]) if tokens[index].text == "{" else None
        if one is None:
            index += 1
        else:
            found.append(one)
            index = one.end + 1
    return found


def _typed(tokens: list[Token], start: int, end: int) -> _List | None:
    place = start - 1
    if place < 2 or tokens[place].text not in _TYPES or tokens[place - 1].text != "]":
        return None
    element, deep = _TYPES[tokens[place].text], 0
    sizes: list[str] = []
    while tokens[place - 1].text == "]":
        place -= 1
        closed = place
        while tokens[place].text != "[":
            place -= 1
            if place < 1:
                return None
        deep += 1
        sizes.insert(0, "".join(t.text for t in tokens[place + 1 : closed]).replace("...", ""))
    if tokens[place - 1].text not in ("=", ":=", ":"):
        return None
    place -= 2
    if tokens[place].text in _TYPES:  # var name []float64 = []float64{
        while place > 0 and tokens[place].line == tokens[start].line and tokens[place].text != "var":
            place -= 1
        place += 1
    if place < 0 or tokens[place].kind != "name":
        return None
    return _List(tokens[place].text, tokens[place].line, start, end, deep, element, tuple(sizes))


def _rows(tokens: list[Token], one: _List, elsewhere: dict[str, _List]) -> tuple[Row, ...]:
    if one.deep == 1:
        return (_filled(_row(tokens, one.start, one.end, one.element), one),)
    if one.deep > 2:
        raise TableError(f"line {one.line}: {one.name!r} is nested more than lists of lists")
    closing = closing_braces(tokens)
    rows: list[Row] = []
    place = one.start + 1
    while place < one.end:
        if tokens[place].text == "{":
            rows.append(_filled(_row(tokens, place, closing[place], one.element), one))
            place = closing[place] + 1
        else:
            row, place = _row_by_name(tokens, place, one.end, elsewhere)
            rows.append(row)
        if tokens[place].text == ",":
            place += 1
        elif place != one.end:
            raise Reader(tokens, place).refusal()
    if not rows:
        raise TableError(f"line {one.line}: {one.name!r} holds no rows of numbers")
    if one.sizes[0] not in ("", str(len(rows))):
        raise TableError(f"line {one.line}: an array of {one.sizes[0]} holds {counted(len(rows), 'row')}")
    return tuple(rows)


def _filled(row: Row, one: _List) -> Row:
    """The row, and the zeros that an array of a size has after it."""
    size = one.sizes[-1]
    if not size:
        return row
    if not size.isdigit() or not len(row) <= int(size) <= _LARGEST:
        raise TableError(f"line {one.line}: an array of the size {size!r} holds {counted(len(row), 'number')}: write the size as a number")
    return row + (ZERO,) * (int(size) - len(row))


def _row_by_name(
    tokens: list[Token], place: int, end: int, elsewhere: dict[str, _List]
) -> tuple[Row, int]:
    parts = []
    while place < end and (tokens[place].kind == "name" or tokens[place].text == "."):
        parts.append(tokens[place].text)
        place += 1
    if not parts:
        raise Reader(tokens, place).refusal()
    if parts[-1] not in elsewhere:
        raise TableError(
            f"a row is {''.join(parts)}, a table of another file: add its definition to this one"
        )
    one = elsewhere[parts[-1]]
    return _row(tokens, one.start, one.end, one.element), place


def _row(tokens: list[Token], start: int, end: int, element: Kind | str) -> Row:
    if element == "string":
        return _texts(tokens[start + 1 : end])
    values = Reader(tokens, start, "go").braced()
    if not values or not all(isinstance(value, Value) for value in values):
        raise TableError(f"line {tokens[start].line}: a row is no list of numbers")
    kind: Kind = "float" if element == "float" else "whole" if element == "whole" else "double"
    return tuple(rounded_to(value, kind) for value in values if isinstance(value, Value))


def _texts(tokens: list[Token]) -> Row:
    """Numbers in quotes, with commas between."""
    found: list[mpmath.mpf] = []
    for index, token in enumerate(tokens):
        if index % 2:
            if token.text != ",":
                raise Reader(tokens, index).refusal()
            continue
        if token.kind != "text":
            raise TableError(f"line {token.line}: {token.text[:40]!r} is no number in quotes")
        try:
            found.append(number(token.text[1:-1]))
        except TableError as error:
            raise TableError(f"line {token.line}: {error}") from None
    if not found:
        raise TableError("holds no rows of decimals in quotes")
    return tuple(found)


def _bare(tokens: list[Token]) -> tuple[Row, ...]:
    closing = closing_braces(tokens)
    rows: list[Row] = []
    place = 0
    while place < len(tokens):
        if tokens[place].text != "{":
            raise TableError(
                f"line {tokens[place].line} holds no rows of decimals in quotes, and no list of a "
                "type such as []float64"
            )
        texts = tokens[place + 1].kind == "text"
        rows.append(_row(tokens, place, closing[place], "string" if texts else "double"))
        place = closing[place] + 1
        place += place < len(tokens) and tokens[place].text == ","
    if not rows:
        raise TableError("holds no rows of decimals in quotes")
    return tuple(rows)


def _said(tokens: list[Token], wanted: list[_List]) -> tuple[Basis, tuple[Interval, ...]]:
    """Basis and interval of ``bignum.NewPolynomial(bignum.Chebyshev, name, [2]float64{a, b})``."""
    calls = [k for k, t in enumerate(tokens) if t.text == "NewPolynomial" and len(wanted) == 1]
    calls = [k for k in calls if wanted[0].name in (t.text for t in tokens[k + 5 : k + 7])]
    if len(calls) != 1:
        return "chebyshev", ()
    start = calls[0]
    basis = _BASES.get(tokens[start + 4].text if tokens[start + 3].text == "." else "")
    if basis is None:
        return "chebyshev", ()
    rest = [t.text for t in tokens[start + 6 : start + 12]]
    if rest[:6] != [",", "[", "2", "]", "float64", "{"]:
        return basis, ()
    ends = _row(tokens, start + 11, closing_braces(tokens)[start + 11], "double")
    if len(ends) != 2:
        raise TableError(f"line {tokens[start].line}: an interval has two ends")
    return basis, ((ends[0], ends[1]),)


def _check_unchanged(tokens: list[Token], one: _List) -> None:
    """Refuse a list that other statements write to."""
    for index, token in enumerate(tokens):
        if token.text != one.name or token.kind != "name" or one.start - 12 < index < one.start:
            continue
        following = tokens[index + 1].text if index + 1 < len(tokens) else ""
        place = index + 1
        if following == "[":
            while place < len(tokens) - 1 and tokens[place].text != "]":
                place += 1
            following = tokens[min(place + 1, len(tokens) - 1)].text
        before = tokens[index - 2].text if index > 1 else ""
        if following in _ASSIGNS or before in _CHANGES:
            raise TableError(
                f"line {token.line} changes {one.name!r}: what the code uses is not what line "
                f"{one.line} says; if the list as written is meant, copy it into a file of its own"
            )
