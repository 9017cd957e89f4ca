# SPDX-License-Identifier: Apache-2.0
"""Making the shipped files: circuits are proven, and kept where they are better than before."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ...errors import ArgumentError, ProofError
from ...files import write_atomically
from ...proof.prove import certified
from ..approximation import sampled_error, unproven
from ..chain import Chain
from ..library import ABSOLUTE, FILES, FOLDER, Shipped, library_text, read_circuits
from ..problem import Problem
from ..scaled import bound_of_circuit
from ..shape import Circuit, canonical
from .finish import largest_error
from .shrink import shrunk
from .thin import thinned

_POINTS_PER_DEGREE = 16
_SAME = 1e-7
_WEAKER = 1.01  # a bound over the box that much above that of the plan is not kept
_WORSE = 1.005  # what other constants may add to the error, by rounding
_LEAST_BITS, _LARGEST_SHIPPED = 1.0, 1024.0
_LARGE = {"even": 16.0, "odd": 16.0, "general": 8.0}  # general chains are not thinned


def estimated_error(circuit: Circuit, threshold: float = 0.0) -> float:
    """Largest sampled error (an estimate) of |x|, or of the sign from the threshold on."""
    count = max(1 << 15, _POINTS_PER_DEGREE * circuit.degree)
    sines = np.sin(np.arange(count + 1) * (np.pi / (2 * count)))
    if circuit.family == "odd":
        x = threshold + (1 - threshold) * sines**2
        return float(np.max(np.abs(circuit(x) - 1)))
    return float(np.max(np.abs(circuit(sines) - sines)))


def proven(
    circuit: Circuit, origin: str, problem: Problem = ABSOLUTE, long: bool = False
) -> Shipped:
    """The circuit with the proven bound of its error.

    Parameters
    ----------
    circuit : Circuit
    origin : str
        The command that finds it.
    problem : Problem
        By default |x| on [-1, 1].
    long : bool
        Of a high degree: the estimate is that of a graded grid, and the bound over the box that serves all
        intervals is left out.

    Raises
    ------
    ProofError
        If no bound is found.
    """
    if long:
        estimate = largest_error(circuit.chain())
    elif problem.function == "abs":
        estimate = estimated_error(circuit)
    else:
        estimate = sampled_error(circuit, problem)
    result = certified(unproven(circuit, problem, estimate, origin))
    bound, box = result.error_bound, None
    if not long and problem.function in ("abs", "sign") and len(circuit.output) > 2:
        found = bound_of_circuit(circuit, max(problem.interval[0], 0.0)).upper
        box = found if found <= _WEAKER * bound else None
    return Shipped(
        circuit, estimate, bound, result.plan.digest, origin, problem, box,
        method=result.certificate.method if result.certificate else "",
    ).sealed()  # fmt: skip


def neat(chain: Chain, problem: Problem) -> Circuit:
    """A chain in its canonical form, thinned; where constants stay large, shrunk instead."""
    dense = canonical(chain, problem.family)
    allowed = _WORSE * sampled_error(dense, problem)
    try:
        thin = thinned(dense)
    except ArgumentError:
        thin = dense
    if thin.largest_constant <= _LARGE[problem.family] and sampled_error(thin, problem) <= allowed:
        return thin
    small = shrunk(dense)
    return small if sampled_error(small, problem) <= allowed else dense


def keep(found: Shipped) -> Shipped | None:
    """Put a proven circuit into the shipped file of its function, if its bound is the least there.

    Signs of less than a bit and circuits with constants above 1024 are not kept.

    Returns
    -------
    Shipped or None
        None if the file holds one that is as good, or the circuit is not worth it.

    Raises
    ------
    ArgumentError
        If the package ships no file for the function.
    """
    function = found.problem.function
    if function not in FILES:
        raise ArgumentError(f"there is no file of circuits for {function!r}")
    useless = function == "sign" and found.bits < _LEAST_BITS
    if useless or found.circuit.largest_constant > _LARGEST_SHIPPED:
        return None
    path = FOLDER / FILES[function]
    known = {_place(one): one for one in read_circuits(path)}
    before = known.get(_place(found))
    if before is not None and before.bound <= found.bound * (1 + _SAME):
        return None
    known[_place(found)] = found
    write_atomically(path, library_text(tuple(known.values())).encode())
    return found


def write_circuits(path: Path, circuits: Sequence[tuple[Circuit, Problem]], origin: str) -> None:
    """Prove circuits of a function and write a file of the library's form, for ``circuits keep``."""
    made = tuple(proven(circuit, origin, problem) for circuit, problem in circuits)
    write_atomically(path, library_text(made).encode())


def kept(path: Path) -> list[tuple[Shipped, bool]]:
    """The circuits of a file, each proven again, and whether the library took them.

    Raises
    ------
    ArgumentError, ProofError, TableError
    """
    given = read_circuits(path)
    if not given:
        lacks = "holds no circuits" if path.exists() else "does not exist"
        raise ArgumentError(f"{path} {lacks}; give a file that `circuits search` wrote")
    again = [proven(one.circuit, one.origin, one.problem) for one in given]
    return [(one, keep(one) is not None) for one in again]


def _place(one: Shipped) -> tuple[object, ...]:
    """What only one circuit of a file is for."""
    return one.problem.interval, one.problem.weight, one.multiplications


def add_long(chain: Chain, origin: str) -> Shipped | None:
    """Thin a chain for |x| and put it into the shipped file if its proven bound is the least.

    Constants are made small before they are made zero: fits leave them anywhere along the
    directions that do not matter.

    Returns
    -------
    Shipped or None
        None if the file holds one that is as good.
    """
    dense = canonical(chain, "even")
    return keep(_better(shrunk(dense), dense, origin))


def _better(one: Circuit, other: Circuit, origin: str) -> Shipped:
    """The one of the two that is proven to err less once it is thinned.

    The same function in other constants rounds otherwise: what the proof has to allow for
    rounding may differ by orders of magnitude.
    """
    found: list[Shipped] = []
    for circuit in (one, other):
        thin = thinned(circuit)
        if thin.largest_constant > _LARGE["even"]:
            continue
        try:
            found.append(proven(thin, origin, long=True))
        except ProofError:
            continue
    if not found:
        raise ProofError("no form of this chain with moderate constants could be proven")
    return min(found, key=lambda shipped: shipped.bound)
