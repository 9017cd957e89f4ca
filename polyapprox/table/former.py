"""Derived fields as tables were once written, so that these still load."""

from __future__ import annotations

import math

from ..approximation import Approximation
from ..numbers import log2
from ..outward import above, rational


def formerly_derived(approximation: Approximation) -> dict[str, str | None]:
    """The fields that were rounded to nearest, and bits that were scaled for every function.

    Examples
    --------
    >>> import polyapprox
    >>> formerly_derived(polyapprox.minimax("exp", 1, guard=0))["precision_bits"]
    '1.841916684'
    """
    a, certificate = approximation, approximation.certificate
    found: dict[str, str | None] = {}
    error = a.error_estimate if certificate is None else certificate.upper
    if error:
        unit = 0.0 if a.function in ("sign", "step") else log2(a.scale)
        bits = unit - log2(error)
        found["precision_bits"] = repr(round(bits, 9)) if math.isfinite(bits) else None
    if certificate is not None:
        found["bound"] = repr(above(certificate.upper))
        if certificate.lower is not None:
            found["lower_bound"] = repr(0.0 - above(-rational(certificate.lower)))
    return found
