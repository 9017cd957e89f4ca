"""`polyapprox.minimax`: the best polynomial for any function, proven."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath

from ..approximation import Approximation
from ..errors import ArgumentError, NotConvergedError
from ..numbers import ZERO, exact
from ..polynomial import Parity
from ..proof.prove import certified
from ..provenance import Provenance
from ..remez.solve import MinimaxPolynomial, estimated_level, solve_minimax
from ..targets import Target, as_target, check_domain
from .arguments import Interval, read_degree, read_domain, read_tolerance
from .plans import polynomial_plan

_HIGHEST_DEGREE = 2000


def minimax(
    function: str | Callable[[Any], Any] | Target,
    degree: int | None = None,
    *,
    precision: float | None = None,
    tolerance: float | None = None,
    domain: Any = (-1, 1),
    weight: str | Callable[[Any], Any] | Target | None = None,
    relative: bool = False,
    parity: Parity | None = None,
    bits: int | None = None,
) -> Approximation:
    """The polynomial with the smallest largest error.

    Parameters
    ----------
    function : str or callable
        A name ("exp", "gelu", …), an expression ("exp(-x)/(1+x**2)"), a function of python-flint
        balls (proven like the rest) or any other function of floats (a black box: the result has
        an estimate and no bound).
    degree : int, optional
        Degree; or give `precision` or `tolerance` and the smallest degree that does it is found.
    precision : float, optional
        Error on the domain scaled to [-1, 1].
    tolerance : float, optional
        Absolute (weighted) error.
    domain : (float, float) or list of them
        An interval, or disjoint ascending intervals.
    weight : str or callable, optional
        Positive weight w of the error w · |f − p|.
    relative : bool
        Weight 1/|f|: the relative error.
    parity : {"even", "odd"}, optional
        Structural parity; found automatically on symmetric domains.
    bits : int, optional
        Bits of the coefficients; by default as many as keep their rounding below the error.

    Returns
    -------
    Approximation

    Raises
    ------
    ArgumentError, DomainError, ExpressionError, NotConvergedError, ProofError

    References
    ----------
    Pachón and Trefethen, BIT 49 (2009), 721, doi:10.1007/s10543-009-0240-1.

    Examples
    --------
    >>> p = minimax("exp", 5)
    >>> f"{p.error_bound:.4g}"
    '4.523e-05'
    """
    target = as_target(function)
    parts = read_domain(domain)
    check_domain(target, parts)
    scale = max(abs(parts[0][0]), abs(parts[-1][1]))
    weighting = _weight(target, weight, relative)
    if parity not in (None, "even", "odd"):
        raise ArgumentError(f"parity must be 'even', 'odd' or None; got {parity!r}")
    parity = parity or _natural_parity(target, weighting, parts)
    if (degree is None) == (precision is None and tolerance is None):
        raise ArgumentError("give either degree, or one of precision and tolerance")
    wanted = None
    if degree is None:
        wanted = read_tolerance(precision, tolerance, scale)
        degree = _search_degree(target, wanted, parts, weighting, parity)
    degree = read_degree(degree)
    if parity == "odd" and degree == 0:
        parity = None
    while True:
        found = solve_minimax(target, degree, parts, weighting, parity, bits)
        result = polynomial_approximation(target, found, parts, weighting, _command(target, degree))
        if wanted is None or result.certificate is None or result.certificate.upper <= wanted:
            return result
        degree += 1 if parity is None else 2


def _command(target: Target, degree: int) -> str:
    return f"polyapprox.minimax({target.name!r}, {degree})"


def _weight(target: Target, weight: Any, relative: bool) -> Target | None:
    if relative and weight is not None:
        raise ArgumentError("give either weight or relative=True, not both")
    if relative:
        return as_target(f"1/abs({target.name})" if "x" in target.name else f"1/abs({target.name}(x))")
    return None if weight is None else as_target(weight)


def _natural_parity(
    target: Target, weight: Target | None, domain: tuple[Interval, ...]
) -> Parity | None:
    mirrored = tuple((-b, -a) for a, b in reversed(domain))
    if mirrored != domain or (weight is not None and weight.parity() != "even"):
        return None
    return target.parity()


def _search_degree(
    target: Target,
    wanted: float,
    domain: tuple[Interval, ...],
    weight: Target | None,
    parity: Parity | None,
) -> int:
    first, step = {"even": (0, 2), "odd": (1, 2)}.get(parity or "", (0, 1))

    def good(index: int) -> bool:
        level = estimated_level(target, first + step * index, domain, weight, parity)
        return level.largest <= wanted

    high = 1
    while not good(high):
        high *= 2
        if first + step * high > _HIGHEST_DEGREE:
            raise NotConvergedError(
                f"{target.name!r} needs a degree above {_HIGHEST_DEGREE} for an error of {wanted:.3g}; "
                "ask for less, shorten the domain or use a composite"
            )
    low = high // 2 if high > 1 else -1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if good(middle) else (middle, high)
    return first + step * high


def polynomial_approximation(
    target: Target,
    found: MinimaxPolynomial,
    domain: tuple[Interval, ...],
    weight: Target | None,
    command: str,
) -> Approximation:
    """Wrap a solved polynomial, and prove it where the function can be enclosed."""
    intervals = tuple((exact(a), exact(b)) for a, b in domain)
    result = Approximation(
        function=target.name,
        domain=intervals,
        structure="polynomial",
        components=(found.polynomial,),
        plan=polynomial_plan(found.polynomial),
        offset=ZERO,
        weight="1" if weight is None else weight.name,
        error_estimate=float(found.estimate),
        certificate=None,
        margins=(),
        provenance=Provenance.of(command),
    )
    provable = target.provable and (weight is None or weight.provable)
    if not provable:
        return result
    return certified(result, _inside(found.reference, domain), target, weight)


def _inside(
    reference: tuple[mpmath.mpf, ...], domain: tuple[Interval, ...]
) -> tuple[mpmath.mpf, ...]:
    return tuple(x for x in reference if any(a <= x <= b for a, b in domain))
