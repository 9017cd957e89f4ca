# SPDX-License-Identifier: Apache-2.0
"""HEIR's MLIR: typed Chebyshev polynomials and their ``polynomial.eval``, or a function of ``arith``."""

from __future__ import annotations

import re
from dataclasses import replace

import mpmath

from ..errors import TableError
from ..export.powers import UNIT
from ..numbers import ZERO, fraction
from ..plan.plan import Plan
from .c_source import read_heir, text_of
from .constants import to_float32
from .contents import Contents, Hints, Interval, with_header
from .numbers import NUMBER, number
from .straight import Statement, plan_from

_COMMENT = re.compile(r"//[^\n]*")
_POLYNOMIAL = r"polynomial\.typed_chebyshev_polynomial<\[([^\]]*)\]>"
_DEFINED = re.compile(rf"(#\w+)\s*=\s*#{_POLYNOMIAL}")
_EVALUATED = re.compile(
    rf"(%\w+)\s*=\s*polynomial\.eval\s+(?:#{_POLYNOMIAL}|(#\w+))[^,\n]*,\s*(%\w+)\s*(\{{[^}}]*\}})?"
)
_EVAL = re.compile(r"\bpolynomial\.eval\b")
_OTHER = re.compile(r"\b(?:arith|math|polynomial|tensor)\.(?!eval\b|constant\b|typed_|polynomial\b)\w+")
_OFFSET = re.compile(rf"%offset = arith\.constant ({NUMBER})")
_ENTRY = re.compile(rf"\s*({NUMBER})\s*(?::\s*f(32|64)\s*)?")


_FUNCTION = re.compile(r"func\.func @\w+\((%.*)\) -> f64 \{")
_ARITH = re.compile(rf"(%\w+) = arith\.(constant|mulf|addf|subf) ({NUMBER}|%\w+, %\w+) : f64")
_RETURN = re.compile(r"return (%\w+) : f64")
_SIGNS = {"mulf": "*", "addf": "+", "subf": "-"}


def read_mlir(content: bytes, hints: Hints) -> Contents:
    """Polynomials in the order in which they are evaluated (C++ constants: see ``c_source``).

    Raises
    ------
    TableError
        If the file evaluates anything but a chain of such polynomials.
    """
    text = text_of(content)
    code = _COMMENT.sub("", text)
    header = [line for line in text.splitlines() if line.startswith("//")]
    if "typed_chebyshev_polynomial" not in text:
        if "arith." not in code:
            return read_heir(content, hints)
        return with_header(Contents(plan=_plan(code.splitlines())), header)
    defined = {name: _numbers(body) for name, body in _DEFINED.findall(code)}
    rows, intervals = _chain(code, defined)
    offset = _OFFSET.search(code)
    found = with_header(
        Contents(
            rows, "chebyshev", intervals, halved=True,
            offset=number(offset[1]) if offset else ZERO,
        ),
        header,
    )  # fmt: skip
    other = _OTHER.search(code)
    if found.structure is None and other:
        raise TableError(f"the file computes {other[0]} too: only a chain of polynomials is read")
    return found


def _plan(lines: list[str]) -> Plan:
    """The plan of a function of ``arith`` on f64."""
    heads = [(k, found) for k, line in enumerate(lines) if (found := _FUNCTION.fullmatch(line.strip()))]
    if len(heads) != 1:
        raise TableError("holds no function of f64, or several")
    start, head = heads[0]
    arguments = [part.split(":")[0].strip() for part in head[1].split(", ")]
    constants: dict[str, mpmath.mpf] = {}
    statements: list[Statement] = []
    for index, line in enumerate(lines[start + 1 :], start + 2):
        operation, result = _ARITH.fullmatch(line.strip()), _RETURN.fullmatch(line.strip())
        if result:
            return _sorted(plan_from(arguments, statements, result[1]))
        if operation is None and line.strip():
            raise TableError(f"line {index} is no operation of a plan: {line.strip()[:60]!r}")
        if operation is not None and operation[2] == "constant":
            constants[operation[1]] = number(operation[3])
        elif operation is not None:
            left, right = operation[3].split(", ")
            statements.append((operation[1], _SIGNS[operation[2]], left, constants.get(right, right)))
    raise TableError("ends before the function returns; was the file cut off?")


def _sorted(plan: Plan) -> Plan:
    """Factors in the order of plans; exports write them in the order that suits HEIR."""
    return replace(
        plan,
        operations=tuple(
            one._replace(left=min(one.left, one.right), right=max(one.left, one.right))
            if one.kind == "multiply"
            else one
            for one in plan.operations
        ),
    )


def _chain(
    code: str, defined: dict[str, tuple[mpmath.mpf, ...]]
) -> tuple[tuple[tuple[mpmath.mpf, ...], ...], tuple[Interval, ...]]:
    evaluations = _EVALUATED.findall(code)
    if len(evaluations) != len(_EVAL.findall(code)):
        raise TableError("a polynomial.eval is not of a typed_chebyshev_polynomial on one value")
    if not evaluations:
        if len(defined) != 1:
            raise TableError("evaluates no polynomial, and does not define exactly one")
        return tuple(defined.values()), ()
    rows, intervals, before = [], [], ""
    for result, inline, reference, argument, attributes in evaluations:
        if before and argument != before:
            raise TableError(f"{argument} is not the value of the polynomial before it")
        before = result
        if not inline and reference not in defined:
            raise TableError(f"{reference[:40]} is evaluated but not defined")
        rows.append(_numbers(inline) if inline else defined[reference])
        intervals.append(_interval(attributes))
    return tuple(rows), tuple(intervals)


def _interval(attributes: str) -> Interval:
    ends = [
        re.findall(rf"domain_{side}\s*=\s*({NUMBER})(?=\s*[:,}}])", attributes)
        for side in ("lower", "upper")
    ]
    if not attributes or (not any(ends) and "domain_" not in attributes):
        return UNIT
    if any(len(end) != 1 for end in ends):
        raise TableError(f"the domain {attributes[:60]} has no two ends")
    return number(ends[0][0]), number(ends[1][0])


def _numbers(body: str) -> tuple[mpmath.mpf, ...]:
    """Numbers with their types, f64 unless they say it; nothing is passed over."""
    found = []
    for part in body.split(","):
        entry = _ENTRY.fullmatch(part)
        if entry is None:
            raise TableError(f"{part.strip()[:40]!r} is no coefficient")
        value = number(entry[1])
        found.append(to_float32(fraction(value), 1) if entry[2] == "32" else value)
    return tuple(found)
