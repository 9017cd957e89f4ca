"""The content hash of a table."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

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
