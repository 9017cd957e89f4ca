# SPDX-License-Identifier: Apache-2.0
"""The error of a composite |x| or ReLU beyond its dead zone, by halving where it is large.

On a cell [l, r] with s in [a, b] the product x (1 − s(x)) lies between r (1 − b) and r (1 − a), or l
times these where they have the other sign. Cells are halved as long as this allows clearly more
than a value that is taken.
"""

from __future__ import annotations

from collections.abc import Callable

from flint import arb

from .ranges import range_on
from .stages import StageProof, handed_on

_CLEARLY = 1.003
_MOST = 400  # cells
_NARROW = 1.0005  # ratio of the ends of a cell that is not halved any more


def largest_in_tail(
    proof: StageProof, interval: tuple[arb, arb], error: Callable[[arb], arb], known: arb
) -> arb:
    """Upper bound of error(x (1 − s(x))) on the interval that the stages were proven on.

    Parameters
    ----------
    proof : StageProof
    interval : (arb, arb)
        Positive.
    error : callable
        A convex function of that product.
    known : arb
        A lower bound of the largest error, from elsewhere.
    """
    start, end = interval
    for x in interval:
        known = known.max(error(_product(proof, x)).lower())
    largest, done = arb(0), 0
    stack = [(start, end, proof.image)]
    while stack:
        left, right, (smallest, greatest) = stack.pop()
        done += 1
        bound = _bound(left, right, smallest, greatest, error)
        narrow = right < left * _NARROW
        if bound <= known * _CLEARLY or narrow or done > _MOST:
            largest = largest.max(bound)
            continue
        middle = (left * right).sqrt().mid()
        known = known.max(error(_product(proof, middle)).lower())
        for cell in ((left, middle), (middle, right)):
            stack.append((*cell, _image(proof, *cell)))
    return largest


def _bound(
    left: arb, right: arb, smallest: arb, greatest: arb, error: Callable[[arb], arb]
) -> arb:
    above = (right * (1 - smallest)).max(left * (1 - smallest)).upper()
    below = (right * (1 - greatest)).min(left * (1 - greatest)).lower()
    return error(above).max(error(below)).upper()


def _product(proof: StageProof, x: arb) -> arb:
    value = x
    for form in proof.forms:
        value = form(value)
    return x * (1 - value)


def _image(proof: StageProof, low: arb, high: arb) -> tuple[arb, arb]:
    """Enclosure of s on a cell of the interval, within what is proven for all of it.

    What an enclosure of a stage is too wide would else grow through all the stages that follow.
    """
    for form, (least, most) in zip(proof.forms, proof.inputs, strict=True):
        low, high = low.max(least.lower()), high.min(most.upper())
        found = range_on(form, bool(low >= 0), low, high)
        low, high = handed_on(found, proof.noise)
    smallest, largest = proof.image
    return found.smallest.max(smallest.lower()), found.largest.min(largest.upper())
