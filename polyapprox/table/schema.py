# SPDX-License-Identifier: Apache-2.0
"""Versions of tables, their JSON Schema and their content hash."""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

SCHEMAS = Path(__file__).parents[1] / "schema"
FORMAT = "polyapprox table"
SERIES_FORMAT = "polyapprox series"  # of functions inside the bootstrap


def _versions(kind: str) -> tuple[int, ...]:
    """Versions that can be read: those whose schema is there."""
    return tuple(sorted(int(p.stem.rpartition("-")[2]) for p in SCHEMAS.glob(f"{kind}-*.json")))


VERSIONS, SERIES_VERSIONS = _versions("table"), _versions("series")
VERSION = VERSIONS[-1]


def content_hash(document: dict[str, Any]) -> str:
    """SHA-256, in hex, of the document without its field ``sha256``, as canonical JSON.

    Examples
    --------
    >>> content_hash({"b": 1, "a": "x"}) == content_hash({"a": "x", "b": 1, "sha256": "?"})
    True
    """
    rest = {key: value for key, value in document.items() if key != "sha256"}
    text = json.dumps(rest, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


@lru_cache
def table_schema(version: int = VERSION, kind: str = "table") -> dict[str, Any]:
    """The JSON Schema of a version of the table format (of a series: `kind` is "series")."""
    return cast("dict[str, Any]", json.loads((SCHEMAS / f"{kind}-{version}.json").read_text("utf-8")))


@lru_cache
def _validator(version: int, kind: str) -> Any:
    import jsonschema

    return jsonschema.Draft202012Validator(table_schema(version, kind))


def first_violation(document: dict[str, Any], kind: str = "table") -> str | None:
    """A sentence about what breaks the schema of the document's version, or None."""
    from jsonschema.exceptions import best_match

    worst = best_match(_validator(document["version"], kind).iter_errors(document))
    if worst is None:
        return None
    message = worst.message if len(worst.message) <= 160 else worst.message[:160] + " …"
    where = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in worst.absolute_path)
    return f"the field {where.lstrip('.') or '(top)'} breaks the table format: {message}"
