# SPDX-License-Identifier: Apache-2.0
"""An evaluation plan: the explicit list of additions and multiplications."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any, Literal, NamedTuple, get_args

import mpmath
from flint import arb, arb_series, fmpz

from ..errors import ArgumentError
from ..numbers import ball, fraction
from ..precision import undisturbed

Kind = Literal["input", "multiply", "scale", "add", "subtract", "shift", "double"]


class Operation(NamedTuple):
    """One operation; `left` and `right` are indices of earlier operations.

    ==========  ====================================================
    input       the `left`-th argument
    multiply    ciphertext times ciphertext: left · right
    scale       ciphertext times constant: constant · left
    add         left + right
    subtract    left − right
    shift       left + constant
    double      left + left (an addition)
    ==========  ====================================================
    """

    kind: Kind
    left: int
    right: int = -1
    constant: mpmath.mpf | None = None


def lift_for(value: Any) -> Callable[[mpmath.mpf], Any]:
    """How a constant enters arithmetic with `value`: exactly, where the type allows it."""
    if isinstance(value, (arb, arb_series)):
        return ball
    if isinstance(value, mpmath.mpf):
        return lambda constant: constant
    if isinstance(value, Fraction):
        return fraction
    return float


def _parts(constant: mpmath.mpf) -> str:
    """Sign, mantissa and exponent, as text of any length."""
    sign, mantissa, exponent, _ = constant._mpf_
    return f"({int(sign)}, {fmpz(int(mantissa))}, {int(exponent)})"


@dataclass(frozen=True)
class Plan:
    """An immutable list of operations; the last one named by `output` is the result.

    Parameters
    ----------
    operations : tuple of Operation
        In an order in which each uses only earlier ones.
    output : int
        Index of the operation whose value is the result.
    inputs : int
        Number of arguments.
    """

    operations: tuple[Operation, ...]
    output: int
    inputs: int = 1

    def run(self, *arguments: Any, lift: Callable[[mpmath.mpf], Any] | None = None) -> Any:
        """Evaluate on anything that has + and ·.

        Parameters
        ----------
        *arguments
            Ring elements: numbers, arrays, tensors, symbols, ciphertexts, a counter.
        lift : callable, optional
            Turns an exact constant into what the ring multiplies with. By default exact for
            mpmath, python-flint and fractions, and ``float`` for everything else.

        Raises
        ------
        ArgumentError
            If the number of arguments is not `inputs`.
        """
        return self._evaluated(arguments, lift, None, self.last_use)[self.output]

    def values(
        self,
        *arguments: Any,
        lift: Callable[[mpmath.mpf], Any] | None = None,
        made: Callable[[int, Any], Any] | None = None,
    ) -> list[Any]:
        """The value of every operation, evaluated as :meth:`run` does.

        Parameters
        ----------
        *arguments, lift
            As for :meth:`run`.
        made : callable, optional
            Called with the index and the value of each operation as it is made; later operations
            use what it returns.

        Examples
        --------
        >>> from polyapprox import circuit
        >>> plan = circuit("relu", multiplications=1).plan
        >>> plan.values(0.5)[plan.output] == plan.run(0.5)
        True
        """
        return self._evaluated(arguments, lift, made, None)

    def _evaluated(
        self,
        arguments: tuple[Any, ...],
        lift: Callable[[mpmath.mpf], Any] | None,
        made: Callable[[int, Any], Any] | None,
        last_use: list[int] | None,
    ) -> list[Any]:
        if len(arguments) != self.inputs:
            raise ArgumentError(f"the plan takes {self.inputs} argument(s), got {len(arguments)}")
        lift = lift or lift_for(arguments[0])
        if isinstance(arguments[0], (arb, arb_series)):
            with undisturbed():
                return self._loop(arguments, lift, made, last_use)
        return self._loop(arguments, lift, made, last_use)

    def _loop(
        self,
        arguments: tuple[Any, ...],
        lift: Callable[[mpmath.mpf], Any],
        made: Callable[[int, Any], Any] | None,
        last_use: list[int] | None,
    ) -> list[Any]:
        """The one interpreter of operations; values are dropped after their last use, if it is given."""
        values: list[Any] = []
        for index, (kind, left, right, constant) in enumerate(self.operations):
            if kind == "multiply":
                value = values[left] * values[right]
            elif kind == "add":
                value = values[left] + values[right]
            elif kind == "subtract":
                value = values[left] - values[right]
            elif kind == "double":
                value = values[left] + values[left]
            elif kind == "scale":
                value = values[left] * lift(constant)
            elif kind == "shift":
                value = values[left] + lift(constant)
            elif kind == "input":
                value = arguments[left]
            else:
                known = ", ".join(get_args(Kind))
                raise ArgumentError(f"the operation {kind!r} is not known; known: {known}")
            values.append(value if made is None else made(index, value))
            if last_use is not None and kind != "input":
                for used in (left, right):
                    if used >= 0 and last_use[used] == index:
                        values[used] = None
        return values

    @cached_property
    def last_use(self) -> list[int]:
        """For each operation, the index of the operation that uses it last."""
        last = [-1] * len(self.operations)
        for index, operation in enumerate(self.operations):
            if operation.kind != "input":
                for used in (operation.left, operation.right):
                    if used >= 0:
                        last[used] = index
        last[self.output] = len(self.operations)
        return last

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the operations and their exact constants."""
        text = repr((self.inputs, self.output)) + ";".join(
            f"{kind},{left},{right},{'' if c is None else _parts(c)}"
            for kind, left, right, c in self.operations
        )
        return hashlib.sha256(text.encode()).hexdigest()

    def __str__(self) -> str:
        """One operation a line, in readable algebra."""
        name = [f"v{index}" for index in range(len(self.operations))]
        lines = []
        for index, (kind, left, right, constant) in enumerate(self.operations):
            if kind == "input":
                name[index] = "x" if self.inputs == 1 else f"x{left}"
                continue
            value = "" if constant is None else mpmath.nstr(constant, 17)
            first, second = name[left], name[right] if right >= 0 else value
            symbol = {"multiply": "*", "scale": "·", "subtract": "-"}.get(kind, "+")
            if kind == "double":
                second = first
            text = f"{first} {symbol} {second}"
            lines.append(f"{name[index]} = {text}")
        return "\n".join([*lines, f"return {name[self.output]}"])
