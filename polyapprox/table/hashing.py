"""The content hash of a table."""

from __future__ import annotations

import hashlib
import json

FORMAT = "polyapprox table"
VERSION = 2
VERSIONS = (1, 2)  # that can be read
SERIES_FORMAT = "polyapprox series"  # of functions inside the bootstrap
SERIES_VERSIONS = (1,)


def content_hash(document: dict) -> str:
    """SHA-256, in hex, of the document without its field ``sha256``, as canonical JSON.

    Examples
    --------
    >>> content_hash({"b": 1, "a": "x"}) == content_hash({"a": "x", "b": 1, "sha256": "?"})
    True
    """
    rest = {key: value for key, value in document.items() if key != "sha256"}
    text = json.dumps(rest, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
