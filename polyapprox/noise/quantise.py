# SPDX-License-Identifier: Apache-2.0
"""An approximation whose constants are rounded to the scale, proven again.

What is proven is proven of the rounded plan, not of the original with something added:

==============================  ============================================================
what                            how the rounded plan is proven
==============================  ============================================================
piecewise polynomial target     on the rounded plan itself, as for any circuit
one polynomial, smooth target   the rounded plan is expanded into Chebyshev coefficients of
                                400 bits, which are proven by Taylor balls
composites of a degree above    the rounded stages are expanded the same way, and proven stage
20,000                          by stage
==============================  ============================================================
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np

from ..approximation import Approximation
from ..errors import ProofError
from ..given import instance
from ..numbers import ZERO
from ..precision import one_at_a_time
from ..proof.error_function import ErrorFunction, error_function
from ..proof.prove import certified
from ..provenance import Provenance, inside
from ..structures import total_degree
from ..verification import stored_reference
from .expansion import expanded
from .rounding import quantised_plan, rounding_errors
from .stages import staged

_LARGEST_SAMPLED = 20_000  # beyond, the stages of a composite are proven faster than the whole
_LARGEST_WHOLE = 1 << 19
_POINTS = 1 << 13
_POINTS_PER_DEGREE = 16
_MOST_POINTS = 1 << 18
_FLOATS_END = 1e-11
_FEW = 1 << 10
_ACCURATE_BITS = 400


@one_at_a_time
def quantise(approximation: Approximation, scale_bits: int) -> Approximation:
    """Round the constants to multiples of 2^-scale_bits and prove the bound of what results.

    Parameters
    ----------
    approximation : Approximation
        Of a function that is an expression (not a callable).
    scale_bits : int
        log2 of the scale, from 8 to 200.

    Returns
    -------
    Approximation
        With the rounded plan and its own certificate; `approximation` itself if all its constants
        are multiples already. Where the rounded plan is proven as it stands its structure is
        "circuit": its components would say nothing that the plan does not say.

    Raises
    ------
    ArgumentError
        If scale_bits is out of range.
    ProofError
        If nothing can be proven of the rounded plan.

    Examples
    --------
    >>> from polyapprox import circuit
    >>> r = circuit("relu", multiplications=5)
    >>> rounded = quantise(r, 20)
    >>> abs(rounded.error_bound - r.error_bound) < 2**-14
    True
    """
    instance("approximation", approximation, Approximation, "an Approximation")
    plan = quantised_plan(approximation.plan, scale_bits)
    if not rounding_errors(approximation.plan, scale_bits):
        return approximation
    wrapped = f"polyapprox.noise.quantise({{}}, {scale_bits})"
    command = inside(approximation.provenance.command, wrapped)
    rounded = replace(approximation, plan=plan, certificate=None, provenance=Provenance.of(command))
    pieces = error_function(approximation).target.pieces
    if approximation.structure == "circuit":
        return _proven(rounded)
    if pieces is not None and approximation.weight == "1":
        if total_degree(approximation) <= _LARGEST_SAMPLED:
            return _proven(as_circuit(rounded))
        return _by_stages(rounded)
    if approximation.structure in ("polynomial", "direct"):
        component = expanded(plan, approximation.components[0])
        rounded = replace(rounded, components=(component,))
        return certified(_estimated(rounded), stored_reference(approximation))
    raise ProofError(
        f"a rounded {approximation.structure} for {approximation.function!r} cannot be proven"
    )


def _by_stages(rounded: Approximation) -> Approximation:
    try:
        stages = staged(rounded)
    except ProofError:
        if total_degree(rounded) > _LARGEST_WHOLE:
            raise
        return _proven(as_circuit(rounded))
    return _proven(stages)


def as_circuit(approximation: Approximation) -> Approximation:
    """The same plan without components."""
    return replace(
        approximation,
        structure="circuit",
        components=(),
        offset=ZERO,
        margins=(),
        threshold=None,
    )


def _proven(approximation: Approximation) -> Approximation:
    return certified(_estimated(approximation))


def _estimated(approximation: Approximation) -> Approximation:
    """With its own sampled error."""
    error = error_function(approximation)
    return replace(approximation, error_estimate=sampled_error(error, total_degree(approximation)))


def sampled_error(error: ErrorFunction, degree: int) -> float:
    """Largest |error| at cosine-spaced points of each part between breakpoints (an estimate)."""
    count = min(_MOST_POINTS, max(_POINTS, _POINTS_PER_DEGREE * degree))
    steps = np.sin(np.arange(count + 1) * (np.pi / (2 * count))) ** 2
    largest, size = 0.0, 0.0
    for low, high in error.intervals:
        cuts = [low, *(b for b in error.target.breakpoints if low < b < high), high]
        for start, stop in pairwise(cuts):
            a, b = float(start), float(stop)
            x = np.clip(a + (b - a) * steps, a, b)
            found = np.abs(error.floats(x))
            largest, size = max(largest, float(np.max(found))), max(size, abs(a), abs(b))
            if largest < _FLOATS_END * size:  # the rounding of floats shows: again, in balls
                some = x[:: max(1, count // _FEW)]
                largest = float(np.max(np.abs(error.accurate(some, _ACCURATE_BITS))))
    return largest
