# SPDX-License-Identifier: Apache-2.0
"""Writing files so that nothing half-written is ever seen, and recording where they come from."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Callable
from errno import EISDIR
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from polyapprox import provenance
from polyapprox.files import replaced
from polyapprox.words import counted

from .errors import ArgumentError


def write_atomically(path: Path, write: Callable[[Path], object]) -> Path:
    """Let `write` fill a temporary file in the same folder, then move it to its place."""
    with replaced(path) as temporary:
        write(temporary)
    return path


def require_writable(path: Path) -> None:
    """Refuse, before long work, a file that could not be written at its end.

    Raises
    ------
    ArgumentError
        If it is a folder, or its folder cannot be made or written to.
    """
    place = path.absolute()
    there = place.parent if place.is_file() else next(one for one in (place, *place.parents) if one.exists())
    try:
        if place.is_dir():
            raise IsADirectoryError(EISDIR, "it is a folder")
        if there != place:  # otherwise a device or a pipe
            with TemporaryFile(dir=there):
                pass
    except OSError as error:
        raise ArgumentError(f"{path} cannot be written ({error.strerror or error}): give another file") from None


def write_json(path: Path, value: Any) -> Path:
    """JSON with an indentation of two."""
    text = json.dumps(value, indent=2) + "\n"
    return write_atomically(path, lambda temporary: temporary.write_text(text))


def versions() -> dict[str, str]:
    """Versions of what a result depends on."""
    return dict(provenance.versions(("torch", "numpy", "scikit-learn", "safetensors")))


def machine() -> str:
    """System and number of cores."""
    return f"{platform.platform()}, {counted(os.cpu_count(), 'core')}"


def git_commit() -> str | None:
    """Commit of the source tree, with "+" if it was changed; None outside a repository."""
    folder = Path(__file__).parent
    command = ["git", "-C", str(folder)]
    try:
        head, status = (
            subprocess.run(
                [*command, *rest], capture_output=True, text=True, check=True, timeout=10
            )
            for rest in (["rev-parse", "HEAD"], ["status", "--porcelain", "--", "."])
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return head.stdout.strip() + ("+" if status.stdout.strip() else "")
