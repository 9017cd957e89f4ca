# SPDX-License-Identifier: Apache-2.0
"""A function of vectors as one frozen value: plan, proven bound, parts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ..approximation import Approximation
from ..outward import upper
from ..plan.count import Rule
from ..provenance import Provenance
from ..words import counted
from .vector_plan import VectorCounts, VectorPlan


@dataclass(frozen=True)
class Whole:
    """A function of vectors of n numbers, approximated by a plan.

    Attributes
    ----------
    function : str
    length : int
        n.
    box : dict
        What is assumed of the inputs: the bound holds for every vector within it.
    plan : VectorPlan
    error_bound : float
        Proven: no entry of the result has a larger error, for any vector in the box, in exact arithmetic.
    parts : dict of str to Approximation
        What the plan is made of, each with its own proof.
    reason : str
        How the bound follows from those of the parts.
    provenance : Provenance
    """

    function: str
    length: int
    box: dict[str, Any]
    plan: VectorPlan
    error_bound: float
    parts: dict[str, Approximation] = field(compare=False)
    reason: str
    provenance: Provenance

    def __call__(self, x: Any) -> Any:
        """Evaluate on vectors along the last axis; see :meth:`VectorPlan.run`."""
        return self.plan.run(x)

    def counts(self, rule: Rule = "published") -> VectorCounts:
        """Products, rotations and levels under a named rule."""
        return self.plan.counts(rule)

    @property
    def multiplications(self) -> int:
        """Products of ciphertexts."""
        return self.counts().multiplications

    @property
    def levels(self) -> int:
        """Levels (rule "published": the scaling of the input is done by the layer before)."""
        return self.counts().levels

    @property
    def rotations(self) -> int:
        """Rotations, those of the sums included."""
        return self.counts().rotations

    def __repr__(self) -> str:
        return (
            f"<{self.function} of {counted(self.length, 'number')}: error <= {upper(self.error_bound, 4)} (proven), "
            f"{counted(self.multiplications, 'multiplication')}, {counted(self.levels, 'level')}, {counted(self.rotations, 'rotation')}>"
        )
