# SPDX-License-Identifier: Apache-2.0
"""``polyapprox.bootstrapped``: the best series for a function inside the bootstrap, proven."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np

from .. import outward
from ..errors import ArgumentError
from ..given import number, shown
from ..numbers import exact
from ..precision import one_at_a_time
from ..proof.covered import widened
from ..provenance import Provenance, call
from ..recipes.arguments import Parts, either, read_degree, read_parts, read_tolerance
from ..recipes.guard import DEFAULT_GUARD, read_guard
from ..scaling import unit_of
from ..targets import Target, as_target, check_domain
from .depth import HIGHEST, NATURAL_DEGREES
from .fit import fit
from .proof import certified
from .value import Bootstrapped

_LARGEST_EXTENSION = 64.0
_LIMITS = (2.0**-4, 2.0**12)
_SHARE = 0.999  # of a precision: what the sampled error may be
_SETTLED, _A_LEVEL = 5, 3.0  # beyond that degree a kink's error falls less than threefold by a level


@one_at_a_time
def bootstrapped(
    function: str | Callable[[Any], Any] | Target,
    degree: int | None = None,
    *,
    precision: float | None = None,
    tolerance: float | None = None,
    interval: Parts | None = None,
    domain: Parts | None = None,
    extension: float = 2.0,
    largest: float = 1.0,
    guard: float = DEFAULT_GUARD,
) -> Bootstrapped:
    """The best trigonometric series with bounded coefficients, for a functional bootstrap.

    Parameters
    ----------
    function : str, callable or Target
        Name or expression in x, or a function of python-flint balls.
    degree : int, optional
        Of the series, 1 to 247; or give `precision` or `tolerance`, and the cheapest degree by
        OpenFHE's count of levels is taken (:data:`polyapprox.refresh.depth.NATURAL_DEGREES`).
    precision : float, optional
        Error on the interval scaled to [-1, 1] for functions that scale with it, absolute for others.
    tolerance : float, optional
        Absolute error.
    interval : (float, float) or list of disjoint ones, optional
        Where x lies; [-1, 1] by default. Two intervals leave a gap, as for the sign.
    domain : the same
        The former word for `interval`.
    extension : float
        Length of the period in lengths of the interval, 2 to 64. More loses precision.
    largest : float
        Bound of the coefficients in units of the largest value of the function, 2^-4 to 2^12.
        More gains half a bit or less for functions with a kink, more for smooth ones; noise grows
        with it (:attr:`~polyapprox.refresh.value.Bootstrapped.amplification`).
    guard : float
        Inputs may leave the interval by so much of its larger end, as for :func:`polyapprox.relu`.

    Returns
    -------
    Bootstrapped

    Raises
    ------
    ArgumentError, DomainError, ExpressionError, NotConvergedError, ProofError

    References
    ----------
    eprint 2026/367; Huybrechs, doi:10.1137/090752456.

    Examples
    --------
    >>> r = bootstrapped("relu", 27, interval=(-8, 8))
    >>> r.bits > 8.3, r.levels(), r.largest_coefficient <= 8.01
    (True, 20, True)
    >>> bootstrapped("sigmoid", precision=2**-9, interval=(-8, 8)).degree
    13
    """
    target = as_target(function)
    parts = read_parts(either("interval", interval, "domain", domain, (-1, 1)))
    check_domain(target, parts)
    over, ratio, allowed = read_guard(guard), _extension(extension), _largest(largest)
    if (degree is None) == (precision is None and tolerance is None):
        raise ArgumentError("give either degree, or one of precision and tolerance")
    asked = {
        "interval": parts[0] if len(parts) == 1 else list(parts), "extension": ratio,
        "largest": allowed, "guard": float(over),
    }  # fmt: skip
    left_out = {"interval": (-1.0, 1.0), "extension": 2.0, "largest": 1.0, "guard": DEFAULT_GUARD}
    named = target.function if target.tree is None else target.name

    def of_degree(n: int) -> Bootstrapped:
        command = call("bootstrapped", named, n, **asked, leave_out=left_out)
        made = _fitted(target, n, parts, over, ratio, allowed, command)
        return certified(made, target) if target.provable else made

    if degree is not None:
        return of_degree(_degree(degree))
    wanted = read_tolerance(precision, tolerance, unit_of(target.name, parts))
    kinked = any(low < b < high for b in target.breakpoints for low, high in parts)
    for place, n in enumerate(NATURAL_DEGREES):
        made = _fitted(target, n, parts, over, ratio, allowed, "")
        if made.error_estimate <= wanted * _SHARE:
            result = of_degree(n)
            if (result.error_bound if target.provable else result.error_estimate) <= wanted:
                return result
        following = len(NATURAL_DEGREES) - 1 - place
        if kinked and n > _SETTLED and made.error_estimate > wanted * _A_LEVEL**following:
            break
    raise ArgumentError(
        f"no series up to degree {HIGHEST} reaches an error of {wanted:.4g} for {target.name!r} (one "
        f"of degree {n} has {made.error_estimate:.4g}): ask for less, shorten the interval, or "
        "bootstrap and evaluate a circuit"
    )


def _fitted(
    target: Target,
    degree: int,
    parts: tuple[tuple[float, float], ...],
    guard: mpmath.mpf,
    extension: float,
    largest: float,
    command: str,
) -> Bootstrapped:
    """The series, not yet proven."""
    domain = tuple((exact(low), exact(high)) for low, high in parts)
    covered = widened(domain, guard, target)
    low, high = outward.below(covered[0][0]), outward.above(covered[-1][1])
    centre = (low + high) / 2
    width = float(np.nextafter(extension * max(high - centre, centre - low), math.inf))
    rate = math.pi / width
    arcs = [((float(a) - centre) * rate, (float(b) - centre) * rate) for a, b in covered]

    def at(angles: np.ndarray) -> np.ndarray:
        x = np.clip(centre + angles / rate, low, high)
        return np.asarray(target.numpy(x))

    size = float(np.max(np.abs(np.concatenate([at(np.linspace(a, b, 4097)) for a, b in arcs]))))
    if not (size and math.isfinite(size)):
        raise ArgumentError(
            f"the function {target.name!r} is 0 or not finite all over the interval: no series is needed"
        )
    limit = largest * size
    kinks = [(float(b) - centre) * rate for b in target.breakpoints if low < b < high]
    inner = [k for k in kinks if any(a < k < b for a, b in arcs)]
    found = fit(at, arcs, degree, limit, inner)
    return Bootstrapped(
        function=target.name,
        domain=domain,
        guard=guard,
        covered=covered,
        centre=exact(centre),
        width=exact(width),
        cosines=tuple(exact(float(c)) for c in found.cosines),
        sines=tuple(exact(float(c)) for c in found.sines),
        limit=exact(limit),
        error_estimate=found.estimate,
        certificate=None,
        provenance=Provenance.of(command),
    )


def _degree(degree: Any) -> int:
    value = read_degree(degree, 1)
    if value > HIGHEST:
        raise ArgumentError(f"degree must be at most {HIGHEST}; got {shown(value)}")
    return value


def _extension(extension: Any) -> float:
    value = number("extension", extension)
    if not 2.0 <= value <= _LARGEST_EXTENSION:
        raise ArgumentError(
            "extension must be from 2 (the interval is half of the period, as OpenFHE wants it) to "
            f"{_LARGEST_EXTENSION:g}; got {shown(extension)}"
        )
    return value


def _largest(largest: Any) -> float:
    value = number("largest", largest)
    if not _LIMITS[0] <= value <= _LIMITS[1]:
        raise ArgumentError(
            f"largest must be from 2^-4 to 2^12, in units of the function; got {shown(largest)}"
        )
    return value
