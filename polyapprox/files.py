# SPDX-License-Identifier: Apache-2.0
"""Writing a file whole or not at all."""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replaced(path: str | Path) -> Iterator[Path]:
    """A temporary file to fill in the same folder; at the end it takes the place of `path`.

    Folders are made. If the block raises, the old file stays untouched and nothing is left behind. A link
    is followed; what is neither a file nor a folder (``/dev/null``, a pipe) is written to, never replaced.

    Raises
    ------
    OSError
        If the folder or file cannot be written.
    """
    path = Path(path)
    path = Path(os.path.realpath(path)) if path.is_symlink() else path
    if path.exists() and not (path.is_file() or path.is_dir()):
        with _poured(path) as temporary:
            yield temporary
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.stem[:80]}.{secrets.token_hex(6)}.part{path.suffix}")
    try:
        yield temporary
        with temporary.open("rb+") as stream:
            os.fsync(stream.fileno())
        os.replace(temporary, path)
    except OSError as error:
        if str(error.filename) == str(temporary):  # a name that nobody gave
            error.filename, error.filename2 = str(path), None
        raise
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def _poured(path: Path) -> Iterator[Path]:
    """A temporary file to fill, whose content is then written to a device or a pipe."""
    with tempfile.TemporaryDirectory() as folder:
        temporary = Path(folder) / f"content{path.suffix}"
        yield temporary
        with temporary.open("rb") as source, path.open("wb") as goal:
            shutil.copyfileobj(source, goal)


def write_atomically(path: str | Path, content: bytes) -> Path:
    """Write through a temporary file of the same folder, then rename; folders are made.

    Raises
    ------
    OSError
        If the folder or file cannot be written; the old file is then untouched.
    """
    with replaced(path) as temporary:
        temporary.write_bytes(content)
    return Path(path)
