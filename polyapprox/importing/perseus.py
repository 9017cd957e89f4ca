# SPDX-License-Identifier: Apache-2.0
"""Perseus: ``configs.json``, the fitted approximations of a transformer, by layer.

Read are entries with the method ``thor_composite`` (gladia-research-group/perseus,
``configs/model/approximation/*/configs.json``): GELU(u) = u(1/2 + p₂(p₁(u/xmax))), p₁ in Chebyshev
polynomials on [-1, 1] and p₂ on [a, b]. Other methods (rational functions, softmax) are no
polynomials of one variable and are refused by name.
"""

from __future__ import annotations

import json
from typing import Any

import mpmath

from ..errors import TableError
from ..numbers import add, negate
from .c_source import text_of
from .contents import Contents, Hints, chosen
from .numbers import number

_METHOD = "thor_composite"
_PARTS = ("thor_p1_cheb", "thor_p2_cheb", "thor_p2_a", "thor_p2_b", "xmax")


def read_perseus(content: bytes, hints: Hints) -> Contents:
    """One entry, by SECTION.LAYER, such as ``softgelu.transformer.h.0.mlp.act``.

    Raises
    ------
    TableError
        If it is not JSON, or the entry is of another method.
    """
    try:
        document = json.loads(
            text_of(content), parse_float=str, parse_int=str, parse_constant=_no_number,
            object_pairs_hook=_once,
        )  # fmt: skip
    except (ValueError, RecursionError) as error:
        raise TableError(f"is not JSON ({error})") from None
    found = chosen(_entries(document), hints)
    entry = found[0]
    if len(found) > 1:
        raise TableError("entries are whole functions, which are not composed; name one")
    if entry["method"] != _METHOD:
        raise TableError(f"the entry is by the method {entry['method']!r}; only {_METHOD!r} is read")
    missing = [part for part in _PARTS if part not in entry]
    if missing:
        raise TableError(f"the entry has no {missing[0]}")
    first, second = (_row(entry, part) for part in _PARTS[:2])
    low, high, most = (_one(entry, part) for part in _PARTS[2:])
    if not (low < high and most > 0):
        raise TableError("the entry's interval or its xmax is not one")
    domain = (negate(most), most)
    twice = tuple(add(c, c) for c in second)  # u (1 + 2 p₂)/2
    return Contents(
        (first, twice), "chebyshev", (domain, (low, high)),
        structure="composite", domain=(domain,),
        notes=("p1 of u/xmax, p2 twice, as GELU = u(1 + 2 p2)/2",),
    )  # fmt: skip


def _no_number(text: str) -> Any:
    raise ValueError(f"{text} is no number")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return found


def _entries(document: Any) -> list[tuple[str, int, dict[str, Any]]]:
    sections = document.items() if isinstance(document, dict) else ()
    return [
        (f"{section}.{layer}", 0, entry)
        for section, layers in sections
        if isinstance(layers, dict)
        for layer, entry in layers.items()
        if isinstance(entry, dict) and "method" in entry
    ]


def _row(entry: dict[str, Any], part: str) -> tuple[mpmath.mpf, ...]:
    values = entry[part]
    if not isinstance(values, list) or not values:
        raise TableError(f"{part} is no list of numbers")
    return tuple(_number(value, part) for value in values)


def _one(entry: dict[str, Any], part: str) -> mpmath.mpf:
    return _number(entry[part], part)


def _number(value: Any, part: str) -> mpmath.mpf:
    if not isinstance(value, str):
        raise TableError(f"{part} holds {value!r}, which is no number")
    return number(value)
