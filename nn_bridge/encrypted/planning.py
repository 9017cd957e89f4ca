"""Where a run bootstraps, and at which level each layer stands: a shortest path, exact.

A ciphertext may be dropped to any lower level for nothing; so what is to be found is the level of
each layer's matrix, whether its result is refreshed, and the level that its plan starts from.
Dynamic program over the layers; its state is the level of every value that a later layer needs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..errors import ArgumentError
from .costs import Costs
from .program import Layer, Program

_REFRESHED = 2  # level of a matrix before a bootstrap, which takes one level more


@dataclass(frozen=True)
class Step:
    """One layer: level of its matrix, and from where to where its plan goes.

    Attributes
    ----------
    level : int
    bootstrap : bool
    start, end : int
        Levels of the plan's input and of its value; of the matrix's result, where there is no plan.
    """

    level: int
    bootstrap: bool
    start: int
    end: int


@dataclass(frozen=True)
class Sizes:
    """What a layer costs beside its plan: ciphertexts of its values, diagonals of its matrix."""

    ciphertexts: int
    diagonals: int


@dataclass(frozen=True)
class Placement:
    """The steps of a run, and the seconds that the model of costs gives them."""

    steps: tuple[Step, ...]
    seconds: float

    def bootstraps(self, sizes: Sequence[Sizes]) -> int:
        """How many ciphertexts are refreshed."""
        pairs = zip(self.steps, sizes, strict=True)
        return sum(one.ciphertexts for step, one in pairs if step.bootstrap)


def place(
    program: Program,
    depths: Sequence[int],
    sizes: Sequence[Sizes],
    ring: int,
    levels: int,
    costs: Costs,
    highest: int | None = None,
) -> Placement | None:
    """The cheapest steps on a chain of so many levels; None if there are none.

    Parameters
    ----------
    program : Program
    depths : sequence of int
        Levels of each layer's plan (the last layer has none: 0).
    sizes : sequence of Sizes
    ring, levels : int
    costs : Costs
    highest : int, optional
        Of the levels of matrices: those further up need larger keys of rotations.
    """
    highest = levels if highest is None else highest
    last = _last_uses(program)
    states: dict[tuple[int, ...], tuple[float, tuple[Step, ...]]] = {(levels,): (0.0, ())}
    live = [0]
    for number, layer in enumerate(program.layers, 1):
        following = [source for source in [*live, number] if last.get(source, 0) > number]
        found: dict[tuple[int, ...], tuple[float, tuple[Step, ...]]] = {}
        for known, (seconds, steps) in states.items():
            level_of = dict(zip(live, known, strict=True))
            there = min([highest, *(level_of[source] for source, _ in layer.terms)])
            for step in _steps(there, depths[number - 1], levels, layer):
                size = sizes[number - 1]
                total = seconds + _seconds(layer, step, size, ring, levels, costs)
                key = tuple({**level_of, number: step.end}[source] for source in following)
                if key not in found or total < found[key][0]:
                    found[key] = total, (*steps, step)
        states, live = found, following
    if not states:
        return None
    seconds, steps = min(states.values())
    return Placement(steps, seconds)


def best_chain(
    program: Program,
    depths: Sequence[int],
    sizes: Sequence[Sizes],
    ring: int,
    costs: Costs,
    lengths: Sequence[int] | None = None,
    highest: int | None = None,
) -> tuple[int, Placement]:
    """The chain on which the cheapest steps are cheapest.

    Raises
    ------
    ArgumentError
        If none of the lengths allows a run.
    """
    deepest = max(depths)
    lengths = range(max(2, deepest + 1), deepest + 12) if lengths is None else lengths
    made = {one: place(program, depths, sizes, ring, one, costs, highest) for one in lengths}
    good = {one: found for one, found in made.items() if found is not None}
    if not good:
        raise ArgumentError(
            f"a plan of {deepest} levels needs a chain of {deepest + 2} or more: levels is "
            f"{', '.join(map(str, lengths))}"
        )
    return min(good.items(), key=lambda one: one[1].seconds)


def _last_uses(program: Program) -> dict[int, int]:
    return {
        source: number for number, layer in enumerate(program.layers, 1) for source, _ in layer.terms
    }


def _steps(there: int, depth: int, levels: int, layer: Layer) -> Iterator[Step]:
    if layer.plan is None:
        if there >= 1:
            yield Step(1, False, 0, 0)
        return
    for level in range(depth + 2, there + 1):
        yield Step(level, False, level - 1, level - 1 - depth)
    if there >= _REFRESHED:
        for end in range(1, levels - depth + 1):
            yield Step(_REFRESHED, True, depth + end, end)


def _seconds(
    layer: Layer, step: Step, size: Sizes, ring: int, levels: int, costs: Costs
) -> float:
    found = costs.matrix(ring, size.diagonals, step.level)
    if layer.plan is not None:
        found += size.ciphertexts * costs.plan(ring, layer.plan, step.start)
    if step.bootstrap:
        found += size.ciphertexts * costs.refresh(ring, levels)
    return found
