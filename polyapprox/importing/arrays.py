# SPDX-License-Identifier: Apache-2.0
"""Arrays of constants in C and C++: which a file declares, and what one of them holds.

Exactly one is read: the only one of the file, or the one that is named. An array that the code
changes after its declaration is refused, as what is written is not what is used.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import mpmath

from ..errors import TableError
from ..numbers import ZERO
from ..words import counted
from .constants import Element, Kind, Reader, Value, rounded_to
from .contents import ORDERS, Hints, chosen
from .tokens import Token, tokens_of, without_directives

Row = tuple[mpmath.mpf, ...]

_WHOLE_TYPES = frozenset((
    "int", "long", "short", "unsigned", "signed", "bool", "char", "size_t", "ssize_t", "usint",
    *(f"{sign}int{bits}_t" for sign in ("", "u") for bits in (8, 16, 32, 64)),
))  # fmt: skip
_NO_ARRAY = frozenset(
    ("enum", "struct", "class", "union", "namespace", "using", "typedef", "operator")
)
_NO_NAME = frozenset(("return", "else", "do", "try", "const", "new", "case", "default", "throw"))
_ASSIGNS = frozenset(("=", "+=", "-=", "*=", "/=", "++", "--"))
_CHANGES = frozenset((
    "push_back", "emplace_back", "pop_back", "insert", "erase", "resize", "assign", "clear", "swap",
    "emplace",
))  # fmt: skip
_REORDERS = frozenset(
    ("reverse", "transform", "sort", "stable_sort", "rotate", "swap", "shuffle", "fill", "fill_n", "for_each", "iota")
)
_OVERWRITES = frozenset(("memcpy", "memmove", "memset"))  # their first argument
_MADE_BY = frozenset((
    ">", "]", "vector", "array", "valarray", "initializer_list", "deque", "double", "float",
))  # fmt: skip
_TYPE_MARKS = frozenset(("::", "<", ">", "*", "&", "[", "]", ","))


@dataclass(frozen=True)
class Array:
    """A declaration with constants in braces.

    Attributes
    ----------
    name : str
        Empty where the list has none.
    line : int
    start, end : int
        Of its braces, among the tokens.
    kind : {"double", "float", "whole"}
    pairs : bool
        Whether its elements are complex.
    sizes : tuple of str
        What stands in brackets after the name, and what ``std::array`` says; empty where nothing does.
    """

    name: str
    line: int
    start: int
    end: int
    kind: Kind = "double"
    pairs: bool = False
    sizes: tuple[str, ...] = ()


def closing_braces(tokens: Sequence[Token]) -> dict[int, int]:
    """Index of the closing brace of each opening one.

    Raises
    ------
    TableError
        If they do not pair.
    """
    open_ones: list[int] = []
    found = {}
    for index, token in enumerate(tokens):
        if token.text == "{":
            open_ones.append(index)
        elif token.text == "}":
            if not open_ones:
                raise TableError(f"line {token.line}: a brace is closed that was not opened")
            found[open_ones.pop()] = index
    if open_ones:
        line = tokens[open_ones[-1]].line
        raise TableError(f"line {line}: what opens there is not closed; was the file cut off?")
    return found


def vectors(code: str, hints: Hints) -> tuple[Row, ...]:
    """The rows of one array (a single one, where it is not nested), or of several that are named.

    Raises
    ------
    TableError
        If there is none or several of the name, or the array holds anything but constants.
    """
    kept, doubtful = without_directives(code)
    tokens = tokens_of(kept)
    found = arrays_of(tokens)
    named = [array for array in found if array.name]
    if not named and len(found) == 1 and _is_all(tokens, found[0]):
        named = [Array("table", found[0].line, found[0].start, found[0].end)]
    wanted = chosen([(array.name, array.line, array) for array in named], hints, "array")
    rows: list[Row] = []
    for array in wanted:
        if array.line in doubtful or tokens[array.end].line in doubtful:
            raise TableError(
                f"line {array.line}: {array.name!r} stands in a #if with another branch; copy the "
                "branch that is meant into a file of its own"
            )
        _check_unchanged(tokens, array)
        if hints.order != ORDERS[0] and (named_sizes := [s for s in array.sizes if s and not s.isdigit()]):
            raise TableError(
                f"line {array.line}: {array.name!r} has the size {named_sizes[-1]!r}: what it leaves open would "
                "come first; write it as a number"
            )
        rows += rows_of(tokens, array)
    return tuple(rows)


def numbered(code: str, hints: Hints) -> Hints:
    """Where arrays are named NAME0, NAME1, …: the hints with all of these names, in order."""
    names = [a.name for a in arrays_of(tokens_of(without_directives(code)[0])) if a.name]
    stem = hints.name if hints.name is not None else names[0].rstrip("0123456789") if names else ""
    family = [f"{stem}{k}" for k in range(len(names))]
    inside = family[: sum(name[len(stem) :].isdigit() for name in names if name.startswith(stem))]
    whole = len(inside) > 0 and set(inside) <= set(names) and hints.name not in names
    if not whole or (hints.name is None and sorted(inside) != sorted(names)):
        return hints
    return hints.renamed(",".join(inside))


def _is_all(tokens: list[Token], array: Array) -> bool:
    return array.start == 0 and all(t.text in (";", ",") for t in tokens[array.end + 1 :])


def arrays_of(tokens: list[Token]) -> list[Array]:
    """All lists in braces that hold numbers, outermost only."""
    closing = closing_braces(tokens)
    found: list[Array] = []
    index = 0
    while index < len(tokens):
        if tokens[index].text != "{":
            index += 1
            continue
        end = closing[index]
        inside = tokens[index + 1 : end]
        if any(token.text == ";" for token in inside):
            index += 1  # a block
            continue
        if any(token.kind == "number" for token in inside):
            array = _declared(tokens, index, end)
            if array is not None:
                found.append(array)
        index = end + 1
    return found


def _declared(tokens: list[Token], start: int, end: int) -> Array | None:
    """What is said before the braces; None: no array, but an enumeration or a call."""
    head, whole = _head(tokens, start)
    texts = [token.text for token in head]
    line = tokens[start].line
    if _NO_ARRAY & set(whole):
        return None
    if "=" in texts:
        place = len(texts) - 1 - texts[::-1].index("=")
        head, after = head[:place], texts[place + 1 :]
        known = all(t in _TYPE_MARKS or t.isidentifier() or t.isdigit() for t in after)
        known = known and re.fullmatch(r"[^\[\]]*(\[[^\[\]]*\])?", " ".join(after)) is not None
        if not known or (after and after[-1] not in _MADE_BY):
            return Array("", line, start, end)
        texts = texts[:place]
    sizes: list[str] = []
    while texts and texts[-1] == "]" and "[" in texts:
        opening = len(texts) - 1 - texts[::-1].index("[")
        sizes.insert(0, " ".join(texts[opening + 1 : -1]))
        head, texts = head[:opening], texts[:opening]
    named = bool(texts) and head[-1].kind == "name" and texts[-1] not in _NO_NAME
    sized = all(not size or size.isdigit() or size.isidentifier() for size in sizes)
    if not named or not sized or (len(texts) > 1 and texts[-2] in ("]", ")")):
        return Array("", line, start, end)
    made = _sizes_of_containers(whole[::-1])
    return Array(
        texts[-1], head[-1].line, start, end, _kind(whole), "complex" in whole, (*sizes, *made)
    )


def _sizes_of_containers(words: list[str]) -> tuple[str, ...]:
    """The sizes that ``std::array<…, N>`` says, outermost first; empty ones for what grows around it."""
    made = [word for word, mark in pairwise(words) if word in ("array", "vector") and mark == "<"]
    if "array" not in made:
        return ()
    text = " ".join(words)
    sizes = re.findall(r", ([^,<>]+?) >", text)  # innermost first
    outer = [sizes.pop() if word == "array" and sizes else "" for word in made]
    return tuple(outer)


def _head(tokens: list[Token], start: int) -> tuple[list[Token], list[str]]:
    """The declarator before a brace, and all words of its statement before it."""
    first = start - 1
    if first >= 1 and tokens[first].text == "(" and _constructs(tokens, first):
        first -= 1
    depth, stop = 0, first
    while stop >= 0:
        text = tokens[stop].text
        depth += (text in ">]") - (text in "<[") if len(text) == 1 else 0
        if text in (";", "{", "}", "(", ":") or (text == "," and depth == 0):
            break
        stop -= 1
    whole, index, closed = [], first, 0
    while index >= 0:  # to the beginning of the statement, past earlier declarators
        text = tokens[index].text
        closed += (text == "}") - (text == "{")
        if closed < 0 or text == ";" or (text == "}" and tokens[index + 1].text not in (",", ")", "}", "{")):
            break
        if closed == 0:
            whole.append(text)
        index -= 1
    return tokens[stop + 1 : first + 1], whole


def _constructs(tokens: list[Token], opening: int) -> bool:
    """Whether ``name({…})`` declares a name: a type stands before it."""
    before = tokens[opening - 2] if opening >= 2 else None
    named = tokens[opening - 1].kind == "name"
    return named and before is not None and (before.kind == "name" or before.text == ">")


def _kind(words: list[str]) -> Kind:
    if "float" in words:
        return "float"
    if "double" in words or "complex" in words:
        return "double"
    return "whole" if _WHOLE_TYPES & set(words) else "double"


def rows_of(tokens: list[Token], array: Array) -> tuple[Row, ...]:
    """What an array holds, as the language rounds and fills it.

    Raises
    ------
    TableError
        Naming the line of what is no constant.
    """
    following = tokens[array.end + 1].text if array.end + 1 < len(tokens) else ";"
    next_one = tokens[array.end + 2] if array.end + 2 < len(tokens) else None
    dangling = following == "," and next_one is not None and next_one.kind != "name" and (
        next_one.text not in ("*", "&")
    )
    if following not in (";", ",", ")", "}") or dangling:
        raise TableError(f"line {tokens[array.end].line}: {array.name!r} is part of an expression")
    elements = Reader(tokens, array.start, pairs=array.pairs).braced()
    return filled(elements, array.kind, array.sizes, array.line)


def filled(
    elements: list[Element], kind: Kind, sizes: tuple[str, ...] = (), line: int = 1
) -> tuple[Row, ...]:
    """Elements as rows of numbers; what a declared size leaves open is 0.

    Raises
    ------
    TableError
        If numbers and lists stand side by side, or there are more than the size says.
    """
    nested = [isinstance(element, list) for element in elements]
    if not elements or any(nested) != all(nested) or len(sizes) > 1 + any(nested):
        raise TableError(f"line {line}: the array is no list of numbers, or of lists of numbers")
    rows = [e for e in elements if isinstance(e, list)] if any(nested) else [elements]
    size = sizes[-1] if sizes and (len(sizes) == 1 + any(nested) or len(rows) == 1) else ""
    if len(sizes) == 2 and sizes[0].isdigit() and int(sizes[0]) != len(rows):
        raise TableError(f"line {line}: an array of {sizes[0]} holds {counted(len(rows), 'row')}")
    return tuple(_row(row, kind, size, line) for row in rows)


def _row(elements: list[Element], kind: Kind, size: str, line: int) -> Row:
    values = [e for e in elements if isinstance(e, Value)]
    if len(values) != len(elements) or not values:
        raise TableError(f"line {line}: a row of the array is no list of numbers")
    row = tuple(rounded_to(value, kind) for value in values)
    if not size.isdigit():
        return row
    if len(row) > int(size) or int(size) > 10**6:
        raise TableError(f"line {line}: an array of {size} holds {counted(len(row), 'number')}")
    return row + (ZERO,) * (int(size) - len(row))


def _check_unchanged(tokens: list[Token], array: Array) -> None:
    """Refuse an array that other statements write to."""
    for index, token in enumerate(tokens):
        if token.text != array.name or token.kind != "name" or _declares(index, array, tokens):
            continue
        if _is_written(tokens, index):
            raise TableError(
                f"line {token.line} changes {array.name!r}: what the code uses is not what line "
                f"{array.line} says; if the list as written is meant, copy it into a file of its own"
            )


def _declares(index: int, array: Array, tokens: list[Token]) -> bool:
    return index < array.start and all(
        token.text in _TYPE_MARKS or token.text in ("=", "(") or token.kind in ("name", "number")
        for token in tokens[index + 1 : array.start]
    )


def _is_written(tokens: list[Token], index: int) -> bool:
    texts = [token.text for token in tokens[max(0, index - 8) : index + 2]]
    before, after = texts[: min(8, index)], index + 1
    while after < len(tokens) and tokens[after].text == "[":
        depth = 0
        while after < len(tokens):
            depth += (tokens[after].text == "[") - (tokens[after].text == "]")
            after += 1
            if not depth:
                break
    following = tokens[after].text if after < len(tokens) else ""
    if following in _ASSIGNS or before[-1:] in (["++"], ["--"]):
        return True
    if following in (".", "->") and after + 1 < len(tokens) and tokens[after + 1].text in _CHANGES:
        return True
    called = [word for word, mark in pairwise(before) if mark == "("]
    if before[-1:] == ["("] and before[-2:-1] and before[-2] in _OVERWRITES:
        return True
    return bool(_REORDERS & set(called)) or (before[-1:] == [":"] and "&" in before)
