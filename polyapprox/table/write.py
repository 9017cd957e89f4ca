# SPDX-License-Identifier: Apache-2.0
"""From an approximation to the JSON document of its table."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import mpmath

from ..approximation import Approximation
from ..certificate import Certificate
from ..errors import TableError
from ..outward import float_down, float_up, lower_places
from ..plan.count import Rule
from ..polynomial import Polynomial
from .decimals import common_bits, written
from .plans import plan_document
from .schema import FORMAT, VERSION, content_hash

HELD: tuple[Rule, ...] = ("published", "standalone")  # rules of the counts in a table


def document_of(approximation: Approximation) -> dict[str, Any]:
    """The JSON document of a table, content hash included.

    Raises
    ------
    TableError
        If a number is not finite or a detail of the certificate has no JSON form.
    """
    a = approximation
    ends = [end for interval in (*a.domain, *a.covered) for end in interval]
    bits = common_bits([*ends, a.guard, a.offset, a.threshold, *a.margins])
    document: dict[str, Any] = {
        "format": FORMAT,
        "version": VERSION,
        "function": a.function,
        "structure": a.structure,
        "weight": a.weight,
        "bits": bits,
        "domain": [[written(low, bits), written(high, bits)] for low, high in a.domain],
        "guard": written(a.guard, bits),
        "covered": [[written(low, bits), written(high, bits)] for low, high in a.covered],
        "offset": written(a.offset, bits),
        "threshold": None if a.threshold is None else written(a.threshold, bits),
        "margins": [written(margin, bits) for margin in a.margins],
        "components": [_component(polynomial) for polynomial in a.components],
        "plan": plan_document(a.plan),
        "certificate": None if a.certificate is None else _certificate(a.certificate),
        "error_estimate": float_text(a.error_estimate),
        "provenance": a.provenance.as_dict(),
        **derived(a),
    }
    document["sha256"] = content_hash(document)
    return document


def derived(approximation: Approximation) -> dict[str, Any]:
    """The fields that repeat what the others say, for readers of the file."""
    a, certificate = approximation, approximation.certificate
    bits = common_bits(a.interval)
    lower = None if certificate is None else certificate.lower
    counts = {}
    for rule in HELD:
        found = a.counts(rule)
        counts[rule] = {
            "multiplications": found.multiplications,
            "constant_products": found.constant_products,
            "additions": found.additions,
            "depth": found.levels,
        }
    return {
        "interval": [written(end, bits) for end in a.interval],
        "degrees": list(a.degrees),
        "precision_bits": _bits(a),
        "bound": None if certificate is None else float_text(float_up(certificate.upper)),
        "lower_bound": None if lower is None else float_text(float_down(lower)),
        "lower_bound_for": None if certificate is None else certificate.lower_for,
        "counts": counts,
    }


def _bits(approximation: Approximation) -> str | None:
    bits = approximation.bits
    if not math.isfinite(bits):
        return None
    proven = approximation.certificate is not None
    return repr(float(lower_places(bits, 9)) if proven else round(bits, 9))


def float_text(value: float) -> str:
    """The shortest decimal that reads as the same double; TableError if it is not finite."""
    if not math.isfinite(value):
        raise TableError(f"the number {value!r} is not finite; a table cannot hold it")
    return repr(float(value))


def _component(polynomial: Polynomial) -> dict[str, Any]:
    bits = common_bits([*polynomial.coefficients, *polynomial.domain])
    return {
        "basis": "chebyshev",
        "domain": [written(end, bits) for end in polynomial.domain],
        "parity": polynomial.parity,
        "bits": bits,
        "coefficients": [written(c, bits) for c in polynomial.coefficients],
    }


def _certificate(certificate: Certificate) -> dict[str, Any]:
    bits = common_bits([certificate.upper, certificate.lower])
    lower = certificate.lower
    return {
        "bits": bits,
        "upper": written(certificate.upper, bits),
        "lower": None if lower is None else written(lower, bits),
        "lower_for": certificate.lower_for,
        "method": certificate.method,
        "details": {str(key): _detail(value) for key, value in certificate.details.items()},
    }


def _detail(value: object) -> Any:
    if isinstance(value, mpmath.mpf):
        bits = common_bits([value])
        return {"decimal": written(value, bits), "bits": bits}
    if isinstance(value, (list, tuple)):
        return [_detail(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): _detail(item) for key, item in value.items()}
    if isinstance(value, float):
        return float(float_text(value))
    if value is None or isinstance(value, (str, bool, int)):
        return value
    raise TableError(f"a detail of the certificate is a {type(value).__name__}, not JSON")


def laid_out(document: dict[str, Any]) -> str:
    """The document as readable JSON text.

    Examples
    --------
    >>> print(laid_out({"a": [1, 2], "b": {"c": "x"}}), end="")
    {
     "a": [1, 2],
     "b": {
      "c": "x"
     }
    }
    """
    return _text(document, "") + "\n"


def _text(value: Any, indent: str) -> str:
    inner = indent + " "
    if isinstance(value, dict) and value:
        lines = [f"{inner}{json.dumps(key)}: {_text(v, inner)}" for key, v in value.items()]
        return "{\n" + ",\n".join(lines) + f"\n{indent}}}"
    if isinstance(value, list) and any(isinstance(item, (list, dict)) for item in value):
        return "[\n" + ",\n".join(inner + _text(v, inner) for v in value) + f"\n{indent}]"
    return json.dumps(value, ensure_ascii=False)
