# SPDX-License-Identifier: Apache-2.0
"""Looking for an interpreter that can import OpenFHE: its wheel may be for another Python."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from ..backend import Availability

VARIABLE = "POLYAPPROX_OPENFHE_PYTHON"
ENVIRONMENT = ".venv-he310"
WHEEL = "openfhe==1.6.1.0.22.4"
REMEDY = (
    f"python3.10 -m venv {ENVIRONMENT} && {ENVIRONMENT}/bin/pip install {WHEEL} in the project's "
    f"folder (make setup-he does it), or name in {VARIABLE} a Python that imports openfhe"
)
_OLDEST, _TOO_NEW = (1, 6), (2, 0)
_SECONDS = 30.0
_PROBE = "import openfhe; print('version', getattr(openfhe, '__version__', '0'))"


def find() -> tuple[Path | None, Availability]:
    """The first interpreter that imports a usable OpenFHE, or the reason why there is none.

    Looked at in this order: the one that the environment variable names (and then no other),
    this interpreter, ``.venv-he310`` in this folder and beside the package, ``python3.10`` on the
    path, and those of pyenv.
    """
    named = os.environ.get(VARIABLE)
    if named:
        return _judge(Path(named), f"{VARIABLE}={named}")
    reason = "no Python 3.10 was found"
    for candidate in _candidates():
        found, availability = _judge(candidate, str(candidate))
        if found is not None:
            return found, availability
        if reason.startswith("no Python") or "version" in availability.reason:
            reason = availability.reason
    return None, Availability(False, "", reason, REMEDY)


def _candidates() -> Iterator[Path]:
    yield Path(sys.executable)
    for folder in (Path.cwd(), *Path(__file__).resolve().parents[2:4]):
        yield folder / ENVIRONMENT / "bin" / "python"
    on_path = shutil.which("python3.10")
    if on_path:
        yield Path(on_path)
    yield from pyenv_interpreters()


def pyenv_interpreters() -> list[Path]:
    """The interpreters 3.10 of pyenv, newest first."""
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    return sorted(root.glob("versions/3.10.*/bin/python"), reverse=True)


def _judge(interpreter: Path, name: str) -> tuple[Path | None, Availability]:
    if not interpreter.is_file():
        return None, Availability(False, "", f"{name}: there is no such file", REMEDY)
    version = _version(interpreter)
    if version is None:
        return None, Availability(False, "", f"{name} cannot import openfhe", REMEDY)
    numbers = tuple(int(part) for part in re.findall(r"\d+", version)[:2])
    if not _OLDEST <= numbers < _TOO_NEW:
        reason = f"{name} has OpenFHE of the version {version}; 1.6 or a later 1.x is needed"
        return None, Availability(False, version, reason, REMEDY)
    return interpreter, Availability(True, version, f"imported by {interpreter}", "")


@lru_cache(maxsize=32)
def _version(interpreter: Path) -> str | None:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    environment.pop("PYTHONPATH", None)
    try:
        ended = subprocess.run(
            [str(interpreter), "-c", _PROBE],
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            env=environment,
            cwd="/",
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(r"^version (\S+)", ended.stdout, re.MULTILINE)
    return found.group(1) if found and ended.returncode == 0 else None
