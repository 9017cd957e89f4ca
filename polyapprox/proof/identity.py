# SPDX-License-Identifier: Apache-2.0
"""That a plan computes what its components say: polynomials compared, the difference bounded.

A single polynomial is expanded in powers of its unit variable, a composite stage by stage
(:mod:`polyapprox.proof.chain_match`); nothing is evaluated at points. What rounded constants leave
of the difference is carried through the stages that follow by bounds of their derivatives.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import mpmath
from flint import arb, arb_poly

from ..approximation import Approximation
from ..errors import ProofError
from ..numbers import ball, exact, significant_bits
from ..polynomial import Polynomial
from ..precision import working_precision
from .chain_match import Match, Stage, match_stages
from .ending import Ending, ending_of
from .forms import size_on
from .ranges import is_odd, range_on, unit_power_form
from .study import study_domain

_BITS = 450  # beyond those of the coefficients: adapted ones have 400
_BITS_PER_DEGREE = 8
# By how much the inputs of stages are taken wider than those proven: 2^-120, or less where the
# coefficients have more bits, as their rounding is all that the margins of the stages leave for it.
_WIDER_BITS = 120
_WIDER_BITS_BEYOND = 50
_SUM_BITS = 200
_ATTEMPTS = 3  # each with twice the bits
_SHARE, _ROUNDING = arb((1, -40)), arb((1, -256))
_Part = tuple[arb, arb]


def difference_bound(approximation: Approximation, upper: mpmath.mpf) -> mpmath.mpf:
    """Proven bound of |plan − components| on all that is covered.

    Parameters
    ----------
    approximation : Approximation
        With components.
    upper : mpmath.mpf
        Error of the components.

    Raises
    ------
    ProofError
        If the difference is more than rounded constants make: above 2^-40 of the error, or 2^-256
        of the values where that is more.
    """
    most = _longest(approximation.components)
    degree = max(component.degree for component in approximation.components)
    bits = _BITS + most + _BITS_PER_DEGREE * degree
    gap: arb | None = None
    for attempt in range(_ATTEMPTS):
        with working_precision(bits << attempt):
            gap, size = _difference(approximation)
            if gap is not None and gap <= (ball(upper) * _SHARE).max(size * _ROUNDING):
                return exact(gap.upper())
    raise ProofError(
        "the plan does not compute what the components say"
        + ("" if gap is None else f": they may differ by {float(gap.upper()):.3g}")
    )


def _longest(components: tuple[Polynomial, ...]) -> int:
    """Most significant bits of a coefficient."""
    return max(significant_bits(c) for p in components for c in p.coefficients)


def _difference(approximation: Approximation) -> tuple[arb | None, arb]:
    """Bound of the difference (None: the stages are not found in the plan), and of the values."""
    parts = [(ball(a), ball(b)) for a, b in study_domain(approximation)]
    forms = _forms(approximation.components)
    ending = ending_of(approximation, _farthest(parts))
    mirrored = len(forms) > 1 and all(is_odd(c) for c in approximation.components)
    beyond = max(_WIDER_BITS, _longest(approximation.components) + _WIDER_BITS_BEYOND)
    inputs = _inputs(approximation, parts, mirrored)
    chain = _followed(forms, inputs, mirrored, arb((1, -beyond)))
    found = match_stages(approximation.plan, chain.stages, ending)
    size = sum((abs(ball(c)) for c in approximation.components[-1].coefficients), arb(0))
    size += abs(ball(approximation.offset))
    if len(ending.times):
        size = (1 + size) * ending.reach
    return (None if found is None else _carried(found, chain, ending)), size


def _forms(components: tuple[Polynomial, ...]) -> list[arb_poly]:
    """Each stage from its own unit variable to that of the next one."""
    forms = [unit_power_form(component) for component in components]
    for index, following in enumerate(components[1:]):
        slope, shift = (ball(number) for number in following.unit_map)
        forms[index] = forms[index] * slope + shift
    return forms


def sum_above(first: mpmath.mpf, second: mpmath.mpf) -> mpmath.mpf:
    """The sum of two bounds, rounded up."""
    if not second:
        return first
    with working_precision(_SUM_BITS):
        return exact((ball(first) + ball(second)).upper())


@dataclass(frozen=True)
class _Chain:
    """Stages with their inputs (taken wider, relative), values, and bounds of derivatives there."""

    stages: list[Stage]
    slopes: list[arb]
    wider: arb


def _followed(
    forms: list[arb_poly], inputs: list[_Part], mirrored: bool, wider: arb
) -> _Chain:
    """The images of all stages, one after the other (of a single stage it is not needed)."""
    if len(forms) == 1:
        radius = _farthest(_widened(inputs, False, wider))
        return _Chain([Stage(forms[0], radius, arb(0))], [arb(0)], wider)
    stages, slopes = [], []
    for form in forms:
        wide = _widened(inputs, mirrored, wider)
        images = [_image(form, mirrored, *part) for part in wide]
        inputs = [(low, high) for low, high, _ in images]
        stages.append(Stage(form, _farthest(wide), _farthest(inputs)))
        slopes.append(max_of(steep for _, _, steep in images))
    return _Chain(stages, slopes, wider)


def _image(form: arb_poly, mirrored: bool, low: arb, high: arb) -> tuple[arb, arb, arb]:
    """Range of a stage on a part of its inputs, and a bound of its derivative there."""
    found = range_on(form, mirrored, low, high)
    smallest, largest, half = found.smallest, found.largest, (high - low) / 2
    swing = (largest - smallest) / 2
    if mirrored:  # of what happens on [-high, high]
        largest = largest.max(-smallest)
        smallest, half, swing = arb(0), high, largest
    # A. Markov: |q'| <= n² max |q| / (half the length of the interval)
    steep = form.degree() ** 2 * swing / half
    centre = (low + high) / 2
    directly = size_on(form.derivative()(arb_poly([centre, 1])), (high - low) / 2)
    if not steep.is_finite() or (not mirrored and directly < steep):
        steep = directly
    return smallest, largest, steep.upper()


def _carried(found: Match, chain: _Chain, ending: Ending) -> arb | None:
    """What the differences of the stages come to at the end (None: beyond what was widened)."""
    total, stage = arb(0), 0
    for joined, gap in zip(found.joined, found.gaps, strict=True):
        if stage and not total <= chain.wider * chain.stages[stage].radius / 2:
            return None
        for slope in chain.slopes[stage : stage + joined]:
            total = total * slope
        stage += joined
        if stage == len(chain.slopes):
            total = total * _gain(ending)
        total = total + gap
    return total.upper()


def _gain(ending: Ending) -> arb:
    """How the value of the last stage enters the result."""
    plain, times = ending.plain.derivative(), ending.times.derivative()
    return abs(plain[0]) + abs(times[0]) * ending.reach


def _inputs(
    approximation: Approximation, parts: list[_Part], mirrored: bool
) -> list[_Part]:
    """What the unit variable of the first stage takes; of odd stages the positive half."""
    slope, shift = (ball(number) for number in approximation.components[0].unit_map)
    found = [(slope * low + shift, slope * high + shift) for low, high in parts]
    return [(arb(0), _farthest(found))] if mirrored else found


def _widened(parts: list[_Part], mirrored: bool, wider: arb) -> list[_Part]:
    """All parts a little wider (where the inputs are mirrored, the first end stays 0)."""
    more = _farthest(parts) * wider
    return [
        (low if mirrored else (low - more).lower(), (high + more).upper()) for low, high in parts
    ]


def _farthest(parts: list[_Part]) -> arb:
    return max_of(abs(end).upper() for part in parts for end in part)


def max_of(values: Iterable[arb]) -> arb:
    """The largest of some numbers that are not negative."""
    largest = arb(0)
    for value in values:
        largest = largest.max(value)
    return largest
