"""What the package says to forged and to true tables."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import polyapprox as pa
from polyapprox.errors import ArgumentError, ProofError, TableError

from .examine import sentence_faults
from .forgeries import Forgery

ASKED: dict[str, Callable[[Path], Any]] = {
    "verify": pa.verify,
    "audit": lambda path: pa.audit(pa.load(path)),
    "import": pa.import_table,
}


def acceptances(forgery: Forgery, folder: Path, asked: tuple[str, ...] = tuple(ASKED)) -> list[str]:
    """Who takes a false table for true, or refuses it in other words than one sentence."""
    path = forgery.write(folder)
    found = []
    for who in asked:
        try:
            ASKED[who](path)
        except (ProofError, TableError, ArgumentError) as error:
            found += [f"{who}: {fault}" for fault in sentence_faults(str(error).replace(str(path), ""))]
        else:
            return [*found, f"{who} accepts it"]
    return found


def refusal(text: str, make: Callable[[str], Any], folder: Path) -> str | None:
    """Why a true table is refused, by whom; None if it is not (as it should be)."""
    try:
        made = make(text)
    except (ProofError, TableError, ArgumentError) as error:
        return f"not made: {error}"
    path = made.save(folder / "true.json")
    try:
        if pa.load(path) != made:
            return "load: another value comes back"
        found = pa.verify(path)
    except (ProofError, TableError, ArgumentError) as error:
        return f"verify: {error}"
    if not found.ok or found.bound > made.error_bound * (1 + 1e-9):
        return f"verify: proves {found.bound!r}, claimed was {made.error_bound!r}"
    return None
