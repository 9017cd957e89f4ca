# SPDX-License-Identifier: Apache-2.0
"""Seconds of a refresh: a line in the levels of the chain, fitted to what was measured on one machine.

``data/openfhe.json`` holds the measurements of ``benchmarks/functional_bootstrap.py`` at one ring; other
rings are reckoned by N log N. What comes out is an estimate.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

import numpy as np

from ..given import word

DATA = Path(__file__).parent / "data" / "openfhe.json"
Kind = Literal["plain", "series", "cosine"]
KINDS = ("plain", "series", "cosine")


@dataclass(frozen=True)
class RefreshModel:
    """Processor seconds of refreshes by kind and levels of the chain.

    Attributes
    ----------
    version, machine, date : str
        Of OpenFHE, where and when it was measured.
    ring_dimension : int
    points : tuple of (str, tuple of (int, float))
        For each kind of refresh, the levels of the chain and the seconds measured.
    """

    version: str
    machine: str
    date: str
    ring_dimension: int
    points: tuple[tuple[str, tuple[tuple[int, float], ...]], ...]

    def seconds(self, kind: Kind, levels: int, ring_dimension: int | None = None) -> float:
        """Of one refresh in a chain of so many levels: an estimate.

        Parameters
        ----------
        kind : {"plain", "series", "cosine"}
            A plain bootstrap; one with a series inside; one that gives a cosine and a series.
        levels : int
            Of the whole chain.
        ring_dimension : int, optional
            By default the one measured.

        Raises
        ------
        ArgumentError
            For another kind.

        Examples
        --------
        >>> model = refresh_model()
        >>> 0 < model.seconds("series", 24) < model.seconds("plain", 27)
        True
        """
        found = dict(self.points)[word("kind", kind, KINDS)]
        level, time = (np.array(column, dtype=float) for column in zip(*found, strict=True))
        slope = float(level @ time / (level @ level))  # through 0: the levels measured are few
        ring = self.ring_dimension if ring_dimension is None else ring_dimension
        ratio = ring * math.log2(ring) / (self.ring_dimension * math.log2(self.ring_dimension))
        return slope * levels * ratio


@lru_cache(maxsize=1)
def refresh_model() -> RefreshModel:
    """The model shipped."""
    content = json.loads(DATA.read_text(encoding="utf-8"))
    points = tuple(
        (kind, tuple((int(level), float(seconds)) for level, seconds in content["seconds"][kind]))
        for kind in KINDS
    )
    facts = (content["version"], content["machine"], content["date"], content["ring_dimension"])
    return RefreshModel(*facts, points)
