# SPDX-License-Identifier: Apache-2.0
"""Fewer plaintext products for the same function: redundant constants are turned into zeros.

Constants added to the two factors of a node change it by a sum of older nodes,

    n' = 2^e (L + s)(R + r) = n + 2^e (s R + r L + s r),

which all later nodes can take back: their own constants change and the output does not. A
constant added costs no product, so s and r are chosen to make two constants of the next node
zero; those of the last node zero two constants of the output. Node 3 needs none at all: only the
sum of its two constants on n_1 matters (its own shifts then zero one constant). Of m
multiplications, m > 3, (m − 1)(m − 3) + 1 plaintext products are left for |x|.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from ...errors import ArgumentError
from ..chain import Chain, nodes_of
from ..shape import Circuit, canonical

_BEAM = 24
_TRIED = 30  # of the ways to shift a node those are tried that shift it least
_MODERATE = 16.0
_POINTS = 41
_FLAT = 1e-9
_QUIET = 1.2  # among gains within this factor of the least the smallest constants win


@dataclass(frozen=True)
class _Work:
    """Constants as arrays of shape (n + 1, n + 1); row n + 1 of `left` is the output."""

    shifts: tuple[int, ...]
    left: np.ndarray
    right: np.ndarray
    gain: float

    def copy(self) -> _Work:
        return _Work(self.shifts, self.left.copy(), self.right.copy(), self.gain)


def thinned(circuit: Circuit) -> Circuit:
    """The same function with zeros in place of redundant constants.

    Parameters
    ----------
    circuit : Circuit
        Even or odd, of three nodes or more (others are returned as they are).

    Returns
    -------
    Circuit
        The one, of those found, that adds the least noise.

    Raises
    ------
    ArgumentError
        If no constants can be made zero.

    Examples
    --------
    >>> circuit = Circuit("even", (0, 0), ((0.1,), (0.2, 0.3)), ((0.5,), (0.4, 0.7)), (0, 1, 2, 1))
    >>> thin = thinned(circuit)
    >>> thin.left[1][1], thin.right[1][1], bool(abs(thin(0.3) - circuit(0.3)) < 1e-12)
    (0.0, 0.0, True)
    """
    last = len(circuit.output) - 1
    if last < 3 or circuit.family == "general":
        return circuit
    first = 2 * np.sin(np.linspace(0, np.pi / 2, _POINTS)) ** 2 - 1
    beam = [_without_products_in_three(_work(circuit))]
    for i in range(3, last + 1):
        found = [one for before in beam for one in _zeroed(before, i, first)]
        found.sort(key=lambda one: one.gain)
        beam = found[:_BEAM]
        if not beam:
            raise ArgumentError(f"no constants of node {i + 1} can be made zero")
    quiet = [one for one in beam if one.gain <= _QUIET * beam[0].gain]
    for few in (quiet, beam):  # all of the beam where no quiet one has moderate constants
        ends = [canonical(_circuit(circuit, one).chain(), circuit.family) for one in few]
        best = min(ends, key=lambda one: one.largest_constant)
        if best.largest_constant <= _MODERATE:
            break
    return best


def _work(circuit: Circuit) -> _Work:
    last = len(circuit.output) - 1
    left, right = (np.zeros((last + 2, last + 1)) for _ in range(2))
    for i in range(2, last + 1):
        left[i, : i - 1], left[i, i - 1] = circuit.left[i - 2], 1.0
        right[i, : i - 1], right[i, i - 1] = circuit.right[i - 2], 1.0
    left[last + 1] = circuit.output
    return _Work(circuit.shifts, left, right, 0.0)


def _circuit(circuit: Circuit, work: _Work) -> Circuit:
    last = len(circuit.output) - 1
    rows = [
        tuple(tuple(float(v) for v in table[i, : i - 1]) for i in range(2, last + 1))
        for table in (work.left, work.right)
    ]
    output = tuple(float(v) for v in work.left[last + 1])
    return Circuit(circuit.family, circuit.shifts, rows[0], rows[1], output)


def _taken_back(work: _Work, i: int, change: np.ndarray) -> None:
    """Node i became n_i + Σ change_j n_j: all later rows take the sum back."""
    for table in (work.left, work.right):
        factor = table[i + 1 :, i].copy()
        table[i + 1 :, :i] -= np.outer(factor, change[:i])


def _without_products_in_three(work: _Work) -> _Work:
    """Make a_31 = b_31 (n_1² is a sum of n_2, n_1 and 1), then both zero by a shift of node 2."""
    work = work.copy()
    two, three = (2.0 ** work.shifts[k] for k in (0, 1))
    a, b = work.left[3], work.right[3]
    p, q = work.left[2, 0], work.right[2, 0]
    move = (b[1] - a[1]) / 2
    squares = three * (move * (b[1] - a[1]) - move * move)
    linear = three * move * (b[0] - a[0])
    change = np.array([-squares * p * q, linear - squares * (p + q), squares / two])
    a[1] += move
    b[1] -= move
    _taken_back(work, 3, change)
    shift = a[1] / two  # s + r: all of it in s
    constant = two * shift * q
    work.left[2, 0] += shift
    _taken_back(work, 2, np.array([constant, a[1]]))
    a[1] = b[1] = 0.0
    return work


def _zeroed(work: _Work, i: int, first: np.ndarray) -> Iterator[_Work]:
    """All ways to shift node i so that two constants of the next row become zero.

    One where i = 3: both factors of that node are n_2 and a constant.
    """
    scale = 2.0 ** work.shifts[i - 2]
    # what one unit of s and of r adds to the constants on n_j, j = 1 … i − 1
    slope = scale * np.stack([work.right[i, :i], work.left[i, :i]])
    last = work.left.shape[0] - 2
    tables = (work.left,) if i == last else (work.left, work.right)
    places = [(k, j) for k in range(len(tables)) for j in range(1, i)]
    moves = []
    for chosen in combinations(places, 2) if i > 3 else [(place,) for place in places]:
        rows = np.array([tables[k][i + 1, i] * slope[:, j] for k, j in chosen])
        wanted = np.array([tables[k][i + 1, j] for k, j in chosen])
        strength = np.linalg.svd(rows, compute_uv=False)
        if strength[-1] <= _FLAT * strength[0]:
            continue
        s, r = (float(v) for v in np.linalg.lstsq(rows, wanted, rcond=None)[0])
        moves.append((abs(s) + abs(r), chosen, s, r))
    for _, chosen, s, r in sorted(moves)[:_TRIED]:
        found = work.copy()
        change = s * slope[0] + r * slope[1]
        change[0] += scale * s * r
        found.left[i, 0] += s
        found.right[i, 0] += r
        _taken_back(found, i, change)
        for k, j in chosen:
            (found.left, found.right)[k][i + 1, j] = 0.0
        yield _Work(found.shifts, found.left, found.right, _gain(found, first))


def noise_gain(left: np.ndarray, right: np.ndarray, output: np.ndarray, first: np.ndarray) -> float:
    """How much larger the noise of the output is than that of one product, at worst.

    Noise of one unit is added by every product, at the scale of its node taken to size 1: by
    node i, and by every plaintext product that enters one of its factors.

    Parameters
    ----------
    left, right : numpy.ndarray, shape (n + 1, n + 1)
        Constants of the factors, the powers of two included.
    output : numpy.ndarray, shape (n + 1,)
    first : numpy.ndarray, shape (points,)
        n_1 where the gain is taken.
    """
    nodes, one, other = nodes_of(Chain(left, right, output), first)
    sizes = np.max(np.abs(nodes), axis=1)
    last = len(output) - 1
    outer = np.repeat(output[:, None], len(first), axis=1)
    total = float(np.count_nonzero(output[1:last])) * np.ones_like(first)
    for i in range(last, 1, -1):
        total += np.abs(outer[i]) * sizes[i]
        for table, factor in ((left, other), (right, one)):
            adjoint = outer[i] * factor[i]
            outer[:i] += table[i, :i, None] * adjoint
            products = np.count_nonzero(table[i, 1 : i - 1])
            total += products * np.abs(adjoint * table[i, i - 1]) * sizes[i - 1]
    total += np.abs(outer[1]) * sizes[1]
    return float(np.max(total))


def _gain(work: _Work, first: np.ndarray) -> float:
    last = work.left.shape[0] - 2
    left, right = work.left[: last + 1].copy(), work.right[: last + 1]
    for i in range(2, last + 1):
        left[i] *= 2.0 ** work.shifts[i - 2]
    gain = noise_gain(left, right, work.left[last + 1], first)
    return gain if np.isfinite(gain) else np.inf
