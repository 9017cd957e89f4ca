"""Putting a long chain into the shipped file: proven by Taylor models, estimated on a graded grid."""

from __future__ import annotations

from ...errors import ProofError
from ...proof.prove import certified
from ..approximation import unproven
from ..chain import Chain
from ..library import ABSOLUTE, Shipped
from ..shape import Circuit, canonical
from .finish import largest_error
from .shelve import keep
from .shrink import shrunk
from .thin import thinned

_LARGEST_CONSTANT = 16.0


def proven_long(circuit: Circuit, origin: str) -> Shipped:
    """The circuit with the proven bound of its error for |x| on [-1, 1].

    Without the bound over the box that serves all intervals.

    Raises
    ------
    ProofError
        If no bound is found.
    """
    estimate = largest_error(circuit.chain())
    result = certified(unproven(circuit, ABSOLUTE, estimate, origin))
    return Shipped(
        circuit, estimate, result.error_bound, result.plan.digest, origin, ABSOLUTE,
        method=result.certificate.method if result.certificate else "",
    ).sealed()  # fmt: skip


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
        if thin.largest_constant > _LARGEST_CONSTANT:
            continue
        try:
            found.append(proven_long(thin, origin))
        except ProofError:
            continue
    if not found:
        raise ProofError("no form of this chain with moderate constants could be proven")
    return min(found, key=lambda shipped: shipped.bound)
