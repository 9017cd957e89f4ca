"""Layout of a table: JSON with lists of plain values on one line."""

from __future__ import annotations

import json
from typing import Any


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
