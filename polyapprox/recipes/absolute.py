"""`relu`, `abs`, `maximum`, `minimum`: everything that is |x| in disguise."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, Literal

import mpmath

from ..approximation import Approximation
from ..composite.relu_search import search_relu
from ..composite.threshold import at_threshold, best_threshold, double_composite
from ..errors import ArgumentError
from ..numbers import ZERO, exact
from ..plan.chebyshev import chebyshev_cost
from ..polynomial import Polynomial
from ..proof.prove import certified
from ..provenance import Provenance
from ..remez.solve import solve_minimax
from ..targets import as_target
from .arguments import read_degrees, read_interval, read_tolerance
from .plans import composite_plan, polynomial_plan, two_argument_direct_plan

Structure = Literal["auto", "direct", "composite"]
Objective = Literal["balanced", "depth", "multiplications"]
_HIGHEST_DIRECT = 1200
_BERNSTEIN = 0.28017  # 2n E_2n(|x|) tends to this: Varga and Carpenter, Constr. Approx. 1 (1985), 333


@dataclass(frozen=True)
class _Request:
    function: str
    interval: tuple[float, float]
    half_width: float
    tolerance: float | None
    offset: bool
    objective: Objective
    command: str

    @property
    def share(self) -> int:
        """|x| errs by B·share times the ReLU error on [-1, 1]: 1 for ReLU, max, min; 2 for |x|."""
        return 2 if self.function == "abs" else 1

    @property
    def unit_error(self) -> float:
        """Wanted ReLU error on [-1, 1]."""
        return (self.tolerance or 0.0) / (self.half_width * self.share)


def relu(
    *,
    precision: float | None = None,
    tolerance: float | None = None,
    interval: Any = (-1, 1),
    structure: Structure = "auto",
    objective: Objective = "balanced",
    degrees: Any = None,
    offset: bool = True,
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
    structure : {"auto", "direct", "composite"}
        "direct": x/2 plus one even minimax polynomial for abs(x)/2; "composite":
        x (1 + s(x))/2 with s a composite sign; "auto": the cheaper one.
    objective : {"balanced", "depth", "multiplications"}
        What "cheaper" means; "balanced" is the sum of depth and multiplications.
    degrees : list of int, optional
        Fixed odd degrees of the composite, innermost first.
    offset : bool
        Whether a constant may be added (halves the error of the dead zone; r(0) is then the
        constant). ``offset=False`` keeps r(0) = 0 and implies a composite.

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
    return _make("relu", precision, tolerance, interval, structure, objective, degrees, offset)


def absolute(
    *,
    precision: float | None = None,
    tolerance: float | None = None,
    interval: Any = (-1, 1),
    structure: Structure = "auto",
    objective: Objective = "balanced",
    degrees: Any = None,
    offset: bool = True,
) -> Approximation:
    """|x| with a proven error; parameters as for :func:`relu`."""
    return _make("abs", precision, tolerance, interval, structure, objective, degrees, offset)


def maximum(
    *,
    precision: float | None = None,
    tolerance: float | None = None,
    interval: Any = (-1, 1),
    structure: Structure = "auto",
    objective: Objective = "balanced",
    degrees: Any = None,
    offset: bool = True,
) -> Approximation:
    """max(a, b) for a and b in the interval, proven; parameters as for :func:`relu`."""
    return _make("maximum", precision, tolerance, interval, structure, objective, degrees, offset)


def minimum(
    *,
    precision: float | None = None,
    tolerance: float | None = None,
    interval: Any = (-1, 1),
    structure: Structure = "auto",
    objective: Objective = "balanced",
    degrees: Any = None,
    offset: bool = True,
) -> Approximation:
    """min(a, b) for a and b in the interval, proven; parameters as for :func:`relu`."""
    return _make("minimum", precision, tolerance, interval, structure, objective, degrees, offset)


def _make(
    function: str,
    precision: Any,
    tolerance: Any,
    interval: Any,
    structure: str,
    objective: Any,
    degrees: Any,
    offset: bool,
) -> Approximation:
    low, high = read_interval(interval)
    scale = max(abs(low), abs(high))
    if structure not in ("auto", "direct", "composite"):
        raise ArgumentError(
            f"structure must be 'auto', 'direct' or 'composite'; got {structure!r}"
        )
    if objective not in ("balanced", "depth", "multiplications"):
        raise ArgumentError(
            f"objective must be 'balanced', 'depth' or 'multiplications'; got {objective!r}"
        )
    two = function in ("maximum", "minimum")
    half_width = (high - low) if two else scale
    arguments = f"interval=({low!r}, {high!r}), structure={structure!r}, offset={offset}"
    if degrees is not None:
        if precision is not None or tolerance is not None:
            raise ArgumentError("give degrees, or one of precision and tolerance, not both")
        chosen = read_degrees(degrees)
        command = f"polyapprox.{function}(degrees={chosen}, {arguments})"
        request = _Request(function, (low, high), half_width, None, offset, objective, command)
        return _composite(request, chosen)
    wanted = read_tolerance(precision, tolerance, scale)
    command = f"polyapprox.{function}(tolerance={wanted!r}, objective={objective!r}, {arguments})"
    request = _Request(function, (low, high), half_width, wanted, offset, objective, command)
    if request.unit_error >= 0.24:
        request = replace(request, tolerance=0.24 * half_width * request.share)
    return _cheapest(request, structure)


def _cheapest(request: _Request, structure: str) -> Approximation:
    direct = None
    if structure != "composite" and request.offset:
        degree = _direct_degree(request.unit_error)
        if degree <= _HIGHEST_DIRECT:
            direct = degree
    if structure == "direct":
        if direct is None:
            raise ArgumentError(
                "structure='direct' needs offset=True and a precision that degree "
                f"{_HIGHEST_DIRECT} reaches (about 2^-13); use structure='composite'"
            )
        return _direct(request, direct)
    choice = search_relu(request.unit_error, request.objective, offset=request.offset)
    if direct is not None:
        cost = chebyshev_cost(direct, "even")
        if _preference(request.objective, *cost) <= _preference(
            request.objective, choice.multiplications, choice.depth
        ):
            return _direct(request, direct)
    return _composite_within(request, choice.degrees)


def _preference(objective: str, multiplications: int, depth: int) -> tuple[int, int]:
    if objective == "depth":
        return depth, multiplications
    if objective == "multiplications":
        return multiplications, depth
    return depth + multiplications, depth


def _direct_degree(unit_error: float) -> int:
    """An even degree whose |x| error is near 2 · unit_error (corrected later by proof)."""
    if unit_error >= 1 / 16:
        return 2
    return max(2, 2 * math.ceil(_BERNSTEIN / (2 * unit_error) / 2))


def _direct(request: _Request, degree: int) -> Approximation:
    while True:
        result = _direct_at(request, degree)
        if request.tolerance is None or result.error_bound <= request.tolerance:
            return result
        degree += 2


def _direct_at(request: _Request, degree: int) -> Approximation:
    width = request.half_width
    found = solve_minimax(as_target("abs"), degree, ((-width, width),), None, "even", None)
    polynomial = found.polynomial
    half = 1 if request.function == "abs" else 2
    coefficients = [c / half for c in _exactly_halved(polynomial.coefficients, half)]
    parity = polynomial.parity
    if request.function == "relu":
        coefficients[1] = exact(width / 2)
        parity = None
    component = Polynomial(tuple(coefficients), polynomial.domain, parity)
    two = request.function in ("maximum", "minimum")
    plan = (
        two_argument_direct_plan(request.function, component)
        if two
        else polynomial_plan(component)
    )
    reference = tuple(x for x in found.reference if request.interval[0] <= x <= request.interval[1])
    result = _approximation(
        request, "direct", (component,), plan, ZERO, float(found.level) / half, None
    )
    return certified(result, reference)


def _exactly_halved(values: tuple[mpmath.mpf, ...], half: int) -> list[mpmath.mpf]:
    """The same values, times 1 (exactness of the division by 1 or 2 is the caller's)."""
    del half
    return list(values)


def _composite_within(request: _Request, degrees: tuple[int, ...]) -> Approximation:
    """The composite of these degrees; a stage grows if the proof misses the tolerance by a hair."""
    result = _composite(request, degrees)
    if request.tolerance is None or result.error_bound <= request.tolerance:
        return result
    tighter = search_relu(request.unit_error * 0.985, request.objective, offset=request.offset)
    return _composite(request, tighter.degrees)


def _composite(request: _Request, degrees: tuple[int, ...]) -> Approximation:
    best = best_threshold(degrees, request.offset)
    stages, _ = double_composite(degrees, best.threshold)
    best = at_threshold(degrees, best.threshold, request.offset)
    width = request.half_width
    components = []
    for index, stage in enumerate(stages):
        full = [0.0] * (2 * len(stage))
        full[1::2] = [float(c) for c in stage]
        domain = (-width, width) if index == 0 else (-1.0, 1.0)
        components.append(Polynomial.from_floats(full, domain, "odd"))
    scale = width * request.share
    offset = exact(best.offset * scale)
    plan = composite_plan(request.function, components, offset)
    result = _approximation(
        request, "composite", tuple(components), plan, offset, best.error * scale,
        exact(best.threshold * width),
    )
    return certified(result)


def _approximation(
    request: _Request,
    structure: Literal["direct", "composite"],
    components: tuple[Polynomial, ...],
    plan: Any,
    offset: mpmath.mpf,
    estimate: float,
    threshold: mpmath.mpf | None,
) -> Approximation:
    low, high = request.interval
    return Approximation(
        function=request.function,
        domain=((exact(low), exact(high)),),
        structure=structure,
        components=components,
        plan=plan,
        offset=offset,
        weight="1",
        error_estimate=estimate,
        certificate=None,
        margins=(),
        provenance=Provenance.of(request.command),
        threshold=threshold,
    )
