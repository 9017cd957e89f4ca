# SPDX-License-Identifier: Apache-2.0
"""Where a run bootstraps, at which level each layer stands, and which plan it gets: a shortest path.

A ciphertext may be dropped to any lower level for nothing; so what is to be found is the level of
each layer's matrix, whether its result is refreshed, and the level that its plan starts from.
Where layers have plans to choose from, each with a penalty for its error, what is least is seconds plus
weight times penalties: over all weights, the front of time against accuracy (its convex hull). Exact:
dynamic program over the layers; its state is the level of every value that a later layer needs. Where
layers need many earlier ones (channels that pass through shuffles), states are as many as would take hours:
then the cheapest of each lowest level are followed, and the placement says that it is not exact.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from polyapprox.plan import Plan
from polyapprox.plan.count import Counts, count
from polyapprox.words import counted

from ..errors import ArgumentError
from .costs import Costs, Work
from .lowering import lowered
from .program import Program

_REFRESHED = 2  # level of a matrix before a bootstrap, which takes one level more
_STATES = 256  # of one lowest level, that are followed


@dataclass(frozen=True)
class Choice:
    """A plan that a layer may get (none for the last), and the penalty of its error.

    `by_series`: the engine's own evaluation of its series is run, which rescales less.
    """

    plan: Plan | None
    penalty: float = 0.0
    by_series: bool = False

    @cached_property
    def cost(self) -> Counts | None:
        """Where the scaling of the input is folded."""
        return None if self.plan is None else count(self.plan, "published")

    @property
    def levels(self) -> int:
        """Levels."""
        return 0 if self.cost is None else self.cost.levels

    @cached_property
    def work(self) -> Work:
        """What the engine does, by levels used."""
        if self.plan is None or self.cost is None:
            return {}
        if self.by_series:
            return {("product", self.levels // 2): self.cost.multiplications}
        return lowered(self.plan).work


@dataclass(frozen=True)
class Step:
    """One layer: level of its matrix, and from where to where its plan goes.

    Attributes
    ----------
    level : int
    bootstrap : bool
    start, end : int
        Levels of the plan's input and of its value; of the matrix's result, where there is no plan.
    choice : int
        Which of the layer's plans.
    """

    level: int
    bootstrap: bool
    start: int
    end: int
    choice: int = 0


@dataclass(frozen=True)
class Sizes:
    """What a layer costs beside its plan: ciphertexts of its values, diagonals and blocks of its matrix.

    `sparse`: half of the slots are enough to bootstrap.
    """

    ciphertexts: int
    diagonals: int
    blocks: int = 1
    sparse: bool = False


@dataclass(frozen=True)
class Placement:
    """The steps of a run, the seconds that the model of costs gives them, and their penalties.

    `exact`: none are cheaper.
    """

    steps: tuple[Step, ...]
    seconds: float
    penalty: float
    exact: bool = True

    def bootstraps(self, sizes: Sequence[Sizes]) -> int:
        """How many ciphertexts are refreshed."""
        pairs = zip(self.steps, sizes, strict=True)
        return sum(one.ciphertexts for step, one in pairs if step.bootstrap)


Choices = Sequence[Sequence[Choice]]


def own_plans(program: Program) -> Choices:
    """Every layer's own plan."""
    return [[Choice(layer.plan, by_series=layer.series is not None)] for layer in program.layers]


def place(
    program: Program,
    choices: Choices,
    sizes: Sequence[Sizes],
    ring: int,
    levels: int,
    costs: Costs,
    highest: int | None = None,
    weight: float = 0.0,
) -> Placement | None:
    """The cheapest steps on a chain of so many levels; None if there are none.

    Parameters
    ----------
    program : Program
    choices : sequence of sequence of Choice
        For each layer.
    sizes : sequence of Sizes
    ring, levels : int
    costs : Costs
    highest : int, optional
        Of the levels of matrices: those further up need larger keys of rotations.
    weight : float
        Seconds that a penalty of one is worth.
    """
    highest = levels if highest is None else highest
    last = _last_uses(program)
    states: dict[tuple[int, ...], _Way] = {(levels,): (0.0, 0.0, 0.0, ())}
    live, exact = [0], True
    for number, layer in enumerate(program.layers, 1):
        following = [source for source in [*live, number] if last.get(source, 0) > number]
        found: dict[tuple[int, ...], _Way] = {}
        offered = choices[number - 1]
        steps_of = {
            level: _priced(level, offered, sizes[number - 1], ring, levels, costs)
            for level in range(highest + 1)
        }
        for known, (value, seconds, penalty, steps) in states.items():
            level_of = dict(zip(live, known, strict=True))
            there = min([highest, *(level_of[source] for source, _ in layer.terms)])
            for step, more in steps_of[there]:
                chosen = offered[step.choice]
                total = value + more + weight * chosen.penalty
                key = tuple({**level_of, number: step.end}[source] for source in following)
                if key not in found or total < found[key][0]:
                    found[key] = total, seconds + more, penalty + chosen.penalty, (*steps, step)
        states, dropped = _undominated(found)
        live, exact = following, exact and not dropped
    if not states:
        return None
    _, seconds, penalty, steps = min(states.values(), key=lambda way: way[0])
    return Placement(steps, seconds, penalty, exact)


_Way = tuple[float, float, float, tuple[Step, ...]]  # value, seconds, penalty, steps


def best_chain(
    program: Program,
    choices: Choices,
    sizes: Sequence[Sizes],
    ring: int,
    costs: Costs,
    lengths: Sequence[int],
    highest: int | None = None,
    weight: float = 0.0,
) -> tuple[int, Placement]:
    """The chain on which the cheapest steps are cheapest.

    Raises
    ------
    ArgumentError
        If none of the lengths allows a run.
    """
    made = {
        one: place(program, choices, sizes, ring, one, costs, highest, weight) for one in lengths
    }
    good = {one: found for one, found in made.items() if found is not None}
    if not good:
        deepest = max(min(one.levels for one in offered) for offered in choices)
        raise ArgumentError(
            f"a plan of {counted(deepest, 'level')} needs a chain of {deepest + 2} or more: levels is "
            f"{', '.join(map(str, lengths))}"
        )
    return min(good.items(), key=lambda one: one[1].seconds + weight * one[1].penalty)


def front(
    program: Program,
    choices: Choices,
    sizes: Sequence[Sizes],
    ring: int,
    costs: Costs,
    lengths: Sequence[int],
    weights: Sequence[float],
) -> list[tuple[int, Placement]]:
    """Chains and steps from the fastest to the most precise: one for each weight that tells apart."""
    made = [
        best_chain(program, choices, sizes, ring, costs, lengths, weight=weight)
        for weight in weights
    ]
    made.sort(key=lambda one: (one[1].seconds, one[1].penalty))
    kept: list[tuple[int, Placement]] = []
    for one in made:
        if not kept or one[1].penalty < kept[-1][1].penalty:
            kept.append(one)
    return kept


def _last_uses(program: Program) -> dict[int, int]:
    return {
        source: number for number, layer in enumerate(program.layers, 1) for source, _ in layer.terms
    }


def _undominated(found: dict[tuple[int, ...], _Way]) -> tuple[dict[tuple[int, ...], _Way], bool]:
    """Without the states that another one is at least as good as: at no lower levels for no more.

    At most `_STATES` of each lowest level; and whether there were more.
    """
    kept: dict[tuple[int, ...], _Way] = {}
    places = np.zeros((0, len(next(iter(found), ()))), np.int64)
    counts: Counter[int] = Counter()
    dropped = False
    for key, way in sorted(found.items(), key=lambda one: (one[1][0], [-k for k in one[0]])):
        if bool((places >= key).all(1).any()):
            continue
        lowest = min(key, default=0)
        if counts[lowest] == _STATES:
            dropped = True
            continue
        counts[lowest] += 1
        kept[key] = way
        places = np.vstack([places, key])
    return kept, dropped


def _priced(
    there: int, offered: Sequence[Choice], size: Sizes, ring: int, levels: int, costs: Costs
) -> list[tuple[Step, float]]:
    """The steps that a layer can take from a level, and their seconds."""
    needs = [one.levels for one in offered]
    return [
        (step, _seconds(offered[step.choice], step, size, ring, levels, costs))
        for step in _steps(there, offered, needs, levels)
    ]


def _steps(
    there: int, offered: Sequence[Choice], needs: Sequence[int], levels: int
) -> Iterator[Step]:
    for index, (choice, used) in enumerate(zip(offered, needs, strict=True)):
        if choice.plan is None:
            if there >= 1:
                yield Step(1, False, 0, 0)
            continue
        for level in range(used + 2, there + 1):
            yield Step(level, False, level - 1, level - 1 - used, index)
        if there >= _REFRESHED:
            for end in range(1, levels - used + 1):
                yield Step(_REFRESHED, True, used + end, end, index)


def _seconds(
    choice: Choice, step: Step, size: Sizes, ring: int, levels: int, costs: Costs
) -> float:
    found = costs.matrix(ring, size.diagonals, size.blocks, step.level)
    found += size.ciphertexts * costs.plan(ring, choice.work, step.start)
    if step.bootstrap:
        found += size.ciphertexts * costs.refresh(ring, levels, size.sparse)
    return found
