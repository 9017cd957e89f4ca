# SPDX-License-Identifier: Apache-2.0
"""Narrower networks: numbers of channels times a factor."""

from __future__ import annotations

_MULTIPLE = 8


def narrowed(channels: int, width: float) -> int:
    """The nearest multiple of 8, at least 8 (Sandler et al., arXiv 1801.04381, in their code).

    Examples
    --------
    >>> [narrowed(channels, 0.35) for channels in (16, 96, 1280)]
    [8, 32, 448]
    >>> narrowed(20, 1.0)
    20
    """
    if width == 1:
        return channels
    return max(_MULTIPLE, round(channels * width / _MULTIPLE) * _MULTIPLE)
