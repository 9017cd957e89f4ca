# SPDX-License-Identifier: Apache-2.0
"""Circuits of the library as approximations, with the certificate that it holds; those of the sign."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import mpmath

from ..approximation import Approximation
from ..certificate import Certificate
from ..circuits.library import Shipped, shipped_for
from ..circuits.plan import circuit_plan
from ..circuits.scaled import scaled_bound
from ..circuits.shape import Circuit
from ..numbers import ZERO, exact, multiply, negate
from ..proof.by_sampling import SAMPLING
from ..proof.competitors import lower_bound
from ..proof.covered import reach, widened
from ..proof.prove import certified
from ..proof.study import one_argument_function
from ..provenance import Provenance
from ..targets import as_target


def with_guard(approximation: Approximation, guard: mpmath.mpf) -> Approximation:
    """The approximation, not yet proven, with its guard and what it then covers."""
    target = as_target(approximation.function)
    weight = None if approximation.weight == "1" else as_target(approximation.weight)
    covered = widened(approximation.domain, guard, target, weight)
    return replace(approximation, guard=guard, covered=covered)


def certified_by_library(
    approximation: Approximation, one: Shipped, width: float
) -> Approximation:
    """With the certificate that the library holds; proven now where nothing matches.

    Parameters
    ----------
    approximation : Approximation
        Made from that circuit.
    one : Shipped
    width : float
        W, of |x| and the sign.
    """
    function = approximation.function
    upper, method = None, one.method
    if one.intact:
        same = approximation.plan.digest == one.digest and function == one.problem.function
        if same and approximation.covered == approximation.domain:
            upper = exact(one.bound)
        elif one.box is not None and _boxed(approximation, one, width):
            upper, method = scaled_bound(one.circuit, one.box, function, width), SAMPLING
    if upper is None or not method:
        return certified(approximation)
    target = as_target(one_argument_function(function))
    lower, lower_for = lower_bound(approximation, target, None, ())
    details: dict[str, object] = {"degree": one.circuit.degree, "circuit": one.seal}
    return replace(
        approximation, certificate=Certificate(upper, lower, lower_for, method, details)
    )


def _boxed(approximation: Approximation, one: Shipped, width: float) -> bool:
    """Whether the bound over the box is about all that is covered."""
    if one.problem.function != "sign":
        return one.problem.function == "abs"
    low, high = approximation.covered[-1]
    threshold = exact(one.problem.interval[0])
    return bool(high <= width and low >= multiply(threshold, exact(width)))


def shipped_sign(m: int, low: float, high: float) -> Shipped | None:
    """The circuit for the largest shipped threshold that is not above low/high."""
    found = [
        one for one in shipped_for("sign")
        if one.multiplications == m and Fraction(one.problem.interval[0]) * Fraction(high)
        <= Fraction(low)
    ]  # fmt: skip
    return max(found, key=lambda one: one.problem.interval[0], default=None)


def sign_of_library(
    one: Shipped, width: float, threshold: float, command: str, proving: bool, guard: mpmath.mpf
) -> Approximation:
    result = _unproven_sign(one.circuit, one.estimate, threshold, width, command, guard)
    scaled_to = reach(result.covered)
    return certified(result) if proving else certified_by_library(result, one, scaled_to)


def sign_of_constants(
    circuit: Circuit,
    unit_estimate: float,
    threshold: float,
    width: float,
    command: str,
    guard: mpmath.mpf = ZERO,
) -> Approximation:
    """An odd circuit for the sign on [-W, -τW] and [τW, W], with a proven error.

    Parameters
    ----------
    circuit : Circuit
        Of the family "odd".
    unit_estimate : float
        Largest sampled error.
    threshold : float
        τ.
    width : float
        W.
    command : str
        What made the circuit, for the provenance.
    guard : mpmath.mpf
        By how much of W inputs may leave the two intervals.

    Raises
    ------
    ProofError
        If no bound is found.
    """
    return certified(_unproven_sign(circuit, unit_estimate, threshold, width, command, guard))


def _unproven_sign(
    circuit: Circuit,
    unit_estimate: float,
    threshold: float,
    width: float,
    command: str,
    guard: mpmath.mpf,
) -> Approximation:
    low, high = exact(threshold * width), exact(width)
    domain = ((negate(high), negate(low)), (low, high))
    covered = widened(domain, guard, as_target("sign"))
    return Approximation(
        function="sign",
        domain=domain,
        structure="circuit",
        components=(),
        plan=circuit_plan(circuit, "sign", reach(covered)),
        offset=ZERO,
        weight="1",
        error_estimate=unit_estimate,
        certificate=None,
        margins=(),
        provenance=Provenance.of(command),
        threshold=low,
        guard=guard,
        covered=covered,
    )
