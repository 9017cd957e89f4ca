# SPDX-License-Identifier: Apache-2.0
"""Search for long chains for |x|: many short trials, and ever longer fits of ever fewer.

The stages are those of :mod:`polyapprox.circuits.search.rounds`, on graded grids. What tells good chains
from bad ones there is not the short trial but hundreds of steps after it, along narrow valleys:
the trials of a round are ranked again and again, and half of them goes on each time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..chain import Chain, Grid, pack, unpack
from .finish import finished
from .fit import Fit
from .graded import Values, graded_grid
from .grow import Candidate, attempt, best_of, deleted, longer
from .rounds import Record

_DENSITY = 2
_SHORT = 30  # steps of a trial
_HEATS = ((16, 60), (8, 150), (5, 300))  # so many go on for so many steps


@dataclass(frozen=True)
class DenseSettings:
    """What a search of long chains does.

    Attributes
    ----------
    first, last : int
        Stages: multiplications.
    starts : int
        Trials of each of the two rounds of a stage.
    finalists : int
        Chains a stage that are fitted to the end.
    seed : int
    """

    first: int
    last: int
    starts: int = 40
    finalists: int = 2
    seed: int = 0


@dataclass(frozen=True)
class DenseStage:
    """The best chain of a stage, fitted to the end, and the beam, fitted at p = 8."""

    multiplications: int
    best: Fit
    beam: tuple[Candidate, ...]


def dense_search(
    settings: DenseSettings,
    known: dict[int, list[Chain]],
    record: Path | None = None,
    value: Values | None = None,
    target: str = "long chains",
) -> Iterator[DenseStage]:
    """Search stage by stage; with the same record it goes on where it was.

    Parameters
    ----------
    settings : DenseSettings
    known : dict of int to list of Chain
        Chains of `first` − 1 multiplications, and any of later stages.
    record : Path, optional
        File of JSON lines.
    value : callable, optional
        The function in place of |x|, as of :func:`polyapprox.circuits.search.graded.at_angles`.
    target : str
        Its name, for the record.
    """
    header: dict[str, Any] = {
        "search": target,
        **asdict(settings),
        "known": {str(m): [pack(c).tolist() for c in chains] for m, chains in known.items()},
    }
    book = Record(record, header)
    try:
        parents: Sequence[Candidate] = [
            Candidate(c, 1.0) for c in known.get(settings.first - 1, [])
        ]
        for m in range(settings.first, settings.last + 1):
            stage = _Stage(settings, m, book, value).run(parents, known.get(m, []))
            parents = stage.beam
            yield stage
    finally:
        book.close()


class _Stage:
    def __init__(
        self, settings: DenseSettings, m: int, book: Record, value: Values | None
    ) -> None:
        self.settings, self.m, self.book, self.value = settings, m, book, value
        self.grid: Grid = graded_grid(m, _DENSITY, value)

    def run(self, parents: Sequence[Candidate], known: Sequence[Chain]) -> DenseStage:
        grown = self.trials("grown", parents) if parents else []
        given = [Candidate(chain, 1.0) for chain in known]
        given = [self.on_record(f"given {k}", self.longer(c, 100)) for k, c in enumerate(given)]
        pool = self.heats("grown", grown + given)
        exchanged = self.trials("exchanged", pool)
        beam = self.heats("exchanged", exchanged + pool)
        ends = [
            self.on_record(f"ended {k}", self.ended(one))
            for k, one in enumerate(beam[: self.settings.finalists])
        ]
        best = min(ends, key=lambda one: one.norm)
        return DenseStage(self.m, Fit(best.chain, best.norm), tuple(beam))

    def on_record(self, name: str, compute: Callable[[], Candidate]) -> Candidate:
        def plain() -> list[Any]:
            found = compute()
            return [found.norm, pack(found.chain).tolist()]

        norm, constants = self.book.remembered(f"{self.m}/{name}", plain)
        return Candidate(unpack(np.array(constants), self.m), norm)

    def trials(self, word: str, parents: Sequence[Candidate]) -> list[Candidate]:
        return [
            self.on_record(f"{word} {n}", self.trial(word, n, parents[n % len(parents)].chain))
            for n in range(self.settings.starts)
        ]

    def trial(self, word: str, number: int, parent: Chain) -> Callable[[], Candidate]:
        def compute() -> Candidate:
            rng = np.random.default_rng([self.settings.seed, self.m, number, len(word)])
            chain = parent
            if chain.multiplications == self.m:
                chain = deleted(chain, int(rng.integers(2, self.m + 1)))
            return attempt(chain, self.grid, rng, _SHORT)

        return compute

    def longer(self, one: Candidate, steps: int) -> Callable[[], Candidate]:
        return lambda: longer(one, self.grid, steps)

    def ended(self, one: Candidate) -> Callable[[], Candidate]:
        def compute() -> Candidate:
            found = finished(one.chain, value=self.value)
            return Candidate(found.chain, found.largest)

        return compute

    def heats(self, word: str, found: Sequence[Candidate]) -> list[Candidate]:
        """Fewer and fewer go on, for longer and longer."""
        kept = list(found)
        for number, (few, steps) in enumerate(_HEATS):
            kept = [
                self.on_record(f"{word} heat {number} {k}", self.longer(one, steps))
                for k, one in enumerate(best_of(kept, few))
            ]
        return best_of(kept, _HEATS[-1][0])
