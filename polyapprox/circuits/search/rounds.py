# SPDX-License-Identifier: Apache-2.0
"""Search for a circuit: rounds of growing and of exchanging nodes, on record from trial to trial.

Stage by stage, m = 2, 3, …: every trial puts a node into one of the best chains of the stage
before; a second round takes a node out of the best chains found and puts one in elsewhere; the
best get more steps, and the finalists everything. Each trial has its own random numbers, made
from the seed, the stage and its place, so the same seed finds the same circuit whether the search
was interrupted or not. Every result is a line of the record: a search that is started again with
the same record goes on after the last whole line.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from ...errors import ArgumentError
from ...given import whole
from ..chain import Chain, Grid, absolute_grid, pack, unpack
from . import grow, smooth
from .fit import Fit
from .grow import Candidate, best_of, deleted
from .polish import level, polish
from .runner import Runner, Task, serial

_COARSE, _FINE = 4, 16  # grid points: so many times 2^m
_MANY = 13  # from so many multiplications on the coarse grid has half as many
_MOST = 20


@dataclass(frozen=True)
class Engine:
    """How chains are fitted: :mod:`polyapprox.circuits.search.grow` or :mod:`polyapprox.circuits.search.smooth`.

    Attributes
    ----------
    attempt, longer, finish : callable
        As there.
    polish : callable
        What alone is done to the ends of known chains.
    short, long, last : int
        Steps of a trial, of a chain that is kept, and of a finalist.
    """

    attempt: Callable[[Chain, Grid, np.random.Generator, int], Candidate]
    longer: Callable[[Candidate, Grid, int], Candidate]
    finish: Callable[[Chain, Grid, int], Fit]
    polish: Callable[[Chain, Grid, int], Fit]
    short: int
    long: int
    last: int


ABSOLUTE = Engine(grow.attempt, grow.longer, grow.finish, polish, 30, 60, 60)
SMOOTH = Engine(smooth.attempt, smooth.longer, smooth.finish, level, 60, 200, 60)
ENGINES = {"absolute": ABSOLUTE, "smooth": SMOOTH}


@dataclass(frozen=True)
class Settings:
    """What a search does; its results depend on nothing else.

    Attributes
    ----------
    multiplications : int
        m of the last stage.
    starts : int
        Trials a stage (fewer for the first three).
    beam : int
        Chains kept from stage to stage.
    finalists : int
        Chains a stage that are fitted to the end.
    seed : int
    first : int
        Stage to begin with, from the chains given for it and for the one before.
    """

    multiplications: int
    starts: int = 200
    beam: int = 8
    finalists: int = 3
    seed: int = 0
    first: int = 2

    def __post_init__(self) -> None:
        least = {"multiplications": 2, "starts": 2, "beam": 1, "finalists": 1, "seed": 0, "first": 2}
        for name, low in least.items():
            value = getattr(self, name)
            whole(name, value, least=low)
        if self.multiplications > _MOST:
            raise ArgumentError(
                f"multiplications must be at most {_MOST} in a search; got {self.multiplications}"
            )


class Record:
    """Results by name, kept in a file of JSON lines (or in memory only)."""

    def __init__(self, path: Path | None, header: dict[str, Any]) -> None:
        self.known: dict[str, Any] = {}
        self.stream: TextIO | None = None
        if path is None:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        whole = self._read(path, header) if path.exists() else 0
        self.stream = path.open("r+" if path.exists() else "w", encoding="utf-8")
        self.stream.truncate(whole)
        self.stream.seek(whole)
        if not whole:
            self._write(header)

    def _read(self, path: Path, header: dict[str, Any]) -> int:
        """Take over the whole lines; their length in bytes."""
        whole = 0
        for number, line in enumerate(path.read_bytes().splitlines(keepends=True)):
            try:
                content = json.loads(line) if line.endswith(b"\n") else None
            except ValueError:
                content = None
            if not isinstance(content, dict):
                break
            if number == 0 and content != header:
                raise ArgumentError(
                    f"the record {path} is of another search ({content}); give another file"
                )
            if number:
                self.known[content["name"]] = content["value"]
            whole += len(line)
        return whole

    def _write(self, content: dict[str, Any]) -> None:
        if self.stream is not None:
            self.stream.write(json.dumps(content) + "\n")
            self.stream.flush()
            os.fsync(self.stream.fileno())

    def remembered(self, name: str, compute: Callable[[], Any]) -> Any:
        """The value of that name: from the record, or computed and written."""
        if name not in self.known:
            self.keep(name, compute())
        return self.known[name]

    def keep(self, name: str, value: Any) -> None:
        """Write a value."""
        self.known[name] = value
        self._write({"name": name, "value": value})

    def remembered_all(
        self, names: Sequence[str], tasks: Sequence[Task], runner: Runner
    ) -> list[Any]:
        """The values of many independent tasks, written one by one as they end, in order."""
        missing = [k for k, name in enumerate(names) if name not in self.known]
        for k, value in zip(missing, runner([tasks[k] for k in missing]), strict=True):
            self.keep(names[k], value)
        return [self.known[name] for name in names]

    def close(self) -> None:
        """Close the file."""
        if self.stream is not None:
            self.stream.close()


@dataclass(frozen=True)
class Stage:
    """What a stage found: its best chain, and the beam it hands on."""

    multiplications: int
    best: Fit
    beam: tuple[Candidate, ...]


def search(
    settings: Settings,
    record: Path | None = None,
    known: dict[int, list[Chain]] | None = None,
    grid: Callable[[int, int], Grid] = absolute_grid,
    target: str = "abs",
    engine: str = "absolute",
    runner: Runner = serial,
) -> Iterator[Stage]:
    """Search stage by stage.

    Parameters
    ----------
    settings : Settings
    record : Path, optional
        File of JSON lines to go on from and to write.
    known : dict, optional
        Chains already known, by multiplications; they join the beam of their stage.
    grid : callable
        Makes the grid from m and a density.
    target : str
        Name of what `grid` holds, for the record.
    engine : {"absolute", "smooth"}
        How chains are fitted: by normal equations, or by orthogonal factors for smooth functions
        and the sign.
    runner : callable
        What runs the trials, see :mod:`polyapprox.circuits.search.runner`; the result is the same.

    Yields
    ------
    Stage

    Examples
    --------
    >>> *_, last = search(Settings(3, starts=8, beam=2, finalists=1))
    >>> bool(last.best.largest < 0.035)
    True
    """
    known = known or {}
    if settings.first > 2 and not known.get(settings.first - 1):
        raise ArgumentError(
            f"first={settings.first} needs known chains of {settings.first - 1} multiplications"
        )
    header = {
        "search": target,
        **asdict(settings),
        "known": {str(m): [pack(c).tolist() for c in chains] for m, chains in known.items()},
    }
    book = Record(record, header)
    try:
        beam: tuple[Candidate, ...] = (Candidate(_first(grid), 1.0),)
        if settings.first > 2:
            before = known[settings.first - 1]
            beam = tuple(Candidate(chain, 1.0) for chain in before)
        for m in range(settings.first, settings.multiplications + 1):
            stage = _stage(settings, m, beam, known.get(m, []), book, grid, engine, runner)
            beam = stage.beam
            yield stage
    finally:
        book.close()


def _first(grid: Callable[[int, int], Grid]) -> Chain:
    """The one-multiplication chain with the least mean square error."""
    points = grid(1, 64)
    factor = 1.0 if points.factor is None else points.factor
    rows = np.stack([np.ones_like(points.first) * factor, points.first * factor], axis=1)
    output, *_ = np.linalg.lstsq(rows, points.target, rcond=None)
    return Chain(np.zeros((2, 2)), np.zeros((2, 2)), output)


def _stage(
    settings: Settings,
    m: int,
    parents: tuple[Candidate, ...],
    known: list[Chain],
    book: Record,
    grid: Callable[[int, int], Grid],
    engine: str,
    runner: Runner,
) -> Stage:
    coarse, fine = grid(m, _COARSE if m < _MANY else _COARSE // 2), grid(m, _FINE)
    starts = min(settings.starts, 8 << 2 * (m - 2))  # short chains end alike
    half = starts // 2

    def candidates(names: Sequence[str], tasks: Sequence[Task]) -> list[Candidate]:
        values = book.remembered_all([f"{m}/{name}" for name in names], tasks, runner)
        return [Candidate(unpack(np.array(constants), m), size) for size, constants in values]

    def trials(word: str, numbers: range, chains: Sequence[Candidate]) -> list[Candidate]:
        tasks: list[Task] = [
            (_trial, (engine, chains[n % len(chains)].chain, coarse, [settings.seed, m, n]))
            for n in numbers
        ]
        return candidates([f"{word} {n}" for n in numbers], tasks)

    def each(word: str, function: Callable[..., Any], chains: Sequence[Chain], points: Grid) -> list[Candidate]:
        names = [f"{word} {k}" for k in range(len(chains))]
        return candidates(names, [(function, (engine, chain, points)) for chain in chains])

    found = each("given", _longer, known, coarse)
    found += trials("grown", range(half), parents)
    pool = best_of(found, settings.beam)
    found += trials("exchanged", range(half, starts), pool)
    kept = [one.chain for one in best_of(found, 2 * settings.beam)]
    beam = best_of(each("longer", _longer, kept, coarse), settings.beam)
    finalists = [one.chain for one in beam[: settings.finalists]]
    ended = each("ended", _ended, finalists, fine) + each("polished", _polished, known, fine)
    best = min(ended, key=lambda one: one.norm)
    return Stage(m, Fit(best.chain, best.norm), tuple(beam))


def _plain(candidate: Candidate) -> list[Any]:
    return [candidate.norm, pack(candidate.chain).tolist()]


def _trial(engine: str, chain: Chain, grid: Grid, seed: list[int]) -> list[Any]:
    rng, used = np.random.default_rng(seed), ENGINES[engine]
    m = seed[1]
    if chain.multiplications == m:
        chain = deleted(chain, int(rng.integers(2, m + 1)))
    return _plain(used.attempt(chain, grid, rng, used.short))


def _longer(engine: str, chain: Chain, grid: Grid) -> list[Any]:
    used = ENGINES[engine]
    return _plain(used.longer(Candidate(chain, 1.0), grid, used.long))


def _ended(engine: str, chain: Chain, grid: Grid) -> list[Any]:
    """The end of a chain; in place of the norm, its largest error on the fine grid."""
    used = ENGINES[engine]
    found = used.finish(chain, grid, used.last)
    return _plain(Candidate(found.chain, found.largest))


def _polished(engine: str, chain: Chain, grid: Grid) -> list[Any]:
    used = ENGINES[engine]
    found = used.polish(chain, grid, used.last)
    return _plain(Candidate(found.chain, found.largest))
