# SPDX-License-Identifier: Apache-2.0
"""Tools for balls and power series that more than one function needs."""

from __future__ import annotations

from collections.abc import Callable

from flint import arb, arb_series

from ..precision import current_precision, working_precision

SeriesFunction = Callable[[arb_series], arb_series]


def with_value(series: arb_series, value: arb) -> arb_series:
    """The series with a better enclosure of its value at 0."""
    return arb_series([value, *(series[k] for k in range(1, series.prec))], series.prec)


def increasing(f: Callable[[arb], arb]) -> Callable[[arb], arb]:
    """The same function, enclosed on a wide ball by its values at the ends."""

    def enclose(u: arb) -> arb:
        if not u.rad() > (abs(u.mid()) + 1) * arb((1, -20)):
            return f(u)
        return f(u.lower()).union(f(u.upper()))

    return enclose


def composed(taylor: Callable[[arb, int], arb_series], u: arb_series) -> arb_series:
    """f(u) from the Taylor series of f: `taylor` gives it about a point, to a number of terms."""
    length = max(u.prec, 1)
    with working_precision(current_precision(), length + 2):
        outer = taylor(u[0], length)
        return outer(arb_series([0, *(u[k] for k in range(1, length))], length))


def taylor_of_quotient(f: SeriesFunction, centre: arb, length: int) -> arb_series:
    """Taylor series about `centre` of f(x)/x, where f(0) = 0.

    f(x)/x = ∫ f′(xt) dt over 0 <= t <= 1, so its Taylor coefficient k at x is a weighted mean of
    the coefficients k + 1 of f between 0 and x. That encloses where `centre` is a ball near 0;
    elsewhere the series is divided.
    """
    with working_precision(current_precision(), length + 2):
        return _quotient(f, centre, length)


def _quotient(f: SeriesFunction, centre: arb, length: int) -> arb_series:
    if _is_near_zero(centre):
        wide = centre if centre.contains(0) else centre.union(arb(0))
        known = f(arb_series([wide, 1], length + 1))
        return arb_series([known[k + 1] for k in range(length)], length)
    x = arb_series([centre, 1], length)
    return f(x) / x


def quotient(
    on_balls: Callable[[arb], arb], on_series: SeriesFunction
) -> Callable[[arb | arb_series], arb | arb_series]:
    """f(x)/x on balls and power series, for f(0) = 0; smooth at 0 where f is."""

    def evaluate(x: arb | arb_series) -> arb | arb_series:
        if isinstance(x, arb_series):
            return composed(lambda c, length: taylor_of_quotient(on_series, c, length), x)
        if _is_near_zero(x):
            return taylor_of_quotient(on_series, x, 1)[0]
        return on_balls(x) / x

    return evaluate


def _is_near_zero(x: arb) -> bool:
    return x.contains(0) or bool(abs(x).lower() < 2 * x.rad())


def positive_side(u: arb_series) -> bool:
    """Whether the value at 0 is positive; refuses what may be either.

    Raises
    ------
    ZeroDivisionError
        Where the series straddles a kink.
    """
    if u[0] > 0:
        return True
    if u[0] < 0:
        return False
    raise ZeroDivisionError("the series straddles a kink")
