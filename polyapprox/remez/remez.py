# SPDX-License-Identifier: Apache-2.0
"""The Remez exchange, the same in double precision and in balls."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import numpy as np
from flint import arb

from .barycentric import Trial
from .extrema import search_grid, signed_extrema
from .polish import BallTrial, solve_levelled
from .problem import Array, Problem
from .reference import initial_reference

_QUADRATIC = 1e-6
_STALLED = 4
_FINEST = 2  # parabolas that place an extremum to about 1e-5 of the gap of its neighbours


class Levelled(Protocol):
    """A polynomial whose error is levelled on a reference."""

    @property
    def nodes(self) -> Array: ...

    @property
    def size(self) -> float: ...

    @property
    def magnitude(self) -> float: ...

    @property
    def unit(self) -> float: ...

    @property
    def sign(self) -> float: ...

    @property
    def noise(self) -> float: ...

    def error(self, z: Array) -> Array: ...


T = TypeVar("T", bound=Levelled)


@dataclass(frozen=True)
class Exchange(Generic[T]):
    """Where the exchange stopped.

    Attributes
    ----------
    trial : Trial or BallTrial
        The best seen.
    largest : float
        Largest error found, in the unit of the trial (for balls: of the level).
    converged : bool
        Whether the relative gap fell under the tolerance, or to what rounding allows.
    iterations : int
    """

    trial: T
    largest: float
    converged: bool
    iterations: int

    @property
    def gap(self) -> float:
        """Relative gap between largest error and level."""
        return 1 - self.trial.size / self.largest if self.largest else 0.0

    def decides(self, threshold: float) -> bool:
        """Whether the best error is on a known side of 2^threshold, by what has been sampled.

        It is at least the level of any reference, and at most the largest error of any trial.
        """
        most = self.trial.unit + float(np.log2(self.largest)) if self.largest else -np.inf
        return self.trial.magnitude > threshold or most <= threshold


def exchange(
    problem: Problem,
    nodes: Array | None = None,
    tolerance: float = 1e-11,
    max_iterations: int = 100,
    threshold: float | None = None,
) -> Exchange[Trial]:
    """Run the exchange in double precision.

    Parameters
    ----------
    problem : Problem
    nodes : ndarray, optional
        First reference; by default :func:`initial_reference`.
    tolerance : float
        Relative gap at which to stop.
    max_iterations : int
    threshold : float, optional
        Stop, too, when the best error is known to be above or below 2^threshold.
    """
    nodes = initial_reference(problem) if nodes is None else nodes
    with np.errstate(all="ignore"):
        return _iterate(
            problem, nodes, lambda v: Trial.on(problem, v), tolerance, max_iterations, threshold
        )


def exchange_in_balls(
    problem: Problem,
    nodes: Array,
    bits: int,
    tolerance: float,
    max_iterations: int = 100,
    threshold: float | None = None,
    thorough: bool = False,
) -> Exchange[BallTrial]:
    """Run the exchange in ball arithmetic, from a reference that may be far off.

    Parameters
    ----------
    bits : int
        Good bits of the level and of the polynomial's values, relative to the level.
    thorough : bool
        Look for extrema as closely as in double precision: values in balls are dear, but a wide
        gap of the reference may hide several of them from a coarse grid.
    """

    precision: int | None = None

    def solve(reference: Array) -> BallTrial:
        nonlocal precision
        trial = solve_levelled(problem, reference, bits, precision)
        if trial.vanishes and _oscillates(trial):
            trial = solve_levelled(problem, _perturbed(reference), bits)
        precision = None if trial.vanishes else trial.precision
        return trial

    return _iterate(problem, nodes, solve, tolerance, max_iterations, threshold, thorough)


def _oscillates(trial: BallTrial) -> bool:
    """Whether the error is clearly not zero everywhere, though it is on the reference."""
    grid = search_grid(trial.problem, trial.nodes, 3)
    unclear = trial.level.abs_upper() * arb((1, trial.precision // 3))
    return bool(trial.largest_absolute(grid) > unclear)


def _perturbed(nodes: Array) -> Array:
    moved = nodes.copy()
    moved[1:-1] += 0.21 * (nodes[2:] - nodes[1:-1])
    return moved


def _iterate(
    problem: Problem,
    nodes: Array,
    solve: Callable[[Array], T],
    tolerance: float,
    max_iterations: int,
    threshold: float | None,
    thorough: bool = True,
) -> Exchange[T]:
    """Multi-point exchange; one-point exchange where it stalls. Returns the best trial.

    Every exchange raises the level in exact arithmetic; it stalls where rounding prevents that.
    """
    best: Exchange[T] | None = None
    highest, stalled = -np.inf, 0
    parabolas = 0 if thorough else _FINEST
    for iteration in range(1, max_iterations + 1):
        trial = solve(nodes)
        grid = search_grid(problem, nodes) if thorough else search_grid(problem, nodes, 6, 90)
        points, values = signed_extrema(trial.error, grid, problem.intervals, parabolas, thorough)
        top = int(np.argmax(np.abs(values)))
        largest = max(abs(float(values[top])), trial.size)
        if not np.isfinite(largest) or not np.all(np.isfinite(values)):
            break
        state = Exchange(trial, largest, False, iteration)
        if best is None or largest * best.trial.size < best.largest * trial.size:
            best = state
        if threshold is not None and state.decides(threshold):
            return Exchange(trial, largest, True, iteration)
        stalled = 0 if trial.magnitude > highest else stalled + 1
        highest = max(highest, trial.magnitude)
        if largest <= 400 * trial.noise or largest == 0:
            return Exchange(trial, largest, False, iteration)
        if state.gap < max(tolerance, trial.noise / largest):
            if parabolas == _FINEST:
                return Exchange(trial, largest, True, iteration)
            parabolas = _FINEST
            continue
        finest = parabolas == _FINEST
        if thorough:
            parabolas = 0 if state.gap > 1e-2 else 1 if state.gap > 1e-4 else _FINEST
        else:
            parabolas = 1 if state.gap > 0.3 else _FINEST
        thinned = None if stalled >= _STALLED else thin_alternation(points, values, len(nodes))
        if thinned is None:
            signs = np.where(np.arange(len(nodes)) % 2, -1.0, 1.0) * trial.sign
            nodes = exchange_one(nodes, signs, float(points[top]), float(np.sign(values[top])))
        else:
            nodes = thinned[0]
        if np.any(np.diff(nodes) <= 0):
            break
        if thinned is not None and finest and state.gap < _QUADRATIC <= np.sqrt(tolerance):
            # the next gap is about the square of this one: no need to look
            last = solve(nodes)
            return Exchange(last, last.size, True, iteration + 1)
    if best is None:
        return Exchange(solve(initial_reference(problem)), np.inf, False, 0)
    return best


def thin_alternation(points: Array, values: Array, wanted: int) -> tuple[Array, Array] | None:
    """Drop surplus members of an alternating sequence, smallest first, keeping the largest.

    An end point may go alone; an inner one takes its smaller neighbour with it, so that the
    signs keep alternating. Returns None if there are fewer than `wanted` members.
    """
    kept = list(range(len(points)))
    size = np.abs(values)
    while len(kept) > wanted:
        if len(kept) == wanted + 1:
            del kept[0 if size[kept[0]] < size[kept[-1]] else -1]
            continue
        smallest = min(range(len(kept)), key=lambda i: size[kept[i]])
        if smallest in (0, len(kept) - 1):
            del kept[smallest]
            continue
        left, right = kept[smallest - 1], kept[smallest + 1]
        neighbour = smallest - 1 if size[left] < size[right] else smallest
        del kept[neighbour : neighbour + 2]
    if len(kept) < wanted:
        return None
    return points[kept], values[kept]


def exchange_one(nodes: Array, signs: Array, point: float, sign: float) -> Array:
    """Classical one-point exchange: bring `point` in, keep the alternation of signs.

    Parameters
    ----------
    nodes, signs : ndarray, shape (N + 2,)
        Reference and the signs of its error.
    point, sign : float
        Point of largest error and its sign.
    """
    place = int(np.searchsorted(nodes, point))
    new = nodes.copy()
    if place == 0:
        if signs[0] != sign:
            new = np.concatenate([[point], nodes[:-1]])
        else:
            new[0] = point
    elif place == len(nodes):
        if signs[-1] != sign:
            new = np.concatenate([nodes[1:], [point]])
        else:
            new[-1] = point
    elif signs[place] == sign:
        new[place] = point
    else:
        new[place - 1] = point
    return new
