# SPDX-License-Identifier: Apache-2.0
"""Checkpoints: written to a temporary file and renamed, so that the last good one survives."""

from __future__ import annotations

import pickle
import zipfile
from pathlib import Path
from typing import Any

import torch

from ..errors import TrainingError
from ..files import write_atomically

FORMAT = 2


def save_checkpoint(path: Path, content: dict[str, Any]) -> None:
    """Write a checkpoint.

    Raises
    ------
    TrainingError
        If that fails, for example because the disk is full; the file before it is kept.
    """
    try:
        write_atomically(path, lambda file: torch.save({"format": FORMAT, **content}, file))
    except (OSError, RuntimeError) as error:  # torch's writer raises RuntimeError
        kept = f"{path} is that of the epoch before" if path.exists() else "there is none yet"
        raise TrainingError(
            f"the checkpoint {path} cannot be written ({_first_line(error)}): make room and start "
            f"again; {kept}"
        ) from error


def load_checkpoint(path: Path, expected: dict[str, Any]) -> dict[str, Any] | None:
    """A checkpoint, if there is one.

    Parameters
    ----------
    path : path
    expected : dict
        Values that must be those of the checkpoint, by name (its configuration).

    Raises
    ------
    TrainingError
        If it cannot be read, or is one of something else.
    """
    if not path.exists():
        return None
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, EOFError, RuntimeError, pickle.UnpicklingError, zipfile.BadZipFile) as error:
        raise TrainingError(
            f"the checkpoint {path} cannot be read ({_first_line(error)}): delete it to begin anew"
        ) from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise TrainingError(f"{path} is no checkpoint of this version: delete it to begin anew")
    difference = _difference(content.get("expected", {}), expected)
    if difference:
        raise TrainingError(
            f"the checkpoint {path} is of another training ({difference}): give another folder, "
            "or delete it to begin anew"
        )
    return content


def _difference(old: Any, new: Any, name: str = "") -> str:
    """The first difference between nested dictionaries, in words."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in dict.fromkeys([*old, *new]):
            found = _difference(old.get(key), new.get(key), f"{name}.{key}".lstrip("."))
            if found:
                return found
        return ""
    return "" if old == new else f"{name} was {old!r} and is {new!r}"


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
