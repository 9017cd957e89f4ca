# SPDX-License-Identifier: Apache-2.0
"""What an approximation says of itself, looked at before anything is proven of it."""

from __future__ import annotations

from ..approximation import Approximation
from ..errors import ProofError
from ..numbers import ZERO, negate
from ..plan.two_arguments import is_of_difference
from ..words import counted


def check_statement(approximation: Approximation) -> None:
    """Check that the fields of an approximation fit together.

    Raises
    ------
    ProofError
        If the plan takes other arguments than the function, or is more than half their sum and a
        function of their difference; if the domain is not covered; or if components, margins,
        offset or threshold are not such as the structure has.
    """
    _check_arguments(approximation)
    _check_domain(approximation)
    _check_components(approximation)
    a = approximation
    if a.offset and not (a.structure == "composite" and a.kin is not None):
        raise ProofError(
            f"offset={float(a.offset):.6g} is stated, and a {a.structure} for {a.function!r} adds none"
        )
    if a.function in ("sign", "step") and a.threshold is not None:
        _check_threshold(a)


def _check_arguments(approximation: Approximation) -> None:
    plan, function = approximation.plan, approximation.function
    arguments = approximation.inputs
    if plan.inputs != arguments:
        raise ProofError(
            f"the plan takes {plan.inputs} argument(s) and the function {function!r} {arguments}"
        )
    if arguments == 2 and not is_of_difference(plan):
        raise ProofError(
            "the plan is not half the sum of its two arguments plus a function of their difference"
        )


def _check_domain(approximation: Approximation) -> None:
    domain, covered = approximation.domain, approximation.covered
    same = len(domain) == len(covered)
    if not same or any(
        c[0] > d[0] or c[1] < d[1] for c, d in zip(covered, domain, strict=True)
    ):
        raise ProofError("what the approximation covers does not hold its domain")


def _check_components(approximation: Approximation) -> None:
    count, structure = len(approximation.components), approximation.structure
    if structure == "circuit" and count:
        raise ProofError(f"a circuit has no components; got {count}")
    if structure in ("polynomial", "direct") and count != 1:
        raise ProofError(f"structure={structure!r} has one component; got {count}")
    if structure != "circuit" and not count:
        raise ProofError(f"structure={structure!r} has components; got none")
    margins = approximation.margins
    known = (0, count) if structure == "composite" else (0,)
    if len(margins) not in known or any(margin < 0 for margin in margins):
        raise ProofError(
            f"margins of a {structure} of {counted(count, 'component')} are numbers, {known[-1]} of them, not "
            f"negative; got {[float(margin) for margin in margins]}"
        )


def _check_threshold(approximation: Approximation) -> None:
    """Of a sign or a step it is the end of the gap around 0."""
    inner = min(a if a > 0 else negate(b) if b < 0 else ZERO for a, b in approximation.domain)
    if approximation.threshold != inner:
        raise ProofError(
            f"threshold={float(approximation.threshold or 0):.6g} is stated, but the gap of the "
            f"domain ends at {float(inner):.6g}"
        )
