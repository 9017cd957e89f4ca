# SPDX-License-Identifier: Apache-2.0
"""Refined ReLU composites: the value, its record in the shipped file, and look-up."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from ..errors import ArgumentError
from . import shipped
from .stage import check_degree

FILE = "refined_relu.json"


@dataclass(frozen=True)
class RefinedRelu:
    """A jointly refined composite r(x) = x(1 + s(x))/2 + offset on [−1, 1].

    Attributes
    ----------
    degrees : tuple of int
        Degrees of the stages, innermost first.
    free_offset : bool
        Whether the constant was free.
    stages : tuple of tuples of float
        Coefficients of T_1, T_3, … of each stage, exact as doubles; inner images fill [−1, 1].
    offset : float
    threshold : float
        Smallest positive local maximum of s, to the resolution of a grid.
    error : float
        Largest |r − ReLU| sampled: an estimate.
    level : int
        Local extrema that are level to 1e-7.
    parameters : int
        Free parameters (scales between stages do not count).
    sensitivity : float
        By how much of itself the error grows (to first order, an estimate) for each unit of
        relative noise in what a stage hands on to the next.
    """

    degrees: tuple[int, ...]
    free_offset: bool
    stages: tuple[tuple[float, ...], ...]
    offset: float
    threshold: float
    error: float
    level: int
    parameters: int
    sensitivity: float = 0.0

    def error_with(self, noise: float) -> float:
        """The error where what a stage hands on is off by so much, relative: an estimate."""
        return self.error * (1 + self.sensitivity * noise)

    @property
    def bits(self) -> float:
        """−log2 of the sampled error."""
        return -math.log2(self.error)


def as_record(result: RefinedRelu) -> dict[str, Any]:
    """The form of a result in the shipped file."""
    return {
        "degrees": list(result.degrees),
        "free_offset": result.free_offset,
        "stages": [list(stage) for stage in result.stages],
        "offset": result.offset,
        "threshold": result.threshold,
        "error_estimate": result.error,
        "level_extrema": result.level,
        "parameters": result.parameters,
        "sensitivity": result.sensitivity,
    }


def from_record(record: dict[str, Any]) -> RefinedRelu:
    """Read a result of the shipped file."""
    return RefinedRelu(
        tuple(record["degrees"]),
        record["free_offset"],
        tuple(tuple(stage) for stage in record["stages"]),
        record["offset"],
        record["threshold"],
        record["error_estimate"],
        record["level_extrema"],
        record["parameters"],
        record.get("sensitivity", 0.0),
    )


@lru_cache(maxsize=1)
def shipped_refined() -> dict[tuple[tuple[int, ...], bool], RefinedRelu]:
    """All shipped results, by degrees and whether the offset is free."""
    results = map(from_record, shipped.read(FILE)["composites"])
    return {(result.degrees, result.free_offset): result for result in results}


def refined_relu(degrees: tuple[int, ...], offset: bool = True) -> RefinedRelu:
    """The refined composite of a degree list: shipped, or computed now.

    Parameters
    ----------
    degrees : tuple of int
        Odd degrees, innermost first.
    offset : bool
        Whether a free constant may be added.

    Examples
    --------
    >>> refined_relu((7, 15)).bits > 8.95
    True
    """
    key = (tuple(degrees), offset)
    known = shipped_refined()
    if key in known:
        return known[key]
    from .refine import refine

    return refine(*key)


def parse_degrees(text: str) -> tuple[int, ...]:
    """Read a list such as "7,7,15"."""
    try:
        degrees = tuple(int(part) for part in text.split(","))
    except ValueError:
        raise ArgumentError(f"degrees is {text!r}: give odd integers such as 7,7,15") from None
    for degree in degrees:
        check_degree(degree)
    return degrees
