# SPDX-License-Identifier: Apache-2.0
"""Proof of a series: Taylor balls of f − S on cells (:mod:`polyapprox.proof.taylor`).

S is entire, and its Taylor coefficients at a centre c are known in closed form: with
v_j = (a_j − i b_j) e^{ijθ(c)}, the one of order k is Re(i^k Σ (jω)^k/k! v_j), ω = π/width. On a *ball*
the same sum encloses them all over it. f − S is given to the house's machinery as one function,
beside the polynomial 0.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import mpmath
from flint import arb, arb_mat, arb_poly, arb_series

from ..certificate import Certificate
from ..errors import ProofError
from ..functions.pieces import Piece
from ..numbers import ball, exact, log2, magnitude
from ..precision import current_precision, one_at_a_time, working_precision
from ..proof.covered import widened
from ..proof.taylor import bound_error
from ..targets import Target, as_target
from .value import Bootstrapped

METHOD = "Taylor balls"
_BITS = 96
_LEAST_ERROR = mpmath.mpf(2) ** -60


class SeriesFunction:
    """S on balls and along x = c + t, in the current working precision."""

    def __init__(self, series: Bootstrapped) -> None:
        self.series = series
        self._powers: dict[tuple[int, int], arb_mat] = {}

    def ball(self, x: arb) -> arb:
        """A ball that contains S on the ball x."""
        real, _ = self._turned(x)
        return sum(real, arb(0))

    def along(self, x: arb_series) -> arb_series:
        """Taylor coefficients of S, low to high, where x = c + t."""
        order = x.prec
        real, imaginary = self._turned(x[0])
        powers = self._table(order)
        one = powers * arb_mat(len(real), 1, real)
        other = powers * arb_mat(len(real), 1, imaginary)
        parts = (one, other)  # Re(i^k (u + i v)): u, −v, −u, v
        terms = [
            parts[k % 2][k, 0] if k % 4 in (0, 3) else -parts[k % 2][k, 0] for k in range(order)
        ]
        return arb_series(terms, order)

    def _turned(self, x: arb) -> tuple[list[arb], list[arb]]:
        """Real and imaginary parts of (a_j − i b_j) e^{ijθ}."""
        one = self.series
        angle = arb.pi() * (x - ball(one.centre)) / ball(one.width)
        real, imaginary = [], []
        for j, (a, b) in enumerate(zip(one.cosines, one.sines, strict=True)):
            sine, cosine = (j * angle).sin_cos()
            p, q = ball(a), ball(b)
            real.append(p * cosine + q * sine)
            imaginary.append(p * sine - q * cosine)
        return real, imaginary

    def _table(self, order: int) -> arb_mat:
        """(jω)^k/k! for each order k and each j."""
        key = (order, current_precision())
        if key not in self._powers:
            rate, size = arb.pi() / ball(self.series.width), self.series.degree + 1
            rows, row = [], [arb(1)] * size
            for k in range(order):
                rows.append(row)
                row = [value * rate * j / (k + 1) for j, value in enumerate(row)]
            self._powers[key] = arb_mat(rows)
        return self._powers[key]


def prove(series: Bootstrapped, target: Target | None = None) -> Certificate:
    """Prove a bound of |S − f| on what is covered.

    Parameters
    ----------
    series : Bootstrapped
    target : Target, optional
        The function, where its name does not say what it is.

    Raises
    ------
    ProofError
        If a coefficient is above the limit, what is covered is not what is stated, or no bound is
        found.
    """
    function = as_target(series.function) if target is None else target
    check_statement(series, function)
    estimate = max(exact(series.error_estimate), _LEAST_ERROR * series.limit, mpmath.mpf(2) ** -900)
    of_series = SeriesFunction(series)
    room = max(0.0, log2(max(series.limit, estimate)) - log2(estimate))
    upper, cells = arb(0), 0
    for piece, low, high in _pieces(series, function):
        with working_precision(_BITS + int(room) + series.degree.bit_length() * 8):
            found = bound_error(
                _difference(of_series, function, piece), None, arb_poly([0]), [(low, high)],
                ball(estimate), current_precision(),
            )  # fmt: skip
        upper, cells = upper.max(found.upper), cells + found.cells
    return Certificate(exact(upper.upper()), None, "", METHOD, {"cells": cells})


@one_at_a_time
def certified(series: Bootstrapped, target: Target | None = None) -> Bootstrapped:
    """The series with its certificate."""
    return replace(series, certificate=prove(series, target))


def check_statement(series: Bootstrapped, function: Target) -> None:
    """Refuse what contradicts itself: coefficients above the limit, other intervals, a message too long.

    Raises
    ------
    ProofError
    """
    one = series
    if any(magnitude(c) > one.limit for c in (*one.cosines, *one.sines)):
        raise ProofError(f"a coefficient is above the limit {float(one.limit):.6g} that is stated")
    if one.sines[0] != 0 or len(one.sines) != len(one.cosines):
        raise ProofError("there must be as many sines as cosines, and the first must be 0")
    if widened(one.domain, one.guard, function) != one.covered:
        raise ProofError(
            f"a guard of {float(one.guard):.6g} is stated, but what is covered is not the domain "
            "widened by it"
        )
    for end in (one.covered[0][0], one.covered[-1][1]):
        if 2 * magnitude(exact(end) - one.centre) > one.width:
            raise ProofError(
                f"at x={float(end):.6g} the message is outside [-1/2, 1/2]; give a larger width"
            )


def _pieces(
    series: Bootstrapped, function: Target
) -> list[tuple[Piece | None, mpmath.mpf, mpmath.mpf]]:
    """What is covered, cut where f is not smooth; with the polynomial that f is there, if it is."""
    found: list[tuple[Piece | None, mpmath.mpf, mpmath.mpf]] = []
    for low, high in series.covered:
        cuts = [b for b in function.breakpoints if low < b < high]
        for start, stop in pairwise([low, *cuts, high]):
            inside = [
                piece
                for piece in function.pieces or ()
                if (piece[0] is None or piece[0] <= start) and (piece[1] is None or stop <= piece[1])
            ]
            found.append((inside[0] if inside else None, start, stop))
    return found


def _difference(series: SeriesFunction, function: Target, piece: Piece | None) -> Target:
    """f − S as a function of balls; f by its polynomial where it is one."""
    constants = None if piece is None else [ball(c) for c in piece[2]]

    def value(x: arb | arb_series) -> arb | arb_series:
        if isinstance(x, arb):
            of = function.ball(x) if constants is None else arb_poly(constants)(x)
            return of - series.ball(x)
        if constants is None:
            return function.series(x) - series.along(x)
        of_piece = arb_series([0], x.prec)
        for constant in reversed(constants):
            of_piece = of_piece * x + constant
        return of_piece - series.along(x)

    return Target(function.name, function.breakpoints, function=value)
