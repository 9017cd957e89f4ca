# SPDX-License-Identifier: Apache-2.0
"""Where the values of a layer stand in ciphertexts.

An image (channels, height, width) is laid out on the grid of the network's input. When a stride has
made it smaller by g, its pixels stand g apart and the g² places between them hold further channels
(*multiplexed*: Lee et al., https://eprint.iacr.org/2021/1688), so that a convolution with a stride
stays a matrix of few diagonals. Which gap serves best is not asked of the layers: the one with the
fewest diagonals is taken.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, cast

import numpy as np
from scipy import sparse

_CIPHERTEXT = 2000  # diagonals that one more ciphertext is worth: its bootstrap and its plan
_ROTATION = 8  # diagonals that a rotation of the result is worth


@dataclass(frozen=True)
class Layout:
    """Places of values.

    Attributes
    ----------
    shape : tuple of int
        Of the values of one image.
    grid : tuple of int
        Height and width that pixels stand on.
    gap : int
        Distance of neighbouring pixels.
    slots : int
        Of a ciphertext.
    height : int
        Power of two: values are repeated so often; `slots` if they are not.

    Examples
    --------
    >>> Layout((4, 2, 2), (4, 4), 2, 32, 32).positions.tolist()
    [0, 2, 8, 10, 1, 3, 9, 11, 4, 6, 12, 14, 5, 7, 13, 15]
    """

    shape: tuple[int, ...]
    grid: tuple[int, int]
    gap: int
    slots: int
    height: int

    @cached_property
    def positions(self) -> np.ndarray:
        """Place of each value; ciphertext k has the places from k · slots."""
        if len(self.shape) != 3:
            return np.arange(int(np.prod(self.shape)))
        channel, row, column = np.indices(self.shape)
        tall, wide = self.grid
        plane, inside = np.divmod(channel, self.gap**2)
        down, right = np.divmod(inside, self.gap)
        place = (row * self.gap + down) * wide + column * self.gap + right
        return cast("np.ndarray", (plane * tall * wide + place).reshape(-1))

    @property
    def ciphertexts(self) -> int:
        """How many are filled."""
        return int(self.positions.max()) // self.slots + 1

    @property
    def refreshed(self) -> int:
        """Slots that a bootstrap has to keep: half of them where values fill no more, which is faster.

        Smaller shares gain nothing more, and need other keys.
        """
        half = self.slots // 2
        return half if int(self.positions.max()) < half else self.slots

    def pack(self, values: np.ndarray) -> np.ndarray:
        """Slots of all ciphertexts, shape (ciphertexts, slots)."""
        packed = np.zeros(self.ciphertexts * self.slots)
        packed[self.positions] = values.reshape(-1)
        return packed.reshape(-1, self.slots)

    def unpack(self, slots: np.ndarray) -> np.ndarray:
        """Values from the slots of all ciphertexts."""
        return cast("np.ndarray", slots.reshape(-1)[self.positions].reshape(self.shape))

    def record(self) -> dict[str, Any]:
        """For JSON."""
        return {name: getattr(self, name) for name in ("shape", "grid", "gap", "slots", "height")}

    @classmethod
    def of(cls, record: dict[str, Any]) -> Layout:
        """From JSON."""
        lists = {name: tuple(record[name]) for name in ("shape", "grid")}
        return cls(**{**record, **lists})


class Entries(NamedTuple):
    """Entries of a matrix between ciphertexts: where the target is, where the source is, the value."""

    target: np.ndarray
    source: np.ndarray
    values: np.ndarray
    columns: int  # ciphertexts of all sources


def entries(
    terms: Sequence[tuple[sparse.csr_array, Layout]], factors: Sequence[float], target: Layout
) -> Entries:
    """Of Σ factor · matrix · source, the ciphertexts of the sources one after another."""
    targets, sources, values, column = [], [], [], 0
    for (matrix, layout), factor in zip(terms, factors, strict=True):
        found = matrix.tocoo()
        rows, columns = found.coords
        targets.append(target.positions[rows])
        sources.append(layout.positions[columns] + column * layout.slots)
        values.append(found.data * factor)
        column += layout.ciphertexts
    return Entries(np.concatenate(targets), np.concatenate(sources), np.concatenate(values), column)


def first_layout(shape: tuple[int, ...], slots: int) -> Layout:
    """Of an image."""
    grid = tuple(1 << (side - 1).bit_length() for side in shape[1:]) if len(shape) == 3 else (1, 1)
    return Layout(shape, grid, 1, slots, slots)  # type: ignore[arg-type]


def choose_layout(
    shape: tuple[int, ...], terms: Sequence[tuple[sparse.csr_array, Layout]]
) -> Layout:
    """The layout of a result whose matrix has the fewest diagonals."""
    return min(_candidates(shape, terms[0][1]), key=lambda one: _cost(one, terms))


def _candidates(shape: tuple[int, ...], like: Layout) -> Iterator[Layout]:
    gap = 1
    while True:
        one = Layout(shape, like.grid, gap, like.slots, like.slots)
        yield one
        top = int(one.positions.max()) + 1
        height = 1 << (top - 1).bit_length()
        if height < like.slots:
            yield Layout(shape, like.grid, gap, like.slots, height)
        gap *= 2
        fits = len(shape) == 3 and all(
            s * gap <= g for s, g in zip(shape[1:], like.grid, strict=True)
        )
        if not fits:
            return


def _cost(layout: Layout, terms: Sequence[tuple[sparse.csr_array, Layout]]) -> int:
    found = entries(terms, [1.0] * len(terms), layout)
    slots, height = layout.slots, layout.height
    block = found.target // slots * found.columns + found.source // slots
    used = np.zeros((int(block.max()) + 1) * height, bool)
    used[block * height + (found.source - found.target) % height] = True
    folds = (slots // height).bit_length() - 1
    return int(used.sum()) + _ROTATION * folds + _CIPHERTEXT * layout.ciphertexts


Blocks = dict[tuple[int, int], tuple[np.ndarray, np.ndarray]]


def diagonals(found: Entries, layout: Layout) -> Blocks:
    """The generalised diagonals of every block: indices, and values of shape (indices, slots).

    Slot j of diagonal d is the entry in row j mod height and column (d + j) mod slots (Halevi and
    Shoup, https://eprint.iacr.org/2014/106; for fewer rows than slots, the *hybrid* of Juvekar et
    al., arXiv 1801.05507).
    """
    slots, height = layout.slots, layout.height
    row, column = found.target // slots, found.source // slots
    r, c = found.target % slots, found.source % slots
    index = (c - r) % height
    place = r + (c - r) // height % (slots // height) * height
    made: Blocks = {}
    for i in range(layout.ciphertexts):
        for j in range(found.columns):
            here = (row == i) & (column == j)
            indices = np.unique(index[here]) if here.any() else np.zeros(1, np.int64)
            values = np.zeros((len(indices), slots))
            values[np.searchsorted(indices, index[here]), place[here]] = found.values[here]
            made[i, j] = indices, values
    return made
