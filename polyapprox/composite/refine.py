# SPDX-License-Identifier: Apache-2.0
"""Joint refinement: all coefficients of all stages, and the offset, for the ReLU error itself.

Sequential linear programming on e(x) = x(s(x) − 1)/2 + offset over [0, 1]: at every step the
largest linearised |e| over all local extrema is minimised within a box (HiGHS), and the step is
followed by up to two corrector programs from where it led, which keeps it on the curved valley
where many extrema are level. At the optimum the number of level extrema is at least the number of
free parameters + 1, and no direction lowers all of them to first order.

Nothing is random: the same degrees give the same result. ``python -m polyapprox.composite.refine
--degrees 7,7,15`` refines a list and puts it into the shipped file; ``--catalogue`` makes the
whole file again.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..errors import ArgumentError
from ..provenance import versions
from . import shipped
from .joint import Composite, extrema, grid, odd_basis
from .refined import FILE, RefinedRelu, as_record, from_record, parse_degrees
from .relu_search import pareto_relu
from .series import _projection, compose, evaluate
from .threshold import best_threshold, double_composite

# The catalogue: a list is worth refining if, before refinement, it misses a precision by less than
# refinement gains (up to 0.45 bit with a free constant, 0.05 bit without).
LARGEST_PRODUCT = 16_000
GAINS = {True: (0.0, 0.15, 0.25, 0.3, 0.35, 0.4, 0.45), False: (0.0, 0.04)}
BITS = {True: [4 + step / 2 for step in range(25)], False: [float(k) for k in range(4, 15)]}

# r_alpha of Lee et al. (arXiv 2105.10879), alpha = 4 … 14
PUBLISHED = (
    (5,),
    (13,),
    (3, 7),
    (7, 7),
    (7, 15),
    (15, 15),
    (7, 7, 13),
    (7, 7, 27),
    (7, 15, 27),
    (15, 15, 27),
    (15, 27, 29),
)
OTHERS = ((7, 7, 15), (7, 15, 15), (15, 15, 15), (15, 15, 29))

Array = np.ndarray

START_FACTORS = (0.85, 1.0)  # starting thresholds, as multiples of the best one before refinement
LARGE_DEGREE = 1500  # of the composition: from here on the first start that gains is enough
FIRST_RADIUS = 1e-3
LARGEST_RADIUS = 0.3
SMALLEST_RADIUS = 1e-13
CORRECTORS = 2
KEPT = 0.2  # extrema below this part of the largest one put no constraint on a step
LEVEL = 1e-7  # relative: extrema this near the largest count as level
CHECK_POINTS = 1_000_000
NOISE = 2.0**-20


@dataclass(frozen=True)
class _State:
    composite: Composite
    places: Array
    values: Array

    @property
    def peak(self) -> float:
        return float(np.abs(self.values).max())


def refine(degrees: tuple[int, ...], offset: bool = True, max_steps: int = 400) -> RefinedRelu:
    """Refine a ReLU composite jointly, starting from its best threshold.

    Parameters
    ----------
    degrees : tuple of int
        Odd degrees, innermost first; the product should stay below about 20000.
    offset : bool
        Whether the constant is free (zero otherwise).
    max_steps : int
        Largest number of accepted steps from each start.

    Returns
    -------
    RefinedRelu
        Its `error` is the largest value sampled at more than a million points: an estimate.

    Examples
    --------
    >>> import math
    >>> round(-math.log2(refine((3, 7)).error), 4)
    6.9349
    """
    before = best_threshold(degrees, offset).error
    states: list[_State] = []
    for factor in START_FACTORS:
        states.append(_descend(_start(degrees, offset, factor), offset, max_steps))
        if math.prod(degrees) > LARGE_DEGREE and states[-1].peak < before:
            break
    best = min(states, key=lambda state: state.peak)
    level = int((np.abs(best.values) > best.peak * (1 - LEVEL)).sum())
    composite = _normalised(best.composite)
    return RefinedRelu(
        tuple(degrees),
        offset,
        tuple(tuple(float(c) for c in stage) for stage in composite.stages),
        composite.offset,
        _first_top(composite),
        sampled_error(composite),
        level,
        sum((d + 1) // 2 for d in degrees) - len(degrees) + 1 + int(offset),
        sensitivity(composite),
    )


def _start(degrees: tuple[int, ...], offset: bool, factor: float) -> _State:
    threshold = min(0.97, factor * best_threshold(degrees, offset).threshold)
    composite = Composite(tuple(double_composite(degrees, threshold)[0]), 0.0)
    state = _state(composite, grid(composite.degree))
    if not offset:
        return state
    middle = -float(state.values.max() + state.values.min()) / 2
    return _State(Composite(composite.stages, middle), state.places, state.values + middle)


def _state(composite: Composite, angles: Array) -> _State:
    return _State(composite, *extrema(composite, angles))


def _descend(state: _State, offset: bool, max_steps: int) -> _State:
    """Steps until the program predicts no gain, or the box is empty."""
    angles = grid(state.composite.degree)
    radius = FIRST_RADIUS
    for _ in range(max_steps):
        while True:
            trial, gain = _step(state, radius, offset, angles)
            real = 1 - trial.peak / state.peak
            if gain > 1e-12 and real > 0.02 * gain:
                break
            radius /= 3
            if radius < SMALLEST_RADIUS or (gain < 1e-11 and real <= 0):
                return state
        state = trial
        if real > 0.5 * gain:
            radius = min(2 * radius, LARGEST_RADIUS)
        elif real < 0.2 * gain:
            radius /= 2
    return state


def _step(state: _State, radius: float, offset: bool, angles: Array) -> tuple[_State, float]:
    """One linear program and its correctors; the trial state and the predicted gain."""
    composite = state.composite
    scale = np.concatenate([np.full(len(s), np.abs(s).max()) for s in composite.stages] + [[0.0]])
    scale[-1] = state.peak if offset else 0.0
    box = np.full(len(scale), radius)
    box[-1] = 0.5
    move, level = _program(state, scale, -box, box)
    gain = 1 - level / state.peak
    origin = composite.vector()
    total = move
    trial = _state(composite.moved(origin + scale * total), angles)
    for _ in range(CORRECTORS):
        real = 1 - trial.peak / state.peak
        if real > 0.7 * gain or real < -3:
            break
        low, high = np.maximum(-box, -2 * box - total), np.minimum(box, 2 * box - total)
        move, _ = _program(trial, scale, low, high)
        corrected = _state(composite.moved(origin + scale * (total + move)), angles)
        if corrected.peak >= trial.peak:
            break
        total, trial = total + move, corrected
    return trial, gain


def _program(state: _State, scale: Array, low: Array, high: Array) -> tuple[Array, float]:
    """Minimise the largest linearised |e|: the scaled move and the level it promises."""
    from scipy.optimize import linprog

    peak = state.peak
    kept = np.abs(state.values) > KEPT * peak
    places, values = state.places[kept], state.values[kept]
    slopes = state.composite.jacobian(places) * scale / peak * np.sign(values)[:, None]
    count = slopes.shape[1]
    result = linprog(
        np.append(np.zeros(count), 1.0),
        A_ub=np.hstack([slopes, -np.ones((len(places), 1))]),
        b_ub=-np.abs(values) / peak,
        bounds=[*zip(low, high, strict=True), (None, None)],
        method="highs-ds",
    )
    if result.status != 0:
        return np.zeros(count), peak
    return result.x[:count], float(result.x[count]) * peak


def _normalised(composite: Composite) -> Composite:
    """The same function with the image of every inner stage scaled to [−1, 1]."""
    stages = [stage.copy() for stage in composite.stages]
    v = np.sin(grid(composite.degree))
    for i in range(len(stages) - 1):
        v = evaluate(stages[i], v)
        largest = float(np.abs(v).max())
        stages[i] /= largest
        v = v / largest
        nodes, project = _projection(len(stages[i + 1]))
        stages[i + 1] = project @ evaluate(stages[i + 1], largest * nodes)
    return Composite(tuple(stages), composite.offset)


def _first_top(composite: Composite) -> float:
    """Smallest positive local maximum of s, to the resolution of a grid (1 if s only rises)."""
    x = np.sin(grid(composite.degree))
    falls = np.flatnonzero(np.diff(compose(list(composite.stages), x)) < 0)
    return float(x[falls[0]]) if len(falls) else 1.0


def sampled_error(composite: Composite, points: int = CHECK_POINTS) -> float:
    """Largest |e| over a sine-spaced grid and a geometric one that is dense near 0."""
    places = np.sin(np.linspace(0.0, np.pi / 2, points))
    near_zero = np.geomspace(1e-12, 1.0, points // 5)
    at_extrema = _state(composite, grid(composite.degree)).peak
    sampled = (float(np.abs(composite.error(x)).max()) for x in (places, near_zero))
    return max(at_extrema, *sampled)


def sensitivity(composite: Composite) -> float:
    """Growth of the largest |e|, of itself, for each unit of relative noise between stages.

    To first order, for noise as small as the default guard (2^-20), sampled: an estimate.
    """
    x = np.sin(grid(composite.degree, 40))
    value, off = x, np.zeros_like(x)
    for position, stage in enumerate(composite.stages):
        if position:
            off = off + NOISE * np.abs(value)
        basis, slopes = odd_basis(len(stage), value)
        value, off = basis @ stage, np.abs(slopes @ stage) * off
    error = np.abs(x * (value - 1) / 2 + composite.offset)
    return float(((error + x / 2 * off).max() / error.max() - 1) / NOISE)


def measured_again() -> None:
    """The shipped file with every sensitivity measured again."""
    known = map(from_record, _stored())
    results = [
        replace(r, sensitivity=sensitivity(Composite(tuple(map(np.array, r.stages)), r.offset)))
        for r in known
    ]
    store(results, str(shipped.read(FILE)["command"]), fresh=True)


def store(results: list[RefinedRelu], command: str, fresh: bool) -> None:
    """Put results into the shipped file (or, when `fresh`, make them the whole file)."""
    kept = {} if fresh else {(r.degrees, r.free_offset): r for r in map(from_record, _stored())}
    kept.update({(r.degrees, r.free_offset): r for r in results})
    ordered = [kept[key] for key in sorted(kept, key=lambda k: (not k[1], len(k[0]), k[0]))]
    content = {
        "what": "Jointly refined ReLU composites on [-1, 1]; errors are sampled estimates",
        "command": command,
        "randomness": "none",
        "versions": dict(versions()),
        "composites": [as_record(r) for r in ordered],
    }
    shipped.write(FILE, content)


def _stored() -> list[dict[str, Any]]:
    try:
        return list(shipped.read(FILE)["composites"])
    except FileNotFoundError:
        return []


def catalogue_lists() -> list[tuple[tuple[int, ...], bool]]:
    """Degree lists with whether the offset is free, small compositions first."""
    lists: set[tuple[tuple[int, ...], bool]]
    lists = {(degrees, free) for degrees in PUBLISHED for free in (True, False)}
    lists |= {(degrees, True) for degrees in OTHERS}
    for free in (True, False):
        for bits in BITS[free]:
            for gain in GAINS[free]:
                for choice in pareto_relu(2.0 ** (gain - bits), offset=free):
                    if math.prod(choice.degrees) <= LARGEST_PRODUCT:
                        lists.add((choice.degrees, free))
    return sorted(lists, key=lambda item: (math.prod(item[0]), item))


def catalogue() -> Iterator[RefinedRelu]:
    """Refine every list of the catalogue (about half an hour on one core)."""
    for degrees, free in catalogue_lists():
        yield refine(degrees, free)


def main(arguments: list[str] | None = None) -> int:
    """Command line: refine one list, or make the catalogue again."""
    parser = argparse.ArgumentParser(prog="python -m polyapprox.composite.refine")
    parser.add_argument("--degrees", action="append", default=[], help="for example 7,7,15")
    parser.add_argument("--no-offset", action="store_true", help="keep r(0) = 0")
    parser.add_argument("--catalogue", action="store_true", help="refine all shipped lists again")
    parser.add_argument(
        "--sensitivities", action="store_true", help="measure those of the shipped lists again"
    )
    options = parser.parse_args(arguments)
    wanted = [(parse_degrees(text), not options.no_offset) for text in options.degrees]
    if options.catalogue:
        store(list(catalogue()), "python -m polyapprox.composite.refine --catalogue", fresh=True)
    elif options.sensitivities:
        measured_again()
    elif wanted:
        results = [refine(degrees, offset) for degrees, offset in wanted]
        store(results, "python -m polyapprox.composite.refine --degrees …", fresh=False)
        for result in results:
            sys.stdout.write(f"{result.degrees}: {result.bits:.4f} bits (estimate)\n")
    else:
        raise ArgumentError("nothing to do: give --degrees 7,7,15 or --catalogue")
    return 0


if __name__ == "__main__":
    sys.exit(main())
