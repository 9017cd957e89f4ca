"""The shipped chains: which products compute the polynomials of a degree."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Literal

from .chain import Chain, Family

Objective = Literal["depth", "multiplications"]
FILE = Path(__file__).parent / "data" / "chains.json"


@lru_cache(maxsize=1)
def shipped_chains() -> dict[tuple[Family, Objective], dict[int, Chain]]:
    """All chains, by family and objective, then by degree."""
    content = json.loads(FILE.read_text(encoding="utf-8"))
    return {
        (family, objective): {
            int(degree): Chain(family, tuple((a, b, n) for a, b, n in row["products"]), row["depth"])
            for degree, row in rows.items()
        }
        for family, objectives in content["chains"].items()
        for objective, rows in objectives.items()
    }


def best_chain(family: Family, degree: int, objective: Objective = "depth") -> Chain | None:
    """The chain of least depth, or of fewest multiplications (None: none is known).

    Examples
    --------
    >>> best_chain("odd", 15).multiplications
    6
    """
    chains = shipped_chains()
    shallow = chains.get((family, "depth"), {}).get(degree)
    if objective == "depth":
        return shallow
    return chains.get((family, "multiplications"), {}).get(degree, shallow)
