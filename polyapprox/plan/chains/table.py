# SPDX-License-Identifier: Apache-2.0
"""The shipped chains: which products compute the polynomials of a degree."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Literal

from .chain import Chain, Family

Objective = Literal["levels", "multiplications"]
_COMMENT = "Chains of products, see polyapprox/plan/chains/search.py: family, objective, degree."
FILE = Path(__file__).parent / "data" / "chains.json"


Chains = dict[tuple[Family, Objective], dict[int, Chain]]


@lru_cache(maxsize=1)
def shipped_chains() -> Chains:
    """All chains, by family and objective, then by degree."""
    return read_chains(FILE)


def read_chains(path: Path) -> Chains:
    """The chains of a file (an older one says depth for levels)."""
    content = json.loads(path.read_text(encoding="utf-8"))
    return {
        (family, "levels" if objective == "depth" else objective): {
            int(degree): Chain(
                family,
                tuple((a, b, n) for a, b, n in row["products"]),
                row["levels"] if "levels" in row else row["depth"],
            )
            for degree, row in rows.items()
        }
        for family, objectives in content["chains"].items()
        for objective, rows in objectives.items()
    }


def chains_text(chains: Chains) -> str:
    """The content of a file of chains, a chain a line."""
    families = []
    for family in dict.fromkeys(family for family, _ in chains):
        objectives = []
        for (one, objective), rows in chains.items():
            lines = ",\n".join(
                f'"{degree}": {{"levels": {chain.levels}, '
                f'"products": {[list(product) for product in chain.products]}}}'
                for degree, chain in sorted(rows.items())
            )
            objectives += [f'"{objective}": {{\n{lines}\n}}'] * (one == family)
        families.append(f'"{family}": {{\n' + ",\n".join(objectives) + "\n}")
    return f'{{\n"comment": "{_COMMENT}",\n"chains": {{\n' + ",\n".join(families) + "\n}\n}\n"


def best_chain(family: Family, degree: int, objective: Objective = "levels") -> Chain | None:
    """The chain of fewest levels, or of fewest multiplications (None: none is known).

    Examples
    --------
    >>> best_chain("odd", 15).multiplications
    6
    """
    chains = shipped_chains()
    shallow = chains.get((family, "levels"), {}).get(degree)
    if objective == "levels":
        return shallow
    return chains.get((family, "multiplications"), {}).get(degree, shallow)
