# SPDX-License-Identifier: Apache-2.0
"""From the JSON document of a table back to the approximation."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any, TypeVar

import mpmath

from ..approximation import Approximation, Interval
from ..certificate import Certificate
from ..errors import TableError
from ..numbers import ZERO, log2
from ..outward import above, rational
from ..polynomial import Polynomial
from ..provenance import Provenance
from .decimals import read, read_bits
from .plans import plan_from
from .write import derived

_SHAPE_ERRORS = (KeyError, TypeError, IndexError, AttributeError, ValueError)


T = TypeVar("T")


def approximation_from(document: dict[str, Any]) -> Approximation:
    """Read a document whose hash was checked.

    Raises
    ------
    TableError
        Naming what is missing, impossible or in contradiction with the rest.
    """
    return consistent(document, _read, derived, formerly_derived)


def consistent(
    document: dict[str, Any],
    read_value: Callable[[dict[str, Any]], T],
    repeated: Callable[[T], dict[str, Any]],
    formerly: Callable[[T], dict[str, Any]] = lambda _: {},
) -> T:
    """The value of a document, whose fields that repeat what the others say must agree with it.

    Raises
    ------
    TableError
        Naming what is missing, impossible or in contradiction with the rest.
    """
    try:
        result = read_value(document)
        again = repeated(result)
        wrong = [name for name, value in again.items() if document[name] != value]
        if wrong:
            former = formerly(result)
            wrong = [name for name in wrong if document[name] != former.get(name, again[name])]
    except TableError:
        raise
    except _SHAPE_ERRORS as error:
        raise TableError(f"a field is missing or has the wrong form ({error!r})") from None
    if wrong:
        raise TableError(
            f"the field {wrong[0]!r} is {document[wrong[0]]!r}, but the rest of the table says "
            f"{again[wrong[0]]!r}"
        )
    return result


def _read(document: dict[str, Any]) -> Approximation:
    bits = read_bits(document["bits"])
    domain = read_intervals(document["domain"], bits, "domain")
    guard, covered = _covered(document, domain, bits)
    certificate, threshold = document["certificate"], document["threshold"]
    estimate = float(read(document["error_estimate"]))
    if not (estimate >= 0 and math.isfinite(estimate)):
        raise TableError(f"error_estimate is {document['error_estimate']}; it cannot be negative")
    components = tuple(
        _component(number, given) for number, given in enumerate(document["components"])
    )
    if not components and document["structure"] != "circuit":
        raise TableError("the table has no components")
    return Approximation(
        function=document["function"],
        domain=domain,
        structure=document["structure"],
        components=components,
        plan=plan_from(document["plan"]),
        offset=read(document["offset"], bits),
        weight=document["weight"],
        error_estimate=estimate,
        certificate=None if certificate is None else _certificate(certificate),
        margins=tuple(read(margin, bits) for margin in document["margins"]),
        provenance=Provenance.from_dict(document["provenance"]),
        threshold=None if threshold is None else read(threshold, bits),
        guard=guard,
        covered=covered,
    )


def _covered(
    document: dict[str, Any], domain: tuple[Interval, ...], bits: int
) -> tuple[mpmath.mpf, tuple[Interval, ...]]:
    """Guard and what is covered: of a table of version 1, nothing and the domain."""
    if document["version"] == 1:
        return ZERO, domain
    guard, covered = read(document["guard"], bits), read_intervals(document["covered"], bits, "covered")
    if guard < 0:
        raise TableError(f"guard is {document['guard']}; it cannot be negative")
    holds = len(covered) == len(domain) and all(
        c[0] <= d[0] and d[1] <= c[1] for c, d in zip(covered, domain, strict=True)
    )
    if not holds:
        raise TableError("each interval of covered must hold the one of domain")
    return guard, covered


def read_intervals(pairs: Any, bits: int, name: str) -> tuple[Interval, ...]:
    intervals = tuple(_interval(pair, bits, name) for pair in pairs)
    if not intervals or any(a[1] >= b[0] for a, b in pairwise(intervals)):
        raise TableError(f"the intervals of {name} must be ascending and disjoint")
    return intervals


def _interval(pair: Any, bits: int, name: str) -> tuple[mpmath.mpf, mpmath.mpf]:
    low, high = (read(end, bits) for end in pair)
    if not low < high:
        raise TableError(f"{name} has the interval {pair!r}; the first end must be the smaller")
    return low, high


def _component(number: int, given: dict[str, Any]) -> Polynomial:
    where = f"component {number}"
    if given["basis"] != "chebyshev":
        raise TableError(f"{where} has the basis {given['basis']!r}; known: 'chebyshev'")
    bits = read_bits(given["bits"])
    coefficients = []
    for index, text in enumerate(given["coefficients"]):
        try:
            coefficients.append(read(text, bits))
        except TableError as error:
            raise TableError(f"{where}, coefficient {index}: {error}") from None
    if not coefficients:
        raise TableError(f"{where} has no coefficients")
    parity = given["parity"]
    if parity not in (None, "even", "odd"):
        raise TableError(f"{where} has the parity {parity!r}; known: 'even', 'odd', null")
    if parity is not None and any(coefficients[int(parity == "even") :: 2]):
        raise TableError(f"{where} is said to be {parity}, but a coefficient says otherwise")
    domain = _interval(given["domain"], bits, where)
    return Polynomial(tuple(coefficients), domain, parity)


def _certificate(given: dict[str, Any]) -> Certificate:
    bits = read_bits(given["bits"])
    upper = read(given["upper"], bits)
    lower = None if given["lower"] is None else read(given["lower"], bits)
    if upper < 0 or (lower is not None and not 0 <= lower <= upper):
        raise TableError("the bounds of the certificate must satisfy 0 <= lower <= upper")
    details = {key: _detail(value) for key, value in given["details"].items()}
    return Certificate(upper, lower, given["lower_for"], given["method"], details)


def _detail(value: Any) -> Any:
    if isinstance(value, list):
        return [_detail(item) for item in value]
    if isinstance(value, dict):
        if set(value) == {"decimal", "bits"}:
            return read(value["decimal"], read_bits(value["bits"]))
        return {key: _detail(item) for key, item in value.items()}
    return value


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
