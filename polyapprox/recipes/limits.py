# SPDX-License-Identifier: Apache-2.0
"""What no circuit can do: proven limits of multiplications, levels and degree."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..circuits.library import shipped_circuits
from ..circuits.lower import COMPUTED, HIGHEST, absolute_lower_bound
from ..circuits.plan import FUNCTIONS, circuit_plan
from ..functions.kin import KIN, inputs_of
from ..outward import lower
from ..plan import count
from ..precision import one_at_a_time
from .arguments import read_choice, read_composite_tolerance
from .direct import BERNSTEIN

_BERNSTEIN = 0.10355339  # n E_n(|x|) is proven to be larger at every even n


@dataclass(frozen=True)
class Limits:
    """The least that any polynomial program needs, proven.

    Attributes
    ----------
    function : str
    precision : float
        Error on the interval scaled to [-1, 1].
    degree : int
        No polynomial of a lower degree is so precise (proven).
    multiplications : int
        No plan with fewer ciphertext-ciphertext multiplications is so precise (proven).
    levels : int
        No plan with fewer levels is so precise (proven), under either counting rule.
    estimate : int
        Multiplications by the limit 0.28017/n: an estimate where it is above `multiplications`,
        as it may be for degrees above 2^18.
    known : int or None
        Multiplications of the shipped circuit that does it (None: there is none).
    known_levels : tuple of int, or None
        Its levels: with the scaling of the input folded into the layer before (rule "published"),
        and standing alone (rule "standalone").
    reason : str
        Why, in one sentence.
    """

    function: str
    precision: float
    degree: int
    multiplications: int
    levels: int
    estimate: int
    known: int | None
    known_levels: tuple[int, int] | None
    reason: str


@one_at_a_time
def limits(function: str, *, precision: float) -> Limits:
    """The fewest multiplications and levels with which a precision is possible at all.

    Parameters
    ----------
    function : {"relu", "abs", "maximum", "minimum"}
    precision : float
        Error on the interval scaled to [-1, 1] (both arguments in [-1, 1] for maximum, minimum).

    Returns
    -------
    Limits

    Raises
    ------
    ArgumentError

    Notes
    -----
    m multiplications make a polynomial of degree at most 2^m, and so do m levels. How near a
    polynomial of degree n can come to |x| is bounded from below by its alternation points (de la
    Vallée Poussin), to all digits that matter, for n up to 2^15 and at 2^16, 2^17 and 2^18; at
    other degrees by Bernstein's (√2 − 1)/(4 (n − 1)), 1.4 bits weaker (Acta Math. 37 (1913), 1).
    The error of ReLU is half of that; on the diagonal b = −a the maximum of two arguments is |a|.

    Examples
    --------
    >>> found = limits("relu", precision=2**-9)
    >>> found.multiplications, found.levels, found.degree
    (7, 7, 72)
    """
    read_choice("function", function, FUNCTIONS)
    wanted = read_composite_tolerance(precision, None, 1.0)
    share = int(1 / (KIN[function].share * KIN[function].inputs))
    degree = least_degree(share * wanted)
    multiplications = max(degree - 1, 0).bit_length()
    estimate = multiplications
    if degree > HIGHEST:
        estimate = max(multiplications, math.ceil(math.log2(BERNSTEIN / (share * wanted))))
    known = next(
        (m for m, one in shipped_circuits().items() if one.bound <= share * wanted), None
    )
    return Limits(
        function=function,
        precision=wanted,
        degree=degree,
        multiplications=multiplications,
        levels=multiplications,
        estimate=estimate,
        known=known,
        known_levels=None if known is None else _levels(function, known),
        reason=_reason(share * wanted / 2, degree, multiplications),
    )


def _levels(function: str, multiplications: int) -> tuple[int, int]:
    circuit = shipped_circuits()[multiplications].circuit
    plan = circuit_plan(circuit, function, 2.0 if inputs_of(function) == 2 else 1.0)
    return count(plan).levels, count(plan, "standalone").levels


def _reason(unit_error: float, degree: int, multiplications: int) -> str:
    return (
        "m multiplications, and m levels, make a polynomial of degree at most 2^m, and a ReLU "
        f"error of 2^{lower(math.log2(unit_error), 4)} on [-1, 1] needs the degree {degree}, so m is at "
        f"least {multiplications}"
    )


def least_degree(error: float) -> int:
    """No polynomial of a lower degree is so near to |x| on [-1, 1]: proven."""
    if error >= 0.5:
        return 0
    if error >= 0.125:
        return 2
    degree = max(4, 2 * math.ceil(BERNSTEIN / error / 2) + 2)
    if degree > HIGHEST + 2:
        known = [n for n in (HIGHEST, *COMPUTED) if float(absolute_lower_bound(n)) > error]
        if known:  # between and beyond these, Bernstein's bound is all there is
            return max(known[-1] + 2, 2 * int(_BERNSTEIN / error / 2))
        degree = HIGHEST
    while degree > 2 and float(absolute_lower_bound(degree - 2)) <= error:
        degree -= 2
    return degree


def too_few(limit: int, unit_error: float, name: str = "multiplications") -> str | None:
    """Why a ReLU error on [-1, 1] is out of reach; None if nothing forbids it.

    Parameters
    ----------
    limit : int
        So many at most.
    unit_error : float
    name : {"multiplications", "levels"}
        Of what.
    """
    degree = least_degree(2 * unit_error)
    least = max(degree - 1, 0).bit_length()
    if limit >= least:
        return None
    return f"{name}={limit} cannot do this: {_reason(unit_error, degree, least)}"
