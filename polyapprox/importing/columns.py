# SPDX-License-Identifier: Apache-2.0
"""Text tables with one number a line: approxCNN, and FHE-MP-CNN's decomposed coefficients.

approxCNN (snu-ccl/approxCNN, ``coeffResult/coeff_α.txt``, degrees in ``degreeResult/deg_α.txt``):
all coefficients of all stages in powers, low to high, one a line.

FHE-MP-CNN (``result/dα.txt``; as in AutoFHE): each stage is already divided into the leaves of
its tree of giant steps T_g, in the variable x/scale with scale 1 for the first stage, 2 for inner
ones and 1.7 for the last, as the loader of the repository sets them. The tree depends on the
degree alone, so it is built again and multiplied out, exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import mpmath

from ..errors import ArgumentError, TableError
from ..numbers import ZERO, add, dyadic, fraction, multiply, rounded
from ..words import counted
from .c_source import text_of
from .contents import Contents, Hints
from .numbers import number

_LAST_SCALE = "1.7"
_DEBRIS = 2.0**-60
_IMPOSSIBLE = 10_000


def read_approxcnn(content: bytes, hints: Hints) -> Contents:
    """Powers, low to high, one number a line.

    Raises
    ------
    ArgumentError
        If the degrees are neither given nor in ``../degreeResult`` beside the file.
    TableError
        If the numbers do not fill the stages.
    """
    degrees = hints.degrees or _degrees_beside(Path(hints.path))
    if not degrees:
        raise ArgumentError(
            "degrees is not given and no ../degreeResult/deg_*.txt lies beside the file; give "
            "degrees=(7, 7), innermost first"
        )
    rows = _divided(_column(content), degrees)
    cleared, note = _without_debris(rows)
    return Contents(cleared, "monomial", function="sign", notes=note)


def read_fhe_mp_cnn(content: bytes, hints: Hints) -> Contents:
    """Leaves of the trees of all stages, one number a line.

    Raises
    ------
    ArgumentError
        If the degrees are not given.
    TableError
        If the numbers do not fill the stages.
    """
    if not hints.degrees:
        raise ArgumentError(
            "degrees is not given, and the file does not say them; give degrees=(15, 15, 27), "
            "innermost first"
        )
    rows = _divided(_column(content), hints.degrees)
    stages = [_multiplied_out(row) for row in rows]
    last = len(stages) - 1
    scales = [number("1" if i == 0 else _LAST_SCALE if i == last else "2") for i in range(last + 1)]
    for i in range(last):  # the next stage takes x/scale: divide by it, as the loader does
        stages[i] = tuple(_quotient(c, scales[i + 1]) for c in stages[i])
    cleared, note = _without_debris(tuple(stages))
    said = f"trees multiplied out; stages divided by the next one's scale (2, last {_LAST_SCALE})"
    return Contents(cleared, "chebyshev", function="sign", notes=(said, *note))


def _quotient(value: mpmath.mpf, divisor: mpmath.mpf) -> mpmath.mpf:
    return rounded(fraction(value) / fraction(divisor), 200) if value else ZERO


def _column(content: bytes) -> tuple[mpmath.mpf, ...]:
    found = []
    for index, line in enumerate(text_of(content).split(), 1):
        try:
            found.append(number(line))
        except TableError as error:
            raise TableError(f"number {index}: {error}") from None
    return tuple(found)


def _degrees_beside(path: Path) -> tuple[int, ...]:
    """``coeffResult/coeff_7.txt`` has its degrees in ``degreeResult/deg_7.txt``."""
    alpha = path.stem.rpartition("_")[2]
    beside = path.parent.parent / "degreeResult" / f"deg_{alpha}.txt"
    try:
        return tuple(int(text) for text in beside.read_text(encoding="utf-8").split())
    except (OSError, ValueError):
        return ()


def _divided(
    column: tuple[mpmath.mpf, ...], degrees: Sequence[int]
) -> tuple[tuple[mpmath.mpf, ...], ...]:
    wanted = sum(degrees) + len(degrees)
    if len(column) != wanted:
        raise TableError(
            f"holds {counted(len(column), 'number')}; stages of degrees {', '.join(map(str, degrees))} have "
            f"{wanted}"
        )
    rows, start = [], 0
    for degree in degrees:
        rows.append(column[start : start + degree + 1])
        start += degree + 1
    return tuple(rows)


def _without_debris(
    rows: tuple[tuple[mpmath.mpf, ...], ...],
) -> tuple[tuple[tuple[mpmath.mpf, ...], ...], tuple[str, ...]]:
    """Even coefficients of an odd stage that are only rounding errors of who made it: zero."""
    cleared, count = [], 0
    for row in rows:
        largest = max(abs(c) for c in row)
        evens = row[::2]
        if any(evens) and max(abs(c) for c in evens) < _DEBRIS * largest:
            count += sum(1 for c in evens if c)
            row = tuple(c if k % 2 else ZERO for k, c in enumerate(row))
        cleared.append(row)
    note = (f"{counted(count, 'even coefficient')} below 2^-60 of the largest set to 0",) if count else ()
    return tuple(cleared), note


def _multiplied_out(row: tuple[mpmath.mpf, ...]) -> tuple[mpmath.mpf, ...]:
    """The series behind the leaves of its tree: p = T_g · q + r at every node."""
    leaves = iter(_leaves(len(row) - 1))
    blocks: dict[int, tuple[mpmath.mpf, ...]] = {}
    start = 0
    for node, degree in leaves:
        blocks[node] = row[start : start + degree + 1]
        start += degree + 1
    return _series(_tree(len(row) - 1), 1, blocks)


def _series(
    tree: dict[int, int], node: int, blocks: dict[int, tuple[mpmath.mpf, ...]]
) -> tuple[mpmath.mpf, ...]:
    if node not in tree:
        return blocks[node]
    giant = tree[node]
    low, high = _series(tree, 2 * node, blocks), _series(tree, 2 * node + 1, blocks)
    total = [ZERO] * (giant + len(high))
    for k, c in enumerate(low):
        total[k] = add(total[k], c)
    for k, c in enumerate(high):  # 2 T_g T_k = T_(g+k) + T_|g−k|
        half = multiply(c, dyadic(1, -1))
        total[giant + k] = add(total[giant + k], half)
        total[abs(giant - k)] = add(total[abs(giant - k)], half)
    return tuple(total)


def _leaves(degree: int) -> list[tuple[int, int]]:
    """Leaves of a tree and their degrees, in the order of the file (breadth first)."""
    tree, degrees = _tree(degree), {1: degree}
    found = []
    for node in range(1, 2 * max(tree, default=0) + 2):
        if node not in degrees:
            continue
        if node in tree:
            degrees[2 * node] = tree[node] - 1
            degrees[2 * node + 1] = degrees[node] - tree[node]
        else:
            found.append((node, degrees[node]))
    return found


@lru_cache(maxsize=64)
def _tree(degree: int) -> dict[int, int]:
    """Giant steps by heap index: fewest products at least depth, ties as in the repository.

    Odd baby steps T_1, …, T_(2^l − 1) and giant steps T_2, …, T_(2^(m−1)) (Lee, Lee, No, Kim,
    eprint 2020/834, algorithm for odd polynomials).
    """
    if degree % 2 == 0:
        raise TableError(f"a stage of the even degree {degree} is not one of these tables")
    depth = (degree - 1).bit_length()
    best, best_tree = _IMPOSSIBLE, {}
    babies = 1
    while 2**babies - 1 <= degree:
        giants = 1
        while 2 ** (giants - 1) < degree:
            cost, tree = _search(degree, depth, babies, giants)
            total = cost + 2 ** (babies - 1) + giants - 2
            if total < best:
                best, best_tree = total, tree
            giants += 1
        babies += 1
    return best_tree


def _search(degree: int, depth: int, babies: int, giants: int) -> tuple[int, dict[int, int]]:
    cost = {(1, 1): 0, **{(i, 1): _IMPOSSIBLE for i in range(3, degree + 1, 2)}}
    trees: dict[tuple[int, int], dict[int, int]] = {(i, 1): {} for i in range(1, degree + 1, 2)}
    for level in range(2, depth + 1):
        for i in range(1, degree + 1, 2):
            key = i, level
            trees[key] = {}
            if i <= 2**babies - 1 and i <= 2 ** (level - 1):
                cost[key] = 0
                continue
            cost[key] = _IMPOSSIBLE
            for k in range(1, min(giants, level)):
                giant = 2**k
                if giant >= i:
                    break
                found = cost[i - giant, level - 1] + cost[giant - 1, level] + 1
                if found < cost[key]:
                    cost[key] = found
                    trees[key] = _merged(
                        trees[giant - 1, level], trees[i - giant, level - 1], giant
                    )
    return cost.get((degree, depth), 0 if degree == 1 else _IMPOSSIBLE), trees.get(
        (degree, depth), {}
    )


def _merged(left: dict[int, int], right: dict[int, int], giant: int) -> dict[int, int]:
    tree = {1: giant}
    for side, subtree in ((0, left), (1, right)):
        for node, step in subtree.items():
            row = 1 << (node.bit_length() - 1)
            tree[node + row + side * row] = step
    return tree

