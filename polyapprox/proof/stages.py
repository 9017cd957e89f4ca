# SPDX-License-Identifier: Apache-2.0
"""Proof of a composite sign stage by stage, and of what it makes of |x| and ReLU.

The image of each stage is enclosed and handed to the next. In the dead zone [0, ε], where the
sign is not claimed, every stage increases from 0 until its value enters the interval that the
stage was made for; so s is bounded below at every point by its value at any point before, and
x(1 − s(x)) is bounded on a cell [l, r] by r(1 − s(l)).
"""

from __future__ import annotations

from dataclasses import dataclass

from flint import arb, arb_poly

from ..errors import ProofError
from ..polynomial import Polynomial
from .ranges import Range, is_odd, power_form, range_on

_CELL = 0.999  # ratio of the ends of a cell of the dead zone


@dataclass(frozen=True)
class StageProof:
    """Enclosures of a composite sign on [start, end].

    Attributes
    ----------
    forms : list of arb_poly
        Stages in powers of their own variable.
    inputs : list of (arb, arb)
        Proven input interval of each stage.
    ranges : list of Range
        Proven image of each stage.
    noise : arb
        By which what a stage hands on may be off, relative.
    """

    forms: list[arb_poly]
    inputs: list[tuple[arb, arb]]
    ranges: list[Range]
    noise: arb | int = 0

    @property
    def image(self) -> tuple[arb, arb]:
        """Proven enclosure of s on [start, end]."""
        return self.ranges[-1].smallest, self.ranges[-1].largest


def prove_stages(
    components: tuple[Polynomial, ...], start: arb, end: arb, noise: arb | int = 0
) -> StageProof:
    """Enclose s = p_k ∘ … ∘ p_1 on [start, end] in the current precision.

    What a stage hands on may be off by `noise`, relative.
    """
    forms = [power_form(component) for component in components]
    inputs, ranges = [], []
    low, high = start, end
    for component, form in zip(components, forms, strict=True):
        inputs.append((low, high))
        found = range_on(form, is_odd(component) and bool(low >= 0), low, high)
        ranges.append(found)
        low, high = handed_on(found, noise)
    return StageProof(forms, inputs, ranges, noise)


def handed_on(found: Range, noise: arb | int) -> tuple[arb, arb]:
    """The interval of what a stage hands on, off by `noise`, relative."""
    if noise == 0:
        return found.smallest, found.largest
    low = found.smallest - abs(found.smallest) * noise
    return low.lower(), (found.largest + abs(found.largest) * noise).upper()


def dead_zone(proof: StageProof, start: arb) -> tuple[arb, arb, arb]:
    """Bound x(1 − s(x)) for x in [0, start].

    Returns
    -------
    smallest, largest : arb
        Proven bounds.
    sampled : arb
        Largest value seen at a sample: a lower estimate of `largest`.

    Raises
    ------
    ProofError
        If a stage is not proven to increase up to its interval.
    """
    if not all(found.increasing_before for found in proof.ranges):
        raise ProofError(
            "a stage is not proven to increase from 0 to the start of its interval, so the dead "
            "zone cannot be bounded stage by stage: are the components minimax odd polynomials?"
        )
    tail_low, tail_high = proof.image

    def least(x: arb) -> arb:
        """Lower bound of s on [x, start]."""
        for form, (low, _) in zip(proof.forms, proof.inputs, strict=True):
            if not x < low:
                return tail_low
            value = form(x)
            x = (value - abs(value) * proof.noise).lower()
        return x.min(tail_low)

    right = start.upper()
    largest, sampled = arb(0), arb(0)
    while right > largest:
        left = (right * arb(_CELL)).lower()
        below = least(left)
        largest = largest.max((right * (1 - below)).upper())
        sampled = sampled.max((left * (1 - below)).lower())
        right = left
    smallest = (start * (1 - tail_high.max(arb(1)))).lower().min(arb(0))
    return smallest, largest, sampled
