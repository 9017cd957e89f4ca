"""Data files shipped with this package: reading, and writing whole or not at all."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "data"


def read(name: str, folder: Path = FOLDER) -> Any:
    """The content of a shipped JSON file."""
    return json.loads((folder / name).read_text(encoding="utf-8"))


def write(name: str, content: Any, folder: Path = FOLDER) -> Path:
    """Write a JSON file through a temporary file of the same folder."""
    handle, temporary = tempfile.mkstemp(dir=folder, suffix=".part")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            json.dump(content, stream, indent=0, ensure_ascii=False)
            stream.write("\n")
        os.chmod(temporary, 0o644)
        os.replace(temporary, folder / name)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return folder / name
