"""C and C++: the exports, and vectors of doubles in anybody's source (OpenFHE, HEIR)."""

from __future__ import annotations

import re

import mpmath

from ..errors import TableError
from ..numbers import ZERO, dyadic, multiply
from ..plan.plan import Plan
from .contents import Contents, Hints, Interval, with_header
from .numbers import NUMBER, number, numbers
from .straight import Operand, Statement, plan_from

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
_ARRAY = re.compile(r"(\w+)\s*(?:\[\s*\])?\s*(?:=\s*)?\{([^{}]*)\}\s*;")
_NAMED = re.compile(r"([A-Za-z_]\w*)\s*(\[\s*\d*\s*\])?\s*=?\s*$")
_STAGE = re.compile(rf"\{{({NUMBER}), ({NUMBER}), \{{([^{{}}]*)\}}\}},")
_OFFSET = re.compile(rf"const double offset = ({NUMBER});")
_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)


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
    """An export for C, SEAL, HEaaN or OpenFHE: a plan."""
    text = text_of(content)
    plan = _plan(text.splitlines())
    if plan is None:
        raise TableError("holds no plan written by this package")
    return with_header(Contents(plan=plan), _header(text))


def read_openfhe(content: bytes, hints: Hints) -> Contents:
    """A plan, ``stages``, or ``std::vector<double>`` for EvalChebyshevSeries or EvalPoly."""
    text = text_of(content)
    plan = _plan(text.splitlines())
    if plan is not None:
        return with_header(Contents(plan=plan), _header(text))
    code = _COMMENT.sub("", text)
    stages = _STAGE.findall(code)
    if stages and "EvalChebyshevSeries" in code:
        offset = _OFFSET.search(code)
        rows = tuple(_first_halved(numbers(row)) for _, _, row in stages)
        ends: tuple[Interval, ...] = tuple((number(a), number(b)) for a, b, _ in stages)
        found = Contents(
            rows, "chebyshev", ends, halved=True, offset=number(offset[1]) if offset else ZERO
        )
        return with_header(found, _header(text))
    basis = hints.basis or "chebyshev"
    rows = vectors(code, hints)
    if basis == "chebyshev":
        rows = tuple(_first_halved(row) for row in rows)
    return Contents(rows, basis)


def read_heir(content: bytes, hints: Hints) -> Contents:
    """HEIR's ``kCompositeSignPoly0``, …: Chebyshev, c_0 as it is, the last one onto [0, 1]."""
    rows = vectors(_COMMENT.sub("", text_of(content)), hints)
    return Contents(rows, "chebyshev", halved=True)


def _header(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("//")]


def _first_halved(row: tuple[mpmath.mpf, ...]) -> tuple[mpmath.mpf, ...]:
    return (multiply(row[0], _HALF), *row[1:]) if row else row


def vectors(code: str, hints: Hints) -> tuple[tuple[mpmath.mpf, ...], ...]:
    """All arrays of numbers, in order, or those whose name starts with the name asked for.

    Raises
    ------
    TableError
        If there are none.
    """
    found = [
        (name, numbers(body))
        for name, body in _ARRAY.findall(code)
        if body.strip() and not re.search(r"[A-Za-z_]\w*\s*\(|\"", body)
    ]
    if hints.name is not None:
        kept = [(name, row) for name, row in found if name.startswith(hints.name)]
        if not kept:
            names = ", ".join(repr(name) for name, _ in found) or "none"
            raise TableError(f"holds no array {hints.name!r}; it holds {names}")
        found = kept
    if not found:
        raise TableError("holds no array of coefficients")
    return tuple(row for _, row in found)


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
