"""Checking documents against the JSON Schema shipped with the package."""

from __future__ import annotations

import json
from functools import lru_cache
from importlib import resources
from typing import Any


@lru_cache(maxsize=1)
def table_schema() -> dict[str, Any]:
    """The JSON Schema of version 1 of the table format."""
    text = resources.files("polyapprox").joinpath("schema", "table-1.json").read_text("utf-8")
    return json.loads(text)


@lru_cache(maxsize=1)
def _validator() -> Any:
    import jsonschema

    return jsonschema.Draft202012Validator(table_schema())


def first_violation(document: dict[str, Any]) -> str | None:
    """A sentence about what breaks the schema, or None."""
    from jsonschema.exceptions import best_match

    worst = best_match(_validator().iter_errors(document))
    if worst is None:
        return None
    message = worst.message if len(worst.message) <= 160 else worst.message[:160] + " …"
    where = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in worst.absolute_path)
    return f"the field {where.lstrip('.') or '(top)'} breaks the table format: {message}"
