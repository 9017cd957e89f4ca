# SPDX-License-Identifier: Apache-2.0
"""A circuit that is searched for now, from nothing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import mpmath

from ..approximation import Approximation
from ..circuits.approximation import sampled_error, unproven
from ..circuits.chain import Chain
from ..circuits.library import read_circuits
from ..circuits.problem import Problem, problem_for
from ..errors import ArgumentError
from ..given import number
from ..numbers import ZERO
from ..proof.prove import certified
from .from_library import sign_of_constants, with_guard

if TYPE_CHECKING:
    from ..circuits.search.runner import Runner

_SHORT = 1  # stages whose circuits are not kept


def searched(
    function: str,
    multiplications: int,
    interval: tuple[float, float],
    *,
    starts: int,
    seed: int,
    command: str,
    beam: int = 6,
    finalists: int = 2,
    record: Path | None = None,
    runner: Runner | None = None,
    guard: mpmath.mpf = ZERO,
    weight: str = "1",
    keep: Path | None = None,
    widening: float = 1.0,
    known: Path | None = None,
    every_stage: bool = False,
) -> Approximation:
    """A circuit found by a search from nothing, proven.

    Parameters
    ----------
    function : str
        "abs", "sign" (the interval is then (τW, W)), or an expression.
    multiplications : int
    interval : (float, float)
    starts, beam, finalists, seed : int
        See :class:`polyapprox.circuits.search.rounds.Settings`.
    command : str
        For the provenance.
    record : Path, optional
        File of JSON lines to go on from and to write.
    runner : callable, optional
        See :mod:`polyapprox.circuits.search.runner`.
    guard : mpmath.mpf
        By how much of the larger end inputs may leave the interval.
    weight : str
        Expression of the weight of the error.
    keep : Path, optional
        File to write the constants to, for ``polyapprox circuits keep``.
    widening : float
        Each stage's interval is so many times wider than that of the stage before; the last is the
        one asked for.
    known : Path, optional
        File of circuits (as `keep` writes it) of the function's family, for any interval: those of
        fewer or as many multiplications join the search.
    every_stage : bool
        Keep the circuits of the stages before, of fewer multiplications, too (but the first).

    Raises
    ------
    ArgumentError, ProofError
    """
    from ..circuits.search.rounds import Settings, search as run
    from ..circuits.search.runner import serial
    from ..circuits.search.shelve import neat, write_circuits

    width = interval[1] if function == "sign" else 1.0
    problem = problem_for(function, (interval[0] / width, interval[1] / width), weight)
    least = multiplications - problem.nodes(multiplications) + 2
    if multiplications < least:
        raise ArgumentError(
            f"multiplications must be a whole number from {least} on in a search for "
            f"{function!r}; got {multiplications}"
        )
    if not 1 <= number("widening", widening) <= 16:
        raise ArgumentError(f"widening must be from 1 to 16; got {widening:g}")
    if function == "sign" and widening != 1:
        raise ArgumentError("the sign is searched for on one interval: leave out widening")
    settings = Settings(problem.nodes(multiplications), starts, beam, finalists, seed)

    def at(nodes: int) -> Problem:
        ratio = widening ** (settings.multiplications - nodes)
        return problem if ratio == 1 else problem.narrower(ratio)

    widened = "" if widening == 1 else f", widened {widening:g} times a stage"
    ended = run(
        settings, record, _chains(known, problem.family), lambda nodes, density: at(nodes).grid(nodes, density),
        problem.name + widened, "smooth", runner or serial,
    )  # fmt: skip
    stages = [(at(stage.multiplications), stage.best.chain) for stage in ended]
    found = neat(stages[-1][1], problem)
    if keep is not None:
        before = [(neat(chain, there), there) for there, chain in stages[_SHORT:-1]] if every_stage else []
        write_circuits(keep, [*before, (found, problem)], command)
    estimate = sampled_error(found, problem)
    if function == "sign":
        return sign_of_constants(
            found, estimate, problem.interval[0], width, command, guard
        )
    return certified(with_guard(unproven(found, problem, estimate, command), guard))


def _chains(path: Path | None, family: str) -> dict[int, list[Chain]]:
    """The chains of a file, by their nodes."""
    found: dict[int, list[Chain]] = {}
    if path is None:
        return found
    given = read_circuits(path)
    fitting = [one.circuit.chain() for one in given if one.circuit.family == family]
    if not fitting:
        raise ArgumentError(f"{path} holds no circuit of the family {family!r}, which is searched for")
    for chain in fitting:
        found.setdefault(chain.multiplications, []).append(chain)
    return found
