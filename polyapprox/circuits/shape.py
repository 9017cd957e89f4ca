# SPDX-License-Identifier: Apache-2.0
"""A circuit: a chain of products with exact constants, in its canonical form.

=========  =================  ==============================================  ================
family     n_1                output                                          multiplications
=========  =================  ==============================================  ================
"even"     2x² − 1            Σ c_j n_j                                       nodes
"odd"      2x² − 1            x · Σ c_j n_j                                   nodes + 1
"general"  x                  Σ c_j n_j                                       nodes − 1
=========  =================  ==============================================  ================

with n_0 = 1 and, for i = 2, 3, …,

    n_i = 2^e_i · (n_{i−1} + Σ_{j<i−1} a_ij n_j) · (n_{i−1} + Σ_{j<i−1} b_ij n_j).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import chain
from typing import Any, Literal

import numpy as np

from ..errors import ArgumentError
from ..words import counted
from .chain import Chain, nodes_of

Family = Literal["even", "odd", "general"]
FAMILIES = ("even", "odd", "general")
_POINTS = 4000


@dataclass(frozen=True)
class Circuit:
    """A chain of products on [-1, 1]; every constant is an exact double.

    Attributes
    ----------
    family : {"even", "odd", "general"}
    shifts : tuple of int
        The exponents e_i, i = 2 … n.
    left, right : tuple of tuples of float
        a_ij and b_ij: row i − 2 has the i − 1 constants of n_0 … n_{i−2}.
    output : tuple of float
        c_0 … c_n.

    Examples
    --------
    >>> circuit = Circuit("even", (), (), (), (0.5625, 0.5))
    >>> circuit.multiplications, float(circuit(0.5))
    (1, 0.3125)
    """

    family: Family
    shifts: tuple[int, ...]
    left: tuple[tuple[float, ...], ...]
    right: tuple[tuple[float, ...], ...]
    output: tuple[float, ...]

    def __post_init__(self) -> None:
        if self.family not in FAMILIES:
            raise ArgumentError(f"family must be one of {FAMILIES}; got {self.family!r}")
        rows = len(self.output) - 2
        if rows < 0 or not rows == len(self.shifts) == len(self.left) == len(self.right):
            raise ArgumentError(
                f"a circuit of {counted(len(self.output), 'output constant')} needs {counted(max(rows, 0), 'row')} of "
                f"left and of right constants and as many shifts; got {len(self.left)}, "
                f"{len(self.right)} and {len(self.shifts)}"
            )
        for name, table in (("left", self.left), ("right", self.right)):
            for row, values in enumerate(table):
                if len(values) != row + 1:
                    raise ArgumentError(
                        f"row {row} of {name} must have {counted(row + 1, 'constant')}; got {len(values)}"
                    )
        constants = chain.from_iterable((*self.left, *self.right))
        if not all(map(math.isfinite, chain(self.output, constants))):
            raise ArgumentError("a constant of the circuit is not finite")

    @property
    def multiplications(self) -> int:
        """Ciphertext-ciphertext multiplications."""
        nodes = len(self.output) - 1
        return nodes + {"even": 0, "odd": 1, "general": -1}[self.family]

    @property
    def degree(self) -> int:
        """Degree of the polynomial it computes (an upper bound)."""
        power = 1 << (len(self.output) - 2)
        return {"even": 2 * power, "odd": 2 * power + 1, "general": power}[self.family]

    @property
    def largest_constant(self) -> float:
        """Largest absolute value of all constants."""
        rows = (self.output, *self.left, *self.right)
        return max(abs(value) for row in rows for value in row)

    def first_node(self, x: Any) -> Any:
        """n_1 in float64."""
        x = np.asarray(x, dtype=np.float64)
        return x if self.family == "general" else 2 * x * x - 1

    def __call__(self, x: Any) -> Any:
        """Value in float64, for numbers or arrays of any shape in [-1, 1]."""
        x = np.asarray(x, dtype=np.float64)
        nodes, _, _ = nodes_of(self.chain(), self.first_node(x).ravel())
        value = (np.array(self.output) @ nodes).reshape(x.shape)
        return value * x if self.family == "odd" else value

    def largest_node(self) -> float:
        """Largest |n_i| on [-1, 1] (an estimate, sampled)."""
        x = np.sin(np.linspace(-np.pi / 2, np.pi / 2, _POINTS))
        nodes, _, _ = nodes_of(self.chain(), self.first_node(x))
        return float(np.max(np.abs(nodes)))

    def chain(self) -> Chain:
        """The same as arrays of free constants."""
        size = len(self.output)
        left, right = np.zeros((size, size)), np.zeros((size, size))
        for row, exponent in enumerate(self.shifts):
            i = row + 2
            left[i, : i - 1], left[i, i - 1] = self.left[row], 1.0
            right[i, : i - 1], right[i, i - 1] = self.right[row], 1.0
            left[i] *= 2.0 ** (exponent - exponent // 2)
            right[i] *= 2.0 ** (exponent // 2)
        return Chain(left, right, np.array(self.output, dtype=np.float64))


def canonical(chain: Chain, family: Family) -> Circuit:
    """Leading constants 1; nodes, and the factors they enter, scaled by powers of two to size 1.

    Raises
    ------
    ArgumentError
        If a leading constant is zero: the chain has less than its full degree.
    """
    x = np.sin(np.linspace(0 if family != "general" else -np.pi / 2, np.pi / 2, _POINTS))
    values = nodes_of(chain, x if family == "general" else 2 * x * x - 1)
    nodes, *factors = (np.max(np.abs(v[2:]), axis=1) for v in values)
    size = len(chain.output)
    scale = np.ones(size)  # n_i = scale_i · canonical n_i
    shifts: list[int] = []
    left: list[tuple[float, ...]] = []
    right: list[tuple[float, ...]] = []
    for i in range(2, size):
        lead = chain.left[i, i - 1], chain.right[i, i - 1]
        if not lead[0] or not lead[1]:
            raise ArgumentError(f"node {i} does not use node {i - 1}: the chain is degenerate")
        product = lead[0] * lead[1] * scale[i - 1] ** 2
        wanted = float(nodes[i - 2])
        if i + 1 < size:
            tables = zip((chain.left, chain.right), factors, strict=True)
            after = [f[i - 1] / abs(table[i + 1, i]) for table, f in tables if table[i + 1, i]]
            wanted = max(wanted, *after)
        shift = round(-math.log2(wanted / abs(product)))
        scale[i] = product / 2.0**shift
        shifts.append(shift)
        for rows, table, first in ((chain.left, left, lead[0]), (chain.right, right, lead[1])):
            row = rows[i, : i - 1] * scale[: i - 1] / (first * scale[i - 1])
            table.append(tuple(float(v) for v in row))
    output = tuple(float(v) for v in chain.output * scale)
    return Circuit(family, tuple(shifts), tuple(left), tuple(right), output)
