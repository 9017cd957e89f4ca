"""Making the shipped file: circuits are proven, and kept where they are better than before."""

from __future__ import annotations

import numpy as np

from ..approximation import Approximation
from ..numbers import ZERO, exact
from ..proof.prove import certified
from ..provenance import Provenance
from ..table.atomic import write_atomically
from .library import FILE, Shipped, library_text, read_library
from .plan import circuit_plan
from .shape import Circuit
from .thin import thinned

_POINTS_PER_DEGREE = 16
_SAME = 1e-7


def estimated_error(circuit: Circuit, threshold: float = 0.0) -> float:
    """Largest sampled error (an estimate) of |x|, or of the sign from the threshold on."""
    count = max(1 << 15, _POINTS_PER_DEGREE * circuit.degree)
    sines = np.sin(np.arange(count + 1) * (np.pi / (2 * count)))
    if circuit.family == "odd":
        x = threshold + (1 - threshold) * sines**2
        return float(np.max(np.abs(circuit(x) - 1)))
    return float(np.max(np.abs(circuit(sines) - sines)))


def proven(circuit: Circuit, origin: str) -> Shipped:
    """The circuit with the proven bound of its error for |x| on [-1, 1].

    Raises
    ------
    ProofError
        If no bound is found.
    """
    estimate = estimated_error(circuit)
    unproven = Approximation(
        function="abs",
        domain=((exact(-1), exact(1)),),
        structure="circuit",
        components=(),
        plan=circuit_plan(circuit, "abs", 1.0),
        offset=ZERO,
        weight="1",
        error_estimate=estimate,
        certificate=None,
        margins=(),
        provenance=Provenance.of(origin),
    )
    bound = certified(unproven).error_bound
    return Shipped(circuit, estimate, bound, unproven.plan.digest, origin)


def add_to_library(circuit: Circuit, origin: str) -> Shipped | None:
    """Thin a circuit and put it into the shipped file if its proven bound is the least.

    Returns
    -------
    Shipped or None
        None if the file holds one that is as good.
    """
    found = proven(thinned(circuit), origin)
    known = read_library(FILE)
    before = known.get(circuit.multiplications)
    if before is not None and before.bound <= found.bound * (1 + _SAME):
        return None
    known[circuit.multiplications] = found
    write_atomically(FILE, library_text(known).encode())
    return found
