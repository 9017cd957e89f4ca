# SPDX-License-Identifier: Apache-2.0
"""Arguments of an encrypted run, read and checked before anything is encrypted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import ArgumentError
from ..given import floats, sequence, whole

if TYPE_CHECKING:
    from .backend import Parameters


def read_arguments(
    inputs: int, arguments: Sequence[Any], parameters: Parameters, repeats: int = 1
) -> list[np.ndarray]:
    """As many arrays of one axis as a plan takes, float64, finite, no longer than the slots.

    What is no real number is refused, and `repeats` below 1.

    Raises
    ------
    ArgumentError

    Examples
    --------
    >>> from polyapprox.encrypted import Parameters
    >>> read_arguments(1, [[0.5, 0.25]], Parameters(32, 40, 2))[0].shape
    (2,)
    """
    if len(arguments) != inputs:
        raise ArgumentError(f"the plan takes {inputs} argument(s), got {len(arguments)}")
    whole("repeats", repeats, least=1)
    arrays = [floats("an argument", one) for one in arguments]
    for one in arrays:
        if one.ndim != 1 or one.shape != arrays[0].shape or not one.size:
            raise ArgumentError("the arguments must be arrays of one axis and one length")
        if not np.isfinite(one).all():
            raise ArgumentError("an argument has a value that is not finite")
    if arrays[0].size > parameters.slots:
        raise ArgumentError(
            f"{arrays[0].size} values do not fit into the {parameters.slots} slots of "
            f"ring_dimension={parameters.ring_dimension}; use a larger ring"
        )
    return arrays


def filled(values: np.ndarray, slots: int) -> np.ndarray:
    """The values again and again, until every slot has one.

    A slot left at 0 may lie outside the domain, where a polynomial can be so large that it spoils
    the whole ciphertext.

    Examples
    --------
    >>> filled(np.array([10.0, 11.0]), 5)
    array([10., 11., 10., 11., 10.])
    """
    return np.resize(values, slots)


def read_levels(levels: Sequence[int], repeats: int, parameters: Parameters) -> list[int]:
    """Remaining levels to time operations at.

    Raises
    ------
    ArgumentError
        If one is beyond the context's, or `repeats` is below 1.
    """
    whole("repeats", repeats, least=1)
    found = [whole("a level", level, least=0) for level in sequence("levels", levels)]
    for level in found:
        if level > parameters.levels:
            raise ArgumentError(f"levels has {level}; the context has 0 … {parameters.levels}")
    return found
