# SPDX-License-Identifier: Apache-2.0
"""Results as JSON lines: one line a run, written when it ends, found again by its configuration."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

from ..errors import DataError


def key_of(configuration: dict[str, Any]) -> str:
    """A short hash of all that decides a result.

    Examples
    --------
    >>> key_of({"a": 1, "b": 2}) == key_of({"b": 2, "a": 1})
    True
    """
    text = json.dumps(configuration, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


class Records:
    """A file of JSON lines that grows by whole lines.

    Parameters
    ----------
    path : path
        Made if it does not exist. A last line cut short by an interruption is dropped.

    Raises
    ------
    DataError
        If another line is not a record.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.lines: dict[str, dict[str, Any]] = {}
        if not self.path.exists():
            return
        text = self.path.read_text(encoding="utf-8")
        whole, _, cut = text.rpartition("\n")
        for number, line in enumerate(whole.splitlines(), 1):
            try:
                record = json.loads(line)
                self.lines[record["key"]] = record
            except (ValueError, KeyError, TypeError) as error:
                raise DataError(
                    f"line {number} of {self.path} is not a record: move the file away, or choose "
                    "another output folder"
                ) from error
        if cut:
            os.truncate(self.path, len(text.encode()) - len(cut.encode()))

    def get(self, key: str) -> dict[str, Any] | None:
        """The record with this key."""
        return self.lines.get(key)

    def add(self, record: dict[str, Any]) -> None:
        """Append a record and make sure that it is on the disk."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")
            file.flush()
            os.fsync(file.fileno())
        self.lines[record["key"]] = record
