"""A circuit that is searched for now, from nothing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import mpmath

from ..approximation import Approximation
from ..circuits.approximation import sampled_error, unproven
from ..circuits.problem import problem_for
from ..errors import ArgumentError
from ..numbers import ZERO
from ..proof.prove import certified
from .from_library import sign_of_constants, with_guard

if TYPE_CHECKING:
    from ..circuits.search.runner import Runner


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

    Raises
    ------
    ArgumentError, ProofError
    """
    from ..circuits.search.rounds import Settings, search as run
    from ..circuits.search.runner import serial
    from ..circuits.search.shelve import neat, write_circuit

    width = interval[1] if function == "sign" else 1.0
    problem = problem_for(function, (interval[0] / width, interval[1] / width), weight)
    least = multiplications - problem.nodes(multiplications) + 2
    if multiplications < least:
        raise ArgumentError(
            f"multiplications must be a whole number from {least} on in a search for "
            f"{function!r}; got {multiplications}"
        )
    settings = Settings(problem.nodes(multiplications), starts, beam, finalists, seed)
    *_, last = run(
        settings, record, grid=problem.grid, target=problem.name, engine="smooth",
        runner=runner or serial,
    )  # fmt: skip
    found = neat(last.best.chain, problem)
    if keep is not None:
        write_circuit(keep, found, command, problem)
    estimate = sampled_error(found, problem)
    if function == "sign":
        return sign_of_constants(
            found, estimate, problem.interval[0], width, command, guard
        )
    return certified(with_guard(unproven(found, problem, estimate, command), guard))
