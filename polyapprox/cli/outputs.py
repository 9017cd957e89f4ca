# SPDX-License-Identifier: Apache-2.0
"""Where a command writes: never into a folder that was mistyped; ``-`` is standard output."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import typer

OPTIONS = {"--output", "--plot", "--keep", "--record"}
USUAL = "out"  # the one folder that is made


def guard_folders(command: Any) -> None:
    """Have the options of a command that name files checked before anything is computed."""
    for one in command.params:
        if OPTIONS & {*one.opts} and one.callback is None:
            one.callback = _checked


def _checked(context: Any, parameter: Any, value: Any) -> Any:
    for one in value if isinstance(value, (list, tuple)) else [value]:
        folder = Path(one or ".").parent
        usual = folder.name == USUAL and folder.parent.is_dir()
        if not (folder.is_dir() or usual or str(one) == str(parameter.default)):
            raise typer.BadParameter(
                f"there is no folder {folder}; make it first, or mend the path", context, parameter
            )
    return value


def put(path: Path, write: Callable[[Path], Any]) -> str:
    """Write a file by a function of its path; for ``-`` its content to standard output, and nothing else.

    Returns
    -------
    str
        The file.

    Raises
    ------
    typer.Exit
        After standard output: no report follows.
    """
    if str(path) != "-":
        return str(write(path))
    with tempfile.TemporaryDirectory() as folder:
        content = Path(folder) / "content"
        write(content)
        sys.stdout.write(content.read_text(encoding="utf-8"))
    raise typer.Exit
