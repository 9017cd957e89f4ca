# SPDX-License-Identifier: Apache-2.0
"""`from_components`: a table that somebody else made, certified as what it really is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ..approximation import Approximation
from ..errors import ArgumentError
from ..functions.kin import inputs_of
from ..given import exact_number, number, shown
from ..numbers import ZERO, Real, exact
from ..plan.plan import Plan
from ..polynomial import Polynomial
from ..precision import one_at_a_time
from ..proof.covered import widened
from ..proof.error_function import largest_sample
from ..proof.prove import certified
from ..provenance import Provenance, call
from ..targets import as_target
from .arguments import Parts, either, read_choice, read_parts
from .guard import DEFAULT_GUARD, read_guard
from .plans import composite_plan, composition_plan, polynomial_plan

STRUCTURES = ("composite", "composition", "polynomial")
_BY_HAND = "entered by hand"


@one_at_a_time
def from_components(
    function: str,
    components: Sequence[Polynomial],
    interval: Parts | None = None,
    *,
    domain: Parts | None = None,
    structure: str = "composite",
    offset: Real = 0,
    source: str = _BY_HAND,
    guard: float = DEFAULT_GUARD,
) -> Approximation:
    """Certify given polynomials as an approximation of a function.

    Parameters
    ----------
    function : str
        Name or expression, for a composite one of "sign", "step", "abs", "relu".
    components : sequence of Polynomial
        Innermost first.
    interval : (float, float) or list of them, optional
        Where the error is stated, [-1, 1] by default: for sign and step without the gap around 0.
    domain : the same
        The former word for `interval`.
    structure : {"composite", "composition", "polynomial"}
        "composite": r is made of the sign s = p_k ∘ … ∘ p_1 as in
        :mod:`polyapprox.structures`, for example x(1 + s(x))/2; "composition": r = s itself;
        "polynomial": r = p_1.
    offset : number
        Constant that a composite |x| or ReLU adds.
    source : str
        Where the table comes from, for the provenance.
    guard : float
        Inputs may leave the domain by so much of its larger end, and what a stage hands on may
        be off by so much (relative): the bound holds for that too. 0: for neither.

    Returns
    -------
    Approximation
        With a proven bound of what the table truly does there.

    Raises
    ------
    ArgumentError
        If structure, function and components do not fit together.
    ProofError
        If no bound can be proven.

    Examples
    --------
    >>> newton = Polynomial.from_floats([0, 1.125, 0, -0.125], parity="odd")  # (3x − x³)/2
    >>> r = from_components("sign", [newton] * 3, [(-1, -0.5), (0.5, 1)])
    >>> r.degrees, f"{r.error_bound:.2e}"
    ((3, 3, 3), '2.47e-02')
    """
    read_choice("structure", structure, STRUCTURES)
    if not isinstance(function, str):
        raise ArgumentError(f"function must be a name or an expression; got {shown(function)}")
    if not isinstance(source, str):
        raise ArgumentError(f"source must be a text; got {shown(source)}")
    components = _read_components(components)
    number("offset", offset)  # no larger than a float can be
    constant = exact_number("offset", offset)
    if not components:
        raise ArgumentError("components is empty; give at least one polynomial")
    if structure == "polynomial" and len(components) != 1:
        raise ArgumentError(f"structure='polynomial' takes one component; got {len(components)}")
    if inputs_of(function) == 2:
        raise ArgumentError(f"function={function!r} takes two arguments; enter its |x| instead")
    target = as_target(function)
    over = read_guard(guard)
    given = either("interval", interval, "domain", domain, (-1, 1))
    parts = tuple((exact(a), exact(b)) for a, b in read_parts(given))
    result = Approximation(
        function=target.name,
        domain=parts,
        structure=structure,  # type: ignore[arg-type]
        components=tuple(components),
        plan=_plan(structure, target.name, components, constant),
        offset=constant if structure == "composite" else ZERO,
        weight="1",
        error_estimate=0.0,
        certificate=None,
        margins=(),
        provenance=Provenance.of(
            _command(target.name, components, parts, structure, constant, source, float(over))
        ),
        guard=over,
        covered=widened(parts, over, target),
    )
    return certified(replace(result, error_estimate=largest_sample(result)))


def _command(
    function: str,
    components: Sequence[Polynomial],
    parts: Sequence[tuple[Any, Any]],
    structure: str,
    offset: Real,
    source: str,
    guard: float,
) -> str:
    domain = parts[0] if len(parts) == 1 else list(parts)
    left_out = {"structure": "composite", "offset": ZERO, "source": _BY_HAND, "guard": DEFAULT_GUARD}
    return call(
        "from_components", function, list(components), domain, structure=structure,
        offset=exact(offset), source=source, guard=guard, leave_out=left_out,
    )  # fmt: skip


def _read_components(components: Any) -> tuple[Polynomial, ...]:
    try:
        found = tuple(components)
    except TypeError:
        found = (None,)
    if not all(isinstance(one, Polynomial) for one in found):
        raise ArgumentError(
            f"components must be a sequence of polyapprox.Polynomial; got {shown(components)}"
        )
    if any(math.isinf(one.largest_coefficient) for one in found):
        raise ArgumentError("components has a coefficient beyond the range of floats; rescale it")
    return found


def _plan(structure: str, function: str, components: Sequence[Polynomial], offset: Any) -> Plan:
    if structure == "polynomial":
        return polynomial_plan(components[0])
    if structure == "composition":
        return composition_plan(components)
    if function not in ("sign", "step", "abs", "relu"):
        raise ArgumentError(
            f"a composite of {function!r} is not defined; use structure='composition'"
        )
    return composite_plan(function, components, offset)
