"""Where an approximation comes from: command, versions, time-independent and hashable."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from functools import lru_cache


@dataclass(frozen=True)
class Provenance:
    """The call that made a value and the versions it was made with."""

    command: str
    versions: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, command: str) -> Provenance:
        """Record a call with the versions now installed."""
        return cls(command, versions())


def version() -> str:
    """Version of this package."""
    from importlib import metadata

    try:
        return metadata.version("polyapprox")
    except metadata.PackageNotFoundError:
        return "0+unknown"


@lru_cache(maxsize=1)
def versions() -> tuple[tuple[str, str], ...]:
    """Versions of this package, Python and the numerical libraries."""
    from importlib import metadata

    names = ("numpy", "scipy", "mpmath", "python-flint")
    return (
        ("polyapprox", version()),
        ("python", platform.python_version()),
        *((name, metadata.version(name)) for name in names),
    )
