# SPDX-License-Identifier: Apache-2.0
"""Constants of C, C++ and Go, and arithmetic on them, as a compiler takes them.

Up to 17 digits a number is the nearest double; more digits are kept where it stands alone. With a
suffix ``f``, in a cast to ``float``, or in an array of floats it is the nearest float32. C computes
``3.0 / 2`` in doubles, rounding each result, and Go exactly, rounding once. Whole numbers that do
not divide (``3 / 2`` is 1 there) are refused, as are names, calls, and imaginary parts that are
not 0.
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Literal, NamedTuple, TypeAlias, Union

import mpmath

from ..errors import TableError
from ..numbers import dyadic, exact, fraction, rounded
from .numbers import number
from .tokens import Token

Kind = Literal["whole", "float", "double"]
Language = Literal["c", "go"]
Element: TypeAlias = Union["Value", list["Element"]]

_WHOLE = re.compile(r"(0|[1-9][0-9]*|0[xX][0-9a-fA-F]+)[uUlL]{0,3}")
_REAL = re.compile(
    r"((?:[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?|[0-9]+[eE][-+]?[0-9]+"
    r"|0[xX](?:[0-9a-fA-F]+\.?[0-9a-fA-F]*|\.[0-9a-fA-F]+)[pP][-+]?[0-9]+)([fFlLdD]?)"
)
_KINDS: dict[str, Kind] = {
    "double": "double", "float64": "double", "float": "float", "float32": "float",
}  # fmt: skip
_DEEPEST = 60
_FLOAT_BITS, _FLOAT_LEAST = 24, -149
_LARGEST_FLOAT = (2 - Fraction(1, 2**23)) * 2**127
_LARGEST_WHOLE = 2**31
_LONGEST_WHOLE = 400


class Value(NamedTuple):
    """A constant: its exact value, how the language rounds it, its line, its text if it stands alone.

    `extended`: whether it is a long double, whose arithmetic depends on the machine.
    """

    exactly: Fraction
    kind: Kind
    line: int
    text: str = ""
    extended: bool = False


def to_float32(value: Fraction, line: int) -> mpmath.mpf:
    """The nearest float32, as an exact number.

    Raises
    ------
    TableError
        If it is beyond the largest one.
    """
    if abs(value) < Fraction(1, 2**126):
        found = dyadic(round(value * 2**-_FLOAT_LEAST), _FLOAT_LEAST)
    else:
        found = rounded(value, _FLOAT_BITS)
    if abs(fraction(found)) > _LARGEST_FLOAT:
        raise TableError(f"line {line}: a number is beyond the largest float")
    return found


def to_double(value: Fraction, line: int) -> mpmath.mpf:
    """The nearest double, as an exact number."""
    try:
        return exact(float(value))
    except OverflowError:
        raise TableError(f"line {line}: a number is beyond the largest double") from None


class Reader:
    """Reads constants and braced lists of them from tokens.

    Parameters
    ----------
    tokens : list of Token
    place : int
        Of the next token.
    language : {"c", "go"}
    pairs : bool
        Whether ``{a, b}`` inside a list is a complex number rather than a row.
    """

    def __init__(
        self, tokens: list[Token], place: int = 0, language: Language = "c", pairs: bool = False
    ) -> None:
        self.tokens, self.place, self.language, self.pairs = tokens, place, language, pairs
        self.levels = 0

    def peek(self, ahead: int = 0) -> str:
        """The text of a coming token; empty at the end."""
        index = self.place + ahead
        return self.tokens[index].text if index < len(self.tokens) else ""

    @property
    def line(self) -> int:
        """Of the next token, or of the last one."""
        return self.tokens[min(self.place, len(self.tokens) - 1)].line if self.tokens else 1

    def take(self, text: str) -> None:
        """Go past a token that must be there."""
        if self.peek() != text:
            raise self.refusal()
        self.place += 1

    def refusal(self) -> TableError:
        """What to raise about the next token."""
        if self.place >= len(self.tokens):
            return TableError("a table is not closed; was the file cut off?")
        token = self.tokens[self.place]
        return TableError(
            f"line {token.line}: {token.text[:40]!r} is not understood; a table is a list of "
            "numbers, or of + - * / and parentheses on numbers"
        )

    def braced(self, opening: str = "{") -> list[Element]:
        """A list in braces (or brackets): numbers, or lists of them.

        Raises
        ------
        TableError
            Naming the line of what is neither.
        """
        self._deeper()
        closing = {"{": "}", "[": "]", "(": ")"}[opening]
        self.take(opening)
        found: list[Element] = []
        while self.peek() != closing:
            found.append(self._element(opening))
            if self.peek() != closing:
                self.take(",")
        self.place += 1
        self.levels -= 1
        return found

    def _element(self, opening: str) -> Element:
        if self.peek() != opening:
            return self.constant()
        if not self.pairs:
            return self.braced(opening)
        start = self.place
        parts = self.braced(opening)
        if all(isinstance(part, list) for part in parts) and parts:
            return parts  # a row of pairs
        self.place = start
        return self._complex(opening)

    def constant(self) -> Value:
        """One constant.

        Raises
        ------
        TableError
        """
        self._deeper()
        value = self._product()
        while self.peek() in ("+", "-"):
            sign = self.peek()
            self.place += 1
            value = self._combined(value, sign, self._product())
        self.levels -= 1
        return value

    def _deeper(self) -> None:
        self.levels += 1
        if self.levels > _DEEPEST:
            raise TableError(f"line {self.line} is nested more than {_DEEPEST} deep")

    def _product(self) -> Value:
        value = self._signed()
        while self.peek() in ("*", "/"):
            sign = self.peek()
            self.place += 1
            value = self._combined(value, sign, self._signed())
        return value

    def _signed(self) -> Value:
        opposite = False
        while self.peek() in ("+", "-"):
            opposite ^= self.peek() == "-"
            self.place += 1
        value = self._primary()
        if not opposite:
            return value
        return value._replace(exactly=-value.exactly, text=_opposite(value.text))

    def _primary(self) -> Value:
        if self.place >= len(self.tokens):
            raise self.refusal()
        token = self.tokens[self.place]
        if token.kind == "number":
            self.place += 1
            return literal(token, self.language)
        if token.text == "(":
            return self._in_parentheses()
        if token.kind == "name":
            return self._named()
        raise self.refusal()

    def _in_parentheses(self) -> Value:
        kind = _KINDS.get(self.peek(1))
        if kind is not None and self.peek(2) == ")" and self.language == "c":  # a cast
            self.place += 3
            return self._rounded(self._signed(), kind)
        self.take("(")
        value = self.constant()
        self.take(")")
        return value

    def _named(self) -> Value:
        if self.peek() == "std" and self.peek(1) == "::":
            self.place += 2
        name = self.peek()
        if name == "static_cast" and self.peek(1) == "<" and self.peek(3) == ">":
            kind = _KINDS.get(self.peek(2))
            if kind is None:
                raise self.refusal()
            self.place += 4
            self.take("(")
            value = self.constant()
            self.take(")")
            return self._rounded(value, kind)
        if name in ("complex", "complex128", "complex64"):
            return self._complex_call()
        if name in _KINDS and self.peek(1) in ("(", "{"):
            opening = self.peek(1)
            self.place += 1
            (value,) = self._arguments(opening, 1)
            return self._rounded(value, _KINDS[name])
        raise self.refusal()

    def _complex_call(self) -> Value:
        kind: Kind = "float" if self.peek() == "complex64" else "double"
        self.place += 1
        if self.peek() == "<":
            kind = _KINDS.get(self.peek(1), kind)
            if self.peek(1) not in _KINDS or self.peek(2) != ">":
                raise self.refusal()
            self.place += 3
        if self.peek() not in ("(", "{"):
            raise self.refusal()
        return self._rounded(self._complex(self.peek()), kind)

    def _complex(self, opening: str) -> Value:
        """``(re, im)`` with the imaginary part 0."""
        line = self.line
        real, *imaginary = self._arguments(opening, 2)
        if any(part.exactly for part in imaginary):
            raise TableError(f"line {line}: a coefficient has an imaginary part that is not 0")
        return real

    def _arguments(self, opening: str, most: int) -> list[Value]:
        closing = {"(": ")", "{": "}"}[opening]
        self.take(opening)
        found = [self.constant()]
        while self.peek() == "," and len(found) < most:
            self.place += 1
            found.append(self.constant())
        self.take(closing)
        return found

    def _rounded(self, value: Value, kind: Kind) -> Value:
        if kind == "float":
            return Value(fraction(to_float32(value.exactly, value.line)), kind, value.line)
        return value._replace(kind=kind, extended=False)

    def _combined(self, left: Value, sign: str, right: Value) -> Value:
        if left.extended or right.extended:
            raise TableError(
                f"line {right.line} computes with a long double, which differs from machine to machine: write "
                "its result"
            )
        kinds = {left.kind, right.kind}
        kind: Kind = "double" if "double" in kinds else "float" if "float" in kinds else "whole"
        a, b = (_operand(v, self.language) for v in (left, right))
        if sign == "/" and not b:
            raise TableError(f"line {right.line} divides by 0")
        value = {"+": a.__add__, "-": a.__sub__, "*": a.__mul__, "/": a.__truediv__}[sign](b)
        if kind == "whole":
            if value.denominator != 1 or abs(value) >= _LARGEST_WHOLE:
                raise TableError(
                    f"line {right.line}: {a} {sign} {b} of whole numbers is not {float(value):g} in "
                    "this language; write one of them with a decimal point"
                )
            return Value(value, kind, left.line)
        if self.language == "go":
            return Value(value, kind, left.line)
        round_to = to_float32 if kind == "float" else to_double
        return Value(fraction(round_to(value, left.line)), kind, left.line)


def _opposite(text: str) -> str:
    return text and (text[1:] if text[0] == "-" else f"-{text}")


def _operand(value: Value, language: Language) -> Fraction:
    """What arithmetic takes: in C a double, even of a literal with more digits."""
    if value.kind == "double" and language == "c":
        return fraction(to_double(value.exactly, value.line))
    return value.exactly


def literal(token: Token, language: Language = "c") -> Value:
    """The number of a token.

    Raises
    ------
    TableError
        If it is none: octal numbers, digits after the number, ``nan``.

    Examples
    --------
    >>> [float(literal(Token("number", text, 1)).exactly) for text in ("0x1.8p1", "0.1f", "12")]
    [3.0, 0.10000000149011612, 12.0]
    """
    text = token.text
    if language == "go" and text.endswith("i"):
        value = literal(token._replace(text=text[:-1]), "go")
        if value.exactly:
            raise TableError(f"line {token.line}: the imaginary number {text} is not 0")
        return value
    whole, real = _WHOLE.fullmatch(text), _REAL.fullmatch(text)
    suffix = real[2].lower() if real else text[len(whole[1]) :] if whole else ""
    if (whole is None and real is None) or (suffix and language == "go"):
        raise TableError(
            f"line {token.line}: {text[:40]!r} is not a number that this reader takes"
        )
    try:
        if whole is not None:
            return Value(Fraction(_integer(whole[1])), "whole", token.line)
        digits = re.sub(r"^0[xX]\.", "0x0.", real[1] if real else "")
        held = _decimal(digits)
    except TableError as error:
        raise TableError(f"line {token.line}: {error}") from None
    if suffix == "f":
        return Value(fraction(to_float32(held, token.line)), "float", token.line)
    return Value(held, "double", token.line, digits, suffix == "l")


def _integer(text: str) -> int:
    if len(text) > _LONGEST_WHOLE:
        raise TableError(f"the number {text[:40]} is too large")
    return int(text, 16) if text[:2].lower() == "0x" else int(text)


def _decimal(text: str) -> Fraction:
    found = number(text)  # finite, of reasonable size
    return fraction(found) if text[:2].lower() == "0x" else Fraction(text)


def rounded_to(value: Value, kind: Kind) -> mpmath.mpf:
    """The number that an array holds: of floats, doubles or whole numbers.

    Raises
    ------
    TableError
        If whole numbers are wanted and it is none, or it is too large.
    """
    if kind == "whole" and value.exactly.denominator != 1:
        raise TableError(
            f"line {value.line}: an array of whole numbers holds {float(value.exactly):g}, which is "
            "cut off there"
        )
    if kind == "float":
        return to_float32(value.exactly, value.line)
    if value.text:
        return number(value.text)
    return to_double(value.exactly, value.line)
