# SPDX-License-Identifier: Apache-2.0
"""Checking a table: the bound is proven again from the JSON alone.

Nothing that *solves* takes part: no exchange, no search, no recipe. First the plan itself is run
at many points, in search of one where the error is above the claim; then the bound is proven
anew from components and plan, and must not be above the claim either.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace
from pathlib import Path

import mpmath
import numpy as np

from . import outward
from .approximation import Approximation
from .certificate import METHODS, Certificate, Proven
from .errors import FalseClaimError, PolyApproxError, ProofError, TableError
from .functions.kin import KIN
from .given import file_path
from .numbers import ball, exact, fraction
from .precision import one_at_a_time
from .proof.by_sampling import SAMPLING
from .proof.error_function import ErrorFunction, error_function, least_error
from .proof.prove import prove
from .proof.statement import check_statement
from .table import document_of, load, read_document
from .table.decimals import DOUBLE, read
from .table.read import approximation_from

_BITS = 2000
_BOXED = ("sign", *KIN)


@dataclass(frozen=True)
class Verification:
    """What a check found.

    Attributes
    ----------
    function : str
    claimed : float
        Bound stated in the table (absolute).
    bound : float
        Bound proven now, from the table alone (absolute).
    lower : float or None
        Lower bound proven now; None if the table claims none.
    method : str
        How the bound was proven.
    seconds : float
    ok : bool
        True: a claim that is not supported raises.
    """

    function: str
    claimed: float
    bound: float
    lower: float | None
    method: str
    seconds: float
    ok: bool


@one_at_a_time
def verify(table: str | Path | Approximation) -> Verification:
    """Prove the bound of a table again, without any solver.

    Parameters
    ----------
    table : str, Path or Approximation
        A file, or a value (which is first written as a table and read back).

    Returns
    -------
    Verification

    Raises
    ------
    TableError
        If the file is damaged or no table.
    FalseClaimError
        If the bound claimed is not supported.
    ProofError
        If nothing is claimed.

    Examples
    --------
    >>> import polyapprox
    >>> verify(polyapprox.minimax("exp", 5)).ok
    True
    """
    start = time.perf_counter()
    former = False
    if isinstance(table, Approximation):
        approximation = approximation_from(document_of(table))
    else:
        path = file_path("table", table)
        approximation = load(path)
        former = read_document(path)["version"] == 1
    claimed = claim_of(approximation)
    reference = stored_reference(approximation)
    try:
        check_statement(approximation)
        _search_counterexample(error_function(approximation), claimed.upper)
        found = _proven(approximation, claimed, reference)
    except FalseClaimError:
        raise
    except ProofError as error:
        raise FalseClaimError(str(error)) from error
    except (PolyApproxError, ValueError, ArithmeticError, TypeError) as error:
        raise FalseClaimError(f"the claim of the table cannot be proven again: {error}") from error
    result = supported(approximation, found, start)
    lower = _checked_lower(claimed, found)
    _check_method(approximation, claimed.method, found.method, former)
    return replace(result, lower=lower)


def claim_of(value: Proven) -> Certificate:
    """What a table claims.

    Raises
    ------
    ProofError
        If nothing.
    """
    if value.certificate is None:
        raise ProofError(
            f"the table of {value.function!r} claims no bound, only an estimate: there is nothing to "
            "verify"
        )
    return value.certificate


def supported(value: Proven, found: Certificate, start: float) -> Verification:
    """What a check found that began at `start`, on the clock; FalseClaimError if less is proven than claimed."""
    claimed = claim_of(value).upper
    if not at_most(found.upper, claimed):
        raise FalseClaimError(
            f"the table claims an error of at most {outward.upper(claimed, 12)}, but no more "
            f"than {outward.upper(found.upper, 12)} can be proven"
        )
    return Verification(
        function=value.function,
        claimed=outward.float_up(claimed),
        bound=outward.float_up(found.upper),
        lower=None,
        method=found.method,
        seconds=time.perf_counter() - start,
        ok=True,
    )


def at_most(value: mpmath.mpf, limit: mpmath.mpf) -> bool:
    """value <= limit · (1 + 10⁻⁹), exactly."""
    return fraction(value) <= fraction(limit) * (10**9 + 1) / 10**9


def _search_counterexample(error: ErrorFunction, claimed: mpmath.mpf) -> None:
    points = np.concatenate(
        [_points(outward.above(a), outward.below(b)) for a, b in error.intervals]
    )
    with np.errstate(all="ignore"):
        sizes = np.abs(error.floats(points))
    sizes[~np.isfinite(sizes)] = np.inf
    largest = points[np.argsort(sizes)[-8:]]
    some = np.random.default_rng(20260101).choice(points, min(24, points.size), replace=False)
    for x in [*largest[::-1], *some]:
        at_least = least_error(error, float(x), _BITS)
        if at_least > ball(claimed):
            raise FalseClaimError(
                f"the table claims an error of at most {outward.upper(claimed)}, but at "
                f"x={float(x)!r} it is larger",
                {"x": float(x), "error": outward.float_down(exact(at_least))},
            )


def _points(low: float, high: float) -> np.ndarray:
    """Points of an interval, denser towards 0 and towards its ends."""
    angles = np.linspace(0, np.pi, 2001)
    near = np.geomspace(1e-12, 1, 1000) * max(abs(low), abs(high))
    points = np.concatenate(
        [np.linspace(low, high, 2001), low + (high - low) * np.sin(angles / 2) ** 2, near, -near]
    )
    return np.unique(points[(points >= low) & (points <= high)])


def _proven(
    approximation: Approximation, claimed: Certificate, reference: tuple[mpmath.mpf, ...]
) -> Certificate:
    """A new certificate; the estimate of the table is only a hint, and used only if plausible."""
    if not _plausible(approximation, claimed):
        approximation = replace(approximation, error_estimate=float(claimed.upper))
    return prove(replace(approximation, certificate=None), reference)


def _plausible(approximation: Approximation, claimed: Certificate) -> bool:
    upper = float(claimed.upper)
    return upper / 4 <= approximation.error_estimate <= upper


def stored_reference(approximation: Approximation) -> tuple[mpmath.mpf, ...]:
    """Points of alternation stored in the table (none if it holds none that can be read)."""
    certificate = approximation.certificate
    stored = certificate.details.get("reference") if certificate else None
    if not isinstance(stored, list):
        return ()
    try:
        return tuple(_point(text) for text in stored)
    except TableError as error:
        raise TableError(f"a stored point of alternation cannot be read: {error}") from None


def _point(text: object) -> mpmath.mpf:
    """Up to 17 digits are a double; a longer one is read with all the bits its digits hold."""
    digits = sum(character.isdigit() for character in str(text).partition("e")[0].lstrip("-0."))
    return read(text, DOUBLE if digits <= 17 else max(DOUBLE, int(digits / math.log10(2))))


def _checked_lower(claimed: Certificate, found: Certificate) -> float | None:
    if claimed.lower is None:
        return None
    same = found.lower is not None and found.lower_for == claimed.lower_for
    if same and found.lower is not None and at_most(claimed.lower, found.lower):
        return outward.float_down(found.lower)
    proven = (
        f"no lower bound can be proven ({found.lower_for})"
        if found.lower is None
        else f"only {outward.lower(found.lower, 12)} for {found.lower_for} can be proven"
    )
    raise FalseClaimError(
        f"the table claims that {claimed.lower_for} has an error of at least "
        f"{outward.lower(claimed.lower, 12)}, but {proven}"
    )


def _check_method(approximation: Approximation, claimed: str, found: str, former: bool) -> None:
    """A method is what was done; circuits of |x| and the sign may come by the proof over a box.

    Tables of version 1 said so of long circuits for |x| on [-1, 1] too, which had another proof.
    """
    a = approximation
    unit = a.function == "abs" and a.domain == a.covered == ((exact(-1), exact(1)),)
    boxed = a.structure == "circuit" and a.function in _BOXED and (former or not unit)
    if claimed == found or (boxed and claimed == SAMPLING):
        return
    if a.certificate and not _plausible(a, a.certificate) and claimed in METHODS:
        return
    raise FalseClaimError(
        f"the table says that its bound was proven by {claimed!r}, but the proof is by {found!r}"
    )
