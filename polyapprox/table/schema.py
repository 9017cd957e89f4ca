"""Checking documents against the JSON Schema shipped with the package."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any, cast

from .hashing import SCHEMAS, VERSION


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
