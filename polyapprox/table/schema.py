"""Checking documents against the JSON Schema shipped with the package."""

from __future__ import annotations

import json
from functools import lru_cache
from importlib import resources
from typing import Any

from .hashing import VERSION


@lru_cache(maxsize=2)
def table_schema(version: int = VERSION) -> dict[str, Any]:
    """The JSON Schema of a version of the table format."""
    name = f"table-{version}.json"
    text = resources.files("polyapprox").joinpath("schema", name).read_text("utf-8")
    return json.loads(text)


@lru_cache(maxsize=2)
def _validator(version: int) -> Any:
    import jsonschema

    return jsonschema.Draft202012Validator(table_schema(version))


def first_violation(document: dict[str, Any]) -> str | None:
    """A sentence about what breaks the schema of the document's version, or None."""
    from jsonschema.exceptions import best_match

    worst = best_match(_validator(document["version"]).iter_errors(document))
    if worst is None:
        return None
    message = worst.message if len(worst.message) <= 160 else worst.message[:160] + " …"
    where = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in worst.absolute_path)
    return f"the field {where.lstrip('.') or '(top)'} breaks the table format: {message}"
