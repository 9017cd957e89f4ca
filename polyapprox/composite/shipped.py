# SPDX-License-Identifier: Apache-2.0
"""Data files shipped with this package: reading, and writing whole or not at all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ..files import write_atomically

FOLDER = Path(__file__).parent / "data"


def read(name: str, folder: Path = FOLDER) -> Any:
    """The content of a shipped JSON file."""
    return json.loads((folder / name).read_text(encoding="utf-8"))


def write(name: str, content: Any, folder: Path = FOLDER) -> Path:
    """Write a JSON file whole or not at all."""
    text = json.dumps(content, indent=0, ensure_ascii=False) + "\n"
    return write_atomically(folder / name, text.encode())
