# SPDX-License-Identifier: Apache-2.0
"""Tokens of C, C++, Go and MLIR, each with its line; comments are left out.

What a compiler would not see is not seen: comments, ``#if 0``. What it would see and this module
does not understand (continued lines, raw strings) is refused.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from ..errors import TableError

_TOKEN = re.compile(
    r"""(?P<space>\s+)
      | (?P<comment>//[^\n]*|/\*.*?\*/)
      | (?P<text>"(?:[^"\\\n]|\\.)*"|`[^`]*`)
      | (?P<letter>'(?:[^'\\\n]|\\.)+')
      | (?P<number>\.?[0-9](?:[eEpP][-+]|[0-9A-Za-z_.])*)
      | (?P<name>[A-Za-z_][A-Za-z_0-9]*)
      | (?P<mark>--|\+\+|::|->|:=|[-+*/%&|^<>=!]=|\S)""",
    re.VERBOSE | re.DOTALL,
)
_CONDITION = re.compile(r"^\s*#\s*(if|ifdef|ifndef|elif|else|endif)\b\s*(.*?)\s*$")
_DIRECTIVE = re.compile(r"^\s*#")


class Token(NamedTuple):
    """A number, name, text (in quotes), letter (in single quotes) or mark, and its line."""

    kind: str
    text: str
    line: int


def tokens_of(code: str, first_line: int = 1) -> list[Token]:
    """All tokens of a piece of source.

    Raises
    ------
    TableError
        If a comment or a text does not end, or a line is continued by a backslash.

    Examples
    --------
    >>> [token.text for token in tokens_of("a = {1.5e-3f, -.5}; // not {2}")]
    ['a', '=', '{', '1.5e-3f', ',', '-', '.5', '}', ';']
    """
    found: list[Token] = []
    line, place = first_line, 0
    while place < len(code):
        match = _TOKEN.match(code, place)
        open_comment = code.startswith("/*", place) and match is not None and match.lastgroup == "mark"
        if match is None or match[0] in ('"', "'", "`", "\\") or open_comment:
            raise TableError(f"line {line}: what begins with {code[place : place + 12]!r} has no end")
        kind = str(match.lastgroup)
        if kind == "text" and found and found[-1] == Token("name", "R", line):
            raise TableError(f"line {line} holds a raw string")
        if kind not in ("space", "comment"):
            found.append(Token(kind, match[0], line))
        elif match[0].endswith("\\"):
            raise TableError(f"line {line} continues a comment by a backslash")
        line += match[0].count("\n")
        place = match.end()
    return found


def without_directives(code: str) -> tuple[str, frozenset[int]]:
    """C source without lines of the preprocessor and what ``#if 0`` leaves out.

    Returns
    -------
    (str, frozenset of int)
        The source, line for line, and the lines that a condition with another branch decides.

    Raises
    ------
    TableError
        If conditions are not closed.
    """
    lines, kept = code.split("\n"), []
    open_ones: list[list[tuple[str, int]]] = []  # branches: what is known of each, its first line
    doubtful: set[int] = set()
    continued = False
    for number, text in enumerate(lines, 1):
        condition = None if continued else _CONDITION.match(text)
        if condition is not None:
            _branch(condition[1], condition[2], number, open_ones, doubtful)
        directive = continued or _DIRECTIVE.match(text) is not None
        left_out = any(branches[-1][0] == "no" for branches in open_ones)
        kept.append("" if directive or left_out else text)
        continued = directive and text.rstrip().endswith("\\")
    if open_ones:
        raise TableError("a #if is not closed; was the file cut off?")
    return "\n".join(kept), frozenset(doubtful)


def _branch(
    word: str,
    rest: str,
    line: int,
    open_ones: list[list[tuple[str, int]]],
    doubtful: set[int],
) -> None:
    if word.startswith("if"):
        known = {"0": "no", "1": "yes"}.get(rest, "?") if word == "if" else "?"
        open_ones.append([(known, line)])
        return
    if not open_ones:
        raise TableError(f"line {line}: #{word} without #if")
    if word == "endif":
        branches = open_ones.pop()
        if len(branches) > 1 and any(known == "?" for known, _ in branches):
            doubtful.update(range(branches[0][1], line + 1))
        return
    before = open_ones[-1][0][0]
    plain = word == "else" and len(open_ones[-1]) == 1
    known = {"no": "yes", "yes": "no"}.get(before, "?") if plain else "?"
    open_ones[-1].append((known, line))
