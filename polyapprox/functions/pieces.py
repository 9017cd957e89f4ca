# SPDX-License-Identifier: Apache-2.0
"""Trees that are polynomials between breakpoints, and where trees are not smooth."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise
from typing import Any, TypeAlias

from . import NAMED
from .tree import COMPARISONS, Node, rational, substituted

Coefficients: TypeAlias = "tuple[Fraction, ...]"
Piece: TypeAlias = "tuple[Any, Any, Coefficients]"

_MAX_DEGREE = 64
_MAX_BITS = 4000
_MAX_PIECES = 400
_PRIMITIVE = ("abs", "sign", "relu", "step")


def breaks(node: Node) -> set[Fraction]:
    """Points where the tree is not smooth, as far as they are roots of lines."""
    found: set[Fraction] = set()
    for arg in node.args:
        found |= breaks(arg)
    if node.op in NAMED and NAMED[node.op].kink:
        found |= _cuts(node.args[0])
    if node.op in ("max", "min", *COMPARISONS):
        found |= _cuts(Node("-", node.args))
    expanded = _expanded(node)
    return found if expanded is None else found | breaks(expanded)


def _cuts(node: Node) -> set[Fraction]:
    """Where a tree of straight pieces is 0 or has a corner."""
    pieces = _kinked("abs", polynomial_pieces(node))
    return {high for _, high, _ in pieces or () if high is not None}


def _expanded(node: Node) -> Node | None:
    """The same function by others that are not smooth, where the table has it so."""
    from ..expression import parse

    if node.op not in NAMED or NAMED[node.op].expansion is None:
        return None
    return substituted(parse(NAMED[node.op].expansion or ""), node.args[0])


def polynomial_pieces(node: Node) -> list[Piece] | None:
    """The exact polynomial pieces of a tree, or None if it is not piecewise polynomial."""
    if node.op in ("x", "number"):
        value = (Fraction(0), Fraction(1)) if node.op == "x" else (node.value or Fraction(0),)
        return [(None, None, value)]
    if node.op in _PRIMITIVE:
        return _kinked(node.op, polynomial_pieces(node.args[0]))
    if node.op in ("max", "min"):
        return _of_two(node.op, *node.args)
    if node.op == "piecewise":
        return _piecewise(node)
    if node.op in NAMED:
        expanded = _expanded(node)
        return None if expanded is None else polynomial_pieces(expanded)
    if node.op == "neg":
        return _merge(polynomial_pieces(node.args[0]), [(None, None, (Fraction(-1),))], _product)
    if node.op in ("+", "-", "*"):
        left, right = polynomial_pieces(node.args[0]), polynomial_pieces(node.args[1])
        return _merge(left, right, _product if node.op == "*" else _sum(node.op))
    if node.op == "/":
        divisor = rational(node.args[1])
        if divisor:
            return _merge(polynomial_pieces(node.args[0]), [(None, None, (1 / divisor,))], _product)
        return None
    exponent = node.args[1].value if node.op == "**" else None
    if exponent is None or exponent.denominator != 1 or not 0 <= exponent <= _MAX_DEGREE:
        return None
    result: list[Piece] | None = [(None, None, (Fraction(1),))]
    base = polynomial_pieces(node.args[0])
    for _ in range(int(exponent)):
        result = _merge(result, base, _product)
    return result


def _of_two(op: str, left: Node, right: Node) -> list[Piece] | None:
    """max(a, b) = a + relu(b − a), min(a, b) = a − relu(a − b)."""
    if op == "max":
        return polynomial_pieces(Node("+", (left, Node("relu", (Node("-", (right, left)),)))))
    return polynomial_pieces(Node("-", (left, Node("relu", (Node("-", (left, right)),)))))


def _piecewise(node: Node) -> list[Piece] | None:
    """The pieces of each branch between the cuts of all conditions, where conditions are lines."""
    if any(polynomial_pieces(Node("-", c.args)) is None for c in _comparisons(node)):
        return None
    cuts = sorted({cut for c in _comparisons(node) for cut in _cuts(Node("-", c.args))})
    branches = list(zip(node.args[::2], node.args[1::2], strict=True))
    result: list[Piece] = []
    for low, high in pairwise([None, *cuts, None]):
        chosen = [v for v, c in branches if _holds(c, _inside(low, high))]
        pieces = polynomial_pieces(chosen[0]) if chosen else None
        window = _merge(pieces, [(low, high, (Fraction(1),))], _product)
        if window is None:
            return None
        result += window
    return result if len(result) <= _MAX_PIECES else None


def _comparisons(node: Node) -> list[Node]:
    """The comparisons in the conditions of a piecewise node."""
    found, stack = [], list(node.args[1::2])
    while stack:
        condition = stack.pop()
        if condition.op in COMPARISONS:
            found.append(condition)
        else:
            stack += condition.args
    return found


def _holds(condition: Node, x: Fraction) -> bool:
    """Whether a condition holds at a point where no side changes."""
    if condition.op == "true":
        return True
    if condition.op in ("and", "or"):
        sides = [_holds(side, x) for side in condition.args]
        return all(sides) if condition.op == "and" else any(sides)
    for low, high, p in polynomial_pieces(Node("-", condition.args)) or ():
        if (low is None or low <= x) and (high is None or x <= high):
            value = sum((c * x**k for k, c in enumerate(p)), Fraction(0))
            return value < 0 or (condition.op == "<=" and value == 0)
    return False


def _sum(op: str) -> Callable[[Coefficients, Coefficients], Coefficients]:
    def combine(p: Coefficients, q: Coefficients) -> Coefficients:
        size, zero = max(len(p), len(q)), (Fraction(0),)
        p, q = p + zero * (size - len(p)), q + zero * (size - len(q))
        return _trim([a + b if op == "+" else a - b for a, b in zip(p, q, strict=True)])

    return combine


def _product(p: Coefficients, q: Coefficients) -> Coefficients:
    result = [Fraction(0)] * (len(p) + len(q) - 1)
    for i, a in enumerate(p):
        for j, b in enumerate(q):
            result[i + j] += a * b
    return _trim(result)


def _trim(values: list[Fraction]) -> Coefficients:
    while len(values) > 1 and values[-1] == 0:
        values.pop()
    return tuple(values)


def _merge(
    left: list[Piece] | None,
    right: list[Piece] | None,
    combine: Callable[[Coefficients, Coefficients], Coefficients],
) -> list[Piece] | None:
    if left is None or right is None:
        return None
    result: list[Piece] = []
    for a, b, p in left:
        for c, d, q in right:
            low = c if a is None else a if c is None else max(a, c)
            high = d if b is None else b if d is None else min(b, d)
            if low is not None and high is not None and low >= high:
                continue
            if len(p) + len(q) > _MAX_DEGREE + 2 or max(_size(p), _size(q)) > _MAX_BITS:
                return None
            result.append((low, high, combine(p, q)))
        if len(result) > _MAX_PIECES:
            return None
    return result


def _size(p: Coefficients) -> int:
    return max(max(c.numerator.bit_length(), c.denominator.bit_length()) for c in p)


def _kinked(op: str, pieces: list[Piece] | None) -> list[Piece] | None:
    result: list[Piece] = []
    for low, high, p in pieces or ():
        if len(p) > 2:
            return None
        cuts = [low, high]
        if len(p) == 2:
            root = -p[0] / p[1]
            if (low is None or low < root) and (high is None or root < high):
                cuts = [low, root, high]
        for a, b in pairwise(cuts):
            inside = _inside(a, b)
            value = p[0] + (p[1] * inside if len(p) == 2 else 0)
            sign = (value > 0) - (value < 0)
            result.append((a, b, _resolve(op, p, sign)))
    return None if pieces is None or len(result) > _MAX_PIECES else result


def _inside(low: Fraction | None, high: Fraction | None) -> Fraction:
    if low is None:
        return Fraction(0) if high is None else high - 1
    return low + 1 if high is None else (low + high) / 2


def _resolve(op: str, p: Coefficients, sign: int) -> Coefficients:
    if op == "abs":
        return p if sign >= 0 else tuple(-c for c in p)
    if op == "relu":
        return p if sign > 0 else (Fraction(0),)
    return (Fraction(sign),) if op == "sign" else (Fraction(1 + sign, 2),)
