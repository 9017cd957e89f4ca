"""`relu`, `abs`, `maximum`, `minimum`: everything that is |x| in disguise."""

from __future__ import annotations

from typing import Any

from ..approximation import Approximation
from ..cache import remembered
from ..errors import ArgumentError
from ..precision import one_at_a_time
from ..structures import TWO_ARGUMENTS
from .choice import cheapest
from .circuits import circuit, from_circuit
from .composites import composite
from .direct import direct, linear
from .guard import DEFAULT_GUARD
from .request import Preference, Structure, Where, read_limit, read_request


@one_at_a_time
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
    levels: int | None = None,
    backend: Where = None,
    guard: float = DEFAULT_GUARD,
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
        cheapest of them.
    objective : {"balanced", "levels", "multiplications", "latency"}
        What "cheapest" means: "balanced" weighs a level as two multiplications and a product with
        a constant as a hundredth of one; "latency" is the time forecast for `backend`; "depth" is
        another word for "levels".
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
    multiplications, levels : int, optional
        At most so many (rule "published"): with a precision or tolerance, or alone for the most
        precise circuit.
    backend : str, Path or LatencyModel, optional
        Where it will run, for the latency: a framework's name for the times shipped with the
        package ("openfhe" by default), or what ``polyapprox calibrate`` measured, or its file.
    guard : float
        Inputs may leave the interval by so much of B, and what the stages of a composite hand on
        may be off by so much (relative): it is made and proven for that too. 0: for neither.

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
        "relu", precision, tolerance, interval, structure, objective, degrees, offset, refine,
        threshold, multiplications, levels, backend, guard,
    )  # fmt: skip


@one_at_a_time
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
    levels: int | None = None,
    backend: Where = None,
    guard: float = DEFAULT_GUARD,
) -> Approximation:
    """|x| with a proven error; parameters as for :func:`relu`.

    Examples
    --------
    >>> absolute(precision=2**-7).error_bound <= 2**-7
    True
    """
    return _make(
        "abs", precision, tolerance, interval, structure, objective, degrees, offset, refine,
        threshold, multiplications, levels, backend, guard,
    )  # fmt: skip


@one_at_a_time
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
    levels: int | None = None,
    backend: Where = None,
    guard: float = DEFAULT_GUARD,
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
        "maximum", precision, tolerance, interval, structure, objective, degrees, offset, refine,
        threshold, multiplications, levels, backend, guard,
    )  # fmt: skip


@one_at_a_time
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
    levels: int | None = None,
    backend: Where = None,
    guard: float = DEFAULT_GUARD,
) -> Approximation:
    """min(a, b) for a and b in the interval, proven; parameters as for :func:`relu`.

    Examples
    --------
    >>> m = minimum(precision=2**-6)
    >>> bool(abs(m(0.25, -0.5) + 0.5) <= m.error_bound)
    True
    """
    return _make(
        "minimum", precision, tolerance, interval, structure, objective, degrees, offset, refine,
        threshold, multiplications, levels, backend, guard,
    )  # fmt: skip


def _make(
    function: str,
    precision: Any,
    tolerance: Any,
    interval: Any,
    structure: Any,
    objective: Any,
    degrees: Any,
    offset: Any,
    refine: Any,
    threshold: Any,
    multiplications: Any,
    levels: Any,
    backend: Where,
    guard: Any,
) -> Approximation:
    limits = multiplications, levels
    if precision is tolerance is degrees is None and any(limit is not None for limit in limits):
        return _most_precise(function, interval, structure, *limits, guard)
    request = read_request(
        function, precision, tolerance, interval, structure, objective, degrees, offset, refine,
        threshold, multiplications, levels, backend, guard,
    )  # fmt: skip
    low, high = request.interval
    if request.degrees is not None:
        return composite(request)
    if function not in TWO_ARGUMENTS and (low >= 0 or high <= 0):
        return linear(request)
    plain = request.objective != "latency" and limits == (None, None)
    if plain and request.structure == "composite":
        return composite(request)
    if plain and request.structure == "direct":
        return direct(request)
    if plain and request.structure == "circuit":
        return from_circuit(request)
    return cheapest(request)


def _most_precise(
    function: str, interval: Any, structure: Any, multiplications: Any, levels: Any, guard: Any
) -> Approximation:
    """The most precise circuit within the limits."""
    if structure not in ("auto", "circuit"):
        raise ArgumentError(
            f"structure={structure!r} needs a precision, a tolerance or degrees; only circuits "
            "can be had by multiplications or levels alone"
        )
    most = [read_limit("multiplications", multiplications)]
    within = read_limit("levels", levels)
    most.append(within if within is None or function not in TWO_ARGUMENTS else within - 1)
    least = min(m for m in most if m is not None)
    return circuit(function, multiplications=least, interval=interval, guard=guard)
