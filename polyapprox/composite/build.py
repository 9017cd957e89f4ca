# SPDX-License-Identifier: Apache-2.0
"""Building composites: exact dyadic components, guard margins in plain sight."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import mpmath
from flint import arb

from ..errors import ArgumentError, NotConvergedError
from ..given import is_whole
from ..numbers import ZERO, Real, add, ball, dyadic, exact, rounded
from ..polynomial import Polynomial
from ..precision import working_precision
from .exact import odd_chebyshev, odd_powers, polished_stage
from .refined import refined_relu
from .stage import check_degree
from .threshold import at_threshold, best_threshold

_DOUBLE_BITS = 53


@dataclass(frozen=True)
class Stage:
    """One component of a composite sign.

    Attributes
    ----------
    polynomial : Polynomial
        Odd, on the domain [−1, 1]; all stages but the last are divided by `scale`, so that their
        values lie in [−1, 1] again.
    low : mpmath.mpf
        The stage is minimax for 1 on [low, 1], times `scale`.
    error : mpmath.mpf
        E: before the division, the image of [low, 1] is [1 − E, 1 + E] (an estimate).
    margin : mpmath.mpf
        Widening of the image at either end, relative to that end, before it becomes the next
        stage's input interval.
    scale : mpmath.mpf
        (1 + E)(1 + margin); 1 for the last stage.
    """

    polynomial: Polynomial
    low: mpmath.mpf
    error: mpmath.mpf
    margin: mpmath.mpf
    scale: mpmath.mpf


@dataclass(frozen=True)
class ReluComposite:
    """Components of r(x) = x(1 + s(x))/2 + offset on [−1, 1].

    Attributes
    ----------
    components : tuple of Polynomial
        s = p_k ∘ … ∘ p_1, innermost first.
    offset : mpmath.mpf
        The free constant, zero without one.
    threshold : float
        From where on s was made to hold.
    error : float
        Largest sampled |r − ReLU|: an estimate.
    margins : tuple of mpmath.mpf
        Guard margin of each stage, relative (zero for refined composites, which have none).
    refined : bool
        Whether all coefficients were refined together.
    """

    components: tuple[Polynomial, ...]
    offset: mpmath.mpf
    threshold: float
    error: float
    margins: tuple[mpmath.mpf, ...]
    refined: bool


def composite_sign(
    degrees: tuple[int, ...], ratio: Real, bits: int = 128, margin: float | None = None
) -> tuple[Stage, ...]:
    """The optimal composition of given degrees for sign on [−1, −ratio] and [ratio, 1].

    Parameters
    ----------
    degrees : tuple of int
        Odd degrees, innermost first.
    ratio : number
        Between 0 and 1.
    bits : int
        Significant bits of the coefficients.
    margin : float, optional
        Guard margin of every stage but the last, relative; by default, and with 53 bits at least,
        2^(10 − bits), which covers the rounding of the coefficients. With more bits that is added:
        there stages are so many that what is left over by one grows through all that follow.

    Raises
    ------
    ArgumentError
        For an even degree, no degree, or a ratio outside (0, 1).

    Notes
    -----
    Greedy: minimax on the image of the stage before, which is optimal (Amsel et al., arXiv
    2505.16932, theorem 4.1; Lee et al., eprint 2020/834).

    Examples
    --------
    >>> stages = composite_sign((5, 7), 2.0**-4, bits=64)
    >>> float(stages[-1].error) < 2**-3, stages[0].polynomial.degree
    (True, 5)
    """
    _check(degrees, bits)
    low = exact(ratio)
    if not 0 < low < 1:
        raise ArgumentError(f"ratio is {ratio}: give a number strictly between 0 and 1")
    guard = _margin(bits, exact(margin or 0))
    stages: list[Stage] = []
    for position in range(len(degrees)):
        last = position == len(degrees) - 1
        widening = ZERO if last else guard
        coefficients, error = _polished(degrees, position, low, bits)
        with working_precision(2 * bits + 64):
            high = arb(1) if last else (1 + error) * (1 + ball(widening))
            scale = rounded(exact(high), bits + 16)
            scaled = [rounded(exact((c / ball(scale)).mid()), bits) for c in coefficients]
            # a ratio next to 1 carries the next error in its distance from 1: keep it all
            following = exact(((1 - error) * (1 - ball(widening)) / ball(scale)).mid())
        polynomial = Polynomial(_interleave(scaled), (exact(-1), exact(1)), "odd")
        stages.append(Stage(polynomial, low, exact(error), widening, scale))
        low = following
    return tuple(stages)


def _margin(bits: int, wanted: mpmath.mpf) -> mpmath.mpf:
    """The margin of a stage: what is wanted, and what the rounding of its coefficients takes."""
    rounding = dyadic(1, 10 - bits)
    return add(wanted, rounding) if bits > _DOUBLE_BITS else max(wanted, rounding)


def _polished(
    degrees: tuple[int, ...], position: int, low: mpmath.mpf, bits: int
) -> tuple[list[arb], arb]:
    """One stage; refused where the stages before leave nothing for it to do."""
    why: NotConvergedError | None = None
    try:
        coefficients, error = polished_stage(degrees[position], ball(low), bits + 16)
        if error.is_finite() and all(c.is_finite() for c in coefficients):
            return coefficients, error
    except NotConvergedError as failed:
        why = failed
    raise NotConvergedError(
        f"degrees={degrees}: the error of stage {position + 1} is too small to be computed; leave "
        "out the last stages, or take lower degrees or a smaller threshold"
    ) from why


def relu_composite(
    degrees: tuple[int, ...],
    bits: int = 128,
    offset: bool = True,
    refine: bool = False,
    threshold: float | None = None,
    guard: float = 0.0,
) -> ReluComposite:
    """Components, offset and threshold of a ReLU composite on [−1, 1].

    Parameters
    ----------
    degrees : tuple of int
        Odd degrees, innermost first.
    bits : int
        Significant bits of the coefficients (53 for refined ones).
    offset : bool
        Whether to add a free constant; without one r(0) = 0.
    refine : bool
        Refine all coefficients together; shipped results are used where they exist.
    threshold : float, optional
        Fix the threshold instead of choosing the best.
    guard : float
        Of what the stages hand on, relative: each is made for that much more than it gets.

    Raises
    ------
    ArgumentError
        For an even degree, no degree, or a threshold outside (0, 1).

    Examples
    --------
    >>> relu_composite((7, 7), bits=64).error < 2**-7.5
    True
    """
    _check(degrees, bits)
    if refine:
        result = refined_relu(degrees, offset)
        components = tuple(
            Polynomial.from_floats(_interleave(list(stage)), parity="odd")
            for stage in result.stages
        )
        margins = (ZERO,) * len(components)
        error = result.error_with(guard)
        return ReluComposite(
            components, exact(result.offset), result.threshold, error, margins, True
        )
    degrees = tuple(degrees)
    if threshold is None:
        best = best_threshold(degrees, offset, guard)
    elif 0 < threshold < 1:
        best = at_threshold(degrees, threshold, offset, guard)
    else:
        raise ArgumentError(f"threshold is {threshold}: give a number strictly between 0 and 1")
    stages = composite_sign(degrees, best.threshold, bits, guard)
    return ReluComposite(
        tuple(stage.polynomial for stage in stages),
        rounded(exact(best.offset), 53),
        best.threshold,
        best.error,
        tuple(stage.margin for stage in stages),
        False,
    )


def stretched(polynomial: Polynomial, factor: Fraction, bits: int) -> Polynomial:
    """An odd p on [-1, 1] in the Chebyshev polynomials of an interval shorter by a factor.

    What is written for x/B' is then written for x/B, B' = factor · B, so that the guard costs no
    product with a constant; coefficients are rounded to `bits` bits again.

    Examples
    --------
    >>> line = Polynomial.from_floats([0, 1.0], parity="odd")
    >>> stretched(line, Fraction(5, 4), 53).coefficients[1] == rounded(Fraction(4, 5), 53)
    True
    """
    if factor == 1:
        return polynomial
    with working_precision(2 * bits + 6 * polynomial.degree + 64):
        powers = odd_powers([ball(c) for c in polynomial.coefficients[1::2]])
        shrunk = [(c / ball(factor) ** (2 * k + 1)).mid() for k, c in enumerate(powers)]
        coefficients = [rounded(exact(c), bits) for c in odd_chebyshev(shrunk)]
    return Polynomial(_interleave(coefficients), polynomial.domain, "odd")


def _interleave(odd: list[Any]) -> tuple[Any, ...]:
    """Coefficients of T_1, T_3, … with zeros between."""
    full = [ZERO] * (2 * len(odd))
    full[1::2] = odd
    return tuple(full)


def _check(degrees: tuple[int, ...], bits: int) -> None:
    if not degrees:
        raise ArgumentError("degrees is empty: give at least one odd degree")
    for degree in degrees:
        check_degree(degree)
    if not is_whole(bits) or bits < 24:
        raise ArgumentError(f"bits is {bits!r}: give an integer of at least 24")
