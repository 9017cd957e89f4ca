"""|x| and its disguises by circuits: the fewest multiplications of all."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from math import nextafter
from typing import Any

from ..approximation import Approximation
from ..cache import remembered
from ..circuits.library import shipped_circuits
from ..circuits.plan import FUNCTIONS, circuit_plan
from ..circuits.shape import Circuit
from ..errors import ArgumentError
from ..numbers import ZERO, exact, negate
from ..proof.prove import certified
from ..provenance import Provenance
from ..structures import TWO_ARGUMENTS
from .arguments import read_choice, read_interval
from .limits import too_few
from .request import Request, read_request


def fewest(request: Request) -> int | None:
    """The fewest multiplications of a shipped circuit that meets the request (None: none does).

    A forecast from the bounds proven on [-1, 1]; each approximation is proven for its interval.
    """
    if not request.offset:
        return None
    for m, one in shipped_circuits().items():
        if one.bound / 2 <= request.unit_error:
            return m
    return None


def from_circuit(request: Request) -> Approximation:
    """The circuit with the fewest multiplications whose proven error is within the tolerance.

    Raises
    ------
    ArgumentError
        If no shipped circuit is as precise, or r(0) = 0 is wanted.
    """
    if not request.offset:
        raise ArgumentError(
            "structure='circuit' has r(0) ≠ 0; use offset=True or structure='composite'"
        )
    least = fewest(request)
    for m, one in shipped_circuits().items():
        if least is not None and m >= least:
            result = _build(request, one.circuit, one.estimate)
            if request.meets(result):
                return result
    best = list(shipped_circuits().values())[-1]
    raise ArgumentError(
        f"structure='circuit' reaches a precision of 2^-{best.bits:.2f} with "
        f"{best.circuit.multiplications} multiplications; ask for less, or use "
        "structure='composite'"
    )


def _build(request: Request, circuit: Circuit, unit_estimate: float) -> Approximation:
    if request.function in TWO_ARGUMENTS:
        request = replace(request, interval=_with_float_width(*request.interval))
    width = request.half_width
    plan = circuit_plan(circuit, request.function, width)
    estimate = unit_estimate / 2 * width * request.share
    return certified(request.approximation("circuit", (), plan, estimate))


def _with_float_width(low: float, high: float) -> tuple[float, float]:
    """The interval, widened by a rounding until its width is a float: the proof needs it."""
    width = high - low
    while Fraction(high) - Fraction(low) != Fraction(width):
        if Fraction(width) < Fraction(high) - Fraction(low):
            width = nextafter(width, float("inf"))
        if abs(low) <= abs(high):  # the end with the finer spacing is the one that is moved
            low = _below(Fraction(high) - Fraction(width))
        else:
            high = -_below(-(Fraction(low) + Fraction(width)))
        width = high - low
    return low, high


def _below(value: Fraction) -> float:
    """Largest float not above a rational number."""
    number = float(value)
    return number if Fraction(number) <= value else nextafter(number, float("-inf"))


def of_multiplications(
    multiplications: int,
    function: str,
    precision: Any,
    tolerance: Any,
    interval: Any,
    structure: Any,
    *others: Any,
) -> Approximation:
    """The circuit that meets a request with at most so many multiplications.

    Raises
    ------
    ArgumentError
        If that is impossible (the message says why), or no shipped circuit does it.
    """
    if structure not in ("auto", "circuit"):
        raise ArgumentError(
            f"multiplications={multiplications!r} asks for a circuit, structure={structure!r} for "
            "something else; leave out one of them"
        )
    if precision is None and tolerance is None:
        return circuit(function, multiplications=multiplications, interval=interval)
    read_multiplications(multiplications)
    request = read_request(function, precision, tolerance, interval, "circuit", *others)
    low, high = request.interval
    symmetric = request.half_width if function in TWO_ARGUMENTS else min(-low, high)
    why = None
    if symmetric > 0:  # what is impossible there is impossible on the whole interval
        error = request.unit_error * request.half_width / symmetric
        why = too_few(multiplications, error)
    if why is not None:
        raise ArgumentError(why)
    result = from_circuit(request)
    if result.multiplications > multiplications:
        raise ArgumentError(
            f"the shipped circuits need {result.multiplications} multiplications for this; "
            f"got multiplications={multiplications}: ask for less precision"
        )
    return result


def read_multiplications(multiplications: Any) -> int:
    """A whole number within the shipped circuits."""
    known = shipped_circuits()
    if isinstance(multiplications, bool) or multiplications not in known:
        raise ArgumentError(
            f"multiplications must be a whole number from {min(known)} to {max(known)}; "
            f"got {multiplications!r}"
        )
    return int(multiplications)


@remembered
def circuit(function: str, *, multiplications: int, interval: Any = (-1, 1)) -> Approximation:
    """The most precise shipped circuit of so many multiplications, proven.

    Parameters
    ----------
    function : {"relu", "abs", "maximum", "minimum"}
    multiplications : int
        Ciphertext-ciphertext multiplications; as many levels where the scaling of the input is
        done by the layer before (rule "published"), one more where it stands alone.
    interval : (float, float)

    Returns
    -------
    Approximation
        Of structure "circuit": its plan is all there is.

    Raises
    ------
    ArgumentError
        If there is no such circuit.

    Notes
    -----
    n_i = (n_{i−1} + Σ a_ij n_j)(n_{i−1} + Σ b_ij n_j) with all constants free, fitted to |x|:
    see :mod:`polyapprox.circuits`. No polynomial computed with so few multiplications does much
    better: see :func:`polyapprox.limits`.

    Examples
    --------
    >>> r = circuit("relu", multiplications=5, interval=(-8, 8))
    >>> r.multiplications, r.depth, r.bits > 7.8
    (5, 5, True)
    """
    read_choice("function", function, FUNCTIONS)
    one = shipped_circuits()[read_multiplications(multiplications)]
    low, high = read_interval(interval)
    command = (
        f"polyapprox.circuit({function!r}, multiplications={multiplications}, "
        f"interval=({low!r}, {high!r}))"
    )
    return of_constants(function, one.circuit, one.estimate, (low, high), command)


def of_constants(
    function: str,
    circuit: Circuit,
    unit_estimate: float,
    interval: tuple[float, float],
    command: str,
) -> Approximation:
    """A circuit with a proven error.

    Parameters
    ----------
    function : {"relu", "abs", "maximum", "minimum"}
    circuit : Circuit
        For |x| on [-1, 1].
    unit_estimate : float
        Largest sampled error of |x| there.
    interval : (float, float)
    command : str
        What made the circuit, for the provenance.

    Raises
    ------
    ProofError
        If no bound is found.
    """
    request = Request(
        function, interval, None, "circuit", "balanced", True, None, None, None, command
    )
    return _build(request, circuit, unit_estimate)


def sign_of_constants(
    circuit: Circuit, unit_estimate: float, threshold: float, width: float, command: str
) -> Approximation:
    """An odd circuit for the sign on [-W, -τW] and [τW, W], with a proven error.

    Parameters
    ----------
    circuit : Circuit
        Of the family "odd".
    unit_estimate : float
        Largest sampled error.
    threshold : float
        τ.
    width : float
        W.
    command : str
        What made the circuit, for the provenance.

    Raises
    ------
    ProofError
        If no bound is found.
    """
    low, high = exact(threshold * width), exact(width)
    return certified(
        Approximation(
            function="sign",
            domain=((negate(high), negate(low)), (low, high)),
            structure="circuit",
            components=(),
            plan=circuit_plan(circuit, "sign", width),
            offset=ZERO,
            weight="1",
            error_estimate=unit_estimate,
            certificate=None,
            margins=(),
            provenance=Provenance.of(command),
            threshold=low,
        )
    )
