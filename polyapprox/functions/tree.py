# SPDX-License-Identifier: Apache-2.0
"""Trees of operations: what an expression is once it has been read."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

from ..errors import ExpressionError

_MAX_BITS = 20000
COMPARISONS = ("<", "<=")  # conditions of "piecewise", with "and", "or" and "true"


@dataclass(frozen=True)
class Node:
    """One operation of an expression: its name, its arguments, and the value of a number.

    The arguments of "piecewise" are value, condition, value, condition, …
    """

    op: str
    args: tuple[Node, ...] = ()
    value: Fraction | None = None



def number(value: Fraction | int) -> Node:
    """A constant."""
    return Node("number", (), Fraction(value))


def substituted(node: Node, x: Node) -> Node:
    """The tree with another one in the place of x."""
    if node.op == "x":
        return x
    if not node.args:
        return node
    return replace(node, args=tuple(substituted(arg, x) for arg in node.args))


def has_x(node: Node) -> bool:
    """Whether x occurs."""
    return node.op == "x" or any(has_x(arg) for arg in node.args)


def rational(node: Node) -> Fraction | None:
    """The exact value of a constant rational subtree of moderate size, or None."""
    if node.op == "number":
        return node.value
    if node.op not in ("neg", "+", "-", "*", "/", "**"):
        return None
    values = [rational(arg) for arg in node.args]
    if node.op == "neg":
        return None if values[0] is None else -values[0]
    left, right = values
    if left is None or right is None:
        return None
    if node.op in ("/", "**") and _divides_by_zero(node.op, left, right):
        raise ExpressionError("the expression divides by zero; correct the constant part")
    if node.op == "**":
        size = max(left.numerator.bit_length(), left.denominator.bit_length())
        if right.denominator != 1:
            return None
        if size * abs(right) > _MAX_BITS:
            raise ExpressionError(
                "a constant power of the expression is too large; use a smaller one"
            )
        return left ** int(right)
    if node.op == "/":
        return left / right
    return left + right if node.op == "+" else left - right if node.op == "-" else left * right


def _divides_by_zero(op: str, left: Fraction, right: Fraction) -> bool:
    return right == 0 if op == "/" else left == 0 and right < 0
