# SPDX-License-Identifier: Apache-2.0
"""``polyapprox table audit``: tables of others and of our own, a page about each."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..approximation import Approximation
from ..auditing import audit
from ..importing import import_table
from .commands import AsJson
from .options import with_first
from .report import write_json, write_text


@with_first("path", list[Path], import_table)
def tables(path: list[Path], **options: Any) -> list[Approximation]:
    """Print one page about each table: what it truly does, and what would do more for less."""
    return [import_table(file, **options) for file in path]


def deliver(read: list[Approximation], as_json: AsJson = False) -> None:
    """Audit and print."""
    pages = [audit(one) for one in read]
    if as_json:
        write_json([
            {**asdict(found), "leaving": list(found.leaving), "conclusion": found.conclusion}
            for found in pages
        ])  # fmt: skip
    else:
        write_text("\n\n".join(found.text() for found in pages))
