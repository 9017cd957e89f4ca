# SPDX-License-Identifier: Apache-2.0
"""C and C++: the exports, and arrays of constants in anybody's source (OpenFHE, HEIR)."""

from __future__ import annotations

import re

import mpmath

from ..errors import ArgumentError, TableError
from ..numbers import ZERO, dyadic, multiply
from ..plan.plan import Plan
from .arrays import arrays_of, filled, numbered, vectors
from .constants import Reader
from .contents import Basis, Contents, Hints, Interval, NoTableError, refuse_own, with_header
from .numbers import NUMBER, number
from .steps import plan_of_steps
from .straight import Operand, Statement, plan_from
from .tokens import tokens_of, without_directives

_HALF = dyadic(1, -1)
_OPERAND = rf"(\w+|{NUMBER})"
_ALGEBRA = re.compile(rf"^(\w+) ([-+*]) {_OPERAND}$")
_CALL = re.compile(
    rf"^(?:cc->|on\.)?(EvalMult|EvalAdd|EvalSub|multiply|add|subtract|scale|shift)"
    rf"\((?:eval, )?(\w+), {_OPERAND}\)$"
)
_SIGNS = {
    "EvalMult": "*", "EvalAdd": "+", "EvalSub": "-",
    "multiply": "*", "scale": "*", "add": "+", "shift": "+", "subtract": "-",
}  # fmt: skip
_ASSIGN = re.compile(r"^\s*const [\w:]+ (v\d+) = (.+);$")
_RETURN = re.compile(r"^\s*return (\w+);$")
_FUNCTION = re.compile(r"^(?:double polyapprox_\w+|inline [\w:]+ evaluate)\((.*)\)(?: \{)?$")


def text_of(content: bytes) -> str:
    """The text of a source file.

    Raises
    ------
    TableError
        If it is not UTF-8.
    """
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        raise TableError("cannot be read: it is not UTF-8 text") from None


def read_straight(content: bytes, hints: Hints) -> Contents:
    """An export for C, SEAL or HEaaN: a plan; or one array of numbers in anybody's source."""
    text = text_of(content)
    header = _header(text)
    plan = plan_of_steps(text) or _plan(text.splitlines())
    if plan is not None:
        return with_header(Contents(plan=plan), header)
    refuse_own(header)
    try:
        return Contents(vectors(text, hints), hints.basis)
    except NoTableError:
        raise TableError(
            "holds no plan written by this package, and no array of coefficients"
        ) from None


def read_openfhe(content: bytes, hints: Hints) -> Contents:
    """A plan, ``stages``, or one array of numbers for EvalChebyshevSeries or EvalPoly."""
    text = text_of(content)
    header = _header(text)
    plan = plan_of_steps(text) or _plan(text.splitlines())
    if plan is not None:
        return with_header(Contents(plan=plan), header)
    stages = _stages(text)
    if stages is not None:
        return with_header(stages, header)
    refuse_own(header)
    basis = hints.basis or basis_of_calls(text)
    rows = vectors(text, hints)
    if basis == "chebyshev":
        rows = tuple(_first_halved(row) for row in rows)
    return Contents(rows, basis)


def basis_of_calls(text: str) -> Basis:
    """The basis that OpenFHE's evaluators take, where the file calls one kind of them.

    Raises
    ------
    ArgumentError
        If it calls both kinds.
    """
    words = set(re.findall(r"\bEval(Poly|Chebyshev)\w*", text))
    if len(words) > 1:
        raise ArgumentError(
            "basis is not given, and the file calls EvalPoly and EvalChebyshevSeries; give "
            "basis='monomial' or 'chebyshev'"
        )
    return "monomial" if words == {"Poly"} else "chebyshev"


def _stages(text: str) -> Contents | None:
    """The list ``stages`` of an export: low, high and a list each."""
    if "EvalChebyshevSeries" not in text:
        return None
    tokens = tokens_of(without_directives(text)[0])
    found = [array for array in arrays_of(tokens) if array.name == "stages"]
    if len(found) != 1:
        return None
    rows, ends = [], []
    for item in Reader(tokens, found[0].start).braced():
        if not isinstance(item, list) or len(item) != 3 or not isinstance(item[2], list):
            raise TableError(f"line {found[0].line}: a stage is not low, high and a list")
        ends.append(filled(item[:2], "double", (), found[0].line)[0])
        rows.append(_first_halved(filled(item[2], "double", (), found[0].line)[0]))
    offset = re.findall(r"const double offset = ([^;]*);", text)
    if len(offset) != len(set(re.findall(r", (offset)\)", text))):
        raise TableError("the export does not say its offset once; was the file changed?")
    intervals: tuple[Interval, ...] = tuple((low, high) for low, high in ends)
    constant = number(offset[0]) if offset else ZERO
    return Contents(tuple(rows), "chebyshev", intervals, halved=True, offset=constant)


def read_heir(content: bytes, hints: Hints) -> Contents:
    """HEIR's ``kCompositeSignPoly0``, …: Chebyshev, c_0 as it is, the last one onto [0, 1]."""
    text = text_of(content)
    return Contents(vectors(text, numbered(text, hints)), "chebyshev", halved=True)


def _header(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("//")]


def _first_halved(row: tuple[mpmath.mpf, ...]) -> tuple[mpmath.mpf, ...]:
    return (multiply(row[0], _HALF), *row[1:]) if row else row


def _plan(lines: list[str]) -> Plan | None:
    arguments: list[str] | None = None
    statements: list[Statement] = []
    for number_of_line, line in enumerate(lines, 1):
        if arguments is None:
            start = _FUNCTION.match(line)
            if start and "x" in start[1]:
                names = [part.split()[-1] for part in start[1].split(",")]
                arguments = [n for n in names if n == "x" or (n[0] == "x" and n[1:].isdigit())]
            continue
        assigned, returned = _ASSIGN.match(line), _RETURN.match(line)
        if returned:
            return plan_from(arguments, statements, returned[1])
        if assigned:
            statements.append((assigned[1], *_operation(assigned[2], number_of_line)))
        elif line.strip() not in ("", "{"):
            arguments, statements = None, []
    return None


def _operation(value: str, line: int) -> tuple[str, str, Operand]:
    algebra, call = _ALGEBRA.match(value), _CALL.match(value)
    if algebra:
        return algebra[2], algebra[1], _operand(algebra[3])
    if call:
        return _SIGNS[call[1]], call[2], _operand(call[3])
    raise TableError(f"line {line} is not an operation of a plan")


def _operand(text: str) -> Operand:
    return text if re.fullmatch(r"[A-Za-z_]\w*", text) else number(text)
