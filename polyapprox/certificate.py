"""A certificate: what was proven about an approximation, and how."""

from __future__ import annotations

from dataclasses import dataclass, field

import mpmath

METHODS = (
    "sampling theorem",
    "exact extrema of parabolas",
    "Taylor models on cells",
    "Taylor balls",
    "Chebyshev coefficients",
    "stages",
)


@dataclass(frozen=True)
class Certificate:
    """A proven statement: weight · |r(x) − f(x)| <= upper for every x of what the approximation covers.

    Parameters
    ----------
    upper : mpmath.mpf
        Proven upper bound of the (weighted) error, absolute.
    lower : mpmath.mpf or None
        Proven lower bound: no competitor described by `lower_for` does better.
    lower_for : str
        For whom, and where, the lower bound holds.
    method : str
        One of :data:`METHODS`: what was done.
    details : dict
        What the method used: number of points or cells, degree, image of each stage.
    """

    upper: mpmath.mpf
    lower: mpmath.mpf | None
    lower_for: str
    method: str
    details: dict[str, object] = field(default_factory=dict, compare=False)
