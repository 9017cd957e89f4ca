"""`relu`, `abs`, `maximum`, `minimum`: everything that is |x| in disguise."""

from __future__ import annotations

from typing import Any

from ..approximation import Approximation
from ..cache import remembered
from ..composite.search import preference
from ..structures import TWO_ARGUMENTS
from .circuits import fewest, from_circuit, of_multiplications
from .composites import choose, composite
from .direct import direct, direct_cost, linear
from .request import Preference, Request, Structure, read_request


@remembered
def relu(
    *,
    precision: float | None = None,
    tolerance: float | None = None,
    interval: Any = (-1, 1),
    structure: Structure = "auto",
    objective: Preference = "balanced",
    degrees: Any = None,
    offset: bool = True,
    refine: bool | None = None,
    threshold: float | None = None,
    multiplications: int | None = None,
) -> Approximation:
    """ReLU, max(x, 0), with a proven error.

    Parameters
    ----------
    precision : float, optional
        Error on the interval scaled to [-1, 1]; the absolute error is B times it, with
        B = max(abs(low), abs(high)).
    tolerance : float, optional
        Absolute error. Give exactly one of precision, tolerance and degrees.
    interval : (float, float)
    structure : {"auto", "direct", "composite", "circuit"}
        "direct": one minimax polynomial, evaluated as x/2 plus an even polynomial for abs(x)/2
        (or as a general one where the interval's asymmetry makes that cheaper); "composite":
        x (1 + s(x))/2 with s a composite sign; "circuit": the fewest multiplications of all,
        about k − 2 at 2^-k, each with many constants (see :func:`polyapprox.circuit`); "auto": the
        cheaper one, circuits not considered where the objective is "balanced".
    objective : {"balanced", "depth", "levels", "multiplications"}
        What "cheaper" means; "balanced" weighs a level as two multiplications, "levels" is
        another word for "depth".
    degrees : list of int, optional
        Fixed odd degrees of the composite, innermost first.
    offset : bool
        Whether a constant may be added (halves the error of the dead zone; r(0) is then the
        constant). ``offset=False`` keeps r(0) = 0 and implies a composite.
    refine : bool, optional
        Whether all coefficients of a composite are refined together for the ReLU error. By
        default refined composites are used where the package ships them; ``True`` refines the
        given degrees now (seconds to minutes), ``False`` keeps to stages that are minimax on the
        image of the stage before, as the published tables are.
    threshold : float, optional
        With `degrees`: from which abs(x)/B on the sign is made to hold; by default the best.
    multiplications : int, optional
        At most so many multiplications (implies a circuit): with a precision or tolerance, or
        alone for the most precise circuit.

    Returns
    -------
    Approximation

    Raises
    ------
    ArgumentError, ProofError

    References
    ----------
    Lee, Lee, No, Kim, IEEE TDSC 19 (2022), 3711, eprint 2020/834; Lee et al., arXiv 2105.10879.

    Examples
    --------
    >>> r = relu(precision=2**-7, interval=(-50, 50))
    >>> r.error_bound <= 50 * 2**-7
    True
    """
    return _make(
        multiplications, "relu", precision, tolerance, interval, structure, objective, degrees,
        offset, refine, threshold,
    )


@remembered
def absolute(
    *,
    precision: float | None = None,
    tolerance: float | None = None,
    interval: Any = (-1, 1),
    structure: Structure = "auto",
    objective: Preference = "balanced",
    degrees: Any = None,
    offset: bool = True,
    refine: bool | None = None,
    threshold: float | None = None,
    multiplications: int | None = None,
) -> Approximation:
    """|x| with a proven error; parameters as for :func:`relu`.

    Examples
    --------
    >>> absolute(precision=2**-7).error_bound <= 2**-7
    True
    """
    return _make(
        multiplications, "abs", precision, tolerance, interval, structure, objective, degrees,
        offset, refine, threshold,
    )


@remembered
def maximum(
    *,
    precision: float | None = None,
    tolerance: float | None = None,
    interval: Any = (-1, 1),
    structure: Structure = "auto",
    objective: Preference = "balanced",
    degrees: Any = None,
    offset: bool = True,
    refine: bool | None = None,
    threshold: float | None = None,
    multiplications: int | None = None,
) -> Approximation:
    """max(a, b) for a and b in the interval, proven; parameters as for :func:`relu`.

    The result takes two arguments; with half the sum of a and b it is |a − b|/2 on an interval
    twice as wide.

    Examples
    --------
    >>> m = maximum(precision=2**-6)
    >>> bool(abs(m(0.25, -0.5) - 0.25) <= m.error_bound)
    True
    """
    return _make(
        multiplications, "maximum", precision, tolerance, interval, structure, objective, degrees,
        offset, refine, threshold,
    )


@remembered
def minimum(
    *,
    precision: float | None = None,
    tolerance: float | None = None,
    interval: Any = (-1, 1),
    structure: Structure = "auto",
    objective: Preference = "balanced",
    degrees: Any = None,
    offset: bool = True,
    refine: bool | None = None,
    threshold: float | None = None,
    multiplications: int | None = None,
) -> Approximation:
    """min(a, b) for a and b in the interval, proven; parameters as for :func:`relu`.

    Examples
    --------
    >>> m = minimum(precision=2**-6)
    >>> bool(abs(m(0.25, -0.5) + 0.5) <= m.error_bound)
    True
    """
    return _make(
        multiplications, "minimum", precision, tolerance, interval, structure, objective, degrees,
        offset, refine, threshold,
    )


def _make(multiplications: int | None, function: str, *arguments: Any) -> Approximation:
    if multiplications is not None:
        return of_multiplications(multiplications, function, *arguments)
    request = read_request(function, *arguments)
    low, high = request.interval
    if request.degrees is None and function not in TWO_ARGUMENTS and (low >= 0 or high <= 0):
        return linear(request)
    if request.degrees is not None or request.structure == "composite":
        return composite(request)
    if request.structure == "direct":
        return direct(request)
    if request.structure == "circuit":
        return from_circuit(request)
    return _cheapest(request)


def _cheapest(request: Request) -> Approximation:
    cost = direct_cost(request) if request.offset else None
    choice = choose(request, limit=cost)
    if choice is not None:
        cost = choice.multiplications, choice.depth
    if request.objective != "balanced":
        least = fewest(request)  # a circuit has as many levels as multiplications
        if least is not None and (cost is None or _beats(request, least, cost)):
            return from_circuit(request)
    return direct(request) if choice is None and cost is not None else composite(request, choice)


def _beats(request: Request, multiplications: int, cost: tuple[int, int]) -> bool:
    own = preference(request.objective, multiplications, multiplications)
    return own < preference(request.objective, *cost)
