"""The approximation that networks get where nobody asks for another."""

from __future__ import annotations

import polyapprox
from polyapprox.approximation import Approximation


def network_relu(
    *, precision: float, interval: tuple[float, float] = (-1.0, 1.0)
) -> Approximation:
    """:func:`polyapprox.relu` with r(0) = 0.

    A constant makes the largest error smaller or cheaper, but it is added to every input of a
    layer, small ones above all: it shifts the mean of each channel, and networks lose accuracy by
    that at 2^-7 and below (ResNet-20 on CIFAR-10, ranges per layer, at 2^-6: 58 % with the
    constant, 87 % without). Of the composites without a constant the one with the fewest levels is
    taken: levels are what a deep network has least of.

    Parameters
    ----------
    precision : float
        Error on the interval scaled to [−1, 1].
    interval : (float, float)

    Returns
    -------
    Approximation

    Examples
    --------
    >>> network_relu(precision=2**-7)(0.0)
    0.0
    """
    return polyapprox.relu(
        precision=precision, interval=interval, offset=False, objective="depth"
    )
