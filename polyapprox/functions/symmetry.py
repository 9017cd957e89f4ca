# SPDX-License-Identifier: Apache-2.0
"""Whether a tree is a line or a constant plus an even or odd function, shown by its form.

f(x) − slope · x even and f(x) − constant odd are looked for together: each operation says what it
keeps of both, and :data:`polyapprox.functions.NAMED` what each named function is. Nothing is
sampled: what is found is proven.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from . import NAMED
from .named import Symmetry
from .tree import Node, has_x, number, rational

_ZERO = number(0)


@dataclass(frozen=True)
class _Forms:
    """`slope`: f − slope · x is even; `constant`: f − constant is odd; None: not shown."""

    slope: Fraction | None = None
    constant: Node | None = None

    @property
    def even(self) -> bool:
        return self.slope == 0

    @property
    def odd(self) -> bool:
        return self.constant is not None and _is_zero(self.constant)


@dataclass(frozen=True)
class TreeSymmetry:
    """f(x) = constant + slope · x + a function with that parity.

    Attributes
    ----------
    parity : {"even", "odd"}
    slope : Fraction
        Zero where the rest is odd.
    constant : Node
        Without x; zero where the rest is even.
    """

    parity: str
    slope: Fraction
    constant: Node

    @property
    def plain(self) -> bool:
        """Whether there is no line and no constant."""
        return self.slope == 0 and _is_zero(self.constant)


def symmetry(node: Node) -> TreeSymmetry | None:
    """What the form of the tree shows; a plain parity before a line or constant plus one.

    Examples
    --------
    >>> from polyapprox.expression import parse
    >>> symmetry(parse("3*gelu(x)")).slope, symmetry(parse("exp(x)"))
    (Fraction(3, 2), None)
    """
    forms = _forms(node)
    even = None if forms.slope is None else TreeSymmetry("even", forms.slope, _ZERO)
    odd = None if forms.constant is None else TreeSymmetry("odd", Fraction(0), forms.constant)
    if even is not None and (even.plain or odd is None or not odd.plain):
        return even
    return odd


def parity(node: Node) -> str | None:
    """ "even" or "odd" where the form of the tree shows it, else None.

    Examples
    --------
    >>> from polyapprox.expression import parse
    >>> parity(parse("x*tanh(x**3)")), parity(parse("exp(x)"))
    ('even', None)
    """
    found = symmetry(node)
    return found.parity if found is not None and found.plain else None


def _is_zero(node: Node) -> bool:
    return rational(node) == 0


def _forms(node: Node) -> _Forms:
    if node.op == "x":
        return _Forms(Fraction(1), _ZERO)
    if not node.args:
        return _Forms(Fraction(0), node)
    if node.op in ("piecewise", "max", "min"):
        return _Forms()
    parts = [_forms(arg) for arg in node.args]
    if node.op == "**":
        return _power(node, parts)
    if len(parts) == 1:
        return _of_one(node, parts[0])
    if node.op in ("+", "-"):
        return _sum(node.op, *parts)
    return _product(node, *parts) if node.op in ("*", "/") else _Forms()


def _sum(op: str, left: _Forms, right: _Forms) -> _Forms:
    slope, constant = None, None
    if left.slope is not None and right.slope is not None:
        slope = left.slope + right.slope if op == "+" else left.slope - right.slope
    if left.constant is not None and right.constant is not None:
        constant = Node(op, (left.constant, right.constant))
    return _Forms(slope, constant)


def _product(node: Node, left: _Forms, right: _Forms) -> _Forms:
    first, second = node.args
    if node.op == "*" and not has_x(first):
        return _scaled(first, right, "*")
    if not has_x(second):
        return _scaled(second, left, node.op)
    if (left.even or left.odd) and (right.even or right.odd):
        return _Forms(slope=Fraction(0)) if left.even == right.even else _Forms(constant=_ZERO)
    if node.op == "*":
        for line, other in ((first, right), (second, left)):
            slope, middle = _slope(line), _value(other)
            if slope is not None and middle is not None:  # s x (c + odd) = s c x + even
                return _Forms(slope=slope * middle)
    return _over_logistic(first, second) if node.op == "/" else _Forms()


def _over_logistic(above: Node, below: Node) -> _Forms:
    """1/(1 + exp(u)) is 1/2 plus an odd function where u is odd."""
    exponent = _exponent(below)
    if exponent is None or not _forms(exponent).odd:
        return _Forms()
    if not has_x(above):
        return _Forms(constant=Node("/", (above, number(2))))
    slope = _slope(above)
    return _Forms() if slope is None else _Forms(slope=slope / 2)


def _exponent(node: Node) -> Node | None:
    """u where the tree is 1 + exp(u)."""
    if node.op != "+":
        return None
    for one, other in (node.args, node.args[::-1]):
        if rational(one) == 1 and other.op == "exp":
            return other.args[0]
    return None


def _log_of_one_plus_exp(node: Node) -> _Forms | None:
    """log(1 + exp(u)) is u/2 plus an even function where u is odd."""
    (inner,) = node.args
    exponent = _exponent(inner) if node.op == "log" else None
    if node.op == "log1p" and inner.op == "exp":
        (exponent,) = inner.args
    slope = None if exponent is None else _slope(exponent)
    return None if slope is None else _Forms(slope=slope / 2)


def _scaled(factor: Node, forms: _Forms, op: str) -> _Forms:
    value = rational(factor)
    slope = None
    if forms.slope is not None and (value or forms.even):
        slope = Fraction(0) if forms.even else None
        if value:
            slope = forms.slope * value if op == "*" else forms.slope / value
    if forms.constant is None:
        return _Forms(slope)
    if forms.odd:
        return _Forms(slope, _ZERO)
    return _Forms(slope, Node(op, (forms.constant, factor)))


def _slope(node: Node) -> Fraction | None:
    """The slope of a tree that is a line through 0, if it is short."""
    if node.op == "x":
        return Fraction(1)
    if node.op == "neg":
        inner = _slope(node.args[0])
        return None if inner is None else -inner
    if node.op in ("*", "/"):
        first, second = node.args
        for line, factor in ((first, second), (second, first)):
            slope, value = _slope(line), rational(factor)
            if slope is not None and value:
                if node.op == "*":
                    return slope * value
                return slope / value if line is first else None
    return None


def _value(forms: _Forms) -> Fraction | None:
    return None if forms.constant is None else rational(forms.constant)


def _power(node: Node, parts: list[_Forms]) -> _Forms:
    base, exponent = parts[0], node.args[1].value
    if exponent is None:
        known = base.even and parts[1].even
        return _Forms(slope=Fraction(0)) if known else _Forms()
    if base.even:
        return _Forms(slope=Fraction(0), constant=None if has_x(node) else node)
    if not base.odd or exponent.denominator != 1:
        return _Forms()
    return _Forms(constant=_ZERO) if exponent.numerator % 2 else _Forms(slope=Fraction(0))


def _of_one(node: Node, inner: _Forms) -> _Forms:
    if node.op == "neg":
        slope = None if inner.slope is None else -inner.slope
        constant = None if inner.constant is None else Node("neg", (inner.constant,))
        return _Forms(slope, _ZERO if inner.odd else constant)
    if inner.even:
        return _Forms(slope=Fraction(0), constant=None if has_x(node) else node)
    softplus = _log_of_one_plus_exp(node)
    if softplus is not None:
        return softplus
    known = NAMED[node.op].symmetry if node.op in NAMED else None
    if known is None or _value(inner) != known.centre:
        return _Forms()
    if known.parity == "odd":
        return _Forms(constant=_constant_of(known))
    if known.slope == 0:
        return _Forms(slope=Fraction(0))
    slope = _slope(node.args[0])
    return _Forms() if slope is None else _Forms(slope=known.slope * slope)


def _constant_of(known: Symmetry) -> Node:
    from ..expression import parse

    return parse(known.constant)
